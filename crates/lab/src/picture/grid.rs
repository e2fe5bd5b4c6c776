//! Equal square cells in an area: as large as they can be.

use super::canvas::Area;

/// Where the cells of a grid are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Grid {
    origin: (f64, f64),
    cols: usize,
    /// Side of a cell in pixels.
    pub(super) side: f64,
    step: (f64, f64),
}

impl Grid {
    /// Lays `n` squares in rows, left to right, each with `below` pixels for a label, at least
    /// `gap` apart, no larger than `largest`.
    pub(super) fn of(area: Area, n: usize, below: f64, gap: f64, largest: f64) -> Self {
        let n = n.max(1);
        let side_with = |cols: usize| {
            let rows = n.div_ceil(cols);
            let w = (area.w + gap) / cols as f64 - gap;
            let h = (area.h + gap) / rows as f64 - gap - below;
            w.min(h).min(largest).floor().max(4.0)
        };
        // The widest of the equally good grids, so that a single row stays a single row.
        let mut cols = 1;
        for candidate in 1..=n {
            if side_with(candidate) >= side_with(cols) {
                cols = candidate;
            }
        }
        let side = side_with(cols);
        Self { origin: (area.x, area.y), cols, side, step: (side + gap, side + below + gap) }
    }

    /// The square of cell `i`, without its label.
    pub(super) fn cell(&self, i: usize) -> Area {
        Area {
            x: (self.origin.0 + self.step.0 * (i % self.cols) as f64).round(),
            y: (self.origin.1 + self.step.1 * (i / self.cols) as f64).round(),
            w: self.side,
            h: self.side,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_or_label_leaves_the_area_and_none_overlap() {
        let area = Area { x: 10.0, y: 20.0, w: 600.0, h: 300.0 };
        for n in 1..=24 {
            let grid = Grid::of(area, n, 28.0, 12.0, 110.0);
            for i in 0..n {
                let cell = grid.cell(i);
                assert!(cell.right() <= area.right() + 1.0, "{n} cells: {i} leaves on the right");
                assert!(cell.bottom() + 28.0 <= area.bottom() + 1.0, "{n}: {i} leaves below");
                for j in 0..i {
                    let other = grid.cell(j);
                    let apart = other.right() <= cell.x || other.bottom() + 28.0 <= cell.y;
                    assert!(apart, "{n} cells: {i} lies on {j}");
                }
            }
        }
    }

    #[test]
    fn a_wide_area_holds_one_row() {
        let area = Area { x: 0.0, y: 0.0, w: 600.0, h: 140.0 };
        let grid = Grid::of(area, 5, 28.0, 12.0, 104.0);
        assert_eq!(grid.cell(4).y, grid.cell(0).y);
        assert_eq!(grid.side, 104.0);
    }
}
