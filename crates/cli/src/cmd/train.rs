//! `trifactor train`: meta-training of a model's rule by gradient descent.

use crate::exit::Fault;
use crate::terminal::Terminal;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use trifactor_host::{Accuracy, HostError, RunDirectory, RunOptions, Settings, Update, Watch};
use trifactor_model::{Model, Params, load_with};

const EXAMPLES: &str = "\
Examples:
  trifactor train firmware-models/cue-association
  trifactor train firmware-models/cue-association --updates 1000 --seed 2 --out short
  trifactor train firmware-models/cue-association --out short --resume
  trifactor train firmware-models/cue-association --seed 1 --seed 2 --seed 3
  trifactor train firmware-models/cue-association --from short/params.safetensors --out longer

What is trained, on which task and how, stands in the model's train.ron. A run is a directory:
run.ron (all settings), metrics.csv (a row per update), evaluation.csv (accuracy on permutations
that training never shows), checkpoint.bin and params.safetensors. A run that was interrupted at
any moment continues with --resume to the same bytes, with any number of threads. Copy
params.safetensors into the model's folder to use what was learned.

Where train.ron names further settings under `then`, a second part follows in the folder `then` of
the run, from the parameters of the first and with a seed that is larger by 10. --updates ends the
training after so many updates of the first part.";

/// Train a model's rule by gradient descent through its plasticity.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// Folder with the model's model.ron and train.ron.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Settings; by default the model's train.ron.
    #[arg(long, value_name = "FILE.ron")]
    settings: Option<PathBuf>,
    /// Directory of the run; by default trifactor-out/train/NAME. Several seeds get one each in it.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Number of updates; by default the settings'.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    updates: Option<u32>,
    /// Seed of initial values and episodes; may be given several times.
    #[arg(long = "seed", value_name = "S", default_values_t = [1])]
    seeds: Vec<u32>,
    /// Worker threads; by default one for each processor. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Continue a run that was interrupted.
    #[arg(long)]
    resume: bool,
    /// Train with the rule's rates at 0 all the time: the control.
    #[arg(long)]
    without_plasticity: bool,
    /// Begin at these parameters instead of new ones.
    #[arg(long, value_name = "FILE.safetensors")]
    from: Option<PathBuf>,
}

/// Most parts of a training; more are a circle.
const MOST_PARTS: usize = 8;
/// How far the seeds of two parts are apart, so that parts do not repeat each other's episodes.
const SEEDS_APART: u32 = 10;

/// A part of a training.
struct Part {
    /// File of its settings.
    path: PathBuf,
    settings: Settings,
    /// Whether it begins at parameters instead of new values.
    go_on: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        // Parameters that lie in the folder are the result of a training, not its start.
        let start = self.from.clone().map_or(Params::Initial, Params::File);
        let model = load_with(&self.model, &start)?;
        terminal.findings(&model.warnings);
        let parts = self.parts()?;
        let out = self.out.clone().unwrap_or_else(|| {
            let name = crate::folder::default_for(&model.name);
            Path::new("trifactor-out/train").join(name.file_name().unwrap_or_default())
        });
        for seed in &self.seeds {
            let mut out =
                if self.seeds.len() > 1 { out.join(format!("seed-{seed}")) } else { out.clone() };
            let mut start: Option<PathBuf> = None;
            for (k, part) in (0..).zip(&parts) {
                let seed = seed.wrapping_add(k * SEEDS_APART);
                let model = match &start {
                    None => &model,
                    Some(params) => &load_with(&self.model, &Params::File(params.clone()))?,
                };
                // A part that was not begun has nothing to continue.
                let resume = self.resume && (k == 0 || out.exists());
                self.part(part, model, &out, (seed, resume), terminal)?;
                start = Some(out.join("params.safetensors"));
                out = out.join("then");
            }
        }
        Ok(())
    }

    /// The settings of all parts, read before the first one begins.
    fn parts(&self) -> Result<Vec<Part>, Fault> {
        let mut next = Some(self.settings.clone().unwrap_or_else(|| self.model.join("train.ron")));
        let mut parts: Vec<Part> = Vec::new();
        while let Some(path) = next {
            if parts.len() == MOST_PARTS {
                let path = path.display();
                return Err(Fault::File(format!(
                    "then: {path} would be part {} of the training, and {MOST_PARTS} are the limit",
                    MOST_PARTS + 1
                )));
            }
            let mut settings = Settings::load(&path, &self.model).map_err(|e| fault(e, &path))?;
            let go_on = self.from.is_some() || !parts.is_empty();
            if go_on {
                settings = settings.going_on();
            }
            next = settings.then.as_ref().map(|then| self.model.join(then));
            if let Some(updates) = self.updates {
                settings.updates = u64::from(updates);
                // A number of updates is that of the whole training.
                next = None;
            }
            parts.push(Part { path, settings, go_on });
        }
        Ok(parts)
    }

    fn part(
        &self,
        part: &Part,
        model: &Model,
        out: &Path,
        (seed, resume): (u32, bool),
        terminal: &Terminal,
    ) -> Result<(), Fault> {
        let Part { path, settings, go_on } = part;
        let options = RunOptions {
            seed,
            threads: threads(self.threads),
            resume,
            without_plasticity: self.without_plasticity,
            go_on: *go_on,
        };
        let mut run =
            RunDirectory::open(out, model, settings, &options).map_err(|e| fault(e, path))?;
        let mut bar = Bar::new(terminal, run.training().updates(), settings.updates);
        run.run(model, &mut bar).map_err(|e| fault(e, path))?;
        bar.bar.finish_and_clear();
        let accuracy = bar.last.map_or_else(String::new, measured);
        let updates = run.training().updates();
        terminal.print(&format!(
            "seed {seed}: {updates} updates{accuracy}\n  {}\n",
            out.join("params.safetensors").display()
        ))
    }
}

