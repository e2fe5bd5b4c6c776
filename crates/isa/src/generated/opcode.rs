// Generated from isa/ucode.ron by `cargo xtask gen`; do not edit.

use crate::chip::CostClass;

/// Name and version of the instruction set; a chip file names the one it executes.
pub const ISA_NAME: &str = "trifactor-1";

/// Bits 31:26 of a word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Opcode {
    /// Ends the program for this synapse. All values set by `sts` become visible together. Source: S39.
    Halt = 0x01,
    /// `rd = sat(imm << shift)`. A constant passes through the adder and touches no memory, hence its class. Source: S42, S60.
    Ldi = 0x08,
    /// `rd = u_k`: 1 if the epoch's number is a multiple of `2^k`, else 0. Source: S46.
    Ldu = 0x09,
    /// `rd` = raw value of the global modulator line at the end of the epoch. Source: S36, S40.
    Ldg = 0x0a,
    /// `rd` = raw value of the synapse's variable from before the plasticity phase; an earlier `sts` of the same program is not seen. Source: S39, S40.
    Lds = 0x0b,
    /// `rd` = raw value of a column of the pre lane. Slot 0 is the flag x0 (1 if the lane spiked in the epoch, else 0); slots 1 to 15 are the profile's pre columns. `when` and `prev` choose the step for a trace; they have no effect on slot 0 and on modulators. Source: S34, S35, S40.
    Ldx = 0x0c,
    /// `rd` = raw value of a column of the post lane. Slot 0 is the flag y0 (1 if the lane spiked in the epoch, else 0); slots 1 to 15 are the profile's post columns. `when` and `prev` choose the step for a trace; they have no effect on slot 0 and on modulators. Source: S34, S35, S40.
    Ldy = 0x0d,
    /// `rd = sat(ra + rb)`. Source: S42.
    Add = 0x10,
    /// `rd = sat(ra - rb)`. Source: S42.
    Sub = 0x11,
    /// `rd` = the smaller of `ra` and `rb`. Source: S42.
    Min = 0x12,
    /// `rd` = the larger of `ra` and `rb`. Source: S42.
    Max = 0x13,
    /// `rd` = 1 if `ra > rb`, else 0. Source: S42.
    Gt = 0x14,
    /// `rd` = -1, 0 or 1, the sign of `ra`. Source: S42.
    Sgn = 0x15,
    /// `rd` = `rb` if `ra` is not 0, else `rc`. Source: S42.
    Sel = 0x16,
    /// `rd = sat(ra << shift)`. Source: S42, S44.
    Shl = 0x17,
    /// `rd = round(ra, shift)`. Source: S41, S44.
    Shr = 0x18,
    /// `rd = sat(round(ra * rb, shift))`; the product is exact. Source: S43.
    Mul = 0x20,
    /// The synapse's variable := `round(ra, shift)`, saturated to the variable's range (the saturation is counted). Takes effect at `halt`; of several stores to one field the last counts. Source: S39, S41, S42.
    Sts = 0x30,
}

impl Opcode {
    /// All opcodes, in the order of the manual.
    pub const ALL: [Self; 18] = [Self::Halt, Self::Ldi, Self::Ldu, Self::Ldg, Self::Lds, Self::Ldx, Self::Ldy, Self::Add, Self::Sub, Self::Min, Self::Max, Self::Gt, Self::Sgn, Self::Sel, Self::Shl, Self::Shr, Self::Mul, Self::Sts];

