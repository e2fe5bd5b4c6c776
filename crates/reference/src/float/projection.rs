//! Delivery of spikes over synapses, and its transpose.
//!
//! Where the weights are parameters, shared by all episodes, a spike adds a row of weights to a
//! row of sums: work is proportional to the spikes, and sums are held as `[episode][post]` so that
//! the row is contiguous. Contributions to one sum are added in the order of pre lanes, so the
//! result is the same bits as that of a dense product.

use super::loops::{self, Addend, Arg, Index, IndexKind, Onto, Size};
use super::program::{Edges, first_chunks};
use super::real::Real;
use std::sync::Arc;

/// The synapses of one space, ready for delivery.
#[derive(Clone, Debug)]
pub(super) struct Projection {
    edges: Arc<Edges>,
    /// First post lane of each row if the post lanes of every row are consecutive.
    first_post: Option<Vec<u32>>,
    /// First chunks of rows of episodes.
    same: Vec<u32>,
}

impl Projection {
    pub fn new(edges: Arc<Edges>, width: usize) -> Self {
        let first_post = (0..edges.n_pre()).map(|pre| {
            let posts = &edges.post[edges.row(pre)];
            let consecutive = posts.windows(2).all(|p| p[1] == p[0] + 1);
            consecutive.then(|| posts.first().copied().unwrap_or(0))
        });
        let first_post = first_post.collect();
        Self { first_post, same: first_chunks(0..loops::MOST_ROWS as u32, width), edges }
    }

    /// Adds `w * s` of every spike to its targets: `sums` is `[episode][post]`, `w` `[synapse]`,
    /// `s` `[pre][episode]`.
    pub fn deliver<T: Real>(&self, w: &[T], s: &[T], width: usize, sums: &mut [T]) {
        let n_post = self.edges.n_post;
        if width == 1 {
            return for_each_spike(s, |pre, s| self.add_row(pre, w, s, sums));
        }
        for (pre, spikes) in s.chunks_exact(width).enumerate() {
            for_each_spike(spikes, |episode, s| {
                self.add_row(pre, w, s, &mut sums[episode * n_post..][..n_post]);
            });
        }
    }

    /// Adds the weights of a row times `s` to the sums of one episode.
    #[inline(always)]
    fn add_row<T: Real>(&self, pre: usize, w: &[T], s: T, sums: &mut [T]) {
        let row = self.edges.row(pre);
        let w = &w[row.clone()];
        match &self.first_post {
            Some(first) => add_scaled(&mut sums[first[pre] as usize..][..w.len()], w, s),
            None => {
                for (w, post) in w.iter().zip(&self.edges.post[row]) {
                    sums[*post as usize] += *w * s;
                }
            }
        }
    }

    /// The same for weights of `[synapse][episode]` and sums of `[post][episode]`; rows without a
    /// spike in any episode are left out.
    pub fn deliver_own<T: Real>(&self, w: &[T], s: &[T], width: usize, sums: &mut [T]) {
        let same = Index { rows: &self.same, kind: IndexKind::Same };
        for (pre, spikes) in s.chunks_exact(width).enumerate() {
            if spikes.iter().all(|s| *s == T::ZERO) {
                continue;
            }
            let (row, s) = (self.edges.row(pre), Arg::Rows { data: spikes, index: loops::first() });
            for start in row.clone().step_by(loops::MOST_ROWS) {
                let row = start..row.end.min(start + loops::MOST_ROWS);
                let data = &w[row.start * width..row.end * width];
                let w = Arg::Rows { data, index: same };
                let size = Size { rows: row.len(), width };
                let addend = Addend { a: &w, b: Some(&s), negative: false };
                let onto = Onto::Listed(&self.edges.post_chunk()[row]);
                loops::add_rows(sums, size, addend, onto);
            }
        }
    }

    /// Adds the gradient of the weights: `dw[synapse] += s * d` summed over episodes in order.
    /// `d` is the gradient of the sums, `[episode][post]`.
    pub fn add_weight_gradient<T: Real>(&self, dw: &mut [T], s: &[T], width: usize, d: &[T]) {
        let n_post = self.edges.n_post;
        for (pre, spikes) in s.chunks_exact(width).enumerate() {
            let row = self.edges.row(pre);
            let dw = &mut dw[row.clone()];
            for_each_spike(spikes, |episode, s| {
                let d = &d[episode * n_post..][..n_post];
                match &self.first_post {
                    Some(first) => add_scaled(dw, &d[first[pre] as usize..][..dw.len()], s),
                    None => {
                        for (dw, post) in dw.iter_mut().zip(&self.edges.post[row.clone()]) {
                            *dw += d[*post as usize] * s;
                        }
                    }
                }
            });
        }
    }

