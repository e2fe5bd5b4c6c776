//! Runs that record rather than score: pairing curves, trajectories, plain runs. Chip and float
//! side by side on the same spikes.

use crate::costs::Costs;
use crate::error::LabError;
use crate::few_shot::Context;
use crate::learning::{self, LearningCost};
use crate::learning_curve;
use crate::machine::{ChipMachine, FloatTrials, Populations};
use crate::outcome::{RunResult, TrialResult};
use crate::picture;
use crate::run::{Task, run};
use serde_json::{Value, json};
use std::fmt;
use trifactor_emu::Emulator;
use trifactor_reference::float::FloatMachine;
use trifactor_stimulus::{Phase, Sampler, Segment};

/// One recorded value, averaged over lanes, against the sweep or the segment.
#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    /// State and what is plotted of it.
    pub name: String,
    /// (x, float, chip); x is the sweep's value, or counts segments over all trials.
    pub points: Vec<(f64, f64, f64)>,
}

/// The report of a run that records.
#[derive(Clone, Debug)]
pub struct CurveReport {
    /// The model's name.
    pub model: String,
    /// Number of trials.
    pub n_trials: u32,
    /// Name of the x axis.
    pub x_label: String,
    /// Right answers, where the protocol scores them, then what was recorded.
    pub series: Vec<Series>,
    /// How many of the series are right answers.
    pub n_scored: usize,
    /// Simulated time on the chip per trial, in microseconds.
    pub microseconds_per_trial: f64,
    /// Energy on the chip per trial, in microjoules.
    pub microjoules_per_trial: f64,
    /// What each rule cost per synapse and epoch.
    pub learning: Vec<LearningCost>,
    /// States that saturated on the chip, and how often.
    pub saturations: Vec<(String, u64)>,
    /// The picture, as PNG; empty where nothing is read out.
    pub picture: Vec<u8>,
    /// What the model's probes saw, as table and picture; empty without probes.
    pub probes: Vec<(String, Vec<u8>)>,
    /// Time and energy by cause.
    pub costs: Costs,
}

pub(crate) fn run_curve(context: &Context<'_>) -> Result<CurveReport, LabError> {
    let Context { model, prepared, trials, progress, .. } = *context;
    let net = &model.network;
    let input_names: Vec<String> = model.inputs.iter().map(|i| i.name.clone()).collect();
    let populations = Populations::of(net, &input_names);
    let task = Task {
        trials,
        n_trials: context.n_trials,
        count: None,
        populations: &populations,
        what: "chip",
        threads: context.threads,
        keep_records: true,
        at_end: &[],
    };
    let image = &prepared.compiled.image;
    let chip = || -> Result<ChipMachine<'_>, LabError> {
        Ok(ChipMachine {
            emulator: Emulator::load(image, context.options())?,
            populations: &populations,
        })
    };
    let (chip_run, ledgers) = run(task, chip, |m| m.emulator.reports(), progress)?;
    let costs = context.costs_of(&ledgers);
    let ledgers: Vec<_> = ledgers.into_iter().filter_map(|all| all.into_iter().next()).collect();
    let float = || {
        let machine = FloatMachine::new(net, 1);
        Ok(FloatTrials { net, machine, populations: &populations })
    };
    let (float_run, _) = run(Task { what: "float", ..task }, float, |_| (), progress)?;
    let sweep = match &trials.protocol().sampler {
        Sampler::Sweep { variable, .. } => Some(variable.clone()),
        _ => None,
    };
    let mut all = learning_curve::series(context, task, &float_run, &chip_run)?;
    let n_scored = all.len();
    all.extend(series(context, &float_run, &chip_run, sweep.is_some()));
    let n = f64::from(context.n_trials.max(1));
    let mut saturations: Vec<(String, u64)> = Vec::new();
    for s in ledgers.iter().flat_map(|l| &l.saturations).filter(|s| s.count > 0) {
        match saturations.iter_mut().find(|(name, _)| *name == s.state) {
            Some((_, count)) => *count += s.count,
            None => saturations.push((s.state.clone(), s.count)),
        }
    }
    let fj: u64 = ledgers.iter().map(|l| l.total_fj()).sum();
    let picoseconds: u64 = ledgers.iter().map(|l| l.time_ticks * l.tick_ps).sum();
    let mut report = CurveReport {
        model: net.name.clone(),
        n_trials: context.n_trials,
        x_label: sweep.unwrap_or_else(|| "phases done".to_owned()),
        series: all,
        n_scored,
        microseconds_per_trial: picoseconds as f64 / 1e6 / n,
        microjoules_per_trial: fj as f64 / 1e9 / n,
        learning: learning::costs(&ledgers),
        saturations,
        picture: Vec::new(),
        probes: crate::probe::files(context, &populations)?,
        costs,
    };
    if !report.series.is_empty() {
        report.picture = report.draw()?;
    }
    Ok(report)
}

