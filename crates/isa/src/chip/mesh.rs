//! Where cores are, and which links a message passes.
//!
//! Tiles of all chips form one mesh: the tiles of a chip's east edge are neighbours of those of
//! the west edge of the chip beside it. So a tile has one pair of coordinates, counted from the
//! north-west corner of the north-west chip, and a message goes east or west first and then north
//! or south, whatever borders of chips lie between.

use super::{Chip, CoreId};
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;
use trifactor_entity::EntityId;

/// A rectangle of tiles with one router each; messages go east or west first, then north or
/// south.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mesh {
    /// Tiles of a chip from west to east.
    pub columns: u32,
    /// Tiles of a chip from north to south.
    pub rows: u32,
    /// Cores that share a router.
    pub cores_per_tile: u32,
    /// Routers; left out, those of the built-in chips.
    #[serde(default)]
    pub router: Router,
    /// Chips whose meshes continue each other; left out, one.
    #[serde(default, skip_serializing_if = "ChipGrid::is_one")]
    pub chips: ChipGrid,
}

/// The routers of the mesh (`docs/timing.md`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Router {
    /// Entries of each queue, also of those between a core and its router.
    pub queue: u32,
    /// Ticks until a link takes another message.
    pub link_ticks: u32,
}

impl Default for Router {
    /// 16 entries, the link buffer of the fit to silicon (SF); 3 ticks, the published 3.44
    /// thousand million spikes a second at a tile boundary (D18).
    fn default() -> Self {
        Self { queue: 16, link_ticks: 3 }
    }
}

/// A rectangle of chips of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChipGrid {
    /// Chips from west to east.
    pub columns: u32,
    /// Chips from north to south.
    pub rows: u32,
}

impl Default for ChipGrid {
    fn default() -> Self {
        Self { columns: 1, rows: 1 }
    }
}

impl ChipGrid {
    /// Whether there is one chip only.
    pub fn is_one(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a link leads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// To the next column.
    East,
    /// To the column before.
    West,
    /// To the row before.
    North,
    /// To the next row.
    South,
}

impl Direction {
    /// All directions.
    pub const ALL: [Self; 4] = [Self::East, Self::West, Self::North, Self::South];

    /// Whether it is east or west; else it is north or south.
    pub const fn is_east_west(self) -> bool {
        matches!(self, Self::East | Self::West)
    }

    /// The name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::East => "east",
            Self::West => "west",
            Self::North => "north",
            Self::South => "south",
        }
    }
}

/// A link from the router of a tile to that of a neighbour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Link {
    /// Column and row of the tile that it leaves.
    pub from: (u32, u32),
    /// Which neighbour it leads to.
    pub direction: Direction,
    /// Whether that neighbour is on another chip.
    pub border: bool,
}

impl Link {
    /// Column and row of the tile that it leads to.
    pub const fn to(self) -> (u32, u32) {
        let (x, y) = self.from;
        match self.direction {
            Direction::East => (x + 1, y),
            Direction::West => (x - 1, y),
            Direction::North => (x, y - 1),
            Direction::South => (x, y + 1),
        }
    }
}

/// How many links a message passes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Hops {
    /// Links east or west.
    pub ew: u32,
    /// Links north or south.
    pub ns: u32,
    /// Those among them that lead to another chip.
    pub border: u32,
}

impl AddAssign for Hops {
    fn add_assign(&mut self, other: Self) {
        self.ew += other.ew;
        self.ns += other.ns;
        self.border += other.border;
    }
}

/// The links that a message passes, in order.
#[derive(Clone, Debug)]
pub struct Route {
    mesh: Mesh,
    at: (u32, u32),
    to: (u32, u32),
}

impl Iterator for Route {
    type Item = Link;

    fn next(&mut self) -> Option<Link> {
        let ((x, y), (tx, ty)) = (self.at, self.to);
        let direction = match (x.cmp(&tx), y.cmp(&ty)) {
            (std::cmp::Ordering::Less, _) => Direction::East,
            (std::cmp::Ordering::Greater, _) => Direction::West,
            (_, std::cmp::Ordering::Less) => Direction::South,
            (_, std::cmp::Ordering::Greater) => Direction::North,
            _ => return None,
        };
        let link = self.mesh.link(self.at, direction);
        self.at = link.to();
        Some(link)
    }
}

