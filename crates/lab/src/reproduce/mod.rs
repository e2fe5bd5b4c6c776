//! Trained parameters of one-shot cue association beside the published figures.
//!
//! [`reproduce`] loads a model with its parameters, answers evaluation episodes in float and on
//! the emulated chip (the same episodes, so that differences are paired), measures the controls
//! and the observers of [`trifactor_host::observer`], and returns a [`Reproduction`]: a table to
//! print, JSON, and the files of a report with pictures. docs/reproduce.md says how to read them.
//!
//! Results depend on model, parameters, seed and numbers alone, not on threads.

mod pictures;
mod recording;
mod report;
mod training;

pub use crate::episodes::{ChipRow, ChipUse, Cost};
pub use report::{ReadingRow, Reproduction, Row};

use crate::episodes::{Exam, accuracy, trained};
use crate::error::LabError;
use crate::outcome::Progress;
use crate::prepare::{Prepared, find_chip, prepare};
use crate::threads;
use recording::Recording;
use std::path::{Path, PathBuf};
use trifactor_host::observer::{Observer, observe};
use trifactor_host::task::{CueAssociation, Rest, Sides, TaskSpec};
use trifactor_host::{Accuracy, Link, Settings, without_plasticity};
use trifactor_model::{Params, load_with};

/// Accuracies that the paper gives in percent, by the number of cues. Source: Schmidgall and Hays,
/// *Learning to learn online*, experiment 1: five cues the mean of 30 trainings, the others the
/// same nets without further training.
pub const PUBLISHED: [(u32, f64); 5] = [(1, 98.1), (3, 96.7), (5, 95.6), (7, 94.2), (15, 68.7)];

/// Numbers of cues of a run where the caller names none.
const CUES: [u32; 8] = [1, 3, 5, 7, 9, 11, 13, 15];
/// The number of cues of the paper's training; controls and readings are measured there.
const REFERENCE_CUES: u32 = 5;
/// Episodes of a run where the caller gives no number.
const EPISODES: u32 = 1000;
/// Most episodes that observers answer: their interval is narrow long before.
const MOST_OBSERVED: u32 = 2000;

/// How the paper's text is read where it leaves the task open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reading {
    /// Each cue is on the class side with the model's probability; cue lines rest silently.
    #[default]
    Biased,
    /// Both sides are equally likely for each cue, the class is the majority's.
    Iid,
    /// All cues are on the class side.
    OneSided,
    /// As biased, but cue lines fire at the background probability outside cue periods.
    Background,
}

impl Reading {
    /// All readings.
    pub const ALL: [Self; 4] = [Self::Biased, Self::Iid, Self::OneSided, Self::Background];

    /// The word that reports use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Biased => "biased",
            Self::Iid => "iid",
            Self::OneSided => "one-sided",
            Self::Background => "background",
        }
    }

    /// The same task in this reading, with so many cues; every trial shows all of them, and no
    /// share of trials is easier than the others.
    fn task(self, base: &CueAssociation, cues: u32) -> CueAssociation {
        let biased = match base.sides {
            Sides::Biased(p) => Sides::Biased(p),
            Sides::Iid | Sides::OneSided => Sides::Biased(0.7),
        };
        let (sides, rest) = match self {
            Self::Biased => (biased, Rest::Silent),
            Self::Iid => (Sides::Iid, Rest::Silent),
            Self::OneSided => (Sides::OneSided, Rest::Silent),
            Self::Background => (biased, Rest::Background),
        };
        CueAssociation { cues, sides, rest, one_sided: 0.0, fewer: 0.0, ..base.clone() }
    }
}

/// What a caller may choose.
#[derive(Clone, Debug, Default)]
pub struct ReproduceOptions {
    /// Episodes for each number of cues; by default 1,000.
    pub episodes: Option<u32>,
    /// Seed of the episodes; by default another one than that of measurements during training.
    pub seed: Option<u32>,
    /// Reading of the task.
    pub reading: Reading,
    /// Numbers of cues; by default the odd ones from 1 to 15.
    pub cues: Option<Vec<u32>>,
    /// Parameters; by default the model's `params.safetensors`.
    pub params: Option<PathBuf>,
    /// Chip by name or path; by default the model's.
    pub chip: Option<String>,
    /// Worker threads; by default all cores. Results do not depend on it.
    pub threads: Option<usize>,
    /// Leave the chip out.
    pub float_only: bool,
}

/// What one run works with.
struct Study<'a> {
    exam: Exam<'a>,
    base: &'a CueAssociation,
}

