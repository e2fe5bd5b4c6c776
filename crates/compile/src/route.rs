//! Give every spike its messages and every message its input axon.
//!
//! Reads: network, structure, placement.   Writes: [`Routes`].
//! Method: on each core, each projection that ends there becomes a group of input axons, one per
//! pre lane with at least one synapse there, in lane order; a source's messages follow core
//! order, then group order.

use crate::place::Placement;
use crate::structure::{PopulationId, ProjectionId, Structure};
use trifactor_entity::SideTable;
use trifactor_ir::CheckedNetwork;

/// Where a group's synapses end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Landing {
    /// A slice of the core, by position.
    Slice(usize),
    /// A modulator range of the core, by position.
    Range(usize),
}

/// The part of a projection that ends on one core.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoutedGroup {
    /// The projection.
    pub projection: ProjectionId,
    /// Its targets on this core.
    pub landing: Landing,
    /// First lane of the targets.
    pub first_post: u32,
    /// Number of target lanes.
    pub n_post: u32,
    /// First input axon.
    pub first_axon: u32,
    /// Pre lane of each input axon.
    pub pre: Vec<u32>,
}

/// Groups per core and messages per lane.
#[derive(Clone, Debug)]
pub struct Routes {
    /// Groups of each core, in axon order.
    pub groups: Vec<Vec<RoutedGroup>>,
    /// Messages of every lane of every population: (core, input axon).
    pub messages: SideTable<PopulationId, Vec<Vec<(u32, u16)>>>,
}

/// Routes all spikes.
pub fn route(net: &CheckedNetwork, structure: &Structure, placement: &Placement) -> Routes {
    let groups: Vec<Vec<RoutedGroup>> =
        (0..placement.cores.len()).map(|c| groups_of(net, structure, placement, c)).collect();
    let mut messages =
        SideTable::for_each(&structure.populations, |_, p| vec![Vec::new(); net.lanes(p.space)]);
    for (core, groups) in (0u32..).zip(&groups) {
        for group in groups {
            let pre = structure.projections[group.projection].pre;
            let source =
                structure.population(pre).expect("internal: a projection starts at a population");
            for (axon, &lane) in (group.first_axon..).zip(&group.pre) {
                // Capacity is checked by placement, so the axon number fits its field.
                messages[source][lane as usize].push((core, axon as u16));
            }
        }
    }
    Routes { groups, messages }
}

/// Messages per lane, before anything else is known about a placement.
pub(crate) fn messages(
    net: &CheckedNetwork,
    structure: &Structure,
    placement: &Placement,
) -> SideTable<PopulationId, Vec<Vec<(u32, u16)>>> {
    route(net, structure, placement).messages
}

fn groups_of(
    net: &CheckedNetwork,
    structure: &Structure,
    placement: &Placement,
    core: usize,
) -> Vec<RoutedGroup> {
    let core = &placement.cores[core];
    let slices = core.slices.iter().enumerate().map(|(k, s)| {
        (Landing::Slice(k), structure.populations[s.population].space, s.first_lane, s.n)
    });
    let ranges = core.ranges.iter().enumerate().map(|(k, r)| {
        (Landing::Range(k), structure.modulators[r.modulator].space, r.first_lane, r.n)
    });
    let mut groups = Vec::new();
    let mut first_axon = 0;
    for (landing, space, first_post, n_post) in slices.chain(ranges) {
        for (projection, p) in structure.projections.iter() {
            if p.post != space {
                continue;
            }
            let synapses = net.synapses(p.space).expect("internal: a projection has synapses");
            let last = first_post + n_post;
            let pre: Vec<u32> = (0u32..)
                .zip(synapses.row_start.windows(2))
                .filter(|(_, row)| {
                    let lanes = &synapses.post_lane[row[0] as usize..row[1] as usize];
                    let at = lanes.partition_point(|l| *l < first_post);
                    lanes.get(at).is_some_and(|l| *l < last)
                })
                .map(|(i, _)| i)
                .collect();
            if pre.is_empty() {
                continue;
            }
            let n = pre.len() as u32;
            groups.push(RoutedGroup { projection, landing, first_post, n_post, first_axon, pre });
            first_axon += n;
        }
    }
    groups
}
