//! Chosen signals as waves: a file of value changes that GTKWave and Surfer open.
//!
//! Scopes are the author's names (`hidden`, then `v`), in them one variable per lane (`v_3`, and
//! `w_2->5` for a synapse). At time 0 stand the values before the first step, at `t` steps those
//! after step `t`. The file ends one step after the last, so that the last values can be seen.
//!
//! On the axis of simulated time the values after a step stand at the end of the step's last
//! barrier, busy flags at the ticks at which a core's first unit begins and its last one ends to
//! work without a gap, and a spike from the tick at which its neuron was served until the end of
//! the step; an input's is there during the spike part (`docs/timing.md`).

mod fst;
mod vcd;

use crate::axis::TimeAxis;
use crate::catalogue::Source;
use crate::collector::{Collector, Parts, Times, Track};
use crate::error::SignalError;
use crate::part;
use crate::sample::Sampler;
use crate::select::{Chosen, Label, Selection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use trifactor_emu::Emulator;
use trifactor_image::Slice;

/// Longest name of a scope or variable that is written, in bytes.
const MAX_NAME: usize = 256;

/// Format of a file of waves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WaveFormat {
    /// Binary and compressed: `.fst`.
    Fst,
    /// Text: `.vcd`.
    Vcd,
}

impl WaveFormat {
    /// By the ending of a file's name.
    pub fn of(path: &Path) -> Result<Self, SignalError> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("fst") => Ok(Self::Fst),
            Some("vcd") => Ok(Self::Vcd),
            _ => Err(SignalError::Ending {
                path: path.to_owned(),
                what: "file of waves",
                known: ".fst or .vcd",
            }),
        }
    }
}

/// What a variable in a file of waves holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// So many bits, with or without a sign.
    Bits(u32, bool),
    /// A number in the author's units.
    Real,
}

/// A value that changed.
#[derive(Clone, Copy, Debug)]
enum Change<'a> {
    /// Digits `0` and `1`, the highest first.
    Bits(&'a [u8]),
    /// In the author's units.
    Real(f64),
}

/// A writer of one format. Variables are numbered in the order in which they are declared.
trait Sink {
    /// Moves on in time.
    fn time(&mut self, time: u64) -> Result<(), SignalError>;
    /// Notes a change at the current time.
    fn change(&mut self, variable: usize, value: Change<'_>) -> Result<(), SignalError>;
    /// Ends the file and gives it its name.
    fn finish(self: Box<Self>) -> Result<(), SignalError>;
}

/// One entry of the hierarchy, in the order in which a file lists them.
enum Entry<'a> {
    Scope(&'a str),
    Variable(String, Shape),
    EndScope,
}

/// How waves are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Form {
    /// The time axis: of steps, or of ticks.
    pub axis: TimeAxis,
    /// Whether it is simulated time.
    pub chip_time: bool,
    /// Whether values with a fraction are numbers in the author's units instead of raw integers.
    pub real: bool,
}

/// A file of waves that is being written.
pub struct Wave {
    sampler: Sampler,
    sink: Box<dyn Sink>,
    axis: TimeAxis,
    /// On the axis of simulated time: where it stands, and the flags.
    chip: Option<(Times, Vec<Flag>)>,
    shapes: Vec<Shape>,
    /// Factor from a raw to the author's value, of each signal.
    lsb: Vec<f64>,
    /// Number in the file of each signal.
    number: Vec<usize>,
    last: Vec<i64>,
    now: Vec<i64>,
    digits: Vec<u8>,
    end: u64,
}

/// A signal that goes up and down within a step.
#[derive(Clone, Copy)]
struct Flag {
    signal: usize,
    what: Shown,
}

/// What a flag shows.
#[derive(Clone, Copy)]
enum Shown {
    /// A core, by its position in the image, is busy.
    Busy(usize),
    /// A neuron spikes: its core, by position, and its compartment.
    Spike(usize, usize),
    /// A lane of an input population spikes.
    Input(usize, u32),
}

impl Wave {
    /// Begins a file with the values of now, before the first step.
    pub fn begin(
        path: &Path,
        selection: Selection,
        emulator: &Emulator,
        form: Form,
    ) -> Result<Self, SignalError> {
        let format = WaveFormat::of(path)?;
        let Form { axis, chip_time, real } = form;
        let shape = |chosen: &Chosen| match real && chosen.variable.frac != 0 {
            true => Shape::Real,
            false => Shape::Bits(chosen.variable.bits, chosen.variable.signed),
        };
        let (entries, number) = hierarchy(&selection, shape)?;
        let shapes =
            selection.chosen.iter().flat_map(|c| c.at.iter().map(move |_| shape(c))).collect();
        let lsb = selection.chosen.iter().flat_map(|c| c.at.iter().map(|_| c.variable.real(1)));
        let (lsb, target) = (lsb.collect(), Target { path: path.to_owned(), axis });
        let sink: Box<dyn Sink> = match format {
            WaveFormat::Fst => Box::new(fst::Fst::begin(target, &entries)?),
            WaveFormat::Vcd => Box::new(vcd::Vcd::begin(target, &entries)?),
        };
        let chip = chip_time.then(|| (Times::default(), flags(&selection, emulator)));
        let (last, now, digits) = (Vec::new(), Vec::new(), Vec::new());
        let sampler = Sampler::new(selection);
        let mut wave =
            Self { sampler, sink, axis, chip, shapes, lsb, number, last, now, digits, end: 0 };
        wave.write(emulator, 0)?;
        Ok(wave)
    }

