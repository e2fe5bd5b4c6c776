//! What a loaded core never changes while it runs: registers, synapse lists, columns, programs.
//!
//! State is kept apart in `state.rs`, so that a checkpoint is the state and nothing else. All
//! indices in these tables were checked by `load.rs`.

use crate::program::{Context, Program};
use crate::state::Initial;
use trifactor_fixed::{LearningArithmetic, NeuronArithmetic, Overflow, RawRange, Rounding};
use trifactor_image::{ColumnKind, Guard};
use trifactor_isa::Hops;
use trifactor_timing::Message;

/// Widths of the chip that the arithmetic of every core uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widths {
    /// Raw range of u and v (S25).
    pub state: RawRange,
    /// What u and v do beyond it, unless `neuron` says otherwise.
    pub overflow: Overflow,
    /// Arithmetic of neurons and deliveries.
    pub neuron: NeuronArithmetic,
    /// Arithmetic of traces and stores where they are not those of S30 to S54.
    pub learning: Option<LearningArithmetic>,
    /// Bits of decay registers (S45).
    pub decay_bits: u32,
    /// Steps per epoch (S5).
    pub epoch: u32,
}

/// Registers of the compartments of a core, one entry each.
#[derive(Clone, Default, Debug)]
pub(crate) struct Neurons {
    /// Surviving numerator of u.
    pub keep_u: Vec<u32>,
    /// Surviving numerator of v.
    pub keep_v: Vec<u32>,
    /// Added to v in every step.
    pub bias: Vec<i32>,
    /// Lower bound of v.
    pub v_min: Vec<i32>,
    /// Threshold; the largest number, which no v exceeds, where the compartment has none.
    pub threshold: Vec<i32>,
    /// Steps held after a spike.
    pub refractory: Vec<i32>,
    /// Initial u.
    pub init_u: Vec<i32>,
    /// Initial v.
    pub init_v: Vec<i32>,
    /// Initial refractory counter.
    pub init_hold: Vec<i32>,
    /// Whether biases, initial values and lower bounds are so small that what survives of a
    /// voltage plus current plus bias fits 32 bits.
    pub sums_fit: bool,
    /// First message of each compartment in `messages`, and one past the last.
    pub first_message: Vec<u32>,
    /// Messages; receivers are positions in the emulator's list of cores.
    pub messages: Vec<Message>,
    /// Links that the messages of one spike pass, summed.
    pub hops: Vec<Hops>,
}

impl Neurons {
    /// Number of compartments.
    pub(crate) fn len(&self) -> usize {
        self.keep_u.len()
    }
}

/// A range of modulator lines.
#[derive(Clone, Debug)]
pub(crate) struct ModulatorTable {
    /// Modulator of the map.
    pub modulator: usize,
    /// Target address of the first line.
    pub first_target: usize,
    /// Number of lines.
    pub n_lines: usize,
    /// Logical id of the first line's lane.
    pub first_lane: u32,
    /// Surviving numerator.
    pub keep: i64,
    /// Rounding of the decay.
    pub rounding: Rounding,
    /// Raw range.
    pub range: RawRange,
    /// Draw stream.
    pub stream: u32,
    /// Initial value.
    pub init: i32,
    /// Which lines this core counts saturations of: copies elsewhere count nothing, so that
    /// counts do not depend on the placement.
    pub counts: Vec<bool>,
}

/// A trace unit of a group.
#[derive(Clone, Debug)]
pub(crate) struct ColumnTable {
    /// Trace of the map that this column is part of, if the map names it.
    pub trace: Option<usize>,
    /// Arithmetic.
    pub kind: ColumnKind,
    /// Largest raw value, at most 2^16 - 1.
    pub max: i32,
    /// Surviving numerator.
    pub keep: u32,
    /// Impulse, or the height of a pseudo-derivative.
    pub impulse: i32,
    /// Saturating traces: raw x_max. Pseudo-derivatives: the slope.
    pub x_max: i32,
    /// Saturating traces: fraction bits of the impulse. Pseudo-derivatives: places by which the
    /// product of distance and slope moves to the right.
    pub shift: u32,
    /// Rounding of decay and saturating impulse.
    pub rounding: Rounding,
    /// Draw stream.
    pub stream: u32,
    /// Initial value.
    pub init: i32,
    /// Whether the values of every step of the epoch are kept: some load of the program reads
    /// the column at a spike time or one step back.
    pub history: bool,
}

/// How long the spikes of a group travel beyond the first step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Travel {
    /// The same for all synapses: rows are filed and weights read on arrival.
    Fixed(u32),
    /// As this field says when the spike is emitted (S14): synapses are filed one by one.
    PerSynapse(usize),
}

impl Travel {
    /// Steps that must be told apart in the ring of arrivals.
    pub(crate) fn slots(self) -> usize {
        match self {
            Self::Fixed(d) => d as usize + 2,
            Self::PerSynapse(_) => 64,
        }
    }
}

/// Synapses ordered by post lane: for rules that skip silent pre lanes in sparse projections.
#[derive(Clone, Debug)]
pub(crate) struct ByPost {
    /// First entry of each post lane, and one past the last.
    pub start: Vec<u32>,
    /// Row of each entry; a message names its row in 16 bits.
    pub row: Vec<u16>,
    /// Synapse of each entry.
    pub synapse: Vec<u32>,
}

