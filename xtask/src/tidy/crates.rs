//! Which crate may use which.
//!
//! The table stands in `ARCHITECTURE.md`: the first one whose header begins `| crate | may use |`,
//! names in backquotes and without the workspace's prefix; `all above` is every row before. What
//! a crate uses directly must be in its row. Besides, some crates must never reach some others,
//! however many crates lie between ([`NEVER`]): a change of the table alone cannot allow that.
//! Dependencies of tests are free, or the chain of equalities could not be tested.

use super::{Finding, Source, TidyError};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const PREFIX: &str = "trifactor-";
const TABLE_FILE: &str = "ARCHITECTURE.md";

/// Crates, what they never reach, and why.
const NEVER: [(&str, &[&str], &str); 6] = [
    ("ir", &["isa", "fixed"], "a program knows no chip and no number format"),
    ("model", &["isa", "quant", "image", "compile"], "a model is resolved without a chip"),
    ("image", &["ir", "quant", "model"], "an image knows no kernels"),
    ("reference", &["image", "compile", "emu", "model"], "the other half of every comparison"),
    ("compile", &["emu", "reference", "model"], "compiler and emulator meet in the image alone"),
    ("emu", &["ir", "quant", "compile", "model"], "it would inherit the compiler's mistakes"),
];
/// For tests only: no crate that ships may use it.
const TESTKIT: &str = "testkit";

/// A row of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    line: usize,
    may_use: BTreeSet<String>,
}

/// Crates below `crates/` and the crates of the workspace that each uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

pub(super) fn check(root: &Path, sources: &[Source]) -> Result<Vec<Finding>, TidyError> {
    let table = sources.iter().find(|s| s.path == TABLE_FILE);
    let rows = table.map(|s| rows(&s.text)).unwrap_or_default();
    if rows.is_empty() {
        let what = "has no table that begins `| crate | may use |`".to_owned();
        return Ok(vec![Finding::file(TABLE_FILE, what)]);
    }
    let uses = uses(&metadata(root)?)?;
    let mut findings = compare(&rows, &uses);
    findings.extend(never(&uses));
    Ok(findings)
}

/// The rows of the first table with the right header.
fn rows(text: &str) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    let mut inside = false;
    for (n, line) in (1..).zip(text.lines()) {
        let cells: Vec<&str> = match line.trim().strip_prefix('|').and_then(|l| l.strip_suffix('|'))
        {
            Some(inner) => inner.split('|').map(str::trim).collect(),
            None => {
                inside = false;
                continue;
            }
        };
        match cells[..] {
            ["crate", "may use", ..] => inside = rows.is_empty(),
            [name, ..] if inside && name.starts_with("---") => {}
            [name, list, ..] if inside => {
                let may_use = match list {
                    "all above" => rows.keys().cloned().collect(),
                    list => quoted(list),
                };
                let named = quoted(name).into_iter();
                rows.extend(named.map(|name| (name, Row { line: n, may_use: may_use.clone() })));
            }
            _ => {}
        }
    }
    rows
}

/// The names in a cell: what stands between backquotes.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(bare).collect()
}

fn bare(name: &str) -> String {
    name.strip_prefix(PREFIX).unwrap_or(name).to_owned()
}

fn compare(rows: &BTreeMap<String, Row>, uses: &Uses) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut finding = |row: &Row, what| findings.push(Finding::line(TABLE_FILE, row.line, what));
    for (name, row) in rows {
        if !uses.contains_key(name) {
            finding(row, format!("there is no crate '{name}'"));
        }
        for other in row.may_use.iter().filter(|other| !uses.contains_key(*other)) {
            finding(row, format!("'{name}': there is no crate '{other}'"));
        }
        for other in uses.get(name).into_iter().flatten() {
            if !row.may_use.contains(other) {
                finding(row, format!("'{name}' uses '{other}', which its row does not allow"));
            }
        }
    }
    for name in uses.keys().filter(|name| !rows.contains_key(*name)) {
        findings.push(Finding::file(TABLE_FILE, format!("the crate '{name}' has no row")));
    }
    findings
}

/// Crates that reach what they must not.
fn never(uses: &Uses) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in uses.keys() {
        let rules = NEVER.iter().filter(|(from, ..)| from == name);
        for (reached, way) in reach(name, uses) {
            let mut finding = |why: &str| {
                let what = format!("must never reach '{reached}' ({why}), and does by {way}");
                findings.push(Finding::file(&format!("crates/{name}/Cargo.toml"), what));
            };
            for (_, others, why) in rules.clone() {
                if others.contains(&reached.as_str()) {
                    finding(why);
                }
            }
            if reached == TESTKIT {
                finding("it is for tests only");
            }
        }
    }
    findings
}

/// Every crate that `from` reaches, with a shortest way to it.
fn reach(from: &str, uses: &Uses) -> BTreeMap<String, String> {
    let mut ways: BTreeMap<String, String> = BTreeMap::new();
    let mut layer = vec![(from.to_owned(), from.to_owned())];
    while !layer.is_empty() {
        let mut next = Vec::new();
        for (name, way) in layer {
            for other in uses.get(&name).into_iter().flatten() {
                if other != from && !ways.contains_key(other) {
                    let way = format!("{way} -> {other}");
                    ways.insert(other.clone(), way.clone());
                    next.push((other.clone(), way));
                }
            }
        }
        layer = next;
    }
    ways
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `null` for normal dependencies, else `dev` or `build`.
    kind: Option<String>,
}

