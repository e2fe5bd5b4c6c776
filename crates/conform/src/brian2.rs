//! `brian2_plasticity/1` and its statistics: a rule without epochs, on every synapse by itself.
//!
//! Traces belong to synapses. What the peer rounds up is recorded, or, for statistics, drawn as it
//! draws: from fractions that its chip file calls stale.

use crate::Finding;
use crate::membrane::{Membranes, Registers};
use crate::network::{SignMode, WeightFormat};
use crate::rules::term;
use crate::statistics::{Moments, Samples};
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use std::collections::BTreeMap;
use trifactor_diag::Place;
use trifactor_fixed::{
    ChangeArithmetic, Decision, Draw, InterpretedArithmetic, KeyedDraws, MantissaArithmetic,
    clamp_raw, shifted, unit, whole_away,
};
use trifactor_ir::sop::{SopProduct, parse_products};
use trifactor_isa::Chip;

/// The names of traces, pre ones first.
const TRACES: [&str; 5] = ["x1", "x2", "y1", "y2", "y3"];

/// A rule with its traces.
struct Rule {
    products: Vec<SopProduct>,
    /// Name, impulse and time constant.
    traces: Vec<(&'static str, f64, f64)>,
    format: WeightFormat,
    a: InterpretedArithmetic,
}

impl Rule {
    fn new(
        dw: &str,
        constants: &BTreeMap<String, serde_json::Value>,
        format: WeightFormat,
        chip: &Chip,
    ) -> Result<Self, String> {
        let a = chip.arithmetic.interpreted;
        let a = a.ok_or_else(|| format!("the chip file '{}' has no learning engine", chip.name))?;
        if a.change != ChangeArithmetic::Literal {
            return Err(format!("the chip file '{}' does not take rules literally", chip.name));
        }
        // The peer's word for the sign is longer.
        let products = parse_products(&dw.replace("sign(", "sgn("), &Place::at_key("dw"))
            .map_err(|e| e.to_string())?;
        let number = |key: String| constants.get(&key).and_then(|v| v.as_f64()).unwrap_or(0.0);
        let traces =
            TRACES.into_iter().map(|n| (n, number(format!("imp_{n}")), number(format!("tau_{n}"))));
        // Without an impulse or a time constant there is no trace.
        let traces = traces.filter(|(_, impulse, tau)| *impulse != 0.0 && *tau != 0.0).collect();
        Ok(Self { products, traces, format, a })
    }

    /// The change of a weight, in real numbers.
    fn change(&self, step: u32, spikes: [bool; 2], traces: &[i64], w: i64) -> Result<f64, String> {
        let mut sum = 0.0;
        for product in &self.products {
            sum += term(product, |name| match name {
                "x0" => Some(i64::from(spikes[0])),
                "y0" => Some(i64::from(spikes[1])),
                "w" => Some(w),
                name => match name.strip_prefix('u').and_then(|k| k.parse::<u32>().ok()) {
                    Some(k) => Some(i64::from(step.is_multiple_of(1 << k))),
                    None => {
                        let at = self.traces.iter().position(|(n, ..)| *n == name);
                        // A trace that does not exist is 0 everywhere.
                        TRACES.contains(&name).then(|| at.map_or(0, |k| traces[k]))
                    }
                },
            })?;
        }
        Ok(sum)
    }

    /// Bits of a weight that are not stored.
    fn dropped(&self) -> u32 {
        MantissaArithmetic::dropped(self.format.sign, self.format.bits)
    }

