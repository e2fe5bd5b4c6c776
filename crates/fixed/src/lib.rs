//! The only place where the project rounds, shifts, saturates, wraps or draws random bits.
//!
//! Values are integers with a binary point given by a [`QFormat`] at the side. Registers of the
//! plasticity engine are 32 bits wide: every engine operation computes exactly in 64 bits and
//! saturates to 32 once. The fixed reading and the emulator call the same functions, so they can
//! only differ in *which* operations they execute, never in what one means.
//!
//! Statement numbers such as S40 refer to `docs/semantics.md`.

mod arithmetic;
mod draw;
mod engine;
mod format;
mod learning;
mod real;
mod round;
mod scale;

pub use arithmetic::{
    BiasJoins, DecayCode, ExponentActs, InputArithmetic, MantissaArithmetic, NeuronArithmetic,
    Truncation, WeightSign, WeightsRead, shifted,
};
pub use draw::{Draw, DrawKey, KeyedDraws, mix32, site};
pub use engine::{
    Decays, Early, LearningArithmetic, ProductArithmetic, ReplayArithmetic, StoreArithmetic,
    factor, whole_steps,
};
pub use format::{QFormat, RawRange};
pub use learning::{TraceLaw, from_unit, unit};
pub use real::RealRounding;
pub use round::{
    Decay, Overflow, Rounding, align, clamp_raw, fit, mul_round, round_shift, sat32, scale_decay,
};
pub use scale::{Scale, ScaleForm};
