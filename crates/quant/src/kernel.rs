//! Binary points, shifts and error bounds for the values of one phase's kernel.
//!
//! Reads: kernel, state formats.   Writes: [`PhasePlan`].
//! Method: one forward sweep with integer intervals; a product keeps every bit that fits a
//! register; sums align to the finer operand and give up its last bits only where the sum would
//! not fit. Errors are bounded at the same time (S61).

use crate::interval;
use crate::plan::{OutputPlan, PhasePlan, StateFormat, StorePlan, TermPlan, ValuePlan};
use crate::scales::{self, Held};
use crate::sums::{self, Part};
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_entity::SideTable;
use trifactor_fixed::{
    LearningArithmetic, Overflow, RawRange, Rounding, StoreArithmetic, factor, site,
};
use trifactor_ir::units::{Unit, recognise};
use trifactor_ir::{
    CheckedNetwork, Group, Kernel, Op, Phase, PortId, Read, StateId, Target, ValueId,
};
use trifactor_isa::{Chip, ProductForm};

/// Significant bits of a stored constant (S60).
const CONSTANT_BITS: u32 = 15;
/// Bits of an engine register.
const REGISTER_BITS: u8 = 32;
/// Random draws of one program (S52).
const DRAW_SITES: usize = 32;

/// What is known about one value while the sweep goes on.
#[derive(Clone, Copy)]
struct Known {
    frac: i16,
    raw: RawRange,
    bound: f64,
}

impl Known {
    fn lsb(&self) -> f64 {
        (-f64::from(self.frac)).exp2()
    }
    fn magnitude(&self) -> f64 {
        interval::magnitude(self.raw) as f64 * self.lsb()
    }
}

/// Rounding of products inside a unit, how many bits its sums are fitted to, and how.
struct Style {
    product: Rounding,
    bits: u8,
    /// What the sums of u and v do beyond their range.
    overflow: [Overflow; 2],
    /// Bits of the accumulator that reach u, and what is lost beyond them.
    input_bits: Option<u8>,
    /// Sites of the products in order, for units; rules count from 0.
    unit_sites: Option<[u8; 2]>,
}

impl Style {
    /// Sums in registers of the engine.
    fn register(product: Rounding) -> Self {
        Self {
            product,
            bits: REGISTER_BITS,
            overflow: [Overflow::Saturate; 2],
            input_bits: None,
            unit_sites: None,
        }
    }
}

pub(crate) fn plan_phase(
    net: &CheckedNetwork,
    chip: &Chip,
    phase: &Phase,
    states: &SideTable<StateId, StateFormat>,
    diagnostics: &mut Diagnostics,
) -> PhasePlan {
    let kernel = &net.kernels[phase.kernel];
    let unit = recognise(kernel);
    let trace_rounding = || {
        kernel.outputs.first().map_or(Rounding::Stochastic, |_| states[phase.writes[0]].rounding)
    };
    let style = match unit {
        Some(Unit::Lif(_)) => {
            let input = &chip.arithmetic.neuron.input;
            Style {
                product: Rounding::Zero,
                bits: chip.neuron.state_bits,
                overflow: [chip.current_overflow(), chip.voltage_overflow()],
                input_bits: input.sum_bits.map(|bits| bits - input.unit),
                unit_sites: None,
            }
        }
        Some(Unit::LinearTrace | Unit::SaturatingTrace | Unit::Modulator) => Style {
            unit_sites: Some([site::DECAY, site::IMPULSE]),
            ..Style::register(trace_rounding())
        },
        Some(Unit::Deliver) | None => Style::register(chip.defaults.intermediate_rounding),
    };
    let engine = chip.arithmetic.learning;
    let mut parts = None;
    if let Some(engine) = engine.filter(|_| phase.group == Group::Plasticity) {
        match sums::parts(net, phase, states, &engine) {
            Ok(found) => parts = Some(found),
            Err(what) => diagnostics.push(no_sum(phase, &chip.name, &what)),
        }
    }
    // A public model's engine has a form of its own.
    let rule = phase.group == Group::Plasticity && engine.is_none();
    let form = chip.rule.products().filter(|_| rule);
    let held = form.and_then(|f| scales::constants(net, chip, f, phase, states, diagnostics));
    let mut sweep = Sweep {
        net,
        phase,
        kernel,
        states,
        style,
        unit,
        engine,
        parts,
        form: form.filter(|_| held.is_some()),
        held,
        known: Vec::new(),
        values: SideTable::empty(),
        rounded_products: 0,
        diagnostics,
    };
    for (id, op) in kernel.ops.iter() {
        sweep.value(id, op);
    }
    sweep.outputs()
}

