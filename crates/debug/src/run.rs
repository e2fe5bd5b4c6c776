//! Forwards and backwards.

use crate::error::{DebugError, wrong};
use crate::session::Session;
use crate::stop::{Event, Grain};
use crate::timeline::Position;
use trifactor_emu::Phase;

/// Silent steps after which a search for a micro-operation is given up.
const PATIENCE: u32 = 10_000;

/// A unit of going forwards and backwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// A cycle: ten ticks, a nominal nanosecond of the chip.
    Cycle,
    /// A micro-operation of a rule.
    Op,
    /// A phase of a step.
    Phase,
    /// A time step.
    Step,
    /// A learning epoch.
    Epoch,
}

impl Unit {
    /// All with their names.
    pub(crate) const ALL: [(&str, Self); 5] = [
        ("cycle", Self::Cycle),
        ("op", Self::Op),
        ("phase", Self::Phase),
        ("step", Self::Step),
        ("epoch", Self::Epoch),
    ];
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// It went as far as it should.
    There,
    /// Breakpoints, by number, with what they say.
    Stopped(Vec<(usize, String)>),
    /// The stimulus has no more steps.
    OutOfSteps,
    /// No micro-operation was found.
    NoOp,
    /// Somebody interrupted it.
    Interrupted,
}

impl Session {
    /// Runs for so many units, or with `None` until something ends it.
    pub(crate) fn forwards(&mut self, limit: Option<(Unit, u64)>) -> Result<End, DebugError> {
        if let Some((Unit::Cycle, count)) = limit {
            return self.cycles(count);
        }
        self.run_until(limit, None)
    }

    /// The same, and not beyond a place; where that is given, the end of the stimulus is none.
    fn run_until(
        &mut self,
        limit: Option<(Unit, u64)>,
        bound: Option<Position>,
    ) -> Result<End, DebugError> {
        let unit = limit.map(|(unit, _)| unit);
        let wanted = limit.map_or(u64::MAX, |(_, count)| count);
        let start = self.timeline.at();
        let end = self.timeline.stimulus().len();
        let patience = end.max(start.step.saturating_add(PATIENCE));
        let grain = self.stops.iter().map(crate::stop::Stop::grain).max().unwrap_or(Grain::Step);
        let mut done = 0;
        self.stopped = 0;
        while done < wanted {
            let at = self.timeline.at();
            if self.timeline.interrupt.is_raised() {
                return Ok(End::Interrupted);
            }
            match bound {
                Some(bound) if at >= bound => return Ok(End::There),
                None if unit.is_none() && at.between_steps() && at.step >= end => {
                    return Ok(End::OutOfSteps);
                }
                _ => {}
            }
            if unit == Some(Unit::Op) && at.step >= patience {
                return Ok(End::NoOp);
            }
            let mut hits = Vec::new();
            let one_by_one = grain == Grain::Op || unit == Some(Unit::Op);
            let op = if one_by_one { self.timeline.next_op() } else { None };
            if let Some(op) = op {
                if self.resumed != Some(at) {
                    self.look(Event::Before(&op), &mut hits);
                    if !hits.is_empty() {
                        self.resumed = Some(at);
                        return Ok(self.stopped_by(hits));
                    }
                }
                self.timeline.op()?;
                let executed = self.timeline.last_op().copied();
                if let Some(op) = &executed {
                    self.look(Event::After(op), &mut hits);
                }
                if self.timeline.at().op == 0 {
                    self.look(Event::Phase(Phase::Plasticity), &mut hits);
                }
                done += u64::from(unit == Some(Unit::Op));
            } else if grain == Grain::Step && !matches!(unit, Some(Unit::Phase | Unit::Op)) {
                self.timeline.step()?;
            } else {
                let phase = self.timeline.next_phase();
                self.timeline.phase()?;
                self.look(Event::Phase(phase), &mut hits);
            }
            self.resumed = None;
            let now = self.timeline.at();
            if now.between_steps() {
                self.look(Event::Step, &mut hits);
            }
            if self.timeline.catch_up()? {
                // What was changed by hand is nothing that happened.
                self.forget();
            }
            let epoch = self.timeline.emulator().epoch_length();
            done += u64::from(match unit {
                Some(Unit::Phase) => now.op == 0,
                Some(Unit::Step) => now.between_steps(),
                Some(Unit::Epoch) => now.between_steps() && now.step.is_multiple_of(epoch),
                Some(Unit::Op | Unit::Cycle) | None => false,
            });
            if !hits.is_empty() {
                return Ok(self.stopped_by(hits));
            }
        }
        Ok(End::There)
    }

    fn look(&mut self, event: Event<'_>, hits: &mut Vec<(usize, String)>) {
        for stop in &mut self.stops {
            if let Some(text) = stop.look(&self.timeline, event) {
                hits.push((stop.id, format!("{}: {text}", stop.title())));
            }
        }
    }

    fn stopped_by(&mut self, hits: Vec<(usize, String)>) -> End {
        self.stopped = hits.first().map_or(0, |(id, _)| *id);
        for stop in &mut self.stops {
            stop.hits += u64::from(hits.iter().any(|(id, _)| *id == stop.id));
        }
        End::Stopped(hits)
    }

