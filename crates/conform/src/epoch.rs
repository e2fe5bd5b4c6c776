//! A learning engine that counts in epochs, as lava-nc's: traces that are replayed at the end of
//! an epoch, and sums of products with a narrow accumulator.
//!
//! What it does is the chip file's [`LearningArithmetic`]; all arithmetic is `trifactor-fixed`'s.
//! It executes whole rules of such an engine, which our own engine does not have: our traces
//! move in every step, and our products keep the bits that theirs drop.

use crate::network::SignMode;
use crate::rules::Product;
use serde::Deserialize;
use trifactor_fixed::{
    ChangeArithmetic, Draw, EarlySpikes, LearningArithmetic, ProductArithmetic, RawRange, clamp_raw,
};

/// Streams of the draws: one for each kind of number that such an engine draws.
pub(crate) mod stream {
    /// Rounding of decays of pre traces, one per epoch; that of post traces follows.
    pub const DECAY: [u32; 2] = [0, 1];
    /// Rounding of impulses of pre and post traces, one per epoch.
    pub const IMPULSE: [u32; 2] = [2, 3];
    /// Rounding of impulses of post spikes that are not the last of their epoch, one per step.
    pub const EARLY: u32 = 4;
    /// Rounding of the variables of synapses, one per epoch.
    pub const STORE: u32 = 5;
}

/// The rule of a file.
#[derive(Deserialize)]
pub(crate) struct Rule {
    pub dw: Option<String>,
    pub dd: Option<String>,
    pub dt: Option<String>,
    #[serde(default)]
    x1_impulse: f64,
    #[serde(default)]
    x1_tau: f64,
    #[serde(default)]
    x2_impulse: f64,
    #[serde(default)]
    x2_tau: f64,
    #[serde(default)]
    y1_impulse: f64,
    #[serde(default)]
    y1_tau: f64,
    #[serde(default)]
    y2_impulse: f64,
    #[serde(default)]
    y2_tau: f64,
    #[serde(default)]
    y3_impulse: f64,
    #[serde(default)]
    y3_tau: f64,
    pub t_epoch: u32,
}

impl Rule {
    /// Products of dw, dd and dt.
    pub fn products(&self) -> Result<[Option<Vec<Product>>; 3], String> {
        let one = |text: &Option<String>| text.as_deref().map(crate::rules::products).transpose();
        Ok([one(&self.dw)?, one(&self.dd)?, one(&self.dt)?])
    }
}

/// A trace of one side.
struct Trace {
    keep: f64,
    impulse: f64,
    /// Values at the start of the epoch.
    stored: Vec<i64>,
    /// Values of the epoch's steps, from the start on: `[position][lane]`.
    history: Vec<Vec<i64>>,
}

/// The traces and spike times of one side.
struct Side {
    number: usize,
    traces: Vec<Trace>,
    /// Position of each lane's last spike in the epoch, 0 for none.
    last: Vec<u32>,
}

impl Side {
    fn new(number: usize, lanes: usize, traces: &[(f64, f64)], a: &LearningArithmetic) -> Self {
        let traces = traces.iter().map(|(impulse, tau)| Trace {
            keep: a.trace.law.keep(*tau, 1.0),
            impulse: *impulse,
            stored: vec![0; lanes],
            history: Vec::new(),
        });
        Self { number, traces: traces.collect(), last: vec![0; lanes] }
    }

    /// A spike of a lane at a position of the epoch; `early` is the draw for an impulse before.
    fn spike(&mut self, lane: usize, position: u32, a: &LearningArithmetic, early: u32) {
        let earlier = std::mem::replace(&mut self.last[lane], position);
        if earlier != 0 && a.trace.early == EarlySpikes::EpochStart {
            for trace in &mut self.traces {
                trace.stored[lane] = a.trace.kicked(trace.stored[lane], trace.impulse, early);
            }
        }
    }

    /// Replays the epoch.
    fn replay(&mut self, length: u32, a: &LearningArithmetic, step: u32, draws: &dyn Draw) {
        let decay = draws.draw(step, stream::DECAY[self.number], 0, 0, 0);
        let kick = draws.draw(step, stream::IMPULSE[self.number], 0, 0, 0);
        for trace in &mut self.traces {
            trace.history = vec![trace.stored.clone()];
            for position in 1..=length {
                let before = &trace.history[position as usize - 1];
                let now = before.iter().zip(&self.last).map(|(value, last)| {
                    let kept = a.trace.decayed(*value, trace.keep, decay);
                    let kicked = *last == position;
                    if kicked { a.trace.kicked(kept, trace.impulse, kick) } else { kept }
                });
                trace.history.push(now.collect());
            }
        }
    }
}

/// Variables of the synapses, `[post][pre]`.
pub(crate) type Matrix = Vec<Vec<i64>>;

/// The engine with its synapses.
pub(crate) struct Engine {
    a: LearningArithmetic,
    sum: ProductArithmetic,
    length: u32,
    sides: [Side; 2],
    /// Whether post traces are given from outside, and so never decay in store.
    given: bool,
    targets: [Option<Vec<Product>>; 3],
    ranges: [RawRange; 3],
    /// Weight, delay and tag.
    pub variables: [Matrix; 3],
}

