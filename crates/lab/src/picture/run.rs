//! A run over time: spikes of populations above, variables below, on one time axis.

use super::axes::{Edges, Frame, Range};
use super::canvas::{
    Align, Area, BLACK, BODY, Canvas, FAINT, Font, GREY, Ink, MARGIN, PAGE, PAPER, RULE, TITLE,
};
use super::series::{MOST_SERIES, Series, ink_of, legend};
use super::{PictureError, at_most};
use std::collections::BTreeSet;

/// Most populations in a picture.
const MOST_POPULATIONS: usize = 12;
/// Most panels of variables.
const MOST_TRACES: usize = 8;
/// Most marked spans of time.
const MOST_SPANS: usize = 64;
/// Most spikes of one population.
const MOST_SPIKES: usize = 10_000_000;

/// Left edge of all panels.
const LEFT: f64 = MARGIN + 200.0;
/// Height of a panel of variables.
const PANEL: f64 = 190.0;
/// Room for the name of a panel above it.
const NAME: f64 = 36.0;
/// Shade of every other span.
const SHADE: Ink = (221, 232, 243);
/// Room between panels.
const GAP: f64 = 22.0;

/// Spikes and variables of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// Heading of the page.
    pub title: String,
    /// Steps of the run; the time axis covers `0..steps`.
    pub steps: u64,
    /// Populations from top to bottom; at most 12.
    pub populations: Vec<Population>,
    /// Panels of variables from top to bottom; at most 8.
    pub traces: Vec<Trace>,
    /// Stretches of time with a name; at most 64. They should not overlap.
    pub spans: Vec<Span>,
}

/// A population and its spikes.
#[derive(Clone, PartialEq, Debug)]
pub struct Population {
    /// The author's name of the population.
    pub name: String,
    /// Units in the population.
    pub units: u32,
    /// Spikes as `(step, unit)`, both from 0, in any order; at most 10,000,000.
    pub spikes: Vec<(u64, u32)>,
}

/// A panel with one or more readings of a variable.
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    /// Name and unit of the variable.
    pub label: String,
    /// Readings over time, such as `float` and `chip`; x is the step. Points outside the run
    /// are left out. At most 12.
    pub series: Vec<Series>,
}

/// A named stretch of time, such as the presentation of a drawing.
#[derive(Clone, PartialEq, Debug)]
pub struct Span {
    /// What happens then.
    pub name: String,
    /// First step.
    pub from: u64,
    /// One past the last step.
    pub to: u64,
}

/// The run as the bytes of a PNG file, 1600 pixels wide.
///
/// Errors: [`PictureError::Empty`] without steps or without populations and traces,
/// [`PictureError::Outside`] for a spike of a unit or step that does not exist,
/// [`PictureError::Shape`] if half widths and points differ in number, [`PictureError::TooMany`]
/// beyond the stated limits. A panel without finite values is drawn empty.
pub fn raster_and_traces(run: &Run) -> Result<Vec<u8>, PictureError> {
    draw(run)?.png()
}

/// The run as SVG text. Errors: as [`raster_and_traces`].
pub fn raster_and_traces_svg(run: &Run) -> Result<String, PictureError> {
    Ok(draw(run)?.svg())
}

fn draw(run: &Run) -> Result<Canvas, PictureError> {
    check(run)?;
    let mut canvas = Canvas::new(0.0);
    canvas.text(MARGIN, 66.0, Font::of(TITLE).bold(), PAGE - 2.0 * MARGIN, &run.title);
    let top = if run.spans.is_empty() { 100.0 } else { 140.0 };
    let mut y = top;
    for (i, (population, h)) in
        run.populations.iter().zip(raster_heights(&run.populations)).enumerate()
    {
        let units = Range { lo: -0.5, hi: f64::from(population.units.max(1)) - 0.5 };
        let frame = panel(run, y, h, units);
        let last = i + 1 == run.populations.len() && run.traces.is_empty();
        raster(&mut canvas, run, &frame, population, last);
        y += h + GAP;
    }
    let mut named: Vec<&str> = Vec::new();
    for (i, trace) in run.traces.iter().enumerate() {
        let names: Vec<&str> = trace.series.iter().map(|s| s.name.as_str()).collect();
        // Panels with the same readings share the legend above the first of them.
        if names != named && names.iter().any(|n| !n.is_empty()) {
            y = legend(&mut canvas, LEFT, y + 30.0, &trace.series) - 8.0;
        }
        named = names;
        y += NAME;
        let shown = within(trace, run.steps);
        let values = Range::of(shown.iter().flat_map(Series::ys));
        let frame = panel(run, y, PANEL, values.unwrap_or(Range { lo: 0.0, hi: 1.0 }).grown(0.08));
        shade(&mut canvas, run, &frame);
        let last = i + 1 == run.traces.len();
        let edges = Edges { y_label: &trace.label, y_ticks: 4, zeros: (false, true), ..time(last) };
        frame.draw(&mut canvas, edges);
        for (number, series) in shown.iter().enumerate() {
            series.draw(&mut canvas, &frame, ink_of(number));
        }
        y += PANEL + GAP;
    }
    span_names(&mut canvas, run, top);
    canvas.end_at(y + 80.0);
    Ok(canvas)
}

