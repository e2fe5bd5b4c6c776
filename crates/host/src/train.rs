//! The training loop without files: one update after the other.

use crate::HostError;
use crate::adam::{Adam, learning_rate};
use crate::evaluate::Accuracy;
use crate::evolution::Cloud;
use crate::network::{Link, differentiable, with_surrogates, without_plasticity};
use crate::parameters::Parameters;
use crate::rounding::Formats;
use crate::settings::{Method, Settings};
use crate::task::{Part, Task, distinct};
use crate::tile::{BatchResult, Episodes, TileRunner};
use serde::{Deserialize, Serialize};
use trifactor_ir::{CheckedNetwork, StateId};
use trifactor_quant::Plan;

/// What one update gave.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Update {
    /// Its number, from 1.
    pub update: u64,
    /// Stage of the curriculum, from 1.
    pub stage: usize,
    /// Loss of its episodes.
    pub loss: f64,
    /// Accuracy on its episodes, before the update.
    pub accuracy: f64,
    /// Spikes per neuron and step of the populations whose activity costs.
    pub activity: f64,
    /// Norm of the gradient before clipping.
    pub norm: f64,
    /// Step size.
    pub rate: f64,
}

/// Everything that changes from update to update: what a checkpoint holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// What the optimiser moves.
    pub raw: Vec<f64>,
    pub adam: Adam,
    /// Stage of the curriculum, from 0.
    pub stage: usize,
    /// Accuracies of the latest updates of this stage.
    pub recent: Vec<f64>,
    /// Best measurement so far, and how many have come since.
    pub best: Option<f64>,
    pub stale: u64,
    /// The run is over.
    pub ended: bool,
}

/// The tasks of a stage with their links.
type StageTasks = Vec<(Box<dyn Task>, Link)>;

/// The task of an update: those of a stage take turns.
fn task_of(tasks: &StageTasks, done: u64) -> &(Box<dyn Task>, Link) {
    &tasks[(done % tasks.len() as u64) as usize]
}

/// A training in progress.
pub struct Training {
    settings: Settings,
    seed: u32,
    parameters: Parameters,
    rates: Vec<f64>,
    stages: Vec<StageTasks>,
    evaluation: Option<(Box<dyn Task>, Link)>,
    runner: TileRunner,
    pub(crate) progress: Progress,
}

impl Training {
    /// A training at update 0.
    ///
    /// `plastic: false` trains the same network with its rates at 0 all the time.
    /// Errors: settings that do not fit the network, a network without a reverse.
    pub fn new(
        network: &CheckedNetwork,
        settings: &Settings,
        seed: u32,
        threads: usize,
        plastic: bool,
    ) -> Result<Self, HostError> {
        Self::build(network, settings, seed, (threads, plastic), None)
    }

    /// The same with every state held in the formats of a plan: quantisation-aware training.
    ///
    /// Values are rounded as on the chip in all forward runs, measurements included; gradients
    /// pass the rounding unchanged. What the optimiser moves stays in floating point, within what
    /// the planned formats hold. Errors: as [`new`](Self::new).
    pub fn held_in(
        network: &CheckedNetwork,
        settings: &Settings,
        seed: u32,
        threads: usize,
        plan: &Plan,
    ) -> Result<Self, HostError> {
        Self::build(network, settings, seed, (threads, true), Some(plan))
    }

