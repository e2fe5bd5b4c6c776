//! What a run costs: integer femtojoules and ticks, by cause (S70, S71).
//!
//! Cores only count events. Energy is count times coefficient, computed when a report is asked
//! for; the time of a step needs every core's sum and is added up as steps are executed. Nothing
//! here can change a state.
//!
//! Definitions that the chip file leaves open:
//! * a compartment is *active* in a step if its accumulator was not 0 when it was read, or if it
//!   spikes; else it is inactive;
//! * messages of inputs enter at tile (0, 0);
//! * synapse words are charged when a synapse list is read: on arrival where a projection has
//!   one delay, at emission where delays are per synapse;
//! * a rule is charged for every instruction up to and including `halt`, executed in full for
//!   every synapse that its guard does not skip;
//! * a link to another chip counts as a link, and what it costs on top has a line of its own;
//! * every chip with a core in use has static power, and takes part in the barrier;
//! * host writes and resets are no part of a step's time;
//! * how the units of cores and the network overlap, and with it the time of a step, is the
//!   subject of `docs/timing.md`.

use serde::{Deserialize, Serialize};
use trifactor_isa::{Cost, CostClass, Hops, ResolvedCosts};

/// Events of one core, or of the host port.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Messages that arrived.
    pub axon_in: u64,
    /// Words of synapse memory read for delivery.
    pub synapse_words: u64,
    /// Weights delivered.
    pub synops: u64,
    /// Compartment steps without input or spike.
    pub inactive: u64,
    /// Other compartment steps.
    pub active: u64,
    /// Spikes of compartments.
    pub spikes: u64,
    /// Messages sent by compartments.
    pub axon_out: u64,
    /// Messages that entered the mesh here.
    pub tile_entries: u64,
    /// Links passed east or west.
    pub hops_ew: u64,
    /// Links passed north or south.
    pub hops_ns: u64,
    /// Those of these links that lead to another chip.
    pub hops_chip: u64,
    /// Trace steps.
    pub traces: u64,
    /// Modulator line steps.
    pub modulators: u64,
}

/// What causes a cost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// Messages arriving at synapse lists.
    AxonIn,
    /// Words of synapse memory read for delivery.
    SynapseWord,
    /// Weights delivered.
    Synop,
    /// Compartment steps without input or spike.
    CompartmentInactive,
    /// Other compartment steps.
    CompartmentActive,
    /// Spikes.
    SpikeOut,
    /// Messages sent by compartments.
    AxonOut,
    /// Messages entering the mesh, those of inputs included.
    TileEntry,
    /// Links passed east or west.
    HopEw,
    /// Links passed north or south.
    HopNs,
    /// Links to another chip: what they cost beyond other links.
    HopChip,
    /// Trace steps.
    Trace,
    /// Modulator line steps.
    Modulator,
    /// A rule: synapse states fetched and written back.
    RuleState,
    /// A rule: instructions of a class.
    RuleInstruction(CostClass),
    /// A rule: synapses skipped by its guard.
    RuleSkip,
    /// Compartments that waited until their spike could be sent (T8).
    Stall,
    /// Messages still under way when the last compartment was done (T19).
    UnderWay,
    /// Barriers at the end of steps.
    Barrier,
    /// Words written by the host.
    HostWrite,
    /// Cores reset by the host.
    HostReset,
    /// Static power over the time of all steps.
    Static,
}

impl Cause {
    /// Whether it is work of a core, of the host port or of the network, which is what limits a
    /// step; waiting is none.
    pub const fn is_work(self) -> bool {
        !matches!(
            self,
            Self::Stall
                | Self::UnderWay
                | Self::Barrier
                | Self::HostWrite
                | Self::HostReset
                | Self::Static
        )
    }

