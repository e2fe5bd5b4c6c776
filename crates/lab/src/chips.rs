//! One model on several chips, side by side: whether it fits, what it takes, what it loses.
//!
//! What is run depends on what the folder holds: trained parameters with an `evaluation` in
//! `train.ron` answer its episodes, else the protocol of `model.ron` runs. Time and energy are
//! those of a trial or episode. A chip that cannot hold the model has the findings that say why.

use crate::episodes::{rounded, signed};
use crate::error::LabError;
use crate::evaluate::{EvaluateOptions, evaluate};
use crate::outcome::Progress;
use crate::prepare::{find_chip, prepare};
use crate::report::Report;
use crate::statistics::Estimate;
use crate::tables::{Table, grouped};
use crate::{RunOptions, Series, run_model};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use trifactor_compile::Compiled;
use trifactor_diag::{Diagnostic, Diagnostics, Severity};
use trifactor_host::Settings;
use trifactor_isa::Chip;
use trifactor_model::{Model, Params, load_with};

/// A format that was chosen for another chip, and a scale that the chip has not.
const OTHER_NUMBERS: [&str; 2] = ["Q107", "Q108"];

/// What a caller may choose.
#[derive(Clone, Debug, Default)]
pub struct ChipsOptions {
    /// Chips by name or path; by default all built-in ones.
    pub chips: Vec<String>,
    /// Trials or episodes; by default those of the protocol or evaluation.
    pub trials: Option<u32>,
    /// Seed; by default that of the protocol or evaluation.
    pub seed: Option<u32>,
    /// Worker threads; by default all cores. Results do not depend on it.
    pub threads: Option<usize>,
    /// Only whether it fits and what it takes; nothing is run.
    pub fit_only: bool,
}

/// A model on several chips.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The model's name.
    pub model: String,
    /// What time and energy are given for; none where nothing was run.
    pub unit: Option<&'static str>,
    /// One row per chip, in the order that was asked for.
    pub rows: Vec<ChipColumn>,
}

/// A model on one chip.
#[derive(Clone, Debug)]
pub struct ChipColumn {
    /// The chip's name.
    pub chip: String,
    /// What it takes, or why it does not fit.
    pub fit: Result<Fit, Diagnostics>,
}

/// What a model takes of a chip, and what it does there.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Cores in use.
    pub cores: usize,
    /// Cores of the chip.
    pub of: u32,
    /// Words of synapse memory in use, over all cores.
    pub synapse_words: u64,
    /// Words of microcode in use, over all cores.
    pub microcode_words: u64,
    /// The resource of a core with the largest share in use: name, used, allowed.
    pub fullest: (&'static str, u64, u64),
    /// What the run gave; none where nothing was run.
    pub run: Option<Measured>,
    /// Warnings of plan and compiler for this chip.
    pub warnings: usize,
    /// The model's formats that this chip holds in another form, because they were chosen for
    /// another chip, and the scales of its rules that this chip rounds.
    pub notes: Diagnostics,
}

/// What a run on a chip gave.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Time per trial or episode in microseconds.
    pub microseconds: f64,
    /// Energy per trial or episode in microjoules.
    pub microjoules: f64,
    /// Agreement with float.
    pub agreement: Agreement,
    /// States that were clipped, and how often in all.
    pub saturations: u64,
}

/// How near a chip comes to the float reading.
#[derive(Clone, Debug)]
pub enum Agreement {
    /// Share of right answers, and chip minus float, paired.
    Accuracy(f64, Estimate),
    /// What is recorded: the largest difference between chip and float as a share of the range
    /// that the float values of its curve have, and the name of the curve.
    Curve(f64, String),
    /// Nothing is recorded or scored.
    Nothing,
}

