//! The subcommands, one file each.

pub mod bench;
pub mod check;
pub mod chips;
pub mod compile;
pub mod conformance;
pub mod debug;
pub mod disasm;
pub mod dump;
pub mod evaluate;
pub mod explain;
pub mod quantise;
pub mod reproduce;
pub mod rtl_check;
pub mod run;
pub mod train;
pub mod tune;
pub mod verify;
