//! Refuse rules that are no sums of products, for engines that evaluate nothing else.
//!
//! Reads: network, plan, chip, structure.   Writes: diagnostics `C018`, `Q014`, `Q015`.
//! Method: the rule multiplied out ([`expand`]); what has no products is named with its place, and
//! so is each product that asks for more than the engine has. A bound around a result may stay where
//! the variable's own range is at least as narrow, because the store clamps there. Which
//! scales and constants there are is the plan's to say (S63).
//! Source: Davies et al. 2018 for the form and the factors; the public front ends for the one k.

use super::select::needed;
use crate::structure::Structure;
use std::collections::{BTreeMap, BTreeSet};
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_entity::EntityId;
use trifactor_ir::sop::{Change, Fault, Product, expand};
use trifactor_ir::{CheckedNetwork, Kernel, Op, Phase, PhaseId, PortId, Read, Role, ValueId, When};
use trifactor_isa::{Chip, ProductForm};
use trifactor_quant::{Plan, refused_constants};

/// Refuses what the chip's engine cannot evaluate.
pub(super) fn check_form(
    net: &CheckedNetwork,
    plan: &Plan,
    chip: &Chip,
    structure: &Structure,
    rule: PhaseId,
    diagnostics: &mut Diagnostics,
) {
    let Some(products) = chip.rule.products() else { return };
    let phase = &net.phases[rule];
    let kernel = &net.kernels[phase.kernel];
    let words = chip.core.ucode_words as usize;
    let mut form = Form { net, structure, phase, kernel, products, words, found: Vec::new() };
    form.run();
    let holding = Chip::builtin_list(|c| c.rule.is_microcode());
    let mut said = BTreeSet::new();
    for Fault { what, at, hint } in form.found {
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
    let constants = refused_constants(net, chip, plan, rule);
    diagnostics.append(constants);
    // The constants of a rule that is not written as products would be those of another engine.
    let written = plan.phases[rule].form.is_some() || chip.arithmetic.learning.is_some();
    assert!(
        written || !said.is_empty(),
        "internal: the rule '{}' was not written as products for the chip '{}'",
        phase.name,
        chip.name
    );
}

struct Form<'a> {
    net: &'a CheckedNetwork,
    structure: &'a Structure,
    phase: &'a Phase,
    kernel: &'a Kernel,
    products: ProductForm,
    /// Words of microcode, of which a product takes one at least.
    words: usize,
    found: Vec<Fault>,
}

impl Form<'_> {
    fn run(&mut self) {
        let needed = needed(self.kernel);
        for id in self.kernel.ops.ids() {
            if let Op::Port(port) = self.kernel.ops[id]
                && needed[id.index()]
            {
                self.input(id, port);
            }
        }
        match expand(self.net, self.phase) {
            Ok(changes) => self.changes(&changes),
            Err(faults) => {
                // In the order of the rule, like the inputs.
                self.found.extend(faults);
                self.found.sort_by_key(|fault| fault.at);
            }
        }
    }

    fn beyond(&mut self, at: Option<ValueId>, what: String, hint: impl Into<String>) {
        self.found.push(Fault { what, at, hint: hint.into() });
    }

    /// What the engine has no factor for.
    fn input(&mut self, id: ValueId, port: PortId) {
        let p = &self.kernel.ports[port];
        let name = &p.variable;
        if p.prev {
            let what = format!("reads '{name}' one step back (prev)");
            let hint =
                format!("read ({name} - its impulse): at a spike that is what was left of it");
            return self.beyond(Some(id), what, hint);
        }
        let is_modulator = |state| self.structure.modulators.values().any(|m| m.state == state);
        if let Read::State(state) = self.phase.reads[port]
            && matches!(p.role, Role::Pre | Role::Post)
            && is_modulator(state)
        {
            let side = if p.role == Role::Pre { "pre" } else { "post" };
            let what = format!("reads the modulator '{name}' of its {side} neuron");
            self.beyond(Some(id), what, "give it the scope Global, one value for all synapses");
        }
    }

    fn changes(&mut self, changes: &[Change]) {
        let mut periods = BTreeMap::new();
        let mut n = 0;
        for change in changes {
            n += change.products.len() + usize::from(change.replaces.is_some());
            for product in &change.products {
                self.factors(change, product);
                self.times(product, &mut periods);
            }
        }
        let most = self.products.products.map_or(self.words, |most| self.words.min(most.into()));
        if n > most {
            self.beyond(
                None,
                format!("is a sum of {n} products where {most} are allowed"),
                "write it with fewer: x * (w + C) is one product, x * w + C * x are two",
            );
        }
        if periods.len() > 1 {
            let list: Vec<String> = periods.keys().map(|k| format!("u{k}")).collect();
            self.beyond(
                periods.values().last().copied().flatten(),
                format!("has products of several periods ({})", list.join(", ")),
                "one period serves all products without a spike flag; a product that names none has u0",
            );
        }
    }

    /// How many factors a product has beside the flag that it depends on.
    fn factors(&mut self, change: &Change, product: &Product) {
        let Some(most) = self.products.factors else { return };
        let depends = product.factors.last().is_some_and(|f| self.is_flag(f.port));
        let n = product.factors.len() - usize::from(depends);
        if n > usize::from(most) {
            let names: Vec<&str> =
                product.factors.iter().map(|f| self.kernel.ports[f.port].name.as_str()).collect();
            let (names, state) = (names.join(" * "), self.net.full_name(change.state));
            self.beyond(
                Some(product.at),
                format!("multiplies {n} factors in {names} for '{state}' where {most} are allowed"),
                "let a trace or a tag hold the product of two factors",
            );
        }
    }

    fn is_flag(&self, port: PortId) -> bool {
        matches!(self.phase.reads[port], Read::SpikedInEpoch(_) | Read::EpochFlag)
    }

    /// When a product's traces are read, and how often it is evaluated.
    fn times(&mut self, product: &Product, periods: &mut BTreeMap<u8, Option<ValueId>>) {
        // A sign is of variables of the synapse, which have one time.
        let inputs: Vec<PortId> =
            product.factors.iter().filter(|f| !f.sgn).map(|f| f.port).collect();
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
            self.beyond(self.first_read(port), what, hint);
        }
    }

    fn first_read(&self, port: PortId) -> Option<ValueId> {
        self.kernel.ops.iter().find(|(_, op)| **op == Op::Port(port)).map(|(id, _)| id)
    }
}