    fn build(
        network: &CheckedNetwork,
        settings: &Settings,
        seed: u32,
        (threads, plastic): (usize, bool),
        plan: Option<&Plan>,
    ) -> Result<Self, HostError> {
        let mut network = with_surrogates(&differentiable(network)?, &settings.surrogates)?;
        let mut trained = settings.trained.clone();
        if !plastic {
            network = without_plasticity(&network, &settings.rates)?;
            trained.retain(|t| !settings.rates.contains(&t.state));
        }
        let formats = plan.map(|plan| Formats::planned(&network, plan));
        if let Some(formats) = &formats {
            network = formats.open_at_zero(&network)?;
        }
        let (mut parameters, mut raw) = Parameters::new(&network, &trained, seed)?;
        if let Some(formats) = &formats {
            parameters.narrow(|state| formats.range(state));
            parameters.project(&mut raw);
        }
        let mut stages = Vec::new();
        for stage in &settings.stages {
            let mut tasks = StageTasks::new();
            for spec in &stage.tasks {
                let task = spec.build(&settings.folder)?;
                let link = Link::new(&network, &settings.readout, task.as_ref())?;
                tasks.push((task, link));
            }
            stages.push(tasks);
        }
        let evaluation = match &settings.evaluation {
            None => None,
            Some(e) => {
                let task = e.task.build(&settings.folder)?;
                let link = Link::new(&network, &settings.readout, task.as_ref())?;
                Some((task, link))
            }
        };
        let (states, segment) = match settings.method {
            Method::Gradient => (parameters.states(), settings.segment),
            // Nothing runs backwards, so that one checkpoint is enough.
            Method::Evolution { .. } => (Vec::new(), 1 << 20),
        };
        let mut runner = TileRunner::new(
            &network,
            &stages[0][0].1,
            &settings.rate_costs,
            &states,
            (settings.width, segment, threads),
        )?;
        if formats.is_some() {
            runner.hold_in(&network, formats)?;
        }
        let adam = Adam::new(&raw);
        let progress = Progress {
            raw,
            adam,
            stage: 0,
            recent: Vec::new(),
            best: None,
            stale: 0,
            ended: false,
        };
        Ok(Self {
            settings: settings.clone(),
            seed,
            rates: parameters.rates(),
            parameters,
            stages,
            evaluation,
            runner,
            progress,
        })
    }

    /// Checksums of the recorded episodes that the run reads, stage by stage, the evaluation last.
    pub(crate) fn checksums(&self) -> impl Iterator<Item = u32> {
        let tasks = self.stages.iter().flatten().chain(&self.evaluation);
        tasks.filter_map(|(task, _)| task.checksum())
    }

    /// Updates made so far.
    pub fn updates(&self) -> u64 {
        self.progress.adam.updates
    }

    /// Whether the last update has been made, or a reason to stop was met.
    pub fn ended(&self) -> bool {
        self.progress.ended || self.updates() >= self.settings.updates
    }

    /// Makes one update on the next episodes.
    ///
    /// Errors: the loss or the gradient is not finite; nothing has been changed then.
    pub fn update(&mut self) -> Result<Update, HostError> {
        let done = self.updates();
        let stage = self.progress.stage;
        let (result, gradient) = match self.settings.method {
            Method::Gradient => self.by_gradient(done)?,
            Method::Evolution { population, sigma } => {
                self.by_evolution(done, population / 2, sigma)?
            }
        };
        for (what, finite) in [
            ("loss", result.loss.is_finite()),
            ("gradient", gradient.iter().all(|g| g.is_finite())),
        ] {
            if !finite {
                return Err(HostError::NotFinite { update: done + 1, what });
            }
        }
        let options = &self.settings.optimiser;
        let rate = learning_rate(options, done, self.settings.updates);
        let p = &mut self.progress;
        let norm = p.adam.step(&mut p.raw, &gradient, &self.rates, rate, options);
        self.parameters.project(&mut p.raw);
        p.adam.follow(&p.raw, options.average);
        let update = Update {
            update: done + 1,
            stage: stage + 1,
            loss: result.loss,
            accuracy: result.accuracy,
            activity: result.activity,
            norm,
            rate,
        };
        self.advance(update.accuracy);
        Ok(update)
    }

    /// Runs the episodes of an update forwards and backwards.
    fn by_gradient(&mut self, done: u64) -> Result<(BatchResult, Vec<f64>), HostError> {
        self.runner.set(&self.parameters.values(&self.progress.raw))?;
        let episodes = self.episodes(done);
        let (task, link) = task_of(&self.stages[self.progress.stage], done);
        let result = self.runner.run(task.as_ref(), link, episodes, true);
        let gradient = self.parameters.gradient(&self.progress.raw, &result.gradients);
        Ok((result, gradient))
    }