impl Mesh {
    /// Column and row, among chips, of the chip that a tile is on.
    pub const fn chip_at(&self, (x, y): (u32, u32)) -> (u32, u32) {
        (x / self.columns, y / self.rows)
    }

    /// Columns of tiles of all chips.
    pub const fn all_columns(&self) -> u32 {
        self.columns * self.chips.columns
    }

    /// Rows of tiles of all chips.
    pub const fn all_rows(&self) -> u32 {
        self.rows * self.chips.rows
    }

    /// The link that leaves a tile in a direction; it must lead to a tile of the mesh.
    pub fn link(&self, from: (u32, u32), direction: Direction) -> Link {
        let inside = Link { from, direction, border: false };
        Link { border: self.chip_at(from) != self.chip_at(inside.to()), ..inside }
    }
}

impl Chip {
    /// Number of chips.
    pub const fn n_chips(&self) -> u32 {
        self.mesh.chips.columns * self.mesh.chips.rows
    }

    /// Number of routers of one chip.
    pub const fn tiles_per_chip(&self) -> u32 {
        self.mesh.columns * self.mesh.rows
    }

    /// Number of cores of one chip.
    pub const fn cores_per_chip(&self) -> u32 {
        self.tiles_per_chip() * self.mesh.cores_per_tile
    }

    /// Number of routers of all chips.
    pub const fn n_tiles(&self) -> u32 {
        self.tiles_per_chip() * self.n_chips()
    }

    /// Number of cores of all chips.
    pub const fn n_cores(&self) -> u32 {
        self.cores_per_chip() * self.n_chips()
    }

    /// All cores in order.
    pub fn cores(&self) -> impl ExactSizeIterator<Item = CoreId> + use<> {
        (0..self.n_cores() as usize).map(CoreId::from_index)
    }

    /// Number of the chip that a core is on; chips are counted row by row.
    pub fn chip_of(&self, core: CoreId) -> u32 {
        number(core) / self.cores_per_chip()
    }

    /// Column and row of a core's tile on the mesh of all chips.
    ///
    /// The core must be one of this chip's.
    pub fn tile_of(&self, core: CoreId) -> (u32, u32) {
        let m = &self.mesh;
        let chip = self.chip_of(core);
        let tile = number(core) % self.cores_per_chip() / m.cores_per_tile;
        let (cx, cy) = (chip % m.chips.columns, chip / m.chips.columns);
        (cx * m.columns + tile % m.columns, cy * m.rows + tile / m.columns)
    }

    /// The first core of a tile; the others follow it.
    ///
    /// The tile must be one of the mesh.
    pub fn first_core(&self, tile: (u32, u32)) -> CoreId {
        let m = &self.mesh;
        let (cx, cy) = m.chip_at(tile);
        let chip = cy * m.chips.columns + cx;
        let within = tile.1 % m.rows * m.columns + tile.0 % m.columns;
        let first = (chip * self.tiles_per_chip() + within) * m.cores_per_tile;
        CoreId::from_index(first as usize)
    }

    /// The links that a message from one core to another passes, in order; none inside a tile.
    pub fn route(&self, from: CoreId, to: CoreId) -> Route {
        Route { mesh: self.mesh, at: self.tile_of(from), to: self.tile_of(to) }
    }

    /// How many links a message from one core to another passes; all counts are 0 inside a tile.
    pub fn hops(&self, from: CoreId, to: CoreId) -> Hops {
        let (a, b) = (self.tile_of(from), self.tile_of(to));
        let ((ax, ay), (bx, by)) = (self.mesh.chip_at(a), self.mesh.chip_at(b));
        Hops {
            ew: a.0.abs_diff(b.0),
            ns: a.1.abs_diff(b.1),
            border: ax.abs_diff(bx) + ay.abs_diff(by),
        }
    }
}

fn number(core: CoreId) -> u32 {
    u32::try_from(core.index()).expect("internal: a core id has 32 bits")
}
