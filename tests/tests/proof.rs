//! Compiled microcode is proved to compute its rule, and mutated microcode is not.
//!
//! `TRIFACTOR_KERNELS` random rules (2,000) and all rules that ship; every mutation that an
//! interpreter of the instruction table can tell from the original must be refused.

// A test of thousands of cases says what it covered.
#![allow(clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use trifactor_compile::lower::{self, Lowered};
use trifactor_compile::proof::layout;
use trifactor_compile::structure::{self, ProjectionId, Structure};
use trifactor_entity::EntityId;
use trifactor_fixed::RawRange;
use trifactor_ir::{Read, StateId};
use trifactor_isa::{Chip, Inst, When, assemble};
use trifactor_lab::{find_chip, prepare};
use trifactor_model::{Params, load, load_with};
use trifactor_prove::{
    Input, Layout, Program, Proof, Range, Refusal, Side, Summary, Terms, Verdict, departure,
    input_range, overflow, prove, prove_plan,
};
use trifactor_quant::plan;
use trifactor_testkit::cases::{self, KernelCase};
use trifactor_testkit::isa_oracle::{Surroundings, Trap, run};
use trifactor_testkit::{Rng, chips, networks, rules};

/// A random rule with its microcode.
struct Compiled {
    case: KernelCase,
    layout: Layout,
    words: Vec<u32>,
}

/// The cases that have a program; some need more registers than there are.
fn compiled() -> impl Iterator<Item = Compiled> {
    let chip = chips::superset();
    cases::kernels().filter_map(move |case| lowered(case, &chip))
}

/// Random sums of products on chips whose engine drops bits of products, shares draws and holds
/// factors and sums to ranges of its own.
fn engines() -> impl Iterator<Item = Compiled> {
    let wanted = cases::count("TRIFACTOR_KERNELS", 2000) / 4;
    let case = |seed| {
        let mut rng = Rng::new(seed);
        let rule = rules::sums(&mut rng);
        let drawn = networks::around(&rule, &mut rng);
        let chip = chips::learner(&mut rng);
        let (plan, _) = plan(&drawn.net, &chip, &drawn.requests).ok()?;
        let rule = drawn.net.phases.ids().next_back().expect("there is a rule");
        lowered(KernelCase { seed, net: drawn.net, plan, rule }, &chip)
    };
    (0..).filter_map(case).take(wanted)
}

fn lowered(case: KernelCase, chip: &Chip) -> Option<Compiled> {
    let structure: Structure = structure::read(&case.net).expect("a drawn rule has a projection");
    let lowered: Lowered = lower::lower(&case.net, &case.plan, chip, &structure).ok()?;
    let rule: ProjectionId =
        structure.projections.find(|p| p.rule == Some(case.rule)).expect("one rule");
    let program = lowered.projections[rule].program.as_ref().expect("a rule has a program");
    let words = program.code.iter().map(|inst| inst.encode()).collect();
    let layout = layout(&structure, rule, program, lowered.projections[rule].guard);
    Some(Compiled { case, layout, words })
}

impl Compiled {
    fn prove(&self, words: &[u32]) -> Result<Proof, Refusal> {
        prove(&self.case.net, &self.case.plan, self.case.rule, &self.layout, words)
    }

    /// Random raw values of everything that a program for this layout could read.
    fn lane(&self, rng: &mut Rng) -> Lane<'_> {
        Lane { of: self, salt: rng.bits() as u32, key: rng.bits() as u32, silent: Vec::new() }
    }
}

/// One synapse; every input has a value of its range that depends on the input and a salt alone.
struct Lane<'a> {
    of: &'a Compiled,
    salt: u32,
    key: u32,
    /// Sides that did not spike.
    silent: Vec<Side>,
}

