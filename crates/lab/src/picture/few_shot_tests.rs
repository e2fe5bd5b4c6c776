//! Tests of the few-shot figure.

use super::*;

/// A drawing of one stroke that depends on `seed`.
fn stroke(seed: usize) -> Vec<f32> {
    (0..64).map(|i| if (i / 8 + seed) % 8 == i % 8 { 1.0 } else { 0.0 }).collect()
}

fn figure() -> FewShot {
    let queries = [(0, Some(0)), (1, Some(2)), (2, None)];
    let query = |(slot, choice)| ShownQuery { pixels: stroke(3), slot, choice };
    let trial =
        ShownTrial { support: (0..3).map(stroke).collect(), queries: queries.map(query).into() };
    let map = WeightMap { name: "output 1".into(), values: vec![0.5; 64], rows: 8, cols: 8 };
    let score = Score { name: "chip".into(), mean: 0.9, half_width: 0.02, baseline: false };
    FewShot {
        title: "Learning from one drawing".into(),
        image_size: (8, 8),
        trials: vec![trial],
        weights: vec![map],
        accuracies: vec![score],
    }
}

#[test]
fn a_figure_is_a_png_and_the_same_bytes_twice() {
    let first = few_shot(&figure()).unwrap();
    assert_eq!(&first[..8], b"\x89PNG\r\n\x1a\n");
    // Width in the header chunk.
    assert_eq!(first[16..20], 1600u32.to_be_bytes());
    assert_eq!(first, few_shot(&figure()).unwrap());
    assert_eq!(few_shot_svg(&figure()).unwrap(), few_shot_svg(&figure()).unwrap());
}

#[test]
fn answers_are_marked_right_wrong_or_missing() {
    let svg = few_shot_svg(&figure()).unwrap();
    for answer in ["✓ 1", "✗ 3 (2)", "– (3)", "90.0", "chance"] {
        assert!(svg.contains(&format!(">{answer}<")), "{answer} is missing");
    }
}

#[test]
fn a_figure_without_content_is_an_error() {
    let mut f = figure();
    f.trials.clear();
    f.weights.clear();
    f.accuracies.clear();
    let expected = "few-shot figure 'Learning from one drawing': nothing to show";
    assert_eq!(few_shot(&f).unwrap_err().to_string(), expected);
}

#[test]
fn every_section_may_be_missing_alone_and_with_another() {
    for keep in 1..8 {
        let mut f = figure();
        if keep & 1 == 0 {
            f.trials.clear();
        }
        if keep & 2 == 0 {
            f.weights.clear();
        }
        if keep & 4 == 0 {
            f.accuracies.clear();
        }
        assert!(few_shot(&f).is_ok(), "sections {keep:03b}");
    }
}

#[test]
fn values_that_are_not_finite_are_drawn() {
    let mut f = figure();
    f.trials[0].support[0] = vec![f32::NAN; 64];
    f.trials[0].queries[0].pixels = vec![f32::INFINITY; 64];
    f.weights[0].values = vec![f64::NAN; 64];
    f.accuracies[0].mean = f64::NAN;
    let svg = few_shot_svg(&f).unwrap();
    assert!(svg.contains(">n/a<") && !svg.contains("NaN"));
    f.accuracies[0] = Score { mean: 0.5, half_width: f64::INFINITY, ..f.accuracies[0].clone() };
    assert!(few_shot(&f).is_ok());
}

#[test]
fn wrong_shapes_and_slots_are_named() {
    let mut f = figure();
    f.trials[0].queries[1].pixels.pop();
    assert_eq!(
        few_shot(&f).unwrap_err().to_string(),
        "a drawing of trial 1: 63 values, expected 64"
    );
    let mut f = figure();
    f.trials[0].queries[1].choice = Some(3);
    assert_eq!(
        few_shot(&f).unwrap_err().to_string(),
        "slot of a query of trial 1: 3 is outside 0..3"
    );
    let mut f = figure();
    f.weights[0].cols = 7;
    assert_eq!(few_shot(&f).unwrap_err().to_string(), "weights 'output 1': 64 values, expected 56");
    let mut f = figure();
    f.weights[0].rows = usize::MAX;
    assert!(matches!(few_shot(&f), Err(PictureError::TooMany { limit: 256, .. })));
}

#[test]
fn a_full_page_is_drawn_and_one_more_trial_is_refused() {
    let mut f = figure();
    let mut trial = f.trials[0].clone();
    trial.support = (0..20).map(stroke).collect();
    trial.queries = vec![trial.queries[1].clone(); 40];
    f.trials = vec![trial; 8];
    f.weights = vec![f.weights[0].clone(); 20];
    f.accuracies = vec![f.accuracies[0].clone(); 10];
    assert!(few_shot(&f).is_ok());
    f.trials.push(f.trials[0].clone());
    assert_eq!(few_shot(&f).unwrap_err().to_string(), "trials: 9, a picture holds 8");
}
