//! From an image to the tables of cores.
//!
//! The reader of image files has proved more than is checked here; but an image can also be
//! built in memory, so everything that an index or an allocation later relies on is checked
//! again. What is wrong is reported with the core and the record.

mod group;

use crate::error::EmuError;
use crate::tables::{CoreTable, ModulatorTable, Neurons, Widths};
use std::collections::{BTreeMap, BTreeSet};
use trifactor_entity::EntityId;
use trifactor_fixed::{DecayCode, QFormat, RawRange};
use trifactor_image::{Core, Image};
use trifactor_isa::{Chip, CoreId, Hops};
use trifactor_timing::Message;

/// Most lanes a map may claim for anything; more would not fit any chip.
const MAX_LANES: u32 = 1 << 24;

/// The tables of all cores, in the image's order.
pub(crate) fn tables(image: &Image, chip: &Chip) -> Result<(Vec<CoreTable>, Widths), EmuError> {
    let widths = widths(image, chip)?;
    let index = core_index(image, chip)?;
    map_sizes(image)?;
    let mut cores = Vec::with_capacity(image.cores.len());
    for core in &image.cores {
        cores.push(core_table(image, core, chip, &widths, &index)?);
    }
    map_places(image, &index)?;
    own_lines(image, &index, &mut cores);
    own_rows(image, &index, &mut cores);
    Ok((cores, widths))
}

/// Position of each core id in the image.
pub(crate) fn positions(image: &Image) -> BTreeMap<u32, usize> {
    image.cores.iter().enumerate().map(|(at, core)| (core.id, at)).collect()
}

/// The error of a record.
fn fault(core: u32, part: impl Into<String>, reason: impl Into<String>) -> EmuError {
    EmuError::Image { core, part: part.into(), reason: reason.into() }
}

fn widths(image: &Image, chip: &Chip) -> Result<Widths, EmuError> {
    let epoch = image.meta.epoch;
    if epoch == 0 || epoch > chip.core.epoch_max.into() {
        let most = chip.core.epoch_max;
        return Err(fault(0, "meta", format!("an epoch of {epoch} steps is not 1 to {most}")));
    }
    Ok(Widths {
        state: QFormat::signed(chip.neuron.state_bits, 0).raw_range(),
        overflow: chip.neuron.overflow,
        neuron: chip.arithmetic.neuron,
        learning: chip.arithmetic.learning,
        decay_bits: chip.neuron.decay_bits.into(),
        epoch,
    })
}

fn core_index(image: &Image, chip: &Chip) -> Result<BTreeMap<u32, usize>, EmuError> {
    let index = positions(image);
    for core in &image.cores {
        if core.id >= chip.n_cores() {
            let n = chip.n_cores();
            return Err(fault(core.id, "core", format!("'{}' has {n} cores", chip.name)));
        }
    }
    if index.len() != image.cores.len() {
        return Err(fault(0, "cores", "two of them have the same id"));
    }
    Ok(index)
}

/// Sizes in the map bound later allocations.
fn map_sizes(image: &Image) -> Result<(), EmuError> {
    let map = &image.map;
    let sizes = (map.populations.iter().map(|p| (&p.name, p.n)))
        .chain(map.modulators.iter().map(|m| (&m.name, m.n)))
        .chain(map.projections.iter().map(|p| (&p.name, p.n_pre.max(p.n_post))));
    for (name, n) in sizes {
        if n > MAX_LANES {
            return Err(fault(0, format!("map, '{name}'"), format!("{n} lanes fit no chip")));
        }
    }
    Ok(())
}

fn core_table(
    image: &Image,
    core: &Core,
    chip: &Chip,
    widths: &Widths,
    index: &BTreeMap<u32, usize>,
) -> Result<CoreTable, EmuError> {
    let neurons = neurons(image, core, chip, widths, index)?;
    let n = core.compartments.len();
    let (modulators, n_targets) = modulators(image, core, widths, n)?;
    let mut groups = Vec::with_capacity(core.groups.len());
    let mut axons = vec![None; core.axons_in.len()];
    for (g, record) in core.groups.iter().enumerate() {
        let part = || format!("group {g}");
        let group = group::table(image, core, record, &modulators, n_targets, widths)
            .map_err(|e| e.into_error(core.id, &part()))?;
        let first = record.first_axon as usize;
        for (row, axon) in axons[first..first + group.n_rows()].iter_mut().enumerate() {
            if axon.replace((g as u32, row as u32)).is_some() {
                let reason = format!("input axon {} is part of two groups", first + row);
                return Err(fault(core.id, part(), reason));
            }
        }
        groups.push(group);
    }
    let columns = |g: &crate::tables::GroupTable| match &g.rule {
        Some(r) => r.pre_columns.len() * g.n_rows() + r.post_columns.len() * g.n_post,
        None => 0,
    };
    Ok(CoreTable {
        n_traces: groups.iter().map(|g| columns(g) as u64).sum(),
        n_lines: modulators.iter().map(|m| m.n_lines as u64).sum(),
        neurons,
        modulators,
        n_targets,
        groups,
        axons,
    })
}

