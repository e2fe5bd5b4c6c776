//! `trifactor evaluate`: trained parameters on the evaluation task of their settings.

use crate::exit::Fault;
use crate::measure::{MeasureArgs, fault};
use crate::terminal::Terminal;
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
draw their episodes take any number. Without --episodes, it is train.ron's number. docs/tasks.md describes both.";

/// Measure trained parameters on the evaluation task of train.ron, in float and on chip.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    #[command(flatten)]
    measure: MeasureArgs,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let args = &self.measure;
        let source = args.source()?;
        let options = EvaluateOptions {
            episodes: args.episodes,
            seed: args.seed,
            params: args.params.clone(),
            chip: args.chip.name.clone(),
            threads: args.threads.map(usize::from),
            float_only: args.float_only,
        };
        let progress = terminal.progress();
        let report = evaluate(&source.path, &options, &*progress).map_err(|e| fault(e, &source))?;
        drop(progress);
        terminal.findings(&source.in_model(report.warnings.clone()));
        if args.json {
            terminal.print_json(&report.to_json())
        } else {
            terminal.print(&report.to_string())
        }
    }
}
