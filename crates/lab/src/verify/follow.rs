//! Trials followed step by step on four machines at once: float, the fixed reading by itself, the
//! fixed reading made to spike as float does, and the emulated chip.

use super::equal::{Comparison, Equality};
use super::local::{Local, LocalError};
use super::script::{Exercise, Script};
use super::{At, variable_kind};
use crate::error::LabError;
use crate::prepare::Prepared;
use std::collections::BTreeMap;
use trifactor_emu::{Emulator, Options, Reset};
use trifactor_entity::{EntityId, SideTable};
use trifactor_image::Image;
use trifactor_ir::{Group, ResetGroup, SpaceId, StateId, StateRole, Values};
use trifactor_reference::float::{FloatMachine, InputSpikes};
use trifactor_reference::{FixedMachine, Watch};

/// Points of a curve of errors over time.
const CURVE_POINTS: usize = 160;
/// Points of an example's values over time.
const EXAMPLE_POINTS: usize = 600;
/// States whose values over time are shown.
const EXAMPLES: usize = 8;

/// Errors of a state over all trials that were followed. Units: the author's.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Drift {
    /// Values compared.
    pub n: u64,
    /// Largest magnitude of the error.
    pub max: f64,
    /// Where.
    pub at: At,
    /// Sum of squared errors.
    pub squares: f64,
    /// Largest magnitude of the float value.
    pub peak: f64,
    /// Largest distance of the float value from its initial one.
    pub reach: f64,
    /// Errors over time.
    pub curve: Vec<Bucket>,
}

/// Errors of a stretch of steps.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Bucket {
    /// Values compared.
    pub n: u64,
    /// Sum of squared errors.
    pub squares: f64,
    /// Largest magnitude of the error.
    pub max: f64,
}

impl Bucket {
    /// Root mean square error.
    pub fn rms(&self) -> f64 {
        (self.squares / self.n.max(1) as f64).sqrt()
    }
}

impl Drift {
    /// Root mean square error.
    pub fn rms(&self) -> f64 {
        (self.squares / self.n.max(1) as f64).sqrt()
    }

    /// An error as a share of the largest float value.
    pub fn relative(&self, error: f64) -> Option<f64> {
        (self.peak > 0.0).then(|| error / self.peak)
    }

    fn see(
        &mut self,
        float: &[f64],
        fixed: impl Iterator<Item = f64>,
        init: &Values,
        at: At,
        bucket: usize,
    ) {
        if self.curve.len() <= bucket {
            self.curve.resize(bucket + 1, Bucket::default());
        }
        let slot = &mut self.curve[bucket];
        for (lane, (float, fixed)) in float.iter().zip(fixed).enumerate() {
            let error = (fixed - float).abs();
            self.n += 1;
            self.squares += error * error;
            self.peak = self.peak.max(float.abs());
            self.reach = self.reach.max((float - init.at(lane)).abs());
            slot.n += 1;
            slot.squares += error * error;
            slot.max = slot.max.max(error);
            if error > self.max {
                self.max = error;
                self.at = At { lane: lane as u32, ..at };
            }
        }
    }
}

/// The first spike that one reading has and the other has not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpikeDifference {
    /// The population.
    pub population: String,
    /// Where.
    pub at: At,
    /// Whether it is float that spikes.
    pub in_float: bool,
}

/// Spikes of float and of the fixed reading by itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spikes {
    /// Spikes of neurons in float.
    pub float: u64,
    /// Spikes that only one of the two has.
    pub different: u64,
    /// Trials with such a spike.
    pub trials: u32,
    /// The first of the first trial that has one.
    pub first: Option<SpikeDifference>,
}

/// A lane's values over time in the first trial that was followed.
#[derive(Clone, PartialEq, Debug)]
pub struct Example {
    /// Full name of the state.
    pub name: String,
    /// The lane.
    pub lane: u32,
    /// (step, float, fixed reading by itself).
    pub points: Vec<(f64, f64, f64)>,
}

/// Learnt values at the end of the trials that were followed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Learnt {
    /// Full name of the state.
    pub name: String,
    /// In float.
    pub float: Vec<f64>,
    /// In the fixed reading by itself.
    pub fixed: Vec<f64>,
}

/// What following trials showed.
pub(super) struct Followed {
    pub trials: u32,
    /// Steps of the longest trial, as far as it was followed.
    pub steps: usize,
    /// Its steps to its end.
    pub of: usize,
    pub equality: Equality,
    pub spikes: Spikes,
    /// Spikes that rounding decided in a single step.
    pub flips: u64,
    pub local: SideTable<StateId, LocalError>,
    /// Where both readings have the float reading's spikes.
    pub taught: SideTable<StateId, Drift>,
    /// Each with its own spikes.
    pub free: SideTable<StateId, Drift>,
    pub examples: Vec<Example>,
    pub learnt: Vec<Learnt>,
}

