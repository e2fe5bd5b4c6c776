//! What things cost: integer femtojoules and ticks, with a visible hole where no source says.
//!
//! Source: S70, S71. The numbers are in the chip files, where each has its origin.

use super::Mesh;
use serde::{Deserialize, Serialize};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul};

/// Energy and time of one event.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Energy in femtojoules.
    pub fj: u64,
    /// Time in ticks of [`CostTable::tick_ps`].
    pub ticks: u64,
}

/// Which coefficient an instruction has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CostClass {
    /// Reads a variable, column or line.
    Load,
    /// One pass through the adder and shifter.
    Alu,
    /// One pass through the multiplier.
    Mul,
    /// Writes a variable.
    Store,
    /// Sequencing.
    Control,
}

/// How well a set of coefficients is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Certainty {
    /// Stated by those who built the chip.
    Published,
    /// Fitted by others to measurements of the chip.
    Fitted,
    /// Chosen here so that it agrees with few published numbers.
    Modelled,
}

/// All presets of a chip.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostTable {
    /// Picoseconds of a tick.
    pub tick_ps: u64,
    /// Name of the preset that is used where nobody chooses.
    pub default: String,
    /// The presets; read from a file, also those that overlays make.
    pub presets: Vec<Preset>,
    /// Other costs of learning, each for every preset; a chip that was read has none left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlays: Vec<Overlay>,
}

/// Other costs of learning: for each preset P of the file there is one more, `P-NAME`, that
/// differs in nothing else.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Name.
    pub name: String,
    /// What learning costs.
    pub learning: LearningCosts,
}

impl CostTable {
    /// Writes the presets out that overlays make, each behind the one it differs from.
    pub(super) fn expand(&mut self) {
        let overlays = std::mem::take(&mut self.overlays);
        let with = |preset: Preset| {
            let others: Vec<Preset> = overlays
                .iter()
                .map(|overlay| Preset {
                    name: format!("{}-{}", preset.name, overlay.name),
                    learning: overlay.learning.clone(),
                    ..preset.clone()
                })
                .collect();
            std::iter::once(preset).chain(others)
        };
        self.presets = std::mem::take(&mut self.presets).into_iter().flat_map(with).collect();
    }
}

/// A set of coefficients from one source. `None` is what the source does not give.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Name.
    pub name: String,
    /// Where the numbers outside `learning` and `system` come from.
    pub source: String,
    /// How well those are known.
    pub certainty: Certainty,
    /// A message enters the mesh or stays inside its tile.
    pub tile_entry: Option<Cost>,
    /// A message passes a link east or west.
    pub hop_ew: Option<Cost>,
    /// A message passes a link north or south.
    pub hop_ns: Option<Cost>,
    /// A message passes a link to another chip, on top of the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop_chip: Option<Cost>,
    /// A message arrives at a synapse list.
    pub axon_in: Option<Cost>,
    /// A synapse delivers its weight.
    pub synop: Option<Cost>,
    /// A word of synapse memory is read for delivery, where that is not part of `synop`.
    pub synapse_word: Option<Cost>,
    /// A neuron's step in which it received nothing and stayed below its threshold.
    pub compartment_inactive: Option<Cost>,
    /// Any other step of a neuron.
    pub compartment_active: Option<Cost>,
    /// A neuron spikes, on top of its step.
    pub spike_out: Option<Cost>,
    /// A message is sent, on top of the spike.
    pub axon_out: Option<Cost>,
    /// The plasticity engine.
    pub learning: LearningCosts,
    /// Time of the barrier at the end of a step by number of tiles in use on one chip.
    pub barrier: Vec<BarrierPoint>,
    /// Energy of the barrier for each tile in use, in femtojoules.
    pub barrier_fj_per_tile: Option<u64>,
    /// What does not belong to a core's work.
    pub system: SystemCosts,
}

/// Coefficients of the plasticity engine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningCosts {
    /// Where the numbers come from.
    pub source: String,
    /// How well they are known.
    pub certainty: Certainty,
    /// A synapse's state is fetched and written back, once for each run of a program.
    pub state_access: Option<Cost>,
    /// An instruction of [`CostClass::Load`].
    pub load: Option<Cost>,
    /// An instruction of [`CostClass::Alu`].
    pub alu: Option<Cost>,
    /// An instruction of [`CostClass::Mul`].
    pub mul: Option<Cost>,
    /// An instruction of [`CostClass::Store`].
    pub store: Option<Cost>,
    /// An instruction of [`CostClass::Control`].
    pub control: Option<Cost>,
    /// A synapse is found to need no evaluation (S47).
    pub skipped_synapse: Option<Cost>,
    /// A trace makes one step.
    pub trace_update: Option<Cost>,
    /// A modulator makes one step.
    pub modulator_update: Option<Cost>,
}

