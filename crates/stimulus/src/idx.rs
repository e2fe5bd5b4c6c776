//! IDX arrays, the format of MNIST: plain or as one gzip stream.
//!
//! Two zero bytes, the element type, the number of dimensions, the sizes as big-endian 32-bit
//! words, then the elements, the last dimension varying fastest.

use crate::error::{DataError, open_regular};
use flate2::read::GzDecoder;
use std::io::{BufReader, Read};
use std::path::Path;

/// More dimensions than any data set has; a larger number is a damaged header.
const MAX_DIMS: u8 = 8;

/// An array with its sizes.
#[derive(Clone, PartialEq, Debug)]
pub struct IdxArray {
    /// Sizes, slowest dimension first.
    pub dims: Vec<usize>,
    /// Elements in row-major order; as many as the product of `dims`.
    pub elements: IdxElements,
}

/// The elements of an [`IdxArray`].
#[derive(Clone, PartialEq, Debug)]
pub enum IdxElements {
    /// Type 0x08.
    U8(Vec<u8>),
    /// Type 0x0B.
    I16(Vec<i16>),
    /// Type 0x0C.
    I32(Vec<i32>),
}

impl IdxArray {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match &self.elements {
            IdxElements::U8(v) => v.len(),
            IdxElements::I16(v) => v.len(),
            IdxElements::I32(v) => v.len(),
        }
    }
    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// One element as an integer; `None` past the end.
    pub fn get(&self, at: usize) -> Option<i64> {
        match &self.elements {
            IdxElements::U8(v) => v.get(at).map(|&x| i64::from(x)),
            IdxElements::I16(v) => v.get(at).map(|&x| i64::from(x)),
            IdxElements::I32(v) => v.get(at).map(|&x| i64::from(x)),
        }
    }
}

/// Reads an IDX file, unpacking it if it starts like a gzip stream.
///
/// Units: `limit` in bytes, for the file and for its unpacked content.
/// Errors: every [`DataError`] but `Content`.
pub fn read_idx(path: &Path, limit: u64) -> Result<IdxArray, DataError> {
    let name = path.display().to_string();
    let file = open_regular(path, limit)?;
    parse_idx(&name, BufReader::new(file), limit)
}

/// Reads an IDX array from a stream; `name` stands in messages.
///
/// Memory grows with the bytes that arrive, never with what a header declares alone.
/// Errors: as [`read_idx`].
pub fn parse_idx(name: &str, mut source: impl Read, limit: u64) -> Result<IdxArray, DataError> {
    let mut magic = [0u8; 2];
    let got = read_up_to(name, 0, &mut source, &mut magic)?;
    let start = std::io::Cursor::new(magic).take(got as u64);
    let whole = start.chain(source);
    if magic == [0x1f, 0x8b] {
        parse_plain(name, GzDecoder::new(whole), limit)
    } else {
        parse_plain(name, whole, limit)
    }
}

fn parse_plain(name: &str, mut source: impl Read, limit: u64) -> Result<IdxArray, DataError> {
    let mut head = [0u8; 4];
    read_all(name, 0, &mut source, &mut head, "the header")?;
    if head[0] != 0 || head[1] != 0 {
        return Err(DataError::format(
            name,
            0,
            format!(
                "starts with {:#04x} {:#04x}; an IDX file starts with two zeros",
                head[0], head[1]
            ),
        ));
    }
    let width: u64 = match head[2] {
        0x08 => 1,
        0x0b => 2,
        0x0c => 4,
        other => {
            return Err(DataError::format(
                name,
                2,
                format!("element type {other:#04x} is not 0x08 (u8), 0x0b (i16) or 0x0c (i32)"),
            ));
        }
    };
    if head[3] == 0 || head[3] > MAX_DIMS {
        return Err(DataError::format(
            name,
            3,
            format!("{} dimensions; 1 to {MAX_DIMS} are read", head[3]),
        ));
    }
    let mut dims = Vec::new();
    let mut bytes = width;
    for i in 0..u64::from(head[3]) {
        let mut word = [0u8; 4];
        read_all(name, 4 + 4 * i, &mut source, &mut word, "the dimension sizes")?;
        let size = u32::from_be_bytes(word);
        dims.push(size as usize);
        bytes = bytes.saturating_mul(u64::from(size));
    }
    if bytes > limit {
        return Err(DataError::TooLarge {
            path: name.to_owned(),
            what: format!("the header declares {dims:?} elements of {width} bytes"),
            limit,
        });
    }
    let at = 4 + 4 * u64::from(head[3]);
    let mut raw = Vec::new();
    source
        .by_ref()
        .take(bytes)
        .read_to_end(&mut raw)
        .map_err(|e| stream_error(name, at + raw.len() as u64, &e))?;
    if (raw.len() as u64) < bytes {
        return Err(DataError::format(
            name,
            at + raw.len() as u64,
            format!("ends after {} of {bytes} bytes of elements", raw.len()),
        ));
    }
    // Reading on also makes the gzip decoder compare its checksum.
    if read_up_to(name, at + bytes, &mut source, &mut [0u8; 1])? > 0 {
        return Err(DataError::format(name, at + bytes, "goes on after the last element"));
    }
    let elements = match width {
        1 => IdxElements::U8(raw),
        2 => IdxElements::I16(
            raw.chunks_exact(2).map(|b| i16::from_be_bytes([b[0], b[1]])).collect(),
        ),
        _ => IdxElements::I32(
            raw.chunks_exact(4).map(|b| i32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect(),
        ),
    };
    Ok(IdxArray { dims, elements })
}

fn stream_error(name: &str, offset: u64, error: &std::io::Error) -> DataError {
    DataError::format(name, offset, format!("cannot be unpacked further: {error}"))
}

fn read_up_to(
    name: &str,
    offset: u64,
    source: &mut impl Read,
    buffer: &mut [u8],
) -> Result<usize, DataError> {
    let mut got = 0;
    while got < buffer.len() {
        match source.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(stream_error(name, offset + got as u64, &e)),
        }
    }
    Ok(got)
}

