//! What no chip executes, whatever its size.

mod common;

use common::{Draft, chip, fits, refused};
use trifactor_compile::compile;
use trifactor_entity::EntityId;
use trifactor_ir::{Delay, Group, Read, ResetGroup, Sign, StateRole, Values, units};
use trifactor_quant::{Requests, plan};
use trifactor_testkit::chips;

const RULE: &str = "kernel r {\n in w: own\n in x0: pre\n set w = w + 0.25 * x0\n}\n";

#[test]
fn a_unit_in_another_part_of_the_step_is_refused() {
    let (mut draft, input, _) = Draft::sides(1, 2, 2);
    // The kernel is that of a trace, but it runs among the neurons.
    let reset = ResetGroup::Traces;
    let state = |d: &mut Draft, name: &str, role, v: f64| {
        d.b.state(input, name, role, Values::Constant(v), None, reset)
    };
    let x = state(&mut draft, "x", StateRole::Variable, 0.0);
    let keep = state(&mut draft, "keep", StateRole::Parameter, 0.5);
    let impulse = state(&mut draft, "impulse", StateRole::Parameter, 0.5);
    let spike = draft.b.network().spikes(input).expect("inputs spike");
    let reads = [x, spike, keep, impulse].map(Read::State).to_vec();
    draft.b.phase(Group::Neurons, input, units::linear_trace(), reads, vec![x]);
    let d = refused(
        &draft.net(),
        &chips::superset(),
        "C001",
        "no unit of a chip executes the neurons phase 'in' of 'in'",
    );
    assert!(d.hint.is_some_and(|h| h.contains("CUBA LIF")));
}

#[test]
fn a_projection_that_delivers_twice_is_refused() {
    let (mut draft, input, out) = Draft::sides(1, 2, 2);
    let ff = draft.fixed("ff", input, out);
    let net = draft.b.network();
    let w = net.state(ff, "w").expect("a weight");
    let (spike, q) = (net.spikes(input).expect("spikes"), net.state(out, "q").expect("a current"));
    let reads = vec![Read::State(w), Read::Arriving { spike, delay: Delay::Fixed(3) }];
    draft.b.phase(Group::Deliver, ff, units::deliver(), reads, vec![q]);
    let message = "no unit of a chip executes the deliver phase 'ff' of 'ff'";
    refused(&draft.net(), &chips::superset(), "C001", message);
}

#[test]
fn two_rules_on_one_projection_are_refused() {
    let (mut draft, input, out) = Draft::sides(1, 2, 2);
    let ff = draft.plastic("ff", input, out, RULE);
    draft.own(ff, "e", StateRole::Variable);
    draft.rule(ff, input, out, "kernel s {\n in e: own\n set e = e * 0.5\n}\n");
    let message = "the rule 'ff' has no projection of its own: a projection delivers once and learns by \
                   one rule";
    let d = refused(&draft.net(), &chips::superset(), "C002", message);
    assert!(d.hint.is_some_and(|h| h.starts_with("merge the rules into one kernel")));
}

#[test]
fn a_rule_over_synapses_that_never_deliver_is_refused() {
    let (mut draft, input, out) = Draft::sides(1, 2, 2);
    let ff = draft.b.synapses("idle", input, out, Sign::Mixed, &[vec![0], vec![1]]);
    draft.own(ff, "w", StateRole::Variable);
    draft.rule(ff, input, out, RULE);
    let message = "the rule 'idle' has no projection of its own: a projection delivers once and learns \
                   by one rule";
    refused(&draft.net(), &chips::superset(), "C002", message);
}

#[test]
fn a_projection_to_a_modulator_cannot_learn() {
    let (mut draft, input, out) = Draft::sides(1, 2, 2);
    let m = draft.modulator("m", 1);
    draft.plastic("ff", input, out, "kernel r {\n in w: own\n in m: global\n set w = w + m\n}\n");
    let kernel = "kernel s {\n in w: own\n in x0: pre\n set w = w + 0.25 * x0\n}\n";
    draft.plastic("drive", input, m, kernel);
    let message = "'drive' ends at a modulator and learns, but a core that reads a modulator holds a copy \
                   of its input synapses, and copies do not learn";
    refused(&draft.net(), &chips::superset(), "C016", message);
}

#[test]
fn a_rule_cannot_read_a_membrane() {
    for state in ["out.v", "out.u"] {
        let (mut draft, input, out) = Draft::sides(1, 2, 2);
        let variable = state.trim_start_matches("out.");
        let rule = format!(
            "kernel r {{\n in w: own\n in {variable}: post\n set w = clamp(w + 0.25 * {variable}, -1, 1)\n}}\n"
        );
        draft.plastic("ff", input, out, &rule);
        let message = format!(
            "the rule 'ff' reads '{state}', and an engine of the chip 'superset' reads only spikes, traces \
             and modulators of a neuron, and the pseudo-derivative of its post neuron"
        );
        let d = refused(&draft.net(), &chips::superset(), "C017", &message);
        let hint = "read a trace of the neuron's spikes instead, or, of the membrane of a post neuron, its \
                    pseudo-derivative";
        assert_eq!(d.hint.as_deref(), Some(hint));
    }
}

