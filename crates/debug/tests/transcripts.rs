//! Sessions as people see them: the transcripts of `transcripts/` and of `docs/debugging.md` are
//! what the program says. `BLESS=1` writes them anew.

mod common;

use common::{root, session};
use std::fs;
use trifactor_debug::COMMANDS;

/// What a script shows: every command behind `> `, and its answer.
fn transcript(model: &str, commands: impl Iterator<Item = String>) -> Vec<String> {
    let mut session = session(model);
    let mut shown = Vec::new();
    for command in commands {
        shown.push(format!("> {command}"));
        let answer = match session.execute(&command) {
            Ok(answer) => answer.text,
            Err(e) => format!("error: {e}"),
        };
        shown.extend(answer.lines().map(str::to_owned));
    }
    shown
}

fn commands(lines: &[&str]) -> Vec<String> {
    lines.iter().filter_map(|line| line.strip_prefix("> ")).map(str::to_owned).collect()
}

fn bless() -> bool {
    std::env::var_os("BLESS").is_some_and(|v| v == "1")
}

#[track_caller]
fn same(name: &str, path: &std::path::Path, old: &str, new: &str) {
    if old == new {
        return;
    }
    if bless() {
        fs::write(path, new).unwrap_or_else(|e| panic!("{name}: {e}"));
        return;
    }
    let differs = old.lines().zip(new.lines()).enumerate().find(|(_, (a, b))| a != b);
    let (line, (old, new)) = differs.unwrap_or((old.lines().count(), ("the end", "more")));
    panic!("{name}:{}: BLESS=1 writes it anew\n  file {old}\n  now  {new}", line + 1);
}

#[test]
fn scripts_say_what_their_transcripts_say() {
    let folder = root().join("crates/debug/tests/transcripts");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("a folder of transcripts")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.sort();
    assert!(names.len() >= 3, "{names:?}");
    for path in names {
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).expect("a transcript");
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let model = first.strip_prefix("model ").unwrap_or_else(|| panic!("{name}: no model"));
        let lines: Vec<&str> = lines.collect();
        let shown = transcript(model, commands(&lines).into_iter());
        let new = format!("{first}\n{}\n", shown.join("\n"));
        same(&name, &path, &text, &new);
    }
}

#[test]
fn the_manual_shows_what_the_program_says() {
    let path = root().join("docs/debugging.md");
    let old = fs::read_to_string(&path).expect("the manual");
    let mut new = Vec::new();
    let mut lines = old.lines();
    let mut sessions = 0;
    while let Some(line) = lines.next() {
        new.push(line.to_owned());
        if line == "<!-- commands: begin, written by the test `transcripts` of crates/debug -->" {
            lines.by_ref().find(|l| *l == "<!-- commands: end -->").expect("an end of the table");
            new.extend(table());
            new.push("<!-- commands: end -->".to_owned());
        }
        if line != "```console" {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
        let call = block.first().copied().unwrap_or_default();
        match call.strip_prefix("$ trifactor debug ").and_then(|c| c.split(' ').next()) {
            Some(model) if block.iter().any(|l| l.starts_with("> ")) => {
                sessions += 1;
                new.push(call.to_owned());
                new.extend(transcript(model, commands(&block).into_iter()));
            }
            _ => new.extend(block.iter().map(|l| (*l).to_owned())),
        }
        new.push("```".to_owned());
    }
    assert!(sessions >= 2, "the manual shows {sessions} sessions");
    same("docs/debugging.md", &path, &old, &format!("{}\n", new.join("\n")));
}

/// The table of commands.
fn table() -> Vec<String> {
    let mut rows = vec![String::new(), "| command | does |".to_owned(), "|---|---|".to_owned()];
    for c in COMMANDS {
        let short = c.short.map_or_else(String::new, |short| format!(", `{short}`"));
        let arguments = c.arguments.replace('|', "\\|");
        let arguments = if arguments.is_empty() { arguments } else { format!(" `{arguments}`") };
        rows.push(format!("| `{}`{short}{arguments} | {} |", c.name, c.brief));
    }
    rows.push(String::new());
    rows
}
