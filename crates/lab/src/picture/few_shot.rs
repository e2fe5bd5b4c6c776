//! Few-shot trials as one sees them: what was shown once, what was asked, what was answered.
//!
//! Rows of drawings on top, the weights that one trial left behind and the accuracies below.

use super::canvas::{
    Align, Area, BODY, Canvas, FAINT, Font, GREY, HEADING, Ink, MARGIN, PAGE, PAPER, RIGHT, RULE,
    TITLE, WRONG, mix,
};
use super::grid::Grid;
use super::scores::{self, Score};
use super::weights::{self, MOST_MAPS, MOST_SIDE, WeightMap};
use super::{PictureError, at_most};

/// Most trials in a picture.
const MOST_TRIALS: usize = 8;
/// Most support drawings of a trial.
const MOST_SUPPORT: usize = 20;
/// Most queries of a trial.
const MOST_QUERIES: usize = 40;
/// Most bars.
const MOST_SCORES: usize = 10;

/// Column of the support drawings.
const SUPPORT: (f64, f64) = (MARGIN + 104.0, 610.0);
/// Column of the queries.
const QUERIES: (f64, f64) = (QUERIES_LEFT, PAGE - MARGIN - QUERIES_LEFT);
/// Left edge of the queries.
const QUERIES_LEFT: f64 = SUPPORT.0 + SUPPORT.1 + 62.0;
/// Largest side of a drawing.
const SIDE: f64 = 112.0;
/// Room for the label below a drawing.
const BELOW: f64 = 32.0;
/// Room between drawings.
const GAP: f64 = 16.0;
/// Height of weights and accuracies.
const LOWER: f64 = 440.0;

/// A figure of few-shot learning. Sections without content are left out.
#[derive(Clone, PartialEq, Debug)]
pub struct FewShot {
    /// Heading of the page.
    pub title: String,
    /// Height and width of every drawing in pixels, 1 to 256 each.
    pub image_size: (usize, usize),
    /// The trials, one row each; at most 8.
    pub trials: Vec<ShownTrial>,
    /// Learned weights of the first trial, usually one map per output; at most 20.
    pub weights: Vec<WeightMap>,
    /// Accuracies over all trials; at most 10.
    pub accuracies: Vec<Score>,
}

/// One trial: drawings shown with their class, then questions.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownTrial {
    /// One drawing per class, rows first, 0 paper to 1 ink; at most 20. The position is the
    /// class's slot.
    pub support: Vec<Vec<f32>>,
    /// The questions; at most 40.
    pub queries: Vec<ShownQuery>,
}

/// A drawing to be classified, and the answer.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownQuery {
    /// The drawing, rows first, 0 paper to 1 ink.
    pub pixels: Vec<f32>,
    /// The slot it belongs to, from 0. The picture counts slots from 1.
    pub slot: u32,
    /// The slot that was chosen, from 0; none if there was no answer.
    pub choice: Option<u32>,
}

/// The figure as the bytes of a PNG file, 1600 pixels wide.
///
/// Right answers are framed green with a tick, wrong ones orange-red with a cross and the right
/// class in brackets, missing ones grey.
///
/// Errors: [`PictureError::Empty`] without any content, [`PictureError::Shape`] if a drawing or
/// a weight map has the wrong number of values, [`PictureError::Outside`] for a slot without
/// support drawing, [`PictureError::TooMany`] beyond the stated limits.
pub fn few_shot(figure: &FewShot) -> Result<Vec<u8>, PictureError> {
    draw(figure)?.png()
}

/// The figure as SVG text. Errors: as [`few_shot`].
pub fn few_shot_svg(figure: &FewShot) -> Result<String, PictureError> {
    Ok(draw(figure)?.svg())
}

