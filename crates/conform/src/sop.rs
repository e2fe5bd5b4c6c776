//! `sop_learning/1` and its statistics: one plastic projection with a rule of sums of products.

use crate::Finding;
use crate::learner::{Learner, Matrix, Post, Run, TRACES, Task, Train, kernel};
use crate::lif::sorted;
use crate::network::{SignMode, WeightFormat};
use crate::registers::Registers;
use crate::rules::Product;
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use trifactor_fixed::{Draw, Rounding, TraceLaw, from_unit, round_shift, site};
use trifactor_ir::Kernel;
use trifactor_ir::sop::SopRule;
use trifactor_isa::Chip;

/// Time constant of post traces that come from outside: they decay as slowly as the peer's can.
const SLOWEST: f64 = 65535.0;

/// What both schemas say.
#[derive(Deserialize)]
struct Setup {
    mode: String,
    params: Params,
    rule: Rule,
    initial: Initial,
    pre_spikes: Vec<(u32, u32)>,
    #[serde(default)]
    post_spikes: Vec<(u32, u32)>,
    y_in: Option<[Matrix; 3]>,
    lif: Option<Registers>,
    #[serde(default)]
    teacher_spikes: Vec<(u32, u32)>,
    teacher: Option<Teacher>,
    post_trace: Option<PostTrace>,
    reward: Option<Matrix>,
}

/// The rule of a file.
#[derive(Clone, Deserialize, Default)]
pub(crate) struct Rule {
    pub dw: Option<String>,
    pub dd: Option<String>,
    pub dt: Option<String>,
    #[serde(default)]
    pub x1_impulse: f64,
    #[serde(default)]
    pub x1_tau: f64,
    #[serde(default)]
    pub x2_impulse: f64,
    #[serde(default)]
    pub x2_tau: f64,
    #[serde(default)]
    pub y1_impulse: f64,
    #[serde(default)]
    pub y1_tau: f64,
    #[serde(default)]
    pub y2_impulse: f64,
    #[serde(default)]
    pub y2_tau: f64,
    #[serde(default)]
    pub y3_impulse: f64,
    #[serde(default)]
    pub y3_tau: f64,
    pub t_epoch: u32,
}

impl Rule {
    /// Products of dw, dd and dt.
    fn products(&self) -> Result<[Option<Vec<Product>>; 3], String> {
        let one = |text: &Option<String>| text.as_deref().map(crate::rules::products).transpose();
        Ok([one(&self.dw)?, one(&self.dd)?, one(&self.dt)?])
    }
    /// The kernel that the strings say.
    pub fn kernel(&self) -> Result<Kernel, String> {
        kernel(&SopRule { dw: self.dw.clone(), dd: self.dd.clone(), dt: self.dt.clone() })
    }
    /// Impulse and time constant of each trace, in the order of [`TRACES`].
    pub fn traces(&self) -> [(f64, f64); 5] {
        [
            (self.x1_impulse, self.x1_tau),
            (self.x2_impulse, self.x2_tau),
            (self.y1_impulse, self.y1_tau),
            (self.y2_impulse, self.y2_tau),
            (self.y3_impulse, self.y3_tau),
        ]
    }
}

#[derive(Deserialize)]
struct Params {
    steps: u32,
    n_pre: u32,
    n_post: u32,
    sign_mode: SignMode,
    num_weight_bits: u8,
    weight_exp: i32,
}

#[derive(Deserialize)]
struct Initial {
    weights: Matrix,
    tag_1: Option<Matrix>,
    tag_2: Option<Matrix>,
}

#[derive(Deserialize)]
struct Teacher {
    weight: i64,
    weight_exp: i32,
    sign_mode: SignMode,
    num_weight_bits: u8,
}

#[derive(Deserialize)]
struct PostTrace {
    tau: f64,
    impulse: i64,
}

#[derive(Deserialize)]
struct File {
    #[serde(flatten)]
    setup: Setup,
    products: BTreeMap<String, Option<Vec<Product>>>,
    random: Random,
    expected: BTreeMap<String, Expected>,
}

/// Recorded random numbers; what a file does not need may be left out.
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
struct Random {
    x_decay: Vec<f64>,
    y_decay: Vec<f64>,
    x_impulse: Vec<u32>,
    y_impulse: Vec<u32>,
    y_impulse_mid: Vec<u32>,
    syn: Vec<f64>,
}

