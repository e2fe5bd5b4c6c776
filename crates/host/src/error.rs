//! What can go wrong in training, apart from the author's model, which has diagnostics.

use std::path::PathBuf;
use trifactor_diag::Diagnostics;

/// Why training or an evaluation ended.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The model cannot be used.
    #[error("{0}")]
    Model(Diagnostics),
    /// The settings cannot be used with this model.
    #[error("{file}: {message}")]
    Settings {
        /// The settings file.
        file: String,
        /// What is wrong, with the key, the value and the limit.
        message: String,
    },
    /// The network has no reverse.
    #[error(transparent)]
    Tape(#[from] trifactor_reference::float::TapeError),
    /// A value list does not fit its state.
    #[error(transparent)]
    Machine(#[from] trifactor_reference::float::MachineError),
    /// Parameters could not be written.
    #[error(transparent)]
    Params(#[from] trifactor_model::ParamsError),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A checkpoint is damaged, or belongs to another run.
    #[error("{path}: {message}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong and the way out.
        message: String,
    },
    /// The loss or a gradient is no longer a number.
    #[error(
        "update {update}: the {what} is not finite; lower optimiser.rate or the surrogates' scale"
    )]
    NotFinite {
        /// The update.
        update: u64,
        /// Loss or gradient.
        what: &'static str,
    },
}

impl HostError {
    /// A fault of a settings file.
    pub fn settings(message: impl Into<String>) -> Self {
        Self::Settings { file: "train.ron".to_owned(), message: message.into() }
    }
}

impl From<Diagnostics> for HostError {
    fn from(found: Diagnostics) -> Self {
        Self::Model(found)
    }
}
