//! Trials: what a protocol expands to, and that a trial depends on nothing but its number.

use proptest::prelude::*;
use std::collections::BTreeSet;
use trifactor_ir::ResetGroup;
use trifactor_stimulus::{
    DataFolders, Dataset, DatasetSpec, Datasets, Encoder, ImageSet, Input, Part, PhaseStart,
    Pixels, Protocol, Trials,
};

/// 30 classes of 6 drawings of 2 x 2 pixels; the first pixel is on in every picture.
fn characters(rotations: bool, fit: Option<&BTreeSet<i64>>) -> Datasets {
    let n = 180;
    let pixels = (0..n).flat_map(|i| [255u8, (i % 256) as u8, 0, 0]).collect();
    let images = ImageSet::new(n, 2, 2, Pixels::U8(pixels)).unwrap();
    let ids: Vec<i64> = (0..n as i64).map(|i| i / 6 + 100).collect();
    let drawers: Vec<i64> = (0..n as i64).map(|i| i % 6 + 1).collect();
    let set = Dataset::new("c", images, &ids, Some(&drawers), fit, rotations, vec![]).unwrap();
    let mut datasets = Datasets::default();
    datasets.insert("characters", set);
    datasets
}

fn specs() -> Vec<(String, DatasetSpec)> {
    let spec = ron::from_str("Omniglot(images: \"i\", index: \"x\")").unwrap();
    vec![("characters".to_owned(), spec)]
}

fn inputs() -> Vec<Input> {
    let encoder = Some(Encoder::Rate { max_rate: 1.0, phase: PhaseStart::Zero });
    vec![
        Input { name: "retina".into(), n: 4, encoder },
        Input { name: "teacher".into(), n: 5, encoder: None },
    ]
}

const FEW_SHOT: &str = r#"(
    trials: Some(10),
    sampler: FewShot(data: "characters", ways: 5, shots: 2, queries: 1),
    phases: [
        (name: "show", for_each: Support, steps: 4, reset_before: [Membrane, Traces], present: [
            (input: "retina", what: Image),
            (input: "teacher", what: OneHot(from: Some(2), to: Some(3))),
        ]),
        (name: "rest", for_each: Support, steps: 3),
        (name: "ask", for_each: Query, steps: 5, present: [(input: "retina", what: Image)],
         readout: Some((population: "out", variable: "v", window: Some((2, 5)), score: ArgmaxEqualsSlot))),
    ],
)"#;

fn protocol(text: &str) -> Protocol {
    ron::from_str(text).unwrap()
}

