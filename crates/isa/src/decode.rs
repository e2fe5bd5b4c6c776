//! Fields of a word, and why a word is no instruction.

use crate::Opcode;
use crate::operand::Bits;

/// Why a word is no instruction.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// Bits 31:26 are no opcode.
    #[error("{word:#010x} is no instruction: there is no opcode {code:#04x}")]
    UnknownOpcode {
        /// The word.
        word: u32,
        /// Its bits 31:26.
        code: u8,
    },
    /// A bit that the format reserves is set.
    #[error("{word:#010x} is no instruction: `{}` reserves bits {bits:#010x}, which must be 0", .opcode.name())]
    ReservedBits {
        /// The word.
        word: u32,
        /// Its opcode.
        opcode: Opcode,
        /// The reserved bits that are set.
        bits: u32,
    },
    /// A field holds a code that has no meaning.
    #[error("{word:#010x} is no instruction: `{}` has no {field} {code}", .opcode.name())]
    IllegalField {
        /// The word.
        word: u32,
        /// Its opcode.
        opcode: Opcode,
        /// The field's name in the manual.
        field: &'static str,
        /// What the field holds.
        code: u32,
    },
}

/// The operand in bits `hi:lo`.
pub(crate) fn get<T: Bits>(
    word: u32,
    opcode: Opcode,
    field: &'static str,
    hi: u32,
    lo: u32,
) -> Result<T, DecodeError> {
    let code = (word >> lo) & (u32::MAX >> (31 - (hi - lo)));
    T::from_bits(code).ok_or(DecodeError::IllegalField { word, opcode, field, code })
}

/// The operand's code at bit `lo`.
pub(crate) fn put<T: Bits>(operand: T, lo: u32) -> u32 {
    operand.to_bits() << lo
}

/// Refuses a word with a bit set that is neither opcode nor operand.
pub(crate) fn reserved(word: u32, opcode: Opcode, used: u32) -> Result<(), DecodeError> {
    match word & !(0x3f << 26) & !used {
        0 => Ok(()),
        bits => Err(DecodeError::ReservedBits { word, opcode, bits }),
    }
}
