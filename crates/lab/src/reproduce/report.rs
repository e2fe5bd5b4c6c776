//! What a reproduction found, in all its forms: text, JSON, Markdown, a table for programs.

use super::{PUBLISHED, Reading};
use crate::episodes::{
    ChipRow, ChipUse, chip_lines, interval, percent, rounded, saturations, share, signed,
};
use crate::tables::Table;
use serde_json::{Map, Value, json};
use std::fmt;
use trifactor_diag::Diagnostics;
use trifactor_host::Accuracy;

/// What measurements of trained parameters found.
#[derive(Clone, Debug)]
pub struct Reproduction {
    /// The model's name.
    pub model: String,
    /// Reading of the task.
    pub reading: Reading,
    /// Episodes for each number of cues, the same for float and chip.
    pub episodes: u32,
    /// Seed of the episodes.
    pub seed: u32,
    /// Number of cues of controls, readings and pictures.
    pub reference: u32,
    /// One row for each number of cues, ascending.
    pub rows: Vec<Row>,
    /// A net that was trained without plasticity, in float; none if the model ships none.
    pub no_plasticity: Option<Accuracy>,
    /// The trained net with its rates at 0, in float; none if its settings name no rates.
    pub rates_zero: Option<Accuracy>,
    /// The same parameters in several readings, beside observers of the same spikes.
    pub readings: Vec<ReadingRow>,
    /// The chip; none where it was left out.
    pub chip: Option<ChipUse>,
    /// Pictures: file name and PNG.
    pub pictures: Vec<(String, Vec<u8>)>,
    /// What is legal but worth knowing about the model and its formats.
    pub warnings: Diagnostics,
}

/// One number of cues.
#[derive(Clone, Debug)]
pub struct Row {
    /// Cues per trial.
    pub cues: u32,
    /// The published share, if there is one and the task is the paper's.
    pub published: Option<f64>,
    /// Float.
    pub float: Accuracy,
    /// The emulated chip on the same episodes.
    pub chip: Option<ChipRow>,
}

/// One reading of the task, in float.
#[derive(Clone, Debug)]
pub struct ReadingRow {
    /// The reading.
    pub reading: Reading,
    /// The parameters.
    pub float: Accuracy,
    /// The counting rule.
    pub counting: Accuracy,
    /// The ideal observer.
    pub ideal: Accuracy,
}

impl Reproduction {
    /// The row of the reference number of cues.
    fn reference_row(&self) -> Option<&Row> {
        self.rows.iter().find(|r| r.cues == self.reference)
    }

    fn reference_chip(&self) -> Option<&ChipRow> {
        self.reference_row().and_then(|r| r.chip.as_ref())
    }

    /// The machine-readable report. Accuracies are shares, rounded to six digits.
    pub fn to_json(&self) -> Value {
        let by_cues = |of: &dyn Fn(&Row) -> Option<Value>| -> Value {
            let found = self.rows.iter().filter_map(|r| Some((r.cues.to_string(), of(r)?)));
            Value::Object(found.collect::<Map<String, Value>>())
        };
        let chip = |of: &dyn Fn(&ChipRow) -> Value| by_cues(&|r| r.chip.as_ref().map(of));
        let published: Map<String, Value> =
            PUBLISHED.iter().map(|(m, p)| (m.to_string(), rounded(p / 100.0))).collect();
        let readings: Map<String, Value> = (self.readings.iter())
            .map(|r| {
                let row = json!({
                    "float": share(&r.float),
                    "counting_rule": share(&r.counting),
                    "ideal_observer": share(&r.ideal),
                    "episodes_of_observers": r.ideal.episodes,
                    "intervals": {
                        "float": interval(&r.float),
                        "counting_rule": interval(&r.counting),
                        "ideal_observer": interval(&r.ideal),
                    },
                });
                (r.reading.word().to_owned(), row)
            })
            .collect();
        let cost = self.reference_chip().map(|c| c.cost);
        json!({
            "model": self.model,
            "episodes": self.episodes,
            "seed": self.seed,
            "sides": self.reading.word(),
            "reference_cues": self.reference,
            "accuracy": {
                "float": by_cues(&|r| Some(share(&r.float))),
                "chip": chip(&|c| share(&c.accuracy)),
                "no_plasticity": self.no_plasticity.as_ref().map(share),
                "rates_zero": self.rates_zero.as_ref().map(share),
            },
            "intervals": {
                "float": by_cues(&|r| Some(interval(&r.float))),
                "chip": chip(&|c| interval(&c.accuracy)),
                "no_plasticity": self.no_plasticity.as_ref().map(interval),
                "rates_zero": self.rates_zero.as_ref().map(interval),
            },
            "chip_minus_float": chip(&|c| json!({
                "mean": rounded(c.difference.mean),
                "half_width": rounded(c.difference.half_width),
            })),
            "published": published,
            "readings": readings,
            "microjoules_per_episode": cost.map(|c| rounded(c.microjoules)),
            "microseconds_per_episode": cost.map(|c| rounded(c.microseconds)),
            "steps_per_episode": cost.map(|c| rounded(c.steps)),
            "microseconds_per_epoch": self.per_epoch().map(rounded),
            "cores": self.chip.as_ref().map(|c| c.cores),
            "chip": self.chip.as_ref().map(|c| c.name.clone()),
            "saturations": self.reference_chip().map(saturations),
            "missing_costs": self.reference_chip().map(|c| c.missing_costs.clone()),
        })
    }

