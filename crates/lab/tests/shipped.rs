//! The parameters that ship still do what the pages of their models say, on chip as in float.
//!
//! A short version of `trifactor reproduce MODEL --episodes 20000`: the floors lie several
//! standard errors below the recorded figures, so that only a change of meaning falls through.

use std::path::Path;
use trifactor_lab::Silent;
use trifactor_lab::reproduce::{ReproduceOptions, reproduce};

/// 200 episodes: a standard error is at most 2.6 points at 85 %.
#[track_caller]
fn holds(model: &str, floors: &[(u32, f64)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware-models").join(model);
    let options = ReproduceOptions {
        episodes: Some(200),
        seed: Some(11),
        cues: Some(floors.iter().map(|(cues, _)| *cues).collect()),
        threads: Some(2),
        ..ReproduceOptions::default()
    };
    let found = reproduce(&folder, &options, &Silent).unwrap_or_else(|e| panic!("{e}")).to_json();
    for (cues, floor) in floors {
        for machine in ["float", "chip"] {
            let share = found["accuracy"][machine][cues.to_string()].as_f64().expect("a share");
            assert!(share >= *floor, "{model}, {cues} cues, {machine}: {share} is below {floor}");
        }
    }
    for control in ["no_plasticity", "rates_zero"] {
        let share = found["accuracy"][control].as_f64().expect("a share");
        assert!((share - 0.5).abs() < 0.15, "{model}, {control}: {share} is not chance");
    }
}

#[test]
fn five_cues_are_learned_in_one_shot() {
    holds("cue-association", &[(5, 0.94)]);
}

#[test]
fn one_parameter_set_holds_from_one_to_fifteen_cues() {
    holds("cue-association-mixed", &[(1, 0.97), (7, 0.90), (15, 0.78)]);
}
