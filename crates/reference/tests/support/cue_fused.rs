//! The cue net written by hand: one fused loop per layer, all arithmetic of a synapse in
//! registers, lanes of `L` episodes. It knows the task and the net; it exists to say how far
//! executing kernels op by op is from that, and to check the gradients of the general engine.

// Several arrays are walked by one lane index; zipping six of them would hide the equations.
#![allow(clippy::needless_range_loop)]

use super::cue::{Cue, DECISION, Layer, RATE_COST, Stimulus, output_gradient, output_loss};
use super::cue_lanes::{Dense, Lane, flush, hold, lane, transpose, zeros};
use super::cue_tape::target;
use rayon::prelude::*;
use trifactor_ir::{StateId, Surrogate};
use trifactor_reference::float::Real;

/// Parameters of a layer and their gradients.
#[derive(Clone)]
struct LayerWeights<T> {
    keep_u: Vec<T>,
    keep_v: Vec<T>,
    bias: Vec<T>,
    threshold: Vec<T>,
    scale: T,
    beta: T,
}

/// Values of a layer at one step.
#[derive(Clone)]
struct LayerState<T, const L: usize> {
    u: Vec<Lane<T, L>>,
    v: Vec<Lane<T, L>>,
    s: Vec<Lane<T, L>>,
}

impl<T: Real, const L: usize> LayerState<T, L> {
    fn new(n: usize) -> Self {
        Self { u: zeros(n), v: zeros(n), s: zeros(n) }
    }
}

/// Cotangents of a layer, and gradients of its parameters.
#[derive(Clone)]
struct LayerBack<T, const L: usize> {
    du: Vec<Lane<T, L>>,
    dv: Vec<Lane<T, L>>,
    ds: Vec<Lane<T, L>>,
    dq: Vec<Lane<T, L>>,
    keep_u: Vec<Lane<T, L>>,
    keep_v: Vec<Lane<T, L>>,
    bias: Vec<Lane<T, L>>,
}

impl<T: Real, const L: usize> LayerBack<T, L> {
    fn new(n: usize) -> Self {
        let z = || zeros(n);
        Self { du: z(), dv: z(), ds: z(), dq: z(), keep_u: z(), keep_v: z(), bias: z() }
    }
}

impl<T: Real> LayerWeights<T> {
    fn new(cue: &Cue, layer: &Layer) -> Self {
        let value = |id: StateId| values(cue, id);
        let n = cue.network.lanes(layer.space);
        let kernel = &cue.network.phases[cue.network.setter(layer.v).unwrap().0].kernel;
        let (scale, beta) = cue.network.kernels[*kernel]
            .ops
            .values()
            .find_map(|op| match *op {
                trifactor_ir::Op::Step(_, Surrogate::Exponential { scale, beta }) => {
                    Some((scale, beta))
                }
                _ => None,
            })
            .unwrap_or((0.0, 0.0));
        Self {
            keep_u: value(layer.keep_u),
            keep_v: value(layer.keep_v),
            bias: layer.bias.map_or_else(|| vec![T::ZERO; n], value),
            threshold: layer.threshold.map_or_else(|| vec![T::ZERO; n], value),
            scale: T::from_f64(scale),
            beta: T::from_f64(beta),
        }
    }

    fn spiking<const L: usize>(
        &self,
        old: &LayerState<T, L>,
        new: &mut LayerState<T, L>,
        q: &[Lane<T, L>],
    ) {
        for j in 0..q.len() {
            let (ku, kv, b, th) = (self.keep_u[j], self.keep_v[j], self.bias[j], self.threshold[j]);
            let (u0, v0, q) = (&old.u[j], &old.v[j], &q[j]);
            let u: Lane<T, L> = lane(|e| u0[e] * ku + q[e]);
            let x: Lane<T, L> = lane(|e| v0[e] * kv + u[e] + b);
            new.u[j] = u;
            new.s[j] = lane(|e| if x[e] - th > T::ZERO { T::ONE } else { T::ZERO });
            new.v[j] = lane(|e| if x[e] - th > T::ZERO { T::ZERO } else { x[e] });
        }
    }

