//! Heat maps of weights on one common scale.

use super::canvas::{Align, Area, BODY, Canvas, FAINT, Font, GREY, Ink, RULE, mix};
use super::grid::Grid;
use super::{PictureError, at_most, shows, text};

/// Most maps in a picture.
pub(super) const MOST_MAPS: usize = 20;
/// Most rows or columns of a matrix, drawings included.
pub(super) const MOST_SIDE: usize = 256;

/// Colours from the most negative to the most positive weight. Red and blue of ColorBrewer's
/// `RdBu`, which stay apart for colour-blind eyes.
const DIVERGING: [Ink; 5] =
    [(5, 48, 97), (67, 147, 195), (247, 247, 247), (214, 96, 77), (103, 0, 31)];
/// Colours from zero to the largest weight. ColorBrewer's `Blues`.
const SEQUENTIAL: [Ink; 3] = [(247, 251, 255), (107, 174, 214), (8, 48, 107)];
/// Colour of weights that are not finite.
const MISSING: Ink = (190, 190, 190);

/// Learned weights onto one unit, arranged as the picture they see.
#[derive(Clone, PartialEq, Debug)]
pub struct WeightMap {
    /// What the weights belong to, such as `output 1`.
    pub name: String,
    /// The weights, rows first, in any unit. Length `rows * cols`.
    pub values: Vec<f64>,
    /// Rows, 1 to 256.
    pub rows: usize,
    /// Columns, 1 to 256.
    pub cols: usize,
}

impl WeightMap {
    /// Fails unless sides are within 1..=256 and agree with the number of weights.
    pub(super) fn check(&self) -> Result<(), PictureError> {
        at_most(&format!("rows of weights '{}'", self.name), self.rows, MOST_SIDE)?;
        at_most(&format!("columns of weights '{}'", self.name), self.cols, MOST_SIDE)?;
        let expected = self.rows * self.cols;
        if expected == 0 {
            return Err(PictureError::Empty { what: format!("weights '{}'", self.name) });
        }
        if self.values.len() != expected {
            return Err(PictureError::Shape {
                what: format!("weights '{}'", self.name),
                got: self.values.len(),
                expected,
            });
        }
        Ok(())
    }
}

/// What colours mean: the weights at both ends of the colour bar.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Scale {
    lo: f64,
    hi: f64,
}

impl Scale {
    /// One scale for all maps: symmetric around zero if any weight is negative, else from zero.
    pub(super) fn of(maps: &[WeightMap]) -> Self {
        let finite = || maps.iter().flat_map(|m| m.values.iter().copied()).filter(|v| shows(*v));
        let most = finite().fold(0.0, |most: f64, v| most.max(v.abs()));
        let most = if most > 0.0 { most } else { 1.0 };
        let lo = if finite().any(|v| v < 0.0) { -most } else { 0.0 };
        Self { lo, hi: most }
    }

    pub(super) fn ink(self, value: f64) -> Ink {
        if !shows(value) {
            return MISSING;
        }
        let share = (value - self.lo) / (self.hi - self.lo);
        ramp(if self.lo < 0.0 { &DIVERGING } else { &SEQUENTIAL }, share)
    }
}

/// Draws the maps and, below them but within `area`, the bar that explains their colours.
pub(super) fn maps(canvas: &mut Canvas, area: Area, maps: &[WeightMap]) {
    const BELOW: f64 = 34.0;
    const BAR: f64 = 50.0;
    let scale = Scale::of(maps);
    let grid = Grid::of(Area { h: area.h - BAR, ..area }, maps.len(), BELOW, 18.0, 220.0);
    for (i, map) in maps.iter().enumerate() {
        let cell = grid.cell(i);
        let longest = map.rows.max(map.cols) as f64;
        let w = (cell.w * map.cols as f64 / longest).round().max(1.0);
        let h = (cell.h * map.rows as f64 / longest).round().max(1.0);
        let x = (cell.x + (cell.w - w) / 2.0).round();
        let place = Area { x, y: (cell.y + (cell.h - h) / 2.0).round(), w, h };
        let inks: Vec<Ink> = map.values.iter().map(|v| scale.ink(*v)).collect();
        canvas.frame(place.grown(1.0), FAINT, 1.0);
        canvas.matrix(place, map.rows, map.cols, &inks);
        let size = if cell.w < 100.0 { 16 } else { BODY };
        let font = Font::of(size).align(Align::Middle);
        canvas.text(cell.x + cell.w / 2.0, cell.bottom() + 26.0, font, cell.w + 14.0, &map.name);
    }
    let lowest = maps.len().checked_sub(1).map_or(area.y, |last| grid.cell(last).bottom() + BELOW);
    colour_bar(canvas, area.x, lowest + 24.0, scale);
}

