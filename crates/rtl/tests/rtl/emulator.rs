//! The emulator itself: whole epochs of models that ship, every synapse also in the engine.

use crate::firmware;
use crate::support::{simulator, usual_ticks};
use std::collections::BTreeMap;
use trifactor_emu::{Cause, Emulator, Options};
use trifactor_image::{Core, Group, Image, NO_PROFILE, Slot, unpack_row};
use trifactor_rtl::{Learner, Rule, Run, Simulator, Synapse, learners};
use trifactor_testkit::Rng;

/// Larger models take longer than they tell.
const MOST_SYNAPSES: u32 = 30_000;

/// What was seen of an epoch, position by position.
struct Epoch {
    /// Position of each lane's last spike. Shape: `[population][lane]`.
    last: Vec<Vec<u8>>,
    /// Values of traces. Shape: `[trace][position][lane]`.
    traces: Vec<Vec<Vec<Option<i32>>>>,
}

impl Epoch {
    /// The beginning of an epoch.
    fn new(emulator: &Emulator) -> Self {
        let map = emulator.map();
        let last = map.populations.iter().map(|p| vec![0; p.n as usize]).collect();
        Self { last, traces: traces(emulator).into_iter().map(|now| vec![now]).collect() }
    }
    /// What a step did.
    fn note(&mut self, emulator: &Emulator, position: u8) {
        for (population, last) in self.last.iter_mut().enumerate() {
            for lane in emulator.spikes(population) {
                last[*lane as usize] = position;
            }
        }
        for (history, now) in self.traces.iter_mut().zip(traces(emulator)) {
            history.push(now);
        }
    }
}

fn traces(emulator: &Emulator) -> Vec<Vec<Option<i32>>> {
    let each = 0..emulator.map().traces.len();
    each.map(|trace| {
        let mut now = Vec::new();
        emulator.read_trace(trace, &mut now).expect("the trace is in the map");
        now
    })
    .collect()
}

/// Fields of a projection's synapses. Shape: `[field][(pre, post)]`.
fn fields(emulator: &Emulator, projection: usize) -> Vec<BTreeMap<(u32, u32), i32>> {
    let n = emulator.map().projections[projection].fields.len();
    let list = |f| emulator.read_field(projection, f).expect("the field is in the map");
    (0..n).map(|f| list(f).iter().map(|s| ((s.pre, s.post), s.raw)).collect()).collect()
}

/// Everything the engine's neighbours know of a synapse in the last step of an epoch.
fn synapse(
    emulator: &Emulator,
    core: &Core,
    group: &Group,
    epoch: &Epoch,
    before: &[BTreeMap<(u32, u32), i32>],
    (pre, post): (u32, u32),
) -> Synapse {
    let map = emulator.map();
    let projection = &map.projections[usize::from(group.projection)];
    let profile = &core.profiles[usize::from(group.profile)];
    let last = |name: &str, lane: u32| {
        let population = map.populations.iter().position(|p| p.name == name);
        population.map_or(0, |p| epoch.last[p][lane as usize])
    };
    let length = epoch.traces.first().map_or(0, |history| history.len() - 1);
    let modulator = |m: u16, lane: Option<u32>| {
        let lines = &core.modulators[usize::from(m)];
        let mut values = Vec::new();
        emulator.read_modulator(lines.modulator.into(), &mut values).expect("it is in the map");
        let lane = lane.unwrap_or(lines.first_lane);
        values[lane as usize].expect("a core holds the line that its rule reads")
    };
    let slots = |slots: &[Slot], lane: u32| -> Vec<Vec<i32>> {
        let of = |slot: &Slot| match *slot {
            Slot::Modulator(m) => vec![modulator(m, Some(lane)); length + 1],
            Slot::Column(c) => {
                let trace = map.traces.iter().position(|t| {
                    t.projection == group.projection && t.parts.contains(&(core.id, c))
                });
                let history = &epoch.traces[trace.expect("a column is part of a trace")];
                let at = |now: &Vec<Option<i32>>| now[lane as usize].expect("the lane has it");
                history.iter().map(at).collect()
            }
        };
        slots.iter().map(of).collect()
    };
    let global = profile.global_slots.iter().map(|slot| match *slot {
        Slot::Modulator(m) => modulator(m, None),
        Slot::Column(_) => panic!("a global slot names a modulator"),
    });
    let steps = length.max(1) as u32;
    Synapse {
        seed: emulator.seed(),
        step: emulator.step_number(),
        epoch: (emulator.step_number() - 1) / steps + 1,
        pre,
        post,
        pre_last: last(&projection.pre, pre),
        post_last: last(&projection.post, post),
        fields: before.iter().map(|field| field[&(pre, post)]).collect(),
        pre_columns: slots(&profile.pre_slots, pre),
        post_columns: slots(&profile.post_slots, post),
        lines: global.collect(),
    }
}

/// Ticks of all rules so far.
fn rule_ticks(emulator: &Emulator) -> u64 {
    let of_rule =
        |cause| matches!(cause, Cause::RuleState | Cause::RuleInstruction(_) | Cause::RuleSkip);
    let report = emulator.report();
    report.lines.iter().filter(|l| of_rule(l.cause)).map(|l| l.cost.ticks).sum()
}

