//! S60 to S63: what a plan decides, what it promises, how parameters are rounded, and scales.

use crate::readings::{Own, Sketch, all, dense, each, echo};
use trifactor_entity::SideTable;
use trifactor_fixed::Rounding;
use trifactor_ir::{Op, PortId, text};
use trifactor_isa::Chip;
use trifactor_quant::{FormatRequest, Requests, eval, plan, store};
use trifactor_testkit::builder::{Lif, TraceSpec};
use trifactor_testkit::{Rng, chips};

/// `w + 0.1 * x1`: a weight in 64ths, a trace in quarters.
fn learner() -> Sketch {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 6, &echo());
    let spec = TraceSpec { keep: 0.5, impulse: 8.0, x_max: None, init: 0.0 };
    s.trace(input, "x1", (8, 2), &spec);
    let own: [Own<'_>; 1] = [("w", all(1.0), (-32.0, 31.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 6);
    s.rule(ff, "kernel r {\n in w: own\n in x1: pre\n set w = w + 0.1 * x1\n}\n");
    s
}

/// S60: every state has a format and every value a binary point; no program changes.
#[test]
fn a_plan_annotates_every_state_and_value_and_changes_no_program() {
    let subject = learner().build();
    let (net, plan_of) = (&subject.net, &subject.plan);
    assert_eq!(plan_of.states.len(), net.states.len());
    for (id, phase) in net.phases.iter() {
        assert_eq!(plan_of.phases[id].values.len(), net.kernels[phase.kernel].ops.len());
        assert_eq!(plan_of.phases[id].outputs.len(), phase.writes.len());
    }
    // Another plan of the same network: other formats, the same programs.
    let before = text::print_network(net);
    let request = FormatRequest { bits: Some(8), ..FormatRequest::default() };
    let requests = Requests::from([("ff.w".to_owned(), request)]);
    let (other, _) = plan(net, &chips::superset(), &requests).unwrap_or_else(|e| panic!("{e}"));
    assert_ne!(other.hash(net), plan_of.hash(net));
    assert_eq!(text::print_network(net), before);
}

/// S60: a constant has at most 15 significant bits and a sign.
#[test]
fn constants_are_stored_with_15_significant_bits_and_a_sign() {
    let held = |text: &str| {
        let mut s = Sketch::new(1);
        let input = s.b.input("in", 1);
        let out = s.lif("out", 1, 6, &echo());
        let own: [Own<'_>; 1] = [("w", all(1.0), (-32.0, 31.0))];
        let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 6);
        s.rule(ff, &format!("kernel r {{\n in w: own\n set w = w * {text}\n}}\n"));
        let subject = s.build();
        let (id, phase) = subject.net.phases.iter().next_back().expect("there is a rule");
        let ops = &subject.net.kernels[phase.kernel].ops;
        let constant = ops.find(|op| matches!(op, Op::Const(_))).expect("it has a constant");
        let p = subject.plan.phases[id].values[constant];
        (p.constant, p.frac)
    };
    // 0.1 * 2^18 = 26214.4; of 26214 one zero is dropped.
    assert_eq!(held("0.1"), (13_107, 17));
    assert_eq!(held("-0.1"), (-13_107, 17));
    assert_eq!(held("0.75"), (3, 2));
    assert_eq!(held("3.0"), (3, 0));
    for text in ["0.3333333333", "1.000001", "-0.9999", "0.00001234567", "1.7"] {
        let (raw, frac) = held(text);
        let value = raw as f64 * f64::from(-frac).exp2();
        let wanted: f64 = text.parse().expect("a number");
        assert!(raw.abs() < 1 << 15, "{text} is held as {raw}");
        assert!((value / wanted - 1.0).abs() <= 2f64.powi(-15), "{text} is held as {value}");
    }
}

