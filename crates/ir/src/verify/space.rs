//! Checks of spaces and states: I7 to I11.

use super::Findings;
use crate::network::{
    Group, MAX_EPOCH, Network, SpaceId, SpaceKind, State, StateId, StateRole, Synapses, Values,
};
use crate::text::MAX_LANES;

/// Checks all spaces and states of a network whose ids exist.
pub(super) fn check(network: &Network, findings: &mut Findings) {
    epoch_out_of_bounds(network, findings);
    let names = network.spaces.values().map(|s| (s.name.as_str(), s.name.clone()));
    findings.names("V007", "space", names);
    for (id, space) in network.spaces.iter() {
        too_many_or_no_lanes(network, id, findings);
        if let SpaceKind::Synapses(synapses) = &space.kind {
            wrong_ends(network, &space.name, synapses, findings);
            malformed_rows(network, &space.name, synapses, findings);
        }
        let names = network
            .states
            .iter()
            .filter(|(_, s)| s.space == id)
            .map(|(state, s)| (s.name.as_str(), network.full_name(state)));
        findings.names("V009", "state", names);
        wrong_spikes(network, id, findings);
    }
    for (id, state) in network.states.iter() {
        bad_range(network, id, state, findings);
        bad_initial_value(network, id, state, findings);
    }
}

fn epoch_out_of_bounds(network: &Network, findings: &mut Findings) {
    if !(1..=MAX_EPOCH).contains(&network.epoch) {
        let message = format!("an epoch of {} steps; 1 to {MAX_EPOCH} are possible", network.epoch);
        findings.error("V011", "epoch", message);
    }
}

fn too_many_or_no_lanes(network: &Network, id: SpaceId, findings: &mut Findings) {
    let space = &network.spaces[id];
    let lanes = network.lanes(id);
    if lanes > MAX_LANES {
        let message = format!("'{}' has {lanes} lanes; the limit is {MAX_LANES}", space.name);
        findings.error("V007", &space.name, message);
    }
    if lanes == 0 {
        if matches!(space.kind, SpaceKind::Synapses(_)) {
            findings.warning("V031", &space.name, format!("'{}' has no synapses", space.name));
        } else {
            findings.error("V007", &space.name, format!("'{}' has no lanes", space.name));
        }
    }
}

fn wrong_ends(network: &Network, name: &str, synapses: &Synapses, findings: &mut Findings) {
    let pre = &network.spaces[synapses.pre];
    if !matches!(pre.kind, SpaceKind::Population { .. }) {
        let message = format!("the source '{}' of '{name}' is not a population", pre.name);
        findings.error("V008", name, message);
    }
    let post = &network.spaces[synapses.post];
    if matches!(post.kind, SpaceKind::Synapses(_)) {
        let message =
            format!("the target '{}' of '{name}' is not a population or modulator", post.name);
        findings.error("V008", name, message);
    }
}

fn malformed_rows(network: &Network, name: &str, synapses: &Synapses, findings: &mut Findings) {
    let n_pre = network.lanes(synapses.pre);
    let starts = &synapses.row_start;
    let framed = starts.len() == n_pre + 1
        && starts.first() == Some(&0)
        && starts.last().is_some_and(|end| *end as usize == synapses.len())
        && starts.is_sorted();
    if !framed {
        let message = format!(
            "the rows of '{name}' do not divide its {} synapses among {n_pre} sources",
            synapses.len()
        );
        findings.error("V008", name, message);
        return;
    }
    let n_post = network.lanes(synapses.post);
    for (pre, pair) in starts.windows(2).enumerate() {
        let row = &synapses.post_lane[pair[0] as usize..pair[1] as usize];
        if let Some(post) = row.iter().find(|post| **post as usize >= n_post) {
            let message = format!(
                "'{name}' leads from {pre} to {post}, but '{}' ends at {}",
                network.spaces[synapses.post].name,
                n_post.saturating_sub(1)
            );
            findings.error("V008", name, message);
            return;
        }
        if let Some(pair) = row.windows(2).find(|pair| pair[0] >= pair[1]) {
            let message = if pair[0] == pair[1] {
                format!("'{name}' leads from {pre} to {} twice", pair[0])
            } else {
                format!("'{name}' lists target {} of {pre} after {}", pair[1], pair[0])
            };
            findings.error("V008", name, message);
            return;
        }
    }
}

fn wrong_spikes(network: &Network, id: SpaceId, findings: &mut Findings) {
    let space = &network.spaces[id];
    let on_it = |s: &&State| s.space == id && s.role == StateRole::Spike;
    let spikes = network.states.values().filter(on_it).count();
    let problem = if !matches!(space.kind, SpaceKind::Population { .. }) {
        (spikes > 0).then(|| format!("'{}' has spikes but is not a population", space.name))
    } else if spikes == 0 {
        let runs = |p: &crate::network::Phase| p.group == Group::Neurons && p.over == id;
        (!network.phases.values().any(runs))
            .then(|| format!("'{}' has neither spikes nor a neuron phase", space.name))
    } else {
        (spikes > 1).then(|| format!("'{}' has {spikes} spike states", space.name))
    };
    if let Some(message) = problem {
        findings.error("V010", &space.name, message);
    }
}

fn bad_range(network: &Network, id: StateId, state: &State, findings: &mut Findings) {
    let Some((low, high)) = state.range else {
        return;
    };
    // Written so that a range with a NaN fails too.
    if !(low.is_finite() && high.is_finite() && low <= high) {
        let name = network.full_name(id);
        let message = format!("the range ({low}, {high}) of '{name}' is not one");
        findings.error_hint("V009", &name, message, "write (lowest, highest), both finite");
    }
}

fn bad_initial_value(network: &Network, id: StateId, state: &State, findings: &mut Findings) {
    let name = network.full_name(id);
    let lanes = network.lanes(state.space);
    let values = match &state.init {
        Values::Constant(value) => std::slice::from_ref(value),
        Values::PerLane(values) => {
            if values.len() != lanes {
                let message =
                    format!("'{name}' has {lanes} lanes but {} initial values", values.len());
                findings.error("V009", &name, message);
            }
            values
        }
    };
    if let Some((lane, value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        let message = format!("'{name}' begins with {value} in lane {lane}, which is not finite");
        findings.error("V009", &name, message);
        return;
    }
    let Some((low, high)) = state.range else {
        return;
    };
    if let Some((lane, value)) = values.iter().enumerate().find(|(_, v)| !(low..=high).contains(*v))
    {
        let message =
            format!("'{name}' begins with {value} in lane {lane}, outside ({low}, {high})");
        findings.error_hint("V009", &name, message, "widen the range or change the value");
    }
}
