//! From a group record to its table: synapse lists, columns and program.

use super::{EmuError, keep, keep_of};
use crate::program::{Context, Interval, ProgramError, Side, compile, sources};
use crate::state::{Initial, Lanes};
use crate::tables::{
    ByPost, Code, ColumnTable, FieldTable, GroupTable, ModulatorTable, Rule, Travel, Widths,
};
use crate::tile::post_keys;
use trifactor_fixed::{DecayCode, QFormat, RawRange, WeightsRead};
use trifactor_image::{
    AxonIn, Column, ColumnKind, Core, Format, Group, Guard, Image, NO_DELAY_FIELD, NO_PROFILE,
    PackError, Profile, unpack_row, words_for,
};

/// Why a group has no table.
pub(super) enum Fault {
    /// Something contradicts something else.
    Reason(String),
    /// A synapse list.
    Synapses(u32, PackError),
    /// A microcode word.
    Word(u32, trifactor_isa::DecodeError),
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self::Reason(reason.to_owned())
    }
}

impl Fault {
    pub(super) fn into_error(self, core: u32, part: &str) -> EmuError {
        match self {
            Self::Reason(reason) => EmuError::Image { core, part: part.to_owned(), reason },
            Self::Synapses(axon, source) => EmuError::Synapses { core, axon, source },
            Self::Word(word, source) => EmuError::Microcode { core, word, source },
        }
    }
}

/// The table of a group.
pub(super) fn table(
    image: &Image,
    core: &Core,
    record: &Group,
    modulators: &[ModulatorTable],
    n_targets: usize,
    widths: &Widths,
) -> Result<GroupTable, Fault> {
    let projection = usize::from(record.projection);
    let named = image.map.projections.get(projection).ok_or("its projection is not in the map")?;
    let format = core.formats.get(usize::from(record.format)).ok_or("its format does not exist")?;
    if format.fields.is_empty() || format.fields.len() != named.fields.len() {
        return Err("its format has other fields than the map".into());
    }
    if record.shift.unsigned_abs() > 31 {
        return Err("its weights are shifted by more than 31 places".into());
    }
    let first_target = record.first_target as usize;
    let n_post = record.n_post as usize;
    if first_target.checked_add(n_post).is_none_or(|end| end > n_targets) || n_post > 1 << 16 {
        return Err("its targets lie outside of the core".into());
    }
    if record.first_post.checked_add(record.n_post).is_none_or(|end| end > named.n_post) {
        return Err("its post lanes are not lanes of the projection".into());
    }
    let travel = match record.delay_field {
        NO_DELAY_FIELD if record.delay <= 62 => Travel::Fixed(record.delay.into()),
        NO_DELAY_FIELD => return Err("its delay is above 62 steps".into()),
        field if usize::from(field) < format.fields.len() => Travel::PerSynapse(field.into()),
        _ => return Err("its delay field is not in the format".into()),
    };
    let axons = (record.first_axon as usize)
        .checked_add(record.n_axons as usize)
        .and_then(|end| core.axons_in.get(record.first_axon as usize..end))
        .ok_or("its input axons lie outside of the table")?;
    if axons.iter().any(|axon| axon.pre >= named.n_pre) {
        return Err("the source of an input axon is not a lane of the projection".into());
    }
    let profile = match record.profile {
        NO_PROFILE => None,
        p => Some((p, core.profiles.get(usize::from(p)).ok_or("its profile does not exist")?)),
    };
    let mut group = GroupTable {
        projection,
        pre: axons.iter().map(|axon| axon.pre).collect(),
        row_start: Vec::with_capacity(axons.len() + 1),
        row_words: axons.iter().map(|a| words_for(a.n_synapses as usize, format) as u32).collect(),
        index: (format.index_bits > 0).then(Vec::new),
        first_target,
        first_post: record.first_post,
        row_len: None,
        n_post,
        shift: record.shift.into(),
        travel,
        sends: profile.is_some() && widths.neuron.input.weights == WeightsRead::Sending,
        fields: Vec::new(),
        rule: None,
        by_post: None,
    };
    let ranges = ranges(format, profile.map(|(_, p)| p))?;
    synapses(core, record, axons, format, ranges, &mut group)?;
    let mut lengths = group.row_start.windows(2).map(|row| (row[1] - row[0]) as usize);
    let first = lengths.next().filter(|_| group.index.is_none());
    group.row_len = first.filter(|len| lengths.all(|other| other == *len));
    if let Some((number, profile)) = profile {
        let rule = rule(image, core, number, profile, format, &group, modulators, widths)?;
        let sparse = group.index.is_some();
        group.by_post = (sparse && matches!(rule.guard, Guard::Post | Guard::PreOrPost))
            .then(|| by_post(&group));
        group.rule = Some(rule);
    }
    Ok(group)
}

