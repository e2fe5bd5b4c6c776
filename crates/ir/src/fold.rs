//! Pass: parameters of a rule that are one number for a whole projection become constants.
//!
//! A decay shared by all synapses is trained as a parameter, but a chip need not store it in every
//! synapse: its microcode can hold it. The pass replaces such inputs of plasticity kernels by
//! constants, evaluates what then depends on constants alone, and drops operations and inputs that
//! no result needs. The parameter's state stays declared, unread, so ids and names keep their
//! meaning. It leans on parameters never being written; whoever changes their values afterwards
//! has to fold again. Cost: linear in operations and parameter values.

use crate::kernel::{Kernel, Op, PortId, Role, Surrogate, ValueId, When};
use crate::network::{Group, Network, Read, StateRole, Values};
use crate::verify::{CheckedNetwork, verify};
use trifactor_entity::{SideTable, Table};

/// The network with the shared parameters of its rules as constants of their kernels.
pub fn fold_shared(network: &CheckedNetwork) -> CheckedNetwork {
    let mut folded: Network = network.network().clone();
    for id in network.phases.ids() {
        let phase = &network.phases[id];
        if phase.group != Group::Plasticity {
            continue;
        }
        let kernel = &network.kernels[phase.kernel];
        let values = SideTable::for_each(&kernel.ports, |port, p| {
            let Read::State(state) = phase.reads[port] else { return None };
            let s = &network.states[state];
            let shared = s.role == StateRole::Parameter
                && (p.role, p.when, p.prev) == (Role::Own, When::End, false);
            shared.then(|| uniform(&s.init)).flatten()
        });
        if values.iter().all(|(_, v)| v.is_none()) {
            continue;
        }
        let (kernel, kept) = with_constants(kernel, &values);
        let mut reads = Table::new();
        for port in kept {
            reads.push(phase.reads[port]);
        }
        // Another phase may run the same kernel with other values.
        folded.phases[id].kernel = folded.kernels.push(kernel);
        folded.phases[id].reads = reads;
    }
    verify(folded).expect("internal: constants broke a checked network")
}

/// The kernel with inputs replaced, and which of its inputs are left.
fn with_constants(
    kernel: &Kernel,
    values: &SideTable<PortId, Option<f64>>,
) -> (Kernel, Vec<PortId>) {
    let mut ops: SideTable<ValueId, Op> = SideTable::empty();
    for op in kernel.ops.values() {
        let op = match *op {
            Op::Port(port) => values[port].map_or(Op::Port(port), Op::Const),
            op => evaluated(op, &ops).filter(|v| v.is_finite()).map_or(op, Op::Const),
        };
        ops.push(op);
    }
    let mut folded = Table::new();
    for op in ops.iter().map(|(_, op)| *op) {
        folded.push(op);
    }
    let kernel = Kernel { ops: folded, ..kernel.clone() }.without_dead_ops();
    let mut used = SideTable::for_each(&kernel.ports, |_, _| false);
    for op in kernel.ops.values() {
        if let Op::Port(port) = *op {
            used[port] = true;
        }
    }
    let (mut ports, mut kept) = (Table::new(), Vec::new());
    let mut renamed: SideTable<PortId, PortId> = SideTable::empty();
    for (port, p) in kernel.ports.iter() {
        // The id of a dropped input is never looked up.
        renamed.push(ports.next_id());
        if used[port] {
            ports.push(p.clone());
            kept.push(port);
        }
    }
    let mut ops = Table::new();
    for op in kernel.ops.values() {
        ops.push(match *op {
            Op::Port(port) => Op::Port(renamed[port]),
            op => op,
        });
    }
    (Kernel { ports, ops, ..kernel }, kept)
}

/// The value of an operation whose operands are constants, in double precision; `None` also where
/// that is too large for a number, which then stays an operation.
fn evaluated(op: Op, ops: &SideTable<ValueId, Op>) -> Option<f64> {
    let value = |v: ValueId| match ops[v] {
        Op::Const(value) => Some(value),
        _ => None,
    };
    let flag = |set: bool| f64::from(u8::from(set));
    Some(match op {
        Op::Const(value) => value,
        Op::Add(a, b) => value(a)? + value(b)?,
        Op::Sub(a, b) => value(a)? - value(b)?,
        Op::Mul(a, b) => value(a)? * value(b)?,
        Op::Min(a, b) => {
            let (a, b) = (value(a)?, value(b)?);
            if a < b { a } else { b }
        }
        Op::Max(a, b) => {
            let (a, b) = (value(a)?, value(b)?);
            if a > b { a } else { b }
        }
        Op::Gt(a, b) => flag(value(a)? > value(b)?),
        Op::Sgn(a) => flag(value(a)? > 0.0) - flag(value(a)? < 0.0),
        Op::Step(a, _) => flag(value(a)? > 0.0),
        Op::Select { cond, then, other } => {
            if value(cond)? != 0.0 {
                value(then)?
            } else {
                value(other)?
            }
        }
        Op::Bump(_, Surrogate::None) => 0.0,
        Op::Port(_) | Op::Bump(..) => return None,
    })
}

