//! What a trial consists of, as the author writes it: plain data.

use serde::{Deserialize, Serialize};
use trifactor_ir::ResetGroup;

/// Most steps of a phase and of a trial.
pub const MAX_STEPS: u32 = 1 << 24;
/// Most segments of a trial.
pub const MAX_SEGMENTS: usize = 1 << 16;

/// A protocol: how many trials, what each is about, and its phases in order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// Number of trials unless the caller says otherwise; for a sweep, by default, its values.
    #[serde(default)]
    pub trials: Option<u32>,
    /// Seed of the run; by default the model's.
    #[serde(default)]
    pub seed: Option<u32>,
    /// What varies between trials.
    #[serde(default)]
    pub sampler: Sampler,
    /// The phases in order. Neighbours with the same `for_each` other than `Once` are run
    /// together, item by item: show, rest, show, rest.
    pub phases: Vec<Phase>,
}

/// What varies between trials.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Sampler {
    /// Nothing but the draws.
    #[default]
    Single,
    /// One number; trial k uses value k, starting over after the last.
    Sweep {
        /// Its name, for reports.
        variable: String,
        /// First value.
        from: f64,
        /// Last value, included where the steps hit it.
        to: f64,
        /// Distance of values; not 0, and towards `to`.
        step: f64,
    },
    /// New classes in every trial: a few labelled pictures of each, then questions.
    FewShot {
        /// Name of the data set.
        data: String,
        /// Classes of a trial; class i has slot i.
        ways: u32,
        /// Labelled pictures of each class, shown one per class in slot order, then the next.
        shots: u32,
        /// Questions about each class; their order is shuffled over all classes.
        queries: u32,
    },
    /// Labelled pictures in random order; the slot is the position of the class in its data set.
    Items {
        /// Data set and number of the labelled pictures.
        support: (String, u32),
        /// Data set and number of the questions.
        queries: (String, u32),
    },
}

impl Sampler {
    /// The values of a sweep in order; empty for other samplers and for illegal numbers.
    pub fn values(&self) -> Vec<f64> {
        let Self::Sweep { from, to, step, .. } = *self else {
            return Vec::new();
        };
        // A last value that the steps miss by rounding alone still counts.
        let count = ((to - from) / step + 1e-9).floor();
        if !(0.0..1e6).contains(&count) {
            return Vec::new();
        }
        (0..=count as u32).map(|i| from + f64::from(i) * step).collect()
    }
}

/// For what a phase is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum ForEach {
    /// Once.
    #[default]
    Once,
    /// Every labelled picture.
    Support,
    /// Every question.
    Query,
    /// This many times.
    Repeat(u32),
}

/// A part of a trial with fixed length.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Name for reports.
    pub name: String,
    /// For what it is run.
    #[serde(default)]
    pub for_each: ForEach,
    /// Steps of one run, at least 1.
    pub steps: u32,
    /// What is shown; several presentations on one input add.
    #[serde(default)]
    pub present: Vec<Present>,
    /// What is reset before each run.
    #[serde(default)]
    pub reset_before: Vec<Reset>,
    /// What is read afterwards.
    #[serde(default)]
    pub readout: Option<Readout>,
}

/// A group of states to reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reset {
    /// Membranes, accumulators, spikes in flight.
    Membrane,
    /// Traces.
    Traces,
    /// Modulators.
    Modulators,
    /// Variables of plastic synapses.
    Weights,
}

impl From<Reset> for ResetGroup {
    fn from(reset: Reset) -> Self {
        match reset {
            Reset::Membrane => Self::Membrane,
            Reset::Traces => Self::Traces,
            Reset::Modulators => Self::Modulators,
            Reset::Weights => Self::Weights,
        }
    }
}

/// Something shown to an input population.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Present {
    /// The population.
    pub input: String,
    /// What it is shown.
    pub what: What,
}

