//! Errors of single evaluations: what rounding does to a variable in one step, beside the bound
//! that the plan predicts for it (S61).
//!
//! Every evaluation of the fixed reading is repeated in floating point from the same raw inputs,
//! so that nothing of earlier steps is in the difference. That is the horizon the bound is for.

use super::real::evaluate;
use super::{At, variable_kind};
use trifactor_entity::{EntityId, SideTable};
use trifactor_ir::units::{Unit, recognise};
use trifactor_ir::{CheckedNetwork, Op, PhaseId, Read, StateId, StateRole, ValueId};
use trifactor_quant::Plan;
use trifactor_reference::{Delivered, Evaluation, Watch};

/// Doubles add errors of this share of the numbers involved.
const SLACK: f64 = 1e-9;

/// Errors of single evaluations of one state. Units: the author's.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LocalError {
    /// Evaluations.
    pub n: u64,
    /// Largest magnitude of the error.
    pub max: f64,
    /// Where.
    pub at: At,
    /// Largest bound of those evaluations.
    pub bound: f64,
    /// Largest error as a share of the bound of the same evaluation; infinite where a bound of 0
    /// is exceeded.
    pub share: f64,
    /// Where.
    pub share_at: At,
    /// Evaluations that would have changed the variable in float.
    pub changes: u64,
    /// Those of them that left it as it was.
    pub lost: u64,
    /// Sum of the magnitudes of those changes.
    pub wanted: f64,
    /// Sum of what was done of them, in the direction of float.
    pub done: f64,
    /// Sum of the signed errors of those changes.
    pub sum: f64,
    /// Sum of their squares.
    pub squares: f64,
    /// Evaluations that were clipped to the author's range, in float too.
    pub limited: u64,
    /// Evaluations that the format clipped and float does not: by more than the last place.
    pub clipped: u64,
}

impl LocalError {
    /// Mean signed error of the evaluations that change the variable, with its standard error.
    pub fn bias(&self) -> Option<(f64, f64)> {
        if self.changes < 2 {
            return None;
        }
        let n = self.changes as f64;
        let mean = self.sum / n;
        let variance = (self.squares - n * mean * mean).max(0.0) / (n - 1.0);
        Some((mean, (variance / n).sqrt()))
    }

    /// Share of the changes that left the variable as it was.
    pub fn lost_share(&self) -> f64 {
        self.lost as f64 / self.changes.max(1) as f64
    }

    /// How much of what float would have changed was changed: 1 where rounding loses nothing on
    /// average.
    pub fn kept(&self) -> Option<f64> {
        (self.wanted > 0.0).then(|| self.done / self.wanted)
    }

    fn see(&mut self, error: f64, bound: f64, slack: f64, at: At) {
        self.n += 1;
        self.bound = self.bound.max(bound);
        if error.abs() > self.max {
            self.max = error.abs();
            self.at = at;
        }
        let over = (error.abs() - slack).max(0.0);
        let share = match (over > 0.0, bound > 0.0) {
            (false, _) => 0.0,
            (true, true) => over / bound,
            (true, false) => f64::INFINITY,
        };
        if share > self.share {
            self.share = share;
            self.share_at = at;
        }
    }

    fn change(&mut self, before: f64, exact: f64, stored: f64, slack: f64) {
        let wanted = exact - before;
        if wanted.abs() <= slack {
            return;
        }
        let error = stored - exact;
        self.changes += 1;
        self.lost += u64::from(stored == before);
        self.wanted += wanted.abs();
        self.done += (stored - before) * wanted.signum();
        self.sum += error;
        self.squares += error * error;
    }
}

/// The outputs of a compartment that need care.
#[derive(Clone, Copy)]
struct Compartment {
    /// The sum that is compared with the threshold, less the threshold.
    over: Option<ValueId>,
}

/// Repeats evaluations in floating point.
pub(super) struct Local<'a> {
    net: &'a CheckedNetwork,
    plan: &'a Plan,
    compartments: SideTable<PhaseId, Option<Compartment>>,
    /// By state.
    pub errors: SideTable<StateId, LocalError>,
    /// Evaluations of neurons in which rounding decided about a spike.
    pub flips: u64,
    /// The trial that runs, and its step.
    pub trial: u32,
    pub step: u32,
    ports: Vec<f64>,
    values: Vec<f64>,
}

impl<'a> Local<'a> {
    /// `net` is the network that the plan was made for.
    pub fn new(net: &'a CheckedNetwork, plan: &'a Plan) -> Self {
        let compartments = SideTable::for_each(&net.phases, |_, phase| {
            let kernel = &net.kernels[phase.kernel];
            let over = kernel.ops.values().find_map(|op| match op {
                Op::Step(v, _) => Some(*v),
                _ => None,
            });
            matches!(recognise(kernel), Some(Unit::Lif(_))).then_some(Compartment { over })
        });
        Self {
            net,
            plan,
            compartments,
            errors: SideTable::for_each(&net.states, |_, _| LocalError::default()),
            flips: 0,
            trial: 0,
            step: 0,
            ports: Vec::new(),
            values: Vec::new(),
        }
    }

