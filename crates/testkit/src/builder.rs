//! Writes networks by hand, part by part, as a model's resolver would.
//!
//! The builder gives every part the states and phases that its unit kernel binds, in the author's
//! order; it checks nothing, [`NetworkBuilder::finish`] verifies.
//!
//! ```
//! use trifactor_ir::{Delay, Sign, Values, units::LifParts};
//! use trifactor_testkit::builder::{Lif, NetworkBuilder};
//! let mut b = NetworkBuilder::new("pair", 1);
//! let input = b.input("in", 2);
//! let out = b.lif("out", 1, &Lif { threshold: Some(Values::Constant(1.0)), ..Lif::default() });
//! let ff = b.synapses("ff", input, out, Sign::Mixed, &[vec![0], vec![0]]);
//! let w = b.weight(ff, Values::Constant(0.5));
//! b.deliver(ff, w, Delay::Fixed(0));
//! assert_eq!(b.finish().expect("it is legal").phases.len(), 2);
//! ```

use trifactor_diag::Diagnostics;
use trifactor_ir::units::{self, LifParts};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Kernel, Network, Phase, Read, ResetGroup, Sign, Space, SpaceId,
    SpaceKind, State, StateId, StateRole, Surrogate, Synapses, Values, verify,
};

/// Parameters of a population of CUBA LIF neurons; the options are the parts it has.
#[derive(Clone, PartialEq, Debug)]
pub struct Lif {
    /// Surviving fraction of u.
    pub keep_u: Values,
    /// Surviving fraction of v.
    pub keep_v: Values,
    /// Spike threshold; `None` is a graded read-out.
    pub threshold: Option<Values>,
    /// Added to v in every step.
    pub bias: Option<Values>,
    /// Lower bound of v.
    pub v_min: Option<Values>,
    /// Steps held after a spike. Needs a threshold.
    pub refractory: Option<Values>,
    /// Height and slope of the pseudo-derivative `psi`. Needs a threshold.
    pub pseudo_derivative: Option<(f64, f64)>,
}

impl Default for Lif {
    fn default() -> Self {
        Self {
            keep_u: Values::Constant(0.5),
            keep_v: Values::Constant(0.75),
            threshold: None,
            bias: None,
            v_min: None,
            refractory: None,
            pseudo_derivative: None,
        }
    }
}

/// Parameters of a trace.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TraceSpec {
    /// Surviving fraction.
    pub keep: f64,
    /// What a spike adds; for a saturating trace the factor of the rest.
    pub impulse: f64,
    /// The value a saturating trace tends to; `None` is a linear trace.
    pub x_max: Option<f64>,
    /// Value at the start of a trial.
    pub init: f64,
}

/// A network in the making.
#[derive(Clone, Debug)]
pub struct NetworkBuilder {
    net: Network,
    phases: Vec<Phase>,
}

impl NetworkBuilder {
    /// An empty network with epochs of so many steps.
    pub fn new(name: &str, epoch: u32) -> Self {
        let mut net = Network::new(name);
        net.epoch = epoch;
        Self { net, phases: Vec::new() }
    }

    /// The network so far, without its phases.
    pub fn network(&self) -> &Network {
        &self.net
    }

    /// Orders the phases by group, gives each its draw stream and verifies.
    pub fn finish(self) -> Result<CheckedNetwork, Diagnostics> {
        let Self { mut net, mut phases } = self;
        // A stable sort keeps the author's order inside a group.
        phases.sort_by_key(|p| p.group);
        for phase in phases {
            net.phases.push(phase);
        }
        verify(net)
    }

    /// A state of a space.
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

    fn space(&mut self, name: &str, kind: SpaceKind) -> SpaceId {
        self.net.spaces.push(Space { name: name.to_owned(), kind })
    }

    fn find(&self, space: SpaceId, name: &str) -> StateId {
        self.net.state(space, name).expect("a part binds states that it declared")
    }

    /// A phase whose key and name are those of its space.
    pub fn phase(
        &mut self,
        group: Group,
        over: SpaceId,
        kernel: Kernel,
        reads: Vec<Read>,
        writes: Vec<StateId>,
    ) {
        let name = self.net.spaces[over].name.clone();
        // Streams are unique, and not in the order of execution.
        let stream = 3 + 2 * self.phases.len() as u32;
        let key = format!("{}.{name}", group.word());
        let kernel = self.net.kernels.push(kernel);
        let reads = reads.into_iter().collect();
        self.phases.push(Phase { name, key, group, kernel, over, reads, writes, stream });
    }

    /// A phase of a unit over its own lanes; `rename` maps the unit's names to states.
    fn unit(
        &mut self,
        group: Group,
        over: SpaceId,
        kernel: Kernel,
        rename: impl Fn(&str) -> String,
    ) {
        let reads =
            kernel.ports.values().map(|p| Read::State(self.find(over, &rename(&p.name)))).collect();
        let writes = kernel.outputs.iter().map(|o| self.find(over, &rename(&o.variable))).collect();
        self.phase(group, over, kernel, reads, writes);
    }

    /// A population whose spikes come from outside.
    pub fn input(&mut self, name: &str, n: u32) -> SpaceId {
        let space = self.space(name, SpaceKind::Population { n });
        self.membrane(space, "spike", StateRole::Spike, Values::Constant(0.0));
        space
    }

