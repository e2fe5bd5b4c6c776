//! The cost ledger against sums done by hand.

mod common;

use common::tiny::{Tiny, counter, integrator};
use common::{Rng, borrowed, inputs, random};
use trifactor_emu::{Cause, Emulator, Options, Report, Reset};
use trifactor_image::{Core, Image, PopulationMap, Slice};
use trifactor_isa::{Chip, Cost, CostClass};

fn load(image: &Image, preset: &str) -> Emulator {
    let options = Options { preset: Some(preset.into()), ..Options::default() };
    Emulator::load(image, options).unwrap()
}

fn cost(fj: u64, ticks: u64) -> Cost {
    Cost { fj, ticks }
}

#[test]
fn a_full_core_of_inactive_neurons_costs_the_published_sum() {
    // 1,024 times 52 pJ and 5.3 ns; one tile in use: a barrier of 113 ns.
    let neurons = vec![integrator(i32::MAX); 1024];
    let mut emulator = load(&Tiny { neurons, ..Tiny::default() }.image(), "paper-0v75");
    emulator.step(&[]).unwrap();
    let report = emulator.report();
    assert_eq!(report.of(Cause::CompartmentInactive), cost(53_248_000, 54_272));
    assert_eq!((report.time_ticks, report.tiles), (54_272 + 1_130, 1));
    // 104.4 mW over 5,540.2 ns.
    assert_eq!(report.of(Cause::Static).fj, 104_400 * 55_402 / 10);
    assert_eq!(report.total_fj(), 53_248_000 + 104_400 * 55_402 / 10);
}

#[test]
fn a_full_core_of_active_neurons_costs_the_published_sum() {
    // 1,024 times 81 pJ and 8.4 ns: every neuron spikes from its bias and nobody listens.
    let active = trifactor_image::Compartment { bias: 20, ..integrator(15) };
    let mut emulator =
        load(&Tiny { neurons: vec![active; 1024], ..Tiny::default() }.image(), "paper-0v75");
    emulator.step(&[]).unwrap();
    let report = emulator.report();
    assert_eq!(report.of(Cause::CompartmentActive), cost(82_944_000, 86_016));
    assert_eq!(report.time_ticks, 86_016 + 1_130);
}

#[test]
fn a_full_chip_costs_the_published_sum_in_a_step() {
    // 128 cores of 1,024 neurons: 6.816 uJ inactive, 10.617 uJ active; cores work side by side
    // and the barrier of 32 tiles takes 465 ns.
    let inactive = integrator(i32::MAX);
    let active = trifactor_image::Compartment { bias: 20, ..integrator(15) };
    for (neuron, cause, fj, ticks) in [
        (inactive, Cause::CompartmentInactive, 6_815_744_000, 54_272),
        (active, Cause::CompartmentActive, 10_616_832_000, 86_016),
    ] {
        let mut image = Tiny { neurons: vec![neuron; 1024], ..Tiny::default() }.image();
        for id in 1..128 {
            image.cores.push(Core { id, compartments: vec![neuron; 1024], ..Core::default() });
            let slice = Slice { first_lane: 0, n: 1024, core: id, first_compartment: 0 };
            image.map.populations.push(PopulationMap {
                name: format!("p{id}"),
                n: 1024,
                frac: 0,
                slices: vec![slice],
                input_axons: vec![],
            });
        }
        let mut emulator = load(&image, "paper-0v75");
        emulator.step(&[]).unwrap();
        let report = emulator.report();
        assert_eq!((report.of(cause), report.count(cause)), (cost(fj, 128 * ticks), 131_072));
        assert_eq!((report.time_ticks, report.tiles), (ticks + 4_650, 32));
    }
}

#[test]
fn a_million_synaptic_operations_cost_the_published_sum() {
    // 1,000 inputs on 1,000 neurons: 23.6 uJ and 3.5 ms.
    let tiny = Tiny { n_pre: 1000, neurons: vec![integrator(i32::MAX); 1000], ..Tiny::default() };
    let mut emulator = load(&tiny.image(), "paper-0v75");
    let all: Vec<u32> = (0..1000).collect();
    emulator.step(&[(0, &all)]).unwrap();
    emulator.step(&[]).unwrap();
    let report = emulator.report();
    assert_eq!(
        (report.of(Cause::Synop), report.count(Cause::Synop)),
        (cost(23_600_000_000, 35_000_000), 1_000_000)
    );
}

#[test]
fn barriers_take_the_published_times() {
    let chip = trifactor_isa::Chip::builtin("superset").unwrap();
    let (costs, _) = chip.preset("paper-0v75").unwrap().resolve(&chip.mesh);
    assert_eq!([1, 32].map(|tiles| costs.barrier_ticks(tiles, 1)), [1_130, 4_650]);
}

