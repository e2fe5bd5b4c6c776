//! Two executions, one answer: the emulator with its event-driven time, and an independent
//! reading of the semantics whose messages travel through the stepped model of
//! `docs/timing.md`. States, times of every core and energy must be the same.

mod common;

use common::oracle::{Oracle, jobs};
use common::{Rng, borrowed, everything, everything_of, inputs, random};
use trifactor_emu::{Cause, Emulator, Options};
use trifactor_isa::Chip;
use trifactor_timing::CoreTimes;
use trifactor_timing::stepped;

/// The fullest queue that was seen, against what a queue may hold.
fn run(seed: u32, largest: u32, steps: u32) -> (usize, usize) {
    let mut rng = Rng::new(seed);
    let mut image = random::image_of(&mut rng, largest);
    // Small queues and slow links now and then.
    let (queue, link) = if rng.chance(2) { (rng.below(3) + 1, rng.below(40) + 1) } else { (16, 3) };
    let router = format!("router: (queue: {queue}, link_ticks: {link})");
    image.meta.chip = image.meta.chip.replace("router: (queue: 16, link_ticks: 3)", &router);
    let chip = Chip::parse(&image.meta.chip).unwrap();
    assert_eq!(chip.mesh.router.queue, queue);
    let preset = &chip.cost.presets[rng.below(chip.cost.presets.len() as u32) as usize];
    let (costs, _) = preset.resolve(&chip.mesh);
    let options = Options { preset: Some(preset.name.clone()), ..Options::default() };
    let mut emulator = Emulator::load(&image, options).unwrap();
    let mut oracle = Oracle::new(&image);
    let (machine, prices) = jobs::machine(&oracle, &chip, &costs);
    let mut plain = stepped::Chip::new(machine, prices);
    let tiles: std::collections::BTreeSet<_> =
        image.cores.iter().map(|c| c.id / chip.mesh.cores_per_tile).collect();
    let barrier = costs.barrier_ticks(tiles.len() as u32, 1);
    let (mut time, mut energy, mut barriers, mut fullest) = (0, 0, 0, 0);
    for t in 1..=steps {
        let given = inputs(&mut rng, &emulator);
        emulator.step(&borrowed(&given)).unwrap();
        oracle.step(&borrowed(&given));
        let (ours, theirs) = (everything(&emulator), everything_of(&oracle, &emulator));
        if let Some(difference) = ours.difference(&theirs) {
            panic!("image {seed}, step {t}: {difference}");
        }
        let (work, host) = oracle.jobs(&costs);
        let spikes = plain.spike_part(&work, &host);
        fullest = fullest.max(spikes.fullest);
        let (updates, learning) = plain.update_part(&work);
        let parts = emulator.core_times();
        for (c, times) in spikes.cores.iter().enumerate() {
            let found: (&CoreTimes, u64) = (&parts[c].spike, parts[c].update);
            assert_eq!(found, (times, updates[c]), "image {seed}, step {t}, core {c}");
        }
        energy += spikes.fj + learning;
        time += spikes.end + barrier;
        barriers += 1;
        if oracle.updates() {
            time += updates.iter().max().unwrap() + barrier;
            barriers += 1;
        }
        let report = emulator.report();
        assert_eq!(report.time_ticks, time, "image {seed}, step {t}");
        assert_eq!(report.count(Cause::Barrier), barriers);
        let critical: u64 = report.lines.iter().map(|line| line.critical).sum();
        assert_eq!(critical, time, "image {seed}, step {t}: causes and time");
        let work = report.lines.iter().filter(|line| line.cause.is_work());
        assert_eq!(work.map(|line| line.cost.fj).sum::<u64>(), energy, "image {seed}, step {t}");
        let rest = costs.static_fj(time, chip.cost.tick_ps)
            + barriers * costs.barrier_fj_per_tile * tiles.len() as u64;
        assert_eq!(report.total_fj(), energy + rest, "image {seed}, step {t}");
    }
    (fullest, queue as usize)
}

#[test]
fn states_times_and_energy_are_those_of_the_stepped_chip() {
    let (mut full, mut waited) = (0, 0);
    for seed in 0..60 {
        let (fullest, queue) = run(seed, 14, 20);
        assert!(fullest <= queue);
        full += u32::from(fullest == queue);
        waited += u32::from(fullest > 1);
    }
    // Traffic that never waits would prove little.
    assert!(full >= 15 && waited >= 25, "{full} of 60 images filled a queue, {waited} queued");
}

#[test]
fn storms_take_the_time_of_the_stepped_chip() {
    for seed in 3000..3002 {
        run(seed, 120, 4);
    }
}
