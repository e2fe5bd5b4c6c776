//! The float machine against a plain evaluation of the statements S1 to S48, one lane and one
//! episode at a time, which keeps the whole past instead of rings.

mod support;

use support::cue::Noise;
use support::scalar::values;
use trifactor_entity::{EntityId, Table};
use trifactor_ir::units::{self, LifParts};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Kernel, KernelBuilder, Network, Phase, Port, PortId, Read,
    ResetGroup, Role, Sign, Space, SpaceId, SpaceKind, State, StateId, StateRole, Surrogate,
    Synapses, Target, Values, When, verify,
};
use trifactor_reference::float::{FloatMachine, InputSpikes, MachineError};

struct Writer {
    network: Network,
    noise: Noise,
}

impl Writer {
    fn below(&mut self, n: usize) -> usize {
        ((self.noise.uniform() * n as f64) as usize).min(n - 1)
    }
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.noise.uniform()
    }
    fn space(&mut self, name: &str, kind: SpaceKind) -> SpaceId {
        self.network.spaces.push(Space { name: name.into(), kind })
    }
    fn state(
        &mut self,
        space: SpaceId,
        name: &str,
        role: StateRole,
        bounds: (f64, f64),
        reset: ResetGroup,
    ) -> StateId {
        let n = self.network.lanes(space);
        let init = Values::PerLane((0..n).map(|_| self.between(bounds.0, bounds.1)).collect());
        let range = None;
        self.network.states.push(State { name: name.into(), space, role, init, range, reset })
    }
    fn parameter(&mut self, space: SpaceId, name: &str, low: f64, high: f64) -> StateId {
        self.state(space, name, StateRole::Parameter, (low, high), ResetGroup::Weights)
    }
    fn phase(&mut self, group: Group, over: SpaceId, kernel: Kernel, reads: &[Read]) {
        let writes = kernel.outputs.iter().map(|o| o.variable.clone()).collect::<Vec<_>>();
        let writes = writes
            .iter()
            .zip(&kernel.outputs)
            .map(|(name, o)| {
                let space = match o.target {
                    Target::AddPost => self.network.synapses(over).unwrap().post,
                    _ => over,
                };
                self.network.state(space, name).unwrap()
            })
            .collect();
        let kernel = self.network.kernels.push(kernel);
        let stream = self.network.phases.len() as u32;
        let name = format!("phase{stream}");
        let reads = reads.iter().copied().collect::<Table<PortId, Read>>();
        let key = name.clone();
        self.network.phases.push(Phase { name, key, group, kernel, over, reads, writes, stream });
    }
    fn synapses(&mut self, name: &str, pre: SpaceId, post: SpaceId, density: f64) -> SpaceId {
        let (n_pre, n_post) = (self.network.lanes(pre), self.network.lanes(post));
        let (mut row_start, mut post_lane) = (vec![0], Vec::new());
        for _ in 0..n_pre {
            for lane in 0..n_post as u32 {
                if self.noise.uniform() < density {
                    post_lane.push(lane);
                }
            }
            row_start.push(post_lane.len() as u32);
        }
        let sign = Sign::Mixed;
        self.space(name, SpaceKind::Synapses(Synapses { pre, post, sign, row_start, post_lane }))
    }
    fn deliver(&mut self, over: SpaceId, spike: StateId, delay: Delay) {
        let w = self.network.state(over, "w").unwrap();
        let reads = [Read::State(w), Read::Arriving { spike, delay }];
        self.phase(Group::Deliver, over, units::deliver(), &reads);
    }
    /// A unit over a space whose states have the names of the unit's inputs.
    fn unit(&mut self, group: Group, space: SpaceId, kernel: Kernel) {
        let reads: Vec<Read> = kernel
            .ports
            .values()
            .map(|p| Read::State(self.network.state(space, &p.name).unwrap()))
            .collect();
        self.phase(group, space, kernel, &reads);
    }
}

