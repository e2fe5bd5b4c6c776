//! What a kernel means under a plan, on terms; and that the plan means what the kernel says.
//!
//! This is a second reading of S41 to S44, written from their text and sharing no code with the
//! compiler or with `trifactor_quant::eval`.

use crate::term::{Input, Round, Side, Term, TermId, Terms};
use trifactor_entity::EntityId;
use trifactor_fixed::{LearningArithmetic, RawRange, Rounding};
use trifactor_ir::{
    CheckedNetwork, Kernel, Op, Phase, PhaseId, PortId, Read, Role, StateId, ValueId,
};
use trifactor_quant::{OutputPlan, PhasePlan, Plan, StorePlan, TermPlan};

/// Relative error of a constant of 15 significant bits, and the absolute one of the smallest.
const CONSTANT_ERROR: (f64, f64) = (1.0 / 32768.0, 1.0 / (1u64 << 61) as f64);
/// An alignment by so many places leaves nothing of a register, whatever the scale was.
const GONE: i32 = -62;

/// A kernel on terms.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// What each variable is set to before the store clamps it.
    pub results: Vec<(StateId, TermId)>,
    /// Term and binary point of each operation.
    pub values: Vec<(TermId, i16)>,
}

/// Where the plan departs from the kernel: the operation, and what is wrong.
#[derive(Clone, PartialEq, Debug)]
pub struct Departure {
    /// The operation; none for a result.
    pub value: Option<ValueId>,
    /// What is wrong.
    pub what: String,
}

/// Reads a rule's kernel under its plan.
pub fn meaning(terms: &mut Terms, net: &CheckedNetwork, plan: &Plan, rule: PhaseId) -> Meaning {
    let phase = &net.phases[rule];
    let kernel = &net.kernels[phase.kernel];
    let p = &plan.phases[rule];
    let mut values: Vec<(TermId, i16)> = Vec::new();
    for (id, op) in kernel.ops.iter() {
        let v = &p.values[id];
        // What an engine of sums of products adds comes to the accumulator in its own way (S85).
        let added = v.term.as_ref().map(|term| {
            let (Op::Add(_, product) | Op::Sub(_, product)) = *op else {
                unreachable!("internal: only sums have terms")
            };
            let turned = matches!(op, Op::Sub(..));
            accumulated(terms, values[product.index()].0, term, turned)
        });
        // And what it multiplies is held to the bits that it counts (S84).
        let factors = match *op {
            Op::Mul(a, b) => Some(
                [(a, v.hold[0]), (b, v.hold[1])]
                    .map(|(factor, range)| held(terms, values[factor.index()].0, range)),
            ),
            _ => None,
        };
        let term = {
            let plain = |x: ValueId| values[x.index()].0;
            let mut moved = |x: ValueId, side: usize| aligned(terms, plain(x), v.align[side]);
            match *op {
                Op::Const(_) => Term::Const(v.constant),
                Op::Port(port) => Term::Input(input(net, phase, kernel, port)),
                Op::Add(a, _) | Op::Sub(a, _) if let Some(added) = added => {
                    Term::Add(moved(a, 0), added)
                }
                Op::Add(a, b) => Term::Add(moved(a, 0), moved(b, 1)),
                Op::Sub(a, b) => Term::Sub(moved(a, 0), moved(b, 1)),
                Op::Min(a, b) => Term::Min(moved(a, 0), moved(b, 1)),
                Op::Max(a, b) => Term::Max(moved(a, 0), moved(b, 1)),
                Op::Gt(a, b) => Term::Gt(moved(a, 0), moved(b, 1)),
                Op::Mul(..) => {
                    let [a, b] = factors.expect("internal: a product has factors");
                    Term::Mul(a, b, Round::new(v.shift.min(62) as u8, v.rounding, v.site))
                }
                Op::Sgn(a) => Term::Sgn(plain(a)),
                Op::Step(a, _) => Term::Gt(plain(a), terms.make(Term::Const(0))),
                Op::Select { cond, then, other } => {
                    Term::Choose(plain(cond), moved(then, 0), moved(other, 1))
                }
                Op::Bump(..) => {
                    unreachable!("internal: a forward phase holds no gradient operation (I12)")
                }
            }
        };
        let term = terms.make(term);
        values.push((held(terms, term, v.limit), v.frac));
    }
    let outputs = kernel.outputs.iter().zip(&phase.writes).zip(&p.outputs);
    let results = outputs.map(|((output, state), o)| {
        let value = values[output.value.index()].0;
        if let Some(store) = o.store {
            return (*state, apart(terms, value, o, store, &values));
        }
        let term = if o.shift > 0 {
            Term::Right(value, Round::new(o.shift.min(62) as u8, o.rounding, o.site))
        } else {
            Term::Left(value, o.shift.unsigned_abs().min(31) as u8)
        };
        (*state, terms.make(term))
    });
    Meaning { results: results.collect(), values }
}

