//! Reading chosen signals off a chip after a step.

use crate::catalogue::Source;
use crate::select::Selection;
use trifactor_emu::{EmuError, Emulator};

/// Reads a selection again and again.
#[derive(Clone, Debug)]
pub struct Sampler {
    selection: Selection,
    /// Rule executions of each core as of the last reading.
    evaluated: Vec<u64>,
    raw: Vec<i32>,
    some: Vec<Option<i32>>,
    all: Vec<i64>,
}

impl Sampler {
    /// For a selection of the emulator's image.
    pub fn new(selection: Selection) -> Self {
        let (evaluated, raw) = (Vec::new(), Vec::new());
        Self { selection, evaluated, raw, some: Vec::new(), all: Vec::new() }
    }

    /// What is read.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The raw values as they are now. Shape: `out` becomes `[signals]`, in the selection's order.
    pub fn read(&mut self, emulator: &Emulator, out: &mut Vec<i64>) -> Result<(), EmuError> {
        out.clear();
        for at in 0..self.selection.chosen.len() {
            let source = self.selection.chosen[at].variable.source;
            self.variable(source, emulator)?;
            let chosen = &self.selection.chosen[at];
            out.extend(chosen.at.iter().map(|k| self.all[*k]));
        }
        Ok(())
    }

    /// All values of a variable, to `self.all`.
    fn variable(&mut self, source: Source, emulator: &Emulator) -> Result<(), EmuError> {
        let Self { all, raw, some, .. } = self;
        all.clear();
        match source {
            Source::Current(p) => {
                emulator.read_u(p, raw)?;
                all.extend(raw.iter().map(|x| i64::from(*x)));
            }
            Source::Voltage(p) => {
                emulator.read_v(p, raw)?;
                all.extend(raw.iter().map(|x| i64::from(*x)));
            }
            Source::Hold(p) => {
                emulator.read_hold(p, raw)?;
                all.extend(raw.iter().map(|x| i64::from(*x)));
            }
            Source::Spikes(p) => {
                let n = emulator.map().populations.get(p).map_or(0, |p| p.n);
                all.resize(n as usize, 0);
                emulator.spikes(p).iter().for_each(|lane| all[*lane as usize] = 1);
            }
            Source::Field(projection, field) => {
                emulator.visit_field(projection, field, |s| all.push(s.raw.into()))?;
            }
            Source::Modulator(m) => {
                emulator.read_modulator(m, some)?;
                // Nothing reads a line without a synapse, so no core holds it and it stays at 0.
                all.extend(some.iter().map(|x| i64::from(x.unwrap_or(0))));
            }
            Source::Trace(t) => self.trace(t, emulator)?,
            Source::Step => all.push(emulator.step_number().into()),
            Source::Epoch | Source::Position => {
                let (step, length) = (emulator.step_number(), self.selection.epoch);
                let (epoch, position) = match step.checked_sub(1) {
                    Some(done) => (done / length + 1, done % length + 1),
                    None => (0, 0),
                };
                let value = if source == Source::Epoch { epoch } else { position };
                all.push(value.into());
            }
            Source::Busy => {
                self.evaluated.resize(emulator.n_cores(), 0);
                for (core, evaluated) in self.evaluated.iter_mut().enumerate() {
                    let work = emulator.core_work(core);
                    let rules = std::mem::replace(evaluated, work.evaluated_so_far);
                    // Before the first step nothing was done, whatever the counters say.
                    let busy =
                        work.messages_in > 0 || work.active > 0 || rules != work.evaluated_so_far;
                    all.push(i64::from(busy && emulator.step_number() > 0));
                }
            }
        }
        Ok(())
    }

    /// A trace that several rules read has an entry for each, with the lanes that each needs.
    fn trace(&mut self, first: usize, emulator: &Emulator) -> Result<(), EmuError> {
        let traces = &emulator.map().traces;
        let same = (first..traces.len()).filter(|t| traces[*t].name == traces[first].name);
        for trace in same {
            emulator.read_trace(trace, &mut self.some)?;
            self.all.resize(self.some.len().max(self.all.len()), 0);
            for (value, held) in self.all.iter_mut().zip(&self.some) {
                if let Some(x) = held {
                    *value = i64::from(*x);
                }
            }
        }
        Ok(())
    }
}
