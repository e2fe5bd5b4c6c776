//! S30 to S38: traces of spikes, and modulators.

use crate::readings::{Own, Sketch, Subject, all, dense, each, echo, relay};
use trifactor_fixed::Rounding;
use trifactor_testkit::builder::TraceSpec;

const LINEAR: TraceSpec = TraceSpec { keep: 0.5, impulse: 8.0, x_max: None, init: 0.0 };

/// A weight and tags in a wide range, all 0.
fn tags<'a>(names: &[&'a str]) -> Vec<Own<'a>> {
    names.iter().map(|name| (*name, all(0.0), (-2000.0, 2000.0))).collect()
}

/// An input of so many lanes with a trace `x1` that a rule reads into the tag `e`.
fn pre_trace(n: u32, format: (u8, i8), spec: &TraceSpec, rounding: Option<Rounding>) -> Sketch {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", n);
    let out = s.lif("out", 1, 4, &echo());
    s.trace(input, "x1", format, spec);
    if let Some(rounding) = rounding {
        s.rounding("in.x1", rounding);
    }
    let ff = s.plastic("ff", (input, out), &dense(n as usize, 1), &tags(&["w", "e"]), 2);
    s.rule(ff, "kernel r {\n in x1: pre\n set e = x1\n}\n");
    s
}

/// S30: a linear trace decays and takes its impulse.
#[test]
fn a_linear_trace_decays_and_adds_its_impulse() {
    let subject = pre_trace(2, (12, 2), &LINEAR, None).build();
    let mut run = subject.run();
    // 8, 4, 2 + 8, 5, in quarters; the second lane fires in step 2 only.
    for (lanes, x) in
        [(vec![0], [32, 0]), (vec![1], [16, 32]), (vec![0], [40, 16]), (vec![], [20, 8])]
    {
        run.step(&[("in", &lanes)]);
        run.expect("in.x1", &x);
    }
}

/// S31: a saturating trace takes a share of what is missing to its maximum, after the decay.
#[test]
fn a_saturating_trace_moves_towards_its_maximum() {
    let spec = TraceSpec { keep: 0.5, impulse: 0.25, x_max: Some(16.0), init: 0.0 };
    let subject = pre_trace(1, (12, 4), &spec, None).build();
    let mut run = subject.run();
    // 0.25 * 16 = 4; 2; 1 + 0.25 * 15 = 4.75.
    for (fires, x) in [(true, 64), (false, 32), (true, 76)] {
        run.step(&[("in", if fires { &[0] } else { &[] })]);
        run.expect("in.x1", &[x]);
    }
}

/// S32: a pre trace follows the firing, not the arrival; a post trace follows the post lane.
#[test]
fn traces_follow_the_step_in_which_a_lane_fires() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 4, &relay(1.0));
    s.trace(input, "x1", (12, 4), &LINEAR);
    s.trace(out, "y1", (12, 4), &LINEAR);
    let mut own = tags(&["w", "e", "d"]);
    own[0].1 = all(2.0);
    own[2] = ("d", all(10.0), (0.0, 20.0));
    let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 2);
    s.rule(ff, "kernel r {\n in x1: pre\n in y1: post\n set e = x1 - y1\n}\n");
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.expect("in.x1", &[128]);
    run.silent_until(4);
    run.expect("in.x1", &[16]);
    run.expect("out.y1", &[0]);
    // The spike arrives in 1 + 1 + 10, makes the post lane fire and changes no pre trace.
    run.silent_until(11);
    run.expect("out.y1", &[0]);
    let before = run.raw("in.x1");
    run.step(&[]);
    run.expect("out.spike", &[1]);
    run.expect("out.y1", &[128]);
    assert!(run.raw("in.x1") <= before);
}

/// S33: the decay of a trace is rounded as the plan says; stochastically by default.
#[test]
fn a_trace_decays_with_the_rounding_of_the_plan() {
    let spec = TraceSpec { keep: 0.75, init: 101.0, ..LINEAR };
    // 75.75, then 56.25 or 57, then 42, 42.75.
    let cases = [
        (Rounding::Floor, [75, 56, 42]),
        (Rounding::Zero, [75, 56, 42]),
        (Rounding::Nearest, [76, 57, 43]),
    ];
    for (rounding, expected) in cases {
        let subject = pre_trace(1, (12, 0), &spec, Some(rounding)).build();
        let mut run = subject.run();
        for x in expected {
            run.step(&[]);
            assert_eq!(run.raw("in.x1"), [x], "{rounding:?}");
        }
    }
    let subject = pre_trace(1, (12, 0), &spec, None).build();
    let x1 = subject.state("in.x1");
    assert_eq!(subject.plan.states[x1].rounding, Rounding::Stochastic);
}

