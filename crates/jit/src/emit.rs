//! From a body to machine code: three nested loops around its operations.
//!
//! ```text
//! for each column of one vector's width
//!     for each segment
//!         for each row of the segment
//!             the body
//! ```
//! Sums over rows ([`Rows::First`], [`Rows::Segment`]) stay in registers over the loop they are sums
//! of. Other values get registers as they come; where none is free, the value whose next use is
//! farthest gives up its own, and is written to the stack frame if it cannot be read again. What
//! does not vary inside a segment is an operand in memory, or keeps a register throughout if some
//! are left over: for this the body is translated twice.

use crate::body::{Binary, Body, Op, Rows, Test, Value};
use crate::encode::{GREATER, Kind, NOT_EQUAL, Plain};
use iced_x86::code_asm::{
    AsmMemoryOperand, AsmRegister64, CodeAssembler, CodeLabel, dword_ptr, ecx, edx, esi, qword_ptr,
    r8, r9, r9d, r10, r11, r12, r13, r14, r15, rax, rbp, rbx, rcx, rdi, rdx, rsp,
};
use iced_x86::{Code, IcedError, Instruction, MemoryOperand, Register};

/// What the loops go over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loops {
    pub row_bytes: usize,
    pub segments: usize,
    pub listed: bool,
}

/// Addresses a run hands over, in the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Base {
    /// Vectors of uniform values.
    Uniforms,
    /// Vectors of constants.
    Constants,
    /// Ends of segments, as `u32`, from that of the first on.
    Ends,
    /// Byte offsets of listed rows, as `u32`.
    Listed,
    /// Inputs and then outputs.
    Array(usize),
}

impl Base {
    pub fn position(self) -> usize {
        match self {
            Self::Uniforms => 0,
            Self::Constants => 1,
            Self::Ends => 2,
            Self::Listed => 3,
            Self::Array(i) => Self::ARRAYS + i,
        }
    }
    /// Position of the first array.
    pub const ARRAYS: usize = 4;
}

/// Finished code and the constants it reads, in order.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub bytes: Vec<u8>,
    pub constants: Vec<u64>,
    /// Bytes of stack.
    pub frame: usize,
}

/// Translates a body whose inputs are `inputs` arrays. Values that nobody needs are left out.
pub(crate) fn assemble(
    body: &Body,
    kind: Kind,
    loops: Loops,
    inputs: usize,
) -> Result<Assembled, IcedError> {
    let nothing = Plan::default();
    let first = Emitter::new(body, kind, loops, inputs, &nothing)?.finish()?;
    let plan = first.plan();
    let second = Emitter::new(body, kind, loops, inputs, &plan)?.finish()?;
    // Values are pinned only where the first translation needed no slot, and only into registers it
    // never used; so the second one has room for all that the first one held.
    assert!(second.slots <= plan.slots, "internal: a stack frame too small");
    second.assembled()
}

/// What the second translation knows from the first.
#[derive(Clone, Debug, Default)]
struct Plan {
    /// Values that keep a register.
    pinned: Vec<Value>,
    /// Addresses that keep a register.
    bases: Vec<Base>,
    slots: usize,
}

/// Registers for addresses that are used often.
const BASES: [AsmRegister64; 5] = [rbx, r12, r13, r14, r15];

/// A vector in memory: an address, what is added to it, and a distance.
#[derive(Clone, Copy, Debug)]
enum Memory {
    At(Base, Option<Register>, usize),
    Slot(usize),
}

#[derive(Clone, Copy, Debug)]
enum Operand {
    Register(usize),
    Memory(Memory),
}

/// A sum over rows in a register.
#[derive(Clone, Copy, Debug)]
struct Sum {
    output: usize,
    rows: Rows,
    register: usize,
}

/// What a vector register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    Nothing,
    Value(Value),
    /// Something between two instructions of one operation.
    Scratch,
}

struct Emitter<'a> {
    asm: CodeAssembler,
    body: &'a Body,
    kind: Kind,
    loops: Loops,
    inputs: usize,
    plan: &'a Plan,
    constants: Vec<u64>,
    sums: Vec<Sum>,
    /// Positions at which a value is needed, last one first.
    uses: Vec<Vec<usize>>,
    /// How often it is needed in all.
    wanted: Vec<usize>,
    /// Registers for values that come and go: those below this number.
    pool: usize,
    held: Vec<Held>,
    register_of: Vec<Option<usize>>,
    /// Registers that must not be given away within the operation.
    locked: Vec<usize>,
    slot_of: Vec<Option<usize>>,
    slots: usize,
    /// Registers of the pool used so far.
    peak: usize,
    base_uses: Vec<(Base, usize)>,
    /// Instruction operands in memory so far, per value.
    memory_uses: Vec<usize>,
}

