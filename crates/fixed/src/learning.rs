//! The choices of published learning engines, as data: traces, products and stores.
//!
//! Traces of these models are whole numbers that decay by a real factor in double precision, so
//! the decay is one here too; everything behind it is integers.

use crate::arithmetic::WeightSign;
use crate::format::RawRange;
use crate::round::{Rounding, clamp_raw, round_shift};
use serde::{Deserialize, Serialize};

/// The factor by which a trace decays.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TraceLaw {
    /// `exp(-n / tau)` over n steps.
    Exponential,
    /// `1 - 1 / tau` over a step.
    Linear,
}

impl TraceLaw {
    /// The factor over `steps` steps; a time constant of 0 keeps nothing.
    pub fn keep(self, tau: f64, steps: f64) -> f64 {
        match self {
            _ if tau == 0.0 => 0.0,
            Self::Exponential => (-steps / tau).exp(),
            Self::Linear => 1.0 - steps / tau,
        }
    }
}

/// What becomes of the spikes of a lane before its last one in an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum EarlySpikes {
    /// Each acts in its own step (S34).
    OwnStep,
    /// They are added to the value at the start of the epoch as soon as the next one comes.
    EpochStart,
    /// Only one spike of an epoch counts.
    Dropped,
}

/// When a random decision about a value is made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Decision {
    /// From the fraction that is rounded.
    Fresh,
    /// From the fraction the value had before the impulses of its step, and for a weight from
    /// the change it would have without a spike.
    Stale,
}

/// The trace unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceArithmetic {
    /// How it decays.
    pub law: TraceLaw,
    /// Largest value.
    pub max: u8,
    /// Bits of an impulse's fraction.
    pub fraction_bits: u8,
    /// Bits of the draw that the fraction is compared with; 0: the fraction is added and rounded
    /// together with the decay.
    pub draw_bits: u8,
    /// Whether spikes of the pre side before the last one of an epoch are rounded up always.
    pub early_pre_up: bool,
    /// Spikes before the last one of an epoch.
    pub early: EarlySpikes,
    /// When the rounding of the decay is decided.
    pub decision: Decision,
}

impl TraceArithmetic {
    /// The whole part of a decayed value, and what is left.
    pub fn decay(&self, value: i64, keep: f64) -> (i64, f64) {
        let exact = keep * value as f64;
        (exact.floor() as i64, exact - exact.floor())
    }

    /// A value after a decay, rounded up if the draw is below the fraction.
    pub fn decayed(&self, value: i64, keep: f64, draw: u32) -> i64 {
        let (whole, rest) = self.decay(value, keep);
        whole + i64::from(unit(draw) < rest)
    }

    /// A value after an impulse, whose fraction is compared with the draw's highest bits.
    pub fn kicked(&self, value: i64, impulse: f64, draw: u32) -> i64 {
        let whole = impulse.floor();
        let fraction = ((impulse - whole) * f64::from(1u32 << self.fraction_bits)).round() as i64;
        let drawn = if self.draw_bits == 0 { 0 } else { draw >> (32 - self.draw_bits) };
        self.held(value + whole as i64 + i64::from(i64::from(drawn) < fraction))
    }

    /// A value after a decay and an impulse, rounded together: up if the draw, a number from 0
    /// up to 1, is below the fraction.
    pub fn joined(&self, value: i64, keep: f64, impulse: f64, draw: f64) -> i64 {
        let scale = f64::from(1u32 << self.fraction_bits);
        let exact = keep * value as f64 + (impulse * scale).round() / scale;
        self.held(exact.floor() as i64 + i64::from(draw < exact - exact.floor()))
    }

    /// A value within the trace's range.
    pub fn held(&self, value: i64) -> i64 {
        clamp_raw(value, RawRange { lo: 0, hi: self.max.into() })
    }
}

/// A draw as a number from 0 up to 1.
pub fn unit(draw: u32) -> f64 {
    f64::from(draw) / 4_294_967_296.0
}

/// The draw that stands for a number from 0 up to 1.
pub fn from_unit(x: f64) -> u32 {
    (x * 4_294_967_296.0) as u32
}

/// The sum of products that changes a variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductArithmetic {
    /// Fraction bits of the accumulator.
    pub fraction: u8,
    /// A product is shifted to the right by its factors' widths and `mantissa_bits`, less
    /// `product_bits`, if that is more than 0; nothing undoes it.
    pub mantissa_bits: u8,
    /// See `mantissa_bits`.
    pub product_bits: u8,
    /// Whether that shift and the one by the exponent are one, which loses nothing where the
    /// exponent makes up for the shift.
    pub one_shift: bool,
    /// Range of a product and of the accumulator.
    pub range: (i32, i32),
}

impl ProductArithmetic {
    /// The right shift of a product whose factors have so many bits in all.
    pub const fn shift(&self, widths: u32) -> u32 {
        (widths + self.mantissa_bits as u32).saturating_sub(self.product_bits as u32)
    }

    /// Adds `mantissa * 2^exponent * factors` to an accumulator. A factor is a value with its
    /// width, to which it saturates; products wrap to 32 bits.
    pub fn add(
        &self,
        accumulator: i64,
        factors: &[(i64, u32)],
        mantissa: i64,
        exponent: i32,
    ) -> i64 {
        let (mut product, mut widths) = (1i32, 0);
        for (value, width) in factors {
            let top = 1i64 << width;
            let held = clamp_raw(*value, RawRange { lo: -top, hi: top - 1 });
            product = product.wrapping_mul(held as i32);
            widths += width;
        }
        let product = i64::from(product.wrapping_mul(mantissa as i32));
        let range = RawRange { lo: self.range.0.into(), hi: self.range.1.into() };
        let places = exponent + i32::from(self.fraction);
        let down = self.shift(widths);
        let scaled = if self.one_shift {
            crate::shifted(product, places - down as i32)
        } else {
            crate::shifted(product >> down, places)
        };
        let term = clamp_raw(scaled, range);
        clamp_raw(accumulator + term, range)
    }

