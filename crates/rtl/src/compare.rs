//! Two runs of a synapse beside each other.

use crate::run::{Outcome, Rule, Run, Stored};
use trifactor_isa::Inst;

/// The first thing that differs between the emulator's meaning and the engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Address of the instruction, where one is to blame.
    pub address: Option<u32>,
    /// What differs.
    pub what: What,
}

/// A thing that can differ: the meaning's value, then the engine's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A register after an instruction.
    Register(usize, i32, i32),
    /// Which instruction was executed; `None` where the program was over.
    Executed(Option<u32>, Option<u32>),
    /// How the synapse ended.
    Outcome(Outcome, Outcome),
    /// What memory gets for a field.
    Store(usize, Option<Stored>, Option<Stored>),
    /// Clocks from start to done.
    Clocks(u64, u64),
    /// Clocks that passed, and those that the engine says.
    Counter(u64, u64),
}

/// What differs first, in the order of time; `None` if nothing does.
pub fn first_difference(rule: &Rule, meaning: &Run, engine: &Run) -> Option<Difference> {
    let n = meaning.trace.len().max(engine.trace.len());
    for k in 0..n {
        let (a, b) = (meaning.trace.get(k), engine.trace.get(k));
        let (Some(a), Some(b)) = (a, b) else {
            // How it ended says more than that one goes on.
            if meaning.outcome != engine.outcome {
                break;
            }
            let address = a.or(b).map(|r| r.address);
            let what = What::Executed(a.map(|r| r.address), b.map(|r| r.address));
            return Some(Difference { address, what });
        };
        if a.address != b.address {
            let what = What::Executed(Some(a.address), Some(b.address));
            return Some(Difference { address: Some(a.address), what });
        }
        let registers = a.registers.iter().zip(&b.registers);
        if let Some((r, (x, y))) = registers.enumerate().find(|(_, (x, y))| x != y) {
            return Some(Difference { address: Some(a.address), what: What::Register(r, *x, *y) });
        }
    }
    let nowhere = |what| Some(Difference { address: None, what });
    if meaning.outcome != engine.outcome {
        let address = meaning.trace.len().min(engine.trace.len()) as u32;
        let what = What::Outcome(meaning.outcome, engine.outcome);
        return Some(Difference { address: Some(address), what });
    }
    for f in 0..meaning.stores.len().max(engine.stores.len()) {
        let (a, b) = (meaning.stores.get(f), engine.stores.get(f));
        let (a, b) = (a.copied().flatten(), b.copied().flatten());
        if a != b {
            return Some(Difference { address: last_store(rule, f), what: What::Store(f, a, b) });
        }
    }
    if meaning.clocks != engine.clocks {
        return nowhere(What::Clocks(meaning.clocks, engine.clocks));
    }
    if engine.clocks != engine.counted {
        return nowhere(What::Counter(engine.clocks, engine.counted));
    }
    None
}

/// The address of the store that counts.
fn last_store(rule: &Rule, field: usize) -> Option<u32> {
    let stores =
        |word: &u32| matches!(Inst::decode(*word), Ok(Inst::Sts(o)) if o.field.index() == field);
    rule.words.iter().rposition(stores).map(|at| at as u32)
}

impl Difference {
    /// The difference as a sentence, with the instruction's text.
    pub fn describe(&self, rule: &Rule) -> String {
        let text = |address: u32| match rule.words.get(address as usize) {
            Some(word) => match Inst::decode(*word) {
                Ok(inst) => format!("instruction {address} `{inst}`"),
                Err(e) => format!("word {address} ({e})"),
            },
            None => format!("address {address}, behind the program"),
        };
        let at = self.address.map_or_else(String::new, |address| format!("{}: ", text(address)));
        let what = match &self.what {
            What::Register(r, a, b) => {
                format!("r{r} is {a} by the emulator's meaning and {b} in the RTL")
            }
            What::Executed(a, b) => {
                let named = |x: &Option<u32>| x.map_or_else(|| "the end".to_owned(), text);
                format!("expected next was {}, and the RTL executed {}", named(a), named(b))
            }
            What::Outcome(a, b) => format!(
                "the synapse is {} by the emulator's meaning and {} in the RTL",
                a.name(),
                b.name()
            ),
            What::Store(f, a, b) => format!(
                "field {f} gets {} by the emulator's meaning and {} in the RTL",
                stored(*a),
                stored(*b)
            ),
            What::Clocks(a, b) => format!("{a} ticks by the preset and {b} clocks in the RTL"),
            What::Counter(a, b) => format!("{a} clocks passed and the RTL counted {b}"),
        };
        format!("{at}{what}")
    }
}

