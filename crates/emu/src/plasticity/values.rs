//! A specialised program, and its values that need no synapse.

use super::Surroundings;
use crate::draws::SiteDraws;
use crate::lanes::{self, padded};
use crate::program::{At, Domain, Facts, Op, Program, Side, epoch_flag};
use crate::state::GroupState;
use crate::tables::{GroupTable, Rule};
use crate::tile::LANES;
use trifactor_fixed::DrawKey;

/// What a class of synapses is visited by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Visited<'a> {
    /// Whole rows, or pairs.
    Whole,
    /// Columns: these rows at one post lane after the other.
    Rows(&'a [u32]),
    /// Crossings: these post lanes in one row after the other.
    Posts(&'a [u32]),
}

impl<'a> Visited<'a> {
    /// The rows or post lanes.
    pub(super) fn list(self) -> &'a [u32] {
        match self {
            Self::Whole => &[],
            Self::Rows(list) | Self::Posts(list) => list,
        }
    }
}

/// A program for some facts, with the values of the phase at hand.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    /// What holds of every synapse it is executed for.
    pub facts: Facts,
    /// The program.
    pub program: Program,
    /// Values outside of tiles. Shape: `[value][1, rows or post lanes]`.
    pub values: Vec<Vec<i32>>,
    /// Values of post lanes, row after row as they stand in a tile of whole rows or of crossings.
    /// Shape: `[value][lane]`, empty where no tile holds two rows.
    pub repeated: Vec<Vec<i32>>,
    /// Values of the rows that columns visit. Shape: `[value][gathered row]`.
    pub gathered: Vec<Vec<i32>>,
    /// The rows' part of keyed draws. Shape: `[site][row]`.
    pub row_keys: Vec<Vec<u32>>,
    /// The same of the rows that columns visit.
    pub gathered_keys: Vec<Vec<u32>>,
    /// The post lanes' part of keyed draws as `repeated`.
    pub repeated_keys: Vec<u32>,
}

impl Variant {
    /// The program of a rule under some facts.
    pub(super) fn new(group: &GroupTable, rule: &Rule, facts: &Facts) -> Self {
        let inside: Vec<bool> = group.fields.iter().map(|f| f.inside).collect();
        let program = rule.program.specialised(facts, &inside);
        let length = |domain| match domain {
            Domain::Global => 1,
            Domain::Pre => padded(group.n_rows()),
            // One chunk more: tiles read whole chunks that begin at any lane.
            Domain::Post => padded(group.n_post) + lanes::WIDTH,
            Domain::Synapse => 0,
        };
        let n = program.ops.len();
        Self {
            facts: *facts,
            values: program.domain.iter().map(|d| vec![0; length(*d)]).collect(),
            repeated: vec![Vec::new(); n],
            gathered: vec![Vec::new(); n],
            row_keys: vec![vec![0; group.n_rows()]; program.sites.len()],
            gathered_keys: vec![Vec::new(); program.sites.len()],
            repeated_keys: Vec::new(),
            program,
        }
    }

    /// Position of a draw site in the lists of keys.
    pub(super) fn site(&self, site: u8) -> usize {
        self.program.sites.binary_search(&site).expect("internal: sites are listed")
    }

    /// Computes what no synapse is needed for; `visited` are
    /// the rows or post lanes that will not be all there are.
    pub(super) fn prepare(
        &mut self,
        group: &GroupTable,
        rule: &Rule,
        state: &GroupState,
        around: &Surroundings<'_>,
        visited: Visited<'_>,
    ) {
        let p = &self.program;
        for (v, op) in p.ops.iter().enumerate().filter(|(v, _)| p.domain[*v] != Domain::Synapse) {
            let mut dst = std::mem::take(&mut self.values[v]);
            if op.operands().next().is_some() {
                let [a, b, c] = op.operand_list().map(|v| v.map_or(&[0][..], |v| &self.values[v]));
                lanes::apply(op, a, b, c, &[], &mut dst);
            } else {
                load(group, state, around, op, &mut dst);
            }
            self.values[v] = dst;
        }
        for (site, keys) in p.sites.iter().zip(&mut self.row_keys) {
            if let SiteDraws::Keyed(key) = around.site(rule, *site) {
                for (k, pre) in keys.iter_mut().zip(&group.pre) {
                    *k = DrawKey::row(key, *pre);
                }
            }
        }
        let in_tiles = |domain| p.tile.iter().filter(move |v| p.domain[**v] == domain);
        let drawn = !p.sites.is_empty();
        match visited {
            Visited::Whole => {
                let Some(len) = repeating(group) else { return };
                for v in in_tiles(Domain::Post) {
                    repeat(self.values[*v][..len].iter().copied(), &mut self.repeated[*v]);
                }
                if drawn {
                    repeat(rule.post_keys[..len].iter().copied(), &mut self.repeated_keys);
                }
            }
            Visited::Posts(posts) => {
                for v in in_tiles(Domain::Post) {
                    let values = &self.values[*v];
                    let at = posts.iter().map(|post| values[*post as usize]);
                    repeat(at, &mut self.repeated[*v]);
                }
                if drawn {
                    let at = posts.iter().map(|post| rule.post_keys[*post as usize]);
                    repeat(at, &mut self.repeated_keys);
                }
            }
            Visited::Rows(rows) => {
                for v in in_tiles(Domain::Pre) {
                    gather(&self.values[*v], rows, &mut self.gathered[*v]);
                }
                for (keys, gathered) in self.row_keys.iter().zip(&mut self.gathered_keys) {
                    gather(keys, rows, gathered);
                }
            }
        }
    }
}

