//! The fixed reading: the whole network in integers under a plan, before placement.
//!
//! It executes the same phases as the float reading, one lane after another, with
//! [`trifactor_quant::eval`] as the meaning of every operation. It knows no core, no axon and no
//! skipping, so it is the oracle that an emulated image must equal bit for bit, in every state
//! and every step. It is not meant to be fast.

mod replay;
mod sending;

use std::collections::BTreeMap;
use trifactor_entity::{EntityId, SideTable, Table};
use trifactor_fixed::{BiasJoins, Draw, KeyedDraws, QFormat, Rounding, align};
use trifactor_ir::units::{Unit, recognise};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Network, Op, Phase, PhaseId, PortId, Read, ResetGroup, Role,
    SpaceId, SpaceKind, StateId, StateRole, Target, When,
};
use trifactor_quant::{Plan, eval, store};

/// Steps a spike may travel: 1 + 62, and the step itself.
const RING: usize = 64;

/// A threshold that every voltage passes, negated one that none passes; both fit a register.
const OUT_OF_REACH: i64 = 1 << 30;

/// Sees what a machine computes while it steps; an instrument, which changes nothing.
pub trait Watch {
    /// One evaluation of a kernel that sets states of its lane.
    fn evaluated(&mut self, evaluation: &Evaluation<'_>) {
        let _ = evaluation;
    }
    /// Spikes arrived over one synapse and were added to an accumulator.
    fn delivered(&mut self, delivery: &Delivered) {
        let _ = delivery;
    }
}

/// Sees nothing.
struct Nobody;

impl Watch for Nobody {}

/// What went into one evaluation of a kernel, and what came out.
#[derive(Debug)]
pub struct Evaluation<'a> {
    /// The phase.
    pub phase: PhaseId,
    /// The lane of the phase's space.
    pub lane: usize,
    /// Raw inputs.
    pub ports: &'a SideTable<PortId, i64>,
    /// Raw values of the states it sets, in the order of outputs: before.
    pub before: &'a [i64],
    /// And after.
    pub stored: &'a [i64],
    /// Outputs whose state was clipped.
    pub clipped: &'a [bool],
}

/// One synapse's contribution to an accumulator in one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivered {
    /// The phase.
    pub phase: PhaseId,
    /// The synapse.
    pub synapse: usize,
    /// The lane it is added to.
    pub post: u32,
    /// Spikes that arrived together.
    pub arrivals: i64,
    /// Raw weight.
    pub weight: i64,
    /// Raw sum that was added.
    pub added: i64,
}

/// A network in integers.
///
/// ```
/// # use trifactor_reference::FixedMachine;
/// # fn demo(net: &trifactor_ir::CheckedNetwork, plan: &trifactor_quant::Plan) {
/// let mut machine = FixedMachine::new(net, plan);
/// machine.restart(7);
/// machine.step(&[]);
/// assert_eq!(machine.step_number(), 1);
/// # }
/// ```
pub struct FixedMachine<'a> {
    net: &'a CheckedNetwork,
    plan: &'a Plan,
    draws: Box<dyn Draw + Send + Sync>,
    step: u32,
    raw: Vec<Vec<i64>>,
    /// Spikes of the last steps, per spike state: `[step mod RING][lane]`.
    sent: Vec<Vec<Vec<bool>>>,
    /// Arrivals filed at emission for synapses with their own delay: `[step mod RING][synapse]`.
    filed: Vec<Option<Vec<Vec<u8>>>>,
    /// Contributions of spikes on their way, where weights are read as they are sent, per phase:
    /// `[step mod RING]` of output, post lane and amount.
    sending: Vec<sending::Sent>,
    /// Lanes that spiked in this step and before in this epoch, per spike state.
    again: Vec<Vec<u32>>,
    /// Position of the last spike of each lane in this epoch, 0 for none, per spike state.
    last: Vec<Vec<u32>>,
    /// Values of the epoch's steps, `[position 0..=T][lane]`, per state that needs them.
    history: Vec<Option<Vec<Vec<i64>>>>,
    saturated: Vec<u64>,
    pre_lanes: Vec<Vec<u32>>,
    units: Vec<Option<Unit>>,
}

