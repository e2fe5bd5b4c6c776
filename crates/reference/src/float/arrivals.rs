//! Spikes in flight: fixed delays as rings of past steps, delays of single synapses as counts
//! filed for the step in which they arrive (S3, S14).

use super::program::Edges;
use super::real::Real;
use std::sync::Arc;
use trifactor_ir::{MAX_DELAY, StateId};

/// The last steps' spikes of one population.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    pub spike: StateId,
    /// Arrays of the bank; the spikes of step t are in `t mod len`.
    pub arrays: Vec<usize>,
}

impl Ring {
    /// The array with the spikes of a step.
    pub fn of_step(&self, step: u64) -> usize {
        self.arrays[(step % self.arrays.len() as u64) as usize]
    }
}

/// Slots of a [`Pending`]: one for each step in which a spike of this step may arrive.
const SLOTS: usize = MAX_DELAY as usize + 2;

/// Arrivals of synapses that have delays of their own.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub spike: StateId,
    pub delay: StateId,
    /// Array of the bank with what arrives in the running step. Shape: `[synapse][episode]`.
    pub array: usize,
    edges: Arc<Edges>,
    width: usize,
    /// Spikes that arrive in step t, in slot `t mod SLOTS`.
    slots: Vec<Vec<u8>>,
}

impl Pending {
    pub fn new(
        spike: StateId,
        delay: StateId,
        array: usize,
        edges: Arc<Edges>,
        width: usize,
    ) -> Self {
        let slots = vec![vec![0; edges.post.len() * width]; SLOTS];
        Self { spike, delay, array, edges, width, slots }
    }

    /// Takes what arrives in a step out of its slot.
    pub fn arrive<T: Real>(&mut self, step: u64, out: &mut [T]) {
        let slot = &mut self.slots[(step % SLOTS as u64) as usize];
        for (out, count) in out.iter_mut().zip(slot.iter_mut()) {
            *out = T::from_f64(f64::from(*count));
            *count = 0;
        }
    }

    /// Files the spikes of a step. `delays` is `[synapse][episode]`, or `[synapse]` where the
    /// delay is a parameter.
    pub fn file<T: Real>(&mut self, step: u64, spikes: &[T], delays: &[T]) {
        let width = self.width;
        let shared = delays.len() != self.edges.post.len() * width;
        for (synapse, pre) in self.edges.pre.iter().enumerate() {
            let spikes = &spikes[*pre as usize * width..][..width];
            for (episode, s) in spikes.iter().enumerate() {
                if *s == T::ZERO {
                    continue;
                }
                let delay = delays[if shared { synapse } else { synapse * width + episode }];
                let delay = steps(delay.to_f64());
                let slot = &mut self.slots[((step + 1 + delay) % SLOTS as u64) as usize];
                let count = &mut slot[synapse * width + episode];
                *count = count.saturating_add(1);
            }
        }
    }

    /// Forgets everything in flight.
    pub fn clear(&mut self) {
        self.slots.iter_mut().for_each(|s| s.fill(0));
    }
}

/// A delay as whole steps: rounded, 0 to 62 (S3). Not-a-number counts as 0.
fn steps(delay: f64) -> u64 {
    (delay + 0.5).floor().clamp(0.0, f64::from(MAX_DELAY)) as u64
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn delays_are_rounded_half_up_and_held_between_0_and_62() {
        for (delay, expected) in
            [(-3.0, 0), (0.49, 0), (0.5, 1), (1.5, 2), (61.7, 62), (1e9, 62), (f64::NAN, 0)]
        {
            assert_eq!(steps(delay), expected, "{delay}");
        }
    }
}
