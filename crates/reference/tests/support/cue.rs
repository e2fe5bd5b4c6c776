//! The network of the cue-association experiment as a checked network, and its stimuli.
//!
//! 20 inputs drive 48 plastic hidden neurons (half of all synapses exist, each with two
//! eligibility traces and rates of its own); a second net of two hidden layers reads inputs, hidden
//! spikes and two signal lines and makes two modulators per input. Layers are one step apart (S3).

use trifactor_entity::Table;
use trifactor_ir::units::{self, LifParts};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Kernel, KernelBuilder, Network, Phase, PortId, Read, ResetGroup,
    Role, Sign, Space, SpaceId, SpaceKind, State, StateId, StateRole, Surrogate, Synapses, Target,
    Values, verify,
};

/// Sizes of the net.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub inputs: usize,
    pub hidden: usize,
    pub modulatory: usize,
    /// Spikes are a smooth function of the membrane, so that differences can be taken.
    pub smooth: bool,
    /// Seed of all initial values.
    pub seed: u32,
}

impl Sizes {
    /// The net of the experiment.
    pub const FULL: Self = Self { inputs: 20, hidden: 48, modulatory: 64, smooth: false, seed: 11 };
}

/// A population of neurons.
#[derive(Clone, Copy, Debug)]
pub struct Layer {
    pub space: SpaceId,
    pub spike: Option<StateId>,
    pub v: StateId,
    pub q: StateId,
    pub keep_u: StateId,
    pub keep_v: StateId,
    pub bias: Option<StateId>,
    pub threshold: Option<StateId>,
}

/// A decaying variable with its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Decaying {
    pub value: StateId,
    pub keep: StateId,
    /// Impulse of a trace, accumulator of a modulator.
    pub other: StateId,
}

/// The network with the ids of what a test or bench needs.
pub struct Cue {
    pub sizes: Sizes,
    pub network: CheckedNetwork,
    pub input: SpaceId,
    pub signal: SpaceId,
    pub hidden: Layer,
    pub first: Layer,
    pub second: Layer,
    pub out: Layer,
    pub plus: Decaying,
    pub minus: Decaying,
    pub pre_trace: Decaying,
    pub post_trace: Decaying,
    /// Decays of the eligibility traces.
    pub g_plus: StateId,
    pub g_minus: StateId,
    pub plastic: SpaceId,
    pub w: StateId,
    pub eta_plus: StateId,
    pub eta_minus: StateId,
    /// Weights input-first, hidden-first, signal-first, first-second, second-plus, second-minus,
    /// hidden-out.
    pub weights: [StateId; 7],
    /// Everything that is trained.
    pub trained: Vec<StateId>,
}

/// Numbers for initial values.
pub struct Noise(pub u32);

impl Noise {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let x = self.0 ^ (self.0 >> 15);
        f64::from(x.wrapping_mul(0x2C1B_3C6D) >> 8) / f64::from(1u32 << 24)
    }
    /// Nearly normal, variance 1.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

struct Writer {
    network: Network,
    noise: Noise,
}

