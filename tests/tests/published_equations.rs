//! The float reading computes what the papers write, on cases that have a closed form.
//!
//! Equation numbers are those of *Learning to learn online with neuromodulated synaptic
//! plasticity in spiking neural networks*. A neuron's decay alpha is `1 - keep`.

use trifactor_ir::{
    CheckedNetwork, Delay, Group, Kernel, KernelBuilder, Port, Read, ResetGroup, Role, Sign,
    SpaceId, StateRole, Target, ValueId, Values,
};
use trifactor_reference::float::{FloatMachine, InputSpikes};
use trifactor_testkit::builder::{Lif, NetworkBuilder, TraceSpec};

/// Doubles over a few hundred operations.
const EXACT: f64 = 1e-12;

#[track_caller]
fn assert_near(found: f64, expected: f64, what: &str) {
    let scale = 1.0 + expected.abs();
    assert!((found - expected).abs() <= EXACT * scale, "{what}: {found} is not {expected}");
}

/// Runs a machine; `fires(space, step)` says whether lane 0 of an input fires.
struct Run {
    machine: FloatMachine<f64>,
    inputs: Vec<SpaceId>,
}

impl Run {
    fn new(net: &CheckedNetwork) -> Self {
        Self { machine: FloatMachine::new(net, 1), inputs: net.inputs() }
    }
    fn step(&mut self, fires: impl Fn(SpaceId) -> bool) {
        let firing: Vec<InputSpikes> = self
            .inputs
            .iter()
            .filter(|space| fires(**space))
            .map(|space| InputSpikes { space: *space, episode: 0, lanes: &[0] })
            .collect();
        self.machine.step(&firing).expect("lane 0 exists");
    }
    fn value(&self, space: SpaceId, name: &str) -> f64 {
        let net = self.machine.network();
        self.machine.state(net.state(space, name).expect("it was declared"))[0]
    }
}

/// An input that drives one neuron with weight 1.
fn driven(lif: &Lif) -> (CheckedNetwork, SpaceId) {
    let mut b = NetworkBuilder::new("driven", 1);
    let input = b.input("in", 1);
    let cell = b.lif("cell", 1, lif);
    let ff = b.synapses("ff", input, cell, Sign::Mixed, &[vec![0]]);
    let w = b.weight(ff, Values::Constant(1.0));
    b.deliver(ff, w, Delay::Fixed(0));
    (b.finish().expect("it is legal"), cell)
}

#[test]
fn one_spike_moves_a_cuba_neuron_as_equations_6_and_7_say() {
    let (a, c) = (0.9, 0.7);
    let lif = Lif { keep_u: Values::Constant(a), keep_v: Values::Constant(c), ..Lif::default() };
    let (net, cell) = driven(&lif);
    let mut run = Run::new(&net);
    run.step(|_| true);
    assert_eq!(run.value(cell, "u"), 0.0, "a spike arrives one step after it was fired (S3)");
    for n in 0..60 {
        run.step(|_| false);
        // u: a^n. v: the convolution of the two exponentials.
        assert_near(run.value(cell, "u"), a.powi(n), "u");
        let v = (a.powi(n + 1) - c.powi(n + 1)) / (a - c);
        assert_near(run.value(cell, "v"), v, "v");
    }
}

#[test]
fn constant_drive_follows_the_step_response_of_equations_6_and_7() {
    let (a, c) = (0.5, 0.95);
    let lif = Lif {
        keep_u: Values::Constant(a),
        keep_v: Values::Constant(c),
        bias: Some(Values::Constant(0.25)),
        ..Lif::default()
    };
    let (net, cell) = driven(&lif);
    let mut run = Run::new(&net);
    // The bias acts from step 1, the input from step 2.
    run.step(|_| true);
    assert_near(run.value(cell, "v"), 0.25, "v after the first step");
    for n in 1..80 {
        run.step(|_| true);
        let steady = 1.0 / (1.0 - a);
        assert_near(run.value(cell, "u"), steady * (1.0 - a.powi(n)), "u");
        let from_input =
            steady * ((1.0 - c.powi(n)) / (1.0 - c) - a * (a.powi(n) - c.powi(n)) / (a - c));
        let from_bias = 0.25 * (1.0 - c.powi(n + 1)) / (1.0 - c);
        assert_near(run.value(cell, "v"), from_input + from_bias, "v");
    }
}

