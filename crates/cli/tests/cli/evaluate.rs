//! `trifactor evaluate`.

use crate::models::Place;
use crate::reproduce::trained_with;

const EVALUATION: &str = "evaluation: (every: 1, episodes: 30, seed: 4, task: CueAssociation((cues: 1, group: 1, gap_steps: 3, rest_steps: 4, cue_steps: 5, decision_steps: 6))),";

/// A model folder `m` with an evaluation, and a run of one update in `run`.
fn trained() -> Place {
    trained_with(EVALUATION)
}

#[test]
fn both_machines_the_difference_and_the_control_are_printed() {
    let place = trained();
    let params = ["evaluate", "m", "--params", "run/params.safetensors", "--threads", "1"];
    let outcome = place.call(&params).expect_code(0);
    outcome.expect_printed(&[
        "tiny: 30 evaluation episodes, seed 5, chance 50.0 %",
        "minus float",
        "rates at 0, float",
        "an episode: 56 steps",
    ]);
    place.write("m/params.safetensors", &place.read("run/params.safetensors"));
    let json = |more: &[&str]| {
        let call = [&["evaluate", "m", "--json"], more].concat();
        place.call(&call).expect_code(0).json()
    };
    let shown = json(&["--episodes", "20", "--seed", "9", "--threads", "2"]);
    assert_eq!((&shown["episodes"], &shown["seed"]), (&20.into(), &9.into()));
    assert_eq!(shown["chip"], "superset");
    let alone = json(&["--episodes", "20", "--seed", "9", "--float-only"]);
    assert_eq!(alone["accuracy"]["float"], shown["accuracy"]["float"]);
    assert!(alone["accuracy"]["chip"].is_null() && alone["microjoules_per_episode"].is_null());
    assert_eq!(json(&["--chip", "large"])["chip"], "large");
    assert_eq!(place.names("."), ["m", "run"], "nothing is written");
}

#[test]
fn what_is_missing_or_impossible_is_answered_with_a_way_out() {
    let place = trained();
    place.call(&["evaluate", "m"]).expect_code(1).expect_said(&[
        "m/params.safetensors is not there",
        "`trifactor train m` makes one, and --params names",
    ]);
    for (more, code, said) in [
        (["--episodes", "1"], 2, "'--episodes"),
        (["--seed", "x"], 2, "'--seed"),
        (["--threads", "0"], 2, "'--threads"),
        (["--chip", "none"], 1, "error[C040]"),
        (["--params", "gone"], 1, "there is no file gone"),
    ] {
        place.write("m/params.safetensors", &place.read("run/params.safetensors"));
        let given = ["evaluate", "m", more[0], more[1]];
        place.call(&given).expect_code(code).expect_said(&[said]).expect_nothing_printed();
    }
    let gone = place.call(&["evaluate", "nowhere"]).expect_code(1);
    gone.expect_said(&["there is no folder nowhere, and no firmware-models/nowhere"]);
    let without = trained_with("");
    let params = ["evaluate", "m", "--params", "run/params.safetensors"];
    without.call(&params).expect_code(1).expect_said(&["train.ron: has no `evaluation`"]);
}
