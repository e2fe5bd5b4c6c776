//! What a step does to the units of the cores and to the network between them, as the timing
//! model wants to know it, and where the time of a step goes (`docs/timing.md`).

use crate::core::Core;
use crate::ledger::{Clock, Counts, Critical};
use crate::tables::{CoreTable, Travel};
use trifactor_entity::EntityId;
use trifactor_image::Image;
use trifactor_isa::{Chip, CoreId, ResolvedCosts};
use trifactor_timing::event::Engine;
use trifactor_timing::{self as timing, CoreWork, Machine, Mesh, Message, Observer, Rates};

/// The cores of an image and what connects them, with the work of the step at hand.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub engine: Engine,
    /// Work of every core, while it is handed over.
    works: Vec<CoreWork>,
    /// Messages of the step's inputs.
    pub host: Vec<Message>,
    /// Whether every step has an update part, and whether the last of each epoch has (T3).
    updates: [bool; 2],
}

fn ticks(n: u64) -> u64 {
    n.max(1)
}

impl Network {
    pub(crate) fn new(
        image: &Image,
        chip: &Chip,
        costs: &ResolvedCosts,
        tables: &[CoreTable],
    ) -> Self {
        let mesh = chip.mesh;
        let rates = Rates {
            queue: mesh.router.queue as usize,
            link: mesh.router.link_ticks.into(),
            tile_entry: ticks(costs.tile_entry.ticks),
            hop_ew: ticks(costs.hop_ew.ticks),
            hop_ns: ticks(costs.hop_ns.ticks),
            border: costs.hop_chip.ticks,
            axon_out: ticks(costs.axon_out.ticks),
        };
        // Routes stay inside the rectangle of what is used and the host's tile (0, 0).
        let at = |core: &trifactor_image::Core| chip.tile_of(CoreId::from_index(core.id as usize));
        let columns = image.cores.iter().map(|core| at(core).0 + 1).max().unwrap_or(1);
        let rows = image.cores.iter().map(|core| at(core).1 + 1).max().unwrap_or(1);
        let place = |core: &trifactor_image::Core| {
            let (x, y) = at(core);
            timing::Core { tile: y * columns + x, place: core.id % mesh.cores_per_tile }
        };
        let machine = Machine {
            rates,
            mesh: Mesh { columns, rows, chip_columns: mesh.columns, chip_rows: mesh.rows },
            cores: image.cores.iter().map(place).collect(),
            places: mesh.cores_per_tile,
            host: 0,
        };
        Self {
            works: vec![CoreWork::default(); tables.len()],
            host: Vec::new(),
            updates: [
                tables.iter().any(|t| t.n_traces + t.n_lines > 0),
                tables.iter().any(|t| t.groups.iter().any(|g| g.rule.is_some())),
            ],
            engine: Engine::new(machine),
        }
    }

    /// Adds the time of a step to the clock, cause by cause. Source: T3, T4, T19.
    pub(crate) fn account<O: Observer>(
        &mut self,
        cores: &mut [Core],
        costs: &ResolvedCosts,
        barrier: u64,
        last: bool,
        clock: &mut Clock,
        watch: &mut O,
    ) {
        for (core, work) in cores.iter_mut().zip(&mut self.works) {
            std::mem::swap(&mut core.work, work);
        }
        let end = self.engine.spike_part(&self.works, &self.host, watch);
        for (core, work) in cores.iter_mut().zip(&mut self.works) {
            std::mem::swap(&mut core.work, work);
        }
        self.host.clear();
        let mut time = end + barrier;
        clock.barriers += 1;
        let critical = &mut clock.critical;
        let slowest = first_largest(0..cores.len(), |c| self.engine.times(c).compartments);
        let done = slowest.map_or(0, |c| {
            let times = self.engine.times(c);
            critical.spike_part(&cores[c].delivered, &cores[c].counts, times.stalled);
            times.compartments
        });
        critical.messages += end - done;
        if self.updates[0] || self.updates[1] && last {
            let update = |core: &Core| core.counts.update_ticks(costs) + core.rule_ticks;
            if let Some(c) = first_largest(0..cores.len(), |c| update(&cores[c])) {
                let core = &mut cores[c];
                time += update(core);
                critical.update_part(&core.counts);
                if last {
                    for group in &mut core.state.groups {
                        group.critical[0] += group.latest[0];
                        group.critical[1] += group.latest[1];
                    }
                }
            }
            time += barrier;
            clock.barriers += 1;
        }
        clock.time_ticks += time;
        clock.longest = clock.longest.max(time);
    }
}

/// Ticks that the input axon unit spends on a message (T10).
pub(crate) fn service(table: &CoreTable, axon: u32, costs: &ResolvedCosts) -> u32 {
    let read = table.axons[axon as usize].map_or(0, |(group, row)| {
        let (group, row) = (&table.groups[group as usize], row as usize);
        let words = u64::from(group.row_words[row]) * costs.synapse_word.ticks;
        match group.travel {
            _ if group.sends => words + group.row(row).len() as u64 * costs.synop.ticks,
            Travel::Fixed(_) => 0,
            Travel::PerSynapse(_) => words,
        }
    });
    u32::try_from(ticks(costs.axon_in.ticks + read)).unwrap_or(u32::MAX)
}

fn first_largest(all: std::ops::Range<usize>, mut of: impl FnMut(usize) -> u64) -> Option<usize> {
    let mut best = None;
    for c in all {
        let value = of(c);
        if best.is_none_or(|(_, largest)| value > largest) {
            best = Some((c, value));
        }
    }
    best.map(|(c, _)| c)
}

impl Critical {
    fn spike_part(&mut self, delivered: &[u64; 2], counts: &Counts, stalled: u64) {
        self.counts.synapse_words += delivered[0];
        self.counts.synops += delivered[1];
        self.counts.inactive += counts.inactive;
        self.counts.active += counts.active;
        self.counts.spikes += counts.spikes;
        self.stalled += stalled;
    }
    fn update_part(&mut self, counts: &Counts) {
        self.counts.traces += counts.traces;
        self.counts.modulators += counts.modulators;
    }
}

/// When the units of a core were done in the last step, in ticks from the beginning of each part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoreStep {
    /// In the spike part (T6 to T10).
    pub spike: timing::CoreTimes,
    /// In the update part (T18).
    pub update: u64,
}
