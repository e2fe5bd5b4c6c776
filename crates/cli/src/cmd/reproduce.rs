//! `trifactor reproduce`: trained parameters beside the published figures.

use crate::exit::Fault;
use crate::folder;
use crate::source::{ChipArg, ModelArgs};
use crate::terminal::Terminal;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use trifactor_lab::LabError;
use trifactor_lab::reproduce::{Reading, ReproduceOptions, reproduce};

const EXAMPLES: &str = "\
Examples:
  trifactor reproduce cue-association
  trifactor reproduce firmware-models/cue-association --json
  trifactor reproduce cue-association --cues 5 --episodes 20000 --seed 3 --threads 2
  trifactor reproduce cue-association --cues 1,3,5 --float-only --out results
  trifactor reproduce cue-association --sides iid --cues 5 --chip superset
  trifactor reproduce cue-association --params trifactor-out/train/cue-association/params.safetensors

Answers episodes with permutations that training never shows, in float and on the emulated chip,
the same episodes on both. Prints accuracies beside the published ones, the controls, and what
observers of the same spikes reach; writes report.md, report.json, accuracy.csv and pictures to
the folder of --out. The same seed gives the same results, with any number of threads.
docs/reproduce.md says what each line means.

A model that is named without a folder is looked for in firmware-models of the present folder.";

/// Where a model lies that is named without its folder.
const MODELS: &str = "firmware-models";

/// Measure trained parameters on their task, in float and on chip, beside the published figures.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// Folder with the model's model.ron and train.ron, or a name such as cue-association.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    chip: ChipArg,
    /// Episodes for each number of cues, such as 20000; by default 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    episodes: Option<u32>,
    /// Seed of the episodes, such as 3; by default one that training does not measure with.
    #[arg(long, value_name = "S")]
    seed: Option<u32>,
    /// Reading of the task, such as iid.
    #[arg(long, value_enum, default_value_t = Sides::Biased)]
    sides: Sides,
    /// Numbers of cues, such as 5 or 1,3,5; by default the odd ones to 15.
    #[arg(long, value_name = "M,..", value_delimiter = ',')]
    cues: Option<Vec<u32>>,
    /// Parameters, such as those of a run; by default the model's params.safetensors.
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Leave the chip out, for speed.
    #[arg(long, alias = "no-chip")]
    float_only: bool,
    /// Worker threads, such as 2; by default one for each processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Folder for the report; by default trifactor-out/reproduce-NAME.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Readings of the task, as the command line names them.
#[derive(Clone, Copy, ValueEnum)]
enum Sides {
    /// Each cue is on the class side with probability 0.7; cue lines rest silently.
    Biased,
    /// Both sides are equally likely for each cue.
    Iid,
    /// All cues are on the class side.
    OneSided,
    /// As biased, but cue lines fire at 0.15 outside cue periods.
    Background,
}

impl From<Sides> for Reading {
    fn from(sides: Sides) -> Self {
        match sides {
            Sides::Biased => Self::Biased,
            Sides::Iid => Self::Iid,
            Sides::OneSided => Self::OneSided,
            Sides::Background => Self::Background,
        }
    }
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        // Before a long run, not after it.
        if let Some(out) = self.out.as_ref().filter(|o| o.exists() && !o.is_dir()) {
            return Err(Fault::File(format!("{} is a file; --out names a folder", out.display())));
        }
        let path = place(&self.model);
        let chip = ChipArg { name: self.chip.name.clone() };
        let source = ModelArgs { path: path.clone(), chip };
        source.text()?;
        if let Some(params) = self.params.as_ref().filter(|p| !p.is_file()) {
            return Err(Fault::File(format!("there is no file {}", params.display())));
        }
        let options = ReproduceOptions {
            episodes: self.episodes,
            seed: self.seed,
            reading: self.sides.into(),
            cues: self.cues.clone(),
            params: self.params.clone(),
            chip: self.chip.name.clone(),
            threads: self.threads.map(usize::from),
            float_only: self.float_only,
        };
        let progress = terminal.progress();
        let report =
            reproduce(&path, &options, &*progress).map_err(|e| params_fault(e, &source))?;
        drop(progress);
        terminal.findings(&source.in_model(report.warnings.clone()));
        let out = self.out.clone().unwrap_or_else(|| {
            let name = folder::default_for(&report.model);
            let name = name.file_name().unwrap_or_default().to_string_lossy();
            Path::new("trifactor-out").join(format!("reproduce-{name}"))
        });
        let files = report.files();
        folder::write_all(&out, &files)?;
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        terminal.note(&format!("wrote {} to {}", names.join(", "), out.display()));
        if self.json {
            terminal.print_json(&report.to_json())
        } else {
            terminal.print(&report.to_string())
        }
    }
}

/// Why trained parameters could not be measured, with a way out.
pub(super) fn params_fault(error: LabError, source: &ModelArgs) -> Fault {
    match error {
        LabError::Model(found) => Fault::Model(source.in_model(found)),
        LabError::NoParams { .. } => Fault::File(format!(
            "{error}; `trifactor train {}` makes one, and --params names one that lies elsewhere",
            source.path.display()
        )),
        LabError::Task(text) => Fault::Usage(text),
        other => Fault::File(other.to_string()),
    }
}

/// The folder of a model: as given, else below [`MODELS`] where the name alone is no folder.
pub(super) fn place(given: &Path) -> PathBuf {
    let known = Path::new(MODELS).join(given);
    if given.components().count() == 1 && !given.exists() { known } else { given.to_owned() }
}