impl<'a> Emitter<'a> {
    fn new(
        body: &'a Body,
        kind: Kind,
        loops: Loops,
        inputs: usize,
        plan: &'a Plan,
    ) -> Result<Self, IcedError> {
        let n = body.ops.len();
        let mut uses = vec![Vec::new(); n];
        let mut live = vec![false; n];
        for (at, op) in body.ops.iter().enumerate().rev() {
            if op.writes() || live[at] {
                for operand in op.operands() {
                    live[operand] = true;
                    uses[operand].push(at);
                }
            }
        }
        let mut pool = kind.registers();
        let mut sums: Vec<Sum> = Vec::new();
        for op in &body.ops {
            if let Op::Add { output, rows: rows @ (Rows::Segment | Rows::First), .. } = *op
                && sums.len() < kind.registers() / 3
            {
                pool -= 1;
                sums.push(Sum { output, rows, register: pool });
            }
        }
        let mut register_of = vec![None; n];
        for value in &plan.pinned {
            pool -= 1;
            register_of[*value] = Some(pool);
        }
        Ok(Self {
            asm: CodeAssembler::new(64)?,
            body,
            kind,
            loops,
            inputs,
            plan,
            constants: Vec::new(),
            sums,
            wanted: uses.iter().map(Vec::len).collect(),
            uses,
            pool,
            held: vec![Held::Nothing; pool],
            register_of,
            locked: Vec::new(),
            slot_of: vec![None; n],
            slots: 0,
            peak: 0,
            base_uses: Vec::new(),
            memory_uses: vec![0; n],
        })
    }

    fn finish(mut self) -> Result<Self, IcedError> {
        self.function()?;
        Ok(self)
    }

    /// What is worth a register, after a first translation.
    fn plan(&self) -> Plan {
        let mut bases = self.base_uses.clone();
        bases.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        bases.truncate(BASES.len());
        let spare = if self.slots == 0 { self.pool - self.peak } else { 0 };
        let mut pinned: Vec<Value> =
            (0..self.body.ops.len()).filter(|v| self.memory_uses[*v] > 0).collect();
        pinned.retain(|v| self.scope(*v).is_some());
        pinned.sort_by_key(|v| std::cmp::Reverse(self.memory_uses[*v]));
        pinned.truncate(spare);
        Plan { pinned, bases: bases.into_iter().map(|(b, _)| b).collect(), slots: self.slots }
    }

    fn assembled(mut self) -> Result<Assembled, IcedError> {
        let (bytes, frame) = (self.asm.assemble(0)?, self.frame());
        Ok(Assembled { bytes, constants: self.constants, frame })
    }

    /// The loop inside which a value does not vary: `First` stands for columns, `Segment` for
    /// segments.
    fn scope(&self, value: Value) -> Option<Rows> {
        match self.body.ops[value] {
            Op::Const(_) | Op::Uniform(_) => Some(Rows::First),
            Op::Row { rows: rows @ (Rows::First | Rows::Segment), .. } => Some(rows),
            _ => None,
        }
    }

