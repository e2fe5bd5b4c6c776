//! Straight-line programs over vectors as native code.
//!
//! A [`Body`] says what is computed for one row of numbers: which rows are read, the operations in
//! order, what is written or added where. [`Code::new`] makes a loop over all rows of it, in which
//! every intermediate value stays in a register, and [`Code::run`] executes that loop.
//!
//! [`Product`] and [`Outer`] are the two products of matrices that delivery of spikes is made of.
//!
//! The bits of every result are those of the same operations on single numbers in the same order:
//! nothing is contracted to a fused multiply-add, and sums over rows are made in the order of rows.
//! So [`Code::new`] may say `None` whenever it likes (another processor, a system that refuses
//! executable memory, rows that are not whole vectors), and its caller then takes a slower way to
//! the same bits.
//!
//! Not here: kernels, graphs, number formats. This crate knows rows, operations and registers. It
//! is the one place of the workspace where `unsafe` may stand.

mod body;
#[cfg(target_arch = "x86_64")]
mod code;
#[cfg(target_arch = "x86_64")]
mod emit;
#[cfg(target_arch = "x86_64")]
mod encode;
#[cfg(target_arch = "x86_64")]
mod outer;
#[cfg(target_arch = "x86_64")]
mod page;
#[cfg(not(target_arch = "x86_64"))]
mod portable;
#[cfg(target_arch = "x86_64")]
mod product;
mod sizes;

pub use body::{Binary, Body, Layout, Number, Op, Rows, SPLAT, Test, Value};
#[cfg(target_arch = "x86_64")]
pub use code::Code;
#[cfg(target_arch = "x86_64")]
pub use outer::Outer;
#[cfg(not(target_arch = "x86_64"))]
pub use portable::{Code, Outer, Product};
#[cfg(target_arch = "x86_64")]
pub use product::Product;
pub use sizes::{Events, Matrix};

/// Instructions that code may use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Vectors of 32 bytes.
    Avx2,
    /// Vectors of 64 bytes; of 32 where rows are no multiple of 64.
    Avx512,
}

impl Level {
    /// All levels of this machine, the best one last.
    pub fn available() -> &'static [Self] {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") {
            let wide = is_x86_feature_detected!("avx512f");
            return if wide { &[Self::Avx2, Self::Avx512] } else { &[Self::Avx2] };
        }
        &[]
    }
    /// The best level of this machine.
    pub fn best() -> Option<Self> {
        Self::available().last().copied()
    }
}
