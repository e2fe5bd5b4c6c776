//! Does the chip still do what the float model does, and if not, why?
//!
//! [`verify()`] runs a model's own protocol, or the evaluation of its trained parameters, in
//! float, in the fixed reading and on the emulated chip. Some trials are followed step by step:
//! single evaluations beside the bounds that the plan predicts (S61), errors over time with
//! float's spikes and with the reading's own, and the chip against the fixed reading bit for bit.
//! All trials are scored in pairs. What is lost is traced to the formats of single states, and if
//! it is more than the model allows, changes of formats are tried until one cures it.
//!
//! ```no_run
//! use trifactor_lab::Silent;
//! use trifactor_lab::verify::{VerifyOptions, verify};
//! let folder = "firmware-models/pair-stdp".as_ref();
//! let found = verify(folder, &VerifyOptions::default(), &Silent).unwrap();
//! assert!(found.passes());
//! print!("{found}");
//! ```

mod causes;
mod cure;
mod equal;
mod examine;
mod follow;
mod json;
mod local;
mod measure;
mod page;
mod plot;
mod real;
pub(crate) mod script;
mod text;
mod verdict;

pub use causes::{Cause, Causes};
pub use cure::{Attempt, Cure};
pub use equal::{Comparison, Difference, Equality};
pub use follow::{Bucket, Drift, Example, Learnt, SpikeDifference, Spikes};
pub use local::LocalError;
pub use verdict::{Check, Outcome as CheckOutcome};

use crate::curve::Series;
use crate::error::LabError;
use crate::few_shot::Context;
use crate::machine::Populations;
use crate::outcome::Progress;
use crate::prepare::{Prepared, find_chip, prepare};
use crate::statistics::Estimate;
use crate::{protocol_diagnostics, threads};
use script::{Exercise, Source};
use std::path::Path;
use trifactor_diag::Diagnostics;
use trifactor_host::task::distinct;
use trifactor_host::{Link, Settings};
use trifactor_ir::{CheckedNetwork, Group, StateId, StateRole};
use trifactor_model::{Model, Params, load_with};
use trifactor_stimulus::{DataFolders, Datasets, Part, Trials};

/// What a caller may choose.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Trials or episodes that are scored; by default those of the model.
    pub trials: Option<u32>,
    /// Seed; by default that of the protocol or evaluation.
    pub seed: Option<u32>,
    /// Chip by name or path; by default the model's.
    pub chip: Option<String>,
    /// Worker threads; by default all cores. Results do not depend on it.
    pub threads: Option<usize>,
    /// Few trials, one of them followed; causes only where something fails.
    pub quick: bool,
}

/// A place in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct At {
    /// The trial.
    pub trial: u32,
    /// Its step, from 1.
    pub step: u32,
    /// The lane.
    pub lane: u32,
}

/// What a variable is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum VariableKind {
    /// A weight that a rule changes.
    Weight,
    /// Another variable of a synapse.
    Tag,
    /// A trace of spikes.
    Trace,
    /// A modulator.
    Modulator,
    /// The voltage of a neuron.
    Voltage,
    /// The current of a neuron.
    Current,
    /// What arrives at a neuron or modulator in one step.
    Input,
}

impl VariableKind {
    /// The word of tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Tag => "tag",
            Self::Trace => "trace",
            Self::Modulator => "modulator",
            Self::Voltage => "voltage",
            Self::Current => "current",
            Self::Input => "input",
        }
    }
}

/// What a state is; none for spikes, counters and parameters.
fn variable_kind(net: &CheckedNetwork, id: StateId) -> Option<VariableKind> {
    let state = &net.states[id];
    match state.role {
        StateRole::Parameter | StateRole::Spike => return None,
        StateRole::Accumulator => return Some(VariableKind::Input),
        StateRole::Variable => {}
    }
    let (phase, at) = net.setter(id)?;
    let phase = &net.phases[phase];
    match phase.group {
        Group::Plasticity if measure::is_weight(net, id) => Some(VariableKind::Weight),
        Group::Plasticity => Some(VariableKind::Tag),
        Group::Traces => Some(VariableKind::Trace),
        Group::Modulators => Some(VariableKind::Modulator),
        Group::Neurons => match net.kernels[phase.kernel].outputs[at].variable.as_str() {
            "u" => Some(VariableKind::Current),
            "v" => Some(VariableKind::Voltage),
            "psi" => Some(VariableKind::Trace),
            _ => None,
        },
        Group::Deliver => None,
    }
}

