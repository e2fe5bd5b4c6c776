//! Ranges, ticks and the frame of a plot.

use super::canvas::{Align, Area, BLACK, BODY, Canvas, FAINT, Font, GREY, HEADING, RULE};
use super::shows;
use super::text;

/// Widths and values below this count as zero: no axis can be divided that finely.
const TINY: f64 = 1e-150;

/// A closed interval of data values. `lo < hi`, both within ±2e150.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Range {
    pub(super) lo: f64,
    pub(super) hi: f64,
}

impl Range {
    /// The smallest interval with all showable values, or none. A single value becomes an
    /// interval around it.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (lo, hi) = values
            .filter(|v| shows(*v))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
        if lo > hi {
            return None;
        }
        // Below this width ticks could not be told apart in double precision.
        let size = lo.abs().max(hi.abs());
        if hi - lo > (size * 1e-9).max(TINY) {
            return Some(Self { lo, hi });
        }
        let half = if size <= TINY { 1.0 } else { size * 0.1 };
        Some(Self { lo: lo - half, hi: hi + half })
    }

    /// The interval grown by a share of its width on both sides. An end at zero stays there:
    /// counts and shares have no room beyond.
    pub(super) fn grown(self, share: f64) -> Self {
        let d = (self.hi - self.lo) * share;
        let end = |v: f64, d: f64| if v == 0.0 { v } else { v + d };
        Self { lo: end(self.lo, -d), hi: end(self.hi, d) }
    }

    /// Whether the interval holds zero.
    fn holds_zero(self) -> bool {
        self.lo <= 0.0 && self.hi >= 0.0
    }

    /// Where `v` lies, as a share of the interval.
    fn share(self, v: f64) -> f64 {
        (v - self.lo) / (self.hi - self.lo)
    }

    /// Round values inside the interval, about `wanted` of them, and the decimals they need.
    ///
    /// Steps are 1, 2 or 5 times a power of ten, as read most easily.
    pub(super) fn ticks(self, wanted: usize) -> Vec<Tick> {
        let raw = (self.hi - self.lo) / wanted.max(1) as f64;
        let power = raw.log10().floor();
        let unit = 10f64.powf(power);
        let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * unit >= raw * 0.999);
        let step = factor.unwrap_or(10.0) * unit;
        let first = (self.lo / step - 1e-9).ceil();
        let last = (self.hi / step + 1e-9).floor();
        let mut ticks = Vec::new();
        // The interval holds at most `wanted` steps and one more; the bound guards rounding.
        for i in 0..=wanted + 1 {
            let n = first + i as f64;
            if n > last {
                break;
            }
            // `+ 0.0` turns a negative zero into zero.
            let value = n * step + 0.0;
            ticks.push(Tick { value, label: label(value, step) });
        }
        ticks
    }
}

/// A marked value of an axis.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// A value as written on an axis with steps of `step`, with as many digits as tell steps apart.
fn label(value: f64, step: f64) -> String {
    let place = (step.log10() + 1e-9).floor();
    // Both casts saturate: below zero no decimals are written, and 15 is all a double holds.
    let text = if value == 0.0 && place < -4.0 {
        "0".to_owned()
    } else if value.abs() >= 1e6 || place < -4.0 {
        let decimals = (value.abs().log10() + 1e-9).floor() - place;
        format!("{value:.*e}", decimals.min(15.0) as usize)
    } else {
        format!("{value:.*}", -place as usize)
    };
    // A true minus sign is as wide as the digits' plus.
    text.replace('-', "−")
}

/// The frame of a plot: where the data area is and what its edges mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) area: Area,
    pub(super) x: Range,
    pub(super) y: Range,
}

/// What the frame writes along its edges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges<'a> {
    /// Name of the horizontal axis; none also leaves out its numbers.
    pub(super) x_label: Option<&'a str>,
    /// Name of the vertical axis, written above the frame.
    pub(super) y_label: &'a str,
    /// Font size of that name.
    pub(super) y_size: u32,
    /// Wanted number of vertical ticks. With 0 there are none.
    pub(super) y_ticks: usize,
    /// Whether lines mark zero on the horizontal and on the vertical axis.
    pub(super) zeros: (bool, bool),
}