    /// The accumulator of a variable before any product.
    pub const fn begin(&self, variable: i64) -> i64 {
        variable << self.fraction
    }

    /// The variable of an accumulator without its last `dropped` bits: the magnitude is rounded
    /// up if the draw, a number from 0 up to 1, is below its fraction.
    pub fn stored(&self, accumulator: i64, dropped: u8, draw: f64) -> i64 {
        let (magnitude, bits) = (accumulator.abs(), u32::from(self.fraction + dropped));
        let rest = (magnitude & ((1 << bits) - 1)) as f64 / f64::from(1u32 << bits);
        let up = (magnitude >> bits) + i64::from(draw < rest);
        if accumulator < 0 { -up } else { up }
    }

    /// The variable of an accumulator, rounded up if the draw is below the fraction.
    pub const fn end(&self, accumulator: i64, draw: u32) -> i64 {
        // Adding the complement of a draw carries where the fraction is above the draw.
        round_shift(accumulator, self.fraction as u32, Rounding::Stochastic, !draw)
    }
}

/// How a rule's sum changes a variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ChangeArithmetic {
    /// Products in integers are added to the variable in an accumulator, which is rounded.
    Accumulator(ProductArithmetic),
    /// The sum in real numbers is rounded away from zero to a whole number, that towards zero to
    /// the bits which are stored; a decision to round up adds the last of them.
    Literal,
}

/// The whole number that is next to `x` on the side away from zero.
pub fn whole_away(x: f64) -> i64 {
    (if x < 0.0 { x.floor() } else { x.ceil() }) as i64
}

/// A learning engine of a published model.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningArithmetic {
    /// Traces.
    pub trace: TraceArithmetic,
    /// Sums of products.
    pub change: ChangeArithmetic,
    /// Range of a learned weight of both signs.
    pub mixed: (i16, i16),
    /// Smallest learned inhibitory weight.
    pub inhibitory_lowest: i16,
    /// Range of a tag.
    pub tag: (i16, i16),
    /// Range of a learned delay.
    pub delay: (i16, i16),
}

impl LearningArithmetic {
    /// The values a learned weight can have.
    pub fn weight(&self, sign: WeightSign) -> RawRange {
        let (lo, hi) = match sign {
            WeightSign::Mixed => self.mixed,
            WeightSign::Excitatory => (0, 255),
            WeightSign::Inhibitory => (self.inhibitory_lowest, 0),
        };
        RawRange { lo: lo.into(), hi: hi.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PRODUCT: ProductArithmetic = ProductArithmetic {
        fraction: 7,
        mantissa_bits: 4,
        product_bits: 15,
        one_shift: false,
        range: (-32769, 32767),
    };

    proptest! {
        #[test]
        fn a_store_rounds_up_exactly_below_the_fraction(acc in -32769i64..32768, draw: u32) {
            let rest = acc.rem_euclid(128) as f64 / 128.0;
            let expected = acc.div_euclid(128) + i64::from(unit(draw) < rest);
            prop_assert_eq!(PRODUCT.end(acc, draw), expected);
        }

        #[test]
        fn one_trace_is_exact_and_two_lose_three_bits(x in 0i64..128, y in 0i64..128, m in -8i64..8) {
            prop_assert_eq!(PRODUCT.add(0, &[(x, 7)], m, -7), x * m);
            let two = PRODUCT.add(0, &[(x, 7), (y, 7)], m, -7);
            prop_assert_eq!(two, (x * y * m).div_euclid(8));
        }
    }

    #[test]
    fn one_shift_loses_nothing_that_the_exponent_restores() {
        let one = ProductArithmetic { one_shift: true, mantissa_bits: 3, ..PRODUCT };
        assert_eq!(one.add(0, &[(3, 7), (3, 7)], 1, -5), 9);
        assert_eq!(
            ProductArithmetic { one_shift: false, ..one }.add(0, &[(3, 7), (3, 7)], 1, -5),
            8
        );
    }

    #[test]
    fn a_magnitude_is_rounded_to_the_stored_bits() {
        // 300 of 256: a whole and 44 more.
        assert_eq!(PRODUCT.stored(-300, 1, 0.1), -2);
        assert_eq!(PRODUCT.stored(-300, 1, 0.2), -1);
        assert_eq!(whole_away(-0.1), -1);
        assert_eq!(whole_away(2.0), 2);
    }

    #[test]
    fn a_draw_survives_its_number() {
        for draw in [0, 1, 77 << 25, u32::MAX] {
            assert_eq!(from_unit(unit(draw)), draw);
        }
    }

    #[test]
    fn an_impulse_is_compared_with_the_bits_of_its_draw() {
        let unit = TraceArithmetic {
            law: TraceLaw::Exponential,
            max: 127,
            fraction_bits: 8,
            draw_bits: 7,
            early_pre_up: true,
            early: EarlySpikes::EpochStart,
            decision: Decision::Fresh,
        };
        // A quarter is 64 of 256, and draws end at 127.
        assert_eq!(unit.kicked(0, 10.25, 63 << 25), 11);
        assert_eq!(unit.kicked(0, 10.25, 64 << 25), 10);
        assert_eq!(unit.kicked(120, 10.0, 0), 127);
        assert_eq!(unit.decayed(10, 0.95, from_unit(0.49)), 10);
        assert_eq!(unit.decayed(10, 0.95, from_unit(0.51)), 9);
    }
}
