//! Read a network's phases as what a chip is made of: populations, projections, traces,
//! modulators and rules.
//!
//! Reads: checked network.   Writes: [`Structure`].
//! Method: each phase's kernel is compared with those of the fixed-function units; whatever runs
//! in the plasticity group is a rule and may be any kernel.

use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_entity::{Table, entity_id};
use trifactor_ir::units::{Unit, recognise};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Phase, PhaseId, Read, Role, SpaceId, SpaceKind, StateId,
    StateRole,
};

entity_id!(
    /// A population in the author's order.
    pub PopulationId,
    "pop"
);
entity_id!(
    /// A projection in the author's order.
    pub ProjectionId,
    "proj"
);
entity_id!(
    /// A trace in the author's order.
    pub TraceId,
    "trace"
);
entity_id!(
    /// A modulator in the author's order.
    pub ModulatorId,
    "mod"
);

/// A population, or an input when nothing computes its spikes.
#[derive(Clone, Debug)]
pub struct Population {
    /// Its lanes.
    pub space: SpaceId,
    /// Its neuron phase; `None` for inputs.
    pub phase: Option<PhaseId>,
}

/// A projection.
#[derive(Clone, Debug)]
pub struct Projection {
    /// Its synapses.
    pub space: SpaceId,
    /// Source population.
    pub pre: SpaceId,
    /// Target population or modulator.
    pub post: SpaceId,
    /// Delivery.
    pub deliver: PhaseId,
    /// Travel time.
    pub delay: Delay,
    /// Accumulator it feeds.
    pub accumulator: StateId,
    /// Rule, if it is plastic.
    pub rule: Option<PhaseId>,
    /// Synapse variables in field order: weight, delay if per synapse, then what the rule reads
    /// or sets.
    pub fields: Vec<StateId>,
}

/// A trace unit's lanes.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The variable.
    pub state: StateId,
    /// Population that carries it.
    pub space: SpaceId,
    /// Its phase: that of the neuron for what a neuron writes.
    pub phase: PhaseId,
    /// How it gets its values.
    pub kind: TraceKind,
}

/// How a trace gets its values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceKind {
    /// S30.
    Linear,
    /// S31.
    Saturating,
    /// S27.
    PseudoDerivative,
}

/// A modulator.
#[derive(Clone, Debug)]
pub struct Modulator {
    /// Its lines.
    pub space: SpaceId,
    /// The variable.
    pub state: StateId,
    /// Its phase.
    pub phase: PhaseId,
}

/// A network as a chip sees it.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    /// Populations and inputs.
    pub populations: Table<PopulationId, Population>,
    /// Projections.
    pub projections: Table<ProjectionId, Projection>,
    /// Traces.
    pub traces: Table<TraceId, Trace>,
    /// Modulators.
    pub modulators: Table<ModulatorId, Modulator>,
}

