//! Time of a step on three workloads of the kind public emulators are measured with.
//!
//! * W1: 1,000 neurons, 95,000 random static synapses, about 50 spikes per step;
//! * W2: 784 inputs at 5 % on 100 neurons, 78,400 plastic synapses, additive pair STDP in every
//!   step, skipping synapses of which neither side spiked;
//! * W3: as W2, but with an eligibility tag that decays and a weight that follows tag times
//!   modulator, so that every synapse is evaluated in every step;
//! * beside them, as a yardstick from the same run, a plain loop that stores 78,400 weights with
//!   stochastic rounding: the least that a step of W3 has to do.
//!
//! Images are built here from a generator; the shapes and rates are those of the public
//! workloads, the arrays are not. `trifactor bench` runs the workloads themselves.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use trifactor_emu::{Emulator, Options, Reset};
use trifactor_fixed::{DrawKey, QFormat, mix32};
use trifactor_image::{
    AxonIn, AxonOut, Column, ColumnKind, Compartment, Core, Field, FieldMap, FieldRange, Format,
    Group, Guard, Image, LineTable, Map, Meta, ModulatorLines, ModulatorMap, ModulatorPart,
    NO_DELAY_FIELD, NO_PROFILE, PopulationMap, Profile, ProjectionMap, ProjectionPart, Slice, Slot,
    SynapseList, f64_bits, pack_row,
};
use trifactor_isa::{Chip, Rounding, assemble};

const STEPS: usize = 200;

/// One of 2^32 equally likely values.
fn uniform(a: u32, b: u32) -> u32 {
    mix32(mix32(a.wrapping_mul(0x9e37_79b9)) ^ b.wrapping_mul(0x85eb_ca6b))
}

fn likely(a: u32, b: u32, percent: u32) -> bool {
    uniform(a, b) % 100 < percent
}

fn meta(epoch: u32) -> Meta {
    Meta {
        model: "bench".into(),
        model_hash: String::new(),
        plan_hash: String::new(),
        isa_hash: trifactor_isa::isa_hash(),
        // Its synapse memory holds a whole workload on one core.
        chip: Chip::builtin_text("large").expect("it is built in").into(),
        chip_hash: String::new(),
        epoch,
        seed: 1,
        step_ms: f64_bits::Ms::new(1.0),
    }
}

fn population(name: &str, n: u32, slices: Vec<Slice>) -> PopulationMap {
    let input_axons = if slices.is_empty() { vec![vec![]; n as usize] } else { vec![] };
    PopulationMap { name: name.into(), n, frac: 0, slices, input_axons }
}

fn projection(pre: (&str, u32), post: (&str, u32), fields: &[&str], group: u16) -> ProjectionMap {
    let field = |name: &&str| FieldMap { name: (*name).into(), frac: 0 };
    ProjectionMap {
        name: format!("{}-{}", pre.0, post.0),
        pre: pre.0.into(),
        post: post.0.into(),
        n_pre: pre.1,
        n_post: post.1,
        n_synapses: 0,
        fields: fields.iter().map(field).collect(),
        parts: vec![ProjectionPart { core: 0, group }],
    }
}

fn slice(n: u32) -> Slice {
    Slice { first_lane: 0, n, core: 0, first_compartment: 0 }
}

fn row(core: &mut Core, pre: u32, index: Vec<u32>, fields: Vec<Vec<i32>>, format: u8) {
    let first_word = core.synapses.len() as u32;
    let n_synapses = index.len() as u32;
    let list = SynapseList { index, fields };
    let layout = core.formats[usize::from(format)].clone();
    pack_row(&list, &layout, format, &mut core.synapses).expect("values fit their fields");
    core.axons_in.push(AxonIn { pre, first_word, n_synapses });
}

fn w1() -> Image {
    const N: u32 = 1000;
    let mut core = Core::default();
    let signed = |bits| Field { bits, signed: true };
    core.formats.push(Format { index_bits: 10, fields: vec![signed(9)] });
    core.formats.push(Format { index_bits: 10, fields: vec![signed(12)] });
    for lane in 0..N {
        core.compartments.push(Compartment {
            decay_u: 0xfff0,
            decay_v: 0x8000,
            v_min: -(1 << 23),
            threshold: 64_000,
            spikes: true,
            first_out: lane,
            n_out: 1,
            ..Compartment::default()
        });
        core.axons_out.push(AxonOut { core: 0, axon: lane as u16 });
    }
    for pre in 0..N {
        let index: Vec<u32> = (0..N).filter(|post| uniform(pre, *post) % 1000 < 95).collect();
        let w = index.iter().map(|post| (uniform(pre + N, *post) % 101) as i32 - 50).collect();
        row(&mut core, pre, index, vec![w], 0);
    }
    for pre in 0..N {
        row(&mut core, pre, vec![pre], vec![vec![2032]], 1);
    }
    let group = Group {
        n_axons: N,
        profile: NO_PROFILE,
        n_post: N,
        shift: 6,
        delay_field: NO_DELAY_FIELD,
        ..Group::default()
    };
    core.groups.push(group);
    core.groups.push(Group { projection: 1, first_axon: N, format: 1, ..group });
    let mut drive = population("drive", N, vec![]);
    for lane in 0..N {
        drive.input_axons[lane as usize].push((0, (N + lane) as u16));
    }
    let map = Map {
        populations: vec![drive, population("cells", N, vec![slice(N)])],
        projections: vec![
            projection(("cells", N), ("cells", N), &["w"], 0),
            projection(("drive", N), ("cells", N), &["w"], 1),
        ],
        ..Map::default()
    };
    Image { meta: meta(1), cores: vec![core], map, lines: LineTable::default() }
}

