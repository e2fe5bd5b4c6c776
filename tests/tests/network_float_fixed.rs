//! One step of a whole network in fixed point stays within the predicted bounds of one step in
//! floating point from the same state; and the float machine's rules are those of the kernel.
//!
//! Before every step the float machine takes over all states of the fixed one. After the step,
//! currents, voltages, modulators and traces may differ by the bounds of their phases and of the
//! deliveries into them (S61); spikes may differ only where the voltage is that close to the
//! threshold. Rules are compared with the scalar reading on the float machine's own traces, with
//! spike times and the values of earlier steps kept here (S34, S35, S40).

// A test of thousands of cases says what it covered.
#![allow(clippy::print_stderr)]

use trifactor_entity::EntityId;
use trifactor_ir::units::{Unit, recognise};
use trifactor_ir::{
    CheckedNetwork, Group, Op, Phase, PhaseId, PortId, Read, Role, SpaceId, StateId, StateRole,
    Target, ValueId, When,
};
use trifactor_quant::{Plan, plan};
use trifactor_reference::FixedMachine;
use trifactor_reference::float::{FloatMachine, InputSpikes};
use trifactor_testkit::{Rng, cases, chips, networks, scalar};

struct Pair {
    seed: u64,
    net: CheckedNetwork,
    plan: Plan,
}

/// What happened, for the report and against vacuity.
#[derive(Default, Debug)]
struct Tally {
    networks: usize,
    steps: usize,
    compared: u64,
    flips: u64,
    rules: u64,
    /// Errors as shares of their bounds.
    largest: f64,
    sum: f64,
    bounded: u64,
}

/// Values of every step of the running epoch, and who spiked when, kept apart from the machines.
struct Epoch {
    /// [position 0..=T][state][lane]; only traces are looked up.
    values: Vec<Vec<Vec<f64>>>,
    /// Position of the last spike, 0 for none: [state][lane]; only spikes are looked up.
    last: Vec<Vec<u32>>,
}

#[test]
fn one_step_from_the_same_state_drifts_by_no_more_than_the_bounds() {
    let wanted = cases::count("TRIFACTOR_NETWORKS", 200);
    let steps = cases::count("TRIFACTOR_STEPS", 60);
    let mut tally = Tally::default();
    for seed in 0.. {
        if tally.networks == wanted {
            break;
        }
        let mut rng = Rng::new(seed);
        let drawn = networks::draw(&mut rng);
        let Ok((plan, _)) = plan(&drawn.net, &chips::superset(), &drawn.requests) else {
            continue;
        };
        Pair { seed, net: drawn.net, plan }.run(&mut rng, steps, &mut tally);
        tally.networks += 1;
    }
    eprintln!("{tally:?}, mean error {:.4} of the bound", tally.sum / tally.bounded as f64);
    assert!(tally.compared > 100_000 && tally.rules > 10_000, "too little was compared: {tally:?}");
    assert!(tally.largest > 0.5, "the bounds say nothing: {tally:?}");
    assert!(tally.steps > wanted * steps / 2, "most runs end early: {tally:?}");
}

impl Pair {
    fn run(&self, rng: &mut Rng, steps: usize, tally: &mut Tally) {
        let net = &self.net;
        let mut fixed = FixedMachine::new(net, &self.plan);
        fixed.restart(rng.bits() as u32);
        let mut float: FloatMachine<f64> = FloatMachine::new(net, 1);
        let mut epoch = Epoch { values: Vec::new(), last: Vec::new() };
        let inputs = networks::input_sizes(net);
        let rates: Vec<f64> = inputs.iter().map(|_| rng.pick(&[0.05, 0.2, 0.5])).collect();
        for step in 1..=steps {
            for id in net.states.ids() {
                let values = fixed.values(id);
                if !values.is_empty() {
                    float.set_state(id, &values).expect("one value per lane");
                }
            }
            let position = (step - 1) % net.epoch as usize + 1;
            let snapshot = |m: &FloatMachine<f64>| -> Vec<Vec<f64>> {
                net.states.ids().map(|id| m.state(id).to_vec()).collect()
            };
            let before = snapshot(&float);
            if position == 1 {
                let first = epoch.values.pop().unwrap_or_else(|| before.clone());
                epoch.values = vec![first];
                epoch.last = before.iter().map(|v| vec![0; v.len()]).collect();
            }
            let trains: Vec<(SpaceId, Vec<u32>)> = inputs
                .iter()
                .zip(&rates)
                .map(|((space, n), rate)| (*space, networks::spikes(rng, *n, *rate)))
                .collect();
            let lists: Vec<(SpaceId, &[u32])> =
                trains.iter().map(|(s, l)| (*s, l.as_slice())).collect();
            fixed.step(&lists);
            let firing: Vec<InputSpikes> = lists
                .iter()
                .map(|(space, lanes)| InputSpikes { space: *space, episode: 0, lanes })
                .collect();
            float.step(&firing).expect("the lists fit");
            tally.steps += 1;
            let after = snapshot(&float);
            for (id, _) in net.states.iter().filter(|(_, s)| s.role == StateRole::Spike) {
                for (lane, s) in after[id.index()].iter().enumerate() {
                    if *s != 0.0 {
                        epoch.last[id.index()][lane] = position as u32;
                    }
                }
            }
            epoch.values.push(after.clone());
            let flipped = self.compare(step, &fixed, &before, &after, tally);
            if position == net.epoch as usize {
                self.compare_rules(step, &before, &after, &epoch, tally);
            }
            if flipped {
                // From here on other spikes are in flight.
                return;
            }
        }
    }

