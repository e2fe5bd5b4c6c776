//! What the hand-written net computes with: numbers for several episodes, and dense layers.

use trifactor_reference::float::Real;

/// One number per episode.
pub type Lane<T, const L: usize> = [T; L];

pub fn zeros<T: Real, const L: usize>(n: usize) -> Vec<Lane<T, L>> {
    vec![[T::ZERO; L]; n]
}

/// A dense matrix between two layers, `[pre][post]`.
pub struct Dense<T> {
    pub n_post: usize,
    pub w: Vec<T>,
}

impl<T: Real> Dense<T> {
    /// Adds a row for every spike; `sums` is `[episode][post]`.
    pub fn deliver<const L: usize>(&self, s: &[Lane<T, L>], sums: &mut [T]) {
        let n = self.n_post;
        for (row, s) in self.w.chunks_exact(n).zip(s) {
            for e in spikes(s) {
                axpy(&mut sums[e * n..][..n], row);
            }
        }
    }
    pub fn add_weight_gradient<const L: usize>(&self, dw: &mut [T], s: &[Lane<T, L>], d: &[T]) {
        let n = self.n_post;
        for (row, s) in dw.chunks_exact_mut(n).zip(s) {
            for e in spikes(s) {
                axpy(row, &d[e * n..][..n]);
            }
        }
    }
    pub fn add_spike_gradient<const L: usize>(&self, ds: &mut [Lane<T, L>], d: &[Lane<T, L>]) {
        let n = self.n_post;
        let (blocks, rest) = ds.as_chunks_mut::<4>();
        let at = blocks.len() * 4 * n;
        for (block, w) in blocks.iter_mut().zip(self.w.chunks_exact(4 * n)) {
            let (w0, w) = w.split_at(n);
            let (w1, w) = w.split_at(n);
            let (w2, w3) = w.split_at(n);
            let mut sums = *block;
            for ((((d, w0), w1), w2), w3) in d.iter().zip(w0).zip(w1).zip(w2).zip(w3) {
                for (sum, w) in sums.iter_mut().zip([*w0, *w1, *w2, *w3]) {
                    *sum = lane(|i| sum[i] + w * d[i]);
                }
            }
            *block = sums;
        }
        for (ds, w) in rest.iter_mut().zip(self.w[at..].chunks_exact(n)) {
            for (d, w) in d.iter().zip(w) {
                *ds = lane(|i| ds[i] + *w * d[i]);
            }
        }
    }
}

/// A lane computed as a value: written in place, elements could alias and nothing vectorises.
#[inline(always)]
pub fn lane<T: Real, const L: usize>(f: impl Fn(usize) -> T) -> Lane<T, L> {
    std::array::from_fn(f)
}

/// A number held between -bound and bound.
#[inline(always)]
pub fn hold<T: Real>(x: T, bound: T) -> T {
    let low = T::ZERO - bound;
    let x = if x > low { x } else { low };
    if x < bound { x } else { bound }
}

/// Positions of the spikes of a lane.
pub fn spikes<T: Real, const L: usize>(s: &Lane<T, L>) -> impl Iterator<Item = usize> + use<T, L> {
    let mut mask = 0u64;
    for (i, s) in s.iter().enumerate() {
        mask |= u64::from(*s != T::ZERO) << i;
    }
    std::iter::from_fn(move || {
        let next = (mask != 0).then(|| mask.trailing_zeros() as usize);
        mask &= mask.wrapping_sub(1);
        next
    })
}

pub fn axpy<T: Real>(sum: &mut [T], row: &[T]) {
    let (sums, sum_rest) = sum.as_chunks_mut::<16>();
    let (rows, row_rest) = row.as_chunks::<16>();
    for (s, r) in sums.iter_mut().zip(rows) {
        *s = std::array::from_fn(|i| s[i] + r[i]);
    }
    for (s, r) in sum_rest.iter_mut().zip(row_rest) {
        *s += *r;
    }
}

/// `[episode][lane]` to `[lane][episode]`, added; clears the former.
pub fn flush<T: Real, const L: usize>(sums: &mut [T], q: &mut [Lane<T, L>]) {
    let n = q.len();
    for (j, q) in q.iter_mut().enumerate() {
        for (e, q) in q.iter_mut().enumerate() {
            *q += sums[e * n + j];
        }
    }
    sums.fill(T::ZERO);
}

pub fn transpose<T: Real, const L: usize>(d: &[Lane<T, L>], to: &mut [T]) {
    let n = d.len();
    for (j, d) in d.iter().enumerate() {
        for (e, d) in d.iter().enumerate() {
            to[e * n + j] = *d;
        }
    }
}
