//! A network stepped forwards for many episodes at once.

use super::arrivals::{Pending, Ring};
use super::epoch::{Flags, History, Timed, shape_axis};
use super::phases::{self, Delivery};
use super::program::{Axis, Lanes, NOWHERE, Program, Sink};
use super::projection::{self, Projection};
use super::real::Real;
use super::rounding::{Roundings, StoreRounding};
use std::fmt;
use trifactor_entity::SideTable;
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Phase, Read, ResetGroup, Role, SpaceId, StateId, StateRole,
    Target, Values, When,
};

/// A checked network in floating point. State has the layout `[lane][episode]`.
///
/// Episodes are independent copies of the network that share its parameters. With one episode the
/// lanes are vectorised, with a multiple of 8 the episodes; other numbers work, more slowly.
/// Sums of arriving spikes are made in a fixed order: phases in order and synapses in order, those
/// over weights that episodes share in a sum of their own, which is added last. So an episode has
/// the same bits alone and among many.
///
/// ```
/// use trifactor_ir::{Network, Space, SpaceKind, verify};
/// # use trifactor_ir::{ResetGroup, State, StateRole, Values};
/// use trifactor_reference::float::{FloatMachine, InputSpikes};
/// let mut network = Network::new("one input");
/// let space = network
///     .spaces
///     .push(Space { name: "in".into(), kind: SpaceKind::Population { n: 3 } });
/// # network.states.push(State {
/// #     name: "spike".into(), space, role: StateRole::Spike, init: Values::Constant(0.0),
/// #     range: None, reset: ResetGroup::Membrane,
/// # });
/// let network = verify(network).unwrap();
/// let mut machine: FloatMachine<f32> = FloatMachine::new(&network, 2);
/// machine.step(&[InputSpikes { space, episode: 1, lanes: &[0, 2] }]).unwrap();
/// let spikes = machine.state(network.spikes(space).unwrap());
/// assert_eq!(spikes, [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
/// ```
#[derive(Clone, Debug)]
pub struct FloatMachine<T> {
    network: CheckedNetwork,
    width: usize,
    step: u64,
    /// All arrays; everything else names them by position.
    bank: Vec<Vec<T>>,
    current: SideTable<StateId, usize>,
    /// Where a set state's next value is written, to become current afterwards.
    spare: SideTable<StateId, usize>,
    /// Initial values of states that are not parameters. Shape: `[lane]`, or one for all lanes.
    initial: SideTable<StateId, Vec<T>>,
    phases: Vec<PhaseRun<T>>,
    rings: Vec<Ring>,
    pending: Vec<Pending>,
    flags: Vec<Flags>,
    histories: Vec<History<T>>,
    /// Sums of shared weights as `[episode][lane]`, the accumulator they are added to, and whether
    /// they are `[lane][episode]` instead.
    by_episode: Vec<(Vec<T>, StateId, bool)>,
    /// Spikes of populations that nothing drives but [`step`](Self::step).
    inputs: Vec<(SpaceId, StateId)>,
    every: Vec<(u8, usize)>,
    /// How states are rounded that a phase has written.
    roundings: Option<Roundings>,
    /// Seeds of stochastic roundings, one per episode.
    seeds: Vec<u32>,
}

/// The lanes of an input population that fire in this step, in one episode.
#[derive(Clone, Copy, Debug)]
pub struct InputSpikes<'a> {
    /// An input population.
    pub space: SpaceId,
    /// From 0.
    pub episode: usize,
    /// Logical ids, in any order.
    pub lanes: &'a [u32],
}

/// What was asked of a machine does not fit its network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MachineError {
    /// Spikes for a population that has neurons of its own, or is none.
    NotAnInput(String),
    /// Spikes of a lane the population does not have.
    NoSuchLane {
        /// The population.
        space: String,
        /// The lane.
        lane: u32,
    },
    /// Spikes for an episode the machine does not have.
    NoSuchEpisode(usize),
    /// A list of values that is neither one nor one per lane.
    WrongLength {
        /// `population.state`.
        state: String,
        /// Lanes of the state.
        lanes: usize,
        /// Values given.
        given: usize,
    },
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnInput(space) => {
                write!(f, "'{space}' takes no spikes from outside: it is not an input population")
            }
            Self::NoSuchLane { space, lane } => {
                write!(f, "'{space}' has no lane {lane} (lanes are counted from 0)")
            }
            Self::NoSuchEpisode(episode) => {
                write!(f, "there is no episode {episode} (episodes are counted from 0)")
            }
            Self::WrongLength { state, lanes, given } => {
                write!(f, "'{state}' takes 1 value or {lanes}, one per lane; {given} were given")
            }
        }
    }
}

