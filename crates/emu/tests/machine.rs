//! Runs as a host sees them: delays, resets, trials, threads, checkpoints, refusals.

mod common;

use common::tiny::{Tiny, counter, integrator};
use common::{Rng, borrowed, everything, inputs, random};
use std::sync::Arc;
use trifactor_emu::{CheckpointError, EmuError, Emulator, Options, Reset, Synapse, trial_seed};
use trifactor_fixed::{Draw, KeyedDraws};
use trifactor_image::{Guard, Image};

fn load(image: &Image) -> Emulator {
    Emulator::load(image, Options::default()).unwrap()
}

fn v(emulator: &Emulator) -> Vec<i32> {
    let mut v = Vec::new();
    emulator.read_v(1, &mut v).unwrap();
    v
}

#[test]
fn a_spike_of_step_t_arrives_in_step_t_plus_1_plus_delay() {
    for d in [0u8, 1, 5, 62] {
        let fixed = Tiny { delay: d, ..Tiny::default() };
        let fields = vec![("w", 9, true, 10), ("d", 6, false, i32::from(d))];
        let stored = Tiny { fields, delay_field: Some(1), ..Tiny::default() };
        for tiny in [fixed, stored] {
            let mut emulator = load(&tiny.image());
            for t in 1..=70 {
                let fires: &[u32] = if t == 3 { &[0] } else { &[] };
                emulator.step(&[(0, fires)]).unwrap();
                let arrived = t > 3 + u32::from(d);
                assert_eq!(v(&emulator)[0], if arrived { 10 } else { 0 }, "delay {d}, step {t}");
            }
        }
    }
}

#[test]
fn a_weight_is_read_when_the_spike_arrives_and_a_delay_when_it_is_emitted() {
    let fields = vec![("w", 9, true, 10), ("d", 6, false, 2)];
    let mut emulator = load(&Tiny { fields, delay_field: Some(1), ..Tiny::default() }.image());
    emulator.step(&[(0, &[0])]).unwrap();
    emulator.write_field(0, 1, &[9]).unwrap();
    emulator.step(&[]).unwrap();
    emulator.write_synapse(0, 0, Synapse { pre: 0, post: 0, raw: 33 }).unwrap();
    emulator.step(&[]).unwrap();
    assert_eq!(v(&emulator), [0]);
    emulator.step(&[]).unwrap();
    assert_eq!(v(&emulator), [33]);
}

#[test]
fn a_held_neuron_stays_at_zero_for_exactly_its_refractory_time() {
    let neuron = trifactor_image::Compartment { bias: 10, refractory: 3, ..integrator(15) };
    let mut emulator = load(&Tiny { neurons: vec![neuron], ..Tiny::default() }.image());
    let mut fired = Vec::new();
    for _ in 0..12 {
        emulator.step(&[]).unwrap();
        fired.push((v(&emulator)[0], emulator.spikes(1).len()));
    }
    let period = [(10, 0), (0, 1), (0, 0), (0, 0), (0, 0)];
    let expected: Vec<_> = period.iter().cycle().take(12).copied().collect();
    assert_eq!(fired, expected);
}

#[test]
fn a_membrane_reset_forgets_spikes_in_flight_and_keeps_the_step_number() {
    let mut emulator = load(&Tiny { delay: 3, ..Tiny::default() }.image());
    emulator.step(&[(0, &[0])]).unwrap();
    emulator.reset(&[Reset::Membrane]);
    for _ in 0..6 {
        emulator.step(&[]).unwrap();
    }
    assert_eq!((v(&emulator)[0], emulator.step_number()), (0, 7));
}

#[test]
fn a_lane_named_twice_fires_once() {
    let mut emulator = load(&Tiny { n_pre: 3, ..Tiny::default() }.image());
    emulator.step(&[(0, &[2, 0, 2]), (0, &[0])]).unwrap();
    assert_eq!(emulator.spikes(0), [0, 2]);
    emulator.step(&[]).unwrap();
    assert_eq!(v(&emulator), [20]);
}

#[test]
fn a_trial_repeats_bit_for_bit_and_another_seed_does_not() {
    let mut differs = 0;
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let mut emulator = load(&image);
        let given: Vec<_> = (0..40).map(|_| inputs(&mut rng, &emulator)).collect();
        let mut run = |trial: u32| {
            emulator.begin_trial(trial_seed(7, trial));
            assert_eq!(emulator.step_number(), 0);
            let step = |given: &Vec<(usize, Vec<u32>)>| {
                emulator.step(&borrowed(given)).unwrap();
                everything(&emulator)
            };
            given.iter().map(step).collect::<Vec<_>>()
        };
        let (first, other, again) = (run(1), run(2), run(1));
        assert!(first == again, "image {seed}");
        differs += u32::from(first != other);
    }
    assert!(differs > 10, "only {differs} of 20 images draw at all");
}

