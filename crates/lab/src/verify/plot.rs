//! Plots as SVG elements for the report's page.
//!
//! Colours and fonts are those of the page's style sheet, by class, so that a plot is readable in
//! light and dark. Equal input gives equal bytes. Numbers that are not finite are left out.

use std::fmt::Write as _;

const WIDTH: f64 = 540.0;
const LEFT: f64 = 82.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 50.0;
/// Height of the plot itself.
const PANEL: f64 = 190.0;
/// Height of a bar of a ranking, its gap included.
const BAR: f64 = 30.0;
/// Width of the names beside a ranking.
const NAMES: f64 = 180.0;

/// How a series is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mark {
    /// A line.
    Line,
    /// A dashed line.
    Dashes,
    /// A circle at each point.
    Points,
}

/// Points under a name; `colour` is a position in the page's palette, from 0.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub colour: usize,
    pub mark: Mark,
}

/// One value and its interval in a ranking.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Bar {
    pub name: String,
    /// By position in the palette.
    pub values: Vec<f64>,
}

/// Text as it may stand in the page.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// A linear axis over a range, with round ticks.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Axis {
    lo: f64,
    hi: f64,
    step: f64,
}

impl Axis {
    /// Covers all values; at most about `ticks` ticks.
    fn over(values: impl Iterator<Item = f64>, ticks: f64, pad: bool) -> Self {
        let (mut lo, mut hi) = values
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
        if lo > hi {
            (lo, hi) = (0.0, 1.0);
        }
        if hi - lo <= 1e-12 * hi.abs().max(lo.abs()) {
            let room = if lo == 0.0 { 1.0 } else { 0.1 * lo.abs() };
            (lo, hi) = (lo - room, hi + room);
        } else if pad {
            let room = 0.04 * (hi - lo);
            // An axis that begins at 0 goes on doing so.
            lo = if lo >= 0.0 && lo < room { 0.0 } else { lo - room };
            hi += room;
        }
        let rough = (hi - lo) / ticks;
        let unit = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * unit).find(|s| *s >= rough);
        Self { lo, hi, step: step.unwrap_or(10.0 * unit) }
    }

    fn ticks(&self) -> Vec<f64> {
        let first = (self.lo / self.step).ceil() as i64;
        let last = (self.hi / self.step).floor() as i64;
        (first..=last.min(first + 50)).map(|k| k as f64 * self.step).collect()
    }

    fn label(&self, tick: f64) -> String {
        let size = self.lo.abs().max(self.hi.abs());
        if tick == 0.0 {
            return "0".to_owned();
        }
        if !(1e-3..1e6).contains(&size) {
            return format!("{tick:.1e}");
        }
        let places = (-self.step.log10().floor()).max(0.0) as usize;
        format!("{tick:.places$}")
    }
}

/// Lines or points over two axes.
pub(super) fn lines(x_label: &str, y_label: &str, series: &[Line]) -> String {
    let all = || series.iter().flat_map(|s| &s.points);
    let x = Axis::over(all().map(|p| p.0), 8.0, false);
    let y = Axis::over(all().map(|p| p.1), 5.0, true);
    let names: Vec<(&str, usize, Mark)> =
        series.iter().map(|s| (s.name.as_str(), s.colour, s.mark)).collect();
    let legend = legend(&names);
    let top = TOP + legend.1;
    let height = top + PANEL + BOTTOM;
    let inner = WIDTH - LEFT - RIGHT;
    let at_x = |v: f64| LEFT + (v - x.lo) / (x.hi - x.lo) * inner;
    let at_y = |v: f64| top + PANEL - (v - y.lo) / (y.hi - y.lo) * PANEL;
    let mut out = open(height, &format!("{y_label} against {x_label}"));
    out += &legend.0;
    out += &frame(&x, &y, top, x_label, y_label, &at_x, &at_y);
    for s in series {
        let points: Vec<(f64, f64)> = s
            .points
            .iter()
            .filter(|p| p.0.is_finite() && p.1.is_finite())
            .map(|p| (at_x(p.0), at_y(p.1)))
            .collect();
        match s.mark {
            Mark::Points => {
                for (x, y) in &points {
                    let _ = write!(
                        out,
                        "<circle class=\"p{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>",
                        s.colour
                    );
                }
            }
            Mark::Line | Mark::Dashes => {
                let list: Vec<String> =
                    points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
                let dashes = if s.mark == Mark::Dashes { " d" } else { "" };
                let _ = write!(
                    out,
                    "<polyline class=\"l{}{dashes}\" points=\"{}\"/>",
                    s.colour,
                    list.join(" ")
                );
            }
        }
    }
    out + "</svg>\n"
}

