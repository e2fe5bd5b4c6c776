//! A network as data: spaces of lanes, states on them, and the ordered phases of one time step.
//!
//! Nothing here is special to a neuron, a trace or a synapse: each is a space with states and a
//! phase that runs a kernel over it. The order of [`Network::phases`] *is* the order of a step
//! (S2). What a phase reads through is its [`Read`] bindings; what it changes is its own lanes'
//! states, or accumulators of the lanes its synapses point to.

use crate::kernel::{Kernel, PortId};
use std::ops::Range;
use trifactor_entity::{Table, entity_id};

entity_id!(
    /// A set of lanes.
    pub SpaceId,
    "space"
);
entity_id!(
    /// One variable over the lanes of a space.
    pub StateId,
    "state"
);
entity_id!(
    /// A program.
    pub KernelId,
    "kernel"
);
entity_id!(
    /// One part of a time step.
    pub PhaseId,
    "phase"
);

/// A set of lanes with the author's name.
#[derive(Clone, PartialEq, Debug)]
pub struct Space {
    /// The author's name, unique among spaces.
    pub name: String,
    /// What the lanes are.
    pub kind: SpaceKind,
}

/// What the lanes of a space are.
#[derive(Clone, PartialEq, Debug)]
pub enum SpaceKind {
    /// Neurons or input lines.
    Population {
        /// Number of lanes.
        n: u32,
    },
    /// Lines of a modulator: one, or one per pre or post lane of the projections that read it.
    Modulator {
        /// Number of lanes.
        n: u32,
    },
    /// The synapses of a projection.
    Synapses(Synapses),
}

/// Which signs the weights of a projection may have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sign {
    /// Both.
    Mixed,
    /// 0 or more.
    Excitatory,
    /// 0 or less.
    Inhibitory,
}

/// An explicit list of synapses, ordered by pre lane, then by post lane; a pair occurs once.
#[derive(Clone, PartialEq, Debug)]
pub struct Synapses {
    /// Space of the sources.
    pub pre: SpaceId,
    /// Space of the targets: a population or a modulator.
    pub post: SpaceId,
    /// Signs of the weights.
    pub sign: Sign,
    /// First synapse of each pre lane, and one past the last; length n_pre + 1.
    pub row_start: Vec<u32>,
    /// Post lane of each synapse.
    pub post_lane: Vec<u32>,
}

impl Synapses {
    /// Number of synapses.
    pub fn len(&self) -> usize {
        self.post_lane.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.post_lane.is_empty()
    }
    /// The synapses of a pre lane.
    pub fn row(&self, pre: u32) -> Range<usize> {
        let pre = pre as usize;
        self.row_start[pre] as usize..self.row_start[pre + 1] as usize
    }
    /// The pre lane of every synapse, in order. Shape: \[synapses\].
    pub fn pre_lanes(&self) -> Vec<u32> {
        let mut lanes = Vec::with_capacity(self.len());
        for (pre, pair) in (0u32..).zip(self.row_start.windows(2)) {
            lanes.extend(std::iter::repeat_n(pre, (pair[1] - pair[0]) as usize));
        }
        lanes
    }
}

/// Values over the lanes of a space.
#[derive(Clone, PartialEq, Debug)]
pub enum Values {
    /// The same for every lane.
    Constant(f64),
    /// One per lane.
    PerLane(Vec<f64>),
}

impl Values {
    /// The value of one lane.
    pub fn at(&self, lane: usize) -> f64 {
        match self {
            Self::Constant(v) => *v,
            Self::PerLane(v) => v[lane],
        }
    }
    /// Smallest and largest value; `None` for an empty list.
    pub fn bounds(&self) -> Option<(f64, f64)> {
        match self {
            Self::Constant(v) => Some((*v, *v)),
            Self::PerLane(v) => v.iter().fold(None, |b, &x| match b {
                None => Some((x, x)),
                Some((lo, hi)) => Some((lo.min(x), hi.max(x))),
            }),
        }
    }
}

