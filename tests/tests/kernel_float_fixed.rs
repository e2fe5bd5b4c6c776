//! Fixed point stays as close to floating point as the plan predicts (S60, S61).
//!
//! Random rules, random raw inputs: the independent float interpreter reads the dequantised
//! inputs and the author's constants, the fixed reading the raw ones.

use trifactor_entity::EntityId;
use trifactor_quant::{eval, store};
use trifactor_testkit::{Rng, cases, scalar};

/// Evaluations of each rule, each with inputs and draws of its own.
const EVALUATIONS: usize = 8;

#[test]
fn a_store_differs_from_the_float_reading_by_no_more_than_its_bound() {
    let mut ratios = Vec::new();
    for case in cases::kernels() {
        let mut rng = Rng::new(case.seed);
        let kernel = &case.net.kernels[case.phase().kernel];
        let plan = &case.plan.phases[case.rule];
        for _ in 0..EVALUATIONS {
            let raw = case.inputs(&mut rng);
            let key = rng.bits() as u32;
            let draws = |site: u8| cases::draw(key, site);
            let fixed = eval(kernel, plan, &raw, &draws);
            let ports: Vec<f64> = raw
                .iter()
                .map(|(port, raw)| (port, *raw))
                .map(|(port, raw)| case.value(port, raw))
                .collect();
            let float = scalar::values(kernel, &ports);
            for (id, p) in plan.values.iter() {
                let raw = fixed[id];
                assert!(
                    (p.raw.lo..=p.raw.hi).contains(&raw),
                    "seed {}: {id} is {raw}, outside {:?}\n{}",
                    case.seed,
                    p.raw,
                    case.listing()
                );
                let value = raw as f64 * (-f64::from(p.frac)).exp2();
                let expected = float[id.index()];
                assert_close(value, expected, p.bound, || {
                    format!("seed {}: {id}\n{}", case.seed, case.listing())
                });
            }
            for ((output, p), state) in
                kernel.outputs.iter().zip(&plan.outputs).zip(&case.phase().writes)
            {
                let format = &case.plan.states[*state];
                let (raw, _) = store(fixed[output.value], p, format, &draws);
                let stored = format.value(raw);
                let mut expected = float[output.value.index()];
                if let Some((lo, hi)) = case.net.states[*state].range {
                    expected = expected.clamp(lo, hi);
                }
                assert_close(stored, expected, p.bound, || {
                    format!("seed {}: {}\n{}", case.seed, output.variable, case.listing())
                });
                if p.bound > 0.0 {
                    ratios.push((stored - expected).abs() / p.bound);
                }
            }
        }
    }
    ratios.sort_by(f64::total_cmp);
    // Stores that saturate on both sides, or add 0, have no error at all.
    let inexact = &ratios[ratios.partition_point(|r| *r == 0.0)..];
    let tight = ratios.iter().filter(|r| **r >= 0.01).count() as f64 / ratios.len() as f64;
    let (median, largest) = (inexact[inexact.len() / 2], inexact[inexact.len() - 1]);
    eprintln!(
        "{} stores with a bound, {} with an error: median {median:.4} of the bound, at least 1 % in {:.1} % of all, largest {largest:.4}",
        ratios.len(),
        inexact.len(),
        100.0 * tight,
    );
    assert!(tight >= 0.1, "the bounds say nothing: only {tight} of the errors reach 1 % of them");
    assert!(largest >= 0.9, "the bounds are too wide: no error is larger than {largest} of them");
}

#[track_caller]
fn assert_close(fixed: f64, float: f64, bound: f64, place: impl Fn() -> String) {
    // Doubles add a relative error far below the last place of any format.
    let slack = 1e-9 * (bound + fixed.abs().max(float.abs()));
    assert!(
        (fixed - float).abs() <= bound + slack,
        "fixed {fixed:e}, float {float:e}, bound {bound:e}\n{}",
        place()
    );
}