struct Sweep<'a> {
    net: &'a CheckedNetwork,
    phase: &'a Phase,
    kernel: &'a Kernel,
    states: &'a SideTable<StateId, StateFormat>,
    style: Style,
    unit: Option<Unit>,
    engine: Option<LearningArithmetic>,
    /// Rules of a chip that computes sums of products: what each value is there.
    parts: Option<SideTable<ValueId, Part>>,
    /// Rules written as products: the form of these, and their constants.
    form: Option<ProductForm>,
    held: Option<SideTable<ValueId, Option<Held>>>,
    known: Vec<Known>,
    values: SideTable<ValueId, ValuePlan>,
    rounded_products: usize,
    diagnostics: &'a mut Diagnostics,
}

impl Sweep<'_> {
    fn at(&self, v: ValueId) -> Known {
        use trifactor_entity::EntityId;
        self.known[v.index()]
    }

    fn push(&mut self, known: Known, plan: ValuePlan) {
        self.known.push(known);
        self.values.push(plan);
    }

    fn value(&mut self, id: ValueId, op: &Op) {
        let blank = ValuePlan {
            frac: 0,
            constant: 0,
            shift: 0,
            align: [0, 0],
            rounding: Rounding::Floor,
            site: 0,
            bits: REGISTER_BITS,
            overflow: Overflow::Saturate,
            limit: None,
            hold: [None; 2],
            term: None,
            raw: RawRange { lo: 0, hi: 0 },
            bound: 0.0,
        };
        let part = self.parts.as_ref().map_or(Part::Plain, |parts| parts[id]);
        let (known, plan) = match *op {
            Op::Const(c) if part == Part::Mantissa => self.mantissa(c, blank),
            Op::Const(c) if part == Part::Exponent => {
                let frac = -c.log2() as i16;
                let one = RawRange { lo: 1, hi: 1 };
                (Known { frac, raw: one, bound: 0.0 }, ValuePlan { constant: 1, ..blank })
            }
            Op::Const(c) => match self.held.as_ref().and_then(|held| held[id]) {
                Some(held) => held_constant(held, c, blank),
                None => constant(c, blank),
            },
            Op::Port(port) => (self.port(port), blank),
            Op::Mul(a, b) => match part {
                Part::Product(held) => self.whole_product(a, b, held, blank),
                _ => self.product(a, b, blank),
            },
            Op::Add(a, b) | Op::Sub(a, b) => match part {
                Part::Term(widths) => self.term(op, a, b, widths, blank),
                Part::Factor(width) => {
                    let (known, plan) = self.sum(op, a, b, blank);
                    let last = Known { raw: factor(width), ..self.at(a) };
                    limited(known, moved(last, known.frac), plan)
                }
                _ => self.sum(op, a, b, blank),
            },
            Op::Min(a, b) | Op::Max(a, b) => self.extreme(op, a, b, blank),
            Op::Gt(a, b) => self.compare(a, b, blank),
            Op::Sgn(a) => (self.sign(a), blank),
            Op::Step(a, _) => (self.step(a), blank),
            Op::Select { cond, then, other } => self.select(cond, then, other, blank),
            Op::Bump(..) => {
                unreachable!("internal: a forward phase holds no gradient operation (I12)")
            }
        };
        let (bits, overflow) = self.fitted(id, op);
        let known = Known { raw: reached(known.raw, bits, overflow), ..known };
        let Known { frac, raw, bound } = known;
        let plan = ValuePlan { frac, raw, bound, bits, overflow, ..plan };
        self.push(known, plan);
    }

    /// The mantissa of a product; its exponent is its binary point.
    fn mantissa(&self, c: f64, blank: ValuePlan) -> (Known, ValuePlan) {
        let bits = self.engine.map_or(0, |e| e.change.mantissa_bits);
        let (m, exponent) = sums::mantissa(c, bits).expect("internal: a mantissa was recognised");
        let known = Known { frac: -exponent as i16, raw: RawRange { lo: m, hi: m }, bound: 0.0 };
        (known, ValuePlan { constant: m, ..blank })
    }

    /// A product of which nothing is dropped before it is added.
    fn whole_product(
        &mut self,
        a: ValueId,
        b: ValueId,
        held: [Option<u32>; 2],
        blank: ValuePlan,
    ) -> (Known, ValuePlan) {
        let hold = held.map(|width| width.map(factor));
        let operand = |v: ValueId, hold: Option<RawRange>| match hold {
            Some(range) => limited(self.at(v), range, blank).0,
            None => self.at(v),
        };
        let (x, y) = (operand(a, hold[0]), operand(b, hold[1]));
        let raw = interval::mul(x.raw, y.raw);
        if !interval::fits(raw, REGISTER_BITS) {
            self.diagnostics.push(
                Diagnostic::error(
                    "Q011",
                    format!(
                        "a product of '{}' reaches {}, and a register of {REGISTER_BITS} bits does not hold it",
                        self.phase.name,
                        interval::magnitude(raw)
                    ),
                )
                .at(Place::at_key(&self.phase.key))
                .hint("multiply fewer factors"),
            );
        }
        let bound = x.magnitude() * y.bound + y.magnitude() * x.bound + x.bound * y.bound;
        (Known { frac: x.frac + y.frac, raw, bound }, ValuePlan { hold, ..blank })
    }

    /// An accumulator and a product that comes to its binary point. Source: S84.
    fn term(
        &mut self,
        op: &Op,
        a: ValueId,
        b: ValueId,
        widths: u32,
        blank: ValuePlan,
    ) -> (Known, ValuePlan) {
        let (x, y) = (self.at(a), self.at(b));
        let change = self.engine.expect("internal: a term without an engine").change;
        // The first addition makes room for the accumulator's fraction.
        let first = matches!(self.kernel.ops[a], Op::Port(_));
        let frac = if first { x.frac + i16::from(change.fraction) } else { x.frac };
        let (right, left) = change.places(widths, i32::from(frac) - i32::from(y.frac));
        let (right, left) = (right.min(62), left.min(31));
        let product = match op {
            Op::Sub(..) => interval::sub(RawRange { lo: 0, hi: 0 }, y.raw),
            _ => y.raw,
        };
        let down = RawRange { lo: product.lo >> right, hi: product.hi >> right };
        let up = Known { frac, raw: interval::shift_left(down, left), bound: 0.0 };
        // What the engine drops is no error of a rounding but part of what it computes; a float
        // reading does not drop it.
        let dropped = 1.0 - (-f64::from(change.shift(widths))).exp2();
        let lost = y.magnitude() * dropped
            + if right > 0 { f64::from(left).exp2() } else { 0.0 } * up.lsb();
        let (up, inner) = limited(up, change.held(), blank);
        let raw = interval::add(moved(x, frac), up.raw);
        let bound = x.bound + y.bound + lost + up.bound;
        let term = Some(TermPlan { right, left, limit: inner.limit });
        let plan = ValuePlan { align: [places(x, frac), 0], term, ..blank };
        limited(Known { frac, raw, bound }, change.held(), plan)
    }

    /// The bits that a result is fitted to, and what it does beyond them. Source: S25.
    fn fitted(&self, id: ValueId, op: &Op) -> (u8, Overflow) {
        let register = (REGISTER_BITS, Overflow::Saturate);
        if !matches!(self.unit, Some(Unit::Lif(_))) {
            return register;
        }
        match op {
            Op::Add(..) if !self.awaits_bias(id) => {
                let is_u = self.kernel.output("u").is_some_and(|u| u.value == id);
                (self.style.bits, self.style.overflow[usize::from(!is_u)])
            }
            Op::Port(port) if self.kernel.ports[*port].name == "q" => {
                self.style.input_bits.map_or(register, |bits| (bits, Overflow::Wrap))
            }
            _ => register,
        }
    }

    /// S25: the voltage's sum saturates once, after the bias.
    fn awaits_bias(&self, id: ValueId) -> bool {
        self.kernel.ops.values().any(|op| match *op {
            Op::Add(a, b) if a == id => match self.kernel.ops[b] {
                Op::Port(port) => self.kernel.ports[port].name == "bias",
                _ => false,
            },
            _ => false,
        })
    }

    fn port(&self, port: PortId) -> Known {
        let flag = Known { frac: 0, raw: RawRange { lo: 0, hi: 1 }, bound: 0.0 };
        match self.phase.reads[port] {
            Read::State(state) => {
                let format = &self.states[state];
                let mut raw = format.raw;
                // A parameter only takes the values it has.
                if self.net.states[state].role == trifactor_ir::StateRole::Parameter
                    && let Some((lo, hi)) = self.net.states[state].init.bounds()
                {
                    raw = RawRange { lo: format.quantise(lo), hi: format.quantise(hi) };
                }
                Known { frac: i16::from(format.q.frac), raw, bound: 0.0 }
            }
            Read::Arriving { .. } | Read::SpikedInEpoch(_) | Read::EpochFlag => flag,
        }
    }

    fn product(&mut self, a: ValueId, b: ValueId, blank: ValuePlan) -> (Known, ValuePlan) {
        let (x, y) = (self.at(a), self.at(b));
        let exact = interval::mul(x.raw, y.raw);
        let frac = x.frac + y.frac;
        // A unit's product by a decay register or factor comes back to the variable's own point.
        let shift = match self.unit {
            Some(Unit::Lif(_)) if self.slope(a, b).is_some() => self.fall_shift(frac),
            Some(Unit::Lif(_) | Unit::LinearTrace | Unit::SaturatingTrace | Unit::Modulator) => {
                self.unit_shift(a, b)
            }
            Some(Unit::Deliver) | None => {
                (0..63).find(|&s| interval::fits(interval::shift_right(exact, s), 31)).unwrap_or(62)
            }
        };
        let (rounding, site) = if shift > 0 {
            let nth = self.rounded_products;
            let site = match self.style.unit_sites {
                Some(sites) => sites[nth.min(1)],
                None if self.style.product == Rounding::Stochastic => nth.min(255) as u8,
                None => 0,
            };
            self.rounded_products += 1;
            match self.slope(a, b) {
                Some(_) => (Rounding::Nearest, site),
                None => (self.style.product, site),
            }
        } else {
            (Rounding::Floor, 0)
        };
        let raw = interval::shift_right(exact, shift);
        let mut known = Known { frac: frac - shift as i16, raw, bound: 0.0 };
        let lost = if shift > 0 { rounding.max_error_lsb() * known.lsb() } else { 0.0 };
        known.bound = x.magnitude() * y.bound + y.magnitude() * x.bound + x.bound * y.bound + lost;
        (known, ValuePlan { shift, rounding, site, ..blank })
    }

    /// The slope of a pseudo-derivative, where it is a factor (S27).
    fn slope(&self, a: ValueId, b: ValueId) -> Option<ValueId> {
        let is_slope = |v: &ValueId| match self.kernel.ops[*v] {
            Op::Port(port) => {
                matches!(self.unit, Some(Unit::Lif(_))) && self.kernel.ports[port].name == "slope"
            }
            _ => false,
        };
        [a, b].into_iter().find(is_slope)
    }

    /// What brings a product of a distance and a slope to the pseudo-derivative's own point; the
    /// slope's format has enough fraction bits for that.
    fn fall_shift(&self, frac: i16) -> u32 {
        let at = self.kernel.outputs.iter().position(|o| o.variable == "psi");
        let psi = self.phase.writes[at.expect("internal: a slope without a pseudo-derivative")];
        let places = frac - i16::from(self.states[psi].q.frac);
        u32::try_from(places).expect("internal: a slope coarser than its pseudo-derivative")
    }

    /// Fraction bits of the factor that is not the unit's own variable.
    fn unit_shift(&self, a: ValueId, b: ValueId) -> u32 {
        let factor = |v: ValueId| match self.kernel.ops[v] {
            Op::Port(port) => match self.kernel.ports[port].name.as_str() {
                "keep" | "keep_u" | "keep_v" => Some(self.at(v).frac),
                "impulse" if self.unit == Some(Unit::SaturatingTrace) => Some(self.at(v).frac),
                // Bits below the last place of a replayed trace (S82).
                "impulse" if self.unit == Some(Unit::LinearTrace) => {
                    self.engine.map(|e| e.trace.fraction_bits.into())
                }
                _ => None,
            },
            _ => None,
        };
        factor(a).or_else(|| factor(b)).map_or(0, |f| f.unsigned_abs().into())
    }

    /// The finest binary point at which both operands and `result` of their ranges fit a register.
    ///
    /// At the coarser operand's own point both fit; a sum may need one place more, a difference
    /// of the lowest values two.
    fn common_point(
        &self,
        x: Known,
        y: Known,
        result: impl Fn(RawRange, RawRange) -> RawRange,
    ) -> i16 {
        let mut frac = x.frac.max(y.frac);
        let floor = x.frac.min(y.frac) - 2;
        while frac > floor {
            let (a, b) = (moved(x, frac), moved(y, frac));
            let fit = |r| interval::fits(r, REGISTER_BITS);
            if fit(a) && fit(b) && fit(result(a, b)) {
                break;
            }
            frac -= 1;
        }
        frac
    }

    fn sum(&mut self, op: &Op, a: ValueId, b: ValueId, blank: ValuePlan) -> (Known, ValuePlan) {
        let (x, y) = (self.at(a), self.at(b));
        let combine = |p, q| match op {
            Op::Sub(..) => interval::sub(p, q),
            _ => interval::add(p, q),
        };
        // Unit sums keep the variable's own point: all their operands share it.
        let frac =
            if self.unit.is_some() { x.frac.max(y.frac) } else { self.common_point(x, y, combine) };
        let raw = combine(moved(x, frac), moved(y, frac));
        let mut known = Known { frac, raw, bound: 0.0 };
        known.bound = x.bound + y.bound + lost_by_alignment(x, frac) + lost_by_alignment(y, frac);
        (known, ValuePlan { align: alignment(x, y, frac), ..blank })
    }

    fn extreme(&mut self, op: &Op, a: ValueId, b: ValueId, blank: ValuePlan) -> (Known, ValuePlan) {
        let (x, y) = (self.at(a), self.at(b));
        let frac = self.common_point(x, y, interval::hull);
        let (p, q) = (moved(x, frac), moved(y, frac));
        let raw = match op {
            Op::Min(..) => RawRange { lo: p.lo.min(q.lo), hi: p.hi.min(q.hi) },
            _ => RawRange { lo: p.lo.max(q.lo), hi: p.hi.max(q.hi) },
        };
        let bound =
            (x.bound + lost_by_alignment(x, frac)).max(y.bound + lost_by_alignment(y, frac));
        (Known { frac, raw, bound }, ValuePlan { align: alignment(x, y, frac), ..blank })
    }

    fn compare(&mut self, a: ValueId, b: ValueId, blank: ValuePlan) -> (Known, ValuePlan) {
        let (x, y) = (self.at(a), self.at(b));
        let frac = self.common_point(x, y, interval::hull);
        let uncertain = x.bound + y.bound + lost_by_alignment(x, frac) + lost_by_alignment(y, frac);
        let known = Known {
            frac: 0,
            raw: RawRange { lo: 0, hi: 1 },
            bound: if uncertain > 0.0 { 1.0 } else { 0.0 },
        };
        (known, ValuePlan { align: alignment(x, y, frac), ..blank })
    }

    fn sign(&self, a: ValueId) -> Known {
        let x = self.at(a);
        let bound = if x.bound > 0.0 { 2.0 } else { 0.0 };
        Known { frac: 0, raw: RawRange { lo: x.raw.lo.signum(), hi: x.raw.hi.signum() }, bound }
    }

    fn step(&self, a: ValueId) -> Known {
        let x = self.at(a);
        let bound = if x.bound > 0.0 { 1.0 } else { 0.0 };
        Known { frac: 0, raw: RawRange { lo: 0, hi: 1 }, bound }
    }

    fn select(
        &mut self,
        cond: ValueId,
        then: ValueId,
        other: ValueId,
        blank: ValuePlan,
    ) -> (Known, ValuePlan) {
        let (c, x, y) = (self.at(cond), self.at(then), self.at(other));
        let frac = self.common_point(x, y, interval::hull);
        let raw = interval::hull(moved(x, frac), moved(y, frac));
        let mut known = Known { frac, raw, bound: 0.0 };
        let same_choice =
            (x.bound + lost_by_alignment(x, frac)).max(y.bound + lost_by_alignment(y, frac));
        // Where the condition itself may flip, the result may be the other choice altogether.
        let width = (raw.hi - raw.lo) as f64 * known.lsb();
        known.bound = if c.bound > 0.0 { same_choice + width } else { same_choice };
        (known, ValuePlan { align: alignment(x, y, frac), ..blank })
    }

    fn outputs(mut self) -> PhasePlan {
        // Sites count in program order: products stand before the stores (S52).
        let of_products = match (self.unit, self.style.product) {
            (None, Rounding::Stochastic) => self.rounded_products,
            _ => 0,
        };
        let mut next_site = of_products.min(255) as u8;
        let mut outputs = Vec::new();
        for (output, &state) in self.kernel.outputs.iter().zip(&self.phase.writes) {
            let format = self.states[state];
            let value = self.at(output.value);
            let shift = i32::from(value.frac) - i32::from(format.q.frac);
            let rounding = match (output.target, self.unit) {
                (Target::Set, None) => format.rounding,
                _ => Rounding::Floor,
            };
            let store = self.store_plan(output.value);
            // Bits that the store's rounding drops.
            let dropped = match store {
                Some(StorePlan::Change { step, .. }) => i32::from(step),
                _ => shift,
            };
            let mut site = 0;
            if dropped > 0 && rounding == Rounding::Stochastic {
                site = next_site;
                // Lanes that share a draw share it among their variables too (S83).
                next_site =
                    next_site.saturating_add(u8::from(!self.engine.is_some_and(|e| e.one_draw)));
            }
            if shift > 31 {
                self.too_fine(&output.variable, shift);
            }
            if self.unit == Some(Unit::Deliver) && shift.unsigned_abs() > 31 {
                self.too_far(shift);
            }
            let lsb = format.q.lsb();
            let places = match store {
                // Up to a whole number, and to a multiple of the step.
                Some(StorePlan::Change { step, .. }) if step > 0 => 1.0 + f64::from(step).exp2(),
                Some(StorePlan::Change { .. }) => 1.0,
                _ if shift > 0 => rounding.max_error_lsb(),
                _ => 0.0,
            };
            let bound = value.bound + places * lsb + self.clamp_loss(state, &format, value);
            outputs.push(OutputPlan { shift, rounding, site, store, bound });
        }
        if self.unit.is_none() && usize::from(next_site) > DRAW_SITES {
            self.too_many_draws(next_site.into());
        }
        PhasePlan { values: self.values, outputs, form: self.form }
    }

    /// How a rule's result is stored, on an engine that does not do as S42 says.
    fn store_plan(&self, value: ValueId) -> Option<StorePlan> {
        let engine = self.engine.filter(|_| self.parts.is_some())?;
        Some(match engine.store? {
            StoreArithmetic::Magnitude => StorePlan::Magnitude,
            StoreArithmetic::Change { step } => {
                // A sum begins with the old value.
                let mut old = value;
                while let Op::Add(rest, _) | Op::Sub(rest, _) = self.kernel.ops[old] {
                    old = rest;
                }
                StorePlan::Change { old, step }
            }
        })
    }

    /// How far a value may lie outside what the store holds but the author's range allows.
    fn clamp_loss(&self, state: StateId, format: &StateFormat, value: Known) -> f64 {
        let lsb = value.lsb();
        let (lo, hi) = (value.raw.lo as f64 * lsb, value.raw.hi as f64 * lsb);
        let (mut wanted_lo, mut wanted_hi) = (lo - value.bound, hi + value.bound);
        if let Some((a, b)) = self.net.states[state].range {
            wanted_lo = wanted_lo.clamp(a, b);
            wanted_hi = wanted_hi.clamp(a, b);
        }
        let (held_lo, held_hi) = (format.value(format.raw.lo), format.value(format.raw.hi));
        (wanted_hi - held_hi).max(held_lo - wanted_lo).max(0.0)
    }

    fn too_many_draws(&mut self, n: usize) {
        self.diagnostics.push(
            Diagnostic::error(
                "Q013",
                format!(
                    "the rule '{}' rounds {n} times at random, and a program draws at most {DRAW_SITES} times",
                    self.phase.name
                ),
            )
            .at(Place::at_key(&self.phase.key))
            .hint(
                "use fewer products, or a chip whose 'defaults.intermediate_rounding' is not Stochastic",
            ),
        );
    }

    fn too_far(&mut self, shift: i32) {
        let projection = self.net.spaces[self.phase.over].name.clone();
        let (bits, how) = (shift.unsigned_abs(), if shift > 0 { "finer" } else { "coarser" });
        self.diagnostics.push(
            Diagnostic::error(
                "Q008",
                format!(
                    "a weight of '{projection}' is {bits} bits {how} than the sum it is added to, and a \
                     delivery shifts by at most 31"
                ),
            )
            .at(Place::at_key(&self.phase.key))
            .hint(format!(
                "give a 'frac' under formats.{projection}.w that lies nearer to that of its target"
            )),
        );
    }

    fn too_fine(&mut self, variable: &str, shift: i32) {
        if self.phase.group != Group::Plasticity {
            return;
        }
        self.diagnostics.push(
            Diagnostic::error(
                "Q008",
                format!(
                    "the change of '{variable}' in '{}' is {shift} bits finer than the variable, and a \
                     32-bit register rounds off at most 31",
                    self.phase.name
                ),
            )
            .at(Place::at_key(&self.phase.key))
            .hint("use a larger rate, or a narrower range for the variable"),
        );
    }
}

