//! One step of a network in reverse: the adjoint of every phase, last phase first.
//!
//! Each state has a cotangent array. A phase that sets a state consumes its cotangent: what is
//! left there afterwards belongs to the value before the step. A phase that reads a state adds to
//! it. A spike has as many cotangents as steps it may still be in flight.

use super::activity::{self, Active, state_of};
use super::phases::{self, Delivery};
use super::program::{Lanes, NOWHERE, Program, Shape, Sink};
use super::projection::{self, Projection};
use super::real::Real;
use super::tape::{Tape, TapeError, past};
use crate::adjoint::adjoint_within;
use trifactor_entity::SideTable;
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Kernel, Phase, PhaseId, PortId, Read, Role, SpaceId, StateId,
    StateRole, Target,
};

/// Cotangents of one state. Shape of each array: `[lane][episode]`.
#[derive(Clone, Debug, Default)]
struct Cotangent {
    /// That of step t is in `t mod len`. Empty for states without gradients.
    arrays: Vec<usize>,
    spare: usize,
}

/// Gradient of a parameter.
#[derive(Clone, Copy, Debug, Default)]
struct Gradient {
    /// Per episode, `[lane][episode]`.
    spread: Option<usize>,
    /// Summed already, `[lane]`: weights of recognised delivery.
    summed: Option<usize>,
}

/// The reverse side of a [`Tape`].
#[derive(Clone, Debug)]
pub(super) struct Reverse<T> {
    /// States whose values the reverse reads.
    needed: SideTable<StateId, bool>,
    cotangents: SideTable<StateId, Cotangent>,
    gradients: SideTable<StateId, Gradient>,
    wanted: SideTable<StateId, bool>,
    /// In reverse order.
    phases: Vec<ReversePhase<T>>,
    /// Cotangents of accumulators as `[episode][lane]`.
    by_episode: Vec<(usize, StateId)>,
}

#[derive(Clone, Debug)]
struct ReversePhase<T> {
    group: Group,
    body: Body<T>,
}

#[derive(Clone, Debug)]
// A phase list holds one of these per phase; boxing the larger one would add a lookup per step.
#[allow(clippy::large_enum_variant)]
enum Body<T> {
    Deliver {
        delivery: Delivery,
        projection: Projection<T>,
        /// Cotangent of the target by episode, and gradient of the weights.
        weights: Option<(usize, usize)>,
        spikes: bool,
    },
    Program {
        program: Program<T>,
        sources: Vec<Source>,
        dests: Vec<Dest>,
        /// States set by the phase whose cotangent it consumes, and whether a new one is in the
        /// spare array.
        consumes: Vec<(StateId, bool)>,
        inputs: Vec<usize>,
        outputs: Vec<usize>,
    },
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// A value the forward phase read, of so many steps ago, or wrote.
    Value(StateId, i64),
    Cotangent(StateId),
    /// An input that nothing needs.
    Unused,
}

#[derive(Clone, Copy, Debug)]
enum Dest {
    Gradient(usize),
    Spare(StateId),
    /// That of so many steps ago.
    Cotangent(StateId, i64),
    /// An array of its own, added to the cotangent afterwards.
    Extra(usize, StateId, i64),
    Nowhere,
}

impl<T: Real> Reverse<T> {
    pub fn empty(network: &CheckedNetwork) -> Self {
        Self {
            needed: SideTable::for_each(&network.states, |_, _| false),
            cotangents: SideTable::for_each(&network.states, |_, _| Cotangent::default()),
            gradients: SideTable::for_each(&network.states, |_, _| Gradient::default()),
            wanted: SideTable::for_each(&network.states, |_, _| false),
            phases: Vec::new(),
            by_episode: Vec::new(),
        }
    }

    /// Whether values of a state must be kept.
    pub fn needs(&self, state: StateId) -> bool {
        self.needed[state]
    }

    /// The array with the cotangent of a state at the end of a step, or [`NOWHERE`].
    pub fn cotangent(&self, state: StateId, step: i64) -> usize {
        let arrays = &self.cotangents[state].arrays;
        if arrays.is_empty() {
            return self.gradients[state].spread.unwrap_or(NOWHERE);
        }
        arrays[step.rem_euclid(arrays.len() as i64) as usize]
    }

