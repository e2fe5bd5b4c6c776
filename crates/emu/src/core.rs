//! One core: its tables, its state, and what it does in each phase of a step (S2).

use crate::delivery::{deliver, send, slot};
use crate::draws::Draws;
use crate::ledger::Counts;
use crate::narrow;
use crate::network::Prices;
use crate::plasticity::{Surroundings, Workspace, learn};
use crate::state::CoreState;
use crate::tables::{CoreTable, Travel, Widths};
use crate::times::Laps;
use crate::traces::{close_epoch, traces};
use std::sync::Arc;
use trifactor_fixed::{self as fixed, NeuronArithmetic, Overflow, Rounding, site};
use trifactor_image::ColumnKind;
use trifactor_isa::ResolvedCosts;
use trifactor_timing::{CoreWork, Message};

/// Where a step is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Now {
    /// Step, from 1.
    pub step: u32,
    /// Position in the epoch, 1 to T.
    pub position: u8,
    /// Epoch, from 1.
    pub epoch: u32,
    /// Whether this is the last step of the epoch.
    pub last: bool,
}

impl Now {
    /// Epoch and position of a step. Source: S5.
    pub(crate) fn new(step: u32, length: u32) -> Self {
        let position = (step - 1) % length + 1;
        Self {
            step,
            position: position as u8,
            epoch: (step - 1) / length + 1,
            last: position == length,
        }
    }
}

/// A core with everything it needs to run on its own between two exchanges of messages.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    /// What never changes.
    pub table: CoreTable,
    /// What a checkpoint holds.
    pub state: CoreState,
    /// Input axons of the messages of this step.
    pub inbox: Vec<u32>,
    /// What the core did in this step.
    pub counts: Counts,
    /// Words and weights of this step's deliveries.
    pub delivered: [u64; 2],
    /// Synapses of each group that its rule was executed for in this step, and those skipped.
    pub learned: Vec<[u64; 2]>,
    /// What the units have to do in this step's spike part, with each preset that keeps time.
    pub works: Vec<(Arc<Prices>, CoreWork)>,
    /// Accumulators; all 0 between steps, since every one is read in every step.
    accumulators: Vec<i32>,
    /// Spike and saturation of each compartment in this step.
    flags: Vec<u8>,
    /// Rows of each group that got a message in this step.
    rows: Vec<Vec<u32>>,
    /// Distance of each voltage from its threshold in the running step, before a reset, and
    /// [`HELD`] while the neuron is held; empty where no column takes it. Source: S27.
    distance: Vec<i32>,
    /// Where the time goes.
    pub laps: Laps,
    workspaces: Vec<Workspace>,
}

/// In place of a distance, for a neuron that is held after a spike.
pub(crate) const HELD: i32 = -1;

/// Whether compartments of a core write pseudo-derivatives.
fn writes_columns(table: &CoreTable) -> bool {
    let rules = table.groups.iter().filter_map(|g| g.rule.as_ref());
    let mut columns = rules.flat_map(|r| &r.post_columns);
    columns.any(|c| c.kind == ColumnKind::PseudoDerivative)
}

const SPIKE: u8 = 1;
const CLIPPED_U: u8 = 2;
const CLIPPED_V: u8 = 4;
const ACTIVE: u8 = 8;

/// A compartment that fired.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fired {
    /// Its address.
    pub compartment: usize,
    /// Ticks of the compartment unit's work until its time was over, stalls left out (T7).
    pub done: u64,
    /// Whether its spike has messages, and so goes through the spike queue (T8).
    pub sends: bool,
}

/// What is collected from the flags.
const EVENTS: u8 = SPIKE | CLIPPED_U | CLIPPED_V;

/// Notes the spikes and saturations of the compartments from `first` on.
fn collect(state: &mut CoreState, first: usize, flags: &[u8], position: u8) {
    for (at, flag) in (first..).zip(flags).filter(|(_, flag)| **flag & EVENTS != 0) {
        if flag & SPIKE != 0 {
            state.fired.push(at as u32);
            state.last[at] = position;
        }
        if flag & (CLIPPED_U | CLIPPED_V) != 0 {
            state.saturated[at][0] += u64::from(flag & CLIPPED_U != 0);
            state.saturated[at][1] += u64::from(flag & CLIPPED_V != 0);
        }
    }
}

