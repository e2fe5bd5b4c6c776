//! The emulator against an independent reading of `docs/semantics.md`, state by state and step
//! by step, on random images.

mod common;

use common::oracle::Oracle;
use common::{Rng, borrowed, everything, everything_of, inputs, random};
use trifactor_emu::{Cause, Emulator, Options, Reset};

/// Runs one image on both and compares all states after each step.
fn run(seed: u32, largest: u32, steps: u32) {
    let mut rng = Rng::new(seed);
    let image = random::image_of(&mut rng, largest);
    let mut emulator = Emulator::load(&image, Options::default())
        .unwrap_or_else(|e| panic!("image {seed} does not load: {e}"));
    let mut oracle = Oracle::new(&image);
    for t in 1..=steps {
        if t > 1 && rng.chance(20) {
            let group = Reset::ALL[rng.below(4) as usize];
            emulator.reset(&[group]);
            match group {
                Reset::Membrane => oracle.reset_membrane(),
                Reset::Traces => oracle.reset_traces(),
                Reset::Modulators => oracle.reset_modulators(),
                Reset::Weights => oracle.reset_weights(),
            }
        }
        let given = inputs(&mut rng, &emulator);
        emulator.step(&borrowed(&given)).unwrap();
        oracle.step(&borrowed(&given));
        let (ours, theirs) = (everything(&emulator), everything_of(&oracle, &emulator));
        if let Some(difference) = ours.difference(&theirs) {
            panic!("image {seed}, step {t}: {difference}");
        }
    }
    let report = emulator.report();
    for saturation in &report.saturations {
        let expected = oracle.clipped.get(&saturation.state).copied().unwrap_or(0);
        assert_eq!(saturation.count, expected, "image {seed}: {}", saturation.state);
    }
    for (projection, (evaluated, skipped)) in &oracle.rules {
        let name = Some(emulator.map().projections[*projection].name.clone());
        let count =
            |cause| report.lines.iter().find(|l| l.cause == cause && l.rule == name).unwrap().count;
        assert_eq!(count(Cause::RuleState), *evaluated, "image {seed}");
        assert_eq!(count(Cause::RuleSkip), *skipped, "image {seed}");
    }
}

#[test]
fn random_images_step_as_the_semantics_say() {
    for seed in 0..150 {
        run(seed, 14, 110);
    }
}

#[test]
fn rows_that_fill_and_straddle_tiles_step_as_the_semantics_say() {
    for seed in 1000..1008 {
        run(seed, 90, 8);
    }
    for seed in 2000..2002 {
        run(seed, 700, 3);
    }
}

#[test]
fn the_random_images_reach_every_part_of_the_semantics() {
    // A comparison that nothing happens in would prove nothing.
    let (mut spikes, mut evaluated, mut skipped, mut clipped, mut changed) = (0, 0, 0, 0, 0);
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let mut emulator = Emulator::load(&image, Options::default()).unwrap();
        let before = everything(&emulator).fields;
        for _ in 0..40 {
            let given = inputs(&mut rng, &emulator);
            emulator.step(&borrowed(&given)).unwrap();
        }
        let report = emulator.report();
        spikes += report.count(Cause::SpikeOut);
        evaluated += report.count(Cause::RuleState);
        skipped += report.count(Cause::RuleSkip);
        clipped += report.saturations.iter().map(|s| s.count).sum::<u64>();
        changed += u32::from(before != everything(&emulator).fields);
    }
    assert!(
        spikes > 1_000 && evaluated > 10_000 && skipped > 1_000,
        "{spikes} {evaluated} {skipped}"
    );
    assert!(clipped > 1_000 && changed > 25, "{clipped} {changed}");
}
