//! The program every reading reads: kernels over lanes, and the network and time step around them.
//!
//! A [`Kernel`] is a straight-line list of operations executed once per lane. A [`Network`] is a
//! set of spaces (populations, modulators, synapses), states on them, and the ordered [`Phase`]s
//! of one time step, each a kernel over one space with its bindings. Neuron updates, traces,
//! modulators, delivery and plasticity are all kernels; [`units`] holds those that a chip has
//! fixed hardware for. [`verify()`] is the only constructor of a [`CheckedNetwork`], which every
//! reading and pass requires.
//!
//! The crate knows no number format, no chip, no file.
//!
//! ```
//! use trifactor_ir::{text, verify};
//! let source = "kernel forget {\n  in w: own\n  v0 = w * 0.5\n  set w = v0\n}\n";
//! let kernel = text::parse_kernel(source, "forget.kern").unwrap();
//! assert_eq!(text::parse_kernel(&text::print_kernel(&kernel), "again").unwrap(), kernel);
//! ```

mod fold;
mod kernel;
mod network;
pub mod sop;
pub mod text;
pub mod units;
pub mod verify;

pub use fold::fold_shared;
pub use kernel::{
    Kernel, KernelBuilder, Op, Output, Port, PortId, Role, Surrogate, Target, ValueId, When,
    Written, WrittenTerm,
};
pub use network::{
    Delay, Group, KernelId, MAX_DELAY, MAX_EPOCH, Network, Phase, PhaseId, Read, ResetGroup, Sign,
    Space, SpaceId, SpaceKind, State, StateId, StateRole, Synapses, Values,
};
pub use verify::{CheckedNetwork, verify};
