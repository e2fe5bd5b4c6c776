//! `trifactor chips`: one model on several chips.

use crate::exit::Fault;
use crate::measure::{fault, place};
use crate::source::{ChipArg, ModelArgs};
use crate::terminal::Terminal;
use std::path::PathBuf;
use trifactor_lab::chips::{ChipsOptions, Overview, chips};

const EXAMPLES: &str = "\
Examples:
  trifactor chips firmware-models/pair-stdp
  trifactor chips one-shot-prototypes --trials 200 --chip superset --chip mychip.ron
  trifactor chips cue-association --fit-only --json
  trifactor chips firmware-models/* --chip loihi1 --fit-only

Compiles the model for every chip and runs it on those that hold it: its protocol, or where
train.ron has an `evaluation` and the folder trained parameters, those episodes. One line a chip:
cores, memory, the fullest resource, time and energy per trial, and how near the chip comes to the
float reading, as accuracy with the paired difference or, for what is recorded, as the largest
difference in percent of the float curve's range. Below stand the reasons of chips that do not hold
the model, each with the limit, what is needed and the way out, and the formats that a chip holds in
another form: those in model.ron bind the chip that it names and are wishes for every other. It is
no error if a chip does not hold the model. Several models begin with a table of which chip holds
which.";

/// Compare chips: which hold the model, what it takes, what it loses.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// Folders with a model's model.ron, or names such as cue-association.
    #[arg(value_name = "MODEL", required = true)]
    models: Vec<PathBuf>,
    /// A built-in chip or the path of a chip file; may be given several times. By default all built-in ones.
    #[arg(long = "chip", value_name = "NAME|FILE.ron")]
    chips: Vec<String>,
    /// Number of trials or episodes, such as 200; by default that of the model.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    trials: Option<u32>,
    /// Seed of the run, such as 3; by default the model's.
    #[arg(long, value_name = "S")]
    seed: Option<u32>,
    /// Run nothing: only whether it fits and what it takes.
    #[arg(long)]
    fit_only: bool,
    /// Worker threads, such as 2; by default one for each processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Print the comparison as JSON.
    #[arg(long)]
    json: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let options = ChipsOptions {
            chips: self.chips.clone(),
            trials: self.trials,
            seed: self.seed,
            threads: self.threads.map(usize::from),
            fit_only: self.fit_only,
        };
        let mut found = Vec::new();
        for model in &self.models {
            let source = ModelArgs { path: place(model)?, chip: ChipArg { name: None } };
            source.text()?;
            let progress = terminal.progress();
            found.push(chips(&source.path, &options, &*progress).map_err(|e| fault(e, &source))?);
        }
        match (found.as_slice(), self.json) {
            ([one], true) => terminal.print_json(&one.to_json()),
            ([one], false) => terminal.print(&one.to_string()),
            (_, true) => terminal.print_json(&Overview(found).to_json()),
            (_, false) => terminal.print(&Overview(found).to_string()),
        }
    }
}