/// S61: the bound adds the constant's error times the largest factor to the store's rounding.
#[test]
fn the_predicted_bound_is_that_of_the_errors_added_up() {
    let subject = learner().build();
    let (id, phase) = subject.net.phases.iter().next_back().expect("there is a rule");
    // |0.1 - 13107 / 2^17| times the largest trace, 255 / 4, and one last place of w.
    let expected = (0.1 - 13_107.0 / 131_072.0) * 63.75 + 1.0 / 64.0;
    let bound = subject.plan.phases[id].outputs[0].bound;
    assert!((bound - expected).abs() < 1e-9, "{bound} for {expected}");
    // And it holds for every pair of raw inputs and either end of a draw.
    let kernel = &subject.net.kernels[phase.kernel];
    let format = &subject.plan.states[subject.state("ff.w")];
    let mut rng = Rng::new(5);
    let mut largest = 0.0f64;
    for _ in 0..2000 {
        let (w, x) = (rng.within(-2048..=1984), rng.within(0..=255));
        let mut ports: SideTable<PortId, i64> = SideTable::empty();
        for port in kernel.ports.values() {
            ports.push(if port.name == "w" { w } else { x });
        }
        for draw in [0, u32::MAX] {
            let values = eval(kernel, &subject.plan.phases[id], &ports, &|_| draw);
            let output = &subject.plan.phases[id].outputs[0];
            let value = kernel.outputs[0].value;
            let (raw, _) = store(&values, value, output, format, &|_| draw);
            let float = (w as f64 / 64.0 + 0.1 * (x as f64 / 4.0)).clamp(-32.0, 31.0);
            largest = largest.max((raw as f64 / 64.0 - float).abs());
        }
    }
    assert!(largest <= bound, "{largest} above {bound}");
    assert!(largest > 0.5 * bound, "{bound} is no bound anybody needs; {largest} was found");
}

/// S61: over one step the whole machine stays as near to the float reading as the plan says.
#[test]
fn a_step_of_the_machine_stays_within_the_bound() {
    let subject = learner().build();
    let (id, _) = subject.net.phases.iter().next_back().expect("there is a rule");
    let bound = subject.plan.phases[id].outputs[0].bound;
    for seed in 0..20 {
        let mut run = subject.run();
        run.trial(seed);
        run.step(&[("in", &[0])]);
        let (fixed, float) = (run.raw("ff.w")[0] as f64 / 64.0, run.value("ff.w")[0]);
        assert_eq!(float, 1.0 + 0.1 * 8.0);
        assert!((fixed - float).abs() <= bound, "seed {seed}: {fixed}");
    }
}

/// S62: parameters and initial values become the nearest raw value.
#[test]
fn initial_values_and_parameters_are_rounded_to_the_nearest() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let lif = Lif {
        keep_u: all(0.9),
        threshold: Some(all(1.28)),
        bias: Some(all(-0.28)),
        v_min: Some(all(-1.3)),
        refractory: Some(all(2.4)),
        ..Lif::default()
    };
    let out = s.lif("out", 4, 4, &lif);
    let spec = TraceSpec { keep: 0.3, impulse: 0.3, x_max: Some(9.8), init: 1.9 };
    s.trace(input, "x1", (12, 3), &spec);
    let m = s.modulator("m", 1, 4, 0.5, -0.72);
    s.fixed("feed", (input, m), &dense(1, 1), (all(0.28), 4), 0);
    let values = each(&[0.29, 0.27, -0.29, -0.27]);
    let own = [("w", values, (-9.0, 9.0)), ("e", all(0.0), (-9.0, 9.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, 4), &own, 4);
    s.rule(ff, "kernel r {\n in x1: pre\n in m: global\n set e = x1 + m\n}\n");
    let subject = s.build();
    let run = subject.run();
    // In 16ths: 4.64, 4.32 and their negatives.
    assert_eq!(run.raw("ff.w"), [5, 4, -5, -4]);
    assert_eq!(run.raw("feed.w"), [4]);
    // -11.52 16ths; 15.2 eighths.
    assert_eq!(run.raw("m.m"), [-12]);
    assert_eq!(run.raw("in.x1"), [15]);
    let raw = |name: &str| run.fixed.raw(subject.state(name))[0];
    // 20.48, -4.48, -20.8 16ths, 2.4 steps, 78.4 eighths, 0.3 * 2^15 = 9830.4.
    let names = ["out.threshold", "out.bias", "out.v_min", "out.refractory", "in.x1.x_max"];
    assert_eq!(names.map(raw), [20, -4, -21, 2, 78]);
    assert_eq!(raw("in.x1.impulse"), 9830);
    let core = &subject.image.cores[0];
    let c = &core.compartments[0];
    assert_eq!((c.threshold, c.bias, c.v_min, c.refractory), (20, -4, -21, 2));
    // D = 0.1 * 2^16 = 6553.6 and 0.7 * 2^16 = 45875.2.
    assert_eq!(c.decay_u, 6554);
    let column = core.columns.iter().find(|c| !c.post).expect("the trace has a column");
    assert_eq!((column.decay, column.impulse, column.x_max), (45_875, 9830, 78));
    assert_eq!(raw("out.keep_u"), 65_536 - 6554);
}

