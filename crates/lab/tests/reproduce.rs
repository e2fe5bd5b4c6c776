//! A small net on a short task, through the whole of a reproduction.

mod support;

use std::fs;
use std::path::Path;
use support::{SETTINGS, train, trained, untrained};
use trifactor_lab::reproduce::{Reading, ReproduceOptions, Reproduction, reproduce};
use trifactor_lab::{LabError, Silent};

fn options() -> ReproduceOptions {
    ReproduceOptions {
        episodes: Some(60),
        cues: Some(vec![3, 1, 3]),
        threads: Some(1),
        ..ReproduceOptions::default()
    }
}

fn report(folder: &Path, options: &ReproduceOptions) -> Reproduction {
    reproduce(folder, options, &Silent).unwrap_or_else(|e| panic!("{e}"))
}

#[track_caller]
fn refused(folder: &Path, options: &ReproduceOptions) -> LabError {
    match reproduce(folder, options, &Silent) {
        Ok(_) => panic!("it was done"),
        Err(error) => error,
    }
}

#[test]
fn the_report_has_every_part_in_all_its_forms() {
    let place = tempfile::tempdir().expect("a folder");
    let found = report(&trained(place.path()), &options());
    let json = found.to_json();
    assert_eq!(json["episodes"], 60);
    assert_eq!(json["sides"], "biased");
    assert_eq!(json["seed"], 5, "another seed than that of the training's measurements");
    assert_eq!(json["published"]["5"], 0.956);
    for machine in ["float", "chip"] {
        let shares = json["accuracy"][machine].as_object().expect("by cues");
        assert_eq!(shares.keys().collect::<Vec<_>>(), ["1", "3"], "{machine}");
        assert!(shares.values().all(|a| a.as_f64().is_some_and(|a| (0.0..=1.0).contains(&a))));
    }
    for control in ["no_plasticity", "rates_zero"] {
        let share = json["accuracy"][control].as_f64().expect(control);
        assert!((share - 0.5).abs() < 0.26, "{control}: {share}");
    }
    for reading in ["biased", "iid", "background"] {
        assert!(json["readings"][reading]["ideal_observer"].is_f64(), "{reading}");
    }
    assert!(json["microjoules_per_episode"].as_f64().is_some_and(|e| e > 0.0));
    // One cue: three trials of 5 + 4 + 3 + 6 steps, and two until the answer is there.
    assert_eq!(json["reference_cues"], 1);
    assert_eq!(json["steps_per_episode"], 56.0);
    assert_eq!(json["cores"], 1);

    let files = found.files();
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "report.md",
        "report.json",
        "accuracy.csv",
        "cues.png",
        "learning-curve.png",
        "episode.png",
        "weights.png",
    ];
    assert_eq!(names, expected);
    let markdown = String::from_utf8(files[0].1.clone()).expect("text");
    for (name, content) in &files[3..] {
        assert!(content.starts_with(b"\x89PNG\r\n"), "{name}");
        assert!(markdown.contains(name.as_str()), "{name} is not shown");
    }
    let text = found.to_string();
    for part in ["published", "ideal observer", "trained without plasticity", "uJ", "1 of 128"] {
        assert!(text.contains(part), "'{part}' is not in:\n{text}");
    }
}

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = trained(place.path());
    let with = |threads| report(&folder, &ReproduceOptions { threads: Some(threads), ..options() });
    let (one, two) = (with(1), with(2));
    assert_eq!(one.to_string(), two.to_string());
    assert!(one.files() == two.files());
}

#[test]
fn chip_and_float_answer_the_same_episodes() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = trained(place.path());
    let both = report(&folder, &options());
    let alone = report(&folder, &ReproduceOptions { float_only: true, ..options() });
    for (row, other) in both.rows.iter().zip(&alone.rows) {
        assert_eq!(row.float, other.float);
        assert!(other.chip.is_none());
        let chip = row.chip.as_ref().expect("a chip");
        assert!((chip.difference.mean - (chip.accuracy.mean - row.float.mean)).abs() < 1e-12);
        // Answers to other episodes would differ in half of them.
        let share = chip.difference.half_width.powi(2) * 60.0 / 1.96f64.powi(2);
        assert!(share < 0.3, "{share} of the answers differ");
    }
    assert!(alone.to_json()["microjoules_per_episode"].is_null());
    let other = report(&folder, &ReproduceOptions { seed: Some(9), ..options() });
    assert_ne!(other.to_json()["accuracy"], both.to_json()["accuracy"]);
}

