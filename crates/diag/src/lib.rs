//! Diagnostics about an author's model: what is wrong, where, the limit, the way out.
//!
//! A [`Diagnostic`] speaks in the author's names. Its [`Place`] is a file, a key path inside a
//! model file, and inside kernel text a line and column. Codes such as `Q003` are stable and
//! each has a page ([`page`]). This crate reads no files and prints nothing.
//!
//! ```
//! use trifactor_diag::{Diagnostic, Place};
//! let d = Diagnostic::error("M010", "the population 'hiden' does not exist")
//!     .at(Place::file("model.ron").key("projections.ff.post"))
//!     .hint("did you mean 'hidden'?");
//! assert!(d.to_string().starts_with("error[M010]: the population"));
//! ```

mod pages;

pub use pages::{Page, page, pages};
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The result is legal; the author should know.
    Warning,
    /// The model cannot be used.
    Error,
}

/// Where in the author's files.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Place {
    /// File path as the author wrote or would write it.
    pub file: Option<String>,
    /// Key path inside a RON file, such as `rules.stdp.dw`.
    pub key: Option<String>,
    /// Line and column, both from 1.
    pub position: Option<(usize, usize)>,
    /// The text of that line, for pictures.
    pub line_text: Option<String>,
}

impl Place {
    /// A place somewhere in a file.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: Some(file.into()), ..Self::default() }
    }
    /// A key path without a file.
    pub fn at_key(key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..Self::default() }
    }
    /// The same place, at a key path.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
    /// The same place, at a line and column counted from 1.
    pub fn position(mut self, line: usize, column: usize) -> Self {
        self.position = Some((line, column));
        self
    }
    /// The same place, with the text of its line.
    pub fn line_text(mut self, text: impl Into<String>) -> Self {
        self.line_text = Some(text.into());
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(file) = &self.file {
            write!(f, "{file}")?;
            separator = " ";
        }
        if let Some((line, column)) = self.position {
            let glue = if self.file.is_some() { ":" } else { "line " };
            write!(f, "{glue}{line}:{column}")?;
            separator = " ";
        }
        if let Some(key) = &self.key {
            write!(f, "{separator}{key}")?;
        }
        Ok(())
    }
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable code with a page.
    pub code: &'static str,
    /// What is wrong, in the author's names, with the value and the limit.
    pub message: String,
    /// Where.
    pub place: Place,
    /// The way out.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            place: Place::default(),
            hint: None,
        }
    }
    /// A warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }
    /// The same finding at a place.
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
    /// The same finding with a way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{kind}[{}]: {}", self.code, self.message)?;
        if self.place != Place::default() {
            write!(f, "\n  at {}", self.place)?;
        }
        if let (Some(text), Some((_, column))) = (&self.place.line_text, self.place.position) {
            let caret = " ".repeat(column.saturating_sub(1).min(200));
            write!(f, "\n   | {text}\n   | {caret}^")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Several findings, in the order they were made.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// No findings yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }
    /// Adds all findings of another collection.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }
    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }
    /// Whether there is no finding at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Number of findings.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// All findings in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }
    /// Sets the file of every finding that has none.
    pub fn in_file(mut self, file: &str) -> Self {
        for d in &mut self.0 {
            d.place.file.get_or_insert_with(|| file.to_owned());
        }
        self
    }
    /// `Err(self)` if there is an error, else the value with the warnings.
    pub fn into_result<T>(self, value: T) -> Result<(T, Self), Self> {
        if self.has_errors() { Err(self) } else { Ok((value, self)) }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(d: Diagnostic) -> Self {
        Self(vec![d])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, d) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{d}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// The candidate nearest to `name`, if it is near enough to be a slip of the pen.
pub fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (edit_distance(name, c), c))
        .min()
        .filter(|(distance, c)| *distance <= 1 + c.chars().count().min(name.chars().count()) / 4)
        .map(|(_, c)| c)
}

/// Levenshtein distance, bounded in work by cutting names at 64 characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_a_stranger_is_not() {
        assert_eq!(did_you_mean("hiden", ["input", "hidden"]), Some("hidden"));
        assert_eq!(did_you_mean("xyzzy", ["input", "hidden"]), None);
    }

    #[test]
    fn a_place_reads_file_position_key() {
        let place = Place::file("a.kern").position(3, 4).key("rules.stdp");
        assert_eq!(place.to_string(), "a.kern:3:4 rules.stdp");
    }
}
