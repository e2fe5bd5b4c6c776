//! Waves, read back by `wellen`.

use crate::seen::{Case, Name, everything, states};
use std::collections::BTreeMap;
use std::path::Path;
use trifactor_signals::Request;
use trifactor_signals::name::Selector;
use wellen::simple::Waveform;
use wellen::{SignalValueRef, VarType};

/// A file of waves as its reader sees it.
pub struct Read {
    wave: Waveform,
}

impl Read {
    pub fn open(path: &Path) -> Self {
        let mut wave = wellen::simple::read(path).expect("a file of waves");
        let all: Vec<_> =
            wave.hierarchy().all_vars().map(|v| wave.hierarchy()[v].signal_ref()).collect();
        wave.load_signals(&all);
        Self { wave }
    }
    fn count(&self) -> usize {
        self.wave.hierarchy().all_vars().count()
    }
    /// Femtoseconds of the file's unit of time.
    pub fn unit_fs(&self) -> u128 {
        let scale = self.wave.hierarchy().timescale().expect("a time scale");
        let exponent = scale.unit.to_exponent().expect("a unit");
        u128::from(scale.factor) * 10u128.pow((exponent + 15) as u32)
    }
    /// The value at a time: bits as a whole number with its sign, or a number.
    pub fn value(&self, (name, lane): &Name, time: u64) -> f64 {
        let mut path: Vec<&str> = name.split('.').collect();
        let last = *path.last().expect("a name");
        let leaf = match lane.as_str() {
            "" => path.pop().expect("a name").to_owned(),
            lane => format!("{last}_{lane}"),
        };
        let hierarchy = self.wave.hierarchy();
        let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
        let variable = hierarchy.lookup_var(&path, leaf);
        let variable = variable.unwrap_or_else(|| panic!("{name}[{lane}] is not there"));
        let variable = &hierarchy[variable];
        let signal = self.wave.get_signal(variable.signal_ref()).expect("loaded");
        let at = self.wave.time_table().partition_point(|t| *t <= time) - 1;
        let offset = signal.get_offset(at as u32).expect("a value");
        match signal.get_value_at(&offset, 0) {
            SignalValueRef::Real(x) => x,
            value => {
                let bits = value.to_bit_string().expect("bits");
                let raw = i64::from_str_radix(&bits, 2).expect("no unknown bits");
                let signed = variable.var_type() == VarType::Integer;
                let negative = signed && bits.starts_with('1');
                (raw - if negative { 1 << bits.len() } else { 0 }) as f64
            }
        }
    }
}

/// States before the first and after every step of a trial.
fn history(case: &Case, trial: u32) -> Vec<BTreeMap<Name, i64>> {
    let mut history = Vec::new();
    let epoch = case.image().meta.epoch;
    case.follow(trial, |emulator| history.push(states(emulator, epoch)));
    history
}

fn compare(case: &Case, trial: u32, file: &str, step_fs: u128) {
    let path = case.path(file);
    let request =
        Request { signals: everything(), waves: vec![path.clone()], ..Request::default() };
    let steps = case.record(trial, request);
    let history = history(case, trial);
    assert_eq!(history.len(), steps as usize + 1);
    let read = Read::open(&path);
    let cores = case.image().cores.len();
    assert_eq!(read.count(), history[0].len() + cores, "every state and each core's flag");
    let per_step = (step_fs / read.unit_fs()) as u64;
    assert_eq!(u128::from(per_step) * read.unit_fs(), step_fs);
    let mut moved = 0;
    for name in history[0].keys() {
        for (step, states) in (0..).zip(&history) {
            let expected = states[name] as f64;
            moved += u32::from(expected != history[0][name] as f64);
            assert_eq!(read.value(name, step * per_step), expected, "{name:?}, step {step}");
        }
    }
    assert!(moved > 100, "a trial in which nothing happens tests nothing");
}

#[test]
fn fst_holds_what_the_accessors_say_of_every_state_in_every_step() {
    compare(&Case::spread(), 1, "run.fst", 500_000_000_000);
}

#[test]
fn vcd_holds_what_the_accessors_say_of_every_state_in_every_step() {
    compare(&Case::spread(), 1, "run.vcd", 500_000_000_000);
    compare(&Case::shipped("pair-stdp-loihi1"), 0, "run.vcd", 1_000_000_000_000);
}

