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
