//! A session: commands in, answers out.

use crate::answer::Answer;
use crate::checkpoint;
use crate::clock::Clock;
use crate::command::{Break, Command, Comparison, Wait, parse};
use crate::error::{DebugError, wrong};
use crate::help;
use crate::interrupt::Interrupt;
use crate::names::{Names, Target, What, check_lanes, selector};
use crate::read::{Lane, Reading, frac, read, short};
use crate::run::{End, Unit};
use crate::stimulus::{Stimulus, input};
use crate::stop::{Compare, Kind, Stop, Test};
use crate::timeline::{Position, Timeline};
use crate::write::{Edit, edit};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use trifactor_diag::did_you_mean;
use trifactor_emu::{Emulator, Phase};
use trifactor_image::Image;
use trifactor_signals::name::{Place, Selector};

/// Values that `print` shows of one state.
const SHOWN: usize = 64;
/// Most bytes that are read as a checkpoint.
const MAX_CHECKPOINT: u64 = 1 << 32;

/// A debugging session.
#[derive(Debug)]
pub struct Session {
    pub(crate) image: Image,
    pub(crate) timeline: Timeline,
    pub(crate) names: Names,
    pub(crate) stops: Vec<Stop>,
    next_id: usize,
    /// The breakpoint that ended the last run; 0 for none.
    pub(crate) stopped: usize,
    /// Where a run ended before a micro-operation, which the next run must not do again.
    pub(crate) resumed: Option<Position>,
    /// Times of the step at hand, if somebody asked.
    pub(crate) clock: Option<Clock>,
    /// A tick that was gone to, and the place there.
    pub(crate) tick: Option<(Position, u64)>,
}

impl Session {
    /// A session with a chip that holds this image, before the first step of a trial.
    pub fn new(image: &Image, emulator: Emulator, stimulus: Stimulus) -> Self {
        let names = Names::new(&emulator);
        Self {
            image: image.clone(),
            timeline: Timeline::new(emulator, stimulus),
            names,
            stops: Vec::new(),
            next_id: 1,
            stopped: 0,
            resumed: None,
            clock: None,
            tick: None,
        }
    }

    /// Where on the line of time it is.
    pub fn position(&self) -> Position {
        self.timeline.at()
    }

    /// Where on the line of time it is, in words.
    pub fn prompt(&self) -> String {
        self.place()
    }

    /// What ends a command that takes long.
    pub fn interrupt(&self) -> Interrupt {
        self.timeline.interrupt.clone()
    }

    /// The state as bytes of [`Emulator::save`], between two steps.
    pub fn checkpoint(&self) -> Option<Vec<u8>> {
        self.timeline.save()
    }

    /// Does what a line says.
    ///
    /// Errors: it is no command, or cannot be done; the session is then as before.
    pub fn execute(&mut self, line: &str) -> Result<Answer, DebugError> {
        match parse(line)? {
            Command::Nothing => Ok(Answer::default()),
            Command::Step(count, unit) => self.run(Some((unit, count))),
            Command::Continue => self.run(None),
            Command::Back(count, unit) => {
                let end = self.backwards(unit, count)?;
                let mut answer = self.ended(&end, None);
                if unit == Unit::Cycle {
                    self.with_cores(&mut answer)?;
                }
                Ok(answer)
            }
            Command::ContinueBack => {
                let end = self.back_to_a_stop()?;
                Ok(self.ended(&end, None))
            }
            Command::Goto(step, phase) => self.goto(step, phase),
            Command::Interrupt => {
                self.timeline.interrupt.lower();
                Ok(self.here())
            }
            Command::Where => {
                let text = self.whereabouts();
                Ok(Answer::new(text, self.place_json()))
            }
            Command::Print(list) => self.print(&list),
            Command::Info(topic) => {
                let (text, value) = self.topic(&topic)?;
                Ok(Answer::new(text, value))
            }
            Command::List(name) => {
                let (text, value) = self.listing(name.as_deref())?;
                Ok(Answer::new(text, value))
            }
            Command::Break(what) => {
                let kind = self.kind(&what)?;
                self.add(line, kind)
            }
            Command::Watch(name, wait) => {
                let target = self.names.target(&name)?;
                let test = match wait {
                    Wait::Change => Test::Change,
                    Wait::Becomes(compare, value) => Test::Becomes(compare, value),
                    Wait::Crosses(value) => Test::Crosses(value),
                };
                self.add(line, Kind::Watch(target, test))
            }
            Command::Delete(which) => self.delete(which),
            Command::Set { target, values, raw } => self.set(&target, &values, raw),
            Command::Fire(name) => self.fire(&name),
            Command::Reset(groups) => {
                if !self.timeline.at().between_steps() {
                    return wrong("a reset happens between two steps; `step` ends this one");
                }
                self.edit(Edit::Reset(groups))?;
                Ok(Answer::new("reset", Value::Null))
            }
            Command::Save(path) => self.save(Path::new(&path)),
            Command::Load(path) => self.load(Path::new(&path)),
            Command::Expect { comparison, ends } => self.expect(&comparison, ends),
            Command::Help(command) => {
                let text = help::text(command.as_deref())?;
                Ok(Answer::new(text, Value::Null))
            }
            Command::Quit => Ok(Answer { ends: true, ..Answer::default() }),
        }
    }

