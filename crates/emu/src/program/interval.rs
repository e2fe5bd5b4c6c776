//! Ranges that a value cannot leave, for choosing 32-bit arithmetic.

use super::{Fit, Op, Shift};
use crate::narrow::largest_offset;
use trifactor_fixed::{RawRange, sat32};

/// All values between two raw integers, both included; inside 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Interval {
    /// Smallest.
    pub lo: i64,
    /// Largest.
    pub hi: i64,
}

impl From<RawRange> for Interval {
    fn from(r: RawRange) -> Self {
        Self { lo: r.lo, hi: r.hi }
    }
}

impl Interval {
    /// One value.
    pub(crate) fn point(x: i64) -> Self {
        Self { lo: x, hi: x }
    }
    /// The smallest interval that holds both.
    pub(crate) fn hull(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }
    fn saturated(self) -> Self {
        Self { lo: sat32(self.lo), hi: sat32(self.hi) }
    }
    /// Whether a register holds every value of an unsaturated interval.
    pub(crate) fn fit(self) -> Fit {
        if self == self.saturated() { Fit::Always } else { Fit::Maybe }
    }
    /// Bounds of the exact sum.
    pub(crate) fn sum(self, other: Self) -> Self {
        Self { lo: self.lo + other.lo, hi: self.hi + other.hi }
    }
    /// Bounds of the exact difference.
    pub(crate) fn difference(self, other: Self) -> Self {
        Self { lo: self.lo - other.hi, hi: self.hi - other.lo }
    }
    /// Bounds of the exact left shift, by at most 31 places.
    pub(crate) fn shifted_left(self, places: u32) -> Self {
        Self { lo: self.lo << places, hi: self.hi << places }
    }
    /// Bounds of the exact product; not saturated.
    pub(crate) fn product(self, other: Self) -> Self {
        let ends = [self.lo * other.lo, self.lo * other.hi, self.hi * other.lo, self.hi * other.hi];
        let first = Self::point(ends[0]);
        ends.into_iter().fold(first, |i, x| i.hull(Self::point(x)))
    }
    /// Whether the narrow shift is exact for every value of an unsaturated interval.
    pub(crate) fn fits_narrow(self, shift: &Shift) -> bool {
        let word = i64::from(i32::MIN)..=i64::from(i32::MAX);
        if shift.places == 0 {
            return word.contains(&self.lo) && word.contains(&self.hi);
        }
        shift.places <= 30
            && word.contains(&self.lo)
            && self.hi + largest_offset(shift.places, shift.rounding) <= *word.end()
    }
    /// Bounds after a rounded right shift and saturation.
    pub(crate) fn shifted(self, shift: &Shift) -> Self {
        if shift.places == 0 {
            return self.saturated();
        }
        // Every rounding lies between the floor and one above it.
        Self { lo: self.lo >> shift.places, hi: (self.hi >> shift.places) + 1 }.saturated()
    }
    /// Bounds of an operation with operands in the given intervals; loads and joined operations
    /// are not among them.
    pub(crate) fn of(op: &Op, at: impl Fn(usize) -> Self) -> Option<Self> {
        Some(match *op {
            Op::Const(x) => Self::point(x.into()),
            Op::EpochFlag(_) | Op::Flag(_) | Op::Gt(..) => Self { lo: 0, hi: 1 },
            Op::GlobalLine(_) | Op::Column { .. } | Op::Line { .. } | Op::Field(_) => return None,
            // Made when everything is known to fit.
            Op::Join(..) | Op::JoinProduct(..) => return None,
            Op::Add(a, b, _) => at(a).sum(at(b)).saturated(),
            Op::Sub(a, b, _) => at(a).difference(at(b)).saturated(),
            Op::Min(a, b) => Self { lo: at(a).lo.min(at(b).lo), hi: at(a).hi.min(at(b).hi) },
            Op::Max(a, b) => Self { lo: at(a).lo.max(at(b).lo), hi: at(a).hi.max(at(b).hi) },
            Op::Sgn(a) => Self { lo: at(a).lo.signum(), hi: at(a).hi.signum() },
            Op::Sel(_, b, c) => at(b).hull(at(c)),
            Op::Shl(a, n, _) => at(a).shifted_left(n).saturated(),
            Op::Shr(a, s) => at(a).shifted(&s),
            Op::Mul(a, b, s) => at(a).product(at(b)).shifted(&s),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::narrow;
    use proptest::prelude::*;
    use trifactor_fixed::{Rounding, align, mul_round, round_shift};

    /// An interval of 32-bit values and a value inside it, often at an end.
    fn interval() -> impl Strategy<Value = (Interval, i64)> {
        let end = prop_oneof![any::<i32>(), -300..300i32, Just(i32::MIN), Just(i32::MAX)];
        (end.clone(), end, any::<u32>(), 0..4u8).prop_map(|(a, b, pick, kind)| {
            let i = Interval { lo: a.min(b).into(), hi: a.max(b).into() };
            let x = match kind {
                0 => i.lo,
                1 => i.hi,
                _ => i.lo + i64::from(pick) % (i.hi - i.lo + 1),
            };
            (i, x)
        })
    }

    fn contains(i: Interval, x: i64) -> bool {
        (i.lo..=i.hi).contains(&x)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn results_stay_inside_and_are_exact_where_the_interval_says_so(
            (a, x) in interval(), (b, y) in interval(), places in 0u32..=62, code in 0u8..4, draw: u32,
        ) {
            let at = |v: usize| if v == 0 { a } else { b };
            let of = |op: Op| Interval::of(&op, at).expect("no load");
            let maybe = Fit::Maybe;
            for (op, exact, fit) in [
                (Op::Add(0, 1, maybe), x + y, a.sum(b).fit()),
                (Op::Sub(0, 1, maybe), x - y, a.difference(b).fit()),
                (Op::Shl(0, places / 2, maybe), x << (places / 2), a.shifted_left(places / 2).fit()),
            ] {
                prop_assert!(contains(of(op), sat32(exact)), "{:?}", op);
                prop_assert!(fit == Fit::Maybe || sat32(exact) == exact, "{:?}", op);
            }
            prop_assert!(contains(of(Op::Min(0, 1)), x.min(y)) && contains(of(Op::Max(0, 1)), x.max(y)));
            prop_assert!(contains(of(Op::Sgn(0)), x.signum()) && contains(of(Op::Sel(0, 0, 1)), y));
            let rounding = Rounding::from_code(code);
            let mut shift = Shift { places, rounding, site: 0, narrow: false };
            let shifted = align(x, -(places as i32), rounding, draw);
            prop_assert!(contains(of(Op::Shr(0, shift)), shifted));
            let product = mul_round(x, y, places, rounding, draw);
            prop_assert!(contains(of(Op::Mul(0, 1, shift)), product));
            shift.narrow = a.product(b).fits_narrow(&shift);
            if shift.narrow && places > 0 {
                let narrow = narrow::round_shift((x * y) as i32, places, rounding, draw);
                prop_assert_eq!(i64::from(narrow), round_shift(x * y, places, rounding, draw));
                prop_assert_eq!(i64::from(narrow), product);
            }
            prop_assert!(!shift.narrow || places > 0 || x * y == product);
        }
    }
}
