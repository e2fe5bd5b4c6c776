//! The description of a chip: sizes, widths and what things cost.
//!
//! A chip is a RON file, loaded at run time; two are built in. Unknown keys are errors, and
//! [`Chip::parse`] refuses descriptions that contradict themselves or the instruction set, so
//! whoever holds a `Chip` from it can rely on the rules in `chip/check.rs`. Fields are public
//! because readers need nearly all of them; a chip that is changed in memory should be passed
//! through [`Chip::check`] again.

mod arithmetic;
mod check;
mod cost;
mod form;
mod mesh;
mod variant;

pub use arithmetic::Arithmetic;
pub use cost::{
    BarrierPoint, Certainty, ChipsBarrierPoint, Cost, CostClass, CostTable, LearningCosts, Overlay,
    Preset, ResolvedCosts, ResolvedLearning, SystemCosts,
};
pub use form::{ProductForm, RuleForm};
pub use mesh::{ChipGrid, Direction, Hops, Link, Mesh, Route, Router};

use serde::{Deserialize, Serialize};
use trifactor_entity::entity_id;
use trifactor_fixed::{Overflow, Rounding};

entity_id! {
    /// A core, counted tile by tile, tiles row by row from the north-west corner of a chip, and
    /// chip by chip, chips row by row.
    pub CoreId, "core"
}

/// A chip.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chip {
    /// What a model calls it.
    pub name: String,
    /// What it is for, in a sentence or two.
    pub doc: String,
    /// The instruction set its plasticity engines execute, [`ISA_NAME`](crate::ISA_NAME).
    pub isa: String,
    /// How cores are arranged.
    pub mesh: Mesh,
    /// What one core holds.
    pub core: CoreSizes,
    /// The neuron unit.
    pub neuron: NeuronUnit,
    /// Synapse memory.
    pub synapse: SynapseUnit,
    /// The trace unit.
    pub trace: TraceUnit,
    /// The modulator unit.
    pub modulator: ModulatorUnit,
    /// What the compiler takes where a model says nothing.
    pub defaults: Defaults,
    /// Which rules the plasticity engine evaluates; left out, any microcode.
    #[serde(default, skip_serializing_if = "RuleForm::is_microcode")]
    pub rule: RuleForm,
    /// Choices in which published models of such chips differ; left out, the engine's own.
    #[serde(default, skip_serializing_if = "Arithmetic::is_own")]
    pub arithmetic: Arithmetic,
    /// Time and energy.
    pub cost: CostTable,
}

/// Capacities of one core.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoreSizes {
    /// Neurons.
    pub compartments: u32,
    /// Synapse lists that a message can name.
    pub axons_in: u32,
    /// Messages that a neuron's spike can cause, over all neurons.
    pub axons_out: u32,
    /// Synapse memory, in words of 64 bits.
    pub synapse_words: u32,
    /// Synapses behind one header.
    pub block_synapses: u32,
    /// Bits of a block's header: format and count.
    pub block_header_bits: u8,
    /// Synapse formats.
    pub formats: u32,
    /// Microcode memory, in words of 32 bits.
    pub ucode_words: u32,
    /// Rule profiles: program, skip condition, columns and fields.
    pub profiles: u32,
    /// Pre traces and modulators of a profile (slots 1 and up of `ldx`).
    pub pre_columns: u8,
    /// Post traces and modulators of a profile (slots 1 and up of `ldy`).
    pub post_columns: u8,
    /// Global modulator lines (slots of `ldg`).
    pub modulator_lines: u8,
    /// Steps that a delivery can lie ahead: delays are 0 to one less (S3).
    pub delay_slots: u8,
    /// Longest learning epoch, in steps (S5).
    pub epoch_max: u8,
}

/// Widths of the neuron unit (S20 to S25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronUnit {
    /// Bits of u, v, threshold, bias and v_min, the sign included.
    pub state_bits: u8,
    /// Bits of the accumulator of arriving weights, the sign included.
    pub accumulator_bits: u8,
    /// Bits of the decay registers of neurons, traces and modulators (S45).
    pub decay_bits: u8,
    /// What u and v do beyond their range.
    pub overflow: Overflow,
    /// Longest refractory time, in steps.
    pub refractory_max: u8,
}

/// Widths a synapse format can choose from. A list is ascending.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynapseUnit {
    /// Stored bits of a weight, the sign included where it has one.
    pub weight_bits: Vec<u8>,
    /// Bits of the target's index; 0 is a dense block, which stores none.
    pub index_bits: Vec<u8>,
    /// Largest width of the delay; every width from 0 exists.
    pub delay_bits_max: u8,
    /// Tags per synapse.
    pub tags: u8,
    /// Bits of a tag, signed.
    pub tag_bits: Vec<u8>,
    /// Rates per synapse.
    pub rates: u8,
    /// Bits of a rate, the sign included where it has one.
    pub rate_bits: Vec<u8>,
}

/// The trace unit (S33).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceUnit {
    /// Bits of a trace, unsigned; ascending.
    pub bits: Vec<u8>,
    /// Whether compartments write pseudo-derivatives into post columns (S27).
    #[serde(default, skip_serializing_if = "is_false")]
    pub pseudo_derivative: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Widths of the modulator unit (S37).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModulatorUnit {
    /// Bits of a modulator, the sign included; ascending.
    pub bits: Vec<u8>,
}

