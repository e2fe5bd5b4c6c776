//! Intervals of integers: which raw values an operation can produce.

use trifactor_fixed::RawRange;

/// The hull of two ranges.
pub fn hull(a: RawRange, b: RawRange) -> RawRange {
    RawRange { lo: a.lo.min(b.lo), hi: a.hi.max(b.hi) }
}

/// Sums.
pub fn add(a: RawRange, b: RawRange) -> RawRange {
    RawRange { lo: a.lo.saturating_add(b.lo), hi: a.hi.saturating_add(b.hi) }
}

/// Differences.
pub fn sub(a: RawRange, b: RawRange) -> RawRange {
    RawRange { lo: a.lo.saturating_sub(b.hi), hi: a.hi.saturating_sub(b.lo) }
}

/// Products.
pub fn mul(a: RawRange, b: RawRange) -> RawRange {
    let corners = [
        a.lo.saturating_mul(b.lo),
        a.lo.saturating_mul(b.hi),
        a.hi.saturating_mul(b.lo),
        a.hi.saturating_mul(b.hi),
    ];
    RawRange {
        lo: corners.into_iter().min().unwrap_or(0),
        hi: corners.into_iter().max().unwrap_or(0),
    }
}

/// What any rounding of `x / 2^shift` can give: the floor of the low end to one above the floor
/// of the high end where something is dropped.
pub fn shift_right(x: RawRange, shift: u32) -> RawRange {
    if shift == 0 {
        return x;
    }
    let up = (1i64 << shift) - 1;
    RawRange { lo: x.lo >> shift, hi: x.hi.saturating_add(up) >> shift }
}

/// Exact left shift, saturated to 64 bits.
pub fn shift_left(x: RawRange, shift: u32) -> RawRange {
    let factor = if shift >= 62 { i64::MAX } else { 1 << shift };
    RawRange { lo: x.lo.saturating_mul(factor), hi: x.hi.saturating_mul(factor) }
}

/// Whether every value fits a signed register of `bits` bits.
pub fn fits(x: RawRange, bits: u8) -> bool {
    let half = 1i64 << (bits - 1);
    x.lo >= -half && x.hi < half
}

/// The largest magnitude.
pub fn magnitude(x: RawRange) -> i64 {
    x.lo.saturating_abs().max(x.hi.saturating_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use trifactor_fixed::{Rounding, round_shift};

    /// A range inside a register, and a value of it.
    fn sample() -> impl Strategy<Value = (RawRange, i64)> {
        let end = -(1i64 << 31)..(1i64 << 31);
        (end.clone(), end, any::<u64>()).prop_map(|(a, b, pick)| {
            let range = RawRange { lo: a.min(b), hi: a.max(b) };
            let span = range.hi.abs_diff(range.lo) + 1;
            (range, range.lo + (pick % span) as i64)
        })
    }

    fn holds(range: RawRange, value: i64) -> bool {
        (range.lo..=range.hi).contains(&value)
    }

    proptest! {
        #[test]
        fn results_of_members_are_members_of_the_result(
            (a, x) in sample(),
            (b, y) in sample(),
        ) {
            prop_assert!(holds(add(a, b), x + y));
            prop_assert!(holds(sub(a, b), x - y));
            prop_assert!(holds(mul(a, b), x * y));
            prop_assert!(holds(hull(a, b), x) && holds(hull(a, b), y));
            prop_assert!(magnitude(a) >= x.abs());
        }

        #[test]
        fn every_rounding_of_a_member_is_a_member(
            (a, x) in sample(),
            shift in 0u32..63,
            code in 0u8..4,
            draw: u32,
        ) {
            let rounded = round_shift(x, shift, Rounding::from_code(code), draw);
            prop_assert!(holds(shift_right(a, shift), rounded));
        }

        #[test]
        fn exact_shifts_to_the_left_are_members((a, x) in sample(), shift in 0u32..31) {
            prop_assert!(holds(shift_left(a, shift), x << shift));
        }

        #[test]
        fn results_are_as_narrow_as_their_ends_allow((a, _) in sample(), (b, _) in sample()) {
            // Every end of an exact operation is the result of some members.
            prop_assert_eq!(add(a, b), RawRange { lo: a.lo + b.lo, hi: a.hi + b.hi });
            prop_assert_eq!(sub(a, b), RawRange { lo: a.lo - b.hi, hi: a.hi - b.lo });
            let corners = [a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi];
            prop_assert!(corners.contains(&mul(a, b).lo) && corners.contains(&mul(a, b).hi));
        }

        #[test]
        fn what_fits_a_register_is_what_saturation_leaves_alone((a, x) in sample(), bits in 1u8..=32) {
            let half = 1i64 << (bits - 1);
            if fits(a, bits) {
                prop_assert!(x >= -half && x < half);
            } else {
                prop_assert!(a.lo < -half || a.hi >= half);
            }
        }
    }

    #[test]
    fn the_ends_of_64_bits_saturate_instead_of_wrapping() {
        let huge = RawRange { lo: i64::MIN, hi: i64::MAX };
        assert_eq!(add(huge, huge), huge);
        assert_eq!(sub(huge, huge), huge);
        assert_eq!(mul(huge, huge), huge);
        assert_eq!(shift_left(huge, 62), huge);
        assert_eq!(magnitude(huge), i64::MAX);
        assert_eq!(shift_right(huge, 62), RawRange { lo: -2, hi: 1 });
    }
}
