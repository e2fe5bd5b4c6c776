//! Straight-line programs over lanes: the one form in which a rule, a neuron or a trace is written
//! and from which every reading is made.
//!
//! A kernel is a list of operations whose operands name earlier values only (I1), so evaluation
//! order is list order, the reverse sweep is the list backwards, and nothing recurses.

use trifactor_entity::{EntityId, SideTable, Table, entity_id};

entity_id!(
    /// A value inside a kernel.
    pub ValueId,
    "v"
);
entity_id!(
    /// An input of a kernel.
    pub PortId,
    "in"
);

/// Derivative that stands in for that of the spike step in the reverse reading.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Surrogate {
    /// No gradient passes.
    None,
    /// `scale / (1 + |x| * beta)^2`.
    FastSigmoid {
        /// Height at 0.
        scale: f64,
        /// Steepness, 1 / units of x.
        beta: f64,
    },
    /// `scale * exp(-beta * |x|)`, the form used by SLAYER.
    Exponential {
        /// Height at 0.
        scale: f64,
        /// Steepness, 1 / units of x.
        beta: f64,
    },
    /// `scale * max(0, 1 - beta * |x|)`.
    Triangle {
        /// Height at 0.
        scale: f64,
        /// Steepness, 1 / units of x.
        beta: f64,
    },
}

/// One operation. Booleans are 0 and 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Op {
    /// A constant in the author's units.
    Const(f64),
    /// The value bound to an input.
    Port(PortId),
    /// a + b.
    Add(ValueId, ValueId),
    /// a - b.
    Sub(ValueId, ValueId),
    /// a * b.
    Mul(ValueId, ValueId),
    /// The smaller one.
    Min(ValueId, ValueId),
    /// The larger one.
    Max(ValueId, ValueId),
    /// 1 if a > b, else 0. No gradient.
    Gt(ValueId, ValueId),
    /// -1, 0 or 1. No gradient.
    Sgn(ValueId),
    /// 1 if x > 0, else 0; its derivative is the surrogate's.
    Step(ValueId, Surrogate),
    /// `then` if `cond` is not 0, else `other`; the gradient follows the choice.
    Select {
        /// The condition.
        cond: ValueId,
        /// Value where it is not 0.
        then: ValueId,
        /// Value where it is 0.
        other: ValueId,
    },
    /// The surrogate derivative itself, at x. Made by the adjoint; cannot be lowered to a chip.
    Bump(ValueId, Surrogate),
}

impl Op {
    /// The operands in order; at most three.
    pub fn operands(&self) -> impl Iterator<Item = ValueId> + use<> {
        let list: [Option<ValueId>; 3] = match *self {
            Self::Const(_) | Self::Port(_) => [None; 3],
            Self::Sgn(a) | Self::Step(a, _) | Self::Bump(a, _) => [Some(a), None, None],
            Self::Add(a, b)
            | Self::Sub(a, b)
            | Self::Mul(a, b)
            | Self::Min(a, b)
            | Self::Max(a, b)
            | Self::Gt(a, b) => [Some(a), Some(b), None],
            Self::Select { cond, then, other } => [Some(cond), Some(then), Some(other)],
        };
        list.into_iter().flatten()
    }
    /// The same operation with operands renamed.
    pub fn map(self, mut f: impl FnMut(ValueId) -> ValueId) -> Self {
        match self {
            Self::Const(_) | Self::Port(_) => self,
            Self::Add(a, b) => Self::Add(f(a), f(b)),
            Self::Sub(a, b) => Self::Sub(f(a), f(b)),
            Self::Mul(a, b) => Self::Mul(f(a), f(b)),
            Self::Min(a, b) => Self::Min(f(a), f(b)),
            Self::Max(a, b) => Self::Max(f(a), f(b)),
            Self::Gt(a, b) => Self::Gt(f(a), f(b)),
            Self::Sgn(a) => Self::Sgn(f(a)),
            Self::Step(a, s) => Self::Step(f(a), s),
            Self::Select { cond, then, other } => {
                Self::Select { cond: f(cond), then: f(then), other: f(other) }
            }
            Self::Bump(a, s) => Self::Bump(f(a), s),
        }
    }
}

