//! Microcode, executed on terms.
//!
//! Words are decoded here and nothing of the compiler is asked what it meant by them. What fields
//! and slots stand for is a [`Layout`]; the engine's profile says the same to the hardware.

use crate::range::{Range, exact_range, ranges};
use crate::term::{Input, Round, Side, Term, TermId, Terms, exact};
use std::collections::BTreeMap;
use trifactor_entity::EntityId;
use trifactor_fixed::{RawRange, clamp_raw, sat32};
use trifactor_ir::{CheckedNetwork, StateId, When};
use trifactor_isa::{Inst, LoadSlot};

/// Registers of a lane.
const N_REGISTERS: usize = 16;

/// What the fields and slots of a program stand for.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Fields 0, 1, ... of the synapse.
    pub fields: Vec<StateId>,
    /// Slots 1, 2, ... of `ldx`.
    pub pre: Vec<StateId>,
    /// Slots 1, 2, ... of `ldy`.
    pub post: Vec<StateId>,
    /// Slots 0, 1, ... of `ldg`.
    pub global: Vec<StateId>,
    /// The sides without whose spikes the engine skips a synapse: none, one, or both together.
    pub skipped_without: Vec<Side>,
}

/// Why words are no program for a layout.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// A word is no instruction.
    #[error("word {at} is no instruction: {why}")]
    Undecodable {
        /// Its position.
        at: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The words end without `halt`.
    #[error("there is no `halt`")]
    NoHalt,
    /// A register is read that nothing has written.
    #[error("instruction {at} reads register {register}, which nothing has written")]
    Unwritten {
        /// Position of the instruction.
        at: usize,
        /// The register.
        register: usize,
    },
    /// A field or slot stands for nothing.
    #[error("instruction {at} names a field or slot that stands for nothing")]
    Unbound {
        /// Position of the instruction.
        at: usize,
    },
}

/// An instruction that writes a register.
#[derive(Clone, Debug)]
pub struct Write {
    /// Its position in the program.
    pub at: usize,
    /// The instruction.
    pub inst: Inst,
    /// What it computes, before any form is given to it: operands are terms.
    pub operation: Term,
    /// What the register then holds.
    pub holds: TermId,
    /// Stores that read it, if nothing else does: positions in [`Program::stores`].
    only_stores: Option<Vec<usize>>,
}

/// A store.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// The variable.
    pub state: StateId,
    /// What is stored before it is clamped to the variable's range.
    pub value: TermId,
    /// Shift of the store.
    by: Round,
}

/// A program, executed on terms.
#[derive(Clone, Debug)]
pub struct Program {
    /// Instructions up to and with `halt`.
    pub code: Vec<Inst>,
    /// What each register write computes, in program order.
    pub writes: Vec<Write>,
    /// Stores in program order; of several to one variable the last counts.
    pub stores: Vec<Stored>,
}

impl Program {
    /// Executes words.
    pub fn execute(
        terms: &mut Terms,
        net: &CheckedNetwork,
        layout: &Layout,
        words: &[u32],
    ) -> Result<Self, Malformed> {
        let mut run = Run {
            terms,
            net,
            layout,
            at: 0,
            registers: [None; N_REGISTERS],
            readers: Vec::new(),
            program: Self { code: Vec::new(), writes: Vec::new(), stores: Vec::new() },
        };
        for (at, word) in words.iter().enumerate() {
            let inst = Inst::decode(*word)
                .map_err(|e| Malformed::Undecodable { at, why: e.to_string() })?;
            run.at = at;
            run.program.code.push(inst);
            if run.step(inst)? {
                let readers = run.readers;
                let mut program = run.program;
                for (write, readers) in program.writes.iter_mut().zip(readers) {
                    write.only_stores = readers;
                }
                return Ok(program);
            }
        }
        Err(Malformed::NoHalt)
    }

    /// What a variable is set to: its last store.
    pub fn last_store(&self, state: StateId) -> Option<Stored> {
        self.stores.iter().rev().find(|s| s.state == state).copied()
    }

    /// What each register write gives before saturation, as an interval; and whether a value
    /// beyond 32 bits would be stored as if it had not been saturated.
    pub fn reach(
        &self,
        terms: &Terms,
        inputs: &impl Fn(Input) -> Range,
        stored: &impl Fn(StateId) -> RawRange,
    ) -> Vec<(Range, bool)> {
        let all = ranges(terms, inputs);
        let of = |t: TermId| all[t.index()];
        // A store that clamps to a range which the ends of a register still leave hides where
        // beyond these ends a value was.
        let hides = |s: &Stored| {
            let (range, by) = (stored(s.state), s.by);
            let end = |x: i32| by.apply(x.into(), &|_| 0);
            let top = if by.draws() { i64::from(i32::MAX) >> by.shift } else { end(i32::MAX) };
            range.hi <= top && range.lo >= end(i32::MIN) + 1 - i64::from(by.shift == 0)
        };
        let judged = |w: &Write| {
            let clamped = w.only_stores.as_ref().is_some_and(|readers| {
                !readers.is_empty() && readers.iter().all(|s| hides(&self.stores[*s]))
            });
            (exact_range(w.operation, &of, inputs), clamped)
        };
        self.writes.iter().map(judged).collect()
    }

