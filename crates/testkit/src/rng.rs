//! The random source of all generators.

use std::ops::RangeInclusive;

/// A small deterministic generator (the output function of SplitMix64, public domain).
///
/// It is not that of the chip, so a generator cannot accidentally agree with what it tests.
///
/// ```
/// use trifactor_testkit::Rng;
/// let (mut a, mut b) = (Rng::new(3), Rng::new(3));
/// assert_eq!(a.below(1000), b.below(1000));
/// ```
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator; different seeds give unrelated sequences.
    pub fn new(seed: u64) -> Self {
        let mut rng = Self(seed.wrapping_mul(0xd134_2543_de82_ef95) ^ 0x2545_f491_4f6c_dd1d);
        rng.bits();
        rng
    }
    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// Uniform in `0..n`; `n` must not be 0.
    pub fn below(&mut self, n: usize) -> usize {
        // The bias of the remainder is below 2^-50 for the small numbers used in tests.
        (self.bits() % n as u64) as usize
    }
    /// Uniform in a range of integers, both ends included.
    pub fn within(&mut self, range: RangeInclusive<i64>) -> i64 {
        let span = range.end().abs_diff(*range.start());
        if span == u64::MAX {
            return self.bits() as i64;
        }
        range.start().wrapping_add((self.bits() % (span + 1)) as i64)
    }
    /// Uniform in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// Uniform between two numbers.
    pub fn between(&mut self, lo: f64, hi: f64) -> f64 {
        lo + (hi - lo) * self.unit()
    }
    /// True with a probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
    /// One of a list, which must not be empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_reach_both_ends_of_a_range_and_nothing_else() {
        let mut rng = Rng::new(1);
        let mut seen = [0u32; 4];
        for _ in 0..400 {
            seen[(rng.within(-1..=2) + 1) as usize] += 1;
        }
        assert!(seen.iter().all(|n| *n > 60), "{seen:?}");
    }

    #[test]
    fn unit_numbers_have_mean_one_half() {
        let mut rng = Rng::new(2);
        let mean = (0..10_000).map(|_| rng.unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