/// What the compiler takes where a model says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Stored bits of a signed weight.
    pub weight_signed_bits: u8,
    /// Stored bits of a weight that cannot be negative.
    pub weight_unsigned_bits: u8,
    /// Bits of a tag.
    pub tag_bits: u8,
    /// Bits of a rate.
    pub rate_bits: u8,
    /// Bits of a trace.
    pub trace_bits: u8,
    /// Bits of a modulator.
    pub modulator_bits: u8,
    /// Rounding of stores to synapse variables.
    pub store_rounding: Rounding,
    /// Rounding of trace and modulator decay and of saturating impulses.
    pub trace_rounding: Rounding,
    /// Rounding of products inside a program (S43).
    pub intermediate_rounding: Rounding,
}

/// Why a description is no chip.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChipError {
    /// The text is not RON, or a key is missing, unknown or of another type.
    #[error("{line}:{column}: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// The description differs from a chip that does not exist.
    #[error("key base: there is no built-in chip '{base}'; there are {known}")]
    UnknownBase {
        /// The name given.
        base: String,
        /// The names that would do.
        known: String,
    },
    /// The description breaks a rule.
    #[error("chip '{chip}', key {key}: {message}")]
    Rejected {
        /// The chip's name.
        chip: String,
        /// What the rule rejects; the name of the check.
        rule: &'static str,
        /// The key at fault.
        key: String,
        /// The value, the rule and what would be right.
        message: String,
    },
}

impl From<ron::error::SpannedError> for ChipError {
    fn from(e: ron::error::SpannedError) -> Self {
        Self::Syntax {
            line: e.span.start.line,
            column: e.span.start.col,
            message: e.code.to_string(),
        }
    }
}

const BUILTIN: [(&str, &str); 3] = [
    ("superset", include_str!("../../../isa/chips/superset.ron")),
    ("large", include_str!("../../../isa/chips/large.ron")),
    ("loihi1", include_str!("../../../isa/chips/loihi1.ron")),
];

/// Chips with the arithmetic of a public model, for conformance.
const PEERS: [(&str, &str); 3] = [
    ("lava-nc", include_str!("../../../isa/chips/lava-nc.ron")),
    ("nengo-loihi", include_str!("../../../isa/chips/nengo-loihi.ron")),
    ("brian2-loihi", include_str!("../../../isa/chips/brian2-loihi.ron")),
];

impl Chip {
    /// Reads and checks a description: a whole one, or one that names the built-in chip from
    /// which it differs under `base`.
    pub fn parse(text: &str) -> Result<Self, ChipError> {
        let mut chip: Self = match variant::parse(text)? {
            Some(chip) => chip,
            None => ron::from_str(text)?,
        };
        chip.cost.expand();
        chip.check()?;
        Ok(chip)
    }

    /// Refuses a description that contradicts itself or the instruction set: the first rule of
    /// `chip/check.rs` that it breaks.
    pub fn check(&self) -> Result<(), ChipError> {
        check::check(self)
    }

    /// A chip that is part of this crate, or a peer's arithmetic as a chip.
    pub fn builtin(name: &str) -> Option<Self> {
        let text = Self::builtin_text(name)?;
        Some(Self::parse(text).unwrap_or_else(|e| panic!("internal: built-in chip: {e}")))
    }

    /// Whether rules can read the pseudo-derivative of a post neuron (S27). Engines that replay
    /// their traces at the end of an epoch (S81) have no column that is written in each step.
    pub fn has_pseudo_derivatives(&self) -> bool {
        self.trace.pseudo_derivative && self.arithmetic.learning.is_none()
    }

    /// What u does beyond its range.
    pub fn current_overflow(&self) -> Overflow {
        self.arithmetic.neuron.current.unwrap_or(self.neuron.overflow)
    }

    /// What v does beyond its range.
    pub fn voltage_overflow(&self) -> Overflow {
        self.arithmetic.neuron.voltage.unwrap_or(self.neuron.overflow)
    }

    /// The names of the public models whose arithmetic is part of this crate, as chips.
    pub fn peer_names() -> impl ExactSizeIterator<Item = &'static str> {
        PEERS.into_iter().map(|(name, _)| name)
    }

    /// The names of the chips that are part of this crate.
    pub fn builtin_names() -> impl ExactSizeIterator<Item = &'static str> {
        BUILTIN.into_iter().map(|(name, _)| name)
    }

    /// The built-in chips for which something holds, for a message: `'superset' and 'large'`.
    pub fn builtin_list(holds: impl Fn(&Self) -> bool) -> String {
        let names: Vec<String> = Self::builtin_names()
            .filter_map(Self::builtin)
            .filter(|chip| holds(chip))
            .map(|chip| format!("'{}'", chip.name))
            .collect();
        match names.split_last() {
            None => "no built-in chip".to_owned(),
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
        }
    }

    /// The file of a chip that is part of this crate, with its comments.
    pub fn builtin_text(name: &str) -> Option<&'static str> {
        BUILTIN.into_iter().chain(PEERS).find(|(n, _)| *n == name).map(|(_, text)| text)
    }

    /// The description without comments and layout: two files that say the same are equal here.
    pub fn canonical(&self) -> String {
        ron::to_string(self)
            .unwrap_or_else(|e| panic!("internal: a chip is always representable: {e}"))
    }

    /// A fingerprint of [`canonical`](Self::canonical): 64 hexadecimal digits.
    pub fn hash(&self) -> String {
        blake3::hash(self.canonical().as_bytes()).to_hex().to_string()
    }

    /// A cost preset by name.
    pub fn preset(&self, name: &str) -> Option<&Preset> {
        self.cost.presets.iter().find(|p| p.name == name)
    }

    /// The preset of [`CostTable::default`].
    pub fn default_preset(&self) -> &Preset {
        self.preset(&self.cost.default)
            .unwrap_or_else(|| panic!("internal: the default preset was checked"))
    }
}
