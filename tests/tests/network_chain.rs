//! The emulator running an image equals the fixed reading of its network: every state, every
//! step, bit for bit.
//!
//! Random small networks on chips with small cores, so that populations are split. The image
//! goes through its file form; a second emulator runs on two threads; one of them is saved and
//! restored at a random step; groups of states are reset and synapses written at random steps;
//! then a second trial begins.
//!
//! `TRIFACTOR_NETWORKS` is the number of networks (500, or 60 in a debug build), `TRIFACTOR_STEPS`
//! the steps of each (200), `TRIFACTOR_SEED` runs the network of one seed alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use trifactor_compile::structure::{self, Structure};
use trifactor_compile::{Identity, compile};
use trifactor_emu::{Emulator, Options, Reset};
use trifactor_entity::EntityId;
use trifactor_image::{Guard, Image, elf};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, KernelBuilder, Read, ResetGroup, Role, Sign, SpaceId, StateId,
    StateRole, Target, Values, units,
};
use trifactor_quant::{FormatRequest, Plan, Requests, plan};
use trifactor_reference::FixedMachine;
use trifactor_testkit::builder::{Lif, NetworkBuilder};
use trifactor_testkit::networks::Drawn;
use trifactor_testkit::{Rng, cases, chips, networks};

/// A network, compiled.
struct Case {
    seed: u64,
    net: CheckedNetwork,
    plan: Plan,
    structure: Structure,
    image: Image,
    inputs: Vec<(SpaceId, usize, f64)>,
}

/// Draws the network of a seed and a chip that holds it; `None` where a rule has no plan.
fn case(seed: u64) -> Option<Case> {
    let mut rng = Rng::new(seed);
    let drawn = networks::draw(&mut rng);
    compiled(seed, drawn, &mut rng)
}

fn compiled(seed: u64, drawn: Drawn, rng: &mut Rng) -> Option<Case> {
    let identity = Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0 };
    // A lane that does not fit a small core is no mistake; larger cores are tried then.
    for attempt in 0..4 {
        let chip = if attempt < 3 { chips::small(rng) } else { chips::superset() };
        let plan = match plan(&drawn.net, &chip, &drawn.requests) {
            Ok((plan, _)) => plan,
            Err(findings) => {
                let text = findings.to_string();
                assert!(
                    ["Q003", "Q004", "Q005", "Q008"].iter().any(|c| text.contains(c)),
                    "seed {seed}: {text}"
                );
                return None;
            }
        };
        match compile(&drawn.net, &plan, &chip, &identity) {
            Ok(compiled) => {
                let structure = structure::read(&drawn.net).expect("it was just compiled");
                let inputs = networks::input_sizes(&drawn.net)
                    .into_iter()
                    .map(|(space, n)| (space, n, rng.pick(&[0.02, 0.1, 0.3, 0.6])))
                    .collect();
                return Some(Case {
                    seed,
                    net: drawn.net,
                    plan,
                    structure,
                    image: compiled.image,
                    inputs,
                });
            }
            Err(findings) => {
                let text = findings.to_string();
                let full = ["C015", "C020", "C021", "C022"].iter().any(|c| text.contains(c));
                assert!(full || text.contains("C013"), "seed {seed}: {text}");
            }
        }
    }
    None
}

