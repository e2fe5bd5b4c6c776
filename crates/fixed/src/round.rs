//! Rounding, alignment, saturation and decay.

use crate::format::RawRange;
use serde::{Deserialize, Serialize};

/// How bits below the last kept one are treated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Rounding {
    /// Towards minus infinity (arithmetic shift).
    Floor,
    /// Towards zero (the magnitude is shifted).
    Zero,
    /// To the nearest, ties upwards.
    Nearest,
    /// Up with a probability equal to the dropped fraction; unbiased.
    Stochastic,
}

impl Rounding {
    /// The two-bit code used in microcode words and unit registers.
    pub const fn code(self) -> u8 {
        match self {
            Self::Floor => 0,
            Self::Zero => 1,
            Self::Nearest => 2,
            Self::Stochastic => 3,
        }
    }
    /// The rounding of a two-bit code; higher bits are ignored.
    pub const fn from_code(code: u8) -> Self {
        match code & 3 {
            0 => Self::Floor,
            1 => Self::Zero,
            2 => Self::Nearest,
            _ => Self::Stochastic,
        }
    }
    /// Largest error in units of the last kept place.
    pub const fn max_error_lsb(self) -> f64 {
        match self {
            Self::Nearest => 0.5,
            Self::Floor | Self::Zero | Self::Stochastic => 1.0,
        }
    }
}

/// What a store does with a value that does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Overflow {
    /// The nearest end of the range.
    Saturate,
    /// Two's complement: the high bits are lost.
    Wrap,
    /// The nearest end of the range without its lowest value, so that both ends are as far from 0.
    Symmetric,
    /// One turn, over a range that is one above the format's at both ends: what is still outside
    /// after it stays there, up to the ends of the 32-bit register that holds it.
    WrapOnce,
}

impl Overflow {
    /// The values that stay as they are, of a format with this range.
    #[inline(always)]
    pub const fn range(self, format: RawRange) -> RawRange {
        match self {
            Self::Saturate | Self::Wrap => format,
            Self::Symmetric => RawRange { lo: format.lo + 1, hi: format.hi },
            Self::WrapOnce => RawRange { lo: format.lo + 1, hi: format.hi + 1 },
        }
    }
}

/// `x / 2^shift`, rounded. `draw` is used only by [`Rounding::Stochastic`].
///
/// Units: `shift` in bits, 0 to 62; `draw` uniform over 32 bits, of which the high `shift` are
/// compared with the dropped fraction (at most 31 of them matter). Source: S41.
#[inline(always)]
pub const fn round_shift(x: i64, shift: u32, rounding: Rounding, draw: u32) -> i64 {
    if shift == 0 {
        return x;
    }
    match rounding {
        Rounding::Floor => x >> shift,
        Rounding::Zero => {
            if x < 0 {
                -((-x) >> shift)
            } else {
                x >> shift
            }
        }
        Rounding::Nearest => (x + (1 << (shift - 1))) >> shift,
        Rounding::Stochastic => {
            let offset = if shift <= 32 {
                (draw as i64) >> (32 - shift)
            } else {
                (draw as i64) << (shift - 32)
            };
            (x + offset) >> shift
        }
    }
}

/// Saturates to the 32-bit registers of the plasticity engine. Source: S42.
#[inline(always)]
pub const fn sat32(x: i64) -> i64 {
    clamp_raw(x, RawRange { lo: i32::MIN as i64, hi: i32::MAX as i64 })
}

/// The nearest value inside a range.
#[inline(always)]
pub const fn clamp_raw(x: i64, range: RawRange) -> i64 {
    if x < range.lo {
        range.lo
    } else if x > range.hi {
        range.hi
    } else {
        x
    }
}

/// Engine multiplication: the exact product, shifted right with rounding, saturated to 32 bits.
///
/// Shape: `a`, `b` are 32-bit registers. Source: S43.
#[inline(always)]
pub const fn mul_round(a: i64, b: i64, shift: u32, rounding: Rounding, draw: u32) -> i64 {
    sat32(round_shift(a * b, shift, rounding, draw))
}

/// Moves the binary point: left for a positive `shift` (exact), right with rounding for a
/// negative one; saturated to 32 bits. Source: S44.
#[inline(always)]
pub const fn align(x: i64, shift: i32, rounding: Rounding, draw: u32) -> i64 {
    if shift >= 0 {
        // A register holds 32 bits, so 31 more places lose nothing before saturation.
        let places = if shift > 31 { 31 } else { shift as u32 };
        sat32(x << places)
    } else {
        sat32(round_shift(x, shift.unsigned_abs(), rounding, draw))
    }
}

/// Fits a value into `bits` bits; the flag says whether it changed. Source: S42.
#[inline(always)]
pub const fn fit(x: i64, range: RawRange, overflow: Overflow) -> (i64, bool) {
    let range = overflow.range(range);
    if x >= range.lo && x <= range.hi {
        return (x, false);
    }
    match overflow {
        Overflow::Saturate | Overflow::Symmetric => (clamp_raw(x, range), true),
        Overflow::WrapOnce => {
            let span = range.hi - range.lo + 1;
            (sat32(if x > range.hi { x - span } else { x + span }), true)
        }
        Overflow::Wrap => {
            let span = range.hi - range.lo + 1;
            let turned = (x - range.lo).rem_euclid(span) + range.lo;
            (turned, true)
        }
    }
}

/// A decay register: which fraction of a variable survives a step.
///
/// The register holds `D`; the variable is multiplied by `(2^bits - D') / 2^bits` with `D' = D`,
/// except that the all-ones register means `D' = 2^bits` (nothing survives). Source: S45.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decay {
    /// Width of the register, 12 or 16 on the chips shipped.
    pub bits: u8,
    /// The register.
    pub register: u32,
}

