//! Image to bytes.

use super::symbols::{Symbol, symbols};
use super::{LINES, MACHINE, MAP, META, NOTE, container, note, records, section_name};
use crate::{Image, ImageError, LineTable, validate};
use object::Endianness;
use object::build::elf::{Builder, SectionData, SectionId};
use object::elf;
use std::collections::BTreeMap;

/// The image as an ELF file; the same image always gives the same bytes.
///
/// Errors: those of [`validate`]; nothing that [`super::read()`] would refuse is written.
pub fn write(image: &Image) -> Result<Vec<u8>, ImageError> {
    validate(image)?;
    let mut builder = Builder::new(Endianness::Little, true);
    // Symbol values of a relocatable file are offsets in their sections, which is what a memory
    // without addresses needs; there is nothing to relocate.
    builder.header.e_type = elf::ET_REL;
    builder.header.e_machine = elf::Machine(MACHINE);
    let none = elf::SectionFlags(0);
    let note = note::encode(&image.meta);
    section(&mut builder, NOTE, elf::SHT_NOTE, none, 4, 0, SectionData::Note(note.into()));
    for (name, bytes) in [(META, postcard(&image.meta)?), (MAP, postcard(&image.map)?)] {
        section(&mut builder, name, elf::SHT_PROGBITS, none, 1, 0, SectionData::Data(bytes.into()));
    }
    if image.lines != LineTable::default() {
        let bytes = postcard(&image.lines)?;
        section(
            &mut builder,
            LINES,
            elf::SHT_PROGBITS,
            none,
            1,
            0,
            SectionData::Data(bytes.into()),
        );
    }
    let memories = core_sections(&mut builder, image);
    add_symbols(&mut builder, symbols(image), &memories);
    for (name, kind, data) in [
        (".symtab", elf::SHT_SYMTAB, SectionData::Symbol),
        (".strtab", elf::SHT_STRTAB, SectionData::String),
        (".shstrtab", elf::SHT_STRTAB, SectionData::SectionString),
    ] {
        section(&mut builder, name, kind, none, 1, 0, data);
    }
    let mut file = Vec::new();
    builder.write(&mut file).map_err(|e| ImageError::Container { what: e.to_string() })?;
    let note = container::sections(&file)?.into_iter().find(|s| s.name == NOTE);
    let note = note.expect("internal: the note was just written");
    let at = note.offset + note::decode(note.bytes)?.digest_at;
    note::seal(&mut file, at);
    Ok(file)
}

fn core_sections(
    builder: &mut Builder<'_>,
    image: &Image,
) -> BTreeMap<(u32, &'static str), SectionId> {
    let mut ids = BTreeMap::new();
    for core in &image.cores {
        for memory in records::encode(core) {
            let flags = match memory.name {
                "ucode" => elf::SHF_ALLOC | elf::SHF_EXECINSTR,
                _ => elf::SHF_ALLOC,
            };
            let id = section(
                builder,
                &section_name(core.id, memory.name),
                elf::SHT_PROGBITS,
                flags,
                8,
                memory.record_size as u64,
                SectionData::Data(memory.bytes.into()),
            );
            ids.insert((core.id, memory.name), id);
        }
    }
    ids
}

fn section<'a>(
    builder: &mut Builder<'a>,
    name: &str,
    kind: elf::SectionType,
    flags: elf::SectionFlags,
    align: u64,
    record_size: u64,
    data: SectionData<'a>,
) -> SectionId {
    let section = builder.sections.add();
    section.name = name.as_bytes().to_vec().into();
    section.sh_type = kind;
    section.sh_flags = flags;
    section.sh_addralign = align;
    section.sh_entsize = record_size;
    section.data = data;
    section.id()
}

fn add_symbols(
    builder: &mut Builder<'_>,
    symbols: Vec<Symbol>,
    memories: &BTreeMap<(u32, &'static str), SectionId>,
) {
    for Symbol { name, core, memory, value, size } in symbols {
        let symbol = builder.symbols.add();
        symbol.name = name.into_bytes().into();
        symbol.section = Some(memories[&(core, memory)]);
        symbol.set_st_info(elf::STB_LOCAL, elf::STT_OBJECT);
        symbol.st_value = value;
        symbol.st_size = size;
    }
}

fn postcard<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, ImageError> {
    postcard::to_stdvec(value).map_err(|e| ImageError::Container { what: e.to_string() })
}
