//! A network on several chips: its states are those of the fixed reading wherever its cores are,
//! and its ledger counts every link that its messages pass.

use crate::case::Case;
use crate::compare::Tally;
use trifactor_compile::mesh::Arrangement;
use trifactor_compile::{Compiled, Identity, compile, link, mesh, route, structure};
use trifactor_emu::{Cause, Emulator, Options, Report};
use trifactor_entity::EntityId;
use trifactor_image::{Image, elf};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, KernelBuilder, Read, ResetGroup, Role, Sign, StateRole, Target,
    Values,
};
use trifactor_isa::{Chip, ChipGrid, CoreId, Cost, Hops, Mesh};
use trifactor_quant::{Plan, Requests, plan};
use trifactor_reference::FixedMachine;
use trifactor_testkit::builder::{Lif, NetworkBuilder};
use trifactor_testkit::{Rng, chips, networks};

const STEPS: u32 = 60;

/// Chips of four cores of four neurons, on two tiles, in a square of two by two.
fn chip() -> Chip {
    let mut chip = chips::superset();
    chip.name = "four-chips".to_owned();
    chip.mesh = Mesh {
        columns: 2,
        rows: 1,
        cores_per_tile: 2,
        chips: ChipGrid { columns: 2, rows: 2 },
        ..chip.mesh
    };
    chip.core.compartments = 4;
    chip.cost.presets[0].hop_chip = Some(Cost { fj: 20_000, ticks: 30 });
    chip.check().expect("it is a chip");
    chip
}

/// Two populations of 20 that excite each other across the author's order, the first way by
/// synapses that learn, with stochastic rounding.
fn network() -> CheckedNetwork {
    let mut b = NetworkBuilder::new("spread", 1);
    let lif = Lif { threshold: Some(Values::Constant(1.0)), ..Lif::default() };
    let input = b.input("in", 20);
    let a = b.lif("a", 20, &lif);
    let z = b.lif("z", 20, &lif);
    let one = |b: &mut NetworkBuilder, name: &str, pre, post, to: fn(u32) -> u32, w: f64| {
        let rows: Vec<Vec<u32>> = (0..20).map(|k| vec![to(k) % 20]).collect();
        let projection = b.synapses(name, pre, post, Sign::Mixed, &rows);
        let w = b.weight(projection, Values::Constant(w));
        b.deliver(projection, w, Delay::Fixed(0));
    };
    one(&mut b, "ff", input, a, |k| k, 1.5);
    one(&mut b, "back", z, a, |k| 19 - k, 0.75);
    let rows: Vec<Vec<u32>> = (0..20u32)
        .map(|k| {
            let mut row = vec![(k * 7 + 3) % 20, (k * 7 + 11) % 20];
            row.sort_unstable();
            row
        })
        .collect();
    let there = b.synapses("there", a, z, Sign::Mixed, &rows);
    let (role, reset) = (StateRole::Variable, ResetGroup::Weights);
    let w = b.state(there, "w", role, Values::Constant(1.0), Some((-2.0, 2.0)), reset);
    b.deliver(there, w, Delay::Fixed(0));
    let mut k = KernelBuilder::new("drift");
    let (old, x0, y0) =
        (k.input("w", Role::Own), k.input("x0", Role::Pre), k.input("y0", Role::Post));
    let change = k.sub(y0, x0);
    let rate = k.constant(0.013);
    let change = k.mul(rate, change);
    let new = k.add(old, change);
    k.output("w", Target::Set, new);
    let spikes = |space| b.network().spikes(space).expect("it spikes");
    let reads =
        vec![Read::State(w), Read::SpikedInEpoch(spikes(a)), Read::SpikedInEpoch(spikes(z))];
    b.phase(Group::Plasticity, there, k.build(), reads, vec![w]);
    b.finish().expect("it is legal")
}

fn identity() -> Identity {
    Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0, ..Identity::default() }
}

fn compiled(chip: Chip) -> (CheckedNetwork, Plan, Chip, Compiled) {
    let net = network();
    let (plan, _) = plan(&net, &chip, &Requests::new()).expect("it has a plan");
    let compiled = compile(&net, &plan, &chip, &identity()).unwrap_or_else(|e| panic!("{e}"));
    (net, plan, chip, compiled)
}

