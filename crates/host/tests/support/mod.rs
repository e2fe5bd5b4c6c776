//! A small model with every part of the real one, and runs of it.
#![allow(dead_code)]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use trifactor_host::{Accuracy, HostError, RunDirectory, RunOptions, Settings, Update, Watch};
use trifactor_model::{Model, load};

pub const MODEL: &str = r#"(
    name: "small",
    inputs: { "sensors": (n: 8), "signal": (n: 2) },
    populations: {
        "hidden": (n: 10, tau_u: 8.0, tau_v: 20.0, threshold: 5.0, surrogate: Exponential(0.08, 1.0)),
        "teacher": (n: 6, tau_u: 3.0, tau_v: 5.0, threshold: 2.0, surrogate: Exponential(0.2, 2.0)),
        "readout": (n: 2, keep_u: 0.0, tau_v: 50.0, bias: 0.0),
    },
    modulators: { "m": (scope: PerPre("plastic"), tau: 2.0, range: (-8.0, 8.0)) },
    rules: { "rule": (
        kernel: File("rule.kern"),
        traces: { "x1": Pre(tau: 20.0, impulse: 0.05, range: (0.0, 1.0)) },
        variables: { "eta": Rate(Normal(0.5, 0.2, 3)) },
        modulators: { "m": "m" },
    ) },
    projections: {
        "plastic": (pre: "sensors", post: "hidden", connect: AllToAll, weights: Uniform(0.1, 1.0, 2), range: (-4.0, 4.0), rule: "rule"),
        "signal_teacher": (pre: "signal", post: "teacher", connect: AllToAll, weights: Normal(0.0, 2.0, 5)),
        "hidden_teacher": (pre: "hidden", post: "teacher", connect: AllToAll, weights: Normal(0.0, 0.5, 6)),
        "teacher_m": (pre: "teacher", post: Modulator("m"), connect: AllToAll, weights: Normal(0.0, 0.1, 7)),
        "hidden_readout": (pre: "hidden", post: "readout", connect: AllToAll, weights: Normal(0.0, 0.3, 8)),
    },
)"#;

pub const KERNEL: &str = "kernel rule {
  in w: own
  in eta: own
  in x1: pre
  in y0: post
  in m: pre
  set w = clamp(w + eta * x1 * y0 * m, -4, 4)
}
";

pub const SETTINGS: &str = r#"(
    readout: (population: "readout", gain: 0.02),
    rate_costs: [(population: "hidden", weight: 0.1)],
    batch: 12, width: 4, segment: 9, updates: 6, checkpoint_every: 2,
    optimiser: (rate: 0.02, warm_up: 2, schedule: Cosine(0.1), average: 0.9),
    trained: [
        (state: "plastic.w", init: Uniform(0.2, 1.0)),
        (state: "plastic.eta", init: SignPerPost(0.5, 0.1)),
        (state: "hidden.keep_v", kind: Keep(min: 2, max: 90, threshold: "hidden.threshold")),
        (state: "signal_teacher.w"), (state: "hidden_teacher.w"), (state: "teacher_m.w"),
        (state: "m.keep", kind: Keep(min: 1, max: 50), shared: true),
        (state: "hidden_readout.w"), (state: "readout.bias"),
    ],
    rates: ["plastic.eta"],
    stages: [
        (tasks: [CueAssociation((cues: 1, group: 2, sides: OneSided, gap_steps: 3, rest_steps: 4, cue_steps: 8, decision_steps: 6))], until: 0.0, over: 2),
        (tasks: [
            CueAssociation((cues: 1, group: 2, gap_steps: 3, rest_steps: 4, cue_steps: 8, decision_steps: 6)),
            CueAssociation((cues: 3, group: 2, gap_steps: 3, rest_steps: 4, cue_steps: 8, decision_steps: 6)),
        ]),
    ],
    evaluation: (every: 3, episodes: 20, task: CueAssociation((cues: 1, group: 2, gap_steps: 3, rest_steps: 4, cue_steps: 8, decision_steps: 6))),
)"#;

/// Ends a run without warning after an update.
pub struct Kill(pub u64);

impl Watch for Kill {
    fn update(&mut self, update: &Update, _: u64) -> ControlFlow<()> {
        if update.update == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
    fn evaluation(&mut self, _: u64, _: &Accuracy, _: &Accuracy) {}
}

pub fn model(place: &Path) -> Model {
    let folder = place.join("model");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("model.ron"), MODEL).expect("a file");
    fs::write(folder.join("rule.kern"), KERNEL).expect("a file");
    load(&folder).unwrap_or_else(|e| panic!("{e}"))
}

pub fn options(resume: bool, threads: usize) -> RunOptions {
    RunOptions { seed: 7, threads, resume, without_plasticity: false, go_on: false }
}

pub fn start(
    path: &Path,
    model: &Model,
    options: &RunOptions,
    kill: u64,
) -> Result<bool, HostError> {
    let settings = Settings::parse(SETTINGS)?;
    RunDirectory::open(path, model, &settings, options)?.run(model, &mut Kill(kill))
}

/// All files of a run, by name.
pub fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(path).expect("the run").map(|e| e.expect("an entry"));
    let mut files: Vec<_> = entries
        .map(|e| {
            (e.file_name().to_string_lossy().into_owned(), fs::read(e.path()).expect("a file"))
        })
        .collect();
    files.sort();
    files
}