    /// The key of its coefficient in a preset of a chip file, as in [`Report::missing`]; `None`
    /// for waiting.
    pub const fn key(self) -> Option<&'static str> {
        Some(match self {
            Self::AxonIn => "axon_in",
            Self::SynapseWord => "synapse_word",
            Self::Synop => "synop",
            Self::CompartmentInactive => "compartment_inactive",
            Self::CompartmentActive => "compartment_active",
            Self::SpikeOut => "spike_out",
            Self::AxonOut => "axon_out",
            Self::TileEntry => "tile_entry",
            Self::HopEw => "hop_ew",
            Self::HopNs => "hop_ns",
            Self::HopChip => "hop_chip",
            Self::Trace => "learning.trace_update",
            Self::Modulator => "learning.modulator_update",
            Self::RuleState => "learning.state_access",
            Self::RuleInstruction(CostClass::Load) => "learning.load",
            Self::RuleInstruction(CostClass::Alu) => "learning.alu",
            Self::RuleInstruction(CostClass::Mul) => "learning.mul",
            Self::RuleInstruction(CostClass::Store) => "learning.store",
            Self::RuleInstruction(CostClass::Control) => "learning.control",
            Self::RuleSkip => "learning.skipped_synapse",
            Self::Stall | Self::UnderWay => return None,
            Self::Barrier => "barrier",
            Self::HostWrite => "system.host_write",
            Self::HostReset => "system.host_reset",
            Self::Static => "system.static_uw_per_chip",
        })
    }

    /// What it costs once; `None` for what depends on how much of the chip is in use (barriers)
    /// or on the time of a run (static power). Waiting takes a tick a tick and no energy.
    pub fn coefficient(self, c: &ResolvedCosts) -> Option<Cost> {
        let learning = &c.learning;
        Some(match self {
            Self::AxonIn => c.axon_in,
            Self::SynapseWord => c.synapse_word,
            Self::Synop => c.synop,
            Self::CompartmentInactive => c.compartment_inactive,
            Self::CompartmentActive => c.compartment_active,
            Self::SpikeOut => c.spike_out,
            Self::AxonOut => c.axon_out,
            Self::TileEntry => c.tile_entry,
            Self::HopEw => c.hop_ew,
            Self::HopNs => c.hop_ns,
            Self::HopChip => c.hop_chip,
            Self::Trace => learning.trace_update,
            Self::Modulator => learning.modulator_update,
            Self::RuleState => learning.state_access,
            Self::RuleInstruction(class) => learning.of(class),
            Self::RuleSkip => learning.skipped_synapse,
            Self::Stall | Self::UnderWay => Cost { fj: 0, ticks: 1 },
            Self::HostWrite => c.host_write,
            Self::HostReset => c.host_reset,
            Self::Barrier | Self::Static => return None,
        })
    }
}

/// One line of a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Cause.
    pub cause: Cause,
    /// The projection whose rule it was, for the causes of rules.
    pub rule: Option<String>,
    /// How often it happened; for waiting and static power, ticks.
    pub count: u64,
    /// What it costs once; `None` for static power, whose energy of a tick is no whole number.
    pub each: Option<Cost>,
    /// Energy, and time added over all cores.
    pub cost: Cost,
    /// Its part of the run's time, in ticks: what it takes on the core that a step waits for.
    /// The parts of all lines add up to [`Report::time_ticks`] (T19).
    pub critical: u64,
}

/// Events of the state that were clipped, under the author's names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Saturation {
    /// `population.u`, `modulator`, `projection.field` or a trace's name.
    pub state: String,
    /// How often a value was clipped.
    pub count: u64,
}

/// What was done since the ledger was cleared, and what it cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Chip.
    pub chip: String,
    /// Cost preset.
    pub preset: String,
    /// Picoseconds of a tick.
    pub tick_ps: u64,
    /// Steps executed.
    pub steps: u64,
    /// Tiles with at least one core in use.
    pub tiles: u32,
    /// Chips with at least one core in use.
    pub chips: u32,
    /// All causes, in the order of [`Cause`], rules in the author's order of projections.
    pub lines: Vec<Line>,
    /// Time of all steps (T3); 0 if [`Options::timing`](crate::Options::timing) is off.
    pub time_ticks: u64,
    /// The largest time of a single step.
    pub longest_step_ticks: u64,
    /// Coefficients that the preset does not give and that count as 0 here.
    pub missing: Vec<&'static str>,
    /// Every state that can saturate.
    pub saturations: Vec<Saturation>,
}

impl Report {
    /// Energy of all lines, in femtojoules.
    pub fn total_fj(&self) -> u64 {
        self.lines.iter().map(|l| l.cost.fj).sum()
    }
    /// Time of all cores and the host port added up, in ticks: what would pass if one thing were
    /// done after the other. Barriers, host work and static power are no part of it.
    pub fn work_ticks(&self) -> u64 {
        self.lines.iter().filter(|l| l.cause.is_work()).map(|l| l.cost.ticks).sum()
    }
    /// The lines of a cause.
    pub fn of(&self, cause: Cause) -> Cost {
        self.lines.iter().filter(|l| l.cause == cause).map(|l| l.cost).sum()
    }
    /// How often a cause happened.
    pub fn count(&self, cause: Cause) -> u64 {
        self.lines.iter().filter(|l| l.cause == cause).map(|l| l.count).sum()
    }
}

