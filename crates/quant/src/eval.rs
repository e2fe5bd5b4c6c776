//! A kernel under a plan, in integers: what every operation does to raw values.
//!
//! One function per question, all arithmetic in `trifactor_fixed`. Register results saturate once
//! (S42); products shift with rounding (S43); other operands are aligned first (S44).

use crate::plan::{OutputPlan, PhasePlan, StateFormat, StorePlan, ValuePlan};
use trifactor_entity::{SideTable, Table};
use trifactor_fixed::{
    QFormat, RawRange, Rounding, align, clamp_raw, fit, round_shift, sat32, whole_steps,
};
use trifactor_ir::{Kernel, Op, PortId, ValueId};

/// A random draw for a site; called only where a stochastic rounding drops bits.
pub trait Site {
    /// 32 uniform bits for this site.
    fn draw(&self, site: u8) -> u32;
}

impl<F: Fn(u8) -> u32> Site for F {
    fn draw(&self, site: u8) -> u32 {
        self(site)
    }
}

/// Evaluates every operation of a kernel for one lane.
///
/// Shape: `ports` holds the raw value of each input; the result holds the raw value of each
/// operation. Source: S41 to S44.
pub fn eval(
    kernel: &Kernel,
    plan: &PhasePlan,
    ports: &SideTable<PortId, i64>,
    draws: &impl Site,
) -> Table<ValueId, i64> {
    let mut values: Table<ValueId, i64> = Table::new();
    for (id, op) in kernel.ops.iter() {
        let p = &plan.values[id];
        let raw = eval_op(op, p, ports, &values, draws);
        let (fitted, _) = fit(raw, QFormat::signed(p.bits, 0).raw_range(), p.overflow);
        values.push(p.limit.map_or(fitted, |range| clamp_raw(fitted, range)));
    }
    values
}

fn eval_op(
    op: &Op,
    p: &ValuePlan,
    ports: &SideTable<PortId, i64>,
    values: &Table<ValueId, i64>,
    draws: &impl Site,
) -> i64 {
    let aligned = |v: ValueId, side: usize| align(values[v], p.align[side], Rounding::Nearest, 0);
    match *op {
        Op::Const(_) => p.constant,
        Op::Port(port) => ports[port],
        Op::Add(a, b) | Op::Sub(a, b) if let Some(term) = &p.term => {
            aligned(a, 0) + term.moved(values[b], matches!(op, Op::Sub(..)))
        }
        Op::Add(a, b) => aligned(a, 0) + aligned(b, 1),
        Op::Sub(a, b) => aligned(a, 0) - aligned(b, 1),
        Op::Mul(a, b) => {
            let draw = if needs_draw(p.shift, p.rounding) { draws.draw(p.site) } else { 0 };
            let held = |v: ValueId, hold: Option<RawRange>| {
                hold.map_or(values[v], |range| clamp_raw(values[v], range))
            };
            let product = held(a, p.hold[0]) * held(b, p.hold[1]);
            round_shift(product, p.shift, p.rounding, draw)
        }
        Op::Min(a, b) => aligned(a, 0).min(aligned(b, 1)),
        Op::Max(a, b) => aligned(a, 0).max(aligned(b, 1)),
        Op::Gt(a, b) => i64::from(aligned(a, 0) > aligned(b, 1)),
        Op::Sgn(a) => values[a].signum(),
        Op::Step(a, _) => i64::from(values[a] > 0),
        Op::Select { cond, then, other } => {
            if values[cond] != 0 {
                aligned(then, 0)
            } else {
                aligned(other, 1)
            }
        }
        Op::Bump(..) => unreachable!("internal: a forward phase holds no gradient operation (I12)"),
    }
}

/// The raw value of a state after a store, and whether it saturated.
///
/// `values` are those of [`eval`], `value` the one that is stored. Source: S42, S90, S91 and, for
/// contributions to accumulators, S11.
pub fn store(
    values: &Table<ValueId, i64>,
    value: ValueId,
    output: &OutputPlan,
    format: &StateFormat,
    draws: &impl Site,
) -> (i64, bool) {
    let value = values[value];
    let shift = output.shift.max(0).unsigned_abs();
    let drawn = |places: u32| {
        if needs_draw(places, output.rounding) { draws.draw(output.site) } else { 0 }
    };
    let moved = match output.store {
        Some(StorePlan::Magnitude) => {
            let kept = round_shift(sat32(value.abs()), shift, output.rounding, drawn(shift));
            kept * value.signum()
        }
        Some(StorePlan::Change { old, step }) => {
            let begin = align(values[old], output.shift, Rounding::Floor, 0);
            let change = sat32(value - begin);
            let places = u32::from(step);
            let (magnitude, draw) = (sat32(change.abs()), drawn(places));
            let steps = whole_steps(magnitude, shift, places, output.rounding, draw);
            values[old] + sat32(steps) * change.signum()
        }
        None if shift > 0 => round_shift(value, shift, output.rounding, drawn(shift)),
        None => align(value, -output.shift, Rounding::Floor, 0),
    };
    fit(moved, format.raw, format.overflow)
}

const fn needs_draw(shift: u32, rounding: Rounding) -> bool {
    shift > 0 && matches!(rounding, Rounding::Stochastic)
}