impl std::error::Error for MachineError {}

/// Where an input of a phase comes from.
#[derive(Clone, Debug)]
enum Source {
    State(StateId),
    /// Which ring, and the delay.
    Ring(usize, u8),
    /// An array that is up to date when the phase runs.
    Array(usize),
    /// Which entry of the phase's `timed`.
    Timed(usize),
}

#[derive(Clone, Debug)]
// A phase list holds one of these per phase; boxing the larger one would add a lookup per step.
#[allow(clippy::large_enum_variant)]
enum Body<T> {
    /// Recognised delivery: the ring, and the sums by episode if weights are shared.
    Deliver {
        delivery: Delivery,
        projection: Projection<T>,
        ring: usize,
        sums: Option<usize>,
    },
    Program {
        program: Program<T>,
        sources: Vec<Source>,
        timed: Vec<Timed>,
    },
}

#[derive(Clone, Debug)]
struct PhaseRun<T> {
    group: Group,
    body: Body<T>,
    /// States of the results that are set.
    sets: Vec<StateId>,
    /// Accumulators that reading clears.
    clears: Vec<StateId>,
    /// Arrays of inputs and results, refilled in every step.
    inputs: Vec<usize>,
    outputs: Vec<(StateId, bool)>,
    arrays: Vec<usize>,
}

impl<T: Real> FloatMachine<T> {
    /// A machine before its first step. Memory is proportional to lanes times episodes; synapses
    /// with delays of their own take 64 bytes per episode more. `episodes` of 0 counts as 1.
    pub fn new(network: &CheckedNetwork, episodes: usize) -> Self {
        let width = episodes.max(1);
        let none = |_: StateId, _: &_| NOWHERE;
        let mut machine = Self {
            width,
            step: 0,
            bank: Vec::new(),
            current: SideTable::for_each(&network.states, none),
            spare: SideTable::for_each(&network.states, none),
            initial: SideTable::for_each(&network.states, |_, s| match &s.init {
                Values::Constant(v) => vec![T::from_f64(*v)],
                Values::PerLane(v) => v.iter().map(|v| T::from_f64(*v)).collect(),
            }),
            phases: Vec::new(),
            rings: Vec::new(),
            pending: Vec::new(),
            flags: Vec::new(),
            histories: Vec::new(),
            by_episode: Vec::new(),
            inputs: Vec::new(),
            every: Vec::new(),
            roundings: None,
            seeds: vec![0; width],
            network: network.clone(),
        };
        machine.allocate_states();
        machine.allocate_rings();
        machine.inputs = network
            .inputs()
            .into_iter()
            .filter_map(|space| Some((space, network.spikes(space)?)))
            .collect();
        let lanes = phases::lanes(network, width);
        for phase in network.phases.values() {
            let run = machine.prepare(phase, &lanes);
            machine.phases.push(run);
        }
        machine.restart();
        machine
    }

    /// Number of episodes.
    pub fn episodes(&self) -> usize {
        self.width
    }
    /// Number of the last executed step; 0 before the first (S1).
    pub fn step_number(&self) -> u64 {
        self.step
    }
    /// The network.
    pub fn network(&self) -> &CheckedNetwork {
        &self.network
    }
    /// The values of a state: `[lane][episode]`, for a parameter `[lane]`.
    pub fn state(&self, state: StateId) -> &[T] {
        &self.bank[self.current[state]]
    }