/// The bar that explains colours, 18 pixels high, with its ends on both sides.
pub(super) fn colour_bar(canvas: &mut Canvas, x: f64, y: f64, scale: Scale) {
    let font = Font::of(BODY).ink(GREY);
    let (least, most) = (short(scale.lo), short(scale.hi));
    let left = x + text::width(&least, font.size, font.bold).ceil() + 10.0;
    let bar = Area { x: left, y, w: 320.0, h: 18.0 };
    let steps: Vec<Ink> = (0..160)
        .map(|i| scale.ink(scale.lo + (scale.hi - scale.lo) * f64::from(i) / 159.0))
        .collect();
    canvas.frame(bar.grown(1.0), RULE, 1.0);
    canvas.matrix(bar, 1, steps.len(), &steps);
    let base = bar.bottom() - 1.0;
    canvas.text(x, base, font, 160.0, &least);
    canvas.text(bar.right() + 10.0, base, font, 160.0, &most);
}

/// A weight in three significant digits.
fn short(v: f64) -> String {
    let size = v.abs();
    let text = if v == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e5).contains(&size) {
        format!("{v:.1e}")
    } else if size >= 100.0 {
        format!("{v:.0}")
    } else if size >= 10.0 {
        format!("{v:.1}")
    } else if size >= 0.1 {
        format!("{v:.2}")
    } else {
        format!("{v:.4}")
    };
    text.replace('-', "−")
}

/// The colour a share of the way through a list of evenly spaced colours.
fn ramp(anchors: &[Ink], share: f64) -> Ink {
    let Some(last) = anchors.len().checked_sub(1) else {
        return MISSING;
    };
    let at = share.clamp(0.0, 1.0) * last as f64;
    // `at` lies within 0..=last, so the cast is exact truncation.
    let i = (at.floor() as usize).min(last.saturating_sub(1));
    mix(anchors[i], anchors[(i + 1).min(last)], at - i as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[f64]) -> WeightMap {
        WeightMap { name: "output 1".into(), values: values.to_vec(), rows: 1, cols: values.len() }
    }

    #[test]
    fn signed_weights_have_white_at_zero_and_unsigned_ones_at_the_bottom() {
        let signed = Scale::of(&[map(&[-0.5, 2.0])]);
        assert_eq!(signed, Scale { lo: -2.0, hi: 2.0 });
        assert_eq!(signed.ink(0.0), DIVERGING[2]);
        assert_eq!(signed.ink(2.0), DIVERGING[4]);
        let unsigned = Scale::of(&[map(&[0.0, 0.5]), map(&[1.5])]);
        assert_eq!(unsigned, Scale { lo: 0.0, hi: 1.5 });
        assert_eq!(unsigned.ink(0.0), SEQUENTIAL[0]);
    }

    #[test]
    fn weights_that_are_not_finite_are_grey_and_do_not_set_the_scale() {
        let scale = Scale::of(&[map(&[f64::NAN, f64::INFINITY, 0.25])]);
        assert_eq!(scale, Scale { lo: 0.0, hi: 0.25 });
        assert_eq!(scale.ink(f64::NAN), MISSING);
    }

    #[test]
    fn constant_weights_have_a_scale() {
        assert_eq!(Scale::of(&[map(&[0.0, 0.0])]), Scale { lo: 0.0, hi: 1.0 });
    }

    #[test]
    fn numbers_at_the_colour_bar_are_short() {
        let texts: Vec<String> = [-127.0, 12.34, 0.5, 0.0123, 1e-7].map(short).into();
        assert_eq!(texts, ["−127", "12.3", "0.50", "0.0123", "1.0e−7"]);
    }
}
