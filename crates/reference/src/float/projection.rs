//! Delivery of spikes over synapses, and its transpose.
//!
//! Where the weights are parameters, shared by all episodes, a spike adds a row of weights to a
//! row of sums: work is proportional to the spikes, and sums are held as `[episode][post]` so that
//! the row is contiguous. Contributions to one sum are added in the order of pre lanes, so the
//! result is the same bits as that of a dense product. Where every pre lane leads to the same
//! consecutive post lanes, there is native code for the product of rows of episodes, see
//! [`Product`]: sums are then held as `[post][episode]`, and contributions come in the same order.

use super::loops::{self, Addend, Arg, Index, IndexKind, Onto, Size};
use super::program::{Edges, first_chunks};
use super::real::Real;
use std::sync::Arc;
use trifactor_jit::{Events, Level, Matrix, Outer, Product};

/// The synapses of one space, ready for delivery.
#[derive(Clone, Debug)]
pub(super) struct Projection<T> {
    edges: Arc<Edges>,
    /// First post lane of each row if the post lanes of every row are consecutive.
    first_post: Option<Vec<u32>>,
    /// First chunks of rows of episodes.
    same: Vec<u32>,
    dense: Option<Arc<Dense<T>>>,
}

/// Native code for synapses between all pre lanes and a range of post lanes.
#[derive(Debug)]
struct Dense<T> {
    first_post: usize,
    deliver: Product<T>,
    spike_gradient: Product<T>,
    weight_gradient: Option<Outer<T>>,
}

impl<T: Real> Dense<T> {
    fn new(edges: &Edges, first_post: usize, width: usize) -> Option<Self> {
        let (n_pre, n_post) = (edges.n_pre(), edges.row(0).len());
        let level = Level::best()?;
        let deliver = Matrix {
            width,
            outputs: n_post,
            inputs: n_pre,
            output_stride: 1,
            input_stride: n_post,
            sparse: true,
        };
        let spike_gradient = Matrix {
            width,
            outputs: n_pre,
            inputs: n_post,
            output_stride: n_post,
            input_stride: 1,
            sparse: false,
        };
        let weight_gradient = Events { rows: n_pre, width, columns: n_post, stride: edges.n_post };
        Some(Self {
            first_post,
            deliver: Product::new(&deliver, level)?,
            spike_gradient: Product::new(&spike_gradient, level)?,
            weight_gradient: Outer::new(&weight_gradient, level),
        })
    }
}

impl<T: Real> Projection<T> {
    pub fn new(edges: Arc<Edges>, width: usize) -> Self {
        let first_post = (0..edges.n_pre()).map(|pre| {
            let posts = &edges.post[edges.row(pre)];
            let consecutive = posts.windows(2).all(|p| p[1] == p[0] + 1);
            consecutive.then(|| posts.first().copied().unwrap_or(0))
        });
        let first_post: Option<Vec<u32>> = first_post.collect();
        let n_pre = edges.n_pre();
        let dense = first_post.as_ref().and_then(|firsts| {
            let first = *firsts.first()?;
            let n_post = edges.row(0).len();
            let same = |pre: usize| firsts[pre] == first && edges.row(pre).len() == n_post;
            if !(0..n_pre).all(same) {
                return None;
            }
            Dense::new(&edges, first as usize, width).map(Arc::new)
        });
        Self { first_post, same: first_chunks(0..loops::MOST_ROWS as u32, width), dense, edges }
    }

    /// Whether it can [`deliver`](Self::deliver) to sums of `[post][episode]`.
    pub fn delivers_by_lane(&self) -> bool {
        self.dense.is_some()
    }

