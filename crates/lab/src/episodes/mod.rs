//! Answers to the evaluation episodes of a task, in float and on the emulated chip.
//!
//! What `evaluate` and `reproduce` share: reading a model with its parameters and settings,
//! credit per episode on either machine, and the words and numbers of their reports. Episode k of
//! a seed has the same input spikes on both machines, so that differences are paired.

mod chip;
mod report;

pub(crate) use chip::spikes;
pub use report::{ChipRow, ChipUse, Cost};
pub(crate) use report::{chip_lines, interval, percent, rounded, share, signed};

use crate::error::LabError;
use crate::outcome::Progress;
use crate::prepare::Prepared;
use crate::statistics::Estimate;
use chip::ChipLink;
use std::io::Read;
use std::path::{Path, PathBuf};
use trifactor_host::task::Task;
use trifactor_host::{Accuracy, HostError, Settings, credit, run_episodes};
use trifactor_ir::CheckedNetwork;
use trifactor_model::{Model, Params, load_with};

/// More of a file is not read.
const MAX_TEXT: u64 = 16 << 20;

/// A model's parameters and the episodes they are to answer.
pub(crate) struct Exam<'a> {
    pub model: &'a Model,
    pub settings: &'a Settings,
    /// Seed of the episodes.
    pub seed: u32,
    /// Evaluation episodes 0 to this, exclusive.
    pub episodes: u32,
    pub threads: usize,
    pub progress: &'a dyn Progress,
}

impl Exam<'_> {
    /// The credit of every episode in float; `what` is the label of the progress.
    ///
    /// Shape: one number per episode, 1 for a right answer, a share for a tie.
    pub fn float(
        &self,
        network: &CheckedNetwork,
        task: &dyn Task,
        what: &str,
    ) -> Result<Vec<f64>, LabError> {
        let total = u64::from(self.episodes);
        self.progress.tell(what, 0, total);
        let mut credits = Vec::with_capacity(self.episodes as usize);
        let episodes = (self.seed, self.episodes as usize);
        let readout = &self.settings.readout;
        run_episodes(network, readout, task, episodes, self.threads, &mut |batch| {
            credits.extend(batch.logits.iter().zip(&batch.labels).map(|(l, c)| credit(l, *c)));
            self.progress.tell(what, credits.len() as u64, total);
        })?;
        Ok(credits)
    }

    /// The same episodes on the emulated chip, beside the credits in float.
    pub fn chip(
        &self,
        task: &dyn Task,
        prepared: &Prepared,
        float: &[f64],
        what: &str,
    ) -> Result<ChipRow, LabError> {
        let link = ChipLink::new(self, task, prepared)?;
        let run = chip::run(self, task, prepared, &link, what)?;
        Ok(ChipRow {
            accuracy: accuracy(&run.credits),
            difference: Estimate::of_difference(&run.credits, float),
            cost: run.cost,
            saturations: run.saturations,
            missing_costs: run.missing_costs,
            preset: run.preset,
        })
    }
}

/// The accuracy of such credits.
pub(crate) fn accuracy(credits: &[f64]) -> Accuracy {
    Accuracy::from_count(credits.iter().sum(), credits.len())
}

/// The settings of a model folder's `train.ron`.
///
/// Errors: it cannot be read or does not hold settings.
pub(crate) fn settings(folder: &Path) -> Result<Settings, LabError> {
    let path = folder.join("train.ron");
    let mut settings = Settings::parse(&text(&path)?).map_err(|e| match e {
        HostError::Settings { message, .. } => fault(&path, message),
        other => other.into(),
    })?;
    settings.folder = folder.to_owned();
    Ok(settings)
}

/// A model with trained parameters: those of `params`, else the folder's `params.safetensors`.
///
/// Errors: there is no such file, or model or parameters cannot be used.
pub(crate) fn trained(folder: &Path, params: Option<&PathBuf>) -> Result<Model, LabError> {
    let params = params.cloned().unwrap_or_else(|| folder.join("params.safetensors"));
    if !params.is_file() {
        return Err(LabError::NoParams { path: params.display().to_string() });
    }
    Ok(load_with(folder, &Params::File(params))?)
}

/// The threads that were asked for, else one for each processor.
pub(crate) fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The text of a file about a training.
pub(crate) fn text(path: &Path) -> Result<String, LabError> {
    let file = std::fs::File::open(path).map_err(|e| fault(path, e.to_string()))?;
    if !file.metadata().is_ok_and(|m| m.is_file()) {
        return Err(fault(path, "is not a regular file".to_owned()));
    }
    let mut text = String::new();
    file.take(MAX_TEXT + 1).read_to_string(&mut text).map_err(|e| fault(path, e.to_string()))?;
    if text.len() as u64 > MAX_TEXT {
        return Err(fault(path, format!("holds more than {MAX_TEXT} bytes")));
    }
    Ok(text)
}

/// A fault of such a file.
pub(crate) fn fault(path: &Path, message: String) -> LabError {
    LabError::Training { path: path.display().to_string(), message }
}
