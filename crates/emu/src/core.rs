//! One core: its tables, its state, and what it does in each phase of a step (S2).

use crate::draws::Draws;
use crate::ledger::{Counts, RuleCost};
use crate::narrow;
use crate::plasticity::{Surroundings, Workspace, learn};
use crate::state::{ColumnState, CoreState, GroupState, Lanes};
use crate::tables::{ColumnTable, CoreTable, GroupTable, Travel, Widths};
use trifactor_fixed::{self as fixed, Overflow, RawRange, Rounding, site};
use trifactor_image::ColumnKind;
use trifactor_isa::ResolvedCosts;

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
    /// Costs of one synapse of each group's rule.
    pub rule_costs: Vec<RuleCost>,
    /// What the core did in this step.
    pub counts: Counts,
    /// Time of the rules in this step.
    pub rule_ticks: u64,
    /// Accumulators; all 0 between steps, since every one is read in every step.
    accumulators: Vec<i32>,
    /// Spike, activity and saturation of each compartment in this step.
    flags: Vec<u8>,
    /// Rows of each group that got a message in this step.
    rows: Vec<Vec<u32>>,
    work: Vec<Workspace>,
}

const SPIKE: u8 = 1;
const ACTIVE: u8 = 2;
const CLIPPED_U: u8 = 4;
const CLIPPED_V: u8 = 8;

impl Core {
    /// A core in its initial state.
    pub(crate) fn new(table: CoreTable, widths: &Widths, costs: &ResolvedCosts) -> Self {
        let cost = |group: &GroupTable| match &group.rule {
            Some(rule) => RuleCost::new(costs, &rule.program.classes),
            None => RuleCost::new(costs, &[0; 5]),
        };
        Self {
            state: CoreState::new(&table, widths),
            inbox: Vec::new(),
            rule_costs: table.groups.iter().map(cost).collect(),
            counts: Counts::default(),
            rule_ticks: 0,
            accumulators: vec![0; table.n_targets],
            flags: vec![0; table.neurons.len()],
            rows: vec![Vec::new(); table.groups.len()],
            work: table.groups.iter().map(Workspace::new).collect(),
            table,
        }
    }

    /// Deliver and neurons: from the spikes in flight to `state.fired`.
    pub(crate) fn spike(&mut self, now: Now, widths: &Widths) {
        self.counts = Counts::default();
        self.rule_ticks = 0;
        for (table, state) in self.table.groups.iter().zip(&mut self.state.groups) {
            deliver(table, state, now, &mut self.accumulators, &mut self.counts);
        }
        match widths.overflow {
            Overflow::Saturate => self.neurons(now, widths, |x, range| {
                let y = x.clamp(range.lo, range.hi);
                (y, x != y)
            }),
            Overflow::Wrap => {
                self.neurons(now, widths, |x, range| fixed::fit(x, range, Overflow::Wrap));
            }
        }
    }

    /// Current, voltage, spike and reset. Source: S20 to S25.
    #[inline(always)]
    fn neurons(&mut self, now: Now, w: &Widths, fit: impl Fn(i64, RawRange) -> (i64, bool)) {
        let t = &self.table.neurons;
        let n = t.len();
        let (u, v, hold) =
            (&mut self.state.u[..n], &mut self.state.v[..n], &mut self.state.hold[..n]);
        let (q, flags) = (&mut self.accumulators[..n], &mut self.flags[..n]);
        let (keep_u, keep_v, bias) = (&t.keep_u[..n], &t.keep_v[..n], &t.bias[..n]);
        let (v_min, threshold, refractory) = (&t.v_min[..n], &t.threshold[..n], &t.refractory[..n]);
        let (mut active, mut events) = (0u64, 0u8);
        for i in 0..n {
            let kept_u = narrow::decay_to_zero(u[i], keep_u[i], w.decay_bits);
            let (new_u, clipped_u) = fit(i64::from(kept_u) + i64::from(q[i]), w.state);
            let kept_v = narrow::decay_to_zero(v[i], keep_v[i], w.decay_bits);
            let (new_v, clipped_v) = fit(i64::from(kept_v) + new_u + i64::from(bias[i]), w.state);
            let raised = (new_v as i32).max(v_min[i]);
            let held = hold[i] > 0;
            let spike = !held & (raised > threshold[i]);
            let is_active = spike | (q[i] != 0);
            u[i] = new_u as i32;
            v[i] = if held | spike { 0 } else { raised };
            hold[i] = if spike { refractory[i] } else { hold[i] - i32::from(held) };
            q[i] = 0;
            let flag = (u8::from(spike) * SPIKE)
                | (u8::from(is_active) * ACTIVE)
                | (u8::from(clipped_u) * CLIPPED_U)
                | (u8::from(clipped_v) * CLIPPED_V);
            flags[i] = flag;
            events |= flag;
            active += u64::from(is_active);
        }
        self.counts.active = active;
        self.counts.inactive = n as u64 - active;
        self.state.fired.clear();
        if events & !ACTIVE != 0 {
            self.events(now);
        }
    }
    /// Collects spikes and saturations from the flags.
    fn events(&mut self, now: Now) {
        for (c, flag) in (0u32..).zip(&self.flags).filter(|(_, f)| **f & !ACTIVE != 0) {
            let at = c as usize;
            self.state.saturated[at][0] += u64::from(flag & CLIPPED_U != 0);
            self.state.saturated[at][1] += u64::from(flag & CLIPPED_V != 0);
            if flag & SPIKE != 0 {
                self.state.fired.push(c);
                self.state.last[at] = now.position;
            }
        }
        let t = &self.table.neurons;
        self.counts.spikes = self.state.fired.len() as u64;
        for c in &self.state.fired {
            let c = *c as usize;
            let (ew, ns) = t.hops[c];
            let sent = u64::from(t.first_message[c + 1] - t.first_message[c]);
            self.counts.axon_out += sent;
            self.counts.tile_entries += sent;
            self.counts.hops_ew += u64::from(ew);
            self.counts.hops_ns += u64::from(ns);
        }
    }