    fn run(&mut self, limit: Option<(Unit, u64)>) -> Result<Answer, DebugError> {
        if limit.is_some_and(|(unit, _)| unit == Unit::Op) && self.image.map.source.is_empty() {
            let learns = (0..self.image.map.projections.len()).any(|p| self.profile(p).is_some());
            if !learns {
                return wrong("nothing learns in this image, so there are no micro-operations");
            }
        }
        let went = self.forwards(limit);
        if went.is_err() {
            self.settle();
        }
        let end = went?;
        let unit = limit.map(|(unit, _)| unit);
        let mut answer = self.ended(&end, unit);
        if unit == Some(Unit::Cycle) {
            self.with_cores(&mut answer)?;
        }
        Ok(answer)
    }

    /// Adds what every core does at the tick at hand.
    fn with_cores(&mut self, answer: &mut Answer) -> Result<(), DebugError> {
        let (text, value) = self.cores()?;
        answer.text.push('\n');
        answer.text.push_str(&text);
        answer.value["cores"] = value;
        Ok(())
    }

    /// What is said after going somewhere.
    fn here(&self) -> Answer {
        Answer::new(self.place(), json!({ "at": self.place_json() }))
    }

    fn ended(&mut self, end: &End, unit: Option<Unit>) -> Answer {
        let mut text = Vec::new();
        let mut value = json!({ "at": self.place_json(), "stopped": [] });
        let hit = |kind: fn(&Kind) -> bool| match end {
            End::Stopped(hits) => {
                let of = |stop: &&Stop| hits.iter().any(|(id, _)| *id == stop.id);
                self.stops.iter().filter(of).any(|stop| kind(&stop.kind))
            }
            _ => false,
        };
        let saturated = hit(|kind| matches!(kind, Kind::Saturation(_)));
        let before_a_word = hit(|kind| matches!(kind, Kind::Address(..)));
        if let Some(op) = self.timeline.last_op()
            && (unit == Some(Unit::Op) || saturated)
        {
            text.push(self.executed(op));
            value["executed"] = self.executed_json(op);
        }
        match end {
            End::There => {}
            End::Stopped(hits) => {
                text.extend(hits.iter().map(|(_, text)| text.clone()));
                let each = |(id, text): &(usize, String)| json!({ "id": id, "text": text });
                value["stopped"] = hits.iter().map(each).collect();
            }
            End::OutOfSteps => text.push("the stimulus has no more steps".to_owned()),
            End::NoOp => text.push("no micro-operation was executed up to here".to_owned()),
            End::Interrupted => {
                text.push("interrupted".to_owned());
                value["interrupted"] = json!(true);
            }
        }
        text.push(if before_a_word { self.whereabouts() } else { self.place() });
        Answer::new(text.join("\n"), value)
    }

    fn goto(&mut self, step: u32, phase: Option<Phase>) -> Result<Answer, DebugError> {
        let phase = phase.map_or(0, |phase| phase as u8);
        if phase >= self.timeline.phases_of(step.saturating_add(1)) {
            let epoch = self.timeline.emulator().epoch_length();
            return wrong(format!(
                "step {} has no plasticity phase: an epoch has {epoch} steps",
                step.saturating_add(1)
            ));
        }
        let interrupt = self.timeline.interrupt.clone();
        let went = self.timeline.travel(Position { step, phase, op: 0 }, &interrupt);
        self.settle();
        let end = if went? { End::There } else { End::Interrupted };
        Ok(self.ended(&end, None))
    }

    fn print(&self, names: &[String]) -> Result<Answer, DebugError> {
        let mut text = Vec::new();
        let mut list = Vec::new();
        for name in names {
            let target = self.names.target(name)?;
            let values = read(&self.timeline, self.stopped, &target)?;
            if values.is_empty() {
                text.push(format!("{name}: no core holds any"));
            }
            for reading in values.iter().take(SHOWN) {
                text.push(self.shown(&target, reading));
            }
            if values.len() > SHOWN {
                text.push(format!("{} more; name fewer lanes to see them", values.len() - SHOWN));
            }
            let values: Vec<Value> = values.into_iter().map(Reading::to_json).collect();
            list.push(json!({ "name": target.name, "values": values }));
        }
        Ok(Answer::new(text.join("\n"), Value::Array(list)))
    }

