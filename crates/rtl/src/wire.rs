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