    /// Gives a parameter its value, or another state its value and its initial value, in all
    /// episodes. `values` has one entry per lane, or one for all.
    pub fn set_state(&mut self, state: StateId, values: &[f64]) -> Result<(), MachineError> {
        let lanes = self.network.lanes(self.network.states[state].space);
        if values.len() != 1 && values.len() != lanes {
            return Err(MachineError::WrongLength {
                state: self.network.full_name(state),
                lanes,
                given: values.len(),
            });
        }
        self.initial[state] = values.iter().map(|v| T::from_f64(*v)).collect();
        self.set_to_initial(state);
        Ok(())
    }

    /// Rounds states from now on whenever a phase has written them, or with `None` no longer. What
    /// [`set_state`](Self::set_state) is given is not rounded.
    pub fn set_rounding(&mut self, table: Option<&SideTable<StateId, Option<StoreRounding>>>) {
        self.roundings = table.map(|t| Roundings::new(&self.network, t, self.width));
    }

    /// Seeds of the stochastic roundings, one per episode from the first on; the others keep
    /// theirs, which is 0 at the beginning.
    ///
    /// Panics if there are more seeds than episodes.
    pub fn set_draw_seeds(&mut self, seeds: &[u32]) {
        self.seeds[..seeds.len()].copy_from_slice(seeds);
    }

    /// Back to before step 1: every state at its initial value, nothing in flight (S7).
    pub fn restart(&mut self) {
        self.step = 0;
        self.reset(&ResetGroup::ALL);
        for state in self.network.states.ids() {
            self.set_to_initial(state);
        }
        for history in &mut self.histories {
            let now = &self.bank[self.current[history.state]];
            history.at.iter_mut().for_each(|at| at.copy_from_slice(now));
        }
    }

    /// A reset between two steps (S6).
    pub fn reset(&mut self, groups: &[ResetGroup]) {
        for state in self.network.states.ids() {
            let s = &self.network.states[state];
            if s.role != StateRole::Parameter && groups.contains(&s.reset) {
                self.set_to_initial(state);
            }
        }
        if groups.contains(&ResetGroup::Membrane) {
            for array in self.rings.iter().flat_map(|r| &r.arrays) {
                self.bank[*array].fill(T::ZERO);
            }
            self.pending.iter_mut().for_each(Pending::clear);
        }
        if groups.contains(&ResetGroup::Traces) {
            for flags in &mut self.flags {
                self.bank[flags.array].fill(T::ZERO);
                flags.last.fill(0);
            }
        }
        let position = if self.step == 0 { self.network.epoch as u8 } else { self.position() };
        for history in &mut self.histories {
            if groups.contains(&self.network.states[history.state].reset) {
                let now = &self.bank[self.current[history.state]];
                history.at[usize::from(position)].copy_from_slice(now);
            }
        }
    }

