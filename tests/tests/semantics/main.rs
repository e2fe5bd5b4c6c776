//! The statements of `docs/semantics.md`, one by one.
//!
//! Every statement has at least one test whose doc comment begins with its number. Networks are
//! as small as the statement allows; expected raw integers are worked out in the test, never by
//! the code under test, and hold in the fixed reading and in the emulator running the compiled
//! image. Where nothing is rounded, the float reading has to have the same values.

mod cost;
mod delivery;
mod draws;
mod engines;
mod neurons;
mod operations;
mod plasticity;
mod quantisation;
mod readings;
mod reset;
mod time;
mod traces;
