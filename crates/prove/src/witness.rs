//! Inputs that show what could not be proved, found by search and executed.

use crate::program::Program;
use crate::range::Range;
use crate::term::{Input, Term, Terms};
use std::collections::BTreeMap;
use trifactor_fixed::{RawRange, mix32};
use trifactor_ir::{CheckedNetwork, StateId};

/// Starts of a search for one write.
const STARTS: u32 = 64;
/// Turns in which every input is moved once.
const TURNS: usize = 4;
/// Random inputs on which two terms are compared.
const TRIES: u32 = 256;

/// Raw inputs, and the 32 bits that every draw gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// The value of each input.
    pub inputs: BTreeMap<Input, i64>,
    /// The answer to every draw.
    pub draw: u32,
    /// What comes out: the value before saturation.
    pub value: i64,
}

impl Witness {
    /// The inputs under the author's names.
    pub fn shown(&self, net: &CheckedNetwork) -> String {
        let list: Vec<String> =
            self.inputs.iter().map(|(input, raw)| format!("{} {raw}", input.name(net))).collect();
        list.join(", ")
    }
}

/// Inputs on which two sets of results differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Example {
    /// The inputs.
    pub at: Witness,
    /// What the rule gives there.
    pub expected: i64,
}

/// The inputs that some term reads.
pub(crate) fn inputs_of(terms: &Terms) -> Vec<Input> {
    let input = |(_, term)| match term {
        Term::Input(input) => Some(input),
        _ => None,
    };
    terms.iter().filter_map(input).collect()
}

/// A value of a range: its ends often, as that is where most goes wrong.
fn some_value(range: Range, bits: u32) -> i64 {
    let span = range.hi.abs_diff(range.lo) + 1;
    match bits % 4 {
        0 => range.lo,
        1 => range.hi,
        _ => range.lo + (u64::from(mix32(bits)) % span) as i64,
    }
}

/// Searches inputs with which a write saturates: from many starts, one input after another is
/// moved to wherever the value goes furthest.
pub(crate) fn saturating(
    program: &Program,
    terms: &Terms,
    write: usize,
    ranges: &impl Fn(Input) -> Range,
    stored: &impl Fn(StateId) -> RawRange,
) -> Option<Witness> {
    let inputs = inputs_of(terms);
    let value = |at: &BTreeMap<Input, i64>, draw: u32| {
        let read = |input: Input| at[&input];
        program.run(terms, &read, &|_| draw, stored).0[write]
    };
    let beyond = |x: i64| (x - i64::from(i32::MAX)).max(i64::from(i32::MIN) - x);
    for start in 0..STARTS {
        let bits = |k: usize| mix32(mix32(start) ^ (k as u32).wrapping_mul(0x9e37_79b1));
        let draw = if start % 2 == 0 { 0 } else { u32::MAX };
        let mut at: BTreeMap<Input, i64> =
            inputs.iter().enumerate().map(|(k, i)| (*i, some_value(ranges(*i), bits(k)))).collect();
        let mut best = value(&at, draw);
        for _ in 0..TURNS {
            for input in &inputs {
                let range = ranges(*input);
                let kept = at[input];
                let mut chosen = kept;
                for candidate in [range.lo, range.hi, 0i64.clamp(range.lo, range.hi)] {
                    at.insert(*input, candidate);
                    let there = value(&at, draw);
                    if beyond(there) > beyond(best) {
                        (best, chosen) = (there, candidate);
                    }
                }
                at.insert(*input, chosen);
            }
            if beyond(best) > 0 {
                return Some(Witness { inputs: at, draw, value: best });
            }
        }
    }
    None
}

/// Random inputs on which what is stored differs from what the rule gives.
pub(crate) fn differing(
    terms: &Terms,
    found: crate::TermId,
    expected: crate::TermId,
    ranges: &impl Fn(Input) -> Range,
    stored: RawRange,
) -> Option<Example> {
    let inputs = inputs_of(terms);
    (0..TRIES).find_map(|attempt| {
        let bits = |k: usize| mix32(mix32(attempt) ^ (k as u32).wrapping_mul(0x85eb_ca6b));
        let at: BTreeMap<Input, i64> =
            inputs.iter().enumerate().map(|(k, i)| (*i, some_value(ranges(*i), bits(k)))).collect();
        let draw = |site: u8| mix32(attempt ^ u32::from(site).wrapping_mul(0xc2b2_ae35));
        let result = |term| {
            let raw = terms.evaluate(term, &|input| at[&input], &draw);
            trifactor_fixed::clamp_raw(raw, stored)
        };
        let (value, right) = (result(found), result(expected));
        let example =
            |inputs| Example { at: Witness { inputs, draw: draw(0), value }, expected: right };
        (value != right).then(|| example(at.clone()))
    })
}