/// Sees nothing.
struct Unseen;

impl Watch for Unseen {}

/// Follows these trials, each for at most so many steps. `image` is what the chip is loaded with.
pub(super) fn follow(
    exercise: &Exercise<'_>,
    prepared: &Prepared,
    image: &Image,
    (numbers, limit): (&[u32], usize),
) -> Result<Followed, LabError> {
    let float_net = &exercise.model.network;
    let (net, plan) = (&prepared.network, &prepared.plan);
    let mut float: FloatMachine<f64> = FloatMachine::new(float_net, 1);
    let mut free = FixedMachine::new(net, plan);
    let mut taught = FixedMachine::new(net, plan);
    let mut emulator = Emulator::load(image, Options::default())?;
    let mut comparison = Comparison::new(net, image)?;
    let mut local = Local::new(net, plan);
    let blank = || SideTable::for_each(&net.states, |_, _| Drift::default());
    let (mut of_taught, mut of_free) = (blank(), blank());
    let mut spikes = Spikes::default();
    let mut learnt: BTreeMap<StateId, Learnt> = BTreeMap::new();
    let variables: Vec<StateId> = net
        .states
        .ids()
        .filter(|id| net.states[*id].role == StateRole::Variable)
        .filter(|id| variable_kind(net, *id).is_some())
        .collect();
    let neurons: Vec<(SpaceId, StateId)> = net
        .phases
        .values()
        .filter(|p| p.group == Group::Neurons)
        .filter_map(|p| Some((p.over, net.spikes(p.over)?)))
        .collect();
    let mut examples: Vec<(StateId, Example)> = Vec::new();
    let (mut longest, mut of) = (0, 0);
    let total = numbers.len() as u64;
    let what = "step by step";
    exercise.progress.tell(what, 0, total);
    for (done, number) in numbers.iter().enumerate() {
        let script = exercise.script(*number)?;
        let steps = script.steps().min(limit);
        longest = longest.max(steps);
        of = of.max(script.steps());
        if done == 0 {
            examples = liveliest(exercise, &script, &variables, steps)?;
        }
        float.restart();
        for machine in [&mut free, &mut taught] {
            machine.restart(script.seed);
        }
        emulator.begin_trial(script.seed);
        local.trial = *number;
        let mut step = 0u32;
        let mut differs = false;
        'trial: for part in &script.parts {
            if !part.resets.is_empty() {
                float.reset(&part.resets);
                free.reset(&part.resets);
                taught.reset(&part.resets);
                emulator.reset(&part.resets.iter().map(chip_reset).collect::<Vec<_>>());
            }
            for lists in &part.spikes {
                if step as usize == steps {
                    break 'trial;
                }
                step += 1;
                local.step = step;
                step_float(exercise, &mut float, lists)?;
                let by_space = exercise.by_space(lists);
                let fired: Vec<(SpaceId, Vec<u32>)> =
                    neurons.iter().map(|(space, s)| (*space, lanes(float.state(*s)))).collect();
                let lesson: Vec<(SpaceId, &[u32])> =
                    fired.iter().map(|(space, lanes)| (*space, lanes.as_slice())).collect();
                free.step_watched(&by_space, &[], &mut local);
                taught.step_watched(&by_space, &lesson, &mut Unseen);
                let inputs = exercise.populations.inputs.iter().zip(lists);
                let inputs: Vec<(usize, &[u32])> =
                    inputs.map(|(at, lanes)| (*at, lanes.as_slice())).collect();
                emulator.step(&inputs)?;
                comparison.compare(*number, &free, &emulator)?;
                let at = At { trial: *number, step, lane: 0 };
                let bucket = (step as usize - 1) * CURVE_POINTS.min(steps) / steps;
                for id in &variables {
                    let values = float.state(*id);
                    let format = &plan.states[*id];
                    let real = |m: &FixedMachine<'_>| -> Vec<f64> {
                        m.raw(*id).iter().map(|raw| format.value(*raw)).collect()
                    };
                    let init = &float_net.states[*id].init;
                    of_free[*id].see(values, real(&free).into_iter(), init, at, bucket);
                    of_taught[*id].see(values, real(&taught).into_iter(), init, at, bucket);
                }
                for ((space, spike), (_, fired)) in neurons.iter().zip(&fired) {
                    spikes.float += fired.len() as u64;
                    let pairs = free.raw(*spike).iter().zip(float.state(*spike));
                    for (lane, (fixed, float)) in pairs.enumerate() {
                        if (*fixed != 0) == (*float != 0.0) {
                            continue;
                        }
                        spikes.different += 1;
                        differs = true;
                        spikes.first.get_or_insert_with(|| SpikeDifference {
                            population: net.spaces[*space].name.clone(),
                            at: At { lane: lane as u32, ..at },
                            in_float: *float != 0.0,
                        });
                    }
                }
                if done == 0 && step.is_multiple_of(steps.div_ceil(EXAMPLE_POINTS) as u32) {
                    for (id, example) in &mut examples {
                        let lane = example.lane as usize;
                        let fixed = plan.states[*id].value(free.raw(*id)[lane]);
                        example.points.push((f64::from(step), float.state(*id)[lane], fixed));
                    }
                }
            }
        }
        spikes.trials += u32::from(differs);
        comparison.seen.trials += u32::from(comparison.seen.difference.is_none());
        for phase in net.phases.values().filter(|p| p.group == Group::Plasticity) {
            for id in &phase.writes {
                let entry = learnt
                    .entry(*id)
                    .or_insert_with(|| Learnt { name: net.full_name(*id), ..Learnt::default() });
                entry.float.extend(float.state(*id));
                entry.fixed.extend(free.values(*id));
            }
        }
        exercise.progress.tell(what, done as u64 + 1, total);
    }
    Ok(Followed {
        trials: numbers.len() as u32,
        steps: longest,
        of,
        equality: comparison.seen,
        spikes,
        flips: local.flips,
        local: local.errors,
        taught: of_taught,
        free: of_free,
        examples: examples.into_iter().map(|(_, example)| example).collect(),
        learnt: learnt.into_values().collect(),
    })
}

