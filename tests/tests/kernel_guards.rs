//! A synapse that a guard skips is one that the rule would not change (S47).
//!
//! Random rules: wherever the compiler found a guard, the rule is evaluated under it, with random
//! values for everything but the flags, and every store must write back what was there. The
//! other way round, rules that are gated by their form must get a guard, or nothing is saved.

// A test of thousands of cases says what it covered.
#![allow(clippy::print_stderr)]

use std::collections::BTreeMap;
use trifactor_compile::lower::guard;
use trifactor_entity::SideTable;
use trifactor_image::Guard;
use trifactor_ir::{PortId, Read, Role};
use trifactor_quant::{eval, store};
use trifactor_testkit::cases::{self, KernelCase};
use trifactor_testkit::{Rng, rules};

/// Evaluations of each rule that has a guard.
const EVALUATIONS: usize = 40;

/// Whether the guard's condition to skip speaks of the pre and post flag.
fn silent(guard: Guard) -> [bool; 2] {
    match guard {
        Guard::Always => [false, false],
        Guard::Pre => [true, false],
        Guard::Post => [false, true],
        Guard::PreOrPost => [true, true],
    }
}

/// Random inputs with the flags 0 where the guard says so.
fn skipped_inputs(case: &KernelCase, guard: Guard, rng: &mut Rng) -> SideTable<PortId, i64> {
    let mut raw = case.inputs(rng);
    let [pre, post] = silent(guard);
    let phase = case.phase();
    for (port, read) in phase.reads.iter() {
        let flag = matches!(read, Read::SpikedInEpoch(_));
        let side = match case.net.kernels[phase.kernel].ports[port].role {
            Role::Pre => pre,
            Role::Post => post,
            _ => false,
        };
        if flag && side {
            raw[port] = 0;
        }
    }
    raw
}

/// Whether a rule stores something else than what was there; `None` if it never reads it.
fn changes(case: &KernelCase, raw: &SideTable<PortId, i64>, key: u32) -> Option<bool> {
    let phase = case.phase();
    let kernel = &case.net.kernels[phase.kernel];
    let plan = &case.plan.phases[case.rule];
    let draws = |site: u8| cases::draw(key, site);
    let values = eval(kernel, plan, raw, &draws);
    let mut changed = false;
    for ((output, p), state) in kernel.outputs.iter().zip(&plan.outputs).zip(&phase.writes) {
        let old = phase.reads.iter().find(|(port, read)| {
            kernel.ports[*port].role == Role::Own && **read == Read::State(*state)
        });
        let old = raw[old?.0];
        let (new, saturated) = store(&values, output.value, p, &case.plan.states[*state], &draws);
        changed |= new != old || saturated;
    }
    Some(changed)
}

#[test]
fn a_skipped_synapse_is_one_that_would_not_change() {
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    for case in cases::kernels() {
        let guard = guard(&case.net, &case.plan, case.rule);
        *found.entry(format!("{guard:?}")).or_insert(0) += 1;
        if guard == Guard::Always {
            continue;
        }
        let mut rng = Rng::new(case.seed);
        for _ in 0..EVALUATIONS {
            let raw = skipped_inputs(&case, guard, &mut rng);
            let changed = changes(&case, &raw, rng.bits() as u32);
            assert_eq!(
                changed,
                Some(false),
                "seed {}: {guard:?} skips a synapse that changes\n{}",
                case.seed,
                case.listing()
            );
        }
    }
    eprintln!("{found:?}");
    for guard in [Guard::Always, Guard::Pre, Guard::Post, Guard::PreOrPost] {
        assert!(found.contains_key(&format!("{guard:?}")), "no rule has {guard:?}: {found:?}");
    }
}

#[test]
fn most_rules_that_never_change_a_silent_synapse_have_a_guard() {
    // A rule that is the identity in every one of many silent evaluations could be skipped;
    // proving it from the form alone may fail now and then, but not often.
    let (mut idle, mut guarded) = (0u32, 0u32);
    for case in cases::kernels() {
        let mut rng = Rng::new(case.seed);
        let never_changes = (0..EVALUATIONS).all(|_| {
            let raw = skipped_inputs(&case, Guard::PreOrPost, &mut rng);
            changes(&case, &raw, rng.bits() as u32) == Some(false)
        });
        if never_changes {
            idle += 1;
            guarded += u32::from(guard(&case.net, &case.plan, case.rule) != Guard::Always);
        }
    }
    eprintln!("{guarded} of {idle} idle rules have a guard");
    assert!(idle > 50, "too few rules are idle: {idle}");
    assert!(guarded * 10 > idle * 7, "only {guarded} of {idle} idle rules are skipped");
}

#[test]
fn the_same_seed_draws_the_same_rule() {
    assert_eq!(rules::draw(&mut Rng::new(3)), rules::draw(&mut Rng::new(3)));
}