/// Coefficients of the chip as a whole and of its host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemCosts {
    /// Where the numbers come from.
    pub source: String,
    /// How well they are known.
    pub certainty: Certainty,
    /// Static power of a chip in microwatts.
    pub static_uw_per_chip: Option<u64>,
    /// Time of the barrier at the end of a step across several chips, by number of chips in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barrier_across_chips: Vec<ChipsBarrierPoint>,
    /// The host writes a word.
    pub host_write: Option<Cost>,
    /// The host resets a core. The time of a reset is the host's and is not counted.
    pub host_reset: Option<Cost>,
}

/// A known point of the barrier's time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarrierPoint {
    /// Tiles in use.
    pub tiles: u32,
    /// Ticks.
    pub ticks: u64,
}

/// A known point of the time of a barrier across chips.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChipsBarrierPoint {
    /// Chips in use, at least 2.
    pub chips: u32,
    /// Ticks.
    pub ticks: u64,
}

/// A preset in which every hole is filled with 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResolvedCosts {
    /// [`Preset::tile_entry`].
    pub tile_entry: Cost,
    /// [`Preset::hop_ew`].
    pub hop_ew: Cost,
    /// [`Preset::hop_ns`].
    pub hop_ns: Cost,
    /// [`Preset::hop_chip`].
    pub hop_chip: Cost,
    /// [`Preset::axon_in`].
    pub axon_in: Cost,
    /// [`Preset::synop`].
    pub synop: Cost,
    /// [`Preset::synapse_word`].
    pub synapse_word: Cost,
    /// [`Preset::compartment_inactive`].
    pub compartment_inactive: Cost,
    /// [`Preset::compartment_active`].
    pub compartment_active: Cost,
    /// [`Preset::spike_out`].
    pub spike_out: Cost,
    /// [`Preset::axon_out`].
    pub axon_out: Cost,
    /// [`Preset::learning`].
    pub learning: ResolvedLearning,
    /// [`Preset::barrier`].
    pub barrier: Vec<BarrierPoint>,
    /// [`SystemCosts::barrier_across_chips`].
    pub barrier_across_chips: Vec<ChipsBarrierPoint>,
    /// [`Preset::barrier_fj_per_tile`], femtojoules.
    pub barrier_fj_per_tile: u64,
    /// [`SystemCosts::static_uw_per_chip`], microwatts.
    pub static_uw_per_chip: u64,
    /// [`SystemCosts::host_write`].
    pub host_write: Cost,
    /// [`SystemCosts::host_reset`].
    pub host_reset: Cost,
}

/// [`LearningCosts`] in which every hole is filled with 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResolvedLearning {
    /// [`LearningCosts::state_access`].
    pub state_access: Cost,
    /// [`LearningCosts::load`].
    pub load: Cost,
    /// [`LearningCosts::alu`].
    pub alu: Cost,
    /// [`LearningCosts::mul`].
    pub mul: Cost,
    /// [`LearningCosts::store`].
    pub store: Cost,
    /// [`LearningCosts::control`].
    pub control: Cost,
    /// [`LearningCosts::skipped_synapse`].
    pub skipped_synapse: Cost,
    /// [`LearningCosts::trace_update`].
    pub trace_update: Cost,
    /// [`LearningCosts::modulator_update`].
    pub modulator_update: Cost,
}

