//! A run as a line of time: forwards by executing, backwards by executing again.

use crate::error::DebugError;
use crate::interrupt::Interrupt;
use crate::stimulus::Stimulus;
use crate::write::Edit;
use std::collections::BTreeMap;
use trifactor_emu::{Emulator, MicroOp, Phase, Walk};

/// Checkpoints that are kept, and bytes that they may take together.
const MOST: usize = 64;
const MOST_BYTES: usize = 256 << 20;

/// A place between two events of a run, in the order of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Position {
    /// Steps that are complete.
    pub step: u32,
    /// Phases of the next step that are complete.
    pub phase: u8,
    /// Micro-operations of the next phase, which is the plasticity phase, that are complete.
    pub op: u64,
}

impl Position {
    /// Between two steps.
    pub const fn after(step: u32) -> Self {
        Self { step, phase: 0, op: 0 }
    }
    /// Whether it is between two steps.
    pub const fn between_steps(self) -> bool {
        self.phase == 0 && self.op == 0
    }
}

/// A chip, what is fed to it, and where on the line of time it is.
#[derive(Debug)]
pub(crate) struct Timeline {
    emulator: Emulator,
    stimulus: Stimulus,
    at: Position,
    /// The walk through the plasticity phase that comes next; made when it is first asked for.
    walk: Option<Walk>,
    /// The micro-operation that was executed last, if nothing else was executed since.
    last_op: Option<MicroOp>,
    /// Checkpoints by step; the first is where the line begins.
    checkpoints: BTreeMap<u32, Vec<u8>>,
    /// Steps between two of them.
    spacing: u32,
    /// Changes by hand in the order of time.
    edits: Vec<(Position, Edit)>,
    /// How many of them have been made on the way here.
    applied: usize,
    /// Ends a journey.
    pub(crate) interrupt: Interrupt,
}

impl Timeline {
    /// Before the first step of a trial.
    pub(crate) fn new(mut emulator: Emulator, stimulus: Stimulus) -> Self {
        emulator.begin_trial(stimulus.seed);
        // What the loader wrote and reset is not part of the run.
        emulator.clear_ledger();
        let start = emulator.save();
        Self {
            emulator,
            stimulus,
            at: Position::default(),
            walk: None,
            last_op: None,
            checkpoints: BTreeMap::from([(0, start)]),
            spacing: 16,
            edits: Vec::new(),
            applied: 0,
            interrupt: Interrupt::default(),
        }
    }

    pub(crate) fn emulator(&self) -> &Emulator {
        &self.emulator
    }
    pub(crate) fn stimulus(&self) -> &Stimulus {
        &self.stimulus
    }
    pub(crate) fn at(&self) -> Position {
        self.at
    }
    pub(crate) fn walk(&self) -> Option<&Walk> {
        self.walk.as_ref()
    }
    pub(crate) fn last_op(&self) -> Option<&MicroOp> {
        self.last_op.as_ref()
    }
    /// The step before which nothing is known.
    pub(crate) fn first_step(&self) -> u32 {
        self.checkpoints.keys().next().copied().unwrap_or(0)
    }
    /// The phase that comes next.
    pub(crate) fn next_phase(&self) -> Phase {
        self.emulator.phase().unwrap_or(Phase::Deliver)
    }
    /// Number of phases of a step.
    pub(crate) fn phases_of(&self, step: u32) -> u8 {
        if step.is_multiple_of(self.emulator.epoch_length()) { 6 } else { 5 }
    }

    /// The state as bytes, between two steps.
    pub(crate) fn save(&self) -> Option<Vec<u8>> {
        self.at.between_steps().then(|| self.emulator.save())
    }

    /// Continues from a checkpoint with a stimulus, where a new line of time begins.
    pub(crate) fn load(&mut self, bytes: &[u8], stimulus: Stimulus) -> Result<(), DebugError> {
        self.emulator.restore(bytes)?;
        self.stimulus = stimulus;
        self.at = Position::after(self.emulator.step_number());
        self.walk = None;
        self.last_op = None;
        self.edits.clear();
        self.applied = 0;
        self.checkpoints = BTreeMap::from([(self.at.step, bytes.to_vec())]);
        Ok(())
    }

