//! Evolution strategies: a gradient from forward runs alone.
//!
//! Around the present parameters lie antithetic pairs of perturbed ones. All of them answer the
//! same episodes, the losses are replaced by centred ranks, and the mean of the perturbations
//! weighted with these is the estimate that Adam follows. Perturbations are pure functions of
//! seed, update, pair and number of the parameter, so nothing of them is stored.
//!
//! Source: Salimans et al., "Evolution strategies as a scalable alternative to reinforcement
//! learning", arXiv:1703.03864, 2017.

use trifactor_fixed::{KeyedDraws, mix32};
use trifactor_stimulus::portable::normal;

/// The perturbed parameters around a point.
pub(crate) struct Cloud<'a> {
    pub centre: &'a [f64],
    /// Multiples of the step size; a parameter that moves faster is searched more widely.
    pub rates: &'a [f64],
    pub sigma: f64,
    pub seed: u32,
    /// Updates made so far.
    pub update: u64,
    /// Antithetic pairs.
    pub pairs: usize,
}

impl Cloud<'_> {
    /// Number of members: all pairs, and the centre as the first.
    pub fn members(&self) -> usize {
        1 + 2 * self.pairs
    }

    /// Parameters of a member. Shape: `[raw]`.
    pub fn member(&self, number: usize) -> Vec<f64> {
        let Some(k) = number.checked_sub(1) else { return self.centre.to_vec() };
        let sign = if k % 2 == 0 { self.sigma } else { -self.sigma };
        let moved = self.centre.iter().zip(self.rates).enumerate();
        moved.map(|(i, (x, rate))| x + sign * rate * self.noise(k / 2, i)).collect()
    }

    /// The estimate of the gradient from the losses of all members. Shape: `[raw]`.
    ///
    /// With ranks its length says little about the slope: a step's length is Adam's.
    pub fn gradient(&self, losses: &[f64]) -> Vec<f64> {
        let ranks = centred_ranks(&losses[1..]);
        let weights: Vec<f64> = ranks.chunks_exact(2).map(|p| p[0] - p[1]).collect();
        let scale = 1.0 / (2.0 * self.sigma * self.pairs as f64);
        (0..self.centre.len())
            .map(|i| {
                // A parameter at rest gets no noise and no gradient.
                if self.rates[i] == 0.0 {
                    return 0.0;
                }
                let sum: f64 =
                    weights.iter().enumerate().map(|(pair, w)| w * self.noise(pair, i)).sum();
                scale * sum
            })
            .collect()
    }

    fn noise(&self, pair: usize, parameter: usize) -> f64 {
        let draws = KeyedDraws { seed: mix32(mix32(self.seed ^ 0x5eed_0004)) };
        normal(draws, self.update as u32, pair as u32, parameter as u32)
    }
}

/// Ranks from -1/2 (smallest) to 1/2; equal values share the mean of theirs. What is not a number
/// is worse than any other.
fn centred_ranks(values: &[f64]) -> Vec<f64> {
    let key = |i: usize| if values[i].is_nan() { f64::INFINITY } else { values[i] };
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| key(*a).total_cmp(&key(*b)));
    let mut ranks = vec![0.0; values.len()];
    let most = (values.len().max(2) - 1) as f64;
    let mut first = 0;
    while first < order.len() {
        let equal = order[first..].iter().take_while(|i| key(**i) == key(order[first])).count();
        let last = first + equal - 1;
        for i in &order[first..=last] {
            ranks[*i] = (first + last) as f64 / 2.0 / most - 0.5;
        }
        first = last + 1;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adam::Adam;
    use crate::settings::Optimiser;

    #[test]
    fn ranks_are_centred_and_ties_share_theirs() {
        assert_eq!(centred_ranks(&[3.0, -1.0, 9.0]), [0.0, -0.5, 0.5]);
        assert_eq!(centred_ranks(&[2.0, 2.0, 2.0, 2.0]), [0.0; 4]);
        assert_eq!(centred_ranks(&[f64::NAN, 1.0, f64::INFINITY]), [0.25, -0.5, 0.25]);
        assert!(centred_ranks(&[]).is_empty());
    }

    #[test]
    fn members_of_a_pair_lie_opposite_each_other() {
        let (centre, rates) = ([1.0, 2.0, 3.0], [1.0, 0.0, 2.0]);
        let cloud =
            Cloud { centre: &centre, rates: &rates, sigma: 0.1, seed: 3, update: 5, pairs: 4 };
        assert_eq!(cloud.members(), 9);
        assert_eq!(cloud.member(0), centre);
        for pair in 0..4 {
            let (a, b) = (cloud.member(1 + 2 * pair), cloud.member(2 + 2 * pair));
            for i in 0..3 {
                assert!((a[i] + b[i] - 2.0 * centre[i]).abs() < 1e-12);
            }
            assert_eq!(a[1], centre[1]);
            assert_ne!(a[0], centre[0]);
        }
        let later = Cloud { update: 6, ..cloud };
        assert_ne!(later.member(1), Cloud { update: 5, ..later }.member(1));
    }

    #[test]
    fn a_quadratic_bowl_is_descended_without_its_slope() {
        let loss = |x: &[f64]| (x[0] - 1.0) * (x[0] - 1.0) + 20.0 * (x[1] - 0.5) * (x[1] - 0.5);
        let (mut x, rates) = (vec![3.0, -2.0], [1.0, 1.0]);
        let mut adam = Adam::new(&x);
        let options = Optimiser::default();
        for update in 0..300 {
            let cloud = Cloud { centre: &x, rates: &rates, sigma: 0.05, seed: 1, update, pairs: 8 };
            let losses: Vec<f64> = (0..cloud.members()).map(|m| loss(&cloud.member(m))).collect();
            let gradient = cloud.gradient(&losses);
            let rate = 0.1 * (1.0 - update as f64 / 300.0);
            adam.step(&mut x, &gradient, &rates, rate, &options);
        }
        assert!((x[0] - 1.0).abs() < 0.05 && (x[1] - 0.5).abs() < 0.05, "{x:?}");
    }
}
