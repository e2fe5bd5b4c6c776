//! The plasticity phase of one group (S39 to S48).
//!
//! Synapses are taken in classes for which something is known of all: the pre lane spiked, the
//! pre lane was silent, the post lane spiked. Each class executes the rule's program with what
//! the class decides removed ([`Program::specialised`]), so that most synapses, whose lanes were
//! silent, cost little. Order: values that need no synapse first (once per phase, row and post
//! lane), then tiles of synapses. A synapse's stores touch only its own fields, and rows and post
//! lanes do not change in this phase, so writing a tile back at once is the same as writing
//! everything at the end.

mod values;

use crate::draws::{Draws, SiteDraws};
use crate::lanes::{self, Operand};
use crate::program::{Domain, Facts, Op, Side, Value};
use crate::state::GroupState;
use crate::tables::{GroupTable, ModulatorTable, Rule};
use crate::tile::{LANES, Shape, Tile};
use trifactor_fixed::DrawKey;
use trifactor_image::Guard;
use values::{Variant, Visited};

/// Stands where an operation has fewer than three operands.
const NONE: Operand<'static> = &[0];
/// Specialised programs that are kept for later phases. A rule that reads many modulators could
/// make more; then the oldest are made again.
const KEPT: usize = 16;

/// Post lanes from which on it is worth while to visit them row by row: fewer are too short a loop
/// (measured).
const CROSSED: usize = 16;

/// What a group reads that is not its own.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Source of random bits.
    pub draws: &'a Draws,
    /// Step (S1).
    pub step: u32,
    /// Number of the epoch by which u_k counts (S46, S92).
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

/// Memory a group computes in. Holds nothing from one phase to the next but programs, which
/// depend on nothing but their facts.
#[derive(Clone, Default, Debug)]
pub(crate) struct Workspace {
    variants: Vec<Variant>,
    scratch: Scratch,
    classes: Classes,
}

/// Buffers of a tile.
#[derive(Clone, Default, Debug)]
struct Scratch {
    /// Values of the program. Shape: `[slot][lane]`.
    buffers: Vec<Vec<i32>>,
    /// Rows' part of the draws at hand.
    row_keys: Vec<u32>,
    /// Post lanes' part of the draws at hand.
    post_keys: Vec<u32>,
    /// Draws of the operation at hand.
    draws: Vec<u32>,
    /// The result of a store.
    stored: Vec<i32>,
}

/// Lanes by what they did in the epoch.
#[derive(Clone, Default, Debug)]
struct Classes {
    /// Rows that spiked.
    active: Vec<u32>,
    /// Rows that did not.
    silent: Vec<u32>,
    /// Post lanes that spiked.
    spiked: Vec<u32>,
}

impl Workspace {
    /// Memory for a group.
    pub(crate) fn new(group: &GroupTable) -> Self {
        if group.rule.is_none() {
            return Self::default();
        }
        let buffer = LANES + lanes::WIDTH;
        let scratch = Scratch {
            buffers: Vec::new(),
            row_keys: vec![0; buffer],
            post_keys: vec![0; buffer],
            draws: vec![0; buffer],
            stored: vec![0; buffer],
        };
        Self { scratch, ..Self::default() }
    }

    /// The program for some facts, taken out of the store.
    fn take(&mut self, group: &GroupTable, rule: &Rule, facts: &Facts) -> Variant {
        match self.variants.iter().position(|v| v.facts == *facts) {
            Some(at) => self.variants.swap_remove(at),
            None => {
                let variant = Variant::new(group, rule, facts);
                let buffers = &mut self.scratch.buffers;
                if buffers.len() < variant.program.n_slots {
                    buffers.resize(variant.program.n_slots, vec![0; LANES + lanes::WIDTH]);
                }
                variant
            }
        }
    }
    fn keep(&mut self, variant: Variant) {
        if self.variants.len() == KEPT {
            self.variants.swap_remove(0);
        }
        self.variants.push(variant);
    }
}

impl Classes {
    fn find(&mut self, group: &GroupTable, guard: Guard, pre_last: &[u8], last: &[u8]) {
        let last = &last[group.first_target..group.first_target + group.n_post];
        spiked(pre_last, &mut self.active);
        spiked(last, &mut self.spiked);
        self.silent.clear();
        if guard == Guard::Always || guard != Guard::Pre && !self.spiked.is_empty() {
            silent(pre_last, &mut self.silent);
        }
    }
}