    /// What the program does with given inputs: the value of each register write before it is
    /// saturated, and the last stored value of each variable.
    pub fn run(
        &self,
        terms: &Terms,
        inputs: &impl Fn(Input) -> i64,
        draws: &impl Fn(u8) -> u32,
        stored: &impl Fn(StateId) -> RawRange,
    ) -> (Vec<i64>, BTreeMap<StateId, i64>) {
        let mut values: Vec<i64> = Vec::with_capacity(terms.len());
        for (_, term) in terms.iter() {
            let value = exact(term, &|t: TermId| values[t.index()], inputs, draws);
            values.push(sat32(value));
        }
        let of = |t: TermId| values[t.index()];
        let writes = self.writes.iter().map(|w| exact(w.operation, &of, inputs, draws)).collect();
        let mut results = BTreeMap::new();
        for s in &self.stores {
            results.insert(s.state, clamp_raw(of(s.value), stored(s.state)));
        }
        (writes, results)
    }
}

/// A program on its way.
struct Run<'a> {
    terms: &'a mut Terms,
    net: &'a CheckedNetwork,
    layout: &'a Layout,
    at: usize,
    /// What a register holds, and which write put it there.
    registers: [Option<(TermId, usize)>; N_REGISTERS],
    /// The stores that read each write; `None` once anything else does.
    readers: Vec<Option<Vec<usize>>>,
    program: Program,
}

impl Run<'_> {
    /// Executes an instruction; true at `halt`.
    fn step(&mut self, inst: Inst) -> Result<bool, Malformed> {
        let (rd, term) = match inst {
            Inst::Halt => return Ok(true),
            Inst::Sts(o) => {
                let (value, write) = self.held(o.ra.index())?;
                if let Some(readers) = &mut self.readers[write] {
                    readers.push(self.program.stores.len());
                }
                let state = self.bound(&self.layout.fields, o.field.index())?;
                let by = Round::new(o.shift.get(), o.round, o.site.get());
                let value = self.terms.make(Term::Right(value, by));
                self.program.stores.push(Stored { state, value, by });
                return Ok(false);
            }
            Inst::Ldi(o) => (o.rd, Term::Const(i64::from(o.imm) << o.shift.get())),
            Inst::Ldu(o) => (o.rd, Term::Input(Input::Every(o.k.get()))),
            Inst::Ldg(o) => {
                let state = self.bound(&self.layout.global, o.slot.index())?;
                (o.rd, Term::Input(Input::Global(state)))
            }
            Inst::Lds(o) => {
                let state = self.bound(&self.layout.fields, o.field.index())?;
                (o.rd, Term::Input(Input::Own(state)))
            }
            Inst::Ldx(o) => (o.rd, Term::Input(self.lane(o, Side::Pre)?)),
            Inst::Ldy(o) => (o.rd, Term::Input(self.lane(o, Side::Post)?)),
            Inst::Add(o) => (o.rd, Term::Add(self.read(o.ra.index())?, self.read(o.rb.index())?)),
            Inst::Sub(o) => (o.rd, Term::Sub(self.read(o.ra.index())?, self.read(o.rb.index())?)),
            Inst::Min(o) => (o.rd, Term::Min(self.read(o.ra.index())?, self.read(o.rb.index())?)),
            Inst::Max(o) => (o.rd, Term::Max(self.read(o.ra.index())?, self.read(o.rb.index())?)),
            Inst::Gt(o) => (o.rd, Term::Gt(self.read(o.ra.index())?, self.read(o.rb.index())?)),
            Inst::Sgn(o) => (o.rd, Term::Sgn(self.read(o.ra.index())?)),
            Inst::Sel(o) => {
                let (a, b) = (self.read(o.ra.index())?, self.read(o.rb.index())?);
                (o.rd, Term::Choose(a, b, self.read(o.rc.index())?))
            }
            Inst::Shl(o) => (o.rd, Term::Left(self.read(o.ra.index())?, o.shift.get())),
            Inst::Shr(o) => {
                let by = Round::new(o.shift.get(), o.round, o.site.get());
                (o.rd, Term::Right(self.read(o.ra.index())?, by))
            }
            Inst::Mul(o) => {
                let by = Round::new(o.shift.get(), o.round, o.site.get());
                let (a, b) = (self.read(o.ra.index())?, self.read(o.rb.index())?);
                (o.rd, Term::Mul(a, b, by))
            }
        };
        let holds = self.terms.make(term);
        let write = self.program.writes.len();
        let only_stores = None;
        self.program.writes.push(Write { at: self.at, inst, operation: term, holds, only_stores });
        self.readers.push(Some(Vec::new()));
        self.registers[rd.index()] = Some((holds, write));
        Ok(false)
    }

    fn held(&self, register: usize) -> Result<(TermId, usize), Malformed> {
        self.registers[register].ok_or(Malformed::Unwritten { at: self.at, register })
    }

    /// A register that an operation reads.
    fn read(&mut self, register: usize) -> Result<TermId, Malformed> {
        let (term, write) = self.held(register)?;
        self.readers[write] = None;
        Ok(term)
    }

    fn bound(&self, list: &[StateId], position: usize) -> Result<StateId, Malformed> {
        list.get(position).copied().ok_or(Malformed::Unbound { at: self.at })
    }

    /// Slot 0 is the spike flag, which has no time.
    fn lane(&self, o: LoadSlot, side: Side) -> Result<Input, Malformed> {
        let Some(position) = o.slot.index().checked_sub(1) else { return Ok(Input::Flag(side)) };
        let list = match side {
            Side::Pre => &self.layout.pre,
            Side::Post => &self.layout.post,
        };
        let state = self.bound(list, position)?;
        let when = match o.when {
            trifactor_isa::When::End => When::End,
            trifactor_isa::When::X0 => When::AtPre,
            trifactor_isa::When::Y0 => When::AtPost,
        };
        Ok(Input::lane(self.net, state, side, when, o.prev))
    }
}
