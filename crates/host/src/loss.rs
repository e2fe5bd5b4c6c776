//! Losses of an answer: cross entropies of logits.

use serde::{Deserialize, Serialize};
use trifactor_stimulus::portable::{exp, ln};

/// What is asked of the outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Loss {
    /// Every output says by itself whether its class is the right one: the sum of binary cross
    /// entropies (the paper's loss).
    #[default]
    PerClass,
    /// The outputs are compared: cross entropy of their softmax. What they have in common does not
    /// matter, so they need not know how much evidence there is.
    Softmax,
}

impl Loss {
    /// Loss of an answer and its derivatives with respect to the logits. Shapes: `[class]`.
    ///
    /// ```
    /// let (loss, slopes) = trifactor_host::Loss::Softmax.of(&[7.0, 7.0], 0);
    /// assert!((loss - 2f64.ln()).abs() < 1e-12 && (slopes[0] + 0.5).abs() < 1e-12);
    /// ```
    pub fn of(self, logits: &[f64], label: usize) -> (f64, Vec<f64>) {
        match self {
            Self::PerClass => {
                let each = logits.iter().enumerate().map(|(k, x)| cross_entropy(*x, k == label));
                each.fold((0.0, Vec::new()), |(sum, mut slopes), (loss, slope)| {
                    slopes.push(slope);
                    (sum + loss, slopes)
                })
            }
            Self::Softmax => {
                let largest = logits.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
                let shares: Vec<f64> = logits.iter().map(|x| exp(x - largest)).collect();
                let total: f64 = shares.iter().sum();
                let loss = ln(total) + largest - logits[label];
                let hit = |k| f64::from(u8::from(k == label));
                (loss, shares.iter().enumerate().map(|(k, s)| s / total - hit(k)).collect())
            }
        }
    }
}

/// Loss and its derivative with respect to the logit; `target` is whether the output belongs to
/// the correct class. Finite for every finite logit.
///
/// ```
/// let (loss, slope) = trifactor_host::cross_entropy(0.0, true);
/// assert!((loss - 2f64.ln()).abs() < 1e-15 && slope == -0.5);
/// ```
pub fn cross_entropy(logit: f64, target: bool) -> (f64, f64) {
    let t = f64::from(u8::from(target));
    let small = exp(-logit.abs());
    let loss = logit.max(0.0) - logit * t + ln(1.0 + small);
    let p = if logit >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
    (loss, p - t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_losses() {
        let logits = [0.5, -1.25, 3.0];
        for loss in [Loss::PerClass, Loss::Softmax] {
            for label in 0..3 {
                for k in 0..3 {
                    let moved = |by: f64| {
                        let mut moved = logits;
                        moved[k] += by;
                        loss.of(&moved, label).0
                    };
                    let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    let slope = loss.of(&logits, label).1[k];
                    assert!((difference - slope).abs() < 1e-8, "{loss:?} {label} {k}");
                }
            }
        }
        let far = Loss::Softmax.of(&[900.0, -900.0], 1);
        assert!((far.0 - 1800.0).abs() < 1e-9 && far.1 == [1.0, -1.0], "{far:?}");
    }

    #[test]
    fn the_slope_is_that_of_the_loss() {
        for logit in [-700.0, -20.0, -1.5, 0.25, 3.0, 700.0] {
            for target in [false, true] {
                let h = 1e-5;
                let up = cross_entropy(logit + h, target).0;
                let down = cross_entropy(logit - h, target).0;
                let slope = cross_entropy(logit, target).1;
                assert!(((up - down) / (2.0 * h) - slope).abs() < 1e-6, "{logit} {target}");
            }
        }
    }
}