fn draw(figure: &FewShot) -> Result<Canvas, PictureError> {
    check(figure)?;
    let lower = !figure.weights.is_empty() || !figure.accuracies.is_empty();
    let rows: f64 = figure.trials.iter().map(row_height).sum();
    let mut y = 66.0;
    let trials_at = y + 60.0;
    let header = if figure.trials.is_empty() { 0.0 } else { 84.0 };
    let lower_at = y + header + rows + 50.0;
    let bottom = if lower { lower_at + LOWER + 110.0 } else { lower_at - 20.0 };
    let mut canvas = Canvas::new(bottom);
    canvas.text(MARGIN, y, Font::of(TITLE).bold(), PAGE - 2.0 * MARGIN, &figure.title);
    if !figure.trials.is_empty() {
        headings(&mut canvas, trials_at);
    }
    y += header;
    for (i, trial) in figure.trials.iter().enumerate() {
        draw_trial(&mut canvas, y, i + 1, figure.image_size, trial);
        y += row_height(trial);
    }
    if lower {
        if !figure.trials.is_empty() {
            canvas.rule((MARGIN, lower_at - 34.0), (PAGE - MARGIN, lower_at - 34.0), FAINT, 2.0);
        }
        draw_lower(&mut canvas, lower_at + 20.0, figure);
    }
    Ok(canvas)
}

/// What the two columns of drawings are.
fn headings(canvas: &mut Canvas, y: f64) {
    let font = Font::of(HEADING).bold();
    canvas.text(SUPPORT.0, y, font, SUPPORT.1, "Shown once: one drawing per class");
    canvas.text(QUERIES.0, y, font, 230.0, "Then asked:");
    let mut x = QUERIES.0 + 178.0;
    for (ink, text, width) in
        [(RIGHT, "✓ class chosen", 200.0), (WRONG, "✗ class chosen (true class)", 340.0)]
    {
        canvas.text(x, y, Font::of(BODY).ink(ink), width, text);
        x += width;
    }
}

/// Height of a trial's row, with the room below it.
fn row_height(trial: &ShownTrial) -> f64 {
    // More than ten queries go into further lines, as small as ten in one line are.
    let lines = trial.queries.len().div_ceil(10).max(1) as f64;
    let small = ((QUERIES.1 + GAP) / 10.0 - GAP).floor();
    let side = if lines > 1.0 { small } else { SIDE };
    let apart = if lines > 1.0 { GAP } else { 0.0 };
    (lines * (side + BELOW + GAP)).max(SIDE + BELOW + GAP) + apart
}

fn draw_trial(
    canvas: &mut Canvas,
    y: f64,
    number: usize,
    size: (usize, usize),
    trial: &ShownTrial,
) {
    let label = Font::of(BODY).ink(GREY);
    canvas.text(MARGIN, y + SIDE / 2.0 + 8.0, label, 100.0, &format!("trial {number}"));
    let h = row_height(trial) - GAP;
    let area = Area { x: SUPPORT.0, y, w: SUPPORT.1, h };
    let grid = Grid::of(area, trial.support.len(), BELOW, GAP, SIDE);
    for (slot, pixels) in trial.support.iter().enumerate() {
        let cell = grid.cell(slot);
        drawing(canvas, cell, size, pixels);
        canvas.frame(cell.grown(1.0), RULE, 1.0);
        let font = Font::of(label_size(cell)).bold().align(Align::Middle);
        let middle = cell.x + cell.w / 2.0;
        canvas.text(middle, cell.bottom() + 27.0, font, cell.w, &(slot + 1).to_string());
    }
    let area = Area { x: QUERIES.0, y, w: QUERIES.1, h };
    let grid = Grid::of(area, trial.queries.len(), BELOW, GAP, SIDE);
    for (i, query) in trial.queries.iter().enumerate() {
        let cell = grid.cell(i);
        let (ink, answer) = verdict(query);
        drawing(canvas, cell, size, &query.pixels);
        canvas.frame(cell.grown(3.0), ink, if cell.w < 60.0 { 3.0 } else { 5.0 });
        let font = Font::of(label_size(cell)).bold().ink(ink).align(Align::Middle);
        let middle = cell.x + cell.w / 2.0;
        canvas.text(middle, cell.bottom() + 27.0, font, cell.w + GAP, &answer);
    }
}

/// Colour and words for an answer.
fn verdict(query: &ShownQuery) -> (Ink, String) {
    let slot = u64::from(query.slot) + 1;
    match query.choice {
        Some(choice) if choice == query.slot => (RIGHT, format!("✓ {slot}")),
        Some(choice) => (WRONG, format!("✗ {} ({slot})", u64::from(choice) + 1)),
        None => (GREY, format!("– ({slot})")),
    }
}

/// Font size of the label below a drawing.
fn label_size(cell: Area) -> u32 {
    match cell.w {
        w if w < 50.0 => 13,
        w if w < 90.0 => 17,
        _ => HEADING,
    }
}

