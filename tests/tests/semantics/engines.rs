//! S81 to S92: engines that replay traces and compute sums of products, as chip files select them.

use crate::readings::{Own, Sketch, Subject, all, dense, each, echo, relay};
use std::sync::Arc;
use trifactor_diag::Place;
use trifactor_fixed::{
    Decays, Draw, Early, LearningArithmetic, Rounding, StoreArithmetic, WeightsRead,
};
use trifactor_ir::sop::{ScaleForm, SopRule, parse_sop_as};
use trifactor_isa::Chip;
use trifactor_testkit::builder::TraceSpec;

/// The engine of `lava-nc`, on which every choice below is a change.
fn engine() -> LearningArithmetic {
    let chip = Chip::builtin("lava-nc").expect("the chip is built in");
    chip.arithmetic.learning.expect("it has an engine")
}

/// Input `in` and population `out`, which never fires by itself, with a projection `ff` that has
/// a weight and a tag `t`, both 0 and without fraction.
struct Setup {
    sketch: Sketch,
    pre: u32,
}

impl Setup {
    fn new(epoch: u32, pre: u32, engine: LearningArithmetic) -> Self {
        let mut sketch = Sketch::new(epoch);
        sketch.chip.arithmetic.learning = Some(engine);
        sketch.b.input("in", pre);
        sketch.lif("out", 1, 4, &relay(1e4));
        Self { sketch, pre }
    }

    /// A trace of whole numbers of 7 bits.
    fn trace(mut self, name: &str, spec: TraceSpec, rounding: Rounding) -> Self {
        let population = if name.starts_with('x') { "in" } else { "out" };
        let space = self.sketch.b.network().space(population).expect("declared above");
        self.sketch.trace(space, name, (7, 0), &spec);
        self.sketch.rounding(&format!("{population}.{name}"), rounding);
        self
    }

    /// How the tag is rounded.
    fn tag(mut self, rounding: Rounding) -> Self {
        self.sketch.rounding("ff.t", rounding);
        self
    }

    /// The rule for the tag, which begins at `t`.
    fn rule(self, dt: &str, t: f64) -> Subject {
        self.coarse_rule(dt, t, 0)
    }

