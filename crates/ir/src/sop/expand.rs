//! A rule multiplied out into products, whatever it is written as.
//!
//! Method: every value of the kernel as a sum of products of its inputs, in the author's order.
//! A variable and a constant that are multiplied by something stay one factor, as long as the
//! constant is none that the variable's range makes too large; other sums are multiplied out.

use crate::kernel::{Kernel, Op, PortId, Role, ValueId, When};
use crate::network::{Network, Phase, Read, StateId};
use trifactor_entity::SideTable;

/// Most terms that a multiplication may give.
const MAX_TERMS: usize = 1024;

/// An input, its sum with a constant, or the sign of either.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Factor {
    /// The input.
    pub port: PortId,
    /// What is added to it; 0 for nothing.
    pub constant: f64,
    /// Whether only the sign counts.
    pub sgn: bool,
}

/// A scale times factors.
#[derive(Clone, PartialEq, Debug)]
pub struct Product {
    /// Product of all constants.
    pub scale: f64,
    /// Inputs in their order, flags behind the others, each flag once.
    pub factors: Vec<Factor>,
    /// The operation that made it.
    pub at: ValueId,
}

/// What a variable is changed by: `new = old + sum of products`.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// The variable.
    pub state: StateId,
    /// In the author's order.
    pub products: Vec<Product>,
    /// The operation that gives the new value of a rule that never reads the old one. What it was
    /// is taken away too then, by a product that no input stands for yet.
    pub replaces: Option<ValueId>,
}

/// Why a rule is no sum of products: what it does, where, and the way out.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// What the rule does: `compares two values (>)`.
    pub what: String,
    /// The operation.
    pub at: Option<ValueId>,
    /// The way out.
    pub hint: String,
}

/// A rule as a change of each variable that it sets, or why it is none.
///
/// Errors: every operation without a form, once.
pub fn expand(net: &Network, phase: &Phase) -> Result<Vec<Change>, Vec<Fault>> {
    let kernel = &net.kernels[phase.kernel];
    let mut reader = Reader { net, phase, kernel, values: SideTable::empty(), faults: Vec::new() };
    let needed = needed(kernel);
    for id in kernel.ops.ids() {
        let formed = if needed[id] { reader.value(id) } else { None };
        reader.values.push(formed);
    }
    let mut changes = Vec::new();
    for (output, state) in kernel.outputs.iter().zip(&phase.writes) {
        changes.extend(reader.change(&output.variable, output.value, *state));
    }
    if reader.faults.is_empty() { Ok(changes) } else { Err(reader.faults) }
}

/// The input through which a rule reads the old value of what it sets.
pub(super) fn old_value(kernel: &Kernel, phase: &Phase, state: StateId) -> Option<PortId> {
    let is_old = |(port, p): &(PortId, &crate::kernel::Port)| {
        (p.role, p.when, p.prev) == (Role::Own, When::End, false)
            && phase.reads[*port] == Read::State(state)
    };
    kernel.ports.iter().find(is_old).map(|(port, _)| port)
}

/// Whether an input is 0 or 1: a flag of spikes or of the epoch.
pub(super) fn is_flag(phase: &Phase, port: PortId) -> bool {
    matches!(phase.reads[port], Read::SpikedInEpoch(_) | Read::EpochFlag)
}

/// Which operations a result needs.
fn needed(kernel: &Kernel) -> SideTable<ValueId, bool> {
    let mut needed = SideTable::for_each(&kernel.ops, |_, _| false);
    for output in &kernel.outputs {
        needed[output.value] = true;
    }
    for (id, op) in kernel.ops.iter().rev() {
        if needed[id] {
            op.operands().for_each(|v| needed[v] = true);
        }
    }
    needed
}

/// A value of the kernel, as far as it has the form.
#[derive(Clone)]
struct Formed {
    sum: Vec<Product>,
    /// Bounds around it, and the operation that draws them.
    within: Option<(f64, f64, ValueId)>,
}

