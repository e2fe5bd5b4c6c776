//! What happened in the last step, for those who look: messages and the work of each core.
//!
//! Everything here is read off what the step left behind, so a step costs the same whether or
//! not somebody looks.

use crate::machine::Emulator;
use trifactor_timing::Message;

/// A message of the last step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Sent {
    /// Population that fired, in the image's map.
    pub population: usize,
    /// Lane that fired.
    pub lane: u32,
    /// Sender: position in the image's list of cores; `None` for the host port.
    pub from: Option<usize>,
    /// Receiver: position in the image's list of cores.
    pub to: usize,
    /// Input axon there.
    pub axon: u32,
}

/// What a core did in the last step, and how often its rules were executed so far.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CoreWork {
    /// Messages that arrived.
    pub messages_in: u64,
    /// Weights delivered.
    pub synops: u64,
    /// Compartments with input or a spike.
    pub active: u64,
    /// Spikes.
    pub spikes: u64,
    /// Messages sent.
    pub messages_out: u64,
    /// Synapses that rules were executed for since the ledger was cleared.
    pub evaluated_so_far: u64,
    /// Synapses that guards skipped since the ledger was cleared.
    pub skipped_so_far: u64,
}

impl Emulator {
    /// Number of cores that the image uses.
    pub fn n_cores(&self) -> usize {
        self.cores.len()
    }

    /// What a core did in the last step; zeros for a core that is not there.
    pub fn core_work(&self, core: usize) -> CoreWork {
        let Some(core) = self.cores.get(core) else { return CoreWork::default() };
        let (groups, counts) = (&core.state.groups, &core.counts);
        CoreWork {
            messages_in: counts.axon_in,
            synops: counts.synops,
            active: counts.active,
            spikes: counts.spikes,
            messages_out: counts.axon_out,
            evaluated_so_far: groups.iter().map(|g| g.evaluated).sum(),
            skipped_so_far: groups.iter().map(|g| g.skipped).sum(),
        }
    }

    /// Calls `visit` for every message of the last step, by population, then by lane: an order
    /// that does not depend on the placement.
    pub fn visit_messages(&self, mut visit: impl FnMut(Sent)) {
        for (population, state) in self.populations.iter().enumerate() {
            for &lane in &state.fired {
                let mut send = |from, message: &Message| {
                    let (to, axon) = (message.to as usize, message.axon);
                    visit(Sent { population, lane, from, to, axon });
                };
                if state.slices.is_empty() {
                    // Lanes behind the last one with a message need no entry in the map.
                    let messages = state.messages.get(lane as usize).into_iter().flatten();
                    messages.for_each(|sent| send(None, sent));
                    continue;
                }
                // Slices tile the lanes.
                let at = state.slices.partition_point(|(_, s)| s.first_lane <= lane) - 1;
                let (core, slice) = &state.slices[at];
                let neurons = &self.cores[*core].table.neurons;
                let c = (slice.first_compartment + lane - slice.first_lane) as usize;
                let sent = neurons.first_message[c]..neurons.first_message[c + 1];
                for message in sent {
                    send(Some(*core), &neurons.messages[message as usize]);
                }
            }
        }
    }
}
