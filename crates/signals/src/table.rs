//! Tables of a run, step by step: spikes, messages, performance, chosen signals.
//!
//! Rows are written as the steps are executed. In CSV the first line names the columns. In `.npy`
//! a table of events or of figures is a one-dimensional structured array, one record a row, with
//! a field for each column; a table of signals is a plain array of the shape `[steps, signals]`.

mod csv;
mod npy;

use crate::error::SignalError;
use crate::name::Selector;
use crate::part;
use crate::sample::Sampler;
use crate::select::Selection;
use std::io;
use std::path::{Path, PathBuf};
use trifactor_emu::Emulator;
use trifactor_image::Image;

/// What a table holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// One row for each spike, those of inputs included.
    Spikes,
    /// One row for each message.
    Messages,
    /// One row for each step: time, energy and counts.
    Performance,
    /// One row for each step, one column for each signal.
    Signals(Vec<Selector>),
}

impl Content {
    /// Reads `spikes`, `messages`, `performance` or a list of selectors.
    pub fn parse(text: &str) -> Result<Self, SignalError> {
        Ok(match text.trim() {
            "spikes" => Self::Spikes,
            "messages" => Self::Messages,
            "performance" => Self::Performance,
            other => Self::Signals(Selector::parse_list(other)?),
        })
    }
}

/// Format of a table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TableFormat {
    /// Comma-separated text.
    Csv,
    /// A NumPy array.
    Npy,
}

impl TableFormat {
    /// By the ending of a file's name.
    pub fn of(path: &Path) -> Result<Self, SignalError> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("npy") => Ok(Self::Npy),
            _ => Err(SignalError::Ending {
                path: path.to_owned(),
                what: "table",
                known: ".csv or .npy",
            }),
        }
    }
}

/// Type of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Whole numbers of 32 bits, with a sign.
    I32,
    /// Whole numbers of 64 bits, with a sign.
    I64,
    /// Whole numbers of 32 bits.
    U32,
    /// Whole numbers of 64 bits.
    U64,
    /// Double precision.
    F64,
    /// Text of at most so many bytes.
    Text(usize),
}

/// A column.
struct Column {
    name: String,
    kind: Kind,
}

/// One value of a row.
#[derive(Clone, Copy, Debug)]
enum Cell<'a> {
    Whole(i64),
    Natural(u64),
    Real(f64),
    Text(&'a str),
}

impl Cell<'_> {
    fn whole(&self) -> i64 {
        match self {
            Self::Whole(x) => *x,
            _ => unreachable!("internal: a column of whole numbers holds nothing else"),
        }
    }
    fn natural(&self) -> u64 {
        match self {
            Self::Natural(x) => *x,
            _ => unreachable!("internal: a column of natural numbers holds nothing else"),
        }
    }
    fn real(&self) -> f64 {
        match self {
            Self::Real(x) => *x,
            _ => unreachable!("internal: a column of reals holds nothing else"),
        }
    }
    fn text(&self) -> &str {
        match self {
            Self::Text(x) => x,
            _ => unreachable!("internal: a column of text holds nothing else"),
        }
    }
}

/// A writer of one format.
trait Rows {
    /// Writes a row; it has a cell for each column, of its kind.
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()>;
    /// Ends the file and gives it its name.
    fn finish(self: Box<Self>) -> Result<(), SignalError>;
}

/// A table that is being written.
pub struct Table {
    path: PathBuf,
    rows: Box<dyn Rows>,
    filler: Filler,
}

enum Filler {
    Spikes { names: Vec<String> },
    Messages { names: Vec<String>, cores: Vec<u32> },
    Performance(Box<Performance>),
    Signals { sampler: Sampler, raw: bool, lsb: Vec<f64>, now: Vec<i64> },
}

/// What a row of figures is compared with: the sums before the step.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Sums {
    time_ps: u64,
    energy_fj: u64,
    evaluated: u64,
    skipped: u64,
    saturations: u64,
}

struct Performance {
    before: Sums,
    /// Whether a population makes its own spikes.
    neurons: Vec<bool>,
    epoch: u32,
}

impl Sums {
    fn of(emulator: &Emulator) -> Self {
        let report = emulator.report();
        let work = (0..emulator.n_cores()).map(|core| emulator.core_work(core));
        let (evaluated, skipped) =
            work.fold((0, 0), |(e, s), w| (e + w.evaluated_so_far, s + w.skipped_so_far));
        Self {
            time_ps: report.time_ticks * report.tick_ps,
            energy_fj: report.total_fj(),
            evaluated,
            skipped,
            saturations: report.saturations.iter().map(|s| s.count).sum(),
        }
    }
}