/// The image with its cores where one says.
fn linked(
    (net, plan, chip, compiled): &(CheckedNetwork, Plan, Chip, Compiled),
    arrangement: &Arrangement,
) -> Image {
    let structure = structure::read(net).expect("it was just compiled");
    let routes = route::route(net, &structure, &compiled.placement);
    link::link(
        net,
        plan,
        chip,
        &identity(),
        &structure,
        &compiled.lowered,
        &compiled.placement,
        &routes,
        arrangement,
    )
    .expect("it links anywhere")
}

/// Links that the messages of a step pass: from the image's tables, message by message.
fn hops_of_step(image: &Image, chip: &Chip, emulator: &Emulator) -> Hops {
    let core = |number: u32| CoreId::from_index(number as usize);
    let mut sum = Hops::default();
    for (index, population) in image.map.populations.iter().enumerate() {
        for lane in emulator.spikes(index) {
            if population.slices.is_empty() {
                for (to, _) in &population.input_axons[*lane as usize] {
                    sum += chip.hops(core(0), core(*to));
                }
            }
            for s in &population.slices {
                let Some(at) = lane.checked_sub(s.first_lane).filter(|at| *at < s.n) else {
                    continue;
                };
                let here = image.cores.iter().find(|c| c.id == s.core).expect("it is in use");
                let c = here.compartments[(s.first_compartment + at) as usize];
                for message in &here.axons_out[c.first_out as usize..][..c.n_out as usize] {
                    sum += chip.hops(core(s.core), core(message.core));
                }
            }
        }
    }
    sum
}

/// Runs an image beside the fixed reading and returns the ledger; hops are counted again.
fn run(parts: &(CheckedNetwork, Plan, Chip, Compiled), image: &Image) -> Report {
    let (net, plan, chip, _) = parts;
    let image = elf::read(&elf::write(image).expect("it can be written")).expect("and read");
    let structure = structure::read(net).expect("it was just compiled");
    let mut emulator = Emulator::load(&image, Options::default()).expect("it loads");
    let mut machine = FixedMachine::new(net, plan);
    let (net, plan) = (net.clone(), plan.clone());
    let case = Case { seed: 0, structure, plan, image, inputs: Vec::new(), net };
    let input = case.net.inputs()[0];
    machine.restart(7);
    emulator.begin_trial(7);
    emulator.clear_ledger();
    let (mut rng, mut expected, mut tally) = (Rng::new(3), Hops::default(), Tally::default());
    for step in 1..=STEPS {
        let lanes = networks::spikes(&mut rng, 20, 0.3);
        machine.step(&[(input, &lanes)]);
        emulator.step(&[(0, &lanes)]).expect("the lanes exist");
        case.compare(&machine, &emulator, &mut tally)
            .unwrap_or_else(|e| panic!("step {step}: {e}"));
        expected += hops_of_step(&case.image, chip, &emulator);
    }
    assert!(tally.spikes > 100, "{tally:?}");
    let report = emulator.report();
    let counted = |cause| report.count(cause) as u32;
    let (ew, ns) = (counted(Cause::HopEw), counted(Cause::HopNs));
    assert_eq!(Hops { ew, ns, border: counted(Cause::HopChip) }, expected);
    report
}

#[test]
fn states_on_several_chips_are_those_of_the_fixed_reading_and_border_links_cost_extra() {
    let parts = compiled(chip());
    let (chip, compiled) = (&parts.2, &parts.3);
    assert_eq!(compiled.image.cores.len(), 10);
    let report = run(&parts, &compiled.image);
    // Ten cores of four a chip.
    assert_eq!((report.chips, report.tiles), (3, 5));
    let border = report.of(Cause::HopChip);
    let n = report.count(Cause::HopChip);
    assert!(n > 0);
    assert_eq!(border, Cost { fj: 20_000, ticks: 30 } * n);
    let barrier = chip.preset("paper-0v75").expect("it is the default").resolve(&chip.mesh).0;
    // T3: one in every step, and one behind the update part. Nothing but the rule, at the end of
    // every epoch, has anything to update.
    let net = &parts.0;
    let barriers = u64::from(STEPS + STEPS / net.epoch);
    assert_eq!(report.count(Cause::Barrier), barriers);
    assert_eq!(report.of(Cause::Barrier).ticks, barriers * barrier.barrier_ticks(2, 3));
    let each = barrier.static_fj(report.time_ticks, 100);
    assert_eq!(report.of(Cause::Static).fj, 3 * each);
    let total: u64 = report.lines.iter().map(|line| line.cost.fj).sum();
    assert_eq!(report.total_fj(), total);
}

