//! Pass: rules that are sums of products, written as such.
//!
//! An engine that evaluates nothing else holds one scale for each product, so a plan for it needs
//! the products apart. The pass replaces each rule by its [expansion](super::expand()), which is the
//! same function; one that has none stays what it is, for the compiler to refuse. States, phases
//! and their order stay. Cost: linear in operations and products.

use super::expand::{Change, Factor, Product, expand, is_flag, old_value};
use crate::kernel::{Kernel, Op, Output, Port, PortId, Role, Target, ValueId, Written};
use crate::network::{Group, Network, Phase, Read};
use crate::verify::{CheckedNetwork, verify};
use std::collections::BTreeMap;
use trifactor_entity::{EntityId, SideTable, Table};

/// The network with its rules written as sums of products, those that are any.
pub fn written_out(network: &CheckedNetwork) -> CheckedNetwork {
    let mut written: Network = network.network().clone();
    for id in network.phases.ids() {
        let phase = &network.phases[id];
        if phase.group != Group::Plasticity {
            continue;
        }
        let Ok(changes) = expand(network, phase) else { continue };
        let (kernel, reads) = Writer::new(network, phase).write(&changes);
        if kernel == network.kernels[phase.kernel] {
            continue;
        }
        // Another phase may run the same kernel on variables of other ranges.
        written.phases[id].kernel = written.kernels.push(kernel);
        written.phases[id].reads = reads;
    }
    verify(written).expect("internal: products broke a checked network")
}

/// Writes the kernel of a rule.
struct Writer<'a> {
    old: &'a Kernel,
    phase: &'a Phase,
    ports: Table<PortId, Port>,
    reads: Table<PortId, Read>,
    ops: Table<ValueId, Op>,
    lines: Vec<u32>,
    term_of: Vec<u16>,
    /// Inputs and factors that are there, by input and the bits of the constant.
    made: BTreeMap<(PortId, Option<(u64, bool)>), ValueId>,
}

impl<'a> Writer<'a> {
    fn new(net: &'a Network, phase: &'a Phase) -> Self {
        let old = &net.kernels[phase.kernel];
        Self {
            old,
            phase,
            ports: old.ports.clone(),
            reads: phase.reads.clone(),
            ops: Table::new(),
            lines: Vec::new(),
            term_of: Vec::new(),
            made: BTreeMap::new(),
        }
    }

    fn write(mut self, changes: &[Change]) -> (Kernel, Table<PortId, Read>) {
        let (old, mut outputs) = (self.old, Vec::new());
        for (change, output) in changes.iter().zip(&old.outputs) {
            let port = self.old_input(change, &output.variable);
            let mut sum = self.input(port, output.value);
            let gone = change.replaces.map(|at| {
                let factors = vec![Factor { port, constant: 0.0, sgn: false }];
                Product { scale: -1.0, factors, at }
            });
            for product in change.products.iter().chain(&gone) {
                let magnitude = self.product(product);
                let op = if product.scale < 0.0 {
                    Op::Sub(sum, magnitude)
                } else {
                    Op::Add(sum, magnitude)
                };
                sum = self.push(op, product.at);
            }
            let variable = output.variable.clone();
            outputs.push(Output { variable, target: Target::Set, value: sum });
        }
        let written =
            Written { lines: self.lines, term_of: self.term_of, ..self.old.written.clone() };
        let kernel = Kernel {
            name: self.old.name.clone(),
            ports: self.ports,
            ops: self.ops,
            outputs,
            written,
        };
        without_idle_inputs(kernel, &self.reads)
    }

    fn push(&mut self, op: Op, at: ValueId) -> ValueId {
        self.lines.extend(self.old.written.lines.get(at.index()));
        self.term_of.extend(self.old.written.term(at));
        self.ops.push(op)
    }

