//! The engine in Verilator beside the emulator, its meaning word by word, and the firmware models.

mod broken;
mod emulator;
mod firmware;
mod programs;
mod support;
mod words;
