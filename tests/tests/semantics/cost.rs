//! S70 and S71: the ledger adds up, and what is not work stands on lines of its own.

use crate::readings::{Sketch, all, dense, echo, relay};
use trifactor_emu::{Cause, Report, Synapse};
use trifactor_ir::ResetGroup;
use trifactor_isa::Cost;
use trifactor_testkit::builder::TraceSpec;

/// Femtojoules of static power in a tick: 104.4 mW for 100 ps.
const STATIC_FJ: u64 = 10_440;

fn cost(fj: u64, ticks: u64) -> Cost {
    Cost { fj, ticks }
}

#[track_caller]
fn expect(report: &Report, cause: Cause, count: u64, expected: Cost) {
    assert_eq!((report.count(cause), report.of(cause)), (count, expected), "{cause:?}");
}

/// S70: a step takes as long as its slowest core and the barrier; energies are those of events.
#[test]
fn the_costs_of_a_spike_add_up() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 4, &relay(1.0));
    s.fixed("ff", (input, out), &dense(1, 1), (all(2.0), 0), 0);
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[("in", &[0])]);
    let report = run.emulator.report();
    // Step 1: the host's message takes 2.1 ns and a tick in the input axon unit, one idle neuron
    // 5.3 ns, side by side; then the barrier of one tile, 113 ns.
    assert_eq!(report.time_ticks, 53 + 1130);
    run.step(&[]);
    // Step 2: one synapse and an active neuron, one after the other on one core.
    assert_eq!(run.emulator.report().time_ticks, 53 + 1130 + (35 + 84) + 1130);
    run.step(&[]);
    let report = run.emulator.report();
    assert_eq!((report.chip.as_str(), report.preset.as_str()), ("superset", "paper-0v75"));
    assert_eq!((report.tick_ps, report.steps, report.tiles), (100, 3, 1));
    let time = 3 * 1130 + 53 + 119 + 53;
    assert_eq!((report.time_ticks, report.longest_step_ticks), (time, 119 + 1130));
    expect(&report, Cause::TileEntry, 1, cost(1700, 21));
    expect(&report, Cause::AxonIn, 1, cost(0, 0));
    expect(&report, Cause::Synop, 1, cost(23_600, 35));
    expect(&report, Cause::CompartmentInactive, 2, cost(2 * 52_000, 2 * 53));
    expect(&report, Cause::CompartmentActive, 1, cost(81_000, 84));
    expect(&report, Cause::SpikeOut, 1, cost(0, 0));
    expect(&report, Cause::AxonOut, 0, cost(0, 0));
    expect(&report, Cause::Barrier, 3, cost(0, 3 * 1130));
    expect(&report, Cause::Static, time, cost(time * STATIC_FJ, 0));
    assert_eq!(report.total_fj(), 1700 + 23_600 + 104_000 + 81_000 + time * STATIC_FJ);
    // A step after another, all work would take 2.1 + 3.5 + 10.6 + 8.4 ns.
    assert_eq!(report.work_ticks(), 21 + 35 + 106 + 84);
}

/// S70: coefficients that a source does not give count as 0 and are named.
#[test]
fn missing_coefficients_are_named() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 1);
    let out = s.lif("out", 1, 4, &echo());
    s.fixed("ff", (input, out), &dense(1, 1), (all(2.0), 0), 0);
    let subject = s.build();
    let missing = subject.run().emulator.report().missing;
    for name in ["axon_in", "spike_out", "axon_out", "barrier_fj_per_tile", "system.host_write"] {
        assert!(missing.contains(&name), "{name} is not in {missing:?}");
    }
    assert!(!missing.contains(&"synop"));
}

