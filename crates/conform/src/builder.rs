//! Networks of vector files in the making.

use trifactor_diag::{Diagnostics, Severity};
use trifactor_ir::units::{self, LifParts};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Kernel, Network, Phase, Read, ResetGroup, Sign, Space, SpaceId,
    SpaceKind, State, StateId, StateRole, Surrogate, Synapses, Values, verify,
};

/// Neurons as the files describe them; numbers in the unit of the network.
pub(crate) struct Population<'a> {
    pub name: &'a str,
    pub n: u32,
    /// The files' convention: the current loses du + 1 parts of 4096, the voltage dv.
    pub du: u32,
    pub dv: u32,
    pub threshold: f64,
    /// One per neuron, or none.
    pub bias: Vec<f64>,
    /// Steps from a spike to integration; 0 and 1 are none.
    pub refractory: u32,
    /// Voltages before the first step.
    pub v: Values,
}

/// A network in the making.
pub(crate) struct Builder {
    pub net: Network,
    phases: Vec<Phase>,
}

impl Builder {
    /// Nothing yet; epochs of so many steps.
    pub fn new(epoch: u32) -> Self {
        let mut net = Network::new("vector");
        net.epoch = epoch;
        Self { net, phases: Vec::new() }
    }

    pub fn space(&mut self, name: &str, kind: SpaceKind) -> SpaceId {
        self.net.spaces.push(Space { name: name.to_owned(), kind })
    }

    /// A state; variables of synapses that a rule may set have a range.
    pub fn state(
        &mut self,
        space: SpaceId,
        name: &str,
        role: StateRole,
        init: Values,
        range: Option<(f64, f64)>,
        reset: ResetGroup,
    ) -> StateId {
        self.net.states.push(State { name: name.to_owned(), space, role, init, range, reset })
    }

    pub fn weight(&mut self, space: SpaceId, init: Values) -> StateId {
        self.state(space, "w", StateRole::Parameter, init, None, ResetGroup::Weights)
    }

    fn membrane(&mut self, space: SpaceId, name: &str, role: StateRole, init: Values) {
        self.state(space, name, role, init, None, ResetGroup::Membrane);
    }

    /// A phase; its stream, which is the draws' name for it.
    pub fn phase(
        &mut self,
        group: Group,
        over: SpaceId,
        kernel: Kernel,
        reads: Vec<Read>,
        writes: Vec<StateId>,
    ) -> u32 {
        let name = self.net.spaces[over].name.clone();
        let stream = self.phases.len() as u32;
        let kernel = self.net.kernels.push(kernel);
        let reads = reads.into_iter().collect();
        let key = name.clone();
        self.phases.push(Phase { name, key, group, kernel, over, reads, writes, stream });
        stream
    }

    /// A population whose spikes come from outside.
    pub fn input(&mut self, name: &str, n: u32) -> SpaceId {
        let space = self.space(name, SpaceKind::Population { n });
        self.membrane(space, "spike", StateRole::Spike, Values::Constant(0.0));
        space
    }

    pub fn population(&mut self, p: &Population<'_>) -> SpaceId {
        let space = self.space(p.name, SpaceKind::Population { n: p.n });
        let parts = LifParts {
            pseudo_derivative: false,
            threshold: true,
            bias: p.bias.iter().any(|b| *b != 0.0),
            floor: false,
            refractory: p.refractory > 1,
        };
        let keep = |lost: u32| Values::Constant(f64::from(4096 - lost.min(4096)) / 4096.0);
        self.membrane(space, "q", StateRole::Accumulator, Values::Constant(0.0));
        self.membrane(space, "u", StateRole::Variable, Values::Constant(0.0));
        self.membrane(space, "v", StateRole::Variable, p.v.clone());
        let mut parameter = |name, values| self.membrane(space, name, StateRole::Parameter, values);
        parameter("keep_u", keep(p.du.saturating_add(1)));
        parameter("keep_v", keep(p.dv));
        parameter("threshold", Values::Constant(p.threshold));
        if parts.bias {
            parameter("bias", Values::PerLane(p.bias.clone()));
        }
        if parts.refractory {
            // R steps from spike to integration are R - 1 in which the neuron is held.
            parameter("refractory", Values::Constant(f64::from(p.refractory - 1)));
            self.membrane(space, "hold", StateRole::Variable, Values::Constant(0.0));
        }
        self.membrane(space, "spike", StateRole::Spike, Values::Constant(0.0));
        self.unit(Group::Neurons, space, units::cuba_lif(parts, Surrogate::None), str::to_owned);
        space
    }

