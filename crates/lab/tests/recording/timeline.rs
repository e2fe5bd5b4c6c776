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

/// Where an arrow begins and ends: process, thread and tick.
type Ends = [(String, String, u64); 2];

/// Arrows by their numbers.
fn arrows(text: &str) -> BTreeMap<u64, Ends> {
    let value: Value = serde_json::from_str(text).expect("JSON");
    let events = value["traceEvents"].as_array().expect("events");
    let tick_ps = value["otherData"]["tick_ps"].as_u64().expect("a tick");
    let name = |kind: &str, event: &Value| {
        let same = |e: &&Value| {
            let ids = ["pid", "tid"];
            let ids = if kind == "process_name" { &ids[..1] } else { &ids[..] };
            e["ph"] == "M" && e["name"] == kind && ids.iter().all(|id| e[*id] == event[*id])
        };
        let found = events.iter().find(same).expect("a name");
        found["args"]["name"].as_str().expect("a name").to_owned()
    };
    let end = |event: &Value| {
        let ticks = event["ts"].as_f64().expect("a time") * 1e6 / tick_ps as f64;
        (name("process_name", event), name("thread_name", event), ticks.round() as u64)
    };
    let mut begun = BTreeMap::new();
    let mut all = BTreeMap::new();
    for event in events {
        let id = || event["id"].as_u64().expect("a number");
        match event["ph"].as_str().expect("a phase") {
            "s" => assert!(begun.insert(id(), end(event)).is_none(), "{event} begins twice"),
            "f" => {
                assert_eq!(event["bp"], "e", "{event}");
                let from = begun.remove(&id()).expect("an arrow has a beginning");
                all.insert(id(), [from, end(event)]);
            }
            _ => {}
        }
    }
    assert!(begun.is_empty(), "{begun:?}");
    all
}

/// Stretches by the names of process and thread, arrows left out. Panics where events of a track are not in order
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
        if ["s", "f"].contains(&phase) {
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
    timeline_with(case, steps, None)
}