    /// Adds `w * s` of every spike to its targets: `sums` is `[episode][post]`, or if `by_lane`
    /// `[post][episode]`, `w` `[synapse]`, `s` `[pre][episode]`.
    pub fn deliver(&self, w: &[T], s: &[T], width: usize, sums: &mut [T], by_lane: bool) {
        if by_lane {
            let dense = self.dense.as_ref().expect("internal: sums by lane without native code");
            return dense.deliver.add(w, s, &mut sums[dense.first_post * width..]);
        }
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
    fn add_row(&self, pre: usize, w: &[T], s: T, sums: &mut [T]) {
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
    pub fn deliver_own(&self, w: &[T], s: &[T], width: usize, sums: &mut [T]) {
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
    pub fn add_weight_gradient(&self, dw: &mut [T], s: &[T], width: usize, d: &[T]) {
        if let Some(dense) = &self.dense
            && let Some(outer) = &dense.weight_gradient
        {
            return outer.add(s, &d[dense.first_post..], dw);
        }
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
    pub fn add_spike_gradient(&self, ds: &mut [T], w: &[T], d: &[T], width: usize) {
        if let Some(dense) = &self.dense {
            dense.spike_gradient.add(w, &d[dense.first_post * width..], ds);
        } else if width.is_multiple_of(16) {
            self.spike_gradient::<16>(ds, w, d, width);
        } else if width.is_multiple_of(8) {
            self.spike_gradient::<8>(ds, w, d, width);
        } else {
            self.spike_gradient::<1>(ds, w, d, width);
        }
    }

    fn spike_gradient<const W: usize>(&self, ds: &mut [T], w: &[T], d: &[T], width: usize) {
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
        // One vector of bits, then their union: a loop over single bits would not vectorise.
        let bits: [u32; 16] = std::array::from_fn(|i| if chunk[i] != T::ZERO { 1 << i } else { 0 });
        let mut mask = bits.iter().fold(0, |mask, bit| mask | bit);
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

/// Adds sums of [`Projection::deliver`] to accumulators, `[lane][episode]`, and clears the former.
pub(super) fn flush<T: Real>(sums: &mut [T], onto: &mut [T], width: usize, by_lane: bool) {
    if by_lane {
        onto.iter_mut().zip(&*sums).for_each(|(onto, sum)| *onto += *sum);
    } else {
        let n = onto.len() / width;
        for (lane, onto) in onto.chunks_exact_mut(width).enumerate() {
            for (episode, onto) in onto.iter_mut().enumerate() {
                *onto += sums[episode * n + lane];
            }
        }
    }
    sums.fill(T::ZERO);
}

/// Copies `[lane][episode]` to `[episode][lane]`.
pub(super) fn transpose<T: Real>(from: &[T], to: &mut [T], width: usize) {
    /// Side of a square that is read by rows and written by columns, so that both are whole
    /// vectors.
    const SIDE: usize = 8;
    let n = from.len() / width;
    let squares = if width.is_multiple_of(SIDE) { n / SIDE * SIDE } else { 0 };
    for lane in (0..squares).step_by(SIDE) {
        for episode in (0..width).step_by(SIDE) {
            let rows: [[T; SIDE]; SIDE] = std::array::from_fn(|i| {
                let row = &from[(lane + i) * width + episode..][..SIDE];
                std::array::from_fn(|j| row[j])
            });
            for j in 0..SIDE {
                let column: [T; SIDE] = std::array::from_fn(|i| rows[i][j]);
                to[(episode + j) * n + lane..][..SIDE].copy_from_slice(&column);
            }
        }
    }
    for lane in squares..n {
        for (episode, x) in from[lane * width..][..width].iter().enumerate() {
            to[episode * n + lane] = *x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_entity::EntityId;
    use trifactor_ir::{Sign, SpaceId, Synapses};

    const WIDTH: usize = 16;

    /// All pre lanes to `columns` post lanes from `first` on, of `n_post`.
    fn dense(n_pre: usize, first: u32, columns: u32, n_post: usize) -> Projection<f32> {
        let row: Vec<u32> = (first..first + columns).collect();
        let synapses = Synapses {
            pre: SpaceId::from_index(0),
            post: SpaceId::from_index(1),
            row_start: (0..=n_pre as u32).map(|i| i * columns).collect(),
            post_lane: row.repeat(n_pre),
            sign: Sign::Mixed,
        };
        Projection::new(Arc::new(Edges::new(&synapses, n_post, WIDTH)), WIDTH)
    }

    /// Numbers from -1 to 1, one in `one_in` of them and 0 else.
    fn noise(n: usize, seed: u32, one_in: u32) -> Vec<f32> {
        let mut state = seed;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        let mut number = || {
            let value = draw() as f32 / (1 << 23) as f32 - 1.0;
            if draw().is_multiple_of(one_in) { value } else { 0.0 }
        };
        (0..n).map(|_| number()).collect()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn native_code_gives_the_bits_of_the_loops() {
        let mut native = 0;
        for (n_pre, first, columns, n_post) in
            [(1, 0, 1, 1), (5, 0, 7, 7), (4, 3, 5, 11), (37, 2, 40, 64), (70, 0, 33, 33)]
        {
            let fast = dense(n_pre, first, columns, n_post);
            native += usize::from(fast.dense.is_some());
            let slow = Projection { dense: None, ..fast.clone() };
            let synapses = n_pre * columns as usize;
            let mut w = noise(synapses, 1, 1);
            let mut s = noise(n_pre * WIDTH, 2, 3);
            // Lane 0 never fires, so that what is no number in its row must not be seen.
            s[..WIDTH].fill(0.0);
            w[0] = f32::NAN;
            let onto = noise(n_post * WIDTH, 3, 1);
            let deliver = |projection: &Projection<f32>, by_lane| {
                let (mut sums, mut onto) = (vec![0.0; n_post * WIDTH], onto.clone());
                projection.deliver(&w, &s, WIDTH, &mut sums, by_lane);
                flush(&mut sums, &mut onto, WIDTH, by_lane);
                assert!(sums.iter().all(|x| *x == 0.0));
                bits(&onto)
            };
            let expected = deliver(&slow, false);
            assert!(expected.iter().all(|x| !f32::from_bits(*x).is_nan()));
            assert_eq!(deliver(&fast, false), expected);
            if fast.delivers_by_lane() {
                assert_eq!(deliver(&fast, true), expected);
            }

            let d = noise(n_post * WIDTH, 4, 1);
            let weights = |projection: &Projection<f32>| {
                let mut dw = noise(synapses, 5, 1);
                projection.add_weight_gradient(&mut dw, &s, WIDTH, &d);
                bits(&dw)
            };
            assert_eq!(weights(&fast), weights(&slow), "{n_pre} lanes to {columns}");
            w[0] = 0.5;
            let spikes = |projection: &Projection<f32>| {
                let mut ds = noise(n_pre * WIDTH, 6, 1);
                projection.add_spike_gradient(&mut ds, &w, &d, WIDTH);
                bits(&ds)
            };
            assert_eq!(spikes(&fast), spikes(&slow), "{n_pre} lanes to {columns}");
        }
        assert_eq!(native, if Level::best().is_some() { 5 } else { 0 });
    }
}