/// A rule that reads everything a rule can read.
fn rule() -> Kernel {
    let mut b = KernelBuilder::new("rule");
    let w = b.input("w", Role::Own);
    let d = b.input("d", Role::Own);
    let timed = |name: &str, role, when, prev| Port { when, prev, ..Port::new(name, role) };
    let x_at_post = b.port(timed("x_at_post", Role::Pre, When::AtPost, false));
    let x_at_pre = b.port(timed("x_at_pre", Role::Pre, When::AtPre, true));
    let x_end = b.port(timed("x_end", Role::Pre, When::End, false));
    let y_at_pre = b.port(timed("y_at_pre", Role::Post, When::AtPre, false));
    let y_at_post = b.port(timed("y_at_post", Role::Post, When::AtPost, true));
    let y_before = b.port(timed("y_before", Role::Post, When::End, true));
    let x0 = b.input("x0", Role::Pre);
    let y0 = b.input("y0", Role::Post);
    let m = b.input("m", Role::Pre);
    let g = b.input("g", Role::Global);
    let u = b.input("u", Role::Every(1));
    let up = b.mul(x_at_post, y0);
    let up = b.mul(up, y_at_post);
    let down = b.mul(y_at_pre, x0);
    let down = b.mul(down, x_at_pre);
    let sum = b.sub(up, down);
    let third = b.mul(sum, m);
    let slow = b.mul(y_before, x_end);
    let slow = b.mul(slow, u);
    let slow = b.mul(slow, g);
    let dw = b.add(third, slow);
    let new_w = b.add(w, dw);
    let two = b.constant(2.0);
    let dd = b.mul(sum, two);
    let dd = b.add(dd, u);
    let new_d = b.add(d, dd);
    b.output("w", Target::Set, new_w);
    b.output("d", Target::Set, new_d);
    b.build()
}

