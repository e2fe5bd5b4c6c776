//! Rules on a chip whose engine computes sums of products and nothing else (S84 to S86).
//!
//! Reads: one rule's kernel, its state formats, the chip's `arithmetic.learning`.
//! Writes: the part that each value has in a sum; the plan of a value follows from it.
//! Method: from each result back along its additions to the variable's old value; what is added
//! must be factors, a flag, and a constant as mantissa and exponent.

use crate::plan::StateFormat;
use trifactor_entity::SideTable;
use trifactor_fixed::{LearningArithmetic, factor as held_factor};
use trifactor_ir::{Kernel, Network, Op, Output, Phase, PortId, Read, Role, StateId, ValueId};

/// What a value is in a sum of products.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// An input, or a number that no sum needs.
    Plain,
    /// A variable and a constant, held to so many bits and a sign.
    Factor(u32),
    /// A product on its way: nothing is dropped yet. Operands that reach beyond their bits are
    /// held to them, for this product alone.
    Product([Option<u32>; 2]),
    /// The constant of a product, as a mantissa and its own binary point.
    Mantissa,
    /// A power of two behind the mantissa: a binary point and no number.
    Exponent,
    /// The addition of a product whose factors have so many bits in all.
    Term(u32),
}

/// Finds the part of every value.
///
/// Errors: what in the kernel is no sum of products.
pub(crate) fn parts(
    net: &Network,
    phase: &Phase,
    states: &SideTable<StateId, StateFormat>,
    engine: &LearningArithmetic,
) -> Result<SideTable<ValueId, Part>, String> {
    let kernel = &net.kernels[phase.kernel];
    let mut reader = Reader {
        kernel,
        phase,
        states,
        engine,
        parts: SideTable::for_each(&kernel.ops, |_, _| Part::Plain),
    };
    for output in &kernel.outputs {
        reader.sum(output).map_err(|what| format!("'{}' {what}", output.variable))?;
    }
    Ok(reader.parts)
}

struct Reader<'a> {
    kernel: &'a Kernel,
    phase: &'a Phase,
    states: &'a SideTable<StateId, StateFormat>,
    engine: &'a LearningArithmetic,
    parts: SideTable<ValueId, Part>,
}