struct Reader<'a> {
    net: &'a Network,
    phase: &'a Phase,
    kernel: &'a Kernel,
    /// `None` where a value has no form, which has been said.
    values: SideTable<ValueId, Option<Formed>>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    /// What is added to the old value.
    fn change(&mut self, variable: &str, value: ValueId, state: StateId) -> Option<Change> {
        let Formed { mut sum, within } = self.values[value].clone()?;
        if let Some((lo, hi, at)) = within
            && !self.net.states[state].range.is_some_and(|(a, b)| lo <= a && b <= hi)
        {
            self.fault(
                at,
                &format!("bounds the new '{variable}' by {lo} and {hi}"),
                "give the bounds as the variable's range, where the store clamps",
            );
        }
        let replaces = match old_value(self.kernel, self.phase, state) {
            Some(port) => {
                let factors = vec![Factor { port, constant: 0.0, sgn: false }];
                add(&mut sum, Product { scale: -1.0, factors, at: value });
                None
            }
            None => Some(value),
        };
        for product in &sum {
            let numbers = product.factors.iter().map(|f| f.constant);
            if !numbers.chain([product.scale]).all(f64::is_finite) {
                let what = format!("has a product for '{variable}' with a scale beyond any number");
                self.fault(product.at, &what, "use smaller constants");
                return None;
            }
        }
        Some(Change { state, products: sum, replaces })
    }

    fn fault(&mut self, at: ValueId, what: &str, hint: &str) {
        let fault = Fault { what: what.to_owned(), at: Some(at), hint: hint.to_owned() };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn value(&mut self, id: ValueId) -> Option<Formed> {
        match self.kernel.ops[id] {
            Op::Const(c) => Some(plain_sum(constant(c, id))),
            Op::Port(port) => {
                let factors = vec![Factor { port, constant: 0.0, sgn: false }];
                Some(plain_sum(vec![Product { scale: 1.0, factors, at: id }]))
            }
            Op::Add(a, b) => self.sum(id, a, b, 1.0),
            Op::Sub(a, b) => self.sum(id, a, b, -1.0),
            Op::Mul(a, b) => self.product(id, a, b),
            Op::Min(a, b) => self.bounded(id, a, b, "takes the smaller of two values (min)"),
            Op::Max(a, b) => self.bounded(id, a, b, "takes the larger of two values (max)"),
            Op::Sgn(a) => self.sign(id, a),
            Op::Gt(..) => self.without_form(id, "compares two values (>)"),
            Op::Step(..) => self.without_form(id, "asks whether a value is above 0 (step)"),
            Op::Select { .. } => self.without_form(id, "chooses between two values (select)"),
            Op::Bump(..) => {
                unreachable!("internal: a forward phase holds no gradient operation (I12)")
            }
        }
    }

    fn without_form(&mut self, id: ValueId, what: &str) -> Option<Formed> {
        self.fault(
            id,
            what,
            "replace it by products, such as a soft bound (limit - w) for a hard one",
        );
        None
    }

    fn sum(&mut self, id: ValueId, a: ValueId, b: ValueId, sign: f64) -> Option<Formed> {
        let (x, y) = (self.plain(a)?, self.plain(b)?);
        let mut sum = Vec::new();
        for (terms, sign) in [(x, 1.0), (y, sign)] {
            for term in terms {
                let bare = matches!(self.kernel.ops[term.at], Op::Port(_) | Op::Const(_));
                let at = if bare { id } else { term.at };
                add(&mut sum, Product { scale: sign * term.scale, at, ..term });
            }
        }
        Some(plain_sum(sum))
    }

    fn product(&mut self, id: ValueId, a: ValueId, b: ValueId) -> Option<Formed> {
        let (x, y) = (self.plain(a)?, self.plain(b)?);
        let (x, y) = (self.as_factor(x), self.as_factor(y));
        if x.len().saturating_mul(y.len()) > MAX_TERMS {
            let what = format!("multiplies a sum of {} terms by one of {}", x.len(), y.len());
            self.fault(id, &what, "multiply fewer terms out");
            return None;
        }
        let mut sum = Vec::new();
        for p in &x {
            for q in &y {
                let factors = self.together(&p.factors, &q.factors);
                add(&mut sum, Product { scale: p.scale * q.scale, factors, at: id });
            }
        }
        Some(plain_sum(sum))
    }

    /// Factors of a product in their order; a flag times itself is itself.
    fn together(&self, x: &[Factor], y: &[Factor]) -> Vec<Factor> {
        let mut factors = [x, y].concat();
        let key = |f: &Factor| (is_flag(self.phase, f.port), f.port, f.sgn);
        factors.sort_by(|f, g| key(f).cmp(&key(g)).then(f.constant.total_cmp(&g.constant)));
        factors.dedup_by(|f, g| f.port == g.port && is_flag(self.phase, f.port));
        factors
    }

    /// A variable and a constant as one factor.
    fn as_factor(&self, sum: Vec<Product>) -> Vec<Product> {
        let [p, q] = sum.as_slice() else { return sum };
        let (of, constant) = match (p.factors.as_slice(), q.factors.as_slice()) {
            ([factor], []) => (Product { factors: vec![*factor], ..p.clone() }, q.scale),
            ([], [factor]) => (Product { factors: vec![*factor], ..q.clone() }, p.scale),
            _ => return sum,
        };
        let factor = of.factors[0];
        let constant = constant / of.scale;
        let Read::State(state) = self.phase.reads[factor.port] else { return sum };
        let range = self.net.states[state].range;
        let far = range.is_some_and(|(lo, hi)| constant.abs() > lo.abs().max(hi.abs()));
        if factor.sgn || factor.constant != 0.0 || far {
            return sum;
        }
        vec![Product { factors: vec![Factor { constant, ..factor }], ..of }]
    }

    /// The sum of an operand. A bound inside a sum has no form.
    fn plain(&mut self, v: ValueId) -> Option<Vec<Product>> {
        let Formed { sum, within } = self.values[v].clone()?;
        if let Some((.., at)) = within {
            let what = "goes on with a value that it has bounded (min, max)";
            return self.without_form(at, what).map(|formed| formed.sum);
        }
        Some(sum)
    }

    /// A value against a constant, which is a bound; anything else has no form.
    fn bounded(&mut self, id: ValueId, a: ValueId, b: ValueId, what: &str) -> Option<Formed> {
        let (x, y) = (self.values[a].clone()?, self.values[b].clone()?);
        let constant = |f: &Formed| match f.sum.as_slice() {
            [] => Some(0.0),
            [only] if only.factors.is_empty() => Some(only.scale),
            _ => None,
        };
        let (of, limit) = match (constant(&x), constant(&y)) {
            (None, Some(limit)) => (x, limit),
            (Some(limit), None) => (y, limit),
            _ => return self.without_form(id, what),
        };
        let (lo, hi, _) = of.within.unwrap_or((f64::NEG_INFINITY, f64::INFINITY, id));
        let (lo, hi) = match self.kernel.ops[id] {
            Op::Min(..) => (lo, hi.min(limit)),
            _ => (lo.max(limit), hi),
        };
        Some(Formed { sum: of.sum, within: Some((lo, hi, id)) })
    }

    /// An engine takes signs of the synapse's own variables, shifted by a constant.
    fn sign(&mut self, id: ValueId, a: ValueId) -> Option<Formed> {
        let sum = self.plain(a)?;
        let number = match sum.as_slice() {
            [] => Some(0.0),
            [only] if only.factors.is_empty() => Some(only.scale),
            _ => None,
        };
        if let Some(c) = number {
            let sign = if c == 0.0 { 0.0 } else { c.signum() };
            return Some(plain_sum(constant(sign, id)));
        }
        // In a sign no constant is too large: what lies behind it never changes sign.
        let (scale, factor) = match sum.as_slice() {
            [p] if p.factors.len() == 1 => (p.scale, p.factors[0]),
            [p, c] | [c, p]
                if c.factors.is_empty() && p.factors.len() == 1 && p.factors[0].constant == 0.0 =>
            {
                (p.scale, Factor { constant: c.scale / p.scale, ..p.factors[0] })
            }
            _ => return self.foreign_sign(id),
        };
        if factor.sgn || self.kernel.ports[factor.port].role != Role::Own {
            return self.foreign_sign(id);
        }
        let factors = vec![Factor { sgn: true, ..factor }];
        Some(plain_sum(vec![Product { scale: scale.signum(), factors, at: id }]))
    }

    fn foreign_sign(&mut self, id: ValueId) -> Option<Formed> {
        self.without_form(id, "takes the sign of more than one variable of the synapse")
    }
}

fn plain_sum(sum: Vec<Product>) -> Formed {
    Formed { sum, within: None }
}

/// A number as a sum; 0 is the empty one.
fn constant(c: f64, at: ValueId) -> Vec<Product> {
    let mut sum = Vec::new();
    add(&mut sum, Product { scale: c, factors: Vec::new(), at });
    sum
}

/// Adds a term; one that cancels is gone, and so is what the rounding of a sum of numbers leaves.
fn add(sum: &mut Vec<Product>, term: Product) {
    let Some(at) = sum.iter().position(|p| p.factors == term.factors) else {
        if term.scale != 0.0 {
            sum.push(term);
        }
        return;
    };
    let larger = sum[at].scale.abs().max(term.scale.abs());
    sum[at].scale += term.scale;
    if sum[at].scale.abs() <= larger * 1e-14 {
        sum.remove(at);
    }
}
