//! What a training does, as data: the keys of `train.ron`.
//!
//! ```
//! let text = r#"(
//!     readout: (population: "readout"),
//!     trained: [(state: "plastic.w")],
//!     stages: [(tasks: [CueAssociation((cues: 3))])],
//! )"#;
//! let settings = trifactor_host::Settings::parse(text).unwrap();
//! assert_eq!(settings.batch, 32);
//! ```

use crate::HostError;
use crate::loss::Loss;
use crate::task::TaskSpec;
use ron::extensions::Extensions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use trifactor_ir::Surrogate;
use trifactor_model::read_text;

/// More of a settings file is not read, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// All settings of a training.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the answer is read.
    pub readout: Readout,
    /// Cost of activity.
    #[serde(default)]
    pub rate_costs: Vec<RateCost>,
    /// Episodes per update; a multiple of `width`.
    #[serde(default = "defaults::batch")]
    pub batch: usize,
    /// Episodes side by side in one tile, up to 64. Part of the result: sums are made tile by tile.
    #[serde(default = "defaults::width")]
    pub width: usize,
    /// Steps between checkpoints of the reverse sweep: memory against nothing else.
    #[serde(default = "defaults::segment")]
    pub segment: usize,
    /// Updates of a run.
    #[serde(default = "defaults::updates")]
    pub updates: u64,
    /// Where the gradient comes from.
    #[serde(default)]
    pub method: Method,
    /// How steps follow from gradients.
    #[serde(default)]
    pub optimiser: Optimiser,
    /// What is trained.
    pub trained: Vec<Trained>,
    /// Surrogate derivatives that replace those of the model, by population.
    #[serde(default)]
    pub surrogates: BTreeMap<String, RelativeSurrogate>,
    /// States that are 0 in the net without plasticity: the rule's rates.
    #[serde(default)]
    pub rates: Vec<String>,
    /// What is shown, one stage after the other.
    pub stages: Vec<Stage>,
    /// Measurements during the run.
    #[serde(default)]
    pub evaluation: Option<Evaluation>,
    /// Reasons to end before the last update.
    #[serde(default)]
    pub stop: Stop,
    /// Settings of a further part, which begins at the parameters that this one ends with; a path
    /// from the model's folder.
    #[serde(default)]
    pub then: Option<PathBuf>,
    /// Updates between checkpoints of the run.
    #[serde(default = "defaults::checkpoint_every")]
    pub checkpoint_every: u64,
    /// Where the paths of tasks begin: the model's folder. Not part of the text.
    #[serde(skip, default = "defaults::folder")]
    pub folder: PathBuf,
}

/// Where the answer is read: the mean of a variable over the task's window, times a gain.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readout {
    /// The population; one lane per class.
    pub population: String,
    /// Its variable.
    #[serde(default = "defaults::variable")]
    pub variable: String,
    /// Logits are the mean times this.
    #[serde(default = "defaults::one")]
    pub gain: f64,
    /// What is asked of the logits.
    #[serde(default)]
    pub loss: Loss,
    /// Steps by which the answer is late; by default the shortest way from an input (S3).
    #[serde(default)]
    pub latency: Option<u64>,
}

/// Cost of a population's activity.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateCost {
    /// The population.
    pub population: String,
    /// Loss per spike, neuron and step.
    pub weight: f64,
}

/// Where the gradient comes from.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Method {
    /// From the reverse run through time.
    #[default]
    Gradient,
    /// From the losses of perturbed parameters: evolution strategies. Only forward runs, so
    /// neither surrogates nor a reverse of the task's loss matter.
    Evolution {
        /// Perturbed networks per update, in antithetic pairs: an even number.
        population: usize,
        /// Standard deviation of a perturbation, times the `rate` of what it moves.
        sigma: f64,
    },
}

