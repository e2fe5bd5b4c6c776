//! `sop_learning/1` and its statistics: one plastic projection with a rule of sums of products.

use crate::Finding;
use crate::epoch::{Engine, Matrix, Rule, stream};
use crate::lif::sorted;
use crate::membrane::{Membranes, Registers};
use crate::network::{SignMode, WeightFormat};
use crate::rules::Product;
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use std::collections::BTreeMap;
use trifactor_fixed::{Draw, KeyedDraws, Rounding, TraceLaw, from_unit, round_shift};
use trifactor_isa::Chip;

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

#[derive(Deserialize)]
struct Params {
    steps: u32,
    n_pre: usize,
    n_post: usize,
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
#[derive(Deserialize, Default)]
#[serde(default)]
struct Random {
    x_decay: Vec<f64>,
    y_decay: Vec<f64>,
    x_impulse: Vec<u32>,
    y_impulse: Vec<u32>,
    y_impulse_mid: Vec<u32>,
    syn: Vec<f64>,
}

/// The recorded numbers in place of the chip's own source. Source: S54.
struct Recorded<'a> {
    random: &'a Random,
    epoch: u32,
}

impl Draw for Recorded<'_> {
    fn draw(&self, step: u32, stream: u32, _: u8, _: u32, _: u32) -> u32 {
        let epoch = (step / self.epoch).saturating_sub(1) as usize;
        let r = self.random;
        // Whole numbers of 7 bits are the highest bits of a draw.
        let whole = |list: &[u32], at: usize| list.get(at).map_or(0, |x| x << 25);
        let real = |list: &[f64], at: usize| list.get(at).map_or(0, |x| from_unit(*x));
        match stream {
            s if s == stream::DECAY[0] => real(&r.x_decay, epoch),
            s if s == stream::DECAY[1] => real(&r.y_decay, epoch),
            s if s == stream::IMPULSE[0] => whole(&r.x_impulse, epoch),
            s if s == stream::IMPULSE[1] => whole(&r.y_impulse, epoch),
            stream::EARLY => whole(&r.y_impulse_mid, step as usize - 1),
            _ => real(&r.syn, epoch),
        }
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

const TRACES: [&str; 5] = ["x1", "x2", "y1", "y2", "y3"];

impl Setup {
    fn run(&self, chip: &Chip, draws: &dyn Draw) -> Result<Trail, String> {
        let a = chip.arithmetic.learning;
        let a = a.ok_or_else(|| format!("the chip file '{}' has no learning engine", chip.name))?;
        let p = &self.params;
        let format = WeightFormat::new(p.sign_mode, p.num_weight_bits, p.weight_exp)?;
        let truncated = |row: &Vec<i64>| row.iter().map(|w| format.mantissa(*w, chip)).collect();
        let zeros = vec![vec![0; p.n_pre]; p.n_post];
        let variables = [
            self.initial.weights.iter().map(truncated).collect(),
            self.initial.tag_2.clone().unwrap_or_else(|| zeros.clone()),
            self.initial.tag_1.clone().unwrap_or(zeros),
        ];
        let (closed, given) = match self.mode.as_str() {
            "2F" => (false, false),
            "3F" => (false, true),
            "closed" => (true, false),
            "closed_3F" => (true, true),
            mode => return Err(format!("'{mode}' is no mode")),
        };
        let mut engine = Engine::new(&self.rule, a, p.sign_mode, variables, given)?;
        if engine.variables[0].len() != p.n_post {
            return Err("initial.weights does not have a row for each post neuron".to_owned());
        }
        let lif = self.lif.as_ref().filter(|_| closed);
        let mut neurons = lif.map(|lif| Membranes::new(lif, p.n_post, chip)).transpose()?;
        if closed && neurons.is_none() {
            return Err("a closed loop needs the key 'lif'".to_owned());
        }
        let mut own_trace = vec![0; p.n_post];
        let mut trail = Trail::default();
        for step in 1..=p.steps {
            let pre = at(&self.pre_spikes, step);
            let mut post = at(&self.post_spikes, step);
            let mut outside = [vec![0; p.n_post], vec![0; p.n_post], vec![0; p.n_post]];
            if let Some(y) = self.y_in.as_ref().filter(|_| given) {
                for (values, y) in outside.iter_mut().zip(y) {
                    *values = row(y, step, p.n_post, "y_in")?;
                }
            }
            if let Some(neurons) = &mut neurons {
                if given {
                    self.own_trace(&neurons.fired, &mut own_trace)?;
                    outside[0].clone_from(&own_trace);
                    if let Some(reward) = &self.reward {
                        outside[1] = row(reward, step, p.n_post, "reward")?;
                    }
                }
                neurons.step();
                post.clone_from(&neurons.fired);
                trail.post_spikes.extend(post.iter().map(|lane| (step, *lane)));
                trail.states[0].push(neurons.u.clone());
                trail.states[1].push(neurons.v.clone());
                self.send(neurons, &engine, &pre, step, chip)?;
            }
            let outside = [&outside[0][..], &outside[1][..], &outside[2][..]];
            if engine.step(step, [&pre, &post], outside, draws)? {
                for (kept, matrix) in trail.variables.iter_mut().zip(&engine.variables) {
                    kept.push(matrix.clone());
                }
                for (kept, name) in trail.traces.iter_mut().zip(TRACES) {
                    kept.push(engine.trace(name).unwrap_or_default().to_vec());
                }
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

    /// Sends the spikes of a step: what they add arrives in the next one.
    fn send(
        &self,
        neurons: &mut Membranes<'_>,
        engine: &Engine,
        pre: &[u32],
        step: u32,
        chip: &Chip,
    ) -> Result<(), String> {
        let input = &chip.arithmetic.neuron.input;
        for (post, weights) in engine.variables[0].iter().enumerate() {
            let mut sum = 0;
            for lane in pre {
                sum +=
                    weights.get(*lane as usize).ok_or("a pre spike outside of the projection")?;
            }
            neurons.input[post] += input.contribution(sum, self.params.weight_exp);
        }
        let Some(teacher) = &self.teacher else { return Ok(()) };
        let format =
            WeightFormat::new(teacher.sign_mode, teacher.num_weight_bits, teacher.weight_exp)?;
        for lane in at(&self.teacher_spikes, step) {
            let target = neurons.input.get_mut(lane as usize);
            let target = target.ok_or("a teacher spike of a neuron that does not exist")?;
            *target += input.contribution(format.mantissa(teacher.weight, chip), format.exponent);
        }
        Ok(())
    }
}

fn at(spikes: &[(u32, u32)], step: u32) -> Vec<u32> {
    spikes.iter().filter(|(t, _)| *t == step).map(|(_, lane)| *lane).collect()
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
    let recorded = Recorded { random: &file.random, epoch: file.setup.rule.t_epoch };
    let trail = file.setup.run(chip, &recorded)?;
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
            for run in 0..runs {
                let trail = file.setup.run(chip, &KeyedDraws { seed: SEED.wrapping_add(run) })?;
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
