//! S41 to S45: rounding, registers, products, alignment and decay registers.

use crate::readings::{Own, Run, Sketch, Subject, all, dense, each, echo};
use std::sync::Arc;
use trifactor_fixed::{Draw, Rounding};
use trifactor_ir::{CheckedNetwork, Group, Op, Phase, PhaseId, ValueId, Values};
use trifactor_quant::{PhasePlan, Plan};
use trifactor_testkit::builder::Lif;

/// Always the same bits.
#[derive(Clone, Copy)]
struct Always(u32);

impl Draw for Always {
    fn draw(&self, _: u32, _: u32, _: u8, _: u32, _: u32) -> u32 {
        self.0
    }
}

fn always(run: &mut Run<'_>, bits: u32) {
    run.fixed.replace_draws(Box::new(Always(bits)));
    run.emulator.replace_draws(Arc::new(Always(bits)));
}

/// One input, as many read-out lanes as the variables have values, and a rule.
fn rule(own: &[Own<'_>], frac: i8, text: &str) -> Sketch {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let n = lanes(own);
    let out = s.lif("out", n, 4, &echo());
    let ff = s.plastic("ff", (input, out), &dense(1, n), own, frac);
    s.rule(ff, text);
    s
}

fn lanes(own: &[Own<'_>]) -> u32 {
    let lanes = own.iter().map(|(_, values, _)| match values {
        Values::PerLane(values) => values.len(),
        Values::Constant(_) => 1,
    });
    lanes.max().unwrap_or(1) as u32
}

/// The plan of the one rule.
fn rule_plan<'p>(net: &CheckedNetwork, plan: &'p mut Plan) -> &'p mut PhasePlan {
    &mut plan.phases[rule_phase(net).0]
}

fn rule_phase(net: &CheckedNetwork) -> (PhaseId, &Phase) {
    net.phases.iter().find(|(_, p)| p.group == Group::Plasticity).expect("there is a rule")
}

/// The values of the rule that an operation of some kind makes.
fn of_kind(net: &CheckedNetwork, kind: impl Fn(&Op) -> bool) -> Vec<ValueId> {
    let ops = &net.kernels[rule_phase(net).1.kernel].ops;
    ops.iter().filter(|(_, op)| kind(op)).map(|(id, _)| id).collect()
}

/// S41: each rounding mode, on both sides of zero, ties included.
#[test]
fn every_rounding_mode_divides_as_it_is_defined() {
    // Quarters: -1.75, -1.5, -1.25, -1, 1.25, 1.5, 1.75, in 16ths -7 .. 7.
    let raw = [-7.0, -6.0, -5.0, -4.0, 5.0, 6.0, 7.0];
    let store = |rounding| {
        let own =
            [("w", all(0.0), (-50.0, 50.0)), ("e", each(&raw.map(|x| x / 16.0)), (-50.0, 50.0))];
        let mut s = rule(&own, 4, "kernel r {\n in e: own\n set w = e\n}\n");
        s.frac("ff.w", 2);
        s.rounding("ff.w", rounding);
        s.build()
    };
    let cases = [
        (Rounding::Floor, [-2, -2, -2, -1, 1, 1, 1]),
        (Rounding::Zero, [-1, -1, -1, -1, 1, 1, 1]),
        (Rounding::Nearest, [-2, -1, -1, -1, 1, 2, 2]),
    ];
    for (rounding, expected) in cases {
        let subject = store(rounding);
        let mut run = subject.run();
        run.step(&[]);
        assert_eq!(run.raw("ff.w"), expected, "{rounding:?}");
    }
    // floor((x + r) / 4) with r = 0, 1, 2, 3.
    let drawn = [
        [-2, -2, -2, -1, 1, 1, 1],
        [-2, -2, -1, -1, 1, 1, 2],
        [-2, -1, -1, -1, 1, 2, 2],
        [-1, -1, -1, -1, 2, 2, 2],
    ];
    let subject = store(Rounding::Stochastic);
    for (r, expected) in (0u32..).zip(drawn) {
        let mut run = subject.run();
        always(&mut run, r << 30 | 0x3fff_ffff);
        run.step(&[]);
        assert_eq!(run.raw("ff.w"), expected, "r = {r}");
    }
}

/// Changes a plan so that its values keep every bit of the kernel's products and sums.
fn unshifted(net: &CheckedNetwork, plan: &mut Plan) {
    let rule = rule_plan(net, plan);
    for value in of_kind(net, |op| !matches!(op, Op::Const(_) | Op::Port(_))) {
        rule.values[value].shift = 0;
        rule.values[value].align = [0, 0];
    }
    for output in &mut rule.outputs {
        output.shift = 0;
    }
}

