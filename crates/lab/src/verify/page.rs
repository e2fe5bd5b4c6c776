//! The report as one page: text, tables and plots, with nothing outside of it.

use super::plot::{Bar, Line, Mark, escaped, histogram, lines, ranking};
use super::verdict::Outcome;
use super::{Drift, Variable, VariableKind, Verification};
use crate::tables::Table;
use std::fmt::Write as _;

/// Variables whose errors over time are drawn.
const SHOWN_DRIFTS: usize = 10;
/// Curves of the protocol that are drawn.
const SHOWN_SERIES: usize = 8;
/// States in the ranking.
const SHOWN_CAUSES: usize = 12;

/// Colours of a light and a dark page; the palette is that of Okabe and Ito, which people with
/// colour-blindness can tell apart.
const STYLE: &str = "\
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c1c1c; --soft: #5c5c5c; --rule: #d9d9d9; --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --good: #00734f; --bad: #b3261e; --open: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --ink: #e8e8e8; --soft: #a8a8a8; --rule: #3a3d42; --c0: #56b4e9; --c1: #f08c3c; --c2: #2fc795; --c3: #e29bc3; --good: #47d6a3; --bad: #ff8a80; --open: #f0c060; } }
body { font: 16px/1.5 system-ui, sans-serif; background: var(--paper); color: var(--ink); max-width: 1080px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 36px 0 8px; } h3 { font-size: 16px; margin: 0 0 4px; }
p { max-width: 75ch; } .soft { color: var(--soft); }
.pass { color: var(--good); } .fail { color: var(--bad); } .undecided { color: var(--open); }
.word { font-weight: 600; } pre, code { font: 14px/1.5 ui-monospace, monospace; }
pre { border: 1px solid var(--rule); padding: 8px 12px; overflow-x: auto; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; white-space: normal; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr)); gap: 28px 24px; }
figure { margin: 0; max-width: 620px; } svg { width: 100%; height: auto; display: block; }
svg .t { fill: var(--ink); font: 13px system-ui, sans-serif; } svg .g { stroke: var(--rule); } svg .a { stroke: var(--soft); fill: none; }
svg .l0, svg .l1, svg .l2, svg .l3 { fill: none; stroke-width: 1.8; stroke-linejoin: round; } svg .d { stroke-dasharray: 6 4; }
svg .l0 { stroke: var(--c0); } svg .l1 { stroke: var(--c1); } svg .l2 { stroke: var(--c2); } svg .l3 { stroke: var(--c3); }
svg .p0 { fill: var(--c0); } svg .p1 { fill: var(--c1); } svg .p2 { fill: var(--c2); } svg .p3 { fill: var(--c3); }
";