    fn graded<const L: usize>(
        &self,
        old: &LayerState<T, L>,
        new: &mut LayerState<T, L>,
        q: &[Lane<T, L>],
    ) {
        for (j, q) in q.iter().enumerate() {
            for e in 0..L {
                let u = old.u[j][e] * self.keep_u[j] + q[e];
                new.u[j][e] = u;
                new.v[j][e] = old.v[j][e] * self.keep_v[j] + u;
            }
        }
    }

    /// Reverse of `spiking`; consumes ds.
    fn spiking_back<const L: usize>(
        &self,
        old: &LayerState<T, L>,
        new: &LayerState<T, L>,
        back: &mut LayerBack<T, L>,
        slopes: &mut [Lane<T, L>],
    ) {
        for (j, slope) in slopes.iter_mut().enumerate().take(old.u.len()) {
            let (kv, b, th) = (self.keep_v[j], self.bias[j], self.threshold[j]);
            let (v, u) = (&old.v[j], &new.u[j]);
            *slope = lane(|e| v[e] * kv + u[e] + b - th);
        }
        let n = old.u.len();
        for x in slopes[..n].as_flattened_mut() {
            *x = self.scale * (self.beta * x.magnitude()).exp_neg();
        }
        for j in 0..n {
            let (ku, kv) = (self.keep_u[j], self.keep_v[j]);
            let (s, dv, ds, slope) = (&new.s[j], back.dv[j], back.ds[j], &slopes[j]);
            let held: Lane<T, L> = lane(|e| if s[e] != T::ZERO { T::ZERO } else { dv[e] });
            let dx: Lane<T, L> = lane(|e| held[e] + ds[e] * slope[e]);
            let (u0, v0, du0) = (&old.u[j], &old.v[j], back.du[j]);
            let du: Lane<T, L> = lane(|e| du0[e] + dx[e]);
            let (gb, gv, gu) = (back.bias[j], back.keep_v[j], back.keep_u[j]);
            back.bias[j] = lane(|e| gb[e] + dx[e]);
            back.keep_v[j] = lane(|e| gv[e] + dx[e] * v0[e]);
            back.keep_u[j] = lane(|e| gu[e] + du[e] * u0[e]);
            back.dv[j] = lane(|e| dx[e] * kv);
            back.dq[j] = du;
            back.du[j] = lane(|e| du[e] * ku);
            back.ds[j] = [T::ZERO; L];
        }
    }

    fn graded_back<const L: usize>(&self, old: &LayerState<T, L>, back: &mut LayerBack<T, L>) {
        for j in 0..old.u.len() {
            for e in 0..L {
                let dv = back.dv[j][e];
                let du = back.du[j][e] + dv;
                back.keep_v[j][e] += dv * old.v[j][e];
                back.keep_u[j][e] += du * old.u[j][e];
                back.dv[j][e] = dv * self.keep_v[j];
                back.dq[j][e] = du;
                back.du[j][e] = du * self.keep_u[j];
            }
        }
    }
}

fn values<T: Real>(cue: &Cue, id: StateId) -> Vec<T> {
    let s = &cue.network.states[id];
    (0..cue.network.lanes(s.space)).map(|i| T::from_f64(s.init.at(i))).collect()
}

/// All parameters.
struct Weights<T> {
    row_start: Vec<usize>,
    post: Vec<usize>,
    w0: Vec<T>,
    eta_plus: Vec<T>,
    eta_minus: Vec<T>,
    g_plus: T,
    g_minus: T,
    dense: [Dense<T>; 7],
    layers: [LayerWeights<T>; 4],
    keep_m: [Vec<T>; 2],
    keep_x: [Vec<T>; 2],
    impulse: [Vec<T>; 2],
}

/// Everything that a step changes.
#[derive(Clone)]
struct State<T, const L: usize> {
    w: Vec<Lane<T, L>>,
    ep: Vec<Lane<T, L>>,
    em: Vec<Lane<T, L>>,
    layers: [LayerState<T, L>; 4],
    m: [Vec<Lane<T, L>>; 2],
    x: [Vec<Lane<T, L>>; 2],
    /// Inputs and signals.
    r: Vec<Lane<T, L>>,
}