#[test]
fn a_few_shot_trial_shows_each_class_rests_and_then_asks_about_each_once() {
    let (p, data, inputs) = (protocol(FEW_SHOT), characters(false, None), inputs());
    assert_eq!(p.faults(&inputs, &specs()), vec![]);
    let trials = Trials::new(&p, &inputs, &data, 7, Part::Test).unwrap();
    let trial = trials.trial(3);
    let phases: Vec<usize> = trial.segments.iter().map(|s| s.phase).collect();
    assert_eq!(phases, [[0, 1].repeat(10), vec![2; 5]].concat());
    assert_eq!(trial.steps, 10 * 7 + 25);
    assert_eq!(trial.segments[1].first_step, 5);
    assert_eq!(trial.segments[0].resets, [ResetGroup::Membrane, ResetGroup::Traces]);
    let slots = |phase| -> Vec<u32> {
        trial.segments.iter().filter(|s| s.phase == phase).map(|s| s.item.unwrap().slot).collect()
    };
    assert_eq!(slots(0), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
    let mut asked = slots(2);
    asked.sort_unstable();
    assert_eq!(asked, [0, 1, 2, 3, 4]);
    let first = &trial.segments[0];
    assert_eq!(first.spikes(1), vec![first.spikes(1)[0].clone(), vec![]]);
    assert!(first.spikes(1)[0].contains(&0));
    assert_eq!(first.spikes(2)[1], [0]);
    assert_eq!(first.spikes(4)[1], [0u32; 0]);
    assert_eq!(first.spikes(0), first.spikes(5));
}

#[test]
fn classes_and_drawers_are_distinct_and_evenly_drawn() {
    let (p, data, inputs) = (protocol(FEW_SHOT), characters(false, None), inputs());
    let trials = Trials::new(&p, &inputs, &data, 1, Part::All).unwrap();
    let set = data.get("characters").unwrap();
    let mut counts = [0f64; 30];
    let n = 3000;
    let mut first_asked = [0f64; 5];
    for k in 0..n {
        let trial = trials.trial(k);
        let items: Vec<_> =
            trial.segments.iter().filter(|s| s.phase != 1).map(|s| s.item.unwrap()).collect();
        let classes: BTreeSet<u32> = items.iter().map(|i| i.class).collect();
        let rows: BTreeSet<u32> = items.iter().map(|i| i.row).collect();
        assert_eq!((classes.len(), rows.len()), (5, 15));
        for item in &items {
            assert!(set.classes()[item.class as usize].drawings.iter().any(|d| d.row == item.row));
        }
        classes.iter().for_each(|c| counts[*c as usize] += 1.0);
        first_asked[items[10].slot as usize] += 1.0;
    }
    let e = f64::from(n) / 6.0;
    // The variance of one count is n p (1 - p) with p = 1/6; six of them is far in the tail.
    assert!(counts.iter().all(|c| (c - e).abs() < 6.0 * (e * 5.0 / 6.0).sqrt()), "{counts:?}");
    let e = f64::from(n) / 5.0;
    assert!(first_asked.iter().all(|c| (c - e).abs() < 5.0 * e.sqrt()), "{first_asked:?}");
}

#[test]
fn fit_and_test_classes_do_not_meet() {
    let fit: BTreeSet<i64> = (100..115).collect();
    let (p, inputs) = (protocol(FEW_SHOT), inputs());
    let data = characters(true, Some(&fit));
    for (part, is_fit) in [(Part::Fit, true), (Part::Test, false)] {
        let trials = Trials::new(&p, &inputs, &data, 1, part).unwrap();
        for k in 0..50 {
            for item in trials.trial(k).segments.iter().filter_map(|s| s.item) {
                let class = &data.get("characters").unwrap().classes()[item.class as usize];
                assert_eq!(fit.contains(&class.id), is_fit);
            }
        }
    }
    let few: BTreeSet<i64> = (100..103).collect();
    let data = characters(false, Some(&few));
    let faults = Trials::new(&p, &inputs, &data, 1, Part::Fit).unwrap_err();
    assert!(
        faults[0].message.contains("has 3 classes for fitting with 3 drawings each"),
        "{faults:?}"
    );
}

#[test]
fn a_sweep_moves_a_spike_and_knows_its_number_of_trials() {
    let p = protocol(
        r#"(sampler: Sweep(variable: "dt", from: -2, to: 2, step: 0.5), phases: [(name: "pair", steps: 20,
            present: [
                (input: "retina", what: SpikesAt(lane: 1, at: (base: 10))),
                (input: "retina", what: SpikesAt(lane: 2, at: (base: 10, coefficient: 2), every: Some((base: 2)), count: 2)),
                (input: "teacher", what: Spikes([(20, 4), (1, 0)])),
            ])])"#,
    );
    let (inputs, data) = (inputs(), Datasets::default());
    assert_eq!(p.faults(&inputs, &[]), vec![]);
    let trials = Trials::new(&p, &inputs, &data, 1, Part::Test).unwrap();
    assert_eq!(trials.default_count(), 9);
    let when = |k: u32, input: usize, lane: u32| -> Vec<u32> {
        let trial = trials.trial(k);
        (1..=20).filter(|s| trial.segments[0].spikes(*s)[input].contains(&lane)).collect()
    };
    assert_eq!(trials.trial(0).value, Some(-2.0));
    assert_eq!(when(0, 0, 2), [6, 8]);
    assert_eq!(when(8, 0, 2), [14, 16]);
    assert_eq!(when(9, 0, 2), [6, 8]);
    assert_eq!(when(4, 0, 1), [10]);
    assert_eq!((when(4, 1, 0), when(4, 1, 4)), (vec![1], vec![20]));
}