impl Exercise<'_> {
    /// Input spikes of a step by space.
    fn by_space<'l>(&self, lists: &'l [Vec<u32>]) -> Vec<(SpaceId, &'l [u32])> {
        let inputs = self.populations.inputs.iter().zip(lists);
        inputs.map(|(at, lanes)| (self.populations.spaces[*at], lanes.as_slice())).collect()
    }
}

fn step_float(
    exercise: &Exercise<'_>,
    float: &mut FloatMachine<f64>,
    lists: &[Vec<u32>],
) -> Result<(), LabError> {
    let by_space = exercise.by_space(lists).into_iter();
    let inputs: Vec<InputSpikes<'_>> =
        by_space.map(|(space, lanes)| InputSpikes { space, episode: 0, lanes }).collect();
    Ok(float.step(&inputs)?)
}

/// The lane of each of some variables that moves most in float, learnt variables first.
fn liveliest(
    exercise: &Exercise<'_>,
    script: &Script,
    variables: &[StateId],
    steps: usize,
) -> Result<Vec<(StateId, Example)>, LabError> {
    let net = &exercise.model.network;
    let mut order: Vec<StateId> = variables.to_vec();
    order.sort_by_key(|id| (variable_kind(net, *id), id.index()));
    order.truncate(EXAMPLES);
    let mut float: FloatMachine<f64> = FloatMachine::new(net, 1);
    let mut ends: Vec<Vec<(f64, f64)>> = vec![Vec::new(); order.len()];
    let mut step = 0;
    'trial: for part in &script.parts {
        if !part.resets.is_empty() {
            float.reset(&part.resets);
        }
        for lists in &part.spikes {
            if step == steps {
                break 'trial;
            }
            step += 1;
            step_float(exercise, &mut float, lists)?;
            for (id, ends) in order.iter().zip(&mut ends) {
                let values = float.state(*id);
                ends.resize(values.len(), (f64::INFINITY, f64::NEG_INFINITY));
                for ((lo, hi), v) in ends.iter_mut().zip(values) {
                    (*lo, *hi) = (lo.min(*v), hi.max(*v));
                }
            }
        }
    }
    let examples = order.into_iter().zip(ends).filter_map(|(id, ends)| {
        let reach = |k: &usize| ends[*k].1 - ends[*k].0;
        let lane = (0..ends.len()).reduce(|a, b| if reach(&b) > reach(&a) { b } else { a })?;
        let name = net.full_name(id);
        Some((id, Example { name, lane: lane as u32, points: Vec::new() }))
    });
    Ok(examples.collect())
}

/// The lanes that fire.
fn lanes(spikes: &[f64]) -> Vec<u32> {
    (0u32..).zip(spikes).filter(|(_, s)| **s != 0.0).map(|(lane, _)| lane).collect()
}

fn chip_reset(group: &ResetGroup) -> Reset {
    match group {
        ResetGroup::Membrane => Reset::Membrane,
        ResetGroup::Traces => Reset::Traces,
        ResetGroup::Modulators => Reset::Modulators,
        ResetGroup::Weights => Reset::Weights,
    }
}