/// Two or more lists of values as counts over common bins, side by side.
pub(super) fn histogram(x_label: &str, lists: &[(&str, &[f64])]) -> String {
    const BINS: usize = 32;
    let all = || lists.iter().flat_map(|(_, values)| values.iter().copied());
    let x = Axis::over(all(), 8.0, true);
    let width = (x.hi - x.lo) / BINS as f64;
    let count = |values: &[f64]| {
        let mut bins = vec![0u32; BINS];
        for v in values.iter().filter(|v| v.is_finite()) {
            bins[(((v - x.lo) / width) as usize).min(BINS - 1)] += 1;
        }
        bins
    };
    let counts: Vec<Vec<u32>> = lists.iter().map(|(_, values)| count(values)).collect();
    let most = counts.iter().flatten().copied().max().unwrap_or(1);
    let y = Axis::over([0.0, f64::from(most)].into_iter(), 5.0, true);
    let names: Vec<(&str, usize, Mark)> =
        lists.iter().enumerate().map(|(k, (name, _))| (*name, k, Mark::Points)).collect();
    let legend = legend(&names);
    let top = TOP + legend.1;
    let inner = WIDTH - LEFT - RIGHT;
    let at_x = |v: f64| LEFT + (v - x.lo) / (x.hi - x.lo) * inner;
    let at_y = |v: f64| top + PANEL - (v - y.lo) / (y.hi - y.lo) * PANEL;
    let mut out = open(top + PANEL + BOTTOM, &format!("histogram of {x_label}"));
    out += &legend.0;
    out += &frame(&x, &y, top, x_label, "synapses", &at_x, &at_y);
    let slot = inner / BINS as f64;
    let bar = 0.86 * slot / lists.len().max(1) as f64;
    for (k, counts) in counts.iter().enumerate() {
        for (bin, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let (left, high) =
                (LEFT + slot * (bin as f64 + 0.07) + bar * k as f64, at_y((*n).into()));
            let tall = top + PANEL - high;
            let _ = write!(
                out,
                "<rect class=\"p{k}\" x=\"{left:.1}\" y=\"{high:.1}\" width=\"{bar:.1}\" height=\"{tall:.1}\"/>"
            );
        }
    }
    out + "</svg>\n"
}

/// Horizontal bars from 0, some values beside each other under one name.
pub(super) fn ranking(x_label: &str, words: &[&str], bars: &[Bar]) -> String {
    let values = bars.iter().flat_map(|b| b.values.iter().copied()).chain([0.0]);
    let x = Axis::over(values, 6.0, true);
    let names: Vec<(&str, usize, Mark)> =
        words.iter().enumerate().map(|(k, w)| (*w, k, Mark::Points)).collect();
    let legend = legend(&names);
    let top = TOP + legend.1;
    let tall = BAR * bars.len().max(1) as f64;
    let inner = WIDTH - NAMES - RIGHT;
    let at_x = |v: f64| NAMES + (v - x.lo) / (x.hi - x.lo) * inner;
    let mut out = open(top + tall + BOTTOM, x_label);
    out += &legend.0;
    let foot = top + tall;
    for tick in x.ticks() {
        let at = at_x(tick);
        let _ = write!(
            out,
            "<line class=\"g\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top:.1}\" y2=\"{foot:.1}\"/><text class=\"t\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            foot + 18.0,
            x.label(tick)
        );
    }
    let zero = at_x(0.0);
    for (row, b) in bars.iter().enumerate() {
        let y = top + BAR * row as f64;
        let _ = write!(
            out,
            "<text class=\"t\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            NAMES - 8.0,
            y + BAR / 2.0 + 4.0,
            escaped(&b.name)
        );
        let each = (BAR - 8.0) / b.values.len().max(1) as f64;
        for (k, v) in b.values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
            let at = at_x(*v);
            let (left, wide) = (zero.min(at), (at - zero).abs().max(0.8));
            let _ = write!(
                out,
                "<rect class=\"p{k}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{:.1}\"/>",
                y + 4.0 + each * k as f64,
                each - 1.0
            );
        }
    }
    let _ = write!(
        out,
        "<line class=\"a\" x1=\"{zero:.1}\" x2=\"{zero:.1}\" y1=\"{top:.1}\" y2=\"{foot:.1}\"/>"
    );
    out += &x_name(x_label, NAMES + inner / 2.0, foot + 40.0);
    out + "</svg>\n"
}