/// What a field holds after a run.
fn after(rule: &Rule, run: &Run, field: usize, before: i32) -> i32 {
    let format = rule.fields[field];
    match run.stores.get(field).copied().flatten() {
        None => before,
        Some(stored) if format.signed => {
            let unused = 32 - u32::from(format.bits);
            (stored.word << unused).cast_signed() >> unused
        }
        Some(stored) => stored.word.cast_signed(),
    }
}

#[derive(Default)]
struct Seen {
    changed: u64,
    evaluated: u64,
    skipped: u64,
}

/// Runs some epochs of a model with random inputs in both.
fn compare(
    name: &str,
    image: &Image,
    chip: &trifactor_isa::Chip,
    engine: &Simulator,
    seen: &mut Seen,
) {
    let mut emulator = Emulator::load(image, Options::default()).expect("the image loads");
    let rules = learners(image, chip);
    let length = image.meta.epoch as u8;
    let mut rng = Rng::new(3);
    for _ in 0..(20 / u32::from(length)).max(4) {
        let mut epoch = Epoch::new(&emulator);
        // Epochs with few spikes are those in which guards skip.
        let rate = rng.pick(&[0.03, 0.3]);
        let (mut before, mut ticks) = (Vec::new(), 0);
        for position in 1..=length {
            if position == length {
                let n = image.map.projections.len();
                before = (0..n).map(|p| fields(&emulator, p)).collect();
                ticks = rule_ticks(&emulator);
            }
            let inputs: Vec<(usize, Vec<u32>)> = image
                .map
                .populations
                .iter()
                .enumerate()
                .filter(|(_, p)| p.slices.is_empty())
                .map(|(at, p)| (at, (0..p.n).filter(|_| rng.chance(rate)).collect()))
                .collect();
            let inputs: Vec<(usize, &[u32])> = inputs.iter().map(|(p, l)| (*p, &l[..])).collect();
            emulator.step(&inputs).expect("the inputs are lanes of the model");
            epoch.note(&emulator, position);
        }
        let ticks = rule_ticks(&emulator) - ticks;
        let mut clocks = 0;
        for core in &image.cores {
            for group in core.groups.iter().filter(|g| g.profile != NO_PROFILE) {
                let projection = usize::from(group.projection);
                let learner = of_group(&rules, image, core, group);
                let pairs = pairs(core, group);
                let states: Vec<Synapse> = pairs
                    .iter()
                    .map(|at| synapse(&emulator, core, group, &epoch, &before[projection], *at))
                    .collect();
                let runs =
                    engine.run(&[(&learner.rule, &states)]).unwrap_or_else(|e| panic!("{e}"));
                let now = fields(&emulator, projection);
                for ((at, state), run) in pairs.iter().zip(&states).zip(&runs[0]) {
                    clocks += run.clocks;
                    for (f, now) in now.iter().enumerate() {
                        let old = state.fields[f];
                        let new = after(&learner.rule, run, f, old);
                        let step = emulator.step_number();
                        assert_eq!(new, now[at], "{name}, step {step}, field {f} of {at:?}");
                        seen.changed += u64::from(new != old);
                    }
                    match run.trace.is_empty() {
                        true => seen.skipped += 1,
                        false => seen.evaluated += 1,
                    }
                }
            }
        }
        assert_eq!(clocks, ticks, "{name}: clocks of the engine and ticks of the ledger");
    }
}

/// The rule of a group: that of its projection with its words.
fn of_group<'a>(rules: &'a [Learner], image: &Image, core: &Core, group: &Group) -> &'a Learner {
    let profile = &core.profiles[usize::from(group.profile)];
    let first = profile.first_word as usize;
    let words = &core.ucode[first..first + profile.n_words as usize];
    let name = &image.map.projections[usize::from(group.projection)].name;
    let found = rules.iter().find(|l| l.projection == *name && l.rule.words == words);
    found.expect("every group's rule is listed")
}

/// (pre, post) of every synapse of a group.
fn pairs(core: &Core, group: &Group) -> Vec<(u32, u32)> {
    let format = &core.formats[usize::from(group.format)];
    let axons = &core.axons_in[group.first_axon as usize..][..group.n_axons as usize];
    let mut pairs = Vec::new();
    for axon in axons {
        let (first, n) = (axon.first_word, axon.n_synapses);
        let list = unpack_row(&core.synapses, first, n, format, group.format).expect("it unpacks");
        pairs.extend(list.index.iter().map(|index| (axon.pre, group.first_post + index)));
    }
    pairs
}

#[test]
fn the_emulator_leaves_what_the_engine_stores_and_charges_what_it_takes() {
    let Some(engine) = simulator(usual_ticks()) else { return };
    let (mut n, mut all) = (0, Seen::default());
    for name in firmware::models() {
        let prepared = firmware::prepared(&name);
        let image = &prepared.compiled.image;
        let synapses: u32 = image.map.projections.iter().map(|p| p.n_synapses).sum();
        if learners(image, &prepared.chip).is_empty() || synapses > MOST_SYNAPSES {
            continue;
        }
        compare(&name, image, &prepared.chip, &engine, &mut all);
        n += 1;
    }
    assert!(n >= 10, "{n} models were small enough");
    let Seen { changed, evaluated, skipped } = all;
    assert!(changed > 1000 && evaluated > 1000 && skipped > 100, "{changed} {evaluated} {skipped}");
}