/// A population with a pseudo-derivative that feeds itself, and a rule that reads `psi` so.
fn reads_psi(role: &str) -> trifactor_ir::CheckedNetwork {
    let mut draft = Draft::new(1);
    let lif = trifactor_testkit::builder::Lif {
        threshold: Some(Values::Constant(1.0)),
        pseudo_derivative: Some((0.3, 0.3)),
        ..trifactor_testkit::builder::Lif::default()
    };
    let out = draft.b.lif("out", 2, &lif);
    let rule = format!(
        "kernel r {{\n in w: own\n in psi: {role}\n set w = clamp(w + 0.25 * psi, -1, 1)\n}}\n"
    );
    draft.plastic("ff", out, out, &rule);
    draft.net()
}

#[test]
fn a_pseudo_derivative_is_read_of_the_post_neuron_only() {
    fits(&reads_psi("post"), &chips::superset());
    let message = "the rule 'ff' reads 'out.psi', and an engine of the chip 'superset' reads only spikes, \
                   traces and modulators of a neuron, and the pseudo-derivative of its post neuron";
    refused(&reads_psi("pre"), &chips::superset(), "C017", message);
}

#[test]
fn a_pseudo_derivative_about_something_else_than_the_threshold_is_refused() {
    let mut net = reads_psi("post").into_network();
    let other = net.states.find(|s| s.name == "keep_v").expect("a neuron has one");
    let phase = net.phases.find(|p| p.group == Group::Neurons).expect("there is one");
    let centre = net.kernels[net.phases[phase].kernel].port("centre").expect("it has one");
    net.phases[phase].reads[centre] = Read::State(other);
    let net = trifactor_ir::verify(net).expect("legal");
    let message = "no unit of a chip executes the neurons phase 'out' of 'out'";
    refused(&net, &chips::superset(), "C001", message);
}

#[test]
fn a_trace_parameter_with_a_value_per_lane_is_refused_once_for_all_cores() {
    let (mut draft, input, out) = Draft::sides(1, 4, 12);
    draft.trace(input, "x1");
    let rule = "kernel r {\n in w: own\n in x1: pre\n set w = w + 0.25 * x1\n}\n";
    draft.plastic("ff", input, out, rule);
    let mut net = draft.net().into_network();
    let keep = net.states.find(|s| s.name == "x1.keep").expect("a trace has one");
    net.states[keep].init = Values::PerLane(vec![0.5, 0.75, 0.875, 0.5]);
    let net = trifactor_ir::verify(net).expect("legal");
    // Three cores, each with a copy of the trace.
    let chip = chip(|c| c.core.compartments = 4);
    let message = "'in.x1.keep' has a value per lane, from 0.5 to 0.875, and the chip's unit has 1 register \
                   for all lanes";
    let d = refused(&net, &chip, "C030", message);
    assert_eq!(d.hint.as_deref(), Some("give one value for all lanes"));
}

#[test]
fn equal_values_per_lane_are_one_value() {
    let (mut draft, input, out) = Draft::sides(1, 4, 4);
    draft.trace(input, "x1");
    let rule = "kernel r {\n in w: own\n in x1: pre\n set w = w + 0.25 * x1\n}\n";
    draft.plastic("ff", input, out, rule);
    let mut net = draft.net().into_network();
    let keep = net.states.find(|s| s.name == "x1.keep").expect("a trace has one");
    net.states[keep].init = Values::PerLane(vec![0.5; 4]);
    fits(&trifactor_ir::verify(net).expect("legal"), &chips::superset());
}

#[test]
fn a_modulator_parameter_with_a_value_per_line_is_refused() {
    let (mut draft, input, out) = Draft::sides(1, 2, 3);
    draft.modulator("m", 3);
    draft.plastic("ff", input, out, "kernel r {\n in w: own\n in m: post\n set w = w + m\n}\n");
    let mut net = draft.net().into_network();
    let m = net.space("m").expect("a modulator");
    let keep =
        net.states.ids().find(|s| net.states[*s].space == m && net.states[*s].name == "keep");
    let keep = keep.expect("a modulator has one");
    assert!(keep.index() > 0);
    net.states[keep].init = Values::PerLane(vec![0.5, 0.5, 0.25]);
    let net = trifactor_ir::verify(net).expect("legal");
    let message = "'m.keep' has a value per lane, from 0.25 to 0.5, and the chip's unit has 1 register for \
                   all lanes";
    refused(&net, &chips::superset(), "C030", message);
}

fn one_projection() -> trifactor_ir::CheckedNetwork {
    let (mut draft, input, out) = Draft::sides(1, 2, 2);
    draft.fixed("ff", input, out);
    draft.net()
}

#[test]
#[should_panic(expected = "internal: the plan was made for another chip")]
fn a_plan_for_another_chip_is_a_bug_of_the_caller() {
    let net = one_projection();
    let (plan, _) = plan(&net, &chips::superset(), &Requests::new()).expect("a plan");
    let other = chip(|c| c.core.compartments = 4);
    drop(compile(&net, &plan, &other, &common::identity()));
}

#[test]
#[should_panic(expected = "internal: the plan was made for another network")]
fn a_plan_for_another_network_is_a_bug_of_the_caller() {
    let (mut draft, input, out) = Draft::sides(1, 2, 2);
    draft.plastic("ff", input, out, RULE);
    let (plan, _) = plan(&draft.net(), &chips::superset(), &Requests::new()).expect("a plan");
    drop(compile(&one_projection(), &plan, &chips::superset(), &common::identity()));
}
