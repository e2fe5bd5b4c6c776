//! Columns of text that line up.

pub use trifactor_lab::grouped;

/// Writes rows under a header; the first column is aligned to the left, the others to the right.
///
/// Words of a header stand below each other where the cells are narrower than the header.
/// Shape: every row has as many cells as the header.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header
        .iter()
        .map(|h| h.split(' ').map(|word| word.chars().count()).max().unwrap_or(0))
        .collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let header = header_rows(header, &widths);
    let mut out = String::new();
    for row in header.iter().chain(rows) {
        let mut line = String::new();
        for (k, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width - cell.chars().count());
            match k {
                0 => line.extend([cell.as_str(), &gap]),
                _ => line.extend(["  ", &gap, cell]),
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The lines of a header, the shorter cells filled from the bottom.
fn header_rows(header: &[&str], widths: &[usize]) -> Vec<Vec<String>> {
    let cells: Vec<Vec<String>> = header.iter().zip(widths).map(|(h, w)| wrapped(h, *w)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |k: usize| {
        let of_cell = |cell: &Vec<String>| {
            let above = height - cell.len();
            k.checked_sub(above).map_or_else(String::new, |k| cell[k].clone())
        };
        cells.iter().map(of_cell).collect()
    };
    (0..height).map(line).collect()
}

/// Words in lines of at most `width` characters; a word that is longer stands alone.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A number of things in words: `1 synapse`, `2 synapses`. For nouns whose plural adds an `s`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// How much of something is used: `71 %`. What is not empty is never shown as 0 %, what is not
/// full never as 100 %.
pub fn percent(used: u64, allowed: u64) -> String {
    if allowed == 0 {
        return if used == 0 { "0 %".to_owned() } else { "over".to_owned() };
    }
    let share = u128::from(used) * 100;
    let rounded = (share + u128::from(allowed) / 2) / u128::from(allowed);
    match rounded {
        0 if used > 0 => "<1 %".to_owned(),
        100 if used < allowed => ">99 %".to_owned(),
        n => format!("{n} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_space() {
        let rows =
            [vec!["a".to_owned(), "1,000".to_owned()], vec!["long".to_owned(), "2".to_owned()]];
        assert_eq!(table(&["name", "n"], &rows), "name      n\na     1,000\nlong      2\n");
    }

    #[test]
    fn a_long_header_is_broken_between_words() {
        let rows = [vec!["0".to_owned(), "16,384".to_owned(), "1".to_owned()]];
        assert_eq!(
            table(&["core", "synapse words in use", "n"], &rows),
            "      synapse\n        words\ncore   in use  n\n0      16,384  1\n"
        );
    }

    #[test]
    fn almost_full_and_almost_empty_are_not_rounded_away() {
        assert_eq!(percent(1, 1000), "<1 %");
        assert_eq!(percent(999, 1000), ">99 %");
        assert_eq!(percent(1000, 1000), "100 %");
        assert_eq!(percent(0, 1000), "0 %");
        assert_eq!(percent(1, 8), "13 %");
        assert_eq!(percent(0, 0), "0 %");
    }
}
