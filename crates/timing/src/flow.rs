//! A lone source, without wake-ups.
//!
//! Most of the time one core, or the host, has the network to itself. Routes from one source form
//! a tree, so its messages never meet others and never change their order in a queue. Then every
//! time follows from messages before: a grant happens when the message is there, the output is
//! free, its queue's first place is its own, and what lay so far ahead of it in the next queue
//! that they could not both be there has left.
//!
//! Nothing is kept if that turns out to be wrong: what was written since the source was last
//! idle is undone, and the wake-ups of [`event`](crate::event) take over from there.

use crate::event::{
    ENTRANCE_FREE, ENTRANCE_TURN, Engine, HEAD_FREE, OUTPUT_FREE, TILE, TURN, Wake,
};
use crate::{CoreWork, Direction, Message, Rates};

/// Spikes of which the last few are remembered.
struct Last {
    ticks: [u64; 16],
    n: usize,
    depth: usize,
}

impl Last {
    fn new(queue: usize) -> Self {
        Self { ticks: [0; 16], n: 0, depth: queue.min(16) }
    }
    /// Whether the one a queue's depth ago was gone before a tick.
    fn gone_before(&self, tick: u64) -> bool {
        self.n < self.depth || self.ticks[(self.n - self.depth) % 16] < tick
    }
    fn push(&mut self, tick: u64) {
        self.ticks[self.n % 16] = tick;
        self.n += 1;
    }
}

/// Cells for each queue: which place is taken next, and from when each was free. Queues of more places than are remembered have none, and no flows.
pub(crate) fn places(rates: &Rates) -> usize {
    if rates.queue <= REMEMBERED { 1 + rates.queue } else { 0 }
}
const REMEMBERED: usize = 64;

impl Engine {
    /// Takes a source as far as it stays alone, if the wake-up is one of a source; says whether
    /// it came further.
    pub(crate) fn flow(
        &mut self,
        tick: u64,
        kind: Wake,
        place: usize,
        work: &[CoreWork],
        host: &[Message],
    ) -> bool {
        self.undo.clear();
        if self.machine.rates.queue > REMEMBERED {
            return false;
        }
        match kind {
            Wake::Compartments => self.core_flow(place, &work[place]),
            Wake::Entrance if place == self.machine.host as usize => self.host_flow(tick, host),
            _ => false,
        }
    }