/// S33: the impulse is added after the decay and the sum saturates, counted.
#[test]
fn the_sum_of_a_trace_saturates_at_its_width() {
    let spec = TraceSpec { keep: 1.0, impulse: 60.0, x_max: None, init: 70.0 };
    let subject = pre_trace(1, (7, 0), &spec, None).build();
    let mut run = subject.run();
    for (x, count) in [(127, 1), (127, 2)] {
        run.step(&[("in", &[0])]);
        assert_eq!(run.raw("in.x1"), [x]);
        run.expect_saturated("in.x1", count);
    }
    run.step(&[]);
    assert_eq!(run.raw("in.x1"), [127]);
    run.expect_saturated("in.x1", 2);
    let subject = pre_trace(1, (8, 0), &spec, None).build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.expect("in.x1", &[130]);
    run.expect_saturated("in.x1", 0);
}

/// S33: traces have 7 to 16 bits and no sign.
#[test]
fn a_trace_has_7_to_16_unsigned_bits() {
    for bits in [7, 16] {
        let subject = pre_trace(1, (bits, 0), &LINEAR, None).build();
        let q = subject.plan.states[subject.state("in.x1")].q;
        assert_eq!((q.bits, q.signed), (bits, false));
    }
    for bits in [6, 17] {
        assert!(pre_trace(1, (bits, 0), &LINEAR, None).refusal().contains("Q002"));
    }
}

/// A rule that reads a pre trace at the last post spike and a post trace at the last pre spike,
/// there and one step before. Lane 0 of `kick` makes the post lane fire a step later.
fn readings_inside_an_epoch() -> Subject {
    let mut s = Sketch::new(4);
    let input = s.b.input("in", 1);
    let kick = s.b.input("kick", 1);
    let out = s.lif("out", 1, 4, &relay(1.0));
    s.trace(input, "x1", (12, 5), &LINEAR);
    s.trace(out, "y1", (12, 5), &LINEAR);
    s.fixed("drive", (kick, out), &dense(1, 1), (all(2.0), 0), 0);
    let ff =
        s.plastic("ff", (input, out), &dense(1, 1), &tags(&["w", "here", "before", "last"]), 5);
    s.rule(
        ff,
        "kernel r {
        in at_y: pre x1 at y0
        in before_y: pre x1 prev at y0
        in before_end: pre x1 prev
        set here = at_y
        set before = before_y
        set last = before_end
    }\n",
    );
    s.build()
}

/// S34: impulses act in their own step; a reading at step s includes that step's impulse, `prev`
/// does not, and at s = 1 it is the end of the epoch before.
#[test]
fn a_trace_at_a_step_includes_its_impulse_and_prev_does_not() {
    let subject = readings_inside_an_epoch();
    let mut run = subject.run();
    // Pre spikes at positions 1 and 3, a post spike at position 3: x1 = 8, 4, 10, 5.
    run.step(&[("in", &[0])]);
    run.step(&[("kick", &[0])]);
    run.step(&[("in", &[0])]);
    run.expect("out.spike", &[1]);
    run.expect("in.x1", &[320]);
    run.step(&[("kick", &[0])]);
    run.expect("in.x1", &[160]);
    run.expect("ff.here", &[320]);
    run.expect("ff.before", &[128]);
    run.expect("ff.last", &[320]);
    // The post lane fires at position 1 of the next epoch: x1 = 2.5 there and 5 before it; at
    // the end 0.3125, before it 0.625.
    run.step(&[]);
    run.expect("out.spike", &[1]);
    run.silent_until(8);
    run.expect("ff.here", &[80]);
    run.expect("ff.before", &[160]);
    run.expect("ff.last", &[20]);
}

