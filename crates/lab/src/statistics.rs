//! Means with intervals. The unit of independence is the trial: queries of one trial share their
//! support set, so intervals come from the spread between trials.

use serde::Serialize;

/// A mean and its 95 % interval.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width of the 95 % interval.
    pub half_width: f64,
    /// Independent samples.
    pub n: usize,
}

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Estimate {
    /// Mean and normal interval of independent samples.
    ///
    /// With fewer than two samples the interval is unknown and given as infinite.
    pub fn of(samples: &[f64]) -> Self {
        let n = samples.len();
        let mean = samples.iter().sum::<f64>() / n.max(1) as f64;
        if n < 2 {
            return Self { mean, half_width: f64::INFINITY, n };
        }
        let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        Self { mean, half_width: Z * (variance / n as f64).sqrt(), n }
    }
    /// The paired difference `a - b`, trial by trial.
    ///
    /// Shape: both hold one score per trial, in the same order. Source: decision 26 (paired
    /// comparison).
    pub fn of_difference(a: &[f64], b: &[f64]) -> Self {
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        Self::of(&differences)
    }
    /// Lower end of the interval.
    pub fn low(&self) -> f64 {
        self.mean - self.half_width
    }
    /// Upper end of the interval.
    pub fn high(&self) -> f64 {
        self.mean + self.half_width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_known_sample_is_the_textbook_one() {
        let e = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(e.mean, 3.0);
        // Sample variance 2.5, standard error sqrt(0.5).
        assert!((e.half_width - Z * 0.5f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn pairing_removes_what_both_share() {
        let a: Vec<f64> = (0..50).map(|i| f64::from(i % 7)).collect();
        let b: Vec<f64> = a.iter().map(|x| x - 0.25).collect();
        let d = Estimate::of_difference(&a, &b);
        assert!((d.mean - 0.25).abs() < 1e-12 && d.half_width < 1e-12);
        assert!(Estimate::of(&a).half_width > 0.1);
    }
}
