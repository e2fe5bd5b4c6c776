//! What a host changes one by one while a run is paused: lanes of traces, modulators and
//! membranes, the seed, and constants in the microcode of rules.
//!
//! Writing is host work and is counted, a write for every copy. A constant stands in an `ldi` of
//! a program; all cores that hold the rule get the new word. The guard of the rule (S47) stays as
//! it was compiled, as it would on a chip, where it is a register of its own.

use crate::error::EmuError;
use crate::inspect::Membrane;
use crate::machine::Emulator;
use crate::program::compile;
use crate::tables::{ColumnTable, Rule};
use serde::{Deserialize, Serialize};
use trifactor_isa::{Immediate, Inst, Left};

/// A constant in the microcode of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Constant {
    /// Position of its `ldi` in the program, from 0.
    pub at: usize,
    /// Core whose copy `word` addresses: the first one of the projection.
    pub core: u32,
    /// Microcode address there.
    pub word: u32,
    /// Raw value.
    pub raw: i32,
}

/// A word of microcode that is not as in the image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Patch {
    /// Position of the core.
    core: u32,
    /// Group there.
    group: u32,
    /// Position in the group's program.
    at: u32,
    /// The word.
    word: u32,
}

impl Emulator {
    /// Continues with another draw seed (S51).
    pub fn set_seed(&mut self, seed: u32) {
        self.seed_draws(seed);
        self.clock.host_writes += self.cores.len() as u64;
    }

    /// Writes u, v or the refractory counter of a neuron.
    ///
    /// Errors: an input has none of these, there is no such lane, or the value does not fit.
    pub fn write_membrane(
        &mut self,
        population: usize,
        which: Membrane,
        lane: u32,
        value: i32,
    ) -> Result<(), EmuError> {
        let named = self.population(population)?;
        if named.slices.is_empty() {
            return Err(EmuError::NoMembrane { population: named.name.clone() });
        }
        let slices = &self.populations[population].slices;
        let holds = |(_, s): &&(usize, trifactor_image::Slice)| {
            (s.first_lane..s.first_lane + s.n).contains(&lane)
        };
        let Some((core, slice)) = slices.iter().find(holds) else {
            return Err(EmuError::NoLane { name: named.name.clone(), n: named.n, lane });
        };
        let (lo, hi) = match which {
            Membrane::Hold => (0, 255),
            Membrane::U | Membrane::V => (self.widths.state.lo as i32, self.widths.state.hi as i32),
        };
        if !(lo..=hi).contains(&value) {
            let (projection, field) = (named.name.clone(), which.name().to_owned());
            return Err(EmuError::ValueOutOfRange { projection, field, value, lo, hi });
        }
        let at = (slice.first_compartment + lane - slice.first_lane) as usize;
        let state = &mut self.cores[*core].state;
        match which {
            Membrane::U => state.u[at] = value,
            Membrane::V => state.v[at] = value,
            Membrane::Hold => state.hold[at] = value,
        }
        self.clock.host_writes += 1;
        Ok(())
    }

    /// Writes a lane of a modulator, in every copy.
    ///
    /// Errors: there is no such lane, no core holds it, or the value does not fit.
    pub fn write_modulator(
        &mut self,
        modulator: usize,
        lane: u32,
        value: i32,
    ) -> Result<(), EmuError> {
        let count = self.map.modulators.len();
        let missing = EmuError::NoSuch { kind: "modulator", index: modulator, count };
        let named = self.map.modulators.get(modulator).ok_or(missing)?;
        if lane >= named.n {
            return Err(EmuError::NoLane { name: named.name.clone(), n: named.n, lane });
        }
        let mut places = Vec::new();
        for (c, core) in self.cores.iter().enumerate() {
            for (r, range) in core.table.modulators.iter().enumerate() {
                let Some(line) = lane.checked_sub(range.first_lane) else { continue };
                if range.modulator != modulator || line as usize >= range.n_lines {
                    continue;
                }
                if !(range.range.lo..=range.range.hi).contains(&value.into()) {
                    return Err(EmuError::ValueOutOfRange {
                        projection: named.name.clone(),
                        field: "m".to_owned(),
                        value,
                        lo: range.range.lo as i32,
                        hi: range.range.hi as i32,
                    });
                }
                places.push((c, r, line as usize));
            }
        }
        if places.is_empty() {
            return Err(EmuError::Unheld { name: named.name.clone(), lane });
        }
        self.clock.host_writes += places.len() as u64;
        for (core, range, line) in places {
            self.cores[core].state.modulators[range][line] = value;
        }
        Ok(())
    }