#[test]
fn a_message_across_the_mesh_costs_its_links_and_its_tile() {
    // From tile (0, 0) to (7, 3): 7 links of 3.0 pJ and 3 of 4.0 pJ, 1.7 pJ of tile; 50.3 ns.
    let image = Tiny { core: 127, ..Tiny::default() }.image();
    let mut emulator = load(&image, "paper-0v75");
    emulator.step(&[(0, &[0])]).unwrap();
    let report = emulator.report();
    assert_eq!((report.count(Cause::HopEw), report.count(Cause::HopNs)), (7, 3));
    let message: Cost =
        [Cause::TileEntry, Cause::HopEw, Cause::HopNs].map(|c| report.of(c)).into_iter().sum();
    assert_eq!(message, cost(34_700, 503));
    // The message is under way longer than the core's compartment takes, 5.3 ns, and keeps the
    // input axon unit busy for a tick.
    assert_eq!(report.time_ticks, 504 + 1_130);
    let critical = |cause| report.lines.iter().find(|l| l.cause == cause).unwrap().critical;
    assert_eq!(critical(Cause::CompartmentInactive), 53);
    assert_eq!(critical(Cause::UnderWay), 504 - 53);
}

#[test]
fn a_link_to_another_chip_costs_on_top_and_every_chip_in_use_has_power() {
    let mut chip = Chip::builtin("superset").unwrap();
    chip.mesh.chips.columns = 2;
    chip.cost.presets[0].hop_chip = Some(cost(50_000, 100));
    // The input's message goes from tile (0, 0) to (8, 0), the first of the second chip. A
    // neuron on the first chip does nothing.
    let mut image = Tiny { core: 128, ..Tiny::default() }.image();
    image.meta.chip = chip.canonical();
    let idle = Core { id: 0, compartments: vec![integrator(i32::MAX)], ..Core::default() };
    image.cores.insert(0, idle);
    let mut emulator = load(&image, "paper-0v75");
    emulator.step(&[(0, &[0])]).unwrap();
    let report = emulator.report();
    assert_eq!((report.of(Cause::HopEw), report.count(Cause::HopEw)), (cost(24_000, 328), 8));
    assert_eq!((report.of(Cause::HopChip), report.count(Cause::HopChip)), (cost(50_000, 100), 1));
    assert!(!report.missing.contains(&"hop_chip"));
    assert_eq!((report.tiles, report.chips), (2, 2));
    // One tile on either chip, so 113 ns; of the way to 14,300 ns on 256 chips, 1 / 255.
    let barrier = 1130 + 556;
    assert_eq!(report.of(Cause::Barrier).ticks, barrier);
    assert_eq!(report.time_ticks, 21 + 328 + 100 + 1 + barrier);
    assert_eq!(report.of(Cause::Static).fj, 2 * (104_400 * report.time_ticks / 10));
}

#[test]
fn a_cost_of_links_to_other_chips_that_no_source_gives_is_named_where_there_are_several() {
    let mut chip = Chip::builtin("superset").unwrap();
    let mut image = Tiny::default().image();
    let missing = |image: &Image| load(image, "paper-0v75").report().missing;
    assert!(!missing(&image).contains(&"hop_chip"));
    chip.mesh.chips.rows = 3;
    image.meta.chip = chip.canonical();
    assert!(missing(&image).contains(&"hop_chip"));
}

#[test]
fn the_pairwise_program_costs_the_published_update() {
    // 120 pJ and 6.1 ns for each of 65,536 synapses.
    let program = "lds r0, field 0
        ldx r1, slot 1, at y0\nldy r2, slot 0, at end\nldy r3, slot 1, at x0
        ldx r4, slot 0, at end\nldi r5, 1, <<0\nldi r6, 1, <<0
        mul r1, r1, r2, >>0, floor, site 0\nmul r1, r1, r5, >>0, floor, site 0
        mul r3, r3, r4, >>0, floor, site 0\nmul r3, r3, r6, >>0, floor, site 0
        sub r1, r1, r3\nshl r0, r0, <<4\nadd r0, r0, r1
        sts field 0, r0, >>4, stochastic, site 0\nhalt";
    let tiny = Tiny {
        n_pre: 64,
        neurons: vec![integrator(i32::MAX); 1024],
        program: Some(program.into()),
        pre_columns: vec![counter(1)],
        post_columns: vec![counter(1)],
        ..Tiny::default()
    };
    for preset in ["paper-0v75", "paper-0v75-logic"] {
        let mut emulator = load(&tiny.image(), preset);
        emulator.step(&[]).unwrap();
        let report = emulator.report();
        let of_rule = report.lines.iter().filter(|l| l.rule.as_deref() == Some("in-out"));
        let sum: Cost = of_rule.map(|l| l.cost).sum();
        assert_eq!(sum, cost(120_000 * 65_536, 61 * 65_536), "{preset}");
        assert_eq!(report.count(Cause::RuleInstruction(CostClass::Mul)), 4 * 65_536);
        assert_eq!(report.count(Cause::Trace), 64 + 1024);
        assert_eq!(report.count(Cause::RuleSkip), 0);
    }
}