impl Writer {
    fn space(&mut self, name: &str, kind: SpaceKind) -> SpaceId {
        self.network.spaces.push(Space { name: name.into(), kind })
    }
    fn state(&mut self, space: SpaceId, name: &str, role: StateRole, init: Values) -> StateId {
        let reset = ResetGroup::Membrane;
        self.network.states.push(State { name: name.into(), space, role, init, range: None, reset })
    }
    fn parameter(
        &mut self,
        space: SpaceId,
        name: &str,
        value: impl Fn(&mut Noise) -> f64,
    ) -> StateId {
        let n = self.network.lanes(space);
        let values = (0..n).map(|_| value(&mut self.noise)).collect();
        self.state(space, name, StateRole::Parameter, Values::PerLane(values))
    }
    fn variable(&mut self, space: SpaceId, name: &str) -> StateId {
        self.state(space, name, StateRole::Variable, Values::Constant(0.0))
    }
    fn phase(
        &mut self,
        group: Group,
        over: SpaceId,
        kernel: Kernel,
        reads: &[Read],
        writes: &[StateId],
    ) {
        let kernel = self.network.kernels.push(kernel);
        let stream = self.network.phases.len() as u32;
        let name = format!("phase{stream}");
        self.network.phases.push(Phase {
            key: name.clone(),
            name,
            group,
            kernel,
            over,
            reads: reads.iter().copied().collect::<Table<PortId, Read>>(),
            writes: writes.to_vec(),
            stream,
        });
    }
    fn synapses(&mut self, name: &str, pre: SpaceId, post: SpaceId, density: f64) -> SpaceId {
        let (n_pre, n_post) = (self.network.lanes(pre), self.network.lanes(post));
        let mut row_start = vec![0];
        let mut post_lane = Vec::new();
        for i in 0..n_pre {
            // Every row keeps the same number, so that 0.5 gives exactly half of all pairs.
            let mut lanes: Vec<u32> = (0..n_post as u32).collect();
            let keep = (n_post as f64 * density).round() as usize;
            while lanes.len() > keep {
                let at = (self.noise.uniform() * lanes.len() as f64) as usize;
                lanes.remove(at.min(lanes.len() - 1));
            }
            assert!(i < n_pre && lanes.len() == keep);
            post_lane.extend(lanes);
            row_start.push(post_lane.len() as u32);
        }
        let sign = Sign::Mixed;
        self.space(name, SpaceKind::Synapses(Synapses { pre, post, sign, row_start, post_lane }))
    }
}

/// A smooth neuron: the spike is a cubic of the membrane's distance from the threshold.
fn smooth_neuron() -> Kernel {
    let mut b = KernelBuilder::new("smooth");
    let [q, u, v, keep_u, keep_v, bias, threshold] =
        ["q", "u", "v", "keep_u", "keep_v", "bias", "threshold"].map(|n| b.input(n, Role::Own));
    let kept = b.mul(u, keep_u);
    let new_u = b.add(kept, q);
    let kept = b.mul(v, keep_v);
    let sum = b.add(kept, new_u);
    let x = b.add(sum, bias);
    let over = b.sub(x, threshold);
    let half = b.constant(0.5);
    let [slope, bend] = [0.02, 1e-5].map(|c| b.constant(c));
    let square = b.mul(over, over);
    let bent = b.mul(bend, square);
    let slopes = b.sub(slope, bent);
    let rise = b.mul(over, slopes);
    let spike = b.add(half, rise);
    let one = b.constant(1.0);
    let rest = b.sub(one, spike);
    let new_v = b.mul(x, rest);
    for (name, value) in [("u", new_u), ("v", new_v), ("spike", spike)] {
        b.output(name, Target::Set, value);
    }
    b.build()
}

/// `E+' = g+ E+ + (1 - g+) x s`, `E-' = g- E- + (1 - g-) y r`,
/// `w' = w + eta+ m+ E+' - eta- m- E-'`.
fn rule() -> Kernel {
    let mut b = KernelBuilder::new("rule");
    let [w, ep, em, eta_p, eta_m] =
        ["w", "ep", "em", "eta_p", "eta_m"].map(|n| b.input(n, Role::Own));
    let [xp, r, mp, mm] = ["xp", "r", "mp", "mm"].map(|n| b.input(n, Role::Pre));
    let [xq, s] = ["xq", "s"].map(|n| b.input(n, Role::Post));
    let [gp, gm] = ["gp", "gm"].map(|n| b.input(n, Role::Global));
    let one = b.constant(1.0);
    let mut trace = |e, g, x, s| {
        let rest = b.sub(one, g);
        let kept = b.mul(e, g);
        let scaled = b.mul(x, rest);
        let gated = b.mul(scaled, s);
        b.add(kept, gated)
    };
    let new_ep = trace(ep, gp, xp, s);
    let new_em = trace(em, gm, xq, r);
    let rate = b.mul(eta_p, mp);
    let up = b.mul(rate, new_ep);
    let rate = b.mul(eta_m, mm);
    let down = b.mul(rate, new_em);
    let sum = b.add(w, up);
    let new_w = b.sub(sum, down);
    for (name, value) in [("w", new_w), ("ep", new_ep), ("em", new_em)] {
        b.output(name, Target::Set, value);
    }
    b.build()
}

