//! Everything a core remembers from one step to the next, and its initial values.
//!
//! This is what a checkpoint holds. Synapse fields are kept in the narrowest of three widths, so
//! that a plastic synapse with eight fields of 16 bits takes 16 bytes.

use crate::ledger::Counts;
use crate::tables::{ColumnTable, CoreTable, GroupTable, Widths};
use serde::{Deserialize, Serialize};
use trifactor_fixed::RawRange;

/// Integers of one synapse field, one per synapse.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Lanes {
    /// Up to 16 bits with, or 15 without a sign.
    I16(Vec<i16>),
    /// 16 bits without a sign.
    U16(Vec<u16>),
    /// Wider.
    I32(Vec<i32>),
}

impl Lanes {
    /// An empty list that can hold a range.
    pub(crate) fn for_range(range: RawRange) -> Self {
        if range.lo >= i16::MIN.into() && range.hi <= i16::MAX.into() {
            Self::I16(Vec::new())
        } else if range.lo >= 0 && range.hi <= u16::MAX.into() {
            Self::U16(Vec::new())
        } else {
            Self::I32(Vec::new())
        }
    }
    /// Appends values, which must lie in the range the list was made for.
    pub(crate) fn extend(&mut self, values: &[i32]) {
        match self {
            Self::I16(v) => v.extend(values.iter().map(|x| *x as i16)),
            Self::U16(v) => v.extend(values.iter().map(|x| *x as u16)),
            Self::I32(v) => v.extend_from_slice(values),
        }
    }
    /// Number of synapses.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::I16(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::I32(v) => v.len(),
        }
    }
    /// The value of a synapse.
    #[inline(always)]
    pub(crate) fn get(&self, at: usize) -> i32 {
        match self {
            Self::I16(v) => v[at].into(),
            Self::U16(v) => v[at].into(),
            Self::I32(v) => v[at],
        }
    }
    /// Replaces the value of a synapse by one of the range.
    #[inline(always)]
    pub(crate) fn set(&mut self, at: usize, value: i32) {
        match self {
            Self::I16(v) => v[at] = value as i16,
            Self::U16(v) => v[at] = value as u16,
            Self::I32(v) => v[at] = value,
        }
    }
    fn same_width(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
    /// One value, where all are equal; else the list.
    fn merged(self) -> Self {
        fn one<T: Copy + PartialEq>(mut v: Vec<T>) -> Vec<T> {
            if v.windows(2).all(|pair| pair[0] == pair[1]) {
                v.truncate(1);
            }
            v.shrink_to_fit();
            v
        }
        match self {
            Self::I16(v) => Self::I16(one(v)),
            Self::U16(v) => Self::U16(one(v)),
            Self::I32(v) => Self::I32(one(v)),
        }
    }
    /// So many copies of the first value.
    fn repeated(&self, n: usize) -> Self {
        match self {
            Self::I16(v) => Self::I16(vec![v[0]; n]),
            Self::U16(v) => Self::U16(vec![v[0]; n]),
            Self::I32(v) => Self::I32(vec![v[0]; n]),
        }
    }
    /// Bytes of a value.
    pub(crate) fn width(&self) -> usize {
        match self {
            Self::I16(_) | Self::U16(_) => 2,
            Self::I32(_) => 4,
        }
    }
}

/// Initial values of a field: one per synapse, or one where all are equal, which is what most
/// variables begin with.
#[derive(Clone, Debug)]
pub(crate) struct Initial {
    values: Lanes,
    n: usize,
}

