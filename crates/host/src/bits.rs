//! Accuracy against bits: one group of states at a time in the chip's arithmetic, everything else
//! in floating point, and then everything as planned.
//!
//! All rows answer the same evaluation episodes, so that differences from the float row are
//! paired. A group of fewer or more bits keeps the full scale of its plan: a bit less halves the
//! resolution, not the range.

use crate::HostError;
use crate::calibrate::{Measurement, is_weight};
use crate::evaluate::Accuracy;
use crate::network::{Link, differentiable};
use crate::rounding::Formats;
use crate::settings::Settings;
use crate::task::{Part, Task, distinct};
use crate::tile::{Episodes, TileRunner, credit};
use serde::Serialize;
use trifactor_fixed::{QFormat, RawRange, Rounding};
use trifactor_ir::{CheckedNetwork, Network, Read, StateId, StateRole};
use trifactor_quant::{Encoding, Plan, StateFormat};

/// Widths of the table.
pub const WIDTHS: [u8; 8] = [4, 5, 6, 8, 9, 10, 12, 16];

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// States that are rounded together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum StateGroup {
    /// Weights that a rule changes.
    PlasticWeights,
    /// Other weights.
    FixedWeights,
    /// Further variables of synapses.
    Tags,
    /// Traces, and the impulses that feed them.
    Traces,
    /// Parameters of synapses that are no weights.
    Rates,
    /// Modulators.
    Modulators,
    /// Factors of decay.
    Decays,
    /// Currents and membranes with their thresholds and biases.
    Membranes,
}

impl StateGroup {
    /// All, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::PlasticWeights,
        Self::FixedWeights,
        Self::Tags,
        Self::Traces,
        Self::Rates,
        Self::Modulators,
        Self::Decays,
        Self::Membranes,
    ];

    /// Its name in a table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PlasticWeights => "plastic weights",
            Self::FixedWeights => "fixed weights",
            Self::Tags => "tags",
            Self::Traces => "traces",
            Self::Rates => "rates",
            Self::Modulators => "modulators",
            Self::Decays => "decays",
            Self::Membranes => "u and v",
        }
    }

    /// Whether phases write it, so that it matters how a store rounds.
    const fn written(self) -> bool {
        !matches!(self, Self::FixedWeights | Self::Rates | Self::Decays)
    }

    /// The group of a state, if it belongs to one.
    fn of(network: &Network, plan: &Plan, state: StateId) -> Option<Self> {
        use trifactor_ir::Group;
        let s = &network.states[state];
        let variable = match s.role {
            StateRole::Variable => true,
            StateRole::Parameter => false,
            StateRole::Accumulator | StateRole::Spike => return None,
        };
        let format = &plan.states[state];
        if matches!(format.encoding, Encoding::Decay { .. }) {
            return Some(Self::Decays);
        }
        if network.synapses(s.space).is_some() {
            return match (is_weight(network, state), variable) {
                (true, true) => Some(Self::PlasticWeights),
                (true, false) => Some(Self::FixedWeights),
                (false, true) => network.setter(state).map(|_| Self::Tags),
                (false, false) => Some(Self::Rates),
            };
        }
        let user = network.phases.values().find(|p| {
            p.writes.contains(&state) || p.reads.values().any(|r| *r == Read::State(state))
        })?;
        match user.group {
            Group::Traces => Some(Self::Traces),
            Group::Neurons if network.is_trace(state) => Some(Self::Traces),
            Group::Modulators => Some(Self::Modulators),
            // Counters are whole numbers.
            Group::Neurons if format.q.signed => Some(Self::Membranes),
            _ => None,
        }
    }
}

/// One row.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BitsRow {
    /// What is rounded.
    pub what: &'static str,
    /// Bits, the sign included; `None` for a row of more than one width.
    pub bits: Option<u8>,
    /// How stores round; `None` where only constants are rounded, or by the plan.
    pub rounding: Option<Rounding>,
    /// Accuracy.
    pub accuracy: Accuracy,
    /// Accuracy less that of the float row on the same episodes.
    pub difference: f64,
    /// Half the width of its 95 % interval.
    pub half: f64,
}

/// The table.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BitsTable {
    /// The network in floating point.
    pub float: Accuracy,
    /// One group at a time.
    pub rows: Vec<BitsRow>,
    /// Everything: as planned, and as planned but rounded to the nearest.
    pub planned: Vec<BitsRow>,
}

/// Rows that [`bits_table`] measures, the float row included; for progress.
pub fn bits_rows(network: &CheckedNetwork, plan: &Plan) -> usize {
    cases(network, plan).len() + 3
}

struct Case {
    group: StateGroup,
    bits: u8,
    rounding: Option<Rounding>,
}

fn cases(network: &Network, plan: &Plan) -> Vec<Case> {
    let mut cases = Vec::new();
    for group in StateGroup::ALL {
        if !network.states.ids().any(|s| StateGroup::of(network, plan, s) == Some(group)) {
            continue;
        }
        let roundings: &[_] = if group.written() {
            &[Some(Rounding::Nearest), Some(Rounding::Stochastic)]
        } else {
            &[None]
        };
        for rounding in roundings {
            cases.extend(WIDTHS.map(|bits| Case { group, bits, rounding: *rounding }));
        }
    }
    cases
}

