//! Vector files: finding them, and reading what all schemas share.

use crate::Finding;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Read};
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
    /// Nothing to compare.
    #[error("{path}: no vector file (a .json file with the key 'schema') is here or below")]
    None {
        /// The path asked for.
        path: PathBuf,
    },
}

/// Bytes of a file at most; the longest recorded one has a quarter of a million.
const MOST_BYTES: u64 = 64 << 20;
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
    /// All of it; why there is nothing otherwise.
    json: Result<Value, String>,
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
        let json = self.json.as_ref().map_err(String::clone)?;
        T::deserialize(json).map_err(|e| format!("the file is not of its schema: {e}"))
    }

    /// Why it is not run: it cannot be read, or one of its sizes is beyond what is run, as a slip
    /// of a file's author must not fill the memory.
    pub fn refused(&self) -> Option<String> {
        let json = match &self.json {
            Ok(json) => json,
            Err(reason) => return Some(reason.clone()),
        };
        let params = &json["params"];
        let size = |key: &str| params[key].as_u64().or(json[key].as_u64());
        let counts = [
            "n_neurons",
            "n_inputs",
            "n_ext",
            "n_pre",
            "n_post",
            "n_seeds",
            "n_samples",
            "n_axons",
            "n_compartments",
        ];
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
        let json = content(&file)?;
        let schema = match &json {
            // Lists of files and the like are no vectors.
            Ok(json) => match json.get("schema").and_then(Value::as_str) {
                Some(schema) => schema.to_owned(),
                None => continue,
            },
            Err(_) => "-".to_owned(),
        };
        let relative = file.strip_prefix(path).unwrap_or(&file);
        let name = if relative.as_os_str().is_empty() { &file } else { relative };
        vectors.push(Vector { file: name.to_owned(), schema, json });
    }
    if vectors.is_empty() {
        return Err(VectorError::None { path: path.to_owned() });
    }
    Ok(vectors)
}

/// The JSON of a file, or what is wrong with it.
///
/// Errors: the file cannot be read at all.
fn content(file: &Path) -> Result<Result<Value, String>, VectorError> {
    let fault = |source| VectorError::Read { path: file.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that a longer file is noticed, whatever it says of itself.
    let read = std::fs::File::open(file).map_err(fault)?.take(MOST_BYTES + 1);
    std::io::BufReader::new(read).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Ok(Err(format!("the file is longer than {MOST_BYTES} bytes, which is the limit")));
    }
    Ok(serde_json::from_slice(&bytes).map_err(|e| format!("the file is no JSON: {e}")))
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
