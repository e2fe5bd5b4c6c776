//! `trifactor conformance`: agreement with recorded outputs of public models.

use crate::exit::Fault;
use crate::terminal::Terminal;
use std::path::PathBuf;
use trifactor_conform::run;

const EXAMPLES: &str = "\
Examples:
  trifactor conformance tests/conformance
  trifactor conformance tests/conformance/lif/lif002.json
  trifactor conformance tests/conformance --json

Runs every vector file at or below PATH and prints one line for each recorded peer: exact,
statistical (with the figure), differs-by-design (with the reason) or failed. Ends with 0 only if
nothing failed. What the peers compute differently is in their chip files (`trifactor explain
lava-nc`); docs/conformance.md gives the sources.";

/// Compare the chip's arithmetic with recorded outputs of public models of such chips.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// A vector file, or a folder of them.
    path: PathBuf,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let report = run(&self.path).map_err(|e| Fault::File(e.to_string()))?;
        if self.json {
            terminal.print_json(&report.to_json())?;
        } else {
            terminal.print(&report.to_string())?;
        }
        match report.failed() {
            0 => Ok(()),
            n => Err(Fault::File(format!("{n} of {} cases failed", report.cases.len()))),
        }
    }
}