    /// Changes something here and now. What was known of later times is forgotten.
    ///
    /// Errors: the emulator refuses; nothing has then been changed.
    pub(crate) fn edit(&mut self, edit: Edit) -> Result<(), DebugError> {
        if let Err(e) = edit.apply(&mut self.emulator) {
            // A list may have been written in part.
            let here = self.at;
            self.rewind(here.step)?;
            self.go(here)?;
            return Err(e.into());
        }
        self.edits.truncate(self.applied);
        self.edits.push((self.at, edit));
        self.applied += 1;
        self.forget_later();
        Ok(())
    }

    /// Lets input lanes fire in the next step whose inputs are not yet fixed; says in which.
    pub(crate) fn fire(&mut self, population: usize, lanes: &[u32]) -> u32 {
        let sent = self.at.phase > Phase::Messages as u8;
        let step = self.at.step + 1 + u32::from(sent);
        self.stimulus.fire(step, population, lanes);
        self.edits.truncate(self.applied);
        self.forget_later();
        step
    }

    fn forget_later(&mut self) {
        self.checkpoints.split_off(&(self.at.step + 1));
    }

    /// The last place between two steps before another place, from which it can be reached
    /// without executing everything from the beginning; none before the first.
    pub(crate) fn checkpoint_before(&self, at: Position) -> Option<Position> {
        self.checkpoints.keys().rev().copied().map(Position::after).find(|place| *place < at)
    }

    /// Executes up to the end of the step at hand.
    ///
    /// What was changed by hand at the end is made again by [`catch_up`](Self::catch_up), as it is
    /// behind a phase and an operation: so what the execution did can be told from it.
    pub(crate) fn step(&mut self) -> Result<(), DebugError> {
        self.catch_up()?;
        let end = Position::after(self.at.step + 1);
        let edited = self.edits.get(self.applied).is_some_and(|(at, _)| *at < end);
        if !self.at.between_steps() || edited {
            while self.at < end {
                self.phase()?;
            }
            return Ok(());
        }
        self.depart();
        let inputs = inputs(&self.stimulus, self.at.step);
        self.emulator.step(&inputs)?;
        self.arrive(end);
        Ok(())
    }

    /// Executes a whole step and says what units and links did in its spike part.
    pub(crate) fn recorded_step(&mut self) -> Result<Vec<trifactor_emu::Activity>, DebugError> {
        self.emulator.keep_records(true);
        let went = self.step();
        let record = self.emulator.record().unwrap_or_default().to_vec();
        self.emulator.keep_records(false);
        went.map(|()| record)
    }

    /// Executes up to the end of the phase at hand.
    pub(crate) fn phase(&mut self) -> Result<(), DebugError> {
        self.catch_up()?;
        if self.at.between_steps() {
            self.depart();
        }
        if let Some(walk) = &mut self.walk {
            while walk.step(&self.emulator).is_some() {}
        }
        let inputs = inputs(&self.stimulus, self.at.step);
        self.emulator.advance(&inputs)?;
        if let Some(walk) = self.walk.take() {
            let step = self.at.step + 1;
            walk.compare(&self.emulator).map_err(|what| DebugError::Disagreement { step, what })?;
        }
        let next = match self.emulator.phase() {
            None => Position::after(self.at.step + 1),
            Some(_) => Position { phase: self.at.phase + 1, op: 0, ..self.at },
        };
        self.arrive(next);
        Ok(())
    }

    /// Looks at the micro-operation that comes next; `None` where the next phase is another one
    /// or the plasticity phase has nothing to do.
    pub(crate) fn next_op(&mut self) -> Option<MicroOp> {
        if self.next_phase() != Phase::Plasticity {
            return None;
        }
        if self.walk.is_none() {
            self.walk = self.emulator.walk();
        }
        self.walk.as_ref()?.next_op(&self.emulator)
    }

