//! What stands in the blocks of a golden file.

use super::bench::{Bench, Lowered};
use trifactor_compile::lower::{Program, Source};
use trifactor_entity::EntityId;
use trifactor_fixed::Rounding;
use trifactor_image::Guard;
use trifactor_ir::{Op, Read, StateId, text};
use trifactor_quant::{Plan, ValuePlan};

/// Formats of the rule's variables, then every value, then every store.
pub(super) fn plan(bench: &Bench, plan: &Plan) -> Vec<String> {
    let (phase, kernel) = (bench.phase(), bench.kernel());
    let mut states: Vec<StateId> = Vec::new();
    let read = phase.reads.values().filter_map(|r| match r {
        Read::State(state) => Some(*state),
        Read::Arriving { .. } | Read::SpikedInEpoch(_) | Read::EpochFlag => None,
    });
    for state in read.chain(phase.writes.iter().copied()) {
        if !states.contains(&state) {
            states.push(state);
        }
    }
    let mut lines: Vec<String> = states
        .into_iter()
        .map(|id| {
            let f = &plan.states[id];
            let name = bench.net.full_name(id);
            format!("{name} {}, {} to {}, {}", f.q, f.raw.lo, f.raw.hi, word(f.rounding))
        })
        .collect();
    let phase_plan = &plan.phases[bench.rule];
    let printed = text::print_kernel(kernel);
    let values = printed.lines().skip(1 + kernel.ports.len()).map(str::trim);
    for ((id, op), line) in kernel.ops.iter().zip(values) {
        lines.push(format!("{line:24} | {}", value(*op, &phase_plan.values[id])));
    }
    for (output, p) in kernel.outputs.iter().zip(&phase_plan.outputs) {
        let target = format!("set {} = v{}", output.variable, output.value.index());
        let draw = draw(p.rounding, p.site);
        let shift = match p.shift {
            0 => "as it is".to_owned(),
            1.. => format!(">>{} {}{draw}", p.shift, word(p.rounding)),
            _ => format!("<<{}", -p.shift),
        };
        let bound = if p.bound > 0.0 { format!("bound {:e}", p.bound) } else { "exact".to_owned() };
        lines.push(format!("{target:24} | {shift}, {bound}"));
    }
    lines
}

fn value(op: Op, p: &ValuePlan) -> String {
    let mut text = match op {
        Op::Const(_) => format!("{} frac {}", p.constant, p.frac),
        _ => format!("{} to {} frac {}", p.raw.lo, p.raw.hi, p.frac),
    };
    if p.shift > 0 {
        text.push_str(&format!(", >>{} {}{}", p.shift, word(p.rounding), draw(p.rounding, p.site)));
    }
    for (places, operand) in p.align.into_iter().zip(["first", "second"]) {
        match places {
            0 => {}
            1.. => text.push_str(&format!(", {operand} <<{places}")),
            _ => text.push_str(&format!(", {operand} >>{} nearest", -places)),
        }
    }
    if p.bound > 0.0 {
        text.push_str(&format!(", bound {:e}", p.bound));
    }
    text
}

fn draw(rounding: Rounding, site: u8) -> String {
    match rounding {
        Rounding::Stochastic => format!(" site {site}"),
        Rounding::Floor | Rounding::Zero | Rounding::Nearest => String::new(),
    }
}

const fn word(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Floor => "floor",
        Rounding::Zero => "zero",
        Rounding::Nearest => "nearest",
        Rounding::Stochastic => "stochastic",
    }
}

/// Bits of a synapse, skip condition, slots, and every word beside the line it comes from.
pub(super) fn ucode(bench: &Bench, lowered: &Lowered) -> Vec<String> {
    let program = program(lowered);
    let fields = lowered.fields.iter().zip(&lowered.projection.format.fields);
    let fields: Vec<String> = fields
        .map(|(state, field)| {
            let sign = if field.signed { 's' } else { 'u' };
            format!("{} {sign}{}", bench.net.states[*state].name, field.bits)
        })
        .collect();
    let mut lines = vec![format!("fields: {}", fields.join(", "))];
    lines.push(match lowered.projection.guard {
        Guard::Always => "for every synapse".to_owned(),
        Guard::PreOrPost => "where the pre or the post lane spiked".to_owned(),
        Guard::Pre => "where the pre lane spiked".to_owned(),
        Guard::Post => "where the post lane spiked".to_owned(),
    });
    let slots = [
        ("ldx", 1, &program.pre_slots),
        ("ldy", 1, &program.post_slots),
        ("ldg", 0, &program.global_slots),
    ];
    for (word, first, sources) in slots {
        let names: Vec<String> = (first..)
            .zip(sources)
            .map(|(slot, source)| {
                format!("{slot} {}", bench.net.full_name(state(lowered, *source)))
            })
            .collect();
        if !names.is_empty() {
            lines.push(format!("{word} slots: {}", names.join(", ")));
        }
    }
    for (at, (inst, line)) in program.code.iter().zip(&program.lines).enumerate() {
        lines.push(format!("{at:2}: {:40} {line}", inst.to_string()));
    }
    lines
}

/// The program of the rule.
pub(super) fn program(lowered: &Lowered) -> &Program {
    lowered.projection.program.as_ref().expect("a rule has a program")
}

/// The state that a slot reads.
pub(super) fn state(lowered: &Lowered, source: Source) -> StateId {
    match source {
        Source::Trace(t) => lowered.structure.traces[t].state,
        Source::Modulator(m) => lowered.structure.modulators[m].state,
    }
}
