//! A batch of synapses that execute a rule in lock step, and how values reach its lanes.
//!
//! Two shapes: *rows*, stretches of synapses of some rows, where pre values are constant over a
//! stretch and post values of a dense row are a plain slice; and *pairs*, any synapses, for rules
//! whose silent pre lanes only meet the few post lanes that spiked.

use crate::draws::SiteDraws;
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

/// A batch of synapses.
#[derive(Clone, Default, Debug)]
pub(crate) struct Tile {
    /// Valid lanes.
    pub n: usize,
    /// Stretches; empty for pairs.
    pub stretches: Vec<Stretch>,
    /// Whether the stretches follow each other in memory.
    contiguous: bool,
    /// Pairs: row of each lane.
    pub rows: Vec<u32>,
    /// Pairs: post lane of each lane, from `first_post`.
    pub posts: Vec<u32>,
    /// Pairs: synapse of each lane.
    pub synapses: Vec<u32>,
}

impl Tile {
    /// An empty tile.
    pub(crate) fn clear(&mut self) {
        self.n = 0;
        self.contiguous = true;
        self.stretches.clear();
        self.rows.clear();
        self.posts.clear();
        self.synapses.clear();
    }
    /// Lanes that are free.
    pub(crate) fn room(&self) -> usize {
        LANES - self.n
    }
    /// Appends a stretch, which must fit.
    pub(crate) fn push_stretch(&mut self, row: usize, synapse: usize, offset: usize, len: usize) {
        if let Some(last) = self.stretches.last() {
            self.contiguous &= last.synapse + last.len == synapse;
        }
        self.stretches.push(Stretch { row, synapse, offset, len, at: self.n });
        self.n += len;
    }
    /// Appends a pair, which must fit.
    pub(crate) fn push_pair(&mut self, row: u32, post: u32, synapse: u32) {
        self.rows.push(row);
        self.posts.push(post);
        self.synapses.push(synapse);
        self.n += 1;
    }
    /// Length of the buffers an operation runs over.
    pub(crate) fn padded(&self) -> usize {
        padded(self.n)
    }
    /// The stretch, if the whole tile is one.
    pub(crate) fn single(&self) -> Option<&Stretch> {
        match &self.stretches[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Widens a field into a buffer.
    pub(crate) fn load(&self, field: &Lanes, dst: &mut [i32]) {
        match field {
            Lanes::I16(v) => self.gather(v, dst),
            Lanes::U16(v) => self.gather(v, dst),
            Lanes::I32(v) => self.gather(v, dst),
        }
    }
    /// Stores a buffer, whose values must lie in the field's range.
    pub(crate) fn store(&self, field: &mut Lanes, src: &[i32]) {
        match field {
            Lanes::I16(v) => self.scatter(v, src, |x| x as i16),
            Lanes::U16(v) => self.scatter(v, src, |x| x as u16),
            Lanes::I32(v) => self.scatter(v, src, |x| x),
        }
    }
    fn gather<T: Copy + Into<i32>>(&self, field: &[T], dst: &mut [i32]) {
        let copy = |from: &[T], to: &mut [i32]| {
            for (d, x) in to.iter_mut().zip(from) {
                *d = (*x).into();
            }
        };
        match self.stretches.first() {
            Some(first) if self.contiguous => {
                copy(&field[first.synapse..first.synapse + self.n], dst);
            }
            Some(_) => {
                for s in &self.stretches {
                    copy(&field[s.synapse..s.synapse + s.len], &mut dst[s.at..]);
                }
            }
            None => {
                for (d, synapse) in dst.iter_mut().zip(&self.synapses) {
                    *d = field[*synapse as usize].into();
                }
            }
        }
    }
    fn scatter<T>(&self, field: &mut [T], src: &[i32], narrow: impl Fn(i32) -> T) {
        let copy = |from: &[i32], to: &mut [T]| {
            for (d, x) in to.iter_mut().zip(from) {
                *d = narrow(*x);
            }
        };
        match self.stretches.first() {
            Some(first) if self.contiguous => {
                copy(src, &mut field[first.synapse..first.synapse + self.n]);
            }
            Some(_) => {
                for s in &self.stretches {
                    copy(&src[s.at..], &mut field[s.synapse..s.synapse + s.len]);
                }
            }
            None => {
                for (x, synapse) in src.iter().zip(&self.synapses) {
                    field[*synapse as usize] = narrow(*x);
                }
            }
        }
    }

    /// Spreads values of rows over the lanes.
    pub(crate) fn spread_pre(&self, values: &[i32], dst: &mut [i32]) {
        for s in &self.stretches {
            dst[s.at..s.at + padded(s.len)].fill(values[s.row]);
        }
        for (d, row) in dst.iter_mut().zip(&self.rows) {
            *d = values[*row as usize];
        }
    }
    /// Spreads values of post lanes over the lanes. `values` has room for one more chunk.
    pub(crate) fn spread_post(&self, group: &GroupTable, values: &[i32], dst: &mut [i32]) {
        for s in &self.stretches {
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
        for (d, post) in dst.iter_mut().zip(&self.posts) {
            *d = values[*post as usize];
        }
    }
    /// Fills lanes with a function of (row, post lane).
    pub(crate) fn fill(
        &self,
        group: &GroupTable,
        dst: &mut [i32],
        f: impl Fn(usize, usize) -> i32,
    ) {
        for s in &self.stretches {
            for (k, d) in dst[s.at..s.at + s.len].iter_mut().enumerate() {
                *d = f(s.row, group.post_of(s.row, s.synapse + k) as usize);
            }
        }
        for ((d, row), post) in dst.iter_mut().zip(&self.rows).zip(&self.posts) {
            *d = f(*row as usize, *post as usize);
        }
    }

    /// The draws of one site. `row_keys` holds the row's part of keyed draws. Source: S51.
    pub(crate) fn draw(
        &self,
        group: &GroupTable,
        site: SiteDraws<'_>,
        row_keys: &[u32],
        dst: &mut [u32],
    ) {
        let first = group.first_post;
        match site {
            SiteDraws::Keyed(_) => self.draw_keyed(group, row_keys, dst),
            SiteDraws::Replaced { .. } => {
                for s in &self.stretches {
                    for (k, d) in dst[s.at..s.at + s.len].iter_mut().enumerate() {
                        let post = first + group.post_of(s.row, s.synapse + k);
                        *d = site.draw(group.pre[s.row], post);
                    }
                }
                for ((d, row), post) in dst.iter_mut().zip(&self.rows).zip(&self.posts) {
                    *d = site.draw(group.pre[*row as usize], first + post);
                }
            }
        }
    }
    fn draw_keyed(&self, group: &GroupTable, row_keys: &[u32], dst: &mut [u32]) {
        let first = group.first_post;
        for s in &self.stretches {
            let key = row_keys[s.row];
            match &group.index {
                None => {
                    let post = first + s.offset as u32;
                    for (k, d) in (0u32..).zip(&mut dst[s.at..s.at + padded(s.len)]) {
                        *d = DrawKey::lane(key, post.wrapping_add(k));
                    }
                }
                Some(index) => {
                    let index = &index[s.synapse..s.synapse + s.len];
                    for (d, post) in dst[s.at..].iter_mut().zip(index) {
                        *d = DrawKey::lane(key, first + u32::from(*post));
                    }
                }
            }
        }
        for ((d, row), post) in dst.iter_mut().zip(&self.rows).zip(&self.posts) {
            *d = DrawKey::lane(row_keys[*row as usize], first.wrapping_add(*post));
        }
    }
}
