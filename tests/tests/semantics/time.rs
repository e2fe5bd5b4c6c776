//! S1 to S5: steps, their phases, travel times, epochs; S7: trials.

use crate::draws::{draw, mixed};
use crate::readings::{Sketch, all, dense, each, echo, one_to_one, relay};
use trifactor_emu::trial_seed;
use trifactor_ir::{Delay, ResetGroup, Sign, StateRole};
use trifactor_testkit::builder::TraceSpec;

const LINEAR: TraceSpec = TraceSpec { keep: 0.0, impulse: 1.0, x_max: None, init: 0.0 };

/// S1: steps count from 1 in every reading, and a step's length in milliseconds changes nothing.
#[test]
fn steps_count_from_one_and_their_length_is_not_computed_with() {
    let sketch = |step_ms| {
        let mut s = Sketch::new(1);
        s.step_ms = step_ms;
        let input = s.b.input("in", 1);
        let out = s.lif("out", 1, 4, &relay(3.0));
        s.fixed("ff", (input, out), &dense(1, 1), (all(2.0), 0), 0);
        s.build()
    };
    let (one, tenth) = (sketch(1.0), sketch(0.1));
    assert_eq!((one.image.meta.step_ms.get(), tenth.image.meta.step_ms.get()), (1.0, 0.1));
    assert_eq!(one.image.cores, tenth.image.cores);
    let mut run = one.run();
    let numbers = |run: &crate::readings::Run<'_>| {
        (run.fixed.step_number(), run.emulator.step_number(), run.float.step_number())
    };
    assert_eq!(numbers(&run), (0, 0, 0));
    for t in 1..=3 {
        run.step(&[("in", &[0])]);
        assert_eq!(numbers(&run), (t, t, u64::from(t)));
    }
    run.expect("out.v", &[32]);
}

/// S2: deliver, neurons, modulators, traces and plasticity run in this order.
#[test]
fn every_phase_of_a_step_sees_what_the_phases_before_it_did_in_the_same_step() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 4, &relay(2.5));
    s.trace(input, "x1", (12, 0), &LINEAR);
    s.trace(out, "y1", (12, 0), &TraceSpec { impulse: 4.0, ..LINEAR });
    let m = s.modulator("m", 1, 0, 0.0, 0.0);
    s.fixed("feed", (input, m), &dense(1, 1), (all(16.0), 0), 0);
    let own = [("w", all(2.0), (-100.0, 100.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 0);
    s.rule(ff, "kernel r {\n in w: own\n in m: global\n in x1: pre\n in y1: post\n set w = w + m + x1 + y1\n}\n");
    let subject = s.build();
    let mut run = subject.run();
    // Step 1: the trace takes the impulse before the rule reads it: w = 2 + 1.
    run.step(&[("in", &[0])]);
    run.expect("ff.w", &[3]);
    run.expect("out.u", &[0]);
    // Step 2: 3 arrives before the neuron adds it up (2 would not reach the threshold); the
    // neuron fires before its trace takes 4; the modulator takes 16; then w = 3 + 16 + 0 + 4.
    run.step(&[]);
    run.expect("out.u", &[48]);
    run.expect("out.spike", &[1]);
    run.expect("m.m", &[16]);
    run.expect("in.x1", &[0]);
    run.expect("out.y1", &[4]);
    run.expect("ff.w", &[23]);
    // Step 3: everything has decayed to 0.
    run.step(&[]);
    run.expect("ff.w", &[23]);
}

/// S3: a spike of step t arrives in step t + 1 + d, in series and at modulators.
#[test]
fn delays_add_up_over_projections_in_series_and_lead_into_modulators_alike() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let names = ["a", "b", "c"];
    let places = names.map(|name| s.lif(name, 1, 4, &relay(1.0)));
    let own = [("w", all(2.0), (0.0, 8.0)), ("e", all(0.0), (-50.0, 50.0))];
    let first = s.plastic("to_a", (input, places[0]), &dense(1, 1), &own, 0);
    s.fixed("to_b", (places[0], places[1]), &dense(1, 1), (all(2.0), 0), 5);
    s.fixed("to_c", (places[1], places[2]), &dense(1, 1), (all(2.0), 0), 62);
    let m = s.modulator("m", 1, 0, 0.0, 0.0);
    s.fixed("early", (input, m), &dense(1, 1), (all(7.0), 0), 0);
    s.fixed("late", (places[2], m), &dense(1, 1), (all(9.0), 0), 3);
    s.rule(first, "kernel r {\n in m: global\n set e = m\n}\n");
    let subject = s.build();
    let mut run = subject.run();
    // a fires in 1 + 1, b in 2 + 1 + 5, c in 8 + 1 + 62; the modulator gets 7 in 1 + 1 and 9 in
    // 71 + 1 + 3.
    let firing = [("a.spike", 2), ("b.spike", 8), ("c.spike", 71)];
    for t in 1..=80 {
        let lanes: &[u32] = if t == 1 { &[0] } else { &[] };
        run.step(&[("in", lanes)]);
        for (name, at) in firing {
            run.expect(name, &[i64::from(t == at)]);
        }
        run.expect(
            "m.m",
            &[match t {
                2 => 7,
                75 => 9,
                _ => 0,
            }],
        );
    }
}

