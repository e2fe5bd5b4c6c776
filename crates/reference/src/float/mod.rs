//! The float reading: a network executed in `f32` or `f64`, forwards and backwards.

mod activity;
mod arrivals;
mod edges;
mod epoch;
mod graph;
mod loops;
mod machine;
mod native;
mod phases;
mod planner;
mod program;
#[cfg(test)]
mod program_tests;
mod projection;
mod real;
mod reverse;
mod rounding;
mod tape;

pub use machine::{FloatMachine, InputSpikes, MachineError};
pub use real::Real;
pub use rounding::StoreRounding;
pub use tape::{Cotangents, Tape, TapeError, TapeOptions, TapeView};