/// Cotangents and gradients.
#[derive(Clone)]
struct Back<T, const L: usize> {
    w: Vec<Lane<T, L>>,
    ep: Vec<Lane<T, L>>,
    em: Vec<Lane<T, L>>,
    layers: [LayerBack<T, L>; 4],
    m: [Vec<Lane<T, L>>; 2],
    m_q: [Vec<Lane<T, L>>; 2],
    x: [Vec<Lane<T, L>>; 2],
    eta_plus: Vec<Lane<T, L>>,
    eta_minus: Vec<Lane<T, L>>,
    g: [Lane<T, L>; 2],
    dense: [Vec<T>; 7],
    keep_m: [Vec<Lane<T, L>>; 2],
    keep_x: [Vec<Lane<T, L>>; 2],
    impulse: [Vec<Lane<T, L>>; 2],
}

struct Tile<T, const L: usize> {
    first: usize,
    start: State<T, L>,
    /// States of one segment, the one before it first.
    kept: Vec<State<T, L>>,
    checkpoints: Vec<State<T, L>>,
    back: Back<T, L>,
    q: [Vec<Lane<T, L>>; 6],
    by_episode: [Vec<T>; 6],
    slopes: Vec<Lane<T, L>>,
    means: Vec<f64>,
    rate: f64,
}

/// The fused loop over all tiles of a batch.
pub struct CueFused<'a, T, const L: usize> {
    cue: &'a Cue,
    weights: Weights<T>,
    tiles: Vec<Tile<T, L>>,
    segment: usize,
}

const HIDDEN: usize = 0;
const FIRST: usize = 1;
const SECOND: usize = 2;
const OUT: usize = 3;

impl<'a, T: Real, const L: usize> CueFused<'a, T, L> {
    pub fn new(cue: &'a Cue, episodes: usize, segment: usize) -> Self {
        let v = |id| values::<T>(cue, id);
        let synapses = cue.network.synapses(cue.plastic).unwrap();
        let dense = cue.weights.map(|id| {
            let space = cue.network.synapses(cue.network.states[id].space).unwrap();
            Dense { n_post: cue.network.lanes(space.post), w: v(id) }
        });
        let weights = Weights {
            row_start: synapses.row_start.iter().map(|x| *x as usize).collect(),
            post: synapses.post_lane.iter().map(|x| *x as usize).collect(),
            w0: v(cue.w),
            eta_plus: v(cue.eta_plus),
            eta_minus: v(cue.eta_minus),
            g_plus: v(cue.g_plus)[0],
            g_minus: v(cue.g_minus)[0],
            layers: [&cue.hidden, &cue.first, &cue.second, &cue.out]
                .map(|l| LayerWeights::new(cue, l)),
            keep_m: [cue.plus.keep, cue.minus.keep].map(v),
            keep_x: [cue.pre_trace.keep, cue.post_trace.keep].map(v),
            impulse: [cue.pre_trace.other, cue.post_trace.other].map(v),
            dense,
        };
        let (n, i) = (weights.w0.len(), cue.sizes.inputs);
        let (h, k) = (cue.sizes.hidden, cue.sizes.modulatory);
        let start: State<T, L> = State {
            w: weights.w0.iter().map(|w| [*w; L]).collect(),
            ep: zeros(n),
            em: zeros(n),
            layers: [h, k, k, 2].map(LayerState::new),
            m: [zeros(i), zeros(i)],
            x: [zeros(i), zeros(h)],
            r: zeros(i + 2),
        };
        let back: Back<T, L> = Back {
            w: zeros(n),
            ep: zeros(n),
            em: zeros(n),
            layers: [h, k, k, 2].map(LayerBack::new),
            m: [zeros(i), zeros(i)],
            m_q: [zeros(i), zeros(i)],
            x: [zeros(i), zeros(h)],
            eta_plus: zeros(n),
            eta_minus: zeros(n),
            g: [[T::ZERO; L]; 2],
            dense: std::array::from_fn(|d| vec![T::ZERO; weights.dense[d].w.len()]),
            keep_m: [zeros(i), zeros(i)],
            keep_x: [zeros(i), zeros(h)],
            impulse: [zeros(i), zeros(h)],
        };
        let tiles = (0..episodes / L).map(|tile| Tile {
            first: tile * L,
            kept: vec![start.clone(); segment + 1],
            checkpoints: Vec::new(),
            start: start.clone(),
            back: back.clone(),
            q: [h, k, k, i, i, 2].map(zeros),
            by_episode: [h, k, k, i, i, 2].map(|n| vec![T::ZERO; n * L]),
            slopes: zeros(h.max(k)),
            means: Vec::new(),
            rate: 0.0,
        });
        Self { cue, tiles: tiles.collect(), weights, segment }
    }