    /// The new weight: whole steps of the change, and one more if that was decided.
    fn stored(&self, w: i64, change: f64, up: i64) -> i64 {
        let steps = trifactor_fixed::Truncation::Zero.apply(whole_away(change), self.dropped());
        clamp_raw(w + shifted(steps + up, self.dropped() as i32), self.a.weight(self.format.sign))
    }
}

/// One synapse: its weight and its traces.
#[derive(Clone)]
struct Synapse {
    w: i64,
    traces: Vec<i64>,
}

impl Synapse {
    /// The impulses of a step.
    fn kick(&mut self, rule: &Rule, spikes: [bool; 2]) {
        for (x, (name, impulse, _)) in self.traces.iter_mut().zip(&rule.traces) {
            if spikes[usize::from(!name.starts_with('x'))] {
                *x = rule.a.trace.kicked(*x, *impulse);
            }
        }
    }
}

#[derive(Deserialize)]
struct File {
    params: Params,
    post_neuron: Registers,
    closed_loop: bool,
    initial_weights: Vec<Vec<i64>>,
    pre_spikes: Vec<(u32, u32)>,
    teacher_spikes: Vec<(u32, u32)>,
    teacher: Teacher,
    rounding: BTreeMap<String, Vec<Vec<i64>>>,
    expected: BTreeMap<String, BTreeMap<String, Vec<Vec<i64>>>>,
}

#[derive(Deserialize)]
struct Params {
    steps: u32,
    n_pre: usize,
    n_post: usize,
    sign_mode: SignMode,
    num_weight_bits: u8,
    w_exp: i32,
    dw: String,
    #[serde(flatten)]
    constants: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Teacher {
    weight: i64,
    w_exp: i32,
}

/// Compares every peer.
pub(crate) fn run(vector: &Vector) -> Findings {
    vector.per_peer(|f: &File| &f.expected, compare)
}

fn compare(
    file: &File,
    expected: &BTreeMap<String, Vec<Vec<i64>>>,
    chip: &Chip,
) -> Result<Finding, String> {
    let p = &file.params;
    let format = WeightFormat::new(p.sign_mode, p.num_weight_bits, p.w_exp)?;
    let rule = Rule::new(&p.dw, &p.constants, format, chip)?;
    let teacher = WeightFormat::new(SignMode::Excitatory, 8, file.teacher.w_exp)?;
    let n = p.n_pre * p.n_post;
    let w0 = |s: usize| file.initial_weights.get(s % p.n_post)?.get(s / p.n_post).copied();
    let w0: Option<Vec<i64>> = (0..n).map(w0).collect();
    let w0 = w0.ok_or("initial_weights is not [post][pre]")?;
    let mut synapses: Vec<Synapse> =
        w0.iter().map(|w| Synapse { w: *w, traces: vec![0; rule.traces.len()] }).collect();
    // A mantissa acts as its format stores it until it is first learned.
    let mut acting: Vec<i64> = w0.iter().map(|w| format.mantissa(*w, chip)).collect();
    let mut neurons = Membranes::new(&file.post_neuron, p.n_post, chip)?;
    let mut post_spikes = Vec::new();
    let mut compared = Vec::new();
    let input = &chip.arithmetic.neuron.input;
    for step in 0..p.steps {
        let lanes = |spikes: &[(u32, u32)]| -> Vec<u32> {
            spikes.iter().filter(|(t, _)| *t == step).map(|(_, lane)| *lane).collect()
        };
        let pre = lanes(&file.pre_spikes);
        let fired = std::mem::take(&mut neurons.fired);
        let spikes = |s: usize| {
            [pre.contains(&((s / p.n_post) as u32)), fired.contains(&((s % p.n_post) as u32))]
        };
        for (s, synapse) in synapses.iter_mut().enumerate() {
            synapse.kick(&rule, spikes(s));
            if file.closed_loop && spikes(s)[0] {
                neurons.input[s % p.n_post] += input.contribution(acting[s], p.w_exp);
            }
        }
        for lane in lanes(&file.teacher_spikes) {
            let target = neurons.input.get_mut(lane as usize).ok_or("a teacher spike outside")?;
            *target +=
                input.contribution(teacher.mantissa(file.teacher.weight, chip), teacher.exponent);
        }
        let mut same = Same { expected, step, compared: &mut compared };
        for (k, (name, ..)) in rule.traces.iter().enumerate() {
            same.check(&format!("{name}_in"), synapses.iter().map(|s| s.traces[k]))?;
        }
        for (s, synapse) in synapses.iter_mut().enumerate() {
            let decided = |name: &str| {
                let row = file.rounding.get(&format!("round_{name}"));
                let up = row.and_then(|r| r.get(step as usize)?.get(s).copied());
                up.ok_or_else(|| format!("rounding.round_{name} is not recorded for step {step}"))
            };
            let change = rule.change(step, spikes(s), &synapse.traces, synapse.w)?;
            synapse.w = rule.stored(synapse.w, change, decided("w")?);
            acting[s] = synapse.w;
            for (x, (name, _, tau)) in synapse.traces.iter_mut().zip(&rule.traces) {
                let (whole, _) = rule.a.trace.decay(*x, rule.a.trace.law.keep(*tau, 1.0));
                *x = whole + decided(name)?;
            }
        }
        neurons.step();
        post_spikes
            .extend(neurons.fired.iter().map(|lane| vec![i64::from(step), i64::from(*lane)]));
        same.check("w", synapses.iter().map(|s| s.w))?;
        for (k, (name, ..)) in rule.traces.iter().enumerate() {
            same.check(name, synapses.iter().map(|s| s.traces[k]))?;
        }
        let act = |w: &i64| input.input(input.contribution(*w, p.w_exp));
        same.check("w_act", acting.iter().map(act))?;
        same.check("u", neurons.u.iter().copied())?;
        same.check("v", neurons.v.iter().copied())?;
    }
    if let Some(spikes) = expected.get("post_spikes") {
        let mut wanted = spikes.clone();
        wanted.sort_unstable();
        if wanted != post_spikes {
            return Err("the post spikes differ".to_owned());
        }
        compared.push("post_spikes".to_owned());
    }
    if let Some(left) = expected.keys().find(|key| !compared.contains(key)) {
        return Err(format!("'{left}' is recorded, and not computed here"));
    }
    Ok(Finding::Exact(format!(
        "{} of {} steps, with the recorded rounding decisions",
        compared.join(", "),
        p.steps
    )))
}

/// Compares one step of what is recorded.
struct Same<'a> {
    expected: &'a BTreeMap<String, Vec<Vec<i64>>>,
    step: u32,
    compared: &'a mut Vec<String>,
}

impl Same<'_> {
    fn check(&mut self, name: &str, got: impl Iterator<Item = i64>) -> Result<(), String> {
        let Some(rows) = self.expected.get(name) else { return Ok(()) };
        if self.compared.iter().all(|c| c != name) {
            self.compared.push(name.to_owned());
        }
        let (got, wanted) = (got.collect::<Vec<i64>>(), rows.get(self.step as usize));
        if wanted == Some(&got) {
            return Ok(());
        }
        Err(format!("{name} in step {} is {got:?}, recorded {wanted:?}", self.step))
    }
}

