//! Tables as comma-separated text (RFC 4180, with line feeds alone).

use super::{Cell, Column, Rows};
use crate::error::SignalError;
use crate::part::{self, Part, cannot};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(super) struct Csv {
    path: PathBuf,
    file: Part,
}

impl Csv {
    pub(super) fn begin(path: &Path, columns: &[Column]) -> Result<Self, SignalError> {
        let mut file = part::begin(path)?;
        let cells: Vec<Cell<'_>> = columns.iter().map(|c| Cell::Text(&c.name)).collect();
        write_row(&mut file, &cells).map_err(|e| cannot(path, e))?;
        Ok(Self { path: path.to_owned(), file })
    }
}

impl Rows for Csv {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        write_row(&mut self.file, cells)
    }
    fn finish(self: Box<Self>) -> Result<(), SignalError> {
        part::finish(self.file, &self.path)
    }
}

fn write_row(file: &mut impl Write, cells: &[Cell<'_>]) -> io::Result<()> {
    for (k, cell) in cells.iter().enumerate() {
        if k > 0 {
            file.write_all(b",")?;
        }
        match cell {
            Cell::Whole(x) => write!(file, "{x}")?,
            Cell::Natural(x) => write!(file, "{x}")?,
            Cell::Real(x) => write!(file, "{x}")?,
            Cell::Text(text) if text.contains([',', '"']) => {
                write!(file, "\"{}\"", text.replace('"', "\"\""))?;
            }
            Cell::Text(text) => file.write_all(text.as_bytes())?,
        }
    }
    file.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_comma_or_a_quotation_mark_is_quoted() {
        let mut out = Vec::new();
        let cells = [Cell::Text("a,b"), Cell::Text("say \"x\""), Cell::Whole(-1), Cell::Real(0.25)];
        write_row(&mut out, &cells).unwrap();
        assert_eq!(out, b"\"a,b\",\"say \"\"x\"\"\",-1,0.25\n");
    }
}
