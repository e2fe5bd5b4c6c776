//! A page on each rule of a model, in Markdown: the text of `dump --stage rules`.

use crate::exit::Fault;
use crate::listing::{line, ucode};
use crate::measure::fault;
use crate::source::{ModelArgs, Ready};
use crate::table::counted;
use std::collections::BTreeSet;
use trifactor_compile::lower::{LoweredProjection, Program, Source};
use trifactor_compile::structure::{self, Projection, Structure};
use trifactor_diag::Severity;
use trifactor_ir::{CheckedNetwork, StateId, text};
use trifactor_isa::{Certainty, Chip, Cost, CostClass};
use trifactor_lab::Silent;
use trifactor_lab::chips::{ChipColumn, ChipsOptions, chips};
use trifactor_model::surface::{KernelSpec, ModelFile};
use trifactor_model::{parse_model, read_text};

/// More of a kernel's file is not shown; the model's reader refuses a longer one.
const MAX_KERNEL_FILE: u64 = 16 << 20;

/// What the author wrote, what the chip makes of it and what it costs, rule by rule.
pub fn page(source: &ModelArgs, ready: &Ready) -> Result<String, Fault> {
    let net = &ready.prepared.network;
    let structure = structure::read(net)?;
    let written = parse_model(&source.text()?, &source.file().display().to_string())?;
    let mut out = format!("# The rules of {}\n\n{}\n", written.name, written.doc);
    let mut any = false;
    let mut shown = BTreeSet::new();
    for (id, lowered) in ready.prepared.compiled.lowered.projections.iter() {
        let projection = &structure.projections[id];
        let (Some(program), Some(rule)) = (&lowered.program, projection.rule) else { continue };
        any = true;
        let phase = &net.phases[rule];
        let name = phase.key.strip_prefix("rules.").unwrap_or(&phase.key);
        let space = &net.spaces[projection.space].name;
        let [pre, post] = [projection.pre, projection.post].map(|s| &net.spaces[s].name);
        line(&mut out, format_args!("\n## `{name}` on `{space}`, from `{pre}` to `{post}`"));
        as_written(&mut out, source, &written, name, &mut shown)?;
        formats(&mut out, ready, &structure, projection, program);
        line(&mut out, format_args!("\nOperations:\n```text"));
        out += &text::print_kernel(&net.kernels[phase.kernel]);
        line(&mut out, format_args!("```\n\nMicrocode:\n```text"));
        ucode::of_rule(&mut out, net, &structure, projection, lowered, program);
        out += "```\n";
        costs(&mut out, &ready.prepared.chip, lowered, program);
    }
    if !any {
        out += "\nNo projection has a rule.\n";
    }
    held(&mut out, source)?;
    Ok(out)
}

/// Sums of products, or the file with the kernel, which is shown once.
fn as_written(
    out: &mut String,
    source: &ModelArgs,
    written: &ModelFile,
    name: &str,
    shown: &mut BTreeSet<String>,
) -> Result<(), Fault> {
    let Some((_, rule)) = written.rules.iter().find(|(key, _)| *key == name) else {
        return Ok(());
    };
    match &rule.kernel {
        KernelSpec::Sop { dw, dd, dt } => {
            line(out, format_args!("\nAs written:\n```text"));
            for (target, sum) in [("dw", dw), ("dd", dd), ("dt", dt)] {
                if let Some(sum) = sum {
                    line(out, format_args!("{target} = {sum}"));
                }
            }
            out.push_str("```\n");
        }
        KernelSpec::File(file) if shown.insert(file.clone()) => {
            let path = source.path.join(file);
            let text = read_text(&path, MAX_KERNEL_FILE)
                .map_err(|what| Fault::File(format!("{}: {what}", path.display())))?;
            line(
                out,
                format_args!("\nAs written, in `{file}`:\n```text\n{}\n```", text.trim_end()),
            );
        }
        KernelSpec::File(file) => line(out, format_args!("\nAs written in `{file}` (above).")),
    }
    Ok(())
}

