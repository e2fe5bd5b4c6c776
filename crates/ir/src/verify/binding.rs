//! Checks of what inputs are bound to: I20 to I24.

use super::{Findings, describe};
use crate::kernel::{Port, Role, When};
use crate::network::{
    Delay, Group, MAX_DELAY, Network, Phase, Read, SpaceId, SpaceKind, StateId, StateRole,
};

/// Largest k of `every k` (S46).
const MAX_EVERY: u8 = 9;

/// Checks all bindings of a network whose ids exist.
pub(super) fn check(network: &Network, findings: &mut Findings) {
    for phase in network.phases.values() {
        let ports = &network.kernels[phase.kernel].ports;
        for (port, read) in ports.values().zip(phase.reads.values()) {
            let binding = Binding { network, phase, port };
            match *read {
                Read::State(state) => binding.unreachable_state(state, findings),
                Read::EpochFlag => binding.misplaced_epoch_flag(findings),
                Read::Arriving { spike, delay } => {
                    binding.misplaced_arrival(spike, findings);
                    binding.bad_delay(delay, findings);
                }
                Read::SpikedInEpoch(spike) => binding.misplaced_spike_flag(spike, findings),
            }
            binding.time_of_something_that_is_no_trace(*read, findings);
        }
    }
}

/// One input of one phase.
struct Binding<'n> {
    network: &'n Network,
    phase: &'n Phase,
    port: &'n Port,
}

impl Binding<'_> {
    fn error(&self, code: &'static str, rest: &str, hint: &str, findings: &mut Findings) {
        let message = format!("input '{}' of {} {rest}", self.port.name, describe(self.phase));
        findings.error_hint(code, &self.phase.key, message, hint);
    }

    /// The space at the pre or post end of the phase's synapses.
    fn end(&self) -> Option<SpaceId> {
        let synapses = self.network.synapses(self.phase.over)?;
        match self.port.role {
            Role::Pre => Some(synapses.pre),
            Role::Post => Some(synapses.post),
            Role::Own | Role::Global | Role::Every(_) => None,
        }
    }

    fn unreachable_state(&self, id: StateId, findings: &mut Findings) {
        let state = &self.network.states[id];
        let name = self.network.full_name(id);
        let lanes = self.network.lanes(state.space);
        let (reachable, hint) = match self.port.role {
            Role::Own => (
                state.space == self.phase.over,
                format!("'own' reads states of '{}'", self.network.spaces[self.phase.over].name),
            ),
            Role::Pre | Role::Post => match self.end() {
                Some(end) => {
                    let modulator = matches!(
                        self.network.spaces[state.space].kind,
                        SpaceKind::Modulator { .. }
                    );
                    let n = self.network.lanes(end);
                    (
                        state.space == end || (modulator && lanes == n),
                        format!(
                            "it can read states of '{}', or of a modulator with {n} lanes",
                            self.network.spaces[end].name
                        ),
                    )
                }
                None => (false, "only synapses have pre and post lanes".to_owned()),
            },
            Role::Global => {
                (lanes == 1, format!("'global' reads a single lane; '{name}' has {lanes}"))
            }
            Role::Every(_) => (false, "'every k' reads the epoch flag".to_owned()),
        };
        if !reachable {
            let code = if matches!(self.port.role, Role::Every(_)) { "V021" } else { "V020" };
            self.error(code, &format!("cannot read '{name}'"), &hint, findings);
        }
    }

    fn misplaced_epoch_flag(&self, findings: &mut Findings) {
        match self.port.role {
            Role::Every(k) if k > MAX_EVERY => {
                let hint = format!("k is 0 to {MAX_EVERY}");
                self.error("V021", &format!("asks for every 2^{k}-th epoch"), &hint, findings);
            }
            Role::Every(_) if self.phase.group == Group::Plasticity => {}
            Role::Every(_) => {
                let hint = "only rules run in epochs";
                self.error("V021", "reads the epoch flag outside a rule", hint, findings);
            }
            _ => {
                let hint = "declare it as: every k";
                self.error("V021", "is bound to the epoch flag", hint, findings);
            }
        }
    }

    fn misplaced_arrival(&self, spike: StateId, findings: &mut Findings) {
        if self.phase.group != Group::Deliver {
            let hint = "spikes arrive in the deliver part of a step";
            self.error("V022", "reads an arriving spike", hint, findings);
        }
        let state = &self.network.states[spike];
        let fits = self.port.role == Role::Pre
            && self.end() == Some(state.space)
            && state.role == StateRole::Spike;
        if !fits {
            let rest = format!("cannot receive '{}'", self.network.full_name(spike));
            let hint = "what arrives is the spike of the synapse's source, in the role 'pre'";
            self.error("V022", &rest, hint, findings);
        }
    }

    fn bad_delay(&self, delay: Delay, findings: &mut Findings) {
        match delay {
            Delay::Fixed(steps) if steps > MAX_DELAY => {
                let hint = format!("the limit is {MAX_DELAY}");
                self.error("V022", &format!("is delayed by {steps} steps"), &hint, findings);
            }
            Delay::PerSynapse(id) if self.network.states[id].space != self.phase.over => {
                let rest = format!("takes its delay from '{}'", self.network.full_name(id));
                self.error("V022", &rest, "a delay is a state of the same synapses", findings);
            }
            Delay::PerSynapse(id)
                if !matches!(
                    self.network.states[id].role,
                    StateRole::Parameter | StateRole::Variable
                ) =>
            {
                let rest = format!("takes its delay from '{}'", self.network.full_name(id));
                self.error("V022", &rest, "a delay is a parameter or a variable", findings);
            }
            Delay::Fixed(_) | Delay::PerSynapse(_) => {}
        }
    }

    fn misplaced_spike_flag(&self, spike: StateId, findings: &mut Findings) {
        if self.phase.group != Group::Plasticity {
            let hint = "the flags x0 and y0 exist at the end of an epoch";
            self.error("V023", "reads a spike flag outside a rule", hint, findings);
        }
        let state = &self.network.states[spike];
        if self.end() != Some(state.space) || state.role != StateRole::Spike {
            let rest = format!("cannot read the spike flag of '{}'", self.network.full_name(spike));
            let hint = "flags are those of the synapse's pre or post population";
            self.error("V023", &rest, hint, findings);
        }
    }

    fn time_of_something_that_is_no_trace(&self, read: Read, findings: &mut Findings) {
        if self.port.when == When::End && !self.port.prev {
            return;
        }
        let trace = match read {
            Read::State(id) => {
                self.network.states[id].role == StateRole::Variable && self.network.is_trace(id)
            }
            Read::Arriving { .. } | Read::SpikedInEpoch(_) | Read::EpochFlag => false,
        };
        let reachable = matches!(self.port.role, Role::Pre | Role::Post);
        if !(trace && reachable && self.phase.group == Group::Plasticity) {
            let hint = "only pre and post traces have a past, and only rules read it";
            self.error("V024", "reads the past of something that is no trace", hint, findings);
        }
    }
}
