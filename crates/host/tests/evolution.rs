//! Evolution strategies as a run: they learn, and what they write depends on nothing else.

// What was measured is worth seeing.
#![allow(clippy::print_stderr)]

mod support;

use std::fs;
use std::path::Path;
use support::{Kill, SETTINGS, files, model, options};
use trifactor_host::{RunDirectory, Settings};
use trifactor_model::Model;

/// The first stage alone, by evolution.
fn settings(updates: u64, population: usize, batch: usize) -> Settings {
    let method = format!("method: Evolution(population: {population}, sigma: 0.05)");
    let text = SETTINGS
        .replace("updates: 6,", &format!("updates: {updates}, {method},"))
        .replace("batch: 12, width: 4", &format!("batch: {batch}, width: 4"))
        // A rule is not learned in seconds; a costly and overconfident net can be calmed in them.
        .replace("weight: 0.1", "weight: 2.0")
        .replace("until: 0.0, over: 2", "over: 2");
    let mut settings = Settings::parse(&text).expect("legal");
    settings.stages.truncate(1);
    settings
}

fn run(path: &Path, model: &Model, settings: &Settings, resume: bool, threads: usize, kill: u64) {
    let mut run = RunDirectory::open(path, model, settings, &options(resume, threads)).expect("it");
    run.run(model, &mut Kill(kill)).expect("a run");
}

#[test]
fn the_loss_falls_without_a_reverse_run() {
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let path = place.path().join("run");
    run(&path, &model, &settings(60, 16, 12), false, 2, 0);
    let table = fs::read_to_string(path.join("metrics.csv")).expect("a table");
    let column = |name: &str| -> Vec<f64> {
        let at = table.lines().next().and_then(|h| h.split(',').position(|c| c == name));
        let cell = |row: &str| row.split(',').nth(at.expect("a column")).map(str::to_owned);
        table.lines().skip(1).map(|r| cell(r).expect("a cell").parse().expect("a number")).collect()
    };
    let loss = column("loss");
    let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
    let (first, last) = (mean(&loss[..5]), mean(&loss[50..]));
    eprintln!("loss {first:.3} in the first updates, {last:.3} in the last");
    assert!(last < 0.9 * first, "{first} {last}");
}

#[test]
fn threads_and_interruptions_leave_the_same_bytes() {
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let settings = settings(5, 16, 12);
    let straight = place.path().join("straight");
    run(&straight, &model, &settings, false, 1, 0);
    let expected = files(&straight);
    assert_eq!(expected.len(), 5);
    let threads = place.path().join("threads");
    run(&threads, &model, &settings, false, 3, 0);
    assert_eq!(files(&threads), expected);
    let killed = place.path().join("killed");
    for kill in [1, 3, 0] {
        run(&killed, &model, &settings, true, 2, kill);
    }
    assert_eq!(files(&killed), expected);
}
