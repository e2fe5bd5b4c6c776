//! Random plasticity rules: half of them shaped like published ones, half arbitrary programs.
//!
//! A rule names its factors as authors do. Own variables are `w`, `d` (a delay), tags `e1` ...
//! and rates `a1` ...; `x0` and `y0` are the spike flags, `x1 x2` and `y1 y2` traces, `mod` a
//! global modulator, `mod_pre` and `mod_post` modulators with a line per lane. [`Rule::own`] says
//! what a network has to give the synapses, [`Rule::asks`] which factors it must offer.
//!
//! ```
//! use trifactor_testkit::{Rng, rules};
//! let rule = rules::draw(&mut Rng::new(1));
//! let ports = rule.kernel.ports.values();
//! assert!(ports.filter(|p| p.variable == "w").count() <= 1);
//! ```

use crate::Rng;
use std::collections::BTreeMap;
use trifactor_diag::Place;
use trifactor_ir::sop::{ScaleForm, SopRule, parse_sop_as};
use trifactor_ir::{Kernel, KernelBuilder, Op, Port, Role, Sign, Surrogate, Target, ValueId, When};

/// Fewest and most operations of a rule, inputs and constants included.
pub const OPERATIONS: std::ops::RangeInclusive<usize> = 3..=25;

/// A variable of the synapse.
#[derive(Clone, PartialEq, Debug)]
pub struct Own {
    /// `w`, `d`, `e1`, `a1` ...
    pub name: String,
    /// Whether the rule sets it.
    pub set: bool,
    /// The author's range.
    pub range: (f64, f64),
}

/// A random rule.
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    /// The program.
    pub kernel: Kernel,
    /// Variables of its synapses; the weight, always there, is the first.
    pub own: Vec<Own>,
    /// Signs its projection declares.
    pub sign: Sign,
}

impl Rule {
    /// Whether some input reads this variable with this role.
    pub fn asks(&self, variable: &str, role: Role) -> bool {
        self.kernel.ports.values().any(|p| p.variable == variable && p.role == role)
    }
    /// Whether synapses have delays of their own.
    pub fn delays(&self) -> bool {
        self.own.iter().any(|o| o.name == "d")
    }
}

/// Draws a rule.
pub fn draw(rng: &mut Rng) -> Rule {
    loop {
        let rule = attempt(rng);
        if OPERATIONS.contains(&rule.kernel.ops.len()) {
            return rule;
        }
    }
}

/// Draws a sum of products, as engines need it that compute nothing else: from strings, with
/// scales in either form.
pub fn sums(rng: &mut Rng) -> Rule {
    let sign = rng.pick(&[Sign::Mixed, Sign::Mixed, Sign::Excitatory, Sign::Inhibitory]);
    let top = rng.pick(&[4.0, 60.0, 255.0]);
    let weight = match sign {
        Sign::Mixed => (-top, top),
        Sign::Excitatory => (0.0, top),
        Sign::Inhibitory => (-top, 0.0),
    };
    let mut own = vec![Own { name: "w".into(), set: true, range: weight }];
    if rng.chance(0.4) {
        own.push(Own { name: "t".into(), set: true, range: (-300.0, 300.0) });
    }
    if rng.chance(0.2) {
        own.push(Own { name: "d".into(), set: true, range: (0.0, 12.0) });
    }
    let names: Vec<String> = own.iter().map(|o| o.name.clone()).collect();
    let mut strings = BTreeMap::new();
    for name in &names {
        let terms: Vec<String> = (0..1 + rng.below(3)).map(|_| product(rng, &names)).collect();
        strings.insert(name.clone(), terms.concat());
    }
    let string = |name: &str| strings.get(name).cloned();
    let rule = SopRule { dw: string("w"), dd: string("d"), dt: string("t") };
    let form = rng.pick(&[ScaleForm::Folded, ScaleForm::Split]);
    let kernel = parse_sop_as("rule", &rule, &Place::at_key("rule"), form);
    let kernel = kernel.unwrap_or_else(|e| panic!("{rule:?} is legal:\n{e}"));
    Rule { kernel, own, sign }
}