#[test]
fn a_report_names_its_reading() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = trained(place.path());
    for reading in [Reading::Background, Reading::OneSided] {
        let chosen =
            ReproduceOptions { reading, float_only: true, cues: Some(vec![3]), ..options() };
        let found = report(&folder, &chosen);
        assert_eq!(found.to_json()["sides"], reading.word());
        assert_eq!(found.readings[0].reading, reading);
    }
}

#[test]
fn the_control_is_measured_with_its_own_parameters() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = trained(place.path());
    let short = ReproduceOptions { float_only: true, cues: Some(vec![1]), ..options() };
    let found = report(&folder, &short);
    let control = Some(folder.join("no-plasticity.safetensors"));
    let params = ReproduceOptions { params: control, ..short.clone() };
    assert_eq!(found.no_plasticity, report(&folder, &params).rates_zero);
    // Two updates as large as the weights themselves.
    let large = SETTINGS.replace("updates: 2", "updates: 2, optimiser: (rate: 1.0, average: 0.0)");
    fs::write(folder.join("train.ron"), large).expect("a file");
    train(&place.path().join("other"), &folder, true, "no-plasticity.safetensors");
    let other = report(&folder, &short);
    assert_eq!(other.rates_zero, found.rates_zero);
    assert_ne!(other.no_plasticity, found.no_plasticity);
}

#[test]
fn what_a_model_does_not_ship_is_said() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = trained(place.path());
    fs::remove_file(folder.join("no-plasticity.safetensors")).expect("it was there");
    fs::remove_dir_all(folder.join("training")).expect("it was there");
    let found = report(&folder, &ReproduceOptions { float_only: true, ..options() });
    assert!(found.to_json()["accuracy"]["no_plasticity"].is_null());
    let text = found.to_string();
    assert!(text.contains("not measured: no no-plasticity.safetensors"), "{text}");
    assert!(text.contains("the chip was left out"), "{text}");
    assert!(found.files().iter().all(|(name, _)| name != "learning-curve.png"));
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = untrained(place.path());
    let missing = refused(&folder, &options());
    assert!(matches!(missing, LabError::NoParams { .. }), "{missing}");
    assert!(missing.to_string().contains("params.safetensors is not there"), "{missing}");
    train(place.path(), &folder, false, "params.safetensors");
    let params = |name: &str, content: &[u8]| {
        let path = place.path().join(name);
        fs::write(&path, content).expect("a file");
        ReproduceOptions { params: Some(path), ..options() }
    };
    let cases: [(ReproduceOptions, &str); 5] = [
        (ReproduceOptions { cues: Some(vec![1, 4]), ..options() }, "cues is 4; an odd number"),
        (ReproduceOptions { cues: Some(vec![101]), ..options() }, "cues is 101"),
        (ReproduceOptions { cues: Some(vec![]), ..options() }, "no number of cues"),
        (
            ReproduceOptions { chip: Some("none".to_owned()), ..options() },
            "there is no chip 'none'",
        ),
        (params("bad.safetensors", b"not this"), "is not a safetensors file"),
    ];
    for (chosen, word) in cases {
        let error = refused(&folder, &chosen).to_string();
        assert!(error.contains(word), "'{word}' is not in: {error}");
    }
    fs::write(folder.join("training/evaluation-seed-1.csv"), "a,b\n1,2\n").expect("a file");
    let error = refused(&folder, &options()).to_string();
    assert!(error.contains("evaluation-seed-1.csv: has no column 'update'"), "{error}");
    fs::remove_file(folder.join("train.ron")).expect("it was there");
    let error = refused(&folder, &options()).to_string();
    assert!(error.contains("train.ron"), "{error}");
}
