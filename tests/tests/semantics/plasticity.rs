//! S39, S40 and S46 to S48: what a rule reads and when, when it runs, and in which order.

use crate::readings::{Own, Run, Sketch, Subject, all, dense, each, echo, relay};
use trifactor_diag::Place;
use trifactor_emu::Cause;
use trifactor_image::Guard;
use trifactor_ir::sop::{SopRule, parse_sop};
use trifactor_testkit::Rng;
use trifactor_testkit::builder::TraceSpec;

const LINEAR: TraceSpec = TraceSpec { keep: 0.5, impulse: 8.0, x_max: None, init: 0.0 };

/// A weight and tags in a wide range, all 0.
fn tags<'a>(names: &[&'a str]) -> Vec<Own<'a>> {
    names.iter().map(|name| (*name, all(0.0), (-900.0, 900.0))).collect()
}

/// S39: all reads of a rule give values from before it, all variables are written together.
#[test]
fn a_rule_can_swap_two_variables() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 2, 4, &echo());
    let own = [("w", each(&[1.0, 2.0]), (-9.0, 9.0)), ("e", each(&[5.0, -7.0]), (-9.0, 9.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, 2), &own, 4);
    s.rule(ff, "kernel swap {\n in w: own\n in e: own\n set w = e\n set e = w\n}\n");
    let subject = s.build();
    let mut run = subject.run();
    for (w, e) in [([80, -112], [16, 32]), ([16, 32], [80, -112])] {
        run.step(&[]);
        run.expect("ff.w", &w);
        run.expect("ff.e", &e);
    }
}

/// S39: every synapse is evaluated once, from its own values.
#[test]
fn a_rule_runs_once_for_every_synapse() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 3);
    let out = s.lif("out", 2, 4, &echo());
    let own = [("w", each(&[0.0, 1.0, 2.0, 3.0, 4.0]), (-99.0, 99.0))];
    let ff = s.plastic("ff", (input, out), &[vec![0, 1], vec![1], vec![0, 1]], &own, 0);
    s.rule(ff, "kernel r {\n in w: own\n set w = w + w + 1.0\n}\n");
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[]);
    run.expect("ff.w", &[1, 3, 5, 7, 9]);
    run.step(&[]);
    run.expect("ff.w", &[3, 7, 11, 15, 19]);
    assert_eq!(run.emulator.report().count(Cause::RuleState), 10);
}

/// S40: a factor of a lane is read at the end, at the pre spike or at the post spike; without a
/// spike it is read at the end.
#[test]
fn a_factor_is_read_at_the_end_or_at_a_spike_of_either_side() {
    let mut s = Sketch::new(4);
    let input = s.b.input("in", 2);
    let kick = s.b.input("kick", 2);
    let out = s.lif("out", 2, 4, &relay(1.0));
    s.trace(input, "x1", (12, 5), &TraceSpec { init: 16.0, ..LINEAR });
    s.trace(out, "y1", (12, 5), &TraceSpec { init: 32.0, ..LINEAR });
    s.fixed("drive", (kick, out), &[vec![0], vec![1]], (all(2.0), 0), 0);
    let ff = s.plastic("ff", (input, out), &dense(2, 2), &tags(&["w", "e", "f", "g"]), 5);
    s.rule(
        ff,
        "kernel r {
        in x_at_y: pre x1 at y0
        in y_at_x: post y1 at x0
        in x_end: pre x1
        set e = x_at_y
        set f = y_at_x
        set g = x_end
    }\n",
    );
    let subject = s.build();
    let mut run = subject.run();
    // Pre lane 0 fires in step 1, post lane 0 in step 2; lanes 1 are silent.
    run.step(&[("in", &[0]), ("kick", &[0])]);
    run.step(&[]);
    run.expect("out.spike", &[1, 0]);
    run.silent_until(4);
    // x1 of lane 0: 16, 8, 4, 2; of lane 1: 8, 4, 2, 1. y1 of lane 0: 16, 16, 8, 4; of lane 1:
    // 16, 8, 4, 2. Synapses 0-0, 0-1, 1-0, 1-1, in 32nds.
    run.expect("ff.e", &[8, 2, 4, 1].map(|x| x * 32));
    run.expect("ff.f", &[16, 16, 4, 2].map(|x| x * 32));
    run.expect("ff.g", &[2, 2, 1, 1].map(|x| x * 32));
}