fn read_all(
    name: &str,
    offset: u64,
    source: &mut impl Read,
    buffer: &mut [u8],
    part: &str,
) -> Result<(), DataError> {
    let got = read_up_to(name, offset, source, buffer)?;
    if got < buffer.len() {
        return Err(DataError::format(name, offset + got as u64, format!("ends inside {part}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    fn plain(kind: u8, dims: &[u32], body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, kind, dims.len() as u8];
        for d in dims {
            bytes.extend(d.to_be_bytes());
        }
        bytes.extend(body);
        bytes
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut gz = GzEncoder::new(Vec::new(), Compression::default());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    }

    #[test]
    fn plain_and_packed_files_read_the_same_for_every_element_type() {
        let cases = [
            (plain(0x08, &[2, 2], &[1, 2, 3, 255]), IdxElements::U8(vec![1, 2, 3, 255])),
            (plain(0x0b, &[2], &[0xff, 0xfe, 1, 0]), IdxElements::I16(vec![-2, 256])),
            (plain(0x0c, &[1, 1, 1], &[0x80, 0, 0, 1]), IdxElements::I32(vec![i32::MIN + 1])),
        ];
        for (bytes, want) in cases {
            let a = parse_idx("a", &bytes[..], 1 << 20).unwrap();
            let b = parse_idx("b", &packed(&bytes)[..], 1 << 20).unwrap();
            assert_eq!(a.elements, want);
            assert_eq!(a, b);
            assert_eq!(a.len(), a.dims.iter().product::<usize>());
        }
    }

    #[test]
    fn every_fault_names_the_file_and_the_place() {
        let good = plain(0x08, &[2, 2], &[1, 2, 3, 4]);
        let cases: [(Vec<u8>, u64, &str); 8] = [
            (vec![], 100, "ends inside the header"),
            (vec![1, 0, 8, 1], 100, "starts with 0x01"),
            (plain(0x0d, &[1], &[0; 4]), 100, "element type 0x0d"),
            (plain(0x08, &[], &[]), 100, "0 dimensions"),
            (good[..7].to_vec(), 100, "ends inside the dimension sizes"),
            (good[..14].to_vec(), 100, "ends after 2 of 4 bytes"),
            ([good.clone(), vec![0]].concat(), 100, "goes on after the last element"),
            (good.clone(), 3, "limit of 3 bytes"),
        ];
        for (bytes, limit, want) in cases {
            let error = parse_idx("data.idx", &bytes[..], limit).unwrap_err().to_string();
            assert!(error.starts_with("data.idx: ") && error.contains(want), "{error}");
        }
    }

    #[test]
    fn a_header_that_declares_four_gigabytes_of_nothing_costs_nothing() {
        let bytes = plain(0x08, &[u32::MAX], &[]);
        let error = parse_idx("x", &bytes[..], u64::MAX).unwrap_err().to_string();
        assert!(error.contains("ends after 0 of 4294967295"), "{error}");
        let bytes = plain(0x0c, &[u32::MAX; 8], &[]);
        assert!(matches!(parse_idx("x", &bytes[..], 1 << 31), Err(DataError::TooLarge { .. })));
    }

    #[test]
    fn a_small_stream_that_unpacks_to_much_is_stopped_by_its_declared_size() {
        let bomb = packed(&[plain(0x08, &[16], &[]), vec![0; 1 << 24]].concat());
        let error = parse_idx("x", &bomb[..], 1 << 10).unwrap_err().to_string();
        assert!(error.contains("goes on after the last element"), "{error}");
    }

    proptest! {
        #[test]
        fn damaged_files_are_refused_or_read_but_never_panic(
            pack in any::<bool>(),
            flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
            truncate in any::<bool>(),
        ) {
            let mut bytes = plain(0x0b, &[3, 4], &(0..24).collect::<Vec<u8>>());
            if pack { bytes = packed(&bytes); }
            for (at, value) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= value;
            }
            if truncate { bytes.truncate(cut.index(bytes.len())); }
            if let Ok(array) = parse_idx("x", &bytes[..], 1 << 16) {
                prop_assert_eq!(array.len(), array.dims.iter().product::<usize>());
                prop_assert!(array.len() <= 1 << 16);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_idx("x", &bytes[..], 1 << 16);
        }
    }
}