    /// The opcode with this code, if there is one.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0x01 => Self::Halt,
            0x08 => Self::Ldi,
            0x09 => Self::Ldu,
            0x0a => Self::Ldg,
            0x0b => Self::Lds,
            0x0c => Self::Ldx,
            0x0d => Self::Ldy,
            0x10 => Self::Add,
            0x11 => Self::Sub,
            0x12 => Self::Min,
            0x13 => Self::Max,
            0x14 => Self::Gt,
            0x15 => Self::Sgn,
            0x16 => Self::Sel,
            0x17 => Self::Shl,
            0x18 => Self::Shr,
            0x20 => Self::Mul,
            0x30 => Self::Sts,
            _ => return None,
        })
    }

    /// The mnemonic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::Ldi => "ldi",
            Self::Ldu => "ldu",
            Self::Ldg => "ldg",
            Self::Lds => "lds",
            Self::Ldx => "ldx",
            Self::Ldy => "ldy",
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Min => "min",
            Self::Max => "max",
            Self::Gt => "gt",
            Self::Sgn => "sgn",
            Self::Sel => "sel",
            Self::Shl => "shl",
            Self::Shr => "shr",
            Self::Mul => "mul",
            Self::Sts => "sts",
        }
    }

    /// Which cost coefficient of the chip applies.
    pub const fn class(self) -> CostClass {
        match self {
            Self::Halt => CostClass::Control,
            Self::Ldi => CostClass::Alu,
            Self::Ldu => CostClass::Load,
            Self::Ldg => CostClass::Load,
            Self::Lds => CostClass::Load,
            Self::Ldx => CostClass::Load,
            Self::Ldy => CostClass::Load,
            Self::Add => CostClass::Alu,
            Self::Sub => CostClass::Alu,
            Self::Min => CostClass::Alu,
            Self::Max => CostClass::Alu,
            Self::Gt => CostClass::Alu,
            Self::Sgn => CostClass::Alu,
            Self::Sel => CostClass::Alu,
            Self::Shl => CostClass::Alu,
            Self::Shr => CostClass::Alu,
            Self::Mul => CostClass::Mul,
            Self::Sts => CostClass::Store,
        }
    }

    /// The name of its format in the manual.
    pub const fn format(self) -> &'static str {
        match self {
            Self::Halt => "Z",
            Self::Ldi => "I",
            Self::Ldu => "LU",
            Self::Ldg => "LG",
            Self::Lds => "LS",
            Self::Ldx => "LT",
            Self::Ldy => "LT",
            Self::Add => "R3",
            Self::Sub => "R3",
            Self::Min => "R3",
            Self::Max => "R3",
            Self::Gt => "R3",
            Self::Sgn => "R2",
            Self::Sel => "R4",
            Self::Shl => "R2L",
            Self::Shr => "R2S",
            Self::Mul => "R3S",
            Self::Sts => "ST",
        }
    }

    /// A line of assembly text with this opcode.
    pub const fn example(self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::Ldi => "ldi r1, -3, <<2",
            Self::Ldu => "ldu r1, k 3",
            Self::Ldg => "ldg r5, slot 0",
            Self::Lds => "lds r0, field 0",
            Self::Ldx => "ldx r1, slot 3, at x0, prev",
            Self::Ldy => "ldy r2, slot 1, at x0",
            Self::Add => "add r3, r1, r2",
            Self::Sub => "sub r3, r1, r2",
            Self::Min => "min r3, r1, r2",
            Self::Max => "max r3, r1, r2",
            Self::Gt => "gt r3, r1, r2",
            Self::Sgn => "sgn r3, r1",
            Self::Sel => "sel r3, r0, r1, r2",
            Self::Shl => "shl r3, r1, <<7",
            Self::Shr => "shr r3, r1, >>7, nearest, site 0",
            Self::Mul => "mul r3, r1, r2, >>4, stochastic, site 2",
            Self::Sts => "sts field 0, r4, >>7, stochastic, site 1",
        }
    }
}

/// What fixes the meaning of words, one fact per line and without prose: the input of
/// [`isa_hash`](crate::isa_hash).
pub(crate) const CANONICAL_TABLE: &str = "\
isa trifactor-1\n\
kind register: 4 bits, 0 to 15\n\
kind immediate: 16 bits, 0 to 65535\n\
kind left shift: 6 bits, 0 to 31\n\
kind right shift: 6 bits, 0 to 62\n\
kind rounding: 2 bits, 0 to 3\n\
kind draw site: 5 bits, 0 to 31\n\
kind field: 4 bits, 0 to 15\n\
kind slot: 4 bits, 0 to 15\n\
kind time: 2 bits, 0 to 2\n\
kind previous: 1 bits, 0 to 1\n\
kind epoch exponent: 4 bits, 0 to 15\n\
format Z: \n\
format R2: rd register 25:22, ra register 21:18\n\
format R2S: rd register 25:22, ra register 21:18, shift right shift 13:8, round rounding 7:6, site draw site 4:0\n\
format R2L: rd register 25:22, ra register 21:18, shift left shift 13:8\n\
format R3: rd register 25:22, ra register 21:18, rb register 17:14\n\
format R3S: rd register 25:22, ra register 21:18, rb register 17:14, shift right shift 13:8, round rounding 7:6, site draw site 4:0\n\
format R4: rd register 25:22, ra register 21:18, rb register 17:14, rc register 13:10\n\
format I: rd register 25:22, imm immediate 21:6, shift left shift 5:0\n\
format LS: rd register 25:22, field field 21:18\n\
format LT: rd register 25:22, slot slot 21:18, when time 17:16, prev previous 15:15\n\
format LG: rd register 25:22, slot slot 21:18\n\
format LU: rd register 25:22, k epoch exponent 21:18\n\
format ST: field field 25:22, ra register 21:18, shift right shift 13:8, round rounding 7:6, site draw site 4:0\n\
halt 0x01 Z Control\n\
ldi 0x08 I Alu\n\
ldu 0x09 LU Load\n\
ldg 0x0a LG Load\n\
lds 0x0b LS Load\n\
ldx 0x0c LT Load\n\
ldy 0x0d LT Load\n\
add 0x10 R3 Alu\n\
sub 0x11 R3 Alu\n\
min 0x12 R3 Alu\n\
max 0x13 R3 Alu\n\
gt 0x14 R3 Alu\n\
sgn 0x15 R2 Alu\n\
sel 0x16 R4 Alu\n\
shl 0x17 R2L Alu\n\
shr 0x18 R2S Alu\n\
mul 0x20 R3S Mul\n\
sts 0x30 ST Store\n\
";
