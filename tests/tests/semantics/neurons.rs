//! S20 to S27: the current-based leaky integrate-and-fire neuron, and its pseudo-derivative.

use crate::readings::{Sketch, Subject, all, dense, each, echo, relay};
use trifactor_ir::ResetGroup;
use trifactor_quant::{FormatRequest, Requests};
use trifactor_testkit::builder::Lif;
use trifactor_testkit::chips;

/// S20: the current decays, takes the accumulator, and the accumulator is then empty.
#[test]
fn the_current_decays_and_takes_what_arrived_once() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 8, &Lif { keep_u: all(0.5), ..Lif::default() });
    s.fixed("ff", (input, out), &dense(1, 1), (all(3.0), 0), 0);
    let subject = s.build();
    let mut run = subject.run();
    // u = 0, 3, 1.5 + 3, 2.25, 1.125, in 256ths.
    for (fires, u) in [(true, 0), (true, 768), (false, 1152), (false, 576), (false, 288)] {
        run.step(&[("in", if fires { &[0] } else { &[] })]);
        run.expect("out.u", &[u]);
    }
}

/// S21: the voltage decays and takes the new current and the bias.
#[test]
fn the_voltage_takes_the_current_of_the_same_step_and_the_bias() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let bias = Some(each(&[0.5, -0.25]));
    let lif = Lif { keep_u: all(0.5), keep_v: all(0.75), bias, ..Lif::default() };
    let out = s.lif("out", 2, 8, &lif);
    s.fixed("ff", (input, out), &dense(1, 2), (each(&[3.0, -1.0]), 0), 0);
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.expect("out.v", &[128, -64]);
    // 0.75 * 128 + 768 + 128 and 0.75 * -64 - 256 - 64.
    run.step(&[]);
    run.expect("out.v", &[992, -368]);
    // 0.75 * 992 + 384 + 128 and 0.75 * -368 - 128 - 64.
    run.step(&[]);
    run.expect("out.v", &[1256, -468]);
}

/// S22: a held neuron has v = 0 and does not spike while its counter falls to 0.
#[test]
fn a_held_neuron_stays_at_zero_until_its_counter_has_run_out() {
    let mut s = Sketch::new(1);
    s.b.input("in", 1);
    let lif = Lif {
        keep_u: all(0.0),
        keep_v: all(1.0),
        threshold: Some(all(1.0)),
        bias: Some(all(0.75)),
        v_min: Some(all(-1.0)),
        refractory: Some(each(&[2.0, 0.0, 63.0])),
        pseudo_derivative: None,
    };
    s.lif("out", 3, 8, &lif);
    let subject = s.build();
    let mut run = subject.run();
    // 0.75 in 256ths is 192. Lane 0 spikes in 2, is held in 3 and 4, counts on in 5, spikes in 6.
    // Lane 1 is never held. Lane 2 is held for 63 steps.
    let lane_0 = [(192, 0, 0), (0, 2, 1), (0, 1, 0), (0, 0, 0), (192, 0, 0), (0, 2, 1)];
    let lane_1 = [(192, 0), (0, 1), (192, 0), (0, 1), (192, 0), (0, 1)];
    let lane_2 = [(192, 0, 0), (0, 63, 1), (0, 62, 0), (0, 61, 0), (0, 60, 0), (0, 59, 0)];
    for ((a, b), c) in lane_0.into_iter().zip(lane_1).zip(lane_2) {
        run.step(&[]);
        run.expect("out.v", &[a.0, b.0, c.0]);
        run.expect("out.hold", &[a.1, 0, c.1]);
        run.expect("out.spike", &[a.2, b.1, c.2]);
    }
    run.silent_until(65);
    assert_eq!(run.raw("out.hold")[2], 0);
    assert_eq!(run.raw("out.v")[2], 0);
    run.step(&[]);
    assert_eq!(run.raw("out.v")[2], 192);
    run.step(&[]);
    assert_eq!(run.raw("out.spike")[2], 1);
}

