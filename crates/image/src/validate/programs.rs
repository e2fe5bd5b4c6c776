//! Microcode: every word is an instruction, and names only what its profile has.

use super::{at, ensure};
use crate::{Core, ImageError, Profile, Slot};
use trifactor_isa::{Inst, When};

pub(super) fn check(core: &Core) -> Result<(), ImageError> {
    let mut program = Vec::with_capacity(core.ucode.len());
    for (k, word) in core.ucode.iter().enumerate() {
        let decoded = Inst::decode(*word);
        program.push(decoded.map_err(|e| at::<u32>(core.id, k).fault(e.to_string()))?);
    }
    for (k, profile) in core.profiles.iter().enumerate() {
        let first = profile.first_word as usize;
        let words = &program[first..first + profile.n_words as usize];
        for (j, inst) in words.iter().enumerate() {
            let site = || at::<u32>(core.id, first + j);
            let last = j + 1 == words.len();
            ensure!(
                matches!(inst, Inst::Halt) == last,
                site(),
                "`{inst}`: the program of profile {k} has its one `halt` at its end"
            );
            if let Some(what) = beyond(inst, core, profile) {
                return Err(site().fault(format!("`{inst}` in the program of profile {k}: {what}")));
            }
        }
    }
    Ok(())
}

/// What an instruction names that its profile does not have.
fn beyond(inst: &Inst, core: &Core, profile: &Profile) -> Option<String> {
    let field = |field: usize| {
        let n = profile.ranges.len();
        (field >= n).then(|| format!("its synapses have {n} fields"))
    };
    match inst {
        Inst::Lds(o) => field(o.field.index()),
        Inst::Sts(o) => field(o.field.index()),
        Inst::Ldx(o) => column(o.slot.index(), o.when, o.prev, &profile.pre_slots, core),
        Inst::Ldy(o) => column(o.slot.index(), o.when, o.prev, &profile.post_slots, core),
        Inst::Ldg(o) => match profile.global_slots.get(o.slot.index()) {
            Some(_) => None,
            None => Some(format!("it has {} global slots", profile.global_slots.len())),
        },
        Inst::Halt
        | Inst::Ldi(_)
        | Inst::Ldu(_)
        | Inst::Add(_)
        | Inst::Sub(_)
        | Inst::Min(_)
        | Inst::Max(_)
        | Inst::Gt(_)
        | Inst::Sgn(_)
        | Inst::Sel(_)
        | Inst::Shl(_)
        | Inst::Shr(_)
        | Inst::Mul(_) => None,
    }
}

/// Slot 0 is the spike flag; the profile's list begins with slot 1.
fn column(slot: usize, when: When, prev: bool, slots: &[Slot], core: &Core) -> Option<String> {
    let position = slot.checked_sub(1)?;
    match slots.get(position) {
        None => Some(format!("it has slots 0 to {}", slots.len())),
        Some(Slot::Column(c)) => {
            let past = prev || when != When::End;
            let kept = core.columns[usize::from(*c)].history;
            (past && !kept).then(|| format!("column {c} keeps no values of earlier steps"))
        }
        Some(Slot::Modulator(_)) => None,
    }
}
