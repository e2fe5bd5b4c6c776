//! What the host can read and write between two steps.
//!
//! Reading changes nothing and costs nothing in the ledger: it is an instrument of the emulator.
//! Writing is host work and is counted.

use crate::error::EmuError;
use crate::machine::Emulator;
use crate::state::CoreState;
use trifactor_image::{PopulationMap, ProjectionMap, TraceSide};

/// One synapse of a projection, as the host sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Synapse {
    /// Logical id of the pre lane.
    pub pre: u32,
    /// Logical id of the post lane.
    pub post: u32,
    /// Raw value of the field asked for.
    pub raw: i32,
}

impl Emulator {
    /// Lanes of a population that fired in the last step, ascending; empty for a population that
    /// does not exist.
    pub fn spikes(&self, population: usize) -> &[u32] {
        self.populations.get(population).map_or(&[], |p| &p.fired)
    }

    /// Currents of a population, raw. Shape: `out` becomes [lanes].
    pub fn read_u(&self, population: usize, out: &mut Vec<i32>) -> Result<(), EmuError> {
        self.read_membrane(population, out, |state| &state.u)
    }
    /// Voltages of a population, raw. Shape: `out` becomes [lanes].
    pub fn read_v(&self, population: usize, out: &mut Vec<i32>) -> Result<(), EmuError> {
        self.read_membrane(population, out, |state| &state.v)
    }
    /// Refractory counters of a population. Shape: `out` becomes [lanes].
    pub fn read_hold(&self, population: usize, out: &mut Vec<i32>) -> Result<(), EmuError> {
        self.read_membrane(population, out, |state| &state.hold)
    }

    /// Calls `visit` for every synapse of a projection in the order of (pre, post).
    pub fn visit_field(
        &self,
        projection: usize,
        field: usize,
        mut visit: impl FnMut(Synapse),
    ) -> Result<(), EmuError> {
        self.field(projection, field)?;
        for (core, group, row) in &self.rows[projection] {
            let core = &self.cores[*core as usize];
            let (table, state) =
                (&core.table.groups[*group as usize], &core.state.groups[*group as usize]);
            let row = *row as usize;
            let pre = table.pre[row];
            self.in_post_order(table, row, |synapse| {
                let post = table.first_post + table.post_of(row, synapse);
                visit(Synapse { pre, post, raw: state.fields[field].get(synapse) });
            });
        }
        Ok(())
    }
    /// A field of all synapses of a projection, ordered by (pre, post). Shape: [synapses].
    pub fn read_field(&self, projection: usize, field: usize) -> Result<Vec<Synapse>, EmuError> {
        let mut list = Vec::new();
        self.visit_field(projection, field, |synapse| list.push(synapse))?;
        Ok(list)
    }

    /// Writes a field of all synapses of a projection, in the order of [`Self::read_field`].
    ///
    /// Errors: the number of values is not that of the synapses, or a value does not fit; the
    /// field is then as before.
    pub fn write_field(
        &mut self,
        projection: usize,
        field: usize,
        values: &[i32],
    ) -> Result<(), EmuError> {
        let mut places = Vec::new();
        self.field(projection, field)?;
        for (core, group, row) in &self.rows[projection] {
            let table = &self.cores[*core as usize].table.groups[*group as usize];
            self.in_post_order(table, *row as usize, |synapse| {
                places.push((*core, *group, synapse));
            });
        }
        if places.len() != values.len() {
            let projection = self.map.projections[projection].name.clone();
            let (expected, given) = (places.len(), values.len());
            return Err(EmuError::WrongLength { projection, expected, given });
        }
        for ((core, group, _), value) in places.iter().zip(values) {
            self.check_value(projection, field, *core, *group, *value)?;
        }
        for ((core, group, synapse), value) in places.iter().zip(values) {
            let state = &mut self.cores[*core as usize].state;
            state.groups[*group as usize].fields[field].set(*synapse, *value);
        }
        self.clock.host_writes += values.len() as u64;
        Ok(())
    }
    /// Writes a field of one synapse.
    ///
    /// Errors: the lanes are not connected, or the value does not fit.
    pub fn write_synapse(
        &mut self,
        projection: usize,
        field: usize,
        synapse: Synapse,
    ) -> Result<(), EmuError> {
        let name = &self.field(projection, field)?.name;
        let place = self.rows[projection].iter().find_map(|(core, group, row)| {
            let table = &self.cores[*core as usize].table.groups[*group as usize];
            let row = *row as usize;
            let mut synapses = table.row(row);
            let hit = |s: &usize| table.first_post + table.post_of(row, *s) == synapse.post;
            (table.pre[row] == synapse.pre).then(|| synapses.find(hit))?.map(|s| (*core, *group, s))
        });
        let (core, group, at) = place.ok_or_else(|| EmuError::NoSynapse {
            projection: name.clone(),
            pre: synapse.pre,
            post: synapse.post,
        })?;
        self.check_value(projection, field, core, group, synapse.raw)?;
        let state = &mut self.cores[core as usize].state;
        state.groups[group as usize].fields[field].set(at, synapse.raw);
        self.clock.host_writes += 1;
        Ok(())
    }

