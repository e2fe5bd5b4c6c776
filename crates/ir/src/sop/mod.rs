//! Rules written as sums of products, as the public front ends of the chip accept them.
//!
//! `dw: "2^-4*x0*y1 - 2^-4*y0*x1"` changes `w` by the sum; `dd` and `dt` do the same for the
//! variables `d` and `t`. [`parse_sop`] makes a [`Kernel`] of up to three strings,
//! [`parse_products`] gives the products themselves. Other languages of rules are not read here:
//! a rule beyond sums of products is written as a [kernel text](crate::text).
//!
//! # Grammar
//! ```text
//! sum     = [ sign ] product { sign product }
//! product = item { "*" item }
//! item    = literal | variable | "u" digit | "(" affine ")" | "sgn" "(" affine ")"
//! affine  = [ sign ] ( variable | literal ) [ sign ( variable | literal ) ]
//! literal = number | "2^" [ sign ] whole-number
//! ```
//! Variables are `x0 x1 x2` (pre), `y0 y1 y2 y3` (post), `r1` (global), `w d t` (the synapse's
//! own). Brackets hold one variable and at most one literal, or a literal alone; those of `sgn`
//! hold `w`, `d` or `t`, and those with `x0` or `y0` hold a literal too and are a factor, never the
//! dependency.
//!
//! # Meaning
//! The first `x0` or `y0` of a product, or its `u_k`, is its *dependency*: a 0 or 1 by which the
//! product is multiplied. A further `x0` or `y0` is an ordinary factor. Traces of a product are
//! read at the last pre spike if it depends on `x0`, at the last post spike for `y0`, at the end of
//! the epoch for `u_k` (S40). All literals of a product combine into its scale; `(3 - y1)` is
//! `-1 * (y1 - 3)`. Sums run in the author's order (S48); a product multiplies its factors in the
//! author's order, then the dependency, then the scale, whose sign becomes an addition or a
//! subtraction. The kernel says of each operation which product it is for
//! ([`Written::terms`](crate::Written)).
//!
//! # More and less than Lava 0.11
//! Accepted in addition: `r1`, decimals, scales without a 4-bit mantissa, a different k in each
//! product. Refused though accepted there with another meaning than they seem to have: `u10`
//! (there `u1 * 0`), `sgn(-w)` (there `sgn(w)`), `x0**y1` (there `x0*y1`).
//!
//! ```
//! use trifactor_ir::sop::{SopRule, parse_sop};
//! let rule = SopRule { dw: Some("2^-4*x0*y1".into()), ..SopRule::default() };
//! let kernel = parse_sop("stdp", &rule, &Default::default()).unwrap();
//! assert!(kernel.port("y1_at_x0").is_some());
//! ```

mod expand;
mod parse;
mod write;

#[cfg(test)]
mod tests;

pub use expand::{Change, Factor, Fault, Product, expand};
pub use parse::{MAX_FACTORS, MAX_LENGTH, MAX_PRODUCTS, parse_products};
use parse::{Placed, placed_products};
pub use write::{WrittenFactor, WrittenProduct, short, written_out, written_products};

use crate::kernel::{Kernel, KernelBuilder, Op, Port, Role, Target, ValueId, When, WrittenTerm};
use std::collections::BTreeMap;
use std::fmt;
use trifactor_diag::{Diagnostic, Diagnostics, Place};

/// The strings of a rule; what is absent does not change.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct SopRule {
    /// Change of the weight `w`.
    pub dw: Option<String>,
    /// Change of the delay `d`.
    pub dd: Option<String>,
    /// Change of the tag `t`.
    pub dt: Option<String>,
}

/// The 0 or 1 that a product depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dependency {
    /// The pre lane spiked in the epoch.
    X0,
    /// The post lane spiked in the epoch.
    Y0,
    /// Every 2^k-th epoch, k from 0 to 9.
    U(u8),
}

/// A variable of a factor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SopVar {
    /// Pre spike flag.
    X0,
    /// First pre trace.
    X1,
    /// Second pre trace.
    X2,
    /// Post spike flag.
    Y0,
    /// First post trace.
    Y1,
    /// Second post trace.
    Y2,
    /// Third post trace.
    Y3,
    /// Global modulator.
    R1,
    /// Weight.
    W,
    /// Delay.
    D,
    /// Tag.
    T,
}

