//! What goes into the engine for one synapse, and what comes out of it.

use trifactor_image::Guard;

/// A rule as it stands around the engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Microcode.
    pub words: Vec<u32>,
    /// When a synapse is skipped (S47).
    pub guard: Guard,
    /// Draw stream (S52).
    pub stream: u32,
    /// Steps per epoch (S5), 1 to 63.
    pub epoch_length: u8,
    /// Fields of the synapse, at most 8.
    pub fields: Vec<FieldFormat>,
    /// Columns of the pre lane: slots 1 and up of `ldx`.
    pub pre_slots: usize,
    /// Columns of the post lane: slots 1 and up of `ldy`.
    pub post_slots: usize,
    /// Slots of `ldg`.
    pub lines: usize,
}

/// How memory holds a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldFormat {
    /// Stored bits, the sign included; 1 to 32, unsigned ones to 31.
    pub bits: u8,
    /// Two's complement.
    pub signed: bool,
    /// Smallest raw value of a store.
    pub lo: i32,
    /// Largest raw value of a store.
    pub hi: i32,
}

impl FieldFormat {
    /// The bits that memory holds for a raw value.
    pub const fn word(self, raw: i32) -> u32 {
        raw.cast_unsigned() & (u32::MAX >> (32 - self.bits as u32))
    }
}

/// Everything a program reads for one synapse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Synapse {
    /// Seed register (S51).
    pub seed: u32,
    /// Time step (S1).
    pub step: u32,
    /// Epoch (S5).
    pub epoch: u32,
    /// Logical id of the pre lane.
    pub pre: u32,
    /// Logical id of the post lane.
    pub post: u32,
    /// Position of the pre lane's last spike in the epoch, 0 for none.
    pub pre_last: u8,
    /// Position of the post lane's last spike in the epoch, 0 for none.
    pub post_last: u8,
    /// Raw values of the fields.
    pub fields: Vec<i32>,
    /// Shape: `[slot - 1][position]`, position 0 being the end of the epoch before.
    pub pre_columns: Vec<Vec<i32>>,
    /// Shape: `[slot - 1][position]`.
    pub post_columns: Vec<Vec<i32>>,
    /// Global modulator lines.
    pub lines: Vec<i32>,
}

/// How a synapse ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The program reached `halt`.
    Evaluated,
    /// The guard skipped it.
    Skipped,
    /// A word was no instruction, or named a field that the synapse does not have.
    Trapped,
    /// The engine was not done after the longest time that a program can take.
    Unfinished,
}

impl Outcome {
    /// The word that stands for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evaluated => "evaluated",
            Self::Skipped => "skipped",
            Self::Trapped => "trapped",
            Self::Unfinished => "unfinished",
        }
    }
}

/// An instruction that was executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retired {
    /// Its address in the program.
    pub address: u32,
    /// All registers after it.
    pub registers: [i32; 16],
}

/// What memory gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stored {
    /// The bits of the field.
    pub word: u32,
    /// Whether the value was saturated.
    pub saturated: bool,
}

/// What became of a synapse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// How it ended.
    pub outcome: Outcome,
    /// Instructions in the order of execution, `halt` included.
    pub trace: Vec<Retired>,
    /// Stores by field; empty unless the program reached `halt`.
    pub stores: Vec<Option<Stored>>,
    /// Clocks from start to done, as whoever started it counts them.
    pub clocks: u64,
    /// The same as the engine counts them.
    pub counted: u64,
}
