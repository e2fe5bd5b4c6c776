//! `brian2_plasticity/1` and its statistics: a rule without epochs, with traces of every synapse.
//!
//! An epoch of one step is none. Traces of the peer belong to synapses, so each synapse has lanes
//! of its own ([`learner`](crate::learner)). In index k of the peer a pre spike meets the post
//! spikes of index k - 1; a lane fires in step k + 1 of the network and meets what fired in the
//! same step, so that neurons are compared two steps later. The peer's decay ends a step and ours
//! begins one: its traces before the decay are ours at the end of a step.
//!
//! What the peer rounds up is recorded or, for statistics, drawn as it draws: from values of the
//! step before, which no chip would do. Either way it comes through the replaceable source (S54).

mod means;
mod rule;

use crate::Finding;
use crate::learner::{Matrix, Post, TRACES, Train};
use crate::network::{Connection, SignMode, WeightFormat};
use crate::registers::Registers;
use crate::vector::{Findings, Vector};
pub(crate) use means::statistics;
use rule::{Decided, Learned, stepped};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use trifactor_fixed::{clamp_raw, shifted};
use trifactor_isa::Chip;

/// Steps of a change beyond which a weight is at an end of its range.
const MOST_STEPS: i64 = 1024;

#[derive(Deserialize)]
struct File {
    params: Params,
    post_neuron: Registers,
    closed_loop: bool,
    initial_weights: Matrix,
    pre_spikes: Vec<(u32, u32)>,
    teacher_spikes: Vec<(u32, u32)>,
    teacher: Teacher,
    rounding: BTreeMap<String, Matrix>,
    expected: BTreeMap<String, BTreeMap<String, Matrix>>,
}

#[derive(Deserialize)]
struct Params {
    steps: u32,
    n_pre: u32,
    n_post: u32,
    sign_mode: SignMode,
    num_weight_bits: u8,
    w_exp: i32,
    dw: String,
    #[serde(flatten)]
    constants: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Teacher {
    weight: i64,
    w_exp: i32,
}

impl File {
    fn check(&self) -> Result<(), String> {
        let p = &self.params;
        if p.n_pre == 0 || p.n_post == 0 {
            return Err("a projection needs lanes on both sides".to_owned());
        }
        let w = &self.initial_weights;
        if w.len() != p.n_post as usize || w.iter().any(|row| row.len() != p.n_pre as usize) {
            return Err("initial_weights is not [post][pre]".to_owned());
        }
        if self.pre_spikes.iter().any(|(_, lane)| *lane >= p.n_pre) {
            return Err("a pre spike is of a lane that does not exist".to_owned());
        }
        if self.teacher_spikes.iter().any(|(_, lane)| *lane >= p.n_post) {
            return Err("a teacher spike is of a lane that does not exist".to_owned());
        }
        Ok(())
    }

    fn teacher(&self) -> Result<WeightFormat, String> {
        WeightFormat::new(SignMode::Excitatory, 8, self.teacher.w_exp)
    }

    /// Spikes of neurons that nothing but the teacher drives, by step of the network.
    fn taught(&self, chip: &Chip) -> Result<Vec<(u32, u32)>, String> {
        let p = &self.params;
        let mut neurons = self.post_neuron.neurons(p.n_post, p.n_post)?;
        let synapses = (0..p.n_post).map(|lane| (lane, lane, self.teacher.weight, 0)).collect();
        neurons.connections.push(Connection {
            recurrent: false,
            format: self.teacher()?,
            synapses,
        });
        let mut fired = Vec::new();
        let inputs: Vec<(u32, u32)> =
            self.teacher_spikes.iter().map(|(k, lane)| (k + 1, *lane)).collect();
        neurons.compile(chip)?.run(p.steps + 1, &inputs, |step, now| {
            fired.extend(now.spikes.iter().map(|lane| (step, *lane)));
        })?;
        Ok(fired)
    }

