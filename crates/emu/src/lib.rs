//! The emulator of the chip: executes an image bit for bit as `docs/semantics.md` defines it, and
//! keeps a ledger of what that would cost on the chip.
//!
//! The central type is [`Emulator`]. It knows images and the chip's arithmetic, and nothing of
//! models, plans or the compiler; it reads no files. Statement numbers such as S40 refer to
//! `docs/semantics.md`.
//!
//! ```
//! use trifactor_emu::{Emulator, Options};
//! use trifactor_image::{Compartment, Core, Image, LineTable, Map, Meta, PopulationMap, Slice, f64_bits};
//! use trifactor_isa::Chip;
//!
//! // One neuron that is driven by its bias: v = 0.5 v + 40, threshold 50.
//! let neuron = Compartment {
//!     decay_u: 0xffff,
//!     decay_v: 0x8000,
//!     bias: 40,
//!     v_min: -(1 << 23),
//!     threshold: 50,
//!     spikes: true,
//!     ..Compartment::default()
//! };
//! let slice = Slice { first_lane: 0, n: 1, core: 0, first_compartment: 0 };
//! let cell = PopulationMap {
//!     name: "cell".into(),
//!     n: 1,
//!     frac: 0,
//!     slices: vec![slice],
//!     input_axons: vec![],
//! };
//! let image = Image {
//!     meta: Meta {
//!         model: "one".into(),
//!         model_hash: String::new(),
//!         plan_hash: String::new(),
//!         isa_hash: trifactor_isa::isa_hash(),
//!         chip: Chip::builtin_text("superset").unwrap().into(),
//!         chip_hash: String::new(),
//!         epoch: 1,
//!         seed: 1,
//!         step_ms: f64_bits::Ms::new(1.0),
//!     },
//!     cores: vec![Core { compartments: vec![neuron], ..Core::default() }],
//!     map: Map { populations: vec![cell], ..Map::default() },
//!     lines: LineTable::default(),
//! };
//! let mut emulator = Emulator::load(&image, Options::default())?;
//! let mut v = Vec::new();
//! for expected in [(40, 0), (0, 1), (40, 0)] {
//!     emulator.step(&[])?;
//!     emulator.read_v(0, &mut v)?;
//!     assert_eq!((v[0], emulator.spikes(0).len()), expected);
//! }
//! assert_eq!(emulator.report().steps, 3);
//! # Ok::<(), trifactor_emu::EmuError>(())
//! ```

mod access;
mod change;
mod checkpoint;
mod core;
mod delivery;
mod draws;
mod error;
mod exchange;
mod inspect;
mod lanes;
mod ledger;
mod load;
mod machine;
mod narrow;
mod network;
mod observe;
mod phase;
mod plasticity;
mod program;
mod record;
mod replay;
mod report;
mod state;
mod tables;
mod tile;
mod times;
mod traces;
mod walk;
mod workers;

pub use crate::core::Fired;
pub use access::Synapse;
pub use change::Constant;
pub use error::{CheckpointError, EmuError};
pub use inspect::{InFlight, Membrane};
pub use ledger::{Cause, Line, Report, Saturation};
pub use machine::{Emulator, Options, Reset, trial_seed};
pub use network::{CoreStep, StepTimes, Update};
pub use observe::{CoreWork, Sent};
pub use phase::Phase;
pub use record::{Activity, Busy, RulePlace};
pub use times::Times;
pub use trifactor_timing::{CoreTimes, Direction, Message, Observer};
pub use walk::{Disagreement, Drawn, MicroOp, Stored, SynapseId, Walk};