impl Engine {
    pub fn new(
        rule: &Rule,
        a: LearningArithmetic,
        sign: SignMode,
        variables: [Matrix; 3],
        given: bool,
    ) -> Result<Self, String> {
        let n_post = variables[0].len();
        let n_pre = variables[0].first().map_or(0, Vec::len);
        let shape = |m: &Matrix| m.len() == n_post && m.iter().all(|row| row.len() == n_pre);
        if !variables.iter().all(shape) {
            return Err("the initial matrices have different shapes".to_owned());
        }
        if rule.t_epoch == 0 {
            return Err("t_epoch is 0".to_owned());
        }
        let x = [(rule.x1_impulse, rule.x1_tau), (rule.x2_impulse, rule.x2_tau)];
        // Traces that come from outside get no impulse and decay as slowly as a trace can.
        const SLOWEST: f64 = 65535.0;
        let y = if given {
            [(0.0, SLOWEST); 3]
        } else {
            [
                (rule.y1_impulse, rule.y1_tau),
                (rule.y2_impulse, rule.y2_tau),
                (rule.y3_impulse, rule.y3_tau),
            ]
        };
        let ChangeArithmetic::Accumulator(sum) = a.change else {
            return Err("the peer's chip file has no accumulator of products".to_owned());
        };
        let range = |(lo, hi): (i16, i16)| RawRange { lo: lo.into(), hi: hi.into() };
        Ok(Self {
            sum,
            length: rule.t_epoch,
            sides: [Side::new(0, n_pre, &x, &a), Side::new(1, n_post, &y, &a)],
            given,
            targets: rule.products()?,
            ranges: [a.weight(sign.sign()), range(a.delay), range(a.tag)],
            variables,
            a,
        })
    }

    /// Values of a trace at the start of the coming epoch, by the name in the files.
    pub fn trace(&self, name: &str) -> Option<&[i64]> {
        let (side, k) = trace_of(name)?;
        Some(&self.sides[side].traces[k].stored)
    }

    /// A step: the spikes of both sides, and post traces where they come from outside; true at
    /// the end of an epoch, after the rules.
    pub fn step(
        &mut self,
        step: u32,
        spikes: [&[u32]; 2],
        given: [&[i64]; 3],
        draws: &dyn Draw,
    ) -> Result<bool, String> {
        let position = (step - 1) % self.length + 1;
        for (side, spikes) in self.sides.iter_mut().zip(spikes) {
            let up = side.number == 0 && self.a.trace.early_pre_up;
            let early = if up { 0 } else { draws.draw(step, stream::EARLY, 0, 0, 0) };
            for lane in spikes {
                if *lane as usize >= side.last.len() {
                    return Err(format!("a spike of lane {lane}, which does not exist"));
                }
                side.spike(*lane as usize, position, &self.a, early);
            }
        }
        if self.given {
            for (trace, values) in self.sides[1].traces.iter_mut().zip(given) {
                trace.stored.copy_from_slice(values);
            }
        }
        if position < self.length {
            return Ok(false);
        }
        for side in &mut self.sides {
            side.replay(self.length, &self.a, step, draws);
        }
        self.learn(step, draws)?;
        for side in &mut self.sides {
            side.last.fill(0);
            if side.number == 0 || !self.given {
                for trace in &mut side.traces {
                    trace.stored.clone_from(&trace.history[self.length as usize]);
                }
            }
        }
        Ok(true)
    }

    /// All rules, from the values before the phase. Source: S39 for the order.
    fn learn(&mut self, step: u32, draws: &dyn Draw) -> Result<(), String> {
        let draw = draws.draw(step, stream::STORE, 0, 0, 0);
        let mut changed = self.variables.clone();
        for (k, products) in self.targets.iter().enumerate() {
            let Some(products) = products else { continue };
            let RawRange { lo, hi } = self.ranges[k];
            // A variable of one sign is kept to it before it is rounded.
            let floor = if lo == 0 { 0 } else { i64::MIN };
            let top = if hi == 0 { 0 } else { i64::MAX };
            for post in 0..changed[k].len() {
                for pre in 0..changed[k][post].len() {
                    let mut acc = self.sum.begin(self.variables[k][post][pre]);
                    for product in products {
                        acc = self.product(product, acc, step, pre, post)?;
                    }
                    let rounded = self.sum.end(acc.clamp(floor, top), draw);
                    changed[k][post][pre] = clamp_raw(rounded, self.ranges[k]);
                }
            }
        }
        self.variables = changed;
        Ok(())
    }

    fn product(
        &self,
        product: &Product,
        acc: i64,
        step: u32,
        pre: usize,
        post: usize,
    ) -> Result<i64, String> {
        let last = [self.sides[0].last[pre], self.sides[1].last[post]];
        let at = match (product.dependency.as_str(), product.k) {
            ("x0", _) => last[0],
            ("y0", _) => last[1],
            (_, Some(k)) if (step / self.length).is_multiple_of(1 << k) => self.length,
            _ => 0,
        };
        if at == 0 {
            return Ok(acc);
        }
        let mut factors = Vec::with_capacity(product.factors.len());
        for factor in &product.factors {
            let (value, width) = match factor.var.as_str() {
                "x0" => (i64::from(last[0] != 0), 1),
                "y0" => (i64::from(last[1] != 0), 1),
                "w" => (self.variables[0][post][pre], 9),
                "d" => (self.variables[1][post][pre], 9),
                "t" => (self.variables[2][post][pre], 9),
                name => {
                    let (side, k) =
                        trace_of(name).ok_or_else(|| format!("'{name}' is no variable here"))?;
                    let lane = [pre, post][side];
                    (self.sides[side].traces[k].history[at as usize][lane], 7)
                }
            };
            let sum = value + factor.constant.unwrap_or(0);
            factors.push((if factor.sgn { sum.signum() } else { sum }, width));
        }
        Ok(self.sum.add(acc, &factors, product.s_mant, product.s_exp))
    }
}

/// Side and number of a trace.
fn trace_of(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "x1" => (0, 0),
        "x2" => (0, 1),
        "y1" => (1, 0),
        "y2" => (1, 1),
        "y3" => (1, 2),
        _ => return None,
    })
}
