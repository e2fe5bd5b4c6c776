//! The chip image: what a host writes into the cores' memories before a run.
//!
//! [`Image`] is the content, [`elf`] its file form, [`validate`] the rules that make it loadable.
//! The compiler makes it, the emulator loads it; neither knows the other. The image holds no
//! stimuli (they belong to the host). This crate knows no kernels and no passes.
//!
//! ```
//! use trifactor_image::{ImageError, elf};
//! let error = elf::read(b"#!/bin/sh").unwrap_err();
//! assert!(matches!(error, ImageError::NotAnImage { .. }));
//! assert!(error.to_string().starts_with("not a chip image"));
//! ```

pub mod elf;
mod error;
mod map;
mod memory;
mod pack;
mod validate;

pub use error::ImageError;
pub use map::{
    FieldMap, LineTable, Map, ModulatorMap, ModulatorPart, PopulationMap, ProjectionMap,
    ProjectionPart, Slice, SourceLine, TraceMap, TraceSide, WordLine,
};
pub use memory::{
    AxonIn, AxonOut, Column, ColumnKind, Compartment, Core, Field, FieldRange, Format, Group,
    Guard, Image, Meta, ModulatorLines, NO_DELAY_FIELD, NO_PROFILE, Profile, Slot, f64_bits,
};
pub use pack::{PackError, SynapseList, pack_row, unpack_row, words_for};
pub use validate::validate;
