//! The main job: a chip that learns new classes from single examples, beside everything it must
//! be compared with, on the same trials.

use crate::baseline::{nearest_counts, nearest_pixels, showings};
use crate::costs::{Costs, with_all_presets};
use crate::error::LabError;
use crate::learning::{self, LearningCost};
use crate::machine::{ChipMachine, FloatTrials, Populations};
use crate::outcome::{Progress, RunResult};
use crate::picture;
use crate::prepare::{Prepared, identity, requests, without_learning};
use crate::run::{Task, run};
use crate::statistics::Estimate;
use serde_json::{Value, json};
use std::fmt;
use trifactor_compile::compile;
use trifactor_emu::{Emulator, Options, Report as Ledger};
use trifactor_ir::CheckedNetwork;
use trifactor_model::Model;
use trifactor_quant::plan;
use trifactor_reference::float::FloatMachine;
use trifactor_stimulus::{Dataset, Datasets, Prepare, Trials};

/// Trials that the float reading runs in lockstep on a worker.
const FLOAT_WIDTH: usize = 16;
/// Trials in the picture.
const SHOWN_TRIALS: u32 = 4;

/// A machine's or baseline's accuracy.
#[derive(Clone, PartialEq, Debug)]
pub struct Accuracy {
    /// What was scored.
    pub name: &'static str,
    /// Key in the machine-readable report.
    pub key: &'static str,
    /// Label in the picture.
    pub label: &'static str,
    /// Mean over trials and its 95 % interval.
    pub estimate: Estimate,
}

/// The report of a few-shot run.
#[derive(Clone, Debug)]
pub struct FewShotReport {
    /// The model's name.
    pub model: String,
    /// Chip and its cost preset.
    pub chip: String,
    /// Number of trials.
    pub n_trials: u32,
    /// Number of queries.
    pub n_queries: usize,
    /// Chance level.
    pub chance: f64,
    /// All accuracies.
    pub accuracies: Vec<Accuracy>,
    /// Paired difference float minus chip.
    pub difference: Estimate,
    /// Simulated time per trial on the chip, in microseconds.
    pub microseconds_per_trial: f64,
    /// Energy per trial on the chip, in microjoules, static power and host included.
    pub microjoules_per_trial: f64,
    /// Energy per trial by cause, in microjoules.
    pub by_cause: Vec<(String, f64)>,
    /// What each rule cost per synapse and epoch.
    pub learning: Vec<LearningCost>,
    /// Cost coefficients the preset does not give.
    pub missing_costs: Vec<&'static str>,
    /// States that saturated on the chip, and how often.
    pub saturations: Vec<(String, u64)>,
    /// Steps of a trial.
    pub steps_per_trial: u32,
    /// Answers of the chip and of float, for the table of answers.
    pub chip_run: RunResult,
    /// As `chip_run`.
    pub float_run: RunResult,
    /// The picture, as PNG.
    pub picture: Vec<u8>,
    /// What the model's probes saw, as table and picture; empty without probes.
    pub probes: Vec<(String, Vec<u8>)>,
    /// Time and energy by cause.
    pub costs: Costs,
}

/// Everything of a run that has been resolved.
pub(crate) struct Context<'a> {
    pub model: &'a Model,
    pub prepared: &'a Prepared,
    pub datasets: &'a Datasets,
    pub trials: &'a Trials<'a>,
    pub n_trials: u32,
    pub threads: usize,
    /// Whether the run is timed with all presets.
    pub all_presets: bool,
    pub progress: &'a dyn Progress,
}

impl Context<'_> {
    /// How to load the model's image.
    pub fn options(&self) -> Options {
        let options = Options::default();
        if self.all_presets { with_all_presets(&self.prepared.chip, options) } else { options }
    }
    /// The costs of the trials' ledgers.
    pub fn costs_of(&self, ledgers: &[Vec<Ledger>]) -> Costs {
        Costs::of(&self.prepared.chip, self.n_trials, ledgers)
    }
}

