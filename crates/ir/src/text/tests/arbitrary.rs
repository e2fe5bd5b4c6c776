//! Kernels and networks drawn at random, legal as far as the text forms ask.

use crate::kernel::{
    Kernel, Op, Output, Port, PortId, Role, Surrogate, Target, ValueId, When, Written,
};
use crate::network::{
    Delay, Group, Network, Phase, Read, ResetGroup, Sign, Space, SpaceId, SpaceKind, State,
    StateId, StateRole, Synapses, Values,
};
use proptest::prelude::*;
use proptest::sample::select;
use trifactor_entity::{EntityId, Table};

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z_][A-Za-z0-9_.]{0,7}|v[0-9]|on|flag|spiked|arriving|delay|x0"
        .prop_filter("`at` and `prev` read as times", |n: &String| crate::text::is_name(n))
}

/// Distinct names.
fn names(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set(name(), count).prop_map(|set| set.into_iter().collect())
}

/// Any finite double, subnormal ones and -0 too.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |v| v.is_finite()),
        -4.0..4.0f64,
        Just(-0.0),
        Just(1.0),
    ]
}

fn surrogate() -> impl Strategy<Value = Surrogate> {
    (0u8..4, number(), number()).prop_map(|(kind, scale, beta)| match kind {
        0 => Surrogate::None,
        1 => Surrogate::FastSigmoid { scale, beta },
        2 => Surrogate::Exponential { scale, beta },
        _ => Surrogate::Triangle { scale, beta },
    })
}

fn port() -> impl Strategy<Value = Port> {
    let role = prop_oneof![
        select(vec![Role::Own, Role::Pre, Role::Post, Role::Global]),
        (0u8..10).prop_map(Role::Every),
    ];
    let when = select(vec![When::End, When::AtPre, When::AtPost]);
    (role, prop::option::of(name()), when, any::<bool>()).prop_map(
        |(role, variable, when, prev)| {
            // The name is filled in by the kernel; an empty variable stands for the same name.
            Port { name: String::new(), role, variable: variable.unwrap_or_default(), when, prev }
        },
    )
}

type Choice = (u8, prop::sample::Index, prop::sample::Index, prop::sample::Index, f64, Surrogate);

fn op((kind, a, b, c, value, surrogate): Choice, n_ports: usize, at: usize) -> Op {
    if at == 0 || kind == 0 {
        return Op::Const(value);
    }
    if kind <= 2 && n_ports > 0 {
        return Op::Port(PortId::from_index(a.index(n_ports)));
    }
    let v = |i: prop::sample::Index| ValueId::from_index(i.index(at));
    match kind {
        3 => Op::Add(v(a), v(b)),
        4 => Op::Sub(v(a), v(b)),
        5 => Op::Mul(v(a), v(b)),
        6 => Op::Min(v(a), v(b)),
        7 => Op::Max(v(a), v(b)),
        8 => Op::Gt(v(a), v(b)),
        9 => Op::Sgn(v(a)),
        10 => Op::Step(v(a), surrogate),
        11 => Op::Bump(v(a), surrogate),
        _ => Op::Select { cond: v(a), then: v(b), other: v(c) },
    }
}

/// A kernel: any inputs, read in any order, any number of times or never.
pub(super) fn kernel() -> impl Strategy<Value = Kernel> {
    let index = any::<prop::sample::Index>;
    let choice = (0u8..14, index(), index(), index(), number(), surrogate());
    let targets =
        vec![Target::Set, Target::AddPost, Target::AddPre, Target::AddGlobal, Target::AddOwn];
    (
        name(),
        names(0..6),
        prop::collection::vec(port(), 6),
        prop::collection::vec(choice, 0..30),
        prop::collection::vec((select(targets), index()), 4),
        names(0..4),
    )
        .prop_map(|(name, names, ports, choices, targets, variables)| {
            let ports: Table<PortId, Port> = names
                .into_iter()
                .zip(ports)
                .map(|(name, mut port)| {
                    if port.variable.is_empty() {
                        port.variable.clone_from(&name);
                    }
                    Port { name, ..port }
                })
                .collect();
            let mut ops: Table<ValueId, Op> = Table::new();
            for choice in choices {
                let op = op(choice, ports.len(), ops.len());
                ops.push(op);
            }
            let outputs = variables
                .into_iter()
                .zip(targets)
                .filter(|_| !ops.is_empty())
                .map(|(variable, (target, at))| Output {
                    variable,
                    target,
                    value: ValueId::from_index(at.index(ops.len())),
                })
                .collect();
            Kernel { name, ports, ops, outputs, written: Written::default() }
        })
}