/// Who changes a state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StateRole {
    /// Nobody: a parameter, trainable on the host.
    Parameter,
    /// One phase sets it.
    Variable,
    /// Phases add to it; the one phase that reads it clears it.
    Accumulator,
    /// A spike: set by a neuron phase, or from outside on an input population.
    Spike,
}

/// What a reset clears together (S6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ResetGroup {
    /// u, v, refractory counters, accumulators and spikes in flight.
    Membrane,
    /// Pre and post traces, spike flags and spike times.
    Traces,
    /// Modulators.
    Modulators,
    /// Variables of plastic synapses.
    Weights,
}

impl ResetGroup {
    /// All groups.
    pub const ALL: [Self; 4] = [Self::Membrane, Self::Traces, Self::Modulators, Self::Weights];
    /// The word used in model files and the IR text.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Membrane => "membrane",
            Self::Traces => "traces",
            Self::Modulators => "modulators",
            Self::Weights => "weights",
        }
    }
}

/// One variable over the lanes of a space.
#[derive(Clone, PartialEq, Debug)]
pub struct State {
    /// Name, unique within its space: `u`, `w`, `x1`.
    pub name: String,
    /// The lanes.
    pub space: SpaceId,
    /// Who changes it.
    pub role: StateRole,
    /// Value at the start of a trial and after a reset.
    pub init: Values,
    /// The author's bounds; every reading clamps to them when the state is set.
    pub range: Option<(f64, f64)>,
    /// With what it is reset.
    pub reset: ResetGroup,
}

/// The part of a step to which a phase belongs; phases are ordered by it (S2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Group {
    /// Spikes arrive at accumulators.
    Deliver,
    /// Currents, voltages, spikes.
    Neurons,
    /// Modulators decay and take their input.
    Modulators,
    /// Traces decay and take this step's impulses.
    Traces,
    /// Rules, in the last step of an epoch.
    Plasticity,
}

impl Group {
    /// The word used in the IR text.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Neurons => "neurons",
            Self::Modulators => "modulators",
            Self::Traces => "traces",
            Self::Plasticity => "plasticity",
        }
    }
}

/// How long a spike travels beyond the first step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Delay {
    /// The same number of steps for every synapse, 0 to 62.
    Fixed(u8),
    /// A state of the synapses, rounded and clamped to 0..=62 when a spike is emitted.
    PerSynapse(StateId),
}

/// What an input of a kernel is bound to. Whose lane is the port's role.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Read {
    /// A state, at the time the port names.
    State(StateId),
    /// A spike that arrives now (S3). Only in deliver phases.
    Arriving {
        /// The source's spikes.
        spike: StateId,
        /// How long they travel.
        delay: Delay,
    },
    /// 1 if the lane spiked in this epoch (S35). Only in plasticity phases.
    SpikedInEpoch(StateId),
    /// The epoch counter's flag for the port's `Every(k)` (S46).
    EpochFlag,
}

/// One part of a time step: a kernel over the lanes of a space.
#[derive(Clone, PartialEq, Debug)]
pub struct Phase {
    /// Name for listings; the author's name of what it updates.
    pub name: String,
    /// Key path of its origin in the model file.
    pub key: String,
    /// Part of the step.
    pub group: Group,
    /// Program.
    pub kernel: KernelId,
    /// Lanes that execute it.
    pub over: SpaceId,
    /// Binding of each input, in port order.
    pub reads: Table<PortId, Read>,
    /// State of each output, in output order.
    pub writes: Vec<StateId>,
    /// Stream of its random draws (S52); unique.
    pub stream: u32,
}

/// A network and its time step. Unchecked: see [`crate::CheckedNetwork`].
#[derive(Clone, PartialEq, Debug)]
pub struct Network {
    /// The author's name.
    pub name: String,
    /// Steps per learning epoch, 1 to 63.
    pub epoch: u32,
    /// Sets of lanes.
    pub spaces: Table<SpaceId, Space>,
    /// Variables.
    pub states: Table<StateId, State>,
    /// Programs.
    pub kernels: Table<KernelId, Kernel>,
    /// The time step, in order.
    pub phases: Table<PhaseId, Phase>,
}

