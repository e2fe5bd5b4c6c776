//! Select instructions for a rule, and give its values registers.
//!
//! Reads: kernel, phase plan, structure.   Writes: [`Program`].
//! Method: one walk in evaluation order over the operations that a result needs; each becomes at
//! most one instruction and the alignments of its operands. Registers are given at definition and
//! taken back after the last use. Nothing is reordered, so the program computes what
//! `trifactor_quant::eval` computes, operation by operation.

use crate::structure::{ModulatorId, ProjectionId, Structure, TraceId};
use std::collections::BTreeMap;
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_entity::EntityId;
use trifactor_fixed::{RawRange, Rounding};
use trifactor_ir::{
    CheckedNetwork, Kernel, Op, Phase, PhaseId, PortId, Read, Role, StateId, ValueId, When, text,
};
use trifactor_isa::{
    Chip, Exponent, Field, Immediate, Inst, Left, LoadEpoch, LoadField, LoadLine, LoadSlot, R2,
    R2Left, R2Shift, R3, R3Shift, R4, Reg, Right, Site, Slot, Store,
};
use trifactor_quant::{OutputPlan, PhasePlan, Plan, StorePlan};

/// Registers of a lane.
const N_REGISTERS: u8 = 16;
/// Stands for the alignment of a value that is held to its bits: no value moves so far.
const HELD: i32 = i32::MAX;

/// What a load slot reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A trace of the pre or post lane.
    Trace(TraceId),
    /// A modulator.
    Modulator(ModulatorId),
}

/// A rule as microcode, not yet at an address.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    /// Instructions; the last is `halt`.
    pub code: Vec<Inst>,
    /// For each instruction, the kernel's line it comes from.
    pub lines: Vec<String>,
    /// For each instruction, where that line stands in the author's file, from 1; none for what
    /// no text was read for.
    pub written: Vec<Option<u32>>,
    /// For each instruction, the author's product that it is for, where the rule is a sum of such:
    /// its position in the kernel's list.
    pub terms: Vec<Option<u16>>,
    /// Slots 1, 2, ... of `ldx`.
    pub pre_slots: Vec<Source>,
    /// Slots 1, 2, ... of `ldy`.
    pub post_slots: Vec<Source>,
    /// Slots 0, 1, ... of `ldg`.
    pub global_slots: Vec<Source>,
}

struct Emitter<'a> {
    phase: &'a Phase,
    kernel: &'a Kernel,
    plan: &'a PhasePlan,
    structure: &'a Structure,
    fields: &'a [StateId],
    program: Program,
    /// Where a value, or a value shifted for alignment, is.
    place: BTreeMap<(ValueId, i32), Reg>,
    free: Vec<Reg>,
    /// Position after which a value is needed no more.
    last_use: Vec<usize>,
    /// The value whose register a value shares: itself, or the factor that 1 multiplies.
    same_as: Vec<ValueId>,
    line: String,
    written: Option<u32>,
    term: Option<u16>,
    full: bool,
}

