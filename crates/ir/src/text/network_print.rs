//! Prints a network in the grammar of [`super::parse_network`].

use super::kernel_print::{line, print_into};
use crate::kernel::PortId;
use crate::network::{
    Delay, Network, Phase, Read, Sign, SpaceId, SpaceKind, State, StateId, StateRole, Synapses,
    Values,
};
use std::fmt::Write;
use trifactor_entity::EntityId;

/// Numbers on one line of a list of values.
const PER_LINE: usize = 12;

/// The canonical text of a network; ends with a line end. Everything is in id order.
pub fn print_network(network: &Network) -> String {
    let mut out = String::new();
    line(&mut out, format_args!("network {} {{", quoted(&network.name)));
    line(&mut out, format_args!("  epoch {}", network.epoch));
    for space in network.spaces.values() {
        match &space.kind {
            SpaceKind::Population { n } => {
                line(&mut out, format_args!("  population {}: {n}", space.name));
            }
            SpaceKind::Modulator { n } => {
                line(&mut out, format_args!("  modulator {}: {n}", space.name));
            }
            SpaceKind::Synapses(synapses) => {
                print_synapses(&mut out, network, &space.name, synapses)
            }
        }
    }
    for state in network.states.values() {
        print_state(&mut out, network, state);
    }
    for (id, kernel) in network.kernels.iter() {
        line(&mut out, format_args!("  ; {id}"));
        print_into(&mut out, kernel, "  ");
    }
    for phase in network.phases.values() {
        print_phase(&mut out, network, phase);
    }
    out.push_str("}\n");
    out
}

fn space_name(network: &Network, space: SpaceId) -> &str {
    network.spaces.get(space).map_or("?", |s| &s.name)
}

fn state_name(network: &Network, state: StateId) -> String {
    match network.states.get(state) {
        Some(s) => format!("{} on {}", s.name, space_name(network, s.space)),
        None => "? on ?".to_owned(),
    }
}

fn print_synapses(out: &mut String, network: &Network, name: &str, synapses: &Synapses) {
    let sign = match synapses.sign {
        Sign::Mixed => "mixed",
        Sign::Excitatory => "excitatory",
        Sign::Inhibitory => "inhibitory",
    };
    let pre = space_name(network, synapses.pre);
    let post = space_name(network, synapses.post);
    let rows = synapses.row_start.len().saturating_sub(1);
    let count = synapses.len();
    line(
        out,
        format_args!("  synapses {name}: {pre} -> {post} {sign} rows {rows} count {count} {{"),
    );
    for (row, pair) in synapses.row_start.windows(2).enumerate() {
        let lanes = synapses.post_lane.get(pair[0] as usize..pair[1] as usize).unwrap_or(&[]);
        let _ = write!(out, "    {row}:");
        for lane in lanes {
            let _ = write!(out, " {lane}");
        }
        out.push('\n');
    }
    out.push_str("  }\n");
}

fn print_state(out: &mut String, network: &Network, state: &State) {
    let role = match state.role {
        StateRole::Parameter => "parameter",
        StateRole::Variable => "variable",
        StateRole::Accumulator => "accumulator",
        StateRole::Spike => "spike",
    };
    let space = space_name(network, state.space);
    let _ = write!(out, "  state {} on {space}: {role} reset {}", state.name, state.reset.word());
    if let Some((low, high)) = state.range {
        let _ = write!(out, " range ({low:?}, {high:?})");
    }
    match &state.init {
        Values::Constant(value) => {
            let _ = writeln!(out, " init {value:?}");
        }
        Values::PerLane(values) => {
            out.push_str(" init [");
            for (i, value) in values.iter().enumerate() {
                let separator = match i {
                    0 => "",
                    i if i % PER_LINE == 0 => ",\n    ",
                    _ => ", ",
                };
                let _ = write!(out, "{separator}{value:?}");
            }
            out.push_str("]\n");
        }
    }
}

fn print_phase(out: &mut String, network: &Network, phase: &Phase) {
    line(
        out,
        format_args!(
            "  phase {} at {}: {} over {} runs {} stream {} {{",
            quoted(&phase.name),
            quoted(&phase.key),
            phase.group.word(),
            space_name(network, phase.over),
            phase.kernel,
            phase.stream
        ),
    );
    let kernel = network.kernels.get(phase.kernel);
    for (port, read) in phase.reads.iter() {
        let name = kernel.and_then(|k| k.ports.get(PortId::from_index(port.index())));
        let name = name.map_or("?", |p| &p.name);
        let text = match *read {
            Read::State(state) => format!("state {}", state_name(network, state)),
            Read::Arriving { spike, delay } => {
                let spike = state_name(network, spike);
                match delay {
                    Delay::Fixed(steps) => format!("arriving {spike} delay {steps}"),
                    Delay::PerSynapse(d) => {
                        format!("arriving {spike} delay {}", state_name(network, d))
                    }
                }
            }
            Read::SpikedInEpoch(spike) => format!("spiked {}", state_name(network, spike)),
            Read::EpochFlag => "flag".to_owned(),
        };
        line(out, format_args!("    {name} <- {text}"));
    }
    for (at, state) in phase.writes.iter().enumerate() {
        let variable = kernel.and_then(|k| k.outputs.get(at)).map_or("?", |o| &o.variable);
        line(out, format_args!("    {variable} -> {}", state_name(network, *state)));
    }
    out.push_str("  }\n");
}

/// A text between double quotes, on one line.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