impl Table {
    /// Begins a table of a run of so many steps.
    ///
    /// `selection` is what [`Content::Signals`] means, and `None` for the other tables. With
    /// `raw`, signals are raw integers, else numbers in the author's units.
    pub fn begin(
        path: &Path,
        content: &Content,
        selection: Option<Selection>,
        image: &Image,
        emulator: &Emulator,
        raw: bool,
    ) -> Result<Self, SignalError> {
        let populations = &image.map.populations;
        let names = || populations.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
        let longest = populations.iter().map(|p| p.name.len()).max().unwrap_or(0).max(1);
        let column = |name: &str, kind| Column { name: name.to_owned(), kind };
        let mut plain = false;
        let (columns, filler) = match (content, selection) {
            (Content::Spikes, _) => (
                vec![
                    column("step", Kind::U32),
                    column("population", Kind::Text(longest)),
                    column("lane", Kind::U32),
                ],
                Filler::Spikes { names: names() },
            ),
            (Content::Messages, _) => (
                vec![
                    column("step", Kind::U32),
                    column("population", Kind::Text(longest)),
                    column("lane", Kind::U32),
                    column("from_core", Kind::I64),
                    column("to_core", Kind::U32),
                    column("axon", Kind::U32),
                ],
                Filler::Messages {
                    names: names(),
                    cores: image.cores.iter().map(|c| c.id).collect(),
                },
            ),
            (Content::Performance, _) => {
                let natural = [
                    "step",
                    "epoch",
                    "time_ps",
                    "energy_fj",
                    "synaptic_operations",
                    "spikes",
                    "input_spikes",
                    "messages",
                    "evaluated",
                    "skipped",
                    "saturations",
                ];
                let figures = Performance {
                    before: Sums::of(emulator),
                    neurons: populations.iter().map(|p| !p.slices.is_empty()).collect(),
                    epoch: image.meta.epoch.max(1),
                };
                let columns = natural.iter().map(|name| column(name, Kind::U64)).collect();
                (columns, Filler::Performance(Box::new(figures)))
            }
            (Content::Signals(_), selection) => {
                plain = true;
                let selection = selection
                    .expect("internal: a table of signals comes with the selection it means");
                signal_columns(selection, raw)
            }
        };
        let rows: Box<dyn Rows> = match (TableFormat::of(path)?, plain) {
            (TableFormat::Csv, _) => Box::new(csv::Csv::begin(path, &columns)?),
            (TableFormat::Npy, false) => Box::new(npy::Records::begin(path, &columns)?),
            // The step is the row's number, counted from 1.
            (TableFormat::Npy, true) => npy::plain(path, &columns[1..])?,
        };
        Ok(Self { path: path.to_owned(), rows, filler })
    }

    /// Adds the rows of the step that was just executed.
    pub fn step(&mut self, emulator: &Emulator) -> Result<(), SignalError> {
        let Self { path, rows, filler } = self;
        let step = emulator.step_number();
        let first = Cell::Natural(step.into());
        let written = match filler {
            Filler::Spikes { names } => names.iter().enumerate().try_for_each(|(at, name)| {
                emulator.spikes(at).iter().try_for_each(|lane| {
                    rows.row(&[first, Cell::Text(name), Cell::Natural((*lane).into())])
                })
            }),
            Filler::Messages { names, cores } => {
                let mut written = Ok(());
                emulator.visit_messages(|m| {
                    if written.is_ok() {
                        written = rows.row(&[
                            first,
                            Cell::Text(&names[m.population]),
                            Cell::Natural(m.lane.into()),
                            // The host port, which is no core.
                            Cell::Whole(m.from.map_or(-1, |at| cores[at].into())),
                            Cell::Natural(cores[m.to].into()),
                            Cell::Natural(m.axon.into()),
                        ]);
                    }
                });
                written
            }
            Filler::Performance(figures) => rows.row(&figures.row(emulator).map(Cell::Natural)),
            Filler::Signals { sampler, raw, lsb, now } => {
                sampler.read(emulator, now)?;
                let mut cells = Vec::with_capacity(now.len() + 1);
                cells.push(first);
                cells.extend(now.iter().zip(lsb).map(|(x, lsb)| match *raw {
                    true => Cell::Whole(*x),
                    false => Cell::Real(*x as f64 * *lsb),
                }));
                rows.row(&cells)
            }
        };
        written.map_err(|e| part::cannot(path, e))
    }

    /// Ends the file; it appears under its name.
    pub fn finish(self) -> Result<(), SignalError> {
        self.rows.finish()
    }
}

impl Performance {
    /// The figures of the last step, in the order of the columns.
    fn row(&mut self, emulator: &Emulator) -> [u64; 11] {
        let now = Sums::of(emulator);
        let before = std::mem::replace(&mut self.before, now);
        let work = (0..emulator.n_cores()).map(|core| emulator.core_work(core));
        let spikes = |wanted: bool| -> u64 {
            let populations = self.neurons.iter().enumerate().filter(|(_, own)| **own == wanted);
            populations.map(|(at, _)| emulator.spikes(at).len() as u64).sum()
        };
        let mut messages = 0;
        emulator.visit_messages(|_| messages += 1);
        let step = emulator.step_number();
        let epoch = step.saturating_sub(1) / self.epoch + 1;
        [
            step.into(),
            epoch.into(),
            now.time_ps - before.time_ps,
            now.energy_fj - before.energy_fj,
            work.map(|w| w.synops).sum(),
            spikes(true),
            spikes(false),
            messages,
            now.evaluated - before.evaluated,
            now.skipped - before.skipped,
            now.saturations - before.saturations,
        ]
    }
}

/// The step, then a column for each signal, all of one type.
fn signal_columns(selection: Selection, raw: bool) -> (Vec<Column>, Filler) {
    let wide =
        selection.chosen.iter().any(|c| c.variable.bits + u32::from(!c.variable.signed) > 32);
    let kind = match (raw, wide) {
        (false, _) => Kind::F64,
        (true, false) => Kind::I32,
        (true, true) => Kind::I64,
    };
    let mut columns = vec![Column { name: "step".to_owned(), kind: Kind::U32 }];
    let mut lsb = Vec::new();
    for chosen in &selection.chosen {
        let factor = chosen.variable.real(1);
        columns.extend(chosen.names().map(|name| Column { name, kind }));
        lsb.extend(chosen.at.iter().map(|_| factor));
    }
    let (sampler, now) = (Sampler::new(selection), Vec::new());
    (columns, Filler::Signals { sampler, raw, lsb, now })
}
