//! Compares the findings that were made with those a golden file expects.

use super::file::{Expected, File};
use trifactor_diag::{Diagnostic, Diagnostics, Severity};

/// One failure for every finding that only one side has.
pub(super) fn compare(file: &File, found: &Diagnostics) -> Vec<String> {
    let mut left: Vec<&Expected> = file.expected.iter().collect();
    let mut failures = Vec::new();
    for finding in found.iter() {
        let position = position(file, finding);
        let same = |e: &&Expected| {
            e.severity == finding.severity
                && e.code == finding.code
                && e.message == finding.message
                && e.position == position
                && e.hint == finding.hint
        };
        match left.iter().position(same) {
            Some(at) => {
                left.remove(at);
            }
            None => failures.push(unexpected(finding, position)),
        }
    }
    failures.extend(left.iter().map(|e| {
        format!("{}: the finding {}[{}] is not made like this", e.line, word(e.severity), e.code)
    }));
    failures
}

/// Where in the golden file a finding points to.
fn position(file: &File, finding: &Diagnostic) -> Option<(usize, usize)> {
    let (line, column) = finding.place.position?;
    if file.sop.is_none() {
        return Some((line, column));
    }
    // Positions in a sum count inside its string.
    let field = finding.place.key.as_deref()?.rsplit('.').next()?;
    let (line, first) = file.sop_places.get(field)?;
    Some((*line, first + column - 1))
}

/// The lines an author would write for it.
fn unexpected(finding: &Diagnostic, position: Option<(usize, usize)>) -> String {
    let (line, blanks) = position.map_or((1, 0), |(line, column)| (line, column.saturating_sub(2)));
    let caret = format!("\n;{}^ ", " ".repeat(blanks));
    let hint = finding.hint.as_ref().map_or_else(String::new, |h| format!("{caret}hint: {h}"));
    let word = word(finding.severity);
    format!(
        "{line}: a finding that is not expected:{caret}{word}[{}]: {}{hint}",
        finding.code, finding.message
    )
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
