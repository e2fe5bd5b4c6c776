//! A rule of brian2-loihi as a projection, and the decisions that its roundings follow.

use crate::learner::{Learner, Matrix, Post, Run, TRACES, Task, Train};
use crate::network::WeightFormat;
use crate::rules::term;
use crate::sop::Rule;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trifactor_diag::Place;
use trifactor_fixed::{
    Draw, LearningArithmetic, MantissaArithmetic, RawRange, Rounding, StoreArithmetic, TraceLaw,
    site,
};
use trifactor_ir::sop::{Dependency, SopProduct, SopVar, parse_products};
use trifactor_isa::Chip;

/// A rule of the peer.
pub(super) struct Learned {
    products: Vec<SopProduct>,
    rule: Rule,
    /// Positions in [`TRACES`] of the traces that exist.
    pub traces: Vec<usize>,
    pub format: WeightFormat,
    /// Bits of a weight that are not stored, which its changes leave as they are.
    pub step: u8,
    chip: Chip,
}

impl Learned {
    pub fn new(
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
        let (products, dw) = living(products, dw, &traces);
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
    pub fn compile(
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

    /// The values that a weight can have.
    pub fn range(&self) -> RawRange {
        self.engine().weight(self.format.sign)
    }

    fn engine(&self) -> LearningArithmetic {
        self.chip.arithmetic.learning.expect("internal: checked when it was made")
    }

    /// A trace after the decay that ends a step of the peer.
    pub fn decayed(&self, x: i64, keep: i64, up: bool) -> i64 {
        self.engine().trace.decayed(x, keep, Rounding::Stochastic, certain(up))
    }

    /// What a decay leaves of a trace below its last place.
    pub fn rest(&self, x: i64, keep: i64) -> f64 {
        let one = f64::from(self.engine().trace.decay_bits).exp2();
        (x as f64 * keep as f64 / one).fract()
    }

    /// The change of a weight by products that need no spike, in real numbers: the peer decides
    /// from it whether to round up.
    pub fn pending(&self, step: u32, traces: &[i64], w: i64) -> Result<f64, String> {
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

/// The products that can be anything but 0, and their sum: the peer sets x0 and y0 only where a
/// trace of their side exists.
fn living(products: Vec<SopProduct>, dw: String, traces: &[usize]) -> (Vec<SopProduct>, String) {
    let exists = |side: char| traces.iter().any(|k| TRACES[*k].starts_with(side));
    let silent = |var: SopVar| match var {
        SopVar::X0 => !exists('x'),
        SopVar::Y0 => !exists('y'),
        _ => false,
    };
    let dead = |p: &SopProduct| {
        let gate = match p.dependency {
            Dependency::X0 => silent(SopVar::X0),
            Dependency::Y0 => silent(SopVar::Y0),
            Dependency::U(_) => false,
        };
        gate || p.factors.iter().any(|f| f.constant.is_none() && silent(f.var))
    };
    if !products.iter().any(dead) {
        return (products, dw);
    }
    let living: Vec<SopProduct> = products.into_iter().filter(|p| !dead(p)).collect();
    let sum: Vec<String> = living.iter().map(SopProduct::to_string).collect();
    // A rule without a product is none.
    let sum = if sum.is_empty() { "0*u0".to_owned() } else { sum.join(" ") };
    (living, sum)
}

/// A draw that rounds up whatever there is to round, or down.
const fn certain(up: bool) -> u32 {
    if up { u32::MAX } else { 0 }
}

/// The roundings of a step, decided before it: by stream, those of the lanes. Source: S54.
#[derive(Clone, Default)]
pub(super) struct Decided {
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
    pub fn new(
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
pub(super) struct Row {
    /// By synapse.
    pub weights: Vec<i64>,
    /// Of each trace that exists, by synapse: before the decay that ends the index.
    pub traces: Vec<Vec<i64>>,
    /// u and v, and who fired, of the index before.
    pub states: [Vec<i64>; 2],
    pub spikes: Vec<u32>,
}

pub(super) fn stepped(
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