/// A time that may depend on the sweep: `base + coefficient * value + inverse / value`.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Constant part, in steps.
    #[serde(default)]
    pub base: f64,
    /// Steps per unit of the sweep's variable.
    #[serde(default)]
    pub coefficient: f64,
    /// Steps times a unit of the sweep's variable: with 1 ms a step, `inverse: 1000.0` makes a
    /// distance of spikes out of a frequency in Hz.
    #[serde(default)]
    pub inverse: f64,
}

impl At {
    /// The step for a value of the sweep, rounded to the nearest, ties away from 0.
    pub fn step(&self, value: Option<f64>) -> f64 {
        let moved = value.map_or(0.0, |value| {
            // Without an inverse part, 0 is a value like any other.
            let inverse = if self.inverse == 0.0 { 0.0 } else { self.inverse / value };
            self.coefficient * value + inverse
        });
        (self.base + moved).round()
    }
}

/// One number for all lanes or one for each.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "a probability or a list of one per lane")]
pub enum Rates {
    /// The same for all.
    All(f64),
    /// One per lane.
    PerLane(Vec<f64>),
}

/// What an input is shown. Steps count from 1 in the phase; ranges include both ends.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum What {
    /// The picture of the current item, through the input's encoder.
    Image,
    /// The lane of the current item's slot.
    OneHot {
        /// First lane of the slots.
        #[serde(default)]
        offset: u32,
        /// Probability of a spike in each step; by default every step.
        #[serde(default)]
        rate: Option<f64>,
        /// First step; by default 1.
        #[serde(default)]
        from: Option<u32>,
        /// Last step; by default the phase's last.
        #[serde(default)]
        to: Option<u32>,
    },
    /// Explicit spikes: (step, lane).
    Spikes(Vec<(u32, u32)>),
    /// Spikes of one lane at times that may depend on the sweep.
    SpikesAt {
        /// The lane.
        lane: u32,
        /// Step of the first spike.
        at: At,
        /// Steps between spikes.
        #[serde(default)]
        every: Option<At>,
        /// Number of spikes.
        #[serde(default = "one")]
        count: u32,
    },
    /// Independent spikes with these probabilities per step.
    Poisson {
        /// Probability per step.
        rate: Rates,
    },
    /// A row of a `.npy` file of shape `[rows, lanes]` or `[lanes]`, through the input's encoder.
    Array {
        /// The file, relative to the model's folder.
        file: String,
        /// The row; by default the trial's number modulo the rows.
        #[serde(default)]
        row: Option<u32>,
    },
    /// Nothing.
    Silence,
}

fn one() -> u32 {
    1
}

/// How an answer is scored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Score {
    /// Not at all.
    #[default]
    None,
    /// Right if the lane with the largest value is the item's slot; a tie is wrong.
    ArgmaxEqualsSlot,
    /// Right if the lane with the largest value is this one; a tie is wrong. For phases that are
    /// about no item.
    ArgmaxEquals(u32),
}

impl Score {
    /// The lane that is right; `slot` is that of the phase's item.
    pub fn right_lane(self, slot: Option<u32>) -> Option<u32> {
        match self {
            Self::None => None,
            Self::ArgmaxEqualsSlot => slot,
            Self::ArgmaxEquals(lane) => Some(lane),
        }
    }
}

/// What is read from a run of a phase.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readout {
    /// The population.
    pub population: String,
    /// `spikes` for the number of spikes in the window, else a state of the population, such as
    /// `v`, summed over the steps of the window.
    pub variable: String,
    /// First and last step of the phase that count, from 1; by default all.
    #[serde(default)]
    pub window: Option<(u32, u32)>,
    /// How it is scored.
    #[serde(default)]
    pub score: Score,
    /// Full names of states to keep as they are at the end of the phase, such as `ff.w`.
    #[serde(default)]
    pub record: Vec<String>,
}

/// Something wrong with a protocol or with what it names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProtocolFault {
    /// Key path, such as `protocol.phases[1].present[0].input`.
    pub key: String,
    /// What is wrong, with the value and the limit.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}
