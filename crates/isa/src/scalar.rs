//! The plain reading of an instruction: sixteen registers, one synapse (S39 to S54).
//!
//! It is the meaning that others are held against: the emulator's programs, which execute many
//! lanes at once and have no registers any more, and the hardware. What a program reads from and
//! writes to is left to [`Surroundings`], so that whoever owns the state needs no copy of it.

use crate::{
    Execute, Immediate, Inst, LoadEpoch, LoadField, LoadLine, LoadSlot, R2, R2Left, R2Shift, R3,
    R3Shift, R4, Reg, Right, Rounding, Site, Store, dispatch,
};
use trifactor_fixed::{RawRange, clamp_raw, mul_round, round_shift, sat32};

/// A side of the synapse.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SynapseSide {
    /// Pre lane: `ldx`.
    Pre,
    /// Post lane: `ldy`.
    Post,
}

/// What a program sees of the core around it, for one synapse. Everything is from before the
/// phase (S39).
pub trait Surroundings {
    /// 1 if the number of the epoch is a multiple of `2^k` (S36), else 0.
    fn epoch_flag(&self, k: u8) -> i32;
    /// A global modulator line.
    fn line(&self, slot: usize) -> i32;
    /// The spike flag, column or modulator of a side, at the time of the load (S34, S40).
    fn slot(&self, side: SynapseSide, load: LoadSlot) -> i32;
    /// The raw value of a field and what a store may hold; `None` if the synapse has no such
    /// field, which ends the program.
    fn field(&self, field: usize) -> Option<(i32, RawRange)>;
    /// The draw of a site (S51, S52). Asked for only by a rounding that drops places by chance.
    fn draw(&mut self, site: Site) -> u32;
    /// A store, which becomes visible at `halt`; `saturated` if the range changed the value.
    fn store(&mut self, field: usize, value: i32, saturated: bool);
}

/// What an instruction did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The register that was written.
    Wrote(Reg),
    /// A store, or the end of the program.
    None,
    /// It names a field that the synapse does not have.
    Trapped,
}

/// Executes an instruction for a synapse.
pub fn execute(
    inst: &Inst,
    registers: &mut [i32; 16],
    surroundings: &mut impl Surroundings,
) -> Effect {
    dispatch(inst, &mut Scalar { registers, surroundings })
}

struct Scalar<'a, S> {
    registers: &'a mut [i32; 16],
    surroundings: &'a mut S,
}

impl<S: Surroundings> Scalar<'_, S> {
    fn get(&self, register: Reg) -> i64 {
        self.registers[register.index()].into()
    }
    /// Saturates and writes. Source: S42.
    fn put(&mut self, register: Reg, value: i64) -> Effect {
        self.registers[register.index()] = sat32(value) as i32;
        Effect::Wrote(register)
    }
    /// Source: S51 to S54.
    fn draw(&mut self, places: Right, rounding: Rounding, site: Site) -> u32 {
        match rounding {
            Rounding::Stochastic if places.get() > 0 => self.surroundings.draw(site),
            _ => 0,
        }
    }
}

impl<S: Surroundings> Execute for Scalar<'_, S> {
    type Output = Effect;

    fn halt(&mut self) -> Effect {
        Effect::None
    }
    fn ldi(&mut self, o: Immediate) -> Effect {
        self.put(o.rd, i64::from(o.imm) << o.shift.get())
    }
    fn ldu(&mut self, o: LoadEpoch) -> Effect {
        self.put(o.rd, self.surroundings.epoch_flag(o.k.get()).into())
    }
    fn ldg(&mut self, o: LoadLine) -> Effect {
        self.put(o.rd, self.surroundings.line(o.slot.index()).into())
    }
    fn lds(&mut self, o: LoadField) -> Effect {
        match self.surroundings.field(o.field.index()) {
            Some((raw, _)) => self.put(o.rd, raw.into()),
            None => Effect::Trapped,
        }
    }
    fn ldx(&mut self, o: LoadSlot) -> Effect {
        self.put(o.rd, self.surroundings.slot(SynapseSide::Pre, o).into())
    }
    fn ldy(&mut self, o: LoadSlot) -> Effect {
        self.put(o.rd, self.surroundings.slot(SynapseSide::Post, o).into())
    }
    fn add(&mut self, o: R3) -> Effect {
        self.put(o.rd, self.get(o.ra) + self.get(o.rb))
    }
    fn sub(&mut self, o: R3) -> Effect {
        self.put(o.rd, self.get(o.ra) - self.get(o.rb))
    }
    fn min(&mut self, o: R3) -> Effect {
        self.put(o.rd, self.get(o.ra).min(self.get(o.rb)))
    }
    fn max(&mut self, o: R3) -> Effect {
        self.put(o.rd, self.get(o.ra).max(self.get(o.rb)))
    }
    fn gt(&mut self, o: R3) -> Effect {
        self.put(o.rd, (self.get(o.ra) > self.get(o.rb)).into())
    }
    fn sgn(&mut self, o: R2) -> Effect {
        self.put(o.rd, self.get(o.ra).signum())
    }
    fn sel(&mut self, o: R4) -> Effect {
        let chosen = if self.get(o.ra) != 0 { o.rb } else { o.rc };
        self.put(o.rd, self.get(chosen))
    }
    fn shl(&mut self, o: R2Left) -> Effect {
        self.put(o.rd, self.get(o.ra) << o.shift.get())
    }
    fn shr(&mut self, o: R2Shift) -> Effect {
        let draw = self.draw(o.shift, o.round, o.site);
        self.put(o.rd, round_shift(self.get(o.ra), o.shift.get().into(), o.round, draw))
    }
    fn mul(&mut self, o: R3Shift) -> Effect {
        let draw = self.draw(o.shift, o.round, o.site);
        let (a, b) = (self.get(o.ra), self.get(o.rb));
        self.put(o.rd, mul_round(a, b, o.shift.get().into(), o.round, draw))
    }
    fn sts(&mut self, o: Store) -> Effect {
        let field = o.field.index();
        let Some((_, range)) = self.surroundings.field(field) else { return Effect::Trapped };
        let draw = self.draw(o.shift, o.round, o.site);
        let value = round_shift(self.get(o.ra), o.shift.get().into(), o.round, draw);
        let held = clamp_raw(value, range);
        self.surroundings.store(field, held as i32, held != value);
        Effect::None
    }
}