/// ` - 3 * 2^-4 * x0 * (y1 - 3)` and the like.
fn product(rng: &mut Rng, own: &[String]) -> String {
    let sign = if rng.chance(0.5) { " - " } else { " + " };
    let gate = rng.pick(&["x0", "x0", "y0", "y0", "u0", "u2"]);
    let mut items = vec![gate.to_owned()];
    if rng.chance(0.7) {
        items.push((1 + rng.below(7)).to_string());
    }
    if rng.chance(0.8) {
        items.push(format!("2^{}", rng.within(-7..=4)));
    }
    let flag = |gate: &str| gate.starts_with(['x', 'y']);
    for _ in 0..rng.below(3) {
        let traces = ["x1", "x2", "y1", "y2", "y3", "r1"];
        let own = own[rng.below(own.len())].clone();
        items.push(match rng.below(8) {
            0 if flag(gate) => rng.pick(&["x0", "y0"]).to_owned(),
            1 => own,
            2 => format!("({own} - {})", rng.below(300)),
            3 => format!("sgn({own} + {})", rng.below(9)),
            4 => format!("({} + {})", rng.pick(&traces), rng.below(20)),
            _ => rng.pick(&traces).to_owned(),
        });
    }
    format!("{sign}{}", items.join(" * "))
}

fn attempt(rng: &mut Rng) -> Rule {
    let sign = rng.pick(&[Sign::Mixed, Sign::Mixed, Sign::Excitatory, Sign::Inhibitory]);
    let own = variables(rng, sign);
    let mut draft = Draft {
        b: KernelBuilder::new("rule"),
        read: BTreeMap::new(),
        own: own.clone(),
        gate: Vec::new(),
        rng,
    };
    let arbitrary = draft.rng.chance(0.4);
    if !arbitrary && draft.rng.chance(0.5) {
        let (pre, post) = (("x0", Role::Pre), ("y0", Role::Post));
        draft.gate = draft.rng.pick(&[&[pre][..], &[post], &[pre, post]]).to_vec();
    }
    let mut results = Vec::new();
    for variable in own.iter().filter(|o| o.set) {
        let value = if arbitrary { draft.arbitrary() } else { draft.update(variable) };
        results.push((variable.name.clone(), value));
    }
    let Draft { mut b, .. } = draft;
    for (name, value) in results {
        b.output(&name, Target::Set, value);
    }
    let kernel = b.build();
    // A variable that the kernel neither reads nor sets need not exist; the weight and the delay
    // are read by the delivery.
    let used = |o: &Own| {
        o.set
            || o.name == "w"
            || o.name == "d"
            || kernel.ports.values().any(|p| p.variable == o.name && p.role == Role::Own)
    };
    let own = own.into_iter().filter(used).collect();
    Rule { kernel, own, sign }
}

fn variables(rng: &mut Rng, sign: Sign) -> Vec<Own> {
    let top = rng.between(-3.0, 6.0).exp2();
    let range = match sign {
        Sign::Mixed if rng.chance(0.3) => (-top, top * rng.between(0.1, 1.0)),
        Sign::Mixed => (-top, top),
        Sign::Excitatory => (0.0, top),
        Sign::Inhibitory => (-top, 0.0),
    };
    let mut own = vec![Own { name: "w".into(), set: rng.chance(0.9), range }];
    if rng.chance(0.15) {
        let range = (0.0, rng.pick(&[3.0, 5.0, 62.0]));
        own.push(Own { name: "d".into(), set: rng.chance(0.5), range });
    }
    for k in 1..=rng.pick(&[0, 0, 1, 1, 2, 3]) {
        let top = rng.between(-3.0, 4.0).exp2();
        let range = if rng.chance(0.3) { (0.0, top) } else { (-top, top) };
        own.push(Own { name: format!("e{k}"), set: rng.chance(0.8), range });
    }
    for k in 1..=rng.pick(&[0, 0, 0, 1, 2, 4]) {
        let top = rng.between(-8.0, 1.0).exp2();
        let range = if rng.chance(0.3) { (-top, top) } else { (0.0, top) };
        own.push(Own { name: format!("a{k}"), set: false, range });
    }
    // A rule sets one to three variables.
    let mut left = 3;
    for o in &mut own {
        o.set &= left > 0;
        left -= usize::from(o.set);
    }
    if own.iter().all(|o| !o.set) {
        own[0].set = true;
    }
    own
}

