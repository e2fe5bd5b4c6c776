//! A batch of synapses that execute a rule in lock step, and how values reach its lanes.
//!
//! Four shapes: *rows*, stretches of synapses of some rows, where pre values are constant over a
//! stretch; in dense groups *columns*, one post lane and many rows, where post values are constant
//! and pre values are slices of what was gathered for those rows, and *crossings*, some rows at
//! the same post lanes each; and *pairs*, any synapses, for rules that skip silent pre lanes in
//! sparse groups.

use crate::lanes::padded;
use crate::state::Lanes;
use crate::tables::GroupTable;
use trifactor_fixed::DrawKey;

/// Synapses of a tile: enough to hide what an operation costs to begin (256 lanes take a third
/// longer, 1024 no less), few enough that a dozen buffers stay in the nearest cache. Buffers are
/// [`padded`] and have room for one more chunk, because a stretch is filled in whole chunks and
/// the next one overwrites what was too much.
pub(crate) const LANES: usize = 512;

/// A stretch of synapses of one row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stretch {
    /// Row.
    pub row: usize,
    /// First synapse.
    pub synapse: usize,
    /// Position of the first synapse in its row.
    pub offset: usize,
    /// Number of synapses.
    pub len: usize,
    /// First lane in the tile.
    pub at: usize,
}

/// Stretches of rows.
#[derive(Clone, Default, Debug)]
pub(crate) struct Rows {
    /// In order of lanes.
    pub stretches: Vec<Stretch>,
    /// Whether the stretches follow each other in memory.
    contiguous: bool,
    /// Whether every stretch is a whole row of [`GroupTable::row_len`] synapses, so that the post
    /// lanes repeat.
    whole: bool,
}

/// Rows at one post lane of a dense group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Column {
    /// Post lane, from `first_post`.
    pub post: usize,
    /// Position of the first row among those that were gathered.
    pub from: usize,
}

/// Some rows of a dense group at the same post lanes each, row after row.
#[derive(Clone, Default, Debug)]
pub(crate) struct Crossing {
    rows: Vec<u32>,
    n_posts: usize,
}

/// Any synapses.
#[derive(Clone, Default, Debug)]
pub(crate) struct Pairs {
    /// Row of each lane.
    pub rows: Vec<u32>,
    /// Post lane of each lane, from `first_post`.
    pub posts: Vec<u32>,
    /// Synapse of each lane.
    pub synapses: Vec<u32>,
}

/// A batch of synapses.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    /// Valid lanes.
    pub n: usize,
    /// Which.
    pub shape: Shape,
}

/// The synapses of a tile.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Stretches of rows.
    Rows(Rows),
    /// Rows at one post lane.
    Column(Column),
    /// Rows at some post lanes.
    Crossing(Crossing),
    /// Any.
    Pairs(Pairs),
}

impl Tile {
    /// An empty tile for stretches.
    pub(crate) fn rows() -> Self {
        let rows = Rows { stretches: Vec::new(), contiguous: true, whole: true };
        Self { n: 0, shape: Shape::Rows(rows) }
    }
    /// An empty tile for pairs.
    pub(crate) fn pairs() -> Self {
        Self { n: 0, shape: Shape::Pairs(Pairs::default()) }
    }
    /// So many rows at a post lane.
    pub(crate) fn column(post: usize, from: usize, n: usize) -> Self {
        Self { n, shape: Shape::Column(Column { post, from }) }
    }
    /// An empty tile for crossings.
    pub(crate) fn crossing() -> Self {
        Self { n: 0, shape: Shape::Crossing(Crossing::default()) }
    }
    /// Fills a tile for crossings with rows at so many post lanes each.
    pub(crate) fn cross(&mut self, rows: &[u32], n_posts: usize) {
        let Shape::Crossing(c) = &mut self.shape else { return };
        c.rows.clear();
        c.rows.extend_from_slice(rows);
        c.n_posts = n_posts;
        self.n = rows.len() * n_posts;
    }
    /// Empties the tile.
    pub(crate) fn clear(&mut self) {
        self.n = 0;
        match &mut self.shape {
            Shape::Rows(r) => {
                r.stretches.clear();
                (r.contiguous, r.whole) = (true, true);
            }
            Shape::Column(_) | Shape::Crossing(_) => {}
            Shape::Pairs(p) => {
                p.rows.clear();
                p.posts.clear();
                p.synapses.clear();
            }
        }
    }
    /// Lanes that are free.
    pub(crate) fn room(&self) -> usize {
        LANES - self.n
    }
    /// Appends a stretch, which must fit, to a tile for stretches.
    pub(crate) fn push_stretch(
        &mut self,
        group: &GroupTable,
        row: usize,
        synapse: usize,
        offset: usize,
        len: usize,
    ) {
        let Shape::Rows(r) = &mut self.shape else { return };
        if let Some(last) = r.stretches.last() {
            r.contiguous &= last.synapse + last.len == synapse;
        }
        r.whole &= group.row_len == Some(len);
        r.stretches.push(Stretch { row, synapse, offset, len, at: self.n });
        self.n += len;
    }
    /// Appends a pair, which must fit, to a tile for pairs.
    pub(crate) fn push_pair(&mut self, row: u32, post: u32, synapse: u32) {
        let Shape::Pairs(p) = &mut self.shape else { return };
        p.rows.push(row);
        p.posts.push(post);
        p.synapses.push(synapse);
        self.n += 1;
    }
    /// Length of the buffers an operation runs over.
    pub(crate) fn padded(&self) -> usize {
        padded(self.n)
    }
    /// The stretch, if the whole tile is one.
    pub(crate) fn single(&self) -> Option<&Stretch> {
        match &self.shape {
            Shape::Rows(r) => match &r.stretches[..] {
                [one] => Some(one),
                _ => None,
            },
            _ => None,
        }
    }
    /// Whether the post lanes repeat from row to row.
    pub(crate) fn repeats(&self) -> bool {
        match &self.shape {
            Shape::Rows(r) => r.whole,
            Shape::Crossing(_) => true,
            Shape::Column(_) | Shape::Pairs(_) => false,
        }
    }

