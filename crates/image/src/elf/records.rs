//! The records of core memories as bytes: one table for writer, reader and manual.
//!
//! Every number is little-endian, records follow each other without gaps, and a record's size is
//! the sum of its fields. `docs/image-format.md` quotes [`record_tables`].

use crate::error::ImageError;
use crate::{
    AxonIn, AxonOut, Column, ColumnKind, Compartment, Core, Field, FieldRange, Format, Group,
    Guard, ModulatorLines, Profile, Slot,
};
use std::fmt::Write;
use trifactor_fixed::Rounding;

/// A value with a fixed number of bytes.
trait Wire: Sized {
    /// Number of bytes.
    const SIZE: usize;
    /// Its name in the manual.
    fn name() -> String;
    fn put(&self, out: &mut Vec<u8>);
    /// Reads the value; there are at least `SIZE` bytes.
    fn take(bytes: &mut &[u8]) -> Result<Self, String>;
}

/// A value of which a record can hold a list.
trait Item: Wire {
    /// Places that a record has for it.
    const PLACES: u8;
}

/// One row of a record's table.
pub(crate) struct FieldLayout {
    name: &'static str,
    size: usize,
    encoding: String,
    what: &'static str,
}

/// A record of a core memory.
pub(crate) trait Record: Sized {
    /// Name of the memory, the last part of its section's name.
    const MEMORY: &'static str;
    /// Number of bytes.
    const SIZE: usize;
    /// What one record is.
    const WHAT: &'static str;
    /// The fields in order.
    fn layout() -> Vec<FieldLayout>;
    /// Appends the record's bytes.
    fn append(&self, out: &mut Vec<u8>);
    /// Reads a record from exactly `SIZE` bytes.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String>;
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            const SIZE: usize = size_of::<$type>();
            fn name() -> String {
                stringify!($type).to_owned()
            }
            fn put(&self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }
            fn take(bytes: &mut &[u8]) -> Result<Self, String> {
                let (head, tail) = bytes
                    .split_first_chunk()
                    .expect("internal: memories are cut into whole records");
                *bytes = tail;
                Ok(Self::from_le_bytes(*head))
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, i8, i32);

/// A type with a code of one byte per value.
macro_rules! codes {
    ($type:ty { $($code:literal => $value:path = $name:literal),* }) => {
        impl Wire for $type {
            const SIZE: usize = 1;
            fn name() -> String {
                [$(concat!("`", $code, "` ", $name)),*].join(", ")
            }
            fn put(&self, out: &mut Vec<u8>) {
                out.push(match self { $($value => $code),* });
            }
            fn take(bytes: &mut &[u8]) -> Result<Self, String> {
                Ok(match u8::take(bytes)? {
                    $($code => $value,)*
                    other => return Err(format!("{other} is none of {}", Self::name())),
                })
            }
        }
    };
}

codes!(Rounding {
    0 => Rounding::Floor = "floor",
    1 => Rounding::Zero = "zero",
    2 => Rounding::Nearest = "nearest",
    3 => Rounding::Stochastic = "stochastic"
});
codes!(Guard {
    0 => Guard::Always = "always",
    1 => Guard::PreOrPost = "pre or post",
    2 => Guard::Pre = "pre",
    3 => Guard::Post = "post"
});
codes!(ColumnKind {
    0 => ColumnKind::Linear = "linear",
    1 => ColumnKind::Saturating = "saturating",
    2 => ColumnKind::Replayed = "replayed",
    3 => ColumnKind::PseudoDerivative = "pseudo-derivative"
});

impl Wire for bool {
    const SIZE: usize = 1;
    fn name() -> String {
        "`0` no, `1` yes".to_owned()
    }
    fn put(&self, out: &mut Vec<u8>) {
        out.push((*self).into());
    }
    fn take(bytes: &mut &[u8]) -> Result<Self, String> {
        match u8::take(bytes)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("{other} is neither 0 nor 1")),
        }
    }
}

impl Wire for Field {
    const SIZE: usize = 2;
    fn name() -> String {
        "bits u8, signed u8 (0 or 1)".to_owned()
    }
    fn put(&self, out: &mut Vec<u8>) {
        self.bits.put(out);
        self.signed.put(out);
    }
    fn take(bytes: &mut &[u8]) -> Result<Self, String> {
        Ok(Self { bits: u8::take(bytes)?, signed: bool::take(bytes)? })
    }
}

impl Wire for FieldRange {
    const SIZE: usize = 8;
    fn name() -> String {
        "lo i32, hi i32".to_owned()
    }
    fn put(&self, out: &mut Vec<u8>) {
        self.lo.put(out);
        self.hi.put(out);
    }
    fn take(bytes: &mut &[u8]) -> Result<Self, String> {
        Ok(Self { lo: i32::take(bytes)?, hi: i32::take(bytes)? })
    }
}

