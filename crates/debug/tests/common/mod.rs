//! Sessions on firmware models.

// Each test binary uses a part of this module.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use trifactor_debug::{Answer, Session, Stimulus, StimulusStep};
use trifactor_emu::{Emulator, Options, Reset};
use trifactor_image::Image;
use trifactor_ir::ResetGroup;
use trifactor_lab::{TrialOptions, find_chip, prepare, trial_script};
use trifactor_model::load;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The image of a model, and the spikes of its first trial.
pub fn model(folder: &str) -> (Image, Stimulus) {
    let model = load(&root().join(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let chip = find_chip(&model.chip).expect("a built-in chip");
    let image = prepare(&model, chip).expect("the model compiles").compiled.image;
    let trial = trial_script(&model, &TrialOptions::default()).expect("the model has a trial");
    let at = |name: &String| image.map.populations.iter().position(|p| p.name == *name);
    let at: Vec<_> = trial.inputs.iter().map(|name| at(name).expect("an input")).collect();
    let reset = |group: &ResetGroup| match group {
        ResetGroup::Membrane => Reset::Membrane,
        ResetGroup::Traces => Reset::Traces,
        ResetGroup::Modulators => Reset::Modulators,
        ResetGroup::Weights => Reset::Weights,
    };
    let step = |step: &trifactor_lab::TrialStep| StimulusStep {
        resets: step.resets.iter().map(reset).collect(),
        spikes: at.iter().copied().zip(step.spikes.iter().cloned()).collect(),
    };
    let steps = trial.steps.iter().map(step).collect();
    let stimulus = Stimulus::new("trial 0", trial.seed, steps);
    (image, stimulus)
}

pub fn session_of(image: &Image, stimulus: &Stimulus) -> Session {
    let emulator = Emulator::load(image, Options::default()).expect("the image loads");
    Session::new(image, emulator, stimulus.clone())
}

pub fn session(folder: &str) -> Session {
    let (image, stimulus) = model(folder);
    session_of(&image, &stimulus)
}

/// Does what a line says, which must be possible.
#[track_caller]
pub fn done(session: &mut Session, line: &str) -> Answer {
    session.execute(line).unwrap_or_else(|e| panic!("{line}: {e}"))
}

/// The text of an answer.
#[track_caller]
pub fn text(session: &mut Session, line: &str) -> String {
    done(session, line).text
}

/// What is said about a line that cannot be done.
#[track_caller]
pub fn refused(session: &mut Session, line: &str) -> String {
    match session.execute(line) {
        Ok(answer) => panic!("{line} was done: {}", answer.text),
        Err(e) => e.to_string(),
    }
}

/// Every state, as text.
pub fn everything(session: &mut Session) -> String {
    let states = text(session, "info states");
    let skipped = ["stopped"];
    let names: Vec<&str> = states.lines().filter(|name| !skipped.contains(name)).collect();
    let flight = text(session, "info flight");
    format!("{}\n{flight}", text(session, &format!("print {}", names.join(" "))))
}