impl<'a> FixedMachine<'a> {
    /// A machine at the start of a trial with draw seed 0.
    pub fn new(net: &'a CheckedNetwork, plan: &'a Plan) -> Self {
        let n = net.states.len();
        let per_synapse = |id: PhaseId| {
            net.phases[id]
                .reads
                .values()
                .any(|r| matches!(r, Read::Arriving { delay: Delay::PerSynapse(_), .. }))
        };
        let mut machine = Self {
            net,
            plan,
            draws: Box::new(KeyedDraws { seed: 0 }),
            step: 0,
            raw: vec![Vec::new(); n],
            sent: vec![Vec::new(); n],
            filed: net
                .phases
                .iter()
                .map(|(id, p)| per_synapse(id).then(|| vec![vec![0; net.lanes(p.over)]; RING]))
                .collect(),
            sending: vec![vec![Vec::new(); RING]; net.phases.len()],
            again: vec![Vec::new(); n],
            last: vec![Vec::new(); n],
            history: vec![None; n],
            saturated: vec![0; n],
            pre_lanes: net
                .spaces
                .ids()
                .map(|s| net.synapses(s).map_or_else(Vec::new, |x| x.pre_lanes()))
                .collect(),
            units: net.phases.values().map(|p| recognise(&net.kernels[p.kernel])).collect(),
        };
        machine.restart(0);
        machine
    }

    /// Starts a trial (S7): step 0, initial values, draws keyed by `seed`.
    pub fn restart(&mut self, seed: u32) {
        self.draws = Box::new(KeyedDraws { seed });
        self.step = 0;
        self.saturated.fill(0);
        self.reset(&ResetGroup::ALL);
        for id in self.net.states.ids() {
            self.initialise(id);
        }
    }

    /// Replaces the source of random bits (S54).
    pub fn replace_draws(&mut self, draws: Box<dyn Draw + Send + Sync>) {
        self.draws = draws;
    }

    /// Resets groups of states between two steps (S6).
    pub fn reset(&mut self, groups: &[ResetGroup]) {
        for (id, state) in self.net.states.iter() {
            if state.role != StateRole::Parameter && groups.contains(&state.reset) {
                self.initialise(id);
            }
            if state.role == StateRole::Spike {
                let lanes = self.net.lanes(state.space);
                if groups.contains(&ResetGroup::Membrane) {
                    self.sent[id.index()] = vec![vec![false; lanes]; RING];
                }
                if groups.contains(&ResetGroup::Traces) {
                    self.last[id.index()] = vec![0; lanes];
                }
            }
        }
        if groups.contains(&ResetGroup::Membrane) {
            for ring in self.filed.iter_mut().flatten() {
                ring.iter_mut().for_each(|slot| slot.fill(0));
            }
            self.sending.iter_mut().flatten().for_each(Vec::clear);
        }
    }

    fn initialise(&mut self, id: StateId) {
        let state = &self.net.states[id];
        let format = &self.plan.states[id];
        let lanes = self.net.lanes(state.space);
        let values: Vec<i64> = (0..lanes).map(|k| format.quantise(state.init.at(k))).collect();
        if self.net.needs_history(id) {
            let steps = self.net.epoch as usize + 1;
            self.history[id.index()] = Some(vec![values.clone(); steps]);
        }
        self.raw[id.index()] = values;
    }

    /// Number of the last step, 0 before the first.
    pub fn step_number(&self) -> u32 {
        self.step
    }
    /// Raw values of a state. Shape: `[lanes]`.
    pub fn raw(&self, state: StateId) -> &[i64] {
        &self.raw[state.index()]
    }
    /// Replaces the raw values of a state, as a host write does. Shape: `[lanes]`.
    pub fn set_raw(&mut self, state: StateId, values: &[i64]) {
        self.raw[state.index()].copy_from_slice(values);
    }
    /// Real values of a state. Shape: `[lanes]`. Units: the author's.
    pub fn values(&self, state: StateId) -> Vec<f64> {
        let format = &self.plan.states[state];
        self.raw(state).iter().map(|r| format.value(*r)).collect()
    }
    /// How often a store into a state saturated since the start of the trial.
    pub fn saturated(&self, state: StateId) -> u64 {
        self.saturated[state.index()]
    }