/// Lowers the rule of a projection. Errors: `C013` to `C015`.
pub fn select(
    net: &CheckedNetwork,
    plan: &Plan,
    chip: &Chip,
    structure: &Structure,
    projection: ProjectionId,
) -> Result<Program, Diagnostics> {
    let rule: PhaseId = structure.projections[projection].rule.expect("internal: a rule to lower");
    let phase = &net.phases[rule];
    let kernel = &net.kernels[phase.kernel];
    let mut emitter = Emitter {
        phase,
        kernel,
        plan: &plan.phases[rule],
        structure,
        fields: &structure.projections[projection].fields,
        program: Program {
            code: Vec::new(),
            lines: Vec::new(),
            written: Vec::new(),
            terms: Vec::new(),
            pre_slots: Vec::new(),
            post_slots: Vec::new(),
            global_slots: Vec::new(),
        },
        place: BTreeMap::new(),
        free: (0..N_REGISTERS).rev().map(Reg::at).collect(),
        last_use: Vec::new(),
        same_as: Vec::new(),
        line: String::new(),
        written: None,
        term: None,
        full: false,
    };
    emitter.same_as = shared(kernel, emitter.plan);
    emitter.last_use = last_uses(kernel, emitter.plan, &emitter.same_as);
    emitter.run();
    let Emitter { program, full, .. } = emitter;
    let error = |code, message: String, hint: &str| {
        Err(Diagnostic::error(code, message).at(Place::at_key(&phase.key)).hint(hint).into())
    };
    if full {
        return error(
            "C013",
            format!(
                "the rule '{}' needs more than {N_REGISTERS} values at the same time, and a lane has that \
                 many registers",
                phase.name
            ),
            "compute shared factors later, or split the rule over two variables",
        );
    }
    let slots: [(_, _, _, fn(&Chip) -> u8); 3] = [
        (&program.pre_slots, chip.core.pre_columns, "pre", |c| c.core.pre_columns),
        (&program.post_slots, chip.core.post_columns, "post", |c| c.core.post_columns),
        (&program.global_slots, chip.core.modulator_lines, "global", |c| c.core.modulator_lines),
    ];
    for (list, allowed, side, has) in slots {
        let used = list.len();
        if used > usize::from(allowed) {
            let reads: Vec<String> =
                list.iter().map(|s| named(net, phase, kernel, structure, *s)).collect();
            let holding = Chip::builtin_list(|c| usize::from(has(c)) >= used);
            return error(
                "C014",
                format!(
                    "the rule '{}' reads {used} {side} traces and modulators, and a profile of the chip '{}' \
                     has {allowed} {side} slots",
                    phase.name, chip.name
                ),
                &format!(
                    "it reads {}; leave {} of them out, or take a chip with more slots: {holding}",
                    reads.join(", "),
                    used - usize::from(allowed)
                ),
            );
        }
    }
    if program.code.len() > chip.core.ucode_words as usize {
        return error(
            "C015",
            format!(
                "the rule '{}' takes {} microcode words, and a core of the chip '{}' has {}",
                phase.name,
                program.code.len(),
                chip.name,
                chip.core.ucode_words
            ),
            "simplify the rule",
        );
    }
    Ok(program)
}

/// A trace or modulator under the author's name, with the line that first reads it.
fn named(
    net: &CheckedNetwork,
    phase: &Phase,
    kernel: &Kernel,
    structure: &Structure,
    source: Source,
) -> String {
    let state = match source {
        Source::Trace(t) => structure.traces[t].state,
        Source::Modulator(m) => structure.modulators[m].state,
    };
    let port = phase.reads.iter().find(|(_, read)| **read == Read::State(state));
    let port = port.map(|(port, _)| port);
    let name = port.map_or_else(|| net.full_name(state), |p| kernel.ports[p].variable.clone());
    match port.and_then(|p| kernel.place_of(p)) {
        Some(place) => format!("{name} ({place})"),
        None => name,
    }
}

/// A constant that is a power of two is held as 1 with its own binary point (S60), so a product
/// with it that drops no bits has the raw value of the other factor: no instruction is needed.
fn shared(kernel: &Kernel, plan: &PhasePlan) -> Vec<ValueId> {
    let mut same: Vec<ValueId> = Vec::with_capacity(kernel.ops.len());
    for (id, op) in kernel.ops.iter() {
        let is_one =
            |v: ValueId| matches!(kernel.ops[v], Op::Const(_)) && plan.values[v].constant == 1;
        let whole = |id: ValueId| plan.values[id].shift == 0 && plan.values[id].hold == [None; 2];
        let factor = match *op {
            Op::Mul(a, b) if whole(id) && is_one(b) => Some(a),
            Op::Mul(a, b) if whole(id) && is_one(a) => Some(b),
            _ => None,
        };
        // A product of two constants stays an operation: constants have no register of their own.
        let factor = factor.filter(|f| !matches!(kernel.ops[*f], Op::Const(_)));
        same.push(factor.map_or(id, |f| same[f.index()]));
    }
    same
}

