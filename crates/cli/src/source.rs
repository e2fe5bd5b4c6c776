//! The model that a command is about, as far as the command needs it.

use crate::exit::Fault;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use trifactor_compile::mesh::report::{MeshReport, report};
use trifactor_compile::structure;
use trifactor_diag::Diagnostics;
use trifactor_isa::Chip;
use trifactor_lab::{Prepared, find_chip, identity, prepare};
use trifactor_model::{Model, load};

/// More of a model.ron is not read; the parser refuses a text of this length.
const MAX_TEXT: u64 = (16 << 20) + 1;

/// The model and the chip of a command.
#[derive(clap::Args)]
pub struct ModelArgs {
    /// Folder with the model's model.ron.
    #[arg(value_name = "MODEL")]
    pub path: PathBuf,
    #[command(flatten)]
    pub chip: ChipArg,
}

/// The chip of a command.
#[derive(clap::Args)]
pub struct ChipArg {
    /// A built-in chip or the path of a chip file; by default the chip that the model names.
    #[arg(long = "chip", value_name = "NAME|FILE.ron")]
    pub name: Option<String>,
}

/// A model that is ready for its chip.
pub struct Ready {
    /// The model.
    pub model: Model,
    /// Chip, plan and image.
    pub prepared: Prepared,
    /// Warnings of all stages.
    pub findings: Diagnostics,
}

impl Ready {
    /// Where the cores are on the mesh.
    pub fn mesh(&self) -> Result<MeshReport, Fault> {
        let Prepared { chip, network, compiled, .. } = &self.prepared;
        let structure = structure::read(network)?;
        Ok(report(network, chip, &identity(&self.model), &structure, compiled))
    }
}

impl ModelArgs {
    /// The path of the model's first file, as messages name it.
    pub fn file(&self) -> PathBuf {
        self.path.join("model.ron")
    }

    /// The text of the model's first file.
    pub fn text(&self) -> Result<String, Fault> {
        folder(&self.path)?;
        let path = self.file();
        let cannot = |what: String| Fault::File(format!("{}: {what}", path.display()));
        // Looked at before it is opened: opening a pipe would wait for a writer.
        let meta = fs::metadata(&path).map_err(|e| cannot(e.to_string()))?;
        if !meta.is_file() {
            return Err(cannot("is not a regular file".to_owned()));
        }
        let file = File::open(&path).map_err(|e| cannot(e.to_string()))?;
        let mut text = String::new();
        file.take(MAX_TEXT).read_to_string(&mut text).map_err(|e| cannot(e.to_string()))?;
        Ok(text)
    }

    /// Reads the model.
    pub fn load(&self) -> Result<Model, Fault> {
        folder(&self.path)?;
        Ok(load(&self.path)?)
    }

    /// The chip on the command line, else the model's.
    pub fn chip(&self, model: &Model) -> Result<Chip, Fault> {
        let found = match &self.chip.name {
            Some(name) => find_chip(name),
            None => find_chip(&model.chip).map_err(|found| self.in_model(found)),
        };
        Ok(found?)
    }

    /// Reads, plans and compiles.
    ///
    /// Errors: the findings of the stage that failed, after the warnings of those before it.
    pub fn ready(&self) -> Result<Ready, Fault> {
        let model = self.load()?;
        let mut findings = model.warnings.clone();
        match self.chip(&model).and_then(|chip| {
            prepare(&model, chip).map_err(|found| Fault::Model(self.in_model(found)))
        }) {
            Ok(prepared) => {
                findings.append(self.in_model(prepared.warnings.clone()));
                Ok(Ready { model, prepared, findings })
            }
            Err(Fault::Model(found)) => {
                findings.append(found);
                Err(Fault::Model(findings))
            }
            Err(other) => Err(other),
        }
    }

    /// Later stages know key paths only; all keys are of this file.
    pub fn in_model(&self, found: Diagnostics) -> Diagnostics {
        found.in_file(&self.file().display().to_string())
    }
}

/// Refuses a path that cannot be a model's folder, in words that say what it is instead.
fn folder(path: &Path) -> Result<(), Fault> {
    let shown = path.display();
    if path.is_file() {
        let parent = path.parent().filter(|p| p.join("model.ron").is_file());
        let hint = match parent {
            Some(p) if p.as_os_str().is_empty() => "; name the folder: .".to_owned(),
            Some(p) => format!("; name the folder: {}", p.display()),
            None => String::new(),
        };
        return Err(Fault::File(format!(
            "{shown} is a file, and a model is a folder with a model.ron{hint}"
        )));
    }
    if !path.exists() {
        return Err(Fault::File(format!("there is no folder {shown}")));
    }
    Ok(())
}
