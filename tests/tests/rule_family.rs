//! The rules of `firmware-models/` beyond pair STDP do what their equations say, in float and on
//! the emulated chip: each has a closed form, a published property or a score to reach.
//!
//! Rates are realised as traces with impulse 1 - exp(-1 / tau), whose mean is the probability of a
//! spike per step. Where a mean is predicted, the margin covers the spread of the trials.

use std::fs;
use std::path::{Path, PathBuf};
use trifactor_lab::{CurveReport, Report, RunOptions, Series, Silent, run_model};
use trifactor_model::load;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../firmware-models").join(name)
}

fn curves(name: &str) -> CurveReport {
    curves_in(&folder(name), name, None)
}

/// Four trials of the model with one piece of one file replaced.
fn curves_of(name: &str, file: &str, piece: &str, other: &str) -> CurveReport {
    let copy = tempfile::tempdir().expect("a folder for the test");
    for entry in fs::read_dir(folder(name)).expect("the model's folder") {
        let entry = entry.expect("a file of the model");
        fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("a copy");
    }
    let path = copy.path().join(file);
    let text = fs::read_to_string(&path).expect("a text file");
    assert!(text.contains(piece), "{file} of {name} has no '{piece}'");
    fs::write(&path, text.replace(piece, other)).expect("a changed copy");
    curves_in(copy.path(), name, Some(4))
}

fn curves_in(folder: &Path, name: &str, trials: Option<u32>) -> CurveReport {
    let model = load(folder).unwrap_or_else(|d| panic!("{name}: {d}"));
    let options = RunOptions { trials, ..RunOptions::default() };
    match run_model(&model, &options, &Silent) {
        Ok(Report::Curve(report)) => *report,
        Ok(Report::FewShot(_)) => panic!("{name} is no few-shot model"),
        Err(e) => panic!("{name}: {e}"),
    }
}

fn find<'a>(report: &'a CurveReport, name: &str) -> &'a Series {
    let known: Vec<&str> = report.series.iter().map(|s| s.name.as_str()).collect();
    let found = report.series.iter().find(|s| s.name == name);
    found.unwrap_or_else(|| panic!("no curve '{name}' among {known:?}"))
}

