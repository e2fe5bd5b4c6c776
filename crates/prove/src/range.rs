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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::term::{Side, exact};
    use proptest::prelude::*;
    use trifactor_entity::EntityId;
    use trifactor_fixed::{mix32, sat32};

    /// The operands of a drawn operation: inputs and constants, the ends of a register among them.
    const OPERANDS: usize = 8;

    /// A value of a register, often one that a law is about.
    fn register() -> impl Strategy<Value = i64> {
        let end = prop::sample::select(vec![0i64, 1, -1, i64::from(i32::MAX), i64::from(i32::MIN)]);
        prop_oneof![end, any::<i32>().prop_map(i64::from), -300i64..300]
    }

    fn input(k: usize) -> Input {
        Input::Every(k as u8)
    }

    /// An operation on operands `a`, `b` and `c`.
    fn operation(code: u8, [a, b, c]: [TermId; 3], by: Round, places: u8) -> Term {
        match code % 10 {
            0 => Term::Add(a, b),
            1 => Term::Sub(a, b),
            2 => Term::Min(a, b),
            3 => Term::Max(a, b),
            4 => Term::Gt(a, b),
            5 => Term::Sgn(a),
            6 => Term::Choose(a, b, c),
            7 => Term::Left(a, places % 32),
            8 => Term::Right(a, by),
            _ => Term::Mul(a, b, by),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Every law that gives a term its one form holds for all registers, and every interval
        /// holds what the operation gives.
        #[test]
        fn the_form_of_a_term_changes_no_value_and_its_interval_holds_it(
            values in prop::collection::vec((register(), register(), any::<u32>()), OPERANDS),
            picks in prop::array::uniform3(0..OPERANDS),
            code: u8,
            shift in 0u8..=62,
            rounding in 0u8..4,
            places: u8,
            key: u32,
        ) {
            let mut terms = Terms::default();
            let ranges_of: Vec<Range> =
                values.iter().map(|(a, b, _)| Range { lo: *a.min(b), hi: *a.max(b) }).collect();
            let drawn: Vec<i64> = values
                .iter()
                .zip(&ranges_of)
                .map(|((.., pick), r)| r.lo + (u64::from(*pick) % (r.hi.abs_diff(r.lo) + 1)) as i64)
                .collect();
            // Operands of even position are inputs, those of odd position constants.
            let operands: Vec<TermId> = (0..OPERANDS)
                .map(|k| match k % 2 {
                    0 => terms.input(input(k)),
                    _ => terms.make(Term::Const(drawn[k])),
                })
                .collect();
            let by = Round::new(shift, Rounding::from_code(rounding), 3);
            let chosen = picks.map(|k| operands[k]);
            let term = operation(code, chosen, by, places);
            let made = terms.make(term);
            let inputs = |i: Input| match i {
                Input::Every(k) => drawn[usize::from(k)],
                _ => 0,
            };
            let draws = |site: u8| mix32(key ^ u32::from(site));
            let value = |t: TermId| terms.evaluate(t, &inputs, &draws);
            let before = exact(term, &value, &inputs, &draws);
            prop_assert_eq!(value(made), sat32(before), "{:?} became {:?}", term, terms.get(made));

            let input_range = |i: Input| match i {
                Input::Every(k) => ranges_of[usize::from(k)],
                _ => Range::of(0),
            };
            let all = ranges(&terms, &input_range);
            let of = |t: TermId| all[t.index()];
            let reach = exact_range(term, &of, &input_range);
            prop_assert!(reach.lo <= before && before <= reach.hi, "{} in {:?}", before, reach);
            let held = of(made);
            prop_assert!(held.lo <= value(made) && value(made) <= held.hi);
        }
    }

    #[test]
    fn equal_operations_are_one_term_and_a_draw_of_its_own_makes_another() {
        let mut terms = Terms::default();
        let (a, b) = (terms.input(Input::Flag(Side::Pre)), terms.input(Input::Flag(Side::Post)));
        let sum = terms.make(Term::Add(a, b));
        assert_eq!(terms.make(Term::Add(b, a)), sum);
        assert_ne!(terms.make(Term::Sub(a, b)), terms.make(Term::Sub(b, a)));
        let rounded = |mode, site| Term::Mul(a, b, Round::new(4, mode, site));
        let nearest = terms.make(rounded(Rounding::Nearest, 1));
        assert_eq!(terms.make(rounded(Rounding::Nearest, 2)), nearest, "it draws nothing");
        let first = terms.make(rounded(Rounding::Stochastic, 1));
        assert_ne!(terms.make(rounded(Rounding::Stochastic, 2)), first);
    }
}