/// All errors of one variable. Units: the author's, unless it says otherwise.
#[derive(Clone, PartialEq, Debug)]
pub struct Variable {
    /// Full name.
    pub name: String,
    /// What it is.
    pub kind: VariableKind,
    /// Its format and rounding in words.
    pub format: String,
    /// One unit of its last place.
    pub lsb: f64,
    /// Largest bound of a single evaluation, over all inputs.
    pub predicted: f64,
    /// Single evaluations.
    pub local: LocalError,
    /// Over time, with float's spikes; none for inputs, which live one step.
    pub taught: Option<Drift>,
    /// Over time, with the reading's own spikes.
    pub free: Option<Drift>,
}

/// What rounding does to a parameter or initial value (S62).
#[derive(Clone, PartialEq, Debug)]
pub struct Parameter {
    /// Full name.
    pub name: String,
    /// Its format.
    pub format: String,
    /// Largest error.
    pub max: f64,
    /// The lane of it.
    pub lane: u32,
    /// Root mean square error.
    pub rms: f64,
    /// Largest magnitude of the parameter.
    pub peak: f64,
}

/// What float and chip are compared by over whole trials.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compared {
    /// Right answers.
    Score,
    /// Learnt values at the end, where nothing is scored.
    Learnt,
    /// What the protocol records or reads, where nothing is learnt.
    Recorded,
}

impl Compared {
    /// The words of reports.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Learnt => "learnt values",
            Self::Recorded => "recorded values",
        }
    }
    /// What a loss is counted in.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Score => "points",
            Self::Learnt | Self::Recorded => "%",
        }
    }
}

/// Float and chip over whole trials.
#[derive(Clone, PartialEq, Debug)]
pub struct Performance {
    /// By what they are compared.
    pub kind: Compared,
    /// Share of right answers in float; none where nothing is scored.
    pub float: Option<Estimate>,
    /// On the chip.
    pub chip: Option<Estimate>,
    /// Points that the chip loses, or how far values lie apart in percent of the largest change
    /// that float makes.
    pub loss: Estimate,
    /// What the model allows.
    pub limit: f64,
}

/// What a verification found.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The model's name.
    pub model: String,
    /// The chip's name.
    pub chip: String,
    /// What a trial is called.
    pub unit: &'static str,
    /// Seed of the run.
    pub seed: u32,
    /// Trials that were compared in pairs.
    pub trials: u32,
    /// Trials that were followed step by step.
    pub followed: u32,
    /// Steps of the longest of them.
    pub steps: usize,
    /// Whether this was a quick one.
    pub quick: bool,
    /// The parts of the verdict.
    pub checks: Vec<Check>,
    /// The chip against the fixed reading.
    pub equality: Equality,
    /// Spikes of float and of the fixed reading.
    pub spikes: Spikes,
    /// Spikes that rounding decided in a single step.
    pub flips: u64,
    /// Errors by variable.
    pub variables: Vec<Variable>,
    /// Errors of parameters; those that are exact are left out.
    pub parameters: Vec<Parameter>,
    /// Float against chip over all trials; none where there is nothing to compare.
    pub performance: Option<Performance>,
    /// States that were clipped on the chip, and how often in all trials.
    pub saturations: Vec<(String, u64)>,
    /// What the loss comes from; none where that was not asked or there is nothing to compare.
    pub causes: Option<Causes>,
    /// The search for a cure; none where nothing has to be cured.
    pub cure: Option<Cure>,
    /// Curves of the protocol, float and chip: a pairing curve, right answers, what is recorded.
    pub series: Vec<Series>,
    /// Name of their x axis.
    pub x_label: String,
    /// Values of example lanes over time.
    pub examples: Vec<Example>,
    /// Learnt values at the end of the trials that were followed.
    pub learnt: Vec<Learnt>,
    /// What is worth knowing about the model, its formats and this run.
    pub warnings: Diagnostics,
    /// Remarks about the run.
    pub notes: Vec<String>,
}

