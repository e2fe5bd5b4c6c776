//! The note: what an image was made for, and the digest of the file.
//!
//! Entries are ELF notes of the owner `Trifactor` with 4-byte alignment. Hashes are stored as the
//! text that [`Meta`] holds. The digest is BLAKE3 over the whole file with the digest's own 32
//! bytes taken as 0.

use super::{FORMAT_VERSION, NOTE};
use crate::{ImageError, Meta};

/// Owner of the entries, with the zero that ends it.
const OWNER: &[u8] = b"Trifactor\0";
/// Owner padded to 4 bytes.
const OWNER_PLACE: usize = OWNER.len().next_multiple_of(4);
const DIGEST_BYTES: usize = 32;

/// Types of the entries, in their order.
const DIGEST: u32 = 1;
const FORMAT: u32 = 2;
const ISA: u32 = 3;
const CHIP: u32 = 4;
const MODEL: u32 = 5;
const PLAN: u32 = 6;

/// What a note says.
pub(super) struct Note {
    /// Where in the section the digest is.
    pub(super) digest_at: usize,
    pub(super) isa: String,
    pub(super) chip: String,
    pub(super) model: String,
    pub(super) plan: String,
}

/// The note of an image, with a digest of 0.
pub(super) fn encode(meta: &Meta) -> Vec<u8> {
    let mut out = Vec::new();
    entry(&mut out, DIGEST, &[0; DIGEST_BYTES]);
    entry(&mut out, FORMAT, &FORMAT_VERSION.to_le_bytes());
    entry(&mut out, ISA, meta.isa_hash.as_bytes());
    entry(&mut out, CHIP, meta.chip_hash.as_bytes());
    entry(&mut out, MODEL, meta.model_hash.as_bytes());
    entry(&mut out, PLAN, meta.plan_hash.as_bytes());
    out
}

fn entry(out: &mut Vec<u8>, kind: u32, description: &[u8]) {
    let length = |bytes: &[u8]| {
        u32::try_from(bytes.len()).expect("internal: hashes are validated before they are written")
    };
    out.extend(length(OWNER).to_le_bytes());
    out.extend(length(description).to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend(OWNER);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(description);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Reads a note; exactly the entries that [`encode`] writes, in their order.
pub(super) fn decode(bytes: &[u8]) -> Result<Note, ImageError> {
    let mut entries = Entries { bytes, at: 0 };
    let digest_at = entries.next(DIGEST)?;
    let version_at = entries.next(FORMAT)?;
    let version = match <[u8; 4]>::try_from(version_at.1) {
        Ok(version) => u32::from_le_bytes(version),
        Err(_) => return Err(malformed(version_at.0, "the format version is not 4 bytes")),
    };
    if digest_at.1.len() != DIGEST_BYTES {
        return Err(malformed(digest_at.0, "the digest is not 32 bytes"));
    }
    // Later entries may differ in another version, so it is looked at before them.
    if version != FORMAT_VERSION {
        return Err(ImageError::Version { found: version, supported: FORMAT_VERSION });
    }
    let note = Note {
        digest_at: digest_at.0,
        isa: entries.text(ISA)?,
        chip: entries.text(CHIP)?,
        model: entries.text(MODEL)?,
        plan: entries.text(PLAN)?,
    };
    match entries.at == bytes.len() {
        true => Ok(note),
        false => Err(malformed(entries.at, "there is something behind the last entry")),
    }
}

/// The digest of a file whose digest is at `at`.
pub(super) fn digest(file: &[u8], at: usize) -> [u8; DIGEST_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file[..at]);
    hasher.update(&[0; DIGEST_BYTES]);
    hasher.update(&file[at + DIGEST_BYTES..]);
    *hasher.finalize().as_bytes()
}

/// Puts the digest into a file that is otherwise complete.
pub(super) fn seal(file: &mut [u8], at: usize) {
    let digest = digest(file, at);
    file[at..at + DIGEST_BYTES].copy_from_slice(&digest);
}

/// Refuses a file that is not the one that was written.
pub(super) fn check_digest(file: &[u8], at: usize) -> Result<(), ImageError> {
    let stored = &file[at..at + DIGEST_BYTES];
    let computed = digest(file, at);
    if *stored == computed {
        return Ok(());
    }
    let short = |bytes: &[u8]| bytes[..8].iter().map(|b| format!("{b:02x}")).collect();
    Err(ImageError::Digest { stored: short(stored), computed: short(&computed) })
}

struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Entries<'a> {
    /// The description of the next entry and where it begins.
    fn next(&mut self, kind: u32) -> Result<(usize, &'a [u8]), ImageError> {
        let start = self.at;
        let (owner, size, found) = (self.number()?, self.number()?, self.number()?);
        if found != kind {
            return Err(malformed(start, format!("entry of type {found} instead of {kind}")));
        }
        let name = self.piece(OWNER_PLACE)?;
        if owner as usize != OWNER.len() || &name[..OWNER.len()] != OWNER {
            return Err(malformed(start, "the owner of the entry is not `Trifactor`"));
        }
        let description = self.at;
        let value = self.piece(size as usize)?;
        let padding = self.at.next_multiple_of(4) - self.at;
        self.piece(padding)?;
        Ok((description, value))
    }
    fn text(&mut self, kind: u32) -> Result<String, ImageError> {
        let (at, value) = self.next(kind)?;
        match std::str::from_utf8(value) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(malformed(at, "a hash is not text")),
        }
    }
    fn number(&mut self) -> Result<u32, ImageError> {
        let bytes = self.piece(4)?.try_into().expect("internal: a piece has the length asked for");
        Ok(u32::from_le_bytes(bytes))
    }
    fn piece(&mut self, length: usize) -> Result<&'a [u8], ImageError> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            return Err(malformed(self.at, "the note ends inside an entry"));
        };
        let piece = &self.bytes[self.at..end];
        self.at = end;
        Ok(piece)
    }
}

fn malformed(at: usize, what: impl Into<String>) -> ImageError {
    ImageError::Malformed { section: NOTE.to_owned(), offset: at as u64, what: what.into() }
}
