//! Numbers of a report: what the chip did, and how shares are written.

use crate::prepare::Prepared;
use crate::statistics::Estimate;
use serde_json::{Value, json};
use trifactor_host::Accuracy;
use trifactor_model::Model;

/// The emulated chip on the episodes that float answered too.
#[derive(Clone, Debug)]
pub struct ChipRow {
    /// Its accuracy.
    pub accuracy: Accuracy,
    /// Chip minus float, episode by episode, as a share.
    pub difference: Estimate,
    /// What an episode costs.
    pub cost: Cost,
    /// States that were clipped, and how often in all episodes.
    pub saturations: Vec<(String, u64)>,
    /// Cost coefficients that the preset does not give and that count as 0.
    pub missing_costs: Vec<&'static str>,
    /// Cost preset.
    pub preset: String,
}

/// Means per episode.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cost {
    /// Steps, those in which the answer is on its way included.
    pub steps: f64,
    /// Time on the chip in microseconds.
    pub microseconds: f64,
    /// Energy in microjoules.
    pub microjoules: f64,
}

/// How much of a chip the model takes.
#[derive(Clone, PartialEq, Debug)]
pub struct ChipUse {
    /// The chip's name.
    pub name: String,
    /// Cores in use.
    pub cores: usize,
    /// Cores of the chip.
    pub of: u32,
    /// Steps of a learning epoch.
    pub epoch: u32,
    /// Length of a step of the model in milliseconds.
    pub step_ms: f64,
}

impl ChipUse {
    pub(crate) fn of(prepared: &Prepared, model: &Model) -> Self {
        let report = &prepared.compiled.report;
        Self {
            name: prepared.chip.name.clone(),
            cores: report.cores.len(),
            of: report.n_cores,
            epoch: model.network.epoch,
            step_ms: model.step_ms,
        }
    }

    /// Microseconds of a learning epoch on the chip.
    pub(crate) fn per_epoch(&self, cost: Cost) -> f64 {
        cost.microseconds / cost.steps * f64::from(self.epoch)
    }
}

/// Lines about chip and costs; `episode` names the episode whose costs are given.
pub(crate) fn chip_lines(chip: &ChipUse, row: &ChipRow, episode: &str) -> Vec<String> {
    let Cost { steps, microseconds, microjoules } = row.cost;
    let mut lines = vec![
        format!("{}, {} of {} cores, costs by '{}'", chip.name, chip.cores, chip.of, row.preset),
        format!("{episode}: {steps:.0} steps, {microseconds:.1} us, {microjoules:.3} uJ"),
        format!(
            "an epoch of {} step(s): {:.3} us; the model's own time is {} us",
            chip.epoch,
            chip.per_epoch(row.cost),
            1000.0 * chip.step_ms * f64::from(chip.epoch)
        ),
    ];
    if !row.missing_costs.is_empty() {
        lines.push(format!("not in the preset, counted as 0: {}", row.missing_costs.join(", ")));
    }
    for (state, count) in &row.saturations {
        lines.push(format!("saturated: {state}, {count} times in all episodes"));
    }
    lines
}

/// States that were clipped, by name, with their counts: the form that runs of a protocol give too.
pub(crate) fn saturations(row: &ChipRow) -> Value {
    Value::Object(row.saturations.iter().map(|(k, v)| (k.clone(), json!(v))).collect())
}

/// Six digits: enough for a million episodes, and no noise of floating point behind them.
pub(crate) fn rounded(x: f64) -> Value {
    let x = (x * 1e6).round() / 1e6;
    if x.is_finite() { json!(x + 0.0) } else { Value::Null }
}

pub(crate) fn share(a: &Accuracy) -> Value {
    rounded(a.mean)
}

pub(crate) fn interval(a: &Accuracy) -> Value {
    json!([rounded(a.low), rounded(a.high)])
}

/// `95.1 [93.6, 96.3]`, in percent.
pub(crate) fn percent(a: &Accuracy) -> String {
    format!("{:.1} [{:.1}, {:.1}]", 100.0 * a.mean, 100.0 * a.low, 100.0 * a.high)
}

/// `-0.20 ± 0.39`, in points.
pub(crate) fn signed(d: &Estimate) -> String {
    format!("{:+.2} ± {:.2}", 100.0 * d.mean + 0.0, 100.0 * d.half_width)
}