impl Lane<'_> {
    fn value(&self, input: Input) -> i64 {
        if let Input::Flag(side) = input
            && self.silent.contains(&side)
        {
            return 0;
        }
        let Range { lo, hi } = input_range(&self.of.case.net, &self.of.case.plan, input);
        let text = format!("{input:?}");
        let hash = text.bytes().fold(self.salt, |h, b| trifactor_fixed::mix32(h ^ u32::from(b)));
        let span = hi.abs_diff(lo) + 1;
        match hash % 8 {
            0 => lo,
            1 => hi,
            _ => lo + (u64::from(trifactor_fixed::mix32(hash)) % span) as i64,
        }
    }

    fn side(&self, list: &[StateId], side: Side, slot: usize, when: When, prev: bool) -> i64 {
        let Some(at) = slot.checked_sub(1) else { return self.value(Input::Flag(side)) };
        // A slot beyond the list is refused by the proof and read as anything here.
        let Some(state) = list.get(at).copied() else { return -1 };
        let net = &self.of.case.net;
        let space = &net.spaces[net.states[state].space];
        let modulator = matches!(space.kind, trifactor_ir::SpaceKind::Modulator { .. });
        let when = match when {
            _ if modulator => 0,
            When::End => 0,
            When::X0 => 1,
            When::Y0 => 2,
        };
        self.value(Input::Lane { state, side, when, prev: prev && !modulator })
    }

    /// What is stored, by variable.
    fn stores(&self, words: &[u32]) -> Result<BTreeMap<StateId, i64>, Trap> {
        let stores = run(words, self)?;
        let known = |field: usize| self.of.layout.fields.get(field).copied();
        // A field beyond the list is a store to nowhere; it is told from all others.
        let nowhere = |field: usize| StateId::from_index(1000 + field);
        let state = |field: usize| known(field).unwrap_or_else(|| nowhere(field));
        Ok(stores.iter().map(|s| (state(s.field), s.raw)).collect())
    }
}

impl Surroundings for Lane<'_> {
    fn field(&self, field: usize) -> i64 {
        self.of.layout.fields.get(field).map_or(-1, |s| self.value(Input::Own(*s)))
    }
    fn pre(&self, slot: usize, when: When, prev: bool) -> i64 {
        self.side(&self.of.layout.pre, Side::Pre, slot, when, prev)
    }
    fn post(&self, slot: usize, when: When, prev: bool) -> i64 {
        self.side(&self.of.layout.post, Side::Post, slot, when, prev)
    }
    fn global(&self, slot: usize) -> i64 {
        self.of.layout.global.get(slot).map_or(-1, |s| self.value(Input::Global(*s)))
    }
    fn every(&self, k: u32) -> bool {
        self.value(Input::Every(k as u8)) != 0
    }
    fn draw(&self, site: u8) -> u32 {
        cases::draw(self.key, site)
    }
    fn range(&self, field: usize) -> (i64, i64) {
        let state = self.of.layout.fields.get(field);
        let raw = state.map(|s| self.of.case.plan.states[*s].raw);
        raw.map_or((-1, 1), |r| (r.lo, r.hi))
    }
}

#[test]
fn every_random_rule_is_proved_and_none_of_its_registers_can_saturate() {
    let total = proved(compiled());
    eprintln!("{total}");
    assert!(total.rules > 0 && total.writes > total.rules);
}

#[test]
fn rules_of_engines_that_public_models_describe_are_proved_too() {
    let total = proved(engines());
    eprintln!("{total}");
    assert!(total.rules > 0 && total.writes > total.rules);
}

fn proved(rules: impl Iterator<Item = Compiled>) -> Summary {
    let mut total = Vec::new();
    for c in rules {
        assert_eq!(
            prove_plan(&c.case.net, &c.case.plan, c.case.rule),
            Ok(()),
            "seed {}",
            c.case.seed
        );
        let proof = c
            .prove(&c.words)
            .unwrap_or_else(|e| panic!("seed {}: {e}\n{}", c.case.seed, c.case.listing()));
        let summary = proof.summary();
        assert_eq!(
            summary.shown + summary.open,
            0,
            "seed {}: {summary}\n{}",
            c.case.seed,
            c.case.listing()
        );
        total.push(summary);
    }
    total.into_iter().sum()
}

/// Terms are what they stand for: executed on numbers they give what the words give.
#[test]
fn terms_have_the_values_of_an_interpreter_that_knows_the_instruction_table_only() {
    let mut compared = 0;
    for c in compiled().step_by(4).chain(engines().step_by(2)) {
        let mut terms = Terms::default();
        let program = Program::execute(&mut terms, &c.case.net, &c.layout, &c.words)
            .unwrap_or_else(|e| panic!("seed {}: {e}", c.case.seed));
        let stored = |state: StateId| c.case.plan.states[state].raw;
        let mut rng = Rng::new(c.case.seed);
        for _ in 0..8 {
            let lane = c.lane(&mut rng);
            let inputs = |input| lane.value(input);
            let draws = |site| cases::draw(lane.key, site);
            let (_, results) = program.run(&terms, &inputs, &draws, &stored);
            assert_eq!(Ok(results), lane.stores(&c.words), "seed {}", c.case.seed);
            compared += 1;
        }
    }
    assert!(compared > 0);
}

