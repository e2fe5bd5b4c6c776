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
    DecayCode, LearningArithmetic, NeuronArithmetic, Overflow, QFormat, RawRange, Rounding, align,
    clamp_raw, mul_round, round_shift,
};
use trifactor_ir::sop::{WrittenProduct, written_products};
use trifactor_ir::{CheckedNetwork, Group, PhaseId, Read, Role, StateId, ValueId};
use trifactor_isa::{Chip, ProductForm};

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
    Decay {
        /// How the register is read.
        code: DecayCode,
        /// Steps for which the register's factor stands; the value is that of one (S88).
        steps: u32,
    },
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
            Encoding::Decay { code, .. } => {
                let register = self.register(value).expect("internal: a decay has a register");
                code.keep_raw(register, self.q.frac.unsigned_abs())
            }
        }
    }
    /// The decay register of the factor of a step; `None` for what is no such factor.
    pub fn register(&self, keep: f64) -> Option<u32> {
        match self.encoding {
            Encoding::Plain => None,
            Encoding::Decay { code, steps } => {
                let factor = if steps == 1 { keep } else { keep.powi(steps as i32) };
                Some(code.register(factor, self.q.frac.unsigned_abs()))
            }
        }
    }
    /// The real value of a raw one.
    pub fn value(&self, raw: i64) -> f64 {
        match self.encoding {
            Encoding::Decay { steps, .. } if steps > 1 => {
                self.q.to_f64(raw).powf(1.0 / f64::from(steps))
            }
            _ => self.q.to_f64(raw),
        }
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
    /// What the result saturates to after that, where it can reach further and a factor or an
    /// accumulator of a sum of products holds less (S84).
    pub limit: Option<RawRange>,
    /// Sums of products: what the operands of a product saturate to first, where they can reach
    /// further (S84).
    pub hold: [Option<RawRange>; 2],
    /// Sums of products: how the right operand, a product, comes to the left one's binary point.
    pub term: Option<TermPlan>,
    /// Reachable raw values.
    pub raw: RawRange,
    /// Bound on |fixed - float| for one evaluation, in the author's units.
    pub bound: f64,
}

/// How a product comes to an accumulator (S84).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TermPlan {
    /// Places to the right, towards minus infinity; what they drop is lost.
    pub right: u32,
    /// Then, places to the left.
    pub left: u32,
    /// What it saturates to after that, where it can reach further.
    pub limit: Option<RawRange>,
}

impl TermPlan {
    /// What is added for a product, which a difference turns round first.
    pub fn moved(&self, product: i64, turned: bool) -> i64 {
        let down = if turned {
            mul_round(product, -1, self.right, Rounding::Floor, 0)
        } else {
            round_shift(product, self.right, Rounding::Floor, 0)
        };
        let up = align(down, self.left as i32, Rounding::Floor, 0);
        self.limit.map_or(up, |range| clamp_raw(up, range))
    }
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
    /// How it is stored, where that is not S42.
    pub store: Option<StorePlan>,
    /// Bound on |fixed - float| of the stored state after one evaluation, in the author's units.
    pub bound: f64,
}

/// A store of an engine of sums of products.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum StorePlan {
    /// The shift rounds a magnitude (S90).
    Magnitude,
    /// The shift brings a change up to a whole number; the rounding then drops its last bits, and
    /// the old value is added (S91).
    Change {
        /// The variable's old value.
        old: ValueId,
        /// Bits that the rounding drops.
        step: u8,
    },
}

/// The plan of one phase.
#[derive(Clone, PartialEq, Debug)]
pub struct PhasePlan {
    /// One entry per operation of the kernel.
    pub values: SideTable<ValueId, ValuePlan>,
    /// One entry per output.
    pub outputs: Vec<OutputPlan>,
    /// The form of its products, where its constants are those of such a form (S63).
    pub form: Option<ProductForm>,
}

/// Formats and binary points for a whole network on one chip.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// Hash of the chip description it was made for.
    pub chip_hash: String,
    /// Arithmetic of the chip's neurons and deliveries, as far as it is not in the values' plans.
    pub neuron: NeuronArithmetic,
    /// Arithmetic of the chip's traces and rules where they are not those of S30 to S48.
    pub learning: Option<LearningArithmetic>,
    /// One format per state.
    pub states: SideTable<StateId, StateFormat>,
    /// One plan per phase.
    pub phases: SideTable<PhaseId, PhasePlan>,
}

impl Plan {
    /// Stream of the draws of a phase (S52). Where lanes share a draw, so do the traces of a
    /// population: theirs is the first one's (S83).
    pub fn stream(&self, net: &CheckedNetwork, phase: PhaseId) -> u32 {
        let own = &net.phases[phase];
        if own.group != Group::Traces || !self.learning.is_some_and(|a| a.one_draw) {
            return own.stream;
        }
        let same = |p: &&trifactor_ir::Phase| p.group == Group::Traces && p.over == own.over;
        net.phases.values().filter(same).map(|p| p.stream).min().unwrap_or(own.stream)
    }
    /// The plan as text, one line per state and value; what [`Plan::hash`] hashes.
    pub fn print(&self, net: &CheckedNetwork) -> String {
        let mut out = String::new();
        if !self.neuron.is_own() {
            let _ = writeln!(out, "neuron {:?}", self.neuron);
        }
        if let Some(learning) = &self.learning {
            let _ = writeln!(out, "learning {learning:?}");
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
            if let Some(products) = phase.form.and(written_products(net, &net.phases[id])) {
                let flag = |p: &WrittenProduct| usize::from(p.gate(&net.phases[id]).is_some());
                let factors = products.iter().map(|p| p.factors.len() - flag(p)).max();
                let (n, most) = (products.len(), factors.unwrap_or(0));
                let _ = writeln!(out, "  a sum of {n} products, each of {most} factors at most");
            }
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
                if let Some(TermPlan { right, left, limit }) = p.term {
                    let _ = writeln!(out, "  {v} product right {right} left {left} {limit:?}");
                }
                if let Some(RawRange { lo, hi }) = p.limit {
                    let _ = writeln!(out, "  {v} held to {lo}..={hi}");
                }
                for RawRange { lo, hi } in p.hold.into_iter().flatten() {
                    let _ = writeln!(out, "  {v} factor held to {lo}..={hi}");
                }
            }
            for (output, p) in net.kernels[net.phases[id].kernel].outputs.iter().zip(&phase.outputs)
            {
                let _ = writeln!(
                    out,
                    "  {} shift {} {:?} site {} bound {:e}",
                    output.variable, p.shift, p.rounding, p.site, p.bound
                );
                if let Some(store) = p.store {
                    let _ = writeln!(out, "  {} {store:?}", output.variable);
                }
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
    let (neuron, learning) = (chip.arithmetic.neuron, chip.arithmetic.learning);
    let plan = Plan { chip_hash: chip.hash(), neuron, learning, states, phases };
    warn::losses(net, &plan, &mut diagnostics);
    diagnostics.into_result(plan)
}

/// The sides of synapses, pre and post, on which rules read a trace.
pub fn trace_sides(net: &trifactor_ir::Network, trace: StateId) -> Vec<Role> {
    let reads_on = |side: &Role| {
        net.phases.values().any(|phase| {
            let ports = &net.kernels[phase.kernel].ports;
            let read_so =
                |(port, read): (_, &Read)| *read == Read::State(trace) && ports[port].role == *side;
            phase.group == Group::Plasticity && phase.reads.iter().any(read_so)
        })
    };
    [Role::Pre, Role::Post].into_iter().filter(reads_on).collect()
}
