//! A rule's microcode, decoded once at load into values that each are computed once.
//!
//! Registers disappear: every instruction names the values it reads. Values that only depend on
//! constants and global lines (`Global`), only on the pre lane (`Pre`) or only on the post lane
//! (`Post`) are computed once per phase, row or post lane; what is left (`Synapse`) is executed
//! over tiles of synapses. None of this is visible in a result: an instruction is a pure
//! function of its operands and, for a stochastic rounding, of (step, site, pre, post), which
//! makes every stochastic value a `Synapse` value. What the chip *spends* is counted from the
//! words as written, see [`Program::classes`].
//!
//! An interval analysis from the widths of the memories proves where a product or a rounding fits
//! 32 bits; those operations use the narrow twins of `narrow.rs`.

mod decode;
mod interval;
mod specialise;

pub(crate) use decode::{Context, ProgramError, Source, compile, sources};
pub(crate) use interval::Interval;
pub(crate) use specialise::{Facts, epoch_flag};

use trifactor_fixed::{RawRange, Rounding};

/// Position of a value in [`Program::ops`].
pub(crate) type Value = usize;

/// How often a value has to be computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Domain {
    /// Once per phase.
    Global,
    /// Once per row.
    Pre,
    /// Once per post lane.
    Post,
    /// Once per synapse.
    Synapse,
}

impl Domain {
    /// The domain of something that depends on both.
    pub(crate) fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Global, x) | (x, Self::Global) => x,
            (a, b) if a == b => a,
            _ => Self::Synapse,
        }
    }
}

/// A side of a synapse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// The row.
    Pre,
    /// The post lane.
    Post,
}

/// Position of the epoch at which a column is read (S40).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum At {
    /// The last one.
    End,
    /// The last spike of the column's own lane.
    Own,
    /// The last spike of the lane on the other side of the synapse.
    Other,
}

/// Whether the exact result is known to fit a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fit {
    /// It does.
    Always,
    /// It may have to be saturated.
    Maybe,
}

/// What `shr`, `mul` and `sts` do to their exact operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shift {
    /// Places to the right.
    pub places: u32,
    /// Rounding.
    pub rounding: Rounding,
    /// Draw site, or 0 where nothing is drawn, so that equal operations compare equal.
    pub site: u8,
    /// Whether operand and offset are known to fit 32 bits.
    pub narrow: bool,
}

impl Shift {
    /// Whether the operation uses a random draw.
    pub(crate) fn draws(&self) -> bool {
        self.places > 0 && self.rounding == Rounding::Stochastic
    }
}

/// One value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    /// A constant.
    Const(i32),
    /// u_k (S46).
    EpochFlag(u8),
    /// The first line of a modulator range.
    GlobalLine(usize),
    /// x0 or y0 (S35).
    Flag(Side),
    /// A trace.
    Column {
        /// Whose.
        side: Side,
        /// Index among the group's columns of that side.
        column: usize,
        /// Position in the epoch.
        at: At,
        /// One step earlier.
        prev: bool,
    },
    /// The lane's line of a modulator range.
    Line {
        /// Whose lane.
        side: Side,
        /// The range.
        modulator: usize,
    },
    /// A field of the synapse.
    Field(usize),
    /// Saturated sum.
    Add(Value, Value, Fit),
    /// Saturated difference.
    Sub(Value, Value, Fit),
    /// The smaller one.
    Min(Value, Value),
    /// The larger one.
    Max(Value, Value),
    /// 1 if greater.
    Gt(Value, Value),
    /// The sign.
    Sgn(Value),
    /// The second if the first is not 0, else the third.
    Sel(Value, Value, Value),
    /// Saturated left shift.
    Shl(Value, u32, Fit),
    /// Rounded right shift.
    Shr(Value, Shift),
    /// Rounded product.
    Mul(Value, Value, Shift),
    /// `(a << n) + b`, or the difference; known to fit. Made of two operations.
    Join(Value, u32, Value, Sign),
    /// `(a << n) + b * c`, or the difference; known to fit. Made of two or three operations.
    JoinProduct(Value, u32, Value, Value, Sign),
}

