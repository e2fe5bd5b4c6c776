//! Small images written by hand: one input population, some neurons, one projection.

use trifactor_image::{
    AxonIn, Column, ColumnKind, Compartment, Core, Field, FieldMap, FieldRange, Format, Group,
    Guard, Image, LineTable, Map, NO_DELAY_FIELD, NO_PROFILE, PopulationMap, Profile,
    ProjectionMap, ProjectionPart, Slice, Slot, SynapseList, TraceMap, TraceSide, pack_row,
};
use trifactor_isa::{Rounding, assemble};

/// A neuron that keeps what it gets: u is the input of the step, v adds u up.
pub fn integrator(threshold: i32) -> Compartment {
    Compartment {
        decay_u: 0xffff,
        v_min: -(1 << 23),
        threshold,
        spikes: true,
        ..Compartment::default()
    }
}

/// Inputs 0 .. n_pre, each connected to all of n_post neurons of a core.
pub struct Tiny {
    pub core: u32,
    pub n_pre: u32,
    pub neurons: Vec<Compartment>,
    /// Fields with their name, width, sign, and the value of every synapse.
    pub fields: Vec<(&'static str, u8, bool, i32)>,
    pub delay: u8,
    /// The field that holds delays.
    pub delay_field: Option<u8>,
    pub program: Option<String>,
    pub guard: Guard,
    pub pre_columns: Vec<Column>,
    pub post_columns: Vec<Column>,
    pub epoch: u32,
}

impl Default for Tiny {
    fn default() -> Self {
        Self {
            core: 0,
            n_pre: 1,
            neurons: vec![integrator(i32::MAX)],
            fields: vec![("w", 9, true, 10)],
            delay: 0,
            delay_field: None,
            program: None,
            guard: Guard::Always,
            pre_columns: vec![],
            post_columns: vec![],
            epoch: 1,
        }
    }
}

/// A linear trace that never decays.
pub fn counter(impulse: i32) -> Column {
    Column {
        profile: 0,
        post: false,
        kind: ColumnKind::Linear,
        bits: 16,
        max: 0xffff,
        decay: 0,
        impulse,
        x_max: 0,
        shift: 0,
        rounding: Rounding::Floor,
        stream: 9,
        init: 0,
        history: false,
    }
}

impl Tiny {
    pub fn image(&self) -> Image {
        let n_post = self.neurons.len() as u32;
        let id = self.core;
        let mut core = Core { id, compartments: self.neurons.clone(), ..Core::default() };
        let field = |f: &(&str, u8, bool, i32)| Field { bits: f.1, signed: f.2 };
        let format = Format { index_bits: 0, fields: self.fields.iter().map(field).collect() };
        let mut input_axons = Vec::new();
        for pre in 0..self.n_pre {
            let list = SynapseList {
                index: (0..n_post).collect(),
                fields: self.fields.iter().map(|f| vec![f.3; n_post as usize]).collect(),
            };
            let first_word = core.synapses.len() as u32;
            pack_row(&list, &format, 0, &mut core.synapses).unwrap();
            input_axons.push(vec![(id, core.axons_in.len() as u16)]);
            core.axons_in.push(AxonIn { pre, first_word, n_synapses: n_post });
        }
        core.formats.push(format);
        core.groups.push(Group {
            n_axons: self.n_pre,
            profile: if self.program.is_some() { 0 } else { NO_PROFILE },
            n_post,
            delay: self.delay,
            delay_field: self.delay_field.unwrap_or(NO_DELAY_FIELD),
            ..Group::default()
        });
        let mut traces = Vec::new();
        if let Some(program) = &self.program {
            self.profile(&mut core, program, &mut traces);
        }
        let slice = Slice { first_lane: 0, n: n_post, core: id, first_compartment: 0 };
        let population = |name: &str, n, slices, input_axons| PopulationMap {
            name: name.into(),
            n,
            frac: 0,
            slices,
            input_axons,
        };
        let name = |f: &(&str, u8, bool, i32)| FieldMap { name: f.0.into(), frac: 0 };
        let projection = ProjectionMap {
            name: "in-out".into(),
            pre: "in".into(),
            post: "out".into(),
            n_pre: self.n_pre,
            n_post,
            n_synapses: self.n_pre * n_post,
            fields: self.fields.iter().map(name).collect(),
            parts: vec![ProjectionPart { core: id, group: 0 }],
        };
        let map = Map {
            populations: vec![
                population("in", self.n_pre, vec![], input_axons),
                population("out", n_post, vec![slice], vec![]),
            ],
            projections: vec![projection],
            traces,
            ..Map::default()
        };
        Image {
            meta: super::meta(self.epoch, 1),
            cores: vec![core],
            map,
            lines: LineTable::default(),
        }
    }

    fn profile(&self, core: &mut Core, program: &str, traces: &mut Vec<TraceMap>) {
        let (mut pre_slots, mut post_slots) = (Vec::new(), Vec::new());
        let pre = self.pre_columns.iter().map(|c| Column { post: false, ..*c });
        let post = self.post_columns.iter().map(|c| Column { post: true, ..*c });
        for column in pre.chain(post) {
            let at = core.columns.len() as u16;
            let slots = if column.post { &mut post_slots } else { &mut pre_slots };
            slots.push(Slot::Column(at));
            traces.push(TraceMap {
                name: format!("c{at}"),
                projection: 0,
                side: if column.post { TraceSide::Post } else { TraceSide::Pre },
                frac: 0,
                parts: vec![(self.core, at)],
            });
            core.columns.push(column);
        }
        core.ucode = assemble(program).unwrap().iter().map(|inst| inst.encode()).collect();
        let range = |f: &(&str, u8, bool, i32)| match (f.1, f.2) {
            (bits, true) => FieldRange { lo: -(1 << (bits - 1)), hi: (1 << (bits - 1)) - 1 },
            (bits, false) => FieldRange { lo: 0, hi: (1 << bits) - 1 },
        };
        core.profiles.push(Profile {
            first_word: 0,
            n_words: core.ucode.len() as u32,
            stream: 5,
            guard: self.guard,
            ranges: self.fields.iter().map(range).collect(),
            pre_slots,
            post_slots,
            global_slots: vec![],
        });
    }
}
