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
    /// Weights after the last one.
    pub after: Vec<f64>,
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

impl Recording {
    /// Runs the episode on both machines.
    pub fn of(
        exam: &Exam<'_>,
        task: &CueAssociation,
        prepared: Option<&Prepared>,
    ) -> Result<Self, LabError> {
        let net = &exam.model.network;
        let link = Link::new(net, &exam.settings.readout, task)?;
        let names: Vec<String> = exam.model.inputs.iter().map(|i| i.name.clone()).collect();
        let populations = Populations::of(net, &names);
        let followed = Followed::of(net, &exam.settings.readout.population, &link);
        let (by_step, _) = spikes(task, exam.seed, NUMBER);
        let steps = task.steps() + link.latency;
        // Ports in the order in which the model lists its inputs.
        let port_of = |input: &String| {
            let space = net.space(input)?;
            link.ports.iter().find(|(s, _)| *s == space).map(|(_, port)| *port)
        };
        let ports: Vec<Option<usize>> = names.iter().map(port_of).collect();
        let show = |step: u64| -> Vec<Vec<u32>> {
            let lanes = by_step.get(step as usize - 1);
            let of = |port: &Option<usize>| lanes.zip(*port).map(|(l, p)| l[p].clone());
            ports.iter().map(|port| of(port).unwrap_or_default()).collect()
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
        let mut inputs = vec![Vec::new(); task.ports().len()];
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
        after: Vec::new(),
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
    seen.after = seen.weights.last().cloned().unwrap_or_else(|| seen.before.clone());
    Ok(seen)
}
