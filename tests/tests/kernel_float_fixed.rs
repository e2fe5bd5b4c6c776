//! Fixed point stays as close to floating point as the plan predicts (S60, S61).
//!
//! Random rules, random raw inputs: the independent float interpreter reads the dequantised
//! inputs and the author's constants, the fixed reading the raw ones.

// A test of thousands of cases says what it covered.
#![allow(clippy::print_stderr)]

use trifactor_entity::EntityId;
use trifactor_ir::{KernelBuilder, Role, Sign, Target};
use trifactor_quant::{eval, store};
use trifactor_testkit::rules::{Own, Rule};
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
                let (raw, _) = store(&fixed, output.value, p, format, &draws);
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

/// `w + 1/2` where `factor * x1 * y1 > limit`, else `w`.
fn comparison(factor: f64, limit: f64) -> Rule {
    let mut b = KernelBuilder::new("comparison");
    let w = b.input("w", Role::Own);
    let (x1, y1) = (b.input("x1", Role::Pre), b.input("y1", Role::Post));
    let (factor, limit, half) = (b.constant(factor), b.constant(limit), b.constant(0.5));
    let product = b.mul(factor, x1);
    let product = b.mul(product, y1);
    let over = b.gt(product, limit);
    let raised = b.add(w, half);
    let new = b.select(over, raised, w);
    b.output("w", Target::Set, new);
    let own = vec![Own { name: "w".to_owned(), set: true, range: (-2.0, 2.0) }];
    Rule { kernel: b.build(), own, sign: Sign::Mixed }
}

#[test]
fn a_comparison_that_falls_out_differently_is_covered_by_its_bound() {
    // The limit is the very value that the float reading compares with it.
    let (mut flips, mut evaluations) = (0, 0);
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let factor = rng.between(-6.0, 0.0).exp2();
        let draft = cases::of_rule(seed, &comparison(factor, 0.0)).expect("it has a plan");
        let raw = draft.inputs(&mut rng);
        let ports: Vec<f64> = raw.iter().map(|(port, raw)| draft.value(port, *raw)).collect();
        let limit = factor * ports[1] * ports[2];
        let case = cases::of_rule(seed, &comparison(factor, limit)).expect("it has a plan");
        let kernel = &case.net.kernels[case.phase().kernel];
        let plan = &case.plan.phases[case.rule];
        let draws = |_: u8| 0;
        let fixed = eval(kernel, plan, &raw, &draws);
        let state = case.phase().writes[0];
        let (stored, _) = store(
            &fixed,
            kernel.outputs[0].value,
            &plan.outputs[0],
            &case.plan.states[state],
            &draws,
        );
        let stored = case.plan.states[state].value(stored);
        let expected = scalar::results(kernel, &ports)[0].clamp(-2.0, 2.0);
        assert_close(stored, expected, plan.outputs[0].bound, || {
            format!("seed {seed}\n{}", case.listing())
        });
        evaluations += 1;
        flips += u32::from((stored - expected).abs() > 0.25);
    }
    assert!(
        flips * 10 > evaluations,
        "only {flips} of {evaluations} comparisons fell out differently"
    );
}
