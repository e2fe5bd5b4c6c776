//! The plain model: every unit, queue and link, tick by tick, in the words of `docs/timing.md`.
//!
//! It is slow on purpose. Nothing is skipped, added up in advance or remembered from one tick to
//! the next but what hardware would hold, and energy is paid where something happens, so that
//! the event-driven model and the ledger have something to be held against.

use crate::{CoreTimes, Direction, Machine};
use std::collections::VecDeque;

/// Work of a unit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Job {
    /// Ticks it takes.
    pub ticks: u64,
    /// Energy.
    pub fj: u64,
}

/// A message with what its reception takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parcel {
    /// Receiver, by position among the machine's cores.
    pub to: usize,
    /// Input axon.
    pub axon: u32,
    /// What the input axon unit does with it.
    pub service: Job,
}

/// A compartment's turn.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Compartment {
    /// What it takes.
    pub job: Job,
    /// Messages, if it spikes.
    pub messages: Vec<Parcel>,
}

/// What a core has to do in a step.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CoreJobs {
    /// Of the synapse unit.
    pub synapses: Vec<Job>,
    /// Of the compartment unit.
    pub compartments: Vec<Compartment>,
    /// Of the update part.
    pub update: Vec<Job>,
}

/// Energy of the things that messages do, in femtojoules.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Prices {
    /// Sending a message from an output axon.
    pub axon_out: u64,
    /// Entering a tile.
    pub tile_entry: u64,
    /// Passing a link to the east or west.
    pub hop_ew: u64,
    /// Passing a link to the north or south.
    pub hop_ns: u64,
    /// What the border of a chip adds.
    pub border: u64,
}

/// What a part took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Ticks.
    pub end: u64,
    /// Every core.
    pub cores: Vec<CoreTimes>,
    /// Energy, in femtojoules.
    pub fj: u64,
    /// Input axons whose messages each core took, in that order.
    pub received: Vec<Vec<u32>>,
    /// Most entries that any queue ever held.
    pub fullest: usize,
}

/// The machine between two steps: nothing but the arbiters (T2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chip {
    machine: Machine,
    prices: Prices,
    /// Where the search at each tile's entrance begins.
    entrance_turn: Vec<usize>,
    /// Where the search for each output of each router begins.
    output_turn: Vec<[usize; 5]>,
}

/// A message on a link.
struct Flight {
    left: u64,
    tile: usize,
    port: usize,
    parcel: Parcel,
}

#[derive(Clone, Default)]
struct Router {
    queues: [VecDeque<Parcel>; 5],
    /// Places of the queues that messages on links have taken.
    promised: [usize; 5],
    /// Ticks until each output is free.
    busy: [u64; 5],
    /// Ticks until the entrance is free.
    entrance_busy: u64,
}

#[derive(Clone, Default)]
struct Core {
    synapse_left: u64,
    synapses_done: bool,
    compartment: Option<Compartment>,
    compartment_left: u64,
    compartments_done: bool,
    spikes: VecDeque<Vec<Parcel>>,
    sending: VecDeque<Parcel>,
    out: Option<Parcel>,
    out_left: u64,
    axons: VecDeque<Parcel>,
    receiving: bool,
    receive_left: u64,
}

impl Chip {
    /// A chip at the beginning of a trial.
    pub fn new(machine: Machine, prices: Prices) -> Self {
        let tiles = machine.mesh.tiles();
        Self { machine, prices, entrance_turn: vec![0; tiles], output_turn: vec![[0; 5]; tiles] }
    }

    /// The spike part of a step (T3 to T17). `host` are the messages of the step's inputs.
    pub fn spike_part(&mut self, jobs: &[CoreJobs], host: &[Parcel]) -> Outcome {
        let mut run = Run {
            cores: vec![Core::default(); jobs.len()],
            synapses: jobs.iter().map(|j| j.synapses.iter().copied().collect()).collect(),
            compartments: jobs.iter().map(|j| j.compartments.iter().cloned().collect()).collect(),
            routers: vec![Router::default(); self.machine.mesh.tiles()],
            flights: Vec::new(),
            host: host.iter().copied().collect(),
            now: 0,
            out: Outcome {
                end: 0,
                cores: vec![CoreTimes::default(); jobs.len()],
                fj: 0,
                received: vec![Vec::new(); jobs.len()],
                fullest: 0,
            },
            chip: self,
        };
        loop {
            run.finish_what_is_over();
            run.entrances();
            run.compartments();
            run.output_axons();
            run.routers();
            run.input_axons();
            if run.is_over() {
                break;
            }
            run.tick();
        }
        run.out.end = run.out.cores.iter().map(CoreTimes::end).max().unwrap_or(0);
        run.out
    }