fn format_range(field: &trifactor_image::Field) -> Option<RawRange> {
    let legal = (1..=32).contains(&field.bits) && (field.signed || field.bits < 32);
    legal.then(|| QFormat { bits: field.bits, frac: 0, signed: field.signed }.raw_range())
}

/// For each field what a store or the host may write, and an empty list for its values.
fn ranges(format: &Format, profile: Option<&Profile>) -> Result<Vec<(RawRange, Lanes)>, Fault> {
    if profile.is_some_and(|p| p.ranges.len() != format.fields.len()) {
        return Err("its profile has other fields than its format".into());
    }
    let mut lists = Vec::with_capacity(format.fields.len());
    for (f, field) in format.fields.iter().enumerate() {
        let held = format_range(field).ok_or("a field of its format has an impossible width")?;
        let range = match profile.map(|p| p.ranges[f]) {
            Some(r) => RawRange { lo: r.lo.into(), hi: r.hi.into() },
            None => held,
        };
        if range.lo > range.hi || range.lo < held.lo || range.hi > held.hi {
            return Err("a field's range does not fit its width".into());
        }
        lists.push((range, Lanes::for_range(held)));
    }
    Ok(lists)
}

fn synapses(
    core: &Core,
    record: &Group,
    axons: &[AxonIn],
    format: &Format,
    mut fields: Vec<(RawRange, Lanes)>,
    group: &mut GroupTable,
) -> Result<(), Fault> {
    let mut n = 0u32;
    group.row_start.push(0);
    for (k, axon) in axons.iter().enumerate() {
        let at = record.first_axon + k as u32;
        let list =
            unpack_row(&core.synapses, axon.first_word, axon.n_synapses, format, record.format)
                .map_err(|e| Fault::Synapses(at, e))?;
        if list.index.iter().any(|post| *post as usize >= group.n_post) {
            return Err(Fault::Reason(format!("a synapse of input axon {at} has no target")));
        }
        if let Some(index) = &mut group.index {
            index.extend(list.index.iter().map(|post| *post as u16));
        }
        for ((_, lanes), values) in fields.iter_mut().zip(&list.fields) {
            lanes.extend(values);
        }
        n = n.checked_add(axon.n_synapses).ok_or("it has more synapses than can be counted")?;
        group.row_start.push(n);
    }
    group.index.iter_mut().for_each(Vec::shrink_to_fit);
    let table = |(range, lanes): (RawRange, Lanes)| {
        let legal = |at| (range.lo..=range.hi).contains(&lanes.get(at).into());
        let inside = (0..lanes.len()).all(legal);
        FieldTable { range, inside, init: Initial::new(lanes) }
    };
    group.fields = fields.into_iter().map(table).collect();
    Ok(())
}

fn rule(
    image: &Image,
    core: &Core,
    number: u8,
    profile: &Profile,
    format: &Format,
    group: &GroupTable,
    modulators: &[ModulatorTable],
    widths: &Widths,
) -> Result<Rule, Fault> {
    let of_side = |post: bool| -> Vec<usize> {
        let own = |c: &Column| c.profile == number && c.post == post;
        core.columns.iter().enumerate().filter(|(_, c)| own(c)).map(|(at, _)| at).collect()
    };
    let (pre, post) = (of_side(false), of_side(true));
    let slots = |list, columns: &[usize]| {
        sources(list, columns, modulators.len())
            .ok_or("a slot names a column of another profile or side, or no modulator")
    };
    let global_slots = profile.global_slots.iter().map(|slot| match slot {
        trifactor_image::Slot::Modulator(m) if usize::from(*m) < modulators.len() => {
            Ok(usize::from(*m))
        }
        _ => Err("a global slot names no modulator"),
    });
    for slot in &profile.pre_slots {
        let trifactor_image::Slot::Modulator(m) = slot else { continue };
        let range = modulators.get(usize::from(*m)).ok_or("a slot names no modulator")?;
        let lanes = range.first_lane..range.first_lane + range.n_lines as u32;
        if group.pre.iter().any(|pre| !lanes.contains(pre)) {
            return Err("a modulator range does not hold all pre lanes".into());
        }
    }
    for slot in &profile.post_slots {
        let trifactor_image::Slot::Modulator(m) = slot else { continue };
        let range = modulators.get(usize::from(*m)).ok_or("a slot names no modulator")?;
        let end = range.first_lane + range.n_lines as u32;
        if group.first_post < range.first_lane || group.first_post + group.n_post as u32 > end {
            return Err("a modulator range does not hold all post lanes".into());
        }
    }
    let table = |at: &usize| column(image, core, *at, group.projection, widths);
    let mut pre_columns = pre.iter().map(table).collect::<Result<Vec<_>, _>>()?;
    let mut post_columns = post.iter().map(table).collect::<Result<Vec<_>, _>>()?;
    let written = |c: &ColumnTable| c.kind == ColumnKind::PseudoDerivative;
    let end = group.first_target + group.n_post;
    if post_columns.iter().any(written) && end > core.compartments.len() {
        return Err("a pseudo-derivative is that of a compartment, and a target is none".into());
    }
    let range = |c: &ColumnTable| Interval { lo: 0, hi: c.max.into() };
    let held = |f: usize| format_range(&format.fields[f]).map(|h| (h, group.fields[f].range));
    let context = Context {
        epoch: widths.epoch,
        fields: (0..format.fields.len()).filter_map(held).collect(),
        pre_slots: slots(&profile.pre_slots, &pre)?,
        post_slots: slots(&profile.post_slots, &post)?,
        global_slots: global_slots.collect::<Result<_, _>>()?,
        pre_columns: pre_columns.iter().map(range).collect(),
        post_columns: post_columns.iter().map(range).collect(),
        modulators: modulators.iter().map(|m| Interval::from(m.range)).collect(),
    };
    let words = (profile.first_word as usize)
        .checked_add(profile.n_words as usize)
        .and_then(|end| core.ucode.get(profile.first_word as usize..end))
        .ok_or("its program lies outside of the microcode memory")?;
    let program = compile(words, &context).map_err(|e| match e {
        ProgramError::Decode { at, source } => Fault::Word(profile.first_word + at as u32, source),
        ProgramError::Operand { at, what } => Fault::Reason(format!("microcode word {at}: {what}")),
        ProgramError::NoHalt => "its program has no halt".into(),
    })?;
    program.history(Side::Pre).for_each(|c| pre_columns[c].history = true);
    program.history(Side::Post).for_each(|c| post_columns[c].history = true);
    let code = Code {
        first_word: profile.first_word,
        image: words.to_vec(),
        words: words.to_vec(),
        context,
    };
    Ok(Rule {
        code,
        program,
        stream: profile.stream,
        guard: profile.guard,
        post_keys: post_keys(group),
        pre_columns,
        post_columns,
        counts: vec![true; group.n_rows()],
        counts_posts: true,
    })
}