/// Float and chip, averaged over some points of a curve.
fn mean(points: &[(f64, f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let sum = points.iter().fold((0.0, 0.0), |s, p| (s.0 + p.1, s.1 + p.2));
    (sum.0 / n, sum.1 / n)
}

fn last(series: &Series, n: usize) -> (f64, f64) {
    mean(&series.points[series.points.len() - n..])
}

#[track_caller]
fn assert_near(found: f64, expected: f64, margin: f64, what: &str) {
    assert!((found - expected).abs() <= margin, "{what}: {found} is not {expected} ± {margin}");
}

/// The rule's states on the chip follow those in float point by point.
#[track_caller]
fn assert_chip_follows(report: &CurveReport, margin: f64) {
    for s in &report.series {
        for &(x, float, chip) in &s.points {
            let what = format!("{}, chip at {x}", s.name);
            assert_near(chip, float, margin, &what);
        }
    }
}

/// Traces of given rates without the noise of spikes.
struct MeanTraces {
    keep: f64,
    values: Vec<f64>,
}

impl MeanTraces {
    fn new(tau: f64, lanes: usize) -> Self {
        Self { keep: (-1.0 / tau).exp(), values: vec![0.0; lanes] }
    }
    fn step(&mut self, rates: &[f64]) {
        for (x, rate) in self.values.iter_mut().zip(rates) {
            *x = self.keep * *x + (1.0 - self.keep) * rate;
        }
    }
}

/// `dw = eta ((1 - w) x y - gamma w)` rests where `w = h / (h + gamma)` with h the mean of x y,
/// and decays by `1 - eta gamma` per epoch without spikes.
#[test]
fn hebb_rests_where_growth_and_decay_cancel() {
    let report = curves("hebb");
    let (eta, gamma, post) = (0.25f64, 0.0225f64, 0.3);
    for (lane, pre) in [0.6, 0.3, 0.1, 0.0].into_iter().enumerate() {
        let w = &find(&report, &format!("plastic.w {lane} to 0")).points;
        let h = pre * post;
        let rest = mean(&w[16..=20]);
        assert_near(rest.0, h / (h + gamma), 0.015, &format!("float, lane {lane}"));
        // Two phases later the traces are empty; eight phases of 40 epochs follow.
        let kept = (1.0 - eta * gamma).powi(8 * 40);
        assert_near(w[30].1, w[22].1 * kept, 1e-4, &format!("decay, lane {lane}"));
    }
    assert_chip_follows(&report, 0.002);
}

/// Oja 1982: the weights converge to the principal eigenvector of the inputs' correlation matrix,
/// with norm 1.
#[test]
fn oja_converges_to_the_first_principal_component() {
    let report = curves("oja");
    let patterns = [[0.5, 0.4, 0.05, 0.1], [0.05, 0.1, 0.3, 0.2]];
    // Correlations of mean traces over a few periods, and on the diagonal the spread of a trace
    // around its mean: p (1 - p) (1 - k) / (1 + k).
    let mut x = MeanTraces::new(50.0, 4);
    let mut c = [[0.0; 4]; 4];
    let steps = 8 * 400;
    for step in 0..steps {
        x.step(&patterns[step / 200 % 2]);
        if step >= steps / 2 {
            for (row, a) in c.iter_mut().zip(&x.values) {
                for (c, b) in row.iter_mut().zip(&x.values) {
                    *c += a * b / (steps / 2) as f64;
                }
            }
        }
    }
    for (i, row) in c.iter_mut().enumerate() {
        let spread = patterns.iter().map(|p| p[i] * (1.0 - p[i])).sum::<f64>() / 2.0;
        row[i] += spread * (1.0 - x.keep) / (1.0 + x.keep);
    }
    let mut principal = [0.5; 4];
    for _ in 0..200 {
        let product = c.map(|row| row.iter().zip(&principal).map(|(c, w)| c * w).sum::<f64>());
        let norm = product.iter().map(|v| v * v).sum::<f64>().sqrt();
        principal = product.map(|v| v / norm);
    }
    let ends: Vec<(f64, f64)> =
        (0..4).map(|k| last(find(&report, &format!("plastic.w {k} to 0")), 10)).collect();
    for (reading, w) in [
        ("float", ends.iter().map(|e| e.0).collect::<Vec<f64>>()),
        ("chip", ends.iter().map(|e| e.1).collect()),
    ] {
        let norm = w.iter().map(|v| v * v).sum::<f64>().sqrt();
        let along: f64 = w.iter().zip(&principal).map(|(w, p)| w * p).sum();
        assert_near(norm, 1.0, 0.02, &format!("{reading}: norm"));
        assert!(along / norm > 0.999, "{reading}: cosine {}", along / norm);
    }
    // It did not begin there.
    let start = [0.1, 0.4, 0.1, 0.4];
    let norm = start.iter().map(|v: &f64| v * v).sum::<f64>().sqrt();
    assert!(start.iter().zip(&principal).map(|(w, p)| w * p).sum::<f64>() / norm < 0.9);
    assert_chip_follows(&report, 0.01);
}

/// `dw = eta (x - <x>) (y - <y>)`: the drift is the covariance of the rates, and none where they
/// are independent, however high.
#[test]
fn the_covariance_rule_follows_covariance_and_nothing_else() {
    let report = curves("covariance");
    let busy = [0.5, 0.2, 0.1, 0.8, 0.5];
    let quiet = [0.1, 0.2, 0.5, 0.8, 0.1];
    let settle = [0.3, 0.2, 0.3, 0.8, 0.3];
    let (mut fast, mut slow) = (MeanTraces::new(20.0, 5), MeanTraces::new(500.0, 5));
    let mut w = [0.0; 4];
    for step in 1..=2510 + 20 * 400 {
        let rates = match step {
            ..=2510 => &settle,
            t if (t - 2511) / 200 % 2 == 0 => &busy,
            _ => &quiet,
        };
        fast.step(rates);
        slow.step(rates);
        if step > 2500 && step % 10 == 0 {
            let deviation = |k: usize| fast.values[k] - slow.values[k];
            for (k, w) in w.iter_mut().enumerate() {
                *w += 0.03125 * deviation(k) * deviation(4);
            }
        }
    }
    assert!(w[0] > 0.5 && w[2] < -0.5 && w[1].abs() + w[3].abs() < 1e-3, "prediction: {w:?}");
    for (k, expected) in w.into_iter().enumerate() {
        let (float, chip) = last(find(&report, &format!("plastic.w {k} to 0")), 1);
        assert_near(float, expected, 0.03, &format!("float, lane {k}"));
        assert_near(chip, expected, 0.03, &format!("chip, lane {k}"));
    }
    assert_chip_follows(&report, 0.005);
}

/// Bienenstock, Cooper and Munro 1982: with two equally frequent patterns the stable state answers
/// one of them with `1 / p = 2` in units in which the threshold is `<y^2>`, the other not at all.
#[test]
fn bcm_becomes_selective_for_one_of_two_patterns() {
    let report = curves("bcm");
    let y = &find(&report, "post.plastic.y1 [0]").points[1..];
    // Pattern A is shown first, then B, in turn.
    let answer = |from: usize, to: usize| {
        let of = |first: usize| {
            let points: Vec<_> =
                y[2 * from..2 * to].iter().skip(first).step_by(2).copied().collect();
            mean(&points)
        };
        [of(0), of(1)]
    };
    let selectivity = |a: f64, b: f64| (a - b) / (a + b);
    let [a, b] = answer(0, 5);
    assert!(selectivity(a.0, b.0) < 0.25, "at first: {a:?} and {b:?}");
    let [a, b] = answer(70, 80);
    for (reading, a, b) in [("float", a.0, b.0), ("chip", a.1, b.1)] {
        assert_near(a, 2.0, 0.25, &format!("{reading}: pattern A"));
        assert!(selectivity(a, b) > 0.9, "{reading}: {a} and {b}");
    }
    assert_near(a.1, a.0, 0.15, "pattern A, chip");
    assert_near(b.1, b.0, 0.05, "pattern B, chip");
}

/// The window and what dopamine makes of it, as the rule's equations give them for one pair.
#[test]
fn acetylcholine_and_dopamine_decide_the_sign_together() {
    let report = curves("rstdp-two-modulators");
    let (rate, gain, gamma, tau) = (0.05, 0.5, 0.99f64, 20.0);
    // A reward in step 180 arrives in 181; the rule reads the eligibility of the step before.
    let ratio = gamma * (-0.1f64).exp();
    let pulse = (1.0 - ratio.powi(120)) / (1.0 - ratio);
    let conditions = [
        ("neither", 0.0, 0.0),
        ("dopamine", 0.0, 1.0),
        ("acetylcholine", 1.0, 0.0),
        ("acetylcholine, then dopamine", 1.0, 1.0),
    ];
    for (name, acetylcholine, dopamine) in conditions {
        let series = find(&report, &format!("change of plastic.w, {name}"));
        assert_eq!(series.points.len(), 21);
        for &(d, float, chip) in &series.points {
            let size = (-d.abs() / tau).exp();
            let late = 2.0 * acetylcholine - 1.0;
            let window = match d {
                d if d > 0.0 => size,
                d if d < 0.0 => late * size,
                _ => 1.0 + late,
            };
            let paired = 100.0 + d.max(0.0);
            let eligible = window * gamma.powi((180.0 - paired) as i32);
            let expected = rate * (gain * dopamine * eligible * pulse - acetylcholine * window);
            assert_near(float, expected, 1e-4, &format!("{name}, float at {d}"));
            assert_near(chip, expected, 2e-3, &format!("{name}, chip at {d}"));
        }
    }
    // Post before pre, pre before post.
    let signs = |name: &str| {
        let points = &find(&report, &format!("change of plastic.w, {name}")).points;
        [points[8], points[12]].map(|p| p.2.signum())
    };
    assert_eq!(signs("dopamine"), [-1.0, 1.0]);
    assert_eq!(signs("acetylcholine"), [-1.0, -1.0]);
    assert_eq!(signs("acetylcholine, then dopamine"), [1.0, 1.0]);
}

/// Half of the answers are right by chance; ties count as wrong.
#[track_caller]
fn assert_learns(report: &CurveReport, at_end: f64) {
    let name = &report.model;
    let right = find(report, "right answers");
    let (float, chip) = last(right, 10);
    assert!(float > at_end, "{name}: float ends at {float}");
    assert!(chip > at_end, "{name}: chip ends at {chip}");
    // 200 to 400 answers a reading; both see the same input.
    assert_near(chip, float, 0.05, &format!("{name}: chip beside float"));
    let off = &find(report, "right answers, learning off").points;
    let (float, chip) = mean(off);
    assert!((0.35..0.55).contains(&float), "{name}, learning off: float {float}");
    assert!((0.35..0.55).contains(&chip), "{name}, learning off: chip {chip}");
    // Before anything is learned the model is its control.
    assert_near(right.points[0].1, off[0].1, 0.3, &format!("{name}: the first answers"));
}

/// Fiete and Seung 2006: correlating perturbation and reward climbs the reward.
#[test]
fn node_perturbation_climbs_the_reward() {
    let report = curves("node-perturbation");
    assert_learns(&report, 0.95);
    // The baseline is the mean reward per step; it begins at 0.
    let (float, chip) = last(find(&report, "baseline.m [0]"), 5);
    assert!(float > 0.07, "the mean reward ends at {float}");
    assert_near(chip, float, 0.01, "mean reward, chip");
}

/// Reward alone teaches nothing: the rule has to know what was perturbed.
#[test]
fn without_knowing_the_perturbation_reward_teaches_nothing() {
    let report = curves_of("node-perturbation", "perturb.kern", "x1 * noise", "x1 * 0 * noise");
    let (float, chip) = last(find(&report, "right answers"), 10);
    assert!((0.3..0.6).contains(&float) && (0.3..0.6).contains(&chip), "{float} and {chip}");
}

/// Bellec et al. 2020: errors through the transposed output weights teach the hidden layer.
#[test]
fn symmetric_e_prop_learns_exclusive_or() {
    assert_learns(&curves("e-prop-symmetric"), 0.9);
}

/// Bellec et al. 2020, random e-prop: fixed random feedback teaches too, while the output learns.
#[test]
fn random_e_prop_learns_exclusive_or() {
    assert_learns(&curves("e-prop-random"), 0.9);
}

/// The hidden layer is what learns: a read-out alone, or errors that come back through weights the
/// output has nothing to do with, do not solve the task.
#[test]
fn the_hidden_layer_needs_its_own_errors() {
    let readout = curves_of("e-prop-random", "eprop.kern", "w + 0.07", "w + 0");
    let (float, _) = last(find(&readout, "right answers"), 10);
    assert!(float < 0.65, "with a fixed hidden layer: {float}");
    let flat = curves_of("e-prop-symmetric", "eprop.kern", "psi * x1", "0.15 * x1 + 0 * psi");
    let (float, _) = last(find(&flat, "right answers"), 10);
    assert!(float < 0.65, "with a constant pseudo-derivative: {float}");
}

/// What a rule costs is what the instructions of its program cost in the chip file.
#[test]
fn reports_tell_what_a_rule_costs() {
    let report = curves("covariance");
    let [rule] = report.learning.as_slice() else { panic!("one rule is expected") };
    // 4 synapses, 20 trials, and an epoch every 10 of 2,510 + 8,000 steps.
    assert_eq!((rule.evaluated, rule.skipped), (4 * 20 * 1051, 0));
    // 5 loads, 5 alu, 1 mul, 1 store and 1 control besides the synapse's state.
    let energy = 84.0 + 5.0 * 3.7 + 5.0 * 1.2 + 1.4 + 3.9 + 2.0;
    assert_near(rule.evaluation_pj, energy, 1e-6, "pJ per synapse and epoch");
    assert_near(
        rule.evaluation_ns,
        3.5 + 0.5 + 0.5 + 0.3 + 0.2 + 0.2,
        1e-6,
        "ns per synapse and epoch",
    );
}
