//! What this machine could do at best, to compare a step with.
//!
//! A bound is the time that the workload's own work would take if nothing else were done: its
//! arithmetic at the rate of plain vector loops, its scattered sums at the rate of a plain loop
//! over indices, its synapse states at the rate at which memory of that size is read and written.
//! All three rates are measured in the run whose times they are compared with.

use super::{Measured, Workload};
use std::hint::black_box;
use std::time::Instant;
use trifactor_fixed::mix32;

/// Rates of this machine.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Probe {
    /// Operations on 32-bit lanes per nanosecond, operands in registers.
    pub lane_operations: f64,
    /// Additions to a target found by index per nanosecond.
    pub scattered_sums: f64,
    /// Bytes read plus bytes written per nanosecond, by size of the array.
    pub bandwidth: [(usize, f64); 3],
}

/// Sizes at which bandwidth is measured: states of one workload, of a large network, and of more
/// than any cache holds.
const SIZES: [usize; 3] = [320 << 10, 8 << 20, 128 << 20];
/// Best of so many tries; the others were disturbed.
const TRIES: usize = 15;

/// Operations on lanes that a keyed draw takes (S50, S51): two mixers' worth of shifts,
/// exclusive-ors and products, less what a row shares.
const DRAW: f64 = 9.0;
/// A stochastic store: the draw, its highest bits, sum, shift, two bounds, two changes of width.
const STORE: f64 = DRAW + 7.0;
/// A neuron's step: two decays of eight operations, two sums with two bounds each, and the choices
/// of S22 and S23.
const NEURON: f64 = 2.0 * 8.0 + 2.0 * 3.0 + 10.0;
/// A trace's step: a draw of two mixers, product, sum, shift.
const TRACE: f64 = 2.0 * 8.0 + 5.0;

/// Bytes of a line of memory.
pub(super) const LINE: f64 = 64.0;

/// The least time of a step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bound {
    /// Its arithmetic and scattered sums, in milliseconds.
    pub arithmetic_ms: f64,
    /// Its reading and writing of synapse states, in milliseconds.
    pub memory_ms: f64,
}

impl Bound {
    /// The larger one, which a step cannot be faster than.
    pub fn ms(&self) -> f64 {
        self.arithmetic_ms.max(self.memory_ms)
    }
    /// Which it is.
    pub fn name(&self) -> &'static str {
        if self.arithmetic_ms >= self.memory_ms { "arithmetic" } else { "memory" }
    }
}

impl Probe {
    /// The least time of a step of a workload.
    pub fn bound(&self, of: &Measured) -> Bound {
        let work = &of.work;
        // What a rule's own operations are, where most synapses meet a silent pre lane: the shift
        // to the sum's binary point and the sum; for W3 also the decay of the tag and the term of
        // the post lane, and the weight's part in the sixth of the steps that are rewarded.
        let operations = match of.workload {
            Workload::W1 => 0.0,
            Workload::W2 { .. } => 2.0 + STORE,
            Workload::W3 { .. } => 5.0 + STORE + (3.0 + STORE) / 6.0,
        };
        // Memory moves in lines. Whole rows fill them; a synapse of W2 that is evaluated for its
        // post lane alone, which are those beyond the rows that spiked, has one for itself.
        let moved = match of.workload {
            Workload::W1 => work.synops * 4.0,
            Workload::W2 { .. } => {
                let alone = (work.evaluated - work.synops).max(0.0);
                work.synops * (2.0 + 4.0) + alone * 2.0 * LINE
            }
            Workload::W3 { .. } => work.synops * 2.0 + work.evaluated * (4.0 + 4.0 / 6.0),
        };
        let lanes = work.neurons * NEURON + work.traces * TRACE + work.evaluated * operations;
        let (scattered, dense) = match of.workload {
            Workload::W1 => (work.synops, 0.0),
            // A dense row adds without an index: change of width, shift and sum.
            Workload::W2 { .. } | Workload::W3 { .. } => (0.0, work.synops * 3.0),
        };
        let arithmetic = (lanes + dense) / self.lane_operations + scattered / self.scattered_sums;
        let memory =
            moved / self.bandwidth_of((of.synapses as f64 * of.bytes_per_synapse) as usize);
        Bound { arithmetic_ms: arithmetic * 1e-6, memory_ms: memory * 1e-6 }
    }

    /// Bandwidth of an array of that many bytes.
    pub fn bandwidth_of(&self, bytes: usize) -> f64 {
        let measured = self.bandwidth.iter().find(|(size, _)| bytes <= *size);
        measured.unwrap_or(&self.bandwidth[SIZES.len() - 1]).1
    }
}

/// Measures the rates.
pub fn probe() -> Probe {
    Probe {
        lane_operations: lane_operations(),
        scattered_sums: scattered_sums(),
        bandwidth: SIZES.map(|size| (size, bandwidth(size))),
    }
}

/// The shortest of several tries, in nanoseconds.
fn shortest(mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..TRIES {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64() * 1e9);
    }
    best
}

fn lane_operations() -> f64 {
    const MIXERS: usize = 8;
    let mut lanes: Vec<u32> = (0..4096).collect();
    let passes = 20;
    let ns = shortest(|| {
        for _ in 0..passes {
            for x in black_box(&mut lanes).iter_mut() {
                for _ in 0..MIXERS {
                    *x = mix32(*x);
                }
            }
        }
    });
    // A mixer has three shifts, three exclusive-ors and two products.
    (passes * lanes.len() * MIXERS * 8) as f64 / ns
}

fn scattered_sums() -> f64 {
    let mut targets = vec![0i32; 1000];
    let index: Vec<u16> = (0..5000u32).map(|k| (mix32(k) % 1000) as u16).collect();
    let weights: Vec<i16> = (0..5000u32).map(|k| (mix32(!k) % 41) as i16 - 20).collect();
    let passes = 20;
    let ns = shortest(|| {
        for _ in 0..passes {
            for (at, w) in black_box(&index).iter().zip(&weights) {
                let target = &mut targets[usize::from(*at)];
                *target = target.wrapping_add(i32::from(*w) << 6);
            }
        }
    });
    black_box(&targets);
    (passes * index.len()) as f64 / ns
}

fn bandwidth(bytes: usize) -> f64 {
    let mut array = vec![1i16; bytes / 2];
    let passes = ((8 << 20) / bytes).max(1);
    let ns = shortest(|| {
        for _ in 0..passes {
            for x in black_box(&mut array).iter_mut() {
                *x = x.wrapping_add(3);
            }
        }
    });
    // Every byte is read and written.
    (2 * passes * bytes) as f64 / ns
}
