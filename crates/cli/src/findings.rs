//! Findings for machines.

use serde_json::{Value, json};
use trifactor_diag::{Diagnostic, Diagnostics, Severity};

/// Findings as a JSON list, in the order in which they were made.
pub fn to_json(findings: &Diagnostics) -> Value {
    findings.iter().map(one).collect()
}

fn one(finding: &Diagnostic) -> Value {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let position = finding.place.position;
    json!({
        "severity": severity,
        "code": finding.code,
        "message": finding.message,
        "file": finding.place.file,
        "key": finding.place.key,
        "line": position.map(|(line, _)| line),
        "column": position.map(|(_, column)| column),
        "hint": finding.hint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_diag::Place;

    #[test]
    fn a_finding_keeps_everything_it_says() {
        let finding = Diagnostic::error("K001", "no")
            .at(Place::file("a.kern").position(3, 4).key("rules.stdp"))
            .hint("yes");
        let expected = json!([{
            "severity": "error", "code": "K001", "message": "no", "file": "a.kern",
            "key": "rules.stdp", "line": 3, "column": 4, "hint": "yes",
        }]);
        assert_eq!(to_json(&finding.into()), expected);
    }
}