impl Writer {
    fn layer(&mut self, name: &str, n: usize, tau: (f64, f64), spiking: bool, bias: bool) -> Layer {
        let space = self.space(name, SpaceKind::Population { n: n as u32 });
        let zero = Values::Constant(0.0);
        let keep = |tau: f64| move |r: &mut Noise| (-1.0 / (tau * (0.9 + 0.2 * r.uniform()))).exp();
        let spike = spiking.then(|| self.state(space, "spike", StateRole::Spike, zero.clone()));
        self.variable(space, "u");
        Layer {
            space,
            spike,
            v: self.variable(space, "v"),
            q: self.state(space, "q", StateRole::Accumulator, zero),
            keep_u: self.parameter(space, "keep_u", keep(tau.0)),
            keep_v: self.parameter(space, "keep_v", keep(tau.1)),
            bias: bias.then(|| self.parameter(space, "bias", |r| -0.05 + 0.01 * r.normal())),
            threshold: spiking.then(|| {
                self.parameter(space, "threshold", move |_| 1.0 / (1.0 - (-1.0 / tau.1).exp()))
            }),
        }
    }

    fn neurons(&mut self, layer: &Layer, tau_v: f64, smooth: bool) {
        let unit = 1.0 - (-1.0 / tau_v).exp();
        let surrogate = Surrogate::Exponential { scale: 0.4 * unit, beta: 5.0 * unit };
        let parts = LifParts {
            threshold: layer.spike.is_some(),
            bias: layer.bias.is_some(),
            ..LifParts::default()
        };
        let kernel = if smooth && parts.threshold {
            smooth_neuron()
        } else {
            units::cuba_lif(parts, surrogate)
        };
        let read = |name: &str| {
            // The smooth neuron always has a bias.
            let absent = name == "bias" && layer.bias.is_none();
            let name = if absent { "threshold" } else { name };
            Read::State(self.network.state(layer.space, name).unwrap())
        };
        let reads: Vec<Read> = kernel.ports.values().map(|p| read(&p.name)).collect();
        let writes: Vec<StateId> = kernel
            .outputs
            .iter()
            .map(|o| self.network.state(layer.space, &o.variable).unwrap())
            .collect();
        self.phase(Group::Neurons, layer.space, kernel, &reads, &writes);
    }

    fn modulator(&mut self, name: &str, n: usize) -> (SpaceId, Decaying) {
        let space = self.space(name, SpaceKind::Modulator { n: n as u32 });
        let value = self.variable(space, "m");
        let zero = Values::Constant(0.0);
        let other = self.state(space, "q", StateRole::Accumulator, zero);
        let keep = self.parameter(space, "keep", |r| 0.58 + 0.05 * r.uniform());
        (space, Decaying { value, keep, other })
    }

    fn trace(&mut self, space: SpaceId, name: &str, tau: f64) -> Decaying {
        let keep = (-1.0 / tau).exp();
        Decaying {
            value: self.variable(space, name),
            keep: self.parameter(space, &format!("keep_{name}"), move |_| keep),
            other: self.parameter(space, &format!("impulse_{name}"), move |_| 1.0 - keep),
        }
    }

    fn deliver(&mut self, over: SpaceId, w: StateId, spike: StateId, q: StateId) {
        let reads = [Read::State(w), Read::Arriving { spike, delay: Delay::Fixed(0) }];
        self.phase(Group::Deliver, over, units::deliver(), &reads, &[q]);
    }
}