    fn core_flow(&mut self, core: usize, work: &CoreWork) -> bool {
        let limit = self.peek();
        let rates = self.machine.rates;
        let at = self.machine.cores[core];
        let (start, base) = (self.units[core].start, self.base);
        let mut spike = self.units[core].spike;
        let first_spike = spike;
        let (mut sent, mut blocked) = (self.units[core].times.sent, self.units[core].times.blocked);
        let mut begun = Last::new(rates.queue);
        // Until when the output axon unit and everything that was sent are busy.
        let (mut unit_free, mut last) = (0, 0);
        let mut kept = (spike, sent, blocked);
        'spikes: while let Some(next) = work.spikes.get(spike) {
            let ready = start + next.at;
            if ready > last {
                self.undo.clear();
                kept = (spike, sent, blocked);
            }
            if ready >= limit || !begun.gone_before(ready) {
                break;
            }
            let from = if spike == 0 { 0 } else { work.spikes[spike - 1].end };
            begun.push(unit_free.max(ready));
            if ready > last && next.end - from == 1 {
                let follows = work.spikes.get(spike + 1).map_or(limit, |s| limit.min(start + s.at));
                let waits = ready + rates.axon_out.max(1);
                let message = work.messages[from as usize];
                if let Some(done) = self.send_quietly(at.tile, at.place, waits, message, follows) {
                    (unit_free, last, sent) = (waits, done, waits - base);
                    spike += 1;
                    kept = (spike, sent, blocked);
                    continue;
                }
            }
            for message in &work.messages[from as usize..next.end as usize] {
                let begins = unit_free.max(ready);
                let waits = begins + rates.axon_out.max(1);
                let (granted, done) = self.send_alone(at.tile, at.place, waits, *message);
                if done >= limit {
                    break 'spikes;
                }
                (unit_free, last) = (granted, last.max(done));
                (sent, blocked) = (granted - base, blocked + granted - waits);
            }
            spike += 1;
            if spike == work.spikes.len() {
                self.undo.clear();
                kept = (spike, sent, blocked);
            }
        }
        self.roll_back();
        let units = &mut self.units[core];
        (units.spike, units.times.sent, units.times.blocked) = kept;
        if let Some(next) = work.spikes.get(units.spike) {
            let tick = units.start + next.at;
            if kept.0 == first_spike {
                // Nothing moved: the wake-up at hand is still to be dealt with.
                return false;
            }
            self.wake(tick, Wake::Compartments, core);
        }
        true
    }

    /// A message that stays in its tile, finds everything idle and is gone before a tick: nothing
    /// of it needs to be remembered. Returns when the input axon unit takes it.
    fn send_quietly(
        &mut self,
        tile: u32,
        place: u32,
        ready: u64,
        message: Message,
        before: u64,
    ) -> Option<u64> {
        let rates = self.machine.rates;
        let receiver = self.receiver(message.to as usize);
        let done = ready + rates.tile_entry.max(1);
        if self.machine.cores[message.to as usize].tile != tile
            || done >= before
            || !self.is_idle(tile, ready, done)
            || self.cells[receiver] > done
        {
            return None;
        }
        self.pass(tile, place, ready, done);
        self.cells[receiver] = done + u64::from(message.service.max(1));
        Some(done)
    }
    /// Whether a tile's entrance is free at a tick and its local output at a later one.
    fn is_idle(&self, tile: u32, granted: u64, done: u64) -> bool {
        let cells = &self.cells[tile as usize * TILE..][..TILE];
        cells[ENTRANCE_FREE] <= granted && cells[OUTPUT_FREE] <= done && cells[HEAD_FREE] <= done
    }
    /// A message enters a tile and leaves by its local output.
    fn pass(&mut self, tile: u32, place: u32, granted: u64, done: u64) {
        let link = self.machine.rates.link;
        let entrances = u64::from(self.machine.places) + 1;
        let cells = &mut self.cells[tile as usize * TILE..][..TILE];
        cells[ENTRANCE_FREE] = granted + link;
        cells[ENTRANCE_TURN] = (u64::from(place) + 1) % entrances;
        cells[OUTPUT_FREE + Direction::Local as usize] = done + link;
        cells[HEAD_FREE + Direction::Local as usize] = done + 1;
        cells[TURN + Direction::Local as usize] = 1;
    }

    /// All of the host's messages one after the other at the pace of a link, where they stay in
    /// its tile, nothing is slower than the link and no queue fills.
    fn host_stream(&mut self, tick: u64, host: &[Message], before: u64) -> bool {
        if host.is_empty() {
            return true;
        }
        let rates = self.machine.rates;
        let tile = self.machine.host;
        let first = tick.max(self.cells[tile as usize * TILE + ENTRANCE_FREE]);
        let entry = rates.tile_entry.max(1);
        let last = first + (host.len() as u64 - 1) * rates.link;
        let suits = |m: &Message| {
            u64::from(m.service) <= rates.link
                && self.machine.cores[m.to as usize].tile == tile
                && self.cells[self.receiver(m.to as usize)] <= first + entry
        };
        if last + entry >= before
            || entry >= rates.queue as u64 * rates.link
            || !self.is_idle(tile, first, first + entry)
            || !host.iter().all(suits)
        {
            return false;
        }
        self.pass(tile, self.machine.places, last, last + entry);
        for (taken, message) in (first + entry..).step_by(rates.link as usize).zip(host) {
            let receiver = self.receiver(message.to as usize);
            self.cells[receiver] = taken + u64::from(message.service.max(1));
        }
        true
    }

    fn host_flow(&mut self, tick: u64, host: &[Message]) -> bool {
        let limit = self.peek();
        if self.host_stream(tick, &host[self.host_sent..], limit) {
            self.host_sent = host.len();
            return true;
        }
        let mut ready = tick;
        for message in &host[self.host_sent..] {
            let (granted, done) =
                self.send_alone(self.machine.host, self.machine.places, ready, *message);
            if done >= limit {
                self.roll_back();
                return false;
            }
            ready = granted + 1;
        }
        self.host_sent = host.len();
        self.undo.clear();
        true
    }

    /// Sends a message from a place of a tile from a tick on; returns when the entrance and when
    /// the input axon unit take it.
    fn send_alone(&mut self, tile: u32, place: u32, ready: u64, message: Message) -> (u64, u64) {
        let rates = self.machine.rates;
        let cells = tile as usize * TILE;
        let mut place_in = self.place(tile as usize * 5);
        let granted = ready.max(self.cells[cells + ENTRANCE_FREE]).max(self.cells[place_in]);
        self.set(cells + ENTRANCE_FREE, granted + rates.link);
        self.set(cells + ENTRANCE_TURN, u64::from((place + 1) % (self.machine.places + 1)));
        let to = self.machine.cores[message.to as usize].tile;
        let (mut tile, mut port) = (tile, Direction::Local);
        let mut seen = granted + rates.tile_entry.max(1);
        loop {
            let output = if tile == to { Direction::Local } else { self.next(tile, to) };
            let cells = tile as usize * TILE;
            let next = self.machine.mesh.neighbour(tile, output);
            let next_place = match output {
                Direction::Local => self.place(self.machine.mesh.tiles() * 5 + message.to as usize),
                _ => self.place(next as usize * 5 + output.opposite() as usize),
            };
            let tick = seen
                .max(self.cells[cells + OUTPUT_FREE + output as usize])
                .max(self.cells[cells + HEAD_FREE + port as usize])
                .max(self.cells[next_place]);
            self.leave(tile as usize * 5 + port as usize, place_in, tick);
            place_in = next_place;
            self.set(cells + OUTPUT_FREE + output as usize, tick + rates.link);
            self.set(cells + HEAD_FREE + port as usize, tick + 1);
            self.set(cells + TURN + output as usize, (port as u64 + 1) % 5);
            if output == Direction::Local {
                let receiver = self.receiver(message.to as usize);
                let taken = tick.max(self.cells[receiver]);
                let queue = self.machine.mesh.tiles() * 5 + message.to as usize;
                self.leave(queue, place_in, taken);
                self.set(receiver, taken + u64::from(message.service.max(1)));
                return (granted, taken);
            }
            seen = tick + self.hop(tile, output);
            tile = next;
            port = output.opposite();
        }
    }

    /// The cells that are kept of a queue: the routers' by tile and port, then the cores'.
    fn kept(&self, queue: usize) -> usize {
        self.receiver(0) + self.machine.cores.len() + queue * (1 + self.machine.rates.queue)
    }
    /// The cell that says from when the next message that enters a queue finds a place.
    fn place(&self, queue: usize) -> usize {
        let kept = self.kept(queue);
        kept + 1 + self.cells[kept] as usize
    }
    /// A message leaves its place in a queue at a tick.
    fn leave(&mut self, queue: usize, place: usize, tick: u64) {
        let kept = self.kept(queue);
        self.set(place, tick + 1);
        let next = self.cells[kept] + 1;
        self.set(kept, if next == self.machine.rates.queue as u64 { 0 } else { next });
    }

    fn set(&mut self, cell: usize, value: u64) {
        self.undo.push((cell, self.cells[cell]));
        self.cells[cell] = value;
    }
    fn roll_back(&mut self) {
        while let Some((cell, value)) = self.undo.pop() {
            self.cells[cell] = value;
        }
    }
}
