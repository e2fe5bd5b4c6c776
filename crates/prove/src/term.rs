//! Terms: what a register holds, as an exact expression of the inputs and the roundings it has
//! passed.
//!
//! A term stands for one 32-bit value. Equal terms have equal ids, because every term is made
//! once, in one form: constants are computed, operands of commutative operations are ordered, and
//! what leaves a value as it is disappears. Each of these steps holds for every 32-bit operand
//! under S41 to S44; nothing is reordered across an operation that saturates or rounds.

use std::collections::BTreeMap;
use trifactor_entity::{EntityId, Table, entity_id};
use trifactor_fixed::{Rounding, round_shift, sat32};
use trifactor_ir::{CheckedNetwork, StateId, When};

entity_id!(
    /// A term.
    pub TermId,
    "t"
);

/// A side of a synapse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    /// The pre-synaptic lane.
    Pre,
    /// The post-synaptic lane.
    Post,
}

/// What a rule reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Input {
    /// A variable or parameter of the synapse.
    Own(StateId),
    /// Whether the lane spiked in the epoch.
    Flag(Side),
    /// A trace or modulator of a lane; the time is that of S40.
    Lane {
        /// The variable.
        state: StateId,
        /// Whose it is.
        side: Side,
        /// 0 end, 1 at x0, 2 at y0.
        when: u8,
        /// One step back.
        prev: bool,
    },
    /// A global modulator.
    Global(StateId),
    /// u_k.
    Every(u8),
}

impl Input {
    /// A lane's value at a time. Modulators have one value per epoch (S40).
    pub(crate) fn lane(
        net: &CheckedNetwork,
        state: StateId,
        side: Side,
        when: When,
        prev: bool,
    ) -> Self {
        let space = &net.spaces[net.states[state].space];
        let code = match when {
            When::End => 0,
            When::AtPre => 1,
            When::AtPost => 2,
        };
        match space.kind {
            trifactor_ir::SpaceKind::Modulator { .. } => {
                Self::Lane { state, side, when: 0, prev: false }
            }
            _ => Self::Lane { state, side, when: code, prev },
        }
    }

    /// The author's name of it.
    pub fn name(&self, net: &CheckedNetwork) -> String {
        match *self {
            Self::Own(state) => net.states[state].name.clone(),
            Self::Flag(Side::Pre) => "x0".to_owned(),
            Self::Flag(Side::Post) => "y0".to_owned(),
            Self::Lane { state, when, prev, .. } => {
                let at = ["", " at x0", " at y0"][usize::from(when.min(2))];
                let back = if prev { " prev" } else { "" };
                format!("{}{back}{at}", net.full_name(state))
            }
            Self::Global(state) => net.full_name(state),
            Self::Every(k) => format!("u{k}"),
        }
    }
}

/// A shift to the right with its rounding; `site` is 0 unless it draws.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Round {
    /// Places.
    pub shift: u8,
    /// Code of the rounding.
    code: u8,
    /// Draw site of a stochastic rounding.
    pub site: u8,
}

impl Round {
    /// A rounding; one that drops nothing is the same whatever its mode.
    pub fn new(shift: u8, rounding: Rounding, site: u8) -> Self {
        match (shift, rounding) {
            (0, _) => Self { shift: 0, code: 0, site: 0 },
            (_, Rounding::Stochastic) => Self { shift, code: rounding.code(), site },
            _ => Self { shift, code: rounding.code(), site: 0 },
        }
    }

    /// How it rounds.
    pub fn mode(self) -> Rounding {
        Rounding::from_code(self.code)
    }

    /// Whether it takes a draw.
    pub fn draws(self) -> bool {
        self.shift > 0 && self.mode() == Rounding::Stochastic
    }

    /// `x / 2^shift`.
    pub(crate) fn apply(self, x: i64, draws: &impl Fn(u8) -> u32) -> i64 {
        let draw = if self.draws() { draws(self.site) } else { 0 };
        round_shift(x, self.shift.into(), self.mode(), draw)
    }
}

/// An operation on 32-bit values, computed exactly and then saturated (S42).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Term {
    /// A value that the rule reads.
    Input(Input),
    /// A constant.
    Const(i64),
    /// a + b.
    Add(TermId, TermId),
    /// a - b.
    Sub(TermId, TermId),
    /// The smaller one.
    Min(TermId, TermId),
    /// The larger one.
    Max(TermId, TermId),
    /// 1 if a > b, else 0.
    Gt(TermId, TermId),
    /// -1, 0 or 1.
    Sgn(TermId),
    /// The second if the first is not 0, else the third.
    Choose(TermId, TermId, TermId),
    /// a * 2^n.
    Left(TermId, u8),
    /// a / 2^n, rounded.
    Right(TermId, Round),
    /// a * b / 2^n, rounded.
    Mul(TermId, TermId, Round),
}

