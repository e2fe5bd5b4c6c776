//! The author's names: how a host finds lanes, fields and programs on the cores.

use serde::{Deserialize, Serialize};

/// Everything a host needs to address a loaded chip in the author's words.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Map {
    /// Populations, inputs included, in the author's order.
    pub populations: Vec<PopulationMap>,
    /// Projections in the author's order.
    pub projections: Vec<ProjectionMap>,
    /// Modulators in the author's order.
    pub modulators: Vec<ModulatorMap>,
    /// Traces in the author's order.
    pub traces: Vec<TraceMap>,
    /// Where each microcode word comes from.
    pub source: Vec<SourceLine>,
}

/// Where the lanes of a population are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PopulationMap {
    /// The author's name.
    pub name: String,
    /// Number of lanes.
    pub n: u32,
    /// Fraction bits of u and v; 0 for inputs.
    pub frac: i8,
    /// Compartments; empty for inputs.
    pub slices: Vec<Slice>,
    /// Inputs only: messages of each lane. Shape: `[lane][message]` of (core, input axon).
    pub input_axons: Vec<Vec<(u32, u16)>>,
}

/// A contiguous part of a population on one core.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Slice {
    /// First logical lane.
    pub first_lane: u32,
    /// Number of lanes.
    pub n: u32,
    /// Core.
    pub core: u32,
    /// Compartment of the first lane.
    pub first_compartment: u32,
}

/// Where the synapses of a projection are and what their fields mean.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProjectionMap {
    /// The author's name.
    pub name: String,
    /// Name of the pre population.
    pub pre: String,
    /// Name of the post population or modulator.
    pub post: String,
    /// Lanes of the pre population.
    pub n_pre: u32,
    /// Lanes of the post population.
    pub n_post: u32,
    /// Number of synapses.
    pub n_synapses: u32,
    /// Fields in the order of the format.
    pub fields: Vec<FieldMap>,
    /// Groups that hold it.
    pub parts: Vec<ProjectionPart>,
}

/// One field of a projection's synapses.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldMap {
    /// The author's name: `w`, `d`, `e_plus`.
    pub name: String,
    /// Fraction bits.
    pub frac: i8,
}

/// A group that holds part of a projection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProjectionPart {
    /// Core.
    pub core: u32,
    /// Group on that core.
    pub group: u16,
}

/// Where the lines of a modulator are; every copy holds the same values (S38).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ModulatorMap {
    /// The author's name.
    pub name: String,
    /// Number of lanes.
    pub n: u32,
    /// Fraction bits.
    pub frac: i8,
    /// Ranges of lines on cores.
    pub parts: Vec<ModulatorPart>,
}

/// A range of lines of a modulator on one core.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ModulatorPart {
    /// Core.
    pub core: u32,
    /// Index in that core's modulator table.
    pub range: u16,
}

/// Which lanes carry a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TraceSide {
    /// Pre lanes: input axons.
    Pre,
    /// Post lanes.
    Post,
}

/// Where a trace is. One that the rules of several projections read, or one rule on both sides,
/// has an entry for each, all with the same values.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TraceMap {
    /// The state's full name, such as `input.ff.x1`.
    pub name: String,
    /// Projection in [`Map::projections`].
    pub projection: u16,
    /// Side.
    pub side: TraceSide,
    /// Fraction bits.
    pub frac: i8,
    /// (core, column in that core's table) of each part, as in the projection's parts.
    pub parts: Vec<(u32, u16)>,
}

/// Where in the author's files microcode comes from, for debuggers. An image is complete without.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LineTable {
    /// Files, as the model names them.
    pub files: Vec<String>,
    /// Products of the authors' sums.
    pub terms: Vec<String>,
    /// Lines, by core and address; words without a line are left out.
    pub words: Vec<WordLine>,
}

/// The line that a microcode word comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WordLine {
    /// Core.
    pub core: u32,
    /// Microcode address.
    pub word: u32,
    /// File in [`LineTable::files`].
    pub file: u16,
    /// Line, from 1.
    pub line: u32,
    /// The product of a sum that the word is for, in [`LineTable::terms`].
    pub term: Option<u16>,
}

impl LineTable {
    /// The number of a file, which is added if it is new.
    pub fn file(&mut self, name: &str) -> u16 {
        let known = self.files.iter().position(|file| file == name);
        known.unwrap_or_else(|| {
            self.files.push(name.to_owned());
            self.files.len() - 1
        }) as u16
    }

    /// The number of a product, which is added if it is new; none beyond what a number holds.
    pub fn term(&mut self, text: &str) -> Option<u16> {
        let known = self.terms.iter().position(|term| term == text);
        let number = u16::try_from(known.unwrap_or(self.terms.len())).ok()?;
        if known.is_none() {
            self.terms.push(text.to_owned());
        }
        Some(number)
    }

    /// The product of a sum that a word is for.
    pub fn term_of(&self, core: u32, word: u32) -> Option<&str> {
        let term = self.word(core, word)?.term?;
        self.terms.get(usize::from(term)).map(String::as_str)
    }

    /// The line of a word, with its file.
    pub fn line_of(&self, core: u32, word: u32) -> Option<(&str, u32)> {
        let found = self.word(core, word)?;
        Some((self.files.get(usize::from(found.file))?, found.line))
    }

    fn word(&self, core: u32, word: u32) -> Option<&WordLine> {
        let at = self.words.binary_search_by_key(&(core, word), |w| (w.core, w.word)).ok()?;
        self.words.get(at)
    }
}

/// Origin of microcode words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SourceLine {
    /// Core.
    pub core: u32,
    /// Microcode address.
    pub word: u32,
    /// The author's rule.
    pub rule: String,
    /// Operation of the kernel as its text form prints it.
    pub text: String,
    /// Key path in the model file.
    pub key: String,
}
