//! That every diagnostic code has a page, and every page a code that is in use.

use super::{Finding, Source};
use std::collections::BTreeMap;

/// Files whose codes are pages.
const PAGES: &str = "crates/diag/src/pages";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut pages: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut used: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut findings = Vec::new();
    let rust = sources.iter().filter(|s| s.has_extension("rs"));
    for source in rust.filter(|s| s.path.starts_with("crates/")) {
        let path = source.path.as_str();
        if path.starts_with(PAGES) {
            let keys = |line: &str, at: usize| line[..at].trim_end().ends_with("code:");
            for (n, code) in codes(&source.text, keys) {
                if pages.insert(code, (path, n)).is_some() {
                    findings.push(Finding::line(path, n, format!("{code} has two pages")));
                }
            }
        } else if is_shipped(path) {
            for (n, code) in codes(shipped(&source.text), |_, _| true) {
                used.entry(code).or_insert((path, n));
            }
        }
    }
    for (code, (path, n)) in &used {
        if !pages.contains_key(code) {
            findings.push(Finding::line(path, *n, format!("{code} has no page in {PAGES}.rs")));
        }
    }
    for (code, (path, n)) in &pages {
        if !used.contains_key(code) {
            findings.push(Finding::line(path, *n, format!("{code} has a page and is never used")));
        }
    }
    findings
}

/// Whether a file is compiled into a library or program rather than into tests.
fn is_shipped(path: &str) -> bool {
    let in_src = path.split('/').nth(2) == Some("src");
    in_src
        && !path.ends_with("/tests.rs")
        && !path.contains("/tests/")
        && !path.ends_with("_tests.rs")
}

/// A text up to its unit tests, which stand last.
fn shipped(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

/// String literals that are codes, outside comments, where `wanted(line, position)` holds.
fn codes(text: &str, wanted: impl Fn(&str, usize) -> bool) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (n, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for (at, _) in line.match_indices('"') {
            let Some(code) = line.get(at + 1..at + 5) else { continue };
            if line.as_bytes().get(at + 5) == Some(&b'"') && is_code(code) && wanted(line, at) {
                found.push((n, code));
            }
        }
    }
    found
}

/// A capital letter and three digits.
fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 4 && bytes[0].is_ascii_uppercase() && bytes[1..].iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    fn messages(sources: &[Source]) -> Vec<String> {
        check(sources).iter().map(ToString::to_string).collect()
    }

    const PAGE: &str =
        "    Page {\n        code: \"Q001\",\n        text: \"see \\\"Q009\\\"\" },\n";

    #[test]
    fn a_code_with_its_page_is_fine() {
        let user = "// \"Q777\" is an example\nDiagnostic::error(\"Q001\", text)\n";
        let sources =
            [source("crates/diag/src/pages.rs", PAGE), source("crates/quant/src/plan.rs", user)];
        assert_eq!(messages(&sources), Vec::<String>::new());
    }

    #[test]
    fn a_code_without_a_page_and_a_page_without_a_code_are_named() {
        let user = "let a = 1;\nfault(\"C002\", a)\n";
        let sources =
            [source("crates/diag/src/pages.rs", PAGE), source("crates/compile/src/a.rs", user)];
        assert_eq!(
            messages(&sources),
            [
                "crates/compile/src/a.rs:2: C002 has no page in crates/diag/src/pages.rs",
                "crates/diag/src/pages.rs:2: Q001 has a page and is never used",
            ]
        );
    }

    #[test]
    fn a_code_that_only_tests_mention_is_not_in_use() {
        let user = "fn a() {}\n#[cfg(test)]\nmod tests {\n    const A: &str = \"Q001\";\n}\n";
        let sources = [
            source("crates/diag/src/pages.rs", PAGE),
            source("crates/quant/src/plan.rs", user),
            source("crates/quant/tests/all.rs", "\"Q001\""),
            source("crates/quant/src/text/tests/errors.rs", "\"Q001\""),
        ];
        assert_eq!(messages(&sources).len(), 1);
    }

    #[test]
    fn two_pages_of_one_code_are_named() {
        let sources = [
            source("crates/diag/src/pages/a.rs", PAGE),
            source("crates/diag/src/pages/b.rs", PAGE),
            source("crates/quant/src/plan.rs", "\"Q001\""),
        ];
        assert_eq!(messages(&sources), ["crates/diag/src/pages/b.rs:2: Q001 has two pages"]);
    }
}
