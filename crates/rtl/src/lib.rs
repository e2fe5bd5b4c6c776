//! The plasticity engine as hardware, beside what the emulator says it does.
//!
//! `isa/rtl/` holds the engine in SystemVerilog. This crate carries these files, lets Verilator
//! make a program of them ([`Simulator`]), reads the meaning of microcode word by word
//! ([`meaning`]), and compares the two on the rules of an image ([`check`]): registers after every
//! instruction, stored words, saturations and clocks. `docs/rtl.md` is the manual.
//!
//! It knows images and the chip's arithmetic, and nothing of models or of the compiler.

mod check;
mod compare;
pub mod meaning;
mod rules;
mod run;
mod simulator;
mod sources;
mod states;
mod ticks;
mod wire;

pub use check::{CheckOptions, Finding, RuleReport, check};
pub use compare::{Difference, What, first_difference};
pub use rules::{Lane, Learner, learners};
pub use run::{FieldFormat, Outcome, Retired, Rule, Run, Stored, Synapse};
pub use simulator::{Simulator, SimulatorError, cache_folder, lint};
pub use sources::Sources;
pub use states::States;
pub use ticks::{Ticks, TicksError};