    // Registers: rdi table, r8 column, r9 segment, r10 byte offset of the segment's row, rcx row,
    // rsi its end, rax byte offset of the row, rdx that of the listed row, r11 an address.
    fn function(&mut self) -> Result<(), IcedError> {
        self.asm.push(rbp)?;
        self.asm.mov(rbp, rsp)?;
        for r in BASES {
            self.asm.push(r)?;
        }
        self.asm.sub(rsp, self.frame() as i32)?;
        self.asm.and(rsp, -64)?;
        for (r, base) in BASES.iter().zip(&self.plan.bases) {
            self.asm.mov(*r, table(*base))?;
        }
        self.asm.xor(r8, r8)?;
        let columns = self.here()?;
        self.load_invariants(Rows::First)?;
        self.asm.mov(rax, r8)?;
        self.asm.mov(r10, r8)?;
        self.asm.xor(ecx, ecx)?;
        self.asm.xor(r9d, r9d)?;
        let segments = self.here()?;
        self.load_invariants(Rows::Segment)?;
        self.asm.mov(r11, table(Base::Ends))?;
        self.asm.mov(esi, dword_ptr(r11 + r9 * 4))?;
        let mut empty = self.asm.create_label();
        self.asm.cmp(ecx, esi)?;
        self.asm.jae(empty)?;
        let rows = self.here()?;
        if self.loops.listed {
            self.asm.mov(r11, table(Base::Listed))?;
            self.asm.mov(edx, dword_ptr(r11 + rcx * 4))?;
            self.asm.add(rdx, r8)?;
        }
        for at in 0..self.body.ops.len() {
            self.op(at)?;
        }
        let row_bytes = self.loops.row_bytes as i32;
        self.asm.add(rax, row_bytes)?;
        self.asm.inc(ecx)?;
        self.asm.cmp(ecx, esi)?;
        self.asm.jb(rows)?;
        self.asm.set_label(&mut empty)?;
        self.store_sums(Rows::Segment)?;
        self.asm.add(r10, row_bytes)?;
        self.asm.inc(r9d)?;
        self.asm.cmp(r9d, self.loops.segments as i32)?;
        self.asm.jb(segments)?;
        self.store_sums(Rows::First)?;
        self.asm.add(r8, self.kind.vector_bytes() as i32)?;
        self.asm.cmp(r8, row_bytes)?;
        self.asm.jb(columns)?;
        self.asm.vzeroupper()?;
        self.asm.lea(rsp, qword_ptr(rbp - 8 * BASES.len() as i32))?;
        for r in BASES.iter().rev() {
            self.asm.pop(*r)?;
        }
        self.asm.pop(rbp)?;
        self.asm.ret()?;
        Ok(())
    }

    fn frame(&self) -> usize {
        (self.plan.slots + 1) * self.kind.vector_bytes()
    }

    fn here(&mut self) -> Result<CodeLabel, IcedError> {
        let mut label = self.asm.create_label();
        self.asm.set_label(&mut label)?;
        // Two labels may not stand at one place.
        self.asm.nop()?;
        Ok(label)
    }

    /// Loads what keeps a register during one pass of a loop.
    fn load_invariants(&mut self, scope: Rows) -> Result<(), IcedError> {
        for i in 0..self.plan.pinned.len() {
            let value = self.plan.pinned[i];
            if let (true, Some(register)) =
                (self.scope(value) == Some(scope), self.register_of[value])
                && let Some(home) = self.home(value)
            {
                self.load(register, home)?;
            }
        }
        for i in 0..self.sums.len() {
            let Sum { output, rows, register } = self.sums[i];
            if rows == scope {
                self.load(register, self.row_of(self.inputs + output, rows))?;
            }
        }
        Ok(())
    }

    fn store_sums(&mut self, scope: Rows) -> Result<(), IcedError> {
        for i in 0..self.sums.len() {
            let Sum { output, rows, register } = self.sums[i];
            if rows == scope {
                self.store(self.row_of(self.inputs + output, rows), register)?;
            }
        }
        Ok(())
    }

    fn row_of(&self, array: usize, rows: Rows) -> Memory {
        let offset = match rows {
            Rows::Own => Register::RAX,
            Rows::Listed => Register::RDX,
            Rows::Segment => Register::R10,
            Rows::First => Register::R8,
        };
        Memory::At(Base::Array(array), Some(offset), 0)
    }

    /// Where a value can be read as a whole vector.
    fn home(&mut self, value: Value) -> Option<Memory> {
        match self.body.ops[value] {
            Op::Const(bits) => {
                let known = self.constants.iter().position(|c| *c == bits);
                let at = known.unwrap_or_else(|| {
                    self.constants.push(bits);
                    self.constants.len() - 1
                });
                Some(Memory::At(Base::Constants, None, at * 64))
            }
            Op::Uniform(i) => {
                let bytes = crate::SPLAT * self.kind.number_bytes();
                Some(Memory::At(Base::Uniforms, None, i * bytes))
            }
            Op::Row { input, rows } => Some(self.row_of(input, rows)),
            _ => self.slot_of[value].map(Memory::Slot),
        }
    }

