//! What a verification runs: trials of the model's protocol, or episodes of its evaluation.

use super::measure::Outcome;
use crate::episodes::{Exam, spikes};
use crate::error::LabError;
use crate::machine::{ChipMachine, FloatTrials, Populations};
use crate::outcome::{Progress, RunResult};
use crate::run::{Task, run};
use trifactor_emu::{Emulator, Options, trial_seed};
use trifactor_host::task::Part;
use trifactor_host::{Episodes, Formats, Link, Settings, TileRunner, credit, differentiable};
use trifactor_image::Image;
use trifactor_ir::{CheckedNetwork, ResetGroup, StateRole};
use trifactor_model::Model;
use trifactor_reference::float::FloatMachine;
use trifactor_stimulus::{Sampler, Score, Trials};

/// One trial with all its input spikes.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// The seed of its draws (S7).
    pub seed: u32,
    /// Parts, each of which may begin with a reset.
    pub parts: Vec<ScriptPart>,
}

/// A part of a trial.
#[derive(Clone, Debug)]
pub(crate) struct ScriptPart {
    /// What is reset before it.
    pub resets: Vec<ResetGroup>,
    /// Lanes that fire. Shape: `[step][input]`.
    pub spikes: Vec<Vec<Vec<u32>>>,
}

impl Script {
    /// Steps of all parts.
    pub fn steps(&self) -> usize {
        self.parts.iter().map(|p| p.spikes.len()).sum()
    }
}

/// What there is to run.
pub(crate) enum Source<'a> {
    /// Trials of the protocol.
    Protocol(Trials<'a>),
    /// Episodes of the evaluation in `train.ron`.
    Episodes(&'a Settings, &'a dyn trifactor_host::task::Task),
}

/// Everything that trials need, on any machine.
pub(crate) struct Exercise<'a> {
    pub model: &'a Model,
    pub source: Source<'a>,
    pub populations: Populations,
    pub seed: u32,
    pub threads: usize,
    pub progress: &'a dyn Progress,
    /// Learnt states whose values at the end of a trial are compared; none where answers are
    /// scored.
    pub watched: Vec<String>,
}

