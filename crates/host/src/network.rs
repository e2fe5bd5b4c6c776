//! What the host asks of a network: a form with a reverse, its controls, its link to a task.

use crate::HostError;
use crate::settings::Readout;
use crate::task::Task;
use trifactor_ir::{
    CheckedNetwork, Group, Network, Read, SpaceId, SpaceKind, StateId, StateRole, Values, verify,
};

/// The same network with a reverse: where every step is a learning epoch, the flag that a lane
/// spiked in the epoch is its spike (S35). Other networks are returned as they are.
pub fn differentiable(network: &CheckedNetwork) -> Result<CheckedNetwork, HostError> {
    let mut network = network.network().clone();
    if network.epoch == 1 {
        for phase in network.phases.values_mut() {
            for read in phase.reads.values_mut() {
                if let Read::SpikedInEpoch(spike) = *read {
                    *read = Read::State(spike);
                }
            }
        }
    }
    Ok(verify(network)?)
}

/// The same network with these states at 0: a rule without rates changes no weight.
pub fn without_plasticity(
    network: &CheckedNetwork,
    rates: &[String],
) -> Result<CheckedNetwork, HostError> {
    let mut network = network.network().clone();
    for name in rates {
        let id = find_state(&network, name)?;
        network.states[id].init = Values::Constant(0.0);
    }
    Ok(verify(network)?)
}

/// The state of that full name.
pub(crate) fn find_state(network: &Network, name: &str) -> Result<StateId, HostError> {
    network
        .states
        .ids()
        .find(|id| network.full_name(*id) == name)
        .ok_or_else(|| HostError::settings(format!("the model has no state '{name}'")))
}

/// How a task and a network meet.
#[derive(Clone, PartialEq, Debug)]
pub struct Link {
    /// Port of each input population that the task drives; others stay silent.
    pub ports: Vec<(SpaceId, usize)>,
    /// The variable that is read, one lane per class.
    pub readout: StateId,
    /// Logits are the mean times this.
    pub gain: f64,
    /// Steps by which the answer is late.
    pub latency: u64,
}

impl Link {
    /// Finds the task's ports and the read-out in a network.
    ///
    /// Errors: a population is missing or has the wrong size.
    pub fn new(network: &Network, readout: &Readout, task: &dyn Task) -> Result<Self, HostError> {
        let mut ports = Vec::new();
        for (at, port) in task.ports().into_iter().enumerate() {
            let found = network.space(port.name).filter(|s| network.inputs().contains(s));
            let Some(space) = found else {
                let message = format!("the task needs an input population '{}'", port.name);
                return Err(HostError::settings(message));
            };
            let lanes = network.lanes(space);
            if lanes != port.lanes {
                return Err(HostError::settings(format!(
                    "the input population '{}' has {lanes} lanes; the task drives {}",
                    port.name, port.lanes
                )));
            }
            ports.push((space, at));
        }
        let name = format!("{}.{}", readout.population, readout.variable);
        let state = find_state(network, &name)?;
        let space = network.states[state].space;
        let lanes = network.lanes(space);
        if network.states[state].role != StateRole::Variable || lanes != task.classes() {
            return Err(HostError::settings(format!(
                "readout: '{name}' must be a variable with one lane per class ({}); it has {lanes}",
                task.classes()
            )));
        }
        let latency = match readout.latency {
            Some(steps) if steps <= 1000 => steps,
            Some(steps) => {
                let message = format!("readout.latency is {steps}; up to 1000 are possible");
                return Err(HostError::settings(message));
            }
            None => {
                let spaces: Vec<SpaceId> = ports.iter().map(|p| p.0).collect();
                latency(network, &spaces, space).ok_or_else(|| {
                    HostError::settings(format!("no input reaches '{}'", readout.population))
                })?
            }
        };
        Ok(Self { ports, readout: state, gain: readout.gain, latency })
    }
}

/// Steps from an input spike to the first effect on a population, over synapses of delay 0.
fn latency(network: &Network, from: &[SpaceId], to: SpaceId) -> Option<u64> {
    let edges: Vec<(SpaceId, SpaceId)> = network
        .phases
        .values()
        .filter(|p| p.group == Group::Deliver)
        .filter_map(|p| network.synapses(p.over).map(|s| (s.pre, s.post)))
        .collect();
    let mut reached: Vec<SpaceId> = from.to_vec();
    for steps in 0..=network.spaces.len() as u64 {
        if reached.contains(&to) {
            return Some(steps);
        }
        let next: Vec<SpaceId> =
            edges.iter().filter(|e| reached.contains(&e.0)).map(|e| e.1).collect();
        reached.extend(next);
        reached.sort_unstable();
        reached.dedup();
    }
    None
}

/// The spikes of a population whose activity costs.
pub(crate) fn spikes_of(network: &Network, population: &str) -> Result<StateId, HostError> {
    let spikes = network.space(population).and_then(|s| {
        let populated = matches!(network.spaces[s].kind, SpaceKind::Population { .. });
        if populated { network.spikes(s) } else { None }
    });
    spikes.ok_or_else(|| {
        HostError::settings(format!("rate_costs: '{population}' is no spiking population"))
    })
}
