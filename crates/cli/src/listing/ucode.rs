//! Microcode before it has an address: the text of `dump --stage ucode`.

use crate::exit::Fault;
use crate::listing::line;
use crate::source::Ready;
use trifactor_compile::lower::{LoweredProjection, Program, Source};
use trifactor_compile::structure::{self, Projection, Structure};
use trifactor_image::Guard;
use trifactor_ir::CheckedNetwork;

/// The programs of all rules.
pub fn all(ready: &Ready) -> Result<String, Fault> {
    let net = &ready.prepared.network;
    let structure = structure::read(net)?;
    let mut out = String::new();
    for (id, lowered) in ready.prepared.compiled.lowered.projections.iter() {
        let projection = &structure.projections[id];
        let (Some(program), Some(rule)) = (&lowered.program, projection.rule) else { continue };
        let name = &net.spaces[projection.space].name;
        line(&mut out, format_args!("; {} of {name}", net.phases[rule].key));
        of_rule(&mut out, net, &structure, projection, lowered, program);
        out.push('\n');
    }
    if out.is_empty() {
        out.push_str("; no projection has a rule\n");
    }
    Ok(out)
}

/// The program of a rule: when it runs, what its slots hold, its instructions.
pub fn of_rule(
    out: &mut String,
    net: &CheckedNetwork,
    structure: &Structure,
    projection: &Projection,
    lowered: &LoweredProjection,
    program: &Program,
) {
    line(out, format_args!("; {}", guard(lowered.guard)));
    let fields = projection.fields.iter().map(|f| net.states[*f].name.clone());
    names(out, "field", 0, fields);
    for (word, first, slots) in [
        ("ldx slot", 1, &program.pre_slots),
        ("ldy slot", 1, &program.post_slots),
        ("ldg slot", 0, &program.global_slots),
    ] {
        names(out, word, first, slots.iter().map(|s| source_name(net, structure, *s)));
    }
    code(out, program);
}

fn names(out: &mut String, word: &str, first: usize, names: impl Iterator<Item = String>) {
    for (k, name) in names.enumerate() {
        line(out, format_args!("; {word} {} is {name}", k + first));
    }
}

fn source_name(net: &CheckedNetwork, structure: &Structure, source: Source) -> String {
    match source {
        Source::Trace(trace) => net.full_name(structure.traces[trace].state),
        Source::Modulator(modulator) => {
            net.spaces[structure.modulators[modulator].space].name.clone()
        }
    }
}

fn code(out: &mut String, program: &Program) {
    let texts: Vec<String> = program.code.iter().map(ToString::to_string).collect();
    let width = texts.iter().map(String::len).max().unwrap_or(0);
    for (text, origin) in texts.iter().zip(&program.lines) {
        match origin.as_str() {
            "" => line(out, format_args!("{text}")),
            origin => line(out, format_args!("{text:width$}  ; {origin}")),
        }
    }
}

/// When a rule runs, in words.
pub const fn guard(guard: Guard) -> &'static str {
    match guard {
        Guard::Always => "runs for every synapse",
        Guard::PreOrPost => "runs where the pre or the post lane spiked in the epoch",
        Guard::Pre => "runs where the pre lane spiked in the epoch",
        Guard::Post => "runs where the post lane spiked in the epoch",
    }
}
