//! Inside of a step, tick by tick (`docs/timing.md`).
//!
//! Time is computed from what a step does and never enters a state (T1), so the times of a step
//! are known once it has been executed: the debugger executes it, notes what every unit did and
//! goes back. A place in time is a tick of the step at hand; the state that is shown there is the
//! one in which those phases are complete that are complete on every core.

use crate::error::DebugError;
use crate::run::{End, Unit};
use crate::session::Session;
use crate::timeline::{Position, Timeline};
use serde_json::{Value, json};
use trifactor_emu::{Activity, Busy, Phase, RulePlace, Update};

/// Ticks of a cycle.
pub(crate) const CYCLE: u64 = 10;
/// Units that are listed.
const SHOWN: usize = 24;

/// The update part of a core, in ticks (T18).
#[derive(Clone, Copy, Default, Debug)]
struct UpdateTimes {
    modulators: u64,
    /// Trace values, which follow.
    traces: u64,
    /// Rules, which follow.
    rules: u64,
}

impl UpdateTimes {
    const fn total(&self) -> u64 {
        self.modulators + self.traces + self.rules
    }
}

/// A step in time (T3).
#[derive(Clone, Debug)]
struct Record {
    /// What happened in the spike part.
    activities: Vec<Activity>,
    /// End of the synapse units' work, and of the compartment units', on the last core.
    delivered: u64,
    fired: u64,
    /// End of the spike part.
    spike: u64,
    barrier: u64,
    /// Update parts by core; empty where the step has none.
    updates: Vec<(u32, UpdateTimes)>,
    total: u64,
}

impl Record {
    /// Executes the step at hand.
    fn of(timeline: &mut Timeline) -> Result<Self, DebugError> {
        let activities = timeline.recorded_step()?;
        let emulator = timeline.emulator();
        let (times, cores) = (emulator.step_times(), emulator.core_times());
        let update = |at: usize| {
            let mut sum = UpdateTimes::default();
            for (what, ticks) in emulator.updates(at) {
                *match what {
                    Update::Modulators => &mut sum.modulators,
                    Update::Traces => &mut sum.traces,
                    Update::Rule(_) => &mut sum.rules,
                } += ticks;
            }
            (cores[at].core, sum)
        };
        Ok(Self {
            activities,
            delivered: cores.iter().map(|core| core.spike.synapses).max().unwrap_or(0),
            fired: cores.iter().map(|core| core.spike.compartments).max().unwrap_or(0),
            spike: times.spike,
            barrier: times.barrier,
            updates: match times.update {
                Some(_) => (0..cores.len()).map(update).collect(),
                None => Vec::new(),
            },
            total: times.total(),
        })
    }
}

/// The times of a step.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// Complete steps before it.
    step: u32,
    record: Record,
    /// When each phase is complete on every core.
    ends: [u64; 6],
}

impl Clock {
    /// Executes the step at hand and goes back to where this was.
    fn of(timeline: &mut Timeline) -> Result<Self, DebugError> {
        let here = timeline.at();
        timeline.go(Position::after(here.step))?;
        let record = Record::of(timeline)?;
        timeline.go(here)?;
        let after = record.spike + record.barrier;
        let longest = |of: fn(&UpdateTimes) -> u64| {
            record.updates.iter().map(|(_, update)| of(update)).max().unwrap_or(0)
        };
        let modulators = after + longest(|u| u.modulators);
        let traces = after + longest(|u| u.modulators + u.traces);
        let mut ends = [record.delivered, record.fired, after, modulators, traces, record.total];
        // The second barrier belongs to the last phase, whichever that is.
        let last = usize::from(timeline.phases_of(here.step + 1)) - 1;
        ends[last..].fill(record.total);
        if record.updates.is_empty() {
            ends[Phase::Messages as usize..].fill(record.total);
        }
        Ok(Self { step: here.step, record, ends })
    }

    /// The place in which what is complete at a tick on every core is complete.
    fn place(&self, tick: u64) -> Position {
        let complete = self.ends.iter().take(5).take_while(|end| **end <= tick).count();
        let complete = complete.min(self.phases() - 1);
        Position { step: self.step, phase: complete as u8, op: 0 }
    }

    fn phases(&self) -> usize {
        1 + self.ends.iter().position(|end| *end == self.record.total).unwrap_or(5)
    }
}

impl Session {
    /// The tick of the step at hand: the one that was gone to, or else the one in which what is
    /// complete here was complete on every core.
    fn tick(&mut self) -> Result<u64, DebugError> {
        let at = self.timeline.at();
        if let Some((place, tick)) = self.tick
            && place == at
        {
            return Ok(tick);
        }
        let clock = self.clock()?;
        Ok(match at.phase.checked_sub(1) {
            Some(phase) => clock.ends[usize::from(phase)],
            None => 0,
        })
    }

    /// The times of the step at hand.
    fn clock(&mut self) -> Result<&Clock, DebugError> {
        let step = self.timeline.at().step;
        if self.clock.as_ref().is_none_or(|clock| clock.step != step) {
            self.clock = Some(Clock::of(&mut self.timeline)?);
        }
        match &self.clock {
            Some(clock) => Ok(clock),
            None => unreachable!("internal: it was just made"),
        }
    }

