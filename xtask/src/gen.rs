//! `cargo xtask gen`: everything that follows from `isa/ucode.ron`.
//!
//! Works from the table alone and not from the crate it generates, so a table can always be
//! regenerated even while that crate does not compile. The files are committed; `--check` (and
//! the test below) compare them with what the table gives now.

mod manual;
mod rtl;
mod rust;
mod table;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use table::Table;

/// Arguments of `cargo xtask gen`.
#[derive(clap::Args)]
pub struct Cmd {
    /// Write nothing; fail and name the files that differ from what the table gives.
    #[arg(long)]
    check: bool,
}

/// Why generation stopped.
#[derive(Debug, thiserror::Error)]
pub enum GenError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The table is not RON of the expected shape.
    #[error("{path}:{message}")]
    Syntax {
        /// The table.
        path: PathBuf,
        /// Position and cause.
        message: String,
    },
    /// The table contradicts itself.
    #[error("{path}: {message}")]
    Table {
        /// The table.
        path: PathBuf,
        /// The rule that is broken and by what.
        message: String,
    },
    /// `--check` found differences.
    #[error("stale generated files (run `cargo xtask gen`):\n  {}", .0.join("\n  "))]
    Stale(Vec<String>),
}

/// A file to be written: path relative to the repository's root, and its text.
struct Output {
    path: &'static str,
    text: String,
}

impl Cmd {
    /// Writes or checks all generated files below `root`.
    pub fn run(&self, root: &Path) -> Result<(), GenError> {
        let outputs = outputs(root)?;
        if self.check { check(root, &outputs) } else { write(root, &outputs) }
    }
}

fn outputs(root: &Path) -> Result<Vec<Output>, GenError> {
    let path = root.join("isa/ucode.ron");
    let text =
        fs::read_to_string(&path).map_err(|source| GenError::Io { path: path.clone(), source })?;
    let table: Table = ron::from_str(&text)
        .map_err(|e| GenError::Syntax { path: path.clone(), message: e.to_string() })?;
    table.check().map_err(|message| GenError::Table { path, message })?;
    let dir = |name, text| Output { path: name, text };
    Ok(vec![
        dir("crates/isa/src/generated/mod.rs", rust::root()),
        dir("crates/isa/src/generated/operands.rs", rust::operands(&table)),
        dir("crates/isa/src/generated/opcode.rs", rust::opcode(&table)),
        dir("crates/isa/src/generated/formats.rs", rust::formats(&table)),
        dir("crates/isa/src/generated/inst.rs", rust::inst(&table)),
        dir("crates/isa/src/generated/execute.rs", rust::execute(&table)),
        dir("isa/rtl/generated/ucode.svh", rtl::header(&table)),
        dir("docs/isa/instructions.md", manual::manual(&table)),
    ])
}

fn write(root: &Path, outputs: &[Output]) -> Result<(), GenError> {
    for Output { path, text } in outputs {
        let path = root.join(path);
        // An untouched file keeps its time stamp, so a run without changes rebuilds nothing.
        if fs::read_to_string(&path).is_ok_and(|old| old == *text) {
            continue;
        }
        let parent = path.parent().expect("internal: a generated file has a folder");
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|source| GenError::Io { path: path.clone(), source })?;
    }
    Ok(())
}

fn check(root: &Path, outputs: &[Output]) -> Result<(), GenError> {
    let stale: Vec<String> = outputs
        .iter()
        .filter(|o| !fs::read_to_string(root.join(o.path)).is_ok_and(|old| old == o.text))
        .map(|o| o.path.to_string())
        .collect();
    if stale.is_empty() { Ok(()) } else { Err(GenError::Stale(stale)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_are_what_the_table_gives() {
        if let Err(e) = (Cmd { check: true }).run(&crate::root()) {
            panic!("{e}");
        }
    }

    #[test]
    fn a_file_that_differs_by_one_letter_is_named() {
        let mut outputs = outputs(&crate::root()).expect("the table is sound");
        outputs[2].text.push('x');
        match check(&crate::root(), &outputs) {
            Err(GenError::Stale(files)) => assert_eq!(files, [outputs[2].path]),
            other => panic!("expected one stale file, got {other:?}"),
        }
    }
}
