//! Why a command is not done.

use std::path::PathBuf;
use trifactor_emu::{Disagreement, EmuError};

/// Why a command is not done. The session is then as before.
#[derive(Debug, thiserror::Error)]
pub enum DebugError {
    /// The command cannot be understood, or what it names is not there.
    #[error("{0}")]
    Command(String),
    /// The emulator refuses it.
    #[error(transparent)]
    Emulator(#[from] EmuError),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The emulator and an executor of single instructions disagree: a fault of this program.
    #[error(
        "internal: the plasticity phase of step {step} gives other values instruction by \
         instruction than at once ({what}); please report this with the image"
    )]
    Disagreement {
        /// The step.
        step: u32,
        /// The first difference.
        what: Disagreement,
    },
}

/// A command that is not understood.
pub(crate) fn wrong<T>(message: impl Into<String>) -> Result<T, DebugError> {
    Err(DebugError::Command(message.into()))
}
