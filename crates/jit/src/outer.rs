//! Sums of outer products with vectors that are mostly 0.

use crate::Level;
use crate::body::{Binary, Number};
use crate::code::kind;
use crate::encode::{Kind, NOT_EQUAL, Plain};
use crate::page::Page;
use crate::sizes::Events;
use iced_x86::code_asm::{
    CodeAssembler, eax, ecx, k1, qword_ptr, r8, r9, r9d, r10, rcx, rdi, rdx, rsi,
};
use iced_x86::{Code, IcedError, Instruction, MemoryOperand, Register};
use std::marker::PhantomData;

/// `sums[i] += s[i, e] * d[e]` over all e in order where s is not 0, as native code.
#[derive(Debug)]
pub struct Outer<T> {
    page: Page,
    events: Events,
    number: PhantomData<T>,
}

/// Largest extent of an array in bytes.
const MOST_BYTES: usize = 1 << 30;
/// Most vectors in a row of `s`: each has instructions of its own.
const MOST_VECTORS: usize = 8;

impl<T: Number> Outer<T> {
    /// Code for such a sum, `None` where there can be none, as with
    /// [`Code::new`](crate::Code::new), or where a row of sums needs too many registers.
    pub fn new(events: &Events, level: Level) -> Option<Self> {
        let kind = kind::<T>(events.columns, level)?;
        let numbers = kind.vector_bytes() / kind.number_bytes();
        let fits = events.width > 0
            && events.width.is_multiple_of(numbers)
            && events.width / numbers <= MOST_VECTORS
            && events.columns / numbers <= kind.registers() - FIRST_SUM
            && events.columns <= events.stride
            && events.rows > 0;
        let extent = |n: Option<usize>| {
            n?.checked_mul(kind.number_bytes()).filter(|bytes| *bytes < MOST_BYTES)
        };
        extent(events.width.checked_mul(events.stride))?;
        extent(events.rows.checked_mul(events.width.max(events.columns)))?;
        if !fits {
            return None;
        }
        let code = assemble(events, kind).ok()?;
        Some(Self { page: Page::new(&code).ok()?, events: *events, number: PhantomData })
    }

    /// Adds to `sums`, `[row][column]`. `s` is `[row][width]`, `d` `[width][stride]`.
    ///
    /// # Panics
    /// If one of them is too short for the sizes.
    pub fn add(&self, s: &[T], d: &[T], sums: &mut [T]) {
        let e = &self.events;
        assert!(s.len() >= e.rows * e.width, "internal: too few events");
        assert!(d.len() >= (e.width - 1) * e.stride + e.columns, "internal: too few rows");
        assert!(sums.len() >= e.rows * e.columns, "internal: too few sums");
        let table: [*mut u8; 3] =
            [s.as_ptr().cast_mut().cast(), d.as_ptr().cast_mut().cast(), sums.as_mut_ptr().cast()];
        // SAFETY: the page holds a whole function that `assemble` made, for a `Kind` which `kind`
        // only gives if the machine has its instructions. It reads rows of `s` below `rows`, the
        // first `columns` numbers of rows of `d` below `width`, and reads and writes rows of
        // `sums` below `rows`; the lengths are asserted above. `sums` is an exclusive borrow, so
        // it overlaps neither of the others.
        unsafe { self.page.call(table.as_ptr()) };
    }
}

fn assemble(events: &Events, kind: Kind) -> Result<Vec<u8>, IcedError> {
    let mut w = Writer { asm: CodeAssembler::new(64)?, kind };
    w.function(events)?;
    w.asm.assemble(0)
}

struct Writer {
    asm: CodeAssembler,
    kind: Kind,
}

