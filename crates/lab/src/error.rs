//! What can go wrong in a run, apart from the author's model, which has diagnostics.

use trifactor_diag::Diagnostics;

/// Why a run ended.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The model cannot be used.
    #[error("{0}")]
    Model(Diagnostics),
    /// The protocol names a population that is not there.
    #[error("the protocol names the population '{name}', which the model does not have")]
    NoSuchPopulation {
        /// The name.
        name: String,
    },
    /// The protocol reads a variable that a population does not have.
    #[error(
        "'{population}' has no variable '{variable}' to read; populations have 'u', 'v' and 'spikes'"
    )]
    NoSuchVariable {
        /// The population.
        population: String,
        /// The variable.
        variable: String,
    },
    /// The protocol records a state that is not there.
    #[error(
        "the protocol records '{state}', which the model does not have on this machine; states are named OWNER.VARIABLE"
    )]
    NoSuchState {
        /// The name.
        state: String,
    },
    /// The model has no protocol.
    #[error(
        "the model '{model}' has no protocol: add `protocol: (..)` to its model.ron to say what is shown and read"
    )]
    NoProtocol {
        /// The model's name.
        model: String,
    },
    /// The model has nothing that could be run.
    #[error(
        "the model '{model}' has nothing to run: add `protocol: (..)` to its model.ron to say what is shown and read, or a train.ron with an `evaluation`"
    )]
    NothingToRun {
        /// The model's name.
        model: String,
    },
    /// A data file cannot be used.
    #[error(transparent)]
    Data(#[from] trifactor_stimulus::DataError),
    /// The emulator refused.
    #[error(transparent)]
    Emulator(#[from] trifactor_emu::EmuError),
    /// An image could not be written.
    #[error("cannot write the image: {0}")]
    Image(#[from] trifactor_image::ImageError),
    /// The float reading refused.
    #[error(transparent)]
    Float(#[from] trifactor_reference::float::MachineError),
    /// Signals cannot be recorded.
    #[error(transparent)]
    Signals(#[from] trifactor_signals::SignalError),
    /// The trial to record is not one of the run's.
    #[error("there is no trial {trial} to record: the run has trials 0 to {}", .n_trials.saturating_sub(1))]
    NoSuchTrial {
        /// What was asked for, from 0.
        trial: u32,
        /// Trials of the run.
        n_trials: u32,
    },
    /// The probes ask for more than a table should hold.
    #[error(
        "the probes would record {values} values, and {limit} are the limit: give fewer 'lanes' or a larger 'every' under probes"
    )]
    TooManyProbes {
        /// Values asked for.
        values: u64,
        /// The limit.
        limit: u64,
    },
    /// A task or a reading of a network on the host cannot be used.
    #[error(transparent)]
    Host(trifactor_host::HostError),
    /// A number of the task is out of its limits.
    #[error("{0}")]
    Task(String),
    /// The model has no trained parameters.
    #[error("{path} is not there: what a training wrote as params.safetensors is needed")]
    NoParams {
        /// Where they should be.
        path: String,
    },
    /// A file of a training cannot be used.
    #[error("{path}: {message}")]
    Training {
        /// The file.
        path: String,
        /// What is wrong and what is expected.
        message: String,
    },
    /// A picture could not be made.
    #[error(transparent)]
    Picture(#[from] crate::picture::PictureError),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
}

impl From<trifactor_host::HostError> for LabError {
    fn from(error: trifactor_host::HostError) -> Self {
        match error {
            trifactor_host::HostError::Model(found) => Self::Model(found),
            other => Self::Host(other),
        }
    }
}

impl From<Diagnostics> for LabError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Model(diagnostics)
    }
}
