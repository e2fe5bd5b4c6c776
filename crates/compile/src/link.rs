//! Resolve addresses and fill the memories of every core.
//!
//! Reads: everything before it.   Writes: [`Image`].
//! Gives: the same bytes for the same inputs; every table index inside its table.

use crate::Identity;
use crate::lower::{Lowered, Source};
use crate::mesh::Arrangement;
use crate::place::{PlacedRange, Placement};
use crate::route::{Landing, RoutedGroup, Routes};
use crate::structure::{
    ModulatorId, PopulationId, ProjectionId, Structure, TraceId, TraceKind, bound,
};
use std::ops::Range;
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_entity::EntityId;
use trifactor_fixed::DecayCode;
use trifactor_image::{
    AxonIn, AxonOut, Column, ColumnKind, Compartment, Core, FieldMap, FieldRange, Group, Image,
    LineTable, Map, Meta, ModulatorLines, ModulatorMap, ModulatorPart, NO_DELAY_FIELD, NO_PROFILE,
    PopulationMap, Profile, ProjectionMap, ProjectionPart, Slice, Slot, SourceLine, SynapseList,
    TraceMap, TraceSide, WordLine, f64_bits, pack_row,
};
use trifactor_ir::{
    CheckedNetwork, Delay, Op, Phase, PhaseId, Role, SpaceId, StateId, ValueId, Values,
};
use trifactor_isa::{Chip, isa_hash};
use trifactor_quant::Plan;

struct Linker<'a> {
    net: &'a CheckedNetwork,
    plan: &'a Plan,
    structure: &'a Structure,
    lowered: &'a Lowered,
    placement: &'a Placement,
    routes: &'a Routes,
    arrangement: &'a Arrangement,
    map: Map,
    lines: LineTable,
    diagnostics: Diagnostics,
}

/// Links an image. Errors: `C030` where a unit has one register and the model gives it a value
/// per lane.
pub fn link(
    net: &CheckedNetwork,
    plan: &Plan,
    chip: &Chip,
    identity: &Identity,
    structure: &Structure,
    lowered: &Lowered,
    placement: &Placement,
    routes: &Routes,
    arrangement: &Arrangement,
) -> Result<Image, Diagnostics> {
    let mut linker = Linker {
        net,
        plan,
        structure,
        lowered,
        placement,
        routes,
        arrangement,
        map: Map::default(),
        lines: LineTable::default(),
        diagnostics: Diagnostics::new(),
    };
    linker.maps();
    let cores: Vec<Core> = arrangement.by_number().into_iter().map(|c| linker.core(c)).collect();
    let Linker { map, lines, diagnostics, .. } = linker;
    let meta = Meta {
        model: net.name.clone(),
        model_hash: identity.model_hash.clone(),
        plan_hash: plan.hash(net),
        isa_hash: isa_hash(),
        chip: chip.canonical(),
        chip_hash: chip.hash(),
        epoch: net.epoch,
        seed: identity.seed,
        step_ms: f64_bits::Ms::new(identity.step_ms),
    };
    diagnostics.into_result(Image { meta, cores, map, lines }).map(|(image, _)| image)
}