    /// Runs forwards and returns the mean loss over episodes.
    pub fn forward(&mut self, stimulus: &Stimulus) -> f64 {
        let Self { cue, weights, tiles, segment } = self;
        let n = (tiles.len() * L) as f64;
        let losses: Vec<f64> = tiles
            .par_iter_mut()
            .map(|tile| tile.forward(cue, weights, *segment, stimulus))
            .collect();
        losses.iter().sum::<f64>() / n
    }

    /// Runs backwards and returns the gradient of every trained state, in that order.
    pub fn backward(&mut self, stimulus: &Stimulus) -> Vec<Vec<f64>> {
        let Self { cue, weights, tiles, segment } = self;
        let episodes = tiles.len() * L;
        tiles
            .par_iter_mut()
            .for_each(|tile| tile.backward(cue, weights, *segment, episodes, stimulus));
        let lanes = |of: &dyn Fn(&Back<T, L>) -> Vec<Lane<T, L>>| {
            let mut sum: Vec<f64> = Vec::new();
            for tile in tiles.iter() {
                let lanes = of(&tile.back);
                sum.resize(lanes.len(), 0.0);
                for (sum, lane) in sum.iter_mut().zip(&lanes) {
                    *sum += lane.iter().map(|x| x.to_f64()).sum::<f64>();
                }
            }
            sum
        };
        let mut gradients = vec![
            lanes(&|b| b.w.clone()),
            lanes(&|b| b.eta_plus.clone()),
            lanes(&|b| b.eta_minus.clone()),
            lanes(&|b| vec![b.g[0]]),
            lanes(&|b| vec![b.g[1]]),
        ];
        for d in 0..7 {
            let mut sum = vec![0.0; weights.dense[d].w.len()];
            for tile in tiles.iter() {
                sum.iter_mut().zip(&tile.back.dense[d]).for_each(|(s, x)| *s += x.to_f64());
            }
            gradients.push(sum);
        }
        for l in 0..4 {
            gradients.push(lanes(&|b| b.layers[l].keep_u.clone()));
            gradients.push(lanes(&|b| b.layers[l].keep_v.clone()));
            if l == FIRST || l == SECOND {
                gradients.push(lanes(&|b| b.layers[l].bias.clone()));
            }
        }
        for k in 0..2 {
            gradients.push(lanes(&|b| b.keep_m[k].clone()));
        }
        for k in 0..2 {
            gradients.push(lanes(&|b| b.keep_x[k].clone()));
            gradients.push(lanes(&|b| b.impulse[k].clone()));
        }
        gradients
    }
}

