//! Steps phase by phase, walks through the plasticity phase, and changes between steps.

mod common;

use common::{Rng, borrowed, everything, inputs, random};
use trifactor_emu::{Emulator, Membrane, Options, Phase};
use trifactor_image::Image;

fn load(image: &Image) -> Emulator {
    Emulator::load(image, Options::default()).unwrap()
}

#[test]
fn a_step_in_phases_is_a_step() {
    let mut phases = 0;
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let (mut whole, mut parts) = (load(&image), load(&image));
        for step in 1..=50 {
            let given = inputs(&mut rng, &whole);
            whole.step(&borrowed(&given)).unwrap();
            // Some phases one by one; the rest of the step at once.
            for _ in 0..rng.below(7) {
                let next = parts.phase().unwrap_or(Phase::Deliver);
                assert_eq!(parts.advance(&borrowed(&given)).unwrap(), next);
                phases += 1;
                if parts.phase().is_none() {
                    break;
                }
            }
            if parts.phase().is_some() || parts.step_number() < step {
                parts.step(&borrowed(&given)).unwrap();
            }
            assert_eq!(whole.save(), parts.save(), "image {seed}, step {step}");
            assert_eq!(whole.report(), parts.report());
        }
    }
    assert!(phases > 5_000, "{phases}");
}

/// Walks every plasticity phase; returns (micro-operations, draws, saturated stores).
fn walked(seed: u32, largest: u32, steps: u32) -> (u64, u64, u64) {
    let mut rng = Rng::new(seed);
    let image = random::image_of(&mut rng, largest);
    let mut emulator = load(&image);
    let mut seen = (0, 0, 0);
    for step in 1..=steps {
        let given = inputs(&mut rng, &emulator);
        while emulator.phase().is_some() || emulator.step_number() < step {
            let mut walk = emulator.walk();
            if let Some(walk) = &mut walk {
                while let Some(op) = walk.step(&emulator) {
                    seen.0 += 1;
                    seen.1 += u64::from(op.drawn.is_some());
                    seen.2 += u64::from(op.stored.is_some_and(|s| s.saturated));
                }
                assert_eq!(walk.done(), walk.length());
            }
            emulator.advance(&borrowed(&given)).unwrap();
            if let Some(walk) = walk {
                walk.compare(&emulator)
                    .unwrap_or_else(|e| panic!("image {seed}, step {step}: {e}"));
            }
        }
    }
    seen
}

#[test]
fn a_walk_stores_what_the_emulator_stores() {
    let mut sum = (0, 0, 0);
    for seed in 0..80 {
        let seen = walked(seed, 14, 60);
        sum = (sum.0 + seen.0, sum.1 + seen.1, sum.2 + seen.2);
    }
    walked(1000, 90, 6);
    assert!(sum.0 > 500_000 && sum.1 > 20_000 && sum.2 > 1_000, "{sum:?}");
}

#[test]
fn a_walk_that_the_emulator_does_not_follow_is_noticed() {
    let mut noticed = 0;
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let mut emulator = load(&image);
        for _ in 0..40 {
            let given = inputs(&mut rng, &emulator);
            emulator.advance(&borrowed(&given)).unwrap();
            while let Some(phase) = emulator.phase() {
                let walk = emulator.walk();
                emulator.advance(&borrowed(&given)).unwrap();
                // The walk has executed nothing, so it agrees only where nothing was evaluated.
                let length = walk.as_ref().map_or(0, trifactor_emu::Walk::length);
                let agrees = walk.is_none_or(|walk| walk.compare(&emulator).is_ok());
                assert_eq!(agrees, length == 0, "image {seed}, {phase}");
                noticed += u32::from(!agrees);
            }
        }
    }
    assert!(noticed > 50, "{noticed}");
}

#[test]
fn what_is_written_back_unchanged_changes_nothing_but_the_count_of_writes() {
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let (mut plain, mut written) = (load(&image), load(&image));
        for step in 0..30 {
            let given = inputs(&mut rng, &plain);
            plain.step(&borrowed(&given)).unwrap();
            written.step(&borrowed(&given)).unwrap();
            if step == 15 {
                write_everything_back(&mut written);
                assert_ne!(plain.save(), written.save(), "writes are counted");
                written.clear_ledger();
                plain.clear_ledger();
            }
            if step >= 15 {
                assert_eq!(plain.save(), written.save(), "image {seed}, step {step}");
            }
        }
    }
}

