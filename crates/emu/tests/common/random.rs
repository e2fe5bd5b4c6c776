//! Random small images that use everything the image format offers.

use super::Rng;
use trifactor_image::{
    AxonIn, AxonOut, Column, ColumnKind, Compartment, Core, Field, FieldMap, FieldRange, Format,
    Group, Guard, Image, LineTable, Map, ModulatorLines, ModulatorMap, ModulatorPart,
    NO_DELAY_FIELD, NO_PROFILE, PopulationMap, Profile, ProjectionMap, ProjectionPart, Slice, Slot,
    SynapseList, TraceMap, TraceSide, pack_row,
};
use trifactor_isa::{Rounding, assemble};

/// Where a population or modulator of the model is.
enum Lanes {
    Input,
    Neurons,
}

/// Widths of a projection's fields and the ranges of its rule.
struct Fields {
    widths: Vec<Field>,
    ranges: Vec<FieldRange>,
    names: Vec<&'static str>,
}

/// An image of a few dozen neurons and inputs on one to four cores.
pub fn image(rng: &mut Rng) -> Image {
    image_of(rng, 14)
}

/// An image with populations of up to `largest` lanes.
pub fn image_of(rng: &mut Rng, largest: u32) -> Image {
    let ids = (0..rng.below(4) + 1).map(|_| rng.below(128)).collect();
    image_on(rng, largest, ids)
}

/// An image on some of the cores with these numbers.
pub fn image_on(rng: &mut Rng, largest: u32, mut ids: Vec<u32>) -> Image {
    ids.sort_unstable();
    ids.dedup();
    let mut cores: Vec<Core> = ids.iter().map(|id| Core { id: *id, ..Core::default() }).collect();
    let mut map = Map::default();
    let mut kinds = Vec::new();
    let (n_inputs, n_neurons) = (rng.below(2) + 1, rng.below(3) + 1);
    for p in 0..n_inputs + n_neurons {
        let n = rng.below(largest) + 1;
        let mut population = PopulationMap {
            name: format!("p{p}"),
            n,
            frac: 0,
            slices: vec![],
            input_axons: vec![],
        };
        if p < n_inputs {
            population.input_axons = vec![vec![]; n as usize];
            kinds.push(Lanes::Input);
        } else {
            neurons(rng, &mut cores, &mut population);
            kinds.push(Lanes::Neurons);
        }
        map.populations.push(population);
    }
    let mut stream = 0;
    modulators(rng, &mut cores, &mut map, &mut stream);
    // Messages of each compartment: (core position, compartment, receiver).
    let mut messages: Vec<(usize, u32, AxonOut)> = Vec::new();
    for _ in 0..rng.below(5) + 2 {
        projection(rng, &mut cores, &mut map, &kinds, &mut stream, &mut messages);
    }
    for (c, core) in cores.iter_mut().enumerate() {
        for (at, compartment) in (0u32..).zip(&mut core.compartments) {
            compartment.first_out = core.axons_out.len() as u32;
            let own = messages.iter().filter(|(from, k, _)| (*from, *k) == (c, at));
            core.axons_out.extend(own.map(|(_, _, message)| *message));
            compartment.n_out = core.axons_out.len() as u32 - compartment.first_out;
        }
    }
    let epoch = if rng.chance(3) { 1 } else { rng.below(5) + 1 };
    Image { meta: super::meta(epoch, rng.word()), cores, map, lines: LineTable::default() }
}

fn decay(rng: &mut Rng) -> u16 {
    match rng.below(6) {
        0 => 0,
        1 => 0xffff,
        _ => rng.below(0x1_0000) as u16,
    }
}

fn neurons(rng: &mut Rng, cores: &mut [Core], population: &mut PopulationMap) {
    let silent = rng.chance(5);
    let mut first_lane = 0;
    while first_lane < population.n {
        let n = (rng.below(population.n) + 1).min(population.n - first_lane);
        let at = rng.below(cores.len() as u32) as usize;
        let core = &mut cores[at];
        let first_compartment = core.compartments.len() as u32;
        population.slices.push(Slice { first_lane, n, core: core.id, first_compartment });
        for _ in 0..n {
            let wild = rng.chance(4);
            core.compartments.push(Compartment {
                decay_u: decay(rng),
                decay_v: decay(rng),
                bias: if wild { rng.signed(1 << 23) } else { rng.signed(300) },
                v_min: if rng.chance(2) { -(1 << 23) } else { -(rng.below(500) as i32) },
                threshold: if wild { rng.signed(1 << 22) } else { rng.below(600) as i32 },
                refractory: if rng.chance(2) { 0 } else { rng.below(5) as u8 },
                spikes: !silent,
                init_u: rng.signed(400),
                init_v: rng.signed(400),
                init_hold: if rng.chance(4) { rng.below(3) as u8 } else { 0 },
                ..Compartment::default()
            });
        }
        first_lane += n;
    }
}