    /// Everything after the exchange of messages: files them, then modulators, traces and, at
    /// the end of an epoch, plasticity.
    pub(crate) fn learn(&mut self, now: Now, widths: &Widths, draws: &Draws) {
        self.receive(now);
        self.modulators(now, widths, draws);
        for (g, table) in self.table.groups.iter().enumerate() {
            traces(table, &mut self.state, g, &self.rows[g], now, widths, draws);
        }
        self.counts.traces = self.table.n_traces;
        self.counts.modulators = self.table.n_lines;
        if now.last {
            self.plasticity(now, widths, draws);
        }
    }

    /// Files the messages of this step for their arrival. Source: S3, S14, S32.
    fn receive(&mut self, now: Now) {
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
    }

    /// Source: S36, S37.
    fn modulators(&mut self, now: Now, widths: &Widths, draws: &Draws) {
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
    }

    fn plasticity(&mut self, now: Now, widths: &Widths, draws: &Draws) {
        let state = &mut self.state;
        let around = Surroundings {
            draws,
            step: now.step,
            epoch: now.epoch,
            length: widths.epoch,
            last: &state.last,
            modulators: &state.modulators,
            ranges: &self.table.modulators,
        };
        for (g, table) in self.table.groups.iter().enumerate() {
            let Some(rule) = &table.rule else { continue };
            let group = &mut state.groups[g];
            let evaluated = learn(table, rule, group, &mut self.work[g], &around);
            let skipped = table.n_synapses() as u64 - evaluated;
            group.evaluated += evaluated;
            group.skipped += skipped;
            let cost = &self.rule_costs[g];
            self.rule_ticks += evaluated * cost.evaluated.ticks + skipped * cost.skipped.ticks;
            group.pre_last.fill(0);
            close_epoch(group, widths);
        }
        state.last.fill(0);
    }
}

/// Where spikes that arrive `ahead` steps after a step are filed.
fn slot(step: u32, ahead: u32, slots: usize) -> usize {
    ((u64::from(step) + u64::from(ahead)) % slots as u64) as usize
}

/// Adds the weights of the spikes that arrive now. Source: S10 to S13.
fn deliver(
    table: &GroupTable,
    state: &mut GroupState,
    now: Now,
    accumulators: &mut [i32],
    counts: &mut Counts,
) {
    let slot = slot(now.step, 0, state.in_flight.len());
    if state.in_flight[slot].is_empty() {
        return;
    }
    let mut arriving = std::mem::take(&mut state.in_flight[slot]);
    let targets = &mut accumulators[table.first_target..table.first_target + table.n_post];
    match table.travel {
        Travel::Fixed(_) => {
            for row in &arriving {
                let row = *row as usize;
                let synapses = table.row(row);
                counts.synops += synapses.len() as u64;
                counts.synapse_words += u64::from(table.row_words[row]);
                let index = table.index.as_ref().map(|index| &index[synapses.clone()]);
                match &state.fields[0] {
                    Lanes::I16(w) => add_row(&w[synapses], index, table.shift, targets),
                    Lanes::U16(w) => add_row(&w[synapses], index, table.shift, targets),
                    Lanes::I32(w) => add_row(&w[synapses], index, table.shift, targets),
                }
            }
        }
        Travel::PerSynapse(_) => {
            counts.synops += arriving.len() as u64;
            // Synapses of a row were filed together, so the row rarely changes.
            let mut row = 0;
            for synapse in &arriving {
                let synapse = *synapse as usize;
                if !table.row(row).contains(&synapse) {
                    row = table.row_start.partition_point(|s| *s as usize <= synapse) - 1;
                }
                let target = &mut targets[table.post_of(row, synapse) as usize];
                let w = state.fields[0].get(synapse);
                *target = target.wrapping_add(contribution(w, table.shift));
            }
        }
    }
    // The list goes back empty, so that its memory is used again.
    arriving.clear();
    state.in_flight[slot] = arriving;
}