/// Whose value an input reads, seen from the lane that executes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// The executing lane itself.
    Own,
    /// The synapse's pre-synaptic lane.
    Pre,
    /// The synapse's post-synaptic lane.
    Post,
    /// The single lane of a global state.
    Global,
    /// 1 in every 2^k-th epoch, else 0 (S46).
    Every(u8),
}

/// When, inside the epoch, a pre or post factor is read (S40).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum When {
    /// After the last step of the epoch.
    #[default]
    End,
    /// At the pre lane's last spike in the epoch.
    AtPre,
    /// At the post lane's last spike in the epoch.
    AtPost,
}

/// An input of a kernel.
#[derive(Clone, PartialEq, Debug)]
pub struct Port {
    /// Name of the input, unique in the kernel.
    pub name: String,
    /// Whose value it is.
    pub role: Role,
    /// The author's name of the variable, where it differs from `name`.
    pub variable: String,
    /// When in the epoch it is read.
    pub when: When,
    /// Read one step before `when`.
    pub prev: bool,
}

impl Port {
    /// An input of the same name as its variable, read at the end of the epoch.
    pub fn new(name: &str, role: Role) -> Self {
        Self {
            name: name.to_owned(),
            role,
            variable: name.to_owned(),
            when: When::End,
            prev: false,
        }
    }
}

/// Where a result goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Target {
    /// Replaces the executing lane's variable.
    Set,
    /// Is added to an accumulator of the post lane.
    AddPost,
    /// Is added to an accumulator of the pre lane (made by the adjoint).
    AddPre,
    /// Is added to an accumulator of the single lane (made by the adjoint).
    AddGlobal,
    /// Is added to the executing lane's accumulator (made by the adjoint).
    AddOwn,
}

/// A result of a kernel.
#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    /// Variable or accumulator.
    pub variable: String,
    /// Replace or add, and where.
    pub target: Target,
    /// The value.
    pub value: ValueId,
}

/// Where the author wrote a kernel. It is no part of what the kernel is: any two are equal.
#[derive(Clone, Default, Debug)]
pub struct Written {
    /// The file; none for a kernel that no text was read for.
    pub file: Option<String>,
    /// Line of each operation in that file, from 1, in the order of the operations.
    pub lines: Vec<u32>,
    /// Line of each result, in the order of the results.
    pub outputs: Vec<u32>,
    /// The products of the author's sums, where the kernel is made of such.
    pub terms: Vec<WrittenTerm>,
    /// For each operation, the position in `terms` of the first product that needs it.
    pub term_of: Vec<u16>,
}

/// A product of a sum, as the author wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrittenTerm {
    /// Variable that the sum changes.
    pub variable: &'static str,
    /// Where the product begins in the text of the sum, in bytes.
    pub at: usize,
    /// The product with its sign, on one line.
    pub text: String,
}

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Written {
    /// The place of an operation, as `stdp.kern line 7`.
    pub fn place(&self, value: ValueId) -> Option<String> {
        let file = self.file.as_ref()?;
        self.lines.get(value.index()).map(|line| format!("{file} line {line}"))
    }
    /// The product that an operation is for, as a position in `terms`.
    pub fn term(&self, value: ValueId) -> Option<u16> {
        self.term_of.get(value.index()).copied()
    }
}

/// A straight-line program executed once per lane.
#[derive(Clone, PartialEq, Debug)]
pub struct Kernel {
    /// The author's name.
    pub name: String,
    /// Inputs.
    pub ports: Table<PortId, Port>,
    /// Operations in evaluation order.
    pub ops: Table<ValueId, Op>,
    /// Results.
    pub outputs: Vec<Output>,
    /// Where it was written.
    pub written: Written,
}