/// S70: cores work side by side, so a step takes the time of the largest.
#[test]
fn a_step_takes_the_time_of_the_largest_core() {
    let mut s = Sketch::new(1);
    s.chip.core.compartments = 8;
    let input = s.b.input("in", 1);
    let out = s.lif("out", 12, 4, &echo());
    s.fixed("ff", (input, out), &dense(1, 12), (all(2.0), 0), 0);
    let subject = s.build();
    let sizes: Vec<u64> = subject.image.cores.iter().map(|c| c.compartments.len() as u64).collect();
    assert_eq!((sizes.len(), sizes.iter().sum::<u64>()), (2, 12));
    let largest = sizes.into_iter().max().expect("there are two");
    let mut run = subject.run();
    run.step(&[]);
    let report = run.emulator.report();
    assert_eq!(report.time_ticks, largest * 53 + 1130);
    expect(&report, Cause::CompartmentInactive, 12, cost(12 * 52_000, 12 * 53));
}

/// S70: a rule costs its state access and its instructions for each synapse it runs for, and one
/// test for each that it skips.
#[test]
fn the_costs_of_learning_add_up() {
    let mut s = Sketch::new(2);
    let input = s.b.input("in", 3);
    let out = s.lif("out", 2, 4, &echo());
    let spec = TraceSpec { keep: 0.5, impulse: 8.0, x_max: None, init: 0.0 };
    s.trace(input, "x1", (12, 4), &spec);
    let ff = s.plastic("ff", (input, out), &dense(3, 2), &[("w", all(0.0), (-99.0, 99.0))], 4);
    s.rule(ff, "kernel r {\n in w: own\n in x0: pre\n in x1: pre\n set w = w + x0 * x1\n}\n");
    let subject = s.build();
    let mut run = subject.run();
    // One of three pre lanes fires in the first epoch, none in the second.
    run.step(&[("in", &[1])]);
    run.silent_until(4);
    let report = run.emulator.report();
    expect(&report, Cause::RuleState, 2, cost(2 * 84_000, 2 * 35));
    expect(&report, Cause::RuleSkip, 10, cost(10 * 1200, 10));
    expect(&report, Cause::Trace, 4 * 3, cost(12 * 9000, 12 * 6));
    assert!(report.lines.iter().filter(|l| l.rule.as_deref() == Some("ff")).count() >= 3);
    // Every line is its count times its coefficient: the paper's, in femtojoules.
    let total: u64 = report.lines.iter().map(|line| line.cost.fj).sum();
    assert_eq!(report.total_fj(), total);
    // lds, 2 ldx, mul, add, sts, halt; a rule of 6 synapses runs twice.
    let program: u64 = report
        .lines
        .iter()
        .filter(|l| matches!(l.cause, Cause::RuleInstruction(_)))
        .map(|l| l.cost.fj)
        .sum();
    assert_eq!(program, 2 * (3 * 3700 + 1400 + 1200 + 3900 + 2000));
}

/// S71: static energy is power times time; host writes and resets have lines of their own.
#[test]
fn static_power_and_the_host_stand_apart_from_the_work() {
    let mut s = Sketch::new(1);
    let input = s.b.input("in", 2);
    let out = s.lif("out", 1, 4, &echo());
    s.fixed("ff", (input, out), &dense(2, 1), (all(2.0), 0), 0);
    let subject = s.build();
    let mut run = subject.run();
    run.step(&[]);
    let before = run.emulator.report();
    expect(&before, Cause::HostReset, 0, cost(0, 0));
    expect(&before, Cause::HostWrite, 0, cost(0, 0));
    expect(&before, Cause::Static, 1183, cost(1183 * STATIC_FJ, 0));
    run.reset(ResetGroup::Membrane);
    run.emulator
        .write_synapse(0, 0, Synapse { pre: 1, post: 0, raw: 3 })
        .unwrap_or_else(|e| panic!("{e}"));
    let after = run.emulator.report();
    expect(&after, Cause::HostReset, 1, cost(46_400_000, 0));
    expect(&after, Cause::HostWrite, 1, cost(0, 0));
    assert_eq!(after.total_fj() - before.total_fj(), 46_400_000);
    assert_eq!((after.time_ticks, after.work_ticks()), (before.time_ticks, before.work_ticks()));
}
