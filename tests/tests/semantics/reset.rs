//! S6: what each reset group sets back, and what it leaves.

use crate::readings::{Run, Sketch, Subject, all, dense, relay};
use trifactor_ir::ResetGroup;
use trifactor_testkit::builder::{Lif, TraceSpec};

/// An input that drives a held neuron, two slow ways into a leaky one, a modulator fed at once
/// and later, and a rule that changes a weight and reads traces at several times.
fn everything() -> Subject {
    let mut s = Sketch::new(4);
    let input = s.b.input("in", 1);
    let cell = s.lif("cell", 1, 4, &Lif { refractory: Some(all(9.0)), ..relay(1.0) });
    let out = s.lif("out", 1, 4, &Lif { keep_u: all(0.5), keep_v: all(1.0), ..Lif::default() });
    let trace = TraceSpec { keep: 0.5, impulse: 8.0, x_max: None, init: 2.0 };
    s.trace(input, "x1", (12, 6), &trace);
    s.trace(cell, "y1", (12, 6), &trace);
    let m = s.modulator("m", 1, 4, 0.5, 1.0);
    s.fixed("feed", (input, m), &dense(1, 1), (all(16.0), 0), 0);
    s.fixed("feed_late", (input, m), &dense(1, 1), (all(3.0), 0), 9);
    s.fixed("now", (input, out), &dense(1, 1), (all(4.0), 0), 0);
    s.fixed("slow", (input, out), &dense(1, 1), (all(16.0), 0), 2);
    s.fixed("on", (cell, out), &dense(1, 1), (all(32.0), 0), 0);
    let late = [("w", all(8.0), (0.0, 20.0)), ("d", all(3.0), (0.0, 9.0))];
    let late = s.plastic("late", (input, out), &dense(1, 1), &late, 0);
    s.rule(late, "kernel r {\n in d: own\n in x0: pre\n set d = d + x0\n}\n");
    let own = ["w", "e", "f", "g"].map(|name| (name, all(2.0), (-90.0, 90.0)));
    let ff = s.plastic("ff", (input, cell), &dense(1, 1), &own, 6);
    s.rule(
        ff,
        "kernel r {
        in w: own
        in m: global
        in x0: pre
        in y0: post
        in y1: post
        in x1_at: pre x1 at x0
        in x1_before: pre x1 prev at x0
        set w = w + m
        set e = x0 + y0 + y1
        set f = x1_at
        set g = x1_before
    }\n",
    );
    s.build()
}

/// After two steps in which the input fires.
fn two_steps(subject: &Subject) -> Run<'_> {
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.step(&[("in", &[0])]);
    run.expect("out.u", &[4 * 16]);
    run.expect("out.v", &[4 * 16]);
    run.expect("cell.spike", &[1]);
    run.expect("cell.hold", &[9]);
    // Traces: 2 decays to 1, then 8 comes; again half of it and 8.
    run.expect("in.x1", &[(9 * 64) / 2 + 8 * 64]);
    // 2 decays to 0.5 in two steps.
    run.expect("cell.y1", &[8 * 64 + 32]);
    run.expect("m.m", &[16 * 16 + 4]);
    run
}

/// S6: a reset of `membrane` clears u, v, refractory counters and every spike in flight.
#[test]
fn a_membrane_reset_empties_neurons_and_paths_and_nothing_else() {
    let subject = everything();
    let mut run = two_steps(&subject);
    run.reset(ResetGroup::Membrane);
    assert_eq!((run.fixed.step_number(), run.emulator.step_number()), (2, 2));
    for name in ["out.u", "out.v", "cell.u", "cell.v", "cell.hold"] {
        run.expect(name, &[0]);
    }
    run.expect("in.x1", &[800]);
    run.expect("cell.y1", &[544]);
    run.expect("m.m", &[260]);
    run.expect("ff.w", &[128]);
    // Nothing arrives: neither what the input sent over fixed and own delays, nor what the cell
    // sent in the step just before the reset, nor what was on its way to the modulator.
    for t in 3..=14 {
        run.step(&[]);
        for name in ["out.u", "out.v", "cell.u", "cell.v", "cell.hold", "cell.spike"] {
            run.expect(name, &[0]);
        }
        if t == 3 {
            run.expect("m.m", &[130]);
        }
        if t == 4 {
            // The epoch's flags are still there: x0 + y0 + y1 = 1 + 1 + 2.125.
            run.expect("ff.e", &[64 + 64 + 136]);
        }
    }
    let m = run.raw("m.m");
    assert!((0..2).contains(&m[0]), "the late messages did not arrive: {m:?}");
    // The cell is free again at once.
    run.step(&[("in", &[0])]);
    run.step(&[]);
    run.expect("cell.spike", &[1]);
}

