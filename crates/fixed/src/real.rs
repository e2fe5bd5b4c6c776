//! Real values rounded as a store of the chip rounds raw ones: what lets a reading in floating
//! point take part in quantisation.

use crate::format::{QFormat, RawRange};
use crate::round::Rounding;

/// Rounds real values to those that a format holds.
///
/// For every value that is itself a raw integer with some bits too many, the result is that of
/// [`round_shift`](crate::round_shift) and saturation, draw for draw; the tests say so.
///
/// ```
/// use trifactor_fixed::{QFormat, RealRounding, Rounding};
/// let q = QFormat::signed(9, 6);
/// let r = RealRounding::new(q, q.raw_range(), Rounding::Nearest);
/// assert_eq!(r.round(0.51, 0), 33.0 / 64.0);
/// assert_eq!(r.round(100.0, 0), 255.0 / 64.0);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RealRounding {
    scale: f64,
    lsb: f64,
    lo: f64,
    hi: f64,
    rounding: Rounding,
}

impl RealRounding {
    /// Rounding to a format, within a range of its raw values.
    pub fn new(q: QFormat, range: RawRange, rounding: Rounding) -> Self {
        let (lo, hi) = (range.lo as f64, range.hi as f64);
        Self { scale: f64::from(q.frac).exp2(), lsb: q.lsb(), lo, hi, rounding }
    }

    /// How bits below the last place are treated.
    pub const fn rounding(&self) -> Rounding {
        self.rounding
    }

    /// The value of one unit in the last place.
    pub const fn lsb(&self) -> f64 {
        self.lsb
    }

    /// The rounded value. `draw` is used only by [`Rounding::Stochastic`]. What is not a number
    /// stays so. Source: S41, S42.
    #[inline]
    pub fn round(&self, x: f64, draw: u32) -> f64 {
        match self.rounding {
            Rounding::Zero => self.zero(x),
            Rounding::Floor => self.floor(x, 0.0),
            Rounding::Nearest => self.floor(x, 0.5),
            Rounding::Stochastic => self.floor(x, Self::offset(draw)),
        }
    }

    /// What a stochastic rounding adds before the floor, in units of the last place: the draw as
    /// a number of 0 up to 1.
    #[inline(always)]
    fn offset(draw: u32) -> f64 {
        f64::from(draw) * (1.0 / 4_294_967_296.0)
    }

    /// The floor after adding so many units of the last place: half a unit rounds to the nearest,
    /// ties upwards; [`offset`](Self::offset) of a draw rounds stochastically.
    #[inline(always)]
    fn floor(&self, x: f64, offset: f64) -> f64 {
        (x * self.scale + offset).floor().clamp(self.lo, self.hi) * self.lsb
    }

    /// Towards zero.
    #[inline(always)]
    fn zero(&self, x: f64) -> f64 {
        (x * self.scale).trunc().clamp(self.lo, self.hi) * self.lsb
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::round::{Overflow, fit, round_shift};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn real_values_round_as_raw_ones(
            raw: i32,
            shift in 1u32..24,
            code in 0u8..4,
            draw: u32,
            bits in 2u8..24,
            frac in -4i8..20,
        ) {
            let (q, rounding) = (QFormat::signed(bits, frac), Rounding::from_code(code));
            let (expected, _) = fit(
                round_shift(raw.into(), shift, rounding, draw),
                q.raw_range(),
                Overflow::Saturate,
            );
            let x = f64::from(raw) * (-f64::from(shift)).exp2() * q.lsb();
            let rounded = RealRounding::new(q, q.raw_range(), rounding).round(x, draw);
            prop_assert_eq!(rounded, q.to_f64(expected));
        }

        #[test]
        fn the_result_is_a_value_of_the_format_within_one_unit(
            x in -3.0f64..3.0,
            draw: u32,
            code in 0u8..4,
            bits in 3u8..17,
        ) {
            let q = QFormat::signed(bits, bits as i8 - 3);
            let r = RealRounding::new(q, q.raw_range(), Rounding::from_code(code));
            let y = r.round(x, draw);
            let slack = Rounding::from_code(code).max_error_lsb() * q.lsb();
            prop_assert!((y - x).abs() <= slack, "{x} becomes {y}");
            prop_assert_eq!(q.to_f64(q.quantise(y)), y);
        }
    }

    #[test]
    fn stochastic_rounding_has_the_value_as_its_mean() {
        let q = QFormat::unsigned(8, 6);
        let r = RealRounding::new(q, q.raw_range(), Rounding::Stochastic);
        for x in [0.3, 1.0 / 128.0, 2.7, 0.0, 3.984_375] {
            let n = 4096u32;
            // Draws that are spread evenly leave nothing to chance.
            let sum: f64 = (0..n).map(|k| r.round(x, k << 20)).sum();
            let mean = sum / f64::from(n);
            assert!((mean - x).abs() <= q.lsb() / f64::from(n), "{x} {mean}");
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        let q = QFormat::signed(9, 6);
        for code in 0..4 {
            let r = RealRounding::new(q, q.raw_range(), Rounding::from_code(code));
            assert!(r.round(f64::NAN, 7).is_nan());
            assert_eq!(r.round(f64::INFINITY, 7), 255.0 / 64.0);
            assert_eq!(r.round(f64::NEG_INFINITY, 7), -4.0);
        }
    }
}
