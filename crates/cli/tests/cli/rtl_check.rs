//! `trifactor rtl-check`.

use crate::models::{Outcome, PAIR, Place};
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Whether there is a Verilator; the line that says no is seen without `--nocapture`.
/// Continuous integration has it, so there that is a failure.
fn verilator() -> bool {
    let there = Command::new("verilator").arg("--version").output().is_ok();
    if !there {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "verilator is missing");
        writeln!(std::io::stderr(), "skipped: verilator is not installed").expect("writable");
    }
    there
}

/// Calls the command with the folder of builds that the library's tests use.
fn call(place: &Place, arguments: &[&str]) -> Outcome {
    let builds = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rtl");
    let builds = builds.to_str().expect("the folder's name is text");
    let mut all = vec!["rtl-check"];
    all.extend(arguments);
    all.extend(["--build-dir", builds]);
    place.call(&all)
}

#[test]
fn the_rule_of_a_model_is_compared_with_the_engine() {
    if !verilator() {
        return;
    }
    let place = Place::with_model(PAIR);
    let shown = call(&place, &["m", "--states", "300"]).expect_code(0).expect_printed(&[
        "pair on superset, costs paper-0v75: ticks 35 state access, 1 load, 1 arithmetic",
        "stdp of plastic",
        "equal: all registers after every instruction",
        "300 states of each rule, seed 1\n",
    ]);
    let json = call(&place, &["m", "--states", "300", "--json"]).expect_code(0).json();
    let rule = &json["rules"][0];
    assert_eq!((&json["equal"], &json["preset"]), (&true.into(), &"paper-0v75".into()));
    let count = |key: &str| rule[key].as_u64().expect("a number");
    assert_eq!(count("evaluations") + count("skips"), 300);
    assert!(count("evaluations") > 200 && count("skips") > 5, "{rule}");
    // State access and at least a load, a product, a store and the end.
    assert!(count("cycles") > 35 + 1 + 3 + 2 + 2, "{rule}");
    assert_eq!(count("cycles_skipped"), 1);
    assert!(shown.out.contains(&count("cycles").to_string()), "{}", shown.out);
    assert_eq!(place.names("."), ["m"], "a comparison writes nothing here");
}

#[test]
fn a_model_that_does_not_learn_is_no_error() {
    if !verilator() {
        return;
    }
    let still = PAIR.replace(", rule: \"stdp\"", "").replace(", range: (0.0, 127.0)", "");
    let from = still.find("    rules:").expect("it has rules");
    let to = still.find("    protocol:").expect("it has a protocol");
    let still =
        format!("{}{}", &still[..from], &still[to..]).replace("record: [\"plastic.w\"]", "");
    let place = Place::with_model(&still);
    call(&place, &["m"]).expect_code(0).expect_printed(&["no projection learns"]);
}

#[test]
fn a_preset_that_cannot_clock_an_engine_is_refused() {
    let place = Place::with_model(PAIR);
    let unknown = call(&place, &["m", "--preset", "paper"]).expect_code(2);
    unknown.expect_said(&["no cost preset 'paper' [it has paper-0v75, "]);
    let chip = place.call(&["explain", "superset"]).expect_code(0).out;
    let chip = chip.replacen("\"superset\"", "\"quick\"", 1);
    let quick = chip.replacen("alu: (fj: 1200, ticks: 1)", "alu: (fj: 1200, ticks: 0)", 1);
    assert_ne!(chip, quick);
    place.write("quick.ron", quick.as_bytes());
    let refused = call(&place, &["m", "--chip", "quick.ron"]).expect_code(1);
    refused.expect_said(&["learning.alu takes 0 ticks", "choose another preset"]);
}

#[test]
fn a_missing_verilator_is_said_with_the_way_to_get_it() {
    let place = Place::with_model(PAIR);
    let mut command = place.command(&["rtl-check", "m", "--build-dir", "builds"]);
    // A path on which there are no programs at all.
    let output = command.env("PATH", place.path("m")).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("verilator is not installed"), "{said}");
    assert!(said.contains("apt-get install verilator g++ make"), "{said}");
}
