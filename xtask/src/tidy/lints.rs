//! That every manifest takes the lints of the workspace, which forbid `unsafe`; one crate may not.

use super::{Finding, Source};

/// The crate in which `unsafe` may stand, and so has lints of its own.
const UNSAFE: &str = "crates/jit/Cargo.toml";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    // The manifest of the root is the one that says what the lints are.
    let manifests = sources.iter().filter(|s| s.path.ends_with("/Cargo.toml") && s.path != UNSAFE);
    let loose = manifests.filter(|s| !takes_lints(&s.text));
    let what = || format!("needs `[lints]` with `workspace = true`; only {UNSAFE} may do without");
    loose.map(|s| Finding::file(&s.path, what())).collect()
}

fn takes_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.find(|line| !line.is_empty()) == Some("workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&[Source { path: path.to_owned(), text: text.to_owned() }]).len()
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
    }
}