impl Case {
    fn run(&self, steps: u32, tally: &mut Tally) {
        let mut rng = Rng::new(self.seed ^ 0x5eed);
        let file = elf::write(&self.image).expect("a linked image can be written");
        let read = elf::read(&file).unwrap_or_else(|e| panic!("seed {}: {e}", self.seed));
        assert_eq!(read, self.image, "seed {}: the file is not the image", self.seed);
        let load = |image: &Image, threads| {
            Emulator::load(image, Options { threads, ..Options::default() })
                .unwrap_or_else(|e| panic!("seed {}: {e}", self.seed))
        };
        let (mut serial, mut parallel) = (load(&self.image, 1), load(&read, 2));
        let mut machine = FixedMachine::new(&self.net, &self.plan);
        let pause = 1 + rng.below(steps as usize) as u32;
        for (trial, steps) in [(0, steps), (1, 10.min(steps))] {
            let draws = rng.bits() as u32;
            machine.restart(draws);
            for emulator in [&mut serial, &mut parallel] {
                emulator.begin_trial(draws);
                emulator.clear_ledger();
            }
            for step in 1..=steps {
                self.disturb(&mut rng, &mut machine, [&mut serial, &mut parallel]);
                if trial == 0 && step == pause {
                    // The rest of the run is executed by another emulator.
                    let saved = parallel.save();
                    parallel = load(&self.image, 2);
                    parallel.restore(&saved).unwrap_or_else(|e| panic!("seed {}: {e}", self.seed));
                }
                self.step(&mut rng, &mut machine, [&mut serial, &mut parallel]);
                for emulator in [&serial, &parallel] {
                    if let Err(difference) = self.compare(&machine, emulator, tally) {
                        panic!(
                            "seed {}, trial {trial}, step {step}: {difference}\n{}",
                            self.seed,
                            self.listing()
                        );
                    }
                }
            }
            self.compare_saturations(&machine, &serial, tally);
        }
        tally.networks += 1;
        tally.cores += self.image.cores.len();
        tally.several_cores += usize::from(self.image.cores.len() > 1);
    }

    fn step(&self, rng: &mut Rng, machine: &mut FixedMachine, emulators: [&mut Emulator; 2]) {
        let trains: Vec<(SpaceId, Vec<u32>)> = self
            .inputs
            .iter()
            .map(|(space, n, rate)| (*space, networks::spikes(rng, *n, *rate)))
            .collect();
        let by_space: Vec<(SpaceId, &[u32])> =
            trains.iter().map(|(space, lanes)| (*space, lanes.as_slice())).collect();
        machine.step(&by_space);
        let by_index: Vec<(usize, &[u32])> = trains
            .iter()
            .map(|(space, lanes)| {
                let id = self.structure.population(*space).expect("an input is a population");
                (id.index(), lanes.as_slice())
            })
            .collect();
        for emulator in emulators {
            emulator.step(&by_index).unwrap_or_else(|e| panic!("seed {}: {e}", self.seed));
        }
    }

    /// Resets and host writes, now and then.
    fn disturb(&self, rng: &mut Rng, machine: &mut FixedMachine, emulators: [&mut Emulator; 2]) {
        let reset = rng.chance(0.05);
        let groups: Vec<bool> = (0..4).map(|_| rng.chance(0.4)).collect();
        let write = rng.chance(0.05);
        let chosen: Vec<_> = self.structure.projections.iter().collect();
        let (id, projection) = chosen[rng.below(chosen.len())];
        let field = rng.below(projection.fields.len());
        let fixed = ResetGroup::ALL;
        let chip = Reset::ALL;
        let on = |k: &usize| groups[*k];
        if reset {
            let list: Vec<ResetGroup> = (0..4).filter(on).map(|k| fixed[k]).collect();
            machine.reset(&list);
        }
        let state = projection.fields[field];
        let format = &self.plan.states[state];
        let n = machine.raw(state).len();
        let values: Vec<i64> = (0..n).map(|_| rng.within(format.raw.lo..=format.raw.hi)).collect();
        // A modulator's synapses exist once per copy, so the host would have to write them all.
        // A delivery's bound on the accumulator holds for the weights that parameters have.
        let writable = self.structure.population(projection.post).is_some()
            && projection.rule.is_some()
            && self.net.setter(state).is_some();
        if write && writable {
            machine.set_raw(state, &values);
        }
        for emulator in emulators {
            if reset {
                let list: Vec<Reset> = (0..4).filter(on).map(|k| chip[k]).collect();
                emulator.reset(&list);
            }
            if write && writable {
                let values: Vec<i32> = values.iter().map(|v| *v as i32).collect();
                emulator
                    .write_field(id.index(), field, &values)
                    .unwrap_or_else(|e| panic!("seed {}: {e}", self.seed));
            }
        }
    }

