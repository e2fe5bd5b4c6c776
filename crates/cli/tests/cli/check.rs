//! `trifactor check`.

use crate::models::{PAIR, Place};
use serde_json::json;

#[test]
fn a_good_model_is_summarised_on_standard_output() {
    let place = Place::with_model(PAIR);
    place.call(&["check", "m"]).expect_code(0).expect_printed(&[
        "model        pair\n",
        "chip         superset\n",
        "populations  3 with 4 lanes, 2 of them inputs\n",
        "projections  2 with 3 synapses, 1 plastic with 2\n",
        "proved       12 micro-operations compute the rule; 10 of 10 intermediates cannot saturate\n",
        "cores        1 of 128\n",
        "fullest      ",
    ]);
    assert_eq!(place.names("."), ["m"], "a check writes nothing");
}

#[test]
fn the_summary_for_machines_says_the_same() {
    let value = Place::with_model(PAIR).call(&["check", "m", "--json"]).expect_code(0).json();
    assert_eq!(value["ok"], true);
    assert_eq!(value["cores"], json!({ "used": 1, "of": 128 }));
    assert_eq!(value["populations"][0]["input"], true);
    let proved = &value["proved"];
    assert_eq!((&proved["rules"], &proved["unproved"]), (&json!(1), &json!(0)));
    assert_eq!(proved["intermediates"], proved["cannot_saturate"]);
    assert_eq!(value["projections"][0]["name"], "plastic");
    assert_eq!(value["projections"][0]["plastic"], true);
    assert_eq!(value["projections"][1]["synapses"], 1);
    assert!(value["model_hash"].as_str().is_some_and(|h| h.len() == 64));
}

#[test]
fn another_chip_can_be_named_or_given_as_a_file() {
    let place = Place::with_model(PAIR);
    let large = place.call(&["check", "m", "--chip", "large"]).expect_code(0);
    large.expect_printed(&["chip         large\n", "of 1,024"]);
    let chip = place.call(&["explain", "superset"]).expect_code(0).out;
    place.write("mine.ron", chip.replacen("\"superset\"", "\"mine\"", 1).as_bytes());
    place
        .call(&["check", "m", "--chip", "mine.ron"])
        .expect_code(0)
        .expect_printed(&["chip         mine\n"]);
}

#[test]
fn a_chip_that_does_not_exist_is_answered_with_the_nearest_one() {
    let place = Place::with_model(PAIR);
    let named = place.call(&["check", "m", "--chip", "supreset"]).expect_code(1);
    named.expect_said(&["error[C040]", "did you mean 'superset'?"]).expect_nothing_printed();
    place
        .call(&["check", "m", "--chip", "gone.ron"])
        .expect_code(1)
        .expect_said(&["error[C041]", "gone.ron"]);
}

#[test]
fn a_folder_that_is_not_there_and_one_without_a_model_are_told_apart() {
    let place = Place::new();
    place.write("empty/README.md", b"nothing here");
    place.call(&["check", "gone"]).expect_code(1).expect_said(&["there is no folder gone"]);
    place.call(&["check", "empty"]).expect_code(1).expect_said(&["error[M001]", "empty/model.ron"]);
}

#[test]
fn the_file_instead_of_its_folder_is_answered_with_the_folder() {
    let place = Place::with_model(PAIR);
    let said = place.call(&["check", "m/model.ron"]).expect_code(1);
    said.expect_said(&["m/model.ron is a file", "name the folder: m\n"]);
}

#[test]
fn several_findings_come_at_once_with_place_and_hint() {
    let text = PAIR.replace("pre: \"pre\", post: \"post\"", "pre: \"pr\", post: \"pots\"");
    let said =
        Place::with_model(&text).call(&["check", "m"]).expect_code(1).expect_nothing_printed();
    said.expect_said(&[
        "did you mean 'pre'?",
        "did you mean 'post'?",
        "at m/model.ron projections.plastic",
        "2 errors, 1 warning; `trifactor explain M010` says more",
    ]);
}

#[test]
fn findings_for_machines_are_printed_although_the_check_fails() {
    let text = PAIR.replace("threshold: 500.0", "treshold: 500.0");
    let outcome = Place::with_model(&text).call(&["check", "m", "--json"]).expect_code(1);
    let value = outcome.json();
    assert_eq!(value["ok"], false);
    let finding = &value["diagnostics"][0];
    assert_eq!(finding["code"], "M003");
    assert_eq!(finding["file"], "m/model.ron");
    assert_eq!(finding["line"], 4);
    assert!(finding["hint"].as_str().is_some_and(|h| h.contains("threshold")), "{finding}");
}

#[test]
fn a_file_that_is_no_text_is_refused_without_a_panic() {
    let place = Place::new();
    place.write("m/model.ron", &[0xff, 0xfe, 0, 1, 2]);
    place.call(&["check", "m"]).expect_code(1).expect_said(&["error[M001]"]);
}
