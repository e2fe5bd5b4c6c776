//! The keys of `model.ron`, exactly as an author writes them.
//!
//! Nothing is checked here beyond the shape of the data; unknown keys are errors everywhere.

use crate::ordered::Ordered;
use serde::{Deserialize, Serialize};
use trifactor_fixed::Rounding;
use trifactor_stimulus::{DatasetSpec, Encoder, Protocol};

/// A whole `model.ron`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Name for listings.
    pub name: String,
    /// What the model is, for people.
    #[serde(default)]
    pub doc: String,
    /// Chip it is compiled for unless the command line names another.
    #[serde(default = "superset")]
    pub chip: String,
    /// Length of a time step in milliseconds; turns time constants into factors.
    #[serde(default = "one")]
    pub step_ms: f64,
    /// Steps per learning epoch, 1 to 63.
    #[serde(default = "one_step")]
    pub epoch: u32,
    /// Seed of initial values and, by default, of runs.
    #[serde(default = "one_step")]
    pub seed: u32,
    /// Most neurons of a core; by default as many as fit. Fewer make steps shorter on more cores.
    #[serde(default)]
    pub neurons_per_core: Option<u32>,
    /// Expected spikes per lane and step, by population or input; one where nothing is said.
    /// Cores that exchange many messages are placed near each other.
    #[serde(default)]
    pub rates: Ordered<f64>,
    /// Neurons.
    #[serde(default)]
    pub populations: Ordered<PopulationSpec>,
    /// Lanes whose spikes come from outside.
    #[serde(default)]
    pub inputs: Ordered<InputSpec>,
    /// Synapses.
    #[serde(default)]
    pub projections: Ordered<ProjectionSpec>,
    /// Third factors.
    #[serde(default)]
    pub modulators: Ordered<ModulatorSpec>,
    /// Plasticity rules.
    #[serde(default)]
    pub rules: Ordered<RuleSpec>,
    /// Formats the author insists on, by full state name.
    #[serde(default)]
    pub formats: Ordered<FormatSpec>,
    /// States to record.
    #[serde(default)]
    pub probes: Vec<ProbeSpec>,
    /// Data sets.
    #[serde(default)]
    pub datasets: Ordered<DatasetSpec>,
    /// What is shown and asked.
    #[serde(default)]
    pub protocol: Option<Protocol>,
    /// What a verification asks of the model.
    #[serde(default)]
    pub verify: VerifySpec,
}

fn superset() -> String {
    "superset".to_owned()
}
fn one() -> f64 {
    1.0
}
fn one_step() -> u32 {
    1
}

/// One number, one per lane, or a way to make one per lane.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a number, a list of numbers, Constant(x), Uniform(lo, hi, seed), Normal(mean, sd, seed), LogNormal(mean, sd, seed) or File(\"x.npy\")"
)]
pub enum Value {
    /// The same for every lane.
    Number(f64),
    /// One per lane; for synapses in order of pre, then post lane, or of the author's list.
    List(Vec<f64>),
    /// For synapses: `[pre][post]`.
    Matrix(Vec<Vec<f64>>),
    /// Made by a rule.
    Made(Made),
}

/// Ways to make one value per lane.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Made {
    /// The same for every lane.
    Constant(f64),
    /// Uniform between two numbers; the third is a seed.
    Uniform(f64, f64, u32),
    /// Normal: mean, standard deviation, seed.
    Normal(f64, f64, u32),
    /// The exponential of a normal deviate: its mean, its standard deviation, seed.
    LogNormal(f64, f64, u32),
    /// A `.npy` file in the model's folder.
    File(String),
}

/// A population of current-based leaky integrate-and-fire neurons.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationSpec {
    /// Number of neurons.
    pub n: u32,
    /// Time constant of the current in milliseconds.
    #[serde(default)]
    pub tau_u: Option<Value>,
    /// Fraction of the current lost per step.
    #[serde(default)]
    pub decay_u: Option<Value>,
    /// Fraction of the current kept per step.
    #[serde(default)]
    pub keep_u: Option<Value>,
    /// Time constant of the voltage in milliseconds.
    #[serde(default)]
    pub tau_v: Option<Value>,
    /// Fraction of the voltage lost per step.
    #[serde(default)]
    pub decay_v: Option<Value>,
    /// Fraction of the voltage kept per step.
    #[serde(default)]
    pub keep_v: Option<Value>,
    /// Voltage above which a neuron spikes; without it the voltage is a graded read-out.
    #[serde(default)]
    pub threshold: Option<Value>,
    /// Constant input per step.
    #[serde(default)]
    pub bias: Option<Value>,
    /// Lower bound of the voltage.
    #[serde(default)]
    pub v_min: Option<Value>,
    /// Steps a neuron is held after a spike.
    #[serde(default)]
    pub refractory: Option<Value>,
    /// Factor of all input; folded into threshold, bias and v_min (S26).
    #[serde(default)]
    pub resistance: Option<Value>,
    /// Derivative that stands in for that of the spike in training.
    #[serde(default)]
    pub surrogate: SurrogateSpec,
    /// What rules of synapses that end here read as `psi`.
    #[serde(default)]
    pub pseudo_derivative: Option<PseudoDerivativeSpec>,
}

