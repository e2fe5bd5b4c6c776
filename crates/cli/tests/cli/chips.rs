//! `trifactor chips`.

use crate::models::{PAIR, Place};

/// A chip with a synapse memory for one block only.
fn small(place: &Place) -> String {
    let chip = place.call(&["explain", "superset"]).expect_code(0).out;
    let chip = chip.replacen("\"superset\"", "\"small\"", 1);
    let small = chip.replacen("synapse_words: 16384", "synapse_words: 1", 1);
    assert_ne!(chip, small);
    place.write("small.ron", small.as_bytes());
    "small.ron".to_owned()
}

#[test]
fn chips_stand_side_by_side_and_one_that_is_too_small_says_why() {
    let place = Place::with_model(PAIR);
    let small = small(&place);
    let call = ["chips", "m", "--chip", "superset", "--chip", "large", "--chip", &small];
    place.call(&call).expect_code(0).expect_printed(&[
        "pair\n",
        "1 of 128",
        "1 of 1,024",
        "small",
        "does not fit",
        "small does not hold it:\n",
        "C020",
        "held by superset, large\n",
    ]);
    assert_eq!(place.names("."), ["m", "small.ron"], "a comparison writes nothing");
}

#[test]
fn the_comparison_for_machines_has_what_a_run_gave() {
    let place = Place::with_model(PAIR);
    let small = small(&place);
    let value = place.call(&["chips", "m", "--chip", "large", "--chip", &small, "--json"]);
    let value = value.expect_code(0).json();
    let (large, small) = (&value["chips"][0], &value["chips"][1]);
    assert_eq!((large["chip"].as_str(), large["fits"].as_bool()), (Some("large"), Some(true)));
    assert_eq!(value["per"], "trial");
    assert!(large["microseconds"].as_f64().is_some_and(|us| us > 0.0));
    assert!(large["microjoules"].as_f64().is_some_and(|uj| uj > 0.0));
    assert_eq!(small["fits"], false);
    assert_eq!(small["reasons"][0]["code"], "C020");

    let fit = place.call(&["chips", "m", "--chip", "large", "--fit-only", "--json"]);
    let fit = fit.expect_code(0).json();
    assert!(fit["per"].is_null() && fit["chips"][0]["microseconds"].is_null());
    assert_eq!(fit["chips"][0]["fullest"], large["fullest"]);
}

#[test]
fn all_built_in_chips_are_compared_unless_some_are_named() {
    let place = Place::with_model(PAIR);
    let value = place.call(&["chips", "m", "--fit-only", "--json"]).expect_code(0).json();
    let names: Vec<_> = value["chips"].as_array().expect("a list").iter().collect();
    assert!(names.iter().any(|c| c["chip"] == "superset"));
    assert!(names.iter().any(|c| c["chip"] == "large"));
    let gone = place.call(&["chips", "m", "--chip", "none"]).expect_code(1);
    gone.expect_said(&["error[C040]"]).expect_nothing_printed();
    let gone = place.call(&["chips", "nowhere"]).expect_code(1);
    gone.expect_said(&["there is no folder nowhere"]).expect_nothing_printed();
}

/// The model with a weight of 16 bits, which `loihi1` does not store.
fn wide() -> String {
    let wide = PAIR.replace(
        "    protocol: (",
        "    formats: { \"plastic.w\": (bits: 16, frac: 9) },\n    protocol: (",
    );
    assert_ne!(wide, PAIR);
    wide
}

#[test]
fn formats_bind_the_chip_that_the_model_names_and_are_wishes_for_another() {
    let place = Place::with_model(&wide());
    let note = "'plastic.w' has 8 bits, frac 1 on the chip 'loihi1', which does not store the 16 bits, frac 9 \
                that were chosen for 'superset'";
    let call = ["chips", "m", "--chip", "superset", "--chip", "loihi1", "--fit-only"];
    place.call(&call).expect_code(0).expect_printed(&["loihi1 holds it in other formats:\n", note]);
    let value = place.call(&[&call[..], &["--json"]].concat()).expect_code(0).json();
    assert_eq!(value["chips"][0]["notes"], serde_json::json!([]));
    let notes = &value["chips"][1]["notes"];
    assert_eq!(
        (notes[0]["code"].as_str(), notes[0]["message"].as_str()),
        (Some("Q107"), Some(note))
    );
    assert_eq!(notes[0]["key"], "formats.plastic.w");
    place
        .call(&["check", "m", "--chip", "loihi1"])
        .expect_code(0)
        .expect_said(&["warning[Q107]", note]);

    let own = wide().replacen("name: \"pair\",", "name: \"pair\", chip: \"loihi1\",", 1);
    let refused = Place::with_model(&own).call(&["check", "m"]).expect_code(1);
    refused.expect_said(&["error[Q002]", "16 bits are asked for 'plastic.w'"]);
}

#[test]
fn several_models_begin_with_a_table_of_all() {
    let place = Place::with_model(PAIR);
    place.write("n/model.ron", PAIR.replace("\"pair\"", "\"other\"").as_bytes());
    let small = small(&place);
    let call = ["chips", "m", "n", "--chip", "large", "--chip", &small, "--fit-only"];
    let printed = place.call(&call).expect_code(0);
    printed.expect_printed(&[
        "model    large      small\n",
        "pair    1 core   no: C020\n",
        "other   1 core   no: C020\n",
    ]);
    let value = place.call(&[&call[..], &["--json"]].concat()).expect_code(0).json();
    assert_eq!(value["models"][1]["model"], "other");
    assert_eq!(value["models"][1]["chips"][1]["fits"], false);
}
