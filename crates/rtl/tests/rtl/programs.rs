//! Random programs of all instructions, on random and corner values, at several clockings.

use crate::support::{learner, rule, simulator, usual_ticks};
use std::collections::BTreeMap;
use trifactor_fixed::{Draw, KeyedDraws};
use trifactor_isa::{Inst, Opcode, Rounding, When};
use trifactor_rtl::{Outcome, Rule, States, Stored, Synapse, Ticks, first_difference, meaning};
use trifactor_testkit::{Rng, isa_oracle};

const STATES: usize = 16;

/// The shortest times there can be, and times that leave every stage waiting.
const CLOCKINGS: [Ticks; 2] = [
    Ticks { state_access: 6, load: 1, alu: 1, mul: 1, store: 1, control: 1, skipped_synapse: 1 },
    Ticks { state_access: 9, load: 2, alu: 3, mul: 2, store: 4, control: 1, skipped_synapse: 5 },
];

/// A random instruction that names only what the rule has.
fn instruction(rng: &mut Rng, opcode: Opcode, n_fields: usize) -> Inst {
    let code = (opcode as u32) << 26;
    // The bits that some operand covers: any other one alone is refused as reserved.
    let covered = (0..26)
        .filter(|bit| {
            let decoded = Inst::decode(code | 1 << bit);
            !matches!(decoded, Err(trifactor_isa::DecodeError::ReservedBits { .. }))
        })
        .fold(0, |mask, bit| mask | 1 << bit);
    loop {
        // Shifts of nothing are a case of their own.
        let kept = if rng.chance(0.1) { covered & !(0x3f << 8) } else { covered };
        let Ok(inst) = Inst::decode(code | rng.bits() as u32 & kept) else { continue };
        let (field, shift) = match inst {
            Inst::Lds(o) => (o.field.index(), 0),
            Inst::Sts(o) => (o.field.index(), o.shift.get()),
            Inst::Shr(o) => (0, o.shift.get()),
            Inst::Mul(o) => (0, o.shift.get()),
            _ => (0, 0),
        };
        // Large shifts leave little to look at, so most are small.
        if field < n_fields && (shift < 34 || rng.chance(0.4)) {
            return inst;
        }
    }
}

/// Programs with their rules and states: a pure function of the seed.
fn cases(seed: u64, n: usize) -> Vec<(Rule, Vec<Synapse>)> {
    let mut rng = Rng::new(seed);
    let others: Vec<Opcode> = Opcode::ALL.into_iter().filter(|o| *o != Opcode::Halt).collect();
    let loads = [Opcode::Ldx, Opcode::Ldy, Opcode::Ldg, Opcode::Lds, Opcode::Ldi];
    (0..n)
        .map(|k| {
            let mut rule = rule(&mut rng, Vec::new());
            let n_fields = rule.fields.len();
            let (n_loads, n_others) = (rng.below(8), rng.below(32));
            let mut program = Vec::new();
            for at in 0..n_loads + n_others {
                let list = if at < n_loads { &loads[..] } else { &others[..] };
                let opcode = rng.pick(list);
                program.push(instruction(&mut rng, opcode, n_fields));
            }
            program.push(Inst::Halt);
            rule.words = program.iter().map(|i| i.encode()).collect();
            let states = States::new(&learner(rule.clone()), k as u32).take(STATES).collect();
            (rule, states)
        })
        .collect()
}

#[test]
fn random_programs_give_the_same_registers_words_and_clocks() {
    for (k, ticks) in [usual_ticks()].into_iter().chain(CLOCKINGS).enumerate() {
        let Some(simulator) = simulator(ticks) else { return };
        let cases = cases(k as u64, 400);
        let batches: Vec<(&Rule, &[Synapse])> =
            cases.iter().map(|(rule, states)| (rule, &states[..])).collect();
        let runs = simulator.run(&batches).unwrap_or_else(|e| panic!("{e}"));
        for (n, ((rule, states), runs)) in cases.iter().zip(&runs).enumerate() {
            for (state, run) in states.iter().zip(runs) {
                let meant = meaning::run(rule, state, &ticks);
                if let Some(found) = first_difference(rule, &meant, run) {
                    panic!("clocking {k}, program {n}: {}\n{state:?}", found.describe(rule));
                }
            }
        }
    }
}