impl Wire for Slot {
    const SIZE: usize = 3;
    fn name() -> String {
        "kind u8 (0 column, 1 modulator), position u16".to_owned()
    }
    fn put(&self, out: &mut Vec<u8>) {
        let (kind, position) = match *self {
            Self::Column(position) => (0u8, position),
            Self::Modulator(position) => (1, position),
        };
        kind.put(out);
        position.put(out);
    }
    fn take(bytes: &mut &[u8]) -> Result<Self, String> {
        let (kind, position) = (u8::take(bytes)?, u16::take(bytes)?);
        match kind {
            0 => Ok(Self::Column(position)),
            1 => Ok(Self::Modulator(position)),
            other => Err(format!("{other} is neither 0 (column) nor 1 (modulator)")),
        }
    }
}

impl Item for Field {
    const PLACES: u8 = 8;
}
impl Item for FieldRange {
    const PLACES: u8 = 8;
}
impl Item for Slot {
    const PLACES: u8 = 16;
}

/// A list: its length in one byte, then all its places; unused ones are 0.
impl<T: Item> Wire for Vec<T> {
    const SIZE: usize = 1 + T::PLACES as usize * T::SIZE;
    fn name() -> String {
        format!("count u8, then {} places of ({})", T::PLACES, T::name())
    }
    fn put(&self, out: &mut Vec<u8>) {
        let end = out.len() + Self::SIZE;
        let count = u8::try_from(self.len())
            .ok()
            .filter(|count| *count <= T::PLACES)
            .expect("internal: an image is validated before it is written");
        out.push(count);
        for item in self {
            item.put(out);
        }
        out.resize(end, 0);
    }
    fn take(bytes: &mut &[u8]) -> Result<Self, String> {
        let count = u8::take(bytes)?;
        if count > T::PLACES {
            return Err(format!("{count} entries; there are {} places", T::PLACES));
        }
        let items = (0..count).map(|_| T::take(bytes)).collect::<Result<_, _>>()?;
        let (unused, tail) = bytes.split_at(usize::from(T::PLACES - count) * T::SIZE);
        *bytes = tail;
        match unused.iter().all(|byte| *byte == 0) {
            true => Ok(items),
            false => Err(format!("places behind the {count} entries are not 0")),
        }
    }
}

/// Declares a record: its memory, and its fields in the order of their bytes.
macro_rules! record {
    ($type:ty, $memory:literal, $what:literal { $($field:ident: $wire:ty = $doc:literal,)* }) => {
        impl Record for $type {
            const MEMORY: &'static str = $memory;
            const SIZE: usize = 0 $(+ <$wire as Wire>::SIZE)*;
            const WHAT: &'static str = $what;
            fn layout() -> Vec<FieldLayout> {
                vec![$(FieldLayout {
                    name: stringify!($field),
                    size: <$wire as Wire>::SIZE,
                    encoding: <$wire as Wire>::name(),
                    what: $doc,
                }),*]
            }
            fn append(&self, out: &mut Vec<u8>) {
                $(Wire::put(&self.$field, out);)*
            }
            fn from_bytes(mut bytes: &[u8]) -> Result<Self, String> {
                Ok(Self { $($field: <$wire as Wire>::take(&mut bytes)
                    .map_err(|what| format!("{}: {what}", stringify!($field)))?,)* })
            }
        }
    };
}

/// Declares a memory whose records are one number.
macro_rules! word {
    ($type:ty, $memory:literal, $what:literal, $doc:literal) => {
        impl Record for $type {
            const MEMORY: &'static str = $memory;
            const SIZE: usize = <$type as Wire>::SIZE;
            const WHAT: &'static str = $what;
            fn layout() -> Vec<FieldLayout> {
                let encoding = <$type as Wire>::name();
                vec![FieldLayout {
                    name: "word",
                    size: <$type as Wire>::SIZE,
                    encoding,
                    what: $doc,
                }]
            }
            fn append(&self, out: &mut Vec<u8>) {
                self.put(out);
            }
            fn from_bytes(mut bytes: &[u8]) -> Result<Self, String> {
                Wire::take(&mut bytes)
            }
        }
    };
}