/// The surviving numerator of a decay register.
fn keep(register: u16, code: DecayCode, widths: &Widths) -> Option<i64> {
    keep_of(register.into(), code, widths.decay_bits as u8)
}

fn keep_of(register: u32, code: DecayCode, bits: u8) -> Option<i64> {
    (register <= code.max(bits)).then(|| code.keep_raw(register, bits))
}

fn neurons(
    image: &Image,
    core: &Core,
    chip: &Chip,
    widths: &Widths,
    index: &BTreeMap<u32, usize>,
) -> Result<Neurons, EmuError> {
    let mut t = Neurons { first_message: vec![0], ..Neurons::default() };
    let from = CoreId::from_index(core.id as usize);
    for (c, record) in core.compartments.iter().enumerate() {
        let wrong = |reason: &str| fault(core.id, format!("compartment {c}"), reason);
        let decay = |register, code| {
            keep(register, code, widths)
                .map(|k| k as u32)
                .ok_or_else(|| wrong("a decay register is wider than the chip's"))
        };
        t.keep_u.push(decay(record.decay_u, widths.neuron.decay_u)?);
        t.keep_v.push(decay(record.decay_v, widths.neuron.decay_v)?);
        t.bias.push(record.bias);
        t.v_min.push(record.v_min);
        t.threshold.push(if record.spikes { record.threshold } else { i32::MAX });
        t.refractory.push(record.refractory.into());
        t.init_u.push(record.init_u);
        t.init_v.push(record.init_v);
        t.init_hold.push(record.init_hold.into());
        let first = record.first_out as usize;
        let sent = first
            .checked_add(record.n_out as usize)
            .and_then(|end| core.axons_out.get(first..end))
            .ok_or_else(|| wrong("its messages lie outside of the table of messages"))?;
        let mut hops = Hops::default();
        for message in sent {
            let to = index.get(&message.core).copied();
            let to = to.filter(|to| usize::from(message.axon) < image.cores[*to].axons_in.len());
            let to =
                to.ok_or_else(|| wrong("a message goes to an input axon that is not there"))?;
            // What its reception takes is known when the receiver has been read.
            t.messages.push(Message { to: to as u32, axon: message.axon.into(), service: 1 });
            hops += chip.hops(from, CoreId::from_index(message.core as usize));
        }
        t.first_message.push(t.messages.len() as u32);
        t.hops.push(hops);
    }
    let small = |list: &[i32]| list.iter().all(|x| x.unsigned_abs() < 1 << 28);
    let lists = [&t.bias, &t.v_min, &t.init_u, &t.init_v];
    t.sums_fit = widths.state.hi < 1 << 28 && lists.into_iter().all(|list| small(list));
    Ok(t)
}

/// The modulator ranges and the number of target addresses.
fn modulators(
    image: &Image,
    core: &Core,
    widths: &Widths,
    n: usize,
) -> Result<(Vec<ModulatorTable>, usize), EmuError> {
    let mut tables = Vec::with_capacity(core.modulators.len());
    let mut ends = Vec::with_capacity(core.modulators.len());
    for (r, record) in core.modulators.iter().enumerate() {
        let wrong = |reason: &str| fault(core.id, format!("modulator range {r}"), reason);
        let named = image.map.modulators.get(usize::from(record.modulator));
        let named = named.ok_or_else(|| wrong("the map has no such modulator"))?;
        let (first, lines) = (record.first_line, record.n_lines);
        let lanes = record.first_lane.checked_add(lines).is_some_and(|end| end <= named.n);
        if lines == 0 || !lanes || first > MAX_LANES {
            return Err(wrong("its lines are not lanes of the modulator"));
        }
        if record.lo > record.hi || record.init < record.lo || record.init > record.hi {
            return Err(wrong("its initial value is outside of its range"));
        }
        ends.push((first, first + lines));
        tables.push(ModulatorTable {
            modulator: record.modulator.into(),
            first_target: n + first as usize,
            n_lines: lines as usize,
            first_lane: record.first_lane,
            keep: keep(record.decay, DecayCode::default(), widths)
                .ok_or_else(|| wrong("its decay register is wider than the chip's"))?,
            rounding: record.rounding,
            range: RawRange { lo: record.lo.into(), hi: record.hi.into() },
            stream: record.stream,
            init: record.init,
            counts: vec![true; lines as usize],
        });
    }
    ends.sort_unstable();
    if ends.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err(fault(core.id, "modulator ranges", "two of them share a line"));
    }
    Ok((tables, n + ends.last().map_or(0, |(_, end)| *end as usize)))
}

