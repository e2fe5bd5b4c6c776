//! The files between this crate and `isa/rtl/harness.cpp`: 32-bit words, the least significant
//! byte first. `docs/rtl.md` lists them.

use crate::run::{Outcome, Retired, Rule, Run, Stored, Synapse};
use trifactor_image::Guard;

const VECTORS: u32 = 0x3152_5456;
const RESULTS: u32 = 0x3152_5452;

/// The vectors of some rules, each with its synapses. `limit`: clocks after which a synapse is
/// given up.
///
/// Shape: every synapse has the fields, columns and lines of its rule.
pub(crate) fn vectors(batches: &[(&Rule, &[Synapse])], limit: u32) -> Vec<u8> {
    let mut out = Words(Vec::new());
    out.all([VECTORS, limit, batches.len() as u32]);
    for (rule, synapses) in batches {
        out.all([rule.words.len() as u32]);
        out.all(rule.words.iter().copied());
        out.all([guard(rule.guard), rule.stream, rule.epoch_length.into()]);
        out.all([rule.fields.len() as u32]);
        for f in &rule.fields {
            out.all([f.bits.into(), f.signed.into(), f.lo.cast_unsigned(), f.hi.cast_unsigned()]);
        }
        out.all([rule.pre_slots, rule.post_slots, rule.lines, synapses.len()].map(|n| n as u32));
        for s in *synapses {
            out.all([s.seed, s.step, s.epoch, s.pre, s.post]);
            out.all([s.pre_last.into(), s.post_last.into()]);
            out.all(rule.fields.iter().zip(&s.fields).map(|(f, raw)| f.word(*raw)));
            for columns in [&s.pre_columns, &s.post_columns] {
                out.all(columns.iter().flatten().map(|x| x.cast_unsigned()));
            }
            out.all(s.lines.iter().map(|x| x.cast_unsigned()));
        }
    }
    out.0
}

/// The code of the engine's port.
const fn guard(guard: Guard) -> u32 {
    match guard {
        Guard::Always => 0,
        Guard::PreOrPost => 1,
        Guard::Pre => 2,
        Guard::Post => 3,
    }
}

struct Words(Vec<u8>);

impl Words {
    fn all(&mut self, words: impl IntoIterator<Item = u32>) {
        self.0.extend(words.into_iter().flat_map(u32::to_le_bytes));
    }
}

/// What the harness wrote. Shape: `[rule][synapse]`, as in the vectors.
///
/// Errors: the file is not what these vectors lead to.
pub(crate) fn results(
    bytes: &[u8],
    batches: &[(&Rule, &[Synapse])],
) -> Result<Vec<Vec<Run>>, &'static str> {
    let mut input = Input { bytes };
    if input.word()? != RESULTS {
        return Err("it begins with another mark");
    }
    let mut all = Vec::with_capacity(batches.len());
    for (rule, synapses) in batches {
        let runs: Result<Vec<Run>, _> = synapses.iter().map(|_| input.run(rule)).collect();
        all.push(runs?);
    }
    if input.bytes.is_empty() { Ok(all) } else { Err("it goes on after the last synapse") }
}

struct Input<'a> {
    bytes: &'a [u8],
}

