//! Tables, read back by the reader of data files, by hand and by NumPy.

use crate::seen::{Case, Name, everything, states};
use std::collections::BTreeMap;
use std::process::Command;
use trifactor_emu::{Cause, Emulator, Options};
use trifactor_lab::{LabError, Recording, RunOptions, Silent, run_and_record};
use trifactor_signals::table::Content;
use trifactor_signals::{Recorder, Request, SignalError};
use trifactor_stimulus::read_npy;

fn request(case: &Case, tables: &[(&str, &str)], raw: bool) -> Request {
    let table =
        |(what, file): &(&str, &str)| (Content::parse(what).expect("a table"), case.path(file));
    let tables = tables.iter().map(table).collect();
    Request { tables, table_raw: raw, ..Request::default() }
}

/// Header and rows of a CSV file without quotation marks.
fn csv(case: &Case, file: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::fs::read_to_string(case.path(file)).expect("a table");
    assert!(text.ends_with('\n') && !text.contains('"'));
    let mut lines = text.lines().map(|l| l.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    let rows: Vec<Vec<String>> = lines.collect();
    assert!(rows.iter().all(|r| r.len() == header.len()));
    (header, rows)
}

/// A structured array, taken apart by its header: for each row its fields as text.
fn records(case: &Case, file: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let bytes = std::fs::read(case.path(file)).expect("an array");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + length]).expect("text");
    let list = header.split_once("'descr': [").expect("fields").1.split_once(']').expect("end").0;
    let words: Vec<&str> = list.split('\'').skip(1).step_by(2).collect();
    let fields: Vec<(&str, &str)> = words.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    let width = |kind: &str| kind[2..].parse::<usize>().expect("a width");
    let record: usize = fields.iter().map(|(_, kind)| width(kind)).sum();
    let body = &bytes[10 + length..];
    assert_eq!(body.len() % record, 0);
    let shape = header.split_once("'shape': (").expect("a shape").1;
    let rows: usize = shape.split_once(',').expect("one number").0.trim().parse().expect("rows");
    assert_eq!(rows, body.len() / record);
    let cell = |kind: &str, bytes: &[u8]| -> String {
        let natural = bytes.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
        match kind {
            "<u4" | "<u8" => natural.to_string(),
            "<i8" => (natural as i64).to_string(),
            _ => {
                let text = std::str::from_utf8(bytes).expect("text");
                text.trim_end_matches('\0').to_owned()
            }
        }
    };
    let read = |mut row: &[u8]| {
        let take = |(_, kind): &(&str, &str)| {
            let (first, rest) = row.split_at(width(kind));
            row = rest;
            cell(kind, first)
        };
        fields.iter().map(take).collect()
    };
    (fields.iter().map(|f| f.0.to_owned()).collect(), body.chunks(record).map(read).collect())
}

