//! Episodes on the emulated chip: one image, inputs from the task, the answer read by the host.

use super::{Cost, Exam};
use crate::error::LabError;
use crate::prepare::Prepared;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use trifactor_emu::{Emulator, Options, trial_seed};
use trifactor_host::task::{Part, Task};
use trifactor_host::{Link, credit};

/// How the task meets the image.
pub(super) struct ChipLink {
    /// Population of each of the task's ports.
    ports: Vec<usize>,
    /// Population that is read, and whether its voltage (else its current).
    readout: usize,
    voltage: bool,
    /// Logit per raw unit of a step's value.
    scale: f64,
    latency: u64,
}

impl ChipLink {
    /// The link of the host, in the image's numbers. Errors: the task does not fit the model, or
    /// the read-out is no variable that a chip has.
    pub fn new(exam: &Exam<'_>, task: &dyn Task, prepared: &Prepared) -> Result<Self, LabError> {
        let (net, readout) = (&exam.model.network, &exam.settings.readout);
        let link = Link::new(net, readout, task)?;
        let map = &prepared.compiled.image.map;
        let find = |name: &str| {
            let at = map.populations.iter().position(|p| p.name == name);
            at.ok_or_else(|| LabError::NoSuchPopulation { name: name.to_owned() })
        };
        let mut ports = vec![0; link.ports.len()];
        for (space, port) in &link.ports {
            ports[*port] = find(&net.spaces[*space].name)?;
        }
        let population = find(&readout.population)?;
        let voltage = match readout.variable.as_str() {
            "v" => true,
            "u" => false,
            other => {
                return Err(LabError::NoSuchVariable {
                    population: readout.population.clone(),
                    variable: other.to_owned(),
                });
            }
        };
        let lsb = (-f64::from(map.populations[population].frac)).exp2();
        let window = task.window();
        let length = (window.end() - window.start() + 1) as f64;
        let scale = link.gain * lsb / length;
        Ok(Self { ports, readout: population, voltage, scale, latency: link.latency })
    }
}

/// What a run on the chip gave.
pub(super) struct ChipRun {
    /// 1 for a right answer, a share for a tie; by episode.
    pub credits: Vec<f64>,
    /// Means per episode.
    pub cost: Cost,
    /// States that were clipped, and how often in all episodes.
    pub saturations: Vec<(String, u64)>,
    /// Cost coefficients that count as 0.
    pub missing_costs: Vec<&'static str>,
    /// Cost preset.
    pub preset: String,
}

/// One episode's result.
struct Episode {
    credit: f64,
    steps: u64,
    picoseconds: u64,
    femtojoules: u64,
    /// By state, in the emulator's order.
    saturations: Vec<u64>,
}

/// Runs evaluation episodes 0 to n - 1, on as many chips as there are threads. `what` is the label
/// of the progress.
pub(super) fn run(
    exam: &Exam<'_>,
    task: &dyn Task,
    prepared: &Prepared,
    link: &ChipLink,
    what: &str,
) -> Result<ChipRun, LabError> {
    let image = &prepared.compiled.image;
    let n = exam.episodes;
    let done = AtomicU64::new(0);
    exam.progress.tell(what, 0, n.into());
    let workers = (exam.threads.clamp(1, 1024) as u32).min(n.max(1));
    let bound = |w: u32| (u64::from(w) * u64::from(n) / u64::from(workers)) as u32;
    let parts: Result<Vec<Vec<Episode>>, LabError> = (0..workers)
        .into_par_iter()
        .with_max_len(1)
        .map(|w| {
            let mut emulator = Emulator::load(image, Options::default())?;
            let mut episodes = Vec::new();
            for number in bound(w)..bound(w + 1) {
                episodes.push(episode(&mut emulator, exam.seed, task, link, number)?);
                let so_far = done.fetch_add(1, Ordering::Relaxed) + 1;
                exam.progress.tell(what, so_far, n.into());
            }
            Ok(episodes)
        })
        .collect();
    let episodes: Vec<Episode> = parts?.into_iter().flatten().collect();
    let ledger = Emulator::load(image, Options::default())?.report();
    let sum = |of: &dyn Fn(&Episode) -> u64| -> f64 {
        episodes.iter().map(|e| u128::from(of(e))).sum::<u128>() as f64 / f64::from(n)
    };
    let cost = Cost {
        steps: sum(&|e| e.steps),
        microseconds: sum(&|e| e.picoseconds) * 1e-6,
        microjoules: sum(&|e| e.femtojoules) * 1e-9,
    };
    let saturations = ledger.saturations.iter().enumerate().filter_map(|(at, s)| {
        let count = episodes.iter().map(|e| e.saturations[at]).sum();
        (count > 0).then(|| (s.state.clone(), count))
    });
    Ok(ChipRun {
        cost,
        saturations: saturations.collect(),
        credits: episodes.iter().map(|e| e.credit).collect(),
        missing_costs: ledger.missing.clone(),
        preset: ledger.preset,
    })
}

fn episode(
    emulator: &mut Emulator,
    seed: u32,
    task: &dyn Task,
    link: &ChipLink,
    number: u32,
) -> Result<Episode, LabError> {
    let (spikes, class) = spikes(task, seed, number);
    let window = task.window();
    let window = window.start() + link.latency..=window.end() + link.latency;
    // Cleared before the reset: beginning anew is a part of the episode's cost.
    emulator.clear_ledger();
    emulator.begin_trial(trial_seed(seed, number));
    let mut sums = vec![0i64; task.classes()];
    let mut raw = Vec::new();
    let silent = vec![Vec::new(); link.ports.len()];
    for step in 1..=task.steps() + link.latency {
        let lanes = spikes.get(step as usize - 1).unwrap_or(&silent);
        let inputs: Vec<(usize, &[u32])> = (link.ports.iter().zip(lanes))
            .filter(|(_, lanes)| !lanes.is_empty())
            .map(|(population, lanes)| (*population, lanes.as_slice()))
            .collect();
        emulator.step(&inputs)?;
        if window.contains(&step) {
            if link.voltage {
                emulator.read_v(link.readout, &mut raw)?;
            } else {
                emulator.read_u(link.readout, &mut raw)?;
            }
            sums.iter_mut().zip(&raw).for_each(|(sum, v)| *sum += i64::from(*v));
        }
    }
    let logits: Vec<f64> = sums.iter().map(|sum| *sum as f64 * link.scale).collect();
    let ledger = emulator.report();
    Ok(Episode {
        credit: credit(&logits, class),
        steps: ledger.steps,
        picoseconds: ledger.time_ticks * ledger.tick_ps,
        femtojoules: ledger.total_fj(),
        saturations: ledger.saturations.iter().map(|s| s.count).collect(),
    })
}

/// Lanes that fire in an evaluation episode, `[step - 1][port]`, and its class.
pub(crate) fn spikes(task: &dyn Task, seed: u32, number: u32) -> (Vec<Vec<Vec<u32>>>, usize) {
    let ports = task.ports().len();
    let mut spikes = vec![vec![Vec::new(); ports]; task.steps() as usize];
    let class = task.episode(seed, Part::Evaluation, number, &mut |step, port, lane| {
        spikes[step as usize - 1][port].push(lane as u32);
    });
    (spikes, class)
}
