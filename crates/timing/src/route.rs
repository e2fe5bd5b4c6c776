//! The mesh: tiles, ports and routes (T12).

/// A mesh of tiles, which may go on over the edges of chips.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mesh {
    /// Tiles from west to east, of all chips.
    pub columns: u32,
    /// Tiles from north to south, of all chips.
    pub rows: u32,
    /// Tiles of one chip from west to east.
    pub chip_columns: u32,
    /// Tiles of one chip from north to south.
    pub chip_rows: u32,
}

/// A port of a router, in the order of the arbiters (T13).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// The tile's own cores, and the host.
    Local,
    /// Up.
    North,
    /// Right.
    East,
    /// Down.
    South,
    /// Left.
    West,
}

impl Direction {
    /// All ports in order.
    pub const ALL: [Self; 5] = [Self::Local, Self::North, Self::East, Self::South, Self::West];

    /// The port of the neighbour at which this output ends.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Local => Self::Local,
            Self::North => Self::South,
            Self::East => Self::West,
            Self::South => Self::North,
            Self::West => Self::East,
        }
    }
}

impl Mesh {
    /// Number of tiles.
    pub const fn tiles(&self) -> usize {
        self.columns as usize * self.rows as usize
    }
    /// Column and row of a tile.
    pub const fn at(&self, tile: u32) -> (u32, u32) {
        (tile % self.columns, tile / self.columns)
    }
    /// The output that a message for a tile takes: along its row first, then along its column.
    pub const fn next(&self, here: u32, to: u32) -> Direction {
        Self::towards(self.at(here), self.at(to))
    }
    /// The same between two tiles given as column and row.
    pub const fn towards((x, y): (u32, u32), (to_x, to_y): (u32, u32)) -> Direction {
        if to_x > x {
            Direction::East
        } else if to_x < x {
            Direction::West
        } else if to_y > y {
            Direction::South
        } else if to_y < y {
            Direction::North
        } else {
            Direction::Local
        }
    }
    /// The neighbour behind an output; a route never leaves the mesh.
    pub const fn neighbour(&self, tile: u32, output: Direction) -> u32 {
        match output {
            Direction::Local => tile,
            Direction::North => tile - self.columns,
            Direction::East => tile + 1,
            Direction::South => tile + self.columns,
            Direction::West => tile - 1,
        }
    }
    /// Whether a link leads to another chip.
    pub const fn leaves_chip(&self, tile: u32, output: Direction) -> bool {
        let ((x, y), (to_x, to_y)) = (self.at(tile), self.at(self.neighbour(tile, output)));
        x / self.chip_columns != to_x / self.chip_columns
            || y / self.chip_rows != to_y / self.chip_rows
    }
}