#[test]
fn without_current_memory_the_neuron_is_the_lif_of_equations_3_to_5() {
    // v = c v + I; it spikes above the threshold and returns to 0. With I = 1, c = 0.5 the
    // voltage is 1, 1.5, 1.75, ... and passes 1.7 in the third step.
    let lif = Lif {
        keep_u: Values::Constant(0.0),
        keep_v: Values::Constant(0.5),
        threshold: Some(Values::Constant(1.7)),
        ..Lif::default()
    };
    let (net, cell) = driven(&lif);
    let mut run = Run::new(&net);
    run.step(|_| true);
    for step in 1..=12 {
        run.step(|_| true);
        let spike = step % 3 == 0;
        assert_near(run.value(cell, "spike"), f64::from(u8::from(spike)), "spike");
        let v = if spike { 0.0 } else { 2.0 - 0.5f64.powi(step % 3 - 1) };
        assert_near(run.value(cell, "v"), v, "v");
    }
}

#[test]
fn a_linear_trace_is_the_sum_of_its_decayed_impulses_as_equations_8_and_9_say() {
    let (keep, impulse) = (1.0 - 1.0 / 20.0, 0.3);
    let mut b = NetworkBuilder::new("trace", 1);
    let input = b.input("in", 1);
    b.trace(input, "x1", &TraceSpec { keep, impulse, x_max: None, init: 0.0 });
    let mut run = Run::new(&b.finish().expect("it is legal"));
    let times = [3, 4, 10, 31];
    for step in 1..=60 {
        run.step(|_| times.contains(&step));
        let sum: f64 =
            times.iter().filter(|t| **t <= step).map(|t| impulse * keep.powi(step - t)).sum();
        assert_near(run.value(input, "x1"), sum, "x1");
    }
}

#[test]
fn a_saturating_trace_approaches_its_fixed_point_as_equation_10_says() {
    let (keep, beta, top) = (0.9, 0.2, 2.0);
    let mut b = NetworkBuilder::new("trace", 1);
    let input = b.input("in", 1);
    b.trace(input, "x1", &TraceSpec { keep, impulse: beta, x_max: Some(top), init: 0.0 });
    let mut run = Run::new(&b.finish().expect("it is legal"));
    // A spike in every step: x = keep x; x = x + beta (top - x).
    let ratio: f64 = keep * (1.0 - beta);
    let limit = beta * top / (1.0 - ratio);
    for n in 1..100 {
        run.step(|_| true);
        assert_near(run.value(input, "x1"), limit * (1.0 - ratio.powi(n)), "x1");
    }
}

/// A pre neuron, a post neuron fired by a teacher one step after the teacher, and a synapse
/// between them whose weight is far too small to make the post neuron fire.
struct Pair {
    b: NetworkBuilder,
    pre: SpaceId,
    teacher: SpaceId,
    post: SpaceId,
    ff: SpaceId,
}

const TAU: f64 = 20.0;
const KICK: f64 = 1.0;

fn keep(tau: f64) -> f64 {
    (-1.0 / tau).exp()
}

impl Pair {
    fn new(tags: &[&str], w: f64, range: (f64, f64)) -> Self {
        let mut b = NetworkBuilder::new("pair", 1);
        let pre = b.input("pre", 1);
        let teacher = b.input("teacher", 1);
        let lif = Lif {
            keep_u: Values::Constant(0.0),
            keep_v: Values::Constant(0.0),
            threshold: Some(Values::Constant(1000.0)),
            ..Lif::default()
        };
        let post = b.lif("post", 1, &lif);
        let teach = b.synapses("teach", teacher, post, Sign::Mixed, &[vec![0]]);
        let strong = b.weight(teach, Values::Constant(2000.0));
        b.deliver(teach, strong, Delay::Fixed(0));
        let ff = b.synapses("ff", pre, post, Sign::Mixed, &[vec![0]]);
        let mut variable = |name: &str, init| {
            let (role, reset) = (StateRole::Variable, ResetGroup::Weights);
            b.state(ff, name, role, Values::Constant(init), Some(range), reset)
        };
        let weight = variable("w", w);
        for tag in tags {
            variable(tag, 0.0);
        }
        b.deliver(ff, weight, Delay::Fixed(0));
        let spec = TraceSpec { keep: keep(TAU), impulse: KICK, x_max: None, init: 0.0 };
        b.trace(pre, "x1", &spec);
        b.trace(post, "y1", &spec);
        b.trace(post, "y2", &TraceSpec { keep: keep(2.0 * TAU), ..spec });
        Self { b, pre, teacher, post, ff }
    }