/// A network with every kind of phase, delay and reset group; sizes and numbers by seed.
fn network(seed: u32) -> CheckedNetwork {
    let mut b = Writer { network: Network::new("random"), noise: Noise(seed) };
    b.network.epoch = 1 + b.below(4) as u32;
    let [n_in, n_hidden] = [2 + b.below(6), 2 + b.below(7)];
    let input = b.space("in", SpaceKind::Population { n: n_in as u32 });
    let hidden = b.space("hid", SpaceKind::Population { n: n_hidden as u32 });
    let modulator = b.space("mod", SpaceKind::Modulator { n: n_in as u32 });
    let global = b.space("glob", SpaceKind::Modulator { n: 1 });
    use ResetGroup::{Membrane, Modulators, Traces, Weights};
    use StateRole::{Accumulator, Spike, Variable};
    let zero = (0.0, 0.0);
    let r = b.state(input, "spike", Spike, zero, Membrane);
    let s = b.state(hidden, "spike", Spike, zero, Membrane);
    for (name, role) in [("u", Variable), ("v", Variable), ("hold", Variable), ("q", Accumulator)] {
        b.state(hidden, name, role, zero, Membrane);
    }
    b.parameter(hidden, "keep_u", 0.3, 0.9);
    b.parameter(hidden, "keep_v", 0.5, 0.95);
    b.parameter(hidden, "bias", 0.0, 0.1);
    b.parameter(hidden, "v_min", -0.5, -0.1);
    b.parameter(hidden, "threshold", 0.5, 1.5);
    b.state(hidden, "psi", Variable, zero, Traces);
    b.parameter(hidden, "centre", 0.5, 1.5);
    b.parameter(hidden, "height", 0.2, 0.5);
    b.parameter(hidden, "slope", 0.1, 0.6);
    let refractory = Values::Constant(b.below(3) as f64);
    b.parameter(hidden, "refractory", 0.0, 0.0);
    let held = b.network.state(hidden, "refractory").unwrap();
    b.network.states[held].init = refractory;
    for (space, name) in [(modulator, "keep"), (global, "keep")] {
        b.state(space, "m", Variable, (-0.2, 0.2), Modulators);
        b.state(space, "q", Accumulator, zero, Modulators);
        b.parameter(space, name, 0.5, 0.9);
    }
    for space in [input, hidden] {
        b.state(space, "x", Variable, (0.0, 0.3), Traces);
        b.parameter(space, "keep", 0.5, 0.95);
        b.parameter(space, "impulse", 0.2, 0.8);
        b.parameter(space, "x_max", 1.0, 2.0);
    }
    let plastic = b.synapses("plastic", input, hidden, 0.7);
    let w = b.state(plastic, "w", Variable, (-0.5, 1.0), Weights);
    let d = b.state(plastic, "d", Variable, (0.0, 4.0), Weights);
    b.network.states[w].range = Some((-1.0, 1.5));
    b.network.states[d].range = Some((0.0, 6.0));
    let dense = b.below(2) as f64 * 0.5 + 0.5;
    let statics = [
        ("fixed", input, hidden, dense, 0.6),
        ("spread", input, hidden, 0.5, 0.6),
        ("recurrent", hidden, hidden, 0.5, 0.4),
        ("to_mod", hidden, modulator, dense, 0.5),
        ("to_glob", hidden, global, 1.0, 0.5),
    ];
    b.deliver(plastic, r, Delay::PerSynapse(d));
    for (name, pre, post, density, scale) in statics {
        let over = b.synapses(name, pre, post, density);
        b.parameter(over, "w", -scale, scale);
        let spike = if pre == input { r } else { s };
        let delay = match name {
            "spread" => Delay::PerSynapse(b.parameter(over, "d", -1.0, 5.0)),
            _ => Delay::Fixed(b.below(4) as u8),
        };
        b.deliver(over, spike, delay);
    }
    let parts = LifParts {
        threshold: true,
        bias: true,
        floor: true,
        refractory: true,
        pseudo_derivative: true,
    };
    b.unit(Group::Neurons, hidden, units::cuba_lif(parts, Surrogate::None));
    b.unit(Group::Modulators, modulator, units::modulator());
    b.unit(Group::Modulators, global, units::modulator());
    b.unit(Group::Traces, input, units::linear_trace());
    b.unit(Group::Traces, hidden, units::saturating_trace());
    let state = |space, name| Read::State(b.network.state(space, name).unwrap());
    let (x, y, psi) = (state(input, "x"), state(hidden, "x"), state(hidden, "psi"));
    let reads = [
        state(plastic, "w"),
        state(plastic, "d"),
        x,
        x,
        x,
        y,
        psi,
        psi,
        Read::SpikedInEpoch(r),
        Read::SpikedInEpoch(s),
        state(modulator, "m"),
        state(global, "m"),
        Read::EpochFlag,
    ];
    b.phase(Group::Plasticity, plastic, rule(), &reads);
    verify(b.network).unwrap_or_else(|e| panic!("{e}"))
}

/// One episode of a network, with its whole past.
struct Oracle<'a> {
    net: &'a CheckedNetwork,
    step: usize,
    now: Vec<Vec<f64>>,
    /// Values of every state at the end of each step, before plasticity; index 0 is the start.
    past: Vec<Vec<Vec<f64>>>,
    /// Steps in which something arrives, for each phase and synapse with a delay of its own.
    arrivals: Vec<Vec<Vec<usize>>>,
    /// Spikes up to this step are forgotten in flight, and by flags.
    forgotten: usize,
    flags_from: usize,
}

impl<'a> Oracle<'a> {
    fn new(net: &'a CheckedNetwork) -> Self {
        let init = |s: StateId| {
            let lanes = net.lanes(net.states[s].space);
            (0..lanes).map(|l| net.states[s].init.at(l)).collect::<Vec<_>>()
        };
        let now: Vec<Vec<f64>> = net.states.ids().map(init).collect();
        let arrivals = net.phases.values().map(|p| vec![Vec::new(); net.lanes(p.over)]).collect();
        let past = vec![now.clone()];
        Self { net, step: 0, now, past, arrivals, forgotten: 0, flags_from: 0 }
    }

    fn position(&self) -> usize {
        (self.step - 1) % self.net.epoch as usize + 1
    }