/// For each value, the position of the last operation that uses it or a value that shares its
/// register; outputs count as one more.
fn last_uses(kernel: &Kernel, plan: &PhasePlan, same_as: &[ValueId]) -> Vec<usize> {
    let mut last = vec![0; kernel.ops.len()];
    let needed = needed(kernel);
    for (id, op) in kernel.ops.iter() {
        if needed[id.index()] {
            for operand in op.operands() {
                last[same_as[operand.index()].index()] = id.index();
            }
        }
    }
    for output in &kernel.outputs {
        last[same_as[output.value.index()].index()] = kernel.ops.len();
    }
    for output in &plan.outputs {
        if let Some(StorePlan::Change { old, .. }) = output.store {
            last[same_as[old.index()].index()] = kernel.ops.len();
        }
    }
    last
}

/// Which values some result depends on.
pub(super) fn needed(kernel: &Kernel) -> Vec<bool> {
    let mut needed = vec![false; kernel.ops.len()];
    for output in &kernel.outputs {
        needed[output.value.index()] = true;
    }
    for (id, op) in kernel.ops.iter().rev() {
        if needed[id.index()] {
            for operand in op.operands() {
                needed[operand.index()] = true;
            }
        }
    }
    needed
}

/// The lines of the kernel's text form that define values, in order.
fn value_lines(kernel: &Kernel) -> Vec<String> {
    text::print_kernel(kernel)
        .lines()
        .map(str::trim)
        .filter(|l| l.contains(" = ") && !l.starts_with("set ") && !l.starts_with("add "))
        .map(str::to_owned)
        .collect()
}

