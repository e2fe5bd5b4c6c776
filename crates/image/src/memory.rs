//! The memories of a core, as tables of fixed records.
//!
//! A *target* address of a core is a compartment (0 .. n_compartments) or, above those, a
//! modulator line (n_compartments + line). Every target has an input accumulator. A *group* is
//! the part of a projection that ends on this core: a contiguous range of input axons, one per
//! pre lane with at least one synapse here, in the order of pre lanes.

use serde::{Deserialize, Serialize};
use trifactor_fixed::Rounding;

/// What the file says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Meta {
    /// The model's name.
    pub model: String,
    /// Hash of the model's dynamics and parameter shapes, hex.
    pub model_hash: String,
    /// Hash of the quantisation plan, hex.
    pub plan_hash: String,
    /// Hash of the instruction table, hex.
    pub isa_hash: String,
    /// The chip description as RON, verbatim; its hash is checked against the note.
    pub chip: String,
    /// Hash of the chip description, hex.
    pub chip_hash: String,
    /// Steps per learning epoch (S5).
    pub epoch: u32,
    /// Default draw seed (S7).
    pub seed: u32,
    /// Milliseconds per step, for reports.
    pub step_ms: f64_bits::Ms,
}

/// A float that compares by bits, so that [`Meta`] can be `Eq`.
pub mod f64_bits {
    use serde::{Deserialize, Serialize};
    /// Milliseconds.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    pub struct Ms(u64);
    impl Ms {
        /// From a number.
        pub fn new(ms: f64) -> Self {
            Self(ms.to_bits())
        }
        /// As a number.
        pub fn get(self) -> f64 {
            f64::from_bits(self.0)
        }
    }
}

/// A whole chip image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// What the file says about itself.
    pub meta: Meta,
    /// Used cores, ordered by `id`.
    pub cores: Vec<Core>,
    /// The author's names: how the host finds lanes, fields and programs.
    pub map: crate::Map,
    /// Where rules stand in the author's files. Nothing that runs depends on it.
    pub lines: crate::LineTable,
}

/// The memories of one core.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Core {
    /// Number of the core, chip by chip.
    pub id: u32,
    /// One record per compartment in use.
    pub compartments: Vec<Compartment>,
    /// Modulator lines in use, in ranges. Their target addresses follow the compartments.
    pub modulators: Vec<ModulatorLines>,
    /// Messages that spikes of compartments send.
    pub axons_out: Vec<AxonOut>,
    /// Input axons, ordered by group.
    pub axons_in: Vec<AxonIn>,
    /// Projections that end here.
    pub groups: Vec<Group>,
    /// Layouts of synapse lists.
    pub formats: Vec<Format>,
    /// Synapse memory.
    pub synapses: Vec<u64>,
    /// Learning profiles.
    pub profiles: Vec<Profile>,
    /// Pre and post state columns of profiles.
    pub columns: Vec<Column>,
    /// Microcode.
    pub ucode: Vec<u32>,
}

/// Registers of one compartment (S20 to S25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Compartment {
    /// Decay register of u (S45).
    pub decay_u: u16,
    /// Decay register of v (S45).
    pub decay_v: u16,
    /// Added to v in every step.
    pub bias: i32,
    /// Lower bound of v; `-2^23` where there is none.
    pub v_min: i32,
    /// Spike threshold; ignored where `spikes` is false.
    pub threshold: i32,
    /// Steps held after a spike.
    pub refractory: u8,
    /// Whether the compartment has a threshold at all (S24).
    pub spikes: bool,
    /// u at the start of a trial.
    pub init_u: i32,
    /// v at the start of a trial.
    pub init_v: i32,
    /// Refractory counter at the start of a trial.
    pub init_hold: u8,
    /// First message of its spike in `axons_out`.
    pub first_out: u32,
    /// Number of messages.
    pub n_out: u32,
}

/// One spike message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AxonOut {
    /// Core that receives it.
    pub core: u32,
    /// Input axon there.
    pub axon: u16,
}

/// One input axon.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AxonIn {
    /// Logical id of its source in the pre population.
    pub pre: u32,
    /// First word of its synapse list.
    pub first_word: u32,
    /// Number of synapses.
    pub n_synapses: u32,
}

/// [`Group::profile`] of a projection that does not learn.
pub const NO_PROFILE: u8 = 0xff;
/// [`Group::delay_field`] where every synapse has the group's fixed delay.
pub const NO_DELAY_FIELD: u8 = 0xff;

/// The part of a projection that ends on this core.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Group {
    /// Projection in [`crate::Map::projections`].
    pub projection: u16,
    /// First input axon.
    pub first_axon: u32,
    /// Number of input axons.
    pub n_axons: u32,
    /// Layout of its synapse lists.
    pub format: u8,
    /// Learning profile, or [`NO_PROFILE`].
    pub profile: u8,
    /// Target address of post lane `first_post`.
    pub first_target: u32,
    /// Logical id of the first post lane of the slice on this core.
    pub first_post: u32,
    /// Number of post lanes of the slice.
    pub n_post: u32,
    /// A weight's contribution is `w << shift`, or `w >> -shift` (S11).
    pub shift: i8,
    /// Delay of all synapses where `delay_field` is [`NO_DELAY_FIELD`].
    pub delay: u8,
    /// Field that holds each synapse's delay.
    pub delay_field: u8,
}