#[test]
fn the_number_of_threads_cannot_be_seen() {
    for seed in 0..25 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let options = |threads| Options { threads, ..Options::default() };
        let mut all: Vec<_> = [1, 2, 3].map(|n| Emulator::load(&image, options(n)).unwrap()).into();
        for t in 0..60 {
            let given = inputs(&mut rng, &all[0]);
            let states: Vec<_> = (all.iter_mut())
                .map(|e| {
                    e.step(&borrowed(&given)).unwrap();
                    everything(e)
                })
                .collect();
            assert!(states[0] == states[1] && states[0] == states[2], "image {seed}, step {t}");
        }
        assert_eq!(all[0].report(), all[1].report(), "image {seed}");
    }
}

#[test]
fn a_run_continues_from_a_checkpoint_bit_for_bit() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let mut straight = load(&image);
        for _ in 0..rng.below(30) {
            let given = inputs(&mut rng, &straight);
            straight.step(&borrowed(&given)).unwrap();
        }
        let bytes = straight.save();
        let mut resumed = load(&image);
        resumed.step(&[]).unwrap();
        resumed.restore(&bytes).unwrap();
        assert_eq!(resumed.save(), bytes);
        assert!(everything(&resumed) == everything(&straight), "image {seed}");
        for t in 0..70 {
            let given = inputs(&mut rng, &straight);
            straight.step(&borrowed(&given)).unwrap();
            resumed.step(&borrowed(&given)).unwrap();
            assert!(everything(&resumed) == everything(&straight), "image {seed}, step {t}");
        }
        assert_eq!(resumed.report(), straight.report());
        assert_eq!(resumed.save(), straight.save());
    }
}

#[test]
fn every_damaged_checkpoint_is_refused_and_changes_nothing() {
    let mut rng = Rng::new(3);
    let image = random::image(&mut rng);
    let mut emulator = load(&image);
    for _ in 0..12 {
        let given = inputs(&mut rng, &emulator);
        emulator.step(&borrowed(&given)).unwrap();
    }
    let bytes = emulator.save();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << rng.below(8);
        assert!(emulator.restore(&damaged).is_err(), "byte {at}");
        assert!(emulator.restore(&bytes[..at]).is_err(), "cut at {at}");
    }
    assert!(emulator.restore(&[&bytes[..], &[0]].concat()).is_err());
    assert_eq!(emulator.save(), bytes);
}

#[test]
fn a_forged_checkpoint_never_panics() {
    let mut rng = Rng::new(8);
    let image = random::image(&mut rng);
    let mut emulator = load(&image);
    for _ in 0..12 {
        let given = inputs(&mut rng, &emulator);
        emulator.step(&borrowed(&given)).unwrap();
    }
    let bytes = emulator.save();
    let mut accepted = 0;
    for _ in 0..4000 {
        let mut forged = bytes.clone();
        for _ in 0..=rng.below(3) {
            let at = 32 + rng.below(bytes.len() as u32 - 32) as usize;
            forged[at] = rng.word() as u8;
        }
        // The checksum is made to fit, so that only the checks of the content are left.
        let sum = crc32fast::hash(&forged[32..]);
        forged[28..32].copy_from_slice(&sum.to_le_bytes());
        if emulator.restore(&forged).is_ok() {
            accepted += 1;
            emulator.step(&[]).unwrap();
            emulator.report();
        }
    }
    assert!(accepted > 100 && accepted < 3900, "{accepted} of 4000 describe some state");
}

#[test]
fn a_checkpoint_of_another_image_or_version_is_refused_by_name() {
    let mut one = load(&Tiny::default().image());
    let two = load(&Tiny { fields: vec![("w", 9, true, 11)], ..Tiny::default() }.image());
    let other = one.restore(&two.save());
    assert!(matches!(other, Err(EmuError::Checkpoint(CheckpointError::OtherImage))));
    let mut bytes = one.save();
    bytes[8] = 1;
    let version = one.restore(&bytes);
    let expected = CheckpointError::Version { found: 1, expected: 5 };
    assert!(matches!(version, Err(EmuError::Checkpoint(e)) if e == expected));
    let not_one = one.restore(b"ELF");
    assert!(matches!(not_one, Err(EmuError::Checkpoint(CheckpointError::NotACheckpoint))));
}

