//! What needs no chip: nearest neighbours on pixels and on a population's spike counts.

use crate::outcome::{Answer, RunResult, TrialResult};
use trifactor_stimulus::{Dataset, ForEach, Item, Prepare, Protocol, Trial, Trials};

/// A picture of a trial as it was shown: the neighbouring segments that are about it.
#[derive(Clone, PartialEq, Debug)]
pub struct Showing {
    /// The picture.
    pub item: Item,
    /// A question rather than a labelled picture.
    pub is_query: bool,
    /// Positions of its segments.
    pub segments: Vec<usize>,
}

/// The pictures of a trial in the order they were shown.
pub fn showings(protocol: &Protocol, trial: &Trial) -> Vec<Showing> {
    let mut list: Vec<Showing> = Vec::new();
    for (at, segment) in trial.segments.iter().enumerate() {
        let Some(item) = segment.item else { continue };
        let is_query = protocol.phases[segment.phase].for_each == ForEach::Query;
        match list.last_mut() {
            Some(last)
                if last.item == item
                    && last.is_query == is_query
                    && last.segments.last() == Some(&(at.wrapping_sub(1))) =>
            {
                last.segments.push(at);
            }
            _ => list.push(Showing { item, is_query, segments: vec![at] }),
        }
    }
    list
}

/// Classifies each query by the support picture at the smallest Euclidean distance.
///
/// Shape: one answer per query; its value for a slot is minus the squared distance, so the
/// largest wins and ties are wrong, as for a chip. `prepare` is applied to the picture as it is
/// in the file, not to the one the net sees.
pub fn nearest_pixels(
    trials: &Trials<'_>,
    set: &Dataset,
    prepare: &[Prepare],
    n_trials: u32,
) -> RunResult {
    let pixels = |item: Item| -> Vec<f64> {
        let image = set.images().image(item.row as usize).map(|i| i.rotated(item.rotation));
        image.map_or_else(Vec::new, |i| {
            i.prepared(prepare).pixels.iter().map(|p| f64::from(*p)).collect()
        })
    };
    let results = (0..n_trials).map(|k| {
        let shown = showings(trials.protocol(), &trials.trial(k));
        let vectors = shown.into_iter().map(|s| {
            let vector = pixels(s.item);
            (s, vector)
        });
        TrialResult { number: k, answers: answers(vectors), ..TrialResult::default() }
    });
    RunResult { trials: results.collect(), ..RunResult::default() }
}

/// Classifies each query by the support picture with the nearest spike counts.
///
/// Shape: `run` holds counts for every segment of its trials; those of one picture are added.
pub fn nearest_counts(trials: &Trials<'_>, run: &RunResult) -> RunResult {
    let results = run.trials.iter().map(|r| {
        let shown = showings(trials.protocol(), &trials.trial(r.number));
        let vectors = shown.into_iter().map(|s| {
            let mut sum: Vec<f64> = Vec::new();
            for counts in r.counts.iter().filter(|c| s.segments.contains(&c.segment)) {
                sum.resize(counts.spikes.len(), 0.0);
                for (total, c) in sum.iter_mut().zip(&counts.spikes) {
                    *total += f64::from(*c);
                }
            }
            (s, sum)
        });
        TrialResult { number: r.number, answers: answers(vectors), ..TrialResult::default() }
    });
    RunResult { trials: results.collect(), ..RunResult::default() }
}

/// Answers queries from the support pictures shown before them.
fn answers(vectors: impl Iterator<Item = (Showing, Vec<f64>)>) -> Vec<Answer> {
    let mut support: Vec<(u32, Vec<f64>)> = Vec::new();
    let mut answers = Vec::new();
    for (showing, vector) in vectors {
        if !showing.is_query {
            support.push((showing.item.slot, vector));
            continue;
        }
        let n_slots = support.iter().map(|(s, _)| s + 1).max().unwrap_or(0);
        let mut values = vec![f64::NEG_INFINITY; n_slots as usize];
        for (slot, candidate) in &support {
            let distance: f64 = candidate.iter().zip(&vector).map(|(a, b)| (a - b).powi(2)).sum();
            let value = &mut values[*slot as usize];
            *value = value.max(-distance);
        }
        let segment = showing.segments.last().copied().unwrap_or(0);
        answers.push(Answer { segment, slot: Some(showing.item.slot), values });
    }
    answers
}
