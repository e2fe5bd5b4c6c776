//! The section table of an ELF file, read with bounds checks and offsets in its errors.
//!
//! Only what an image needs: 64 bits, little-endian, sections by name. Symbols are for people and
//! their tools; nothing is read from them.

use super::MACHINE;
use crate::ImageError;

/// Offsets of the fields of the file header, from the ELF-64 object file format.
mod header {
    pub const IDENT: &[u8] = b"\x7fELF";
    pub const CLASS: usize = 4;
    pub const ENCODING: usize = 5;
    pub const MACHINE: usize = 18;
    pub const SECTIONS: usize = 40;
    pub const N_SECTIONS: usize = 60;
    pub const NAMES: usize = 62;
    pub const SIZE: usize = 64;
}

/// Offsets of the fields of a section header.
mod section {
    pub const NAME: usize = 0;
    pub const KIND: usize = 4;
    pub const OFFSET: usize = 24;
    pub const LENGTH: usize = 32;
    pub const SIZE: usize = 64;
}

/// A section with its bytes.
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    /// ELF type, `SHT_*`.
    pub(super) kind: u32,
    /// Where in the file it begins.
    pub(super) offset: usize,
    pub(super) bytes: &'a [u8],
}

/// Refuses what is not an ELF file of this machine.
pub(super) fn check_header(file: &[u8]) -> Result<(), ImageError> {
    if !file.starts_with(header::IDENT) {
        return Err(not_an_image(0, "it does not begin with the mark of an ELF file"));
    }
    if file.len() < header::SIZE {
        return Err(not_an_image(file.len(), "it ends inside the ELF header"));
    }
    if file[header::CLASS] != 2 || file[header::ENCODING] != 1 {
        return Err(not_an_image(header::CLASS, "it is not a 64-bit little-endian ELF file"));
    }
    match u16_at(file, header::MACHINE)? {
        MACHINE => Ok(()),
        other => Err(not_an_image(
            header::MACHINE,
            format!("it is an ELF file for machine {other:#x}, not {MACHINE:#x}"),
        )),
    }
}

/// The sections in file order, without the empty first one.
pub(super) fn sections(file: &[u8]) -> Result<Vec<Section<'_>>, ImageError> {
    let table = usize_at(file, header::SECTIONS)?;
    let n = usize::from(u16_at(file, header::N_SECTIONS)?);
    let names = usize::from(u16_at(file, header::NAMES)?);
    // A table of 0xff00 sections and more keeps its length, and perhaps the names' position, in
    // its first entry.
    let n = if n == 0 { usize_at(file, offset(table, section::LENGTH)?)? } else { n };
    let names = if names == 0xffff { u32_at(file, offset(table, 40)?)? as usize } else { names };
    let end = n.checked_mul(section::SIZE).and_then(|size| table.checked_add(size));
    if end.is_none_or(|end| end > file.len()) {
        return Err(not_an_image(table, format!("its table of {n} sections is cut off")));
    }
    if names >= n {
        return Err(not_an_image(header::NAMES, "it has no section names"));
    }
    let strings = contents(file, table + names * section::SIZE)?.1;
    (1..n)
        .map(|k| {
            let at = table + k * section::SIZE;
            let (offset, bytes) = contents(file, at)?;
            let name = u32_at(file, at + section::NAME)? as usize;
            let name = strings
                .get(name..)
                .and_then(|rest| rest.split(|byte| *byte == 0).next())
                .and_then(|name| std::str::from_utf8(name).ok())
                .ok_or_else(|| not_an_image(at, format!("section {k} has no name")))?;
            Ok(Section { name, kind: u32_at(file, at + section::KIND)?, offset, bytes })
        })
        .collect()
}

/// Offset and bytes of the section whose header is at `at`.
fn contents(file: &[u8], at: usize) -> Result<(usize, &[u8]), ImageError> {
    let start = usize_at(file, at + section::OFFSET)?;
    let length = usize_at(file, at + section::LENGTH)?;
    let bytes = start.checked_add(length).and_then(|end| file.get(start..end));
    match bytes {
        Some(bytes) => Ok((start, bytes)),
        None => {
            Err(not_an_image(at, format!("a section of {length} bytes at {start:#x} is cut off")))
        }
    }
}

fn offset(table: usize, field: usize) -> Result<usize, ImageError> {
    table
        .checked_add(field)
        .ok_or_else(|| not_an_image(header::SECTIONS, "it has no section table"))
}

fn bytes_at<const N: usize>(file: &[u8], at: usize) -> Result<[u8; N], ImageError> {
    file.get(at..)
        .and_then(|rest| rest.first_chunk::<N>())
        .copied()
        .ok_or_else(|| not_an_image(at, "it is cut off"))
}

fn u16_at(file: &[u8], at: usize) -> Result<u16, ImageError> {
    bytes_at(file, at).map(u16::from_le_bytes)
}

fn u32_at(file: &[u8], at: usize) -> Result<u32, ImageError> {
    bytes_at(file, at).map(u32::from_le_bytes)
}

fn usize_at(file: &[u8], at: usize) -> Result<usize, ImageError> {
    let value = u64::from_le_bytes(bytes_at(file, at)?);
    usize::try_from(value).map_err(|_| not_an_image(at, format!("{value:#x} is no offset")))
}

fn not_an_image(offset: usize, what: impl Into<String>) -> ImageError {
    ImageError::NotAnImage { offset: offset as u64, what: what.into() }
}
