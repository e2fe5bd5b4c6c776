//! The bar chart of accuracies in a few-shot picture.

use super::canvas::{Align, Area, BODY, CYCLE, Canvas, FAINT, Font, GREY, HEADING, Ink, RULE};
use super::series::error_bar;
use super::{shows, text};

/// Colour of bars that are yardsticks, not the model.
const BASELINE: Ink = (163, 170, 178);

/// An accuracy with its uncertainty.
#[derive(Clone, PartialEq, Debug)]
pub struct Score {
    /// What was scored, such as `chip` or `nearest drawing`.
    pub name: String,
    /// Share of right answers, 0 to 1. `n/a` is written for a value that is not finite.
    pub mean: f64,
    /// Half the width of its 95 % interval, as a share. No error bar is drawn if it is not finite.
    pub half_width: f64,
    /// Whether this is a yardstick and not the model; drawn in grey.
    pub baseline: bool,
}

/// Draws the bars over `area`, with the names below (about 80 pixels) and `chance` as a dashed
/// line whose label needs about 90 pixels on the right.
pub(super) fn bars(canvas: &mut Canvas, area: Area, scores: &[Score], chance: Option<f64>) {
    // The page position of a share, with room for the value above a full bar.
    let height = |share: f64| area.bottom() - area.h * share.clamp(0.0, 1.0) / 1.12;
    for percent in [0, 20, 40, 60, 80, 100] {
        let y = height(f64::from(percent) / 100.0);
        canvas.rule((area.x, y), (area.right(), y), FAINT, 1.0);
        let font = Font::of(BODY).ink(GREY).align(Align::Right);
        canvas.text(area.x - 12.0, y + 7.0, font, 100.0, &format!("{percent} %"));
    }
    let slot = area.w / scores.len().max(1) as f64;
    let bar = (slot * 0.62).min(96.0);
    let size = if slot < 86.0 { 16 } else { BODY };
    for (i, score) in scores.iter().enumerate() {
        let middle = area.x + slot * (i as f64 + 0.5);
        let mut above = area.bottom();
        let mut value = "n/a".to_owned();
        if shows(score.mean) {
            above = height(score.mean);
            value = format!("{:.1}", score.mean * 100.0);
            let ink = if score.baseline { BASELINE } else { CYCLE[0] };
            let x = (middle - bar / 2.0).round();
            canvas.fill(Area { x, y: above, w: bar, h: area.bottom() - above }, ink, 1.0);
            if shows(score.half_width) && score.half_width > 0.0 {
                let top = height(score.mean + score.half_width);
                let bottom = height(score.mean - score.half_width);
                error_bar(canvas, (middle, bottom), top, super::canvas::BLACK);
                above = above.min(top);
            }
        }
        let font = Font::of(size).align(Align::Middle);
        canvas.text(middle, above - 10.0, font.bold(), slot, &value);
        for (line, words) in wrapped(&score.name, size, slot - 8.0).iter().enumerate() {
            let y = area.bottom() + 30.0 + 25.0 * line as f64;
            canvas.text(middle, y, font, slot - 4.0, words);
        }
    }
    canvas.rule((area.x, area.bottom()), (area.right(), area.bottom()), RULE, 2.0);
    if let Some(chance) = chance {
        let y = height(chance);
        canvas.dashed((area.x, y), (area.right(), y), super::canvas::BLACK, 1.5);
        let font = Font::of(BODY).ink(GREY);
        canvas.text(area.right() + 10.0, y + 7.0, font, 90.0, "chance");
    }
}

/// Heading of the chart.
pub(super) fn heading(canvas: &mut Canvas, x: f64, y: f64, limit: f64) {
    let text = "Accuracy with 95 % interval";
    canvas.text(x, y, Font::of(HEADING).bold(), limit, text);
}

/// At most three lines of whole words; what is left over joins the last line, to be cut there.
fn wrapped(name: &str, size: u32, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in name.split_whitespace() {
        let full = lines.len() == 3;
        match lines.last_mut() {
            Some(line) if full || text::width(&format!("{line} {word}"), size, false) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_wrap_at_words_into_at_most_three_lines() {
        assert_eq!(wrapped("nearest raw drawing", 20, 130.0), ["nearest raw", "drawing"]);
        let many = "one two three four five six seven eight";
        assert_eq!(wrapped(many, 20, 40.0), ["one", "two", "three four five six seven eight"]);
        assert!(wrapped("", 20, 40.0).is_empty());
    }
}
