//! Reads the comments of a golden file.

use std::collections::BTreeMap;
use trifactor_diag::Severity;
use trifactor_fixed::Rounding;
use trifactor_ir::{Sign, sop::SopRule};
use trifactor_quant::FormatRequest;

/// Something that is looked at, in the order in which a rule goes through them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Stage {
    Text,
    Check,
    Plan,
    Ucode,
    Eval,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Text, Self::Check, Self::Plan, Self::Ucode, Self::Eval];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Check => "check",
            Self::Plan => "plan",
            Self::Ucode => "ucode",
            Self::Eval => "eval",
        }
    }
    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }
    const fn has_block(self) -> bool {
        matches!(self, Self::Text | Self::Plan | Self::Ucode)
    }
}

/// What a declared variable is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Synapse,
    Trace,
    Modulator,
}

/// A variable that the kernel reads or sets.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Variable {
    pub(super) kind: Kind,
    pub(super) range: (f64, f64),
    pub(super) request: FormatRequest,
    pub(super) line: usize,
}

/// A line that is executed.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Query {
    pub(super) line: usize,
    pub(super) inputs: BTreeMap<String, f64>,
    pub(super) results: BTreeMap<String, f64>,
    /// `None` for values, the draw for integers.
    pub(super) raw: Option<u32>,
}

/// The exact result of a stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Block {
    pub(super) stage: Stage,
    pub(super) line: usize,
    pub(super) lines: Vec<String>,
}

/// An expected finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Expected {
    pub(super) line: usize,
    /// Guilty line and column, both from 1; `None` for a finding without a place in the text.
    pub(super) position: Option<(usize, usize)>,
    pub(super) severity: Severity,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Everything the comments say.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct File {
    pub(super) stages: Vec<Stage>,
    pub(super) chip: String,
    pub(super) epoch: u32,
    pub(super) sign: Sign,
    pub(super) sop: Option<SopRule>,
    /// Line and first column of each string of `sop`, by `dw`, `dd`, `dt`.
    pub(super) sop_places: BTreeMap<String, (usize, usize)>,
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) queries: Vec<Query>,
    pub(super) blocks: Vec<Block>,
    pub(super) expected: Vec<Expected>,
}

impl File {
    pub(super) fn has(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }
}

/// Reads all comments; failures begin with their line.
pub(super) fn read(text: &str) -> (File, Vec<String>) {
    let mut file = File {
        stages: Vec::new(),
        chip: "superset".to_owned(),
        epoch: 1,
        sign: Sign::Mixed,
        sop: None,
        sop_places: BTreeMap::new(),
        variables: BTreeMap::new(),
        queries: Vec::new(),
        blocks: Vec::new(),
        expected: Vec::new(),
    };
    let mut failures = Vec::new();
    let mut guilty = 0;
    let mut in_block = false;
    for (n, line) in (1..).zip(text.lines()) {
        let result = match marker(line) {
            Some(('!', _, rest)) => directive(&mut file, n, line, rest),
            Some(('?', _, rest)) => query(n, rest).map(|q| file.queries.push(q)),
            Some(('=', _, rest)) => block(&mut file, n, rest),
            Some((_, column, rest)) => finding(&mut file, n, (guilty, column), rest),
            None if in_block && line.starts_with(';') => {
                if let Some(block) = file.blocks.last_mut() {
                    block.lines.push(line.to_owned());
                }
                continue;
            }
            None => Ok(()),
        };
        in_block = matches!(marker(line), Some(('=', ..)));
        if !matches!(marker(line), Some(('^', ..))) {
            guilty = n;
        }
        failures.extend(result.err().map(|what| format!("{n}: {what}")));
    }
    if file.stages.is_empty() {
        failures.push("1: there is no ';! stages' line".to_owned());
    }
    match (file.has(Stage::Eval), file.queries.first()) {
        (true, None) => failures.push("1: the stage eval has no ';?' line".to_owned()),
        (false, Some(q)) => {
            failures.push(format!("{}: the stages do not name eval", q.line));
        }
        _ => {}
    }
    (file, failures)
}

/// The mark of a comment, its column from 1, and what follows.
fn marker(line: &str) -> Option<(char, usize, &str)> {
    let rest = line.strip_prefix(';')?;
    let mark = rest.chars().next()?;
    if matches!(mark, '!' | '?' | '=') {
        return Some((mark, 2, rest[1..].trim()));
    }
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    let rest = rest[blanks..].strip_prefix('^')?;
    Some(('^', 2 + blanks, rest.trim()))
}

fn directive(file: &mut File, n: usize, line: &str, rest: &str) -> Result<(), String> {
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let rest = rest.trim();
    match word {
        "stages" => {
            for word in rest.split(',').map(str::trim) {
                let stage = Stage::of(word).ok_or_else(|| format!("there is no stage '{word}'"))?;
                file.stages.push(stage);
            }
        }
        "chip" => file.chip = rest.to_owned(),
        "epoch" => file.epoch = rest.parse().map_err(|_| format!("'{rest}' is no epoch"))?,
        "sign" => {
            file.sign = match rest {
                "mixed" => Sign::Mixed,
                "excitatory" => Sign::Excitatory,
                "inhibitory" => Sign::Inhibitory,
                _ => return Err(format!("'{rest}' is no sign")),
            }
        }
        "sop" => {
            let (field, text) = rest.split_once('=').ok_or("a sum reads: sop dw = ...")?;
            let (field, text) = (field.trim(), text.trim());
            let rule = file.sop.get_or_insert_default();
            let slot = match field {
                "dw" => &mut rule.dw,
                "dd" => &mut rule.dd,
                "dt" => &mut rule.dt,
                _ => return Err(format!("'{field}' is none of dw, dd and dt")),
            };
            *slot = Some(text.to_owned());
            let column = line.find(text).map_or(1, |at| at + 1);
            file.sop_places.insert(field.to_owned(), (n, column));
        }
        "synapse" => declare(file, n, Kind::Synapse, rest)?,
        "trace" => declare(file, n, Kind::Trace, rest)?,
        "modulator" => declare(file, n, Kind::Modulator, rest)?,
        _ => return Err(format!("there is no directive '{word}'")),
    }
    Ok(())
}

