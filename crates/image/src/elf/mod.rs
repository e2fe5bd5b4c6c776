//! The image as an ELF file.
//!
//! One section per core memory (`.core3.synapses`), the author's names in `.trifactor.map` and in
//! the symbol table, and a note that says what the image was made for. `docs/image-format.md`
//! describes every byte. [`read()`] accepts what [`write()`] makes and nothing else: the digest in
//! the note covers the whole file, and [`crate::validate`] has looked at every record, so a loader
//! can index without checks.

mod container;
mod note;
mod read;
pub(crate) mod records;
mod symbols;
mod write;

pub use read::{read, reseal};
pub use records::record_tables;
pub use write::write;

use crate::{Image, ImageError};
use records::Record;
use std::io::{Read, Write};
use std::path::Path;

/// Version of the file format.
pub const FORMAT_VERSION: u32 = 3;

/// `e_machine` of an image: the bytes `tf`. A private number, far from those that the ELF
/// registry has given out (all below 0x200), so that no tool takes an image for a program.
pub const MACHINE: u16 = 0x6674;

/// Largest file that [`read_file`] accepts, 1 GiB; a full chip of the largest built-in kind takes
/// about 720 MiB.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

const META: &str = ".trifactor.meta";
const MAP: &str = ".trifactor.map";
/// Left out where the table is empty.
const LINES: &str = ".trifactor.lines";
const NOTE: &str = ".note.trifactor";

/// Name of the section of a core's memory.
fn section_name(core: u32, memory: &str) -> String {
    format!(".core{core}.{memory}")
}

/// Name of the section that holds records of this kind.
pub(crate) fn section_of<R: Record>(core: u32) -> String {
    section_name(core, R::MEMORY)
}

/// Writes an image to a file, replacing it in one step: a reader sees the old file or the new
/// one, and a failed write leaves the old one.
///
/// Errors: those of [`write()`], and those of the file system with the path.
pub fn write_file(image: &Image, path: impl AsRef<Path>) -> Result<(), ImageError> {
    let path = path.as_ref();
    let bytes = write(image)?;
    let io = |source| ImageError::Io { path: path.to_owned(), source };
    // The directory of the file itself: a rename does not cross file systems.
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".image-").suffix(".part");
    // Temporary files are private by default; an image is as readable as any other output.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory).map_err(io)?;
    file.write_all(&bytes).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|e| io(e.error))?;
    Ok(())
}

/// Reads an image from a file.
///
/// Errors: those of [`read()`], those of the file system with the path, and a file of more than
/// [`MAX_FILE_BYTES`], of which no more than that is read.
pub fn read_file(path: impl AsRef<Path>) -> Result<Image, ImageError> {
    let path = path.as_ref();
    let io = |source| ImageError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let what = format!("the file has more than {MAX_FILE_BYTES} bytes");
        return Err(ImageError::NotAnImage { offset: MAX_FILE_BYTES, what });
    }
    read(&bytes)
}
