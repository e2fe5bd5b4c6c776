//! The emulator running an image equals the fixed reading of its network: every state, every
//! step, bit for bit.
//!
//! Random small networks on chips with small cores, so that populations are split. The image
//! goes through its file form; a second emulator runs on two threads; one of them is saved and
//! restored at a random step; groups of states are reset and synapses written at random steps;
//! then a second trial begins.
//!
//! `TRIFACTOR_NETWORKS` is the number of networks (500), `TRIFACTOR_STEPS`
//! the steps of each (200), `TRIFACTOR_SEED` runs the network of one seed alone.

// A test of thousands of cases says what it covered.
#![allow(clippy::print_stderr)]

mod case;
mod compare;
mod directed;
mod several_chips;
mod shapes;

use case::{case, published};
use compare::Tally;
use std::collections::BTreeMap;
use trifactor_fixed::{Decays, Early, StoreArithmetic, WeightsRead};
use trifactor_image::{Column, ColumnKind, Guard};
use trifactor_ir::{Delay, units};
use trifactor_testkit::cases;

/// Runs every `of`-th network from `part` on, so that parts can run side by side.
fn chain(part: u64, of: u64) {
    if let Ok(seed) = std::env::var("TRIFACTOR_SEED") {
        let seed: u64 = seed.parse().expect("TRIFACTOR_SEED is a number");
        if seed % of == part {
            let steps = cases::count("TRIFACTOR_STEPS", 200) as u32;
            case(seed).expect("the seed has a network").run(steps, &mut Tally::default());
        }
        return;
    }
    let wanted = cases::count("TRIFACTOR_NETWORKS", 500).div_ceil(of as usize);
    let steps = cases::count("TRIFACTOR_STEPS", 200) as u32;
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

#[test]
fn the_emulator_equals_the_fixed_reading_on_the_published_chip() {
    let (mut tally, mut rounded, mut learning) = (Tally::default(), 0, 0);
    for case in (0..2000).filter_map(published).take(60) {
        case.run(60, &mut tally);
        rounded += case.rounded_scales();
        learning += u32::from(!case.net.plastic().is_empty());
    }
    eprintln!("{tally:?}, {learning} of them learn, {rounded} scales were rounded");
    assert!(tally.networks == 60 && learning > 20, "too few networks learn: {tally:?}");
    assert!(rounded > 0, "no scale had to be rounded");
    assert!(tally.spikes > 0, "nothing happened: {tally:?}");
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
            if parts.refractory && parts.floor && parts.bias && parts.pseudo_derivative {
                note("all parts", units.contains(&units::Unit::Lif(parts)));
            }
        }
        note("a linear trace", units.contains(&units::Unit::LinearTrace));
        note("a saturating trace", units.contains(&units::Unit::SaturatingTrace));
        let columns = || case.image.cores.iter().flat_map(|core| &core.columns);
        let written = |c: &&Column| c.kind == ColumnKind::PseudoDerivative;
        note("a pseudo-derivative", columns().any(|c| written(&c)));
        note("a pseudo-derivative with a past", columns().any(|c| written(&c) && c.history));
        note("a modulator", units.contains(&units::Unit::Modulator));
        note("several cores", case.image.cores.len() > 1);
        if let Some(engine) = case.plan.learning {
            note("an engine of sums of products", true);
            note("a draw that is shared", engine.one_draw);
            note("early impulses rounded up", engine.trace.early == Early::PreUp);
            note("early impulses lost", engine.trace.early == Early::Dropped);
            note("traces of whole epochs", engine.trace.decays == Decays::EveryEpoch);
            note("one rounding of decay and impulse", engine.trace.joined);
            note("epochs from 0", engine.first_epoch == 0);
            let stores = |of: StoreArithmetic| engine.store == Some(of);
            note("magnitudes that are rounded", stores(StoreArithmetic::Magnitude));
            note("changes that are whole", stores(StoreArithmetic::Change { step: 0 }));
            note("changes in steps", stores(StoreArithmetic::Change { step: 2 }));
            let phases = case.plan.phases.iter().map(|(_, p)| p);
            let values: Vec<_> =
                phases.flat_map(|p| p.values.iter().map(|(_, v)| (v.term, v.limit))).collect();
            let phases = case.plan.phases.iter().map(|(_, p)| p);
            let mut products = phases.flat_map(|p| p.values.iter().map(|(_, v)| v.hold));
            note("a variable that is held", products.any(|hold| hold != [None; 2]));
            let terms = || values.iter().filter_map(|(term, limit)| term.map(|t| (t, limit)));
            note("a product that loses bits", terms().any(|(t, _)| t.right > 0));
            note("a product that is held", terms().any(|(t, _)| t.limit.is_some()));
            note("a sum that is held", terms().any(|(_, limit)| limit.is_some()));
            let factor = values.iter().any(|(term, limit)| term.is_none() && limit.is_some());
            note("a factor that is held", factor);
        }
        let sends = case.plan.neuron.input.weights == WeightsRead::Sending;
        note("weights that are read as spikes are sent", sends && !net.plastic().is_empty());
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
