//! The float reading: a network executed in `f32` or `f64`, forwards and backwards.

mod arrivals;
mod epoch;
mod graph;
mod loops;
mod machine;
mod phases;
mod program;
#[cfg(test)]
mod program_tests;
mod projection;
mod real;

pub use machine::{FloatMachine, InputSpikes, MachineError};
pub use real::Real;
