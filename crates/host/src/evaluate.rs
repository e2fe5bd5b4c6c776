//! Accuracy of a network on episodes whose permutations training never shows.

use crate::HostError;
use crate::network::{Link, differentiable};
use crate::settings::Readout;
use crate::task::{Part, Task};
use crate::tile::{BatchResult, Episodes, TileRunner, credit};
use serde::Serialize;
use trifactor_ir::CheckedNetwork;

/// A share of episodes with its 95 % interval (Wilson).
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Accuracy {
    /// The share.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Episodes.
    pub episodes: usize,
}

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Accuracy {
    /// That of a batch.
    pub fn of(result: &BatchResult) -> Self {
        let correct: f64 =
            result.logits.iter().zip(&result.labels).map(|(l, label)| credit(l, *label)).sum();
        Self::from_count(correct, result.labels.len())
    }

    /// That of so many correct answers (ties may count in part) out of so many.
    ///
    /// ```
    /// let a = trifactor_host::Accuracy::from_count(50.0, 100);
    /// assert!((a.low - 0.4038).abs() < 1e-4 && (a.high - 0.5962).abs() < 1e-4);
    /// ```
    pub fn from_count(correct: f64, episodes: usize) -> Self {
        let n = episodes as f64;
        if episodes == 0 {
            return Self { mean: f64::NAN, low: 0.0, high: 1.0, episodes };
        }
        let mean = correct / n;
        let scale = 1.0 + Z * Z / n;
        let centre = (mean + Z * Z / (2.0 * n)) / scale;
        let half = Z * (mean * (1.0 - mean) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
        Self { mean, low: (centre - half).max(0.0), high: (centre + half).min(1.0), episodes }
    }
}

/// Episodes answered between two reports.
const CHUNK: usize = 256;

/// Measures a network on so many episodes of a task, evaluation permutations only. `progress` is
/// told how many are done.
///
/// Errors: the task does not fit the network.
pub fn evaluate(
    network: &CheckedNetwork,
    readout: &Readout,
    task: &dyn Task,
    (seed, episodes): (u32, usize),
    threads: usize,
    progress: &mut dyn FnMut(usize),
) -> Result<Accuracy, HostError> {
    let mut correct = 0.0;
    let mut done = 0;
    run_episodes(network, readout, task, (seed, episodes), threads, &mut |result| {
        let pairs = result.logits.iter().zip(&result.labels);
        correct += pairs.map(|(l, label)| credit(l, *label)).sum::<f64>();
        done += result.labels.len();
        progress(done);
    })?;
    Ok(Accuracy::from_count(correct, episodes))
}

/// Runs evaluation episodes 0 to `episodes - 1` and hands over logits and labels in order, some at
/// a time: what a paired comparison with another reading needs. Errors: as [`evaluate`].
pub fn run_episodes(
    network: &CheckedNetwork,
    readout: &Readout,
    task: &dyn Task,
    (seed, episodes): (u32, usize),
    threads: usize,
    each: &mut dyn FnMut(&BatchResult),
) -> Result<(), HostError> {
    let network = differentiable(network)?;
    let link = Link::new(&network, readout, task)?;
    let mut runner = TileRunner::forward(&network, &link, threads)?;
    for first in (0..episodes).step_by(CHUNK) {
        let count = CHUNK.min(episodes - first);
        let part = Part::Evaluation;
        let batch = Episodes { seed, part, first: first as u32, count };
        each(&runner.run(task, &link, batch, false));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_stays_within_0_and_1_and_shrinks_with_the_root_of_the_count() {
        let all = Accuracy::from_count(20.0, 20);
        assert!(all.high <= 1.0 && (all.low - 0.838_9).abs() < 1e-3, "{all:?}");
        let width = |n: usize| {
            let a = Accuracy::from_count(0.7 * n as f64, n);
            a.high - a.low
        };
        assert!((width(100) / width(10_000) - 10.0).abs() < 0.2);
    }
}
