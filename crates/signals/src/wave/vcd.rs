//! Waves as VCD, the text format that every viewer reads.

use super::{Change, Entry, Shape, Sink, Target, maker};
use crate::error::SignalError;
use crate::part::{self, Part};
use std::io::{self, Write};
use vcd::{IdCode, TimescaleUnit, Value, VarType, Writer};

pub(super) struct Vcd {
    target: Target,
    writer: Writer<Open>,
    /// Identifier and whether it is a single bit, which is written in a form of its own.
    ids: Vec<(IdCode, bool)>,
    /// Time and whether it stands in the file; a time without changes needs no line.
    time: (u64, bool),
}

/// The file while it is written; the format's writer does not give it back.
struct Open(Option<Part>);

impl Write for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Vcd {
    pub(super) fn begin(target: Target, entries: &[Entry<'_>]) -> Result<Self, SignalError> {
        let mut writer = Writer::new(Open(Some(target.open()?)));
        let ids = header(&mut writer, &target, entries).map_err(|e| target.cannot(e))?;
        Ok(Self { target, writer, ids, time: (0, false) })
    }

    fn stamp(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.time.1, true) {
            self.writer.timestamp(self.time.0)?;
        }
        Ok(())
    }
}

fn header(
    writer: &mut Writer<Open>,
    target: &Target,
    entries: &[Entry<'_>],
) -> io::Result<Vec<(IdCode, bool)>> {
    let exponent = i32::from(target.axis.exponent);
    let unit = match exponent.div_euclid(3) {
        -5 => TimescaleUnit::FS,
        -4 => TimescaleUnit::PS,
        -3 => TimescaleUnit::NS,
        -2 => TimescaleUnit::US,
        -1 => TimescaleUnit::MS,
        _ => TimescaleUnit::S,
    };
    writer.version(&maker())?;
    writer.timescale(10u32.pow(exponent.rem_euclid(3) as u32), unit)?;
    let mut ids = Vec::new();
    for entry in entries {
        match entry {
            Entry::Scope(name) => writer.add_module(&word(name))?,
            Entry::EndScope => writer.upscope()?,
            Entry::Variable(name, shape) => {
                let (kind, bits) = match shape {
                    Shape::Real => (VarType::Real, 64),
                    Shape::Bits(n, true) => (VarType::Integer, *n),
                    Shape::Bits(n, false) => (VarType::Wire, *n),
                };
                let id = writer.add_var(kind, bits, &word(name), None)?;
                ids.push((id, bits == 1));
            }
        }
    }
    writer.enddefinitions()?;
    Ok(ids)
}

/// A name as one word: the format separates words by spaces.
fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_whitespace() { '_' } else { c }).collect()
}

impl Sink for Vcd {
    fn time(&mut self, time: u64) -> Result<(), SignalError> {
        if time > self.time.0 {
            self.time = (time, false);
        }
        Ok(())
    }

    fn change(&mut self, variable: usize, value: Change<'_>) -> Result<(), SignalError> {
        let (id, single) = self.ids[variable];
        let bit = |digit: &u8| Value::from(*digit == b'1');
        let written = self.stamp().and_then(|()| match value {
            Change::Real(x) => self.writer.change_real(id, x),
            Change::Bits([digit]) if single => self.writer.change_scalar(id, bit(digit)),
            Change::Bits(digits) => self.writer.change_vector(id, digits.iter().map(bit)),
        });
        written.map_err(|e| self.target.cannot(e))
    }

    fn finish(mut self: Box<Self>) -> Result<(), SignalError> {
        // The end of the last step, though nothing changes there.
        self.stamp().map_err(|e| self.target.cannot(e))?;
        let Self { target, mut writer, .. } = *self;
        let file = writer.writer().0.take();
        file.map_or(Ok(()), |file| part::finish(file, &target.path))
    }
}