/// S23: the threshold is strict, a spike sets v to 0 and leaves u alone.
#[test]
fn a_neuron_spikes_above_its_threshold_and_not_at_it() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let lif = Lif { keep_u: all(0.5), ..relay(4.0) };
    let out = s.lif("out", 3, 8, &lif);
    // At the threshold, one 256th above it, and far above it.
    s.fixed("ff", (input, out), &dense(1, 3), (each(&[4.0, 4.0 + 1.0 / 256.0, 16.0]), 8), 0);
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.step(&[]);
    run.expect("out.spike", &[0, 1, 1]);
    run.expect("out.v", &[1024, 0, 0]);
    run.expect("out.u", &[1024, 1025, 4096]);
    run.step(&[]);
    // u has gone on decaying: 512, tz(512.5), 2048; the third is above the threshold again.
    assert_eq!(run.raw("out.u"), [512, 512, 2048]);
    run.expect("out.spike", &[0, 0, 1]);
}

/// S23: v is raised to `v_min` before it is compared with the threshold.
#[test]
fn the_lower_bound_acts_before_the_threshold() {
    let mut s = Sketch::new(1);
    let lif = Lif {
        keep_u: all(0.0),
        keep_v: all(1.0),
        threshold: Some(all(1.0)),
        bias: Some(all(-1.0)),
        v_min: Some(each(&[-2.5, 1.0, 1.5])),
        refractory: None,
        pseudo_derivative: None,
    };
    s.lif("out", 3, 8, &lif);
    let subject = s.build();
    let mut run = subject.run();
    // Lane 0 falls by 1 to -2.5; lane 1 is held at the threshold; lane 2 is raised above it.
    for v in [-256, -512, -640, -640] {
        run.step(&[]);
        run.expect("out.v", &[v, 256, 0]);
        run.expect("out.spike", &[0, 0, 1]);
    }
}

/// S24: a population without a threshold never spikes; its v may be anything.
#[test]
fn a_population_without_a_threshold_never_spikes() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let lif = Lif { keep_u: all(0.5), keep_v: all(1.0), ..Lif::default() };
    let out = s.lif("out", 1, 4, &lif);
    s.fixed("ff", (input, out), &dense(1, 1), (all(1024.0), 0), 0);
    let subject = s.build();
    let out = subject.net.space("out").expect("it is there");
    assert_eq!(subject.net.spikes(out), None);
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    for v in [1024, 1024 + 512, 1024 + 512 + 256] {
        run.step(&[]);
        run.expect("out.v", &[v * 16]);
        assert!(run.emulator.spikes(1).is_empty());
    }
}

/// S25: the decayed part of u and of v is rounded towards zero, on both sides of it.
#[test]
fn decays_of_the_neuron_round_towards_zero() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let lif = Lif { keep_u: each(&[0.5, 0.75, 0.5, 0.75]), keep_v: all(0.75), ..Lif::default() };
    let out = s.lif("out", 4, 0, &lif);
    s.fixed("ff", (input, out), &dense(1, 4), (each(&[7.0, 7.0, -7.0, -7.0]), 0), 0);
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.step(&[]);
    run.expect("out.v", &[7, 7, -7, -7]);
    // u: 3.5, 5.25 and their negatives; v: 5.25 beside the new u.
    run.step(&[]);
    assert_eq!(run.raw("out.u"), [3, 5, -3, -5]);
    assert_eq!(run.raw("out.v"), [5 + 3, 5 + 5, -5 - 3, -5 - 5]);
    // u: 1.5, 3.75; v: 6 and 7.5.
    run.step(&[]);
    assert_eq!(run.raw("out.u"), [1, 3, -1, -3]);
    assert_eq!(run.raw("out.v"), [6 + 1, 7 + 3, -6 - 1, -7 - 3]);
}

/// S25: u saturates to 24 bits at either end, and each time is counted.
#[test]
fn the_current_saturates_to_24_bits() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 2, 0, &Lif { keep_u: all(1.0), keep_v: all(0.0), ..Lif::default() });
    // 16 bits with 8 binary zeros behind them: 32767 * 256 = 8388352.
    s.fixed("ff", (input, out), &dense(1, 2), (each(&[8_388_352.0, -8_388_352.0]), -8), 0);
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.step(&[("in", &[0])]);
    run.expect("out.u", &[8_388_352, -8_388_352]);
    run.expect_saturated("out.u", 0);
    run.step(&[]);
    assert_eq!(run.raw("out.u"), [8_388_607, -8_388_608]);
    run.expect_saturated("out.u", 2);
    // At the end of the range is not beyond it.
    run.step(&[]);
    assert_eq!(run.raw("out.u"), [8_388_607, -8_388_608]);
    run.expect_saturated("out.u", 2);
    run.expect_saturated("out.v", 0);
}