    fn phases(&self, group: Group) -> impl Iterator<Item = (PhaseId, &Phase)> {
        self.net.phases.iter().filter(move |(_, p)| p.group == group)
    }

    /// Bound on the error of an accumulator: that of one delivery for each synapse that may have
    /// delivered.
    fn delivered(&self, accumulator: StateId) -> f64 {
        let into = self.phases(Group::Deliver).filter(|(_, p)| p.writes.contains(&accumulator));
        let bounds = into.map(|(id, p)| {
            let synapses = self.net.synapses(p.over).expect("delivery runs over synapses");
            let mut fan_in = vec![0u32; self.net.lanes(synapses.post)];
            synapses.post_lane.iter().for_each(|j| fan_in[*j as usize] += 1);
            let most = fan_in.into_iter().max().unwrap_or(0);
            // A delay that changes lets a synapse deliver twice in a step.
            2.0 * f64::from(most) * self.plan.phases[id].outputs[0].bound
        });
        bounds.sum()
    }

    /// Compares all phases but the rules; says whether some spike differs.
    fn compare(
        &self,
        step: usize,
        fixed: &FixedMachine,
        before: &[Vec<f64>],
        after: &[Vec<f64>],
        tally: &mut Tally,
    ) -> bool {
        let mut flipped: Vec<SpaceId> = Vec::new();
        for group in [Group::Neurons, Group::Modulators, Group::Traces] {
            for (id, phase) in self.phases(group) {
                if group == Group::Traces && flipped.contains(&phase.over) {
                    continue;
                }
                let kernel = &self.net.kernels[phase.kernel];
                let lif = matches!(recognise(kernel), Some(Unit::Lif(_)));
                let port = |name: &str| match kernel.port(name).map(|p| phase.reads[p]) {
                    Some(Read::State(s)) => Some(s),
                    _ => None,
                };
                let arriving = port("q").map_or(0.0, |q| self.delivered(q));
                let spiked = lif.then(|| self.net.spikes(phase.over)).flatten();
                let over = kernel.ops.values().find_map(|op| match op {
                    Op::Step(v, _) => Some(*v),
                    _ => None,
                });
                for lane in 0..self.net.lanes(phase.over) {
                    let real = |s: StateId| self.plan.states[s].value(fixed.raw(s)[lane]);
                    let close = over.map_or(0.0, |v: ValueId| self.plan.phases[id].values[v].bound);
                    if let Some(s) = spiked
                        && real(s) != after[s.index()][lane]
                    {
                        // The one that did not spike still shows the voltage it compared.
                        let v = port("v").expect("a neuron has a voltage");
                        let seen = if real(s) == 0.0 { real(v) } else { after[v.index()][lane] };
                        let threshold = port("threshold").expect("it spikes");
                        let gap = (seen - before[threshold.index()][lane]).abs();
                        assert!(
                            gap <= 2.0 * (close + arriving) + 1e-9,
                            "seed {}, step {step}: {} lane {lane} spikes in one reading only, {gap} from the threshold",
                            self.seed,
                            phase.name
                        );
                        tally.flips += 1;
                        flipped.push(phase.over);
                        continue;
                    }
                    for (output, (state, p)) in kernel
                        .outputs
                        .iter()
                        .zip(phase.writes.iter().zip(&self.plan.phases[id].outputs))
                    {
                        // The bound of a voltage covers a spike in one reading only; where both
                        // agree, it is that of the compared sum.
                        let own = match (lif && output.variable == "v", spiked) {
                            (true, Some(_)) => close,
                            _ => p.bound,
                        };
                        let bound = match output.variable.as_str() {
                            "spike" | "hold" => 0.0,
                            "psi" => {
                                let slope = port("slope").expect("it falls with the distance");
                                own + arriving * before[slope.index()][lane]
                            }
                            _ => own + arriving,
                        };
                        let (found, expected) = (real(*state), after[state.index()][lane]);
                        let error = (found - expected).abs();
                        let slack = 1e-9 * (1.0 + expected.abs());
                        let held = self.plan.states[*state].raw;
                        let edge = [held.lo, held.hi].contains(&fixed.raw(*state)[lane]);
                        assert!(
                            error <= bound + slack || (lif && edge),
                            "seed {}, step {step}: {} lane {lane}: fixed {found}, float {expected}, bound {bound:e}",
                            self.seed,
                            self.net.full_name(*state)
                        );
                        tally.compared += 1;
                        if bound > 0.0 && error <= bound {
                            tally.largest = tally.largest.max(error / bound);
                            tally.sum += error / bound;
                            tally.bounded += 1;
                        }
                    }
                }
            }
        }
        !flipped.is_empty()
    }

