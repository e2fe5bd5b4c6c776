//! Series of points and their legend.

use super::axes::Frame;
use super::canvas::{BODY, CYCLE, Canvas, Font, Ink, MARGIN, PAGE, mix};
use super::{PictureError, at_most, shows, text};

/// Most series in one plot.
pub(super) const MOST_SERIES: usize = 12;
/// Most points in one series; enough for every step of a long run.
pub(super) const MOST_POINTS: usize = 1_000_000;

/// A named series of points.
#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    /// What the legend says. An empty name leaves the series out of the legend.
    pub name: String,
    /// Points `(x, y)` in the units of the axes, in drawing order. A value that is not finite
    /// breaks a line.
    pub points: Vec<(f64, f64)>,
    /// How the points are drawn.
    pub style: Style,
}

/// How a series is drawn.
#[derive(Clone, PartialEq, Debug)]
pub enum Style {
    /// A line through the points.
    Line,
    /// A disc at each point.
    Points,
    /// A line within a pale band. Holds one half width per point, in units of y.
    Band(Vec<f64>),
    /// A disc at each point with an error bar. Holds one half width per point, in units of y.
    Bars(Vec<f64>),
}

impl Series {
    /// Fails if the series is too long or its half widths do not match its points.
    pub(super) fn check(&self) -> Result<(), PictureError> {
        at_most(&format!("points of series '{}'", self.name), self.points.len(), MOST_POINTS)?;
        match self.half_widths() {
            Some(widths) if widths.len() != self.points.len() => Err(PictureError::Shape {
                what: format!("half widths of series '{}'", self.name),
                got: widths.len(),
                expected: self.points.len(),
            }),
            _ => Ok(()),
        }
    }

    /// The half widths, if the style has them.
    fn half_widths(&self) -> Option<&[f64]> {
        match &self.style {
            Style::Line | Style::Points => None,
            Style::Band(widths) | Style::Bars(widths) => Some(widths),
        }
    }

    /// `(x, low, y, high)` of each point that can be shown. `low` and `high` are `y` where
    /// there is no usable half width.
    fn extents(&self) -> impl Iterator<Item = Option<(f64, f64, f64, f64)>> {
        let widths = self.half_widths().unwrap_or_default();
        self.points.iter().enumerate().map(|(i, &(x, y))| {
            let half = widths.get(i).copied().filter(|w| shows(*w)).map_or(0.0, f64::abs);
            (shows(x) && shows(y)).then_some((x, y - half, y, y + half))
        })
    }

    /// All x values that are drawn.
    pub(super) fn xs(&self) -> impl Iterator<Item = f64> {
        self.extents().flatten().map(|(x, ..)| x)
    }

    /// All y values that are drawn, error bars included.
    pub(super) fn ys(&self) -> impl Iterator<Item = f64> {
        self.extents().flatten().flat_map(|(_, low, _, high)| [low, high])
    }

    /// Whether the series is a line.
    fn is_line(&self) -> bool {
        matches!(self.style, Style::Line | Style::Band(_))
    }

    /// Draws the series into a frame that holds all its values.
    pub(super) fn draw(&self, canvas: &mut Canvas, frame: &Frame, ink: Ink) {
        if self.is_line() {
            for piece in self.pieces() {
                if matches!(self.style, Style::Band(_)) {
                    let upper = piece.iter().map(|&(x, _, _, high)| frame.at(x, high));
                    let lower = piece.iter().rev().map(|&(x, low, ..)| frame.at(x, low));
                    canvas.polygon(&upper.chain(lower).collect::<Vec<_>>(), ink, 0.2);
                }
                let points = piece.iter().map(|&(x, _, y, _)| frame.at(x, y));
                let points = thinned(points);
                match points[..] {
                    // A value between two gaps would be invisible as a line.
                    [alone] => canvas.discs(&[alone], 3.0, ink),
                    _ => canvas.line(points, ink, 3.0),
                }
            }
            return;
        }
        let shown: Vec<_> = self.extents().flatten().collect();
        let spacing = frame.area.w / shown.len().max(1) as f64;
        let radius = (spacing * 0.4).clamp(2.5, 7.0);
        if matches!(self.style, Style::Bars(_)) {
            for &(x, low, _, high) in shown.iter().filter(|p| p.3 > p.1) {
                error_bar(canvas, frame.at(x, low), frame.at(x, high).1, ink);
            }
        }
        let centres = thinned(shown.iter().map(|&(x, _, y, _)| frame.at(x, y)));
        canvas.discs(&centres, radius, ink);
    }