/// Builds the net.
pub fn cue(sizes: Sizes) -> Cue {
    let Sizes { inputs, hidden: n_hidden, modulatory, smooth, seed } = sizes;
    let mut b = Writer { network: Network::new("cue"), noise: Noise(seed) };
    let population = |n: usize| SpaceKind::Population { n: n as u32 };
    let zero = Values::Constant(0.0);
    let input = b.space("in", population(inputs));
    let r = b.state(input, "spike", StateRole::Spike, zero.clone());
    let signal = b.space("sig", population(2));
    let sig = b.state(signal, "spike", StateRole::Spike, zero);
    let hidden = b.layer("hid", n_hidden, (8.0, 20.0), true, smooth);
    let first = b.layer("n1", modulatory, (3.0, 5.0), true, true);
    let second = b.layer("n2", modulatory, (3.0, 5.0), true, true);
    let out = b.layer("out", 2, (0.05, 100.0), false, false);
    let (plus_space, plus) = b.modulator("mp", inputs);
    let (minus_space, minus) = b.modulator("mm", inputs);
    let pre_trace = b.trace(input, "xp", 20.0);
    let post_trace = b.trace(hidden.space, "xq", 40.0);
    let shared = b.space("shared", SpaceKind::Modulator { n: 1 });
    // A smooth net is run for few steps only; its traces and modulators act faster.
    let g = (-1.0 / if smooth { 20.0 } else { 500.0f64 }).exp();
    let g_plus = b.parameter(shared, "gp", |_| g);
    let g_minus = b.parameter(shared, "gm", |_| g);

    let plastic = b.synapses("in_hid", input, hidden.space, 0.5);
    let draw = |r: &mut Noise| {
        let w = (0.5 * r.normal()).abs();
        if r.uniform() < 0.2 { -w } else { w }
    };
    let n = b.network.lanes(plastic);
    let values = (0..n).map(|_| draw(&mut b.noise)).collect();
    let w = b.state(plastic, "w", StateRole::Variable, Values::PerLane(values));
    let (ep, em) = (b.variable(plastic, "ep"), b.variable(plastic, "em"));
    for (state, bound) in [(w, 4.0), (ep, 8.0), (em, 8.0)] {
        b.network.states[state].range = Some((-bound, bound));
    }
    let rate = |r: &mut Noise| {
        let sign = if r.uniform() < 0.5 { -1.0 } else { 1.0 };
        sign * (1.0 + 0.2 * r.normal())
    };
    let eta_plus = b.parameter(plastic, "eta_p", rate);
    let eta_minus = b.parameter(plastic, "eta_m", rate);

    let hidden_spike = hidden.spike.unwrap();
    let fan = ((inputs + n_hidden) as f64).sqrt();
    let to_modulator = if smooth { 0.15 } else { 0.015 };
    let links = [
        ("in_n1", input, r, first.space, first.q, 1.5 / fan),
        ("hid_n1", hidden.space, hidden_spike, first.space, first.q, 1.5 / fan),
        ("sig_n1", signal, sig, first.space, first.q, 2.0),
        ("n1_n2", first.space, first.spike.unwrap(), second.space, second.q, 0.375),
        ("n2_mp", second.space, second.spike.unwrap(), plus_space, plus.other, to_modulator),
        ("n2_mm", second.space, second.spike.unwrap(), minus_space, minus.other, to_modulator),
        ("hid_out", hidden.space, hidden_spike, out.space, out.q, 0.003),
    ];
    let weights = links.map(|(name, pre, _, post, _, scale)| {
        let space = b.synapses(name, pre, post, 1.0);
        (space, b.parameter(space, "w", move |r| scale * r.normal()))
    });
    b.deliver(plastic, w, r, hidden.q);
    for ((over, w), (_, _, spike, _, q, _)) in weights.iter().zip(links) {
        b.deliver(*over, *w, spike, q);
    }
    for (layer, tau_v) in [(&hidden, 20.0), (&first, 5.0), (&second, 5.0), (&out, 100.0)] {
        b.neurons(layer, tau_v, smooth);
    }
    for (space, m) in [(plus_space, plus), (minus_space, minus)] {
        let reads = [m.value, m.other, m.keep].map(Read::State);
        b.phase(Group::Modulators, space, units::modulator(), &reads, &[m.value]);
    }
    for (space, x, spike) in [(input, pre_trace, r), (hidden.space, post_trace, hidden_spike)] {
        let reads = [x.value, spike, x.keep, x.other].map(Read::State);
        b.phase(Group::Traces, space, units::linear_trace(), &reads, &[x.value]);
    }
    let reads = [
        w,
        ep,
        em,
        eta_plus,
        eta_minus,
        pre_trace.value,
        r,
        plus.value,
        minus.value,
        post_trace.value,
        hidden_spike,
        g_plus,
        g_minus,
    ];
    b.phase(Group::Plasticity, plastic, rule(), &reads.map(Read::State), &[w, ep, em]);

    let weights = weights.map(|(_, w)| w);
    let mut trained = vec![w, eta_plus, eta_minus, g_plus, g_minus];
    trained.extend(weights);
    for layer in [&hidden, &first, &second, &out] {
        trained.extend([layer.keep_u, layer.keep_v]);
        trained.extend(layer.bias);
    }
    trained.extend([plus.keep, minus.keep]);
    trained.extend([pre_trace, post_trace].iter().flat_map(|x| [x.keep, x.other]));
    let network = verify(b.network).unwrap_or_else(|e| panic!("{e}"));
    Cue {
        sizes,
        network,
        input,
        signal,
        hidden,
        first,
        second,
        out,
        plus,
        minus,
        pre_trace,
        post_trace,
        g_plus,
        g_minus,
        plastic,
        w,
        eta_plus,
        eta_minus,
        weights,
        trained,
    }
}