/// Measures the parameters of the model in `folder`.
///
/// Errors: the model, its `train.ron` or its parameters cannot be used, the chip cannot hold it, a
/// number of cues is even or too large. Nothing has been written anywhere.
pub fn reproduce(
    folder: &Path,
    options: &ReproduceOptions,
    progress: &dyn Progress,
) -> Result<Reproduction, LabError> {
    let settings = Settings::load(&folder.join("train.ron"), folder)?;
    let base = base_task(&settings)?;
    let model = trained(folder, options.params.as_ref())?;
    let curves = training::curves(&folder.join("training"))?;
    let measured = settings.evaluation.as_ref().map_or(0, |e| e.seed);
    let exam = Exam {
        model: &model,
        settings: &settings,
        seed: options.seed.unwrap_or(measured.wrapping_add(1)),
        episodes: options.episodes.unwrap_or(EPISODES).max(1),
        threads: threads(options.threads),
        progress,
    };
    let study = Study { exam, base: &base };
    let cues = numbers_of_cues(options)?;
    let reference = if cues.contains(&REFERENCE_CUES) { REFERENCE_CUES } else { cues[0] };
    for &m in &cues {
        // Before any work is done, not after half of it.
        let task = options.reading.task(&base, m);
        task.check().map_err(LabError::Task)?;
        Link::new(&model.network, &settings.readout, &task)?;
    }
    let prepared = if options.float_only {
        None
    } else {
        let name = options.chip.as_deref().unwrap_or(&model.chip);
        Some(prepare(&model, find_chip(name)?)?)
    };
    let rows = study.rows(options.reading, &cues, prepared.as_ref())?;
    let (rates_zero, no_plasticity) = study.controls(folder, options.reading, reference)?;
    let readings = study.readings(options.reading, reference, &rows)?;
    let task = options.reading.task(&base, reference);
    let shown = Recording::of(&study.exam, &task, prepared.as_ref())?;
    let pictures = pictures::all(&study.exam, &task, &rows, &shown, &curves)?;
    let mut warnings = model.warnings.clone();
    if let Some(prepared) = &prepared {
        warnings.append(prepared.warnings.clone());
    }
    Ok(Reproduction {
        model: model.name.clone(),
        reading: options.reading,
        episodes: study.exam.episodes,
        seed: study.exam.seed,
        reference,
        rows,
        no_plasticity,
        rates_zero,
        readings,
        chip: prepared.as_ref().map(|p| ChipUse::of(p, &model)),
        pictures,
        warnings,
    })
}

/// The task whose numbers every reading shares: that of measurements, else of the last stage.
fn base_task(settings: &Settings) -> Result<CueAssociation, LabError> {
    let measured = settings.evaluation.as_ref().map(|e| &e.task);
    let last = settings.stages.last().and_then(|s| s.tasks.last());
    match measured.or(last) {
        Some(TaskSpec::CueAssociation(task)) => Ok(task.clone()),
        None => Ok(CueAssociation::default()),
        Some(TaskSpec::Recorded(_)) => Err(LabError::Task(
            "the model is trained on recorded episodes; only cue association has published \
             figures; `trifactor evaluate` measures any task"
                .to_owned(),
        )),
    }
}

/// The published share for a task, if it is the paper's apart from the number of cues.
fn published(task: &CueAssociation) -> Option<f64> {
    let paper = CueAssociation { cues: task.cues, ..CueAssociation::default() };
    let found = PUBLISHED.iter().find(|(cues, _)| *cues == task.cues && *task == paper)?;
    Some(found.1 / 100.0)
}

fn numbers_of_cues(options: &ReproduceOptions) -> Result<Vec<u32>, LabError> {
    let mut cues = options.cues.clone().unwrap_or_else(|| CUES.to_vec());
    cues.sort_unstable();
    cues.dedup();
    if cues.is_empty() {
        return Err(LabError::Task("no number of cues is given".to_owned()));
    }
    Ok(cues)
}

