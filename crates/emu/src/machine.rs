//! The emulator: loads an image, runs steps, exchanges messages between cores.
//!
//! A step has two parts in which cores do not see each other, with the exchange of messages
//! between them: deliver and neurons; then filing, modulators, traces and plasticity. Messages
//! are handed over in the order of cores, and what a core does with them is a sum and a set of
//! flags, so the number of threads cannot be seen in any state. When messages travel is found out
//! beside the second part: that follows from the first one, and no core asks for it (T1).

use crate::core::{Core, Fired, Now};
use crate::draws::Draws;
use crate::error::EmuError;
use crate::exchange::Exchange;
use crate::ledger::{Clock, Counts};
use crate::load;
use crate::network::{CoreStep, Network, StepTimes, Update};
use crate::phase::Begun;
use crate::record::Recorder;
use crate::tables::Widths;
use crate::times::{Laps, Times};
use crate::workers::{Workers, two_rounds};
use std::collections::BTreeMap;
use std::sync::Arc;
use trifactor_entity::EntityId;
use trifactor_fixed::{Draw, mix32};
use trifactor_image::{Image, Map, Slice};
use trifactor_isa::{Chip, CoreId, Hops};
use trifactor_timing::{Message, Observer};

/// How to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Threads, with the caller's; 0 and 1 run everything on that one.
    pub threads: usize,
    /// Cost preset of the chip; `None` for its default.
    pub preset: Option<String>,
    /// Further presets with which time is kept; see [`Emulator::reports`].
    pub also: Vec<String>,
    /// Whether simulated time is kept (`docs/timing.md`). Without it a report counts events and
    /// their energy, and says 0 for all times and for static energy.
    pub timing: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 1, preset: None, also: Vec::new(), timing: true }
    }
}

/// What a reset sets to its initial values. Source: S6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reset {
    /// u, v, refractory counters and spikes in flight.
    Membrane,
    /// Pre and post traces, and the epoch's spike flags and spike times.
    Traces,
    /// Modulators.
    Modulators,
    /// Every variable of plastic synapses.
    Weights,
}

impl Reset {
    /// All groups.
    pub const ALL: [Self; 4] = [Self::Membrane, Self::Traces, Self::Modulators, Self::Weights];
}

/// The seed of the k-th trial of a run. Source: S7.
pub const fn trial_seed(seed: u32, k: u32) -> u32 {
    mix32(seed.wrapping_add(k.wrapping_mul(0x9e37_79b9)))
}

/// A chip with a program on it.
///
/// Populations, projections, modulators and traces are named by their position in the image's
/// [`Map`]; lanes by their logical id. Values are raw integers.
#[derive(Debug)]
pub struct Emulator {
    pub(crate) map: Map,
    pub(crate) chip: Chip,
    pub(crate) fingerprint: u64,
    pub(crate) widths: Widths,
    pub(crate) cores: Vec<Core>,
    /// Id of each core.
    pub(crate) ids: Vec<u32>,
    pub(crate) populations: Vec<Population>,
    /// Rows of each projection by pre lane, then in the order of the projection's parts.
    pub(crate) rows: Vec<Vec<Row>>,
    pub(crate) used: Used,
    pub(crate) seed: u32,
    pub(crate) step: u32,
    pub(crate) draws: Draws,
    pub(crate) host: Counts,
    pub(crate) clock: Clock,
    /// The step that is being executed phase by phase.
    pub(crate) begun: Option<Begun>,
    /// Notes what units and links do, where somebody wants to know.
    pub(crate) recorder: Option<Recorder>,
    /// Time with the preset of the options, then with the others that were asked for.
    pub(crate) networks: Vec<Network>,
    pub(crate) timing: bool,
    pub(crate) laps: Laps,
    pub(crate) workers: Option<Workers>,
}

/// Where a row of a projection is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Logical pre lane.
    pub pre: u32,
    /// Position of the core.
    pub core: usize,
    /// Group there.
    pub group: usize,
    /// Row there.
    pub row: usize,
}