/// Every modulator has a copy of all its lines on every core.
fn modulators(rng: &mut Rng, cores: &mut [Core], map: &mut Map, stream: &mut u32) {
    for m in 0..rng.below(4) {
        let any = rng.below(map.populations.len() as u32) as usize;
        let n = if rng.chance(2) { 1 } else { map.populations[any].n };
        let (lo, hi) = if rng.chance(2) {
            (-(1 << 15), (1 << 15) - 1)
        } else {
            (-(rng.below(300) as i32), rng.below(300) as i32)
        };
        *stream += 1;
        let range = ModulatorLines {
            modulator: m as u16,
            first_line: 0,
            n_lines: n,
            first_lane: 0,
            decay: decay(rng),
            rounding: rng.rounding(),
            lo,
            hi,
            stream: *stream,
            init: lo + rng.below((hi - lo) as u32 + 1) as i32,
        };
        let mut parts = Vec::new();
        for core in cores.iter_mut() {
            let used = core.modulators.iter().map(|r| r.first_line + r.n_lines).max();
            let gap = rng.below(2);
            parts.push(ModulatorPart { core: core.id, range: core.modulators.len() as u16 });
            core.modulators.push(ModulatorLines { first_line: used.unwrap_or(0) + gap, ..range });
        }
        map.modulators.push(ModulatorMap { name: format!("m{m}"), n, frac: 0, parts });
    }
}