/// Whether the second part of a joined operation is added or taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sign {
    /// Added.
    Plus,
    /// Taken away.
    Minus,
}

impl Op {
    /// The operands in order.
    pub(crate) fn operands(&self) -> impl Iterator<Item = Value> + use<> {
        self.operand_list().into_iter().flatten()
    }
    /// The operands in order, in places that are always three.
    #[inline(always)]
    pub(crate) fn operand_list(&self) -> [Option<Value>; 3] {
        match *self {
            Self::Const(_)
            | Self::EpochFlag(_)
            | Self::GlobalLine(_)
            | Self::Flag(_)
            | Self::Column { .. }
            | Self::Line { .. }
            | Self::Field(_) => [None; 3],
            Self::Sgn(a) | Self::Shl(a, ..) | Self::Shr(a, _) => [Some(a), None, None],
            Self::Add(a, b, _)
            | Self::Sub(a, b, _)
            | Self::Min(a, b)
            | Self::Max(a, b)
            | Self::Gt(a, b)
            | Self::Mul(a, b, _)
            | Self::Join(a, _, b, _) => [Some(a), Some(b), None],
            Self::Sel(a, b, c) | Self::JoinProduct(a, _, b, c, _) => [Some(a), Some(b), Some(c)],
        }
    }
    /// The same operation on renamed values.
    pub(crate) fn map(self, f: impl Fn(Value) -> Value) -> Self {
        match self {
            Self::Const(_)
            | Self::EpochFlag(_)
            | Self::GlobalLine(_)
            | Self::Flag(_)
            | Self::Column { .. }
            | Self::Line { .. }
            | Self::Field(_) => self,
            Self::Add(a, b, fit) => Self::Add(f(a), f(b), fit),
            Self::Sub(a, b, fit) => Self::Sub(f(a), f(b), fit),
            Self::Min(a, b) => Self::Min(f(a), f(b)),
            Self::Max(a, b) => Self::Max(f(a), f(b)),
            Self::Gt(a, b) => Self::Gt(f(a), f(b)),
            Self::Sgn(a) => Self::Sgn(f(a)),
            Self::Sel(a, b, c) => Self::Sel(f(a), f(b), f(c)),
            Self::Shl(a, n, fit) => Self::Shl(f(a), n, fit),
            Self::Shr(a, s) => Self::Shr(f(a), s),
            Self::Mul(a, b, s) => Self::Mul(f(a), f(b), s),
            Self::Join(a, n, b, sign) => Self::Join(f(a), n, f(b), sign),
            Self::JoinProduct(a, n, b, c, sign) => Self::JoinProduct(f(a), n, f(b), f(c), sign),
        }
    }
    /// The shift of an operation that rounds.
    pub(crate) fn shift(&self) -> Option<Shift> {
        match self {
            Self::Shr(_, s) | Self::Mul(_, _, s) => Some(*s),
            _ => None,
        }
    }
    /// Domain of an operation without operands.
    fn own_domain(&self) -> Domain {
        match self {
            Self::Field(_) | Self::Column { at: At::Other, .. } => Domain::Synapse,
            Self::Flag(side) | Self::Column { side, .. } | Self::Line { side, .. } => match side {
                Side::Pre => Domain::Pre,
                Side::Post => Domain::Post,
            },
            _ if self.shift().is_some_and(|s| s.draws()) => Domain::Synapse,
            _ => Domain::Global,
        }
    }
}

/// A store that takes effect at `halt`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Store {
    /// Field.
    pub field: usize,
    /// Value.
    pub value: Value,
    /// Rounding before the store.
    pub shift: Shift,
    /// Range of the variable.
    pub range: RawRange,
}

/// A decoded program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Program {
    /// Values; operands name earlier ones. Values that no store needs are left out.
    pub ops: Vec<Op>,
    /// Domain of each value.
    pub domain: Vec<Domain>,
    /// Stores, one per field that is written.
    pub stores: Vec<Store>,
    /// Values a tile computes or, for `Pre` and `Post` values, spreads over its lanes; in order.
    pub tile: Vec<Value>,
    /// Tile buffer of each value in `tile`.
    pub slot: Vec<usize>,
    /// Number of tile buffers.
    pub n_slots: usize,
    /// Sites whose draws are used, ascending.
    pub sites: Vec<u8>,
    /// Words up to `halt` by cost class, in the order of `ledger::CLASSES`.
    pub classes: [u64; 5],
    /// Columns that are read at a spike time or one step back, those of loads that no store needs
    /// included: a debugger shows them.
    past: Vec<(Side, usize)>,
}

