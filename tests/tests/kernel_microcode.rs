//! Microcode computes what the fixed reading of its kernel computes, bit for bit.
//!
//! The words are executed by an interpreter that knows the instruction table only; draws, stores
//! and saturation flags are compared as well.

// A test of thousands of cases says what it covered.
#![allow(clippy::print_stderr)]

use trifactor_compile::lower::{self, Program, Source};
use trifactor_compile::structure::{self, Structure};
use trifactor_entity::SideTable;
use trifactor_ir::{PortId, Read, Role};
use trifactor_isa::When;
use trifactor_quant::{eval, store};
use trifactor_testkit::cases::{self, KernelCase};
use trifactor_testkit::isa_oracle::{Stored, Surroundings, run};
use trifactor_testkit::{Rng, chips};

const EVALUATIONS: usize = 8;

#[test]
fn microcode_equals_the_fixed_reading_in_every_store() {
    let chip = chips::superset();
    let (mut compiled, mut refused, mut words, mut saturated) = (0u32, 0u32, 0, 0u32);
    for case in cases::kernels() {
        let structure = structure::read(&case.net).expect("a drawn rule has a projection");
        let lowered = match lower::lower(&case.net, &case.plan, &chip, &structure) {
            Ok(lowered) => lowered,
            Err(findings) => {
                let text = findings.to_string();
                assert!(text.contains("C013"), "seed {}: {text}", case.seed);
                refused += 1;
                continue;
            }
        };
        compiled += 1;
        let rule = structure.projections.find(|p| p.rule == Some(case.rule)).expect("one rule");
        let program = lowered.projections[rule].program.as_ref().expect("a rule has a program");
        let code: Vec<u32> = program.code.iter().map(|i| i.encode()).collect();
        words += code.len();
        let kernel = &case.net.kernels[case.phase().kernel];
        let plan = &case.plan.phases[case.rule];
        let mut rng = Rng::new(case.seed);
        for _ in 0..EVALUATIONS {
            let raw = case.inputs(&mut rng);
            let key = rng.bits() as u32;
            let draws = |site: u8| cases::draw(key, site);
            let values = eval(kernel, plan, &raw, &draws);
            let fields = &structure.projections[rule].fields;
            let expected: Vec<Stored> = kernel
                .outputs
                .iter()
                .zip(&plan.outputs)
                .zip(&case.phase().writes)
                .map(|((output, p), state)| {
                    let format = &case.plan.states[*state];
                    let (raw, saturated) = store(&values, output.value, p, format, &draws);
                    let field = fields.iter().position(|f| f == state).expect("a field");
                    Stored { field, raw, saturated }
                })
                .collect();
            let lane = Lane { case: &case, structure: &structure, program, fields, raw, key };
            let stores = run(&code, &lane)
                .unwrap_or_else(|trap| panic!("seed {}: {trap:?}\n{}", case.seed, case.listing()));
            assert_eq!(stores, expected, "seed {}\n{}", case.seed, case.listing());
            saturated += stores.iter().map(|s| u32::from(s.saturated)).sum::<u32>();
        }
    }
    eprintln!(
        "{compiled} programs of {:.1} words, {refused} refused for lack of registers, {saturated} saturated stores",
        words as f64 / f64::from(compiled)
    );
    assert!(refused * 20 < compiled, "{refused} of {compiled} rules do not fit the registers");
    assert!(saturated > 0, "no store saturated, so saturation is untested");
}

/// One synapse as the oracle sees it: a load finds the raw input of the port it was made for.
struct Lane<'a> {
    case: &'a KernelCase,
    structure: &'a Structure,
    program: &'a Program,
    fields: &'a [trifactor_ir::StateId],
    raw: SideTable<PortId, i64>,
    key: u32,
}

impl Lane<'_> {
    fn find(&self, wanted: impl Fn(PortId, Role, Read) -> bool) -> i64 {
        let phase = self.case.phase();
        let kernel = &self.case.net.kernels[phase.kernel];
        let port = kernel
            .ports
            .iter()
            .find(|(id, p)| wanted(*id, p.role, phase.reads[*id]))
            .map(|(id, _)| id);
        self.raw[port.expect("a program loads only what its kernel reads")]
    }
    fn timed(&self, port: PortId, when: When, prev: bool) -> bool {
        let kernel = &self.case.net.kernels[self.case.phase().kernel];
        let p = &kernel.ports[port];
        let same = match p.when {
            trifactor_ir::When::End => when == When::End,
            trifactor_ir::When::AtPre => when == When::X0,
            trifactor_ir::When::AtPost => when == When::Y0,
        };
        same && p.prev == prev
    }
    fn side(&self, role: Role, sources: &[Source], slot: usize, when: When, prev: bool) -> i64 {
        if slot == 0 {
            return self.find(|_, r, read| r == role && matches!(read, Read::SpikedInEpoch(_)));
        }
        let state = self.state(sources[slot - 1]);
        self.find(|id, r, read| {
            r == role && read == Read::State(state) && self.timed(id, when, prev)
        })
    }
    fn state(&self, source: Source) -> trifactor_ir::StateId {
        match source {
            Source::Trace(t) => self.structure.traces[t].state,
            Source::Modulator(m) => self.structure.modulators[m].state,
        }
    }
}

impl Surroundings for Lane<'_> {
    fn field(&self, field: usize) -> i64 {
        let state = self.fields[field];
        self.find(|_, role, read| role == Role::Own && read == Read::State(state))
    }
    fn pre(&self, slot: usize, when: When, prev: bool) -> i64 {
        self.side(Role::Pre, &self.program.pre_slots, slot, when, prev)
    }
    fn post(&self, slot: usize, when: When, prev: bool) -> i64 {
        self.side(Role::Post, &self.program.post_slots, slot, when, prev)
    }
    fn global(&self, slot: usize) -> i64 {
        let state = self.state(self.program.global_slots[slot]);
        self.find(|_, role, read| role == Role::Global && read == Read::State(state))
    }
    fn every(&self, k: u32) -> bool {
        self.find(|_, role, _| matches!(role, Role::Every(e) if u32::from(e) == k)) != 0
    }
    fn draw(&self, site: u8) -> u32 {
        cases::draw(self.key, site)
    }
    fn range(&self, field: usize) -> (i64, i64) {
        let raw = self.case.plan.states[self.fields[field]].raw;
        (raw.lo, raw.hi)
    }
}
