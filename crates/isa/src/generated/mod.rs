// Generated from isa/ucode.ron by `cargo xtask gen`; do not edit.

mod execute;
mod formats;
mod inst;
mod opcode;
mod operands;

pub use execute::*;
pub use formats::*;
pub use inst::*;
pub use opcode::{ISA_NAME, Opcode};
pub(crate) use opcode::CANONICAL_TABLE;
pub use operands::*;