/// S25: the sum of v saturates once, after everything was added to it.
#[test]
fn the_voltage_saturates_once_after_the_bias() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 2);
    let bias = Some(all(-1_000_000.0));
    let out = s.lif("out", 1, 0, &Lif { keep_v: all(1.0), bias, ..echo() });
    // 19531 * 256 and 3000 * 256.
    s.fixed("ff", (input, out), &dense(2, 1), (each(&[4_999_936.0, 768_000.0]), -8), 0);
    let subject = s.build();
    let mut run = subject.run();
    let steps: [(&[u32], i64); 4] =
        [(&[0], -1_000_000), (&[0], 2_999_936), (&[0], 6_999_872), (&[1], 8_388_607)];
    for (lanes, v) in steps {
        run.step(&[("in", lanes)]);
        assert_eq!(run.raw("out.v"), [v]);
    }
    run.expect_saturated("out.v", 1);
    // 8388607 + 768000 is beyond the end; with the bias it is not.
    run.step(&[]);
    assert_eq!(run.raw("out.v"), [8_388_607 + 768_000 - 1_000_000]);
    run.expect_saturated("out.v", 1);
}

/// S25: u and v have 24 bits and the one binary point of their population.
#[test]
fn every_part_of_a_neuron_has_the_binary_point_of_its_population() {
    let mut s = Sketch::new(1);
    let lif = Lif {
        threshold: Some(all(1.3)),
        bias: Some(all(0.3)),
        v_min: Some(all(-0.3)),
        ..Lif::default()
    };
    s.lif("out", 1, 6, &lif);
    let subject = s.build();
    for name in ["out.u", "out.v", "out.threshold", "out.bias", "out.v_min"] {
        let q = subject.plan.states[subject.state(name)].q;
        assert_eq!((q.bits, q.frac, q.signed), (24, 6, true), "{name}");
    }
    // 83.2, 19.2 and -19.2 sixty-fourths.
    let c = &subject.image.cores[0].compartments[0];
    assert_eq!((c.threshold, c.bias, c.v_min), (83, 19, -19));
}

/// S26: a membrane resistance changes the unit of v and nothing else.
#[test]
fn a_resistance_is_folded_into_threshold_bias_and_lower_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let load = |resistance: &str| {
        let text = format!(
            r#"(
                name: "r",
                inputs: {{ "in": (n: 1) }},
                populations: {{ "out": (
                    n: 1, keep_u: 0.5, keep_v: 0.75, threshold: 6.0, bias: 1.0, v_min: -3.0,
                    {resistance}
                ) }},
                projections: {{ "ff": (pre: "in", post: "out", connect: AllToAll, weights: 2.0) }},
            )"#
        );
        std::fs::write(folder.path().join("model.ron"), text).expect("a model");
        trifactor_model::load(folder.path()).unwrap_or_else(|e| panic!("{e}")).network
    };
    let (plain, folded) = (load(""), load("resistance: 2.0"));
    let values = |net: &trifactor_ir::CheckedNetwork| {
        let out = net.space("out").expect("it is there");
        ["threshold", "bias", "v_min", "keep_u", "keep_v"]
            .map(|name| net.states[net.state(out, name).expect("it has all parts")].init.at(0))
    };
    assert_eq!(values(&plain), [6.0, 1.0, -3.0, 0.5, 0.75]);
    assert_eq!(values(&folded), [3.0, 0.5, -1.5, 0.5, 0.75]);
    // By the author's numbers: v = 1, then 0.75 + 2 * 2 + 1 = 5.75, then 4.3125 + 2 * 1 + 1 > 6.
    // The machine has halves of them, in 256ths. Without R it would be 4.8125 at the end.
    let request = FormatRequest { frac: Some(8), ..FormatRequest::default() };
    let requests = Requests::from([("out.v".to_owned(), request)]);
    let subject = Subject::new(folded, &requests, &chips::superset(), 1.0, |_, _| {});
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.expect("out.v", &[128]);
    run.step(&[]);
    run.expect("out.v", &[736]);
    run.step(&[]);
    run.expect("out.spike", &[1]);
    let subject = Subject::new(plain, &requests, &chips::superset(), 1.0, |_, _| {});
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.silent_until(3);
    run.expect("out.v", &[1232]);
}