/// Runs chip, float, baselines and controls.
pub(crate) fn run_few_shot(
    context: &Context<'_>,
    data: &str,
    ways: u32,
) -> Result<FewShotReport, LabError> {
    let Context { model, prepared, trials, progress, .. } = *context;
    let net = &model.network;
    let input_names: Vec<String> = model.inputs.iter().map(|i| i.name.clone()).collect();
    let populations = Populations::of(net, &input_names);
    let features = feature_population(net, &populations);
    let task = Task {
        trials,
        n_trials: context.n_trials,
        count: features,
        populations: &populations,
        what: "chip",
        threads: context.threads,
        keep_records: true,
        at_end: &[],
    };
    let chip = |image| {
        let populations = &populations;
        move || -> Result<ChipMachine<'_>, LabError> {
            let emulator = Emulator::load(image, Options::default())?;
            Ok(ChipMachine { emulator, populations })
        }
    };
    let image = &prepared.compiled.image;
    let main_chip = || -> Result<ChipMachine<'_>, LabError> {
        let emulator = Emulator::load(image, context.options())?;
        Ok(ChipMachine { emulator, populations: &populations })
    };
    let (chip_run, ledgers) = run(task, main_chip, |m| m.emulator.reports(), progress)?;
    let costs = context.costs_of(&ledgers);
    let ledgers: Vec<Ledger> =
        ledgers.into_iter().filter_map(|all| all.into_iter().next()).collect();
    let float_task = Task { what: "float", count: None, ..task };
    let float_machine = || {
        let machine = FloatMachine::new(net, FLOAT_WIDTH);
        Ok(FloatTrials { net, machine, populations: &populations })
    };
    let (float_run, _) = run(float_task, float_machine, |_| (), progress)?;
    let off = without_learning(net)?;
    let (off_plan, _) = plan(&off, &prepared.chip, &requests(model))?;
    let off_image = compile(&off, &off_plan, &prepared.chip, &identity(model))?.image;
    let off_task = Task { what: "learning off", count: None, ..task };
    let (off_run, _) = run(off_task, chip(&off_image), |_| (), progress)?;
    let shown = Task { n_trials: SHOWN_TRIALS.min(context.n_trials), what: "picture", ..task };
    let weights: Vec<String> = plastic_weights(net);
    let shown = Task { at_end: &weights, ..shown };
    let (shown_run, _) = run(shown, chip(image), |_| (), &crate::outcome::Silent)?;

    let set = context.datasets.get(data).expect("internal: trials were made from this data set");
    let nearest = |prepare: &[Prepare]| nearest_pixels(trials, set, prepare, context.n_trials);
    let blur = Prepare::Blur(2.0);
    let by_counts = features.map(|_| nearest_counts(trials, &chip_run));
    let score = |name, key, label, run: &RunResult| Accuracy {
        name,
        key,
        label,
        estimate: Estimate::of(&run.scores()),
    };
    let mut accuracies = vec![
        score("float reading", "float", "float", &float_run),
        score("chip", "chip", "chip", &chip_run),
        score("nearest neighbour, pixels", "nearest_raw", "pixels", &nearest(&[])),
        score("nearest neighbour, blurred pixels", "nearest_blurred", "blurred", &nearest(&[blur])),
        score(
            "nearest neighbour, centred and blurred pixels",
            "nearest_centred",
            "centred, blurred",
            &nearest(&[Prepare::Centre, blur]),
        ),
        score("chip with learning off", "learning_off", "learning off", &off_run),
    ];
    if let Some(run) = by_counts {
        let name = "nearest neighbour, the model's own features";
        accuracies.push(score(name, "nearest_features", "own features", &run));
    }
    let difference = Estimate::of_difference(&float_run.scores(), &chip_run.scores());
    let picture = draw(context, set, &shown_run, &accuracies, &weights)?;
    let mut report = FewShotReport {
        model: net.name.clone(),
        chip: String::new(),
        n_trials: context.n_trials,
        n_queries: chip_run.n_answers(),
        chance: 1.0 / f64::from(ways),
        accuracies,
        difference,
        microseconds_per_trial: 0.0,
        microjoules_per_trial: 0.0,
        by_cause: Vec::new(),
        learning: learning::costs(&ledgers),
        missing_costs: Vec::new(),
        saturations: Vec::new(),
        steps_per_trial: trials.trial(0).steps,
        chip_run,
        float_run,
        picture,
        probes: crate::probe::files(context, &populations)?,
        costs,
    };
    report.account(&ledgers, context.n_trials);
    Ok(report)
}

/// The population whose spikes the plastic synapses see.
fn feature_population(net: &CheckedNetwork, populations: &Populations) -> Option<usize> {
    let plastic = net.plastic();
    let synapses = net.synapses(*plastic.first()?)?;
    populations.spaces.iter().position(|s| *s == synapses.pre)
}