    /// Binds a rule's inputs by their variables' names; `m` is the line of a modulator.
    fn learn(mut self, kernel: Kernel, modulator: Option<SpaceId>) -> Self {
        let net = self.b.network();
        let state = |space, name: &str| net.state(space, name).expect("it was declared");
        let reads = kernel
            .ports
            .values()
            .map(|p| match (p.role, p.variable.as_str()) {
                (Role::Own, name) => Read::State(state(self.ff, name)),
                (Role::Pre, "x0") => Read::SpikedInEpoch(state(self.pre, "spike")),
                (Role::Post, "y0") => Read::SpikedInEpoch(state(self.post, "spike")),
                (_, "m") => Read::State(state(modulator.expect("it has one"), "m")),
                (Role::Pre, name) => Read::State(state(self.pre, name)),
                (_, name) => Read::State(state(self.post, name)),
            })
            .collect();
        let writes = kernel.outputs.iter().map(|o| state(self.ff, &o.variable)).collect();
        self.b.phase(Group::Plasticity, self.ff, kernel, reads, writes);
        self
    }

    /// The weight (or another variable) after so many steps with spikes at the given steps.
    fn after(self, steps: i32, pre: &[i32], post: &[i32], variable: &str) -> f64 {
        let (source, teacher, ff) = (self.pre, self.teacher, self.ff);
        let mut run = Run::new(&self.b.finish().expect("it is legal"));
        for step in 1..=steps {
            run.step(|space| {
                (space == source && pre.contains(&step))
                    || (space == teacher && post.contains(&(step + 1)))
            });
        }
        run.value(ff, variable)
    }
}

const A_PLUS: f64 = 0.01;
const A_MINUS: f64 = 0.012;

/// The factors of pair rules and `a x_i s_j - b x_j s_i`.
struct PairRule {
    b: KernelBuilder,
    w: ValueId,
    potentiate: ValueId,
    depress: ValueId,
}

fn pair_rule() -> PairRule {
    let mut b = KernelBuilder::new("pair");
    let w = b.input("w", Role::Own);
    let (x1, y1) = (b.input("x1", Role::Pre), b.input("y1", Role::Post));
    let (x0, y0) = (b.input("x0", Role::Pre), b.input("y0", Role::Post));
    let (potentiate, depress) = (b.mul(x1, y0), b.mul(y1, x0));
    PairRule { b, w, potentiate, depress }
}

#[test]
fn one_spike_pair_changes_the_weight_by_the_stdp_window_of_equations_11_and_12() {
    for lag in -40i32..=40 {
        if lag == 0 {
            continue;
        }
        let PairRule { mut b, w, potentiate, depress } = pair_rule();
        let (up, down) = (b.constant(A_PLUS), b.constant(A_MINUS));
        let (up, down) = (b.mul(up, potentiate), b.mul(down, depress));
        let change = b.sub(up, down);
        let new = b.add(w, change);
        b.output("w", Target::Set, new);
        let pair = Pair::new(&[], 0.0, (-1.0, 1.0)).learn(b.build(), None);
        let dw = pair.after(150, &[50], &[50 + lag], "w");
        let window = (-f64::from(lag.abs()) / TAU).exp();
        let expected = if lag > 0 { A_PLUS * window } else { -A_MINUS * window };
        assert_near(dw, expected, &format!("dW at lag {lag}"));
    }
}

#[test]
fn multiplicative_potentiation_closes_in_on_its_bound_as_equation_13_says() {
    let (top, eta) = (2.0, 0.125);
    let PairRule { mut b, w, potentiate, .. } = pair_rule();
    let (limit, rate) = (b.constant(top), b.constant(eta));
    let room = b.sub(limit, w);
    let gain = b.mul(rate, room);
    let change = b.mul(gain, potentiate);
    let new = b.add(w, change);
    b.output("w", Target::Set, new);
    let pair = Pair::new(&[], 0.5, (0.0, 2.0)).learn(b.build(), None);
    // Pairs 400 steps apart, each at lag 5; a trace of 400 steps ago is e^-20 of a kick, and
    // exactly summed here.
    let pre: Vec<i32> = (0..4).map(|k| 10 + 400 * k).collect();
    let post: Vec<i32> = pre.iter().map(|t| t + 5).collect();
    let w = pair.after(1700, &pre, &post, "w");
    let mut room = top - 0.5;
    for t in &post {
        let x: f64 = pre.iter().filter(|p| *p < t).map(|p| (-f64::from(t - p) / TAU).exp()).sum();
        room *= 1.0 - eta * x;
    }
    assert_near(w, top - room, "w");
}