struct Draft<'r> {
    b: KernelBuilder,
    read: BTreeMap<String, ValueId>,
    own: Vec<Own>,
    /// Spike flags of which every product has one, so that silent synapses can be skipped.
    gate: Vec<(&'static str, Role)>,
    rng: &'r mut Rng,
}

impl Draft<'_> {
    fn op(&mut self, op: Op) -> ValueId {
        self.b.op(op)
    }

    /// An input, declared the first time it is asked for.
    fn input(&mut self, variable: &str, role: Role, when: When, prev: bool) -> ValueId {
        let mut name = variable.to_owned();
        name.push_str(match when {
            When::End => "",
            When::AtPre => ".at_x0",
            When::AtPost => ".at_y0",
        });
        if prev {
            name.push_str(".before");
        }
        if let Some(value) = self.read.get(&name) {
            return *value;
        }
        let port = Port { name: name.clone(), role, variable: variable.to_owned(), when, prev };
        let value = self.b.port(port);
        self.read.insert(name, value);
        value
    }

    fn plain(&mut self, variable: &str, role: Role) -> ValueId {
        self.input(variable, role, When::End, false)
    }

    fn trace(&mut self, pre: bool) -> ValueId {
        let variable = match (pre, self.rng.chance(0.7)) {
            (true, true) => "x1",
            (true, false) => "x2",
            (false, true) => "y1",
            (false, false) => "y2",
        };
        let when = self.rng.pick(&[When::End, When::End, When::AtPre, When::AtPost]);
        let prev = self.rng.chance(0.2);
        let role = if pre { Role::Pre } else { Role::Post };
        self.input(variable, role, when, prev)
    }

    /// A factor of a product.
    fn factor(&mut self) -> ValueId {
        match self.rng.below(20) {
            0..=2 => self.plain("x0", Role::Pre),
            3..=5 => self.plain("y0", Role::Post),
            6..=8 => self.trace(true),
            9..=11 => self.trace(false),
            12 => self.plain("mod", Role::Global),
            13 => self.plain("mod_pre", Role::Pre),
            14 => self.plain("mod_post", Role::Post),
            15 => {
                let k = self.rng.below(4) as u8;
                self.plain(&format!("u{k}"), Role::Every(k))
            }
            _ => {
                let k = self.rng.below(self.own.len());
                let name = self.own[k].name.clone();
                self.plain(&name, Role::Own)
            }
        }
    }

    /// From 2^-20 to 2^6, of both signs, now and then 0.
    fn constant(&mut self) -> ValueId {
        let value = self.size(-20.0, 6.0);
        self.op(Op::Const(value))
    }

    fn size(&mut self, lo: f64, hi: f64) -> f64 {
        if self.rng.chance(0.03) {
            return 0.0;
        }
        let exponent = self.rng.between(lo, hi);
        let size = if self.rng.chance(0.5) { exponent.exp2() } else { exponent.round().exp2() };
        if self.rng.chance(0.4) { -size } else { size }
    }

    /// `c * f * g`, as in the terms of published rules.
    fn product(&mut self) -> ValueId {
        let mut value = if self.rng.chance(0.7) {
            let size = self.size(-10.0, 2.0);
            self.op(Op::Const(size))
        } else {
            self.factor()
        };
        for _ in 0..1 + self.rng.below(3) {
            let factor = self.factor();
            value = self.op(Op::Mul(value, factor));
        }
        if !self.gate.is_empty() {
            let (flag, role) = self.gate[self.rng.below(self.gate.len())];
            let flag = self.plain(flag, role);
            value = self.op(Op::Mul(value, flag));
        }
        value
    }

    fn sum(&mut self) -> ValueId {
        let mut value = self.product();
        for _ in 0..self.rng.pick(&[0, 0, 1, 1, 1, 2]) {
            let term = self.product();
            value = if self.rng.chance(0.6) {
                self.op(Op::Add(value, term))
            } else {
                self.op(Op::Sub(value, term))
            };
        }
        value
    }

    /// A variable's new value in one of the forms of published rules.
    fn update(&mut self, variable: &Own) -> ValueId {
        let old = self.plain(&variable.name, Role::Own);
        let (lo, hi) = variable.range;
        match self.rng.below(8) {
            // A decaying tag, which changes in every epoch.
            0 if self.gate.is_empty() => {
                let keep = self.rng.between(0.5, 1.0);
                let keep = self.op(Op::Const(keep));
                let kept = self.op(Op::Mul(old, keep));
                let change = self.sum();
                self.op(Op::Add(kept, change))
            }
            // A soft bound.
            1 => {
                let top = self.op(Op::Const(hi));
                let room = self.op(Op::Sub(top, old));
                let change = self.product();
                let change = self.op(Op::Mul(change, room));
                self.op(Op::Add(old, change))
            }
            // A clamp inside the author's range.
            2 | 3 => {
                let change = self.sum();
                let new = self.op(Op::Add(old, change));
                let share = self.rng.pick(&[1.0, 1.0, 0.75]);
                let (lo, hi) = (self.op(Op::Const(lo * share)), self.op(Op::Const(hi * share)));
                let new = self.op(Op::Max(new, lo));
                self.op(Op::Min(new, hi))
            }
            // A change only beyond a threshold.
            4 => {
                let change = self.sum();
                let (seen, limit) = (self.factor(), self.constant());
                let over = self.op(Op::Gt(seen, limit));
                let new = self.op(Op::Add(old, change));
                self.op(Op::Select { cond: over, then: new, other: old })
            }
            _ => {
                let change = self.sum();
                if self.rng.chance(0.8) {
                    self.op(Op::Add(old, change))
                } else {
                    self.op(Op::Sub(old, change))
                }
            }
        }
    }

    /// Any program over a few factors and constants.
    fn arbitrary(&mut self) -> ValueId {
        let mut pool: Vec<ValueId> = (0..1 + self.rng.below(3)).map(|_| self.factor()).collect();
        for _ in 0..self.rng.below(3) {
            pool.push(self.constant());
        }
        for _ in 0..1 + self.rng.below(9) {
            // Recent values are chosen more often, so that programs get deep.
            let n = pool.len();
            let recent = n - 1 - self.rng.below(n.min(3));
            let (a, b, c) = (pool[recent], self.rng.pick(&pool), self.rng.pick(&pool));
            let op = match self.rng.below(14) {
                0..=2 => Op::Add(a, b),
                3..=4 => Op::Sub(a, b),
                5..=7 => Op::Mul(a, b),
                8 => Op::Min(a, b),
                9 => Op::Max(a, b),
                10 => Op::Gt(a, b),
                11 => Op::Sgn(a),
                12 => Op::Step(a, Surrogate::None),
                _ => Op::Select { cond: a, then: b, other: c },
            };
            let value = self.op(op);
            pool.push(value);
        }
        *pool.last().expect("the pool holds at least one factor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_cover_every_operation_factor_and_time() {
        let (mut ops, mut ports, mut sets) = (BTreeMap::new(), BTreeMap::new(), [0; 4]);
        for seed in 0..500 {
            let rule = draw(&mut Rng::new(seed));
            for op in rule.kernel.ops.values() {
                let name: String =
                    format!("{op:?}").chars().take_while(|c| c.is_alphanumeric()).collect();
                *ops.entry(name).or_insert(0) += 1;
            }
            for p in rule.kernel.ports.values() {
                *ports.entry(format!("{:?} {:?} {}", p.role, p.when, p.prev)).or_insert(0) += 1;
            }
            sets[rule.kernel.outputs.len()] += 1;
        }
        assert_eq!(ops.len(), 11, "{ops:?}");
        for role in ["Pre", "Post"] {
            for when in ["End", "AtPre", "AtPost"] {
                for prev in [false, true] {
                    let key = format!("{role} {when} {prev}");
                    assert!(ports.contains_key(&key), "no {key} in {ports:?}");
                }
            }
        }
        assert!(sets[0] == 0 && sets[1..].iter().all(|n| *n > 20), "{sets:?}");
    }
}