/// The threads that were asked for, else one for each processor.
pub(super) fn threads(asked: Option<u16>) -> usize {
    trifactor_lab::threads(asked.map(usize::from))
}

/// A measurement in words.
pub(super) fn measured(a: Accuracy) -> String {
    let (mean, low, high) = (100.0 * a.mean, 100.0 * a.low, 100.0 * a.high);
    format!(", {mean:.1} % [{low:.1}, {high:.1}] of {} evaluation episodes", a.episodes)
}

/// A fault of the settings names the file they were read from.
pub(super) fn fault(error: HostError, path: &Path) -> Fault {
    match error {
        HostError::Model(found) => Fault::Model(found),
        HostError::Settings { message, .. } => {
            Fault::File(format!("{}: {message}", path.display()))
        }
        other => Fault::File(other.to_string()),
    }
}

/// Progress with loss, accuracy, updates per second and the time left.
pub(super) struct Bar {
    pub(super) bar: ProgressBar,
    /// Means over about the last twenty updates.
    loss: f64,
    accuracy: f64,
    pub(super) last: Option<Accuracy>,
}

impl Bar {
    pub(super) fn new(terminal: &Terminal, done: u64, updates: u64) -> Self {
        let template = "stage {prefix} [{bar:30}] {pos}/{len} {per_sec} {eta} {msg}";
        let style = ProgressStyle::with_template(template)
            .expect("internal: the template of a progress bar is legal")
            .progress_chars("=> ");
        let shown = std::io::stderr().is_terminal() && !terminal.quiet();
        let bar = if shown { ProgressBar::new(updates) } else { ProgressBar::hidden() };
        bar.set_position(done);
        bar.reset_eta();
        Self { bar: bar.with_style(style), loss: f64::NAN, accuracy: f64::NAN, last: None }
    }
}

impl Watch for Bar {
    fn update(&mut self, update: &Update, _: u64) -> ControlFlow<()> {
        let follow = |mean: f64, x: f64| if mean.is_nan() { x } else { mean + (x - mean) / 20.0 };
        self.loss = follow(self.loss, update.loss);
        self.accuracy = follow(self.accuracy, update.accuracy);
        let measured = self
            .last
            .map_or_else(String::new, |a| format!(", new episodes {:.1} %", 100.0 * a.mean));
        self.bar.set_prefix(update.stage.to_string());
        self.bar.set_message(format!(
            "loss {:.3}, accuracy {:.1} %{measured}",
            self.loss,
            100.0 * self.accuracy
        ));
        self.bar.set_position(update.update);
        ControlFlow::Continue(())
    }

    fn evaluation(&mut self, _: u64, averaged: &Accuracy, _: &Accuracy) {
        self.last = Some(*averaged);
    }
}