/// S3: synapses with delays of their own follow the same arithmetic; 62 is the longest.
#[test]
fn delays_of_single_synapses_are_0_to_62_steps() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 3, 4, &echo());
    let ff = s.b.synapses("ff", input, out, Sign::Mixed, &dense(1, 3));
    let w = s.b.weight(ff, all(2.0));
    let (role, group) = (StateRole::Parameter, ResetGroup::Weights);
    let d = s.b.state(ff, "d", role, each(&[0.0, 5.0, 62.0]), None, group);
    s.b.deliver(ff, w, Delay::PerSynapse(d));
    let subject = s.build();
    let mut run = subject.run();
    for t in 1..=70 {
        let lanes: &[u32] = if t == 1 { &[0] } else { &[] };
        run.step(&[("in", lanes)]);
        run.expect("out.v", &[2, 7, 64].map(|at| if t == at { 32 } else { 0 }));
    }
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 4, &echo());
    s.fixed("ff", (input, out), &dense(1, 1), (all(2.0), 0), 63);
    assert!(s.refusal().contains("V022"));
}

/// S4: an input lane that fires in a step is a neuron that spikes in that step.
#[test]
fn an_input_that_fires_with_a_neuron_causes_what_the_neuron_causes() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 2);
    let cell = s.lif("cell", 2, 4, &relay(1.0));
    let decaying = TraceSpec { keep: 0.5, impulse: 8.0, ..LINEAR };
    s.trace(input, "x1", (12, 4), &decaying);
    s.trace(cell, "x1", (12, 4), &decaying);
    // Lane 0 of the input makes lane 1 of the cells fire; lane 1 is the one to compare with.
    s.fixed("drive", (input, cell), &[vec![1], vec![]], (all(2.0), 0), 0);
    let mut outs = Vec::new();
    for (name, source) in [("from_in", input), ("from_cell", cell)] {
        let out = s.lif(&format!("{name}.out"), 1, 4, &echo());
        let own = [("w", all(1.0), (-120.0, 120.0)), ("d", all(4.0), (0.0, 9.0))];
        let projection = s.plastic(name, (source, out), &dense(2, 1), &own, 4);
        s.rule(
            projection,
            "kernel r {\n in w: own\n in x0: pre\n in x1: pre\n set w = w + x0 + x1\n}\n",
        );
        outs.push(format!("{name}.out.v"));
    }
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    // Input lane 1 fires in step 2, when lane 1 of the cells does.
    run.step(&[("in", &[1])]);
    run.expect("cell.spike", &[0, 1]);
    let mut arrived = false;
    for t in 3..=8 {
        let (a, b) = (run.raw("in.x1")[1], run.raw("cell.x1")[1]);
        assert_eq!((a, b), ((8 * 16) >> (t - 3), (8 * 16) >> (t - 3)), "before step {t}");
        assert_eq!(run.raw("from_in.w")[1], run.raw("from_cell.w")[1]);
        run.step(&[]);
        // Input lane 0, which fired in step 1, arrives in step 6; the others in 2 + 1 + 4.
        // By then the weight is 1 + 1 + 8 + 4 + 2 + 1 + 0.5 = 17.5, in 16ths 280.
        if t == 7 {
            arrived = true;
            run.expect(&outs[0], &[280]);
            run.expect(&outs[1], &[280]);
        }
    }
    assert!(arrived);
}