    /// Writes what changed in the step that was just executed. `collector` is what the timing
    /// model told of it, which the axis of simulated time needs.
    pub(crate) fn step(
        &mut self,
        emulator: &Emulator,
        collector: Option<&Collector>,
    ) -> Result<(), SignalError> {
        let Some((times, flags)) = &mut self.chip else {
            return self.write(emulator, u64::from(emulator.step_number()) * self.axis.per_step);
        };
        let parts = times.step(emulator);
        let mut changes = Vec::new();
        let fired = Spikes::of(flags, &parts, collector, emulator);
        for flag in flags.iter() {
            let spans = match flag.what {
                Shown::Busy(core) => busy(core, &parts, collector, emulator),
                Shown::Spike(core, compartment) => fired.span(core, compartment),
                Shown::Input(population, lane) => {
                    // The host's messages are there from the beginning (T16).
                    let fires = emulator.spikes(population).binary_search(&lane).is_ok();
                    let [from, to] = parts.spike;
                    let to = to.max(from + 1).min(parts.end());
                    fires.then_some([from, to]).into_iter().collect()
                }
            };
            changes.extend(spans.iter().map(|span| (span[0], *flag, b'1')));
            changes.extend(spans.iter().map(|span| (span[1], *flag, b'0')));
        }
        changes.sort_by_key(|(time, flag, _)| (*time, flag.signal));
        for (time, flag, digit) in changes {
            self.sink.time(time * self.axis.per_step)?;
            self.sink.change(self.number[flag.signal], Change::Bits(&[digit]))?;
        }
        self.write(emulator, parts.end() * self.axis.per_step)
    }

    /// Ends the file; it appears under its name.
    pub fn finish(mut self) -> Result<(), SignalError> {
        self.sink.time(self.end + self.axis.per_step)?;
        self.sink.finish()
    }

    fn write(&mut self, emulator: &Emulator, time: u64) -> Result<(), SignalError> {
        self.sampler.read(emulator, &mut self.now)?;
        if let Some((_, flags)) = &self.chip {
            // At the end of a step every core waits, and spikes have been seen.
            flags.iter().for_each(|flag| self.now[flag.signal] = 0);
        }
        self.sink.time(time)?;
        self.end = time;
        for (at, raw) in self.now.iter().enumerate() {
            if self.last.get(at) == Some(raw) {
                continue;
            }
            let value = match self.shapes[at] {
                Shape::Real => Change::Real(*raw as f64 * self.lsb[at]),
                Shape::Bits(bits, _) => {
                    self.digits.clear();
                    self.digits.extend((0..bits).rev().map(|k| b'0' + (raw >> k & 1) as u8));
                    Change::Bits(&self.digits)
                }
            };
            self.sink.change(self.number[at], value)?;
        }
        std::mem::swap(&mut self.last, &mut self.now);
        Ok(())
    }
}

/// The flags of a selection.
fn flags(selection: &Selection, emulator: &Emulator) -> Vec<Flag> {
    let mut first = 0;
    let mut flags = Vec::new();
    for chosen in &selection.chosen {
        for (signal, at) in (first..).zip(&chosen.at) {
            let what = match chosen.variable.source {
                Source::Busy => Some(Shown::Busy(*at)),
                Source::Spikes(population) => neuron(population, *at as u32, emulator),
                _ => None,
            };
            flags.extend(what.map(|what| Flag { signal, what }));
        }
        first += chosen.at.len();
    }
    flags
}

/// The compartment of a lane; an input has none.
fn neuron(population: usize, lane: u32, emulator: &Emulator) -> Option<Shown> {
    let named = &emulator.map().populations[population];
    if named.slices.is_empty() {
        return Some(Shown::Input(population, lane));
    }
    let holds = |s: &&Slice| (s.first_lane..s.first_lane + s.n).contains(&lane);
    let slice = named.slices.iter().find(holds)?;
    let core = emulator.position(slice.core)?;
    Some(Shown::Spike(core, (slice.first_compartment + lane - slice.first_lane) as usize))
}

/// When neurons of some cores fired in a step.
struct Spikes {
    cores: BTreeMap<usize, Vec<(usize, u64)>>,
    start: u64,
    end: u64,
}

