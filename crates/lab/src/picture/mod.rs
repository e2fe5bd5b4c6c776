//! Pictures of runs: few-shot trials, curves, and spikes with traces.
//!
//! Each picture is a plain struct of what is to be seen and one function that turns it into the
//! bytes of a PNG file, 1600 pixels wide. The `_svg` twin of each function gives the same drawing
//! as SVG text. Nothing here reads or writes files, runs models or computes statistics.
//!
//! Equal input gives equal bytes. Values that are not finite (or beyond 1e150, which no axis can
//! hold) are left out of a line, shown grey in a heat map and written `n/a` above a bar. Colours
//! are the Okabe-Ito set, which people with colour-blindness can tell apart; right and wrong are
//! also told apart by a mark.
//!
//! ```
//! use trifactor_lab::picture::{Curve, Series, Style, curve};
//! let png = curve(&Curve {
//!     title: "Pairing".into(),
//!     x_label: "pre minus post (steps)".into(),
//!     y_label: "change of weight".into(),
//!     series: vec![Series {
//!         name: "float".into(),
//!         points: vec![(-1.0, -0.5), (0.0, 0.0), (1.0, 0.5)],
//!         style: Style::Line,
//!     }],
//! })?;
//! assert!(png.starts_with(b"\x89PNG\r\n"));
//! # Ok::<(), trifactor_lab::picture::PictureError>(())
//! ```

mod axes;
mod canvas;
mod curve;
mod few_shot;
mod grid;
mod run;
mod scores;
mod series;
mod text;
mod weight_tables;
mod weights;

pub use curve::{Curve, curve, curve_svg};
pub use few_shot::{FewShot, ShownQuery, ShownTrial, few_shot, few_shot_svg};
pub use run::{Population, Run, Span, Trace, raster_and_traces, raster_and_traces_svg};
pub use scores::Score;
pub use series::{Series, Style};
pub use weight_tables::{weight_tables, weight_tables_svg};
pub use weights::WeightMap;

/// Why a picture could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// There is nothing finite to show.
    #[error("{what}: nothing to show")]
    Empty {
        /// What is missing.
        what: String,
    },
    /// A list has another length than its neighbour demands.
    #[error("{what}: {got} values, expected {expected}")]
    Shape {
        /// Which list.
        what: String,
        /// Its length.
        got: usize,
        /// The length that fits.
        expected: usize,
    },
    /// More items than a page can hold legibly.
    #[error("{what}: {got}, a picture holds {limit}")]
    TooMany {
        /// Which list or size.
        what: String,
        /// How many were given.
        got: usize,
        /// How many fit.
        limit: usize,
    },
    /// An index that points outside what was declared.
    #[error("{what}: {index} is outside 0..{end}")]
    Outside {
        /// Which index.
        what: String,
        /// Its value.
        index: u64,
        /// One past the largest legal value.
        end: u64,
    },
    /// The drawing library refused.
    #[error("drawing failed: {0}")]
    Render(String),
}

/// Fails when `got` exceeds `limit`.
fn at_most(what: &str, got: usize, limit: usize) -> Result<(), PictureError> {
    if got > limit {
        return Err(PictureError::TooMany { what: what.to_owned(), got, limit });
    }
    Ok(())
}

/// Whether a value can be put on an axis.
fn shows(v: f64) -> bool {
    v.abs() <= 1e150
}
