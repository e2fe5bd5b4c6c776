//! A small net on a short task.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use trifactor_host::{Accuracy, RunDirectory, RunOptions, Settings, Update, Watch};
use trifactor_model::{Params, load_with};

const MODEL: &str = r#"(
    name: "small",
    chip: "superset",
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
        variables: { "e": (range: (0.0, 1.0)), "eta": Rate(Normal(0.5, 0.2, 3)) },
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

const KERNEL: &str = "kernel rule {
  in w: own
  in e: own
  in eta: own
  in x1: pre
  in y0: post
  in m: pre
  next = e * 0.9375 + x1 * y0 * 0.0625
  set w = clamp(w + eta * next * m, -4, 4)
  set e = next
}
";

pub const SETTINGS: &str = r#"(
    readout: (population: "readout", gain: 0.02),
    batch: 8, width: 8, segment: 16, updates: 2, checkpoint_every: 1,
    trained: [(state: "plastic.w"), (state: "plastic.eta"), (state: "hidden_readout.w")],
    rates: ["plastic.eta"],
    stages: [(tasks: [CueAssociation((cues: 1, group: 2, gap_steps: 3, rest_steps: 4, cue_steps: 5, decision_steps: 6))])],
    evaluation: (every: 1, episodes: 16, seed: 4, task: CueAssociation((cues: 1, group: 2, gap_steps: 3, rest_steps: 4, cue_steps: 5, decision_steps: 6))),
)"#;

struct Nobody;

impl Watch for Nobody {
    fn update(&mut self, _: &Update, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn evaluation(&mut self, _: u64, _: &Accuracy, _: &Accuracy) {}
}

/// A model folder `m` without parameters.
pub fn untrained(place: &Path) -> PathBuf {
    let folder = place.join("m");
    fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in [("model.ron", MODEL), ("rule.kern", KERNEL), ("train.ron", SETTINGS)] {
        fs::write(folder.join(name), text).expect("a file");
    }
    folder
}

/// Trains for two updates by the folder's settings; the parameters become a file of the model's folder.
pub fn train(place: &Path, folder: &Path, without_plasticity: bool, into: &str) {
    let model = load_with(folder, &Params::Initial).unwrap_or_else(|e| panic!("{e}"));
    let settings = Settings::load(&folder.join("train.ron"), folder).expect("legal");
    let options =
        RunOptions { seed: 1, threads: 1, resume: false, without_plasticity, go_on: false };
    let path = place.join(format!("run-{without_plasticity}"));
    let mut run = RunDirectory::open(&path, &model, &settings, &options).expect("a run");
    assert!(run.run(&model, &mut Nobody).expect("two updates"));
    fs::copy(path.join("params.safetensors"), folder.join(into)).expect("a copy");
    fs::create_dir_all(folder.join("training")).expect("a folder");
    let table = folder.join("training/evaluation-seed-1.csv");
    fs::copy(path.join("evaluation.csv"), table).expect("a copy");
}

/// The folder with trained parameters and their control.
pub fn trained(place: &Path) -> PathBuf {
    let folder = untrained(place);
    train(place, &folder, true, "no-plasticity.safetensors");
    train(place, &folder, false, "params.safetensors");
    folder
}