impl<T: Real, const L: usize> Tile<T, L> {
    /// One step from `old` to `new`. The hidden sums of `new`'s spikes are left in `q[HIDDEN]`, so
    /// that a weight is loaded once per step.
    fn step(
        &mut self,
        weights: &Weights<T>,
        old: &State<T, L>,
        new: &mut State<T, L>,
        stimulus: &[u64],
    ) {
        let n_inputs = new.m[0].len();
        let (r, sig) = old.r.split_at(n_inputs);
        let [w_r1, w_h1, w_s1, w_12, w_2p, w_2m, w_ho] = &weights.dense;
        let [_, b1, b2, bp, bm, bo] = &mut self.by_episode;
        w_r1.deliver(r, b1);
        w_h1.deliver(&old.layers[HIDDEN].s, b1);
        w_s1.deliver(sig, b1);
        w_12.deliver(&old.layers[FIRST].s, b2);
        w_2p.deliver(&old.layers[SECOND].s, bp);
        w_2m.deliver(&old.layers[SECOND].s, bm);
        w_ho.deliver(&old.layers[HIDDEN].s, bo);
        for (sums, q) in self.by_episode[1..].iter_mut().zip(&mut self.q[1..]) {
            q.fill([T::ZERO; L]);
            flush(sums, q);
        }
        for (word, r) in stimulus.iter().zip(&mut new.r) {
            for (e, r) in r.iter_mut().enumerate() {
                *r = if word >> (self.first + e) & 1 == 1 { T::ONE } else { T::ZERO };
            }
        }
        for l in [HIDDEN, FIRST, SECOND] {
            weights.layers[l].spiking(&old.layers[l], &mut new.layers[l], &self.q[l]);
        }
        weights.layers[OUT].graded(&old.layers[OUT], &mut new.layers[OUT], &self.q[5]);
        for k in 0..2 {
            for i in 0..n_inputs {
                let keep = weights.keep_m[k][i];
                let (m, q) = (&old.m[k][i], &self.q[3 + k][i]);
                new.m[k][i] = lane(|e| m[e] * keep + q[e]);
            }
        }
        let sources = [&new.r[..n_inputs], &new.layers[HIDDEN].s];
        for (k, s) in sources.iter().enumerate() {
            for (i, s) in s.iter().enumerate() {
                let (keep, impulse) = (weights.keep_x[k][i], weights.impulse[k][i]);
                let x = &old.x[k][i];
                new.x[k][i] = lane(|e| x[e] * keep + impulse * s[e]);
            }
        }
        let q = &mut self.q[HIDDEN];
        q.fill([T::ZERO; L]);
        let (gp, gm) = (weights.g_plus, weights.g_minus);
        let (rp, rm) = (T::ONE - gp, T::ONE - gm);
        let (high, bound) = (T::from_f64(4.0), T::from_f64(8.0));
        for i in 0..n_inputs {
            let (xp, r, mp, mm) = (new.x[0][i], new.r[i], new.m[0][i], new.m[1][i]);
            let xp: Lane<T, L> = lane(|e| xp[e] * rp);
            for k in weights.row_start[i]..weights.row_start[i + 1] {
                let j = weights.post[k];
                let (a, b) = (weights.eta_plus[k], weights.eta_minus[k]);
                let (s, xq) = (&new.layers[HIDDEN].s[j], &new.x[1][j]);
                let (ep0, em0, w0) = (&old.ep[k], &old.em[k], &old.w[k]);
                let ep: Lane<T, L> = lane(|e| ep0[e] * gp + xp[e] * s[e]);
                let em: Lane<T, L> = lane(|e| em0[e] * gm + (xq[e] * rm) * r[e]);
                let w: Lane<T, L> = lane(|e| {
                    let w = w0[e] + (a * mp[e]) * ep[e] - (b * mm[e]) * em[e];
                    hold(w, high)
                });
                new.ep[k] = lane(|e| hold(ep[e], bound));
                new.em[k] = lane(|e| hold(em[e], bound));
                new.w[k] = w;
                let q = &mut q[j];
                *q = lane(|e| q[e] + w[e] * r[e]);
            }
        }
    }

    fn forward(
        &mut self,
        cue: &Cue,
        weights: &Weights<T>,
        segment: usize,
        stimulus: &Stimulus,
    ) -> f64 {
        self.means = vec![0.0; 2 * L];
        self.rate = 0.0;
        self.q[HIDDEN].fill([T::ZERO; L]);
        let mut old = self.start.clone();
        let mut new = self.start.clone();
        let mut n = 0;
        for step in 1..=stimulus.steps {
            if (step - 1).is_multiple_of(segment as u64) {
                if self.checkpoints.len() <= n {
                    self.checkpoints.push(old.clone());
                } else {
                    self.checkpoints[n].clone_from_state(&old);
                }
                n += 1;
            }
            self.step(weights, &old, &mut new, stimulus.step(step));
            std::mem::swap(&mut old, &mut new);
            let fired = old.layers[HIDDEN].s.as_flattened();
            self.rate += fired.iter().fold(T::ZERO, |s, x| s + *x).to_f64();
            if step + DECISION > stimulus.steps {
                let v = old.layers[OUT].v.as_flattened();
                for (mean, v) in self.means.iter_mut().zip(v) {
                    *mean += v.to_f64() / DECISION as f64;
                }
            }
        }
        let mut loss = RATE_COST * self.rate / (cue.sizes.hidden as u64 * stimulus.steps) as f64;
        for (i, mean) in self.means.iter().enumerate() {
            loss += output_loss(*mean, target(stimulus, self.first + i % L, i / L));
        }
        loss
    }

