//! One test per invariant, each a small damage to a network that verifies.

use super::{sample, verify};
use crate::kernel::{Op, Role, Surrogate, Target, When};
use crate::network::{
    Delay, Group, Network, Phase, PhaseId, Read, SpaceId, SpaceKind, StateId, StateRole, Synapses,
    Values,
};
use proptest::prelude::*;
use trifactor_entity::{EntityId, Table};

/// Damages the sample and demands a finding with that code whose text holds `part`.
#[track_caller]
fn rejects(code: &str, part: &str, damage: impl FnOnce(&mut Network)) {
    let mut network = sample::network();
    damage(&mut network);
    let found = verify(network).expect_err("the damaged network was accepted");
    let hit = found.iter().any(|d| d.code == code && d.to_string().contains(part));
    assert!(hit, "no {code} with {part:?} among:\n{found}");
}

fn space(n: &Network, name: &str) -> SpaceId {
    n.space(name).expect("the sample has it")
}

fn state(n: &Network, on: &str, name: &str) -> StateId {
    n.state(space(n, on), name).expect("the sample has it")
}

fn phase(n: &Network, group: Group, over: &str) -> PhaseId {
    let over = space(n, over);
    n.phases.find(|p| p.group == group && p.over == over).expect("the sample has it")
}

fn rule(n: &Network) -> PhaseId {
    phase(n, Group::Plasticity, "ff")
}

fn synapses<'n>(n: &'n mut Network, name: &str) -> &'n mut Synapses {
    let id = space(n, name);
    match &mut n.spaces[id].kind {
        SpaceKind::Synapses(s) => s,
        _ => panic!("'{name}' has synapses"),
    }
}

/// Binds an input of the rule to something else.
fn bind(n: &mut Network, port: &str, read: Read) {
    let phase = rule(n);
    let port = n.kernels[n.phases[phase].kernel].port(port).expect("the rule has it");
    n.phases[phase].reads[port] = read;
}

fn reroute(n: &mut Network, at: PhaseId, write: usize, to: (&str, &str)) {
    let to = state(n, to.0, to.1);
    n.phases[at].writes[write] = to;
}

#[test]
fn the_sample_verifies_without_a_warning() {
    let checked = verify(sample::network()).unwrap();
    assert!(checked.warnings().is_empty(), "{}", checked.warnings());
    assert_eq!(checked.into_network(), sample::network());
}

#[test]
fn an_operand_that_comes_later_is_rejected() {
    rejects("V001", "does not come before it", |n| {
        let kernel = n.phases[rule(n)].kernel;
        let last = n.kernels[kernel].ops.next_id();
        let first = n.kernels[kernel].ops.ids().next().unwrap();
        n.kernels[kernel].ops[first] = Op::Sgn(last);
    });
    rejects("V001", "does not come before it", |n| {
        let kernel = n.phases[rule(n)].kernel;
        let first = n.kernels[kernel].ops.ids().next().unwrap();
        n.kernels[kernel].ops[first] = Op::Sgn(first);
    });
    rejects("V001", "no value of the kernel", |n| {
        let kernel = n.phases[rule(n)].kernel;
        n.kernels[kernel].outputs[0].value = n.kernels[kernel].ops.next_id();
    });
}

#[test]
fn an_input_named_or_read_twice_is_rejected() {
    rejects("V002", "two inputs are called 'w'", |n| {
        let kernel = n.phases[rule(n)].kernel;
        let x1 = n.kernels[kernel].port("x1").unwrap();
        n.kernels[kernel].ports[x1].name = "w".into();
    });
    rejects("V002", "2 operations", |n| {
        let kernel = n.phases[rule(n)].kernel;
        let w = n.kernels[kernel].port("w").unwrap();
        n.kernels[kernel].ops.push(Op::Port(w));
    });
}

#[test]
fn a_number_that_is_not_finite_is_rejected() {
    for op in [
        Op::Const(f64::NAN),
        Op::Step(EntityId::from_index(0), Surrogate::Triangle { scale: 1.0, beta: f64::INFINITY }),
    ] {
        rejects("V003", "not finite", |n| {
            let kernel = n.phases[rule(n)].kernel;
            n.kernels[kernel].ops.push(op);
        });
    }
}

#[test]
fn two_results_of_one_variable_are_rejected() {
    rejects("V004", "two results are called 'w'", |n| {
        let at = rule(n);
        let kernel = n.phases[at].kernel;
        let again = n.kernels[kernel].outputs[0].clone();
        n.kernels[kernel].outputs.push(again);
        let w = n.phases[at].writes[0];
        n.phases[at].writes.push(w);
    });
}

