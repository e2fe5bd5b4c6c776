//! Sizes, register widths and references between the memories of one core.

use super::{Site, at, ensure, group_of, inside};
use crate::elf::records::Record;
use crate::pack::check_format;
use crate::{
    AxonIn, Column, ColumnKind, Compartment, Core, Format, Group, ImageError, Map, ModulatorLines,
    NO_DELAY_FIELD, NO_PROFILE, Profile, Slot,
};
use trifactor_fixed::DecayCode;
use trifactor_isa::Chip;

/// Widest shift of a weight's contribution: an accumulator has 32 bits.
const MAX_SHIFT: u8 = 31;
/// Largest right shift of the chip's arithmetic.
const MAX_RIGHT_SHIFT: u8 = 62;
/// Largest mantissa of an impulse: constants have at most 16 significant bits (S60).
const MAX_IMPULSE: i32 = 0xffff;
/// Largest slope of a pseudo-derivative (S27).
const MAX_SLOPE: i32 = 0xffff;

pub(super) fn check(core: &Core, chip: &Chip, map: &Map) -> Result<(), ImageError> {
    sizes(core, chip)?;
    compartments(core, chip)?;
    modulators(core, chip, map)?;
    formats(core, chip)?;
    groups(core, chip, map)?;
    profiles(core, chip)?;
    columns(core, chip)
}

fn sizes(core: &Core, chip: &Chip) -> Result<(), ImageError> {
    let c = &chip.core;
    fits(core, &core.compartments, c.compartments)?;
    fits(core, &core.axons_out, c.axons_out)?;
    fits(core, &core.axons_in, c.axons_in)?;
    fits(core, &core.formats, c.formats)?;
    fits(core, &core.synapses, c.synapse_words)?;
    fits(core, &core.profiles, c.profiles)?;
    fits(core, &core.ucode, c.ucode_words)?;
    // A group has at least one axon, and a column stands in a slot of a profile.
    fits(core, &core.groups, c.axons_in)?;
    let columns = u32::from(c.pre_columns) + u32::from(c.post_columns);
    fits(core, &core.columns, c.profiles.saturating_mul(columns))?;
    fits(core, &core.modulators, lines_max(chip))
}

/// A modulator line serves a compartment, an input axon or a global slot.
fn lines_max(chip: &Chip) -> u32 {
    let c = &chip.core;
    c.compartments.saturating_add(c.axons_in).saturating_add(c.modulator_lines.into())
}

fn fits<R: Record>(core: &Core, records: &[R], limit: u32) -> Result<(), ImageError> {
    let n = records.len();
    let site = || at::<R>(core.id, limit as usize);
    ensure!(n <= limit as usize, site(), "{n} records; a core of this chip has room for {limit}");
    Ok(())
}

fn compartments(core: &Core, chip: &Chip) -> Result<(), ImageError> {
    let half = 1i64 << (chip.neuron.state_bits - 1);
    let longest = chip.neuron.refractory_max;
    for (k, c) in core.compartments.iter().enumerate() {
        let site = || at::<Compartment>(core.id, k);
        decay(c.decay_u, chip.arithmetic.neuron.decay_u, chip, site())?;
        decay(c.decay_v, chip.arithmetic.neuron.decay_v, chip, site())?;
        for (name, value) in [
            ("bias", c.bias),
            ("v_min", c.v_min),
            ("threshold", c.threshold),
            ("init_u", c.init_u),
            ("init_v", c.init_v),
        ] {
            let legal = (-half..half).contains(&i64::from(value));
            ensure!(legal, site(), "{name} {value} does not fit {} bits", chip.neuron.state_bits);
        }
        for (name, value) in [("refractory", c.refractory), ("init_hold", c.init_hold)] {
            ensure!(value <= longest, site(), "{name} {value}; the chip has 0 to {longest}");
        }
        let n = core.axons_out.len();
        let legal = inside(c.first_out, c.n_out, n);
        ensure!(legal, site(), "messages {} + {} of {n}", c.first_out, c.n_out);
    }
    Ok(())
}

fn decay(register: u16, code: DecayCode, chip: &Chip, site: Site) -> Result<(), ImageError> {
    let bits = chip.neuron.decay_bits;
    let legal = u32::from(register) <= code.max(bits);
    ensure!(legal, site, "decay register {register} does not fit {bits} bits");
    Ok(())
}