fn no_sum(phase: &Phase, chip: &str, what: &str) -> Diagnostic {
    Diagnostic::error(
        "Q010",
        format!("the rule '{}' is no sum of products, which is all that the engine of '{chip}' computes: {what}", phase.name),
    )
    .at(Place::at_key(&phase.key))
    .hint("write it as dw, dt and dd strings, or choose a chip without 'arithmetic.learning'")
}

/// Holds a value to a range, where it can reach further.
fn limited(known: Known, range: RawRange, plan: ValuePlan) -> (Known, ValuePlan) {
    let beyond = (range.lo - known.raw.lo).max(known.raw.hi - range.hi);
    if beyond <= 0 {
        return (known, plan);
    }
    let raw = RawRange {
        lo: known.raw.lo.clamp(range.lo, range.hi),
        hi: known.raw.hi.clamp(range.lo, range.hi),
    };
    let bound = known.bound + beyond as f64 * known.lsb();
    (Known { raw, bound, ..known }, ValuePlan { limit: Some(range), ..plan })
}

/// A constant with at most 15 significant bits and the sign (S60).
fn constant(c: f64, blank: ValuePlan) -> (Known, ValuePlan) {
    let (mut raw, mut frac) = (0i64, 0i16);
    if c != 0.0 {
        // The exponent that puts the leading bit at 2^14.
        let exponent = c.abs().log2().floor() as i32;
        let places = (CONSTANT_BITS as i32 - 1 - exponent).clamp(-40, 60);
        raw = (c * f64::from(places).exp2()).round() as i64;
        frac = places as i16;
        while raw != 0 && raw % 2 == 0 {
            raw /= 2;
            frac -= 1;
        }
        // A whole number is held as it is, so that sums need no alignment.
        if frac < 0 && raw.unsigned_abs().leading_zeros() > 33 + u32::from(frac.unsigned_abs()) {
            raw <<= frac.unsigned_abs();
            frac = 0;
        }
    }
    let known = Known { frac, raw: RawRange { lo: raw, hi: raw }, bound: 0.0 };
    let held = raw as f64 * known.lsb();
    (Known { bound: (held - c).abs(), ..known }, ValuePlan { constant: raw, ..blank })
}