    fn backward(
        &mut self,
        cue: &Cue,
        weights: &Weights<T>,
        segment: usize,
        episodes: usize,
        stimulus: &Stimulus,
    ) {
        self.back.clear();
        let rate = RATE_COST / (cue.sizes.hidden as u64 * stimulus.steps * episodes as u64) as f64;
        let rate = T::from_f64(rate);
        let outputs: Vec<T> = self
            .means
            .iter()
            .enumerate()
            .map(|(i, mean)| {
                let right = target(stimulus, self.first + i % L, i / L);
                let d = output_gradient(*mean, right);
                T::from_f64(d / (DECISION * episodes as u64) as f64)
            })
            .collect();
        let mut kept = std::mem::take(&mut self.kept);
        let segment = segment as u64;
        for at in (0..stimulus.steps.div_ceil(segment)).rev() {
            let (before, end) = (at * segment, ((at + 1) * segment).min(stimulus.steps));
            kept[0].clone_from_state(&self.checkpoints[at as usize]);
            self.hidden_sums(weights, &kept[0]);
            for step in before + 1..=end {
                let (old, new) = kept.split_at_mut((step - before) as usize);
                let old = old.last().unwrap();
                self.step(weights, old, &mut new[0], stimulus.step(step));
            }
            for step in (before + 1..=end).rev() {
                let i = (step - before) as usize;
                let back = &mut self.back;
                for ds in back.layers[HIDDEN].ds.as_flattened_mut() {
                    *ds += rate;
                }
                if step + DECISION > stimulus.steps {
                    let dv = back.layers[OUT].dv.as_flattened_mut();
                    dv.iter_mut().zip(&outputs).for_each(|(d, x)| *d += *x);
                }
                self.step_back(weights, &kept[i - 1], &kept[i]);
            }
        }
        self.kept = kept;
        // The weights' cotangent from the first delivery, which no plasticity step took up.
        self.back.take_up_delivery(weights, &self.start.r);
    }

    /// The sums that a step leaves behind, for a state from a checkpoint.
    fn hidden_sums(&mut self, weights: &Weights<T>, state: &State<T, L>) {
        let q = &mut self.q[HIDDEN];
        q.fill([T::ZERO; L]);
        for i in 0..state.m[0].len() {
            for k in weights.row_start[i]..weights.row_start[i + 1] {
                let q = &mut q[weights.post[k]];
                for e in 0..L {
                    q[e] += state.w[k][e] * state.r[i][e];
                }
            }
        }
    }