#[test]
fn a_step_takes_as_long_as_its_busiest_core_and_the_barrier() {
    // Two cores in different tiles with 3 and 5 neurons; barrier of 2 tiles between the points
    // (1, 1130) and (32, 4650): 1130 + 3520 / 31 = 1243.5, rounded half up.
    let mut image = Tiny { neurons: vec![integrator(i32::MAX); 3], ..Tiny::default() }.image();
    let compartments = vec![integrator(i32::MAX); 5];
    image.cores.push(trifactor_image::Core { id: 4, compartments, ..Default::default() });
    let slice = Slice { first_lane: 0, n: 5, core: 4, first_compartment: 0 };
    image.map.populations.push(PopulationMap {
        name: "more".into(),
        n: 5,
        frac: 0,
        slices: vec![slice],
        input_axons: vec![],
    });
    let mut emulator = load(&image, "paper-0v75");
    for _ in 0..4 {
        emulator.step(&[]).unwrap();
    }
    let report = emulator.report();
    assert_eq!(report.time_ticks, 4 * (5 * 53 + 1_244));
    assert_eq!(report.longest_step_ticks, 5 * 53 + 1_244);
    assert_eq!(report.work_ticks(), 4 * 8 * 53);
    assert_eq!(report.of(Cause::Barrier).ticks, 4 * 1_244);
}

#[test]
fn a_neuron_is_active_when_it_receives_or_spikes() {
    let neurons = vec![integrator(15), trifactor_image::Compartment { bias: 20, ..integrator(15) }];
    let mut emulator = load(&Tiny { neurons, ..Tiny::default() }.image(), "silicon-2023");
    emulator.step(&[(0, &[0])]).unwrap();
    // The second neuron spikes from its bias.
    let count = |e: &Emulator, cause| e.report().count(cause);
    assert_eq!(
        (count(&emulator, Cause::CompartmentActive), count(&emulator, Cause::SpikeOut)),
        (1, 1)
    );
    emulator.step(&[]).unwrap();
    // Both receive; the second spikes again.
    assert_eq!(
        (count(&emulator, Cause::CompartmentActive), count(&emulator, Cause::SpikeOut)),
        (3, 2)
    );
    assert_eq!((count(&emulator, Cause::Synop), count(&emulator, Cause::SynapseWord)), (2, 1));
    assert_eq!(emulator.report().of(Cause::SynapseWord), cost(55_100, 230));
}

#[test]
fn host_work_stands_on_its_own_lines() {
    let mut emulator = load(&Tiny::default().image(), "paper-0v75");
    emulator.reset(&[Reset::Weights, Reset::Membrane]);
    emulator.write_field(0, 0, &[5]).unwrap();
    let report = emulator.report();
    assert_eq!(report.of(Cause::HostReset), cost(46_400_000, 0));
    assert_eq!(report.count(Cause::HostWrite), 1);
    assert_eq!((report.time_ticks, report.work_ticks(), report.steps), (0, 0, 0));
    emulator.clear_ledger();
    assert_eq!(emulator.report().total_fj(), 0);
}

#[test]
fn coefficients_that_a_source_does_not_give_are_named() {
    let emulator = load(&Tiny::default().image(), "paper-0v75");
    let missing = emulator.report().missing;
    for name in ["axon_in", "spike_out", "axon_out", "system.host_write"] {
        assert!(missing.contains(&name), "{name} in {missing:?}");
    }
    assert!(!missing.contains(&"synop"));
}

/// Adds the lines up in another way than the report does.
fn check_sums(report: &Report) {
    let mut energy = 0;
    let mut work = 0;
    let mut time = 0;
    for line in &report.lines {
        energy += line.cost.fj;
        time += line.critical;
        let waits = [Cause::Barrier, Cause::Static, Cause::HostReset, Cause::HostWrite];
        if !waits.contains(&line.cause) && ![Cause::Stall, Cause::UnderWay].contains(&line.cause) {
            work += line.cost.ticks;
        }
    }
    assert_eq!((report.total_fj(), report.work_ticks()), (energy, work));
    assert_eq!(report.time_ticks, time);
    assert!(report.time_ticks >= report.of(Cause::Barrier).ticks);
}

#[test]
fn totals_add_up_step_by_step_on_random_images() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let mut whole = load(&image, "silicon-2025");
        let mut parts = load(&image, "silicon-2025");
        let (mut energy, mut time, mut work) = (0, 0, 0);
        let mut spikes = 0;
        for _ in 0..50 {
            let given = inputs(&mut rng, &whole);
            whole.step(&borrowed(&given)).unwrap();
            parts.clear_ledger();
            parts.step(&borrowed(&given)).unwrap();
            let report = parts.report();
            check_sums(&report);
            assert_eq!(report.time_ticks, report.longest_step_ticks);
            // Static energy is rounded once per report, so it is compared apart.
            energy += report.total_fj() - report.of(Cause::Static).fj;
            time += report.time_ticks;
            work += report.work_ticks();
            let neurons = whole.map().populations.iter().enumerate();
            let neurons = neurons.filter(|(_, p)| !p.slices.is_empty());
            spikes += neurons.map(|(p, _)| whole.spikes(p).len() as u64).sum::<u64>();
        }
        let report = whole.report();
        check_sums(&report);
        assert_eq!(report.total_fj() - report.of(Cause::Static).fj, energy);
        assert_eq!((report.time_ticks, report.work_ticks(), report.steps), (time, work, 50));
        assert_eq!(report.count(Cause::SpikeOut), spikes);
    }
}