#[test]
fn the_random_programs_reach_every_instruction_rounding_and_ending() {
    // A comparison in which nothing happens would prove nothing.
    let (mut opcodes, mut roundings) = (BTreeMap::new(), BTreeMap::new());
    let (mut skipped, mut saturated, mut clipped, mut corner) = (0, 0, 0, 0);
    let mut timed = BTreeMap::new();
    for (rule, states) in cases(0, 400) {
        for state in &states {
            let run = meaning::run(&rule, state, &CLOCKINGS[0]);
            skipped += u32::from(run.outcome == Outcome::Skipped);
            saturated += run.stores.iter().flatten().filter(|s| s.saturated).count();
            for (word, retired) in rule.words.iter().zip(&run.trace) {
                let inst = Inst::decode(*word).expect("the program was made of instructions");
                *opcodes.entry(inst.opcode()).or_insert(0) += 1;
                let rounded = match inst {
                    Inst::Shr(o) => Some((o.shift.get(), o.round.code())),
                    Inst::Mul(o) => Some((o.shift.get(), o.round.code())),
                    Inst::Sts(o) => Some((o.shift.get(), o.round.code())),
                    _ => None,
                };
                if let Some((shift, round)) = rounded {
                    let kind = (inst.opcode(), round, shift.div_ceil(16));
                    *roundings.entry(kind).or_insert(0) += 1;
                }
                if let Inst::Ldx(o) | Inst::Ldy(o) = inst {
                    *timed.entry((inst.opcode(), o.when, o.prev)).or_insert(0) += 1;
                }
                let result = inst.writes().map(|rd| retired.registers[rd.index()]);
                corner += u32::from(matches!(result, Some(i32::MIN | i32::MAX)));
                clipped += u32::from(matches!((inst, result), (Inst::Mul(_), Some(i32::MAX))));
            }
        }
    }
    assert_eq!(opcodes.len(), Opcode::ALL.len());
    assert!(opcodes.values().all(|n| *n > 500), "{opcodes:?}");
    // Three instructions, four roundings, shifts of 0, to 16, to 32, to 48 and to 62.
    assert_eq!(roundings.len(), 3 * 4 * 5, "{roundings:?}");
    assert_eq!(timed.len(), 2 * 3 * 2, "{timed:?}");
    for n in [skipped, corner, clipped] {
        assert!(n > 100, "{skipped} skipped, {corner} at an end, {clipped} products clipped");
    }
    assert!(saturated > 100, "{saturated}");
}

#[test]
fn the_meaning_is_that_of_the_independent_oracle() {
    let mut compared = 0;
    for (rule, states) in cases(7, 400) {
        for state in &states {
            let run = meaning::run(&rule, state, &CLOCKINGS[0]);
            if run.outcome == Outcome::Skipped {
                continue;
            }
            let around = Around { rule: &rule, state };
            let oracle = isa_oracle::run(&rule.words, &around).expect("the program halts");
            let mut expected = vec![None; rule.fields.len()];
            for store in oracle {
                let word = rule.fields[store.field].word(store.raw as i32);
                expected[store.field] = Some(Stored { word, saturated: store.saturated });
            }
            assert_eq!(run.stores, expected, "{state:?}");
            compared += 1;
        }
    }
    assert!(compared > 4000, "{compared}");
}

struct Around<'a> {
    rule: &'a Rule,
    state: &'a Synapse,
}