fn modulators(core: &Core, chip: &Chip, map: &Map) -> Result<(), ImageError> {
    let widest = chip.modulator.bits.last().copied().unwrap_or(1);
    let half = 1i64 << (widest - 1);
    let most = lines_max(chip);
    let mut next = 0u32;
    for (k, m) in core.modulators.iter().enumerate() {
        let site = || at::<ModulatorLines>(core.id, k);
        let Some(named) = map.modulators.get(usize::from(m.modulator)) else {
            return Err(site().fault(format!("the map has no modulator {}", m.modulator)));
        };
        let (first, n) = (m.first_line, m.n_lines);
        ensure!(first == next && n > 0, site(), "lines {first} + {n}; the next line is {next}");
        ensure!(inside(first, n, most as usize), site(), "lines {first} + {n} of at most {most}");
        next = first + n;
        let lanes = inside(m.first_lane, n, named.n as usize);
        ensure!(lanes, site(), "lanes {} + {n} of {}", m.first_lane, named.n);
        decay(m.decay, DecayCode::default(), chip, site())?;
        let ordered = m.lo <= m.init && m.init <= m.hi;
        ensure!(ordered, site(), "initial value {} outside of {} to {}", m.init, m.lo, m.hi);
        let fits = i64::from(m.lo) >= -half && i64::from(m.hi) < half;
        ensure!(fits, site(), "{} to {} does not fit {widest} bits", m.lo, m.hi);
    }
    Ok(())
}

fn formats(core: &Core, chip: &Chip) -> Result<(), ImageError> {
    let s = &chip.synapse;
    for (k, format) in core.formats.iter().enumerate() {
        let site = || at::<Format>(core.id, k);
        // A chip has at most as many formats as a header can number.
        let number = u8::try_from(k).unwrap_or(u8::MAX);
        check_format(format, number).map_err(|e| site().fault(e.to_string()))?;
        let bits = format.index_bits;
        ensure!(s.index_bits.contains(&bits), site(), "{bits} index bits; not of this chip");
        for (j, field) in format.fields.iter().enumerate() {
            let bits = field.bits;
            let legal = match j {
                0 => s.weight_bits.contains(&bits),
                _ => {
                    s.tag_bits.contains(&bits)
                        || s.rate_bits.contains(&bits)
                        || bits <= s.delay_bits_max
                }
            };
            ensure!(legal, site(), "field {j} has {bits} bits, a width the chip does not offer");
        }
    }
    Ok(())
}

fn groups(core: &Core, chip: &Chip, map: &Map) -> Result<(), ImageError> {
    let lines: u32 = core.modulators.iter().map(|m| m.n_lines).sum();
    let n_targets = core.compartments.len() + lines as usize;
    let mut next = 0u32;
    let mut taught = vec![false; core.profiles.len()];
    for (k, g) in core.groups.iter().enumerate() {
        let site = || at::<Group>(core.id, k);
        let Some(projection) = map.projections.get(usize::from(g.projection)) else {
            return Err(site().fault(format!("the map has no projection {}", g.projection)));
        };
        let (first, n) = (g.first_axon, g.n_axons);
        ensure!(first == next && n > 0, site(), "axons {first} + {n}; the next axon is {next}");
        let n_axons = core.axons_in.len();
        ensure!(inside(first, n, n_axons), site(), "axons {first} + {n} of {n_axons}");
        next = first + n;
        ensure!(g.n_post > 0, site(), "the group has no post lanes");
        let legal = inside(g.first_target, g.n_post, n_targets);
        ensure!(legal, site(), "targets {} + {} of {n_targets}", g.first_target, g.n_post);
        let legal = inside(g.first_post, g.n_post, projection.n_post as usize);
        ensure!(
            legal,
            site(),
            "post lanes {} + {} of {}",
            g.first_post,
            g.n_post,
            projection.n_post
        );
        ensure!(g.shift.unsigned_abs() <= MAX_SHIFT, site(), "shift {} is beyond 31", g.shift);
        let Some(format) = core.formats.get(usize::from(g.format)) else {
            return Err(site().fault(format!("there is no format {}", g.format)));
        };
        let (has, needs) = (format.fields.len(), projection.fields.len());
        ensure!(has == needs, site(), "format {} has {has} fields, the map {needs}", g.format);
        let reach = 1u64 << format.index_bits;
        let legal = format.index_bits == 0 || u64::from(g.n_post) <= reach;
        ensure!(legal, site(), "{} index bits do not name {} lanes", format.index_bits, g.n_post);
        delay(g, format, chip, site())?;
        if g.profile != NO_PROFILE {
            match taught.get_mut(usize::from(g.profile)) {
                Some(taken @ false) => *taken = true,
                Some(true) => {
                    return Err(site().fault(format!("profile {} has two groups", g.profile)));
                }
                None => return Err(site().fault(format!("there is no profile {}", g.profile))),
            }
        }
        axons(core, g, projection.n_pre)?;
    }
    let n = core.axons_in.len();
    let site = || at::<AxonIn>(core.id, next as usize);
    ensure!(next as usize == n, site(), "axons {next} to {n} belong to no group");
    if let Some(k) = taught.iter().position(|taken| !taken) {
        return Err(at::<Profile>(core.id, k).fault(format!("profile {k} has no group")));
    }
    Ok(())
}

