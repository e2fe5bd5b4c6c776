//! What units and links did in a step.

mod common;

use common::{Rng, borrowed, inputs, random};
use trifactor_emu::{Busy, Emulator, Options, RulePlace, Update};

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
            let times = watched.step_times();
            assert_eq!(times.total(), now - time, "image {seed}, step {step}");
            time = now;
            let total = |core: usize| watched.updates(core).iter().map(|(_, ticks)| ticks).sum();
            let longest: Option<u64> = (0..watched.n_cores()).map(total).max();
            assert!(times.update.is_none_or(|update| Some(update) == longest));
            let last = record.iter().map(|a| a.to).max().unwrap_or(0);
            assert!(last <= times.spike, "image {seed}: {last} of {}", times.spike);
            for a in record {
                assert!(a.from <= a.to);
                messages += u64::from(matches!(a.busy, Busy::AxonIn(_)) && a.message.is_some());
            }
            updates += u64::from(times.update.is_some());
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
            for (core, ticks) in ends {
                let at = emulator.core_times().iter().position(|c| c.core == core).unwrap();
                let rules = emulator.updates(at).into_iter();
                let rules = rules.filter(|(what, _)| matches!(what, Update::Rule(_)));
                let sum: u64 = rules.map(|(_, ticks)| ticks).sum();
                assert_eq!(sum, ticks, "image {seed}, core {core}");
            }
        }
    }
    assert!(words > 10_000 && skips > 100, "{words} {skips}");
}
