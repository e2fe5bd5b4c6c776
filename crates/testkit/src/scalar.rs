//! A kernel in floating point, one lane at a time, straight from the meaning of the operations.
//!
//! This is the float side of the error bounds (S61). It shares no code with the float machine.
//!
//! ```
//! use trifactor_ir::units;
//! use trifactor_testkit::scalar;
//! // x = 0.5 * 2 + 1 * 1
//! let trace = units::linear_trace();
//! let results = scalar::results(&trace, &[2.0, 1.0, 0.5, 1.0]);
//! assert_eq!(results, [2.0]);
//! ```

use trifactor_entity::EntityId;
use trifactor_ir::{Kernel, Op, ValueId};

/// The value of every operation. Shape: `ports` in port order; the result in operation order.
pub fn values(kernel: &Kernel, ports: &[f64]) -> Vec<f64> {
    let mut done: Vec<f64> = Vec::with_capacity(kernel.ops.len());
    for op in kernel.ops.values() {
        let at = |v: ValueId| done[v.index()];
        let truth = |b: bool| if b { 1.0 } else { 0.0 };
        let value = match *op {
            Op::Const(c) => c,
            Op::Port(port) => ports[port.index()],
            Op::Add(a, b) => at(a) + at(b),
            Op::Sub(a, b) => at(a) - at(b),
            Op::Mul(a, b) => at(a) * at(b),
            Op::Min(a, b) => at(a).min(at(b)),
            Op::Max(a, b) => at(a).max(at(b)),
            Op::Gt(a, b) => truth(at(a) > at(b)),
            Op::Sgn(a) => truth(at(a) > 0.0) - truth(at(a) < 0.0),
            Op::Step(a, _) => truth(at(a) > 0.0),
            Op::Select { cond, then, other } => {
                if at(cond) != 0.0 {
                    at(then)
                } else {
                    at(other)
                }
            }
            Op::Bump(..) => panic!("a gradient operation has no forward value"),
        };
        done.push(value);
    }
    done
}

/// The results of a kernel, before any range of their states.
pub fn results(kernel: &Kernel, ports: &[f64]) -> Vec<f64> {
    let values = values(kernel, ports);
    kernel.outputs.iter().map(|o| values[o.value.index()]).collect()
}