    /// Executes a micro-operation; with the last one, the phase is complete. Does nothing where
    /// [`next_op`](Self::next_op) is `None`.
    pub(crate) fn op(&mut self) -> Result<(), DebugError> {
        if self.next_op().is_none() {
            return Ok(());
        }
        let Some(walk) = &mut self.walk else { return Ok(()) };
        let op = walk.step(&self.emulator);
        self.at.op = walk.done();
        if walk.done() == walk.length() {
            self.phase()?;
        }
        self.last_op = op;
        Ok(())
    }

    /// Goes to a place, forwards or backwards. Errors: it lies before the beginning of this line
    /// or is none, such as a plasticity phase inside of an epoch.
    pub(crate) fn go(&mut self, to: Position) -> Result<(), DebugError> {
        self.travel(to, &Interrupt::default()).map(drop)
    }

    /// The same, and says whether it was reached: it may be interrupted on the way.
    pub(crate) fn travel(
        &mut self,
        to: Position,
        interrupt: &Interrupt,
    ) -> Result<bool, DebugError> {
        if to.step < self.first_step() {
            let first = self.first_step();
            return crate::error::wrong(format!(
                "this session begins after step {first}; nothing is known of what came before"
            ));
        }
        if to < self.at {
            self.rewind(to.step)?;
        }
        while self.at.step < to.step {
            if interrupt.is_raised() {
                self.catch_up()?;
                return Ok(false);
            }
            self.step()?;
        }
        while (self.at.step, self.at.phase) < (to.step, to.phase) {
            self.phase()?;
        }
        self.catch_up()?;
        while self.at < to && self.next_op().is_some() {
            self.op()?;
        }
        self.catch_up()?;
        Ok(true)
    }

    /// Goes to the last checkpoint that is not after a step.
    fn rewind(&mut self, step: u32) -> Result<(), DebugError> {
        self.last_op = None;
        self.walk = None;
        let before = self.checkpoints.range(..=step).next_back();
        let (step, bytes) = before.expect("internal: the first checkpoint is never dropped");
        self.emulator.restore(bytes)?;
        self.at = Position::after(*step);
        self.applied = self.edits.partition_point(|(at, _)| *at < self.at);
        self.catch_up().map(drop)
    }

    /// What the stimulus does before the step.
    fn depart(&mut self) {
        if let Some(step) = self.stimulus.steps.get(self.at.step as usize)
            && !step.resets.is_empty()
        {
            self.emulator.reset(&step.resets);
        }
    }

    fn arrive(&mut self, at: Position) {
        self.at = at;
        self.last_op = None;
        if at.between_steps() {
            self.keep();
        }
    }

    /// Makes the changes by hand again that belong to this place, and says whether there are any.
    pub(crate) fn catch_up(&mut self) -> Result<bool, DebugError> {
        let before = self.applied;
        while let Some((_, edit)) = self.edits.get(self.applied).filter(|(at, _)| *at == self.at) {
            edit.apply(&mut self.emulator)?;
            self.applied += 1;
        }
        Ok(self.applied > before)
    }

    /// Keeps a checkpoint where the last one is long ago, and fewer of them the more there are.
    fn keep(&mut self) {
        let last = self.checkpoints.keys().next_back().copied().unwrap_or(0);
        if self.at.step < last.saturating_add(self.spacing) {
            return;
        }
        self.checkpoints.insert(self.at.step, self.emulator.save());
        let first = self.first_step();
        let bytes: usize = self.checkpoints.values().map(Vec::len).sum();
        if self.checkpoints.len() > MOST || bytes > MOST_BYTES {
            self.spacing = self.spacing.saturating_mul(2);
            let spacing = self.spacing;
            self.checkpoints.retain(|step, _| (step - first).is_multiple_of(spacing));
        }
    }
}

/// The spikes of the step behind so many complete ones.
fn inputs(stimulus: &Stimulus, complete: u32) -> Vec<(usize, &[u32])> {
    let step = stimulus.steps.get(complete as usize);
    let spikes = step.iter().flat_map(|step| &step.spikes);
    spikes.map(|(population, lanes)| (*population, &lanes[..])).collect()
}