/// The value that all lanes have.
fn uniform(values: &Values) -> Option<f64> {
    values.bounds().filter(|(low, high)| low == high).map(|(low, _)| low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{parse_kernel, print_kernel};
    use trifactor_entity::EntityId;

    const TEXT: &str = "kernel decay {
  in e: own
  in keep: own
  in rate: own
  in x: pre
  lost = 1 - keep
  next = e * keep + x * lost * rate
  set e = next
}
";

    fn folded(values: [Option<f64>; 4]) -> (String, usize) {
        let kernel = parse_kernel(TEXT, "decay.kern").expect("legal");
        let mut list = values.into_iter();
        let table = SideTable::for_each(&kernel.ports, |_, _| list.next().flatten());
        let (kernel, kept) = with_constants(&kernel, &table);
        (print_kernel(&kernel), kept.len())
    }

    #[test]
    fn a_shared_parameter_and_what_follows_from_it_become_constants() {
        let (text, kept) = folded([None, Some(0.75), None, None]);
        assert_eq!(kept, 3);
        assert!(!text.contains("in keep"), "{text}");
        assert!(text.contains("0.25") && text.contains("0.75"), "{text}");
        assert!(!text.contains('-'), "the difference is known: {text}");
    }

    #[test]
    fn nothing_to_fold_leaves_the_kernel_as_it_was() {
        let kernel = parse_kernel(TEXT, "decay.kern").expect("legal");
        assert_eq!(folded([None; 4]), (print_kernel(&kernel), 4));
    }

    #[test]
    fn every_operation_on_constants_has_its_value() {
        let mut constants = Table::new();
        for value in [2.0, -3.0, 0.0] {
            constants.push(Op::Const(value));
        }
        let ops = SideTable::for_each(&constants, |_, op| *op);
        let v = |at: usize| ValueId::from_index(at);
        let select = |cond| Op::Select { cond: v(cond), then: v(0), other: v(1) };
        for (op, expected) in [
            (Op::Add(v(0), v(1)), -1.0),
            (Op::Sub(v(0), v(1)), 5.0),
            (Op::Mul(v(0), v(1)), -6.0),
            (Op::Min(v(0), v(1)), -3.0),
            (Op::Max(v(0), v(1)), 2.0),
            (Op::Gt(v(0), v(1)), 1.0),
            (Op::Gt(v(1), v(0)), 0.0),
            (Op::Sgn(v(1)), -1.0),
            (Op::Sgn(v(2)), 0.0),
            (Op::Step(v(0), Surrogate::None), 1.0),
            (Op::Step(v(2), Surrogate::None), 0.0),
            (select(0), 2.0),
            (select(2), -3.0),
        ] {
            assert_eq!(evaluated(op, &ops), Some(expected), "{op:?}");
        }
    }

    #[test]
    fn what_would_be_infinite_stays_an_operation() {
        let text =
            "kernel k {\n  in w: own\n  in a: own\n  b = a * a\n  c = w + b\n  set w = c\n}\n";
        let kernel = parse_kernel(text, "k.kern").expect("legal");
        let mut list = [None, Some(1e200)].into_iter();
        let table = SideTable::for_each(&kernel.ports, |_, _| list.next().flatten());
        let (kernel, _) = with_constants(&kernel, &table);
        assert!(
            kernel.ops.values().any(|op| matches!(op, Op::Mul(..))),
            "{}",
            print_kernel(&kernel)
        );
    }

    #[test]
    fn only_values_equal_in_all_lanes_are_shared() {
        assert_eq!(uniform(&Values::Constant(0.5)), Some(0.5));
        assert_eq!(uniform(&Values::PerLane(vec![0.5, 0.5])), Some(0.5));
        assert_eq!(uniform(&Values::PerLane(vec![0.5, 0.25])), None);
        assert_eq!(uniform(&Values::PerLane(vec![])), None);
    }
}
