//! Prove when a rule changes nothing, so that the engine may skip the synapse (S47).
//!
//! Reads: one rule's kernel, its plan.   Writes: [`Guard`].
//! Method: evaluate the kernel over four facts about a value: it is zero, it is a constant, it is
//! an own variable's old value exactly, or nothing is known. Under the assumption that the
//! spike flags are 0, a rule is idle if every result is its variable's old value. An exact old
//! value is stored back unchanged by every rounding, because no fraction is left to round.

use trifactor_entity::{SideTable, Table};
use trifactor_image::Guard;
use trifactor_ir::{CheckedNetwork, Op, PhaseId, Read, Role, StateId, Target, ValueId};
use trifactor_quant::{PhasePlan, Plan, StorePlan, ValuePlan};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fact {
    Zero,
    /// The old value of an own state, shifted left exactly.
    Old(StateId),
    Any,
}

/// The strongest condition under which the rule of a phase is the identity.
pub fn guard(net: &CheckedNetwork, plan: &Plan, rule: PhaseId) -> Guard {
    let candidates = [
        (Guard::Pre, [true, false]),
        (Guard::Post, [false, true]),
        (Guard::PreOrPost, [true, true]),
    ];
    candidates
        .into_iter()
        .find(|(_, silent)| idle(net, plan, rule, *silent))
        .map_or(Guard::Always, |(guard, _)| guard)
}

/// Whether the rule changes nothing where the flags marked silent (pre, post) are 0.
fn idle(net: &CheckedNetwork, plan: &Plan, rule: PhaseId, silent: [bool; 2]) -> bool {
    let phase = &net.phases[rule];
    let kernel = &net.kernels[phase.kernel];
    let phase_plan = &plan.phases[rule];
    let mut facts: Table<ValueId, Fact> = Table::new();
    for (id, op) in kernel.ops.iter() {
        let fact = match *op {
            Op::Const(_) if phase_plan.values[id].constant == 0 => Fact::Zero,
            Op::Const(_) => Fact::Any,
            Op::Port(port) => match (phase.reads[port], kernel.ports[port].role) {
                (Read::SpikedInEpoch(_), Role::Pre) if silent[0] => Fact::Zero,
                (Read::SpikedInEpoch(_), Role::Post) if silent[1] => Fact::Zero,
                (Read::State(state), Role::Own) => Fact::Old(state),
                _ => Fact::Any,
            },
            Op::Mul(a, b) => match (facts[a], facts[b]) {
                (Fact::Zero, _) | (_, Fact::Zero) => Fact::Zero,
                _ => Fact::Any,
            },
            Op::Add(a, b) => match (facts[a], facts[b]) {
                (Fact::Zero, Fact::Zero) => Fact::Zero,
                (old @ Fact::Old(_), Fact::Zero) => old_of_sum(phase_plan, old, id, a),
                (Fact::Zero, old @ Fact::Old(_)) => kept(old, phase_plan.values[id].align[1]),
                _ => Fact::Any,
            },
            Op::Sub(a, b) => match (facts[a], facts[b]) {
                (Fact::Zero, Fact::Zero) => Fact::Zero,
                (old @ Fact::Old(_), Fact::Zero) => old_of_sum(phase_plan, old, id, a),
                _ => Fact::Any,
            },
            Op::Min(a, b) | Op::Max(a, b) => {
                extreme(phase_plan, &facts, op, &phase_plan.values[id], a, b)
            }
            Op::Select { cond, then, other } => {
                let align = phase_plan.values[id].align;
                let (t, o) = (kept(facts[then], align[0]), kept(facts[other], align[1]));
                if facts[cond] == Fact::Zero {
                    o
                } else if t == o {
                    t
                } else {
                    Fact::Any
                }
            }
            Op::Sgn(a) | Op::Step(a, _) if facts[a] == Fact::Zero => Fact::Zero,
            Op::Gt(a, b) if facts[a] == Fact::Zero && facts[b] == Fact::Zero => Fact::Zero,
            Op::Sgn(_) | Op::Step(..) | Op::Gt(..) | Op::Bump(..) => Fact::Any,
        };
        facts.push(fact);
    }
    kernel.outputs.iter().zip(&phase.writes).zip(&phase_plan.outputs).all(|((o, state), p)| {
        o.target == Target::Set
            && facts[o.value] == Fact::Old(*state)
            && stores_back(plan, *state, p.shift, &phase_plan.values, o.value)
            && stays(phase_plan, p.store)
    })
}

/// Whether a value that is the old one comes through a store of S90 or S91. A change of exactly 0
/// does; where a sum is held to bounds nobody proves that it is.
fn stays(plan: &PhasePlan, store: Option<StorePlan>) -> bool {
    match store {
        None => true,
        Some(StorePlan::Magnitude) => false,
        Some(StorePlan::Change { .. }) => plan.values.iter().all(|(_, v)| v.limit.is_none()),
    }
}

/// An old value survives alignment to the left; to the right its last bits may be lost.
fn kept(fact: Fact, align: i32) -> Fact {
    match fact {
        Fact::Old(_) if align < 0 => Fact::Any,
        fact => fact,
    }
}

/// `old + 0` is old where the sum holds everything old can be.
fn old_of_sum(plan: &PhasePlan, old: Fact, sum: ValueId, operand: ValueId) -> Fact {
    let p = &plan.values[sum];
    let fact = kept(old, p.align[0]);
    let Some(limit) = p.limit else { return fact };
    let up = |x: i64| x << p.align[0].unsigned_abs().min(31);
    let range = plan.values[operand].raw;
    if up(range.lo) >= limit.lo && up(range.hi) <= limit.hi { fact } else { Fact::Any }
}

/// `min(old, c)` is old where c is at least everything old can be; `max` alike.
fn extreme(
    plan: &PhasePlan,
    facts: &Table<ValueId, Fact>,
    op: &Op,
    p: &ValuePlan,
    a: ValueId,
    b: ValueId,
) -> Fact {
    if facts[a] == Fact::Zero && facts[b] == Fact::Zero {
        return Fact::Zero;
    }
    for (old, limit, sides) in [(a, b, [0, 1]), (b, a, [1, 0])] {
        let Fact::Old(_) = facts[old] else { continue };
        if p.align[sides[0]] < 0 || p.align[sides[1]] < 0 {
            continue;
        }
        let moved = |v: ValueId, side: usize| {
            let r = plan.values[v].raw;
            let up = |x: i64| x << p.align[side].unsigned_abs().min(31);
            (up(r.lo), up(r.hi))
        };
        let ((old_lo, old_hi), (limit_lo, limit_hi)) =
            (moved(old, sides[0]), moved(limit, sides[1]));
        let untouched = match op {
            Op::Min(..) => limit_lo >= old_hi,
            _ => limit_hi <= old_lo,
        };
        if untouched {
            return facts[old];
        }
    }
    Fact::Any
}

/// The store undoes exactly the shifts to the left that the old value went through.
fn stores_back(
    plan: &Plan,
    state: StateId,
    shift: i32,
    values: &SideTable<ValueId, ValuePlan>,
    value: ValueId,
) -> bool {
    shift >= 0 && i32::from(values[value].frac) - shift == i32::from(plan.states[state].q.frac)
}
