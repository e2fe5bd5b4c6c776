//! What a learning epoch remembers for its rules: who spiked and when, and the values traces had
//! at each step (S34, S35, S40).

use super::program::{Axis, Edges};
use super::real::Real;
use std::sync::Arc;
use trifactor_ir::{StateId, When};

/// Spikes of one population in the running epoch.
#[derive(Clone, Debug)]
pub(super) struct Flags {
    pub spike: StateId,
    /// Array of the bank: 1 where the lane spiked in this epoch. Shape: `[lane][episode]`.
    pub array: usize,
    /// Position of the last spike, 1 to T; 0 where there is none. Same shape.
    pub last: Vec<u8>,
}

impl Flags {
    /// Enters the spikes at a position of the epoch.
    pub fn record<T: Real>(&mut self, position: u8, spikes: &[T], flags: &mut [T]) {
        for ((s, flag), last) in spikes.iter().zip(flags).zip(&mut self.last) {
            if *s != T::ZERO {
                *flag = T::ONE;
                *last = position;
            }
        }
    }
}

/// Values of one trace after each step of the running epoch.
#[derive(Clone, Debug)]
pub(super) struct History<T> {
    pub state: StateId,
    /// Values after position s; those of position 0 are from the end of the epoch before.
    pub at: Vec<Vec<T>>,
}

impl<T: Real> History<T> {
    /// Enters the values at a position; the first one also moves the last epoch's end to 0.
    pub fn record(&mut self, position: u8, values: &[T]) {
        if position == 1 {
            let last = self.at.len() - 1;
            self.at.swap(0, last);
        }
        self.at[usize::from(position)].copy_from_slice(values);
    }
}

/// An input read at a time inside the epoch, made into an array before the rule runs.
#[derive(Clone, Debug)]
pub(super) struct Timed {
    /// Which [`History`].
    pub history: usize,
    /// Whose lanes are read.
    pub axis: Axis,
    pub when: When,
    pub prev: bool,
    /// [`Flags`] of the lanes whose spike sets the time; `None` where they cannot spike.
    pub clock: Option<usize>,
    /// Array of the bank. Its lanes are those of [`shape_axis`].
    pub array: usize,
}

/// Whose lanes an array has that holds an input read at a time: those of the trace where the time
/// depends on the same lanes, else the synapses.
pub(super) fn shape_axis(axis: Axis, when: When) -> Axis {
    match (axis, when) {
        (Axis::Pre, When::AtPost) | (Axis::Post, When::AtPre) => Axis::Own,
        (axis, _) => axis,
    }
}

impl Timed {
    /// Fills the array: each value at its time, one step earlier if `prev` (S40).
    pub fn fill<T: Real>(
        &self,
        histories: &[History<T>],
        flags: &[Flags],
        edges: &Arc<Edges>,
        width: usize,
        out: &mut [T],
    ) {
        let at = &histories[self.history].at;
        let end = at.len() - 1;
        let last = self.clock.map(|c| &flags[c].last);
        let back = usize::from(self.prev);
        let of_synapse = shape_axis(self.axis, self.when) == Axis::Own;
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let (lane, clock) = match (of_synapse, self.axis) {
                (true, Axis::Pre) => (edges.pre[row] as usize, edges.post[row] as usize),
                (true, _) => (edges.post[row] as usize, edges.pre[row] as usize),
                (false, _) => (row, row),
            };
            for (episode, out) in out.iter_mut().enumerate() {
                let spiked = last.map_or(0, |l| usize::from(l[clock * width + episode]));
                let time = if self.when == When::End || spiked == 0 { end } else { spiked };
                *out = at[time - back][lane * width + episode];
            }
        }
    }
}
