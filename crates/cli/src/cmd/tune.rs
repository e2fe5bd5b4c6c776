//! `trifactor tune`: fine-tuning of a trained model in the number formats of its chip.

use super::train::{Bar, fault, measured};
use crate::exit::Fault;
use crate::source::ModelArgs;
use crate::terminal::Terminal;
use std::path::{Path, PathBuf};
use trifactor_host::{RunDirectory, RunOptions, Settings, Tuning};
use trifactor_lab::planned;

const EXAMPLES: &str = "\
Examples:
  trifactor tune firmware-models/cue-association
  trifactor tune firmware-models/cue-association --updates 500 --rate 2e-4 --out fine
  trifactor tune firmware-models/cue-association --updates 500 --rate 2e-4 --out fine --resume
  trifactor run firmware-models/cue-association    (afterwards, with the new parameters)

Begins at the model's params.safetensors, if there is one, and goes on with the last stage of its
train.ron: a tenth of the updates and of the step size, unless said otherwise. Forward runs round
every weight, tag, trace, modulator, membrane and decay as the chip does, with the draws of the
chip; gradients pass the rounding unchanged. A run is a directory as `train` writes it, and
continues with --resume to the same bytes. Copy its params.safetensors into the model's folder to
use what was learned. docs/quantisation.md explains when this helps.";

/// Fine-tune a model's parameters in the number formats of its chip.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    #[command(flatten)]
    model: ModelArgs,
    /// Settings; by default the model's train.ron.
    #[arg(long, value_name = "FILE.ron")]
    settings: Option<PathBuf>,
    /// Directory of the run; by default trifactor-out/tune/NAME.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Number of updates; by default a tenth of the settings'.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    updates: Option<u32>,
    /// Step size; by default a tenth of the settings'.
    #[arg(long, value_name = "X")]
    rate: Option<f64>,
    /// Seed of episodes and roundings.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u32,
    /// Worker threads; by default one for each processor. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Continue a run that was interrupted.
    #[arg(long)]
    resume: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let model = self.model.load()?;
        let chip = self.model.chip(&model)?;
        let (network, plan, warnings) =
            planned(&model, &chip).map_err(|found| self.model.in_model(found))?;
        let mut findings = model.warnings.clone();
        findings.append(self.model.in_model(warnings));
        terminal.findings(&findings);
        let path = self.settings.clone().unwrap_or_else(|| self.model.path.join("train.ron"));
        let mut settings =
            Settings::load(&path, &self.model.path).map_err(|e| fault(e, &path))?.for_tuning();
        if let Some(updates) = self.updates {
            settings.updates = u64::from(updates);
        }
        if let Some(rate) = self.rate {
            settings.optimiser.rate = rate;
        }
        settings.check().map_err(|e| fault(e, &path))?;
        let threads = super::train::threads(self.threads);
        let out = self.out.clone().unwrap_or_else(|| {
            let name = crate::folder::default_for(&model.name);
            Path::new("trifactor-out/tune").join(name.file_name().unwrap_or_default())
        });
        let (seed, resume) = (self.seed, self.resume);
        let options = RunOptions { seed, threads, resume, without_plasticity: false, go_on: true };
        let tuning = Tuning { chip: &chip.name, plan: &plan, plan_hash: plan.hash(&network) };
        let mut run = RunDirectory::open_tuning(&out, &model, &settings, &options, tuning)
            .map_err(|e| fault(e, &path))?;
        let mut bar = Bar::new(terminal, run.training().updates(), settings.updates);
        run.run(&model, &mut bar).map_err(|e| fault(e, &path))?;
        bar.bar.finish_and_clear();
        let accuracy = bar.last.map_or_else(String::new, measured);
        terminal.print(&format!(
            "{} updates in the formats of '{}'{accuracy}\n  {}\n",
            run.training().updates(),
            chip.name,
            out.join("params.safetensors").display()
        ))
    }
}
