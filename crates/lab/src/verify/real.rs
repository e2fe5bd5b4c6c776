//! A kernel of one lane in floating point: what an evaluation would have given without rounding.

use trifactor_entity::EntityId;
use trifactor_ir::{Kernel, Op, ValueId};

/// The value of every operation, in their order; `values` keeps its memory. Shape: `ports` in port
/// order.
pub(super) fn evaluate(kernel: &Kernel, ports: &[f64], values: &mut Vec<f64>) {
    values.clear();
    for op in kernel.ops.values() {
        let at = |v: ValueId| values[v.index()];
        let truth = |b: bool| f64::from(u8::from(b));
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
            Op::Select { cond, then, other } => at(if at(cond) != 0.0 { then } else { other }),
            Op::Bump(..) => {
                unreachable!("internal: a forward phase holds no gradient operation (I12)")
            }
        };
        values.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_ir::text::parse_kernel;

    #[test]
    fn every_operation_means_what_the_text_says() {
        let text = "kernel k {\n  in a: own\n  in b: own\n  s = select(a > b, a - b, a * b + 1)\n  set x = clamp(s, -2, 2) + sgn(a) * step(b)\n}\n";
        let kernel = parse_kernel(text, "k.kern").expect("legal");
        let result = |a: f64, b: f64| {
            let mut values = Vec::new();
            evaluate(&kernel, &[a, b], &mut values);
            values[kernel.outputs[0].value.index()]
        };
        assert_eq!(result(1.0, 0.5), 1.5);
        assert_eq!(result(-1.0, 0.5), -0.5);
        assert_eq!(result(-3.0, -1.0), 2.0);
        assert_eq!(result(5.0, -1.0), 2.0);
        assert_eq!(result(5.0, 1.0), 3.0);
    }
}
