//! Constants of an engine of sums of products: whether each is the nearest that the engine holds.
//!
//! A second reading of S63, written from its text: it finds a constant's place in the rule by
//! itself, and asks how far it may be from the author's instead of searching for the nearest. A
//! nearest one that is too far away is the compiler's to refuse.

use trifactor_ir::{
    CheckedNetwork, Group, Kernel, Op, Phase, PortId, Read, Role, StateId, ValueId,
};
use trifactor_isa::ProductForm;
use trifactor_quant::{PhasePlan, Plan};

/// What is wrong with a constant, if anything is.
pub(crate) fn wrong(
    net: &CheckedNetwork,
    plan: &Plan,
    rule: (&Phase, &PhasePlan),
    form: ProductForm,
    (id, c): (ValueId, f64),
) -> Option<String> {
    let (phase, p) = rule;
    let reading = Reading { net, plan, phase, kernel: &net.kernels[phase.kernel], form };
    let v = &p.values[id];
    let held = v.constant as f64 * (-f64::from(v.frac)).exp2();
    if c == 0.0 {
        return (held != 0.0).then(|| format!("is the constant 0, held as {held:e}"));
    }
    let right = match reading.place(id)? {
        Place::Beside(port) => reading.is_whole(port, c, held),
        Place::Scale { product, term } => {
            reading.is_nearest(product, term, c, (v.constant, v.frac))
        }
    };
    (!right).then(|| format!("is the constant {c:e}, held as {held:e}"))
}

/// Where a constant stands.
enum Place {
    /// Added to an input, which is multiplied by something or gives its sign.
    Beside(PortId),
    /// The scale of a product of factors, and what is added for it; no product where the scale is
    /// all there is.
    Scale { product: Option<ValueId>, term: ValueId },
}

struct Reading<'a> {
    net: &'a CheckedNetwork,
    plan: &'a Plan,
    phase: &'a Phase,
    kernel: &'a Kernel,
    form: ProductForm,
}

impl Reading<'_> {
    /// `None` for a constant that nothing uses.
    fn place(&self, id: ValueId) -> Option<Place> {
        self.kernel.ops.iter().find_map(|(user, op)| match *op {
            Op::Mul(product, c) if c == id => {
                Some(Place::Scale { product: Some(product), term: user })
            }
            Op::Add(x, c) | Op::Sub(x, c) if c == id => match self.kernel.ops[x] {
                Op::Port(port) if self.is_factor(user) => Some(Place::Beside(port)),
                _ => Some(Place::Scale { product: None, term: id }),
            },
            _ => None,
        })
    }

    fn is_factor(&self, value: ValueId) -> bool {
        self.kernel.ops.values().any(|op| match *op {
            Op::Mul(a, b) => a == value || b == value,
            Op::Sgn(a) => a == value,
            _ => false,
        })
    }

    /// The binary point of a state in the engine, where a weight fills a variable from above.
    fn point(&self, state: StateId) -> i32 {
        let q = self.plan.states[state].q;
        let sent = self.net.phases.values().any(|p| {
            p.group == Group::Deliver && p.reads.values().any(|r| *r == Read::State(state))
        });
        let size = i32::from(q.bits) - i32::from(q.signed);
        let empty = i32::from(self.form.variable_bits) - 1 - size;
        i32::from(q.frac) + if sent && empty > 0 { empty } else { 0 }
    }

    /// A constant beside a factor: the nearest whole number that there is.
    fn is_whole(&self, port: PortId, c: f64, held: f64) -> bool {
        let Read::State(state) = self.phase.reads[port] else { return false };
        let bits = match self.kernel.ports[port].role {
            Role::Own => self.form.variable_constant_bits,
            _ => self.form.trace_constant_bits,
        };
        let lsb = f64::from(-self.point(state)).exp2();
        let (places, end) = (held / lsb, f64::from(bits - 1).exp2());
        let near = (held - c).abs() <= 0.5 * lsb;
        places.fract() == 0.0 && places <= end && (near || (places >= end - 1.0 && c > held))
    }

    /// The variable that a term changes, and whether it is taken away.
    fn changed(&self, term: ValueId) -> Option<(StateId, bool)> {
        for (output, state) in self.kernel.outputs.iter().zip(&self.phase.writes) {
            let mut at = output.value;
            while let Op::Add(rest, t) | Op::Sub(rest, t) = self.kernel.ops[at] {
                if t == term {
                    return Some((*state, matches!(self.kernel.ops[at], Op::Sub(..))));
                }
                at = rest;
            }
        }
        None
    }

    /// A scale: no other mantissa and exponent come nearer.
    fn is_nearest(
        &self,
        product: Option<ValueId>,
        term: ValueId,
        c: f64,
        (raw, frac): (i64, i16),
    ) -> bool {
        let Some((state, taken)) = self.changed(term) else { return false };
        let (mut bits, mut places) = (0, self.point(state));
        let mut last = true;
        let mut rest = product;
        while let Some(at) = rest {
            let (before, factor) = match self.kernel.ops[at] {
                Op::Mul(a, b) => (Some(a), b),
                _ => (None, at),
            };
            let (width, point) = self.factor(factor, last);
            bits += width;
            places -= point;
            (rest, last) = (before, false);
        }
        let mantissa_bits = i32::from(self.form.scale.mantissa_bits);
        let dropped = (bits + mantissa_bits - i32::from(self.form.product_bits)).max(0);
        let (lowest, highest) = self.form.scale.exponent;
        let (lowest, highest) = (i32::from(lowest) - dropped, i32::from(highest) - dropped);
        let top = (1 << (mantissa_bits - 1)) - i64::from(!taken);
        let exponent = places - i32::from(frac);
        if raw > top || !(lowest..=highest).contains(&exponent) {
            return false;
        }
        let (wanted, has) = (c * f64::from(places).exp2(), raw as f64 * f64::from(exponent).exp2());
        // The distance of two scales where the wanted one lies.
        let octave = (wanted.log2().floor() as i32) + 2 - mantissa_bits;
        let step = f64::from(octave.clamp(lowest, highest)).exp2();
        let at_top = has == top as f64 * f64::from(highest).exp2() && wanted > has;
        let apart = (has - wanted).abs();
        apart <= 0.5 * step || at_top
    }

    /// Bits that a factor counts, and its binary point. The flag that a product depends on counts
    /// none: it is the last factor.
    fn factor(&self, factor: ValueId, last: bool) -> (i32, i32) {
        let (sign, inner) = match self.kernel.ops[factor] {
            Op::Sgn(x) => (true, x),
            _ => (false, factor),
        };
        let of = match self.kernel.ops[inner] {
            Op::Add(x, _) | Op::Sub(x, _) => x,
            _ => inner,
        };
        let Op::Port(port) = self.kernel.ops[of] else { return (0, 0) };
        let own = self.kernel.ports[port].role == Role::Own;
        match self.phase.reads[port] {
            Read::State(state) => {
                let width = if own { self.form.variable_bits } else { self.form.trace_bits };
                (width.into(), if sign { 0 } else { self.point(state) })
            }
            Read::SpikedInEpoch(_) => (i32::from(!last), 0),
            Read::EpochFlag | Read::Arriving { .. } => (0, 0),
        }
    }
}
