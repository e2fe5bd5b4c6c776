//! Batches of episodes on tapes: tiles of lanes, one tape per thread.
//!
//! A batch is cut into tiles of fixed width. Which thread executes a tile never matters: a tile's
//! result depends on its episodes alone, and results are added in the order of tiles.

use crate::HostError;
use crate::calibrate::Recorder;
use crate::network::{Link, spikes_of};
use crate::rounding::{Formats, draw_seed};
use crate::settings::RateCost;
use crate::task::{Batch, Part, Task};
use trifactor_ir::{CheckedNetwork, StateId, StateRole};
use trifactor_reference::float::{Cotangents, Tape, TapeOptions, TapeView};

/// What a batch gave, in means over episodes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BatchResult {
    /// Loss, activity costs included.
    pub loss: f64,
    /// Share of episodes whose class has the largest logit; ties count in part.
    pub accuracy: f64,
    /// Spikes per neuron and step of the populations whose activity costs.
    pub activity: f64,
    /// Gradient of each state, in the order given to [`TileRunner::new`].
    pub gradients: Vec<Vec<f64>>,
    /// Logits, `[episode][class]`.
    pub logits: Vec<Vec<f64>>,
    /// Correct classes, `[episode]`.
    pub labels: Vec<usize>,
}

/// The episodes of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Episodes {
    /// Seed of the run.
    pub seed: u32,
    /// Permutations.
    pub part: Part,
    /// Number of the first.
    pub first: u32,
    /// How many.
    pub count: usize,
}

/// Activity that costs.
#[derive(Clone, Copy, Debug)]
struct Cost {
    spikes: StateId,
    lanes: usize,
    weight: f64,
}

/// Tapes for batches of one network.
#[derive(Clone, Debug)]
pub struct TileRunner {
    workers: Vec<Worker>,
    width: usize,
    costs: Vec<Cost>,
    /// States whose gradient is wanted, and their numbers of lanes.
    states: Vec<(StateId, usize)>,
    /// Number formats that values are held in.
    formats: Option<Formats>,
}

#[derive(Clone, Debug)]
struct Worker {
    tape: Tape<f32>,
    batch: Batch,
    recorder: Option<Recorder>,
    /// Numbers of the running tile's episodes, and the seeds of their draws.
    numbers: Vec<u32>,
    seeds: Vec<u32>,
}

/// What one tile gave, in sums over its episodes.
#[derive(Debug, Default)]
struct TileResult {
    loss: f64,
    activity: f64,
    gradients: Vec<Vec<f64>>,
    logits: Vec<Vec<f64>>,
    labels: Vec<usize>,
}

/// What all tiles of a batch have in common.
struct Job<'a> {
    task: &'a dyn Task,
    link: &'a Link,
    episodes: Episodes,
    width: usize,
    costs: &'a [Cost],
    states: &'a [(StateId, usize)],
    backward: bool,
}

impl TileRunner {
    /// Tapes for a network as [`differentiable`](crate::differentiable) returns it.
    ///
    /// `width` is the number of episodes of a tile, `segment` the steps between checkpoints,
    /// `states` those whose gradient is wanted (none: forwards only).
    /// Errors: a population that is not there, a network without a reverse.
    pub fn new(
        network: &CheckedNetwork,
        link: &Link,
        costs: &[RateCost],
        states: &[StateId],
        (width, segment, threads): (usize, usize, usize),
    ) -> Result<Self, HostError> {
        let width = width.clamp(1, Batch::MAX);
        let mut found = Vec::new();
        for cost in costs {
            let spikes = spikes_of(network, &cost.population)?;
            let lanes = network.lanes(network.states[spikes].space);
            found.push(Cost { spikes, lanes, weight: cost.weight });
        }
        let mut observed = vec![link.readout];
        observed.extend(found.iter().map(|c| c.spikes));
        if states.is_empty() {
            observed.clear();
        }
        let options = TapeOptions { episodes: width, segment, wrt: states, observed: &observed };
        let tape = Tape::new(network, &options)?;
        let worker = Worker {
            tape,
            batch: Batch::default(),
            recorder: None,
            numbers: Vec::new(),
            seeds: Vec::new(),
        };
        Ok(Self {
            workers: vec![worker; threads.clamp(1, 256)],
            width,
            costs: found,
            states: states.iter().map(|s| (*s, network.lanes(network.states[*s].space))).collect(),
            formats: None,
        })
    }

