//! What makes an image loadable: every index in range, every size within the chip's.
//!
//! After [`validate`] a loader can index without checks. The rules, in the order in which they
//! are looked at:
//!
//! - identity: hashes are those of the chip description inside and of this instruction table;
//!   cores are in order, exist on the chip and hold something; the learning epoch is one of the
//!   chip's ([`self`]).
//! - memories: sizes and register widths are the chip's; groups tile the input axons; formats,
//!   profiles, columns and modulator ranges refer to things that are there (`memories.rs`).
//! - synapse lists: they lie in the memory, do not overlap, unpack, ascend, point to post lanes of
//!   their group, and hold values of their ranges (`synapses.rs`).
//! - programs: every word decodes, ends with `halt`, and its fields and slots are those of the
//!   profile (`programs.rs`).
//! - map: names are unique and printable; every compartment, group and modulator range belongs
//!   to exactly one name; every input axon gets exactly one message, from its pre lane
//!   (`names.rs`, `messages.rs`).
//! - lines: files and products are printable; words are there, ascend, and their lines are numbers
//!   from 1 in one of the files, their products those of the list (`names.rs`).

mod memories;
mod messages;
mod names;
mod programs;
mod synapses;

use crate::elf::records::{self, Record};
use crate::elf::section_of;
use crate::{Core, Group, Image, ImageError, Meta};
use trifactor_isa::{Chip, isa_hash};

/// Where a finding is: the record of a memory, or a part of the map or of what the file says of
/// itself.
enum Site {
    Record { section: String, offset: u64 },
    Map,
    Lines,
    Meta,
}

impl Site {
    fn fault(self, what: String) -> ImageError {
        let (section, offset) = match self {
            Self::Record { section, offset } => (section, offset),
            Self::Map => (".trifactor.map".to_owned(), 0),
            Self::Lines => (".trifactor.lines".to_owned(), 0),
            Self::Meta => (".trifactor.meta".to_owned(), 0),
        };
        ImageError::Invalid { section, offset, what }
    }
}

/// The site of a record.
fn at<R: Record>(core: u32, index: usize) -> Site {
    Site::Record { section: section_of::<R>(core), offset: index as u64 * R::SIZE as u64 }
}

/// Returns a fault unless a rule holds.
macro_rules! ensure {
    ($rule:expr, $site:expr, $($what:tt)*) => {
        if !$rule {
            return Err($site.fault(format!($($what)*)));
        }
    };
}
use ensure;

/// Checks an image against the chip it carries and against itself, and returns that chip.
///
/// Errors: the first rule of this module that does not hold, with section and offset.
pub fn validate(image: &Image) -> Result<Chip, ImageError> {
    let chip = identity(&image.meta)?;
    let mut least = 0;
    for core in &image.cores {
        let id = core.id;
        ensure!(id >= least, Site::Meta, "core {id} is not in ascending order of cores");
        ensure!(id < chip.n_cores(), Site::Meta, "core {id}; the chip has {}", chip.n_cores());
        ensure!(!records::is_empty(core), Site::Meta, "core {id} holds nothing");
        least = id + 1;
        memories::check(core, &chip, &image.map)?;
        synapses::check(core, &chip)?;
        programs::check(core)?;
    }
    names::check(image)?;
    messages::check(image)?;
    Ok(chip)
}

fn identity(meta: &Meta) -> Result<Chip, ImageError> {
    for (what, hash) in [
        ("instruction table", &meta.isa_hash),
        ("chip", &meta.chip_hash),
        ("model", &meta.model_hash),
        ("plan", &meta.plan_hash),
    ] {
        let digits = hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let legal = digits && (1..=128).contains(&hash.len());
        ensure!(legal, Site::Meta, "the hash of the {what} is not 1 to 128 hexadecimal digits");
    }
    same_hash("instruction table", &meta.isa_hash, isa_hash())?;
    let chip = Chip::parse(&meta.chip)?;
    same_hash("chip description", &meta.chip_hash, chip.hash())?;
    legal_name(&meta.model, "the model")?;
    let longest = u32::from(chip.core.epoch_max);
    let epoch = meta.epoch;
    ensure!(
        (1..=longest).contains(&epoch),
        Site::Meta,
        "epoch {epoch}; the chip has 1 to {longest}"
    );
    let step = meta.step_ms.get();
    ensure!(step.is_finite() && step > 0.0, Site::Meta, "a step of {step} ms is no time");
    // The layout of synapse lists is fixed, so a chip with another one cannot be served.
    let block = (chip.core.block_synapses as usize, u32::from(chip.core.block_header_bits));
    let known = (crate::pack::BLOCK_SYNAPSES, crate::pack::HEADER_BITS);
    ensure!(
        block == known,
        Site::Meta,
        "blocks of {} synapses behind {} bits; images have {} behind {}",
        block.0,
        block.1,
        known.0,
        known.1
    );
    Ok(chip)
}

fn same_hash(what: &'static str, image: &str, here: String) -> Result<(), ImageError> {
    if image == here {
        return Ok(());
    }
    Err(ImageError::Hash { what, image: image.to_owned(), here })
}

/// Names stand in symbol tables, which end them at a zero, and on terminals.
fn legal_name(name: &str, whose: &str) -> Result<(), ImageError> {
    let printable = !name.is_empty() && !name.chars().any(char::is_control);
    ensure!(printable, Site::Map, "the name of {whose} is empty or has control characters");
    Ok(())
}

/// Whether `[first, first + n)` lies in `[0, len)`.
fn inside(first: u32, n: u32, len: usize) -> bool {
    u64::from(first) + u64::from(n) <= len as u64
}

/// The group that a profile teaches; [`memories`] has made sure that there is exactly one.
fn group_of(core: &Core, profile: usize) -> &Group {
    let mut groups = core.groups.iter();
    groups
        .find(|group| usize::from(group.profile) == profile)
        .expect("internal: a profile without a group was refused before")
}