/// The curves of a protocol from runs of both machines, without a control, and the name of their
/// x axis.
pub(crate) fn protocol_series(
    context: &Context<'_>,
    float: &RunResult,
    chip: &RunResult,
) -> (Vec<Series>, String) {
    let protocol = context.trials.protocol();
    let sweep = match &protocol.sampler {
        Sampler::Sweep { variable, .. } => Some(variable.clone()),
        _ => None,
    };
    // Questions about items follow each other in no order that means anything.
    if matches!(protocol.sampler, Sampler::FewShot { .. } | Sampler::Items { .. }) {
        return (Vec::new(), String::new());
    }
    let mut all = learning_curve::right_answers(context, float, chip);
    all.extend(series(context, float, chip, sweep.is_some()));
    (all, sweep.unwrap_or_else(|| "phases done".to_owned()))
}

/// Lanes of a state that trajectories show at most; a picture holds twelve lines in all.
const SHOWN_LANES: usize = 4;
/// Lines of a picture.
const SHOWN_SERIES: usize = 12;

/// Recorded states as curves: of a sweep the change from the initial value against the swept
/// number, else the lanes that change most against the segment, averaged over trials.
fn series(
    context: &Context<'_>,
    float: &RunResult,
    chip: &RunResult,
    is_sweep: bool,
) -> Vec<Series> {
    if is_sweep { pairing(context, float, chip) } else { trajectories(context, float, chip) }
}

/// A state's initial values; `None` for what is no state.
fn initial(context: &Context<'_>, name: &str) -> Option<Vec<f64>> {
    let net = &context.model.network;
    let (_, state) = net.states.iter().find(|(id, _)| net.full_name(*id) == name)?;
    Some((0..net.lanes(state.space)).map(|k| state.init.at(k)).collect())
}

/// What a read-out that records no state is called in a curve, such as `actors spikes, cue A`;
/// `None` for others. Shape: one per segment, the same in all trials.
fn readouts(context: &Context<'_>) -> Vec<Option<String>> {
    let phases = &context.trials.protocol().phases;
    let name = |phase: &Phase| {
        let readout = phase.readout.as_ref().filter(|r| r.record.is_empty())?;
        Some(format!("{} {}, {}", readout.population, readout.variable, phase.name))
    };
    context.trials.trial(0).segments.iter().map(|s| name(&phases[s.phase])).collect()
}

/// A state or read-out that a trial shows in a curve.
struct Seen<'a> {
    segment: usize,
    name: String,
    values: &'a [f64],
}

/// What a trial shows in a curve, in the order of its segments: the states that read-outs record
/// and, of a read-out that records none, what it reads.
fn seen<'a>(readouts: &[Option<String>], trial: &'a TrialResult) -> Vec<Seen<'a>> {
    let records = trial.records.iter().map(|r| Seen {
        segment: r.segment,
        name: r.state.clone(),
        values: &r.values,
    });
    let read = trial.answers.iter().filter_map(|a| {
        let name = readouts[a.segment].clone()?;
        Some(Seen { segment: a.segment, name, values: &a.values })
    });
    let mut seen: Vec<Seen<'_>> = records.chain(read).collect();
    seen.sort_by_key(|s| s.segment);
    seen
}