    /// Runs of points without a gap.
    fn pieces(&self) -> Vec<Vec<(f64, f64, f64, f64)>> {
        let mut pieces = vec![Vec::new()];
        for point in self.extents() {
            match (point, pieces.last_mut()) {
                (Some(p), Some(piece)) => piece.push(p),
                (None, Some(piece)) if !piece.is_empty() => pieces.push(Vec::new()),
                _ => {}
            }
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }
}

/// A vertical error bar with caps between two heights.
pub(super) fn error_bar(canvas: &mut Canvas, bottom: (f64, f64), top: f64, ink: Ink) {
    let (x, low) = bottom;
    canvas.rule((x, top), (x, low), ink, 2.0);
    for y in [top, low] {
        canvas.rule((x - 8.0, y), (x + 8.0, y), ink, 2.0);
    }
}

/// Colour of the series with this number: after the set is used up, its pale shades follow.
pub(super) fn ink_of(index: usize) -> Ink {
    let pale = if index < CYCLE.len() { 0.0 } else { 0.5 };
    mix(CYCLE[index % CYCLE.len()], (255, 255, 255), pale)
}

/// Draws a legend of several rows with the first baseline at `y`; returns the baseline after it.
pub(super) fn legend(canvas: &mut Canvas, x: f64, y: f64, series: &[Series]) -> f64 {
    const SAMPLE: f64 = 44.0;
    const GAP: f64 = 36.0;
    let font = Font::of(BODY);
    let (mut at, mut base) = (x, y);
    let mut drawn = false;
    for (i, s) in series.iter().enumerate().filter(|(_, s)| !s.name.is_empty()) {
        let limit = PAGE - MARGIN - x - SAMPLE - 10.0;
        let width = text::width(&s.name, font.size, font.bold).min(limit);
        if at > x && at + SAMPLE + 10.0 + width > PAGE - MARGIN {
            at = x;
            base += 32.0;
        }
        let middle = base - 7.0;
        if s.is_line() {
            canvas.line(vec![(at, middle), (at + SAMPLE, middle)], ink_of(i), 4.0);
        } else {
            canvas.discs(&[(at + SAMPLE / 2.0, middle)], 7.0, ink_of(i));
        }
        canvas.text(at + SAMPLE + 10.0, base, font, limit + 1.0, &s.name);
        at += SAMPLE + 10.0 + width + GAP;
        drawn = true;
    }
    if drawn { base + 32.0 } else { base }
}

/// Points without those that fall within a quarter pixel of the one before. The last is kept.
fn thinned(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let mut dropped = None;
    for p in points {
        match kept.last() {
            Some(k) if (p.0 - k.0).abs() < 0.25 && (p.1 - k.1).abs() < 0.25 => dropped = Some(p),
            _ => {
                kept.push(p);
                dropped = None;
            }
        }
    }
    // A line may end between two kept positions; a lone point needs no second copy.
    if kept.len() > 1 {
        kept.extend(dropped);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)], style: Style) -> Series {
        Series { name: "chip".into(), points: points.to_vec(), style }
    }

    #[test]
    fn a_value_that_is_not_finite_breaks_the_line() {
        let s = series(&[(0.0, 1.0), (1.0, f64::NAN), (2.0, 1.0), (3.0, 2.0)], Style::Line);
        let lengths: Vec<usize> = s.pieces().iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 2]);
    }

    #[test]
    fn error_bars_widen_the_range() {
        let s = series(&[(0.0, 1.0), (1.0, 2.0)], Style::Bars(vec![0.5, f64::INFINITY]));
        let ys: Vec<f64> = s.ys().collect();
        assert_eq!(ys, [0.5, 1.5, 2.0, 2.0]);
    }

    #[test]
    fn half_widths_that_do_not_match_are_named() {
        let s = series(&[(0.0, 1.0), (1.0, 2.0)], Style::Band(vec![0.5]));
        let message = s.check().unwrap_err().to_string();
        assert_eq!(message, "half widths of series 'chip': 1 values, expected 2");
    }

    #[test]
    fn all_series_of_a_plot_have_different_colours() {
        for i in 0..MOST_SERIES {
            assert!((0..i).all(|j| ink_of(i) != ink_of(j)), "series {i}");
        }
    }

    #[test]
    fn points_on_one_spot_are_drawn_once() {
        let many = std::iter::repeat_n((5.0, 5.0), 1000);
        assert_eq!(thinned(many), [(5.0, 5.0)]);
        assert_eq!(thinned([(0.0, 0.0), (9.0, 0.0)].into_iter()).len(), 2);
    }
}
