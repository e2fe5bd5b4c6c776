//! A line of text as a command.

use crate::error::{DebugError, wrong};
use crate::help;
use crate::run::Unit;
use crate::stop::Compare;
use trifactor_diag::did_you_mean;
use trifactor_emu::{Phase, Reset};

/// A command. Names of states and places are still text.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Command {
    Nothing,
    Step(u64, Unit),
    Back(u64, Unit),
    Continue,
    ContinueBack,
    Interrupt,
    Goto(u32, Option<Phase>),
    Where,
    Print(Vec<String>),
    Info(String),
    List(Option<String>),
    Break(Break),
    Watch(String, Wait),
    Delete(Option<usize>),
    Set { target: String, values: Vec<f64>, raw: bool },
    Fire(String),
    Reset(Vec<Reset>),
    Save(String),
    Load(String),
    Expect { comparison: Comparison, ends: bool },
    Help(Option<String>),
    Quit,
}

/// Where a run should stop.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Break {
    Spike(String),
    Saturation(Option<String>),
    At { core: u32, word: u32, synapse: Option<(u32, u32)> },
    Line { file: String, line: u32, synapse: Option<(u32, u32)> },
    Rule { name: String, synapse: Option<(u32, u32)> },
    Step(u32),
}

/// What of a value is waited for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Wait {
    Change,
    Becomes(Compare, f64),
    Crosses(f64),
}

/// A comparison of a state with a number.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Comparison {
    pub target: String,
    pub compare: Compare,
    pub value: f64,
    pub raw: bool,
}

/// Reads a line. Empty lines and lines that begin with `#` are nothing.
pub(crate) fn parse(line: &str) -> Result<Command, DebugError> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(Command::Nothing);
    }
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let command = help::find(word)?;
    let none = |done: Command| match rest {
        "" => Ok(done),
        _ => wrong(format!("'{}' takes nothing behind it, and '{rest}' is there", command.name)),
    };
    match command.name {
        "step" => units(rest).map(|(n, unit)| Command::Step(n, unit)),
        "back" => units(rest).map(|(n, unit)| Command::Back(n, unit)),
        "continue" => none(Command::Continue),
        "rcontinue" => none(Command::ContinueBack),
        "interrupt" => none(Command::Interrupt),
        "goto" => goto(rest),
        "where" => none(Command::Where),
        "print" => match targets(rest) {
            list if list.is_empty() => wrong("print what? Such as: print hidden.v[3]"),
            list => Ok(Command::Print(list)),
        },
        "info" => Ok(Command::Info(rest.to_owned())),
        "list" => Ok(Command::List((!rest.is_empty()).then(|| rest.to_owned()))),
        "break" => breakpoint(rest).map(Command::Break),
        "watch" => watch(rest),
        "delete" => match rest {
            "all" => Ok(Command::Delete(None)),
            n => match n.parse() {
                Ok(n) => Ok(Command::Delete(Some(n))),
                Err(_) => wrong("delete which? Give its number, or `all`"),
            },
        },
        "set" => set(rest),
        "fire" => match rest {
            "" => wrong("let what fire? Such as: fire sensors[0]"),
            name => Ok(Command::Fire(name.to_owned())),
        },
        "reset" => reset(rest),
        "save" | "load" if rest.is_empty() => wrong(format!("{} which file?", command.name)),
        "save" => Ok(Command::Save(rest.to_owned())),
        "load" => Ok(Command::Load(rest.to_owned())),
        "expect" => Ok(Command::Expect { comparison: comparison(rest)?, ends: false }),
        "assert" => Ok(Command::Expect { comparison: comparison(rest)?, ends: true }),
        "help" => Ok(Command::Help((!rest.is_empty()).then(|| rest.to_owned()))),
        "quit" => none(Command::Quit),
        other => unreachable!("internal: the command '{other}' is listed and not read"),
    }
}