impl Initial {
    /// Keeps what a list holds.
    pub(crate) fn new(values: Lanes) -> Self {
        let n = values.len();
        Self { values: values.merged(), n }
    }
    /// The value of a synapse.
    pub(crate) fn get(&self, at: usize) -> i32 {
        self.values.get(if self.values.len() == 1 { 0 } else { at })
    }
    /// The values as a state.
    pub(crate) fn lanes(&self) -> Lanes {
        if self.values.len() == self.n { self.values.clone() } else { self.values.repeated(self.n) }
    }
    /// Whether a state has their width and number.
    pub(crate) fn fits(&self, state: &Lanes) -> bool {
        state.same_width(&self.values) && state.len() == self.n
    }
    /// Bytes of a value.
    pub(crate) fn width(&self) -> usize {
        self.values.width()
    }
    /// Bytes that they take.
    pub(crate) fn bytes(&self) -> usize {
        self.values.len() * self.values.width()
    }
}

/// Values of one column.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ColumnState {
    /// The trace of each lane.
    pub value: Vec<i32>,
    /// Values at positions 0 to T of the epoch, or empty. Position 0 is the end of the epoch
    /// before. Shape: pre columns `[lane][position]`, post columns `[position][lane]`, because a
    /// tile of a row wants one row of the former and one position of the latter.
    pub history: Vec<i32>,
}

impl ColumnState {
    fn new(column: &ColumnTable, lanes: usize, epoch: u32) -> Self {
        let kept = if column.history { lanes * (epoch as usize + 1) } else { 0 };
        Self { value: vec![column.init; lanes], history: vec![column.init; kept] }
    }
}

/// State of a group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct GroupState {
    /// Synapse fields.
    pub fields: Vec<Lanes>,
    /// Spikes in flight by step of arrival modulo the number of slots: rows, or synapses where
    /// delays are per synapse, or pairs of a post lane and a contribution where weights are read
    /// as spikes are sent.
    pub in_flight: Vec<Vec<u32>>,
    /// Pre columns.
    pub pre: Vec<ColumnState>,
    /// Post columns.
    pub post: Vec<ColumnState>,
    /// Position of each row's last spike in the epoch; 0 for none (S35). Empty without a rule.
    pub pre_last: Vec<u8>,
    /// The same of rows and of post lanes as the trace unit knew it before this step; only where
    /// it replays epochs (S81).
    pub seen: [Vec<u8>; 2],
    /// Stores that saturated, by field (S42).
    pub saturated_stores: Vec<u64>,
    /// Saturations of pre columns.
    pub saturated_pre: Vec<u64>,
    /// Saturations of post columns.
    pub saturated_post: Vec<u64>,
    /// Synapses the rule was executed for.
    pub evaluated: u64,
    /// Synapses that the guard skipped.
    pub skipped: u64,
}

/// State of a core.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct CoreState {
    /// Currents.
    pub u: Vec<i32>,
    /// Voltages.
    pub v: Vec<i32>,
    /// Refractory counters.
    pub hold: Vec<i32>,
    /// Position of each target's last spike in the epoch; 0 for none, and for modulator lines.
    pub last: Vec<u8>,
    /// Modulator lines, by range.
    pub modulators: Vec<Vec<i32>>,
    /// Groups.
    pub groups: Vec<GroupState>,
    /// Compartments that spiked in the last step, ascending.
    pub fired: Vec<u32>,
    /// Saturations of u and of v, by compartment.
    pub saturated: Vec<[u64; 2]>,
    /// Saturations of modulator ranges.
    pub saturated_lines: Vec<u64>,
    /// What the core has done since the ledger was cleared.
    pub counts: Counts,
}

