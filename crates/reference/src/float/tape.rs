//! A network run forwards and then backwards through time.
//!
//! [`Tape::forward`] executes steps and keeps a checkpoint at the start of every segment.
//! [`Tape::backward`] goes through the segments from the last to the first: it executes one again,
//! now keeping the values its reverse needs, and then runs the [adjoint](crate::adjoint()) of every
//! phase in reverse order. Memory is one segment plus the checkpoints; work is two forward runs and
//! one reverse run. Nothing here knows a loss: the caller reads states as they pass and adds
//! cotangents to them on the way back.
//!
//! Not here: several tiles of episodes at once (give each thread a tape), losses, optimisers.

use super::activity;
use super::machine::MachineError;
use super::phases::{self, Delivery};
use super::program::{Lanes, NOWHERE, Program, Sink};
use super::projection::{self, Projection};
use super::real::Real;
use super::reverse::{self, Reverse};
use super::rounding::{Roundings, StoreRounding};
use std::fmt;
use trifactor_entity::SideTable;
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Phase, PhaseId, Read, SpaceId, StateId, StateRole, When,
};

/// What a tape is for.
#[derive(Clone, Copy, Debug)]
pub struct TapeOptions<'a> {
    /// Episodes side by side. Multiples of 8 are fast; 16 measured best for `f32`.
    pub episodes: usize,
    /// Steps between checkpoints.
    pub segment: usize,
    /// States whose gradient is wanted: parameters, or variables for that of the initial value.
    pub wrt: &'a [StateId],
    /// States to which the caller will add cotangents.
    pub observed: &'a [StateId],
}

/// A network cannot be run backwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TapeError {
    /// A phase uses something whose reverse does not exist.
    NoReverse {
        /// The phase.
        phase: String,
        /// What it uses.
        what: &'static str,
    },
}

impl fmt::Display for TapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReverse { phase, what } => {
                write!(f, "'{phase}' cannot be run backwards: it uses {what}")
            }
        }
    }
}

impl std::error::Error for TapeError {}

/// The arrays of a state at different steps.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    pub arrays: Vec<usize>,
    /// How many of them a plain forward run goes round in.
    few: usize,
}

/// A network that can be run forwards and backwards. State has the layout `[lane][episode]`.
#[derive(Clone, Debug)]
pub struct Tape<T> {
    pub(super) network: CheckedNetwork,
    pub(super) width: usize,
    segment: usize,
    pub(super) bank: Vec<Vec<T>>,
    slots: SideTable<StateId, Slots>,
    /// Whether the running pass keeps all values of a segment.
    keeping: bool,
    delays: SideTable<StateId, usize>,
    initial: SideTable<StateId, Vec<T>>,
    forward: Vec<Forward<T>>,
    sums: Vec<Sums>,
    inputs: Vec<(SpaceId, StateId)>,
    checkpoints: Vec<Vec<T>>,
    steps: u64,
    /// How states are rounded when a phase has written them, if they are.
    roundings: Option<Roundings>,
    /// Seeds of stochastic roundings, one per episode.
    seeds: Vec<u32>,
    pub(super) reverse: Reverse<T>,
}

/// Sums over shared weights.
#[derive(Clone, Copy, Debug)]
struct Sums {
    /// Position in the bank.
    array: usize,
    /// The accumulator they are added to.
    q: StateId,
    /// Whether they are `[lane][episode]` instead of `[episode][lane]`.
    by_lane: bool,
}

#[derive(Clone, Debug)]
enum Body<T> {
    /// `sums` is a position in the list of the tape.
    Deliver {
        delivery: Delivery,
        projection: Projection<T>,
        sums: Option<usize>,
    },
    Program(Program<T>),
}

#[derive(Clone, Debug)]
struct Forward<T> {
    id: PhaseId,
    body: Body<T>,
    /// Whose array each input is, and of how many steps ago.
    reads: Vec<(StateId, i64)>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

/// States at the end of a step.
pub struct TapeView<'a, T> {
    tape: &'a Tape<T>,
    step: u64,
}