#[test]
fn a_gradient_operation_is_rejected() {
    rejects("V005", "bump", |n| {
        let kernel = n.phases[rule(n)].kernel;
        let first = n.kernels[kernel].ops.ids().next().unwrap();
        n.kernels[kernel].ops.push(Op::Bump(first, Surrogate::None));
    });
}

#[test]
fn a_name_that_is_no_identifier_is_rejected() {
    for name in ["", "two words", "9lives", "ä", "at", &"long".repeat(17)] {
        rejects("V006", "is not an identifier", |n| {
            let id = space(n, "hidden");
            n.spaces[id].name = name.to_owned();
        });
        rejects("V006", "is not an identifier", |n| {
            let id = state(n, "hidden", "u");
            n.states[id].name = name.to_owned();
        });
        rejects("V006", "is not an identifier", |n| {
            let kernel = n.phases[rule(n)].kernel;
            n.kernels[kernel].name = name.to_owned();
        });
    }
}

#[test]
fn two_spaces_of_one_name_or_a_space_without_lanes_are_rejected() {
    rejects("V007", "two spaces are called 'input'", |n| {
        let id = space(n, "hidden");
        n.spaces[id].name = "input".into();
    });
    rejects("V007", "'reward' has no lanes", |n| {
        let id = space(n, "reward");
        n.spaces[id].kind = SpaceKind::Modulator { n: 0 };
    });
    rejects("V007", "the limit is 67108864", |n| {
        let id = space(n, "hidden");
        n.spaces[id].kind = SpaceKind::Population { n: (1 << 26) + 1 };
    });
}

#[test]
fn malformed_synapses_are_rejected() {
    rejects("V008", "do not divide its 4 synapses among 2", |n| synapses(n, "ff").row_start[1] = 9);
    rejects("V008", "do not divide", |n| synapses(n, "ff").row_start[0] = 1);
    rejects("V008", "do not divide", |n| synapses(n, "ff").row_start[2] = 3);
    rejects("V008", "do not divide", |n| synapses(n, "ff").row_start.clear());
    rejects("V008", "leads from 1 to 3, but 'hidden' ends at 2", |n| {
        synapses(n, "ff").post_lane[3] = 3;
    });
    rejects("V008", "leads from 0 to 1 twice", |n| synapses(n, "ff").post_lane[2] = 1);
    rejects("V008", "lists target 0 of 0 after 1", |n| synapses(n, "ff").post_lane.swap(0, 1));
    rejects("V008", "is not a population or modulator", |n| {
        let ff = space(n, "ff");
        synapses(n, "out").post = ff;
    });
    rejects("V008", "the source 'local' of 'out' is not a population", |n| {
        let local = space(n, "local");
        synapses(n, "out").pre = local;
    });
}

