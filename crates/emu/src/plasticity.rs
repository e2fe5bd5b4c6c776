//! The plasticity phase of one group (S39 to S48).
//!
//! Order: values that need no synapse first (once per phase, row and post lane), then tiles of
//! synapses. A synapse's stores touch only its own fields, and rows and post lanes do not change
//! in this phase, so writing a tile back at once is the same as writing everything at the end.

use crate::draws::{Draws, SiteDraws};
use crate::lanes::{self, Operand, padded};
use crate::program::{At, Domain, Op, Program, Side, Value};
use crate::state::GroupState;
use crate::tables::{GroupTable, ModulatorTable, Rule};
use crate::tile::{LANES, Tile};
use trifactor_fixed::DrawKey;
use trifactor_image::Guard;

/// Stands where an operation has fewer than three operands.
const NONE: Operand<'static> = &[0];

/// What a group reads that is not its own.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Source of random bits.
    pub draws: &'a Draws,
    /// Step (S1).
    pub step: u32,
    /// Epoch (S5).
    pub epoch: u32,
    /// Steps per epoch.
    pub length: u32,
    /// Whether all synapses share the draws of a rule (S83).
    pub one_draw: bool,
    /// Position of each target's last spike in the epoch; 0 for none.
    pub last: &'a [u8],
    /// Modulator values of the core.
    pub modulators: &'a [Vec<i32>],
    /// Modulator ranges of the core.
    pub ranges: &'a [ModulatorTable],
}

/// Memory a group computes in. Holds nothing from one phase to the next.
#[derive(Clone, Default, Debug)]
pub(crate) struct Workspace {
    /// Values outside of tiles. Shape: `[value][1, rows or post lanes]`.
    values: Vec<Vec<i32>>,
    /// The row's part of keyed draws. Shape: `[site][row]`.
    row_keys: Vec<Vec<u32>>,
    /// Tile buffers.
    buffers: Vec<Vec<i32>>,
    /// Draws of the operation at hand.
    draws: Vec<u32>,
    /// The result of a store.
    stored: Vec<i32>,
    /// Synapses at hand.
    tile: Tile,
    /// Post lanes that spiked in the epoch.
    spiked: Vec<u32>,
}

impl Workspace {
    /// Memory for a group.
    pub(crate) fn new(group: &GroupTable) -> Self {
        let Some(rule) = &group.rule else { return Self::default() };
        let p = &rule.program;
        let length = |domain| match domain {
            Domain::Global => 1,
            Domain::Pre => padded(group.n_rows()),
            // One chunk more: tiles read whole chunks that begin at any lane.
            Domain::Post => padded(group.n_post) + lanes::WIDTH,
            Domain::Synapse => 0,
        };
        let buffer = LANES + lanes::WIDTH;
        Self {
            values: p.domain.iter().map(|d| vec![0; length(*d)]).collect(),
            row_keys: vec![vec![0; group.n_rows()]; p.sites.len()],
            buffers: vec![vec![0; buffer]; p.n_slots],
            draws: vec![0; buffer],
            stored: vec![0; buffer],
            tile: Tile::default(),
            spiked: Vec::new(),
        }
    }
}

/// Evaluates the rule for every synapse that its guard does not skip; returns how many.
pub(crate) fn learn(
    group: &GroupTable,
    rule: &Rule,
    state: &mut GroupState,
    work: &mut Workspace,
    around: &Surroundings<'_>,
) -> u64 {
    work.spiked.clear();
    if matches!(rule.guard, Guard::Post | Guard::PreOrPost) {
        let last = &around.last[group.first_target..group.first_target + group.n_post];
        work.spiked.extend((0u32..).zip(last).filter(|(_, p)| **p > 0).map(|(post, _)| post));
    }
    let rows = |row: &usize| match rule.guard {
        Guard::Always => true,
        Guard::Pre | Guard::PreOrPost => state.pre_last[*row] > 0,
        Guard::Post => false,
    };
    let rows: Vec<usize> = (0..group.n_rows()).filter(rows).collect();
    if rows.is_empty() && work.spiked.is_empty() {
        return 0;
    }
    let mut run = Run { group, rule, state, work, around, evaluated: 0 };
    run.prepare();
    run.rows(&rows);
    run.columns();
    run.evaluated
}

struct Run<'a> {
    group: &'a GroupTable,
    rule: &'a Rule,
    state: &'a mut GroupState,
    work: &'a mut Workspace,
    around: &'a Surroundings<'a>,
    evaluated: u64,
}

