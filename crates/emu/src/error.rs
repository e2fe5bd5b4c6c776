//! What can go wrong with an image, a request of the host or a checkpoint.
//!
//! Errors name things in the author's words where a map has them. An error never leaves the
//! emulator changed.

use trifactor_image::PackError;
use trifactor_isa::{ChipError, DecodeError};

/// Why the emulator refuses something.
#[derive(Debug, thiserror::Error)]
pub enum EmuError {
    /// The chip description inside the image cannot be read.
    #[error("the image's chip description: {0}")]
    Chip(#[from] ChipError),
    /// A table of the image contradicts another one.
    #[error("core {core}, {part}: {reason}; compile the model again")]
    Image {
        /// Core.
        core: u32,
        /// Table and record.
        part: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A synapse list cannot be unpacked.
    #[error("core {core}, synapses of input axon {axon}: {source}")]
    Synapses {
        /// Core.
        core: u32,
        /// Input axon.
        axon: u32,
        /// Why.
        source: PackError,
    },
    /// A microcode word is no instruction.
    #[error("core {core}, microcode word {word}: {source}")]
    Microcode {
        /// Core.
        core: u32,
        /// Address of the word.
        word: u32,
        /// Why.
        source: DecodeError,
    },
    /// The chip has no such set of cost coefficients.
    #[error("the chip '{chip}' has no cost preset '{name}' [it has {}]", .known.join(", "))]
    UnknownPreset {
        /// The chip.
        chip: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The operating system gives no worker threads.
    #[error("cannot start {threads} worker threads: {source}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// Why.
        source: rayon::ThreadPoolBuildError,
    },
    /// An index of the map is too large.
    #[error("there is no {kind} {index}; the image has {count}")]
    NoSuch {
        /// `population`, `projection`, `field`, `modulator` or `trace`.
        kind: &'static str,
        /// What was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// Spikes were given to a population that makes its own.
    #[error("'{population}' is no input: its neurons spike by themselves")]
    NotAnInput {
        /// The population.
        population: String,
    },
    /// u or v was asked of an input, which has neither.
    #[error("'{population}' is an input and has no membrane")]
    NoMembrane {
        /// The population.
        population: String,
    },
    /// A lane does not exist.
    #[error("'{name}' has {n} lanes; there is no lane {lane}")]
    NoLane {
        /// Population.
        name: String,
        /// Its size.
        n: u32,
        /// What was asked for.
        lane: u32,
    },
    /// A pair of lanes is not connected.
    #[error("'{projection}' has no synapse from {pre} to {post}")]
    NoSynapse {
        /// The projection.
        projection: String,
        /// Pre lane.
        pre: u32,
        /// Post lane.
        post: u32,
    },
    /// A list of values has another length than what it is for.
    #[error("'{name}' has {expected} {parts}, but {given} values were given")]
    WrongLength {
        /// The projection or trace.
        name: String,
        /// What it has: synapses or lanes.
        parts: &'static str,
        /// How many.
        expected: usize,
        /// Values given.
        given: usize,
    },
    /// A value does not fit the memory it is for.
    #[error("{value} does not fit '{field}' of '{projection}', which holds {lo} to {hi}")]
    ValueOutOfRange {
        /// The projection.
        projection: String,
        /// The field.
        field: String,
        /// The raw value.
        value: i32,
        /// Smallest raw value.
        lo: i32,
        /// Largest raw value.
        hi: i32,
    },
    /// A lane exists in the model but on no core.
    #[error("no core holds lane {lane} of '{name}': nothing there reads it")]
    Unheld {
        /// The trace or modulator.
        name: String,
        /// The lane.
        lane: u32,
    },
    /// A constant that no instruction can load.
    #[error(
        "{value} cannot be loaded by one `ldi`, which holds 16 bits with sign and shifts them to \
         the left"
    )]
    NoImmediate {
        /// The raw value.
        value: i32,
    },
    /// The step counter is at its end.
    #[error(
        "step {} was the last one the 32-bit step counter can name; begin a new trial",
        u32::MAX
    )]
    StepsExhausted,
    /// Bytes that are no checkpoint of this image.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
}

/// Why bytes are no checkpoint of the loaded image.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The bytes do not begin like a checkpoint.
    #[error("the file is not an emulator checkpoint")]
    NotACheckpoint,
    /// Written by another version of the emulator.
    #[error("version {found} cannot be read; this emulator writes version {expected}")]
    Version {
        /// Version in the file.
        found: u32,
        /// Version written here.
        expected: u32,
    },
    /// The bytes end early, or go on after the end.
    #[error("{found} bytes of state where the header says {expected}; the file is incomplete")]
    Length {
        /// Bytes the header promises.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// The bytes were changed.
    #[error("the checksum does not match; the file is damaged")]
    Damaged,
    /// The checkpoint belongs to another image.
    #[error("it was taken from another image; load the image it was taken from")]
    OtherImage,
    /// It holds the time of other cost presets.
    #[error("it holds the time with the cost presets {}; run with the same ones", presets.join(", "))]
    Presets {
        /// Those of the checkpoint.
        presets: Vec<String>,
    },
    /// The content does not describe a state of this image.
    #[error("'{part}' does not describe a state of this image")]
    Content {
        /// Which part.
        part: &'static str,
    },
}
