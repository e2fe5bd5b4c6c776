//! The rules of an image in the engine, beside their meaning.

use crate::compare::{Difference, first_difference};
use crate::meaning;
use crate::rules::{Learner, learners};
use crate::run::{Outcome, Synapse};
use crate::simulator::{Simulator, SimulatorError};
use crate::states::States;
use trifactor_image::Image;
use trifactor_isa::Chip;

/// Synapses in one call of the simulation; more would only take more memory.
const TOGETHER: usize = 2000;

/// How much to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckOptions {
    /// States of synapses per rule.
    pub states: u32,
    /// Seed of the states.
    pub seed: u32,
}

/// What was found about a rule.
#[derive(Clone, PartialEq, Debug)]
pub struct RuleReport {
    /// The rule.
    pub learner: Learner,
    /// States in which the program ran, in both.
    pub evaluated: u64,
    /// States that the guard skipped, in both.
    pub skipped: u64,
    /// Stores that were saturated.
    pub saturated: u64,
    /// Clocks of an evaluated synapse.
    pub clocks: Option<u64>,
    /// Clocks of a skipped synapse.
    pub clocks_skipped: Option<u64>,
    /// The first difference; nothing is compared after it.
    pub finding: Option<Finding>,
}

/// A difference, and the state that shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Number of the state, from 0.
    pub state: u64,
    /// The state.
    pub synapse: Synapse,
    /// What differs.
    pub difference: Difference,
}

/// Runs every rule of an image on both sides, on the same states.
pub fn check(
    image: &Image,
    chip: &Chip,
    simulator: &Simulator,
    options: &CheckOptions,
) -> Result<Vec<RuleReport>, SimulatorError> {
    let rules = learners(image, chip);
    rules.into_iter().map(|learner| rule(learner, simulator, options)).collect()
}

fn rule(
    learner: Learner,
    simulator: &Simulator,
    options: &CheckOptions,
) -> Result<RuleReport, SimulatorError> {
    let mut report = RuleReport {
        evaluated: 0,
        skipped: 0,
        saturated: 0,
        clocks: None,
        clocks_skipped: None,
        finding: None,
        learner: learner.clone(),
    };
    let mut states = States::new(&learner, options.seed).take(options.states as usize);
    loop {
        let together: Vec<Synapse> = states.by_ref().take(TOGETHER).collect();
        if together.is_empty() {
            return Ok(report);
        }
        let runs = simulator.run(&[(&learner.rule, &together)])?;
        for (synapse, engine) in together.iter().zip(runs.iter().flatten()) {
            let meant = meaning::run(&learner.rule, synapse, simulator.ticks());
            if let Some(difference) = first_difference(&learner.rule, &meant, engine) {
                let state = report.evaluated + report.skipped;
                report.finding = Some(Finding { state, synapse: synapse.clone(), difference });
                return Ok(report);
            }
            match engine.outcome {
                Outcome::Skipped => {
                    report.skipped += 1;
                    report.clocks_skipped = Some(engine.clocks);
                }
                _ => {
                    report.evaluated += 1;
                    report.clocks = Some(engine.clocks);
                }
            }
            let saturated = engine.stores.iter().flatten().filter(|s| s.saturated).count();
            report.saturated += saturated as u64;
        }
    }
}
