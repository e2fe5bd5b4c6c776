//! The reverse reading of a kernel, as another kernel.
//!
//! [`adjoint`] turns a kernel into its vector-Jacobian product over the same inputs plus one
//! cotangent input per result. Since the product is a kernel, whatever executes kernels executes
//! gradients, and a pass that improves one improves the other. Reading and adding are each
//! other's transpose: a result that is added to the post lane has its cotangent read there, and
//! the gradient of an input read at the pre lane is added there.
//!
//! Not here: the order of phases and steps in reverse, which is `float::Tape`.
//!
//! ```
//! use trifactor_ir::{KernelBuilder, Role, Target};
//! use trifactor_reference::adjoint;
//! let mut b = KernelBuilder::new("scale");
//! let w = b.input("w", Role::Own);
//! let x = b.input("x", Role::Pre);
//! let y = b.mul(w, x);
//! b.output("q", Target::AddPost, y);
//! let reverse = adjoint(&b.build());
//! assert_eq!(reverse.ports.values().last().unwrap().role, Role::Post); // d_q
//! assert_eq!(reverse.output("d_x").unwrap().target, Target::AddPre);
//! ```

use trifactor_entity::SideTable;
use trifactor_ir::{Kernel, KernelBuilder, Op, Port, PortId, Role, Surrogate, Target, ValueId};

/// The vector-Jacobian product of a kernel.
///
/// Inputs: those of `kernel` with their ids, then `d_<variable>` for each result in order (read on
/// the own lane for `Set` and `AddOwn`, else on the lane the result is added to). Results:
/// `d_<input>` for each input from which a result is reached through operations that have a
/// derivative; their target follows the input's role ([`AddOwn`](Target::AddOwn) and so on). An
/// input without such a path has no result: its gradient is 0. A name that is taken already gets
/// a `_` appended.
///
/// Derivatives: that of `Step` is its surrogate; `Min`, `Max` and `Select` follow the choice (ties
/// of `Min` and `Max` go to the second operand, as their values do); `Gt`, `Sgn` and `Bump` have
/// none.
pub fn adjoint(kernel: &Kernel) -> Kernel {
    adjoint_within(kernel, &vec![None; kernel.outputs.len()])
}

/// The vector-Jacobian product of a kernel whose results are afterwards held in ranges.
///
/// `ranges` has one entry per result. A result with a range gets, behind the cotangents, one more
/// input `new_<variable>`: its value after the clamp. Its cotangent passes only where that value
/// lies strictly inside, so no forward value need be computed again.
pub fn adjoint_within(kernel: &Kernel, ranges: &[Option<(f64, f64)>]) -> Kernel {
    assert_eq!(kernel.outputs.len(), ranges.len(), "internal: one range per result");
    let mut reverse = Reverse {
        b: KernelBuilder::new(&format!("d_{}", kernel.name)),
        names: Vec::new(),
        forward: SideTable::empty(),
        cotangent: SideTable::for_each(&kernel.ops, |_, _| None),
        zero: None,
    };
    let cotangents = reverse.inputs(kernel, ranges);
    reverse.results(kernel, ranges, &cotangents);
    let sums = reverse.sweep(kernel);
    for (port, sum) in sums.iter() {
        if let Some(sum) = *sum {
            let value = reverse.plain(sum);
            let variable = format!("d_{}", kernel.ports[port].name);
            reverse.b.output(&variable, target_of(kernel.ports[port].role), value);
        }
    }
    reverse.b.build().without_dead_ops()
}

/// A cotangent so far: `value`, or `-value`. Signs are carried instead of computed.
#[derive(Clone, Copy)]
struct Signed {
    value: ValueId,
    negative: bool,
}

struct Reverse {
    b: KernelBuilder,
    /// Names of inputs so far.
    names: Vec<String>,
    /// Where each forward value is in the new kernel.
    forward: SideTable<ValueId, ValueId>,
    cotangent: SideTable<ValueId, Option<Signed>>,
    zero: Option<ValueId>,
}

impl Reverse {
    /// Declares all inputs and computes the forward values again; returns the cotangent of each
    /// result and its new value where it has a range.
    fn inputs(
        &mut self,
        kernel: &Kernel,
        ranges: &[Option<(f64, f64)>],
    ) -> Vec<(ValueId, Option<ValueId>)> {
        let mut reads: SideTable<PortId, ValueId> = SideTable::empty();
        for port in kernel.ports.values() {
            self.names.push(port.name.clone());
            reads.push(self.b.port(port.clone()));
        }
        let mut cotangents = Vec::new();
        for output in &kernel.outputs {
            let role = match output.target {
                Target::Set | Target::AddOwn => Role::Own,
                Target::AddPre => Role::Pre,
                Target::AddPost => Role::Post,
                Target::AddGlobal => Role::Global,
            };
            let name = fresh(&mut self.names, &format!("d_{}", output.variable));
            cotangents.push((self.b.input(&name, role), None));
        }
        for ((output, range), pair) in kernel.outputs.iter().zip(ranges).zip(&mut cotangents) {
            if range.is_some() {
                let name = fresh(&mut self.names, &format!("new_{}", output.variable));
                let port = Port { name, ..Port::new(&output.variable, Role::Own) };
                pair.1 = Some(self.b.port(port));
            }
        }
        for op in kernel.ops.values() {
            let value = match *op {
                Op::Port(port) => reads[port],
                op => self.b.op(op.map(|v| self.forward[v])),
            };
            self.forward.push(value);
        }
        cotangents
    }

