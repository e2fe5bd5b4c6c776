//! What units and links did in a spike part, tick by tick, for those who want to look
//! (`docs/timing.md`); when the parts of a step and the units of a core were done is known of
//! every step ([`Emulator::step_times`], [`Emulator::core_times`], [`Emulator::updates`]).

use crate::error::EmuError;
use crate::machine::Emulator;
use crate::walk::{SynapseId, evaluated};
use trifactor_isa::Inst;
use trifactor_timing::{Direction, Message, Observer};

/// A unit of a core, or a part of the network.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Busy {
    /// The synapse unit of a core (T6).
    Synapses(u32),
    /// The compartment unit of a core, stalls included (T7).
    Compartments(u32),
    /// The compartment unit waits for room in the spike queue (T8).
    Stall(u32),
    /// The output axon unit of a core has a message (T9).
    AxonOut(u32),
    /// The input axon unit of a core handles a message (T10).
    AxonIn(u32),
    /// A message passes the entrance of a tile; of a core, or of the host (T13).
    Entrance(u32, Option<u32>),
    /// A message is on a link of a tile (T15).
    Link(u32, Direction),
}

/// A stretch of time in a spike part, in ticks from its beginning.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Activity {
    /// What is busy.
    pub busy: Busy,
    /// First tick.
    pub from: u64,
    /// One past the last.
    pub to: u64,
    /// Receiver and input axon of the message, where there is one.
    pub message: Option<(u32, u32)>,
}

/// Where a core is in the rules of its update part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RulePlace {
    /// The guard skips a synapse.
    Skip(SynapseId),
    /// A synapse's state is fetched, or written back.
    State(SynapseId),
    /// A word of its program is executed.
    Word(SynapseId, u32, Inst),
}

/// Notes everything.
#[derive(Clone, Default, Debug)]
pub(crate) struct Recorder {
    ids: Vec<u32>,
    list: Vec<Activity>,
    last: Vec<Activity>,
}

impl Recorder {
    fn note(&mut self, busy: Busy, from: u64, to: u64, message: Option<Message>) {
        let message = message.map(|m| (self.ids[m.to as usize], m.axon));
        self.list.push(Activity { busy, from, to, message });
    }
}

impl Observer for Recorder {
    fn synapses(&mut self, core: usize, from: u64, to: u64) {
        self.note(Busy::Synapses(self.ids[core]), from, to, None);
    }
    fn compartments(&mut self, core: usize, from: u64, to: u64) {
        self.note(Busy::Compartments(self.ids[core]), from, to, None);
    }
    fn stall(&mut self, core: usize, from: u64, to: u64) {
        self.note(Busy::Stall(self.ids[core]), from, to, None);
    }
    fn axon_out(&mut self, core: usize, from: u64, to: u64, message: Message) {
        self.note(Busy::AxonOut(self.ids[core]), from, to, Some(message));
    }
    fn entrance(&mut self, tile: u32, core: Option<usize>, from: u64, to: u64, message: Message) {
        let core = core.map(|core| self.ids[core]);
        self.note(Busy::Entrance(tile, core), from, to, Some(message));
    }
    fn link(&mut self, tile: u32, output: Direction, from: u64, to: u64, message: Message) {
        self.note(Busy::Link(tile, output), from, to, Some(message));
    }
    fn axon_in(&mut self, core: usize, from: u64, to: u64, message: Message) {
        self.note(Busy::AxonIn(self.ids[core]), from, to, Some(message));
    }
}

impl Emulator {
    /// Notes from now on what units and links do in each step; see [`record`](Self::record).
    /// Does nothing where [`Options::timing`](crate::Options::timing) is off.
    pub fn keep_records(&mut self, keep: bool) {
        let ids = self.ids.clone();
        self.recorder = keep.then(|| Recorder { ids, ..Recorder::default() });
    }

    /// What units and links did in the spike part of the last step, in the order in which it
    /// began; `None` if nobody asked.
    pub fn record(&self) -> Option<&[Activity]> {
        self.recorder.as_ref().map(|recorder| &recorder.last[..])
    }

    /// Runs something with the recorder, where there is one, and makes a record of the step that
    /// it has ended.
    pub(crate) fn recorded<T>(
        &mut self,
        run: impl FnOnce(&mut Self, Option<&mut Recorder>) -> Result<T, EmuError>,
    ) -> Result<T, EmuError> {
        let Some(mut recorder) = self.recorder.take() else { return run(self, None) };
        let done = run(self, Some(&mut recorder));
        if done.is_ok() && self.phase().is_none() {
            recorder.last = std::mem::take(&mut recorder.list);
        }
        self.recorder = Some(recorder);
        done
    }

    /// What a core is doing so many ticks after the beginning of its rules, in a step whose
    /// messages are filed and whose plasticity phase is not complete; `None` behind their end.
    pub fn rule_place(&self, core: u32, ticks: u64) -> Option<RulePlace> {
        let at = self.ids.iter().position(|id| *id == core)?;
        let learning = &self.networks[0].prices.costs.learning;
        let held = &self.cores[at];
        let mut left = ticks;
        for (table, state) in held.table.groups.iter().zip(&held.state.groups) {
            let Some(rule) = &table.rule else { continue };
            for row in 0..table.n_rows() {
                for synapse in table.row(row) {
                    let id = SynapseId {
                        projection: table.projection,
                        core,
                        pre: table.pre[row],
                        post: table.first_post + table.post_of(row, synapse),
                    };
                    if !evaluated(rule.guard, table, state, &held.state, row, synapse) {
                        let skip = learning.skipped_synapse.ticks;
                        if left < skip {
                            return Some(RulePlace::Skip(id));
                        }
                        left -= skip;
                        continue;
                    }
                    let fetch = learning.state_access.ticks;
                    if left < fetch {
                        return Some(RulePlace::State(id));
                    }
                    left -= fetch;
                    for (word, code) in (rule.code.first_word..).zip(&rule.code.words) {
                        let Ok(inst) = Inst::decode(*code) else { break };
                        let ticks = learning.of(inst.opcode().class()).ticks;
                        if left < ticks {
                            return Some(RulePlace::Word(id, word, inst));
                        }
                        left -= ticks;
                        if inst == Inst::Halt {
                            break;
                        }
                    }
                }
            }
        }
        None
    }
}
