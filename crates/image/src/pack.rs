//! Synapse lists as words of synapse memory.
//!
//! The layout is that of [`Format`]: blocks of at most [`BLOCK_SYNAPSES`] synapses, each behind a
//! header of 4 bits of format number and 6 bits of count, bits filled from the least significant
//! up, each block rounded up to whole 64-bit words. This module knows no cores and no files.

use crate::{Field, Format};

/// Most synapses behind one header.
pub(crate) const BLOCK_SYNAPSES: usize = 63;
/// Bits of a header: the format's number, then the count.
pub(crate) const HEADER_BITS: u32 = NUMBER_BITS + COUNT_BITS;
/// Most fields of a format.
pub(crate) const MAX_FIELDS: usize = 8;
/// Widest field, and widest index.
pub(crate) const MAX_BITS: u8 = 16;
const NUMBER_BITS: u32 = 4;
const COUNT_BITS: u32 = 6;
const WORD_BITS: u32 = u64::BITS;

/// The synapses of one input axon, unpacked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SynapseList {
    /// Target of each synapse, relative to the group's `first_target`.
    pub index: Vec<u32>,
    /// Raw values. Shape: `[field][synapse]`.
    pub fields: Vec<Vec<i32>>,
}

/// Why a list cannot be packed, or words are not a list.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PackError {
    /// The format is not one that synapse memory can hold.
    #[error("format {number}: {what}")]
    Format {
        /// Number of the format.
        number: u8,
        /// The value and the limit.
        what: String,
    },
    /// The columns of a list differ in length or number.
    #[error("a list of {n_synapses} synapses and {n_fields} fields has {found}")]
    Shape {
        /// Length of `index`.
        n_synapses: usize,
        /// Number of fields of the format.
        n_fields: usize,
        /// What the list has instead.
        found: String,
    },
    /// A target index does not fit the index bits.
    #[error("synapse {synapse}: index {index} does not fit {bits} bits")]
    Index {
        /// Position in the list.
        synapse: usize,
        /// The index.
        index: u32,
        /// Width of the index.
        bits: u8,
    },
    /// A dense list skips a target.
    #[error("synapse {synapse} of a dense list has index {index}; it must be {synapse}")]
    NotDense {
        /// Position in the list.
        synapse: usize,
        /// The index.
        index: u32,
    },
    /// A value does not fit its field.
    #[error("synapse {synapse}: {value} does not fit field {field}, which holds {lo} to {hi}")]
    Value {
        /// Position in the list.
        synapse: usize,
        /// Field of the format.
        field: usize,
        /// The value.
        value: i32,
        /// Smallest value that fits.
        lo: i32,
        /// Largest value that fits.
        hi: i32,
    },
    /// A list reaches beyond the words given.
    #[error("a list of {n_synapses} synapses at word {first_word} ends behind word {n_words}")]
    Bounds {
        /// First word of the list.
        first_word: u32,
        /// Number of synapses.
        n_synapses: u32,
        /// Number of words there are.
        n_words: usize,
    },
    /// A block's header is not the one that the list must have there.
    #[error(
        "word {word}: the header says format {format}, {count} synapses; \
         expected format {expected_format}, {expected_count} synapses"
    )]
    Header {
        /// Word of the header.
        word: usize,
        /// Format number in the header.
        format: u8,
        /// Count in the header.
        count: usize,
        /// Format number of the group.
        expected_format: u8,
        /// Count that the list needs here.
        expected_count: usize,
    },
    /// Bits behind the last synapse of a block are set.
    #[error("word {word}: bits behind the last synapse of the block are not 0")]
    Padding {
        /// Word that holds them.
        word: usize,
    },
}

impl Field {
    /// The raw values the field can hold, both ends included; the width must be 1 to 16.
    pub(crate) fn raw_range(self) -> (i32, i32) {
        let span = 1i32 << self.bits.clamp(1, MAX_BITS);
        if self.signed { (-span / 2, span / 2 - 1) } else { (0, span - 1) }
    }
}

/// Number of words that a list of `n` synapses takes.
///
/// ```
/// use trifactor_image::{Field, Format, words_for};
/// let format = Format { index_bits: 0, fields: vec![Field { bits: 8, signed: true }] };
/// assert_eq!(words_for(63, &format), 9); // 10 + 63 * 8 = 514 bits
/// assert_eq!(words_for(64, &format), 10);
/// ```
pub fn words_for(n: usize, format: &Format) -> usize {
    let blocks = n / BLOCK_SYNAPSES;
    let rest = match n % BLOCK_SYNAPSES {
        0 => 0,
        n => block_words(n, format),
    };
    blocks * block_words(BLOCK_SYNAPSES, format) + rest
}