/// Lists where a spike was. Most lanes are silent, so they are passed by eight at a time.
fn spiked(positions: &[u8], out: &mut Vec<u32>) {
    out.clear();
    let mut eights = positions.chunks_exact(8);
    let mut first = 0u32;
    let mut collect = |first: u32, lanes: &[u8]| {
        out.extend((first..).zip(lanes).filter(|(_, p)| **p > 0).map(|(at, _)| at));
    };
    for chunk in &mut eights {
        let lanes: [u8; 8] = chunk.try_into().expect("internal: a chunk has eight lanes");
        if u64::from_le_bytes(lanes) != 0 {
            collect(first, &lanes);
        }
        first += 8;
    }
    collect(first, eights.remainder());
}

/// Lists where none was. Every lane is written and only the right ones are kept: a branch on
/// which they are would be mispredicted.
fn silent(positions: &[u8], out: &mut Vec<u32>) {
    out.resize(positions.len(), 0);
    let mut n = 0;
    for (at, position) in (0u32..).zip(positions) {
        out[n] = at;
        n += usize::from(*position == 0);
    }
    out.truncate(n);
}

/// Evaluates the rule for every synapse that its guard does not skip; returns how many.
pub(crate) fn learn(
    group: &GroupTable,
    rule: &Rule,
    state: &mut GroupState,
    work: &mut Workspace,
    around: &Surroundings<'_>,
) -> u64 {
    let mut classes = std::mem::take(&mut work.classes);
    classes.find(group, rule.guard, &state.pre_last, around.last);
    let globals = rule.program.facts(around.epoch, |op| around.silent_lines(group, op));
    // With no spike at all among the post lanes, that is known of all rows.
    let post = classes.spiked.is_empty().then_some(false);
    let rows = |pre| Facts { pre: Some(pre), post, ..globals };
    let columns = |pre| Facts { pre: Some(pre), post: Some(true), ..globals };
    let mut phase = Phase { group, rule, state, work, around, evaluated: 0 };
    match rule.guard {
        Guard::Always => {
            phase.rows(&classes.active, &rows(true));
            phase.rows(&classes.silent, &rows(false));
        }
        Guard::Pre => phase.rows(&classes.active, &rows(true)),
        Guard::PreOrPost => {
            phase.rows(&classes.active, &rows(true));
            phase.columns(&classes, false, &columns(false));
        }
        Guard::Post => {
            phase.columns(&classes, true, &columns(true));
            phase.columns(&classes, false, &columns(false));
        }
    }
    let evaluated = phase.evaluated;
    work.classes = classes;
    evaluated
}

struct Phase<'a> {
    group: &'a GroupTable,
    rule: &'a Rule,
    state: &'a mut GroupState,
    work: &'a mut Workspace,
    around: &'a Surroundings<'a>,
    evaluated: u64,
}

