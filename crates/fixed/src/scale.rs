//! Scales of products as a mantissa and an exponent, each of a few bits (S63).

use serde::{Deserialize, Serialize};

/// Which scales an engine holds: `m * 2^e`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleForm {
    /// Bits of m, the sign included.
    pub mantissa_bits: u8,
    /// Smallest and largest e.
    pub exponent: (i8, i8),
}

/// A scale that an engine holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scale {
    /// m, odd where the exponent allows it.
    pub mantissa: i64,
    /// e.
    pub exponent: i32,
}

impl Scale {
    /// The number that it stands for.
    pub fn value(self) -> f64 {
        self.mantissa as f64 * f64::from(self.exponent).exp2()
    }
}

impl ScaleForm {
    /// The scale nearest to a number, of two that are as near the one further from 0. Beyond the
    /// largest it is the largest.
    ///
    /// `lower` is by how much both ends of the exponents lie lower: the bits that the engine
    /// drops of the product, for which the exponent makes up.
    pub fn nearest(self, number: f64, lower: u32) -> Scale {
        let (lowest, highest) = self.exponents(lower);
        let top = self.mantissa_end(number < 0.0);
        let size = number.abs();
        // From the lowest exponent up to the first whose mantissas reach the number.
        let mut exponent = lowest;
        let at = |exponent: i32| (size * f64::from(-exponent).exp2()).round();
        while exponent < highest && at(exponent) > top as f64 {
            exponent += 1;
        }
        let mut mantissa = at(exponent).min(top as f64) as i64;
        while mantissa != 0 && mantissa % 2 == 0 && exponent < highest {
            mantissa /= 2;
            exponent += 1;
        }
        Scale { mantissa: if number < 0.0 { -mantissa } else { mantissa }, exponent }
    }

    /// The smallest and the largest size of a scale of this sign.
    pub fn ends(self, negative: bool, lower: u32) -> (f64, f64) {
        let (lowest, highest) = self.exponents(lower);
        let top = self.mantissa_end(negative) as f64;
        (f64::from(lowest).exp2(), top * f64::from(highest).exp2())
    }

    fn exponents(self, lower: u32) -> (i32, i32) {
        let lower = lower.min(64) as i32;
        (i32::from(self.exponent.0) - lower, i32::from(self.exponent.1) - lower)
    }

    /// The largest mantissa of a sign.
    fn mantissa_end(self, negative: bool) -> i64 {
        (1 << (self.mantissa_bits - 1)) - i64::from(!negative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: ScaleForm = ScaleForm { mantissa_bits: 4, exponent: (-7, 8) };

    /// Every scale there is.
    fn all(form: ScaleForm, lower: i32) -> Vec<f64> {
        let half = 1i64 << (form.mantissa_bits - 1);
        let (lo, hi) = (i32::from(form.exponent.0) - lower, i32::from(form.exponent.1) - lower);
        let of = |e: i32| (-half..half).map(move |m| m as f64 * f64::from(e).exp2());
        (lo..=hi).flat_map(of).collect()
    }

    #[test]
    fn a_scale_that_exists_is_itself() {
        for lower in [0, 3, 17] {
            for scale in all(FORM, lower) {
                assert_eq!(FORM.nearest(scale, lower as u32).value(), scale);
            }
        }
    }

    #[test]
    fn no_scale_is_nearer_than_the_nearest() {
        let forms = [FORM, ScaleForm { mantissa_bits: 2, exponent: (-3, 1) }];
        for form in forms {
            for lower in [0, 3] {
                let all = all(form, lower);
                let mut number = 1.0e-4;
                while number < 6000.0 {
                    for wanted in [number, -number] {
                        let found = form.nearest(wanted, lower as u32);
                        let away = (found.value() - wanted).abs();
                        let best = all.iter().map(|s| (s - wanted).abs()).fold(f64::MAX, f64::min);
                        assert_eq!(away, best, "{wanted} becomes {found:?} in {form:?}");
                        assert!(all.contains(&found.value()), "{found:?} is no scale of {form:?}");
                    }
                    number *= 1.0037;
                }
            }
        }
    }

    #[test]
    fn of_two_that_are_as_near_it_is_the_one_further_from_0() {
        for (wanted, found) in [(4.5, 5.0), (-4.5, -5.0), (9.0, 10.0), (0.5 / 128.0, 1.0 / 128.0)] {
            assert_eq!(FORM.nearest(wanted, 0).value(), found);
        }
    }

    #[test]
    fn both_ends_are_held_and_what_lies_beyond_stays_there() {
        let scale = |mantissa, exponent| Scale { mantissa, exponent };
        assert_eq!(FORM.nearest(7.0 * 256.0, 0), scale(7, 8));
        assert_eq!(FORM.nearest(1e300, 0), scale(7, 8));
        assert_eq!(FORM.nearest(-8.0 * 256.0, 0), scale(-8, 8));
        assert_eq!(FORM.nearest(1.0 / 128.0, 0), scale(1, -7));
        assert_eq!(FORM.nearest(0.49 / 128.0, 0).mantissa, 0);
        assert_eq!(FORM.nearest(0.49 / 128.0, 3).value(), 2f64.powi(-8));
        assert_eq!(FORM.ends(false, 3), (2f64.powi(-10), 7.0 * 32.0));
        assert_eq!(FORM.ends(true, 0), (2f64.powi(-7), 2048.0));
    }

    #[test]
    fn the_mantissa_is_odd_where_it_can_be() {
        let parts = |number: f64| {
            let found = FORM.nearest(number, 0);
            (found.mantissa, found.exponent)
        };
        assert_eq!(parts(0.125), (1, -3));
        assert_eq!(parts(-0.75), (-3, -2));
        assert_eq!(parts(0.0123), (1, -6));
        assert_eq!(parts(0.0225), (3, -7));
        assert_eq!(parts(1024.0), (4, 8));
    }
}
