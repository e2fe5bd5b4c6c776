//! Chip files: the built-in ones, the rules, geometry and costs.

use trifactor_entity::EntityId;
use trifactor_isa::{
    BarrierPoint, Chip, ChipError, ChipGrid, ChipsBarrierPoint, CoreId, Cost, CostClass, Direction,
    Hops, ISA_NAME, Inst, Link, ProductForm, RuleForm, assemble,
};

fn superset() -> Chip {
    Chip::builtin("superset").expect("it is built in")
}

/// The rule that a changed superset breaks, and the key it names.
fn break_it(change: impl FnOnce(&mut Chip)) -> (&'static str, String) {
    let mut chip = superset();
    change(&mut chip);
    match chip.check() {
        Err(ChipError::Rejected { rule, key, .. }) => (rule, key),
        other => panic!("expected a rejection, got {other:?}"),
    }
}

/// One test per rule: what is changed, and the rule and key that must be named.
macro_rules! rejected {
    ($($rule:ident: $key:literal, $change:expr;)*) => {
        $(#[test]
        fn $rule() {
            assert_eq!(break_it($change), (stringify!($rule), $key.to_string()));
        })*
    };
}

rejected! {
    unusable_name: "name", |c| c.name = "My Chip".into();
    foreign_isa: "isa", |c| c.isa = "trifactor-0".into();
    empty_mesh: "mesh.rows", |c| c.mesh.rows = 0;
    oversized_mesh: "mesh", |c| c.mesh.columns = 1 << 9;
    too_many_chips: "mesh.chips", |c| c.mesh.chips = ChipGrid { columns: 129, rows: 128 };
    empty_core: "core.axons_out", |c| c.core.axons_out = 0;
    header_too_narrow: "core.block_header_bits", |c| c.core.formats = 17;
    columns_beyond_slots: "core.pre_columns", |c| c.core.pre_columns = 16;
    fields_beyond_codes: "synapse", |c| c.synapse.tags = 11;
    epoch_out_of_range: "core.epoch_max", |c| c.core.epoch_max = 64;
    delays_that_do_not_fit: "core.delay_slots", |c| c.core.delay_slots = 65;
    state_width_out_of_range: "neuron.state_bits", |c| c.neuron.state_bits = 33;
    decay_width_out_of_range: "neuron.decay_bits", |c| c.neuron.decay_bits = 17;
    accumulator_narrower_than_state: "neuron.accumulator_bits", |c| c.neuron.accumulator_bits = 23;
    arithmetic_out_of_range: "arithmetic.neuron.input.unit", |c| c.arithmetic.neuron.input.unit = 17;
    no_width_to_choose: "trace.bits", |c| c.trace.bits.clear();
    unsorted_widths: "synapse.tag_bits", |c| c.synapse.tag_bits.swap(0, 1);
    width_out_of_range: "modulator.bits", |c| c.modulator.bits.push(17);
    unaddressable_compartments: "synapse.index_bits", |c| c.core.compartments = 4097;
    default_that_is_not_offered: "defaults.trace_bits", |c| c.defaults.trace_bits = 11;
    no_unit_of_time: "cost.tick_ps", |c| c.cost.tick_ps = 0;
    unknown_default_preset: "cost.default", |c| c.cost.default = "paper".into();
    ambiguous_or_unsourced_preset: "cost.presets['paper-0v75-logic']", |c| c.cost.presets[1].learning.source.clear();
    shapeless_barrier: "cost.presets['paper-0v75'].barrier", |c| c.cost.presets[0].barrier.swap(0, 1);
}

