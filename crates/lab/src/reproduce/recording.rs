//! One episode step by step, in float and on chip: what the pictures show.

use crate::episodes::{Exam, spikes};
use crate::error::LabError;
use crate::machine::{ChipMachine, FloatTrials, Machine, Populations};
use crate::prepare::Prepared;
use trifactor_emu::{Emulator, Options, trial_seed};
use trifactor_host::Link;
use trifactor_host::task::{CueAssociation, Group, Part, Script, Task};
use trifactor_ir::{CheckedNetwork, SpaceId, SpaceKind, StateRole};
use trifactor_reference::float::FloatMachine;

/// The episode that is shown.
const NUMBER: u32 = 0;

/// Evaluation episode 0.
pub(super) struct Recording {
    /// Its steps, those in which the answer is still on its way included.
    pub steps: u64,
    /// What it shows.
    pub script: Script,
    /// Input spikes, `[port]` of (step, lane).
    pub inputs: Vec<Vec<(u64, u32)>>,
    /// What is followed.
    pub followed: Followed,
    /// Float.
    pub float: Seen,
    /// The chip.
    pub chip: Option<Seen>,
}

/// Names of what is followed.
pub(super) struct Followed {
    /// The plastic projection with its pre and post lane of every synapse, if there is one.
    pub plastic: Option<Plastic>,
    /// Modulators: name of the population or modulator, and full name of the state.
    pub modulators: Vec<(String, String)>,
    /// The population that plastic synapses reach, and its spikes.
    pub hidden: Option<(String, usize)>,
    /// What is read.
    pub readout: String,
}

/// A plastic projection.
pub(super) struct Plastic {
    /// Its name.
    pub name: String,
    /// Full name of its weights.
    pub weights: String,
    /// Full names of its other variables: eligibility traces.
    pub traces: Vec<String>,
    /// Pre and post lane of every synapse.
    pub synapses: Vec<(usize, usize)>,
    /// Lanes on both sides.
    pub sides: (usize, usize),
}

/// What one machine did.
pub(super) struct Seen {
    /// Weights before the first step, `[synapse]`.
    pub before: Vec<f64>,
    /// Weights, `[step - 1][synapse]`.
    pub weights: Vec<Vec<f64>>,
    /// Eligibility traces, `[trace][step - 1][synapse]`.
    pub traces: Vec<Vec<Vec<f64>>>,
    /// Modulators, `[modulator][step - 1][line]`.
    pub modulators: Vec<Vec<Vec<f64>>>,
    /// What is read, `[step - 1][class]`.
    pub readout: Vec<Vec<f64>>,
    /// Spikes of the hidden population as (step, lane).
    pub hidden: Vec<(u64, u32)>,
}

impl Seen {
    /// Weights after the last step.
    pub fn after(&self) -> &[f64] {
        self.weights.last().unwrap_or(&self.before)
    }
}

impl Recording {
    /// Runs the episode on both machines.
    pub fn of(
        exam: &Exam<'_>,
        task: &CueAssociation,
        prepared: Option<&Prepared>,
    ) -> Result<Self, LabError> {
        let net = &exam.model.network;
        let link = Link::new(net, &exam.settings.readout, task)?;
        let ports: Vec<String> = task.ports().into_iter().map(|port| port.name).collect();
        let populations = Populations::of(net, &ports);
        let followed = Followed::of(net, &exam.settings.readout.population, &link);
        let (by_step, _) = spikes(task, exam.seed, NUMBER);
        let steps = task.steps() + link.latency;
        // Nothing is shown while the answer is on its way.
        let show = |step: u64| -> Vec<Vec<u32>> {
            by_step.get(step as usize - 1).cloned().unwrap_or_default()
        };
        let machine = FloatMachine::new(net, 1);
        let mut float = FloatTrials { net, machine, populations: &populations };
        let float = follow(&mut float, &followed, &populations, (exam.seed, steps), &show)?;
        let chip = match prepared {
            None => None,
            Some(prepared) => {
                let emulator = Emulator::load(&prepared.compiled.image, Options::default())?;
                let mut chip = ChipMachine { emulator, populations: &populations };
                Some(follow(&mut chip, &followed, &populations, (exam.seed, steps), &show)?)
            }
        };
        let mut inputs = vec![Vec::new(); ports.len()];
        for (step, ports) in (1..).zip(&by_step) {
            for (list, lanes) in inputs.iter_mut().zip(ports) {
                list.extend(lanes.iter().map(|lane| (step, *lane)));
            }
        }
        let script = task.script(exam.seed, Part::Evaluation, NUMBER);
        Ok(Self { steps, script, inputs, followed, float, chip })
    }

    /// The machine that pictures of one machine show, and its name.
    pub fn main(&self) -> (&Seen, &'static str) {
        self.chip.as_ref().map_or((&self.float, "float"), |chip| (chip, "chip"))
    }

    /// Lines of a group, ascending.
    pub fn lines(&self, group: Group) -> Vec<usize> {
        let all = self.script.groups.iter().enumerate();
        all.filter(|(_, g)| **g == group).map(|(line, _)| line).collect()
    }
}