    fn compare(
        &self,
        machine: &FixedMachine,
        emulator: &Emulator,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let mut values = Vec::new();
        for (id, population) in self.structure.populations.iter() {
            let index = id.index();
            if let Some(spike) = self.net.spikes(population.space) {
                let expected: Vec<u32> = (0u32..)
                    .zip(machine.raw(spike))
                    .filter(|(_, s)| **s != 0)
                    .map(|(lane, _)| lane)
                    .collect();
                tally.spikes += expected.len() as u64;
                if emulator.spikes(index) != expected {
                    let name = self.net.full_name(spike);
                    return Err(format!(
                        "{name}: lanes {:?} fired, not {expected:?}",
                        emulator.spikes(index)
                    ));
                }
            }
            let Some(phase) = population.phase else { continue };
            let phase = &self.net.phases[phase];
            for (name, read) in [
                ("u", Emulator::read_u as ReadMembrane),
                ("v", Emulator::read_v),
                ("hold", Emulator::read_hold),
            ] {
                let Some(state) = structure::bound(&self.net, phase, name) else { continue };
                read(emulator, index, &mut values).map_err(|e| e.to_string())?;
                let lanes: Vec<Option<i64>> = values.iter().map(|v| Some((*v).into())).collect();
                self.same(machine, state, &lanes, |lane| self.host_of(index, lane), tally)?;
            }
        }
        for (id, projection) in self.structure.projections.iter() {
            for (f, state) in projection.fields.iter().enumerate() {
                self.compare_field(machine, emulator, id.index(), f, *state, tally)?;
            }
        }
        let mut lines = Vec::new();
        for (id, modulator) in self.structure.modulators.iter() {
            emulator.read_modulator(id.index(), &mut lines).map_err(|e| e.to_string())?;
            let lanes: Vec<Option<i64>> = lines.iter().map(|v| v.map(i64::from)).collect();
            self.same(machine, modulator.state, &lanes, |_| "some copy".into(), tally)?;
        }
        for (t, trace) in self.image.map.traces.iter().enumerate() {
            let state = self.trace_state(&trace.name);
            emulator.read_trace(t, &mut lines).map_err(|e| e.to_string())?;
            let lanes: Vec<Option<i64>> = lines.iter().map(|v| v.map(i64::from)).collect();
            self.same(machine, state, &lanes, |_| format!("parts {:?}", trace.parts), tally)?;
        }
        Ok(())
    }

    fn trace_state(&self, name: &str) -> StateId {
        let id = self.net.states.ids().find(|id| self.net.full_name(*id) == name);
        id.unwrap_or_else(|| panic!("seed {}: the map names a trace '{name}'", self.seed))
    }

    /// Lanes that no core holds, because nothing there reads them, are `None`.
    fn same(
        &self,
        machine: &FixedMachine,
        state: StateId,
        lanes: &[Option<i64>],
        core: impl Fn(usize) -> String,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let expected = machine.raw(state);
        let name = self.net.full_name(state);
        if lanes.len() != expected.len() {
            return Err(format!("{name}: {} lanes, not {}", lanes.len(), expected.len()));
        }
        for (lane, (found, expected)) in lanes.iter().zip(expected).enumerate() {
            let Some(found) = found else { continue };
            tally.values += 1;
            if found != expected {
                return Err(format!(
                    "{name}, lane {lane}, {}: the chip has {found}, the fixed reading {expected}",
                    core(lane)
                ));
            }
        }
        Ok(())
    }

    fn host_of(&self, population: usize, lane: usize) -> String {
        let slices = &self.image.map.populations[population].slices;
        let lane = lane as u32;
        let host = slices.iter().find(|s| (s.first_lane..s.first_lane + s.n).contains(&lane));
        host.map_or_else(|| "no core".to_owned(), |s| format!("core {}", s.core))
    }

