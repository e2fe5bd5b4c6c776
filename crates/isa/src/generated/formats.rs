// Generated from isa/ucode.ron by `cargo xtask gen`; do not edit.

use crate::asm::{AsmError, Operands};
use crate::decode::{DecodeError, get, put, reserved};
use crate::operand::{Rounding, Text, When};
use crate::generated::{Reg, Left, Right, Site, Field, Slot, Exponent, Opcode};
use std::fmt;

/// Operands of format R2.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct R2 {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Register, bits 21:18.
    pub ra: Reg,
}

impl R2 {
    const USED: u32 = 0x03fc0000;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.ra, 18)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            ra: get(word, op, "ra", 21, 18)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            ra: ops.take()?,
        })
    }
}

impl fmt::Display for R2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.ra.write(f)?;
        Ok(())
    }
}

/// Operands of format R2S.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct R2Shift {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Register, bits 21:18.
    pub ra: Reg,
    /// Right shift, bits 13:8.
    pub shift: Right,
    /// Rounding, bits 7:6.
    pub round: Rounding,
    /// Draw site, bits 4:0.
    pub site: Site,
}

impl R2Shift {
    const USED: u32 = 0x03fc3fdf;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.ra, 18) | put(self.shift, 8) | put(self.round, 6) | put(self.site, 0)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            ra: get(word, op, "ra", 21, 18)?,
            shift: get(word, op, "shift", 13, 8)?,
            round: get(word, op, "round", 7, 6)?,
            site: get(word, op, "site", 4, 0)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            ra: ops.take()?,
            shift: ops.take()?,
            round: ops.take()?,
            site: ops.take()?,
        })
    }
}

impl fmt::Display for R2Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.ra.write(f)?;
        f.write_str(", ")?;
        self.shift.write(f)?;
        f.write_str(", ")?;
        self.round.write(f)?;
        f.write_str(", ")?;
        self.site.write(f)?;
        Ok(())
    }
}

/// Operands of format R2L.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct R2Left {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Register, bits 21:18.
    pub ra: Reg,
    /// Left shift, bits 13:8.
    pub shift: Left,
}

impl R2Left {
    const USED: u32 = 0x03fc3f00;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.ra, 18) | put(self.shift, 8)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            ra: get(word, op, "ra", 21, 18)?,
            shift: get(word, op, "shift", 13, 8)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            ra: ops.take()?,
            shift: ops.take()?,
        })
    }
}

impl fmt::Display for R2Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.ra.write(f)?;
        f.write_str(", ")?;
        self.shift.write(f)?;
        Ok(())
    }
}

/// Operands of format R3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct R3 {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Register, bits 21:18.
    pub ra: Reg,
    /// Register, bits 17:14.
    pub rb: Reg,
}

impl R3 {
    const USED: u32 = 0x03ffc000;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.ra, 18) | put(self.rb, 14)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            ra: get(word, op, "ra", 21, 18)?,
            rb: get(word, op, "rb", 17, 14)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            ra: ops.take()?,
            rb: ops.take()?,
        })
    }
}

impl fmt::Display for R3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.ra.write(f)?;
        f.write_str(", ")?;
        self.rb.write(f)?;
        Ok(())
    }
}

/// Operands of format R3S.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct R3Shift {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Register, bits 21:18.
    pub ra: Reg,
    /// Register, bits 17:14.
    pub rb: Reg,
    /// Right shift, bits 13:8.
    pub shift: Right,
    /// Rounding, bits 7:6.
    pub round: Rounding,
    /// Draw site, bits 4:0.
    pub site: Site,
}

impl R3Shift {
    const USED: u32 = 0x03ffffdf;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.ra, 18) | put(self.rb, 14) | put(self.shift, 8) | put(self.round, 6) | put(self.site, 0)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            ra: get(word, op, "ra", 21, 18)?,
            rb: get(word, op, "rb", 17, 14)?,
            shift: get(word, op, "shift", 13, 8)?,
            round: get(word, op, "round", 7, 6)?,
            site: get(word, op, "site", 4, 0)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            ra: ops.take()?,
            rb: ops.take()?,
            shift: ops.take()?,
            round: ops.take()?,
            site: ops.take()?,
        })
    }
}

impl fmt::Display for R3Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.ra.write(f)?;
        f.write_str(", ")?;
        self.rb.write(f)?;
        f.write_str(", ")?;
        self.shift.write(f)?;
        f.write_str(", ")?;
        self.round.write(f)?;
        f.write_str(", ")?;
        self.site.write(f)?;
        Ok(())
    }
}

/// Operands of format R4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct R4 {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Register, bits 21:18.
    pub ra: Reg,
    /// Register, bits 17:14.
    pub rb: Reg,
    /// Register, bits 13:10.
    pub rc: Reg,
}

