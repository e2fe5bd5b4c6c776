//! The rules of an image, with the values that each of their inputs can have.

use crate::run::{FieldFormat, Rule};
use std::ops::RangeInclusive;
use trifactor_image::{Core, Group, Image, NO_PROFILE, Profile, Slot};
use trifactor_isa::Chip;

/// A rule of an image: equal programs of one projection on several cores are one.
#[derive(Clone, PartialEq, Debug)]
pub struct Learner {
    /// The projection that learns.
    pub projection: String,
    /// The author's name of the rule, as the image's map has it.
    pub name: String,
    /// The rule.
    pub rule: Rule,
    /// Values of slots 1 and up of `ldx`.
    pub pre_slots: Vec<Lane>,
    /// Values of slots 1 and up of `ldy`.
    pub post_slots: Vec<Lane>,
    /// Values of the slots of `ldg`.
    pub lines: Vec<Lane>,
    /// Logical ids of pre lanes.
    pub pre: RangeInclusive<u32>,
    /// Logical ids of post lanes.
    pub post: RangeInclusive<u32>,
    /// Whether all synapses share the draws of a rule (S83): then they are those of lanes 0.
    pub one_draw: bool,
    /// Synapses that have it.
    pub synapses: u64,
}

/// What a lane has in a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lane {
    /// Smallest raw value.
    pub lo: i32,
    /// Largest raw value.
    pub hi: i32,
    /// A trace, which has a value for each step of the epoch; a modulator has one.
    pub timed: bool,
}

/// The rules of an image in the order of cores and groups.
pub fn learners(image: &Image, chip: &Chip) -> Vec<Learner> {
    let mut all: Vec<Learner> = Vec::new();
    for core in &image.cores {
        for group in core.groups.iter().filter(|g| g.profile != NO_PROFILE) {
            let profile = &core.profiles[usize::from(group.profile)];
            let new = learner(image, chip, core, group, profile);
            let same = |old: &&mut Learner| {
                old.projection == new.projection
                    && old.rule == new.rule
                    && old.pre_slots == new.pre_slots
                    && old.post_slots == new.post_slots
                    && old.lines == new.lines
            };
            match all.iter_mut().find(same) {
                Some(old) => {
                    old.synapses += new.synapses;
                    old.pre = joined(&old.pre, &new.pre);
                    old.post = joined(&old.post, &new.post);
                }
                None => all.push(new),
            }
        }
    }
    all
}

fn joined(a: &RangeInclusive<u32>, b: &RangeInclusive<u32>) -> RangeInclusive<u32> {
    *a.start().min(b.start())..=*a.end().max(b.end())
}

/// The rule of a group. An image that was read or linked holds what its indices name.
fn learner(image: &Image, chip: &Chip, core: &Core, group: &Group, profile: &Profile) -> Learner {
    let first = profile.first_word as usize;
    let words = core.ucode[first..first + profile.n_words as usize].to_vec();
    let format = &core.formats[usize::from(group.format)];
    let fields = format.fields.iter().zip(&profile.ranges);
    let fields = fields.map(|(f, range)| FieldFormat {
        bits: f.bits,
        signed: f.signed,
        lo: range.lo,
        hi: range.hi,
    });
    let lane = |slot: &Slot| match *slot {
        Slot::Column(c) => {
            let column = &core.columns[usize::from(c)];
            Lane { lo: 0, hi: column.max, timed: true }
        }
        Slot::Modulator(m) => {
            let lines = &core.modulators[usize::from(m)];
            Lane { lo: lines.lo, hi: lines.hi, timed: false }
        }
    };
    let of = |slots: &[Slot]| slots.iter().map(lane).collect();
    let axons = group.first_axon as usize..(group.first_axon + group.n_axons) as usize;
    let axons = &core.axons_in[axons];
    let pre = axons.iter().map(|a| a.pre);
    let source = image.map.source.iter().find(|s| {
        s.core == core.id
            && (profile.first_word..profile.first_word + profile.n_words).contains(&s.word)
    });
    Learner {
        projection: image.map.projections[usize::from(group.projection)].name.clone(),
        name: source.map_or_else(|| "rule".to_owned(), |s| s.rule.clone()),
        rule: Rule {
            words,
            guard: profile.guard,
            stream: profile.stream,
            epoch_length: u8::try_from(image.meta.epoch).unwrap_or(u8::MAX),
            fields: fields.collect(),
            pre_slots: profile.pre_slots.len(),
            post_slots: profile.post_slots.len(),
            lines: profile.global_slots.len(),
        },
        pre_slots: of(&profile.pre_slots),
        post_slots: of(&profile.post_slots),
        lines: of(&profile.global_slots),
        pre: pre.clone().min().unwrap_or(0)..=pre.max().unwrap_or(0),
        post: group.first_post..=group.first_post + group.n_post.saturating_sub(1),
        one_draw: chip.arithmetic.learning.is_some_and(|engine| engine.one_draw),
        synapses: axons.iter().map(|a| u64::from(a.n_synapses)).sum(),
    }
}
