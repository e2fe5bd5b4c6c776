//! Vector files: finding them, and reading what all schemas share.

use crate::Finding;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use trifactor_isa::Chip;

/// Why no vectors can be run.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// A file or folder cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is no JSON.
    #[error("{path}: {source}")]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Nothing to compare.
    #[error("{path}: no vector file (a .json file with the key 'schema') is here or below")]
    None {
        /// The path asked for.
        path: PathBuf,
    },
}

/// Neurons, inputs or seeds of a file at most; a chip of the family has 131,072 neurons.
const MOST_LANES: u64 = 1 << 17;
/// Steps of a file at most.
const MOST_STEPS: u64 = 1_000_000;
/// Synapses of a plastic projection at most.
const MOST_SYNAPSES: u64 = 1 << 22;

/// A vector file.
pub(crate) struct Vector {
    /// Relative to the path asked for.
    pub file: PathBuf,
    /// Name and version of its form.
    pub schema: String,
    /// All of it.
    json: Value,
}

/// One result per peer.
pub(crate) type Findings = Vec<(String, Finding)>;

#[derive(Deserialize)]
struct Peers {
    expected: BTreeMap<String, Value>,
}

impl Vector {
    /// Its content as a schema describes it; the error names the key at fault.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        T::deserialize(&self.json).map_err(|e| format!("the file is not of its schema: {e}"))
    }

    /// Which of its sizes is beyond what is run: a slip of a file's author must not fill the memory.
    pub fn oversized(&self) -> Option<String> {
        let params = &self.json["params"];
        let size = |key: &str| params[key].as_u64().or(self.json[key].as_u64());
        let counts = ["n_neurons", "n_inputs", "n_ext", "n_pre", "n_post", "n_seeds", "n_samples"];
        let limits = counts.map(|key| (key, MOST_LANES)).into_iter().chain([("steps", MOST_STEPS)]);
        for (key, limit) in limits {
            if let Some(n) = size(key).filter(|n| *n > limit) {
                return Some(format!("{key} is {n}, and {limit} is the limit"));
            }
        }
        let (pre, post) = (size("n_pre").unwrap_or(0), size("n_post").unwrap_or(0));
        (pre * post > MOST_SYNAPSES)
            .then(|| format!("n_pre times n_post is above the limit of {MOST_SYNAPSES}"))
    }

    /// The same for every peer, as `reason` says.
    pub fn all_peers(&self, reason: &str) -> Findings {
        let peers = self
            .read::<Peers>()
            .map_or_else(|_| vec!["-".to_owned()], |peers| peers.expected.into_keys().collect());
        peers.into_iter().map(|peer| (peer, Finding::Failed(reason.to_owned()))).collect()
    }

    /// Compares the expectation of each peer with what `compare` computes on the peer's chip.
    pub fn per_peer<T: DeserializeOwned, E: DeserializeOwned>(
        &self,
        expected: impl Fn(&T) -> &BTreeMap<String, E>,
        compare: impl Fn(&T, &E, &Chip) -> Result<Finding, String>,
    ) -> Findings {
        let content: T = match self.read() {
            Ok(content) => content,
            Err(reason) => return self.all_peers(&reason),
        };
        let one = |peer: &String, e: &E| match Chip::builtin(peer) {
            Some(chip) => compare(&content, e, &chip).unwrap_or_else(Finding::Failed),
            None => Finding::Failed(format!("no chip file has the arithmetic of '{peer}'")),
        };
        expected(&content).iter().map(|(peer, e)| (peer.clone(), one(peer, e))).collect()
    }
}

/// The vector files at or below a path, in the order of their names.
pub(crate) fn find(path: &Path) -> Result<Vec<Vector>, VectorError> {
    let mut files = Vec::new();
    collect(path, &mut files)?;
    files.sort();
    let mut vectors = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)
            .map_err(|source| VectorError::Read { path: file.clone(), source })?;
        let json: Value = serde_json::from_str(&text)
            .map_err(|source| VectorError::Json { path: file.clone(), source })?;
        // Lists of files and the like are no vectors.
        let Some(schema) = json.get("schema").and_then(Value::as_str) else { continue };
        let schema = schema.to_owned();
        let relative = file.strip_prefix(path).unwrap_or(&file);
        let name = if relative.as_os_str().is_empty() { &file } else { relative };
        vectors.push(Vector { file: name.to_owned(), schema, json });
    }
    if vectors.is_empty() {
        return Err(VectorError::None { path: path.to_owned() });
    }
    Ok(vectors)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), VectorError> {
    let fault = |source| VectorError::Read { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(fault)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(fault)? {
        let entry = entry.map_err(fault)?.path();
        if entry.is_dir() {
            collect(&entry, files)?;
        } else if entry.extension().is_some_and(|e| e == "json") {
            files.push(entry);
        }
    }
    Ok(())
}
