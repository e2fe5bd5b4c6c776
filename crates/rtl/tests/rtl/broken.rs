//! An engine with a mistake is found out, and the mistake is named.

use crate::firmware;
use crate::support::{built, usual_ticks};
use trifactor_rtl::{CheckOptions, Sources, What, check};

#[test]
fn a_wrong_rounding_is_found_at_the_instruction_that_shows_it() {
    let mut sources = Sources::default();
    let rounder = sources.text_mut("rounder.sv").expect("it is carried");
    let right = "offset = {draw, 32'd0} >>";
    assert!(rounder.contains(right));
    // The draw's lowest bits instead of its highest.
    *rounder = rounder.replace(right, "offset = {draw << 8, 32'd0} >>");
    let Some(simulator) = built(usual_ticks(), &sources) else { return };
    let simulator = simulator.unwrap_or_else(|e| panic!("{e}"));
    let prepared = firmware::prepared("cue-association");
    let options = CheckOptions { states: 500, seed: 1 };
    let reports = check(&prepared.compiled.image, &prepared.chip, &simulator, &options);
    let reports = reports.unwrap_or_else(|e| panic!("{e}"));
    let found = reports.iter().find_map(|r| Some((r, r.finding.as_ref()?)));
    let (report, finding) = found.expect("the mistake is seen");
    let said = finding.difference.describe(&report.learner.rule);
    assert!(said.contains("stochastic"), "{said}");
    assert!(matches!(finding.difference.what, What::Register(..) | What::Store(..)), "{said}");
}

#[test]
fn sources_that_do_not_build_are_refused_with_the_compiler_s_words() {
    let mut sources = Sources::default();
    let engine = sources.text_mut("plasticity_engine.sv").expect("it is carried");
    *engine = engine.replace("endmodule", "assign done = nothing.there;\nendmodule");
    let Some(result) = built(usual_ticks(), &sources) else { return };
    let message = result.expect_err("it names what there is not").to_string();
    assert!(message.starts_with("Verilator failed; it said:\n"), "{message}");
    assert!(message.contains("nothing.there"), "{message}");
}
