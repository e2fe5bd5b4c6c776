//! Arrangements of random traffic on random meshes, against sums over routes.

mod shapes;

use super::ground::{Ground, LinkWeights, nearest_chips};
use super::search::{Budget, Search, Senders};
use super::traffic::Traffic;
use super::{Arrangement, arrange, report};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use trifactor_entity::EntityId;
use trifactor_isa::{Chip, CoreId};

/// The chip `superset` with another mesh: tiles of a chip, cores per tile, chips.
fn chip(tiles: (u32, u32), per_tile: u32, chips: (u32, u32)) -> Chip {
    let text = format!(
        "(name: \"mesh\", doc: \"d\", base: \"superset\", mesh: (columns: {}, rows: {}, \
         cores_per_tile: {per_tile}, chips: (columns: {}, rows: {})))",
        tiles.0, tiles.1, chips.0, chips.1
    );
    Chip::parse(&text).expect("it is a variant")
}

/// Traffic from (from, to, messages); a `from` beyond the cores is the host.
fn traffic(n: usize, flows: &[(usize, usize, u64)]) -> Traffic {
    let mut between = vec![BTreeMap::new(); n];
    let mut all = Traffic {
        between: vec![Vec::new(); n],
        from_host: vec![0; n],
        within: vec![0; n],
        spikes: 1000,
    };
    for &(from, to, messages) in flows {
        match between.get_mut(from) {
            None => all.from_host[to] += messages,
            Some(_) if from == to => all.within[from] += messages,
            Some(list) => *list.entry(to as u32).or_default() += messages,
        }
    }
    all.between = between.into_iter().map(|list| list.into_iter().collect()).collect();
    all
}

/// What an arrangement costs, message by message.
fn plainly(chip: &Chip, traffic: &Traffic, arrangement: &Arrangement) -> i64 {
    let weights = LinkWeights::of(chip);
    let core = |k: usize| CoreId::from_index(arrangement.numbers[k] as usize);
    let (mut hops, mut loads) = (0, BTreeMap::new());
    let mut send = |from, to, messages: u64| {
        for link in chip.route(from, to) {
            let each = if link.direction.is_east_west() { weights.ew } else { weights.ns };
            let border = if link.border { weights.border } else { 0 };
            hops += messages * (each + border);
            *loads.entry(link).or_insert(0) += messages;
        }
    };
    for k in 0..traffic.n_cores() {
        send(CoreId::from_index(0), core(k), traffic.from_host[k]);
        for (to, messages) in &traffic.between[k] {
            send(core(k), core(*to as usize), *messages);
        }
    }
    let tiles = traffic.n_cores().div_ceil(chip.mesh.cores_per_tile as usize) as u64;
    let most: u64 = loads.values().copied().max().unwrap_or(0);
    // An eighth of what four links of every tile would cost if all were as loaded.
    let uneven = (4 * tiles * (weights.ew + weights.ns).div_ceil(2) / 8).max(1);
    (hops + uneven * most) as i64
}

/// Meshes with traffic among up to 30 cores, some of it from the host.
fn cases() -> impl Strategy<Value = (Chip, Traffic)> {
    let meshes = ((1u32..5, 1u32..4), 1u32..5, (1u32..4, 1u32..3));
    meshes.prop_flat_map(|(tiles, per_tile, chips)| {
        let chip = chip(tiles, per_tile, chips);
        (1..=chip.n_cores().min(30) as usize).prop_flat_map(move |n| {
            let flows = prop::collection::vec((0..n + 3, 0..n, 1u64..5000), 0..120);
            let chip = chip.clone();
            flows.prop_map(move |flows| (chip.clone(), traffic(n, &flows)))
        })
    })
}

