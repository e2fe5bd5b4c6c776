//! A folder for each thread, since models, parameters and vectors are read from folders.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// Gives a folder that holds every kernel of the shipped models; it outlives the call.
pub(crate) fn with<T>(use_it: impl FnOnce(&Path) -> T) -> T {
    FOLDER.with(|cell| {
        let folder = cell.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            for file in crate::seeds::model_files("kern") {
                let name = file.file_name().expect("a listed file has a name");
                std::fs::copy(&file, folder.path().join(name)).expect("a kernel can be copied");
            }
            folder
        });
        use_it(folder.path())
    })
}

/// Writes an input into the folder and gives its path.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the temporary folder can be written");
    path
}
