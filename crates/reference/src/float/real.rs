//! The two number types of the float reading.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Sub};
use trifactor_jit::Number;

/// The numbers of [`Real::exp_neg`], for whoever evaluates it operation by operation.
///
/// With x = -self: exp(x) = 2^n exp(r), |r| <= ln(2) / 2. Adding `magic` rounds `x * log2_e` to an
/// integer n, whose low bits then stand in the low bits of the sum.
#[derive(Clone, Copy, Debug)]
pub struct ExpNeg<T: 'static> {
    /// Base 2 logarithm of e.
    pub log2_e: T,
    /// 1.5 * 2^m, m being the bits of a mantissa.
    pub magic: T,
    /// ln(2) in two parts; n times the first is exact.
    pub ln2: [T; 2],
    /// Coefficients of a polynomial for exp(r), that of the highest power first.
    pub polynomial: &'static [T],
    /// From here on the result is 0.
    pub limit: T,
    /// m: how far the sum's bits move left to become an exponent.
    pub shift: u8,
}

/// `f32` for training and screening, `f64` for tests and references.
///
/// Every function gives the same bits on every target: no library function is called whose last
/// digit depends on the platform, and nothing is contracted to a fused multiply-add.
pub trait Real:
    Copy
    + Default
    + Debug
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + Number
{
    /// The numbers of [`exp_neg`](Self::exp_neg).
    const EXP_NEG: ExpNeg<Self>;
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The nearest value.
    fn from_f64(value: f64) -> Self;
    /// The same value, or the nearest double.
    fn to_f64(self) -> f64;
    /// The magnitude.
    fn magnitude(self) -> Self;
    /// `exp(-self)` for self >= 0, to within 2 units in the last place; 0 where it would be
    /// subnormal or self is not a number. Branch-free, so that loops over it vectorise.
    fn exp_neg(self) -> Self;
}

impl Real for f32 {
    const EXP_NEG: ExpNeg<Self> = ExpNeg {
        log2_e: std::f32::consts::LOG2_E,
        magic: 12_582_912.0,
        ln2: [0.693_359_4, -2.121_944_4e-4], // the first is 355 / 512, exact
        polynomial: &[1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0],
        limit: 87.0,
        shift: 23,
    };
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as Self
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn magnitude(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn exp_neg(self) -> Self {
        let c = &Self::EXP_NEG;
        let x = -self;
        let sum = x * c.log2_e + c.magic;
        let n = sum - c.magic;
        let r = (x - n * c.ln2[0]) - n * c.ln2[1];
        let mut p = c.polynomial[0];
        for term in &c.polynomial[1..] {
            p = p * r + *term;
        }
        let scale = Self::from_bits((sum.to_bits() << c.shift).wrapping_add(1f32.to_bits()));
        if self < c.limit { p * scale } else { 0.0 }
    }
}

impl Real for f64 {
    const EXP_NEG: ExpNeg<Self> = ExpNeg {
        log2_e: std::f64::consts::LOG2_E,
        magic: 6_755_399_441_055_744.0,
        ln2: [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10], // low 32 bits of the first are 0
        polynomial: &[
            1.0 / 6_227_020_800.0,
            1.0 / 479_001_600.0,
            1.0 / 39_916_800.0,
            1.0 / 3_628_800.0,
            1.0 / 362_880.0,
            1.0 / 40_320.0,
            1.0 / 5040.0,
            1.0 / 720.0,
            1.0 / 120.0,
            1.0 / 24.0,
            1.0 / 6.0,
            0.5,
            1.0,
            1.0,
        ],
        limit: 708.0,
        shift: 52,
    };
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn magnitude(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn exp_neg(self) -> Self {
        let c = &Self::EXP_NEG;
        let x = -self;
        let sum = x * c.log2_e + c.magic;
        let n = sum - c.magic;
        let r = (x - n * c.ln2[0]) - n * c.ln2[1];
        let mut p = c.polynomial[0];
        for term in &c.polynomial[1..] {
            p = p * r + *term;
        }
        let scale = Self::from_bits((sum.to_bits() << c.shift).wrapping_add(1f64.to_bits()));
        if self < c.limit { p * scale } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_agrees_with_the_standard_library() {
        for i in 0..20_000 {
            let x = f64::from(i) * 0.004_3;
            let (mine, std) = (x.exp_neg(), (-x).exp());
            assert!((mine - std).abs() <= 5e-16 * std, "exp(-{x}): {mine} {std}");
            let small = x as f32;
            let (mine, std) = (small.exp_neg(), (-f64::from(small)).exp());
            assert!(
                (f64::from(mine) - std).abs() <= 2.5e-7 * std,
                "exp(-{small}) as f32: {mine} {std}"
            );
        }
    }

    #[test]
    fn the_exponential_vanishes_far_out_and_is_one_at_zero() {
        assert_eq!(0f32.exp_neg(), 1.0);
        assert_eq!(0f64.exp_neg(), 1.0);
        for x in [87.5f32, 1e30, f32::INFINITY, f32::NAN] {
            assert_eq!(x.exp_neg(), 0.0);
        }
        for x in [709.0f64, 1e300, f64::INFINITY, f64::NAN] {
            assert_eq!(x.exp_neg(), 0.0);
        }
    }
}