/// All terms of a proof, each once, operands before results.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    table: Table<TermId, Term>,
    known: BTreeMap<Term, TermId>,
}

impl Terms {
    /// A term.
    pub fn get(&self, id: TermId) -> Term {
        self.table.as_slice()[id.index()]
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (TermId, Term)> + '_ {
        self.table.iter().map(|(id, term)| (id, *term))
    }

    fn once(&mut self, term: Term) -> TermId {
        if let Some(id) = self.known.get(&term) {
            return *id;
        }
        let id = self.table.push(term);
        self.known.insert(term, id);
        id
    }

    fn constant_of(&self, id: TermId) -> Option<i64> {
        match self.get(id) {
            Term::Const(c) => Some(c),
            _ => None,
        }
    }

    /// A value that the rule reads.
    pub fn input(&mut self, input: Input) -> TermId {
        self.once(Term::Input(input))
    }

    /// The one form of an operation.
    pub fn make(&mut self, term: Term) -> TermId {
        let constants = |a: TermId, b: TermId| Some((self.constant_of(a)?, self.constant_of(b)?));
        let sorted = |a: TermId, b: TermId| if b < a { (b, a) } else { (a, b) };
        let none = |_: u8| 0;
        let form = match term {
            Term::Input(_) => term,
            Term::Const(c) => Term::Const(sat32(c)),
            Term::Add(a, b) => match (constants(a, b), self.constant_of(a), self.constant_of(b)) {
                (Some((x, y)), ..) => Term::Const(sat32(x + y)),
                (_, Some(0), _) => return b,
                (.., Some(0)) => return a,
                _ => {
                    let (a, b) = sorted(a, b);
                    Term::Add(a, b)
                }
            },
            Term::Sub(a, b) => match (constants(a, b), self.constant_of(b)) {
                (Some((x, y)), _) => Term::Const(sat32(x - y)),
                (_, Some(0)) => return a,
                _ if a == b => Term::Const(0),
                _ => term,
            },
            Term::Min(a, b) | Term::Max(a, b) => {
                let smaller = matches!(term, Term::Min(..));
                match constants(a, b) {
                    Some((x, y)) => Term::Const(if smaller { x.min(y) } else { x.max(y) }),
                    None if a == b => return a,
                    None => {
                        let (a, b) = sorted(a, b);
                        if smaller { Term::Min(a, b) } else { Term::Max(a, b) }
                    }
                }
            }
            Term::Gt(a, b) => match constants(a, b) {
                Some((x, y)) => Term::Const((x > y).into()),
                None if a == b => Term::Const(0),
                None => term,
            },
            Term::Sgn(a) => self.constant_of(a).map_or(term, |x| Term::Const(x.signum())),
            Term::Choose(cond, then, other) => match self.constant_of(cond) {
                _ if then == other => return then,
                Some(0) => return other,
                Some(_) => return then,
                None => term,
            },
            Term::Left(a, 0) => return a,
            Term::Left(a, n) => {
                let moved = |x: i64| Term::Const(sat32(x << n.min(31)));
                self.constant_of(a).map_or(term, moved)
            }
            Term::Right(a, by) => match self.constant_of(a) {
                _ if by.shift == 0 => return a,
                Some(0) => Term::Const(0),
                Some(x) if !by.draws() => Term::Const(by.apply(x, &none)),
                _ => term,
            },
            Term::Mul(a, b, by) => {
                let (x, y) = (self.constant_of(a), self.constant_of(b));
                match (x, y) {
                    // A draw below 2^n adds nothing that a shift by n leaves.
                    (Some(0), _) | (_, Some(0)) => Term::Const(0),
                    (Some(x), Some(y)) if !by.draws() => Term::Const(sat32(by.apply(x * y, &none))),
                    (Some(1), _) if by.shift == 0 => return b,
                    (_, Some(1)) if by.shift == 0 => return a,
                    _ => {
                        let (a, b) = sorted(a, b);
                        Term::Mul(a, b, by)
                    }
                }
            }
        };
        self.once(form)
    }