    /// Starts the sweep at the results.
    fn results(
        &mut self,
        kernel: &Kernel,
        ranges: &[Option<(f64, f64)>],
        cotangents: &[(ValueId, Option<ValueId>)],
    ) {
        for ((output, range), (d, new)) in kernel.outputs.iter().zip(ranges).zip(cotangents) {
            let mut d = *d;
            if let (Some((low, high)), Some(new)) = (*range, *new) {
                let (low, high) = (self.b.constant(low), self.b.constant(high));
                let above = self.b.gt(new, low);
                let below = self.b.gt(high, new);
                let inside = self.b.mul(above, below);
                let zero = self.zero();
                d = self.b.select(inside, d, zero);
            }
            self.add(output.value, Signed { value: d, negative: false });
        }
    }

    /// Goes through the operations backwards; returns the sum at each input.
    fn sweep(&mut self, kernel: &Kernel) -> SideTable<PortId, Option<Signed>> {
        let mut sums: SideTable<PortId, Option<Signed>> =
            SideTable::for_each(&kernel.ports, |_, _| None);
        for (id, op) in kernel.ops.iter().rev() {
            let Some(d) = self.cotangent[id] else { continue };
            match *op {
                Op::Const(_) | Op::Gt(..) | Op::Sgn(_) | Op::Bump(..) => {}
                Op::Port(port) => {
                    if !matches!(kernel.ports[port].role, Role::Every(_)) {
                        let sum = self.sum(sums[port], d);
                        sums[port] = Some(sum);
                    }
                }
                Op::Add(x, y) => {
                    self.add(x, d);
                    self.add(y, d);
                }
                Op::Sub(x, y) => {
                    self.add(x, d);
                    self.add(y, Signed { negative: !d.negative, ..d });
                }
                Op::Mul(x, y) => {
                    self.add_product(x, d, y, kernel);
                    self.add_product(y, d, x, kernel);
                }
                Op::Min(x, y) => {
                    let first = self.b.gt(self.forward[y], self.forward[x]);
                    self.add_choice(first, x, y, d);
                }
                Op::Max(x, y) => {
                    let first = self.b.gt(self.forward[x], self.forward[y]);
                    self.add_choice(first, x, y, d);
                }
                Op::Select { cond, then, other } => {
                    self.add_choice(self.forward[cond], then, other, d);
                }
                Op::Step(x, surrogate) => {
                    if surrogate != Surrogate::None {
                        let slope = self.b.op(Op::Bump(self.forward[x], surrogate));
                        let value = self.b.mul(d.value, slope);
                        self.add(x, Signed { value, ..d });
                    }
                }
            }
        }
        sums
    }

    /// Adds d * factor to the cotangent of `x`, unless `x` is a constant.
    fn add_product(&mut self, x: ValueId, d: Signed, factor: ValueId, kernel: &Kernel) {
        if !matches!(kernel.ops[x], Op::Const(_)) {
            let value = self.b.mul(d.value, self.forward[factor]);
            self.add(x, Signed { value, ..d });
        }
    }
    fn add_choice(&mut self, cond: ValueId, then: ValueId, other: ValueId, d: Signed) {
        let zero = self.zero();
        let value = self.b.select(cond, d.value, zero);
        self.add(then, Signed { value, ..d });
        let value = self.b.select(cond, zero, d.value);
        self.add(other, Signed { value, ..d });
    }
    fn add(&mut self, x: ValueId, d: Signed) {
        let sum = self.sum(self.cotangent[x], d);
        self.cotangent[x] = Some(sum);
    }
    fn sum(&mut self, so_far: Option<Signed>, d: Signed) -> Signed {
        let Some(s) = so_far else { return d };
        let value = match (s.negative, d.negative) {
            (false, false) | (true, true) => self.b.add(s.value, d.value),
            (false, true) => self.b.sub(s.value, d.value),
            (true, false) => self.b.sub(d.value, s.value),
        };
        Signed { value, negative: s.negative && d.negative }
    }
    fn plain(&mut self, d: Signed) -> ValueId {
        if !d.negative {
            return d.value;
        }
        let minus_one = self.b.constant(-1.0);
        self.b.mul(d.value, minus_one)
    }
    fn zero(&mut self) -> ValueId {
        *self.zero.get_or_insert_with(|| self.b.constant(0.0))
    }
}

/// Where the gradient of an input goes.
fn target_of(role: Role) -> Target {
    match role {
        Role::Own | Role::Every(_) => Target::AddOwn,
        Role::Pre => Target::AddPre,
        Role::Post => Target::AddPost,
        Role::Global => Target::AddGlobal,
    }
}

/// `name`, or with as many `_` behind it as make it new; remembers it.
fn fresh(names: &mut Vec<String>, name: &str) -> String {
    let mut name = name.to_owned();
    while names.contains(&name) {
        name.push('_');
    }
    names.push(name.clone());
    name
}
