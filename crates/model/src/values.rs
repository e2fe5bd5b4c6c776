//! Values over lanes: from what the author writes to one number per lane.
//!
//! Draws are counter-based: a lane's value depends on the model's seed, the seed beside the
//! distribution, the full name of the state and the lane's logical ids, never on other lanes.

use crate::folder::Folder;
use crate::report::Report;
use crate::surface::{Made, Value};
use trifactor_fixed::{DrawKey, KeyedDraws, mix32};
use trifactor_ir::Values;
use trifactor_stimulus::portable::{exp, normal, unit};

/// Site of uniform initial values; normal deviates use sites 0 to 127.
const UNIFORM_SITE: u8 = 128;
/// Site of the choice of synapses.
pub(crate) const CONNECT_SITE: u8 = 129;
/// Site of the choice of inhibitory synapses.
pub(crate) const SIGN_SITE: u8 = 130;

/// The lanes that values are for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lanes<'a> {
    /// Lanes of a population or modulator.
    Plain(usize),
    /// Synapses.
    Synapses {
        /// Pre lane of each. Shape: `[synapses]`.
        pre: &'a [u32],
        /// Post lane of each. Shape: `[synapses]`.
        post: &'a [u32],
        /// Numbers of pre and post lanes.
        size: (usize, usize),
        /// Position of each synapse in the author's list, where there is one.
        listed: Option<&'a [u32]>,
    },
}

impl Lanes<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Plain(n) => *n,
            Self::Synapses { pre, .. } => pre.len(),
        }
    }
    fn ids(&self, lane: usize) -> (u32, u32) {
        match self {
            Self::Plain(_) => (lane as u32, 0),
            Self::Synapses { pre, post, .. } => (pre[lane], post[lane]),
        }
    }
    /// What a list or file may look like, in words.
    fn shapes(&self) -> String {
        match self {
            Self::Plain(n) => format!("[{n}]"),
            Self::Synapses { pre, size, .. } => {
                format!("[{}] (synapses) or [{}, {}] (pre, post)", pre.len(), size.0, size.1)
            }
        }
    }
    /// Values of a list with this shape, or `None` if it does not fit.
    fn arrange(&self, shape: &[usize], values: Vec<f64>) -> Option<Vec<f64>> {
        match *self {
            Self::Plain(n) => (shape == [n]).then_some(values),
            Self::Synapses { pre, post, size, listed } => {
                if shape == [size.0, size.1] {
                    let at = |(p, q): (&u32, &u32)| values[*p as usize * size.1 + *q as usize];
                    Some(pre.iter().zip(post).map(at).collect())
                } else if shape == [pre.len()] {
                    Some(match listed {
                        Some(order) => order.iter().map(|&i| values[i as usize]).collect(),
                        None => values,
                    })
                } else {
                    None
                }
            }
        }
    }
}

/// The seed of the draws for initial values.
pub(crate) fn value_draws(model_seed: u32, seed: u32) -> KeyedDraws {
    KeyedDraws { seed: mix32(mix32(model_seed ^ 0x5eed_0001) ^ seed) }
}

/// A stream from a name, so that adding a population changes no other one's values.
pub(crate) fn name_stream(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |h, b| mix32(h ^ u32::from(b)))
}

/// Makes values; reports what is wrong under `key`.
pub(crate) struct Maker<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) seed: u32,
}