#[test]
fn a_form_of_rules_has_scales_and_limits_that_some_rule_can_have() {
    let form = || Chip::builtin("loihi1").expect("it is built in").rule.products().expect("sums");
    let broken = |change: fn(&mut ProductForm)| {
        break_it(|c| {
            let mut form = form();
            change(&mut form);
            c.rule = RuleForm::SumsOfProducts(form);
        })
    };
    for (key, found) in [
        ("rule.scale.mantissa_bits", broken(|f| f.scale.mantissa_bits = 1)),
        ("rule.scale.mantissa_bits", broken(|f| f.scale.mantissa_bits = 16)),
        ("rule.scale.exponent", broken(|f| f.scale.exponent = (3, 2))),
        ("rule.scale.exponent", broken(|f| f.scale.exponent = (-31, 2))),
        ("rule.trace_bits", broken(|f| f.trace_bits = 0)),
        ("rule.variable_bits", broken(|f| f.variable_bits = 1)),
        ("rule.product_bits", broken(|f| f.product_bits = 0)),
        ("rule.trace_constant_bits", broken(|f| f.trace_constant_bits = 16)),
        ("rule.variable_constant_bits", broken(|f| f.variable_constant_bits = 0)),
        ("rule.products", broken(|f| f.products = Some(0))),
        ("rule.factors", broken(|f| f.factors = Some(0))),
    ] {
        assert_eq!(found, ("rule_form_out_of_range", key.to_owned()));
    }
}

#[test]
fn two_presets_of_one_name_are_ambiguous() {
    let (rule, key) = break_it(|c| c.cost.presets[2].name = "paper-0v75".into());
    assert_eq!(
        (rule, key.as_str()),
        ("ambiguous_or_unsourced_preset", "cost.presets['paper-0v75']")
    );
}

#[test]
fn a_chip_without_rates_needs_no_widths_for_them() {
    let mut chip = superset();
    chip.synapse.rates = 0;
    chip.synapse.rate_bits.clear();
    assert_eq!(chip.check(), Ok(()));
}

#[test]
fn a_rejection_says_what_would_be_right() {
    let mut chip = superset();
    chip.core.epoch_max = 64;
    assert_eq!(
        chip.check().expect_err("64 steps do not fit").to_string(),
        "chip 'superset', key core.epoch_max: 64 is not in 1 to 63"
    );
}

#[test]
fn built_in_chips_are_named_after_their_files_and_survive_printing() {
    for name in Chip::builtin_names() {
        let chip = Chip::builtin(name).expect("it is listed");
        assert_eq!(chip.name, name);
        assert_eq!(chip.isa, ISA_NAME);
        assert_eq!(Chip::parse(&chip.canonical()), Ok(chip));
    }
    assert_eq!(Chip::builtin("mini"), None);
}

#[test]
fn a_variant_differs_from_its_base_in_what_it_names() {
    let text = "(name: \"mine\", doc: \"d\", base: \"loihi1\", trace: (bits: [7, 8]))";
    let mut mine = Chip::parse(text).expect("it is a variant");
    let base = Chip::builtin("loihi1").expect("it is built in");
    assert_eq!(mine.trace.bits, [7, 8]);
    mine.trace.clone_from(&base.trace);
    mine.name.clone_from(&base.name);
    mine.doc.clone_from(&base.doc);
    assert_eq!(mine, base);
    let refused = Chip::parse(&text.replace("loihi1", "loihi9")).expect_err("no such base");
    assert!(refused.to_string().contains("superset, large, loihi1"), "{refused}");
    let unknown = Chip::parse(&text.replace("trace:", "traces:")).expect_err("no such key");
    assert!(unknown.to_string().contains("traces"), "{unknown}");
}

#[test]
fn peers_are_chips_with_an_arithmetic_that_survives_printing() {
    for name in Chip::peer_names() {
        let chip = Chip::builtin(name).expect("it is listed");
        assert_eq!(chip.name, name);
        assert!(!chip.arithmetic.is_own());
        assert_eq!(Chip::parse(&chip.canonical()), Ok(chip));
    }
    for name in Chip::builtin_names() {
        let chip = Chip::builtin(name).expect("it is listed");
        assert!(chip.arithmetic.is_own() && !chip.canonical().contains("arithmetic:("), "{name}");
    }
}

#[test]
fn an_unknown_key_is_reported_with_its_line() {
    let text = Chip::builtin_text("superset").expect("it is built in");
    let line = text.lines().position(|l| l.contains("epoch_max")).expect("the key is there") + 1;
    let changed = text.replace("epoch_max", "epoch_maximum");
    match Chip::parse(&changed) {
        Err(ChipError::Syntax { line: l, message, .. }) => {
            assert_eq!(l, line);
            assert!(message.contains("epoch_maximum"), "{message}");
        }
        other => panic!("expected a syntax error, got {other:?}"),
    }
}

