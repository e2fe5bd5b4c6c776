//! One interface over the readings that run whole trials: float and the emulated chip.

use crate::error::LabError;
use trifactor_emu::{Emulator, Reset};
use trifactor_ir::{CheckedNetwork, ResetGroup, SpaceId, StateId};

use trifactor_reference::float::{FloatMachine, InputSpikes};

/// Something that runs a trial, or several in lockstep, in the author's names and units.
pub(crate) trait Machine {
    /// Trials in lockstep.
    fn width(&self) -> usize;
    /// Starts trials with these draw seeds (S7). Shape: at most [width].
    fn begin(&mut self, seeds: &[u32]);
    /// Resets groups of states (S6).
    fn reset(&mut self, groups: &[ResetGroup]);
    /// One step. Shape of `spikes`: [trial][input population in the author's order] lanes.
    fn step(&mut self, spikes: &[Vec<Vec<u32>>]) -> Result<(), LabError>;
    /// Adds 1 for every lane that fired in the last step.
    fn count_spikes(&self, population: usize, trial: usize, counts: &mut [u32]);
    /// A state of a population. Units: the author's.
    fn read(&self, population: usize, variable: &str, trial: usize) -> Result<Vec<f64>, LabError>;
    /// A state by its full name. Units: the author's.
    fn record(&self, state: &str, trial: usize) -> Result<Vec<f64>, LabError>;
}

/// Populations in the author's order, inputs among them, as every machine numbers them.
pub(crate) struct Populations {
    /// Names.
    pub names: Vec<String>,
    /// Lanes.
    pub sizes: Vec<usize>,
    /// Spaces.
    pub spaces: Vec<SpaceId>,
    /// Positions of the inputs.
    pub inputs: Vec<usize>,
}

impl Populations {
    /// Those of a network; `inputs` gives the names of inputs in the order in which trials list
    /// their spikes.
    pub fn of(net: &CheckedNetwork, inputs: &[String]) -> Self {
        let mut populations =
            Self { names: Vec::new(), sizes: Vec::new(), spaces: Vec::new(), inputs: Vec::new() };
        for (id, space) in net.spaces.iter() {
            if matches!(space.kind, trifactor_ir::SpaceKind::Population { .. }) {
                populations.names.push(space.name.clone());
                populations.sizes.push(net.lanes(id));
                populations.spaces.push(id);
            }
        }
        populations.inputs = inputs
            .iter()
            .filter_map(|name| populations.names.iter().position(|n| n == name))
            .collect();
        populations
    }
    /// The lanes that fire in a step, as the emulator wants them. Shape: `spikes` has one list for
    /// each input.
    pub fn given<'s>(&self, spikes: &'s [Vec<u32>]) -> Vec<(usize, &'s [u32])> {
        let lists = self.inputs.iter().zip(spikes).filter(|(_, lanes)| !lanes.is_empty());
        lists.map(|(at, lanes)| (*at, lanes.as_slice())).collect()
    }
    /// The position of a population.
    pub fn find(&self, name: &str) -> Result<usize, LabError> {
        self.names
            .iter()
            .position(|n| n == name)
            .ok_or_else(|| LabError::NoSuchPopulation { name: name.to_owned() })
    }
}

/// The emulated chip.
pub(crate) struct ChipMachine<'a> {
    /// The chip with its image.
    pub emulator: Emulator,
    /// Numbering.
    pub populations: &'a Populations,
}

impl Machine for ChipMachine<'_> {
    fn width(&self) -> usize {
        1
    }
    fn begin(&mut self, seeds: &[u32]) {
        self.emulator.begin_trial(seeds[0]);
    }
    fn reset(&mut self, groups: &[ResetGroup]) {
        let groups: Vec<Reset> = groups
            .iter()
            .map(|g| match g {
                ResetGroup::Membrane => Reset::Membrane,
                ResetGroup::Traces => Reset::Traces,
                ResetGroup::Modulators => Reset::Modulators,
                ResetGroup::Weights => Reset::Weights,
            })
            .collect();
        self.emulator.reset(&groups);
    }
    fn step(&mut self, spikes: &[Vec<Vec<u32>>]) -> Result<(), LabError> {
        Ok(self.emulator.step(&self.populations.given(&spikes[0]))?)
    }
    fn count_spikes(&self, population: usize, _: usize, counts: &mut [u32]) {
        for &lane in self.emulator.spikes(population) {
            counts[lane as usize] += 1;
        }
    }
    fn read(&self, population: usize, variable: &str, _: usize) -> Result<Vec<f64>, LabError> {
        let mut raw = Vec::new();
        match variable {
            "u" => self.emulator.read_u(population, &mut raw)?,
            "v" => self.emulator.read_v(population, &mut raw)?,
            _ => {
                return Err(LabError::NoSuchVariable {
                    population: self.populations.names[population].clone(),
                    variable: variable.to_owned(),
                });
            }
        }
        let lsb = (-f64::from(self.emulator.map().populations[population].frac)).exp2();
        Ok(raw.into_iter().map(|r| f64::from(r) * lsb).collect())
    }
    fn record(&self, state: &str, _: usize) -> Result<Vec<f64>, LabError> {
        chip_state(&self.emulator, state)
    }
}

