//! What a chip file says about arithmetic.

use serde::{Deserialize, Serialize};
use trifactor_fixed::{LearningArithmetic, MantissaArithmetic, NeuronArithmetic};

/// Choices in which published models of Loihi-class chips differ. Each is defined in
/// `trifactor-fixed`, and `docs/conformance.md` says which model makes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Arithmetic {
    /// The neuron unit and what feeds it.
    pub neuron: NeuronArithmetic,
    /// From the mantissa an author writes to the bits that are stored.
    pub mantissa: MantissaArithmetic,
    /// Traces, products and stores of a learning engine that counts in epochs; left out, those
    /// of `docs/semantics.md`.
    pub learning: Option<LearningArithmetic>,
}

impl Arithmetic {
    /// Whether nothing differs from the engine's own.
    pub fn is_own(&self) -> bool {
        *self == Self::default()
    }
}
