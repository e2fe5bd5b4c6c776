//! That every manifest takes the lints of the workspace, which forbid `unsafe`; one crate may not,
//! and repeats all others. A workspace of its own, which nothing ships, is not asked.

use super::{Finding, Source};

/// The crate in which `unsafe` may stand, and so has lints of its own.
const UNSAFE: &str = "crates/jit/Cargo.toml";
/// The lint it does without.
const LEFT_OUT: &str = "unsafe_code = \"forbid\"";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    // The manifest of the root is the one that says what the lints are.
    let asked = |s: &&Source| {
        s.path.ends_with("/Cargo.toml")
            && s.path != UNSAFE
            && !s.text.lines().any(|line| line.trim() == "[workspace]")
    };
    let manifests = sources.iter().filter(asked);
    let loose = manifests.filter(|s| !takes_lints(&s.text));
    let what = || format!("needs `[lints]` with `workspace = true`; only {UNSAFE} may do without");
    let mut findings: Vec<Finding> = loose.map(|s| Finding::file(&s.path, what())).collect();
    let text = |path| sources.iter().find(|s| s.path == path).map(|s| s.text.as_str());
    if let (Some(root), Some(own)) = (text("Cargo.toml"), text(UNSAFE)) {
        for tool in ["rust", "clippy"] {
            let own = section(own, &format!("[lints.{tool}]"));
            let missing = section(root, &format!("[workspace.lints.{tool}]"))
                .into_iter()
                .filter(|line| *line != LEFT_OUT && !own.contains(line));
            let what = |line| format!("lacks the workspace's lint `{line}` under [lints.{tool}]");
            findings.extend(missing.map(|line| Finding::file(UNSAFE, what(line))));
        }
    }
    findings
}

fn takes_lints(manifest: &str) -> bool {
    section(manifest, "[lints]").first() == Some(&"workspace = true")
}

/// The lines of a section, without empty ones and comments.
fn section<'a>(manifest: &'a str, head: &str) -> Vec<&'a str> {
    let lines = manifest.lines().map(str::trim).skip_while(|line| *line != head).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    fn findings(path: &str, text: &str) -> usize {
        check(&[source(path, text)]).len()
    }

    #[test]
    fn a_manifest_without_the_lints_of_the_workspace_is_named() {
        let sound = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";
        let own = "[package]\nname = \"a\"\n\n[lints.rust]\nunsafe_code = \"allow\"\n";
        assert_eq!(findings("crates/a/Cargo.toml", sound), 0);
        assert_eq!(findings("crates/a/Cargo.toml", own), 1);
        assert_eq!(findings("tests/Cargo.toml", own), 1);
        assert_eq!(findings("crates/jit/Cargo.toml", own), 0);
        assert_eq!(findings("Cargo.toml", "[workspace]\n"), 0);
        assert_eq!(findings("tests/fuzz/guided/Cargo.toml", "[package]\n\n[workspace]\n"), 0);
    }

    #[test]
    fn the_crate_with_lints_of_its_own_lacks_none_but_one() {
        let root = source(
            "Cargo.toml",
            "[workspace.lints.rust]\nunsafe_code = \"forbid\"\nmissing_docs = \"warn\"\n\n\
             [workspace.lints.clippy]\ntodo = \"warn\"\n",
        );
        let sound = "[lints.rust]\nmissing_docs = \"warn\"\n[lints.clippy]\ntodo = \"warn\"\n";
        assert!(check(&[root, source(UNSAFE, sound)]).is_empty());
        let root =
            source("Cargo.toml", "[workspace.lints.clippy]\ntodo = \"warn\"\ndbg = \"warn\"\n");
        let found =
            check(&[root, source(UNSAFE, "[lints.clippy]\n# dbg = \"warn\"\ntodo = \"warn\"\n")]);
        assert_eq!(found.len(), 1);
    }
}