fn open(height: f64, title: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
        escaped(title)
    )
}

/// The names of series in rows above the plot, and the height they take.
fn legend(names: &[(&str, usize, Mark)]) -> (String, f64) {
    let (mut x, mut y) = (LEFT, TOP + 4.0);
    let mut out = String::new();
    for (name, colour, mark) in names {
        let wide = 30.0 + 7.2 * name.chars().count() as f64;
        if x + wide > WIDTH && x > LEFT {
            (x, y) = (LEFT, y + 20.0);
        }
        let _ = match mark {
            Mark::Points => write!(
                out,
                "<rect class=\"p{colour}\" x=\"{:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\"/>",
                x + 4.0,
                y - 5.0
            ),
            Mark::Line | Mark::Dashes => write!(
                out,
                "<line class=\"l{colour}{}\" x1=\"{x:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                if *mark == Mark::Dashes { " d" } else { "" },
                x + 18.0
            ),
        };
        let _ = write!(
            out,
            "<text class=\"t\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + 23.0,
            y + 4.0,
            escaped(name)
        );
        x += wide;
    }
    (out, y - TOP + 18.0)
}

/// Grid, axes, ticks and names.
fn frame(
    x: &Axis,
    y: &Axis,
    top: f64,
    x_label: &str,
    y_label: &str,
    at_x: &dyn Fn(f64) -> f64,
    at_y: &dyn Fn(f64) -> f64,
) -> String {
    let mut out = String::new();
    let (right, foot) = (WIDTH - RIGHT, top + PANEL);
    for tick in y.ticks() {
        let at = at_y(tick);
        let _ = write!(
            out,
            "<line class=\"g\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"t\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            at + 4.0,
            y.label(tick)
        );
    }
    for tick in x.ticks() {
        let at = at_x(tick);
        let _ = write!(
            out,
            "<line class=\"a\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{foot:.1}\" y2=\"{:.1}\"/><text class=\"t\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            foot + 5.0,
            foot + 19.0,
            x.label(tick)
        );
    }
    let _ = write!(
        out,
        "<polyline class=\"a\" points=\"{LEFT},{top:.1} {LEFT},{foot:.1} {right},{foot:.1}\"/>"
    );
    let middle = top + PANEL / 2.0;
    let _ = write!(
        out,
        "<text class=\"t\" transform=\"translate(14 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        escaped(y_label)
    );
    out + &x_name(x_label, (LEFT + right) / 2.0, foot + 40.0)
}

fn x_name(label: &str, x: f64, y: f64) -> String {
    format!(
        "<text class=\"t\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>",
        escaped(label)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_lie_on_the_axis() {
        for (lo, hi) in [(0.0, 1.0), (-63.0, 61.0), (1e-9, 3e-9), (0.0, 12_100.0), (5.0, 5.0)] {
            let axis = Axis::over([lo, hi].into_iter(), 6.0, true);
            let ticks = axis.ticks();
            assert!((2..=9).contains(&ticks.len()), "{lo} {hi}: {ticks:?}");
            assert!(ticks.iter().all(|t| (axis.lo..=axis.hi).contains(t)));
            let labels: std::collections::BTreeSet<String> =
                ticks.iter().map(|t| axis.label(*t)).collect();
            assert_eq!(labels.len(), ticks.len(), "{labels:?}");
        }
    }

    #[test]
    fn what_is_not_finite_is_left_out_and_names_are_escaped() {
        let line = Line {
            name: "a < b & \"c\"".to_owned(),
            points: vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)],
            colour: 0,
            mark: Mark::Line,
        };
        let svg = lines("step", "error", &[line]);
        assert!(svg.contains("a &lt; b &amp; &quot;c&quot;") && !svg.contains("NaN"));
        assert_eq!(svg.matches("<polyline class=\"l0\"").count(), 1);
        let empty = lines("step", "error", &[]);
        assert!(empty.ends_with("</svg>\n"));
    }

    #[test]
    fn every_value_of_a_histogram_is_in_one_bin() {
        let values = [0.0, 0.5, 0.5, 1.0];
        let svg = histogram("w", &[("float", &values), ("fixed", &values)]);
        // A bar for each of three values, and one square in the legend, for both lists.
        assert_eq!(svg.matches("<rect class=\"p0\"").count(), 4);
        assert_eq!(svg.matches("<rect class=\"p1\"").count(), 4);
    }
}
