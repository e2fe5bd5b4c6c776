//! Two executions, one answer: the emulator with its event-driven time, and an independent
//! reading of the semantics whose messages travel through the stepped model of
//! `docs/timing.md`. States, times of every core and energy must be the same.

mod common;

use common::oracle::{Oracle, jobs};
use common::{Rng, borrowed, everything, everything_of, inputs, random};
use std::collections::{BTreeMap, BTreeSet};
use trifactor_emu::{Cause, Emulator, Options};
use trifactor_image::Image;
use trifactor_isa::{Chip, ChipGrid, Cost, Mesh, Router};
use trifactor_timing::CoreTimes;
use trifactor_timing::stepped;

/// What a comparison has seen.
#[derive(Clone, Copy, Default, Debug)]
struct Seen {
    /// Entries of the fullest queue, and how many a queue holds.
    fullest: usize,
    queue: usize,
    /// Chips in use, and messages that passed a border.
    chips: u32,
    borders: u64,
}

/// Runs an image on this chip and compares everything after every step.
fn run(name: &str, rng: &mut Rng, mut image: Image, chip: &Chip, steps: u32) -> Seen {
    image.meta.chip = chip.canonical();
    image.meta.chip_hash = chip.hash();
    let preset = &chip.cost.presets[rng.below(chip.cost.presets.len() as u32) as usize];
    let (costs, _) = preset.resolve(&chip.mesh);
    let options = Options { preset: Some(preset.name.clone()), ..Options::default() };
    let mut emulator = Emulator::load(&image, options).unwrap();
    let mut oracle = Oracle::new(&image);
    let (machine, prices) = jobs::machine(&oracle, chip, &costs);
    let mut plain = stepped::Chip::new(machine, prices);
    // Tiles in use, by chip.
    let mut used: BTreeMap<u32, BTreeSet<(u32, u32)>> = BTreeMap::new();
    for core in &image.cores {
        let (chip, tile) = jobs::place(chip, core.id);
        used.entry(chip).or_default().insert(tile);
    }
    let chips = used.len() as u32;
    let tiles = used.values().map(|tiles| tiles.len() as u64).sum::<u64>();
    let fullest_chip = used.values().map(BTreeSet::len).max().unwrap_or(0);
    let barrier = costs.barrier_ticks(fullest_chip as u32, chips);
    let (mut time, mut energy, mut barriers) = (0, 0, 0);
    let queue = chip.mesh.router.queue as usize;
    let mut seen = Seen { queue, chips, ..Seen::default() };
    for t in 1..=steps {
        let given = inputs(rng, &emulator);
        emulator.step(&borrowed(&given)).unwrap();
        oracle.step(&borrowed(&given));
        let (ours, theirs) = (everything(&emulator), everything_of(&oracle, &emulator));
        if let Some(difference) = ours.difference(&theirs) {
            panic!("image {name}, step {t}: {difference}");
        }
        let (work, host) = oracle.jobs(&costs);
        let spikes = plain.spike_part(&work, &host);
        seen.fullest = seen.fullest.max(spikes.fullest);
        let (updates, learning) = plain.update_part(&work);
        let parts = emulator.core_times();
        for (c, times) in spikes.cores.iter().enumerate() {
            let found: (&CoreTimes, u64) = (&parts[c].spike, parts[c].update);
            assert_eq!(found, (times, updates[c]), "image {name}, step {t}, core {c}");
            let rules: u64 = emulator.updates(c).iter().map(|(_, ticks)| ticks).sum();
            assert_eq!(rules, updates[c], "image {name}, step {t}, core {c}");
        }
        energy += spikes.fj + learning;
        time += spikes.end + barrier;
        barriers += 1;
        let whole = emulator.step_times();
        assert_eq!((whole.spike, whole.barrier), (spikes.end, barrier), "image {name}, step {t}");
        let update = oracle.updates().then(|| updates.iter().copied().max().unwrap_or(0));
        assert_eq!(whole.update, update, "image {name}, step {t}");
        if let Some(update) = update {
            time += update + barrier;
            barriers += 1;
        }
        let report = emulator.report();
        assert_eq!(report.time_ticks, time, "image {name}, step {t}");
        assert_eq!(report.count(Cause::Barrier), barriers);
        let critical: u64 = report.lines.iter().map(|line| line.critical).sum();
        assert_eq!(critical, time, "image {name}, step {t}: causes and time");
        let work = report.lines.iter().filter(|line| line.cause.is_work());
        assert_eq!(work.map(|line| line.cost.fj).sum::<u64>(), energy, "image {name}, step {t}");
        let rest = u64::from(chips) * costs.static_fj(time, chip.cost.tick_ps)
            + barriers * costs.barrier_fj_per_tile * tiles;
        assert_eq!(report.total_fj(), energy + rest, "image {name}, step {t}");
        seen.borders = report.count(Cause::HopChip);
    }
    assert!(seen.fullest <= queue, "image {name}: a queue overflowed");
    seen
}

fn superset() -> Chip {
    Chip::builtin("superset").unwrap()
}