impl Frame {
    /// Page position of a data point.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (
            self.area.x + self.x.share(x) * self.area.w,
            self.area.bottom() - self.y.share(y) * self.area.h,
        )
    }

    /// Draws grid, zero lines, edges, numbers and names. The numbers need about 90 pixels on the
    /// left, names and numbers 80 pixels below, the vertical axis' name 45 pixels above.
    pub(super) fn draw(&self, canvas: &mut Canvas, edges: Edges<'_>) {
        let Area { x: left, y: top, .. } = self.area;
        let (right, bottom) = (self.area.right(), self.area.bottom());
        let numbers = Font::of(BODY).ink(GREY);
        let y_ticks = if edges.y_ticks == 0 { Vec::new() } else { self.y.ticks(edges.y_ticks) };
        for tick in y_ticks {
            let (_, y) = self.at(self.x.lo, tick.value);
            canvas.rule((left, y), (right, y), FAINT, 1.0);
            canvas.text(left - 12.0, y + 7.0, numbers.align(Align::Right), 110.0, &tick.label);
        }
        for tick in self.x_ticks() {
            let (x, _) = self.at(tick.value, self.y.lo);
            canvas.rule((x, top), (x, bottom), FAINT, 1.0);
            if edges.x_label.is_some() {
                canvas.rule((x, bottom), (x, bottom + 7.0), RULE, 1.0);
                let font = numbers.align(Align::Middle);
                canvas.text(x, bottom + 30.0, font, 140.0, &tick.label);
            }
        }
        if edges.zeros.1 && self.y.holds_zero() {
            let (_, y) = self.at(self.x.lo, 0.0);
            canvas.rule((left, y), (right, y), RULE, 2.0);
        }
        if edges.zeros.0 && self.x.holds_zero() {
            let (x, _) = self.at(0.0, self.y.lo);
            canvas.rule((x, top), (x, bottom), RULE, 2.0);
        }
        canvas.rule((left, bottom), (right, bottom), RULE, 2.0);
        canvas.rule((left, top), (left, bottom), RULE, 2.0);
        let name = Font::of(HEADING).ink(BLACK).align(Align::Middle);
        if let Some(label) = edges.x_label {
            let middle = left + self.area.w / 2.0;
            canvas.text(middle, bottom + 68.0, name, self.area.w, label);
        }
        // Above the frame and level: it reads faster than a turned name, and kuva draws turned
        // text without smooth edges.
        let name = name.align(Align::Left).size(edges.y_size);
        canvas.text(left, top - 16.0, name, self.area.w, edges.y_label);
    }

    /// Horizontal ticks, as many as fit without their numbers touching.
    fn x_ticks(&self) -> Vec<Tick> {
        let mut wanted = 12;
        loop {
            let ticks = self.x.ticks(wanted);
            let widest =
                ticks.iter().map(|t| text::width(&t.label, BODY, false)).fold(0.0, f64::max);
            let room = self.area.w / ticks.len().max(1) as f64;
            if wanted <= 2 || widest + 28.0 <= room {
                return ticks;
            }
            wanted -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(lo: f64, hi: f64, wanted: usize) -> Vec<String> {
        Range { lo, hi }.ticks(wanted).into_iter().map(|t| t.label).collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(labels(0.0, 1.0, 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(
            labels(-40.0, 40.0, 8),
            ["−40", "−30", "−20", "−10", "0", "10", "20", "30", "40"]
        );
        assert_eq!(labels(0.03, 0.27, 5), ["0.05", "0.10", "0.15", "0.20", "0.25"]);
    }

    #[test]
    fn large_and_small_values_are_written_with_exponents() {
        assert_eq!(labels(0.0, 4e6, 4), ["0", "1e6", "2e6", "3e6", "4e6"]);
        assert_eq!(labels(0.0, 2e-6, 2), ["0", "1e−6", "2e−6"]);
    }

    #[test]
    fn neighbouring_ticks_never_read_the_same() {
        for (lo, hi) in [(1e6, 1e6 + 1.0), (0.5, 0.5 + 1e-6), (-3e9, 2e9), (-0.3, 0.2)] {
            let labels = labels(lo, hi, 6);
            assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{labels:?}");
        }
    }

    #[test]
    fn a_constant_has_an_interval_around_it() {
        assert_eq!(Range::of([3.0, 3.0].into_iter()), Some(Range { lo: 2.7, hi: 3.3 }));
        assert_eq!(Range::of([0.0].into_iter()), Some(Range { lo: -1.0, hi: 1.0 }));
    }

    #[test]
    fn an_interval_from_zero_does_not_grow_below_it() {
        let grown = Range { lo: 0.0, hi: 10.0 }.grown(0.1);
        assert_eq!(grown, Range { lo: 0.0, hi: 11.0 });
    }

    #[test]
    fn values_that_no_axis_can_hold_do_not_count() {
        let values = [f64::NAN, 1.0, f64::INFINITY, 2.0, 1e200];
        assert_eq!(Range::of(values.into_iter()), Some(Range { lo: 1.0, hi: 2.0 }));
        assert_eq!(Range::of([f64::NAN].into_iter()), None);
    }

    #[test]
    fn extreme_ranges_still_have_few_ticks() {
        for (lo, hi) in
            [(-1e150, 1e150), (0.0, 1e-300), (1e15, 1e15 * 1.000_001), (-1e-150, 1e-150)]
        {
            assert!(Range { lo, hi }.ticks(6).len() <= 8, "{lo}..{hi}");
        }
    }
}