fn timeline_with(case: &Case, steps: Steps, arrows: Option<u64>) -> String {
    let path = case.path("run.json");
    let request = Request {
        timeline: Some(path.clone()),
        timeline_steps: steps,
        timeline_arrows: arrows,
        ..Request::default()
    };
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
fn an_arrow_leads_from_each_message_that_leaves_a_core_to_its_arrival() {
    let case = Case::spread();
    let text = timeline_with(&case, ALL, Some(u64::MAX));
    let (tracks, all) = (read(&text), arrows(&text));
    // What leaves says for whom it is, what arrives on which axon; the two ends agree.
    let report: Report = case.follow(1, |_| {});
    assert_eq!(all.len() as u64, report.count(Cause::AxonOut), "one for each message of a core");
    assert!(all.len() > 20, "{}", all.len());
    let mut ends = [std::collections::BTreeSet::new(), std::collections::BTreeSet::new()];
    let mut links = 0;
    for [from, to] in all.values() {
        assert_eq!((from.1.as_str(), to.1.as_str()), ("output axon unit", "input axon unit"));
        let begun = |end: &(String, String, u64)| {
            let stretches = &tracks[&(end.0.clone(), end.1.clone())];
            let found = stretches.iter().find(|s| s.from == end.2);
            found.unwrap_or_else(|| panic!("nothing begins at {end:?}")).name.clone()
        };
        let receiver = to.0.split(',').next().expect("a core");
        assert_eq!(begun(from), format!("to {receiver}"));
        assert!(begun(to).starts_with("axon "));
        assert!(from.2 < to.2, "{from:?} {to:?}");
        links += usize::from(from.0 != to.0);
        assert!(ends[0].insert(from.clone()) && ends[1].insert(to.clone()), "{from:?} {to:?}");
    }
    assert!(links > 0);
    // The first ones stay where there are fewer.
    let three = timeline_with(&case, ALL, Some(3));
    assert_eq!(arrows(&three), all.into_iter().take(3).collect());
    assert_eq!(arrows(&timeline_with(&case, ALL, Some(0))).len(), 0);
    assert_eq!(read(&three).len(), tracks.len());
}

#[test]
fn what_has_no_arrow_is_counted() {
    let case = Case::spread();
    let path = case.path("few.json");
    let recorded = |arrows| {
        let request = Request {
            timeline: Some(path.clone()),
            timeline_steps: ALL,
            timeline_arrows: Some(arrows),
            ..Request::default()
        };
        let recording = Recording { request, trial: 1 };
        let options = RunOptions { trials: Some(2), ..RunOptions::default() };
        let ran = run_and_record(&case.model, &options, &recording, &Silent);
        ran.expect("a run").1.expect("a recording").arrows_left_out
    };
    let all = arrows(&timeline_with(&case, ALL, None)).len() as u64;
    assert_eq!((recorded(2), recorded(all)), (all - 2, 0));
}

#[test]
fn spikes_of_simulated_time_stand_where_their_neuron_was_served() {
    let case = Case::spread();
    let tracks = read(&timeline(&case, ALL));
    let path = case.path("spikes.fst");
    let request = Request {
        signals: Selector::parse_list("*.spikes").expect("selectors"),
        waves: vec![path.clone()],
        wave_chip_time: true,
        ..Request::default()
    };
    case.record(1, request);
    let wave = Read::open(&path);
    let steps: Vec<&Stretch> =
        tracks[&("chip".to_owned(), "steps".to_owned())].iter().filter(|s| s.depth == 0).collect();
    let spike_parts: Vec<&Stretch> = tracks[&("chip".to_owned(), "steps".to_owned())]
        .iter()
        .filter(|s| s.name == "spike part")
        .collect();
    let image = case.image();
    let (mut neurons, mut inputs, mut firsts) = (0, 0, 0);
    case.follow(1, |emulator| {
        let Some(at) = (emulator.step_number() as usize).checked_sub(1) else { return };
        let (chip, report) = (emulator.chip(), emulator.report());
        let preset = chip.cost.presets.iter().find(|p| p.name == report.preset);
        let cost = preset.expect("a preset").resolve(&chip.mesh).0;
        let (idle, active) = (cost.compartment_inactive.ticks, cost.compartment_active.ticks);
        let (whole, part) = (steps[at], spike_parts.iter().find(|p| p.from == steps[at].from));
        // Ticks of each core's spikes in the order of compartments, and who has messages.
        let mut served: BTreeMap<u32, Vec<(u32, u64)>> = BTreeMap::new();
        for (p, named) in image.map.populations.iter().enumerate() {
            for lane in 0..named.n {
                let fired = emulator.spikes(p).contains(&lane);
                let name = (format!("{}.spikes", named.name), lane.to_string());
                let up = |tick: u64| wave.value(&name, tick) == 1.0;
                if !fired {
                    let ticks = [whole.from, (whole.from + whole.to) / 2, whole.to - 1];
                    assert!(!ticks.into_iter().any(up), "{name:?}, step {}", at + 1);
                    continue;
                }
                if named.slices.is_empty() {
                    let end = part.map_or(whole.from + 1, |p| p.to);
                    let seen = up(whole.from) && up(end - 1) && !up(end);
                    assert!(seen, "{name:?}, step {}", at + 1);
                    inputs += 1;
                    continue;
                }
                // It goes up once, and down at the end of the step.
                let (mut down, mut rise) = (whole.from, whole.to - 1);
                assert!(!up(down) && up(rise) && !up(whole.to), "{name:?}, step {}", at + 1);
                while rise - down > 1 {
                    let middle = (down + rise) / 2;
                    *(if up(middle) { &mut rise } else { &mut down }) = middle;
                }
                let holds = |s: &&trifactor_image::Slice| {
                    (s.first_lane..s.first_lane + s.n).contains(&lane)
                };
                let slice = named.slices.iter().find(holds).expect("a slice");
                let compartment = slice.first_compartment + lane - slice.first_lane;
                served.entry(slice.core).or_default().push((compartment, rise));
                neurons += 1;
            }
        }
        for (core, mut spikes) in served {
            spikes.sort_unstable();
            assert!(spikes.windows(2).all(|w| w[0].1 < w[1].1), "in the order of addresses");
            let start = format!("core {core}, ");
            let during = |thread: &str| {
                let own = |(process, name): &&(String, String)| {
                    process.starts_with(&start) && name == thread
                };
                let track = tracks.keys().find(own).map(|track| &tracks[track]);
                let inside = |s: &&Stretch| whole.from <= s.from && s.to <= whole.to;
                track.into_iter().flatten().filter(inside).collect::<Vec<_>>()
            };
            let unit = during("compartment unit")[0];
            let stalls: u64 =
                during("compartment unit, stalled").iter().map(|s| s.to - s.from).sum();
            let held = image.cores.iter().find(|c| c.id == core).expect("a core");
            for (number, (compartment, rise)) in (1..).zip(&spikes) {
                // Between all compartments before it idle and all of them active.
                let before = u64::from(*compartment) + 1;
                let of = |each: u64| before * each + number * cost.spike_out.ticks;
                let (least, most) = (of(idle), of(active));
                let took = rise - unit.from;
                assert!(least <= took && took <= most + stalls, "{least} {took} {most} {stalls}");
            }
            // An idle output axon unit begins with the first spike at once (T9, T17).
            let sends = |c: u32| held.compartments[c as usize].n_out > 0;
            if let (Some((_, rise)), Some(first)) =
                (spikes.iter().find(|(c, _)| sends(*c)), during("output axon unit").first())
            {
                assert_eq!(first.from, *rise, "core {core}, step {}", at + 1);
                firsts += 1;
            }
        }
    });
    assert!(neurons > 50 && inputs > 20 && firsts > 20, "{neurons} {inputs} {firsts}");
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
