//! `trifactor verify`.

use crate::models::{PAIR, Place};

#[test]
fn a_model_that_passes_is_said_to_and_leaves_no_files() {
    let place = Place::with_model(PAIR);
    let call = place.call(&["verify", "m", "--threads", "1"]).expect_code(0);
    call.expect_printed(&[
        "pair on superset: PASS\n",
        "pass       the chip equals the fixed reading",
        "single evaluations: at most",
        "learnt values: ",
        "plastic.w",
    ]);
    assert_eq!(place.names("."), ["m"]);
}

#[test]
fn a_model_that_fails_ends_with_1_and_its_report_names_the_cause() {
    let coarse = PAIR.replace(
        "    protocol: (",
        "    formats: { \"plastic.w\": (bits: 3, frac: -4) },\n    protocol: (",
    );
    let place = Place::with_model(&coarse);
    let call = place.call(&["verify", "m", "--out", "r", "--json"]).expect_code(1);
    let json = call.json();
    assert_eq!((&json["verdict"], &json["passes"]), (&"fail".into(), &false.into()));
    assert_eq!(json["causes"]["guilty"][0], "plastic.w");
    assert!(json["cure"]["found"][0].as_str().is_some_and(|f| f.contains("plastic.w")), "{json}");
    assert_eq!(place.names("r"), ["report.html", "report.json", "report.txt"]);
    let page = String::from_utf8(place.read("r/report.html")).expect("text");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("FAIL"));
}

#[test]
fn what_cannot_be_verified_is_refused_by_name() {
    let place = Place::with_model(PAIR);
    place.call(&["verify", "nowhere"]).expect_code(1).expect_said(&["there is no folder nowhere"]);
    place.call(&["verify", "m", "--trials", "0"]).expect_code(2).expect_said(&["--trials"]);
    place.write("taken", b"");
    let taken = place.call(&["verify", "m", "--out", "taken"]).expect_code(1);
    taken.expect_said(&["taken is a file; --out names a folder"]).expect_nothing_printed();
    let (start, _) = PAIR.split_once("    protocol: (").expect("a protocol");
    place.write("still/model.ron", format!("{start})").as_bytes());
    let still = place.call(&["verify", "still"]).expect_code(1);
    still.expect_said(&["'pair' has nothing to run"]).expect_nothing_printed();
    let bad = PAIR.replace("    protocol: (", "    verify: (bound: -1.0),\n    protocol: (");
    place.write("bad/model.ron", bad.as_bytes());
    place.call(&["verify", "bad"]).expect_code(1).expect_said(&["error[M045]", "verify.bound"]);
}