    /// Adds the gradient of the spikes: `ds[pre] += w * d[post]` over all synapses in order. `ds`
    /// is `[pre][episode]`, `d` `[post][episode]`.
    pub fn add_spike_gradient<T: Real>(&self, ds: &mut [T], w: &[T], d: &[T], width: usize) {
        if width.is_multiple_of(16) {
            self.spike_gradient::<T, 16>(ds, w, d, width);
        } else if width.is_multiple_of(8) {
            self.spike_gradient::<T, 8>(ds, w, d, width);
        } else {
            self.spike_gradient::<T, 1>(ds, w, d, width);
        }
    }

    fn spike_gradient<T: Real, const W: usize>(
        &self,
        ds: &mut [T],
        w: &[T],
        d: &[T],
        width: usize,
    ) {
        let step = width / W;
        let ds = ds.as_chunks_mut::<W>().0;
        let d = d.as_chunks::<W>().0;
        let n_pre = self.edges.n_pre();
        for column in 0..step {
            let mut pre = 0;
            // Four rows over the same targets share each load of d.
            while pre + 4 <= n_pre
                && let Some(first) = self.same_targets(pre)
            {
                let rows: [&[T]; 4] = std::array::from_fn(|i| &w[self.edges.row(pre + i)]);
                let n = rows[0].len();
                let [w0, w1, w2, w3] = rows.map(|r| &r[..n]);
                let mut sums: [[T; W]; 4] = std::array::from_fn(|i| ds[(pre + i) * step + column]);
                for j in 0..n {
                    let d = &d[(first + j) * step + column];
                    for (sum, w) in sums.iter_mut().zip([w0[j], w1[j], w2[j], w3[j]]) {
                        *sum = std::array::from_fn(|i| sum[i] + w * d[i]);
                    }
                }
                for (i, sum) in sums.into_iter().enumerate() {
                    ds[(pre + i) * step + column] = sum;
                }
                pre += 4;
            }
            for pre in pre..n_pre {
                let mut sum = ds[pre * step + column];
                let row = self.edges.row(pre);
                for (w, post) in w[row.clone()].iter().zip(&self.edges.post[row]) {
                    let d = &d[*post as usize * step + column];
                    sum = std::array::from_fn(|i| sum[i] + *w * d[i]);
                }
                ds[pre * step + column] = sum;
            }
        }
    }

    /// First post lane of four rows that lead to the same consecutive targets.
    fn same_targets(&self, pre: usize) -> Option<usize> {
        let first = self.first_post.as_ref()?;
        let same = |i: usize| {
            first[pre + i] == first[pre]
                && self.edges.row(pre + i).len() == self.edges.row(pre).len()
        };
        (1..4).all(same).then_some(first[pre] as usize)
    }
}

/// Calls `f` for every number that is not 0, with its position.
#[inline(always)]
fn for_each_spike<T: Real>(spikes: &[T], mut f: impl FnMut(usize, T)) {
    let (chunks, rest) = spikes.as_chunks::<16>();
    for (c, chunk) in chunks.iter().enumerate() {
        let mut mask = 0u32;
        for (i, s) in chunk.iter().enumerate() {
            mask |= u32::from(*s != T::ZERO) << i;
        }
        while mask != 0 {
            let i = mask.trailing_zeros() as usize;
            f(c * 16 + i, chunk[i]);
            mask &= mask - 1;
        }
    }
    for (i, s) in rest.iter().enumerate() {
        if *s != T::ZERO {
            f(chunks.len() * 16 + i, *s);
        }
    }
}

#[inline(always)]
fn add_scaled<T: Real>(sums: &mut [T], row: &[T], s: T) {
    let (sums, sums_rest) = sums.as_chunks_mut::<16>();
    let (row, row_rest) = row.as_chunks::<16>();
    for (sum, x) in sums.iter_mut().zip(row) {
        *sum = std::array::from_fn(|i| sum[i] + x[i] * s);
    }
    for (sum, x) in sums_rest.iter_mut().zip(row_rest) {
        *sum += *x * s;
    }
}

/// Adds `[episode][lane]` to `[lane][episode]` and clears the former.
pub(super) fn flush<T: Real>(by_episode: &mut [T], sums: &mut [T], width: usize) {
    let n = sums.len() / width;
    for (lane, sums) in sums.chunks_exact_mut(width).enumerate() {
        for (episode, sum) in sums.iter_mut().enumerate() {
            *sum += by_episode[episode * n + lane];
        }
    }
    by_episode.fill(T::ZERO);
}

/// Copies `[lane][episode]` to `[episode][lane]`.
pub(super) fn transpose<T: Real>(from: &[T], to: &mut [T], width: usize) {
    let n = from.len() / width;
    for (lane, row) in from.chunks_exact(width).enumerate() {
        for (episode, x) in row.iter().enumerate() {
            to[episode * n + lane] = *x;
        }
    }
}