/// Compiles a model for several chips and runs it on those that hold it.
///
/// Errors: the model cannot be read, a chip cannot be found, or a run fails for another reason
/// than that the model does not fit.
pub fn chips(
    folder: &Path,
    options: &ChipsOptions,
    progress: &dyn Progress,
) -> Result<Comparison, LabError> {
    let params = folder.join("params.safetensors");
    let params = if params.is_file() { Params::File(params) } else { Params::Initial };
    let model = load_with(folder, &params)?;
    let path = folder.join("train.ron");
    let settings = path.is_file().then(|| Settings::load(&path, folder)).transpose()?;
    let trained = settings.is_some_and(|s| s.evaluation.is_some())
        && matches!(params, Params::File(_))
        && model.protocol.is_none();
    let what = match (options.fit_only, trained, model.protocol.is_some()) {
        (true, ..) | (_, false, false) => None,
        (_, true, _) => Some(What::Episodes),
        (_, _, true) => Some(What::Protocol),
    };
    let names = match options.chips.as_slice() {
        [] => Chip::builtin_names().map(str::to_owned).collect(),
        some => some.to_vec(),
    };
    let mut rows = Vec::new();
    for name in names {
        let chip = find_chip(&name)?;
        let shown = chip.name.clone();
        let fit = match prepare(&model, chip) {
            Err(found) => Err(found),
            Ok(prepared) => {
                let mut fit = Fit::of(&prepared.compiled);
                fit.warnings = prepared.warnings.len();
                for note in prepared.warnings.iter().filter(|d| OTHER_NUMBERS.contains(&d.code)) {
                    fit.notes.push(note.clone());
                }
                let options = ChipsOptions { chips: vec![name], ..options.clone() };
                fit.run = what.map(|w| w.run(&model, folder, &options, progress)).transpose()?;
                Ok(fit)
            }
        };
        rows.push(ChipColumn { chip: shown, fit });
    }
    Ok(Comparison { model: model.name, unit: what.map(What::unit), rows })
}

impl Fit {
    fn of(compiled: &Compiled) -> Self {
        let report = &compiled.report;
        let all = || report.cores.iter().flat_map(|(_, list)| list);
        let sum = |name: &str| all().filter(|r| r.name == name).map(|r| r.used).sum();
        let share = |used: u64, allowed: u64| used as f64 / allowed.max(1) as f64;
        let fullest =
            all().map(|r| (r.name, r.used, r.allowed)).fold(("nothing", 0, 1), |best, next| {
                if share(next.1, next.2) > share(best.1, best.2) { next } else { best }
            });
        Self {
            cores: report.cores.len(),
            of: report.n_cores,
            synapse_words: sum("synapse words"),
            microcode_words: sum("microcode words"),
            fullest,
            run: None,
            warnings: 0,
            notes: Diagnostics::new(),
        }
    }
}

/// What is run.
#[derive(Clone, Copy)]
enum What {
    Protocol,
    Episodes,
}

impl What {
    fn unit(self) -> &'static str {
        match self {
            Self::Protocol => "trial",
            Self::Episodes => "episode",
        }
    }

    fn run(
        self,
        model: &Model,
        folder: &Path,
        options: &ChipsOptions,
        progress: &dyn Progress,
    ) -> Result<Measured, LabError> {
        let chip = options.chips.first().cloned();
        let (seed, threads) = (options.seed, options.threads);
        if let Self::Episodes = self {
            let episodes = options.trials;
            let params = None;
            let float_only = false;
            let options = EvaluateOptions { episodes, seed, params, chip, threads, float_only };
            let found = evaluate(folder, &options, progress)?;
            let (_, row) = found.chip.expect("internal: the chip was not left out");
            return Ok(Measured {
                microseconds: row.cost.microseconds,
                microjoules: row.cost.microjoules,
                agreement: Agreement::Accuracy(row.accuracy.mean, row.difference),
                saturations: row.saturations.iter().map(|(_, n)| n).sum(),
            });
        }
        let options =
            RunOptions { trials: options.trials, seed, chip, threads, ..RunOptions::default() };
        Ok(match run_model(model, &options, progress)? {
            Report::FewShot(report) => {
                let chip = report.accuracies.iter().find(|a| a.key == "chip");
                let mean = chip.map_or(0.0, |a| a.estimate.mean);
                let Estimate { mean: less, half_width, .. } = report.difference;
                let difference = Estimate { mean: -less, half_width, ..report.difference };
                Measured {
                    microseconds: report.microseconds_per_trial,
                    microjoules: report.microjoules_per_trial,
                    agreement: Agreement::Accuracy(mean, difference),
                    saturations: report.saturations.iter().map(|(_, n)| n).sum(),
                }
            }
            Report::Curve(report) => Measured {
                microseconds: report.microseconds_per_trial,
                microjoules: report.microjoules_per_trial,
                agreement: largest(&report.series),
                saturations: report.saturations.iter().map(|(_, n)| n).sum(),
            },
        })
    }
}

