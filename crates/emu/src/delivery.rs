//! The deliver phase: from spikes in flight to accumulators (S3, S10 to S14).

use crate::core::Now;
use crate::ledger::Counts;
use crate::state::{GroupState, Lanes};
use crate::tables::{GroupTable, Travel};
use std::collections::BTreeMap;
use trifactor_fixed::{InputArithmetic, NeuronArithmetic};

/// Where spikes that arrive `ahead` steps after a step are filed.
pub(crate) fn slot(step: u32, ahead: u32, slots: usize) -> usize {
    ((u64::from(step) + u64::from(ahead)) % slots as u64) as usize
}

/// Adds the weights of the spikes that arrive now. Source: S10 to S13.
pub(crate) fn deliver(
    table: &GroupTable,
    state: &mut GroupState,
    now: Now,
    neuron: &NeuronArithmetic,
    accumulators: &mut [i32],
    counts: &mut Counts,
) {
    let slot = slot(now.step, 0, state.in_flight.len());
    if state.in_flight[slot].is_empty() {
        return;
    }
    let mut arriving = std::mem::take(&mut state.in_flight[slot]);
    let targets = &mut accumulators[table.first_target..table.first_target + table.n_post];
    let input = neuron.input;
    if table.sends {
        for pair in arriving.chunks_exact(2) {
            let target = &mut targets[pair[0] as usize];
            *target = target.wrapping_add(pair[1] as i32);
        }
        arriving.clear();
        state.in_flight[slot] = arriving;
        return;
    }
    if input.sums_first(table.shift) || input.weight_limit.is_some() {
        deliver_as(table, state, &arriving, input, targets, counts);
        arriving.clear();
        state.in_flight[slot] = arriving;
        return;
    }
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

/// Reads the weights of the rows that spike now and files what they will add. Source: S87.
pub(crate) fn send(
    table: &GroupTable,
    state: &mut GroupState,
    rows: &[u32],
    now: Now,
    neuron: &NeuronArithmetic,
    counts: &mut Counts,
) {
    let (input, shift) = (neuron.input, table.shift);
    let slots = state.in_flight.len();
    // Sums by slot of arrival and post lane, where these are shifted together.
    let mut sums: BTreeMap<(usize, u32), i64> = BTreeMap::new();
    for row in rows {
        let row = *row as usize;
        counts.synops += table.row(row).len() as u64;
        counts.synapse_words += u64::from(table.row_words[row]);
        for synapse in table.row(row) {
            let delay = match table.travel {
                Travel::Fixed(d) => d,
                Travel::PerSynapse(field) => state.fields[field].get(synapse).clamp(0, 62) as u32,
            };
            let slot = slot(now.step, 1 + delay, slots);
            let (post, weight) = (table.post_of(row, synapse), state.fields[0].get(synapse).into());
            if input.sums_first(shift) {
                *sums.entry((slot, post)).or_default() += weight;
            } else {
                let amount = input.contribution(weight, shift) as i32;
                state.in_flight[slot].extend([post, amount as u32]);
            }
        }
    }
    for ((slot, post), sum) in sums {
        let amount = input.contribution(sum, shift) as i32;
        state.in_flight[slot].extend([post, amount as u32]);
    }
}

/// The same with contributions that are limited, or shifted as a sum.
fn deliver_as(
    table: &GroupTable,
    state: &GroupState,
    arriving: &[u32],
    input: InputArithmetic,
    targets: &mut [i32],
    counts: &mut Counts,
) {
    let shift = table.shift;
    let sums = input.sums_first(shift).then(|| vec![0; targets.len()]);
    let mut inputs = Inputs { input, shift, targets, sums };
    match table.travel {
        Travel::Fixed(_) => {
            for row in arriving {
                let row = *row as usize;
                counts.synops += table.row(row).len() as u64;
                counts.synapse_words += u64::from(table.row_words[row]);
                for synapse in table.row(row) {
                    inputs.add(table.post_of(row, synapse), state.fields[0].get(synapse));
                }
            }
        }
        Travel::PerSynapse(field) => {
            counts.synops += arriving.len() as u64;
            // Spikes of one step and one delay are summed together; a delay that learns stands
            // for what it is now, as in the fixed reading.
            let delay = |synapse: &u32| state.fields[field].get(*synapse as usize);
            let mut order: Vec<(i32, u32)> = arriving.iter().map(|s| (delay(s), *s)).collect();
            order.sort_unstable();
            let mut travelled = None;
            for (delay, synapse) in order {
                let synapse = synapse as usize;
                if travelled.replace(delay).is_some_and(|before| before != delay) {
                    inputs.flush();
                }
                let row = table.row_start.partition_point(|s| *s as usize <= synapse) - 1;
                inputs.add(table.post_of(row, synapse), state.fields[0].get(synapse));
            }
        }
    }
    inputs.flush();
}

/// Accumulators, with sums of weights in front of them where these are shifted together.
struct Inputs<'a> {
    input: InputArithmetic,
    shift: i32,
    targets: &'a mut [i32],
    sums: Option<Vec<i64>>,
}

impl Inputs<'_> {
    fn add(&mut self, post: u32, weight: i32) {
        let (post, weight) = (post as usize, i64::from(weight));
        match &mut self.sums {
            Some(sums) => sums[post] += weight,
            None => self.contribute(post, weight),
        }
    }
    fn contribute(&mut self, post: usize, weight: i64) {
        let moved = self.input.contribution(weight, self.shift);
        self.targets[post] = self.targets[post].wrapping_add(moved as i32);
    }
    /// Moves the sums into the accumulators.
    fn flush(&mut self) {
        let Some(mut sums) = self.sums.take() else { return };
        for (post, sum) in sums.iter_mut().enumerate() {
            self.contribute(post, std::mem::take(sum));
        }
        self.sums = Some(sums);
    }
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
