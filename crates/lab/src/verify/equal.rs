//! The emulated chip against the fixed reading: every state, bit for bit, after every step.

use crate::error::LabError;
use std::collections::BTreeMap;
use std::fmt;
use trifactor_compile::structure::{self, Structure};
use trifactor_diag::Diagnostics;
use trifactor_emu::{EmuError, Emulator, Synapse};
use trifactor_entity::EntityId;
use trifactor_image::{Core, Image, TraceSide};
use trifactor_ir::{CheckedNetwork, StateId};
use trifactor_reference::FixedMachine;

/// Where the emulated chip first differs from the fixed reading.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The trial.
    pub trial: u32,
    /// Its step.
    pub step: u32,
    /// The core that holds the lane; none for what no core holds.
    pub core: Option<u32>,
    /// Full name of the state.
    pub variable: String,
    /// The lane, for a synapse `3 to 7`.
    pub lane: String,
    /// Raw value on the chip; none where the synapse is not there.
    pub chip: Option<i64>,
    /// Raw value of the fixed reading.
    pub fixed: i64,
    /// Key path in `model.ron` of what computes the state.
    pub key: String,
    /// The microcode word that stores it and the line of the rule, where a rule does.
    pub line: Option<(u32, String)>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trial, step, variable, lane, fixed, key, .. } = self;
        write!(f, "trial {trial}, step {step}, ")?;
        match self.core {
            Some(core) => write!(f, "core {core}, ")?,
            None => write!(f, "no core, ")?,
        }
        write!(f, "{variable}, lane {lane}: the chip has ")?;
        match self.chip {
            Some(chip) => write!(f, "{chip}")?,
            None => write!(f, "no such synapse")?,
        }
        write!(f, ", the fixed reading {fixed} (raw); {key}")?;
        match &self.line {
            Some((word, text)) => write!(f, ", line '{text}', microcode word {word}"),
            None => Ok(()),
        }
    }
}

/// What was compared, and the first difference.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Equality {
    /// Trials that were run on both to their end.
    pub trials: u32,
    /// Steps of all trials.
    pub steps: u64,
    /// Values of states that were compared.
    pub values: u64,
    /// Spikes among them.
    pub spikes: u64,
    /// Where they first differ.
    pub difference: Option<Difference>,
}

/// Compares an emulator that runs the image of a network with the network's fixed reading.
///
/// Both are stepped by the caller, with the same inputs and draw seed.
pub struct Comparison<'a> {
    net: &'a CheckedNetwork,
    image: &'a Image,
    structure: Structure,
    by_name: BTreeMap<String, StateId>,
    /// What was compared so far.
    pub seen: Equality,
}

/// A state's value on the chip, beside its lane.
struct Found {
    state: StateId,
    lane: usize,
    chip: Option<i64>,
    fixed: i64,
}

impl<'a> Comparison<'a> {
    /// Errors: the network is none that a chip executes; a compiled one always is.
    pub fn new(net: &'a CheckedNetwork, image: &'a Image) -> Result<Self, Diagnostics> {
        let structure = structure::read(net)?;
        let by_name = net.states.ids().map(|id| (net.full_name(id), id)).collect();
        Ok(Self { net, image, structure, by_name, seen: Equality::default() })
    }

    /// Compares all states after a step and remembers the first difference; once there is one,
    /// nothing more is compared.
    ///
    /// Errors: the emulator runs another image than the one this was made for.
    pub fn compare(
        &mut self,
        trial: u32,
        machine: &FixedMachine<'_>,
        emulator: &Emulator,
    ) -> Result<(), LabError> {
        if self.seen.difference.is_some() {
            return Ok(());
        }
        self.seen.steps += 1;
        if let Some(found) = self.first(machine, emulator)? {
            let step = machine.step_number();
            self.seen.difference = Some(self.place(trial, step, found));
        }
        Ok(())
    }

