//! Simulated time inside a step: cores, routers, links, queues (`docs/timing.md`, statements T1
//! to T21).
//!
//! Two models of one document. [`stepped`] moves every unit and every queue tick by tick and is
//! there to be read beside it; [`event::Engine`] looks only at ticks in which something happens
//! and is what users run. Tests hold both to the same ticks. Neither knows what a spike means:
//! they are given how long each unit has to work and where messages go, and nothing they compute
//! enters a state (T1).
//!
//! ```
//! use trifactor_timing::{Core, CoreWork, Machine, Mesh, Message, Rates, Spike, event::Engine};
//!
//! // A core in tile (0, 0) sends a message to one in tile (7, 3), with the published times.
//! let rates =
//!     Rates { queue: 16, link: 3, tile_entry: 21, hop_ew: 41, hop_ns: 65, border: 0, axon_out: 1 };
//! let mesh = Mesh { columns: 8, rows: 4, chip_columns: 8, chip_rows: 4 };
//! let cores = vec![Core { tile: 0, place: 0 }, Core { tile: 31, place: 3 }];
//! let mut engine = Engine::new(Machine { rates, mesh, cores, places: 4, host: 0 });
//! let mut work = vec![CoreWork::default(); 2];
//! work[0].compartments = 84;
//! work[0].send(84, [Message { to: 1, axon: 0, service: 1 }]);
//! let end = engine.spike_part(&work, &[], &mut ());
//! // One compartment, one tick in the output axon unit, 50.3 ns under way, one tick of service.
//! assert_eq!(end, 84 + 1 + 503 + 1);
//! ```

pub mod event;
mod flow;
pub mod observe;
pub mod route;
pub mod stepped;

pub use observe::Observer;
pub use route::{Direction, Mesh};

/// Times of everything that does not depend on what a core does, in ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rates {
    /// Entries of every queue (T11), at least 1.
    pub queue: usize,
    /// Ticks until a link takes another message (T15), at least 1.
    pub link: u64,
    /// From the entrance of a tile to its local queue; 0 counts as 1, here and below.
    pub tile_entry: u64,
    /// Over a link to the east or west.
    pub hop_ew: u64,
    /// Over a link to the north or south.
    pub hop_ns: u64,
    /// What a link over the border of a chip takes longer.
    pub border: u64,
    /// The output axon unit, for each message (T9).
    pub axon_out: u64,
}

/// Where a core is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Core {
    /// Tile, counted row by row over the whole mesh.
    pub tile: u32,
    /// Place in the tile.
    pub place: u32,
}

/// The cores in use and what connects them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Machine {
    /// Times.
    pub rates: Rates,
    /// Tiles.
    pub mesh: Mesh,
    /// Cores in use.
    pub cores: Vec<Core>,
    /// Places of a tile.
    pub places: u32,
    /// The tile whose entrance the host uses.
    pub host: u32,
}

/// A message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// Receiver, by position among the machine's cores.
    pub to: u32,
    /// Input axon there.
    pub axon: u32,
    /// Ticks that the input axon unit is busy with it, at least 1 (T10).
    pub service: u32,
}

/// A spike that has messages to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spike {
    /// Ticks from the start of the compartment unit to the end of this compartment, stalls left
    /// out.
    pub at: u64,
    /// End of the spike's messages, which begin where those of the spike before end.
    pub end: u32,
}

/// What a core has to do in a spike part.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CoreWork {
    /// Ticks of the synapse unit (T6).
    pub synapses: u64,
    /// Ticks of all compartments (T7), stalls left out.
    pub compartments: u64,
    /// Spikes with messages, in the order of compartments; every `at` is at most `compartments`.
    pub spikes: Vec<Spike>,
    /// Their messages.
    pub messages: Vec<Message>,
}

impl CoreWork {
    /// Adds a spike with its messages; without any, nothing.
    pub fn send(&mut self, at: u64, messages: impl IntoIterator<Item = Message>) {
        let before = self.messages.len();
        self.messages.extend(messages);
        if self.messages.len() > before {
            self.spikes.push(Spike { at, end: self.messages.len() as u32 });
        }
    }
    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.synapses = 0;
        self.compartments = 0;
        self.spikes.clear();
        self.messages.clear();
    }
}

/// When the units of a core were done, in ticks from the start of the part.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CoreTimes {
    /// End of the synapse unit's work.
    pub synapses: u64,
    /// End of the compartment unit's work.
    pub compartments: u64,
    /// How long that unit stalled (T8).
    pub stalled: u64,
    /// When the last message was taken by the tile's entrance; 0 if none was.
    pub sent: u64,
    /// How long messages waited in the output axon unit's register.
    pub blocked: u64,
    /// End of the input axon unit's last message; 0 if there was none.
    pub received: u64,
}

impl CoreTimes {
    /// When the core's last unit was done.
    pub fn end(&self) -> u64 {
        self.synapses.max(self.compartments).max(self.sent).max(self.received)
    }
}
