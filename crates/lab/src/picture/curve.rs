//! A plot of lines and points over one pair of axes.
//!
//! For pairing curves (float as a line, chip as points), trajectories and learning curves.

use super::axes::{Edges, Frame, Range};
use super::canvas::{Area, Canvas, Font, HEADING, MARGIN, PAGE, TITLE};
use super::series::{MOST_SERIES, Series, ink_of, legend};
use super::{PictureError, at_most};

/// Height of the page in pixels.
const HEIGHT: f64 = 900.0;

/// A plot of several series.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// Heading of the page.
    pub title: String,
    /// Name and unit of the horizontal axis.
    pub x_label: String,
    /// Name and unit of the vertical axis.
    pub y_label: String,
    /// What is drawn, first below, last on top. At most 12 series of at most 1,000,000 points.
    pub series: Vec<Series>,
}

/// The plot as the bytes of a PNG file, 1600 by 900 pixels. Zero lines are drawn where zero is
/// within the range.
///
/// Errors: [`PictureError::Empty`] if no point is finite, [`PictureError::Shape`] if half widths
/// and points differ in number, [`PictureError::TooMany`] beyond the stated limits.
pub fn curve(curve: &Curve) -> Result<Vec<u8>, PictureError> {
    draw(curve)?.png()
}

/// The plot as SVG text. Errors: as [`curve`].
pub fn curve_svg(curve: &Curve) -> Result<String, PictureError> {
    Ok(draw(curve)?.svg())
}

fn draw(curve: &Curve) -> Result<Canvas, PictureError> {
    at_most("series of a curve", curve.series.len(), MOST_SERIES)?;
    for series in &curve.series {
        series.check()?;
    }
    let x = Range::of(curve.series.iter().flat_map(Series::xs));
    let y = Range::of(curve.series.iter().flat_map(Series::ys));
    let (Some(x), Some(y)) = (x, y) else {
        return Err(PictureError::Empty { what: format!("curve '{}'", curve.title) });
    };
    let mut canvas = Canvas::new(HEIGHT);
    let left = MARGIN + 84.0;
    canvas.text(MARGIN, 66.0, Font::of(TITLE).bold(), PAGE - 2.0 * MARGIN, &curve.title);
    let top = legend(&mut canvas, MARGIN, 116.0, &curve.series) + 34.0;
    let area = Area { x: left, y: top, w: PAGE - MARGIN - left, h: HEIGHT - 96.0 - top };
    let frame = Frame { area, x: x.grown(0.02), y: y.grown(0.05) };
    let edges = Edges {
        x_label: Some(&curve.x_label),
        y_label: &curve.y_label,
        y_size: HEADING,
        y_ticks: 8,
        zeros: (true, true),
    };
    frame.draw(&mut canvas, edges);
    for (i, series) in curve.series.iter().enumerate() {
        series.draw(&mut canvas, &frame, ink_of(i));
    }
    Ok(canvas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Style;

    fn pairing() -> Curve {
        let rule = |dt: f64| dt.signum() * (-dt.abs() / 10.0).exp();
        let steps = (-40..=40).map(f64::from).filter(|dt| *dt != 0.0);
        let line: Vec<_> = steps.map(|dt| (dt, rule(dt))).collect();
        let points = line.iter().map(|&(x, y)| (x, (y * 16.0).round() / 16.0)).collect();
        Curve {
            title: "Pairing curve".into(),
            x_label: "post minus pre (steps)".into(),
            y_label: "change of weight".into(),
            series: vec![
                Series { name: "float".into(), points: line, style: Style::Line },
                Series { name: "chip".into(), points, style: Style::Points },
            ],
        }
    }

    #[test]
    fn a_curve_is_a_png_and_the_same_bytes_twice() {
        let first = curve(&pairing()).unwrap();
        assert_eq!(&first[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(first, curve(&pairing()).unwrap());
        assert_eq!(curve_svg(&pairing()).unwrap(), curve_svg(&pairing()).unwrap());
    }

    #[test]
    fn other_data_gives_another_picture() {
        let mut other = pairing();
        other.series[1].points[3].1 += 0.5;
        assert_ne!(curve(&pairing()).unwrap(), curve(&other).unwrap());
    }

    #[test]
    fn nothing_finite_is_an_error() {
        let mut empty = pairing();
        empty.series.clear();
        let expected = PictureError::Empty { what: "curve 'Pairing curve'".into() };
        assert_eq!(curve(&empty), Err(expected.clone()));
        let mut nan = pairing();
        nan.series.truncate(1);
        nan.series[0].points = vec![(0.0, f64::NAN), (f64::INFINITY, 1.0)];
        assert_eq!(curve(&nan), Err(expected));
    }

    #[test]
    fn awkward_values_are_drawn() {
        let cases: [&[(f64, f64)]; 6] = [
            &[(0.0, 0.0)],
            &[(1.0, 7.0), (1.0, 7.0)],
            &[(-1e150, 1e150), (1e150, -1e150)],
            &[(0.0, f64::MIN_POSITIVE), (5e-324, 0.0)],
            &[(0.0, 1.0), (f64::NAN, 2.0), (2.0, f64::NEG_INFINITY), (3.0, 1.0)],
            &[(1e15, 1.0), (1e15 + 1.0, 2.0)],
        ];
        for points in cases {
            for style in [Style::Line, Style::Points, Style::Band(vec![f64::NAN; points.len()])] {
                let mut c = pairing();
                c.series = vec![Series { name: String::new(), points: points.to_vec(), style }];
                assert!(curve(&c).is_ok(), "{points:?}");
            }
        }
    }

    #[test]
    fn names_are_printed_as_they_stand() {
        let mut c = pairing();
        c.title = "a < b & $c$".into();
        c.y_label = "price in $".into();
        let svg = curve_svg(&c).unwrap();
        assert!(svg.contains("a &lt; b &amp; $c$"), "{svg}");
        assert!(svg.contains("price in $"), "{svg}");
    }

    #[test]
    fn more_series_than_colours_can_tell_apart_are_refused() {
        let mut c = pairing();
        c.series = vec![c.series[0].clone(); 13];
        let message = curve(&c).unwrap_err().to_string();
        assert_eq!(message, "series of a curve: 13, a picture holds 12");
    }
}
