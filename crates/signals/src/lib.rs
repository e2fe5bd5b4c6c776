//! Signals of the emulated chip under the author's names, as waves, tables and timelines.
//!
//! A [`Catalogue`] lists what an image has; a [`Selector`](name::Selector) means some of it, in
//! the grammar of [`name`]; a [`Recorder`] reads it off an emulator after every step and writes it
//! to files: waves as FST or VCD ([`wave`]), tables as CSV or NumPy arrays ([`table`]), and where
//! simulated time goes as a timeline ([`timeline`]). Nothing here changes a state or runs while
//! nobody asked for it.
//!
//! The crate knows images and the emulator, and nothing of models, plans or the compiler.
//!
//! ```
//! use trifactor_signals::name::{Place, Selector, Span};
//! let selector = Selector::parse("hidden.v[0..4]").unwrap();
//! assert_eq!(selector.variable, "hidden.v");
//! assert_eq!(selector.places, [Place::Lanes(Span { first: 0, last: 3 })]);
//! ```

pub mod axis;
pub mod catalogue;
mod collector;
mod error;
pub mod name;
mod part;
mod recorder;
mod sample;
pub mod select;
pub mod table;
pub mod timeline;
pub mod wave;

pub use catalogue::{Catalogue, Variable};
pub use error::SignalError;
pub use recorder::{Recorder, Request};
pub use sample::Sampler;
pub use select::{Chosen, Label, Selection};