/// A population and what it did in the last step.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    /// Slices by first lane: (core, slice). Empty for inputs.
    pub slices: Vec<(usize, Slice)>,
    /// Inputs: messages of each lane.
    pub messages: Vec<Vec<Message>>,
    /// Inputs: links that the messages of one spike pass.
    pub hops: Vec<Hops>,
    /// Lanes that fired in the last step, ascending.
    pub fired: Vec<u32>,
}

impl Emulator {
    /// Loads an image; the state is that of a trial with the image's own seed, before step 1.
    ///
    /// Errors: the image contradicts itself or its chip; see [`EmuError`].
    pub fn load(image: &Image, options: Options) -> Result<Self, EmuError> {
        let chip = Chip::parse(&image.meta.chip)?;
        let named = |name: &String| {
            chip.preset(name).ok_or_else(|| EmuError::UnknownPreset {
                chip: chip.name.clone(),
                name: name.clone(),
                known: chip.cost.presets.iter().map(|p| p.name.clone()).collect(),
            })
        };
        let mut presets = vec![match &options.preset {
            None => chip.default_preset(),
            Some(name) => named(name)?,
        }];
        for name in &options.also {
            presets.push(named(name)?);
        }
        let (tables, widths) = load::tables(image, &chip)?;
        let networks: Vec<Network> =
            presets.into_iter().map(|p| Network::new(image, &chip, p, &tables)).collect();
        let timed = if options.timing { &networks[..] } else { &[] };
        let prices: Vec<_> = timed.iter().map(|network| network.prices.clone()).collect();
        let cores: Vec<Core> = tables.into_iter().map(|t| Core::new(t, &widths, &prices)).collect();
        let threads = options.threads;
        let workers =
            Workers::new(threads).map_err(|source| EmuError::Threads { threads, source })?;
        let mut emulator = Self {
            populations: populations(image, &chip),
            ids: image.cores.iter().map(|core| core.id).collect(),
            rows: rows(image, &cores),
            used: Used::of(image, &chip),
            map: image.map.clone(),
            fingerprint: crate::checkpoint::fingerprint(image),
            chip,
            widths,
            cores,
            seed: 0,
            step: 0,
            draws: Draws::Keyed { seed: 0 },
            host: Counts::default(),
            clock: Clock::default(),
            begun: None,
            recorder: None,
            networks,
            timing: options.timing,
            laps: Laps::default(),
            workers,
        };
        emulator.seed_draws(image.meta.seed);
        Ok(emulator)
    }

    /// Begins a trial: step 0, every state at its initial value, this draw seed. Source: S7.
    ///
    /// Fields of synapses that do not learn are parameters: what the host wrote there stays.
    /// Counts of costs and saturations go on.
    pub fn begin_trial(&mut self, seed: u32) {
        self.abandon_step();
        self.reset(&Reset::ALL);
        for core in &mut self.cores {
            core.state.fired.clear();
        }
        for population in &mut self.populations {
            population.fired.clear();
        }
        self.step = 0;
        self.networks.iter_mut().for_each(Network::begin_trial);
        self.seed_draws(seed);
    }

    /// Sets groups of states to their initial values, between two steps. Source: S6.
    pub fn reset(&mut self, groups: &[Reset]) {
        for core in &mut self.cores {
            for group in groups {
                match group {
                    Reset::Membrane => core.state.reset_membrane(&core.table),
                    Reset::Traces => core.state.reset_traces(&core.table),
                    Reset::Modulators => core.state.reset_modulators(&core.table),
                    Reset::Weights => core.state.reset_weights(&core.table),
                }
            }
        }
        self.clock.host_resets += self.cores.len() as u64;
    }

    /// Replaces the source of random bits until the next trial begins. Source: S54.
    pub fn replace_draws(&mut self, source: Arc<dyn Draw + Send + Sync>) {
        self.draws = Draws::Replaced(source);
    }