impl ByPost {
    /// (row, synapse) of the synapses that end at a post lane.
    pub(crate) fn of(&self, post: u32) -> impl Iterator<Item = (u32, u32)> {
        let [from, to] = [post, post + 1].map(|p| self.start[p as usize] as usize);
        let rows = self.row[from..to].iter().map(|row| u32::from(*row));
        rows.zip(self.synapse[from..to].iter().copied())
    }
    /// Bytes of a synapse's entry.
    pub(crate) const ENTRY: usize = 6;
}

/// A program as it stands in the microcode memory.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    /// Address of its first word.
    pub first_word: u32,
    /// Its words in the image.
    pub image: Vec<u32>,
    /// Its words now: a host may have changed constants.
    pub words: Vec<u32>,
    /// The tables it is read against.
    pub context: Context,
}

/// A plastic group's rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// The program as written.
    pub code: Code,
    /// The decoded program.
    pub program: Program,
    /// Draw stream.
    pub stream: u32,
    /// When synapses may be skipped.
    pub guard: Guard,
    /// The post lanes' part of keyed draws, with room for a tile.
    pub post_keys: Vec<u32>,
    /// Columns on the rows.
    pub pre_columns: Vec<ColumnTable>,
    /// Columns on the post lanes.
    pub post_columns: Vec<ColumnTable>,
    /// Rows whose pre traces this group counts saturations of; see [`ModulatorTable::counts`].
    pub counts: Vec<bool>,
    /// Whether it counts saturations of stores and post traces: false for all but one of the
    /// groups that feed copies of the same modulator lines.
    pub counts_posts: bool,
}

/// A field of a group's synapses.
#[derive(Clone, Debug)]
pub(crate) struct FieldTable {
    /// What a store or the host may write: the format's range, narrowed by the profile's.
    pub range: RawRange,
    /// Value of every synapse in the image.
    pub init: Initial,
    /// Whether all of these lie in `range`, so that no value ever lies outside.
    pub inside: bool,
}

/// The part of a projection that ends on a core.
#[derive(Clone, Debug)]
pub(crate) struct GroupTable {
    /// Projection of the map.
    pub projection: usize,
    /// Logical pre lane of each row; ascending is not required.
    pub pre: Vec<u32>,
    /// First synapse of each row, and one past the last.
    pub row_start: Vec<u32>,
    /// Words of synapse memory of each row.
    pub row_words: Vec<u32>,
    /// Post lane of each synapse, from `first_post`; `None` where the k-th synapse of a row has
    /// post lane k.
    pub index: Option<Vec<u16>>,
    /// Length of the rows, where the group has no index and they are all of one length.
    pub row_len: Option<usize>,
    /// Target address of post lane 0 of the slice.
    pub first_target: usize,
    /// Logical id of post lane 0 of the slice.
    pub first_post: u32,
    /// Post lanes of the slice.
    pub n_post: usize,
    /// A weight's contribution is `w << shift`, or `w >> -shift`.
    pub shift: i32,
    /// Delays.
    pub travel: Travel,
    /// Whether weights are read when their spikes are sent, so that what is in flight are pairs
    /// of a post lane and a contribution (S87).
    pub sends: bool,
    /// Fields; the first is the weight.
    pub fields: Vec<FieldTable>,
    /// The rule, where the group is plastic.
    pub rule: Option<Rule>,
    /// Synapses by post lane, where the rule's guard needs it.
    pub by_post: Option<ByPost>,
}

impl GroupTable {
    /// Number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.pre.len()
    }
    /// Number of synapses.
    pub(crate) fn n_synapses(&self) -> usize {
        self.row_start.last().map_or(0, |n| *n as usize)
    }
    /// Rows and post lanes whose spikes the trace unit remembers for its replay (S81).
    pub(crate) fn seen_lanes(&self, widths: &Widths) -> [usize; 2] {
        match (&self.rule, widths.learning) {
            (Some(_), Some(_)) => [self.n_rows(), self.n_post],
            _ => [0; 2],
        }
    }
    /// The synapses of a row.
    pub(crate) fn row(&self, row: usize) -> std::ops::Range<usize> {
        self.row_start[row] as usize..self.row_start[row + 1] as usize
    }
    /// Post lane of a synapse of a row, from `first_post`.
    pub(crate) fn post_of(&self, row: usize, synapse: usize) -> u32 {
        match &self.index {
            Some(index) => index[synapse].into(),
            None => (synapse - self.row_start[row] as usize) as u32,
        }
    }
}

/// A core.
#[derive(Clone, Debug)]
pub(crate) struct CoreTable {
    /// Compartments.
    pub neurons: Neurons,
    /// Modulator lines.
    pub modulators: Vec<ModulatorTable>,
    /// Accumulators: compartments, then modulator lines.
    pub n_targets: usize,
    /// Groups.
    pub groups: Vec<GroupTable>,
    /// Group and row of each input axon; `None` for an axon outside of all groups.
    pub axons: Vec<Option<(u32, u32)>>,
    /// Traces that make a step in every step: columns times lanes.
    pub n_traces: u64,
    /// Modulator lines that make a step in every step.
    pub n_lines: u64,
}
