//! The choices in which published models of Loihi-class chips differ, as data.
//!
//! Every field is one documented meaning, and every meaning is a function here; whoever executes
//! a chip calls that function. A chip file that names nothing gets the default of each choice,
//! which is the engine's own arithmetic (`docs/semantics.md`). The sources of the other choices
//! are in `docs/conformance.md`.

use crate::format::RawRange;
use crate::round::{Overflow, fit};
use serde::{Deserialize, Serialize};

/// How a decay register is read: which part of a variable is lost per step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum DecayCode {
    /// D loses `D / 2^b`; all ones lose everything (S45).
    #[default]
    AllOnesClear,
    /// D, at most `max`, loses `(D + plus) / 2^b`.
    Exact {
        /// What the unit adds to the register.
        plus: u16,
        /// Largest register.
        max: u16,
    },
}

impl DecayCode {
    /// Largest value of a register of `bits` bits.
    pub const fn max(self, bits: u8) -> u32 {
        match self {
            Self::AllOnesClear => (1 << bits) - 1,
            Self::Exact { max, .. } => max as u32,
        }
    }

    /// The surviving numerator over `2^bits` of a register that is at most [`max`](Self::max).
    pub const fn keep_raw(self, register: u32, bits: u8) -> i64 {
        let one = 1i64 << bits;
        match self {
            Self::AllOnesClear if register as i64 == one - 1 => 0,
            Self::AllOnesClear => one - register as i64,
            Self::Exact { plus, .. } => {
                let lost = register as i64 + plus as i64;
                if lost > one { 0 } else { one - lost }
            }
        }
    }

    /// The register whose surviving fraction is nearest to `keep`, in `0.0..=1.0`.
    pub fn register(self, keep: f64, bits: u8) -> u32 {
        let one = f64::from(1u32 << bits);
        let lost = ((1.0 - keep) * one).round().clamp(0.0, one) as u32;
        match self {
            Self::AllOnesClear => lost.min(self.max(bits)),
            Self::Exact { plus, max } => lost.saturating_sub(plus.into()).min(max.into()),
        }
    }
}

/// Where the weight exponent acts, if it shifts to the right.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum ExponentActs {
    /// On the contribution of each spike (S11).
    #[default]
    PerSynapse,
    /// On the sum, for each target, of the weights of all spikes of a projection that were
    /// emitted in the same step and arrive in the same step.
    PerSum,
}

/// When the weight of a plastic synapse is read for a spike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum WeightsRead {
    /// When the spike arrives (S13).
    #[default]
    Arrival,
    /// When it is sent: the weight before the plasticity phase of that step.
    Sending,
}

/// From stored weights to the input of a neuron.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputArithmetic {
    /// The accumulator counts in units of `2^unit` of the last place of u.
    pub unit: u8,
    /// Where a negative exponent acts.
    pub exponent: ExponentActs,
    /// Largest magnitude of the contribution of one synapse, in the accumulator's unit.
    pub weight_limit: Option<i32>,
    /// The sum of one step wraps to so many bits, signed, counted at the last place of u.
    pub sum_bits: Option<u8>,
    /// When a weight that learns is read.
    pub weights: WeightsRead,
}

impl InputArithmetic {
    /// What one spike over a synapse adds to the accumulator, `shift` places to the left.
    #[inline]
    pub fn contribution(&self, weight: i64, shift: i32) -> i64 {
        let moved = shifted(weight, shift);
        match self.weight_limit {
            Some(limit) => moved.clamp(-i64::from(limit), limit.into()),
            None => moved,
        }
    }

    /// Whether weights are summed before they are shifted.
    #[inline]
    pub const fn sums_first(&self, shift: i32) -> bool {
        shift < 0 && matches!(self.exponent, ExponentActs::PerSum)
    }

    /// The input of a step, at the last place of u, from the accumulator.
    #[inline]
    pub fn input(&self, accumulator: i64) -> i64 {
        let wide = accumulator << self.unit;
        match self.sum_bits {
            Some(bits) => fit(wide, signed(bits), Overflow::Wrap).0,
            None => wide,
        }
    }
}

/// `x * 2^shift`, towards minus infinity. Source: S11.
#[inline]
pub const fn shifted(x: i64, shift: i32) -> i64 {
    if shift >= 0 { x << shift } else { x >> shift.unsigned_abs() }
}

/// The raw values of so many bits, signed.
const fn signed(bits: u8) -> RawRange {
    RawRange { lo: -(1 << (bits - 1)), hi: (1 << (bits - 1)) - 1 }
}

/// What the bias is added to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum BiasJoins {
    /// The voltage's sum (S21).
    #[default]
    Voltage,
    /// The current on its way into the voltage; the two together wrap to the state's width.
    WrappedCurrent,
}

