//! How the cost of a step follows the size of a plastic layer and its activity.

use super::clock::{Spent, Stopwatch};
use super::probe::{LINE, Probe};
use super::workload::unpack;
use crate::error::LabError;
use crate::prepare::{find_chip, prepare};
use std::time::Duration;
use trifactor_emu::{Cause, Emulator, Options};
use trifactor_fixed::mix32;
use trifactor_model::load;

/// Lanes on either side: 10^4, 10^5, 10^6 and 10^7 synapses.
pub const SIDES: [u32; 4] = [100, 316, 1000, 3162];
/// Percent of the lanes on either side that fire in a step.
pub const ACTIVITIES: [u32; 5] = [0, 1, 5, 10, 20];

/// One size at one activity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    /// Plastic synapses.
    pub synapses: u64,
    /// Percent of lanes that fire in a step, on either side.
    pub activity: u32,
    /// Microseconds on the wall per step, of the fastest of several stretches.
    pub us_per_step: f64,
    /// Microseconds of the processor per step, of the least of several stretches; those on the
    /// wall where the system does not say.
    pub cpu_us_per_step: f64,
    /// Rule evaluations per step.
    pub evaluated: f64,
    /// Synaptic events per step.
    pub synops: f64,
    /// The time in which the memory that was touched could have been read and written.
    pub memory_us: f64,
}

impl Point {
    /// Nanoseconds of the processor for each evaluation of the rule, everything else included;
    /// `None` where there was none.
    pub fn ns_per_evaluation(&self) -> Option<f64> {
        (self.evaluated > 0.0).then(|| self.cpu_us_per_step * 1e3 / self.evaluated)
    }
}

/// Measures every size at every activity, the smallest first. `visit` sees each when it is done.
pub fn scaling(
    sides: &[u32],
    probe: &Probe,
    mut visit: impl FnMut(&Point),
) -> Result<Vec<Point>, LabError> {
    let mut points = Vec::new();
    for side in sides {
        let layer = unpack(&model(*side), &[])?;
        let model = load(layer.path())?;
        let image = prepare(&model, find_chip(&model.chip)?)?.compiled.image;
        drop(model);
        let mut emulator = Emulator::load(&image, Options::default())?;
        drop(image);
        for activity in ACTIVITIES {
            let point = measure(&mut emulator, *side, activity, probe)?;
            visit(&point);
            points.push(point);
        }
    }
    Ok(points)
}

/// W2's rule between layers of any size. Post lanes fire when a private input tells them to, and
/// never otherwise, so that activity is what was asked for and not what the weights became.
pub(super) fn model(side: u32) -> String {
    format!(
        r#"#![enable(implicit_some)]
(
    name: "scaling", chip: "large", seed: 1,
    inputs: {{ "pre": (n: {side}), "teacher": (n: {side}) }},
    populations: {{ "post": (n: {side}, keep_u: 0.0, keep_v: 0.0, threshold: 100000.0) }},
    projections: {{
        "taught": (pre: "teacher", post: "post", connect: OneToOne, weights: 110080.0, sign: Excitatory),
        "ff": (pre: "pre", post: "post", connect: AllToAll, weights: Uniform(20.0, 120.0, 2),
               sign: Excitatory, range: (0.0, 255.0), rule: "stdp"),
    }},
    rules: {{
        "stdp": (
            kernel: Sop(dw: "2^-4*x1*y0 - 2^-4*y1*x0"),
            traces: {{
                "x1": Pre(tau: 10.0, impulse: 16.0, range: (0.0, 127.0)),
                "y1": Post(tau: 10.0, impulse: 16.0, range: (0.0, 127.0)),
            }},
        ),
    }},
    formats: {{
        "post.v": (bits: 24, frac: 6),
        "taught.w": (bits: 8, frac: -9, signed: false),
        "ff.w": (bits: 8, frac: 0, signed: false),
        "pre.ff.x1": (bits: 7, frac: 0, signed: false),
        "post.ff.y1": (bits: 7, frac: 0, signed: false),
    }},
)
"#
    )
}

