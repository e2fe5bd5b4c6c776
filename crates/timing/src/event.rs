//! The event-driven model: the same ticks as [`stepped`](crate::stepped), looking only at those
//! in which something happens.
//!
//! Five kinds of wake-up, one for each part of a tick (T17) but the first: times are known when
//! something begins, so nothing needs to be told that it is over. A message is put into the next
//! queue when it is granted, with the tick from which it can be seen there, which also takes its
//! place (T14). Whoever waits for time schedules its own wake-up; whoever waits for room is woken
//! by what makes room.
//!
//! Times are kept from the start of a trial and not of a part, so that no array needs to be
//! cleared between steps: whatever a former part left there lies in the past.

use crate::{CoreTimes, CoreWork, Direction, Machine, Mesh, Message, Observer};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Cells of a tile: when each output is free, from when the first message of each queue may be
/// granted, where each output's search begins, and the same for the entrance.
pub(crate) const OUTPUT_FREE: usize = 0;
pub(crate) const HEAD_FREE: usize = 5;
pub(crate) const TURN: usize = 10;
pub(crate) const ENTRANCE_FREE: usize = 15;
pub(crate) const ENTRANCE_TURN: usize = 16;
pub(crate) const TILE: usize = 17;

/// Part of a tick, in order, and what is woken for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    Entrance,
    Compartments,
    OutputAxon,
    Router,
    InputAxon,
}

const WAKES: [Wake; 5] =
    [Wake::Entrance, Wake::Compartments, Wake::OutputAxon, Wake::Router, Wake::InputAxon];
/// Bits of a wake-up's place: tiles or cores.
const PLACE_BITS: u32 = 21;
const NEVER: u64 = u64::MAX;

/// What a core's units hold.
#[derive(Clone, Default, Debug)]
pub(crate) struct Units {
    /// The next spike, and the start of the compartment unit with all stalls so far.
    pub spike: usize,
    pub start: u64,
    stalled_since: Option<u64>,
    /// Spikes that wait for the output axon unit.
    spikes: VecDeque<u32>,
    /// Messages that are left of the spike that the unit sends.
    sending: std::ops::Range<u32>,
    /// The message in the register, when the unit began with it and when it was ready.
    register: Option<(Message, u64, u64)>,
    /// Messages that wait for the input axon unit.
    axons: VecDeque<Message>,
    pub times: CoreTimes,
}

/// The event-driven model of one machine.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) machine: Machine,
    /// Core at each place of each tile.
    residents: Vec<Vec<Option<u32>>>,
    /// Times and arbiters of tiles, [`TILE`] each, then for each core when its input axon unit
    /// is free, then what [`flow`](crate::flow) remembers of queues.
    pub(crate) cells: Vec<u64>,
    /// Queues of the routers, by tile and port: from when a message can be seen, and its output.
    queues: Vec<VecDeque<(u64, Direction, Message)>>,
    /// Tiles of cores, and column and row of every tile: divisions are slow.
    tiles: Vec<u32>,
    at: Vec<(u32, u32)>,
    /// Ticks over the link behind each output of each tile; 0 for those that lead nowhere.
    hops: Vec<[u64; 5]>,
    pub(crate) units: Vec<Units>,
    heap: BinaryHeap<Reverse<u64>>,
    /// The tick for which each place is in the heap, by kind.
    pending: [Vec<u64>; 5],
    /// The tick at which the part begins.
    pub(crate) base: u64,
    /// Messages that have left their compartment unit and were not yet taken by an input axon
    /// unit.
    pub(crate) alive: usize,
    /// Messages of the host that were granted.
    pub(crate) host_sent: usize,
    pub(crate) undo: Vec<(usize, u64)>,
}

impl Engine {
    /// An engine at the beginning of a trial.
    pub fn new(machine: Machine) -> Self {
        let tiles = machine.mesh.tiles();
        let mut residents = vec![vec![None; machine.places as usize]; tiles];
        for (c, core) in machine.cores.iter().enumerate() {
            residents[core.tile as usize][core.place as usize] = Some(c as u32);
        }
        let n = machine.cores.len();
        Self {
            residents,
            cells: vec![
                0;
                tiles * TILE + n + (tiles * 5 + n) * crate::flow::places(&machine.rates)
            ],
            tiles: machine.cores.iter().map(|core| core.tile).collect(),
            at: (0..tiles as u32).map(|tile| machine.mesh.at(tile)).collect(),
            hops: (0..tiles as u32).map(|tile| hops(&machine, tile)).collect(),
            queues: vec![VecDeque::new(); tiles * 5],
            units: vec![Units::default(); n],
            heap: BinaryHeap::new(),
            pending: [tiles, n, n, tiles, n].map(|n| vec![NEVER; n]),
            base: 0,
            alive: 0,
            host_sent: 0,
            undo: Vec::new(),
            machine,
        }
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }
    /// When the units of a core were done in the last spike part.
    pub fn times(&self, core: usize) -> &CoreTimes {
        &self.units[core].times
    }

