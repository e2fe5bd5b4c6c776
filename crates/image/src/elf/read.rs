//! Bytes to image.
//!
//! Order: what file it is, the version of the format, the digest of the whole file, contents, the
//! hashes of what the image was made for, and every record. Sizes come from section lengths only,
//! so what is allocated is bounded by the length of the input.

use super::container::{self, Section};
use super::{LINES, MAP, META, NOTE, note, records, section_name};
use crate::{Core, Image, ImageError, LineTable, Map, Meta, validate};
use object::elf;
use std::collections::{BTreeMap, BTreeSet};

/// Reads an image and checks all of it.
///
/// Errors: the bytes are not an image, were damaged, or were made for another instruction table
/// or chip; or a record is at odds with the chip or with the rest of the image ([`validate`]).
pub fn read(bytes: &[u8]) -> Result<Image, ImageError> {
    container::check_header(bytes)?;
    let sections = container::sections(bytes)?;
    let found = find(&sections, NOTE)?;
    let note = note::decode(found.bytes)?;
    note::check_digest(bytes, found.offset + note.digest_at)?;

    let meta: Meta = postcard(find(&sections, META)?)?;
    let map: Map = postcard(find(&sections, MAP)?)?;
    for (what, stated, here) in [
        ("instruction table", &note.isa, &meta.isa_hash),
        ("chip", &note.chip, &meta.chip_hash),
        ("model", &note.model, &meta.model_hash),
        ("plan", &note.plan, &meta.plan_hash),
    ] {
        if stated != here {
            let (image, here) = (stated.clone(), here.clone());
            return Err(ImageError::Hash { what, image, here });
        }
    }
    let lines = match sections.iter().find(|section| section.name == LINES) {
        Some(section) => postcard(section)?,
        None => LineTable::default(),
    };
    let image = Image { meta, cores: cores(&sections)?, map, lines };
    validate(&image)?;
    Ok(image)
}

/// Writes the digest anew over a file that was changed on purpose: an image edited by a tool, or
/// damaged by a test of what lies behind the digest.
///
/// Errors: the bytes are no image, or have no complete note; the file is then as before.
pub fn reseal(file: &mut [u8]) -> Result<(), ImageError> {
    container::check_header(file)?;
    let sections = container::sections(file)?;
    let found = find(&sections, NOTE)?;
    let at = found.offset + note::decode(found.bytes)?.digest_at;
    note::seal(file, at);
    Ok(())
}

fn cores(sections: &[Section<'_>]) -> Result<Vec<Core>, ImageError> {
    let mut cores: BTreeMap<u32, Core> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for section in sections {
        let malformed = |what: &str| ImageError::Malformed {
            section: section.name.to_owned(),
            offset: 0,
            what: what.to_owned(),
        };
        if !seen.insert(section.name) {
            return Err(malformed("there are two sections of this name"));
        }
        let Some((id, memory)) = core_and_memory(section.name) else {
            match section.name {
                NOTE | META | MAP | LINES | ".symtab" | ".strtab" | ".shstrtab" => continue,
                _ => return Err(malformed("an image has no such section")),
            }
        };
        if section.kind != elf::SHT_PROGBITS.0 {
            return Err(malformed("the section has no contents"));
        }
        let core = cores.entry(id).or_insert_with(|| Core { id, ..Core::default() });
        match records::decode(core, memory, section.name, section.bytes) {
            Some(decoded) => decoded?,
            None => return Err(malformed("a core has no such memory")),
        }
    }
    Ok(cores.into_values().collect())
}

/// The parts of `.core<id>.<memory>`.
fn core_and_memory(name: &str) -> Option<(u32, &str)> {
    let (id, memory) = name.strip_prefix(".core")?.split_once('.')?;
    let id = id.parse().ok()?;
    // A number has one spelling.
    (section_name(id, memory) == name).then_some((id, memory))
}

fn find<'s, 'a>(sections: &'s [Section<'a>], name: &str) -> Result<&'s Section<'a>, ImageError> {
    sections.iter().find(|section| section.name == name).ok_or_else(|| ImageError::NotAnImage {
        offset: 0,
        what: format!("it has no section {name}"),
    })
}

fn postcard<'a, T: serde::Deserialize<'a>>(section: &Section<'a>) -> Result<T, ImageError> {
    let malformed = |offset: usize, what: String| ImageError::Malformed {
        section: section.name.to_owned(),
        offset: offset as u64,
        what,
    };
    match postcard::take_from_bytes(section.bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => {
            let at = section.bytes.len() - rest.len();
            Err(malformed(at, "there is something behind the contents".to_owned()))
        }
        Err(e) => Err(malformed(0, format!("the contents cannot be read ({e})"))),
    }
}
