//! Every state of an emulator against the fixed reading.

use crate::case::Case;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use trifactor_compile::structure;
use trifactor_emu::Emulator;
use trifactor_entity::EntityId;
use trifactor_image::Guard;
use trifactor_ir::StateId;
use trifactor_reference::FixedMachine;

/// What was compared, so that a test which compares nothing is seen.
#[derive(Default, Debug)]
pub struct Tally {
    pub networks: usize,
    pub refused: usize,
    pub cores: usize,
    pub several_cores: usize,
    pub values: u64,
    pub spikes: u64,
    pub saturated: u64,
}

type ReadMembrane = fn(&Emulator, usize, &mut Vec<i32>) -> Result<(), trifactor_emu::EmuError>;

impl Case {
    /// Every state of an emulator against the fixed reading; the first difference as text.
    pub fn compare(
        &self,
        machine: &FixedMachine,
        emulator: &Emulator,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let mut values = Vec::new();
        for (id, population) in self.structure.populations.iter() {
            let index = id.index();
            if let Some(spike) = self.net.spikes(population.space) {
                let expected: Vec<u32> = (0u32..)
                    .zip(machine.raw(spike))
                    .filter(|(_, s)| **s != 0)
                    .map(|(lane, _)| lane)
                    .collect();
                tally.spikes += expected.len() as u64;
                if emulator.spikes(index) != expected {
                    let name = self.net.full_name(spike);
                    return Err(format!(
                        "{name}: lanes {:?} fired, not {expected:?}",
                        emulator.spikes(index)
                    ));
                }
            }
            let Some(phase) = population.phase else { continue };
            let phase = &self.net.phases[phase];
            for (name, read) in [
                ("u", Emulator::read_u as ReadMembrane),
                ("v", Emulator::read_v),
                ("hold", Emulator::read_hold),
            ] {
                let Some(state) = structure::bound(&self.net, phase, name) else { continue };
                read(emulator, index, &mut values).map_err(|e| e.to_string())?;
                let lanes: Vec<Option<i64>> = values.iter().map(|v| Some((*v).into())).collect();
                self.same(machine, state, &lanes, |lane| self.host_of(index, lane), tally)?;
            }
        }
        for (id, projection) in self.structure.projections.iter() {
            for (f, state) in projection.fields.iter().enumerate() {
                self.compare_field(machine, emulator, id.index(), f, *state, tally)?;
            }
        }
        let mut lines = Vec::new();
        for (id, modulator) in self.structure.modulators.iter() {
            emulator.read_modulator(id.index(), &mut lines).map_err(|e| e.to_string())?;
            let lanes: Vec<Option<i64>> = lines.iter().map(|v| v.map(i64::from)).collect();
            self.same(machine, modulator.state, &lanes, |_| "some copy".into(), tally)?;
        }
        for (t, trace) in self.image.map.traces.iter().enumerate() {
            let state = self.trace_state(&trace.name);
            emulator.read_trace(t, &mut lines).map_err(|e| e.to_string())?;
            let lanes: Vec<Option<i64>> = lines.iter().map(|v| v.map(i64::from)).collect();
            self.same(machine, state, &lanes, |_| format!("parts {:?}", trace.parts), tally)?;
        }
        Ok(())
    }

    fn trace_state(&self, name: &str) -> StateId {
        let id = self.net.states.ids().find(|id| self.net.full_name(*id) == name);
        id.unwrap_or_else(|| panic!("seed {}: the map names a trace '{name}'", self.seed))
    }

    /// Lanes that no core holds, because nothing there reads them, are `None`.
    fn same(
        &self,
        machine: &FixedMachine,
        state: StateId,
        lanes: &[Option<i64>],
        core: impl Fn(usize) -> String,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let expected = machine.raw(state);
        let name = self.net.full_name(state);
        if lanes.len() != expected.len() {
            return Err(format!("{name}: {} lanes, not {}", lanes.len(), expected.len()));
        }
        for (lane, (found, expected)) in lanes.iter().zip(expected).enumerate() {
            let Some(found) = found else { continue };
            tally.values += 1;
            if found != expected {
                return Err(format!(
                    "{name}, lane {lane}, {}: the chip has {found}, the fixed reading {expected}",
                    core(lane)
                ));
            }
        }
        Ok(())
    }