    /// The value of every term up to `last`.
    pub fn evaluate(
        &self,
        last: TermId,
        inputs: &impl Fn(Input) -> i64,
        draws: &impl Fn(u8) -> u32,
    ) -> i64 {
        let mut values: Vec<i64> = Vec::with_capacity(last.index() + 1);
        for (_, term) in self.table.iter().take(last.index() + 1) {
            let value = exact(*term, &|t: TermId| values[t.index()], inputs, draws);
            values.push(sat32(value));
        }
        values[last.index()]
    }

    /// The expression in the author's names, `depth` operations deep.
    pub fn show(&self, net: &CheckedNetwork, id: TermId, depth: usize) -> String {
        if depth == 0 && !matches!(self.get(id), Term::Input(_) | Term::Const(_)) {
            return "..".to_owned();
        }
        let s = |t: TermId| self.show(net, t, depth.saturating_sub(1));
        let round = |by: Round| match (by.shift, by.mode()) {
            (0, _) => String::new(),
            (n, mode) => format!(" >> {n} {}", word(mode)),
        };
        match self.get(id) {
            Term::Input(input) => input.name(net),
            Term::Const(c) => c.to_string(),
            Term::Add(a, b) => format!("({} + {})", s(a), s(b)),
            Term::Sub(a, b) => format!("({} - {})", s(a), s(b)),
            Term::Min(a, b) => format!("min({}, {})", s(a), s(b)),
            Term::Max(a, b) => format!("max({}, {})", s(a), s(b)),
            Term::Gt(a, b) => format!("({} > {})", s(a), s(b)),
            Term::Sgn(a) => format!("sgn({})", s(a)),
            Term::Choose(c, a, b) => format!("select({}, {}, {})", s(c), s(a), s(b)),
            Term::Left(a, n) => format!("({} << {n})", s(a)),
            Term::Right(a, by) => format!("({}{})", s(a), round(by)),
            Term::Mul(a, b, by) => format!("({} * {}{})", s(a), s(b), round(by)),
        }
    }

    /// The terms that a term needs, itself included, operands first.
    pub fn within(&self, id: TermId) -> Vec<TermId> {
        let mut needed = vec![false; id.index() + 1];
        needed[id.index()] = true;
        for at in (0..=id.index()).rev() {
            if needed[at] {
                for operand in operands(self.table.as_slice()[at]).into_iter().flatten() {
                    needed[operand.index()] = true;
                }
            }
        }
        (0..=id.index()).filter(|at| needed[*at]).map(TermId::from_index).collect()
    }
}

/// The name of a rounding.
pub(crate) const fn word(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Floor => "floor",
        Rounding::Zero => "zero",
        Rounding::Nearest => "nearest",
        Rounding::Stochastic => "stochastic",
    }
}

fn operands(term: Term) -> [Option<TermId>; 3] {
    match term {
        Term::Input(_) | Term::Const(_) => [None; 3],
        Term::Sgn(a) | Term::Left(a, _) | Term::Right(a, _) => [Some(a), None, None],
        Term::Add(a, b)
        | Term::Sub(a, b)
        | Term::Min(a, b)
        | Term::Max(a, b)
        | Term::Gt(a, b)
        | Term::Mul(a, b, _) => [Some(a), Some(b), None],
        Term::Choose(a, b, c) => [Some(a), Some(b), Some(c)],
    }
}

/// What an operation gives before it is saturated.
pub(crate) fn exact(
    term: Term,
    value: &impl Fn(TermId) -> i64,
    inputs: &impl Fn(Input) -> i64,
    draws: &impl Fn(u8) -> u32,
) -> i64 {
    match term {
        Term::Input(input) => inputs(input),
        Term::Const(c) => c,
        Term::Add(a, b) => value(a) + value(b),
        Term::Sub(a, b) => value(a) - value(b),
        Term::Min(a, b) => value(a).min(value(b)),
        Term::Max(a, b) => value(a).max(value(b)),
        Term::Gt(a, b) => (value(a) > value(b)).into(),
        Term::Sgn(a) => value(a).signum(),
        Term::Choose(cond, then, other) => {
            if value(cond) != 0 {
                value(then)
            } else {
                value(other)
            }
        }
        Term::Left(a, n) => value(a) << n.min(31),
        Term::Right(a, by) => by.apply(value(a), draws),
        Term::Mul(a, b, by) => by.apply(value(a) * value(b), draws),
    }
}
