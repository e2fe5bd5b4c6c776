//! The options that record signals of a run, and the list of what can be recorded.

use crate::exit::Fault;
use crate::table::{counted, table};
use crate::terminal::Terminal;
use serde_json::{Value, json};
use std::path::PathBuf;
use trifactor_image::Image;
use trifactor_lab::{Recorded, Recording};
use trifactor_signals::catalogue::{Catalogue, Lanes, Variable};
use trifactor_signals::name::Selector;
use trifactor_signals::table::Content;
use trifactor_signals::timeline::{MAX_EVENTS, Steps};
use trifactor_signals::{Request, SignalError};

/// The word that asks for names instead of naming.
const LIST: &str = "list";

/// Time axis of waves.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Axis {
    /// Time steps of the model.
    Steps,
    /// Simulated time of the chip.
    Chip,
}

/// What to record of a run on the chip.
#[derive(clap::Args)]
#[command(next_help_heading = "Signals")]
pub struct RecordArgs {
    /// Write waves to this file, .fst or .vcd; can be given more than once.
    #[arg(long, value_name = "FILE")]
    wave: Vec<PathBuf>,
    /// Signals of the waves, such as 'hidden.v[0..4],ff.w[2->5],*.spikes'; `list` prints the
    /// names there are and runs nothing.
    #[arg(long, value_name = "NAMES")]
    signals: Option<String>,
    /// Waves of numbers in the author's units instead of raw integers.
    #[arg(long)]
    wave_real: bool,
    /// Time axis of waves: `steps`, or `chip`, simulated time with busy flags and spikes tick by
    /// tick.
    #[arg(long, value_name = "AXIS", value_enum, default_value_t = Axis::Steps)]
    wave_time: Axis,
    /// Write a table, .csv or .npy: spikes, messages, performance, or names of signals; can be
    /// given more than once.
    #[arg(long, value_name = "WHAT=FILE")]
    table: Vec<String>,
    /// Tables of raw integers instead of numbers in the author's units.
    #[arg(long)]
    table_raw: bool,
    /// Write where simulated time goes to this file, .json: units of cores, links, barriers.
    #[arg(long, value_name = "FILE")]
    timeline: Option<PathBuf>,
    /// Steps of the timeline, counted from 1; by default 1..21, which are steps 1 to 20.
    #[arg(long, value_name = "A..B")]
    timeline_steps: Option<String>,
    /// Most arrows of the timeline, from a message where it leaves a core to where it arrives;
    /// by default 10000.
    #[arg(long, value_name = "N")]
    timeline_arrows: Option<u64>,
    /// Trial that is recorded, counted from 0; by default the first.
    #[arg(long, value_name = "K")]
    record_trial: Option<u32>,
}

impl RecordArgs {
    /// Whether only the names are asked for.
    pub fn lists(&self) -> bool {
        self.signals.as_deref().map(str::trim) == Some(LIST)
    }
    /// The trial that was named.
    pub const fn trial(&self) -> Option<u32> {
        self.record_trial
    }