fn plastic_weights(net: &CheckedNetwork) -> Vec<String> {
    net.plastic()
        .into_iter()
        .filter_map(|space| net.state(space, "w"))
        .map(|state| net.full_name(state))
        .collect()
}

impl FewShotReport {
    fn account(&mut self, ledgers: &[Ledger], n_trials: u32) {
        let n = f64::from(n_trials.max(1));
        let mut causes: Vec<(String, u64)> = Vec::new();
        let mut saturations: Vec<(String, u64)> = Vec::new();
        let (mut fj, mut picoseconds) = (0u64, 0u64);
        for ledger in ledgers {
            self.chip = format!("{}, costs {}", ledger.chip, ledger.preset);
            self.missing_costs.clone_from(&ledger.missing);
            fj += ledger.total_fj();
            picoseconds += ledger.time_ticks * ledger.tick_ps;
            for line in &ledger.lines {
                let name = match &line.rule {
                    Some(rule) => format!("{} of {rule}", crate::report::cause_name(line.cause)),
                    None => crate::report::cause_name(line.cause),
                };
                add(&mut causes, name, line.cost.fj);
            }
            for s in &ledger.saturations {
                add(&mut saturations, s.state.clone(), s.count);
            }
        }
        self.microseconds_per_trial = picoseconds as f64 / 1e6 / n;
        self.microjoules_per_trial = fj as f64 / 1e9 / n;
        self.by_cause =
            causes.into_iter().filter(|c| c.1 > 0).map(|(k, v)| (k, v as f64 / 1e9 / n)).collect();
        self.saturations = saturations.into_iter().filter(|s| s.1 > 0).collect();
    }

    /// The accuracy of a machine or baseline by its key.
    pub fn accuracy(&self, key: &str) -> Option<Estimate> {
        self.accuracies.iter().find(|a| a.key == key).map(|a| a.estimate)
    }

    /// The machine-readable report; units are in the keys.
    pub fn to_json(&self) -> Value {
        let mean = |key: &str| self.accuracy(key).map_or(Value::Null, |e| json!(e.mean));
        let intervals: serde_json::Map<String, Value> = self
            .accuracies
            .iter()
            .map(|a| {
                (
                    a.key.to_owned(),
                    json!({"mean": a.estimate.mean, "half_width": a.estimate.half_width}),
                )
            })
            .collect();
        json!({
            "trials": self.n_trials,
            "queries": self.n_queries,
            "accuracy": {
                "float": mean("float"),
                "chip": mean("chip"),
                "nearest_raw": mean("nearest_raw"),
                "nearest_blurred": mean("nearest_blurred"),
                "learning_off": mean("learning_off"),
            },
            "microseconds_per_trial": self.microseconds_per_trial,
            "microjoules_per_trial": self.microjoules_per_trial,
            "intervals": intervals,
            "float_minus_chip": {"mean": self.difference.mean, "half_width": self.difference.half_width},
            "steps_per_trial": self.steps_per_trial,
            "microjoules_by_cause": self.by_cause.iter().map(|(k, v)| (k.clone(), json!(v))).collect::<serde_json::Map<String, Value>>(),
            "learning": learning::to_json(&self.learning),
            "saturations": self.saturations.iter().map(|(k, v)| (k.clone(), json!(v))).collect::<serde_json::Map<String, Value>>(),
            "costs_missing": self.missing_costs,
        })
    }

    /// Files for a run's folder: name and content.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut answers = String::from("machine,trial,segment,slot,choice,right\n");
        for (machine, run) in [("float", &self.float_run), ("chip", &self.chip_run)] {
            for trial in &run.trials {
                for a in &trial.answers {
                    let text =
                        |v: Option<u32>| v.map_or_else(|| "tie".to_owned(), |v| v.to_string());
                    answers += &format!(
                        "{machine},{},{},{},{},{}\n",
                        trial.number,
                        a.segment,
                        text(a.slot),
                        text(a.choice()),
                        u8::from(a.is_right())
                    );
                }
            }
        }
        let json = serde_json::to_string_pretty(&self.to_json()).unwrap_or_default() + "\n";
        let mut files = vec![
            ("report.txt".to_owned(), self.to_string().into_bytes()),
            ("report.json".to_owned(), json.into_bytes()),
            ("answers.csv".to_owned(), answers.into_bytes()),
            ("picture.png".to_owned(), self.picture.clone()),
        ];
        files.extend(self.probes.iter().cloned());
        files
    }
}

