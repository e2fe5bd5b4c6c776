//! The timeline and the waves of simulated time, checked against the report of the same trial.

use crate::seen::Case;
use crate::waves::Read;
use serde_json::Value;
use std::collections::BTreeMap;
use trifactor_emu::{Cause, Report};
use trifactor_lab::{LabError, Recording, RunOptions, Silent, run_and_record};
use trifactor_signals::name::Selector;
use trifactor_signals::timeline::Steps;
use trifactor_signals::{Request, SignalError};

/// A stretch of time on a track: name, first and last tick, how many stretches it lies in.
struct Stretch {
    name: String,
    from: u64,
    to: u64,
    depth: usize,
}

/// Stretches by the names of process and thread. Panics where events of a track are not in order
/// or not in pairs.
fn read(text: &str) -> BTreeMap<(String, String), Vec<Stretch>> {
    let value: Value = serde_json::from_str(text).expect("JSON");
    let events = value["traceEvents"].as_array().expect("events");
    let tick_ps = value["otherData"]["tick_ps"].as_u64().expect("a tick");
    let id = |event: &Value, key: &str| event[key].as_u64().expect("an id");
    let (mut processes, mut threads) = (BTreeMap::new(), BTreeMap::new());
    let mut open: BTreeMap<(u64, u64), Vec<(String, u64)>> = BTreeMap::new();
    let mut last: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    let mut all: BTreeMap<(u64, u64), Vec<Stretch>> = BTreeMap::new();
    for event in events {
        let pid = id(event, "pid");
        let phase = event["ph"].as_str().expect("a phase");
        if phase == "M" {
            let name = event["args"]["name"].as_str().map(str::to_owned);
            match event["name"].as_str().expect("a name") {
                "process_name" => drop(processes.insert(pid, name.expect("a name"))),
                "thread_name" => {
                    drop(threads.insert((pid, id(event, "tid")), name.expect("a name")))
                }
                _ => {}
            }
            continue;
        }
        let track = (pid, id(event, "tid"));
        let ticks = event["ts"].as_f64().expect("a time") * 1e6 / tick_ps as f64;
        assert!((ticks - ticks.round()).abs() < 1e-3, "{event} is at no whole tick");
        let at = ticks.round() as u64;
        let before = last.insert(track, at).unwrap_or(0);
        assert!(before <= at, "{event} follows what begins later");
        let open = open.entry(track).or_default();
        match phase {
            "B" => open.push((event["name"].as_str().expect("a name").to_owned(), at)),
            "E" => {
                let (name, from) = open.pop().expect("an end has a beginning");
                assert!(from < at, "{name} is empty");
                let depth = open.len();
                all.entry(track).or_default().push(Stretch { name, from, to: at, depth });
            }
            other => panic!("an event of the kind {other}"),
        }
    }
    assert!(open.values().all(Vec::is_empty), "a beginning has no end");
    let named = |track: (u64, u64)| (processes[&track.0].clone(), threads[&track].clone());
    all.into_iter().map(|(track, stretches)| (named(track), stretches)).collect()
}

fn timeline(case: &Case, steps: Steps) -> String {
    let path = case.path("run.json");
    let request =
        Request { timeline: Some(path.clone()), timeline_steps: steps, ..Request::default() };
    case.record(1, request);
    std::fs::read_to_string(path).expect("a timeline")
}

const ALL: Steps = Steps { first: 1, last: 1000 };

fn sum<'a>(stretches: impl IntoIterator<Item = &'a Stretch>) -> u64 {
    stretches.into_iter().map(|s| s.to - s.from).sum()
}

#[test]
fn tracks_do_not_overlap_and_add_up_to_the_report() {
    let case = Case::spread();
    let tracks = read(&timeline(&case, ALL));
    let report: Report = case.follow(1, |_| {});
    for ((process, thread), stretches) in &tracks {
        let deepest = if thread == "steps" { 1 } else { 0 };
        assert!(stretches.iter().all(|s| s.depth <= deepest), "{process}, {thread}");
    }
    let steps = &tracks[&("chip".to_owned(), "steps".to_owned())];
    let (parts, steps): (Vec<&Stretch>, Vec<&Stretch>) = steps.iter().partition(|s| s.depth == 1);
    assert_eq!(steps.len() as u64, report.steps);
    assert_eq!(sum(steps.iter().copied()), report.time_ticks);
    assert_eq!(sum(parts.iter().copied()), report.time_ticks);
    let barriers = parts.iter().filter(|s| s.name == "barrier");
    assert_eq!(sum(barriers.clone().copied()), report.of(Cause::Barrier).ticks);
    assert_eq!(barriers.count() as u64, report.count(Cause::Barrier));
    let unit = |name: &str| {
        let of = tracks.iter().filter(|((_, thread), _)| thread == name);
        of.flat_map(|(_, stretches)| stretches).collect::<Vec<_>>()
    };
    let ticks = |causes: &[Cause]| causes.iter().map(|c| report.of(*c).ticks).sum::<u64>();
    let compartments = [Cause::CompartmentInactive, Cause::CompartmentActive, Cause::SpikeOut];
    let stalled = sum(unit("compartment unit, stalled"));
    assert_eq!(sum(unit("compartment unit")), ticks(&compartments) + stalled);
    assert_eq!(unit("input axon unit").len() as u64, report.count(Cause::AxonIn));
    assert_eq!(unit("output axon unit").len() as u64, report.count(Cause::AxonOut));
    let update = unit("update part");
    let named = |part: &str| sum(update.iter().filter(|s| s.name.starts_with(part)).copied());
    assert_eq!(named("traces"), ticks(&[Cause::Trace]));
    assert_eq!(named("modulators"), ticks(&[Cause::Modulator]));
    let rules = report.lines.iter().filter(|l| l.rule.as_deref() == Some("ff"));
    assert_eq!(named("learn of ff"), rules.map(|l| l.cost.ticks).sum::<u64>());
    assert!(named("learn of ff") > 0 && sum(unit("synapse unit")) > 0);
    assert!(tracks.keys().any(|(process, thread)| process == "network" && thread.contains("link")));
}