fn declare(file: &mut File, line: usize, kind: Kind, rest: &str) -> Result<(), String> {
    let mut words = rest.split_whitespace();
    let name = words.next().ok_or("a variable has a name")?.to_owned();
    let mut end = || -> Result<f64, String> {
        let word = words.next().ok_or("a variable has a lowest and a highest value")?;
        word.parse().map_err(|_| format!("'{word}' is no number"))
    };
    let range = (end()?, end()?);
    let mut request = FormatRequest::default();
    while let Some(word) = words.next() {
        match word {
            "signed" | "unsigned" => request.signed = Some(word == "signed"),
            "floor" => request.rounding = Some(Rounding::Floor),
            "zero" => request.rounding = Some(Rounding::Zero),
            "nearest" => request.rounding = Some(Rounding::Nearest),
            "stochastic" => request.rounding = Some(Rounding::Stochastic),
            "bits" | "frac" => {
                let number: Option<i8> = words.next().and_then(|w| w.parse().ok());
                let number = number.ok_or_else(|| format!("'{word}' is followed by a number"))?;
                match word {
                    "bits" => request.bits = Some(number.unsigned_abs()),
                    _ => request.frac = Some(number),
                }
            }
            _ => return Err(format!("'{word}' says nothing about a format")),
        }
    }
    let variable = Variable { kind, range, request, line };
    match file.variables.insert(name.clone(), variable) {
        Some(_) => Err(format!("'{name}' is declared twice")),
        None => Ok(()),
    }
}

fn query(line: usize, rest: &str) -> Result<Query, String> {
    let (kind, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let (inputs, results) = rest.split_once("=>").ok_or("a query reads: inputs => results")?;
    let mut inputs = assignments(inputs)?;
    let results = assignments(results)?;
    let raw = match kind {
        "eval" => None,
        "raw" => Some(inputs.remove("draw").map_or(Ok(0), draw)?),
        _ => return Err(format!("there is no query '{kind}'")),
    };
    Ok(Query { line, inputs, results, raw })
}

fn draw(value: f64) -> Result<u32, String> {
    let fits = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
    if fits { Ok(value as u32) } else { Err(format!("{value} is no draw of 32 bits")) }
}

fn assignments(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let mut values = BTreeMap::new();
    for word in text.split_whitespace() {
        let (name, number) = word.split_once('=').ok_or_else(|| format!("'{word}' has no '='"))?;
        let number = match number.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).map(f64::from).ok(),
            None => number.parse().ok(),
        };
        let number: f64 = number.ok_or_else(|| format!("'{word}' has no number"))?;
        if values.insert(name.to_owned(), number).is_some() {
            return Err(format!("'{name}' is given twice"));
        }
    }
    Ok(values)
}

fn block(file: &mut File, line: usize, word: &str) -> Result<(), String> {
    let stage = Stage::of(word).filter(|s| s.has_block());
    let stage = stage.ok_or_else(|| format!("no stage has a block '= {word}'"))?;
    if file.blocks.iter().any(|b| b.stage == stage) {
        return Err(format!("there are two blocks '= {word}'"));
    }
    file.blocks.push(Block { stage, line, lines: Vec::new() });
    Ok(())
}

fn finding(
    file: &mut File,
    line: usize,
    (guilty, column): (usize, usize),
    rest: &str,
) -> Result<(), String> {
    if let Some(hint) = rest.strip_prefix("hint: ") {
        let last = file.expected.last_mut().filter(|e| e.hint.is_none());
        last.ok_or("a hint belongs to the finding above it")?.hint = Some(hint.to_owned());
        return Ok(());
    }
    let (severity, rest) = match (rest.strip_prefix("error["), rest.strip_prefix("warning[")) {
        (Some(rest), _) => (Severity::Error, rest),
        (_, Some(rest)) => (Severity::Warning, rest),
        _ => return Err("a finding reads: error[CODE]: message".to_owned()),
    };
    let (code, message) = rest.split_once("]: ").ok_or("a finding reads: error[CODE]: message")?;
    file.expected.push(Expected {
        line,
        // Behind the semicolon is nowhere in particular.
        position: (column > 2).then_some((guilty, column)),
        severity,
        code: code.to_owned(),
        message: message.to_owned(),
        hint: None,
    });
    Ok(())
}

/// The text with other lines in its blocks; a block that it does not have comes last.
pub(super) fn with_blocks(text: &str, file: &File, blocks: &[(Stage, Vec<String>)]) -> String {
    let made = |stage: Stage| blocks.iter().find(|(s, _)| *s == stage);
    let mut out = String::new();
    let mut skip = 0;
    for (n, line) in (1..).zip(text.lines()) {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        out.push_str(line);
        out.push('\n');
        let block = file.blocks.iter().find(|b| b.line == n);
        if let Some((block, (_, lines))) = block.and_then(|b| Some((b, made(b.stage)?))) {
            skip = block.lines.len();
            lines.iter().for_each(|l| push_line(&mut out, l));
        }
    }
    for (stage, lines) in blocks {
        if !file.blocks.iter().any(|b| b.stage == *stage) {
            push_line(&mut out, &format!(";= {}", stage.word()));
            lines.iter().for_each(|l| push_line(&mut out, l));
        }
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}