#[test]
fn a_comment_does_not_change_the_fingerprint_and_a_number_does() {
    let text = Chip::builtin_text("superset").expect("it is built in");
    let original = Chip::parse(text).expect("it is sound").hash();
    let commented = Chip::parse(&text.replace("// FR20", "// see FR20 ")).expect("still sound");
    assert_eq!(commented.hash(), original);
    let wider = Chip::parse(&text.replace("profiles: 16", "profiles: 32")).expect("still sound");
    assert_ne!(wider.hash(), original);
    assert_eq!(original.len(), 64);
}

#[test]
fn large_is_the_superset_with_more_and_larger_cores() {
    let mut chip = Chip::builtin("large").expect("it is built in");
    let small = superset();
    assert_eq!(chip.n_cores(), 1024);
    assert_eq!((chip.core.compartments, chip.core.synapse_words), (4096, 65_536));
    chip.name.clone_from(&small.name);
    chip.doc.clone_from(&small.doc);
    chip.mesh = small.mesh;
    chip.core.compartments = small.core.compartments;
    chip.core.synapse_words = small.core.synapse_words;
    assert_eq!(chip, small);
}

#[test]
fn cores_are_counted_tile_by_tile_and_rows_of_tiles() {
    let chip = superset();
    let core = CoreId::from_index;
    assert_eq!((chip.n_tiles(), chip.n_cores()), (32, 128));
    assert_eq!(chip.tile_of(core(0)), (0, 0));
    assert_eq!(chip.tile_of(core(3)), (0, 0));
    assert_eq!(chip.tile_of(core(4)), (1, 0));
    assert_eq!(chip.tile_of(core(32)), (0, 1));
    assert_eq!(chip.tile_of(core(127)), (7, 3));
    assert_eq!(chip.hops(core(0), core(127)), Hops { ew: 7, ns: 3, border: 0 });
    assert_eq!(chip.hops(core(127), core(0)), Hops { ew: 7, ns: 3, border: 0 });
    assert_eq!(chip.hops(core(5), core(6)), Hops::default());
    assert_eq!(chip.cores().last(), Some(core(127)));
}

/// Six chips, three beside each other, as `loihi1` with another mesh.
fn six_chips() -> Chip {
    let text = "(name: \"six\", doc: \"d\", base: \"loihi1\", mesh: (columns: 8, rows: 4, \
                cores_per_tile: 4, chips: (columns: 3, rows: 2)))";
    Chip::parse(text).expect("it is a variant with a mesh of its own")
}

#[test]
fn the_mesh_continues_on_the_next_chip() {
    let chip = six_chips();
    let core = CoreId::from_index;
    assert_eq!((chip.n_chips(), chip.tiles_per_chip(), chip.cores_per_chip()), (6, 32, 128));
    assert_eq!((chip.n_tiles(), chip.n_cores()), (192, 768));
    assert_eq!((chip.chip_of(core(127)), chip.chip_of(core(128))), (0, 1));
    // The first core of the second chip is the east neighbour of tile (7, 0) of the first.
    assert_eq!(chip.tile_of(core(128)), (8, 0));
    // The first chip of the second row of chips lies south of the first.
    assert_eq!((chip.chip_of(core(3 * 128)), chip.tile_of(core(3 * 128))), (3, (0, 4)));
    assert_eq!(chip.tile_of(core(767)), (23, 7));
    assert_eq!(chip.hops(core(0), core(767)), Hops { ew: 23, ns: 7, border: 3 });
    for k in chip.cores() {
        let first = chip.first_core(chip.tile_of(k)).index();
        assert!((first..first + 4).contains(&k.index()), "{k}");
    }
    assert_eq!(Chip::parse(&chip.canonical()), Ok(chip));
}

#[test]
fn a_route_goes_east_or_west_first_and_marks_the_borders_of_chips() {
    let chip = six_chips();
    let (from, to) = (chip.first_core((7, 4)), chip.first_core((9, 3)));
    let link = |from, direction, border| Link { from, direction, border };
    let links: Vec<Link> = chip.route(from, to).collect();
    assert_eq!(
        links,
        [
            link((7, 4), Direction::East, true),
            link((8, 4), Direction::East, false),
            link((9, 4), Direction::North, true),
        ]
    );
    assert_eq!(chip.route(to, to).count(), 0);
}