fn synapses(n_spaces: usize) -> impl Strategy<Value = Synapses> {
    let signs = vec![Sign::Mixed, Sign::Excitatory, Sign::Inhibitory];
    let rows = prop::collection::vec(prop::collection::vec(0u32..9, 0..4), 0..5);
    (0..n_spaces, 0..n_spaces, select(signs), rows).prop_map(|(pre, post, sign, rows)| {
        let mut row_start = vec![0];
        let mut post_lane = Vec::new();
        for row in rows {
            post_lane.extend(row);
            row_start.push(u32::try_from(post_lane.len()).expect("few synapses"));
        }
        let [pre, post] = [pre, post].map(SpaceId::from_index);
        Synapses { pre, post, sign, row_start, post_lane }
    })
}

fn space_kind(n_spaces: usize) -> impl Strategy<Value = SpaceKind> {
    prop_oneof![
        (0u32..6).prop_map(|n| SpaceKind::Population { n }),
        (0u32..6).prop_map(|n| SpaceKind::Modulator { n }),
        synapses(n_spaces).prop_map(SpaceKind::Synapses),
    ]
}

type StateParts = (usize, StateRole, ResetGroup, Option<(f64, f64)>, bool, Vec<f64>);

fn state_parts(n_spaces: usize) -> impl Strategy<Value = StateParts> {
    let roles =
        vec![StateRole::Parameter, StateRole::Variable, StateRole::Accumulator, StateRole::Spike];
    (
        0..n_spaces,
        select(roles),
        select(ResetGroup::ALL.to_vec()),
        prop::option::of((number(), number())),
        any::<bool>(),
        prop::collection::vec(number(), 30),
    )
}

type PhaseParts = (String, String, Group, prop::sample::Index, usize, u32, Vec<(u8, u8, usize)>);

fn phase_parts(n_spaces: usize, n_states: usize) -> impl Strategy<Value = PhaseParts> {
    let groups =
        vec![Group::Deliver, Group::Neurons, Group::Modulators, Group::Traces, Group::Plasticity];
    (
        "[a-z \"\\\\\n;ä{}]{0,8}",
        "\\PC{0,8}",
        select(groups),
        any::<prop::sample::Index>(),
        0..n_spaces,
        any::<u32>(),
        prop::collection::vec((0u8..5, 0u8..63, 0..n_states), 12),
    )
}

/// A network whose ids exist and whose lists fit; nothing else holds.
pub(super) fn network() -> impl Strategy<Value = Network> {
    (1usize..5, 1usize..6)
        .prop_flat_map(|(n_spaces, n_states)| {
            (
                "[a-z \"\\\\-]{0,9}",
                any::<u32>(),
                names(n_spaces..n_spaces + 1),
                prop::collection::vec(space_kind(n_spaces), n_spaces),
                names(n_states..n_states + 1),
                prop::collection::vec(state_parts(n_spaces), n_states),
                prop::collection::vec(kernel(), 0..3),
                prop::collection::vec(phase_parts(n_spaces, n_states), 0..3),
            )
        })
        .prop_map(|(name, epoch, space_names, kinds, state_names, states, kernels, phases)| {
            let mut network = Network::new(&name);
            network.epoch = epoch;
            for (name, kind) in space_names.into_iter().zip(kinds) {
                network.spaces.push(Space { name, kind });
            }
            for (name, (space, role, reset, range, constant, values)) in
                state_names.into_iter().zip(states)
            {
                let space = SpaceId::from_index(space);
                let init = if constant {
                    Values::Constant(values[0])
                } else {
                    Values::PerLane(values[..network.lanes(space)].to_vec())
                };
                network.states.push(State { name, space, role, init, range, reset });
            }
            network.kernels = kernels.into_iter().collect();
            for phase in phases {
                push_phase(&mut network, phase);
            }
            network
        })
}

fn push_phase(network: &mut Network, parts: PhaseParts) {
    let (name, key, group, kernel, over, stream, choices) = parts;
    if network.kernels.is_empty() {
        return;
    }
    let kernel = EntityId::from_index(kernel.index(network.kernels.len()));
    let program = &network.kernels[kernel];
    let mut choices = choices.into_iter();
    let reads = choices
        .by_ref()
        .take(program.ports.len())
        .map(|(kind, steps, state)| {
            let state = StateId::from_index(state);
            match kind {
                0 => Read::EpochFlag,
                1 => Read::SpikedInEpoch(state),
                2 => Read::Arriving { spike: state, delay: Delay::Fixed(steps) },
                3 => Read::Arriving { spike: state, delay: Delay::PerSynapse(state) },
                _ => Read::State(state),
            }
        })
        .collect();
    let writes = choices.take(program.outputs.len()).map(|c| StateId::from_index(c.2)).collect();
    let over = SpaceId::from_index(over);
    network.phases.push(Phase { name, key, group, kernel, over, reads, writes, stream });
}