/// Compartments that were active.
fn count_active(flags: &[u8]) -> u64 {
    let (eights, rest) = flags.as_chunks::<8>();
    let bits = u64::from_le_bytes([ACTIVE; 8]);
    let of_eight = |flags: &[u8; 8]| (u64::from_le_bytes(*flags) & bits).count_ones();
    let rest = rest.iter().filter(|flag| **flag & ACTIVE != 0).count();
    eights.iter().map(of_eight).sum::<u32>() as u64 + rest as u64
}

impl Core {
    /// A core in its initial state, with the presets that keep time.
    pub(crate) fn new(table: CoreTable, widths: &Widths, prices: &[Arc<Prices>]) -> Self {
        Self {
            state: CoreState::new(&table, widths),
            inbox: Vec::new(),
            counts: Counts::default(),
            delivered: [0; 2],
            learned: vec![[0; 2]; table.groups.len()],
            works: prices.iter().map(|p| (p.clone(), CoreWork::default())).collect(),
            accumulators: vec![0; table.n_targets],
            flags: vec![0; table.neurons.len()],
            rows: vec![Vec::new(); table.groups.len()],
            distance: vec![0; if writes_columns(&table) { table.neurons.len() } else { 0 }],
            workspaces: table.groups.iter().map(Workspace::new).collect(),
            laps: Laps::default(),
            table,
        }
    }

    /// Deliver and neurons: from the spikes in flight to `state.fired`.
    pub(crate) fn spike(&mut self, now: Now, widths: &Widths) {
        self.deliver(now, widths);
        self.fire(now, widths);
    }

    /// From the spikes in flight to the accumulators.
    pub(crate) fn deliver(&mut self, now: Now, widths: &Widths) {
        self.laps.begin();
        self.counts = Counts::default();
        self.learned.fill([0; 2]);
        for (table, state) in self.table.groups.iter().zip(&mut self.state.groups) {
            deliver(table, state, now, &widths.neuron, &mut self.accumulators, &mut self.counts);
        }
        self.delivered = [self.counts.synapse_words, self.counts.synops];
        self.laps.lap(|t| &mut t.deliver);
    }

    /// From the accumulators to the membranes, `state.fired` and the work of the spike part.
    pub(crate) fn fire(&mut self, now: Now, widths: &Widths) {
        self.laps.begin();
        let (range, own, neuron) = (widths.state, widths.overflow, widths.neuron);
        if own == Overflow::Saturate && neuron == NeuronArithmetic::default() {
            let (lo, hi) = (range.lo as i32, range.hi as i32);
            let fit = move |x: i32| {
                let y = x.max(lo).min(hi);
                (y, x != y)
            };
            if self.table.neurons.sums_fit {
                self.neurons(
                    now,
                    widths,
                    // A sum that leaves 32 bits saturates there first and then here: the same.
                    |kept, q| fit(kept.saturating_add(q)),
                    |kept, u, bias| fit(kept + u + bias),
                );
            } else {
                let wide = move |x: i64| {
                    let y = x.clamp(range.lo, range.hi);
                    (y as i32, x != y)
                };
                self.neurons(
                    now,
                    widths,
                    |kept, q| wide(i64::from(kept) + i64::from(q)),
                    |kept, u, bias| wide(i64::from(kept) + i64::from(u) + i64::from(bias)),
                );
            }
        } else {
            let low = |(x, clipped): (i64, bool)| (x as i32, clipped);
            self.neurons(
                now,
                widths,
                |kept, q| low(neuron.current(kept.into(), q.into(), range, own)),
                |kept, u, bias| low(neuron.voltage(kept.into(), u.into(), bias.into(), range, own)),
            );
        }
        self.laps.lap(|t| &mut t.neurons);
        let mut works = std::mem::take(&mut self.works);
        works.iter_mut().for_each(|(prices, work)| self.work(prices, work));
        self.works = works;
        self.laps.lap(|t| &mut t.ledger);
    }