#[test]
fn a_sweep_over_a_frequency_sets_the_distance_of_spikes() {
    let p = protocol(
        r#"(sampler: Sweep(variable: "Hz", from: 100, to: 250, step: 150), phases: [(name: "train", steps: 20,
            present: [(input: "retina", what: SpikesAt(lane: 0, at: (base: 2), every: Some((inverse: 1000)), count: 2))])])"#,
    );
    let (inputs, data) = (inputs(), Datasets::default());
    assert_eq!(p.faults(&inputs, &[]), vec![]);
    let trials = Trials::new(&p, &inputs, &data, 1, Part::Test).unwrap();
    let when = |k: u32| -> Vec<u32> {
        let trial = trials.trial(k);
        (1..=20).filter(|s| !trial.segments[0].spikes(*s)[0].is_empty()).collect()
    };
    // 1000 / 100 and 1000 / 250 steps.
    assert_eq!((when(0), when(1)), (vec![2, 12], vec![2, 6]));
    let p = protocol(
        r#"(sampler: Sweep(variable: "Hz", from: 0, to: 100, step: 50), phases: [(name: "train", steps: 20,
            present: [(input: "retina", what: SpikesAt(lane: 0, at: (base: 2), every: Some((inverse: 1000)), count: 2))])])"#,
    );
    let faults = p.faults(&inputs, &[]);
    assert!(faults[0].message.contains("at the sweep's value 0"), "{faults:?}");
}

#[test]
fn arrays_are_shown_row_by_row() {
    let p = protocol(
        r#"(trials: Some(3), phases: [(name: "a", for_each: Repeat(2), steps: 2,
            present: [(input: "retina", what: Array(file: "x.npy"))])])"#,
    );
    let mut data = Datasets::default();
    let values = vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    data.insert_array("x.npy", trifactor_stimulus::NpyArray { shape: vec![2, 4], values });
    let inputs = inputs();
    let trials = Trials::new(&p, &inputs, &data, 1, Part::Test).unwrap();
    assert_eq!(trials.trial(0).segments.len(), 2);
    assert_eq!(trials.trial(0).segments[1].spikes(1)[0], [0]);
    assert_eq!(trials.trial(1).segments[0].spikes(2)[0], [3]);
    assert_eq!(trials.trial(2), {
        let mut t = trials.trial(0);
        t.number = 2;
        t.seed = trials.trial(2).seed;
        t
    });
    data.insert_array(
        "x.npy",
        trifactor_stimulus::NpyArray { shape: vec![3], values: vec![0.0; 3] },
    );
    let faults = Trials::new(&p, &inputs, &data, 1, Part::Test).unwrap_err();
    assert!(
        faults[0].message.contains("has 3 values, the input 'retina' has 4 lanes"),
        "{faults:?}"
    );
}

#[test]
fn random_spikes_change_from_step_to_step_segment_to_segment_and_trial_to_trial() {
    let p = protocol(
        r#"(phases: [(name: "a", for_each: Repeat(2), steps: 200, present: [
            (input: "retina", what: Poisson(rate: 0.5)),
            (input: "teacher", what: Poisson(rate: [0.0, 1.0, 0.5, 0.5, 0.1])),
        ])])"#,
    );
    let (inputs, data) = (inputs(), Datasets::default());
    let trials = Trials::new(&p, &inputs, &data, 1, Part::Test).unwrap();
    let pattern = |k: u32, s: usize, input: usize, lane: u32| -> Vec<bool> {
        let trial = trials.trial(k);
        (1..=200).map(|t| trial.segments[s].spikes(t)[input].contains(&lane)).collect()
    };
    let base = pattern(0, 0, 0, 0);
    assert!(base.iter().any(|f| *f) && base.iter().any(|f| !*f));
    for other in
        [pattern(1, 0, 0, 0), pattern(0, 1, 0, 0), pattern(0, 0, 0, 1), pattern(0, 0, 1, 2)]
    {
        assert_ne!(base, other);
    }
    assert_eq!(base, pattern(0, 0, 0, 0));
    assert_eq!(pattern(0, 0, 1, 0), vec![false; 200]);
    assert_eq!(pattern(0, 0, 1, 1), vec![true; 200]);
}

#[test]
fn labelled_items_use_the_position_of_their_class_as_slot() {
    let p = protocol(
        r#"(sampler: Items(support: ("characters", 40), queries: ("characters", 20)), phases: [
            (name: "learn", for_each: Support, steps: 2, present: [(input: "retina", what: Image)]),
            (name: "ask", for_each: Query, steps: 2, present: [(input: "retina", what: Image)]),
        ])"#,
    );
    let (inputs, data) = (inputs(), characters(false, None));
    assert_eq!(p.faults(&inputs, &specs()), vec![]);
    let trials = Trials::new(&p, &inputs, &data, 1, Part::Test).unwrap();
    let trial = trials.trial(0);
    let rows = |phase| -> BTreeSet<u32> {
        trial.segments.iter().filter(|s| s.phase == phase).map(|s| s.item.unwrap().row).collect()
    };
    assert_eq!((rows(0).len(), rows(1).len()), (40, 20));
    for item in trial.segments.iter().map(|s| s.item.unwrap()) {
        assert_eq!((item.slot, item.class), (item.row / 6, item.row / 6));
    }
}