/// The recorded numbers in place of the chip's own source. The peer rounds up where a number is
/// below the fraction, the chip where the two carry, so the chip draws the complement.
/// Source: S41, S54.
#[derive(Clone)]
struct Recorded {
    random: Arc<Random>,
    epoch: u32,
    /// Streams of pre traces, post traces and stores.
    streams: [u32; 3],
}

impl Draw for Recorded {
    fn draw(&self, step: u32, stream: u32, site: u8, _: u32, _: u32) -> u32 {
        let epoch = (step / self.epoch).saturating_sub(1) as usize;
        let r = &self.random;
        // Whole numbers of 7 bits are the highest bits of a draw.
        let whole = |list: &[u32], at: usize| list.get(at).map_or(0, |x| x << 25);
        let real = |list: &[f64], at: usize| list.get(at).map_or(0, |x| from_unit(*x));
        let [pre, post, _] = self.streams;
        let drawn = match site {
            site::DECAY if stream == pre => real(&r.x_decay, epoch),
            site::DECAY if stream == post => real(&r.y_decay, epoch),
            site::IMPULSE if stream == pre => whole(&r.x_impulse, epoch),
            site::IMPULSE if stream == post => whole(&r.y_impulse, epoch),
            site::EARLY => whole(&r.y_impulse_mid, step as usize - 1),
            _ => real(&r.syn, epoch),
        };
        !drawn
    }
}

#[derive(Deserialize)]
struct Expected {
    weights: Option<Vec<Matrix>>,
    tag_1: Option<Vec<Matrix>>,
    tag_2: Option<Vec<Matrix>>,
    x1: Option<Matrix>,
    x2: Option<Matrix>,
    y1: Option<Matrix>,
    y2: Option<Matrix>,
    y3: Option<Matrix>,
    u: Option<Matrix>,
    v: Option<Matrix>,
    post_spikes: Option<Vec<(u32, u32)>>,
}

/// Everything that a run leaves behind.
#[derive(Default)]
struct Trail {
    /// Weights, delays and tags, one matrix per epoch.
    variables: [Vec<Matrix>; 3],
    /// x1, x2, y1, y2, y3, one row per epoch.
    traces: [Matrix; 5],
    /// u and v, one row per step.
    states: [Matrix; 2],
    post_spikes: Vec<(u32, u32)>,
}

impl Setup {
    /// The network on a peer's chip.
    fn learner(&self, chip: &Chip) -> Result<Learner, String> {
        let p = &self.params;
        if p.n_pre == 0 || p.n_post == 0 {
            return Err("a projection needs lanes on both sides".to_owned());
        }
        let format = WeightFormat::new(p.sign_mode, p.num_weight_bits, p.weight_exp)?;
        let shape = |m: &Matrix| {
            m.len() == p.n_post as usize && m.iter().all(|row| row.len() == p.n_pre as usize)
        };
        let zeros = vec![vec![0; p.n_pre as usize]; p.n_post as usize];
        let Initial { weights, tag_1, tag_2 } = &self.initial;
        let tags = [tag_2, tag_1].map(|tag| tag.clone().unwrap_or_else(|| zeros.clone()));
        let [delays, tags] = tags;
        if ![weights, &delays, &tags].into_iter().all(shape) {
            return Err(format!("an initial matrix is not {} by {}", p.n_post, p.n_pre));
        }
        for (name, spikes, n) in [
            ("pre_spikes", &self.pre_spikes, p.n_pre),
            ("post_spikes", &self.post_spikes, p.n_post),
            ("teacher_spikes", &self.teacher_spikes, p.n_post),
        ] {
            if let Some((step, lane)) = spikes.iter().find(|(_, lane)| *lane >= n) {
                return Err(format!(
                    "{name} has lane {lane} in step {step}, and there are {n} lanes"
                ));
            }
        }
        let stored = |row: &Vec<i64>| row.iter().map(|w| format.mantissa(*w, chip)).collect();
        let (closed, given) = self.mode()?;
        let post = match (closed, &self.lif) {
            (false, _) => Post::Told(&self.post_spikes),
            (true, None) => return Err("a closed loop needs the key 'lif'".to_owned()),
            (true, Some(registers)) => Post::Neurons(registers, self.teacher()?),
        };
        let task = Task {
            rule: &self.rule,
            law: TraceLaw::Exponential,
            n_pre: p.n_pre,
            n_post: p.n_post,
            format,
            dropped: 0,
            initial: [weights.iter().map(stored).collect(), delays, tags],
            given: given.then_some(SLOWEST),
            post,
            apart: false,
            once: Vec::new(),
        };
        task.compile(chip)
    }