/// S35: x0 tells whether a lane fired in the epoch, and readings are at its last spike.
#[test]
fn flags_and_times_are_those_of_the_last_spike_of_the_epoch() {
    let mut s = Sketch::new(4);
    let input = s.b.input("in", 2);
    let out = s.lif("out", 1, 4, &relay(1.0));
    s.trace(input, "x1", (12, 5), &LINEAR);
    s.trace(out, "y1", (12, 5), &LINEAR);
    let kick = s.b.input("kick", 1);
    s.fixed("drive", (kick, out), &dense(1, 1), (all(2.0), 0), 0);
    let ff = s.plastic("ff", (input, out), &dense(2, 1), &tags(&["w", "e", "f", "g"]), 5);
    s.rule(
        ff,
        "kernel r {
        in x0: pre
        in y0: post
        in x: pre x1 at x0
        in y: post y1 at x0
        set e = x0 + y0 * 2.0
        set f = x
        set g = y
    }\n",
    );
    let subject = s.build();
    let mut run = subject.run();
    // Lane 0 fires at 1, 2 and 3, lane 1 at 2; the post lane at 2: y1 = 0, 8, 4, 2.
    run.step(&[("in", &[0]), ("kick", &[0])]);
    run.step(&[("in", &[0, 1])]);
    run.expect("out.spike", &[1]);
    run.step(&[("in", &[0])]);
    run.step(&[]);
    // x1 of lane 0 is 8, 12, 14, 7, of lane 1 0, 8, 4, 2.
    run.expect("ff.e", &[3 * 32, 3 * 32]);
    run.expect("ff.f", &[14 * 32, 8 * 32]);
    run.expect("ff.g", &[4 * 32, 8 * 32]);
    // In the next epoch only lane 1 fires, at position 4: x1 = 1, 0.5, 0.25, 8.125.
    run.silent_until(7);
    run.step(&[("in", &[1])]);
    run.expect("ff.e", &[0, 32]);
    assert_eq!(run.raw("ff.f")[1], 8 * 32 + 4);
    // Of y1 = 2 a sixteenth is left.
    assert_eq!(run.raw("ff.g")[1], 4);
}

/// S36: a modulator decays and takes what arrives, with one line, or one per pre or post lane.
#[test]
fn modulators_have_one_line_or_one_per_pre_or_post_lane() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 2);
    let teach = s.b.input("teach", 1);
    let out = s.lif("out", 3, 4, &echo());
    let global = s.modulator("all", 1, 4, 0.5, 0.0);
    let pre = s.modulator("of_pre", 2, 4, 0.5, 0.0);
    let post = s.modulator("of_post", 3, 4, 0.5, 0.0);
    s.fixed("to_all", (teach, global), &dense(1, 1), (all(8.0), 0), 0);
    s.fixed("to_pre", (teach, pre), &dense(1, 2), (each(&[4.0, -12.0]), 0), 0);
    s.fixed("to_post", (teach, post), &dense(1, 3), (each(&[2.0, 0.0, -6.0]), 0), 0);
    let ff = s.plastic("ff", (input, out), &dense(2, 3), &tags(&["w", "e", "f", "g"]), 4);
    s.rule(
        ff,
        "kernel r {
        in all: global
        in of_pre: pre
        in of_post: post
        set e = all
        set f = of_pre
        set g = of_post
    }\n",
    );
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[("teach", &[0])]);
    run.step(&[("teach", &[0])]);
    run.expect("all.m", &[128]);
    // The second message meets what is left of the first: 1.5 times as much.
    run.step(&[]);
    run.expect("all.m", &[192]);
    run.expect("of_pre.m", &[96, -288]);
    run.expect("of_post.m", &[48, 0, -144]);
    run.expect("ff.e", &[192; 6]);
    run.expect("ff.f", &[96, 96, 96, -288, -288, -288]);
    run.expect("ff.g", &[48, 0, -144, 48, 0, -144]);
    run.step(&[]);
    run.expect("of_post.m", &[24, 0, -72]);
}