    /// One time step (S2). `inputs` gives, for input populations, the lanes that fire.
    ///
    /// Errors: panics if a lane lies outside its population; the callers' lists come from
    /// encoders that know the population's size.
    pub fn step(&mut self, inputs: &[(SpaceId, &[u32])]) {
        self.step_watched(inputs, &[], &mut Nobody);
    }

    /// One time step that somebody watches, in which populations may be made to spike as another
    /// reading did: the lanes listed for a population spike, whatever its voltages are, and no
    /// others. Populations without an entry in `taught` spike by themselves.
    ///
    /// Errors: as [`step`](Self::step).
    pub fn step_watched(
        &mut self,
        inputs: &[(SpaceId, &[u32])],
        taught: &[(SpaceId, &[u32])],
        watch: &mut dyn Watch,
    ) {
        self.step += 1;
        let net: &Network = self.net;
        for space in net.inputs() {
            let spike = net.spikes(space).expect("internal: an input without spikes (I9)");
            self.raw[spike.index()].fill(0);
        }
        for (space, lanes) in inputs {
            let spike = net.spikes(*space).expect("internal: an input without spikes (I9)");
            for &lane in *lanes {
                self.raw[spike.index()][lane as usize] = 1;
            }
        }
        let mut recorded = false;
        for (id, phase) in net.phases.iter() {
            // Spikes of this step are final once the neurons are done; rings and spike times
            // follow before traces and rules read them.
            if phase.group > Group::Neurons && !recorded {
                self.record_spikes();
                recorded = true;
            }
            match phase.group {
                Group::Deliver if self.sends(phase) => self.deliver_sent(id, phase),
                Group::Deliver => self.deliver(id, phase, watch),
                Group::Traces if self.plan.learning.is_some() => self.replayed(id, phase),
                Group::Neurons => {
                    let lesson = taught.iter().find(|(space, _)| *space == phase.over);
                    self.lanes(id, phase, lesson.map(|(_, lanes)| *lanes), watch);
                }
                Group::Modulators | Group::Traces => self.lanes(id, phase, None, watch),
                Group::Plasticity => {
                    if self.position() == net.epoch {
                        self.lanes(id, phase, None, watch);
                    }
                }
            }
        }
        if !recorded {
            self.record_spikes();
        }
        if self.position() == net.epoch {
            self.close_epoch();
        }
    }

    /// Position of the current step in its epoch, from 1 (S5).
    fn position(&self) -> u32 {
        (self.step - 1) % self.net.epoch + 1
    }

    fn record_spikes(&mut self) {
        let net: &Network = self.net;
        let slot = self.step as usize % RING;
        let position = self.position();
        for (id, state) in net.states.iter() {
            if state.role != StateRole::Spike {
                continue;
            }
            self.again[id.index()].clear();
            for (lane, &s) in self.raw[id.index()].iter().enumerate() {
                self.sent[id.index()][slot][lane] = s != 0;
                if s != 0 {
                    let before = std::mem::replace(&mut self.last[id.index()][lane], position);
                    if before != 0 {
                        self.again[id.index()].push(lane as u32);
                    }
                }
            }
        }
        for (id, phase) in net.phases.iter() {
            if phase.group == Group::Deliver && self.sends(phase) {
                self.send(id, phase);
            }
        }
        for (phase_id, phase) in net.phases.iter() {
            let Some(ring) = &mut self.filed[phase_id.index()] else { continue };
            for read in phase.reads.values() {
                let Read::Arriving { spike, delay: Delay::PerSynapse(d) } = read else { continue };
                for (k, &pre) in self.pre_lanes[phase.over.index()].iter().enumerate() {
                    if self.raw[spike.index()][pre as usize] != 0 {
                        let travel = 1 + self.raw[d.index()][k] as usize;
                        ring[(self.step as usize + travel) % RING][k] += 1;
                    }
                }
            }
        }
    }

