//! Proof that microcode computes the rule it was made from, and that no register overflows on
//! the way.
//!
//! [`prove`] takes the words of a compiled rule, executes them on [terms](Terms) instead of
//! numbers, reads the rule's kernel under its plan on the same terms, and compares what each
//! stores: equal terms are equal for every input and every draw. Where the engine skips synapses,
//! the rule must come down to the old value of every variable. [`prove_plan`] holds the plan in turn
//! against the kernel, binary point by binary point. Then intervals of what the rule can read say which
//! register writes could leave 32 bits; for each that is not excluded, inputs are searched and
//! executed that do it.
//!
//! It shares with the compiler the definition of an instruction (`trifactor-isa`), of an operation
//! (`trifactor-ir`), of the plan (`trifactor-quant`) and of rounding (`trifactor-fixed`), and no
//! code that chooses instructions, registers or shifts. `docs/proof.md` says what is proved and
//! what is trusted.

mod idle;
mod meaning;
mod program;
mod range;
mod scale;
mod term;
mod witness;

pub use meaning::{Departure, Meaning, departure, meaning};
pub use program::{Layout, Malformed, Program, Stored, Write};
pub use range::Range;
pub use term::{Input, Round, Side, Term, TermId, Terms};
pub use witness::{Example, Witness};

use std::fmt;
use trifactor_fixed::RawRange;
use trifactor_ir::{CheckedNetwork, PhaseId, StateId, StateRole};
use trifactor_quant::Plan;

/// Operations of an expression that a message shows.
const SHOWN: usize = 4;

/// Why microcode is not accepted for a rule. Each is a defect of the tool, not of the model.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The words are no program.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The plan is not one of this kernel.
    #[error("the plan departs from the rule: {0}")]
    Departs(String),
    /// A variable that the rule sets is never stored.
    #[error("'{0}' is never stored")]
    Missing(String),
    /// A variable is stored that the rule does not set.
    #[error("'{0}' is stored, and the rule does not set it")]
    Surplus(String),
    /// A synapse is skipped although the rule may change it.
    #[error("a synapse is skipped where the rule may change '{0}'")]
    Skips(String),
    /// What is stored is not what the rule gives.
    #[error(transparent)]
    Differs(Box<Difference>),
}

/// A variable that is set to something else than the rule gives.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub struct Difference {
    /// The variable.
    pub variable: String,
    /// What the microcode stores.
    pub found: String,
    /// What the rule gives.
    pub expected: String,
    /// Inputs that show the difference; none if search found none.
    pub example: Option<Example>,
    /// Those inputs under the author's names.
    pub shown: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, found, expected, example, shown } = self;
        write!(f, "'{variable}' is set to {found}, and the rule gives {expected}")?;
        match example {
            Some(e) => write!(f, "; with {shown} to {} instead of {}", e.at.value, e.expected),
            None => Ok(()),
        }
    }
}

/// What is known of a register write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Every value that it can have fits the register.
    Fits,
    /// Only stores read it, and each clamps to a range inside that of the register, so that
    /// saturation changes nothing.
    Clamped,
    /// It may saturate: with these inputs it does, or none were found.
    Open(Option<Witness>),
}

/// The values of a register write, and what follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Its values before saturation.
    pub range: Range,
    /// Whether they fit.
    pub verdict: Verdict,
}

/// A proved rule.
#[derive(Clone, Debug)]
pub struct Proof {
    /// All terms of program and rule.
    pub terms: Terms,
    /// The program on terms.
    pub program: Program,
    /// The rule on terms.
    pub meaning: Meaning,
    /// One entry per register write.
    pub reach: Vec<Reach>,
}

/// Proves that a plan is one of a rule's kernel.
///
/// Errors: [`Refusal::Departs`].
pub fn prove_plan(net: &CheckedNetwork, plan: &Plan, rule: PhaseId) -> Result<(), Refusal> {
    let Some(found) = departure(net, plan, rule) else { return Ok(()) };
    let which = found.value.map_or_else(|| "a result".to_owned(), |v| format!("value {v}"));
    Err(Refusal::Departs(format!("{which} {}", found.what)))
}

