//! Operand types: what may stand in a field of a word, and how it is written.
//!
//! A value of an operand type is always legal, so an [`Inst`](crate::Inst) can always be encoded.

use std::fmt;
pub use trifactor_fixed::Rounding;

/// An operand as a field of a word.
pub(crate) trait Bits: Sized {
    /// The operand of a code, or `None` for a code without a meaning.
    fn from_bits(bits: u32) -> Option<Self>;
    /// Its code; fits the width of the field.
    fn to_bits(self) -> u32;
}

/// An operand as text.
pub(crate) trait Text: Sized {
    /// What the assembler says it expected.
    const EXPECTED: &'static str;
    /// Reads the text between two commas, without white space around it.
    fn parse(text: &str) -> Option<Self>;
    /// Writes what [`parse`](Self::parse) reads.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Declares an operand that is a number from 0 to a largest one, written after a prefix.
macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident, $max:literal, $prefix:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(u8);

        impl $name {
            /// The largest legal number.
            pub const MAX: u8 = $max;

            /// The operand, or `None` above [`MAX`](Self::MAX).
            pub const fn new(number: u8) -> Option<Self> {
                if number <= $max { Some(Self(number)) } else { None }
            }
            /// The operand.
            ///
            /// Panics above [`MAX`](Self::MAX): for callers that have checked the number.
            pub const fn at(number: u8) -> Self {
                match Self::new(number) {
                    Some(operand) => operand,
                    None => panic!(concat!("internal: an operand must be ", $expected)),
                }
            }
            /// The number.
            pub const fn get(self) -> u8 {
                self.0
            }
            /// The number as an index.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl $crate::operand::Bits for $name {
            fn from_bits(bits: u32) -> Option<Self> {
                u8::try_from(bits).ok().and_then(Self::new)
            }
            fn to_bits(self) -> u32 {
                self.0.into()
            }
        }

        impl $crate::operand::Text for $name {
            const EXPECTED: &'static str = $expected;
            fn parse(text: &str) -> Option<Self> {
                $crate::operand::number_after($prefix, text).and_then(Self::new)
            }
            fn write(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::operand::Text::write(self, f)
            }
        }
    };
}
pub(crate) use bounded;

/// When in the epoch a trace is read. Source: S40.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum When {
    /// In the last step of the epoch.
    End,
    /// In the step of the pre lane's last spike.
    X0,
    /// In the step of the post lane's last spike.
    Y0,
}

impl When {
    /// The text after `at`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::X0 => "x0",
            Self::Y0 => "y0",
        }
    }
}

impl Bits for When {
    fn from_bits(bits: u32) -> Option<Self> {
        [Self::End, Self::X0, Self::Y0].get(bits as usize).copied()
    }
    fn to_bits(self) -> u32 {
        self as u32
    }
}

impl Text for When {
    const EXPECTED: &'static str = "a time, `at end`, `at x0` or `at y0`";
    fn parse(text: &str) -> Option<Self> {
        let name = after_word("at", text)?;
        [Self::End, Self::X0, Self::Y0].into_iter().find(|w| w.name() == name)
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}", self.name())
    }
}

impl Bits for Rounding {
    fn from_bits(bits: u32) -> Option<Self> {
        u8::try_from(bits).ok().filter(|code| *code < 4).map(Self::from_code)
    }
    fn to_bits(self) -> u32 {
        self.code().into()
    }
}

impl Text for Rounding {
    const EXPECTED: &'static str = "a rounding, `floor`, `zero`, `nearest` or `stochastic`";
    fn parse(text: &str) -> Option<Self> {
        (0..4).map(Self::from_code).find(|r| rounding_name(*r) == text)
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(rounding_name(*self))
    }
}

impl Bits for i16 {
    fn from_bits(bits: u32) -> Option<Self> {
        u16::try_from(bits).ok().map(u16::cast_signed)
    }
    fn to_bits(self) -> u32 {
        self.cast_unsigned().into()
    }
}

impl Text for i16 {
    const EXPECTED: &'static str = "a number, -32768 to 32767";
    fn parse(text: &str) -> Option<Self> {
        // `FromStr` also takes a plus sign, which the text form does not have.
        if text.starts_with('+') { None } else { text.parse().ok() }
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Bits for bool {
    fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
    fn to_bits(self) -> u32 {
        self.into()
    }
}

const fn rounding_name(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Floor => "floor",
        Rounding::Zero => "zero",
        Rounding::Nearest => "nearest",
        Rounding::Stochastic => "stochastic",
    }
}

/// The decimal number after a prefix; a prefix that ends with a space is a separate word.
pub(crate) fn number_after(prefix: &str, text: &str) -> Option<u8> {
    let digits = match prefix.strip_suffix(' ') {
        Some(word) => after_word(word, text)?,
        None => text.strip_prefix(prefix)?,
    };
    // `FromStr` would also take a plus sign.
    if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// What follows a word and the white space after it.
fn after_word<'a>(word: &str, text: &'a str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    let trimmed = rest.trim_start();
    (trimmed.len() < rest.len()).then_some(trimmed)
}
