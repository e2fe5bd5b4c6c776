//! A step executed phase by phase, for those who want to look inside.

use crate::core::Now;
use crate::error::EmuError;
use crate::exchange::{Exchange, collect_spikes};
use crate::machine::Emulator;
use crate::workers::each;
use std::fmt;
use trifactor_timing::Observer;

/// A part of a step. Source: S2; `messages` hands the spikes of the step to the cores that hear
/// them and files them for their arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Phase {
    /// Spikes in flight are added to accumulators.
    Deliver,
    /// Currents, voltages, spikes, resets.
    Neurons,
    /// Spikes become messages, and messages spikes in flight.
    Messages,
    /// Modulators make a step.
    Modulators,
    /// Traces make a step.
    Traces,
    /// Rules are executed; only in the last step of an epoch.
    Plasticity,
}

impl Phase {
    /// All phases in their order.
    pub const ALL: [Self; 6] = [
        Self::Deliver,
        Self::Neurons,
        Self::Messages,
        Self::Modulators,
        Self::Traces,
        Self::Plasticity,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Neurons => "neurons",
            Self::Messages => "messages",
            Self::Modulators => "modulators",
            Self::Traces => "traces",
            Self::Plasticity => "plasticity",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A step that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    /// Where in time it is.
    pub now: Now,
    /// What comes next.
    pub next: Phase,
}

impl Emulator {
    /// What comes next of a step that [`advance`](Self::advance) has begun; `None` between two
    /// steps.
    pub fn phase(&self) -> Option<Phase> {
        self.begun.map(|begun| begun.next)
    }

    /// Whether the last step that was begun is the last one of its epoch.
    pub fn ends_epoch(&self) -> bool {
        self.step.is_multiple_of(self.widths.epoch)
    }

    /// Executes one phase of a step, which begins with the phase `Deliver`, and says which it
    /// was. Executing all phases is the same as [`step`](Self::step), to which every call of a
    /// step must give the same inputs.
    ///
    /// Errors: those of a step; nothing has then been executed.
    pub fn advance(&mut self, inputs: &[(usize, &[u32])]) -> Result<Phase, EmuError> {
        self.recorded(|emulator, watch| match watch {
            Some(watch) => emulator.advance_watched(inputs, watch),
            None => emulator.advance_watched(inputs, &mut ()),
        })
    }

    /// The same with an observer, which is told of the spike part with the last phase.
    pub(crate) fn advance_watched<O: Observer>(
        &mut self,
        inputs: &[(usize, &[u32])],
        watch: &mut O,
    ) -> Result<Phase, EmuError> {
        self.check_inputs(inputs)?;
        let begun = match self.begun {
            Some(begun) => begun,
            None => {
                self.step = self.step.checked_add(1).ok_or(EmuError::StepsExhausted)?;
                let now = Now::new(self.step, self.widths.epoch);
                Begun { now, next: Phase::Deliver }
            }
        };
        let Begun { now, next } = begun;
        let (widths, draws) = (self.widths, &self.draws);
        let (workers, cores) = (&self.workers, &mut self.cores[..]);
        let mut exchange = Exchange {
            populations: &mut self.populations,
            host: &mut self.host,
            networks: if self.timing { &mut self.networks } else { &mut [] },
            laps: &mut self.laps,
        };
        match next {
            Phase::Deliver => each(workers, cores, |core| core.deliver(now, &widths)),
            Phase::Neurons => {
                each(workers, cores, |core| core.fire(now, &widths));
                // Whoever looks before the messages go out sees the spikes of this step.
                collect_spikes(exchange.populations, cores);
            }
            Phase::Messages => {
                exchange.messages(cores, inputs);
                each(workers, cores, |core| core.receive(now, &widths));
            }
            Phase::Modulators => each(workers, cores, |core| core.modulators(now, &widths, draws)),
            Phase::Traces => each(workers, cores, |core| core.traces(now, &widths, draws)),
            Phase::Plasticity => each(workers, cores, |core| core.plasticity(now, &widths, draws)),
        }
        let position = next as usize + 1;
        let following = Phase::ALL.get(position).filter(|p| **p != Phase::Plasticity || now.last);
        self.begun = following.map(|next| Begun { now, next: *next });
        if following.is_none() {
            exchange.spike_parts(watch);
            self.account(now);
        }
        Ok(next)
    }

    /// Forgets a step that was begun.
    pub(crate) fn abandon_step(&mut self) {
        self.begun = None;
        self.cores.iter_mut().for_each(crate::core::Core::forget_step);
    }
}