impl Verification {
    /// Whether nothing fails. What too few trials leave undecided fails unless the verification
    /// is a quick one.
    pub fn passes(&self) -> bool {
        verdict::passes(&self.checks, self.quick)
    }
}

/// Verifies the model in a folder.
///
/// Errors: the model, its data or its `train.ron` cannot be used, the chip cannot hold it, or
/// there is nothing to run. A model that fails its verification is no error.
pub fn verify(
    folder: &Path,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<Verification, LabError> {
    let model = load_with(folder, &Params::Folder)?;
    let chip = find_chip(options.chip.as_deref().unwrap_or(&model.chip))?;
    let prepared = prepare(&model, chip)?;
    verify_prepared(&model, &prepared, options, progress)
}

/// Verifies a model that was compiled before; the chip is loaded with the image that is given.
///
/// Errors: as [`verify()`], apart from those of compiling.
pub fn verify_prepared(
    model: &Model,
    prepared: &Prepared,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<Verification, LabError> {
    let path = model.folder.join("train.ron");
    let threads = threads(options.threads);
    if let Some(protocol) = &model.protocol {
        let folders = DataFolders { model: model.folder.clone(), shared: None, replacement: None };
        let datasets = Datasets::load(&model.datasets, protocol, &folders)?;
        let seed = options.seed.unwrap_or_else(|| model.run_seed());
        let trials = Trials::new(protocol, &model.inputs, &datasets, seed, Part::Test)
            .map_err(|faults| LabError::Model(protocol_diagnostics(faults)))?;
        let sweep = protocol.sampler.values().len() as u32;
        let fewest = if sweep > 0 { sweep } else { examine::FEWEST_TRIALS };
        let usual = trials.default_count().max(fewest);
        let n_trials = examine::number(model, options, usual, sweep);
        let names: Vec<String> = model.inputs.iter().map(|i| i.name.clone()).collect();
        let exercise = Exercise {
            model,
            populations: Populations::of(&model.network, &names),
            source: Source::Protocol(trials.clone()),
            seed,
            threads,
            progress,
            watched: Vec::new(),
        };
        let context = Context {
            model,
            prepared,
            datasets: &datasets,
            trials: &trials,
            n_trials,
            threads,
            all_presets: false,
            progress,
        };
        return examine::examine(exercise, prepared, options, Some(&context), (n_trials, u32::MAX));
    }
    let settings = path.is_file().then(|| Settings::load(&path, &model.folder)).transpose()?;
    let evaluation = settings.as_ref().and_then(|s| s.evaluation.as_ref());
    let (Some(settings), Some(evaluation)) = (&settings, evaluation) else {
        return Err(LabError::NothingToRun { model: model.name.clone() });
    };
    let task = evaluation.task.build(&settings.folder)?;
    Link::new(&model.network, &settings.readout, task.as_ref())?;
    let usual = u32::try_from(evaluation.episodes).unwrap_or(u32::MAX);
    let asked = examine::number(model, options, usual, 0);
    let n_trials = distinct(task.as_ref(), asked as usize) as u32;
    let most = distinct(task.as_ref(), usize::MAX).try_into().unwrap_or(u32::MAX);
    let names: Vec<String> = task.ports().into_iter().map(|port| port.name).collect();
    let exercise = Exercise {
        model,
        populations: Populations::of(&model.network, &names),
        source: Source::Episodes(settings, task.as_ref()),
        seed: options.seed.unwrap_or(evaluation.seed.wrapping_add(1)),
        threads,
        progress,
        watched: Vec::new(),
    };
    let mut found = examine::examine(exercise, prepared, options, None, (n_trials, most))?;
    if n_trials < asked {
        found.notes.push(format!("the evaluation has {n_trials} recorded episodes, not {asked}"));
    }
    if !model.folder.join("params.safetensors").is_file() {
        found.notes.push(
            "the folder has no params.safetensors, so these are the parameters before any training"
                .to_owned(),
        );
    }
    Ok(found)
}
