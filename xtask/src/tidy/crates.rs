//! Which crate may use which.
//!
//! The table stands in `ARCHITECTURE.md`, or in `docs/crates.md` as long as the former has none:
//! rows `| crate | may use | never reaches |`, names without the workspace's prefix. Direct
//! dependencies must be in the second column; nothing in the third may be reached, however many
//! crates lie between. Dependencies of tests alone are free, or the chain of equalities could
//! not be tested where it breaks.

use super::{Finding, Source, TidyError};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const PREFIX: &str = "trifactor-";
/// Where the table may stand, in the order in which it is looked for.
const TABLE_FILES: [&str; 2] = ["ARCHITECTURE.md", "docs/crates.md"];

/// A row of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    line: usize,
    may_use: BTreeSet<String>,
    never: BTreeSet<String>,
}

/// Crates of the workspace and the workspace crates each uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

pub(super) fn check(root: &Path, sources: &[Source]) -> Result<Vec<Finding>, TidyError> {
    let table = TABLE_FILES.iter().find_map(|file| {
        let text = &sources.iter().find(|s| s.path == *file)?.text;
        let rows = rows(text);
        (!rows.is_empty()).then_some((*file, rows))
    });
    let Some((file, rows)) = table else {
        let what = "has no table `| crate | may use | never reaches |`".to_owned();
        return Ok(vec![Finding::file(TABLE_FILES[0], what)]);
    };
    Ok(compare(file, &rows, &uses(&metadata(root)?)?))
}

/// The rows of the first table whose header begins with `| crate | may use |`.
fn rows(text: &str) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    let mut inside = false;
    for (n, line) in (1..).zip(text.lines()) {
        let Some(cells) = cells(line) else {
            inside = false;
            continue;
        };
        if cells.len() >= 2 && cells[0] == "crate" && cells[1] == "may use" {
            inside = rows.is_empty();
            continue;
        }
        if !inside || cells[0].starts_with("---") {
            continue;
        }
        let list = |column: usize| names(cells.get(column).copied().unwrap_or(""));
        rows.insert(bare(cells[0]), Row { line: n, may_use: list(1), never: list(2) });
    }
    rows
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// Names in a cell; a dash is an empty list and `all` stands for itself.
fn names(cell: &str) -> BTreeSet<String> {
    let words = cell.split(|c: char| c == ',' || c.is_whitespace());
    words.map(bare).filter(|n| !n.is_empty() && n != "-" && n != "—").collect()
}

fn bare(name: &str) -> String {
    let name = name.trim_matches('`');
    name.strip_prefix(PREFIX).unwrap_or(name).to_owned()
}

fn compare(file: &str, rows: &BTreeMap<String, Row>, uses: &Uses) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, row) in rows {
        if !uses.contains_key(name) {
            findings.push(Finding::line(file, row.line, format!("there is no crate '{name}'")));
        }
        for other in row.may_use.iter().chain(&row.never) {
            if other != "all" && !uses.contains_key(other) {
                let what = format!("'{name}': there is no crate '{other}'");
                findings.push(Finding::line(file, row.line, what));
            }
        }
    }
    for (name, direct) in uses {
        let Some(row) = rows.get(name) else {
            findings.push(Finding::file(file, format!("the crate '{name}' has no row")));
            continue;
        };
        for other in direct {
            if !row.may_use.contains("all") && !row.may_use.contains(other) {
                let what = format!("'{name}' uses '{other}', which its row does not allow");
                findings.push(Finding::line(file, row.line, what));
            }
        }
        for (reached, way) in reach(name, uses) {
            if row.never.contains(&reached) {
                let what = format!("'{name}' must never reach '{reached}', and does by {way}");
                findings.push(Finding::line(file, row.line, what));
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

/// What every package uses of the workspace, outside its tests.
fn uses(json: &str) -> Result<Uses, TidyError> {
    let metadata: Metadata =
        serde_json::from_str(json).map_err(|e| TidyError::Metadata(e.to_string()))?;
    let members: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let direct = |p: &Package| {
        let inside = p.dependencies.iter().filter(|d| members.contains(d.name.as_str()));
        let shipped = inside.filter(|d| d.kind.as_deref() != Some("dev"));
        shipped.map(|d| bare(&d.name)).collect()
    };
    Ok(metadata.packages.iter().map(|p| (bare(&p.name), direct(p))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
text before\n\
\n\
| crate | may use | never reaches |\n\
|---|---|---|\n\
| `fixed` | - | |\n\
| `isa` | fixed | |\n\
| `ir` | — | |\n\
| `emu` | isa, fixed | ir |\n\
| `cli` | all | |\n\
\n\
| crate | may use |\n\
|---|---|\n\
| `another` | table |\n";

    fn uses_of(list: &[(&str, &[&str])]) -> Uses {
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        list.iter().map(|(name, direct)| ((*name).to_owned(), set(direct))).collect()
    }

    fn messages(uses: &[(&str, &[&str])]) -> Vec<String> {
        let found = compare("t.md", &rows(TABLE), &uses_of(uses));
        found.iter().map(ToString::to_string).collect()
    }

    const SOUND: [(&str, &[&str]); 5] = [
        ("fixed", &[]),
        ("isa", &["fixed"]),
        ("ir", &[]),
        ("emu", &["isa"]),
        ("cli", &["emu", "ir"]),
    ];

    #[test]
    fn only_the_first_table_counts_and_a_row_may_allow_more_than_is_used() {
        assert_eq!(rows(TABLE).len(), 5);
        assert_eq!(messages(&SOUND), Vec::<String>::new());
    }

    #[test]
    fn a_use_that_the_row_does_not_allow_is_named_with_its_line() {
        let mut uses = SOUND;
        uses[1].1 = &["fixed", "ir"];
        let found = messages(&uses);
        assert_eq!(found[1], "t.md:6: 'isa' uses 'ir', which its row does not allow");
        // The emulator now reaches what it must not, although its own list is clean.
        assert_eq!(found[0], "t.md:8: 'emu' must never reach 'ir', and does by emu -> isa -> ir");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_crate_without_a_row_and_a_row_without_a_crate_are_named() {
        let found = messages(&[("fixed", &[]), ("isa", &[]), ("ir", &[]), ("emu", &[]), ("lab", &[])]);
        assert_eq!(
            found,
            ["t.md:9: there is no crate 'cli'", "t.md: the crate 'lab' has no row"]
        );
    }

    #[test]
    fn what_only_tests_use_is_not_counted() {
        let json = r#"{"packages": [
            {"name": "trifactor-a", "dependencies": [
                {"name": "trifactor-b", "kind": "dev"},
                {"name": "trifactor-c", "kind": null},
                {"name": "serde", "kind": null}]},
            {"name": "trifactor-b", "dependencies": []},
            {"name": "trifactor-c", "dependencies": []}]}"#;
        let found = uses(json).expect("well formed");
        assert_eq!(found, uses_of(&[("a", &["c"]), ("b", &[]), ("c", &[])]));
    }
}
