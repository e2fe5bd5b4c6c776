//! The author's names as ELF symbols, for `readelf`, `objdump` and debuggers.
//!
//! A symbol's value is the byte offset in its section, its size the bytes it covers. Names repeat
//! where a population or projection is spread over cores, hence local binding.

use super::records::Record;
use crate::{AxonIn, Column, Compartment, Core, Image, ModulatorLines};

/// A name for a part of a core's memory.
pub(super) struct Symbol {
    pub(super) name: String,
    pub(super) core: u32,
    pub(super) memory: &'static str,
    pub(super) value: u64,
    pub(super) size: u64,
}

/// All symbols of a valid image, in the order of its map.
pub(super) fn symbols(image: &Image) -> Vec<Symbol> {
    let core = |id: u32| {
        let position = image.cores.binary_search_by_key(&id, |core| core.id);
        &image.cores[position.expect("internal: the map was validated")]
    };
    let map = &image.map;
    let mut out = Vec::new();
    for population in &map.populations {
        for s in &population.slices {
            let name = lanes(&population.name, s.first_lane, s.n);
            out.push(symbol::<Compartment>(name, s.core, s.first_compartment, s.n));
        }
    }
    for projection in &map.projections {
        for part in &projection.parts {
            let group = core(part.core).groups[usize::from(part.group)];
            let name = projection.name.clone();
            out.push(symbol::<AxonIn>(name, part.core, group.first_axon, group.n_axons));
        }
    }
    for modulator in &map.modulators {
        for part in &modulator.parts {
            let range = core(part.core).modulators[usize::from(part.range)];
            let name = lanes(&modulator.name, range.first_lane, range.n_lines);
            out.push(symbol::<ModulatorLines>(name, part.core, part.range.into(), 1));
        }
    }
    for trace in &map.traces {
        for &(id, column) in &trace.parts {
            out.push(symbol::<Column>(trace.name.clone(), id, column.into(), 1));
        }
    }
    for core in &image.cores {
        out.extend(rules(image, core));
    }
    out
}

/// The programs of a core, each once, under the name of the rule that its first word is from.
fn rules(image: &Image, core: &Core) -> Vec<Symbol> {
    let mut programs: Vec<_> = core.profiles.iter().map(|p| (p.first_word, p.n_words)).collect();
    programs.sort_unstable();
    programs.dedup();
    let name = |first: u32, n: u32| {
        let lines = image.map.source.iter().filter(|line| line.core == core.id);
        let mut lines = lines.filter(|line| (first..first + n).contains(&line.word));
        lines.next().map_or_else(|| format!("program_{first}"), |line| line.rule.clone())
    };
    programs
        .into_iter()
        .map(|(first, n)| symbol::<u32>(name(first, n), core.id, first, n))
        .collect()
}

fn symbol<R: Record>(name: String, core: u32, first: u32, n: u32) -> Symbol {
    let size = R::SIZE as u64;
    Symbol {
        name,
        core,
        memory: R::MEMORY,
        value: u64::from(first) * size,
        size: u64::from(n) * size,
    }
}

fn lanes(name: &str, first: u32, n: u32) -> String {
    format!("{name}[{first}..{}]", u64::from(first) + u64::from(n))
}
