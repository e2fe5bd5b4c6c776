//! NumPy arrays (`.npy`) of numbers, read as `f64`.
//!
//! The header is checked before the reader proper sees it: its length, its nesting, and that its
//! shape fits the bytes that follow. Object arrays, records and strings are refused.

use crate::error::{DataError, read_regular};
use npyz::{NpyFile, Order};
use std::path::Path;

/// A NumPy header of numbers is about 100 bytes long.
const MAX_HEADER: usize = 4096;
/// A header of a plain array has one dictionary and one tuple.
const MAX_BRACKETS: usize = 8;
/// Largest number of dimensions.
const MAX_DIMS: usize = 8;

/// An array of numbers with its shape.
#[derive(Clone, PartialEq, Debug)]
pub struct NpyArray {
    /// Sizes, slowest dimension first; empty for a single number.
    pub shape: Vec<usize>,
    /// Elements in row-major order (integers beyond 2^53 lose their last bits).
    pub values: Vec<f64>,
}

/// Reads a `.npy` file of booleans, integers or floats.
///
/// Units: `limit` in bytes, for the file. Errors: every [`DataError`] but `Content`.
pub fn read_npy(path: &Path, limit: u64) -> Result<NpyArray, DataError> {
    parse_npy(&path.display().to_string(), &read_regular(path, limit)?)
}

/// Reads a `.npy` array from bytes; `name` stands in messages.
///
/// Errors: [`DataError::Format`].
pub fn parse_npy(name: &str, bytes: &[u8]) -> Result<NpyArray, DataError> {
    let (start, declared) = check_header(name, bytes)?;
    let file = NpyFile::new(bytes)
        .map_err(|e| DataError::format(name, 8, format!("the header is not understood: {e}")))?;
    let shape: Vec<usize> = file.shape().iter().map(|&n| n as usize).collect();
    if shape != declared {
        return Err(DataError::format(name, 8, "the header declares its shape in an unusual way"));
    }
    let n: usize = shape.iter().product();
    let dtype = file.dtype();
    let width = dtype.num_bytes().filter(|w| *w > 0).ok_or_else(|| {
        DataError::format(name, 8, format!("elements of type {} are not numbers", dtype.descr()))
    })?;
    let body = bytes.len() - start;
    if n.checked_mul(width) != Some(body) {
        return Err(DataError::format(
            name,
            bytes.len() as u64,
            format!(
                "holds {body} bytes of elements where the shape {shape:?} of {width}-byte elements needs {n} x {width}"
            ),
        ));
    }
    let order = file.order();
    let values = numbers(name, file, start)?;
    let values = match order {
        Order::C => values,
        Order::Fortran => row_major(&shape, &values),
    };
    Ok(NpyArray { shape, values })
}

/// Length of everything before the elements, and the declared shape.
fn check_header(name: &str, bytes: &[u8]) -> Result<(usize, Vec<usize>), DataError> {
    let fault = |offset: usize, text: &str| DataError::format(name, offset as u64, text);
    if bytes.len() < 12 || &bytes[..6] != b"\x93NUMPY" {
        return Err(fault(0, "is not a .npy file"));
    }
    let (text_at, len) = match bytes[6] {
        1 => (10, usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))),
        2 | 3 => (12, u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize),
        _ => return Err(fault(6, "is of an unknown .npy version")),
    };
    if len > MAX_HEADER {
        return Err(fault(8, "has a header longer than 4096 bytes"));
    }
    let text = bytes
        .get(text_at..text_at + len)
        .ok_or_else(|| fault(bytes.len(), "ends inside the header"))?;
    let text =
        std::str::from_utf8(text).map_err(|_| fault(text_at, "has a header that is not text"))?;
    // The parser of the header recurses with its nesting and multiplies the sizes unchecked;
    // escapes could hide a second shape from the search below.
    let brackets = text.bytes().filter(|b| matches!(b, b'(' | b'[' | b'{')).count();
    if brackets > MAX_BRACKETS || text.contains('\\') || text.matches("shape").count() != 1 {
        return Err(fault(text_at, "has a header that is not one of a plain array"));
    }
    let list = text
        .split_once("shape")
        .and_then(|(_, rest)| rest.split_once('('))
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(list, _)| list)
        .ok_or_else(|| fault(text_at, "has no shape"))?;
    let mut shape = Vec::new();
    let mut product = 1usize;
    for word in list.split(',').map(str::trim).filter(|w| !w.is_empty()) {
        let size: u32 =
            word.parse().map_err(|_| fault(text_at, "has a shape of other than numbers"))?;
        shape.push(size as usize);
        product = product.saturating_mul(size.max(1) as usize);
    }
    if shape.len() > MAX_DIMS || product > bytes.len() {
        return Err(fault(
            text_at,
            "declares more elements than it has bytes, or more than 8 dimensions",
        ));
    }
    Ok((text_at + len, shape))
}

