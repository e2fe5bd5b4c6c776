//! Every variable of a loaded chip that can be looked at, under the author's names.

use trifactor_image::{Image, TraceSide};
use trifactor_isa::{Chip, ChipError};

/// Where a variable's values come from. Numbers are positions in the image's map.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// Currents of a population.
    Current(usize),
    /// Voltages of a population.
    Voltage(usize),
    /// Refractory counters of a population.
    Hold(usize),
    /// 1 where a lane of a population fired in the step.
    Spikes(usize),
    /// A field of a projection's synapses.
    Field(usize, usize),
    /// A trace: the first entry of its name in the map.
    Trace(usize),
    /// A modulator.
    Modulator(usize),
    /// The step.
    Step,
    /// The learning epoch (S5).
    Epoch,
    /// The step's position in its epoch, from 1 (S5).
    Position,
    /// 1 where a core had work in the step: a message arrived, a compartment had input or
    /// spiked, or a rule was executed for a synapse.
    Busy,
}

/// Which lanes a variable has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lanes {
    /// None: it is one number of the whole chip.
    One,
    /// Lanes from 0.
    Counted(u32),
    /// Cores by their place on the chip.
    Cores(Vec<u32>),
    /// So many synapses, in the order of (pre, post).
    Synapses(u32),
}

impl Lanes {
    /// How many values the variable has.
    pub fn count(&self) -> usize {
        match self {
            Self::One => 1,
            Self::Counted(n) | Self::Synapses(n) => *n as usize,
            Self::Cores(ids) => ids.len(),
        }
    }
}

/// One variable: a state of every lane of something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variable {
    /// Its name, such as `hidden.v`.
    pub name: String,
    /// Where its values come from.
    pub source: Source,
    /// Bits of its raw value, the sign included.
    pub bits: u32,
    /// Whether the raw value has a sign.
    pub signed: bool,
    /// Fraction bits: the author's value is `raw / 2^frac`.
    pub frac: i8,
    /// Its lanes.
    pub lanes: Lanes,
    /// Whether a learning rule or the neurons change it; a weight that does not learn is fixed.
    pub changes: bool,
}

impl Variable {
    /// The author's value of a raw one.
    pub fn real(&self, raw: i64) -> f64 {
        raw as f64 * (-f64::from(self.frac)).exp2()
    }
    /// What it is, in a few words.
    pub const fn meaning(&self) -> &'static str {
        match self.source {
            Source::Current(_) => "current",
            Source::Voltage(_) => "voltage",
            Source::Hold(_) => "refractory counter",
            Source::Spikes(_) => "spike in this step",
            Source::Field(_, 0) => "weight",
            Source::Field(..) => "variable of the synapse",
            Source::Trace(_) => "trace",
            Source::Modulator(_) => "modulator",
            Source::Step => "step",
            Source::Epoch => "learning epoch",
            Source::Position => "step within the epoch",
            Source::Busy => "core had work in this step",
        }
    }
}

/// All variables of an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Catalogue {
    /// The chip's own, then populations, projections, traces and modulators in the author's order.
    pub variables: Vec<Variable>,
    /// Steps of a learning epoch.
    pub(crate) epoch: u32,
}

impl Catalogue {
    /// The variables of an image.
    ///
    /// Errors: the image's chip cannot be read.
    pub fn of(image: &Image) -> Result<Self, ChipError> {
        let chip = Chip::parse(&image.meta.chip)?;
        let mut list = List(Vec::new());
        list.chip(image);
        list.populations(image, &chip);
        list.projections(image);
        list.traces(image);
        list.modulators(image, &chip);
        Ok(Self { variables: list.0, epoch: image.meta.epoch.max(1) })
    }
}

struct List(Vec<Variable>);

impl List {
    fn add(&mut self, name: String, source: Source, bits: u32, lanes: Lanes) -> &mut Variable {
        self.0.push(Variable { name, source, bits, signed: false, frac: 0, lanes, changes: true });
        self.0.last_mut().expect("internal: a variable was just added")
    }

