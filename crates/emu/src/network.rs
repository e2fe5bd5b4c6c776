//! What a step does to the units of the cores and to the network between them, as the timing
//! model wants to know it, and where the time of a step goes (`docs/timing.md`).
//!
//! One [`Network`] keeps the time with one cost preset. A run may keep it with several: what
//! happens is the same, but when it happens is not, so each has queues and arbiters of its own.

use crate::core::Core;
use crate::ledger::{Elapsed, RuleCost};
use crate::tables::{CoreTable, Travel};
use std::borrow::BorrowMut;
use std::sync::Arc;
use trifactor_entity::EntityId;
use trifactor_image::Image;
use trifactor_isa::{Chip, CoreId, Preset, ResolvedCosts};
use trifactor_timing::event::Engine;
use trifactor_timing::{self as timing, CoreWork, Machine, Mesh, Message, Observer, Rates};

/// When the units of a core were done in the last step, in ticks from the beginning of each part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoreStep {
    /// Number of the core on the chip.
    pub core: u32,
    /// In the spike part (T6 to T10).
    pub spike: timing::CoreTimes,
    /// In the update part (T18).
    pub update: u64,
}

/// The parts of the last step (T3).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct StepTimes {
    /// Length of the spike part in ticks.
    pub spike: u64,
    /// Length of a barrier.
    pub barrier: u64,
    /// Length of the update part, after which there is a second barrier; `None` without one.
    pub update: Option<u64>,
}

impl StepTimes {
    /// Length of the step.
    pub fn total(&self) -> u64 {
        self.spike + self.barrier + self.update.map_or(0, |ticks| ticks + self.barrier)
    }
}

/// What a core does in the update part, in this order (T18).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Update {
    /// All modulator lines.
    Modulators,
    /// All traces.
    Traces,
    /// The rule of a projection, by its position in the map.
    Rule(usize),
}

/// What things take with one cost preset.
#[derive(Clone, Debug)]
pub(crate) struct Prices {
    pub costs: ResolvedCosts,
    /// What the reception of a message takes, by core and input axon.
    service: Vec<Vec<u32>>,
}

impl Prices {
    fn new(costs: ResolvedCosts, tables: &[CoreTable]) -> Self {
        let axons =
            |t: &CoreTable| (0..t.axons.len()).map(|axon| service(t, axon, &costs)).collect();
        Self { service: tables.iter().map(axons).collect(), costs }
    }
    /// What the reception of a message takes.
    pub(crate) fn service(&self, message: &Message) -> u32 {
        self.service[message.to as usize][message.axon as usize]
    }
}

/// The cores of an image and what connects them, with one cost preset.
///
/// A step is told in three parts: what the spike part has to do ([`take`](Self::take)), when it
/// happens ([`spike_part`](Self::spike_part)), which nothing else needs before the step is over,
/// and what that adds to the time of the run ([`account`](Self::account)).
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Cost preset.
    pub preset: String,
    pub prices: Arc<Prices>,
    /// Coefficients that the preset does not give.
    pub missing: Vec<&'static str>,
    pub engine: Engine,
    /// Time so far.
    pub elapsed: Elapsed,
    /// The last step.
    pub times: StepTimes,
    /// Costs of one synapse of each group's rule, by core.
    rules: Vec<Vec<RuleCost>>,
    /// Whether every step has an update part, and whether the last of each epoch has (T3).
    updates: [bool; 2],
    works: Vec<CoreWork>,
    host: Vec<Message>,
}

impl Network {
    pub(crate) fn new(image: &Image, chip: &Chip, preset: &Preset, tables: &[CoreTable]) -> Self {
        let (costs, missing) = preset.resolve(&chip.mesh);
        let rules = |t: &CoreTable| {
            let cost = |g: &crate::tables::GroupTable| match &g.rule {
                Some(rule) => RuleCost::new(&costs, &rule.program.classes),
                None => RuleCost::new(&costs, &[0; 5]),
            };
            t.groups.iter().map(cost).collect()
        };
        Self {
            preset: preset.name.clone(),
            missing,
            engine: Engine::new(machine(image, chip, &costs)),
            elapsed: Elapsed::new(tables),
            times: StepTimes::default(),
            rules: tables.iter().map(rules).collect(),
            updates: [
                tables.iter().any(|t| t.n_traces + t.n_lines > 0),
                tables.iter().any(|t| t.groups.iter().any(|g| g.rule.is_some())),
            ],
            works: vec![CoreWork::default(); tables.len()],
            host: Vec::new(),
            prices: Arc::new(Prices::new(costs, tables)),
        }
    }

    /// Begins a trial.
    pub(crate) fn begin_trial(&mut self) {
        self.engine.reset();
        self.times = StepTimes::default();
    }

