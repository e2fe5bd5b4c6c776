//! What an image holds, in the author's names: the text of `disasm` and of `dump --stage image`.

pub mod mesh;
mod program;
mod proof;
pub mod rules;
pub mod ucode;

pub use proof::proofs;

use crate::table::counted;
use std::fmt::Write;
use trifactor_image::{
    Compartment, Core, Field, Format, Group, Image, ModulatorLines, NO_DELAY_FIELD, NO_PROFILE,
};

/// What the file says about itself.
pub fn header(image: &Image, chip: &str) -> String {
    let meta = &image.meta;
    let cores = image.cores.len();
    let mut out = String::new();
    line(&mut out, format_args!("model {}", meta.model));
    line(&mut out, format_args!("  model hash  {}", meta.model_hash));
    line(&mut out, format_args!("  plan hash   {}", meta.plan_hash));
    line(&mut out, format_args!("  chip        {chip} (hash {})", meta.chip_hash));
    let epoch = counted(meta.epoch.into(), "step");
    line(&mut out, format_args!("  epoch       {epoch} of {} ms", meta.step_ms.get()));
    line(&mut out, format_args!("  seed        {}", meta.seed));
    line(&mut out, format_args!("  cores used  {cores}"));
    out
}

/// The memories of a core; with `programs`, the microcode as well.
pub fn core(image: &Image, core: &Core, programs: bool) -> String {
    let mut out = String::new();
    line(&mut out, format_args!("core {}", core.id));
    populations(&mut out, image, core);
    modulators(&mut out, image, core);
    line(
        &mut out,
        format_args!(
            "  {}, {}, {}, {}",
            counted(core.axons_in.len() as u64, "input axon"),
            counted(core.axons_out.len() as u64, "output axon"),
            counted(core.synapses.len() as u64, "synapse word"),
            counted(core.ucode.len() as u64, "microcode word"),
        ),
    );
    for (k, format) in core.formats.iter().enumerate() {
        line(&mut out, format_args!("  format {k}: {}", format_text(format)));
    }
    for group in &core.groups {
        group_text(&mut out, image, core, group);
    }
    if programs {
        for profile in 0..core.profiles.len() {
            program::listing(&mut out, image, core, profile);
        }
    }
    out
}

/// `line` cannot fail: a text accepts every text.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("internal: a String accepts every text");
}

fn populations(out: &mut String, image: &Image, core: &Core) {
    for population in &image.map.populations {
        for slice in population.slices.iter().filter(|s| s.core == core.id) {
            let first = slice.first_compartment as usize;
            let here = &core.compartments[first..first + slice.n as usize];
            let lanes = slice.first_lane..slice.first_lane + slice.n;
            line(
                out,
                format_args!(
                    "  {}[{}..{}] in compartments {first}..{}",
                    population.name,
                    lanes.start,
                    lanes.end,
                    first + here.len()
                ),
            );
            line(out, format_args!("    {} (frac {})", registers(here), population.frac));
        }
    }
}

/// Registers of compartments as `name value`, or `name least..=most` where they differ.
fn registers(compartments: &[Compartment]) -> String {
    type Register = (&'static str, fn(&Compartment) -> i64);
    const ALWAYS: [Register; 4] = [
        ("decay_u", |c| c.decay_u.into()),
        ("decay_v", |c| c.decay_v.into()),
        ("bias", |c| c.bias.into()),
        ("v_min", |c| c.v_min.into()),
    ];
    const SPIKING: [Register; 2] =
        [("threshold", |c| c.threshold.into()), ("refractory", |c| c.refractory.into())];
    let spiking: &[Register] = if compartments.iter().any(|c| c.spikes) { &SPIKING } else { &[] };
    let shown = ALWAYS.iter().chain(spiking).map(|(name, of)| {
        let least = compartments.iter().map(of).min().unwrap_or(0);
        let most = compartments.iter().map(of).max().unwrap_or(0);
        if least == most { format!("{name} {least}") } else { format!("{name} {least}..={most}") }
    });
    let mut shown: Vec<String> = shown.collect();
    if spiking.is_empty() {
        shown.push("no threshold".to_owned());
    }
    shown.join(", ")
}

fn modulators(out: &mut String, image: &Image, core: &Core) {
    for lines in &core.modulators {
        let ModulatorLines { first_lane, n_lines, decay, rounding, lo, hi, .. } = lines;
        line(
            out,
            format_args!(
                "  modulator {}[{first_lane}..{}]: decay {decay} ({}), {lo}..={hi}",
                modulator_name(image, lines),
                first_lane + n_lines,
                format!("{rounding:?}").to_lowercase(),
            ),
        );
    }
}

fn modulator_name<'a>(image: &'a Image, lines: &ModulatorLines) -> &'a str {
    &image.map.modulators[usize::from(lines.modulator)].name
}

fn format_text(format: &Format) -> String {
    let index = match format.index_bits {
        0 => "dense".to_owned(),
        n => format!("index {n} bits"),
    };
    let field = |f: &Field| format!("{}{}", if f.signed { "i" } else { "u" }, f.bits);
    let fields: Vec<String> = format.fields.iter().map(field).collect();
    format!("{index}, fields {}", fields.join(" "))
}

fn group_text(out: &mut String, image: &Image, core: &Core, group: &Group) {
    let map = &image.map.projections[usize::from(group.projection)];
    let first = group.first_axon as usize;
    let axons = &core.axons_in[first..first + group.n_axons as usize];
    let synapses: u64 = axons.iter().map(|a| u64::from(a.n_synapses)).sum();
    let delay = if group.delay_field == NO_DELAY_FIELD {
        format!("delay {}", group.delay)
    } else {
        format!("delay in field {}", group.delay_field)
    };
    let learning = if group.profile == NO_PROFILE {
        "static".to_owned()
    } else {
        format!("profile {}", group.profile)
    };
    line(
        out,
        format_args!(
            "  projection {}: {} -> {}[{}..{}], {} from {}, format {}, {delay}, shift {}, {learning}",
            map.name,
            map.pre,
            map.post,
            group.first_post,
            group.first_post + group.n_post,
            counted(synapses, "synapse"),
            counted(axons.len() as u64, "axon"),
            group.format,
            group.shift,
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_that_differ_are_shown_as_a_range_and_no_threshold_as_none() {
        let lane = Compartment { bias: -3, threshold: 7, ..Compartment::default() };
        let other = Compartment { bias: 4, ..lane };
        let graded = registers(&[lane, other]);
        assert_eq!(graded, "decay_u 0, decay_v 0, bias -3..=4, v_min 0, no threshold");
        let spiking = Compartment { spikes: true, ..lane };
        assert!(registers(&[spiking]).ends_with("bias -3, v_min 0, threshold 7, refractory 0"));
    }
}
