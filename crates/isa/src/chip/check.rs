//! What makes a description a chip. Each check is named after what it rejects.
//!
//! Order: the instruction set first, then sizes, then widths, then costs; the first broken rule
//! is reported.

use super::{Chip, ChipError, Preset};
use crate::{Field, ISA_NAME, Slot};
use trifactor_fixed::StoreArithmetic;

/// What a check found: the key at fault, and what is wrong with it.
type Fault = (String, String);
type Check = fn(&Chip) -> Result<(), Fault>;

const CHECKS: [(&str, Check); 26] = [
    ("unusable_name", unusable_name),
    ("foreign_isa", foreign_isa),
    ("empty_mesh", empty_mesh),
    ("oversized_mesh", oversized_mesh),
    ("too_many_chips", too_many_chips),
    ("empty_core", empty_core),
    ("header_too_narrow", header_too_narrow),
    ("columns_beyond_slots", columns_beyond_slots),
    ("fields_beyond_codes", fields_beyond_codes),
    ("epoch_out_of_range", epoch_out_of_range),
    ("delays_that_do_not_fit", delays_that_do_not_fit),
    ("state_width_out_of_range", state_width_out_of_range),
    ("decay_width_out_of_range", decay_width_out_of_range),
    ("accumulator_narrower_than_state", accumulator_narrower_than_state),
    ("arithmetic_out_of_range", arithmetic_out_of_range),
    ("learning_out_of_range", learning_out_of_range),
    ("rule_form_out_of_range", rule_form_out_of_range),
    ("no_width_to_choose", no_width_to_choose),
    ("unsorted_widths", unsorted_widths),
    ("width_out_of_range", width_out_of_range),
    ("unaddressable_compartments", unaddressable_compartments),
    ("default_that_is_not_offered", default_that_is_not_offered),
    ("no_unit_of_time", no_unit_of_time),
    ("unknown_default_preset", unknown_default_preset),
    ("ambiguous_or_unsourced_preset", ambiguous_or_unsourced_preset),
    ("shapeless_barrier", shapeless_barrier),
];

pub(super) fn check(chip: &Chip) -> Result<(), ChipError> {
    for (rule, check) in CHECKS {
        check(chip).map_err(|(key, message)| ChipError::Rejected {
            chip: chip.name.clone(),
            rule,
            key,
            message,
        })?;
    }
    Ok(())
}

/// Names stand in paths and on command lines.
fn unusable_name(chip: &Chip) -> Result<(), Fault> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if chip.name.starts_with(|c: char| c.is_ascii_lowercase()) && chip.name.chars().all(legal) {
        return Ok(());
    }
    fault("name", "a name is a letter and then letters, digits and '-', all in lower case")
}

fn foreign_isa(chip: &Chip) -> Result<(), Fault> {
    if chip.isa == ISA_NAME {
        return Ok(());
    }
    fault("isa", format!("'{}' is not the instruction set '{ISA_NAME}'", chip.isa))
}

fn empty_mesh(chip: &Chip) -> Result<(), Fault> {
    let m = &chip.mesh;
    positive("mesh.columns", m.columns)?;
    positive("mesh.rows", m.rows)?;
    positive("mesh.cores_per_tile", m.cores_per_tile)?;
    positive("mesh.router.queue", m.router.queue)?;
    positive("mesh.router.link_ticks", m.router.link_ticks)?;
    positive("mesh.chips.columns", m.chips.columns)?;
    positive("mesh.chips.rows", m.chips.rows)
}

/// Messages of this family name a core of its chip with 12 bits (hierarchy of Davies et al.,
/// 2018).
fn oversized_mesh(chip: &Chip) -> Result<(), Fault> {
    let m = &chip.mesh;
    let n_cores = u64::from(m.columns).saturating_mul(m.rows.into());
    match n_cores.saturating_mul(m.cores_per_tile.into()) {
        0..=4096 => Ok(()),
        n => fault(
            "mesh",
            format!("{n} cores are more than the 4096 of a chip that a message can name"),
        ),
    }
}

/// And the chip with 14 bits.
fn too_many_chips(chip: &Chip) -> Result<(), Fault> {
    let c = &chip.mesh.chips;
    match u64::from(c.columns).saturating_mul(c.rows.into()) {
        0..=16_384 => Ok(()),
        n => fault("mesh.chips", format!("{n} chips are more than the 16384 a message can name")),
    }
}