impl Phase<'_> {
    /// Evaluates whole rows.
    fn rows(&mut self, rows: &[u32], facts: &Facts) {
        let group = self.group;
        let n: usize = rows.iter().map(|row| group.row(*row as usize).len()).sum();
        self.evaluated += n as u64;
        if n == 0 {
            return;
        }
        self.with(facts, Visited::Whole, |run| {
            let mut tile = Tile::rows();
            let mut flush = |tile: &mut Tile| {
                run.execute(tile);
                tile.clear();
            };
            for row in rows {
                let row = *row as usize;
                let all = group.row(row);
                // Rows of one length are not cut where that is not needed, so that the values of
                // post lanes need not be arranged for every tile.
                if group.row_len.is_some() && tile.room() < all.len() {
                    flush(&mut tile);
                }
                let mut offset = 0;
                while offset < all.len() {
                    if tile.room() == 0 {
                        flush(&mut tile);
                    }
                    let len = tile.room().min(all.len() - offset);
                    tile.push_stretch(group, row, all.start + offset, offset, len);
                    offset += len;
                }
            }
            flush(&mut tile);
        });
    }

    /// Evaluates the active or the silent rows at the post lanes that spiked.
    fn columns(&mut self, classes: &Classes, active: bool, facts: &Facts) {
        let group = self.group;
        let rows = if active { &classes.active } else { &classes.silent };
        if classes.spiked.is_empty() || rows.is_empty() {
            return;
        }
        match &group.by_post {
            None if group.row_len.is_some() => {
                let length = group.row_len.unwrap_or(0);
                let posts: Vec<u32> =
                    classes.spiked.iter().copied().filter(|p| (*p as usize) < length).collect();
                self.evaluated += (posts.len() * rows.len()) as u64;
                if posts.len() < CROSSED {
                    self.single_columns(rows, &posts, facts);
                } else {
                    self.crossings(rows, &posts, facts);
                }
            }
            by_post => {
                let mut pairs = Vec::new();
                for post in &classes.spiked {
                    match by_post {
                        Some(list) => pairs.extend(
                            list.of(*post)
                                .filter(|(row, _)| {
                                    (self.state.pre_last[*row as usize] > 0) == active
                                })
                                .map(|(row, synapse)| (row, *post, synapse)),
                        ),
                        None => {
                            for row in rows {
                                let synapses = group.row(*row as usize);
                                if (*post as usize) < synapses.len() {
                                    pairs.push((*row, *post, synapses.start as u32 + post));
                                }
                            }
                        }
                    }
                }
                self.evaluated += pairs.len() as u64;
                self.with(facts, Visited::Whole, |run| {
                    let mut tile = Tile::pairs();
                    for (row, post, synapse) in pairs {
                        if tile.room() == 0 {
                            run.execute(&tile);
                            tile.clear();
                        }
                        tile.push_pair(row, post, synapse);
                    }
                    run.execute(&tile);
                });
            }
        }
    }

    /// Evaluates rows of a dense group at few post lanes, one after the other.
    fn single_columns(&mut self, rows: &[u32], posts: &[u32], facts: &Facts) {
        self.with(facts, Visited::Rows(rows), |run| {
            for post in posts {
                for from in (0..rows.len()).step_by(LANES) {
                    let n = LANES.min(rows.len() - from);
                    run.execute(&Tile::column(*post as usize, from, n));
                }
            }
        });
    }
    /// Evaluates rows of a dense group at many post lanes, in the order of memory.
    fn crossings(&mut self, rows: &[u32], posts: &[u32], facts: &Facts) {
        for posts in posts.chunks(LANES) {
            let together = LANES / posts.len();
            self.with(facts, Visited::Posts(posts), |run| {
                let mut tile = Tile::crossing();
                for rows in rows.chunks(together) {
                    tile.cross(rows, posts.len());
                    run.execute(&tile);
                }
            });
        }
    }

    /// Runs something with the program for some facts, unless that changes nothing; `visited`
    /// are the rows of columns or the post lanes of crossings.
    fn with(&mut self, facts: &Facts, visited: Visited<'_>, run: impl FnOnce(&mut Run<'_>)) {
        let mut variant = self.work.take(self.group, self.rule, facts);
        if !variant.program.stores.is_empty() {
            variant.prepare(self.group, self.rule, self.state, self.around, visited);
            run(&mut Run {
                group: self.group,
                rule: self.rule,
                state: self.state,
                scratch: &mut self.work.scratch,
                around: self.around,
                variant: &variant,
                visited,
            });
        }
        self.work.keep(variant);
    }
}

/// A program over tiles.
struct Run<'a> {
    group: &'a GroupTable,
    rule: &'a Rule,
    state: &'a mut GroupState,
    scratch: &'a mut Scratch,
    around: &'a Surroundings<'a>,
    variant: &'a Variant,
    visited: Visited<'a>,
}