/// Inputs on neurons with a rule; `fields` beyond the weight start at 0.
fn plastic(program: &str, guard: Guard, fields: &[(&str, QFormat)], epoch: u32) -> Image {
    const PRE: u32 = 784;
    const POST: u32 = 100;
    let mut core = Core::default();
    core.formats.push(Format {
        index_bits: 0,
        fields: fields.iter().map(|(_, q)| Field { bits: q.bits, signed: q.signed }).collect(),
    });
    for _ in 0..POST {
        core.compartments.push(Compartment {
            decay_u: 0x8000,
            decay_v: 0x1000,
            v_min: -(1 << 23),
            threshold: 50_000 << 6,
            spikes: true,
            ..Compartment::default()
        });
    }
    for pre in 0..PRE {
        let w = (0..POST).map(|post| 40 + (uniform(pre, post) % 60) as i32).collect();
        let mut values = vec![w];
        values.resize(fields.len(), vec![0; POST as usize]);
        row(&mut core, pre, (0..POST).collect(), values, 0);
    }
    let line = ModulatorLines {
        modulator: 0,
        first_line: 0,
        n_lines: 1,
        first_lane: 0,
        decay: 0x2000,
        rounding: Rounding::Stochastic,
        lo: -(1 << 15),
        hi: (1 << 15) - 1,
        stream: 3,
        init: 200,
    };
    core.modulators.push(line);
    let column = |post: bool, tau: f64, stream| Column {
        profile: 0,
        post,
        kind: ColumnKind::Linear,
        bits: 12,
        max: 4095,
        decay: ((1.0 - (-1.0 / tau).exp()) * 65_536.0) as u16,
        impulse: 16 << 4,
        x_max: 0,
        shift: 0,
        rounding: Rounding::Stochastic,
        stream,
        init: 0,
        history: false,
    };
    core.columns = vec![column(false, 10.0, 1), column(true, 14.0, 2)];
    let words = assemble(program).expect("the program assembles");
    core.ucode = words.iter().map(|inst| inst.encode()).collect();
    let range = |q: &QFormat| {
        let r = q.raw_range();
        FieldRange { lo: r.lo as i32, hi: r.hi as i32 }
    };
    core.profiles.push(Profile {
        first_word: 0,
        n_words: core.ucode.len() as u32,
        stream: 0,
        guard,
        ranges: fields.iter().map(|(_, q)| range(q)).collect(),
        pre_slots: vec![Slot::Column(0)],
        post_slots: vec![Slot::Column(1)],
        global_slots: vec![Slot::Modulator(0)],
    });
    core.groups.push(Group {
        n_axons: PRE,
        profile: 0,
        n_post: POST,
        shift: 6,
        delay_field: NO_DELAY_FIELD,
        ..Group::default()
    });
    let mut input = population("input", PRE, vec![]);
    for lane in 0..PRE {
        input.input_axons[lane as usize].push((0, lane as u16));
    }
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let map = Map {
        populations: vec![input, population("cells", POST, vec![slice(POST)])],
        projections: vec![projection(("input", PRE), ("cells", POST), &names, 0)],
        modulators: vec![ModulatorMap {
            name: "reward".into(),
            n: 1,
            frac: 8,
            parts: vec![ModulatorPart { core: 0, range: 0 }],
        }],
        ..Map::default()
    };
    Image { meta: meta(epoch), cores: vec![core], map, lines: LineTable::default() }
}

/// w += 2^-4 x1 y0 - 2^-4 y1 x0; traces have 4 fraction bits, the weight none.
fn w2(epoch: u32) -> Image {
    let program = "
        lds r0, field 0
        ldi r7, 16, <<0
        ldx r1, slot 1, at y0
        ldy r2, slot 0, at end
        mul r3, r1, r2, >>0, nearest, site 0
        mul r3, r3, r7, >>0, nearest, site 1
        ldy r4, slot 1, at x0
        ldx r5, slot 0, at end
        mul r6, r4, r5, >>0, nearest, site 2
        mul r6, r6, r7, >>0, nearest, site 3
        sub r3, r3, r6
        shl r0, r0, <<12
        add r0, r0, r3
        sts field 0, r0, >>12, stochastic, site 4
        halt";
    plastic(program, Guard::PreOrPost, &[("w", QFormat::unsigned(8, 0))], epoch)
}

