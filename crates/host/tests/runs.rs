//! Runs as a user makes them: the directory, resumption, threads, controls.

mod support;

use std::fs;
use support::{Kill, SETTINGS, files, model, options, start};
use trifactor_host::task::{CueAssociation, Part, Task};
use trifactor_host::{
    Episodes, Link, RunDirectory, RunOptions, Settings, TileRunner, Training, differentiable,
    evaluate, without_plasticity,
};
use trifactor_model::{Model, Params, load_with};

#[test]
fn a_run_that_was_killed_and_resumed_ends_with_the_same_bytes() {
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let straight = place.path().join("straight");
    assert!(start(&straight, &model, &options(false, 1), 0).expect("a run"));
    let expected = files(&straight);
    assert_eq!(expected.len(), 5);
    // Killed before the first checkpoint, between two, and right after one.
    for (name, kills) in [("early", vec![1]), ("between", vec![3]), ("often", vec![2, 5])] {
        let path = place.path().join(name);
        for kill in kills {
            assert!(!start(&path, &model, &options(true, 1), kill).expect("a run"));
        }
        assert_ne!(files(&path), expected);
        assert!(start(&path, &model, &options(true, 1), 0).expect("a run"));
        assert_eq!(files(&path), expected, "{name}");
    }
}

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let runs = [1, 2, 3].map(|threads| {
        let path = place.path().join(threads.to_string());
        start(&path, &model, &options(false, threads), 0).expect("a run");
        files(&path)
    });
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[0], runs[2]);
}

#[test]
fn a_directory_with_another_run_is_left_alone() {
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let path = place.path().join("run");
    start(&path, &model, &options(false, 1), 2).expect("a run");
    let before = files(&path);
    let again = start(&path, &model, &options(false, 1), 0).expect_err("not resumed");
    assert!(again.to_string().contains("--resume"), "{again}");
    let other = RunOptions { seed: 8, ..options(true, 1) };
    let refused = start(&path, &model, &other, 0).expect_err("another seed");
    assert!(refused.to_string().contains("belongs to a run with other settings"), "{refused}");
    assert_eq!(files(&path), before);
}

#[test]
fn parameters_of_a_run_are_read_by_the_model() {
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let path = place.path().join("run");
    start(&path, &model, &options(false, 1), 0).expect("a run");
    let params = Params::File(path.join("params.safetensors"));
    let trained = load_with(&model.folder, &params).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(trained.hash, model.hash);
    let w = |m: &Model| {
        let space = m.network.space("plastic").expect("a projection");
        let w = m.network.state(space, "w").expect("weights");
        m.network.states[w].init.clone()
    };
    assert_ne!(w(&trained), w(&model));
}

#[test]
fn gradients_agree_with_differences_of_the_loss_where_nothing_is_a_step() {
    // The read-out's weights act on the loss through no spike, so that their gradient is exact.
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let settings = Settings::parse(SETTINGS).expect("legal");
    let network = differentiable(&model.network).expect("a reverse");
    let task = settings.stages[1].tasks[0].build(".".as_ref()).expect("a task");
    let link = Link::new(&network, &settings.readout, task.as_ref()).expect("a link");
    assert_eq!(link.latency, 2);
    let space = network.space("hidden_readout").expect("a projection");
    let w = network.state(space, "w").expect("weights");
    let mut runner =
        TileRunner::new(&network, &link, &settings.rate_costs, &[w], (4, 9, 1)).expect("tapes");
    let episodes = Episodes { seed: 1, part: Part::Training, first: 0, count: 10 };
    let values: Vec<f64> = (0..20).map(|i| 0.2 * f64::from(i % 7) - 0.5).collect();
    runner.set(&[(w, values.clone())]).expect("weights");
    let gradient = runner.run(task.as_ref(), &link, episodes, true).gradients.remove(0);
    assert!(gradient.iter().any(|g| g.abs() > 1e-4), "{gradient:?}");
    for (lane, g) in gradient.iter().enumerate() {
        let mut loss = |x: f64| {
            let mut moved = values.clone();
            moved[lane] = x;
            runner.set(&[(w, moved)]).expect("weights");
            runner.run(task.as_ref(), &link, episodes, false).loss
        };
        let h = 0.02;
        let difference = (loss(values[lane] + h) - loss(values[lane] - h)) / (2.0 * h);
        assert!((difference - g).abs() < 1e-5 + 2e-3 * g.abs(), "{lane}: {g} {difference}");
    }
}