fn numbers(name: &str, file: NpyFile<&[u8]>, start: usize) -> Result<Vec<f64>, DataError> {
    let broken = |e: std::io::Error| DataError::format(name, start as u64, e.to_string());
    let mut file = file;
    macro_rules! attempt {
        ($($kind:ty => $convert:expr),* $(,)?) => {$(
            match file.try_data::<$kind>() {
                Ok(data) => return data.map(|x| x.map($convert)).collect::<Result<_, _>>().map_err(broken),
                Err(back) => file = back,
            }
        )*};
    }
    attempt! {
        f64 => |x| x,
        f32 => f64::from,
        u8 => f64::from,
        i8 => f64::from,
        u16 => f64::from,
        i16 => f64::from,
        u32 => f64::from,
        i32 => f64::from,
        // Documented: 64-bit integers lose what a float cannot hold.
        u64 => |x| x as f64,
        i64 => |x| x as f64,
        bool => |x| f64::from(u8::from(x)),
    }
    Err(DataError::format(
        name,
        8,
        format!("elements of type {} are not read; save floats or integers", file.dtype().descr()),
    ))
}

/// Elements stored with the first dimension varying fastest, in row-major order.
fn row_major(shape: &[usize], stored: &[f64]) -> Vec<f64> {
    let mut index = vec![0usize; shape.len()];
    let mut values = Vec::with_capacity(stored.len());
    for _ in 0..stored.len() {
        let at = index.iter().zip(shape).rev().fold(0, |at, (i, n)| at * n + i);
        values.push(stored[at]);
        for d in (0..shape.len()).rev() {
            index[d] += 1;
            if index[d] < shape[d] {
                break;
            }
            index[d] = 0;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use npyz::WriterBuilder;
    use proptest::prelude::*;

    fn written<T: npyz::AutoSerialize + Copy>(
        shape: &[u64],
        order: Order,
        values: &[T],
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = npyz::WriteOptions::<T>::new()
            .default_dtype()
            .shape(shape)
            .order(order)
            .writer(&mut bytes)
            .begin_nd()
            .unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn with_header(header: &str, body: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn floats_integers_and_booleans_are_read_with_their_shape() {
        let want = NpyArray { shape: vec![2, 3], values: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0] };
        let f: Vec<f64> = want.values.clone();
        let g: Vec<f32> = f.iter().map(|&x| x as f32).collect();
        let i: Vec<i32> = f.iter().map(|&x| x as i32).collect();
        assert_eq!(parse_npy("a", &written(&[2, 3], Order::C, &f)).unwrap(), want);
        assert_eq!(parse_npy("a", &written(&[2, 3], Order::C, &g)).unwrap(), want);
        assert_eq!(parse_npy("a", &written(&[2, 3], Order::C, &i)).unwrap(), want);
        let flags = parse_npy("a", &written(&[2], Order::C, &[true, false])).unwrap();
        assert_eq!(flags.values, [1.0, 0.0]);
        assert_eq!(
            parse_npy("a", &written::<f64>(&[], Order::C, &[7.0])).unwrap().shape,
            [0usize; 0]
        );
    }

    #[test]
    fn column_major_files_are_turned() {
        let stored = [0.0, 3.0, 1.0, 4.0, 2.0, 5.0];
        let array = parse_npy("a", &written(&[2, 3], Order::Fortran, &stored)).unwrap();
        assert_eq!(array.values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn headers_that_lie_are_refused() {
        let head = |shape: &str| {
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n")
        };
        let cases = [
            (head("(4294967295, 4294967295, 4294967295,)"), "more elements"),
            (head("(99999999999999999999,)"), "other than numbers"),
            (head("(2,)"), "needs 2 x 8"),
            (head("((((((((((2,))))))))))"), "not one of a plain array"),
            (
                "{'descr': '<f8', 'shape': (1,), 'shape': (2,), }".to_owned(),
                "not one of a plain array",
            ),
            ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".to_owned(), "not numbers"),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }".to_owned(), "not"),
        ];
        for (header, want) in cases {
            let error = parse_npy("w.npy", &with_header(&header, &[0; 8])).unwrap_err().to_string();
            assert!(error.starts_with("w.npy: ") && error.contains(want), "{header} -> {error}");
        }
    }

    proptest! {
        #[test]
        fn damaged_files_are_refused_or_read_but_never_panic(
            flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            keep in any::<prop::sample::Index>(),
            truncate in any::<bool>(),
        ) {
            let mut bytes = written(&[3, 2], Order::C, &[1.0f64; 6]);
            for (at, value) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= value;
            }
            if truncate { bytes.truncate(keep.index(bytes.len())); }
            if let Ok(array) = parse_npy("x", &bytes) {
                prop_assert_eq!(array.values.len(), array.shape.iter().product::<usize>());
            }
        }
    }
}
