//! Where the simulated time of a step goes, as a timeline that Perfetto and `chrome://tracing`
//! open (Chrome's trace event format).
//!
//! Tracks are the steps with their parts and barriers, the units of every core, and every link
//! and tile entrance that a message used; what they do is defined in `docs/timing.md`. Times are
//! microseconds since the trial began. Every slice is a pair of events `B` and `E`; on one track
//! slices follow each other, and only the parts of a step lie within another slice. An arrow, a
//! pair of events `s` and `f`, leads from a message in the output axon unit of the core that sends
//! it to the same message in the input axon unit of the core that receives it.

mod json;

use crate::collector::{Collector, Parts, Slice, Times, Track, Unit};
use crate::error::SignalError;
use crate::part::{self, Part, cannot};
use json::{Events, Place};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use trifactor_emu::{Direction, Emulator, Message, Update};
use trifactor_entity::EntityId;
use trifactor_image::Image;
use trifactor_isa::{Chip, CoreId};

/// Most events of a timeline, about 100 bytes each: more than a viewer shows without waiting.
pub const MAX_EVENTS: usize = 1_000_000;

/// Arrows of a timeline where nobody says how many: more can hardly be told apart.
pub const DEFAULT_ARROWS: u64 = 10_000;

/// Steps from one to another, both included, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Steps {
    /// First step.
    pub first: u32,
    /// Last step.
    pub last: u32,
}

impl Default for Steps {
    fn default() -> Self {
        Self { first: 1, last: 20 }
    }
}

impl Steps {
    /// Reads `5`, or `1..21` for steps 1 to 20.
    pub fn parse(text: &str) -> Result<Self, SignalError> {
        let refused = || SignalError::Steps { text: text.to_owned() };
        let step = |text: &str| text.trim().parse::<u32>().map_err(|_| refused());
        let steps = match text.split_once("..") {
            None => Self { first: step(text)?, last: step(text)? },
            Some((first, end)) => Self { first: step(first)?, last: step(end)?.saturating_sub(1) },
        };
        if steps.first == 0 || steps.last < steps.first {
            return Err(refused());
        }
        Ok(steps)
    }
}

/// A timeline that is being written.
pub(crate) struct Timeline {
    path: PathBuf,
    file: Part,
    events: Events,
    steps: Steps,
    cores: Vec<CoreNames>,
    columns: u32,
    times: Times,
    written: u32,
    /// Most arrows, how many there are, and how many more there would be.
    arrows: [u64; 3],
    /// The step that did not fit any more.
    cut: Option<u32>,
}

/// How a core and its rules are called.
struct CoreNames {
    id: u32,
    tile: (u32, u32),
    /// What the learning pass of a projection is called: its rule and the projection.
    rules: BTreeMap<usize, String>,
}