#[test]
fn each_fault_of_a_protocol_is_found_with_its_key() {
    let cases = [
        ("(trials: Some(0), phases: [(name: \"a\", steps: 1)])", "protocol.trials", "0 trials"),
        ("(phases: [])", "protocol.phases", "0 phases"),
        ("(phases: [(name: \"a\", steps: 0)])", "protocol.phases[0].steps", "0 steps"),
        (
            "(phases: [(name: \"a\", steps: 1), (name: \"a\", steps: 1)])",
            "protocol.phases[1].name",
            "names two",
        ),
        (
            "(phases: [(name: \"a\", steps: 1, for_each: Query)])",
            "protocol.phases[0].for_each",
            "no items",
        ),
        (
            "(phases: [(name: \"a\", steps: 1, for_each: Repeat(0))])",
            "protocol.phases[0].for_each",
            "0 times",
        ),
        (
            "(phases: [(name: \"a\", steps: 4000000000, for_each: Repeat(4000000000))])",
            "protocol.phases",
            "at most",
        ),
        (
            "(sampler: FewShot(data: \"x\", ways: 2, shots: 1, queries: 1), phases: [(name: \"a\", steps: 1)])",
            "protocol.sampler",
            "no data set 'x'",
        ),
        (
            "(sampler: FewShot(data: \"characters\", ways: 0, shots: 1, queries: 1), phases: [(name: \"a\", steps: 1)])",
            "protocol.sampler",
            "ways is 0",
        ),
        (
            "(sampler: FewShot(data: \"characters\", ways: 9, shots: 1, queries: 1), phases: [(name: \"a\", steps: 1, for_each: Query, present: [(input: \"teacher\", what: OneHot())])])",
            "protocol.phases[0].present[0].what",
            "lane 8 of 'teacher'",
        ),
        (
            "(sampler: Sweep(variable: \"d\", from: 0, to: 5, step: -1), phases: [(name: \"a\", steps: 1)])",
            "protocol.sampler",
            "has no values",
        ),
        (
            "(sampler: Sweep(variable: \"d\", from: 0, to: 5, step: 0), phases: [(name: \"a\", steps: 1)])",
            "protocol.sampler",
            "has no values",
        ),
        (
            "(phases: [(name: \"a\", steps: 1, present: [(input: \"rtina\", what: Silence)])])",
            "protocol.phases[0].present[0].input",
            "no input 'rtina'",
        ),
        (
            "(phases: [(name: \"a\", steps: 1, present: [(input: \"retina\", what: Image)])])",
            "protocol.phases[0].present[0].what",
            "no item",
        ),
        (
            "(phases: [(name: \"a\", steps: 1, present: [(input: \"teacher\", what: Array(file: \"x\"))])])",
            "protocol.phases[0].present[0].what",
            "no encoder",
        ),
        (
            "(phases: [(name: \"a\", steps: 1, present: [(input: \"teacher\", what: Spikes([(2, 0)]))])])",
            "protocol.phases[0].present[0].what",
            "not inside 1 to 1",
        ),
        (
            "(phases: [(name: \"a\", steps: 1, present: [(input: \"teacher\", what: Spikes([(1, 5)]))])])",
            "protocol.phases[0].present[0].what",
            "lane 5",
        ),
        (
            "(phases: [(name: \"a\", steps: 9, present: [(input: \"teacher\", what: SpikesAt(lane: 0, at: (base: 1, coefficient: 1)))])])",
            "protocol.phases[0].present[0].what",
            "needs a sweep",
        ),
        (
            "(phases: [(name: \"a\", steps: 9, present: [(input: \"teacher\", what: SpikesAt(lane: 0, at: (base: 1), count: 2))])])",
            "protocol.phases[0].present[0].what",
            "without a distance",
        ),
        (
            "(phases: [(name: \"a\", steps: 9, present: [(input: \"teacher\", what: SpikesAt(lane: 0, at: (base: 1), every: Some((base: 5)), count: 3))])])",
            "protocol.phases[0].present[0].what",
            "to step 11",
        ),
        (
            "(phases: [(name: \"a\", steps: 9, present: [(input: \"teacher\", what: Poisson(rate: 1.5))])])",
            "protocol.phases[0].present[0].what",
            "1.5 is not a probability",
        ),
        (
            "(phases: [(name: \"a\", steps: 9, present: [(input: \"teacher\", what: Poisson(rate: [0.5]))])])",
            "protocol.phases[0].present[0].what",
            "1 probabilities for 5 lanes",
        ),
        (
            "(phases: [(name: \"a\", steps: 9, readout: Some((population: \"o\", variable: \"v\", window: Some((0, 3)))))])",
            "protocol.phases[0].readout.window",
            "not inside",
        ),
        (
            "(phases: [(name: \"a\", steps: 9, readout: Some((population: \"o\", variable: \"v\", score: ArgmaxEqualsSlot)))])",
            "protocol.phases[0].readout.score",
            "no item",
        ),
    ];
    for (text, key, message) in cases {
        let faults = protocol(text).faults(&inputs(), &specs());
        assert!(
            faults.iter().any(|f| f.key == key && f.message.contains(message)),
            "{text}\nexpected {key}: {message}\ngot {faults:?}"
        );
    }
}