    /// Whether neurons fire by themselves, and whether post traces come from outside.
    fn mode(&self) -> Result<(bool, bool), String> {
        match self.mode.as_str() {
            "2F" => Ok((false, false)),
            "3F" => Ok((false, true)),
            "closed" => Ok((true, false)),
            "closed_3F" => Ok((true, true)),
            mode => Err(format!("'{mode}' is no mode")),
        }
    }

    fn teacher(&self) -> Result<Option<(WeightFormat, i64)>, String> {
        let format = |t: &Teacher| {
            let format = WeightFormat::new(t.sign_mode, t.num_weight_bits, t.weight_exp)?;
            Ok((format, t.weight))
        };
        self.teacher.as_ref().map(format).transpose()
    }

    /// Runs what was compiled from the current draws on.
    fn run(&self, run: &mut Run<'_>) -> Result<Trail, String> {
        let (closed, given) = self.mode()?;
        let pre = Train::new(self.pre_spikes.iter().copied());
        let teacher = if closed {
            Train::new(self.teacher_spikes.iter().copied())
        } else {
            // Who is to fire in a step is told in the one before.
            Train::new(self.post_spikes.iter().filter(|s| s.0 > 1).map(|s| (s.0 - 1, s.1)))
        };
        let n_post = self.params.n_post as usize;
        let mut own_trace = vec![0; n_post];
        let mut trail = Trail::default();
        for step in 1..=self.params.steps {
            let mut outside = [vec![0; n_post], vec![0; n_post], vec![0; n_post]];
            if given {
                if let Some(y) = &self.y_in {
                    for (values, y) in outside.iter_mut().zip(y) {
                        *values = row(y, step, n_post, "y_in")?;
                    }
                }
                if closed {
                    self.own_trace(run.spikes(), &mut own_trace)?;
                    outside[0].clone_from(&own_trace);
                    if let Some(reward) = &self.reward {
                        outside[1] = row(reward, step, n_post, "reward")?;
                    }
                }
                for (name, values) in TRACES[2..].iter().zip(&outside) {
                    run.write_trace(name, values)?;
                }
            }
            let seen = run.step(&pre, &teacher)?;
            if closed {
                trail.post_spikes.extend(seen.spikes.iter().map(|lane| (step, *lane)));
                for (kept, state) in trail.states.iter_mut().zip(seen.states) {
                    kept.push(state);
                }
            }
            let Some((variables, mut traces)) = seen.epoch else { continue };
            if given {
                // What is recorded of them is what was given, not what the epoch's replay left.
                traces[2..].clone_from_slice(&outside);
            }
            for (kept, matrix) in trail.variables.iter_mut().zip(variables) {
                kept.push(matrix);
            }
            for (kept, values) in trail.traces.iter_mut().zip(traces) {
                kept.push(values);
            }
        }
        Ok(trail)
    }

    /// The trace that each neuron keeps of its own spikes up to the step before.
    fn own_trace(&self, fired: &[u32], trace: &mut [i64]) -> Result<(), String> {
        let spec = self.post_trace.as_ref().ok_or("the key 'post_trace' is missing")?;
        let keep = TraceLaw::Exponential.keep(spec.tau, 1.0);
        // Whole steps of a factor in 32 bits; the sum is rounded down.
        let keep = (keep * 4_294_967_296.0).round() as i64;
        for (i, y) in trace.iter_mut().enumerate() {
            let kick = if fired.contains(&(i as u32)) { spec.impulse } else { 0 };
            *y = round_shift(*y * keep, 32, Rounding::Floor, 0) + kick;
        }
        Ok(())
    }
}

fn row(matrix: &Matrix, step: u32, n: usize, key: &str) -> Result<Vec<i64>, String> {
    let row = matrix.get(step as usize - 1).filter(|row| row.len() == n);
    row.cloned().ok_or_else(|| format!("{key} has no row of {n} numbers for step {step}"))
}

/// Compares a recorded rule with every peer.
pub(crate) fn run(vector: &Vector) -> Findings {
    vector.per_peer(|f: &File| &f.expected, compare)
}