impl Followed {
    fn of(net: &CheckedNetwork, readout: &str, link: &Link) -> Self {
        let variables = |space: SpaceId| -> Vec<String> {
            let found = net.states.ids().filter(|id| {
                net.states[*id].space == space && net.states[*id].role == StateRole::Variable
            });
            found.map(|id| net.full_name(id)).collect()
        };
        let mut followed = Self {
            plastic: None,
            modulators: Vec::new(),
            hidden: None,
            readout: format!("{readout}.{}", net.states[link.readout].name),
        };
        for (id, space) in net.spaces.iter() {
            if matches!(space.kind, SpaceKind::Modulator { .. })
                && let Some(state) = variables(id).into_iter().next()
            {
                followed.modulators.push((space.name.clone(), state));
            }
        }
        let first = net.plastic().into_iter().next();
        let Some((space, synapses)) = first.and_then(|s| Some((s, net.synapses(s)?))) else {
            return followed;
        };
        let name = net.spaces[space].name.clone();
        let weights = format!("{name}.w");
        let mut traces = variables(space);
        traces.retain(|state| *state != weights);
        let pairs = synapses.pre_lanes().into_iter().zip(&synapses.post_lane);
        let post = net.spaces[synapses.post].name.clone();
        followed.hidden = Some((post, net.lanes(synapses.post)));
        followed.plastic = Some(Plastic {
            name,
            weights,
            traces,
            synapses: pairs.map(|(pre, post)| (pre as usize, *post as usize)).collect(),
            sides: (net.lanes(synapses.pre), net.lanes(synapses.post)),
        });
        followed
    }
}

/// One machine through the episode. `show` gives the lanes of every input in a step.
fn follow<M: Machine>(
    machine: &mut M,
    followed: &Followed,
    populations: &Populations,
    (seed, steps): (u32, u64),
    show: &dyn Fn(u64) -> Vec<Vec<u32>>,
) -> Result<Seen, LabError> {
    machine.begin(&[trial_seed(seed, NUMBER)]);
    let plastic = followed.plastic.as_ref();
    let hidden = match &followed.hidden {
        Some((name, n)) => Some((populations.find(name)?, *n)),
        None => None,
    };
    let before = plastic.map_or(Ok(Vec::new()), |p| machine.record(&p.weights, 0))?;
    let mut seen = Seen {
        before,
        weights: Vec::new(),
        traces: vec![Vec::new(); plastic.map_or(0, |p| p.traces.len())],
        modulators: vec![Vec::new(); followed.modulators.len()],
        readout: Vec::new(),
        hidden: Vec::new(),
    };
    for step in 1..=steps {
        machine.step(&[show(step)])?;
        if let Some(p) = plastic {
            seen.weights.push(machine.record(&p.weights, 0)?);
            for (list, state) in seen.traces.iter_mut().zip(&p.traces) {
                list.push(machine.record(state, 0)?);
            }
        }
        for (list, (_, state)) in seen.modulators.iter_mut().zip(&followed.modulators) {
            list.push(machine.record(state, 0)?);
        }
        seen.readout.push(machine.record(&followed.readout, 0)?);
        if let Some((population, n)) = hidden {
            let mut counts = vec![0; n];
            machine.count_spikes(population, 0, &mut counts);
            let fired = (0u32..).zip(counts).filter(|(_, count)| *count > 0);
            seen.hidden.extend(fired.map(|(lane, _)| (step, lane)));
        }
    }
    Ok(seen)
}

#[cfg(test)]
#[path = "../../tests/support/mod.rs"]
mod support;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Silent;
    use crate::prepare::{find_chip, prepare};
    use trifactor_host::task::TaskSpec;
    use trifactor_host::{Settings, credit};

    #[test]
    fn the_recorded_episode_is_the_first_of_the_runs() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = support::trained(place.path());
        let model = crate::episodes::trained(&folder, None).expect("trained");
        let settings = Settings::load(&folder.join("train.ron"), &folder).expect("legal");
        let measured = settings.evaluation.as_ref().map(|e| &e.task);
        let Some(TaskSpec::CueAssociation(task)) = measured else { panic!("{measured:?}") };
        let prepared = prepare(&model, find_chip(&model.chip).expect("a chip")).expect("it fits");
        let link = Link::new(&model.network, &settings.readout, task).expect("it fits");
        let answer = |seen: &Seen| -> f64 {
            let window =
                task.window().map(|step| &seen.readout[(step + link.latency) as usize - 1]);
            let logits = window.fold([0.0; 2], |sum, v| [sum[0] + v[0], sum[1] + v[1]]);
            logits[1] - logits[0]
        };
        let mut answers = [0; 2];
        for seed in 0..16 {
            let exam = Exam {
                model: &model,
                settings: &settings,
                seed,
                episodes: 1,
                threads: 1,
                progress: &Silent,
            };
            let shown = Recording::of(&exam, task, Some(&prepared)).expect("a run");
            let class = shown.script.trials.last().expect("a test").0;
            let credit = |seen: &Seen| credit(&[0.0, answer(seen)], class);
            let float = exam.float(&model.network, task, "float").expect("a run");
            let chip = exam.chip(task, &prepared, &float, "chip").expect("a run");
            let seen = shown.chip.as_ref().expect("a chip");
            assert_eq!(credit(&shown.float), float[0], "seed {seed}");
            assert_eq!(credit(seen), chip.accuracy.mean, "seed {seed}");
            answers[usize::from(float[0] > 0.5)] += 1;
        }
        // Otherwise any two episodes would agree.
        assert!(answers.iter().all(|n| *n > 2), "{answers:?}");
    }
}
