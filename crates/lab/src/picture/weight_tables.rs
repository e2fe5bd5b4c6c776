//! Weights of a whole projection as tables, pre lanes downwards and post lanes to the right, one
//! below the other on one scale: before and after, and what has changed.

use super::canvas::{Area, Canvas, FAINT, Font, GREY, HEADING, Ink, MARGIN, PAGE, TITLE};
use super::weights::{Scale, WeightMap, colour_bar};
use super::{PictureError, at_most};

/// Most tables in a picture.
const MOST_TABLES: usize = 6;
/// Height of a row in pixels, where the table does not get too high.
const ROW: f64 = 17.0;
/// Largest height of a table.
const HIGHEST: f64 = 620.0;

/// The tables as the bytes of a PNG file, 1600 pixels wide. `note` stands below the title.
///
/// Errors: [`PictureError::Empty`] without tables or with an empty one, [`PictureError::Shape`] if
/// sides and values disagree, [`PictureError::TooMany`] beyond six tables or 256 rows or columns.
pub fn weight_tables(
    title: &str,
    note: &str,
    tables: &[WeightMap],
) -> Result<Vec<u8>, PictureError> {
    draw(title, note, tables)?.png()
}

/// The tables as SVG text. Errors: as [`weight_tables`].
pub fn weight_tables_svg(
    title: &str,
    note: &str,
    tables: &[WeightMap],
) -> Result<String, PictureError> {
    Ok(draw(title, note, tables)?.svg())
}

fn draw(title: &str, note: &str, tables: &[WeightMap]) -> Result<Canvas, PictureError> {
    at_most("tables of weights", tables.len(), MOST_TABLES)?;
    if tables.is_empty() {
        return Err(PictureError::Empty { what: format!("weights '{title}'") });
    }
    for table in tables {
        table.check()?;
    }
    let scale = Scale::of(tables);
    let width = PAGE - 2.0 * MARGIN;
    let mut canvas = Canvas::new(0.0);
    canvas.text(MARGIN, 66.0, Font::of(TITLE).bold(), width, title);
    canvas.text(MARGIN, 106.0, Font::of(HEADING).ink(GREY), width, note);
    let mut y = 130.0;
    for table in tables {
        canvas.text(MARGIN, y + 28.0, Font::of(HEADING), width, &table.name);
        let h = (table.rows as f64 * ROW).min(HIGHEST).round();
        let area = Area { x: MARGIN, y: y + 42.0, w: width, h };
        let inks: Vec<Ink> = table.values.iter().map(|v| scale.ink(*v)).collect();
        canvas.frame(area.grown(1.0), FAINT, 1.0);
        canvas.matrix(area, table.rows, table.cols, &inks);
        y = area.bottom() + 16.0;
    }
    colour_bar(&mut canvas, MARGIN, y + 10.0, scale);
    canvas.end_at(y + 60.0);
    Ok(canvas)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> WeightMap {
        let values = (0..12).map(|i| f64::from(i) - 5.0).collect();
        WeightMap { name: name.to_owned(), values, rows: 3, cols: 4 }
    }

    #[test]
    fn tables_are_a_png_and_the_same_bytes_twice() {
        let tables = [table("before"), table("after")];
        let first = weight_tables("weights", "of one episode", &tables).unwrap();
        assert_eq!(&first[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(first, weight_tables("weights", "of one episode", &tables).unwrap());
        let svg = weight_tables_svg("weights", "of one episode", &tables).unwrap();
        assert!(svg.contains("before") && svg.contains("of one episode"), "{svg}");
    }

    #[test]
    fn nothing_and_wrong_shapes_are_errors() {
        assert!(matches!(weight_tables("w", "", &[]), Err(PictureError::Empty { .. })));
        let mut short = table("short");
        short.values.pop();
        assert!(matches!(weight_tables("w", "", &[short]), Err(PictureError::Shape { .. })));
        let many = vec![table("many"); 7];
        assert!(matches!(weight_tables("w", "", &many), Err(PictureError::TooMany { .. })));
    }
}
