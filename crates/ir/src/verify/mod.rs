//! The check between an unchecked [`Network`] and every reading and pass.
//!
//! [`verify`] is the only constructor of a [`CheckedNetwork`]; what requires one may rely on all
//! invariants below without looking again. Each is enforced by functions named after what they
//! reject. Findings speak of the author's names; their key is that of the phase, or the full name
//! of a state or space.
//!
//! Kernels (`kernel`):
//! - **I1** Operands are earlier values of the kernel; inputs and results name what exists.
//! - **I2** Names of inputs differ, and one operation at most reads each.
//! - **I3** Constants and the numbers of surrogates are finite.
//! - **I4** Each result has its own variable.
//! - **I5** No `Bump`: it belongs to the reverse reading.
//! - **I6** Names are identifiers: letters, digits, `_` and `.`, at most 64 bytes.
//!
//! Spaces and states (`space`):
//! - **I7** Names of spaces differ; a population or modulator has 1 to 2^26 lanes.
//! - **I8** Synapses lead from a population to a population or modulator; rows are monotone and
//!   complete; within a row the post lanes ascend, each once, in bounds.
//! - **I9** Names of states differ within their space. Initial values are finite, one or one per
//!   lane, and inside the range; a range is finite and not empty.
//! - **I10** A population has one spike state, or none if a neuron phase runs on it without ever
//!   spiking (S24); no other space has one.
//! - **I11** The epoch has 1 to 63 steps (S5).
//!
//! Phases (`phase`):
//! - **I12** Ids exist; a phase binds each input and each result of its kernel.
//! - **I13** Phases are ordered by group (S2), each over the kind of space its group is for.
//! - **I14** Streams differ (S52).
//! - **I15** A phase sets variables of its own lanes only; spikes are set by neuron phases.
//!   Parameters are never set, accumulators only added to.
//! - **I16** A phase adds to accumulators only: of the post or pre lanes of its synapses, of a
//!   single lane, of its own lanes.
//! - **I17** A state is set by one phase at most.
//! - **I18** An accumulator is read by one input of one phase, on its own lanes, after all phases
//!   that add to it.
//! - **I19** What plasticity sets has a range (S42).
//!
//! Bindings (`binding`):
//! - **I20** An input reads a state whose lanes its role can reach: own, the pre or post space of
//!   the synapses or a modulator of as many lanes, or a single lane.
//! - **I21** `every k` reads the epoch flag, k at most 9, in plasticity.
//! - **I22** Spikes arrive in deliver phases, from the pre lanes, after at most 62 further steps
//!   or a delay of the same synapses (S3, S14).
//! - **I23** The epoch's spike flags are those of the pre or post population, in plasticity (S35).
//! - **I24** Only pre and post traces are read at a spike's time or one step back, in plasticity
//!   (S40); a trace is a variable that a trace phase sets.
//!
//! ```
//! use trifactor_ir::{Network, Space, SpaceKind, verify};
//! let mut network = Network::new("lonely");
//! network.spaces.push(Space { name: "a".into(), kind: SpaceKind::Population { n: 0 } });
//! let findings = verify(network).unwrap_err();
//! assert!(findings.to_string().contains("'a' has no lanes"));
//! ```

mod binding;
mod kernel;
mod phase;
mod space;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

use crate::network::{KernelId, Network, Phase};
use std::collections::BTreeSet;
use std::ops::Deref;
use trifactor_diag::{Diagnostic, Diagnostics, Place};

/// A network for which every invariant of [this module](self) holds.
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
///
/// Errors: V001 to V024, numbered like the invariants of [this module](self). Warnings, kept by
/// the witness: V030 (an input that is never used), V031 (a projection without synapses).
pub fn verify(network: Network) -> Result<CheckedNetwork, Diagnostics> {
    let mut findings = Findings::default();
    // Checks of the second half follow ids without looking, so they wait for the first half.
    phase::ids_that_do_not_exist(&network, &mut findings);
    for (id, k) in network.kernels.iter() {
        kernel::check(k, &origin(&network, id), &mut findings);
    }
    if !findings.0.has_errors() {
        space::check(&network, &mut findings);
        phase::check(&network, &mut findings);
        binding::check(&network, &mut findings);
    }
    let (network, warnings) = findings.0.into_result(network)?;
    Ok(CheckedNetwork { network, warnings })
}

/// Key of the first phase that runs a kernel.
fn origin(network: &Network, kernel: KernelId) -> String {
    let user = network.phases.values().find(|p| p.kernel == kernel);
    user.map_or_else(|| network.kernels[kernel].name.clone(), |p| p.key.clone())
}

/// Findings so far.
#[derive(Default)]
struct Findings(Diagnostics);

impl Findings {
    fn error(&mut self, code: &'static str, key: &str, message: String) {
        self.0.push(Diagnostic::error(code, message).at(Place::at_key(key)));
    }
    fn error_hint(&mut self, code: &'static str, key: &str, message: String, hint: &str) {
        self.0.push(Diagnostic::error(code, message).at(Place::at_key(key)).hint(hint));
    }
    fn warning(&mut self, code: &'static str, key: &str, message: String) {
        self.0.push(Diagnostic::warning(code, message).at(Place::at_key(key)));
    }
    /// Refuses a name that is not an identifier.
    fn identifier(&mut self, what: &str, name: &str, key: &str) {
        if !crate::text::is_name(name) {
            let shown: String = name.chars().take(64).collect();
            let message = format!("the {what} name '{shown}' is not an identifier");
            let hint = "use letters, digits, '_' and '.', begin with a letter, at most 64; \
                        'at' and 'prev' are taken";
            self.error_hint("V006", key, message, hint);
        }
    }
    /// Refuses names that are not identifiers or that an earlier object has.
    fn names<'a>(
        &mut self,
        code: &'static str,
        what: &str,
        names: impl Iterator<Item = (&'a str, String)>,
    ) {
        let mut seen = BTreeSet::new();
        for (name, key) in names {
            self.identifier(what, name, &key);
            if !seen.insert(name) {
                self.error(code, &key, format!("two {what}s are called '{name}'"));
            }
        }
    }
}

/// `'ff' (plasticity)`, as messages name a phase.
fn describe(phase: &Phase) -> String {
    format!("'{}' ({})", phase.name, phase.group.word())
}