#[derive(Deserialize)]
struct StatisticsFile {
    n_samples: u32,
    params: StatisticsParams,
    pre_spikes: Vec<u32>,
    post_spikes: Vec<u32>,
    expected: BTreeMap<String, BTreeMap<String, Moments>>,
}

#[derive(Deserialize)]
struct StatisticsParams {
    steps: u32,
    dw: String,
    traces: BTreeMap<String, serde_json::Value>,
    num_weight_bits: u8,
    sign_mode: SignMode,
    w_exp: i32,
    w0: i64,
}

/// Compares means over synapses with every peer.
pub(crate) fn statistics(vector: &Vector) -> Findings {
    vector.per_peer(|f: &StatisticsFile| &f.expected, compare_means)
}

fn compare_means(
    file: &StatisticsFile,
    expected: &BTreeMap<String, Moments>,
    chip: &Chip,
) -> Result<Finding, String> {
    let p = &file.params;
    let format = WeightFormat::new(p.sign_mode, p.num_weight_bits, p.w_exp)?;
    let rule = Rule::new(&p.dw, &p.traces, format, chip)?;
    let stale = rule.a.trace.decision == Decision::Stale;
    let source = KeyedDraws { seed: SEED };
    let mut samples = Samples::default();
    for sample in 0..file.n_samples {
        let mut synapse = Synapse { w: p.w0, traces: vec![0; rule.traces.len()] };
        let mut rows: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for step in 0..p.steps {
            let before = synapse.clone();
            // A post spike is seen one step after it is fired.
            let post = step > 0 && file.post_spikes.contains(&(step - 1));
            let spikes = [file.pre_spikes.contains(&step), post];
            synapse.kick(&rule, spikes);
            let change = rule.change(step, spikes, &synapse.traces, synapse.w)?;
            let of = if stale {
                rule.change(step, [false; 2], &before.traces, before.w)?
            } else {
                change
            };
            let steps = whole_away(of) as f64 / f64::from(1u32 << rule.dropped());
            let draw = |stream: u32| unit(source.draw(step + 1, stream, 0, sample, 0));
            let up = i64::from(draw(0) < steps.abs().fract()) * steps.signum() as i64;
            synapse.w = rule.stored(synapse.w, change, up);
            rows.entry("w").or_default().push(synapse.w);
            for (k, (name, _, tau)) in rule.traces.iter().enumerate() {
                let keep = rule.a.trace.law.keep(*tau, 1.0);
                let (whole, fresh) = rule.a.trace.decay(synapse.traces[k], keep);
                let (_, old) = rule.a.trace.decay(before.traces[k], keep);
                let rest = if stale { old } else { fresh };
                synapse.traces[k] = whole + i64::from(draw(1 + k as u32) < rest);
                rows.entry(name).or_default().push(synapse.traces[k]);
            }
        }
        for (name, values) in rows {
            samples.add(name, values.into_iter());
        }
    }
    samples.compare(expected, file.n_samples)
}

/// The seed of all statistics.
const SEED: u32 = 1;