impl Exercise<'_> {
    /// Whether answers are right or wrong.
    pub fn is_scored(&self) -> bool {
        match &self.source {
            Source::Episodes(..) => true,
            Source::Protocol(trials) => {
                let readouts = trials.protocol().phases.iter().filter_map(|p| p.readout.as_ref());
                readouts.into_iter().any(|r| r.score != Score::None)
            }
        }
    }

    /// What a trial is called.
    pub fn unit(&self) -> &'static str {
        match self.source {
            Source::Protocol(_) => "trial",
            Source::Episodes(..) => "episode",
        }
    }

    /// The variable of a sweep.
    pub fn sweep(&self) -> Option<&str> {
        match &self.source {
            Source::Protocol(trials) => match &trials.protocol().sampler {
                Sampler::Sweep { variable, .. } => Some(variable),
                _ => None,
            },
            Source::Episodes(..) => None,
        }
    }

    /// One trial.
    pub fn script(&self, number: u32) -> Result<Script, LabError> {
        match &self.source {
            Source::Protocol(trials) => {
                let trial = trials.trial(number);
                let part = |s: &trifactor_stimulus::Segment| ScriptPart {
                    resets: s.resets.clone(),
                    spikes: (1..=s.steps).map(|step| s.spikes(step)).collect(),
                };
                let parts = trial.segments.iter().map(part).collect();
                Ok(Script { seed: trial.seed, parts })
            }
            Source::Episodes(settings, task) => {
                let link = Link::new(&self.model.network, &settings.readout, *task)?;
                let (mut spikes, _) = spikes(*task, self.seed, number);
                // Nothing is shown while the answer is on its way.
                spikes.resize((task.steps() + link.latency) as usize, Vec::new());
                let inputs = self.populations.inputs.len();
                spikes.iter_mut().for_each(|lists| lists.resize(inputs, Vec::new()));
                let parts = vec![ScriptPart { resets: Vec::new(), spikes }];
                Ok(Script { seed: trial_seed(self.seed, number), parts })
            }
        }
    }

    /// Trials 0 to `n - 1` in float, held in number formats or not; `what` is the label of the
    /// progress.
    pub(super) fn float(
        &self,
        formats: Option<&Formats>,
        n: u32,
        what: &str,
    ) -> Result<Outcome, LabError> {
        let network = &self.model.network;
        match &self.source {
            Source::Protocol(trials) => {
                let width = match n {
                    12.. => 16,
                    5.. => 8,
                    _ => 1,
                };
                let machine = || -> Result<FloatTrials<'_>, LabError> {
                    let machine = held(network, formats, width)?;
                    Ok(FloatTrials { net: network, machine, populations: &self.populations })
                };
                let task = self.task(trials, n, what);
                let (result, _) = run(task, machine, |_| (), self.progress)?;
                Ok(self.outcome(result, Vec::new()))
            }
            Source::Episodes(settings, task) => {
                self.progress.tell(what, 0, n.into());
                let network = differentiable(network)?;
                let link = Link::new(&network, &settings.readout, *task)?;
                let mut runner = TileRunner::forward(&network, &link, self.threads)?;
                runner.hold_in(&network, formats.cloned())?;
                let (seed, part) = (self.seed, Part::Evaluation);
                let episodes = Episodes { seed, part, first: 0, count: n as usize };
                let found = runner.run(*task, &link, episodes, false);
                self.progress.tell(what, n.into(), n.into());
                let pairs = found.logits.iter().zip(&found.labels);
                let scores = pairs.map(|(l, c)| credit(l, *c)).collect();
                Ok(Outcome { scores, ..Outcome::default() })
            }
        }
    }

    /// The same trials on the emulated chip.
    pub(super) fn chip(&self, image: &Image, n: u32, what: &str) -> Result<Outcome, LabError> {
        match &self.source {
            Source::Protocol(trials) => {
                let machine = || -> Result<ChipMachine<'_>, LabError> {
                    let emulator = Emulator::load(image, Options::default())?;
                    Ok(ChipMachine { emulator, populations: &self.populations })
                };
                let task = self.task(trials, n, what);
                let saturations = |m: ChipMachine<'_>| m.emulator.saturations();
                let (result, clipped) = run(task, machine, saturations, self.progress)?;
                let mut sums: Vec<(String, u64)> = Vec::new();
                for s in clipped.into_iter().flatten().filter(|s| s.count > 0) {
                    match sums.iter_mut().find(|(name, _)| *name == s.state) {
                        Some((_, count)) => *count += s.count,
                        None => sums.push((s.state, s.count)),
                    }
                }
                Ok(self.outcome(result, sums))
            }
            Source::Episodes(settings, task) => {
                let exam = Exam {
                    model: self.model,
                    settings,
                    seed: self.seed,
                    episodes: n,
                    threads: self.threads,
                    progress: self.progress,
                };
                let (scores, saturations) = exam.chip_credits(*task, image, what)?;
                Ok(Outcome { scores, saturations, ..Outcome::default() })
            }
        }
    }

    fn task<'t>(&'t self, trials: &'t Trials<'t>, n_trials: u32, what: &'t str) -> Task<'t> {
        Task {
            trials,
            n_trials,
            count: None,
            populations: &self.populations,
            what,
            threads: self.threads,
            keep_records: true,
            at_end: &self.watched,
        }
    }

    /// Scores and learnt values of a run. What was watched is recorded last in every trial.
    fn outcome(&self, mut run: RunResult, saturations: Vec<(String, u64)>) -> Outcome {
        let scores = if self.is_scored() { run.scores() } else { Vec::new() };
        let n = self.watched.len();
        let weights = run.trials.iter_mut().map(|trial| {
            let at = trial.records.len() - n;
            trial.records.split_off(at).into_iter().flat_map(|r| r.values).collect()
        });
        Outcome { scores, weights: weights.collect(), saturations, run }
    }
}

/// A float machine, its states held in number formats or not.
pub(super) fn held(
    network: &CheckedNetwork,
    formats: Option<&Formats>,
    width: usize,
) -> Result<FloatMachine<f32>, LabError> {
    let mut machine = FloatMachine::new(network, width);
    if let Some(formats) = formats {
        for (id, state) in network.states.iter() {
            if matches!(state.role, StateRole::Parameter | StateRole::Variable) {
                let lanes = network.lanes(state.space);
                let values: Vec<f64> = (0..lanes).map(|lane| state.init.at(lane)).collect();
                machine.set_state(id, &formats.hold(id, &values))?;
            }
        }
        machine.set_rounding(Some(formats.written()));
    }
    machine.restart();
    Ok(machine)
}