    /// Begins a trial: the arbiters are in their first state (T2), and there was no step.
    pub fn reset(&mut self) {
        self.cells.fill(0);
        self.base = 0;
        self.units.iter_mut().for_each(|units| units.times = CoreTimes::default());
    }
    /// The arbiters: for each tile the five outputs and the entrance.
    pub fn arbiters(&self) -> Vec<u8> {
        let tiles = self.machine.mesh.tiles();
        let of = |tile: usize| (0..6).map(move |k| tile * TILE + Self::arbiter(k));
        (0..tiles).flat_map(of).map(|cell| self.cells[cell] as u8).collect()
    }
    /// Restores what [`arbiters`](Self::arbiters) gave; says whether it fits this machine.
    pub fn set_arbiters(&mut self, arbiters: &[u8]) -> bool {
        let entrances = self.machine.places as usize + 1;
        let fits = arbiters.len() == self.machine.mesh.tiles() * 6
            && arbiters.chunks_exact(6).all(|tile| {
                tile[..5].iter().all(|turn| *turn < 5) && usize::from(tile[5]) < entrances
            });
        if fits {
            self.reset();
            for (tile, turns) in arbiters.chunks_exact(6).enumerate() {
                for (k, turn) in turns.iter().enumerate() {
                    self.cells[tile * TILE + Self::arbiter(k)] = u64::from(*turn);
                }
            }
        }
        fits
    }
    const fn arbiter(k: usize) -> usize {
        if k < 5 { TURN + k } else { ENTRANCE_TURN }
    }

    /// The spike part of a step (T3 to T17); returns its length. `host` are the messages of the
    /// step's inputs. Shape: `work` has one entry for each core of the machine.
    pub fn spike_part<O: Observer>(
        &mut self,
        work: &[CoreWork],
        host: &[Message],
        watch: &mut O,
    ) -> u64 {
        if self.base > 1 << 38 {
            // Far from the end of what a wake-up can name; times of the past are all alike.
            let arbiters = self.arbiters();
            self.set_arbiters(&arbiters);
        }
        let base = self.base;
        self.host_sent = 0;
        for (c, (units, work)) in self.units.iter_mut().zip(work).enumerate() {
            units.spike = 0;
            units.start = base + work.synapses;
            units.times = CoreTimes { synapses: work.synapses, ..CoreTimes::default() };
            if let Some(first) = work.spikes.first() {
                let tick = units.start + first.at;
                self.pending[Wake::Compartments as usize][c] = tick;
                self.heap.push(Reverse(key(tick, Wake::Compartments, c)));
            }
            if O::LISTENS && work.synapses > 0 {
                watch.synapses(c, 0, work.synapses);
            }
        }
        if !host.is_empty() {
            self.wake(base, Wake::Entrance, self.machine.host as usize);
        }
        // Set after a lone source was tried in vain, until everything is idle again.
        let mut crowded = O::LISTENS;
        while let Some((tick, kind, place)) = self.next_wake() {
            if self.alive == 0 && !crowded {
                if self.flow(tick, kind, place, work, host) {
                    continue;
                }
                crowded = true;
            }
            match kind {
                Wake::Entrance => self.entrance(tick, place, host, watch),
                Wake::Compartments => self.compartments(tick, place, work, watch),
                Wake::OutputAxon => self.output_axon(tick, place, work),
                Wake::Router => self.router(tick, place, watch),
                Wake::InputAxon => self.input_axon(tick, place, watch),
            }
            crowded = O::LISTENS || crowded && self.alive > 0;
        }
        let mut end = 0;
        for (c, work) in work.iter().enumerate() {
            let received = self.cells[self.receiver(c)];
            let units = &mut self.units[c];
            units.times.compartments = units.start - base + work.compartments;
            units.times.received = received.saturating_sub(base);
            end = end.max(units.times.end());
            if O::LISTENS && work.compartments > 0 {
                watch.compartments(c, work.synapses, units.times.compartments);
            }
        }
        // Links are idle when the next part begins.
        self.base = base + end + self.machine.rates.link + 1;
        end
    }

