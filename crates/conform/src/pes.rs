//! `pes_learning/1`: the rule that nengo-loihi trains decoders with.
//!
//! Traces of the peer have epochs of two steps, weights of four. An epoch of the chip is one of the
//! traces, and the rule is evaluated in every second one, which is what u1 is for. The error has a
//! sign and traces have none, so an embedded program writes it as two: what is above 0, and what
//! is below.
//!
//! The peer counts a spike where it arrives. A lane of the network fires in that step, so its
//! contribution, which needs another step, is compared one step later.

use crate::Finding;
use crate::learner::{Matrix, Post, Task, Train};
use crate::network::{SignMode, WeightFormat};
use crate::registers::Registers;
use crate::sop::Rule;
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use trifactor_fixed::{Draw, TraceLaw, from_unit, site};
use trifactor_isa::Chip;

/// Weights or random numbers, `[axon][compartment]`.
type Table<T> = Vec<Vec<T>>;

#[derive(Deserialize)]
struct File {
    params: Params,
    initial_weight_mantissas: Table<i64>,
    input_spikes: Vec<(u32, u32)>,
    pes_error: Table<f64>,
    random: Random,
    expected: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct Params {
    n_axons: usize,
    n_compartments: usize,
    steps: u32,
    tracing_tau: f64,
    tracing_mag: f64,
    lr_mant: i64,
    lr_exp: i32,
    weight_exp: i32,
    shift_bits: u8,
    decay_u: u32,
    train_epoch: u32,
    learn_epoch: u32,
}

/// In the order in which the peer used them.
#[derive(Clone, Deserialize)]
struct Random {
    trace: Table<f64>,
    weight: Vec<Table<f64>>,
}

/// The recorded numbers in place of the chip's own source, as complements: the peer rounds up
/// where a number is below the fraction. Source: S41, S54.
#[derive(Clone)]
struct Recorded {
    random: Arc<Random>,
    /// Steps of an epoch of the traces and of the weights.
    epochs: [u32; 2],
}

impl Draw for Recorded {
    fn draw(&self, step: u32, _: u32, site: u8, pre: u32, post: u32) -> u32 {
        let (pre, post) = (pre as usize, post as usize);
        let at = |epoch: u32| (step / epoch).saturating_sub(1) as usize;
        let [trace, weight] = self.epochs;
        let number = match site {
            site::DECAY => self.random.trace.get(at(trace)).and_then(|row| row.get(pre)),
            _ => {
                let table = self.random.weight.get(at(weight));
                table.and_then(|table| table.get(pre)?.get(post))
            }
        };
        !number.map_or(0, |x| from_unit(*x))
    }
}

#[derive(Deserialize)]
struct Expected {
    trace: Table<i64>,
    weights: Vec<Table<i64>>,
    u: Table<i64>,
}

/// Compares every peer.
pub(crate) fn run(vector: &Vector) -> Findings {
    vector.per_peer(|f: &File| &f.expected, compare)
}

impl File {
    fn check(&self) -> Result<(), String> {
        let p = &self.params;
        if p.n_axons == 0 || p.n_compartments == 0 {
            return Err("n_axons and n_compartments are at least 1".to_owned());
        }
        if p.train_epoch == 0 || p.learn_epoch == 0 {
            return Err("train_epoch and learn_epoch are at least 1".to_owned());
        }
        let w = &self.initial_weight_mantissas;
        if w.len() != p.n_axons || w.iter().any(|row| row.len() != p.n_compartments) {
            return Err("initial_weight_mantissas is not [axon][compartment]".to_owned());
        }
        let top = (1i64 << (8 - p.shift_bits.min(8))) - 1;
        if w.iter().flatten().any(|w| !(-top..=top).contains(w)) {
            return Err(format!("an initial weight is beyond -{top} to {top}"));
        }
        let axons = 0..p.n_axons as u32;
        if self.input_spikes.iter().any(|(_, axon)| !axons.contains(axon)) {
            return Err("an input spike is of an axon that does not exist".to_owned());
        }
        if !(-15..=15).contains(&p.lr_exp) {
            return Err(format!("lr_exp is {}, and exponents are -15 to 15", p.lr_exp));
        }
        if p.shift_bits > 8 || !(-8..=7).contains(&p.weight_exp) {
            return Err("shift_bits is 0 to 8 and weight_exp -8 to 7".to_owned());
        }
        let (rows, errors) = (self.pes_error.len(), p.n_compartments / 2);
        if rows < p.steps as usize || self.pes_error.iter().any(|row| row.len() != errors) {
            let half = "half as many columns as compartments";
            return Err(format!("pes_error does not have {half} in {} rows", p.steps));
        }
        let whole = |rows: u32, epoch: u32| rows >= p.steps / epoch;
        let trace = &self.random.trace;
        let weight = &self.random.weight;
        if !whole(trace.len() as u32, p.train_epoch) || !whole(weight.len() as u32, p.learn_epoch) {
            return Err("random.trace or random.weight ends too early".to_owned());
        }
        Ok(())
    }

