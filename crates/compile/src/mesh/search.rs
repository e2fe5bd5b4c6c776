//! Arrangements of cores on tiles, and how one becomes a better one.
//!
//! For each core two tables hold what its messages cost if it were in each column and in each
//! row: the way of a message is a sum over both axes, so the cost of any tile is two look-ups, and
//! so is what an exchange of two cores gains. A table is renewed when a partner of its core moves.

use super::ground::{Ground, LinkWeights};
use super::loads::Loads;
use super::traffic::Traffic;

/// How much more uneven loads may cost: an arrangement is charged, beside its hops, this fraction
/// of what the hops of all links would cost if each were as loaded as the most loaded one.
const UNEVEN_SHARE: i64 = 8;
/// Links of a tile.
const LINKS_OF_TILE: i64 = 4;
/// Cores looked at when the most loaded link is relieved: those that load it most.
const RELIEVED_CORES: usize = 8;
/// Exchanges of such a core whose loads are counted: those with the least cost in hops.
const RELIEVED_EXCHANGES: usize = 32;

/// Work that a search may do, in look-ups; deterministic, unlike time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget(pub u64);

impl Budget {
    fn spend(&mut self, work: usize) -> bool {
        self.0 = self.0.saturating_sub(work as u64);
        self.0 > 0
    }
}

/// Cores on tiles.
pub(super) struct Search<'a> {
    ground: &'a Ground,
    traffic: &'a Traffic,
    /// Messages between each core and others, in either direction.
    near: &'a [Vec<(u32, u64)>],
    /// What one message less on the most loaded link is worth.
    uneven: i64,
    /// Most tiles that may be in use.
    most_tiles: usize,
    /// Tile of each core.
    tile: Vec<usize>,
    /// Cores on each tile.
    cores: Vec<Vec<usize>>,
    /// Cost of each core's messages by column. Shape: [core][column].
    by_column: Vec<i64>,
    /// Cost of each core's messages by row. Shape: [core][row].
    by_row: Vec<i64>,
}

/// A core and where it goes: to the place of another core, or to a free one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Change {
    Exchange(usize, usize),
    Move(usize, usize),
}

impl<'a> Search<'a> {
    /// No core is anywhere yet.
    pub fn new(
        ground: &'a Ground,
        traffic: &'a Traffic,
        near: &'a [Vec<(u32, u64)>],
        weights: &LinkWeights,
    ) -> Self {
        let n = traffic.n_cores();
        let most_tiles = n.div_ceil(ground.per_tile);
        let share = LINKS_OF_TILE * most_tiles as i64 * weights.mean() as i64;
        let mut search = Self {
            ground,
            traffic,
            near,
            uneven: (share / UNEVEN_SHARE).max(1),
            most_tiles,
            tile: vec![usize::MAX; n],
            cores: vec![Vec::new(); ground.tiles.len()],
            by_column: vec![0; n * ground.columns.len()],
            by_row: vec![0; n * ground.rows.len()],
        };
        for core in 0..n {
            let messages = traffic.from_host[core] as i64;
            search.columns_of(core).zip(&ground.columns).for_each(|(c, way)| *c = way * messages);
            search.rows_of(core).zip(&ground.rows).for_each(|(c, way)| *c = way * messages);
        }
        search
    }

    fn columns_of(&mut self, core: usize) -> impl Iterator<Item = &mut i64> {
        let n = self.ground.columns.len();
        self.by_column[core * n..][..n].iter_mut()
    }

    fn rows_of(&mut self, core: usize) -> impl Iterator<Item = &mut i64> {
        let n = self.ground.rows.len();
        self.by_row[core * n..][..n].iter_mut()
    }

    /// What a core's messages cost if it were on a tile and all others stayed.
    fn cost_on(&self, core: usize, tile: usize) -> i64 {
        let (x, y) = self.ground.tiles[tile].at;
        self.by_column[core * self.ground.columns.len() + x]
            + self.by_row[core * self.ground.rows.len() + y]
    }

    /// Puts a core on a tile, wherever it was; returns the work.
    fn put(&mut self, core: usize, tile: usize) -> usize {
        let (ground, near) = (self.ground, &self.near[core]);
        let before = self.tile[core];
        if let Some(left) = self.cores.get_mut(before) {
            left.retain(|c| *c != core);
        }
        self.tile[core] = tile;
        let at = self.cores[tile].partition_point(|c| *c < core);
        self.cores[tile].insert(at, core);
        let new = ground.tiles[tile].at;
        let old = ground.tiles.get(before).map(|t| t.at);
        let renew = |table: &mut [i64], axis: &[i64], new: usize, old: Option<usize>| {
            if old == Some(new) {
                return;
            }
            let gone = |way: i64| old.map_or(0, |old| (way - axis[old]).abs());
            let change: Vec<i64> = axis.iter().map(|w| (w - axis[new]).abs() - gone(*w)).collect();
            for &(other, messages) in near {
                let costs = &mut table[other as usize * axis.len()..][..axis.len()];
                costs.iter_mut().zip(&change).for_each(|(c, d)| *c += d * messages as i64);
            }
        };
        renew(&mut self.by_column, &ground.columns, new.0, old.map(|at| at.0));
        renew(&mut self.by_row, &ground.rows, new.1, old.map(|at| at.1));
        near.len() * (ground.columns.len() + ground.rows.len())
    }

