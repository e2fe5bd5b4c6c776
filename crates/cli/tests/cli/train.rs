//! `trifactor train`.

use crate::models::Place;
use crate::reproduce::{SETTINGS, trained_with};

/// A model `m` whose training has a second part, and nothing trained yet.
fn two_parts() -> Place {
    let place = trained_with("");
    let then = SETTINGS.replacen("updates: 1", "updates: 2", 1);
    place.write("m/more.ron", then.as_bytes());
    let first = SETTINGS.replacen("updates: 1", "updates: 1, then: \"more.ron\"", 1);
    place.write("m/train.ron", first.as_bytes());
    place
}

#[test]
fn a_second_part_goes_on_where_the_first_one_ends() {
    let place = two_parts();
    let both = place.call(&["train", "m", "--out", "both", "--threads", "1"]).expect_code(0);
    both.expect_printed(&["seed 1: 1 updates", "seed 11: 2 updates", "both/then/params"]);
    let same = ["train", "m", "--settings", "m/more.ron", "--from", "run/params.safetensors"];
    place.call(&[&same[..], &["--seed", "11", "--out", "by-hand"]].concat()).expect_code(0);
    let params = |run: &str| place.read(&format!("{run}/params.safetensors"));
    assert_eq!(params("both"), params("run"), "the first part is that of a training without more");
    assert_eq!(params("both/then"), params("by-hand"));
    assert_ne!(params("both/then"), params("both"));

    let whole = params("both/then");
    std::fs::remove_dir_all(place.path("both/then")).expect("it is there");
    place.call(&["train", "m", "--out", "both", "--resume"]).expect_code(0);
    assert_eq!(params("both/then"), whole, "a second part that was not begun is begun");
    let again = place.call(&["train", "m", "--out", "both"]).expect_code(1);
    again.expect_nothing_printed();
}

#[test]
fn a_number_of_updates_leaves_the_second_part_out() {
    let place = two_parts();
    place.call(&["train", "m", "--out", "short", "--updates", "2"]).expect_code(0);
    assert!(!place.path("short/then").exists());
}

#[test]
fn parts_that_cannot_follow_are_refused_before_the_first_one() {
    let place = two_parts();
    place.write("m/more.ron", SETTINGS.replacen("batch: 4", "batch: 3", 1).as_bytes());
    let wrong = place.call(&["train", "m", "--out", "none"]).expect_code(1);
    wrong.expect_said(&["more.ron", "batch"]).expect_nothing_printed();
    std::fs::remove_file(place.path("m/more.ron")).expect("it is there");
    let gone = place.call(&["train", "m", "--out", "none"]).expect_code(1);
    gone.expect_said(&["more.ron"]);
    let circle = SETTINGS.replacen("updates: 1", "updates: 1, then: \"train.ron\"", 1);
    place.write("m/train.ron", circle.as_bytes());
    let circle = place.call(&["train", "m", "--out", "none"]).expect_code(1);
    circle.expect_said(&["then:", "8 are the limit"]);
    assert!(!place.path("none").exists());
}
