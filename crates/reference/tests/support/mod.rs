//! Shared by the tests and benches of this crate.
#![allow(dead_code)]

pub mod cue;
pub mod cue_fused;
pub mod cue_lanes;
pub mod cue_tape;
pub mod scalar;
