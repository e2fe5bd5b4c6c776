//! Checks of phases and of what they write: I12 to I19.

use super::{Findings, describe};
use crate::kernel::{Role, Target};
use crate::network::{Delay, Group, Network, Phase, PhaseId, Read, SpaceKind, StateId, StateRole};
use std::collections::BTreeMap;
use trifactor_entity::EntityId;

/// Refuses ids that no table has, and bindings that do not fit their kernel. All other checks
/// rely on this one.
pub(super) fn ids_that_do_not_exist(network: &Network, findings: &mut Findings) {
    let state = |id: StateId| id.index() < network.states.len();
    for space in network.spaces.values() {
        if let SpaceKind::Synapses(s) = &space.kind
            && s.pre.index().max(s.post.index()) >= network.spaces.len()
        {
            let message = format!("'{}' joins spaces that do not exist", space.name);
            findings.error("V012", &space.name, message);
        }
    }
    for s in network.states.values() {
        if s.space.index() >= network.spaces.len() {
            let message = format!("the state '{}' is on a space that does not exist", s.name);
            findings.error("V012", &s.name, message);
        }
    }
    for phase in network.phases.values() {
        let read = |read: &Read| match *read {
            Read::State(id) | Read::SpikedInEpoch(id) => state(id),
            Read::Arriving { spike, delay: Delay::Fixed(_) } => state(spike),
            Read::Arriving { spike, delay: Delay::PerSynapse(d) } => state(spike) && state(d),
            Read::EpochFlag => true,
        };
        let exist = phase.kernel.index() < network.kernels.len()
            && phase.over.index() < network.spaces.len()
            && phase.reads.values().all(read)
            && phase.writes.iter().all(|id| state(*id));
        if !exist {
            let message = format!("{} names something that does not exist", describe(phase));
            findings.error("V012", &phase.key, message);
            continue;
        }
        let kernel = &network.kernels[phase.kernel];
        if phase.reads.len() != kernel.ports.len() || phase.writes.len() != kernel.outputs.len() {
            let message = format!(
                "{} binds {} inputs and {} results; kernel '{}' has {} and {}",
                describe(phase),
                phase.reads.len(),
                phase.writes.len(),
                kernel.name,
                kernel.ports.len(),
                kernel.outputs.len()
            );
            findings.error("V012", &phase.key, message);
        }
    }
}

/// Checks all phases of a network whose ids exist.
pub(super) fn check(network: &Network, findings: &mut Findings) {
    phase_out_of_order(network, findings);
    stream_used_twice(network, findings);
    for phase in network.phases.values() {
        wrong_kind_of_space(network, phase, findings);
        wrong_target(network, phase, findings);
        plastic_variable_without_range(network, phase, findings);
    }
    state_set_twice(network, findings);
    accumulator_misread(network, findings);
}

fn phase_out_of_order(network: &Network, findings: &mut Findings) {
    for pair in network.phases.as_slice().windows(2) {
        if pair[0].group > pair[1].group {
            let message = format!("{} comes after {}", describe(&pair[1]), describe(&pair[0]));
            let hint = "a step delivers, then runs neurons, modulators, traces, plasticity";
            findings.error_hint("V013", &pair[1].key, message, hint);
        }
    }
}

fn wrong_kind_of_space(network: &Network, phase: &Phase, findings: &mut Findings) {
    let space = &network.spaces[phase.over];
    let (fits, what) = match phase.group {
        Group::Deliver | Group::Plasticity => {
            (matches!(space.kind, SpaceKind::Synapses(_)), "the synapses of a projection")
        }
        Group::Neurons | Group::Traces => {
            (matches!(space.kind, SpaceKind::Population { .. }), "a population")
        }
        Group::Modulators => (matches!(space.kind, SpaceKind::Modulator { .. }), "a modulator"),
    };
    if !fits {
        let message = format!("{} runs over '{}', not over {what}", describe(phase), space.name);
        findings.error("V013", &phase.key, message);
    }
}

fn stream_used_twice(network: &Network, findings: &mut Findings) {
    let mut users: BTreeMap<u32, &Phase> = BTreeMap::new();
    for phase in network.phases.values() {
        if let Some(other) = users.insert(phase.stream, phase) {
            let message = format!(
                "{} and {} both draw from stream {}",
                describe(other),
                describe(phase),
                phase.stream
            );
            findings.error("V014", &phase.key, message);
        }
    }
}

/// The states that a phase writes, with their targets.
fn writes<'n>(
    network: &'n Network,
    phase: &'n Phase,
) -> impl Iterator<Item = (Target, StateId)> + 'n {
    let outputs = &network.kernels[phase.kernel].outputs;
    outputs.iter().map(|o| o.target).zip(phase.writes.iter().copied())
}