    fn op(&mut self, at: usize) -> Result<(), IcedError> {
        let op = self.body.ops[at];
        if !op.writes() && self.wanted[at] == 0 {
            return Ok(());
        }
        match op {
            // Read where they are needed.
            Op::Const(_) | Op::Uniform(_) | Op::Row { .. } | Op::Lane { .. } => return Ok(()),
            Op::Binary(op, a, b) => {
                let swap = matches!(op, Binary::Add | Binary::Mul | Binary::And | Binary::Xor)
                    && self.register_of[a].is_none()
                    && (self.register_of[b].is_some() || !self.folds(b));
                let (a, b) = if swap { (b, a) } else { (a, b) };
                let a = self.in_register(a)?;
                let b = self.operand(b)?;
                self.release(at);
                let dst = self.allocate()?;
                self.three(self.kind.binary(op), dst, a, b)?;
                self.bind(at, dst);
            }
            Op::ShiftLeft(a, by) => {
                let a = self.in_register(a)?;
                self.release(at);
                let dst = self.allocate()?;
                let code = self.kind.plain(Plain::ShiftLeft);
                let (dst_r, a) = (self.kind.register(dst), self.kind.register(a));
                self.add(Instruction::with3(code, dst_r, a, u32::from(by)))?;
                self.bind(at, dst);
            }
            Op::Select { test, then, other } => self.select(at, test, then, other)?,
            Op::Set { output, value } => {
                let value = self.in_register(value)?;
                self.store(self.row_of(self.inputs + output, Rows::Own), value)?;
            }
            Op::Add { output, rows, value, negative } => {
                let op = if negative { Binary::Sub } else { Binary::Add };
                let code = self.kind.binary(op);
                if let Some(sum) = self.sums.iter().find(|s| s.output == output).copied() {
                    let value = self.operand(value)?;
                    self.three(code, sum.register, sum.register, value)?;
                } else {
                    let memory = self.row_of(self.inputs + output, rows);
                    let value = self.in_register(value)?;
                    let sum = self.scratch()?;
                    self.load(sum, memory)?;
                    self.three(code, sum, sum, Operand::Register(value))?;
                    self.store(memory, sum)?;
                }
            }
        }
        self.release(at);
        Ok(())
    }

    fn select(
        &mut self,
        at: usize,
        test: Test,
        then: Value,
        other: Value,
    ) -> Result<(), IcedError> {
        let zero = self.body.ops[other] == Op::Const(0);
        if self.kind.wide {
            self.compare_wide(test)?;
            self.locked.clear();
            let dst = if zero {
                let then = self.operand(then)?;
                self.release(at);
                let dst = self.allocate()?;
                self.masked_move(dst, then)?;
                dst
            } else {
                let other = self.in_register(other)?;
                let then = self.operand(then)?;
                self.release(at);
                let dst = self.allocate()?;
                self.blend_wide(dst, other, then)?;
                dst
            };
            self.bind(at, dst);
            return Ok(());
        }
        let mask = self.compare_short(test)?;
        if zero {
            let then = self.operand(then)?;
            self.three(self.kind.binary(Binary::And), mask, mask, then)?;
        } else {
            let other = self.in_register(other)?;
            let then = self.operand(then)?;
            let code = self.kind.plain(Plain::Blend);
            let (m, o) = (self.kind.register(mask), self.kind.register(other));
            let instruction = match then {
                Operand::Register(t) => Instruction::with4(code, m, o, self.kind.register(t), m)?,
                Operand::Memory(memory) => {
                    let memory = self.address(memory)?;
                    Instruction::with4(code, m, o, memory, m)?
                }
            };
            self.add(Ok(instruction))?;
        }
        self.release_keeping(at, mask);
        self.bind(at, mask);
        Ok(())
    }

    /// The outcome of a test in k1.
    fn compare_wide(&mut self, test: Test) -> Result<(), IcedError> {
        match test {
            Test::Greater(a, b) => self.compare(Register::K1, a, b, GREATER, false),
            Test::Between(a, b, c) => {
                self.compare(Register::K1, a, b, GREATER, false)?;
                self.compare(Register::K1, c, a, GREATER, true)
            }
            Test::NotZero(a) => {
                let a = self.in_register(a)?;
                let zero = self.constant_zero();
                self.compare_to(Register::K1, a, Operand::Memory(zero), NOT_EQUAL, false)
            }
        }
    }

    /// The outcome of a test as all bits or none, in a register of its own.
    fn compare_short(&mut self, test: Test) -> Result<usize, IcedError> {
        let mask = self.scratch()?;
        let register = self.kind.register(mask);
        match test {
            Test::Greater(a, b) => self.compare(register, a, b, GREATER, false)?,
            Test::Between(a, b, c) => {
                self.compare(register, a, b, GREATER, false)?;
                let second = self.scratch()?;
                self.compare(self.kind.register(second), c, a, GREATER, false)?;
                let code = self.kind.binary(Binary::And);
                self.three(code, mask, mask, Operand::Register(second))?;
            }
            Test::NotZero(a) => {
                let a = self.in_register(a)?;
                let zero = self.constant_zero();
                self.compare_to(register, a, Operand::Memory(zero), NOT_EQUAL, false)?;
            }
        }
        Ok(mask)
    }