impl Verification {
    /// The files of a report: the page, and the report for machines.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let json = format!("{:#}\n", self.to_json());
        vec![
            ("report.html".to_owned(), self.page().into_bytes()),
            ("report.json".to_owned(), json.into_bytes()),
            ("report.txt".to_owned(), self.to_string().into_bytes()),
        ]
    }

    /// One page without references to anything outside of it.
    pub fn page(&self) -> String {
        let model = escaped(&self.model);
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{model}: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
            self.verdict()
        );
        self.head(&mut out);
        self.curves(&mut out);
        self.errors(&mut out);
        self.over_time(&mut out);
        self.values(&mut out);
        self.why(&mut out);
        self.remarks(&mut out);
        out + "</body>\n</html>\n"
    }

    fn head(&self, out: &mut String) {
        let verdict = self.verdict();
        let class = verdict.to_lowercase();
        let _ = write!(
            out,
            "<h1>{} on {}: <span class=\"{class}\">{verdict}</span></h1>\n<p class=\"soft\">{} in pairs, {} of them followed step by step ({} steps the longest), seed {}{}</p>\n<ul>\n",
            escaped(&self.model),
            escaped(&self.chip),
            self.count(self.trials),
            self.followed,
            self.steps,
            self.seed,
            if self.quick { ", a quick verification" } else { "" }
        );
        for c in &self.checks {
            let word = c.outcome.word();
            let _ = writeln!(
                out,
                "<li><span class=\"word {word}\">{word}</span> {}</li>",
                escaped(&c.text)
            );
        }
        if self.performance.is_none() {
            let _ = writeln!(out, "<li>{}</li>", self.nothing_compared());
        }
        let _ = writeln!(out, "<li>{}</li>\n</ul>", escaped(&self.spike_line()));
        let cure = self.cure_lines();
        if !cure.is_empty() {
            let _ = writeln!(out, "<pre>{}</pre>", escaped(&cure.join("\n")));
        }
    }

    fn curves(&self, out: &mut String) {
        if self.series.is_empty() {
            return;
        }
        out.push_str("<h2>Float and chip over the protocol</h2>\n<div class=\"plots\">\n");
        for s in self.series.iter().take(SHOWN_SERIES) {
            let line = |name: &str, colour, mark, chip: bool| Line {
                name: name.to_owned(),
                points: s.points.iter().map(|p| (p.0, if chip { p.2 } else { p.1 })).collect(),
                colour,
                mark,
            };
            let both = [line("float", 0, Mark::Line, false), line("chip", 1, Mark::Points, true)];
            figure(out, &s.name, &lines(&self.x_label, &s.name, &both));
        }
        out.push_str("</div>\n");
    }

    fn errors(&self, out: &mut String) {
        out.push_str("<h2>Errors by variable</h2>\n<p>In units of the last place. <i>One step</i>: single evaluations against floating point from the same inputs, beside the bound that the plan predicts for each of them. <i>Float's spikes</i>: the fixed reading made to spike as float does, so that errors add up over time but spikes never part. <i>Own spikes</i>: the fixed reading, and so the chip, by itself.</p>\n");
        table(out, &self.error_table());
        out.push_str("<p>Where the largest errors are:</p>\n");
        table(out, &self.place_table());
        if !self.parameters.is_empty() {
            let mut parameters =
                Table::new(&["parameter", "format", "largest error", "rms", "largest value"]);
            for p in &self.parameters {
                parameters.rows.push(vec![
                    p.name.clone(),
                    p.format.clone(),
                    format!("{:.3e}", p.max),
                    format!("{:.3e}", p.rms),
                    format!("{:.4}", p.peak),
                ]);
            }
            out.push_str("<p>Parameters that their formats do not hold exactly:</p>\n");
            table(out, &parameters);
        }
    }

    fn over_time(&self, out: &mut String) {
        let shown = |v: &&Variable| {
            v.kind < VariableKind::Current && v.free.as_ref().is_some_and(|d| d.n > 0)
        };
        let shown: Vec<&Variable> =
            self.variables.iter().filter(shown).take(SHOWN_DRIFTS).collect();
        if shown.is_empty() {
            return;
        }
        out.push_str("<h2>Errors over time</h2>\n<div class=\"plots\">\n");
        for v in shown {
            let (Some(taught), Some(free)) = (&v.taught, &v.free) else { continue };
            let curve = |name: &str, d: &Drift, colour, mark| Line {
                name: name.to_owned(),
                points: self.over_steps(d).into_iter().map(|(x, rms)| (x, rms / v.lsb)).collect(),
                colour,
                mark,
            };
            let both = [
                curve("float's spikes", taught, 2, Mark::Line),
                curve("own spikes", free, 1, Mark::Dashes),
            ];
            figure(out, &v.name, &lines("step", "rms error (last places)", &both));
        }
        out.push_str("</div>\n");
    }

    /// Root mean square errors at the middle of each stretch of steps.
    fn over_steps(&self, d: &Drift) -> Vec<(f64, f64)> {
        let wide = self.steps as f64 / d.curve.len().max(1) as f64;
        let middle = |k: usize| (k as f64 + 0.5) * wide + 0.5;
        d.curve.iter().enumerate().map(|(k, b)| (middle(k), b.rms())).collect()
    }

    fn values(&self, out: &mut String) {
        if !self.examples.is_empty() {
            let _ = write!(
                out,
                "<h2>Values over time</h2>\n<p>The first {} followed; of each variable the lane that moves most in float.</p>\n<div class=\"plots\">\n",
                self.unit
            );
            for e in &self.examples {
                let line = |name: &str, colour, mark, fixed: bool| Line {
                    name: name.to_owned(),
                    points: e.points.iter().map(|p| (p.0, if fixed { p.2 } else { p.1 })).collect(),
                    colour,
                    mark,
                };
                let both = [
                    line("float", 0, Mark::Line, false),
                    line("fixed, own spikes", 1, Mark::Dashes, true),
                ];
                figure(
                    out,
                    &format!("{}, lane {}", e.name, e.lane),
                    &lines("step", &e.name, &both),
                );
            }
            out.push_str("</div>\n");
        }
        let learnt = self.learnt.iter().filter(|l| !l.float.is_empty());
        let mut plots = String::new();
        for l in learnt {
            let lists = [("float", l.float.as_slice()), ("fixed, own spikes", l.fixed.as_slice())];
            figure(&mut plots, &l.name, &histogram(&l.name, &lists));
        }
        if !plots.is_empty() {
            let _ = write!(
                out,
                "<h2>Learnt values at the end</h2>\n<p>Of all {}s followed.</p>\n<div class=\"plots\">\n{plots}</div>\n",
                self.unit
            );
        }
    }

    fn why(&self, out: &mut String) {
        let Some(causes) = &self.causes else { return };
        out.push_str("<h2>What the loss comes from</h2>\n<p>The same trials with one state's format undone and all others as planned (saved), and with that format alone (lost). A state explains the mean of both.</p>\n");
        let bars: Vec<Bar> = causes
            .list
            .iter()
            .take(SHOWN_CAUSES)
            .map(|c| Bar { name: c.name.clone(), values: vec![c.saved.mean, c.alone.mean] })
            .collect();
        let label = match self.loss_unit() {
            "points" => "points of the score",
            _ => "percent of the largest change",
        };
        if !bars.is_empty() {
            let words = ["saved if undone", "lost if alone"];
            figure(out, "", &ranking(label, &words, &bars));
        }
        if let Some(list) = self.cause_table(SHOWN_CAUSES) {
            table(out, &list);
        }
        out.push_str("<ul>\n");
        for line in self.cause_lines() {
            let _ = writeln!(out, "<li>{}</li>", escaped(&line));
        }
        out.push_str("</ul>\n");
        if let Some(cure) = self.cure.as_ref().filter(|c| !c.attempts.is_empty()) {
            let mut attempts = Table::new(&["formats", "bits more", "the chip loses", "verdict"]);
            for a in &cure.attempts {
                let word = if a.cures { Outcome::Pass } else { Outcome::Fail }.word();
                attempts.rows.push(vec![
                    a.formats.join(", "),
                    a.bits.to_string(),
                    a.loss
                        .as_ref()
                        .map_or_else(|| "does not fit".to_owned(), super::text::estimate),
                    word.to_owned(),
                ]);
            }
            out.push_str("<h2>Changes that were tried</h2>\n");
            table(out, &attempts);
        }
    }

    fn remarks(&self, out: &mut String) {
        let warnings: Vec<String> =
            self.warnings.iter().map(|d| format!("{}: {}", d.code, d.message)).collect();
        if warnings.is_empty() && self.notes.is_empty() {
            return;
        }
        out.push_str("<h2>Remarks</h2>\n<ul>\n");
        for text in warnings.iter().chain(&self.notes) {
            let _ = writeln!(out, "<li>{}</li>", escaped(text));
        }
        out.push_str("</ul>\n");
    }
}

fn figure(out: &mut String, title: &str, svg: &str) {
    let title =
        if title.is_empty() { String::new() } else { format!("<h3>{}</h3>", escaped(title)) };
    let _ = writeln!(out, "<figure>{title}{svg}</figure>");
}

fn table(out: &mut String, table: &Table) {
    let row = |cells: &[String], tag: &str| -> String {
        let cells = cells.iter().map(|c| format!("<{tag}>{}</{tag}>", escaped(c)));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    out.push_str("<div class=\"wide\"><table>\n");
    out.push_str(&row(&table.header, "th"));
    for cells in &table.rows {
        out.push_str(&row(cells, "td"));
    }
    out.push_str("</table></div>\n");
}
