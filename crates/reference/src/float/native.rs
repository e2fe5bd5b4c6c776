//! A tile's steps as native code, where there is any: the same operations on the same numbers in
//! the same order, with every value between them in a register.

use super::graph::{Addend, Body as NodeBody, NodeId};
use super::loops::Code;
use super::planner::{Item, Planner};
use super::program::{Axis, Buffers, Lanes, Place};
use super::real::Real;
use trifactor_ir::{Surrogate, Target};
use trifactor_jit::{Binary, Body, Layout, Level, Op, Rows, Test, Value};

/// Code for all lanes of a program.
#[derive(Debug)]
pub(super) struct Native<T> {
    code: trifactor_jit::Code<T>,
    /// Where its inputs are found.
    inputs: Vec<Place>,
    /// Which results its outputs are.
    outputs: Vec<usize>,
}

impl<T: Real> Native<T> {
    /// Code for a finished plan; `None` where there can be none.
    pub fn new(
        planner: &Planner<'_, T>,
        lanes: &Lanes,
        width: usize,
        level: Level,
    ) -> Option<Self> {
        let mut lowering = Lowering {
            planner,
            body: Body::default(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            values: vec![None; planner.graph.nodes.len()],
        };
        for item in planner.order() {
            match item {
                Item::Node(id) => lowering.node(id)?,
                Item::Result(i) => lowering.result(i)?,
            }
        }
        let Lowering { body, inputs, outputs, .. } = lowering;
        let edges = lanes.edges.as_deref();
        let layout = Layout {
            width,
            rows: lanes.n,
            segments: edges.map(|e| &e.row_start[..]),
            listed: edges.map_or(&[], |e| &e.post),
        };
        let code = trifactor_jit::Code::new(&body, &layout, level)?;
        Some(Self { code, inputs, outputs })
    }

    /// Runs over all lanes; uniform and hoisted values are in `buffers`.
    pub fn run(&self, buffers: &mut Buffers<T>, bank: &[Vec<T>], inputs: &[usize]) {
        let Buffers { scalars, hoisted, outs, .. } = buffers;
        let input = |place: &Place| -> &[T] {
            match *place {
                Place::Port(i) => &bank[inputs[i]],
                Place::Hoisted(i) => &hoisted[i],
                Place::Scalar(_) | Place::Temp(_) | Place::Out(_) => {
                    unreachable!("internal: not an input of native code")
                }
            }
        };
        // Outputs are numbered as results are, without those nobody wants.
        let wanted = outs.iter_mut().enumerate().filter(|(i, _)| self.outputs.contains(i));
        let outputs = wanted.map(|(_, out)| &mut out[..]);
        self.code.run(scalars, self.inputs.iter().map(input), outputs);
    }
}

struct Lowering<'a, 'b, T> {
    planner: &'a Planner<'b, T>,
    body: Body,
    inputs: Vec<Place>,
    outputs: Vec<usize>,
    /// Values of nodes so far.
    values: Vec<Option<Value>>,
}

impl<T: Real> Lowering<'_, '_, T> {
    fn result(&mut self, i: usize) -> Option<()> {
        let results = &self.planner.graph.results;
        let result = results[i];
        let (value, negative) = match result.addend {
            Addend::One(node) => (self.value(node)?, false),
            Addend::Part { a, b: None, negative, .. } => (self.value(a)?, negative),
            Addend::Part { a, b: Some(b), negative, .. } => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                (self.two(Binary::Mul, a, b), negative)
            }
        };
        let output = results[..].iter().filter(|r| r.output < result.output).count();
        if !self.outputs.contains(&result.output) {
            self.outputs.push(result.output);
        }
        let rows = match result.target {
            Target::Set => {
                self.body.push(Op::Set { output, value });
                return Some(());
            }
            Target::AddOwn => Rows::Own,
            Target::AddPost => Rows::Listed,
            Target::AddPre => Rows::Segment,
            Target::AddGlobal => Rows::First,
        };
        self.body.push(Op::Add { output, rows, value, negative });
        Some(())
    }