/// Proves that words compute a rule as its plan says it.
///
/// Errors: see [`Refusal`].
pub fn prove(
    net: &CheckedNetwork,
    plan: &Plan,
    rule: PhaseId,
    layout: &Layout,
    words: &[u32],
) -> Result<Proof, Refusal> {
    let mut terms = Terms::default();
    let meaning = meaning(&mut terms, net, plan, rule);
    let program = Program::execute(&mut terms, net, layout, words)?;
    let name = |state: StateId| net.states[state].name.clone();
    let ranges = |input: Input| input_range(net, plan, input);
    for (state, expected) in &meaning.results {
        let Some(stored) = program.last_store(*state) else {
            return Err(Refusal::Missing(name(*state)));
        };
        if stored.value != *expected {
            let raw = plan.states[*state].raw;
            let example = witness::differing(&terms, stored.value, *expected, &ranges, raw);
            return Err(Refusal::Differs(Box::new(Difference {
                variable: name(*state),
                found: terms.show(net, stored.value, SHOWN),
                expected: terms.show(net, *expected, SHOWN),
                shown: example.as_ref().map_or_else(String::new, |e| e.at.shown(net)),
                example,
            })));
        }
    }
    let sets = |state| meaning.results.iter().any(|(s, _)| *s == state);
    if let Some(surplus) = program.stores.iter().find(|s| !sets(s.state)) {
        return Err(Refusal::Surplus(name(surplus.state)));
    }
    // On terms of its own: those of the proof stay what program and rule made.
    if !layout.skipped_without.is_empty()
        && let Some(state) =
            idle::changed(&mut terms.clone(), &meaning.results, &layout.skipped_without, &ranges)
    {
        return Err(Refusal::Skips(name(state)));
    }
    let reach = overflow(&program, &terms, &ranges, &|state| plan.states[state].raw);
    Ok(Proof { terms, program, meaning, reach })
}

/// Which register writes of a program could saturate, given what it can read and what its stores
/// keep.
pub fn overflow(
    program: &Program,
    terms: &Terms,
    ranges: &impl Fn(Input) -> Range,
    stored: &impl Fn(StateId) -> RawRange,
) -> Vec<Reach> {
    let reached = program.reach(terms, ranges, stored);
    let judged = reached.into_iter().enumerate().map(|(write, (range, clamped))| {
        let verdict = match (range.fits(), clamped) {
            (true, _) => Verdict::Fits,
            (false, true) => Verdict::Clamped,
            (false, false) => {
                Verdict::Open(witness::saturating(program, terms, write, ranges, stored))
            }
        };
        Reach { range, verdict }
    });
    judged.collect()
}

/// The raw values that a rule can find: of a parameter those it has, of a variable those of its
/// format, which every store keeps to.
pub fn input_range(net: &CheckedNetwork, plan: &Plan, input: Input) -> Range {
    let state = match input {
        Input::Own(state) | Input::Lane { state, .. } | Input::Global(state) => state,
        Input::Flag(_) | Input::Every(_) => return Range { lo: 0, hi: 1 },
    };
    let (s, format) = (&net.states[state], &plan.states[state]);
    match s.init.bounds() {
        Some((lo, hi)) if s.role == StateRole::Parameter => {
            Range { lo: format.quantise(lo), hi: format.quantise(hi) }
        }
        _ => Range { lo: format.raw.lo, hi: format.raw.hi },
    }
}

impl Proof {
    /// Figures of this proof.
    pub fn summary(&self) -> Summary {
        let count =
            |test: fn(&Verdict) -> bool| self.reach.iter().filter(|r| test(&r.verdict)).count();
        Summary {
            rules: 1,
            operations: self.program.code.len(),
            writes: self.reach.len(),
            fit: count(|v| *v == Verdict::Fits),
            clamped: count(|v| *v == Verdict::Clamped),
            shown: count(|v| matches!(v, Verdict::Open(Some(_)))),
            open: count(|v| matches!(v, Verdict::Open(None))),
        }
    }
}

/// Figures of proofs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Rules.
    pub rules: usize,
    /// Micro-operations that compute them.
    pub operations: usize,
    /// Register writes.
    pub writes: usize,
    /// Writes of which every value fits the register.
    pub fit: usize,
    /// Writes whose saturation the store hides.
    pub clamped: usize,
    /// Writes that saturate with inputs that were found.
    pub shown: usize,
    /// Writes that may saturate, without an example.
    pub open: usize,
}

impl std::iter::Sum for Summary {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            rules: a.rules + b.rules,
            operations: a.operations + b.operations,
            writes: a.writes + b.writes,
            fit: a.fit + b.fit,
            clamped: a.clamped + b.clamped,
            shown: a.shown + b.shown,
            open: a.open + b.open,
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rules, operations, writes, fit, clamped, shown, open } = *self;
        if rules == 0 {
            return f.write_str("no rule to prove");
        }
        let rules = if rules == 1 { "the rule".to_owned() } else { format!("{rules} rules") };
        let safe = fit + clamped;
        write!(f, "{operations} micro-operations compute {rules}; ")?;
        write!(f, "{safe} of {writes} intermediates cannot saturate")?;
        if clamped > 0 {
            write!(f, " ({clamped} of them beyond what its store keeps)")?;
        }
        if shown > 0 {
            write!(f, "; {shown} can, as inputs show")?;
        }
        if open > 0 {
            write!(f, "; of {open} it is not known")?;
        }
        Ok(())
    }
}