    pub(crate) fn receiver(&self, core: usize) -> usize {
        self.queues.len() / 5 * TILE + core
    }
    pub(crate) fn wake(&mut self, tick: u64, kind: Wake, place: usize) {
        let pending = &mut self.pending[kind as usize][place];
        if tick < *pending {
            *pending = tick;
            self.heap.push(Reverse(key(tick, kind, place)));
        }
    }
    fn next_wake(&mut self) -> Option<(u64, Wake, usize)> {
        while let Some(Reverse(key)) = self.heap.pop() {
            let (tick, kind, place) = parts(key);
            let pending = &mut self.pending[kind as usize][place];
            // Otherwise it was woken earlier for another reason.
            if *pending == tick {
                *pending = NEVER;
                return Some((tick, kind, place));
            }
        }
        None
    }
    /// The tick of the next wake-up.
    pub(crate) fn peek(&mut self) -> u64 {
        while let Some(Reverse(key)) = self.heap.peek() {
            let (tick, kind, place) = parts(*key);
            if self.pending[kind as usize][place] == tick {
                return tick;
            }
            self.heap.pop();
        }
        NEVER
    }

    /// T17 (2).
    fn entrance<O: Observer>(&mut self, tick: u64, tile: usize, host: &[Message], watch: &mut O) {
        let rates = self.machine.rates;
        let cells = tile * TILE;
        if self.queues[tile * 5].len() == rates.queue {
            return;
        }
        let free = self.cells[cells + ENTRANCE_FREE];
        let places = self.machine.places as usize;
        let hosts = self.machine.host as usize == tile;
        if free <= tick {
            let turn = self.cells[cells + ENTRANCE_TURN] as usize;
            for k in 0..=places {
                let place = (turn + k) % (places + 1);
                let (message, core) = if place == places {
                    if !hosts || self.host_sent == host.len() {
                        continue;
                    }
                    self.host_sent += 1;
                    self.alive += 1;
                    (host[self.host_sent - 1], None)
                } else {
                    let Some(core) = self.residents[tile][place] else { continue };
                    let units = &mut self.units[core as usize];
                    let Some((message, began, ready)) = units.register else { continue };
                    if ready > tick {
                        continue;
                    }
                    units.register = None;
                    units.times.sent = tick - self.base;
                    units.times.blocked += tick - ready;
                    watch.axon_out(core as usize, began - self.base, tick - self.base, message);
                    self.wake(tick, Wake::OutputAxon, core as usize);
                    (message, Some(core as usize))
                };
                self.cells[cells + ENTRANCE_FREE] = tick + rates.link;
                self.cells[cells + ENTRANCE_TURN] = ((place + 1) % (places + 1)) as u64;
                let seen = tick + rates.tile_entry.max(1);
                watch.entrance(tile as u32, core, tick - self.base, seen - self.base, message);
                self.push(tile, Direction::Local, seen, message);
                break;
            }
        }
        // Whoever waits here for time.
        let free = self.cells[cells + ENTRANCE_FREE].max(tick);
        let mut next = if hosts && self.host_sent < host.len() { free } else { NEVER };
        for core in self.residents[tile].iter().flatten() {
            if let Some((_, _, ready)) = self.units[*core as usize].register {
                next = next.min(ready.max(free));
            }
        }
        if next != NEVER {
            self.wake(next.max(tick + 1), Wake::Entrance, tile);
        }
    }

    /// T17 (3).
    fn compartments<O: Observer>(
        &mut self,
        tick: u64,
        core: usize,
        work: &[CoreWork],
        watch: &mut O,
    ) {
        let spikes = &work[core].spikes;
        let units = &mut self.units[core];
        if let Some(since) = units.stalled_since.take() {
            units.start += tick - since;
            units.times.stalled += tick - since;
            watch.stall(core, since - self.base, tick - self.base);
        }
        let mut next = NEVER;
        while let Some(spike) = spikes.get(units.spike) {
            let ready = units.start + spike.at;
            if ready > tick {
                next = ready;
                break;
            }
            if units.spikes.len() == self.machine.rates.queue {
                units.stalled_since = Some(tick);
                break;
            }
            let first = if units.spike == 0 { 0 } else { spikes[units.spike - 1].end };
            self.alive += (spike.end - first) as usize;
            units.spikes.push_back(units.spike as u32);
            units.spike += 1;
        }
        if next != NEVER {
            self.wake(next, Wake::Compartments, core);
        }
        self.wake(tick, Wake::OutputAxon, core);
    }

