//! Where the binary point of an integer is, and how many bits a store keeps.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A fixed-point format: `value = raw / 2^frac`, stored in `bits` bits.
///
/// `bits` counts the sign. A negative `frac` means that the last bit is worth more than one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QFormat {
    /// Total stored bits, the sign included; 1 to 32.
    pub bits: u8,
    /// Fraction bits; the last bit is worth `2^-frac`.
    pub frac: i8,
    /// Two's complement if true, else unsigned.
    pub signed: bool,
}

/// The raw integers a store can hold, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawRange {
    /// Smallest raw value.
    pub lo: i64,
    /// Largest raw value.
    pub hi: i64,
}

impl QFormat {
    /// A signed format.
    pub const fn signed(bits: u8, frac: i8) -> Self {
        Self { bits, frac, signed: true }
    }
    /// An unsigned format.
    pub const fn unsigned(bits: u8, frac: i8) -> Self {
        Self { bits, frac, signed: false }
    }
    /// The raw values this format can hold.
    pub const fn raw_range(self) -> RawRange {
        if self.signed {
            RawRange { lo: -(1 << (self.bits - 1)), hi: (1 << (self.bits - 1)) - 1 }
        } else {
            RawRange { lo: 0, hi: (1 << self.bits) - 1 }
        }
    }
    /// The value of one unit in the last place.
    pub fn lsb(self) -> f64 {
        (-f64::from(self.frac)).exp2()
    }
    /// The real value of a raw integer; exact for every 32-bit raw.
    pub fn to_f64(self, raw: i64) -> f64 {
        raw as f64 * self.lsb()
    }
    /// The nearest raw integer (half away from zero), saturated to the format.
    pub fn quantise(self, value: f64) -> i64 {
        let RawRange { lo, hi } = self.raw_range();
        // `as` saturates and maps NaN to 0; callers reject non-finite values (I13).
        let raw = (value * f64::from(self.frac).exp2()).round() as i64;
        raw.clamp(lo, hi)
    }
    /// Smallest and largest real value.
    pub fn range(self) -> (f64, f64) {
        let RawRange { lo, hi } = self.raw_range();
        (self.to_f64(lo), self.to_f64(hi))
    }
    /// The format of `bits` bits with the most fraction bits that still holds `[lo, hi]`.
    ///
    /// `max_frac` bounds the search where the range is tiny or zero. Returns `None` where even
    /// `frac = -32` does not hold the range, or an unsigned format is asked to hold a negative.
    pub fn for_range(bits: u8, signed: bool, lo: f64, hi: f64, max_frac: i8) -> Option<Self> {
        if !signed && lo < 0.0 {
            return None;
        }
        (-32..=max_frac).rev().map(|frac| Self { bits, frac, signed }).find(|q| {
            let (qlo, qhi) = q.range();
            // Half a unit of slack: a limit that rounds to the last code still fits.
            lo >= qlo - 0.5 * q.lsb() && hi <= qhi + 0.5 * q.lsb()
        })
    }
}

impl fmt::Display for QFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}.{}", if self.signed { "s" } else { "u" }, self.bits, self.frac)
    }
}
