//! What a step makes the units of the cores do, for the stepped model of time: written from
//! `docs/timing.md`, one job for every word, weight, compartment, message and instruction.

use super::Oracle;
use std::collections::{BTreeMap, BTreeSet};
use trifactor_image::{NO_DELAY_FIELD, NO_PROFILE, words_for};
use trifactor_isa::{Chip, Cost, Inst, ResolvedCosts};
use trifactor_timing::stepped::{Compartment, CoreJobs, Job, Parcel, Prices};
use trifactor_timing::{Core, Machine, Mesh, Rates};

/// What happened in a step.
#[derive(Default)]
pub(super) struct Record {
    /// Synapses whose spikes arrived.
    pub arrived: Vec<usize>,
    /// Compartments with input, by core.
    pub active: BTreeSet<(usize, usize)>,
    /// Compartments that spiked.
    pub spiked: BTreeSet<(usize, usize)>,
    /// Messages of inputs: core, input axon.
    pub host: Vec<(usize, usize)>,
    /// Plastic synapses: core, group, whether the rule ran.
    pub learned: Vec<(usize, usize, bool)>,
}

fn job(cost: Cost) -> Job {
    Job { ticks: cost.ticks, fj: cost.fj }
}

/// Chip of a core, and column and row of its tile on the mesh of all chips: cores are counted
/// tile by tile and chip by chip, both row by row (`docs/placement.md`).
pub fn place(chip: &Chip, id: u32) -> (u32, (u32, u32)) {
    let mesh = chip.mesh;
    let tile = id / mesh.cores_per_tile;
    let (on, tile) = (tile / (mesh.columns * mesh.rows), tile % (mesh.columns * mesh.rows));
    let corner = (on % mesh.chips.columns * mesh.columns, on / mesh.chips.columns * mesh.rows);
    (on, (corner.0 + tile % mesh.columns, corner.1 + tile / mesh.columns))
}

/// Most tiles of a mesh that is moved as a whole.
const TILES: u32 = 64;

/// The machine of an image.
pub fn machine(oracle: &Oracle, chip: &Chip, costs: &ResolvedCosts) -> (Machine, Prices) {
    let mesh = chip.mesh;
    let at = |core: &trifactor_image::Core| place(chip, core.id).1;
    let (mut columns, mut rows) = (mesh.columns * mesh.chips.columns, mesh.rows * mesh.chips.rows);
    if columns * rows > TILES {
        // No message leaves the rectangle of the host's tile (0, 0) and those in use.
        let cores = &oracle.image.cores;
        columns = cores.iter().map(|core| at(core).0 + 1).max().unwrap_or(1);
        rows = cores.iter().map(|core| at(core).1 + 1).max().unwrap_or(1);
    }
    let machine = Machine {
        rates: Rates {
            queue: mesh.router.queue as usize,
            link: mesh.router.link_ticks.into(),
            tile_entry: costs.tile_entry.ticks,
            hop_ew: costs.hop_ew.ticks,
            hop_ns: costs.hop_ns.ticks,
            border: costs.hop_chip.ticks,
            axon_out: costs.axon_out.ticks,
        },
        mesh: Mesh { columns, rows, chip_columns: mesh.columns, chip_rows: mesh.rows },
        cores: (oracle.image.cores.iter())
            .map(|core| Core {
                tile: at(core).1 * columns + at(core).0,
                place: core.id % mesh.cores_per_tile,
            })
            .collect(),
        places: mesh.cores_per_tile,
        host: 0,
    };
    let prices = Prices {
        axon_out: costs.axon_out.fj,
        tile_entry: costs.tile_entry.fj,
        hop_ew: costs.hop_ew.fj,
        hop_ns: costs.hop_ns.fj,
        border: costs.hop_chip.fj,
    };
    (machine, prices)
}