/// One word changed, one left out, two exchanged, or one doubled.
fn mutated(words: &[u32], rng: &mut Rng) -> Vec<u32> {
    let mut words = words.to_vec();
    let at = rng.below(words.len());
    match rng.below(8) {
        // A bit: an opcode, a register, a shift, a site, a constant, a slot or a reserved bit.
        0..=3 => words[at] ^= 1 << rng.below(32),
        // A field of another word of the program: legal more often than a flipped bit.
        4 => {
            let from = words[rng.below(words.len())];
            let mask =
                [0x03c0_0000, 0x003c_0000, 0x0003_c000, 0x0000_3f00, 0xfc00_0000][rng.below(5)];
            words[at] = (words[at] & !mask) | (from & mask);
        }
        5 => {
            words.remove(at);
        }
        6 => {
            let other = rng.below(words.len());
            words.swap(at, other);
        }
        _ => words.insert(at, words[rng.below(words.len())]),
    }
    words
}

#[test]
fn a_mutation_that_changes_a_result_is_always_refused() {
    const MUTATIONS: usize = 12;
    const INPUTS: usize = 24;
    let (mut made, mut changed, mut refused, mut silent, mut with_example) = (0, 0, 0, 0, 0);
    let mut kinds: BTreeSet<&str> = BTreeSet::new();
    for c in compiled().step_by(2).chain(engines().step_by(4)) {
        let mut rng = Rng::new(c.case.seed ^ 0xbad);
        for _ in 0..MUTATIONS {
            let words = mutated(&c.words, &mut rng);
            if words == c.words {
                continue;
            }
            made += 1;
            let mut different = false;
            for _ in 0..INPUTS {
                let lane = c.lane(&mut rng);
                different |= lane.stores(&words) != lane.stores(&c.words);
            }
            let verdict = c.prove(&words);
            if different {
                changed += 1;
                let listing = || {
                    let show = |words: &[u32]| -> String {
                        let text = |w: &u32| match Inst::decode(*w) {
                            Ok(inst) => format!("{inst}\n"),
                            Err(e) => format!("{e}\n"),
                        };
                        words.iter().map(text).collect()
                    };
                    format!("{}---\n{}", show(&c.words), show(&words))
                };
                assert!(verdict.is_err(), "seed {}: accepted\n{}", c.case.seed, listing());
            }
            match verdict {
                Err(why) => {
                    refused += 1;
                    silent += usize::from(!different);
                    kinds.insert(match &why {
                        Refusal::Malformed(_) => "malformed",
                        Refusal::Missing(_) => "missing",
                        Refusal::Surplus(_) => "surplus",
                        Refusal::Departs(_) => "departs",
                        Refusal::Skips(_) => "skips",
                        Refusal::Differs(_) => "differs",
                    });
                    if let Refusal::Differs(difference) = why
                        && difference.example.is_some()
                    {
                        with_example += 1;
                    }
                }
                // An exchanged pair of independent instructions, a site that is never drawn from.
                Ok(_) => assert!(!different),
            }
        }
    }
    eprintln!(
        "{made} mutations: {changed} change a result and all are refused; {refused} refused in all, {silent} of \
         them without a difference in {INPUTS} evaluations, {with_example} with inputs that show it; \
         {} accepted",
        made - refused
    );
    assert!(changed * 2 > made, "most mutations should matter: {changed} of {made}");
    assert!(refused < made, "harmless mutations exist and should be accepted");
    for kind in ["malformed", "missing", "differs"] {
        assert!(kinds.contains(kind), "no mutation was refused as {kind}");
    }
}

/// Every rule that ships, on the chip it names.
#[test]
fn the_rules_that_ship_are_proved() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware-models");
    let mut folders: Vec<_> = std::fs::read_dir(&models)
        .expect("the folder exists")
        .map(|e| e.expect("it can be read").path())
        .filter(|p| p.join("model.ron").is_file())
        .collect();
    folders.sort();
    let mut all = Vec::new();
    for folder in folders {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let params = folder.join("params.safetensors");
        let model = if params.is_file() {
            load_with(&folder, &Params::File(params))
        } else {
            load(&folder)
        };
        let model = model.unwrap_or_else(|e| panic!("{name}: {e}"));
        let chip = find_chip(&model.chip).expect("the chip is built in");
        let prepared = prepare(&model, chip).unwrap_or_else(|e| panic!("{name}: {e}"));
        let rules = prepared.network.phases.values();
        let rules = rules.filter(|p| p.group == trifactor_ir::Group::Plasticity).count();
        let summary: Summary = prepared.compiled.proofs.iter().map(|p| p.proof.summary()).sum();
        assert_eq!(summary.rules, rules, "{name}");
        assert_eq!(summary.fit + summary.clamped, summary.writes, "{name}: {summary}");
        eprintln!("{name}: {summary}");
        all.push(summary);
    }
    let all: Summary = all.into_iter().sum();
    eprintln!("all: {all}");
    assert!(all.rules >= 20, "{all}");
}

