//! From the text of a `model.ron` to its keys, with line and column for what does not fit.

use crate::ordered::DUPLICATE;
use crate::report::suggestion;
use crate::surface::ModelFile;
use ron::error::{Error, SpannedError};
use ron::extensions::Extensions;
use trifactor_diag::{Diagnostic, Diagnostics, Place};

/// Largest `model.ron`.
pub(crate) const MAX_MODEL_FILE: u64 = 16 << 20;

/// A model's keys as the text of a `model.ron`, with everything that was left out: reading it
/// gives the same keys, and so the same model in the same folder.
pub fn print_model(model: &ModelFile) -> String {
    let pretty = ron::ser::PrettyConfig::new()
        .extensions(Extensions::IMPLICIT_SOME)
        .struct_names(false)
        .compact_arrays(true);
    let text = ron::ser::to_string_pretty(model, pretty)
        .expect("internal: keys that were read can be written");
    text + "\n"
}

/// Reads the text of a `model.ron`; `file` stands in messages.
///
/// Errors: M002 for syntax, M003 for an unknown key, M004 for a key given twice, M005 for a value
/// that does not fit its key. RON stops at the first.
pub fn parse_model(text: &str, file: &str) -> Result<ModelFile, Diagnostics> {
    if text.len() as u64 > MAX_MODEL_FILE {
        return Err(Diagnostic::error(
            "M001",
            format!("holds {} bytes; at most {MAX_MODEL_FILE} are read", text.len()),
        )
        .at(Place::file(file))
        .hint("move long lists into .npy files")
        .into());
    }
    ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .from_str(text)
        .map_err(|error| explain(text, file, &error).into())
}

fn explain(text: &str, file: &str, error: &SpannedError) -> Diagnostic {
    let (line, column) = (error.span.start.line, error.span.start.col);
    let mut place = Place::file(file).position(line, column);
    if let Some(line_text) = text.lines().nth(line.saturating_sub(1)).filter(|t| t.len() <= 200) {
        place = place.line_text(line_text);
    }
    let inside =
        |outer: &Option<String>| outer.as_ref().map_or(String::new(), |o| format!(" of {o}"));
    let finding = match &error.code {
        Error::NoSuchStructField { expected, found, outer } => {
            Diagnostic::error("M003", format!("unknown key '{found}'{}", inside(outer)))
                .hint(suggestion(found, "key", expected))
        }
        Error::NoSuchEnumVariant { expected, found, .. } => {
            Diagnostic::error("M005", format!("'{found}' is not one of the words allowed here"))
                .hint(suggestion(found, "word", expected))
        }
        Error::MissingStructField { field, outer } => {
            Diagnostic::error("M005", format!("the key '{field}'{} is missing", inside(outer)))
                .hint(format!("add {field}: .."))
        }
        Error::DuplicateStructField { field, .. } => {
            Diagnostic::error("M004", format!("the key '{field}' is given twice"))
        }
        Error::Message(text) if text.starts_with(DUPLICATE) => {
            Diagnostic::error("M004", format!("{text} in one map"))
        }
        Error::InvalidValueForType { expected, found } => {
            Diagnostic::error("M005", format!("{found} stands where {expected} is expected"))
        }
        Error::Message(_)
        | Error::ExpectedDifferentLength { .. }
        | Error::IntegerOutOfBounds
        | Error::ExpectedBoolean
        | Error::ExpectedFloat
        | Error::ExpectedInteger
        | Error::ExpectedMap
        | Error::ExpectedArray
        | Error::ExpectedString => Diagnostic::error("M005", error.code.to_string()),
        _ => Diagnostic::error("M002", error.code.to_string())
            .hint("the syntax is RON: (key: value), [list], { \"name\": value }, // comment"),
    };
    finding.at(place)
}
