//! Twins of functions of `trifactor-fixed` for operands that are known to fit 32 bits.
//!
//! The definitions stay there; a twin exists because eight 32-bit lanes fit a vector register
//! where four 64-bit lanes do, and because 64-bit arithmetic shifts have no vector instruction
//! on the baseline machine. Whoever calls a twin has proved its precondition (by the interval
//! analysis of a program, or by the width of a memory). The tests compare every twin with its
//! original over its whole precondition.

use trifactor_fixed::Rounding;

/// `round_shift` where x and x plus the largest offset fit 32 bits; `shift` is 1 to 30.
#[inline(always)]
pub(crate) const fn round_shift(x: i32, shift: u32, rounding: Rounding, draw: u32) -> i32 {
    match rounding {
        Rounding::Floor => x >> shift,
        // Adding 2^n - 1 to a negative number before the floor rounds it up.
        Rounding::Zero => x.wrapping_add((x >> 31) & ((1 << shift) - 1)) >> shift,
        Rounding::Nearest => x.wrapping_add(1 << (shift - 1)) >> shift,
        Rounding::Stochastic => x.wrapping_add((draw >> (32 - shift)) as i32) >> shift,
    }
}

/// The largest number `round_shift` adds before it shifts.
pub(crate) const fn largest_offset(shift: u32, rounding: Rounding) -> i64 {
    match rounding {
        Rounding::Floor => 0,
        Rounding::Nearest => 1 << (shift - 1),
        Rounding::Zero | Rounding::Stochastic => (1 << shift) - 1,
    }
}

/// `scale_decay(x, keep, bits, Zero)` for any 32-bit x, `keep <= 2^bits` and `bits <= 16`.
///
/// The magnitude is cut at `bits`, so that neither partial product exceeds 32 bits:
/// `(h * 2^b + l) * k / 2^b = h * k + l * k / 2^b`, and h * k is whole.
#[inline(always)]
pub(crate) const fn decay_to_zero(x: i32, keep: u32, bits: u32) -> i32 {
    let magnitude = x.unsigned_abs();
    let high = magnitude >> bits;
    let low = magnitude & ((1 << bits) - 1);
    let scaled = (high.wrapping_mul(keep) + (low.wrapping_mul(keep) >> bits)) as i32;
    // Only the smallest x with keep = 2^bits wraps here, and onto itself, which is right.
    if x < 0 { scaled.wrapping_neg() } else { scaled }
}

/// `scale_decay` for `x < 2^16`, `keep <= 2^bits` and `bits <= 16`: x * keep plus the largest
/// offset is at most 2^32 - 1.
#[inline(always)]
pub(crate) const fn decay_trace(
    x: u32,
    keep: u32,
    bits: u32,
    rounding: Rounding,
    draw: u32,
) -> u32 {
    let product = x * keep;
    match rounding {
        Rounding::Floor | Rounding::Zero => product >> bits,
        Rounding::Nearest => (product + (1 << (bits - 1))) >> bits,
        Rounding::Stochastic => (product + (draw >> (32 - bits))) >> bits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use trifactor_fixed as fixed;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn the_narrow_shift_equals_the_wide_one(x: i32, shift in 1u32..=30, code in 0u8..4, draw: u32) {
            let rounding = Rounding::from_code(code);
            prop_assume!(i64::from(x) + largest_offset(shift, rounding) <= i64::from(i32::MAX));
            let wide = fixed::round_shift(x.into(), shift, rounding, draw);
            prop_assert_eq!(i64::from(round_shift(x, shift, rounding, draw)), wide);
        }

        #[test]
        fn the_narrow_membrane_decay_equals_the_wide_one(
            x: i32, bits in 4u32..=16, fraction in 0.0f64..=1.0,
        ) {
            let keep = (fraction * f64::from(1u32 << bits)) as u32;
            let wide = fixed::scale_decay(x.into(), keep.into(), bits, Rounding::Zero, 0);
            prop_assert_eq!(i64::from(decay_to_zero(x, keep, bits)), wide);
        }

        #[test]
        fn the_narrow_trace_decay_equals_the_wide_one(
            x in 0u32..65_536, bits in 4u32..=16, fraction in 0.0f64..=1.0, code in 0u8..4, draw: u32,
        ) {
            let rounding = Rounding::from_code(code);
            let keep = (fraction * f64::from(1u32 << bits)) as u32;
            let wide = fixed::scale_decay(x.into(), keep.into(), bits, rounding, draw);
            prop_assert_eq!(i64::from(decay_trace(x, keep, bits, rounding, draw)), wide);
        }
    }

    #[test]
    fn the_corners_of_the_preconditions_do_not_overflow() {
        for code in 0..4 {
            let rounding = Rounding::from_code(code);
            assert_eq!(decay_trace(65_535, 1 << 16, 16, rounding, u32::MAX), 65_535);
        }
        assert_eq!(decay_to_zero(i32::MIN, 1 << 16, 16), i32::MIN);
        assert_eq!(decay_to_zero(i32::MIN, 0, 16), 0);
    }
}
