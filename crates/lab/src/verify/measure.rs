//! What a run is worth, and how much of it another run of the same trials loses.

use super::script::Exercise;
use crate::outcome::RunResult;
use crate::statistics::Estimate;
use trifactor_ir::{CheckedNetwork, Group, Read, StateId};

/// Learnt values that are kept of all trials together; more are not compared.
const MAX_VALUES: usize = 20_000_000;

/// What trials gave on one machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Share of right answers by trial; empty where nothing is scored.
    pub scores: Vec<f64>,
    /// Learnt values at the end, `[trial][lane]`, one watched state after the other.
    pub weights: Vec<Vec<f64>>,
    /// States that were clipped, and how often.
    pub saturations: Vec<(String, u64)>,
    /// All results of a protocol.
    pub run: RunResult,
}

/// What is compared between float and chip.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Measure {
    /// Shares of right answers.
    Score,
    /// Learnt values, with the largest change that float makes to each state as their scale.
    Weights(Vec<f64>),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

impl Measure {
    /// Chooses what the float run allows to compare.
    pub fn of(exercise: &Exercise<'_>, float: &Outcome) -> Self {
        if exercise.is_scored() {
            return Self::Score;
        }
        if exercise.watched.is_empty() {
            return Self::Nothing("no rule changes a synapse, and nothing is scored");
        }
        let net = &exercise.model.network;
        let mut scale = Vec::new();
        for name in &exercise.watched {
            let state = net.states.ids().find(|id| net.full_name(*id) == *name);
            let state = &net.states[state.expect("internal: a watched state has a name")];
            let (from, lanes) = (scale.len(), net.lanes(state.space));
            let changes = float.weights.iter().flat_map(|values| {
                (0..lanes).map(move |k| (values[from + k] - state.init.at(k)).abs())
            });
            let largest = changes.fold(0.0, f64::max);
            scale.resize(from + lanes, largest);
        }
        if scale.iter().all(|s| *s == 0.0) {
            return Self::Nothing("no learnt value differs from its initial one when a trial ends");
        }
        Self::Weights(scale)
    }

    /// What each trial of `other` loses against the same trial of `float`: points of the score, or
    /// percent of the largest change. Shape: `[trials]`.
    pub fn losses(&self, float: &Outcome, other: &Outcome) -> Vec<f64> {
        match self {
            Self::Nothing(_) => Vec::new(),
            Self::Score => {
                let pairs = float.scores.iter().zip(&other.scores);
                pairs.map(|(f, o)| 100.0 * (f - o)).collect()
            }
            Self::Weights(scale) => {
                let error = |(f, o): (&Vec<f64>, &Vec<f64>)| {
                    let lanes = f.iter().zip(o).zip(scale).filter(|(_, s)| **s > 0.0);
                    let squares: Vec<f64> =
                        lanes.map(|((f, o), s)| ((o - f) / s).powi(2)).collect();
                    let mean = squares.iter().sum::<f64>() / squares.len().max(1) as f64;
                    100.0 * mean.sqrt()
                };
                float.weights.iter().zip(&other.weights).map(error).collect()
            }
        }
    }

    /// Mean of the losses with its interval.
    pub fn loss(&self, float: &Outcome, other: &Outcome) -> Estimate {
        Estimate::of(&self.losses(float, other))
    }
}

/// Learnt states that are compared: plastic weights, else whatever else rules set. Those of which
/// so many trials have too many values are left out.
pub(super) fn watched(net: &CheckedNetwork, trials: u32) -> Vec<String> {
    let rules = net.phases.values().filter(|p| p.group == Group::Plasticity);
    let set: Vec<StateId> = rules.flat_map(|p| p.writes.clone()).collect();
    let weights: Vec<StateId> = set.iter().copied().filter(|s| is_weight(net, *s)).collect();
    let chosen = if weights.is_empty() { set } else { weights };
    let mut values = 0;
    let fits = |state: &StateId| {
        values += net.lanes(net.states[*state].space) * trials as usize;
        values <= MAX_VALUES
    };
    chosen.into_iter().filter(fits).map(|s| net.full_name(s)).collect()
}

/// Whether a delivery sends this state's value to a target.
pub(super) fn is_weight(net: &CheckedNetwork, state: StateId) -> bool {
    let deliveries = net.phases.values().filter(|p| p.group == Group::Deliver);
    deliveries.flat_map(|p| p.reads.values()).any(|r| *r == Read::State(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(scores: &[f64], weights: &[[f64; 2]]) -> Outcome {
        Outcome {
            scores: scores.to_vec(),
            weights: weights.iter().map(|w| w.to_vec()).collect(),
            ..Outcome::default()
        }
    }

    #[test]
    fn a_score_loses_points_and_a_gain_is_a_negative_loss() {
        let (float, chip) = (outcome(&[1.0, 0.5, 0.0], &[]), outcome(&[0.9, 0.5, 0.25], &[]));
        let losses = Measure::Score.losses(&float, &chip);
        assert!((losses[0] - 10.0).abs() < 1e-9 && losses[1] == 0.0 && losses[2] == -25.0);
    }

    #[test]
    fn weights_are_compared_in_percent_of_the_change_and_constant_ones_not_at_all() {
        let float = outcome(&[], &[[2.0, 7.0], [1.0, 7.0]]);
        let chip = outcome(&[], &[[1.0, 9.0], [1.0, 9.0]]);
        let measure = Measure::Weights(vec![4.0, 0.0]);
        assert_eq!(measure.losses(&float, &chip), [25.0, 0.0]);
        assert_eq!(measure.loss(&float, &chip).mean, 12.5);
    }
}