    /// The same for a tag with so many bits of fraction, or less than none.
    fn coarse_rule(self, dt: &str, t: f64, frac: i8) -> Subject {
        let Self { sketch: mut s, pre } = self;
        let space = |s: &Sketch, name| s.b.network().space(name).expect("declared above");
        let ends = (space(&s, "in"), space(&s, "out"));
        let own: [Own<'_>; 2] =
            [("w", all(0.0), (-2000.0, 2000.0)), ("t", all(t), (-2000.0, 2000.0))];
        let ff = s.plastic("ff", ends, &dense(pre as usize, 1), &own, frac);
        let rule = SopRule { dt: Some(dt.to_owned()), ..SopRule::default() };
        let kernel = parse_sop_as("r", &rule, &Place::at_key("r"), ScaleForm::Folded);
        s.rule_kernel(ff, kernel.unwrap_or_else(|e| panic!("{e}")));
        s.build()
    }
}

const HALVED: TraceSpec = TraceSpec { keep: 0.5, impulse: 8.0, x_max: None, init: 0.0 };

/// A trace that keeps a value.
const fn held(init: f64) -> TraceSpec {
    TraceSpec { keep: 1.0, impulse: 0.0, x_max: None, init }
}

/// S81: a trace has the value of the epoch's start until the epoch ends and is replayed.
#[test]
fn an_epoch_is_replayed_at_its_end() {
    let subject = Setup::new(4, 1, engine()).trace("x1", HALVED, Rounding::Floor);
    let subject = subject.rule("x0*x1", 0.0);
    let mut run = subject.run();
    // 0, 8, 4, 2; then 1 + 8, 4, 2, 1. The rule reads the value at the spike.
    let x = [0, 0, 0, 2, 2, 2, 2, 1];
    let t = [0, 0, 0, 8, 8, 8, 8, 17];
    for (step, (x, t)) in (1..).zip(x.into_iter().zip(t)) {
        run.step(&[("in", if matches!(step, 2 | 5) { &[0] } else { &[] })]);
        assert_eq!((run.raw("in.x1"), run.raw("ff.t")), (vec![x], vec![t]), "step {step}");
    }
}

/// S81: without a gate a factor is read at the end of the replay; a silent gate leaves nothing.
#[test]
fn a_factor_is_read_at_the_end_of_the_replay() {
    let subject = Setup::new(3, 1, engine()).trace("x1", held(6.0), Rounding::Floor);
    let subject = subject.rule("u0*x1 + y0*x1", 0.0);
    let mut run = subject.run();
    run.silent_until(3);
    assert_eq!(run.raw("ff.t"), [6]);
}

/// A source that always answers the same.
struct Always(u32);

impl Draw for Always {
    fn draw(&self, _: u32, _: u32, _: u8, _: u32, _: u32) -> u32 {
        self.0
    }
}

/// S82: an impulse is rounded by its own bits, of which a narrow draw decides with ones above it.
#[test]
fn an_impulse_has_a_fraction_of_its_own() {
    let quarter = TraceSpec { impulse: 2.25, ..held(0.0) };
    let x_after_a_spike = |draw_bits, rounding, draw: u32| {
        let mut engine = engine();
        engine.trace.draw_bits = draw_bits;
        let subject = Setup::new(1, 1, engine).trace("x1", quarter, rounding).rule("x0*x1", 0.0);
        let mut run = subject.run();
        run.fixed.replace_draws(Box::new(Always(draw)));
        run.emulator.replace_draws(Arc::new(Always(draw)));
        run.step(&[("in", &[0])]);
        run.raw("in.x1")[0]
    };
    assert_eq!(x_after_a_spike(8, Rounding::Floor, u32::MAX), 2);
    // 64 of 256 carry from 192 on; with a bit less, draws from a half on look so.
    assert_eq!(x_after_a_spike(8, Rounding::Stochastic, 191 << 24), 2);
    assert_eq!(x_after_a_spike(8, Rounding::Stochastic, 192 << 24), 3);
    assert_eq!(x_after_a_spike(7, Rounding::Stochastic, 127 << 24), 2);
    assert_eq!(x_after_a_spike(7, Rounding::Stochastic, 128 << 24), 3);
}

/// S82: what another spike of the epoch follows is added to the value of the epoch's start.
#[test]
fn an_early_impulse_acts_from_the_start_of_the_epoch() {
    let subject = Setup::new(4, 1, engine()).trace("x1", HALVED, Rounding::Floor);
    let subject = subject.rule("x0*x1", 0.0);
    let mut run = subject.run();
    // 8 at the start from step 3 on; 4, 2, 1 + 8, 4.
    for (fires, x) in [(true, 0), (false, 0), (true, 8), (false, 4)] {
        run.step(&[("in", if fires { &[0] } else { &[] })]);
        assert_eq!(run.raw("in.x1"), [x]);
    }
    assert_eq!(run.raw("ff.t"), [9]);
}

/// S82: early impulses of pre lanes are rounded up always, where the chip says so.
#[test]
fn an_early_impulse_of_a_pre_lane_is_rounded_up() {
    let least = TraceSpec { impulse: 1.0 / 256.0, ..held(0.0) };
    for (early, x) in [(Early::PreUp, 1), (Early::Drawn, 0)] {
        let mut engine = engine();
        engine.trace.early = early;
        engine.trace.draw_bits = 8;
        let setup = Setup::new(4, 1, engine).trace("x1", least, Rounding::Stochastic);
        let subject = setup.rule("x0*x1", 0.0);
        let mut run = subject.run();
        run.fixed.replace_draws(Box::new(Always(0)));
        run.emulator.replace_draws(Arc::new(Always(0)));
        run.step(&[("in", &[0])]);
        run.step(&[("in", &[0])]);
        assert_eq!(run.raw("in.x1"), [x]);
    }
}

/// S83: with `one_draw` the lanes of a population, and the synapses of a rule, round alike.
#[test]
fn lanes_may_share_a_draw() {
    let spec = TraceSpec { keep: 0.9, impulse: 0.0, x_max: None, init: 101.0 };
    for (one_draw, alike) in [(true, true), (false, false)] {
        let engine = LearningArithmetic { one_draw, ..engine() };
        let setup = Setup::new(2, 40, engine).trace("x1", spec, Rounding::Stochastic);
        let subject = setup.trace("x2", spec, Rounding::Stochastic).rule("2^-2*u0*x1 + x0*x2", 0.0);
        let mut run = subject.run();
        let mut same = true;
        for _ in 0..10 {
            run.step(&[]);
            let traces = [run.raw("in.x1"), run.raw("in.x2")].concat();
            same &= traces.iter().all(|x| *x == traces[0]);
            let tags = run.raw("ff.t");
            same &= tags.iter().all(|t| *t == tags[0]);
        }
        assert_eq!(same, alike, "one_draw: {one_draw}");
    }
}

/// S84, S85: bits beyond the product's width are dropped, after the mantissa with its sign.
#[test]
fn a_product_drops_bits_and_nothing_makes_up_for_them() {
    let tag_after = |dt: &str, change: &dyn Fn(&mut LearningArithmetic)| {
        let mut engine = engine();
        change(&mut engine);
        let setup = Setup::new(1, 1, engine).trace("x1", held(5.0), Rounding::Floor);
        let subject = setup.trace("y1", held(7.0), Rounding::Floor).rule(dt, 0.0);
        let mut run = subject.run();
        run.step(&[]);
        run.raw("ff.t")[0]
    };
    let as_it_is = |_: &mut LearningArithmetic| {};
    // 4 bits of 7 + 4 are within 15; of 14 + 4 three are too many.
    assert_eq!(tag_after("u0*x1", &as_it_is), 5);
    assert_eq!(tag_after("3*u0*x1*y1", &as_it_is), 13);
    assert_eq!(tag_after("u0*x1 - 3*u0*x1*y1", &as_it_is), 5 - 14);
    // 35 / 8, then twice; in one shift, 35 / 4.
    assert_eq!(tag_after("2^1*u0*x1*y1", &as_it_is), 8);
    assert_eq!(tag_after("8*u0*x1*y1", &as_it_is), 34);
    let one_shift = |engine: &mut LearningArithmetic| {
        engine.change.one_shift = true;
        engine.change.fraction = 1;
    };
    assert_eq!(tag_after("8*u0*x1*y1", &one_shift), 35);
    // A factor is held to its width.
    assert_eq!(tag_after("u0*(x1 + 125)", &as_it_is), 127);
    let narrow = |engine: &mut LearningArithmetic| engine.trace_bits = 2;
    assert_eq!(tag_after("u0*x1", &narrow), 3);
}

/// S85: products and sums saturate to the accumulator's range before the variable is rounded.
#[test]
fn the_accumulator_saturates_after_every_product() {
    let mut engine = engine();
    engine.change.fraction = 1;
    engine.change.range = (-500, 300);
    let setup = Setup::new(1, 1, engine).trace("x1", held(100.0), Rounding::Floor);
    let subject = setup.rule("4*u0*x1 - u0*x1", 60.0);
    let mut run = subject.run();
    // 120 + 300 of 800, held to 300; less 200, in halves.
    run.step(&[]);
    assert_eq!(run.raw("ff.t"), [50]);
}

/// S84: what is no sum of products is refused, and so is a product that no register holds.
#[test]
fn other_rules_are_refused() {
    let refusal = |source: &str| {
        let setup = Setup::new(1, 1, engine()).trace("x1", held(5.0), Rounding::Floor);
        let Setup { sketch: mut s, .. } = setup.trace("y1", held(7.0), Rounding::Floor);
        let space = |s: &Sketch, name| s.b.network().space(name).expect("declared above");
        let ends = (space(&s, "in"), space(&s, "out"));
        let own: [Own<'_>; 2] = [("w", all(0.0), (-9.0, 9.0)), ("t", all(0.0), (-9.0, 9.0))];
        let ff = s.plastic("ff", ends, &dense(1, 1), &own, 0);
        s.rule(ff, source);
        s.refusal()
    };
    for (source, why) in [
        ("kernel r {\n in t: own\n in x1: pre\n set t = t + x1\n}\n", "neither x0, y0 nor u_k"),
        ("kernel r {\n in x0: pre\n set t = x0\n}\n", "its old value and products"),
        ("kernel r {\n in t: own\n in x0: pre\n set t = t + x0*0.3\n}\n", "the scale 0.3"),
        (
            "kernel r {\n in t: own\n in x0: pre\n in x1: pre\n set t = t + max(x1, 3)*x0\n}\n",
            "factor",
        ),
    ] {
        let text = refusal(source);
        assert!(text.contains("Q010") && text.contains(why), "{why}: {text}");
    }
    let long =
        "kernel r {\n in t: own\n in x0: pre\n in x1: pre\n set t = t + x1*x1*x1*x1*x1*x0\n}\n";
    assert!(refusal(long).contains("Q011"), "{}", refusal(long));
}

/// S86: what a rule sets is held to the engine's range of it.
#[test]
fn a_tag_ends_where_the_engine_says() {
    for (dt, ends) in [("u0*x1", [200, 255]), ("-u0*x1", [-200, -257])] {
        let setup = Setup::new(1, 1, engine()).trace("x1", held(100.0), Rounding::Floor);
        let subject = setup.rule(dt, 0.0);
        let mut run = subject.run();
        run.silent_until(2);
        assert_eq!(run.raw("ff.t")[0], ends[0]);
        run.silent_until(9);
        // The accumulator ends a little below -256, and a draw decides.
        assert!(run.raw("ff.t")[0].abs_diff(ends[1]) <= 1, "{dt}");
    }
}

/// S87: a weight is read when its spike is sent, or when it arrives.
#[test]
fn a_weight_that_learns_is_read_when_the_chip_says() {
    for (weights, arrived) in [(WeightsRead::Sending, 16), (WeightsRead::Arrival, 32)] {
        let mut s = Sketch::new(1);
        s.chip.arithmetic.neuron.input.weights = weights;
        let input = s.b.input("in", 1);
        let out = s.lif("out", 1, 4, &echo());
        let own: [Own<'_>; 1] = [("w", each(&[1.0]), (0.0, 9.0))];
        let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 4);
        s.rule(ff, "kernel r {\n in w: own\n in x0: pre\n set w = w + x0\n}\n");
        let subject = s.build();
        let mut run = subject.run();
        run.step(&[("in", &[0])]);
        run.step(&[]);
        assert_eq!(run.raw("out.v"), [arrived], "{weights:?}");
    }
}

/// S87: spikes in flight are forgotten with the membrane (S6), contributions like rows.
#[test]
fn a_reset_of_the_membrane_forgets_what_was_sent() {
    let mut s = Sketch::new(1);
    s.chip.arithmetic.neuron.input.weights = WeightsRead::Sending;
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 4, &relay(9.0));
    let own: [Own<'_>; 1] = [("w", each(&[1.0]), (0.0, 9.0))];
    let ff = s.plastic("ff", (input, out), &dense(1, 1), &own, 4);
    s.rule(ff, "kernel r {\n in w: own\n in x0: pre\n set w = w + x0\n}\n");
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    run.reset(trifactor_ir::ResetGroup::Membrane);
    run.step(&[]);
    assert_eq!(run.raw("out.v"), [0]);
}

/// S88: a trace may make one step in an epoch, by the factor of all its steps.
#[test]
fn a_trace_may_decay_once_an_epoch() {
    let mut engine = engine();
    engine.trace.decays = Decays::EveryEpoch;
    let subject = Setup::new(3, 1, engine).trace("x1", HALVED, Rounding::Floor);
    let subject = subject.rule("x0*x1", 0.0);
    let mut run = subject.run();
    // The factor of three steps is an eighth. Before the last one a rule reads the start's value.
    let x = [0, 0, 8, 8, 8, 9, 9, 9, 9];
    let t = [0, 0, 0, 0, 0, 8, 8, 8, 17];
    for (step, (x, t)) in (1..).zip(x.into_iter().zip(t)) {
        run.step(&[("in", if matches!(step, 2 | 4 | 9) { &[0] } else { &[] })]);
        assert_eq!((run.raw("in.x1"), run.raw("ff.t")), (vec![x], vec![t]), "step {step}");
    }
}

/// S89: a decay and an impulse may be rounded together, by the draw of the decay.
#[test]
fn a_decay_and_an_impulse_may_be_rounded_together() {
    let spec = TraceSpec { keep: 0.5, impulse: 2.75, x_max: None, init: 9.0 };
    let x_after_a_spike = |joined, rounding, draw: u32| {
        let mut engine = engine();
        engine.trace.joined = joined;
        engine.trace.draw_bits = 8;
        let subject = Setup::new(1, 1, engine).trace("x1", spec, rounding).rule("x0*x1", 0.0);
        let mut run = subject.run();
        run.fixed.replace_draws(Box::new(Always(draw)));
        run.emulator.replace_draws(Arc::new(Always(draw)));
        run.step(&[("in", &[0])]);
        run.raw("in.x1")[0]
    };
    // 4.5 and 2.75.
    assert_eq!(x_after_a_spike(false, Rounding::Floor, 0), 6);
    assert_eq!(x_after_a_spike(true, Rounding::Floor, 0), 7);
    assert_eq!(x_after_a_spike(true, Rounding::Stochastic, 191 << 24), 7);
    assert_eq!(x_after_a_spike(true, Rounding::Stochastic, 192 << 24), 8);
}

/// S82: an impulse that another spike of the epoch follows may be lost.
#[test]
fn an_early_impulse_may_be_dropped() {
    let mut engine = engine();
    engine.trace.early = Early::Dropped;
    let subject = Setup::new(4, 1, engine).trace("x1", HALVED, Rounding::Floor);
    let subject = subject.rule("x0*x1", 0.0);
    let mut run = subject.run();
    for (fires, x) in [(true, 0), (false, 0), (true, 0), (false, 4)] {
        run.step(&[("in", if fires { &[0] } else { &[] })]);
        assert_eq!(run.raw("in.x1"), [x]);
    }
}

/// The tag after one epoch of one step, from `t`, of a rule that reads `x1`.
fn tag_after(store: Option<StoreArithmetic>, x1: f64, dt: &str, t: f64) -> i64 {
    let mut engine = LearningArithmetic { store, ..engine() };
    engine.change.range = (-1 << 20, 1 << 20);
    let setup = Setup::new(1, 1, engine).trace("x1", held(x1), Rounding::Floor);
    let subject = setup.tag(Rounding::Floor).rule(dt, t);
    let mut run = subject.run();
    run.step(&[]);
    run.raw("ff.t")[0]
}

/// S90: a store may round the magnitude.
#[test]
fn a_store_may_round_the_magnitude() {
    let magnitude = Some(StoreArithmetic::Magnitude);
    // 10 less 12.5, and 10 more 12.5.
    assert_eq!(tag_after(None, 25.0, "-2^-1*u0*x1", 10.0), -3);
    assert_eq!(tag_after(magnitude, 25.0, "-2^-1*u0*x1", 10.0), -2);
    assert_eq!(tag_after(magnitude, 25.0, "2^-1*u0*x1", 10.0), 22);
}

/// S85: a variable that counts in twos has as fine an accumulator as one that counts in ones.
#[test]
fn a_coarse_variable_has_the_accumulator_of_a_fine_one() {
    let engine = LearningArithmetic { store: Some(StoreArithmetic::Magnitude), ..engine() };
    let setup = Setup::new(1, 1, engine).trace("x1", held(1.0), Rounding::Floor);
    let subject = setup.tag(Rounding::Stochastic).coarse_rule("2^-7*u0*x1", 4.0, -1);
    let mut run = subject.run();
    // One of 256 is left to round, and the largest draw carries it.
    run.fixed.replace_draws(Box::new(Always(u32::MAX)));
    run.emulator.replace_draws(Arc::new(Always(u32::MAX)));
    run.step(&[]);
    assert_eq!(run.raw("ff.t"), [3]);
}

/// S91: a store may round the change, away from zero and then to its steps.
#[test]
fn a_store_may_round_the_change() {
    let change = |step| Some(StoreArithmetic::Change { step });
    // 0.625 either way.
    assert_eq!(tag_after(change(0), 5.0, "2^-3*u0*x1", 3.0), 4);
    assert_eq!(tag_after(change(0), 5.0, "-2^-3*u0*x1", 3.0), 2);
    assert_eq!(tag_after(change(0), 5.0, "2^-3*x0*x1", 3.0), 3);
    // 11 is two steps of 4 and a rest.
    assert_eq!(tag_after(change(2), 11.0, "u0*x1", 3.0), 11);
    assert_eq!(tag_after(change(2), 11.0, "-u0*x1", 3.0), -5);
    // 255 is no multiple of 4.
    assert_eq!(tag_after(change(2), 100.0, "u0*x1", 250.0), 255);
}

/// S92: epochs may be counted from 0.
#[test]
fn epochs_may_be_counted_from_0() {
    for (first_epoch, tags) in [(1, [0, 5, 5, 10]), (0, [5, 5, 10, 10])] {
        let engine = LearningArithmetic { first_epoch, ..engine() };
        let setup = Setup::new(1, 1, engine).trace("x1", held(5.0), Rounding::Floor);
        let subject = setup.rule("u1*x1", 0.0);
        let mut run = subject.run();
        for t in tags {
            run.step(&[]);
            assert_eq!(run.raw("ff.t"), [t], "first epoch {first_epoch}");
        }
    }
}