fn write_everything_back(emulator: &mut Emulator) {
    let map = emulator.map().clone();
    let mut lanes = Vec::new();
    for (p, named) in map.populations.iter().enumerate().filter(|(_, n)| !n.slices.is_empty()) {
        for which in [Membrane::U, Membrane::V, Membrane::Hold] {
            match which {
                Membrane::U => emulator.read_u(p, &mut lanes).unwrap(),
                Membrane::V => emulator.read_v(p, &mut lanes).unwrap(),
                Membrane::Hold => emulator.read_hold(p, &mut lanes).unwrap(),
            }
            for (lane, value) in (0..named.n).zip(&lanes) {
                // Initial values may lie outside of what a step can leave.
                let _ = emulator.write_membrane(p, which, lane, *value);
            }
        }
    }
    let mut held = Vec::new();
    for m in 0..map.modulators.len() {
        emulator.read_modulator(m, &mut held).unwrap();
        for (lane, value) in (0..).zip(&held) {
            let Some(value) = value else { continue };
            emulator.write_modulator(m, lane, *value).unwrap();
        }
    }
    for t in 0..map.traces.len() {
        emulator.read_trace(t, &mut held).unwrap();
        for (lane, value) in (0..).zip(&held) {
            let Some(value) = value else { continue };
            emulator.write_trace_lane(t, lane, *value).unwrap();
        }
    }
    for p in 0..map.projections.len() {
        for constant in emulator.constants(p).unwrap() {
            emulator.write_constant(p, constant.at, constant.raw).unwrap();
        }
    }
    emulator.set_seed(emulator.seed());
}

#[test]
fn a_constant_that_is_changed_is_executed_kept_in_checkpoints_and_put_back() {
    let (mut changed, mut differs) = (0, 0);
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let (mut plain, mut other, mut resumed) = (load(&image), load(&image), load(&image));
        let mut places = Vec::new();
        for p in 0..image.map.projections.len() {
            places.extend(plain.constants(p).unwrap().into_iter().map(|c| (p, c)));
        }
        if places.is_empty() {
            continue;
        }
        changed += 1;
        for (p, constant) in &places {
            other.write_constant(*p, constant.at, 7 << 11).unwrap();
            let now = other.constants(*p).unwrap();
            assert!(now.iter().any(|c| (c.at, c.raw) == (constant.at, 7 << 11)));
        }
        resumed.restore(&other.save()).unwrap();
        for step in 1..=40 {
            let given = inputs(&mut rng, &plain);
            for machine in [&mut plain, &mut other, &mut resumed] {
                while machine.phase().is_some() || machine.step_number() < step {
                    let mut walk = machine.walk();
                    if let Some(walk) = &mut walk {
                        while walk.step(machine).is_some() {}
                    }
                    machine.advance(&borrowed(&given)).unwrap();
                    if let Some(walk) = walk {
                        walk.compare(machine).unwrap();
                    }
                }
            }
            assert_eq!(other.save(), resumed.save(), "image {seed}, step {step}");
        }
        differs += u32::from(everything(&plain) != everything(&other));
        // A checkpoint from before the change takes it back.
        let before = load(&image).save();
        other.restore(&before).unwrap();
        assert_eq!(other.save(), before);
    }
    assert!(changed > 10 && differs > 5, "{changed} {differs}");
}

#[test]
fn a_checkpoint_inside_a_step_is_forgotten_with_the_step() {
    let mut rng = Rng::new(3);
    let image = random::image(&mut rng);
    let (mut emulator, mut fresh) = (load(&image), load(&image));
    let start = emulator.save();
    let given: Vec<_> = (0..30).map(|_| inputs(&mut rng, &emulator)).collect();
    for given in &given[..20] {
        emulator.step(&borrowed(given)).unwrap();
    }
    // Accumulators are full and messages are on their way.
    for _ in 0..2 {
        emulator.advance(&borrowed(&given[20])).unwrap();
    }
    emulator.restore(&start).unwrap();
    for given in &given {
        emulator.step(&borrowed(given)).unwrap();
        fresh.step(&borrowed(given)).unwrap();
        assert_eq!(emulator.save(), fresh.save());
    }
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let mut rng = Rng::new(1);
    let image = random::image(&mut rng);
    let mut emulator = load(&image);
    let before = emulator.save();
    let input = image.map.populations.iter().position(|p| p.slices.is_empty()).unwrap();
    let neurons = image.map.populations.iter().position(|p| !p.slices.is_empty()).unwrap();
    let refused = [
        emulator.write_membrane(input, Membrane::V, 0, 0),
        emulator.write_membrane(neurons, Membrane::V, 1 << 20, 0),
        emulator.write_membrane(neurons, Membrane::U, 0, 1 << 23),
        emulator.write_membrane(neurons, Membrane::Hold, 0, 256),
        emulator.write_membrane(1 << 20, Membrane::V, 0, 0),
        emulator.write_modulator(1 << 20, 0, 0),
        emulator.write_trace_lane(1 << 20, 0, 0),
        emulator.write_constant(1 << 20, 0, 0),
        emulator.write_constant(0, 1 << 20, 0),
    ];
    for result in refused {
        let message = result.unwrap_err().to_string();
        assert!(message.len() > 10, "{message}");
    }
    assert_eq!(emulator.save(), before, "a refused write changes nothing");
}