    /// Puts every core where it is asked for.
    pub fn start_with(&mut self, tiles: &[usize]) {
        for (core, tile) in tiles.iter().enumerate() {
            self.put(core, *tile);
        }
    }

    /// Greedy: the core with most messages to those that are placed (and to the host port) comes
    /// next, on the tile where these cost least.
    pub fn start_greedily(&mut self) {
        let n = self.tile.len();
        let mut pull: Vec<u64> = self.traffic.from_host.clone();
        let total: Vec<u64> =
            self.near.iter().map(|list| list.iter().map(|(_, messages)| messages).sum()).collect();
        let mut left: Vec<usize> = (0..n).collect();
        while !left.is_empty() {
            // Of equals the busiest, then the first in the author's order.
            let best = left
                .iter()
                .enumerate()
                .max_by_key(|(_, core)| (pull[**core], total[**core], std::cmp::Reverse(**core)));
            let (at, &core) = best.expect("internal: a core is left");
            left.remove(at);
            let mut in_use = self.tiles_in_use();
            if in_use.len() < self.most_tiles {
                in_use = (0..self.ground.tiles.len()).collect();
            }
            let free = in_use.iter().filter(|t| self.cores[**t].len() < self.ground.per_tile);
            let tile = *free
                .min_by_key(|t| (self.cost_on(core, **t), **t))
                .expect("internal: there are as many places as cores");
            self.put(core, tile);
            for &(other, messages) in &self.near[core] {
                pull[other as usize] += messages;
            }
        }
    }

    fn tiles_in_use(&self) -> Vec<usize> {
        (0..self.cores.len()).filter(|t| !self.cores[*t].is_empty()).collect()
    }

    /// What an arrangement costs: its hops, and how uneven it loads its links.
    pub fn cost(&self) -> i64 {
        self.hops() + self.uneven * self.loads().most()
    }

    /// The energy of all hops.
    pub fn hops(&self) -> i64 {
        let host = (0..self.tile.len()).map(|core| {
            let (x, y) = self.ground.tiles[self.tile[core]].at;
            self.traffic.from_host[core] as i64 * (self.ground.columns[x] + self.ground.rows[y])
        });
        // Every pair of cores is counted from both sides, the host's messages once.
        let host: i64 = host.sum();
        let all: i64 = (0..self.tile.len()).map(|core| self.cost_on(core, self.tile[core])).sum();
        (all - host) / 2 + host
    }

    /// Exchanges cores, moves them to free places and exchanges whole tiles until nothing is
    /// gained or the budget is spent.
    pub fn improve(&mut self, budget: &mut Budget) {
        let mut messages_to = vec![0; self.tile.len()];
        loop {
            let mut gained = false;
            for core in 0..self.tile.len() {
                if !budget.spend(self.tile.len() + self.near[core].len()) {
                    return;
                }
                if let Some(change) = self.best_change(core, &mut messages_to) {
                    budget.spend(self.apply(change));
                    gained = true;
                }
            }
            for tile in 0..self.ground.tiles.len() {
                if self.cores[tile].is_empty() {
                    continue;
                }
                if !budget.spend(self.ground.tiles.len() * self.ground.per_tile) {
                    return;
                }
                if let Some(other) = self.best_tile(tile, &mut messages_to) {
                    budget.spend(self.exchange_tiles(tile, other));
                    gained = true;
                }
            }
            if !gained {
                return;
            }
        }
    }

    /// Fills in the messages between a core and all others.
    fn fill(&self, core: usize, messages_to: &mut [i64]) {
        self.near[core].iter().for_each(|(c, n)| messages_to[*c as usize] += *n as i64);
    }

    fn clear(&self, core: usize, messages_to: &mut [i64]) {
        self.near[core].iter().for_each(|(c, _)| messages_to[*c as usize] = 0);
    }

    /// By how much the cost of hops grows when a core takes the place of another.
    fn growth(&self, core: usize, other: usize, between: i64) -> i64 {
        let (p, q) = (self.tile[core], self.tile[other]);
        // Each of the two counts the other as if it stayed, so their own way is added again.
        self.cost_on(core, q) - self.cost_on(core, p) + self.cost_on(other, p)
            - self.cost_on(other, q)
            + 2 * between * self.ground.way(p, q)
    }