/// A plan whose binary points do not follow from each other is refused before any word is read.
#[test]
fn a_plan_that_is_not_the_rule_is_refused() {
    let mut refused = 0;
    for c in compiled().step_by(50).chain(engines().step_by(20)) {
        let (net, rule) = (&c.case.net, c.case.rule);
        assert_eq!(departure(net, &c.case.plan, rule), None);
        let kernel = &net.kernels[net.phases[rule].kernel];
        for (id, op) in kernel.ops.iter() {
            let mut plan = c.case.plan.clone();
            plan.phases[rule].values[id].frac += 1;
            // A value of a constant 0 or of an aligned-away operand has any point it likes.
            if departure(net, &plan, rule).is_some() {
                refused += 1;
            }
            if let trifactor_ir::Op::Const(value) = op
                && *value != 0.0
            {
                let mut plan = c.case.plan.clone();
                plan.phases[rule].values[id].constant += 1 << 10;
                assert!(departure(net, &plan, rule).is_some(), "seed {}: {id}", c.case.seed);
            }
        }
        let mut plan = c.case.plan.clone();
        plan.phases[rule].outputs[0].shift += 1;
        let refused = prove_plan(net, &plan, rule);
        assert!(matches!(refused, Err(Refusal::Departs(_))), "seed {}", c.case.seed);
    }
    assert!(refused > 0);
}

/// A condition under which synapses are skipped is accepted only where the rule then changes
/// nothing, whoever claims it.
#[test]
fn a_rule_is_skipped_only_where_it_changes_nothing() {
    let claims = [vec![Side::Pre], vec![Side::Post], vec![Side::Pre, Side::Post]];
    let (mut derived, mut accepted, mut refused) = (0, 0, 0);
    for mut c in compiled().step_by(2) {
        derived += usize::from(!c.layout.skipped_without.is_empty());
        for claim in &claims {
            c.layout.skipped_without.clone_from(claim);
            match c.prove(&c.words) {
                Err(Refusal::Skips(_)) => refused += 1,
                Err(other) => panic!("seed {}: {other}", c.case.seed),
                Ok(_) => {
                    accepted += 1;
                    let mut rng = Rng::new(c.case.seed);
                    let mut silent = c.lane(&mut rng);
                    silent.silent.clone_from(claim);
                    for (state, raw) in silent.stores(&c.words).expect("it halts") {
                        let old = silent.value(Input::Own(state));
                        assert_eq!(raw, old, "seed {} {claim:?}", c.case.seed);
                    }
                }
            }
        }
    }
    eprintln!(
        "{derived} rules are skipped; of all claims {accepted} are accepted, {refused} refused"
    );
    assert!(derived > 0 && accepted >= derived && refused > 0);
}

/// What a program that is written by hand does with the inputs of a drawn rule.
fn by_hand(code: &str) -> (KernelCase, Terms, Program, Vec<u32>, Layout) {
    // A rule with a weight, a pre trace and a post trace.
    let c = compiled()
        .find(|c| !c.layout.pre.is_empty() && !c.layout.post.is_empty())
        .expect("many rules read both sides");
    let words: Vec<u32> =
        assemble(code).expect("the text is legal").iter().map(|i| i.encode()).collect();
    let mut terms = Terms::default();
    let program = Program::execute(&mut terms, &c.case.net, &c.layout, &words)
        .unwrap_or_else(|e| panic!("{e}"));
    (c.case, terms, program, words, c.layout)
}

#[test]
fn a_register_that_can_overflow_is_reported_with_inputs_that_do_it() {
    let code = "ldx r0, slot 1, at end\n\
                ldi r1, 30000, <<8\n\
                mul r2, r0, r1, >>0, floor, site 0\n\
                shr r3, r2, >>20, floor, site 0\n\
                sts field 0, r3, >>0, floor, site 0\n\
                halt";
    let (_, terms, program, ..) = by_hand(code);
    let stored = |_: StateId| RawRange { lo: -128, hi: 127 };
    let wide = |_: Input| Range { lo: 0, hi: 4095 };
    let reach = overflow(&program, &terms, &wide, &stored);
    assert_eq!((reach[2].range.lo, reach[2].range.hi), (0, 4095 * 30000 * 256));
    let Verdict::Open(Some(witness)) = &reach[2].verdict else { panic!("{reach:?}") };
    // Executing the inputs shows the value that leaves the register.
    let (values, _) = program.run(&terms, &|i| witness.inputs[&i], &|_| witness.draw, &stored);
    assert_eq!(values[2], witness.value);
    assert!(witness.value > i64::from(i32::MAX));
    // With a smaller trace nothing leaves it.
    let narrow = |_: Input| Range { lo: 0, hi: 255 };
    let reach = overflow(&program, &terms, &narrow, &stored);
    assert!(reach.iter().all(|r| r.verdict == Verdict::Fits), "{reach:?}");
}