impl Around<'_> {
    fn column(&self, columns: &[Vec<i32>], slot: usize, when: When, prev: bool) -> i64 {
        let length = self.rule.epoch_length;
        let at = match when {
            When::End => length,
            When::X0 if self.state.pre_last > 0 => self.state.pre_last,
            When::Y0 if self.state.post_last > 0 => self.state.post_last,
            When::X0 | When::Y0 => length,
        };
        columns[slot - 1][usize::from(at) - usize::from(prev)].into()
    }
}

impl isa_oracle::Surroundings for Around<'_> {
    fn field(&self, field: usize) -> i64 {
        self.state.fields[field].into()
    }
    fn pre(&self, slot: usize, when: When, prev: bool) -> i64 {
        match slot {
            0 => (self.state.pre_last > 0).into(),
            _ => self.column(&self.state.pre_columns, slot, when, prev),
        }
    }
    fn post(&self, slot: usize, when: When, prev: bool) -> i64 {
        match slot {
            0 => (self.state.post_last > 0).into(),
            _ => self.column(&self.state.post_columns, slot, when, prev),
        }
    }
    fn global(&self, slot: usize) -> i64 {
        self.state.lines[slot].into()
    }
    fn every(&self, k: u32) -> bool {
        self.state.epoch % (1 << k) == 0
    }
    fn draw(&self, site: u8) -> u32 {
        let s = self.state;
        KeyedDraws { seed: s.seed }.draw(s.step, self.rule.stream, site, s.pre, s.post)
    }
    fn range(&self, field: usize) -> (i64, i64) {
        let format = self.rule.fields[field];
        (format.lo.into(), format.hi.into())
    }
}

#[test]
fn every_rounding_of_every_width_is_right_at_the_corners() {
    let Some(simulator) = simulator(usual_ticks()) else { return };
    let modes = [Rounding::Floor, Rounding::Zero, Rounding::Nearest, Rounding::Stochastic];
    let mut rng = Rng::new(3);
    let mut cases = Vec::new();
    for shift in 0..=62 {
        for (site, mode) in modes.into_iter().enumerate() {
            let mode = match mode {
                Rounding::Floor => "floor",
                Rounding::Zero => "zero",
                Rounding::Nearest => "nearest",
                Rounding::Stochastic => "stochastic",
            };
            let text = format!(
                "ldx r1, slot 1, at end\nldy r2, slot 1, at end\nlds r3, field 0\n\
                 mul r4, r1, r2, >>{shift}, {mode}, site {site}\n\
                 mul r5, r1, r1, >>{shift}, {mode}, site {}\n\
                 shr r6, r1, >>{shift}, {mode}, site {}\n\
                 sts field 0, r3, >>{shift}, {mode}, site {}\nhalt",
                site + 4,
                site + 8,
                site + 12,
            );
            let program = trifactor_isa::assemble(&text).unwrap_or_else(|e| panic!("{e}"));
            let rule = rule(&mut rng, program.iter().map(|i| i.encode()).collect());
            let corners = [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX];
            let pairs = corners.iter().flat_map(|a| corners.iter().map(move |b| (*a, *b)));
            let learner = learner(rule.clone());
            let states = States::new(&learner, shift).zip(pairs).map(|(mut state, (a, b))| {
                state.pre_last = 1;
                state.post_last = 1;
                state.pre_columns[0].fill(a);
                state.post_columns[0].fill(b);
                state
            });
            cases.push((rule, states.collect::<Vec<_>>()));
        }
    }
    let batches: Vec<(&Rule, &[Synapse])> =
        cases.iter().map(|(rule, states)| (rule, &states[..])).collect();
    let runs = simulator.run(&batches).unwrap_or_else(|e| panic!("{e}"));
    for ((rule, states), runs) in cases.iter().zip(&runs) {
        assert_eq!(states.len(), 36);
        for (state, run) in states.iter().zip(runs) {
            let meant = meaning::run(rule, state, simulator.ticks());
            let found = first_difference(rule, &meant, run);
            assert_eq!(found.map(|f| f.describe(rule)), None, "{state:?}");
        }
    }
}