/// The neuron unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NeuronArithmetic {
    /// Decay register of u.
    pub decay_u: DecayCode,
    /// Decay register of v.
    pub decay_v: DecayCode,
    /// From weights to the input.
    pub input: InputArithmetic,
    /// What u does beyond its range; `None` is `neuron.overflow` of the chip.
    pub current: Option<Overflow>,
    /// What v does beyond its range; `None` is `neuron.overflow` of the chip.
    pub voltage: Option<Overflow>,
    /// What the bias is added to.
    pub bias: BiasJoins,
}

impl NeuronArithmetic {
    /// Whether this is the engine's own, apart from the treatment of overflow.
    pub fn is_own(&self) -> bool {
        Self { current: None, voltage: None, ..*self } == Self::default()
    }

    /// The new u from what survived and the accumulator; whether it left its range.
    #[inline]
    pub fn current(
        &self,
        kept: i64,
        accumulator: i64,
        range: RawRange,
        own: Overflow,
    ) -> (i64, bool) {
        fit(kept + self.input.input(accumulator), range, self.current.unwrap_or(own))
    }

    /// The bias as the voltage's sum gets it.
    #[inline]
    pub fn bias(&self, current: i64, bias: i64, range: RawRange) -> i64 {
        match self.bias {
            BiasJoins::Voltage => bias,
            BiasJoins::WrappedCurrent => fit(current + bias, range, Overflow::Wrap).0 - current,
        }
    }

    /// The new v from what survived, the new u and the bias; whether it left its range.
    #[inline]
    pub fn voltage(
        &self,
        kept: i64,
        current: i64,
        bias: i64,
        range: RawRange,
        own: Overflow,
    ) -> (i64, bool) {
        let sum = kept + current + self.bias(current, bias, range);
        fit(sum, range, self.voltage.unwrap_or(own))
    }
}

/// Which signs the weights of a projection may have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum WeightSign {
    /// Both.
    Mixed,
    /// 0 or more.
    Excitatory,
    /// 0 or less.
    Inhibitory,
}

/// How bits of a mantissa that are not stored are treated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Truncation {
    /// Towards minus infinity.
    Floor,
    /// Towards zero.
    Zero,
    /// To the nearest, ties to the even one.
    #[default]
    NearestEven,
}

impl Truncation {
    /// `x / 2^bits`.
    pub const fn apply(self, x: i64, bits: u32) -> i64 {
        if bits == 0 {
            return x;
        }
        match self {
            Self::Floor => x >> bits,
            Self::Zero if x < 0 => -((-x) >> bits),
            Self::Zero => x >> bits,
            Self::NearestEven => {
                let down = x >> bits;
                let rest = x - (down << bits);
                let half = 1 << (bits - 1);
                let up = rest > half || (rest == half && down & 1 == 1);
                down + up as i64
            }
        }
    }
}

/// From a mantissa of eight bits and sign to the bits that are stored.
///
/// A format of n bits leaves out the lowest `8 - n` bits of the magnitude, and one more where
/// both signs are possible.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MantissaArithmetic {
    /// Where both signs are possible.
    pub mixed: Truncation,
    /// Where one sign is.
    pub one_sign: Truncation,
    /// Smallest and largest mantissa of both signs.
    pub mixed_range: (i16, i16),
    /// Smallest inhibitory mantissa.
    pub inhibitory_lowest: i16,
    /// Whether the stored number never exceeds `2^k - 1` in magnitude, k its bits without sign.
    pub symmetric: bool,
    /// How a mantissa is rounded, before it is stored, to what a right shift by its exponent
    /// will keep of it; `None`: it is not.
    pub to_shift: Option<Truncation>,
}

impl Default for MantissaArithmetic {
    fn default() -> Self {
        Self {
            mixed: Truncation::NearestEven,
            one_sign: Truncation::NearestEven,
            mixed_range: (-256, 254),
            inhibitory_lowest: -255,
            symmetric: false,
            to_shift: None,
        }
    }
}

impl MantissaArithmetic {
    /// Bits of a mantissa that a format of `bits` bits does not store.
    pub const fn dropped(sign: WeightSign, bits: u8) -> u32 {
        8 - bits as u32 + matches!(sign, WeightSign::Mixed) as u32
    }

    /// Smallest and largest mantissa.
    pub fn range(&self, sign: WeightSign) -> RawRange {
        let (lo, hi) = match sign {
            WeightSign::Mixed => self.mixed_range,
            WeightSign::Excitatory => (0, 255),
            WeightSign::Inhibitory => (self.inhibitory_lowest, 0),
        };
        RawRange { lo: lo.into(), hi: hi.into() }
    }

