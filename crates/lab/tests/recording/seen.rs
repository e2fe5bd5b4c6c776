//! A trial on the chip, followed by the emulator's accessors alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use trifactor_emu::{Emulator, Options, Report, Reset};
use trifactor_image::Image;
use trifactor_ir::ResetGroup;
use trifactor_lab::{Prepared, Recording, RunOptions, Silent, find_chip, prepare, run_and_record};
use trifactor_model::{Model, load};
use trifactor_signals::Request;
use trifactor_signals::name::Selector;
use trifactor_stimulus::{DataFolders, Datasets, Part, Trials};

/// Two populations over several cores, delays, an epoch of three steps, every kind of state.
const SPREAD: &str = r#"(
    name: "spread",
    chip: "superset",
    step_ms: 0.5,
    epoch: 3,
    seed: 9,
    neurons_per_core: 1,
    inputs: { "eye": (n: 6), "reward": (n: 1) },
    populations: {
        "hidden": (n: 5, tau_u: 3.0, tau_v: 8.0, threshold: 1.0, refractory: 2),
        "out": (n: 3, tau_u: 2.0, tau_v: 6.0, threshold: 1.5),
    },
    modulators: { "dopamine": (scope: Global, tau: 10.0, range: (-2.0, 2.0)) },
    rules: { "learn": (
        kernel: File("learn.kern"),
        traces: {
            "x1": Pre(tau: 15.0, impulse: 0.25, range: (0.0, 1.0)),
            "y1": Post(tau: 15.0, impulse: 0.25, range: (0.0, 1.0)),
        },
        variables: { "e": (init: 0.0, range: (-1.0, 1.0)) },
        modulators: { "m": "dopamine" },
    ), "pair": (
        kernel: Sop(dw: "2^-4*x1*y0 - 2^-4*y1*x0"),
        traces: {
            "x1": Pre(tau: 15.0, impulse: 0.25, range: (0.0, 1.0)),
            "y1": Post(tau: 15.0, impulse: 0.25, range: (0.0, 1.0)),
        },
    ) },
    projections: {
        "ff": (pre: "eye", post: "hidden", connect: Probability(p: 0.6, seed: 3), weights: Uniform(0.2, 0.9, 5), delay: 2, range: (-1.0, 1.0), rule: "learn"),
        "up": (pre: "hidden", post: "out", connect: AllToAll, weights: Uniform(-0.5, 1.0, 7), range: (-1.0, 1.0), rule: "pair"),
        "say": (pre: "reward", post: Modulator("dopamine"), connect: AllToAll, weights: 1.0),
    },
    protocol: (trials: 3, phases: [
        (name: "show", steps: 30, present: [
            (input: "eye", what: Poisson(rate: 0.4)), (input: "reward", what: Poisson(rate: 0.1)),
        ], readout: (population: "out", variable: "spikes")),
        (name: "again", steps: 31, reset_before: [Membrane], present: [(input: "eye", what: Poisson(rate: 0.4))]),
    ]),
)"#;

const LEARN: &str = "kernel learn {
  in w: own
  in e: own
  in x1: pre
  in y0: post
  in m: global
  next = e * 0.5 + 0.25 * x1 * y0
  set e = next
  set w = clamp(w + 0.125 * m * next - 0.0625 * x1 * y0, -1, 1)
}
";

/// A model in a folder of its own.
pub struct Case {
    pub model: Model,
    pub place: TempDir,
    pub prepared: Prepared,
}