/// Appends a list to synapse memory.
///
/// `format_number` is the format's position in the core's table. Errors: the list does not have
/// the format's shape, or an index or value does not fit; `out` is then as before.
///
/// ```
/// use trifactor_image::{Field, Format, SynapseList, pack_row, unpack_row};
/// let format = Format { index_bits: 6, fields: vec![Field { bits: 9, signed: true }] };
/// let list = SynapseList { index: vec![3, 17], fields: vec![vec![-256, 255]] };
/// let mut memory = Vec::new();
/// pack_row(&list, &format, 0, &mut memory).unwrap();
/// assert_eq!(unpack_row(&memory, 0, 2, &format, 0).unwrap(), list);
/// ```
pub fn pack_row(
    list: &SynapseList,
    format: &Format,
    format_number: u8,
    out: &mut Vec<u64>,
) -> Result<(), PackError> {
    check_format(format, format_number)?;
    check_shape(list, format)?;
    check_values(list, format)?;
    let n = list.index.len();
    out.reserve(words_for(n, format));
    for start in (0..n).step_by(BLOCK_SYNAPSES) {
        let end = n.min(start + BLOCK_SYNAPSES);
        let mut bits = BitWriter { out, word: 0, used: 0 };
        bits.put(format_number.into(), NUMBER_BITS);
        // A block holds at most 63 synapses, so the count always fits.
        bits.put((end - start) as u64, COUNT_BITS);
        for k in start..end {
            bits.put(list.index[k].into(), dense_width(format));
            for (field, values) in format.fields.iter().zip(&list.fields) {
                bits.put(i64::from(values[k]).cast_unsigned(), field.bits.into());
            }
        }
        bits.finish();
    }
    Ok(())
}

/// Reads a list back from synapse memory.
///
/// Errors: the list does not lie inside `words`, a header is not that of this list, or bits that
/// belong to nothing are set. Nothing is allocated before the list is known to lie inside.
pub fn unpack_row(
    words: &[u64],
    first_word: u32,
    n_synapses: u32,
    format: &Format,
    format_number: u8,
) -> Result<SynapseList, PackError> {
    check_format(format, format_number)?;
    let bounds = PackError::Bounds { first_word, n_synapses, n_words: words.len() };
    let (first, n) = (first_word as usize, n_synapses as usize);
    let end = first.checked_add(words_for(n, format));
    if end.is_none_or(|end| end > words.len()) {
        return Err(bounds);
    }
    let mut list = SynapseList {
        index: Vec::with_capacity(n),
        fields: vec![Vec::with_capacity(n); format.fields.len()],
    };
    let mut word = first;
    for start in (0..n).step_by(BLOCK_SYNAPSES) {
        let count = (n - start).min(BLOCK_SYNAPSES);
        let block = &words[word..word + block_words(count, format)];
        let mut bits = BitReader { words: block, position: 0 };
        unpack_block(&mut bits, word, start, count, format, format_number, &mut list)?;
        word += block.len();
    }
    Ok(list)
}

fn unpack_block(
    bits: &mut BitReader<'_>,
    word: usize,
    start: usize,
    count: usize,
    format: &Format,
    format_number: u8,
    list: &mut SynapseList,
) -> Result<(), PackError> {
    let found_number = bits.take(NUMBER_BITS) as u8;
    let found_count = bits.take(COUNT_BITS) as usize;
    if (found_number, found_count) != (format_number, count) {
        return Err(PackError::Header {
            word,
            format: found_number,
            count: found_count,
            expected_format: format_number,
            expected_count: count,
        });
    }
    for k in start..start + count {
        list.index.push(match format.index_bits {
            // A list is bounded by 32-bit counts.
            0 => k as u32,
            width => bits.take(width.into()) as u32,
        });
        for (field, values) in format.fields.iter().zip(&mut list.fields) {
            let raw = bits.take(field.bits.into()) as i32;
            let unused = 32 - u32::from(field.bits);
            values.push(if field.signed { (raw << unused) >> unused } else { raw });
        }
    }
    if bits.rest() != 0 {
        return Err(PackError::Padding { word: word + bits.words.len() - 1 });
    }
    Ok(())
}