/// One stored field of a synapse.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Field {
    /// Stored bits, the sign included.
    pub bits: u8,
    /// Two's complement.
    pub signed: bool,
}

/// Layout of a synapse list: blocks of at most 63 synapses behind a 10-bit header (4 bits of
/// format number, 6 bits of count), each rounded up to 64-bit words; bits from the least
/// significant up. A synapse is its index (`index_bits`), then its fields in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Format {
    /// Bits of the target index, relative to the group's `first_target`; 0 means dense: the
    /// k-th synapse of the list has index k.
    pub index_bits: u8,
    /// Fields; the first is the weight. At most 8.
    pub fields: Vec<Field>,
}

/// When a synapse may be skipped (S47).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Guard {
    /// Never.
    #[default]
    Always,
    /// When neither lane spiked in the epoch.
    PreOrPost,
    /// When the pre lane did not spike.
    Pre,
    /// When the post lane did not spike.
    Post,
}

/// The raw range of a field: stores saturate to it (S42).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FieldRange {
    /// Smallest raw value.
    pub lo: i32,
    /// Largest raw value.
    pub hi: i32,
}

/// What a load slot of a profile reads; slot 0 is always the spike flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// A trace: column of [`Core::columns`], absolute index.
    Column(u16),
    /// A modulator: index in [`Core::modulators`]. The line is the lane's logical id minus the
    /// range's `first_lane` (pre and post slots), or the range's first line (global slots).
    Modulator(u16),
}

/// A learning profile: the program of a plastic group and where its factors come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// First microcode word; the program ends with `halt`.
    pub first_word: u32,
    /// Number of microcode words.
    pub n_words: u32,
    /// Draw stream of its stores and shifts (S52).
    pub stream: u32,
    /// When synapses may be skipped.
    pub guard: Guard,
    /// Raw range of every field of the format.
    pub ranges: Vec<FieldRange>,
    /// Slots 1, 2, ... of `ldx`.
    pub pre_slots: Vec<Slot>,
    /// Slots 1, 2, ... of `ldy`.
    pub post_slots: Vec<Slot>,
    /// Slots 0, 1, ... of `ldg`.
    pub global_slots: Vec<Slot>,
}

/// Arithmetic of a trace unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ColumnKind {
    /// S30: `x = decay(x) + impulse * s`.
    #[default]
    Linear,
    /// S31: `x = d + round((impulse * (x_max - d)) >> shift) * s`, d = decay(x).
    Saturating,
    /// S81: the epoch is replayed at its end, on chips whose file says so.
    Replayed,
    /// S27: what the compartment writes, `max(impulse - round(d * x_max >> shift), 0)`, d being the
    /// distance of its voltage from its threshold, and 0 while it is held. Post lanes only.
    PseudoDerivative,
}

/// A trace on every input axon of a group (pre) or on every post lane of its slice (post).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// Profile it belongs to.
    pub profile: u8,
    /// On the axons (pre) or on the post lanes.
    pub post: bool,
    /// Arithmetic.
    pub kind: ColumnKind,
    /// Stored bits, unsigned.
    pub bits: u8,
    /// Largest raw value: of the format, or less where the author declared a range.
    pub max: i32,
    /// Decay register (S45); 0 for a replayed trace, whose register is wider, and for a
    /// pseudo-derivative, which has none.
    pub decay: u16,
    /// Impulse: raw in the trace's format (linear), the factor's raw mantissa (saturating), or
    /// with the fraction that S82 rounds (replayed). Pseudo-derivatives: the height.
    pub impulse: i32,
    /// Saturating traces: raw x_max. Replayed traces: the decay register. Pseudo-derivatives: the
    /// slope's 16 bits.
    pub x_max: i32,
    /// Saturating traces: fraction bits of `impulse`. Pseudo-derivatives: places to the right of
    /// the product of distance and slope.
    pub shift: u8,
    /// Rounding of decay and saturating impulse.
    pub rounding: Rounding,
    /// Draw stream (S52); the draw's `pre` is the lane's logical id, its `post` 0.
    pub stream: u32,
    /// Value at the start of a trial.
    pub init: i32,
    /// Whether some load reads it at a spike time or one step back, so that the values of the
    /// whole epoch are kept (S34).
    pub history: bool,
}

/// A range of modulator lines of one modulator (S36, S37).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ModulatorLines {
    /// Modulator in [`crate::Map::modulators`].
    pub modulator: u16,
    /// First line; its target address is n_compartments + first_line.
    pub first_line: u32,
    /// Number of lines.
    pub n_lines: u32,
    /// Logical id of the first line's lane.
    pub first_lane: u32,
    /// Decay register (S45).
    pub decay: u16,
    /// Rounding of the decay.
    pub rounding: Rounding,
    /// Smallest raw value.
    pub lo: i32,
    /// Largest raw value.
    pub hi: i32,
    /// Draw stream; `pre` is the logical lane, `post` 0.
    pub stream: u32,
    /// Value at the start of a trial.
    pub init: i32,
}