/// The curve in which the chip is furthest from float, for the range of its float values.
fn largest(series: &[Series]) -> Agreement {
    let share = |s: &Series| {
        let low = s.points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let high = s.points.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        let apart = s.points.iter().map(|p| (p.2 - p.1).abs()).fold(0.0, f64::max);
        // A curve that is flat in float has no range to compare with.
        (high > low).then(|| (apart / (high - low), s.name.clone()))
    };
    let worst = series.iter().filter_map(share).reduce(|a, b| if b.0 > a.0 { b } else { a });
    worst.map_or(Agreement::Nothing, |(share, name)| Agreement::Curve(share, name))
}

impl Comparison {
    /// The chips that hold the model.
    pub fn holding(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(|row| row.fit.is_ok()).map(|row| row.chip.as_str())
    }

    /// What the table has no room for: formats that a chip changes, and why a chip does not hold
    /// the model.
    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let found = match &row.fit {
                Ok(fit) if fit.notes.is_empty() => continue,
                Ok(fit) => {
                    let notes = fit.notes.iter().map(|d| Diagnostic { hint: None, ..d.clone() });
                    listed(f, &format!("{} holds it in other formats", row.chip), notes)?;
                    continue;
                }
                Err(found) => found,
            };
            listed(f, &format!("{} does not hold it", row.chip), errors(found))?;
            let holding: Vec<&str> = self.holding().collect();
            match holding.as_slice() {
                [] => writeln!(f, "  none of these chips holds it")?,
                some => writeln!(f, "  held by {}", some.join(", "))?,
            }
        }
        Ok(())
    }

    /// The machine-readable form; units are in the keys, accuracies and differences are shares.
    pub fn to_json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(ChipColumn::to_json).collect();
        json!({ "model": self.model, "per": self.unit, "chips": rows })
    }
}

impl ChipColumn {
    fn to_json(&self) -> Value {
        let fit = match &self.fit {
            Ok(fit) => fit,
            Err(found) => {
                let reasons: Vec<Value> = errors(found).map(finding).collect();
                return json!({ "chip": self.chip, "fits": false, "reasons": reasons });
            }
        };
        let (name, used, allowed) = fit.fullest;
        let mut value = json!({
            "chip": self.chip,
            "fits": true,
            "cores": { "used": fit.cores, "of": fit.of },
            "synapse_words": fit.synapse_words,
            "microcode_words": fit.microcode_words,
            "fullest": { "resource": name, "used": used, "allowed": allowed },
            "warnings": fit.warnings,
            "notes": fit.notes.iter().map(finding).collect::<Vec<_>>(),
        });
        if let Some(run) = &fit.run {
            value["microseconds"] = rounded(run.microseconds);
            value["microjoules"] = rounded(run.microjoules);
            value["saturations"] = run.saturations.into();
            match &run.agreement {
                Agreement::Accuracy(share, difference) => {
                    value["accuracy"] = rounded(*share);
                    value["chip_minus_float"] = json!({
                        "mean": rounded(difference.mean),
                        "half_width": rounded(difference.half_width),
                    });
                }
                Agreement::Curve(share, name) => {
                    value["largest_difference"] = json!({ "share": rounded(*share), "of": name });
                }
                Agreement::Nothing => {}
            }
        }
        value
    }
}

fn finding(d: &Diagnostic) -> Value {
    json!({ "code": d.code, "message": d.message, "key": d.place.key, "hint": d.hint })
}

/// Findings under a heading, a line each and its way out.
fn listed(
    f: &mut fmt::Formatter<'_>,
    heading: &str,
    found: impl Iterator<Item = impl std::borrow::Borrow<Diagnostic>>,
) -> fmt::Result {
    writeln!(f, "\n{heading}:")?;
    for d in found {
        let d = d.borrow();
        let key = d.place.key.as_ref().map_or_else(String::new, |k| format!("{k}: "));
        writeln!(f, "  {}  {key}{}", d.code, d.message)?;
        if let Some(hint) = &d.hint {
            writeln!(f, "        {hint}")?;
        }
    }
    Ok(())
}