#[test]
fn spikes_and_messages_are_those_of_the_emulator_in_both_formats() {
    let case = Case::spread();
    let tables = [
        ("spikes", "spikes.csv"),
        ("spikes", "spikes.npy"),
        ("messages", "messages.csv"),
        ("messages", "messages.npy"),
    ];
    case.record(1, request(&case, &tables, false));
    let image = case.image();
    let (mut spikes, mut messages) = (Vec::new(), Vec::new());
    let report = case.follow(1, |emulator| {
        let step = emulator.step_number();
        for (at, p) in image.map.populations.iter().enumerate() {
            for &lane in emulator.spikes(at) {
                spikes.push(vec![step.to_string(), p.name.clone(), lane.to_string()]);
                // The image's own records say where a spike goes.
                let mut sent = |from: i64, to: u32, axon: u16| {
                    messages.push(vec![
                        step.to_string(),
                        p.name.clone(),
                        lane.to_string(),
                        from.to_string(),
                        to.to_string(),
                        axon.to_string(),
                    ]);
                };
                if p.slices.is_empty() {
                    p.input_axons[lane as usize].iter().for_each(|(to, axon)| sent(-1, *to, *axon));
                    continue;
                }
                let slice = p.slices.iter().rfind(|s| s.first_lane <= lane).expect("a slice");
                let core = image.cores.iter().find(|c| c.id == slice.core).expect("a core");
                let compartment = slice.first_compartment + lane - slice.first_lane;
                let c = core.compartments[compartment as usize];
                let out = c.first_out as usize..(c.first_out + c.n_out) as usize;
                core.axons_out[out].iter().for_each(|m| sent(core.id.into(), m.core, m.axon));
            }
        }
    });
    assert!(spikes.len() > 50 && messages.len() > spikes.len(), "{}", spikes.len());
    let senders: Vec<_> = messages.iter().map(|m| m[3].as_str()).collect();
    assert!(senders.contains(&"-1") && senders.iter().any(|s| *s != "-1" && *s != "0"));
    let header = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let of_spikes = header(&["step", "population", "lane"]);
    assert_eq!(csv(&case, "spikes.csv"), (of_spikes.clone(), spikes.clone()));
    assert_eq!(records(&case, "spikes.npy"), (of_spikes, spikes));
    let of_messages = header(&["step", "population", "lane", "from_core", "to_core", "axon"]);
    assert_eq!(csv(&case, "messages.csv"), (of_messages.clone(), messages.clone()));
    let (fields, rows) = records(&case, "messages.npy");
    assert_eq!(fields, of_messages);
    assert_eq!(rows, messages);
    assert_eq!(report.count(Cause::AxonOut), senders.iter().filter(|s| **s != "-1").count() as u64);
}

#[test]
fn figures_of_steps_add_up_to_the_report() {
    let case = Case::spread();
    let tables = [("performance", "cost.csv"), ("performance", "cost.npy")];
    case.record(1, request(&case, &tables, false));
    let (mut steps, mut spikes) = (Vec::new(), Vec::new());
    let report = case.follow(1, |emulator| {
        let step = emulator.step_number();
        if step > 0 {
            steps.push(vec![step.to_string(), ((step - 1) / 3 + 1).to_string()]);
            // `hidden` and `out`; the map lists inputs among the populations.
            let own =
                emulator.map().populations.iter().enumerate().filter(|(_, p)| !p.slices.is_empty());
            spikes.push(own.map(|(at, _)| emulator.spikes(at).len()).sum::<usize>().to_string());
        }
    });
    let (header, rows) = csv(&case, "cost.csv");
    assert_eq!(records(&case, "cost.npy"), (header.clone(), rows.clone()));
    let at = |name: &str| header.iter().position(|h| h == name).expect("a column");
    let column = |name: &str| -> Vec<u64> {
        rows.iter().map(|r| r[at(name)].parse().expect("a number")).collect()
    };
    let sum = |name: &str| column(name).iter().sum::<u64>();
    assert_eq!(rows.iter().map(|r| r[..2].to_vec()).collect::<Vec<_>>(), steps);
    assert_eq!(rows.iter().map(|r| r[at("spikes")].clone()).collect::<Vec<_>>(), spikes);
    assert_eq!(sum("time_ps"), report.time_ticks * report.tick_ps);
    assert_eq!(column("time_ps").iter().max(), Some(&(report.longest_step_ticks * report.tick_ps)));
    assert_eq!(sum("energy_fj"), report.total_fj());
    assert_eq!(sum("synaptic_operations"), report.count(Cause::Synop));
    assert_eq!(sum("spikes"), report.count(Cause::SpikeOut));
    assert_eq!(sum("evaluated"), report.count(Cause::RuleState));
    assert_eq!(sum("skipped"), report.count(Cause::RuleSkip));
    let saturated: u64 = report.saturations.iter().map(|s| s.count).sum();
    assert_eq!(sum("saturations"), saturated);
    for name in
        ["synaptic_operations", "spikes", "input_spikes", "messages", "evaluated", "skipped"]
    {
        assert!(sum(name) > 0, "{name} is 0 in all steps");
    }
}

/// Values of a selection by step, from the accessors: raw, and names in the order of a table.
fn history(case: &Case, trial: u32) -> Vec<BTreeMap<Name, i64>> {
    let mut history = Vec::new();
    let epoch = case.image().meta.epoch;
    case.follow(trial, |emulator| history.push(states(emulator, epoch)));
    history.remove(0);
    history
}

