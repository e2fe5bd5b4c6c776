//! Episodes on the emulated chip: one image, inputs from the task, the answer read by the host.

use super::{Cost, Exam};
use crate::error::LabError;
use crate::machine::{ChipMachine, Machine, Populations};
use rayon::prelude::*;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use trifactor_emu::{Emulator, Options, trial_seed};
use trifactor_host::task::{Part, Task};
use trifactor_host::{Link, credit};
use trifactor_image::Image;

/// How the answer of an episode is read.
struct Reading<'a> {
    /// Position of the population.
    population: usize,
    variable: &'a str,
    /// Steps of an episode, those in which the answer is on its way included.
    steps: u64,
    /// Steps of the answer.
    window: RangeInclusive<u64>,
    /// Logit per unit of a step's value.
    scale: f64,
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
///
/// Errors: the task does not fit the model, or the read-out is no variable that a chip has.
pub(super) fn run(
    exam: &Exam<'_>,
    task: &dyn Task,
    image: &Image,
    what: &str,
) -> Result<ChipRun, LabError> {
    let (net, readout) = (&exam.model.network, &exam.settings.readout);
    let link = Link::new(net, readout, task)?;
    let ports: Vec<String> = task.ports().into_iter().map(|port| port.name).collect();
    let populations = Populations::of(net, &ports);
    let (first, last) = task.window().into_inner();
    let reading = Reading {
        population: populations.find(&readout.population)?,
        variable: &readout.variable,
        steps: task.steps() + link.latency,
        window: first + link.latency..=last + link.latency,
        scale: link.gain / (last - first + 1) as f64,
    };
    let n = exam.episodes;
    let done = AtomicU64::new(0);
    exam.progress.tell(what, 0, n.into());
    let workers = (exam.threads.clamp(1, 1024) as u32).min(n.max(1));
    let bound = |w: u32| (u64::from(w) * u64::from(n) / u64::from(workers)) as u32;
    let parts: Result<Vec<Vec<Episode>>, LabError> = (0..workers)
        .into_par_iter()
        .with_max_len(1)
        .map(|w| {
            let emulator = Emulator::load(image, Options::default())?;
            let mut chip = ChipMachine { emulator, populations: &populations };
            let mut episodes = Vec::new();
            for number in bound(w)..bound(w + 1) {
                episodes.push(episode(&mut chip, exam.seed, task, &reading, number)?);
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
    chip: &mut ChipMachine<'_>,
    seed: u32,
    task: &dyn Task,
    reading: &Reading<'_>,
    number: u32,
) -> Result<Episode, LabError> {
    let (mut spikes, class) = spikes(task, seed, number);
    // Nothing is shown while the answer is on its way.
    spikes.resize(reading.steps as usize, Vec::new());
    // Cleared before the reset: beginning anew is a part of the episode's cost.
    chip.emulator.clear_ledger();
    chip.begin(&[trial_seed(seed, number)]);
    let mut logits = vec![0.0; task.classes()];
    for (step, lanes) in (1..).zip(&spikes) {
        chip.step(std::slice::from_ref(lanes))?;
        if reading.window.contains(&step) {
            let values = chip.read(reading.population, reading.variable, 0)?;
            logits.iter_mut().zip(values).for_each(|(logit, v)| *logit += v);
        }
    }
    logits.iter_mut().for_each(|logit| *logit *= reading.scale);
    let ledger = chip.emulator.report();
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
