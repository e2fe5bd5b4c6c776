//! Speed of the emulator and of the compiler.
//!
//! [`measure`] runs the workloads on which public emulators of Loihi-class chips were timed, on
//! one thread and with the cost ledger on: loaded by the model loader, compiled to an image,
//! executed by the emulator. [`probe`](probe::probe) measures what the machine could do at best,
//! [`scaling`](scaling::scaling) how the cost of a step follows size and activity, and
//! [`compiling`](compile::compiling) how the time of compilation follows size.
//!
//! Times are those of the machine at hand; every other figure is the same wherever it is made.

mod clock;
pub mod compile;
pub mod probe;
pub mod scaling;
pub mod timing;
mod workload;

pub use clock::Spent;
pub use workload::{RECORDED, Workload};

use crate::error::LabError;
use clock::Stopwatch;
use serde_json::{Value, json};
use trifactor_emu::{Cause, Emulator, Options, Times};

/// How to measure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BenchOptions {
    /// Steps of every run; the recorded input repeats after [`RECORDED`].
    pub steps: u32,
    /// Runs of each workload, of which the fastest counts.
    pub repeat: u32,
    /// Whether as many further runs of each find out where the time goes.
    pub times: bool,
}

/// What a step did on average, as the ledger counted it.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Work {
    /// Neuron updates.
    pub neurons: f64,
    /// Synaptic events.
    pub synops: f64,
    /// Trace updates.
    pub traces: f64,
    /// Evaluations of the rule.
    pub evaluated: f64,
}

/// One workload.
#[derive(Clone, PartialEq, Debug)]
pub struct Measured {
    /// Which.
    pub workload: Workload,
    /// Steps of a run.
    pub steps: u32,
    /// Time of the fastest run, without loading.
    pub spent: Spent,
    /// Spikes of the neurons in all steps.
    pub spikes: u64,
    /// Mean weight after the last step, in the mantissas of the workload.
    pub mean_weight: f64,
    /// Bytes allocated for each synapse of the measured projection.
    pub bytes_per_synapse: f64,
    /// Synapses of the measured projection.
    pub synapses: u64,
    /// What a step did.
    pub work: Work,
    /// Where the time of the fastest of some separate runs went.
    pub times: Option<Times>,
}

impl Measured {
    /// Milliseconds on the wall per step.
    pub fn ms_per_step(&self) -> f64 {
        self.spent.wall.as_secs_f64() * 1e3 / f64::from(self.steps)
    }
    /// Milliseconds of the processor per step.
    pub fn cpu_ms_per_step(&self) -> Option<f64> {
        self.spent.cpu.map(|cpu| cpu.as_secs_f64() * 1e3 / f64::from(self.steps))
    }
    /// Spikes of the neurons per step.
    pub fn spikes_per_step(&self) -> f64 {
        self.spikes as f64 / f64::from(self.steps)
    }
}

/// All workloads.
#[derive(Clone, PartialEq, Debug)]
pub struct BenchReport {
    /// In the order of [`Workload::ALL`].
    pub measured: Vec<Measured>,
    /// Most memory that the process has had, in bytes.
    pub peak_memory: Option<u64>,
}

impl BenchReport {
    /// The figures that outsiders read, under the names of the workloads.
    pub fn to_json(&self) -> Value {
        let one = |m: &Measured| {
            let value = json!({
                "ms_per_step": m.ms_per_step(),
                "spikes_per_step": m.spikes_per_step(),
                "mean_final_weight": m.mean_weight,
                "bytes_per_synapse": m.bytes_per_synapse,
            });
            (m.workload.name().to_owned(), value)
        };
        Value::Object(self.measured.iter().map(one).collect())
    }
}

/// A spike: the step, counted from 1, and the neuron, counted from 0.
pub type Spike = (u32, u32);

/// Runs every workload.
pub fn measure(options: &BenchOptions) -> Result<BenchReport, LabError> {
    let measured = Workload::ALL.into_iter().map(|w| measure_one(w, options));
    let measured = measured.collect::<Result<_, _>>()?;
    Ok(BenchReport { measured, peak_memory: clock::peak_memory() })
}

/// Runs one workload.
pub fn measure_one(workload: Workload, options: &BenchOptions) -> Result<Measured, LabError> {
    let mut bench = Bench::load(workload)?;
    let mut best: Option<Spent> = None;
    for _ in 0..options.repeat.max(1) {
        bench.begin();
        let watch = Stopwatch::start();
        bench.run(options.steps, |_, _| {})?;
        let spent = watch.stop();
        // The fastest run is the one that others disturbed least.
        best = Some(best.filter(|b| b.wall <= spent.wall).unwrap_or(spent));
    }
    let spent = best.unwrap_or_default();
    let spikes = bench.spikes;
    let (mean_weight, synapses) = bench.weights()?;
    let (bytes_per_synapse, work) = (bench.bytes_per_synapse()?, bench.work());
    let times = if options.times { Some(bench.times(options)?) } else { None };
    let steps = options.steps;
    Ok(Measured {
        workload,
        steps,
        spent,
        spikes,
        mean_weight,
        bytes_per_synapse,
        synapses,
        work,
        times,
    })
}

