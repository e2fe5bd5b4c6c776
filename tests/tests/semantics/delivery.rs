//! S10 to S14: what arrives, in which unit, and which weight and delay count.

use crate::readings::{Own, Sketch, all, dense, each, echo};

/// S10: arrivals of one step add up, over synapses and projections, in whatever order.
#[test]
fn everything_that_arrives_at_a_target_in_a_step_is_added_up() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 3);
    let out = s.lif("out", 2, 4, &echo());
    let w = each(&[1.0, 2.0, 4.0, -8.0, 16.0, 0.5]);
    s.fixed("ff", (input, out), &dense(3, 2), (w, 4), 0);
    s.fixed("again", (input, out), &[vec![0], vec![], vec![0]], (each(&[100.0, -3.0]), 4), 0);
    let subject = s.build();
    for (fires, expected) in [
        (vec![0], [101.0, 2.0]),
        (vec![1, 0], [105.0, -6.0]),
        (vec![2, 0, 1], [118.0, -5.5]),
        (vec![0, 1, 2], [118.0, -5.5]),
    ] {
        let mut run = subject.run();
        run.step(&[("in", &fires)]);
        run.step(&[]);
        run.expect("out.v", &expected.map(|v| (v * 16.0) as i64));
        run.step(&[]);
        run.expect("out.v", &[0, 0]);
    }
}

/// S11: a contribution is the weight shifted left to the accumulator's point.
#[test]
fn a_weight_of_fewer_fraction_bits_is_shifted_left() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 2);
    let out = s.lif("out", 1, 6, &echo());
    // -5 and 3 sixteenths, then four times as many 64ths.
    s.fixed("ff", (input, out), &dense(2, 1), (each(&[-0.3125, 0.1875]), 4), 0);
    let subject = s.build();
    assert_eq!(subject.run().raw("ff.w"), [-5, 3]);
    for (lane, q) in [(0, -20), (1, 12)] {
        let mut run = subject.run();
        run.step(&[("in", &[lane])]);
        run.step(&[]);
        run.expect("out.u", &[q]);
    }
}

/// S11: a weight of more fraction bits is cut off towards minus infinity, each by itself.
#[test]
fn a_weight_of_more_fraction_bits_is_floored_before_it_is_added() {
    let weights = [-1, -4, -5, 1, 3, 4, 7];
    let mut s = Sketch::new(1);
    let n = weights.len() as u32;
    let input = s.b.input("in", n);
    let out = s.lif("out", 1, 2, &echo());
    let values: Vec<f64> = weights.iter().map(|w| f64::from(*w) / 16.0).collect();
    s.fixed("ff", (input, out), &dense(weights.len(), 1), (each(&values), 4), 0);
    let subject = s.build();
    // floor(w / 4), by hand.
    let floored = [-1, -1, -2, 0, 0, 1, 1];
    for (lane, q) in (0..n).zip(floored) {
        let mut run = subject.run();
        run.step(&[("in", &[lane])]);
        run.step(&[]);
        assert_eq!(run.raw("out.u"), [q], "weight {}", weights[lane as usize]);
    }
    // Together the exact sum is 5, of which a quarter is 1; the contributions add up to -2.
    let mut run = subject.run();
    run.step(&[("in", &[0, 1, 2, 3, 4, 5, 6])]);
    run.step(&[]);
    assert_eq!(run.raw("out.u"), [-2]);
    assert_eq!(run.value("out.u"), [5.0 / 16.0]);
}

/// S12: a network whose synapses could together leave the accumulator's 32 bits is refused.
#[test]
fn a_target_that_could_overflow_its_accumulator_is_refused() {
    // With 20 fraction bits the accumulator ends below 2048.
    let sketch = |n: u32| {
        let mut s = Sketch::new(1);
        let input = s.b.input("in", n);
        let out = s.lif("out", 1, 20, &echo());
        s.fixed("ff", (input, out), &dense(n as usize, 1), (all(255.0), 0), 0);
        s
    };
    let subject = sketch(8).build();
    let mut run = subject.run();
    run.step(&[("in", &[0, 1, 2, 3, 4, 5, 6, 7])]);
    run.step(&[]);
    // 2040 * 2^20 stays in the accumulator; u then saturates to 24 bits.
    assert_eq!(run.raw("out.u"), [(1 << 23) - 1]);
    run.expect_saturated("out.u", 1);
    assert!(sketch(9).refusal().contains("Q005"));
}