    fn constant_zero(&mut self) -> Memory {
        let known = self.constants.iter().position(|c| *c == 0);
        let at = known.unwrap_or_else(|| {
            self.constants.push(0);
            self.constants.len() - 1
        });
        Memory::At(Base::Constants, None, at * 64)
    }

    fn compare(
        &mut self,
        to: Register,
        a: Value,
        b: Value,
        predicate: u32,
        and: bool,
    ) -> Result<(), IcedError> {
        let a = self.in_register(a)?;
        let b = self.operand(b)?;
        self.compare_to(to, a, b, predicate, and)
    }

    fn compare_to(
        &mut self,
        to: Register,
        a: usize,
        b: Operand,
        predicate: u32,
        and: bool,
    ) -> Result<(), IcedError> {
        let code = self.kind.plain(Plain::Compare);
        let a = self.kind.register(a);
        let mut instruction = match b {
            Operand::Register(b) => {
                Instruction::with4(code, to, a, self.kind.register(b), predicate)?
            }
            Operand::Memory(memory) => {
                let memory = self.address(memory)?;
                Instruction::with4(code, to, a, memory, predicate)?
            }
        };
        if and {
            instruction.set_op_mask(Register::K1);
        }
        self.asm.add_instruction(instruction)
    }

    fn masked_move(&mut self, dst: usize, from: Operand) -> Result<(), IcedError> {
        let code = self.kind.plain(Plain::Load);
        let dst = self.kind.register(dst);
        let mut instruction = match from {
            Operand::Register(r) => Instruction::with2(code, dst, self.kind.register(r))?,
            Operand::Memory(memory) => {
                let memory = self.address(memory)?;
                Instruction::with2(code, dst, memory)?
            }
        };
        instruction.set_op_mask(Register::K1);
        instruction.set_zeroing_masking(true);
        self.asm.add_instruction(instruction)
    }

    fn blend_wide(&mut self, dst: usize, other: usize, then: Operand) -> Result<(), IcedError> {
        let code = self.kind.plain(Plain::Blend);
        let (dst, other) = (self.kind.register(dst), self.kind.register(other));
        let mut instruction = match then {
            Operand::Register(r) => Instruction::with3(code, dst, other, self.kind.register(r))?,
            Operand::Memory(memory) => {
                let memory = self.address(memory)?;
                Instruction::with3(code, dst, other, memory)?
            }
        };
        instruction.set_op_mask(Register::K1);
        self.asm.add_instruction(instruction)
    }

    // Registers of values.

    /// Whether a value that has no register is better read from memory than loaded.
    fn folds(&self, value: Value) -> bool {
        let whole = match self.body.ops[value] {
            Op::Const(_) | Op::Uniform(_) | Op::Row { .. } => true,
            _ => self.slot_of[value].is_some(),
        };
        let constant = self.scope(value).is_some();
        whole && (constant || self.uses[value].len() == 1)
    }

    fn operand(&mut self, value: Value) -> Result<Operand, IcedError> {
        if self.register_of[value].is_none()
            && self.folds(value)
            && let Some(home) = self.home(value)
        {
            self.memory_uses[value] += 1;
            return Ok(Operand::Memory(home));
        }
        Ok(Operand::Register(self.in_register(value)?))
    }

    fn in_register(&mut self, value: Value) -> Result<usize, IcedError> {
        if let Some(register) = self.register_of[value] {
            self.locked.push(register);
            return Ok(register);
        }
        self.memory_uses[value] += 1;
        let register = self.scratch()?;
        if let Op::Lane { input } = self.body.ops[value] {
            let code = self.kind.plain(Plain::Broadcast);
            let base = self.base(Base::Array(input))?;
            let scale = self.kind.number_bytes() as u32;
            let memory =
                MemoryOperand::new(base, Register::RCX, scale, 0, 1, false, Register::None);
            self.add(Instruction::with2(code, self.kind.register(register), memory))?;
        } else {
            let home = self.home(value).expect("internal: a value without a place");
            self.load(register, home)?;
        }
        self.bind(value, register);
        Ok(register)
    }