#[test]
fn bad_states_are_rejected() {
    rejects("V009", "two states are called 'u'", |n| {
        let id = state(n, "hidden", "v");
        n.states[id].name = "u".into();
    });
    rejects("V009", "has 4 lanes but 3 initial values", |n| {
        let id = state(n, "ff", "w");
        n.states[id].init = Values::PerLane(vec![0.0; 3]);
    });
    rejects("V009", "begins with 4.5 in lane 1, outside (-4, 4)", |n| {
        let id = state(n, "ff", "w");
        n.states[id].init = Values::PerLane(vec![0.0, 4.5, 0.0, 0.0]);
    });
    rejects("V009", "which is not finite", |n| {
        let id = state(n, "hidden", "u");
        n.states[id].init = Values::Constant(f64::NEG_INFINITY);
    });
    for range in [(1.0, -1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
        rejects("V009", "is not one", |n| {
            let id = state(n, "hidden", "u");
            n.states[id].range = Some(range);
        });
    }
}

#[test]
fn wrong_numbers_of_spike_states_are_rejected() {
    rejects("V010", "'hidden' has 2 spike states", |n| {
        let id = state(n, "hidden", "threshold");
        n.states[id].role = StateRole::Spike;
    });
    rejects("V010", "'input' has neither spikes nor a neuron phase", |n| {
        let id = state(n, "input", "spike");
        n.states[id].role = StateRole::Parameter;
    });
    rejects("V010", "'local' has spikes but is not a population", |n| {
        let id = state(n, "local", "keep");
        n.states[id].role = StateRole::Spike;
    });
}

#[test]
fn an_epoch_without_or_with_too_many_steps_is_rejected() {
    rejects("V011", "0 steps", |n| n.epoch = 0);
    rejects("V011", "64 steps", |n| n.epoch = 64);
}

#[test]
fn ids_and_bindings_that_do_not_fit_are_rejected() {
    rejects("V012", "something that does not exist", |n| {
        let at = rule(n);
        n.phases[at].kernel = EntityId::from_index(99);
    });
    rejects("V012", "something that does not exist", |n| {
        bind(n, "x1", Read::State(EntityId::from_index(999)));
    });
    rejects("V012", "spaces that do not exist", |n| {
        synapses(n, "ff").post = EntityId::from_index(99);
    });
    rejects("V012", "a space that does not exist", |n| {
        let id = state(n, "ff", "w");
        n.states[id].space = EntityId::from_index(99);
    });
    rejects("V012", "binds 7 inputs and 1 results", |n| {
        let at = rule(n);
        let reads: Vec<Read> = n.phases[at].reads.values().copied().take(7).collect();
        n.phases[at].reads = reads.into_iter().collect();
    });
    rejects("V012", "binds 8 inputs and 0 results", |n| {
        let at = rule(n);
        n.phases[at].writes.clear();
    });
}

#[test]
fn phases_out_of_order_or_over_the_wrong_lanes_are_rejected() {
    rejects("V013", "'ff' (deliver) comes after 'ff' (plasticity)", |n| {
        let mut phases: Vec<Phase> = n.phases.values().cloned().collect();
        phases.rotate_left(1);
        n.phases = phases.into_iter().collect::<Table<_, _>>();
    });
    rejects("V013", "runs over 'hidden', not over the synapses", |n| {
        let (at, hidden) = (rule(n), space(n, "hidden"));
        n.phases[at].over = hidden;
    });
}

#[test]
fn a_stream_used_twice_is_rejected() {
    rejects("V014", "both draw from stream 0", |n| {
        let at = rule(n);
        n.phases[at].stream = 0;
    });
}

#[test]
fn setting_what_is_not_its_own_variable_is_rejected() {
    rejects("V015", "sets 'hidden.v', which is not on its own lanes", |n| {
        let at = rule(n);
        reroute(n, at, 0, ("hidden", "v"));
    });
    rejects("V015", "sets 'ff.d', a parameter", |n| {
        let at = rule(n);
        reroute(n, at, 0, ("ff", "d"));
    });
    rejects("V015", "sets 'hidden.q', which can only be added to", |n| {
        let at = phase(n, Group::Neurons, "hidden");
        reroute(n, at, 0, ("hidden", "q"));
    });
    rejects("V015", "sets the spikes 'hidden.spike'", |n| {
        let at = phase(n, Group::Traces, "hidden");
        reroute(n, at, 0, ("hidden", "spike"));
    });
}

#[test]
fn adding_to_what_cannot_be_reached_is_rejected() {
    rejects("V016", "adds to 'hidden.u', which is not an accumulator", |n| {
        let at = phase(n, Group::Deliver, "ff");
        reroute(n, at, 0, ("hidden", "u"));
    });
    for (target, whose) in [
        (Target::AddPost, "post lanes"),
        (Target::AddPre, "pre lanes"),
        (Target::AddGlobal, "single lane"),
        (Target::AddOwn, "own lanes"),
    ] {
        rejects("V016", &format!("'local.q', which is not on its {whose}"), |n| {
            let at = phase(n, Group::Deliver, "ff");
            let kernel = n.phases[at].kernel;
            n.kernels[kernel].outputs[0].target = target;
            reroute(n, at, 0, ("local", "q"));
        });
    }
}

#[test]
fn a_state_set_by_two_phases_is_rejected() {
    rejects("V017", "'hidden.v' is set by 'hidden' (neurons) and by 'hidden' (traces)", |n| {
        let at = phase(n, Group::Traces, "hidden");
        reroute(n, at, 0, ("hidden", "v"));
    });
}

#[test]
fn an_accumulator_read_never_twice_elsewhere_or_too_early_is_rejected() {
    let q = |n: &Network| Read::State(state(n, "hidden", "q"));
    rejects("V018", "no phase reads what is added to 'hidden.q'", |n| {
        let at = phase(n, Group::Neurons, "hidden");
        let port = n.kernels[n.phases[at].kernel].port("q").unwrap();
        n.phases[at].reads[port] = Read::State(state(n, "hidden", "u"));
    });
    rejects("V018", "is read by 'hidden' (neurons) and by 'ff' (plasticity)", |n| {
        let read = q(n);
        bind(n, "local", read);
    });
    rejects("V018", "reads 'local.q' of other lanes", |n| {
        let at = phase(n, Group::Modulators, "local");
        let port = n.kernels[n.phases[at].kernel].port("q").unwrap();
        n.phases[at].reads[port] = Read::State(state(n, "local", "keep"));
        let q = Read::State(state(n, "local", "q"));
        bind(n, "local", q);
    });
    rejects("V018", "'hidden' (neurons) adds to 'hidden.q' after 'hidden' (neurons)", |n| {
        let at = phase(n, Group::Neurons, "hidden");
        let kernel = n.phases[at].kernel;
        n.kernels[kernel].outputs[0].target = Target::AddOwn;
        reroute(n, at, 0, ("hidden", "q"));
    });
    rejects("V018", "adds to 'hidden.q' after 'hidden' (neurons) has read it", |n| {
        let at = rule(n);
        let kernel = n.phases[at].kernel;
        n.kernels[kernel].outputs[0].target = Target::AddPost;
        reroute(n, at, 0, ("hidden", "q"));
    });
}

#[test]
fn a_plastic_variable_without_a_range_is_rejected_with_the_way_out() {
    rejects("V019", "add range: (lo, hi)", |n| {
        let id = state(n, "ff", "w");
        n.states[id].range = None;
    });
}

#[test]
fn a_state_out_of_reach_of_its_role_is_rejected() {
    let read = |on: &'static str, name: &'static str, port: &'static str| {
        move |n: &mut Network| {
            let to = Read::State(state(n, on, name));
            bind(n, port, to);
        }
    };
    rejects("V020", "cannot read 'hidden.u'", read("hidden", "u", "w"));
    rejects("V020", "a modulator with 2 lanes", read("hidden", "y1", "x1"));
    rejects("V020", "a modulator with 3 lanes", read("reward", "m", "local"));
    rejects("V020", "'local.m' has 3", read("local", "m", "r1"));
    rejects("V020", "only synapses have pre and post lanes", |n| {
        let at = phase(n, Group::Neurons, "hidden");
        let kernel = n.phases[at].kernel;
        let u = n.kernels[kernel].port("u").unwrap();
        n.kernels[kernel].ports[u].role = Role::Pre;
    });
}