    /// Tapes that only run forwards, 16 episodes wide. Errors: as [`new`](Self::new).
    pub fn forward(
        network: &CheckedNetwork,
        link: &Link,
        threads: usize,
    ) -> Result<Self, HostError> {
        // Without a reverse run nothing is ever restored: one checkpoint is enough.
        Self::new(network, link, &[], &[], (16, u32::MAX as usize, threads))
    }

    /// Holds values in these formats from now on, or with `None` in floating point again. All
    /// states go back to the network's own values.
    pub fn hold_in(
        &mut self,
        network: &CheckedNetwork,
        formats: Option<Formats>,
    ) -> Result<(), HostError> {
        for worker in &mut self.workers {
            worker.tape.set_rounding(formats.as_ref().map(Formats::written));
        }
        self.formats = formats;
        let values: Vec<_> = network
            .states
            .iter()
            .filter(|(_, s)| matches!(s.role, StateRole::Parameter | StateRole::Variable))
            .map(|(id, s)| (id, (0..network.lanes(s.space)).map(|l| s.init.at(l)).collect()))
            .collect();
        self.set(&values)
    }

    /// Gives states their values on all tapes, held in the formats if there are any.
    pub fn set(&mut self, values: &[(StateId, Vec<f64>)]) -> Result<(), HostError> {
        for (state, list) in values {
            let held = self.formats.as_ref().map(|f| f.hold(*state, list));
            for worker in &mut self.workers {
                worker.tape.set_state(*state, held.as_ref().unwrap_or(list))?;
            }
        }
        Ok(())
    }

    /// Records the values that states take in all runs from now on.
    pub(crate) fn record(&mut self, recorder: &Recorder) {
        for worker in &mut self.workers {
            worker.recorder = Some(recorder.clone());
        }
    }

    /// What was recorded.
    pub(crate) fn recorded(&mut self) -> Option<Recorder> {
        let all = self.workers.iter_mut().filter_map(|w| w.recorder.take());
        all.reduce(Recorder::merged)
    }

    /// Runs episodes forwards, and with `backward` backwards too.
    pub fn run(
        &mut self,
        task: &dyn Task,
        link: &Link,
        episodes: Episodes,
        backward: bool,
    ) -> BatchResult {
        let (width, costs, states) = (self.width, &self.costs, &self.states);
        let job = Job { task, link, episodes, width, costs, states, backward };
        let n_tiles = episodes.count.div_ceil(width);
        let mut tiles: Vec<TileResult> = Vec::new();
        tiles.resize_with(n_tiles, TileResult::default);
        share(&mut self.workers, &mut tiles, |worker, at, tile| *tile = worker.run(&job, at));
        collect(tiles, episodes.count, &job)
    }

    /// Runs episodes forwards with each of several lists of values, the same episodes with all.
    /// Results are in the order of the lists. Errors: a list that does not fit its state.
    pub(crate) fn run_members(
        &mut self,
        (members, values): (usize, &(dyn Fn(usize) -> Values + Sync)),
        task: &dyn Task,
        link: &Link,
        episodes: Episodes,
    ) -> Result<Vec<BatchResult>, HostError> {
        let (width, costs, states) = (self.width, &self.costs, &self.states);
        let job = Job { task, link, episodes, width, costs, states, backward: false };
        let formats = self.formats.as_ref();
        let mut results: Vec<Option<Result<BatchResult, HostError>>> = Vec::new();
        results.resize_with(members, || None);
        share(&mut self.workers, &mut results, |worker, member, result| {
            let run = |worker: &mut Worker| -> Result<BatchResult, HostError> {
                for (state, list) in values(member) {
                    let list = formats.map_or_else(|| list.clone(), |f| f.hold(state, &list));
                    worker.tape.set_state(state, &list)?;
                }
                let tiles = (0..episodes.count.div_ceil(width)).map(|at| worker.run(&job, at));
                Ok(collect(tiles.collect(), episodes.count, &job))
            };
            *result = Some(run(worker));
        });
        results.into_iter().flatten().collect()
    }
}