#[test]
fn signals_are_columns_in_the_order_asked_for() {
    let case = Case::spread();
    let what = "out.v[2,0],ff.w,dopamine,out.v";
    let tables = [(what, "s.csv"), (what, "s.npy")];
    case.record(0, request(&case, &tables, true));
    let (header, rows) = csv(&case, "s.csv");
    assert_eq!(&header[..4], ["step", "out.v[2]", "out.v[0]", "out.v[1]"]);
    assert_eq!(header.last().map(String::as_str), Some("dopamine[0]"));
    let history = history(&case, 0);
    assert_eq!(rows.len(), history.len());
    for (states, row) in history.iter().zip(&rows) {
        for (name, cell) in header.iter().zip(row).skip(1) {
            let (variable, lane) = name.split_once('[').expect("a lane");
            let key = (variable.to_owned(), lane.trim_end_matches(']').to_owned());
            assert_eq!(cell, &states[&key].to_string(), "{name}");
        }
    }
    let array = read_npy(&case.path("s.npy"), 1 << 20).expect("an array");
    assert_eq!(array.shape, [rows.len(), header.len() - 1]);
    let flat = rows.iter().flat_map(|r| &r[1..]).map(|c| c.parse::<f64>().expect("a number"));
    assert_eq!(array.values, flat.collect::<Vec<_>>());
}

#[test]
fn numbers_are_in_the_author_s_units_unless_raw_ones_are_asked_for() {
    let case = Case::spread();
    case.record(0, request(&case, &[("hidden.v", "v.npy"), ("hidden.v", "v.csv")], false));
    case.record(0, request(&case, &[("hidden.v", "raw.npy")], true));
    let hidden = case.image().map.populations.iter().find(|p| p.name == "hidden").expect("hidden");
    let [real, raw] = ["v.npy", "raw.npy"].map(|f| read_npy(&case.path(f), 1 << 20).expect("read"));
    assert_eq!(real.shape, [61, 5]);
    let scaled = |x: &f64| x / f64::from(hidden.frac).exp2();
    assert_eq!(real.values, raw.values.iter().map(scaled).collect::<Vec<_>>());
    let (_, rows) = csv(&case, "v.csv");
    let flat = rows.iter().flat_map(|r| &r[1..]).map(|c| c.parse::<f64>().expect("a number"));
    assert_eq!(real.values, flat.collect::<Vec<_>>());
    assert!(real.values.iter().any(|x| x.fract() != 0.0));
}

#[test]
fn numpy_reads_the_arrays() {
    let case = Case::spread();
    let tables = [("spikes", "spikes.npy"), ("performance", "cost.npy"), ("hidden.v", "v.npy")];
    case.record(0, request(&case, &tables, false));
    case.record(0, request(&case, &[("*", "all.npy")], true));
    let script = "
import sys
try:
    import numpy as np
except ImportError:
    print('no numpy'); sys.exit(0)
s = np.load('spikes.npy'); c = np.load('cost.npy'); v = np.load('v.npy'); a = np.load('all.npy')
print(s.dtype.names, len(s), s['population'][0].decode(), int(s['step'].max()))
print(int(c['time_ps'].sum()), int(c['spikes'].sum()), c.dtype['energy_fj'])
print(v.shape, v.dtype, a.shape[0], a.dtype)
";
    let call = Command::new("python3").args(["-c", script]).current_dir(case.place.path()).output();
    let printed = call.ok().filter(|o| o.status.success());
    let printed = printed.map(|o| String::from_utf8(o.stdout).expect("text"));
    let Some(printed) = printed.filter(|text| text.trim() != "no numpy") else {
        // Past the capture of test output: nobody should take this for a success.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: python3 with numpy is not installed here\n",
        );
        return;
    };
    let (_, spikes) = records(&case, "spikes.npy");
    let report = case.follow(0, |_| {});
    let last = spikes.last().expect("a spike");
    let expected = format!(
        "('step', 'population', 'lane') {} {} {}\n{} {} uint64\n(61, 5) float64 61 int64\n",
        spikes.len(),
        spikes[0][1],
        last[0],
        report.time_ticks * report.tick_ps,
        report.count(Cause::SpikeOut),
    );
    assert_eq!(printed, expected);
}