impl Kernel {
    /// The input of that name.
    pub fn port(&self, name: &str) -> Option<PortId> {
        self.ports.find(|p| p.name == name)
    }
    /// Where an input is first read, as `stdp.kern line 7`.
    pub fn place_of(&self, port: PortId) -> Option<String> {
        let read = self.ops.iter().find(|(_, op)| **op == Op::Port(port));
        read.and_then(|(value, _)| self.written.place(value))
    }
    /// The result that sets or adds to that variable.
    pub fn output(&self, variable: &str) -> Option<&Output> {
        self.outputs.iter().find(|o| o.variable == variable)
    }
    /// The same kernel without operations that no result needs. Inputs keep their ids.
    #[must_use]
    pub fn without_dead_ops(self) -> Self {
        let mut live = SideTable::for_each(&self.ops, |_, _| false);
        for output in &self.outputs {
            live[output.value] = true;
        }
        for (id, op) in self.ops.iter().rev() {
            if live[id] {
                op.operands().for_each(|v| live[v] = true);
            }
        }
        let mut ops = Table::new();
        let mut renamed: SideTable<ValueId, ValueId> = SideTable::empty();
        let (mut lines, mut term_of) = (Vec::new(), Vec::new());
        for (id, op) in self.ops.iter() {
            // A dead value is never looked up, so it may share the id of the next live one.
            renamed.push(ops.next_id());
            if live[id] {
                ops.push(op.map(|v| renamed[v]));
                lines.extend(self.written.lines.get(id.index()));
                term_of.extend(self.written.term(id));
            }
        }
        let outputs = self.outputs.into_iter().map(|o| Output { value: renamed[o.value], ..o });
        let written = Written { lines, term_of, ..self.written };
        Self { outputs: outputs.collect(), ops, written, ..self }
    }
    /// Whether two kernels compute the same thing with the same names, apart from their own name
    /// and from surrogate derivatives, which no forward reading sees.
    pub fn same_program(&self, other: &Self) -> bool {
        let plain = |op: Op| match op {
            Op::Step(x, _) => Op::Step(x, Surrogate::None),
            op => op,
        };
        self.ports == other.ports
            && self.outputs == other.outputs
            && self.ops.len() == other.ops.len()
            && self.ops.values().zip(other.ops.values()).all(|(a, b)| plain(*a) == plain(*b))
    }
}

/// Writes kernels without checking anything global; [`mod@crate::verify`] does that.
///
/// ```
/// use trifactor_ir::{KernelBuilder, Role, Target};
/// let mut b = KernelBuilder::new("decay");
/// let w = b.input("w", Role::Own);
/// let k = b.constant(0.5);
/// let v = b.mul(w, k);
/// b.output("w", Target::Set, v);
/// assert_eq!(b.build().ops.len(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct KernelBuilder {
    kernel: Kernel,
}

impl KernelBuilder {
    /// An empty kernel.
    pub fn new(name: &str) -> Self {
        Self {
            kernel: Kernel {
                name: name.to_owned(),
                ports: Table::new(),
                ops: Table::new(),
                outputs: Vec::new(),
                written: Written::default(),
            },
        }
    }
    /// Declares an input and reads it.
    pub fn port(&mut self, port: Port) -> ValueId {
        let id = self.kernel.ports.push(port);
        self.op(Op::Port(id))
    }
    /// Declares an input named like its variable and reads it.
    pub fn input(&mut self, name: &str, role: Role) -> ValueId {
        self.port(Port::new(name, role))
    }
    /// Appends an operation.
    pub fn op(&mut self, op: Op) -> ValueId {
        self.kernel.ops.push(op)
    }
    /// A constant.
    pub fn constant(&mut self, value: f64) -> ValueId {
        self.op(Op::Const(value))
    }
    /// a + b.
    pub fn add(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.op(Op::Add(a, b))
    }
    /// a - b.
    pub fn sub(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.op(Op::Sub(a, b))
    }
    /// a * b.
    pub fn mul(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.op(Op::Mul(a, b))
    }
    /// a > b.
    pub fn gt(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.op(Op::Gt(a, b))
    }
    /// The larger one.
    pub fn max(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.op(Op::Max(a, b))
    }
    /// The smaller one.
    pub fn min(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.op(Op::Min(a, b))
    }
    /// A choice.
    pub fn select(&mut self, cond: ValueId, then: ValueId, other: ValueId) -> ValueId {
        self.op(Op::Select { cond, then, other })
    }
    /// Declares a result.
    pub fn output(&mut self, variable: &str, target: Target, value: ValueId) {
        self.kernel.outputs.push(Output { variable: variable.to_owned(), target, value });
    }
    /// Number of operations so far.
    pub fn len(&self) -> usize {
        self.kernel.ops.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The kernel as written.
    pub fn build(self) -> Kernel {
        self.kernel
    }
}