/// S90, S91: a magnitude is rounded and its sign put back; of a change, after it was brought up to
/// a whole number.
fn apart(
    terms: &mut Terms,
    value: TermId,
    o: &OutputPlan,
    store: StorePlan,
    values: &[(TermId, i16)],
) -> TermId {
    let shift = o.shift.clamp(0, 62) as u8;
    let exact = Round::new(0, Rounding::Floor, 0);
    let (signed, old) = match store {
        StorePlan::Magnitude => (value, None),
        StorePlan::Change { old, .. } => {
            let old = values[old.index()].0;
            let begin = terms.make(Term::Left(old, shift.min(31)));
            (terms.make(Term::Sub(value, begin)), Some(old))
        }
    };
    let sign = terms.make(Term::Sgn(signed));
    let magnitude = terms.make(Term::Mul(signed, sign, exact));
    let kept = match store {
        StorePlan::Magnitude => {
            let by = Round::new(shift, o.rounding, o.site);
            terms.make(Term::Right(magnitude, by))
        }
        StorePlan::Change { step, .. } => {
            let rest = terms.make(Term::Const((1 << shift) - 1));
            let above = terms.make(Term::Add(magnitude, rest));
            let whole = terms.make(Term::Right(above, Round::new(shift, Rounding::Floor, 0)));
            let by = Round::new(step, o.rounding, o.site);
            let steps = terms.make(Term::Right(whole, by));
            terms.make(Term::Left(steps, step))
        }
    };
    let back = terms.make(Term::Mul(kept, sign, exact));
    match old {
        Some(old) => terms.make(Term::Add(old, back)),
        None => back,
    }
}

/// S44: to the left exactly, to the right to the nearest.
fn aligned(terms: &mut Terms, x: TermId, places: i32) -> TermId {
    let term = if places >= 0 {
        Term::Left(x, places.min(31) as u8)
    } else {
        Term::Right(x, Round::new(places.unsigned_abs().min(62) as u8, Rounding::Nearest, 0))
    };
    terms.make(term)
}

/// S85: to the right, what falls off is lost; then to the left, and into the range of a product.
fn accumulated(terms: &mut Terms, product: TermId, plan: &TermPlan, turned: bool) -> TermId {
    let by = Round::new(plan.right.min(62) as u8, Rounding::Floor, 0);
    let down = if turned {
        let minus = terms.make(Term::Const(-1));
        Term::Mul(product, minus, by)
    } else {
        Term::Right(product, by)
    };
    let down = terms.make(down);
    let up = terms.make(Term::Left(down, plan.left.min(31) as u8));
    held(terms, up, plan.limit)
}

/// S84: what a factor, a product or an accumulator holds.
fn held(terms: &mut Terms, x: TermId, limit: Option<RawRange>) -> TermId {
    let Some(RawRange { lo, hi }) = limit else { return x };
    let (lo, hi) = (terms.make(Term::Const(lo)), terms.make(Term::Const(hi)));
    let below = terms.make(Term::Min(x, hi));
    terms.make(Term::Max(below, lo))
}

fn input(net: &CheckedNetwork, phase: &Phase, kernel: &Kernel, port: PortId) -> Input {
    let p = &kernel.ports[port];
    match (p.role, phase.reads[port]) {
        (Role::Every(k), _) => Input::Every(k),
        (Role::Own, Read::State(state)) => Input::Own(state),
        (Role::Global, Read::State(state)) => Input::Global(state),
        (Role::Pre, Read::State(state)) => Input::lane(net, state, Side::Pre, p.when, p.prev),
        (Role::Post, Read::State(state)) => Input::lane(net, state, Side::Post, p.when, p.prev),
        (Role::Pre, _) => Input::Flag(Side::Pre),
        (Role::Post, _) => Input::Flag(Side::Post),
        (role, read) => unreachable!("internal: {role:?} bound to {read:?} (I6)"),
    }
}

/// Whether the plan computes the author's kernel, apart from roundings and saturations: every
/// constant is the author's to 15 bits, or the nearest that an engine of sums of products holds, and
/// every binary point follows from those of the operands.
pub fn departure(net: &CheckedNetwork, plan: &Plan, rule: PhaseId) -> Option<Departure> {
    let phase = &net.phases[rule];
    let kernel = &net.kernels[phase.kernel];
    let p = &plan.phases[rule];
    for (id, op) in kernel.ops.iter() {
        if let (Some(form), Op::Const(c)) = (p.form, *op) {
            if let Some(what) = crate::scale::wrong(net, plan, (phase, p), form, (id, c)) {
                return Some(Departure { value: Some(id), what: placed(kernel, id, what) });
            }
            continue;
        }
        if let Some(what) = misplaced(phase, kernel, plan, p, id, op) {
            return Some(Departure { value: Some(id), what });
        }
    }
    for ((output, state), o) in kernel.outputs.iter().zip(&phase.writes).zip(&p.outputs) {
        let (has, stored) = (i32::from(p.values[output.value].frac), plan.states[*state].q.frac);
        if has - o.shift != i32::from(stored) {
            let what = format!(
                "'{}' is stored with {} fraction bits and its format has {stored}",
                output.variable,
                has - o.shift
            );
            return Some(Departure { value: None, what });
        }
    }
    None
}

