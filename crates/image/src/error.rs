//! Why a file is no image, or an image is not one that a chip can be loaded with.

use std::path::PathBuf;
use trifactor_isa::ChipError;

/// What is wrong, where, and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The bytes are not an image of this tool chain at all.
    #[error(
        "not a chip image: {what} (byte {offset:#x}); an image is what \
         `trifactor compile MODEL -o FILE` writes"
    )]
    NotAnImage {
        /// File offset.
        offset: u64,
        /// What is there, and what should be.
        what: String,
    },
    /// The image was written in another version of the format.
    #[error(
        "the image has format version {found}, this program reads version {supported}; \
         recompile the model"
    )]
    Version {
        /// Version of the file.
        found: u32,
        /// Version of this crate.
        supported: u32,
    },
    /// The bytes are not those that were written.
    #[error(
        "the image was damaged or edited after it was written: its digest is {stored}, its bytes \
         give {computed}; copy it again or recompile the model"
    )]
    Digest {
        /// Digest in the file, hex.
        stored: String,
        /// Digest of the file, hex.
        computed: String,
    },
    /// The image was made for something else than what is here.
    #[error("the image was made for the {what} {image}, here it is {here}; recompile the model")]
    Hash {
        /// What the hash is of.
        what: &'static str,
        /// Hash in the image.
        image: String,
        /// Hash of what is here.
        here: String,
    },
    /// A part of the file cannot be read as what it should be.
    #[error("{section}, byte {offset:#x}: {what}; recompile the model")]
    Malformed {
        /// Section name.
        section: String,
        /// Offset inside the section.
        offset: u64,
        /// The value and what it should be.
        what: String,
    },
    /// A record says something that the chip or the rest of the image contradicts.
    #[error("{section}, byte {offset:#x}: {what}")]
    Invalid {
        /// Section name.
        section: String,
        /// Offset inside the section, where the record begins.
        offset: u64,
        /// The value and the rule.
        what: String,
    },
    /// The chip description inside the image is not a chip.
    #[error("the chip description inside the image: {0}; recompile the model")]
    Chip(#[from] ChipError),
    /// The file would not be an ELF file.
    #[error("the image cannot be written as an ELF file: {what}")]
    Container {
        /// What the file format cannot express.
        what: String,
    },
}