/// Measures every row on evaluation episodes 0 to `how.episodes - 1`. `progress` is told how many
/// rows are done.
///
/// Errors: the settings do not fit the network.
pub fn bits_table(
    network: &CheckedNetwork,
    settings: &Settings,
    plan: &Plan,
    how: Measurement,
    progress: &mut dyn FnMut(usize),
) -> Result<BitsTable, HostError> {
    let network = differentiable(network)?;
    let task = evaluation_task(settings)?;
    let link = Link::new(&network, &settings.readout, task.as_ref())?;
    let mut runner = TileRunner::forward(&network, &link, how.threads)?;
    let mut done = 0;
    let mut measure = |formats: Option<Formats>| -> Result<Vec<f64>, HostError> {
        runner.hold_in(&network, formats)?;
        let count = distinct(task.as_ref(), how.episodes);
        let episodes = Episodes { seed: how.seed, part: Part::Evaluation, first: 0, count };
        let result = runner.run(task.as_ref(), &link, episodes, false);
        done += 1;
        progress(done);
        Ok(result.logits.iter().zip(&result.labels).map(|(l, label)| credit(l, *label)).collect())
    };
    let float = measure(None)?;
    let row = |what, bits, rounding, credits: &[f64]| {
        let (difference, half) = paired(credits, &float);
        BitsRow { what, bits, rounding, accuracy: accuracy(credits), difference, half }
    };
    let mut rows = Vec::new();
    for Case { group, bits, rounding } in cases(&network, plan) {
        let formats = Formats::some(&network, plan, |state| {
            let found = StateGroup::of(&network, plan, state) == Some(group);
            found.then(|| with_bits(&network, plan, state, bits, rounding))
        });
        let credits = measure(Some(formats))?;
        rows.push(row(group.word(), Some(bits), rounding, &credits));
    }
    let mut planned = Vec::new();
    let credits = measure(Some(Formats::planned(&network, plan)))?;
    planned.push(row("all as planned", None, None, &credits));
    let mut nearest = plan.clone();
    for state in network.states.ids() {
        let format = &mut nearest.states[state];
        if format.rounding == Rounding::Stochastic {
            format.rounding = Rounding::Nearest;
        }
    }
    let credits = measure(Some(Formats::planned(&network, &nearest)))?;
    planned.push(row("all as planned", None, Some(Rounding::Nearest), &credits));
    Ok(BitsTable { float: accuracy(&float), rows, planned })
}

/// The task of measurements, else the first of the last stage.
fn evaluation_task(settings: &Settings) -> Result<Box<dyn Task>, HostError> {
    let last = settings.stages.last().and_then(|s| s.tasks.first());
    let spec = settings.evaluation.as_ref().map(|e| &e.task).or(last);
    spec.ok_or_else(|| HostError::settings("stages: at least one is needed"))?
        .build(&settings.folder)
}

/// The planned format of a state with another number of bits for the same full scale.
fn with_bits(
    network: &Network,
    plan: &Plan,
    state: StateId,
    bits: u8,
    rounding: Option<Rounding>,
) -> StateFormat {
    let now = plan.states[state];
    let rounding = rounding.unwrap_or(now.rounding);
    if matches!(now.encoding, Encoding::Decay { .. }) {
        let raw = RawRange { lo: 0, hi: 1 << bits };
        return StateFormat { q: QFormat::unsigned(bits + 1, bits as i8), rounding, raw, ..now };
    }
    // An impulse has one bit more than its trace.
    let parameter = network.states[state].role == StateRole::Parameter;
    let traced = StateGroup::of(network, plan, state) == Some(StateGroup::Traces);
    let bits = bits + u8::from(parameter && traced);
    let frac = i16::from(now.q.frac) + i16::from(bits) - i16::from(now.q.bits);
    let q = QFormat { bits, frac: frac.clamp(-60, 60) as i8, ..now.q };
    let RawRange { mut lo, mut hi } = q.raw_range();
    if let Some((low, high)) = network.states[state].range {
        lo = lo.max((low / q.lsb()).ceil() as i64);
        hi = hi.min((high / q.lsb()).floor() as i64);
    }
    StateFormat { q, rounding, raw: RawRange { lo, hi: hi.max(lo) }, ..now }
}

fn accuracy(credits: &[f64]) -> Accuracy {
    Accuracy::from_count(credits.iter().sum(), credits.len())
}

/// Mean of the differences of pairs, and half the width of its 95 % interval.
fn paired(a: &[f64], b: &[f64]) -> (f64, f64) {
    let n = a.len() as f64;
    if a.len() < 2 {
        return (0.0, f64::INFINITY);
    }
    let mean = a.iter().zip(b).map(|(a, b)| a - b).sum::<f64>() / n;
    let square = a.iter().zip(b).map(|(a, b)| (a - b - mean) * (a - b - mean)).sum::<f64>();
    (mean, Z * (square / (n - 1.0) / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_paired_difference_ignores_what_both_share() {
        let a: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        assert_eq!(paired(&a, &a), (0.0, 0.0));
        let b: Vec<f64> =
            a.iter().enumerate().map(|(i, x)| if i < 4 { 1.0 - x } else { *x }).collect();
        let (mean, half) = paired(&b, &a);
        assert!(mean.abs() < 1e-12 && (half - 0.0098).abs() < 5e-4, "{mean} {half}");
    }
}