/// S6: a reset of `traces` in the middle of an epoch sets traces, flags and spike times back.
#[test]
fn a_trace_reset_makes_the_epoch_forget_its_spikes() {
    let subject = everything();
    let mut run = two_steps(&subject);
    run.reset(ResetGroup::Traces);
    run.expect("in.x1", &[128]);
    run.expect("cell.y1", &[128]);
    run.expect("out.u", &[64]);
    run.expect("cell.hold", &[9]);
    run.expect("m.m", &[260]);
    run.silent_until(4);
    // No flag is left; the traces decayed twice since: 2, 1, 0.5.
    run.expect("ff.e", &[32]);
    run.expect("ff.f", &[32]);
    // The neuron's own clock went on.
    run.expect("cell.hold", &[7]);
}

/// S6: what fires after a reset of `traces` is the epoch's only spike; `prev` one step before
/// it is the initial value.
#[test]
fn spikes_after_a_trace_reset_are_timed_as_if_they_were_the_first() {
    let subject = everything();
    let mut run = two_steps(&subject);
    run.reset(ResetGroup::Traces);
    run.step(&[("in", &[0])]);
    run.step(&[]);
    // x1 = 2 * 0.5 + 8 in step 3; before it the initial 2; the post flag is gone.
    run.expect("ff.f", &[9 * 64]);
    run.expect("ff.g", &[2 * 64]);
    run.expect("ff.e", &[64 + 32]);
    run.expect("late.d", &[4]);
}

/// S6: the values remembered for the epoch are reset with the trace.
#[test]
fn a_trace_reset_is_what_prev_sees_one_step_later() {
    let subject = everything();
    let mut run = two_steps(&subject);
    run.step(&[]);
    run.reset(ResetGroup::Traces);
    run.step(&[]);
    // No lane has fired, so both readings are at the end: half of the initial value in step 4,
    // and the initial value before it.
    run.expect("ff.f", &[64]);
    run.expect("ff.g", &[128]);
}

/// S6: a reset of `traces` between two epochs is what `prev` sees at the first position.
#[test]
fn a_trace_reset_between_epochs_is_the_end_of_the_epoch_before() {
    let subject = everything();
    let mut run = two_steps(&subject);
    run.silent_until(4);
    run.reset(ResetGroup::Traces);
    run.step(&[("in", &[0])]);
    run.silent_until(8);
    run.expect("ff.f", &[9 * 64]);
    run.expect("ff.g", &[2 * 64]);
}

/// S6: a reset of `modulators` sets their lines to the initial value.
#[test]
fn a_modulator_reset_leaves_messages_on_their_way_to_it() {
    let subject = everything();
    let mut run = two_steps(&subject);
    run.reset(ResetGroup::Modulators);
    run.expect("m.m", &[16]);
    run.expect("in.x1", &[800]);
    run.expect("out.u", &[64]);
    run.expect("cell.hold", &[9]);
    run.expect("ff.w", &[128]);
    // The input's spike of step 2 arrives in step 3: 1 * 0.5 + 16.
    run.step(&[]);
    run.expect("m.m", &[8 + 256]);
}

/// S6: a reset of `weights` sets every variable of plastic synapses to its initial value.
#[test]
fn a_weight_reset_sets_every_variable_of_plastic_synapses_back() {
    let subject = everything();
    let mut run = two_steps(&subject);
    run.silent_until(4);
    run.expect("late.d", &[4]);
    // w = 2 + m; m halves from 16.25 after step 2, and the spike of step 2 brings 16 more.
    run.expect("ff.w", &[128 + (130 + 256) / 2 * 4]);
    run.reset(ResetGroup::Weights);
    for name in ["ff.w", "ff.e", "ff.f", "ff.g"] {
        run.expect(name, &[128]);
    }
    run.expect("late.w", &[8]);
    run.expect("late.d", &[3]);
    run.expect("m.m", &[193]);
    assert_ne!(run.raw("in.x1"), [128]);
    assert_ne!(run.raw("out.v"), [0]);
    assert_eq!(run.raw("cell.hold"), [7]);
}