    /// `policy.w[2->5] = 0.25 (raw 4096)`.
    fn shown(&self, target: &Target, reading: &Reading) -> String {
        let Target { name, what, .. } = target;
        let lane = reading.lane.suffix();
        let number = short(reading.value);
        match what {
            What::Number(crate::names::Number::Time) => format!("{name} = {number} us"),
            What::Number(crate::names::Number::Energy) => format!("{name} = {number} uJ"),
            What::Number(_)
            | What::Register(_)
            | What::Saturated(_)
            | What::Spike(_)
            | What::Membrane(_, trifactor_emu::Membrane::Hold) => {
                format!("{name}{lane} = {number}")
            }
            What::Constant(_) => format!("{name}{lane} = {} (raw)", reading.raw),
            _ => format!("{name}{lane} = {number} (raw {})", reading.raw),
        }
    }

    fn kind(&self, what: &Break) -> Result<Kind, DebugError> {
        let map = &self.image.map;
        Ok(match what {
            Break::Step(step) => Kind::Step(*step),
            Break::Spike(name) => {
                let Selector { variable: name, places } = selector(name)?;
                let names = map.populations.iter().map(|p| p.name.as_str());
                let Some(at) = names.clone().position(|n| n == name) else {
                    let near = did_you_mean(&name, names);
                    let near = near.map_or_else(String::new, |n| format!("; did you mean '{n}'?"));
                    return wrong(format!("there is no population '{name}'{near}"));
                };
                let n = map.populations[at].n;
                for place in &places {
                    match place {
                        Place::Lanes(span) => check_lanes(&name, span, n)?,
                        Place::Synapses(..) => {
                            return wrong(format!("neurons spike, and '[{place}]' is a synapse"));
                        }
                    }
                }
                Kind::Spike(at, places)
            }
            Break::Saturation(None) => Kind::Saturation(None),
            Break::Saturation(Some(state)) => {
                let all = self.timeline.emulator().saturations();
                match all.iter().position(|s| s.state == *state) {
                    Some(at) => Kind::Saturation(Some(at)),
                    None => {
                        let names: Vec<&str> = all.iter().map(|s| s.state.as_str()).collect();
                        let near = did_you_mean(state, names.iter().copied());
                        let near = match near {
                            Some(near) => format!("; did you mean '{near}'?"),
                            None => format!(" (states: {})", names.join(", ")),
                        };
                        return wrong(format!("there is no '{state}' that could saturate{near}"));
                    }
                }
            }
            Break::At { core, word, synapse } => {
                let found = self.image.cores.iter().find(|c| c.id == *core);
                let Some(found) = found else {
                    let used: Vec<String> =
                        self.image.cores.iter().take(16).map(|c| c.id.to_string()).collect();
                    return wrong(format!("no core {core} is used (cores: {})", used.join(", ")));
                };
                if *word as usize >= found.ucode.len() {
                    return wrong(match found.ucode.len() {
                        0 => format!("core {core} has no microcode: nothing learns there"),
                        n => format!("core {core} has microcode words 0 to {}", n - 1),
                    });
                }
                Kind::Address(vec![(*core, *word)], *synapse)
            }
            Break::Line { file, line, synapse } => {
                Kind::Address(self.words_of_line(file, *line)?, *synapse)
            }
            Break::Rule { name, synapse } => {
                let meant = |s: &&trifactor_image::SourceLine| s.rule == *name || s.key == *name;
                let words = map.source.iter().filter(meant).map(|s| (s.core, s.word));
                // The first word of each program that holds one of these.
                let mut places: Vec<(u32, u32)> = words
                    .filter(|(core, word)| {
                        let core = self.image.cores.iter().find(|c| c.id == *core);
                        core.is_some_and(|c| c.profiles.iter().any(|p| p.first_word == *word))
                    })
                    .collect();
                places.sort_unstable();
                if places.is_empty() {
                    let names: Vec<&str> = map.source.iter().map(|s| s.rule.as_str()).collect();
                    let near = did_you_mean(name, names.iter().copied());
                    let near = near.map_or_else(String::new, |n| format!("; did you mean '{n}'?"));
                    return wrong(format!("there is no rule '{name}'{near}"));
                }
                Kind::Address(places, *synapse)
            }
        })
    }