    fn reset(&mut self, group: ResetGroup) {
        for (id, s) in self.net.states.iter() {
            if s.role != StateRole::Parameter && s.reset == group {
                for lane in 0..self.now[id.index()].len() {
                    self.now[id.index()][lane] = s.init.at(lane);
                }
                // A past reading of this very step sees the reset. Spikes stay: flags and times
                // are reset with the traces.
                if s.role != StateRole::Spike {
                    self.past[self.step][id.index()] = self.now[id.index()].clone();
                }
            }
        }
        if group == ResetGroup::Membrane {
            self.forgotten = self.step;
            self.arrivals.iter_mut().flatten().for_each(Vec::clear);
        }
        if group == ResetGroup::Traces {
            self.flags_from = self.step;
        }
    }

    /// Step of the last spike of a lane in this epoch.
    fn last_spike(&self, spike: StateId, lane: usize) -> Option<usize> {
        let start = self.step - self.position() + 1;
        (start.max(self.flags_from + 1)..=self.step)
            .rev()
            .find(|t| self.past[*t][spike.index()][lane] != 0.0)
    }

    fn read(&self, phase: usize, port: &Port, read: Read, lane: usize) -> f64 {
        let (_, p) = self.net.phases.iter().nth(phase).unwrap();
        let ends = self.net.synapses(p.over);
        let pre = ends.map(|s| s.pre_lanes()[lane] as usize);
        let post = ends.map(|s| s.post_lane[lane] as usize);
        let lane_of = |role| match role {
            Role::Own => lane,
            Role::Pre => pre.unwrap(),
            Role::Post => post.unwrap(),
            Role::Global | Role::Every(_) => 0,
        };
        let at = lane_of(port.role);
        match read {
            Read::State(state) => {
                let time = match port.when {
                    _ if port.when == When::End && !port.prev => {
                        return self.now[state.index()][at];
                    }
                    When::End => None,
                    When::AtPre => {
                        let spike = self.net.spikes(ends.unwrap().pre);
                        spike.and_then(|s| self.last_spike(s, pre.unwrap()))
                    }
                    When::AtPost => {
                        let spike = self.net.spikes(ends.unwrap().post);
                        spike.and_then(|s| self.last_spike(s, post.unwrap()))
                    }
                };
                let time = time.unwrap_or(self.step) - usize::from(port.prev);
                self.past[time][state.index()][at]
            }
            Read::Arriving { spike, delay: Delay::Fixed(d) } => {
                match self.step.checked_sub(1 + usize::from(d)) {
                    Some(sent) if sent > self.forgotten => self.past[sent][spike.index()][at],
                    _ => 0.0,
                }
            }
            Read::Arriving { delay: Delay::PerSynapse(_), .. } => {
                let arrivals = &self.arrivals[phase][lane];
                arrivals.iter().filter(|t| **t == self.step).count() as f64
            }
            Read::SpikedInEpoch(spike) => f64::from(u8::from(self.last_spike(spike, at).is_some())),
            Read::EpochFlag => {
                let Role::Every(k) = port.role else { panic!("an epoch flag without a period") };
                let epoch = self.step.div_ceil(self.net.epoch as usize);
                f64::from(u8::from(epoch.is_multiple_of(1 << k)))
            }
        }
    }

    fn run(&mut self, phase: usize) {
        let (_, p) = self.net.phases.iter().nth(phase).unwrap();
        let kernel = &self.net.kernels[p.kernel];
        // Sums over weights that are parameters are made apart and added last.
        let shared = kernel.same_program(&units::deliver())
            && p.reads.values().any(|r| matches!(r, Read::Arriving { delay: Delay::Fixed(_), .. }));
        assert!(!shared || p.group == Group::Deliver);
        let mut written = self.now.clone();
        for lane in 0..self.net.lanes(p.over) {
            let v =
                values(kernel, |port| self.read(phase, &kernel.ports[port], p.reads[port], lane));
            for (output, state) in kernel.outputs.iter().zip(&p.writes) {
                let value = v[output.value];
                match output.target {
                    Target::Set => {
                        let range = self.net.states[*state].range;
                        let (low, high) = range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
                        written[state.index()][lane] = value.max(low).min(high);
                    }
                    Target::AddPost => {
                        let post = self.net.synapses(p.over).unwrap().post_lane[lane];
                        written[state.index()][post as usize] += value;
                    }
                    _ => panic!("a target that no network has"),
                }
            }
        }
        self.now = written;
        for read in p.reads.values() {
            if let Read::State(s) = read
                && self.net.states[*s].role == StateRole::Accumulator
            {
                self.now[s.index()].fill(0.0);
            }
        }
    }