#[test]
fn files_are_found_in_the_model_folder_then_the_shared_one_and_a_replacement_is_for_testing() {
    let write = |dir: &std::path::Path, ids: [u8; 2]| {
        std::fs::create_dir_all(dir.join("d")).unwrap();
        let images = [vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2], vec![255; 8]].concat();
        let index =
            [vec![0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 4], vec![ids[0], 0, 1, 1, ids[1], 0, 1, 1]]
                .concat();
        for base in [dir.join("d"), dir.to_owned()] {
            std::fs::write(base.join("i.idx"), &images).unwrap();
            std::fs::write(base.join("x.idx"), &index).unwrap();
            std::fs::write(base.join("split.txt"), "10 # fitting\n").unwrap();
        }
    };
    let [model, shared, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    write(shared.path(), [10, 11]);
    write(other.path(), [10, 12]);
    let spec: DatasetSpec = ron::from_str(
        "Omniglot(images: \"d/i.idx\", index: \"d/x.idx\", split: Some(\"d/split.txt\"))",
    )
    .unwrap();
    let specs = vec![("characters".to_owned(), spec)];
    let p = protocol(FEW_SHOT);
    let mut folders =
        DataFolders { model: model.path().to_owned(), shared: None, replacement: None };
    assert!(Datasets::load(&specs, &p, &folders).is_err());
    folders.shared = Some(shared.path().to_owned());
    let loaded = Datasets::load(&specs, &p, &folders).unwrap();
    let parts = |d: &Datasets| -> Vec<(i64, bool, bool)> {
        d.get("characters").unwrap().classes().iter().map(|c| (c.id, c.fit, c.test)).collect()
    };
    assert_eq!(parts(&loaded), [(10, true, false), (11, false, true)]);
    write(model.path(), [20, 21]);
    assert_eq!(parts(&Datasets::load(&specs, &p, &folders).unwrap())[0], (20, false, true));
    folders.replacement = Some(other.path().to_owned());
    assert_eq!(
        parts(&Datasets::load(&specs, &p, &folders).unwrap()),
        [(10, false, true), (12, false, true)]
    );
    let outside: DatasetSpec =
        ron::from_str("Omniglot(images: \"../i.idx\", index: \"x\")").unwrap();
    let error = Datasets::load(&[("characters".to_owned(), outside)], &p, &folders).unwrap_err();
    assert!(error.to_string().contains("leaves the folder"), "{error}");
}

proptest! {
    #[test]
    fn a_trial_depends_on_its_seed_and_number_alone(seed in any::<u32>(), k in 0u32..1000, others in proptest::collection::vec(0u32..1000, 0..4)) {
        let (p, data, inputs) = (protocol(FEW_SHOT), characters(true, None), inputs());
        let a = Trials::new(&p, &inputs, &data, seed, Part::Test).unwrap();
        let b = Trials::new(&p, &inputs, &data, seed, Part::Test).unwrap();
        for other in others { let _ = a.trial(other); }
        prop_assert_eq!(a.trial(k), b.trial(k));
        prop_assert_ne!(a.trial(k).seed, a.trial(k + 1).seed);
    }
}