impl Input<'_> {
    fn word(&mut self) -> Result<u32, &'static str> {
        let (word, rest) = self.bytes.split_first_chunk().ok_or("it ends too early")?;
        self.bytes = rest;
        Ok(u32::from_le_bytes(*word))
    }

    fn run(&mut self, rule: &Rule) -> Result<Run, &'static str> {
        let outcome = match self.word()? {
            0 => Outcome::Evaluated,
            1 => Outcome::Skipped,
            2 => Outcome::Trapped,
            3 => Outcome::Unfinished,
            _ => return Err("it holds an outcome that there is not"),
        };
        let [counted, clocks, n_writes, mask, saturated] =
            [self.word()?, self.word()?, self.word()?, self.word()?, self.word()?];
        let mut stores = Vec::with_capacity(rule.fields.len());
        for f in 0..rule.fields.len() {
            let word = self.word()?;
            let flag = |bits: u32| (bits >> f) & 1 == 1;
            stores.push(flag(mask).then_some(Stored { word, saturated: flag(saturated) }));
        }
        match (outcome, n_writes) {
            (Outcome::Evaluated, 1) | (Outcome::Unfinished, _) => {}
            (Outcome::Skipped | Outcome::Trapped, 0) => stores.clear(),
            _ => return Err("the engine wrote back when it should not, or did not when it should"),
        }
        let mut trace = Vec::new();
        let mut registers = [0i32; 16];
        for _ in 0..self.word()? {
            let address = self.word()?;
            for _ in 0..self.word()? {
                let (register, value) = (self.word()?, self.word()?);
                let place = registers.get_mut(register as usize);
                *place.ok_or("it names a register that there is not")? = value.cast_signed();
            }
            trace.push(Retired { address, registers });
        }
        Ok(Run { outcome, trace, stores, clocks: clocks.into(), counted: counted.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::FieldFormat;

    fn rule() -> Rule {
        Rule {
            words: vec![0x0400_0000],
            guard: Guard::Post,
            stream: 9,
            epoch_length: 2,
            fields: vec![FieldFormat { bits: 4, signed: true, lo: -8, hi: 7 }],
            pre_slots: 1,
            post_slots: 0,
            lines: 1,
        }
    }
    fn synapse() -> Synapse {
        Synapse {
            seed: 1,
            step: 2,
            epoch: 3,
            pre: 4,
            post: 5,
            pre_last: 1,
            post_last: 2,
            fields: vec![-1],
            pre_columns: vec![vec![6, 7, 8]],
            post_columns: vec![],
            lines: vec![-2],
        }
    }
    fn bytes(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }
    /// The results of one synapse.
    fn read(words: &[u32]) -> Result<Run, &'static str> {
        let (rule, synapses) = (rule(), [synapse()]);
        results(&bytes(words), &[(&rule, &synapses)]).map(|mut all| all.remove(0).remove(0))
    }

    #[test]
    fn vectors_are_the_words_that_the_manual_lists() {
        let (rule, synapses) = (rule(), [synapse()]);
        let expected = [
            &[VECTORS, 50, 1, 1, 0x0400_0000, 3, 9, 2][..],
            &[1, 4, 1, -8i32 as u32, 7, 1, 0, 1, 1],
            &[1, 2, 3, 4, 5, 1, 2, 0xf, 6, 7, 8, -2i32 as u32],
        ];
        assert_eq!(vectors(&[(&rule, &synapses)], 50), bytes(&expected.concat()));
    }

    #[test]
    fn results_are_read_with_the_registers_of_every_instruction() {
        let run = read(&[RESULTS, 0, 40, 41, 1, 1, 1, 0xf, 2, 0, 1, 3, 77, 1, 0]);
        let run = run.expect("they are well formed");
        assert_eq!((run.outcome, run.counted, run.clocks), (Outcome::Evaluated, 40, 41));
        assert_eq!(run.stores, [Some(Stored { word: 0xf, saturated: true })]);
        let seen: Vec<_> = run.trace.iter().map(|r| (r.address, r.registers[3])).collect();
        assert_eq!(seen, [(0, 77), (1, 77)]);
    }

    #[test]
    fn results_of_something_else_are_refused() {
        let fine = [RESULTS, 1, 1, 1, 0, 0, 0, 0, 0];
        assert_eq!(read(&fine).map(|r| r.outcome), Ok(Outcome::Skipped));
        let with = |at: usize, word: u32| {
            let mut words = fine;
            words[at] = word;
            read(&words).expect_err("they are damaged")
        };
        assert_eq!(with(0, 7), "it begins with another mark");
        assert_eq!(with(1, 9), "it holds an outcome that there is not");
        assert!(with(4, 1).starts_with("the engine wrote back when it should not"));
        assert_eq!(read(&fine[..5]), Err("it ends too early"));
        assert_eq!(read(&[&fine[..], &[0]].concat()), Err("it goes on after the last synapse"));
        let register = read(&[RESULTS, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1, 16, 0]);
        assert_eq!(register, Err("it names a register that there is not"));
    }
}
