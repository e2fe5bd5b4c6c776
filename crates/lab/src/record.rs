//! One trial of a protocol on the chip, with its signals written to files.

use crate::error::LabError;
use crate::few_shot::Context;
use crate::machine::{ChipMachine, Machine, Populations};
use trifactor_emu::{Emulator, Options};
use trifactor_signals::{Recorder, Request};

/// What to record of a run.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Signals and files.
    pub request: Request,
    /// The trial, from 0.
    pub trial: u32,
}

/// What was recorded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recorded {
    /// Steps of the trial.
    pub steps: u32,
    /// Variables that the default choice of signals had no room for.
    pub left_out: Vec<String>,
    /// The step before which a timeline was cut off because it became too large.
    pub timeline_cut: Option<u32>,
    /// Messages of a timeline for which there were too many arrows.
    pub arrows_left_out: u64,
}

impl Recorded {
    /// What a recorder has to say when so many steps were recorded.
    pub fn of(recorder: &Recorder, steps: u32) -> Self {
        let left_out = recorder.left_out().to_vec();
        let (timeline_cut, arrows_left_out) = (recorder.timeline_cut(), recorder.arrows_left_out());
        Self { steps, left_out, timeline_cut, arrows_left_out }
    }
}

/// Runs the trial; the files appear when it has ended.
pub(crate) fn record(
    context: &Context<'_>,
    recording: &Recording,
) -> Result<Option<Recorded>, LabError> {
    if recording.request.is_empty() {
        return Ok(None);
    }
    if recording.trial >= context.n_trials {
        let (trial, n_trials) = (recording.trial, context.n_trials);
        return Err(LabError::NoSuchTrial { trial, n_trials });
    }
    let inputs: Vec<String> = context.model.inputs.iter().map(|i| i.name.clone()).collect();
    let populations = Populations::of(&context.model.network, &inputs);
    let image = &context.prepared.compiled.image;
    let emulator = Emulator::load(image, Options::default())?;
    let mut machine = ChipMachine { emulator, populations: &populations };
    let trial = context.trials.trial(recording.trial);
    machine.begin(&[trial.seed]);
    // What the loader wrote and reset is not part of the trial.
    machine.emulator.clear_ledger();
    let mut recorder = Recorder::begin(&recording.request, image, &machine.emulator)?;
    let mut spikes = Vec::new();
    for segment in &trial.segments {
        if !segment.resets.is_empty() {
            machine.reset(&segment.resets);
        }
        for step in 1..=segment.steps {
            segment.spikes_into(step, &mut spikes);
            recorder.step(&mut machine.emulator, &populations.given(&spikes))?;
            let done = segment.first_step + step - 1;
            context.progress.tell("recording", done.into(), trial.steps.into());
        }
    }
    let recorded = Recorded::of(&recorder, trial.steps);
    recorder.finish()?;
    Ok(Some(recorded))
}
