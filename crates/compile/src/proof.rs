//! Hold every program against its rule before it is placed.
//!
//! Reads: network, plan, structure, programs.   Writes: one [`RuleProof`] per rule.
//! The proof itself is that of `trifactor-prove`, which shares no code with [`crate::lower`]; here
//! is only said what fields and slots stand for. The words are those that the image gets.

use crate::lower::{Lowered, Program, Source};
use crate::structure::{ProjectionId, Structure};
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_image::Guard;
use trifactor_ir::{CheckedNetwork, Group, PhaseId, StateId};
use trifactor_prove::{Layout, Proof, Refusal, Side, prove, prove_plan};
use trifactor_quant::Plan;

/// A rule whose program computes it.
#[derive(Clone, Debug)]
pub struct RuleProof {
    /// The projection that learns by it.
    pub projection: ProjectionId,
    /// Its phase.
    pub rule: PhaseId,
    /// What was proved.
    pub proof: Proof,
}

/// What the fields and slots of a program stand for, and when it is skipped.
pub fn layout(
    structure: &Structure,
    projection: ProjectionId,
    program: &Program,
    guard: Guard,
) -> Layout {
    let states = |list: &[Source]| -> Vec<StateId> {
        let state = |source: &Source| match *source {
            Source::Trace(t) => structure.traces[t].state,
            Source::Modulator(m) => structure.modulators[m].state,
        };
        list.iter().map(state).collect()
    };
    Layout {
        fields: structure.projections[projection].fields.clone(),
        pre: states(&program.pre_slots),
        post: states(&program.post_slots),
        global: states(&program.global_slots),
        skipped_without: match guard {
            Guard::Always => Vec::new(),
            Guard::Pre => vec![Side::Pre],
            Guard::Post => vec![Side::Post],
            Guard::PreOrPost => vec![Side::Pre, Side::Post],
        },
    }
}

/// Proves every rule. Errors: `C050`.
pub fn proofs(
    net: &CheckedNetwork,
    plan: &Plan,
    structure: &Structure,
    lowered: &Lowered,
) -> Result<Vec<RuleProof>, Diagnostics> {
    let mut found = Diagnostics::new();
    let mut proofs = Vec::new();
    for (projection, l) in lowered.projections.iter() {
        let (Some(rule), Some(program)) = (structure.projections[projection].rule, &l.program)
        else {
            continue;
        };
        let words: Vec<u32> = program.code.iter().map(|inst| inst.encode()).collect();
        let layout = layout(structure, projection, program, l.guard);
        match prove(net, plan, rule, &layout, &words) {
            Ok(proof) => proofs.push(RuleProof { projection, rule, proof }),
            Err(why) => found.push(refused(net, rule, &why)),
        }
    }
    found.into_result(proofs).map(|(proofs, _)| proofs)
}

/// Proves that a plan is one of the network's rules. A plan that was chosen by
/// [`plan`](trifactor_quant::plan()) always is; tests change plans by hand and compile them.
///
/// Errors: `C050`.
pub fn plan_of_rules(net: &CheckedNetwork, plan: &Plan) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::new();
    for (rule, phase) in net.phases.iter() {
        if phase.group == Group::Plasticity
            && let Err(why) = prove_plan(net, plan, rule)
        {
            found.push(refused(net, rule, &why));
        }
    }
    found.into_result(()).map(|((), _)| ())
}

fn refused(net: &CheckedNetwork, rule: PhaseId, why: &Refusal) -> Diagnostic {
    let phase = &net.phases[rule];
    let message = format!("the microcode of the rule '{}' is not accepted: {why}", phase.name);
    Diagnostic::error("C050", message)
        .at(Place::at_key(&phase.key))
        .hint("this is a defect of the compiler, not of the model; please report it with the model")
}
