//! Every recorded case agrees with its peer.

use std::path::{Path, PathBuf};
use trifactor_conform::{Report, run};

fn vectors(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance").join(folder)
}

fn report(folder: &str) -> Report {
    let report = run(&vectors(folder)).unwrap_or_else(|e| panic!("{e}"));
    let failed: Vec<String> = (report.cases.iter())
        .filter(|c| c.finding.word() == "failed")
        .map(|c| c.to_string().chars().take(300).collect())
        .collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    report
}

#[test]
fn neurons_are_those_of_every_peer() {
    let report = report("lif");
    let others: Vec<String> = report
        .cases
        .iter()
        .filter(|c| c.finding.word() != "exact")
        .map(|c| c.to_string())
        .collect();
    // One voltage of the peer with real numbers for states leaves 32 bits.
    assert_eq!(others.len(), 1, "{others:?}");
    assert!(others[0].contains("lif047.json brian2-loihi") && others[0].contains("step 103"));
    assert!(report.exact() > 100);
}

#[test]
fn networks_are_those_of_every_peer() {
    let report = report("net");
    assert_eq!(report.exact(), report.cases.len());
}

#[test]
fn rules_are_read_as_the_peer_reads_them() {
    let report = report("rules");
    // `sgn(-w)`, whose sign the peer loses, and r1, which it does not have.
    assert_eq!((report.by_design(), report.exact()), (2, report.cases.len() - 2));
}

#[test]
fn learned_weights_tags_and_traces_are_those_of_the_peer() {
    let report = report("learn");
    assert_eq!(report.exact(), report.cases.len());
}

#[test]
fn means_of_learned_weights_are_those_of_the_peer() {
    let report = report("learn_stat");
    assert_eq!(report.statistical(), report.cases.len());
}

#[test]
fn the_rule_of_decoders_is_that_of_the_peer() {
    let report = report("pes");
    assert_eq!(report.exact(), report.cases.len());
}

#[test]
fn plasticity_without_epochs_is_that_of_the_peer() {
    let report = report("brian2_plasticity");
    assert_eq!(report.exact() + report.statistical(), report.cases.len());
    assert!(report.exact() > 0 && report.statistical() > 0);
}

#[test]
fn what_other_cases_of_the_peers_taught_stays_so() {
    let report = report("generated");
    let by_design: Vec<String> = (report.cases.iter())
        .filter(|c| c.finding.word() == "differs-by-design")
        .map(|c| c.to_string())
        .collect();
    // Two u_k in a rule, which the peer refuses, and `(-w)`, whose sign it loses.
    assert_eq!(by_design.len(), 2, "{by_design:?}");
    assert!(by_design.iter().any(|c| c.contains("u_k of its own")), "{by_design:?}");
    assert!(by_design.iter().any(|c| c.contains("the minus sign is lost")), "{by_design:?}");
    assert_eq!(report.exact() + by_design.len(), report.cases.len());
}