fn projection(
    rng: &mut Rng,
    cores: &mut [Core],
    map: &mut Map,
    kinds: &[Lanes],
    stream: &mut u32,
    messages: &mut Vec<(usize, u32, AxonOut)>,
) {
    let index = map.projections.len();
    let pre = rng.below(kinds.len() as u32) as usize;
    let n_pre = map.populations[pre].n;
    // Targets: (name, lanes, pieces), a piece being (core position, first lane, n, address).
    let mut targets: Vec<(String, u32, Vec<(usize, u32, u32, u32)>)> = Vec::new();
    for (p, kind) in map.populations.iter().zip(kinds) {
        if let Lanes::Neurons = kind {
            let piece = |s: &Slice| {
                let at = cores.iter().position(|c| c.id == s.core).unwrap();
                (at, s.first_lane, s.n, s.first_compartment)
            };
            targets.push((p.name.clone(), p.n, p.slices.iter().map(piece).collect()));
        }
    }
    for (m, named) in map.modulators.iter().enumerate() {
        let pieces = cores.iter().enumerate().map(|(at, c)| {
            (at, 0, named.n, c.compartments.len() as u32 + c.modulators[m].first_line)
        });
        targets.push((named.name.clone(), named.n, pieces.collect()));
    }
    let (post_name, n_post, pieces) = targets.swap_remove(rng.below(targets.len() as u32) as usize);

    let plastic = !rng.chance(3);
    let with_delay = rng.chance(3);
    let fields = fields(rng, with_delay);
    let dense = rng.chance(2);
    let density = rng.below(4) + 1;
    let shift = rng.below(12) as i8 - 3;
    let delay = if rng.chance(6) { rng.below(63) } else { rng.below(5) } as u8;
    let connected: Vec<Vec<bool>> = (0..n_pre)
        .map(|_| (0..n_post).map(|_| dense || rng.below(5) < density).collect())
        .collect();
    // By field, pre and post: a modulator's copies must be fed by the same weights.
    let values: Vec<Vec<Vec<i32>>> = (fields.ranges.iter())
        .map(|r| {
            let row = |rng: &mut Rng| (0..n_post).map(|_| rng.between(r.lo, r.hi)).collect();
            (0..n_pre).map(|_| row(rng)).collect()
        })
        .collect();
    let shuffled = rng.chance(4);
    let rule = plastic.then(|| {
        *stream += 1;
        let neurons = map.populations.iter().any(|p| p.name == post_name);
        Rule::new(rng, map, &fields, (n_pre, n_post), neurons, stream)
    });
    let index_bits = if dense { 0 } else { rng.below(5) as u8 + if n_post > 16 { 10 } else { 4 } };
    let format = Format { index_bits, fields: fields.widths.clone() };
    let mut parts = Vec::new();
    for (at, first_post, n, first_target) in pieces {
        let known = cores[at].formats.iter().position(|f| *f == format);
        let format_number = known.unwrap_or(cores[at].formats.len()) as u8;
        if known.is_none() {
            cores[at].formats.push(format.clone());
        }
        let first_axon = cores[at].axons_in.len() as u32;
        for lane in 0..n_pre {
            let has = |k: &u32| connected[lane as usize][(first_post + k) as usize];
            let mut posts: Vec<u32> = (0..n).filter(has).collect();
            if posts.is_empty() {
                continue;
            }
            if shuffled && !dense {
                posts.reverse();
            }
            let of_row = |field: &Vec<Vec<i32>>| {
                let row = &field[lane as usize];
                posts.iter().map(|k| row[(first_post + k) as usize]).collect()
            };
            let values = values.iter().map(of_row).collect();
            let first_word = cores[at].synapses.len() as u32;
            let n_synapses = posts.len() as u32;
            let list = SynapseList { index: posts, fields: values };
            pack_row(&list, &format, format_number, &mut cores[at].synapses).unwrap();
            let axon = cores[at].axons_in.len() as u16;
            cores[at].axons_in.push(AxonIn { pre: lane, first_word, n_synapses });
            send(map, pre, lane, cores, (cores[at].id, axon), messages);
        }
        let n_axons = cores[at].axons_in.len() as u32 - first_axon;
        let profile = rule.as_ref().map_or(NO_PROFILE, |rule| rule.add(&mut cores[at]));
        parts.push(ProjectionPart { core: cores[at].id, group: cores[at].groups.len() as u16 });
        cores[at].groups.push(Group {
            projection: index as u16,
            first_axon,
            n_axons,
            format: format_number,
            profile,
            first_target,
            first_post,
            n_post: n,
            shift,
            delay,
            delay_field: if with_delay { 1 } else { NO_DELAY_FIELD },
        });
        if let Some(rule) = &rule {
            rule.name_traces(map, index, &cores[at], profile);
        }
    }
    let n_synapses = connected.iter().flatten().filter(|c| **c).count() as u32;
    let name = |name: &&'static str| FieldMap { name: (*name).into(), frac: 0 };
    map.projections.push(ProjectionMap {
        name: format!("j{index}"),
        pre: map.populations[pre].name.clone(),
        post: post_name,
        n_pre,
        n_post,
        n_synapses,
        fields: fields.names.iter().map(name).collect(),
        parts,
    });
}

/// Registers a message of a pre lane.
fn send(
    map: &mut Map,
    pre: usize,
    lane: u32,
    cores: &[Core],
    to: (u32, u16),
    messages: &mut Vec<(usize, u32, AxonOut)>,
) {
    let population = &mut map.populations[pre];
    if population.slices.is_empty() {
        return population.input_axons[lane as usize].push(to);
    }
    let slice =
        population.slices.iter().find(|s| (s.first_lane..s.first_lane + s.n).contains(&lane));
    let slice = slice.unwrap();
    let from = cores.iter().position(|c| c.id == slice.core).unwrap();
    let compartment = slice.first_compartment + lane - slice.first_lane;
    messages.push((from, compartment, AxonOut { core: to.0, axon: to.1 }));
}

fn fields(rng: &mut Rng, with_delay: bool) -> Fields {
    let mut f = Fields { widths: vec![], ranges: vec![], names: vec![] };
    let names = ["w", "d", "t1", "t2"];
    for (k, name) in names.into_iter().enumerate() {
        if k >= 2 && rng.chance(2) {
            break;
        }
        let field = match (k, with_delay) {
            (1, true) => Field { bits: rng.below(6) as u8 + 1, signed: false },
            _ => Field { bits: rng.below(15) as u8 + 2, signed: rng.chance(2) },
        };
        let span = 1i32 << field.bits;
        let (lo, hi) = if field.signed { (-span / 2, span / 2 - 1) } else { (0, span - 1) };
        let range = if rng.chance(3) {
            let (a, b) = (rng.between(lo, hi), rng.between(lo, hi));
            FieldRange { lo: a.min(b), hi: a.max(b) }
        } else {
            FieldRange { lo, hi }
        };
        f.widths.push(field);
        f.ranges.push(range);
        f.names.push(name);
    }
    f
}