    /// Arrays that add up to the gradient of a state, and whether they are per episode.
    pub fn gradient(&self, state: StateId) -> Option<Vec<(usize, bool)>> {
        if !self.wanted[state] {
            return None;
        }
        let g = self.gradients[state];
        let cotangent = self.cotangent(state, 0);
        let mut arrays = Vec::new();
        arrays.extend(g.summed.map(|a| (a, false)));
        arrays.extend((cotangent != NOWHERE).then_some((cotangent, true)));
        Some(arrays)
    }
}

/// Refuses what has no reverse.
pub(super) fn check(network: &CheckedNetwork) -> Result<(), TapeError> {
    for (id, phase) in network.phases.iter() {
        let refuse = |what| Err(TapeError::NoReverse { phase: phase.name.clone(), what });
        if past(phase, network) {
            return refuse("values of a past step");
        }
        for read in phase.reads.values() {
            match *read {
                Read::Arriving { delay: Delay::PerSynapse(_), .. } => {
                    return refuse("delays of single synapses");
                }
                Read::SpikedInEpoch(_) => return refuse("spike flags"),
                Read::EpochFlag => return refuse("the epoch flag"),
                Read::State(state) if phase.group == Group::Plasticity => {
                    let role = network.states[state].role;
                    if role == StateRole::Accumulator {
                        return refuse("an accumulator in a rule");
                    }
                    let setter = network.setter(state).map(|(setter, _)| setter);
                    if setter
                        .is_some_and(|s| s != id && network.phases[s].group == Group::Plasticity)
                    {
                        return refuse("a variable of another rule");
                    }
                }
                Read::State(_) | Read::Arriving { .. } => {}
            }
        }
    }
    Ok(())
}

impl<T: Real> Tape<T> {
    pub(super) fn plan_reverse(
        &mut self,
        lanes: &SideTable<SpaceId, Lanes>,
        active: &Active,
        wrt: &[StateId],
    ) -> Reverse<T> {
        let network = self.network.clone();
        let delays = activity::longest_delays(&network);
        let mut reverse = Reverse::empty(&network);
        for state in wrt {
            reverse.wanted[*state] = active[*state];
        }
        for (state, s) in network.states.iter() {
            if active[state] && s.role != StateRole::Parameter {
                let len = network.lanes(s.space) * self.width;
                let arrays = (0..=delays[state]).map(|_| self.array(len)).collect();
                reverse.cotangents[state] = Cotangent { arrays, spare: self.array(len) };
            }
        }
        for (id, phase) in network.phases.iter().rev() {
            if !phase.writes.iter().any(|s| active[*s]) {
                continue;
            }
            let lanes = &lanes[phase.over];
            let body = match phases::delivery(&network, phase).filter(|d| d.shared) {
                Some(delivery) => self.reverse_delivery(&mut reverse, delivery, lanes, active),
                None => self.reverse_program(&mut reverse, id, phase, lanes, active),
            };
            reverse.phases.push(ReversePhase { group: phase.group, body });
        }
        reverse
    }

    fn reverse_delivery(
        &mut self,
        reverse: &mut Reverse<T>,
        delivery: Delivery,
        lanes: &Lanes,
        active: &Active,
    ) -> Body<T> {
        let edges = lanes.edges.clone().expect("internal: delivery without synapses");
        let weights = active[delivery.w].then(|| {
            reverse.needed[delivery.spike] = true;
            let known = reverse.by_episode.iter().find(|(_, q)| *q == delivery.q);
            let by_episode = known.map(|(array, _)| *array).unwrap_or_else(|| {
                let lanes = self.network.lanes(self.network.states[delivery.q].space);
                let array = self.array(lanes * self.width);
                reverse.by_episode.push((array, delivery.q));
                array
            });
            let gradient = &mut reverse.gradients[delivery.w].summed;
            (by_episode, *gradient.get_or_insert_with(|| self.array(lanes.n)))
        });
        let spikes = active[delivery.spike];
        Body::Deliver { delivery, projection: Projection::new(edges, self.width), weights, spikes }
    }