/// t += 2^-2 y0 x1 - 2^-2 x0 y1 - 2^-4 u0 t; w += 2^-4 u0 t m.
fn w3(epoch: u32) -> Image {
    let program = "
        lds r0, field 0
        lds r1, field 1
        ldx r2, slot 1, at y0
        ldy r3, slot 0, at end
        mul r4, r2, r3, >>0, nearest, site 0
        ldi r7, 16384, <<0
        mul r4, r4, r7, >>12, nearest, site 1
        ldy r5, slot 1, at x0
        ldx r6, slot 0, at end
        mul r8, r5, r6, >>0, nearest, site 2
        mul r8, r8, r7, >>12, nearest, site 3
        sub r4, r4, r8
        ldu r9, k 0
        mul r10, r9, r1, >>0, nearest, site 4
        shl r11, r1, <<4
        sub r11, r11, r10
        add r11, r11, r4
        sts field 1, r11, >>4, stochastic, site 5
        ldg r12, slot 0
        mul r13, r10, r12, >>4, nearest, site 6
        shl r0, r0, <<12
        add r0, r0, r13
        sts field 0, r0, >>12, stochastic, site 7
        halt";
    let fields = [("w", QFormat::unsigned(8, 0)), ("t", QFormat::signed(12, 4))];
    plastic(program, Guard::Always, &fields, epoch)
}

/// Lanes of the input that fire in each of some steps.
fn drive(n: u32, percent: u32) -> Vec<Vec<u32>> {
    let step = |t| (0..n).filter(|lane| likely(t as u32 + 7, *lane, percent)).collect();
    (0..STEPS).map(step).collect()
}

fn bench(c: &mut Criterion) {
    let cases = [
        ("w1", w1(), drive(1000, 5)),
        ("w2 epoch 1", w2(1), drive(784, 5)),
        ("w2 epoch 4", w2(4), drive(784, 5)),
        ("w3 epoch 1", w3(1), drive(784, 5)),
        ("w3 epoch 4", w3(4), drive(784, 5)),
    ];
    let mut group = c.benchmark_group("step");
    group.sample_size(20);
    for (name, image, drive) in &cases {
        let mut emulator = Emulator::load(image, Options::default()).expect("the image is sound");
        let mut spikes = 0;
        let mut t = 0;
        group.bench_function(*name, |b| {
            b.iter(|| {
                if t % STEPS == 0 {
                    // The rules mostly depress; without this the neurons would fall silent.
                    emulator.reset(&[Reset::Weights]);
                }
                emulator.step(&[(0, &drive[t % STEPS])]).expect("the inputs exist");
                spikes += black_box(emulator.spikes(1)).len();
                t += 1;
            });
        });
        if t > 0 {
            describe(name, &emulator, spikes, t);
        }
    }
    let (mut weights, mut t) = (vec![64i16; 78_400], 0);
    group.bench_function("78,400 drawn stores", |b| {
        b.iter(|| {
            t += 1;
            drawn_stores(&mut weights, t);
            black_box(&weights);
        });
    });
    group.finish();
}

/// Loses a sixteenth of every weight and rounds stochastically, without an emulator around it.
fn drawn_stores(weights: &mut [i16], step: u32) {
    let site = DrawKey::new(1, step, 0, 0);
    for (pre, row) in (0u32..).zip(weights.chunks_exact_mut(100)) {
        let key = site.row(pre);
        for (post, w) in (0u32..).zip(row) {
            let exact = i32::from(*w) * 15;
            let draw = DrawKey::lane(key, post) >> 28;
            *w = ((exact + draw as i32) >> 4).clamp(0, 255) as i16;
        }
    }
}

/// Says what the figures are figures of.
#[allow(clippy::print_stderr)]
fn describe(name: &str, emulator: &Emulator, spikes: usize, steps: usize) {
    let bytes = emulator.bytes_per_synapse(0).expect("there is a projection");
    let per_step = |n: f64| n / steps as f64;
    let evaluated = emulator.report().count(trifactor_emu::Cause::RuleState) as f64;
    eprintln!(
        "{name}: {:.1} spikes and {:.0} rule evaluations a step over {steps} steps, \
         {bytes:.1} bytes a synapse",
        per_step(spikes as f64),
        per_step(evaluated),
    );
}

criterion_group!(benches, bench);
criterion_main!(benches);
