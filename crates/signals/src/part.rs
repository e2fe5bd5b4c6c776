//! Files that appear complete or not at all.

use crate::error::SignalError;
use std::fs;
use std::io::{self, BufWriter};
use std::path::Path;
use tempfile::NamedTempFile;

/// A file that grows beside its later name; one that is dropped leaves nothing.
pub(crate) type Part = BufWriter<NamedTempFile>;

/// Begins a file; folders that are missing are made.
pub(crate) fn begin(path: &Path) -> Result<Part, SignalError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if path.is_dir() {
        let taken = io::Error::other("it is a folder");
        return Err(cannot(path, taken));
    }
    fs::create_dir_all(folder).map_err(|e| cannot(folder, e))?;
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; results are as readable as any other file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.prefix(".result-").suffix(".part").tempfile_in(folder);
    Ok(BufWriter::new(file.map_err(|e| cannot(path, e))?))
}

/// Gives a file its name; one that has it is replaced.
pub(crate) fn finish(part: Part, path: &Path) -> Result<(), SignalError> {
    let file = part.into_inner().map_err(|e| cannot(path, e.into_error()))?;
    file.persist(path).map_err(|e| cannot(path, e.error))?;
    Ok(())
}

pub(crate) fn cannot(path: &Path, source: io::Error) -> SignalError {
    SignalError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_appears_when_it_is_finished_and_a_dropped_one_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("deep/run.csv");
        let mut part = begin(&path).unwrap();
        part.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(part);
        assert_eq!(fs::read_dir(place.path().join("deep")).unwrap().count(), 0);
        let mut part = begin(&path).unwrap();
        part.write_all(b"whole").unwrap();
        finish(part, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert!(begin(place.path()).unwrap_err().to_string().contains("is a folder"));
    }
}
