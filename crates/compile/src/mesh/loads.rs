//! How many messages each link carries when they go east or west first, then north or south.

use super::ground::Ground;
use trifactor_isa::Direction;

/// Messages over every link that leaves a tile of a rectangle, in thousandths.
#[derive(Clone)]
pub(super) struct Loads {
    columns: usize,
    on: Vec<i64>,
}

impl Loads {
    /// A rectangle without messages that holds all tiles of the ground.
    pub fn new(ground: &Ground) -> Self {
        let columns = ground.columns.len();
        Self { columns, on: vec![0; columns * ground.rows.len() * Direction::ALL.len()] }
    }

    /// Number of links, those that lead out of the rectangle included.
    pub fn len(&self) -> usize {
        self.on.len()
    }

    /// Adds messages from one tile to another; returns how many links they pass.
    pub fn add(&mut self, from: (usize, usize), to: (usize, usize), messages: i64) -> u64 {
        let mut passed = 0;
        let (mut x, mut y) = from;
        while x != to.0 {
            let (direction, next) = if x < to.0 { (0, x + 1) } else { (1, x - 1) };
            self.on[(y * self.columns + x) * 4 + direction] += messages;
            (x, passed) = (next, passed + 1);
        }
        while y != to.1 {
            let (direction, next) = if y > to.1 { (2, y - 1) } else { (3, y + 1) };
            self.on[(y * self.columns + x) * 4 + direction] += messages;
            (y, passed) = (next, passed + 1);
        }
        passed
    }

    /// The messages of the most loaded link.
    pub fn most(&self) -> i64 {
        self.on.iter().copied().max().unwrap_or(0)
    }

    /// The most loaded link, the first of equals.
    pub fn most_loaded(&self) -> usize {
        let most = self.most();
        self.on.iter().position(|n| *n == most).unwrap_or(0)
    }

    /// Whether messages from one tile to another pass a link.
    pub fn passes(&self, link: usize, from: (usize, usize), to: (usize, usize)) -> bool {
        let (tile, direction) = (link / 4, link % 4);
        let (x, y) = (tile % self.columns, tile / self.columns);
        match direction {
            0 => y == from.1 && from.0 <= x && x < to.0,
            1 => y == from.1 && to.0 < x && x <= from.0,
            2 => x == to.0 && to.1 < y && y <= from.1,
            _ => x == to.0 && from.1 <= y && y < to.1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ground::LinkWeights;
    use super::*;
    use trifactor_entity::EntityId;
    use trifactor_isa::{Chip, CoreId};

    /// Every pair of tiles of two chips: the links that the rectangle counts are those of the
    /// chip's own route.
    #[test]
    fn messages_load_the_links_of_their_route() {
        let text = "(name: \"two\", doc: \"d\", base: \"superset\", mesh: (columns: 3, rows: 2, \
                    cores_per_tile: 1, chips: (columns: 2, rows: 1)))";
        let chip = Chip::parse(text).expect("it is a variant");
        let ground = Ground::new(&chip, &(0..2).collect(), &LinkWeights::of(&chip));
        let core = CoreId::from_index;
        for a in 0..12 {
            for b in 0..12 {
                let mut loads = Loads::new(&ground);
                let (from, to) = (ground.tiles[a], ground.tiles[b]);
                let passed = loads.add(from.at, to.at, 7);
                let route =
                    chip.route(core(from.first_core as usize), core(to.first_core as usize));
                let mut expected = vec![0; loads.len()];
                for link in route {
                    let (x, y) = link.from;
                    let at = Direction::ALL.iter().position(|d| *d == link.direction);
                    let k = (y as usize * 6 + x as usize) * 4 + at.expect("it is one of four");
                    expected[k] += 7;
                    assert!(loads.passes(k, from.at, to.at));
                }
                assert_eq!(loads.on, expected, "{a} to {b}");
                let links = (0..loads.len()).filter(|k| loads.passes(*k, from.at, to.at));
                assert_eq!(links.count() as u64, passed);
            }
        }
    }
}