/// `10`, `phase`, `3 op`.
fn units(rest: &str) -> Result<(u64, Unit), DebugError> {
    let mut count = None;
    let mut unit = None;
    for word in rest.split_whitespace() {
        if let Ok(n) = word.parse::<u64>() {
            if n == 0 || count.replace(n).is_some() {
                return wrong(format!("'{rest}' is no number of units; write: step 10"));
            }
            continue;
        }
        let single = word.strip_suffix('s').unwrap_or(word);
        match Unit::ALL.iter().find(|(name, _)| *name == word || *name == single) {
            Some((_, found)) if unit.is_none() => unit = Some(*found),
            Some(_) => return wrong(format!("'{rest}' names two units")),
            None => {
                let near = did_you_mean(word, Unit::ALL.map(|(name, _)| name));
                let near = near.map_or_else(String::new, |n| format!("; did you mean '{n}'?"));
                let all = Unit::ALL.map(|(name, _)| name).join(", ");
                return wrong(format!("'{word}' is no unit{near} (units: {all})"));
            }
        }
    }
    Ok((count.unwrap_or(1), unit.unwrap_or(Unit::Step)))
}

fn goto(rest: &str) -> Result<Command, DebugError> {
    let mut words = rest.split_whitespace();
    let Some(Ok(step)) = words.next().map(str::parse) else {
        return wrong("goto which step? Such as: goto 30, or: goto 30 plasticity");
    };
    let phase = match words.next() {
        None => None,
        Some(word) => match Phase::ALL.iter().find(|phase| phase.name() == word) {
            Some(phase) => Some(*phase),
            None => {
                let near = did_you_mean(word, Phase::ALL.map(Phase::name));
                let near = near.map_or_else(String::new, |n| format!("; did you mean '{n}'?"));
                let all = Phase::ALL.map(Phase::name).join(", ");
                return wrong(format!("'{word}' is no phase{near} (phases: {all})"));
            }
        },
    };
    match words.next() {
        None => Ok(Command::Goto(step, phase)),
        Some(word) => wrong(format!("'{word}' is too much; write: goto 30 plasticity")),
    }
}

/// Targets are apart by spaces, which may also stand inside of brackets.
fn targets(rest: &str) -> Vec<String> {
    let mut list = vec![String::new()];
    let mut depth = 0usize;
    for c in rest.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match list.last_mut() {
            Some(last) if !(depth == 0 && (c.is_whitespace() || c == ',')) => last.push(c),
            _ => list.push(String::new()),
        }
    }
    list.retain(|name| !name.is_empty());
    list
}

fn breakpoint(rest: &str) -> Result<Break, DebugError> {
    const KINDS: [&str; 6] = ["spike", "saturation", "at", "line", "rule", "step"];
    let (kind, rest) = match rest.split_once(char::is_whitespace).unwrap_or((rest, "")) {
        // `model.ron:12` is a line, with or without the word in front of it.
        (word, _) if word.contains(':') => ("line", rest),
        (word, more) => (word, more.trim()),
    };
    // ` for 2->5` at the end.
    let (place, synapse) = match rest.rsplit_once(" for ") {
        Some((place, lanes)) => {
            let lanes = lanes.trim().trim_start_matches('[').trim_end_matches(']');
            let pair = lanes.split_once("->");
            let pair = pair.map(|(pre, post)| (pre.trim().parse(), post.trim().parse()));
            match pair {
                Some((Ok(pre), Ok(post))) => (place.trim(), Some((pre, post))),
                _ => return wrong(format!("'{lanes}' is no synapse; write: for 2->5")),
            }
        }
        None => (rest, None),
    };
    let synapse_allowed = matches!(kind, "at" | "line" | "rule");
    if synapse.is_some() && !synapse_allowed {
        return wrong("`for` goes with the breakpoints `at`, `line` and `rule`");
    }
    match kind {
        "spike" if !rest.is_empty() => Ok(Break::Spike(rest.to_owned())),
        "spike" => wrong("the spike of what? Such as: break spike hidden[3]"),
        "saturation" => Ok(Break::Saturation((!rest.is_empty()).then(|| rest.to_owned()))),
        "at" => {
            let parts = place.split_once(':');
            let parts = parts.map(|(core, word)| (core.trim().parse(), word.trim().parse()));
            match parts {
                Some((Ok(core), Ok(word))) => Ok(Break::At { core, word, synapse }),
                _ => wrong("at which address? Core and word, such as: break at 0:4"),
            }
        }
        "line" => match place.rsplit_once(':').map(|(file, line)| (file, line.parse())) {
            Some((file, Ok(line))) => Ok(Break::Line { file: file.to_owned(), line, synapse }),
            _ => wrong("which line? Such as: break line credit.kern:16"),
        },
        "rule" if !place.is_empty() => Ok(Break::Rule { name: place.to_owned(), synapse }),
        "rule" => wrong("which rule? Such as: break rule stdp"),
        "step" => match rest.parse() {
            Ok(step) => Ok(Break::Step(step)),
            Err(_) => wrong("which step? Such as: break step 30"),
        },
        other => {
            let near = did_you_mean(other, KINDS);
            let near = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
            let what = if other.is_empty() {
                "break at what?".to_owned()
            } else {
                format!("'{other}' is nothing to stop at{near}")
            };
            wrong(format!("{what} (kinds: {})", KINDS.join(", ")))
        }
    }
}

