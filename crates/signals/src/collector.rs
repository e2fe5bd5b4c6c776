//! What the timing model tells of a step, and when its parts begin and end.

use trifactor_emu::{Direction, Emulator, Message, Observer};
use trifactor_isa::Chip;

/// A unit of a core.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Unit {
    Synapses,
    Compartments,
    Stall,
    AxonOut,
    AxonIn,
    Update,
}

impl Unit {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Synapses => "synapse unit",
            Self::Compartments => "compartment unit",
            Self::Stall => "compartment unit, stalled",
            Self::AxonOut => "output axon unit",
            Self::AxonIn => "input axon unit",
            Self::Update => "update part",
        }
    }
}

/// What one row of the timeline shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Track {
    Core(usize, Unit),
    Entrance(u32),
    Link(u32, u8),
}

/// A stretch of time on a track, in ticks from the start of the part.
pub(crate) struct Slice {
    pub track: Track,
    pub from: u64,
    pub to: u64,
    pub message: Option<Message>,
}

/// Collects what the timing model tells of one spike part.
pub(crate) struct Collector {
    pub slices: Vec<Slice>,
    link_ticks: u64,
}

impl Collector {
    pub(crate) fn new(chip: &Chip) -> Self {
        Self { slices: Vec::new(), link_ticks: chip.mesh.router.link_ticks.into() }
    }
    /// Forgets the part before.
    pub(crate) fn clear(&mut self) {
        self.slices.clear();
    }
    /// When the compartments of a core that fired were served, by their addresses: the end of
    /// their time in the compartment unit, in ticks from the start of the part (T7, T8).
    pub(crate) fn served(&self, core: usize, emulator: &Emulator) -> Vec<(usize, u64)> {
        let own = |unit| self.slices.iter().filter(move |s| s.track == Track::Core(core, unit));
        let mut late = own(Unit::Compartments).map(|s| s.from).next().unwrap_or(0);
        let mut stalls = own(Unit::Stall).peekable();
        let each = emulator.fired(core).map(|fired| {
            let at = late + fired.done;
            // The unit stalls with a spike in hand, and whatever follows is served later.
            if let Some(stall) = stalls.next_if(|stall| fired.sends && stall.from == at) {
                late += stall.to - stall.from;
            }
            (fired.compartment, at)
        });
        each.collect()
    }
    fn add(&mut self, track: Track, from: u64, to: u64, message: Option<Message>) {
        if to > from {
            self.slices.push(Slice { track, from, to, message });
        }
    }
}

impl Observer for Collector {
    fn synapses(&mut self, core: usize, from: u64, to: u64) {
        self.add(Track::Core(core, Unit::Synapses), from, to, None);
    }
    fn compartments(&mut self, core: usize, from: u64, to: u64) {
        self.add(Track::Core(core, Unit::Compartments), from, to, None);
    }
    fn stall(&mut self, core: usize, from: u64, to: u64) {
        self.add(Track::Core(core, Unit::Stall), from, to, None);
    }
    fn axon_out(&mut self, core: usize, from: u64, to: u64, message: Message) {
        self.add(Track::Core(core, Unit::AxonOut), from, to, Some(message));
    }
    fn entrance(&mut self, tile: u32, _: Option<usize>, from: u64, to: u64, message: Message) {
        let taken = to.min(from + self.link_ticks);
        self.add(Track::Entrance(tile), from, taken, Some(message));
    }
    fn link(&mut self, tile: u32, output: Direction, from: u64, to: u64, message: Message) {
        // A message leaves by the local output at once. Over a link several are under way at a
        // time; what is shown is how long each keeps the link from taking the next (T15).
        if output != Direction::Local {
            let taken = to.min(from + self.link_ticks);
            self.add(Track::Link(tile, output as u8), from, taken, Some(message));
        }
    }
    fn axon_in(&mut self, core: usize, from: u64, to: u64, message: Message) {
        self.add(Track::Core(core, Unit::AxonIn), from, to, Some(message));
    }
}

/// When the parts of a step begin and end, in ticks since the trial began (T3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Parts {
    pub spike: [u64; 2],
    pub barrier: [u64; 2],
    /// Empty where no core has anything to update.
    pub update: [u64; 2],
    /// The barrier behind it, if there is one.
    pub end_barrier: [u64; 2],
}

impl Parts {
    /// The end of the step.
    pub(crate) const fn end(&self) -> u64 {
        self.end_barrier[1]
    }
}

/// Adds up the time of steps.
#[derive(Default)]
pub(crate) struct Times {
    clock: u64,
}

impl Times {
    /// The parts of the step that was just executed; the first call is for the first step.
    pub(crate) fn step(&mut self, emulator: &Emulator) -> Parts {
        let times = emulator.step_times();
        let start = self.clock;
        let first = start + times.spike;
        let update = first + times.barrier;
        let last = update + times.update.unwrap_or(0);
        self.clock = start + times.total();
        Parts {
            spike: [start, first],
            barrier: [first, update],
            update: [update, last],
            end_barrier: [last, self.clock],
        }
    }
}