/// The frame of a panel: time from left to right.
fn panel(run: &Run, y: f64, h: f64, values: Range) -> Frame {
    let area = Area { x: LEFT, y, w: PAGE - MARGIN - LEFT, h };
    // A step is as wide as its neighbours, so the first and last need half a step of room.
    Frame { area, x: Range { lo: -0.5, hi: run.steps as f64 - 0.5 }, y: values }
}

/// Edges of a panel without names of its own; only the lowest one carries the time axis.
fn time(last: bool) -> Edges<'static> {
    let x_label = last.then_some("time (steps)");
    Edges { x_label, y_label: "", y_size: BODY, y_ticks: 0, zeros: (false, false) }
}

/// One population: a mark for each spike, unit 0 lowest.
fn raster(canvas: &mut Canvas, run: &Run, frame: &Frame, population: &Population, last: bool) {
    canvas.fill(frame.area, PAPER, 1.0);
    shade(canvas, run, frame);
    frame.draw(canvas, time(last));
    let w = (frame.area.w / run.steps as f64 * 0.7).clamp(2.0, 6.0).round();
    let h = (frame.area.h / f64::from(population.units.max(1)) * 0.75).clamp(2.0, 30.0).round();
    // Spikes that would cover each other on the page are drawn once; the set is at most as large
    // as the panel has pixels.
    let mut marks = BTreeSet::new();
    for &(step, unit) in &population.spikes {
        let (x, y) = frame.at(step as f64, f64::from(unit));
        // Within the page, hence within the range of i32.
        marks.insert(((x - w / 2.0).round() as i32, (y - h / 2.0).round() as i32));
    }
    let tiles: Vec<_> = marks
        .into_iter()
        .map(|(x, y)| (Area { x: f64::from(x), y: f64::from(y), w, h }, BLACK))
        .collect();
    canvas.tiles(&tiles);
    let middle = frame.area.y + frame.area.h / 2.0;
    let font = Font::of(BODY).align(Align::Right);
    let room = LEFT - MARGIN - 4.0;
    canvas.text(LEFT - 14.0, middle - 3.0, font.bold(), room, &population.name);
    let units = if population.units == 1 { "unit" } else { "units" };
    let count = format!("{} {units}", population.units);
    canvas.text(LEFT - 14.0, middle + 22.0, Font { size: 18, ..font.ink(GREY) }, room, &count);
}

/// Shades every other span and marks where spans begin and end.
fn shade(canvas: &mut Canvas, run: &Run, frame: &Frame) {
    for (i, span) in run.spans.iter().enumerate() {
        let (from, to) = edges_of(span, frame);
        let area = Area { x: from, w: to - from, ..frame.area };
        if i % 2 == 0 {
            canvas.fill(area, SHADE, 0.55);
        }
        for x in [from, to] {
            canvas.rule((x, area.y), (x, area.bottom()), FAINT, 2.0);
        }
    }
}

/// The names of the spans above the first panel.
fn span_names(canvas: &mut Canvas, run: &Run, top: f64) {
    let frame = panel(run, top, PANEL, Range { lo: 0.0, hi: 1.0 });
    for span in &run.spans {
        let (from, to) = edges_of(span, &frame);
        canvas.rule((from + 2.0, top - 8.0), (to - 2.0, top - 8.0), RULE, 3.0);
        let font = Font::of(18).ink(GREY).align(Align::Middle);
        canvas.text((from + to) / 2.0, top - 18.0, font, to - from - 4.0, &span.name);
    }
}

/// Page positions of both ends of a span.
fn edges_of(span: &Span, frame: &Frame) -> (f64, f64) {
    let x = |step: u64| frame.at(step as f64 - 0.5, frame.y.lo).0.round();
    (x(span.from), x(span.to))
}

/// Heights of the raster panels: in step with the number of units, between legible bounds.
fn raster_heights(populations: &[Population]) -> Vec<f64> {
    const LEAST: f64 = 50.0;
    const MOST_TOGETHER: f64 = 560.0;
    let wanted = |p: &Population| (f64::from(p.units) * 14.0).clamp(LEAST, 260.0);
    let sum: f64 = populations.iter().map(wanted).sum();
    let scale = (MOST_TOGETHER / sum).min(1.0);
    populations.iter().map(|p| (wanted(p) * scale).max(LEAST).round()).collect()
}

/// The series of a panel without the points outside the run.
fn within(trace: &Trace, steps: u64) -> Vec<Series> {
    let inside = |x: f64| (-0.5..=steps as f64 - 0.5).contains(&x);
    let mut series = trace.series.clone();
    for point in series.iter_mut().flat_map(|s| &mut s.points).filter(|p| !inside(p.0)) {
        // Not finite means not drawn, and keeps points and half widths aligned.
        point.1 = f64::NAN;
    }
    series
}