impl Timeline {
    pub(crate) fn begin(
        path: &Path,
        steps: Steps,
        arrows: u64,
        image: &Image,
        emulator: &Emulator,
    ) -> Result<Self, SignalError> {
        let chip = emulator.chip();
        let cores: Vec<CoreNames> = image.cores.iter().map(|c| names(image, chip, c)).collect();
        let columns = cores.iter().map(|c| c.tile.0 + 1).max().unwrap_or(1);
        let mut file = part::begin(path)?;
        let report = emulator.report();
        let about = json!({
            "model": image.meta.model,
            "chip": report.chip,
            "preset": report.preset,
            "tick_ps": report.tick_ps,
        });
        let events =
            Events::begin(&mut file, report.tick_ps, &about).map_err(|e| cannot(path, e))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            events,
            steps,
            cores,
            columns,
            times: Times::default(),
            written: 0,
            arrows: [arrows, 0, 0],
            cut: None,
        })
    }

    /// Whether the next step is shown.
    fn wants(&self, step: u32) -> bool {
        self.cut.is_none() && (self.steps.first..=self.steps.last).contains(&step)
    }

    /// The step at which the timeline was cut off because it became too large.
    pub(crate) fn cut(&self) -> Option<u32> {
        self.cut
    }

    /// Messages whose arrows were left out because there were too many.
    pub(crate) fn arrows_left_out(&self) -> u64 {
        self.arrows[2]
    }

    /// Writes the step that was just executed, if it is one of those that are shown.
    pub(crate) fn step(
        &mut self,
        emulator: &Emulator,
        collector: &Collector,
    ) -> Result<(), SignalError> {
        let parts = self.times.step(emulator);
        let (step, slices) = (emulator.step_number(), &collector.slices);
        if !self.wants(step) {
            return Ok(());
        }
        // Each step has at most four parts, and a core six entries of its update part.
        let most: usize = self.cores.iter().map(|c| 2 * (c.rules.len() + 2)).sum();
        let mut arrows = arrows(slices);
        let [limit, shown, _] = self.arrows;
        let room = usize::try_from(limit - shown).unwrap_or(usize::MAX);
        let left_out = arrows.len().saturating_sub(room);
        arrows.truncate(room);
        let events = 2 * (slices.len() + arrows.len()) + most + 10;
        if self.events.written() + events > MAX_EVENTS {
            self.cut = Some(step);
            return Ok(());
        }
        self.written += 1;
        self.arrows[2] += left_out as u64;
        self.write(step, &parts, slices, emulator)
            .and_then(|()| self.write_arrows(&parts, &arrows))
            .map_err(|e| cannot(&self.path, e))
    }

    fn write_arrows(&mut self, parts: &Parts, arrows: &[[&Slice; 2]]) -> std::io::Result<()> {
        let start = parts.spike[0];
        for arrow in arrows {
            let [from, to] = arrow.map(|slice| (self.place(slice.track), start + slice.from));
            self.arrows[1] += 1;
            self.events.arrow(&mut self.file, self.arrows[1], from, to)?;
        }
        Ok(())
    }

    fn write(
        &mut self,
        step: u32,
        parts: &Parts,
        slices: &[Slice],
        emulator: &Emulator,
    ) -> std::io::Result<()> {
        let start = parts.spike[0];
        let place = Place { process: 0, thread: 0, names: ("chip".into(), "steps".into()) };
        let name = format!("step {step}");
        self.events.open(&mut self.file, &place, &name, start, Value::Null)?;
        let bounds = [parts.spike, parts.barrier, parts.update, parts.end_barrier];
        let names = ["spike part", "barrier", "update part", "barrier"];
        for (name, span) in names.into_iter().zip(bounds) {
            self.events.slice(&mut self.file, &place, name, span, Value::Null)?;
        }
        self.events.close(&mut self.file, &place, parts.end())?;
        for slice in slices {
            let (name, args) = self.described(slice);
            let place = self.place(slice.track);
            let span = [start + slice.from, start + slice.to];
            self.events.slice(&mut self.file, &place, &name, span, args)?;
        }
        for core in 0..self.cores.len() {
            let place = self.place(Track::Core(core, Unit::Update));
            let mut at = parts.update[0];
            for (what, ticks) in emulator.updates(core) {
                let name = match what {
                    Update::Modulators => "modulators",
                    Update::Traces => "traces",
                    Update::Rule(projection) => &self.cores[core].rules[&projection],
                };
                let span = [at, at + ticks];
                self.events.slice(&mut self.file, &place, name, span, Value::Null)?;
                at += ticks;
            }
        }
        Ok(())
    }

    /// What a slice is called, and what else there is to say about it.
    fn described(&self, slice: &Slice) -> (String, Value) {
        let core = |m: &Message| self.cores[m.to as usize].id;
        match (slice.track, &slice.message) {
            (Track::Core(_, Unit::AxonIn), Some(m)) => {
                (format!("axon {}", m.axon), json!({ "axon": m.axon }))
            }
            (_, Some(m)) => {
                let to = core(m);
                (format!("to core {to}"), json!({ "to_core": to, "axon": m.axon }))
            }
            (Track::Core(_, unit), None) => (unit.name().to_owned(), Value::Null),
            (_, None) => ("message".to_owned(), Value::Null),
        }
    }

    fn place(&self, track: Track) -> Place {
        let network = self.cores.len() as u64 + 1;
        let (process, thread) = match track {
            Track::Core(core, unit) => (core as u64 + 1, unit as u64),
            Track::Entrance(tile) => (network, u64::from(tile) * 8),
            Track::Link(tile, output) => (network, u64::from(tile) * 8 + 1 + u64::from(output)),
        };
        let tile = |tile: u32| format!("tile ({}, {})", tile % self.columns, tile / self.columns);
        let named = match track {
            Track::Core(core, unit) => {
                let CoreNames { id, tile: (x, y), .. } = self.cores[core];
                (format!("core {id}, tile ({x}, {y})"), unit.name().to_owned())
            }
            Track::Entrance(at) => ("network".to_owned(), format!("{}, entrance", tile(at))),
            Track::Link(at, output) => {
                let way = match output {
                    o if o == Direction::North as u8 => "north",
                    o if o == Direction::East as u8 => "east",
                    o if o == Direction::South as u8 => "south",
                    _ => "west",
                };
                ("network".to_owned(), format!("{}, link {way}", tile(at)))
            }
        };
        Place { process, thread, names: named }
    }

    /// Ends the file; it appears under its name.
    ///
    /// Errors: no step was shown, because the trial is shorter or because the first one alone is
    /// too large.
    pub(crate) fn finish(mut self) -> Result<(), SignalError> {
        if self.written == 0 {
            return Err(match self.cut {
                Some(step) => SignalError::TimelineTooLarge { step, limit: MAX_EVENTS },
                None => SignalError::NoSuchStep { step: self.steps.first },
            });
        }
        self.events.end(&mut self.file).map_err(|e| cannot(&self.path, e))?;
        part::finish(self.file, &self.path)
    }
}