    fn host_of(&self, population: usize, lane: usize) -> String {
        let slices = &self.image.map.populations[population].slices;
        let lane = lane as u32;
        let host = slices.iter().find(|s| (s.first_lane..s.first_lane + s.n).contains(&lane));
        host.map_or_else(|| "no core".to_owned(), |s| format!("core {}", s.core))
    }

    fn compare_field(
        &self,
        machine: &FixedMachine,
        emulator: &Emulator,
        projection: usize,
        field: usize,
        state: StateId,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let space = self.net.states[state].space;
        let synapses = self.net.synapses(space).expect("a field belongs to synapses");
        let expected = machine.raw(state);
        let name = self.net.full_name(state);
        let mut seen = vec![false; expected.len()];
        for s in emulator.read_field(projection, field).map_err(|e| e.to_string())? {
            let row = synapses.row(s.pre);
            let at = synapses.post_lane[row.clone()]
                .binary_search(&s.post)
                .map_err(|_| format!("{name}: {} to {} is no synapse", s.pre, s.post))?;
            let k = row.start + at;
            seen[k] = true;
            tally.values += 1;
            if i64::from(s.raw) != expected[k] {
                return Err(format!(
                    "{name}, synapse {} to {}: the chip has {}, the fixed reading {}",
                    s.pre, s.post, s.raw, expected[k]
                ));
            }
        }
        let on_chip = !self.image.map.projections[projection].parts.is_empty();
        if on_chip && let Some(k) = seen.iter().position(|s| !s) {
            return Err(format!("{name}: synapse number {k} is on no core"));
        }
        Ok(())
    }

    /// Counts of clipped sums and stores, wherever the chip holds all lanes of a state.
    pub fn compare_saturations(
        &self,
        machine: &FixedMachine,
        emulator: &Emulator,
        tally: &mut Tally,
    ) {
        let on_chip: BTreeMap<String, u64> =
            emulator.saturations().into_iter().map(|s| (s.state, s.count)).collect();
        let mut lines = Vec::new();
        for (id, state) in self.net.states.iter() {
            let name = self.net.full_name(id);
            let modulator = self.structure.modulators.find(|m| m.state == id);
            let key = match modulator {
                Some(_) => self.net.spaces[state.space].name.clone(),
                None => name.clone(),
            };
            let Some(count) = on_chip.get(&key) else { continue };
            let trace = self.image.map.traces.iter().position(|t| t.name == name);
            let held = match (modulator, trace) {
                (Some(m), _) => emulator.read_modulator(m.index(), &mut lines).map(|()| &lines),
                (None, Some(t)) => emulator.read_trace(t, &mut lines).map(|()| &lines),
                (None, None) => {
                    lines.clear();
                    Ok(&lines)
                }
            };
            if held.expect("it was read before").iter().any(Option::is_none) {
                continue;
            }
            tally.saturated += count;
            assert_eq!(
                *count,
                machine.saturated(id),
                "seed {}: saturations of {name}\n{}",
                self.seed,
                self.listing()
            );
        }
    }

    /// What a reader needs first.
    pub fn listing(&self) -> String {
        let mut out = format!("epoch {}, {} cores\n", self.net.epoch, self.image.cores.len());
        for (id, p) in self.structure.projections.iter() {
            let name = &self.net.spaces[p.space].name;
            let (pre, post) = (&self.net.spaces[p.pre].name, &self.net.spaces[p.post].name);
            let _ = writeln!(out, "{id} {name}: {pre} -> {post}, {:?}, rule {:?}", p.delay, p.rule);
            if let Some(rule) = p.rule {
                let kernel = &self.net.kernels[self.net.phases[rule].kernel];
                out.push_str(&trifactor_ir::text::print_kernel(kernel));
            }
        }
        for core in &self.image.cores {
            let groups: Vec<_> =
                core.groups.iter().map(|g| (g.projection, g.first_post, g.n_post)).collect();
            let guards: Vec<Guard> = core.profiles.iter().map(|p| p.guard).collect();
            let _ = writeln!(out, "core {}: groups {groups:?}, guards {guards:?}", core.id);
        }
        out
    }
}