    /// The value of a node, which is read here if it is not one of the tile's own.
    fn value(&mut self, id: NodeId) -> Option<Value> {
        if let Some(known) = self.values[id] {
            return Some(known);
        }
        let value = match (self.planner.graph.nodes[id].body, self.planner.places[id]?) {
            (NodeBody::Constant(c), _) => self.constant(T::from_f64(c)),
            (_, Place::Scalar(i)) => self.body.push(Op::Uniform(i)),
            (_, place @ (Place::Port(_) | Place::Hoisted(_))) => {
                let known = self.inputs.iter().position(|p| *p == place);
                let input = known.unwrap_or_else(|| {
                    self.inputs.push(place);
                    self.inputs.len() - 1
                });
                let shape = self.planner.shape(place);
                let rows = match (shape.axis, shape.per_episode) {
                    (Axis::Own, true) => Rows::Own,
                    (Axis::Pre, true) => Rows::Segment,
                    (Axis::Post, true) => Rows::Listed,
                    (Axis::Global, true) => Rows::First,
                    (Axis::Own, false) => {
                        let value = self.body.push(Op::Lane { input });
                        self.values[id] = Some(value);
                        return Some(value);
                    }
                    (Axis::Pre | Axis::Post | Axis::Global, false) => return None,
                };
                self.body.push(Op::Row { input, rows })
            }
            (_, Place::Temp(_) | Place::Out(_)) => return None,
        };
        self.values[id] = Some(value);
        Some(value)
    }

    fn node(&mut self, id: NodeId) -> Option<()> {
        let node = self.planner.graph.nodes[id];
        let NodeBody::Apply(code, args, n) = node.body else { return None };
        let mut operands = [0; 4];
        for (operand, arg) in operands.iter_mut().zip(&args[..n]) {
            *operand = self.value(*arg)?;
        }
        let mut value = self.apply(code, operands);
        if let Some((low, high)) = node.bounds {
            let (low, high) = (self.constant(T::from_f64(low)), self.constant(T::from_f64(high)));
            value = self.apply(Code::Clamp, [value, low, high, 0]);
        }
        self.values[id] = Some(value);
        Some(())
    }

    /// One instruction, spelled out.
    fn apply(&mut self, code: Code, [a, b, c, d]: [Value; 4]) -> Value {
        use Binary::{Add, Div, Max, Min, Mul, Sub};
        let mut two = |op, x, y| self.body.push(Op::Binary(op, x, y));
        match code {
            Code::Copy => a,
            Code::Add => two(Add, a, b),
            Code::Sub => two(Sub, a, b),
            Code::Mul => two(Mul, a, b),
            Code::Min => two(Min, a, b),
            Code::Max => two(Max, a, b),
            Code::Clamp => {
                let x = two(Max, a, b);
                two(Min, x, c)
            }
            Code::MulAdd | Code::MulAddAdd | Code::MulAddSub => {
                let x = two(Mul, a, b);
                let x = two(Add, x, c);
                match code {
                    Code::MulAdd => x,
                    Code::MulAddAdd => two(Add, x, d),
                    _ => two(Sub, x, d),
                }
            }
            Code::MulSub => {
                let x = two(Mul, a, b);
                two(Sub, x, c)
            }
            Code::SubMul => {
                let x = two(Mul, a, b);
                two(Sub, c, x)
            }
            Code::MulMulAdd | Code::MulMulSub => {
                let (x, y) = (two(Mul, a, b), two(Mul, c, d));
                two(if code == Code::MulMulAdd { Add } else { Sub }, x, y)
            }
            Code::Mul3 | Code::Mul3Add | Code::SubMul3 => {
                let x = two(Mul, a, b);
                let x = two(Mul, x, c);
                match code {
                    Code::Mul3 => x,
                    Code::Mul3Add => two(Add, d, x),
                    _ => two(Sub, d, x),
                }
            }
            Code::Sgn => {
                let zero = self.constant(T::ZERO);
                let (above, below) =
                    (self.flag(Test::Greater(a, zero)), self.flag(Test::Greater(zero, a)));
                self.two(Sub, above, below)
            }
            Code::Step => {
                let zero = self.constant(T::ZERO);
                self.flag(Test::Greater(a, zero))
            }
            Code::SubStep => {
                let x = two(Sub, a, b);
                let zero = self.constant(T::ZERO);
                self.flag(Test::Greater(x, zero))
            }
            Code::Gt => self.flag(Test::Greater(a, b)),
            Code::Between => self.flag(Test::Between(a, b, c)),
            Code::Within => {
                let zero = self.constant(T::ZERO);
                self.body.push(Op::Select { test: Test::Between(a, b, c), then: d, other: zero })
            }
            Code::Select => {
                let test = self.test(a);
                self.body.push(Op::Select { test, then: b, other: c })
            }
            Code::Bump(Surrogate::None) => self.constant(T::ZERO),
            Code::Bump(Surrogate::FastSigmoid { scale, beta }) => {
                let (scale, beta, one) = (self.number(scale), self.number(beta), self.number(1.0));
                let x = self.magnitude(a);
                let x = self.two(Mul, x, beta);
                let x = self.two(Add, one, x);
                let x = self.two(Mul, x, x);
                self.two(Div, scale, x)
            }
            Code::Bump(Surrogate::Exponential { scale, beta }) => {
                let (scale, beta) = (self.number(scale), self.number(beta));
                let x = self.magnitude(a);
                let x = self.two(Mul, beta, x);
                let x = self.exp_neg(x);
                self.two(Mul, scale, x)
            }
            Code::Bump(Surrogate::Triangle { scale, beta }) => {
                let (scale, beta, one) = (self.number(scale), self.number(beta), self.number(1.0));
                let zero = self.constant(T::ZERO);
                let x = self.magnitude(a);
                let x = self.two(Mul, beta, x);
                let x = self.two(Sub, one, x);
                let x = self.two(Max, zero, x);
                self.two(Mul, scale, x)
            }
        }
    }