    fn chip(&mut self, image: &Image) {
        self.add("chip.step".to_owned(), Source::Step, 32, Lanes::One);
        self.add("chip.epoch".to_owned(), Source::Epoch, 32, Lanes::One);
        let bits = u32::BITS - image.meta.epoch.leading_zeros();
        self.add("chip.position".to_owned(), Source::Position, bits.max(1), Lanes::One);
        let ids = image.cores.iter().map(|core| core.id).collect();
        self.add("chip.busy".to_owned(), Source::Busy, 1, Lanes::Cores(ids));
    }

    fn populations(&mut self, image: &Image, chip: &Chip) {
        let bits = chip.neuron.state_bits.into();
        let held = u8::BITS - chip.neuron.refractory_max.leading_zeros();
        for (at, p) in image.map.populations.iter().enumerate() {
            let lanes = Lanes::Counted(p.n);
            if !p.slices.is_empty() {
                for (name, source) in [("u", Source::Current(at)), ("v", Source::Voltage(at))] {
                    let added = self.add(format!("{}.{name}", p.name), source, bits, lanes.clone());
                    (added.signed, added.frac) = (true, p.frac);
                }
                let name = format!("{}.hold", p.name);
                self.add(name, Source::Hold(at), held.max(1), lanes.clone());
            }
            self.add(format!("{}.spikes", p.name), Source::Spikes(at), 1, lanes);
        }
    }

    fn projections(&mut self, image: &Image) {
        for (at, p) in image.map.projections.iter().enumerate() {
            // All parts of a projection have one format; one without synapses has none.
            let Some(part) = p.parts.first() else { continue };
            let core = image.cores.iter().find(|core| core.id == part.core);
            let group = core.and_then(|core| Some((core, core.groups.get(part.group as usize)?)));
            let Some((core, group)) = group else { continue };
            let Some(format) = core.formats.get(usize::from(group.format)) else { continue };
            let plastic = group.profile != trifactor_image::NO_PROFILE;
            for (k, (field, stored)) in p.fields.iter().zip(&format.fields).enumerate() {
                let lanes = Lanes::Synapses(p.n_synapses);
                let name = format!("{}.{}", p.name, field.name);
                let added =
                    self.add(name, Source::Field(at, k), u32::from(stored.bits).max(1), lanes);
                (added.signed, added.frac, added.changes) = (stored.signed, field.frac, plastic);
            }
        }
    }

    fn traces(&mut self, image: &Image) {
        let map = &image.map;
        for (at, trace) in map.traces.iter().enumerate() {
            // The same trace has an entry for each rule that reads it.
            if map.traces[..at].iter().any(|t| t.name == trace.name) {
                continue;
            }
            let projection = &map.projections[usize::from(trace.projection)];
            let n = match trace.side {
                TraceSide::Pre => projection.n_pre,
                TraceSide::Post => projection.n_post,
            };
            let column = trace.parts.first().and_then(|(core, column)| {
                let core = image.cores.iter().find(|c| c.id == *core)?;
                core.columns.get(usize::from(*column))
            });
            let Some(column) = column else { continue };
            let bits = u32::from(column.bits).max(1);
            self.add(trace.name.clone(), Source::Trace(at), bits, Lanes::Counted(n)).frac =
                trace.frac;
        }
    }

    fn modulators(&mut self, image: &Image, chip: &Chip) {
        for (at, m) in image.map.modulators.iter().enumerate() {
            let range = m.parts.first().and_then(|part| {
                let core = image.cores.iter().find(|c| c.id == part.core)?;
                core.modulators.get(usize::from(part.range))
            });
            let Some(range) = range else { continue };
            let needed = signed_bits(range.lo.into()).max(signed_bits(range.hi.into()));
            let stored = chip.modulator.bits.iter().map(|b| u32::from(*b)).find(|b| *b >= needed);
            let bits = stored.unwrap_or(needed);
            let added = self.add(m.name.clone(), Source::Modulator(at), bits, Lanes::Counted(m.n));
            (added.signed, added.frac) = (true, m.frac);
        }
    }
}

/// Bits of a number in two's complement.
const fn signed_bits(x: i64) -> u32 {
    let magnitude = if x < 0 { !x } else { x };
    i64::BITS - magnitude.leading_zeros() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_has_a_bit_of_its_own() {
        let bits = [0, -1, 1, 127, -128, 128, -129, 32767, -32768].map(signed_bits);
        assert_eq!(bits, [1, 1, 2, 8, 8, 9, 9, 16, 16]);
    }
}
