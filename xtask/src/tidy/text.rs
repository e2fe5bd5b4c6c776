//! How long files are and what they must not say.

use super::{Finding, Source};

/// Most lines of a Rust file. Beyond this a file holds more than one concern.
const MAX_LINES: usize = 800;

/// Words that must not stand anywhere, and why. Written in halves, so that this table does not
/// find itself. A word written in small letters is found in any case.
const FORBIDDEN: [(&str, &str, &str); 13] = [
    ("TO", "DO", "do it, or say in the documents what is not done"),
    ("FIX", "ME", "fix it, or say in the documents what is wrong"),
    ("XX", "X", "say what is meant"),
    ("st", "ub", "unfinished code is not committed"),
    ("place", "holder", "unfinished code is not committed"),
    ("for ", "now", "unfinished code is not committed"),
    ("unimple", "mented!", "unfinished code is not committed"),
    ("clau", "de", "texts do not speak of tools"),
    ("chat", "gpt", "texts do not speak of tools"),
    ("/wo", "rk/", "texts name no machine's folders"),
    ("/tm", "p/", "texts name no machine's folders"),
    ("/ro", "ot/", "texts name no machine's folders"),
    ("/ho", "me/", "texts name no machine's folders"),
];

/// File names that say nothing about what is inside.
const CATCH_ALL: [&str; 4] = ["utils", "util", "helpers", "misc"];

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(|s| too_long(s).into_iter().chain(named(s)).chain(said(s))).collect()
}

fn too_long(source: &Source) -> Option<Finding> {
    let n = source.text.lines().count();
    (source.has_extension("rs") && n > MAX_LINES).then(|| {
        Finding::file(&source.path, format!("{n} lines; split files of more than {MAX_LINES}"))
    })
}

fn named(source: &Source) -> Option<Finding> {
    let parts = source.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let word = parts.into_iter().find(|part| CATCH_ALL.contains(part))?;
    Some(Finding::file(&source.path, format!("'{word}' names nothing; put it with its type")))
}

fn said(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (n, line) in (1..).zip(source.text.lines()) {
        for (head, tail, why) in FORBIDDEN {
            let word = format!("{head}{tail}");
            if contains_word(line, &word) {
                findings.push(Finding::line(&source.path, n, format!("'{word}': {why}")));
            }
        }
    }
    findings
}

/// Whether a line contains `word` as a word of its own. A capital letter in `word` asks for
/// exactly these letters.
fn contains_word(line: &str, word: &str) -> bool {
    let any_case = !word.bytes().any(|b| b.is_ascii_uppercase());
    let line = if any_case { line.to_ascii_lowercase() } else { line.to_owned() };
    let is_letter = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    line.match_indices(word).any(|(at, _)| {
        let bytes = line.as_bytes();
        let before = at.checked_sub(1).and_then(|i| bytes.get(i).copied());
        let after = bytes.get(at + word.len()).copied();
        let starts = !is_letter(word.bytes().next()) || !is_letter(before);
        // A path continues after its last slash, a word does not.
        let ends = !is_letter(word.bytes().last()) || !is_letter(after);
        starts && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: String) -> Source {
        Source { path: path.to_owned(), text }
    }

    #[test]
    fn a_rust_file_of_more_than_800_lines_is_named_and_a_manual_is_not() {
        let long = "line\n".repeat(801);
        assert_eq!(check(&[source("a.rs", long.clone())]).len(), 1);
        assert_eq!(check(&[source("a.md", long)]).len(), 0);
        assert_eq!(check(&[source("a.rs", "line\n".repeat(800))]).len(), 0);
    }

    #[test]
    fn every_forbidden_word_is_found_at_its_line() {
        for (head, tail, _) in FORBIDDEN {
            let found = check(&[source("a.md", format!("fine\nsee {head}{tail} here\n"))]);
            assert_eq!(found.len(), 1, "{head}{tail}");
            assert_eq!(found[0].line, Some(2));
        }
    }

    #[test]
    fn letters_inside_another_word_or_in_small_type_are_not_found() {
        let text = "stubborn, clippy::todo, before nowhere, homework/a, tmp, rooted, xxx";
        assert_eq!(check(&[source("a.md", text.to_owned())]), []);
    }

    #[test]
    fn a_catch_all_module_is_named() {
        let found = check(&[source("crates/a/src/utils/mod.rs", String::new())]);
        assert_eq!(found[0].what, "'utils' names nothing; put it with its type");
    }
}
