//! The rule of every firmware model that learns.

use crate::support::{simulator, usual_ticks};
use std::fs;
use std::path::{Path, PathBuf};
use trifactor_lab::{Prepared, find_chip, prepare};
use trifactor_model::load;
use trifactor_rtl::{CheckOptions, Ticks, check, learners};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware-models")
}

/// The names of all models that ship.
pub fn models() -> Vec<String> {
    let entries = fs::read_dir(folder()).expect("the models are there");
    let mut names: Vec<String> = entries
        .map(|e| e.expect("readable"))
        .filter(|e| e.path().join("model.ron").is_file())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A model, compiled for the chip that it names.
pub fn prepared(name: &str) -> Prepared {
    let model = load(&folder().join(name)).unwrap_or_else(|d| panic!("{name}: {d}"));
    let chip = find_chip(&model.chip).unwrap_or_else(|d| panic!("{name}: {d}"));
    prepare(&model, chip).unwrap_or_else(|d| panic!("{name}: {d}"))
}

#[test]
fn every_rule_of_every_model_gives_the_same_in_the_engine() {
    let options = CheckOptions { states: 400, seed: 5 };
    let (mut rules, mut models_that_learn, mut skipped, mut saturated) = (0, 0, 0, 0);
    for name in models() {
        let prepared = prepared(&name);
        let image = &prepared.compiled.image;
        if learners(image, &prepared.chip).is_empty() {
            continue;
        }
        models_that_learn += 1;
        let ticks = Ticks::of(&prepared.chip, None).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(ticks, usual_ticks(), "{name}: a clocking that costs a build of its own");
        let Some(simulator) = simulator(ticks) else { return };
        let reports = check(image, &prepared.chip, &simulator, &options);
        for report in reports.unwrap_or_else(|e| panic!("{name}: {e}")) {
            let rule = &report.learner.rule;
            if let Some(found) = &report.finding {
                panic!("{name}: {}\n{:?}", found.difference.describe(rule), found.synapse);
            }
            assert_eq!(report.evaluated + report.skipped, 400, "{name}");
            assert!(report.evaluated > 100, "{name}: {} evaluated", report.evaluated);
            rules += 1;
            skipped += report.skipped;
            saturated += report.saturated;
        }
    }
    // Sixteen models with a rule ship; a folder that is not found would compare nothing.
    assert!(models_that_learn >= 16, "{models_that_learn}");
    assert!(rules >= models_that_learn, "{rules}");
    assert!(skipped > 300 && saturated > 1000, "{skipped} skipped, {saturated} saturated");
}