impl Structure {
    /// The modulators that a projection's rule reads, with the side it reads them from.
    pub fn modulators_of(
        &self,
        net: &CheckedNetwork,
        projection: ProjectionId,
    ) -> Vec<(ModulatorId, Role)> {
        let Some(rule) = self.projections[projection].rule else { return Vec::new() };
        let phase = &net.phases[rule];
        let mut found: Vec<(ModulatorId, Role)> = Vec::new();
        for (port, read) in phase.reads.iter() {
            let Read::State(state) = read else { continue };
            let Some(id) = self.modulators.find(|m| m.state == *state) else { continue };
            let entry = (id, net.kernels[phase.kernel].ports[port].role);
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
        found
    }
    /// The population of a space.
    pub fn population(&self, space: SpaceId) -> Option<PopulationId> {
        self.populations.find(|p| p.space == space)
    }
    /// The modulator of a space.
    pub fn modulator(&self, space: SpaceId) -> Option<ModulatorId> {
        self.modulators.find(|m| m.space == space)
    }
}

/// The state bound to an input of a phase's kernel.
pub fn bound(net: &CheckedNetwork, phase: &Phase, port: &str) -> Option<StateId> {
    let port = net.kernels[phase.kernel].port(port)?;
    match phase.reads[port] {
        Read::State(state) => Some(state),
        Read::Arriving { .. } | Read::SpikedInEpoch(_) | Read::EpochFlag => None,
    }
}

/// Reads the structure. Errors: `C001`, `C002` where a phase is none of the chip's units.
pub fn read(net: &CheckedNetwork) -> Result<Structure, Diagnostics> {
    let mut structure = Structure::default();
    let mut diagnostics = Diagnostics::new();
    for (space, s) in net.spaces.iter() {
        if !matches!(s.kind, SpaceKind::Population { .. }) {
            continue;
        }
        let phase = net
            .phases
            .iter()
            .find(|(_, p)| p.group == Group::Neurons && p.over == space)
            .map(|(id, _)| id);
        structure.populations.push(Population { space, phase });
    }
    for (id, phase) in net.phases.iter() {
        let unit = recognise(&net.kernels[phase.kernel]);
        match (phase.group, unit) {
            (Group::Deliver, Some(Unit::Deliver)) => match projection(net, id, phase) {
                Some(p) if structure.projections.find(|q| q.space == p.space).is_none() => {
                    structure.projections.push(p);
                }
                _ => diagnostics.push(no_unit(net, phase)),
            },
            (Group::Neurons, Some(Unit::Lif(parts))) if parts.pseudo_derivative => {
                let psi =
                    net.kernels[phase.kernel].outputs.iter().position(|o| o.variable == "psi");
                let one_threshold = bound(net, phase, "centre") == bound(net, phase, "threshold");
                match psi.filter(|_| one_threshold) {
                    Some(at) => {
                        structure.traces.push(Trace {
                            state: phase.writes[at],
                            space: phase.over,
                            phase: id,
                            kind: TraceKind::PseudoDerivative,
                        });
                    }
                    None => diagnostics.push(no_unit(net, phase)),
                }
            }
            (Group::Neurons, Some(Unit::Lif(_))) => {}
            (Group::Modulators, Some(Unit::Modulator)) => {
                if let Some(state) = bound(net, phase, "m") {
                    structure.modulators.push(Modulator { space: phase.over, state, phase: id });
                }
            }
            (Group::Traces, Some(unit @ (Unit::LinearTrace | Unit::SaturatingTrace))) => {
                if let Some(state) = bound(net, phase, "x") {
                    structure.traces.push(Trace {
                        state,
                        space: phase.over,
                        phase: id,
                        kind: match unit {
                            Unit::SaturatingTrace => TraceKind::Saturating,
                            _ => TraceKind::Linear,
                        },
                    });
                }
            }
            (Group::Plasticity, _) => {}
            _ => diagnostics.push(no_unit(net, phase)),
        }
    }
    for (id, phase) in net.phases.iter() {
        if phase.group != Group::Plasticity {
            continue;
        }
        let target = structure.projections.values_mut().find(|p| p.space == phase.over);
        match target {
            Some(p) if p.rule.is_none() => {
                p.rule = Some(id);
                add_rule_fields(net, phase, &mut p.fields);
            }
            _ => diagnostics.push(
                Diagnostic::error(
                    "C002",
                    format!(
                        "the rule '{}' has no projection of its own: a projection delivers once and learns by \
                         one rule",
                        phase.name
                    ),
                )
                .at(Place::at_key(&phase.key))
                .hint("merge the rules into one kernel, which may set several variables"),
            ),
        }
    }
    diagnostics.into_result(structure).map(|(s, _)| s)
}

fn projection(net: &CheckedNetwork, id: PhaseId, phase: &Phase) -> Option<Projection> {
    let synapses = net.synapses(phase.over)?;
    let w = bound(net, phase, "w")?;
    let delay = phase.reads.values().find_map(|r| match r {
        Read::Arriving { delay, .. } => Some(*delay),
        _ => None,
    })?;
    let mut fields = vec![w];
    if let Delay::PerSynapse(d) = delay {
        fields.push(d);
    }
    Some(Projection {
        space: phase.over,
        pre: synapses.pre,
        post: synapses.post,
        deliver: id,
        delay,
        accumulator: phase.writes[0],
        rule: None,
        fields,
    })
}

/// Tags first (they change), then rates (they do not), each in the rule's order.
fn add_rule_fields(net: &CheckedNetwork, phase: &Phase, fields: &mut Vec<StateId>) {
    let own = |read: &Read| match read {
        Read::State(s) if net.states[*s].space == phase.over => Some(*s),
        _ => None,
    };
    let used: Vec<StateId> =
        phase.writes.iter().copied().chain(phase.reads.values().filter_map(own)).collect();
    for role in [StateRole::Variable, StateRole::Parameter] {
        for &state in &used {
            if net.states[state].role == role && !fields.contains(&state) {
                fields.push(state);
            }
        }
    }
}

fn no_unit(net: &CheckedNetwork, phase: &Phase) -> Diagnostic {
    Diagnostic::error(
        "C001",
        format!(
            "no unit of a chip executes the {} phase '{}' of '{}'",
            phase.group.word(),
            phase.name,
            net.spaces[phase.over].name
        ),
    )
    .at(Place::at_key(&phase.key))
    .hint(
        "chips have units for CUBA LIF neurons, which write pseudo-derivatives about their thresholds, two \
         kinds of trace, modulators and delivery",
    )
}
