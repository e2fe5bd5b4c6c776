//! Tables as NumPy arrays, all little-endian.

use super::{Cell, Column, Kind, Rows};
use crate::error::SignalError;
use crate::part::{self, Part, cannot};
use npyz::{DType, DTypeError, Field, NpyWriter, Serialize, TypeStr, TypeWrite};
use npyz::{WriteOptions, WriterBuilder};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where a writer writes: a second handle of the file that gets its name at the end.
type Handle = BufWriter<File>;

fn handle(part: &Part) -> io::Result<Handle> {
    Ok(BufWriter::new(part.get_ref().as_file().try_clone()?))
}

/// The type of a column as NumPy writes it.
fn dtype(kind: Kind) -> DType {
    let text = match kind {
        Kind::I32 => "<i4".to_owned(),
        Kind::I64 => "<i8".to_owned(),
        Kind::U32 => "<u4".to_owned(),
        Kind::U64 => "<u8".to_owned(),
        Kind::F64 => "<f8".to_owned(),
        Kind::Text(n) => format!("|S{n}"),
    };
    let plain: TypeStr = text.parse().expect("internal: the type of a column is one of NumPy's");
    DType::Plain(plain)
}

/// A structured array: one record for each row.
pub(super) struct Records {
    path: PathBuf,
    part: Part,
    kinds: Vec<Kind>,
    writer: NpyWriter<Packed, Handle>,
    packed: Packed,
}

/// A record as its bytes.
#[derive(Default)]
struct Packed(Vec<u8>);

struct PackedWriter;

impl TypeWrite for PackedWriter {
    type Value = Packed;
    fn write_one<W: Write>(&self, mut writer: W, value: &Packed) -> io::Result<()> {
        writer.write_all(&value.0)
    }
}

impl Serialize for Packed {
    type TypeWriter = PackedWriter;
    fn writer(_: &DType) -> Result<PackedWriter, DTypeError> {
        Ok(PackedWriter)
    }
}

impl Records {
    pub(super) fn begin(path: &Path, columns: &[Column]) -> Result<Self, SignalError> {
        let part = part::begin(path)?;
        let field = |c: &Column| Field { name: c.name.clone(), dtype: dtype(c.kind) };
        let record = DType::Record(columns.iter().map(field).collect());
        let options = WriteOptions::<Packed>::new().dtype(record);
        let writer = handle(&part).and_then(|handle| options.writer(handle).begin_1d());
        let writer = writer.map_err(|e| cannot(path, e))?;
        let kinds = columns.iter().map(|c| c.kind).collect();
        Ok(Self { path: path.to_owned(), part, kinds, writer, packed: Packed::default() })
    }
}

impl Rows for Records {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let bytes = &mut self.packed.0;
        bytes.clear();
        for (kind, cell) in self.kinds.iter().zip(cells) {
            match kind {
                Kind::I32 => bytes.extend((cell.whole() as i32).to_le_bytes()),
                Kind::I64 => bytes.extend(cell.whole().to_le_bytes()),
                Kind::U32 => bytes.extend((cell.natural() as u32).to_le_bytes()),
                Kind::U64 => bytes.extend(cell.natural().to_le_bytes()),
                Kind::F64 => bytes.extend(cell.real().to_le_bytes()),
                Kind::Text(width) => {
                    let end = bytes.len() + width;
                    bytes.extend(cell.text().bytes().take(*width));
                    bytes.resize(end, 0);
                }
            }
        }
        self.writer.push(&self.packed)
    }

    fn finish(self: Box<Self>) -> Result<(), SignalError> {
        let Self { path, part, writer, .. } = *self;
        writer.finish().map_err(|e| cannot(&path, e))?;
        part::finish(part, &path)
    }
}

/// A plain array of the shape `[steps, signals]`, of the type that all columns have.
pub(super) fn plain(path: &Path, columns: &[Column]) -> Result<Box<dyn Rows>, SignalError> {
    let width = columns.len() as u64;
    Ok(match columns.first().map(|c| c.kind) {
        Some(Kind::I32) => Box::new(Plain::begin(path, width, |c: &Cell<'_>| c.whole() as i32)?),
        Some(Kind::I64) => Box::new(Plain::begin(path, width, |c: &Cell<'_>| c.whole())?),
        _ => Box::new(Plain::begin(path, width, |c: &Cell<'_>| c.real())?),
    })
}

struct Plain<T: Serialize, F> {
    path: PathBuf,
    part: Part,
    writer: NpyWriter<T, Handle>,
    element: F,
}

impl<T: npyz::AutoSerialize, F: Fn(&Cell<'_>) -> T> Plain<T, F> {
    fn begin(path: &Path, width: u64, element: F) -> Result<Self, SignalError> {
        let part = part::begin(path)?;
        let options = WriteOptions::<T>::new().default_dtype();
        let writer = handle(&part).and_then(|handle| options.writer(handle).begin_2d(width));
        let writer = writer.map_err(|e| cannot(path, e))?;
        Ok(Self { path: path.to_owned(), part, writer, element })
    }
}

impl<T: npyz::AutoSerialize, F: Fn(&Cell<'_>) -> T> Rows for Plain<T, F> {
    /// The first cell is the step, which the row's position tells.
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        for cell in &cells[1..] {
            self.writer.push(&(self.element)(cell))?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), SignalError> {
        let Self { path, part, writer, .. } = *self;
        writer.finish().map_err(|e| cannot(&path, e))?;
        part::finish(part, &path)
    }
}