fn errors(found: &Diagnostics) -> impl Iterator<Item = &Diagnostic> {
    found.iter().filter(|d| d.severity == Severity::Error)
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit.unwrap_or("trial");
        let (time, energy) = (format!("us per {unit}"), format!("uJ per {unit}"));
        let mut header = vec!["chip", "cores", "synapse words", "microcode", "fullest"];
        if self.unit.is_some() {
            header.extend([time.as_str(), &energy, "chip against float", "clipped"]);
        }
        let mut table = Table::new(&header);
        for row in &self.rows {
            let Ok(fit) = &row.fit else {
                let mut cells = vec![row.chip.clone(), "does not fit".to_owned()];
                cells.resize(header.len(), String::new());
                table.rows.push(cells);
                continue;
            };
            let (name, used, allowed) = fit.fullest;
            let mut cells = vec![
                row.chip.clone(),
                format!("{} of {}", fit.cores, grouped(fit.of.into())),
                grouped(fit.synapse_words),
                grouped(fit.microcode_words),
                format!("{name}: {} of {}", grouped(used), grouped(allowed)),
            ];
            if let Some(run) = &fit.run {
                cells.extend([
                    format!("{:.2}", run.microseconds),
                    format!("{:.3}", run.microjoules),
                    run.agreement.to_string(),
                    grouped(run.saturations),
                ]);
            }
            table.rows.push(cells);
        }
        write!(f, "{}\n\n{}", self.model, table.text())?;
        self.details(f)
    }
}

/// Several models on the same chips.
#[derive(Clone, Debug)]
pub struct Overview(pub Vec<Comparison>);

impl Overview {
    /// The machine-readable form.
    pub fn to_json(&self) -> Value {
        json!({ "models": self.0.iter().map(Comparison::to_json).collect::<Vec<_>>() })
    }
}

/// One line a model: the cores it takes on each chip, or the codes of what is in the way; then the
/// comparisons one by one.
impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chips = self.0.first().map_or(&[][..], |first| &first.rows);
        let mut header = vec!["model"];
        header.extend(chips.iter().map(|row| row.chip.as_str()));
        let mut table = Table::new(&header);
        for comparison in &self.0 {
            let mut cells = vec![comparison.model.clone()];
            cells.extend(comparison.rows.iter().map(|row| match &row.fit {
                Ok(fit) => format!("{} core{}", fit.cores, if fit.cores == 1 { "" } else { "s" }),
                Err(found) => {
                    let codes: BTreeSet<&str> = errors(found).map(|d| d.code).collect();
                    format!("no: {}", codes.into_iter().collect::<Vec<_>>().join(" "))
                }
            }));
            table.rows.push(cells);
        }
        write!(f, "{}", table.text())?;
        self.0.iter().try_for_each(|comparison| write!(f, "\n{comparison}"))
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accuracy(share, difference) => {
                write!(f, "{:.1} % ({} points)", 100.0 * share, signed(difference))
            }
            Self::Curve(share, name) => write!(f, "within {:.2} % ({name})", 100.0 * share),
            Self::Nothing => f.write_str("nothing recorded"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &str, points: &[(f64, f64)]) -> Series {
        let points = (1..).zip(points).map(|(x, (f, c))| (f64::from(x), *f, *c)).collect();
        Series { name: name.to_owned(), points }
    }

    #[test]
    fn the_largest_difference_is_a_share_of_the_curve_s_own_range() {
        let fine = curve("fine", &[(0.0, 0.1), (10.0, 10.1)]);
        let coarse = curve("coarse", &[(0.0, 0.0), (1.0, 0.95)]);
        let flat = curve("flat", &[(1.0, 9.0), (1.0, 9.0)]);
        match largest(&[fine, coarse, flat.clone()]) {
            Agreement::Curve(share, name) => {
                assert!((share - 0.05).abs() < 1e-12 && name == "coarse", "{share} {name}");
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(largest(&[flat]), Agreement::Nothing));
    }

    #[test]
    fn thousands_are_apart() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(n), text);
        }
    }
}
