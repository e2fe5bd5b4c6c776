//! Findings about one file, collected while work goes on.

use trifactor_diag::{Diagnostic, Diagnostics, Place, did_you_mean};

/// After this many findings the rest is cut off: nobody reads them.
const MOST: usize = 100;

/// Collects findings with the file's name; a finding made twice is kept once.
#[derive(Debug)]
pub(crate) struct Report {
    file: String,
    found: Diagnostics,
}

impl Report {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), found: Diagnostics::new() }
    }
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        key: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.push(Diagnostic::error(code, message).at(Place::file(&self.file).key(key)));
    }
    pub(crate) fn error_hint(
        &mut self,
        code: &'static str,
        key: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(Diagnostic::error(code, message).at(Place::file(&self.file).key(key)).hint(hint));
    }
    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        key: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(
            Diagnostic::warning(code, message).at(Place::file(&self.file).key(key)).hint(hint),
        );
    }
    pub(crate) fn push(&mut self, finding: Diagnostic) {
        if self.found.len() < MOST && !self.found.iter().any(|f| *f == finding) {
            self.found.push(finding);
        }
    }
    pub(crate) fn append(&mut self, found: Diagnostics) {
        found.into_iter().for_each(|f| self.push(f));
    }
    pub(crate) fn file(&self) -> &str {
        &self.file
    }
    pub(crate) fn has_errors(&self) -> bool {
        self.found.has_errors()
    }
    pub(crate) fn into_found(self) -> Diagnostics {
        self.found
    }
    /// A reference to something that does not exist.
    pub(crate) fn unknown<'a>(
        &mut self,
        key: impl Into<String>,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        self.error_hint(
            "M010",
            key,
            format!("there is no {what} '{name}'"),
            suggestion(name, what, &known),
        );
    }
}

/// `did you mean 'x'?` or the list of what there is.
pub(crate) fn suggestion(name: &str, what: &str, known: &[&str]) -> String {
    if let Some(near) = did_you_mean(name, known.iter().copied()) {
        return format!("did you mean '{near}'?");
    }
    if known.is_empty() {
        return format!("the model has no {what} at all");
    }
    let shown: Vec<&str> = known.iter().take(12).copied().collect();
    let more = if known.len() > shown.len() { ", ..." } else { "" };
    format!("there are: {}{more}", shown.join(", "))
}