    /// What the spikes of the first index add to each neuron beside their weights, because the peer
    /// lets weights act as their format stores them until they are first learned; empty if nothing.
    fn unstored(&self, format: WeightFormat, chip: &Chip) -> Vec<i64> {
        let input = &chip.arithmetic.neuron.input;
        // Mantissas where they only move to the left, so that a sum of them is one.
        let acts = |w: i64| match format.exponent {
            0.. => w,
            negative => input.contribution(w, negative),
        };
        let first: BTreeSet<u32> =
            self.pre_spikes.iter().filter(|s| s.0 == 0).map(|s| s.1).collect();
        let of_row = |row: &Vec<i64>| {
            let missing = |x: &u32| {
                let w = row[*x as usize];
                acts(format.mantissa(w, chip)) - acts(w)
            };
            first.iter().map(missing).sum()
        };
        let sums: Vec<i64> = self.initial_weights.iter().map(of_row).collect();
        if sums.iter().all(|sum| *sum == 0) { Vec::new() } else { sums }
    }

    /// The recorded decisions about something in an index; none before the first.
    fn decided(&self, name: &str, index: Option<usize>) -> Result<Vec<bool>, String> {
        let n = (self.params.n_pre * self.params.n_post) as usize;
        let Some(index) = index else { return Ok(vec![false; n]) };
        let rows = self.rounding.get(&format!("round_{name}"));
        let row = rows.and_then(|rows| rows.get(index)).filter(|row| row.len() == n);
        let row = row.ok_or_else(|| {
            format!("rounding.round_{name} has no row of {n} numbers for step {index}")
        })?;
        Ok(row.iter().map(|up| *up != 0).collect())
    }
}

impl File {
    /// Does what no rounding does: weights that the peer rounded up although their changes left
    /// nothing to round, or in the other direction than they changed. Returns how many there are.
    ///
    /// The peer decides from the change without the step's spikes. A weight is touched only where
    /// its decision was to round, and only as far as that decision goes. A decision is recorded
    /// with the sign of the change that it was made from, or without; then it may be either.
    /// `before` are the weights before the index.
    fn stale(
        &self,
        learned: &Learned,
        index: usize,
        before: &[i64],
        weights: &mut [i64],
        recorded: Option<&Matrix>,
    ) -> usize {
        let decided = self.rounding.get("round_w").and_then(|rows| rows.get(index));
        let (Some(decided), Some(recorded)) = (decided, recorded.and_then(|w| w.get(index))) else {
            return 0;
        };
        let range = learned.range();
        let signed =
            self.rounding.get("round_w").is_some_and(|w| w.iter().flatten().any(|r| *r < 0));
        let mut found = 0;
        for (((w, old), up), wanted) in weights.iter_mut().zip(before).zip(decided).zip(recorded) {
            // Rounded the other way, a magnitude is off by the step that it took and the one that
            // it did not take. Either sum may have ended at the range's end.
            let after = |steps: i64| clamp_raw(old + shifted(steps, learned.step.into()), range);
            let explained = (-MOST_STEPS..=MOST_STEPS).any(|steps| {
                let turned = |more: &i64| {
                    after(steps + up * more) == *wanted
                        || (!signed && after(steps - up * more) == *wanted)
                };
                after(steps) == *w && [1, 2].iter().any(turned)
            });
            if *up != 0 && w != wanted && explained {
                *w = *wanted;
                found += 1;
            }
        }
        found
    }
}

/// Compares every peer.
pub(crate) fn run(vector: &Vector) -> Findings {
    vector.per_peer(|f: &File| &f.expected, compare)
}

fn compare(
    file: &File,
    expected: &BTreeMap<String, Matrix>,
    chip: &Chip,
) -> Result<Finding, String> {
    file.check()?;
    let p = &file.params;
    let (steps, n_post) = (p.steps as usize, p.n_post as usize);
    let format = WeightFormat::new(p.sign_mode, p.num_weight_bits, p.w_exp)?;
    let learned = Learned::new(&p.dw, &p.constants, format, chip)?;
    let taught = if file.closed_loop { Vec::new() } else { file.taught(chip)? };
    let post = match file.closed_loop {
        true => Post::Neurons(&file.post_neuron, Some((file.teacher()?, file.teacher.weight))),
        false => Post::Told(&taught),
    };
    let once = if file.closed_loop { file.unstored(format, chip) } else { Vec::new() };
    let truncated = !once.is_empty();
    let learner = learned.compile(p.n_pre, file.initial_weights.clone(), post, once)?;
    let keep: Vec<i64> = learned.traces.iter().map(|k| learner.keep(*k)).collect();
    let synapses = |(k, lane)| (0..p.n_post).map(move |y| (k + 1, lane * p.n_post + y));
    let pre = Train::new(file.pre_spikes.iter().copied().flat_map(synapses));
    let teacher = if file.closed_loop {
        Train::new(file.teacher_spikes.iter().map(|(k, lane)| (k + 1, *lane)))
    } else {
        // Who is to fire in a step is told in the one before.
        Train::new(taught.iter().map(|(step, lane)| (step - 1, *lane)))
    };
    let mut run = learner.run()?;
    run.compare();
    let mut rows: BTreeMap<String, Matrix> = BTreeMap::new();
    let mut keep_row =
        |name: &str, row: Vec<i64>| rows.entry(name.to_owned()).or_default().push(row);
    let mut spikes = Matrix::new();
    let mut before: Vec<i64> = (0..p.n_pre as usize)
        .flat_map(|x| file.initial_weights.iter().map(move |row| row[x]))
        .collect();
    let mut written = 0;
    let input = &chip.arithmetic.neuron.input;
    for index in 0..=steps {
        let of_traces = |at| -> Result<Vec<Vec<bool>>, String> {
            learned.traces.iter().map(|k| file.decided(TRACES[*k], at)).collect()
        };
        let stores = file.decided("w", Some(index).filter(|k| *k < steps))?;
        let decays = of_traces(index.checked_sub(1))?;
        run.replace_draws(&Decided::new(&learned, &learner, n_post, &decays, &stores));
        let mut row = stepped(&mut run, &learned, &pre, &teacher)?;
        if let Some(before) = index.checked_sub(1) {
            spikes.extend(row.spikes.iter().map(|lane| vec![before as i64, i64::from(*lane)]));
            let [u, v] = std::mem::take(&mut row.states);
            keep_row("u", u);
            keep_row("v", v);
        }
        if index == steps {
            break;
        }
        let stale = file.stale(&learned, index, &before, &mut row.weights, expected.get("w"));
        if stale > 0 {
            written += stale;
            let of_post = |y| row.weights.iter().skip(y).step_by(n_post).copied().collect();
            run.write_weights(&(0..n_post).map(of_post).collect())?;
        }
        let act = |w: &i64| input.input(input.contribution(*w, p.w_exp));
        keep_row("w_act", row.weights.iter().map(act).collect());
        keep_row("w", row.weights.clone());
        before = row.weights;
        let ends = of_traces(Some(index))?;
        for (at, (trace, values)) in learned.traces.iter().zip(row.traces).enumerate() {
            let name = TRACES[*trace];
            let end = values.iter().zip(&ends[at]);
            keep_row(name, end.map(|(x, up)| learned.decayed(*x, keep[at], *up)).collect());
            keep_row(&format!("{name}_in"), values);
        }
    }
    rows.insert("post_spikes".to_owned(), spikes);
    let mut compared = Vec::new();
    for (name, wanted) in expected {
        let got =
            rows.get(name).ok_or_else(|| format!("'{name}' is recorded, and not computed here"))?;
        let mut wanted = wanted.clone();
        if name == "post_spikes" {
            wanted.sort_unstable();
        }
        if let Some(at) =
            (0..got.len().max(wanted.len())).find(|at| got.get(*at) != wanted.get(*at))
        {
            return Err(format!(
                "{name} in row {at} is {:?}, recorded {:?}",
                got.get(at),
                wanted.get(at)
            ));
        }
        compared.push(name.as_str());
    }
    let compared = compared.join(", ");
    let mut quirks = Vec::new();
    if written > 0 {
        quirks.push(format!(
            "the peer decides whether to round a weight from its change without the step's spikes, and \
             so rounds {written} changes that leave nothing to round or have the other sign; with these \
             written by the host"
        ));
    }
    if truncated {
        quirks.push(
            "in their first step the peer's weights act as their format stores them, and from then on \
             as they are; with the difference added by an input"
                .to_owned(),
        );
    }
    if !quirks.is_empty() {
        let quirks = quirks.join(", and ");
        return Ok(Finding::ByDesign(format!(
            "{quirks}, everything is exact: {compared} of {steps} steps"
        )));
    }
    Ok(Finding::Exact(format!("{compared} of {steps} steps, with the recorded rounding decisions")))
}
