//! The float reading in the number formats of a chip: what it rounds, and how close it then is to
//! the chip's integers.

// What was measured is worth seeing.
#![allow(clippy::print_stderr)]

mod support;

use std::path::Path;
use support::{Kill, SETTINGS, files, model, options};
use trifactor_fixed::{QFormat, mix32};
use trifactor_host::RunOptions;
use trifactor_host::task::{Part, Task};
use trifactor_host::{
    BatchResult, Episodes, Formats, Link, Measurement, RunDirectory, Settings, TileRunner, Tuning,
    bits_rows, bits_table, calibrate, differentiable, evaluate,
};
use trifactor_ir::{CheckedNetwork, StateId, StateRole, fold_shared};
use trifactor_isa::Chip;
use trifactor_model::{Model, Params, load_with};
use trifactor_quant::{Plan, Requests, StateFormat, plan};
use trifactor_reference::FixedMachine;
use trifactor_reference::float::{FloatMachine, InputSpikes, Tape, TapeOptions};

struct Fixture {
    _place: tempfile::TempDir,
    model: Model,
    network: CheckedNetwork,
    settings: Settings,
    chip: Chip,
    plan: Plan,
    task: Box<dyn Task>,
    link: Link,
}

fn fixture() -> Fixture {
    let place = tempfile::tempdir().expect("a folder");
    let model = model(place.path());
    let settings = Settings::parse(SETTINGS).expect("legal");
    let network = differentiable(&model.network).expect("a reverse");
    let chip = Chip::builtin("superset").expect("built in");
    let (plan, _) = plan(&model.network, &chip, &Requests::new()).unwrap_or_else(|e| panic!("{e}"));
    let task = settings.stages[1].tasks[1].build(".".as_ref()).expect("a task");
    let link = Link::new(&network, &settings.readout, task.as_ref()).expect("a link");
    Fixture { _place: place, model, network, settings, chip, plan, task, link }
}

fn state(network: &CheckedNetwork, space: &str, name: &str) -> StateId {
    let space = network.space(space).expect("a space");
    network.state(space, name).expect("a state")
}

impl Fixture {
    /// Runs 8 training episodes, backwards too.
    fn run(&self, formats: Option<Formats>, (width, segment): (usize, usize)) -> BatchResult {
        let network = match &formats {
            Some(f) => f.open_at_zero(&self.network).expect("legal"),
            None => self.network.clone(),
        };
        let wrt = [state(&network, "plastic", "w"), state(&network, "plastic", "eta")];
        let costs = &self.settings.rate_costs;
        let sizes = (width, segment, 1);
        let mut runner = TileRunner::new(&network, &self.link, costs, &wrt, sizes).expect("tapes");
        runner.hold_in(&network, formats).expect("values");
        let episodes = Episodes { seed: 1, part: Part::Training, first: 0, count: 8 };
        runner.run(self.task.as_ref(), &self.link, episodes, true)
    }

    fn planned(&self) -> Formats {
        Formats::planned(&self.network, &self.plan)
    }
}

#[test]
fn the_reverse_run_meets_the_values_of_the_forward_run() {
    // A segment is executed twice; with other draws the second time the gradient would depend on
    // where segments begin.
    let f = fixture();
    let expected = f.run(Some(f.planned()), (4, 9));
    let size = |r: &BatchResult| r.gradients.iter().flatten().fold(0f64, |m, g| m.max(g.abs()));
    assert!(size(&expected) > 1e-4, "{:?}", expected.gradients);
    for segment in [1, 14, 1000] {
        let other = f.run(Some(f.planned()), (4, segment));
        assert_eq!(other.gradients, expected.gradients, "{segment}");
        assert_eq!(other.logits, expected.logits, "{segment}");
    }
    // Draws belong to episodes, not to their place in a tile.
    assert_eq!(f.run(Some(f.planned()), (8, 9)).logits, expected.logits);
    assert_ne!(f.run(None, (4, 9)).logits, expected.logits);
}

#[test]
fn formats_finer_than_a_float_change_nothing() {
    let f = fixture();
    let fine = |id: StateId| {
        let now = f.plan.states[id];
        let decay = matches!(now.encoding, trifactor_quant::Encoding::Decay { .. });
        let q = if decay { QFormat::unsigned(31, 30) } else { QFormat::signed(60, 34) };
        Some(StateFormat { q, raw: q.raw_range(), ..now })
    };
    let rounded = f.run(Some(Formats::some(&f.network, &f.plan, fine)), (4, 9));
    let plain = f.run(None, (4, 9));
    for (a, b) in rounded.logits.iter().flatten().zip(plain.logits.iter().flatten()) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    let scale = plain.gradients.iter().flatten().fold(0f64, |m, g| m.max(g.abs()));
    for (a, b) in rounded.gradients.iter().flatten().zip(plain.gradients.iter().flatten()) {
        assert!((a - b).abs() < 1e-3 * scale, "{a} {b}");
    }
}

