//! Words that are no instructions, and programs that do not end.

use crate::support::{available, learner, rule, simulator, usual_ticks};
use trifactor_image::Guard;
use trifactor_isa::{Inst, Opcode, assemble};
use trifactor_rtl::{Outcome, Rule, Sources, States, Synapse, first_difference, lint, meaning};
use trifactor_testkit::Rng;

#[test]
fn the_sources_are_clean_to_the_strictest_look() {
    if let Some(result) = available(lint(&Sources::default())) {
        result.unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn a_word_traps_exactly_where_it_does_not_decode() {
    let Some(simulator) = simulator(usual_ticks()) else { return };
    let mut rng = Rng::new(11);
    let halt = Inst::Halt.encode();
    let mut cases = Vec::new();
    for code in 0..64u32 {
        for k in 0..60 {
            // Few bits set, so that reserved ones are often all 0.
            let mut low = (rng.bits() & rng.bits()) as u32;
            if k % 3 > 0 {
                low &= rng.bits() as u32 & rng.bits() as u32;
            }
            let word = code << 26 | low & 0x03ff_ffff;
            let rule = Rule { guard: Guard::Always, ..rule(&mut rng, vec![word, halt]) };
            let states: Vec<Synapse> = States::new(&learner(rule.clone()), k).take(1).collect();
            cases.push((rule, states));
        }
    }
    let batches: Vec<(&Rule, &[Synapse])> =
        cases.iter().map(|(rule, states)| (rule, &states[..])).collect();
    let runs = simulator.run(&batches).unwrap_or_else(|e| panic!("{e}"));
    let mut legal = std::collections::BTreeSet::new();
    let mut trapped = 0;
    for ((rule, states), runs) in cases.iter().zip(&runs) {
        let meant = meaning::run(rule, &states[0], simulator.ticks());
        let found = first_difference(rule, &meant, &runs[0]);
        assert_eq!(found.map(|f| f.describe(rule)), None, "{:#010x}", rule.words[0]);
        match Inst::decode(rule.words[0]) {
            Ok(inst) if runs[0].outcome == Outcome::Evaluated => {
                legal.insert(inst.opcode());
            }
            _ => trapped += 1,
        }
    }
    assert_eq!(legal.len(), Opcode::ALL.len(), "{legal:?}");
    assert!(trapped > 1000, "{trapped}");
}

#[test]
fn a_program_without_an_end_traps_behind_its_last_word() {
    let Some(simulator) = simulator(usual_ticks()) else { return };
    let code = assemble("ldi r1, 7, <<0\nadd r2, r1, r1").expect("it assembles");
    let words = code.iter().map(|i| i.encode()).collect();
    let rule = Rule { guard: Guard::Always, ..rule(&mut Rng::new(1), words) };
    let states: Vec<Synapse> = States::new(&learner(rule.clone()), 1).take(1).collect();
    let runs = simulator.run(&[(&rule, &states)]).unwrap_or_else(|e| panic!("{e}"));
    let run = &runs[0][0];
    assert_eq!(run.outcome, Outcome::Trapped);
    assert_eq!(run.trace.last().map(|r| (r.address, r.registers[2])), Some((1, 14)));
    assert_eq!(run.stores, []);
    assert_eq!(
        first_difference(&rule, &meaning::run(&rule, &states[0], simulator.ticks()), run),
        None
    );
}
