//! Neither the number of threads nor the way in which steps are executed can be seen in anything:
//! states, checkpoints, reports with every preset, times of every unit, what observers are told.

mod common;

use common::{Rng, borrowed, inputs, random};
use trifactor_emu::Update;
use trifactor_emu::{CoreStep, Direction, Emulator, Message, Observer, Options, Report, StepTimes};
use trifactor_image::Image;
use trifactor_isa::Chip;

/// Everything that an observer is told.
#[derive(Default, PartialEq, Debug)]
struct Told(Vec<(&'static str, u64, u64, u64, Option<Message>)>);

impl Observer for Told {
    fn synapses(&mut self, core: usize, from: u64, to: u64) {
        self.0.push(("synapses", core as u64, from, to, None));
    }
    fn compartments(&mut self, core: usize, from: u64, to: u64) {
        self.0.push(("compartments", core as u64, from, to, None));
    }
    fn stall(&mut self, core: usize, from: u64, to: u64) {
        self.0.push(("stall", core as u64, from, to, None));
    }
    fn axon_out(&mut self, core: usize, from: u64, to: u64, message: Message) {
        self.0.push(("axon out", core as u64, from, to, Some(message)));
    }
    fn entrance(&mut self, tile: u32, _: Option<usize>, from: u64, to: u64, message: Message) {
        self.0.push(("entrance", tile.into(), from, to, Some(message)));
    }
    fn link(&mut self, tile: u32, output: Direction, from: u64, to: u64, message: Message) {
        let link = 8 * u64::from(tile) + output as u64;
        self.0.push(("link", link, from, to, Some(message)));
    }
    fn axon_in(&mut self, core: usize, from: u64, to: u64, message: Message) {
        self.0.push(("axon in", core as u64, from, to, Some(message)));
    }
}

/// All that can be asked for after a step.
#[derive(PartialEq, Debug)]
struct Answers {
    saved: Vec<u8>,
    reports: Vec<Report>,
    step: StepTimes,
    cores: Vec<CoreStep>,
    updates: Vec<Vec<(Update, u64)>>,
}

fn answers(emulator: &Emulator) -> Answers {
    Answers {
        saved: emulator.save(),
        reports: emulator.reports(),
        step: emulator.step_times(),
        cores: emulator.core_times(),
        updates: (0..emulator.n_cores()).map(|core| emulator.updates(core)).collect(),
    }
}

/// Time is kept with every preset of the chip.
fn load(image: &Image, threads: usize) -> Emulator {
    let chip = Chip::parse(&image.meta.chip).unwrap();
    let names = chip.cost.presets.iter().map(|preset| preset.name.clone());
    let also = names.filter(|name| *name != chip.default_preset().name).collect();
    Emulator::load(image, Options { threads, also, ..Options::default() }).unwrap()
}

fn image(rng: &mut Rng) -> Image {
    let ids = (0..rng.below(24) + 1).map(|_| rng.below(128)).collect();
    random::image_on(rng, 40, ids)
}

#[test]
fn threads_pauses_observers_and_checkpoints_cannot_be_seen() {
    let (mut messages, mut ways) = (0, [0; 5]);
    for seed in 0..24 {
        let mut rng = Rng::new(seed);
        let image = image(&mut rng);
        let mut alone = load(&image, 1);
        let mut others = [2, 3, 8].map(|threads| load(&image, threads));
        for t in 1..=30 {
            if rng.chance(12) {
                let seed = rng.word();
                alone.begin_trial(seed);
                others.iter_mut().for_each(|other| other.begin_trial(seed));
                for other in &others {
                    assert!(answers(other) == answers(&alone), "image {seed}, a new trial");
                }
            }
            let given = inputs(&mut rng, &alone);
            let given = borrowed(&given);
            let mut told = Told::default();
            alone.step_watched(&given, &mut told).unwrap();
            messages += told.0.len();
            let expected = answers(&alone);
            for (k, other) in others.iter_mut().enumerate() {
                let way = rng.below(5) as usize;
                ways[way] += 1;
                match way {
                    // Phase by phase.
                    0 => {
                        other.advance(&given).unwrap();
                        while other.phase().is_some() {
                            other.advance(&given).unwrap();
                        }
                    }
                    // With a pause somewhere inside.
                    1 => {
                        for _ in 0..rng.below(4) + 1 {
                            other.advance(&given).unwrap();
                        }
                        other.step(&given).unwrap();
                    }
                    // Elsewhere, from a checkpoint, after a step that is forgotten.
                    2 => {
                        let saved = other.save();
                        *other = load(&image, rng.below(4) as usize);
                        other.step(&[]).unwrap();
                        other.advance(&[]).unwrap();
                        other.restore(&saved).unwrap();
                        assert!(other.save() == saved, "image {seed}, step {t}");
                        other.step(&given).unwrap();
                    }
                    3 => {
                        let mut heard = Told::default();
                        other.step_watched(&given, &mut heard).unwrap();
                        assert!(heard == told, "image {seed}, step {t}, {k}");
                    }
                    _ => other.step(&given).unwrap(),
                }
                assert!(answers(other) == expected, "image {seed}, step {t}, {k}, way {way}");
            }
        }
    }
    assert!(messages > 20_000 && ways.iter().all(|n| *n > 300), "{messages} {ways:?}");
}

#[test]
fn a_new_trial_and_a_restored_state_have_no_last_step() {
    let mut rng = Rng::new(5);
    let image = image(&mut rng);
    let mut emulator = load(&image, 2);
    let fresh = answers(&emulator);
    for _ in 0..9 {
        let given = inputs(&mut rng, &emulator);
        emulator.step(&borrowed(&given)).unwrap();
    }
    let ran = answers(&emulator);
    assert_ne!((ran.step, &ran.cores), (fresh.step, &fresh.cores));
    let bytes = emulator.save();
    emulator.restore(&bytes).unwrap();
    let restored = answers(&emulator);
    assert_eq!((restored.step, &restored.cores), (fresh.step, &fresh.cores));
    assert_eq!((restored.saved, restored.reports), (ran.saved, ran.reports));
    emulator.begin_trial(1);
    let again = answers(&emulator);
    assert_eq!((again.step, again.cores), (fresh.step, fresh.cores));
}