/// Mean distance of a state from the fixed reading over all steps, lanes and episodes, for the
/// tape held in the formats and for the plain one.
fn distances(f: &Fixture, watched: &[StateId]) -> Vec<(f64, f64)> {
    let episodes = 8u32;
    let steps = f.task.steps() + f.link.latency;
    let seed = |k: u32| mix32(1u32.wrapping_add(k.wrapping_mul(0x9e37_79b9)));
    let seeds: Vec<u32> = (0..episodes).map(seed).collect();
    // Spikes of every episode, [step][port] lists.
    let ports = f.task.ports();
    let mut spikes = vec![vec![vec![Vec::new(); ports.len()]; steps as usize + 1]; 8];
    for (e, spikes) in spikes.iter_mut().enumerate() {
        f.task.episode(1, Part::Evaluation, e as u32, &mut |step, port, lane| {
            spikes[step as usize][port].push(lane as u32);
        });
    }
    // [episode][step][watched][lane]
    let mut exact: Vec<Vec<Vec<Vec<f64>>>> = Vec::new();
    for (e, seed) in seeds.iter().enumerate() {
        let mut machine = FixedMachine::new(&f.model.network, &f.plan);
        machine.restart(*seed);
        let mut values = Vec::new();
        for of_step in &spikes[e][1..] {
            let inputs: Vec<_> =
                f.link.ports.iter().map(|(s, port)| (*s, of_step[*port].as_slice())).collect();
            machine.step(&inputs);
            values.push(watched.iter().map(|s| machine.values(*s)).collect());
        }
        exact.push(values);
    }
    let run = |formats: Option<Formats>| -> Vec<f64> {
        let options = TapeOptions { episodes: 8, segment: 1000, wrt: &[], observed: &[] };
        let mut tape: Tape<f32> = Tape::new(&f.network, &options).expect("a tape");
        if let Some(formats) = &formats {
            tape.set_rounding(Some(formats.written()));
            tape.set_draw_seeds(&seeds);
            for (id, s) in f.network.states.iter() {
                if matches!(s.role, StateRole::Parameter | StateRole::Variable) {
                    let lanes = f.network.lanes(s.space);
                    let values: Vec<f64> = (0..lanes).map(|l| s.init.at(l)).collect();
                    tape.set_state(id, &formats.hold(id, &values)).expect("it fits");
                }
            }
        }
        let mut sums = vec![0.0; watched.len()];
        tape.forward(
            steps,
            &mut |step, space, out| {
                out.fill(0.0);
                let port = f.link.ports.iter().find(|(s, _)| *s == space).expect("a port").1;
                for (e, spikes) in spikes.iter().enumerate() {
                    for lane in &spikes[step as usize][port] {
                        out[*lane as usize * 8 + e] = 1.0;
                    }
                }
            },
            &mut |step, view| {
                for (at, (sum, id)) in sums.iter_mut().zip(watched).enumerate() {
                    for (lane, row) in view.state(*id).chunks_exact(8).enumerate() {
                        for (e, x) in row.iter().enumerate() {
                            *sum += (f64::from(*x) - exact[e][step as usize - 1][at][lane]).abs();
                        }
                    }
                }
            },
        );
        let count =
            |id: StateId| (8 * steps) as f64 * f.network.lanes(f.network.states[id].space) as f64;
        sums.iter().zip(watched).map(|(sum, id)| sum / count(*id)).collect()
    };
    run(Some(f.planned())).into_iter().zip(run(None)).collect()
}

