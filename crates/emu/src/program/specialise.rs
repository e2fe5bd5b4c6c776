//! A program under facts of the moment, with everything removed that the facts decide.
//!
//! Most synapses of a rule meet a pre lane that was silent, or a reward that is 0; then most of
//! the rule's products are 0 as well. A specialised program gives the same results, bit for bit:
//! constants are folded by the very loops that execute the operations, a rounding is only dropped
//! where no fraction is left to round, and a store only where it puts the old value back.

use super::{At, Domain, Fit, Op, Program, Shift, Side, Sign, Store, Value};
use crate::lanes;
use trifactor_fixed::Rounding;

/// What is known of all synapses that a specialised program is executed for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Facts {
    /// Whether the pre lane spiked in the epoch; `None` where both occur.
    pub pre: Option<bool>,
    /// Whether the post lane did.
    pub post: Option<bool>,
    /// Modulator ranges of which every line that matters is 0, one bit each; ranges from 64 on are
    /// unknown.
    pub zero_lines: u64,
    /// Epoch flags that are 1, one bit per k.
    pub epoch_flags: u64,
}

impl Program {
    /// What modulators and epoch flags that the program reads are at the moment; `zero` says
    /// whether the lines that an operation reads are all 0.
    pub(crate) fn facts(&self, epoch: u32, zero: impl Fn(&Op) -> bool) -> Facts {
        let mut facts = Facts::default();
        // One range may be read by pre and by post lanes, of which both have to find zeros.
        let mut others = 0;
        for op in &self.ops {
            match *op {
                Op::GlobalLine(m) | Op::Line { modulator: m, .. } if m < 64 => {
                    *(if zero(op) { &mut facts.zero_lines } else { &mut others }) |= 1u64 << m;
                }
                Op::EpochFlag(k) if k < 64 && epoch_flag(epoch, k) == 1 => {
                    facts.epoch_flags |= 1 << k;
                }
                _ => {}
            }
        }
        facts.zero_lines &= !others;
        facts
    }

    /// The same program where `facts` hold. `inside` says of each field whether all its values
    /// lie in the range of its stores.
    pub(crate) fn specialised(&self, facts: &Facts, inside: &[bool]) -> Self {
        let mut folder = Folder { ops: Vec::new(), zeros: Vec::new() };
        let mut renamed: Vec<Value> = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            let known = facts.apply(*op).map(|v| renamed[v]);
            renamed.push(folder.value(known));
        }
        let kept = self.stores.iter().filter_map(|s| {
            let value = renamed[s.value];
            let shift = folder.exact(s.shift, folder.zeros[value]);
            let store = Store { value, shift, ..*s };
            (!(inside[s.field] && folder.puts_back(&store))).then_some(store)
        });
        let stores: Vec<Store> = kept.collect();
        folder.finish(stores, self.classes)
    }
}

/// u_k (S46).
pub(crate) fn epoch_flag(epoch: u32, k: u8) -> i32 {
    i32::from(u64::from(epoch).is_multiple_of(1 << k.min(63)))
}

impl Facts {
    fn spiked(&self, side: Side) -> Option<bool> {
        match side {
            Side::Pre => self.pre,
            Side::Post => self.post,
        }
    }
    fn apply(&self, op: Op) -> Op {
        match op {
            Op::Flag(side) => self.spiked(side).map_or(op, |s| Op::Const(s.into())),
            Op::GlobalLine(m) | Op::Line { modulator: m, .. }
                if m < 64 && self.zero_lines >> m & 1 == 1 =>
            {
                Op::Const(0)
            }
            Op::EpochFlag(k) if k < 64 => Op::Const((self.epoch_flags >> k & 1) as i32),
            // Where the lane that says when to read was silent, that is at the end (S40).
            Op::Column { side, column, at, prev } => {
                let other = if side == Side::Pre { Side::Post } else { Side::Pre };
                let reader = if at == At::Own { side } else { other };
                let silent = at != At::End && self.spiked(reader) == Some(false);
                Op::Column { side, column, at: if silent { At::End } else { at }, prev }
            }
            op => op,
        }
    }
}

/// Operations in the making, with the number of low bits of each value that are always 0.
struct Folder {
    ops: Vec<Op>,
    zeros: Vec<u32>,
}