    /// Tiles in use with a free place.
    fn tiles_with_room(&self) -> Vec<usize> {
        // Only the last tile of a greedy start has room, so there are few.
        let mut found = self.tiles_in_use();
        found.retain(|t| self.cores[*t].len() < self.ground.per_tile);
        found
    }

    /// The change of a core that saves most; the first of equals.
    fn best_change(&self, core: usize, messages_to: &mut [i64]) -> Option<Change> {
        self.fill(core, messages_to);
        let mut best = (0, None);
        for (other, between) in messages_to.iter().enumerate() {
            if self.tile[other] != self.tile[core] {
                let growth = self.growth(core, other, *between);
                if growth < best.0 {
                    best = (growth, Some(Change::Exchange(core, other)));
                }
            }
        }
        self.clear(core, messages_to);
        for tile in self.tiles_with_room() {
            let growth = self.cost_on(core, tile) - self.cost_on(core, self.tile[core]);
            if growth < best.0 {
                best = (growth, Some(Change::Move(core, tile)));
            }
        }
        best.1
    }

    fn apply(&mut self, change: Change) -> usize {
        match change {
            Change::Exchange(a, b) => {
                let (p, q) = (self.tile[a], self.tile[b]);
                self.put(a, q) + self.put(b, p)
            }
            Change::Move(core, tile) => self.put(core, tile),
        }
    }

    /// The tile, in use or not, with which exchanging all cores saves most.
    fn best_tile(&self, tile: usize, messages_to: &mut [i64]) -> Option<usize> {
        for core in &self.cores[tile] {
            self.fill(*core, messages_to);
        }
        // Messages between cores of a tile have no way before or after, yet each side counts them.
        let inside = |cores: &[usize], messages_to: &[i64]| -> i64 {
            cores.iter().map(|core| messages_to[*core]).sum()
        };
        let within = inside(&self.cores[tile], messages_to);
        let mut best = (0, None);
        for other in 0..self.ground.tiles.len() {
            if other == tile {
                continue;
            }
            let moved = |cores: &[usize], from, to| -> i64 {
                cores.iter().map(|c| self.cost_on(*c, to) - self.cost_on(*c, from)).sum()
            };
            let there = &self.cores[other];
            let between = inside(there, messages_to);
            let growth = moved(&self.cores[tile], tile, other)
                + moved(there, other, tile)
                + (2 * between - within - self.within(there)) * self.ground.way(tile, other);
            if growth < best.0 {
                best = (growth, Some(other));
            }
        }
        for core in &self.cores[tile] {
            self.clear(*core, messages_to);
        }
        best.1
    }

    /// Messages between cores of a list, counted from both sides.
    fn within(&self, cores: &[usize]) -> i64 {
        let to = |core: usize, other: usize| {
            let at = self.near[core].binary_search_by_key(&(other as u32), |(c, _)| *c);
            at.map_or(0, |at| self.near[core][at].1 as i64)
        };
        cores.iter().flat_map(|a| cores.iter().map(move |b| to(*a, *b))).sum()
    }

    fn exchange_tiles(&mut self, tile: usize, other: usize) -> usize {
        let (here, there) = (self.cores[tile].clone(), self.cores[other].clone());
        let mut work = 0;
        for core in here {
            work += self.put(core, other);
        }
        for core in there {
            work += self.put(core, tile);
        }
        work
    }

    /// Messages on every link.
    fn loads(&self) -> Loads {
        let mut loads = Loads::new(self.ground);
        for core in 0..self.tile.len() {
            self.add_host(&mut loads, core, 1);
            for &(to, messages) in &self.traffic.between[core] {
                loads.add(self.at(core), self.at(to as usize), messages as i64);
            }
        }
        loads
    }

    fn at(&self, core: usize) -> (usize, usize) {
        self.ground.tiles[self.tile[core]].at
    }

    fn add_host(&self, loads: &mut Loads, core: usize, sign: i64) -> u64 {
        loads.add((0, 0), self.at(core), sign * self.traffic.from_host[core] as i64)
    }

    /// Takes messages off the most loaded link as long as that costs less in hops than it is
    /// worth.
    pub fn relieve(&mut self, senders: &Senders, budget: &mut Budget) {
        let mut messages_to = vec![0; self.tile.len()];
        let mut loads = self.loads();
        loop {
            let most = loads.most();
            let link = loads.most_loaded();
            let mut best: (i64, Option<Change>) = (0, None);
            for core in self.heaviest_on(&loads, link) {
                for (growth, change) in self.cheapest_changes(core, &mut messages_to) {
                    if growth >= self.uneven * most {
                        break;
                    }
                    let work = self.shift_loads(&mut loads, senders, change);
                    let total = growth + self.uneven * (loads.most() - most);
                    if total < best.0 {
                        best = (total, Some(change));
                    }
                    let back = self.undo_loads(&mut loads, senders, change);
                    if !budget.spend((work + back) as usize + loads.len()) {
                        return;
                    }
                }
                if !budget.spend(self.tile.len() + self.near[core].len()) {
                    return;
                }
            }
            let Some(change) = best.1 else { return };
            self.shift_loads(&mut loads, senders, change);
            budget.spend(self.apply(change));
        }
    }