impl Spikes {
    /// Of the cores whose neurons have flags.
    fn of(
        flags: &[Flag],
        parts: &Parts,
        collector: Option<&Collector>,
        emulator: &Emulator,
    ) -> Self {
        let mut cores = BTreeMap::new();
        for flag in flags {
            if let (Shown::Spike(core, _), Some(collector)) = (flag.what, collector) {
                cores.entry(core).or_insert_with(|| collector.served(core, emulator));
            }
        }
        Self { cores, start: parts.spike[0], end: parts.end() }
    }

    /// From the tick at which a compartment was served to the end of the step; nothing where it
    /// did not fire.
    fn span(&self, core: usize, compartment: usize) -> Vec<[u64; 2]> {
        let Some(served) = self.cores.get(&core) else { return Vec::new() };
        let at = served.binary_search_by_key(&compartment, |(at, _)| *at).ok();
        at.map(|at| [self.start + served[at].1, self.end]).into_iter().collect()
    }
}

/// When any unit of a core works in a step, in ticks since the trial began: spans with gaps
/// between them.
fn busy(
    core: usize,
    parts: &Parts,
    collector: Option<&Collector>,
    emulator: &Emulator,
) -> Vec<[u64; 2]> {
    let start = parts.spike[0];
    let slices = collector.into_iter().flat_map(|c| &c.slices);
    let own = slices.filter(|s| matches!(s.track, Track::Core(c, _) if c == core));
    let mut spans: Vec<[u64; 2]> = own.map(|s| [start + s.from, start + s.to]).collect();
    let update: u64 = emulator.updates(core).iter().map(|(_, ticks)| ticks).sum();
    spans.push([parts.update[0], parts.update[0] + update]);
    spans.retain(|[from, to]| from < to);
    spans.sort_unstable();
    spans.dedup_by(|next, last| {
        let joined = next[0] <= last[1];
        last[1] = if joined { last[1].max(next[1]) } else { last[1] };
        joined
    });
    spans
}

/// Where a file goes and what its times mean.
struct Target {
    path: PathBuf,
    axis: TimeAxis,
}

impl Target {
    fn open(&self) -> Result<part::Part, SignalError> {
        part::begin(&self.path)
    }
    fn cannot(&self, error: std::io::Error) -> SignalError {
        part::cannot(&self.path, error)
    }
}

/// What a file says of its maker.
fn maker() -> String {
    format!("trifactor {}", env!("CARGO_PKG_VERSION"))
}

/// Scopes and variables in the order of the file, and the number that each signal has there.
///
/// A scope is opened once: variables of one owner stand together even where the catalogue has
/// something between them, as it has between a population and its traces.
fn hierarchy(
    selection: &Selection,
    shape: impl Fn(&Chosen) -> Shape,
) -> Result<(Vec<Entry<'_>>, Vec<usize>), SignalError> {
    let mut first = 0;
    let mut listed: Vec<(Vec<&str>, usize, &Chosen)> = Vec::new();
    for chosen in &selection.chosen {
        listed.push((path(chosen), first, chosen));
        first += chosen.at.len();
    }
    // The first place in which each top scope is named.
    let owners: Vec<&str> = listed.iter().map(|(path, ..)| top(path)).collect();
    let rank = |path: &[&str]| owners.iter().position(|owner| *owner == top(path));
    listed.sort_by(|(a, ..), (b, ..)| (rank(a), a).cmp(&(rank(b), b)));
    let mut entries = Vec::new();
    let mut number = vec![0; first];
    let mut open: Vec<&str> = Vec::new();
    let mut n = 0;
    for (path, first, chosen) in listed {
        let common = open.iter().zip(&path).take_while(|(a, b)| a == b).count();
        entries.extend(open.drain(common..).map(|_| Entry::EndScope));
        for scope in &path[common..] {
            check_name(scope)?;
            entries.push(Entry::Scope(scope));
            open.push(scope);
        }
        let name = chosen.variable.name.rsplit('.').next().unwrap_or_default();
        for (k, label) in chosen.labels.iter().enumerate() {
            let name = match label {
                Label::One => name.to_owned(),
                label => format!("{name}_{label}"),
            };
            check_name(&name)?;
            entries.push(Entry::Variable(name, shape(chosen)));
            number[first + k] = n;
            n += 1;
        }
    }
    entries.extend(open.iter().map(|_| Entry::EndScope));
    Ok((entries, number))
}

fn top<'a>(path: &[&'a str]) -> &'a str {
    path.first().copied().unwrap_or_default()
}

/// Scopes of a variable; a number of the whole chip needs none of its own.
fn path(chosen: &Chosen) -> Vec<&str> {
    let mut path: Vec<&str> = chosen.variable.name.split('.').collect();
    if chosen.labels == [Label::One] {
        path.pop();
    }
    path
}

fn check_name(name: &str) -> Result<(), SignalError> {
    if name.len() > MAX_NAME {
        return Err(SignalError::LongName { name: name.to_owned(), limit: MAX_NAME });
    }
    Ok(())
}