/// The links of a route are as many as the hops, each leaves the tile where the last one ended,
/// and the last one ends at the receiver.
#[test]
fn the_links_of_a_route_are_its_hops() {
    let chip = six_chips();
    let cores: Vec<CoreId> = chip.cores().step_by(13).collect();
    for &from in &cores {
        for &to in &cores {
            let (mut at, mut hops) = (chip.tile_of(from), Hops::default());
            for link in chip.route(from, to) {
                assert_eq!(link.from, at);
                at = link.to();
                let ew = u32::from(link.direction.is_east_west());
                hops += Hops { ew, ns: 1 - ew, border: link.border.into() };
            }
            assert_eq!((at, hops), (chip.tile_of(to), chip.hops(from, to)), "{from} to {to}");
        }
    }
}

/// The additive pairwise rule as a program; its cost is the one published number of the engine.
const PAIRWISE: &str = "
    lds r0, field 0                         ; w
    ldx r1, slot 1, at y0                   ; x1 when the post lane fired
    ldy r2, slot 0, at end                  ; y0
    ldy r3, slot 1, at x0                   ; y1 when the pre lane fired
    ldx r4, slot 0, at end                  ; x0
    ldi r5, 77, <<0                         ; rate of potentiation
    ldi r6, 81, <<0                         ; rate of depression
    shl r0, r0, <<7
    mul r1, r1, r2, >>0, nearest, site 0
    mul r1, r1, r5, >>0, nearest, site 1
    mul r3, r3, r4, >>0, nearest, site 2
    mul r3, r3, r6, >>0, nearest, site 3
    add r0, r0, r1
    sub r0, r0, r3
    sts field 0, r0, >>7, stochastic, site 4
    halt";

#[test]
fn the_pairwise_program_costs_what_the_designers_published() {
    let program: Vec<Inst> = assemble(PAIRWISE).expect("it is a program");
    for name in Chip::builtin_names() {
        let chip = Chip::builtin(name).expect("it is listed");
        for preset in &chip.cost.presets {
            let (costs, _) = preset.resolve(&chip.mesh);
            let classes = program.iter().map(|inst| costs.learning.of(inst.opcode().class()));
            let update = costs.learning.state_access + classes.sum();
            assert_eq!(update, Cost { fj: 120_000, ticks: 61 }, "{name}, {}", preset.name);
        }
    }
}

#[test]
fn every_class_has_its_own_coefficient() {
    let chip = superset();
    let (costs, _) = chip.default_preset().resolve(&chip.mesh);
    let l = costs.learning;
    assert_eq!(l.of(CostClass::Load), l.load);
    assert_eq!(l.of(CostClass::Alu), l.alu);
    assert_eq!(l.of(CostClass::Mul), l.mul);
    assert_eq!(l.of(CostClass::Store), l.store);
    assert_eq!(l.of(CostClass::Control), l.control);
}

#[test]
fn a_coefficient_that_no_source_gives_is_zero_and_named() {
    let chip = superset();
    let missing = |name: &str| chip.preset(name).expect("it is in the file").resolve(&chip.mesh).1;
    assert_eq!(
        missing("paper-0v75"),
        ["axon_in", "spike_out", "axon_out", "barrier_fj_per_tile", "system.host_write"]
    );
    assert_eq!(missing("silicon-2025"), ["tile_entry", "barrier_fj_per_tile", "system.host_write"]);
    let (costs, _) = chip.default_preset().resolve(&chip.mesh);
    assert_eq!(costs.spike_out, Cost::default());
}