fn stored(x: Option<Stored>) -> String {
    match x {
        None => "nothing".to_owned(),
        Some(Stored { word, saturated: false }) => format!("{word:#x}"),
        Some(Stored { word, saturated: true }) => format!("{word:#x} (saturated)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{FieldFormat, Retired};
    use trifactor_image::Guard;
    use trifactor_isa::assemble;

    fn rule() -> Rule {
        let text = "ldi r1, 5, <<0\nsts field 0, r1, >>0, floor, site 0\nhalt";
        let code = assemble(text).expect("the test's program assembles");
        Rule {
            words: code.iter().map(|i| i.encode()).collect(),
            guard: Guard::Always,
            stream: 0,
            epoch_length: 1,
            fields: vec![FieldFormat { bits: 8, signed: true, lo: -128, hi: 127 }],
            pre_slots: 0,
            post_slots: 0,
            lines: 0,
        }
    }
    fn run() -> Run {
        let mut registers = [0; 16];
        registers[1] = 5;
        let trace = (0..3).map(|address| Retired { address, registers }).collect();
        let stores = vec![Some(Stored { word: 5, saturated: false })];
        Run { outcome: Outcome::Evaluated, trace, stores, clocks: 10, counted: 10 }
    }
    /// The sentence about a run of the engine that was changed.
    fn said(change: impl Fn(&mut Run)) -> String {
        let mut engine = run();
        change(&mut engine);
        let found = first_difference(&rule(), &run(), &engine).expect("something differs");
        found.describe(&rule())
    }

    #[test]
    fn equal_runs_do_not_differ() {
        assert_eq!(first_difference(&rule(), &run(), &run()), None);
    }

    #[test]
    fn each_difference_is_named_with_both_values() {
        let register = said(|r| r.trace[1].registers[1] = 6);
        assert_eq!(
            register,
            "instruction 1 `sts field 0, r1, >>0, floor, site 0`: r1 is 5 by the emulator's \
             meaning and 6 in the RTL"
        );
        let stored = said(|r| r.stores[0] = Some(Stored { word: 127, saturated: true }));
        assert!(stored.starts_with("instruction 1 `sts"), "{stored}");
        assert!(stored.contains("gets 0x5 by") && stored.contains("0x7f (saturated)"), "{stored}");
        let nothing = said(|r| r.stores[0] = None);
        assert!(nothing.contains("nothing in the RTL"), "{nothing}");
        assert_eq!(said(|r| r.clocks = 11), "10 ticks by the preset and 11 clocks in the RTL");
        assert_eq!(said(|r| r.counted = 9), "10 clocks passed and the RTL counted 9");
        let order = said(|r| r.trace[2].address = 1);
        assert!(order.contains("expected next was instruction 2 `halt`"), "{order}");
    }

    #[test]
    fn a_program_that_stops_early_is_named_by_where_it_stops() {
        let trapped = said(|r| {
            r.trace.truncate(1);
            r.outcome = Outcome::Trapped;
        });
        assert!(trapped.starts_with("instruction 1 `sts field 0"), "{trapped}");
        assert!(trapped.ends_with("evaluated by the emulator's meaning and trapped in the RTL"));
    }

    #[test]
    fn of_several_differences_the_first_in_time_is_named() {
        let both = said(|r| {
            r.trace[0].registers[1] = 7;
            r.clocks = 99;
        });
        assert!(both.starts_with("instruction 0 `ldi r1, 5, <<0`: r1 is 5"), "{both}");
    }
}
