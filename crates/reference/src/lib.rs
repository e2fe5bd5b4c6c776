//! What a network computes, without a chip: the readings that define and test everything else.
//!
//! [`float`] executes a checked network in floating point, one machine for any number of
//! episodes, and runs it backwards for gradients. [`FixedMachine`] executes it in integers under a
//! plan, before placement. [`adjoint`] is the reverse reading of a kernel, as a kernel. All follow the statements S1 to S48 of `docs/semantics.md`.
//!
//! The crate knows no chip, no file and no task.
//!
//! ```
//! use trifactor_ir::{KernelBuilder, Role, Target};
//! let mut b = KernelBuilder::new("square");
//! let x = b.input("x", Role::Own);
//! let y = b.mul(x, x);
//! b.output("y", Target::Set, y);
//! let reverse = trifactor_reference::adjoint(&b.build());
//! assert!(reverse.output("d_x").is_some());
//! ```

mod adjoint;
mod fixed;
pub mod float;

pub use adjoint::{adjoint, adjoint_within};
pub use fixed::{Delivered, Evaluation, FixedMachine, Watch};
