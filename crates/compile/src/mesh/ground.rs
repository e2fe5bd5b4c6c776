//! The tiles that an arrangement may use, and what the way between them costs.

use std::collections::BTreeSet;
use trifactor_entity::EntityId;
use trifactor_isa::{Chip, CoreId};

/// No coefficient counts for more, so that sums over any network fit 64 bits: 1 uJ a link.
const MOST_FJ: u64 = 1 << 20;

/// What a link to another chip counts for where no source gives its cost, in links: messages are
/// kept on their chip, since whatever drives a signal from chip to chip costs more than a wire.
const UNKNOWN_BORDER_LINKS: u64 = 8;

/// What links count for when arrangements are compared, in femtojoules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LinkWeights {
    /// A link east or west.
    pub ew: u64,
    /// A link north or south.
    pub ns: u64,
    /// A link to another chip, on top.
    pub border: u64,
}

impl LinkWeights {
    /// Those of the chip's default preset, links of equal cost where it gives none.
    pub fn of(chip: &Chip) -> Self {
        let preset = chip.default_preset();
        let fj = |cost: Option<trifactor_isa::Cost>| cost.map_or(0, |c| c.fj.min(MOST_FJ));
        let (mut ew, mut ns) = (fj(preset.hop_ew), fj(preset.hop_ns));
        if ew == 0 || ns == 0 {
            (ew, ns) = (ew.max(ns).max(1), ew.max(ns).max(1));
        }
        let border = match preset.hop_chip {
            Some(cost) => cost.fj.min(MOST_FJ),
            None => UNKNOWN_BORDER_LINKS * ew.max(ns),
        };
        Self { ew, ns, border }
    }

    /// What a link counts for where its direction does not matter.
    pub fn mean(&self) -> u64 {
        (self.ew + self.ns).div_ceil(2)
    }
}

/// A tile that an arrangement may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    /// Column and row on the mesh of all chips.
    pub at: (usize, usize),
    /// Its first core.
    pub first_core: u32,
}

/// Tiles of some chips with the distances between their columns and rows.
pub(super) struct Ground {
    /// Tiles in the order of their cores.
    pub tiles: Vec<Tile>,
    /// Cores that share a tile.
    pub per_tile: usize,
    /// What the way from column 0 to each column costs; the way between two is the difference.
    pub columns: Vec<i64>,
    /// The same for rows.
    pub rows: Vec<i64>,
}

impl Ground {
    /// The tiles of the chips of these numbers.
    pub fn new(chip: &Chip, chips: &BTreeSet<u32>, weights: &LinkWeights) -> Self {
        let per_tile = chip.mesh.cores_per_tile;
        let mut tiles = Vec::new();
        for number in chips {
            for tile in 0..chip.tiles_per_chip() {
                let first_core = number * chip.cores_per_chip() + tile * per_tile;
                let (x, y) = chip.tile_of(CoreId::from_index(first_core as usize));
                tiles.push(Tile { at: (x as usize, y as usize), first_core });
            }
        }
        // The host port is at (0, 0), so distances begin there.
        let axis = |n: usize, link: u64, of_chip: u32| -> Vec<i64> {
            let way = |k: u64| k * link + k / u64::from(of_chip) * weights.border;
            (0..n as u64).map(|k| way(k) as i64).collect()
        };
        let n_columns = tiles.iter().map(|t| t.at.0 + 1).max().unwrap_or(1);
        let n_rows = tiles.iter().map(|t| t.at.1 + 1).max().unwrap_or(1);
        Self {
            tiles,
            per_tile: per_tile as usize,
            columns: axis(n_columns, weights.ew, chip.mesh.columns),
            rows: axis(n_rows, weights.ns, chip.mesh.rows),
        }
    }

    /// What the way between two tiles costs.
    pub fn way(&self, a: usize, b: usize) -> i64 {
        let ((ax, ay), (bx, by)) = (self.tiles[a].at, self.tiles[b].at);
        (self.columns[ax] - self.columns[bx]).abs() + (self.rows[ay] - self.rows[by]).abs()
    }
}

/// As few chips as hold so many cores, those nearest to the host port.
pub(super) fn nearest_chips(chip: &Chip, n_cores: usize, weights: &LinkWeights) -> BTreeSet<u32> {
    let n = n_cores.div_ceil(chip.cores_per_chip() as usize);
    let m = &chip.mesh;
    let way = |number: u32| {
        let (x, y) = (number % m.chips.columns, number / m.chips.columns);
        let ew = u64::from(x) * (u64::from(m.columns) * weights.ew + weights.border);
        let ns = u64::from(y) * (u64::from(m.rows) * weights.ns + weights.border);
        (ew + ns, number)
    };
    let mut all: Vec<u32> = (0..chip.n_chips()).collect();
    all.sort_unstable_by_key(|number| way(*number));
    all.into_iter().take(n).collect()
}