/// Adam with clipping, warm-up, a schedule and averaged parameters.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// Step size.
    pub rate: f64,
    /// Memory of the mean gradient.
    pub beta1: f64,
    /// Memory of the mean square.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Share of a value lost per update and unit of step size (AdamW).
    pub weight_decay: f64,
    /// Updates over which the step size rises from 0.
    pub warm_up: u64,
    /// How the step size falls.
    pub schedule: Schedule,
    /// Largest norm of a gradient; a longer one is shortened.
    pub clip: f64,
    /// Memory of the average of all parameters, which is what is evaluated and kept.
    pub average: f64,
}

impl Default for Optimiser {
    fn default() -> Self {
        Self {
            rate: 4e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            warm_up: 0,
            schedule: Schedule::Constant,
            clip: 1.0,
            average: 0.995,
        }
    }
}

/// How the step size falls over a run.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// Half a cosine down to this share of it.
    Cosine(f64),
}

/// A state that is trained.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trained {
    /// Full name of a parameter, or of a variable whose initial value is trained.
    pub state: String,
    /// How the optimiser sees it.
    #[serde(default)]
    pub kind: Kind,
    /// Step size as a multiple of the optimiser's.
    #[serde(default = "defaults::one")]
    pub rate: f64,
    /// One value for all lanes.
    #[serde(default)]
    pub shared: bool,
    /// Keep every value on the side of 0 where it begins.
    #[serde(default)]
    pub keep_sign: bool,
    /// Initial values drawn anew for every seed; by default the model's.
    #[serde(default)]
    pub init: Option<Init>,
}

/// A surrogate derivative over (v - threshold) (1 - keep_v): in units of the constant current that
/// just reaches a threshold of 1 / (1 - keep_v). It keeps its shape while the leak is trained.
/// Height, steepness.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum RelativeSurrogate {
    /// `scale / (1 + |x| beta)^2`.
    FastSigmoid(f64, f64),
    /// `scale exp(-beta |x|)`.
    Exponential(f64, f64),
    /// `scale max(0, 1 - beta |x|)`.
    Triangle(f64, f64),
}

impl RelativeSurrogate {
    /// The derivative as the spike operation has it.
    pub fn surrogate(self) -> Surrogate {
        match self {
            Self::FastSigmoid(scale, beta) => Surrogate::FastSigmoid { scale, beta },
            Self::Exponential(scale, beta) => Surrogate::Exponential { scale, beta },
            Self::Triangle(scale, beta) => Surrogate::Triangle { scale, beta },
        }
    }
}

/// How the optimiser sees a value.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Kind {
    /// As it is.
    #[default]
    Free,
    /// A factor kept per step, seen through its logit; its time constant stays between two bounds.
    Keep {
        /// Shortest time constant in steps.
        min: f64,
        /// Longest time constant in steps.
        max: f64,
        /// A threshold that follows as 1 / (1 - keep), so that the input which just reaches it
        /// stays the same.
        #[serde(default)]
        threshold: Option<String>,
        /// An impulse that follows in proportion to 1 - keep, so that a trace of a lane that
        /// fires in every step stays the same.
        #[serde(default)]
        impulse: Option<String>,
    },
    /// A positive value, seen through its logarithm.
    Positive,
}

/// Initial values, drawn by run seed, name and lane.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Init {
    /// Normal: mean, standard deviation.
    Normal(f64, f64),
    /// Magnitude of a normal deviate with this standard deviation; negative with a probability.
    Signed {
        /// Standard deviation.
        sd: f64,
        /// Probability of a negative value.
        negative: f64,
    },
    /// Normal, times a random sign of the post neuron, the same for all states drawn like this.
    SignPerPost(f64, f64),
    /// Uniform between two numbers.
    Uniform(f64, f64),
}

/// A part of the curriculum.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Tasks, shown in turn, one per update.
    pub tasks: Vec<TaskSpec>,
    /// Training accuracy that ends the stage; the last one has none.
    #[serde(default)]
    pub until: Option<f64>,
    /// Updates over which that accuracy is the mean.
    #[serde(default = "defaults::over")]
    pub over: usize,
}