impl Maker<'_> {
    /// The values of a state (`name` is its full name) over lanes. All are finite unless
    /// `infinite` allows them.
    pub(crate) fn make(
        &self,
        value: &Value,
        lanes: Lanes<'_>,
        name: &str,
        key: &str,
        report: &mut Report,
    ) -> Option<Values> {
        let values = self.raw(value, lanes, name, key, report)?;
        let bad = match &values {
            Values::Constant(v) => (!v.is_finite()).then_some((0, *v)),
            Values::PerLane(list) => {
                list.iter().enumerate().find(|(_, v)| !v.is_finite()).map(|(i, v)| (i, *v))
            }
        };
        if let Some((lane, v)) = bad {
            report.error(
                "M016",
                key,
                format!("the value of lane {lane} is {v}; only finite numbers are allowed"),
            );
            return None;
        }
        Some(values)
    }

    /// As [`make`](Self::make), but infinite values pass.
    pub(crate) fn raw(
        &self,
        value: &Value,
        lanes: Lanes<'_>,
        name: &str,
        key: &str,
        report: &mut Report,
    ) -> Option<Values> {
        let arrange = |shape: &[usize], values: Vec<f64>, report: &mut Report| {
            let arranged = lanes.arrange(shape, values).map(Values::PerLane);
            if arranged.is_none() {
                report.error(
                    "M017",
                    key,
                    format!("values of shape {shape:?} do not fit; expected {}", lanes.shapes()),
                );
            }
            arranged
        };
        match value {
            Value::Number(v) | Value::Made(Made::Constant(v)) => Some(Values::Constant(*v)),
            Value::List(list) => arrange(&[list.len()], list.clone(), report),
            Value::Matrix(rows) => {
                let width = rows.first().map_or(0, Vec::len);
                if let Some(at) = rows.iter().position(|r| r.len() != width) {
                    let have = rows[at].len();
                    report.error(
                        "M017",
                        key,
                        format!("row {at} has {have} values, row 0 has {width}"),
                    );
                    return None;
                }
                arrange(&[rows.len(), width], rows.concat(), report)
            }
            Value::Made(Made::File(file)) => {
                let array = self.folder.npy(file, key, report)?;
                arrange(&array.shape, array.values, report)
            }
            Value::Made(Made::Uniform(lo, hi, seed)) => {
                if !(lo.is_finite() && hi.is_finite() && lo <= hi) {
                    report.error(
                        "M016",
                        key,
                        format!("Uniform({lo}, {hi}, ..) has no range; lo <= hi is needed"),
                    );
                    return None;
                }
                let span = hi - lo;
                Some(self.uniform(lanes, name, *seed, |part| lo + span * part))
            }
            Value::Made(Made::Normal(mean, sd, seed)) => {
                check_normal("Normal", *mean, *sd, key, report)?;
                Some(self.draw(lanes, name, *seed, |d, s, p, q| mean + sd * normal(d, s, p, q)))
            }
            Value::Made(Made::LogNormal(mean, sd, seed)) => {
                check_normal("LogNormal", *mean, *sd, key, report)?;
                Some(self.draw(
                    lanes,
                    name,
                    *seed,
                    |d, s, p, q| exp(mean + sd * normal(d, s, p, q)),
                ))
            }
        }
    }

    /// A function of a number from 0 up to 1 for each lane.
    fn uniform(&self, lanes: Lanes<'_>, name: &str, seed: u32, f: impl Fn(f64) -> f64) -> Values {
        let draws = value_draws(self.seed, seed);
        let key = DrawKey::new(draws.seed, 0, name_stream(name), UNIFORM_SITE);
        let one = |lane| {
            let (pre, post) = lanes.ids(lane);
            f(unit(key.draw(pre, post)))
        };
        Values::PerLane((0..lanes.len()).map(one).collect())
    }

    fn draw(
        &self,
        lanes: Lanes<'_>,
        name: &str,
        seed: u32,
        f: impl Fn(KeyedDraws, u32, u32, u32) -> f64,
    ) -> Values {
        let (draws, stream) = (value_draws(self.seed, seed), name_stream(name));
        let one = |lane| {
            let (pre, post) = lanes.ids(lane);
            f(draws, stream, pre, post)
        };
        Values::PerLane((0..lanes.len()).map(one).collect())
    }

    /// Delays: whole numbers from 0 to 62. `Uniform` draws whole numbers, both ends included.
    pub(crate) fn delays(
        &self,
        value: &Value,
        lanes: Lanes<'_>,
        name: &str,
        key: &str,
        report: &mut Report,
    ) -> Option<Values> {
        let values = match value {
            Value::Made(Made::Uniform(lo, hi, seed))
                if lo.is_finite() && hi.is_finite() && lo <= hi =>
            {
                let count = (hi.floor() - lo.ceil() + 1.0).max(0.0);
                self.uniform(lanes, name, *seed, |part| lo.ceil() + (count * part).floor())
            }
            Value::Made(Made::Normal(..) | Made::LogNormal(..)) => {
                report.error(
                    "M024",
                    key,
                    "delays are whole numbers; use Uniform, a list or a file",
                );
                return None;
            }
            _ => self.make(value, lanes, name, key, report)?,
        };
        let max = f64::from(trifactor_ir::MAX_DELAY);
        let legal = |d: f64| (0.0..=max).contains(&d) && d.fract() == 0.0;
        let bad = match &values {
            Values::Constant(d) => (!legal(*d)).then_some(*d),
            Values::PerLane(list) => list.iter().copied().find(|d| !legal(*d)),
        };
        if let Some(d) = bad {
            report.error(
                "M024",
                key,
                format!("a delay of {d} steps; whole numbers from 0 to {max} are allowed"),
            );
            return None;
        }
        Some(values)
    }
}

fn check_normal(word: &str, mean: f64, sd: f64, key: &str, report: &mut Report) -> Option<()> {
    if mean.is_finite() && sd.is_finite() && sd >= 0.0 {
        return Some(());
    }
    report.error(
        "M016",
        key,
        format!("{word}({mean}, {sd}, ..): the standard deviation must be finite and not negative"),
    );
    None
}

/// The values with a function applied to each.
pub(crate) fn map_values(values: Values, f: impl Fn(f64) -> f64) -> Values {
    match values {
        Values::Constant(v) => Values::Constant(f(v)),
        Values::PerLane(list) => Values::PerLane(list.into_iter().map(f).collect()),
    }
}

/// The values divided lane by lane.
pub(crate) fn divided(values: Values, by: &Values) -> Values {
    match (values, by) {
        (Values::Constant(v), Values::Constant(r)) => Values::Constant(v / r),
        (Values::PerLane(list), by) => {
            Values::PerLane(list.into_iter().enumerate().map(|(i, v)| v / by.at(i)).collect())
        }
        (Values::Constant(v), Values::PerLane(by)) => {
            Values::PerLane(by.iter().map(|r| v / r).collect())
        }
    }
}

/// The first lane whose value fails a test.
pub(crate) fn offender(values: &Values, legal: impl Fn(f64) -> bool) -> Option<(usize, f64)> {
    match values {
        Values::Constant(v) => (!legal(*v)).then_some((0, *v)),
        Values::PerLane(list) => list.iter().copied().enumerate().find(|(_, v)| !legal(*v)),
    }
}
