//! What a rule costs: the ledger's lines of a rule, for one synapse and one learning epoch.

use serde_json::{Value, json};
use std::fmt;
use trifactor_emu::{Cause, Report};

/// The cost of the rule of one projection, averaged over its synapses and epochs.
#[derive(Clone, PartialEq, Debug)]
pub struct RuleCost {
    /// The projection.
    pub projection: String,
    /// Times the rule was evaluated, over all synapses and epochs.
    pub evaluated: u64,
    /// Times it was skipped because it would have changed nothing (S47).
    pub skipped: u64,
    /// Energy per synapse and epoch, skipped ones among them.
    pub picojoules: f64,
    /// Time per synapse and epoch on its core.
    pub nanoseconds: f64,
}

impl RuleCost {
    /// The rules of a run; one ledger per worker.
    pub(crate) fn of(ledgers: &[Report]) -> Vec<Self> {
        let mut rules: Vec<Self> = Vec::new();
        for ledger in ledgers {
            for line in &ledger.lines {
                let Some(projection) = &line.rule else { continue };
                let at = rules.iter().position(|r| r.projection == *projection);
                let at = at.unwrap_or_else(|| {
                    let projection = projection.clone();
                    let none = (0, 0, 0.0, 0.0);
                    let (evaluated, skipped, picojoules, nanoseconds) = none;
                    rules.push(Self { projection, evaluated, skipped, picojoules, nanoseconds });
                    rules.len() - 1
                });
                let rule = &mut rules[at];
                match line.cause {
                    Cause::RuleState => rule.evaluated += line.count,
                    Cause::RuleSkip => rule.skipped += line.count,
                    _ => {}
                }
                rule.picojoules += line.cost.fj as f64 / 1e3;
                rule.nanoseconds += (line.cost.ticks * ledger.tick_ps) as f64 / 1e3;
            }
        }
        for rule in &mut rules {
            let n = (rule.evaluated + rule.skipped).max(1) as f64;
            rule.picojoules /= n;
            rule.nanoseconds /= n;
        }
        rules
    }

    /// For the machine-readable report; units are in the keys.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "projection": self.projection,
            "evaluated": self.evaluated,
            "skipped": self.skipped,
            "picojoules_per_synapse_and_epoch": self.picojoules,
            "nanoseconds_per_synapse_and_epoch": self.nanoseconds,
        })
    }
}

impl fmt::Display for RuleCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rule of {}: {:.1} pJ and {:.2} ns per synapse and epoch ({} evaluated, {} skipped)",
            self.projection, self.picojoules, self.nanoseconds, self.evaluated, self.skipped
        )
    }
}
