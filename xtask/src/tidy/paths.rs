//! That paths named in the first documents a reader sees exist.
//!
//! A path is a word with a slash inside code (`` `like/this` ``, fenced blocks, link targets)
//! that either begins with an entry of the root or ends like a source file. What commands write
//! is exempt.

use super::{Finding, Source};
use std::collections::BTreeSet;
use std::path::Path;

const DOCUMENTS: [&str; 2] = ["ARCHITECTURE.md", "README.md"];
/// Folders that exist only after a command has run.
const WRITTEN: [&str; 2] = ["target", "trifactor-out"];
/// Endings that only files of this repository have in these documents.
const ENDINGS: [&str; 5] = [".rs", ".ron", ".md", ".kern", ".toml"];

pub(super) fn check(root: &Path, sources: &[Source]) -> Vec<Finding> {
    let top: BTreeSet<String> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|s| DOCUMENTS.contains(&s.path.as_str())) {
        for (line, path) in named(&source.text, &top) {
            // The part before a pattern must exist; what the pattern matches is the reader's.
            let fixed = path.split('*').next().unwrap_or_default();
            let fixed = if fixed.len() == path.len() {
                fixed
            } else {
                fixed.rsplit_once('/').map_or("", |(folder, _)| folder)
            };
            if !root.join(fixed).exists() {
                findings.push(Finding::line(
                    &source.path,
                    line,
                    format!("'{path}' does not exist"),
                ));
            }
        }
    }
    findings
}

/// Paths of a text with their lines.
fn named(text: &str, top: &BTreeSet<String>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (n, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let pieces = if fenced { vec![line] } else { code_and_links(line) };
        let words = pieces.iter().flat_map(|p| p.split(is_separator));
        let words = words.map(|w| w.trim_end_matches(['.', ',', ':', ';']));
        found.extend(words.filter(|w| is_path(w, top)).map(|w| (n, w.to_owned())));
    }
    found
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"' | '\'' | '=' | '#' | '<' | '>' | '|')
}

/// The parts of a line between backquotes and the targets of its links.
fn code_and_links(line: &str) -> Vec<&str> {
    let mut pieces: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
    pieces.extend(line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(p, _)| p));
    pieces
}

fn is_path(word: &str, top: &BTreeSet<String>) -> bool {
    let Some((first, _)) = word.split_once('/') else { return false };
    let legal = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./*".contains(c));
    if !legal || first.is_empty() || word.contains("//") || WRITTEN.contains(&first) {
        return false;
    }
    top.contains(first) || ENDINGS.iter().any(|e| word.ends_with(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let top = BTreeSet::from(["crates".to_owned(), "docs".to_owned()]);
        named(text, &top).into_iter().map(|(_, p)| p).collect()
    }

    #[test]
    fn paths_in_code_in_links_and_in_fences_are_found() {
        assert_eq!(names("see `crates/ir/src` and `pass.rs`"), ["crates/ir/src"]);
        assert_eq!(names("the [page](docs/a.md#part)"), ["docs/a.md"]);
        assert_eq!(names("```sh\ntrifactor check docs/demo --chip x\n```"), ["docs/demo"]);
    }

    #[test]
    fn a_renamed_folder_is_still_recognised_by_its_file() {
        assert_eq!(names("`crate/ir/lib.rs`"), ["crate/ir/lib.rs"]);
    }

    #[test]
    fn ratios_addresses_and_outputs_are_no_paths() {
        assert_eq!(
            names("`u/v` and `https://a.b/c.rs`, crates/outside code"),
            Vec::<String>::new()
        );
        assert_eq!(names("`target/release/trifactor`"), Vec::<String>::new());
    }

    #[test]
    fn a_path_that_does_not_exist_is_named_with_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("docs/isa")).expect("a folder");
        let text = "# Title\n`docs/isa/*.md` `docs/isa` `docs/gone.md`\n".to_owned();
        let source = Source { path: "README.md".to_owned(), text };
        let found = check(folder.path(), &[source]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "README.md:2: 'docs/gone.md' does not exist");
    }
}
