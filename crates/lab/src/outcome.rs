//! What a run gives: answers and recorded states per trial, in the author's names.

use std::time::Duration;

/// The answer to one read-out.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// Position of the segment in its trial.
    pub segment: usize,
    /// The right lane: the item's slot, or what the score names.
    pub slot: Option<u32>,
    /// Value of each lane of the population that is read, summed over the window. Units: the
    /// author's, or spikes.
    pub values: Vec<f64>,
}

impl Answer {
    /// The lane with the strictly largest value; `None` on a tie.
    pub fn choice(&self) -> Option<u32> {
        let best = self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut lanes = self.values.iter().enumerate().filter(|(_, v)| **v == best);
        match (lanes.next(), lanes.next()) {
            (Some((lane, _)), None) => Some(lane as u32),
            _ => None,
        }
    }
    /// Whether the choice is the slot. A tie is wrong.
    pub fn is_right(&self) -> bool {
        self.slot.is_some() && self.choice() == self.slot
    }
}

/// A state recorded at the end of a segment.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Position of the segment in its trial.
    pub segment: usize,
    /// Full name of the state, such as `ff.w`.
    pub state: String,
    /// Values by lane (synapses: by pre, then post lane). Units: the author's.
    pub values: Vec<f64>,
}

/// Spike counts of a population over a segment.
#[derive(Clone, PartialEq, Debug)]
pub struct Counts {
    /// Position of the segment in its trial.
    pub segment: usize,
    /// Spikes of each lane.
    pub spikes: Vec<u32>,
}

/// One trial's results.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TrialResult {
    /// Its number.
    pub number: u32,
    /// The value of the sweep.
    pub value: Option<f64>,
    /// Answers in segment order.
    pub answers: Vec<Answer>,
    /// Recorded states in segment order.
    pub records: Vec<Record>,
    /// Spike counts of the population that was asked for, in segment order.
    pub counts: Vec<Counts>,
}

/// A machine's results over a range of trials.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RunResult {
    /// Trials in order of their numbers.
    pub trials: Vec<TrialResult>,
    /// Wall-clock time, for people; never in files that must be reproducible.
    pub elapsed: Duration,
}

impl RunResult {
    /// Fraction of right answers of each trial that has a score. Shape: `[trials]`.
    pub fn scores(&self) -> Vec<f64> {
        self.trials
            .iter()
            .map(|t| {
                let right = t.answers.iter().filter(|a| a.is_right()).count();
                right as f64 / t.answers.len().max(1) as f64
            })
            .collect()
    }
    /// Number of answers.
    pub fn n_answers(&self) -> usize {
        self.trials.iter().map(|t| t.answers.len()).sum()
    }
}

/// Something to tell about a long run; called from the thread that runs.
pub trait Progress: Sync {
    /// `done` of `total` trials of the part named `what`.
    fn tell(&self, what: &str, done: u64, total: u64);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn tell(&self, _: &str, _: u64, _: u64) {}
}