#[test]
fn a_misplaced_epoch_flag_is_rejected() {
    let role = |role: Role| {
        move |n: &mut Network| {
            let kernel = n.phases[rule(n)].kernel;
            let u2 = n.kernels[kernel].port("u2").unwrap();
            n.kernels[kernel].ports[u2].role = role;
        }
    };
    rejects("V021", "every 2^10-th epoch", role(Role::Every(10)));
    rejects("V021", "is bound to the epoch flag", role(Role::Global));
    rejects("V021", "cannot read 'reward.m'", |n| {
        let to = Read::State(state(n, "reward", "m"));
        bind(n, "u2", to);
    });
    rejects("V021", "outside a rule", |n| {
        let at = phase(n, Group::Modulators, "reward");
        let kernel = n.phases[at].kernel;
        let keep = n.kernels[kernel].port("keep").unwrap();
        n.kernels[kernel].ports[keep].role = Role::Every(1);
        n.phases[at].reads[keep] = Read::EpochFlag;
    });
}

#[test]
fn spikes_that_cannot_arrive_are_rejected() {
    let arriving = |n: &mut Network, spike: StateId, delay: Delay| {
        let at = phase(n, Group::Deliver, "ff");
        let port = n.kernels[n.phases[at].kernel].port("spike").unwrap();
        n.phases[at].reads[port] = Read::Arriving { spike, delay };
    };
    rejects("V022", "cannot receive 'hidden.spike'", |n| {
        let spike = state(n, "hidden", "spike");
        arriving(n, spike, Delay::Fixed(0));
    });
    rejects("V022", "cannot receive 'input.x1'", |n| {
        let trace = state(n, "input", "x1");
        arriving(n, trace, Delay::Fixed(0));
    });
    rejects("V022", "is delayed by 63 steps", |n| {
        let spike = state(n, "input", "spike");
        arriving(n, spike, Delay::Fixed(63));
    });
    rejects("V022", "takes its delay from 'out.w'", |n| {
        let (spike, delay) = (state(n, "input", "spike"), state(n, "out", "w"));
        arriving(n, spike, Delay::PerSynapse(delay));
    });
    rejects("V022", "a parameter or a variable", |n| {
        let (spike, delay) = (state(n, "input", "spike"), state(n, "ff", "d"));
        n.states[delay].role = StateRole::Accumulator;
        arriving(n, spike, Delay::PerSynapse(delay));
    });
    rejects("V022", "reads an arriving spike", |n| {
        let spike = state(n, "input", "spike");
        bind(n, "x0", Read::Arriving { spike, delay: Delay::Fixed(0) });
    });
}