fn empty_core(chip: &Chip) -> Result<(), Fault> {
    let c = &chip.core;
    positive("core.compartments", c.compartments)?;
    positive("core.axons_in", c.axons_in)?;
    positive("core.axons_out", c.axons_out)?;
    positive("core.synapse_words", c.synapse_words)?;
    positive("core.block_synapses", c.block_synapses)?;
    positive("core.formats", c.formats)?;
    positive("core.ucode_words", c.ucode_words)?;
    positive("core.profiles", c.profiles)
}

/// A header holds the number of a format and the count of a block's synapses.
fn header_too_narrow(chip: &Chip) -> Result<(), Fault> {
    let c = &chip.core;
    let needed = bits_for(c.formats - 1) + bits_for(c.block_synapses);
    if u32::from(c.block_header_bits) >= needed {
        return Ok(());
    }
    fault(
        "core.block_header_bits",
        format!(
            "{} formats and {} synapses in a block need {needed} bits, not {}",
            c.formats, c.block_synapses, c.block_header_bits
        ),
    )
}

/// Slot 0 of `ldx` and `ldy` is the spike flag, so one slot less is left for columns.
fn columns_beyond_slots(chip: &Chip) -> Result<(), Fault> {
    let c = &chip.core;
    at_most("core.pre_columns", c.pre_columns, Slot::MAX)?;
    at_most("core.post_columns", c.post_columns, Slot::MAX)?;
    at_most("core.modulator_lines", c.modulator_lines, Slot::MAX + 1)
}

/// Weight, delay, tags and rates are numbered by the field of a word.
fn fields_beyond_codes(chip: &Chip) -> Result<(), Fault> {
    let s = &chip.synapse;
    match 2 + u32::from(s.tags) + u32::from(s.rates) {
        n if n <= u32::from(Field::MAX) + 1 => Ok(()),
        n => fault("synapse", format!("{n} variables of a synapse are more than the 16 fields")),
    }
}

/// A position in the epoch has 6 bits, and 0 is no position (S5).
fn epoch_out_of_range(chip: &Chip) -> Result<(), Fault> {
    within("core.epoch_max", chip.core.epoch_max, 1, 63)
}

fn delays_that_do_not_fit(chip: &Chip) -> Result<(), Fault> {
    within("synapse.delay_bits_max", chip.synapse.delay_bits_max, 0, 6)?;
    within("core.delay_slots", chip.core.delay_slots, 1, 1 << chip.synapse.delay_bits_max)
}

fn state_width_out_of_range(chip: &Chip) -> Result<(), Fault> {
    within("neuron.state_bits", chip.neuron.state_bits, 8, 32)?;
    within("neuron.refractory_max", chip.neuron.refractory_max, 1, 255)
}

fn decay_width_out_of_range(chip: &Chip) -> Result<(), Fault> {
    within("neuron.decay_bits", chip.neuron.decay_bits, 4, 16)
}

/// One full-scale input must be deliverable.
fn accumulator_narrower_than_state(chip: &Chip) -> Result<(), Fault> {
    within("neuron.accumulator_bits", chip.neuron.accumulator_bits, chip.neuron.state_bits, 32)
}

/// Choices that the units cannot carry out.
fn arithmetic_out_of_range(chip: &Chip) -> Result<(), Fault> {
    let a = &chip.arithmetic.neuron;
    for (key, code) in [("decay_u", a.decay_u), ("decay_v", a.decay_v)] {
        let whole = 1u32 << chip.neuron.decay_bits;
        if code.max(chip.neuron.decay_bits) > whole {
            let message = format!("a register of {} bits ends at {whole}", chip.neuron.decay_bits);
            return fault(format!("arithmetic.neuron.{key}"), message);
        }
    }
    within("arithmetic.neuron.input.unit", a.input.unit, 0, 16)?;
    if let Some(bits) = a.input.sum_bits {
        within("arithmetic.neuron.input.sum_bits", bits, a.input.unit + 2, 32)?;
    }
    if a.input.weight_limit.is_some_and(|limit| limit < 1) {
        return fault("arithmetic.neuron.input.weight_limit", "a limit is at least 1");
    }
    Ok(())
}

