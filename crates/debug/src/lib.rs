//! A debugger for the emulated chip.
//!
//! A [`Session`] holds a chip with its image, the spikes of one trial and a line of time on which
//! it can go forwards and backwards: by time steps, epochs, phases of a step and single
//! micro-operations of a rule. It is told what to do in commands, one line of text each, and
//! answers every one with a text for people and a value for programs. `docs/debugging.md` shows a
//! session and lists the commands.
//!
//! Going back is going forwards again: the emulator is deterministic, so a state is made anew
//! from the last checkpoint before it, with every change that was made by hand made again at its
//! place. What takes long can be ended from another thread ([`Interrupt`]), at a place like any
//! other. Nothing here prints; files are touched by the commands `save` and `load` alone.
//!
//! ```
//! # use trifactor_emu::{Emulator, Options};
//! # use trifactor_image::{Compartment, Core, Image, LineTable, Map, Meta, PopulationMap, Slice, f64_bits};
//! # use trifactor_isa::Chip;
//! use trifactor_debug::{Session, Stimulus};
//! # let neuron = Compartment { decay_u: 0xffff, decay_v: 0x8000, bias: 40, v_min: -(1 << 23),
//! #     threshold: 50, spikes: true, ..Compartment::default() };
//! # let slice = Slice { first_lane: 0, n: 1, core: 0, first_compartment: 0 };
//! # let cell = PopulationMap { name: "cell".into(), n: 1, frac: 0, slices: vec![slice], input_axons: vec![] };
//! # let image = Image {
//! #     meta: Meta { model: "one".into(), model_hash: String::new(), plan_hash: String::new(),
//! #         isa_hash: trifactor_isa::isa_hash(), chip: Chip::builtin_text("superset").unwrap().into(),
//! #         chip_hash: String::new(), epoch: 1, seed: 1, step_ms: f64_bits::Ms::new(1.0) },
//! #     cores: vec![Core { compartments: vec![neuron], ..Core::default() }],
//! #     map: Map { populations: vec![cell], ..Map::default() }, lines: LineTable::default(),
//! # };
//! // One neuron that is driven by its bias: v = 0.5 v + 40, threshold 50.
//! let emulator = Emulator::load(&image, Options::default())?;
//! let mut session = Session::new(&image, emulator, Stimulus::silent(1, 10));
//! session.execute("break spike cell")?;
//! let stopped = session.execute("continue")?;
//! assert!(stopped.text.starts_with("breakpoint 1: cell[0] spikes"));
//! session.execute("back")?;
//! assert_eq!(session.execute("print cell.v")?.text, "cell.v[0] = 40 (raw 40)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod checkpoint;
mod clock;
mod command;
mod complete;
mod describe;
mod error;
mod help;
mod host;
mod interrupt;
mod names;
mod read;
mod run;
mod session;
mod stimulus;
mod stop;
mod timeline;
mod write;

pub use answer::Answer;
pub use error::DebugError;
pub use help::{COMMANDS, Help};
pub use host::is_interrupt;
pub use interrupt::Interrupt;
pub use session::Session;
pub use stimulus::{Stimulus, StimulusStep};
pub use timeline::Position;
