//! Networks that are made for one question each.

use crate::case::Case;
use crate::compare::Tally;
use trifactor_compile::{Identity, compile, structure};
use trifactor_emu::{Emulator, Options};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, KernelBuilder, Read, ResetGroup, Role, Sign, SpaceId, StateRole,
    Target, Values,
};
use trifactor_isa::Chip;
use trifactor_quant::{FormatRequest, Requests, plan};
use trifactor_reference::FixedMachine;
use trifactor_testkit::builder::{Lif, NetworkBuilder};
use trifactor_testkit::chips;

/// A rule that adds `rate * modulator * flag` to the weight.
fn modulated(b: &mut NetworkBuilder, projection: SpaceId, modulator: SpaceId, role: Role) {
    let mut k = KernelBuilder::new("modulated");
    let w = k.input("w", Role::Own);
    let m = k.input("m", role);
    let flag = k.input("s", role);
    let rate = k.constant(0.125);
    let step = k.mul(m, flag);
    let step = k.mul(rate, step);
    let new = k.add(w, step);
    k.output("w", Target::Set, new);
    let net = b.network();
    let synapses = net.synapses(projection).expect("it has synapses");
    let end = if role == Role::Pre { synapses.pre } else { synapses.post };
    let spikes = net.spikes(end).expect("it spikes");
    let state = |space, name| net.state(space, name).expect("it was declared");
    let w = state(projection, "w");
    let reads =
        vec![Read::State(w), Read::State(state(modulator, "m")), Read::SpikedInEpoch(spikes)];
    b.phase(Group::Plasticity, projection, k.build(), reads, vec![w]);
}

#[test]
fn one_modulator_serves_pre_lanes_of_one_rule_and_post_lanes_of_another_on_one_core() {
    let mut b = NetworkBuilder::new("two_sides", 1);
    let lif = Lif { threshold: Some(Values::Constant(1.0)), ..Lif::default() };
    let input = b.input("in", 6);
    let a = b.lif("a", 20, &lif);
    let z = b.lif("z", 4, &lif);
    let modulator = b.modulator("m", 20, 0.9, 0.0, Some((-8.0, 8.0)));
    let all = |n_pre: usize, n_post: u32| vec![(0..n_post).collect::<Vec<u32>>(); n_pre];
    let weights = |b: &mut NetworkBuilder, name: &str, pre, post, rows: &[Vec<u32>]| {
        let projection = b.synapses(name, pre, post, Sign::Mixed, rows);
        let (init, range) = (Values::Constant(0.5), Some((-4.0, 4.0)));
        let role = StateRole::Variable;
        let w = b.state(projection, "w", role, init, range, ResetGroup::Weights);
        b.deliver(projection, w, Delay::Fixed(0));
        projection
    };
    let ff = weights(&mut b, "ff", input, a, &all(6, 20));
    let out = weights(&mut b, "out", a, z, &all(20, 4));
    let feed = b.synapses("feed", input, modulator, Sign::Mixed, &all(6, 20));
    // Every line gets another input, so that reading the wrong line is seen.
    let values = (0..120).map(|k| f64::from(k % 20) / 16.0 - 0.5).collect();
    let w = b.weight(feed, Values::PerLane(values));
    b.deliver(feed, w, Delay::Fixed(0));
    modulated(&mut b, ff, modulator, Role::Post);
    modulated(&mut b, out, modulator, Role::Pre);
    let net = b.finish().expect("it is legal");
    let mut chip = chips::superset();
    chip.core.compartments = 32;
    let identity =
        Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0, ..Identity::default() };
    let (plan, _) = plan(&net, &chip, &Requests::new()).expect("it has a plan");
    let image = compile(&net, &plan, &chip, &identity).expect("it fits").image;
    let two_ranges = image.cores.iter().any(|core| core.modulators.len() == 2);
    assert!(two_ranges, "no core holds both a slice of the lines and a copy of all");
    let structure = structure::read(&net).expect("it was just compiled");
    let case = Case { seed: 0, structure, plan, image, inputs: vec![(input, 6, 0.5)], net };
    case.run(60, &mut Tally::default());
}

/// A case on the chip `superset`.
fn on_superset(net: CheckedNetwork, requests: &Requests) -> Case {
    on(net, &chips::superset(), requests)
}

fn on(net: CheckedNetwork, chip: &Chip, requests: &Requests) -> Case {
    let identity =
        Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0, ..Identity::default() };
    let (plan, _) = plan(&net, chip, requests).expect("it has a plan");
    let image = compile(&net, &plan, chip, &identity).expect("it fits").image;
    let structure = structure::read(&net).expect("it was just compiled");
    Case { seed: 0, structure, plan, image, inputs: Vec::new(), net }
}