    /// What the units take with some prices, and when each compartment that has something to
    /// send is done. Source: T6, T7.
    fn work(&self, prices: &Prices, work: &mut CoreWork) {
        let (t, c) = (&self.table.neurons, &prices.costs);
        let [words, synops] = self.delivered;
        work.clear();
        work.synapses = words * c.synapse_word.ticks + synops * c.synop.ticks;
        work.compartments = self.counts.compartment_ticks(c);
        for Fired { compartment, done, .. } in self.fired(c, true) {
            let messages = &t.messages[self.messages(compartment)];
            let messages = messages.iter().map(|m| Message { service: prices.service(m), ..*m });
            work.send(done, messages);
        }
    }

    /// Where the messages of a compartment's spike stand.
    fn messages(&self, compartment: usize) -> std::ops::Range<usize> {
        let first = &self.table.neurons.first_message;
        first[compartment] as usize..first[compartment + 1] as usize
    }

    /// The compartments that fired in the last step, in the order of addresses, or only those
    /// that have something to send. Source: T7.
    pub(crate) fn fired(&self, c: &ResolvedCosts, senders: bool) -> impl Iterator<Item = Fired> {
        // Active compartments among those before a position.
        let (mut active, mut counted) = (0, 0);
        (1..).zip(&self.state.fired).filter_map(move |(spikes, at)| {
            let compartment = *at as usize;
            let sends = !self.messages(compartment).is_empty();
            if senders && !sends {
                return None;
            }
            active += count_active(&self.flags[counted..=compartment]);
            counted = compartment + 1;
            let inactive = (compartment + 1) as u64 - active;
            let done = Counts { active, inactive, spikes, ..Counts::default() };
            Some(Fired { compartment, done: done.compartment_ticks(c), sends })
        })
    }

    /// Current, voltage, spike and reset; `current` and `voltage` fit the sums of S20 and S21 to
    /// the states. Source: S20 to S25.
    #[inline(always)]
    fn neurons(
        &mut self,
        now: Now,
        w: &Widths,
        current: impl Fn(i32, i32) -> (i32, bool),
        voltage: impl Fn(i32, i32, i32) -> (i32, bool),
    ) {
        if self.distance.is_empty() {
            self.compartments::<false>(now, w, current, voltage);
        } else {
            self.compartments::<true>(now, w, current, voltage);
        }
    }