/// The triangle over the distance of the voltage from its threshold (S27).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PseudoDerivativeSpec {
    /// Value at the threshold.
    pub height: f64,
    /// Distance at which it ends on both sides.
    pub width: f64,
}

/// Derivative that stands in for that of the spike in training: height at threshold, steepness.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum SurrogateSpec {
    /// No gradient.
    Off,
    /// `scale / (1 + |x| beta)^2`.
    FastSigmoid(f64, f64),
    /// `scale exp(-beta |x|)`.
    Exponential(f64, f64),
    /// `scale max(0, 1 - beta |x|)`.
    Triangle(f64, f64),
}

impl Default for SurrogateSpec {
    /// The setting with which the cue-association study trained stably.
    fn default() -> Self {
        Self::Exponential(0.4, 5.0)
    }
}

/// An input population.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Number of lanes.
    pub n: u32,
    /// How pictures and arrays become spikes.
    #[serde(default)]
    pub encoder: Option<Encoder>,
}

/// Where a projection leads.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "the name of a population or Modulator(\"name\")")]
pub enum PostSpec {
    /// A population.
    Population(String),
    /// A modulator.
    Tagged(ModulatorPost),
}

/// The modulator a projection leads to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ModulatorPost {
    /// By name.
    Modulator(String),
}

/// Which pairs have a synapse.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Connect {
    /// Every pair.
    AllToAll,
    /// Every pair of different lanes of one population.
    AllToOthers,
    /// Lane i to lane i.
    OneToOne,
    /// Each pair with this probability.
    Probability {
        /// The probability.
        p: f64,
        /// Seed of the choice.
        seed: u32,
    },
    /// These pairs (pre, post).
    List(Vec<(u32, u32)>),
    /// The pairs of a `.npy` file of integers, `[n, 2]`.
    ListFile(String),
    /// The pairs that are not 0 in a `.npy` file, `[pre, post]`.
    Mask(String),
    /// A two-dimensional convolution; its kernel is a `.npy` file
    /// `[filters, channels, rows, columns]`, which gives the weights.
    Conv2d {
        /// Channels, rows, columns of the pre population.
        input: (u32, u32, u32),
        /// File of the kernel.
        kernel: String,
        /// Distance of the kernel's positions.
        #[serde(default = "one_step")]
        stride: u32,
        /// Rows and columns of zeros around the input.
        #[serde(default)]
        padding: u32,
    },
    /// Each square of a channel to one lane.
    Pool {
        /// Channels, rows, columns of the pre population.
        input: (u32, u32, u32),
        /// Side of a square.
        size: u32,
        /// Distance of squares; by default their side.
        #[serde(default)]
        stride: Option<u32>,
    },
}

/// Signs of weights.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum SignSpec {
    /// Both.
    #[default]
    Mixed,
    /// 0 or more.
    Excitatory,
    /// 0 or less.
    Inhibitory,
}

/// Synapses from one population to another or to a modulator.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectionSpec {
    /// Source.
    pub pre: String,
    /// Target.
    pub post: PostSpec,
    /// Which pairs.
    pub connect: Connect,
    /// Initial weights; a convolution takes them from its kernel.
    #[serde(default)]
    pub weights: Option<Value>,
    /// Signs of weights; plastic weights are kept to them.
    #[serde(default)]
    pub sign: SignSpec,
    /// Probability with which a synapse's initial weight is made negative, else positive.
    #[serde(default)]
    pub inhibitory_fraction: Option<f64>,
    /// Steps a spike travels beyond the first, 0 to 62; by default 0.
    #[serde(default)]
    pub delay: Option<Value>,
    /// Name of the rule that changes the weights.
    #[serde(default)]
    pub rule: Option<String>,
    /// Bounds of the weights; required where a rule sets them.
    #[serde(default)]
    pub range: Option<(f64, f64)>,
}

/// How many lines a modulator has.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Scope {
    /// One.
    Global,
    /// One per post lane of this projection.
    PerPost(String),
    /// One per pre lane of this projection.
    PerPre(String),
}

/// A third factor: a decaying accumulator that rules read.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModulatorSpec {
    /// Lines.
    pub scope: Scope,
    /// Time constant in milliseconds.
    #[serde(default)]
    pub tau: Option<Value>,
    /// Fraction lost per step.
    #[serde(default)]
    pub decay: Option<Value>,
    /// Fraction kept per step.
    #[serde(default)]
    pub keep: Option<Value>,
    /// Bounds.
    #[serde(default)]
    pub range: Option<(f64, f64)>,
}