    /// A register of the pool, for this operation.
    fn scratch(&mut self) -> Result<usize, IcedError> {
        let register = self.allocate()?;
        self.held[register] = Held::Scratch;
        self.locked.push(register);
        Ok(register)
    }

    fn bind(&mut self, value: Value, register: usize) {
        self.held[register] = Held::Value(value);
        self.register_of[value] = Some(register);
    }

    /// A free register, freed if need be.
    fn allocate(&mut self) -> Result<usize, IcedError> {
        let free = self.held.iter().position(|h| *h == Held::Nothing);
        let register = match free {
            Some(register) => register,
            None => self.evict()?,
        };
        self.peak = self.peak.max(register + 1);
        Ok(register)
    }

    fn evict(&mut self) -> Result<usize, IcedError> {
        let candidates = self.held.iter().enumerate().filter_map(|(register, held)| match held {
            Held::Value(value) if !self.locked.contains(&register) => {
                Some((self.uses[*value].last().copied().unwrap_or(usize::MAX), register, *value))
            }
            _ => None,
        });
        let (_, register, value) = candidates.max().expect("internal: all registers are locked");
        let read_again = matches!(self.body.ops[value], Op::Lane { .. });
        if !read_again && self.home(value).is_none() {
            let slot = self.slots;
            self.slots += 1;
            self.slot_of[value] = Some(slot);
            self.store(Memory::Slot(slot), register)?;
        }
        self.register_of[value] = None;
        self.held[register] = Held::Nothing;
        Ok(register)
    }

    /// Ends an operation: operands that nobody needs afterwards give up their registers.
    fn release(&mut self, at: usize) {
        self.release_keeping(at, usize::MAX);
    }

    fn release_keeping(&mut self, at: usize, kept: usize) {
        self.locked.clear();
        for operand in self.body.ops[at].operands() {
            while self.uses[operand].last().is_some_and(|next| *next <= at) {
                self.uses[operand].pop();
            }
        }
        for register in 0..self.pool {
            match self.held[register] {
                Held::Value(v) if v < at && self.uses[v].is_empty() => {
                    self.held[register] = Held::Nothing;
                    self.register_of[v] = None;
                }
                Held::Scratch if register != kept => self.held[register] = Held::Nothing,
                _ => {}
            }
        }
    }

    // Instructions.

    fn base(&mut self, base: Base) -> Result<Register, IcedError> {
        match self.base_uses.iter_mut().find(|(b, _)| *b == base) {
            Some((_, n)) => *n += 1,
            None => self.base_uses.push((base, 1)),
        }
        if let Some(i) = self.plan.bases.iter().position(|b| *b == base) {
            return Ok(BASES[i].into());
        }
        self.asm.mov(r11, table(base))?;
        Ok(Register::R11)
    }

    fn address(&mut self, memory: Memory) -> Result<MemoryOperand, IcedError> {
        let (base, index, distance) = match memory {
            Memory::At(base, index, distance) => {
                (self.base(base)?, index.unwrap_or(Register::None), distance)
            }
            Memory::Slot(slot) => (Register::RSP, Register::None, slot * self.kind.vector_bytes()),
        };
        Ok(MemoryOperand::new(base, index, 1, distance as i64, 1, false, Register::None))
    }

    fn load(&mut self, register: usize, from: Memory) -> Result<(), IcedError> {
        let memory = self.address(from)?;
        let code = self.kind.plain(Plain::Load);
        self.add(Instruction::with2(code, self.kind.register(register), memory))
    }

    fn store(&mut self, to: Memory, register: usize) -> Result<(), IcedError> {
        let memory = self.address(to)?;
        let code = self.kind.plain(Plain::Store);
        self.add(Instruction::with2(code, memory, self.kind.register(register)))
    }

    fn three(&mut self, code: Code, dst: usize, a: usize, b: Operand) -> Result<(), IcedError> {
        let (dst, a) = (self.kind.register(dst), self.kind.register(a));
        let instruction = match b {
            Operand::Register(b) => Instruction::with3(code, dst, a, self.kind.register(b)),
            Operand::Memory(memory) => {
                let memory = self.address(memory)?;
                Instruction::with3(code, dst, a, memory)
            }
        };
        self.add(instruction)
    }

    fn add(&mut self, instruction: Result<Instruction, IcedError>) -> Result<(), IcedError> {
        self.asm.add_instruction(instruction?)
    }
}

fn table(base: Base) -> AsmMemoryOperand {
    qword_ptr(rdi + 8 * base.position() as i32)
}