    /// Writes a lane of a trace, in every copy. What the epoch has seen of it stays.
    ///
    /// Errors: there is no such lane, no core holds it, or the value does not fit.
    pub fn write_trace_lane(
        &mut self,
        trace: usize,
        lane: u32,
        value: i32,
    ) -> Result<(), EmuError> {
        let (named, projection, n) = self.trace(trace)?;
        let (name, projection) = (named.name.clone(), projection.name.clone());
        if lane as usize >= n {
            return Err(EmuError::NoLane { name, n: n as u32, lane });
        }
        // (core, group, whether post, column, row or post lane)
        let mut places = Vec::new();
        for (c, core) in self.cores.iter().enumerate() {
            for (g, table) in core.table.groups.iter().enumerate() {
                let Some(rule) = &table.rule else { continue };
                let of_trace = |columns: &[ColumnTable]| {
                    columns.iter().position(|column| column.trace == Some(trace))
                };
                if let Some(column) = of_trace(&rule.pre_columns) {
                    let rows = table.pre.iter().enumerate().filter(|(_, pre)| **pre == lane);
                    places.extend(rows.map(|(row, _)| (c, g, false, column, row)));
                }
                if let Some(column) = of_trace(&rule.post_columns)
                    && let Some(post) = lane.checked_sub(table.first_post)
                    && (post as usize) < table.n_post
                {
                    places.push((c, g, true, column, post as usize));
                }
            }
        }
        for (core, group, post, column, _) in &places {
            let rule = self.cores[*core].table.groups[*group].rule.as_ref();
            let rule = rule.expect("internal: only rules have columns");
            let table = if *post { &rule.post_columns } else { &rule.pre_columns };
            let hi = table[*column].max;
            if !(0..=hi).contains(&value) {
                return Err(EmuError::ValueOutOfRange {
                    projection,
                    field: name,
                    value,
                    lo: 0,
                    hi,
                });
            }
        }
        if places.is_empty() {
            return Err(EmuError::Unheld { name, lane });
        }
        self.clock.host_writes += places.len() as u64;
        for (core, group, post, column, at) in places {
            let state = &mut self.cores[core].state.groups[group];
            let columns = if post { &mut state.post } else { &mut state.pre };
            columns[column].value[at] = value;
        }
        Ok(())
    }

    /// The constants in a projection's rule, in the order of its program; none where nothing
    /// learns.
    pub fn constants(&self, projection: usize) -> Result<Vec<Constant>, EmuError> {
        self.field(projection, 0)?;
        let Some((core, group)) = self.plastic_groups(projection).next() else {
            return Ok(Vec::new());
        };
        let id = self.ids[core];
        let code = &self.rule(core, group).code;
        let each = (0..).zip(&code.words).filter_map(|(at, word)| {
            let raw = immediate(*word)?;
            Some(Constant { at, core: id, word: code.first_word + at as u32, raw })
        });
        Ok(each.collect())
    }

    /// Replaces a constant in a projection's rule, on every core that holds it.
    ///
    /// Errors: there is no such constant, or an `ldi` cannot hold the value.
    pub fn write_constant(
        &mut self,
        projection: usize,
        at: usize,
        raw: i32,
    ) -> Result<(), EmuError> {
        let constants = self.constants(projection)?;
        if !constants.iter().any(|c| c.at == at) {
            let count = constants.len();
            return Err(EmuError::NoSuch { kind: "constant at word", index: at, count });
        }
        let places: Vec<_> = self.plastic_groups(projection).collect();
        // A number has several words; the one that is there stays.
        if constants.iter().any(|c| (c.at, c.raw) == (at, raw)) {
            self.clock.host_writes += places.len() as u64;
            return Ok(());
        }
        let (imm, shift) = split(raw).ok_or(EmuError::NoImmediate { value: raw })?;
        for (core, group) in places {
            self.clock.host_writes += 1;
            let words = &self.rule(core, group).code.words;
            let Some(Ok(Inst::Ldi(old))) = words.get(at).map(|w| Inst::decode(*w)) else {
                unreachable!("internal: copies of a rule have the same words");
            };
            let word = Inst::Ldi(Immediate { imm, shift, ..old }).encode();
            self.set_word(core, group, at, word);
        }
        Ok(())
    }