/// Where a rule's program is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum KernelSpec {
    /// A `.kern` file in the model's folder; of several kernels in it, the one named like the rule.
    File(String),
    /// Sums of products.
    Sop {
        /// Change of the weight.
        #[serde(default)]
        dw: Option<String>,
        /// Change of the delay.
        #[serde(default)]
        dd: Option<String>,
        /// Change of the tag.
        #[serde(default)]
        dt: Option<String>,
    },
}

/// The form of a trace's impulse.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum TraceKind {
    /// A spike adds the impulse (S30).
    #[default]
    Linear,
    /// A spike adds the impulse times the distance to the maximum (S31).
    Saturating {
        /// The maximum.
        max: Value,
    },
}

/// A trace of spikes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum TraceSpec {
    /// Of the pre population.
    Pre {
        /// Time constant in milliseconds.
        #[serde(default)]
        tau: Option<Value>,
        /// Fraction lost per step.
        #[serde(default)]
        decay: Option<Value>,
        /// Fraction kept per step.
        #[serde(default)]
        keep: Option<Value>,
        /// What a spike adds.
        impulse: Value,
        /// Form of the impulse.
        #[serde(default)]
        kind: TraceKind,
        /// Bounds.
        #[serde(default)]
        range: Option<(f64, f64)>,
    },
    /// Of the post population.
    Post {
        /// Time constant in milliseconds.
        #[serde(default)]
        tau: Option<Value>,
        /// Fraction lost per step.
        #[serde(default)]
        decay: Option<Value>,
        /// Fraction kept per step.
        #[serde(default)]
        keep: Option<Value>,
        /// What a spike adds.
        impulse: Value,
        /// Form of the impulse.
        #[serde(default)]
        kind: TraceKind,
        /// Bounds.
        #[serde(default)]
        range: Option<(f64, f64)>,
    },
}

/// A variable of each synapse of a plastic projection.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "(init: value, range: (lo, hi)) or Rate(values)")]
pub enum VariableSpec {
    /// A parameter the rule reads.
    Tagged(RateSpec),
    /// A variable the rule sets.
    Variable(VariableFields),
}

/// A parameter the rule reads.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum RateSpec {
    /// Its values.
    Rate(Value),
}

/// Keys of a variable.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableFields {
    /// Initial value; by default 0. The weight's is given by the projection.
    #[serde(default)]
    pub init: Option<Value>,
    /// Bounds.
    #[serde(default)]
    pub range: Option<(f64, f64)>,
}

/// A plasticity rule.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Its program.
    pub kernel: KernelSpec,
    /// Traces it reads; each projection with the rule has its own.
    #[serde(default)]
    pub traces: Ordered<TraceSpec>,
    /// Variables and parameters of each synapse.
    #[serde(default)]
    pub variables: Ordered<VariableSpec>,
    /// The model's modulator for each of the kernel's names.
    #[serde(default)]
    pub modulators: Ordered<String>,
}

/// A format the author insists on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatSpec {
    /// Stored bits, the sign included, 1 to 32.
    pub bits: u8,
    /// Fraction bits, -32 to 62.
    pub frac: i8,
    /// Whether there is a sign; by default as the plan would choose.
    #[serde(default)]
    pub signed: Option<bool>,
    /// Rounding of stores; by default as the plan would choose.
    #[serde(default)]
    pub rounding: Option<Rounding>,
}

/// A state to record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeSpec {
    /// Full state name, such as `hidden.v` or `hidden.spike`.
    pub state: String,
    /// Lanes; by default all.
    #[serde(default)]
    pub lanes: Option<Vec<u32>>,
    /// Every how many steps; by default 1.
    #[serde(default)]
    pub every: Option<u32>,
}

/// What a verification asks of a model on its chip.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifySpec {
    /// Points of the score that the chip may lose against float.
    pub score_loss: f64,
    /// Error of learnt weights that the chip may have, in percent of the largest change that the
    /// float rule makes; for models without a score.
    pub weight_error: f64,
    /// Largest error of one evaluation as a share of the bound that the plan predicts for it.
    pub bound: f64,
    /// Stores that may be clipped, over all trials that are followed; by default any number.
    pub saturations: Option<u64>,
    /// Largest root mean square error of a variable in units of its last place, by full name,
    /// where both readings have the same spikes.
    pub drift: Ordered<f64>,
    /// Trials or episodes that are scored; by default those of the protocol or the evaluation.
    pub trials: Option<u32>,
}

impl Default for VerifySpec {
    fn default() -> Self {
        Self {
            score_loss: 1.0,
            weight_error: 10.0,
            bound: 1.0,
            saturations: None,
            drift: Ordered::default(),
            trials: None,
        }
    }
}
