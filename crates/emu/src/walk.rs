//! The plasticity phase one micro-operation after the other, on one synapse after the other.
//!
//! A walk is an instrument: it executes the words of a rule as they stand in the microcode
//! memory, on sixteen registers, with nothing of what makes the emulator fast (values computed
//! once for many synapses, specialised programs, vectors). It reads the emulator's state from
//! before the phase and changes nothing; once the emulator has executed the phase itself,
//! [`Walk::compare`] demands that both hold the same.
//!
//! Order: cores by id, then groups, rows and synapses in the order of memory, and of each synapse
//! the words of its program. A chip's cores work at the same time; since every read gives a value
//! from before the phase (S39), no order can be seen in a state.

use crate::core::Now;
use crate::machine::Emulator;
use crate::phase::Phase;
use crate::program::{Source, epoch_flag};
use crate::state::{CoreState, GroupState, Lanes};
use crate::tables::{CoreTable, GroupTable, Rule};
use std::fmt;
use trifactor_fixed::RawRange;
use trifactor_image::Guard;
use trifactor_isa::{Effect, Inst, LoadSlot, Site, Surroundings, SynapseSide, When, execute};

/// The synapse that a micro-operation is executed for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SynapseId {
    /// Projection of the map.
    pub projection: usize,
    /// Core.
    pub core: u32,
    /// Logical pre lane.
    pub pre: u32,
    /// Logical post lane.
    pub post: u32,
}

/// A random draw that was used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Drawn {
    /// Its site (S52).
    pub site: u8,
    /// All 32 bits.
    pub bits: u32,
}

/// A value that becomes visible at `halt`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stored {
    /// Field of the projection.
    pub field: usize,
    /// What it will hold.
    pub value: i32,
    /// Whether the variable's range changed it.
    pub saturated: bool,
}

/// A micro-operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MicroOp {
    /// For which synapse.
    pub synapse: SynapseId,
    /// Microcode address.
    pub word: u32,
    /// The instruction.
    pub inst: Inst,
    /// The register that was written, with its value.
    pub result: Option<(u8, i32)>,
    /// The draw that was used.
    pub drawn: Option<Drawn>,
    /// What was stored.
    pub stored: Option<Stored>,
}

/// Where a walk and the emulator hold different values after the phase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disagreement {
    /// Core.
    pub core: u32,
    /// What differs, with both values.
    pub what: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "core {}: {}", self.core, self.what)
    }
}

/// A walk through a plasticity phase.
#[derive(Clone, Debug)]
pub struct Walk {
    places: Vec<Place>,
    current: Option<Lane>,
    done: u64,
    length: u64,
}

/// A group that learns, and what its memory should hold after the phase.
#[derive(Clone, Debug)]
struct Place {
    core: usize,
    group: usize,
    fields: Vec<Lanes>,
    saturated: Vec<u64>,
    evaluated: u64,
}

/// The synapse at hand.
#[derive(Clone, Debug)]
struct Lane {
    /// Position in the list of places.
    place: usize,
    row: usize,
    post: usize,
    synapse: usize,
    /// The next word, from the program's first.
    at: usize,
    registers: [i32; 16],
    stores: Vec<Option<Stored>>,
}

impl Emulator {
    /// A walk through the plasticity phase that comes next; `None` where another phase does.
    pub fn walk(&self) -> Option<Walk> {
        if self.phase() != Some(Phase::Plasticity) {
            return None;
        }
        let mut walk = Walk { places: Vec::new(), current: None, done: 0, length: 0 };
        for (c, core) in self.cores.iter().enumerate() {
            for (g, table) in core.table.groups.iter().enumerate() {
                let Some(rule) = &table.rule else { continue };
                let state = &core.state.groups[g];
                let words = rule.code.words.iter().position(|w| Inst::decode(*w) == Ok(Inst::Halt));
                let words = words.map_or(0, |halt| halt as u64 + 1);
                let all = (0..table.n_rows()).flat_map(|row| table.row(row).map(move |s| (row, s)));
                let met = all
                    .filter(|(row, s)| evaluated(rule.guard, table, state, &core.state, *row, *s));
                walk.length += words * met.count() as u64;
                walk.places.push(Place {
                    core: c,
                    group: g,
                    fields: state.fields.clone(),
                    saturated: state.saturated_stores.clone(),
                    evaluated: state.evaluated,
                });
            }
        }
        walk.current = walk.next_lane(self, 0, 0, 0);
        Some(walk)
    }
}

/// Whether the rule is executed for a synapse. Source: S47.
pub(crate) fn evaluated(
    guard: Guard,
    table: &GroupTable,
    state: &GroupState,
    core: &CoreState,
    row: usize,
    synapse: usize,
) -> bool {
    let pre = || state.pre_last[row] > 0;
    let post = || core.last[table.first_target + table.post_of(row, synapse) as usize] > 0;
    match guard {
        Guard::Always => true,
        Guard::Pre => pre(),
        Guard::Post => post(),
        Guard::PreOrPost => pre() || post(),
    }
}