impl SopVar {
    /// All variables.
    pub const ALL: [Self; 11] = [
        Self::X0,
        Self::X1,
        Self::X2,
        Self::Y0,
        Self::Y1,
        Self::Y2,
        Self::Y3,
        Self::R1,
        Self::W,
        Self::D,
        Self::T,
    ];
    /// The variable as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X0 => "x0",
            Self::X1 => "x1",
            Self::X2 => "x2",
            Self::Y0 => "y0",
            Self::Y1 => "y1",
            Self::Y2 => "y2",
            Self::Y3 => "y3",
            Self::R1 => "r1",
            Self::W => "w",
            Self::D => "d",
            Self::T => "t",
        }
    }
    /// Whose value it is, seen from the synapse.
    pub const fn role(self) -> Role {
        match self {
            Self::X0 | Self::X1 | Self::X2 => Role::Pre,
            Self::Y0 | Self::Y1 | Self::Y2 | Self::Y3 => Role::Post,
            Self::R1 => Role::Global,
            Self::W | Self::D | Self::T => Role::Own,
        }
    }
    /// Whether it is a trace, whose value depends on when it is read.
    pub const fn is_trace(self) -> bool {
        matches!(self, Self::X1 | Self::X2 | Self::Y1 | Self::Y2 | Self::Y3)
    }
}

/// `var`, `(var + constant)` or `sgn(var + constant)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SopFactor {
    /// The variable.
    pub var: SopVar,
    /// What is added to it, in its own unit.
    pub constant: Option<f64>,
    /// Whether only the sign counts.
    pub sgn: bool,
}

/// `scale * dependency * factor * factor * ...`
#[derive(Clone, PartialEq, Debug)]
pub struct SopProduct {
    /// The 0 or 1 it is multiplied by.
    pub dependency: Dependency,
    /// Product of all its literals and signs.
    pub scale: f64,
    /// `(m, e)` with `scale = m * 2^e`, m from -8 to 7 and e from -7 to 8, where the literals are
    /// whole numbers and powers of two that fold into such a pair: while |m| > 7 is even and e < 8,
    /// m is halved and e raised. `None` for every other scale.
    pub mantissa_exponent: Option<(i32, i32)>,
    /// The other factors, in the author's order.
    pub factors: Vec<SopFactor>,
}

/// As the grammar writes it, its sign in front.
impl fmt::Display for SopProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.scale.is_sign_negative() { "-" } else { "+" })?;
        match self.mantissa_exponent {
            Some((m, e)) => write!(f, " {}*2^{e}", m.abs())?,
            None => write!(f, " {}", self.scale.abs())?,
        }
        match self.dependency {
            Dependency::X0 => f.write_str("*x0")?,
            Dependency::Y0 => f.write_str("*y0")?,
            Dependency::U(k) => write!(f, "*u{k}")?,
        }
        for factor in &self.factors {
            let (name, sgn) = (factor.var.name(), if factor.sgn { "sgn" } else { "" });
            match factor.constant {
                Some(c) if c < 0.0 => write!(f, "*{sgn}({name} - {})", -c)?,
                Some(c) => write!(f, "*{sgn}({name} + {c})")?,
                None if factor.sgn => write!(f, "*sgn({name})")?,
                None => write!(f, "*{name}")?,
            }
        }
        Ok(())
    }
}

/// How the scale of a product stands in a kernel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum ScaleForm {
    /// As one constant; its sign becomes an addition or a subtraction.
    #[default]
    Folded,
    /// As the mantissa with its sign, and the power of two. An engine that rounds between them
    /// tells `6*2^-6` from `3*2^-5`. A scale without a 4-bit mantissa stands there as one constant.
    Split,
}

/// Reads the strings of a rule into one kernel, called `name`, that sets `w`, `d` and `t`, as far
/// as they have a string, to their old value plus their sum.
///
/// Inputs are named after their variable, with `_at_x0` or `_at_y0` appended for a trace read at
/// that time; spike flags are inputs with the variable `x0` or `y0`, the flag u_k is `u<k>`.
/// `place` is the place of the rule; `.dw`, `.dd` or `.dt` is appended to its key, and positions
/// count inside the string. Errors: R001 to R008.
pub fn parse_sop(name: &str, rule: &SopRule, place: &Place) -> Result<Kernel, Diagnostics> {
    parse_sop_as(name, rule, place, ScaleForm::Folded)
}

/// The same, with scales in the form asked for.
pub fn parse_sop_as(
    name: &str,
    rule: &SopRule,
    place: &Place,
    form: ScaleForm,
) -> Result<Kernel, Diagnostics> {
    let sums =
        [("dw", SopVar::W, &rule.dw), ("dd", SopVar::D, &rule.dd), ("dt", SopVar::T, &rule.dt)];
    let mut found = Diagnostics::new();
    let mut writer = Writer::new(name, form);
    let mut results = Vec::new();
    for (field, variable, text) in sums {
        let Some(text) = text else { continue };
        let key = place.key.as_ref().map_or_else(|| field.to_owned(), |k| format!("{k}.{field}"));
        match placed_products(text, &place.clone().key(key)) {
            Ok(products) => results.push((variable, writer.sum(variable, &products))),
            Err(errors) => found.append(errors),
        }
    }
    if results.is_empty() && found.is_empty() {
        let none = Diagnostic::error("R008", "the rule changes nothing")
            .at(place.clone())
            .hint("give at least one of dw, dd and dt");
        found.push(none);
    }
    for (variable, value) in results {
        writer.builder.output(variable.name(), Target::Set, value);
    }
    found.into_result(writer.build()).map(|(kernel, _)| kernel)
}

