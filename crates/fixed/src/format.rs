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
        power_of_two(-i16::from(self.frac))
    }
    /// The real value of a raw integer; exact for every 32-bit raw.
    pub fn to_f64(self, raw: i64) -> f64 {
        raw as f64 * self.lsb()
    }
    /// The nearest raw integer (half away from zero), saturated to the format.
    pub fn quantise(self, value: f64) -> i64 {
        let RawRange { lo, hi } = self.raw_range();
        // `as` saturates and maps NaN to 0; callers reject non-finite values (I13).
        let raw = (value * power_of_two(self.frac.into())).round() as i64;
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

/// The power of two, whose bits are its exponent; a function of the system's library would take
/// most of the time in which a large model is quantised. The exponent is that of a normal number.
const fn power_of_two(exponent: i16) -> f64 {
    f64::from_bits(((1023 + exponent as i64) as u64) << 52)
}

impl fmt::Display for QFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}.{}", if self.signed { "s" } else { "u" }, self.bits, self.frac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two ends of either sign and any size that a model could name.
    fn ends() -> impl Strategy<Value = (f64, f64)> {
        let end = (-1.0f64..1.0, -20i32..20).prop_map(|(m, e)| m * f64::from(e).exp2());
        (end.clone(), end).prop_map(|(a, b)| (a.min(b), a.max(b)))
    }

    proptest! {
        #[test]
        fn the_chosen_format_holds_both_ends_to_half_a_last_place(
            (lo, hi) in ends(),
            bits in 2u8..=32,
            signed: bool,
        ) {
            let Some(q) = QFormat::for_range(bits, signed, lo, hi, 24) else {
                // Only a negative in an unsigned format has none at these sizes.
                prop_assert!(!signed && lo < 0.0);
                return Ok(());
            };
            prop_assert_eq!((q.bits, q.signed), (bits, signed));
            for end in [lo, hi] {
                let held = q.to_f64(q.quantise(end));
                prop_assert!((held - end).abs() <= 0.5 * q.lsb(), "{end} becomes {held} in {q}");
            }
        }

        #[test]
        fn one_fraction_bit_more_would_not_hold_the_range(
            (lo, hi) in ends(),
            bits in 2u8..=32,
            signed: bool,
        ) {
            let Some(q) = QFormat::for_range(bits, signed, lo, hi, 24) else { return Ok(()) };
            prop_assert!(q.frac <= 24);
            if q.frac < 24 {
                let finer = QFormat { frac: q.frac + 1, ..q };
                let (a, b) = finer.range();
                let slack = 0.5 * finer.lsb();
                prop_assert!(lo < a - slack || hi > b + slack, "{finer} holds {lo} to {hi}");
            }
        }

        #[test]
        fn a_raw_value_survives_its_real_value(
            bits in 1u8..=32,
            frac in -32i8..=40,
            signed: bool,
            pick: u64,
        ) {
            let q = QFormat { bits, frac, signed };
            let RawRange { lo, hi } = q.raw_range();
            let raw = lo + (pick % (hi - lo + 1) as u64) as i64;
            prop_assert_eq!(q.quantise(q.to_f64(raw)), raw);
        }

        #[test]
        fn quantising_never_leaves_the_format_and_keeps_order(
            a in -1e30f64..1e30,
            b in -1e30f64..1e30,
            bits in 1u8..=32,
            frac in -32i8..=40,
            signed: bool,
        ) {
            let q = QFormat { bits, frac, signed };
            let RawRange { lo, hi } = q.raw_range();
            let (x, y) = (q.quantise(a.min(b)), q.quantise(a.max(b)));
            prop_assert!(lo <= x && x <= y && y <= hi);
        }
    }

    #[test]
    fn powers_of_two_are_those_of_the_library() {
        for exponent in -128..=128i16 {
            assert_eq!(power_of_two(exponent), f64::from(exponent).exp2());
        }
    }

    #[test]
    fn a_signed_format_reaches_one_further_down_than_up() {
        let q = QFormat::signed(9, 8);
        assert_eq!(q.range(), (-1.0, 255.0 / 256.0));
        assert_eq!(QFormat::unsigned(7, 0).range(), (0.0, 127.0));
        // -1 to 1 needs the place above, -1 to 0.998 does not.
        assert_eq!(QFormat::for_range(9, true, -1.0, 1.0, 24), Some(QFormat::signed(9, 7)));
        assert_eq!(QFormat::for_range(9, true, -1.0, 0.998, 24), Some(q));
        assert_eq!(QFormat::for_range(9, false, -1.0, 1.0, 24), None);
        // A range of nothing takes as many fraction bits as are allowed.
        assert_eq!(QFormat::for_range(8, false, 0.0, 0.0, 24), Some(QFormat::unsigned(8, 24)));
        assert_eq!(QFormat::for_range(8, true, 0.0, 1e15, 24), None);
        assert_eq!(q.to_string(), "s9.8");
    }
}
