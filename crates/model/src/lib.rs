//! Model folders: `model.ron` with its kernels, data and parameters, resolved to a network.
//!
//! A model is a folder with a `model.ron` ([`surface`] lists its keys), `.kern` files, `.npy`
//! files and optionally a `params.safetensors`. [`load`] reads it and gives a [`Model`]: a checked
//! network and what is shown to it. Whatever is wrong is a diagnostic with a code, a key path and
//! a way out; several are reported at once.
//!
//! The crate executes nothing and knows no chip and no number format.
//!
//! ```
//! let folder = std::env::temp_dir().join("trifactor-model-example");
//! std::fs::create_dir_all(&folder).unwrap();
//! std::fs::write(folder.join("model.ron"), r#"(
//!     name: "relay",
//!     inputs: { "in": (n: 2) },
//!     populations: { "out": (n: 2, tau_u: 5.0, tau_v: 20.0, threshold: 1.0) },
//!     projections: { "relay": (pre: "in", post: "out", connect: OneToOne, weights: 0.5) },
//! )"#).unwrap();
//! let model = trifactor_model::load(&folder).unwrap();
//! assert_eq!(model.network.phases.len(), 2);
//! assert_eq!(model.inputs[0].n, 2);
//! ```

mod connect;
mod folder;
mod hash;
mod ordered;
mod params;
mod parse;
mod report;
mod resolve;
mod sums;
pub mod surface;
mod values;

pub use hash::ModelHash;
pub use ordered::Ordered;
pub use params::{ParamsError, write_params};
pub use parse::{parse_model, print_model};
pub use resolve::{FormatOverride, Probe};

use folder::Folder;
pub use folder::read_text;
use report::Report;
use std::path::{Path, PathBuf};
use surface::{ModelFile, VerifySpec};
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_ir::{CheckedNetwork, verify};
use trifactor_stimulus::{DatasetSpec, Input, Protocol};

/// A model, ready for every reading.
#[derive(Clone, Debug)]
pub struct Model {
    /// The author's name.
    pub name: String,
    /// What it is, for people.
    pub doc: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Chip it is compiled for by default.
    pub chip: String,
    /// Length of a step in milliseconds.
    pub step_ms: f64,
    /// Seed of runs unless the protocol or the caller says otherwise.
    pub seed: u32,
    /// Most neurons of a core, where the author spreads them over more than they need.
    pub neurons_per_core: Option<u32>,
    /// Expected spikes per lane and step of populations and inputs, where the author gives them.
    pub rates: Vec<(String, f64)>,
    /// The network with its initial values.
    pub network: CheckedNetwork,
    /// Input populations in the order of the network's spaces, with their encoders.
    pub inputs: Vec<Input>,
    /// What is shown and asked.
    pub protocol: Option<Protocol>,
    /// Data sets by name.
    pub datasets: Vec<(String, DatasetSpec)>,
    /// States to record.
    pub probes: Vec<Probe>,
    /// Formats the author insists on.
    pub formats: Vec<FormatOverride>,
    /// What a verification asks.
    pub verify: VerifySpec,
    /// Hash of dynamics and parameter shapes.
    pub hash: ModelHash,
    /// What is legal but worth knowing.
    pub warnings: Diagnostics,
}

impl Model {
    /// The seed of a run: the protocol's, else the model's.
    pub fn run_seed(&self) -> u32 {
        self.protocol.as_ref().and_then(|p| p.seed).unwrap_or(self.seed)
    }
}

/// Where parameters come from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Params {
    /// `params.safetensors` of the folder if it is there.
    #[default]
    Folder,
    /// The model's own initial values.
    Initial,
    /// This file.
    File(PathBuf),
}

/// Reads a model folder with its own parameters.
///
/// Errors: every finding (codes M, K, R and V), at least one of which is an error.
pub fn load(folder: &Path) -> Result<Model, Diagnostics> {
    load_with(folder, &Params::Folder)
}

/// Reads a model folder with parameters from somewhere else. Errors: as [`load`].
pub fn load_with(folder: &Path, params: &Params) -> Result<Model, Diagnostics> {
    let path = folder.join("model.ron");
    let label = path.display().to_string();
    let text = read_text(&path, parse::MAX_MODEL_FILE).map_err(|fault| {
        Diagnostic::error("M001", format!("cannot be read: {fault}"))
            .at(Place::file(&label))
            .hint("a model is a folder with a file model.ron")
    })?;
    let file = parse_model(&text, &label)?;
    let sums = sums::Sums::of(&file, &text);
    resolve_model(&file, &sums, &label, folder, params)
}

fn resolve_model(
    file: &ModelFile,
    sums: &sums::Sums,
    label: &str,
    root: &Path,
    params: &Params,
) -> Result<Model, Diagnostics> {
    let folder = Folder::new(root);
    let (mut network, mut report) = resolve::resolve(file, sums, &folder, Report::new(label));
    let inputs: Vec<Input> = file
        .inputs
        .iter()
        .map(|(name, spec)| Input { name: name.to_owned(), n: spec.n, encoder: spec.encoder })
        .collect();
    if !report.has_errors() {
        resolve::protocol_faults(file, &inputs, &network, &mut report);
    }
    let (formats, probes, thresholds) = if report.has_errors() {
        (Vec::new(), Vec::new(), VerifySpec::default())
    } else {
        (
            resolve::formats(file, &network, &mut report),
            resolve::probes(file, &network, &mut report),
            resolve::thresholds(file, &network, &mut report),
        )
    };
    let hash = ModelHash::of(&network);
    if !report.has_errors() {
        let own = folder.root().join("params.safetensors");
        match params {
            Params::Initial => {}
            Params::Folder if !own.exists() => {}
            Params::Folder => {
                params::apply(&mut network, &own, "params.safetensors", &hash, &mut report)
            }
            Params::File(path) => {
                let name = path.display().to_string();
                params::apply(&mut network, path, &name, &hash, &mut report);
            }
        }
    }
    if report.has_errors() {
        return Err(report.into_found());
    }
    let network = match verify(network) {
        Ok(network) => network,
        Err(found) => {
            report.append(found.in_file(label));
            return Err(report.into_found());
        }
    };
    report.append(network.warnings().clone().in_file(label));
    Ok(Model {
        name: file.name.clone(),
        doc: file.doc.clone(),
        folder: root.to_owned(),
        chip: file.chip.clone(),
        step_ms: file.step_ms,
        seed: file.seed,
        neurons_per_core: file.neurons_per_core,
        rates: file.rates.entries().to_vec(),
        network,
        inputs,
        protocol: file.protocol.clone(),
        datasets: file.datasets.entries().to_vec(),
        probes,
        formats,
        verify: thresholds,
        hash,
        warnings: report.into_found(),
    })
}
