//! Where the time and the energy of a run go: by cause, with every coefficient, where it comes
//! from and how certain it is. What only a model gives has the range over the cost presets of the
//! chip; a run with all presets has it for everything (`docs/timing.md`, T19 and T20).

use crate::report::cause_name;
use crate::tables::{Table, grouped};
use serde_json::{Value, json};
use std::fmt;
use trifactor_emu::{Cause, Line, Options, Report as Ledger};
use trifactor_isa::{Certainty, Chip, Cost, Preset, ResolvedCosts};

/// A cause of cost in a run.
#[derive(Clone, PartialEq, Debug)]
pub struct CostLine {
    /// In words, with the projection for a rule.
    pub name: String,
    /// Key of the coefficient in a preset of the chip file; `None` for waiting.
    pub key: Option<&'static str>,
    /// How often it happened; for waiting and static power, ticks.
    pub count: u64,
    /// What it costs once with the first preset; `None` for static power, and where the preset
    /// does not say, which counts as 0.
    pub each: Option<Cost>,
    /// Energy with each preset of [`Costs::presets`], in femtojoules.
    pub femtojoules: Vec<u64>,
    /// Least and greatest energy over all presets of the chip, in femtojoules; `None` where the
    /// first preset is no mere model and the run was not timed with the others.
    pub range: Option<(u64, u64)>,
    /// Its part of the run's time with each preset of [`Costs::presets`], in ticks.
    pub ticks: Vec<u64>,
    /// Where its coefficients come from, in the words of the chip file, and how certain they are;
    /// `None` for what follows from other lines, and where the first preset has no coefficient.
    pub source: Option<(String, Certainty)>,
}

/// The costs of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Costs {
    /// Chip.
    pub chip: String,
    /// Power of a chip that does nothing, with the first preset, in microwatts.
    pub static_uw_per_chip: u64,
    /// Presets that the run was timed with, the one of its report first; others of the chip are
    /// in the ranges.
    pub presets: Vec<String>,
    /// Picoseconds of a tick.
    pub tick_ps: u64,
    /// Steps of all trials.
    pub steps: u64,
    /// Trials.
    pub trials: u32,
    /// Causes that occurred. With each preset, energies add up to the energy of the run and ticks
    /// to its time.
    pub lines: Vec<CostLine>,
    /// Coefficients that the first preset does not give and that count as 0.
    pub missing: Vec<&'static str>,
}

/// How to load an image whose costs with all presets are wanted.
pub fn with_all_presets(chip: &Chip, options: Options) -> Options {
    let first = options.preset.clone().unwrap_or_else(|| chip.default_preset().name.clone());
    let others = chip.cost.presets.iter().filter(|p| p.name != first);
    Options { also: others.map(|p| p.name.clone()).collect(), ..options }
}

impl Costs {
    /// The costs of so many trials. Shape of `ledgers`: `[worker][preset]`, as
    /// [`Emulator::reports`](trifactor_emu::Emulator::reports) gives them.
    pub fn of(chip: &Chip, trials: u32, ledgers: &[Vec<Ledger>]) -> Self {
        let first = ledgers.first().map_or(&[][..], |all| all);
        let presets: Vec<String> = first.iter().map(|l| l.preset.clone()).collect();
        let n_lines = first.first().map_or(0, |l| l.lines.len());
        let sum = |line: usize, preset: usize, of: fn(&Line) -> u64| -> u64 {
            ledgers.iter().map(|trial| of(&trial[preset].lines[line])).sum()
        };
        let preset = presets.first().and_then(|name| chip.preset(name));
        let resolved: Vec<ResolvedCosts> =
            chip.cost.presets.iter().map(|p| p.resolve(&chip.mesh).0).collect();
        let line = |at: usize| {
            let line = &first[0].lines[at];
            let name = match &line.rule {
                Some(rule) => format!("{} of {rule}", cause_name(line.cause)),
                None => cause_name(line.cause),
            };
            let count = sum(at, 0, |l| l.count);
            let key = line.cause.key();
            let known = key.is_some_and(|key| !first[0].missing.contains(&key));
            let source = preset.filter(|_| known).map(|preset| source(line.cause, preset));
            let femtojoules: Vec<u64> =
                (0..presets.len()).map(|p| sum(at, p, |l| l.cost.fj)).collect();
            let energies = match &source {
                _ if presets.len() == chip.cost.presets.len() => femtojoules.clone(),
                // Counts are the same with every preset, so these need no time.
                Some((_, Certainty::Modelled)) => {
                    let each = resolved.iter().filter_map(|c| line.cause.coefficient(c));
                    each.map(|cost| cost.fj * count).collect()
                }
                _ => Vec::new(),
            };
            CostLine {
                name,
                key,
                count,
                each: line.each.filter(|_| known || key.is_none()),
                range: energies.iter().min().copied().zip(energies.iter().max().copied()),
                femtojoules,
                ticks: (0..presets.len()).map(|p| sum(at, p, |l| l.critical)).collect(),
                source,
            }
        };
        let mut lines: Vec<CostLine> = (0..n_lines).map(line).collect();
        lines.retain(|line| {
            line.count > 0 || line.femtojoules.iter().chain(&line.ticks).any(|n| *n > 0)
        });
        Self {
            chip: chip.name.clone(),
            tick_ps: first.first().map_or(chip.cost.tick_ps, |l| l.tick_ps),
            steps: ledgers.iter().map(|trial| trial[0].steps).sum(),
            trials,
            missing: first.first().map_or_else(Vec::new, |l| l.missing.clone()),
            static_uw_per_chip: preset.and_then(|p| p.system.static_uw_per_chip).unwrap_or(0),
            lines,
            presets,
        }
    }