    /// The cores whose messages load a link most, heaviest first.
    fn heaviest_on(&self, loads: &Loads, link: usize) -> Vec<usize> {
        let mut weight = vec![0u64; self.tile.len()];
        for core in 0..self.tile.len() {
            if loads.passes(link, (0, 0), self.at(core)) {
                weight[core] += self.traffic.from_host[core];
            }
            for &(to, messages) in &self.traffic.between[core] {
                if loads.passes(link, self.at(core), self.at(to as usize)) {
                    weight[core] += messages;
                    weight[to as usize] += messages;
                }
            }
        }
        let mut cores: Vec<usize> = (0..weight.len()).filter(|c| weight[*c] > 0).collect();
        cores.sort_by_key(|core| (std::cmp::Reverse(weight[*core]), *core));
        cores.truncate(RELIEVED_CORES);
        cores
    }

    /// The changes of a core by what they cost in hops, the cheapest first.
    fn cheapest_changes(&self, core: usize, messages_to: &mut [i64]) -> Vec<(i64, Change)> {
        self.fill(core, messages_to);
        let others = messages_to.iter().enumerate();
        let elsewhere = others.filter(|(other, _)| self.tile[*other] != self.tile[core]);
        let mut all: Vec<(i64, Change)> = elsewhere
            .map(|(other, n)| (self.growth(core, other, *n), Change::Exchange(core, other)))
            .collect();
        self.clear(core, messages_to);
        for tile in self.tiles_with_room() {
            let growth = self.cost_on(core, tile) - self.cost_on(core, self.tile[core]);
            all.push((growth, Change::Move(core, tile)));
        }
        all.sort_by_key(|(growth, _)| *growth);
        all.truncate(RELIEVED_EXCHANGES);
        all
    }

    /// Changes the loads as a change of places would.
    fn shift_loads(&self, loads: &mut Loads, senders: &Senders, change: Change) -> u64 {
        self.reroute(loads, senders, change, 1)
    }

    fn undo_loads(&self, loads: &mut Loads, senders: &Senders, change: Change) -> u64 {
        self.reroute(loads, senders, change, -1)
    }

    /// Takes the messages of the cores that move off their old links and adds them to their new
    /// ones (`sign` 1), or the other way round (-1).
    fn reroute(&self, loads: &mut Loads, senders: &Senders, change: Change, sign: i64) -> u64 {
        let (a, b, to_a, to_b) = match change {
            Change::Exchange(a, b) => (a, Some(b), self.tile[b], self.tile[a]),
            Change::Move(core, tile) => (core, None, tile, tile),
        };
        let new = |core: usize| match core {
            _ if core == a => self.ground.tiles[to_a].at,
            _ if Some(core) == b => self.ground.tiles[to_b].at,
            _ => self.at(core),
        };
        let mut passed = 0;
        let mut both = |from: (_, _), to: (_, _), messages: i64| {
            passed += loads.add(from.0, to.0, -sign * messages);
            passed += loads.add(from.1, to.1, sign * messages);
        };
        for core in std::iter::once(a).chain(b) {
            let here = (self.at(core), new(core));
            both(((0, 0), (0, 0)), here, self.traffic.from_host[core] as i64);
            for &(to, messages) in &self.traffic.between[core] {
                let to = to as usize;
                both(here, (self.at(to), new(to)), messages as i64);
            }
            for &(from, messages) in &senders.to[core] {
                let from = from as usize;
                // Messages between the two were counted with their sender.
                if from != a && Some(from) != b {
                    both((self.at(from), new(from)), here, messages as i64);
                }
            }
        }
        passed
    }

    /// The physical number of each core: places of a tile are filled in the author's order.
    pub fn numbers(&self) -> Vec<u32> {
        let place = |core: usize| {
            let tile = self.tile[core];
            let at = self.cores[tile].binary_search(&core);
            let at = at.expect("internal: a core is on its tile");
            self.ground.tiles[tile].first_core + at as u32
        };
        (0..self.tile.len()).map(place).collect()
    }
}

/// Who sends to each core.
pub(super) struct Senders {
    to: Vec<Vec<(u32, u64)>>,
}

impl Senders {
    pub fn of(traffic: &Traffic) -> Self {
        let mut to = vec![Vec::new(); traffic.n_cores()];
        for (from, list) in (0u32..).zip(&traffic.between) {
            for &(core, messages) in list {
                to[core as usize].push((from, messages));
            }
        }
        Self { to }
    }
}
