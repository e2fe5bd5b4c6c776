//! What lies between the two parts of a step in which cores do not see each other: spikes become
//! messages, and when these travel is found out.

use crate::core::Core;
use crate::ledger::Counts;
use crate::machine::Population;
use crate::network::Network;
use crate::times::Laps;
use std::borrow::{Borrow, BorrowMut};
use trifactor_timing::Observer;

/// What is not a core's own.
pub(crate) struct Exchange<'a> {
    pub populations: &'a mut [Population],
    /// What the host sends.
    pub host: &'a mut Counts,
    /// Those that keep time; the first one is watched.
    pub networks: &'a mut [Network],
    pub laps: &'a mut Laps,
}

impl Exchange<'_> {
    /// Spikes of compartments, and those of inputs, become messages.
    pub(crate) fn messages(
        &mut self,
        cores: &mut [impl BorrowMut<Core>],
        inputs: &[(usize, &[u32])],
    ) {
        self.laps.begin();
        collect_spikes(self.populations, cores);
        send_spikes(cores);
        self.send_inputs(cores, inputs);
        self.laps.lap(|t| &mut t.messages);
        for (at, network) in self.networks.iter_mut().enumerate() {
            let inputs = self.populations.iter().filter(|p| p.slices.is_empty());
            // Lanes behind the last one with a message need no entry in the map.
            let inputs = inputs.flat_map(|p| {
                let lanes = p.fired.iter().map_while(|lane| p.messages.get(*lane as usize));
                lanes.flatten()
            });
            network.take(at, cores, inputs);
        }
        self.laps.lap(|t| &mut t.ledger);
    }

    /// Hands the messages of inputs over.
    fn send_inputs(&mut self, cores: &mut [impl BorrowMut<Core>], inputs: &[(usize, &[u32])]) {
        for (at, lanes) in inputs {
            self.populations[*at].fired.extend_from_slice(lanes);
        }
        let mut counts = Counts::default();
        for population in self.populations.iter_mut().filter(|p| p.slices.is_empty()) {
            population.fired.sort_unstable();
            population.fired.dedup();
            for lane in &population.fired {
                // Lanes behind the last one with a message need no entry in the map.
                let Some(messages) = population.messages.get(*lane as usize) else { break };
                counts.tile_entries += messages.len() as u64;
                counts.hop(population.hops[*lane as usize]);
                for message in messages {
                    cores[message.to as usize].borrow_mut().inbox.push(message.axon);
                }
            }
        }
        self.host.add(&counts);
    }

    /// Lets the spike part happen with every preset.
    pub(crate) fn spike_parts<O: Observer>(&mut self, watch: &mut O) {
        self.laps.begin();
        if let Some((first, others)) = self.networks.split_first_mut() {
            first.spike_part(watch);
            others.iter_mut().for_each(|network| network.spike_part(&mut ()));
        }
        self.laps.lap(|t| &mut t.ledger);
    }
}

/// Translates the compartments that fired to lanes of their populations.
pub(crate) fn collect_spikes(populations: &mut [Population], cores: &[impl Borrow<Core>]) {
    for population in populations {
        population.fired.clear();
        for (core, s) in &population.slices {
            let fired = &cores[*core].borrow().state.fired;
            let (from, to) = (s.first_compartment, s.first_compartment + s.n);
            let from_at = fired.partition_point(|c| *c < from);
            let to_at = fired.partition_point(|c| *c < to);
            let lanes = fired[from_at..to_at].iter().map(|c| c - from + s.first_lane);
            population.fired.extend(lanes);
        }
    }
}

/// Hands the messages of compartments over, in the order of cores.
fn send_spikes(cores: &mut [impl BorrowMut<Core>]) {
    for sender in 0..cores.len() {
        for at in 0..cores[sender].borrow().state.fired.len() {
            let from: &Core = cores[sender].borrow();
            let c = from.state.fired[at] as usize;
            let neurons = &from.table.neurons;
            for message in neurons.first_message[c]..neurons.first_message[c + 1] {
                let from: &Core = cores[sender].borrow();
                let message = from.table.neurons.messages[message as usize];
                cores[message.to as usize].borrow_mut().inbox.push(message.axon);
            }
        }
    }
}