    /// Widens a field into a buffer. `visited` are the rows of columns or the post
    /// lanes of crossings.
    pub(crate) fn load(&self, group: &GroupTable, field: &Lanes, visited: &[u32], dst: &mut [i32]) {
        match field {
            Lanes::I16(v) => self.gather(group, v, visited, dst),
            Lanes::U16(v) => self.gather(group, v, visited, dst),
            Lanes::I32(v) => self.gather(group, v, visited, dst),
        }
    }
    /// Stores a buffer, whose values must lie in the field's range.
    pub(crate) fn store(
        &self,
        group: &GroupTable,
        field: &mut Lanes,
        visited: &[u32],
        src: &[i32],
    ) {
        match field {
            Lanes::I16(v) => self.scatter(group, v, visited, src, |x| x as i16),
            Lanes::U16(v) => self.scatter(group, v, visited, src, |x| x as u16),
            Lanes::I32(v) => self.scatter(group, v, visited, src, |x| x),
        }
    }
    fn gather<T: Copy + Into<i32>>(
        &self,
        group: &GroupTable,
        field: &[T],
        visited: &[u32],
        dst: &mut [i32],
    ) {
        let copy = |from: &[T], to: &mut [i32]| {
            for (d, x) in to.iter_mut().zip(from) {
                *d = (*x).into();
            }
        };
        match &self.shape {
            Shape::Rows(r) => match r.stretches.first() {
                Some(first) if r.contiguous => {
                    copy(&field[first.synapse..first.synapse + self.n], dst);
                }
                _ => {
                    for s in &r.stretches {
                        copy(&field[s.synapse..s.synapse + s.len], &mut dst[s.at..]);
                    }
                }
            },
            Shape::Column(c) => {
                let length = group.row_len.unwrap_or(0);
                for (d, row) in dst.iter_mut().zip(&visited[c.from..c.from + self.n]) {
                    *d = field[*row as usize * length + c.post].into();
                }
            }
            Shape::Crossing(c) => {
                for (dst, row) in dst.chunks_exact_mut(c.n_posts).zip(&c.rows) {
                    let field = &field[group.row(*row as usize)];
                    for (d, post) in dst.iter_mut().zip(visited) {
                        *d = field[*post as usize].into();
                    }
                }
            }
            Shape::Pairs(p) => {
                for (d, synapse) in dst.iter_mut().zip(&p.synapses) {
                    *d = field[*synapse as usize].into();
                }
            }
        }
    }
    fn scatter<T>(
        &self,
        group: &GroupTable,
        field: &mut [T],
        visited: &[u32],
        src: &[i32],
        narrow: impl Fn(i32) -> T,
    ) {
        let copy = |from: &[i32], to: &mut [T]| {
            for (d, x) in to.iter_mut().zip(from) {
                *d = narrow(*x);
            }
        };
        match &self.shape {
            Shape::Rows(r) => match r.stretches.first() {
                Some(first) if r.contiguous => {
                    copy(src, &mut field[first.synapse..first.synapse + self.n]);
                }
                _ => {
                    for s in &r.stretches {
                        copy(&src[s.at..], &mut field[s.synapse..s.synapse + s.len]);
                    }
                }
            },
            Shape::Column(c) => {
                let length = group.row_len.unwrap_or(0);
                for (x, row) in src.iter().zip(&visited[c.from..c.from + self.n]) {
                    field[*row as usize * length + c.post] = narrow(*x);
                }
            }
            Shape::Crossing(c) => {
                for (src, row) in src.chunks_exact(c.n_posts).zip(&c.rows) {
                    let field = &mut field[group.row(*row as usize)];
                    for (x, post) in src.iter().zip(visited) {
                        field[*post as usize] = narrow(*x);
                    }
                }
            }
            Shape::Pairs(p) => {
                for (x, synapse) in src.iter().zip(&p.synapses) {
                    field[*synapse as usize] = narrow(*x);
                }
            }
        }
    }