    /// Traces first, then weights: what a rule reads before what it writes, so that the first
    /// difference is near its cause.
    fn first(
        &mut self,
        machine: &FixedMachine<'_>,
        emulator: &Emulator,
    ) -> Result<Option<Found>, EmuError> {
        let (net, map) = (self.net, &self.image.map);
        let mut raw = Vec::new();
        let mut lines = Vec::new();
        for (id, population) in self.structure.populations.iter() {
            let at = id.index();
            if let Some(phase) = population.phase {
                type Read = fn(&Emulator, usize, &mut Vec<i32>) -> Result<(), EmuError>;
                let reads: [(&str, Read); 3] = [
                    ("u", Emulator::read_u),
                    ("v", Emulator::read_v),
                    ("hold", Emulator::read_hold),
                ];
                for (name, read) in reads {
                    let bound = structure::bound(net, &net.phases[phase], name);
                    let Some(state) = bound else { continue };
                    read(emulator, at, &mut raw)?;
                    let chip = raw.iter().map(|v| Some(i64::from(*v)));
                    if let Some(found) = same(&mut self.seen.values, machine, state, chip) {
                        return Ok(Some(found));
                    }
                }
            }
            if let Some(spike) = net.spikes(population.space) {
                let mut fired = vec![Some(0); net.lanes(population.space)];
                for lane in emulator.spikes(at) {
                    fired[*lane as usize] = Some(1);
                }
                self.seen.spikes += emulator.spikes(at).len() as u64;
                let found = same(&mut self.seen.values, machine, spike, fired.into_iter());
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        for (id, modulator) in self.structure.modulators.iter() {
            emulator.read_modulator(id.index(), &mut lines)?;
            let chip = lines.iter().map(|v| v.map(i64::from));
            let found = same(&mut self.seen.values, machine, modulator.state, chip);
            if found.is_some() {
                return Ok(found);
            }
        }
        for (at, trace) in map.traces.iter().enumerate() {
            let state = self.by_name[&trace.name];
            emulator.read_trace(at, &mut lines)?;
            let chip = lines.iter().map(|v| v.map(i64::from));
            if let Some(found) = same(&mut self.seen.values, machine, state, chip) {
                return Ok(Some(found));
            }
        }
        for (id, projection) in self.structure.projections.iter() {
            let at = id.index();
            // What no core holds feeds nothing.
            if map.projections[at].parts.is_empty() {
                continue;
            }
            for (field, state) in projection.fields.iter().enumerate() {
                let held = emulator.read_field(at, field)?;
                let found = differing(&mut self.seen.values, net, machine, *state, &held);
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    /// The difference in the author's words.
    fn place(&self, trial: u32, step: u32, found: Found) -> Difference {
        let Found { state, lane, chip, fixed } = found;
        let space = self.net.states[state].space;
        let variable = self.net.full_name(state);
        let (pre, post) = match self.net.synapses(space) {
            Some(s) => (s.pre_lanes()[lane], Some(s.post_lane[lane])),
            None => (lane as u32, None),
        };
        let core = match post {
            Some(post) => self.core_of_synapse(&self.net.spaces[space].name, pre, post),
            None => self.core_of_lane(state, &variable, pre),
        };
        let lane = post.map_or_else(|| pre.to_string(), |post| format!("{pre} to {post}"));
        let set_by = self.net.setter(state).map(|(phase, _)| &self.net.phases[phase]);
        let user = || self.net.phases.values().find(|p| p.over == space);
        let key = set_by.or_else(user).map_or_else(|| variable.clone(), |p| p.key.clone());
        let store = format!("set {}", self.net.states[state].name);
        let line =
            self.image.map.source.iter().find(|s| {
                Some(s.core) == core && s.key == key && s.text == store && post.is_some()
            });
        let line = line.map(|s| (s.word, s.text.clone()));
        Difference { trial, step, core, variable, lane, chip, fixed, key, line }
    }

    fn core(&self, id: u32) -> Option<&Core> {
        self.image.cores.iter().find(|core| core.id == id)
    }

    fn core_of_synapse(&self, projection: &str, pre: u32, post: u32) -> Option<u32> {
        let named = self.image.map.projections.iter().find(|p| p.name == projection)?;
        let holds = |part: &&trifactor_image::ProjectionPart| {
            self.core(part.core).is_some_and(|core| {
                let group = &core.groups[usize::from(part.group)];
                has_pre(core, group, pre) && has_post(group, post)
            })
        };
        named.parts.iter().find(holds).map(|part| part.core)
    }

    fn core_of_lane(&self, state: StateId, name: &str, lane: u32) -> Option<u32> {
        let map = &self.image.map;
        let owner = &self.net.spaces[self.net.states[state].space].name;
        if let Some(trace) = map.traces.iter().find(|t| t.name == name) {
            let parts = &map.projections[usize::from(trace.projection)].parts;
            let holds = |part: &&trifactor_image::ProjectionPart| {
                self.core(part.core).is_some_and(|core| {
                    let group = &core.groups[usize::from(part.group)];
                    match trace.side {
                        TraceSide::Pre => has_pre(core, group, lane),
                        TraceSide::Post => has_post(group, lane),
                    }
                })
            };
            return parts.iter().find(holds).map(|part| part.core);
        }
        if let Some(modulator) = map.modulators.iter().find(|m| m.name == *owner) {
            return modulator.parts.first().map(|part| part.core);
        }
        let population = map.populations.iter().find(|p| p.name == *owner)?;
        let holds =
            |s: &&trifactor_image::Slice| (s.first_lane..s.first_lane + s.n).contains(&lane);
        population.slices.iter().find(holds).map(|s| s.core)
    }
}

fn has_pre(core: &Core, group: &trifactor_image::Group, pre: u32) -> bool {
    let from = group.first_axon as usize;
    core.axons_in[from..from + group.n_axons as usize].iter().any(|axon| axon.pre == pre)
}

fn has_post(group: &trifactor_image::Group, post: u32) -> bool {
    (group.first_post..group.first_post + group.n_post).contains(&post)
}

/// The first lane that differs; lanes that no core holds, because nothing there reads them, are
/// `None`.
fn same(
    values: &mut u64,
    machine: &FixedMachine<'_>,
    state: StateId,
    chip: impl Iterator<Item = Option<i64>>,
) -> Option<Found> {
    for (lane, (chip, fixed)) in chip.zip(machine.raw(state)).enumerate() {
        let Some(held) = chip else { continue };
        *values += 1;
        if held != *fixed {
            return Some(Found { state, lane, chip, fixed: *fixed });
        }
    }
    None
}

/// The first synapse whose field differs, or that the chip does not have.
fn differing(
    values: &mut u64,
    net: &CheckedNetwork,
    machine: &FixedMachine<'_>,
    state: StateId,
    held: &[Synapse],
) -> Option<Found> {
    let synapses = net.synapses(net.states[state].space);
    let synapses = synapses.expect("internal: a field belongs to synapses");
    let expected = machine.raw(state);
    // Both lists are ordered by pre, then by post lane.
    let mut held = held.iter().peekable();
    for pre in 0..net.lanes(synapses.pre) as u32 {
        for lane in synapses.row(pre) {
            let post = synapses.post_lane[lane];
            let on_chip = held.next_if(|s| (s.pre, s.post) == (pre, post));
            let chip = on_chip.map(|s| i64::from(s.raw));
            *values += 1;
            if chip != Some(expected[lane]) {
                return Some(Found { state, lane, chip, fixed: expected[lane] });
            }
        }
    }
    None
}
