//! What the commands that measure trained parameters have in common.

use crate::exit::Fault;
use crate::source::{ChipArg, ModelArgs};
use std::path::{Path, PathBuf};
use trifactor_lab::LabError;

/// Where a model lies that is named without its folder.
const MODELS: &str = "firmware-models";

/// The model, its parameters, and on what they are measured.
#[derive(clap::Args)]
pub struct MeasureArgs {
    /// Folder with the model's model.ron and train.ron, or a name such as cue-association.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    pub chip: ChipArg,
    /// Number of episodes of each measurement, such as 20000; by default that of the command.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub episodes: Option<u32>,
    /// Seed of episodes and of the chip's draws, such as 3; by default one that training does not measure with.
    #[arg(long, value_name = "S")]
    pub seed: Option<u32>,
    /// Parameters, such as those of a run; by default the model's params.safetensors.
    #[arg(long, value_name = "FILE")]
    pub params: Option<PathBuf>,
    /// Leave the chip out, for speed.
    #[arg(long)]
    pub float_only: bool,
    /// Worker threads, such as 2; by default one for each processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

impl MeasureArgs {
    /// The model. Errors: there is none, or no such file of parameters.
    pub fn source(&self) -> Result<ModelArgs, Fault> {
        let chip = ChipArg { name: self.chip.name.clone() };
        let source = ModelArgs { path: place(&self.model)?, chip };
        source.text()?;
        match self.params.as_ref().filter(|p| !p.is_file()) {
            Some(params) => Err(Fault::File(format!("there is no file {}", params.display()))),
            None => Ok(source),
        }
    }
}

/// Why trained parameters could not be measured, with a way out.
pub fn fault(error: LabError, source: &ModelArgs) -> Fault {
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
pub fn place(given: &Path) -> Result<PathBuf, Fault> {
    if given.exists() || given.components().count() != 1 {
        return Ok(given.to_owned());
    }
    let known = Path::new(MODELS).join(given);
    if known.is_dir() {
        return Ok(known);
    }
    let (given, known) = (given.display(), known.display());
    Err(Fault::File(format!("there is no folder {given}, and no {known} below this one")))
}
