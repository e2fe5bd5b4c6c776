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
    /// A data file cannot be used.
    #[error(transparent)]
    Data(#[from] trifactor_stimulus::DataError),
    /// The emulator refused.
    #[error(transparent)]
    Emulator(#[from] trifactor_emu::EmuError),
    /// The float reading refused.
    #[error(transparent)]
    Float(#[from] trifactor_reference::float::MachineError),
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

impl From<Diagnostics> for LabError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Model(diagnostics)
    }
}
