//! S50 to S54: the function behind random draws, what it is asked, and how it is replaced.

use crate::readings::{Own, Sketch, Subject, all, dense, each, echo};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use trifactor_fixed::{Draw, KeyedDraws, Rounding, mix32};
use trifactor_testkit::builder::TraceSpec;

/// The mixer of S50, written with 64-bit products and remainders.
pub fn mixed(x: u32) -> u32 {
    let times = |x: u32, c: u64| (u64::from(x) * c % (1 << 32)) as u32;
    let x = times(x ^ (x / 65536), 0x7feb_352d);
    let x = times(x ^ (x / 32768), 0x846c_a68b);
    x ^ (x / 65536)
}

/// The draw of S51, key by key.
pub fn draw(seed: u32, step: u32, stream: u32, site: u32, pre: u32, post: u32) -> u32 {
    let keys = [
        (step, 0x9e37_79b9),
        (stream, 0x85eb_ca6b),
        (site, 0xc2b2_ae35),
        (pre, 0x9e37_79b1),
        (post, 0x85eb_ca6b_u64),
    ];
    keys.into_iter().fold(seed, |state, (key, factor)| {
        mixed(state ^ (u64::from(key) * factor % (1 << 32)) as u32)
    })
}

/// S50: the mixer has these values.
#[test]
fn the_mixer_has_known_values() {
    // Worked out apart from this project with integers of unlimited size.
    for (x, y) in MIXED {
        assert_eq!(mix32(x), y, "mix32({x:#x})");
        assert_eq!(mixed(x), y, "the oracle at {x:#x}");
    }
}

/// S51: a draw mixes seed, step, stream, site, pre and post in this order.
#[test]
fn a_draw_has_known_values_and_depends_on_every_key() {
    for ((seed, step, stream, site, pre, post), y) in DRAWN {
        let found = KeyedDraws { seed }.draw(step, stream, site as u8, pre, post);
        assert_eq!(found, y, "{:?}", (seed, step, stream, site, pre, post));
        assert_eq!(draw(seed, step, stream, site, pre, post), y);
    }
}

type Key = (u32, u32, u8, u32, u32);

/// Answers from a list and writes down what it is asked.
#[derive(Default)]
struct Recorded {
    answers: BTreeMap<Key, u32>,
    otherwise: u32,
    asked: Mutex<BTreeSet<Key>>,
}

impl Recorded {
    fn always(bits: u32) -> Arc<Self> {
        Arc::new(Self { otherwise: bits, ..Self::default() })
    }
    fn asked(&self) -> BTreeSet<Key> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

impl Draw for Recorded {
    fn draw(&self, step: u32, stream: u32, site: u8, pre: u32, post: u32) -> u32 {
        let key = (step, stream, site, pre, post);
        self.asked.lock().expect("nobody panicked").insert(key);
        self.answers.get(&key).copied().unwrap_or(self.otherwise)
    }
}

/// So that one recorded sequence can serve two machines.
struct Shared(Arc<Recorded>);

impl Draw for Shared {
    fn draw(&self, step: u32, stream: u32, site: u8, pre: u32, post: u32) -> u32 {
        self.0.draw(step, stream, site, pre, post)
    }
}

/// Two pre lanes with a saturating trace, three post lanes with a linear one, a modulator of
/// three lines, and a rule of two rounded stores.
fn every_kind_of_draw() -> Subject {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 2);
    let out = s.lif("out", 3, 4, &crate::readings::relay(1.0));
    let linear = TraceSpec { keep: 0.5, impulse: 8.0, x_max: None, init: 101.0 };
    let saturating = TraceSpec { keep: 0.75, impulse: 0.25, x_max: Some(400.0), init: 101.0 };
    s.trace(input, "x1", (12, 0), &saturating);
    s.trace(out, "y1", (12, 0), &linear);
    let m = s.modulator("m", 3, 0, 0.5, 101.0);
    let own: [Own<'_>; 3] = [
        ("w", all(4.0), (-500.0, 500.0)),
        ("e", all(0.0), (-500.0, 500.0)),
        ("f", all(0.0), (-500.0, 500.0)),
    ];
    let ff = s.plastic("ff", (input, out), &dense(2, 3), &own, 0);
    s.fixed("feed", (input, m), &dense(2, 3), (all(1.0), 0), 0);
    // Halves are rounded when they are stored; w keeps its value and rounds nothing.
    s.rule(
        ff,
        "kernel r {
        in x1: pre
        in y1: post
        in m: post
        set e = (x1 + m) * 0.5
        set f = y1 * 0.5
    }\n",
    );
    s.build()
}

