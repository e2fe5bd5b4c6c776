//! That a rule changes nothing where the engine skips it (S47).
//!
//! The spike flags of the silent sides become 0, every term is made anew, and what each variable
//! is set to must come down to its old value: moved to the left without loss, perhaps back, and
//! between bounds that it does not reach.

use crate::range::{Range, ranges};
use crate::term::{Input, Side, Term, TermId, Terms};
use trifactor_entity::EntityId;
use trifactor_ir::StateId;

/// The first variable that a rule may change although these sides are silent.
pub(crate) fn changed(
    terms: &mut Terms,
    results: &[(StateId, TermId)],
    silent: &[Side],
    inputs: &impl Fn(Input) -> Range,
) -> Option<StateId> {
    let mut moved: Vec<TermId> = Vec::new();
    let last = results.iter().map(|(_, term)| term.index()).max()?;
    for at in 0..=last {
        let again = |t: TermId| moved[t.index()];
        let term = match terms.get(TermId::from_index(at)) {
            Term::Input(Input::Flag(side)) if silent.contains(&side) => Term::Const(0),
            term @ (Term::Input(_) | Term::Const(_)) => term,
            Term::Add(a, b) => Term::Add(again(a), again(b)),
            Term::Sub(a, b) => Term::Sub(again(a), again(b)),
            Term::Min(a, b) => Term::Min(again(a), again(b)),
            Term::Max(a, b) => Term::Max(again(a), again(b)),
            Term::Gt(a, b) => Term::Gt(again(a), again(b)),
            Term::Sgn(a) => Term::Sgn(again(a)),
            Term::Choose(a, b, c) => Term::Choose(again(a), again(b), again(c)),
            Term::Left(a, n) => Term::Left(again(a), n),
            Term::Right(a, by) => Term::Right(again(a), by),
            Term::Mul(a, b, by) => Term::Mul(again(a), again(b), by),
        };
        moved.push(terms.make(term));
    }
    let all = ranges(terms, inputs);
    let mut old: Vec<Option<(StateId, u8)>> = Vec::new();
    for (_, term) in terms.iter() {
        let kept = kept(term, &old, &all);
        old.push(kept);
    }
    results
        .iter()
        .find(|(state, term)| old[moved[term.index()].index()] != Some((*state, 0)))
        .map(|(state, _)| *state)
}

/// The variable whose old value a term is, and by how many places it stands further left.
fn kept(term: Term, old: &[Option<(StateId, u8)>], all: &[Range]) -> Option<(StateId, u8)> {
    let of = |t: TermId| old[t.index()];
    let range = |t: TermId| all[t.index()];
    match term {
        Term::Input(Input::Own(state)) => Some((state, 0)),
        Term::Left(a, n) => {
            let (state, places) = of(a)?;
            let Range { lo, hi } = range(a);
            let fits = Range { lo: lo << n.min(31), hi: hi << n.min(31) }.fits();
            fits.then_some((state, places.saturating_add(n)))
        }
        // What was moved to the left has zeros there, so that nothing is rounded.
        Term::Right(a, by) => {
            let (state, places) = of(a)?;
            places.checked_sub(by.shift).map(|left| (state, left))
        }
        Term::Min(a, b) => [(a, b), (b, a)]
            .into_iter()
            .find(|(x, limit)| of(*x).is_some() && range(*limit).lo >= range(*x).hi)
            .and_then(|(x, _)| of(x)),
        Term::Max(a, b) => [(a, b), (b, a)]
            .into_iter()
            .find(|(x, limit)| of(*x).is_some() && range(*limit).hi <= range(*x).lo)
            .and_then(|(x, _)| of(x)),
        Term::Choose(_, a, b) => of(a).filter(|kept| of(b) == Some(*kept)),
        _ => None,
    }
}
