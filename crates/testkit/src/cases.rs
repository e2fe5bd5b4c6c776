//! Cases for tests of single kernels: a random rule in a network, with its plan.
//!
//! [`kernels`] gives the same cases to every test, so what holds for the fixed reading in one
//! test and for microcode in another holds for the same rules.

use crate::rules::{self, Rule};
use crate::{Rng, chips, networks};
use trifactor_entity::SideTable;
use trifactor_fixed::{Rounding, mix32};
use trifactor_ir::{CheckedNetwork, Phase, PhaseId, PortId, Read, StateRole};
use trifactor_quant::{Plan, plan};

/// A rule in a network with a plan, on a superset whose products round in one of the four ways.
#[derive(Clone, Debug)]
pub struct KernelCase {
    /// What it was drawn from.
    pub seed: u64,
    /// The network.
    pub net: CheckedNetwork,
    /// Formats.
    pub plan: Plan,
    /// The rule's phase.
    pub rule: PhaseId,
}

impl KernelCase {
    /// The rule's phase.
    pub fn phase(&self) -> &Phase {
        &self.net.phases[self.rule]
    }

    /// A random raw value for every input. The ends of ranges are drawn often.
    pub fn inputs(&self, rng: &mut Rng) -> SideTable<PortId, i64> {
        let mut inputs = SideTable::empty();
        for read in self.phase().reads.values() {
            let raw = match *read {
                Read::State(id) => {
                    let (state, format) = (&self.net.states[id], &self.plan.states[id]);
                    match state.role {
                        StateRole::Parameter => {
                            let lane = rng.below(self.net.lanes(state.space));
                            format.quantise(state.init.at(lane))
                        }
                        _ => match rng.below(8) {
                            0 => format.raw.lo,
                            1 => format.raw.hi,
                            2 => 0.clamp(format.raw.lo, format.raw.hi),
                            _ => rng.within(format.raw.lo..=format.raw.hi),
                        },
                    }
                }
                Read::Arriving { .. } | Read::SpikedInEpoch(_) | Read::EpochFlag => {
                    rng.within(0..=1)
                }
            };
            inputs.push(raw);
        }
        inputs
    }

    /// The real value of a raw input.
    pub fn value(&self, port: PortId, raw: i64) -> f64 {
        match self.phase().reads[port] {
            Read::State(id) => self.plan.states[id].value(raw),
            Read::Arriving { .. } | Read::SpikedInEpoch(_) | Read::EpochFlag => raw as f64,
        }
    }

    /// Kernel and plan as text, for messages.
    pub fn listing(&self) -> String {
        let kernel = trifactor_ir::text::print_kernel(&self.net.kernels[self.phase().kernel]);
        format!("{kernel}\n{}", self.plan.print(&self.net))
    }
}

/// 32 bits for a draw site of a lane with a key.
pub fn draw(key: u32, site: u8) -> u32 {
    mix32(key ^ u32::from(site).wrapping_mul(0x9e37_79b1))
}

/// Number of cases: an environment variable, or a default.
pub fn count(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// `TRIFACTOR_KERNELS` cases (2,000 unless set). Rules that no plan can hold are drawn again.
pub fn kernels() -> impl Iterator<Item = KernelCase> {
    let wanted = count("TRIFACTOR_KERNELS", 2000);
    (0..).filter_map(kernel).take(wanted)
}

/// The case of a seed, or `None` where a change is too fine for its variable (`Q008`) or too many
/// roundings draw (`Q013`).
pub fn kernel(seed: u64) -> Option<KernelCase> {
    let mut rng = Rng::new(seed);
    let rule = rules::draw(&mut rng);
    planned(seed, &rule, &mut rng)
}

/// The case of a rule that a test has made; the network around it is drawn from the seed.
pub fn of_rule(seed: u64, rule: &Rule) -> Option<KernelCase> {
    planned(seed, rule, &mut Rng::new(seed))
}

fn planned(seed: u64, rule: &Rule, rng: &mut Rng) -> Option<KernelCase> {
    let drawn = networks::around(rule, rng);
    // Drawn apart from the rule, so that a seed's rule is the same on every chip.
    let mut chip = chips::superset();
    chip.defaults.intermediate_rounding = Rounding::from_code((seed % 4) as u8);
    match plan(&drawn.net, &chip, &drawn.requests) {
        Ok((plan, _)) => {
            let rule = drawn.net.phases.ids().next_back().expect("there is a rule");
            Some(KernelCase { seed, net: drawn.net, plan, rule })
        }
        Err(findings) => {
            let text = findings.to_string();
            let known = text.contains("Q008") || text.contains("Q013");
            assert!(known, "seed {seed}: {text}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rules_have_no_plan() {
        let planned = (0..300).filter(|seed| kernel(*seed).is_some()).count();
        assert!(planned > 240, "only {planned} of 300 rules have a plan");
    }
}