/// A state of a chip by its full name, in the author's units.
pub(crate) fn chip_state(emulator: &Emulator, state: &str) -> Result<Vec<f64>, LabError> {
    let map = emulator.map();
    let scaled = |raw: Vec<i32>, frac: i8| -> Vec<f64> {
        let lsb = (-f64::from(frac)).exp2();
        raw.into_iter().map(|r| f64::from(r) * lsb).collect()
    };
    // A lane without a synapse has no copy on any core; nothing reads it, so it stays at 0.
    let lanes = |raw: Vec<Option<i32>>, frac| {
        scaled(raw.into_iter().map(|r| r.unwrap_or(0)).collect(), frac)
    };
    if let Some(at) = map.traces.iter().position(|t| t.name == state) {
        let mut raw = Vec::new();
        emulator.read_trace(at, &mut raw)?;
        return Ok(lanes(raw, map.traces[at].frac));
    }
    let missing = || LabError::NoSuchState { state: state.to_owned() };
    let (owner, variable) = state.rsplit_once('.').ok_or_else(missing)?;
    if let Some(at) = map.projections.iter().position(|p| p.name == owner) {
        let fields = &map.projections[at].fields;
        let field = fields.iter().position(|f| f.name == variable).ok_or_else(missing)?;
        let raw = emulator.read_field(at, field)?.into_iter().map(|s| s.raw).collect();
        return Ok(scaled(raw, fields[field].frac));
    }
    if let Some(at) = map.modulators.iter().position(|m| m.name == owner) {
        let mut raw = Vec::new();
        emulator.read_modulator(at, &mut raw)?;
        return Ok(lanes(raw, map.modulators[at].frac));
    }
    if let Some(at) = map.populations.iter().position(|p| p.name == owner) {
        let mut raw = Vec::new();
        match variable {
            "u" => emulator.read_u(at, &mut raw)?,
            "v" => emulator.read_v(at, &mut raw)?,
            "hold" => {
                emulator.read_hold(at, &mut raw)?;
                return Ok(scaled(raw, 0));
            }
            "spike" => {
                let mut fired = vec![0.0; map.populations[at].n as usize];
                for &lane in emulator.spikes(at) {
                    fired[lane as usize] = 1.0;
                }
                return Ok(fired);
            }
            _ => return Err(missing()),
        }
        return Ok(scaled(raw, map.populations[at].frac));
    }
    Err(missing())
}

/// A state of a network by its full name.
fn state_of(net: &CheckedNetwork, name: &str) -> Result<StateId, LabError> {
    net.states
        .ids()
        .find(|s| net.full_name(*s) == name)
        .ok_or_else(|| LabError::NoSuchState { state: name.to_owned() })
}

/// A state of a population by name.
fn variable_of(
    net: &CheckedNetwork,
    populations: &Populations,
    population: usize,
    variable: &str,
) -> Result<StateId, LabError> {
    net.state(populations.spaces[population], variable).ok_or_else(|| LabError::NoSuchVariable {
        population: populations.names[population].clone(),
        variable: variable.to_owned(),
    })
}

/// The float reading, many trials in lockstep.
pub(crate) struct FloatTrials<'a> {
    /// The network.
    pub net: &'a CheckedNetwork,
    /// Its float reading.
    pub machine: FloatMachine<f32>,
    /// Numbering.
    pub populations: &'a Populations,
}

impl Machine for FloatTrials<'_> {
    fn width(&self) -> usize {
        self.machine.episodes()
    }
    fn begin(&mut self, seeds: &[u32]) {
        self.machine.restart();
        // Only a machine whose states are rounded draws anything.
        self.machine.set_draw_seeds(seeds);
    }
    fn reset(&mut self, groups: &[ResetGroup]) {
        self.machine.reset(groups);
    }
    fn step(&mut self, spikes: &[Vec<Vec<u32>>]) -> Result<(), LabError> {
        let populations = self.populations;
        let inputs: Vec<InputSpikes<'_>> = spikes
            .iter()
            .enumerate()
            .flat_map(|(episode, lists)| {
                populations.inputs.iter().zip(lists).map(move |(at, lanes)| InputSpikes {
                    space: populations.spaces[*at],
                    episode,
                    lanes,
                })
            })
            .collect();
        Ok(self.machine.step(&inputs)?)
    }
    fn count_spikes(&self, population: usize, trial: usize, counts: &mut [u32]) {
        let Some(state) = self.net.spikes(self.populations.spaces[population]) else { return };
        let width = self.width();
        let spikes = self.machine.state(state);
        for (lane, count) in counts.iter_mut().enumerate() {
            *count += u32::from(spikes[lane * width + trial] != 0.0);
        }
    }
    fn read(&self, population: usize, variable: &str, trial: usize) -> Result<Vec<f64>, LabError> {
        let state = variable_of(self.net, self.populations, population, variable)?;
        Ok(self.column(state, trial))
    }
    fn record(&self, state: &str, trial: usize) -> Result<Vec<f64>, LabError> {
        Ok(self.column(state_of(self.net, state)?, trial))
    }
}

impl FloatTrials<'_> {
    /// A state of one trial. A parameter is stored once for all trials.
    fn column(&self, state: StateId, trial: usize) -> Vec<f64> {
        let values = self.machine.state(state);
        let lanes = self.net.lanes(self.net.states[state].space);
        if values.len() == lanes {
            return values.iter().map(|v| f64::from(*v)).collect();
        }
        let width = self.width();
        (0..lanes).map(|lane| f64::from(values[lane * width + trial])).collect()
    }
}
