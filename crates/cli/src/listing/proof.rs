//! Proofs: each instruction of a rule beside the values and the expression of its result.

use super::line;
use crate::exit::Fault;
use crate::source::Ready;
use trifactor_compile::proof::RuleProof;
use trifactor_compile::structure;
use trifactor_ir::CheckedNetwork;
use trifactor_prove::{Reach, TermId, Verdict};

/// Operations of an expression that stand beside an instruction.
const DEPTH: usize = 3;

/// Lists what was proved of every rule.
pub fn proofs(ready: &Ready) -> Result<String, Fault> {
    let net = &ready.prepared.network;
    let structure = structure::read(net)?;
    let mut out = String::new();
    for proved in &ready.prepared.compiled.proofs {
        let projection = &net.spaces[structure.projections[proved.projection].space].name;
        line(&mut out, format_args!("; {} of {projection}", net.phases[proved.rule].key));
        line(&mut out, format_args!("; {}", proved.proof.summary()));
        rule(&mut out, ready, proved);
        out.push('\n');
    }
    if out.is_empty() {
        out.push_str("; no projection has a rule\n");
    }
    Ok(out)
}

fn rule(out: &mut String, ready: &Ready, proved: &RuleProof) {
    let net = &ready.prepared.network;
    let proof = &proved.proof;
    let (mut writes, mut stores) = (0, 0);
    let mut rows: Vec<[String; 4]> = Vec::new();
    for inst in &proof.program.code {
        let text = inst.to_string();
        let next = proof.program.writes.get(writes).filter(|w| w.at == rows.len());
        let cells = if let Some(write) = next {
            let reach = &proof.reach[writes];
            writes += 1;
            let expression = proof.terms.show(net, write.holds, DEPTH);
            [text, values(reach), point(proved, write.holds), note(net, expression, reach)]
        } else if text.starts_with("sts") {
            let stored = proof.program.stores[stores];
            stores += 1;
            let format = &ready.prepared.plan.states[stored.state];
            let (name, kept) = (&net.states[stored.state].name, format.raw);
            let expression = proof.terms.show(net, stored.value, DEPTH);
            let values = format!("{} to {}", kept.lo, kept.hi);
            [text, values, format!("frac {}", format.q.frac), format!("{name} := {expression}")]
        } else {
            [text, String::new(), String::new(), String::new()]
        };
        rows.push(cells);
    }
    let width = |k: usize| rows.iter().map(|r| r[k].chars().count()).max().unwrap_or(0);
    let (a, b, c) = (width(0), width(1), width(2));
    for [text, values, point, expression] in &rows {
        let row = format!("{text:a$}  ; {values:b$}  {point:c$}  {expression}");
        line(out, format_args!("{}", row.trim_end().trim_end_matches(';').trim_end()));
    }
}

fn values(reach: &Reach) -> String {
    format!("{} to {}", reach.range.lo, reach.range.hi)
}

/// The binary point that the plan gives to a term; some, such as aligned operands, have no name.
fn point(proved: &RuleProof, term: TermId) -> String {
    let of = proved.proof.meaning.values.iter().find(|(t, _)| *t == term);
    of.map_or_else(String::new, |(_, frac)| format!("frac {frac}"))
}

fn note(net: &CheckedNetwork, expression: String, reach: &Reach) -> String {
    match &reach.verdict {
        Verdict::Fits => expression,
        Verdict::Clamped => format!("{expression}, which its store clamps"),
        Verdict::Open(None) => format!("{expression}: MAY SATURATE, no inputs are known"),
        Verdict::Open(Some(w)) => {
            format!("{expression}: SATURATES, {} with {}", w.value, w.shown(net))
        }
    }
}