#[test]
fn a_machine_that_is_stepped_rounds_as_a_tape_does() {
    let f = fixture();
    let seeds: Vec<u32> = (0..8).map(|k| 77 * k + 5).collect();
    let formats = f.planned();
    let values: Vec<(StateId, Vec<f64>)> = f
        .network
        .states
        .iter()
        .filter(|(_, s)| matches!(s.role, StateRole::Parameter | StateRole::Variable))
        .map(|(id, s)| (id, (0..f.network.lanes(s.space)).map(|l| s.init.at(l)).collect()))
        .map(|(id, v): (StateId, Vec<f64>)| (id, formats.hold(id, &v)))
        .collect();
    let options = TapeOptions { episodes: 8, segment: 1000, wrt: &[], observed: &[] };
    let mut tape: Tape<f32> = Tape::new(&f.network, &options).expect("a tape");
    tape.set_rounding(Some(formats.written()));
    tape.set_draw_seeds(&seeds);
    let mut machine: FloatMachine<f32> = FloatMachine::new(&f.network, 8);
    machine.set_rounding(Some(formats.written()));
    machine.set_draw_seeds(&seeds);
    for (id, list) in &values {
        tape.set_state(*id, list).expect("it fits");
        machine.set_state(*id, list).expect("it fits");
    }
    machine.restart();
    let fires = |step: u64, port: usize, lane: usize, episode: usize| {
        (step as usize * 7 + lane * 5 + episode * 3 + port).is_multiple_of(4)
    };
    let watched = [state(&f.network, "plastic", "w"), state(&f.network, "hidden", "v")];
    let mut seen = Vec::new();
    tape.forward(
        30,
        &mut |step, space, out| {
            let port = f.link.ports.iter().find(|(s, _)| *s == space).expect("a port").1;
            for (at, x) in out.iter_mut().enumerate() {
                *x = f32::from(u8::from(fires(step, port, at / 8, at % 8)));
            }
        },
        &mut |_, view| seen.push(watched.map(|id| view.state(id).to_vec())),
    );
    for (step, expected) in (1..).zip(&seen) {
        let mut lists = Vec::new();
        for (space, port) in &f.link.ports {
            for episode in 0..8 {
                let lanes: Vec<u32> = (0..f.network.lanes(*space))
                    .filter(|lane| fires(step, *port, *lane, episode))
                    .map(|lane| lane as u32)
                    .collect();
                lists.push((*space, episode, lanes));
            }
        }
        let inputs: Vec<InputSpikes<'_>> = lists
            .iter()
            .map(|(space, episode, lanes)| InputSpikes { space: *space, episode: *episode, lanes })
            .collect();
        machine.step(&inputs).expect("the lists fit");
        for (id, values) in watched.iter().zip(expected) {
            assert_eq!(machine.state(*id), values, "step {step}, {}", f.network.full_name(*id));
        }
    }
    let (first, last) = (&seen[0][0], &seen[seen.len() - 1][0]);
    assert_ne!(first, last, "the rule has changed no weight");
}

#[test]
fn formats_of_some_states_leave_the_others_alone() {
    let f = fixture();
    let w = state(&f.network, "plastic", "w");
    let (all, only, without) = (f.planned(), f.planned().only(w), f.planned().without(w));
    assert_eq!(only.held().collect::<Vec<_>>(), [w]);
    assert_eq!(without.held().count() + 1, all.held().count());
    let value = [0.123_456];
    assert_eq!(only.hold(w, &value), all.hold(w, &value));
    assert_eq!(without.hold(w, &value), value);
    assert!(only.written()[w].is_some() && without.written()[w].is_none());
}

#[test]
fn held_in_its_formats_the_float_reading_follows_the_fixed_one() {
    let f = fixture();
    let names = [("plastic", "w"), ("hidden", "v"), ("readout", "v"), ("m", "m")];
    let watched = names.map(|(space, name)| {
        let id = f.network.states.ids().find(|id| {
            let s = &f.network.states[*id];
            f.network.spaces[s.space].name == space && s.name == name
        });
        id.unwrap_or_else(|| panic!("no {space}.{name}"))
    });
    for ((space, name), (held, plain)) in names.iter().zip(distances(&f, &watched)) {
        eprintln!("{space}.{name}: {held:.3e} held in formats, {plain:.3e} plain");
        assert!(held < 0.2 * plain, "{space}.{name}: {held} {plain}");
    }
}

#[test]
fn a_calibration_proposes_formats_that_the_plan_accepts_and_the_states_need() {
    let f = fixture();
    let requests = Requests::new();
    let chosen = (&f.plan, &f.chip, &requests);
    let run = |threads: usize| {
        let how = Measurement { seed: 1, episodes: 40, threads };
        let mut last = 0;
        let found = calibrate(&f.model.network, &f.settings, chosen, how, &mut |n| last = n);
        assert_eq!(last, 40);
        found.expect("it fits")
    };
    let found = run(1);
    assert_eq!(found, run(2));
    let of = |name: &str| found.states.iter().find(|s| s.name == name).expect(name);
    for s in &found.states {
        assert!(s.low <= s.high && s.usual <= s.high.max(-s.low) * 1.126, "{s:?}");
        let (low, high) = s.proposed.range();
        assert!(s.low >= low - 1e-9 && s.high <= high + s.proposed.lsb(), "{s:?}");
        assert_eq!(s.proposed.bits, s.now.bits, "{s:?}");
    }
    // Modulators are declared up to 8 and stay far below it here.
    let m = of("m.m");
    assert!(m.high < 2.0 && m.proposed.frac > m.now.frac, "{m:?}");
    assert!(found.formats.iter().any(|line| line.contains("\"m.m\"")), "{:?}", found.formats);
    assert!(found.ranges.iter().any(|(name, (_, high))| name == "m.m" && *high < 8.0));
}

