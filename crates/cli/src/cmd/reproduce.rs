//! `trifactor reproduce`: trained parameters beside the published figures.

use crate::exit::Fault;
use crate::folder;
use crate::measure::{MeasureArgs, fault};
use crate::terminal::Terminal;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
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
the same episodes on both, by default 1,000 for each number of cues. Prints accuracies beside the published ones, the controls, and what
observers of the same spikes reach; writes report.md, report.json, accuracy.csv and pictures to
the folder of --out. The same seed gives the same results, with any number of threads.
docs/reproduce.md says what each line means.

A model that is named without a folder is looked for in firmware-models of the present folder.";

/// Measure trained parameters on their task, in float and on chip, beside the published figures.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    #[command(flatten)]
    measure: MeasureArgs,
    /// Reading of the task, such as iid.
    #[arg(long, value_enum, default_value_t = Sides::Biased)]
    sides: Sides,
    /// Numbers of cues, such as 5 or 1,3,5; by default the odd ones to 15.
    #[arg(long, value_name = "M,..", value_delimiter = ',')]
    cues: Option<Vec<u32>>,
    /// Folder for the report; by default trifactor-out/reproduce-NAME.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
        let args = &self.measure;
        let source = args.source()?;
        let options = ReproduceOptions {
            episodes: args.episodes,
            seed: args.seed,
            reading: self.sides.into(),
            cues: self.cues.clone(),
            params: args.params.clone(),
            chip: args.chip.name.clone(),
            threads: args.threads.map(usize::from),
            float_only: args.float_only,
        };
        let progress = terminal.progress();
        let report =
            reproduce(&source.path, &options, &*progress).map_err(|e| fault(e, &source))?;
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
        if args.json {
            terminal.print_json(&report.to_json())
        } else {
            terminal.print(&report.to_string())
        }
    }
}
