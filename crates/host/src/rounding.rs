//! Number formats of a chip, applied to the float reading.
//!
//! A plan says how the chip stores every state. [`Formats`] holds what of it the float reading
//! takes over: all of it for fine-tuning, parts of it for a table of accuracy against bits.
//! Parameters and initial values are rounded to the nearest when they are set (S62), states
//! whenever a phase has written them, with the chip's own draws (S51). What stays in floating
//! point are the values inside a rule and in accumulators, for which a plan keeps more bits than
//! any store.

use crate::HostError;
use crate::task::Part;
use trifactor_entity::SideTable;
use trifactor_fixed::{RealRounding, Rounding, mix32, round_shift, site};
use trifactor_ir::units::{Unit, recognise};
use trifactor_ir::{CheckedNetwork, Group, Network, Read, StateId, StateRole, fold_shared, verify};
use trifactor_quant::{Plan, StateFormat};
use trifactor_reference::float::StoreRounding;
use trifactor_stimulus::trial_seed;

/// Sites of roundings that the chip does not have, one per result of a phase.
const OWN_SITE: u8 = 64;

/// How a parameter or an initial value is stored.
#[derive(Clone, Copy, Debug)]
struct Stored {
    format: StateFormat,
    /// Last bits that delivery cuts off, because the target has none of their worth (S11).
    cut: u32,
}

/// The formats of some states, or of all.
#[derive(Clone, Debug)]
pub struct Formats {
    stored: SideTable<StateId, Option<Stored>>,
    written: SideTable<StateId, Option<StoreRounding>>,
}

impl Formats {
    /// Every state as the plan has it. `plan` may be that of the network with
    /// [shared parameters folded](fold_shared): these stand in the microcode, which has more bits
    /// for them than a synapse, and stay in floating point.
    pub fn planned(network: &CheckedNetwork, plan: &Plan) -> Self {
        let folded = fold_shared(network);
        let is_read = |n: &Network, state| {
            n.phases.values().any(|p| p.reads.values().any(|r| *r == Read::State(state)))
        };
        let constant = |state| is_read(network, state) && !is_read(&folded, state);
        let format = |state| Some(plan.states[state]).filter(|_| !constant(state));
        let mut formats = Self::some(network, plan, format);
        for state in network.states.ids() {
            if network.states[state].role == StateRole::Parameter
                && let Some(stored) = &mut formats.stored[state]
                && let Some(frac) = target_frac(network, plan, state)
            {
                let finer = i32::from(stored.format.q.frac) - i32::from(frac);
                stored.cut = finer.max(0).unsigned_abs();
            }
        }
        formats
    }

    /// The states that `format` gives one; all others stay in floating point. The plan says which
    /// draws the chip takes for which state.
    pub fn some(
        network: &Network,
        plan: &Plan,
        format: impl Fn(StateId) -> Option<StateFormat>,
    ) -> Self {
        let stored = SideTable::for_each(&network.states, |id, state| {
            let kept = matches!(state.role, StateRole::Parameter | StateRole::Variable);
            format(id).filter(|_| kept).map(|format| Stored { format, cut: 0 })
        });
        let written = SideTable::for_each(&network.states, |id, state| {
            let format = stored[id].filter(|_| state.role == StateRole::Variable)?.format;
            let (phase, at) = network.setter(id)?;
            let planned = &plan.phases[phase].outputs[at];
            let phase = &network.phases[phase];
            let site = match recognise(&network.kernels[phase.kernel]) {
                Some(Unit::LinearTrace | Unit::SaturatingTrace | Unit::Modulator) => site::DECAY,
                None if planned.shift > 0 && planned.rounding == Rounding::Stochastic => {
                    planned.site
                }
                _ => OWN_SITE + (at % 64) as u8,
            };
            let real = RealRounding::new(format.q, format.raw, format.rounding);
            Some(StoreRounding { real, stream: phase.stream, site })
        });
        Self { stored, written }
    }

    /// The same with this state in floating point.
    #[must_use]
    pub fn without(mut self, state: StateId) -> Self {
        self.stored[state] = None;
        self.written[state] = None;
        self
    }

    /// The same with all states but this one in floating point.
    #[must_use]
    pub fn only(mut self, state: StateId) -> Self {
        let others: Vec<StateId> = self.held().filter(|other| *other != state).collect();
        for other in others {
            self = self.without(other);
        }
        self
    }

    /// The states that are held in a format.
    pub fn held(&self) -> impl Iterator<Item = StateId> + '_ {
        self.stored.iter().filter(|(_, stored)| stored.is_some()).map(|(id, _)| id)
    }

    /// How states are rounded when a phase has written them.
    pub fn written(&self) -> &SideTable<StateId, Option<StoreRounding>> {
        &self.written
    }

    /// Values of a parameter, or initial values, as the chip holds them.
    pub fn hold(&self, state: StateId, values: &[f64]) -> Vec<f64> {
        let Some(Stored { format, cut }) = &self.stored[state] else { return values.to_vec() };
        let hold = |v: &f64| {
            // What is not a number must stay so: a training has to notice it.
            if !v.is_finite() {
                return *v;
            }
            let raw = format.quantise(*v);
            format.value(round_shift(raw, *cut, Rounding::Floor, 0) << cut)
        };
        values.iter().map(hold).collect()
    }

    /// Smallest and largest value a state's format holds.
    pub fn range(&self, state: StateId) -> Option<(f64, f64)> {
        let format = self.stored[state]?.format;
        Some((format.value(format.raw.lo), format.value(format.raw.hi)))
    }

    /// The same network with ranges that begin at 0 begun one unit of the last place lower, for
    /// training. A gradient ends where a value stands at the end of its range; a small value that
    /// was rounded to 0 does not stand there. The format ends at 0 in any case.
    pub fn open_at_zero(&self, network: &CheckedNetwork) -> Result<CheckedNetwork, HostError> {
        let mut network = network.network().clone();
        for (id, rounding) in self.written.iter() {
            if let (Some(how), Some((lo, _))) = (rounding, &mut network.states[id].range)
                && *lo == 0.0
            {
                *lo = -how.real.lsb();
            }
        }
        Ok(verify(network)?)
    }
}

/// The fewest fraction bits of the accumulators that a weight is delivered to.
fn target_frac(network: &Network, plan: &Plan, weight: StateId) -> Option<i8> {
    let delivers = network.phases.values().filter(|p| {
        p.group == Group::Deliver && p.reads.values().any(|r| *r == Read::State(weight))
    });
    delivers.flat_map(|p| &p.writes).map(|q| plan.states[*q].q.frac).min()
}

/// The seed of the roundings of an episode: for evaluation that of the chip's trial of the same
/// number (S7), for training another.
pub(crate) fn draw_seed(seed: u32, part: Part, number: u32) -> u32 {
    let seed = match part {
        Part::Evaluation => seed,
        Part::Training => mix32(seed ^ 0x5eed_0003),
    };
    trial_seed(seed, number)
}