    /// The input for the old value, made where there is none.
    fn old_input(&mut self, change: &Change, variable: &str) -> PortId {
        if let Some(port) = old_value(self.old, self.phase, change.state) {
            return port;
        }
        // A name that no input has.
        let mut name = variable.to_owned();
        while self.ports.values().any(|p| p.name == name) {
            name.push('_');
        }
        let port = Port { variable: variable.to_owned(), ..Port::new(&name, Role::Own) };
        self.reads.push(Read::State(change.state));
        self.ports.push(port)
    }

    /// Reads an input once; its line is that of its declaration.
    fn input(&mut self, port: PortId, user: ValueId) -> ValueId {
        if let Some(value) = self.made.get(&(port, None)) {
            return *value;
        }
        let read = self.old.ops.iter().find(|(_, op)| **op == Op::Port(port));
        let value = self.push(Op::Port(port), read.map_or(user, |(at, _)| at));
        self.made.insert((port, None), value);
        value
    }

    /// The size of a product; its sign becomes an addition or a subtraction.
    fn product(&mut self, product: &Product) -> ValueId {
        let mut value = None;
        for factor in &product.factors {
            let factor = self.factor(factor, product.at);
            value = Some(value.map_or(factor, |v| self.push(Op::Mul(v, factor), product.at)));
        }
        let scale = self.push(Op::Const(product.scale.abs()), product.at);
        value.map_or(scale, |v| self.push(Op::Mul(v, scale), product.at))
    }

    fn factor(&mut self, factor: &Factor, at: ValueId) -> ValueId {
        let key = (factor.port, Some((factor.constant.to_bits(), factor.sgn)));
        if let Some(value) = self.made.get(&key) {
            return *value;
        }
        let mut value = self.input(factor.port, at);
        if factor.constant != 0.0 {
            let constant = self.push(Op::Const(factor.constant.abs()), at);
            value = if factor.constant < 0.0 {
                self.push(Op::Sub(value, constant), at)
            } else {
                self.push(Op::Add(value, constant), at)
            };
        }
        if factor.sgn {
            value = self.push(Op::Sgn(value), at);
        }
        self.made.insert(key, value);
        value
    }
}

/// The kernel with the inputs that it uses.
fn without_idle_inputs(
    kernel: Kernel,
    reads: &Table<PortId, Read>,
) -> (Kernel, Table<PortId, Read>) {
    let used = SideTable::for_each(&kernel.ports, |port, _| {
        kernel.ops.values().any(|op| *op == Op::Port(port))
    });
    let (mut ports, mut kept) = (Table::new(), Table::new());
    let mut renamed: SideTable<PortId, PortId> = SideTable::empty();
    for (port, p) in kernel.ports.iter() {
        // The id of a dropped input is never looked up.
        renamed.push(ports.next_id());
        if used[port] {
            ports.push(p.clone());
            kept.push(reads[port]);
        }
    }
    let mut ops = Table::new();
    for op in kernel.ops.values() {
        ops.push(match *op {
            Op::Port(port) => Op::Port(renamed[port]),
            op => op,
        });
    }
    (Kernel { ports, ops, ..kernel }, kept)
}

/// A factor of a product as it stands in a kernel.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WrittenFactor {
    /// The input.
    pub port: PortId,
    /// The constant added to it, and whether it is taken away instead.
    pub constant: Option<(ValueId, bool)>,
    /// Whether only the sign counts.
    pub sgn: bool,
}

/// A product as it stands in a kernel.
#[derive(Clone, PartialEq, Debug)]
pub struct WrittenProduct {
    /// The result that it is a part of.
    pub output: usize,
    /// Whether it is taken away.
    pub negative: bool,
    /// The constant that is the size of its scale.
    pub scale: ValueId,
    /// Its factors; flags stand behind the others.
    pub factors: Vec<WrittenFactor>,
}