#[test]
fn the_table_of_bits_compares_the_same_episodes() {
    let f = fixture();
    let how = Measurement { seed: 3, episodes: 48, threads: 2 };
    let mut rows = 0;
    let table = bits_table(&f.model.network, &f.settings, &f.plan, how, &mut |n| rows = n);
    let table = table.expect("it fits");
    assert_eq!(rows, bits_rows(&f.model.network, &f.plan));
    let task =
        f.settings.evaluation.as_ref().expect("one").task.build(".".as_ref()).expect("a task");
    let readout = &f.settings.readout;
    let float = evaluate(&f.model.network, readout, task.as_ref(), (3, 48), 1, &mut |_| {});
    assert_eq!(table.float, float.expect("it fits"));
    assert_eq!(table.planned.len(), 2);
    for row in table.rows.iter().chain(&table.planned) {
        assert!((row.accuracy.mean - table.float.mean - row.difference).abs() < 1e-9, "{row:?}");
    }
    // 16 bits of full scale are close to floating point for every group.
    for row in table.rows.iter().filter(|r| r.bits == Some(16)) {
        assert!(row.difference.abs() < 0.15, "{row:?}");
    }
    let how = Measurement { threads: 1, ..how };
    let again = bits_table(&f.model.network, &f.settings, &f.plan, how, &mut |_| {});
    assert_eq!(again.expect("it fits"), table);
}

fn going_on(resume: bool, threads: usize) -> RunOptions {
    RunOptions { go_on: true, ..options(resume, threads) }
}

fn tune(f: &Fixture, path: &Path, (resume, threads, kill): (bool, usize, u64)) {
    let mut settings = f.settings.for_tuning();
    settings.updates = 5;
    let tuning =
        Tuning { chip: "superset", plan: &f.plan, plan_hash: f.plan.hash(&f.model.network) };
    let options = going_on(resume, threads);
    let mut run = RunDirectory::open_tuning(path, &f.model, &settings, &options, tuning)
        .unwrap_or_else(|e| panic!("{e}"));
    run.run(&f.model, &mut Kill(kill)).expect("a run");
}

#[test]
fn a_fine_tuning_ends_with_the_same_bytes_whatever_happens_on_the_way() {
    let f = fixture();
    let place = tempfile::tempdir().expect("a folder");
    let straight = place.path().join("straight");
    tune(&f, &straight, (false, 1, 0));
    let expected = files(&straight);
    assert_eq!(expected.len(), 5);
    for (name, threads, kills) in [("threads", 3, vec![]), ("killed", 2, vec![1, 3])] {
        let path = place.path().join(name);
        for kill in kills {
            tune(&f, &path, (true, threads, kill));
        }
        tune(&f, &path, (true, threads, 0));
        assert_eq!(files(&path), expected, "{name}");
    }
    // It begins at the model's values, and a plan of the result resolves at least as much.
    let params = Params::File(straight.join("params.safetensors"));
    let tuned = load_with(&f.model.folder, &params).unwrap_or_else(|e| panic!("{e}"));
    let (after, _) =
        plan(&tuned.network, &f.chip, &Requests::new()).unwrap_or_else(|e| panic!("{e}"));
    for (id, format) in f.plan.states.iter() {
        let s = &f.network.states[id];
        if f.network.synapses(s.space).is_some() && s.role == StateRole::Parameter {
            assert!(after.states[id].q.frac >= format.q.frac, "{}", f.network.full_name(id));
        }
    }
    // Only other values to start from make it another run.
    let open = |model: &Model| {
        let mut settings = f.settings.for_tuning();
        settings.updates = 5;
        let tuning =
            Tuning { chip: "superset", plan: &f.plan, plan_hash: f.plan.hash(&f.model.network) };
        RunDirectory::open_tuning(&straight, model, &settings, &going_on(true, 1), tuning)
            .map(|_| ())
    };
    open(&f.model).expect("the same run");
    let refused = open(&tuned).expect_err("other values").to_string();
    assert!(refused.contains("belongs to a run"), "{refused}");
}

#[test]
fn a_parameter_that_becomes_a_constant_of_the_rule_is_not_stored_in_few_bits() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware-models/cue-association");
    let model = load_with(&folder, &Params::Initial).unwrap_or_else(|e| panic!("{e}"));
    let chip = Chip::builtin("superset").expect("built in");
    let (plan, _) = plan(&fold_shared(&model.network), &chip, &Requests::new())
        .unwrap_or_else(|e| panic!("{e}"));
    let formats = Formats::planned(&model.network, &plan);
    let held = |name| formats.hold(state(&model.network, "plastic", name), &[0.998_7])[0];
    assert_eq!(held("gamma_plus"), 0.998_7);
    assert_eq!(held("theta_plus"), 0.998_7);
    // Rates stand in every synapse.
    assert_ne!(held("eta_plus"), 0.998_7);
}