    /// Runs one time step, or the rest of one that [`advance`](Self::advance) has begun. Source:
    /// S2 to S5.
    ///
    /// `inputs` names, for input populations, the lanes that fire in this step, in any order; a
    /// lane named twice fires once. Errors: something named is not there; nothing has then been
    /// executed.
    pub fn step(&mut self, inputs: &[(usize, &[u32])]) -> Result<(), EmuError> {
        self.recorded(|emulator, watch| match watch {
            Some(watch) => emulator.step_watched(inputs, watch),
            None => emulator.step_watched(inputs, &mut ()),
        })
    }

    /// Runs one time step and tells an observer what units and links do in its spike part; see
    /// [`step`](Self::step), [`step_times`](Self::step_times) and [`updates`](Self::updates).
    pub fn step_watched<O: Observer>(
        &mut self,
        inputs: &[(usize, &[u32])],
        watch: &mut O,
    ) -> Result<(), EmuError> {
        self.check_inputs(inputs)?;
        if self.begun.is_some() {
            while self.begun.is_some() {
                self.advance_watched(inputs, watch)?;
            }
            return Ok(());
        }
        let step = self.step.checked_add(1).ok_or(EmuError::StepsExhausted)?;
        self.step = step;
        let now = Now::new(step, self.widths.epoch);
        let (widths, draws) = (self.widths, &self.draws);
        let mut exchange = Exchange {
            populations: &mut self.populations,
            host: &mut self.host,
            networks: if self.timing { &mut self.networks } else { &mut [] },
            laps: &mut self.laps,
        };
        two_rounds(
            &self.workers,
            &mut self.cores,
            |core| core.spike(now, &widths),
            move |cores| {
                exchange.messages(cores, inputs);
                move || exchange.spike_parts(watch)
            },
            |core| core.learn(now, &widths, draws),
        );
        self.account(now);
        Ok(())
    }

    /// Measures from now on where the time of this machine goes; see [`times`](Self::times).
    pub fn keep_times(&mut self) {
        self.laps.keep();
        self.cores.iter_mut().for_each(|core| core.laps.keep());
    }
    /// Where the time went since [`keep_times`](Self::keep_times); `None` if nobody asked.
    pub fn times(&self) -> Option<Times> {
        let mut sum = *self.laps.times()?;
        self.cores.iter().filter_map(|core| core.laps.times()).for_each(|times| sum.add(times));
        Some(sum)
    }

    /// When the units of every core were done in the last step, in the order of the image's
    /// cores; without a step, or with [`Options::timing`] off, as at the beginning.
    pub fn core_times(&self) -> Vec<CoreStep> {
        let network = &self.networks[0];
        let times = (0..self.cores.len()).map(|c| CoreStep {
            core: self.ids[c],
            spike: *network.engine.times(c),
            update: network.update(&self.cores, c),
        });
        times.collect()
    }
    /// The parts of the last step; see [`core_times`](Self::core_times).
    pub fn step_times(&self) -> StepTimes {
        self.networks[0].times
    }
    /// What a core, by its position in the image, did in the last step's update part, with ticks
    /// and in order.
    pub fn updates(&self, core: usize) -> Vec<(Update, u64)> {
        self.networks[0].updates(&self.cores, core)
    }
    /// The compartments of a core, by its position in the image, that fired in the last step, in
    /// the order of addresses.
    pub fn fired(&self, core: usize) -> impl Iterator<Item = Fired> {
        self.cores[core].fired(&self.networks[0].prices.costs, false)
    }

    /// The position in the image of the core of that number.
    pub fn position(&self, core: u32) -> Option<usize> {
        self.ids.iter().position(|id| *id == core)
    }
    /// The last step that was executed or begun; 0 before the first.
    pub fn step_number(&self) -> u32 {
        self.step
    }
    /// The draw seed of the trial.
    pub fn seed(&self) -> u32 {
        self.seed
    }
    /// The names of the image.
    pub fn map(&self) -> &Map {
        &self.map
    }
    /// The chip of the image.
    pub fn chip(&self) -> &Chip {
        &self.chip
    }

    pub(crate) fn seed_draws(&mut self, seed: u32) {
        self.seed = seed;
        self.draws = Draws::Keyed { seed };
    }