/// Measurements during a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Updates between measurements.
    pub every: u64,
    /// Episodes of a measurement.
    pub episodes: usize,
    /// The task.
    pub task: TaskSpec,
    /// Seed of the episodes.
    #[serde(default)]
    pub seed: u32,
}

/// Reasons to end before the last update.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// Accuracy of a measurement that is good enough.
    pub accuracy: Option<f64>,
    /// Measurements in a row without a new best.
    pub patience: Option<u64>,
}

mod defaults {
    pub fn folder() -> std::path::PathBuf {
        ".".into()
    }
    pub fn batch() -> usize {
        32
    }
    pub fn width() -> usize {
        16
    }
    pub fn segment() -> usize {
        32
    }
    pub fn updates() -> u64 {
        1000
    }
    pub fn checkpoint_every() -> u64 {
        50
    }
    pub fn over() -> usize {
        100
    }
    pub fn one() -> f64 {
        1.0
    }
    pub fn variable() -> String {
        "v".to_owned()
    }
}

impl Settings {
    /// Reads a settings file; paths of its tasks begin in `folder`. Errors, which name the file:
    /// it cannot be read, and those of [`parse`](Self::parse).
    pub fn load(path: &Path, folder: &Path) -> Result<Self, HostError> {
        let named = |message| HostError::Settings { file: path.display().to_string(), message };
        let text = read_text(path, MAX_TEXT).map_err(named)?;
        let settings = Self::parse(&text).map_err(|e| match e {
            HostError::Settings { message, .. } => named(message),
            other => other,
        })?;
        Ok(Self { folder: folder.to_owned(), ..settings })
    }

    /// Reads the text of a `train.ron`. Errors: syntax, an unknown key, a value out of its limits.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let settings: Self = options()
            .from_str(text)
            .map_err(|e| HostError::settings(format!("line {}: {}", e.span.start, e.code)))?;
        settings.check()?;
        Ok(settings)
    }

    /// The text of the same settings with every default written out.
    pub fn print(&self) -> String {
        let pretty = ron::ser::PrettyConfig::new().new_line("\n".to_owned());
        options()
            .to_string_pretty(self, pretty)
            .expect("internal: settings hold nothing that RON cannot write")
            + "\n"
    }

    /// The settings of a fine-tuning: the same task, states and optimiser, from the present values
    /// instead of drawn ones, in the last stage of the curriculum, with a tenth of the step size
    /// and of the updates and no warm-up.
    #[must_use]
    pub fn for_tuning(&self) -> Self {
        let mut settings = self.going_on();
        settings.stages = self.stages.last().cloned().into_iter().collect();
        settings.optimiser.rate = 0.1 * self.optimiser.rate;
        settings.optimiser.warm_up = 0;
        settings.updates = (self.updates / 10).max(1);
        settings
    }

    /// The same, beginning at the model's values instead of drawing new ones.
    pub fn going_on(&self) -> Self {
        let mut settings = self.clone();
        settings.trained.iter_mut().for_each(|t| t.init = None);
        settings
    }

    /// Refuses what cannot be run. Whoever changes settings calls it again.
    pub fn check(&self) -> Result<(), HostError> {
        let refuse = |message: String| Err(HostError::settings(message));
        if !(1..=64).contains(&self.width) {
            return refuse(format!("width is {}; 1 to 64 are possible", self.width));
        }
        if self.batch == 0 || !self.batch.is_multiple_of(self.width) || self.batch > 1 << 16 {
            let (batch, width) = (self.batch, self.width);
            return refuse(format!(
                "batch is {batch}; a multiple of width ({width}) up to 65536 is needed"
            ));
        }
        if !(1..=100_000).contains(&self.segment) {
            return refuse(format!("segment is {}; 1 to 100000 steps are possible", self.segment));
        }
        if self.updates > u64::from(u32::MAX) || self.checkpoint_every == 0 {
            return refuse("updates must be below 2^32 and checkpoint_every at least 1".to_owned());
        }
        if let Method::Evolution { population, sigma } = self.method {
            if population < 2 || !population.is_multiple_of(2) || population > 1 << 16 {
                return refuse(format!(
                    "method: population is {population}; an even number up to 65536 is needed"
                ));
            }
            if !(sigma.is_finite() && sigma > 0.0) {
                return refuse(format!("method: sigma is {sigma}; it must be above 0"));
            }
        }
        let o = &self.optimiser;
        let positive = [("rate", o.rate), ("epsilon", o.epsilon), ("clip", o.clip)];
        for (key, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                return refuse(format!("optimiser.{key} is {value}; it must be above 0"));
            }
        }
        for (key, value) in [("beta1", o.beta1), ("beta2", o.beta2), ("average", o.average)] {
            if !(0.0..1.0).contains(&value) {
                return refuse(format!("optimiser.{key} is {value}; 0 up to below 1 is possible"));
            }
        }
        for (name, surrogate) in &self.surrogates {
            let (RelativeSurrogate::FastSigmoid(a, b)
            | RelativeSurrogate::Exponential(a, b)
            | RelativeSurrogate::Triangle(a, b)) = *surrogate;
            if !(a.is_finite() && b.is_finite() && a >= 0.0 && b >= 0.0) {
                return refuse(format!("surrogates.{name}: ({a}, {b}); both must be 0 or more"));
            }
        }
        if self.stages.is_empty() || self.stages.iter().any(|s| s.tasks.is_empty() || s.over == 0) {
            return refuse("stages: at least one with at least one task is needed".to_owned());
        }
        if self.trained.is_empty() {
            return refuse("trained: name at least one state".to_owned());
        }
        if self.evaluation.as_ref().is_some_and(|e| e.every == 0 || e.episodes == 0) {
            return refuse("evaluation: every and episodes must be at least 1".to_owned());
        }
        Ok(())
    }
}