fn metadata(root: &Path) -> Result<String, TidyError> {
    // Under cargo this is the cargo that runs us; by hand, the one in the path.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|e| TidyError::Metadata(e.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(TidyError::Metadata(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

/// What every package below `crates/` uses of the workspace, outside its tests.
fn uses(json: &str) -> Result<Uses, TidyError> {
    let metadata: Metadata =
        serde_json::from_str(json).map_err(|e| TidyError::Metadata(e.to_string()))?;
    let members: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let direct = |p: &Package| {
        let inside = p.dependencies.iter().filter(|d| members.contains(d.name.as_str()));
        let shipped = inside.filter(|d| d.kind.as_deref() != Some("dev"));
        shipped.map(|d| bare(&d.name)).collect()
    };
    let is_crate = |p: &&Package| {
        let folder = Path::new(&p.manifest_path).parent().and_then(Path::parent);
        folder.is_some_and(|f| f.ends_with("crates"))
    };
    Ok(metadata.packages.iter().filter(is_crate).map(|p| (bare(&p.name), direct(p))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
text before

| crate | may use | holds |
|---|---|---|
| `fixed` | | rounding |
| `isa` | `fixed` | words |
| `ir` | | kernels of `isa` |
| `emu` | `isa` `fixed` | the chip |
| `cli` | all above | printing |

| crate | may use |
|---|---|
| `another` | `table` |
";

    const SOUND: [(&str, &[&str]); 5] = [
        ("fixed", &[]),
        ("isa", &["fixed"]),
        ("ir", &[]),
        ("emu", &["isa"]),
        ("cli", &["emu", "ir"]),
    ];

    fn uses_of(list: &[(&str, &[&str])]) -> Uses {
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        list.iter().map(|(name, direct)| ((*name).to_owned(), set(direct))).collect()
    }

    fn compared(uses: &[(&str, &[&str])]) -> Vec<String> {
        compare(&rows(TABLE), &uses_of(uses)).iter().map(ToString::to_string).collect()
    }

    fn forbidden(uses: &[(&str, &[&str])]) -> Vec<String> {
        never(&uses_of(uses)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_the_first_table_counts_and_a_row_may_allow_more_than_is_used() {
        assert_eq!(rows(TABLE).len(), 5);
        assert_eq!(compared(&SOUND), Vec::<String>::new());
        assert_eq!(forbidden(&SOUND), Vec::<String>::new());
    }

    #[test]
    fn a_use_that_the_row_does_not_allow_is_named_with_its_line() {
        let mut uses = SOUND;
        uses[1].1 = &["fixed", "ir"];
        let found = compared(&uses);
        assert_eq!(found, ["ARCHITECTURE.md:6: 'isa' uses 'ir', which its row does not allow"]);
    }

    #[test]
    fn all_above_is_not_what_stands_below() {
        let mut uses = SOUND.to_vec();
        uses.push(("another", &[]));
        uses[4].1 = &["another"];
        let found = compared(&uses);
        assert_eq!(
            found[0],
            "ARCHITECTURE.md:9: 'cli' uses 'another', which its row does not allow"
        );
    }

    #[test]
    fn what_must_never_be_reached_is_found_behind_other_crates() {
        let mut uses = SOUND;
        uses[1].1 = &["fixed", "ir"];
        assert_eq!(
            forbidden(&uses),
            ["crates/emu/Cargo.toml: must never reach 'ir' (it would inherit the compiler's \
                 mistakes), and does by emu -> isa -> ir"]
        );
        let shipped = forbidden(&[("cli", &["testkit"]), ("testkit", &[])]);
        assert!(shipped[0].contains("'testkit' (it is for tests only)"), "{shipped:?}");
    }

    #[test]
    fn a_crate_without_a_row_and_a_row_without_a_crate_are_named() {
        let found =
            compared(&[("fixed", &[]), ("isa", &[]), ("ir", &[]), ("emu", &[]), ("lab", &[])]);
        assert_eq!(
            found,
            [
                "ARCHITECTURE.md:9: there is no crate 'cli'",
                "ARCHITECTURE.md: the crate 'lab' has no row"
            ]
        );
    }

    #[test]
    fn what_only_tests_use_and_what_is_no_crate_is_not_counted() {
        let json = r#"{"packages": [
            {"name": "trifactor-a", "manifest_path": "/x/crates/a/Cargo.toml", "dependencies": [
                {"name": "trifactor-b", "kind": "dev"},
                {"name": "trifactor-c", "kind": null},
                {"name": "serde", "kind": null}]},
            {"name": "trifactor-b", "manifest_path": "/x/crates/b/Cargo.toml", "dependencies": []},
            {"name": "xtask", "manifest_path": "/x/xtask/Cargo.toml", "dependencies": []},
            {"name": "trifactor-c", "manifest_path": "/x/crates/c/Cargo.toml", "dependencies": []}]}"#;
        let found = uses(json).expect("well formed");
        assert_eq!(found, uses_of(&[("a", &["c"]), ("b", &[]), ("c", &[])]));
    }
}