impl Program {
    /// Removes what no store needs and orders the rest.
    fn pruned(all: Vec<Op>, stores: Vec<Store>, classes: [u64; 5]) -> Self {
        let mut needed = vec![false; all.len()];
        stores.iter().for_each(|s| needed[s.value] = true);
        for v in (0..all.len()).rev() {
            if needed[v] {
                all[v].operands().for_each(|operand| needed[operand] = true);
            }
        }
        let mut renamed = vec![Value::MAX; all.len()];
        let mut ops = Vec::new();
        for (v, op) in all.iter().enumerate().filter(|(v, _)| needed[*v]) {
            renamed[v] = ops.len();
            ops.push(op.map(|operand| renamed[operand]));
        }
        let stores = stores.into_iter().map(|s| Store { value: renamed[s.value], ..s }).collect();
        let past = all.iter().filter_map(|op| match *op {
            Op::Column { side, column, at, prev } if prev || at != At::End => Some((side, column)),
            _ => None,
        });
        Self { past: past.collect(), ..Self::schedule(ops, stores, classes) }
    }

    fn domains(ops: &[Op]) -> Vec<Domain> {
        let mut domain: Vec<Domain> = Vec::with_capacity(ops.len());
        for op in ops {
            let joined = op.operands().fold(op.own_domain(), |d, v| d.join(domain[v]));
            domain.push(joined);
        }
        domain
    }

    /// Orders the values of a tile and gives each a buffer; a buffer is used again after the
    /// last reader of its value. Never gives a value the buffer of one of its operands, so that
    /// an operation can read and write without overlap.
    fn schedule(ops: Vec<Op>, stores: Vec<Store>, classes: [u64; 5]) -> Self {
        let domain = Self::domains(&ops);
        let in_tile = |v: Value| domain[v] != Domain::Global;
        let mut tile = Vec::new();
        let mut placed = vec![false; ops.len()];
        let mut place = |v: Value| {
            if in_tile(v) && !std::mem::replace(&mut placed[v], true) {
                tile.push(v);
            }
        };
        for (v, op) in ops.iter().enumerate().filter(|(v, _)| domain[*v] == Domain::Synapse) {
            op.operands().for_each(&mut place);
            place(v);
        }
        stores.iter().for_each(|s| place(s.value));

        let mut last_use = vec![0; ops.len()];
        for (at, v) in tile.iter().enumerate() {
            if domain[*v] == Domain::Synapse {
                ops[*v].operands().for_each(|operand| last_use[operand] = at);
            }
        }
        stores.iter().for_each(|s| last_use[s.value] = tile.len());
        let (mut slot, mut free, mut n_slots) = (vec![usize::MAX; ops.len()], Vec::new(), 0);
        for (at, v) in tile.iter().enumerate() {
            slot[*v] = free.pop().unwrap_or_else(|| {
                n_slots += 1;
                n_slots - 1
            });
            let ended = tile[..=at].iter().filter(|u| last_use[**u] == at);
            free.extend(ended.map(|u| slot[*u]));
        }
        let drawn = ops.iter().filter_map(Op::shift).chain(stores.iter().map(|s| s.shift));
        let mut sites: Vec<u8> = drawn.filter(Shift::draws).map(|s| s.site).collect();
        sites.sort_unstable();
        sites.dedup();
        Self { ops, domain, stores, tile, slot, n_slots, sites, classes, past: Vec::new() }
    }

    /// Columns of a side that are read at a spike time or one step back.
    pub(crate) fn history(&self, side: Side) -> impl Iterator<Item = usize> + '_ {
        self.past.iter().filter(move |(s, _)| *s == side).map(|(_, column)| *column)
    }
}
