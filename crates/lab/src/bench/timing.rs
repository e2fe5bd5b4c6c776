//! What simulated time costs, and what a second thread gains.

use super::clock::{Spent, Stopwatch};
use super::scaling;
use super::workload::unpack;
use super::{Bench, BenchOptions, Workload};
use crate::error::LabError;
use crate::prepare::{find_chip, prepare};
use std::time::{Duration, Instant};
use trifactor_emu::{Emulator, Options};
use trifactor_model::load;

/// Cores of the networks that are run on one and two threads.
pub const CORES: [u32; 3] = [16, 32, 64];
/// Lanes on either side of these networks.
const SIDE: u32 = 1024;
/// Percent of them that fire in a step.
const ACTIVITY: u32 = 5;
/// Steps of a run of these networks.
const STEPS: usize = 48;

/// A workload with and without simulated time.
#[derive(Clone, PartialEq, Debug)]
pub struct Timed {
    /// Which.
    pub workload: Workload,
    /// Steps of a run.
    pub steps: u32,
    /// The fastest run that keeps no time.
    pub functional: Spent,
    /// The fastest run that keeps it.
    pub timed: Spent,
}

/// Time of the processor, or on the wall where the system does not say.
fn cpu(spent: &Spent) -> Duration {
    spent.cpu.unwrap_or(spent.wall)
}

impl Timed {
    /// How much longer a step takes with simulated time, in time of the processor.
    pub fn ratio(&self) -> f64 {
        cpu(&self.timed).as_secs_f64() / cpu(&self.functional).as_secs_f64().max(1e-12)
    }
    /// Microseconds of the processor per step, without and with simulated time.
    pub fn us_per_step(&self) -> [f64; 2] {
        [self.functional, self.timed].map(|s| cpu(&s).as_secs_f64() * 1e6 / f64::from(self.steps))
    }
}

/// Runs every workload with and without simulated time, in turns.
pub fn timed(options: &BenchOptions) -> Result<Vec<Timed>, LabError> {
    let one = |workload: Workload| {
        let mut best = [None::<Spent>; 2];
        let mut benches = [Bench::load_with(workload, false)?, Bench::load_with(workload, true)?];
        for _ in 0..options.repeat.max(1) {
            for (bench, best) in benches.iter_mut().zip(&mut best) {
                bench.begin();
                let watch = Stopwatch::start();
                bench.run(options.steps, |_, _| {})?;
                let spent = watch.stop();
                // The fastest run is the one that others disturbed least.
                *best = Some(best.filter(|b| cpu(b) <= cpu(&spent)).unwrap_or(spent));
            }
        }
        let [functional, timed] = best.map(Option::unwrap_or_default);
        Ok(Timed { workload, steps: options.steps, functional, timed })
    };
    Workload::ALL.into_iter().map(one).collect()
}

/// A network of many cores on one and two threads.
#[derive(Clone, PartialEq, Debug)]
pub struct Threaded {
    /// Cores in use.
    pub cores: usize,
    /// Plastic synapses.
    pub synapses: u64,
    /// Messages of a step.
    pub messages: f64,
    /// Milliseconds on the wall per step, each step as in the run in which it was fastest, on one
    /// and two threads.
    pub ms_per_step: [f64; 2],
    /// The same without simulated time.
    pub functional_ms_per_step: [f64; 2],
    /// Whether all states and the ledger were the same, byte for byte.
    pub same: bool,
}

/// Runs networks of so many cores on one and two threads.
pub fn threaded(cores: &[u32], repeat: u32) -> Result<Vec<Threaded>, LabError> {
    cores.iter().map(|cores| threaded_one(*cores, repeat)).collect()
}

fn threaded_one(cores: u32, repeat: u32) -> Result<Threaded, LabError> {
    let text = scaling::model(SIDE)
        .replace("seed: 1,", &format!("seed: 1, neurons_per_core: {},", SIDE.div_ceil(cores)));
    let layer = unpack(&text, &[])?;
    let model = load(layer.path())?;
    let image = prepare(&model, find_chip(&model.chip)?)?.compiled.image;
    // A step is over before the system lets somebody else run, most of the time: the fastest time
    // of each step is one that others did not disturb, which no whole run of two threads may be.
    let mut best = [[[Duration::MAX; STEPS]; 2]; 2];
    let machine = |timing, threads| {
        let options = Options { threads, timing, ..Options::default() };
        Emulator::load(&image, options)
    };
    let mut machines =
        [[machine(false, 1)?, machine(false, 2)?], [machine(true, 1)?, machine(true, 2)?]];
    let spikes = scaling::spikes(&machines[0][0], SIDE, ACTIVITY);
    for _ in 0..repeat.max(1) {
        for (emulator, best) in machines.iter_mut().flatten().zip(best.iter_mut().flatten()) {
            emulator.begin_trial(1);
            emulator.clear_ledger();
            for (step, best) in best.iter_mut().enumerate() {
                let given = spikes.at(step);
                let begin = Instant::now();
                emulator.step(&given)?;
                *best = begin.elapsed().min(*best);
            }
        }
    }
    let [one, two] = &machines[1];
    let messages = one.report().count(trifactor_emu::Cause::TileEntry);
    let [functional, timed] = best.map(|of_threads| of_threads.map(ms_per_step));
    Ok(Threaded {
        cores: image.cores.len(),
        synapses: u64::from(SIDE) * u64::from(SIDE),
        messages: messages as f64 / STEPS as f64,
        ms_per_step: timed,
        functional_ms_per_step: functional,
        same: one.save() == two.save() && one.report() == two.report(),
    })
}

fn ms_per_step(steps: [Duration; STEPS]) -> f64 {
    steps.iter().sum::<Duration>().as_secs_f64() * 1e3 / STEPS as f64
}