    /// Compares the float machine's rules with the scalar reading.
    fn compare_rules(
        &self,
        step: usize,
        before: &[Vec<f64>],
        after: &[Vec<f64>],
        epoch: &Epoch,
        tally: &mut Tally,
    ) {
        let number = step / self.net.epoch as usize;
        for (_, phase) in self.phases(Group::Plasticity) {
            let kernel = &self.net.kernels[phase.kernel];
            let synapses = self.net.synapses(phase.over).expect("rules run over synapses");
            let pre_lanes = synapses.pre_lanes();
            for (k, post) in synapses.post_lane.iter().enumerate() {
                let lane = Lane {
                    k,
                    pre: pre_lanes[k] as usize,
                    post: *post as usize,
                    spikes: [self.net.spikes(synapses.pre), self.net.spikes(synapses.post)],
                };
                let ports: Vec<f64> = kernel
                    .ports
                    .ids()
                    .map(|port| self.factor(phase, port, &lane, before, epoch, number))
                    .collect();
                let results = scalar::results(kernel, &ports);
                for ((output, state), result) in
                    kernel.outputs.iter().zip(&phase.writes).zip(results)
                {
                    assert_eq!(output.target, Target::Set);
                    let (lo, hi) =
                        self.net.states[*state].range.expect("plastic variables have ranges");
                    let (found, expected) = (after[state.index()][k], result.clamp(lo, hi));
                    assert!(
                        (found - expected).abs() <= 1e-12 * (1.0 + expected.abs()),
                        "seed {}, step {step}: {} synapse {k}: the float machine has {found}, the kernel says {expected}",
                        self.seed,
                        self.net.full_name(*state)
                    );
                    tally.rules += 1;
                }
            }
        }
    }

    fn factor(
        &self,
        phase: &Phase,
        port: PortId,
        lane: &Lane,
        before: &[Vec<f64>],
        epoch: &Epoch,
        number: usize,
    ) -> f64 {
        let p = &self.net.kernels[phase.kernel].ports[port];
        let at = match p.role {
            Role::Own => lane.k,
            Role::Pre => lane.pre,
            Role::Post => lane.post,
            Role::Global => 0,
            Role::Every(k) => return f64::from(u8::from(number.is_multiple_of(1 << k))),
        };
        match phase.reads[port] {
            Read::SpikedInEpoch(s) => f64::from(u8::from(epoch.last[s.index()][at] != 0)),
            Read::State(s) if p.role == Role::Own => before[s.index()][at],
            Read::State(s) => {
                let last = match p.when {
                    When::End => 0,
                    When::AtPre => lane.last(0, epoch),
                    When::AtPost => lane.last(1, epoch),
                };
                let position = if last == 0 { self.net.epoch } else { last };
                epoch.values[position as usize - usize::from(p.prev)][s.index()][at]
            }
            Read::Arriving { .. } | Read::EpochFlag => unreachable!("no rule reads this"),
        }
    }
}

/// One synapse with both its ends.
struct Lane {
    k: usize,
    pre: usize,
    post: usize,
    /// Spikes of the pre and post population, if they spike at all.
    spikes: [Option<StateId>; 2],
}

impl Lane {
    /// Position of the last spike in the epoch of the pre (0) or post (1) lane; 0 for none.
    fn last(&self, end: usize, epoch: &Epoch) -> u32 {
        let lane = [self.pre, self.post][end];
        self.spikes[end].map_or(0, |s| epoch.last[s.index()][lane])
    }
}
