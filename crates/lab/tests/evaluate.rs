//! The same small net on the evaluation of its settings, drawn and recorded.

mod support;

use std::fs;
use std::path::Path;
use support::{SETTINGS, train, trained, untrained};
use trifactor_lab::reproduce::{ReproduceOptions, reproduce};
use trifactor_lab::{EvaluateOptions, Evaluation, Silent, evaluate};

fn options() -> EvaluateOptions {
    EvaluateOptions { threads: Some(1), ..EvaluateOptions::default() }
}

fn report(folder: &Path, options: &EvaluateOptions) -> Evaluation {
    evaluate(folder, options, &Silent).unwrap_or_else(|e| panic!("{e}"))
}

#[track_caller]
fn refused(folder: &Path, options: &EvaluateOptions) -> String {
    match evaluate(folder, options, &Silent) {
        Ok(_) => panic!("it was done"),
        Err(error) => error.to_string(),
    }
}

/// Episodes of 12 steps in the model's folder, and settings that evaluate on them.
fn record(folder: &Path, episodes: usize) {
    let npy = |name: &str, shape: &str, values: Vec<u8>| {
        let mut head = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}");
        while !(10 + head.len() + 1).is_multiple_of(64) {
            head.push(' ');
        }
        head.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((head.len() as u16).to_le_bytes());
        bytes.extend(head.as_bytes());
        bytes.extend(values);
        fs::write(folder.join(name), bytes).expect("a file");
    };
    let spikes = |lanes: usize| -> Vec<u8> {
        (0..episodes * 12 * lanes).map(|i| u8::from(i * i % 7 < 3)).collect()
    };
    npy("sensors.npy", &format!("{episodes}, 12, 8"), spikes(8));
    npy("signal.npy", &format!("{episodes}, 12, 2"), spikes(2));
    npy("labels.npy", &format!("{episodes},"), (0..episodes).map(|e| (e % 2) as u8).collect());
    let start = SETTINGS.split("    evaluation:").next().expect("settings");
    let evaluation = r#"evaluation: (every: 1, episodes: 50, task: Recorded((
        inputs: {"sensors": "sensors.npy", "signal": "signal.npy"},
        labels: "labels.npy", classes: 2, window: (10, 12),
    ))),"#;
    fs::write(folder.join("train.ron"), format!("{start}{evaluation})")).expect("a file");
}

#[test]
fn a_drawn_task_gives_what_a_reproduction_gives() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = trained(place.path());
    let found = report(&folder, &EvaluateOptions { episodes: Some(60), ..options() });
    assert_eq!(found.seed, 5, "another seed than that of the training's measurements");
    let known = ReproduceOptions {
        episodes: Some(60),
        cues: Some(vec![1]),
        threads: Some(1),
        ..ReproduceOptions::default()
    };
    let known = reproduce(&folder, &known, &Silent).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(found.float, known.rows[0].float);
    assert_eq!(found.rates_zero, known.rates_zero);
    let (chip, row) = found.chip.as_ref().expect("a chip");
    let other = known.rows[0].chip.as_ref().expect("a chip");
    assert_eq!((row.accuracy, row.difference), (other.accuracy, other.difference));
    assert_eq!(row.cost, other.cost);
    assert_eq!(chip.name, "superset");
}

#[test]
fn the_report_has_every_part_in_both_forms_whatever_the_threads() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = trained(place.path());
    let found = report(&folder, &options());
    let json = found.to_json();
    assert_eq!((&json["episodes"], &json["chance"]), (&16.into(), &0.5.into()));
    for machine in ["float", "chip", "rates_zero"] {
        assert!(json["accuracy"][machine].is_f64(), "{machine}");
        assert!(json["intervals"][machine][1].is_f64(), "{machine}");
    }
    assert!(json["chip_minus_float"]["half_width"].is_f64());
    assert_eq!(json["steps_per_episode"], 56.0);
    assert!(json["microjoules_per_episode"].as_f64().is_some_and(|e| e > 0.0));
    let text = found.to_string();
    for part in ["16 evaluation episodes, seed 5", "chip ", "minus float", "uJ", "1 of 128"] {
        assert!(text.contains(part), "'{part}' is not in:\n{text}");
    }
    let two = report(&folder, &EvaluateOptions { threads: Some(2), ..options() });
    assert_eq!((two.to_string(), two.to_json()), (text, json));
    let alone = report(&folder, &EvaluateOptions { float_only: true, ..options() });
    assert_eq!(alone.float, found.float);
    assert!(alone.chip.is_none() && alone.to_json()["chip_minus_float"].is_null());
    assert!(alone.to_string().contains("the chip was left out"));
}

#[test]
fn recorded_episodes_are_found_in_the_model_s_folder_and_each_counts_once() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = trained(place.path());
    record(&folder, 20);
    let found = report(&folder, &options());
    assert_eq!((found.episodes, found.float.episodes), (20, 20), "50 are in the settings");
    assert_eq!(found.to_json()["steps_per_episode"], 14.0);
    let fewer = report(&folder, &EvaluateOptions { episodes: Some(8), ..options() });
    assert_eq!(fewer.episodes, 8);
    let more = refused(&folder, &EvaluateOptions { episodes: Some(21), ..options() });
    assert!(more.contains("the evaluation has 20 recorded ones"), "{more}");
    // The seed chooses nothing: the float reading draws nothing either.
    let other = report(&folder, &EvaluateOptions { seed: Some(99), ..options() });
    assert_eq!(other.float, found.float);
    fs::remove_file(folder.join("labels.npy")).expect("it was there");
    assert!(refused(&folder, &options()).contains("labels.npy"));
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = untrained(place.path());
    assert!(refused(&folder, &options()).contains("params.safetensors is not there"));
    train(place.path(), &folder, false, "params.safetensors");
    let none = EvaluateOptions { chip: Some("none".to_owned()), ..options() };
    assert!(refused(&folder, &none).contains("there is no chip 'none'"));
    let bad = place.path().join("bad.safetensors");
    fs::write(&bad, b"not this").expect("a file");
    let bad = refused(&folder, &EvaluateOptions { params: Some(bad), ..options() });
    assert!(bad.contains("is not a safetensors file"), "{bad}");
    let start = SETTINGS.split("    evaluation:").next().expect("settings");
    for (text, words) in [
        (format!("{start})"), "train.ron: has no `evaluation`"),
        (SETTINGS.replace("group: 2", "group: 3"), "'sensors' has 8 lanes; the task drives 12"),
        (SETTINGS.replace("cues: 1", "cues: 2"), "cues is 2; an odd number"),
        ("(".to_owned(), "train.ron: line 1"),
    ] {
        fs::write(folder.join("train.ron"), text).expect("a file");
        let error = refused(&folder, &options());
        assert!(error.contains(words), "'{words}' is not in: {error}");
    }
}