/// A random image on one chip, now and then with small queues and slow links.
fn on_one_chip(seed: u32, largest: u32, steps: u32) -> Seen {
    let mut rng = Rng::new(seed);
    let image = random::image_of(&mut rng, largest);
    let mut chip = superset();
    if rng.chance(2) {
        chip.mesh.router = Router { queue: rng.below(3) + 1, link_ticks: rng.below(40) + 1 };
    }
    run(&seed.to_string(), &mut rng, image, &chip, steps)
}

#[test]
fn states_times_and_energy_are_those_of_the_stepped_chip() {
    let (mut full, mut waited) = (0, 0);
    for seed in 0..60 {
        let seen = on_one_chip(seed, 14, 20);
        full += u32::from(seen.fullest == seen.queue);
        waited += u32::from(seen.fullest > 1);
    }
    // Traffic that never waits would prove little.
    assert!(full >= 15 && waited >= 25, "{full} of 60 images filled a queue, {waited} queued");
}

#[test]
fn storms_take_the_time_of_the_stepped_chip() {
    for seed in 3000..3002 {
        on_one_chip(seed, 120, 4);
    }
}

/// A link over a border takes and costs so much more, with every preset.
fn price_borders(chip: &mut Chip, cost: Option<Cost>) {
    chip.cost.presets.iter_mut().for_each(|preset| preset.hop_chip = cost);
}

#[test]
fn several_chips_take_the_time_of_the_stepped_chips() {
    let (mut several, mut borders, mut full) = (0, 0, 0);
    for seed in 0..60 {
        let mut rng = Rng::new(7000 + seed);
        let mut chip = superset();
        let queue = [1, 2, 3, 16][rng.below(4) as usize];
        chip.mesh = Mesh {
            columns: rng.below(2) + 1,
            rows: rng.below(2) + 1,
            cores_per_tile: rng.below(3) + 1,
            chips: ChipGrid { columns: rng.below(3) + 1, rows: rng.below(2) + 2 },
            router: Router { queue, link_ticks: rng.below(20) + 1 },
        };
        // Borders from as fast as other links to much slower than everything else.
        let slow = [None, Some(3), Some(200), Some(3000)][rng.below(4) as usize];
        price_borders(&mut chip, slow.map(|ticks| Cost { fj: 17_000, ticks }));
        let ids = (0..rng.below(5) + 2).map(|_| rng.below(chip.n_cores())).collect();
        let image = random::image_on(&mut rng, 14, ids);
        let seen = run(&seed.to_string(), &mut rng, image, &chip, 12);
        several += u32::from(seen.chips > 1);
        borders += seen.borders;
        full += u32::from(seen.fullest == seen.queue);
    }
    assert!(several >= 40 && borders > 5_000 && full >= 20, "{several} {borders} {full}");
}

#[test]
fn cores_with_numbers_beyond_16_bits_take_the_time_of_the_stepped_chips() {
    let mut borders = 0;
    for seed in 0..12 {
        let mut rng = Rng::new(8000 + seed);
        let mut chip = superset();
        let chips = ChipGrid { columns: 2100, rows: 2 };
        chip.mesh = Mesh { columns: 2, rows: 2, cores_per_tile: 8, chips, ..chip.mesh };
        price_borders(&mut chip, Some(Cost { fj: 9_000, ticks: 70 }));
        // The two westernmost chips of either row: the first of the second row is chip 2,100.
        let mut ids: Vec<u32> = (0..4)
            .map(|_| [0, 1, 2100, 2101][rng.below(4) as usize] * 32 + rng.below(32))
            .collect();
        ids.push(2100 * 32 + rng.below(64));
        let image = random::image_on(&mut rng, 14, ids);
        assert!(image.cores.iter().any(|core| core.id > 0xffff));
        borders += run(&seed.to_string(), &mut rng, image, &chip, 10).borders;
    }
    assert!(borders > 500, "{borders}");
}

/// Queues of more entries than the fast ways of the event-driven model remember, too.
#[test]
fn queues_of_every_size_take_the_time_of_the_stepped_chip() {
    for (k, queue) in [1, 2, 16, 64, 65, 200].into_iter().enumerate() {
        let mut fullest = 0;
        for seed in 0..4 {
            let mut rng = Rng::new(9000 + 10 * k as u32 + seed);
            let mut chip = superset();
            // A tile or two with slow links, so that whatever can wait does.
            chip.mesh = Mesh {
                columns: rng.below(2) + 1,
                rows: 1,
                cores_per_tile: 2,
                router: Router { queue, link_ticks: rng.below(100) + 50 },
                ..chip.mesh
            };
            let ids = (0..3).map(|_| rng.below(chip.n_cores())).collect();
            let mut image = random::image_on(&mut rng, 260, ids);
            // Every neuron fires in every step.
            for c in image.cores.iter_mut().flat_map(|core| &mut core.compartments) {
                (c.spikes, c.refractory, c.threshold) = (true, 0, i32::MIN);
            }
            let name = format!("{seed}, queues of {queue}");
            fullest = fullest.max(run(&name, &mut rng, image, &chip, 2).fullest);
        }
        // 64 entries are the most that are remembered.
        assert!(fullest >= (queue as usize).min(65), "{fullest} entries in queues of {queue}");
    }
}
