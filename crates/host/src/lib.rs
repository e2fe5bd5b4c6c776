//! Meta-training: gradient descent through the plasticity of a network.
//!
//! A [`Task`] makes episodes, a [`TileRunner`] runs them forwards and backwards on a
//! [`trifactor_reference::float::Tape`], [`Parameters`] map what the optimiser moves to what the
//! network reads, and [`Training`] ties them to a run directory that can be continued after any
//! interruption. [`evaluate`] measures a network on permutations that training never shows,
//! [`observer`] says how well anybody could answer from the same spikes.
//!
//! A chip is known by its number formats alone: [`Formats`] holds the float reading in those of a
//! plan, for fine-tuning ([`Training::held_in`]) and for a table of accuracy against bits
//! ([`bits_table`]); [`calibrate`] proposes formats from what states really take.
//!
//! The crate knows no image. Results depend on settings and seed alone: not on the
//! number of threads, the machine, or where a run was interrupted.
//!
//! ```
//! use trifactor_host::task::{CueAssociation, Part, Task};
//! let task = CueAssociation { cues: 3, ..CueAssociation::default() };
//! let mut counts = [0; 2];
//! for k in 0..100 {
//!     let mut spikes = 0;
//!     let label = task.episode(1, Part::Training, k, &mut |_step, _port, _lane| spikes += 1);
//!     assert!(spikes > 0);
//!     counts[label] += 1;
//! }
//! assert_eq!(counts[0] + counts[1], 100);
//! ```

mod adam;
mod bits;
mod calibrate;
mod checkpoint;
mod error;
mod evaluate;
mod evolution;
mod loss;
mod network;
pub mod observer;
mod parameters;
mod rounding;
mod run;
mod settings;
pub mod task;
mod tile;
mod train;

pub use adam::{Adam, learning_rate};
pub use bits::{BitsRow, BitsTable, StateGroup, bits_rows, bits_table};
pub use calibrate::{Calibration, Measurement, StateReport, calibrate};
pub use error::HostError;
pub use evaluate::{Accuracy, evaluate, run_episodes};
pub use loss::{Loss, cross_entropy};
pub use network::{Link, differentiable, with_surrogates, without_plasticity};
pub use parameters::Parameters;
pub use rounding::Formats;
pub use run::{RunDirectory, RunOptions, Tuning, Watch};
pub use settings::{
    Evaluation, Init, Kind, Method, Optimiser, RateCost, Readout, RelativeSurrogate, Schedule,
    Settings, Stage, Stop, Trained,
};
pub use task::Task;
pub use tile::{BatchResult, Episodes, TileRunner, credit};
pub use train::{Training, Update};
