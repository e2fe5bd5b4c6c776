//! States of synapses to try a rule on: random ones, and corners.

use crate::rules::{Lane, Learner};
use crate::run::Synapse;
use trifactor_fixed::mix32;

/// States of a rule's synapses, without end; a pure function of the seed.
///
/// The first three have every value at its lowest, its highest and nearest to 0. After that half
/// of all states are uniform, a quarter have corners only and a quarter have both. A lane is
/// silent in one of four.
#[derive(Clone, Debug)]
pub struct States<'a> {
    learner: &'a Learner,
    choices: Choices,
    n: u64,
}

impl<'a> States<'a> {
    /// The states of a seed.
    pub fn new(learner: &'a Learner, seed: u32) -> Self {
        Self { learner, choices: Choices { state: mix32(seed ^ 0x7472_6966) }, n: 0 }
    }
}

impl Iterator for States<'_> {
    type Item = Synapse;

    fn next(&mut self) -> Option<Synapse> {
        let kind = match self.n {
            0 => Kind::Lowest,
            1 => Kind::Highest,
            2 => Kind::Nearest,
            n => match n % 4 {
                0 | 1 => Kind::Uniform,
                2 => Kind::Corners,
                _ => Kind::Both,
            },
        };
        self.n += 1;
        let (l, c) = (self.learner, &mut self.choices);
        let length = l.rule.epoch_length;
        let fields = l.rule.fields.iter().map(|f| c.value(kind, f.lo, f.hi)).collect();
        let columns = |c: &mut Choices, slots: &[Lane]| -> Vec<Vec<i32>> {
            slots.iter().map(|lane| c.lane(kind, lane, length)).collect()
        };
        let (pre_columns, post_columns) = (columns(c, &l.pre_slots), columns(c, &l.post_slots));
        let lines = l.lines.iter().map(|lane| c.value(kind, lane.lo, lane.hi)).collect();
        let id = |c: &mut Choices, ids: &std::ops::RangeInclusive<u32>| match l.one_draw {
            true => 0,
            false => c.within((*ids.start()).into(), (*ids.end()).into()) as u32,
        };
        let (pre, post) = (id(c, &l.pre), id(c, &l.post));
        let mut last = || match c.below(4) {
            0 => 0,
            _ => 1 + c.below(length.into()) as u8,
        };
        let (pre_last, post_last) = (last(), last());
        // Low bits of an epoch's number are often 0, or a rule that acts in few epochs would
        // hardly ever do so.
        let epoch = (c.word() >> c.below(32)) & (u32::MAX << c.below(17));
        let (seed, step) = (c.word(), c.word().max(1));
        Some(Synapse {
            seed,
            step,
            epoch: epoch.max(1),
            pre,
            post,
            pre_last,
            post_last,
            fields,
            pre_columns,
            post_columns,
            lines,
        })
    }
}

/// How the values of a state are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Lowest,
    Highest,
    Nearest,
    Uniform,
    Corners,
    Both,
}

/// A reproducible source of choices: a counter through the chip's mixer.
#[derive(Clone, Debug)]
struct Choices {
    state: u32,
}

impl Choices {
    fn word(&mut self) -> u32 {
        self.state = self.state.wrapping_add(0x9e37_79b9);
        mix32(self.state)
    }
    /// 0 to n - 1.
    fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(n)) >> 32) as u32
    }
    fn within(&mut self, lo: i64, hi: i64) -> i64 {
        let span = (hi - lo + 1) as u64;
        lo + ((u64::from(self.word()) * span) >> 32) as i64
    }
    fn value(&mut self, kind: Kind, lo: i32, hi: i32) -> i32 {
        match kind {
            Kind::Lowest => lo,
            Kind::Highest => hi,
            Kind::Nearest => 0.clamp(lo, hi),
            Kind::Uniform => self.within(lo.into(), hi.into()) as i32,
            Kind::Corners => self.corner(lo, hi),
            Kind::Both => match self.below(2) {
                0 => self.corner(lo, hi),
                _ => self.within(lo.into(), hi.into()) as i32,
            },
        }
    }
    fn corner(&mut self, lo: i32, hi: i32) -> i32 {
        let half = ((i64::from(lo) + i64::from(hi)) / 2) as i32;
        let corners = [lo, hi, lo.saturating_add(1), hi.saturating_sub(1), 0, 1, -1, half];
        corners[self.below(corners.len() as u32) as usize].clamp(lo, hi)
    }
    /// The values of a slot at every position of the epoch.
    fn lane(&mut self, kind: Kind, lane: &Lane, length: u8) -> Vec<i32> {
        let positions = usize::from(length) + 1;
        match lane.timed {
            true => (0..positions).map(|_| self.value(kind, lane.lo, lane.hi)).collect(),
            false => vec![self.value(kind, lane.lo, lane.hi); positions],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{FieldFormat, Rule};
    use trifactor_image::Guard;

    fn learner() -> Learner {
        let lane = |timed| Lane { lo: -3, hi: 9, timed };
        Learner {
            projection: "p".into(),
            name: "r".into(),
            rule: Rule {
                words: vec![],
                guard: Guard::Always,
                stream: 0,
                epoch_length: 3,
                fields: vec![FieldFormat { bits: 8, signed: true, lo: -100, hi: 100 }],
                pre_slots: 2,
                post_slots: 0,
                lines: 1,
            },
            pre_slots: vec![lane(true), lane(false)],
            post_slots: vec![],
            lines: vec![lane(false)],
            pre: 5..=6,
            post: 0..=0,
            one_draw: false,
            synapses: 1,
        }
    }

    #[test]
    fn states_reach_both_ends_of_every_range_and_nothing_beyond() {
        let learner = learner();
        let states: Vec<Synapse> = States::new(&learner, 1).take(2000).collect();
        let seen = |of: &dyn Fn(&Synapse) -> i64| {
            let values: Vec<i64> = states.iter().map(of).collect();
            (*values.iter().min().expect("some"), *values.iter().max().expect("some"))
        };
        assert_eq!(seen(&|s| s.fields[0].into()), (-100, 100));
        assert_eq!(seen(&|s| s.pre_columns[0][2].into()), (-3, 9));
        assert_eq!(seen(&|s| s.lines[0].into()), (-3, 9));
        assert_eq!(seen(&|s| s.pre.into()), (5, 6));
        assert_eq!(seen(&|s| s.pre_last.into()), (0, 3));
        assert!(states.iter().all(|s| s.pre_columns[1].windows(2).all(|w| w[0] == w[1])));
        assert!(states.iter().any(|s| s.pre_columns[0].windows(2).any(|w| w[0] != w[1])));
        for k in 0..16u32 {
            let share = states.iter().filter(|s| s.epoch.is_multiple_of(1 << k)).count();
            assert!(share > 0, "u_{k} is never 1");
        }
    }

    #[test]
    fn a_seed_gives_the_same_states_again_and_another_one_others() {
        let learner = learner();
        let of = |seed| States::new(&learner, seed).take(20).collect::<Vec<_>>();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