impl Study<'_> {
    /// Float and chip for every number of cues.
    fn rows(
        &self,
        reading: Reading,
        cues: &[u32],
        prepared: Option<&Prepared>,
    ) -> Result<Vec<Row>, LabError> {
        let mut rows = Vec::new();
        for &m in cues {
            let task = reading.task(self.base, m);
            let network = &self.exam.model.network;
            let float = self.exam.float(network, &task, &format!("float, {m} cues"))?;
            let published = published(&task);
            let what = format!("chip, {m} cues");
            let chip =
                prepared.map(|chip| self.exam.chip(&task, chip, &float, &what)).transpose()?;
            rows.push(Row { cues: m, published, float: accuracy(&float), chip });
        }
        Ok(rows)
    }

    /// The trained net with its rates at 0, and the net that was trained without them.
    fn controls(
        &self,
        folder: &Path,
        reading: Reading,
        cues: u32,
    ) -> Result<(Option<Accuracy>, Option<Accuracy>), LabError> {
        let rates = &self.exam.settings.rates;
        if rates.is_empty() {
            return Ok((None, None));
        }
        let task = reading.task(self.base, cues);
        let still = without_plasticity(&self.exam.model.network, rates)?;
        let rates_zero = accuracy(&self.exam.float(&still, &task, "rates at 0")?);
        let path = folder.join("no-plasticity.safetensors");
        if !path.is_file() {
            return Ok((Some(rates_zero), None));
        }
        // Rates are no part of that file: nothing trained them.
        let plain = load_with(folder, &Params::File(path))?;
        let plain = without_plasticity(&plain.network, rates)?;
        let no_plasticity = accuracy(&self.exam.float(&plain, &task, "no plasticity")?);
        Ok((Some(rates_zero), Some(no_plasticity)))
    }

    /// The reading of the run, and beside the default one those that differ from it.
    fn readings(
        &self,
        reading: Reading,
        cues: u32,
        rows: &[Row],
    ) -> Result<Vec<ReadingRow>, LabError> {
        let list = match reading {
            Reading::Biased => vec![Reading::Biased, Reading::Iid, Reading::Background],
            other => vec![other],
        };
        let mut found = Vec::new();
        for other in list {
            let task = other.task(self.base, cues);
            let measured = rows.iter().find(|r| r.cues == cues && other == reading);
            let float = match measured {
                Some(row) => row.float,
                None => {
                    let what = format!("float, {}", other.word());
                    accuracy(&self.exam.float(&self.exam.model.network, &task, &what)?)
                }
            };
            let n = self.exam.episodes.min(MOST_OBSERVED);
            let watch = |observer, name: &str| -> Result<Accuracy, LabError> {
                let what = format!("{name}, {}", other.word());
                let tell = |done: usize| {
                    self.exam.progress.tell(&what, done as u64, u64::from(n));
                };
                tell(0);
                Ok(observe(
                    observer,
                    &task,
                    (self.exam.seed, n as usize),
                    self.exam.threads,
                    &tell,
                )?)
            };
            let counting = watch(Observer::Counting, "counting")?;
            let ideal = watch(Observer::Ideal, "observer")?;
            found.push(ReadingRow { reading: other, float, counting, ideal });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_names_sides_and_rest_and_drops_every_easier_mixture() {
        let base = CueAssociation {
            sides: Sides::OneSided,
            rest: Rest::Background,
            one_sided: 0.5,
            fewer: 1.0,
            gap_steps: 9,
            ..CueAssociation::default()
        };
        let expected = [
            (Sides::Biased(0.7), Rest::Silent),
            (Sides::Iid, Rest::Silent),
            (Sides::OneSided, Rest::Silent),
            (Sides::Biased(0.7), Rest::Background),
        ];
        for (reading, (sides, rest)) in Reading::ALL.into_iter().zip(expected) {
            let task = reading.task(&base, 7);
            let zero = (task.one_sided, task.fewer) == (0.0, 0.0);
            assert!(zero && (task.sides, task.rest) == (sides, rest), "{reading:?}: {task:?}");
            assert_eq!((task.cues, task.gap_steps), (7, 9));
        }
        let biased = CueAssociation { sides: Sides::Biased(0.9), ..base };
        assert_eq!(Reading::Background.task(&biased, 5).sides, Sides::Biased(0.9));
    }

    #[test]
    fn published_figures_stand_beside_the_paper_s_task_only() {
        let paper = CueAssociation::default();
        let of = |reading: Reading, base: &CueAssociation, m| published(&reading.task(base, m));
        assert_eq!(of(Reading::Biased, &paper, 5), Some(0.956));
        assert_eq!(of(Reading::Biased, &paper, 9), None);
        for reading in [Reading::Iid, Reading::OneSided, Reading::Background] {
            assert_eq!(of(reading, &paper, 5), None, "{reading:?}");
        }
        let shorter = CueAssociation { gap_steps: 40, ..paper };
        assert_eq!(of(Reading::Biased, &shorter, 5), None);
    }
}