    /// The same, with or without the distances that pseudo-derivatives are made of.
    #[inline(always)]
    fn compartments<const DISTANCE: bool>(
        &mut self,
        now: Now,
        w: &Widths,
        current: impl Fn(i32, i32) -> (i32, bool),
        voltage: impl Fn(i32, i32, i32) -> (i32, bool),
    ) {
        let t = &self.table.neurons;
        let n = t.len();
        let (u, v, hold) =
            (&mut self.state.u[..n], &mut self.state.v[..n], &mut self.state.hold[..n]);
        let (q, flags) = (&mut self.accumulators[..n], &mut self.flags[..n]);
        let distance = &mut self.distance[..if DISTANCE { n } else { 0 }];
        let (keep_u, keep_v, bias) = (&t.keep_u[..n], &t.keep_v[..n], &t.bias[..n]);
        let (v_min, threshold, refractory) = (&t.v_min[..n], &t.threshold[..n], &t.refractory[..n]);
        // 32-bit sums keep all lanes of the loop of one width.
        let (mut active, mut events) = (0u32, 0u32);
        for i in 0..n {
            let kept_u = narrow::decay_to_zero(u[i], keep_u[i], w.decay_bits);
            let (new_u, clipped_u) = current(kept_u, q[i]);
            let kept_v = narrow::decay_to_zero(v[i], keep_v[i], w.decay_bits);
            let (new_v, clipped_v) = voltage(kept_v, new_u, bias[i]);
            let raised = new_v.max(v_min[i]);
            let held = hold[i] > 0;
            let spike = !held & (raised > threshold[i]);
            let is_active = spike | (q[i] != 0);
            if DISTANCE {
                // Voltages that turn over may be as far apart as 32 bits allow.
                let far = i64::from(raised) - i64::from(threshold[i]);
                let near = far.abs().min(i32::MAX.into()) as i32;
                distance[i] = if held { HELD } else { near };
            }
            u[i] = new_u;
            v[i] = if held | spike { 0 } else { raised };
            hold[i] = if spike { refractory[i] } else { hold[i] - i32::from(held) };
            q[i] = 0;
            let flag = (u32::from(spike) * u32::from(SPIKE))
                | (u32::from(clipped_u) * u32::from(CLIPPED_U))
                | (u32::from(clipped_v) * u32::from(CLIPPED_V));
            flags[i] = (flag | (u32::from(is_active) * u32::from(ACTIVE))) as u8;
            events |= flag;
            active += u32::from(is_active);
        }
        self.counts.active = active.into();
        self.counts.inactive = n as u64 - u64::from(active);
        self.state.fired.clear();
        if events != 0 {
            self.events(now);
        }
    }
    /// Collects spikes and saturations from the flags.
    fn events(&mut self, now: Now) {
        // Most compartments do nothing worth collecting, so they are passed by eight at a time.
        let mut eights = self.flags.chunks_exact(8);
        let mut first = 0;
        for chunk in &mut eights {
            let flags: [u8; 8] = chunk.try_into().expect("internal: a chunk has eight flags");
            if u64::from_le_bytes(flags) & u64::from_le_bytes([EVENTS; 8]) != 0 {
                collect(&mut self.state, first, &flags, now.position);
            }
            first += 8;
        }
        collect(&mut self.state, first, eights.remainder(), now.position);
        let t = &self.table.neurons;
        self.counts.spikes = self.state.fired.len() as u64;
        for c in &self.state.fired {
            let c = *c as usize;
            let hops = t.hops[c];
            let sent = u64::from(t.first_message[c + 1] - t.first_message[c]);
            self.counts.axon_out += sent;
            self.counts.tile_entries += sent;
            self.counts.hop(hops);
        }
    }

    /// Everything after the exchange of messages: files them, then modulators, traces and, at
    /// the end of an epoch, plasticity.
    pub(crate) fn learn(&mut self, now: Now, widths: &Widths, draws: &Draws) {
        self.receive(now, widths);
        self.modulators(now, widths, draws);
        self.traces(now, widths, draws);
        if now.last {
            self.plasticity(now, widths, draws);
        }
    }

    /// Forgets the step that was begun last, which may not be ended: what stays is what a
    /// checkpoint holds.
    pub(crate) fn forget_step(&mut self) {
        self.accumulators.fill(0);
        self.inbox.clear();
        self.counts = Counts::default();
        self.delivered = [0; 2];
        self.learned.fill([0; 2]);
    }

    /// Forgets the decoded forms of a group's program, which was changed.
    pub(crate) fn forget_program(&mut self, group: usize) {
        self.workspaces[group] = Workspace::new(&self.table.groups[group]);
    }

    /// Input accumulators by target address.
    pub(crate) fn accumulators(&self) -> &[i32] {
        &self.accumulators
    }

    /// One step of all traces. Source: S30 to S35.
    pub(crate) fn traces(&mut self, now: Now, widths: &Widths, draws: &Draws) {
        self.laps.begin();
        for (g, table) in self.table.groups.iter().enumerate() {
            let (rows, distance) = (&self.rows[g], &self.distance);
            traces(table, &mut self.state, g, rows, distance, now, widths, draws);
        }
        self.counts.traces = self.table.n_traces;
        self.laps.lap(|t| &mut t.traces);
    }