    /// Microseconds of a learning epoch on the chip.
    fn per_epoch(&self) -> Option<f64> {
        Some(self.chip.as_ref()?.per_epoch(self.reference_chip()?.cost))
    }

    fn curve_table(&self) -> Table {
        let mut table = Table::new(&["cues", "published", "float", "chip", "chip minus float"]);
        for row in &self.rows {
            let chip = row.chip.as_ref();
            table.rows.push(vec![
                row.cues.to_string(),
                row.published.map_or_else(String::new, |p| format!("{:.1}", 100.0 * p)),
                percent(&row.float),
                chip.map_or_else(String::new, |c| percent(&c.accuracy)),
                chip.map_or_else(String::new, |c| signed(&c.difference)),
            ]);
        }
        table
    }

    fn control_table(&self) -> Table {
        let mut table = Table::new(&["control", "float"]);
        let mut add = |name: &str, a: Option<&Accuracy>, missing: &str| {
            table.rows.push(vec![name.to_owned(), a.map_or_else(|| missing.to_owned(), percent)]);
        };
        let plain = "not measured: no no-plasticity.safetensors";
        add("trained without plasticity", self.no_plasticity.as_ref(), plain);
        let rates = "not measured: the settings name no rates";
        add("the trained net, rates at 0", self.rates_zero.as_ref(), rates);
        table
    }

    fn reading_table(&self) -> Table {
        let mut table = Table::new(&["reading", "float", "counting rule", "ideal observer"]);
        for row in &self.readings {
            let name = row.reading.word().to_owned();
            table.rows.push(vec![
                name,
                percent(&row.float),
                percent(&row.counting),
                percent(&row.ideal),
            ]);
        }
        table
    }

    fn heading(&self) -> String {
        format!(
            "{}: {} episodes per row with new permutations, sides {}, seed {}",
            self.model,
            self.episodes,
            self.reading.word(),
            self.seed
        )
    }

    /// Lines about the chip.
    fn chip_lines(&self) -> Vec<String> {
        let (Some(chip), Some(row)) = (&self.chip, self.reference_chip()) else {
            return vec!["the chip was left out".to_owned()];
        };
        chip_lines(chip, row, &format!("an episode with {} cues", self.reference))
    }

    /// Files of the report's folder: report.md, report.json, accuracy.csv and the pictures.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut json = format!("{:#}", self.to_json()).into_bytes();
        json.push(b'\n');
        let mut files = vec![
            ("report.md".to_owned(), self.markdown().into_bytes()),
            ("report.json".to_owned(), json),
            ("accuracy.csv".to_owned(), self.csv().into_bytes()),
        ];
        files.extend(self.pictures.iter().cloned());
        files
    }

    fn csv(&self) -> String {
        let mut out = String::from("machine,cues,accuracy,low,high,episodes\n");
        let mut line = |machine: &str, cues: u32, a: &Accuracy| {
            let Accuracy { mean, low, high, episodes } = a;
            out += &format!("{machine},{cues},{mean:.6},{low:.6},{high:.6},{episodes}\n");
        };
        for row in &self.rows {
            line("float", row.cues, &row.float);
            if let Some(chip) = &row.chip {
                line("chip", row.cues, &chip.accuracy);
            }
        }
        for (name, a) in [("no_plasticity", &self.no_plasticity), ("rates_zero", &self.rates_zero)]
        {
            if let Some(a) = a {
                line(name, self.reference, a);
            }
        }
        out
    }

    fn markdown(&self) -> String {
        let has = |name: &str| self.pictures.iter().any(|(n, _)| n == name);
        let m = self.reference;
        let mut out =
            format!("# {}\n\n{}. Percent with 95 % intervals.\n\n", self.model, self.heading());
        out += &self.curve_table().markdown();
        out += "\n![accuracy by the number of cues](cues.png)\n";
        out += &format!("\n## Controls at {m} cues\n\n{}", self.control_table().markdown());
        out += &format!(
            "\n## Readings of the task at {m} cues\n\nThe same parameters; observers see the same \
             spikes as the net.\n\n{}",
            self.reading_table().markdown()
        );
        out += "\n## Chip\n\n";
        self.chip_lines().iter().for_each(|line| out += &format!("- {line}\n"));
        out += "\n## Training\n\n";
        out += if has("learning-curve.png") {
            "![accuracy during training](learning-curve.png)\n"
        } else {
            "No picture: the model's folder holds no recorded training (training/evaluation-*.csv), \
             or more than ten without a common update.\n"
        };
        out += &format!(
            "\n## One episode\n\nEpisode 0 with {m} cues; its last trial is the test. Sensor lines \
             are sorted by group, from the top: right cue, left cue, decision, noise. R and L are \
             cues, r and l the class at the decision, ? the question. Synapses shown are those of each cue group \
             whose weight changes most.\n\n\
             ![spikes, eligibility, modulators, read-outs](episode.png)\n"
        );
        if has("weights.png") {
            out += "\n![weights before and after](weights.png)\n";
        }
        out
    }
}

impl fmt::Display for Reproduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.heading())?;
        writeln!(f, "{}", self.curve_table().text())?;
        writeln!(f, "controls at {} cues", self.reference)?;
        writeln!(f, "{}", self.control_table().text())?;
        writeln!(f, "readings of the task at {} cues, the same parameters", self.reference)?;
        writeln!(f, "{}", self.reading_table().text())?;
        for line in self.chip_lines() {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "(percent with 95 % intervals; differences are paired, episode by episode)")
    }
}
