//! What the forward and the reverse machine both need to know about the phases of a network.

use super::program::{Axis, Edges, Lanes, Shape};
use std::sync::Arc;
use trifactor_entity::SideTable;
use trifactor_ir::{
    Delay, Network, Phase, Port, PortId, Read, Role, SpaceId, StateId, StateRole, units,
};

/// The lanes of every space, for rows of `width` episodes.
pub(super) fn lanes(network: &Network, width: usize) -> SideTable<SpaceId, Lanes> {
    SideTable::for_each(&network.spaces, |id, _| Lanes {
        n: network.lanes(id),
        edges: network.synapses(id).map(|s| Arc::new(Edges::new(s, network.lanes(s.post), width))),
    })
}

/// Shape of the array of a state as an input of that role.
pub(super) fn shape(network: &Network, port: &Port, read: Read) -> Shape {
    let axis = match port.role {
        Role::Own => Axis::Own,
        Role::Pre => Axis::Pre,
        Role::Post => Axis::Post,
        Role::Global | Role::Every(_) => Axis::Global,
    };
    let per_episode = match read {
        Read::State(state) => network.states[state].role != StateRole::Parameter,
        Read::EpochFlag => false,
        Read::Arriving { .. } | Read::SpikedInEpoch(_) => true,
    };
    // A delay of its own makes the arrival a matter of the synapse.
    let axis = match read {
        Read::Arriving { delay: Delay::PerSynapse(_), .. } => Axis::Own,
        _ => axis,
    };
    Shape { axis, per_episode }
}

/// A phase which the unit [`units::deliver`] describes, with a fixed delay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    pub w: StateId,
    /// Whether the weight is a parameter, shared by episodes.
    pub shared: bool,
    pub spike: StateId,
    pub delay: u8,
    pub q: StateId,
}

/// Recognises delivery.
pub(super) fn delivery(network: &Network, phase: &Phase) -> Option<Delivery> {
    let unit = units::deliver();
    let kernel = &network.kernels[phase.kernel];
    if !kernel.same_program(&unit) {
        return None;
    }
    let read = |name: &str| -> Option<Read> {
        let port: PortId = kernel.port(name)?;
        Some(phase.reads[port])
    };
    match (read("w")?, read("spike")?) {
        (Read::State(w), Read::Arriving { spike, delay: Delay::Fixed(delay) }) => {
            let shared = network.states[w].role == StateRole::Parameter;
            Some(Delivery { w, shared, spike, delay, q: phase.writes[0] })
        }
        _ => None,
    }
}

/// The longest fixed delay with which anyone awaits a spike, per state; `None` if nobody does.
pub(super) fn longest_delays(network: &Network) -> SideTable<StateId, Option<u8>> {
    let mut longest: SideTable<StateId, Option<u8>> =
        SideTable::for_each(&network.states, |_, _| None);
    for phase in network.phases.values() {
        for (_, read) in phase.reads.iter() {
            if let Read::Arriving { spike, delay: Delay::Fixed(d) } = *read {
                longest[spike] = longest[spike].max(Some(d));
            }
        }
    }
    longest
}