    fn close_epoch(&mut self) {
        for last in &mut self.last {
            last.fill(0);
        }
        for (history, raw) in self.history.iter_mut().zip(&self.raw) {
            if let Some(history) = history {
                history[0].clone_from(raw);
            }
        }
    }

    /// The number of spikes that arrive at a synapse in this step.
    fn arriving(&self, phase: PhaseId, spike: StateId, delay: Delay, k: usize, pre: usize) -> i64 {
        match delay {
            Delay::Fixed(d) => {
                let travel = 1 + u32::from(d);
                if self.step <= travel {
                    return 0;
                }
                let slot = (self.step - travel) as usize % RING;
                i64::from(self.sent[spike.index()][slot][pre])
            }
            Delay::PerSynapse(_) => {
                let ring = self.filed[phase.index()].as_ref();
                let slot = self.step as usize % RING;
                ring.map_or(0, |r| i64::from(r[slot][k]))
            }
        }
    }

    fn deliver(&mut self, id: PhaseId, phase: &Phase, watch: &mut dyn Watch) {
        let net: &Network = self.net;
        let kernel = &net.kernels[phase.kernel];
        let synapses = net.synapses(phase.over).expect("internal: delivery over lanes (I6)");
        let input = &self.plan.neuron.input;
        // Where weights are summed before they are shifted: by output, target and time of sending.
        let mut sums: BTreeMap<(usize, u32, i64), i64> = BTreeMap::new();
        for k in 0..synapses.len() {
            let pre = self.pre_lanes[phase.over.index()][k] as usize;
            let arrivals = phase.reads.values().filter_map(|read| match *read {
                Read::Arriving { spike, delay } => Some(self.arriving(id, spike, delay, k, pre)),
                _ => None,
            });
            let arrivals = arrivals.max().unwrap_or(0);
            // Nothing arrives, so the product with the weight is 0; only the unit's own kernel
            // is known to have that form.
            if arrivals == 0 && self.units[id.index()] == Some(Unit::Deliver) {
                continue;
            }
            let post = synapses.post_lane[k];
            let ports = self.ports(id, phase, k, pre as u32, post);
            let values = eval(kernel, &self.plan.phases[id], &ports, &|site| {
                self.draws.draw(self.step, phase.stream, site, pre as u32, post)
            });
            for (j, output) in kernel.outputs.iter().enumerate() {
                let shift = -self.plan.phases[id].outputs[j].shift;
                let n = arrivals.max(1);
                if input.sums_first(shift) {
                    let travelled = self.travelled(phase, k);
                    *sums.entry((j, post, travelled)).or_default() += values[output.value] * n;
                    continue;
                }
                // Each arrival is a contribution of its own, shifted by itself (S10, S11).
                let moved = input.contribution(values[output.value], shift);
                self.raw[phase.writes[j].index()][post as usize] += moved * n;
                if arrivals > 0 && self.units[id.index()] == Some(Unit::Deliver) {
                    let (weight, added) = (values[output.value], moved * n);
                    watch.delivered(&Delivered {
                        phase: id,
                        synapse: k,
                        post,
                        arrivals: n,
                        weight,
                        added,
                    });
                }
            }
        }
        for ((j, post, _), sum) in sums {
            let shift = -self.plan.phases[id].outputs[j].shift;
            let moved = input.contribution(sum, shift);
            self.raw[phase.writes[j].index()][post as usize] += moved;
        }
        if let Some(ring) = &mut self.filed[id.index()] {
            ring[self.step as usize % RING].fill(0);
        }
    }

    /// How many steps ago a spike that arrives at a synapse was sent; delays that learn stand
    /// for what they are now.
    fn travelled(&self, phase: &Phase, k: usize) -> i64 {
        let delay = phase.reads.values().find_map(|read| match *read {
            Read::Arriving { delay: Delay::PerSynapse(d), .. } => Some(d),
            _ => None,
        });
        delay.map_or(0, |d| self.raw[d.index()][k])
    }

