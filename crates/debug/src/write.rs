//! Changes by hand.

use crate::error::{DebugError, wrong};
use crate::names::{Number, Target, What};
use crate::read::{Lane, Reading, frac, read};
use crate::timeline::Timeline;
use trifactor_emu::{EmuError, Emulator, Membrane, Reset, Synapse};

/// A change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Edit {
    /// Synapses of a field.
    Synapses {
        /// Projection.
        projection: usize,
        /// Field.
        field: usize,
        /// The synapses with their new values.
        synapses: Vec<Synapse>,
    },
    /// Lanes of a trace, in each of its entries.
    Trace(Vec<usize>, Vec<(u32, i32)>),
    /// Lanes of a modulator.
    Modulator(usize, Vec<(u32, i32)>),
    /// Lanes of a membrane state.
    Membrane(usize, Membrane, Vec<(u32, i32)>),
    /// Constants of a rule: projection, (position in its program, value).
    Constant(usize, Vec<(usize, i32)>),
    /// The draw seed.
    Seed(u32),
    /// Resets.
    Reset(Vec<Reset>),
}

impl Edit {
    /// Makes the change. Errors: the emulator refuses a value; those before it in a list have
    /// then been written.
    pub(crate) fn apply(&self, emulator: &mut Emulator) -> Result<(), EmuError> {
        match self {
            Self::Synapses { projection, field, synapses } => {
                // One by one is slow for a whole projection and fine for a few.
                if synapses.len() > 64 {
                    let mut all = emulator.read_field(*projection, *field)?;
                    let mut new = synapses.iter().peekable();
                    for old in &mut all {
                        let same = |s: &&Synapse| (s.pre, s.post) == (old.pre, old.post);
                        if let Some(synapse) = new.next_if(same) {
                            old.raw = synapse.raw;
                        }
                    }
                    let raws: Vec<i32> = all.iter().map(|s| s.raw).collect();
                    return emulator.write_field(*projection, *field, &raws);
                }
                each(emulator, synapses, |emulator, s| {
                    emulator.write_synapse(*projection, *field, *s)
                })
            }
            Self::Trace(entries, lanes) => each(emulator, lanes, |emulator, (lane, raw)| {
                entries.iter().try_for_each(|t| emulator.write_trace_lane(*t, *lane, *raw))
            }),
            Self::Modulator(m, lanes) => each(emulator, lanes, |emulator, (lane, raw)| {
                emulator.write_modulator(*m, *lane, *raw)
            }),
            Self::Membrane(p, which, lanes) => each(emulator, lanes, |emulator, (lane, raw)| {
                emulator.write_membrane(*p, *which, *lane, *raw)
            }),
            Self::Constant(p, list) => {
                each(emulator, list, |emulator, (at, raw)| emulator.write_constant(*p, *at, *raw))
            }
            Self::Seed(seed) => {
                emulator.set_seed(*seed);
                Ok(())
            }
            Self::Reset(groups) => {
                emulator.reset(groups);
                Ok(())
            }
        }
    }
}

/// Writes values one after the other.
fn each<T>(
    emulator: &mut Emulator,
    list: &[T],
    write: impl Fn(&mut Emulator, &T) -> Result<(), EmuError>,
) -> Result<(), EmuError> {
    list.iter().try_for_each(|item| write(emulator, item))
}

/// The change that gives the lanes of a target these values: one for all, or one for each.
pub(crate) fn edit(
    timeline: &Timeline,
    target: &Target,
    values: &[f64],
    raw: bool,
) -> Result<Edit, DebugError> {
    if let What::Number(Number::Seed) = target.what {
        let [seed] = values else { return wrong("a seed is one number") };
        if !(0.0..=f64::from(u32::MAX)).contains(seed) || seed.fract() != 0.0 {
            return wrong(format!("a seed is a whole number from 0 to {}", u32::MAX));
        }
        return Ok(Edit::Seed(*seed as u32));
    }
    if matches!(
        target.what,
        What::Input(_) | What::Spike(_) | What::Saturated(_) | What::Register(_) | What::Number(_)
    ) {
        let hint = match target.what {
            What::Spike(_) => "; `fire` makes lanes of an input spike",
            What::Input(_) => "; write u or v instead",
            _ => "",
        };
        return wrong(format!("'{}' can be read and not written{hint}", target.name));
    }
    let held = read(timeline, 0, target)?;
    if held.is_empty() {
        return wrong(format!("no core holds a lane of '{}'", target.name));
    }
    if values.len() != 1 && values.len() != held.len() {
        let noun = if held.len() == 1 { "value" } else { "values" };
        return wrong(format!(
            "'{}' has {} {noun} here, and {} were given: give one for all, or one for each",
            target.name,
            held.len(),
            values.len()
        ));
    }
    let scale = if raw { 1.0 } else { f64::from(frac(timeline, &target.what)).exp2() };
    let mut raws = Vec::with_capacity(held.len());
    for (k, Reading { lane, .. }) in held.iter().enumerate() {
        let value = values[if values.len() == 1 { 0 } else { k }];
        // Nearest, as initial values are (S62).
        let scaled = (value * scale).round_ties_even();
        if !scaled.is_finite() || scaled.abs() > f64::from(i32::MAX) {
            return wrong(format!("{value} is no value of '{}'", target.name));
        }
        raws.push((*lane, scaled as i32));
    }
    let lanes = || -> Vec<(u32, i32)> {
        let each = raws.iter().filter_map(|(lane, raw)| match lane {
            Lane::One(lane) => Some((*lane, *raw)),
            _ => None,
        });
        each.collect()
    };
    Ok(match &target.what {
        What::Field(projection, field) => Edit::Synapses {
            projection: *projection,
            field: *field,
            synapses: raws
                .iter()
                .filter_map(|(lane, raw)| match lane {
                    Lane::Pair(pre, post) => Some(Synapse { pre: *pre, post: *post, raw: *raw }),
                    _ => None,
                })
                .collect(),
        },
        What::Trace(entries) => Edit::Trace(entries.clone(), lanes()),
        What::Modulator(m) => Edit::Modulator(*m, lanes()),
        What::Membrane(p, which) => Edit::Membrane(*p, *which, lanes()),
        What::Constant(p) => {
            let constants = timeline.emulator().constants(*p)?;
            let each = lanes().into_iter().map(|(k, raw)| (constants[k as usize].at, raw));
            Edit::Constant(*p, each.collect())
        }
        What::Input(_)
        | What::Spike(_)
        | What::Saturated(_)
        | What::Register(_)
        | What::Number(_) => unreachable!("internal: refused above"),
    })
}