    /// Spreads values of rows over the lanes, but for columns, which have them gathered.
    pub(crate) fn spread_pre<T: Copy>(&self, values: &[T], dst: &mut [T]) {
        match &self.shape {
            Shape::Rows(r) => {
                for s in &r.stretches {
                    dst[s.at..s.at + padded(s.len)].fill(values[s.row]);
                }
            }
            Shape::Column(_) => {}
            Shape::Crossing(c) => {
                for (dst, row) in dst.chunks_exact_mut(c.n_posts).zip(&c.rows) {
                    dst.fill(values[*row as usize]);
                }
            }
            Shape::Pairs(p) => {
                for (d, row) in dst.iter_mut().zip(&p.rows) {
                    *d = values[*row as usize];
                }
            }
        }
    }
    /// Spreads values of post lanes over the lanes of stretches or pairs; columns and crossings
    /// have them ready. `values` has room for one more chunk.
    pub(crate) fn spread_post<T: Copy>(&self, group: &GroupTable, values: &[T], dst: &mut [T]) {
        match &self.shape {
            Shape::Rows(r) => {
                for s in &r.stretches {
                    match &group.index {
                        None => {
                            let n = padded(s.len);
                            dst[s.at..s.at + n].copy_from_slice(&values[s.offset..s.offset + n]);
                        }
                        Some(index) => {
                            let index = &index[s.synapse..s.synapse + s.len];
                            for (d, post) in dst[s.at..].iter_mut().zip(index) {
                                *d = values[usize::from(*post)];
                            }
                        }
                    }
                }
            }
            Shape::Column(_) | Shape::Crossing(_) => {}
            Shape::Pairs(p) => {
                for (d, post) in dst.iter_mut().zip(&p.posts) {
                    *d = values[*post as usize];
                }
            }
        }
    }
    /// Fills lanes with a function of (row, post lane). `visited` as for [`load`](Self::load).
    pub(crate) fn fill<T>(
        &self,
        group: &GroupTable,
        visited: &[u32],
        dst: &mut [T],
        f: impl Fn(usize, usize) -> T,
    ) {
        match &self.shape {
            Shape::Rows(r) => {
                for s in &r.stretches {
                    for (k, d) in dst[s.at..s.at + s.len].iter_mut().enumerate() {
                        *d = f(s.row, group.post_of(s.row, s.synapse + k) as usize);
                    }
                }
            }
            Shape::Column(c) => {
                for (d, row) in dst.iter_mut().zip(&visited[c.from..c.from + self.n]) {
                    *d = f(*row as usize, c.post);
                }
            }
            Shape::Crossing(c) => {
                for (dst, row) in dst.chunks_exact_mut(c.n_posts).zip(&c.rows) {
                    for (d, post) in dst.iter_mut().zip(visited) {
                        *d = f(*row as usize, *post as usize);
                    }
                }
            }
            Shape::Pairs(p) => {
                for ((d, row), post) in dst.iter_mut().zip(&p.rows).zip(&p.posts) {
                    *d = f(*row as usize, *post as usize);
                }
            }
        }
    }
}

/// The post lanes' part of keyed draws. Source: S51.
pub(crate) fn post_keys(group: &GroupTable) -> Vec<u32> {
    let end = group.n_post + LANES;
    (0..end as u32).map(|post| DrawKey::post(group.first_post.wrapping_add(post))).collect()
}
