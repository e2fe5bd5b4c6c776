//! Valid images of many shapes, written by hand-made rules rather than by the compiler.
//!
//! The network: input `in` to hidden `hid` (learning, delays, a tag), `hid` to read-out `out`
//! (static), input `teach` to modulator `err`, which has one line per hidden lane. `hid` and
//! `err` are spread over the cores, `out` is on the last one.

#![allow(dead_code)]

use trifactor_fixed::Rounding;
use trifactor_image::{
    AxonIn, AxonOut, Column, ColumnKind, Compartment, Core, Field, FieldMap, FieldRange, Format,
    Group, Guard, Image, LineTable, Map, Meta, ModulatorLines, ModulatorMap, ModulatorPart,
    NO_DELAY_FIELD, NO_PROFILE, PopulationMap, Profile, ProjectionMap, ProjectionPart, Slice, Slot,
    SourceLine, SynapseList, TraceMap, TraceSide, WordLine, f64_bits::Ms, pack_row,
};
use trifactor_isa::{Chip, assemble, isa_hash};

/// Sizes of a network.
#[derive(Clone, Debug)]
pub struct Shape {
    pub n_in: u32,
    /// Hidden lanes of each core; at least one core with at least one lane.
    pub hidden: Vec<u32>,
    pub n_out: u32,
    pub dense: bool,
    pub seed: u64,
}

impl Shape {
    /// A network of two cores that still has everything.
    pub fn small() -> Self {
        Self { n_in: 3, hidden: vec![2, 1], n_out: 2, dense: false, seed: 7 }
    }
}

/// xorshift64*; contents only need to be varied and repeatable.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % u64::from(n)) as u32
    }
    fn between(&mut self, lo: i32, hi: i32) -> i32 {
        lo + self.below((hi - lo + 1) as u32) as i32
    }
    fn bit(&mut self) -> bool {
        self.below(2) == 1
    }
}

pub const PROGRAM: &str = "
    lds r0, field 0
    lds r1, field 2
    ldx r2, slot 1, at y0
    ldy r3, slot 1, at x0, prev
    ldy r4, slot 2, at end
    ldg r5, slot 0
    mul r3, r3, r4, >>4, stochastic, site 0
    add r0, r0, r3
    sts field 0, r0, >>2, stochastic, site 1
    sts field 2, r1, >>0, floor, site 0
    halt";

const WEIGHT: Field = Field { bits: 9, signed: true };
const DELAY: Field = Field { bits: 6, signed: false };
const TAG: Field = Field { bits: 12, signed: true };
const FF: u16 = 0;
const READ: u16 = 1;
const TEACH: u16 = 2;

/// Messages of the lanes of a population. Shape: [lane][message].
type Messages = Vec<Vec<(u32, u16)>>;

/// The image of a shape, with the chip description as its file has it.
pub fn image(shape: &Shape) -> Image {
    image_with(shape, Chip::builtin_text("superset").unwrap())
}

/// The image of a shape with the shortest chip description.
pub fn short_image(shape: &Shape) -> Image {
    let mut image = image_with(shape, &Chip::builtin("superset").unwrap().canonical());
    image.map.source.truncate(2);
    image.lines.words.truncate(2);
    image
}

