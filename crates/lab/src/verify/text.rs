//! The report for the terminal: the verdict first, then what it rests on.

use super::verdict::Outcome;
use super::{At, Variable, Verification};
use crate::statistics::Estimate;
use crate::tables::Table;
use std::fmt;

/// Causes that are listed.
const SHOWN_CAUSES: usize = 6;

impl Verification {
    /// `pass`, `fail` or, where few trials left something open, what is open.
    pub fn verdict(&self) -> &'static str {
        let open = self.checks.iter().any(|c| c.outcome == Outcome::Undecided);
        let failed = self.checks.iter().any(|c| c.outcome == Outcome::Fail);
        match (failed, open) {
            (true, _) => "FAIL",
            (false, true) => "UNDECIDED",
            (false, false) => "PASS",
        }
    }

    /// The table of the terminal: what of [`error_table`](Self::error_table) fits on lines.
    fn short_table(&self) -> Table {
        let mut table = Table::new(&[
            "variable",
            "format",
            "one step",
            "of bound",
            "bias",
            "lost",
            "drift",
            "largest",
            "at",
            "own spikes",
        ]);
        for v in &self.variables {
            let lsb = |x: f64| digits(x / v.lsb);
            let blank = String::new;
            let at = |d: &super::Drift| {
                if d.max > 0.0 {
                    format!("{}, {}, {}", d.at.trial, d.at.step, d.at.lane)
                } else {
                    "-".to_owned()
                }
            };
            let taught = v.taught.as_ref();
            table.rows.push(vec![
                v.name.clone(),
                v.format.clone(),
                one_step(v),
                share(v),
                bias(v),
                lost(v),
                taught.map_or_else(blank, |d| lsb(d.rms())),
                taught.map_or_else(blank, |d| lsb(d.max)),
                taught.map_or_else(blank, at),
                v.free.as_ref().map_or_else(blank, |d| lsb(d.rms())),
            ]);
        }
        table
    }

    /// The error of every variable, as a table.
    pub(super) fn error_table(&self) -> Table {
        let mut table = Table::new(&[
            "variable",
            "format",
            "one step: largest",
            "bound",
            "of bound",
            "bias",
            "lost",
            "kept",
            "float's spikes: rms",
            "largest",
            "relative",
            "own spikes: rms",
            "largest",
        ]);
        for v in &self.variables {
            let lsb = |x: f64| digits(x / v.lsb);
            let drift = |d: &Option<super::Drift>, f: &dyn Fn(&super::Drift) -> String| {
                d.as_ref().map_or_else(String::new, f)
            };
            let relative = |d: &super::Drift| {
                d.relative(d.max)
                    .map_or_else(|| "-".to_owned(), |r| format!("{} %", digits(100.0 * r)))
            };
            table.rows.push(vec![
                v.name.clone(),
                v.format.clone(),
                one_step(v),
                lsb(v.local.bound),
                share(v),
                bias(v),
                lost(v),
                v.local
                    .kept()
                    .map_or_else(|| "-".to_owned(), |k| format!("{} %", digits(100.0 * k))),
                drift(&v.taught, &|d| lsb(d.rms())),
                drift(&v.taught, &|d| lsb(d.max)),
                drift(&v.taught, &relative),
                drift(&v.free, &|d| lsb(d.rms())),
                drift(&v.free, &|d| lsb(d.max)),
            ]);
        }
        table
    }

    /// What is said where whole trials cannot be compared.
    pub(super) fn nothing_compared(&self) -> String {
        format!(
            "float and chip over whole {}s: nothing is scored, learnt, recorded or read, so there is nothing to compare",
            self.unit
        )
    }

    /// Where the largest errors are, as a table.
    pub(super) fn place_table(&self) -> Table {
        let mut table = Table::new(&["variable", "one step", "float's spikes", "own spikes"]);
        for v in self.variables.iter().filter(|v| v.taught.is_some()) {
            let place = |d: &Option<super::Drift>| {
                let found = d.as_ref().filter(|d| d.max > 0.0);
                found.map_or_else(|| "-".to_owned(), |d| self.place(d.at))
            };
            let one = if v.local.max > 0.0 { self.place(v.local.at) } else { "-".to_owned() };
            table.rows.push(vec![v.name.clone(), one, place(&v.taught), place(&v.free)]);
        }
        table
    }

    /// `1 trial`, `8 trials`.
    pub(super) fn count(&self, n: u32) -> String {
        format!("{n} {}{}", self.unit, if n == 1 { "" } else { "s" })
    }

    fn place(&self, at: At) -> String {
        format!("{} {}, step {}, lane {}", self.unit, at.trial, at.step, at.lane)
    }

    /// Where float and the fixed reading first spike differently.
    pub(super) fn spike_line(&self) -> String {
        let s = &self.spikes;
        match &s.first {
            None => {
                format!("spikes: none of {} differs between float and the fixed reading", s.float)
            }
            Some(first) => format!(
                "spikes: the first that differs is {} lane {}, {} {}, step {} (only {} spikes); {} of {} differ, in {} of {}",
                first.population,
                first.at.lane,
                self.unit,
                first.at.trial,
                first.at.step,
                if first.in_float { "float" } else { "the fixed reading" },
                s.different,
                s.float,
                s.trials,
                self.count(self.followed),
            ),
        }
    }

    /// What a loss is counted in.
    pub(super) fn loss_unit(&self) -> &'static str {
        self.performance.as_ref().map_or("", |p| p.kind.unit())
    }

    /// What states explain of the loss, as a table.
    pub(super) fn cause_table(&self, most: usize) -> Option<Table> {
        let causes = self.causes.as_ref()?;
        let mut table =
            Table::new(&["state", "format", "explains", "saved if undone", "lost if alone"]);
        for c in causes.list.iter().take(most) {
            table.rows.push(vec![
                c.name.clone(),
                c.format.clone(),
                format!("{:.2}", c.explains + 0.0),
                estimate(&c.saved),
                estimate(&c.alone),
            ]);
        }
        Some(table)
    }

    /// What else is known of the causes, in sentences.
    pub(super) fn cause_lines(&self) -> Vec<String> {
        let Some(causes) = &self.causes else { return Vec::new() };
        let unit = self.loss_unit();
        let mut lines = vec![format!(
            "on {} the chip loses {} {unit}, the float reading with every state in its format {}",
            self.count(causes.trials),
            estimate(&causes.chip),
            estimate(&causes.all)
        )];
        for c in &causes.list {
            for (words, loss) in &c.variants {
                lines.push(format!("{} {words}: loses {} {unit}", c.name, estimate(loss)));
            }
        }
        if self.cure.is_some() && causes.guilty().next().is_none() {
            lines.push("no single format explains a tenth of the loss".to_owned());
        }
        lines
    }

    /// The cure, in sentences.
    pub(super) fn cure_lines(&self) -> Vec<String> {
        let Some(cure) = &self.cure else { return Vec::new() };
        let unit = self.loss_unit();
        let tried = cure.attempts.len();
        match cure.best() {
            Some(best) => {
                let bits = match best.bits {
                    0 => "no bit more".to_owned(),
                    n => format!("{n} bits more in all"),
                };
                let limit = self.performance.as_ref().map_or(0.0, |p| p.limit);
                let open = best.loss.is_some_and(|l| l.half_width.is_finite() && l.high() > limit);
                let loss = best.loss.as_ref().map_or_else(String::new, estimate);
                let open = if open { ", which more trials have to confirm" } else { "" };
                vec![
                    format!(
                        "the cheapest change of {tried} that were tried ({bits}; the chip then loses {loss} {unit}{open}), for `formats` in model.ron:"
                    ),
                    format!("  {}", best.formats.join(", ")),
                ]
            }
            None if tried == 0 => vec![
                "no format on this chip that could be changed explains the loss; another chip (--chip) may, or training with its roundings (`trifactor tune`)".to_owned(),
            ],
            None => {
                let nearest = cure.attempts.iter().filter(|a| a.loss.is_some()).min_by(|a, b| {
                    let mean = |a: &super::Attempt| a.loss.map_or(f64::INFINITY, |l| l.mean);
                    mean(a).total_cmp(&mean(b))
                });
                let mut lines = vec![format!(
                    "none of the {tried} changes of formats that were tried cures it"
                )];
                if let Some((a, loss)) = nearest.and_then(|a| Some((a, a.loss?))) {
                    lines.push(format!(
                        "  nearest: {} loses {} {unit}",
                        a.formats.join(", "),
                        estimate(&loss)
                    ));
                }
                lines
            }
        }
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {}: {}", self.model, self.chip, self.verdict())?;
        for c in &self.checks {
            writeln!(f, "  {:<9}  {}", c.outcome.word(), c.text)?;
        }
        if self.performance.is_none() {
            writeln!(f, "  {:<9}  {}", "-", self.nothing_compared())?;
        }
        for line in self.cure_lines() {
            writeln!(f, "  {line}")?;
        }
        if let Some(p) = &self.performance
            && let (Some(float), Some(chip)) = (&p.float, &p.chip)
        {
            let percent = |e: &Estimate| {
                estimate(&Estimate { mean: 100.0 * e.mean, half_width: 100.0 * e.half_width, ..*e })
            };
            writeln!(f, "\nright answers: float {} %, chip {} %", percent(float), percent(chip))?;
        } else {
            writeln!(f)?;
        }
        writeln!(f, "{}", self.spike_line())?;
        for v in self.variables.iter().filter(|v| v.local.clipped > 0) {
            let Variable { name, format, local, .. } = v;
            writeln!(
                f,
                "clipped: {name}, {} stores of {} that {format} does not hold and float does",
                local.clipped, local.n
            )?;
        }
        writeln!(
            f,
            "\nerrors in {} followed, in units of the last place (at: {}, step, lane):",
            self.count(self.followed),
            self.unit
        )?;
        write!(f, "{}", self.short_table().text())?;
        let relative = |p: &&super::Parameter| p.max / p.peak.max(f64::MIN_POSITIVE);
        let worst = self.parameters.iter().max_by(|a, b| relative(a).total_cmp(&relative(b)));
        if let Some(p) = worst {
            writeln!(
                f,
                "{} parameters are rounded, {} ({}) by most: {} %",
                self.parameters.len(),
                p.name,
                p.format,
                digits(100.0 * relative(&p))
            )?;
        }
        if let Some(table) = self.cause_table(SHOWN_CAUSES) {
            writeln!(f, "\nwhat the loss comes from, in {}:", self.loss_unit())?;
            write!(f, "{}", table.text())?;
            for line in self.cause_lines() {
                writeln!(f, "{line}")?;
            }
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}

/// `0.25 ± 0.11`; without a second trial the mean alone.
pub(super) fn estimate(e: &Estimate) -> String {
    if e.half_width.is_finite() {
        format!("{:.2} ± {:.2}", e.mean + 0.0, e.half_width)
    } else {
        format!("{:.2}", e.mean + 0.0)
    }
}

/// Three significant digits.
pub(super) fn digits(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 {
        "0".to_owned()
    } else if !x.is_finite() {
        "-".to_owned()
    } else if !(1e-3..1e6).contains(&size) {
        format!("{x:.1e}")
    } else {
        let places = (2 - size.log10().floor() as i32).max(0) as usize;
        format!("{x:.places$}")
    }
}

/// The largest share of a bound.
fn share(v: &Variable) -> String {
    match v.local.share {
        _ if v.local.n == 0 => "-".to_owned(),
        x if x.is_infinite() => "beyond".to_owned(),
        x => format!("{x:.3}"),
    }
}

/// The largest error of a single evaluation in units of the last place.
fn one_step(v: &Variable) -> String {
    if v.local.n == 0 { "-".to_owned() } else { digits(v.local.max / v.lsb) }
}

/// Mean signed error in units of the last place with its standard error.
pub(super) fn bias(v: &Variable) -> String {
    match v.local.bias() {
        Some((mean, error)) => format!("{:+.3} ± {:.3}", mean / v.lsb + 0.0, error / v.lsb),
        None => "-".to_owned(),
    }
}

/// Share of the changes that rounding lost.
pub(super) fn lost(v: &Variable) -> String {
    if v.local.changes == 0 {
        "-".to_owned()
    } else {
        format!("{} %", digits(100.0 * v.local.lost_share()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_whatever_their_size() {
        let shown = [0.0, 1.0, 0.012_345, 123_456.0, 12.345, 1e-9, f64::INFINITY].map(digits);
        assert_eq!(shown, ["0", "1.00", "0.0123", "123456", "12.3", "1.0e-9", "-"]);
    }
}
