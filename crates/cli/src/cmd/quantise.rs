//! `trifactor quantise`: formats from what states really take, and accuracy against bits.

use super::train::{fault, threads};
use crate::exit::Fault;
use crate::source::ModelArgs;
use crate::table::{grouped, table};
use crate::terminal::Terminal;
use std::fmt::Write as _;
use std::path::PathBuf;
use trifactor_host::{
    BitsRow, BitsTable, Calibration, Measurement, Settings, bits_rows, bits_table, calibrate,
};
use trifactor_lab::{planned, requests};

const EXAMPLES: &str = "\
Examples:
  trifactor quantise firmware-models/cue-association
  trifactor quantise firmware-models/cue-association --bits-table --episodes 2048
  trifactor quantise firmware-models/cue-association --bits-table --json > bits.json

Runs training episodes of the last stage of train.ron in floating point, looks at every state in
every step, and proposes the binary points with which the same bits resolve most. Nothing is
written: put the lines under `formats` of model.ron if you want them. --bits-table rounds one group
of states at a time to 4 to 16 bits, then everything as planned, and measures accuracy on the same
evaluation episodes each time. docs/quantisation.md explains how to read both tables.";

/// Propose number formats from calibration runs; measure accuracy against bits.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    #[command(flatten)]
    model: ModelArgs,
    /// Settings with tasks and read-out; by default the model's train.ron.
    #[arg(long, value_name = "FILE.ron")]
    settings: Option<PathBuf>,
    /// Training episodes of the calibration.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calibration: u32,
    /// Measure accuracy against bits too.
    #[arg(long)]
    bits_table: bool,
    /// Evaluation episodes of each row of that table.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    episodes: u32,
    /// Seed of episodes and roundings.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u32,
    /// Worker threads; by default one for each processor. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Print one JSON value instead of tables.
    #[arg(long)]
    json: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let model = self.model.load()?;
        let chip = self.model.chip(&model)?;
        let requests = requests(&model);
        let (network, plan, warnings) =
            planned(&model, &chip).map_err(|found| self.model.in_model(found))?;
        let mut findings = model.warnings.clone();
        findings.append(self.model.in_model(warnings));
        terminal.findings(&findings);
        let path = self.settings.clone().unwrap_or_else(|| self.model.path.join("train.ron"));
        let settings = Settings::load(&path, &self.model.path).map_err(|e| fault(e, &path))?;
        let bars = terminal.progress();
        let how = Measurement {
            seed: self.seed,
            episodes: self.calibration as usize,
            threads: threads(self.threads),
        };
        let chosen = (&plan, &chip, &requests);
        let total = u64::from(self.calibration);
        let calibration = calibrate(&network, &settings, chosen, how, &mut |done| {
            bars.tell("calibration", done as u64, total);
        })
        .map_err(|e| fault(e, &path))?;
        let bits = if self.bits_table {
            let how = Measurement { episodes: self.episodes as usize, ..how };
            let total = bits_rows(&network, &plan) as u64;
            let table = bits_table(&network, &settings, &plan, how, &mut |done| {
                bars.tell("rows", done as u64, total);
            });
            Some(table.map_err(|e| fault(e, &path))?)
        } else {
            None
        };
        drop(bars);
        if self.json {
            return terminal.print_json(&serde_json::json!({
                "model": model.name,
                "chip": chip.name,
                "seed": self.seed,
                "calibration": calibration,
                "bits_table": bits,
            }));
        }
        let mut out = calibrated(&calibration);
        if let Some(bits) = &bits {
            out.push('\n');
            out.push_str(&against_bits(bits));
        }
        terminal.print(&out)
    }
}

fn calibrated(found: &Calibration) -> String {
    let rows: Vec<Vec<String>> = found
        .states
        .iter()
        .map(|s| {
            let proposed =
                if s.proposed == s.now { "=".to_owned() } else { s.proposed.to_string() };
            vec![
                s.name.clone(),
                s.kind.to_owned(),
                format!("{:.5}", s.low),
                format!("{:.5}", s.high),
                format!("{:.5}", s.usual),
                s.now.to_string(),
                proposed,
                share(s.saturated),
            ]
        })
        .collect();
    let header = [
        "state",
        "kind",
        "lowest",
        "highest",
        "99.9 % below",
        "format now",
        "proposed",
        "saturated",
    ];
    let mut out = format!(
        "Values in {} training episodes in floating point; formats are s or u, bits, fraction bits.\n\n{}",
        grouped(found.episodes as u64),
        table(&header, &rows)
    );
    if found.formats.is_empty() {
        out.push_str("\nThe present formats fit.\n");
        return out;
    }
    out.push_str("\nFor model.ron:\n    formats: {\n");
    for line in &found.formats {
        let _ = writeln!(out, "        {line}");
    }
    out.push_str("    },\n");
    if !found.ranges.is_empty() {
        out.push_str("Ranges that tell the float reading where these formats end:\n");
        for (name, (low, high)) in &found.ranges {
            let _ = writeln!(out, "    {name}: range: ({low:?}, {high:?})");
        }
    }
    out
}

/// A small share is not rounded away.
fn share(share: f64) -> String {
    match share {
        0.0 => "0".to_owned(),
        s if s < 5e-5 => "<0.01 %".to_owned(),
        s => format!("{:.2} %", 100.0 * s),
    }
}

fn against_bits(found: &BitsTable) -> String {
    let a = found.float;
    let row = |r: &BitsRow| {
        let rounding = r.rounding.map_or("", |r| match r {
            trifactor_fixed::Rounding::Nearest => "nearest",
            trifactor_fixed::Rounding::Stochastic => "stochastic",
            trifactor_fixed::Rounding::Floor => "floor",
            trifactor_fixed::Rounding::Zero => "to zero",
        });
        vec![
            r.what.to_owned(),
            r.bits.map_or_else(String::new, |b| b.to_string()),
            rounding.to_owned(),
            format!("{:.2}", 100.0 * r.accuracy.mean),
            format!("{:.2} to {:.2}", 100.0 * r.accuracy.low, 100.0 * r.accuracy.high),
            format!("{:+.2}", 100.0 * r.difference),
            format!("{:.2}", 100.0 * r.half),
        ]
    };
    let mut rows = vec![vec![
        "nothing (float)".to_owned(),
        String::new(),
        String::new(),
        format!("{:.2}", 100.0 * a.mean),
        format!("{:.2} to {:.2}", 100.0 * a.low, 100.0 * a.high),
        String::new(),
        String::new(),
    ]];
    rows.extend(found.rows.iter().chain(&found.planned).map(row));
    let header = ["rounded", "bits", "stores", "accuracy %", "95 % interval", "less float", "+-"];
    format!(
        "Accuracy on {} evaluation episodes, the same for every row; differences are paired.\n\n{}",
        grouped(a.episodes as u64),
        table(&header, &rows)
    )
}
