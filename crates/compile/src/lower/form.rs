//! Refuse rules that are no sums of products, for engines that evaluate nothing else.
//!
//! Reads: network, chip, structure.   Writes: diagnostics `C018`.
//! Method: every value of the kernel as a polynomial of its inputs, multiplied out; what has no
//! polynomial is named with its place. A bound around a result may stay where the variable's own
//! range is at least as narrow, because the store clamps there.
//! Source: Davies et al. 2018 for the form and the factors; the public front ends for the one k.

use super::select::needed;
use crate::structure::Structure;
use std::collections::{BTreeMap, BTreeSet};
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_entity::{EntityId, SideTable};
use trifactor_ir::{CheckedNetwork, Kernel, Op, Phase, PhaseId, PortId, Read, Role, ValueId, When};
use trifactor_isa::{Chip, RuleForm};

/// What a product multiplies, besides its scale.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Factor {
    Input(PortId),
    Sign(ValueId),
}

/// Scales of products, each with its factors in order.
type Polynomial = BTreeMap<Vec<Factor>, f64>;

/// A value of the kernel, as far as the engine can form it.
#[derive(Clone)]
struct Formed {
    sum: Polynomial,
    /// Bounds around it, and the operation that draws them.
    within: Option<(f64, f64, ValueId)>,
}

/// Why a rule is no sum of products: what it does, where, and the way out.
struct Beyond {
    what: String,
    at: Option<ValueId>,
    hint: String,
}

/// Refuses what the chip's engine cannot evaluate.
pub(super) fn check_form(
    net: &CheckedNetwork,
    chip: &Chip,
    structure: &Structure,
    rule: PhaseId,
    diagnostics: &mut Diagnostics,
) {
    if chip.rule == RuleForm::Microcode {
        return;
    }
    let phase = &net.phases[rule];
    let kernel = &net.kernels[phase.kernel];
    let mut form = Form {
        net,
        structure,
        phase,
        kernel,
        most: chip.core.ucode_words as usize,
        values: SideTable::empty(),
        found: Vec::new(),
    };
    form.run();
    let holding = Chip::builtin_list(|c| c.rule == RuleForm::Microcode);
    let mut said = BTreeSet::new();
    for Beyond { what, at, hint } in form.found {
        let place = at.and_then(|v| kernel.written.place(v));
        let place = place.map_or_else(String::new, |p| format!(" ({p})"));
        let message = format!(
            "the rule '{}' {what}{place}, and an engine of the chip '{}' evaluates sums of products of spike \
             flags, traces, one global modulator and variables of the synapse",
            phase.name, chip.name
        );
        if said.insert(message.clone()) {
            let hint =
                format!("{hint}; microcode, which has no such form, is executed by {holding}");
            diagnostics
                .push(Diagnostic::error("C018", message).at(Place::at_key(&phase.key)).hint(hint));
        }
    }
}

struct Form<'a> {
    net: &'a CheckedNetwork,
    structure: &'a Structure,
    phase: &'a Phase,
    kernel: &'a Kernel,
    /// Most products: one word of microcode each.
    most: usize,
    /// `None` where a value is beyond the form, which has been said.
    values: SideTable<ValueId, Option<Formed>>,
    found: Vec<Beyond>,
}