/// Input spikes of up to 64 episodes: bit e of a word is episode e.
#[derive(Clone, Debug)]
pub struct Stimulus {
    pub steps: u64,
    n_inputs: usize,
    words: Vec<u64>,
    /// Correct side of each episode.
    pub sides: u64,
}

impl Stimulus {
    /// Cue trials one after the other: 5 cues of 25 steps with 30 of rest, 50 of rest, 25 of
    /// decision; the signal comes in the decisions of all trials but the last. The first `skipped`
    /// steps are left out.
    pub fn new(n_inputs: usize, skipped: u64, steps: u64, seed: u32) -> Self {
        let mut noise = Noise(seed);
        let mut words = vec![0u64; steps as usize * (n_inputs + 2)];
        let mut sides = 0;
        for episode in 0..64 {
            let mut group: Vec<usize> = (0..n_inputs).map(|i| i * 4 / n_inputs).collect();
            for i in (1..n_inputs).rev() {
                group.swap(i, (noise.uniform() * (i + 1) as f64) as usize);
            }
            let first = noise.uniform() < 0.5;
            let test = noise.uniform() < 0.5;
            sides |= u64::from(test) << episode;
            let mut cue = false;
            for step in 0..steps {
                let (trial, at) = ((step + skipped) / 350, (step + skipped) % 350);
                let side = [first, !first, test][trial.min(2) as usize];
                let deciding = at >= 325;
                if at < 275 && at % 55 == 0 {
                    cue = side == (noise.uniform() < 0.7);
                }
                let cued = at < 275 && at % 55 < 25;
                for (lane, group) in group.iter().enumerate() {
                    let rate = match group {
                        0 | 1 if cued && cue == (*group == 0) => 0.75,
                        0 | 1 if cued => 0.15,
                        0 | 1 => 0.0,
                        2 if deciding => 0.75,
                        _ => 0.15,
                    };
                    let fires = noise.uniform() < rate;
                    words[step as usize * (n_inputs + 2) + lane] |= u64::from(fires) << episode;
                }
                if deciding && trial < 2 {
                    let line = step as usize * (n_inputs + 2) + n_inputs + usize::from(side);
                    words[line] |= 1 << episode;
                }
            }
        }
        Self { steps, n_inputs, words, sides }
    }

    /// The words of a step, from 1: inputs, then the two signal lines.
    pub fn step(&self, step: u64) -> &[u64] {
        let n = self.n_inputs + 2;
        &self.words[(step as usize - 1) * n..][..n]
    }
}

/// Steps at the end over which the read-out is averaged.
pub const DECISION: u64 = 25;

/// Derivatives of the loss with respect to the two outputs' means: cross entropy of the logistic.
pub fn output_gradient(logit: f64, target: bool) -> f64 {
    1.0 / (1.0 + (-logit).exp()) - f64::from(u8::from(target))
}

/// The loss of one output: cross entropy with logits.
pub fn output_loss(logit: f64, target: bool) -> f64 {
    let t = f64::from(u8::from(target));
    logit.max(0.0) - logit * t + (-logit.abs()).exp().ln_1p()
}

/// Weight of the mean hidden rate in the loss.
pub const RATE_COST: f64 = 0.5;