    /// Values of a modulator by lane; `None` for a lane that no core holds.
    /// Shape: `out` becomes [lanes].
    pub fn read_modulator(
        &self,
        modulator: usize,
        out: &mut Vec<Option<i32>>,
    ) -> Result<(), EmuError> {
        let count = self.map.modulators.len();
        let missing = EmuError::NoSuch { kind: "modulator", index: modulator, count };
        let named = self.map.modulators.get(modulator).ok_or(missing)?;
        out.clear();
        out.resize(named.n as usize, None);
        for core in &self.cores {
            for (table, lines) in core.table.modulators.iter().zip(&core.state.modulators) {
                if table.modulator == modulator {
                    let first = table.first_lane as usize;
                    for (lane, line) in out[first..].iter_mut().zip(lines) {
                        lane.get_or_insert(*line);
                    }
                }
            }
        }
        Ok(())
    }

    /// Values of a trace by logical lane of its side; `None` for a lane that no core holds,
    /// because it has no synapse. Shape: `out` becomes [lanes].
    pub fn read_trace(&self, trace: usize, out: &mut Vec<Option<i32>>) -> Result<(), EmuError> {
        let count = self.map.traces.len();
        let missing = EmuError::NoSuch { kind: "trace", index: trace, count };
        let named = self.map.traces.get(trace).ok_or(missing)?;
        let projection = &self.map.projections[usize::from(named.projection)];
        let n = match named.side {
            TraceSide::Pre => projection.n_pre,
            TraceSide::Post => projection.n_post,
        };
        out.clear();
        out.resize(n as usize, None);
        for core in &self.cores {
            for (table, state) in core.table.groups.iter().zip(&core.state.groups) {
                let Some(rule) = &table.rule else { continue };
                let of_trace = |columns: &[crate::tables::ColumnTable]| {
                    columns.iter().position(|c| c.trace == Some(trace))
                };
                if let Some(c) = of_trace(&rule.pre_columns) {
                    for (pre, x) in table.pre.iter().zip(&state.pre[c].value) {
                        if let Some(lane) = out.get_mut(*pre as usize) {
                            lane.get_or_insert(*x);
                        }
                    }
                }
                if let Some(c) = of_trace(&rule.post_columns) {
                    let lanes = out.iter_mut().skip(table.first_post as usize);
                    for (lane, x) in lanes.zip(&state.post[c].value) {
                        lane.get_or_insert(*x);
                    }
                }
            }
        }
        Ok(())
    }

    /// The map's entry of a population.
    pub(crate) fn population(&self, index: usize) -> Result<&PopulationMap, EmuError> {
        let count = self.map.populations.len();
        let missing = EmuError::NoSuch { kind: "population", index, count };
        self.map.populations.get(index).ok_or(missing)
    }
    /// The map's entry of a projection that has this field.
    fn field(&self, projection: usize, field: usize) -> Result<&ProjectionMap, EmuError> {
        let count = self.map.projections.len();
        let missing = EmuError::NoSuch { kind: "projection", index: projection, count };
        let named = self.map.projections.get(projection).ok_or(missing)?;
        let count = named.fields.len();
        if field >= count {
            return Err(EmuError::NoSuch { kind: "field", index: field, count });
        }
        Ok(named)
    }
    fn check_value(
        &self,
        projection: usize,
        field: usize,
        core: u32,
        group: u32,
        value: i32,
    ) -> Result<(), EmuError> {
        let table = &self.cores[core as usize].table.groups[group as usize];
        let range = table.fields[field].range;
        if (range.lo..=range.hi).contains(&value.into()) {
            return Ok(());
        }
        let named = &self.map.projections[projection];
        Err(EmuError::ValueOutOfRange {
            projection: named.name.clone(),
            field: named.fields[field].name.clone(),
            value,
            lo: range.lo as i32,
            hi: range.hi as i32,
        })
    }
    fn read_membrane(
        &self,
        population: usize,
        out: &mut Vec<i32>,
        values: impl Fn(&CoreState) -> &Vec<i32>,
    ) -> Result<(), EmuError> {
        let named = self.population(population)?;
        if named.slices.is_empty() {
            return Err(EmuError::NoMembrane { population: named.name.clone() });
        }
        out.clear();
        for (core, s) in &self.populations[population].slices {
            let first = s.first_compartment as usize;
            out.extend_from_slice(&values(&self.cores[*core].state)[first..first + s.n as usize]);
        }
        Ok(())
    }
    /// The synapses of a row by post lane.
    fn in_post_order(
        &self,
        table: &crate::tables::GroupTable,
        row: usize,
        visit: impl FnMut(usize),
    ) {
        let synapses = table.row(row);
        match &table.index {
            Some(index) if !index[synapses.clone()].is_sorted() => {
                let mut order: Vec<usize> = synapses.collect();
                order.sort_by_key(|s| index[*s]);
                order.into_iter().for_each(visit);
            }
            _ => synapses.for_each(visit),
        }
    }
}
