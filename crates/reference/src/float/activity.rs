//! Which states carry gradients: those that trained states reach and that reach what is observed.

use super::phases;
use trifactor_entity::SideTable;
use trifactor_ir::{Kernel, Network, Op, PortId, Read, StateId, Surrogate, ValueId};

/// Whether a state's cotangent is needed.
pub(super) type Active = SideTable<StateId, bool>;

/// Finds all states on a differentiable path from `wrt` to `observed`, ends included.
pub(super) fn active(network: &Network, wrt: &[StateId], observed: &[StateId]) -> Active {
    let edges = edges(network);
    let reach = |from: &[StateId], forwards: bool| {
        let mut reached = SideTable::for_each(&network.states, |id, _| from.contains(&id));
        loop {
            let mut grew = false;
            for (source, target) in &edges {
                let (a, b) = if forwards { (*source, *target) } else { (*target, *source) };
                if reached[a] && !reached[b] {
                    reached[b] = true;
                    grew = true;
                }
            }
            if !grew {
                return reached;
            }
        }
    };
    let (forwards, backwards) = (reach(wrt, true), reach(observed, false));
    SideTable::for_each(&network.states, |id, _| forwards[id] && backwards[id])
}

/// Pairs of a state that is read and a state it differentiably changes.
fn edges(network: &Network) -> Vec<(StateId, StateId)> {
    let mut edges = Vec::new();
    for phase in network.phases.values() {
        let kernel = &network.kernels[phase.kernel];
        for (output, written) in kernel.outputs.iter().zip(&phase.writes) {
            for port in differentiable_inputs(kernel, output.value) {
                if let Some(read) = state_of(phase.reads[port]) {
                    edges.push((read, *written));
                }
            }
        }
    }
    edges
}

/// The state whose value an input is, if a gradient can pass to it.
pub(super) fn state_of(read: Read) -> Option<StateId> {
    match read {
        Read::State(state) => Some(state),
        Read::Arriving { spike, .. } => Some(spike),
        Read::SpikedInEpoch(_) | Read::EpochFlag => None,
    }
}

/// Inputs from which a value is reached through operations that have a derivative.
fn differentiable_inputs(kernel: &Kernel, value: ValueId) -> Vec<PortId> {
    let mut needed = SideTable::for_each(&kernel.ops, |_, _| false);
    needed[value] = true;
    let mut ports = Vec::new();
    for (id, op) in kernel.ops.iter().rev() {
        if !needed[id] {
            continue;
        }
        match *op {
            Op::Port(port) => ports.push(port),
            Op::Const(_)
            | Op::Gt(..)
            | Op::Sgn(_)
            | Op::Bump(..)
            | Op::Step(_, Surrogate::None) => {}
            Op::Select { then, other, .. } => {
                needed[then] = true;
                needed[other] = true;
            }
            Op::Add(..) | Op::Sub(..) | Op::Mul(..) | Op::Min(..) | Op::Max(..) | Op::Step(..) => {
                op.operands().for_each(|v| needed[v] = true);
            }
        }
    }
    ports
}

/// How far back in time a spike is awaited, per state.
pub(super) fn longest_delays(network: &Network) -> SideTable<StateId, usize> {
    let longest = phases::longest_delays(network);
    SideTable::for_each(&network.states, |id, _| longest[id].map_or(0, usize::from))
}