impl Network {
    /// A network without anything in it.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            epoch: 1,
            spaces: Table::new(),
            states: Table::new(),
            kernels: Table::new(),
            phases: Table::new(),
        }
    }
    /// Number of lanes of a space.
    pub fn lanes(&self, space: SpaceId) -> usize {
        match &self.spaces[space].kind {
            SpaceKind::Population { n } | SpaceKind::Modulator { n } => *n as usize,
            SpaceKind::Synapses(s) => s.len(),
        }
    }
    /// The synapses of a space.
    pub fn synapses(&self, space: SpaceId) -> Option<&Synapses> {
        match &self.spaces[space].kind {
            SpaceKind::Synapses(s) => Some(s),
            SpaceKind::Population { .. } | SpaceKind::Modulator { .. } => None,
        }
    }
    /// The space of that name.
    pub fn space(&self, name: &str) -> Option<SpaceId> {
        self.spaces.find(|s| s.name == name)
    }
    /// The state of that name on a space.
    pub fn state(&self, space: SpaceId, name: &str) -> Option<StateId> {
        self.states.find(|s| s.space == space && s.name == name)
    }
    /// The spikes of a population.
    pub fn spikes(&self, space: SpaceId) -> Option<StateId> {
        self.states.find(|s| s.space == space && s.role == StateRole::Spike)
    }
    /// `population.u`, as listings and reports print it.
    pub fn full_name(&self, state: StateId) -> String {
        let s = &self.states[state];
        format!("{}.{}", self.spaces[s.space].name, s.name)
    }
    /// The phase and output position that set a state.
    pub fn setter(&self, state: StateId) -> Option<(PhaseId, usize)> {
        self.phases.iter().find_map(|(id, phase)| {
            let at = phase.writes.iter().position(|w| *w == state)?;
            let kernel = &self.kernels[phase.kernel];
            (kernel.outputs[at].target == crate::Target::Set).then_some((id, at))
        })
    }
    /// Populations without a neuron phase: their spikes come from outside.
    pub fn inputs(&self) -> Vec<SpaceId> {
        self.spaces
            .iter()
            .filter(|(id, s)| {
                matches!(s.kind, SpaceKind::Population { .. })
                    && !self.phases.values().any(|p| p.group == Group::Neurons && p.over == *id)
            })
            .map(|(id, _)| id)
            .collect()
    }
    /// Spaces in whose synapses some variable is set: the plastic projections.
    pub fn plastic(&self) -> Vec<SpaceId> {
        self.spaces
            .ids()
            .filter(|id| {
                self.phases.values().any(|p| p.group == Group::Plasticity && p.over == *id)
            })
            .collect()
    }
    /// Whether a state has a past that rules may read: a trace of spikes, or what a neuron writes
    /// for rules (S27) and is reset with them.
    pub fn is_trace(&self, state: StateId) -> bool {
        let Some((phase, _)) = self.setter(state) else { return false };
        match self.phases[phase].group {
            Group::Traces => true,
            Group::Neurons => self.states[state].reset == ResetGroup::Traces,
            Group::Deliver | Group::Modulators | Group::Plasticity => false,
        }
    }
    /// Whether a trace needs the values of every step of an epoch: someone reads it at a spike
    /// time or one step back.
    pub fn needs_history(&self, state: StateId) -> bool {
        self.phases.values().any(|phase| {
            let ports = &self.kernels[phase.kernel].ports;
            phase.reads.iter().any(|(port, read)| {
                let p = &ports[port];
                *read == Read::State(state) && (p.prev || p.when != crate::When::End)
            })
        })
    }
}

/// The largest delay beyond the first step.
pub const MAX_DELAY: u8 = 62;
/// The longest learning epoch.
pub const MAX_EPOCH: u32 = 63;
