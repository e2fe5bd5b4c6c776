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

use crate::Finding;
use crate::learner::{Learner, Matrix, Post, Run, TRACES, Task, Train};
use crate::network::{Connection, SignMode, WeightFormat};
use crate::registers::Registers;
use crate::rules::term;
use crate::sop::Rule;
use crate::statistics::{Moments, Samples};
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trifactor_diag::Place;
use trifactor_fixed::{
    Draw, KeyedDraws, MantissaArithmetic, Rounding, StoreArithmetic, TraceLaw, clamp_raw, shifted,
    site, unit,
};
use trifactor_ir::sop::{Dependency, SopProduct, parse_products};
use trifactor_isa::Chip;

/// A rule of the peer.
struct Learned {
    products: Vec<SopProduct>,
    rule: Rule,
    /// Positions in [`TRACES`] of the traces that exist.
    traces: Vec<usize>,
    format: WeightFormat,
    /// Bits of a weight that are not stored, which its changes leave as they are.
    step: u8,
    chip: Chip,
}

impl Learned {
    fn new(
        dw: &str,
        constants: &BTreeMap<String, Value>,
        format: WeightFormat,
        chip: &Chip,
    ) -> Result<Self, String> {
        // The peer's word for the sign is longer.
        let dw = dw.replace("sign(", "sgn(");
        let products = parse_products(&dw, &Place::at_key("dw")).map_err(|e| e.to_string())?;
        let number = |key: String| constants.get(&key).and_then(Value::as_f64).unwrap_or(0.0);
        // Without an impulse or a time constant there is no trace, and of an impulse only the whole
        // part counts.
        let all = TRACES.map(|name| {
            let (impulse, tau) = (number(format!("imp_{name}")), number(format!("tau_{name}")));
            if impulse == 0.0 || tau == 0.0 { (0.0, 0.0) } else { (impulse.floor(), tau) }
        });
        let traces: Vec<usize> = (0..TRACES.len()).filter(|k| all[*k].1 != 0.0).collect();
        // A chip keeps only traces that some rule reads, so a tag collects the others.
        let read: BTreeSet<&str> =
            products.iter().flat_map(|p| &p.factors).map(|f| f.var.name()).collect();
        let unread = traces.iter().map(|k| TRACES[*k]).filter(|name| !read.contains(name));
        let unread: Vec<String> = unread.map(|name| format!("u0*{name}")).collect();
        let [x1, x2, y1, y2, y3] = all;
        let rule = Rule {
            dw: Some(dw),
            dt: (!unread.is_empty()).then(|| unread.join(" + ")),
            x1_impulse: x1.0,
            x1_tau: x1.1,
            x2_impulse: x2.0,
            x2_tau: x2.1,
            y1_impulse: y1.0,
            y1_tau: y1.1,
            y2_impulse: y2.0,
            y2_tau: y2.1,
            y3_impulse: y3.0,
            y3_tau: y3.1,
            t_epoch: 1,
            ..Rule::default()
        };
        let mut chip = chip.clone();
        let step = MantissaArithmetic::dropped(format.sign, format.bits) as u8;
        let engine = chip.arithmetic.learning.as_mut();
        let engine =
            engine.ok_or_else(|| format!("the chip file '{}' has no such engine", chip.name))?;
        if let Some(StoreArithmetic::Change { step: own }) = &mut engine.store {
            *own = step;
        }
        Ok(Self { products, rule, traces, format, step, chip })
    }

    /// Compiles a projection of all lanes to all lanes; `initial` is `[post][pre]`.
    fn compile(
        &self,
        n_pre: u32,
        initial: Matrix,
        post: Post<'_>,
        once: Vec<i64>,
    ) -> Result<Learner, String> {
        let n_post = initial.len() as u32;
        let zeros = || vec![vec![0; n_pre as usize]; n_post as usize];
        let task = Task {
            rule: &self.rule,
            law: TraceLaw::Linear,
            n_pre,
            n_post,
            format: self.format,
            dropped: 0,
            initial: [initial, zeros(), zeros()],
            given: None,
            post,
            apart: true,
            once,
        };
        task.compile(&self.chip)
    }

    /// A trace after the decay that ends a step of the peer.
    fn decayed(&self, x: i64, keep: i64, up: bool) -> i64 {
        let engine = self.chip.arithmetic.learning.expect("internal: checked when it was made");
        engine.trace.decayed(x, keep, Rounding::Stochastic, certain(up))
    }

    /// What a decay leaves of a trace below its last place.
    fn rest(&self, x: i64, keep: i64) -> f64 {
        let engine = self.chip.arithmetic.learning.expect("internal: checked when it was made");
        let one = f64::from(engine.trace.decay_bits).exp2();
        (x as f64 * keep as f64 / one).fract()
    }

