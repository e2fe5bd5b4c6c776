//! Products of a matrix of single numbers and rows of many.

use crate::Level;
use crate::body::{Binary, Number};
use crate::code::kind;
use crate::encode::{Kind, NOT_EQUAL, Plain};
use crate::page::Page;
use crate::sizes::Matrix;
use iced_x86::code_asm::{
    CodeAssembler, k1, qword_ptr, r8, r9, r9d, r10, r11, r11d, rax, rcx, rdi, rdx, rsi,
};
use iced_x86::{IcedError, Instruction, MemoryOperand, Register};
use std::marker::PhantomData;

/// `out[i] += factor[i, k] * x[k]` over k in order, as native code.
#[derive(Debug)]
pub struct Product<T> {
    page: Page,
    matrix: Matrix,
    number: PhantomData<T>,
}

impl<T: Number> Product<T> {
    /// Code for a product, `None` where there can be none, as with [`Code::new`](crate::Code::new).
    pub fn new(matrix: &Matrix, level: Level) -> Option<Self> {
        let kind = kind::<T>(matrix.width, level)?;
        if matrix.outputs == 0 || matrix.inputs == 0 {
            return None;
        }
        let bytes = |n: usize| n.checked_mul(kind.number_bytes()).filter(|b| *b < MOST_BYTES);
        // Every distance must fit an instruction.
        bytes(matrix.width.checked_mul(matrix.outputs.max(matrix.inputs))?)?;
        bytes(matrix.output_stride.checked_mul(matrix.outputs)?)?;
        bytes(matrix.input_stride.checked_mul(matrix.inputs)?)?;
        let code = assemble(matrix, kind).ok()?;
        Some(Self { page: Page::new(&code).ok()?, matrix: *matrix, number: PhantomData })
    }

    /// Adds the product to `out`, `[output][width]`. `x` is `[input][width]`.
    ///
    /// # Panics
    /// If one of them is too short for the sizes of the product.
    pub fn add(&self, factors: &[T], x: &[T], out: &mut [T]) {
        let m = &self.matrix;
        let last = (m.outputs - 1) * m.output_stride + (m.inputs - 1) * m.input_stride;
        assert!(factors.len() > last, "internal: {} factors for {last}", factors.len());
        assert!(x.len() >= m.inputs * m.width, "internal: too few inputs");
        assert!(out.len() >= m.outputs * m.width, "internal: too few outputs");
        let table: [*mut u8; 3] = [
            factors.as_ptr().cast_mut().cast(),
            x.as_ptr().cast_mut().cast(),
            out.as_mut_ptr().cast(),
        ];
        // SAFETY: the page holds a whole function that `assemble` made, for a `Kind` which `kind`
        // only gives if the machine has its instructions. It reads factors up to the last one,
        // whose position is asserted above, and rows of `x` below `inputs`, and reads and writes
        // rows of `out` below `outputs`, whose lengths are asserted above. `out` is an exclusive
        // borrow, so it overlaps neither of the others.
        unsafe { self.page.call(table.as_ptr()) };
    }
}

/// Largest extent of an array in bytes.
const MOST_BYTES: usize = 1 << 30;

struct Writer {
    asm: CodeAssembler,
    kind: Kind,
    row_bytes: i32,
    output_bytes: i32,
    input_bytes: i32,
    inputs: i32,
    sparse: bool,
}

fn assemble(matrix: &Matrix, kind: Kind) -> Result<Vec<u8>, IcedError> {
    let bytes = |n: usize| (n * kind.number_bytes()) as i32;
    let mut w = Writer {
        asm: CodeAssembler::new(64)?,
        kind,
        row_bytes: bytes(matrix.width),
        output_bytes: bytes(matrix.output_stride),
        input_bytes: bytes(matrix.input_stride),
        inputs: matrix.inputs as i32,
        sparse: matrix.sparse,
    };
    w.function(matrix.outputs)?;
    w.asm.assemble(0)
}