impl Writer {
    // Registers: rsi row of s, rdi d, rdx row of sums, r9 rows left, eax events left, rcx an event,
    // r8 its row of d.
    fn function(&mut self, events: &Events) -> Result<(), IcedError> {
        let kind = self.kind;
        let (vector, number) = (kind.vector_bytes() as i32, kind.number_bytes() as i32);
        let (width, columns) = (events.width as i32 * number, events.columns as i32 * number);
        let stride = events.stride as i32 * number;
        let sums = (columns / vector) as usize;
        self.asm.mov(r10, rdi)?;
        self.asm.mov(rsi, qword_ptr(r10))?;
        self.asm.mov(rdi, qword_ptr(r10 + 8))?;
        self.asm.mov(rdx, qword_ptr(r10 + 16))?;
        self.asm.mov(r9d, events.rows as i32)?;
        let zero = kind.register(ZERO);
        self.add(Instruction::with3(kind.binary(Binary::Xor), zero, zero, zero))?;
        let mut rows = self.asm.create_label();
        self.asm.set_label(&mut rows)?;
        for chunk in 0..width / vector {
            let mut idle = self.asm.create_label();
            self.events(chunk * vector)?;
            self.asm.test(eax, eax)?;
            self.asm.jz(idle)?;
            for j in 0..sums {
                let memory = at(Register::RDX, Register::None, 1, j as i32 * vector);
                let sum = kind.register(FIRST_SUM + j);
                self.add(Instruction::with2(kind.plain(Plain::Load), sum, memory))?;
            }
            let mut next = self.asm.create_label();
            self.asm.set_label(&mut next)?;
            self.asm.tzcnt(ecx, eax)?;
            self.asm.imul_3(r8, rcx, stride)?;
            let s = kind.register(FACTOR);
            let memory = at(Register::RSI, Register::RCX, number as u32, chunk * vector);
            self.add(Instruction::with2(kind.plain(Plain::Broadcast), s, memory))?;
            let first = chunk * vector / number * stride;
            for j in 0..sums {
                let scratch = kind.register(j % ZERO);
                let sum = kind.register(FIRST_SUM + j);
                let d = at(Register::RDI, Register::R8, 1, first + j as i32 * vector);
                self.add(Instruction::with3(kind.binary(Binary::Mul), scratch, s, d))?;
                self.add(Instruction::with3(kind.binary(Binary::Add), sum, sum, scratch))?;
            }
            self.asm.blsr(eax, eax)?;
            self.asm.jnz(next)?;
            for j in 0..sums {
                let memory = at(Register::RDX, Register::None, 1, j as i32 * vector);
                let sum = kind.register(FIRST_SUM + j);
                self.add(Instruction::with2(kind.plain(Plain::Store), memory, sum))?;
            }
            self.asm.set_label(&mut idle)?;
            // Two labels may not stand at one place.
            self.asm.nop()?;
        }
        self.asm.add(rsi, width)?;
        self.asm.add(rdx, columns)?;
        self.asm.dec(r9)?;
        self.asm.jnz(rows)?;
        self.asm.vzeroupper()?;
        self.asm.ret()
    }

    /// The positions in one vector of the row of s that are not 0, as bits of eax.
    fn events(&mut self, distance: i32) -> Result<(), IcedError> {
        let kind = self.kind;
        let memory = at(Register::RSI, Register::None, 1, distance);
        let compare = kind.plain(Plain::Compare);
        let zero = kind.register(ZERO);
        if kind.wide {
            let to = Register::K1;
            self.add(Instruction::with4(compare, to, zero, memory, NOT_EQUAL))?;
            return self.asm.kmovw(eax, k1);
        }
        let to = kind.register(0);
        self.add(Instruction::with4(compare, to, zero, memory, NOT_EQUAL))?;
        let code =
            if kind.double { Code::VEX_Vmovmskpd_r32_ymm } else { Code::VEX_Vmovmskps_r32_ymm };
        self.add(Instruction::with2(code, Register::EAX, to))
    }

    fn add(&mut self, instruction: Result<Instruction, IcedError>) -> Result<(), IcedError> {
        self.asm.add_instruction(instruction?)
    }
}

fn at(base: Register, index: Register, scale: u32, distance: i32) -> MemoryOperand {
    MemoryOperand::new(base, index, scale, i64::from(distance), 1, false, Register::None)
}

// Registers of vectors; those below ZERO are scratch.
const ZERO: usize = 4;
const FACTOR: usize = 5;
const FIRST_SUM: usize = 6;
