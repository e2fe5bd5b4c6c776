//! Runs of a model on every machine, and what they are worth.
//!
//! [`run_model`] loads a model's data, runs its protocol on the emulated chip and in float with
//! the same spikes, scores both, and returns a [`Report`] that can be printed, written as JSON or
//! as files with a picture. [`evaluate()`] measures trained parameters on the evaluation task
//! of their settings; [`reproduce`] does so beside published figures. [`verify`] says whether the
//! chip still does what the float model does, and where not, why. [`prepare()`] does the part
//! before a run: plan and compile for a chip.
//!
//! The crate prints nothing and names no command-line option.

mod baseline;
pub mod bench;
pub mod chips;
pub mod costs;
mod curve;
mod episodes;
mod error;
mod evaluate;
mod few_shot;
mod learning;
mod learning_curve;
mod machine;
mod outcome;
pub mod picture;
mod prepare;
mod probe;
mod record;
mod report;
pub mod reproduce;
mod run;
mod statistics;
mod tables;
mod trial;
pub mod verify;

pub use curve::{CurveReport, Series};
pub use error::LabError;
pub use evaluate::{EvaluateOptions, Evaluation, evaluate};
pub use few_shot::{Accuracy, FewShotReport};
pub use learning::LearningCost;
pub use outcome::{Answer, Counts, Progress, Record, RunResult, Silent, TrialResult};
pub use prepare::{Prepared, find_chip, identity, planned, prepare, requests, without_learning};
pub use probe::{ProbeRecord, Probed};
pub use record::{Recorded, Recording};
pub use report::Report;
pub use statistics::Estimate;
pub use tables::grouped;
pub use trial::{TrialOptions, TrialScript, TrialStep, trial_script};

use std::path::PathBuf;
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_model::Model;
use trifactor_stimulus::{DataFolders, Datasets, Part, ProtocolFault, Sampler, Trials};

/// What a user may choose about a run.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Number of trials; by default the protocol's.
    pub trials: Option<u32>,
    /// Seed of the run; by default the model's.
    pub seed: Option<u32>,
    /// A folder that replaces the model's data; every class in it is a test class.
    pub data: Option<PathBuf>,
    /// Chip by name or path; by default the model's.
    pub chip: Option<String>,
    /// Worker threads; by default all cores. Results do not depend on it.
    pub threads: Option<usize>,
    /// Whether time is kept with every cost preset of the chip, for a report of all causes.
    pub all_presets: bool,
}

/// Runs a model's protocol on chip and in float.
///
/// Errors: see [`LabError`]; nothing has been written anywhere.
pub fn run_model(
    model: &Model,
    options: &RunOptions,
    progress: &dyn Progress,
) -> Result<Report, LabError> {
    run_and_record(model, options, &Recording::default(), progress).map(|(report, _)| report)
}

/// The same, with signals of one trial written to files before the run: a name that is not there
/// is refused at once. `None` where nothing was to be recorded.
///
/// Errors: see [`LabError`]; no file was written then.
pub fn run_and_record(
    model: &Model,
    options: &RunOptions,
    recording: &Recording,
    progress: &dyn Progress,
) -> Result<(Report, Option<Recorded>), LabError> {
    let protocol = model
        .protocol
        .as_ref()
        .ok_or_else(|| LabError::NoProtocol { model: model.network.name.clone() })?;
    let chip = find_chip(options.chip.as_deref().unwrap_or(&model.chip))?;
    let prepared = prepare(model, chip)?;
    let folders = DataFolders {
        model: model.folder.clone(),
        shared: None,
        replacement: options.data.clone(),
    };
    let datasets = Datasets::load(&model.datasets, protocol, &folders)?;
    let part = if options.data.is_some() { Part::All } else { Part::Test };
    let seed = options.seed.unwrap_or_else(|| model.run_seed());
    let trials = Trials::new(protocol, &model.inputs, &datasets, seed, part)
        .map_err(|faults| LabError::Model(protocol_diagnostics(faults)))?;
    let context = few_shot::Context {
        model,
        prepared: &prepared,
        datasets: &datasets,
        trials: &trials,
        n_trials: options.trials.unwrap_or_else(|| trials.default_count()),
        threads: threads(options.threads),
        all_presets: options.all_presets,
        progress,
    };
    let recorded = record::record(&context, recording)?;
    let report = match &protocol.sampler {
        Sampler::FewShot { data, ways, .. } => {
            Report::FewShot(Box::new(few_shot::run_few_shot(&context, data, *ways)?))
        }
        Sampler::Single | Sampler::Sweep { .. } | Sampler::Items { .. } => {
            Report::Curve(Box::new(curve::run_curve(&context)?))
        }
    };
    Ok((report, recorded))
}

/// The threads that were asked for, else one for each processor.
pub fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

fn protocol_diagnostics(faults: Vec<ProtocolFault>) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for fault in faults {
        let mut d =
            Diagnostic::error("M070", fault.message).at(Place::file("model.ron").key(fault.key));
        d.hint = fault.hint;
        diagnostics.push(d);
    }
    diagnostics
}