    /// Runs them forwards for a cloud of parameters. The result is that of its centre.
    fn by_evolution(
        &mut self,
        done: u64,
        pairs: usize,
        sigma: f64,
    ) -> Result<(BatchResult, Vec<f64>), HostError> {
        let episodes = self.episodes(done);
        let (task, link) = task_of(&self.stages[self.progress.stage], done);
        let (centre, rates, parameters) = (&self.progress.raw, &self.rates, &self.parameters);
        let cloud = Cloud { centre, rates, sigma, seed: self.seed, update: done, pairs };
        let values = |member: usize| {
            let mut raw = cloud.member(member);
            parameters.project(&mut raw);
            parameters.values(&raw)
        };
        let members = cloud.members();
        let mut results =
            self.runner.run_members((members, &values), task.as_ref(), link, episodes)?;
        let losses: Vec<f64> = results.iter().map(|r| r.loss).collect();
        Ok((results.swap_remove(0), cloud.gradient(&losses)))
    }

    /// The episodes of an update.
    fn episodes(&self, done: u64) -> Episodes {
        let count = self.settings.batch;
        let first = (done as u32).wrapping_mul(count as u32);
        Episodes { seed: self.seed, part: Part::Training, first, count }
    }

    /// Goes to the next stage when this one is learned.
    fn advance(&mut self, accuracy: f64) {
        let p = &mut self.progress;
        let stage = &self.settings.stages[p.stage];
        p.recent.push(accuracy);
        if p.recent.len() > stage.over {
            p.recent.remove(0);
        }
        let mean = p.recent.iter().sum::<f64>() / p.recent.len() as f64;
        let full = p.recent.len() == stage.over;
        let last = p.stage + 1 == self.settings.stages.len();
        if full && !last && stage.until.is_some_and(|until| mean >= until) {
            p.stage += 1;
            p.recent.clear();
        }
    }

    /// Whether a measurement is due.
    pub fn evaluation_due(&self) -> bool {
        let every = self.settings.evaluation.as_ref().map(|e| e.every);
        every.is_some_and(|n| self.updates().is_multiple_of(n) || self.ended())
    }

    /// Measures the averaged parameters and the latest ones on episodes never trained on, and
    /// decides whether that is a reason to stop. `None` without an `evaluation` in the settings.
    pub fn evaluate(&mut self) -> Result<Option<(Accuracy, Accuracy)>, HostError> {
        let (Some((task, link)), Some(e)) = (&self.evaluation, &self.settings.evaluation) else {
            return Ok(None);
        };
        let count = distinct(task.as_ref(), e.episodes);
        let episodes = Episodes { seed: e.seed, part: Part::Evaluation, first: 0, count };
        let mut measure = |raw: &[f64]| -> Result<Accuracy, HostError> {
            self.runner.set(&self.parameters.values(raw))?;
            Ok(Accuracy::of(&self.runner.run(task.as_ref(), link, episodes, false)))
        };
        let averaged = measure(&self.progress.adam.average)?;
        let latest = measure(&self.progress.raw)?;
        let p = &mut self.progress;
        if p.best.is_none_or(|best| averaged.mean > best) {
            (p.best, p.stale) = (Some(averaged.mean), 0);
        } else {
            p.stale += 1;
        }
        let stop = &self.settings.stop;
        p.ended |= stop.accuracy.is_some_and(|enough| averaged.mean >= enough);
        p.ended |= stop.patience.is_some_and(|most| p.stale >= most);
        Ok(Some((averaged, latest)))
    }

    /// The averaged values of everything trained: what a run ships.
    pub fn averaged(&self) -> Vec<(StateId, Vec<f64>)> {
        self.parameters.values(&self.progress.adam.average)
    }
}