/// A rule as it is put on every core of its projection.
struct Rule {
    stream: u32,
    guard: Guard,
    ranges: Vec<FieldRange>,
    columns: Vec<Column>,
    /// Slots by side; a column is named by its position in `columns`.
    pre_slots: Vec<Slot>,
    post_slots: Vec<Slot>,
    global_slots: Vec<Slot>,
    words: Vec<u32>,
}

impl Rule {
    /// A rule of a projection that ends at neurons, or at a modulator.
    fn new(
        rng: &mut Rng,
        map: &Map,
        fields: &Fields,
        n: (u32, u32),
        neurons: bool,
        stream: &mut u32,
    ) -> Self {
        let own_stream = *stream;
        let columns: Vec<Column> =
            (0..rng.below(5)).map(|_| column(rng, neurons, stream)).collect();
        let slots = |rng: &mut Rng, post: bool, n: u32| {
            let mut slots = Vec::new();
            for (k, c) in columns.iter().enumerate() {
                if c.post == post {
                    slots.push(Slot::Column(k as u16));
                }
            }
            for (m, named) in map.modulators.iter().enumerate() {
                if named.n == n && rng.chance(2) {
                    slots.push(Slot::Modulator(m as u16));
                }
            }
            slots
        };
        let (pre_slots, post_slots) = (slots(rng, false, n.0), slots(rng, true, n.1));
        let global_slots: Vec<Slot> =
            (0..map.modulators.len() as u16).map(Slot::Modulator).collect();
        let counts = (pre_slots.len(), post_slots.len(), global_slots.len());
        let text = program(rng, fields.widths.len(), counts);
        let words = assemble(&text).unwrap().iter().map(|inst| inst.encode()).collect();
        let guards = [Guard::Always, Guard::PreOrPost, Guard::Pre, Guard::Post];
        Self {
            stream: own_stream,
            guard: guards[rng.below(4) as usize],
            ranges: fields.ranges.clone(),
            columns,
            pre_slots,
            post_slots,
            global_slots,
            words,
        }
    }

    /// Puts the rule on a core and returns its profile there.
    fn add(&self, core: &mut Core) -> u8 {
        let first_column = core.columns.len() as u16;
        let number = core.profiles.len() as u8;
        let place = |slots: &[Slot]| {
            let each = slots.iter().map(|slot| match slot {
                Slot::Column(k) => Slot::Column(first_column + k),
                slot => *slot,
            });
            each.collect()
        };
        core.columns.extend(self.columns.iter().map(|c| Column { profile: number, ..*c }));
        core.profiles.push(Profile {
            first_word: core.ucode.len() as u32,
            n_words: self.words.len() as u32,
            stream: self.stream,
            guard: self.guard,
            ranges: self.ranges.clone(),
            pre_slots: place(&self.pre_slots),
            post_slots: place(&self.post_slots),
            global_slots: self.global_slots.clone(),
        });
        core.ucode.extend(&self.words);
        number
    }

    fn name_traces(&self, map: &mut Map, projection: usize, core: &Core, profile: u8) {
        let own = core.columns.iter().enumerate().filter(|(_, c)| c.profile == profile);
        for (k, (at, column)) in own.enumerate() {
            let name = format!("j{projection}.c{k}");
            let part = (core.id, at as u16);
            if let Some(known) = map.traces.iter_mut().find(|t| t.name == name) {
                known.parts.push(part);
                continue;
            }
            map.traces.push(TraceMap {
                name,
                projection: projection as u16,
                side: if column.post { TraceSide::Post } else { TraceSide::Pre },
                frac: 0,
                parts: vec![part],
            });
        }
    }
}

