//! The plan's types, and the pass that makes it.
//!
//! Reads: checked network, chip widths, the author's format requests.   Writes: [`Plan`].
//! Gives: no engine register can overflow for any reachable input; every rounding has a bound.

use crate::{formats, kernel, warn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use trifactor_diag::Diagnostics;
use trifactor_entity::SideTable;
use trifactor_fixed::{
    DecayCode, NeuronArithmetic, Overflow, QFormat, RawRange, Rounding, clamp_raw,
};
use trifactor_ir::{CheckedNetwork, PhaseId, StateId, ValueId};
use trifactor_isa::Chip;

/// What the author asks of one state, under its full name (`ff.w`, `hidden.v`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FormatRequest {
    /// Stored bits, the sign included.
    pub bits: Option<u8>,
    /// Fraction bits.
    pub frac: Option<i8>,
    /// Whether there is a sign.
    pub signed: Option<bool>,
    /// Rounding when the state is stored.
    pub rounding: Option<Rounding>,
}

/// Format requests by full state name.
pub type Requests = BTreeMap<String, FormatRequest>;

/// How a real value becomes a raw one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Encoding {
    /// Nearest multiple of the last place.
    Plain,
    /// The surviving fraction of a decay register (S45), which is read so.
    Decay(DecayCode),
}

/// The format of a state.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StateFormat {
    /// Bits and binary point.
    pub q: QFormat,
    /// How a store into it rounds.
    pub rounding: Rounding,
    /// What a store does with a value out of range.
    pub overflow: Overflow,
    /// Raw values it can take: of the format, narrowed by the author's range.
    pub raw: RawRange,
    /// How a real value becomes a raw one.
    pub encoding: Encoding,
}

impl StateFormat {
    /// The raw value of a parameter or initial value (S62).
    pub fn quantise(&self, value: f64) -> i64 {
        match self.encoding {
            Encoding::Plain => clamp_raw(self.q.quantise(value), self.raw),
            Encoding::Decay(code) => {
                let bits = self.q.frac.unsigned_abs();
                code.keep_raw(code.register(value, bits), bits)
            }
        }
    }
    /// The real value of a raw one.
    pub fn value(&self, raw: i64) -> f64 {
        self.q.to_f64(raw)
    }
}

/// How one operation is carried out in integers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ValuePlan {
    /// Fraction bits of the result.
    pub frac: i16,
    /// Constants: the raw value.
    pub constant: i64,
    /// Products: right shift of the exact product.
    pub shift: u32,
    /// Operand alignment of two-operand operations other than products, and of the two choices
    /// of a selection: left for positive, right (rounded to nearest) for negative.
    pub align: [i32; 2],
    /// Rounding of `shift`.
    pub rounding: Rounding,
    /// Draw site of a stochastic `shift`.
    pub site: u8,
    /// The result is fitted to so many bits, signed (24 in the compartment, else 32).
    pub bits: u8,
    /// What becomes of a result that does not fit.
    pub overflow: Overflow,
    /// Reachable raw values.
    pub raw: RawRange,
    /// Bound on |fixed - float| for one evaluation, in the author's units.
    pub bound: f64,
}

/// How one result is stored.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OutputPlan {
    /// Right shift from the value's binary point to the state's; negative: left.
    pub shift: i32,
    /// Rounding of a right shift.
    pub rounding: Rounding,
    /// Draw site of a stochastic shift.
    pub site: u8,
    /// Bound on |fixed - float| of the stored state after one evaluation, in the author's units.
    pub bound: f64,
}

/// The plan of one phase.
#[derive(Clone, PartialEq, Debug)]
pub struct PhasePlan {
    /// One entry per operation of the kernel.
    pub values: SideTable<ValueId, ValuePlan>,
    /// One entry per output.
    pub outputs: Vec<OutputPlan>,
}

/// Formats and binary points for a whole network on one chip.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// Hash of the chip description it was made for.
    pub chip_hash: String,
    /// Arithmetic of the chip's neurons and deliveries, as far as it is not in the values' plans.
    pub neuron: NeuronArithmetic,
    /// One format per state.
    pub states: SideTable<StateId, StateFormat>,
    /// One plan per phase.
    pub phases: SideTable<PhaseId, PhasePlan>,
}

impl Plan {
    /// The plan as text, one line per state and value; what [`Plan::hash`] hashes.
    pub fn print(&self, net: &CheckedNetwork) -> String {
        let mut out = String::new();
        if !self.neuron.is_own() {
            let _ = writeln!(out, "neuron {:?}", self.neuron);
        }
        for (id, f) in self.states.iter() {
            let _ = writeln!(
                out,
                "state {} {} raw {}..={} {:?} {:?}",
                net.full_name(id),
                f.q,
                f.raw.lo,
                f.raw.hi,
                f.rounding,
                f.overflow
            );
        }
        for (id, phase) in self.phases.iter() {
            let _ = writeln!(out, "phase {}", net.phases[id].name);
            for (v, p) in phase.values.iter() {
                let _ = writeln!(
                    out,
                    "  {v} frac {} raw {}..={} shift {} align {:?} {:?} site {} bits {} const {} bound {:e}",
                    p.frac,
                    p.raw.lo,
                    p.raw.hi,
                    p.shift,
                    p.align,
                    p.rounding,
                    p.site,
                    p.bits,
                    p.constant,
                    p.bound
                );
                if p.overflow != Overflow::Saturate {
                    let _ = writeln!(out, "  {v} {:?}", p.overflow);
                }
            }
            for (output, p) in net.kernels[net.phases[id].kernel].outputs.iter().zip(&phase.outputs)
            {
                let _ = writeln!(
                    out,
                    "  {} shift {} {:?} site {} bound {:e}",
                    output.variable, p.shift, p.rounding, p.site, p.bound
                );
            }
        }
        out
    }
    /// Hash of everything the plan decides, hex.
    pub fn hash(&self, net: &CheckedNetwork) -> String {
        blake3::hash(self.print(net).as_bytes()).to_hex().to_string()
    }
}

/// Chooses formats and binary points, and predicts errors.
///
/// Errors: `Q0xx` diagnostics in the author's names, for requests the chip cannot hold, ranges
/// that no format holds and kernels whose intermediate values cannot be kept in 32 bits. The
/// warnings returned beside the plan name what will be lost.
pub fn plan(
    net: &CheckedNetwork,
    chip: &Chip,
    requests: &Requests,
) -> Result<(Plan, Diagnostics), Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let states = formats::choose(net, chip, requests, &mut diagnostics)?;
    let phases = SideTable::for_each(&net.phases, |_, phase| {
        kernel::plan_phase(net, chip, phase, &states, &mut diagnostics)
    });
    let neuron = chip.arithmetic.neuron;
    let plan = Plan { chip_hash: chip.hash(), neuron, states, phases };
    warn::losses(net, &plan, &mut diagnostics);
    diagnostics.into_result(plan)
}