/// Totals computed by hand from the published table.
#[test]
fn sums_of_the_paper_preset_are_those_of_the_published_table() {
    let chip = superset();
    let (c, _) = chip.preset("paper-0v75").expect("it is in the file").resolve(&chip.mesh);
    assert_eq!(c.compartment_inactive * 1024, Cost { fj: 53_248_000, ticks: 54_272 });
    assert_eq!(c.compartment_active * 1024, Cost { fj: 82_944_000, ticks: 86_016 });
    assert_eq!(c.hop_ew * 7 + c.hop_ns * 3, Cost { fj: 33_000, ticks: 482 });
    assert_eq!(c.hop_ew * 7 + c.hop_ns * 3 + c.tile_entry, Cost { fj: 34_700, ticks: 503 });
    assert_eq!(c.synop * 1_000_000, Cost { fj: 23_600_000_000, ticks: 35_000_000 });
    // One step of 5.9 microseconds on the whole chip: 104.4 mW are 616 nJ.
    assert_eq!(c.static_fj(59_000, 100), 615_960_000);
}

#[test]
fn the_barrier_is_linear_between_points_and_beyond_the_last() {
    let chip = superset();
    let paper = chip.preset("paper-0v75").expect("it is in the file");
    assert_eq!(paper.barrier_ticks(0), 1130);
    assert_eq!(paper.barrier_ticks(1), 1130);
    // 1130 + 3520 / 31 = 1243.55, rounded half up.
    assert_eq!(paper.barrier_ticks(2), 1244);
    assert_eq!(paper.barrier_ticks(32), 4650);
    assert_eq!(paper.barrier_ticks(63), 4650 + 3520);
    assert_eq!(paper.resolve(&chip.mesh).0.barrier_ticks(17, 1), paper.barrier_ticks(17));

    let fitted = chip.preset("silicon-2025").expect("it is in the file");
    assert_eq!(fitted.barrier_ticks(3), 12_000);
    assert_eq!(fitted.barrier_ticks(29), 18_000);

    let constant = chip.preset("silicon-2023").expect("it is in the file");
    assert_eq!([1, 5, 32].map(|tiles| constant.barrier_ticks(tiles)), [2990; 3]);

    let mut half = paper.clone();
    half.barrier = vec![BarrierPoint { tiles: 1, ticks: 10 }, BarrierPoint { tiles: 3, ticks: 13 }];
    assert_eq!(half.barrier_ticks(2), 12, "11.5 is rounded up");
}

#[test]
fn the_barrier_across_chips_begins_with_that_of_one_chip() {
    let chip = six_chips();
    let (paper, missing) = chip.default_preset().resolve(&chip.mesh);
    assert!(missing.contains(&"hop_chip") && !missing.contains(&"system.barrier_across_chips"));
    assert_eq!(paper.barrier_ticks(32, 1), 4650);
    // 4650 + 138350 / 255 = 5192.55, rounded half up.
    assert_eq!(paper.barrier_ticks(32, 2), 5193);
    assert_eq!(paper.barrier_ticks(1, 256), 143_000);
    assert_eq!(paper.barrier_ticks(32, 768), 162_000);
    assert_eq!(paper.barrier_ticks(32, 1280), 181_000, "the last slope continues");

    let mut preset = chip.default_preset().clone();
    preset.system.barrier_across_chips.clear();
    let (unknown, missing) = preset.resolve(&chip.mesh);
    assert!(missing.contains(&"system.barrier_across_chips"));
    assert_eq!(unknown.barrier_ticks(32, 6), 4650);

    preset.system.barrier_across_chips = vec![ChipsBarrierPoint { chips: 4, ticks: 100 }];
    let (short, _) = preset.resolve(&chip.mesh);
    assert_eq!(short.barrier_ticks(32, 4), 4650, "not shorter than on one of its chips");
}

#[test]
fn points_of_the_barrier_across_chips_ascend_from_two_chips() {
    let point = |chips, ticks| ChipsBarrierPoint { chips, ticks };
    for points in
        [vec![point(1, 5)], vec![point(4, 5), point(2, 6)], vec![point(2, 5), point(3, 4)]]
    {
        let (rule, key) =
            break_it(|c| c.cost.presets[1].system.barrier_across_chips.clone_from(&points));
        assert_eq!(rule, "shapeless_barrier");
        assert_eq!(key, "cost.presets['paper-0v75-logic'].system.barrier_across_chips");
    }
}

#[test]
fn a_mesh_without_chips_is_no_mesh() {
    let (rule, key) = break_it(|c| c.mesh.chips.rows = 0);
    assert_eq!((rule, key.as_str()), ("empty_mesh", "mesh.chips.rows"));
}