    fn step(&mut self, input: StateId, fired: &[u32]) {
        self.step += 1;
        let phases: Vec<(usize, Group)> =
            self.net.phases.values().map(|p| p.group).enumerate().collect();
        for (i, _) in phases.iter().filter(|(_, g)| *g == Group::Deliver) {
            self.run(*i);
        }
        self.now[input.index()].fill(0.0);
        fired.iter().for_each(|lane| self.now[input.index()][*lane as usize] = 1.0);
        let middle = |g| !matches!(g, Group::Deliver | Group::Plasticity);
        for (i, _) in phases.iter().filter(|(_, g)| middle(*g)) {
            self.run(*i);
        }
        self.past.push(self.now.clone());
        for (i, (_, p)) in self.net.phases.iter().enumerate() {
            for read in p.reads.values() {
                let Read::Arriving { spike, delay: Delay::PerSynapse(d) } = *read else { continue };
                for (lane, pre) in
                    self.net.synapses(p.over).unwrap().pre_lanes().into_iter().enumerate()
                {
                    if self.now[spike.index()][pre as usize] != 0.0 {
                        let delay = self.now[d.index()][lane].round().clamp(0.0, 62.0) as usize;
                        self.arrivals[i][lane].push(self.step + 1 + delay);
                    }
                }
            }
        }
        if self.position() == self.net.epoch as usize {
            for (i, _) in phases.iter().filter(|(_, g)| *g == Group::Plasticity) {
                self.run(*i);
            }
        }
    }
}

#[test]
fn random_networks_follow_the_statements_step_by_step() {
    let (mut spikes, mut learned, mut steps) = (0.0, 0, 0);
    for seed in 0..60 {
        let net = network(1000 + seed);
        let width = [1, 2, 8, 16][seed as usize % 4];
        let mut machine: FloatMachine<f64> = FloatMachine::new(&net, width);
        let mut oracles: Vec<Oracle<'_>> = (0..width).map(|_| Oracle::new(&net)).collect();
        let input = net.space("in").unwrap();
        let n_in = net.lanes(input) as u32;
        let (r, s) = (net.spikes(input).unwrap(), net.spikes(net.space("hid").unwrap()).unwrap());
        let w = net.state(net.space("plastic").unwrap(), "w").unwrap();
        let mut noise = Noise(seed);
        for _ in 0..40 {
            let fired: Vec<Vec<u32>> =
                (0..width).map(|_| (0..n_in).filter(|_| noise.uniform() < 0.4).collect()).collect();
            let inputs: Vec<InputSpikes<'_>> = fired
                .iter()
                .enumerate()
                .map(|(episode, lanes)| InputSpikes { space: input, episode, lanes })
                .collect();
            machine.step(&inputs).unwrap();
            steps += 1;
            for (episode, oracle) in oracles.iter_mut().enumerate() {
                oracle.step(r, &fired[episode]);
                for (id, state) in net.states.iter() {
                    let name = net.full_name(id);
                    for (lane, want) in oracle.now[id.index()].iter().enumerate() {
                        let parameter = state.role == StateRole::Parameter;
                        let at = if parameter { lane } else { lane * width + episode };
                        let got = machine.state(id)[at];
                        assert!(
                            (got - want).abs() <= 1e-11 * want.abs().max(1.0),
                            "seed {seed} step {} episode {episode} {name}[{lane}]: {got} {want}",
                            oracle.step
                        );
                    }
                }
                spikes += oracle.now[s.index()].iter().sum::<f64>();
                let lanes = 0..oracle.now[w.index()].len();
                learned += lanes
                    .filter(|l| oracle.now[w.index()][*l] != net.states[w].init.at(*l))
                    .count();
            }
            if noise.uniform() < 0.1 {
                let group = ResetGroup::ALL[(noise.uniform() * 4.0) as usize % 4];
                machine.reset(&[group]);
                oracles.iter_mut().for_each(|o| o.reset(group));
            }
        }
    }
    // The comparison would be empty without spikes and learning.
    assert!(spikes > 1_000.0 && learned > 1_000, "{spikes} {learned} in {steps} steps");
}

