//! `trifactor quantise` and `trifactor tune` on the cue net, as briefly as they run.

use crate::models::Place;
use std::path::Path;

fn cue_net() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("firmware-models/cue-association").display().to_string()
}

#[test]
fn a_calibration_prints_lines_for_the_model() {
    let place = Place::new();
    let args = ["quantise", &cue_net(), "--calibration", "2", "--quiet"];
    let plain = place.call(&args).expect_code(0);
    plain.expect_printed(&["plastic.e_plus", "proposed", "saturated"]);
    let json = place.call(&[&args[..], &["--json"]].concat()).expect_code(0);
    json.expect_printed(&["\"calibration\"", "\"proposed\"", "\"bits_table\": null"]);
}

#[test]
fn settings_that_are_not_there_or_impossible_end_before_anything_is_written() {
    let place = Place::new();
    let missing = place.call(&["tune", &cue_net(), "--settings", "none.ron"]).expect_code(1);
    assert!(missing.err.contains("none.ron"), "{}", missing.err);
    let rate = place.call(&["tune", &cue_net(), "--rate=-1", "--out", "run"]).expect_code(1);
    assert!(rate.err.contains("optimiser.rate is -1"), "{}", rate.err);
    assert!(!place.path("run").exists());
}