    /// Raw values of a kernel's inputs for one lane.
    fn ports(
        &self,
        id: PhaseId,
        phase: &Phase,
        lane: usize,
        pre: u32,
        post: u32,
    ) -> SideTable<PortId, i64> {
        let net: &Network = self.net;
        let kernel = &net.kernels[phase.kernel];
        let mut table = SideTable::empty();
        for (port, read) in phase.reads.iter() {
            let p = &kernel.ports[port];
            let at = match p.role {
                Role::Own | Role::Every(_) => lane,
                Role::Pre => pre as usize,
                Role::Post => post as usize,
                Role::Global => 0,
            };
            let value = match *read {
                Read::State(state) => {
                    if p.prev || p.when != When::End {
                        self.sampled(phase, state, p.when, p.prev, at, pre, post)
                    } else {
                        self.raw[state.index()][at]
                    }
                }
                Read::Arriving { spike, delay } => self.arriving(id, spike, delay, lane, at).min(1),
                Read::SpikedInEpoch(spike) => i64::from(self.last[spike.index()][at] != 0),
                Read::EpochFlag => match p.role {
                    Role::Every(k) => {
                        let epoch = (self.step - 1) / net.epoch + 1;
                        let epoch = self.plan.learning.map_or(epoch, |e| e.epoch(epoch));
                        i64::from(epoch.is_multiple_of(1 << k))
                    }
                    _ => unreachable!("internal: an epoch flag without a period (I5)"),
                },
            };
            table.push(value);
        }
        table
    }

    /// A trace at a spike time or one step back (S34, S40).
    fn sampled(
        &self,
        phase: &Phase,
        state: StateId,
        when: When,
        prev: bool,
        at: usize,
        pre: u32,
        post: u32,
    ) -> i64 {
        let net: &Network = self.net;
        let synapses = net.synapses(phase.over).expect("internal: a gated read off synapses (I7)");
        let last = |space: SpaceId, lane: u32| {
            // A population without spikes (S24) never spiked in the epoch.
            net.spikes(space).map_or(0, |spike| self.last[spike.index()][lane as usize])
        };
        let spiked_at = match when {
            When::End => 0,
            When::AtPre => last(synapses.pre, pre),
            When::AtPost => last(synapses.post, post),
        };
        let position = if spiked_at == 0 { net.epoch } else { spiked_at };
        let position = position - u32::from(prev);
        let history = self.history[state.index()].as_ref();
        history.expect("internal: a gated read without history")[position as usize][at]
    }