fn column(rng: &mut Rng, neurons: bool, stream: &mut u32) -> Column {
    *stream += 1;
    let bits = rng.below(10) as u8 + 7;
    let full = (1 << bits) - 1;
    let max = if rng.chance(3) { rng.between(1, full) } else { full };
    let saturating = rng.chance(3);
    let post = rng.chance(2);
    if post && neurons && rng.chance(3) {
        return Column {
            profile: 0,
            post,
            kind: ColumnKind::PseudoDerivative,
            bits,
            max,
            decay: 0,
            impulse: rng.between(0, max),
            x_max: rng.between(0, 0xffff),
            shift: rng.below(30) as u8,
            rounding: rng.rounding(),
            stream: *stream,
            init: if rng.chance(2) { 0 } else { rng.between(0, max) },
            history: false,
        };
    }
    Column {
        profile: 0,
        post,
        kind: if saturating { ColumnKind::Saturating } else { ColumnKind::Linear },
        bits,
        max,
        decay: decay(rng),
        impulse: rng.between(0, if saturating { 1 << 12 } else { max }),
        x_max: rng.between(1, max),
        shift: rng.below(14) as u8,
        rounding: rng.rounding(),
        stream: *stream,
        init: if rng.chance(2) { 0 } else { rng.between(0, max) },
        // The emulator derives from the program which histories it needs.
        history: false,
    }
}

/// A random program; `slots` are the numbers of pre, post and global slots.
fn program(rng: &mut Rng, n_fields: usize, slots: (usize, usize, usize)) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let tame = rng.chance(2);
    for _ in 0..rng.below(24) + 4 {
        let [rd, ra, rb, rc] = [(); 4].map(|()| rng.below(if tame { 6 } else { 16 }));
        let places = if tame { rng.below(12) } else { rng.below(63) };
        let tail = format!(">>{places}, {}, site {}", rng.rounding_name(), rng.below(32));
        let when = ["at end", "at x0", "at y0"][rng.below(3) as usize];
        let prev = if rng.chance(3) { ", prev" } else { "" };
        let line = match rng.below(19) {
            0 => {
                let imm = if tame { rng.signed(64) } else { rng.signed(1 << 15) };
                format!("ldi r{rd}, {imm}, <<{}", rng.below(if tame { 3 } else { 32 }))
            }
            1 => format!("ldu r{rd}, k {}", rng.below(4)),
            2 if slots.2 > 0 => format!("ldg r{rd}, slot {}", rng.below(slots.2 as u32)),
            3 | 4 => format!("lds r{rd}, field {}", rng.below(n_fields as u32)),
            5 | 6 => format!("ldx r{rd}, slot {}, {when}{prev}", rng.below(slots.0 as u32 + 1)),
            7 | 8 => format!("ldy r{rd}, slot {}, {when}{prev}", rng.below(slots.1 as u32 + 1)),
            9 => format!("add r{rd}, r{ra}, r{rb}"),
            10 => format!("sub r{rd}, r{ra}, r{rb}"),
            11 => format!("min r{rd}, r{ra}, r{rb}"),
            12 => format!("max r{rd}, r{ra}, r{rb}"),
            13 => format!("gt r{rd}, r{ra}, r{rb}"),
            14 => format!("sgn r{rd}, r{ra}"),
            15 => format!("sel r{rd}, r{ra}, r{rb}, r{rc}"),
            16 => format!("shl r{rd}, r{ra}, <<{}", rng.below(if tame { 5 } else { 32 })),
            17 => format!("shr r{rd}, r{ra}, {tail}"),
            _ => format!("mul r{rd}, r{ra}, r{rb}, {tail}"),
        };
        writeln!(text, "{line}").unwrap();
        if rng.chance(8) {
            let field = rng.below(n_fields as u32);
            writeln!(text, "sts field {field}, r{rd}, {tail}").unwrap();
        }
    }
    for field in 0..n_fields {
        let places = rng.below(if tame { 6 } else { 63 });
        let (rounding, site) = (rng.rounding_name(), rng.below(32));
        let ra = rng.below(if tame { 6 } else { 16 });
        if !rng.chance(3) {
            writeln!(text, "sts field {field}, r{ra}, >>{places}, {rounding}, site {site}")
                .unwrap();
        }
    }
    text + "halt\n"
}

impl Rng {
    /// Any rounding.
    pub fn rounding(&mut self) -> Rounding {
        Rounding::from_code(self.below(4) as u8)
    }
    fn rounding_name(&mut self) -> &'static str {
        ["floor", "zero", "nearest", "stochastic"][self.below(4) as usize]
    }
}
