//! The meaning of microcode for one synapse, word by word (S39 to S54).
//!
//! The emulator executes specialised programs over many lanes, where no register exists any more.
//! This is the plain reading of the same handlers: one register file, every operation a function
//! of `trifactor-fixed`.

use crate::run::{Outcome, Retired, Rule, Run, Stored, Synapse};
use crate::ticks::Ticks;
use trifactor_fixed::{
    Draw, KeyedDraws, RawRange, Rounding, clamp_raw, mul_round, round_shift, sat32,
};
use trifactor_image::Guard;
use trifactor_isa::{
    Execute, Immediate, Inst, LoadEpoch, LoadField, LoadLine, LoadSlot, R2, R2Left, R2Shift, R3,
    R3Shift, R4, Reg, Right, Site, Store, When, dispatch,
};

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
    let mut machine = Machine {
        rule,
        synapse,
        r: [0; 16],
        stores: vec![None; rule.fields.len()],
        trapped: false,
    };
    let mut trace = Vec::new();
    let mut clocks = u64::from(ticks.state_access);
    for (address, word) in (0..).zip(&rule.words) {
        let Ok(inst) = Inst::decode(*word) else { break };
        dispatch(&inst, &mut machine);
        if machine.trapped {
            break;
        }
        clocks += u64::from(ticks.of_class(inst.opcode().class()));
        trace.push(Retired { address, registers: machine.r });
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
    r: [i32; 16],
    stores: Vec<Option<Stored>>,
    trapped: bool,
}

impl Machine<'_> {
    fn read(&self, register: Reg) -> i64 {
        self.r[register.index()].into()
    }
    fn write(&mut self, register: Reg, value: i64) {
        self.r[register.index()] = sat32(value) as i32;
    }
    fn draw(&self, site: Site) -> u32 {
        let Synapse { seed, step, pre, post, .. } = *self.synapse;
        KeyedDraws { seed }.draw(step, self.rule.stream, site.get(), pre, post)
    }
    /// A quotient with the draw of its site. Source: S41, S53.
    fn rounded(&self, x: i64, shift: Right, rounding: Rounding, site: Site) -> i64 {
        round_shift(x, shift.get().into(), rounding, self.draw(site))
    }
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
    fn column(&self, columns: &[Vec<i32>], o: LoadSlot) -> i64 {
        let column = columns.get(o.slot.index() - 1);
        column.map_or(0, |values| values[self.position(o)].into())
    }
}

impl Execute for Machine<'_> {
    type Output = ();

    fn halt(&mut self) {}
    fn ldi(&mut self, o: Immediate) {
        self.write(o.rd, i64::from(o.imm) << o.shift.get());
    }
    fn ldu(&mut self, o: LoadEpoch) {
        let multiple = self.synapse.epoch.is_multiple_of(1 << o.k.get());
        self.write(o.rd, multiple.into());
    }
    fn ldg(&mut self, o: LoadLine) {
        let line = self.synapse.lines.get(o.slot.index()).copied().unwrap_or(0);
        self.write(o.rd, line.into());
    }
    fn lds(&mut self, o: LoadField) {
        match self.synapse.fields.get(o.field.index()) {
            Some(raw) => self.write(o.rd, i64::from(*raw)),
            None => self.trapped = true,
        }
    }
    fn ldx(&mut self, o: LoadSlot) {
        let value = match o.slot.index() {
            0 => (self.synapse.pre_last > 0).into(),
            _ => self.column(&self.synapse.pre_columns, o),
        };
        self.write(o.rd, value);
    }
    fn ldy(&mut self, o: LoadSlot) {
        let value = match o.slot.index() {
            0 => (self.synapse.post_last > 0).into(),
            _ => self.column(&self.synapse.post_columns, o),
        };
        self.write(o.rd, value);
    }
    fn add(&mut self, o: R3) {
        self.write(o.rd, self.read(o.ra) + self.read(o.rb));
    }
    fn sub(&mut self, o: R3) {
        self.write(o.rd, self.read(o.ra) - self.read(o.rb));
    }
    fn min(&mut self, o: R3) {
        self.write(o.rd, self.read(o.ra).min(self.read(o.rb)));
    }
    fn max(&mut self, o: R3) {
        self.write(o.rd, self.read(o.ra).max(self.read(o.rb)));
    }
    fn gt(&mut self, o: R3) {
        self.write(o.rd, (self.read(o.ra) > self.read(o.rb)).into());
    }
    fn sgn(&mut self, o: R2) {
        self.write(o.rd, self.read(o.ra).signum());
    }
    fn sel(&mut self, o: R4) {
        let chosen = if self.read(o.ra) != 0 { o.rb } else { o.rc };
        self.write(o.rd, self.read(chosen));
    }
    fn shl(&mut self, o: R2Left) {
        self.write(o.rd, self.read(o.ra) << o.shift.get());
    }
    fn shr(&mut self, o: R2Shift) {
        self.write(o.rd, self.rounded(self.read(o.ra), o.shift, o.round, o.site));
    }
    fn mul(&mut self, o: R3Shift) {
        let (a, b, places) = (self.read(o.ra), self.read(o.rb), o.shift.get().into());
        self.write(o.rd, mul_round(a, b, places, o.round, self.draw(o.site)));
    }
    fn sts(&mut self, o: Store) {
        let Some(format) = self.rule.fields.get(o.field.index()) else {
            self.trapped = true;
            return;
        };
        let value = self.rounded(self.read(o.ra), o.shift, o.round, o.site);
        let kept = clamp_raw(value, RawRange { lo: format.lo.into(), hi: format.hi.into() });
        let stored = Stored { word: format.word(kept as i32), saturated: kept != value };
        self.stores[o.field.index()] = Some(stored);
    }
}