#[test]
fn the_triplet_rule_of_equation_15_reads_the_slow_trace_one_step_before() {
    let mut b = KernelBuilder::new("triplet");
    let w = b.input("w", Role::Own);
    let x1 = b.input("x1", Role::Pre);
    let y0 = b.input("y0", Role::Post);
    let slow = Port { prev: true, ..Port::new("y2", Role::Post) };
    let slow = b.port(slow);
    let rate = b.constant(A_PLUS);
    let pair = b.mul(x1, y0);
    let triplet = b.mul(pair, slow);
    let change = b.mul(rate, triplet);
    let new = b.add(w, change);
    b.output("w", Target::Set, new);
    let kernel = b.build();
    let (t1, pre, t2) = (20, 25, 31);
    let dw = Pair::new(&[], 0.0, (-1.0, 1.0)).learn(kernel.clone(), None).after(
        60,
        &[pre],
        &[t1, t2],
        "w",
    );
    // At t1 the pre trace is 0; at t2 the slow trace is read at t2 - 1, before t2's own kick.
    let (x, slow) =
        ((-f64::from(t2 - pre) / TAU).exp(), (-f64::from(t2 - 1 - t1) / (2.0 * TAU)).exp());
    assert_near(dw, A_PLUS * x * slow, "dW");
    let alone = Pair::new(&[], 0.0, (-1.0, 1.0)).learn(kernel, None);
    assert_eq!(alone.after(60, &[pre], &[t2], "w"), 0.0, "one post spike alone is no triplet");
}

#[test]
fn an_eligibility_decays_after_a_pair_as_equation_16_says() {
    let gamma: f64 = 0.97;
    let PairRule { mut b, potentiate, .. } = pair_rule();
    let e = b.input("e", Role::Own);
    let (keep, rate) = (b.constant(gamma), b.constant(0.5));
    let (kept, kick) = (b.mul(e, keep), b.mul(rate, potentiate));
    let new = b.add(kept, kick);
    b.output("e", Target::Set, new);
    let kernel = b.build();
    for steps in [18, 19, 40, 100] {
        let pair = Pair::new(&["e"], 0.0, (-1.0, 1.0)).learn(kernel.clone(), None);
        let e = pair.after(steps, &[10], &[18], "e");
        let expected = 0.5 * (-8.0 / TAU).exp() * gamma.powi(steps - 18);
        assert_near(e, expected, &format!("E after {steps} steps"));
    }
}

/// `W += M E` with one pulse into the modulator: the sum of a product of two decays.
fn third_factor(role: Role) {
    let (gamma, kappa): (f64, f64) = (0.97, 0.9);
    let (paired, pulse, steps) = (18, 30, 300);
    let mut pair = Pair::new(&["e"], 0.0, (-100.0, 100.0));
    let cue = pair.b.input("cue", 1);
    let m = pair.b.modulator("m", 1, kappa, 0.0, None);
    let feed = pair.b.synapses("feed", cue, m, Sign::Mixed, &[vec![0]]);
    let strength = pair.b.weight(feed, Values::Constant(-0.75));
    pair.b.deliver(feed, strength, Delay::Fixed(2));
    let PairRule { mut b, w, potentiate, .. } = pair_rule();
    let e = b.input("e", Role::Own);
    let m_now = b.input("m", role);
    let keep = b.constant(gamma);
    let kept = b.mul(e, keep);
    let new_e = b.add(kept, potentiate);
    let change = b.mul(m_now, e);
    let new_w = b.add(w, change);
    b.output("e", Target::Set, new_e);
    b.output("w", Target::Set, new_w);
    let pair = pair.learn(b.build(), Some(m));
    let (source, teacher, ff) = (pair.pre, pair.teacher, pair.ff);
    let mut run = Run::new(&pair.b.finish().expect("it is legal"));
    for step in 1..=steps {
        run.step(|space| {
            (space == source && step == 10)
                || (space == teacher && step == paired - 1)
                || (space == cue && step == pulse)
        });
        // The pulse travels 1 + 2 steps.
        let m_expected = if step >= pulse + 3 { -0.75 * kappa.powi(step - pulse - 3) } else { 0.0 };
        assert_near(run.value(m, "m"), m_expected, "M");
    }
    // The rule reads E from before the step: at step t it is E0 gamma^(t - 1 - paired).
    let e0 = (-8.0 / TAU).exp();
    let first = pulse + 3;
    let terms = steps - first + 1;
    let ratio = gamma * kappa;
    let sum =
        -0.75 * e0 * gamma.powi(first - 1 - paired) * (1.0 - ratio.powi(terms)) / (1.0 - ratio);
    assert_near(run.value(ff, "w"), sum, "W");
}

#[test]
fn a_global_modulator_gates_the_eligibility_as_equation_17_says() {
    third_factor(Role::Global);
}

#[test]
fn a_modulator_per_post_neuron_gates_the_eligibility_as_equation_19_says() {
    third_factor(Role::Post);
}

#[test]
fn a_modulator_per_pre_neuron_gates_the_eligibility() {
    // The form both experiments use: W += M_i E.
    third_factor(Role::Pre);
}
