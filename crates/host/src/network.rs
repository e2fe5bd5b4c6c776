//! What the host asks of a network: a form with a reverse, its controls, its link to a task.

use crate::HostError;
use crate::loss::Loss;
use crate::settings::{Readout, RelativeSurrogate};
use crate::task::Task;
use std::collections::BTreeMap;
use trifactor_entity::{SideTable, Table};
use trifactor_ir::{
    CheckedNetwork, Group, Kernel, Network, Op, Output, Phase, Read, SpaceId, SpaceKind, StateId,
    StateRole, Surrogate, ValueId, Values, verify,
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

/// The same network with other surrogate derivatives, each in units of its population's input
/// current, see [`RelativeSurrogate`]. Spikes stay the same: what decides on them is multiplied by
/// a positive number.
///
/// Errors: a population that is not there, has no threshold, or no leak of its potential.
pub fn with_surrogates(
    network: &CheckedNetwork,
    surrogates: &BTreeMap<String, RelativeSurrogate>,
) -> Result<CheckedNetwork, HostError> {
    let mut network = network.network().clone();
    for (name, surrogate) in surrogates {
        let refuse = |what: &str| HostError::settings(format!("surrogates: '{name}' {what}"));
        let space = network.space(name).ok_or_else(|| refuse("is no population"))?;
        let of_space = |p: &Phase| p.over == space && p.group == Group::Neurons;
        let phase = network.phases.find(of_space).ok_or_else(|| refuse("has no neurons"))?;
        let kernel = &network.kernels[network.phases[phase].kernel];
        let changed = relative(kernel, surrogate.surrogate())
            .ok_or_else(|| refuse("has no threshold or no leak of its potential"))?;
        // Another population may share the kernel.
        network.phases[phase].kernel = network.kernels.push(changed);
    }
    Ok(verify(network)?)
}

/// A neuron's kernel whose spikes are decided on, and differentiated, in units of its current.
fn relative(kernel: &Kernel, surrogate: Surrogate) -> Option<Kernel> {
    let keep = kernel.port("keep_v")?;
    let keep = kernel.ops.find(|op| *op == Op::Port(keep))?;
    let mut ops = Table::new();
    let mut renamed: SideTable<ValueId, ValueId> = SideTable::empty();
    let mut found = false;
    for op in kernel.ops.values() {
        let op = op.map(|v| renamed[v]);
        let Op::Step(over, _) = op else {
            renamed.push(ops.push(op));
            continue;
        };
        found = true;
        let one = ops.push(Op::Const(1.0));
        let lost = ops.push(Op::Sub(one, renamed[keep]));
        let over = ops.push(Op::Mul(over, lost));
        renamed.push(ops.push(Op::Step(over, surrogate)));
    }
    let outputs = kernel.outputs.iter().map(|o| Output { value: renamed[o.value], ..o.clone() });
    found.then(|| Kernel { ops, outputs: outputs.collect(), ..kernel.clone() })
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
    /// What is asked of the logits.
    pub loss: Loss,
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
            let found = network.space(&port.name).filter(|s| network.inputs().contains(s));
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
        Ok(Self { ports, readout: state, gain: readout.gain, loss: readout.loss, latency })
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

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_ir::text::{parse_kernel, print_kernel};
    use trifactor_ir::units::{LifParts, cuba_lif};

    #[test]
    fn a_relative_surrogate_sees_the_distance_times_what_leaks() {
        let parts = LifParts { threshold: true, ..LifParts::default() };
        let kernel = cuba_lif(parts, Surrogate::None);
        let surrogate = Surrogate::Triangle { scale: 0.5, beta: 2.0 };
        let changed = relative(&kernel, surrogate).expect("it has a threshold and a leak");
        assert_eq!(changed.ports, kernel.ports);
        let step = changed.ops.find(|op| matches!(op, Op::Step(_, s) if *s == surrogate));
        let Op::Step(over, _) = changed.ops[step.expect("one step")] else { unreachable!() };
        let Op::Mul(_, lost) = changed.ops[over] else { panic!("{}", print_kernel(&changed)) };
        let Op::Sub(one, keep) = changed.ops[lost] else { panic!("{}", print_kernel(&changed)) };
        assert_eq!(changed.ops[one], Op::Const(1.0));
        assert_eq!(changed.ops[keep], Op::Port(changed.port("keep_v").expect("an input")));
        // Everything else is as it was.
        assert_eq!(changed.ops.len(), kernel.ops.len() + 3);
    }

    #[test]
    fn a_kernel_without_threshold_or_leak_has_no_relative_surrogate() {
        let readout = cuba_lif(LifParts::default(), Surrogate::None);
        assert!(relative(&readout, Surrogate::None).is_none());
        let text = "kernel k {\n  in v: own\n  s = step(v)\n  set spike = s\n}\n";
        let kernel = parse_kernel(text, "k.kern").expect("legal");
        assert!(relative(&kernel, Surrogate::None).is_none());
    }
}