impl<T: Real> TapeView<'_, T> {
    /// The values of a state: `[lane][episode]`, for a parameter `[lane]`.
    pub fn state(&self, state: StateId) -> &[T] {
        &self.tape.bank[self.tape.slot(state, self.step as i64)]
    }
}

/// Cotangents at the end of a step, to be added to.
pub struct Cotangents<'a, T> {
    pub(super) tape: &'a mut Tape<T>,
    pub(super) step: i64,
}

impl<T: Real> Cotangents<'_, T> {
    /// The cotangent of an observed state, `[lane][episode]`; empty for a state that nothing
    /// trained can change.
    pub fn of(&mut self, state: StateId) -> &mut [T] {
        let array = self.tape.reverse.cotangent(state, self.step);
        if array == NOWHERE { &mut [] } else { &mut self.tape.bank[array] }
    }
}

impl<T: Real> Tape<T> {
    /// A tape at step 0. Errors: a phase on the way of a gradient reads delays of single synapses,
    /// spike flags or past values, whose reverse does not exist.
    pub fn new(network: &CheckedNetwork, options: &TapeOptions<'_>) -> Result<Self, TapeError> {
        let active = activity::active(network, options.wrt, options.observed);
        reverse::check(network)?;
        let lanes = phases::lanes(network, options.episodes.max(1));
        let mut tape = Self {
            width: options.episodes.max(1),
            segment: options.segment.max(1),
            bank: Vec::new(),
            slots: SideTable::for_each(&network.states, |_, _| Slots {
                arrays: Vec::new(),
                few: 1,
            }),
            keeping: false,
            delays: activity::longest_delays(network),
            initial: SideTable::for_each(&network.states, |id, s| {
                let n = network.lanes(network.states[id].space);
                (0..n).map(|lane| T::from_f64(s.init.at(lane))).collect()
            }),
            forward: Vec::new(),
            sums: Vec::new(),
            inputs: network
                .inputs()
                .into_iter()
                .filter_map(|space| Some((space, network.spikes(space)?)))
                .collect(),
            checkpoints: Vec::new(),
            steps: 0,
            roundings: None,
            seeds: vec![0; options.episodes.max(1)],
            reverse: Reverse::empty(network),
            network: network.clone(),
        };
        tape.reverse = tape.plan_reverse(&lanes, &active, options.wrt);
        tape.allocate_slots();
        for (id, phase) in network.phases.iter() {
            let forward = tape.prepare(id, phase, &lanes[phase.over]);
            tape.forward.push(forward);
        }
        for state in network.states.ids() {
            tape.set_to_initial(state);
        }
        Ok(tape)
    }

    /// Gives a parameter its value, or another state its initial value, in all episodes. `values`
    /// has one entry per lane, or one for all.
    pub fn set_state(&mut self, state: StateId, values: &[f64]) -> Result<(), MachineError> {
        let lanes = self.initial[state].len();
        if values.len() != 1 && values.len() != lanes {
            return Err(MachineError::WrongLength {
                state: self.network.full_name(state),
                lanes,
                given: values.len(),
            });
        }
        for (lane, value) in self.initial[state].iter_mut().enumerate() {
            *value = T::from_f64(values[if values.len() == 1 { 0 } else { lane }]);
        }
        self.set_to_initial(state);
        Ok(())
    }

    /// Rounds states from now on whenever a phase has written them, or with `None` no longer.
    ///
    /// Draws depend on seed, step and lane alone, so the backward run meets the same values. The
    /// gradient passes a rounding unchanged; where the author's range clamps, it still ends. What
    /// [`set_state`](Self::set_state) is given is not rounded.
    pub fn set_rounding(&mut self, table: Option<&SideTable<StateId, Option<StoreRounding>>>) {
        self.roundings = table.map(|t| Roundings::new(&self.network, t, self.width));
    }

    /// Seeds of the stochastic roundings, one per episode from the first on; the others keep theirs,
    /// which is 0 at the beginning.
    ///
    /// Panics if there are more seeds than episodes.
    pub fn set_draw_seeds(&mut self, seeds: &[u32]) {
        self.seeds[..seeds.len()].copy_from_slice(seeds);
    }