    /// The update part (T18): when each core is done, and the energy.
    pub fn update_part(&self, jobs: &[CoreJobs]) -> (Vec<u64>, u64) {
        let mut fj = 0;
        let ends = jobs.iter().map(|core| {
            let mut now = 0;
            for job in &core.update {
                fj += job.fj;
                let mut left = job.ticks;
                while left > 0 {
                    left -= 1;
                    now += 1;
                }
            }
            now
        });
        (ends.collect(), fj)
    }
}

struct Run<'a> {
    chip: &'a mut Chip,
    cores: Vec<Core>,
    synapses: Vec<VecDeque<Job>>,
    compartments: Vec<VecDeque<Compartment>>,
    routers: Vec<Router>,
    flights: Vec<Flight>,
    host: VecDeque<Parcel>,
    now: u64,
    out: Outcome,
}

impl Run<'_> {
    /// T17 (1).
    fn finish_what_is_over(&mut self) {
        let mut under_way = Vec::new();
        for flight in std::mem::take(&mut self.flights) {
            if flight.left > 0 {
                under_way.push(flight);
                continue;
            }
            let router = &mut self.routers[flight.tile];
            router.promised[flight.port] -= 1;
            router.queues[flight.port].push_back(flight.parcel);
        }
        self.flights = under_way;
        for (c, core) in self.cores.iter_mut().enumerate() {
            while core.synapse_left == 0 && !core.synapses_done {
                match self.synapses[c].pop_front() {
                    Some(job) => {
                        core.synapse_left = job.ticks;
                        self.out.fj += job.fj;
                    }
                    None => {
                        core.synapses_done = true;
                        self.out.cores[c].synapses = self.now;
                    }
                }
            }
            if core.receiving && core.receive_left == 0 {
                core.receiving = false;
                self.out.cores[c].received = self.now;
            }
        }
    }

    /// T17 (2), T13.
    fn entrances(&mut self) {
        let machine = &self.chip.machine;
        let places = machine.places as usize;
        for tile in 0..self.routers.len() {
            let local = Direction::Local as usize;
            let router = &self.routers[tile];
            let held = router.queues[local].len() + router.promised[local];
            if router.entrance_busy > 0 || held == machine.rates.queue {
                continue;
            }
            for k in 0..=places {
                let place = (self.chip.entrance_turn[tile] + k) % (places + 1);
                let core = machine
                    .cores
                    .iter()
                    .position(|core| core.tile as usize == tile && core.place as usize == place);
                let parcel = match core {
                    _ if place == places && machine.host as usize == tile => self.host.pop_front(),
                    Some(c) if self.cores[c].out_left == 0 => self.cores[c].out.take(),
                    _ => None,
                };
                let Some(parcel) = parcel else { continue };
                if let Some(c) = core {
                    self.out.cores[c].sent = self.now;
                }
                self.out.fj += self.chip.prices.tile_entry;
                self.chip.entrance_turn[tile] = (place + 1) % (places + 1);
                let router = &mut self.routers[tile];
                router.entrance_busy = machine.rates.link;
                router.promised[local] += 1;
                let left = machine.rates.tile_entry.max(1);
                self.flights.push(Flight { left, tile, port: local, parcel });
                break;
            }
        }
    }

    /// T17 (3), T7, T8.
    fn compartments(&mut self) {
        for (c, core) in self.cores.iter_mut().enumerate() {
            while core.synapses_done && core.compartment_left == 0 && !core.compartments_done {
                if let Some(compartment) = core.compartment.take() {
                    if compartment.messages.is_empty() {
                        // It did not spike, or nobody listens.
                    } else if core.spikes.len() < self.chip.machine.rates.queue {
                        core.spikes.push_back(compartment.messages);
                    } else {
                        core.compartment = Some(compartment);
                        break;
                    }
                }
                match self.compartments[c].pop_front() {
                    Some(compartment) => {
                        core.compartment_left = compartment.job.ticks;
                        self.out.fj += compartment.job.fj;
                        core.compartment = Some(compartment);
                    }
                    None => {
                        core.compartments_done = true;
                        self.out.cores[c].compartments = self.now;
                    }
                }
            }
        }
    }

    /// T17 (4), T9.
    fn output_axons(&mut self) {
        for core in &mut self.cores {
            if core.out.is_some() {
                continue;
            }
            if core.sending.is_empty() {
                let Some(spike) = core.spikes.pop_front() else { continue };
                core.sending = spike.into();
            }
            core.out = core.sending.pop_front();
            core.out_left = self.chip.machine.rates.axon_out.max(1);
            self.out.fj += self.chip.prices.axon_out;
        }
    }

    /// T17 (5), T12 to T15: all routers decide on what they see, then everything moves.
    fn routers(&mut self) {
        let machine = &self.chip.machine;
        let (mesh, rates) = (machine.mesh, machine.rates);
        let mut grants = Vec::new();
        for (tile, router) in self.routers.iter().enumerate() {
            let wants = |port: usize| {
                let first = router.queues[port].front()?;
                Some((first, mesh.next(tile as u32, machine.cores[first.to].tile)))
            };
            for output in Direction::ALL {
                if router.busy[output as usize] > 0 {
                    continue;
                }
                for k in 0..5 {
                    let port = (self.chip.output_turn[tile][output as usize] + k) % 5;
                    let Some((first, wanted)) = wants(port) else { continue };
                    if wanted != output {
                        continue;
                    }
                    let held = match output {
                        Direction::Local => self.cores[first.to].axons.len(),
                        _ => {
                            let next = &self.routers[mesh.neighbour(tile as u32, output) as usize];
                            let port = output.opposite() as usize;
                            next.queues[port].len() + next.promised[port]
                        }
                    };
                    // Room is asked for by the message whose turn it is; one for another core
                    // may still leave.
                    if held < rates.queue {
                        grants.push((tile, output, port));
                        break;
                    }
                }
            }
        }
        for (tile, output, port) in grants {
            self.chip.output_turn[tile][output as usize] = (port + 1) % 5;
            let router = &mut self.routers[tile];
            router.busy[output as usize] = rates.link;
            let parcel = router.queues[port].pop_front().expect("internal: the first one was seen");
            if output == Direction::Local {
                self.cores[parcel.to].axons.push_back(parcel);
                continue;
            }
            let next = mesh.neighbour(tile as u32, output) as usize;
            let (mut left, mut fj) = match output {
                Direction::East | Direction::West => (rates.hop_ew, self.chip.prices.hop_ew),
                _ => (rates.hop_ns, self.chip.prices.hop_ns),
            };
            if mesh.leaves_chip(tile as u32, output) {
                left += rates.border;
                fj += self.chip.prices.border;
            }
            self.out.fj += fj;
            let port = output.opposite() as usize;
            self.routers[next].promised[port] += 1;
            self.flights.push(Flight { left: left.max(1), tile: next, port, parcel });
        }
    }

    /// T17 (6), T10.
    fn input_axons(&mut self) {
        for (c, core) in self.cores.iter_mut().enumerate() {
            if core.receiving {
                continue;
            }
            let Some(parcel) = core.axons.pop_front() else { continue };
            core.receiving = true;
            core.receive_left = parcel.service.ticks.max(1);
            self.out.fj += parcel.service.fj;
            self.out.received[c].push(parcel.axon);
        }
    }

    fn is_over(&self) -> bool {
        let idle = |core: &Core| {
            core.compartments_done
                && core.spikes.is_empty()
                && core.sending.is_empty()
                && core.out.is_none()
                && core.axons.is_empty()
                && !core.receiving
        };
        let empty = |router: &Router| router.queues.iter().all(VecDeque::is_empty);
        self.host.is_empty()
            && self.flights.is_empty()
            && self.cores.iter().all(idle)
            && self.routers.iter().all(empty)
    }

    /// One tick passes.
    fn tick(&mut self) {
        self.now += 1;
        for (core, times) in self.cores.iter_mut().zip(&mut self.out.cores) {
            if core.synapses_done && core.compartment_left == 0 && core.compartment.is_some() {
                times.stalled += 1;
            }
            if core.out.is_some() && core.out_left == 0 {
                times.blocked += 1;
            }
            self.out.fullest = self.out.fullest.max(core.spikes.len()).max(core.axons.len());
            for left in [
                &mut core.synapse_left,
                &mut core.compartment_left,
                &mut core.out_left,
                &mut core.receive_left,
            ] {
                *left = left.saturating_sub(1);
            }
        }
        for router in &mut self.routers {
            for (queue, promised) in router.queues.iter().zip(router.promised) {
                self.out.fullest = self.out.fullest.max(queue.len() + promised);
            }
            for left in router.busy.iter_mut().chain([&mut router.entrance_busy]) {
                *left = left.saturating_sub(1);
            }
        }
        for flight in &mut self.flights {
            flight.left -= 1;
        }
    }
}
