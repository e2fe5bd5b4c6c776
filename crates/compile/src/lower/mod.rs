//! Lower rules to microcode and projections to synapse formats, before anything is placed.
//!
//! Reads: network, plan, chip, structure.   Writes: [`Lowered`].
//! Gives: the exact size of every program and the exact bits of every synapse.

mod form;
mod guard;
mod select;

pub use guard::guard;
pub use select::{Program, Source, select};

use crate::structure::{ProjectionId, Structure, TraceKind};
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_entity::SideTable;
use trifactor_image::{Field, Format, Guard};
use trifactor_ir::{CheckedNetwork, Delay, PhaseId, Read, Role, StateId, StateRole};
use trifactor_isa::Chip;
use trifactor_quant::Plan;

/// A projection ready to be placed.
#[derive(Clone, Debug)]
pub struct LoweredProjection {
    /// Bits of its synapses.
    pub format: Format,
    /// Program of its rule.
    pub program: Option<Program>,
    /// When its synapses may be skipped.
    pub guard: Guard,
}

/// Everything that has a size.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// One entry per projection.
    pub projections: SideTable<ProjectionId, LoweredProjection>,
}

/// Lowers every projection. Errors: `C010` to `C018`, and `Q014` and `Q015` for constants of rules.
pub fn lower(
    net: &CheckedNetwork,
    plan: &Plan,
    chip: &Chip,
    structure: &Structure,
) -> Result<Lowered, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    check_epoch(net, chip, &mut diagnostics);
    let projections = SideTable::for_each(&structure.projections, |id, projection| {
        check_fields(net, chip, structure, id, &mut diagnostics);
        let format = format(net, plan, chip, structure, id);
        let mut lowered = LoweredProjection { format, program: None, guard: Guard::Always };
        if let Some(rule) = projection.rule
            && check_reads(net, chip, structure, rule, &mut diagnostics)
        {
            form::check_form(net, plan, chip, structure, rule, &mut diagnostics);
            match select(net, plan, chip, structure, id) {
                Ok(program) => lowered.program = Some(program),
                Err(found) => diagnostics.append(found),
            }
            lowered.guard = guard(net, plan, rule);
        }
        lowered
    });
    diagnostics.into_result(Lowered { projections }).map(|(l, _)| l)
}

/// Index and field bits. A projection whose rows all reach every post lane stores no index.
fn format(
    net: &CheckedNetwork,
    plan: &Plan,
    chip: &Chip,
    structure: &Structure,
    id: ProjectionId,
) -> Format {
    let projection = &structure.projections[id];
    let synapses = net.synapses(projection.space).expect("internal: a projection has synapses");
    let n_post = net.lanes(projection.post) as u32;
    let complete = synapses.row_start.windows(2).all(|r| r[1] - r[0] == n_post || r[1] == r[0]);
    let dense = complete && chip.synapse.index_bits.contains(&0);
    let reach = n_post.min(chip.core.compartments).max(2);
    let needed = 32 - (reach - 1).leading_zeros();
    let index_bits = if dense {
        0
    } else {
        chip.synapse.index_bits.iter().copied().find(|b| u32::from(*b) >= needed).unwrap_or(12)
    };
    let fields = projection
        .fields
        .iter()
        .map(|f| {
            let q = plan.states[*f].q;
            Field { bits: q.bits, signed: q.signed }
        })
        .collect();
    Format { index_bits, fields }
}