    /// Takes over what the spike part of a step has to do. `at` is the position of this network's
    /// preset, `inputs` are the messages of the step's input spikes.
    pub(crate) fn take<'a>(
        &mut self,
        at: usize,
        cores: &mut [impl BorrowMut<Core>],
        inputs: impl Iterator<Item = &'a Message>,
    ) {
        for (core, work) in cores.iter_mut().zip(&mut self.works) {
            std::mem::swap(&mut core.borrow_mut().works[at].1, work);
        }
        self.host.clear();
        let prices = &self.prices;
        self.host.extend(inputs.map(|m| Message { service: prices.service(m), ..*m }));
    }

    /// Lets everything in the spike part happen. Source: T3.
    pub(crate) fn spike_part<O: Observer>(&mut self, watch: &mut O) {
        self.times.spike = self.engine.spike_part(&self.works, &self.host, watch);
    }

    /// Adds the time of a step, cause by cause. Source: T3, T4, T19.
    pub(crate) fn account(&mut self, cores: &[Core], barrier: u64, last: bool) {
        let spike = self.times.spike;
        let slowest = first_largest(cores, |c| self.engine.times(c).compartments);
        let elapsed = &mut self.elapsed;
        let done = slowest.map_or(0, |c| {
            let times = self.engine.times(c);
            elapsed.spike_part(&cores[c], times.stalled);
            times.compartments
        });
        elapsed.messages += spike - done;
        let updates = self.updates[0] || self.updates[1] && last;
        let update = updates.then(|| {
            let slowest = first_largest(cores, |c| self.update(cores, c));
            slowest.map_or(0, |c| {
                let ticks = self.update(cores, c);
                self.elapsed.update_part(&cores[c], c);
                ticks
            })
        });
        self.times = StepTimes { spike, barrier, update };
        let total = self.times.total();
        self.elapsed.barriers += 1 + u64::from(updates);
        self.elapsed.ticks += total;
        self.elapsed.longest = self.elapsed.longest.max(total);
    }

    /// Ticks of a core's update part.
    pub(crate) fn update(&self, cores: &[Core], core: usize) -> u64 {
        let rules: u64 = (0..self.rules[core].len()).map(|g| self.rule(cores, core, g)).sum();
        cores[core].counts.update_ticks(&self.prices.costs) + rules
    }
    fn rule(&self, cores: &[Core], core: usize, group: usize) -> u64 {
        let [evaluated, skipped] = cores[core].learned[group];
        let cost = &self.rules[core][group];
        evaluated * cost.evaluated.ticks + skipped * cost.skipped.ticks
    }
    /// What a core did in its update part, with ticks, in order.
    pub(crate) fn updates(&self, cores: &[Core], core: usize) -> Vec<(Update, u64)> {
        let learning = &self.prices.costs.learning;
        let (counts, table) = (&cores[core].counts, &cores[core].table);
        let mut all = vec![
            (Update::Modulators, counts.modulators * learning.modulator_update.ticks),
            (Update::Traces, counts.traces * learning.trace_update.ticks),
        ];
        let groups = table.groups.iter().enumerate();
        all.extend(groups.map(|(at, g)| (Update::Rule(g.projection), self.rule(cores, core, at))));
        all.retain(|(_, ticks)| *ticks > 0);
        all
    }
}

fn machine(image: &Image, chip: &Chip, costs: &ResolvedCosts) -> Machine {
    let mesh = chip.mesh;
    // Routes stay inside the rectangle of what is used and the host's tile (0, 0).
    let at = |core: &trifactor_image::Core| chip.tile_of(CoreId::from_index(core.id as usize));
    let columns = image.cores.iter().map(|core| at(core).0 + 1).max().unwrap_or(1);
    let rows = image.cores.iter().map(|core| at(core).1 + 1).max().unwrap_or(1);
    let place = |core: &trifactor_image::Core| {
        let (x, y) = at(core);
        timing::Core { tile: y * columns + x, place: core.id % mesh.cores_per_tile }
    };
    Machine {
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
        cores: image.cores.iter().map(place).collect(),
        places: mesh.cores_per_tile,
        host: 0,
    }
}

/// Ticks that the input axon unit spends on a message (T10).
fn service(table: &CoreTable, axon: usize, costs: &ResolvedCosts) -> u32 {
    let read = table.axons[axon].map_or(0, |(group, row)| {
        let (group, row) = (&table.groups[group as usize], row as usize);
        let words = u64::from(group.row_words[row]) * costs.synapse_word.ticks;
        match group.travel {
            _ if group.sends => words + group.row(row).len() as u64 * costs.synop.ticks,
            Travel::Fixed(_) => 0,
            Travel::PerSynapse(_) => words,
        }
    });
    u32::try_from((costs.axon_in.ticks + read).max(1)).unwrap_or(u32::MAX)
}

/// The first core with the largest value.
fn first_largest(cores: &[Core], of: impl Fn(usize) -> u64) -> Option<usize> {
    (0..cores.len()).rev().max_by_key(|c| of(*c))
}

impl Elapsed {
    pub(crate) fn new(tables: &[CoreTable]) -> Self {
        let rules = tables.iter().map(|t| vec![[0; 2]; t.groups.len()]).collect();
        Self { rules, ..Self::default() }
    }
    fn spike_part(&mut self, core: &Core, stalled: u64) {
        self.counts.synapse_words += core.delivered[0];
        self.counts.synops += core.delivered[1];
        self.counts.inactive += core.counts.inactive;
        self.counts.active += core.counts.active;
        self.counts.spikes += core.counts.spikes;
        self.stalled += stalled;
    }
    fn update_part(&mut self, core: &Core, at: usize) {
        self.counts.traces += core.counts.traces;
        self.counts.modulators += core.counts.modulators;
        for (sum, learned) in self.rules[at].iter_mut().zip(&core.learned) {
            sum[0] += learned[0];
            sum[1] += learned[1];
        }
    }
}