    /// The first word that comes from a line, in each program that has one.
    fn words_of_line(&self, file: &str, line: u32) -> Result<Vec<(u32, u32)>, DebugError> {
        let table = &self.image.lines;
        let Some(number) = table.files.iter().position(|f| f == file) else {
            let near = did_you_mean(file, table.files.iter().map(String::as_str));
            return wrong(match (near, &table.files[..]) {
                (_, []) => "this image does not say from which lines its microcode comes; \
                            `break rule` and `break at` need none"
                    .to_owned(),
                (Some(near), _) => format!("there is no file '{file}'; did you mean '{near}'?"),
                (None, all) => format!("there is no file '{file}' (files: {})", all.join(", ")),
            });
        };
        let of_file: Vec<_> =
            table.words.iter().filter(|w| usize::from(w.file) == number).collect();
        let here: Vec<_> = of_file.iter().filter(|w| w.line == line).collect();
        if here.is_empty() {
            let mut lines: Vec<u32> = of_file.iter().map(|w| w.line).collect();
            lines.sort_unstable();
            lines.dedup();
            let list: Vec<String> = lines.iter().map(u32::to_string).collect();
            return wrong(format!(
                "no microcode comes from line {line} of '{file}' (lines: {})",
                list.join(", ")
            ));
        }
        let programs = self.image.cores.iter().flat_map(|core| {
            core.profiles.iter().map(|p| (core.id, p.first_word..p.first_word + p.n_words))
        });
        // A program is executed from its first word to its last.
        let first = |(core, words): (u32, std::ops::Range<u32>)| {
            let own = here.iter().filter(|w| w.core == core && words.contains(&w.word));
            own.map(|w| w.word).min().map(|word| (core, word))
        };
        Ok(programs.filter_map(first).collect())
    }