fn watch(rest: &str) -> Result<Command, DebugError> {
    if let Some((target, value)) = rest.split_once(" crosses ") {
        let value = number(value.trim())?;
        return Ok(Command::Watch(target.trim().to_owned(), Wait::Crosses(value)));
    }
    if operator(rest).is_some() {
        let Comparison { target, compare, value, raw } = comparison(rest)?;
        if raw {
            return wrong("a watchpoint compares values in the author's unit");
        }
        return Ok(Command::Watch(target, Wait::Becomes(compare, value)));
    }
    match rest {
        "" => wrong("watch what? Such as: watch policy.w[2->5]"),
        name => Ok(Command::Watch(name.to_owned(), Wait::Change)),
    }
}

/// Position of a comparison's sign, outside of brackets.
fn operator(text: &str) -> Option<(usize, &'static str, Compare)> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            let found = Compare::ALL.iter().find(|(sign, _)| text[at..].starts_with(sign));
            if let Some((sign, compare)) = found {
                return Some((at, sign, *compare));
            }
        }
    }
    None
}

fn comparison(rest: &str) -> Result<Comparison, DebugError> {
    let Some((at, sign, compare)) = operator(rest) else {
        return wrong("compare with what? Such as: expect hidden.v[3] == 0.5");
    };
    let (target, value) = (rest[..at].trim(), rest[at + sign.len()..].trim());
    let (value, raw) = match value.strip_suffix("raw") {
        Some(value) => (value.trim(), true),
        None => (value, false),
    };
    Ok(Comparison { target: target.to_owned(), compare, value: number(value)?, raw })
}

fn number(text: &str) -> Result<f64, DebugError> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => wrong(format!("'{text}' is no number")),
    }
}

fn set(rest: &str) -> Result<Command, DebugError> {
    let Some((target, values)) = rest.split_once('=') else {
        return wrong("set what to what? Such as: set policy.w[2->5] = 0.25");
    };
    let values = values.trim();
    let (values, raw) = match values.strip_suffix("raw") {
        Some(values) => (values, true),
        None => (values, false),
    };
    let words = values.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let values: Vec<f64> = words.map(number).collect::<Result<_, _>>()?;
    if values.is_empty() {
        return wrong("set it to what? Such as: set policy.w[2->5] = 0.25");
    }
    Ok(Command::Set { target: target.trim().to_owned(), values, raw })
}

fn reset(rest: &str) -> Result<Command, DebugError> {
    const GROUPS: [(&str, Reset); 4] = [
        ("membrane", Reset::Membrane),
        ("traces", Reset::Traces),
        ("modulators", Reset::Modulators),
        ("weights", Reset::Weights),
    ];
    let mut groups = Vec::new();
    for word in rest.split_whitespace() {
        match GROUPS.iter().find(|(name, _)| *name == word) {
            Some((_, group)) => groups.push(*group),
            None if word == "all" => groups.extend(Reset::ALL),
            None => {
                let all = GROUPS.map(|(name, _)| name);
                let near = did_you_mean(word, all);
                let near = near.map_or_else(String::new, |n| format!("; did you mean '{n}'?"));
                return wrong(format!(
                    "'{word}' is no group of states{near} (groups: {}, all)",
                    all.join(", ")
                ));
            }
        }
    }
    if groups.is_empty() {
        return wrong("reset what? Such as: reset membrane traces");
    }
    Ok(Command::Reset(groups))
}