/// What the rule reads and writes, as the chip holds it.
fn formats(
    out: &mut String,
    ready: &Ready,
    structure: &Structure,
    projection: &Projection,
    program: &Program,
) {
    let net = &ready.prepared.network;
    let chip = &ready.prepared.chip.name;
    line(out, format_args!("\nStates on `{chip}`:\n"));
    line(out, format_args!("| state | bits | a step | from | to | value | stores round |"));
    line(out, format_args!("|---|---|---|---|---|---|---|"));
    let mut states: Vec<StateId> = projection.fields.clone();
    for slot in [&program.pre_slots, &program.post_slots, &program.global_slots] {
        for source in slot {
            let state = match *source {
                Source::Trace(trace) => structure.traces[trace].state,
                Source::Modulator(modulator) => structure.modulators[modulator].state,
            };
            states.extend(with_constants(net, state));
        }
    }
    let mut seen = BTreeSet::new();
    states.retain(|state| seen.insert(*state));
    for state in states {
        let format = &ready.prepared.plan.states[state];
        let step = (-f64::from(format.q.frac)).exp2();
        let held_as = |raw: i64| real(raw as f64 * step);
        let held = &net.states[state];
        // What a lane starts with matters where nothing ever changes it.
        let constant = !net.phases.values().any(|phase| phase.writes.contains(&state));
        let first = constant.then(|| held.init.at(0)).filter(|first| {
            let lanes = net.lanes(held.space);
            (1..lanes).all(|lane| held.init.at(lane) == *first)
        });
        line(
            out,
            format_args!(
                "| `{}` | {}{} | 2^{} | {} | {} | {} | {} |",
                net.full_name(state),
                format.q.bits,
                if format.q.signed { ", signed" } else { "" },
                -i32::from(format.q.frac),
                held_as(format.raw.lo),
                held_as(format.raw.hi),
                first.map_or_else(String::new, |value| {
                    let kept = held_as(format.quantise(value));
                    if kept == real(value) { kept } else { format!("{kept} for {}", real(value)) }
                }),
                if constant {
                    String::new()
                } else {
                    format!("{:?}", format.rounding).to_lowercase()
                },
            ),
        );
    }
}

/// A state and those of its unit's constants that are named after it, such as its decay.
fn with_constants(net: &CheckedNetwork, state: StateId) -> Vec<StateId> {
    let name = net.full_name(state);
    let of_it = net.states.iter().map(|(other, _)| other).filter(|other| {
        let other = net.full_name(*other);
        other.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
    });
    std::iter::once(state).chain(of_it).collect()
}

fn real(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Energy and time of a synapse with every preset of the chip.
fn costs(out: &mut String, chip: &Chip, lowered: &LoweredProjection, program: &Program) {
    let count = |class| program.code.iter().filter(|i| i.opcode().class() == class).count() as u64;
    let classes =
        [CostClass::Load, CostClass::Alu, CostClass::Mul, CostClass::Store, CostClass::Control];
    let kinds: Vec<String> = classes
        .iter()
        .map(|class| format!("{} {}", count(*class), format!("{class:?}").to_lowercase()))
        .collect();
    line(
        out,
        format_args!(
            "\nCost: {} ({}) and one access to the synapse's state; the rule {}.\n",
            counted(program.code.len() as u64, "instruction"),
            kinds.join(", "),
            ucode::guard(lowered.guard),
        ),
    );
    line(out, format_args!("| an evaluation | a skipped synapse | | with the presets |"));
    line(out, format_args!("|---|---|---|---|"));
    let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
    for preset in &chip.cost.presets {
        let learning = preset.resolve(&chip.mesh).0.learning;
        let each = classes.iter().map(|class| learning.of(*class) * count(*class));
        let evaluation = learning.state_access + each.sum::<Cost>();
        let amount = |cost: Cost| {
            let ns = (cost.ticks * chip.cost.tick_ps) as f64 / 1e3;
            format!("{:.1} pJ, {ns:.1} ns", cost.fj as f64 / 1e3)
        };
        let costs = format!(
            "| {} | {} | {}",
            amount(evaluation),
            amount(learning.skipped_synapse),
            match preset.learning.certainty {
                Certainty::Published => "published",
                Certainty::Fitted => "fitted",
                Certainty::Modelled => "modelled",
            },
        );
        match rows.iter_mut().find(|(same, _)| *same == costs) {
            Some((_, presets)) => presets.push(&preset.name),
            None => rows.push((costs, vec![&preset.name])),
        }
    }
    for (costs, presets) in rows {
        line(out, format_args!("{costs} | {} |", presets.join(", ")));
    }
}

/// Which built-in chips hold the model, and why others do not.
fn held(out: &mut String, source: &ModelArgs) -> Result<(), Fault> {
    let options = ChipsOptions { fit_only: true, ..ChipsOptions::default() };
    let found = chips(&source.path, &options, &Silent).map_err(|e| fault(e, source))?;
    line(out, format_args!("\n## Chips\n"));
    for ChipColumn { chip, fit } in &found.rows {
        match fit {
            Ok(fit) => {
                let (name, used, allowed) = fit.fullest;
                line(
                    out,
                    format_args!(
                        "- `{chip}` holds the model on {}; the fullest resource is {name}, {used} \
                         of {allowed}.",
                        counted(fit.cores as u64, "core"),
                    ),
                );
                for note in fit.notes.iter() {
                    line(out, format_args!("  - {}", note.message));
                }
            }
            Err(found) => {
                line(out, format_args!("- `{chip}` does not hold it:"));
                for d in found.iter().filter(|d| d.severity == Severity::Error) {
                    let hint = d.hint.as_ref().map_or_else(String::new, |h| format!("; {h}"));
                    line(out, format_args!("  - {}: {}{hint}.", d.code, d.message));
                }
            }
        }
    }
    Ok(())
}
