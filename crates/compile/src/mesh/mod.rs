//! Give every core a place on the mesh.
//!
//! Reads: network, structure, placement, routes, chip.   Writes: [`Arrangement`].
//! Needs: placement and routes (who sends how much to whom).
//! Gives: each core of the placement a core of the chip, on as few tiles and chips as hold them.
//! Nothing else changes: no result of a run depends on it (S51), only time and energy of messages.
//! Method: the messages between cores in a step in which every lane fires at its expected rate
//! ([`traffic`]), times what their links cost under routes east or west first; added to that is
//! a charge for the most loaded link. Two starts, the author's order and a greedy one (the core
//! with most messages to those already placed comes next, where these cost least), are improved
//! by exchanging cores, moving them and exchanging whole tiles, and then relieved at the most
//! loaded link; the best is taken, the author's order where nothing is better.
//! Cost: O(messages), then O(n^2) look-ups for each round of exchanges of n cores and O(partners x
//! (columns + rows)) for each exchange, within a budget in proportion to n. Cores that share one
//! tile need nothing. Known limits: whole chips are not exchanged; the rates are those of the
//! author, not of a run.

mod ground;
mod loads;
pub mod report;
mod search;
#[cfg(test)]
mod tests;
pub mod traffic;

use ground::{Ground, LinkWeights, nearest_chips};
use search::{Budget, Search, Senders};
use std::collections::BTreeSet;
use traffic::Traffic;
use trifactor_isa::Chip;

/// Look-ups that a search may spend for each core: 256 cores take a fraction of a second.
const BUDGET_PER_CORE: u64 = 1 << 17;

/// Where the cores of a placement are on the mesh.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Arrangement {
    /// Number on the mesh of each core of the placement.
    pub numbers: Vec<u32>,
}

impl Arrangement {
    /// The author's order: core by core, tile by tile, chip by chip.
    pub fn in_order(n_cores: usize) -> Self {
        Self { numbers: (0..n_cores as u32).collect() }
    }

    /// The cores of the placement in the order of their numbers.
    pub fn by_number(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.numbers.len()).collect();
        order.sort_unstable_by_key(|core| self.numbers[*core]);
        order
    }
}

/// Arranges the cores among which there is this traffic.
pub fn arrange(chip: &Chip, traffic: &Traffic) -> Arrangement {
    let n = traffic.n_cores();
    let in_order = Arrangement::in_order(n);
    let per_tile = chip.mesh.cores_per_tile as usize;
    if n <= per_tile {
        return in_order;
    }
    let weights = LinkWeights::of(chip);
    let near = traffic.both_ways();
    let senders = Senders::of(traffic);
    let first_chips: BTreeSet<u32> =
        (0..(n.div_ceil(chip.cores_per_chip() as usize)) as u32).collect();
    let near_chips = nearest_chips(chip, n, &weights);
    let authors = Ground::new(chip, &first_chips, &weights);
    let near_host = Ground::new(chip, &near_chips, &weights);
    let tiles: Vec<usize> = (0..n).map(|core| core / per_tile).collect();

    let mut best = Search::new(&authors, traffic, &near, &weights);
    best.start_with(&tiles);
    let mut least = best.cost();
    let mut numbers = in_order.numbers;
    for (ground, greedy) in [(&authors, false), (&near_host, true)] {
        let mut search = Search::new(ground, traffic, &near, &weights);
        match greedy {
            true => search.start_greedily(),
            false => search.start_with(&tiles),
        }
        let mut budget = Budget(BUDGET_PER_CORE * n as u64);
        search.improve(&mut budget);
        search.relieve(&senders, &mut budget);
        let cost = search.cost();
        if cost < least {
            least = cost;
            numbers = search.numbers();
        }
    }
    Arrangement { numbers }
}