/// A drawing in dark ink on pale paper, as large as its proportions allow.
fn drawing(canvas: &mut Canvas, cell: Area, (rows, cols): (usize, usize), pixels: &[f32]) {
    const DRAWN: Ink = (20, 24, 28);
    canvas.fill(cell, PAPER, 1.0);
    let longest = rows.max(cols) as f64;
    let (w, h) = (cell.w * cols as f64 / longest, cell.h * rows as f64 / longest);
    let place = Area { x: cell.x + (cell.w - w) / 2.0, y: cell.y + (cell.h - h) / 2.0, w, h };
    let inks: Vec<Ink> = pixels.iter().map(|p| mix(PAPER, DRAWN, f64::from(*p))).collect();
    canvas.matrix(place, rows, cols, &inks);
}

fn draw_lower(canvas: &mut Canvas, y: f64, figure: &FewShot) {
    let mut left = MARGIN;
    if !figure.weights.is_empty() {
        let heading = Font::of(HEADING).bold();
        let text =
            if figure.trials.is_empty() { "Learned weights" } else { "Weights learned in trial 1" };
        canvas.text(SUPPORT.0, y, heading, SUPPORT.1, text);
        let area = Area { x: SUPPORT.0, y: y + 28.0, w: SUPPORT.1, h: LOWER + 30.0 };
        weights::maps(canvas, area, &figure.weights);
        left = QUERIES.0;
    }
    if !figure.accuracies.is_empty() {
        scores::heading(canvas, left, y, PAGE - MARGIN - left);
        let x = left + 84.0;
        let chance = chance(&figure.trials);
        let aside = if chance.is_some() { 92.0 } else { 0.0 };
        let w = PAGE - MARGIN - aside - x;
        let area = Area { x, y: y + 28.0, w, h: LOWER - 60.0 };
        scores::bars(canvas, area, &figure.accuracies, chance);
    }
}

/// Share of right answers by guessing, if all trials have equally many classes.
fn chance(trials: &[ShownTrial]) -> Option<f64> {
    let ways = trials.first()?.support.len();
    let same = trials.iter().all(|t| t.support.len() == ways);
    (same && ways > 0).then(|| 1.0 / ways as f64)
}

fn check(figure: &FewShot) -> Result<(), PictureError> {
    if figure.trials.is_empty() && figure.weights.is_empty() && figure.accuracies.is_empty() {
        return Err(PictureError::Empty { what: format!("few-shot figure '{}'", figure.title) });
    }
    at_most("trials", figure.trials.len(), MOST_TRIALS)?;
    at_most("weight maps", figure.weights.len(), MOST_MAPS)?;
    at_most("accuracies", figure.accuracies.len(), MOST_SCORES)?;
    for map in &figure.weights {
        map.check()?;
    }
    let (rows, cols) = figure.image_size;
    at_most("rows of a drawing", rows, MOST_SIDE)?;
    at_most("columns of a drawing", cols, MOST_SIDE)?;
    if rows * cols == 0 && !figure.trials.is_empty() {
        return Err(PictureError::Empty { what: "size of a drawing".to_owned() });
    }
    for (i, trial) in figure.trials.iter().enumerate() {
        check_trial(i + 1, trial, rows * cols)?;
    }
    Ok(())
}

fn check_trial(number: usize, trial: &ShownTrial, expected: usize) -> Result<(), PictureError> {
    at_most(&format!("support of trial {number}"), trial.support.len(), MOST_SUPPORT)?;
    at_most(&format!("queries of trial {number}"), trial.queries.len(), MOST_QUERIES)?;
    let mut drawings = trial.support.iter().chain(trial.queries.iter().map(|q| &q.pixels));
    if let Some(pixels) = drawings.find(|pixels| pixels.len() != expected) {
        let what = format!("a drawing of trial {number}");
        return Err(PictureError::Shape { what, got: pixels.len(), expected });
    }
    let end = trial.support.len() as u64;
    for query in &trial.queries {
        for slot in [Some(query.slot), query.choice].into_iter().flatten() {
            if u64::from(slot) >= end {
                let what = format!("slot of a query of trial {number}");
                return Err(PictureError::Outside { what, index: slot.into(), end });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "few_shot_tests.rs"]
mod tests;
