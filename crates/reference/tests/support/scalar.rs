//! A kernel evaluated for one lane with plain numbers, independently of the executor.

use trifactor_entity::SideTable;
use trifactor_ir::{Kernel, Op, PortId, Surrogate, ValueId};

/// Every value of a kernel.
pub fn values(kernel: &Kernel, mut input: impl FnMut(PortId) -> f64) -> SideTable<ValueId, f64> {
    let mut values: SideTable<ValueId, f64> = SideTable::empty();
    let flag = |c: bool| f64::from(u8::from(c));
    for op in kernel.ops.values() {
        let v = |id: ValueId| values[id];
        let value = match *op {
            Op::Const(c) => c,
            Op::Port(p) => input(p),
            Op::Add(a, b) => v(a) + v(b),
            Op::Sub(a, b) => v(a) - v(b),
            Op::Mul(a, b) => v(a) * v(b),
            Op::Min(a, b) => v(a).min(v(b)),
            Op::Max(a, b) => v(a).max(v(b)),
            Op::Gt(a, b) => flag(v(a) > v(b)),
            Op::Sgn(a) => flag(v(a) > 0.0) - flag(v(a) < 0.0),
            Op::Step(a, _) => flag(v(a) > 0.0),
            Op::Select { cond, then, other } => {
                if v(cond) != 0.0 {
                    v(then)
                } else {
                    v(other)
                }
            }
            Op::Bump(a, surrogate) => slope(v(a).abs(), surrogate),
        };
        values.push(value);
    }
    values
}

/// The surrogate derivatives, from their definition.
pub fn slope(x: f64, surrogate: Surrogate) -> f64 {
    match surrogate {
        Surrogate::None => 0.0,
        Surrogate::FastSigmoid { scale, beta } => scale / (1.0 + x * beta).powi(2),
        Surrogate::Exponential { scale, beta } => scale * (-beta * x).exp(),
        Surrogate::Triangle { scale, beta } => scale * (1.0 - beta * x).max(0.0),
    }
}

/// The results of a kernel in order.
pub fn results(kernel: &Kernel, input: impl FnMut(PortId) -> f64) -> Vec<f64> {
    let values = values(kernel, input);
    kernel.outputs.iter().map(|o| values[o.value]).collect()
}