    /// Files the messages of this step for their arrival. Source: S3, S14, S32.
    pub(crate) fn receive(&mut self, now: Now, widths: &Widths) {
        self.laps.begin();
        let neuron = &widths.neuron;
        self.rows.iter_mut().for_each(Vec::clear);
        self.counts.axon_in = self.inbox.len() as u64;
        for axon in &self.inbox {
            let Some((g, row)) = self.table.axons[*axon as usize] else { continue };
            let (g, at) = (g as usize, row as usize);
            let (table, state) = (&self.table.groups[g], &mut self.state.groups[g]);
            if table.rule.is_some() {
                state.pre_last[at] = now.position;
                self.rows[g].push(row);
            }
            match table.travel {
                // Weights of all rows are read together, below.
                _ if table.sends => {}
                Travel::Fixed(d) => {
                    let slot = slot(now.step, 1 + d, state.in_flight.len());
                    state.in_flight[slot].push(row);
                }
                Travel::PerSynapse(field) => {
                    self.counts.synapse_words += u64::from(table.row_words[at]);
                    for synapse in table.row(at) {
                        let d = state.fields[field].get(synapse).clamp(0, 62) as u32;
                        let slot = slot(now.step, 1 + d, state.in_flight.len());
                        state.in_flight[slot].push(synapse as u32);
                    }
                }
            }
        }
        self.inbox.clear();
        let groups = self.table.groups.iter().zip(&mut self.state.groups).zip(&self.rows);
        for ((table, state), rows) in groups.filter(|((t, _), rows)| t.sends && !rows.is_empty()) {
            send(table, state, rows, now, neuron, &mut self.counts);
        }
        self.laps.lap(|t| &mut t.messages);
    }

    /// One step of all modulators. Source: S36, S37.
    pub(crate) fn modulators(&mut self, now: Now, widths: &Widths, draws: &Draws) {
        self.laps.begin();
        let ranges = self.table.modulators.iter().zip(&mut self.state.modulators);
        for ((table, lines), saturated) in ranges.zip(&mut self.state.saturated_lines) {
            let key = draws.site(now.step, table.stream, site::DECAY);
            let stochastic = table.rounding == Rounding::Stochastic;
            let inputs = &mut self.accumulators[table.first_target..][..table.n_lines];
            for (k, (m, q)) in lines.iter_mut().zip(inputs).enumerate() {
                let draw = if stochastic { key.draw(table.first_lane + k as u32, 0) } else { 0 };
                let kept = fixed::scale_decay(
                    i64::from(*m),
                    table.keep,
                    widths.decay_bits,
                    table.rounding,
                    draw,
                );
                let sum = kept + i64::from(*q);
                let fitted = fixed::clamp_raw(sum, table.range);
                *saturated += u64::from(fitted != sum && table.counts[k]);
                *m = fitted as i32;
                *q = 0;
            }
        }
        self.counts.modulators = self.table.n_lines;
        self.laps.lap(|t| &mut t.traces);
    }

    /// Every rule, once per synapse that its guard does not skip. Source: S39.
    pub(crate) fn plasticity(&mut self, now: Now, widths: &Widths, draws: &Draws) {
        self.laps.begin();
        let state = &mut self.state;
        let around = Surroundings {
            draws,
            step: now.step,
            epoch: widths.learning.map_or(now.epoch, |engine| engine.epoch(now.epoch)),
            length: widths.epoch,
            one_draw: widths.learning.is_some_and(|engine| engine.one_draw),
            last: &state.last,
            modulators: &state.modulators,
            ranges: &self.table.modulators,
        };
        for (g, table) in self.table.groups.iter().enumerate() {
            let Some(rule) = &table.rule else { continue };
            let group = &mut state.groups[g];
            let evaluated = learn(table, rule, group, &mut self.workspaces[g], &around);
            let skipped = table.n_synapses() as u64 - evaluated;
            group.evaluated += evaluated;
            group.skipped += skipped;
            self.learned[g] = [evaluated, skipped];
            group.pre_last.fill(0);
            close_epoch(group, widths);
        }
        state.last.fill(0);
        self.laps.lap(|t| &mut t.plasticity);
    }
}