#[test]
fn the_answer_is_read_as_late_as_the_layers_make_it() {
    // With the read-out one step too early or late the loss is another one.
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let settings = Settings::parse(SETTINGS).expect("legal");
    let network = differentiable(&model.network).expect("a reverse");
    let task = CueAssociation { cues: 1, group: 2, ..CueAssociation::default() };
    let loss = |latency: Option<u64>| {
        let mut readout = settings.readout.clone();
        readout.latency = latency;
        let link = Link::new(&network, &readout, &task).expect("a link");
        let mut runner = TileRunner::new(&network, &link, &[], &[], (8, 32, 1)).expect("tapes");
        let episodes = Episodes { seed: 1, part: Part::Training, first: 0, count: 8 };
        runner.run(&task, &link, episodes, false).loss
    };
    assert_eq!(loss(None), loss(Some(2)));
    assert_ne!(loss(None), loss(Some(0)));
}

#[test]
fn without_plasticity_nothing_of_an_episode_can_be_remembered() {
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let settings = Settings::parse(SETTINGS).expect("legal");
    let network = without_plasticity(&model.network, &settings.rates).expect("legal");
    let task = CueAssociation { group: 2, ..CueAssociation::default() };
    let a = evaluate(&network, &settings.readout, &task, (1, 2000), 2, &mut |_| {}).expect("fits");
    assert!(a.low < 0.5 && a.high > 0.5, "{a:?}");
    let training = Training::new(&model.network, &settings, 1, 1, false).expect("a training");
    let eta = model.network.state(model.network.space("plastic").expect("it"), "eta").expect("it");
    assert!(training.averaged().iter().all(|(state, _)| *state != eta));
}

#[test]
fn a_task_that_does_not_fit_the_model_is_refused_with_the_numbers() {
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let settings = Settings::parse(SETTINGS).expect("legal");
    let task = CueAssociation::default();
    let error = Link::new(&model.network, &settings.readout, &task).expect_err("8 lanes");
    assert!(error.to_string().contains("8 lanes; the task drives 20"), "{error}");
    assert_eq!(task.window(), 1026..=1050);
}

#[test]
fn a_run_that_goes_on_begins_at_given_values_and_remembers_them() {
    let place = tempfile::tempdir().expect("a folder");
    let first = model(place.path());
    start(&place.path().join("first"), &first, &options(false, 1), 0).expect("a run");
    let params = Params::File(place.path().join("first/params.safetensors"));
    let trained = load_with(&first.folder, &params).unwrap_or_else(|e| panic!("{e}"));
    let mut settings = Settings::parse(SETTINGS).expect("legal").going_on();
    settings.updates = 2;
    // A step of no length: what comes out is what went in.
    settings.optimiser.rate = 1e-12;
    let path = place.path().join("second");
    let going_on = |resume| RunOptions { go_on: true, ..options(resume, 1) };
    let mut run = RunDirectory::open(&path, &trained, &settings, &going_on(false)).expect("a run");
    run.run(&trained, &mut Kill(0)).expect("it ends");
    let after = Params::File(path.join("params.safetensors"));
    let after = load_with(&first.folder, &after).unwrap_or_else(|e| panic!("{e}"));
    for (state, s) in trained.network.states.iter() {
        for lane in 0..trained.network.lanes(s.space) {
            let (a, b) = (s.init.at(lane), after.network.states[state].init.at(lane));
            assert!((a - b).abs() < 1e-8, "{}: {a} {b}", trained.network.full_name(state));
        }
    }
    RunDirectory::open(&path, &trained, &settings, &going_on(true)).expect("the same run");
    let other = RunDirectory::open(&path, &first, &settings, &going_on(true)).map(|_| ());
    assert!(other.expect_err("other values").to_string().contains("belongs to a run"));
}

#[test]
fn a_run_is_not_continued_with_other_recorded_episodes() {
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let write = |labels: [u8; 2]| {
        let array = |name: &str, shape: &str, values: &[u8]| {
            let mut head =
                format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}");
            head.push_str(&" ".repeat(63 - (10 + head.len()) % 64));
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((head.len() as u16 + 1).to_le_bytes());
            bytes.extend(head.as_bytes());
            bytes.push(b'\n');
            bytes.extend(values);
            fs::write(place.path().join(name), bytes).expect("a file");
        };
        array("sensors.npy", "2, 4, 8", &[1; 64]);
        array("signal.npy", "2, 4, 2", &[0; 16]);
        array("labels.npy", "2,", &labels);
    };
    let mut settings = Settings::parse(SETTINGS).expect("legal");
    settings.folder = place.path().to_owned();
    settings.evaluation = None;
    settings.stages.truncate(1);
    settings.stages[0].tasks = vec![
        ron::from_str(
            r#"Recorded((inputs: {"sensors": "sensors.npy", "signal": "signal.npy"}, labels: "labels.npy", classes: 2, window: (4, 4)))"#,
        )
        .expect("legal"),
    ];
    let path = place.path().join("run");
    let open =
        |resume| RunDirectory::open(&path, &model, &settings, &options(resume, 1)).map(|_| ());
    write([0, 1]);
    open(false).expect("a run");
    open(true).expect("the same run");
    write([1, 1]);
    assert!(open(true).expect_err("other labels").to_string().contains("belongs to a run"));
}