    /// The rule of the peer, and how its traces decay.
    fn rule(&self) -> Result<Rule, String> {
        let p = &self.params;
        let ratio = p.learn_epoch / p.train_epoch;
        if !ratio.is_power_of_two() || ratio * p.train_epoch != p.learn_epoch || ratio > 512 {
            return Err(format!(
                "learn_epoch is {} and train_epoch {}, and a rule is evaluated in every 2^k-th epoch, k \
                 from 0 to 9",
                p.learn_epoch, p.train_epoch
            ));
        }
        let (k, sign) = (ratio.trailing_zeros(), if p.lr_mant < 0 { "-" } else { "" });
        let scale = format!("{}*2^{}*u{k}*x1", p.lr_mant.unsigned_abs(), p.lr_exp);
        let other = if p.lr_mant < 0 { "+" } else { "-" };
        Ok(Rule {
            dw: Some(format!("{sign}{scale}*y1 {other} {scale}*y2")),
            x1_impulse: p.tracing_mag,
            x1_tau: p.tracing_tau,
            t_epoch: p.train_epoch,
            ..Rule::default()
        })
    }

    /// The error of each compartment: the first half gets it with the opposite sign.
    fn errors(&self, step: u32) -> Vec<i64> {
        let row = &self.pes_error[step as usize - 1];
        let whole = |e: &f64| (e.round_ties_even() as i64).clamp(-127, 127);
        row.iter().map(|e| -whole(e)).chain(row.iter().map(whole)).collect()
    }
}

fn compare(file: &File, expected: &Expected, chip: &Chip) -> Result<Finding, String> {
    file.check()?;
    let p = &file.params;
    let (n_pre, n_post) = (p.n_axons as u32, p.n_compartments as u32);
    let rule = file.rule()?;
    let stored: Matrix = (0..p.n_compartments)
        .map(|c| file.initial_weight_mantissas.iter().map(|row| row[c]).collect())
        .collect();
    let zeros = || vec![vec![0; p.n_axons]; p.n_compartments];
    let neurons = Registers::silent(p.decay_u);
    let task = Task {
        rule: &rule,
        law: TraceLaw::Exponential,
        n_pre,
        n_post,
        format: WeightFormat::new(SignMode::Mixed, 8, p.weight_exp.max(0))?,
        dropped: p.shift_bits,
        initial: [stored, zeros(), zeros()],
        // What is written stays as it is until it is written again.
        given: Some(f64::INFINITY),
        post: Post::Neurons(&neurons, None),
        apart: false,
        once: Vec::new(),
    };
    // The peer's accumulator has a place for each bit of a mantissa, also where weights leave it
    // out.
    let mut chip = chip.clone();
    if let Some(engine) = &mut chip.arithmetic.learning {
        engine.change.fraction += p.shift_bits;
    }
    // Learned weights of the peer are what they add to u, and lose nothing by a negative exponent:
    // the accumulator counts in a smaller unit.
    let input = &mut chip.arithmetic.neuron.input;
    let unit = i32::from(input.unit) + p.weight_exp.min(0);
    input.unit = u8::try_from(unit).map_err(|_| {
        format!("weight_exp is {}, and -{} is the lowest", p.weight_exp, input.unit)
    })?;
    let learner = task.compile(&chip)?;
    let mut run = learner.run()?;
    run.compare();
    run.replace_draws(&Recorded {
        random: Arc::new(file.random.clone()),
        epochs: [p.train_epoch, p.learn_epoch],
    });
    let pre = Train::new(file.input_spikes.iter().map(|(step, axon)| (step + 1, *axon)));
    let nobody = Train::new(std::iter::empty());
    for step in 1..=p.steps + 1 {
        if step <= p.steps {
            let errors = file.errors(step);
            let part = |sign: i64| errors.iter().map(|e| (sign * e).max(0)).collect::<Vec<i64>>();
            run.write_trace("y1", &part(1))?;
            run.write_trace("y2", &part(-1))?;
        }
        let seen = run.step(&pre, &nobody)?;
        if let Some(row) = (step as usize).checked_sub(2) {
            same("u", "step", row + 1, &seen.states[0], expected.u.get(row))?;
        }
        let Some((variables, traces)) = seen.epoch.filter(|_| step <= p.steps) else { continue };
        let epoch = (step / p.train_epoch) as usize;
        same("the traces", "epoch", epoch, &traces[0], expected.trace.get(epoch - 1))?;
        if step.is_multiple_of(p.learn_epoch) {
            let epoch = (step / p.learn_epoch) as usize;
            let weights = &variables[0];
            let rows: Table<i64> =
                (0..p.n_axons).map(|axon| weights.iter().map(|row| row[axon]).collect()).collect();
            same("the weights", "epoch", epoch, &rows, expected.weights.get(epoch - 1))?;
        }
    }
    Ok(Finding::Exact(format!("u, traces and weights of {} steps", p.steps)))
}

fn same<T: PartialEq + std::fmt::Debug>(
    name: &str,
    when: &str,
    at: usize,
    got: &[T],
    wanted: Option<&Vec<T>>,
) -> Result<(), String> {
    if wanted.map(Vec::as_slice) == Some(got) {
        return Ok(());
    }
    Err(format!("{name} in {when} {at} is {got:?}, recorded {wanted:?}"))
}
