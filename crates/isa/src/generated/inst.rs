// Generated from isa/ucode.ron by `cargo xtask gen`; do not edit.

use crate::asm::{AsmError, Operands};
use crate::decode::{DecodeError, reserved};
use crate::generated::{Opcode, Reg, R2, R2Shift, R2Left, R3, R3Shift, R4, Immediate, LoadField, LoadSlot, LoadLine, LoadEpoch, Store};
use std::fmt;

/// One instruction with its operands; every value of this type has exactly one word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Inst {
    /// Ends the program for this synapse. All values set by `sts` become visible together. Source: S39.
    Halt,
    /// `rd = sat(imm << shift)`. A constant passes through the adder and touches no memory, hence its class. Source: S42, S60.
    Ldi(Immediate),
    /// `rd = u_k`: 1 if the epoch's number is a multiple of `2^k`, else 0. Source: S46.
    Ldu(LoadEpoch),
    /// `rd` = raw value of the global modulator line at the end of the epoch. Source: S36, S40.
    Ldg(LoadLine),
    /// `rd` = raw value of the synapse's variable from before the plasticity phase; an earlier `sts` of the same program is not seen. Source: S39, S40.
    Lds(LoadField),
    /// `rd` = raw value of a column of the pre lane. Slot 0 is the flag x0 (1 if the lane spiked in the epoch, else 0); slots 1 to 15 are the profile's pre columns. `when` and `prev` choose the step for a trace; they have no effect on slot 0 and on modulators. Source: S34, S35, S40.
    Ldx(LoadSlot),
    /// `rd` = raw value of a column of the post lane. Slot 0 is the flag y0 (1 if the lane spiked in the epoch, else 0); slots 1 to 15 are the profile's post columns. `when` and `prev` choose the step for a trace; they have no effect on slot 0 and on modulators. Source: S34, S35, S40.
    Ldy(LoadSlot),
    /// `rd = sat(ra + rb)`. Source: S42.
    Add(R3),
    /// `rd = sat(ra - rb)`. Source: S42.
    Sub(R3),
    /// `rd` = the smaller of `ra` and `rb`. Source: S42.
    Min(R3),
    /// `rd` = the larger of `ra` and `rb`. Source: S42.
    Max(R3),
    /// `rd` = 1 if `ra > rb`, else 0. Source: S42.
    Gt(R3),
    /// `rd` = -1, 0 or 1, the sign of `ra`. Source: S42.
    Sgn(R2),
    /// `rd` = `rb` if `ra` is not 0, else `rc`. Source: S42.
    Sel(R4),
    /// `rd = sat(ra << shift)`. Source: S42, S44.
    Shl(R2Left),
    /// `rd = round(ra, shift)`. Source: S41, S44.
    Shr(R2Shift),
    /// `rd = sat(round(ra * rb, shift))`; the product is exact. Source: S43.
    Mul(R3Shift),
    /// The synapse's variable := `round(ra, shift)`, saturated to the variable's range (the saturation is counted). Takes effect at `halt`; of several stores to one field the last counts. Source: S39, S41, S42.
    Sts(Store),
}