fn image_with(shape: &Shape, chip: &str) -> Image {
    let mut r = Numbers(shape.seed.wrapping_mul(2) | 1);
    let n_hidden: u32 = shape.hidden.iter().sum();
    let mut map = Map::default();
    let mut cores: Vec<Core> = Vec::new();
    let (mut from_in, mut from_hidden) = (messages(shape.n_in), messages(n_hidden));
    let mut from_teacher = messages(n_hidden);
    let mut parts: [Vec<ProjectionPart>; 3] = Default::default();
    let mut synapses = [0u32; 3];
    let (mut slices, mut out_slices, mut lines) = (vec![], vec![], vec![]);
    let (mut pre_columns, mut post_columns) = (vec![], vec![]);
    let mut first_lane = 0;
    let last = shape.hidden.len() - 1;
    for (k, &n) in shape.hidden.iter().enumerate() {
        let id = (k * 3 + 1) as u32;
        let mut core = Core { id, formats: formats(shape.dense), ..Core::default() };
        let here = if k == last { shape.n_out } else { 0 };
        // Read-outs come first so that slices do not all begin at compartment 0.
        core.compartments = (0..here + n).map(|c| compartment(&mut r, c >= here)).collect();
        if here > 0 {
            out_slices.push(Slice { first_lane: 0, n: here, core: id, first_compartment: 0 });
            let post = Post { target: 0, first: 0, n: here };
            let group = Group { projection: READ, format: 1, delay: 3, shift: -2, ..STATIC };
            synapses[1] += add_group(&mut core, &mut r, group, &post, &mut from_hidden);
            parts[1].push(part(&core));
        }
        slices.push(Slice { first_lane, n, core: id, first_compartment: here });
        core.modulators = vec![modulator_lines(&mut r, first_lane, n)];
        lines.push(ModulatorPart { core: id, range: 0 });

        let post = Post { target: here, first: first_lane, n };
        let ff = Group { projection: FF, profile: 0, delay_field: 1, shift: 6, ..STATIC };
        synapses[0] += add_group(&mut core, &mut r, ff, &post, &mut from_in);
        parts[0].push(part(&core));
        let post = Post { target: here + n, first: first_lane, n };
        let teach = Group { projection: TEACH, format: 1, ..STATIC };
        synapses[2] += add_group(&mut core, &mut r, teach, &post, &mut from_teacher);
        parts[2].push(part(&core));

        learning(&mut core, &mut r, &mut map);
        pre_columns.push((id, 0));
        post_columns.push((id, 1));
        cores.push(core);
        first_lane += n;
    }
    for slice in &slices {
        let core = cores.iter_mut().find(|core| core.id == slice.core).unwrap();
        for k in 0..slice.n {
            let messages = &from_hidden[(slice.first_lane + k) as usize];
            let c = &mut core.compartments[(slice.first_compartment + k) as usize];
            (c.first_out, c.n_out) = (core.axons_out.len() as u32, messages.len() as u32);
            core.axons_out.extend(messages.iter().map(|&(core, axon)| AxonOut { core, axon }));
        }
    }
    let population = |name: &str, n, frac, slices, input_axons| {
        let name = name.to_owned();
        PopulationMap { name, n, frac, slices, input_axons }
    };
    map.populations = vec![
        population("in", shape.n_in, 0, vec![], from_in),
        population("hid", n_hidden, 12, slices, vec![]),
        population("out", shape.n_out, 10, out_slices, vec![]),
        population("teach", n_hidden, 0, vec![], from_teacher),
    ];
    let [ff, read, teach] = parts;
    let three = &[("w", 7), ("d", 0), ("e", 9)][..];
    map.projections = vec![
        projection("ff", "in", "hid", (shape.n_in, n_hidden), synapses[0], three, ff),
        projection("read", "hid", "out", (n_hidden, shape.n_out), synapses[1], &three[..1], read),
        projection("bring", "teach", "err", (n_hidden, n_hidden), synapses[2], &three[..1], teach),
    ];
    map.modulators = vec![ModulatorMap { name: "err".into(), n: n_hidden, frac: 8, parts: lines }];
    map.traces = vec![trace("in.ff.x1", TraceSide::Pre, pre_columns)];
    map.traces.push(trace("hid.ff.y1", TraceSide::Post, post_columns));
    let mut lines =
        LineTable { files: vec!["stdp.kern".into(), "other.kern".into()], ..LineTable::default() };
    lines.terms = vec!["2^-4*x0*y1".into(), "-y0*x1".into()];
    for core in &cores {
        // The last word has no line.
        let words = 0..core.ucode.len() as u32 - 1;
        let line = |word| {
            let term = r.bit().then(|| r.below(2) as u16);
            WordLine { core: core.id, word, file: r.below(2) as u16, line: 1 + word, term }
        };
        lines.words.extend(words.map(line));
    }
    Image { meta: meta(chip), cores, map, lines }
}

const STATIC: Group = Group {
    projection: 0,
    first_axon: 0,
    n_axons: 0,
    format: 0,
    profile: NO_PROFILE,
    first_target: 0,
    first_post: 0,
    n_post: 0,
    shift: 0,
    delay: 0,
    delay_field: NO_DELAY_FIELD,
};

struct Post {
    target: u32,
    first: u32,
    n: u32,
}

/// Appends a group with random synapses and returns their number.
fn add_group(
    core: &mut Core,
    r: &mut Numbers,
    group: Group,
    post: &Post,
    messages: &mut Messages,
) -> u32 {
    let format = core.formats[usize::from(group.format)].clone();
    let first_axon = core.axons_in.len() as u32;
    let mut n_total = 0;
    for (pre, messages) in messages.iter_mut().enumerate() {
        let index: Vec<u32> = match format.index_bits {
            0 => (0..post.n).collect(),
            _ => (0..post.n).filter(|_| r.below(3) > 0).collect(),
        };
        // A pre lane without synapses here has no axon; one lane must have some.
        let index = if index.is_empty() && pre == 0 { vec![0] } else { index };
        if index.is_empty() {
            continue;
        }
        let n = index.len();
        let column = |field: &Field, r: &mut Numbers| match *field {
            DELAY => (0..n).map(|_| r.between(0, 62)).collect(),
            Field { bits, signed: true } => {
                (0..n).map(|_| r.between(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)).collect()
            }
            Field { bits, .. } => (0..n).map(|_| r.between(0, (1 << bits) - 1)).collect(),
        };
        let fields = format.fields.iter().map(|field| column(field, r)).collect();
        let first_word = core.synapses.len() as u32;
        let list = SynapseList { index, fields };
        pack_row(&list, &format, group.format, &mut core.synapses).unwrap();
        messages.push((core.id, core.axons_in.len() as u16));
        core.axons_in.push(AxonIn { pre: pre as u32, first_word, n_synapses: n as u32 });
        n_total += n as u32;
    }
    core.groups.push(Group {
        first_axon,
        n_axons: core.axons_in.len() as u32 - first_axon,
        first_target: post.target,
        first_post: post.first,
        n_post: post.n,
        ..group
    });
    n_total
}

