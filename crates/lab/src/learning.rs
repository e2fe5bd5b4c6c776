//! What each rule of a run cost per synapse and epoch, as the emulator's ledgers counted it.

use serde_json::{Value, json};
use std::fmt;
use trifactor_emu::{Cause, Report as Ledger};
use trifactor_isa::Cost;

/// What the rule of a projection cost.
///
/// A synapse epoch is one synapse in one learning epoch. The engine evaluates the rule in it, or
/// skips it where the rule is proved to change nothing (S47).
#[derive(Clone, PartialEq, Debug)]
pub struct LearningCost {
    /// The projection.
    pub projection: String,
    /// Synapse epochs in which the rule was evaluated.
    pub evaluated: u64,
    /// Synapse epochs that were skipped.
    pub skipped: u64,
    /// Instructions of one evaluation.
    pub instructions: u64,
    /// Energy of one evaluation in picojoules.
    pub evaluation_pj: f64,
    /// Time of one evaluation in nanoseconds, on the core that holds the synapse.
    pub evaluation_ns: f64,
    /// Energy of a synapse epoch of this run in picojoules, skipped ones included.
    pub mean_pj: f64,
    /// Time of a synapse epoch of this run in nanoseconds, skipped ones included.
    pub mean_ns: f64,
}

/// The costs of all rules, in the author's order of projections.
pub(crate) fn costs(ledgers: &[Ledger]) -> Vec<LearningCost> {
    let Some(first) = ledgers.first() else { return Vec::new() };
    let lines = || ledgers.iter().flat_map(|l| &l.lines);
    let mut names: Vec<&str> = Vec::new();
    for name in first.lines.iter().filter_map(|l| l.rule.as_deref()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let one = |name: &str| {
        let (mut evaluated, mut skipped, mut instructions) = (0, 0, 0);
        let (mut done, mut passed) = (Cost::default(), Cost::default());
        for line in lines().filter(|l| l.rule.as_deref() == Some(name)) {
            match line.cause {
                Cause::RuleSkip => skipped += line.count,
                Cause::RuleInstruction(_) => instructions += line.count,
                _ => evaluated += line.count,
            }
            let sum = if line.cause == Cause::RuleSkip { &mut passed } else { &mut done };
            *sum += line.cost;
        }
        let pj = |cost: Cost, n: u64| cost.fj as f64 / 1e3 / n.max(1) as f64;
        let ns = |cost: Cost, n: u64| (cost.ticks * first.tick_ps) as f64 / 1e3 / n.max(1) as f64;
        LearningCost {
            projection: name.to_owned(),
            evaluated,
            skipped,
            instructions: instructions / evaluated.max(1),
            evaluation_pj: pj(done, evaluated),
            evaluation_ns: ns(done, evaluated),
            mean_pj: pj(done + passed, evaluated + skipped),
            mean_ns: ns(done + passed, evaluated + skipped),
        }
    };
    names.into_iter().map(one).collect()
}

/// The costs for programs; units are in the keys.
pub(crate) fn to_json(costs: &[LearningCost]) -> Value {
    let one = |c: &LearningCost| {
        json!({
            "projection": c.projection,
            "synapse_epochs_evaluated": c.evaluated,
            "synapse_epochs_skipped": c.skipped,
            "instructions_per_evaluation": c.instructions,
            "picojoules_per_evaluation": c.evaluation_pj,
            "nanoseconds_per_evaluation": c.evaluation_ns,
            "picojoules_per_synapse_epoch": c.mean_pj,
            "nanoseconds_per_synapse_epoch": c.mean_ns,
        })
    };
    costs.iter().map(one).collect()
}

impl fmt::Display for LearningCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.evaluated + self.skipped;
        write!(f, "rule of {}: ", self.projection)?;
        if self.evaluated == 0 {
            write!(f, "never evaluated; ")?;
        } else {
            let (n, pj, ns) = (self.instructions, self.evaluation_pj, self.evaluation_ns);
            write!(f, "{n} instructions, {pj:.1} pJ and {ns:.1} ns an evaluation; ")?;
        }
        write!(
            f,
            "{:.1} pJ and {:.1} ns per synapse and epoch ({} of {all} evaluated)",
            self.mean_pj, self.mean_ns, self.evaluated,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_emu::Line;
    use trifactor_isa::CostClass;

    fn ledger(rule: &str, evaluated: u64, skipped: u64) -> Ledger {
        let line = |cause, count: u64, fj: u64, ticks: u64| Line {
            cause,
            rule: Some(rule.to_owned()),
            count,
            each: Some(Cost { fj, ticks }),
            cost: Cost { fj: fj * count, ticks: ticks * count },
            critical: 0,
        };
        let cost = Cost { fj: 9, ticks: 9 };
        let other =
            Line { cause: Cause::Trace, rule: None, count: 9, each: None, cost, critical: 0 };
        Ledger {
            chip: "superset".to_owned(),
            preset: "test".to_owned(),
            tick_ps: 100,
            steps: 10,
            tiles: 1,
            chips: 1,
            lines: vec![
                other,
                line(Cause::RuleState, evaluated, 80_000, 30),
                line(Cause::RuleInstruction(CostClass::Mul), 3 * evaluated, 2_000, 3),
                line(Cause::RuleInstruction(CostClass::Alu), 4 * evaluated, 1_000, 1),
                line(Cause::RuleSkip, skipped, 1_000, 1),
            ],
            time_ticks: 0,
            longest_step_ticks: 0,
            missing: Vec::new(),
            saturations: Vec::new(),
        }
    }

    #[test]
    fn the_ledgers_of_all_workers_count_and_skipped_synapses_only_in_the_mean() {
        let found = costs(&[ledger("ff", 1, 2), ledger("ff", 3, 4)]);
        let [ff] = found.as_slice() else { panic!("one rule is expected, not {found:?}") };
        assert_eq!((ff.evaluated, ff.skipped, ff.instructions), (4, 6, 7));
        // 80 + 3 * 2 + 4 * 1 pJ and (30 + 9 + 4) ticks of 0.1 ns.
        assert!((ff.evaluation_pj - 90.0).abs() < 1e-9 && (ff.evaluation_ns - 4.3).abs() < 1e-9);
        // (4 * 90 + 6 * 1) / 10 pJ.
        assert!((ff.mean_pj - 36.6).abs() < 1e-9, "{}", ff.mean_pj);
        assert!((ff.mean_ns - 1.78).abs() < 1e-9, "{}", ff.mean_ns);
    }

    #[test]
    fn a_rule_that_never_ran_costs_its_skips_alone() {
        let found = costs(&[ledger("ff", 0, 5)]);
        assert_eq!((found[0].instructions, found[0].evaluation_pj), (0, 0.0));
        assert!((found[0].mean_pj - 1.0).abs() < 1e-9);
        assert!(found[0].to_string().contains("never evaluated; 1.0 pJ"), "{}", found[0]);
        assert_eq!(costs(&[]), Vec::new());
    }
}