    fn membrane(&mut self, space: SpaceId, name: &str, role: StateRole, init: Values) {
        self.state(space, name, role, init, None, ResetGroup::Membrane);
    }

    /// A population of neurons.
    pub fn lif(&mut self, name: &str, n: u32, lif: &Lif) -> SpaceId {
        let space = self.space(name, SpaceKind::Population { n });
        let zero = || Values::Constant(0.0);
        self.membrane(space, "q", StateRole::Accumulator, zero());
        self.membrane(space, "u", StateRole::Variable, zero());
        self.membrane(space, "v", StateRole::Variable, zero());
        let parts = [
            ("keep_u", Some(&lif.keep_u)),
            ("keep_v", Some(&lif.keep_v)),
            ("threshold", lif.threshold.as_ref()),
            ("bias", lif.bias.as_ref()),
            ("v_min", lif.v_min.as_ref()),
            ("refractory", lif.refractory.as_ref()),
        ];
        for (name, values) in parts {
            if let Some(values) = values {
                self.membrane(space, name, StateRole::Parameter, values.clone());
            }
        }
        if lif.refractory.is_some() {
            self.membrane(space, "hold", StateRole::Variable, zero());
        }
        if let Some((height, slope)) = lif.pseudo_derivative {
            let reset = ResetGroup::Traces;
            self.state(space, "psi", StateRole::Variable, zero(), None, reset);
            for (name, value) in [("psi.height", height), ("psi.slope", slope)] {
                let init = Values::Constant(value);
                self.state(space, name, StateRole::Parameter, init, None, reset);
            }
        }
        if lif.threshold.is_some() {
            self.membrane(space, "spike", StateRole::Spike, zero());
        }
        let parts = LifParts {
            threshold: lif.threshold.is_some(),
            bias: lif.bias.is_some(),
            floor: lif.v_min.is_some(),
            refractory: lif.refractory.is_some(),
            pseudo_derivative: lif.pseudo_derivative.is_some(),
        };
        let kernel = units::cuba_lif(parts, Surrogate::None);
        self.unit(Group::Neurons, space, kernel, |port| match port {
            "centre" => "threshold".to_owned(),
            "height" | "slope" => format!("psi.{port}"),
            part => part.to_owned(),
        });
        space
    }

    /// Synapses given by the ascending post lanes of each pre lane.
    pub fn synapses(
        &mut self,
        name: &str,
        pre: SpaceId,
        post: SpaceId,
        sign: Sign,
        rows: &[Vec<u32>],
    ) -> SpaceId {
        let mut row_start = vec![0];
        let mut post_lane = Vec::new();
        for row in rows {
            post_lane.extend_from_slice(row);
            row_start.push(post_lane.len() as u32);
        }
        self.space(name, SpaceKind::Synapses(Synapses { pre, post, sign, row_start, post_lane }))
    }

    /// A weight that nobody changes.
    pub fn weight(&mut self, projection: SpaceId, init: Values) -> StateId {
        self.state(projection, "w", StateRole::Parameter, init, None, ResetGroup::Weights)
    }

    /// Delivery over a projection.
    pub fn deliver(&mut self, projection: SpaceId, weight: StateId, delay: Delay) {
        let synapses = self.net.synapses(projection).expect("delivery runs over synapses");
        let (pre, post) = (synapses.pre, synapses.post);
        let spike = self.net.spikes(pre).expect("the source has spikes");
        let reads = vec![Read::State(weight), Read::Arriving { spike, delay }];
        let writes = vec![self.find(post, "q")];
        self.phase(Group::Deliver, projection, units::deliver(), reads, writes);
    }

    /// A trace of a population.
    pub fn trace(&mut self, space: SpaceId, name: &str, spec: &TraceSpec) -> StateId {
        let init = Values::Constant(spec.init);
        let x = self.state(space, name, StateRole::Variable, init, None, ResetGroup::Traces);
        let mut parts = vec![("keep", spec.keep), ("impulse", spec.impulse)];
        parts.extend(spec.x_max.map(|m| ("x_max", m)));
        for (part, value) in parts {
            let (name, init) = (format!("{name}.{part}"), Values::Constant(value));
            self.state(space, &name, StateRole::Parameter, init, None, ResetGroup::Traces);
        }
        let kernel =
            if spec.x_max.is_some() { units::saturating_trace() } else { units::linear_trace() };
        self.unit(Group::Traces, space, kernel, |port| match port {
            "x" => name.to_owned(),
            "spike" => "spike".to_owned(),
            part => format!("{name}.{part}"),
        });
        x
    }

    /// A modulator; its variable is `m`.
    pub fn modulator(
        &mut self,
        name: &str,
        n: u32,
        keep: f64,
        init: f64,
        range: Option<(f64, f64)>,
    ) -> SpaceId {
        let space = self.space(name, SpaceKind::Modulator { n });
        let reset = ResetGroup::Modulators;
        let constant = Values::Constant;
        self.state(space, "q", StateRole::Accumulator, constant(0.0), None, reset);
        self.state(space, "m", StateRole::Variable, constant(init), range, reset);
        self.state(space, "keep", StateRole::Parameter, constant(keep), None, reset);
        self.unit(Group::Modulators, space, units::modulator(), str::to_owned);
        space
    }
}