record!(Compartment, "compartments", "One neuron: the registers of S20 to S25." {
    decay_u: u16 = "decay register of u (S45)",
    decay_v: u16 = "decay register of v (S45)",
    bias: i32 = "added to v in every step",
    v_min: i32 = "lower bound of v",
    threshold: i32 = "spike threshold",
    refractory: u8 = "steps held after a spike",
    spikes: bool = "whether there is a threshold (S24)",
    init_u: i32 = "u at the start of a trial",
    init_v: i32 = "v at the start of a trial",
    init_hold: u8 = "refractory counter at the start of a trial",
    first_out: u32 = "first message of its spike in `axons_out`",
    n_out: u32 = "number of messages",
});
record!(ModulatorLines, "modulators", "A range of modulator lines (S36, S37)." {
    modulator: u16 = "modulator in the map",
    first_line: u32 = "first line; its target address is the number of compartments plus this",
    n_lines: u32 = "number of lines",
    first_lane: u32 = "logical id of the first line",
    decay: u16 = "decay register (S45)",
    rounding: Rounding = "rounding of the decay",
    lo: i32 = "smallest raw value",
    hi: i32 = "largest raw value",
    stream: u32 = "draw stream (S52)",
    init: i32 = "value at the start of a trial",
});
record!(AxonOut, "axons_out", "A message that a spike causes." {
    core: u32 = "core that receives it, counted chip by chip",
    axon: u16 = "input axon there",
});
record!(AxonIn, "axons_in", "An input axon: one pre lane of one group." {
    pre: u32 = "logical id of the pre lane",
    first_word: u32 = "first word of its list in `synapses`",
    n_synapses: u32 = "number of synapses",
});
record!(Group, "groups", "The part of a projection that ends on this core." {
    projection: u16 = "projection in the map",
    first_axon: u32 = "first input axon",
    n_axons: u32 = "number of input axons",
    format: u8 = "record in `formats`",
    profile: u8 = "record in `profiles`; `255` where nothing learns",
    first_target: u32 = "target address of `first_post`",
    first_post: u32 = "logical id of the first post lane here",
    n_post: u32 = "number of post lanes here",
    shift: i8 = "a weight contributes `w << shift`, or `w >> -shift` (S11)",
    delay: u8 = "delay of all synapses without a delay field",
    delay_field: u8 = "field that holds the delay; `255` where there is none",
});
record!(Format, "formats", "Layout of a synapse list." {
    index_bits: u8 = "bits of the target index; 0 is dense",
    fields: Vec<Field> = "the weight, then the other variables",
});
word!(u64, "synapses", "A word of synapse memory.", "blocks of synapses, see below");
record!(Profile, "profiles", "The program of a learning group." {
    first_word: u32 = "first word in `ucode`",
    n_words: u32 = "number of words, `halt` included",
    stream: u32 = "draw stream (S52)",
    guard: Guard = "which lane must have spiked in the epoch for a synapse to be evaluated (S47)",
    ranges: Vec<FieldRange> = "raw range of every field (S42)",
    pre_slots: Vec<Slot> = "slots 1 and up of `ldx`; positions in `columns`, `modulators`",
    post_slots: Vec<Slot> = "slots 1 and up of `ldy`",
    global_slots: Vec<Slot> = "slots 0 and up of `ldg`",
});
record!(Column, "columns", "A trace on the pre or post lanes of a profile's group (S30 to S34), or a pseudo-derivative on its post lanes (S27)." {
    profile: u8 = "record in `profiles`",
    post: bool = "on the post lanes, not on the axons",
    kind: ColumnKind = "arithmetic",
    bits: u8 = "stored bits, unsigned",
    max: i32 = "largest raw value",
    decay: u16 = "linear and saturating: decay register (S45)",
    impulse: i32 = "raw value (linear, replayed), mantissa of the factor (saturating) or height (pseudo-derivative)",
    x_max: i32 = "saturating: raw upper end; replayed: decay register; pseudo-derivative: slope",
    shift: u8 = "saturating: fraction bits of the impulse; pseudo-derivative: places to the right of distance times slope",
    rounding: Rounding = "rounding of decay and saturating impulse",
    stream: u32 = "draw stream (S52)",
    init: i32 = "value at the start of a trial",
    history: bool = "whether the values of the whole epoch are kept (S34)",
});
word!(u32, "ucode", "A word of microcode.", "one instruction, see `docs/isa/instructions.md`");

/// A memory of a core, ready to be written.
pub(super) struct Memory {
    pub(super) name: &'static str,
    pub(super) record_size: usize,
    pub(super) bytes: Vec<u8>,
}