impl Case {
    pub fn spread() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        std::fs::write(place.path().join("model.ron"), SPREAD).expect("a file");
        std::fs::write(place.path().join("learn.kern"), LEARN).expect("a file");
        let folder = place.path().to_owned();
        Self::load(&folder, place)
    }
    pub fn shipped(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware-models").join(name);
        Self::load(&folder, tempfile::tempdir().expect("a folder"))
    }
    fn load(folder: &Path, place: TempDir) -> Self {
        let model = load(folder).unwrap_or_else(|e| panic!("{e}"));
        let chip = find_chip(&model.chip).unwrap_or_else(|e| panic!("{e}"));
        let prepared = prepare(&model, chip).unwrap_or_else(|e| panic!("{e}"));
        Self { model, place, prepared }
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }
    pub fn image(&self) -> &Image {
        &self.prepared.compiled.image
    }

    /// Records a trial of a run of two or more trials.
    pub fn record(&self, trial: u32, request: Request) -> u32 {
        let recording = Recording { request, trial };
        let options =
            RunOptions { trials: Some(trial + 1), threads: Some(1), ..RunOptions::default() };
        let ran = run_and_record(&self.model, &options, &recording, &Silent);
        let (_, recorded) = ran.unwrap_or_else(|e| panic!("{e}"));
        recorded.expect("something was asked for").steps
    }

    /// The same trial with nobody recording; `look` is called before the first and after every
    /// step.
    pub fn follow(&self, trial: u32, mut look: impl FnMut(&Emulator)) -> Report {
        let protocol = self.model.protocol.as_ref().expect("a protocol");
        let folders =
            DataFolders { model: self.model.folder.clone(), shared: None, replacement: None };
        let datasets = Datasets::load(&self.model.datasets, protocol, &folders).expect("data");
        let seed = self.model.run_seed();
        let trials = Trials::new(protocol, &self.model.inputs, &datasets, seed, Part::Test);
        let trial = trials.expect("a legal protocol").trial(trial);
        let mut emulator = Emulator::load(self.image(), Options::default()).expect("loads");
        emulator.begin_trial(trial.seed);
        emulator.clear_ledger();
        look(&emulator);
        let names: Vec<&str> = emulator.map().populations.iter().map(|p| p.name.as_str()).collect();
        let inputs: Vec<usize> = (self.model.inputs.iter())
            .map(|i| names.iter().position(|n| *n == i.name).expect("an input"))
            .collect();
        let mut lanes = Vec::new();
        for segment in &trial.segments {
            let resets: Vec<Reset> = segment
                .resets
                .iter()
                .map(|group| match group {
                    ResetGroup::Membrane => Reset::Membrane,
                    ResetGroup::Traces => Reset::Traces,
                    ResetGroup::Modulators => Reset::Modulators,
                    ResetGroup::Weights => Reset::Weights,
                })
                .collect();
            if !resets.is_empty() {
                emulator.reset(&resets);
            }
            for step in 1..=segment.steps {
                segment.spikes_into(step, &mut lanes);
                let given: Vec<(usize, &[u32])> =
                    inputs.iter().zip(&lanes).map(|(at, l)| (*at, l.as_slice())).collect();
                emulator.step(&given).expect("steps");
                look(&emulator);
            }
        }
        emulator.report()
    }
}

/// A signal as the accessors name it: scopes, then the lane as it is written in a name.
pub type Name = (String, String);

/// Every state of the chip, raw, by name.
pub fn states(emulator: &Emulator, epoch: u32) -> BTreeMap<Name, i64> {
    let mut all = BTreeMap::new();
    let map = emulator.map();
    let mut add = |name: &str, lane: String, value: i64| {
        all.insert((name.to_owned(), lane), value);
    };
    let mut raw = Vec::new();
    for (at, p) in map.populations.iter().enumerate() {
        if !p.slices.is_empty() {
            emulator.read_u(at, &mut raw).expect("u");
            raw.iter()
                .enumerate()
                .for_each(|(k, x)| add(&format!("{}.u", p.name), k.to_string(), (*x).into()));
            emulator.read_v(at, &mut raw).expect("v");
            raw.iter()
                .enumerate()
                .for_each(|(k, x)| add(&format!("{}.v", p.name), k.to_string(), (*x).into()));
            emulator.read_hold(at, &mut raw).expect("hold");
            raw.iter()
                .enumerate()
                .for_each(|(k, x)| add(&format!("{}.hold", p.name), k.to_string(), (*x).into()));
        }
        for lane in 0..p.n {
            let fired = emulator.spikes(at).contains(&lane);
            add(&format!("{}.spikes", p.name), lane.to_string(), i64::from(fired));
        }
    }
    for (at, p) in map.projections.iter().enumerate() {
        for (k, field) in p.fields.iter().enumerate() {
            for s in emulator.read_field(at, k).expect("a field") {
                let lane = format!("{}->{}", s.pre, s.post);
                add(&format!("{}.{}", p.name, field.name), lane, s.raw.into());
            }
        }
    }
    let mut some = Vec::new();
    for (at, m) in map.modulators.iter().enumerate() {
        emulator.read_modulator(at, &mut some).expect("a modulator");
        some.iter()
            .enumerate()
            .for_each(|(k, x)| add(&m.name, k.to_string(), x.unwrap_or(0).into()));
    }
    for (at, t) in map.traces.iter().enumerate() {
        emulator.read_trace(at, &mut some).expect("a trace");
        some.iter()
            .enumerate()
            .for_each(|(k, x)| add(&t.name, k.to_string(), x.unwrap_or(0).into()));
    }
    let step = emulator.step_number();
    add("chip.step", String::new(), step.into());
    let (e, s) = if step == 0 { (0, 0) } else { ((step - 1) / epoch + 1, (step - 1) % epoch + 1) };
    add("chip.epoch", String::new(), e.into());
    add("chip.position", String::new(), s.into());
    all
}

/// Everything there is.
pub fn everything() -> Vec<Selector> {
    Selector::parse_list("*").expect("a selector")
}
