//! Watching where the time of a spike part goes.

use crate::{Direction, Message};

/// Is told what units and links do, with ticks from the start of the part. Calls come in the
/// order in which things begin, as far as one unit or link is concerned.
///
/// The empty observer is `()`; it costs nothing. Any other makes the engine look at every event.
pub trait Observer {
    /// Whether anybody listens.
    const LISTENS: bool = true;
    /// The synapse unit of a core works.
    fn synapses(&mut self, core: usize, from: u64, to: u64);
    /// The compartment unit of a core works, stalls included.
    fn compartments(&mut self, core: usize, from: u64, to: u64);
    /// The compartment unit waits for room in the spike queue.
    fn stall(&mut self, core: usize, from: u64, to: u64);
    /// A message is in the output axon unit, from its beginning until the entrance takes it.
    fn axon_out(&mut self, core: usize, from: u64, to: u64, message: Message);
    /// A message is on its way from a tile's entrance to the local queue. `core` is `None` for
    /// the host.
    fn entrance(&mut self, tile: u32, core: Option<usize>, from: u64, to: u64, message: Message);
    /// A message is on a link, or leaves by the local output, which takes no time.
    fn link(&mut self, tile: u32, output: Direction, from: u64, to: u64, message: Message);
    /// The input axon unit handles a message.
    fn axon_in(&mut self, core: usize, from: u64, to: u64, message: Message);
}

impl Observer for () {
    const LISTENS: bool = false;
    fn synapses(&mut self, _: usize, _: u64, _: u64) {}
    fn compartments(&mut self, _: usize, _: u64, _: u64) {}
    fn stall(&mut self, _: usize, _: u64, _: u64) {}
    fn axon_out(&mut self, _: usize, _: u64, _: u64, _: Message) {}
    fn entrance(&mut self, _: u32, _: Option<usize>, _: u64, _: u64, _: Message) {}
    fn link(&mut self, _: u32, _: Direction, _: u64, _: u64, _: Message) {}
    fn axon_in(&mut self, _: usize, _: u64, _: u64, _: Message) {}
}