/// Each message between cores where it leaves and where it arrives, in the order of arrivals.
///
/// Messages to one input axon come from one neuron, so they arrive in the order in which they leave.
fn arrows(slices: &[Slice]) -> Vec<[&Slice; 2]> {
    let mut left: BTreeMap<(u32, u32), VecDeque<&Slice>> = BTreeMap::new();
    for slice in slices {
        if let (Track::Core(_, Unit::AxonOut), Some(m)) = (slice.track, &slice.message) {
            left.entry((m.to, m.axon)).or_default().push_back(slice);
        }
    }
    let arrived = slices.iter().filter(|s| matches!(s.track, Track::Core(_, Unit::AxonIn)));
    let mut arrows = Vec::new();
    for to in arrived {
        // What the host sends leaves no core.
        let sent = to.message.as_ref().and_then(|m| left.get_mut(&(m.to, m.axon))?.pop_front());
        arrows.extend(sent.map(|from| [from, to]));
    }
    arrows
}

fn names(image: &Image, chip: &Chip, core: &trifactor_image::Core) -> CoreNames {
    let rule = |group: &trifactor_image::Group| {
        let profile = core.profiles.get(usize::from(group.profile));
        let words = profile.map(|p| p.first_word..p.first_word + p.n_words);
        let line = words.and_then(|words| {
            let mut lines = image.map.source.iter();
            lines.find(|line| line.core == core.id && words.contains(&line.word))
        });
        let rule = line.map_or_else(|| "rule".to_owned(), |line| line.rule.clone());
        let projection = &image.map.projections[usize::from(group.projection)].name;
        (usize::from(group.projection), format!("{rule} of {projection}"))
    };
    CoreNames {
        id: core.id,
        tile: chip.tile_of(CoreId::from_index(core.id as usize)),
        rules: core.groups.iter().map(rule).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_from_1_and_a_span_ends_before_its_second_number() {
        assert_eq!(Steps::parse("3..7").unwrap(), Steps { first: 3, last: 6 });
        assert_eq!(Steps::parse("5").unwrap(), Steps { first: 5, last: 5 });
        for text in ["", "0", "0..3", "7..3", "3..3", "a..b", "1..", "-1", "1..2..3"] {
            let said = Steps::parse(text).unwrap_err().to_string();
            assert!(said.contains("such as 1..21"), "{said}");
        }
    }
}
