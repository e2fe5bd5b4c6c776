//! Which values a term can have: intervals, from the ranges of what is read.
//!
//! Each operand is taken to have any value of its interval, whatever the others have, so an
//! interval may be wider than what is reached but never narrower.

use crate::term::{Input, Round, Term, TermId, Terms};
use trifactor_fixed::{Rounding, sat32};

/// Smallest and largest value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// Smallest.
    pub lo: i64,
    /// Largest.
    pub hi: i64,
}

impl Range {
    /// A single value.
    pub const fn of(value: i64) -> Self {
        Self { lo: value, hi: value }
    }

    /// Whether every value is one of a 32-bit register.
    pub const fn fits(self) -> bool {
        self.lo >= i32::MIN as i64 && self.hi <= i32::MAX as i64
    }

    const fn saturated(self) -> Self {
        Self { lo: sat32(self.lo), hi: sat32(self.hi) }
    }

    fn hull(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }
}

/// The values of an operation before it is saturated.
///
/// Operands fit 32 bits, so sums and products of them fit 64.
pub(crate) fn exact_range(
    term: Term,
    of: &impl Fn(TermId) -> Range,
    inputs: &impl Fn(Input) -> Range,
) -> Range {
    match term {
        Term::Input(input) => inputs(input),
        Term::Const(c) => Range::of(c),
        Term::Add(a, b) => Range { lo: of(a).lo + of(b).lo, hi: of(a).hi + of(b).hi },
        Term::Sub(a, b) => Range { lo: of(a).lo - of(b).hi, hi: of(a).hi - of(b).lo },
        Term::Min(a, b) => Range { lo: of(a).lo.min(of(b).lo), hi: of(a).hi.min(of(b).hi) },
        Term::Max(a, b) => Range { lo: of(a).lo.max(of(b).lo), hi: of(a).hi.max(of(b).hi) },
        Term::Gt(a, b) => {
            Range { lo: (of(a).lo > of(b).hi).into(), hi: (of(a).hi > of(b).lo).into() }
        }
        Term::Sgn(a) => Range { lo: of(a).lo.signum(), hi: of(a).hi.signum() },
        Term::Choose(cond, then, other) => match of(cond) {
            Range { lo: 0, hi: 0 } => of(other),
            Range { lo, hi } if lo > 0 || hi < 0 => of(then),
            _ => of(then).hull(of(other)),
        },
        Term::Left(a, n) => {
            let n = n.min(31);
            Range { lo: of(a).lo << n, hi: of(a).hi << n }
        }
        Term::Right(a, by) => rounded(of(a), by),
        Term::Mul(a, b, by) => {
            let (x, y) = (of(a), of(b));
            let corners = [x.lo * y.lo, x.lo * y.hi, x.hi * y.lo, x.hi * y.hi];
            let lo = corners.into_iter().fold(i64::MAX, i64::min);
            let hi = corners.into_iter().fold(i64::MIN, i64::max);
            // A square is not negative.
            let lo = if a == b && lo < 0 { 0 } else { lo };
            rounded(Range { lo, hi }, by)
        }
    }
}

/// Every rounding keeps order, and a draw moves a value by less than one place.
fn rounded(x: Range, by: Round) -> Range {
    if by.draws() {
        let down = |v| Round::new(by.shift, Rounding::Floor, 0).apply(v, &|_| 0);
        return Range { lo: down(x.lo), hi: -down(-x.hi) };
    }
    Range { lo: by.apply(x.lo, &|_| 0), hi: by.apply(x.hi, &|_| 0) }
}

/// The interval of every term, saturated as its register is.
pub(crate) fn ranges(terms: &Terms, inputs: &impl Fn(Input) -> Range) -> Vec<Range> {
    let mut all: Vec<Range> = Vec::with_capacity(terms.len());
    for (_, term) in terms.iter() {
        let exact = exact_range(term, &|t| all[trifactor_entity::EntityId::index(t)], inputs);
        all.push(exact.saturated());
    }
    all
}
