//! What can go wrong when signals are named or recorded.

use crate::name::NameError;
use std::path::PathBuf;

/// Why signals cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// The text is no selector.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no such variable.
    #[error("there is no signal '{name}'; {hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        hint: String,
    },
    /// A pattern means nothing.
    #[error("no signal matches '{pattern}'; `--signals list` prints all names")]
    NothingMatches {
        /// The pattern.
        pattern: String,
    },
    /// A variable has no such lane.
    #[error("'{variable}' has no lane '{place}'; {there}")]
    NoLane {
        /// The variable.
        variable: String,
        /// The lanes asked for.
        place: String,
        /// What it has.
        there: String,
    },
    /// More than can be recorded.
    #[error("these are more than {limit} signals; name fewer populations, projections or lanes")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// What was named has no lanes at all.
    #[error("'{list}' names no signal: what it means has no lanes")]
    Empty {
        /// What was asked for.
        list: String,
    },
    /// A name that a file of waves cannot hold.
    #[error(
        "'{name}' has more than {limit} bytes, the longest name that is written to a file of waves"
    )]
    LongName {
        /// The name.
        name: String,
        /// The limit.
        limit: usize,
    },
    /// A time step that no axis can show.
    #[error("a time step of {ms} ms cannot be shown: it must last from 1e-12 to 1e6 ms")]
    StepLength {
        /// Milliseconds of a step.
        ms: f64,
    },
    /// The steps of a timeline are no span.
    #[error(
        "'{text}' are no steps: write a number from 1, or a span such as 1..21 for steps 1 to 20"
    )]
    Steps {
        /// What was written.
        text: String,
    },
    /// A timeline holds nothing.
    #[error("the timeline would be empty: the run ends before step {step}")]
    NoSuchStep {
        /// First step asked for.
        step: u32,
    },
    /// A single step is too much.
    #[error(
        "step {step} alone has more than {limit} events, more than a viewer of timelines shows; --wave-time chip records the busy flags of such a run"
    )]
    TimelineTooLarge {
        /// The step.
        step: u32,
        /// The limit.
        limit: usize,
    },
    /// A file's name ends in nothing that is known.
    #[error("{}: the name of a {what} ends in {known}", path.display())]
    Ending {
        /// The file.
        path: PathBuf,
        /// `table`, `timeline` or `file of waves`.
        what: &'static str,
        /// The endings there are.
        known: &'static str,
    },
    /// Two results would have one name.
    #[error("{} is asked for twice; give each result a file of its own", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The emulator refused.
    #[error(transparent)]
    Emulator(#[from] trifactor_emu::EmuError),
    /// The chip description inside the image cannot be read.
    #[error("the image's chip description: {0}")]
    Chip(#[from] trifactor_isa::ChipError),
}

impl SignalError {
    /// Whether what was asked for is at fault, rather than a file.
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Write { .. } | Self::Emulator(_) | Self::Chip(_))
    }
}
