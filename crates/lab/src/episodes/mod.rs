//! Answers to the evaluation episodes of a task, in float and on the emulated chip.
//!
//! What `evaluate` and `reproduce` share: reading a model with its parameters and settings,
//! credit per episode on either machine, and the words and numbers of their reports. Episode k of
//! a seed has the same input spikes on both machines, so that differences are paired.

mod chip;
mod report;

pub(crate) use chip::spikes;
pub use report::{ChipRow, ChipUse, Cost};
pub(crate) use report::{chip_lines, interval, percent, rounded, saturations, share, signed};

use crate::error::LabError;
use crate::outcome::Progress;
use crate::prepare::Prepared;
use crate::statistics::Estimate;
use std::path::{Path, PathBuf};
use trifactor_host::task::Task;
use trifactor_host::{Accuracy, Settings, credit, run_episodes};
use trifactor_image::Image;
use trifactor_ir::CheckedNetwork;
use trifactor_model::{Model, Params, load_with};

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

    /// The credit of every episode on a chip with this image, and the states that were clipped.
    pub fn chip_credits(
        &self,
        task: &dyn Task,
        image: &Image,
        what: &str,
    ) -> Result<(Vec<f64>, Vec<(String, u64)>), LabError> {
        let run = chip::run(self, task, image, what)?;
        Ok((run.credits, run.saturations))
    }

    /// The same episodes on the emulated chip, beside the credits in float.
    pub fn chip(
        &self,
        task: &dyn Task,
        prepared: &Prepared,
        float: &[f64],
        what: &str,
    ) -> Result<ChipRow, LabError> {
        let run = chip::run(self, task, &prepared.compiled.image, what)?;
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

/// A fault of a file about a training.
pub(crate) fn fault(path: &Path, message: String) -> LabError {
    LabError::Training { path: path.display().to_string(), message }
}
