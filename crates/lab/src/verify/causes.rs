//! Which rounding costs what: the same trials with one state's format undone, and with that state
//! alone in its format.
//!
//! The float reading holds its states in the chip's formats, with the chip's own draws, which is
//! fast and follows the chip closely; how closely is part of the result. For each state the loss is measured twice: with every
//! other state rounded, and with no other. The mean of what the first saves and the second costs
//! is what the state explains; two states that spoil the result each by itself both show.

use super::measure::{Measure, Outcome};
use super::script::Exercise;
use crate::error::LabError;
use crate::prepare::Prepared;
use crate::statistics::Estimate;
use trifactor_fixed::Rounding;
use trifactor_host::Formats;
use trifactor_ir::{Read, StateId, StateRole};
use trifactor_quant::StateFormat;

/// States whose rounding and ends are looked at by themselves.
const DETAILED: usize = 3;

/// The share of the loss that such a state explains at least.
const WORTH_A_LOOK: f64 = 0.02;

/// One state's part in the loss. Units: points of the score, or percent of the largest change.
#[derive(Clone, PartialEq, Debug)]
pub struct Cause {
    /// Full name.
    pub name: String,
    pub(super) state: StateId,
    /// Its format, such as `s12.10`, and how stores into it round where any do.
    pub format: String,
    /// Loss that is saved where this state stays in floating point and all others are rounded.
    pub saved: Estimate,
    /// Loss where this state alone is rounded.
    pub alone: Estimate,
    /// Mean of both.
    pub explains: f64,
    /// What becomes of the loss under other roundings and without clipping.
    pub variants: Vec<(String, Estimate)>,
    /// A rounding with which less was lost.
    pub(super) better: Option<Rounding>,
}

/// What the loss comes from.
#[derive(Clone, PartialEq, Debug)]
pub struct Causes {
    /// Trials each variant ran.
    pub trials: u32,
    /// Loss on these trials with every state rounded in the float reading.
    pub all: Estimate,
    /// Loss of the chip on these trials.
    pub chip: Estimate,
    /// States by what they explain, the largest part first.
    pub list: Vec<Cause>,
    /// States whose values their formats hold exactly.
    pub exact: Vec<String>,
}

impl Causes {
    /// States that explain a part of the loss worth naming: a tenth of the largest loss measured,
    /// and more than the noise.
    pub(super) fn guilty(&self) -> impl Iterator<Item = &Cause> {
        let scale = self.all.mean.max(self.chip.mean).max(0.0);
        self.list.iter().filter(move |c| {
            let noise = c.saved.half_width.min(c.alone.half_width);
            let noise = if noise.is_finite() { noise } else { 0.0 };
            c.explains > 0.1 * scale && c.explains > 0.5 * noise
        })
    }
}

/// Measures what every state's format costs on trials 0 to `n - 1`. `float` and `chip` ran at
/// least these.
pub(super) fn rank(
    exercise: &Exercise<'_>,
    prepared: &Prepared,
    measure: &Measure,
    (float, chip): (&Outcome, &Outcome),
    n: u32,
) -> Result<Causes, LabError> {
    let network = &exercise.model.network;
    let planned = Formats::planned(network, &prepared.plan);
    let read = |state: StateId| {
        prepared.network.phases.values().any(|p| p.reads.values().any(|r| *r == Read::State(state)))
    };
    let (mut states, mut exact) = (Vec::new(), Vec::new());
    for id in planned.held().filter(|id| read(*id)) {
        let state = &network.states[id];
        let values: Vec<f64> =
            (0..network.lanes(state.space)).map(|lane| state.init.at(lane)).collect();
        // Counters of steps are whole numbers.
        let counter = !prepared.plan.states[id].q.signed
            && prepared.plan.states[id].q.frac == 0
            && prepared.plan.states[id].q.bits == 6;
        let kept = planned.hold(id, &values) == values;
        if kept && (state.role == StateRole::Parameter || counter) {
            exact.push(network.full_name(id));
        } else {
            states.push(id);
        }
    }
    let run = |formats: Formats, what: &str| -> Result<Outcome, LabError> {
        exercise.float(Some(&formats), n, what)
    };
    let all = run(planned.clone(), "all formats")?;
    let all_losses = measure.losses(float, &all);
    let all_loss = Estimate::of(&all_losses);
    let mut list = Vec::new();
    for id in states {
        let name = network.full_name(id);
        let without = run(planned.clone().without(id), &name)?;
        let saved = Estimate::of_difference(&all_losses, &measure.losses(float, &without));
        let alone = measure.loss(float, &run(planned.clone().only(id), &name)?);
        let format = &prepared.plan.states[id];
        list.push(Cause {
            format: described(format, planned.written()[id].is_some()),
            explains: (saved.mean + alone.mean) / 2.0,
            variants: Vec::new(),
            better: None,
            state: id,
            name,
            saved,
            alone,
        });
    }
    // The sort is stable: equal parts stay in the author's order.
    list.sort_by(|a, b| b.explains.total_cmp(&a.explains));
    let worth = |c: &&mut Cause| c.explains > WORTH_A_LOOK * all_loss.mean.max(0.0);
    for cause in list.iter_mut().take(DETAILED).filter(worth) {
        for (words, format) in variants(exercise, prepared, &planned, cause.state) {
            let mut plan = prepared.plan.clone();
            plan.states[cause.state] = format;
            let outcome = run(Formats::planned(network, &plan), &cause.name)?;
            let loss = measure.loss(float, &outcome);
            let rounds = format.rounding != prepared.plan.states[cause.state].rounding;
            if rounds && loss.mean < 0.9 * all_loss.mean {
                cause.better = Some(format.rounding);
            }
            cause.variants.push((words, loss));
        }
    }
    let cut = |values: Vec<f64>| Estimate::of(&values[..values.len().min(n as usize)]);
    Ok(Causes { trials: n, all: all_loss, chip: cut(measure.losses(float, chip)), list, exact })
}

/// Bits, binary point and rounding in words.
pub(super) fn described(format: &StateFormat, stores: bool) -> String {
    if stores {
        format!("{} {}", format.q, rounding_word(format.rounding))
    } else {
        format.q.to_string()
    }
}

pub(super) fn rounding_word(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Floor => "floor",
        Rounding::Zero => "zero",
        Rounding::Nearest => "nearest",
        Rounding::Stochastic => "stochastic",
    }
}

/// Another rounding of the same bits, and the same last place without an end.
fn variants(
    exercise: &Exercise<'_>,
    prepared: &Prepared,
    planned: &Formats,
    state: StateId,
) -> Vec<(String, StateFormat)> {
    let now = prepared.plan.states[state];
    let mut list = Vec::new();
    if planned.written()[state].is_some() {
        for rounding in [Rounding::Nearest, Rounding::Stochastic] {
            if rounding != now.rounding {
                let words = format!("rounded {}", rounding_word(rounding));
                list.push((words, StateFormat { rounding, ..now }));
            }
        }
        let ends = exercise.model.network.states[state].range;
        let (lo, hi) = (now.value(now.raw.lo), now.value(now.raw.hi));
        let lsb = now.q.lsb();
        if ends.is_none_or(|(a, b)| lo - a > lsb || b - hi > lsb) {
            let mut open = now;
            (open.raw.lo, open.raw.hi) = (-(1 << 40), 1 << 40);
            list.push(("without its ends".to_owned(), open));
        }
    }
    list
}
