//! The loss of one output: cross entropy of the logistic, with logits.

use trifactor_stimulus::portable::{exp, ln};

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
