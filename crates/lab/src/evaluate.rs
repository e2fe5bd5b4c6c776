//! Trained parameters on the evaluation task of their `train.ron`, whatever the task is.
//!
//! [`evaluate`] answers the same evaluation episodes in float and on the emulated chip, measures
//! the control whose rule has rates of 0, and returns an [`Evaluation`]: text and JSON. Results
//! depend on model, parameters, seed and number of episodes alone, not on threads.

use crate::episodes::{
    ChipRow, ChipUse, Exam, accuracy, chip_lines, fault, interval, percent, rounded, saturations,
    share, signed, trained,
};
use crate::error::LabError;
use crate::outcome::Progress;
use crate::prepare::{find_chip, prepare};
use crate::tables::Table;
use crate::threads;
use serde_json::{Value, json};
use std::fmt;
use std::path::{Path, PathBuf};
use trifactor_diag::Diagnostics;
use trifactor_host::task::{Task, distinct};
use trifactor_host::{Accuracy, Link, Settings, without_plasticity};

/// What a caller may choose.
#[derive(Clone, Debug, Default)]
pub struct EvaluateOptions {
    /// Episodes; by default those of `evaluation` in the settings, or all that are recorded where
    /// these are fewer.
    pub episodes: Option<u32>,
    /// Seed of the episodes; by default another one than that of measurements during training.
    pub seed: Option<u32>,
    /// Parameters; by default the model's `params.safetensors`.
    pub params: Option<PathBuf>,
    /// Chip by name or path; by default the model's.
    pub chip: Option<String>,
    /// Worker threads; by default all cores. Results do not depend on it.
    pub threads: Option<usize>,
    /// Leave the chip out.
    pub float_only: bool,
}

/// What a measurement found.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The model's name.
    pub model: String,
    /// Episodes, the same for float, chip and control.
    pub episodes: u32,
    /// Seed of the episodes.
    pub seed: u32,
    /// The share that chance reaches.
    pub chance: f64,
    /// Float.
    pub float: Accuracy,
    /// The emulated chip; none where it was left out.
    pub chip: Option<(ChipUse, ChipRow)>,
    /// The net with its rates at 0, in float; none if the settings name no rates.
    pub rates_zero: Option<Accuracy>,
    /// What is legal but worth knowing about the model and its formats.
    pub warnings: Diagnostics,
}

/// Measures the parameters of the model in `folder`.
///
/// Errors: the model, its `train.ron` or its parameters cannot be used, `train.ron` names no
/// evaluation, the chip cannot hold the model, or more episodes are asked for than are recorded.
/// Nothing has been written anywhere.
pub fn evaluate(
    folder: &Path,
    options: &EvaluateOptions,
    progress: &dyn Progress,
) -> Result<Evaluation, LabError> {
    let path = folder.join("train.ron");
    let settings = Settings::load(&path, folder)?;
    let Some(evaluation) = &settings.evaluation else {
        let message = "has no `evaluation`, which says on what to measure; add \
                       `evaluation: (every: 100, episodes: 500, task: ..)`";
        return Err(fault(&path, message.to_owned()));
    };
    let model = trained(folder, options.params.as_ref())?;
    let task = evaluation.task.build(&settings.folder)?;
    // Before any work is done, not after half of it.
    Link::new(&model.network, &settings.readout, task.as_ref())?;
    let exam = Exam {
        model: &model,
        settings: &settings,
        seed: options.seed.unwrap_or(evaluation.seed.wrapping_add(1)),
        episodes: number(options.episodes, evaluation.episodes, task.as_ref())?,
        threads: threads(options.threads),
        progress,
    };
    let prepared = if options.float_only {
        None
    } else {
        let name = options.chip.as_deref().unwrap_or(&model.chip);
        Some(prepare(&model, find_chip(name)?)?)
    };
    let float = exam.float(&model.network, task.as_ref(), "float")?;
    let chip = match &prepared {
        None => None,
        Some(prepared) => {
            let row = exam.chip(task.as_ref(), prepared, &float, "chip")?;
            Some((ChipUse::of(prepared, &model), row))
        }
    };
    let rates_zero = if settings.rates.is_empty() {
        None
    } else {
        let still = without_plasticity(&model.network, &settings.rates)?;
        Some(accuracy(&exam.float(&still, task.as_ref(), "rates at 0")?))
    };
    let mut warnings = model.warnings.clone();
    if let Some(prepared) = prepared {
        warnings.append(prepared.warnings);
    }
    Ok(Evaluation {
        model: model.name.clone(),
        episodes: exam.episodes,
        seed: exam.seed,
        chance: 1.0 / task.classes() as f64,
        float: accuracy(&float),
        chip,
        rates_zero,
        warnings,
    })
}

