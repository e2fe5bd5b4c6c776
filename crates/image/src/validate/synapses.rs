//! The synapse lists of one core: where they lie and what they hold.

use super::{at, ensure};
use crate::pack::{unpack_row, words_for};
use crate::{AxonIn, Core, Group, ImageError, NO_PROFILE, SynapseList};
use trifactor_isa::Chip;

pub(super) fn check(core: &Core, chip: &Chip) -> Result<(), ImageError> {
    disjoint(core)?;
    for g in &core.groups {
        for k in g.first_axon..g.first_axon + g.n_axons {
            let axon = core.axons_in[k as usize];
            let format = &core.formats[usize::from(g.format)];
            let site = || at::<u64>(core.id, axon.first_word as usize);
            ensure!(
                axon.n_synapses > 0,
                at::<AxonIn>(core.id, k as usize),
                "an empty synapse list"
            );
            let (first, n) = (axon.first_word, axon.n_synapses);
            let list = unpack_row(&core.synapses, first, n, format, g.format)
                .map_err(|e| site().fault(format!("list of input axon {k}: {e}")))?;
            if let Err(what) = contents(&list, core, g, chip) {
                return Err(site().fault(format!("list of input axon {k}: {what}")));
            }
        }
    }
    Ok(())
}

/// Lists do not share words: a learning synapse belongs to one lane, and the work of unpacking
/// all lists is bounded by the size of the memory.
fn disjoint(core: &Core) -> Result<(), ImageError> {
    let mut spans = Vec::with_capacity(core.axons_in.len());
    for g in &core.groups {
        let format = &core.formats[usize::from(g.format)];
        for k in g.first_axon..g.first_axon + g.n_axons {
            let axon = core.axons_in[k as usize];
            let n_words = words_for(axon.n_synapses as usize, format) as u64;
            let first = u64::from(axon.first_word);
            spans.push((first, first + n_words, k as usize));
        }
    }
    spans.sort_unstable();
    for pair in spans.windows(2) {
        let ((_, end, a), (first, _, b)) = (pair[0], pair[1]);
        let site = || at::<AxonIn>(core.id, b);
        ensure!(end <= first, site(), "the lists of input axons {a} and {b} overlap");
    }
    Ok(())
}

fn contents(list: &SynapseList, core: &Core, g: &Group, chip: &Chip) -> Result<(), String> {
    if let Some(pair) = list.index.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(format!("index {} stands before {}", pair[0], pair[1]));
    }
    // The list ascends, so its last index is the largest.
    if let Some(last) = list.index.last().filter(|last| **last >= g.n_post) {
        return Err(format!("index {last} of {} post lanes", g.n_post));
    }
    if let Some(delays) = list.fields.get(usize::from(g.delay_field)) {
        let slots = i32::from(chip.core.delay_slots);
        if let Some(delay) = delays.iter().find(|delay| **delay >= slots) {
            return Err(format!("delay {delay}; the chip has 0 to {}", slots - 1));
        }
    }
    if g.profile == NO_PROFILE {
        return Ok(());
    }
    let ranges = &core.profiles[usize::from(g.profile)].ranges;
    for (k, (values, range)) in list.fields.iter().zip(ranges).enumerate() {
        if let Some(value) = values.iter().find(|value| !(range.lo..=range.hi).contains(value)) {
            return Err(format!(
                "field {k} holds {value}; its range is {} to {}",
                range.lo, range.hi
            ));
        }
    }
    Ok(())
}