#[test]
fn a_replaced_source_is_asked_for_the_same_draws() {
    for seed in 0..25 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let mut own = load(&image);
        let mut replaced = load(&image);
        replaced.replace_draws(Arc::new(KeyedDraws { seed: own.seed() }));
        for t in 0..40 {
            let given = inputs(&mut rng, &own);
            own.step(&borrowed(&given)).unwrap();
            replaced.step(&borrowed(&given)).unwrap();
            assert!(everything(&own) == everything(&replaced), "image {seed}, step {t}");
        }
    }
}

#[test]
fn a_replaced_source_decides_the_roundings() {
    struct Always(u32);
    impl Draw for Always {
        fn draw(&self, _: u32, _: u32, _: u8, _: u32, _: u32) -> u32 {
            self.0
        }
    }
    let program = "lds r0, field 0\nldi r1, 1, <<0\nshl r0, r0, <<4\nadd r0, r0, r1\n\
                   sts field 0, r0, >>4, stochastic, site 0\nhalt";
    for (bits, expected) in [(0, 10), (u32::MAX, 15)] {
        let tiny = Tiny { program: Some(program.into()), ..Tiny::default() };
        let mut emulator = load(&tiny.image());
        emulator.replace_draws(Arc::new(Always(bits)));
        for _ in 0..5 {
            emulator.step(&[]).unwrap();
        }
        assert_eq!(emulator.read_field(0, 0).unwrap()[0].raw, expected);
    }
}

#[test]
fn skipping_synapses_that_keep_their_value_is_not_visible() {
    let program = "lds r0, field 0
        ldx r1, slot 1, at y0
        ldy r2, slot 0, at end
        mul r3, r1, r2, >>0, nearest, site 0
        ldy r4, slot 1, at x0
        ldx r5, slot 0, at end
        mul r6, r4, r5, >>0, nearest, site 1
        sub r3, r3, r6
        shl r0, r0, <<9
        add r0, r0, r3
        sts field 0, r0, >>9, stochastic, site 2
        halt";
    let neuron = trifactor_image::Compartment { decay_v: 0x3000, ..integrator(900) };
    for epoch in [1, 4] {
        let tiny = |guard| Tiny {
            n_pre: 40,
            neurons: vec![neuron; 70],
            fields: vec![("w", 9, true, 60)],
            program: Some(program.into()),
            guard,
            pre_columns: vec![trifactor_image::Column { decay: 0x1800, ..counter(200) }],
            post_columns: vec![trifactor_image::Column { decay: 0x1000, ..counter(250) }],
            epoch,
            ..Tiny::default()
        };
        let [mut all, mut some] =
            [Guard::Always, Guard::PreOrPost].map(|guard| load(&tiny(guard).image()));
        let mut rng = Rng::new(epoch);
        let mut fired = 0;
        for t in 0..200 {
            let given = inputs(&mut rng, &all);
            all.step(&borrowed(&given)).unwrap();
            some.step(&borrowed(&given)).unwrap();
            assert!(everything(&all) == everything(&some), "epoch {epoch}, step {t}");
            fired += all.spikes(1).len();
        }
        let evaluated = |e: &Emulator| e.report().count(trifactor_emu::Cause::RuleState);
        assert!(fired > 100 && evaluated(&some) < evaluated(&all), "{fired}");
    }
}

#[test]
fn requests_that_cannot_be_met_say_why_and_change_nothing() {
    let mut emulator = load(&Tiny { n_pre: 2, ..Tiny::default() }.image());
    let before = emulator.save();
    let errors = [
        emulator.step(&[(0, &[0]), (7, &[])]),
        emulator.step(&[(0, &[0]), (1, &[0])]),
        emulator.step(&[(0, &[0, 2])]),
        emulator.write_field(0, 0, &[1]),
        emulator.write_field(0, 0, &[1, 256]),
        emulator.write_field(1, 0, &[1]),
        emulator.write_field(0, 1, &[1, 1]),
        emulator.write_synapse(0, 0, Synapse { pre: 2, post: 0, raw: 0 }),
        emulator.read_u(0, &mut Vec::new()),
        emulator.read_trace(0, &mut Vec::new()),
    ];
    let texts: Vec<String> =
        errors.into_iter().map(|e: Result<(), EmuError>| e.unwrap_err().to_string()).collect();
    assert_eq!(
        texts,
        [
            "there is no population 7; the image has 2",
            "'out' is no input: its neurons spike by themselves",
            "'in' has 2 lanes; there is no lane 2",
            "'in-out' has 2 synapses, but 1 values were given",
            "256 does not fit 'w' of 'in-out', which holds -256 to 255",
            "there is no projection 1; the image has 1",
            "there is no field 1; the image has 1",
            "'in-out' has no synapse from 2 to 0",
            "'in' is an input and has no membrane",
            "there is no trace 0; the image has 0",
        ]
    );
    assert_eq!(emulator.save(), before);
    let unknown = Options { preset: Some("free".into()), ..Options::default() };
    let error = Emulator::load(&Tiny::default().image(), unknown).unwrap_err().to_string();
    assert!(error.contains("'free'") && error.contains("paper-0v75"), "{error}");
}