impl Walk {
    /// Micro-operations of the whole phase.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Micro-operations executed so far.
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// The micro-operation that comes next, without results; `None` at the end of the phase.
    pub fn next_op(&self, emulator: &Emulator) -> Option<MicroOp> {
        let lane = self.current.as_ref()?;
        let Place { core, group, .. } = self.places[lane.place];
        let table = &emulator.cores[core].table.groups[group];
        let code = &emulator.rule(core, group).code;
        let inst = Inst::decode(code.words[lane.at])
            .unwrap_or_else(|e| panic!("internal: a loaded program decodes: {e}"));
        Some(MicroOp {
            synapse: SynapseId {
                projection: table.projection,
                core: emulator.ids[core],
                pre: table.pre[lane.row],
                post: table.first_post + lane.post as u32,
            },
            word: code.first_word + lane.at as u32,
            inst,
            result: None,
            drawn: None,
            stored: None,
        })
    }

    /// Registers of the synapse at hand; all 0 between two programs.
    pub fn registers(&self) -> [i32; 16] {
        self.current.as_ref().map_or([0; 16], |lane| lane.registers)
    }

    /// What the synapse at hand has stored so far.
    pub fn pending(&self) -> Vec<Stored> {
        let stores = self.current.iter().flat_map(|lane| &lane.stores);
        stores.flatten().copied().collect()
    }

    /// Executes the next micro-operation; `None` at the end of the phase.
    pub fn step(&mut self, emulator: &Emulator) -> Option<MicroOp> {
        let mut op = self.next_op(emulator)?;
        let lane = self.current.as_mut()?;
        let place = &mut self.places[lane.place];
        let core = &emulator.cores[place.core];
        let table = &core.table.groups[place.group];
        let (inst, now) = (op.inst, emulator.begun.map(|begun| begun.now));
        let mut engine = Engine {
            emulator,
            now: now.expect("internal: a walk is inside a step"),
            table,
            rule: emulator.rule(place.core, place.group),
            state: &core.state.groups[place.group],
            core: &core.table,
            core_state: &core.state,
            row: lane.row,
            synapse: lane.synapse,
            post: lane.post,
            stores: &mut lane.stores,
            op: &mut op,
        };
        match execute(&inst, &mut lane.registers, &mut engine) {
            Effect::Wrote(register) => {
                op.result = Some((register.get(), lane.registers[register.index()]));
            }
            Effect::None => {}
            Effect::Trapped => panic!("internal: a loaded program names fields that exist"),
        }
        lane.at += 1;
        self.done += 1;
        if op.inst == Inst::Halt {
            let (at, row, synapse) = (lane.place, lane.row, lane.synapse);
            place.evaluated += 1;
            for stored in lane.stores.iter().flatten() {
                place.fields[stored.field].set(synapse, stored.value);
                // Copies of a group count nothing, so that counts do not depend on placement.
                let counts = emulator.rule(place.core, place.group).counts_posts;
                place.saturated[stored.field] += u64::from(stored.saturated && counts);
            }
            self.current = self.next_lane(emulator, at, row, synapse + 1);
        }
        Some(op)
    }

    /// Compares with the emulator after it has executed the phase. Errors: the first value that
    /// both do not share, which would be a fault of the emulator or of this walk.
    pub fn compare(&self, emulator: &Emulator) -> Result<(), Disagreement> {
        for place in &self.places {
            let state = &emulator.cores[place.core].state.groups[place.group];
            let table = &emulator.cores[place.core].table.groups[place.group];
            let differs = |what: String| Disagreement { core: emulator.ids[place.core], what };
            let name = &emulator.map.projections[table.projection].name;
            for (f, (ours, theirs)) in place.fields.iter().zip(&state.fields).enumerate() {
                let at = (0..ours.len()).find(|at| ours.get(*at) != theirs.get(*at));
                if let Some(at) = at {
                    let row = table.row_start.partition_point(|s| *s as usize <= at) - 1;
                    let (pre, post) = (table.pre[row], table.first_post + table.post_of(row, at));
                    return Err(differs(format!(
                        "field {f} of {name}[{pre}->{post}] is {} after a walk and {} in the \
                         emulator",
                        ours.get(at),
                        theirs.get(at)
                    )));
                }
            }
            let counts = (&place.saturated, place.evaluated);
            if counts != (&state.saturated_stores, state.evaluated) {
                let theirs = (&state.saturated_stores, state.evaluated);
                return Err(differs(format!(
                    "saturations of stores and synapses evaluated of {name} are {counts:?} after \
                     a walk and {theirs:?} in the emulator"
                )));
            }
        }
        Ok(())
    }