impl Decay {
    /// The register whose surviving fraction is nearest to `keep`, in `0.0..=1.0`.
    pub fn from_keep(keep: f64, bits: u8) -> Self {
        let one = 1u32 << bits;
        let d = ((1.0 - keep) * f64::from(one)).round().clamp(0.0, f64::from(one)) as u32;
        Self { bits, register: d.min(one - 1) }
    }
    /// The surviving numerator, over `2^bits`.
    #[inline(always)]
    pub const fn keep_raw(self) -> i64 {
        let one = 1i64 << self.bits;
        if self.register as i64 == one - 1 { 0 } else { one - self.register as i64 }
    }
    /// The surviving fraction as a real number.
    pub fn keep(self) -> f64 {
        self.keep_raw() as f64 / (1i64 << self.bits) as f64
    }
}

/// `x * keep / 2^bits`, rounded. Source: S45.
#[inline(always)]
pub const fn scale_decay(x: i64, keep_raw: i64, bits: u32, rounding: Rounding, draw: u32) -> i64 {
    round_shift(x * keep_raw, bits, rounding, draw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same rounding, written with 128-bit division instead of shifts.
    fn oracle(x: i64, shift: u32, rounding: Rounding, draw: u32) -> i128 {
        let x = i128::from(x);
        let unit = 1i128 << shift;
        match rounding {
            Rounding::Floor => x.div_euclid(unit),
            Rounding::Zero => x / unit,
            Rounding::Nearest => (2 * x + unit).div_euclid(2 * unit),
            Rounding::Stochastic => {
                // Round up when the fraction exceeds the complement of the draw.
                let whole = x.div_euclid(unit);
                let fraction = x.rem_euclid(unit);
                let draw = if shift <= 32 {
                    i128::from(draw >> (32 - shift.min(32)).min(31)) >> u32::from(shift == 0)
                } else {
                    i128::from(draw) << (shift - 32)
                };
                whole + i128::from(fraction + draw >= unit)
            }
        }
    }

    proptest! {
        #[test]
        fn rounding_equals_wide_division(x in -(1i64 << 61)..(1i64 << 61), shift in 1u32..48,
                                         code in 0u8..4, draw: u32) {
            let r = Rounding::from_code(code);
            prop_assert_eq!(i128::from(round_shift(x, shift, r, draw)), oracle(x, shift, r, draw));
        }

        #[test]
        fn products_of_registers_equal_wide_arithmetic(a: i32, b: i32, shift in 0u32..40,
                                                       code in 0u8..4, draw: u32) {
            let r = Rounding::from_code(code);
            let product = i64::from(a) * i64::from(b);
            let exact = if shift == 0 { i128::from(product) } else { oracle(product, shift, r, draw) };
            let expected = exact.clamp(i128::from(i32::MIN), i128::from(i32::MAX));
            prop_assert_eq!(i128::from(mul_round(a.into(), b.into(), shift, r, draw)), expected);
        }

        #[test]
        fn wrapping_is_twos_complement(x: i32, bits in 2u8..31) {
            let q = crate::QFormat::signed(bits, 0);
            let (y, changed) = fit(x.into(), q.raw_range(), Overflow::Wrap);
            let shifted = (x << (32 - u32::from(bits))) >> (32 - u32::from(bits));
            prop_assert_eq!(y, i64::from(shifted));
            prop_assert_eq!(changed, shifted != x);
        }

        #[test]
        fn alignment_left_is_exact_or_saturated(x: i32, shift in 0i32..31) {
            let exact = i128::from(x) << shift;
            let expected = exact.clamp(i128::from(i32::MIN), i128::from(i32::MAX));
            prop_assert_eq!(i128::from(align(x.into(), shift, Rounding::Floor, 0)), expected);
        }
    }

    #[test]
    fn one_turn_folds_once_over_a_range_that_is_open_below() {
        let q = crate::QFormat::signed(24, 0).raw_range();
        let top = 1i64 << 23;
        let turn = |x| fit(x, q, Overflow::WrapOnce);
        assert_eq!(turn(top), (top, false));
        assert_eq!(turn(-top), (top, true));
        assert_eq!(turn(top + 1), (1 - top, true));
        assert_eq!(turn(4 * top), (2 * top, true));
        assert_eq!(turn(1 << 33), (i64::from(i32::MAX), true));
        assert_eq!(turn(-(1 << 33)), (i64::from(i32::MIN), true));
        assert_eq!(fit(-top, q, Overflow::Symmetric), (1 - top, true));
        assert_eq!(fit(top, q, Overflow::Symmetric), (top - 1, true));
    }

    #[test]
    fn the_all_ones_decay_register_clears_and_zero_keeps() {
        assert_eq!(Decay::from_keep(0.0, 16).keep_raw(), 0);
        assert_eq!(Decay::from_keep(1.0, 16).keep_raw(), 1 << 16);
        assert_eq!(Decay::from_keep(0.5, 16).keep(), 0.5);
        assert_eq!(Decay::from_keep(0.5, 12).register, 2048);
    }

    #[test]
    fn stochastic_rounding_is_unbiased_over_all_draws() {
        // All 16 classes of draws of a 4-bit shift, for a positive and a negative value.
        for x in [37i64, -37, 5, -5, 16, -16] {
            let sum: i64 =
                (0..16u32).map(|d| round_shift(x, 4, Rounding::Stochastic, d << 28)).sum();
            assert_eq!(sum, x, "mean of rounded values times 16 must be the value itself");
        }
    }
}