fn pairing(context: &Context<'_>, float: &RunResult, chip: &RunResult) -> Vec<Series> {
    let readouts = readouts(context);
    let mut list: Vec<Series> = Vec::new();
    for (f, c) in float.trials.iter().zip(&chip.trials) {
        let (of_float, of_chip) = (seen(&readouts, f), seen(&readouts, c));
        for (a, b) in of_float.iter().zip(&of_chip) {
            let x = f.value.unwrap_or(f64::from(f.number));
            let (name, offset) = match initial(context, &a.name) {
                Some(values) => (format!("change of {}", a.name), mean(&values)),
                None => (a.name.clone(), 0.0),
            };
            // What is seen more than once has a curve for each time.
            let often = of_float.iter().filter(|other| other.name == a.name).count() > 1;
            let when = often.then(|| segment_name(context, f.number, a.segment));
            let name = name + &when.unwrap_or_default();
            let point = (x, mean(a.values) - offset, mean(b.values) - offset);
            match list.iter_mut().find(|s| s.name == name) {
                Some(s) => s.points.push(point),
                None => list.push(Series { name, points: vec![point] }),
            }
        }
    }
    list
}

/// Means over trials of what was seen under a name. Shape: `[occurrence]`[lane].
fn averaged(readouts: &[Option<String>], run: &RunResult, name: &str) -> Vec<Vec<f64>> {
    let n = run.trials.len() as f64;
    let mut sums: Vec<Vec<f64>> = Vec::new();
    for trial in &run.trials {
        let of_name = seen(readouts, trial).into_iter().filter(|s| s.name == name);
        for (at, Seen { values, .. }) in of_name.enumerate() {
            if sums.len() <= at {
                sums.push(vec![0.0; values.len()]);
            }
            for (sum, value) in sums[at].iter_mut().zip(values) {
                *sum += value / n;
            }
        }
    }
    sums
}

/// `, PHASE`, with the number of the run where the phase is repeated.
fn segment_name(context: &Context<'_>, trial: u32, segment: usize) -> String {
    let segments = context.trials.trial(trial).segments;
    let phase = segments[segment].phase;
    let runs = |s: &[Segment]| s.iter().filter(|s| s.phase == phase).count();
    let name = &context.trials.protocol().phases[phase].name;
    match runs(&segments) {
        1 => format!(", {name}"),
        _ => format!(", {name} {}", runs(&segments[..=segment])),
    }
}

fn trajectories(context: &Context<'_>, float: &RunResult, chip: &RunResult) -> Vec<Series> {
    let Some(first) = float.trials.first() else { return Vec::new() };
    let readouts = readouts(context);
    let mut names: Vec<String> = Vec::new();
    for Seen { name, .. } in seen(&readouts, first) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // Float and chip are a line each.
    let shown = (SHOWN_SERIES / 2 / names.len().max(1)).clamp(1, SHOWN_LANES);
    let mut list = Vec::new();
    for name in names {
        let start = initial(context, &name);
        let (f, c) = (averaged(&readouts, float, &name), averaged(&readouts, chip, &name));
        let from = start.as_ref().unwrap_or(&f[0]);
        let change =
            |lane: usize| f.iter().map(|v| (v[lane] - from[lane]).abs()).fold(0.0, f64::max);
        let mut lanes: Vec<usize> = (0..from.len()).collect();
        lanes.sort_by(|a, b| change(*b).total_cmp(&change(*a)).then(a.cmp(b)));
        lanes.truncate(shown);
        lanes.sort_unstable();
        for lane in lanes {
            // A state has a value before the first phase, a read-out has none.
            let mut points: Vec<_> = start.iter().map(|s| (0.0, s[lane], s[lane])).collect();
            points.extend(
                (1u32..).zip(f.iter().zip(&c)).map(|(x, (f, c))| (x.into(), f[lane], c[lane])),
            );
            list.push(Series {
                name: format!("{name} {}", lane_name(context, &name, lane)),
                points,
            });
        }
    }
    list
}

