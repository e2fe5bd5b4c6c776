//! What is recorded of a run, read back by other means and compared value by value with what the
//! emulator's accessors say in a run of the same trial that nobody records.

mod seen;
mod tables;
mod timeline;
mod waves;
