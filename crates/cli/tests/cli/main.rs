//! The program as a user meets it: exit codes, what is printed where, and which files appear.

mod bench;
mod check;
mod chips;
mod compile;
mod debug;
mod disasm;
mod dump;
mod evaluate;
mod explain;
mod models;
mod quantise;
mod record;
mod reproduce;
mod rtl_check;
mod rule_pages;
mod run;
mod train;
mod usage;
mod verify;