impl Oracle {
    /// Words of the list behind an input axon.
    fn words(&self, core: usize, axon: usize) -> usize {
        let core = &self.image.cores[core];
        let group = core
            .groups
            .iter()
            .find(|g| (g.first_axon..g.first_axon + g.n_axons).contains(&(axon as u32)));
        group.map_or(0, |group| {
            let format = &core.formats[usize::from(group.format)];
            words_for(core.axons_in[axon].n_synapses as usize, format)
        })
    }
    fn parcel(&self, (to, axon): (usize, usize), costs: &ResolvedCosts) -> Parcel {
        let core = &self.image.cores[to];
        let own_delays = core.groups.iter().any(|g| {
            (g.first_axon..g.first_axon + g.n_axons).contains(&(axon as u32))
                && g.delay_field != NO_DELAY_FIELD
        });
        let words = if own_delays { self.words(to, axon) } else { 0 };
        let cost = costs.axon_in + costs.synapse_word * words as u64;
        Parcel { to, axon: axon as u32, service: job(cost) }
    }

    /// The work of the last step, core by core, and the messages of its inputs.
    pub fn jobs(&self, costs: &ResolvedCosts) -> (Vec<CoreJobs>, Vec<Parcel>) {
        let mut jobs = vec![CoreJobs::default(); self.image.cores.len()];
        // T6: the words of each list that arrives as a whole, and every weight.
        let mut lists = BTreeSet::new();
        for s in self.record.arrived.iter().map(|s| &self.synapses[*s]) {
            let group = &self.image.cores[s.core].groups[s.group];
            let axon = group.first_axon as usize + s.row;
            if group.delay_field == NO_DELAY_FIELD && lists.insert((s.core, axon)) {
                for _ in 0..self.words(s.core, axon) {
                    jobs[s.core].synapses.push(job(costs.synapse_word));
                }
            }
            jobs[s.core].synapses.push(job(costs.synop));
        }
        let at: BTreeMap<u32, usize> =
            self.image.cores.iter().enumerate().map(|(at, c)| (c.id, at)).collect();
        for (c, core) in self.image.cores.iter().enumerate() {
            for (k, record) in core.compartments.iter().enumerate() {
                let spiked = self.record.spiked.contains(&(c, k));
                let mut cost = match spiked || self.record.active.contains(&(c, k)) {
                    true => costs.compartment_active,
                    false => costs.compartment_inactive,
                };
                let mut messages = Vec::new();
                if spiked {
                    cost += costs.spike_out;
                    for m in record.first_out..record.first_out + record.n_out {
                        let out = core.axons_out[m as usize];
                        messages.push(self.parcel((at[&out.core], out.axon.into()), costs));
                    }
                }
                jobs[c].compartments.push(Compartment { job: job(cost), messages });
            }
            // T18.
            let learning = &costs.learning;
            for range in &core.modulators {
                for _ in 0..range.n_lines {
                    jobs[c].update.push(job(learning.modulator_update));
                }
            }
            for _ in self.traces.iter().filter(|t| t.core == c) {
                jobs[c].update.push(job(learning.trace_update));
            }
        }
        for (c, g, ran) in &self.record.learned {
            let core = &self.image.cores[*c];
            let profile = &core.profiles[usize::from(core.groups[*g].profile)];
            let update = &mut jobs[*c].update;
            if !ran {
                update.push(job(costs.learning.skipped_synapse));
                continue;
            }
            update.push(job(costs.learning.state_access));
            for word in &core.ucode[profile.first_word as usize..] {
                let inst = Inst::decode(*word).unwrap();
                update.push(job(costs.learning.of(inst.opcode().class())));
                if matches!(inst, Inst::Halt) {
                    break;
                }
            }
        }
        let host = self.record.host.iter().map(|to| self.parcel(*to, costs)).collect();
        (jobs, host)
    }

    /// T3: whether the last step had an update part.
    pub fn updates(&self) -> bool {
        let learns =
            |core: &trifactor_image::Core| core.groups.iter().any(|g| g.profile != NO_PROFILE);
        let cores = &self.image.cores;
        !self.traces.is_empty()
            || cores.iter().any(|core| core.modulators.iter().any(|range| range.n_lines > 0))
            || self.step.is_multiple_of(self.image.meta.epoch) && cores.iter().any(learns)
    }
}