/// Values of states.
pub(crate) type Values = Vec<(StateId, Vec<f64>)>;

/// Does pieces of work on as many threads as there are workers: worker k does pieces k, k + n,
/// k + 2n, ...
fn share<T: Send>(
    workers: &mut [Worker],
    pieces: &mut [T],
    work: impl Fn(&mut Worker, usize, &mut T) + Sync,
) {
    let n = workers.len().min(pieces.len()).max(1);
    let mut shares: Vec<Vec<(usize, &mut T)>> = Vec::new();
    shares.resize_with(n, Vec::new);
    for (at, piece) in pieces.iter_mut().enumerate() {
        shares[at % n].push((at, piece));
    }
    let all = |worker: &mut Worker, share: Vec<(usize, &mut T)>| {
        share.into_iter().for_each(|(at, piece)| work(worker, at, piece));
    };
    let mut shared = workers.iter_mut().zip(shares);
    let mine = shared.next();
    std::thread::scope(|scope| {
        for (worker, share) in shared {
            let all = &all;
            scope.spawn(move || all(worker, share));
        }
        if let Some((worker, share)) = mine {
            all(worker, share);
        }
    });
}

fn collect(tiles: Vec<TileResult>, count: usize, job: &Job<'_>) -> BatchResult {
    let n = count.max(1) as f64;
    let mut result = BatchResult::default();
    for tile in tiles {
        result.loss += tile.loss / n;
        result.activity += tile.activity / n;
        result.logits.extend(tile.logits);
        result.labels.extend(tile.labels);
        if result.gradients.is_empty() {
            result.gradients = tile.gradients;
        } else {
            for (sum, list) in result.gradients.iter_mut().zip(&tile.gradients) {
                sum.iter_mut().zip(list).for_each(|(s, g)| *s += g);
            }
        }
    }
    debug_assert!(!job.backward || result.gradients.len() == job.states.len());
    let correct: f64 =
        result.logits.iter().zip(&result.labels).map(|(l, label)| credit(l, *label)).sum();
    result.accuracy = correct / n;
    result
}

/// 1 if the class has the largest logit, a share of it if several have, else 0.
pub fn credit(logits: &[f64], label: usize) -> f64 {
    let largest = logits.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
    let n = logits.iter().filter(|x| **x == largest).count();
    if logits.get(label) == Some(&largest) { 1.0 / n as f64 } else { 0.0 }
}

impl Worker {
    /// Runs one tile of a job.
    fn run(&mut self, job: &Job<'_>, at: usize) -> TileResult {
        let first = at * job.width;
        let Episodes { seed, part, first: number, count } = job.episodes;
        let live = (count - first).min(job.width);
        self.numbers.clear();
        self.numbers.extend((first..first + live).map(|at| number.wrapping_add(at as u32)));
        self.batch.fill(job.task, seed, part, &self.numbers);
        self.seeds.clear();
        self.seeds.extend(self.numbers.iter().map(|number| draw_seed(seed, part, *number)));
        self.tape.set_draw_seeds(&self.seeds);
        self.tile(job, live)
    }