#[test]
fn an_episode_has_the_same_bits_alone_and_among_many() {
    let net = network(4242);
    let input = net.space("in").unwrap();
    let mut many: FloatMachine<f32> = FloatMachine::new(&net, 24);
    let mut alone: FloatMachine<f32> = FloatMachine::new(&net, 1);
    let mut noise = Noise(9);
    for _ in 0..60 {
        let fired: Vec<Vec<u32>> = (0..24)
            .map(|_| (0..net.lanes(input) as u32).filter(|_| noise.uniform() < 0.4).collect())
            .collect();
        let inputs: Vec<InputSpikes<'_>> = fired
            .iter()
            .enumerate()
            .map(|(episode, lanes)| InputSpikes { space: input, episode, lanes })
            .collect();
        many.step(&inputs).unwrap();
        alone.step(&[InputSpikes { space: input, episode: 0, lanes: &fired[17] }]).unwrap();
        for (id, state) in net.states.iter().filter(|(_, s)| s.role != StateRole::Parameter) {
            for (lane, x) in alone.state(id).iter().enumerate() {
                let other = many.state(id)[lane * 24 + 17];
                assert!(*x == other, "{}[{lane}]: {x} {other}", state.name);
            }
        }
    }
}

#[test]
fn a_restarted_machine_repeats_its_trial_bit_for_bit() {
    let net = network(77);
    let input = net.space("in").unwrap();
    let mut machine: FloatMachine<f32> = FloatMachine::new(&net, 1);
    let trial = |machine: &mut FloatMachine<f32>| {
        let mut noise = Noise(5);
        let mut states = Vec::new();
        for _ in 0..30 {
            let lanes: Vec<u32> =
                (0..net.lanes(input) as u32).filter(|_| noise.uniform() < 0.5).collect();
            machine.step(&[InputSpikes { space: input, episode: 0, lanes: &lanes }]).unwrap();
            states.extend(net.states.ids().flat_map(|id| machine.state(id).to_vec()));
        }
        states
    };
    let first = trial(&mut machine);
    assert_eq!(machine.step_number(), 30);
    machine.restart();
    assert_eq!(machine.step_number(), 0);
    assert_eq!(trial(&mut machine), first);
}

#[test]
fn spikes_and_values_that_do_not_fit_are_refused_and_nothing_is_executed() {
    let net = network(3);
    let (input, hidden) = (net.space("in").unwrap(), net.space("hid").unwrap());
    let n = net.lanes(input) as u32;
    let mut machine: FloatMachine<f32> = FloatMachine::new(&net, 2);
    let refused = [
        (InputSpikes { space: hidden, episode: 0, lanes: &[0] }, "takes no spikes"),
        (InputSpikes { space: input, episode: 2, lanes: &[0] }, "no episode 2"),
        (InputSpikes { space: input, episode: 0, lanes: &[0, n] }, "has no lane"),
    ];
    for (spikes, message) in refused {
        let error = machine.step(&[spikes]).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    assert_eq!(machine.step_number(), 0);
    let keep = net.state(hidden, "keep_u").unwrap();
    let error = machine.set_state(keep, &vec![0.5; net.lanes(hidden) + 1]).unwrap_err();
    assert!(matches!(error, MachineError::WrongLength { .. }), "{error}");
    machine.set_state(keep, &[0.25]).unwrap();
    assert!(machine.state(keep).iter().all(|x| *x == 0.25));
    let w = net.state(net.space("plastic").unwrap(), "w").unwrap();
    machine.set_state(w, &[0.125]).unwrap();
    machine.step(&[]).unwrap();
    machine.restart();
    assert!(machine.state(w).iter().all(|x| *x == 0.125));
}
