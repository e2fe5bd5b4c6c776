//! What is computed for every row.

use std::fmt::Debug;

/// `f32` or `f64`.
pub trait Number: Copy + Debug + Send + Sync + 'static + sealed::Sealed {
    /// Whether it is `f64`.
    const DOUBLE: bool;
    /// Its bits, in the low ones of the result.
    fn bits(self) -> u64;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Number for f32 {
    const DOUBLE: bool = false;
    fn bits(self) -> u64 {
        u64::from(self.to_bits())
    }
}

impl Number for f64 {
    const DOUBLE: bool = true;
    fn bits(self) -> u64 {
        self.to_bits()
    }
}

/// A uniform value is handed over as so many copies of it.
pub const SPLAT: usize = 16;

/// The rows of a program.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// Numbers in a row.
    pub width: usize,
    /// Rows that are computed.
    pub rows: usize,
    /// First row of each segment and the end of the last one; one segment of all rows if absent.
    pub segments: Option<&'a [u32]>,
    /// For each row, the row of [`Rows::Listed`] that belongs to it; empty if there is none.
    pub listed: &'a [u32],
}

/// Which row of an array belongs to a row that is computed. Arrays are `[row][width]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rows {
    /// The row of the same number.
    Own,
    /// The one that [`Layout::listed`] names.
    Listed,
    /// That of the segment.
    Segment,
    /// The first one.
    First,
}

/// Position of an [`Op`] in its body.
pub type Value = usize;

/// Operations of two values. All round once; `Min` and `Max` are `a < b ? a : b` and `a > b ? a : b`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    /// Of the bits.
    And,
    /// Of the bits.
    Xor,
    /// Of the bits as integers, wrapping.
    AddBits,
}

/// A condition. Comparisons with not-a-number are false, except that it is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Test {
    /// a > b
    Greater(Value, Value),
    /// b < a < c
    Between(Value, Value, Value),
    NotZero(Value),
}

/// One operation on a row. Those that read or compute something are values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// A number by its bits.
    Const(u64),
    /// An entry of the uniform values of a run.
    Uniform(usize),
    /// A row of an input.
    Row {
        /// Which input.
        input: usize,
        /// Which row of it.
        rows: Rows,
    },
    /// One number of an input that has one per row, in all columns.
    Lane {
        /// Which input.
        input: usize,
    },
    /// An operation on two values.
    Binary(Binary, Value, Value),
    /// The bits moved left.
    ShiftLeft(Value, u8),
    /// One of two values.
    Select {
        /// What decides.
        test: Test,
        /// The value if so.
        then: Value,
        /// The value if not.
        other: Value,
    },
    /// Writes a value to the own row of an output. No value.
    Set {
        /// Which output.
        output: usize,
        /// What is written.
        value: Value,
    },
    /// Adds a value to a row of an output, or subtracts it. No value.
    Add {
        /// Which output.
        output: usize,
        /// Which row of it.
        rows: Rows,
        /// What is added.
        value: Value,
        /// Whether it is subtracted.
        negative: bool,
    },
}

impl Op {
    /// The values it needs.
    pub(crate) fn operands(&self) -> impl Iterator<Item = Value> + use<> {
        let mut list = [None; 5];
        match *self {
            Self::Const(_) | Self::Uniform(_) | Self::Row { .. } | Self::Lane { .. } => {}
            Self::Binary(_, a, b) => list[..2].copy_from_slice(&[Some(a), Some(b)]),
            Self::ShiftLeft(a, _) => list[0] = Some(a),
            Self::Select { test, then, other } => {
                list[..2].copy_from_slice(&[Some(then), Some(other)]);
                match test {
                    Test::Greater(a, b) => list[2..4].copy_from_slice(&[Some(a), Some(b)]),
                    Test::Between(a, b, c) => {
                        list[2..].copy_from_slice(&[Some(a), Some(b), Some(c)])
                    }
                    Test::NotZero(a) => list[2] = Some(a),
                }
            }
            Self::Set { value, .. } | Self::Add { value, .. } => list[0] = Some(value),
        }
        list.into_iter().flatten()
    }

    /// Whether it writes something, and so is no value.
    pub(crate) fn writes(&self) -> bool {
        matches!(self, Self::Set { .. } | Self::Add { .. })
    }
}

/// A program for one row: operations in order. Values nobody needs cost nothing.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Body {
    pub(crate) ops: Vec<Op>,
}

impl Body {
    /// Appends an operation and returns its position. Equal values are one value.
    ///
    /// # Panics
    /// If an operand is not a value before it.
    pub fn push(&mut self, op: Op) -> Value {
        for operand in op.operands() {
            let known = self.ops.get(operand).is_some_and(|o| !o.writes());
            assert!(known, "internal: operand {operand} of {op:?} is no earlier value");
        }
        let known = if op.writes() { None } else { self.ops.iter().position(|o| *o == op) };
        known.unwrap_or_else(|| {
            self.ops.push(op);
            self.ops.len() - 1
        })
    }

    /// The operation that makes a value.
    pub fn op(&self, value: Value) -> Op {
        self.ops[value]
    }
}
