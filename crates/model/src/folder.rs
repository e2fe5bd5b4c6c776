//! Files of a model folder. Nothing outside it is ever opened.

use crate::report::Report;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use trifactor_stimulus::{DEFAULT_LIMIT, NpyArray, read_npy};

/// Largest `.kern` file.
const MAX_TEXT: u64 = 1 << 20;

/// A model folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
    /// The path of a file named in the model; absolute paths and `..` are refused (M019).
    pub(crate) fn path(&self, name: &str, key: &str, report: &mut Report) -> Option<PathBuf> {
        let path = Path::new(name);
        let plain =
            path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        if !plain || path.file_name().is_none() {
            report.error_hint(
                "M019",
                key,
                format!("'{name}' is not a path inside the model's folder"),
                "copy the file into the folder and write its path from there, without '..'",
            );
            return None;
        }
        Some(self.root.join(path))
    }
    pub(crate) fn text(&self, name: &str, key: &str, report: &mut Report) -> Option<String> {
        let path = self.path(name, key, report)?;
        match read_text(&path, MAX_TEXT) {
            Ok(text) => Some(text),
            Err(fault) => {
                report.error("M001", key, format!("{name}: {fault}"));
                None
            }
        }
    }
    pub(crate) fn npy(&self, name: &str, key: &str, report: &mut Report) -> Option<NpyArray> {
        let path = self.path(name, key, report)?;
        match read_npy(&path, DEFAULT_LIMIT) {
            Ok(array) => Some(array),
            Err(error) => {
                report.error_hint(
                    "M018",
                    key,
                    error.to_string(),
                    "save it with numpy.save as floats or integers",
                );
                None
            }
        }
    }
}

/// The content of a regular file of at most `limit` bytes, or what is wrong with it.
pub(crate) fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if !meta.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|f| f.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|e| e.to_string())?;
    if bytes.len() as u64 > limit {
        return Err(format!("holds more than {limit} bytes"));
    }
    Ok(bytes)
}

/// The text of a regular file of at most `limit` bytes in UTF-8, or what is wrong with it. The
/// file is looked at before it is opened: opening a pipe would wait for a writer.
pub fn read_text(path: &Path, limit: u64) -> Result<String, String> {
    String::from_utf8(read_bytes(path, limit)?)
        .map_err(|e| format!("is not text: byte {} is not UTF-8", e.utf8_error().valid_up_to()))
}
