//! Meta-training: gradient descent through the plasticity of a network.
//!
//! A [`Task`] makes episodes, a [`TileRunner`] runs them forwards and backwards on a
//! [`trifactor_reference::float::Tape`], [`Parameters`] map what the optimiser moves to what the
//! network reads, and [`Training`] ties them to a run directory that can be continued after any
//! interruption. [`evaluate`] measures a network on permutations that training never shows,
//! [`observer`] says how well anybody could answer from the same spikes.
//!
//! The crate knows no chip and no image. Results depend on settings and seed alone: not on the
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
mod checkpoint;
mod error;
mod evaluate;
mod loss;
mod network;
pub mod observer;
mod parameters;
mod run;
mod settings;
pub mod task;
mod tile;
mod train;

pub use adam::{Adam, learning_rate};
pub use error::HostError;
pub use evaluate::{Accuracy, evaluate, run_episodes};
pub use loss::cross_entropy;
pub use network::{Link, differentiable, with_surrogates, without_plasticity};
pub use parameters::Parameters;
pub use run::{RunDirectory, RunOptions, Watch};
pub use settings::{
    Evaluation, Init, Kind, Optimiser, RateCost, Readout, RelativeSurrogate, Schedule, Settings,
    Stage, Stop, Trained,
};
pub use task::Task;
pub use tile::{BatchResult, Episodes, TileRunner, credit};
pub use train::{Training, Update};