/// Every place the map names must exist.
fn map_places(image: &Image, index: &BTreeMap<u32, usize>) -> Result<(), EmuError> {
    let core = |id: u32| index.get(&id).map(|at| &image.cores[*at]);
    for p in &image.map.populations {
        let wrong = |core, reason: &str| fault(core, format!("map, '{}'", p.name), reason);
        let mut slices: Vec<_> = p.slices.iter().collect();
        slices.sort_unstable_by_key(|s| s.first_lane);
        let mut lanes = 0;
        for s in &slices {
            let n = core(s.core).map_or(0, |c| c.compartments.len());
            let end = u64::from(s.first_compartment) + u64::from(s.n);
            if s.first_lane != lanes || end > n as u64 {
                return Err(wrong(s.core, "a slice is not where the core's compartments are"));
            }
            lanes += s.n;
        }
        if !slices.is_empty() && lanes != p.n {
            return Err(wrong(0, "the slices do not hold all lanes"));
        }
        if p.input_axons.len() > p.n as usize {
            return Err(wrong(0, "there are messages of lanes that do not exist"));
        }
        for (id, axon) in p.input_axons.iter().flatten() {
            if core(*id).is_none_or(|c| usize::from(*axon) >= c.axons_in.len()) {
                return Err(wrong(*id, "a message goes to an input axon that is not there"));
            }
        }
    }
    for (at, m) in image.map.modulators.iter().enumerate() {
        for part in &m.parts {
            let range = core(part.core).and_then(|c| c.modulators.get(usize::from(part.range)));
            if range.is_none_or(|r| usize::from(r.modulator) != at) {
                let name = format!("map, '{}'", m.name);
                return Err(fault(part.core, name, "a part is not a range of this modulator"));
            }
        }
    }
    for (at, p) in image.map.projections.iter().enumerate() {
        for part in &p.parts {
            let group = core(part.core).and_then(|c| c.groups.get(usize::from(part.group)));
            if group.is_none_or(|g| usize::from(g.projection) != at) {
                let name = format!("map, '{}'", p.name);
                return Err(fault(part.core, name, "a part is not a group of this projection"));
            }
        }
    }
    for t in &image.map.traces {
        if usize::from(t.projection) >= image.map.projections.len() {
            return Err(fault(0, format!("map, '{}'", t.name), "its projection does not exist"));
        }
    }
    Ok(())
}

/// Lets the first copy of each modulator line count saturations.
fn own_lines(image: &Image, index: &BTreeMap<u32, usize>, cores: &mut [CoreTable]) {
    for m in &image.map.modulators {
        let mut seen = vec![false; m.n as usize];
        for part in &m.parts {
            let range = &mut cores[index[&part.core]].modulators[usize::from(part.range)];
            let first = range.first_lane as usize;
            for (k, counts) in range.counts.iter_mut().enumerate() {
                *counts = !std::mem::replace(&mut seen[first + k], true);
            }
        }
    }
}

/// Lets the first copy of each pre trace, and of each slice of post lanes, count saturations.
fn own_rows(image: &Image, index: &BTreeMap<u32, usize>, cores: &mut [CoreTable]) {
    for p in &image.map.projections {
        let mut seen = vec![false; p.n_pre as usize];
        let mut slices = BTreeSet::new();
        for part in &p.parts {
            let group = &mut cores[index[&part.core]].groups[usize::from(part.group)];
            let Some(rule) = &mut group.rule else { continue };
            rule.counts_posts = slices.insert(group.first_post);
            for (pre, counts) in group.pre.iter().zip(&mut rule.counts) {
                *counts = !std::mem::replace(&mut seen[*pre as usize], true);
            }
        }
    }
}
