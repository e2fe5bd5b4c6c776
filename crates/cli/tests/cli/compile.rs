//! `trifactor compile`.

use crate::models::{PAIR, Place};
use std::path::Path;

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

/// Two populations on eight cores that talk across the author's order, expected to fire half as
/// often as their inputs.
const SPREAD: &str = r#"#![enable(implicit_some)]
(
    name: "spread", chip: "two.ron", neurons_per_core: 4,
    rates: { "left": 0.5, "right": 0.5 },
    inputs: { "in": (n: 16) },
    populations: {
        "left": (n: 16, tau_u: 5.0, tau_v: 20.0, threshold: 1.0),
        "right": (n: 14, tau_u: 5.0, tau_v: 20.0, threshold: 1.0),
    },
    projections: {
        "ff": (pre: "in", post: "left", connect: OneToOne, weights: 1.0),
        "across": (pre: "left", post: "right", connect: List([
            (0, 13), (1, 12), (2, 11), (3, 10), (4, 9), (5, 8), (6, 7), (7, 6),
            (8, 5), (9, 4), (10, 3), (11, 2), (12, 1), (13, 0), (14, 7), (15, 6),
        ]), weights: 1.0),
        "back": (pre: "right", post: "left", connect: List([
            (0, 13), (1, 12), (4, 9), (5, 8), (8, 5), (9, 4), (12, 1), (13, 0),
        ]), weights: 1.0),
    },
)"#;

/// Two chips of three tiles of two cores each.
const TWO_CHIPS: &str = r#"(name: "two", doc: "two small chips", base: "superset",
    mesh: (columns: 3, rows: 1, cores_per_tile: 2, chips: (columns: 1, rows: 2)))"#;

#[test]
fn the_report_of_the_mesh_is_what_the_golden_file_says() {
    let place = Place::with_model(SPREAD);
    place.write("two.ron", TWO_CHIPS.as_bytes());
    let call = ["compile", "m", "-o", "a.elf", "--report", "--chip", "two.ron"];
    let text = place.call(&call).expect_code(0).out;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/mesh_report.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("the folder exists");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == golden, "run with BLESS=1 if this is meant:\n{text}");
}

#[test]
fn the_mesh_for_machines_agrees_with_the_image() {
    let place = Place::with_model(SPREAD);
    place.write("two.ron", TWO_CHIPS.as_bytes());
    let call = ["compile", "m", "-o", "a.elf", "--json", "--chip", "two.ron"];
    assert!(place.call(&call).expect_code(0).json()["mesh"].is_null(), "nobody asked");
    let call = ["compile", "m", "-o", "a.elf", "--report", "--json", "--chip", "two.ron"];
    let value = place.call(&call).expect_code(0).json();
    let mesh = &value["mesh"];
    let number = |v: &serde_json::Value| v["core"].as_u64().expect("a number");
    let list = |v: &serde_json::Value| -> Vec<u64> {
        v["cores"].as_array().expect("a list").iter().map(number).collect()
    };
    assert_eq!(list(mesh), list(&value));
    assert_eq!(list(mesh).len(), 8);
    let (before, after) = (&mesh["author_order"], &mesh["arranged"]);
    assert_eq!((&after["tiles"], &after["chips"]), (&4.into(), &2.into()));
    let hops = |v: &serde_json::Value| v["hops_per_spike"].as_f64().expect("a number");
    assert!(0.0 < hops(after) && hops(after) < hops(before), "{mesh}");
    let loaded = &before["most_loaded"];
    let parts = loaded["projections"].as_array().expect("a list").iter();
    let sum: f64 = parts.map(|p| p["messages"].as_f64().expect("a number")).sum();
    assert_eq!(Some(sum), loaded["messages"].as_f64(), "projections account for all of a load");
    assert_eq!(mesh["cores"][0]["full"]["resource"], "neurons");
}