    /// A phase over the lanes of a space that sets their own states. All reads give values from
    /// before the phase (S39).
    fn lanes(&mut self, id: PhaseId, phase: &Phase, taught: Option<&[u32]>, watch: &mut dyn Watch) {
        let net: &Network = self.net;
        let kernel = &net.kernels[phase.kernel];
        let lesson = taught.and_then(|lanes| Some((kernel.port("threshold")?, lanes)));
        let (mut before, mut stored) = (Vec::new(), Vec::new());
        let synapses = net.synapses(phase.over);
        let is_lif = matches!(self.units[id.index()], Some(Unit::Lif(_)));
        let one_draw = phase.group == Group::Plasticity
            && self.plan.learning.is_some_and(|engine| engine.one_draw);
        let mut results: Vec<Vec<i64>> = vec![Vec::new(); kernel.outputs.len()];
        for lane in 0..net.lanes(phase.over) {
            let (pre, post) = match synapses {
                Some(s) => (self.pre_lanes[phase.over.index()][lane], s.post_lane[lane]),
                None => (lane as u32, 0),
            };
            let mut ports = self.ports(id, phase, lane, pre, post);
            if let Some((threshold, lanes)) = lesson {
                let fires = lanes.contains(&(lane as u32));
                ports[threshold] = if fires { -OUT_OF_REACH } else { OUT_OF_REACH };
            }
            let (draw_pre, draw_post) = if one_draw { (0, 0) } else { (pre, post) };
            let draws =
                |site: u8| self.draws.draw(self.step, phase.stream, site, draw_pre, draw_post);
            let mut values = eval(kernel, &self.plan.phases[id], &ports, &draws);
            if is_lif && self.plan.neuron.bias != BiasJoins::Voltage {
                ports = self.joined_bias(id, phase, ports, &values);
                values = eval(kernel, &self.plan.phases[id], &ports, &draws);
            }
            let mut clipped: Vec<StateId> = Vec::new();
            before.clear();
            stored.clear();
            if is_lif {
                clipped = self.register_saturations(id, phase, &values);
            }
            for (j, output) in kernel.outputs.iter().enumerate() {
                let state = phase.writes[j];
                let format = &self.plan.states[state];
                let (raw, changed) =
                    store(&values, output.value, &self.plan.phases[id].outputs[j], format, &draws);
                if changed {
                    clipped.push(state);
                }
                before.push(self.raw[state.index()][lane]);
                stored.push(raw);
                results[j].push(raw);
            }
            let flags: Vec<bool> = phase.writes.iter().map(|s| clipped.contains(s)).collect();
            let (before, stored, clips) = (before.as_slice(), stored.as_slice(), flags.as_slice());
            let ports = &ports;
            watch.evaluated(&Evaluation { phase: id, lane, ports, before, stored, clipped: clips });
            for state in clipped {
                self.saturated[state.index()] += 1;
            }
        }
        for (j, output) in kernel.outputs.iter().enumerate() {
            debug_assert_eq!(output.target, Target::Set);
            self.raw[phase.writes[j].index()] = std::mem::take(&mut results[j]);
        }
        // An accumulator is cleared by being read (S20).
        for read in phase.reads.values() {
            if let Read::State(state) = read
                && net.states[*state].role == StateRole::Accumulator
            {
                self.raw[state.index()].fill(0);
            }
        }
        let position = self.position() as usize;
        if matches!(phase.group, Group::Neurons | Group::Traces) {
            for &state in &phase.writes {
                if let Some(history) = &mut self.history[state.index()] {
                    history[position].clone_from(&self.raw[state.index()]);
                }
            }
        }
    }

    /// The inputs of a neuron with the bias as the voltage's sum gets it, on a chip where it
    /// joins the current: `values` are those of an evaluation with the bias as it is.
    fn joined_bias(
        &self,
        id: PhaseId,
        phase: &Phase,
        ports: SideTable<PortId, i64>,
        values: &Table<trifactor_ir::ValueId, i64>,
    ) -> SideTable<PortId, i64> {
        let kernel = &self.net.kernels[phase.kernel];
        let (Some(bias), Some(u)) = (kernel.port("bias"), kernel.output("u")) else {
            return ports;
        };
        let range = QFormat::signed(self.plan.phases[id].values[u.value].bits, 0).raw_range();
        let mut joined = SideTable::empty();
        for (port, raw) in ports.iter() {
            let current = values[u.value];
            let raw = if port == bias { self.plan.neuron.bias(current, *raw, range) } else { *raw };
            joined.push(raw);
        }
        joined
    }

    /// S25: the compartment's sums saturate to the state's width inside the kernel; the states
    /// whose exact sum lay outside, once each.
    fn register_saturations(
        &self,
        id: PhaseId,
        phase: &Phase,
        values: &Table<trifactor_ir::ValueId, i64>,
    ) -> Vec<StateId> {
        let kernel = &self.net.kernels[phase.kernel];
        let mut clipped = Vec::new();
        for (v, op) in kernel.ops.iter() {
            let p = &self.plan.phases[id].values[v];
            let (Op::Add(a, b), true) = (op, p.bits < 32) else { continue };
            let operand = |v, side: usize| align(values[v], p.align[side], Rounding::Nearest, 0);
            if operand(*a, 0) + operand(*b, 1) == values[v] {
                continue;
            }
            // The first sum is the current, the other the voltage.
            let name = if kernel.output("u").is_some_and(|o| o.value == v) { "u" } else { "v" };
            if let Some(j) = kernel.outputs.iter().position(|o| o.variable == name) {
                clipped.push(phase.writes[j]);
            }
        }
        clipped
    }

    /// Whether a space is a population of neurons or inputs.
    pub fn is_population(&self, space: SpaceId) -> bool {
        matches!(self.net.spaces[space].kind, SpaceKind::Population { .. })
    }
}