    /// Goes back by so many units. Errors: the line of time begins later. Stays where it is if it
    /// is interrupted.
    pub(crate) fn backwards(&mut self, unit: Unit, count: u64) -> Result<End, DebugError> {
        let start = self.timeline.at();
        let too_far = |first: u32| {
            wrong(format!(
                "that is before the beginning of this session, which is after step {first}"
            ))
        };
        if unit == Unit::Cycle {
            return match self.cycles_back(count)? {
                true => Ok(End::There),
                false => too_far(self.timeline.first_step()),
            };
        }
        let mut to = start;
        for _ in 0..count {
            if self.timeline.interrupt.is_raised() {
                self.jump(start)?;
                return Ok(End::Interrupted);
            }
            match self.before(unit, to)? {
                Some(before) => to = before,
                None => {
                    self.jump(start)?;
                    return too_far(self.timeline.first_step());
                }
            }
        }
        self.jump(to)?;
        Ok(End::There)
    }

    /// The last boundary of a unit before a place.
    fn before(&mut self, unit: Unit, at: Position) -> Result<Option<Position>, DebugError> {
        let first = self.timeline.first_step();
        let epoch = self.timeline.emulator().epoch_length();
        let earlier = |step: Option<u32>| step.filter(|step| *step >= first).map(Position::after);
        Ok(match unit {
            Unit::Step if at.between_steps() => earlier(at.step.checked_sub(1)),
            Unit::Step => Some(Position::after(at.step)),
            Unit::Epoch if at.between_steps() => {
                earlier(at.step.checked_sub(1).map(|step| step / epoch * epoch))
            }
            Unit::Epoch => earlier(Some(at.step / epoch * epoch)),
            Unit::Phase if at.op > 0 => Some(Position { op: 0, ..at }),
            Unit::Phase if at.phase > 0 => Some(Position { phase: at.phase - 1, ..at }),
            Unit::Phase => earlier(at.step.checked_sub(1))
                .map(|before| Position { phase: self.timeline.phases_of(at.step) - 1, ..before }),
            Unit::Op if at.op > 0 => Some(Position { op: at.op - 1, ..at }),
            Unit::Op => self.op_before(at)?,
            Unit::Cycle => unreachable!("internal: cycles are counted in ticks"),
        })
    }

    /// The place before the last micro-operation that was executed before a place.
    fn op_before(&mut self, at: Position) -> Result<Option<Position>, DebugError> {
        let epoch = self.timeline.emulator().epoch_length();
        // The last step whose plasticity phase is complete.
        let mut step = at.step / epoch * epoch;
        while step > self.timeline.first_step() {
            let phase = Position { step: step - 1, phase: Phase::Plasticity as u8, op: 0 };
            self.timeline.go(phase)?;
            if self.timeline.next_op().is_some() {
                let length = self.timeline.walk().map_or(0, trifactor_emu::Walk::length);
                return Ok(Some(Position { op: length - 1, ..phase }));
            }
            step -= epoch;
        }
        Ok(None)
    }

    /// Goes to a place without looking at breakpoints.
    pub(crate) fn jump(&mut self, to: Position) -> Result<(), DebugError> {
        let went = self.timeline.go(to);
        self.settle();
        went
    }

    /// Takes the state at hand for what breakpoints saw last, and for a place of its own.
    pub(crate) fn settle(&mut self) {
        self.tick = None;
        self.resumed = None;
        self.stopped = 0;
        self.forget();
    }

    /// Takes the state at hand for what breakpoints saw last.
    fn forget(&mut self) {
        for stop in &mut self.stops {
            stop.forget(&self.timeline);
        }
    }

    /// Goes back to the last place before this one at which a breakpoint ends a run; to the
    /// beginning where there is none. Stays where it is if it is interrupted.
    ///
    /// The stretches between checkpoints are executed again from the last to the first, until one
    /// has such a place.
    pub(crate) fn back_to_a_stop(&mut self) -> Result<End, DebugError> {
        let now = self.timeline.at();
        let hits: Vec<u64> = self.stops.iter().map(|stop| stop.hits).collect();
        let found = self.last_stop_before(now);
        for (stop, hits) in self.stops.iter_mut().zip(hits) {
            stop.hits = hits;
        }
        let (place, end) = match found {
            Ok((Some(place), end)) => (place, end),
            Ok((None, End::Interrupted)) => (now, End::Interrupted),
            Ok((None, end)) => (Position::after(self.timeline.first_step()), end),
            Err(e) => {
                self.jump(now)?;
                return Err(e);
            }
        };
        self.jump(place)?;
        if let End::Stopped(hits) = &end {
            self.stopped = hits.first().map_or(0, |(id, _)| *id);
            // The next run goes on from here instead of stopping here again.
            self.resumed = Some(place);
        }
        Ok(end)
    }

    /// The last place before another at which a run ends, with all that ends it there.
    fn last_stop_before(&mut self, now: Position) -> Result<(Option<Position>, End), DebugError> {
        let mut bound = now;
        while let Some(from) = self.timeline.checkpoint_before(bound) {
            self.jump(from)?;
            let mut found: Option<(Position, Vec<(usize, String)>)> = None;
            loop {
                let hits = match self.run_until(None, Some(bound))? {
                    End::Stopped(hits) => hits,
                    End::Interrupted => return Ok((None, End::Interrupted)),
                    _ => break,
                };
                let here = self.timeline.at();
                // The place that the search begins at is not before itself; the end of an earlier
                // stretch is the beginning of the one that has been searched.
                if here >= now {
                    break;
                }
                match &mut found {
                    Some((place, known)) if *place == here => known.extend(hits),
                    _ => found = Some((here, hits)),
                }
            }
            if let Some((place, hits)) = found {
                return Ok((Some(place), End::Stopped(hits)));
            }
            bound = from;
        }
        Ok((None, End::There))
    }
}
