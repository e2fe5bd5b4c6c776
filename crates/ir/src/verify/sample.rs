//! A small network that verifies and uses every kind of space, state, phase and binding.

use crate::kernel::{Kernel, KernelBuilder, Port, Role, Surrogate, Target, When};
use crate::network::{
    Delay, Group, Network, Phase, Read, ResetGroup, Sign, Space, SpaceId, SpaceKind, State,
    StateId, StateRole, Synapses, Values,
};
use crate::units::{self, LifParts};

/// Two inputs feed three neurons through plastic, delayed synapses; the neurons feed a read-out
/// and two modulators, one of one line and one of a line per neuron.
pub(crate) fn network() -> Network {
    let mut b = Builder(Network::new("a sample"));
    b.0.epoch = 4;
    let input = b.space("input", SpaceKind::Population { n: 2 });
    let hidden = b.space("hidden", SpaceKind::Population { n: 3 });
    let output = b.space("output", SpaceKind::Population { n: 1 });
    let reward = b.space("reward", SpaceKind::Modulator { n: 1 });
    let local = b.space("local", SpaceKind::Modulator { n: 3 });
    let ff = b.synapses("ff", input, hidden, vec![0, 3, 4], vec![0, 1, 2, 1]);
    let out = b.synapses("out", hidden, output, vec![0, 1, 1, 2], vec![0, 0]);
    let to_reward = b.synapses("to_reward", hidden, reward, vec![0, 1, 2, 3], vec![0, 0, 0]);
    let to_local = b.synapses("to_local", hidden, local, vec![0, 1, 2, 3], vec![0, 1, 2]);

    use ResetGroup::{Membrane, Modulators, Traces, Weights};
    use StateRole::{Accumulator, Parameter, Spike, Variable};
    b.state("spike", input, Spike, Membrane);
    for population in [hidden, output] {
        b.state("q", population, Accumulator, Membrane);
        b.state("u", population, Variable, Membrane);
        b.state("v", population, Variable, Membrane);
        b.state("keep_u", population, Parameter, Membrane);
        b.state("keep_v", population, Parameter, Membrane);
    }
    b.state("threshold", hidden, Parameter, Membrane);
    b.state("spike", hidden, Spike, Membrane);
    for modulator in [reward, local] {
        b.state("q", modulator, Accumulator, Modulators);
        b.state("m", modulator, Variable, Modulators);
        b.state("keep", modulator, Parameter, Modulators);
    }
    for (space, name) in [(input, "x1"), (hidden, "y1")] {
        b.state(name, space, Variable, Traces);
        for part in ["keep", "impulse"] {
            b.state(&format!("{name}.{part}"), space, Parameter, Traces);
        }
    }
    let w = b.state("w", ff, Variable, Weights);
    b.0.states[w].range = Some((-4.0, 4.0));
    b.0.states[w].init = Values::PerLane(vec![0.5, -1.25, 4.0, 1e-3]);
    b.state("d", ff, Parameter, Weights);
    for projection in [out, to_reward, to_local] {
        b.state("w", projection, Parameter, Weights);
    }

    for (projection, pre, post) in [
        (ff, input, hidden),
        (out, hidden, output),
        (to_reward, hidden, reward),
        (to_local, hidden, local),
    ] {
        let delay = match b.0.state(projection, "d") {
            Some(d) => Delay::PerSynapse(d),
            None => Delay::Fixed(2),
        };
        let arriving = Read::Arriving { spike: b.find(pre, "spike"), delay };
        let reads = vec![Read::State(b.find(projection, "w")), arriving];
        let writes = vec![b.find(post, "q")];
        b.phase(Group::Deliver, projection, units::deliver(), reads, writes);
    }
    let spiking = LifParts { threshold: true, ..LifParts::default() };
    for (population, parts) in [(hidden, spiking), (output, LifParts::default())] {
        b.own_phase(Group::Neurons, population, units::cuba_lif(parts, Surrogate::None), "");
    }
    for modulator in [reward, local] {
        b.own_phase(Group::Modulators, modulator, units::modulator(), "");
    }
    b.own_phase(Group::Traces, input, units::linear_trace(), "x1");
    b.own_phase(Group::Traces, hidden, units::linear_trace(), "y1");

    let reads = vec![
        Read::State(w),
        Read::State(b.find(input, "x1")),
        Read::State(b.find(hidden, "y1")),
        Read::SpikedInEpoch(b.find(input, "spike")),
        Read::SpikedInEpoch(b.find(hidden, "spike")),
        Read::State(b.find(reward, "m")),
        Read::State(b.find(local, "m")),
        Read::EpochFlag,
    ];
    b.phase(Group::Plasticity, ff, rule(), reads, vec![w]);
    b.0
}

