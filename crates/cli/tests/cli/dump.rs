//! `trifactor dump`.

use crate::models::{PAIR, Place};

fn dump(stage: &str) -> String {
    let outcome = Place::with_model(PAIR).call(&["dump", "m", "--stage", stage]);
    outcome.expect_code(0).out
}

#[test]
fn every_stage_prints_the_author_s_names() {
    for (stage, parts) in [
        ("surface", ["\"plastic\"", "epoch: 1"]),
        ("ir", ["network \"pair\"", "population post: 1"]),
        ("plan", ["state plastic.w", "phase"]),
        ("ucode", ["; rules.stdp of plastic", "halt"]),
        ("rules", ["## `stdp` on `plastic`, from `pre` to `post`", "modelled | paper-0v75"]),
        ("proof", ["; 12 micro-operations compute the rule", "w := "]),
        ("place", ["core 0 on tile (0, 0)", "post[0..1] in compartments 0..1"]),
        ("image", ["projection plastic: pre -> post[0..1], 2 synapses from 2 axons", "threshold"]),
    ] {
        let text = dump(stage);
        for part in parts {
            assert!(text.contains(part), "{stage}: '{part}' is not in:\n{text}");
        }
    }
}

#[test]
fn a_stage_needs_only_those_before_it() {
    let place = Place::with_model(&PAIR.replace("pre: \"pre\"", "pre: \"nobody\""));
    place.call(&["dump", "m", "--stage", "surface"]).expect_code(0).expect_printed(&["\"nobody\""]);
    place.call(&["dump", "m", "--stage", "ir"]).expect_code(1).expect_said(&["error[M010]"]);
}

#[test]
fn a_stage_that_does_not_exist_is_answered_with_the_list() {
    let place = Place::with_model(PAIR);
    let refused = place.call(&["dump", "m", "--stage", "asm"]).expect_code(2);
    refused.expect_said(&["surface, ir, plan, ucode, rules, proof, place, image"]);
    place.call(&["dump", "m"]).expect_code(2).expect_said(&["--stage"]);
}

#[test]
fn a_missing_folder_is_the_same_fault_at_every_stage() {
    for stage in ["surface", "ir", "plan", "image"] {
        let refused = Place::new().call(&["dump", "gone", "--stage", stage]).expect_code(1);
        refused.expect_said(&["there is no folder gone"]).expect_nothing_printed();
    }
}