    fn at(&self, lane: usize) -> At {
        At { trial: self.trial, step: self.step, lane: lane as u32 }
    }
}

impl Watch for Local<'_> {
    fn evaluated(&mut self, e: &Evaluation<'_>) {
        let phase = &self.net.phases[e.phase];
        let kernel = &self.net.kernels[phase.kernel];
        let compartment = self.compartments[e.phase];
        // On chips whose compartments compute otherwise, the kernel is not what they do.
        if compartment.is_some() && !self.plan.neuron.is_own() {
            return;
        }
        self.ports.clear();
        self.ports.extend(phase.reads.iter().map(|(port, read)| match *read {
            Read::State(state) => self.plan.states[state].value(e.ports[port]),
            Read::Arriving { .. } | Read::SpikedInEpoch(_) | Read::EpochFlag => {
                e.ports[port] as f64
            }
        }));
        evaluate(kernel, &self.ports, &mut self.values);
        let spikes = |k: usize| self.net.states[phase.writes[k]].role == StateRole::Spike;
        let exact = |k: usize| self.values[kernel.outputs[k].value.index()];
        let mut flipped = false;
        for k in (0..kernel.outputs.len()).filter(|k| spikes(*k)) {
            flipped |= exact(k) != e.stored[k] as f64;
        }
        self.flips += u64::from(flipped);
        for (k, output) in kernel.outputs.iter().enumerate() {
            let state = phase.writes[k];
            if variable_kind(self.net, state).is_none() || (flipped && output.variable == "v") {
                continue;
            }
            let format = &self.plan.states[state];
            let mut expected = exact(k);
            if let Some((lo, hi)) = self.net.states[state].range {
                expected = expected.clamp(lo, hi);
            }
            let (before, stored) = (format.value(e.before[k]), format.value(e.stored[k]));
            let planned = &self.plan.phases[e.phase];
            // A voltage's bound covers a spike in one reading only; where both agree, it is that
            // of the sum that was compared.
            let bound = match compartment {
                Some(Compartment { over: Some(over) }) if output.variable == "v" => {
                    planned.values[over].bound
                }
                _ => planned.outputs[k].bound,
            };
            let slack = SLACK * (bound + expected.abs().max(stored.abs()));
            let at = self.at(e.lane);
            let errors = &mut self.errors[state];
            let by_format = (stored - expected).abs() > format.q.lsb();
            errors.clipped += u64::from(e.clipped[k] && by_format);
            errors.limited += u64::from(e.clipped[k] && !by_format);
            // A compartment's sums are clipped before the bound is added up.
            let edge = [format.raw.lo, format.raw.hi].contains(&e.stored[k]);
            if compartment.is_some() && (e.clipped[k] || edge) {
                continue;
            }
            errors.see(stored - expected, bound, slack, at);
            errors.change(before, expected, stored, slack);
        }
    }

    fn delivered(&mut self, d: &Delivered) {
        let phase = &self.net.phases[d.phase];
        let kernel = &self.net.kernels[phase.kernel];
        let planned = &self.plan.phases[d.phase];
        let state = phase.writes[0];
        let frac = planned.values[kernel.outputs[0].value].frac;
        let n = d.arrivals as f64;
        let exact = d.weight as f64 * (-f64::from(frac)).exp2() * n;
        let added = self.plan.states[state].value(d.added);
        let bound = planned.outputs[0].bound * n;
        let slack = SLACK * exact.abs();
        let at = self.at(d.post as usize);
        let errors = &mut self.errors[state];
        errors.see(added - exact, bound, slack, at);
        errors.change(0.0, exact, added, slack);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_that_rounding_loses_is_counted_and_biases() {
        let mut e = LocalError::default();
        for _ in 0..4 {
            // A quarter of the last place down, rounded to the nearest: nothing happens.
            e.change(1.0, 0.75, 1.0, 1e-12);
        }
        e.change(1.0, 1.0, 1.0, 1e-12);
        assert_eq!((e.changes, e.lost), (4, 4));
        assert_eq!((e.lost_share(), e.kept()), (1.0, Some(0.0)));
        assert_eq!(e.bias(), Some((0.25, 0.0)));
    }

    #[test]
    fn an_error_is_measured_by_the_bound_of_its_own_evaluation() {
        let mut e = LocalError::default();
        e.see(-0.5, 1.0, 0.0, At { trial: 0, step: 1, lane: 0 });
        e.see(0.25, 0.25, 0.0, At { trial: 0, step: 2, lane: 3 });
        e.see(1e-12, 0.0, 1e-9, At::default());
        assert_eq!((e.max, e.at.step, e.bound), (0.5, 1, 1.0));
        assert_eq!((e.share, e.share_at.lane), (1.0, 3));
        e.see(0.1, 0.0, 1e-9, At::default());
        assert!(e.share.is_infinite());
    }
}
