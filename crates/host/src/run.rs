//! A training as a directory that can be continued after any interruption.
//!
//! | file | holds |
//! |---|---|
//! | `run.ron` | model, its hash, seed, all settings with defaults written out |
//! | `metrics.csv` | one row per update |
//! | `evaluation.csv` | one row per measurement on evaluation permutations |
//! | `checkpoint.bin` | everything that changes from update to update |
//! | `params.safetensors` | the averaged parameters, for the model's folder |
//!
//! Nothing in it depends on time, threads or interruptions: a run that was killed and resumed ends
//! with the same bytes as one that was not.

use crate::HostError;
use crate::checkpoint::{Checkpoint, write_atomically};
use crate::evaluate::Accuracy;
use crate::settings::Settings;
use crate::train::{Training, Update};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use trifactor_ir::CheckedNetwork;
use trifactor_model::{Model, write_params};
use trifactor_quant::Plan;

/// What a caller may choose about a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunOptions {
    /// Seed of initial values and episodes.
    pub seed: u32,
    /// Worker threads. Results do not depend on it.
    pub threads: usize,
    /// Continue what is there; without, a directory that holds a run is refused.
    pub resume: bool,
    /// Train with the rule's rates at 0 all the time: the control.
    pub without_plasticity: bool,
    /// The model's values are those of an earlier training, which the run should remember.
    pub go_on: bool,
}

/// Told about a run while it goes on; may end it at any moment, as a kill would.
pub trait Watch {
    /// An update has been made.
    fn update(&mut self, update: &Update, of: u64) -> ControlFlow<()>;
    /// A measurement: averaged parameters, then the latest.
    fn evaluation(&mut self, update: u64, averaged: &Accuracy, latest: &Accuracy);
}

/// A directory with a run.
pub struct RunDirectory {
    path: PathBuf,
    metrics: File,
    evaluations: File,
    training: Training,
    settings: Settings,
}

#[derive(Serialize)]
struct RunFile<'a> {
    model: &'a str,
    model_hash: String,
    seed: u32,
    plastic: bool,
    /// CRC-32 of all values of the model that a training goes on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    /// CRC-32 of the recorded episodes of every task that has some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recorded: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tuning: Option<TuningFile<'a>>,
    settings: &'a Settings,
}

/// What a fine-tuning depends on beyond the settings.
#[derive(Serialize)]
struct TuningFile<'a> {
    chip: &'a str,
    plan_hash: String,
}

/// What a fine-tuning needs beyond a training.
#[derive(Clone, Debug)]
pub struct Tuning<'a> {
    /// Name of the chip.
    pub chip: &'a str,
    /// Its formats for the model: the plan of its network with shared parameters folded.
    pub plan: &'a Plan,
    /// Hash of that plan.
    pub plan_hash: String,
}

const METRICS: &str = "update,stage,loss,accuracy,activity,gradient_norm,rate\n";
const EVALUATIONS: &str = "update,stage,accuracy,low,high,latest,episodes\n";

impl RunDirectory {
    /// Begins a run, or with `resume` continues the one that is there.
    ///
    /// Errors: the directory holds a run and `resume` is not set; the run there has other
    /// settings, another model or another seed; its checkpoint is damaged; a file cannot be
    /// written; the settings do not fit the model.
    pub fn open(
        path: &Path,
        model: &Model,
        settings: &Settings,
        options: &RunOptions,
    ) -> Result<Self, HostError> {
        let plastic = !options.without_plasticity;
        let training =
            Training::new(&model.network, settings, options.seed, options.threads, plastic)?;
        let text = run_file(model, settings, options, &training, None);
        Self::with(path, settings, options, training, &text)
    }

    /// Begins or continues a fine-tuning in the number formats of a chip, from the model's present
    /// values. `settings` are usually those of [`Settings::for_tuning`].
    ///
    /// Errors: as [`open`](Self::open); also where the model's values or their formats are no
    /// longer those of the run.
    pub fn open_tuning(
        path: &Path,
        model: &Model,
        settings: &Settings,
        options: &RunOptions,
        tuning: Tuning<'_>,
    ) -> Result<Self, HostError> {
        let (seed, threads) = (options.seed, options.threads);
        let training = Training::held_in(&model.network, settings, seed, threads, tuning.plan)?;
        let file = TuningFile { chip: tuning.chip, plan_hash: tuning.plan_hash };
        let text = run_file(model, settings, options, &training, Some(file));
        Self::with(path, settings, options, training, &text)
    }

    fn with(
        path: &Path,
        settings: &Settings,
        options: &RunOptions,
        mut training: Training,
        text: &str,
    ) -> Result<Self, HostError> {
        std::fs::create_dir_all(path)
            .map_err(|source| HostError::File { path: path.to_owned(), source })?;
        let run_path = path.join("run.ron");
        let mut tables = [0, 0];
        if run_path.exists() {
            let refuse = |path: PathBuf, message: &str| {
                Err(HostError::Checkpoint { path, message: message.to_owned() })
            };
            if !options.resume {
                return refuse(
                    run_path,
                    "is a run already; continue it with --resume, or name another directory",
                );
            }
            if read(&run_path)? != text.as_bytes() {
                return refuse(
                    run_path,
                    "belongs to a run with other settings, model, values, recorded episodes or seed; \
                     name another directory",
                );
            }
            let checkpoint = path.join("checkpoint.bin");
            // A run that was killed before its first checkpoint begins again.
            if checkpoint.exists() {
                match Checkpoint::from_bytes(&read(&checkpoint)?) {
                    Ok(found) if found.progress.raw.len() == training.progress.raw.len() => {
                        training.progress = found.progress;
                        tables = found.tables;
                    }
                    Ok(_) => return refuse(checkpoint, "belongs to another model"),
                    Err(message) => return refuse(checkpoint, message),
                }
            }
        }
        write_atomically(&run_path, text.as_bytes())?;
        let metrics = table(&path.join("metrics.csv"), tables[0], METRICS)?;
        let evaluations = table(&path.join("evaluation.csv"), tables[1], EVALUATIONS)?;
        Ok(Self {
            path: path.to_owned(),
            metrics,
            evaluations,
            training,
            settings: settings.clone(),
        })
    }