/// A rule that reads in every role and at every time.
fn rule() -> Kernel {
    let mut b = KernelBuilder::new("rule");
    let timed = |name: &str, role, when, prev| Port { when, prev, ..Port::new(name, role) };
    let w = b.input("w", Role::Own);
    let mut sum = w;
    for port in [
        timed("x1", Role::Pre, When::AtPost, false),
        timed("y1", Role::Post, When::AtPre, true),
        Port::new("x0", Role::Pre),
        Port::new("y0", Role::Post),
        Port::new("r1", Role::Global),
        Port::new("local", Role::Post),
        Port::new("u2", Role::Every(2)),
    ] {
        let value = b.port(port);
        sum = b.add(sum, value);
    }
    b.output("w", Target::Set, sum);
    b.build()
}

struct Builder(Network);

impl Builder {
    fn space(&mut self, name: &str, kind: SpaceKind) -> SpaceId {
        self.0.spaces.push(Space { name: name.to_owned(), kind })
    }
    fn synapses(
        &mut self,
        name: &str,
        pre: SpaceId,
        post: SpaceId,
        row_start: Vec<u32>,
        post_lane: Vec<u32>,
    ) -> SpaceId {
        let synapses = Synapses { pre, post, sign: Sign::Mixed, row_start, post_lane };
        self.space(name, SpaceKind::Synapses(synapses))
    }
    fn state(&mut self, name: &str, space: SpaceId, role: StateRole, reset: ResetGroup) -> StateId {
        let init = Values::Constant(0.0);
        self.0.states.push(State { name: name.to_owned(), space, role, init, range: None, reset })
    }
    fn find(&self, space: SpaceId, name: &str) -> StateId {
        self.0.state(space, name).expect("the sample declares what it binds")
    }
    fn phase(
        &mut self,
        group: Group,
        over: SpaceId,
        kernel: Kernel,
        reads: Vec<Read>,
        writes: Vec<StateId>,
    ) {
        let name = self.0.spaces[over].name.clone();
        let stream = u32::try_from(self.0.phases.len()).expect("few phases");
        let kernel = self.0.kernels.push(kernel);
        let key = format!("{}.{name}", group.word());
        let reads = reads.into_iter().collect();
        self.0.phases.push(Phase { name, key, group, kernel, over, reads, writes, stream });
    }
    /// A phase whose inputs and results are states of its own lanes; `x` and what belongs to it
    /// stand for the trace `trace`.
    fn own_phase(&mut self, group: Group, over: SpaceId, kernel: Kernel, trace: &str) {
        let state = |name: &str| match name {
            "x" => self.find(over, trace),
            "keep" | "impulse" if !trace.is_empty() => self.find(over, &format!("{trace}.{name}")),
            name => self.find(over, name),
        };
        let reads = kernel.ports.values().map(|p| Read::State(state(&p.name))).collect();
        let writes = kernel.outputs.iter().map(|o| state(&o.variable)).collect();
        self.phase(group, over, kernel, reads, writes);
    }
}