    /// T17 (4).
    fn output_axon(&mut self, tick: u64, core: usize, work: &[CoreWork]) {
        let rates = self.machine.rates;
        let (work, units) = (&work[core], &mut self.units[core]);
        if units.register.is_some() {
            return;
        }
        let mut room = false;
        if units.sending.is_empty() {
            room = units.spikes.len() == rates.queue;
            let Some(spike) = units.spikes.pop_front() else { return };
            let spike = spike as usize;
            let first = if spike == 0 { 0 } else { work.spikes[spike - 1].end };
            units.sending = first..work.spikes[spike].end;
        }
        let at = units.sending.next().expect("internal: a spike in the queue has messages");
        let ready = tick + rates.axon_out.max(1);
        units.register = Some((work.messages[at as usize], tick, ready));
        self.wake(ready, Wake::Entrance, self.machine.cores[core].tile as usize);
        if room {
            self.wake(tick + 1, Wake::Compartments, core);
        }
    }

    /// T17 (5).
    fn router<O: Observer>(&mut self, tick: u64, tile: usize, watch: &mut O) {
        let cells = tile * TILE;
        // Ports whose first message wants each output and can be seen, a bit each.
        let mut wanting = [0u8; 5];
        for port in 0..5 {
            if let Some((seen, output, _)) = self.first(tile, port)
                && seen <= tick
            {
                wanting[output as usize] |= 1 << port;
            }
        }
        for output in Direction::ALL {
            let wanting = wanting[output as usize];
            if wanting == 0 || self.cells[cells + OUTPUT_FREE + output as usize] > tick {
                continue;
            }
            let turn = self.cells[cells + TURN + output as usize] as usize;
            for port in (turn..5).chain(0..turn).filter(|port| wanting & (1 << port) != 0) {
                let Some((_, _, message)) = self.first(tile, port) else { continue };
                if self.has_room(tick, tile, output, message) {
                    self.grant(tick, tile, output, port, message, watch);
                    break;
                }
            }
        }
        let mut next = NEVER;
        for port in 0..5 {
            let Some((seen, wanted, _)) = self.first(tile, port) else { continue };
            let possible = seen.max(self.cells[cells + OUTPUT_FREE + wanted as usize]);
            // What could have moved now and did not is woken when there is room, unless that was
            // made in this tick already.
            if possible > tick {
                next = next.min(possible);
            } else if self.freed(tick, tile, wanted) {
                next = tick + 1;
            }
        }
        if next != NEVER {
            self.wake(next, Wake::Router, tile);
        }
    }
    /// The first message of a queue: from when it may be granted, its output, and itself.
    fn first(&self, tile: usize, port: usize) -> Option<(u64, Direction, Message)> {
        let (seen, output, message) = self.queues[tile * 5 + port].front()?;
        let seen = (*seen).max(self.cells[tile * TILE + HEAD_FREE + port]);
        Some((seen, *output, *message))
    }
    /// Puts a message into a queue, where it can be seen from a tick on.
    fn push(&mut self, tile: usize, port: Direction, seen: u64, message: Message) {
        let to = self.tiles[message.to as usize];
        let output = self.next(tile as u32, to);
        self.queues[tile * 5 + port as usize].push_back((seen, output, message));
        self.wake(seen, Wake::Router, tile);
    }
    fn has_room(&self, tick: u64, tile: usize, output: Direction, message: Message) -> bool {
        let held = match output {
            Direction::Local => self.units[message.to as usize].axons.len(),
            _ => {
                let next = self.machine.mesh.neighbour(tile as u32, output) as usize;
                let queue = &self.queues[next * 5 + output.opposite() as usize];
                queue.len() + usize::from(self.freed(tick, tile, output))
            }
        };
        held < self.machine.rates.queue
    }
    /// Whether the queue behind an output lost a message in this tick, whose place cannot be
    /// seen yet.
    fn freed(&self, tick: u64, tile: usize, output: Direction) -> bool {
        if output == Direction::Local {
            return false;
        }
        let next = self.machine.mesh.neighbour(tile as u32, output) as usize;
        self.cells[next * TILE + HEAD_FREE + output.opposite() as usize] == tick + 1
    }
    fn grant<O: Observer>(
        &mut self,
        tick: u64,
        tile: usize,
        output: Direction,
        port: usize,
        message: Message,
        watch: &mut O,
    ) {
        let rates = self.machine.rates;
        let cells = tile * TILE;
        self.cells[cells + OUTPUT_FREE + output as usize] = tick + rates.link;
        self.cells[cells + TURN + output as usize] = ((port + 1) % 5) as u64;
        self.cells[cells + HEAD_FREE + port] = tick + 1;
        let queue = &mut self.queues[tile * 5 + port];
        let was_full = queue.len() == rates.queue;
        queue.pop_front();
        if was_full {
            match Direction::ALL[port] {
                Direction::Local => self.wake(tick + 1, Wake::Entrance, tile),
                from => {
                    let before = self.machine.mesh.neighbour(tile as u32, from) as usize;
                    self.wake(tick + 1, Wake::Router, before);
                }
            }
        }
        if output == Direction::Local {
            watch.link(tile as u32, output, tick - self.base, tick - self.base, message);
            let core = message.to as usize;
            self.units[core].axons.push_back(message);
            let free = self.cells[self.receiver(core)];
            self.wake(free.max(tick), Wake::InputAxon, core);
            return;
        }
        let next = self.machine.mesh.neighbour(tile as u32, output) as usize;
        let seen = tick + self.hop(tile as u32, output);
        watch.link(tile as u32, output, tick - self.base, seen - self.base, message);
        self.push(next, output.opposite(), seen, message);
    }
    /// Ticks over a link (T15).
    pub(crate) fn hop(&self, tile: u32, output: Direction) -> u64 {
        self.hops[tile as usize][output as usize]
    }
    /// The output that a message for a tile takes.
    pub(crate) fn next(&self, here: u32, to: u32) -> Direction {
        Mesh::towards(self.at[here as usize], self.at[to as usize])
    }