    fn add(&mut self, line: &str, kind: Kind) -> Result<Answer, DebugError> {
        let text = line.trim().split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim());
        let stop = Stop::new(self.next_id, text, kind, &self.timeline)?;
        self.next_id += 1;
        let answer =
            Answer::new(format!("{}: {}", stop.title(), stop.text), json!({ "id": stop.id }));
        self.stops.push(stop);
        Ok(answer)
    }

    fn delete(&mut self, which: Option<usize>) -> Result<Answer, DebugError> {
        let before = self.stops.len();
        match which {
            None => self.stops.clear(),
            Some(id) => self.stops.retain(|stop| stop.id != id),
        }
        let gone = before - self.stops.len();
        if gone == 0
            && let Some(id) = which
        {
            return wrong(format!("there is no breakpoint {id}; `info breakpoints` lists them"));
        }
        Ok(Answer::new(format!("{gone} deleted"), json!({ "deleted": gone })))
    }

    /// Changes something; inside the plasticity phase nothing can be.
    fn edit(&mut self, edit: Edit) -> Result<(), DebugError> {
        if self.timeline.at().op > 0 {
            return wrong(
                "a host cannot write while rules are being executed; `step phase` ends this phase",
            );
        }
        self.timeline.edit(edit)?;
        self.clock = None;
        self.settle();
        Ok(())
    }

    fn set(&mut self, name: &str, values: &[f64], raw: bool) -> Result<Answer, DebugError> {
        let target = self.names.target(name)?;
        let change = edit(&self.timeline, &target, values, raw)?;
        if let Err(e) = self.edit(change) {
            return Err(self.explained(e, &target));
        }
        let now = read(&self.timeline, 0, &target)?;
        let text = match &now[..] {
            [one] => self.shown(&target, one),
            many => format!("{} values of {} written", many.len(), target.name),
        };
        Ok(Answer::new(text, json!({ "written": now.len() })))
    }

    /// A value that does not fit, in the author's unit too.
    fn explained(&self, error: DebugError, target: &Target) -> DebugError {
        let DebugError::Emulator(trifactor_emu::EmuError::ValueOutOfRange {
            value, lo, hi, ..
        }) = error
        else {
            return error;
        };
        let lsb = (-f64::from(frac(&self.timeline, &target.what))).exp2();
        let unit = |raw: i32| short(f64::from(raw) * lsb);
        DebugError::Command(format!(
            "'{}' holds {} to {} (raw {lo} to {hi}), so {} (raw {value}) does not fit",
            target.name,
            unit(lo),
            unit(hi),
            unit(value)
        ))
    }

    fn fire(&mut self, name: &str) -> Result<Answer, DebugError> {
        let population = name.split_once('[').map_or(name, |(name, _)| name).trim();
        let at = input(&self.image.map, population)?;
        let suffix =
            name.split_once('[').map_or_else(String::new, |(_, lanes)| format!("[{lanes}"));
        let target = self.names.target(&format!("{population}.spike{suffix}"))?;
        let n = self.image.map.populations[at].n;
        let lanes: Vec<u32> = (0..n).filter(|lane| target.holds(*lane)).collect();
        let step = self.timeline.fire(at, &lanes);
        self.clock = None;
        self.settle();
        let lanes = lanes.len();
        let noun = if lanes == 1 { "lane" } else { "lanes" };
        let verb = if lanes == 1 { "fires" } else { "fire" };
        let text = format!("{lanes} {noun} of {population} {verb} in step {step}");
        Ok(Answer::new(text, json!({ "step": step })))
    }

    fn save(&self, path: &Path) -> Result<Answer, DebugError> {
        let Some(bytes) = self.timeline.save() else {
            return wrong("a checkpoint is taken between two steps; `step` ends this one");
        };
        let file = |source| DebugError::File { path: path.to_owned(), source };
        // The directory of the file itself: a rename does not cross file systems.
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut part = tempfile::Builder::new()
            .prefix(".checkpoint-")
            .suffix(".part")
            .tempfile_in(folder)
            .map_err(file)?;
        let bytes = checkpoint::write(self.timeline.stimulus(), &bytes);
        part.write_all(&bytes).map_err(file)?;
        part.persist(path).map_err(|e| file(e.error))?;
        let trial = &self.timeline.stimulus().name;
        let text = format!("{} bytes of {trial}, {}, written", bytes.len(), self.place());
        Ok(Answer::new(text, json!({ "bytes": bytes.len() })))
    }

    fn load(&mut self, path: &Path) -> Result<Answer, DebugError> {
        let file = |source| DebugError::File { path: path.to_owned(), source };
        let meta = std::fs::metadata(path).map_err(file)?;
        if !meta.is_file() || meta.len() > MAX_CHECKPOINT {
            return wrong(format!("{} is no file that could be a checkpoint", path.display()));
        }
        let bytes = std::fs::read(path).map_err(file)?;
        let read = checkpoint::read(&bytes, &self.image.map)
            .map_err(|e| DebugError::Command(format!("{}: {e}", path.display())))?;
        let stimulus = self.timeline.stimulus();
        if read.trial != stimulus.identity() {
            // Where even the image is another, that is what to say.
            self.timeline.emulator().check(read.state)?;
            let name = if read.name == stimulus.name {
                format!("another {} (of other data, or with another seed)", read.name)
            } else {
                read.name
            };
            return wrong(format!(
                "{} is a checkpoint of {name}, and this session feeds the spikes of {}: open a \
                 session with the trial of the checkpoint",
                path.display(),
                stimulus.name
            ));
        }
        let stimulus = stimulus.with_fired(&read.fired);
        self.timeline.load(read.state, stimulus)?;
        self.clock = None;
        self.settle();
        Ok(self.here())
    }

    fn expect(&mut self, comparison: &Comparison, ends: bool) -> Result<Answer, DebugError> {
        let Comparison { target, compare, value, raw } = comparison;
        let target = self.names.target(target)?;
        let values = read(&self.timeline, self.stopped, &target)?;
        if values.is_empty() {
            return wrong(format!("'{}' has no value to compare", target.name));
        }
        let scale = f64::from(frac(&self.timeline, &target.what)).exp2();
        let wrong = values.iter().find(|reading| {
            let measured = matches!(
                target.what,
                What::Number(crate::names::Number::Time | crate::names::Number::Energy)
            );
            let (have, want) = if measured && !raw {
                (reading.value, *value)
            } else if *raw {
                (reading.raw as f64, *value)
            } else if matches!(compare, Compare::Equal | Compare::Unequal) {
                (reading.raw as f64, (value * scale).round_ties_even())
            } else {
                (reading.raw as f64, value * scale)
            };
            !compare.holds(have, want)
        });
        let sign = Compare::ALL.iter().find(|(_, c)| c == compare).map_or("", |(sign, _)| sign);
        let unit = if *raw { " raw" } else { "" };
        Ok(match wrong {
            None => Answer::new("", json!({ "holds": true })),
            Some(reading) => {
                let lane = reading.lane;
                let wanted = short(*value);
                let at = if lane == Lane::None { String::new() } else { lane.suffix() };
                let text = format!(
                    "does not hold: {}{at} {sign} {wanted}{unit}; {}",
                    target.name,
                    self.shown(&target, reading)
                );
                let value = json!({ "holds": false, "found": reading.to_json() });
                Answer { failed: true, ends, ..Answer::new(text, value) }
            }
        })
    }
}
