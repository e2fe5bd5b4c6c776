//! The instruction set of the plasticity engine, and the description of a chip.
//!
//! Words, text and the list of handlers come from one table, `isa/ucode.ron`; a chip is a RON
//! file checked by [`Chip::parse`]. [`execute`] is what an instruction means for one synapse; other
//! readings implement [`Execute`]. The arithmetic is that of `trifactor-fixed`.
//!
//! The central types are [`Inst`], one instruction with typed operands, and [`Chip`].
//!
//! ```
//! use trifactor_isa::{Chip, Inst, assemble};
//! let program = assemble(
//!     "lds r0, field 0            ; the weight
//!      ldy r1, slot 1, at x0      ; a post trace when the pre lane fired
//!      sub r0, r0, r1
//!      sts field 0, r0, >>0, floor, site 0
//!      halt",
//! )?;
//! let words: Vec<u32> = program.iter().map(|inst| inst.encode()).collect();
//! assert_eq!(Inst::decode(words[2])?.to_string(), "sub r0, r0, r1");
//! assert!(Inst::decode(0).is_err(), "memory that was never written is not a program");
//!
//! let chip = Chip::builtin("superset").expect("it is built in");
//! let paper = chip.preset("paper-0v75").expect("it is in the file");
//! let learning = paper.resolve(&chip.mesh).0.learning;
//! let update: u64 = program.iter().map(|inst| learning.of(inst.opcode().class()).fj).sum();
//! assert_eq!(update, 3_700 + 3_700 + 1_200 + 3_900 + 2_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod asm;
mod chip;
mod decode;
// The committed text is exactly what the generator writes, so a formatter must not touch it.
#[rustfmt::skip]
mod generated;
mod operand;
mod scalar;

pub use asm::{AsmError, ListingError, assemble, disassemble};
pub use chip::{
    BarrierPoint, Certainty, Chip, ChipError, ChipGrid, ChipsBarrierPoint, CoreId, CoreSizes, Cost,
    CostClass, CostTable, Defaults, Direction, Hops, LearningCosts, Link, Mesh, ModulatorUnit,
    NeuronUnit, Overlay, Preset, ProductForm, ResolvedCosts, ResolvedLearning, Route, Router,
    RuleForm, SynapseUnit, SystemCosts, TraceUnit,
};
pub use decode::DecodeError;
pub use generated::*;
pub use operand::When;
pub use scalar::{Effect, Surroundings, SynapseSide, execute};
pub use trifactor_fixed::Rounding;

/// A fingerprint of the instruction table: 64 hexadecimal digits.
///
/// Covers names, codes, layouts and cost classes, not prose. A change of meaning that keeps all
/// of these must change [`ISA_NAME`], which is covered as well.
pub fn isa_hash() -> String {
    blake3::hash(generated::CANONICAL_TABLE.as_bytes()).to_hex().to_string()
}
