//! What a program does to one synapse, word by word, and how many clocks that takes.
//!
//! The meaning of a word is `trifactor_isa::execute`, which the debugger's walk uses as well.

use crate::run::{Outcome, Retired, Rule, Run, Stored, Synapse};
use crate::ticks::Ticks;
use trifactor_fixed::{Draw, KeyedDraws, RawRange};
use trifactor_image::Guard;
use trifactor_isa::{Effect, Inst, LoadSlot, Site, Surroundings, SynapseSide, When, execute};

/// Runs a rule for a synapse.
///
/// A slot that the rule does not fill reads as 0; an image with such a load is refused (its
/// reader checks programs), so this can be seen with hand-made rules only.
pub fn run(rule: &Rule, synapse: &Synapse, ticks: &Ticks) -> Run {
    let ended = |outcome, trace, stores, clocks: u64| Run {
        outcome,
        trace,
        stores,
        clocks,
        counted: clocks,
    };
    if !evaluated(rule.guard, synapse) {
        return ended(Outcome::Skipped, Vec::new(), Vec::new(), ticks.skipped_synapse.into());
    }
    let mut machine = Machine { rule, synapse, stores: vec![None; rule.fields.len()] };
    let mut registers = [0; 16];
    let mut trace = Vec::new();
    let mut clocks = u64::from(ticks.state_access);
    for (address, word) in (0..).zip(&rule.words) {
        let Ok(inst) = Inst::decode(*word) else { break };
        if execute(&inst, &mut registers, &mut machine) == Effect::Trapped {
            break;
        }
        clocks += u64::from(ticks.of_class(inst.opcode().class()));
        trace.push(Retired { address, registers });
        if inst == Inst::Halt {
            return ended(Outcome::Evaluated, trace, machine.stores, clocks);
        }
    }
    // A trap ends at the first clock of its word, without a write-back.
    let write_back = u64::from(Ticks::WRITE_BACK);
    ended(Outcome::Trapped, trace, Vec::new(), clocks - write_back + 1)
}

/// Whether the guard lets a synapse through. Source: S47.
fn evaluated(guard: Guard, synapse: &Synapse) -> bool {
    let (pre, post) = (synapse.pre_last > 0, synapse.post_last > 0);
    match guard {
        Guard::Always => true,
        Guard::PreOrPost => pre || post,
        Guard::Pre => pre,
        Guard::Post => post,
    }
}

struct Machine<'a> {
    rule: &'a Rule,
    synapse: &'a Synapse,
    stores: Vec<Option<Stored>>,
}

impl Machine<'_> {
    /// The position of a reading in the epoch. Source: S34, S40.
    fn position(&self, o: LoadSlot) -> usize {
        let spike = match o.when {
            When::End => 0,
            When::X0 => self.synapse.pre_last,
            When::Y0 => self.synapse.post_last,
        };
        let position = if spike > 0 { spike } else { self.rule.epoch_length };
        usize::from(position) - usize::from(o.prev)
    }
}

impl Surroundings for Machine<'_> {
    fn epoch_flag(&self, k: u8) -> i32 {
        self.synapse.epoch.is_multiple_of(1 << k).into()
    }
    fn line(&self, slot: usize) -> i32 {
        self.synapse.lines.get(slot).copied().unwrap_or(0)
    }
    fn slot(&self, side: SynapseSide, o: LoadSlot) -> i32 {
        let (last, columns) = match side {
            SynapseSide::Pre => (self.synapse.pre_last, &self.synapse.pre_columns),
            SynapseSide::Post => (self.synapse.post_last, &self.synapse.post_columns),
        };
        match o.slot.index() {
            0 => i32::from(last > 0),
            slot => columns.get(slot - 1).map_or(0, |values| values[self.position(o)]),
        }
    }
    fn field(&self, field: usize) -> Option<(i32, RawRange)> {
        let format = self.rule.fields.get(field)?;
        let raw = *self.synapse.fields.get(field)?;
        Some((raw, RawRange { lo: format.lo.into(), hi: format.hi.into() }))
    }
    fn draw(&mut self, site: Site) -> u32 {
        let Synapse { seed, step, pre, post, .. } = *self.synapse;
        KeyedDraws { seed }.draw(step, self.rule.stream, site.get(), pre, post)
    }
    fn store(&mut self, field: usize, value: i32, saturated: bool) {
        let word = self.rule.fields[field].word(value);
        self.stores[field] = Some(Stored { word, saturated });
    }
}