/// S40: a rule of products multiplies a factor of a lane that did not fire by 0.
#[test]
fn products_of_a_silent_lane_vanish() {
    let mut s = Sketch::new(4);
    let input = s.b.input("in", 2);
    let kick = s.b.input("kick", 2);
    let out = s.lif("out", 2, 4, &relay(1.0));
    s.trace(input, "x1", (12, 5), &TraceSpec { init: 16.0, ..LINEAR });
    s.trace(out, "y1", (12, 5), &TraceSpec { init: 32.0, ..LINEAR });
    s.fixed("drive", (kick, out), &[vec![0], vec![1]], (all(2.0), 0), 0);
    let ff = s.plastic("ff", (input, out), &dense(2, 2), &tags(&["w"]), 5);
    let rule = SopRule { dw: Some("x0*y1 - 2*y0*x1".into()), ..SopRule::default() };
    let kernel = parse_sop("stdp", &rule, &Place::default()).unwrap_or_else(|e| panic!("{e}"));
    s.rule_kernel(ff, kernel);
    let subject = s.build();
    let mut run = subject.run();
    // The spikes of the test above.
    run.step(&[("in", &[0]), ("kick", &[0])]);
    run.silent_until(4);
    // 16 - 2 * 8; y1 = 16 alone; -2 * 4 alone; nothing, though both traces are above 0.
    run.expect("ff.w", &[0, 16 * 32, -8 * 32, 0]);
}

/// S40: modulators and variables of the synapse are read at the end of the epoch.
#[test]
fn modulators_and_own_variables_are_read_at_the_end_of_the_epoch() {
    let sketch = |time: &str| {
        let mut s = Sketch::new(3);
        let input = s.b.input("in", 1);
        let out = s.lif("out", 1, 4, &echo());
        let m = s.modulator("m", 1, 4, 0.5, 0.0);
        s.fixed("feed", (input, m), &dense(1, 1), (all(16.0), 0), 0);
        let ff = s.plastic("ff", (input, out), &dense(1, 1), &tags(&["w", "e"]), 4);
        let text = format!(
            "kernel r {{\n in x0: pre\n in e: own\n in m: global{time}\n set e = e + x0 * m\n}}\n"
        );
        s.rule(ff, &text);
        s
    };
    let subject = sketch("").build();
    let mut run = subject.run();
    // The spike of position 1 arrives at position 2 with 16, of which 8 is left at the end.
    run.step(&[("in", &[0])]);
    run.silent_until(3);
    run.expect("ff.e", &[8 * 16]);
    for time in [" at x0", " prev"] {
        assert!(sketch(time).refusal().contains("V024"), "{time}");
    }
}

/// S46: `u_k` is 1 in the epochs whose number is divisible by 2^k.
#[test]
fn the_epoch_flag_of_k_is_set_in_every_2_to_the_kth_epoch() {
    let mut s = Sketch::new(2);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 4, &echo());
    let ff = s.plastic("ff", (input, out), &dense(1, 1), &tags(&["w", "e", "f", "g"]), 0);
    s.rule(
        ff,
        "kernel r {
        in e: own
        in f: own
        in g: own
        in u0: every 0
        in u1: every 1
        in u3: every 3
        set e = e + u0
        set f = f + u1
        set g = g + u3
    }\n",
    );
    let subject = s.build();
    let mut run = subject.run();
    for epoch in 1..=17 {
        run.step(&[]);
        run.step(&[]);
        run.expect("ff.e", &[epoch]);
        run.expect("ff.f", &[epoch / 2]);
        run.expect("ff.g", &[epoch / 8]);
    }
}

/// A network that learns by `change` added to w, with stochastic stores and sparse spikes.
/// `pre` and `post` are the flags in a form that proofs over single operations do not see.
fn learner(change: &str) -> Subject {
    let mut s = Sketch::new(2);
    let input = s.b.input("in", 5);
    let out = s.lif("out", 4, 4, &relay(3.0));
    let spec = TraceSpec { keep: 0.8, impulse: 5.0, x_max: None, init: 0.0 };
    s.trace(input, "x1", (12, 4), &spec);
    s.trace(out, "y1", (12, 4), &spec);
    let ff = s.plastic("ff", (input, out), &dense(5, 4), &[("w", all(2.0), (-40.0, 40.0))], 6);
    s.rule(
        ff,
        &format!(
            "kernel r {{
        in w: own
        in x0: pre
        in y0: post
        in x1: pre
        in y1_at: post y1 at x0
        pre = x0 > 0.5
        post = y0 > 0.5
        set w = w + {change}
    }}\n"
        ),
    );
    s.build()
}