/// The register file and the words of constants bound what an accumulator may hold.
fn learning_out_of_range(chip: &Chip) -> Result<(), Fault> {
    let Some(a) = &chip.arithmetic.learning else { return Ok(()) };
    within("arithmetic.learning.trace.decay_bits", a.trace.decay_bits, 4, 30)?;
    within("arithmetic.learning.trace.fraction_bits", a.trace.fraction_bits, 0, 12)?;
    within("arithmetic.learning.trace.draw_bits", a.trace.draw_bits, 0, 32)?;
    if a.trace.joined {
        let most = a.trace.decay_bits;
        within("arithmetic.learning.trace.fraction_bits", a.trace.fraction_bits, 0, most)?;
    }
    if let Some(StoreArithmetic::Change { step }) = a.store {
        within("arithmetic.learning.store.step", step, 0, 8)?;
    }
    within("arithmetic.learning.first_epoch", a.first_epoch, 0, 1)?;
    within("arithmetic.learning.trace_bits", a.trace_bits, 1, 16)?;
    within("arithmetic.learning.variable_bits", a.variable_bits, 1, 16)?;
    within("arithmetic.learning.change.mantissa_bits", a.change.mantissa_bits, 2, 15)?;
    within("arithmetic.learning.change.fraction", a.change.fraction, 1, 15)?;
    const LIMIT: i32 = 1 << 29;
    let (lo, hi) = a.change.range;
    if !(-LIMIT..=0).contains(&lo) || !(0..=LIMIT).contains(&hi) {
        let message = format!("{lo} to {hi} does not hold 0 between -{LIMIT} and {LIMIT}");
        return fault("arithmetic.learning.change.range", message);
    }
    for (key, (lo, hi)) in [("mixed", a.mixed), ("tag", a.tag), ("delay", a.delay)] {
        if lo > hi {
            return fault(format!("arithmetic.learning.{key}"), "its ends are the wrong way round");
        }
    }
    if a.inhibitory_lowest > 0 {
        return fault("arithmetic.learning.inhibitory_lowest", "an inhibitory weight is at most 0");
    }
    Ok(())
}

/// A scale that no constant holds, or a limit that no rule keeps.
fn rule_form_out_of_range(chip: &Chip) -> Result<(), Fault> {
    let Some(form) = chip.rule.products() else { return Ok(()) };
    within("rule.scale.mantissa_bits", form.scale.mantissa_bits, 2, 15)?;
    let (lo, hi) = form.scale.exponent;
    if !(-30..=30).contains(&lo) || !(lo..=30).contains(&hi) {
        let message = format!("{lo} to {hi} are no exponents between -30 and 30 in order");
        return fault("rule.scale.exponent", message);
    }
    within("rule.trace_bits", form.trace_bits, 1, 16)?;
    within("rule.variable_bits", form.variable_bits, 2, 16)?;
    within("rule.product_bits", form.product_bits, 1, 63)?;
    within("rule.trace_constant_bits", form.trace_constant_bits, 1, 15)?;
    within("rule.variable_constant_bits", form.variable_constant_bits, 1, 15)?;
    if form.products == Some(0) {
        return fault("rule.products", "a rule has at least one product");
    }
    if form.factors == Some(0) {
        return fault("rule.factors", "a product has at least one factor");
    }
    Ok(())
}

/// A chip without tags or rates may leave their lists empty.
fn no_width_to_choose(chip: &Chip) -> Result<(), Fault> {
    let s = &chip.synapse;
    for (key, widths, ..) in width_lists(chip) {
        let optional = (key == "synapse.tag_bits" && s.tags == 0)
            || (key == "synapse.rate_bits" && s.rates == 0);
        if widths.is_empty() && !optional {
            return fault(key, "the list is empty");
        }
    }
    Ok(())
}

fn unsorted_widths(chip: &Chip) -> Result<(), Fault> {
    for (key, widths, ..) in width_lists(chip) {
        if !widths.is_sorted_by(|a, b| a < b) {
            return fault(key, format!("{widths:?} is not ascending"));
        }
    }
    Ok(())
}

fn width_out_of_range(chip: &Chip) -> Result<(), Fault> {
    for (key, widths, lo, hi) in width_lists(chip) {
        for width in widths {
            within(key, *width, lo, hi)?;
        }
    }
    Ok(())
}

fn unaddressable_compartments(chip: &Chip) -> Result<(), Fault> {
    let widest = chip.synapse.index_bits.last().copied().unwrap_or_default();
    if u64::from(chip.core.compartments) <= 1 << widest {
        return Ok(());
    }
    let n = chip.core.compartments;
    fault("synapse.index_bits", format!("{widest} bits do not name all {n} compartments"))
}

