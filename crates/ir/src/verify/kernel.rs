//! Checks of one kernel: I1 to I6.

use super::Findings;
use crate::kernel::{Kernel, Op, Surrogate};
use trifactor_entity::EntityId;

/// Checks a kernel whose first user has this key.
pub(super) fn check(kernel: &Kernel, key: &str, findings: &mut Findings) {
    operand_that_is_not_earlier(kernel, key, findings);
    repeated_or_illegal_name(kernel, key, findings);
    input_read_twice_or_never(kernel, key, findings);
    number_that_is_not_finite(kernel, key, findings);
    gradient_operation(kernel, key, findings);
}

fn operand_that_is_not_earlier(kernel: &Kernel, key: &str, findings: &mut Findings) {
    for (id, op) in kernel.ops.iter() {
        let missing_port = matches!(op, Op::Port(p) if p.index() >= kernel.ports.len());
        if missing_port || op.operands().any(|operand| operand >= id) {
            let message = format!(
                "operation {} of kernel '{}' uses something that does not come before it",
                id.index(),
                kernel.name
            );
            findings.error("V001", key, message);
        }
    }
    for output in &kernel.outputs {
        if output.value.index() >= kernel.ops.len() {
            let message = format!(
                "the result '{}' of kernel '{}' is no value of the kernel",
                output.variable, kernel.name
            );
            findings.error("V001", key, message);
        }
    }
}

fn repeated_or_illegal_name(kernel: &Kernel, key: &str, findings: &mut Findings) {
    let owned = |name| (name, key.to_owned());
    findings.identifier("kernel", &kernel.name, key);
    findings.names("V002", "input", kernel.ports.values().map(|p| owned(p.name.as_str())));
    for port in kernel.ports.values().filter(|p| p.variable != p.name) {
        findings.identifier("variable", &port.variable, key);
    }
    let results = kernel.outputs.iter().map(|o| owned(o.variable.as_str()));
    findings.names("V004", "result", results);
}

fn input_read_twice_or_never(kernel: &Kernel, key: &str, findings: &mut Findings) {
    for (id, port) in kernel.ports.iter() {
        let reads = kernel.ops.values().filter(|op| **op == Op::Port(id)).count();
        if reads > 1 {
            let message = format!(
                "{reads} operations of kernel '{}' read the input '{}'",
                kernel.name, port.name
            );
            findings.error_hint("V002", key, message, "read it once and use the value again");
        }
        if reads == 0 {
            let message = format!("kernel '{}' never uses its input '{}'", kernel.name, port.name);
            findings.warning("V030", key, message);
        }
    }
}

fn number_that_is_not_finite(kernel: &Kernel, key: &str, findings: &mut Findings) {
    let finite = |op: &Op| match *op {
        Op::Const(c) => c.is_finite(),
        Op::Step(_, s) | Op::Bump(_, s) => match s {
            Surrogate::None => true,
            Surrogate::FastSigmoid { scale, beta }
            | Surrogate::Exponential { scale, beta }
            | Surrogate::Triangle { scale, beta } => scale.is_finite() && beta.is_finite(),
        },
        _ => true,
    };
    if !kernel.ops.values().all(finite) {
        let message = format!("kernel '{}' holds a number that is not finite", kernel.name);
        findings.error("V003", key, message);
    }
}

fn gradient_operation(kernel: &Kernel, key: &str, findings: &mut Findings) {
    if kernel.ops.values().any(|op| matches!(op, Op::Bump(..))) {
        let message = format!("kernel '{}' uses bump, a derivative", kernel.name);
        let hint = "a time step has no gradients; write step(x, surrogate)";
        findings.error_hint("V005", key, message, hint);
    }
}