impl CoreState {
    /// Every state at its initial value.
    pub(crate) fn new(core: &CoreTable, widths: &Widths) -> Self {
        let n = core.neurons.len();
        Self {
            u: core.neurons.init_u.clone(),
            v: core.neurons.init_v.clone(),
            hold: core.neurons.init_hold.clone(),
            last: vec![0; core.n_targets],
            modulators: core.modulators.iter().map(|m| vec![m.init; m.n_lines]).collect(),
            groups: core.groups.iter().map(|g| GroupState::new(g, widths)).collect(),
            fired: Vec::new(),
            saturated: vec![[0; 2]; n],
            saturated_lines: vec![0; core.modulators.len()],
            counts: Counts::default(),
        }
    }
    /// `membrane` of S6.
    pub(crate) fn reset_membrane(&mut self, core: &CoreTable) {
        self.u.copy_from_slice(&core.neurons.init_u);
        self.v.copy_from_slice(&core.neurons.init_v);
        self.hold.copy_from_slice(&core.neurons.init_hold);
        for group in &mut self.groups {
            group.in_flight.iter_mut().for_each(Vec::clear);
        }
    }
    /// `traces` of S6.
    pub(crate) fn reset_traces(&mut self, core: &CoreTable) {
        self.last.fill(0);
        for (group, table) in self.groups.iter_mut().zip(&core.groups) {
            let Some(rule) = &table.rule else { continue };
            group.pre_last.fill(0);
            group.seen.iter_mut().for_each(|lanes| lanes.fill(0));
            let pre = group.pre.iter_mut().zip(&rule.pre_columns);
            let post = group.post.iter_mut().zip(&rule.post_columns);
            for (column, table) in pre.chain(post) {
                column.value.fill(table.init);
                column.history.fill(table.init);
            }
        }
    }
    /// `modulators` of S6.
    pub(crate) fn reset_modulators(&mut self, core: &CoreTable) {
        for (lines, table) in self.modulators.iter_mut().zip(&core.modulators) {
            lines.fill(table.init);
        }
    }
    /// `weights` of S6.
    pub(crate) fn reset_weights(&mut self, core: &CoreTable) {
        for (group, table) in self.groups.iter_mut().zip(&core.groups) {
            if table.rule.is_some() {
                for (field, table) in group.fields.iter_mut().zip(&table.fields) {
                    *field = table.init.lanes();
                }
            }
        }
    }
}

impl GroupState {
    fn new(group: &GroupTable, widths: &Widths) -> Self {
        let (pre, post, rows) = match &group.rule {
            Some(rule) => (&rule.pre_columns[..], &rule.post_columns[..], group.n_rows()),
            None => (&[][..], &[][..], 0),
        };
        let columns = |tables: &[ColumnTable], lanes| {
            tables.iter().map(|c| ColumnState::new(c, lanes, widths.epoch)).collect()
        };
        Self {
            fields: group.fields.iter().map(|f| f.init.lanes()).collect(),
            in_flight: vec![Vec::new(); group.travel.slots()],
            pre: columns(pre, group.n_rows()),
            post: columns(post, group.n_post),
            pre_last: vec![0; rows],
            seen: group.seen_lanes(widths).map(|lanes| vec![0; lanes]),
            saturated_stores: vec![0; group.fields.len()],
            saturated_pre: vec![0; pre.len()],
            saturated_post: vec![0; post.len()],
            evaluated: 0,
            skipped: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_fixed::QFormat;

    #[test]
    fn eight_fields_of_sixteen_bits_take_sixteen_bytes_a_synapse() {
        for format in [QFormat::signed(16, 0), QFormat::unsigned(16, 0), QFormat::signed(9, 3)] {
            assert_eq!(Lanes::for_range(format.raw_range()).width(), 2);
        }
        assert_eq!(Lanes::for_range(QFormat::signed(17, 0).raw_range()).width(), 4);
    }

    #[test]
    fn the_ends_of_a_range_survive_storage() {
        for bits in 1..=32 {
            for signed in [false, true] {
                let range =
                    QFormat { bits: if signed { bits } else { bits.min(31) }, frac: 0, signed }
                        .raw_range();
                let ends = [range.lo as i32, range.hi as i32];
                let mut lanes = Lanes::for_range(range);
                lanes.extend(&ends);
                lanes.set(0, ends[1]);
                assert_eq!([lanes.get(0), lanes.get(1)], [ends[1]; 2]);
            }
        }
    }
}
