//! Model folders written for a test. Each test file uses some of it.

#![allow(dead_code)]

use npyz::WriterBuilder;
use tempfile::TempDir;
use trifactor_diag::Diagnostics;
use trifactor_model::{Model, load};

/// A three-factor model with everything in it.
pub const FULL: &str = r#"(
    name: "three-factor-demo", doc: "a demonstration", chip: "superset",
    step_ms: 1.0, epoch: 2, seed: 4,
    inputs: {
        "retina": (n: 6, encoder: Rate(max_rate: 0.5)),
        "teacher": (n: 2),
    },
    populations: {
        "hidden": (n: 4, tau_u: 5.0, tau_v: 20.0, threshold: 1.0, bias: 0.1, v_min: -2.0,
                   refractory: 2, resistance: 2.0),
        "out": (n: 2, keep_u: 0.0, decay_v: Uniform(0.1, 0.2, 3)),
    },
    modulators: {
        "m_plus": (scope: PerPre("ff"), tau: 2.0, range: (-4.0, 4.0)),
        "m_post": (scope: PerPost("ff"), decay: 0.5),
        "reward": (scope: Global, keep: 0.9),
    },
    projections: {
        "ff": (pre: "retina", post: "hidden", connect: Probability(p: 0.5, seed: 3),
               weights: Normal(0.0, 0.5, 1), inhibitory_fraction: 0.2, delay: Uniform(0, 3, 9),
               rule: "stdp", range: (-4.0, 4.0)),
        "readout": (pre: "hidden", post: "out", connect: AllToAll, sign: Excitatory,
                    weights: [[1, 2], [3, 4], [5, 6], [7, 8]], delay: 2),
        "reinforce": (pre: "teacher", post: Modulator("reward"), connect: AllToAll, weights: [0.5, -0.5]),
        "spread": (pre: "teacher", post: Modulator("m_plus"), connect: List([(1, 5), (0, 2), (1, 0)]),
                   weights: [10, 20, 30]),
    },
    rules: {
        "stdp": (
            kernel: File("stdp.kern"),
            traces: {
                "x1": Pre(tau: 10.0, impulse: 16.0),
                "y1": Post(tau: 20.0, impulse: 0.5, kind: Saturating(max: 2.0), range: (0.0, 2.0)),
            },
            variables: { "e": (init: 0.0, range: (-1, 1)), "eta": Rate(Uniform(0.1, 0.2, 1)) },
            modulators: { "m": "m_plus", "g": "m_post" },
        ),
    },
    formats: { "ff.w": (bits: 9, frac: 5, rounding: Stochastic) },
    probes: [(state: "hidden.v", lanes: [0, 3]), (state: "ff.w", every: 10)],
    datasets: { "characters": Omniglot(images: "i.gz", index: "x.gz", prepare: [Centre, Threshold(0.3)]) },
    protocol: (
        trials: 100,
        sampler: FewShot(data: "characters", ways: 2, shots: 1, queries: 1),
        phases: [
            (name: "learn", for_each: Support, steps: 20, reset_before: [Membrane, Traces], present: [
                (input: "retina", what: Image), (input: "teacher", what: OneHot())]),
            (name: "ask", for_each: Query, steps: 20, present: [(input: "retina", what: Image)],
             readout: (population: "out", variable: "v", window: (5, 20), score: ArgmaxEqualsSlot, record: ["ff.w"])),
        ],
    ),
)"#;

/// The rule of [`FULL`]: eligibility, two modulators, a reward and a voltage.
pub const STDP: &str = r"; an eligibility with three factors
kernel stdp {
  in w: own
  in e: own
  in eta: own
  in x1: pre at y0
  in y1: post prev at x0
  in x0: pre
  in y0: post
  in m: pre
  in g: post
  in reward: global
  in vp: post v
  in tick: every 1
  up = x1 * y0
  down = y1 * x0
  e1 = (e + up - down) * 0.5
  dw = eta * m * e1 * g * reward + 0.001 * vp * tick
  set e = e1
  set w = w + dw
}
";

/// A folder with a `model.ron` and other files.
pub fn folder(model: &str, files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("model.ron"), model).unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

/// Loads a model given as text, with files.
pub fn load_text(model: &str, files: &[(&str, &[u8])]) -> Result<Model, Diagnostics> {
    load(folder(model, files).path())
}

/// The bytes of a `.npy` file.
pub fn npy(shape: &[u64], values: &[f64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::<f64>::new()
        .default_dtype()
        .shape(shape)
        .writer(&mut bytes)
        .begin_nd()
        .unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes
}

/// What loading reports.
pub fn findings(text: &str, kern: &str, files: &[(&str, &[u8])]) -> String {
    let mut all: Vec<(&str, &[u8])> = vec![("stdp.kern", kern.as_bytes())];
    all.extend_from_slice(files);
    match load_text(text, &all) {
        Ok(model) => format!("no error; warnings: {}", model.warnings),
        Err(found) => found.to_string(),
    }
}

/// Replaces part of the full model; the part must occur.
pub fn with(from: &str, to: &str) -> String {
    assert!(FULL.contains(from), "'{from}' does not occur");
    FULL.replacen(from, to, 1)
}

/// Asserts that loading reports this code at this key with these words.
pub fn expect(text: &str, code: &str, key: &str, words: &str) {
    let found = findings(text, STDP, &[]);
    assert!(
        found.contains(&format!("error[{code}]")) && found.contains(key) && found.contains(words),
        "expected {code} at {key}: {words}\ngot:\n{found}"
    );
}