#[test]
fn an_overflow_that_intervals_cannot_exclude_and_nobody_can_show_is_left_open() {
    // x - max(x, 0) is 0, but an interval does not know that both are the same value.
    let code = "ldx r0, slot 1, at end\n\
                ldi r2, 0, <<0\n\
                max r1, r0, r2\n\
                sub r1, r0, r1\n\
                shl r2, r1, <<24\n\
                shr r3, r2, >>20, floor, site 0\n\
                sts field 0, r3, >>0, floor, site 0\n\
                halt";
    let (_, terms, program, ..) = by_hand(code);
    let stored = |_: StateId| RawRange { lo: -128, hi: 127 };
    let reach = overflow(&program, &terms, &|_| Range { lo: 0, hi: 4095 }, &stored);
    assert_eq!(reach[4].verdict, Verdict::Open(None));
}

#[test]
fn saturation_behind_which_a_store_clamps_changes_nothing() {
    let code = "ldx r0, slot 1, at end\n\
                shl r1, r0, <<24\n\
                sts field 0, r1, >>8, floor, site 0\n\
                halt";
    let (_, terms, program, ..) = by_hand(code);
    let inputs = |_: Input| Range { lo: -4095, hi: 4095 };
    let narrow = |_: StateId| RawRange { lo: -128, hi: 127 };
    assert_eq!(overflow(&program, &terms, &inputs, &narrow)[1].verdict, Verdict::Clamped);
    // A store that keeps more than the shifted register holds would show the difference.
    let wide = |_: StateId| RawRange { lo: -(1 << 30), hi: 1 << 30 };
    let verdict = &overflow(&program, &terms, &inputs, &wide)[1].verdict;
    assert!(matches!(verdict, Verdict::Open(Some(_))), "{verdict:?}");
}

#[test]
fn a_store_to_a_variable_that_the_rule_only_reads_is_refused() {
    let (c, field) = compiled()
        .find_map(|c| {
            let set = |s: &StateId| c.case.phase().writes.contains(s);
            let field = c.layout.fields.iter().position(|s| !set(s))?;
            Some((c, field))
        })
        .expect("some rules read what they do not set");
    let name = &c.case.net.states[c.layout.fields[field]].name;
    let code = format!("ldi r0, 1, <<0\nsts field {field}, r0, >>0, floor, site 0");
    let store = assemble(&code).expect("it is legal").into_iter().map(|i| i.encode());
    // Registers are free again in front of `halt`.
    let halt = c.words.len() - 1;
    let words: Vec<u32> =
        c.words[..halt].iter().copied().chain(store).chain([c.words[halt]]).collect();
    assert!(c.prove(&c.words).is_ok());
    assert!(matches!(c.prove(&words), Err(Refusal::Surplus(n)) if n == *name));
}

/// A difference comes with inputs that show it, and the words and the rule differ there.
#[test]
fn a_refusal_names_the_variable_and_inputs_on_which_it_differs() {
    let c = compiled()
        .find(|c| c.case.phase().reads.values().any(|r| matches!(r, Read::State(_))))
        .expect("rules read states");
    let mut words = c.words.clone();
    let store = words
        .iter()
        .position(|w| matches!(Inst::decode(*w), Ok(Inst::Sts(_))))
        .expect("a rule stores");
    // The store takes another register: the first that was written.
    words[store] &= !0x003c_0000;
    words.insert(store, assemble("ldi r0, 1, <<0").expect("it is legal")[0].encode());
    let refusal = c.prove(&words).expect_err("1 is not what the rule gives");
    let Refusal::Differs(difference) = &refusal else { panic!("{refusal}") };
    let example = difference.example.as_ref().expect("1 is rarely right");
    let sets = &c.case.net.kernels[c.case.phase().kernel].outputs;
    assert!(sets.iter().any(|o| o.variable == difference.variable));
    assert_ne!(example.at.value, example.expected);
    let said = refusal.to_string();
    let values = format!("to {} instead of {}", example.at.value, example.expected);
    assert!(said.contains(&difference.found) && said.ends_with(&values), "{said}");
}