fn options() -> ron::Options {
    ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"(
        readout: (population: "readout", gain: 0.5),
        trained: [(state: "a.w"), (state: "b.keep_v", kind: Keep(min: 2, max: 200), shared: true)],
        stages: [(tasks: [CueAssociation((sides: OneSided))], until: 0.9), (tasks: [CueAssociation(())])],
        stop: (patience: 3),
    )"#;

    #[test]
    fn printed_settings_read_back_as_the_same() {
        let settings = Settings::parse(TEXT).expect("legal");
        assert_eq!(Settings::parse(&settings.print()).expect("legal"), settings);
        assert_eq!(settings.stop.patience, Some(3));
        let text = TEXT.replace("stop:", "method: Evolution(population: 8, sigma: 0.1), stop:");
        let settings = Settings::parse(&text).expect("legal");
        assert_eq!(Settings::parse(&settings.print()).expect("legal"), settings);
        assert_eq!(settings.method, Method::Evolution { population: 8, sigma: 0.1 });
    }

    #[test]
    fn unknown_keys_and_impossible_numbers_are_refused_by_name() {
        let broken = [
            ("gain: 0.5", "gian: 0.5", "gian"),
            ("stop:", "batch: 7, stop:", "batch is 7"),
            ("stop:", "width: 65, stop:", "width is 65"),
            ("stop:", "optimiser: (clip: 0.0), stop:", "clip"),
            ("stop:", "method: Evolution(population: 7, sigma: 0.1), stop:", "population is 7"),
            ("stop:", "method: Evolution(population: 8, sigma: -1), stop:", "sigma is -1"),
            ("[(state: \"a.w\"), ", "[(stat: \"a.w\"), ", "stat"),
        ];
        for (from, to, word) in broken {
            let text = TEXT.replace(from, to);
            let error = Settings::parse(&text).expect_err(to).to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