/// Refuses a format that the words cannot express.
pub(crate) fn check_format(format: &Format, number: u8) -> Result<(), PackError> {
    let refuse = |what: String| Err(PackError::Format { number, what });
    if number >= 1 << NUMBER_BITS {
        return refuse(format!("a header has {NUMBER_BITS} bits for this number"));
    }
    if format.index_bits > MAX_BITS {
        return refuse(format!("{} index bits are more than {MAX_BITS}", format.index_bits));
    }
    if !(1..=MAX_FIELDS).contains(&format.fields.len()) {
        return refuse(format!("{} fields; 1 to {MAX_FIELDS} fit", format.fields.len()));
    }
    if let Some(k) = format.fields.iter().position(|f| !(1..=MAX_BITS).contains(&f.bits)) {
        let bits = format.fields[k].bits;
        return refuse(format!("field {k} has {bits} bits; 1 to {MAX_BITS} fit"));
    }
    Ok(())
}

fn check_shape(list: &SynapseList, format: &Format) -> Result<(), PackError> {
    let (n_synapses, n_fields) = (list.index.len(), format.fields.len());
    let refuse = |found: String| Err(PackError::Shape { n_synapses, n_fields, found });
    if list.fields.len() != n_fields {
        return refuse(format!("{} columns of values", list.fields.len()));
    }
    match list.fields.iter().find(|values| values.len() != n_synapses) {
        Some(values) => refuse(format!("a column of {} values", values.len())),
        None => Ok(()),
    }
}

fn check_values(list: &SynapseList, format: &Format) -> Result<(), PackError> {
    for (synapse, &index) in list.index.iter().enumerate() {
        let bits = format.index_bits;
        if bits == 0 && index as usize != synapse {
            return Err(PackError::NotDense { synapse, index });
        }
        if bits != 0 && index >> bits != 0 {
            return Err(PackError::Index { synapse, index, bits });
        }
    }
    for (field, (layout, values)) in format.fields.iter().zip(&list.fields).enumerate() {
        let (lo, hi) = layout.raw_range();
        let outside = |value: &i32| !(lo..=hi).contains(value);
        if let Some(synapse) = values.iter().position(outside) {
            return Err(PackError::Value { synapse, field, value: values[synapse], lo, hi });
        }
    }
    Ok(())
}

fn dense_width(format: &Format) -> u32 {
    format.index_bits.into()
}

fn block_words(n: usize, format: &Format) -> usize {
    let fields: usize = format.fields.iter().map(|f| usize::from(f.bits)).sum();
    let bits = HEADER_BITS as usize + n * (usize::from(format.index_bits) + fields);
    bits.div_ceil(WORD_BITS as usize)
}

struct BitWriter<'a> {
    out: &'a mut Vec<u64>,
    word: u64,
    used: u32,
}

impl BitWriter<'_> {
    /// Appends the low `width` bits; at most 16 at a time, so `used` stays below 64 + 16.
    fn put(&mut self, value: u64, width: u32) {
        if width == 0 {
            return;
        }
        let value = value & ((1 << width) - 1);
        self.word |= value << self.used;
        self.used += width;
        if self.used >= WORD_BITS {
            self.out.push(self.word);
            self.used -= WORD_BITS;
            // What did not fit; 0 where the word was filled exactly.
            self.word = value >> (width - self.used);
        }
    }
    fn finish(self) {
        if self.used > 0 {
            self.out.push(self.word);
        }
    }
}

struct BitReader<'a> {
    words: &'a [u64],
    position: usize,
}

impl BitReader<'_> {
    /// The next `width` bits, 1 to 16.
    fn take(&mut self, width: u32) -> u64 {
        let (word, bit) = (self.position / 64, (self.position % 64) as u32);
        let mut value = self.words[word] >> bit;
        if bit + width > WORD_BITS {
            value |= self.words[word + 1] << (WORD_BITS - bit);
        }
        self.position += width as usize;
        value & ((1 << width) - 1)
    }
    /// What is left of the last word; a block never leaves a whole word.
    fn rest(&self) -> u64 {
        self.words.get(self.position / 64).map_or(0, |word| word >> (self.position % 64))
    }
}

#[cfg(test)]
mod tests;
