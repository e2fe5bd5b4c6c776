//! What a command answers.

use serde_json::Value;

/// The answer to a command that was done.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Answer {
    /// For people; several lines, without a line end at the end. May be empty.
    pub text: String,
    /// For programs.
    pub value: Value,
    /// Whether an `expect` or `assert` does not hold.
    pub failed: bool,
    /// Whether the session is to end: `quit`, or an `assert` that does not hold.
    pub ends: bool,
}

impl Answer {
    /// A text and a value.
    pub(crate) fn new(text: impl Into<String>, value: Value) -> Self {
        Self { text: text.into(), value, ..Self::default() }
    }
}