fn delay(g: &Group, format: &Format, chip: &Chip, site: Site) -> Result<(), ImageError> {
    let slots = chip.core.delay_slots;
    if g.delay_field == NO_DELAY_FIELD {
        ensure!(g.delay < slots, site, "delay {}; the chip has 0 to {}", g.delay, slots - 1);
        return Ok(());
    }
    let Some(field) = format.fields.get(usize::from(g.delay_field)) else {
        return Err(site.fault(format!("the format has no field {} for delays", g.delay_field)));
    };
    let legal = g.delay_field > 0 && !field.signed && field.bits <= chip.synapse.delay_bits_max;
    ensure!(legal, site, "field {} cannot hold delays", g.delay_field);
    Ok(())
}

/// Axons of a group are pre lanes in order.
fn axons(core: &Core, g: &Group, n_pre: u32) -> Result<(), ImageError> {
    let mut least = 0u64;
    for k in g.first_axon..g.first_axon + g.n_axons {
        let pre = core.axons_in[k as usize].pre;
        let site = || at::<AxonIn>(core.id, k as usize);
        ensure!(pre < n_pre, site(), "pre lane {pre} of {n_pre}");
        ensure!(u64::from(pre) >= least, site(), "pre lane {pre} is not in ascending order");
        least = u64::from(pre) + 1;
    }
    Ok(())
}

fn profiles(core: &Core, chip: &Chip) -> Result<(), ImageError> {
    for (k, p) in core.profiles.iter().enumerate() {
        let site = || at::<Profile>(core.id, k);
        let n = core.ucode.len();
        let legal = p.n_words > 0 && inside(p.first_word, p.n_words, n);
        ensure!(legal, site(), "program {} + {} of {n} words", p.first_word, p.n_words);
        let group = group_of(core, k);
        let fields = &core.formats[usize::from(group.format)].fields;
        let (has, needs) = (p.ranges.len(), fields.len());
        ensure!(has == needs, site(), "{has} ranges for {needs} fields");
        for (j, (range, field)) in p.ranges.iter().zip(fields).enumerate() {
            let (lo, hi) = field.raw_range();
            let legal = lo <= range.lo && range.lo <= range.hi && range.hi <= hi;
            ensure!(legal, site(), "field {j}: {} to {} of {lo} to {hi}", range.lo, range.hi);
            let slots = i32::from(chip.core.delay_slots);
            let legal = j != usize::from(group.delay_field) || range.hi < slots;
            ensure!(legal, site(), "delays up to {}; the chip has 0 to {}", range.hi, slots - 1);
        }
        let c = &chip.core;
        for (name, slots, limit) in [
            ("ldx", &p.pre_slots, c.pre_columns),
            ("ldy", &p.post_slots, c.post_columns),
            ("ldg", &p.global_slots, c.modulator_lines),
        ] {
            let n = slots.len();
            ensure!(n <= limit.into(), site(), "{n} slots for {name}; the chip has {limit}");
        }
        slots(core, k, group)?;
    }
    Ok(())
}