impl Emitter<'_> {
    fn run(&mut self) {
        let needed = needed(self.kernel);
        let lines = value_lines(self.kernel);
        for (id, op) in self.kernel.ops.iter() {
            let shared = self.same_as[id.index()] != id;
            if !needed[id.index()] || shared || matches!(op, Op::Const(_)) {
                continue;
            }
            self.line = lines.get(id.index()).cloned().unwrap_or_default();
            self.written = self.kernel.written.lines.get(id.index()).copied();
            self.term = self.kernel.written.term(id);
            self.operation(id, op);
            self.release(id.index());
        }
        for j in 0..self.kernel.outputs.len() {
            self.store(j);
        }
        self.line = "end".to_owned();
        self.written = None;
        self.term = None;
        self.emit(Inst::Halt);
    }

    fn emit(&mut self, inst: Inst) {
        self.program.code.push(inst);
        self.program.lines.push(self.line.clone());
        self.program.written.push(self.written);
        self.program.terms.push(self.term);
    }

    fn new_register(&mut self) -> Reg {
        self.free.pop().unwrap_or_else(|| {
            self.full = true;
            Reg::at(0)
        })
    }

    /// A register for a result. Operands whose last use this is give theirs back first: an
    /// instruction reads before it writes.
    fn define(&mut self, id: ValueId) -> Reg {
        self.release(id.index());
        let reg = self.new_register();
        self.place.insert((id, 0), reg);
        reg
    }

    /// Gives back registers of values, aligned copies included, that no later operation uses.
    fn release(&mut self, position: usize) {
        let done: Vec<(ValueId, i32)> = self
            .place
            .keys()
            .copied()
            .filter(|(v, _)| self.last_use[v.index()] <= position)
            .collect();
        for key in done {
            if let Some(reg) = self.place.remove(&key) {
                self.free.push(reg);
            }
        }
    }

    /// The register that holds a value aligned by `shift` (S44).
    fn aligned(&mut self, v: ValueId, shift: i32) -> Reg {
        let v = self.same_as[v.index()];
        if let Some(reg) = self.place.get(&(v, shift)) {
            return *reg;
        }
        let reg = self.new_register();
        self.place.insert((v, shift), reg);
        if let Op::Const(_) = self.kernel.ops[v] {
            self.load_constant(reg, self.plan.values[v].constant, shift);
            return reg;
        }
        let ra = self.aligned(v, 0);
        let amount = shift.unsigned_abs();
        if shift > 0 {
            self.emit(Inst::Shl(R2Left { rd: reg, ra, shift: Left::at(amount.min(31) as u8) }));
        } else {
            self.emit(Inst::Shr(R2Shift {
                rd: reg,
                ra,
                shift: Right::at(amount.min(62) as u8),
                round: Rounding::Nearest,
                site: Site::at(0),
            }));
        }
        reg
    }

    /// The register that holds a factor within its bits (S84): a copy, as others may read all of it.
    fn held(&mut self, v: ValueId, range: Option<RawRange>) -> Reg {
        let ra = self.aligned(v, 0);
        if range.is_none() {
            return ra;
        }
        let v = self.same_as[v.index()];
        if let Some(reg) = self.place.get(&(v, HELD)) {
            return *reg;
        }
        let rd = self.new_register();
        self.place.insert((v, HELD), rd);
        self.emit(Inst::Shl(R2Left { rd, ra, shift: Left::at(0) }));
        self.hold(rd, range);
        rd
    }

    /// Constants have at most 15 significant bits (S60), so one immediate and a shift hold them.
    fn load_constant(&mut self, rd: Reg, raw: i64, shift: i32) {
        let aligned = trifactor_fixed::align(raw, shift, Rounding::Nearest, 0);
        let places = if aligned == 0 { 0 } else { aligned.trailing_zeros().min(31) };
        let (imm, places) =
            if i16::try_from(aligned).is_ok() { (aligned, 0) } else { (aligned >> places, places) };
        let imm =
            i16::try_from(imm).expect("internal: a constant has at most 15 significant bits (S60)");
        self.emit(Inst::Ldi(Immediate { rd, imm, shift: Left::at(places as u8) }));
    }

    fn operation(&mut self, id: ValueId, op: &Op) {
        let p = self.plan.values[id];
        match *op {
            Op::Const(_) => {}
            Op::Port(port) => {
                let rd = self.define(id);
                self.load(rd, port);
            }
            Op::Mul(a, b) => {
                let (ra, rb) = (self.held(a, p.hold[0]), self.held(b, p.hold[1]));
                let rd = self.define(id);
                self.emit(Inst::Mul(R3Shift {
                    rd,
                    ra,
                    rb,
                    shift: Right::at(p.shift.min(62) as u8),
                    round: p.rounding,
                    site: Site::at(p.site.min(31)),
                }));
            }
            Op::Add(a, b) if p.term.is_some() => self.accumulate(id, a, b, false),
            Op::Sub(a, b) if p.term.is_some() => self.accumulate(id, a, b, true),
            Op::Add(a, b) => self.three(id, a, b, Inst::Add),
            Op::Sub(a, b) => self.three(id, a, b, Inst::Sub),
            Op::Min(a, b) => self.three(id, a, b, Inst::Min),
            Op::Max(a, b) => self.three(id, a, b, Inst::Max),
            Op::Gt(a, b) => self.three(id, a, b, Inst::Gt),
            Op::Sgn(a) => {
                let ra = self.aligned(a, 0);
                let rd = self.define(id);
                self.emit(Inst::Sgn(R2 { rd, ra }));
            }
            Op::Step(a, _) => {
                let ra = self.aligned(a, 0);
                let zero = self.new_register();
                self.load_constant(zero, 0, 0);
                let rd = self.define(id);
                self.emit(Inst::Gt(R3 { rd, ra, rb: zero }));
                self.free.push(zero);
            }
            Op::Select { cond, then, other } => {
                let ra = self.aligned(cond, 0);
                let rb = self.aligned(then, p.align[0]);
                let rc = self.aligned(other, p.align[1]);
                let rd = self.define(id);
                self.emit(Inst::Sel(R4 { rd, ra, rb, rc }));
            }
            Op::Bump(..) => {
                unreachable!("internal: a forward phase holds no gradient operation (I12)")
            }
        }
    }

    fn three(&mut self, id: ValueId, a: ValueId, b: ValueId, inst: fn(R3) -> Inst) {
        let align = self.plan.values[id].align;
        let (ra, rb) = (self.aligned(a, align[0]), self.aligned(b, align[1]));
        let rd = self.define(id);
        self.emit(inst(R3 { rd, ra, rb }));
        self.hold(rd, self.plan.values[id].limit);
    }

    /// Adds a product, moved to the binary point of the accumulator (S84). The product itself
    /// may be needed again, so it is moved in a register of its own.
    fn accumulate(&mut self, id: ValueId, a: ValueId, b: ValueId, turned: bool) {
        let p = self.plan.values[id];
        let term = p.term.expect("internal: an accumulation has a term");
        let (ra, rb) = (self.aligned(a, p.align[0]), self.aligned(b, 0));
        let own = self.new_register();
        let (shift, round, site) =
            (Right::at(term.right.min(62) as u8), Rounding::Floor, Site::at(0));
        let mut at = rb;
        if turned {
            self.load_constant(own, -1, 0);
            self.emit(Inst::Mul(R3Shift { rd: own, ra: rb, rb: own, shift, round, site }));
            at = own;
        } else if term.right > 0 {
            self.emit(Inst::Shr(R2Shift { rd: own, ra: rb, shift, round, site }));
            at = own;
        }
        // An instruction copies nothing, so a product that is only held is moved by no place.
        if term.left > 0 || (term.limit.is_some() && at != own) {
            let shift = Left::at(term.left.min(31) as u8);
            self.emit(Inst::Shl(R2Left { rd: own, ra: at, shift }));
            at = own;
        }
        self.hold(own, term.limit);
        let rd = self.define(id);
        self.emit(Inst::Add(R3 { rd, ra, rb: at }));
        self.hold(rd, p.limit);
        self.free.push(own);
    }

    /// Holds a register to a range.
    fn hold(&mut self, rd: Reg, limit: Option<RawRange>) {
        let Some(RawRange { lo, hi }) = limit else { return };
        let bound = self.new_register();
        self.load_wide(bound, hi);
        self.emit(Inst::Min(R3 { rd, ra: rd, rb: bound }));
        self.load_wide(bound, lo);
        self.emit(Inst::Max(R3 { rd, ra: rd, rb: bound }));
        self.free.push(bound);
    }

    /// A number that one immediate may not hold, in up to 30 bits.
    fn load_wide(&mut self, rd: Reg, raw: i64) {
        const LOW: u32 = 14;
        if i16::try_from(raw >> raw.trailing_zeros().min(31)).is_ok() {
            return self.load_constant(rd, raw, 0);
        }
        let low = self.new_register();
        self.load_constant(rd, raw >> LOW << LOW, 0);
        self.load_constant(low, raw & ((1 << LOW) - 1), 0);
        self.emit(Inst::Add(R3 { rd, ra: rd, rb: low }));
        self.free.push(low);
    }

    fn load(&mut self, rd: Reg, port: PortId) {
        let p = &self.kernel.ports[port];
        let when = match p.when {
            When::End => trifactor_isa::When::End,
            When::AtPre => trifactor_isa::When::X0,
            When::AtPost => trifactor_isa::When::Y0,
        };
        let inst = match (p.role, self.phase.reads[port]) {
            (Role::Every(k), _) => Inst::Ldu(LoadEpoch { rd, k: Exponent::at(k.min(15)) }),
            (Role::Own, Read::State(state)) => {
                let field = self.fields.iter().position(|f| *f == state);
                let field =
                    field.expect("internal: a rule reads a synapse variable without a field");
                Inst::Lds(LoadField { rd, field: Field::at(field as u8) })
            }
            (Role::Global, Read::State(state)) => {
                let source = self.source(state);
                let slot = slot_of(&mut self.program.global_slots, source, Slot::MAX);
                Inst::Ldg(LoadLine { rd, slot: Slot::at(slot) })
            }
            (Role::Pre, read) => {
                let slot = self.lane_slot(read, true);
                Inst::Ldx(LoadSlot { rd, slot: Slot::at(slot), when, prev: p.prev })
            }
            (Role::Post, read) => {
                let slot = self.lane_slot(read, false);
                Inst::Ldy(LoadSlot { rd, slot: Slot::at(slot), when, prev: p.prev })
            }
            (role, read) => unreachable!("internal: {role:?} bound to {read:?} (I6)"),
        };
        self.emit(inst);
    }

    /// Slot 0 is the spike flag; traces and modulators follow from 1.
    fn lane_slot(&mut self, read: Read, pre: bool) -> u8 {
        let Read::State(state) = read else { return 0 };
        let source = self.source(state);
        let slots = if pre { &mut self.program.pre_slots } else { &mut self.program.post_slots };
        1 + slot_of(slots, source, Slot::MAX - 1)
    }

    fn source(&self, state: StateId) -> Source {
        let trace = self.structure.traces.find(|t| t.state == state).map(Source::Trace);
        let modulator = || self.structure.modulators.find(|m| m.state == state);
        trace.or_else(|| modulator().map(Source::Modulator)).expect(
            "internal: a rule reads a lane's state that is neither trace nor modulator (I7)",
        )
    }

    fn store(&mut self, j: usize) {
        let output = &self.kernel.outputs[j];
        let state = self.phase.writes[j];
        self.line = format!("set {}", output.variable);
        self.written = self.kernel.written.outputs.get(j).copied();
        self.term = None;
        let field = self.fields.iter().position(|f| *f == state);
        let field = field.expect("internal: a rule sets a variable without a field");
        let p = self.plan.outputs[j];
        let field = Field::at(field as u8);
        let (shift, round, site) = match p.store {
            Some(_) => (0, Rounding::Floor, 0),
            None => (p.shift.clamp(0, 62) as u8, p.rounding, p.site.min(31)),
        };
        let ra = match p.store {
            Some(store) => self.apart(output.value, &p, store),
            None => self.aligned(output.value, (-p.shift).max(0)),
        };
        let (shift, site) = (Right::at(shift), Site::at(site));
        self.emit(Inst::Sts(Store { field, ra, shift, round, site }));
        if p.store.is_some() {
            self.free.push(ra);
        }
    }

    /// What a store of S90 or S91 puts into the variable, in a register of its own: the magnitude
    /// is rounded, and the sign and the old value come back.
    fn apart(&mut self, value: ValueId, p: &OutputPlan, store: StorePlan) -> Reg {
        let (rd, sign) = (self.new_register(), self.new_register());
        let fraction = p.shift.clamp(0, 62) as u8;
        let mut from = self.aligned(value, 0);
        if let StorePlan::Change { old, .. } = store {
            let old = self.aligned(old, 0);
            let shift = Left::at(fraction.min(31));
            self.emit(Inst::Shl(R2Left { rd, ra: old, shift }));
            self.emit(Inst::Sub(R3 { rd, ra: from, rb: rd }));
            from = rd;
        }
        let right = |shift: u8, round, site: u8| R2Shift {
            rd,
            ra: rd,
            shift: Right::at(shift),
            round,
            site: Site::at(site.min(31)),
        };
        self.emit(Inst::Sgn(R2 { rd: sign, ra: from }));
        self.emit(Inst::Mul(exact(rd, from, sign)));
        match store {
            StorePlan::Magnitude => {
                self.emit(Inst::Shr(right(fraction, p.rounding, p.site)));
            }
            StorePlan::Change { step, .. } => {
                let rest = self.new_register();
                self.load_wide(rest, (1 << fraction.min(31)) - 1);
                self.emit(Inst::Add(R3 { rd, ra: rd, rb: rest }));
                self.free.push(rest);
                self.emit(Inst::Shr(right(fraction, Rounding::Floor, 0)));
                if step > 0 {
                    self.emit(Inst::Shr(right(step, p.rounding, p.site)));
                    self.emit(Inst::Shl(R2Left { rd, ra: rd, shift: Left::at(step) }));
                }
            }
        }
        self.emit(Inst::Mul(exact(rd, rd, sign)));
        if let StorePlan::Change { old, .. } = store {
            let old = self.aligned(old, 0);
            self.emit(Inst::Add(R3 { rd, ra: rd, rb: old }));
        }
        self.free.push(sign);
        rd
    }
}

/// A product of which nothing is dropped.
fn exact(rd: Reg, ra: Reg, rb: Reg) -> R3Shift {
    R3Shift { rd, ra, rb, shift: Right::at(0), round: Rounding::Floor, site: Site::at(0) }
}

/// The position of a source in a slot list, added at the end if new; at most `last`, so that an
/// over-long list still makes legal words (the list's length is then refused).
fn slot_of(slots: &mut Vec<Source>, source: Source, last: u8) -> u8 {
    let at = slots.iter().position(|s| *s == source).unwrap_or_else(|| {
        slots.push(source);
        slots.len() - 1
    });
    u8::try_from(at).map_or(last, |at| at.min(last))
}