/// Writes the kernel of a rule.
struct Writer {
    builder: KernelBuilder,
    form: ScaleForm,
    /// Inputs read so far, by name.
    reads: BTreeMap<String, ValueId>,
    /// The products so far.
    terms: Vec<WrittenTerm>,
    /// How many operations there are behind each of them.
    ends: Vec<usize>,
}

impl Writer {
    fn new(name: &str, form: ScaleForm) -> Self {
        let (builder, reads) = (KernelBuilder::new(name), BTreeMap::new());
        Self { builder, form, reads, terms: Vec::new(), ends: Vec::new() }
    }

    /// The kernel, in which every operation knows its product.
    fn build(self) -> Kernel {
        let mut kernel = self.builder.build();
        let mut first = 0;
        for (term, end) in (0..).zip(self.ends) {
            kernel.written.term_of.extend(std::iter::repeat_n(term, end - first));
            first = end;
        }
        kernel.written.terms = self.terms;
        kernel
    }

    fn sum(&mut self, variable: SopVar, products: &[Placed]) -> ValueId {
        // What a sum begins with belongs to its first product.
        let mut sum = self.variable(variable, When::End);
        for Placed { product, at, text } in products {
            let (variable, text) = (variable.name(), text.clone());
            self.terms.push(WrittenTerm { variable, at: *at, text });
            sum = self.add(sum, product);
            self.ends.push(self.builder.len());
        }
        sum
    }

    /// A sum and one product more.
    fn add(&mut self, sum: ValueId, product: &SopProduct) -> ValueId {
        let magnitude = self.product(product);
        if let (ScaleForm::Split, Some((mantissa, exponent))) =
            (self.form, product.mantissa_exponent)
        {
            let mantissa = self.builder.constant(mantissa.into());
            let scaled = self.builder.mul(magnitude, mantissa);
            let power = self.builder.constant(f64::from(exponent).exp2());
            let scaled = self.builder.mul(scaled, power);
            return self.builder.add(sum, scaled);
        }
        let magnitude = self.folded(product, magnitude);
        if product.scale < 0.0 {
            self.builder.sub(sum, magnitude)
        } else {
            self.builder.add(sum, magnitude)
        }
    }

    /// A product and the magnitude of its scale.
    fn folded(&mut self, product: &SopProduct, value: ValueId) -> ValueId {
        let magnitude = product.scale.abs();
        if magnitude == 1.0 {
            return value;
        }
        let scale = self.builder.constant(magnitude);
        self.builder.mul(value, scale)
    }

    /// The product without its scale.
    fn product(&mut self, product: &SopProduct) -> ValueId {
        let when = match product.dependency {
            Dependency::X0 => When::AtPre,
            Dependency::Y0 => When::AtPost,
            Dependency::U(_) => When::End,
        };
        let mut value = None;
        for factor in &product.factors {
            let factor = self.factor(factor, when);
            value = Some(value.map_or(factor, |v| self.builder.mul(v, factor)));
        }
        let gate = match product.dependency {
            Dependency::X0 => self.variable(SopVar::X0, When::End),
            Dependency::Y0 => self.variable(SopVar::Y0, When::End),
            Dependency::U(k) => {
                let name = format!("u{k}");
                self.read(Port::new(&name, Role::Every(k)))
            }
        };
        value.map_or(gate, |v| self.builder.mul(v, gate))
    }

    fn factor(&mut self, factor: &SopFactor, when: When) -> ValueId {
        let when = if factor.var.is_trace() { when } else { When::End };
        let mut value = self.variable(factor.var, when);
        if let Some(constant) = factor.constant {
            let magnitude = self.builder.constant(constant.abs());
            value = if constant < 0.0 {
                self.builder.sub(value, magnitude)
            } else {
                self.builder.add(value, magnitude)
            };
        }
        if factor.sgn { self.builder.op(Op::Sgn(value)) } else { value }
    }

    fn variable(&mut self, variable: SopVar, when: When) -> ValueId {
        let name = match when {
            When::End => variable.name().to_owned(),
            When::AtPre => format!("{}_at_x0", variable.name()),
            When::AtPost => format!("{}_at_y0", variable.name()),
        };
        let mut port = Port::new(&name, variable.role());
        variable.name().clone_into(&mut port.variable);
        port.when = when;
        self.read(port)
    }

    /// Reads an input once.
    fn read(&mut self, port: Port) -> ValueId {
        if let Some(value) = self.reads.get(&port.name) {
            return *value;
        }
        let name = port.name.clone();
        let value = self.builder.port(port);
        self.reads.insert(name, value);
        value
    }
}
