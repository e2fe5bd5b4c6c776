//! A learning engine that counts in epochs, as published models of the chip describe it: traces
//! that are replayed when an epoch ends, and sums of products whose accumulator is narrower than
//! a register.
//!
//! A chip file selects it under `arithmetic.learning`. Every choice is a number here and every
//! meaning a function, so that the fixed reading and the emulator can only differ in what they
//! execute.

use crate::arithmetic::{WeightSign, shifted};
use crate::format::RawRange;
use crate::round::{Rounding, clamp_raw, round_shift, scale_decay};
use serde::{Deserialize, Serialize};

/// A trace unit that holds the values of an epoch's start and replays the epoch at its end (S81).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayArithmetic {
    /// Bits of the decay register of a trace (S45).
    pub decay_bits: u8,
    /// Bits of an impulse below the last place of the trace.
    pub fraction_bits: u8,
    /// Bits of the draw that are compared with them. Fewer than `fraction_bits`: the draw seems
    /// smaller than it is, and an impulse is rounded up too often.
    pub draw_bits: u8,
    /// Whether impulses of pre lanes before the last one of an epoch are rounded up always.
    pub early_pre_up: bool,
}

impl ReplayArithmetic {
    /// A decayed value. Source: S81.
    pub const fn decayed(&self, x: i64, keep: i64, rounding: Rounding, draw: u32) -> i64 {
        scale_decay(x, keep, self.decay_bits as u32, rounding, draw)
    }

    /// What a spike adds, from the register of the impulse. Source: S82.
    pub const fn impulse(&self, raw: i64, rounding: Rounding, draw: u32) -> i64 {
        round_shift(raw, self.fraction_bits as u32, rounding, self.impulse_draw(draw))
    }

    /// The draw that decides about the fraction of an impulse: bits that are not compared read as
    /// ones, which carry.
    pub const fn impulse_draw(&self, draw: u32) -> u32 {
        !(!draw >> self.fraction_bits.saturating_sub(self.draw_bits))
    }

    /// The draw for an impulse that is not the last one of its epoch.
    pub fn early_draw(&self, post: bool, draw: impl FnOnce() -> u32) -> u32 {
        if !post && self.early_pre_up { u32::MAX } else { draw() }
    }
}

/// The sum of products that changes a variable (S84).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductArithmetic {
    /// Bits of the accumulator below the last place of the variable.
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

    /// Places to the right, and then to the left, by which a product of such factors comes to the
    /// accumulator, if its binary point lies `places` above the accumulator's.
    pub const fn places(&self, widths: u32, places: i32) -> (u32, u32) {
        let down = self.shift(widths);
        let sum = places - down as i32;
        match (self.one_shift || places < 0, sum < 0) {
            (true, true) => (sum.unsigned_abs(), 0),
            (true, false) => (0, sum.unsigned_abs()),
            (false, _) => (down, places.unsigned_abs()),
        }
    }

    /// The values of the accumulator.
    pub fn held(&self) -> RawRange {
        RawRange { lo: self.range.0.into(), hi: self.range.1.into() }
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
            product = product.wrapping_mul(clamp_raw(*value, factor(*width)) as i32);
            widths += width;
        }
        let product = i64::from(product.wrapping_mul(mantissa as i32));
        let (right, left) = self.places(widths, exponent + i32::from(self.fraction));
        let scaled = shifted(round_shift(product, right, Rounding::Floor, 0), left as i32);
        let term = clamp_raw(scaled, self.held());
        clamp_raw(accumulator + term, self.held())
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
}

/// The values of a factor of so many bits, which a sum of a variable and a constant is held to.
pub const fn factor(width: u32) -> RawRange {
    RawRange { lo: -(1 << width), hi: (1 << width) - 1 }
}

/// A learning engine that counts in epochs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningArithmetic {
    /// Traces.
    pub trace: ReplayArithmetic,
    /// Sums of products.
    pub change: ProductArithmetic,
    /// Bits that a trace counts in a product, which holds it to them.
    pub trace_bits: u8,
    /// Bits that a variable of a synapse counts in a product.
    pub variable_bits: u8,
    /// Whether all lanes share a draw: one for the decays of a population's traces in an epoch,
    /// one for their impulses, one for the stores of a rule (S83).
    pub one_draw: bool,
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
        learned_weight(sign, self.mixed, self.inhibitory_lowest)
    }
}

/// The values a learned weight can have, with the limits that engines choose differently.
pub(crate) fn learned_weight(
    sign: WeightSign,
    mixed: (i16, i16),
    inhibitory_lowest: i16,
) -> RawRange {
    let (lo, hi) = match sign {
        WeightSign::Mixed => mixed,
        WeightSign::Excitatory => (0, 255),
        WeightSign::Inhibitory => (inhibitory_lowest, 0),
    };
    RawRange { lo: lo.into(), hi: hi.into() }
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
    const REPLAY: ReplayArithmetic =
        ReplayArithmetic { decay_bits: 30, fraction_bits: 8, draw_bits: 7, early_pre_up: true };

    proptest! {
        #[test]
        fn one_trace_is_exact_and_two_lose_three_bits(x in 0i64..128, y in 0i64..128, m in -8i64..8) {
            prop_assert_eq!(PRODUCT.add(0, &[(x, 7)], m, -7), x * m);
            let two = PRODUCT.add(0, &[(x, 7), (y, 7)], m, -7);
            prop_assert_eq!(two, (x * y * m).div_euclid(8));
        }

        #[test]
        fn an_impulse_is_rounded_up_where_the_bits_of_the_complement_are_below_its_fraction(
            raw in 0i64..1 << 15, draw: u32,
        ) {
            // 7 bits of the draw against 8 of the fraction.
            let up = i64::from(!draw >> 25) < raw & 255;
            let expected = (raw >> 8) + i64::from(up);
            prop_assert_eq!(REPLAY.impulse(raw, Rounding::Stochastic, draw), expected);
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
        assert_eq!((one.places(14, 1), one.places(14, 3)), ((1, 0), (0, 1)));
        assert_eq!((PRODUCT.places(14, 1), PRODUCT.places(14, -1)), ((3, 1), (4, 0)));
    }

    #[test]
    fn a_magnitude_is_rounded_to_the_stored_bits() {
        // 300 of 256: a whole and 44 more.
        assert_eq!(PRODUCT.stored(-300, 1, 0.1), -2);
        assert_eq!(PRODUCT.stored(-300, 1, 0.2), -1);
    }

    #[test]
    fn early_impulses_of_pre_lanes_are_rounded_up() {
        let up = REPLAY.early_draw(false, || 0);
        assert_eq!(REPLAY.impulse(1, Rounding::Stochastic, up), 1);
        assert_eq!(REPLAY.impulse(256, Rounding::Stochastic, up), 1);
        // Three quarters are 192 of 256, and the bits that are compared end at 127.
        let low = REPLAY.early_draw(true, || 0);
        assert_eq!(REPLAY.impulse(192, Rounding::Stochastic, low), 1);
        assert_eq!(REPLAY.impulse(64, Rounding::Stochastic, low), 0);
    }
}
