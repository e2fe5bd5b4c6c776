//! That every statement of the semantics has a test, and that no test cites one that is not there.
//!
//! A statement begins with its number in bold (`**S25**`). A test covers the statements with
//! which its doc comment begins (`/// S25: ...` or `/// S10, S14: ...`); elsewhere in test code a
//! number in a comment is a reference, which has to lead somewhere.

use super::{Finding, Source};
use std::collections::{BTreeMap, BTreeSet};

const SEMANTICS: &str = "docs/semantics.md";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let Some(semantics) = sources.iter().find(|s| s.path == SEMANTICS) else {
        return vec![Finding::file(SEMANTICS, "does not exist".to_owned())];
    };
    let mut findings = Vec::new();
    let mut stated: BTreeMap<u32, usize> = BTreeMap::new();
    for (n, number) in statements(&semantics.text) {
        if stated.insert(number, n).is_some() {
            let what = format!("S{number} is stated twice");
            findings.push(Finding::line(SEMANTICS, n, what));
        }
    }
    let mut covered: BTreeSet<u32> = BTreeSet::new();
    for source in sources.iter().filter(|s| s.has_extension("rs")) {
        for (n, line) in test_lines(source) {
            covered.extend(covers(line));
            let Some((_, comment)) = line.split_once("//") else { continue };
            for number in cited(comment).into_iter().filter(|n| !stated.contains_key(n)) {
                let what = format!("S{number} is no statement of {SEMANTICS}");
                findings.push(Finding::line(&source.path, n, what));
            }
        }
    }
    for (number, n) in stated.iter().filter(|(number, _)| !covered.contains(number)) {
        let what = format!("S{number} has no test whose doc comment begins with it");
        findings.push(Finding::line(SEMANTICS, *n, what));
    }
    findings
}

/// Numbers in bold with their lines.
fn statements(text: &str) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    for (n, line) in (1..).zip(text.lines()) {
        for part in line.split("**").skip(1).step_by(2) {
            found.extend(part.strip_prefix('S').and_then(|d| d.parse().ok()).map(|s| (n, s)));
        }
    }
    found
}

/// The lines of a file that are test code: all of a test's file, else what follows the first
/// `#[cfg(test)]` that opens a module.
fn test_lines(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let path = source.path.as_str();
    let whole = path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs");
    let from = if whole { Some(0) } else { source.text.find("#[cfg(test)]\nmod tests {") };
    let skipped = from.map_or(usize::MAX, |at| source.text[..at].lines().count());
    (1..).zip(source.text.lines()).skip(skipped)
}

/// The statements with which a doc comment begins.
fn covers(line: &str) -> Vec<u32> {
    let comment = line.trim_start().strip_prefix("/// ");
    let list = comment.and_then(|text| text.split_once(": "));
    let numbers = list.map(|(list, _)| list.split(", ").map(number).collect::<Option<Vec<u32>>>());
    numbers.flatten().unwrap_or_default()
}

/// All statements that a text names.
fn cited(text: &str) -> Vec<u32> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter_map(number).collect()
}

/// `25` of `S25`. Statements have at most two digits; `S128` is somebody's format.
fn number(word: &str) -> Option<u32> {
    let digits = word.strip_prefix('S')?;
    let legal = matches!(digits.len(), 1 | 2) && digits.bytes().all(|b| b.is_ascii_digit());
    if legal { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        let sources: Vec<Source> = files.iter().map(source).collect();
        check(&sources).iter().map(ToString::to_string).collect()
    }

    const TWO: (&str, &str) = (SEMANTICS, "# Time\n- **S1** Steps.\n- **S40** Reads (see S1).\n");

    #[test]
    fn a_statement_is_covered_by_a_doc_comment_that_begins_with_it() {
        let test = "/// S1: one.\n#[test]\nfn a() {}\n/// S40, S1: both.\n#[test]\nfn b() {}\n";
        assert_eq!(findings(&[TWO, ("tests/tests/a.rs", test)]), [""; 0]);
        let unit =
            "/// S1: no test.\nfn a() {}\n#[cfg(test)]\nmod tests {\n    /// S40: a test.\n}\n";
        assert_eq!(
            findings(&[TWO, ("crates/emu/src/core.rs", unit)]),
            ["docs/semantics.md:2: S1 has no test whose doc comment begins with it"]
        );
        let aside = "// S1: not of a test.\n/// What S40 says: nothing.\n";
        assert_eq!(findings(&[TWO, ("crates/emu/tests/a.rs", aside)]).len(), 2);
    }

    #[test]
    fn a_test_cites_statements_that_exist() {
        let shipped = ("crates/emu/src/core.rs", "// S2 is not looked at here\n/// S1: nor this\n");
        let test = "/// S1: one.\n/// S40: two.\nfn a() {} // see S41, not S400, S1x or XS9\n";
        assert_eq!(
            findings(&[TWO, shipped, ("tests/tests/a.rs", test)]),
            ["tests/tests/a.rs:3: S41 is no statement of docs/semantics.md"]
        );
    }

    #[test]
    fn a_statement_is_made_once() {
        let twice = (SEMANTICS, "- **S1** Steps.\n- **S1** Again.\n");
        let found = findings(&[twice, ("tests/a.rs", "/// S1: one.\n")]);
        assert_eq!(found, ["docs/semantics.md:2: S1 is stated twice"]);
    }
}
