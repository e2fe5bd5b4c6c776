//! Means of many runs beside recorded means.

use crate::Finding;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Recorded mean and sample variance, one of each per row.
#[derive(Clone, Deserialize)]
pub(crate) struct Moments {
    mean: Vec<f64>,
    var: Vec<f64>,
}

/// Largest distance of two means, in combined standard errors.
const BOUND: f64 = 4.0;

/// Values of a run after the other, by name.
#[derive(Default)]
pub(crate) struct Samples {
    by_name: BTreeMap<String, Vec<Vec<f64>>>,
}

impl Samples {
    /// Adds the values of one run.
    pub fn add(&mut self, name: &str, values: impl Iterator<Item = i64>) {
        let rows = self.by_name.entry(name.to_owned()).or_default();
        for (at, value) in values.enumerate() {
            if rows.len() == at {
                rows.push(Vec::new());
            }
            rows[at].push(value as f64);
        }
    }

    /// The largest distance between our means and the recorded ones of as many runs.
    pub fn compare(
        &self,
        expected: &BTreeMap<String, Moments>,
        runs: u32,
    ) -> Result<Finding, String> {
        let mut worst = (0.0, String::new());
        for (name, recorded) in expected {
            let ours = self.by_name.get(name);
            let ours =
                ours.ok_or_else(|| format!("'{name}' is recorded, and not computed here"))?;
            if ours.len() != recorded.mean.len() || recorded.mean.len() != recorded.var.len() {
                return Err(format!(
                    "'{name}' has {} rows, recorded {}",
                    ours.len(),
                    recorded.mean.len()
                ));
            }
            for (row, values) in ours.iter().enumerate() {
                let n = f64::from(runs);
                let mean = values.iter().sum::<f64>() / n;
                let var =
                    values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
                let (there, its_var) = (recorded.mean[row], recorded.var[row]);
                let error = ((var + its_var) / n).sqrt();
                // Recorded means have few digits.
                let apart = (mean - there).abs();
                let distance = match error {
                    0.0 if apart < 1e-6 => 0.0,
                    0.0 => f64::INFINITY,
                    error => apart / error,
                };
                if distance > worst.0 {
                    worst = (distance, format!("{name} in row {}", row + 1));
                }
            }
        }
        let (figure, place) = worst;
        if figure > BOUND {
            return Err(format!("{figure:.2} combined standard errors in {place}"));
        }
        Ok(Finding::Statistical(
            figure,
            format!("of {BOUND} combined standard errors at most, in {place}, over {runs} runs"),
        ))
    }
}