/// An input that feeds a modulator of one line, read by a rule.
fn one_line(weight: f64, (keep, init): (f64, f64), rounding: Option<Rounding>) -> Subject {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 4, &echo());
    let m = s.modulator("m", 1, 0, keep, init);
    if let Some(rounding) = rounding {
        s.rounding("m.m", rounding);
    }
    s.fixed("feed", (input, m), &dense(1, 1), (all(weight), 0), 0);
    let own = [("w", all(0.0), (-9.0, 9.0)), ("e", all(0.0), (-32768.0, 32767.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 0);
    s.rule(ff, "kernel r {\n in m: global\n set e = m\n}\n");
    s.build()
}

/// S37: the decay of a modulator is rounded as the plan says, below zero as well.
#[test]
fn a_modulator_decays_with_the_rounding_of_the_plan() {
    // Half of 101 and of -101.
    let cases =
        [(Rounding::Floor, 50, -51), (Rounding::Zero, 50, -50), (Rounding::Nearest, 51, -50)];
    for (rounding, up, down) in cases {
        for (init, expected) in [(101.0, up), (-101.0, down)] {
            let subject = one_line(1.0, (0.5, init), Some(rounding));
            let mut run = subject.run();
            run.step(&[]);
            assert_eq!(run.raw("m.m"), [expected], "{rounding:?} of {init}");
            assert_eq!(run.raw("ff.e"), [expected]);
        }
    }
    let subject = one_line(1.0, (0.5, 0.0), None);
    let m = subject.plan.states[subject.state("m.m")];
    assert_eq!((m.rounding, m.q.bits, m.q.signed), (Rounding::Stochastic, 16, true));
}

/// S37: the sum of a modulator saturates to 16 bits, counted.
#[test]
fn a_modulator_saturates_to_16_bits() {
    for (weight, first, end) in [(20_000.0, 20_000, 32_767), (-20_000.0, -20_000, -32_768)] {
        let subject = one_line(weight, (1.0, 0.0), None);
        let mut run = subject.run();
        run.step(&[("in", &[0])]);
        run.step(&[("in", &[0])]);
        run.expect("m.m", &[first]);
        run.expect_saturated("m.m", 0);
        run.step(&[]);
        assert_eq!(run.raw("m.m"), [end]);
        assert_eq!(run.raw("ff.e"), [end]);
        run.expect_saturated("m.m", 1);
    }
}

/// S38: copies of a modulator on several cores are equal in every step, draws included.
#[test]
fn copies_of_a_modulator_on_two_cores_are_equal() {
    let mut s = Sketch::new(1);
    s.chip.core.compartments = 8;
    let n = 12;
    let input = s.b.input("in", 2);
    let out = s.lif("out", n, 4, &relay(1.0));
    let global = s.modulator("all", 1, 0, 0.75, 101.0);
    let pre = s.modulator("of_pre", 2, 0, 0.9, 77.0);
    s.fixed("to_all", (input, global), &dense(2, 1), (each(&[31.0, -45.0]), 0), 0);
    s.fixed("to_pre", (input, pre), &dense(2, 2), (each(&[5.0, 9.0, -3.0, 20.0]), 0), 2);
    let ff = s.plastic("ff", (input, out), &dense(2, n), &tags(&["w", "e", "f"]), 0);
    s.rule(
        ff,
        "kernel r {
        in all: global
        in of_pre: pre
        set e = all
        set f = of_pre
    }\n",
    );
    let subject = s.build();
    assert!(subject.image.cores.len() > 1, "the population fits one core");
    for modulator in &subject.image.map.modulators {
        let cores: Vec<u32> = modulator.parts.iter().map(|p| p.core).collect();
        assert!(cores.len() > 1 && cores[0] != cores[1], "{cores:?}");
    }
    let mut run = subject.run();
    run.trial(3);
    for t in 1..=20_u32 {
        let lanes: Vec<u32> = (0..2).filter(|lane| (t >> lane) % 3 == 1).collect();
        run.step(&[("in", &lanes)]);
        // Post lanes on different cores read different copies.
        let (all, of_pre) = (run.raw("all.m")[0], run.raw("of_pre.m"));
        assert_eq!(run.raw("ff.e"), [all; 24], "step {t}");
        let f = run.raw("ff.f");
        assert!(f[..12].iter().all(|x| *x == of_pre[0]), "step {t}: {f:?}");
        assert!(f[12..].iter().all(|x| *x == of_pre[1]), "step {t}: {f:?}");
    }
}