/// S52: draws are asked for by stream, site and logical ids.
#[test]
fn draws_are_asked_for_by_owner_site_and_logical_lane() {
    let subject = every_kind_of_draw();
    let mut run = subject.run();
    let (fixed, chip) = (Recorded::always(0), Recorded::always(0));
    run.fixed.replace_draws(Box::new(Shared(fixed.clone())));
    run.emulator.replace_draws(chip.clone());
    run.step(&[("in", &[0, 1])]);
    let stream = |over: &str, group: trifactor_ir::Group| {
        let space = subject.net.space(over).expect("it is there");
        let phases = subject.net.phases.values();
        let mut found = phases.filter(|p| p.over == space && p.group == group);
        found.next().expect("it has a phase").stream
    };
    use trifactor_ir::Group::{Modulators, Plasticity, Traces};
    let (x, y) = (stream("in", Traces), stream("out", Traces));
    let (m, r) = (stream("m", Modulators), stream("ff", Plasticity));
    let mut expected = BTreeSet::new();
    for lane in 0..3 {
        if lane < 2 {
            expected.extend([(1, x, 32, lane, 0), (1, x, 33, lane, 0)]);
        }
        expected.extend([(1, y, 32, lane, 0), (1, m, 32, lane, 0)]);
        for pre in 0..2 {
            expected.extend([(1, r, 0, pre, lane), (1, r, 1, pre, lane)]);
        }
    }
    assert_eq!(fixed.asked(), expected, "the fixed reading");
    assert_eq!(chip.asked(), expected, "the chip");
    let streams: BTreeSet<u32> = subject.net.phases.values().map(|p| p.stream).collect();
    assert_eq!(streams.len(), subject.net.phases.len(), "streams differ");
}

/// S51, S52: both readings compute the same keyed draws in every unit.
#[test]
fn keyed_draws_round_traces_modulators_and_stores() {
    let subject = every_kind_of_draw();
    let stream_of = |name: &str| {
        let state = subject.state(name);
        subject.net.phases[subject.net.setter(state).expect("it is set").0].stream
    };
    let (x, y, m) = (stream_of("in.x1"), stream_of("out.y1"), stream_of("m.m"));
    let r = stream_of("ff.e");
    for seed in [0, 0xdead_beef] {
        let mut run = subject.run();
        run.trial(seed);
        run.step(&[("in", &[0])]);
        // x1: 0.75 * 101 with 16 drawn bits, then a quarter of the room with 15 for lane 0.
        let pre = [0, 1].map(|lane| {
            let top = |site, n: u32| i64::from(draw(seed, 1, x, site, lane, 0) >> (32 - n));
            let kept = (101 * 49_152 + top(32, 16)) >> 16;
            let kick = (8192 * (400 - kept) + top(33, 15)) >> 15;
            if lane == 0 { kept + kick } else { kept }
        });
        assert_eq!(run.raw("in.x1"), pre);
        let half =
            |stream| [0, 1, 2].map(|lane| 50 + i64::from(draw(seed, 1, stream, 32, lane, 0) >> 31));
        let (post, line) = (half(y), half(m));
        assert_eq!(run.raw("out.y1"), post);
        assert_eq!(run.raw("m.m"), line);
        let stored = |site, pre: usize, post: usize, twice: i64| {
            (twice + i64::from(draw(seed, 1, r, site, pre as u32, post as u32) >> 31)) >> 1
        };
        let pairs = (0..6).map(|k| (k / 3, k % 3));
        let e: Vec<i64> = pairs.clone().map(|(i, j)| stored(0, i, j, pre[i] + line[j])).collect();
        let f: Vec<i64> = pairs.map(|(i, j)| stored(1, i, j, post[j])).collect();
        assert_eq!(run.raw("ff.e"), e, "seed {seed:#x}");
        assert_eq!(run.raw("ff.f"), f, "seed {seed:#x}");
    }
}

/// S52: the author's order gives the streams, and the image carries them.
#[test]
fn streams_follow_the_authors_order_and_stand_in_the_image() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = r#"(
        name: "two",
        inputs: { "b": (n: 1), "a": (n: 1) },
        populations: { "out": (n: 1, keep_u: 0.0, keep_v: 0.0, threshold: 1.0) },
        projections: {
            "z": (pre: "b", post: "out", connect: AllToAll, weights: 1.0),
            "y": (pre: "a", post: "out", connect: AllToAll, weights: 1.0),
        },
    )"#;
    std::fs::write(folder.path().join("model.ron"), text).expect("a model");
    let net = trifactor_model::load(folder.path()).unwrap_or_else(|e| panic!("{e}")).network;
    let stream =
        |name: &str| net.phases.values().find(|p| p.name == name).expect("it has a phase").stream;
    assert!(stream("z") < stream("y"), "{} {}", stream("z"), stream("y"));
    let subject = every_kind_of_draw();
    let core = &subject.image.cores[0];
    let of = |name: &str| {
        let state = subject.state(name);
        subject.net.phases[subject.net.setter(state).expect("it is set").0].stream
    };
    let columns: BTreeSet<u32> = core.columns.iter().map(|c| c.stream).collect();
    assert!(columns.contains(&of("in.x1")) && columns.contains(&of("out.y1")), "{columns:?}");
    assert_eq!(core.modulators[0].stream, of("m.m"));
    let profiles: BTreeSet<u32> = core.profiles.iter().map(|p| p.stream).collect();
    assert!(profiles.contains(&of("ff.e")), "{profiles:?}");
}

