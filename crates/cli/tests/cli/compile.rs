//! `trifactor compile`.

use crate::models::{PAIR, Place};

#[test]
fn an_image_is_written_and_how_full_the_cores_are_is_printed() {
    let place = Place::with_model(PAIR);
    let outcome = place.call(&["compile", "m", "-o", "pair.elf"]).expect_code(0);
    let outcome = outcome.expect_said(&["wrote pair.elf"]);
    outcome.expect_printed(&["core", "synapse", "microcode", "16,384", "holds", "1 of 128 cores"]);
    assert!(place.read("pair.elf").starts_with(b"\x7fELF"));
    assert_eq!(place.names("."), ["m", "pair.elf"]);
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let place = Place::with_model(PAIR);
    for name in ["a.elf", "b.elf"] {
        place.call(&["compile", "m", "-o", name]).expect_code(0);
    }
    assert!(place.read("a.elf") == place.read("b.elf"));
}

#[test]
fn the_table_for_machines_names_the_image_and_every_resource() {
    let place = Place::with_model(PAIR);
    let value = place.call(&["compile", "m", "-o", "a.elf", "--json"]).expect_code(0).json();
    assert_eq!(value["image"], "a.elf");
    assert_eq!(value["cores"][0]["core"], 0);
    let resources = value["cores"][0]["resources"].as_array().expect("a list");
    let words = resources.iter().find(|r| r["name"] == "synapse words").expect("it is counted");
    assert!(words["used"].as_u64() > Some(0) && words["allowed"] == 16_384, "{words}");
}

#[test]
fn a_model_that_fails_leaves_no_file_and_keeps_an_old_one() {
    let place = Place::with_model(&PAIR.replace("rule: \"stdp\"", "rule: \"sdtp\""));
    let refused = place.call(&["compile", "m", "-o", "new.elf"]).expect_code(1);
    refused.expect_said(&["error[M010]", "did you mean 'stdp'?"]).expect_nothing_printed();
    place.write("old.elf", b"old");
    place.call(&["compile", "m", "-o", "old.elf"]).expect_code(1);
    assert_eq!(place.read("old.elf"), b"old");
    assert_eq!(place.names("."), ["m", "old.elf"]);
}

#[test]
fn a_model_that_does_not_fit_is_refused_with_the_limit_and_writes_nothing() {
    let place = {
        let two = PAIR.replace("\"post\": (n: 1", "\"post\": (n: 2");
        Place::with_model(&two.replace("OneToOne", "AllToAll"))
    };
    let chip = place.call(&["explain", "superset"]).expect_code(0).out;
    // One core of one compartment.
    let tiny = chip
        .replace("columns: 8, rows: 4", "columns: 1, rows: 1")
        .replace("cores_per_tile: 4", "cores_per_tile: 1")
        .replace("compartments: 1024", "compartments: 1");
    place.write("tiny.ron", tiny.as_bytes());
    let arguments = ["compile", "m", "--chip", "tiny.ron", "-o", "a.elf"];
    let refused = place.call(&arguments).expect_code(1).expect_nothing_printed();
    refused.expect_said(&["error[C0", "post", "hint:"]);
    assert_eq!(place.names("."), ["m", "tiny.ron"]);
}

#[test]
fn a_place_that_cannot_be_written_is_named_and_nothing_is_left() {
    let place = Place::with_model(PAIR);
    place.write("folder/keep", b"");
    place.call(&["compile", "m", "-o", "gone/a.elf"]).expect_code(1).expect_said(&["gone/a.elf"]);
    place
        .call(&["compile", "m", "-o", "folder"])
        .expect_code(1)
        .expect_said(&["folder is a folder"]);
    assert_eq!(place.names("."), ["folder", "m"]);
    assert_eq!(place.names("folder"), ["keep"]);
}

#[test]
fn an_image_must_have_a_name() {
    Place::with_model(PAIR).call(&["compile", "m"]).expect_code(2).expect_said(&["--output"]);
}