impl Form<'_> {
    fn run(&mut self) {
        let needed = needed(self.kernel);
        for id in self.kernel.ops.ids() {
            let formed = if needed[id.index()] { self.value(id) } else { None };
            self.values.push(formed);
        }
        let mut periods = BTreeMap::new();
        let mut products = 0;
        for (output, state) in self.kernel.outputs.iter().zip(&self.phase.writes) {
            let Some(Formed { mut sum, within }) = self.values[output.value].clone() else {
                continue;
            };
            if let Some((lo, hi, at)) = within
                && !self.net.states[*state].range.is_some_and(|(a, b)| lo <= a && b <= hi)
            {
                self.beyond(
                    Some(at),
                    format!("bounds the new '{}' by {lo} and {hi}", output.variable),
                    "give the bounds as the variable's range, where the store clamps".to_owned(),
                );
            }
            // The engine adds to the old value, so that alone is no product.
            let old = self.kernel.ports.iter().find(|(port, p)| {
                p.role == Role::Own && self.phase.reads[*port] == Read::State(*state)
            });
            if let Some((port, _)) = old {
                add(&mut sum, vec![Factor::Input(port)], -1.0);
            }
            products += sum.len();
            for factors in sum.keys() {
                self.product(factors, &mut periods);
            }
        }
        if products > self.most {
            let (what, most) = (format!("is a sum of {products} products"), self.most);
            let hint = format!("write it with fewer: a core holds {most}, one a word");
            self.beyond(None, what, hint);
        }
        if periods.len() > 1 {
            let list: Vec<String> = periods.keys().map(|k| format!("u{k}")).collect();
            self.beyond(
                periods.values().last().copied().flatten(),
                format!("has products of several periods ({})", list.join(", ")),
                "one period serves all products without a spike flag; a product that names none has u0"
                    .to_owned(),
            );
        }
    }

    fn beyond(&mut self, at: Option<ValueId>, what: String, hint: String) {
        self.found.push(Beyond { what, at, hint });
    }

    fn value(&mut self, id: ValueId) -> Option<Formed> {
        match self.kernel.ops[id] {
            Op::Const(c) => {
                let mut sum = Polynomial::new();
                add(&mut sum, Vec::new(), c);
                Some(Formed { sum, within: None })
            }
            Op::Port(port) => self.input(id, port),
            Op::Add(a, b) => self.sum(a, b, 1.0),
            Op::Sub(a, b) => self.sum(a, b, -1.0),
            Op::Mul(a, b) => {
                let (x, y) = (self.plain(a)?, self.plain(b)?);
                if x.len().saturating_mul(y.len()) > self.most {
                    let what =
                        format!("multiplies a sum of {} terms by one of {}", x.len(), y.len());
                    self.beyond(Some(id), what, "multiply fewer terms out".to_owned());
                    return None;
                }
                let mut sum = Polynomial::new();
                for (fx, cx) in &x {
                    for (fy, cy) in &y {
                        let mut factors = [fx.as_slice(), fy].concat();
                        factors.sort_unstable();
                        add(&mut sum, factors, cx * cy);
                    }
                }
                Some(Formed { sum, within: None })
            }
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
        let hint = "replace it by products, such as a soft bound (limit - w) for a hard one";
        self.beyond(Some(id), what.to_owned(), hint.to_owned());
        None
    }

    fn input(&mut self, id: ValueId, port: PortId) -> Option<Formed> {
        let p = &self.kernel.ports[port];
        let name = &p.variable;
        if p.prev {
            self.beyond(
                Some(id),
                format!("reads '{name}' one step back (prev)"),
                format!("read ({name} - its impulse): at a spike that is what was left of it"),
            );
            return None;
        }
        let is_modulator = |state| self.structure.modulators.values().any(|m| m.state == state);
        if let Read::State(state) = self.phase.reads[port]
            && matches!(p.role, Role::Pre | Role::Post)
            && is_modulator(state)
        {
            let side = if p.role == Role::Pre { "pre" } else { "post" };
            self.beyond(
                Some(id),
                format!("reads the modulator '{name}' of its {side} neuron"),
                "give it the scope Global, one value for all synapses".to_owned(),
            );
            return None;
        }
        let mut sum = Polynomial::new();
        add(&mut sum, vec![Factor::Input(port)], 1.0);
        Some(Formed { sum, within: None })
    }

    fn sum(&mut self, a: ValueId, b: ValueId, sign: f64) -> Option<Formed> {
        let (mut sum, y) = (self.plain(a)?, self.plain(b)?);
        for (factors, scale) in y {
            add(&mut sum, factors, sign * scale);
        }
        Some(Formed { sum, within: None })
    }

    /// The polynomial of an operand. A bound inside a sum has no form.
    fn plain(&mut self, v: ValueId) -> Option<Polynomial> {
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
        let constant = |f: &Formed| match f.sum.len() {
            0 => Some(0.0),
            1 => f.sum.get([].as_slice()).copied(),
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

    /// The engine takes signs of the synapse's own variables, shifted by a constant.
    fn sign(&mut self, id: ValueId, a: ValueId) -> Option<Formed> {
        let x = self.plain(a)?;
        let own = |f: &Factor| match f {
            Factor::Input(port) => self.kernel.ports[*port].role == Role::Own,
            Factor::Sign(_) => false,
        };
        let affine = |(factors, _): (&Vec<Factor>, &f64)| match factors.as_slice() {
            [] => true,
            [factor] => own(factor),
            _ => false,
        };
        if x.len() > 2 || !x.iter().all(affine) {
            return self
                .without_form(id, "takes the sign of more than one variable of the synapse");
        }
        let mut sum = Polynomial::new();
        add(&mut sum, vec![Factor::Sign(id)], 1.0);
        Some(Formed { sum, within: None })
    }

    /// When a product's traces are read, and how often it is evaluated.
    fn product(&mut self, factors: &[Factor], periods: &mut BTreeMap<u8, Option<ValueId>>) {
        let inputs: Vec<PortId> = factors
            .iter()
            .filter_map(|f| match f {
                Factor::Input(port) => Some(*port),
                Factor::Sign(_) => None,
            })
            .collect();
        let flag = |role: Role| {
            inputs.iter().any(|p| {
                matches!(self.phase.reads[*p], Read::SpikedInEpoch(_))
                    && self.kernel.ports[*p].role == role
            })
        };
        let (pre, post) = (flag(Role::Pre), flag(Role::Post));
        let mut whens = vec![];
        whens.extend(pre.then_some(When::AtPre));
        whens.extend(post.then_some(When::AtPost));
        let period = inputs.iter().find_map(|p| match self.kernel.ports[*p].role {
            Role::Every(k) => Some((k, self.first_read(*p))),
            _ => None,
        });
        if whens.is_empty() || period.is_some() {
            let (k, at) = period.unwrap_or((0, None));
            periods.entry(k).or_insert(at);
            whens.push(When::End);
        }
        // In an epoch of one step all times are the same.
        if self.net.epoch == 1 {
            return;
        }
        for port in inputs {
            let p = &self.kernel.ports[port];
            let Read::State(state) = self.phase.reads[port] else { continue };
            if !self.structure.traces.values().any(|t| t.state == state) || whens.contains(&p.when)
            {
                continue;
            }
            let time = |when: &When| match when {
                When::End => "at the end of the epoch",
                When::AtPre => "at the last pre spike",
                When::AtPost => "at the last post spike",
            };
            let (name, has) = (p.variable.clone(), whens.iter().map(time).collect::<Vec<_>>());
            let what = format!(
                "reads '{name}' {} in a product that has its traces {}",
                time(&p.when),
                has.join(" or ")
            );
            let hint = "let the input say so: `at x0` in a product with x0, `at y0` in one with y0";
            self.beyond(self.first_read(port), what, hint.to_owned());
        }
    }

    fn first_read(&self, port: PortId) -> Option<ValueId> {
        self.kernel.ops.iter().find(|(_, op)| **op == Op::Port(port)).map(|(id, _)| id)
    }
}

/// Adds a term; one that cancels is gone.
fn add(sum: &mut Polynomial, factors: Vec<Factor>, scale: f64) {
    let total = sum.get(&factors).copied().unwrap_or(0.0) + scale;
    if total == 0.0 {
        sum.remove(&factors);
    } else {
        sum.insert(factors, total);
    }
}