/// S42: each operation is exact and then saturates to 32 bits.
#[test]
fn a_register_holds_32_bits_and_saturates() {
    let own = [
        ("w", all(0.0), (-32768.0, 32767.0)),
        ("e", each(&[-32768.0, 32767.0, -32768.0]), (-32768.0, 32767.0)),
        ("f", each(&[-32768.0, -32768.0, 4.0]), (-32768.0, 32767.0)),
    ];
    // p is 2^30 at most, so p + p leaves the register; what was cut off is missing afterwards.
    let text = "kernel r {
        in e: own
        in f: own
        p = e * f
        twice = p + p
        set w = twice - p - p
    }\n";
    let subject = rule(&own, 0, text).build_with(unshifted);
    let mut run = subject.run();
    run.step(&[]);
    // 2^31 becomes 2^31 - 1; -2 * 32767 * 32768 and -2^18 fit.
    assert_eq!(run.raw("ff.w"), [-1, 0, 0]);
    // A product saturates just so: 2^30 * 4 is 2^31 - 1, and its top half is 2^15 - 1 without
    // any saturation of the store; -2^30 * 4 is -2^31.
    let own = [
        ("w", all(0.0), (-32768.0, 32767.0)),
        ("e", each(&[-32768.0, 16384.0]), (-32768.0, 32767.0)),
        ("f", each(&[4.0, -16.0]), (-32768.0, 32767.0)),
    ];
    let text = "kernel r {\n in e: own\n in f: own\n set w = e * e * f\n}\n";
    let mut s = rule(&own, 0, text);
    s.rounding("ff.w", Rounding::Floor);
    let subject = s.build_with(|net, plan| {
        unshifted(net, plan);
        rule_plan(net, plan).outputs[0].shift = 16;
    });
    let mut run = subject.run();
    run.step(&[]);
    assert_eq!(run.raw("ff.w"), [32_767, -32_768]);
    run.expect_saturated("ff.w", 0);
}

/// S42: a store saturates to the format narrowed by the author's range, and is counted.
#[test]
fn a_store_saturates_to_the_narrower_of_format_and_range() {
    let own = [
        ("w", each(&[0.0, 1.0, -0.5]), (-1.5, 2.25)),
        ("e", each(&[2.25, 2.0, -1.5]), (-1000.0, 1000.0)),
    ];
    let text = "kernel r {\n in w: own\n in e: own\n set w = w + e\n set e = e * 16.0\n}\n";
    let mut s = rule(&own, 4, text);
    s.format("ff.e", 8, 0);
    // In 8 bits of whole numbers e is 2, 2, -2 (S62: half away from zero).
    let subject = {
        s.rounding("ff.w", Rounding::Floor);
        s.build()
    };
    let mut run = subject.run();
    assert_eq!(run.raw("ff.e"), [2, 2, -2]);
    run.step(&[]);
    // 2 fits below 2.25; 1 + 2 and -0.5 - 2 do not fit -1.5 .. 2.25; in 16ths.
    assert_eq!(run.raw("ff.w"), [32, 36, -24]);
    run.expect_saturated("ff.w", 2);
    assert_eq!(run.raw("ff.e"), [32, 32, -32]);
    run.expect_saturated("ff.e", 0);
    run.step(&[]);
    // 512 and -512 do not fit 8 bits, though the author's range holds them.
    assert_eq!(run.raw("ff.e"), [127, 127, -128]);
    run.expect_saturated("ff.e", 3);
}

/// S43: a product is shifted right with its rounding.
#[test]
fn a_product_is_shifted_and_rounded() {
    let product = |rounding| {
        let own = [
            ("w", all(0.0), (-2000.0, 2000.0)),
            ("e", each(&[-7.0, 7.0, -6.0, 6.0]), (-9.0, 9.0)),
            ("f", all(3.0), (-9.0, 9.0)),
        ];
        let text = "kernel r {\n in e: own\n in f: own\n set w = e * f\n}\n";
        rule(&own, 0, text).build_with(|net, plan| {
            let rule = rule_plan(net, plan);
            let product = of_kind(net, |op| matches!(op, Op::Mul(..)))[0];
            rule.values[product].shift = 2;
            rule.values[product].rounding = rounding;
            rule.outputs[0].shift = 0;
        })
    };
    // -5.25, 5.25, -4.5 and 4.5.
    let cases = [
        (Rounding::Floor, [-6, 5, -5, 4]),
        (Rounding::Zero, [-5, 5, -4, 4]),
        (Rounding::Nearest, [-5, 5, -4, 5]),
    ];
    for (rounding, expected) in cases {
        let subject = product(rounding);
        let mut run = subject.run();
        run.step(&[]);
        assert_eq!(run.raw("ff.w"), expected, "{rounding:?}");
    }
    let subject = product(Rounding::Stochastic);
    for (r, expected) in [(0, [-6, 5, -5, 4]), (2, [-5, 5, -4, 5]), (3, [-5, 6, -4, 5])] {
        let mut run = subject.run();
        always(&mut run, r << 30);
        run.step(&[]);
        assert_eq!(run.raw("ff.w"), expected, "r = {r}");
    }
}