    /// Energy of the run with a preset, in femtojoules.
    pub fn femtojoules(&self, preset: usize) -> u64 {
        self.lines.iter().map(|line| line.femtojoules[preset]).sum()
    }
    /// Time of the run with a preset, in ticks.
    pub fn ticks(&self, preset: usize) -> u64 {
        self.lines.iter().map(|line| line.ticks[preset]).sum()
    }

    /// Nanoseconds and picojoules of one, as text.
    fn coefficients(&self, line: &CostLine) -> (String, String) {
        let unknown = |key| self.missing.contains(&key);
        match (line.each, line.key) {
            (_, Some("system.static_uw_per_chip")) => {
                (String::new(), format!("{} mW", coefficient(self.static_uw_per_chip)))
            }
            // Its time and its energy are two coefficients.
            (Some(each), Some("barrier")) if unknown("barrier_fj_per_tile") => {
                (coefficient(each.ticks * self.tick_ps), "?".to_owned())
            }
            (Some(each), _) => (coefficient(each.ticks * self.tick_ps), coefficient(each.fj)),
            (None, _) => ("?".to_owned(), "?".to_owned()),
        }
    }

    /// For programs; units are in the keys.
    pub fn to_json(&self) -> Value {
        let by_preset = |values: &[u64]| -> Value {
            self.presets.iter().zip(values).map(|(p, v)| (p.clone(), json!(v))).collect()
        };
        let totals =
            |of: &dyn Fn(usize) -> u64| (0..self.presets.len()).map(of).collect::<Vec<_>>();
        let line = |line: &CostLine| {
            json!({
                "cause": line.name,
                "key": line.key,
                "count": line.count,
                "each": line.each.map(|e| json!({ "femtojoules": e.fj, "ticks": e.ticks })),
                "femtojoules": by_preset(&line.femtojoules),
                "femtojoules_range": line.range.map(|(low, high)| [low, high]),
                "ticks": by_preset(&line.ticks),
                "source": line.source.as_ref().map(|(source, _)| source),
                "certainty": line.source.as_ref().map(|(_, certainty)| word(*certainty)),
            })
        };
        json!({
            "chip": self.chip,
            "preset": self.presets.first(),
            "picoseconds_per_tick": self.tick_ps,
            "static_microwatts_per_chip": self.static_uw_per_chip,
            "trials": self.trials,
            "steps": self.steps,
            "femtojoules": by_preset(&totals(&|p| self.femtojoules(p))),
            "ticks": by_preset(&totals(&|p| self.ticks(p))),
            "causes": self.lines.iter().map(line).collect::<Vec<_>>(),
            "missing_costs": self.missing,
        })
    }
}

/// Where the coefficient of a cause comes from.
fn source(cause: Cause, preset: &Preset) -> (String, Certainty) {
    match cause {
        Cause::Trace
        | Cause::Modulator
        | Cause::RuleState
        | Cause::RuleInstruction(_)
        | Cause::RuleSkip => (preset.learning.source.clone(), preset.learning.certainty),
        Cause::HostWrite | Cause::HostReset | Cause::Static => {
            (preset.system.source.clone(), preset.system.certainty)
        }
        _ => (preset.source.clone(), preset.certainty),
    }
}