impl Reader<'_> {
    /// `old + term - term ...`
    fn sum(&mut self, output: &Output) -> Result<(), String> {
        let mut at = output.value;
        loop {
            match self.kernel.ops[at] {
                Op::Add(rest, term) | Op::Sub(rest, term) => {
                    let widths = self.term(term)?;
                    self.mark(at, Part::Term(widths))?;
                    at = rest;
                }
                Op::Port(port) => {
                    let p = &self.kernel.ports[port];
                    let old = p.role == Role::Own && p.variable == output.variable;
                    return if old { Ok(()) } else { Err(no_old_value()) };
                }
                _ => return Err(no_old_value()),
            }
        }
    }

    /// Factors, a flag, and up to two constants; the bits of the factors.
    fn term(&mut self, term: ValueId) -> Result<u32, String> {
        let mut product = term;
        let mut constants = Vec::new();
        while let Op::Mul(x, c) = self.kernel.ops[product]
            && let Op::Const(value) = self.kernel.ops[c]
        {
            self.mark(product, Part::Product([None; 2]))?;
            constants.push((c, value));
            product = x;
        }
        match constants[..] {
            [] => {}
            [(c, value)] => self.mantissa(c, value)?,
            [(outer, power), (inner, value)] => {
                if !is_power_of_two(power) {
                    return Err(format!("is multiplied by {power}, which is no power of two"));
                }
                self.mark(outer, Part::Exponent)?;
                self.mantissa(inner, value)?;
            }
            _ => return Err("has a product with more than a mantissa and an exponent".to_owned()),
        }
        // Each with the multiplication whose operand it is.
        let mut factors = Vec::new();
        let mut last = None;
        while let Op::Mul(x, factor) = self.kernel.ops[product] {
            self.mark(product, Part::Product([None; 2]))?;
            factors.push((factor, Some((product, 1))));
            last = Some((product, 0));
            product = x;
        }
        factors.push((product, last));
        // The flag that a product depends on is its last factor, and counts no bits.
        let flag = |v: ValueId| match self.kernel.ops[v] {
            Op::Port(port) => {
                matches!(self.phase.reads[port], Read::SpikedInEpoch(_) | Read::EpochFlag)
            }
            _ => false,
        };
        let (gate, factors) = factors.split_first().expect("internal: a product has a factor");
        if !flag(gate.0) {
            return Err("has a product that depends on neither x0, y0 nor u_k".to_owned());
        }
        let mut widths = 0;
        for (factor, place) in factors {
            let width = self.factor(*factor)?;
            widths += width;
            if let (true, Some((product, side))) = (self.reaches_beyond(*factor, width), place)
                && let Part::Product(held) = &mut self.parts[*product]
            {
                held[*side] = Some(width);
            }
        }
        Ok(widths)
    }

    fn mantissa(&mut self, constant: ValueId, value: f64) -> Result<(), String> {
        let bits = self.engine.change.mantissa_bits;
        if mantissa(value, bits).is_none() {
            return Err(format!(
                "has the scale {value}, which is no mantissa of {bits} bits times a power of two"
            ));
        }
        self.mark(constant, Part::Mantissa)
    }

    /// The bits of a factor: a variable, its sum with a constant, or the sign of either.
    fn factor(&mut self, factor: ValueId) -> Result<u32, String> {
        match self.kernel.ops[factor] {
            Op::Sgn(x) => self.factor(x),
            Op::Add(x, c) | Op::Sub(x, c) if matches!(self.kernel.ops[c], Op::Const(_)) => {
                let Op::Port(port) = self.kernel.ops[x] else { return Err(no_factor()) };
                let width = self.width(port)?;
                self.mark(factor, Part::Factor(width))?;
                Ok(width)
            }
            Op::Port(port) => self.width(port),
            _ => Err(no_factor()),
        }
    }

    /// Whether a variable by itself may be larger than its bits.
    fn reaches_beyond(&self, factor: ValueId, width: u32) -> bool {
        let Op::Port(port) = self.kernel.ops[factor] else { return false };
        let Read::State(state) = self.phase.reads[port] else { return false };
        let (raw, held) = (self.states[state].raw, held_factor(width));
        raw.lo < held.lo || raw.hi > held.hi
    }

    fn width(&self, port: PortId) -> Result<u32, String> {
        match self.phase.reads[port] {
            Read::SpikedInEpoch(_) => Ok(1),
            Read::State(_) if self.kernel.ports[port].role == Role::Own => {
                Ok(self.engine.variable_bits.into())
            }
            // A modulator counts like a trace: it is a trace that others make.
            Read::State(_) => Ok(self.engine.trace_bits.into()),
            Read::EpochFlag | Read::Arriving { .. } => Err(no_factor()),
        }
    }

    /// A value has one part, whoever uses it.
    fn mark(&mut self, value: ValueId, part: Part) -> Result<(), String> {
        match std::mem::replace(&mut self.parts[value], part) {
            Part::Plain => Ok(()),
            before if before == part => Ok(()),
            _ => Err("uses a value in two places of a sum".to_owned()),
        }
    }
}

fn no_old_value() -> String {
    "is not its old value and products that are added to it".to_owned()
}

fn no_factor() -> String {
    "has a factor that is no variable, variable plus constant, or the sign of one".to_owned()
}

fn is_power_of_two(x: f64) -> bool {
    x > 0.0 && x.log2().fract() == 0.0
}

/// Largest exponent of a scale.
const TOP_EXPONENT: i32 = 8;

/// A scale as a mantissa and an exponent, as the front end of such an engine folds it: a whole
/// number beyond the mantissa is halved while it is even. The sign may stand in front of the
/// product, so both ends are the lower one's.
pub(crate) fn mantissa(scale: f64, bits: u8) -> Option<(i64, i32)> {
    let (mut m, mut exponent) = (scale, 0);
    while m.fract() != 0.0 && exponent > -60 {
        m *= 2.0;
        exponent -= 1;
    }
    let limit = 1u64 << (bits - 1);
    let mut whole = m as i64;
    while whole.unsigned_abs() >= limit && whole % 2 == 0 && exponent < TOP_EXPONENT {
        whole /= 2;
        exponent += 1;
    }
    let same = whole as f64 * f64::from(exponent).exp2() == scale;
    (same && whole.unsigned_abs() <= limit).then_some((whole, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_folds_as_the_front_end_folds_it() {
        for (scale, folded) in [
            (0.25, (1, -2)),
            (-3.0 / 32.0, (-3, -5)),
            (7.0, (7, 0)),
            (8.0, (4, 1)),
            (-8.0, (-4, 1)),
            (14.0, (7, 1)),
            (0.0, (0, 0)),
        ] {
            assert_eq!(mantissa(scale, 4), Some(folded), "{scale}");
        }
        for scale in [11.0, 0.3, 1e300] {
            assert_eq!(mantissa(scale, 4), None, "{scale}");
        }
    }
}