    fn tile(&mut self, job: &Job<'_>, live: usize) -> TileResult {
        let Job { task, link, width, costs, .. } = *job;
        let Self { tape, batch, recorder, .. } = self;
        let batch: &Batch = batch;
        let ports = task.ports();
        let steps = batch.steps() + link.latency;
        let window = task.window();
        let window = window.start() + link.latency..=window.end() + link.latency;
        let length = (window.end() - window.start() + 1) as f64;
        let classes = task.classes();
        let mut sums = vec![0f64; classes * width];
        let mut spikes = vec![0f64; costs.len()];
        let mut stimulus = |step: u64, space, out: &mut [f32]| {
            let port = link.ports.iter().find(|(s, _)| *s == space).map(|(_, port)| *port);
            let words = port.and_then(|p| batch.lanes(step, p, ports[p].lanes));
            match words {
                None => out.fill(0.0),
                Some(words) => {
                    for (word, row) in words.iter().zip(out.chunks_exact_mut(width)) {
                        for (e, x) in row.iter_mut().enumerate() {
                            *x = (word >> e & 1) as f32;
                        }
                    }
                }
            }
        };
        let mut observe = |step: u64, view: &TapeView<'_, f32>| {
            if let Some(recorder) = recorder.as_mut() {
                recorder.see(view, width, live);
            }
            for (sum, cost) in spikes.iter_mut().zip(costs) {
                // Lanes beyond the last episode get no input and, as a rule, stay silent; they
                // are left out in any case.
                for row in view.state(cost.spikes).chunks_exact(width) {
                    *sum += f64::from(row[..live].iter().sum::<f32>());
                }
            }
            if window.contains(&step) {
                let values = view.state(link.readout);
                sums.iter_mut().zip(values).for_each(|(s, v)| *s += f64::from(*v));
            }
        };
        tape.forward(steps, &mut stimulus, &mut observe);

        let mut result = TileResult { labels: batch.labels().to_vec(), ..TileResult::default() };
        let n = job.episodes.count as f64;
        let mut slopes = vec![0f32; classes * width];
        for (e, label) in result.labels.iter().enumerate() {
            let logit = |class| link.gain * sums[class * width + e] / length;
            let logits: Vec<f64> = (0..classes).map(logit).collect();
            let (loss, list) = link.loss.of(&logits, *label);
            result.loss += loss;
            for (class, slope) in list.into_iter().enumerate() {
                slopes[class * width + e] = (slope * link.gain / length / n) as f32;
            }
            result.logits.push(logits);
        }
        let mut cost_slopes = Vec::new();
        for (sum, cost) in spikes.iter().zip(costs) {
            let mean = sum / (cost.lanes as f64 * steps as f64);
            result.activity += mean;
            result.loss += cost.weight * mean;
            cost_slopes.push((cost.weight / (cost.lanes as f64 * steps as f64 * n)) as f32);
        }
        if job.backward {
            let mut cotangents = |step: u64, c: &mut Cotangents<'_, f32>| {
                for (cost, slope) in costs.iter().zip(&cost_slopes) {
                    for row in c.of(cost.spikes).chunks_exact_mut(width) {
                        row[..live].iter_mut().for_each(|d| *d += slope);
                    }
                }
                if window.contains(&step) {
                    let d = c.of(link.readout);
                    d.iter_mut().zip(&slopes).for_each(|(d, s)| *d += s);
                }
            };
            tape.backward(&mut stimulus, &mut cotangents);
            for (state, lanes) in job.states {
                // A state that changes nothing observed has no gradient.
                let gradient = tape.gradient(*state).unwrap_or_else(|| vec![0.0; *lanes]);
                result.gradients.push(gradient.into_iter().map(f64::from).collect());
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_counts_as_the_chance_of_guessing() {
        assert_eq!(credit(&[1.0, 0.0], 0), 1.0);
        assert_eq!(credit(&[1.0, 0.0], 1), 0.0);
        assert_eq!(credit(&[0.5, 0.5], 1), 0.5);
        assert_eq!(credit(&[f64::NAN, f64::NAN], 0), 0.0);
    }
}