    /// The reverse of `step`.
    fn step_back(&mut self, weights: &Weights<T>, old: &State<T, L>, new: &State<T, L>) {
        let Self { back, slopes, by_episode, .. } = self;
        back.synapses(weights, old, new);
        let n_inputs = new.m[0].len();
        for i in 0..n_inputs {
            let keep = weights.keep_x[0][i];
            let (d, r, x) = (back.x[0][i], &new.r[i], &old.x[0][i]);
            let (g, h) = (back.impulse[0][i], back.keep_x[0][i]);
            back.impulse[0][i] = lane(|e| g[e] + d[e] * r[e]);
            back.keep_x[0][i] = lane(|e| h[e] + d[e] * x[e]);
            back.x[0][i] = lane(|e| d[e] * keep);
        }
        for j in 0..new.x[1].len() {
            let (keep, impulse) = (weights.keep_x[1][j], weights.impulse[1][j]);
            let (d, s, x) = (back.x[1][j], &new.layers[HIDDEN].s[j], &old.x[1][j]);
            let (g, h, ds) = (back.impulse[1][j], back.keep_x[1][j], back.layers[HIDDEN].ds[j]);
            back.layers[HIDDEN].ds[j] = lane(|e| ds[e] + d[e] * impulse);
            back.impulse[1][j] = lane(|e| g[e] + d[e] * s[e]);
            back.keep_x[1][j] = lane(|e| h[e] + d[e] * x[e]);
            back.x[1][j] = lane(|e| d[e] * keep);
        }
        for k in 0..2 {
            for i in 0..n_inputs {
                let keep = weights.keep_m[k][i];
                let (d, m, g) = (back.m[k][i], &old.m[k][i], back.keep_m[k][i]);
                back.m_q[k][i] = d;
                back.keep_m[k][i] = lane(|e| g[e] + d[e] * m[e]);
                back.m[k][i] = lane(|e| d[e] * keep);
            }
        }
        weights.layers[OUT].graded_back(&old.layers[OUT], &mut back.layers[OUT]);
        for l in [SECOND, FIRST, HIDDEN] {
            let (old, new) = (&old.layers[l], &new.layers[l]);
            weights.layers[l].spiking_back(old, new, &mut back.layers[l], slopes);
        }
        // Delivery: spikes of the step before.
        let [d_hidden, d_first, d_second, d_out] = &mut back.layers;
        let [_, b1, b2, bp, bm, bo] = by_episode;
        transpose(&d_first.dq, b1);
        transpose(&d_second.dq, b2);
        transpose(&back.m_q[0], bp);
        transpose(&back.m_q[1], bm);
        transpose(&d_out.dq, bo);
        let [r1, h1, s1, l12, l2p, l2m, ho] = &weights.dense;
        let [g_r1, g_h1, g_s1, g_12, g_2p, g_2m, g_ho] = &mut back.dense;
        let (r, sig) = old.r.split_at(n_inputs);
        let s = |l: usize| &old.layers[l].s;
        r1.add_weight_gradient(g_r1, r, b1);
        h1.add_weight_gradient(g_h1, s(HIDDEN), b1);
        s1.add_weight_gradient(g_s1, sig, b1);
        l12.add_weight_gradient(g_12, s(FIRST), b2);
        l2p.add_weight_gradient(g_2p, s(SECOND), bp);
        l2m.add_weight_gradient(g_2m, s(SECOND), bm);
        ho.add_weight_gradient(g_ho, s(HIDDEN), bo);
        ho.add_spike_gradient(&mut d_hidden.ds, &d_out.dq);
        h1.add_spike_gradient(&mut d_hidden.ds, &d_first.dq);
        l12.add_spike_gradient(&mut d_first.ds, &d_second.dq);
        l2p.add_spike_gradient(&mut d_second.ds, &back.m_q[0]);
        l2m.add_spike_gradient(&mut d_second.ds, &back.m_q[1]);
        for sums in by_episode {
            sums.fill(T::ZERO);
        }
    }
}

impl<T: Real, const L: usize> Back<T, L> {
    fn clear(&mut self) {
        let zero = [T::ZERO; L];
        for lanes in
            [&mut self.w, &mut self.ep, &mut self.em, &mut self.eta_plus, &mut self.eta_minus]
        {
            lanes.fill(zero);
        }
        for lanes in [
            &mut self.m,
            &mut self.m_q,
            &mut self.x,
            &mut self.keep_m,
            &mut self.keep_x,
            &mut self.impulse,
        ] {
            lanes.iter_mut().for_each(|l| l.fill(zero));
        }
        for l in &mut self.layers {
            let LayerBack { du, dv, ds, dq, keep_u, keep_v, bias } = l;
            for lanes in [du, dv, ds, dq, keep_u, keep_v, bias] {
                lanes.fill(zero);
            }
        }
        self.g = [zero; 2];
        self.dense.iter_mut().for_each(|d| d.fill(T::ZERO));
    }