#[test]
fn spikes_of_two_steps_that_arrive_together_are_cut_off_one_by_one() {
    // The rule shortens the delay by one after every pre spike: spikes of steps 1 and 2 arrive
    // both in step 5. The weight is 3 of its last place and the membrane's last place is worth
    // two of them, so that each arrival counts 1 and not 1.5 (S10, S11, S14).
    let mut b = NetworkBuilder::new("together", 1);
    let input = b.input("in", 1);
    let lif = Lif { keep_u: Values::Constant(0.0), ..Lif::default() };
    let out = b.lif("out", 1, &lif);
    let ff = b.synapses("ff", input, out, Sign::Mixed, &[vec![0]]);
    let (role, reset) = (StateRole::Variable, ResetGroup::Weights);
    let w = b.weight(ff, Values::Constant(3.0));
    let d = b.state(ff, "d", role, Values::Constant(3.0), Some((0.0, 5.0)), reset);
    b.deliver(ff, w, Delay::PerSynapse(d));
    let mut k = KernelBuilder::new("hurry");
    let (old, x0) = (k.input("d", Role::Own), k.input("x0", Role::Pre));
    let new = k.sub(old, x0);
    k.output("d", Target::Set, new);
    let spike = b.network().spikes(input).expect("inputs spike");
    let reads = vec![Read::State(d), Read::SpikedInEpoch(spike)];
    b.phase(Group::Plasticity, ff, k.build(), reads, vec![d]);
    let format = |frac| FormatRequest { frac: Some(frac), ..FormatRequest::default() };
    let requests =
        Requests::from([("ff.w".to_owned(), format(0)), ("out.v".to_owned(), format(-1))]);
    let case = on_superset(b.finish().expect("it is legal"), &requests);
    let u = case.net.state(out, "u").expect("it was declared");
    let mut machine = FixedMachine::new(&case.net, &case.plan);
    let mut emulator = Emulator::load(&case.image, Options::default()).expect("it loads");
    for step in 1..=6 {
        let lanes: &[u32] = if step <= 2 { &[0] } else { &[] };
        machine.step(&[(input, lanes)]);
        emulator.step(&[(0, lanes)]).expect("lane 0 exists");
        let expected = if step == 5 { 2 } else { 0 };
        assert_eq!(machine.raw(u), [expected], "fixed, step {step}");
        case.compare(&machine, &emulator, &mut Tally::default()).expect("the readings agree");
    }
}

#[test]
fn a_projection_that_learns_and_ends_at_a_modulator_is_refused() {
    let mut b = NetworkBuilder::new("meta", 1);
    let input = b.input("in", 2);
    let m = b.modulator("m", 2, 0.5, 0.0, Some((-1.0, 1.0)));
    let feed = b.synapses("feed", input, m, Sign::Mixed, &[vec![0], vec![1]]);
    let (role, reset) = (StateRole::Variable, ResetGroup::Weights);
    let w = b.state(feed, "w", role, Values::Constant(0.25), Some((-1.0, 1.0)), reset);
    b.deliver(feed, w, Delay::Fixed(0));
    modulated(&mut b, feed, m, Role::Pre);
    let net = b.finish().expect("it is legal");
    let chip = chips::superset();
    let (plan, _) = plan(&net, &chip, &Requests::new()).expect("it has a plan");
    let identity =
        Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0, ..Identity::default() };
    let findings = compile(&net, &plan, &chip, &identity).expect_err("copies do not learn");
    assert!(findings.to_string().contains("C016"), "{findings}");
}

#[test]
fn a_current_that_one_turn_does_not_bring_back_ends_with_its_register_in_both_readings() {
    // Seven synapses fill the accumulator of 26 bits in units of 2^6; u keeps nearly all of it, so
    // from the second step on its sum is beyond 2^31 after one turn of 2^24, too.
    let chip = Chip::builtin("lava-nc").expect("the chip is built in");
    for (weight, end) in [(255.0, i64::from(i32::MAX)), (-255.0, i64::from(i32::MIN))] {
        let mut b = NetworkBuilder::new("beyond", 1);
        let input = b.input("in", 7);
        let keep = Values::Constant(1.0);
        let lif = Lif { keep_u: keep, ..Lif::default() };
        let out = b.lif("out", 1, &lif);
        let ff = b.synapses("ff", input, out, Sign::Mixed, &vec![vec![0]; 7]);
        let w = b.weight(ff, Values::Constant(weight));
        b.deliver(ff, w, Delay::Fixed(0));
        let bits =
            |bits, frac| FormatRequest { bits, frac: Some(frac), ..FormatRequest::default() };
        let requests = Requests::from([
            ("ff.w".to_owned(), bits(Some(9), 0)),
            ("out.v".to_owned(), bits(None, 20)),
        ]);
        let case = on(b.finish().expect("it is legal"), &chip, &requests);
        let u = case.net.state(out, "u").expect("it was declared");
        let mut machine = FixedMachine::new(&case.net, &case.plan);
        let mut emulator = Emulator::load(&case.image, Options::default()).expect("it loads");
        let lanes: Vec<u32> = (0..7).collect();
        for step in 1..=8 {
            machine.step(&[(input, &lanes)]);
            emulator.step(&[(0, &lanes)]).expect("lanes 0 to 6 exist");
            case.compare(&machine, &emulator, &mut Tally::default())
                .unwrap_or_else(|e| panic!("step {step}: {e}"));
        }
        assert_eq!(machine.raw(u), [end]);
    }
}