    fn compare_field(
        &self,
        machine: &FixedMachine,
        emulator: &Emulator,
        projection: usize,
        field: usize,
        state: StateId,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let space = self.net.states[state].space;
        let synapses = self.net.synapses(space).expect("a field belongs to synapses");
        let expected = machine.raw(state);
        let name = self.net.full_name(state);
        let mut seen = vec![false; expected.len()];
        for s in emulator.read_field(projection, field).map_err(|e| e.to_string())? {
            let row = synapses.row(s.pre);
            let at = synapses.post_lane[row.clone()]
                .binary_search(&s.post)
                .map_err(|_| format!("{name}: {} to {} is no synapse", s.pre, s.post))?;
            let k = row.start + at;
            seen[k] = true;
            tally.values += 1;
            if i64::from(s.raw) != expected[k] {
                return Err(format!(
                    "{name}, synapse {} to {}: the chip has {}, the fixed reading {}",
                    s.pre, s.post, s.raw, expected[k]
                ));
            }
        }
        let on_chip = !self.image.map.projections[projection].parts.is_empty();
        if on_chip && let Some(k) = seen.iter().position(|s| !s) {
            return Err(format!("{name}: synapse number {k} is on no core"));
        }
        Ok(())
    }

    /// Counts of clipped sums and stores, wherever the chip holds all lanes of a state.
    fn compare_saturations(&self, machine: &FixedMachine, emulator: &Emulator, tally: &mut Tally) {
        let on_chip: BTreeMap<String, u64> =
            emulator.saturations().into_iter().map(|s| (s.state, s.count)).collect();
        let mut lines = Vec::new();
        for (id, state) in self.net.states.iter() {
            let name = self.net.full_name(id);
            let modulator = self.structure.modulators.find(|m| m.state == id);
            let key = match modulator {
                Some(_) => self.net.spaces[state.space].name.clone(),
                None => name.clone(),
            };
            let Some(count) = on_chip.get(&key) else { continue };
            let trace = self.image.map.traces.iter().position(|t| t.name == name);
            let held = match (modulator, trace) {
                (Some(m), _) => emulator.read_modulator(m.index(), &mut lines).map(|()| &lines),
                (None, Some(t)) => emulator.read_trace(t, &mut lines).map(|()| &lines),
                (None, None) => {
                    lines.clear();
                    Ok(&lines)
                }
            };
            if held.expect("it was read before").iter().any(Option::is_none) {
                continue;
            }
            tally.saturated += count;
            assert_eq!(
                *count,
                machine.saturated(id),
                "seed {}: saturations of {name}\n{}",
                self.seed,
                self.listing()
            );
        }
    }

    /// What a reader needs first.
    fn listing(&self) -> String {
        let mut out = format!("epoch {}, {} cores\n", self.net.epoch, self.image.cores.len());
        for (id, p) in self.structure.projections.iter() {
            let name = &self.net.spaces[p.space].name;
            let (pre, post) = (&self.net.spaces[p.pre].name, &self.net.spaces[p.post].name);
            let _ = writeln!(out, "{id} {name}: {pre} -> {post}, {:?}, rule {:?}", p.delay, p.rule);
            if let Some(rule) = p.rule {
                let kernel = &self.net.kernels[self.net.phases[rule].kernel];
                out.push_str(&trifactor_ir::text::print_kernel(kernel));
            }
        }
        for core in &self.image.cores {
            let groups: Vec<_> =
                core.groups.iter().map(|g| (g.projection, g.first_post, g.n_post)).collect();
            let guards: Vec<Guard> = core.profiles.iter().map(|p| p.guard).collect();
            let _ = writeln!(out, "core {}: groups {groups:?}, guards {guards:?}", core.id);
        }
        out
    }
}

type ReadMembrane = fn(&Emulator, usize, &mut Vec<i32>) -> Result<(), trifactor_emu::EmuError>;

/// What was compared, so that a test which compares nothing is seen.
#[derive(Default, Debug)]
struct Tally {
    networks: usize,
    refused: usize,
    cores: usize,
    several_cores: usize,
    values: u64,
    spikes: u64,
    saturated: u64,
}