    /// Words that are not as in the image.
    pub(crate) fn patches(&self) -> Vec<Patch> {
        let mut patches = Vec::new();
        for (c, core) in self.cores.iter().enumerate() {
            for (g, table) in core.table.groups.iter().enumerate() {
                let Some(rule) = &table.rule else { continue };
                let words = rule.code.words.iter().zip(&rule.code.image).enumerate();
                patches.extend(words.filter(|(_, (now, image))| now != image).map(
                    |(at, (now, _))| Patch {
                        core: c as u32,
                        group: g as u32,
                        at: at as u32,
                        word: *now,
                    },
                ));
            }
        }
        patches
    }

    /// Refuses patches that change something else than a constant.
    pub(crate) fn check_patches(&self, patches: &[Patch]) -> Result<(), &'static str> {
        for patch in patches {
            let core = self.cores.get(patch.core as usize);
            let group = core.and_then(|core| core.table.groups.get(patch.group as usize));
            let rule = group.and_then(|group| group.rule.as_ref());
            let image = rule.and_then(|rule| rule.code.image.get(patch.at as usize));
            let same = |image: &u32| match (Inst::decode(*image), Inst::decode(patch.word)) {
                (Ok(Inst::Ldi(old)), Ok(Inst::Ldi(new))) => old.rd == new.rd,
                _ => false,
            };
            if !image.is_some_and(same) {
                return Err("constants of rules");
            }
        }
        Ok(())
    }

    /// Makes the microcode that of the image with these words in it, which were checked.
    pub(crate) fn apply_patches(&mut self, patches: &[Patch]) {
        let before = self.patches();
        for Patch { core, group, at, .. } in before {
            let (core, group, at) = (core as usize, group as usize, at as usize);
            let word = self.rule(core, group).code.image[at];
            self.set_word(core, group, at, word);
        }
        for Patch { core, group, at, word } in patches {
            self.set_word(*core as usize, *group as usize, *at as usize, *word);
        }
    }

    /// Replaces a word by another `ldi` of the same register and decodes the program anew.
    fn set_word(&mut self, core: usize, group: usize, at: usize, word: u32) {
        let held = &mut self.cores[core];
        let rule = held.table.groups[group].rule.as_mut();
        let rule = rule.expect("internal: only rules have words");
        if rule.code.words[at] == word {
            return;
        }
        rule.code.words[at] = word;
        rule.program = compile(&rule.code.words, &rule.code.context)
            .unwrap_or_else(|e| panic!("internal: a constant changes no operand: {e:?}"));
        held.forget_program(group);
    }

    pub(crate) fn rule(&self, core: usize, group: usize) -> &Rule {
        let rule = self.cores[core].table.groups[group].rule.as_ref();
        rule.expect("internal: the group learns")
    }

    /// (core, group) of the parts of a projection that learn.
    pub(crate) fn plastic_groups(
        &self,
        projection: usize,
    ) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.cores.iter().enumerate().flat_map(move |(c, core)| {
            let groups = core.table.groups.iter().enumerate();
            groups
                .filter(move |(_, t)| t.projection == projection && t.rule.is_some())
                .map(move |(g, _)| (c, g))
        })
    }
}

/// The value that an `ldi` loads.
fn immediate(word: u32) -> Option<i32> {
    match Inst::decode(word) {
        Ok(Inst::Ldi(o)) => Some(trifactor_fixed::sat32(i64::from(o.imm) << o.shift.get()) as i32),
        _ => None,
    }
}

/// A value as an immediate and a shift to the left, the smallest that does.
fn split(raw: i32) -> Option<(i16, Left)> {
    let places = (0..=raw.trailing_zeros().min(31)).find(|n| i16::try_from(raw >> n).is_ok())?;
    Some((i16::try_from(raw >> places).ok()?, Left::at(places as u8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_survives_the_way_into_an_immediate() {
        for raw in [0, 1, -1, 32_767, -32_768, 32_768, 3 << 20, -(5 << 14), i32::MIN] {
            let (imm, shift) = split(raw).unwrap_or_else(|| panic!("{raw}"));
            assert_eq!(i64::from(imm) << shift.get(), i64::from(raw));
        }
        assert_eq!(split(32_769), None);
        assert_eq!(split(i32::MAX), None);
    }
}