fn slots(core: &Core, profile: usize, g: &Group) -> Result<(), ImageError> {
    let p = &core.profiles[profile];
    let site = || at::<Profile>(core.id, profile);
    for (side, slots) in [("ldx", &p.pre_slots), ("ldy", &p.post_slots), ("ldg", &p.global_slots)] {
        for (k, slot) in slots.iter().enumerate() {
            match *slot {
                Slot::Column(c) => {
                    let column = core.columns.get(usize::from(c));
                    let wanted = |x: &Column| {
                        usize::from(x.profile) == profile
                            && side == if x.post { "ldy" } else { "ldx" }
                    };
                    let legal = column.is_some_and(wanted);
                    ensure!(legal, site(), "entry {k} for {side}: column {c} is none of this side");
                }
                Slot::Modulator(m) => {
                    let Some(m) = core.modulators.get(usize::from(m)) else {
                        return Err(site().fault(format!("entry {k} for {side}: no modulator {m}")));
                    };
                    let legal = side == "ldg" || covers(m, core, g, side == "ldx");
                    ensure!(legal, site(), "entry {k} for {side}: lanes without a modulator line");
                }
            }
        }
    }
    Ok(())
}

/// Whether every pre or post lane of a group has a line.
fn covers(m: &ModulatorLines, core: &Core, g: &Group, pre: bool) -> bool {
    let lines = u64::from(m.first_lane)..u64::from(m.first_lane) + u64::from(m.n_lines);
    let (first, last) = if pre {
        // Axons ascend, so the ends are enough.
        let axons = &core.axons_in[g.first_axon as usize..][..g.n_axons as usize];
        (axons[0].pre, axons[axons.len() - 1].pre)
    } else {
        (g.first_post, g.first_post + (g.n_post - 1))
    };
    lines.contains(&u64::from(first)) && lines.contains(&u64::from(last))
}

fn columns(core: &Core, chip: &Chip) -> Result<(), ImageError> {
    for (k, c) in core.columns.iter().enumerate() {
        let site = || at::<Column>(core.id, k);
        let legal = usize::from(c.profile) < core.profiles.len();
        ensure!(legal, site(), "there is no profile {}", c.profile);
        let legal = chip.trace.bits.contains(&c.bits);
        ensure!(legal, site(), "{} bits, a width the chip does not offer", c.bits);
        let largest = (1i32 << c.bits) - 1;
        let legal = (0..=largest).contains(&c.max);
        ensure!(legal, site(), "largest value {} of 0 to {largest}", c.max);
        let legal = (0..=c.max).contains(&c.init);
        ensure!(legal, site(), "initial value {} of 0 to {}", c.init, c.max);
        let replay = chip.arithmetic.learning.map(|engine| engine.trace);
        let legal = (c.kind == ColumnKind::Replayed) == replay.is_some();
        ensure!(legal, site(), "a kind of trace that is not the chip's");
        let written = c.kind == ColumnKind::PseudoDerivative;
        if written {
            let legal = chip.has_pseudo_derivatives();
            ensure!(legal, site(), "a pseudo-derivative, which the chip does not have");
            ensure!(c.post, site(), "a pseudo-derivative of pre lanes, which are on other cores");
            ensure!(
                c.decay == 0,
                site(),
                "a pseudo-derivative with the decay register {}",
                c.decay
            );
            let legal = (0..=MAX_SLOPE).contains(&c.x_max);
            ensure!(legal, site(), "slope {} of 0 to {MAX_SLOPE}", c.x_max);
            let mut groups = core.groups.iter().filter(|g| g.profile == c.profile);
            let legal = groups.all(|g| inside(g.first_target, g.n_post, core.compartments.len()));
            ensure!(legal, site(), "a pseudo-derivative of targets that are no compartments");
        }
        let mut largest_impulse = if written { c.max } else { MAX_IMPULSE };
        if let Some(unit) = replay {
            let largest = (1i32 << unit.decay_bits) - 1;
            let legal = c.decay == 0 && (0..=largest).contains(&c.x_max);
            ensure!(legal, site(), "decay register {} of 0 to {largest}", c.x_max);
            largest_impulse <<= unit.fraction_bits;
        }
        decay(c.decay, DecayCode::default(), chip, site())?;
        let legal = (0..=largest_impulse).contains(&c.impulse);
        ensure!(legal, site(), "impulse {} of 0 to {largest_impulse}", c.impulse);
        if written {
            ensure!(c.shift <= MAX_RIGHT_SHIFT, site(), "shift {} of 0 to 62", c.shift);
        }
        if c.kind == ColumnKind::Saturating {
            ensure!(
                (0..=largest).contains(&c.x_max),
                site(),
                "x_max {} of 0 to {largest}",
                c.x_max
            );
            ensure!(c.shift <= MAX_RIGHT_SHIFT, site(), "shift {} of 0 to 62", c.shift);
        }
    }
    Ok(())
}
