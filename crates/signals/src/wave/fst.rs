//! Waves as FST, the binary format of GTKWave.

use super::{Change, Entry, Shape, Sink, Target, maker};
use crate::error::SignalError;
use crate::part::{self, Part};
use fst_writer::{
    FstBodyWriter, FstFileType, FstHeaderWriter, FstInfo, FstScopeType, FstSignalId, FstSignalType,
    FstVarDirection, FstVarType, FstWriteError,
};

/// Changes are compressed and written when they take this much memory.
const SECTION_BYTES: usize = 32 << 20;

pub(super) struct Fst {
    target: Target,
    body: FstBodyWriter<Part>,
    ids: Vec<FstSignalId>,
    /// What the writer's tables take without any change in them.
    empty: usize,
    /// Memory that changes may take before they are written.
    section: usize,
    time: u64,
}

impl Fst {
    pub(super) fn begin(target: Target, entries: &[Entry<'_>]) -> Result<Self, SignalError> {
        let info = FstInfo {
            start_time: 0,
            timescale_exponent: target.axis.exponent,
            version: maker(),
            // The same run gives the same bytes.
            date: String::new(),
            file_type: FstFileType::Verilog,
        };
        let file = target.open()?;
        let fault = |error| cannot(&target, error);
        let mut header = FstHeaderWriter::new(file, &info).map_err(fault)?;
        let mut ids = Vec::new();
        for entry in entries {
            match entry {
                Entry::Scope(name) => {
                    header.scope(name, "", FstScopeType::Module).map_err(fault)?;
                }
                Entry::EndScope => header.up_scope().map_err(fault)?,
                Entry::Variable(name, shape) => {
                    let (form, kind) = match shape {
                        Shape::Real => (FstSignalType::real(), FstVarType::Real),
                        // Viewers show an integer with its sign.
                        Shape::Bits(n, true) => (FstSignalType::bit_vec(*n), FstVarType::Integer),
                        Shape::Bits(n, false) => (FstSignalType::bit_vec(*n), FstVarType::Wire),
                    };
                    let direction = FstVarDirection::Implicit;
                    ids.push(header.var(name, form, kind, direction, None).map_err(fault)?);
                }
            }
        }
        let body = header.finish().map_err(fault)?;
        let empty = body.size();
        Ok(Self { target, body, ids, empty, section: SECTION_BYTES, time: 0 })
    }
}

impl Sink for Fst {
    fn time(&mut self, time: u64) -> Result<(), SignalError> {
        // The writer can end a section only where the time moves on.
        if time > self.time && self.body.size() > self.empty + self.section {
            self.body.flush().map_err(|e| cannot(&self.target, e))?;
        }
        self.time = time;
        self.body.time_change(time).map_err(|e| cannot(&self.target, e))
    }

    fn change(&mut self, variable: usize, value: Change<'_>) -> Result<(), SignalError> {
        let id = self.ids[variable];
        let changed = match value {
            Change::Bits(digits) => self.body.signal_change(id, digits),
            Change::Real(x) => self.body.signal_change(id, &x.to_le_bytes()),
        };
        changed.map_err(|e| cannot(&self.target, e))
    }

    fn finish(self: Box<Self>) -> Result<(), SignalError> {
        let Self { target, body, .. } = *self;
        let file = body.finish().map_err(|e| cannot(&target, e))?;
        part::finish(file, &target.path)
    }
}

fn cannot(target: &Target, error: FstWriteError) -> SignalError {
    target.cannot(match error {
        FstWriteError::Io(error) => error,
        other => std::io::Error::other(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::TimeAxis;

    /// A value that moves, and one that seldom does.
    fn values(step: u64) -> [u64; 2] {
        [step.wrapping_mul(0x9e37_79b9) & 0xffff, (step / 100) & 0xffff]
    }

    #[test]
    fn a_file_of_many_sections_reads_back_value_by_value() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("long.fst");
        let axis = TimeAxis { exponent: -3, per_step: 2 };
        let bits = Shape::Bits(16, false);
        let variable = |name: &str| Entry::Variable(name.to_owned(), bits);
        let entries = [Entry::Scope("top"), variable("a"), variable("b"), Entry::EndScope];
        let mut fst = Fst::begin(Target { path: path.clone(), axis }, &entries).unwrap();
        fst.section = 1000;
        for step in 0..1000 {
            fst.time(step * 2).unwrap();
            for (k, value) in values(step).into_iter().enumerate() {
                let digits = format!("{value:016b}");
                fst.change(k, Change::Bits(digits.as_bytes())).unwrap();
            }
        }
        Box::new(fst).finish().unwrap();

        let mut wave = wellen::simple::read(&path).unwrap();
        for (k, name) in ["a", "b"].into_iter().enumerate() {
            let variable = wave.hierarchy().lookup_var(&["top"], name).unwrap();
            let signal = wave.hierarchy()[variable].signal_ref();
            wave.load_signals(&[signal]);
            for step in 0..1000u64 {
                let at = wave.time_table().partition_point(|time| *time <= step * 2) - 1;
                let signal = wave.get_signal(signal).unwrap();
                let offset = signal.get_offset(at as u32).unwrap();
                let read = signal.get_value_at(&offset, 0).to_bit_string().unwrap();
                assert_eq!(read, format!("{:016b}", values(step)[k]), "{name}, step {step}");
            }
        }
    }
}