#[test]
fn no_state_depends_on_where_the_cores_are_and_the_compiler_s_places_need_fewer_hops() {
    let parts = compiled(chip());
    let arranged = &parts.3.arrangement;
    let in_order = Arrangement::in_order(10);
    assert_ne!(*arranged, in_order, "the author's order can be improved");
    assert_eq!(linked(&parts, arranged), parts.3.image);
    // Anywhere on the four chips, free cores between.
    let scattered = Arrangement { numbers: vec![15, 2, 11, 0, 7, 9, 4, 14, 1, 6] };
    let energy = |arrangement: &Arrangement| {
        let report = run(&parts, &linked(&parts, arrangement));
        [Cause::HopEw, Cause::HopNs, Cause::HopChip].map(|c| report.of(c).fj).iter().sum::<u64>()
    };
    let [by_compiler, by_author, by_chance] = [arranged, &in_order, &scattered].map(energy);
    assert!(by_compiler < by_author, "{by_compiler} fJ, in order {by_author} fJ");
    assert!(by_compiler < by_chance, "{by_compiler} fJ, scattered {by_chance} fJ");
}

#[test]
fn the_next_chip_is_opened_when_the_first_is_full_and_a_full_system_is_refused() {
    let chips_of = |n: u32| {
        let mut b = NetworkBuilder::new("many", 1);
        let input = b.input("in", 1);
        let out = b.lif("out", n, &Lif::default());
        let ff = b.synapses("ff", input, out, Sign::Mixed, &[(0..n).collect()]);
        let w = b.weight(ff, Values::Constant(1.0));
        b.deliver(ff, w, Delay::Fixed(0));
        let (net, chip) = (b.finish().expect("it is legal"), chip());
        let (plan, _) = plan(&net, &chip, &Requests::new()).expect("it has a plan");
        compile(&net, &plan, &chip, &identity()).map(|compiled| {
            let chip_of =
                |c: &trifactor_image::Core| chip.chip_of(CoreId::from_index(c.id as usize));
            let mut used: Vec<u32> = compiled.image.cores.iter().map(chip_of).collect();
            used.sort_unstable();
            used.dedup();
            used.len()
        })
    };
    assert_eq!(chips_of(16).expect("it fits one chip"), 1);
    assert_eq!(chips_of(17).expect("it fits two chips"), 2);
    assert_eq!(chips_of(64).expect("it fills all four"), 4);
    let refused = chips_of(65).expect_err("there is no fifth").to_string();
    assert!(
        refused.contains(
            "all 16 cores of the 4 chips of 'four-chips' are in use, and the network needs 17 cores"
        ),
        "{refused}"
    );
    assert!(refused.contains("chips: (columns: 5, rows: 1)"), "{refused}");
    assert!(refused.contains("more chips"), "{refused}");
}

#[test]
fn the_cores_of_768_chips_have_numbers_beyond_16_bits() {
    let mut large = chips::superset();
    large.mesh.chips = ChipGrid { columns: 24, rows: 32 };
    large.core.compartments = 4;
    large.check().expect("it is a chip");
    assert_eq!(large.n_cores(), 98_304);
    let parts = compiled(large);
    let numbers = (0..10).map(|k| 98_303 - 9_973 * k).collect();
    let report = run(&parts, &linked(&parts, &Arrangement { numbers }));
    assert_eq!(report.chips, 10);
    assert!(report.missing.contains(&"hop_chip"));
}

#[test]
fn expected_rates_decide_which_cores_are_near_each_other() {
    let parts = compiled(chip());
    let (net, plan, chip, _) = &parts;
    let rates = [("a".to_owned(), 0.01), ("z".to_owned(), 0.01)].into();
    let other = Identity { rates, ..identity() };
    let quiet = compile(net, plan, chip, &other).unwrap_or_else(|e| panic!("{e}"));
    let structure = structure::read(net).expect("it was just compiled");
    let routes = route::route(net, &structure, &quiet.placement);
    let traffic =
        mesh::traffic::Traffic::of(net, &structure, &quiet.placement, &routes, &other.rates);
    // 20 lanes of the input, and 40 of a hundredth.
    assert_eq!(traffic.spikes, 20_000 + 400);
    let host = |arrangement: &Arrangement| {
        let core = |k: usize| CoreId::from_index(arrangement.numbers[k] as usize);
        let hops = |k: usize| chip.hops(CoreId::from_index(0), core(k));
        (0..10).map(|k| traffic.from_host[k] * u64::from(hops(k).ew + hops(k).ns)).sum::<u64>()
    };
    assert!(host(&quiet.arrangement) < host(&parts.3.arrangement), "inputs are near the host now");
}