impl R4 {
    const USED: u32 = 0x03fffc00;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.ra, 18) | put(self.rb, 14) | put(self.rc, 10)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            ra: get(word, op, "ra", 21, 18)?,
            rb: get(word, op, "rb", 17, 14)?,
            rc: get(word, op, "rc", 13, 10)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            ra: ops.take()?,
            rb: ops.take()?,
            rc: ops.take()?,
        })
    }
}

impl fmt::Display for R4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.ra.write(f)?;
        f.write_str(", ")?;
        self.rb.write(f)?;
        f.write_str(", ")?;
        self.rc.write(f)?;
        Ok(())
    }
}

/// Operands of format I.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Immediate {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Immediate, bits 21:6.
    pub imm: i16,
    /// Left shift, bits 5:0.
    pub shift: Left,
}

impl Immediate {
    const USED: u32 = 0x03ffffff;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.imm, 6) | put(self.shift, 0)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            imm: get(word, op, "imm", 21, 6)?,
            shift: get(word, op, "shift", 5, 0)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            imm: ops.take()?,
            shift: ops.take()?,
        })
    }
}

impl fmt::Display for Immediate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.imm.write(f)?;
        f.write_str(", ")?;
        self.shift.write(f)?;
        Ok(())
    }
}

/// Operands of format LS.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LoadField {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Field, bits 21:18.
    pub field: Field,
}

impl LoadField {
    const USED: u32 = 0x03fc0000;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.field, 18)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            field: get(word, op, "field", 21, 18)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            field: ops.take()?,
        })
    }
}

impl fmt::Display for LoadField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.field.write(f)?;
        Ok(())
    }
}

/// Operands of format LT.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LoadSlot {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Slot, bits 21:18.
    pub slot: Slot,
    /// Time, bits 17:16.
    pub when: When,
    /// Previous, bits 15.
    pub prev: bool,
}

impl LoadSlot {
    const USED: u32 = 0x03ff8000;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.slot, 18) | put(self.when, 16) | put(self.prev, 15)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            slot: get(word, op, "slot", 21, 18)?,
            when: get(word, op, "when", 17, 16)?,
            prev: get(word, op, "prev", 15, 15)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            slot: ops.take()?,
            when: ops.take()?,
            prev: ops.flag("prev"),
        })
    }
}

impl fmt::Display for LoadSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.slot.write(f)?;
        f.write_str(", ")?;
        self.when.write(f)?;
        if self.prev {
            f.write_str(", prev")?;
        }
        Ok(())
    }
}

/// Operands of format LG.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LoadLine {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Slot, bits 21:18.
    pub slot: Slot,
}

impl LoadLine {
    const USED: u32 = 0x03fc0000;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.slot, 18)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            slot: get(word, op, "slot", 21, 18)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            slot: ops.take()?,
        })
    }
}

impl fmt::Display for LoadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.slot.write(f)?;
        Ok(())
    }
}

/// Operands of format LU.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LoadEpoch {
    /// Register, bits 25:22.
    pub rd: Reg,
    /// Epoch exponent, bits 21:18.
    pub k: Exponent,
}

impl LoadEpoch {
    const USED: u32 = 0x03fc0000;

    pub(crate) fn pack(self) -> u32 {
        put(self.rd, 22) | put(self.k, 18)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            rd: get(word, op, "rd", 25, 22)?,
            k: get(word, op, "k", 21, 18)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            rd: ops.take()?,
            k: ops.take()?,
        })
    }
}

impl fmt::Display for LoadEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rd.write(f)?;
        f.write_str(", ")?;
        self.k.write(f)?;
        Ok(())
    }
}

/// Operands of format ST.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Store {
    /// Field, bits 25:22.
    pub field: Field,
    /// Register, bits 21:18.
    pub ra: Reg,
    /// Right shift, bits 13:8.
    pub shift: Right,
    /// Rounding, bits 7:6.
    pub round: Rounding,
    /// Draw site, bits 4:0.
    pub site: Site,
}

impl Store {
    const USED: u32 = 0x03fc3fdf;

    pub(crate) fn pack(self) -> u32 {
        put(self.field, 22) | put(self.ra, 18) | put(self.shift, 8) | put(self.round, 6) | put(self.site, 0)
    }

    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {
        reserved(word, op, Self::USED)?;
        Ok(Self {
            field: get(word, op, "field", 25, 22)?,
            ra: get(word, op, "ra", 21, 18)?,
            shift: get(word, op, "shift", 13, 8)?,
            round: get(word, op, "round", 7, 6)?,
            site: get(word, op, "site", 4, 0)?,
        })
    }

    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {
        Ok(Self {
            field: ops.take()?,
            ra: ops.take()?,
            shift: ops.take()?,
            round: ops.take()?,
            site: ops.take()?,
        })
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.field.write(f)?;
        f.write_str(", ")?;
        self.ra.write(f)?;
        f.write_str(", ")?;
        self.shift.write(f)?;
        f.write_str(", ")?;
        self.round.write(f)?;
        f.write_str(", ")?;
        self.site.write(f)?;
        Ok(())
    }
}