/// `0 to 2` for a synapse, `[3]` for other lanes.
fn lane_name(context: &Context<'_>, state: &str, lane: usize) -> String {
    let net = &context.model.network;
    let owner = state.rsplit_once('.').and_then(|(owner, _)| net.space(owner));
    match owner.and_then(|space| net.synapses(space)) {
        Some(synapses) => {
            let pre = synapses.pre_lanes()[lane];
            format!("{pre} to {}", synapses.post_lane[lane])
        }
        None => format!("[{lane}]"),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

impl CurveReport {
    fn draw(&self) -> Result<Vec<u8>, LabError> {
        let mut series = Vec::new();
        // Scores and states have no axis in common; where answers are scored, they are what counts.
        let shown =
            if self.n_scored > 0 { &self.series[..self.n_scored] } else { &self.series[..] };
        for s in shown.iter().take(SHOWN_SERIES / 2) {
            series.push(picture::Series {
                name: format!("{}, float", s.name),
                points: s.points.iter().map(|p| (p.0, p.1)).collect(),
                style: picture::Style::Line,
            });
            series.push(picture::Series {
                name: format!("{}, chip", s.name),
                points: s.points.iter().map(|p| (p.0, p.2)).collect(),
                style: picture::Style::Points,
            });
        }
        let y_label = match shown {
            [one] => one.name.clone(),
            _ if self.n_scored > 0 => learning_curve::NAME.to_owned(),
            _ => "recorded value".to_owned(),
        };
        Ok(picture::curve(&picture::Curve {
            title: self.model.clone(),
            x_label: self.x_label.clone(),
            y_label,
            series,
        })?)
    }

    /// The machine-readable report; units are in the keys.
    pub fn to_json(&self) -> Value {
        let series: Vec<Value> = self
            .series
            .iter()
            .map(|s| {
                let points: Vec<Value> = s
                    .points
                    .iter()
                    .map(|(x, float, chip)| json!({"x": x, "float": float, "chip": chip}))
                    .collect();
                json!({"name": s.name, "points": points})
            })
            .collect();
        json!({
            "trials": self.n_trials,
            "x": self.x_label,
            "series": series,
            "microseconds_per_trial": self.microseconds_per_trial,
            "microjoules_per_trial": self.microjoules_per_trial,
            "learning": learning::to_json(&self.learning),
            "saturations": self.saturations.iter().map(|(k, v)| (k.clone(), json!(v)))
                .collect::<serde_json::Map<String, Value>>(),
        })
    }

    /// Files for a run's folder: name and content.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut table = String::from("series,x,float,chip\n");
        for s in &self.series {
            for (x, float, chip) in &s.points {
                table += &format!("\"{}\",{x},{float},{chip}\n", s.name);
            }
        }
        let json = serde_json::to_string_pretty(&self.to_json()).unwrap_or_default() + "\n";
        let mut files = vec![
            ("report.txt".to_owned(), self.to_string().into_bytes()),
            ("report.json".to_owned(), json.into_bytes()),
            ("curve.csv".to_owned(), table.into_bytes()),
        ];
        if !self.picture.is_empty() {
            files.push(("picture.png".to_owned(), self.picture.clone()));
        }
        files.extend(self.probes.iter().cloned());
        files
    }
}

impl fmt::Display for CurveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} trials", self.model, self.n_trials)?;
        for s in &self.series {
            writeln!(f, "  {}", s.name)?;
            writeln!(f, "  {:>20} {:>14} {:>14}", self.x_label, "float", "chip")?;
            for (x, float, chip) in &s.points {
                writeln!(f, "  {x:>20} {float:>14.5} {chip:>14.5}")?;
            }
        }
        writeln!(
            f,
            "  {:.2} us and {:.4} uJ a trial on the chip",
            self.microseconds_per_trial, self.microjoules_per_trial
        )?;
        for cost in &self.learning {
            writeln!(f, "  {cost}")?;
        }
        for (state, count) in &self.saturations {
            writeln!(f, "  saturated: {state}, {count} times in all trials")?;
        }
        Ok(())
    }
}
