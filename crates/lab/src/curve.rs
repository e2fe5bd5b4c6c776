//! Runs that record rather than score: pairing curves, trajectories, plain runs. Chip and float
//! side by side on the same spikes.

use crate::error::LabError;
use crate::few_shot::Context;
use crate::machine::{ChipMachine, FloatTrials, Populations};
use crate::outcome::RunResult;
use crate::picture;
use crate::run::{Task, run};
use serde_json::{Value, json};
use std::fmt;
use trifactor_emu::{Emulator, Options};
use trifactor_reference::float::FloatMachine;
use trifactor_stimulus::Sampler;

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
    /// What was recorded.
    pub series: Vec<Series>,
    /// Simulated time on the chip per trial, in microseconds.
    pub microseconds_per_trial: f64,
    /// Energy on the chip per trial, in microjoules.
    pub microjoules_per_trial: f64,
    /// States that saturated on the chip, and how often.
    pub saturations: Vec<(String, u64)>,
    /// The picture, as PNG.
    pub picture: Vec<u8>,
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
        at_end: &[],
    };
    let image = &prepared.compiled.image;
    let chip = || -> Result<ChipMachine<'_>, LabError> {
        Ok(ChipMachine { emulator: Emulator::load(image, Options::default())?, populations: &populations })
    };
    let (chip_run, ledgers) = run(task, chip, |m| m.emulator.report(), progress)?;
    let float = || {
        let machine = FloatMachine::new(net, 1);
        Ok(FloatTrials { net, machine, populations: &populations })
    };
    let (float_run, _) = run(Task { what: "float", ..task }, float, |_| (), progress)?;
    let sweep = match &trials.protocol().sampler {
        Sampler::Sweep { variable, .. } => Some(variable.clone()),
        _ => None,
    };
    let series = series(context, &float_run, &chip_run, sweep.is_some());
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
        x_label: sweep.unwrap_or_else(|| "segment".to_owned()),
        series,
        microseconds_per_trial: picoseconds as f64 / 1e6 / n,
        microjoules_per_trial: fj as f64 / 1e9 / n,
        saturations,
        picture: Vec::new(),
    };
    report.picture = report.draw()?;
    Ok(report)
}

/// Answers and recorded states as curves. A recorded state of a sweep is plotted as its change
/// from the initial value, since that is what a pairing curve shows.
fn series(
    context: &Context<'_>,
    float: &RunResult,
    chip: &RunResult,
    is_sweep: bool,
) -> Vec<Series> {
    let net = &context.model.network;
    let initial = |name: &str| -> f64 {
        net.states
            .iter()
            .find(|(id, _)| net.full_name(*id) == name)
            .map_or(0.0, |(_, s)| mean(&(0..net.lanes(s.space)).map(|k| s.init.at(k)).collect::<Vec<_>>()))
    };
    let mut list: Vec<Series> = Vec::new();
    let mut x = 0.0;
    for (f, c) in float.trials.iter().zip(&chip.trials) {
        let mut last_segment = None;
        for (a, b) in f.records.iter().zip(&c.records) {
            if last_segment != Some(a.segment) {
                x += 1.0;
                last_segment = Some(a.segment);
            }
            let (name, offset) = if is_sweep {
                (format!("change of {}", a.state), initial(&a.state))
            } else {
                (format!("mean of {}", a.state), 0.0)
            };
            let at = if is_sweep { f.value.unwrap_or(x) } else { x };
            let point = (at, mean(&a.values) - offset, mean(&b.values) - offset);
            match list.iter_mut().find(|s| s.name == name) {
                Some(s) => s.points.push(point),
                None => list.push(Series { name, points: vec![point] }),
            }
        }
    }
    list
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

impl CurveReport {
    fn draw(&self) -> Result<Vec<u8>, LabError> {
        let mut series = Vec::new();
        for s in &self.series {
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
        let y_label = match self.series.as_slice() {
            [one] => one.name.clone(),
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
        vec![
            ("report.txt".to_owned(), self.to_string().into_bytes()),
            ("report.json".to_owned(), json.into_bytes()),
            ("curve.csv".to_owned(), table.into_bytes()),
            ("picture.png".to_owned(), self.picture.clone()),
        ]
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
        for (state, count) in &self.saturations {
            writeln!(f, "  saturated: {state}, {count} times in all trials")?;
        }
        Ok(())
    }
}