impl Inst {
    /// Which instruction this is.
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Halt => Opcode::Halt,
            Self::Ldi(_) => Opcode::Ldi,
            Self::Ldu(_) => Opcode::Ldu,
            Self::Ldg(_) => Opcode::Ldg,
            Self::Lds(_) => Opcode::Lds,
            Self::Ldx(_) => Opcode::Ldx,
            Self::Ldy(_) => Opcode::Ldy,
            Self::Add(_) => Opcode::Add,
            Self::Sub(_) => Opcode::Sub,
            Self::Min(_) => Opcode::Min,
            Self::Max(_) => Opcode::Max,
            Self::Gt(_) => Opcode::Gt,
            Self::Sgn(_) => Opcode::Sgn,
            Self::Sel(_) => Opcode::Sel,
            Self::Shl(_) => Opcode::Shl,
            Self::Shr(_) => Opcode::Shr,
            Self::Mul(_) => Opcode::Mul,
            Self::Sts(_) => Opcode::Sts,
        }
    }

    /// The instruction as a word.
    pub fn encode(self) -> u32 {
        match self {
            Self::Halt => (Opcode::Halt as u32) << 26,
            Self::Ldi(o) => (Opcode::Ldi as u32) << 26 | o.pack(),
            Self::Ldu(o) => (Opcode::Ldu as u32) << 26 | o.pack(),
            Self::Ldg(o) => (Opcode::Ldg as u32) << 26 | o.pack(),
            Self::Lds(o) => (Opcode::Lds as u32) << 26 | o.pack(),
            Self::Ldx(o) => (Opcode::Ldx as u32) << 26 | o.pack(),
            Self::Ldy(o) => (Opcode::Ldy as u32) << 26 | o.pack(),
            Self::Add(o) => (Opcode::Add as u32) << 26 | o.pack(),
            Self::Sub(o) => (Opcode::Sub as u32) << 26 | o.pack(),
            Self::Min(o) => (Opcode::Min as u32) << 26 | o.pack(),
            Self::Max(o) => (Opcode::Max as u32) << 26 | o.pack(),
            Self::Gt(o) => (Opcode::Gt as u32) << 26 | o.pack(),
            Self::Sgn(o) => (Opcode::Sgn as u32) << 26 | o.pack(),
            Self::Sel(o) => (Opcode::Sel as u32) << 26 | o.pack(),
            Self::Shl(o) => (Opcode::Shl as u32) << 26 | o.pack(),
            Self::Shr(o) => (Opcode::Shr as u32) << 26 | o.pack(),
            Self::Mul(o) => (Opcode::Mul as u32) << 26 | o.pack(),
            Self::Sts(o) => (Opcode::Sts as u32) << 26 | o.pack(),
        }
    }

    /// The instruction of a word.
    ///
    /// Errors: the opcode is unknown, a reserved bit is set, or a field holds a code that
    /// has no meaning; so a word that decodes has exactly one text.
    pub fn decode(word: u32) -> Result<Self, DecodeError> {
        let code = (word >> 26) as u8;
        let Some(op) = Opcode::from_code(code) else {
            return Err(DecodeError::UnknownOpcode { word, code });
        };
        Ok(match op {
            Opcode::Halt => {
                reserved(word, op, 0)?;
                Self::Halt
            }
            Opcode::Ldi => Self::Ldi(Immediate::unpack(word, op)?),
            Opcode::Ldu => Self::Ldu(LoadEpoch::unpack(word, op)?),
            Opcode::Ldg => Self::Ldg(LoadLine::unpack(word, op)?),
            Opcode::Lds => Self::Lds(LoadField::unpack(word, op)?),
            Opcode::Ldx => Self::Ldx(LoadSlot::unpack(word, op)?),
            Opcode::Ldy => Self::Ldy(LoadSlot::unpack(word, op)?),
            Opcode::Add => Self::Add(R3::unpack(word, op)?),
            Opcode::Sub => Self::Sub(R3::unpack(word, op)?),
            Opcode::Min => Self::Min(R3::unpack(word, op)?),
            Opcode::Max => Self::Max(R3::unpack(word, op)?),
            Opcode::Gt => Self::Gt(R3::unpack(word, op)?),
            Opcode::Sgn => Self::Sgn(R2::unpack(word, op)?),
            Opcode::Sel => Self::Sel(R4::unpack(word, op)?),
            Opcode::Shl => Self::Shl(R2Left::unpack(word, op)?),
            Opcode::Shr => Self::Shr(R2Shift::unpack(word, op)?),
            Opcode::Mul => Self::Mul(R3Shift::unpack(word, op)?),
            Opcode::Sts => Self::Sts(Store::unpack(word, op)?),
        })
    }

    /// Reads the operands that follow a mnemonic.
    pub(crate) fn parse(op: Opcode, ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        let inst = match op {
            Opcode::Halt => Self::Halt,
            Opcode::Ldi => Self::Ldi(Immediate::parse(ops)?),
            Opcode::Ldu => Self::Ldu(LoadEpoch::parse(ops)?),
            Opcode::Ldg => Self::Ldg(LoadLine::parse(ops)?),
            Opcode::Lds => Self::Lds(LoadField::parse(ops)?),
            Opcode::Ldx => Self::Ldx(LoadSlot::parse(ops)?),
            Opcode::Ldy => Self::Ldy(LoadSlot::parse(ops)?),
            Opcode::Add => Self::Add(R3::parse(ops)?),
            Opcode::Sub => Self::Sub(R3::parse(ops)?),
            Opcode::Min => Self::Min(R3::parse(ops)?),
            Opcode::Max => Self::Max(R3::parse(ops)?),
            Opcode::Gt => Self::Gt(R3::parse(ops)?),
            Opcode::Sgn => Self::Sgn(R2::parse(ops)?),
            Opcode::Sel => Self::Sel(R4::parse(ops)?),
            Opcode::Shl => Self::Shl(R2Left::parse(ops)?),
            Opcode::Shr => Self::Shr(R2Shift::parse(ops)?),
            Opcode::Mul => Self::Mul(R3Shift::parse(ops)?),
            Opcode::Sts => Self::Sts(Store::parse(ops)?),
        };
        ops.end()?;
        Ok(inst)
    }

    /// The registers it reads, in operand order.
    pub const fn reads(self) -> [Option<Reg>; 3] {
        match self {
            Self::Halt => [None, None, None],
            Self::Ldi(_) => [None, None, None],
            Self::Ldu(_) => [None, None, None],
            Self::Ldg(_) => [None, None, None],
            Self::Lds(_) => [None, None, None],
            Self::Ldx(_) => [None, None, None],
            Self::Ldy(_) => [None, None, None],
            Self::Add(o) => [Some(o.ra), Some(o.rb), None],
            Self::Sub(o) => [Some(o.ra), Some(o.rb), None],
            Self::Min(o) => [Some(o.ra), Some(o.rb), None],
            Self::Max(o) => [Some(o.ra), Some(o.rb), None],
            Self::Gt(o) => [Some(o.ra), Some(o.rb), None],
            Self::Sgn(o) => [Some(o.ra), None, None],
            Self::Sel(o) => [Some(o.ra), Some(o.rb), Some(o.rc)],
            Self::Shl(o) => [Some(o.ra), None, None],
            Self::Shr(o) => [Some(o.ra), None, None],
            Self::Mul(o) => [Some(o.ra), Some(o.rb), None],
            Self::Sts(o) => [Some(o.ra), None, None],
        }
    }

    /// The register it writes.
    pub const fn writes(self) -> Option<Reg> {
        match self {
            Self::Halt => None,
            Self::Ldi(o) => Some(o.rd),
            Self::Ldu(o) => Some(o.rd),
            Self::Ldg(o) => Some(o.rd),
            Self::Lds(o) => Some(o.rd),
            Self::Ldx(o) => Some(o.rd),
            Self::Ldy(o) => Some(o.rd),
            Self::Add(o) => Some(o.rd),
            Self::Sub(o) => Some(o.rd),
            Self::Min(o) => Some(o.rd),
            Self::Max(o) => Some(o.rd),
            Self::Gt(o) => Some(o.rd),
            Self::Sgn(o) => Some(o.rd),
            Self::Sel(o) => Some(o.rd),
            Self::Shl(o) => Some(o.rd),
            Self::Shr(o) => Some(o.rd),
            Self::Mul(o) => Some(o.rd),
            Self::Sts(_) => None,
        }
    }
}

impl fmt::Display for Inst {
    /// The text that [`assemble`](crate::assemble) reads back as the same instruction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Halt => f.write_str("halt"),
            Self::Ldi(o) => write!(f, "ldi {o}"),
            Self::Ldu(o) => write!(f, "ldu {o}"),
            Self::Ldg(o) => write!(f, "ldg {o}"),
            Self::Lds(o) => write!(f, "lds {o}"),
            Self::Ldx(o) => write!(f, "ldx {o}"),
            Self::Ldy(o) => write!(f, "ldy {o}"),
            Self::Add(o) => write!(f, "add {o}"),
            Self::Sub(o) => write!(f, "sub {o}"),
            Self::Min(o) => write!(f, "min {o}"),
            Self::Max(o) => write!(f, "max {o}"),
            Self::Gt(o) => write!(f, "gt {o}"),
            Self::Sgn(o) => write!(f, "sgn {o}"),
            Self::Sel(o) => write!(f, "sel {o}"),
            Self::Shl(o) => write!(f, "shl {o}"),
            Self::Shr(o) => write!(f, "shr {o}"),
            Self::Mul(o) => write!(f, "mul {o}"),
            Self::Sts(o) => write!(f, "sts {o}"),
        }
    }
}