/// S12: a weight that learns counts with the largest value it may take, a modulator's
/// accumulator as a neuron's does.
#[test]
fn what_a_weight_may_become_counts_and_so_do_modulators() {
    let sketch = |top: f64| {
        let mut s = Sketch::new(1);
        let input = s.b.input("in", 1);
        let out = s.lif("out", 1, 20, &echo());
        let ff = s.plastic("ff", (input, out), &dense(1, 1), &[("w", all(0.0), (0.0, top))], 0);
        s.rule(ff, "kernel r {\n in w: own\n set w = w + 1.0\n}\n");
        s
    };
    sketch(2047.0).build();
    assert!(sketch(2048.0).refusal().contains("Q005"));
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 9);
    let m = s.modulator("m", 1, 20, 0.0, 0.0);
    s.fixed("feed", (input, m), &dense(9, 1), (all(255.0), 0), 0);
    assert!(s.refusal().contains("Q005"));
}

/// S12, S14: spikes that a shrinking delay lets arrive together are part of the sum.
#[test]
fn spikes_that_meet_because_a_delay_learns_cannot_overflow_either() {
    let own = |w: f64, d: f64| -> [Own<'static>; 2] {
        [("w", all(w), (0.0, w)), ("d", all(d), (0.0, d))]
    };
    let sketch = |w: f64| {
        let mut s = Sketch::new(1);
        let input = s.b.input("in", 1);
        let out = s.lif("out", 1, 20, &echo());
        let ff = s.plastic("ff", (input, out), &dense(1, 1), &own(w, 62.0), 0);
        s.rule(ff, "kernel r {\n in d: own\n set d = d - 1.0\n}\n");
        s
    };
    // 63 spikes at most arrive in one step: those of delays 62 to 0, each a step after the other.
    let subject = sketch(32.0).build();
    let mut run = subject.run();
    for _ in 1..=63 {
        run.step(&[("in", &[0])]);
        assert_eq!(run.raw("out.u"), [0]);
    }
    // Step 64: 63 * 32 * 2^20 is still below 2^31.
    run.step(&[]);
    assert_eq!(run.value("out.u"), [2016.0]);
    assert_eq!(run.raw("out.u"), [(1 << 23) - 1]);
    run.expect_saturated("out.u", 1);
    assert!(sketch(33.0).refusal().contains("Q005"));
}

/// S13: a delivery reads the weight as it was after the plasticity phase of the step before.
#[test]
fn a_delivery_uses_the_weight_at_the_end_of_the_step_before() {
    for (delay, expected) in [(0.0, 2), (3.0, 5)] {
        let mut s = Sketch::new(1);
        let input = s.b.input("in", 1);
        let out = s.lif("out", 1, 4, &echo());
        let own = [("w", all(1.0), (0.0, 50.0)), ("d", all(delay), (0.0, 9.0))];
        let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 0);
        s.rule(ff, "kernel r {\n in w: own\n set w = w + 1.0\n}\n");
        let subject = s.build();
        let mut run = subject.run();
        run.step(&[("in", &[0])]);
        // After step t the weight is 1 + t; the spike arrives in 1 + 1 + delay.
        let arrival = 2 + delay as u32;
        run.silent_until(arrival - 1);
        run.expect("out.u", &[0]);
        run.step(&[]);
        run.expect("out.u", &[16 * expected]);
        run.step(&[]);
        run.expect("out.u", &[0]);
    }
}

/// S14: a spike is filed with the delay as it was after the plasticity phase of the step before.
#[test]
fn a_spike_travels_as_long_as_its_synapse_says_when_it_is_emitted() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 4, &echo());
    let own = [("w", all(2.0), (0.0, 9.0)), ("d", all(2.0), (0.0, 62.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 0);
    s.rule(ff, "kernel r {\n in d: own\n set d = d + 1.0\n}\n");
    let subject = s.build();
    let mut run = subject.run();
    // Step 1: d = 2, arrival in 1 + 1 + 2. Step 3: d = 2 + 2, arrival in 3 + 1 + 4.
    for t in 1..=12 {
        let lanes: &[u32] = if t == 1 || t == 3 { &[0] } else { &[] };
        run.step(&[("in", lanes)]);
        run.expect("out.u", &[if t == 4 || t == 8 { 32 } else { 0 }]);
    }
}

/// S10, S14: two spikes of one synapse that arrive in one step both count.
#[test]
fn spikes_of_one_synapse_that_meet_are_both_delivered() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 2, &echo());
    let own = [("w", each(&[-0.3125]), (-1.0, 1.0)), ("d", all(5.0), (0.0, 9.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 4);
    s.rule(ff, "kernel r {\n in d: own\n set d = d - 1.0\n}\n");
    let subject = s.build();
    let mut run = subject.run();
    // Step 1 with d = 5 and step 2 with d = 4 both lead to step 7.
    run.step(&[("in", &[0])]);
    run.step(&[("in", &[0])]);
    run.silent_until(6);
    assert_eq!(run.raw("out.u"), [0]);
    run.step(&[]);
    // Each arrival is floor(-5 / 4) = -2 for itself; the float reading has -5/16 twice.
    assert_eq!(run.raw("out.u"), [-4]);
    assert_eq!(run.value("out.u"), [-0.625]);
}