    /// The first synapse from a place, row and synapse on for which a rule is executed.
    fn next_lane(
        &self,
        emulator: &Emulator,
        place: usize,
        row: usize,
        synapse: usize,
    ) -> Option<Lane> {
        let (mut first_row, mut first_synapse) = (row, synapse);
        for (at, p) in self.places.iter().enumerate().skip(place) {
            let core = &emulator.cores[p.core];
            let (table, state) = (&core.table.groups[p.group], &core.state.groups[p.group]);
            let guard = emulator.rule(p.core, p.group).guard;
            for row in first_row..table.n_rows() {
                let all = table.row(row);
                let mut rest = all.start.max(first_synapse)..all.end;
                if let Some(synapse) =
                    rest.find(|s| evaluated(guard, table, state, &core.state, row, *s))
                {
                    return Some(Lane {
                        place: at,
                        row,
                        post: table.post_of(row, synapse) as usize,
                        synapse,
                        at: 0,
                        registers: [0; 16],
                        stores: vec![None; p.fields.len()],
                    });
                }
            }
            (first_row, first_synapse) = (0, 0);
        }
        None
    }
}

/// The engine at one instruction. Everything it reads is from before the phase (S39).
struct Engine<'a> {
    emulator: &'a Emulator,
    now: Now,
    table: &'a GroupTable,
    rule: &'a Rule,
    state: &'a GroupState,
    core: &'a CoreTable,
    core_state: &'a CoreState,
    /// Row and synapse of the group, and post lane of its target.
    row: usize,
    synapse: usize,
    post: usize,
    stores: &'a mut [Option<Stored>],
    op: &'a mut MicroOp,
}

impl Engine<'_> {
    /// Position of the last spike of a side in the epoch; 0 for none.
    fn last(&self, side: SynapseSide) -> u8 {
        match side {
            SynapseSide::Pre => self.state.pre_last[self.row],
            SynapseSide::Post => self.core_state.last[self.table.first_target + self.post],
        }
    }

    fn side_line(&self, modulator: usize, side: SynapseSide) -> i32 {
        let lane = match side {
            SynapseSide::Pre => self.table.pre[self.row],
            SynapseSide::Post => self.table.first_post + self.post as u32,
        };
        let first = self.core.modulators[modulator].first_lane;
        self.core_state.modulators[modulator][(lane - first) as usize]
    }

    /// A trace at a time of the epoch. Source: S34, S40.
    fn column(&self, column: usize, side: SynapseSide, when: When, prev: bool) -> i32 {
        let (columns, lane) = match side {
            SynapseSide::Pre => (&self.state.pre, self.row),
            SynapseSide::Post => (&self.state.post, self.post),
        };
        let length = self.emulator.widths.epoch;
        let spike = match when {
            When::End => 0,
            When::X0 => self.last(SynapseSide::Pre),
            When::Y0 => self.last(SynapseSide::Post),
        };
        let position = if spike > 0 { u32::from(spike) } else { length };
        if position == length && !prev {
            return columns[column].value[lane];
        }
        let at = (position - u32::from(prev)) as usize;
        let history = &columns[column].history;
        match side {
            SynapseSide::Pre => history[lane * (length as usize + 1) + at],
            SynapseSide::Post => history[at * self.table.n_post + lane],
        }
    }
}

impl Surroundings for Engine<'_> {
    fn epoch_flag(&self, k: u8) -> i32 {
        epoch_flag(self.now.epoch, k)
    }
    fn line(&self, slot: usize) -> i32 {
        let range = self.rule.code.context.global_slots[slot];
        self.core_state.modulators[range][0]
    }
    fn slot(&self, side: SynapseSide, load: LoadSlot) -> i32 {
        let Some(slot) = load.slot.index().checked_sub(1) else {
            return i32::from(self.last(side) > 0);
        };
        let context = &self.rule.code.context;
        let slots = match side {
            SynapseSide::Pre => &context.pre_slots,
            SynapseSide::Post => &context.post_slots,
        };
        match slots[slot] {
            Source::Modulator(m) => self.side_line(m, side),
            Source::Column(column) => self.column(column, side, load.when, load.prev),
        }
    }
    fn field(&self, field: usize) -> Option<(i32, RawRange)> {
        let (_, range) = *self.rule.code.context.fields.get(field)?;
        Some((self.state.fields.get(field)?.get(self.synapse), range))
    }
    /// Source: S51, S52, S83.
    fn draw(&mut self, site: Site) -> u32 {
        let key = self.emulator.draws.site(self.now.step, self.rule.stream, site.get());
        let one_draw = self.emulator.widths.learning.is_some_and(|engine| engine.one_draw);
        let bits = match one_draw {
            true => key.draw(0, 0),
            false => {
                let post = self.table.first_post + self.post as u32;
                key.draw(self.table.pre[self.row], post)
            }
        };
        self.op.drawn = Some(Drawn { site: site.get(), bits });
        bits
    }
    fn store(&mut self, field: usize, value: i32, saturated: bool) {
        let stored = Stored { field, value, saturated };
        self.stores[field] = Some(stored);
        self.op.stored = Some(stored);
    }
}