#[test]
fn misplaced_spike_flags_are_rejected() {
    rejects("V023", "cannot read the spike flag of 'hidden.spike'", |n| {
        let spike = state(n, "hidden", "spike");
        bind(n, "x0", Read::SpikedInEpoch(spike));
    });
    rejects("V023", "cannot read the spike flag of 'input.x1'", |n| {
        let trace = state(n, "input", "x1");
        bind(n, "x0", Read::SpikedInEpoch(trace));
    });
    rejects("V023", "outside a rule", |n| {
        let spike = state(n, "input", "spike");
        let at = phase(n, Group::Deliver, "ff");
        let port = n.kernels[n.phases[at].kernel].port("spike").unwrap();
        n.phases[at].reads[port] = Read::SpikedInEpoch(spike);
    });
}

#[test]
fn the_past_of_something_that_is_no_trace_is_rejected() {
    for (port, prev, when) in [
        ("w", true, When::End),
        ("r1", false, When::AtPre),
        ("local", false, When::AtPost),
        ("x0", true, When::End),
        ("u2", false, When::AtPre),
    ] {
        rejects("V024", "something that is no trace", |n| {
            let kernel = n.phases[rule(n)].kernel;
            let port = n.kernels[kernel].port(port).unwrap();
            n.kernels[kernel].ports[port].prev = prev;
            n.kernels[kernel].ports[port].when = when;
        });
    }
}

#[test]
fn an_unused_input_and_an_empty_projection_are_warnings() {
    let mut n = sample::network();
    let kernel = n.phases[rule(&n)].kernel;
    let port = n.kernels[kernel].port("u2").unwrap();
    let zero = Op::Const(0.0);
    for op in n.kernels[kernel].ops.values_mut() {
        if *op == Op::Port(port) {
            *op = zero;
        }
    }
    let out = synapses(&mut n, "out");
    out.row_start = vec![0; 4];
    out.post_lane.clear();
    let checked = verify(n).unwrap();
    let codes: Vec<_> = checked.warnings().iter().map(|d| d.code).collect();
    assert_eq!(codes, ["V030", "V031"]);
}

#[test]
fn findings_name_the_key_of_the_phase() {
    let mut n = sample::network();
    let id = state(&n, "ff", "w");
    n.states[id].range = None;
    let found = verify(n).unwrap_err();
    let place = &found.iter().next().unwrap().place;
    assert_eq!(place.key.as_deref(), Some("plasticity.ff"));
}

proptest! {
    /// Ids, lanes and roles drawn at random: verify may accept or refuse, but answers.
    #[test]
    fn no_damage_makes_verify_panic(damage in prop::collection::vec((0u8..9, any::<u16>(), any::<u16>()), 1..6)) {
        let mut n = sample::network();
        for (kind, a, b) in damage {
            let pick = |len: usize| usize::from(a) % len;
            // One past the end is an id that does not exist.
            let stray = |len: usize| usize::from(b) % (len + 1);
            let (states, spaces, kernels) = (n.states.len(), n.spaces.len(), n.kernels.len());
            let at: PhaseId = EntityId::from_index(pick(n.phases.len()));
            match kind {
                0 => n.phases[at].kernel = EntityId::from_index(stray(kernels)),
                1 => n.phases[at].over = EntityId::from_index(stray(spaces)),
                2 => {
                    let to = Read::State(EntityId::from_index(stray(states)));
                    if let Some(read) = n.phases[at].reads.values_mut().next() { *read = to; }
                }
                3 => n.phases[at].writes[0] = EntityId::from_index(stray(states)),
                4 => n.states[EntityId::from_index(pick(states))].space = EntityId::from_index(stray(spaces)),
                5 => n.spaces[EntityId::from_index(pick(spaces))].kind = SpaceKind::Population { n: u32::from(b) % 5 },
                6 => {
                    let s = synapses(&mut n, "to_local");
                    s.row_start[usize::from(a) % 4] = u32::from(b) % 6;
                    s.pre = EntityId::from_index(stray(spaces));
                }
                7 => {
                    let kernel = &mut n.kernels[EntityId::from_index(pick(kernels))];
                    let op = EntityId::from_index(usize::from(b) % kernel.ops.len());
                    kernel.ops[op] = Op::Add(kernel.ops.next_id(), op);
                }
                _ => n.phases[at].group = Group::Deliver,
            }
            if !matches!(n.spaces.find(|s| s.name == "to_local").map(|s| &n.spaces[s].kind), Some(SpaceKind::Synapses(_))) {
                break;
            }
        }
        let _ = verify(n);
    }
}
