//! Formats that were chosen for one chip, on another.
//!
//! Reads: network, chip widths, requests.   Writes: requests the chip can hold.
//! Method: a width that the chip does not have becomes the widest one below it; the binary point
//! moves so that the values reached stay the same, or further where the declared range allows it.
//! Where the chip has wider fields only, the narrowest of them keeps everything.

use crate::plan::{FormatRequest, Requests};
use std::fmt::Write as _;
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_fixed::QFormat;
use trifactor_ir::units::{Unit, recognise};
use trifactor_ir::{CheckedNetwork, Delay, Group, Read, Sign, StateId, StateRole};
use trifactor_isa::Chip;

/// Takes formats that were chosen for another chip as wishes. Each that this chip cannot hold is
/// changed, and said in a warning `Q107`; `made_for` is the chip they were chosen for.
pub fn as_wishes(
    net: &CheckedNetwork,
    chip: &Chip,
    requests: &Requests,
    made_for: &str,
) -> (Requests, Diagnostics) {
    let mut held = requests.clone();
    let mut found = Diagnostics::new();
    for (name, asked) in requests {
        let Some(state) = net.states.ids().find(|s| net.full_name(*s) == *name) else { continue };
        let Some(bits) = asked.bits else { continue };
        let Some(widths) = widths(net, chip, state) else { continue };
        if widths.contains(&bits) {
            continue;
        }
        let below = widths.iter().copied().filter(|w| *w < bits).max();
        let Some(width) = below.or_else(|| widths.iter().copied().min()) else {
            // The chip has no such field at all, which the plan refuses with its reason.
            held.insert(name.clone(), FormatRequest { bits: None, frac: None, ..*asked });
            continue;
        };
        let given =
            FormatRequest { bits: Some(width), frac: moved(net, state, asked, width), ..*asked };
        held.insert(name.clone(), given);
        let (asked, given) = (shown(asked), shown(&given));
        found.push(
            Diagnostic::warning(
                "Q107",
                format!(
                    "'{name}' has {given} on the chip '{}', which does not store the {asked} that were chosen for \
                     '{made_for}'",
                    chip.name
                ),
            )
            .at(Place::at_key(format!("formats.{name}")))
            .hint(format!("to choose otherwise, name the chip '{}' in model.ron", chip.name)),
        );
    }
    (held, found)
}

/// `9 bits, frac 2`.
fn shown(request: &FormatRequest) -> String {
    let mut text = String::new();
    if let Some(bits) = request.bits {
        let _ = write!(text, "{bits} bits");
    }
    if let Some(frac) = request.frac {
        let _ = write!(text, ", frac {frac}");
    }
    text
}

/// The binary point of a request in another width.
fn moved(net: &CheckedNetwork, state: StateId, asked: &FormatRequest, width: u8) -> Option<i8> {
    let (bits, frac) = (asked.bits?, asked.frac?);
    if width >= bits {
        return Some(frac);
    }
    let kept = frac - (bits - width) as i8;
    let range = net.states[state].range;
    let signed = asked.signed.unwrap_or_else(|| has_sign(net, state));
    let finest = range.and_then(|(lo, hi)| QFormat::for_range(width, signed, lo, hi, frac));
    Some(finest.map_or(kept, |q| q.frac.max(kept)))
}

/// Whether a state gets a format with a sign, as far as one can know; a sign too many costs a bit
/// of the binary point and clips nothing.
fn has_sign(net: &CheckedNetwork, state: StateId) -> bool {
    let s = &net.states[state];
    match net.synapses(s.space) {
        Some(synapses) if s.name == "w" => synapses.sign != Sign::Excitatory,
        Some(_) => s.role == StateRole::Variable || s.range.is_none_or(|(lo, _)| lo < 0.0),
        None => s.range.is_none_or(|(lo, _)| lo < 0.0),
    }
}

/// The widths in which a chip stores a state; none for a state that has no choice.
fn widths(net: &CheckedNetwork, chip: &Chip, state: StateId) -> Option<Vec<u8>> {
    let read = |group: Option<Group>, wanted: &dyn Fn(&Read) -> bool| {
        net.phases
            .values()
            .filter(|p| group.is_none_or(|g| p.group == g))
            .any(|p| p.reads.values().any(wanted))
    };
    let s = &net.states[state];
    if net.synapses(s.space).is_some() {
        let delay = |r: &Read| matches!(r, Read::Arriving { delay: Delay::PerSynapse(d), .. } if *d == state);
        if read(None, &delay) {
            return None;
        }
        return Some(if read(Some(Group::Deliver), &|r| *r == Read::State(state)) {
            chip.synapse.weight_bits.clone()
        } else if s.role == StateRole::Variable {
            chip.synapse.tag_bits.clone()
        } else {
            chip.synapse.rate_bits.clone()
        });
    }
    let (phase, at) = net.setter(state)?;
    let kernel = &net.kernels[net.phases[phase].kernel];
    let variable = kernel.outputs[at].variable.as_str();
    match (recognise(kernel)?, variable) {
        (Unit::LinearTrace | Unit::SaturatingTrace, _) => Some(chip.trace.bits.clone()),
        (Unit::Modulator, "m") => Some(chip.modulator.bits.clone()),
        (Unit::Lif(_), "psi") => Some(chip.trace.bits.clone()),
        (Unit::Lif(_), "v") => Some(vec![chip.neuron.state_bits]),
        _ => None,
    }
}
