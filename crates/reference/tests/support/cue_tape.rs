//! The cue net on tapes: one tile of episodes per tape, tiles in parallel.

use super::cue::{Cue, DECISION, RATE_COST, Stimulus, output_gradient, output_loss};
use rayon::prelude::*;
use trifactor_ir::StateId;
use trifactor_reference::float::{Real, Tape, TapeOptions};

/// One tile: a tape and the means of its outputs.
struct Tile<T> {
    tape: Tape<T>,
    first: usize,
    means: Vec<f64>,
    spikes: f64,
}

/// All tiles of a batch.
pub struct CueTapes<'a, T> {
    cue: &'a Cue,
    width: usize,
    tiles: Vec<Tile<T>>,
}

/// Spikes of 64 episodes as numbers for one tile.
fn spread<T: Real>(words: &[u64], first: usize, width: usize, out: &mut [T]) {
    for (word, row) in words.iter().zip(out.chunks_exact_mut(width)) {
        let bits = word >> first;
        for (e, x) in row.iter_mut().enumerate() {
            *x = if bits >> e & 1 == 1 { T::ONE } else { T::ZERO };
        }
    }
}

impl<'a, T: Real> CueTapes<'a, T> {
    pub fn new(cue: &'a Cue, episodes: usize, width: usize, segment: usize) -> Self {
        let observed = [cue.out.v, cue.hidden.spike.unwrap()];
        let options =
            TapeOptions { episodes: width, segment, wrt: &cue.trained, observed: &observed };
        let tape = Tape::new(&cue.network, &options).unwrap();
        let tiles = (0..episodes / width).map(|i| Tile {
            tape: tape.clone(),
            first: i * width,
            means: Vec::new(),
            spikes: 0.0,
        });
        Self { cue, width, tiles: tiles.collect() }
    }

    pub fn set_state(&mut self, state: StateId, values: &[f64]) {
        for tile in &mut self.tiles {
            tile.tape.set_state(state, values).unwrap();
        }
    }

    /// Runs forwards and returns the mean loss over episodes.
    pub fn forward(&mut self, stimulus: &Stimulus) -> f64 {
        let (cue, width) = (self.cue, self.width);
        let n = (self.tiles.len() * width) as f64;
        let losses: Vec<f64> =
            self.tiles.par_iter_mut().map(|t| t.forward(cue, width, stimulus)).collect();
        losses.iter().sum::<f64>() / n
    }

    /// Runs the last forward run backwards and returns the gradient of every trained state.
    pub fn backward(&mut self, stimulus: &Stimulus) -> Vec<Vec<f64>> {
        let (cue, width) = (self.cue, self.width);
        let episodes = self.tiles.len() * width;
        self.tiles.par_iter_mut().for_each(|t| t.backward(cue, width, episodes, stimulus));
        let gradient = |state: &StateId| {
            let mut sum: Vec<f64> = Vec::new();
            for tile in &self.tiles {
                let g = tile.tape.gradient(*state).expect("a trained state has a gradient");
                sum.resize(g.len(), 0.0);
                sum.iter_mut().zip(&g).for_each(|(s, g)| *s += g.to_f64());
            }
            sum
        };
        cue.trained.iter().map(gradient).collect()
    }
}

impl<T: Real> Tile<T> {
    fn forward(&mut self, cue: &Cue, width: usize, stimulus: &Stimulus) -> f64 {
        let Self { tape, first, means, spikes } = self;
        means.clear();
        means.resize(2 * width, 0.0);
        *spikes = 0.0;
        let steps = stimulus.steps;
        let spike = cue.hidden.spike.unwrap();
        tape.forward(
            steps,
            &mut |step, space, out| {
                let words = stimulus.step(step);
                let n = cue.sizes.inputs;
                let words = if space == cue.input { &words[..n] } else { &words[n..] };
                spread(words, *first, width, out);
            },
            &mut |step, view| {
                let rate: T = view.state(spike).iter().fold(T::ZERO, |s, x| s + *x);
                *spikes += rate.to_f64();
                if step + DECISION > steps {
                    for (mean, v) in means.iter_mut().zip(view.state(cue.out.v)) {
                        *mean += v.to_f64() / DECISION as f64;
                    }
                }
            },
        );
        let hidden = (cue.sizes.hidden as u64 * steps) as f64;
        let mut loss = RATE_COST * *spikes / hidden;
        for (i, mean) in means.iter().enumerate() {
            loss += output_loss(*mean, target(stimulus, *first + i % width, i / width));
        }
        loss
    }

    fn backward(&mut self, cue: &Cue, width: usize, episodes: usize, stimulus: &Stimulus) {
        let Self { tape, first, means, .. } = self;
        let spike = cue.hidden.spike.unwrap();
        let steps = stimulus.steps;
        let rate = RATE_COST / (cue.sizes.hidden as u64 * steps * episodes as u64) as f64;
        let rate = T::from_f64(rate);
        let outputs: Vec<T> = means
            .iter()
            .enumerate()
            .map(|(i, mean)| {
                let d = output_gradient(*mean, target(stimulus, *first + i % width, i / width));
                T::from_f64(d / (DECISION * episodes as u64) as f64)
            })
            .collect();
        tape.backward(
            &mut |step, space, out| {
                let words = stimulus.step(step);
                let n = cue.sizes.inputs;
                let words = if space == cue.input { &words[..n] } else { &words[n..] };
                spread(words, *first, width, out);
            },
            &mut |step, cotangents| {
                cotangents.of(spike).iter_mut().for_each(|d| *d += rate);
                if step + DECISION > steps {
                    let d = cotangents.of(cue.out.v);
                    d.iter_mut().zip(&outputs).for_each(|(d, x)| *d += *x);
                }
            },
        );
    }
}

/// Whether an output is that of the correct side.
pub fn target(stimulus: &Stimulus, episode: usize, output: usize) -> bool {
    (stimulus.sides >> episode & 1) as usize == output
}
