//! Constants of rules on an engine that evaluates sums of products (S63).
//!
//! Reads: one rule written as products, state formats, the form that the chip gives a product.
//! Writes: the raw value of every constant; warnings `Q108`. What is too far from what was written
//! is refused with `Q014` and `Q015` when the rule is lowered, beside whatever else the engine has
//! not.
//! Method: a scale is brought to last places of what its product multiplies and changes, where it
//! becomes the nearest number that has a mantissa and an exponent of so many bits.

use crate::plan::{Plan, StateFormat};
use trifactor_diag::{Diagnostic, Diagnostics, Place, Severity};
use trifactor_entity::SideTable;
use trifactor_fixed::QFormat;
use trifactor_ir::sop::{WrittenFactor, WrittenProduct, short, written_products};
use trifactor_ir::{
    CheckedNetwork, Group, Kernel, Op, Phase, PhaseId, PortId, Read, Role, StateId, ValueId,
};
use trifactor_isa::{Chip, ProductForm};

/// Largest relative error of a scale: one that is further from what was written is refused.
const FURTHEST: f64 = 0.5;

/// A constant as the engine holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub raw: i64,
    pub frac: i16,
}

impl Held {
    pub fn value(self) -> f64 {
        self.raw as f64 * (-f64::from(self.frac)).exp2()
    }
}

/// The constants of a rule; `None` for a rule that is not written as products, which no engine
/// with this form evaluates.
pub(crate) fn constants(
    net: &CheckedNetwork,
    chip: &Chip,
    form: ProductForm,
    phase: &Phase,
    states: &SideTable<StateId, StateFormat>,
    diagnostics: &mut Diagnostics,
) -> Option<SideTable<ValueId, Option<Held>>> {
    let scales = Scales::of(net, chip, form, phase, states)?;
    for warning in scales.found.iter().filter(|d| d.severity == Severity::Warning) {
        diagnostics.push(warning.clone());
    }
    Some(scales.held)
}

/// The constants of a rule that its engine holds nothing near enough for: `Q014`, `Q015`.
pub fn refused_constants(
    net: &CheckedNetwork,
    chip: &Chip,
    plan: &Plan,
    rule: PhaseId,
) -> Diagnostics {
    let mut refused = Diagnostics::new();
    if let Some(form) = plan.phases[rule].form
        && let Some(scales) = Scales::of(net, chip, form, &net.phases[rule], &plan.states)
    {
        for error in scales.found.iter().filter(|d| d.severity == Severity::Error) {
            refused.push(error.clone());
        }
    }
    refused
}

struct Scales<'a> {
    net: &'a CheckedNetwork,
    chip: &'a Chip,
    form: ProductForm,
    phase: &'a Phase,
    kernel: &'a Kernel,
    states: &'a SideTable<StateId, StateFormat>,
    held: SideTable<ValueId, Option<Held>>,
    found: Diagnostics,
}

impl<'a> Scales<'a> {
    fn of(
        net: &'a CheckedNetwork,
        chip: &'a Chip,
        form: ProductForm,
        phase: &'a Phase,
        states: &'a SideTable<StateId, StateFormat>,
    ) -> Option<Self> {
        let products = written_products(net, phase)?;
        let kernel = &net.kernels[phase.kernel];
        let held = SideTable::for_each(&kernel.ops, |_, _| None);
        let found = Diagnostics::new();
        let mut scales = Self { net, chip, form, phase, kernel, states, held, found };
        for product in &products {
            for factor in &product.factors {
                scales.constant(product, factor);
            }
            scales.scale(product);
        }
        Some(scales)
    }

    /// Fraction bits of a state where the engine reads and sets it. A weight stored in fewer bits
    /// stands in the highest of a variable's.
    fn point(&self, state: StateId) -> i32 {
        let q = self.states[state].q;
        let is_weight = self.net.phases.values().any(|p| {
            p.group == Group::Deliver && p.reads.values().any(|r| *r == Read::State(state))
        });
        let below = i32::from(self.form.variable_bits) - 1 - i32::from(q.bits - u8::from(q.signed));
        i32::from(q.frac) + if is_weight { below.max(0) } else { 0 }
    }

    /// The state that an input reads; a flag has none.
    fn state(&self, port: PortId) -> Option<StateId> {
        match self.phase.reads[port] {
            Read::State(state) => Some(state),
            Read::SpikedInEpoch(_) | Read::EpochFlag | Read::Arriving { .. } => None,
        }
    }

    fn is_own(&self, port: PortId) -> bool {
        self.kernel.ports[port].role == Role::Own
    }

    /// Bits that a factor counts in front of the engine's shift.
    fn width(&self, factor: &WrittenFactor) -> u32 {
        match self.phase.reads[factor.port] {
            Read::State(_) if self.is_own(factor.port) => self.form.variable_bits.into(),
            Read::State(_) => self.form.trace_bits.into(),
            Read::SpikedInEpoch(_) => 1,
            Read::EpochFlag | Read::Arriving { .. } => 0,
        }
    }

    fn number(&self, v: ValueId) -> f64 {
        match self.kernel.ops[v] {
            Op::Const(c) => c,
            _ => unreachable!("internal: a constant of a product"),
        }
    }

    /// `0.0123 * x1 * y0' for 'ff.w' (stdp.kern line 5)`.
    fn named(&self, product: &WrittenProduct) -> String {
        let state = self.net.full_name(self.phase.writes[product.output]);
        let sign = if product.negative { "-" } else { "" };
        let shown = product.shown(self.kernel);
        let place = self.kernel.written.place(product.scale);
        let place = place.map_or_else(String::new, |p| format!(" ({p})"));
        format!("'{sign}{shown}' for '{state}'{place}")
    }