    /// What to record, as far as the arguments alone can tell.
    pub fn recording(&self) -> Result<Recording, Fault> {
        let usage =
            |option: &'static str| move |e: SignalError| Fault::Usage(format!("{option}: {e}"));
        let mut request = Request {
            waves: self.wave.clone(),
            wave_real: self.wave_real,
            wave_chip_time: self.wave_time == Axis::Chip,
            table_raw: self.table_raw,
            timeline: self.timeline.clone(),
            timeline_arrows: self.timeline_arrows,
            ..Request::default()
        };
        if let Some(names) = self.signals.as_ref().filter(|_| !self.lists()) {
            request.signals =
                Selector::parse_list(names).map_err(|e| usage("--signals")(e.into()))?;
        }
        if let Some(steps) = &self.timeline_steps {
            request.timeline_steps = Steps::parse(steps).map_err(usage("--timeline-steps"))?;
        }
        for argument in &self.table {
            let Some((what, file)) = argument.split_once('=') else {
                return Err(Fault::Usage(format!(
                    "--table: '{argument}' names no file; write WHAT=FILE, such as spikes=spikes.csv"
                )));
            };
            let content = Content::parse(what).map_err(usage("--table"))?;
            request.tables.push((content, PathBuf::from(file)));
        }
        request.check().map_err(|e| Fault::Usage(e.to_string()))?;
        let without = |asked: bool, option: &str, other: &str| match asked {
            true => Err(Fault::Usage(format!("{option} is for {other}, and there is none"))),
            false => Ok(()),
        };
        let none = request.waves.is_empty() && !self.lists();
        without(none && self.signals.is_some(), "--signals", "--wave FILE")?;
        without(none && self.wave_real, "--wave-real", "--wave FILE")?;
        without(none && request.wave_chip_time, "--wave-time", "--wave FILE")?;
        let no_timeline = self.timeline.is_none() && self.timeline_steps.is_some();
        without(no_timeline, "--timeline-steps", "--timeline FILE")?;
        let no_timeline = self.timeline.is_none() && self.timeline_arrows.is_some();
        without(no_timeline, "--timeline-arrows", "--timeline FILE")?;
        let no_table = request.tables.is_empty();
        without(no_table && self.table_raw, "--table-raw", "--table WHAT=FILE")?;
        let trial = self.record_trial.is_some() && request.is_empty();
        without(trial, "--record-trial", "--wave, --table or --timeline")?;
        Ok(Recording { request, trial: self.record_trial.unwrap_or(0) })
    }
}

/// An error about signals as the fault of whoever caused it.
pub fn fault(error: SignalError) -> Fault {
    match error.is_usage() {
        true => Fault::Usage(error.to_string()),
        false => Fault::File(error.to_string()),
    }
}

/// Says which files were written, and what they leave out.
pub fn tell(terminal: &Terminal, request: &Request, what: &str, recorded: &Recorded) {
    let files: Vec<String> = request.files().map(|f| f.display().to_string()).collect();
    let steps = counted(recorded.steps.into(), "step");
    terminal.note(&format!("wrote {} ({what}, {steps})", files.join(", ")));
    if let Some(step) = recorded.timeline_cut {
        terminal.note(&format!(
            "the timeline ends before step {step}: it has {MAX_EVENTS} events at most; --timeline-steps chooses other steps"
        ));
    }
    if recorded.arrows_left_out > 0 {
        terminal.note(&format!(
            "the timeline has no arrows for {}: there are too many; --timeline-arrows N takes more",
            counted(recorded.arrows_left_out, "message")
        ));
    }
    if !recorded.left_out.is_empty() {
        terminal.note(&format!(
            "left out of the waves, which would be large: {}; --signals takes what you name",
            recorded.left_out.join(", ")
        ));
    }
}

/// Prints the variables of an image.
pub fn list(terminal: &Terminal, image: &Image, as_json: bool) -> Result<(), Fault> {
    let catalogue = Catalogue::of(image).map_err(|e| fault(e.into()))?;
    if as_json {
        let all: Vec<Value> = catalogue.variables.iter().map(to_json).collect();
        return terminal.print_json(&json!({ "signals": all }));
    }
    let rows: Vec<Vec<String>> = catalogue.variables.iter().map(row).collect();
    let header = ["name", "lanes", "bits", "fraction", "meaning"];
    terminal.print(&table(&header, &rows))
}

fn lanes(variable: &Variable) -> String {
    match &variable.lanes {
        Lanes::One => "one".to_owned(),
        Lanes::Counted(n) => format!("0..{}", n.saturating_sub(1)),
        Lanes::Cores(ids) => counted(ids.len() as u64, "core"),
        Lanes::Synapses(n) => counted(u64::from(*n), "synapse"),
    }
}

fn row(variable: &Variable) -> Vec<String> {
    let sign = if variable.signed { " signed" } else { "" };
    vec![
        variable.name.clone(),
        lanes(variable),
        format!("{}{sign}", variable.bits),
        variable.frac.to_string(),
        variable.meaning().to_owned(),
    ]
}

fn to_json(variable: &Variable) -> Value {
    json!({
        "name": variable.name,
        "lanes": variable.lanes.count(),
        "bits": variable.bits,
        "signed": variable.signed,
        "fraction_bits": variable.frac,
        "meaning": variable.meaning(),
    })
}