impl Folder {
    fn constant(&self, v: Value) -> Option<i32> {
        match self.ops[v] {
            Op::Const(x) => Some(x),
            _ => None,
        }
    }
    /// The value of an operation whose operands are values already.
    fn value(&mut self, op: Op) -> Value {
        let simple = match self.simplified(op) {
            Ok(known) => return known,
            Err(op) => op,
        };
        if let Some(known) = self.ops.iter().position(|o| *o == simple) {
            return known;
        }
        self.zeros.push(self.low_zeros(&simple));
        self.ops.push(simple);
        self.ops.len() - 1
    }
    /// A value that is there, or an operation that is no more work than the one given.
    fn simplified(&mut self, op: Op) -> Result<Value, Op> {
        let constant = |v: Value| self.constant(v);
        match op {
            Op::Add(a, b, _) if constant(b) == Some(0) => return Ok(a),
            Op::Add(a, b, _) if constant(a) == Some(0) => return Ok(b),
            Op::Sub(a, b, _) if constant(b) == Some(0) => return Ok(a),
            Op::Shl(a, 0, _) => return Ok(a),
            Op::Shr(a, s) if s.places == 0 => return Ok(a),
            Op::Sel(c, a, b) => match constant(c) {
                Some(0) => return Ok(b),
                Some(_) => return Ok(a),
                None => {}
            },
            Op::Mul(a, b, s) => {
                let (a, b) = if constant(a).is_some() { (b, a) } else { (a, b) };
                match constant(b) {
                    Some(0) => return Ok(self.value(Op::Const(0))),
                    Some(c) if c > 0 && c.count_ones() == 1 && constant(a).is_none() => {
                        let scaled = scaled(a, c.trailing_zeros(), s);
                        return Ok(self.value(scaled));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        let op = match op {
            Op::Shr(a, s) => Op::Shr(a, self.exact(s, self.zeros[a])),
            Op::Mul(a, b, s) => Op::Mul(a, b, self.exact(s, self.zeros[a] + self.zeros[b])),
            op => op,
        };
        match self.folded(&op) {
            Some(x) => Err(Op::Const(x)),
            None => Err(op),
        }
    }
    /// The result of an operation on constants, unless it is drawn.
    fn folded(&self, op: &Op) -> Option<i32> {
        op.operands().next()?;
        if op.shift().is_some_and(|s| s.draws()) {
            return None;
        }
        let operands = op.operand_list();
        if operands.iter().flatten().any(|v| self.constant(*v).is_none()) {
            return None;
        }
        let [a, b, c] = operands.map(|v| v.and_then(|v| self.constant(v)).unwrap_or(0));
        let mut result = [0];
        lanes::apply(op, &[a], &[b], &[c], &[], &mut result);
        Some(result[0])
    }
    /// A shift that has nothing to round needs no draw.
    fn exact(&self, shift: Shift, zeros: u32) -> Shift {
        match shift.draws() && zeros >= shift.places {
            true => Shift { rounding: Rounding::Floor, site: 0, ..shift },
            false => shift,
        }
    }
    fn low_zeros(&self, op: &Op) -> u32 {
        let of = |v: &Value| self.zeros[*v];
        match op {
            Op::Const(x) => x.trailing_zeros(),
            Op::Shl(a, n, Fit::Always) => (of(a) + n).min(32),
            Op::Add(a, b, Fit::Always) | Op::Sub(a, b, Fit::Always) => of(a).min(of(b)),
            Op::Min(a, b) | Op::Max(a, b) | Op::Sel(_, a, b) => of(a).min(of(b)),
            Op::Mul(a, b, s) if s.places == 0 && s.narrow => (of(a) + of(b)).min(32),
            _ => 0,
        }
    }
    /// Whether a store leaves its field as it is.
    fn puts_back(&self, store: &Store) -> bool {
        let field = |v: Value| self.ops[v] == Op::Field(store.field);
        match self.ops[store.value] {
            Op::Shl(v, n, Fit::Always) => n == store.shift.places && field(v),
            _ => store.shift.places == 0 && field(store.value),
        }
    }
    /// Joins operations, removes what no store needs any more and orders the rest.
    fn finish(mut self, stores: Vec<Store>, classes: [u64; 5]) -> Program {
        let domains = Program::domains(&self.ops);
        for v in 0..self.ops.len() {
            self.ops[v] = self.joined(&domains, v);
        }
        Program::pruned(self.ops, stores, classes)
    }
    /// A sum or difference of synapses together with the shift and the product that it is made of,
    /// where each is computed synapse by synapse and fits: one pass over a tile instead of three.
    fn joined(&self, domains: &[Domain], v: Value) -> Op {
        let (a, b, sign) = match self.ops[v] {
            Op::Add(a, b, Fit::Always) => (a, b, Sign::Plus),
            Op::Sub(a, b, Fit::Always) => (a, b, Sign::Minus),
            op => return op,
        };
        let op = |v: Value| (domains[v] == Domain::Synapse).then_some(self.ops[v]);
        let shifted = |v: Value| match op(v) {
            Some(Op::Shl(x, n, Fit::Always)) => Some((x, n)),
            _ => None,
        };
        let product = |v: Value| match op(v) {
            Some(Op::Mul(x, y, s)) if s.places == 0 && s.narrow => Some((x, y)),
            _ => None,
        };
        // A sum may be read from either end.
        let pairs = [(a, b), (b, a)];
        let pairs = if sign == Sign::Plus { &pairs[..] } else { &pairs[..1] };
        if let Some((first, (x, y))) = pairs.iter().find_map(|(a, b)| Some((*a, product(*b)?))) {
            let (first, n) = shifted(first).unwrap_or((first, 0));
            return Op::JoinProduct(first, n, x, y, sign);
        }
        if let Some(((x, n), second)) = pairs.iter().find_map(|(a, b)| Some((shifted(*a)?, *b))) {
            return Op::Join(x, n, second, sign);
        }
        self.ops[v]
    }
}

/// `a * 2^k` under the shift of a product.
fn scaled(a: Value, k: u32, s: Shift) -> Op {
    let fit = if s.narrow { Fit::Always } else { Fit::Maybe };
    match s.places {
        // The highest bits of a draw decide alike: the k low ones met k zeros.
        n if n > k => Op::Shr(a, Shift { places: n - k, ..s }),
        n => Op::Shl(a, k - n, fit),
    }
}