    pub(crate) fn check_inputs(&self, inputs: &[(usize, &[u32])]) -> Result<(), EmuError> {
        for (population, lanes) in inputs {
            let named = self.population(*population)?;
            if !named.slices.is_empty() {
                return Err(EmuError::NotAnInput { population: named.name.clone() });
            }
            if let Some(lane) = lanes.iter().find(|lane| **lane >= named.n) {
                let (name, n) = (named.name.clone(), named.n);
                return Err(EmuError::NoLane { name, n, lane: *lane });
            }
        }
        Ok(())
    }

    /// Adds the step's events and time to the ledger. Source: S70, T19.
    pub(crate) fn account(&mut self, now: Now) {
        self.laps.begin();
        for core in &mut self.cores {
            core.state.counts.add(&core.counts);
        }
        self.clock.steps += 1;
        if self.timing {
            for k in 0..self.networks.len() {
                let barrier = self.barrier(k);
                self.networks[k].account(&self.cores, barrier, now.last);
            }
        }
        self.laps.lap(|t| &mut t.ledger);
    }
    /// Ticks of a barrier (T4).
    pub(crate) fn barrier(&self, network: usize) -> u64 {
        let costs = &self.networks[network].prices.costs;
        match self.used.tiles {
            0 => 0,
            _ => costs.barrier_ticks(self.used.tiles_of_fullest_chip, self.used.chips),
        }
    }
}

fn populations(image: &Image, chip: &Chip) -> Vec<Population> {
    let at = load::positions(image);
    let core = |number: u32| CoreId::from_index(number as usize);
    let population = |p: &trifactor_image::PopulationMap| {
        let mut slices: Vec<_> = p.slices.iter().map(|s| (at[&s.core], *s)).collect();
        slices.sort_unstable_by_key(|(_, s)| s.first_lane);
        let hops = |messages: &Vec<(u32, u16)>| {
            let mut sum = Hops::default();
            for (to, _) in messages {
                // The host's port is at tile (0, 0), where core 0 is.
                sum += chip.hops(core(0), core(*to));
            }
            sum
        };
        let messages = |messages: &Vec<(u32, u16)>| {
            let message = |(core, axon): &(u32, u16)| Message {
                to: at[core] as u32,
                axon: u32::from(*axon),
                service: 1,
            };
            messages.iter().map(message).collect()
        };
        Population {
            slices,
            messages: p.input_axons.iter().map(messages).collect(),
            hops: p.input_axons.iter().map(hops).collect(),
            fired: Vec::new(),
        }
    };
    image.map.populations.iter().map(population).collect()
}

fn rows(image: &Image, cores: &[Core]) -> Vec<Vec<Row>> {
    let at = load::positions(image);
    let rows = |p: &trifactor_image::ProjectionMap| {
        let mut rows = Vec::new();
        for part in &p.parts {
            let (core, group) = (at[&part.core], usize::from(part.group));
            let pre = &cores[core].table.groups[group].pre;
            rows.extend(pre.iter().enumerate().map(|(row, pre)| Row {
                pre: *pre,
                core,
                group,
                row,
            }));
        }
        rows.sort_by_key(|row| row.pre);
        rows
    };
    image.map.projections.iter().map(rows).collect()
}

/// What of the mesh is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Used {
    /// Tiles with at least one core in use.
    pub tiles: u32,
    /// Those of the chip that has most of them.
    pub tiles_of_fullest_chip: u32,
    /// Chips with at least one core in use; one where there is none, since it has power.
    pub chips: u32,
}

impl Used {
    fn of(image: &Image, chip: &Chip) -> Self {
        let mut tiles = BTreeMap::new();
        for core in &image.cores {
            let core = CoreId::from_index(core.id as usize);
            tiles.insert(chip.tile_of(core), chip.chip_of(core));
        }
        let mut chips: BTreeMap<u32, u32> = BTreeMap::new();
        for chip in tiles.values() {
            *chips.entry(*chip).or_default() += 1;
        }
        Self {
            tiles: tiles.len() as u32,
            tiles_of_fullest_chip: chips.values().copied().max().unwrap_or(0),
            chips: chips.len().max(1) as u32,
        }
    }
}
