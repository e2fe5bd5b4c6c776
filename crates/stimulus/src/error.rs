//! What can be wrong with a data file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A data file that cannot be used, with its path, and where known the offset and the limit.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A folder, a device or a pipe.
    #[error("{path}: is not a regular file")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// The file, what it unpacks to, or what its header declares is too large.
    #[error("{path}: holds or declares more than the limit of {limit} bytes ({what})")]
    TooLarge {
        /// The file.
        path: String,
        /// What exceeds the limit.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The bytes are not what the format asks for.
    #[error("{path}: {fault} (byte {offset} of the unpacked content)")]
    Format {
        /// The file.
        path: String,
        /// What is wrong.
        fault: String,
        /// Where, in bytes from the start of the unpacked content.
        offset: u64,
    },
    /// The files are readable but do not fit each other or the model.
    #[error("{path}: {fault}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong.
        fault: String,
    },
}

impl DataError {
    pub(crate) fn format(path: &str, offset: u64, fault: impl Into<String>) -> Self {
        Self::Format { path: path.to_owned(), fault: fault.into(), offset }
    }
    pub(crate) fn content(path: &str, fault: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), fault: fault.into() }
    }
}

/// Opens a regular file that is not longer than the limit. Devices and pipes, which can block or
/// never end, are refused.
pub(crate) fn open_regular(path: &Path, limit: u64) -> Result<File, DataError> {
    let name = path.display().to_string();
    let io = |source| DataError::Io { path: name.clone(), source };
    let meta = std::fs::metadata(path).map_err(io)?;
    if !meta.is_file() {
        return Err(DataError::NotAFile { path: name });
    }
    if meta.len() > limit {
        return Err(DataError::TooLarge {
            path: name.clone(),
            what: format!("the file has {} bytes", meta.len()),
            limit,
        });
    }
    File::open(path).map_err(io)
}

/// The content of a regular file, at most `limit` bytes.
pub(crate) fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, DataError> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    // One byte more than allowed shows a file that grew after its length was looked up.
    open_regular(path, limit)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| DataError::Io { path: name.clone(), source })?;
    if bytes.len() as u64 > limit {
        return Err(DataError::TooLarge { path: name, what: "the file grew".to_owned(), limit });
    }
    Ok(bytes)
}
