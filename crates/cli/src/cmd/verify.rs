//! `trifactor verify`: does the chip still do what the float model does, and if not, why?

use crate::exit::Fault;
use crate::folder;
use crate::measure::{fault, place};
use crate::source::{ChipArg, ModelArgs};
use crate::terminal::Terminal;
use std::path::PathBuf;
use trifactor_lab::verify::{VerifyOptions, verify};

const EXAMPLES: &str = "\
Examples:
  trifactor verify firmware-models/pair-stdp
  trifactor verify one-shot-prototypes --quick
  trifactor verify mymodel --trials 1000 --seed 7 --json
  trifactor verify mymodel --out results

Runs the model's protocol, or the evaluation of its train.ron, in float, in the fixed reading (the
chip's integers without a chip) and on the emulated chip. Says whether the chip equals the fixed
reading bit for bit, whether every rounding keeps to the bound that the plan predicts, and what is
lost: points of the score on the same trials, or how far learnt values lie apart. Below stand the
errors of every variable, the first spike that differs, and which state's format costs how much.
Where more is lost than the model allows, changes of formats are compiled and run until the cheapest
one is found that cures it.

What is allowed stands in model.ron, for instance
  verify: (score_loss: 0.5, weight_error: 2.0, saturations: 0, drift: {\"ff.w\": 4.0}, trials: 400)
By default 1 point of the score or 10 % of the largest change of learnt values may be lost. The
folder of --out gets report.html, one page with plots that needs nothing else, report.json and
report.txt. docs/verify.md says what each number means.

Exit code 0 if the model passes, 1 if not.";

/// Verify the chip against float: errors beside their bounds, the verdict, and what causes a loss.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// Folder with the model's model.ron, or a name such as pair-stdp.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    chip: ChipArg,
    /// Number of trials or episodes, such as 1000; by default that of the model.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    trials: Option<u32>,
    /// Seed of the run, such as 3; by default the model's.
    #[arg(long, value_name = "S")]
    seed: Option<u32>,
    /// Few trials, for gross faults only: what they leave undecided passes.
    #[arg(long)]
    quick: bool,
    /// Folder for the report's page and files, such as results; by default none is written.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Worker threads, such as 2; by default one for each processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        // Before a long run, not after it.
        if let Some(out) = self.out.as_ref().filter(|o| o.exists() && !o.is_dir()) {
            return Err(Fault::File(format!("{} is a file; --out names a folder", out.display())));
        }
        let chip = ChipArg { name: self.chip.name.clone() };
        let source = ModelArgs { path: place(&self.model)?, chip };
        source.text()?;
        let options = VerifyOptions {
            trials: self.trials,
            seed: self.seed,
            chip: self.chip.name.clone(),
            threads: self.threads.map(usize::from),
            quick: self.quick,
        };
        let progress = terminal.progress();
        let found = verify(&source.path, &options, &*progress).map_err(|e| fault(e, &source))?;
        drop(progress);
        terminal.findings(&source.in_model(found.warnings.clone()));
        if let Some(out) = &self.out {
            let files = found.files();
            folder::write_all(out, &files)?;
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            terminal.note(&format!("wrote {} to {}", names.join(", "), out.display()));
        }
        if self.json {
            terminal.print_json(&found.to_json())?;
        } else {
            terminal.print(&found.to_string())?;
        }
        // The report has said what fails.
        if found.passes() { Ok(()) } else { Err(Fault::File(String::new())) }
    }
}