/// A population `out` that an input of one line drives, whose `psi` a rule copies into a tag; `psi`
/// has the given format.
fn watched(epoch: u32, weights: &[f64], lif: &Lif, format: (u8, i8), read: &str) -> Sketch {
    let n = weights.len() as u32;
    let mut s = Sketch::new(epoch);
    let input = s.b.input("in", 1);
    let out = s.lif("out", n, 8, lif);
    s.format("out.psi", format.0, format.1);
    s.fixed("drive", (input, out), &dense(1, n), (each(weights), 8), 0);
    let own = [("w", all(0.0), (-4.0, 4.0)), ("e", all(0.0), (-4.0, 4.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, n), &own, 8);
    s.rule(ff, &format!("kernel r {{\n in psi: {read}\n set e = psi\n}}\n"));
    s
}

/// S27: a triangle about the threshold, taken before a spike resets the voltage.
#[test]
fn the_pseudo_derivative_is_a_triangle_about_the_threshold() {
    // Height 0.5 and width 4: an eighth for each unit of distance.
    let lif = Lif { pseudo_derivative: Some((0.5, 0.125)), ..relay(4.0) };
    let weights = [0.0, 0.5, 2.0, 4.0, 4.5, 6.0, 8.0, 20.0, -3.0];
    let subject = watched(1, &weights, &lif, (12, 10), "post").build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    // Nothing has arrived, so that v = 0: its distance is the width.
    run.expect("out.psi", &[0; 9]);
    run.step(&[]);
    // In 1024ths: 512 at the threshold, less 128 for each unit of distance; the fifth to the
    // eighth spike, and the last two are further away than the width.
    run.expect("out.spike", &[0, 0, 0, 0, 1, 1, 1, 1, 0]);
    run.expect("out.v", &[0, 128, 512, 1024, 0, 0, 0, 0, -768]);
    run.expect("out.psi", &[0, 64, 256, 512, 448, 256, 0, 0, 0]);
    // The rule of this step has read it.
    let e: Vec<i64> = [0, 64, 256, 512, 448, 256, 0, 0, 0].map(|psi| psi / 4).to_vec();
    run.expect("ff.e", &e);
}

/// S27: `v_min` acts before the distance is taken, and each lane has its own threshold.
#[test]
fn the_distance_is_that_of_the_raised_voltage_from_the_lanes_own_threshold() {
    let lif = Lif {
        threshold: Some(each(&[1.0, 1.0, 3.0])),
        v_min: Some(each(&[-9.0, 0.5, 0.5])),
        bias: Some(all(-1.0)),
        pseudo_derivative: Some((0.5, 0.25)),
        ..echo()
    };
    let subject = watched(1, &[0.0; 3], &lif, (8, 8), "post").build();
    let mut run = subject.run();
    run.step(&[]);
    // Distances 2, 0.5 and 2.5; 64 of 256 are lost per unit from 128.
    run.expect("out.psi", &[0, 96, 0]);
}

/// S27: a neuron that is held has no pseudo-derivative, however near its voltage of 0 is to the
/// threshold.
#[test]
fn a_held_neuron_has_no_pseudo_derivative() {
    let lif =
        Lif { refractory: Some(all(2.0)), pseudo_derivative: Some((0.5, 0.125)), ..relay(1.0) };
    let subject = watched(1, &[2.0], &lif, (12, 10), "post").build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    // v = 0 is 1 from the threshold: 512 - 128.
    run.expect("out.psi", &[384]);
    // The spike's own step still has that of v = 2; two steps of 0 follow, though v = 0 in all.
    for (psi, hold) in [(384, 2), (0, 1), (0, 0), (384, 0)] {
        run.step(&[]);
        run.expect("out.hold", &[hold]);
        run.expect("out.psi", &[psi]);
    }
}

/// S27: the product of distance and slope is rounded to the nearest, ties up, so that what is left
/// is rounded down.
#[test]
fn the_fall_is_rounded_to_the_nearest_last_place() {
    // 5/32 = 0.15625 per unit: 40960 of the 18 fraction bits that 16 bits of slope allow.
    let lif = Lif { pseudo_derivative: Some((0.5, 0.15625)), ..relay(1.0) };
    // Distances of 1, 2 and 3 of 256, and of 16, in psi's unit of 1/1024: 0.625, 1.25, 1.875, 10.
    let weights = [1.0 - 1.0 / 256.0, 1.0 + 2.0 / 256.0, 1.0 - 3.0 / 256.0, 1.0 - 16.0 / 256.0];
    let subject = watched(1, &weights, &lif, (12, 10), "post").build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.step(&[]);
    assert_eq!(run.raw("out.psi"), [511, 511, 510, 502]);
    for (value, distance) in run.value("out.psi").iter().zip([1.0, 2.0, 3.0, 16.0]) {
        assert!((value - (0.5 - 0.15625 * distance / 256.0)).abs() < 1e-12, "{value}");
    }
    // A tie: 4 of 256 at 0.125 per unit are 2 of 1024, half of the last place of 1/256.
    let lif = Lif { pseudo_derivative: Some((0.5, 0.125)), ..relay(1.0) };
    let subject = watched(1, &[1.0 - 4.0 / 256.0], &lif, (9, 8), "post").build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.step(&[]);
    assert_eq!(run.raw("out.psi"), [127]);
}

/// S27: a slope beyond its 16 bits has ended before the next value of the voltage.
#[test]
fn a_triangle_narrower_than_the_membranes_last_place_is_its_tip_alone() {
    let lif = Lif { pseudo_derivative: Some((0.5, 1e6)), ..relay(1.0) };
    let weights = [1.0, 1.0 - 1.0 / 256.0, 1.0 + 1.0 / 256.0];
    let subject = watched(1, &weights, &lif, (12, 10), "post").build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.step(&[]);
    run.expect("out.psi", &[512, 0, 0]);
}

/// S27: it is reset with the traces, and written again in the next step.
#[test]
fn a_reset_of_traces_resets_the_pseudo_derivative() {
    let lif = Lif { pseudo_derivative: Some((0.5, 0.125)), ..relay(1.0) };
    let subject = watched(1, &[0.0], &lif, (12, 10), "post").build();
    let mut run = subject.run();
    run.step(&[]);
    run.expect("out.psi", &[384]);
    run.reset(ResetGroup::Membrane);
    run.expect("out.psi", &[384]);
    run.reset(ResetGroup::Traces);
    run.expect("out.psi", &[0]);
    run.step(&[]);
    run.expect("out.psi", &[384]);
}

/// S27: an epoch of several steps sees the value of its last step, or those of spikes.
#[test]
fn at_the_end_of_an_epoch_the_last_steps_value_is_read() {
    let lif = Lif { pseudo_derivative: Some((0.5, 0.125)), ..relay(1.0) };
    // v = 0 but where something arrived: 384 of 1024 there, and 512 - 128 * 0.5 at v = 1.5.
    for (read, e) in [("post", 96), ("post at y0", 112), ("post prev at y0", 96)] {
        let subject = watched(3, &[1.5], &lif, (12, 10), read).build();
        let mut run = subject.run();
        run.step(&[("in", &[0])]);
        run.step(&[]);
        run.expect("out.psi", &[448]);
        run.expect("out.spike", &[1]);
        run.step(&[]);
        run.expect("out.psi", &[384]);
        run.expect("ff.e", &[e]);
    }
}

/// S27: with the format left to the plan, height and slope survive, on thresholds of every size.
#[test]
fn psi_reaches_its_height_at_thresholds_of_every_size() {
    for threshold in [1.0, 64.0, 4096.0] {
        let lif = Lif { pseudo_derivative: Some((0.3, 0.3 / threshold)), ..relay(threshold) };
        let mut s = Sketch::new(1);
        let input = s.b.input("in", 1);
        let out = s.b.lif("out", 2, &lif);
        s.fixed("drive", (input, out), &dense(1, 2), (each(&[threshold, 0.5 * threshold]), 2), 0);
        let own = [("w", all(0.0), (-4.0, 4.0)), ("e", all(0.0), (-4.0, 4.0))];
        let ff = s.plastic("ff", (input, out), &dense(1, 2), &own, 8);
        s.rule(ff, "kernel r {\n in psi: post\n set e = psi\n}\n");
        let subject = s.build();
        let mut run = subject.run();
        run.step(&[("in", &[0])]);
        run.step(&[]);
        // 12 bits with 13 of fraction: 0.3 is 2457.6, and half of it 1228.8.
        assert_eq!(run.raw("out.psi"), [2458, 1229], "threshold {threshold}");
    }
}
