//! The plan: number formats, binary points and predicted errors, as a side table over a network
//! that stays what it was.
//!
//! [`plan`] chooses a [`StateFormat`] for every state and a [`ValuePlan`] for every value of
//! every kernel, from intervals ([`interval`]) and the widths of a chip, and says what will be
//! lost: constants that round to zero, ranges that must clamp, rates too small to move a weight.
//! [`eval`] is the meaning of a kernel under a plan, in integers: the fixed reading steps a whole
//! network with it, and the compiler's microcode must agree with it bit for bit.
//!
//! It changes no program, reads no files and places nothing.

mod eval;
mod formats;
pub mod interval;
mod kernel;
mod plan;
mod scales;
mod sums;
mod warn;
mod wishes;

pub use eval::{Site, eval, store};
pub use plan::{
    Encoding, FormatRequest, OutputPlan, PhasePlan, Plan, Requests, StateFormat, StorePlan,
    TermPlan, ValuePlan, plan, trace_sides,
};
pub use scales::refused_constants;
pub use wishes::as_wishes;
