//! The chip image: what a host writes into the cores' memories before a run.
//!
//! [`Image`] is the content, [`elf`] its file form. The compiler makes it, the emulator loads
//! it; neither knows the other. The image holds no stimuli (decision: they belong to the host).
//! It knows no kernels and no passes.

pub mod elf;
mod memory;
mod map;
mod pack;

pub use map::{
    FieldMap, Map, ModulatorMap, ModulatorPart, PopulationMap, ProjectionMap, ProjectionPart,
    Slice, SourceLine, TraceMap, TraceSide,
};
pub use memory::{
    AxonIn, AxonOut, Column, ColumnKind, Compartment, Core, Field, FieldRange, Format, Group,
    Guard, Image, Meta, ModulatorLines, NO_DELAY_FIELD, NO_PROFILE, Profile, Slot,
};
pub use pack::{PackError, SynapseList, pack_row, unpack_row, words_for};