fn compare(file: &File, expected: &Expected, chip: &Chip) -> Result<Finding, String> {
    let ours = file.setup.rule.products()?;
    for (name, ours) in ["dw", "dd", "dt"].into_iter().zip(&ours) {
        let recorded = file.products.get(name).and_then(Option::as_ref);
        if recorded.is_some() && recorded != ours.as_ref() {
            return Err(format!("{name} is read as {ours:?}, recorded {recorded:?}"));
        }
    }
    let learner = file.setup.learner(chip)?;
    let recorded = Recorded {
        random: Arc::new(file.random.clone()),
        epoch: file.setup.rule.t_epoch,
        streams: [learner.traces[0][0], learner.traces[2][0], learner.rules[0]],
    };
    let mut run = learner.run()?;
    run.compare();
    run.replace_draws(&recorded);
    let trail = file.setup.run(&mut run)?;
    let mut compared = Vec::new();
    let mut same = |name: &'static str, got: &dyn Fn() -> Option<String>, there: bool| {
        if !there {
            return Ok(());
        }
        compared.push(name);
        got().map_or(Ok(()), Err)
    };
    let [weights, delays, tags] = &trail.variables;
    let matrices = [
        ("weights", &expected.weights, weights),
        ("tag_1", &expected.tag_1, tags),
        ("tag_2", &expected.tag_2, delays),
    ];
    for (name, wanted, got) in matrices {
        same(name, &|| difference(name, "epoch", got, wanted.as_ref()), wanted.is_some())?;
    }
    let [x1, x2, y1, y2, y3] = &trail.traces;
    let [u, v] = &trail.states;
    let rows = [
        ("x1", &expected.x1, x1, "epoch"),
        ("x2", &expected.x2, x2, "epoch"),
        ("y1", &expected.y1, y1, "epoch"),
        ("y2", &expected.y2, y2, "epoch"),
        ("y3", &expected.y3, y3, "epoch"),
        ("u", &expected.u, u, "step"),
        ("v", &expected.v, v, "step"),
    ];
    for (name, wanted, got, when) in rows {
        same(name, &|| difference(name, when, got, wanted.as_ref()), wanted.is_some())?;
    }
    if let Some(spikes) = &expected.post_spikes
        && trail.post_spikes != sorted(spikes)
    {
        return Err("the post spikes differ".to_owned());
    }
    if compared.is_empty() {
        return Err("nothing is recorded that could be compared".to_owned());
    }
    let epochs = weights.len();
    Ok(Finding::Exact(format!("{} over {epochs} epochs", compared.join(", "))))
}

/// Where two lists part, if they do.
fn difference<T: PartialEq + std::fmt::Debug>(
    name: &str,
    when: &str,
    got: &[T],
    wanted: Option<&Vec<T>>,
) -> Option<String> {
    let wanted = wanted?;
    if wanted.len() != got.len() {
        return Some(format!("{name} has {} rows, recorded {}", got.len(), wanted.len()));
    }
    let at = got.iter().zip(wanted).position(|(a, b)| a != b)?;
    Some(format!("{name} in {when} {} is {:?}, recorded {:?}", at + 1, got[at], wanted[at]))
}

#[derive(Deserialize)]
struct StatisticsFile {
    #[serde(flatten)]
    setup: Setup,
    n_seeds: u32,
    expected: BTreeMap<String, BTreeMap<String, crate::statistics::Moments>>,
}

/// Compares means over seeds with every peer.
pub(crate) fn statistics(vector: &Vector) -> Findings {
    vector.per_peer(
        |f: &StatisticsFile| &f.expected,
        |file, expected, chip| {
            let runs = file.n_seeds;
            let mut samples = crate::statistics::Samples::default();
            let learner = file.setup.learner(chip)?;
            let mut emulated = learner.run()?;
            for run in 0..runs {
                emulated.begin(SEED.wrapping_add(run));
                if run < COMPARED {
                    emulated.compare();
                }
                let trail = file.setup.run(&mut emulated)?;
                let first = |m: &Matrix| m.first().and_then(|r| r.first()).copied().unwrap_or(0);
                let [weights, _, tags] = &trail.variables;
                for (name, list) in [("weights", weights), ("tag_1", tags)] {
                    samples.add(name, list.iter().map(first));
                }
                for (name, list) in TRACES.into_iter().zip(&trail.traces) {
                    samples.add(name, list.iter().map(|r| r.first().copied().unwrap_or(0)));
                }
            }
            samples.compare(expected, runs)
        },
    )
}

/// First of the seeds of all statistics.
const SEED: u32 = 1;
/// Runs beside which the fixed reading runs.
const COMPARED: u32 = 3;