impl WrittenProduct {
    /// The product under the author's names: `0.25 * x1 * (w - 1) * y0`.
    pub fn shown(&self, kernel: &Kernel) -> String {
        let number = |v: ValueId| match kernel.ops[v] {
            Op::Const(c) => short(c),
            _ => unreachable!("internal: a constant of a product"),
        };
        let mut text = number(self.scale);
        for factor in &self.factors {
            let name = &kernel.ports[factor.port].name;
            let sum = match factor.constant {
                Some((c, true)) => format!("({name} - {})", number(c)),
                Some((c, false)) => format!("({name} + {})", number(c)),
                None => name.clone(),
            };
            text += " * ";
            text +=
                &if factor.sgn { format!("sgn({})", sum.trim_matches(['(', ')'])) } else { sum };
        }
        text
    }

    /// The flag that it depends on: its last factor, if that is one.
    pub fn gate(&self, phase: &Phase) -> Option<PortId> {
        self.factors.last().map(|f| f.port).filter(|port| is_flag(phase, *port))
    }
}

/// A number in six significant digits, so that 1 - 0.8 is shown as 0.2.
pub fn short(c: f64) -> String {
    let rounded: f64 = format!("{c:.5e}").parse().unwrap_or(c);
    format!("{rounded}")
}

/// The products of a rule that [`written_out`] wrote; `None` for any other kernel.
pub fn written_products(net: &Network, phase: &Phase) -> Option<Vec<WrittenProduct>> {
    let kernel = &net.kernels[phase.kernel];
    let mut products = Vec::new();
    for (output, state) in kernel.outputs.iter().zip(&phase.writes) {
        let old = old_value(kernel, phase, *state)?;
        let number = kernel.outputs.iter().position(|o| o.variable == output.variable)?;
        let (mut at, first) = (output.value, products.len());
        loop {
            let (rest, term, negative) = match kernel.ops[at] {
                Op::Add(rest, term) => (rest, term, false),
                Op::Sub(rest, term) => (rest, term, true),
                Op::Port(port) if port == old => break,
                _ => return None,
            };
            let (scale, factors) = read_product(kernel, term)?;
            products.push(WrittenProduct { output: number, negative, scale, factors });
            at = rest;
        }
        products[first..].reverse();
    }
    Some(products)
}

fn read_product(kernel: &Kernel, term: ValueId) -> Option<(ValueId, Vec<WrittenFactor>)> {
    let mut at = match kernel.ops[term] {
        Op::Const(_) => return Some((term, Vec::new())),
        Op::Mul(rest, scale) if matches!(kernel.ops[scale], Op::Const(_)) => rest,
        _ => return None,
    };
    let Op::Mul(_, scale) = kernel.ops[term] else { return None };
    let mut factors = Vec::new();
    while let Op::Mul(rest, factor) = kernel.ops[at] {
        factors.push(read_factor(kernel, factor)?);
        at = rest;
    }
    factors.push(read_factor(kernel, at)?);
    factors.reverse();
    Some((scale, factors))
}

fn read_factor(kernel: &Kernel, value: ValueId) -> Option<WrittenFactor> {
    let (sgn, inner) = match kernel.ops[value] {
        Op::Sgn(x) => (true, x),
        _ => (false, value),
    };
    let (of, constant) = match kernel.ops[inner] {
        Op::Add(x, c) => (x, Some((c, false))),
        Op::Sub(x, c) => (x, Some((c, true))),
        _ => (inner, None),
    };
    let is_constant = |(c, _): (ValueId, bool)| matches!(kernel.ops[c], Op::Const(_));
    let Op::Port(port) = kernel.ops[of] else { return None };
    constant.is_none_or(is_constant).then_some(WrittenFactor { port, constant, sgn })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_without_the_rounding_of_their_sums() {
        assert_eq!(short(1.0 - 0.8), "0.2");
        assert_eq!(short(0.0123), "0.0123");
        assert_eq!(short(1.0 / 3.0), "0.333333");
        assert_eq!(short(2.0), "2");
        assert_eq!(short(f64::powi(2.0, -24)), "0.0000000596046");
    }
}