    /// The stored number of a mantissa: the mantissa is this times `2^dropped`.
    ///
    /// `bits` is 1 to 8, `exponent` the weight exponent.
    pub fn stored(&self, mantissa: i64, sign: WeightSign, bits: u8, exponent: i32) -> i64 {
        let dropped = Self::dropped(sign, bits);
        let RawRange { lo, hi } = self.range(sign);
        let truncation = if sign == WeightSign::Mixed { self.mixed } else { self.one_sign };
        let top = (1i64 << (8 - dropped)) - 1;
        let limit = |x: i64| if self.symmetric { x.clamp(-top, top) } else { x };
        let mut stored = limit(truncation.apply(mantissa.clamp(lo, hi), dropped));
        let shift = dropped as i32 + exponent;
        if let (Some(rounding), true) = (self.to_shift, shift < 0) {
            let places = shift.unsigned_abs();
            stored = limit(rounding.apply(stored, places) << places);
        }
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_nearest_even_is_that_of_real_numbers(x in -100_000i64..100_000, bits in 0u32..12) {
            let real = (x as f64 / f64::from(1u32 << bits)).round_ties_even();
            prop_assert_eq!(Truncation::NearestEven.apply(x, bits) as f64, real);
        }

        #[test]
        fn the_own_code_of_a_decay_register_is_that_of_the_register(keep in 0.0f64..=1.0, bits in 4u8..=16) {
            let own = crate::Decay::from_keep(keep, bits);
            prop_assert_eq!(DecayCode::AllOnesClear.register(keep, bits), own.register);
            prop_assert_eq!(DecayCode::AllOnesClear.keep_raw(own.register, bits), own.keep_raw());
        }

        #[test]
        fn an_exact_register_survives_its_fraction(register in 0u32..=4095, plus in 0u16..=1) {
            let code = DecayCode::Exact { plus, max: 4095 };
            let keep = code.keep_raw(register, 12) as f64 / 4096.0;
            prop_assert_eq!(code.register(keep, 12), register);
        }

        #[test]
        fn the_own_arithmetic_of_a_neuron_is_a_saturating_sum(
            kept in -(1i64 << 23)..(1 << 23), q: i32, bias in -(1i64 << 23)..(1 << 23),
        ) {
            let (own, range) = (NeuronArithmetic::default(), signed(24));
            let (u, _) = own.current(kept, q.into(), range, Overflow::Saturate);
            prop_assert_eq!(u, (kept + i64::from(q)).clamp(range.lo, range.hi));
            let (v, clipped) = own.voltage(kept, u, bias, range, Overflow::Saturate);
            prop_assert_eq!(v, (kept + u + bias).clamp(range.lo, range.hi));
            prop_assert_eq!(clipped, v != kept + u + bias);
        }
    }

    #[test]
    fn a_register_with_an_offset_loses_everything_at_its_end() {
        let code = DecayCode::Exact { plus: 1, max: 4095 };
        assert_eq!(code.keep_raw(4095, 12), 0);
        assert_eq!(code.keep_raw(0, 12), 4095);
        assert_eq!(DecayCode::Exact { plus: 0, max: 4096 }.keep_raw(4096, 12), 0);
        assert_eq!(DecayCode::Exact { plus: 0, max: 4095 }.register(0.0, 12), 4095);
    }

    #[test]
    fn mantissas_lose_the_bits_their_format_does_not_store() {
        let rule = MantissaArithmetic {
            mixed: Truncation::Floor,
            one_sign: Truncation::Zero,
            mixed_range: (-256, 255),
            ..MantissaArithmetic::default()
        };
        assert_eq!(rule.stored(-3, WeightSign::Mixed, 8, 0), -2);
        assert_eq!(rule.stored(255, WeightSign::Mixed, 8, 0), 127);
        assert_eq!(rule.stored(-256, WeightSign::Mixed, 1, 0), -1);
        assert_eq!(rule.stored(-7, WeightSign::Inhibitory, 6, 0), -1);
        assert_eq!(rule.stored(300, WeightSign::Excitatory, 8, 0), 255);
        // Rounded to what a shift by three places keeps, and held below the largest number.
        let rounded = MantissaArithmetic {
            symmetric: true,
            to_shift: Some(Truncation::NearestEven),
            ..MantissaArithmetic::default()
        };
        assert_eq!(rounded.stored(12, WeightSign::Excitatory, 8, -3), 16);
        assert_eq!(rounded.stored(255, WeightSign::Excitatory, 8, -3), 255);
        assert_eq!(rounded.stored(-256, WeightSign::Mixed, 8, 0), -127);
    }

    #[test]
    fn inputs_wrap_and_contributions_are_limited_where_asked() {
        let plain = InputArithmetic { unit: 6, ..InputArithmetic::default() };
        assert_eq!(plain.input(-3), -192);
        assert_eq!(plain.contribution(-3, -1), -2);
        let wrapped = InputArithmetic { sum_bits: Some(22), ..plain };
        assert_eq!(wrapped.input(1 << 15), -(1 << 21));
        let limited = InputArithmetic { weight_limit: Some(32767), ..plain };
        assert_eq!(limited.contribution(-128, 8), -32767);
        let joined =
            NeuronArithmetic { bias: BiasJoins::WrappedCurrent, ..NeuronArithmetic::default() };
        assert_eq!(joined.bias((1 << 23) - 1, 1, signed(24)), 1 - (1 << 24));
    }
}
