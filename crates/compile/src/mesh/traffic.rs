//! How many messages pass between cores.

use crate::place::Placement;
use crate::route::Routes;
use crate::structure::{PopulationId, Structure};
use std::collections::BTreeMap;
use trifactor_entity::SideTable;
use trifactor_ir::CheckedNetwork;

/// Thousandths: the unit in which messages per step are counted, so that sums are exact.
pub const MILLI: u64 = 1000;

/// Messages in a step in which every lane fires as often as expected, in thousandths.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Traffic {
    /// From each core to others: (core, messages), cores ascending. Cores are numbered as in the
    /// placement.
    pub between: Vec<Vec<(u32, u64)>>,
    /// From the host port to each core.
    pub from_host: Vec<u64>,
    /// From each core to itself.
    pub within: Vec<u64>,
    /// Spikes that these messages are for.
    pub spikes: u64,
}

/// Expected spikes per lane and step by the name of the population; one where nothing is said.
pub type Rates = BTreeMap<String, f64>;

impl Traffic {
    /// Counts the messages of routes.
    pub fn of(
        net: &CheckedNetwork,
        structure: &Structure,
        placement: &Placement,
        routes: &Routes,
        rates: &Rates,
    ) -> Self {
        let n = placement.cores.len();
        let mut traffic = Self {
            between: vec![Vec::new(); n],
            from_host: vec![0; n],
            within: vec![0; n],
            spikes: 0,
        };
        let rate = milli_rates(net, structure, rates);
        let mut sums = Sums { to: vec![0; n], touched: Vec::new() };
        for (core, placed) in placement.cores.iter().enumerate() {
            for slice in &placed.slices {
                let each = rate[slice.population];
                let lanes = slice.first_lane as usize..(slice.first_lane + slice.n) as usize;
                for messages in &routes.messages[slice.population][lanes] {
                    traffic.spikes += each;
                    sums.add(messages, each);
                }
            }
            traffic.within[core] = std::mem::take(&mut sums.to[core]);
            traffic.between[core] = sums.take();
        }
        for (id, population) in structure.populations.iter() {
            if population.phase.is_none() {
                for messages in &routes.messages[id] {
                    traffic.spikes += rate[id];
                    sums.add(messages, rate[id]);
                }
            }
        }
        for (core, messages) in sums.take() {
            traffic.from_host[core as usize] = messages;
        }
        traffic
    }

    /// Number of cores.
    pub fn n_cores(&self) -> usize {
        self.between.len()
    }

    /// All messages, those within a core included.
    pub fn messages(&self) -> u64 {
        let between = self.between.iter().flatten().map(|(_, n)| n).sum::<u64>();
        between + self.from_host.iter().sum::<u64>() + self.within.iter().sum::<u64>()
    }

    /// Messages between each core and others, in either direction: cores ascending.
    pub(crate) fn both_ways(&self) -> Vec<Vec<(u32, u64)>> {
        let mut near = self.between.clone();
        for (from, list) in (0u32..).zip(&self.between) {
            for &(to, messages) in list {
                near[to as usize].push((from, messages));
            }
        }
        for list in &mut near {
            list.sort_unstable_by_key(|(core, _)| *core);
            list.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                kept.1 += if same { later.1 } else { 0 };
                same
            });
        }
        near
    }
}

/// Expected spikes of each lane of a population in thousandths.
pub(crate) fn milli_rates(
    net: &CheckedNetwork,
    structure: &Structure,
    rates: &Rates,
) -> SideTable<PopulationId, u64> {
    SideTable::for_each(&structure.populations, |_, p| {
        let rate = rates.get(&net.spaces[p.space].name).copied().unwrap_or(1.0);
        // Nothing fires more than once in a step; a rate that is no number counts as 0.
        (rate.clamp(0.0, 1.0) * MILLI as f64).round() as u64
    })
}

/// Messages to each core, and which of these are not 0.
struct Sums {
    to: Vec<u64>,
    touched: Vec<u32>,
}

impl Sums {
    fn add(&mut self, messages: &[(u32, u16)], each: u64) {
        if each == 0 {
            return;
        }
        for (core, _) in messages {
            let sum = &mut self.to[*core as usize];
            if *sum == 0 {
                self.touched.push(*core);
            }
            *sum += each;
        }
    }
    /// What was added since the last time; a core whose sum was taken away is left out.
    fn take(&mut self) -> Vec<(u32, u64)> {
        self.touched.sort_unstable();
        self.touched.dedup();
        let list = self.touched.drain(..).map(|core| (core, self.to[core as usize]));
        let list: Vec<(u32, u64)> = list.filter(|(_, sum)| *sum > 0).collect();
        for (core, _) in &list {
            self.to[*core as usize] = 0;
        }
        list
    }
}