/// What one synapse of a rule costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RuleCost {
    /// Executed.
    pub evaluated: Cost,
    /// Skipped.
    pub skipped: Cost,
}

impl RuleCost {
    pub(crate) fn new(costs: &ResolvedCosts, classes: &[u64; 5]) -> Self {
        let learning = &costs.learning;
        let program: Cost =
            CLASSES.iter().zip(classes).map(|(class, n)| learning.of(*class) * *n).sum();
        Self { evaluated: learning.state_access + program, skipped: learning.skipped_synapse }
    }
}

/// All instruction classes, in the order of program counts.
pub(crate) const CLASSES: [CostClass; 5] =
    [CostClass::Load, CostClass::Alu, CostClass::Mul, CostClass::Store, CostClass::Control];

impl Counts {
    /// Each cause with its count.
    pub(crate) fn by_cause(&self) -> [(Cause, u64); 13] {
        [
            (Cause::AxonIn, self.axon_in),
            (Cause::SynapseWord, self.synapse_words),
            (Cause::Synop, self.synops),
            (Cause::CompartmentInactive, self.inactive),
            (Cause::CompartmentActive, self.active),
            (Cause::SpikeOut, self.spikes),
            (Cause::AxonOut, self.axon_out),
            (Cause::TileEntry, self.tile_entries),
            (Cause::HopEw, self.hops_ew),
            (Cause::HopNs, self.hops_ns),
            (Cause::HopChip, self.hops_chip),
            (Cause::Trace, self.traces),
            (Cause::Modulator, self.modulators),
        ]
    }
    /// Counts the links that messages pass.
    pub(crate) fn hop(&mut self, hops: Hops) {
        self.hops_ew += u64::from(hops.ew);
        self.hops_ns += u64::from(hops.ns);
        self.hops_chip += u64::from(hops.border);
    }
    /// Time of what a core does alone in the update part, rules left out (T18).
    pub(crate) fn update_ticks(&self, c: &ResolvedCosts) -> u64 {
        self.traces * c.learning.trace_update.ticks
            + self.modulators * c.learning.modulator_update.ticks
    }
    /// Time of all compartments, stalls left out (T7).
    pub(crate) fn compartment_ticks(&self, c: &ResolvedCosts) -> u64 {
        self.inactive * c.compartment_inactive.ticks
            + self.active * c.compartment_active.ticks
            + self.spikes * c.spike_out.ticks
    }
    /// Adds the events of a step.
    pub(crate) fn add(&mut self, step: &Self) {
        for (sum, n) in self.all_mut().into_iter().zip(step.all()) {
            *sum += n;
        }
    }
    /// All counters.
    pub(crate) fn all(&self) -> [u64; 13] {
        let mut copy = *self;
        copy.all_mut().map(|n| *n)
    }
    /// All counters; taking the struct apart makes a forgotten one an error.
    fn all_mut(&mut self) -> [&mut u64; 13] {
        let Self {
            axon_in,
            synapse_words,
            synops,
            inactive,
            active,
            spikes,
            axon_out,
            tile_entries,
            hops_ew,
            hops_ns,
            hops_chip,
            traces,
            modulators,
        } = self;
        [
            axon_in,
            synapse_words,
            synops,
            inactive,
            active,
            spikes,
            axon_out,
            tile_entries,
            hops_ew,
            hops_ns,
            hops_chip,
            traces,
            modulators,
        ]
    }
}

/// Sums over steps that no core can keep alone.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Clock {
    /// Steps executed.
    pub steps: u64,
    /// Words the host has written.
    pub host_writes: u64,
    /// Cores the host has reset, counted once for each reset.
    pub host_resets: u64,
}

/// Time of all steps with one cost preset, and what it went into (T19).
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Elapsed {
    /// Time of all steps.
    pub ticks: u64,
    /// Time of the longest step.
    pub longest: u64,
    /// Barriers.
    pub barriers: u64,
    /// Events on cores that steps waited for.
    pub counts: Counts,
    /// Ticks of stalls of such cores.
    pub stalled: u64,
    /// Ticks in which only messages were under way.
    pub messages: u64,
    /// Synapses that such cores evaluated and skipped, by core and group.
    pub rules: Vec<Vec<[u64; 2]>>,
}