proptest! {
    #[test]
    fn an_arrangement_is_a_permutation_on_as_few_tiles_and_chips_as_there_can_be(
        (chip, traffic) in cases()
    ) {
        let arranged = arrange(&chip, &traffic);
        let n = traffic.n_cores();
        let distinct: BTreeSet<u32> = arranged.numbers.iter().copied().collect();
        prop_assert_eq!(distinct.len(), n);
        prop_assert!(distinct.iter().all(|k| *k < chip.n_cores()));
        let figures = report::figures(&chip, &traffic, &arranged);
        prop_assert_eq!(figures.tiles as usize, n.div_ceil(chip.mesh.cores_per_tile as usize));
        prop_assert_eq!(figures.chips as usize, n.div_ceil(chip.cores_per_chip() as usize));
        prop_assert_eq!(&arranged, &arrange(&chip, &traffic));
    }

    #[test]
    fn an_arrangement_costs_no_more_than_the_author_s_order((chip, traffic) in cases()) {
        let in_order = Arrangement::in_order(traffic.n_cores());
        let arranged = arrange(&chip, &traffic);
        let (before, after) =
            (plainly(&chip, &traffic, &in_order), plainly(&chip, &traffic, &arranged));
        prop_assert!(after <= before, "{} became {}", before, after);
        prop_assert!(after < before || arranged == in_order);
    }

    #[test]
    fn every_stage_of_the_search_knows_its_cost_and_none_makes_it_worse((chip, traffic) in cases()) {
        let weights = LinkWeights::of(&chip);
        let (near, senders) = (traffic.both_ways(), Senders::of(&traffic));
        let n = traffic.n_cores();
        let ground = Ground::new(&chip, &nearest_chips(&chip, n, &weights), &weights);
        let mut search = Search::new(&ground, &traffic, &near, &weights);
        search.start_greedily();
        let plain = |search: &Search<'_>| {
            plainly(&chip, &traffic, &Arrangement { numbers: search.numbers() })
        };
        let start = search.cost();
        prop_assert_eq!(start, plain(&search));
        let hops = search.hops();
        search.improve(&mut Budget(u64::MAX));
        prop_assert!(search.hops() <= hops);
        let improved = search.cost();
        prop_assert_eq!(improved, plain(&search));
        search.relieve(&senders, &mut Budget(u64::MAX));
        let relieved = search.cost();
        prop_assert!(relieved <= improved);
        prop_assert_eq!(relieved, plain(&search));
    }

    #[test]
    fn reported_hops_and_the_most_loaded_link_are_those_of_the_routes((chip, traffic) in cases()) {
        let arranged = arrange(&chip, &traffic);
        let found = report::figures(&chip, &traffic, &arranged);
        let weights = LinkWeights::of(&chip);
        let tiles = traffic.n_cores().div_ceil(chip.mesh.cores_per_tile as usize) as u64;
        let uneven = (4 * tiles * weights.mean() / 8).max(1) as f64;
        let most = found.most_loaded.as_ref().map_or(0.0, |l| l.messages);
        let hops = found.ew * weights.ew as f64
            + found.ns * weights.ns as f64
            + found.border * weights.border as f64;
        let cost = (hops + uneven * most) * 1000.0;
        // The superset gives both coefficients, and none for borders.
        prop_assert!((found.fj - found.ew * 3000.0 - found.ns * 4000.0).abs() < 1.0);
        prop_assert!((cost - plainly(&chip, &traffic, &arranged) as f64).abs() < 1.0);
    }
}

#[test]
fn a_ring_that_was_written_in_another_order_is_closed_again() {
    // Eight cores, one on each tile of 4 x 2; the k-th talks to the one 3 further on.
    let flows: Vec<_> = (0..8).map(|k| (k, (k + 3) % 8, 1000)).collect();
    let traffic = traffic(8, &flows);
    let chip = chip((4, 2), 1, (1, 1));
    let before = report::figures(&chip, &traffic, &Arrangement::in_order(8));
    let after = report::figures(&chip, &traffic, &arrange(&chip, &traffic));
    assert_eq!(after.hops(), 8.0, "every message passes one link, not {}", before.hops());
}

#[test]
fn cores_that_hear_the_host_most_are_next_to_it() {
    let host = usize::MAX;
    let flows: Vec<_> = (0..12).map(|k| (host, k, 1000 * (k as u64 + 1))).collect();
    let traffic = traffic(12, &flows);
    let chip = chip((3, 1), 4, (1, 1));
    let arranged = arrange(&chip, &traffic);
    let tile = |k: usize| arranged.numbers[k] / 4;
    assert!((8..12).all(|k| tile(k) == 0) && (0..4).all(|k| tile(k) == 2), "{arranged:?}");
}

#[test]
fn heavy_traffic_stays_within_a_chip_though_no_source_gives_the_cost_of_its_border() {
    // Cores of even and of odd numbers talk among themselves; each lot fills a chip.
    let pairs = (0..16).flat_map(|a| (0..16).map(move |b| (a, b)));
    let mut flows: Vec<_> =
        pairs.filter(|(a, b)| a != b && (a + b) % 2 == 0).map(|(a, b)| (a, b, 1000)).collect();
    flows.push((0, 1, 1000));
    let traffic = traffic(16, &flows);
    let chip = chip((2, 2), 2, (2, 1));
    assert_eq!(chip.default_preset().hop_chip, None);
    let arranged = arrange(&chip, &traffic);
    let figures = report::figures(&chip, &traffic, &arranged);
    assert_eq!((figures.chips, figures.border), (2, 1.0), "{arranged:?}");
}

#[test]
fn cores_of_one_tile_stay_in_the_author_s_order() {
    let traffic = traffic(4, &[(0, 3, 5), (3, 1, 9), (usize::MAX, 2, 100)]);
    let chip = chip((8, 4), 4, (1, 1));
    assert_eq!(arrange(&chip, &traffic), Arrangement::in_order(4));
}

#[test]
fn a_budget_that_is_spent_leaves_a_whole_arrangement() {
    let flows: Vec<_> = (0..40).flat_map(|a| (0..40).map(move |b| (a, b, 1 + a as u64))).collect();
    let traffic = traffic(40, &flows);
    let chip = chip((4, 4), 4, (1, 1));
    let weights = LinkWeights::of(&chip);
    let (near, senders) = (traffic.both_ways(), Senders::of(&traffic));
    let ground = Ground::new(&chip, &BTreeSet::from([0]), &weights);
    for budget in [0, 100, 5000] {
        let mut search = Search::new(&ground, &traffic, &near, &weights);
        search.start_greedily();
        let mut budget = Budget(budget);
        search.improve(&mut budget);
        search.relieve(&senders, &mut budget);
        let numbers = search.numbers();
        assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), 40);
        assert_eq!(search.cost(), plainly(&chip, &traffic, &Arrangement { numbers }));
    }
}
