//! What a network is shown: data files, encoders, protocols, and the trials drawn from them.
//!
//! Files are read with limits ([`read_idx`], [`read_npy`]), pictures are prepared as data says
//! ([`Prepare`]), an [`Encoder`] turns numbers into spikes, and [`Trials`] expands a [`Protocol`]
//! into explicit [`Segment`]s. Everything random is a counter-based draw of (seed, trial, step,
//! lane), so trial k is the same on every machine and does not depend on any other trial.
//!
//! The crate runs no network and knows no chip.
//!
//! ```
//! use trifactor_stimulus::{Datasets, Encoder, Input, Part, Protocol, Trials};
//! # use trifactor_stimulus::{At, ForEach, Phase, Present, Sampler, What};
//! let protocol = Protocol {
//!     trials: Some(2), seed: None, sampler: Sampler::Single,
//!     phases: vec![Phase {
//!         name: "pair".into(), for_each: ForEach::Once, steps: 10, reset_before: vec![], readout: None,
//!         present: vec![Present {
//!             input: "pre".into(),
//!             what: What::SpikesAt { lane: 0, at: At { base: 4.0, ..At::default() }, every: None, count: 1 },
//!         }],
//!     }],
//! };
//! let inputs = [Input { name: "pre".into(), n: 1, encoder: None }];
//! let data = Datasets::default();
//! let trials = Trials::new(&protocol, &inputs, &data, 1, Part::Test).unwrap();
//! let trial = trials.trial(0);
//! assert_eq!(trial.segments[0].spikes(4), vec![vec![0]]);
//! assert_eq!(trial.segments[0].spikes(5), vec![Vec::<u32>::new()]);
//! ```

mod check;
mod dataset;
mod draws;
mod encode;
mod error;
mod idx;
mod images;
mod npy;
pub mod portable;
mod protocol;
mod trials;

pub use dataset::{Class, DataFolders, Dataset, DatasetSpec, Datasets, Drawing, Part};
pub use draws::{StimulusDraws, trial_seed};
pub use encode::{Encoder, Firing, Input, PhaseStart};
pub use error::DataError;
pub use idx::{IdxArray, IdxElements, parse_idx, read_idx};
pub use images::{Image, ImageSet, Normalise, Pixels, Prepare, prepared_size};
pub use npy::{NpyArray, parse_npy, read_npy};
pub use protocol::{
    At, ForEach, MAX_SEGMENTS, MAX_STEPS, Phase, Present, Protocol, ProtocolFault, Rates, Readout,
    Reset, Sampler, Score, What,
};
pub use trials::{Item, Segment, Trial, Trials};

/// The limit for data files unless the caller says otherwise: 2 GiB.
pub const DEFAULT_LIMIT: u64 = 1 << 31;
