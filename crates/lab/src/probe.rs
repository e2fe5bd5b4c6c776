//! Probes: states of the first trial, step by step, float beside chip.

use crate::error::LabError;
use crate::few_shot::Context;
use crate::machine::{ChipMachine, FloatTrials, Machine, Populations};
use crate::picture;
use std::fmt::Write as _;
use trifactor_emu::{Emulator, Options};
use trifactor_model::Probe;
use trifactor_reference::float::FloatMachine;

/// Most values of one run's probes; a table of more helps nobody and fills disks.
const MAX_VALUES: u64 = 20_000_000;
/// Panels of variables in the picture.
const SHOWN_PANELS: usize = 8;
/// Rasters in the picture.
const SHOWN_RASTERS: usize = 12;
/// Named stretches of time in the picture.
const SHOWN_SPANS: usize = 64;
/// Lanes of one panel.
const SHOWN_LANES: usize = 3;

/// What the probes of a model saw in trial 0.
#[derive(Clone, Debug, Default)]
pub struct ProbeRecord {
    /// Steps of the trial.
    pub steps: u32,
    /// One entry per probe, in the author's order.
    pub probes: Vec<Probed>,
    /// Named stretches of the trial: name, first step, one past the last step.
    pub spans: Vec<(String, u32, u32)>,
}

/// One probe's values.
#[derive(Clone, Debug)]
pub struct Probed {
    /// Full name of the state.
    pub name: String,
    /// Lanes that were recorded.
    pub lanes: Vec<u32>,
    /// Lanes of the state.
    pub n_lanes: u32,
    /// (step, float, chip), each with one value per recorded lane. Units: the author's.
    pub rows: Vec<(u32, Vec<f64>, Vec<f64>)>,
}

/// Runs trial 0 with the model's probes; `None` where the model has none.
pub(crate) fn record(
    context: &Context<'_>,
    populations: &Populations,
) -> Result<Option<ProbeRecord>, LabError> {
    let net = &context.model.network;
    let probes = &context.model.probes;
    if probes.is_empty() || context.n_trials == 0 {
        return Ok(None);
    }
    let trial = context.trials.trial(0);
    let lanes_of = |probe: &Probe| -> Vec<u32> {
        let n = net.lanes(net.states[probe.state].space) as u32;
        probe.lanes.clone().unwrap_or_else(|| (0..n).collect())
    };
    let values: u64 = probes
        .iter()
        .map(|p| u64::from(trial.steps / p.every.max(1)) * lanes_of(p).len() as u64)
        .sum();
    if values > MAX_VALUES {
        return Err(LabError::TooManyProbes { values, limit: MAX_VALUES });
    }
    let mut record = ProbeRecord { steps: trial.steps, ..ProbeRecord::default() };
    let phases = &context.trials.protocol().phases;
    for segment in &trial.segments {
        let name = phases[segment.phase].name.clone();
        record.spans.push((name, segment.first_step, segment.first_step + segment.steps));
    }
    let emulator = Emulator::load(&context.prepared.compiled.image, Options::default())?;
    let chip = follow(context, &mut ChipMachine { emulator, populations })?;
    let machine = FloatMachine::new(net, 1);
    let float = follow(context, &mut FloatTrials { net, machine, populations })?;
    for ((probe, float), chip) in probes.iter().zip(float).zip(chip) {
        let lanes = lanes_of(probe);
        let pick = |values: &[f64]| lanes.iter().map(|l| values[*l as usize]).collect();
        record.probes.push(Probed {
            name: probe.name.clone(),
            n_lanes: net.lanes(net.states[probe.state].space) as u32,
            rows: float.iter().zip(&chip).map(|((t, f), (_, c))| (*t, pick(f), pick(c))).collect(),
            lanes,
        });
    }
    Ok(Some(record))
}

/// The probes' table and picture as files; none without probes.
pub(crate) fn files(
    context: &Context<'_>,
    populations: &Populations,
) -> Result<Vec<(String, Vec<u8>)>, LabError> {
    let Some(record) = record(context, populations)? else { return Ok(Vec::new()) };
    let title = format!("{}, first trial", context.model.network.name);
    Ok(vec![
        ("probes.csv".to_owned(), record.table().into_bytes()),
        ("probes.png".to_owned(), record.picture(&title)?),
    ])
}

/// One machine through trial 0. Shape: `[probe]`[recorded step] of (step, all lanes).
fn follow<M: Machine>(
    context: &Context<'_>,
    machine: &mut M,
) -> Result<Vec<Vec<(u32, Vec<f64>)>>, LabError> {
    let trial = context.trials.trial(0);
    let probes = &context.model.probes;
    let mut seen = vec![Vec::new(); probes.len()];
    machine.begin(&[trial.seed]);
    let mut spikes = vec![Vec::new()];
    for segment in &trial.segments {
        if !segment.resets.is_empty() {
            machine.reset(&segment.resets);
        }
        for step in 1..=segment.steps {
            segment.spikes_into(step, &mut spikes[0]);
            machine.step(&spikes)?;
            let now = segment.first_step + step - 1;
            for (probe, seen) in probes.iter().zip(&mut seen) {
                if now.is_multiple_of(probe.every.max(1)) {
                    seen.push((now, machine.record(&probe.name, 0)?));
                }
            }
        }
    }
    Ok(seen)
}

