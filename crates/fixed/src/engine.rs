//! A learning engine that counts in epochs, as published models of the chip describe it: traces
//! that are replayed when an epoch ends, and sums of products whose accumulator is narrower than
//! a register.
//!
//! A chip file selects it under `arithmetic.learning`. Every choice is a number here and every
//! meaning a function, so that the fixed reading and the emulator can only differ in what they
//! execute.

use crate::arithmetic::WeightSign;
use crate::format::RawRange;
use crate::round::{Rounding, round_shift, sat32, scale_decay};
use serde::{Deserialize, Serialize};

/// How often a trace decays (S81, S88).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Decays {
    /// In every step of an epoch, each rounded by itself.
    #[default]
    EveryStep,
    /// Once, when the epoch ends, by the factor of all its steps; its impulse is added then.
    EveryEpoch,
}

/// What becomes of the impulse of a spike that another spike of the same epoch follows (S82, S89).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Early {
    /// It is rounded and added to the value of the epoch's start.
    #[default]
    Drawn,
    /// The same, and on the pre side always rounded up.
    PreUp,
    /// It is lost: an epoch has one impulse of a lane.
    Dropped,
}

/// A trace unit that holds the values of an epoch's start and replays the epoch at its end (S81).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayArithmetic {
    /// Bits of the decay register of a trace (S45).
    pub decay_bits: u8,
    /// How often it decays.
    #[serde(default)]
    pub decays: Decays,
    /// Bits of an impulse below the last place of the trace.
    pub fraction_bits: u8,
    /// Bits of the draw that are compared with them. Fewer than `fraction_bits`: the draw seems
    /// smaller than it is, and an impulse is rounded up too often.
    pub draw_bits: u8,
    /// Impulses before the last one of an epoch.
    #[serde(default)]
    pub early: Early,
    /// Whether decay and impulse are added as they are and the sum is rounded, with one draw.
    #[serde(default)]
    pub joined: bool,
}

impl ReplayArithmetic {
    /// A decayed value. Source: S81.
    pub const fn decayed(&self, x: i64, keep: i64, rounding: Rounding, draw: u32) -> i64 {
        scale_decay(x, keep, self.decay_bits as u32, rounding, draw)
    }

    /// A value after a decay and an impulse that are rounded together. Source: S89.
    pub const fn joined(
        &self,
        x: i64,
        keep: i64,
        impulse: i64,
        rounding: Rounding,
        draw: u32,
    ) -> i64 {
        let wide = impulse << (self.decay_bits - self.fraction_bits);
        round_shift(x * keep + wide, self.decay_bits as u32, rounding, draw)
    }

    /// Whether a trace makes a step at a position of an epoch of so many. Source: S88.
    pub const fn steps_at(&self, position: u32, length: u32) -> bool {
        matches!(self.decays, Decays::EveryStep) || position == length
    }

    /// Whether a spike acts at a position, if the lane's last one was at another. Source: S88.
    pub const fn acts_at(&self, position: u32, last: u32) -> bool {
        match self.decays {
            Decays::EveryStep => position == last,
            Decays::EveryEpoch => last > 0,
        }
    }

    /// Steps for which the factor of a decay stands.
    pub const fn steps_of_decay(&self, length: u32) -> u32 {
        match self.decays {
            Decays::EveryStep => 1,
            Decays::EveryEpoch => length,
        }
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
        if !post && self.early == Early::PreUp { u32::MAX } else { draw() }
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
}

/// How a variable is stored where that is not S42 (S90, S91).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum StoreArithmetic {
    /// The accumulator is rounded as a sign and a magnitude.
    Magnitude,
    /// The sum of the products is rounded by itself and then added to the variable.
    Change {
        /// Last bits of a change that are not stored.
        step: u8,
    },
}

/// A change, its sign apart, as it is added to a variable: up to a whole number, which is rounded
/// to a multiple of `2^step`. Source: S91.
///
/// Shape: `magnitude` is at least 0 and has `fraction` bits below the variable's last place.
pub const fn whole_steps(
    magnitude: i64,
    fraction: u32,
    step: u32,
    rounding: Rounding,
    draw: u32,
) -> i64 {
    let up = sat32(magnitude + (1 << fraction) - 1);
    round_shift(up >> fraction, step, rounding, draw) << step
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
    /// How a variable is stored; left out, as S42 says.
    #[serde(default)]
    pub store: Option<StoreArithmetic>,
    /// The number of the first epoch, by which u_k counts (S46).
    #[serde(default = "one")]
    pub first_epoch: u8,
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

const fn one() -> u8 {
    1
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

    /// The number by which u_k counts, of an epoch from 1. Source: S92.
    pub const fn epoch(&self, epoch: u32) -> u32 {
        epoch - 1 + self.first_epoch as u32
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
    const REPLAY: ReplayArithmetic = ReplayArithmetic {
        decay_bits: 30,
        decays: Decays::EveryStep,
        fraction_bits: 8,
        draw_bits: 7,
        early: Early::PreUp,
        joined: false,
    };

    proptest! {
        #[test]
        fn a_change_is_rounded_up_and_then_to_steps(m in 0i64..1 << 24, step in 0u32..4, draw: u32) {
            let whole = (m as f64 / 128.0).ceil() as i64;
            let low = whole_steps(m, 7, step, Rounding::Floor, draw);
            prop_assert_eq!(low, whole - whole % (1 << step));
            let drawn = whole_steps(m, 7, step, Rounding::Stochastic, draw);
            let rest = whole - low;
            let up = rest + i64::from(draw >> (32 - step.max(1))) * i64::from(step > 0) >= 1 << step;
            prop_assert_eq!(drawn, low + (i64::from(up && step > 0) << step));
        }

        #[test]
        fn a_decay_and_an_impulse_are_rounded_together(x in 0i64..128, keep in 0i64..=1 << 30, raw in 0i64..1 << 15, draw: u32) {
            let exact = x * keep + (raw << 22);
            let up = i64::from((exact & ((1 << 30) - 1)) + i64::from(draw >> 2) >= 1 << 30);
            let got = REPLAY.joined(x, keep, raw, Rounding::Stochastic, draw);
            prop_assert_eq!(got, (exact >> 30) + up);
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
        assert_eq!((one.places(14, 1), one.places(14, 3)), ((1, 0), (0, 1)));
        assert_eq!((PRODUCT.places(14, 1), PRODUCT.places(14, -1)), ((3, 1), (4, 0)));
    }

    #[test]
    fn a_trace_of_whole_epochs_makes_one_step_at_its_end() {
        let whole = ReplayArithmetic { decays: Decays::EveryEpoch, ..REPLAY };
        assert_eq!([1, 2, 3].map(|s| whole.steps_at(s, 3)), [false, false, true]);
        assert_eq!([0, 1, 3].map(|last| whole.acts_at(3, last)), [false, true, true]);
        assert_eq!((whole.steps_of_decay(3), REPLAY.steps_of_decay(3)), (3, 1));
        assert!(REPLAY.steps_at(1, 3) && REPLAY.acts_at(2, 2) && !REPLAY.acts_at(3, 2));
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
