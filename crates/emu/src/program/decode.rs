//! Microcode words to values.
//!
//! One handler per opcode, as `Execute` demands: an instruction added to the table does not
//! compile until it has one here. A register that was never written reads as 0.

use super::{At, Interval, Op, Program, Shift, Side, Store, Value};
use crate::ledger::CLASSES;
use trifactor_fixed::{RawRange, Rounding, sat32};
use trifactor_image as image;
use trifactor_isa::{
    DecodeError, Execute, Immediate, Inst, LoadEpoch, LoadField, LoadLine, LoadSlot, R2, R2Left,
    R2Shift, R3, R3Shift, R4, When, dispatch,
};

/// What a slot of a profile stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// Index among the group's columns of the slot's side.
    Column(usize),
    /// A modulator range of the core.
    Modulator(usize),
}

/// The tables a program is read against.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Steps per epoch.
    pub epoch: u32,
    /// Ranges of what the fields can hold, and of what stores may write.
    pub fields: Vec<(RawRange, RawRange)>,
    /// Slots 1 and up of `ldx`.
    pub pre_slots: Vec<Source>,
    /// Slots 1 and up of `ldy`.
    pub post_slots: Vec<Source>,
    /// Slots of `ldg`.
    pub global_slots: Vec<usize>,
    /// Ranges of the pre columns.
    pub pre_columns: Vec<Interval>,
    /// Ranges of the post columns.
    pub post_columns: Vec<Interval>,
    /// Ranges of the core's modulators.
    pub modulators: Vec<Interval>,
}

/// Why words are no program of a profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ProgramError {
    /// A word does not decode.
    Decode {
        /// Position in the program.
        at: usize,
        /// Why.
        source: DecodeError,
    },
    /// A word names something the profile does not have.
    Operand {
        /// Position in the program.
        at: usize,
        /// What it names.
        what: &'static str,
    },
    /// There is no `halt`.
    NoHalt,
}

/// Decodes a program up to its `halt`.
pub(crate) fn compile(words: &[u32], context: &Context) -> Result<Program, ProgramError> {
    let mut builder = Builder {
        context,
        ops: Vec::new(),
        ranges: Vec::new(),
        registers: [None; 16],
        stores: vec![None; context.fields.len()],
    };
    let mut classes = [0; 5];
    for (at, word) in words.iter().enumerate() {
        let inst = Inst::decode(*word).map_err(|source| ProgramError::Decode { at, source })?;
        let class = inst.opcode().class();
        for (n, _) in classes.iter_mut().zip(CLASSES).filter(|(_, c)| *c == class) {
            *n += 1;
        }
        match dispatch(&inst, &mut builder) {
            Ok(Flow::Next) => {}
            Ok(Flow::Halt) => return Ok(builder.finish(classes)),
            Err(what) => return Err(ProgramError::Operand { at, what }),
        }
    }
    Err(ProgramError::NoHalt)
}

/// Whether a program goes on.
enum Flow {
    Next,
    Halt,
}

struct Builder<'a> {
    context: &'a Context,
    ops: Vec<Op>,
    ranges: Vec<Interval>,
    registers: [Option<Value>; 16],
    stores: Vec<Option<Store>>,
}

impl Builder<'_> {
    /// The value of an operation: an equal one from before, or a new one.
    fn value(&mut self, op: Op, range: Interval) -> Value {
        self.ops.iter().position(|o| *o == op).unwrap_or_else(|| {
            self.ops.push(op);
            self.ranges.push(range);
            self.ops.len() - 1
        })
    }
    fn read(&mut self, register: trifactor_isa::Reg) -> Value {
        let known = self.registers[register.index()];
        known.unwrap_or_else(|| self.value(Op::Const(0), Interval::point(0)))
    }
    fn write(&mut self, register: trifactor_isa::Reg, op: Op, range: Interval) -> Handled {
        self.registers[register.index()] = Some(self.value(op, range));
        Ok(Flow::Next)
    }
    /// An operation whose range follows from its operands.
    fn compute(&mut self, register: trifactor_isa::Reg, op: Op) -> Handled {
        let range = Interval::of(&op, |v| self.ranges[v])
            .expect("internal: only loads have ranges of their own");
        self.write(register, op, range)
    }
    fn three(&mut self, o: R3, op: impl Fn(Value, Value) -> Op) -> Handled {
        let (a, b) = (self.read(o.ra), self.read(o.rb));
        self.compute(o.rd, op(a, b))
    }
    fn load_slot(&mut self, o: LoadSlot, side: Side) -> Handled {
        let slot = o.slot.index();
        if slot == 0 {
            return self.compute(o.rd, Op::Flag(side));
        }
        let c = self.context;
        let (slots, ranges) = match side {
            Side::Pre => (&c.pre_slots, &c.pre_columns),
            Side::Post => (&c.post_slots, &c.post_columns),
        };
        match slots.get(slot - 1).ok_or("a slot the profile does not fill")? {
            Source::Modulator(m) => {
                self.write(o.rd, Op::Line { side, modulator: *m }, c.modulators[*m])
            }
            Source::Column(column) => {
                // With one step in an epoch every position is the last one (S40).
                let at = match (o.when, side) {
                    _ if c.epoch == 1 => At::End,
                    (When::End, _) => At::End,
                    (When::X0, Side::Pre) | (When::Y0, Side::Post) => At::Own,
                    (When::X0, Side::Post) | (When::Y0, Side::Pre) => At::Other,
                };
                let op = Op::Column { side, column: *column, at, prev: o.prev };
                self.write(o.rd, op, ranges[*column])
            }
        }
    }
    /// Removes what no store needs and orders the rest.
    fn finish(self, classes: [u64; 5]) -> Program {
        Program::pruned(self.ops, self.stores.into_iter().flatten().collect(), classes)
    }
}