impl Writer {
    // Registers: rdi x, rsi factors of the block, rdx rows of the block, r8 column, r9 blocks left,
    // rax row of x, rcx its factors, r10 table, r11 inputs left.
    fn function(&mut self, outputs: usize) -> Result<(), IcedError> {
        let most = self.kind.registers() - FIRST_SUM;
        // Blocks of equal size, as few as the registers allow.
        let size = outputs.div_ceil(outputs.div_ceil(most));
        let (blocks, rest) = (outputs / size, outputs % size);
        self.asm.mov(r10, rdi)?;
        self.asm.xor(r8, r8)?;
        let mut columns = self.asm.create_label();
        self.asm.set_label(&mut columns)?;
        self.asm.mov(rdi, qword_ptr(r10 + 8))?;
        self.asm.mov(rsi, qword_ptr(r10))?;
        self.asm.mov(rdx, qword_ptr(r10 + 16))?;
        self.asm.add(rdi, r8)?;
        self.asm.add(rdx, r8)?;
        self.asm.mov(r9d, blocks as i32)?;
        let mut loops = self.asm.create_label();
        self.asm.set_label(&mut loops)?;
        self.block(size)?;
        self.asm.add(rsi, self.output_bytes * size as i32)?;
        self.asm.add(rdx, self.row_bytes * size as i32)?;
        self.asm.dec(r9)?;
        self.asm.jnz(loops)?;
        if rest > 0 {
            self.block(rest)?;
        }
        self.asm.add(r8, self.kind.vector_bytes() as i32)?;
        self.asm.cmp(r8, self.row_bytes)?;
        self.asm.jb(columns)?;
        self.asm.vzeroupper()?;
        self.asm.ret()
    }

    /// The sums of so many outputs, in registers over all inputs.
    fn block(&mut self, size: usize) -> Result<(), IcedError> {
        let kind = self.kind;
        let x = kind.register(X);
        for j in 0..size {
            let memory = self.at(Register::RDX, j as i32 * self.row_bytes, false);
            let sum = kind.register(FIRST_SUM + j);
            self.add(Instruction::with2(kind.plain(Plain::Load), sum, memory))?;
        }
        if self.sparse {
            let zero = kind.register(ZERO);
            self.add(Instruction::with3(kind.binary(Binary::Xor), zero, zero, zero))?;
        }
        self.asm.mov(rax, rdi)?;
        self.asm.mov(rcx, rsi)?;
        self.asm.mov(r11d, self.inputs)?;
        let mut inputs = self.asm.create_label();
        let mut idle = self.asm.create_label();
        self.asm.set_label(&mut inputs)?;
        let memory = self.at(Register::RAX, 0, false);
        self.add(Instruction::with2(kind.plain(Plain::Load), x, memory))?;
        if self.sparse {
            let to = if kind.wide { Register::K1 } else { kind.register(MASK) };
            let code = kind.plain(Plain::Compare);
            self.add(Instruction::with4(code, to, x, kind.register(ZERO), NOT_EQUAL))?;
            if kind.wide {
                self.asm.kortestw(k1, k1)?;
            } else {
                let code = iced_x86::Code::VEX_Vptest_ymm_ymmm256;
                self.add(Instruction::with2(code, to, to))?;
            }
            self.asm.je(idle)?;
        }
        for j in 0..size {
            self.term(j)?;
        }
        self.asm.set_label(&mut idle)?;
        self.asm.add(rax, self.row_bytes)?;
        self.asm.add(rcx, self.input_bytes)?;
        self.asm.dec(r11)?;
        self.asm.jnz(inputs)?;
        for j in 0..size {
            let memory = self.at(Register::RDX, j as i32 * self.row_bytes, false);
            let sum = kind.register(FIRST_SUM + j);
            self.add(Instruction::with2(kind.plain(Plain::Store), memory, sum))?;
        }
        Ok(())
    }

    fn term(&mut self, j: usize) -> Result<(), IcedError> {
        let kind = self.kind;
        let (x, sum) = (kind.register(X), kind.register(FIRST_SUM + j));
        let scratch = kind.register(j % ZERO);
        let factor = self.at(Register::RCX, j as i32 * self.output_bytes, kind.wide);
        if kind.wide {
            self.add(Instruction::with3(kind.binary(Binary::Mul), scratch, x, factor))?;
        } else {
            self.add(Instruction::with2(kind.plain(Plain::Broadcast), scratch, factor))?;
            self.add(Instruction::with3(kind.binary(Binary::Mul), scratch, scratch, x))?;
            if self.sparse {
                // A sum that began at 0 is never -0, so adding 0 to it changes nothing.
                let (and, mask) = (kind.binary(Binary::And), kind.register(MASK));
                self.add(Instruction::with3(and, scratch, scratch, mask))?;
            }
        }
        let mut sum = Instruction::with3(kind.binary(Binary::Add), sum, sum, scratch)?;
        if self.sparse && kind.wide {
            sum.set_op_mask(Register::K1);
        }
        self.asm.add_instruction(sum)
    }

    fn at(&self, base: Register, distance: i32, broadcast: bool) -> MemoryOperand {
        let none = Register::None;
        MemoryOperand::new(base, none, 1, i64::from(distance), 1, broadcast, none)
    }

    fn add(&mut self, instruction: Result<Instruction, IcedError>) -> Result<(), IcedError> {
        self.asm.add_instruction(instruction?)
    }
}

// Registers of vectors; those below ZERO are scratch.
const ZERO: usize = 3;
const X: usize = 4;
const MASK: usize = 5;
const FIRST_SUM: usize = 6;