/// The length of rows, of which a tile holds two or more.
fn repeating(group: &GroupTable) -> Option<usize> {
    group.row_len.filter(|len| (1..=LANES / 2).contains(len))
}

/// Fills a tile with copies.
fn repeat<T: Copy + Default>(of: impl Iterator<Item = T>, out: &mut Vec<T>) {
    out.clear();
    out.extend(of);
    let n = out.len();
    while out.len() + n <= LANES {
        out.extend_from_within(..n);
    }
    out.resize(LANES + lanes::WIDTH, T::default());
}

fn gather<T: Copy + Default>(of: &[T], rows: &[u32], out: &mut Vec<T>) {
    out.clear();
    out.extend(rows.iter().map(|row| of[*row as usize]));
    out.resize(padded(rows.len()), T::default());
}

/// A load that needs no synapse.
fn load(
    group: &GroupTable,
    state: &GroupState,
    around: &Surroundings<'_>,
    op: &Op,
    dst: &mut [i32],
) {
    let post = group.first_target..group.first_target + group.n_post;
    let last = |side| match side {
        Side::Pre => &state.pre_last[..],
        Side::Post => &around.last[post.clone()],
    };
    match *op {
        Op::Const(x) => dst[0] = x,
        Op::EpochFlag(k) => dst[0] = epoch_flag(around.epoch, k),
        Op::GlobalLine(m) => dst[0] = around.modulators[m][0],
        Op::Flag(side) => {
            for (d, p) in dst.iter_mut().zip(last(side)) {
                *d = i32::from(*p > 0);
            }
        }
        Op::Line { side, modulator } => {
            let lines = &around.modulators[modulator];
            let first = around.ranges[modulator].first_lane;
            match side {
                Side::Pre => {
                    for (d, pre) in dst.iter_mut().zip(&group.pre) {
                        *d = lines[(pre - first) as usize];
                    }
                }
                Side::Post => {
                    let skip = (group.first_post - first) as usize;
                    dst[..group.n_post].copy_from_slice(&lines[skip..skip + group.n_post]);
                }
            }
        }
        Op::Column { side, column, at: At::End, prev: false } => {
            let columns = match side {
                Side::Pre => &state.pre,
                Side::Post => &state.post,
            };
            let value = &columns[column].value;
            dst[..value.len()].copy_from_slice(value);
        }
        Op::Column { side, column, at, prev } => {
            let last = last(side);
            for (lane, (d, p)) in dst.iter_mut().zip(last).enumerate() {
                let spike = if at == At::Own { *p } else { 0 };
                let position = around.position(spike, prev);
                *d = match side {
                    Side::Pre => pre_history(state, around, column, lane, position),
                    Side::Post => post_history(state, group, column, lane, position),
                };
            }
        }
        _ => unreachable!("internal: only loads without a synapse come here"),
    }
}

/// A pre trace at a position of the epoch.
pub(super) fn pre_history(
    state: &GroupState,
    around: &Surroundings<'_>,
    column: usize,
    row: usize,
    position: usize,
) -> i32 {
    state.pre[column].history[row * (around.length as usize + 1) + position]
}

/// A post trace at a position of the epoch.
pub(super) fn post_history(
    state: &GroupState,
    group: &GroupTable,
    column: usize,
    lane: usize,
    position: usize,
) -> i32 {
    state.post[column].history[position * group.n_post + lane]
}