/// S5: an epoch has T steps; its rule runs in the step with s = T, and its flags are its own.
#[test]
fn rules_run_in_the_last_step_of_each_epoch_and_flags_belong_to_one_epoch() {
    let mut s = Sketch::new(3);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 4, &echo());
    let own = [("w", all(0.0), (-100.0, 100.0)), ("e", all(0.0), (-100.0, 100.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 0);
    s.rule(
        ff,
        "kernel r {\n in w: own\n in e: own\n in x0: pre\n set w = w + 1.0\n set e = e + x0\n}\n",
    );
    let subject = s.build();
    let mut run = subject.run();
    // The input fires twice in epoch 1, once in epoch 2 and never in epoch 3.
    let fires = [true, true, false, true, false, false, false, false, false];
    let epochs = [0, 0, 1, 1, 1, 2, 2, 2, 3];
    let flagged = [0, 0, 1, 1, 1, 2, 2, 2, 2];
    for ((fires, w), e) in fires.into_iter().zip(epochs).zip(flagged) {
        run.step(&[("in", if fires { &[0] } else { &[] })]);
        run.expect("ff.w", &[w]);
        run.expect("ff.e", &[e]);
    }
}

/// S5: an epoch has 1 to 63 steps.
#[test]
fn an_epoch_has_1_to_63_steps() {
    let sketch = |epoch| {
        let mut s = Sketch::new(epoch);
        let input = s.b.input("in", 1);
        let out = s.lif("out", 1, 4, &echo());
        let own = [("w", all(0.0), (-100.0, 100.0))];
        let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 0);
        s.rule(ff, "kernel r {\n in w: own\n set w = w + 1.0\n}\n");
        s
    };
    for epoch in [1, 63] {
        let subject = sketch(epoch).build();
        let mut run = subject.run();
        for (step, w) in [(epoch - 1, 0), (epoch, 1), (2 * epoch - 1, 1), (2 * epoch, 2)] {
            run.silent_until(step);
            // With T = 1 every step is a last one.
            run.expect("ff.w", &[if epoch == 1 { i64::from(step) } else { w }]);
        }
    }
    for epoch in [0, 64] {
        assert!(sketch(epoch).refusal().contains("V011"), "epoch {epoch}");
    }
}

/// S1, S5: a model that does not say otherwise has steps of 1 ms and epochs of one step.
#[test]
fn a_step_is_a_millisecond_and_an_epoch_one_step_by_default() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = r#"(name: "plain", populations: { "out": (n: 1, keep_u: 0.5, keep_v: 0.5) })"#;
    std::fs::write(folder.path().join("model.ron"), text).expect("a model");
    let model = trifactor_model::load(folder.path()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((model.step_ms, model.network.epoch), (1.0, 1));
}

/// S7: trial k of a run with seed S draws with `mix32(S + k * 0x9E3779B9)`.
#[test]
fn the_seed_of_a_trial_is_mixed_of_the_runs_seed_and_its_number() {
    for seed in [0u32, 5, u32::MAX] {
        let mut sum = seed;
        for k in 0..4 {
            assert_eq!(trial_seed(seed, k), mixed(sum), "seed {seed}, trial {k}");
            sum = sum.wrapping_add(0x9e37_79b9);
        }
    }
}

/// S7: a trial starts at step 1 with every state at its initial value and its own draws.
#[test]
fn a_trial_forgets_everything_but_its_seed() {
    let n = 16;
    let mut s = Sketch::new(1);
    let input = s.b.input("in", n);
    let out = s.lif("out", n, 4, &relay(1.5));
    s.trace(input, "x1", (16, 0), &TraceSpec { keep: 0.5, impulse: 64.0, init: 101.0, ..LINEAR });
    let own = [("w", all(1.0), (0.0, 120.0)), ("d", all(2.0), (0.0, 9.0))];
    let ff = s.plastic("ff", (input, out), &one_to_one(n), &own, 0);
    s.rule(
        ff,
        "kernel r {\n in w: own\n in d: own\n in x0: pre\n set w = w + x0\n set d = d + x0\n}\n",
    );
    // The trace is read, so that a core carries it.
    let read = [("w", all(0.0), (-8.0, 8.0)), ("e", all(0.0), (-8.0, 8.0))];
    let seen = s.plastic("seen", (input, out), &one_to_one(n), &read, 0);
    s.rule(seen, "kernel r {\n in x1: pre\n set e = x1\n}\n");
    let subject = s.build();
    let stream = subject.net.phases.values().find(|p| p.name == "in").expect("the trace").stream;
    let names = ["in.x1", "ff.w", "ff.d", "out.v", "seen.e"];
    let mut run = subject.run();
    for seed in [0x1234, 0x1235] {
        run.trial(seed);
        assert_eq!((run.fixed.step_number(), run.emulator.step_number()), (0, 0));
        assert_eq!(run.emulator.seed(), seed);
        run.expect("in.x1", &[101; 16]);
        run.expect("ff.w", &[1; 16]);
        run.expect("ff.d", &[2; 16]);
        run.expect("out.u", &[0; 16]);
        // 101 / 2 = 50.5: the draw's highest bit decides between 50 and 51.
        run.step(&[]);
        let expected: Vec<i64> =
            (0..n).map(|lane| 50 + i64::from(draw(seed, 1, stream, 32, lane, 0) >> 31)).collect();
        assert!(expected.contains(&50) && expected.contains(&51));
        assert_eq!(run.raw("in.x1"), expected, "seed {seed}");
        for _ in 0..5 {
            run.step(&[("in", &[0, 3, 7])]);
        }
        let mut fresh = subject.run();
        fresh.trial(seed);
        fresh.step(&[]);
        for _ in 0..5 {
            fresh.step(&[("in", &[0, 3, 7])]);
        }
        for name in names {
            assert_eq!(run.raw(name), fresh.raw(name), "{name}");
        }
        assert_ne!(run.raw("ff.w"), [1; 16]);
    }
}