fn default_that_is_not_offered(chip: &Chip) -> Result<(), Fault> {
    let (d, s) = (&chip.defaults, &chip.synapse);
    for (key, width, offered) in [
        ("defaults.weight_signed_bits", d.weight_signed_bits, &s.weight_bits),
        ("defaults.weight_unsigned_bits", d.weight_unsigned_bits, &s.weight_bits),
        ("defaults.tag_bits", d.tag_bits, &s.tag_bits),
        ("defaults.rate_bits", d.rate_bits, &s.rate_bits),
        ("defaults.trace_bits", d.trace_bits, &chip.trace.bits),
        ("defaults.modulator_bits", d.modulator_bits, &chip.modulator.bits),
    ] {
        // Of an empty list nothing is ever chosen, so its default means nothing.
        if !offered.is_empty() && !offered.contains(&width) {
            return fault(key, format!("{width} is not one of {offered:?}"));
        }
    }
    Ok(())
}

fn no_unit_of_time(chip: &Chip) -> Result<(), Fault> {
    match chip.cost.tick_ps {
        0 => fault("cost.tick_ps", "a tick of 0 ps measures nothing"),
        _ => Ok(()),
    }
}

fn unknown_default_preset(chip: &Chip) -> Result<(), Fault> {
    if chip.preset(&chip.cost.default).is_some() {
        return Ok(());
    }
    fault("cost.default", format!("there is no preset '{}'", chip.cost.default))
}

/// By name, since places in the list are not the file's once overlays have added presets.
fn preset_key(preset: &Preset) -> String {
    format!("cost.presets['{}']", preset.name)
}

fn ambiguous_or_unsourced_preset(chip: &Chip) -> Result<(), Fault> {
    for (n, p) in chip.cost.presets.iter().enumerate() {
        let key = preset_key(p);
        if chip.cost.presets[..n].iter().any(|q| q.name == p.name) {
            return fault(key, format!("there are two presets '{}'", p.name));
        }
        let sources = [&p.source, &p.learning.source, &p.system.source];
        if sources.iter().any(|s| s.trim().is_empty()) {
            return fault(key, format!("'{}' must say where its numbers come from", p.name));
        }
    }
    Ok(())
}

fn shapeless_barrier(chip: &Chip) -> Result<(), Fault> {
    for p in &chip.cost.presets {
        let ascending = p.barrier.is_sorted_by(|a, b| a.tiles < b.tiles && a.ticks <= b.ticks);
        if p.barrier.is_empty() || !ascending {
            let message = "a barrier is a list of points with ascending tiles and no falling time";
            return fault(preset_key(p) + ".barrier", message);
        }
        let across = &p.system.barrier_across_chips;
        let ascending = across.is_sorted_by(|a, b| a.chips < b.chips && a.ticks <= b.ticks);
        if !ascending || across.first().is_some_and(|first| first.chips < 2) {
            let message =
                "points across chips begin at 2 chips, with ascending chips and no falling time";
            return fault(preset_key(p) + ".system.barrier_across_chips", message);
        }
    }
    Ok(())
}

/// Each list of widths with its key, smallest and largest legal width.
fn width_lists(chip: &Chip) -> [(&'static str, &[u8], u8, u8); 6] {
    let s = &chip.synapse;
    [
        ("synapse.weight_bits", &s.weight_bits, 1, 16),
        ("synapse.index_bits", &s.index_bits, 0, 16),
        ("synapse.tag_bits", &s.tag_bits, 2, 16),
        ("synapse.rate_bits", &s.rate_bits, 2, 16),
        ("trace.bits", &chip.trace.bits, 1, 16),
        ("modulator.bits", &chip.modulator.bits, 2, 16),
    ]
}

fn positive(key: &str, value: u32) -> Result<(), Fault> {
    if value > 0 { Ok(()) } else { fault(key, "must not be 0") }
}

fn at_most(key: &str, value: u8, hi: u8) -> Result<(), Fault> {
    within(key, value, 0, hi)
}

fn within(key: &str, value: u8, lo: u8, hi: u8) -> Result<(), Fault> {
    if (lo..=hi).contains(&value) {
        return Ok(());
    }
    fault(key, format!("{value} is not in {lo} to {hi}"))
}

fn fault(key: impl Into<String>, message: impl Into<String>) -> Result<(), Fault> {
    Err((key.into(), message.into()))
}

/// Bits that hold the numbers from 0 to `largest`.
const fn bits_for(largest: u32) -> u32 {
    u32::BITS - largest.leading_zeros()
}