#[test]
fn a_core_is_busy_where_messages_arrive_compartments_move_or_rules_run() {
    let case = Case::spread();
    let path = case.path("busy.fst");
    let signals = Selector::parse_list("chip.busy").expect("a selector");
    let request = Request { signals, waves: vec![path.clone()], ..Request::default() };
    case.record(0, request);
    let ids: Vec<u32> = case.image().cores.iter().map(|c| c.id).collect();
    let read = Read::open(&path);
    let per_step = (500_000_000_000 / read.unit_fs()) as u64;
    let mut before = vec![0; ids.len()];
    let mut seen = [0; 2];
    case.follow(0, |emulator| {
        for (core, id) in ids.iter().enumerate() {
            let work = emulator.core_work(core);
            let rules = std::mem::replace(&mut before[core], work.evaluated_so_far);
            let step = emulator.step_number();
            let busy = step > 0
                && (work.messages_in > 0 || work.active > 0 || work.evaluated_so_far > rules);
            let name = ("chip.busy".to_owned(), id.to_string());
            let flag = read.value(&name, u64::from(step) * per_step);
            assert_eq!(flag, f64::from(u8::from(busy)), "core {id}, step {step}");
            seen[usize::from(busy)] += 1;
        }
    });
    assert!(seen[0] > 10 && seen[1] > 10, "{seen:?}");
}

#[test]
fn real_waves_are_in_the_author_s_units() {
    let case = Case::spread();
    for file in ["real.fst", "real.vcd"] {
        let path = case.path(file);
        let signals = Selector::parse_list("hidden.v,ff.w,dopamine,eye.ff.x1,out.spikes");
        let request = Request {
            signals: signals.expect("selectors"),
            waves: vec![path.clone()],
            wave_real: true,
            ..Request::default()
        };
        case.record(0, request);
        let map = &case.image().map;
        let frac = |name: &str| {
            let found = match name {
                "hidden.v" => map.populations.iter().find(|p| p.name == "hidden").map(|p| p.frac),
                "ff.w" => map.projections.iter().find(|p| p.name == "ff").map(|p| p.fields[0].frac),
                "dopamine" => map.modulators.first().map(|m| m.frac),
                "eye.ff.x1" => map.traces.iter().find(|t| t.name == name).map(|t| t.frac),
                _ => Some(0),
            };
            found.expect("it is there")
        };
        let read = Read::open(&path);
        let per_step = (500_000_000_000 / read.unit_fs()) as u64;
        let mut fractions = 0;
        for (step, states) in (0..).zip(history(&case, 0)) {
            let wanted = ["hidden.v", "ff.w", "dopamine", "eye.ff.x1", "out.spikes"];
            for (name, raw) in states.iter().filter(|(n, _)| wanted.contains(&n.0.as_str())) {
                let expected = *raw as f64 / f64::from(frac(&name.0)).exp2();
                fractions += u32::from(expected.fract() != 0.0);
                assert_eq!(read.value(name, step * per_step), expected, "{name:?}, step {step}");
            }
        }
        assert!(fractions > 100, "whole numbers show no unit");
    }
}

#[test]
fn the_same_trial_gives_the_same_bytes_and_only_what_was_chosen_is_in_them() {
    let case = Case::spread();
    let names = "hidden.v[1..4,0],ff.w[0->*],chip.step,hidden.v[2]";
    let write = |file: &str| {
        let waves = vec![case.path(file)];
        let signals = Selector::parse_list(names).expect("selectors");
        case.record(2, Request { signals, waves, ..Request::default() });
        std::fs::read(case.path(file)).expect("a file")
    };
    assert_eq!(write("a.fst"), write("b.fst"));
    assert_eq!(write("a.vcd"), write("b.vcd"));
    let from_0 = {
        let mut n = 0;
        case.follow(0, |emulator| {
            let at = emulator.map().projections.iter().position(|p| p.name == "ff");
            let all = emulator.read_field(at.expect("ff"), 0).expect("weights");
            n = all.iter().filter(|s| s.pre == 0).count();
        });
        n
    };
    assert!(from_0 > 0);
    for file in ["a.fst", "a.vcd"] {
        assert_eq!(Read::open(&case.path(file)).count(), 4 + from_0 + 1);
    }
}