/// The spikes of a workload's neurons in so many steps, in order.
pub fn raster(workload: Workload, steps: u32) -> Result<Vec<Spike>, LabError> {
    let mut bench = Bench::load(workload)?;
    let mut spikes = Vec::new();
    bench.run(steps, |step, fired| spikes.extend(fired.iter().map(|lane| (step, *lane))))?;
    Ok(spikes)
}

/// A workload on the emulator.
pub struct Bench {
    emulator: Emulator,
    /// Populations of the inputs.
    places: Vec<usize>,
    /// Shape: `[step][input]` lanes.
    inputs: Vec<Vec<Vec<u32>>>,
    cells: usize,
    projection: usize,
    seed: u32,
    spikes: u64,
}

impl Bench {
    /// Compiles a workload and loads its image.
    pub fn load(workload: Workload) -> Result<Self, LabError> {
        Self::load_with(workload, true)
    }

    /// The same with or without simulated time.
    pub fn load_with(workload: Workload, timing: bool) -> Result<Self, LabError> {
        let image = workload.image()?;
        let emulator = Emulator::load(&image, Options { timing, ..Options::default() })?;
        let populations = &emulator.map().populations;
        let places = (0..populations.len()).filter(|p| populations[*p].slices.is_empty()).collect();
        let cells = populations.iter().position(|p| !p.slices.is_empty());
        let name = workload.projection();
        let projection = emulator.map().projections.iter().position(|p| p.name == name);
        Ok(Self {
            cells: cells.expect("internal: every workload has neurons"),
            projection: projection.expect("internal: every workload has its projection"),
            places,
            inputs: workload.inputs()?,
            seed: image.meta.seed,
            emulator,
            spikes: 0,
        })
    }

    /// Starts again at step 1 with an empty ledger.
    pub fn begin(&mut self) {
        self.emulator.begin_trial(self.seed);
        self.emulator.clear_ledger();
        self.spikes = 0;
    }

    /// Runs steps; `visit` sees the spikes of each.
    pub fn run(&mut self, steps: u32, mut visit: impl FnMut(u32, &[u32])) -> Result<(), LabError> {
        let shown: Vec<Vec<(usize, &[u32])>> = self
            .inputs
            .iter()
            .map(|lists| self.places.iter().copied().zip(lists.iter().map(Vec::as_slice)).collect())
            .collect();
        for (step, inputs) in (1..=steps).zip(shown.iter().cycle()) {
            self.emulator.step(inputs)?;
            let fired = self.emulator.spikes(self.cells);
            self.spikes += fired.len() as u64;
            visit(step, fired);
        }
        Ok(())
    }

    /// A field of the measured projection's synapses by (pre, post), raw.
    pub fn field(&self, field: usize) -> Result<Vec<i32>, LabError> {
        let synapses = self.emulator.read_field(self.projection, field)?;
        Ok(synapses.into_iter().map(|s| s.raw).collect())
    }

    /// Mean weight and number of synapses. All workloads store mantissas.
    fn weights(&self) -> Result<(f64, u64), LabError> {
        let weights = self.field(0)?;
        let sum: i64 = weights.iter().map(|w| i64::from(*w)).sum();
        let n = weights.len() as u64;
        Ok((sum as f64 / n as f64, n))
    }

    fn bytes_per_synapse(&self) -> Result<f64, LabError> {
        Ok(self.emulator.bytes_per_synapse(self.projection)?)
    }

    fn work(&self) -> Work {
        let ledger = self.emulator.report();
        let per_step = |cause| ledger.count(cause) as f64 / ledger.steps.max(1) as f64;
        Work {
            neurons: per_step(Cause::CompartmentActive) + per_step(Cause::CompartmentInactive),
            synops: per_step(Cause::Synop),
            traces: per_step(Cause::Trace),
            evaluated: per_step(Cause::RuleState),
        }
    }

    /// Where the time of the fastest of several runs went.
    fn times(&mut self, options: &BenchOptions) -> Result<Times, LabError> {
        let mut best: Option<Times> = None;
        for _ in 0..options.repeat.max(1) {
            self.begin();
            self.emulator.keep_times();
            self.run(options.steps, |_, _| {})?;
            let times = self.emulator.times().unwrap_or_default();
            best = Some(best.filter(|b| b.total() <= times.total()).unwrap_or(times));
        }
        Ok(best.unwrap_or_default())
    }
}