/// The chip's limits on what a synapse can hold.
fn check_fields(
    net: &CheckedNetwork,
    chip: &Chip,
    structure: &Structure,
    id: ProjectionId,
    diagnostics: &mut Diagnostics,
) {
    let projection = &structure.projections[id];
    let name = &net.spaces[projection.space].name;
    let key = &net.phases[projection.deliver].key;
    let first_extra = 1 + usize::from(matches!(projection.delay, Delay::PerSynapse(_)));
    let extra = &projection.fields[first_extra..];
    let of = |role: StateRole| -> Vec<StateId> {
        extra.iter().copied().filter(|f| net.states[*f].role == role).collect()
    };
    let limits: [(_, _, _, fn(&Chip) -> u8); 2] = [
        (of(StateRole::Variable), chip.synapse.tags, "tags (variables besides the weight)", |c| {
            c.synapse.tags
        }),
        (of(StateRole::Parameter), chip.synapse.rates, "rates (parameters per synapse)", |c| {
            c.synapse.rates
        }),
    ];
    for (states, allowed, word, has) in limits {
        let n = states.len();
        if n > usize::from(allowed) {
            let used: Vec<&str> = states.iter().map(|s| net.states[*s].name.as_str()).collect();
            let surplus = &states[usize::from(allowed)..];
            let places: Vec<String> =
                surplus.iter().filter_map(|s| place_of(net, projection.rule, *s)).collect();
            let places = match places.as_slice() {
                [] => String::new(),
                some => format!(" (the surplus is read in {})", some.join(", ")),
            };
            let holding = Chip::builtin_list(|c| usize::from(has(c)) >= n);
            diagnostics.push(
                Diagnostic::error(
                    "C010",
                    format!(
                        "a synapse of '{name}' needs {} {word} ({}), and one of the chip '{}' has {allowed}",
                        n,
                        used.join(", "),
                        chip.name
                    ),
                )
                .at(Place::at_key(key))
                .hint(format!(
                    "share one variable between terms of the rule, or use a constant{places}; held by {holding}"
                )),
            );
        }
    }
    if projection.rule.is_some() && structure.modulator(projection.post).is_some() {
        diagnostics.push(
            Diagnostic::error(
                "C016",
                format!(
                    "'{name}' ends at a modulator and learns, but a core that reads a modulator holds a copy \
                     of its input synapses, and copies do not learn"
                ),
            )
            .at(Place::at_key(key))
            .hint("let it end at a population that drives the modulator, or give it fixed weights"),
        );
    }
    let longest = match projection.delay {
        Delay::Fixed(d) => f64::from(d),
        Delay::PerSynapse(d) => {
            let state = &net.states[d];
            let (_, given) = state.init.bounds().unwrap_or((0.0, 0.0));
            state.range.map_or(given, |(_, hi)| hi.max(given))
        }
    };
    let reach = f64::from(chip.core.delay_slots - 1);
    // A delay is rounded to whole steps when it is stored (S62).
    if longest.round() > reach {
        diagnostics.push(
            Diagnostic::error(
                "C011",
                format!(
                    "'{name}' has a delay of {longest} steps, and the chip '{}' reaches {reach}",
                    chip.name
                ),
            )
            .at(Place::at_key(key))
            .hint("shorten the delay, or relay the spikes through a population"),
        );
    }
    if matches!(projection.delay, Delay::PerSynapse(_)) && chip.synapse.delay_bits_max == 0 {
        diagnostics.push(
            Diagnostic::error(
                "C011",
                format!(
                    "'{name}' has a delay per synapse, and a synapse of the chip '{}' stores 0 bits of it",
                    chip.name
                ),
            )
            .at(Place::at_key(key))
            .hint("give one delay for the whole projection"),
        );
    }
}

/// Where a rule first reads a variable of its synapse.
fn place_of(net: &CheckedNetwork, rule: Option<PhaseId>, state: StateId) -> Option<String> {
    let phase = &net.phases[rule?];
    let (port, _) = phase.reads.iter().find(|(_, read)| **read == Read::State(state))?;
    net.kernels[phase.kernel].place_of(port)
}

/// Whether loads reach what a rule reads: traces, modulators, flags and the synapse's own fields.
fn check_reads(
    net: &CheckedNetwork,
    chip: &Chip,
    structure: &Structure,
    rule: PhaseId,
    diagnostics: &mut Diagnostics,
) -> bool {
    let phase = &net.phases[rule];
    let ports = &net.kernels[phase.kernel].ports;
    let beyond = phase.reads.iter().find_map(|(port, read)| match *read {
        Read::State(state) if ports[port].role != Role::Own => {
            // What a neuron writes stays on its own core, where only its input synapses are.
            let trace = structure.traces.values().any(|t| {
                let here = t.kind != TraceKind::PseudoDerivative || ports[port].role == Role::Post;
                t.state == state && here
            });
            let modulator = structure.modulators.values().any(|m| m.state == state);
            (!trace && !modulator).then_some(state)
        }
        _ => None,
    });
    let Some(state) = beyond else { return true };
    diagnostics.push(
        Diagnostic::error(
            "C017",
            format!(
                "the rule '{}' reads '{}', and an engine of the chip '{}' reads only spikes, traces and \
                 modulators of a neuron, and the pseudo-derivative of its post neuron",
                phase.name,
                net.full_name(state),
                chip.name
            ),
        )
        .at(Place::at_key(&phase.key))
        .hint(
            "read a trace of the neuron's spikes instead, or, of the membrane of a post neuron, its \
             pseudo-derivative",
        ),
    );
    false
}

fn check_epoch(net: &CheckedNetwork, chip: &Chip, diagnostics: &mut Diagnostics) {
    if net.epoch > u32::from(chip.core.epoch_max) {
        diagnostics.push(
            Diagnostic::error(
                "C012",
                format!(
                    "an epoch of {} steps is asked for, and the chip '{}' allows {}",
                    net.epoch, chip.name, chip.core.epoch_max
                ),
            )
            .at(Place::at_key("epoch"))
            .hint("choose a shorter epoch"),
        );
    }
}