    fn scale(&mut self, product: &WrittenProduct) {
        let wanted = self.number(product.scale);
        let mut places = self.point(self.phase.writes[product.output]);
        let mut bits = 0;
        for factor in &product.factors {
            bits += self.width(factor);
            if let Some(state) = self.state(factor.port).filter(|_| !factor.sgn) {
                places -= self.point(state);
            }
        }
        // The flag that a product depends on is no factor.
        let gate = product.gate(self.phase);
        let gate = gate.filter(|port| matches!(self.phase.reads[*port], Read::SpikedInEpoch(_)));
        let lower = self.form.shift(bits - u32::from(gate.is_some()));
        let unit = f64::from(places).exp2();
        let sign = if product.negative { -1.0 } else { 1.0 };
        let found = self.form.scale.nearest(sign * wanted * unit, lower);
        let held = Held { raw: found.mantissa.abs(), frac: (places - found.exponent) as i16 };
        self.held[product.scale] = Some(held);
        let used = held.value();
        let apart = used - wanted;
        if apart.abs() > FURTHEST * wanted.abs() {
            let (lowest, highest) = self.form.scale.ends(product.negative, lower);
            self.out_of_range(product, wanted, (lowest / unit, highest / unit));
        } else if apart != 0.0 {
            self.changed(product, wanted, used);
        }
    }

    fn changed(&mut self, product: &WrittenProduct, wanted: f64, used: f64) {
        let percent = 100.0 * (used - wanted) / wanted;
        let size = self.form.scale.mantissa_bits;
        let message = format!(
            "the product {} has the scale {used} on the chip '{}', {:.1} % {} than the {} that was written: \
             a scale is a mantissa of {size} bits times a power of two",
            self.named(product),
            self.chip.name,
            percent.abs(),
            if percent < 0.0 { "less" } else { "more" },
            short(wanted),
        );
        let hint = format!(
            "write {used} to have the same in float; executed with 15 bits by {}",
            holding()
        );
        self.found.push(
            Diagnostic::warning("Q108", message).at(Place::at_key(&self.phase.key)).hint(hint),
        );
    }

    fn out_of_range(&mut self, product: &WrittenProduct, wanted: f64, (lo, hi): (f64, f64)) {
        let named = self.named(product);
        let (end, way) = if wanted > hi {
            ("larger", format!("{}write a scale of at most {hi}", self.ways(product, "smaller")))
        } else {
            ("smaller", format!("{}write a scale of at least {lo}", self.ways(product, "larger")))
        };
        let hint = format!("{way}; held by {}", holding());
        let message = format!(
            "the product {named} has a scale that is {end} than any the chip '{}' holds for it: with a \
             mantissa of {} bits and exponents from {} to {} they reach from {lo} to {hi}",
            self.chip.name,
            self.form.scale.mantissa_bits,
            self.form.scale.exponent.0,
            self.form.scale.exponent.1,
        );
        self.found
            .push(Diagnostic::error("Q014", message).at(Place::at_key(&self.phase.key)).hint(hint));
    }

    /// What else moves a scale into the range, each followed by `or`.
    fn ways(&self, product: &WrittenProduct, how: &str) -> String {
        let target = self.phase.writes[product.output];
        let other =
            |f: &WrittenFactor| !f.sgn && self.state(f.port).is_some_and(|state| state != target);
        let mut ways = String::new();
        if product.factors.iter().any(other) {
            ways += &format!("give its factors {how} impulses or ranges, or ");
        }
        let spikes = |port: PortId| matches!(self.phase.reads[port], Read::SpikedInEpoch(_));
        if how == "larger" && !product.gate(self.phase).is_some_and(spikes) {
            ways += "let it act in every 2^k-th epoch (u_k) by 2^k times as much, or ";
        }
        ways
    }

    /// What is added to a factor is a whole number of its last places.
    fn constant(&mut self, product: &WrittenProduct, factor: &WrittenFactor) {
        let Some((constant, negative)) = factor.constant else { return };
        let Some(state) = self.state(factor.port) else { return };
        let frac = self.point(state).clamp(-64, 63);
        let bits = if self.is_own(factor.port) {
            self.form.variable_constant_bits
        } else {
            self.form.trace_constant_bits
        };
        let q = QFormat::signed(bits, frac as i8);
        let wanted = self.number(constant);
        let signed = if negative { -wanted } else { wanted };
        let raw = q.quantise(signed);
        self.held[constant] = Some(Held { raw: raw.abs(), frac: frac as i16 });
        // One last place beyond the end is the end, as for an initial value.
        if (q.to_f64(raw) - signed).abs() <= q.lsb() {
            return;
        }
        let name = &self.kernel.ports[factor.port].variable;
        let range = q.raw_range();
        let message = format!(
            "the product {} adds {} to '{name}', {} of its last places, and the chip '{}' holds {bits} bits, \
             {} to {}",
            self.named(product),
            short(signed),
            short((signed / q.lsb()).round()),
            self.chip.name,
            range.lo,
            range.hi,
        );
        let hint = format!(
            "multiply it out, x * ({name} + C) as x * {name} + C * x: one product more; held by {}",
            holding()
        );
        self.found
            .push(Diagnostic::error("Q015", message).at(Place::at_key(&self.phase.key)).hint(hint));
    }
}

/// The chips whose constants have 15 bits.
fn holding() -> String {
    Chip::builtin_list(|c| c.rule.is_microcode())
}
