//! `trifactor evaluate`: trained parameters on the evaluation task of their settings.

use super::reproduce::{params_fault, place};
use crate::exit::Fault;
use crate::source::{ChipArg, ModelArgs};
use crate::terminal::Terminal;
use std::path::PathBuf;
use trifactor_lab::{EvaluateOptions, evaluate};

const EXAMPLES: &str = "\
Examples:
  trifactor evaluate lamps
  trifactor evaluate firmware-models/cue-association --episodes 20000 --threads 2
  trifactor evaluate lamps --params lamps/run/params.safetensors --float-only --json

Answers the episodes of `evaluation` in the model's train.ron, the same ones in float and on the
emulated chip, with the parameters in the model's folder. Prints both accuracies, the difference
with its paired interval, the control whose rule has rates of 0, and time and energy per episode.
The same seed gives the same results, with any number of threads.

Recorded episodes are answered in order, each once; more than there are is refused. Tasks that
draw their episodes take any number. docs/tasks.md describes both.";

/// Measure trained parameters on the evaluation task of train.ron, in float and on chip.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// Folder with the model's model.ron and train.ron, or a name such as cue-association.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    chip: ChipArg,
    /// Number of episodes, such as 2000; by default that of train.ron.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    episodes: Option<u32>,
    /// Seed of episodes and of the chip's draws, such as 3; by default one that training does not measure with.
    #[arg(long, value_name = "S")]
    seed: Option<u32>,
    /// Parameters, such as those of a run; by default the model's params.safetensors.
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Leave the chip out, for speed.
    #[arg(long, alias = "no-chip")]
    float_only: bool,
    /// Worker threads, such as 2; by default one for each processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let chip = ChipArg { name: self.chip.name.clone() };
        let source = ModelArgs { path: place(&self.model), chip };
        source.text()?;
        if let Some(params) = self.params.as_ref().filter(|p| !p.is_file()) {
            return Err(Fault::File(format!("there is no file {}", params.display())));
        }
        let options = EvaluateOptions {
            episodes: self.episodes,
            seed: self.seed,
            params: self.params.clone(),
            chip: self.chip.name.clone(),
            threads: self.threads.map(usize::from),
            float_only: self.float_only,
        };
        let progress = terminal.progress();
        let report =
            evaluate(&source.path, &options, &*progress).map_err(|e| params_fault(e, &source))?;
        drop(progress);
        terminal.findings(&source.in_model(report.warnings.clone()));
        if self.json {
            terminal.print_json(&report.to_json())
        } else {
            terminal.print(&report.to_string())
        }
    }
}