/// A constant of a product, which is further from the author's than one of 15 bits (S63).
fn held_constant(held: Held, c: f64, blank: ValuePlan) -> (Known, ValuePlan) {
    let raw = RawRange { lo: held.raw, hi: held.raw };
    let bound = (held.value() - c).abs();
    (Known { frac: held.frac, raw, bound }, ValuePlan { constant: held.raw, ..blank })
}

/// Values that a result of this range can have after it is fitted.
fn reached(raw: RawRange, bits: u8, overflow: Overflow) -> RawRange {
    match overflow {
        Overflow::Saturate | Overflow::Symmetric => clip(raw, bits),
        // A value that turns may end anywhere in the range.
        Overflow::Wrap if clip(raw, bits) == raw => raw,
        Overflow::Wrap => clip(RawRange { lo: i64::MIN, hi: i64::MAX }, bits),
        Overflow::WrapOnce => clip(raw, REGISTER_BITS),
    }
}

fn clip(raw: RawRange, bits: u8) -> RawRange {
    let half = 1i64 << (bits - 1);
    RawRange { lo: raw.lo.clamp(-half, half - 1), hi: raw.hi.clamp(-half, half - 1) }
}

/// Places by which a value moves to come to `frac`: left if positive.
///
/// A register moved right by 32 places or more rounds to 0, so more than a word can encode (62)
/// are the same as 62.
fn places(x: Known, frac: i16) -> i32 {
    (i32::from(frac) - i32::from(x.frac)).max(-62)
}

/// The range of a value after its alignment to `frac` (S44).
fn moved(x: Known, frac: i16) -> RawRange {
    let shift = places(x, frac);
    if shift >= 0 {
        interval::shift_left(x.raw, shift.unsigned_abs())
    } else {
        interval::shift_right(x.raw, shift.unsigned_abs())
    }
}

fn alignment(x: Known, y: Known, frac: i16) -> [i32; 2] {
    [places(x, frac), places(y, frac)]
}

/// Alignment to the right rounds to the nearest: half a unit of the new last place.
fn lost_by_alignment(x: Known, frac: i16) -> f64 {
    if frac < x.frac { 0.5 * (-f64::from(frac)).exp2() } else { 0.0 }
}
