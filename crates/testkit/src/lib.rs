//! What tests of the whole chain share: random rules, networks and chips, and independent oracles.
//!
//! [`rules`] and [`networks`] draw programs and networks that verify, [`chips`] draws chips small
//! enough that a network needs several cores. [`scalar`] reads a kernel in floating point and
//! [`isa_oracle`] executes microcode, both from the definition and without the code under test;
//! [`golden`] holds rules against what is written down of them.
//! Everything is a pure function of a seed ([`Rng`]), so a failure is reproduced from the number
//! it prints.
//!
//! Only tests depend on this crate. It is not a place for code that a tool needs.
//!
//! ```
//! use trifactor_testkit::{Rng, rules};
//! let rule = rules::draw(&mut Rng::new(7));
//! assert!(!rule.kernel.outputs.is_empty());
//! assert_eq!(rule, rules::draw(&mut Rng::new(7)));
//! ```

pub mod builder;
pub mod cases;
pub mod chips;
pub mod golden;
pub mod isa_oracle;
pub mod networks;
mod rng;
pub mod rules;
pub mod scalar;

pub use rng::Rng;
