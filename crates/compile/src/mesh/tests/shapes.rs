//! What arranging brings on networks of several shapes and sizes; `docs/placement.md` quotes the
//! table that this prints.

// The table is what the test is run for by hand.
#![allow(clippy::print_stderr)]

use super::super::report::{Figures, figures};
use super::super::traffic::Traffic;
use super::super::{Arrangement, arrange};
use super::{chip, traffic};
use std::time::Instant;
use trifactor_fixed::mix32;
use trifactor_isa::Chip;

/// Neurons of a core, each of which sends one message to each core that its core sends to.
const NEURONS: u64 = 32;
/// Random arrangements of which the mean is taken.
const RANDOM: u32 = 5;

const SHAPES: [(&str, fn(usize, usize) -> Vec<usize>); 4] =
    [("random", random), ("layered", layered), ("ring", ring), ("grid", grid)];

/// Each core to eight others, drawn.
fn random(n: usize, core: usize) -> Vec<usize> {
    let draw = |k: usize| mix32((core * 8 + k + 1) as u32) as usize % n;
    let mut to: Vec<usize> = (0..8).map(draw).filter(|other| *other != core).collect();
    to.sort_unstable();
    to.dedup();
    to
}

/// Eight layers, each to all cores of the next.
fn layered(n: usize, core: usize) -> Vec<usize> {
    let width = n / 8;
    let next = (core / width + 1) * width;
    (next..(next + width).min(n)).collect()
}

/// Each to the two before and the two behind it.
fn ring(n: usize, core: usize) -> Vec<usize> {
    [n - 2, n - 1, 1, 2].map(|d| (core + d) % n).into()
}

/// A square, row by row, each to its four neighbours.
fn grid(n: usize, core: usize) -> Vec<usize> {
    let side = n.isqrt();
    let (x, y) = (core % side, core / side);
    let mut near = Vec::new();
    near.extend((x > 0).then(|| core - 1));
    near.extend((x + 1 < side).then_some(core + 1));
    near.extend((y > 0).then(|| core - side));
    near.extend((y + 1 < side).then_some(core + side));
    near
}

/// Every neuron fires; the first layer of the layered network hears the host.
fn network(n: usize, shape: (&str, fn(usize, usize) -> Vec<usize>)) -> Traffic {
    let mut flows = Vec::new();
    for core in 0..n {
        flows.extend(shape.1(n, core).into_iter().map(|to| (core, to, NEURONS * 1000)));
    }
    if shape.0 == "layered" {
        flows.extend((0..n / 8).map(|core| (usize::MAX, core, NEURONS * 1000)));
    }
    Traffic { spikes: n as u64 * NEURONS * 1000, ..traffic(n, &flows) }
}

/// The cores of the author's order in an order that was drawn.
fn shuffled(n: usize, seed: u32) -> Arrangement {
    let mut numbers: Vec<u32> = (0..n as u32).collect();
    for k in (1..n).rev() {
        numbers.swap(k, mix32(mix32(seed + 1) ^ k as u32) as usize % (k + 1));
    }
    Arrangement { numbers }
}

fn most_loaded(f: &Figures) -> f64 {
    f.most_loaded.as_ref().map_or(0.0, |loaded| loaded.messages)
}

#[test]
fn arranging_brings_what_the_page_says() {
    eprintln!(
        "| network | cores | chips | hops per spike: random | in order | arranged | most loaded link: random | in order | arranged | s |"
    );
    for shape in SHAPES {
        for (n, chips) in [(16, (1, 1)), (64, (1, 1)), (256, (2, 1)), (1024, (4, 2))] {
            // Chips of 8 x 4 tiles of four cores, as many as are needed.
            let chip: Chip = chip((8, 4), 4, chips);
            let traffic = network(n, shape);
            let begin = Instant::now();
            let arranged = arrange(&chip, &traffic);
            let spent = begin.elapsed().as_secs_f64();
            let of = |a: &Arrangement| figures(&chip, &traffic, a);
            let (before, after) = (of(&Arrangement::in_order(n)), of(&arranged));
            let drawn: Vec<Figures> = (0..RANDOM).map(|k| of(&shuffled(n, k))).collect();
            let mean =
                |f: fn(&Figures) -> f64| drawn.iter().map(f).sum::<f64>() / f64::from(RANDOM);
            let (hops, load) = (mean(Figures::hops_per_spike), mean(most_loaded));
            eprintln!(
                "| {} | {n} | {} | {hops:.2} | {:.2} | {:.2} | {load:.0} | {:.0} | {:.0} | {spent:.3} |",
                shape.0,
                after.chips,
                before.hops_per_spike(),
                after.hops_per_spike(),
                most_loaded(&before),
                most_loaded(&after),
            );
            assert!(after.hops_per_spike() < hops, "{} of {n} cores", shape.0);
            assert!(most_loaded(&after) < load, "{} of {n} cores", shape.0);
        }
    }
}
