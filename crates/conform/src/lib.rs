//! Agreement with recorded outputs of public models of Loihi-class chips.
//!
//! [`run`] takes a file or folder of vector files and says of every case (a file, and a peer that
//! it records) whether this project's arithmetic gives the same numbers. What a peer computes
//! differently is data in its chip file below `isa/chips`; no case is known here by name, and
//! nothing is fitted to a file. `docs/conformance.md` is the manual.

mod brian2;
mod builder;
mod learner;
mod lif;
mod net;
mod network;
mod pes;
mod registers;
mod rules;
mod sop;
mod statistics;
mod vector;

use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
pub use vector::VectorError;

/// What a comparison found.
#[derive(Clone, PartialEq, Debug)]
pub enum Finding {
    /// Every recorded number is the same; what was compared.
    Exact(String),
    /// Means agree within the bound; the figure, and what it is.
    Statistical(f64, String),
    /// The numbers differ, and why that is meant.
    ByDesign(String),
    /// The numbers differ, or could not be compared.
    Failed(String),
}

impl Finding {
    /// The word that stands for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Exact(_) => "exact",
            Self::Statistical(..) => "statistical",
            Self::ByDesign(_) => "differs-by-design",
            Self::Failed(_) => "failed",
        }
    }
}

/// One line of the report.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// The vector file, relative to the path asked for.
    pub file: PathBuf,
    /// Its schema.
    pub schema: String,
    /// The public model, and the entry of a table.
    pub peer: String,
    /// What was found.
    pub finding: Finding,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, file) = (self.finding.word(), self.file.display());
        write!(f, "{word:17} {file} {}: ", self.peer)?;
        match &self.finding {
            Finding::Exact(what) | Finding::ByDesign(what) | Finding::Failed(what) => {
                f.write_str(what)
            }
            Finding::Statistical(figure, what) => write!(f, "{figure:.2} {what}"),
        }
    }
}

/// What was found in all files.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Report {
    /// In the order of files, then of peers.
    pub cases: Vec<Case>,
}

#[derive(Serialize)]
struct CaseJson<'a> {
    file: String,
    schema: &'a str,
    peer: &'a str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    figure: Option<f64>,
    note: &'a str,
}

impl Report {
    fn count(&self, word: &str) -> usize {
        self.cases.iter().filter(|c| c.finding.word() == word).count()
    }

    /// Cases with the same numbers.
    pub fn exact(&self) -> usize {
        self.count("exact")
    }
    /// Cases whose means agree.
    pub fn statistical(&self) -> usize {
        self.count("statistical")
    }
    /// Cases that are meant to differ.
    pub fn by_design(&self) -> usize {
        self.count("differs-by-design")
    }
    /// All others.
    pub fn failed(&self) -> usize {
        self.count("failed")
    }

    /// The report for programs.
    pub fn to_json(&self) -> serde_json::Value {
        let cases: Vec<CaseJson<'_>> = self
            .cases
            .iter()
            .map(|case| {
                let (figure, note) = match &case.finding {
                    Finding::Statistical(figure, what) => (Some(*figure), what),
                    Finding::Exact(what) | Finding::ByDesign(what) | Finding::Failed(what) => {
                        (None, what)
                    }
                };
                CaseJson {
                    file: case.file.display().to_string(),
                    schema: &case.schema,
                    peer: &case.peer,
                    result: case.finding.word(),
                    figure,
                    note,
                }
            })
            .collect();
        serde_json::json!({
            "exact": self.exact(),
            "statistical": self.statistical(),
            "by_design": self.by_design(),
            "failed": self.failed(),
            "cases": cases,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            writeln!(f, "{case}")?;
        }
        writeln!(
            f,
            "{} exact, {} statistical, {} by design, {} failed",
            self.exact(),
            self.statistical(),
            self.by_design(),
            self.failed()
        )
    }
}

/// Runs every vector file at or below a path.
///
/// Errors: the path cannot be read, or no file below it is a vector file. A vector file that
/// contradicts its schema is a failed case, and so is a `.json` file that is no JSON or too long.
pub fn run(path: &Path) -> Result<Report, VectorError> {
    let mut report = Report::default();
    for vector in vector::find(path)? {
        let findings = match vector.refused() {
            Some(reason) => vector.all_peers(&reason),
            None => compare(&vector),
        };
        report.cases.extend(findings.into_iter().map(|(peer, finding)| Case {
            file: vector.file.clone(),
            schema: vector.schema.clone(),
            peer,
            finding,
        }));
    }
    Ok(report)
}

/// What each peer of a file comes to.
fn compare(vector: &vector::Vector) -> vector::Findings {
    match vector.schema.as_str() {
        "cuba_lif/1" => lif::run(vector),
        "cuba_network/1" => net::run(vector),
        "rule_parse/1" => rules::run(vector),
        "sop_learning/1" => sop::run(vector),
        "sop_learning_statistics/1" => sop::statistics(vector),
        "pes_learning/1" => pes::run(vector),
        "brian2_plasticity/1" => brian2::run(vector),
        "brian2_plasticity_statistics/1" => brian2::statistics(vector),
        _ => vector.all_peers("this schema is not known"),
    }
}