fn column(
    image: &Image,
    core: &Core,
    at: usize,
    projection: usize,
    widths: &Widths,
) -> Result<ColumnTable, Fault> {
    let c = &core.columns[at];
    let wrong = |reason: &str| Fault::Reason(format!("column {at}: {reason}"));
    if !(0..=0xffff).contains(&c.max) || !(0..=c.max).contains(&c.init) {
        return Err(wrong("a trace is 0 to at most 65535, and so is its initial value"));
    }
    if c.shift > 62 {
        return Err(wrong("its impulse has more than 62 fraction bits"));
    }
    let trace = image.map.traces.iter().position(|t| {
        let here = |(id, column): &(u32, u16)| *id == core.id && usize::from(*column) == at;
        usize::from(t.projection) == projection && t.parts.iter().any(here)
    });
    let written = c.kind == ColumnKind::PseudoDerivative;
    let legal = c.post && (0..=c.max).contains(&c.impulse) && (0..=0xffff).contains(&c.x_max);
    if written && !legal {
        return Err(wrong(
            "a pseudo-derivative needs a post lane, a height and a slope of 16 bits",
        ));
    }
    let keep = match (c.kind, widths.learning.map(|engine| engine.trace)) {
        (ColumnKind::Replayed, Some(unit)) => u32::try_from(c.x_max)
            .ok()
            .and_then(|register| keep_of(register, DecayCode::default(), unit.decay_bits)),
        (ColumnKind::Linear | ColumnKind::Saturating | ColumnKind::PseudoDerivative, None) => {
            keep(c.decay, DecayCode::default(), widths)
        }
        _ => return Err(wrong("its kind of trace is not the chip's")),
    };
    let keep = keep.ok_or_else(|| wrong("its decay register is wider than the chip's"))?;
    Ok(ColumnTable {
        trace,
        kind: c.kind,
        max: c.max,
        keep: keep as u32,
        impulse: c.impulse,
        x_max: c.x_max,
        shift: c.shift.into(),
        rounding: c.rounding,
        stream: c.stream,
        init: c.init,
        history: false,
    })
}

fn by_post(group: &GroupTable) -> ByPost {
    let mut start = vec![0u32; group.n_post + 1];
    let rows = 0..group.n_rows();
    let each = || {
        rows.clone().flat_map(|row| {
            group.row(row).map(move |s| (row as u32, s as u32, group.post_of(row, s) as usize))
        })
    };
    each().for_each(|(_, _, post)| start[post + 1] += 1);
    for post in 0..group.n_post {
        start[post + 1] += start[post];
    }
    let mut next = start.clone();
    let (mut row, mut synapse) = (vec![0; group.n_synapses()], vec![0; group.n_synapses()]);
    each().for_each(|(r, s, post)| {
        let at = next[post] as usize;
        next[post] += 1;
        row[at] = r as u16;
        synapse[at] = s;
    });
    ByPost { start, row, synapse }
}