    /// T17 (6).
    fn input_axon<O: Observer>(&mut self, tick: u64, core: usize, watch: &mut O) {
        let receiver = self.receiver(core);
        let axons = &mut self.units[core].axons;
        let was_full = axons.len() == self.machine.rates.queue;
        let Some(message) = axons.pop_front() else { return };
        let more = !axons.is_empty();
        let done = tick + u64::from(message.service.max(1));
        self.cells[receiver] = done;
        self.alive -= 1;
        watch.axon_in(core, tick - self.base, done - self.base, message);
        if more {
            self.wake(done, Wake::InputAxon, core);
        }
        if was_full {
            self.wake(tick + 1, Wake::Router, self.machine.cores[core].tile as usize);
        }
    }
}

/// Ticks over the links behind the outputs of a tile.
fn hops(machine: &Machine, tile: u32) -> [u64; 5] {
    let (mesh, rates) = (&machine.mesh, &machine.rates);
    let (x, y) = mesh.at(tile);
    Direction::ALL.map(|output| {
        let (exists, within) = match output {
            Direction::Local => (false, 0),
            Direction::North => (y > 0, rates.hop_ns),
            Direction::East => (x + 1 < mesh.columns, rates.hop_ew),
            Direction::South => (y + 1 < mesh.rows, rates.hop_ns),
            Direction::West => (x > 0, rates.hop_ew),
        };
        if !exists {
            return 0;
        }
        let border = if mesh.leaves_chip(tile, output) { rates.border } else { 0 };
        (within + border).max(1)
    })
}

fn key(tick: u64, kind: Wake, place: usize) -> u64 {
    debug_assert!(place < 1 << PLACE_BITS && tick < 1 << 40);
    // Kinds before places, so that every part of a tick is over before the next begins. 40 bits
    // are a hundred seconds on the chip; one step takes microseconds.
    (tick << (PLACE_BITS + 3)) + ((kind as u64) << PLACE_BITS) + place as u64
}

fn parts(key: u64) -> (u64, Wake, usize) {
    let kind = (key >> PLACE_BITS) & 7;
    (key >> (PLACE_BITS + 3), WAKES[kind as usize], (key & ((1 << PLACE_BITS) - 1)) as usize)
}