#[test]
fn only_the_steps_asked_for_are_shown_at_their_own_time() {
    let case = Case::spread();
    let whole = read(&timeline(&case, ALL));
    let some = read(&timeline(&case, Steps { first: 4, last: 6 }));
    let steps = |tracks: &BTreeMap<(String, String), Vec<Stretch>>| {
        let all = tracks[&("chip".to_owned(), "steps".to_owned())].iter();
        let steps = all.filter(|s| s.depth == 0).map(|s| (s.name.clone(), s.from, s.to));
        steps.collect::<Vec<_>>()
    };
    assert_eq!(steps(&some), steps(&whole)[3..6]);
    let (first, last) = (steps(&some)[0].1, steps(&some)[2].2);
    for (track, stretches) in &some {
        assert!(stretches.iter().all(|s| first <= s.from && s.to <= last), "{track:?}");
        let shown = whole[track].iter().filter(|s| first <= s.from && s.to <= last);
        assert_eq!(shown.count(), stretches.len(), "{track:?}");
    }
}

#[test]
fn a_timeline_of_steps_that_do_not_come_is_refused() {
    let case = Case::spread();
    let request = Request {
        timeline: Some(case.path("late.json")),
        timeline_steps: Steps { first: 62, last: 70 },
        ..Request::default()
    };
    let recording = Recording { request, trial: 0 };
    let options = RunOptions { trials: Some(1), ..RunOptions::default() };
    let refused = run_and_record(&case.model, &options, &recording, &Silent);
    let refused = refused.expect_err("a trial has 61 steps");
    assert!(matches!(refused, LabError::Signals(SignalError::NoSuchStep { step: 62 })));
    assert!(!case.path("late.json").exists());
}

#[test]
fn waves_of_simulated_time_hold_states_at_the_end_of_steps_and_busy_flags_between() {
    let case = Case::spread();
    let path = case.path("chip.fst");
    let request = Request {
        signals: Selector::parse_list("chip.busy,hidden.v,chip.step").expect("selectors"),
        waves: vec![path.clone()],
        wave_chip_time: true,
        ..Request::default()
    };
    case.record(1, request);
    let tracks = read(&timeline(&case, ALL));
    let read = Read::open(&path);
    assert_eq!(read.unit_fs(), 100_000, "a tick is 100 ps");
    let steps: Vec<&Stretch> =
        tracks[&("chip".to_owned(), "steps".to_owned())].iter().filter(|s| s.depth == 0).collect();
    let mut history = Vec::new();
    let hidden = case.image().map.populations.iter().position(|p| p.name == "hidden");
    case.follow(1, |emulator| {
        let mut v = Vec::new();
        emulator.read_v(hidden.expect("hidden"), &mut v).expect("v");
        history.push(v);
    });
    for (step, shown) in steps.iter().enumerate() {
        for (lane, v) in history[step + 1].iter().enumerate() {
            let name = ("hidden.v".to_owned(), lane.to_string());
            assert_eq!(read.value(&name, shown.to), f64::from(*v));
            assert_eq!(read.value(&name, shown.to - 1), f64::from(history[step][lane]));
        }
        let name = ("chip.step".to_owned(), String::new());
        assert_eq!(read.value(&name, shown.to), (step + 1) as f64);
    }
    // A core is busy where one of its tracks shows something, and nowhere else.
    for core in &case.image().cores {
        let start = format!("core {}, ", core.id);
        let mut edges: Vec<(u64, i32)> = Vec::new();
        for ((process, _), stretches) in &tracks {
            if process.starts_with(&start) {
                edges.extend(stretches.iter().flat_map(|s| [(s.from, 1), (s.to, -1)]));
            }
        }
        edges.sort_unstable();
        assert!(!edges.is_empty());
        let name = ("chip.busy".to_owned(), core.id.to_string());
        let mut working = 0;
        for (k, (time, edge)) in edges.iter().enumerate() {
            working += edge;
            if edges.get(k + 1).is_none_or(|next| next.0 > *time) {
                let busy = f64::from(u8::from(working > 0));
                assert_eq!(read.value(&name, *time), busy, "core {}, tick {time}", core.id);
            }
        }
    }
}
