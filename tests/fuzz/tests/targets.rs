//! Every target on mutants of good files, and on every case that once failed.
//!
//! `TRIFACTOR_FUZZ` is the number of inputs of each target.

use std::path::Path;
use trifactor_fuzz::{Mutant, TARGETS, target};

/// Inputs of a target in a plain run of the tests.
const INPUTS: usize = 1500;

fn fuzz(name: &str, share: usize) {
    let target = target(name);
    let seeds = (target.seeds)();
    for seed in &seeds {
        (target.run)(seed);
    }
    let wanted = std::env::var("TRIFACTOR_FUZZ").ok();
    let inputs = wanted.map_or(INPUTS / share, |n| n.parse().expect("TRIFACTOR_FUZZ is a number"));
    bolero::check!()
        .with_type::<Mutant>()
        .with_iterations(inputs)
        .for_each(|mutant| (target.run)(&mutant.bytes(&seeds)));
}

macro_rules! targets {
    ($($test:ident: $name:literal / $share:literal,)*) => {
        $(#[test] fn $test() { fuzz($name, $share); })*

        #[test]
        fn every_target_is_tested() {
            let tested = [$($name),*];
            for target in TARGETS {
                assert!(tested.contains(&target.name), "no test runs '{}'", target.name);
            }
        }
    };
}

targets! {
    models: "model" / 1,
    pipelines: "pipeline" / 4,
    kernels: "kernel" / 1,
    networks: "network" / 1,
    rules: "rule" / 1,
    settings: "settings" / 1,
    chips: "chip" / 1,
    images: "image" / 1,
    parameters: "parameters" / 1,
    vectors: "vector" / 4,
    idx: "idx" / 1,
    npy: "npy" / 1,
}

#[test]
fn recorded_cases_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    for target in TARGETS {
        let Ok(entries) = std::fs::read_dir(root.join(target.name)) else { continue };
        for entry in entries.flatten() {
            let bytes = std::fs::read(entry.path()).expect("a case can be read");
            (target.run)(&bytes);
        }
    }
}