    fn reverse_program(
        &mut self,
        reverse: &mut Reverse<T>,
        id: PhaseId,
        phase: &Phase,
        lanes: &Lanes,
        active: &Active,
    ) -> Body<T> {
        let network = self.network.clone();
        let forward = &network.kernels[phase.kernel];
        // Results without gradients would only make the reverse longer.
        let kept: Vec<usize> =
            (0..forward.outputs.len()).filter(|i| active[phase.writes[*i]]).collect();
        let outputs = kept.iter().map(|i| forward.outputs[*i].clone()).collect();
        let kernel = Kernel { outputs, ..forward.clone() };
        let written: Vec<StateId> = kept.iter().map(|i| phase.writes[*i]).collect();
        let ranges: Vec<_> = kernel
            .outputs
            .iter()
            .zip(&written)
            .map(|(o, s)| network.states[*s].range.filter(|_| o.target == Target::Set))
            .collect();
        let adjoint = adjoint_within(&kernel, &ranges);

        let value = |read: &Read| {
            let (state, ago) = self.source(id, *read);
            Source::Value(state, ago)
        };
        let mut sources: Vec<Source> = phase.reads.values().map(value).collect();
        sources.extend(written.iter().map(|s| Source::Cotangent(*s)));
        let ranged = written.iter().zip(&ranges).filter(|(_, r)| r.is_some());
        sources.extend(ranged.map(|(s, _)| Source::Value(*s, 0)));
        let shapes: Vec<Shape> = adjoint
            .ports
            .values()
            .zip(&sources)
            .map(|(port, source)| {
                let (Source::Value(s, _) | Source::Cotangent(s)) = *source else {
                    unreachable!("internal: not made yet")
                };
                phases::shape(&network, port, Read::State(s))
            })
            .collect();

        let sets: Vec<StateId> = kernel
            .outputs
            .iter()
            .zip(&written)
            .filter(|(o, _)| o.target == Target::Set)
            .map(|(_, s)| *s)
            .collect();
        let mut consumes: Vec<(StateId, bool)> = sets.iter().map(|s| (*s, false)).collect();
        let mut dests = Vec::new();
        let mut sinks = Vec::new();
        for output in &adjoint.outputs {
            let port = port_of(&kernel, &output.variable);
            let (read, role) = (phase.reads[port], kernel.ports[port].role);
            let wanted = state_of(read).filter(|s| active[*s]);
            let (dest, target) = match wanted {
                None => (Dest::Nowhere, None),
                Some(state) => {
                    let ago = self.source(id, read).1;
                    let (dest, target) = self.dest(
                        reverse,
                        (state, ago),
                        role,
                        output.target,
                        &mut consumes,
                        &dests,
                    );
                    (dest, Some(target))
                }
            };
            dests.push(dest);
            sinks.push(target.map(|target| Sink { target, clamp: None }));
        }
        let program = Program::new(&adjoint, &shapes, &sinks, lanes, self.width);
        for (i, source) in sources.iter_mut().enumerate() {
            if !program.uses_port(i) {
                *source = Source::Unused;
                continue;
            }
            match *source {
                Source::Value(state, _) => reverse.needed[state] = true,
                Source::Cotangent(_) | Source::Unused => {}
            }
        }
        debug_assert!(written.iter().all(|s| network.setter(*s).is_none_or(|(p, _)| p == id)));
        Body::Program { program, sources, dests, consumes, inputs: Vec::new(), outputs: Vec::new() }
    }

    /// Where the gradient of an input goes, and how.
    fn dest(
        &mut self,
        reverse: &mut Reverse<T>,
        (state, ago): (StateId, i64),
        role: Role,
        target: Target,
        consumes: &mut [(StateId, bool)],
        earlier: &[Dest],
    ) -> (Dest, Target) {
        let s = &self.network.states[state];
        let len = self.network.lanes(s.space) * self.width;
        if s.role == StateRole::Parameter {
            if let Some(spread) = reverse.gradients[state].spread
                && earlier.iter().any(|d| matches!(d, Dest::Gradient(a) if *a == spread))
            {
                return (Dest::Extra(self.array(len), state, ago), target);
            }
            let spread = &mut reverse.gradients[state].spread;
            return (Dest::Gradient(*spread.get_or_insert_with(|| self.array(len))), target);
        }
        let taken = earlier.iter().any(|d| {
            matches!(d, Dest::Spare(s) | Dest::Cotangent(s, _) | Dest::Extra(_, s, _) if *s == state)
        });
        let consumed = consumes.iter_mut().find(|(s, _)| *s == state);
        let single = reverse.cotangents[state].arrays.len() == 1;
        match consumed {
            Some((_, in_spare)) if single && !taken && role == Role::Own => {
                *in_spare = true;
                (Dest::Spare(state), Target::Set)
            }
            Some(_) => (Dest::Extra(self.array(len), state, ago), target),
            None if taken => (Dest::Extra(self.array(len), state, ago), target),
            None if s.role == StateRole::Accumulator => (Dest::Cotangent(state, ago), Target::Set),
            None => (Dest::Cotangent(state, ago), target),
        }
    }