fn word(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Published => "published",
        Certainty::Fitted => "fitted",
        Certainty::Modelled => "modelled",
    }
}

fn percent(part: u64, all: u64) -> String {
    format!("{:.1}", 100.0 * part as f64 / all.max(1) as f64)
}

/// `1.2 to 3.4`, or the one value.
fn range((low, high): (u64, u64), scale: f64) -> String {
    let [from, to] = [low, high].map(|v| format!("{:.6}", v as f64 * scale));
    if low == high { from } else { format!("{from} to {to}") }
}

/// A coefficient in the thousandfold unit, with all its digits: 35 of 100 ps are 3.5 ns.
fn coefficient(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1000, thousandths % 1000);
    if rest == 0 {
        return grouped(whole);
    }
    format!("{}.{}", grouped(whole), format!("{rest:03}").trim_end_matches('0'))
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(preset) = self.presets.first() else { return Ok(()) };
        let (to_us, to_uj) = (self.tick_ps as f64 * 1e-6, 1e-9);
        let (fj, ticks) = (self.femtojoules(0), self.ticks(0));
        let steps = if self.steps == 1 { "step" } else { "steps" };
        let trials = match self.trials {
            1 => "1 trial".to_owned(),
            n => format!("{} trials", grouped(n.into())),
        };
        writeln!(
            f,
            "costs on {} with {preset}: {trials}, {} {steps}",
            self.chip,
            grouped(self.steps)
        )?;
        let mut table = Table::new(&[
            "cause",
            "count",
            "ns each",
            "us",
            "%",
            "pJ each",
            "uJ",
            "%",
            "uJ, all presets",
            "",
            "from",
        ]);
        let mut sources: Vec<&str> = Vec::new();
        for line in &self.lines {
            let (certainty, from) = match &line.source {
                None => ("", String::new()),
                Some((source, certainty)) => {
                    let at = sources.iter().position(|s| s == source).unwrap_or_else(|| {
                        sources.push(source);
                        sources.len() - 1
                    });
                    (word(*certainty), format!("[{}]", at + 1))
                }
            };
            let (ns, pj) = self.coefficients(line);
            table.rows.push(vec![
                line.name.clone(),
                grouped(line.count),
                ns,
                format!("{:.3}", line.ticks[0] as f64 * to_us),
                percent(line.ticks[0], ticks),
                pj,
                format!("{:.6}", line.femtojoules[0] as f64 * to_uj),
                percent(line.femtojoules[0], fj),
                line.range.map_or_else(String::new, |r| range(r, to_uj)),
                certainty.to_owned(),
                from,
            ]);
        }
        let all: Vec<u64> = (0..self.presets.len()).map(|p| self.femtojoules(p)).collect();
        let bounds = all.iter().min().copied().zip(all.iter().max().copied());
        let bounds = bounds.filter(|_| self.presets.len() > 1);
        table.rows.push(vec![
            "all".to_owned(),
            String::new(),
            String::new(),
            format!("{:.3}", ticks as f64 * to_us),
            percent(ticks, ticks),
            String::new(),
            format!("{:.6}", fj as f64 * to_uj),
            percent(fj, fj),
            bounds.map_or_else(String::new, |r| range(r, to_uj)),
            String::new(),
            String::new(),
        ]);
        f.write_str(&table.text())?;
        for (n, source) in sources.iter().enumerate() {
            writeln!(f, "[{}] {source}", n + 1)?;
        }
        if self.presets.len() > 1 {
            let mut presets = Table::new(&["preset", "us", "uJ"]);
            for (p, name) in self.presets.iter().enumerate() {
                presets.rows.push(vec![
                    name.clone(),
                    format!("{:.3}", self.ticks(p) as f64 * to_us),
                    format!("{:.6}", self.femtojoules(p) as f64 * to_uj),
                ]);
            }
            f.write_str(&presets.text())?;
        }
        if !self.missing.is_empty() {
            writeln!(
                f,
                "?: no source gives it, counted as 0 with {preset}: {}",
                self.missing.join(", ")
            )?;
        }
        Ok(())
    }
}