    /// Reverse of the plasticity of a step and, before it, of the delivery of the next step.
    fn synapses(&mut self, weights: &Weights<T>, old: &State<T, L>, new: &State<T, L>) {
        let (gp, gm) = (weights.g_plus, weights.g_minus);
        let (rp, rm) = (T::ONE - gp, T::ONE - gm);
        let (high, bound) = (T::from_f64(4.0), T::from_f64(8.0));
        let [mut d_gp, mut d_gm] = self.g;
        for i in 0..new.m[0].len() {
            let (xp, r, mp, mm) = (&new.x[0][i], &new.r[i], &new.m[0][i], &new.m[1][i]);
            let mut d_xp = self.x[0][i];
            let (mut d_mp, mut d_mm) = (self.m[0][i], self.m[1][i]);
            for k in weights.row_start[i]..weights.row_start[i + 1] {
                let j = weights.post[k];
                let (a, b) = (weights.eta_plus[k], weights.eta_minus[k]);
                let (s, xq) = (&new.layers[HIDDEN].s[j], &new.x[1][j]);
                let (ep, em, w) = (&new.ep[k], &new.em[k], &new.w[k]);
                let (ep0, em0) = (&old.ep[k], &old.em[k]);
                let dq = &self.layers[HIDDEN].dq[j];
                let dw0 = &self.w[k];
                let dw: Lane<T, L> = lane(|e| {
                    let d = dw0[e] + dq[e] * r[e];
                    if w[e].magnitude() < high { d } else { T::ZERO }
                });
                let (dep0, dem0) = (&self.ep[k], &self.em[k]);
                let inside = |e: T, d: T| if e.magnitude() < bound { d } else { T::ZERO };
                let dep: Lane<T, L> = lane(|e| inside(ep[e], dep0[e]) + dw[e] * (a * mp[e]));
                let dem: Lane<T, L> = lane(|e| inside(em[e], dem0[e]) - dw[e] * (b * mm[e]));
                let up: Lane<T, L> = lane(|e| dw[e] * ep[e]);
                let down: Lane<T, L> = lane(|e| dw[e] * em[e]);
                let (ga, gb) = (&mut self.eta_plus[k], &mut self.eta_minus[k]);
                *ga = lane(|e| ga[e] + up[e] * mp[e]);
                *gb = lane(|e| gb[e] - down[e] * mm[e]);
                d_mp = lane(|e| d_mp[e] + up[e] * a);
                d_mm = lane(|e| d_mm[e] - down[e] * b);
                let (ds, dx) = (&mut self.layers[HIDDEN].ds[j], &mut self.x[1][j]);
                let gate: Lane<T, L> = lane(|e| dep[e] * rp);
                d_gp = lane(|e| d_gp[e] + dep[e] * (ep0[e] - xp[e] * s[e]));
                d_xp = lane(|e| d_xp[e] + gate[e] * s[e]);
                *ds = lane(|e| ds[e] + gate[e] * xp[e]);
                d_gm = lane(|e| d_gm[e] + dem[e] * (em0[e] - xq[e] * r[e]));
                *dx = lane(|e| dx[e] + dem[e] * rm * r[e]);
                self.w[k] = dw;
                self.ep[k] = lane(|e| dep[e] * gp);
                self.em[k] = lane(|e| dem[e] * gm);
            }
            self.x[0][i] = d_xp;
            self.m[0][i] = d_mp;
            self.m[1][i] = d_mm;
        }
        self.g = [d_gp, d_gm];
    }

    fn take_up_delivery(&mut self, weights: &Weights<T>, r: &[Lane<T, L>]) {
        for i in 0..self.m[0].len() {
            for k in weights.row_start[i]..weights.row_start[i + 1] {
                let dq = &self.layers[HIDDEN].dq[weights.post[k]];
                for e in 0..L {
                    self.w[k][e] += dq[e] * r[i][e];
                }
            }
        }
    }
}

impl<T: Real, const L: usize> State<T, L> {
    fn clone_from_state(&mut self, from: &Self) {
        self.w.clone_from(&from.w);
        self.ep.clone_from(&from.ep);
        self.em.clone_from(&from.em);
        for (to, from) in self.layers.iter_mut().zip(&from.layers) {
            to.u.clone_from(&from.u);
            to.v.clone_from(&from.v);
            to.s.clone_from(&from.s);
        }
        for k in 0..2 {
            self.m[k].clone_from(&from.m[k]);
            self.x[k].clone_from(&from.x[k]);
        }
        self.r.clone_from(&from.r);
    }
}