fn check(run: &Run) -> Result<(), PictureError> {
    if run.steps == 0 || (run.populations.is_empty() && run.traces.is_empty()) {
        return Err(PictureError::Empty { what: format!("run '{}'", run.title) });
    }
    at_most("populations", run.populations.len(), MOST_POPULATIONS)?;
    at_most("traces", run.traces.len(), MOST_TRACES)?;
    at_most("spans", run.spans.len(), MOST_SPANS)?;
    for population in &run.populations {
        let what = format!("spikes of population '{}'", population.name);
        at_most(&what, population.spikes.len(), MOST_SPIKES)?;
        for &(step, unit) in &population.spikes {
            let ends = [(u64::from(unit), u64::from(population.units)), (step, run.steps)];
            if let Some((index, end)) = ends.into_iter().find(|(index, end)| index >= end) {
                return Err(PictureError::Outside { what, index, end });
            }
        }
    }
    for trace in &run.traces {
        at_most(&format!("series of trace '{}'", trace.label), trace.series.len(), MOST_SERIES)?;
        for series in &trace.series {
            series.check()?;
        }
    }
    for span in &run.spans {
        if span.to > run.steps || span.from >= span.to {
            let what = format!("span '{}'", span.name);
            return Err(PictureError::Outside {
                what,
                index: span.from.max(span.to),
                end: run.steps,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Style;

    fn run() -> Run {
        let wave = |k: f64| (0..50).map(|t| (f64::from(t), (f64::from(t) * k).sin())).collect();
        Run {
            title: "A run".into(),
            steps: 50,
            populations: vec![Population {
                name: "input".into(),
                units: 4,
                spikes: (0..50).map(|t| (t, (t % 4) as u32)).collect(),
            }],
            traces: vec![Trace {
                label: "voltage".into(),
                series: vec![
                    Series { name: "float".into(), points: wave(0.2), style: Style::Line },
                    Series { name: "chip".into(), points: wave(0.21), style: Style::Points },
                ],
            }],
            spans: vec![Span { name: "shown".into(), from: 0, to: 20 }],
        }
    }

    #[test]
    fn a_run_is_a_png_and_the_same_bytes_twice() {
        let first = raster_and_traces(&run()).unwrap();
        assert_eq!(&first[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(first, raster_and_traces(&run()).unwrap());
        assert_eq!(raster_and_traces_svg(&run()).unwrap(), raster_and_traces_svg(&run()).unwrap());
    }

    #[test]
    fn the_order_of_spikes_does_not_matter_and_their_place_does() {
        let mut other = run();
        other.populations[0].spikes.reverse();
        assert_eq!(raster_and_traces(&run()), raster_and_traces(&other));
        other.populations[0].spikes[7].1 = 0;
        assert_ne!(raster_and_traces(&run()), raster_and_traces(&other));
    }

    #[test]
    fn a_run_without_steps_or_panels_is_an_error() {
        let expected = Err(PictureError::Empty { what: "run 'A run'".into() });
        assert_eq!(raster_and_traces(&Run { steps: 0, ..run() }), expected);
        let nothing = Run { populations: vec![], traces: vec![], ..run() };
        assert_eq!(raster_and_traces(&nothing), expected);
    }

    #[test]
    fn silent_and_unfinished_panels_are_drawn_empty() {
        let mut quiet = run();
        quiet.populations[0].spikes.clear();
        quiet.populations[0].units = 0;
        quiet.traces[0].series[0].points = vec![(0.0, f64::NAN), (f64::INFINITY, 1.0)];
        quiet.traces[0].series[1].points.clear();
        let svg = raster_and_traces_svg(&quiet).unwrap();
        assert!(svg.contains("voltage") && !svg.contains("NaN"));
    }

    #[test]
    fn spikes_and_spans_outside_the_run_are_named() {
        let mut late = run();
        late.populations[0].spikes.push((50, 0));
        let message = raster_and_traces(&late).unwrap_err().to_string();
        assert_eq!(message, "spikes of population 'input': 50 is outside 0..50");
        let mut stray = run();
        stray.populations[0].spikes.push((0, 4));
        let message = raster_and_traces(&stray).unwrap_err().to_string();
        assert_eq!(message, "spikes of population 'input': 4 is outside 0..4");
        let mut long = run();
        long.spans[0].to = 51;
        assert!(matches!(raster_and_traces(&long), Err(PictureError::Outside { .. })));
    }

    #[test]
    fn points_outside_the_run_do_not_stretch_the_axes() {
        let mut stray = run();
        stray.traces[0].series[0].points.push((1e6, 1e6));
        assert_eq!(raster_and_traces(&run()), raster_and_traces(&stray));
    }

    #[test]
    fn runs_of_one_step_and_of_endless_steps_are_drawn() {
        for steps in [1, u64::MAX] {
            let mut r = Run { steps, spans: vec![], ..run() };
            r.populations[0].spikes = vec![(steps - 1, 3), (0, 0)];
            assert!(raster_and_traces(&r).is_ok(), "{steps} steps");
        }
    }
}