/// S47: skipping synapses cannot be seen in any state.
#[test]
fn a_rule_whose_guard_is_proved_learns_what_it_learns_unguarded() {
    let cases = [
        ("x0 * y1_at * 0.017", Guard::Pre),
        ("y0 * x1 * 0.017", Guard::Post),
        ("(x0 * y1_at * 0.017 - y0 * x1 * 0.011)", Guard::PreOrPost),
    ];
    for (change, guard) in cases {
        let hidden = change.replace("x0 *", "pre *").replace("y0 *", "post *");
        let (guarded, plain) = (learner(change), learner(&hidden));
        let guards = |s: &Subject| s.image.cores[0].profiles[0].guard;
        assert_eq!((guards(&guarded), guards(&plain)), (guard, Guard::Always), "{change}");
        let (mut a, mut b) = (guarded.run(), plain.run());
        let mut rng = Rng::new(11);
        for step in 1..=120 {
            let lanes: Vec<u32> = (0..5).filter(|_| rng.chance(0.15)).collect();
            a.step(&[("in", &lanes)]);
            b.step(&[("in", &lanes)]);
            for name in ["ff.w", "out.u", "out.v", "out.spike"] {
                assert_eq!(a.raw(name), b.raw(name), "{change}: {name} after step {step}");
            }
        }
        assert_ne!(a.raw("ff.w"), [2 * 64; 20], "{change}: nothing was learnt");
        let counts = |run: &Run<'_>| {
            let report = run.emulator.report();
            (report.count(Cause::RuleState), report.count(Cause::RuleSkip))
        };
        let ((ran, skipped), (every, none)) = (counts(&a), counts(&b));
        // 20 synapses in each of 60 epochs.
        assert_eq!((every, none), (1200, 0), "{change}");
        assert_eq!(ran + skipped, 1200, "{change}");
        assert!(skipped > 100 && ran > 100, "{change}: {ran} ran, {skipped} skipped");
    }
}

/// S47: a rule that moves a silent synapse is not skipped.
#[test]
fn a_rule_that_forgets_runs_for_silent_synapses_too() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 2);
    let out = s.lif("out", 1, 4, &echo());
    let own = [("w", all(3.0), (-9.0, 9.0)), ("e", all(1.0), (-9.0, 9.0))];
    let ff = s.plastic("ff", (input, out), &dense(2, 1), &own, 4);
    // w moves only with x0, but e always.
    s.rule(
        ff,
        "kernel r {\n in w: own\n in e: own\n in x0: pre\n set w = w + x0\n set e = e + 0.5\n}\n",
    );
    let subject = s.build();
    assert_eq!(subject.image.cores[0].profiles[0].guard, Guard::Always);
    let mut run = subject.run();
    run.step(&[("in", &[1])]);
    run.expect("ff.w", &[48, 64]);
    run.expect("ff.e", &[24, 24]);
}

/// S48: operations are executed in the author's order, which rounding makes visible.
#[test]
fn the_order_of_a_sum_is_the_authors() {
    let learn = |sum: &str| {
        let mut s = Sketch::new(1);
        let input = s.b.input("in", 1);
        let out = s.lif("out", 3, 8, &echo());
        // 4660 and -4660 of 2^14, and 4664, whose last four bits are 8.
        let w = each(&[4660.0 / 16384.0, -4660.0 / 16384.0, 4664.0 / 16384.0]);
        let ff = s.plastic("ff", (input, out), &dense(1, 3), &[("w", w, (-1.0, 1.0))], 14);
        s.rule(ff, &format!("kernel r {{\n in w: own\n set w = {sum}\n}}\n"));
        let subject = s.build();
        let mut run = subject.run();
        run.step(&[]);
        run.raw("ff.w")
    };
    // w + 2^20 leaves a 32-bit register 10 fraction bits, so w loses its last four (S44), to the
    // nearest, ties up: 291.25, -291.25 and 291.5 sixteens.
    assert_eq!(learn("w + 1048576.0 - 1048576.0"), [291 * 16, -291 * 16, 292 * 16]);
    assert_eq!(learn("1048576.0 - 1048576.0 + w"), [4660, -4660, 4664]);
}

/// S48: a rule of products keeps the author's order of products in the microcode.
#[test]
fn products_run_in_the_order_in_which_they_are_written() {
    let order = |dw: &str| {
        let mut s = Sketch::new(1);
        let input = s.b.input("in", 1);
        let out = s.lif("out", 1, 4, &relay(1.0));
        s.trace(input, "x1", (12, 4), &LINEAR);
        s.trace(out, "y1", (12, 4), &LINEAR);
        let ff = s.plastic("ff", (input, out), &dense(1, 1), &tags(&["w"]), 4);
        let rule = SopRule { dw: Some(dw.into()), ..SopRule::default() };
        let kernel = parse_sop("r", &rule, &Place::default()).unwrap_or_else(|e| panic!("{e}"));
        s.rule_kernel(ff, kernel);
        let subject = s.build();
        let listing = trifactor_isa::disassemble(&subject.image.cores[0].ucode);
        let listing = listing.unwrap_or_else(|e| panic!("{e}"));
        let at =
            |load: &str| listing.find(load).unwrap_or_else(|| panic!("no {load} in\n{listing}"));
        at("ldx") < at("ldy")
    };
    assert!(order("y0*x1 - x0*y1"));
    assert!(!order("x0*y1 - y0*x1"));
}
