//! The input spikes of one trial, step by step, for whoever wants to drive a chip by hand.

use crate::error::LabError;
use crate::machine::Populations;
use crate::outcome::Silent;
use crate::protocol_diagnostics;
use crate::verify::script::{Exercise, Source};
use std::path::PathBuf;
use trifactor_host::{Link, Settings};
use trifactor_ir::ResetGroup;
use trifactor_model::Model;
use trifactor_stimulus::{DataFolders, Datasets, Part, Trials};

/// What a caller may choose.
#[derive(Clone, Debug, Default)]
pub struct TrialOptions {
    /// Number of the trial, from 0.
    pub number: u32,
    /// Seed of the run; by default the model's, or that of the evaluation.
    pub seed: Option<u32>,
    /// A folder that replaces the model's data; every class in it is a test class.
    pub data: Option<PathBuf>,
}

/// A trial with all its input spikes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrialScript {
    /// The seed of its draws (S7).
    pub seed: u32,
    /// Names of the input populations.
    pub inputs: Vec<String>,
    /// Steps in order.
    pub steps: Vec<TrialStep>,
}

/// A step of a trial.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrialStep {
    /// What is reset before it.
    pub resets: Vec<ResetGroup>,
    /// Lanes that fire. Shape: `[input]`.
    pub spikes: Vec<Vec<u32>>,
}

/// A trial of the model's protocol, or an episode of the evaluation in its `train.ron`: the one
/// that a run or an evaluation of the same seed and number uses.
///
/// Errors: the model has neither, or its data or settings cannot be used.
pub fn trial_script(model: &Model, options: &TrialOptions) -> Result<TrialScript, LabError> {
    let exercise = |source, names: &[String], seed| Exercise {
        model,
        source,
        populations: Populations::of(&model.network, names),
        seed,
        threads: 1,
        progress: &Silent,
        watched: Vec::new(),
    };
    let (inputs, script) = if let Some(protocol) = &model.protocol {
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
        let names: Vec<String> = model.inputs.iter().map(|i| i.name.clone()).collect();
        let script = exercise(Source::Protocol(trials), &names, seed).script(options.number)?;
        (names, script)
    } else {
        let path = model.folder.join("train.ron");
        let settings = path.is_file().then(|| Settings::load(&path, &model.folder)).transpose()?;
        let evaluation = settings.as_ref().and_then(|s| s.evaluation.as_ref());
        let (Some(settings), Some(evaluation)) = (&settings, evaluation) else {
            return Err(LabError::NothingToRun { model: model.name.clone() });
        };
        let task = evaluation.task.build(&settings.folder)?;
        Link::new(&model.network, &settings.readout, task.as_ref())?;
        let seed = options.seed.unwrap_or(evaluation.seed.wrapping_add(1));
        let names: Vec<String> = task.ports().into_iter().map(|port| port.name).collect();
        let source = Source::Episodes(settings, task.as_ref());
        let script = exercise(source, &names, seed).script(options.number)?;
        (names, script)
    };
    let mut steps = Vec::new();
    for part in script.parts {
        let mut resets = part.resets;
        for spikes in part.spikes {
            steps.push(TrialStep { resets: std::mem::take(&mut resets), spikes });
        }
    }
    Ok(TrialScript { seed: script.seed, inputs, steps })
}
