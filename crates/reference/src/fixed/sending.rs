//! Delivery where a weight that learns is read when its spike is sent (S87).

use super::{FixedMachine, RING};
use std::collections::BTreeMap;
use trifactor_entity::{EntityId, SideTable};
use trifactor_fixed::WeightsRead;
use trifactor_ir::{Delay, Phase, PhaseId, Read};
use trifactor_quant::eval;

/// Contributions by the step of their arrival: output, post lane, amount.
pub(super) type Sent = Vec<Vec<(usize, u32, i64)>>;

impl FixedMachine<'_> {
    /// Whether a delivery reads its weights as spikes are sent: a projection that does not learn
    /// has the same weights then.
    pub(super) fn sends(&self, phase: &Phase) -> bool {
        self.plan.neuron.input.weights == WeightsRead::Sending
            && self.net.plastic().contains(&phase.over)
    }

    /// What the spikes of this step will add, filed for their arrival. Source: S87.
    pub(super) fn send(&mut self, id: PhaseId, phase: &Phase) {
        let kernel = &self.net.kernels[phase.kernel];
        let synapses = self.net.synapses(phase.over).expect("internal: delivery over lanes (I6)");
        let input = &self.plan.neuron.input;
        let mut sums: BTreeMap<(usize, u32, usize), i64> = BTreeMap::new();
        let mut sent = Vec::new();
        for k in 0..synapses.len() {
            let pre = self.pre_lanes[phase.over.index()][k] as usize;
            let arrival = phase.reads.values().find_map(|read| match *read {
                Read::Arriving { spike, delay } if self.raw[spike.index()][pre] != 0 => {
                    Some(match delay {
                        Delay::Fixed(d) => usize::from(d),
                        Delay::PerSynapse(d) => self.raw[d.index()][k] as usize,
                    })
                }
                _ => None,
            });
            let Some(delay) = arrival else { continue };
            let slot = (self.step as usize + 1 + delay) % RING;
            let mut ports = SideTable::empty();
            for read in phase.reads.values() {
                ports.push(match *read {
                    Read::State(state) => self.raw[state.index()][k],
                    _ => 1,
                });
            }
            let no_draw = |_: u8| unreachable!("internal: a delivery rounds nothing");
            let values = eval(kernel, &self.plan.phases[id], &ports, &no_draw);
            let post = synapses.post_lane[k];
            for (j, output) in kernel.outputs.iter().enumerate() {
                let shift = -self.plan.phases[id].outputs[j].shift;
                if input.sums_first(shift) {
                    *sums.entry((j, post, slot)).or_default() += values[output.value];
                } else {
                    let moved = input.contribution(values[output.value], shift);
                    sent.push((slot, (j, post, moved)));
                }
            }
        }
        for ((j, post, slot), sum) in sums {
            let shift = -self.plan.phases[id].outputs[j].shift;
            sent.push((slot, (j, post, input.contribution(sum, shift))));
        }
        for (slot, contribution) in sent {
            self.sending[id.index()][slot].push(contribution);
        }
    }

    /// Adds what arrives now.
    pub(super) fn deliver_sent(&mut self, id: PhaseId, phase: &Phase) {
        let slot = self.step as usize % RING;
        for (j, post, amount) in std::mem::take(&mut self.sending[id.index()][slot]) {
            self.raw[phase.writes[j].index()][post as usize] += amount;
        }
    }
}