/// Changes one number somewhere in an image.
fn break_something(image: &mut Image, rng: &mut Rng) {
    let at = rng.below(image.cores.len() as u32) as usize;
    let core = &mut image.cores[at];
    let wild = match rng.below(4) {
        0 => u32::MAX,
        1 => 0,
        2 => rng.below(40),
        _ => rng.word(),
    };
    fn any<'a, T>(list: &'a mut [T], rng: &mut Rng) -> Option<&'a mut T> {
        let n = list.len() as u32;
        list.get_mut(rng.below(n.max(1)) as usize)
    }
    match rng.below(22) {
        0 => any(&mut core.compartments, rng).map(|c| c.first_out = wild),
        1 => any(&mut core.compartments, rng).map(|c| c.n_out = wild),
        2 => any(&mut core.axons_out, rng).map(|a| a.core = wild),
        3 => any(&mut core.axons_out, rng).map(|a| a.axon = wild as u16),
        4 => any(&mut core.axons_in, rng).map(|a| a.pre = wild),
        5 => any(&mut core.axons_in, rng).map(|a| a.first_word = wild),
        6 => any(&mut core.axons_in, rng).map(|a| a.n_synapses = wild),
        7 => any(&mut core.groups, rng).map(|g| g.first_axon = wild),
        8 => any(&mut core.groups, rng).map(|g| g.n_axons = wild),
        9 => any(&mut core.groups, rng).map(|g| g.first_target = wild),
        10 => any(&mut core.groups, rng).map(|g| g.n_post = wild),
        11 => any(&mut core.groups, rng).map(|g| g.first_post = wild),
        12 => any(&mut core.groups, rng).map(|g| (g.profile, g.format) = (wild as u8, wild as u8)),
        13 => any(&mut core.groups, rng).map(|g| (g.delay, g.shift) = (wild as u8, wild as i8)),
        14 => any(&mut core.groups, rng).map(|g| g.delay_field = wild as u8),
        15 => any(&mut core.formats, rng).map(|f| f.fields.truncate(wild as usize)),
        16 => any(&mut core.modulators, rng).map(|m| m.n_lines = wild),
        17 => any(&mut core.modulators, rng).map(|m| (m.first_line, m.first_lane) = (wild, wild)),
        18 => any(&mut core.profiles, rng).map(|p| (p.first_word, p.n_words) = (wild, wild)),
        19 => any(&mut core.columns, rng).map(|c| (c.max, c.shift) = (wild as i32, wild as u8)),
        20 => any(&mut core.columns, rng).map(|c| c.profile = wild as u8),
        _ => any(&mut core.ucode, rng).map(|word| *word = wild),
    };
    match rng.below(8) {
        0 => any(&mut image.map.populations, rng).map(|p| p.n = wild),
        1 => any(&mut image.map.projections, rng).map(|p| (p.n_pre, p.n_post) = (wild, wild)),
        2 => any(&mut image.map.modulators, rng).map(|m| m.n = wild),
        3 => any(&mut image.map.traces, rng).map(|t| t.projection = wild as u16),
        _ => None,
    };
}

#[test]
fn an_image_that_contradicts_itself_never_panics() {
    let (mut refused, mut loaded) = (0, 0);
    for seed in 0..1500 {
        let mut rng = Rng::new(seed);
        let mut image = random::image(&mut rng);
        break_something(&mut image, &mut rng);
        match Emulator::load(&image, Options::default()) {
            Err(_) => refused += 1,
            Ok(mut emulator) => {
                loaded += 1;
                for _ in 0..6 {
                    let given = inputs(&mut rng, &emulator);
                    emulator.step(&borrowed(&given)).unwrap();
                }
                everything(&emulator);
                emulator.report();
            }
        }
    }
    assert!(refused > 300 && loaded > 300, "{refused} refused, {loaded} loaded");
}
