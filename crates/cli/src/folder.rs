//! Files of results: each appears complete or not at all.

use crate::exit::Fault;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes files into a folder, which is made if needed; a file of the same name is replaced.
pub fn write_all(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<(), Fault> {
    fs::create_dir_all(folder).map_err(|e| cannot(folder, &e))?;
    for (name, content) in files {
        let path = folder.join(name);
        write(folder, &path, content).map_err(|e| cannot(&path, &e))?;
    }
    Ok(())
}

fn write(folder: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; results are as readable as any other file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".result-").suffix(".part").tempfile_in(folder)?;
    file.write_all(content)?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

fn cannot(path: &Path, error: &io::Error) -> Fault {
    Fault::File(format!("cannot write {}: {error}", path.display()))
}

/// The folder for the results of a model where the caller names none.
///
/// A model's name is any text; letters that could lead elsewhere become dashes.
pub fn default_for(model: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    let name: String = model.chars().take(64).map(plain).collect();
    Path::new("trifactor-out").join(if name.is_empty() { "model" } else { &name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_model_cannot_lead_out_of_the_folder() {
        assert_eq!(default_for("omniglot"), Path::new("trifactor-out/omniglot"));
        assert_eq!(default_for("../../etc"), Path::new("trifactor-out/------etc"));
        assert_eq!(default_for(""), Path::new("trifactor-out/model"));
    }

    #[test]
    fn files_are_replaced_and_nothing_else_is_left() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("deep/er");
        for content in ["old", "new"] {
            let files = [("a.csv".to_owned(), content.as_bytes().to_vec())];
            assert!(write_all(&folder, &files).is_ok());
        }
        assert_eq!(fs::read_to_string(folder.join("a.csv")).ok().as_deref(), Some("new"));
        assert_eq!(fs::read_dir(&folder).map(Iterator::count).ok(), Some(1));
    }
}
