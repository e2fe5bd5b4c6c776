//! Inputs one or more slips away from good ones.
//!
//! Random bytes are refused by the first line of a reader. A mutant is a good file of the
//! repository after a few edits: bytes change, numbers become extreme, words are exchanged for
//! other words of the same kind of file, pieces vanish, repeat or move to another file.

use bolero::TypeGenerator;
use bolero::generator::bolero_generator::driver::{Options, Rng};
use rand_xoshiro::Xoroshiro128PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// A seed and what happens to it. Everything is taken modulo what there is, so that any values
/// have a meaning.
#[derive(Clone, Debug, TypeGenerator)]
pub struct Mutant {
    seed: u16,
    #[generator(bolero::produce_with::<Vec<Edit>>().len(1usize..4))]
    edits: Vec<Edit>,
}

/// One slip.
#[derive(Clone, Debug, TypeGenerator)]
enum Edit {
    /// A bit is turned over.
    Bit { at: u32, bit: u8 },
    /// A byte becomes another one.
    Byte { at: u32, value: u8 },
    /// A digit in the text becomes another one.
    Digit { which: u16, value: u8 },
    /// A number in the text becomes an extreme one.
    Number { which: u16, choice: u8 },
    /// A word in the text becomes another word of the seeds.
    Word { which: u16, other: u32 },
    /// A line of the text vanishes.
    Line { which: u16 },
    /// A piece changes as a whole.
    Piece { at: u32, length: u8, change: Change },
}

/// What becomes of a piece.
#[derive(Clone, Debug, TypeGenerator)]
enum Change {
    /// It vanishes.
    Cut,
    /// It appears twice.
    Repeat,
    /// It is the last one.
    End,
    /// A piece of another seed, as long, stands before it.
    Graft { seed: u16, from: u32 },
}

/// Numbers that break what was not thought of.
const NUMBERS: [&str; 24] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "0.5",
    "-0.0",
    "1e-300",
    "1e300",
    "-1e300",
    "inf",
    "-inf",
    "NaN",
    "127",
    "128",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "1e-9",
];

impl Mutant {
    /// A mutant that is the same whenever it has this seed and number, so that a run of the tests
    /// is every run of the tests.
    pub fn numbered(seed: u64, number: u64) -> Self {
        let rng = Xoroshiro128PlusPlus::seed_from_u64((seed << 40) ^ number);
        let mut driver = Rng::new(rng, &Options::default());
        Self::generate(&mut driver).expect("a few edits need few random bytes")
    }

    /// The bytes, made from these seeds.
    pub fn bytes(&self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[usize::from(self.seed) % seeds.len()].clone();
        for edit in &self.edits {
            edit.apply(&mut bytes, seeds);
        }
        bytes
    }
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        if bytes.is_empty() {
            return;
        }
        let length_now = bytes.len();
        let place = |at: u32| at as usize % length_now;
        match *self {
            Self::Bit { at, bit } => bytes[place(at)] ^= 1 << (bit % 8),
            Self::Byte { at, value } => bytes[place(at)] = value,
            Self::Digit { which, value } => {
                let digits: Vec<usize> =
                    (0..bytes.len()).filter(|k| bytes[*k].is_ascii_digit()).collect();
                if !digits.is_empty() {
                    bytes[digits[usize::from(which) % digits.len()]] = b'0' + value % 10;
                }
            }
            Self::Number { which, choice } => {
                let numbers = runs(bytes, |b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
                let text = NUMBERS[usize::from(choice) % NUMBERS.len()];
                exchange(bytes, &numbers, which.into(), text.as_bytes());
            }
            Self::Word { which, other } => {
                let words = runs(bytes, is_word);
                let donor = &seeds[other as usize % seeds.len()];
                let theirs = runs(donor, is_word);
                if let Some((from, to)) = nth(&theirs, other as usize / seeds.len()) {
                    exchange(bytes, &words, which.into(), &donor[from..to]);
                }
            }
            Self::Line { which } => {
                let lines = runs(bytes, |b| b != b'\n');
                exchange(bytes, &lines, which.into(), b"");
            }
            Self::Piece { at, length, ref change } => {
                let at = place(at);
                let end = (at + usize::from(length)).min(bytes.len());
                match *change {
                    Change::Cut => drop(bytes.drain(at..end)),
                    Change::Repeat => {
                        let piece = bytes[at..end].to_vec();
                        bytes.splice(at..at, piece);
                    }
                    Change::End => bytes.truncate(end),
                    Change::Graft { seed, from } => {
                        let donor = &seeds[usize::from(seed) % seeds.len()];
                        let from = from as usize % donor.len().max(1);
                        let to = (from + usize::from(length)).min(donor.len());
                        bytes.splice(at..at, donor[from..to].iter().copied());
                    }
                }
            }
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the longest runs of such bytes begin and end.
fn runs(bytes: &[u8], of: impl Fn(u8) -> bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = None;
    for (k, b) in bytes.iter().chain(&[0u8][..]).enumerate() {
        match (start, k < bytes.len() && of(*b)) {
            (None, true) => start = Some(k),
            (Some(from), false) => {
                found.push((from, k));
                start = None;
            }
            _ => {}
        }
    }
    found
}

fn nth(places: &[(usize, usize)], which: usize) -> Option<(usize, usize)> {
    (!places.is_empty()).then(|| places[which % places.len()])
}

fn exchange(bytes: &mut Vec<u8>, places: &[(usize, usize)], which: usize, by: &[u8]) {
    if let Some((from, to)) = nth(places, which) {
        bytes.splice(from..to, by.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_do_what_they_say() {
        let seeds = vec![b"n: 20, name: \"a\"\nb".to_vec(), b"other".to_vec()];
        let apply = |edit: Edit| {
            let mutant = Mutant { seed: 0, edits: vec![edit] };
            String::from_utf8(mutant.bytes(&seeds)).expect("it stays text")
        };
        assert_eq!(apply(Edit::Number { which: 0, choice: 13 }), "n: NaN, name: \"a\"\nb");
        assert_eq!(apply(Edit::Word { which: 2, other: 1 }), "n: 20, other: \"a\"\nb");
        assert_eq!(apply(Edit::Line { which: 0 }), "\nb");
        assert_eq!(apply(Edit::Bit { at: 0, bit: 8 }), "o: 20, name: \"a\"\nb");
        assert_eq!(apply(Edit::Digit { which: 3, value: 15 }), "n: 25, name: \"a\"\nb");
        let piece = |at, length, change| apply(Edit::Piece { at, length, change });
        assert_eq!(piece(0, 3, Change::Cut), "20, name: \"a\"\nb");
        assert_eq!(piece(3, 2, Change::Repeat), "n: 2020, name: \"a\"\nb");
        assert_eq!(piece(3, 2, Change::End), "n: 20");
        assert_eq!(piece(0, 9, Change::Graft { seed: 1, from: 0 }), "othern: 20, name: \"a\"\nb");
    }
}
