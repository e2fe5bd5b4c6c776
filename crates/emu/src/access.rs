//! What the host can read and write between two steps.
//!
//! Reading changes nothing and costs nothing in the ledger: it is an instrument of the emulator.
//! Writing is host work and is counted.

use crate::error::EmuError;
use crate::machine::{Emulator, Row};
use crate::state::CoreState;
use crate::tables::ByPost;
use trifactor_image::{PopulationMap, ProjectionMap, TraceMap, TraceSide};

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

/// Where a synapse is.
#[derive(Clone, Copy)]
struct Place {
    core: usize,
    group: usize,
    synapse: usize,
}

impl Emulator {
    /// Lanes of a population that fired in the last step, ascending; empty for a population that
    /// does not exist.
    pub fn spikes(&self, population: usize) -> &[u32] {
        self.populations.get(population).map_or(&[], |p| &p.fired)
    }

    /// Currents of a population, raw. Shape: `out` becomes `[lanes]`.
    pub fn read_u(&self, population: usize, out: &mut Vec<i32>) -> Result<(), EmuError> {
        self.read_membrane(population, out, |state| &state.u)
    }
    /// Voltages of a population, raw. Shape: `out` becomes `[lanes]`.
    pub fn read_v(&self, population: usize, out: &mut Vec<i32>) -> Result<(), EmuError> {
        self.read_membrane(population, out, |state| &state.v)
    }
    /// Refractory counters of a population. Shape: `out` becomes `[lanes]`.
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
        self.visit_places(projection, |pre, post, places| {
            let Place { core, group, synapse } = places[0];
            let raw = self.cores[core].state.groups[group].fields[field].get(synapse);
            visit(Synapse { pre, post, raw });
        });
        Ok(())
    }
    /// A field of all synapses of a projection, ordered by (pre, post). Shape: `[synapses]`.
    pub fn read_field(&self, projection: usize, field: usize) -> Result<Vec<Synapse>, EmuError> {
        let mut list = Vec::new();
        self.visit_field(projection, field, |synapse| list.push(synapse))?;
        Ok(list)
    }

    /// Writes a field of all synapses of a projection, in the order of [`Self::read_field`].
    ///
    /// Synapses that feed copies of a modulator are written in every copy. Errors: the number of
    /// values is not that of the synapses, or a value does not fit; the field is then as before.
    pub fn write_field(
        &mut self,
        projection: usize,
        field: usize,
        values: &[i32],
    ) -> Result<(), EmuError> {
        self.field(projection, field)?;
        let mut places: Vec<(usize, Place)> = Vec::new();
        let mut expected = 0;
        self.visit_places(projection, |_, _, copies| {
            places.extend(copies.iter().map(|place| (expected, *place)));
            expected += 1;
        });
        if expected != values.len() {
            let (name, given) = (self.map.projections[projection].name.clone(), values.len());
            return Err(EmuError::WrongLength { name, parts: "synapses", expected, given });
        }
        for (k, place) in &places {
            self.check_value(projection, field, place, values[*k])?;
        }
        for (k, place) in &places {
            self.set(field, place, values[*k]);
        }
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
        let rows = &self.rows[projection];
        let from = rows.partition_point(|row| row.pre < synapse.pre);
        let mut places = Vec::new();
        for row in rows[from..].iter().take_while(|row| row.pre == synapse.pre) {
            let found = self.row_places(row).filter(|(post, _)| *post == synapse.post);
            places.extend(found.map(|(_, place)| place));
        }
        if places.is_empty() {
            let (projection, pre, post) = (name.clone(), synapse.pre, synapse.post);
            return Err(EmuError::NoSynapse { projection, pre, post });
        }
        for place in &places {
            self.check_value(projection, field, place, synapse.raw)?;
        }
        for place in &places {
            self.set(field, place, synapse.raw);
        }
        Ok(())
    }

    /// Values of a modulator by lane; `None` for a lane that no core holds.
    /// Shape: `out` becomes `[lanes]`.
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

    /// A trace with its projection and the number of lanes of its side.
    pub(crate) fn trace(
        &self,
        trace: usize,
    ) -> Result<(&TraceMap, &ProjectionMap, usize), EmuError> {
        let count = self.map.traces.len();
        let missing = EmuError::NoSuch { kind: "trace", index: trace, count };
        let named = self.map.traces.get(trace).ok_or(missing)?;
        let projection = &self.map.projections[usize::from(named.projection)];
        let n = match named.side {
            TraceSide::Pre => projection.n_pre,
            TraceSide::Post => projection.n_post,
        };
        Ok((named, projection, n as usize))
    }

    /// Values of a trace by logical lane of its side; `None` for a lane that no core holds,
    /// because it has no synapse. Shape: `out` becomes `[lanes]`.
    pub fn read_trace(&self, trace: usize, out: &mut Vec<Option<i32>>) -> Result<(), EmuError> {
        let (_, _, n) = self.trace(trace)?;
        out.clear();
        out.resize(n, None);
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

    /// Replaces the values of a trace, as a host or an embedded processor does between two steps,
    /// in every copy of it. Shape: `values` has one per lane of its side.
    ///
    /// Errors: the number of values is not that of the lanes, or a value does not fit; the trace
    /// is then as before.
    pub fn write_trace(&mut self, trace: usize, values: &[i32]) -> Result<(), EmuError> {
        let (named, projection, n) = self.trace(trace)?;
        if values.len() != n {
            let (name, expected, given) = (named.name.clone(), n, values.len());
            return Err(EmuError::WrongLength { name, parts: "lanes", expected, given });
        }
        for core in &self.cores {
            let rules = core.table.groups.iter().filter_map(|g| g.rule.as_ref());
            let columns = rules.flat_map(|r| r.pre_columns.iter().chain(&r.post_columns));
            for column in columns.filter(|c| c.trace == Some(trace)) {
                if let Some(value) = values.iter().find(|v| !(0..=column.max).contains(*v)) {
                    return Err(EmuError::ValueOutOfRange {
                        projection: projection.name.clone(),
                        field: named.name.clone(),
                        value: *value,
                        lo: 0,
                        hi: column.max,
                    });
                }
            }
        }
        for core in &mut self.cores {
            for (table, state) in core.table.groups.iter().zip(&mut core.state.groups) {
                let Some(rule) = &table.rule else { continue };
                for (column, state) in rule.pre_columns.iter().zip(&mut state.pre) {
                    if column.trace == Some(trace) {
                        for (pre, x) in table.pre.iter().zip(&mut state.value) {
                            *x = values[*pre as usize];
                            self.clock.host_writes += 1;
                        }
                    }
                }
                for (column, state) in rule.post_columns.iter().zip(&mut state.post) {
                    if column.trace == Some(trace) {
                        let first = table.first_post as usize;
                        let lanes = &values[first..first + table.n_post];
                        state.value.copy_from_slice(lanes);
                        self.clock.host_writes += lanes.len() as u64;
                    }
                }
            }
        }
        Ok(())
    }

    /// Bytes allocated for a synapse of a projection: its fields, their initial values as far as
    /// they differ, its target where the projection is not dense, and its place in the list that
    /// finds synapses by post lane where the rule needs one.
    pub fn bytes_per_synapse(&self, projection: usize) -> Result<f64, EmuError> {
        self.field(projection, 0)?;
        let groups = self.cores.iter().flat_map(|core| &core.table.groups);
        let (mut bytes, mut n) = (0, 0);
        for g in groups.filter(|g| g.projection == projection) {
            let fields: usize = g.fields.iter().map(|f| f.init.width()).sum();
            let target = if g.index.is_some() { 2 } else { 0 };
            let by_post = g.by_post.as_ref().map_or(0, |_| ByPost::ENTRY);
            bytes += g.n_synapses() * (fields + target + by_post);
            bytes += g.fields.iter().map(|f| f.init.bytes()).sum::<usize>();
            n += g.n_synapses();
        }
        Ok(bytes as f64 / n.max(1) as f64)
    }

    /// The map's entry of a population.
    pub(crate) fn population(&self, index: usize) -> Result<&PopulationMap, EmuError> {
        let count = self.map.populations.len();
        let missing = EmuError::NoSuch { kind: "population", index, count };
        self.map.populations.get(index).ok_or(missing)
    }
    /// The map's entry of a projection that has this field.
    pub(crate) fn field(
        &self,
        projection: usize,
        field: usize,
    ) -> Result<&ProjectionMap, EmuError> {
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
        place: &Place,
        value: i32,
    ) -> Result<(), EmuError> {
        let table = &self.cores[place.core].table.groups[place.group];
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
    fn set(&mut self, field: usize, place: &Place, value: i32) {
        let group = &mut self.cores[place.core].state.groups[place.group];
        group.fields[field].set(place.synapse, value);
        self.clock.host_writes += 1;
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
    /// Every synapse in the order of (pre, post) with the places that hold it: one, or one for
    /// each copy of the modulator it feeds, in the order of the projection's parts.
    fn visit_places(&self, projection: usize, mut visit: impl FnMut(u32, u32, &[Place])) {
        for rows in self.rows[projection].chunk_by(|a, b| a.pre == b.pre) {
            let mut places: Vec<(u32, Place)> =
                rows.iter().flat_map(|r| self.row_places(r)).collect();
            // Stable, so that copies stay in order.
            places.sort_by_key(|(post, _)| *post);
            let mut copies = Vec::new();
            for same in places.chunk_by(|a, b| a.0 == b.0) {
                copies.clear();
                copies.extend(same.iter().map(|(_, place)| *place));
                visit(rows[0].pre, same[0].0, &copies);
            }
        }
    }
    /// Post lane and place of each synapse of a row.
    fn row_places(&self, row: &Row) -> impl Iterator<Item = (u32, Place)> {
        let Row { core, group, row, .. } = *row;
        let table = &self.cores[core].table.groups[group];
        table.row(row).map(move |synapse| {
            (table.first_post + table.post_of(row, synapse), Place { core, group, synapse })
        })
    }
}