/// S44: operands come to the finer of their points, exactly.
#[test]
fn operands_are_aligned_to_the_left_exactly() {
    let result = |expression: &str| {
        let own = [
            ("w", all(0.0), (-90.0, 90.0)),
            ("e", each(&[2.5, -2.5]), (-90.0, 90.0)),
            ("f", all(3.0), (-90.0, 90.0)),
        ];
        let text = format!("kernel r {{\n in e: own\n in f: own\n set w = {expression}\n}}\n");
        let mut s = rule(&own, 4, &text);
        s.frac("ff.f", 1);
        let subject = s.build();
        let mut run = subject.run();
        // 40 of 16ths and 6 of halves: the numbers alone would compare the other way round.
        assert_eq!((run.raw("ff.e"), run.raw("ff.f")), (vec![40, -40], vec![6, 6]));
        run.step(&[]);
        let raw = run.raw("ff.w");
        run.expect("ff.w", &raw);
        raw
    };
    for (expression, expected) in [
        ("e + f", [88, 8]),
        ("e - f", [-8, -88]),
        ("f - e", [8, 88]),
        ("min(e, f)", [40, -40]),
        ("max(f, e)", [48, 48]),
        ("e > f", [0, 0]),
        ("f > e", [16, 16]),
        ("select(f > e, f, e)", [48, 48]),
    ] {
        assert_eq!(result(expression), expected, "{expression}");
    }
}

/// S44: where the finer point does not fit a register, operands are rounded to a coarser one.
#[test]
fn operands_are_aligned_to_the_right_with_rounding() {
    let own =
        [("w", all(0.0), (-90.0, 90.0)), ("e", each(&[-2.625, -2.5, 2.5, 2.625]), (-90.0, 90.0))];
    let text = "kernel r {\n in e: own\n in w: own\n set w = e + w\n}\n";
    let mut s = rule(&own, 4, text);
    s.frac("ff.w", 0);
    let subject = s.build_with(|net, plan| {
        let rule = rule_plan(net, plan);
        let sum = of_kind(net, |op| matches!(op, Op::Add(..)))[0];
        rule.values[sum].align = [-4, 0];
        rule.outputs[0].shift = 0;
    });
    let mut run = subject.run();
    run.step(&[]);
    assert_eq!(run.raw("ff.w"), [-3, -2, 3, 3]);
}

/// A lane per surviving fraction, on a chip with decay registers of so many bits.
fn decaying(keeps: &[f64], bits: u8) -> Subject {
    let mut s = Sketch::new(1);
    s.chip.neuron.decay_bits = bits;
    let n = keeps.len() as u32;
    let input = s.b.input("in", 1);
    let out = s.lif("out", n, 12, &Lif { keep_u: each(keeps), keep_v: all(0.0), ..Lif::default() });
    s.fixed("ff", (input, out), &dense(1, n), (all(16.0), 0), 0);
    s.build()
}

/// S45: a register D stands for (2^b - D) / 2^b, and all ones for 0.
#[test]
fn a_decay_register_of_all_ones_leaves_nothing() {
    // 16 in 4096ths is 65536, so a fraction of 2^-16 would leave 1.
    let last = 1.0 / 65536.0;
    let keeps = [1.0, 0.5, 0.75, 2.0 * last, last, 0.0];
    let registers = [0, 32768, 16384, 65534, 65535, 65535];
    let subject = decaying(&keeps, 16);
    let found: Vec<u16> = subject.image.cores[0].compartments.iter().map(|c| c.decay_u).collect();
    assert_eq!(found, registers);
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.step(&[]);
    run.expect("out.u", &[65536; 6]);
    run.step(&[]);
    assert_eq!(run.raw("out.u"), [65536, 32768, 49152, 2, 0, 0]);
}

/// S45: a chip may have narrower decay registers; the rule is the same.
#[test]
fn decay_registers_of_12_bits_follow_the_same_rule() {
    let last = 1.0 / 4096.0;
    let subject = decaying(&[1.0, 0.5, 2.0 * last, last, 0.0, 0.5 + 0.3 * last], 12);
    let found: Vec<u16> = subject.image.cores[0].compartments.iter().map(|c| c.decay_u).collect();
    assert_eq!(found, [0, 2048, 4094, 4095, 4095, 2048]);
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.step(&[]);
    run.step(&[]);
    assert_eq!(run.raw("out.u"), [65536, 32768, 32, 0, 0, 32768]);
}