    /// A linear trace of a population; the stream of its draws.
    pub fn trace(&mut self, space: SpaceId, name: &str, keep: f64, impulse: f64) -> u32 {
        let (role, reset) = (StateRole::Parameter, ResetGroup::Traces);
        let zero = Values::Constant(0.0);
        self.state(space, name, StateRole::Variable, zero, None, reset);
        for (part, value) in [("keep", keep), ("impulse", impulse)] {
            let part = format!("{name}.{part}");
            self.state(space, &part, role, Values::Constant(value), None, reset);
        }
        self.unit(Group::Traces, space, units::linear_trace(), |port| match port {
            "x" => name.to_owned(),
            "spike" => port.to_owned(),
            part => format!("{name}.{part}"),
        })
    }

    /// A phase of a unit over its own lanes; `rename` maps the unit's names to states.
    fn unit(
        &mut self,
        group: Group,
        over: SpaceId,
        kernel: Kernel,
        rename: impl Fn(&str) -> String,
    ) -> u32 {
        let find = |name: &str| self.net.state(over, &rename(name)).expect("internal: declared");
        let reads = kernel.ports.values().map(|p| Read::State(find(&p.name))).collect();
        let writes = kernel.outputs.iter().map(|o| find(&o.variable)).collect();
        self.phase(group, over, kernel, reads, writes)
    }

    /// Synapses, (pre, post) in ascending order.
    pub fn synapses(
        &mut self,
        name: &str,
        (pre, post): (SpaceId, SpaceId),
        sign: Sign,
        pairs: &[(u32, u32)],
    ) -> SpaceId {
        let mut row_start = vec![0u32; self.net.lanes(pre) + 1];
        for (pre, _) in pairs {
            row_start[*pre as usize + 1] += 1;
        }
        for row in 1..row_start.len() {
            row_start[row] += row_start[row - 1];
        }
        let post_lane = pairs.iter().map(|(_, post)| *post).collect();
        let kind = SpaceKind::Synapses(Synapses { pre, post, sign, row_start, post_lane });
        self.space(name, kind)
    }

    /// Delivers a weight to the target population.
    pub fn deliver(&mut self, projection: SpaceId, weight: StateId, delay: Delay) {
        let synapses = self.net.synapses(projection).expect("internal: a projection");
        let (pre, post) = (synapses.pre, synapses.post);
        let spike = self.net.spikes(pre).expect("internal: populations have spikes");
        let q = self.net.state(post, "q").expect("internal: neurons have an accumulator");
        let reads = vec![Read::State(weight), Read::Arriving { spike, delay }];
        self.phase(Group::Deliver, projection, units::deliver(), reads, vec![q]);
    }

    pub fn finish(self) -> Result<CheckedNetwork, String> {
        let Self { mut net, mut phases } = self;
        phases.sort_by_key(|p| p.group);
        for phase in phases {
            net.phases.push(phase);
        }
        verify(net).map_err(|e| first(&e))
    }
}

/// The first error, in one line.
pub(crate) fn first(findings: &Diagnostics) -> String {
    let error = findings.iter().find(|d| d.severity == Severity::Error);
    error.map_or_else(String::new, |d| format!("{}: {}", d.code, d.message))
}
