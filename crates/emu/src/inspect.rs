//! What a debugger wants to see beyond what a host reads: spikes on their way, accumulators, and
//! where programs stand. Reading changes nothing and costs nothing.

use crate::error::EmuError;
use crate::machine::Emulator;
use crate::phase::Phase;
use crate::tables::Travel;

/// A state of a neuron.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Membrane {
    /// Current.
    U,
    /// Voltage.
    V,
    /// Refractory counter.
    Hold,
}

impl Membrane {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U => "u",
            Self::V => "v",
            Self::Hold => "hold",
        }
    }
}

/// A spike that has been sent and has not arrived.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InFlight {
    /// The step in whose deliver phase it arrives.
    pub arrives: u32,
    /// The lane it comes from; `None` where the chip keeps only what it adds (S87).
    pub pre: Option<u32>,
    /// The lane it goes to; `None` for all that the pre lane reaches on one core.
    pub post: Option<u32>,
}

impl Emulator {
    /// Spikes of a projection on their way, by step of arrival. A pre lane whose synapses lie on
    /// several cores is listed once.
    pub fn in_flight(&self, projection: usize) -> Result<Vec<InFlight>, EmuError> {
        self.field(projection, 0)?;
        // The first step whose arrivals are still to be delivered.
        let next = match self.phase() {
            Some(Phase::Deliver) => self.step,
            _ => self.step.saturating_add(1),
        };
        let mut found = Vec::new();
        for core in &self.cores {
            for (table, state) in core.table.groups.iter().zip(&core.state.groups) {
                if table.projection != projection {
                    continue;
                }
                let slots = state.in_flight.len() as u32;
                for (slot, spikes) in (0..slots).zip(&state.in_flight) {
                    let ahead = (slot + slots - next % slots) % slots;
                    let arrives = next.saturating_add(ahead);
                    if table.sends {
                        found.extend(spikes.chunks_exact(2).map(|pair| InFlight {
                            arrives,
                            pre: None,
                            post: Some(table.first_post + pair[0]),
                        }));
                        continue;
                    }
                    found.extend(spikes.iter().map(|spike| {
                        let at = *spike as usize;
                        match table.travel {
                            Travel::Fixed(_) => {
                                InFlight { arrives, pre: Some(table.pre[at]), post: None }
                            }
                            Travel::PerSynapse(_) => {
                                let row =
                                    table.row_start.partition_point(|s| *s as usize <= at) - 1;
                                let post = table.first_post + table.post_of(row, at);
                                InFlight { arrives, pre: Some(table.pre[row]), post: Some(post) }
                            }
                        }
                    }));
                }
            }
        }
        found.sort_unstable();
        if found.iter().all(|spike| spike.post.is_none()) {
            found.dedup();
        }
        Ok(found)
    }

    /// Input accumulators of a population, raw: what has been delivered in the step that has
    /// begun and not been read yet. Shape: `out` becomes `[lanes]`.
    pub fn read_input(&self, population: usize, out: &mut Vec<i32>) -> Result<(), EmuError> {
        let named = self.population(population)?;
        if named.slices.is_empty() {
            return Err(EmuError::NoMembrane { population: named.name.clone() });
        }
        out.clear();
        for (core, s) in &self.populations[population].slices {
            let first = s.first_compartment as usize;
            out.extend_from_slice(&self.cores[*core].accumulators()[first..first + s.n as usize]);
        }
        Ok(())
    }

    /// Steps of a learning epoch (S5).
    pub fn epoch_length(&self) -> u32 {
        self.widths.epoch
    }
}