fn part(core: &Core) -> ProjectionPart {
    ProjectionPart { core: core.id, group: (core.groups.len() - 1) as u16 }
}

fn messages(n: u32) -> Messages {
    vec![vec![]; n as usize]
}

fn formats(dense: bool) -> Vec<Format> {
    let index_bits = if dense { 0 } else { 10 };
    vec![
        Format { index_bits, fields: vec![WEIGHT, DELAY, TAG] },
        Format { index_bits: 6, fields: vec![WEIGHT] },
    ]
}

fn compartment(r: &mut Numbers, spikes: bool) -> Compartment {
    const HALF: i32 = 1 << 23;
    Compartment {
        decay_u: r.below(1 << 16) as u16,
        decay_v: r.below(1 << 16) as u16,
        bias: r.between(-HALF, HALF - 1),
        v_min: -HALF,
        threshold: r.between(-HALF, HALF - 1),
        refractory: r.below(64) as u8,
        spikes,
        init_u: r.between(-HALF, HALF - 1),
        init_v: r.between(-HALF, HALF - 1),
        init_hold: r.below(64) as u8,
        first_out: 0,
        n_out: 0,
    }
}

fn modulator_lines(r: &mut Numbers, first_lane: u32, n_lines: u32) -> ModulatorLines {
    ModulatorLines {
        modulator: 0,
        first_line: 0,
        n_lines,
        first_lane,
        decay: r.below(1 << 16) as u16,
        rounding: Rounding::from_code(r.below(4) as u8),
        lo: r.between(-32768, -1),
        hi: r.between(0, 32767),
        stream: r.below(100),
        init: 0,
    }
}

/// The profile of the group of `ff`, its columns and program.
fn learning(core: &mut Core, r: &mut Numbers, map: &mut Map) {
    let range = |f: Field| match f {
        DELAY => FieldRange { lo: 0, hi: 62 },
        f => FieldRange { lo: -(1 << (f.bits - 1)), hi: (1 << (f.bits - 1)) - 1 },
    };
    let program = assemble(PROGRAM).unwrap();
    core.ucode = program.iter().map(|inst| inst.encode()).collect();
    for (word, inst) in (0u32..).zip(&program) {
        let (rule, text) = ("stdp".to_owned(), inst.to_string());
        let key = "rules.stdp.dw".to_owned();
        map.source.push(SourceLine { core: core.id, word, rule, text, key });
    }
    core.profiles = vec![Profile {
        first_word: 0,
        n_words: program.len() as u32,
        stream: r.below(100),
        guard: [Guard::Always, Guard::PreOrPost, Guard::Pre, Guard::Post][r.below(4) as usize],
        ranges: [WEIGHT, DELAY, TAG].map(range).to_vec(),
        pre_slots: vec![Slot::Column(0)],
        post_slots: vec![Slot::Column(1), Slot::Modulator(0)],
        global_slots: vec![Slot::Modulator(0)],
    }];
    let saturating = r.bit();
    let bits = [7, 8, 9, 10, 12, 16][r.below(6) as usize];
    let max = r.between(0, (1 << bits) - 1);
    let column = |post, r: &mut Numbers| Column {
        profile: 0,
        post,
        kind: if saturating { ColumnKind::Saturating } else { ColumnKind::Linear },
        bits,
        max,
        decay: r.below(1 << 16) as u16,
        impulse: r.between(0, 0xffff),
        x_max: r.between(0, max),
        shift: r.below(40) as u8,
        rounding: Rounding::from_code(r.below(4) as u8),
        stream: r.below(100),
        init: r.between(0, max),
        history: true,
    };
    core.columns = vec![column(false, r), column(true, r)];
}

fn projection(
    name: &str,
    pre: &str,
    post: &str,
    (n_pre, n_post): (u32, u32),
    n_synapses: u32,
    fields: &[(&str, i8)],
    parts: Vec<ProjectionPart>,
) -> ProjectionMap {
    let (name, pre, post) = (name.to_owned(), pre.to_owned(), post.to_owned());
    let fields = fields.iter().map(|&(name, frac)| FieldMap { name: name.to_owned(), frac });
    let fields = fields.collect();
    ProjectionMap { name, pre, post, n_pre, n_post, n_synapses, fields, parts }
}

fn trace(name: &str, side: TraceSide, parts: Vec<(u32, u16)>) -> TraceMap {
    TraceMap { name: name.to_owned(), projection: FF, side, frac: 5, parts }
}

fn meta(chip: &str) -> Meta {
    Meta {
        model: "two layers".into(),
        model_hash: "ab".repeat(32),
        plan_hash: "0123456789abcdef".into(),
        isa_hash: isa_hash(),
        chip: chip.to_owned(),
        chip_hash: Chip::parse(chip).unwrap().hash(),
        epoch: 5,
        seed: 42,
        step_ms: Ms::new(1.0),
    }
}