fn wrong_target(network: &Network, phase: &Phase, findings: &mut Findings) {
    let synapses = network.synapses(phase.over);
    for (target, id) in writes(network, phase) {
        let state = &network.states[id];
        let name = network.full_name(id);
        let who = describe(phase);
        if target == Target::Set {
            let problem = match state.role {
                StateRole::Parameter => Some(format!("{who} sets '{name}', a parameter")),
                StateRole::Accumulator => {
                    Some(format!("{who} sets '{name}', which can only be added to"))
                }
                StateRole::Spike if phase.group != Group::Neurons => {
                    Some(format!("{who} sets the spikes '{name}'"))
                }
                _ if state.space != phase.over => {
                    Some(format!("{who} sets '{name}', which is not on its own lanes"))
                }
                StateRole::Variable | StateRole::Spike => None,
            };
            if let Some(message) = problem {
                findings.error("V015", &phase.key, message);
            }
            continue;
        }
        if state.role != StateRole::Accumulator {
            let message = format!("{who} adds to '{name}', which is not an accumulator");
            findings.error("V016", &phase.key, message);
        }
        let (reaches, whose) = match target {
            Target::AddPost => (synapses.is_some_and(|s| s.post == state.space), "post lanes"),
            Target::AddPre => (synapses.is_some_and(|s| s.pre == state.space), "pre lanes"),
            Target::AddGlobal => (network.lanes(state.space) == 1, "single lane"),
            Target::AddOwn | Target::Set => (state.space == phase.over, "own lanes"),
        };
        if !reaches {
            let message = format!("{who} adds to '{name}', which is not on its {whose}");
            findings.error("V016", &phase.key, message);
        }
    }
}

fn plastic_variable_without_range(network: &Network, phase: &Phase, findings: &mut Findings) {
    if phase.group != Group::Plasticity {
        return;
    }
    for (target, id) in writes(network, phase) {
        if target == Target::Set && network.states[id].range.is_none() {
            let message =
                format!("{} sets '{}' without bounds", describe(phase), network.full_name(id));
            findings.error_hint("V019", &phase.key, message, "add range: (lo, hi)");
        }
    }
}

fn state_set_twice(network: &Network, findings: &mut Findings) {
    let mut setters: BTreeMap<StateId, &Phase> = BTreeMap::new();
    for phase in network.phases.values() {
        for (target, id) in writes(network, phase) {
            if target != Target::Set {
                continue;
            }
            if let Some(other) = setters.insert(id, phase) {
                let message = format!(
                    "'{}' is set by {} and by {}",
                    network.full_name(id),
                    describe(other),
                    describe(phase)
                );
                findings.error("V017", &phase.key, message);
            }
        }
    }
}

fn accumulator_misread(network: &Network, findings: &mut Findings) {
    let mut readers: BTreeMap<StateId, Vec<(PhaseId, Role)>> = BTreeMap::new();
    let mut last_add: BTreeMap<StateId, PhaseId> = BTreeMap::new();
    for (at, phase) in network.phases.iter() {
        let ports = &network.kernels[phase.kernel].ports;
        for (port, read) in phase.reads.iter() {
            if let Read::State(id) = *read {
                readers.entry(id).or_default().push((at, ports[port].role));
            }
        }
        for (target, id) in writes(network, phase) {
            if target != Target::Set {
                last_add.insert(id, at);
            }
        }
    }
    for (id, _) in network.states.iter().filter(|(_, s)| s.role == StateRole::Accumulator) {
        let name = network.full_name(id);
        match readers.get(&id).map_or(&[][..], Vec::as_slice) {
            [] => {
                let message = format!("no phase reads what is added to '{name}'");
                findings.error("V018", &name, message);
            }
            [(at, role)] => {
                let phase = &network.phases[*at];
                if *role != Role::Own {
                    let message = format!("{} reads '{name}' of other lanes", describe(phase));
                    let hint = "reading an accumulator clears it; read it on its own lanes";
                    findings.error_hint("V018", &phase.key, message, hint);
                }
                if let Some(add) = last_add.get(&id)
                    && add >= at
                {
                    let message = format!(
                        "{} adds to '{name}' after {} has read it",
                        describe(&network.phases[*add]),
                        describe(phase)
                    );
                    findings.error("V018", &network.phases[*add].key, message);
                }
            }
            [first, .., last] => {
                let phase = &network.phases[last.0];
                let message = format!(
                    "'{name}' is read by {} and by {}; the first reading clears it",
                    describe(&network.phases[first.0]),
                    describe(phase)
                );
                findings.error("V018", &phase.key, message);
            }
        }
    }
}
