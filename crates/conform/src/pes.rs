//! `pes_learning/1`: the rule that nengo-loihi trains decoders with, on its own epochs.

use crate::Finding;
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use std::collections::BTreeMap;
use trifactor_fixed::{ChangeArithmetic, RawRange, Rounding, clamp_raw, scale_decay, shifted};
use trifactor_isa::Chip;

/// Weights or random numbers, `[axon][compartment]`.
type Table<T> = Vec<Vec<T>>;

#[derive(Deserialize)]
struct File {
    params: Params,
    initial_weight_mantissas: Table<i64>,
    input_spikes: Vec<(u32, usize)>,
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
#[derive(Deserialize)]
struct Random {
    trace: Table<f64>,
    weight: Vec<Table<f64>>,
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
        if p.train_epoch == 0 || p.learn_epoch == 0 {
            return Err("train_epoch and learn_epoch are at least 1".to_owned());
        }
        let w = &self.initial_weight_mantissas;
        if w.len() != p.n_axons || w.iter().any(|row| row.len() != p.n_compartments) {
            return Err("initial_weight_mantissas is not [axon][compartment]".to_owned());
        }
        if self.input_spikes.iter().any(|(_, axon)| *axon >= p.n_axons) {
            return Err("an input spike is of an axon that does not exist".to_owned());
        }
        if !(-15..=15).contains(&p.lr_exp) {
            return Err(format!("lr_exp is {}, and exponents are -15 to 15", p.lr_exp));
        }
        if p.shift_bits > 8 || !(-8..=7).contains(&p.weight_exp) {
            return Err("shift_bits is 0 to 8 and weight_exp -8 to 7".to_owned());
        }
        Ok(())
    }
}

fn compare(file: &File, expected: &Expected, chip: &Chip) -> Result<Finding, String> {
    file.check()?;
    let p = &file.params;
    let a = chip.arithmetic.interpreted;
    let a = a.ok_or_else(|| format!("the chip file '{}' has no learning engine", chip.name))?;
    let ChangeArithmetic::Accumulator(sum) = a.change else {
        return Err(format!("the chip file '{}' has no accumulator of products", chip.name));
    };
    let input = &chip.arithmetic.neuron.input;
    let range = trifactor_fixed::QFormat::signed(chip.neuron.state_bits, 0).raw_range();
    let keep_u = i64::from(4096 - p.decay_u.saturating_add(1).min(4096));
    let keep = a.trace.law.keep(p.tracing_tau, f64::from(p.train_epoch));
    let top = (1i64 << (8 - p.shift_bits)) - 1;
    let mut weights = file.initial_weight_mantissas.clone();
    let mut traces = vec![0; p.n_axons];
    let mut spiked = vec![false; p.n_axons];
    let mut u = vec![0; p.n_compartments];
    for step in 1..=p.steps {
        let arriving: Vec<usize> =
            file.input_spikes.iter().filter(|(t, _)| t + 1 == step).map(|(_, i)| *i).collect();
        for (c, u) in u.iter_mut().enumerate() {
            let shift = p.weight_exp + i32::from(p.shift_bits);
            let q = arriving.iter().map(|axon| input.contribution(weights[*axon][c], shift)).sum();
            let kept = scale_decay(*u, keep_u, 12, Rounding::Zero, 0);
            *u = chip.arithmetic.neuron.current(kept, q, range, chip.neuron.overflow).0;
        }
        same("u", "step", step, &u, expected.u.get(step as usize - 1))?;
        for axon in arriving {
            spiked[axon] = true;
        }
        if step.is_multiple_of(p.train_epoch) {
            let epoch = (step / p.train_epoch) as usize - 1;
            let random = file.random.trace.get(epoch).filter(|row| row.len() == p.n_axons);
            let random = random.ok_or("random.trace ends too early")?;
            for (axon, x) in traces.iter_mut().enumerate() {
                let impulse = if std::mem::take(&mut spiked[axon]) { p.tracing_mag } else { 0.0 };
                *x = a.trace.joined(*x, keep, impulse, random[axon]);
            }
            same("the traces", "epoch", epoch as u32 + 1, &traces, expected.trace.get(epoch))?;
        }
        if step.is_multiple_of(p.learn_epoch) {
            let epoch = (step / p.learn_epoch) as usize - 1;
            let errors = errors(file, step)?;
            let random = file.random.weight.get(epoch).filter(|r| r.len() == p.n_axons);
            let random = random.ok_or("random.weight ends too early")?;
            for (axon, row) in weights.iter_mut().enumerate() {
                for (c, w) in row.iter_mut().enumerate() {
                    let draw = *random[axon].get(c).ok_or("random.weight has too few columns")?;
                    let begin = sum.begin(shifted(*w, p.shift_bits.into()));
                    let factors = [(traces[axon], 7), (errors[c], 7)];
                    let acc = sum.add(begin, &factors, p.lr_mant, p.lr_exp);
                    let stored = sum.stored(acc, p.shift_bits, draw);
                    *w = clamp_raw(stored, RawRange { lo: -top, hi: top });
                }
            }
            same("the weights", "epoch", epoch as u32 + 1, &weights, expected.weights.get(epoch))?;
        }
    }
    Ok(Finding::Exact(format!("u, traces and weights of {} steps", p.steps)))
}

/// The error of each compartment: the first half gets it with the opposite sign.
fn errors(file: &File, step: u32) -> Result<Vec<i64>, String> {
    let row = file.pes_error.get(step as usize - 1).ok_or("pes_error ends too early")?;
    let whole = |e: &f64| (e.round_ties_even() as i64).clamp(-127, 127);
    let all: Vec<i64> = row.iter().map(|e| -whole(e)).chain(row.iter().map(whole)).collect();
    if all.len() != file.params.n_compartments {
        return Err("pes_error does not have half as many columns as compartments".to_owned());
    }
    Ok(all)
}

fn same<T: PartialEq + std::fmt::Debug>(
    name: &str,
    when: &str,
    at: u32,
    got: &[T],
    wanted: Option<&Vec<T>>,
) -> Result<(), String> {
    if wanted.map(Vec::as_slice) == Some(got) {
        return Ok(());
    }
    Err(format!("{name} in {when} {at} is {got:?}, recorded {wanted:?}"))
}
