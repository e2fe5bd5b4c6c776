//! `cargo xtask tidy`: the rules of the house that a machine can check.
//!
//! One file per rule, each a function from the repository to [`Finding`]s. The test below runs
//! them all, so a change that breaks a rule fails the tests and not only a review.

mod codes;
mod crates;
mod lints;
mod paths;
mod statements;
mod text;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Arguments of `cargo xtask tidy`.
#[derive(clap::Args)]
pub struct Cmd {}

/// Why the repository is not tidy, or could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum TidyError {
    /// A file or folder could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `cargo metadata` failed or printed something else than its documented format.
    #[error("cargo metadata: {0}")]
    Metadata(String),
    /// Rules are broken.
    #[error("{} broken rules:\n{}", .0.len(), list(.0))]
    Untidy(Vec<Finding>),
}

fn list(findings: &[Finding]) -> String {
    let lines: Vec<String> = findings.iter().map(|f| format!("  {f}")).collect();
    lines.join("\n")
}

/// A broken rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// File, relative to the root.
    file: String,
    /// Line from 1, where there is one.
    line: Option<usize>,
    /// The rule and what breaks it.
    what: String,
}

impl Finding {
    fn file(file: &str, what: String) -> Self {
        Self { file: file.to_owned(), line: None, what }
    }
    fn line(file: &str, line: usize, what: String) -> Self {
        Self { file: file.to_owned(), line: Some(line), what }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

impl Cmd {
    /// Checks every rule below `root`.
    pub fn run(&self, root: &Path) -> Result<(), TidyError> {
        let sources = sources(root)?;
        let mut findings = crates::check(root, &sources)?;
        findings.extend(lints::check(&sources));
        findings.extend(text::check(&sources));
        findings.extend(paths::check(root, &sources));
        findings.extend(codes::check(&sources));
        findings.extend(statements::check(&sources));
        if findings.is_empty() { Ok(()) } else { Err(TidyError::Untidy(findings)) }
    }
}

/// A text file of the repository.
struct Source {
    /// Path relative to the root, with `/` on every system.
    path: String,
    /// Content.
    text: String,
}

impl Source {
    fn has_extension(&self, wanted: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|e| e == wanted)
    }
}

/// Kinds of file that people write by hand.
const EXTENSIONS: [&str; 12] =
    ["rs", "md", "toml", "ron", "kern", "uasm", "yml", "yaml", "sh", "sv", "svh", "cpp"];
/// Folders that hold what tools made.
const SKIPPED: [&str; 4] = ["target", "corpus", "artifacts", "trifactor-out"];

/// All texts below the root in path order, without what version control ignores.
fn sources(root: &Path) -> Result<Vec<Source>, TidyError> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let io = |source| TidyError::Io { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let path = entry.path();
            let kind = entry.file_type().map_err(io)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if kind.is_dir() {
                if !SKIPPED.contains(&&*name) && name != ".git" {
                    folders.push(path);
                }
            } else if kind.is_file()
                && path.extension().is_some_and(|e| EXTENSIONS.iter().any(|x| e == *x))
            {
                let text = fs::read_to_string(&path)
                    .map_err(|source| TidyError::Io { path: path.clone(), source })?;
                found.push(Source { path: relative(root, &path), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = inside.iter().map(|p| p.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_keeps_every_rule() {
        if let Err(e) = (Cmd {}).run(&crate::root()) {
            panic!("{e}");
        }
    }

    #[test]
    fn every_kind_of_source_is_looked_at_and_nothing_that_tools_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "x").expect("a file");
        };
        for name in ["a/b.rs", "c.md", "target/d.rs", ".ci/e.yml", "f.png"] {
            write(name);
        }
        let found = sources(folder.path()).expect("readable");
        let names: Vec<&str> = found.iter().map(|s| s.path.as_str()).collect();
        assert_eq!(names, [".ci/e.yml", "a/b.rs", "c.md"]);
    }
}