impl Run<'_> {
    fn execute(&mut self, tile: &Tile) {
        if tile.n == 0 {
            return;
        }
        let p = &self.variant.program;
        let n = tile.padded();
        if !p.sites.is_empty() && self.post_keys_spread(tile) {
            tile.spread_post(self.group, &self.rule.post_keys, &mut self.scratch.post_keys);
        }
        for v in &p.tile {
            let (op, slot) = (&p.ops[*v], p.slot[*v]);
            if p.domain[*v] != Domain::Synapse && self.direct(tile, *v) {
                continue;
            }
            if let Some(s) = op.shift().filter(|s| s.draws()) {
                self.draw(tile, n, s.site);
            }
            let mut dst = std::mem::take(&mut self.scratch.buffers[slot]);
            match p.domain[*v] {
                Domain::Global => {}
                Domain::Pre => tile.spread_pre(&self.variant.values[*v], &mut dst),
                Domain::Post => tile.spread_post(self.group, &self.variant.values[*v], &mut dst),
                Domain::Synapse => self.compute(op, tile, n, &mut dst),
            }
            self.scratch.buffers[slot] = dst;
        }
        for store in &p.stores {
            let mut stored = std::mem::take(&mut self.scratch.stored);
            let changed = if store.shift.draws() && store.shift.narrow && self.around.keyed() {
                self.row_keys(tile, n, store.shift.site);
                let value = &self.operand(tile, n, store.value);
                let (rows, posts) = self.keys(tile, n, store.shift.site);
                let places = store.shift.places;
                let stored = &mut stored[..n];
                lanes::store_drawn(value, rows, posts, places, store.range, tile.n, stored)
            } else {
                if store.shift.draws() {
                    self.draw(tile, n, store.shift.site);
                }
                let value = self.operand(tile, n, store.value);
                let draws = &self.scratch.draws[..n];
                lanes::shift_right(value, store.shift, draws, &mut stored[..n]);
                lanes::clamp(&mut stored, tile.n, store.range)
            };
            if self.rule.counts_posts {
                self.state.saturated_stores[store.field] += changed;
            }
            let field = &mut self.state.fields[store.field];
            tile.store(self.group, field, self.visited.list(), &stored[..tile.n]);
            self.scratch.stored = stored;
        }
    }

    /// A value of a tile's lanes.
    fn compute(&self, op: &Op, tile: &Tile, n: usize, dst: &mut [i32]) {
        match *op {
            Op::Field(f) => {
                let (field, dst) = (&self.state.fields[f], &mut dst[..tile.n]);
                tile.load(self.group, field, self.visited.list(), dst);
            }
            Op::Column { side, column, prev, .. } => self.at_other(tile, side, column, prev, dst),
            _ => {
                let [a, b, c] = op.operand_list();
                let at = |v: Option<Value>| v.map_or(NONE, |v| self.operand(tile, n, v));
                let (a, b, c) = (at(a), at(b), at(c));
                lanes::apply(op, a, b, c, &self.scratch.draws[..n], &mut dst[..n]);
            }
        }
    }

    /// A trace at the time of a spike of the lane on the other side of the synapse.
    fn at_other(&self, tile: &Tile, side: Side, column: usize, prev: bool, dst: &mut [i32]) {
        let (group, around) = (self.group, self.around);
        let last = &around.last[group.first_target..group.first_target + group.n_post];
        match (side, &tile.shape) {
            (Side::Post, Shape::Rows(rows)) if group.index.is_none() => {
                let history = &self.state.post[column].history;
                for s in &rows.stretches {
                    let position = around.position(self.state.pre_last[s.row], prev);
                    let from = position * group.n_post + s.offset;
                    dst[s.at..s.at + s.len].copy_from_slice(&history[from..from + s.len]);
                }
            }
            (Side::Pre, Shape::Rows(rows)) if group.index.is_none() => {
                let positions = around.length as usize + 1;
                for s in &rows.stretches {
                    let history = &self.state.pre[column].history[s.row * positions..][..positions];
                    let last = &last[s.offset..s.offset + s.len];
                    for (d, l) in dst[s.at..s.at + s.len].iter_mut().zip(last) {
                        *d = history[around.position(*l, prev)];
                    }
                }
            }
            (Side::Pre, _) => tile.fill(group, self.visited.list(), dst, |row, post| {
                let position = around.position(last[post], prev);
                values::pre_history(self.state, around, column, row, position)
            }),
            (Side::Post, _) => tile.fill(group, self.visited.list(), dst, |row, post| {
                let position = around.position(self.state.pre_last[row], prev);
                values::post_history(self.state, group, column, post, position)
            }),
        }
    }

    /// Where the lanes of a tile find a value. A single one is the same for all lanes.
    #[inline(always)]
    fn operand(&self, tile: &Tile, n: usize, v: Value) -> Operand<'_> {
        let variant = self.variant;
        let values = &variant.values[v];
        let (p, dense) = (&variant.program, self.group.index.is_none());
        match (p.domain[v], &tile.shape, tile.single()) {
            (Domain::Synapse, ..) => &self.scratch.buffers[p.slot[v]][..n],
            (Domain::Global, ..) => values,
            (Domain::Pre, Shape::Column(c), _) => &variant.gathered[v][c.from..c.from + n],
            (Domain::Post, Shape::Column(c), _) => &values[c.post..=c.post],
            (Domain::Pre, _, Some(one)) => &values[one.row..=one.row],
            (Domain::Post, _, Some(one)) if dense => &values[one.offset..one.offset + n],
            (Domain::Post, ..) if tile.repeats() => &variant.repeated[v][..n],
            _ => &self.scratch.buffers[p.slot[v]][..n],
        }
    }
    /// Whether a value of rows or post lanes need not be spread over the tile.
    fn direct(&self, tile: &Tile, v: Value) -> bool {
        let dense = self.group.index.is_none();
        match (&tile.shape, tile.single()) {
            (Shape::Column(_), _) => true,
            (_, Some(_)) if dense => true,
            (_, single) if self.variant.program.domain[v] == Domain::Pre => single.is_some(),
            _ => tile.repeats(),
        }
    }

    /// Whether the post lanes' part of draws has to be spread over the tile.
    fn post_keys_spread(&self, tile: &Tile) -> bool {
        let dense = self.group.index.is_none();
        match (&tile.shape, tile.single()) {
            (Shape::Column(_), _) => false,
            (_, Some(_)) if dense => false,
            _ => !tile.repeats(),
        }
    }
    /// Spreads the rows' part of a site's draws where a tile needs that.
    fn row_keys(&mut self, tile: &Tile, n: usize, site: u8) {
        if tile.single().is_none() && !matches!(tile.shape, Shape::Column(_)) {
            let keys = &self.variant.row_keys[self.variant.site(site)];
            debug_assert!(n <= self.scratch.row_keys.len());
            tile.spread_pre(keys, &mut self.scratch.row_keys);
        }
    }
    /// The rows' and the post lanes' part of a site's draws; a single one is that of all lanes.
    fn keys(&self, tile: &Tile, n: usize, site: u8) -> (&[u32], &[u32]) {
        let rows = &self.variant.row_keys[self.variant.site(site)];
        let posts = &self.rule.post_keys;
        let dense = self.group.index.is_none();
        match (&tile.shape, tile.single()) {
            (Shape::Column(c), _) => {
                let rows = &self.variant.gathered_keys[self.variant.site(site)];
                (&rows[c.from..c.from + n], &posts[c.post..=c.post])
            }
            (_, Some(one)) => {
                let posts = match dense {
                    true => &posts[one.offset..one.offset + n],
                    false => &self.scratch.post_keys[..n],
                };
                (&rows[one.row..=one.row], posts)
            }
            _ if tile.repeats() => (&self.scratch.row_keys[..n], &self.variant.repeated_keys[..n]),
            _ => (&self.scratch.row_keys[..n], &self.scratch.post_keys[..n]),
        }
    }
    /// Draws of a site for the lanes of a tile.
    fn draw(&mut self, tile: &Tile, n: usize, site: u8) {
        let mut draws = std::mem::take(&mut self.scratch.draws);
        match self.around.site(self.rule, site) {
            shared if self.around.one_draw => draws.fill(shared.draw(0, 0)),
            SiteDraws::Keyed(_) => {
                self.row_keys(tile, n, site);
                let (rows, posts) = self.keys(tile, n, site);
                lanes::join(rows, posts, &mut draws[..n], DrawKey::joined);
            }
            source @ SiteDraws::Replaced { .. } => {
                let group = self.group;
                tile.fill(group, self.visited.list(), &mut draws, |row, post| {
                    source.draw(group.pre[row], group.first_post + post as u32)
                });
            }
        }
        self.scratch.draws = draws;
    }
}