/// Steps whose spikes are drawn beforehand.
const DRAWN: u32 = 64;
/// Stretches of steps, of which the fastest counts.
const STRETCHES: usize = 5;
/// Length of a stretch.
const STRETCH: Duration = Duration::from_millis(40);

/// Spikes of the model's inputs, drawn beforehand.
pub(super) struct Spikes {
    /// The two inputs' positions in the map.
    inputs: [usize; 2],
    /// Shape: `[step][input]` lanes.
    drawn: Vec<[Vec<u32>; 2]>,
}

impl Spikes {
    /// The inputs of a step; steps repeat.
    pub fn at(&self, step: usize) -> [(usize, &[u32]); 2] {
        let [x, y] = &self.drawn[step % self.drawn.len()];
        [(self.inputs[0], x), (self.inputs[1], y)]
    }
}

/// Draws spikes for [`model`].
pub(super) fn spikes(emulator: &Emulator, side: u32, activity: u32) -> Spikes {
    let place = |name: &str| {
        let found = emulator.map().populations.iter().position(|p| p.name == name);
        found.expect("internal: the model has this input")
    };
    let fires = |salt: u32, t: u32| -> Vec<u32> {
        (0..side).filter(|lane| mix32(mix32(t ^ salt) ^ lane) % 100 < activity).collect()
    };
    let drawn = (0..DRAWN).map(|t| [fires(0x51ed_0000, t), fires(0x7eac_0000, t)]).collect();
    Spikes { inputs: [place("pre"), place("teacher")], drawn }
}

fn measure(
    emulator: &mut Emulator,
    side: u32,
    activity: u32,
    probe: &Probe,
) -> Result<Point, LabError> {
    let spikes = spikes(emulator, side, activity);
    emulator.begin_trial(1);
    let mut at = 0;
    let mut run = |emulator: &mut Emulator, steps: u32| -> Result<Spent, LabError> {
        let watch = Stopwatch::start();
        for _ in 0..steps {
            emulator.step(&spikes.at(at))?;
            at += 1;
        }
        Ok(watch.stop())
    };
    // Until traces and caches are what they stay.
    let warm = run(emulator, 8)?.wall / 8;
    let steps = (STRETCH.as_secs_f64() / warm.as_secs_f64().max(1e-9)).clamp(4.0, 20_000.0) as u32;
    emulator.clear_ledger();
    let (mut wall, mut cpu) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..STRETCHES {
        let spent = run(emulator, steps)?;
        let us = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(steps);
        wall = wall.min(us(spent.wall));
        cpu = cpu.min(us(spent.cpu.unwrap_or(spent.wall)));
    }
    let ledger = emulator.report();
    let per_step = |cause| ledger.count(cause) as f64 / ledger.steps as f64;
    let (evaluated, synops) = (per_step(Cause::RuleState), per_step(Cause::Synop));
    let synapses = u64::from(side) * u64::from(side);
    let memory_us = touched(side, activity) / probe.bandwidth_of(2 * synapses as usize) * 1e-3;
    Ok(Point {
        synapses,
        activity,
        us_per_step: wall,
        cpu_us_per_step: cpu,
        evaluated,
        synops,
        memory_us,
    })
}

/// Bytes that a step has to move: rows that spiked are delivered, read and written whole; of the
/// others, the lines that hold a post lane that spiked are read and written.
fn touched(side: u32, activity: u32) -> f64 {
    let (n, part) = (f64::from(side), f64::from(activity) / 100.0);
    let lines = (2.0 * n / LINE).ceil();
    let hit = lines * (1.0 - (1.0 - 1.0 / lines).powf(n * part));
    n * part * n * (2.0 + 4.0) + n * (1.0 - part) * hit * 2.0 * LINE
}