/// The memories in the order of their sections.
macro_rules! memories {
    ($($field:ident: $type:ty),*) => {
        /// The memories of a core that hold something.
        pub(super) fn encode(core: &Core) -> Vec<Memory> {
            let all = [$(encode_records(&core.$field)),*];
            all.into_iter().filter(|memory| !memory.bytes.is_empty()).collect()
        }
        /// Fills the memory of that name; `None` where a core has no such memory.
        pub(super) fn decode(
            core: &mut Core,
            memory: &str,
            section: &str,
            bytes: &[u8],
        ) -> Option<Result<(), ImageError>> {
            $(if memory == <$type as Record>::MEMORY {
                return Some(decode_records(section, bytes).map(|records| core.$field = records));
            })*
            None
        }
        /// Whether a core holds anything at all.
        pub(crate) fn is_empty(core: &Core) -> bool {
            true $(&& core.$field.is_empty())*
        }
        /// The tables of all records, as `docs/image-format.md` shows them.
        pub fn record_tables() -> String {
            let mut out = String::new();
            $(record_table::<$type>(&mut out);)*
            out
        }
    };
}
memories!(
    compartments: Compartment,
    modulators: ModulatorLines,
    axons_out: AxonOut,
    axons_in: AxonIn,
    groups: Group,
    formats: Format,
    synapses: u64,
    profiles: Profile,
    columns: Column,
    ucode: u32
);

fn encode_records<R: Record>(records: &[R]) -> Memory {
    let mut bytes = Vec::with_capacity(records.len() * R::SIZE);
    for record in records {
        record.append(&mut bytes);
    }
    Memory { name: R::MEMORY, record_size: R::SIZE, bytes }
}

fn decode_records<R: Record>(section: &str, bytes: &[u8]) -> Result<Vec<R>, ImageError> {
    let malformed = |offset: usize, what: String| ImageError::Malformed {
        section: section.to_owned(),
        offset: offset as u64,
        what,
    };
    let records = bytes.chunks_exact(R::SIZE);
    let rest = records.remainder().len();
    if rest != 0 {
        let what = format!("the last record has {rest} of {} bytes", R::SIZE);
        return Err(malformed(bytes.len() - rest, what));
    }
    records
        .enumerate()
        .map(|(k, record)| R::from_bytes(record).map_err(|what| malformed(k * R::SIZE, what)))
        .collect()
}

fn record_table<R: Record>(out: &mut String) {
    let mut table = format!("### `{}`: {} bytes a record\n\n{}\n\n", R::MEMORY, R::SIZE, R::WHAT);
    table.push_str("| offset | bytes | field | encoding | meaning |\n|---|---|---|---|---|\n");
    let mut offset = 0;
    for FieldLayout { name, size, encoding, what } in R::layout() {
        writeln!(table, "| {offset} | {size} | `{name}` | {encoding} | {what} |")
            .expect("internal: a String accepts every text");
        offset += size;
    }
    table.push('\n');
    out.push_str(&table);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_record_fill_it() {
        fn sum<R: Record>() -> usize {
            R::layout().iter().map(|field| field.size).sum()
        }
        assert_eq!(sum::<Compartment>(), Compartment::SIZE);
        assert_eq!(sum::<Profile>(), Profile::SIZE);
        assert_eq!((Compartment::SIZE, AxonIn::SIZE, AxonOut::SIZE), (35, 12, 6));
        let mut bytes = Vec::new();
        Group { projection: 0x0102, shift: -1, ..Group::default() }.append(&mut bytes);
        assert_eq!(bytes.len(), Group::SIZE);
        assert_eq!(bytes[..2], [2, 1]);
        assert_eq!(bytes[Group::SIZE - 3], 0xff);
    }

    #[test]
    fn a_code_without_a_meaning_is_refused_with_its_field() {
        let mut bytes = Vec::new();
        Compartment::default().append(&mut bytes);
        bytes[17] = 2;
        let error = decode_records::<Compartment>(".core4.compartments", &bytes).unwrap_err();
        let expected = ".core4.compartments, byte 0x0: spikes: 2 is neither 0 nor 1; \
                        recompile the model";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn the_bytes_behind_a_list_must_be_zero() {
        let mut bytes = Vec::new();
        Format { index_bits: 0, fields: vec![Field { bits: 4, signed: true }] }.append(&mut bytes);
        assert!(decode_records::<Format>("f", &bytes).is_ok());
        bytes[Format::SIZE - 1] = 1;
        assert!(decode_records::<Format>("f", &bytes).is_err());
        bytes[1] = 9;
        assert!(decode_records::<Format>("f", &bytes).is_err());
    }

    #[test]
    fn a_record_that_is_cut_off_is_refused() {
        let error = decode_records::<AxonIn>(".core0.axons_in", &[0; 13]).unwrap_err();
        assert!(error.to_string().contains("byte 0xc: the last record has 1 of 12 bytes"));
    }
}
