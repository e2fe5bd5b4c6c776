//! Every target on mutants of good files, and on every case that once failed.
//!
//! `TRIFACTOR_FUZZ` is the number of inputs of each target, `TRIFACTOR_FUZZ_SEED` chooses others;
//! `TRIFACTOR_FUZZ_KEEP` names a file for the input that failed.

// A test of thousands of inputs says how many were accepted.
#![allow(clippy::print_stdout)]

use std::panic::{catch_unwind, resume_unwind};
use std::path::Path;
use trifactor_fuzz::{Mutant, TARGETS, target};

/// Inputs of a target in a plain run of the tests.
const INPUTS: usize = 1500;

fn fuzz(name: &str, share: usize) {
    let target = target(name);
    let seeds = (target.seeds)();
    for seed in &seeds {
        // Models with data of their own do not find it beside them.
        let accepted = (target.run)(seed);
        assert!(accepted || ["model", "pipeline"].contains(&name), "a good {name} is refused");
    }
    let wanted = std::env::var("TRIFACTOR_FUZZ").ok();
    let inputs = wanted.map_or(INPUTS / share, |n| n.parse().expect("TRIFACTOR_FUZZ is a number"));
    let seed = std::env::var("TRIFACTOR_FUZZ_SEED").ok();
    let seed = seed.map_or(1, |n| n.parse().expect("TRIFACTOR_FUZZ_SEED is a number"));
    let keep = std::env::var_os("TRIFACTOR_FUZZ_KEEP");
    let mut accepted = 0;
    for number in 0..inputs as u64 {
        let mutant = Mutant::numbered(seed, number);
        let bytes = mutant.bytes(&seeds);
        let outcome = catch_unwind(|| (target.run)(&bytes));
        if outcome.is_err() {
            println!("{name}, seed {seed}, input {number}: {mutant:?}");
            if let Some(path) = &keep {
                std::fs::write(path, &bytes).expect("TRIFACTOR_FUZZ_KEEP can be written");
            }
        }
        accepted += usize::from(outcome.unwrap_or_else(|panic| resume_unwind(panic)));
    }
    let refused = inputs - accepted;
    println!("{name}: {accepted} accepted, {refused} refused");
    // Mutants that are all good, or all bad, would test half of what they are for.
    assert!(200 * accepted >= refused, "{name}: only {accepted} of {inputs} are accepted");
    assert!(200 * refused >= accepted, "{name}: only {refused} of {inputs} are refused");
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
