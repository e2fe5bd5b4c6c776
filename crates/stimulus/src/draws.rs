//! Where the draws of stimuli live in the space of keyed draws.

use trifactor_fixed::{Draw, KeyedDraws, mix32};

/// The draw seed of trial `k` of a run with seed `seed`. Source: S7.
pub const fn trial_seed(seed: u32, k: u32) -> u32 {
    mix32(seed.wrapping_add(k.wrapping_mul(0x9e37_79b9)))
}

/// Streams of stimuli start here: a machine's streams count from 0 and stay far below, so a
/// stimulus never repeats a draw of a rounding.
const FIRST_STREAM: u32 = 0xffff_0000;
/// Stream of the sampler: classes, drawers, orders.
const SAMPLER_STREAM: u32 = 0xffff_ffff;

/// The draws of one trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StimulusDraws {
    draws: KeyedDraws,
}

/// What the sampler draws; one site each, so that adding one changes no other.
#[derive(Clone, Copy)]
pub(crate) enum Choice {
    Classes = 64,
    Drawers = 65,
    QueryOrder = 66,
    SupportItems = 67,
    QueryItems = 68,
}

impl StimulusDraws {
    /// The draws of trial `k` of a run with seed `seed`.
    pub const fn new(seed: u32, k: u32) -> Self {
        Self { draws: KeyedDraws { seed: trial_seed(seed, k) } }
    }
    /// 32 uniform bits for a lane of an input in a step of the trial (from 1). `site` tells
    /// several presentations on one input apart.
    pub fn lane(&self, input: u32, site: u8, step: u32, lane: u32) -> u32 {
        self.draws.draw(step, FIRST_STREAM + input % 0xff00, site, lane, 0)
    }
    fn choice(&self, what: Choice, group: u32, at: u32, below: u32) -> u32 {
        let bits = self.draws.draw(0, SAMPLER_STREAM, what as u8, group, at);
        // Multiply-shift; the bias is below `below` / 2^32.
        ((u64::from(bits) * u64::from(below)) >> 32) as u32
    }
    /// The first `count` entries of a random order of `0..n` (all of it for `count == n`).
    pub(crate) fn pick(&self, what: Choice, group: u32, n: u32, count: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n).collect();
        for i in 0..count.min(n) {
            let j = i + self.choice(what, group, i, n - i);
            order.swap(i as usize, j as usize);
        }
        order.truncate(count.min(n) as usize);
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pick_is_uniform_over_positions() {
        let mut bins = [[0f64; 6]; 3];
        let n = 30_000;
        for k in 0..n {
            let picked = StimulusDraws::new(9, k).pick(Choice::Classes, 0, 6, 3);
            for (place, value) in picked.iter().enumerate() {
                bins[place][*value as usize] += 1.0;
            }
            let mut sorted = picked.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), 3);
        }
        for row in bins {
            let e = f64::from(n) / 6.0;
            let chi2: f64 = row.iter().map(|b| (b - e) * (b - e) / e).sum();
            // 5 degrees of freedom: 25.7 is exceeded with probability 1e-4.
            assert!(chi2 < 25.7, "{row:?}");
        }
    }
}
