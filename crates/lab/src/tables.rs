//! Tables of a report, as aligned text and as Markdown.

/// A table; the first column is aligned to the left, the others to the right.
pub(crate) struct Table {
    pub header: Vec<String>,
    /// Every row has as many cells as the header.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|h| (*h).to_owned()).collect(), rows: Vec::new() }
    }

    /// Lines of aligned columns.
    pub fn text(&self) -> String {
        let lines = || std::iter::once(&self.header).chain(&self.rows);
        let width = |k: usize| lines().map(|r| r[k].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let mut out = String::new();
        for row in lines() {
            let mut line = String::new();
            for (k, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = " ".repeat(width - cell.chars().count());
                match k {
                    0 => line.extend([cell.as_str(), &gap]),
                    _ => line.extend(["   ", &gap, cell]),
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// A table of Markdown.
    pub fn markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = "---|".repeat(self.header.len());
        let rows: String = self.rows.iter().map(|r| row(r)).collect();
        format!("{}|{rule}\n{rows}", row(&self.header))
    }
}

/// A whole number with commas between thousands.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn both_forms_hold_the_same_cells() {
        let mut table = Table::new(&["cues", "float"]);
        table.rows.push(vec!["5".to_owned(), "95.1 %".to_owned()]);
        assert_eq!(table.text(), "cues    float\n5      95.1 %\n");
        assert_eq!(table.markdown(), "| cues | float |\n|---|---|\n| 5 | 95.1 % |\n");
    }
}