fn misplaced(
    phase: &Phase,
    kernel: &Kernel,
    plan: &Plan,
    p: &PhasePlan,
    id: ValueId,
    op: &Op,
) -> Option<String> {
    let v = &p.values[id];
    let frac = |x: ValueId| i32::from(p.values[x].frac);
    let has = i32::from(v.frac);
    let expect = |wanted: i32| {
        (has != wanted).then(|| format!("has {has} fraction bits where its operands give {wanted}"))
    };
    let together = |a: ValueId, b: ValueId, result: Option<i32>| {
        let (x, y) = (frac(a) + v.align[0], frac(b) + v.align[1]);
        let point = result.unwrap_or(if v.align[0] == GONE { y } else { x });
        let right = |at: i32, align: i32| at == point || (align == GONE && at > point);
        (!right(x, v.align[0]) || !right(y, v.align[1]))
            .then(|| format!("has operands with {x} and {y} fraction bits where it needs {point}"))
    };
    if v.bits != 32 || v.overflow != trifactor_fixed::Overflow::Saturate {
        return Some("does not saturate to 32 bits".to_owned());
    }
    match *op {
        Op::Const(c) => {
            let held = v.constant as f64 * (-f64::from(v.frac)).exp2();
            let (relative, absolute) = CONSTANT_ERROR;
            let far = (held - c).abs() > relative * c.abs() + absolute;
            far.then(|| format!("is the constant {c:e}, held as {held:e}"))
        }
        Op::Port(port) => match phase.reads[port] {
            Read::State(state) => expect(plan.states[state].q.frac.into()),
            Read::Arriving { .. } | Read::SpikedInEpoch(_) | Read::EpochFlag => expect(0),
        },
        Op::Mul(a, b) => expect(frac(a) + frac(b) - v.shift as i32),
        Op::Add(a, b) | Op::Sub(a, b) if let Some(term) = &v.term => {
            let wide = expect(frac(a) + v.align[0]);
            wide.or_else(|| dropped(phase, kernel, plan, term, b, has - frac(b)))
        }
        Op::Add(a, b) | Op::Sub(a, b) | Op::Min(a, b) | Op::Max(a, b) => together(a, b, Some(has)),
        Op::Gt(a, b) => together(a, b, None).or_else(|| expect(0)),
        Op::Sgn(_) | Op::Step(..) => expect(0),
        Op::Select { then, other, .. } => together(then, other, Some(has)),
        Op::Bump(..) => {
            unreachable!("internal: a forward phase holds no gradient operation (I12)")
        }
    }
    .map(|what| placed(kernel, id, what))
}

/// What is wrong, with the line of the operation.
fn placed(kernel: &Kernel, id: ValueId, what: String) -> String {
    match kernel.written.place(id) {
        Some(place) => format!("{what} ({place})"),
        None => what,
    }
}

/// S85: a product comes to the accumulator's point, smaller by what its engine drops.
fn dropped(
    phase: &Phase,
    kernel: &Kernel,
    plan: &Plan,
    term: &TermPlan,
    product: ValueId,
    wanted: i32,
) -> Option<String> {
    let Some(engine) = plan.learning else { return Some("adds as no engine does".to_owned()) };
    let lost = wanted - (term.left as i32 - term.right as i32);
    let drops = engine.change.shift(widths(phase, kernel, &engine, product)) as i32;
    // A shift beyond what a word can say leaves nothing, whatever was dropped.
    let beyond = term.right >= 62 || term.left >= 31;
    (lost != drops && !beyond)
        .then(|| format!("drops {lost} bits of a product where the engine drops {drops}"))
}

/// The bits of a product's factors, without its constants and the flag that it depends on, which
/// is the last factor in front of them (S84).
fn widths(phase: &Phase, kernel: &Kernel, engine: &LearningArithmetic, product: ValueId) -> u32 {
    let is_constant = |v: ValueId| matches!(kernel.ops[v], Op::Const(_));
    let mut at = product;
    while let Op::Mul(x, c) = kernel.ops[at]
        && is_constant(c)
    {
        at = x;
    }
    let mut bits = 0;
    let mut gate = true;
    while let Op::Mul(x, factor) = kernel.ops[at] {
        bits += if gate { 0 } else { width(phase, kernel, engine, factor) };
        (at, gate) = (x, false);
    }
    if gate { bits } else { bits + width(phase, kernel, engine, at) }
}

fn width(phase: &Phase, kernel: &Kernel, engine: &LearningArithmetic, factor: ValueId) -> u32 {
    match kernel.ops[factor] {
        Op::Sgn(x) => width(phase, kernel, engine, x),
        Op::Add(x, c) | Op::Sub(x, c) if matches!(kernel.ops[c], Op::Const(_)) => {
            width(phase, kernel, engine, x)
        }
        Op::Port(port) => match phase.reads[port] {
            Read::SpikedInEpoch(_) => 1,
            Read::State(_) if kernel.ports[port].role == Role::Own => engine.variable_bits.into(),
            Read::State(_) => engine.trace_bits.into(),
            Read::Arriving { .. } | Read::EpochFlag => 0,
        },
        _ => 0,
    }
}