    /// Runs a trial of so many steps from the initial values (S7). `stimulus` fills the spikes of
    /// each input population in each step, `[lane][episode]`; `observe` sees every step's end.
    pub fn forward(
        &mut self,
        steps: u64,
        stimulus: &mut dyn FnMut(u64, SpaceId, &mut [T]),
        observe: &mut dyn FnMut(u64, &TapeView<'_, T>),
    ) {
        self.steps = steps;
        self.keeping = false;
        for state in self.network.states.ids() {
            self.set_to_initial(state);
        }
        let mut n_segments = 0;
        for step in 1..=steps {
            if (step - 1).is_multiple_of(self.segment as u64) {
                self.save(n_segments, step as i64 - 1);
                n_segments += 1;
            }
            self.execute(step as i64, stimulus);
            observe(step, &TapeView { tape: self, step });
        }
    }

    /// Runs the last forward trial backwards. `stimulus` must give the same spikes again;
    /// `cotangents` is called for every step, last first, and adds the derivative of the loss with
    /// respect to the states at the end of that step. Gradients are then read with
    /// [`gradient`](Self::gradient).
    pub fn backward(
        &mut self,
        stimulus: &mut dyn FnMut(u64, SpaceId, &mut [T]),
        cotangents: &mut dyn FnMut(u64, &mut Cotangents<'_, T>),
    ) {
        self.clear_cotangents();
        let segment = self.segment as u64;
        for s in (0..self.steps.div_ceil(segment)).rev() {
            let (before, end) = (s * segment, ((s + 1) * segment).min(self.steps));
            self.keeping = true;
            self.restore(s as usize, before as i64);
            for step in before + 1..=end {
                self.execute(step as i64, stimulus);
            }
            for step in (before + 1..=end).rev() {
                cotangents(step, &mut Cotangents { tape: self, step: step as i64 });
                self.execute_reverse(step as i64);
            }
        }
        self.keeping = false;
    }

    /// The gradient with respect to a parameter, or to the initial value of a variable, summed
    /// over episodes. Shape: `[lane]`. `None` for a state that was not asked for in `wrt`, or
    /// that changes nothing observed.
    pub fn gradient(&self, state: StateId) -> Option<Vec<T>> {
        let arrays = self.reverse.gradient(state)?;
        let lanes = self.network.lanes(self.network.states[state].space);
        let mut gradient = vec![T::ZERO; lanes];
        for (array, per_episode) in arrays {
            let width = if per_episode { self.width } else { 1 };
            for (sum, row) in gradient.iter_mut().zip(self.bank[array].chunks_exact(width)) {
                row.iter().for_each(|x| *sum += *x);
            }
        }
        Some(gradient)
    }

    /// The array of a state at the end of a step.
    pub(super) fn slot(&self, state: StateId, step: i64) -> usize {
        let slots = &self.slots[state];
        let n = if self.keeping { slots.arrays.len() } else { slots.few };
        // Steps before the first are asked for by delays.
        slots.arrays[(step + 64 * n as i64) as usize % n]
    }

    /// The state that an input of a phase reads, and from how many steps ago.
    pub(super) fn source(&self, id: PhaseId, read: Read) -> (StateId, i64) {
        match read {
            Read::State(state) => (state, i64::from(reads_old(&self.network, id, state))),
            Read::Arriving { spike, delay: Delay::Fixed(d) } => (spike, 1 + i64::from(d)),
            Read::Arriving { .. } | Read::SpikedInEpoch(_) | Read::EpochFlag => {
                unreachable!("internal: refused by reverse::check")
            }
        }
    }

    fn execute(&mut self, step: i64, stimulus: &mut dyn FnMut(u64, SpaceId, &mut [T])) {
        for state in self.network.states.ids() {
            if self.network.states[state].role == StateRole::Accumulator {
                let array = self.slot(state, step);
                self.bank[array].fill(T::ZERO);
            }
        }
        let learns = step % i64::from(self.network.epoch) == 0;
        let mut delivering = true;
        let mut forward = std::mem::take(&mut self.forward);
        for phase in &mut forward {
            let group = self.network.phases[phase.id].group;
            if delivering && group != Group::Deliver {
                delivering = false;
                self.finish_delivery(step, stimulus);
            }
            if group == Group::Plasticity && !learns {
                self.carry(phase.id, step);
            } else {
                self.run(phase, step);
            }
        }
        if delivering {
            self.finish_delivery(step, stimulus);
        }
        self.forward = forward;
    }

    fn finish_delivery(&mut self, step: i64, stimulus: &mut dyn FnMut(u64, SpaceId, &mut [T])) {
        for i in 0..self.sums.len() {
            let Sums { array: sums, q, by_lane } = self.sums[i];
            let mut array = std::mem::take(&mut self.bank[sums]);
            let q = self.slot(q, step);
            projection::flush(&mut array, &mut self.bank[q], self.width, by_lane);
            self.bank[sums] = array;
        }
        for (space, spike) in &self.inputs {
            let array = self.slot(*spike, step);
            stimulus(step as u64, *space, &mut self.bank[array]);
        }
    }

    /// Copies what a rule would have set to the next step.
    fn carry(&mut self, id: PhaseId, step: i64) {
        for i in 0..self.network.phases[id].writes.len() {
            let state = self.network.phases[id].writes[i];
            let (from, to) = (self.slot(state, step - 1), self.slot(state, step));
            let mut array = std::mem::take(&mut self.bank[to]);
            array.copy_from_slice(&self.bank[from]);
            self.bank[to] = array;
        }
    }

    fn run(&mut self, forward: &mut Forward<T>, step: i64) {
        match &mut forward.body {
            Body::Deliver { delivery, projection, sums } => {
                let spikes = self.slot(delivery.spike, step - 1 - i64::from(delivery.delay));
                // A weight that a rule sets later in the step is still that of the step before.
                let (w, ago) = forward.reads[0];
                let weights = self.slot(w, step - ago);
                let sums = sums.map(|i| self.sums[i]);
                let target = sums.map_or_else(|| self.slot(delivery.q, step), |s| s.array);
                let mut array = std::mem::take(&mut self.bank[target]);
                let (w, s) = (&self.bank[weights], &self.bank[spikes]);
                match sums {
                    Some(sums) => projection.deliver(w, s, self.width, &mut array, sums.by_lane),
                    None => projection.deliver_own(w, s, self.width, &mut array),
                }
                self.bank[target] = array;
            }
            Body::Program(program) => {
                let phase = &self.network.phases[forward.id];
                forward.inputs.clear();
                let reads = &forward.reads;
                forward.inputs.extend(reads.iter().map(|(s, ago)| self.slot(*s, step - ago)));
                forward.outputs.clear();
                forward.outputs.extend(phase.writes.iter().map(|s| self.slot(*s, step)));
                program.run(&mut self.bank, &forward.inputs, &forward.outputs);
                if let Some(roundings) = &mut self.roundings {
                    for (state, array) in phase.writes.iter().zip(&forward.outputs) {
                        roundings.apply(*state, step, &self.seeds, &mut self.bank[*array]);
                    }
                }
            }
        }
    }

    /// Values that a segment starts from.
    fn carried(&self, step: i64) -> Vec<usize> {
        let mut arrays = Vec::new();
        for (state, s) in self.network.states.iter() {
            if matches!(s.role, StateRole::Variable | StateRole::Spike) {
                let back = self.delays[state] as i64;
                arrays.extend((0..=back).map(|d| self.slot(state, step - d)));
            }
        }
        arrays
    }

    fn save(&mut self, segment: usize, step: i64) {
        let arrays = self.carried(step);
        if self.checkpoints.len() <= segment {
            self.checkpoints.push(Vec::new());
        }
        let checkpoint = &mut self.checkpoints[segment];
        checkpoint.clear();
        arrays.into_iter().for_each(|a| checkpoint.extend_from_slice(&self.bank[a]));
    }

    fn restore(&mut self, segment: usize, step: i64) {
        let mut rest: &[T] = &self.checkpoints[segment];
        for array in self.carried(step) {
            let array = &mut self.bank[array];
            let (now, later) = rest.split_at(array.len());
            array.copy_from_slice(now);
            rest = later;
        }
    }

    fn set_to_initial(&mut self, state: StateId) {
        let role = self.network.states[state].role;
        let width = if role == StateRole::Parameter { 1 } else { self.width };
        for array in &self.slots[state].arrays {
            for (row, value) in self.bank[*array].chunks_exact_mut(width).zip(&self.initial[state])
            {
                row.fill(*value);
            }
        }
        if role == StateRole::Spike {
            // Nothing was sent before the first step.
            for d in 1..=self.delays[state] as i64 {
                let array = self.slot(state, -d);
                self.bank[array].fill(T::ZERO);
            }
        }
    }

    pub(super) fn array(&mut self, len: usize) -> usize {
        self.bank.push(vec![T::ZERO; len]);
        self.bank.len() - 1
    }

    fn allocate_slots(&mut self) {
        for state in self.network.states.ids() {
            let s = &self.network.states[state];
            let lanes = self.network.lanes(s.space);
            let back = self.delays[state];
            let set = self.network.setter(state).is_some() || s.role == StateRole::Spike;
            let few = match s.role {
                StateRole::Parameter | StateRole::Accumulator => 1,
                StateRole::Variable | StateRole::Spike if set => 2 + back,
                StateRole::Variable | StateRole::Spike => 1,
            };
            let all = match s.role {
                StateRole::Parameter => 1,
                _ if self.reverse.needs(state) && (set || s.role == StateRole::Accumulator) => {
                    few.max(self.segment + 1 + back)
                }
                _ => few,
            };
            let len = lanes * if s.role == StateRole::Parameter { 1 } else { self.width };
            let arrays = (0..all).map(|_| self.array(len)).collect();
            self.slots[state] = Slots { arrays, few };
        }
    }

    fn prepare(&mut self, id: PhaseId, phase: &Phase, lanes: &Lanes) -> Forward<T> {
        let body = match phases::delivery(&self.network, phase) {
            Some(delivery) => {
                let edges = lanes.edges.clone().expect("internal: delivery without synapses");
                let projection = Projection::new(edges, self.width);
                let sums = delivery.shared.then(|| self.sums_of(delivery.q));
                if let Some(sums) = sums {
                    self.sums[sums].by_lane &= projection.delivers_by_lane();
                }
                Body::Deliver { delivery, projection, sums }
            }
            None => {
                let kernel = &self.network.kernels[phase.kernel];
                let shapes: Vec<_> = kernel
                    .ports
                    .values()
                    .zip(phase.reads.values())
                    .map(|(port, read)| phases::shape(&self.network, port, *read))
                    .collect();
                let sinks: Vec<_> = kernel
                    .outputs
                    .iter()
                    .zip(&phase.writes)
                    .map(|(output, state)| {
                        let clamp = self.network.states[*state].range;
                        Some(Sink { target: output.target, clamp })
                    })
                    .collect();
                Body::Program(Program::new(kernel, &shapes, &sinks, lanes, self.width))
            }
        };
        let reads = phase.reads.values().map(|read| self.source(id, *read)).collect();
        Forward { id, body, reads, inputs: Vec::new(), outputs: Vec::new() }
    }

    fn sums_of(&mut self, q: StateId) -> usize {
        if let Some(known) = self.sums.iter().position(|s| s.q == q) {
            return known;
        }
        let len = self.network.lanes(self.network.states[q].space) * self.width;
        let array = self.array(len);
        self.sums.push(Sums { array, q, by_lane: true });
        self.sums.len() - 1
    }
}

/// Whether a phase sees a state as it was before the step: it is set by this phase or a later one,
/// or by another rule of the same step, since rules write together (S39).
pub(super) fn reads_old(network: &CheckedNetwork, id: PhaseId, state: StateId) -> bool {
    let Some((setter, _)) = network.setter(state) else {
        return false;
    };
    let together = network.phases[setter].group == Group::Plasticity
        && network.phases[id].group == Group::Plasticity;
    setter >= id || together
}

/// Whether an input asks for something that only exists forwards.
pub(super) fn past(phase: &Phase, network: &CheckedNetwork) -> bool {
    let ports = &network.kernels[phase.kernel].ports;
    ports.values().any(|p| p.prev || p.when != When::End)
}
