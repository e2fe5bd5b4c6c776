//! The models that ship do what their pages say, on the emulated chip and in float.

use std::path::PathBuf;
use trifactor_lab::{CurveReport, FewShotReport, Report, RunOptions, Series, Silent, run_model};
use trifactor_model::{Model, load};

fn model(name: &str) -> Model {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../firmware-models").join(name);
    load(&folder).unwrap_or_else(|d| panic!("{name}: {d}"))
}

fn curves(name: &str, options: &RunOptions) -> CurveReport {
    match run_model(&model(name), options, &Silent) {
        Ok(Report::Curve(report)) => *report,
        Ok(Report::FewShot(_)) => panic!("{name} is no few-shot model"),
        Err(e) => panic!("{name}: {e}"),
    }
}

fn few_shot(name: &str, options: &RunOptions) -> FewShotReport {
    match run_model(&model(name), options, &Silent) {
        Ok(Report::FewShot(report)) => *report,
        Ok(Report::Curve(_)) => panic!("{name} is a few-shot model"),
        Err(e) => panic!("{name}: {e}"),
    }
}

/// *Learning to learn online*, equations 11 and 12: for one pair of spikes at a distance d the
/// weight changes by `A exp(-|d| / tau)`, here with A = 64 * 64 / (64 * 4) = 16 and tau = 20.
#[test]
fn the_pairing_curve_is_the_closed_form() {
    let report = curves("pair-stdp", &RunOptions::default());
    let [series] = report.series.as_slice() else { panic!("one curve is expected") };
    assert_eq!(series.points.len(), 61);
    for &(d, float, chip) in &series.points {
        let expected = match d {
            d if d > 0.0 => 16.0 * (-d / 20.0).exp(),
            d if d < 0.0 => -16.0 * (d / 20.0).exp(),
            _ => 0.0,
        };
        assert!((float - expected).abs() < 1e-4, "float at {d}: {float}, not {expected}");
        // A trace of 12 bits with 5 of them fraction rounds stochastically in each of up to 60
        // steps; a quarter of its error reaches the weight. Four standard errors of 60 roundings.
        let tolerance = 0.25 * 4.0 * (60.0f64 / 6.0).sqrt() / 32.0 + 2f64.powi(-9);
        assert!((chip - expected).abs() < tolerance, "chip at {d}: {chip}, not {expected}");
    }
}

/// A protocol that reads nothing out is still a run with a cost; it has no curve to draw.
#[test]
fn a_run_without_a_read_out_has_no_picture() {
    let mut silent = model("pair-stdp");
    let protocol = silent.protocol.as_mut().expect("it has one");
    protocol.phases[0].readout = None;
    let options = RunOptions { trials: Some(2), ..RunOptions::default() };
    let report = run_model(&silent, &options, &Silent).unwrap_or_else(|e| panic!("{e}"));
    let names: Vec<String> = report.files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["report.txt", "report.json", "curve.csv"]);
}

fn change(series: &[Series], name: &str, phase: usize) -> (f64, f64) {
    let s = series.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no curve '{name}'"));
    let ((_, f0, c0), (_, f1, c1)) = (s.points[phase - 1], s.points[phase]);
    (f1 - f0, c1 - c0)
}

/// Equations 17 and 19 and the pre-specific form: each kind of modulator moves the weights that
/// are meant, with its sign, in float and on the chip.
#[test]
fn each_kind_of_modulator_moves_the_weights_that_are_meant() {
    let report = curves("three-factor", &RunOptions::default());
    let (first, second) = ("policy.w 0 to 0", "policy.w 1 to 1");
    // Global reward, error (+actor 0, -actor 1), salience (-sensor 0, +sensor 1), punishment.
    for (phase, signs) in [(1, [1.0, 1.0]), (2, [1.0, -1.0]), (3, [-1.0, 1.0]), (4, [-1.0, -1.0])] {
        for (name, sign) in [first, second].into_iter().zip(signs) {
            let (float, chip) = change(&report.series, name, phase);
            assert!(float * sign > 0.02, "phase {phase}, {name}: float moved by {float}");
            assert!((float - chip).abs() < 0.002, "phase {phase}, {name}: chip moved by {chip}");
        }
    }
}

/// A short version of the main job. The published run has 10,000 queries; with 150 of them an
/// accuracy of 0.967 has a standard error of 0.015, so 0.90 is more than four of them away.
#[test]
fn the_chip_learns_characters_from_one_drawing() {
    let options = RunOptions { trials: Some(30), ..RunOptions::default() };
    let report = few_shot("one-shot-prototypes", &options);
    let mean = |key: &str| report.accuracy(key).map(|e| e.mean).unwrap_or_default();
    assert_eq!(report.n_queries, 150);
    assert!(mean("chip") > 0.90, "chip: {}", mean("chip"));
    assert!((mean("float") - mean("chip")).abs() <= 0.03, "float: {}", mean("float"));
    assert!(mean("chip") > mean("nearest_blurred") + 0.1);
    assert!(mean("nearest_blurred") > mean("nearest_raw"));
    // Chance is 0.2; with learning off only noise is left.
    assert!((0.08..0.33).contains(&mean("learning_off")), "off: {}", mean("learning_off"));
    assert_eq!(report.saturations, Vec::new());
    assert!(report.microseconds_per_trial > 100.0 && report.microjoules_per_trial > 1.0);
}

/// Decision 9 and S51: results do not depend on the number of threads.
#[test]
fn one_and_two_threads_give_the_same_answers_and_the_same_energy() {
    let run = |threads| {
        let options =
            RunOptions { trials: Some(6), threads: Some(threads), ..RunOptions::default() };
        few_shot("one-shot-prototypes", &options)
    };
    let (one, two) = (run(1), run(2));
    assert_eq!(one.chip_run.trials, two.chip_run.trials);
    assert_eq!(one.float_run.trials, two.float_run.trials);
    assert_eq!(one.to_json(), two.to_json());
    assert_eq!(one.picture, two.picture);
}

/// Another seed draws other trials; the same seed the same ones.
#[test]
fn the_seed_of_a_run_decides_its_trials() {
    let run = |seed| {
        let options = RunOptions { trials: Some(4), seed: Some(seed), ..RunOptions::default() };
        few_shot("one-shot-prototypes", &options).chip_run.trials
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}