    pub(super) fn clear_cotangents(&mut self) {
        for state in self.network.states.ids() {
            let gradient = self.reverse.gradients[state];
            let cotangent = &self.reverse.cotangents[state].arrays;
            for array in cotangent.iter().chain(&gradient.spread).chain(&gradient.summed) {
                self.bank[*array].fill(T::ZERO);
            }
        }
    }

    /// The reverse of one step. The values of this step and the one before must be kept.
    pub(super) fn execute_reverse(&mut self, step: i64) {
        let learns = step % i64::from(self.network.epoch) == 0;
        let mut phases = std::mem::take(&mut self.reverse.phases);
        let mut delivered = false;
        for phase in &mut phases {
            match phase.group {
                Group::Plasticity if !learns => continue,
                Group::Deliver if !delivered => {
                    delivered = true;
                    self.spread_by_episode(step);
                }
                _ => {}
            }
            match &mut phase.body {
                Body::Deliver { delivery, projection, weights, spikes } => {
                    self.run_reverse_delivery(*delivery, projection, *weights, *spikes, step);
                }
                Body::Program { .. } => self.run_reverse_program(phase, step),
            }
        }
        self.reverse.phases = phases;
    }

    fn spread_by_episode(&mut self, step: i64) {
        for i in 0..self.reverse.by_episode.len() {
            let (to, q) = self.reverse.by_episode[i];
            let from = self.reverse.cotangent(q, step);
            let mut array = std::mem::take(&mut self.bank[to]);
            projection::transpose(&self.bank[from], &mut array, self.width);
            self.bank[to] = array;
        }
    }

    fn run_reverse_delivery(
        &mut self,
        delivery: Delivery,
        projection: &Projection<T>,
        weights: Option<(usize, usize)>,
        spikes: bool,
        step: i64,
    ) {
        let sent = step - 1 - i64::from(delivery.delay);
        if let Some((by_episode, gradient)) = weights {
            let s = self.slot(delivery.spike, sent);
            let mut dw = std::mem::take(&mut self.bank[gradient]);
            let (s, d) = (&self.bank[s], &self.bank[by_episode]);
            projection.add_weight_gradient(&mut dw, s, self.width, d);
            self.bank[gradient] = dw;
        }
        if spikes {
            let target = self.reverse.cotangent(delivery.spike, sent);
            let d = self.reverse.cotangent(delivery.q, step);
            let w = self.slot(delivery.w, step);
            let mut ds = std::mem::take(&mut self.bank[target]);
            projection.add_spike_gradient(&mut ds, &self.bank[w], &self.bank[d], self.width);
            self.bank[target] = ds;
        }
    }

    fn run_reverse_program(&mut self, phase: &mut ReversePhase<T>, step: i64) {
        let Body::Program { program, sources, dests, consumes, inputs, outputs } = &mut phase.body
        else {
            return;
        };
        inputs.clear();
        inputs.extend(sources.iter().map(|source| match *source {
            Source::Value(state, ago) => self.slot(state, step - ago),
            Source::Cotangent(state) => self.reverse.cotangent(state, step),
            Source::Unused => NOWHERE,
        }));
        outputs.clear();
        for dest in &*dests {
            outputs.push(match *dest {
                Dest::Gradient(array) => array,
                Dest::Spare(state) => self.reverse.cotangents[state].spare,
                Dest::Cotangent(state, ago) => self.reverse.cotangent(state, step - ago),
                Dest::Extra(array, ..) => {
                    self.bank[array].fill(T::ZERO);
                    array
                }
                Dest::Nowhere => NOWHERE,
            });
        }
        program.run(&mut self.bank, inputs, outputs);
        for (state, in_spare) in &*consumes {
            if *in_spare {
                let c = &mut self.reverse.cotangents[*state];
                std::mem::swap(&mut c.arrays[0], &mut c.spare);
            } else {
                let array = self.reverse.cotangent(*state, step);
                self.bank[array].fill(T::ZERO);
            }
        }
        for dest in &*dests {
            if let Dest::Extra(from, state, ago) = *dest {
                let to = self.reverse.cotangent(state, step - ago);
                let mut sums = std::mem::take(&mut self.bank[to]);
                sums.iter_mut().zip(&self.bank[from]).for_each(|(s, x)| *s += *x);
                self.bank[to] = sums;
            }
        }
    }
}

/// The forward input that a result of the adjoint belongs to.
fn port_of(kernel: &Kernel, variable: &str) -> PortId {
    let name = variable.strip_prefix("d_").unwrap_or(variable);
    kernel.port(name).expect("internal: a gradient without an input")
}