#[test]
fn a_name_that_is_not_there_is_refused_before_anything_is_written() {
    let case = Case::spread();
    let said = |what: &str| {
        let refused = Recording {
            request: request(&case, &[("spikes", "first.csv"), (what, "second.csv")], false),
            trial: 0,
        };
        let options = RunOptions { trials: Some(1), ..RunOptions::default() };
        match run_and_record(&case.model, &options, &refused, &Silent) {
            Err(LabError::Signals(refused)) => refused.to_string(),
            other => panic!("{what}: {:?}", other.map(|_| ())),
        }
    };
    for (what, parts) in [
        ("hiden.v", &["no signal 'hiden.v'", "did you mean 'hidden.v'?"][..]),
        ("hidden", &["no signal 'hidden'", "hidden.u, hidden.v, hidden.hold, hidden.spikes"]),
        ("zebra", &["no signal 'zebra'", "--signals list"]),
        ("zebra*", &["no signal matches 'zebra*'"]),
        ("eye.v", &["no signal 'eye.v'"]),
        ("hidden.v[5]", &["'hidden.v' has no lane '5'", "its lanes are 0 to 4"]),
        ("hidden.v[3..9]", &["no lane '3..9'"]),
        ("hidden.v[1->2]", &["single numbers"]),
        ("ff.w[3]", &["its lanes are synapses"]),
        ("ff.w[9->0]", &["has no lane '9->0'", "its synapses go from"]),
        ("chip.step[0]", &["one number"]),
        ("chip.busy[99]", &["the cores in use are 0, 1"]),
    ] {
        let text = said(what);
        assert!(parts.iter().all(|p| text.contains(p)), "{what}: {text}");
        let left = std::fs::read_dir(case.place.path()).expect("a folder");
        let left: Vec<_> = left.map(|e| e.expect("an entry").file_name()).collect();
        assert_eq!(left.len(), 2, "{what}: {left:?}");
    }
    let beyond = Recording { request: request(&case, &[("spikes", "a.csv")], false), trial: 3 };
    let ran = run_and_record(&case.model, &RunOptions::default(), &beyond, &Silent);
    let text = ran.expect_err("there are three trials").to_string();
    assert!(text.contains("no trial 3") && text.contains("0 to 2"), "{text}");
}

#[test]
fn a_run_that_breaks_off_leaves_no_file() {
    let case = Case::spread();
    let mut emulator = Emulator::load(case.image(), Options::default()).expect("loads");
    let mut request = request(&case, &[("spikes", "a.npy"), ("*", "b.csv")], false);
    request.waves = vec![case.path("c.fst"), case.path("d.vcd")];
    request.timeline = Some(case.path("e.json"));
    request.signals = everything();
    let mut recorder = Recorder::begin(&request, case.image(), &emulator).expect("begins");
    recorder.step(&mut emulator, &[]).expect("a step");
    drop(recorder);
    let left = std::fs::read_dir(case.place.path()).expect("a folder").count();
    assert_eq!(left, 2, "the model's two files and nothing else");
}

#[test]
fn the_ending_of_a_file_decides_its_format() {
    let case = Case::spread();
    let wave = Request { waves: vec![case.path("a.txt")], ..Request::default() };
    let refused = wave.check().expect_err("no format");
    assert!(matches!(refused, SignalError::Ending { .. }), "{refused}");
    assert!(refused.to_string().ends_with("a file of waves ends in .fst or .vcd"), "{refused}");
    let table = request(&case, &[("spikes", "a.fst")], false).check().expect_err("no table");
    assert!(table.to_string().ends_with("a table ends in .csv or .npy"), "{table}");
    let timeline = Request { timeline: Some(case.path("a.csv")), ..Request::default() };
    let refused = timeline.check().expect_err("no timeline").to_string();
    assert!(refused.ends_with("a timeline ends in .json"), "{refused}");
    let twice = request(&case, &[("spikes", "a.csv"), ("messages", "a.csv")], false);
    let refused = twice.check().expect_err("one file").to_string();
    assert!(refused.contains("a.csv is asked for twice"), "{refused}");
}