/// The number of episodes. Recorded ones are shown once: an interval from repeated episodes would
/// be narrower than what is known.
fn number(asked: Option<u32>, settings: usize, task: &dyn Task) -> Result<u32, LabError> {
    let wanted = asked.map_or(settings, |n| n as usize).max(1);
    let found = distinct(task, wanted);
    if asked.is_some() && found < wanted {
        return Err(LabError::Task(format!(
            "{wanted} episodes are asked for and the evaluation has {found} recorded ones; \
             repeating them would not make the interval any better"
        )));
    }
    Ok(u32::try_from(found).unwrap_or(u32::MAX))
}

impl Evaluation {
    /// The machine-readable report. Accuracies are shares, rounded to six digits.
    pub fn to_json(&self) -> Value {
        let row = self.chip.as_ref().map(|(_, row)| row);
        json!({
            "model": self.model,
            "episodes": self.episodes,
            "seed": self.seed,
            "chance": rounded(self.chance),
            "accuracy": {
                "float": share(&self.float),
                "chip": row.map(|r| share(&r.accuracy)),
                "rates_zero": self.rates_zero.as_ref().map(share),
            },
            "intervals": {
                "float": interval(&self.float),
                "chip": row.map(|r| interval(&r.accuracy)),
                "rates_zero": self.rates_zero.as_ref().map(interval),
            },
            "chip_minus_float": row.map(|r| json!({
                "mean": rounded(r.difference.mean),
                "half_width": rounded(r.difference.half_width),
            })),
            "steps_per_episode": row.map(|r| rounded(r.cost.steps)),
            "microseconds_per_episode": row.map(|r| rounded(r.cost.microseconds)),
            "microjoules_per_episode": row.map(|r| rounded(r.cost.microjoules)),
            "saturations": row.map(saturations),
            "missing_costs": row.map(|r| r.missing_costs.clone()),
            "chip": self.chip.as_ref().map(|(chip, _)| chip.name.clone()),
            "cores": self.chip.as_ref().map(|(chip, _)| chip.cores),
        })
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["", "accuracy", "minus float"]);
        let mut add = |name: &str, accuracy: String, difference: String| {
            table.rows.push(vec![name.to_owned(), accuracy, difference]);
        };
        add("float", percent(&self.float), String::new());
        if let Some((_, row)) = &self.chip {
            add("chip", percent(&row.accuracy), signed(&row.difference));
        }
        let rates = self.rates_zero.as_ref();
        let unnamed = || "not measured: the settings name no rates".to_owned();
        add("rates at 0, float", rates.map_or_else(unnamed, percent), String::new());
        table
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, episodes, seed, .. } = self;
        let chance = 100.0 * self.chance;
        writeln!(
            f,
            "{model}: {episodes} evaluation episodes, seed {seed}, chance {chance:.1} %\n"
        )?;
        writeln!(f, "{}", self.table().text())?;
        match &self.chip {
            None => writeln!(f, "the chip was left out")?,
            Some((chip, row)) => {
                for line in chip_lines(chip, row, "an episode") {
                    writeln!(f, "{line}")?;
                }
            }
        }
        writeln!(f, "(percent with 95 % intervals; the difference is paired, episode by episode)")
    }
}
