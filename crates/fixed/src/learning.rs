//! Choices of published learning engines whose form is not that of a chip's: their rules are
//! interpreted, not compiled.
//!
//! Traces of these models are whole numbers that decay by a real factor in double precision, so
//! the decay is one here too; everything behind it is integers.

use crate::arithmetic::WeightSign;
use crate::engine::{ProductArithmetic, learned_weight};
use crate::format::RawRange;
use crate::round::clamp_raw;
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
    /// Bits of an impulse's fraction, which is rounded together with the decay.
    pub fraction_bits: u8,
    /// When the rounding of the decay is decided.
    pub decision: Decision,
}

impl TraceArithmetic {
    /// The whole part of a decayed value, and what is left.
    pub fn decay(&self, value: i64, keep: f64) -> (i64, f64) {
        let exact = keep * value as f64;
        (exact.floor() as i64, exact - exact.floor())
    }

    /// A value after an impulse, of which only the whole part counts.
    pub fn kicked(&self, value: i64, impulse: f64) -> i64 {
        self.held(value + impulse.floor() as i64)
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

/// A learning engine of a published model, as far as its interpreter asks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterpretedArithmetic {
    /// Traces.
    pub trace: TraceArithmetic,
    /// Sums of products.
    pub change: ChangeArithmetic,
    /// Range of a learned weight of both signs.
    pub mixed: (i16, i16),
    /// Smallest learned inhibitory weight.
    pub inhibitory_lowest: i16,
}

impl InterpretedArithmetic {
    /// The values a learned weight can have.
    pub fn weight(&self, sign: WeightSign) -> RawRange {
        learned_weight(sign, self.mixed, self.inhibitory_lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: TraceArithmetic = TraceArithmetic {
        law: TraceLaw::Exponential,
        max: 127,
        fraction_bits: 7,
        decision: Decision::Fresh,
    };

    #[test]
    fn a_number_away_from_zero_is_whole() {
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
    fn a_decay_and_an_impulse_are_rounded_together() {
        // 9.5 and 0.25 of an impulse are three quarters above 9.
        assert_eq!(TRACE.joined(10, 0.95, 0.25, 0.74), 10);
        assert_eq!(TRACE.joined(10, 0.95, 0.25, 0.76), 9);
        assert_eq!(TRACE.joined(127, 1.0, 5.0, 0.0), 127);
        assert_eq!(TRACE.decay(10, 0.95).0, 9);
    }
}