impl Surroundings<'_> {
    /// Whether the modulator lines that a load reads for a group are all 0.
    fn silent_lines(&self, group: &GroupTable, load: &Op) -> bool {
        match *load {
            Op::GlobalLine(m) => self.modulators[m][0] == 0,
            Op::Line { side: Side::Pre, modulator } => {
                self.modulators[modulator].iter().all(|m| *m == 0)
            }
            Op::Line { side: Side::Post, modulator } => {
                let skip = (group.first_post - self.ranges[modulator].first_lane) as usize;
                self.modulators[modulator][skip..skip + group.n_post].iter().all(|m| *m == 0)
            }
            _ => false,
        }
    }
    /// Whether every synapse has a draw of its own from the keyed source.
    fn keyed(&self) -> bool {
        matches!(self.draws, Draws::Keyed { .. }) && !self.one_draw
    }
    /// The position of a reading in the epoch, 0 for the end of the one before (S34, S40).
    fn position(&self, last_spike: u8, prev: bool) -> usize {
        let position = if last_spike > 0 { last_spike.into() } else { self.length as usize };
        position - usize::from(prev)
    }
    fn site(&self, rule: &Rule, site: u8) -> SiteDraws<'_> {
        self.draws.site(self.step, rule.stream, site)
    }
}