/// Runs every `of`-th network from `part` on, so that parts can run side by side.
fn chain(part: u64, of: u64) {
    if let Ok(seed) = std::env::var("TRIFACTOR_SEED") {
        let seed: u64 = seed.parse().expect("TRIFACTOR_SEED is a number");
        if seed % of == part {
            let steps = cases::count("TRIFACTOR_STEPS", 200, 200) as u32;
            case(seed).expect("the seed has a network").run(steps, &mut Tally::default());
        }
        return;
    }
    let wanted = cases::count("TRIFACTOR_NETWORKS", 500, 60).div_ceil(of as usize);
    let steps = cases::count("TRIFACTOR_STEPS", 200, 100) as u32;
    let mut tally = Tally::default();
    let mut seed = part;
    while tally.networks < wanted {
        match case(seed) {
            Some(case) => case.run(steps, &mut tally),
            None => tally.refused += 1,
        }
        seed += of;
    }
    eprintln!("{tally:?}");
    assert!(tally.refused < wanted, "too many networks are refused: {tally:?}");
    assert!(tally.several_cores * 3 > wanted, "too few networks need several cores: {tally:?}");
    assert!(tally.spikes > 0 && tally.saturated > 0, "nothing happened: {tally:?}");
}

#[test]
fn the_emulator_equals_the_fixed_reading_part_1_of_4() {
    chain(0, 4);
}
#[test]
fn the_emulator_equals_the_fixed_reading_part_2_of_4() {
    chain(1, 4);
}
#[test]
fn the_emulator_equals_the_fixed_reading_part_3_of_4() {
    chain(2, 4);
}
#[test]
fn the_emulator_equals_the_fixed_reading_part_4_of_4() {
    chain(3, 4);
}

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
    let identity = Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0 };
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
    let chip = chips::superset();
    let identity = Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0 };
    let (plan, _) = plan(&net, &chip, requests).expect("it has a plan");
    let image = compile(&net, &plan, &chip, &identity).expect("it fits").image;
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
    let identity = Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0 };
    let findings = compile(&net, &plan, &chip, &identity).expect_err("copies do not learn");
    assert!(findings.to_string().contains("C016"), "{findings}");
}

#[test]
fn the_random_networks_have_every_kind_of_part() {
    let mut found: BTreeMap<&str, u32> = BTreeMap::new();
    let mut note =
        |what: &'static str, there: bool| *found.entry(what).or_insert(0) += u32::from(there);
    for case in (0..300).filter_map(case) {
        let net = &case.net;
        let units: Vec<units::Unit> = net.kernels.values().filter_map(units::recognise).collect();
        for parts in units::LifParts::all() {
            note("a population", units.contains(&units::Unit::Lif(parts)));
            if !parts.threshold {
                note("a read-out", units.contains(&units::Unit::Lif(parts)));
            }
            if parts.refractory && parts.floor && parts.bias {
                note("all parts", units.contains(&units::Unit::Lif(parts)));
            }
        }
        note("a linear trace", units.contains(&units::Unit::LinearTrace));
        note("a saturating trace", units.contains(&units::Unit::SaturatingTrace));
        note("a modulator", units.contains(&units::Unit::Modulator));
        note("several cores", case.image.cores.len() > 1);
        for p in case.structure.projections.values() {
            note("a long delay", matches!(p.delay, Delay::Fixed(d) if d > 9));
            note("delays per synapse", matches!(p.delay, Delay::PerSynapse(_)));
            note(
                "a delay that learns",
                matches!(p.delay, Delay::PerSynapse(d) if net.setter(d).is_some()),
            );
            note("recurrence", p.pre == p.post);
        }
        for core in &case.image.cores {
            note("a split population", core.groups.iter().any(|g| g.first_post > 0));
            note("a modulator copied", core.modulators.len() > 1);
            note("weights cut off on delivery", core.groups.iter().any(|g| g.shift < 0));
            for profile in &core.profiles {
                note("a guard on both", profile.guard == Guard::PreOrPost);
                note("a guard on pre", profile.guard == Guard::Pre);
                note("a guard on post", profile.guard == Guard::Post);
                note("no guard", profile.guard == Guard::Always);
            }
            note("history", core.columns.iter().any(|c| c.history));
        }
    }
    for (what, count) in &found {
        assert!(*count >= 3, "only {count} networks have {what}: {found:?}");
    }
}