/// A trace of 101 that halves, on three lanes.
fn halving() -> Subject {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 3);
    let out = s.lif("out", 1, 4, &echo());
    let spec = TraceSpec { keep: 0.5, impulse: 1.0, x_max: None, init: 101.0 };
    s.trace(input, "x1", (12, 0), &spec);
    let own = [("w", all(0.0), (-9.0, 9.0)), ("e", each(&[0.0; 3]), (0.0, 500.0))];
    let ff = s.plastic("ff", (input, out), &dense(3, 1), &own, 0);
    s.rule(ff, "kernel r {\n in x1: pre\n set e = x1\n}\n");
    s.build()
}

/// S53: of a draw the highest bits are used, as many as are rounded off.
#[test]
fn rounding_uses_the_highest_bits_of_a_draw() {
    let subject = halving();
    assert_eq!(subject.plan.states[subject.state("in.x1")].rounding, Rounding::Stochastic);
    // 101 * 2^15 + r, over 2^16: r = 2^15 is the first that rounds up, and it is the highest bit
    // of the draw; the 16 lowest bits of a draw decide nothing.
    let draws = [(0, 50), (0x0000_ffff, 50), (0x7fff_ffff, 50), (0x8000_0000, 51), (u32::MAX, 51)];
    for (bits, expected) in draws {
        let mut run = subject.run();
        run.fixed.replace_draws(Box::new(Shared(Recorded::always(bits))));
        run.emulator.replace_draws(Recorded::always(bits));
        run.step(&[]);
        assert_eq!(run.raw("in.x1"), [expected; 3], "{bits:#x}");
        assert_eq!(run.raw("ff.e"), [expected; 3], "{bits:#x}");
    }
}

/// S54: a recorded sequence replaces the draws, lane by lane and step by step.
#[test]
fn a_recorded_sequence_answers_for_the_lane_and_step_it_was_recorded_for() {
    let subject = halving();
    let stream = subject.net.phases.values().find(|p| p.name == "in").expect("the trace").stream;
    let answers = BTreeMap::from([
        ((1, stream, 32, 1, 0), u32::MAX),
        ((2, stream, 32, 1, 0), u32::MAX),
        ((2, stream, 32, 2, 0), 0x4000_0000),
        ((3, stream, 32, 0, 0), u32::MAX),
    ]);
    let recorded = Arc::new(Recorded { answers, ..Recorded::default() });
    let mut run = subject.run();
    run.fixed.replace_draws(Box::new(Shared(recorded.clone())));
    run.emulator.replace_draws(recorded);
    // 101 goes down by halves; lane 1 is rounded up in steps 1 and 2, lane 0 in step 3.
    for expected in [[50, 51, 50], [25, 26, 25], [13, 13, 12]] {
        run.step(&[]);
        assert_eq!(run.raw("in.x1"), expected);
    }
    // A new trial draws with its own seed again.
    run.trial(7);
    run.step(&[]);
    let keyed = [0, 1, 2].map(|lane| 50 + i64::from(draw(7, 1, stream, 32, lane, 0) >> 31));
    assert_eq!(run.raw("in.x1"), keyed);
}

const MIXED: [(u32, u32); 6] = [
    (0, 0x0000_0000),
    (1, 0x6889_90c0),
    (2, 0xd113_2181),
    (0x8000_0000, 0xcc4b_4124),
    (0xdead_beef, 0xe628_c683),
    (0xffff_ffff, 0x6768_824a),
];

const DRAWN: [((u32, u32, u32, u32, u32, u32), u32); 8] = [
    ((0, 1, 0, 0, 0, 0), 0x0eaa_7511),
    ((7, 1, 3, 32, 5, 9), 0x06c6_787e),
    ((8, 1, 3, 32, 5, 9), 0xdef1_8a7a),
    ((7, 2, 3, 32, 5, 9), 0x3ae5_46b9),
    ((7, 1, 4, 32, 5, 9), 0xac6e_64b3),
    ((7, 1, 3, 33, 5, 9), 0x9eba_56d1),
    ((7, 1, 3, 32, 9, 5), 0x7bbf_dae8),
    ((0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 31, 1000000, 4095), 0xdf66_dfb2),
];