    /// The change of a weight by products that need no spike, in real numbers: the peer decides
    /// from it whether to round up.
    fn pending(&self, step: u32, traces: &[i64], w: i64) -> Result<f64, String> {
        let mut sum = 0.0;
        for product in &self.products {
            if !matches!(product.dependency, Dependency::U(_)) {
                continue;
            }
            sum += term(product, |name| match name {
                "x0" | "y0" => Some(0),
                "w" => Some(w),
                name => match name.strip_prefix('u').and_then(|k| k.parse::<u32>().ok()) {
                    Some(k) => Some(i64::from(step.is_multiple_of(1 << k))),
                    None => {
                        let trace = TRACES.iter().position(|n| *n == name)?;
                        let at = self.traces.iter().position(|t| *t == trace);
                        Some(at.map_or(0, |k| traces[k]))
                    }
                },
            })?;
        }
        Ok(sum)
    }
}

/// A draw that rounds up whatever there is to round, or down.
const fn certain(up: bool) -> u32 {
    if up { u32::MAX } else { 0 }
}

/// The roundings of a step, decided before it: by stream, those of the lanes. Source: S54.
#[derive(Clone, Default)]
struct Decided {
    decays: Arc<BTreeMap<u32, Vec<bool>>>,
    stores: Arc<BTreeMap<u32, Vec<bool>>>,
}

impl Draw for Decided {
    fn draw(&self, _: u32, stream: u32, site: u8, pre: u32, _: u32) -> u32 {
        let decided = if site == site::DECAY { &self.decays } else { &self.stores };
        let lanes = decided.get(&stream);
        certain(lanes.and_then(|lanes| lanes.get(pre as usize)).is_some_and(|up| *up))
    }
}

impl Decided {
    /// From decisions by synapse: of each trace that exists, and of the weights. A pre lane is a
    /// synapse; a post lane is one of each projection.
    fn new(
        learned: &Learned,
        learner: &Learner,
        n_post: usize,
        decays: &[Vec<bool>],
        stores: &[bool],
    ) -> Self {
        let mut all = BTreeMap::new();
        for (trace, decided) in learned.traces.iter().zip(decays) {
            let streams = &learner.traces[*trace];
            let lanes = if TRACES[*trace].starts_with('x') { decided.len() } else { n_post };
            all.extend(streams.iter().copied().zip(decided.chunks(lanes).map(<[bool]>::to_vec)));
        }
        let stores = learner.rules.iter().map(|stream| (*stream, stores.to_vec())).collect();
        Self { decays: Arc::new(all), stores: Arc::new(stores) }
    }
}

/// What a step of the network shows of an index of the peer.
struct Row {
    /// By synapse.
    weights: Vec<i64>,
    /// Of each trace that exists, by synapse: before the decay that ends the index.
    traces: Vec<Vec<i64>>,
    /// u and v, and who fired, of the index before.
    states: [Vec<i64>; 2],
    spikes: Vec<u32>,
}

fn stepped(
    run: &mut Run<'_>,
    learned: &Learned,
    pre: &Train,
    teacher: &Train,
) -> Result<Row, String> {
    let seen = run.step(pre, teacher)?;
    let ([weights, ..], mut traces) = seen.epoch.expect("internal: every step ends an epoch");
    let n_pre = weights.first().map_or(0, Vec::len);
    let by_synapse = (0..n_pre).flat_map(|x| weights.iter().map(move |row| row[x])).collect();
    let traces = learned.traces.iter().map(|k| std::mem::take(&mut traces[*k])).collect();
    Ok(Row { weights: by_synapse, traces, states: seen.states, spikes: seen.spikes })
}

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
    /// its decision was to round, and only as far as that decision goes. `before` are the weights
    /// before the index.
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
        let engine = learned.chip.arithmetic.learning.expect("internal: checked when it was made");
        let range = engine.weight(learned.format.sign);
        let mut found = 0;
        for (((w, old), up), wanted) in weights.iter_mut().zip(before).zip(decided).zip(recorded) {
            // Rounded the other way, a magnitude is off by the step that it took and the one that
            // it did not take. Either sum may have ended at the range's end.
            let after = |steps: i64| clamp_raw(old + shifted(steps, learned.step.into()), range);
            let explained = (-MOST_STEPS..=MOST_STEPS).any(|steps| {
                after(steps) == *w && [1, 2].iter().any(|more| after(steps + up * more) == *wanted)
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

/// Steps of a change beyond which a weight is at an end of its range.
const MOST_STEPS: i64 = 1024;
/// The seed of all statistics.
const SEED: u32 = 1;
