//! What could stand where a person has begun to type.

use crate::describe::TOPICS;
use crate::help::COMMANDS;
use crate::run::Unit;
use crate::session::Session;
use trifactor_emu::Phase;

impl Session {
    /// The words that could take the place of the last, unfinished one of a line, and where in
    /// the line it begins.
    pub fn complete(&self, line: &str) -> (usize, Vec<String>) {
        let start = line
            .rfind(|c: char| c.is_whitespace() || c == ',')
            .map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
        let (before, word) = line.split_at(start);
        let mut words = before.split_whitespace();
        let command = words.next().and_then(|word| crate::help::find(word).ok());
        let second = words.next();
        let states = || self.names.iter().map(str::to_owned).collect::<Vec<_>>();
        let own = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let populations = |inputs: bool| {
            let all = self.image.map.populations.iter();
            all.filter(|p| !inputs || p.slices.is_empty()).map(|p| p.name.clone()).collect()
        };
        let projections = || {
            let all = (0..self.image.map.projections.len()).filter(|p| self.profile(*p).is_some());
            all.map(|p| self.image.map.projections[p].name.clone()).collect::<Vec<_>>()
        };
        let files = || -> Vec<String> {
            self.image.lines.files.iter().map(|file| format!("{file}:")).collect()
        };
        let list: Vec<String> = match (before.trim().is_empty(), command.map(|c| c.name), second) {
            (true, ..) => COMMANDS.iter().map(|c| c.name.to_owned()).collect(),
            (_, Some("step" | "back"), _) => own(&Unit::ALL.map(|(name, _)| name)),
            (_, Some("goto"), Some(_)) => own(&Phase::ALL.map(Phase::name)),
            (_, Some("info"), None) => own(&TOPICS),
            (_, Some("help"), None) => COMMANDS.iter().map(|c| c.name.to_owned()).collect(),
            (_, Some("list"), None) => projections(),
            (_, Some("fire"), None) => populations(true),
            (_, Some("break"), None) => {
                let kinds = ["spike", "saturation", "at", "line", "rule", "step"];
                own(&kinds).into_iter().chain(files()).collect()
            }
            (_, Some("break"), Some("spike")) => populations(false),
            (_, Some("break"), Some("saturation")) => {
                self.timeline.emulator().saturations().into_iter().map(|s| s.state).collect()
            }
            (_, Some("break"), Some("rule")) => {
                let mut rules: Vec<String> =
                    self.image.map.source.iter().map(|s| s.rule.clone()).collect();
                rules.sort();
                rules.dedup();
                rules
            }
            (_, Some("break"), Some("line")) => files(),
            (_, Some("reset"), _) => own(&["membrane", "traces", "modulators", "weights", "all"]),
            (_, Some("print"), _) => states(),
            (_, Some("watch" | "set" | "expect" | "assert"), None) => states(),
            _ => Vec::new(),
        };
        (start, list.into_iter().filter(|candidate| candidate.starts_with(word)).collect())
    }
}