impl Preset {
    /// Fills every hole with 0 and names it, in the order of the file; the names are paths such
    /// as `learning.load`. What only several chips need is named if the mesh has several.
    pub fn resolve(&self, mesh: &Mesh) -> (ResolvedCosts, Vec<&'static str>) {
        let mut missing = Vec::new();
        let mut or_zero = |name: &'static str, cost: Option<Cost>| {
            cost.unwrap_or_else(|| {
                missing.push(name);
                Cost::default()
            })
        };
        // An amount without a time passes through the same hole filler.
        let amount = |value: Option<u64>| value.map(|fj| Cost { fj, ticks: 0 });
        let l = &self.learning;
        let s = &self.system;
        let costs = ResolvedCosts {
            tile_entry: or_zero("tile_entry", self.tile_entry),
            hop_ew: or_zero("hop_ew", self.hop_ew),
            hop_ns: or_zero("hop_ns", self.hop_ns),
            hop_chip: or_zero("hop_chip", self.hop_chip),
            axon_in: or_zero("axon_in", self.axon_in),
            synop: or_zero("synop", self.synop),
            synapse_word: or_zero("synapse_word", self.synapse_word),
            compartment_inactive: or_zero("compartment_inactive", self.compartment_inactive),
            compartment_active: or_zero("compartment_active", self.compartment_active),
            spike_out: or_zero("spike_out", self.spike_out),
            axon_out: or_zero("axon_out", self.axon_out),
            learning: ResolvedLearning {
                state_access: or_zero("learning.state_access", l.state_access),
                load: or_zero("learning.load", l.load),
                alu: or_zero("learning.alu", l.alu),
                mul: or_zero("learning.mul", l.mul),
                store: or_zero("learning.store", l.store),
                control: or_zero("learning.control", l.control),
                skipped_synapse: or_zero("learning.skipped_synapse", l.skipped_synapse),
                trace_update: or_zero("learning.trace_update", l.trace_update),
                modulator_update: or_zero("learning.modulator_update", l.modulator_update),
            },
            barrier: self.barrier.clone(),
            barrier_fj_per_tile: or_zero("barrier_fj_per_tile", amount(self.barrier_fj_per_tile))
                .fj,
            barrier_across_chips: s.barrier_across_chips.clone(),
            static_uw_per_chip: or_zero("system.static_uw_per_chip", amount(s.static_uw_per_chip))
                .fj,
            host_write: or_zero("system.host_write", s.host_write),
            host_reset: or_zero("system.host_reset", s.host_reset),
        };
        if s.barrier_across_chips.is_empty() {
            missing.push("system.barrier_across_chips");
        }
        if mesh.chips.is_one() {
            missing.retain(|name| !["hop_chip", "system.barrier_across_chips"].contains(name));
        }
        (costs, missing)
    }

    /// Time of the barrier on one chip in ticks. See [`ResolvedCosts::barrier_ticks`].
    pub fn barrier_ticks(&self, tiles: u32) -> u64 {
        on_one_chip(&self.barrier, tiles)
    }
}

impl ResolvedCosts {
    /// Time of the barrier in ticks with this many chips in use, and so many tiles on that with
    /// most.
    ///
    /// Linear between the points of the file, rounded half up. Below the first point its value
    /// holds; above the last one the last slope continues, because sources stop at the size of
    /// the chip they describe. Across chips, the time on one chip is the first point; where no
    /// others are known it is all there is.
    pub fn barrier_ticks(&self, tiles: u32, chips: u32) -> u64 {
        let one = on_one_chip(&self.barrier, tiles);
        if chips < 2 || self.barrier_across_chips.is_empty() {
            return one;
        }
        // No barrier across chips is shorter than that of a chip among them.
        let points: Vec<(u32, u64)> = std::iter::once((1, one))
            .chain(self.barrier_across_chips.iter().map(|p| (p.chips, p.ticks.max(one))))
            .collect();
        interpolate(&points, chips)
    }

    /// Static energy of a chip over a time, in femtojoules, rounded down. Source: S71.
    ///
    /// Units: `ticks` of `tick_ps` picoseconds; a microwatt over a picosecond is 0.001 fJ.
    pub fn static_fj(&self, ticks: u64, tick_ps: u64) -> u64 {
        let attojoules =
            u128::from(self.static_uw_per_chip) * u128::from(ticks) * u128::from(tick_ps);
        u64::try_from(attojoules / 1000).unwrap_or(u64::MAX)
    }
}

impl ResolvedLearning {
    /// The coefficient of an instruction class.
    pub const fn of(&self, class: CostClass) -> Cost {
        match class {
            CostClass::Load => self.load,
            CostClass::Alu => self.alu,
            CostClass::Mul => self.mul,
            CostClass::Store => self.store,
            CostClass::Control => self.control,
        }
    }
}

impl Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { fj: self.fj + other.fj, ticks: self.ticks + other.ticks }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<u64> for Cost {
    type Output = Self;
    fn mul(self, n: u64) -> Self {
        Self { fj: self.fj * n, ticks: self.ticks * n }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Self::add)
    }
}

fn on_one_chip(points: &[BarrierPoint], tiles: u32) -> u64 {
    let points: Vec<(u32, u64)> = points.iter().map(|p| (p.tiles, p.ticks)).collect();
    interpolate(&points, tiles)
}

/// The value at a place between points (place, value), rounded half up. The points are checked:
/// at least one, places ascending, values not descending.
fn interpolate(points: &[(u32, u64)], at: u32) -> u64 {
    let upper = points.partition_point(|p| p.0 < at).min(points.len() - 1);
    let (a, b) = match upper {
        // A single point, or not above the first one: nothing to interpolate.
        0 => return points[0].1,
        _ => (points[upper - 1], points[upper]),
    };
    let span = u64::from(b.0 - a.0);
    let rise = (b.1 - a.1) * u64::from(at - a.0);
    a.1 + (2 * rise + span) / (2 * span)
}