    /// [`Real::exp_neg`], operation by operation.
    fn exp_neg(&mut self, a: Value) -> Value {
        use Binary::{Add, Mul, Sub};
        let c = T::EXP_NEG;
        let [log2_e, magic, high, low, limit] =
            [c.log2_e, c.magic, c.ln2[0], c.ln2[1], c.limit].map(|x| self.constant(x));
        let sign = self.body.push(Op::Const(if T::DOUBLE { 1 << 63 } else { 1 << 31 }));
        let x = self.two(Binary::Xor, a, sign);
        let sum = self.two(Mul, x, log2_e);
        let sum = self.two(Add, sum, magic);
        let n = self.two(Sub, sum, magic);
        let (above, below) = (self.two(Mul, n, high), self.two(Mul, n, low));
        let r = self.two(Sub, x, above);
        let r = self.two(Sub, r, below);
        let mut p = self.constant(c.polynomial[0]);
        for term in &c.polynomial[1..] {
            let term = self.constant(*term);
            p = self.two(Mul, p, r);
            p = self.two(Add, p, term);
        }
        let one = self.constant(T::ONE);
        let scale = self.body.push(Op::ShiftLeft(sum, c.shift));
        let scale = self.two(Binary::AddBits, scale, one);
        let (then, other) = (self.two(Mul, p, scale), self.constant(T::ZERO));
        self.body.push(Op::Select { test: Test::Greater(limit, a), then, other })
    }

    fn magnitude(&mut self, a: Value) -> Value {
        let mask = if T::DOUBLE { !(1 << 63) } else { !(1 << 31) & 0xFFFF_FFFF };
        let mask = self.body.push(Op::Const(mask));
        self.two(Binary::And, a, mask)
    }

    fn two(&mut self, op: Binary, a: Value, b: Value) -> Value {
        self.body.push(Op::Binary(op, a, b))
    }

    fn constant(&mut self, value: T) -> Value {
        self.body.push(Op::Const(value.bits()))
    }

    fn number(&mut self, value: f64) -> Value {
        self.constant(T::from_f64(value))
    }

    /// 1 or 0.
    fn flag(&mut self, test: Test) -> Value {
        let (then, other) = (self.constant(T::ONE), self.constant(T::ZERO));
        self.body.push(Op::Select { test, then, other })
    }

    /// Whether a value is not 0: for a flag, what the flag stands for.
    fn test(&mut self, a: Value) -> Test {
        let (one, zero) = (Op::Const(T::ONE.bits()), Op::Const(T::ZERO.bits()));
        match self.body.op(a) {
            Op::Select { test, then, other }
                if self.body.op(then) == one && self.body.op(other) == zero =>
            {
                test
            }
            _ => Test::NotZero(a),
        }
    }
}
