//! `trifactor reproduce`.

use crate::models::Place;

const MODEL: &str = r#"(
    name: "tiny",
    inputs: { "sensors": (n: 4), "signal": (n: 2) },
    populations: {
        "hidden": (n: 4, tau_u: 8.0, tau_v: 20.0, threshold: 2.0, surrogate: Exponential(0.08, 1.0)),
        "readout": (n: 2, keep_u: 0.0, tau_v: 20.0, bias: 0.0),
    },
    modulators: { "m": (scope: PerPre("plastic"), tau: 2.0, range: (-8.0, 8.0)) },
    rules: { "rule": (
        kernel: File("rule.kern"),
        traces: { "x1": Pre(tau: 20.0, impulse: 0.05, range: (0.0, 1.0)) },
        variables: { "eta": Rate(Constant(0.5)) },
        modulators: { "m": "m" },
    ) },
    projections: {
        "plastic": (pre: "sensors", post: "hidden", connect: AllToAll, weights: Uniform(0.1, 1.0, 2), range: (-4.0, 4.0), rule: "rule"),
        "hidden_m": (pre: "hidden", post: Modulator("m"), connect: AllToAll, weights: 0.5),
        "signal_m": (pre: "signal", post: Modulator("m"), connect: AllToAll, weights: 0.5),
        "hidden_readout": (pre: "hidden", post: "readout", connect: AllToAll, weights: Normal(0.0, 0.3, 8)),
    },
)"#;

const KERNEL: &str = "kernel rule {
  in w: own
  in eta: own
  in x1: pre
  in y0: post
  in m: pre
  set w = clamp(w + eta * x1 * y0 * m, -4, 4)
}
";

pub const SETTINGS: &str = r#"(
    readout: (population: "readout"),
    batch: 4, width: 4, updates: 1, checkpoint_every: 1,
    trained: [(state: "plastic.w"), (state: "hidden_readout.w")],
    rates: ["plastic.eta"],
    stages: [(tasks: [CueAssociation((cues: 1, group: 1, gap_steps: 3, rest_steps: 4, cue_steps: 5, decision_steps: 6))])],
)"#;

/// A model folder `m` and a run of one update in `run`.
fn trained() -> Place {
    trained_with("")
}

/// The same with further settings.
pub fn trained_with(more: &str) -> Place {
    let place = Place::with_model(MODEL);
    place.write("m/rule.kern", KERNEL.as_bytes());
    let settings = SETTINGS.trim_end().trim_end_matches(')');
    place.write("m/train.ron", format!("{settings}{more})").as_bytes());
    place.call(&["train", "m", "--out", "run", "--threads", "1"]).expect_code(0);
    place
}

const SHORT: [&str; 6] = ["--episodes", "20", "--cues", "1,3", "--threads", "1"];

fn call<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["reproduce", "m"], &SHORT[..], more].concat()
}

#[test]
fn a_report_is_printed_and_written_below_the_model_s_name() {
    let place = trained();
    let params = ["--params", "run/params.safetensors"];
    let outcome = place.call(&call(&params)).expect_code(0);
    let outcome = outcome.expect_said(&["wrote report.md", "trifactor-out/reproduce-tiny"]);
    outcome.expect_printed(&["published", "chip minus float", "ideal observer", "not measured"]);
    let names = place.names("trifactor-out/reproduce-tiny");
    assert!(names.contains(&"episode.png".to_owned()) && names.contains(&"report.md".to_owned()));
    assert!(names.iter().all(|f| !f.ends_with(".part")), "{names:?}");

    place.write("m/params.safetensors", &place.read("run/params.safetensors"));
    let json = place.call(&call(&["--json", "--out", "here"])).expect_code(0).json();
    assert_eq!(json["episodes"], 20);
    assert!(json["accuracy"]["chip"]["3"].is_number());
    assert!(json["accuracy"]["no_plasticity"].is_null());
    let written: serde_json::Value =
        serde_json::from_slice(&place.read("here/report.json")).expect("JSON");
    assert_eq!(written, json);
    let quick = ["--float-only", "--sides", "one-sided", "--json"];
    let json = place.call(&call(&quick)).expect_code(0).json();
    assert_eq!(json["sides"], "one-sided");
    assert_eq!(json["accuracy"]["chip"], serde_json::json!({}));
}

#[test]
fn what_is_missing_or_impossible_is_answered_with_a_way_out() {
    let place = trained();
    place.call(&call(&[])).expect_code(1).expect_said(&[
        "m/params.safetensors is not there",
        "`trifactor train m` makes one, and --params names",
    ]);
    for (more, code, said) in [
        (["--cues", "1,2"], 2, "cues is 2; an odd number up to 99"),
        (["--cues", "x"], 2, "'--cues"),
        (["--sides", "fair"], 2, "[possible values: biased, iid, one-sided, background]"),
        (["--episodes", "1"], 2, "'--episodes"),
        (["--out", "m/model.ron"], 1, "is a file; --out names a folder"),
        (["--chip", "none"], 1, "error[C040]"),
    ] {
        let given = ["reproduce", "m", "--params", "run/params.safetensors", more[0], more[1]];
        place.call(&given).expect_code(code).expect_said(&[said]).expect_nothing_printed();
    }
    let gone = ["reproduce", "m", "--params", "gone"];
    place.call(&gone).expect_code(1).expect_said(&["there is no file gone"]);
    let gone = place.call(&["reproduce", "cue-association"]).expect_code(1);
    gone.expect_said(&[
        "there is no folder cue-association, and no firmware-models/cue-association",
    ]);
    assert_eq!(place.names("."), ["m", "run"]);
}