fn add_row<T: Copy + Into<i32>>(
    weights: &[T],
    index: Option<&[u16]>,
    shift: i32,
    targets: &mut [i32],
) {
    match index {
        None => {
            for (target, w) in targets.iter_mut().zip(weights) {
                *target = target.wrapping_add(contribution((*w).into(), shift));
            }
        }
        Some(index) => {
            for (post, w) in index.iter().zip(weights) {
                let target = &mut targets[usize::from(*post)];
                *target = target.wrapping_add(contribution((*w).into(), shift));
            }
        }
    }
}

/// Source: S11. Sums wrap, which S12 makes unreachable.
#[inline(always)]
fn contribution(w: i32, shift: i32) -> i32 {
    if shift >= 0 { w << shift } else { w >> -shift }
}

/// Source: S30 to S34.
fn traces(
    table: &GroupTable,
    core: &mut CoreState,
    g: usize,
    rows: &[u32],
    now: Now,
    widths: &Widths,
    draws: &Draws,
) {
    let Some(rule) = &table.rule else { return };
    let state = &mut core.groups[g];
    let pre = |lane: usize| table.pre[lane];
    let columns = rule.pre_columns.iter().zip(&mut state.pre).zip(&mut state.saturated_pre);
    for ((column, values), saturated) in columns {
        decay(column, &mut values.value, now, widths, draws, pre);
        for row in rows {
            let row = *row as usize;
            let clipped = impulse(column, &mut values.value[row], pre(row), now, draws);
            *saturated += u64::from(clipped && rule.counts[row]);
        }
        if column.history {
            let positions = widths.epoch as usize + 1;
            let kept = values.history.iter_mut().skip(now.position.into()).step_by(positions);
            kept.zip(&values.value).for_each(|(kept, x)| *kept = *x);
        }
    }
    let post = |lane: usize| table.first_post + lane as u32;
    let first = table.first_target as u32;
    let from = core.fired.partition_point(|c| *c < first);
    let to = core.fired.partition_point(|c| *c < first + table.n_post as u32);
    let columns = rule.post_columns.iter().zip(&mut state.post).zip(&mut state.saturated_post);
    for ((column, values), saturated) in columns {
        decay(column, &mut values.value, now, widths, draws, post);
        for compartment in &core.fired[from..to] {
            let lane = (*compartment - first) as usize;
            let clipped = impulse(column, &mut values.value[lane], post(lane), now, draws);
            *saturated += u64::from(clipped && rule.counts_posts);
        }
        if column.history {
            let at = usize::from(now.position) * table.n_post;
            values.history[at..at + table.n_post].copy_from_slice(&values.value);
        }
    }
}

fn decay(
    column: &ColumnTable,
    values: &mut [i32],
    now: Now,
    widths: &Widths,
    draws: &Draws,
    lane: impl Fn(usize) -> u32,
) {
    let (keep, bits) = (column.keep, widths.decay_bits);
    let key = draws.site(now.step, column.stream, site::DECAY);
    let scale = |x: i32, rounding, draw| {
        // A trace is never negative and fits 16 bits.
        narrow::decay_trace(x as u32, keep, bits, rounding, draw) as i32
    };
    match column.rounding {
        Rounding::Stochastic => {
            for (k, x) in values.iter_mut().enumerate() {
                *x = scale(*x, Rounding::Stochastic, key.draw(lane(k), 0));
            }
        }
        Rounding::Nearest => values.iter_mut().for_each(|x| *x = scale(*x, Rounding::Nearest, 0)),
        // The same for what is not negative.
        Rounding::Floor | Rounding::Zero => {
            values.iter_mut().for_each(|x| *x = scale(*x, Rounding::Floor, 0));
        }
    }
}

/// Adds the impulse of a spike; says whether the sum was clipped.
fn impulse(column: &ColumnTable, x: &mut i32, lane: u32, now: Now, draws: &Draws) -> bool {
    let impulse = i64::from(column.impulse);
    let added = match column.kind {
        ColumnKind::Linear => impulse,
        ColumnKind::Saturating => {
            let draw = match column.rounding {
                Rounding::Stochastic => {
                    draws.site(now.step, column.stream, site::IMPULSE).draw(lane, 0)
                }
                _ => 0,
            };
            let rest = i64::from(column.x_max) - i64::from(*x);
            fixed::round_shift(impulse * rest, column.shift, column.rounding, draw)
        }
    };
    let sum = i64::from(*x) + added;
    let fitted = sum.clamp(0, column.max.into());
    *x = fitted as i32;
    fitted != sum
}

/// The value at the end of an epoch is position 0 of the next one.
fn close_epoch(group: &mut GroupState, widths: &Widths) {
    let length = widths.epoch as usize;
    for ColumnState { history, .. } in &mut group.pre {
        for positions in history.chunks_exact_mut(length + 1) {
            positions[0] = positions[length];
        }
    }
    for ColumnState { value, history } in &mut group.post {
        if !history.is_empty() {
            history[..value.len()].copy_from_slice(value);
        }
    }
}
