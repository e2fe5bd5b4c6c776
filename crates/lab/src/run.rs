//! Run trials of a protocol on a machine.
//!
//! Trials are independent (each is a function of the seed and its number), so ranges of them go
//! to worker threads, each with a machine of its own, and come back in order: the results do not
//! depend on the number of threads.

use crate::error::LabError;
use crate::machine::{Machine, Populations};
use crate::outcome::{Answer, Counts, Progress, Record, RunResult, TrialResult};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use trifactor_stimulus::{Readout, Trial, Trials};

/// What is asked of a run.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    /// The trials.
    pub trials: &'a Trials<'a>,
    /// How many, from trial 0.
    pub n_trials: u32,
    /// Count the spikes of this population in every segment.
    pub count: Option<usize>,
    /// Numbering of populations.
    pub populations: &'a Populations,
    /// Name of the run, for progress.
    pub what: &'a str,
    /// Worker threads.
    pub threads: usize,
    /// Whether states are recorded where the protocol says so.
    pub keep_records: bool,
    /// States to record at the end of every trial, by full name.
    pub at_end: &'a [String],
}

/// Runs all trials.
///
/// `machine` makes the machine of a worker. Returns the results in trial order and what `finish`
/// makes of each worker's machine, in worker order.
pub(crate) fn run<M: Machine, R: Send>(
    task: Task<'_>,
    machine: impl Fn() -> Result<M, LabError> + Sync,
    finish: impl Fn(M) -> R + Sync,
    progress: &dyn Progress,
) -> Result<(RunResult, Vec<R>), LabError> {
    let start = Instant::now();
    let n = task.n_trials;
    let done = AtomicU64::new(0);
    progress.tell(task.what, 0, n.into());
    let workers = (task.threads.max(1) as u32).min(n.max(1));
    // Contiguous ranges: worker w runs trials from w * n / workers on.
    let bound = |w: u32| (u64::from(w) * u64::from(n) / u64::from(workers)) as u32;
    let parts: Result<Vec<(Vec<TrialResult>, R)>, LabError> = (0..workers)
        .into_par_iter()
        .with_max_len(1)
        .map(|w| {
            let mut machine = machine()?;
            let mut results = Vec::new();
            let (mut first, last) = (bound(w), bound(w + 1));
            while first < last {
                let batch = (last - first).min(machine.width() as u32);
                let trials: Vec<Trial> =
                    (first..first + batch).map(|k| task.trials.trial(k)).collect();
                results.extend(lockstep(&task, &mut machine, &trials)?);
                first += batch;
                let total = done.fetch_add(batch.into(), Ordering::Relaxed) + u64::from(batch);
                progress.tell(task.what, total, n.into());
            }
            Ok((results, finish(machine)))
        })
        .collect();
    let mut run = RunResult::default();
    let mut finished = Vec::new();
    for (results, end) in parts? {
        run.trials.extend(results);
        finished.push(end);
    }
    run.elapsed = start.elapsed();
    Ok((run, finished))
}

/// Runs trials of equal shape in lockstep.
fn lockstep<M: Machine>(
    task: &Task<'_>,
    machine: &mut M,
    trials: &[Trial],
) -> Result<Vec<TrialResult>, LabError> {
    let protocol = task.trials.protocol();
    let seeds: Vec<u32> = trials.iter().map(|t| t.seed).collect();
    machine.begin(&seeds);
    let mut results: Vec<TrialResult> = trials
        .iter()
        .map(|t| TrialResult { number: t.number, value: t.value, ..TrialResult::default() })
        .collect();
    let mut spikes: Vec<Vec<Vec<u32>>> = vec![Vec::new(); trials.len()];
    for at in 0..trials[0].segments.len() {
        let segment = &trials[0].segments[at];
        if !segment.resets.is_empty() {
            machine.reset(&segment.resets);
        }
        let readout = protocol.phases[segment.phase].readout.as_ref();
        let mut window = Window::new(task, readout, segment.steps, trials.len())?;
        let mut counts =
            task.count.map(|p| vec![vec![0u32; task.populations.sizes[p]]; trials.len()]);
        for step in 1..=segment.steps {
            for (trial, lanes) in trials.iter().zip(&mut spikes) {
                trial.segments[at].spikes_into(step, lanes);
            }
            machine.step(&spikes)?;
            window.observe(machine, step)?;
            if let (Some(counts), Some(population)) = (&mut counts, task.count) {
                for (trial, counts) in counts.iter_mut().enumerate() {
                    machine.count_spikes(population, trial, counts);
                }
            }
        }
        for (k, result) in results.iter_mut().enumerate() {
            if let Some(values) = window.values(k) {
                let slot = trials[k].segments[at].item.map(|i| i.slot);
                let slot = readout.and_then(|r| r.score.right_lane(slot)).or(slot);
                result.answers.push(Answer { segment: at, slot, values });
            }
            for state in readout.iter().filter(|_| task.keep_records).flat_map(|r| &r.record) {
                let values = machine.record(state, k)?;
                result.records.push(Record { segment: at, state: state.clone(), values });
            }
            if let Some(counts) = &mut counts {
                result.counts.push(Counts { segment: at, spikes: std::mem::take(&mut counts[k]) });
            }
        }
    }
    let last = trials[0].segments.len().saturating_sub(1);
    for (k, result) in results.iter_mut().enumerate() {
        for state in task.at_end {
            let values = machine.record(state, k)?;
            result.records.push(Record { segment: last, state: state.clone(), values });
        }
    }
    Ok(results)
}

/// The sum of what is read over the steps of a window.
struct Window<'a> {
    readout: Option<&'a Readout>,
    population: usize,
    first: u32,
    last: u32,
    sums: Vec<Vec<f64>>,
}

impl<'a> Window<'a> {
    fn new(
        task: &Task<'_>,
        readout: Option<&'a Readout>,
        steps: u32,
        width: usize,
    ) -> Result<Self, LabError> {
        let population = match readout {
            Some(r) => task.populations.find(&r.population)?,
            None => 0,
        };
        let (first, last) = readout.and_then(|r| r.window).unwrap_or((1, steps));
        let n = readout.map_or(0, |_| task.populations.sizes[population]);
        Ok(Self { readout, population, first, last, sums: vec![vec![0.0; n]; width] })
    }

    fn observe<M: Machine>(&mut self, machine: &M, step: u32) -> Result<(), LabError> {
        let Some(readout) = self.readout else { return Ok(()) };
        if step < self.first || step > self.last {
            return Ok(());
        }
        for (trial, sums) in self.sums.iter_mut().enumerate() {
            if readout.variable == "spikes" {
                let mut counts = vec![0u32; sums.len()];
                machine.count_spikes(self.population, trial, &mut counts);
                for (sum, count) in sums.iter_mut().zip(counts) {
                    *sum += f64::from(count);
                }
            } else {
                let values = machine.read(self.population, &readout.variable, trial)?;
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value;
                }
            }
        }
        Ok(())
    }

    fn values(&mut self, trial: usize) -> Option<Vec<f64>> {
        self.readout.map(|_| std::mem::take(&mut self.sums[trial]))
    }
}