/// S60: what a model says nothing about is what the chip's file says.
#[test]
fn defaults_come_from_the_chip() {
    let subject = learner().build();
    let w = subject.plan.states[subject.state("ff.w")];
    assert_eq!(w.rounding, Rounding::Stochastic);
    assert_eq!(
        w.rounding,
        Chip::builtin("superset").expect("it is built in").defaults.store_rounding
    );
}

/// A rule on an engine that evaluates sums of products of this form, its weight in 64ths.
fn product(form: &str, body: &str) -> Sketch {
    let mut s = Sketch::new(1);
    s.chip.rule = Chip::parse(&format!(
        "(name: \"sums\", doc: \"sums of products\", base: \"superset\", rule: SumsOfProducts((\
         scale: {form}, trace_bits: 7, variable_bits: 9, product_bits: 15, trace_constant_bits: 8, \
         variable_constant_bits: 9)))"
    ))
    .unwrap_or_else(|e| panic!("{e}"))
    .rule;
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 6, &echo());
    let spec = TraceSpec { keep: 0.5, impulse: 8.0, x_max: None, init: 0.0 };
    s.trace(input, "x1", (8, 2), &spec);
    let own: [Own<'_>; 1] = [("w", all(1.0), (-32.0, 31.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 6);
    s.rounding("ff.w", Rounding::Nearest);
    s.rule(ff, &format!("kernel r {{\n in w: own\n in x1: pre\n set w = {body}\n}}\n"));
    s
}

/// S63: a scale is a mantissa and an exponent, in last places, and every reading but float has it.
#[test]
fn a_scale_is_the_nearest_mantissa_and_exponent() {
    // The trace is 8.0, which is 32 quarters, and a quarter is 16 last places of the weight.
    for (form, body, change) in [
        // 0.1 is 1.6 last places for one of the trace: 13 / 8 of the fine mantissa, 3 / 2 of the coarse.
        ("(mantissa_bits: 5, exponent: (-7, 8))", "w + 0.1 * x1", 52),
        ("(mantissa_bits: 3, exponent: (-7, 8))", "w + 0.1 * x1", 48),
        // Exponents that end at 1 leave multiples of 2, and at 0 those of 1.
        ("(mantissa_bits: 4, exponent: (1, 8))", "w + 0.1 * x1", 64),
        ("(mantissa_bits: 4, exponent: (0, 8))", "w - 0.1 * x1", -64),
        // A tie goes away from 0: 4.5 last places become 5.
        ("(mantissa_bits: 4, exponent: (-7, 8))", "w + 0.28125 * x1", 160),
        ("(mantissa_bits: 4, exponent: (-7, 8))", "w - 0.28125 * x1", -160),
        // Two products, each with its scale: 16 * 0.1 and 16 * 0.2 * 0.3, which is 0.96.
        ("(mantissa_bits: 3, exponent: (-7, 8))", "w + 0.1 * (x1 - 0.6 * x1 * w)", 48 - 32),
    ] {
        let subject = product(form, body).build();
        let mut run = subject.run();
        run.trial(0);
        run.step(&[("in", &[0])]);
        assert_eq!(run.raw("ff.w"), [64 + change], "{body} with {form}");
    }
}

/// S63: beyond half of it away there is no such product, and the chips that hold it are named.
#[test]
fn a_scale_that_would_change_by_more_than_half_is_refused() {
    // 0.004 is 0.064 last places: 1/16 is nearer than the half, 1/8 is not.
    let of = |lowest: i8| {
        product(&format!("(mantissa_bits: 4, exponent: ({lowest}, 8))"), "w + 0.004 * x1")
    };
    of(-4).build();
    let text = of(-3).refusal();
    assert!(text.contains("Q014") && text.contains("held by 'superset' and 'large'"), "{text}");
}

/// S63: a constant beside a factor is a whole number of its last places.
#[test]
fn a_constant_of_a_factor_has_its_last_place() {
    // 0.3 of a trace in quarters is one quarter: (32 - 1) quarters * 16.
    let subject = product("(mantissa_bits: 4, exponent: (-7, 8))", "w + (x1 - 0.3) * 0.5").build();
    let mut run = subject.run();
    run.trial(0);
    run.step(&[("in", &[0])]);
    assert_eq!(run.raw("ff.w"), [64 + 31 * 8]);
}