impl ProbeRecord {
    /// The values as CSV: `state,lane,step,float,chip`.
    pub fn table(&self) -> String {
        let mut out = String::from("state,lane,step,float,chip\n");
        for probe in &self.probes {
            for (step, float, chip) in &probe.rows {
                for ((lane, f), c) in probe.lanes.iter().zip(float).zip(chip) {
                    let _ = writeln!(out, "{},{lane},{step},{f},{c}", probe.name);
                }
            }
        }
        out
    }

    /// The named stretches, or none where there are more than a page can tell apart.
    fn shown_spans(&self) -> Vec<picture::Span> {
        let span = |(name, from, to): &(String, u32, u32)| picture::Span {
            name: name.clone(),
            from: u64::from(*from),
            to: u64::from(*to),
        };
        if self.spans.len() <= SHOWN_SPANS {
            self.spans.iter().map(span).collect()
        } else {
            Vec::new()
        }
    }

    /// Rasters of probed spikes and panels of the other probes, float and chip.
    pub fn picture(&self, title: &str) -> Result<Vec<u8>, LabError> {
        let mut run = picture::Run {
            title: title.to_owned(),
            steps: u64::from(self.steps) + 1,
            populations: Vec::new(),
            traces: Vec::new(),
            spans: self.shown_spans(),
        };
        for probe in &self.probes {
            if let Some(population) = probe.name.strip_suffix(".spike") {
                run.populations.extend(probe.rasters(population));
            } else if run.traces.len() < SHOWN_PANELS {
                run.traces.push(probe.panel());
            }
        }
        run.populations.truncate(SHOWN_RASTERS);
        Ok(picture::raster_and_traces(&run)?)
    }
}

impl Probed {
    /// One raster where float and chip spike alike, else one of each.
    fn rasters(&self, population: &str) -> Vec<picture::Population> {
        let raster = |name: String, chip: bool| {
            let spikes = self.rows.iter().flat_map(|(step, on_float, on_chip)| {
                let values = if chip { on_chip } else { on_float };
                let fired = self.lanes.iter().zip(values).filter(|(_, s)| **s != 0.0);
                fired.map(|(lane, _)| (u64::from(*step), *lane))
            });
            picture::Population { name, units: self.n_lanes, spikes: spikes.collect() }
        };
        if self.rows.iter().all(|(_, float, chip)| float == chip) {
            return vec![raster(population.to_owned(), true)];
        }
        vec![
            raster(format!("{population}, float"), false),
            raster(format!("{population}, chip"), true),
        ]
    }

    /// The lanes that move most.
    fn panel(&self) -> picture::Trace {
        let reach = |at: usize| {
            let values = self.rows.iter().map(|r| r.1[at]);
            let (lo, hi) = values
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
            hi - lo
        };
        let mut shown: Vec<usize> = (0..self.lanes.len()).collect();
        shown.sort_by(|a, b| reach(*b).total_cmp(&reach(*a)).then(a.cmp(b)));
        shown.truncate(SHOWN_LANES);
        shown.sort_unstable();
        let mut series = Vec::new();
        for at in shown {
            let lane = self.lanes[at];
            let points = |chip: bool| {
                let value = |r: &(u32, Vec<f64>, Vec<f64>)| if chip { r.2[at] } else { r.1[at] };
                self.rows.iter().map(|r| (f64::from(r.0), value(r))).collect()
            };
            let one = |reading: &str, chip: bool, style| picture::Series {
                name: format!("lane {lane}, {reading}"),
                points: points(chip),
                style,
            };
            series.push(one("float", false, picture::Style::Line));
            series.push(one("chip", true, picture::Style::Points));
        }
        picture::Trace { label: self.name.clone(), series }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spikes(rows: &[(u32, [f64; 2], [f64; 2])]) -> Probed {
        Probed {
            name: "actors.spike".to_owned(),
            lanes: vec![1, 3],
            n_lanes: 4,
            rows: rows.iter().map(|(t, f, c)| (*t, f.to_vec(), c.to_vec())).collect(),
        }
    }

    #[test]
    fn a_trial_of_many_phases_is_not_half_shaded() {
        let spans = |n: u32| (0..n).map(|k| ("show".to_owned(), k + 1, k + 2)).collect();
        let record = |n| ProbeRecord { spans: spans(n), ..ProbeRecord::default() };
        assert_eq!(record(64).shown_spans().len(), 64);
        assert_eq!(record(65).shown_spans(), []);
    }

    #[test]
    fn spikes_that_agree_are_one_raster() {
        let probe = spikes(&[(1, [0.0, 1.0], [0.0, 1.0]), (2, [0.0, 0.0], [0.0, 0.0])]);
        let rasters = probe.rasters("actors");
        assert_eq!(rasters.len(), 1);
        assert_eq!((rasters[0].name.as_str(), rasters[0].units), ("actors", 4));
        assert_eq!(rasters[0].spikes, [(1, 3)]);
    }

    #[test]
    fn spikes_that_differ_are_a_raster_of_each_reading() {
        let probe = spikes(&[(1, [0.0, 1.0], [0.0, 1.0]), (2, [1.0, 0.0], [0.0, 0.0])]);
        let rasters = probe.rasters("actors");
        assert_eq!(rasters.len(), 2);
        assert_eq!(
            (rasters[0].name.as_str(), rasters[1].name.as_str()),
            ("actors, float", "actors, chip")
        );
        assert_eq!(rasters[0].spikes, [(1, 3), (2, 1)]);
        assert_eq!(rasters[1].spikes, [(1, 3)]);
    }
}