impl Run<'_> {
    /// Computes what no synapse is needed for.
    fn prepare(&mut self) {
        let p = &self.rule.program;
        for (v, op) in p.ops.iter().enumerate().filter(|(v, _)| p.domain[*v] != Domain::Synapse) {
            let mut dst = std::mem::take(&mut self.work.values[v]);
            if op.operands().next().is_some() {
                let [a, b, c] = op.operand_list().map(|v| self.value(v));
                lanes::apply(op, a, b, c, &[], &mut dst);
            } else {
                self.load(op, &mut dst);
            }
            self.work.values[v] = dst;
        }
        for (site, keys) in p.sites.iter().zip(&mut self.work.row_keys) {
            if let SiteDraws::Keyed(key) = self.around.site(self.rule, *site) {
                for (k, pre) in keys.iter_mut().zip(&self.group.pre) {
                    *k = DrawKey::row(key, *pre);
                }
            }
        }
    }

    /// A load that needs no synapse.
    fn load(&self, op: &Op, dst: &mut [i32]) {
        let (group, around) = (self.group, self.around);
        let post = group.first_target..group.first_target + group.n_post;
        let last = |side| match side {
            Side::Pre => &self.state.pre_last[..],
            Side::Post => &around.last[post.clone()],
        };
        match *op {
            Op::Const(x) => dst[0] = x,
            Op::EpochFlag(k) => dst[0] = i32::from(around.epoch.is_multiple_of(1 << k)),
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
                    Side::Pre => &self.state.pre,
                    Side::Post => &self.state.post,
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
                        Side::Pre => self.pre_history(column, lane, position),
                        Side::Post => self.post_history(column, lane, position),
                    };
                }
            }
            _ => unreachable!("internal: only loads without a synapse come here"),
        }
    }
    fn pre_history(&self, column: usize, row: usize, position: usize) -> i32 {
        self.state.pre[column].history[row * (self.around.length as usize + 1) + position]
    }
    fn post_history(&self, column: usize, lane: usize, position: usize) -> i32 {
        self.state.post[column].history[position * self.group.n_post + lane]
    }

    /// Evaluates whole rows.
    fn rows(&mut self, rows: &[usize]) {
        self.work.tile.clear();
        for row in rows {
            let all = self.group.row(*row);
            let mut offset = 0;
            while offset < all.len() {
                let len = self.work.tile.room().min(all.len() - offset);
                self.work.tile.push_stretch(*row, all.start + offset, offset, len);
                offset += len;
                if self.work.tile.room() == 0 {
                    self.tile();
                }
            }
        }
        self.tile();
    }

    /// Evaluates the rows that did not spike at the post lanes that did.
    fn columns(&mut self) {
        let skip_rows = self.rule.guard == Guard::PreOrPost;
        for at in 0..self.work.spiked.len() {
            let post = self.work.spiked[at];
            match &self.group.by_post {
                None => {
                    for row in 0..self.group.n_rows() {
                        let synapses = self.group.row(row);
                        let in_row = (post as usize) < synapses.len();
                        if in_row && !(skip_rows && self.state.pre_last[row] > 0) {
                            self.pair(row as u32, post, (synapses.start + post as usize) as u32);
                        }
                    }
                }
                Some(by_post) => {
                    let [from, to] = [post, post + 1].map(|p| by_post.start[p as usize] as usize);
                    for k in from..to {
                        let row = by_post.row[k];
                        if !(skip_rows && self.state.pre_last[row as usize] > 0) {
                            self.pair(row, post, by_post.synapse[k]);
                        }
                    }
                }
            }
        }
        self.tile();
    }
    #[inline]
    fn pair(&mut self, row: u32, post: u32, synapse: u32) {
        self.work.tile.push_pair(row, post, synapse);
        if self.work.tile.room() == 0 {
            self.tile();
        }
    }

    /// Evaluates the synapses at hand and empties the tile.
    fn tile(&mut self) {
        let mut tile = std::mem::take(&mut self.work.tile);
        if tile.n > 0 {
            self.evaluated += tile.n as u64;
            self.execute(&tile);
        }
        tile.clear();
        self.work.tile = tile;
    }

    fn execute(&mut self, tile: &Tile) {
        let (group, rule) = (self.group, self.rule);
        let (p, n) = (&rule.program, tile.padded());
        for v in &p.tile {
            let (op, slot) = (&p.ops[*v], p.slot[*v]);
            if p.domain[*v] != Domain::Synapse && self.direct(tile, *v) {
                continue;
            }
            if let Some(s) = op.shift().filter(|s| s.draws()) {
                self.draw(tile, s.site);
            }
            let mut dst = std::mem::take(&mut self.work.buffers[slot]);
            match p.domain[*v] {
                Domain::Global => {}
                Domain::Pre => tile.spread_pre(&self.work.values[*v], &mut dst),
                Domain::Post => tile.spread_post(group, &self.work.values[*v], &mut dst),
                Domain::Synapse => self.compute(op, tile, n, &mut dst),
            }
            self.work.buffers[slot] = dst;
        }
        for store in &p.stores {
            if store.shift.draws() {
                self.draw(tile, store.shift.site);
            }
            let mut stored = std::mem::take(&mut self.work.stored);
            let value = self.operand(tile, n, store.value);
            lanes::shift_right(value, store.shift, &self.work.draws[..n], &mut stored[..n]);
            let changed = lanes::clamp(&mut stored, tile.n, store.range);
            if rule.counts_posts {
                self.state.saturated_stores[store.field] += changed;
            }
            tile.store(&mut self.state.fields[store.field], &stored[..tile.n]);
            self.work.stored = stored;
        }
    }

    /// A value of a tile's lanes.
    fn compute(&self, op: &Op, tile: &Tile, n: usize, dst: &mut [i32]) {
        let (group, around) = (self.group, self.around);
        match *op {
            Op::Field(f) => tile.load(&self.state.fields[f], &mut dst[..tile.n]),
            Op::Column { side: Side::Pre, column, prev, .. } => {
                let last = &around.last[group.first_target..group.first_target + group.n_post];
                tile.fill(group, dst, |row, post| {
                    self.pre_history(column, row, around.position(last[post], prev))
                });
            }
            Op::Column { side: Side::Post, column, prev, .. } => {
                tile.fill(group, dst, |row, post| {
                    let spike = self.state.pre_last[row];
                    self.post_history(column, post, around.position(spike, prev))
                })
            }
            _ => {
                let [a, b, c] = op.operand_list();
                let at = |v: Option<Value>| v.map_or(NONE, |v| self.operand(tile, n, v));
                let (a, b, c) = (at(a), at(b), at(c));
                lanes::apply(op, a, b, c, &self.work.draws[..n], &mut dst[..n]);
            }
        }
    }

    /// A value outside of tiles; a global one has the length 1.
    fn value(&self, v: Option<Value>) -> Operand<'_> {
        v.map_or(NONE, |v| &self.work.values[v])
    }
    /// Where the lanes of a tile find a value.
    #[inline(always)]
    fn operand(&self, tile: &Tile, n: usize, v: Value) -> Operand<'_> {
        let p: &Program = &self.rule.program;
        let values = &self.work.values[v];
        match (p.domain[v], tile.single()) {
            (Domain::Synapse, _) => &self.work.buffers[p.slot[v]][..n],
            (Domain::Global, _) => values,
            (Domain::Pre, Some(one)) => &values[one.row..=one.row],
            (Domain::Post, Some(one)) if self.group.index.is_none() => {
                &values[one.offset..one.offset + n]
            }
            _ => &self.work.buffers[p.slot[v]][..n],
        }
    }
    /// Whether a value of rows or post lanes need not be spread over the tile.
    fn direct(&self, tile: &Tile, v: Value) -> bool {
        let dense = self.group.index.is_none();
        tile.single().is_some() && (dense || self.rule.program.domain[v] == Domain::Pre)
    }
    /// Draws of a site for the lanes of a tile.
    fn draw(&mut self, tile: &Tile, site: u8) {
        let at = self.rule.program.sites.binary_search(&site).expect("internal: sites are listed");
        let keys = &self.work.row_keys[at];
        let draws = self.around.site(self.rule, site);
        if self.around.one_draw {
            self.work.draws.fill(draws.draw(0, 0));
            return;
        }
        tile.draw(self.group, draws, keys, &mut self.work.draws);
    }
}

impl Surroundings<'_> {
    /// The position of a reading in the epoch, 0 for the end of the one before (S34, S40).
    fn position(&self, last_spike: u8, prev: bool) -> usize {
        let position = if last_spike > 0 { last_spike.into() } else { self.length as usize };
        position - usize::from(prev)
    }
    fn site(&self, rule: &Rule, site: u8) -> SiteDraws<'_> {
        self.draws.site(self.step, rule.stream, site)
    }
}