fn add(list: &mut Vec<(String, u64)>, name: String, amount: u64) {
    match list.iter_mut().find(|(n, _)| *n == name) {
        Some((_, total)) => *total += amount,
        None => list.push((name, amount)),
    }
}

impl fmt::Display for FewShotReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} trials, {} queries, chance {:.1} %",
            self.model,
            self.n_trials,
            self.n_queries,
            100.0 * self.chance
        )?;
        for a in &self.accuracies {
            let e = a.estimate;
            writeln!(f, "  {:<44} {:6.2} % ± {:.2}", a.name, 100.0 * e.mean, 100.0 * e.half_width)?;
        }
        writeln!(
            f,
            "  {:<44} {:+6.2} points ± {:.2}",
            "float minus chip, paired",
            100.0 * self.difference.mean,
            100.0 * self.difference.half_width
        )?;
        writeln!(f, "(intervals: 95 %, from the spread between trials; a tie is wrong)")?;
        writeln!(f, "{}: {} steps a trial", self.chip, self.steps_per_trial)?;
        writeln!(
            f,
            "  {:.1} us and {:.3} uJ a trial",
            self.microseconds_per_trial, self.microjoules_per_trial
        )?;
        for cost in &self.learning {
            writeln!(f, "  {cost}")?;
        }
        for (state, count) in &self.saturations {
            writeln!(f, "  saturated: {state}, {count} times in all trials")?;
        }
        Ok(())
    }
}

fn draw(
    context: &Context<'_>,
    set: &Dataset,
    run: &RunResult,
    accuracies: &[Accuracy],
    weights: &[String],
) -> Result<Vec<u8>, LabError> {
    let pixels = |item: trifactor_stimulus::Item| {
        set.images()
            .image(item.row as usize)
            .map(|i| i.rotated(item.rotation).pixels)
            .unwrap_or_default()
    };
    let trials = run
        .trials
        .iter()
        .map(|result| {
            let trial = context.trials.trial(result.number);
            let shown = showings(context.trials.protocol(), &trial);
            let queries = shown
                .iter()
                .filter(|s| s.is_query)
                .map(|s| picture::ShownQuery {
                    pixels: pixels(s.item),
                    slot: s.item.slot,
                    choice: result
                        .answers
                        .iter()
                        .find(|a| s.segments.contains(&a.segment))
                        .and_then(|a| a.choice()),
                })
                .collect();
            let support = shown.iter().filter(|s| !s.is_query).map(|s| pixels(s.item)).collect();
            picture::ShownTrial { support, queries }
        })
        .collect();
    Ok(picture::few_shot(&picture::FewShot {
        title: format!("{} on the emulated chip", context.model.network.name),
        image_size: set.images().size(),
        trials,
        weights: weight_maps(context, run, weights),
        accuracies: accuracies
            .iter()
            .map(|a| picture::Score {
                name: a.label.to_owned(),
                mean: a.estimate.mean,
                half_width: a.estimate.half_width,
                baseline: !matches!(a.key, "float" | "chip"),
            })
            .collect(),
    })?)
}

/// The first trial's learned weights, one map per post lane, nearly square.
fn weight_maps(
    context: &Context<'_>,
    run: &RunResult,
    weights: &[String],
) -> Vec<picture::WeightMap> {
    let mut maps = Vec::new();
    let Some(trial) = run.trials.first() else { return maps };
    let net = &context.model.network;
    for record in trial.records.iter().filter(|r| weights.contains(&r.state)) {
        let owner = record.state.rsplit_once('.').map_or("", |(owner, _)| owner);
        let Some(synapses) = net.space(owner).and_then(|s| net.synapses(s)) else { continue };
        let (n_pre, n_post) = (synapses.row_start.len() - 1, net.lanes(synapses.post));
        let columns = (n_pre as f64).sqrt().ceil().max(1.0) as usize;
        let columns =
            (columns..=n_pre.min(256)).find(|c| n_pre.is_multiple_of(*c)).unwrap_or(columns);
        let rows = n_pre.div_ceil(columns);
        for post in 0..n_post.min(8) {
            let mut map = vec![0.0; rows * columns];
            for (k, pre) in synapses.pre_lanes().into_iter().enumerate() {
                if synapses.post_lane[k] as usize == post {
                    map[pre as usize] = record.values[k];
                }
            }
            let name = format!("{} {post}", net.spaces[synapses.post].name);
            maps.push(picture::WeightMap { name, values: map, rows, cols: columns });
        }
    }
    maps
}