impl Linker<'_> {
    /// The number on the mesh of a core of the placement.
    fn number(&self, core: usize) -> u32 {
        self.arrangement.numbers[core]
    }

    /// A message to a core of the placement as one to a core of the mesh.
    fn message(&self, (core, axon): (u32, u16)) -> (u32, u16) {
        (self.number(core as usize), axon)
    }

    fn raw(&self, state: StateId, lane: usize) -> i64 {
        self.plan.states[state].quantise(self.net.states[state].init.at(lane))
    }

    /// The raw values of some lanes, which fit the 16 bits of a field.
    fn raws(&self, state: StateId, lanes: Range<usize>) -> Vec<i32> {
        let format = &self.plan.states[state];
        match &self.net.states[state].init {
            Values::Constant(v) => vec![format.quantise(*v) as i32; lanes.len()],
            Values::PerLane(list) => {
                list[lanes].iter().map(|v| format.quantise(*v) as i32).collect()
            }
        }
    }

    /// The value of a register that exists once for all lanes.
    fn single(&mut self, phase: &Phase, port: &str) -> f64 {
        bound(self.net, phase, port).map_or(0.0, |state| self.single_init(state, phase))
    }

    /// The initial value of a state, or a parameter's value, that all lanes of a unit share.
    fn single_init(&mut self, state: StateId, phase: &Phase) -> f64 {
        match &self.net.states[state].init {
            Values::Constant(v) => *v,
            Values::PerLane(values) => {
                let first = values.first().copied().unwrap_or(0.0);
                if values.iter().any(|v| *v != first) {
                    self.one_register(phase, state);
                }
                first
            }
        }
    }

    /// Refuses different values for lanes that share a register; once, however many cores have one.
    fn one_register(&mut self, phase: &Phase, state: StateId) {
        let (lo, hi) = self.net.states[state].init.bounds().unwrap_or((0.0, 0.0));
        let found = Diagnostic::error(
            "C030",
            format!(
                "'{}' has a value per lane, from {lo} to {hi}, and the chip's unit has 1 register for all lanes",
                self.net.full_name(state)
            ),
        )
        .at(Place::at_key(&phase.key))
        .hint("give one value for all lanes");
        if !self.diagnostics.iter().any(|d| *d == found) {
            self.diagnostics.push(found);
        }
    }

    fn decay_of(&mut self, phase: &Phase) -> u16 {
        self.wide_decay_of(phase) as u16
    }

    fn wide_decay_of(&mut self, phase: &Phase) -> u32 {
        let keep = self.single(phase, "keep");
        self.wide_decay_register(phase, "keep", keep)
    }

    fn decay_register(&self, phase: &Phase, port: &str, keep: f64) -> u16 {
        self.wide_decay_register(phase, port, keep) as u16
    }

    fn wide_decay_register(&self, phase: &Phase, port: &str, keep: f64) -> u32 {
        let state = bound(self.net, phase, port);
        let own = state.and_then(|state| self.plan.states[state].register(keep));
        own.unwrap_or_else(|| DecayCode::default().register(keep, 16))
    }

    fn space_name(&self, space: SpaceId) -> String {
        self.net.spaces[space].name.clone()
    }

    /// The author's names, before any core is filled.
    fn maps(&mut self) {
        for (id, population) in self.structure.populations.iter() {
            let n = self.net.lanes(population.space) as u32;
            let v = population.phase.and_then(|p| bound(self.net, &self.net.phases[p], "v"));
            let input_axons = match population.phase {
                None => {
                    let all = self.routes.messages[id].iter();
                    all.map(|lane| lane.iter().map(|m| self.message(*m)).collect()).collect()
                }
                Some(_) => Vec::new(),
            };
            self.map.populations.push(PopulationMap {
                name: self.space_name(population.space),
                n,
                frac: v.map_or(0, |v| self.plan.states[v].q.frac),
                slices: self.slices_of(id),
                input_axons,
            });
        }
        for projection in self.structure.projections.values() {
            let fields = projection
                .fields
                .iter()
                .map(|f| FieldMap {
                    name: self.net.states[*f].name.clone(),
                    frac: self.plan.states[*f].q.frac,
                })
                .collect();
            self.map.projections.push(ProjectionMap {
                name: self.space_name(projection.space),
                pre: self.space_name(projection.pre),
                post: self.space_name(projection.post),
                n_pre: self.net.lanes(projection.pre) as u32,
                n_post: self.net.lanes(projection.post) as u32,
                n_synapses: self.net.lanes(projection.space) as u32,
                fields,
                parts: Vec::new(),
            });
        }
        for modulator in self.structure.modulators.values() {
            self.map.modulators.push(ModulatorMap {
                name: self.space_name(modulator.space),
                n: self.net.lanes(modulator.space) as u32,
                frac: self.plan.states[modulator.state].q.frac,
                parts: Vec::new(),
            });
        }
    }

    fn slices_of(&self, id: PopulationId) -> Vec<Slice> {
        let mut found = Vec::new();
        for (c, placed) in self.placement.cores.iter().enumerate() {
            let core = self.number(c);
            for s in placed.slices.iter().filter(|s| s.population == id) {
                found.push(Slice {
                    first_lane: s.first_lane,
                    n: s.n,
                    core,
                    first_compartment: s.first_compartment,
                });
            }
        }
        found
    }

    fn core(&mut self, c: usize) -> Core {
        let id = self.number(c);
        let mut core = Core { id, ..Core::default() };
        self.compartments(c, &mut core);
        self.modulators(c, &mut core);
        for group in &self.routes.groups[c] {
            self.group(group, c, &mut core);
        }
        core
    }

    fn compartments(&mut self, c: usize, core: &mut Core) {
        for slice in &self.placement.cores[c].slices {
            let population = &self.structure.populations[slice.population];
            let phase =
                &self.net.phases[population.phase.expect("internal: inputs are not placed")];
            let state = |port: &str| bound(self.net, phase, port);
            // Where there is no floor, the lowest voltage there is stops nothing (S23).
            let lowest = state("v").map_or(0, |v| self.plan.states[v].raw.lo as i32);
            for lane in slice.first_lane..slice.first_lane + slice.n {
                let k = lane as usize;
                let raw = |port: &str| state(port).map(|s| self.raw(s, k) as i32);
                let keep = |port: &str| {
                    let value = state(port).map_or(0.0, |s| self.net.states[s].init.at(k));
                    self.decay_register(phase, port, value)
                };
                let messages = &self.routes.messages[slice.population][k];
                let first_out = core.axons_out.len() as u32;
                core.axons_out.extend(
                    messages
                        .iter()
                        .map(|m| self.message(*m))
                        .map(|(core, axon)| AxonOut { core, axon }),
                );
                core.compartments.push(Compartment {
                    decay_u: keep("keep_u"),
                    decay_v: keep("keep_v"),
                    bias: raw("bias").unwrap_or(0),
                    v_min: raw("v_min").unwrap_or(lowest),
                    threshold: raw("threshold").unwrap_or(0),
                    refractory: raw("refractory").unwrap_or(0) as u8,
                    spikes: state("threshold").is_some(),
                    init_u: raw("u").unwrap_or(0),
                    init_v: raw("v").unwrap_or(0),
                    init_hold: raw("hold").unwrap_or(0) as u8,
                    first_out,
                    n_out: messages.len() as u32,
                });
            }
        }
    }

    fn modulators(&mut self, c: usize, core: &mut Core) {
        let mut first_line = 0;
        let ranges: Vec<PlacedRange> = self.placement.cores[c].ranges.clone();
        for range in ranges {
            let modulator = &self.structure.modulators[range.modulator];
            let phase = &self.net.phases[modulator.phase];
            let decay = self.decay_of(phase);
            let format = self.plan.states[modulator.state];
            let init = self.single_init(modulator.state, phase);
            let at = core.modulators.len() as u16;
            core.modulators.push(ModulatorLines {
                modulator: range.modulator.index() as u16,
                first_line,
                n_lines: range.n,
                first_lane: range.first_lane,
                decay,
                rounding: format.rounding,
                lo: format.raw.lo as i32,
                hi: format.raw.hi as i32,
                stream: phase.stream,
                init: format.quantise(init) as i32,
            });
            let core = self.number(c);
            self.map.modulators[range.modulator.index()]
                .parts
                .push(ModulatorPart { core, range: at });
            first_line += range.n;
        }
    }

    fn group(&mut self, routed: &RoutedGroup, c: usize, core: &mut Core) {
        let projection = &self.structure.projections[routed.projection];
        let lowered = &self.lowered.projections[routed.projection];
        let format = core.formats.iter().position(|f| *f == lowered.format).unwrap_or_else(|| {
            core.formats.push(lowered.format.clone());
            core.formats.len() - 1
        }) as u8;
        let first_target = match routed.landing {
            Landing::Slice(k) => self.placement.cores[c].slices[k].first_compartment,
            Landing::Range(k) => core.compartments.len() as u32 + core.modulators[k].first_line,
        };
        let profile = match &lowered.program {
            Some(_) => self.profile(routed, core, c),
            None => NO_PROFILE,
        };
        let (delay, delay_field) = match projection.delay {
            Delay::Fixed(d) => (d, NO_DELAY_FIELD),
            Delay::PerSynapse(_) => (0, 1),
        };
        let shift = -self.plan.phases[projection.deliver].outputs[0].shift;
        let number = core.groups.len() as u16;
        core.groups.push(Group {
            projection: routed.projection.index() as u16,
            first_axon: routed.first_axon,
            n_axons: routed.pre.len() as u32,
            format,
            profile,
            first_target,
            first_post: routed.first_post,
            n_post: routed.n_post,
            shift: shift.clamp(-127, 127) as i8,
            delay,
            delay_field,
        });
        let here = self.number(c);
        self.map.projections[routed.projection.index()]
            .parts
            .push(ProjectionPart { core: here, group: number });
        self.synapses(routed, format, core);
    }

    fn synapses(&mut self, routed: &RoutedGroup, number: u8, core: &mut Core) {
        let projection = &self.structure.projections[routed.projection];
        let synapses =
            self.net.synapses(projection.space).expect("internal: a projection has synapses");
        let format = core.formats[usize::from(number)].clone();
        for &pre in &routed.pre {
            let row = synapses.row(pre);
            let lanes = &synapses.post_lane[row.clone()];
            let from = row.start + lanes.partition_point(|l| *l < routed.first_post);
            let to = row.start + lanes.partition_point(|l| *l < routed.first_post + routed.n_post);
            let index = (from..to).map(|k| synapses.post_lane[k] - routed.first_post).collect();
            let fields = projection.fields.iter().map(|f| self.raws(*f, from..to)).collect();
            let first_word = core.synapses.len() as u32;
            pack_row(&SynapseList { index, fields }, &format, number, &mut core.synapses)
                .unwrap_or_else(|e| {
                    panic!("internal: a planned value does not fit its field: {e}")
                });
            core.axons_in.push(AxonIn { pre, first_word, n_synapses: (to - from) as u32 });
        }
    }

    fn profile(&mut self, routed: &RoutedGroup, core: &mut Core, c: usize) -> u8 {
        let id: ProjectionId = routed.projection;
        let projection = &self.structure.projections[id];
        let lowered = &self.lowered.projections[id];
        let program = lowered.program.as_ref().expect("internal: a plastic group has a program");
        let rule = &self.net.phases[projection.rule.expect("internal: a plastic group has a rule")];
        let number = core.profiles.len() as u8;
        let first_word = core.ucode.len() as u32;
        core.ucode.extend(program.code.iter().map(|i| i.encode()));
        let here = self.number(c);
        for (word, text) in (first_word..).zip(&program.lines) {
            self.map.source.push(SourceLine {
                core: here,
                word,
                // The rule's own name: the last part of `rules.NAME`.
                rule: rule.key.rsplit('.').next().unwrap_or(&rule.name).to_owned(),
                text: text.clone(),
                key: rule.key.clone(),
            });
        }
        let written = &self.net.kernels[rule.kernel].written;
        if let Some(file) = &written.file {
            let file = self.lines.file(file);
            for (word, (line, term)) in
                (first_word..).zip(program.written.iter().zip(&program.terms))
            {
                let Some(line) = *line else { continue };
                let term = term.and_then(|term| written.terms.get(usize::from(term)));
                let term = term.and_then(|term| self.lines.term(&term.text));
                self.lines.words.push(WordLine { core: here, word, file, line, term });
            }
        }
        let slots =
            |linker: &mut Self, core: &mut Core, sources: &[Source], role: Role| -> Vec<Slot> {
                sources
                    .iter()
                    .map(|source| match source {
                        Source::Trace(trace) => linker.column(*trace, id, number, role, core, c),
                        Source::Modulator(m) => {
                            Slot::Modulator(linker.range_of(core, *m, role, routed))
                        }
                    })
                    .collect()
            };
        let pre_slots = slots(self, core, &program.pre_slots, Role::Pre);
        let post_slots = slots(self, core, &program.post_slots, Role::Post);
        let global_slots = slots(self, core, &program.global_slots, Role::Global);
        let ranges = projection
            .fields
            .iter()
            .map(|f| {
                let raw = self.plan.states[*f].raw;
                FieldRange { lo: raw.lo as i32, hi: raw.hi as i32 }
            })
            .collect();
        core.profiles.push(Profile {
            first_word,
            n_words: program.code.len() as u32,
            stream: rule.stream,
            guard: lowered.guard,
            ranges,
            pre_slots,
            post_slots,
            global_slots,
        });
        number
    }

    fn column(
        &mut self,
        trace: TraceId,
        projection: ProjectionId,
        profile: u8,
        role: Role,
        core: &mut Core,
        c: usize,
    ) -> Slot {
        let unit = &self.structure.traces[trace];
        let phase = &self.net.phases[unit.phase];
        let format = self.plan.states[unit.state];
        let replayed = self.plan.learning.is_some();
        let written = unit.kind == TraceKind::PseudoDerivative;
        let wide = if written { 0 } else { self.wide_decay_of(phase) };
        let single_raw = |linker: &mut Self, port: &str| {
            let value = linker.single(phase, port);
            bound(linker.net, phase, port)
                .map_or(0, |state| linker.plan.states[state].quantise(value) as i32)
        };
        let impulse = single_raw(self, if written { "height" } else { "impulse" });
        let x_max = match unit.kind {
            _ if replayed => wide as i32,
            TraceKind::PseudoDerivative => single_raw(self, "slope"),
            TraceKind::Linear | TraceKind::Saturating => single_raw(self, "x_max"),
        };
        let shift = match (unit.kind, bound(self.net, phase, "impulse")) {
            (TraceKind::Saturating, Some(state)) => self.plan.states[state].q.frac.unsigned_abs(),
            (TraceKind::PseudoDerivative, _) => self.fall_shift(unit.phase),
            _ => 0,
        };
        let init = self.single_init(unit.state, phase);
        let at = core.columns.len() as u16;
        core.columns.push(Column {
            profile,
            post: role == Role::Post,
            kind: match unit.kind {
                _ if replayed => ColumnKind::Replayed,
                TraceKind::Linear => ColumnKind::Linear,
                TraceKind::Saturating => ColumnKind::Saturating,
                TraceKind::PseudoDerivative => ColumnKind::PseudoDerivative,
            },
            bits: format.q.bits,
            max: format.raw.hi as i32,
            decay: if replayed { 0 } else { wide as u16 },
            impulse,
            x_max,
            shift,
            rounding: format.rounding,
            stream: self.plan.stream(self.net, unit.phase),
            init: format.quantise(init) as i32,
            history: self.net.needs_history(unit.state),
        });
        let name = self.net.full_name(unit.state);
        let part = (self.number(c), at);
        let reader = projection.index() as u16;
        let side = if role == Role::Post { TraceSide::Post } else { TraceSide::Pre };
        let known = |t: &&mut TraceMap| t.name == name && t.projection == reader && t.side == side;
        match self.map.traces.iter_mut().find(known) {
            Some(map) => map.parts.push(part),
            None => self.map.traces.push(TraceMap {
                name,
                projection: reader,
                side,
                frac: format.q.frac,
                parts: vec![part],
            }),
        }
        Slot::Column(at)
    }

    /// Places to the right of the product of a distance and the slope of a pseudo-derivative.
    fn fall_shift(&self, phase: PhaseId) -> u8 {
        let kernel = &self.net.kernels[self.net.phases[phase].kernel];
        let is_slope = |v: &ValueId| match kernel.ops[*v] {
            Op::Port(port) => kernel.ports[port].name == "slope",
            _ => false,
        };
        let mut falls = kernel.ops.iter().filter_map(|(value, op)| match op {
            Op::Mul(a, b) if is_slope(a) || is_slope(b) => Some(value),
            _ => None,
        });
        let fall = falls.next().expect("internal: a pseudo-derivative without a slope");
        self.plan.phases[phase].values[fall].shift as u8
    }

    /// The range of a core's modulator table that a profile reads: for post lanes one that holds
    /// the lines of the slice, else a copy of all lines. A core may hold both of one modulator.
    fn range_of(
        &self,
        core: &Core,
        modulator: ModulatorId,
        role: Role,
        group: &RoutedGroup,
    ) -> u16 {
        let wanted = modulator.index() as u16;
        let lanes = self.net.lanes(self.structure.modulators[modulator].space) as u32;
        let needed = match role {
            Role::Post => group.first_post..group.first_post + group.n_post,
            _ => 0..lanes,
        };
        let at = core.modulators.iter().position(|m| {
            m.modulator == wanted
                && m.first_lane <= needed.start
                && m.first_lane + m.n_lines >= needed.end
        });
        at.expect("internal: placement gave a profile no copy of its modulator") as u16
    }
}
