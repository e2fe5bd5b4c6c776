// Generated from isa/ucode.ron by `cargo xtask gen`; do not edit.

use crate::generated::{Inst, R2, R2Shift, R2Left, R3, R3Shift, R4, Immediate, LoadField, LoadSlot, LoadLine, LoadEpoch, Store};

/// Something that gives instructions a meaning: one required handler per opcode, so an
/// instruction added to the table does not compile until every executor handles it.
pub trait Execute {
    /// What a handler returns.
    type Output;
    /// Ends the program for this synapse. All values set by `sts` become visible together. Source: S39.
    fn halt(&mut self) -> Self::Output;
    /// `rd = sat(imm << shift)`. A constant passes through the adder and touches no memory, hence its class. Source: S42, S60.
    fn ldi(&mut self, o: Immediate) -> Self::Output;
    /// `rd = u_k`: 1 if the epoch's number is a multiple of `2^k`, else 0. Source: S46.
    fn ldu(&mut self, o: LoadEpoch) -> Self::Output;
    /// `rd` = raw value of the global modulator line at the end of the epoch. Source: S36, S40.
    fn ldg(&mut self, o: LoadLine) -> Self::Output;
    /// `rd` = raw value of the synapse's variable from before the plasticity phase; an earlier `sts` of the same program is not seen. Source: S39, S40.
    fn lds(&mut self, o: LoadField) -> Self::Output;
    /// `rd` = raw value of a column of the pre lane. Slot 0 is the flag x0 (1 if the lane spiked in the epoch, else 0); slots 1 to 15 are the profile's pre columns. `when` and `prev` choose the step for a trace; they have no effect on slot 0 and on modulators. Source: S34, S35, S40.
    fn ldx(&mut self, o: LoadSlot) -> Self::Output;
    /// `rd` = raw value of a column of the post lane. Slot 0 is the flag y0 (1 if the lane spiked in the epoch, else 0); slots 1 to 15 are the profile's post columns. `when` and `prev` choose the step for a trace; they have no effect on slot 0 and on modulators. Source: S34, S35, S40.
    fn ldy(&mut self, o: LoadSlot) -> Self::Output;
    /// `rd = sat(ra + rb)`. Source: S42.
    fn add(&mut self, o: R3) -> Self::Output;
    /// `rd = sat(ra - rb)`. Source: S42.
    fn sub(&mut self, o: R3) -> Self::Output;
    /// `rd` = the smaller of `ra` and `rb`. Source: S42.
    fn min(&mut self, o: R3) -> Self::Output;
    /// `rd` = the larger of `ra` and `rb`. Source: S42.
    fn max(&mut self, o: R3) -> Self::Output;
    /// `rd` = 1 if `ra > rb`, else 0. Source: S42.
    fn gt(&mut self, o: R3) -> Self::Output;
    /// `rd` = -1, 0 or 1, the sign of `ra`. Source: S42.
    fn sgn(&mut self, o: R2) -> Self::Output;
    /// `rd` = `rb` if `ra` is not 0, else `rc`. Source: S42.
    fn sel(&mut self, o: R4) -> Self::Output;
    /// `rd = sat(ra << shift)`. Source: S42, S44.
    fn shl(&mut self, o: R2Left) -> Self::Output;
    /// `rd = round(ra, shift)`. Source: S41, S44.
    fn shr(&mut self, o: R2Shift) -> Self::Output;
    /// `rd = sat(round(ra * rb, shift))`; the product is exact. Source: S43.
    fn mul(&mut self, o: R3Shift) -> Self::Output;
    /// The synapse's variable := `round(ra, shift)`, saturated to the variable's range (the saturation is counted). Takes effect at `halt`; of several stores to one field the last counts. Source: S39, S41, S42.
    fn sts(&mut self, o: Store) -> Self::Output;
}

/// Calls the handler of an instruction.
#[inline]
pub fn dispatch<E: Execute>(inst: &Inst, e: &mut E) -> E::Output {
    match *inst {
        Inst::Halt => e.halt(),
        Inst::Ldi(o) => e.ldi(o),
        Inst::Ldu(o) => e.ldu(o),
        Inst::Ldg(o) => e.ldg(o),
        Inst::Lds(o) => e.lds(o),
        Inst::Ldx(o) => e.ldx(o),
        Inst::Ldy(o) => e.ldy(o),
        Inst::Add(o) => e.add(o),
        Inst::Sub(o) => e.sub(o),
        Inst::Min(o) => e.min(o),
        Inst::Max(o) => e.max(o),
        Inst::Gt(o) => e.gt(o),
        Inst::Sgn(o) => e.sgn(o),
        Inst::Sel(o) => e.sel(o),
        Inst::Shl(o) => e.shl(o),
        Inst::Shr(o) => e.shr(o),
        Inst::Mul(o) => e.mul(o),
        Inst::Sts(o) => e.sts(o),
    }
}