    /// The training in its present state.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// Makes updates until the run ends or `watch` stops it. Returns whether it has ended.
    pub fn run(&mut self, model: &Model, watch: &mut dyn Watch) -> Result<bool, HostError> {
        while !self.training.ended() {
            let update = self.training.update()?;
            let row = format!(
                "{},{},{},{},{},{},{}\n",
                update.update,
                update.stage,
                update.loss,
                update.accuracy,
                update.activity,
                update.norm,
                update.rate
            );
            append(&mut self.metrics, &self.path.join("metrics.csv"), &row)?;
            if self.training.evaluation_due()
                && let Some((averaged, latest)) = self.training.evaluate()?
            {
                let Accuracy { mean, low, high, episodes } = averaged;
                let (n, stage) = (update.update, update.stage);
                let row = format!("{n},{stage},{mean},{low},{high},{},{episodes}\n", latest.mean);
                append(&mut self.evaluations, &self.path.join("evaluation.csv"), &row)?;
                watch.evaluation(update.update, &averaged, &latest);
            }
            let due = update.update.is_multiple_of(self.settings.checkpoint_every);
            if due || self.training.ended() {
                self.save(model)?;
            }
            if watch.update(&update, self.settings.updates).is_break() {
                return Ok(self.training.ended());
            }
        }
        Ok(true)
    }

    /// Parameters first: a checkpoint never stands for files that are not there.
    fn save(&mut self, model: &Model) -> Result<(), HostError> {
        let values = self.training.averaged();
        let lists: Vec<_> = values.iter().map(|(state, list)| (*state, list.as_slice())).collect();
        let bytes = write_params(&model.network, &model.hash, &lists)?;
        write_atomically(&self.path.join("params.safetensors"), &bytes)?;
        let mut tables = [0, 0];
        for (length, (file, name)) in tables
            .iter_mut()
            .zip([(&mut self.metrics, "metrics.csv"), (&mut self.evaluations, "evaluation.csv")])
        {
            let fault = |source| HostError::File { path: self.path.join(name), source };
            file.sync_all().map_err(fault)?;
            *length = file.stream_position().map_err(fault)?;
        }
        let checkpoint = Checkpoint { progress: self.training.progress.clone(), tables };
        write_atomically(&self.path.join("checkpoint.bin"), &checkpoint.to_bytes())
    }
}

fn run_file(
    model: &Model,
    settings: &Settings,
    options: &RunOptions,
    training: &Training,
    tuning: Option<TuningFile<'_>>,
) -> String {
    let file = RunFile {
        model: &model.name,
        model_hash: model.hash.to_string(),
        seed: options.seed,
        plastic: !options.without_plasticity,
        start: options.go_on.then(|| fingerprint(&model.network)),
        recorded: training.checksums().map(|sum| format!("{sum:08x}")).collect(),
        tuning,
        settings,
    };
    let pretty = ron::ser::PrettyConfig::new().new_line("\n".to_owned());
    let text = ron::ser::to_string_pretty(&file, pretty);
    text.expect("internal: settings hold nothing that RON cannot write") + "\n"
}

/// CRC-32 of all parameters and initial values, trained or not.
fn fingerprint(network: &CheckedNetwork) -> String {
    let mut sum = crc32fast::Hasher::new();
    for state in network.states.values() {
        for lane in 0..network.lanes(state.space) {
            sum.update(&state.init.at(lane).to_le_bytes());
        }
    }
    format!("{:08x}", sum.finalize())
}

fn read(path: &Path) -> Result<Vec<u8>, HostError> {
    std::fs::read(path).map_err(|source| HostError::File { path: path.to_owned(), source })
}

/// Opens a table and cuts off what was written after the checkpoint.
fn table(path: &Path, length: u64, head: &str) -> Result<File, HostError> {
    let fault = |source| HostError::File { path: path.to_owned(), source };
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(path)
        .map_err(fault)?;
    if length > 0 && file.metadata().map_err(fault)?.len() < length {
        let message = "is shorter than when the checkpoint was made".to_owned();
        return Err(HostError::Checkpoint { path: path.to_owned(), message });
    }
    file.set_len(length).map_err(fault)?;
    file.seek(SeekFrom::End(0)).map_err(fault)?;
    if length == 0 {
        append(&mut file, path, head)?;
    }
    Ok(file)
}

fn append(file: &mut File, path: &Path, row: &str) -> Result<(), HostError> {
    file.write_all(row.as_bytes())
        .map_err(|source| HostError::File { path: path.to_owned(), source })
}