    /// Executes one step. `inputs` lists who fires; a population or episode without an entry is
    /// silent. Errors: an entry that does not fit the network; nothing is executed then.
    pub fn step(&mut self, inputs: &[InputSpikes<'_>]) -> Result<(), MachineError> {
        self.check_inputs(inputs)?;
        self.step += 1;
        let position = self.position();
        if position == 1 {
            for flags in &mut self.flags {
                self.bank[flags.array].fill(T::ZERO);
                flags.last.fill(0);
            }
        }
        for pending in &mut self.pending {
            pending.arrive(self.step, &mut self.bank[pending.array]);
        }
        self.run_groups(|g| g == Group::Deliver);
        for (sums, q, by_lane) in &mut self.by_episode {
            projection::flush(sums, &mut self.bank[self.current[*q]], self.width, *by_lane);
        }
        self.set_inputs(inputs);
        self.run_groups(|g| !matches!(g, Group::Deliver | Group::Plasticity));
        self.remember(position);
        if u32::from(position) == self.network.epoch {
            self.learn();
        }
        Ok(())
    }

    /// Position of the running step in its epoch, 1 to T (S5).
    fn position(&self) -> u8 {
        ((self.step - 1) % u64::from(self.network.epoch)) as u8 + 1
    }

    fn check_inputs(&self, inputs: &[InputSpikes<'_>]) -> Result<(), MachineError> {
        for input in inputs {
            let name = || self.network.spaces[input.space].name.clone();
            if !self.inputs.iter().any(|(space, _)| *space == input.space) {
                return Err(MachineError::NotAnInput(name()));
            }
            if input.episode >= self.width {
                return Err(MachineError::NoSuchEpisode(input.episode));
            }
            let n = self.network.lanes(input.space);
            if let Some(lane) = input.lanes.iter().find(|lane| **lane as usize >= n) {
                return Err(MachineError::NoSuchLane { space: name(), lane: *lane });
            }
        }
        Ok(())
    }

    fn set_inputs(&mut self, inputs: &[InputSpikes<'_>]) {
        for (space, spike) in &self.inputs {
            let array = &mut self.bank[self.current[*spike]];
            array.fill(T::ZERO);
            for input in inputs.iter().filter(|i| i.space == *space) {
                for lane in input.lanes {
                    array[*lane as usize * self.width + input.episode] = T::ONE;
                }
            }
        }
    }

    /// What later steps and this epoch's rules need to know of this step.
    fn remember(&mut self, position: u8) {
        let mut bank = std::mem::take(&mut self.bank);
        for flags in &mut self.flags {
            let mut array = std::mem::take(&mut bank[flags.array]);
            flags.record(position, &bank[self.current[flags.spike]], &mut array);
            bank[flags.array] = array;
        }
        for history in &mut self.histories {
            history.record(position, &bank[self.current[history.state]]);
        }
        for pending in &mut self.pending {
            let spikes = &bank[self.current[pending.spike]];
            pending.file(self.step, spikes, &bank[self.current[pending.delay]]);
        }
        for ring in &self.rings {
            let to = ring.of_step(self.step);
            let mut array = std::mem::take(&mut bank[to]);
            array.copy_from_slice(&bank[self.current[ring.spike]]);
            bank[to] = array;
        }
        self.bank = bank;
    }

    fn learn(&mut self) {
        let epoch = self.step.div_ceil(u64::from(self.network.epoch));
        for (k, array) in &self.every {
            let period = 1u64.checked_shl(u32::from(*k)).unwrap_or(0);
            let now = period != 0 && epoch.is_multiple_of(period);
            self.bank[*array][0] = if now { T::ONE } else { T::ZERO };
        }
        self.run_groups(|g| g == Group::Plasticity);
    }

    /// Runs the phases of some groups in order. What plasticity sets is written together (S39).
    fn run_groups(&mut self, runs: impl Fn(Group) -> bool) {
        let mut phases = std::mem::take(&mut self.phases);
        for phase in phases.iter_mut().filter(|p| runs(p.group)) {
            self.run(phase);
            if phase.group != Group::Plasticity {
                self.commit(phase);
            }
        }
        for phase in phases.iter().filter(|p| p.group == Group::Plasticity && runs(p.group)) {
            self.commit(phase);
        }
        self.phases = phases;
    }

    fn commit(&mut self, phase: &PhaseRun<T>) {
        for state in &phase.sets {
            std::mem::swap(&mut self.current[*state], &mut self.spare[*state]);
        }
        for state in &phase.clears {
            self.bank[self.current[*state]].fill(T::ZERO);
        }
    }

    fn run(&mut self, phase: &mut PhaseRun<T>) {
        match &mut phase.body {
            Body::Deliver { delivery, projection, ring, sums } => {
                let arriving = self.step.checked_sub(1 + u64::from(delivery.delay));
                // Before step 1 nothing was sent; the ring is empty then as well.
                let spikes = self.rings[*ring].of_step(arriving.unwrap_or(0));
                let weights = self.current[delivery.w];
                if let Some(sums) = *sums {
                    let (sums, _, by_lane) = &mut self.by_episode[sums];
                    let (w, s) = (&self.bank[weights], &self.bank[spikes]);
                    projection.deliver(w, s, self.width, sums, *by_lane);
                } else {
                    let q = self.current[delivery.q];
                    let mut array = std::mem::take(&mut self.bank[q]);
                    let (w, s) = (&self.bank[weights], &self.bank[spikes]);
                    projection.deliver_own(w, s, self.width, &mut array);
                    self.bank[q] = array;
                }
            }
            Body::Program { program, sources, timed } => {
                for t in &*timed {
                    let mut array = std::mem::take(&mut self.bank[t.array]);
                    let edges = program.edges().expect("internal: a rule without synapses");
                    t.fill(&self.histories, &self.flags, edges, self.width, &mut array);
                    self.bank[t.array] = array;
                }
                phase.inputs.clear();
                phase.inputs.extend(sources.iter().map(|source| match *source {
                    Source::State(state) => self.current[state],
                    Source::Array(array) => array,
                    Source::Timed(i) => timed[i].array,
                    Source::Ring(ring, delay) => {
                        let arriving = self.step.checked_sub(1 + u64::from(delay));
                        self.rings[ring].of_step(arriving.unwrap_or(0))
                    }
                }));
                phase.arrays.clear();
                phase.arrays.extend(phase.outputs.iter().map(|(state, set)| {
                    if *set { self.spare[*state] } else { self.current[*state] }
                }));
                program.run(&mut self.bank, &phase.inputs, &phase.arrays);
                if let Some(roundings) = &mut self.roundings {
                    let step = self.step as i64;
                    for ((state, _), array) in phase.outputs.iter().zip(&phase.arrays) {
                        roundings.apply(*state, step, &self.seeds, &mut self.bank[*array]);
                    }
                }
            }
        }
    }

    fn set_to_initial(&mut self, state: StateId) {
        let parameter = self.network.states[state].role == StateRole::Parameter;
        let width = if parameter { 1 } else { self.width };
        let initial = &self.initial[state];
        let array = &mut self.bank[self.current[state]];
        for (lane, row) in array.chunks_exact_mut(width).enumerate() {
            row.fill(if initial.len() == 1 { initial[0] } else { initial[lane] });
        }
    }

    fn array(&mut self, len: usize) -> usize {
        self.bank.push(vec![T::ZERO; len]);
        self.bank.len() - 1
    }

    fn allocate_states(&mut self) {
        for state in self.network.states.ids() {
            let s = &self.network.states[state];
            let lanes = self.network.lanes(s.space);
            let parameter = s.role == StateRole::Parameter;
            let len = if parameter { lanes } else { lanes * self.width };
            self.current[state] = self.array(len);
            if self.network.setter(state).is_some() {
                self.spare[state] = self.array(len);
            }
            if self.network.needs_history(state) {
                let at = vec![vec![T::ZERO; len]; self.network.epoch as usize + 1];
                self.histories.push(History { state, at });
            }
        }
    }

    fn allocate_rings(&mut self) {
        let longest = phases::longest_delays(&self.network);
        for (spike, delay) in longest.iter() {
            if let Some(delay) = *delay {
                let len = self.bank[self.current[spike]].len();
                let arrays = (0..=delay).map(|_| self.array(len)).collect();
                self.rings.push(Ring { spike, arrays });
            }
        }
    }

    /// The flags of a population's spikes, made on first use.
    fn flags_of(&mut self, spike: StateId) -> usize {
        if let Some(known) = self.flags.iter().position(|f| f.spike == spike) {
            return known;
        }
        let len = self.bank[self.current[spike]].len();
        let array = self.array(len);
        self.flags.push(Flags { spike, array, last: vec![0; len] });
        self.flags.len() - 1
    }

    fn ring_of(&self, spike: StateId) -> usize {
        let ring = self.rings.iter().position(|r| r.spike == spike);
        ring.expect("internal: an arriving spike without a ring")
    }

    fn prepare(&mut self, phase: &Phase, lanes: &SideTable<SpaceId, Lanes>) -> PhaseRun<T> {
        let body = match phases::delivery(&self.network, phase) {
            Some(delivery) => self.prepare_delivery(delivery, &lanes[phase.over]),
            None => self.prepare_program(phase, &lanes[phase.over]),
        };
        let kernel = &self.network.kernels[phase.kernel];
        let mut sets = Vec::new();
        let mut outputs = Vec::new();
        for (output, state) in kernel.outputs.iter().zip(&phase.writes) {
            let set = output.target == Target::Set;
            outputs.push((*state, set));
            if set {
                sets.push(*state);
            }
        }
        let clears = phase.reads.values().filter_map(|read| match *read {
            Read::State(s) if self.network.states[s].role == StateRole::Accumulator => Some(s),
            _ => None,
        });
        let (clears, group) = (clears.collect(), phase.group);
        PhaseRun { group, body, sets, clears, inputs: Vec::new(), outputs, arrays: Vec::new() }
    }

    fn prepare_delivery(&mut self, delivery: Delivery, lanes: &Lanes) -> Body<T> {
        let edges = lanes.edges.clone().expect("internal: delivery without synapses");
        let sums = delivery.shared.then(|| {
            let known = self.by_episode.iter().position(|(_, q, _)| *q == delivery.q);
            known.unwrap_or_else(|| {
                let len = self.bank[self.current[delivery.q]].len();
                self.by_episode.push((vec![T::ZERO; len], delivery.q, true));
                self.by_episode.len() - 1
            })
        });
        let ring = self.ring_of(delivery.spike);
        let projection = Projection::new(edges, self.width);
        if let Some(sums) = sums {
            self.by_episode[sums].2 &= projection.delivers_by_lane();
        }
        Body::Deliver { delivery, projection, ring, sums }
    }

    fn prepare_program(&mut self, phase: &Phase, lanes: &Lanes) -> Body<T> {
        let kernel = self.network.kernels[phase.kernel].clone();
        let mut sources = Vec::new();
        let mut shapes = Vec::new();
        let mut timed = Vec::new();
        for (port, read) in kernel.ports.values().zip(phase.reads.values()) {
            let mut shape = phases::shape(&self.network, port, *read);
            let source = match *read {
                Read::State(state) if port.when != When::End || port.prev => {
                    let axis = shape.axis;
                    shape.axis = shape_axis(axis, port.when);
                    timed.push(self.timed(phase, state, axis, port.when, port.prev));
                    Source::Timed(timed.len() - 1)
                }
                Read::State(state) => Source::State(state),
                Read::Arriving { spike, delay: Delay::Fixed(delay) } => {
                    Source::Ring(self.ring_of(spike), delay)
                }
                Read::Arriving { spike, delay: Delay::PerSynapse(delay) } => {
                    let array = self.array(lanes.n * self.width);
                    let edges = lanes.edges.clone().expect("internal: arrival without synapses");
                    self.pending.push(Pending::new(spike, delay, array, edges, self.width));
                    Source::Array(array)
                }
                Read::SpikedInEpoch(spike) => {
                    let flags = self.flags_of(spike);
                    Source::Array(self.flags[flags].array)
                }
                Read::EpochFlag => {
                    let k = if let Role::Every(k) = port.role { k } else { 0 };
                    let array = self.array(1);
                    self.every.push((k, array));
                    Source::Array(array)
                }
            };
            sources.push(source);
            shapes.push(shape);
        }
        let sinks: Vec<Option<Sink>> = kernel
            .outputs
            .iter()
            .zip(&phase.writes)
            .map(|(output, state)| {
                let clamp = self.network.states[*state].range;
                Some(Sink { target: output.target, clamp })
            })
            .collect();
        let program = Program::new(&kernel, &shapes, &sinks, lanes, self.width);
        Body::Program { program, sources, timed }
    }

    fn timed(
        &mut self,
        phase: &Phase,
        state: StateId,
        axis: Axis,
        when: When,
        prev: bool,
    ) -> Timed {
        let synapses = self.network.synapses(phase.over);
        let ends = synapses.map(|s| (s.pre, s.post)).expect("internal: a rule without synapses");
        let clock = match when {
            When::End => None,
            When::AtPre => self.network.spikes(ends.0),
            When::AtPost => self.network.spikes(ends.1),
        };
        let clock = clock.map(|spike| self.flags_of(spike));
        let history = self.histories.iter().position(|h| h.state == state);
        let history = history.expect("internal: a past reading without history");
        let lanes = match shape_axis(axis, when) {
            Axis::Own => self.network.lanes(phase.over),
            _ => self.network.lanes(self.network.states[state].space),
        };
        let array = self.array(lanes * self.width);
        Timed { history, axis, when, prev, clock, array }
    }
}
