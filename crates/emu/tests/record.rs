//! What units and links did in a step.

mod common;

use common::{Rng, borrowed, inputs, random};
use trifactor_emu::{Busy, Emulator, Options, RulePlace};

#[test]
fn a_record_tells_all_of_a_step_s_time_and_changes_nothing() {
    let (mut messages, mut updates) = (0, 0);
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let mut plain = Emulator::load(&image, Options::default()).unwrap();
        let mut watched = Emulator::load(&image, Options::default()).unwrap();
        assert_eq!(watched.record(), None);
        watched.keep_records(true);
        let mut time = 0;
        for step in 1..=30 {
            let given = inputs(&mut rng, &plain);
            plain.step(&borrowed(&given)).unwrap();
            watched.step(&borrowed(&given)).unwrap();
            assert_eq!(plain.save(), watched.save(), "image {seed}, step {step}");
            let record = watched.record().unwrap();
            let now = watched.report().time_ticks;
            assert_eq!(record.total, now - time, "image {seed}, step {step}");
            time = now;
            let longest = record.updates.iter().map(|(_, u)| u.total()).max();
            let barriers = if longest.is_some() { 2 } else { 1 };
            let parts = record.spike + barriers * record.barrier + longest.unwrap_or(0);
            assert_eq!(record.total, parts);
            assert!(record.delivered <= record.fired && record.fired <= record.spike);
            let last = record.activities.iter().map(|a| a.to).max().unwrap_or(0);
            assert!(last <= record.spike, "image {seed}: {last} of {}", record.spike);
            for a in &record.activities {
                assert!(a.from <= a.to);
                messages += u64::from(matches!(a.busy, Busy::AxonIn(_)) && a.message.is_some());
            }
            updates += u64::from(longest.is_some());
        }
    }
    assert!(messages > 1_000 && updates > 500, "{messages} {updates}");
}

#[test]
fn a_core_goes_through_its_rules_in_exactly_their_time() {
    let (mut words, mut skips) = (0, 0);
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let mut emulator = Emulator::load(&image, Options::default()).unwrap();
        emulator.keep_records(true);
        for _ in 0..12 {
            let given = inputs(&mut rng, &emulator);
            let mut walk = None;
            let mut ends = Vec::new();
            loop {
                emulator.advance(&borrowed(&given)).unwrap();
                if let Some(walk) = walk.take() {
                    // How long the walk's instructions and everything else took.
                    ends = walk;
                }
                match emulator.phase() {
                    None => break,
                    Some(trifactor_emu::Phase::Plasticity) => {
                        let mut of_core = Vec::new();
                        for core in &image.cores {
                            // Places by tick, until there are no more.
                            let places = (0..).map_while(|t| emulator.rule_place(core.id, t));
                            let places: Vec<_> = places.collect();
                            for place in &places {
                                words += u64::from(matches!(place, RulePlace::Word(..)));
                                skips += u64::from(matches!(place, RulePlace::Skip(_)));
                            }
                            of_core.push((core.id, places.len() as u64));
                        }
                        walk = Some(of_core);
                    }
                    Some(_) => {}
                }
            }
            let record = emulator.record().unwrap();
            for (core, ticks) in ends {
                let update = record.updates.iter().find(|(id, _)| *id == core);
                assert_eq!(update.map(|(_, u)| u.rules), Some(ticks), "image {seed}, core {core}");
            }
        }
    }
    assert!(words > 10_000 && skips > 100, "{words} {skips}");
}
