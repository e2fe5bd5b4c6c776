//! The learning curves recorded in a model's folder.

use crate::episodes::fault;
use crate::error::LabError;
use std::path::Path;
use trifactor_model::read_text;

/// Most curves of a folder.
const MOST_CURVES: usize = 100;
/// More of a table is not read, in bytes.
const MAX_TEXT: u64 = 16 << 20;

/// The measurements of one training on permutations it never showed.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct LearningCurve {
    /// What the file's name says after `evaluation-`, such as `seed-1`.
    pub name: String,
    /// (update, accuracy, half width of the 95 % interval), shares.
    pub points: Vec<(f64, f64, f64)>,
}

/// All `evaluation-*.csv` of a folder by name; none where there is no such folder.
///
/// Errors: a table without the columns of a run's `evaluation.csv`, with other numbers, or without
/// rows.
pub(super) fn curves(folder: &Path) -> Result<Vec<LearningCurve>, LabError> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut names: Vec<String> = entries
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("evaluation-") && name.ends_with(".csv"))
        .collect();
    names.sort();
    if names.len() > MOST_CURVES {
        return Err(fault(folder, format!("holds {} tables; {MOST_CURVES} fit", names.len())));
    }
    let curve = |name: String| {
        let path = folder.join(&name);
        let points = read_text(&path, MAX_TEXT).and_then(|text| parse(&text));
        let points = points.map_err(|message| fault(&path, message))?;
        let name = name.trim_start_matches("evaluation-").trim_end_matches(".csv").to_owned();
        Ok(LearningCurve { name, points })
    };
    names.into_iter().map(curve).collect()
}

/// The points of an `evaluation.csv`; columns are found by their names.
fn parse(text: &str) -> Result<Vec<(f64, f64, f64)>, String> {
    let mut lines = text.lines().enumerate();
    let head: Vec<&str> = lines.next().map_or_else(Vec::new, |(_, l)| l.split(',').collect());
    let column = |name: &str| {
        let at = head.iter().position(|h| h.trim() == name);
        at.ok_or_else(|| format!("has no column '{name}'; a run's evaluation.csv is expected"))
    };
    let columns = [column("update")?, column("accuracy")?, column("low")?, column("high")?];
    let mut points = Vec::new();
    for (at, line) in lines.filter(|(_, l)| !l.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').collect();
        let mut values = [0.0; 4];
        for (value, column) in values.iter_mut().zip(columns) {
            let number = cells.get(column).and_then(|c| c.trim().parse::<f64>().ok());
            *value = number.filter(|v| v.is_finite()).ok_or_else(|| {
                format!("line {}: column '{}' holds no number", at + 1, head[column])
            })?;
        }
        let [update, accuracy, low, high] = values;
        points.push((update, accuracy, (high - low) / 2.0));
    }
    if points.is_empty() {
        return Err("holds no measurement; leave it out".to_owned());
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_by_the_names_of_its_columns() {
        let text = "update,stage,accuracy,low,high,latest,episodes\n500,1,0.5,0.4,0.6,0.5,64\n\n";
        assert_eq!(parse(text).map(|p| p.len()), Ok(1));
        let (update, accuracy, half) = parse(text).expect("legal")[0];
        assert!((update, accuracy) == (500.0, 0.5) && (half - 0.1).abs() < 1e-12);
    }

    #[test]
    fn other_tables_are_refused_with_what_is_missing() {
        for (text, word) in [
            ("", "no column 'update'"),
            ("update,accuracy\n1,2\n", "no column 'low'"),
            ("update,accuracy,low,high\n1,x,0,1\n", "line 2: column 'accuracy'"),
            ("update,accuracy,low,high\n1,NaN,0,1\n", "column 'accuracy'"),
            ("update,accuracy,low,high\n1,0.5\n", "column 'low'"),
            ("update,accuracy,low,high\n\n", "holds no measurement"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(word), "{error}");
        }
    }
}