type Handled = Result<Flow, &'static str>;

fn shift(
    places: trifactor_isa::Right,
    rounding: Rounding,
    site: trifactor_isa::Site,
    exact: Interval,
) -> Shift {
    let mut shift =
        Shift { places: places.get().into(), rounding, site: site.get(), narrow: false };
    if !shift.draws() {
        shift.site = 0;
    }
    shift.narrow = exact.fits_narrow(&shift);
    shift
}

impl Execute for Builder<'_> {
    type Output = Handled;

    fn halt(&mut self) -> Handled {
        Ok(Flow::Halt)
    }
    fn ldi(&mut self, o: Immediate) -> Handled {
        let value = sat32(i64::from(o.imm) << o.shift.get()) as i32;
        self.compute(o.rd, Op::Const(value))
    }
    fn ldu(&mut self, o: LoadEpoch) -> Handled {
        self.compute(o.rd, Op::EpochFlag(o.k.get()))
    }
    fn ldg(&mut self, o: LoadLine) -> Handled {
        let slots = &self.context.global_slots;
        let m = *slots.get(o.slot.index()).ok_or("a global slot the profile does not fill")?;
        self.write(o.rd, Op::GlobalLine(m), self.context.modulators[m])
    }
    fn lds(&mut self, o: LoadField) -> Handled {
        let fields = &self.context.fields;
        let (held, _) = fields.get(o.field.index()).ok_or("a field the format does not have")?;
        self.write(o.rd, Op::Field(o.field.index()), Interval::from(*held))
    }
    fn ldx(&mut self, o: LoadSlot) -> Handled {
        self.load_slot(o, Side::Pre)
    }
    fn ldy(&mut self, o: LoadSlot) -> Handled {
        self.load_slot(o, Side::Post)
    }
    fn add(&mut self, o: R3) -> Handled {
        let (a, b) = (self.read(o.ra), self.read(o.rb));
        let fit = self.ranges[a].sum(self.ranges[b]).fit();
        self.compute(o.rd, Op::Add(a, b, fit))
    }
    fn sub(&mut self, o: R3) -> Handled {
        let (a, b) = (self.read(o.ra), self.read(o.rb));
        let fit = self.ranges[a].difference(self.ranges[b]).fit();
        self.compute(o.rd, Op::Sub(a, b, fit))
    }
    fn min(&mut self, o: R3) -> Handled {
        self.three(o, Op::Min)
    }
    fn max(&mut self, o: R3) -> Handled {
        self.three(o, Op::Max)
    }
    fn gt(&mut self, o: R3) -> Handled {
        self.three(o, Op::Gt)
    }
    fn sgn(&mut self, o: R2) -> Handled {
        let a = self.read(o.ra);
        self.compute(o.rd, Op::Sgn(a))
    }
    fn sel(&mut self, o: R4) -> Handled {
        let (a, b, c) = (self.read(o.ra), self.read(o.rb), self.read(o.rc));
        self.compute(o.rd, Op::Sel(a, b, c))
    }
    fn shl(&mut self, o: R2Left) -> Handled {
        let (a, places) = (self.read(o.ra), o.shift.get().into());
        let fit = self.ranges[a].shifted_left(places).fit();
        self.compute(o.rd, Op::Shl(a, places, fit))
    }
    fn shr(&mut self, o: R2Shift) -> Handled {
        let a = self.read(o.ra);
        let s = shift(o.shift, o.round, o.site, self.ranges[a]);
        self.compute(o.rd, Op::Shr(a, s))
    }
    fn mul(&mut self, o: R3Shift) -> Handled {
        let (a, b) = (self.read(o.ra), self.read(o.rb));
        let exact = self.ranges[a].product(self.ranges[b]);
        let s = shift(o.shift, o.round, o.site, exact);
        self.compute(o.rd, Op::Mul(a, b, s))
    }
    fn sts(&mut self, o: trifactor_isa::Store) -> Handled {
        let value = self.read(o.ra);
        let field = o.field.index();
        let fields = &self.context.fields;
        let (_, range) = *fields.get(field).ok_or("a field the format does not have")?;
        let s = shift(o.shift, o.round, o.site, self.ranges[value]);
        self.stores[field] = Some(Store { field, value, shift: s, range });
        Ok(Flow::Next)
    }
}

/// What the slots of a profile stand for; `None` where a slot names something of another
/// profile or side. `columns` lists the core's columns of that profile and side.
pub(crate) fn sources(
    slots: &[image::Slot],
    columns: &[usize],
    n_modulators: usize,
) -> Option<Vec<Source>> {
    slots
        .iter()
        .map(|slot| match *slot {
            image::Slot::Column(c) => {
                columns.iter().position(|own| *own == usize::from(c)).map(Source::Column)
            }
            image::Slot::Modulator(m) => {
                (usize::from(m) < n_modulators).then_some(Source::Modulator(m.into()))
            }
        })
        .collect()
}