    /// Goes forwards by so many cycles.
    pub(crate) fn cycles(&mut self, count: u64) -> Result<End, DebugError> {
        let mut tick = self.tick()?.saturating_add(count.saturating_mul(CYCLE));
        loop {
            let total = self.clock()?.record.total;
            if tick < total {
                break;
            }
            tick -= total;
            let end = self.forwards(Some((Unit::Step, 1)))?;
            self.tick = None;
            if matches!(end, End::Stopped(_) | End::Interrupted) {
                return Ok(end);
            }
            // With costs of nothing, a step is as good as any time.
            if total == 0 {
                return Ok(End::There);
            }
        }
        let to = self.clock()?.place(tick);
        while self.timeline.at() < to {
            let end = self.forwards(Some((Unit::Phase, 1)))?;
            if matches!(end, End::Stopped(_) | End::Interrupted) {
                self.tick = None;
                return Ok(end);
            }
        }
        self.tick = Some((self.timeline.at(), tick));
        Ok(End::There)
    }

    /// Goes back by so many cycles; says whether there are so many.
    pub(crate) fn cycles_back(&mut self, count: u64) -> Result<bool, DebugError> {
        let start = (self.timeline.at(), self.tick()?);
        let mut tick = start.1;
        let mut left = count.saturating_mul(CYCLE);
        while left > tick {
            left -= tick;
            let Some(before) = self.timeline.at().step.checked_sub(1) else {
                self.jump(start.0)?;
                self.tick = Some(start);
                return Ok(false);
            };
            if before < self.timeline.first_step() {
                self.jump(start.0)?;
                self.tick = Some(start);
                return Ok(false);
            }
            self.jump(Position::after(before))?;
            tick = self.clock()?.record.total;
        }
        tick -= left;
        let to = self.clock()?.place(tick);
        self.jump(to)?;
        self.tick = Some((to, tick));
        Ok(true)
    }

    /// What every core does at the tick at hand.
    pub(crate) fn cores(&mut self) -> Result<(String, Value), DebugError> {
        let tick = self.tick()?;
        let clock = self.clock()?.clone();
        let record = &clock.record;
        let number = clock.step + 1;
        let mut text = vec![format!(
            "step {number}, tick {tick} of {} ({}.{} of {}.{} ns)",
            record.total,
            tick / CYCLE,
            tick % CYCLE,
            record.total / CYCLE,
            record.total % CYCLE
        )];
        let mut list = Vec::new();
        let mut add = |who: String, what: String, until: u64| {
            list.push(json!({ "who": who, "what": what, "until": until }));
            text.push(format!("{who}: {what}, until tick {until}"));
        };
        let (spike, update) = (record.spike, record.spike + record.barrier);
        if tick < spike {
            for a in record.activities.iter().filter(|a| a.from <= tick && tick < a.to) {
                let message = a.message.map_or_else(String::new, |(core, axon)| {
                    format!(" for core {core}, axon {axon}")
                });
                let (who, what) = match a.busy {
                    Busy::Synapses(core) => (format!("core {core}"), "synapse unit".to_owned()),
                    Busy::Compartments(core) => {
                        (format!("core {core}"), "compartment unit".to_owned())
                    }
                    Busy::Stall(core) => {
                        (format!("core {core}"), "compartment unit stalls".to_owned())
                    }
                    Busy::AxonOut(core) => {
                        (format!("core {core}"), format!("output axon unit, a message{message}"))
                    }
                    Busy::AxonIn(core) => {
                        (format!("core {core}"), format!("input axon unit, a message{message}"))
                    }
                    Busy::Entrance(tile, Some(core)) => (
                        format!("tile {tile}"),
                        format!("entrance, a message of core {core}{message}"),
                    ),
                    Busy::Entrance(tile, None) => (
                        format!("tile {tile}"),
                        format!("entrance, a message of the host{message}"),
                    ),
                    Busy::Link(tile, direction) => (
                        format!("tile {tile}"),
                        format!(
                            "link {}, a message{message}",
                            format!("{direction:?}").to_lowercase()
                        ),
                    ),
                };
                add(who, what, a.to);
            }
        } else if tick < update {
            add("all".to_owned(), "barrier".to_owned(), update);
        } else {
            let longest = record.updates.iter().map(|(_, u)| u.total()).max().unwrap_or(0);
            for (core, u) in &record.updates {
                let at = tick - update;
                let who = format!("core {core}");
                if at < u.modulators {
                    add(who, "modulators".to_owned(), update + u.modulators);
                } else if at < u.modulators + u.traces {
                    add(who, "traces".to_owned(), update + u.modulators + u.traces);
                } else if at < u.total() {
                    let within = at - u.modulators - u.traces;
                    let what = match self.timeline.emulator().rule_place(*core, within) {
                        Some(RulePlace::Skip(id)) => format!("skips {}", self.synapse(&id)),
                        Some(RulePlace::State(id)) => {
                            format!("state of {}", self.synapse(&id))
                        }
                        Some(RulePlace::Word(id, word, inst)) => {
                            format!("{}, word {word}: {inst}", self.synapse(&id))
                        }
                        None => "rules".to_owned(),
                    };
                    add(who, what, update + u.total());
                }
            }
            if tick >= update + longest {
                add("all".to_owned(), "barrier".to_owned(), record.total);
            }
        }
        if text.len() == 1 {
            text.push("nothing is busy".to_owned());
        }
        if text.len() > SHOWN + 1 {
            let more = text.len() - SHOWN - 1;
            text.truncate(SHOWN + 1);
            text.push(format!("{more} more"));
        }
        let value = json!({ "tick": tick, "total": record.total, "busy": list });
        Ok((text.join("\n"), value))
    }
}
