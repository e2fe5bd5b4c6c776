//! `brian2_plasticity_statistics/1`: means over synapses that nothing but draws tells apart.

use super::rule::{Decided, Learned, stepped};
use crate::Finding;
use crate::learner::{Matrix, Post, TRACES, Train};
use crate::network::{SignMode, WeightFormat};
use crate::statistics::{Moments, Samples};
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use trifactor_fixed::{Draw, KeyedDraws, unit};
use trifactor_isa::Chip;

/// The seed of all statistics.
const SEED: u32 = 1;

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
    traces: BTreeMap<String, Value>,
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
    let (p, n) = (&file.params, file.n_samples);
    if n == 0 {
        return Err("n_samples is 0".to_owned());
    }
    let format = WeightFormat::new(p.sign_mode, p.num_weight_bits, p.w_exp)?;
    let learned = Learned::new(&p.dw, &p.traces, format, chip)?;
    // Index k of the peer is step k + 1 for pre spikes, and a spike of a neuron is seen one later.
    let everybody = |step: u32| (0..n).map(move |lane| (step, lane));
    let told: Vec<(u32, u32)> = file.post_spikes.iter().flat_map(|k| everybody(k + 2)).collect();
    let learner =
        learned.compile(1, vec![vec![p.w0]; n as usize], Post::Told(&told), Vec::new())?;
    let keep: Vec<i64> = learned.traces.iter().map(|k| learner.keep(*k)).collect();
    let pre = Train::new(file.pre_spikes.iter().flat_map(|k| everybody(k + 1)));
    let teacher = Train::new(told.iter().map(|(step, lane)| (step - 1, *lane)));
    let mut run = learner.run()?;
    run.compare();
    let source = KeyedDraws { seed: SEED };
    let lanes = n as usize;
    let mut traces = vec![vec![0; lanes]; learned.traces.len()];
    let mut weights = vec![p.w0; lanes];
    let mut decays = vec![vec![false; lanes]; learned.traces.len()];
    let mut by_name: BTreeMap<&str, Matrix> = BTreeMap::new();
    for index in 0..p.steps {
        let draw =
            |what: usize, lane: usize| unit(source.draw(index + 1, what as u32, 0, lane as u32, 0));
        let mut stores = vec![false; lanes];
        for (lane, up) in stores.iter_mut().enumerate() {
            let now: Vec<i64> = traces.iter().map(|x| x[lane]).collect();
            let change = learned.pending(index, &now, weights[lane])?;
            let steps = change.abs().ceil() / f64::from(learned.step).exp2();
            *up = draw(0, lane) < steps.fract();
        }
        run.replace_draws(&Decided::new(&learned, &learner, lanes, &decays, &stores));
        let row = stepped(&mut run, &learned, &pre, &teacher)?;
        // The decision about a decay is made from the value before the impulses of its step.
        for (k, before) in traces.iter_mut().enumerate() {
            for (lane, x) in before.iter_mut().enumerate() {
                decays[k][lane] = draw(1 + k, lane) < learned.rest(*x, keep[k]);
                *x = learned.decayed(row.traces[k][lane], keep[k], decays[k][lane]);
            }
        }
        weights = row.weights;
        by_name.entry("w").or_default().push(weights.clone());
        for (k, x) in learned.traces.iter().zip(&traces) {
            by_name.entry(TRACES[*k]).or_default().push(x.clone());
        }
    }
    let mut samples = Samples::default();
    for lane in 0..lanes {
        for (name, rows) in &by_name {
            samples.add(name, rows.iter().map(|row| row[lane]));
        }
    }
    samples.compare(expected, n)
}
