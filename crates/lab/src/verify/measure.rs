//! What a run is worth, and how much of it another run of the same trials loses.

use super::script::Exercise;
use crate::outcome::{RunResult, TrialResult};
use crate::statistics::Estimate;
use std::collections::BTreeMap;
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
    /// Learnt values at the end; each has the largest change that float makes to its state as its
    /// scale.
    Learnt(Vec<f64>),
    /// What the protocol records or reads, where nothing is learnt; scales as for learnt values.
    Recorded(Vec<f64>),
    /// Nothing.
    Nothing,
}

impl Measure {
    /// Chooses what the float run allows to compare. `reach` gives, by name, how far float moves a
    /// state from its initial value at any time.
    pub fn of(exercise: &Exercise<'_>, float: &Outcome, reach: &dyn Fn(&str) -> f64) -> Self {
        if exercise.is_scored() {
            return Self::Score;
        }
        let net = &exercise.model.network;
        let state_of = |name: &str| {
            let id = net.states.ids().find(|id| net.full_name(*id) == name)?;
            Some(&net.states[id])
        };
        let mut scale = Vec::new();
        for name in &exercise.watched {
            let state = state_of(name).expect("internal: a watched state has a name");
            let (from, lanes) = (scale.len(), net.lanes(state.space));
            let changes = float.weights.iter().flat_map(|values| {
                (0..lanes).map(move |k| (values[from + k] - state.init.at(k)).abs())
            });
            scale.resize(from + lanes, changes.fold(reach(name), f64::max));
        }
        if scale.iter().any(|s| *s > 0.0) {
            return Self::Learnt(scale);
        }
        let mut largest: BTreeMap<&str, f64> = BTreeMap::new();
        for trial in &float.run.trials {
            for record in &trial.records {
                let init = state_of(&record.state).map(|s| &s.init);
                let from = |lane| init.map_or(0.0, |init| init.at(lane));
                let changes = record.values.iter().enumerate().map(|(k, v)| (v - from(k)).abs());
                let entry = largest.entry(&record.state).or_default();
                *entry = changes.fold(entry.max(reach(&record.state)), f64::max);
            }
        }
        let read = float.run.trials.iter().flat_map(|t| &t.answers).flat_map(|a| &a.values);
        let read = read.map(|v| v.abs()).fold(0.0, f64::max);
        let scale: Vec<f64> = float.run.trials.first().map_or_else(Vec::new, |trial| {
            let recorded = trial.records.iter();
            let recorded = recorded.flat_map(|r| vec![largest[r.state.as_str()]; r.values.len()]);
            let answers = trial.answers.iter().flat_map(|a| vec![read; a.values.len()]);
            recorded.chain(answers).collect()
        });
        if scale.iter().any(|s| *s > 0.0) { Self::Recorded(scale) } else { Self::Nothing }
    }

    /// What each trial of `other` loses against the same trial of `float`: points of the score, or
    /// percent of the largest change. Shape: `[trials]`.
    pub fn losses(&self, float: &Outcome, other: &Outcome) -> Vec<f64> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Score => {
                let pairs = float.scores.iter().zip(&other.scores);
                pairs.map(|(f, o)| 100.0 * (f - o)).collect()
            }
            Self::Learnt(scale) => {
                let pairs = float.weights.iter().zip(&other.weights);
                pairs.map(|(f, o)| error(f.iter().zip(o), scale)).collect()
            }
            Self::Recorded(scale) => {
                let pairs = float.run.trials.iter().zip(&other.run.trials);
                pairs.map(|(f, o)| error(recorded(f).zip(recorded(o)), scale)).collect()
            }
        }
    }

    /// Mean of the losses with its interval.
    pub fn loss(&self, float: &Outcome, other: &Outcome) -> Estimate {
        Estimate::of(&self.losses(float, other))
    }
}

/// Root mean square difference in percent of the scales; what has no scale is left out.
fn error<'v>(pairs: impl Iterator<Item = (&'v f64, &'v f64)>, scale: &[f64]) -> f64 {
    let scaled = pairs.zip(scale).filter(|(_, s)| **s > 0.0);
    let squares: Vec<f64> = scaled.map(|((f, o), s)| ((o - f) / s).powi(2)).collect();
    100.0 * (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt()
}

/// What a trial's read-outs recorded, then what they read.
fn recorded(trial: &TrialResult) -> impl Iterator<Item = &f64> {
    let records = trial.records.iter().flat_map(|r| &r.values);
    records.chain(trial.answers.iter().flat_map(|a| &a.values))
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
        let measure = Measure::Learnt(vec![4.0, 0.0]);
        assert_eq!(measure.losses(&float, &chip), [25.0, 0.0]);
        assert_eq!(measure.loss(&float, &chip).mean, 12.5);
    }
}
