//! docs/tutorial.md as a reader follows it: every file written, every command called, in order.
//!
//! A line with a path in backticks before a fenced block names a file; a `console` block holds
//! commands on lines that begin with `$ `, the rest of it is their output.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a reader does next.
#[derive(PartialEq, Debug)]
enum Act {
    /// Write this file with this content.
    File(String, String),
    /// Call this; these lines of output are shown.
    Call(String, Vec<String>),
}

/// The acts of a page, in order.
fn acts(page: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut lines = page.lines();
    let mut before = "";
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            before = line;
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
        let named = before.strip_prefix('`').and_then(|l| l.strip_suffix('`'));
        if let Some(path) = named.filter(|p| !p.contains('`')) {
            acts.push(Act::File(path.to_owned(), block.join("\n") + "\n"));
        } else if kind == "console" {
            for line in block {
                if let Some(call) = line.strip_prefix("$ ") {
                    acts.push(Act::Call(call.to_owned(), Vec::new()));
                } else if let Some(Act::Call(_, shown)) = acts.last_mut() {
                    shown.push(line.to_owned());
                }
            }
        }
        before = "";
    }
    acts
}

/// Calls a line through the shell, with the program that was just built as `trifactor`.
fn call(line: &str, folder: &Path) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_trifactor"));
    let place = program.parent().expect("a program lies in a folder").to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(place).chain(std::env::split_paths(&others));
    let paths = std::env::join_paths(paths).expect("paths that were together before");
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(folder).stdin(Stdio::null());
    shell.env("PATH", paths).env_remove("RUST_BACKTRACE").output().expect("there is a shell")
}

/// The same, for what must succeed. Returns what was printed.
#[track_caller]
fn succeed(line: &str, folder: &Path) -> String {
    let output = call(line, folder);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "$ {line}\n--- out\n{out}\n--- err\n{err}");
    out
}

/// Letters and numbers of a line.
fn parts(line: &str) -> (String, Vec<f64>) {
    let letters = line.chars().filter(|c| c.is_alphabetic()).collect();
    let numbers = line.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    (letters, numbers.filter_map(|n| n.parse().ok()).collect())
}

/// Whether a printed line is the one that is shown. What is measured follows the episodes, which
/// another version of Python may draw otherwise: a tenth off, or one point, is the same line.
fn alike(shown: &str, printed: &str) -> bool {
    let ((words, shown), (others, printed)) = (parts(shown), parts(printed));
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= (0.1 * a.max(*b)).max(1.0);
    words == others && shown.len() == printed.len() && shown.iter().zip(&printed).all(close)
}

/// The last accuracy in a run's `evaluation.csv`.
#[track_caller]
fn measured(path: &Path) -> f64 {
    let table = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut rows = table.lines();
    let head = rows.next().expect("a header");
    let column = head.split(',').position(|c| c == "accuracy").expect("a column 'accuracy'");
    let last = rows.last().expect("a measurement");
    last.split(',').nth(column).and_then(|c| c.parse().ok()).expect("a number")
}

#[test]
fn the_tutorial_works_as_written() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    if !call("python3 --version", folder).status.success() {
        // Past the capture of test output: nobody should take this for a success.
        let _ =
            writeln!(std::io::stderr(), "skipped: the tutorial needs python3, which is missing");
        return;
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tutorial.md");
    let acts = acts(&fs::read_to_string(page).expect("the tutorial"));
    let mut files = Vec::new();
    let mut calls = Vec::new();
    for act in acts {
        match act {
            Act::File(path, content) => {
                let whole = folder.join(&path);
                fs::create_dir_all(whole.parent().expect("a file")).expect("a folder");
                fs::write(whole, content).expect("a file");
                files.push(path);
            }
            Act::Call(line, shown) => {
                let printed = succeed(&line, folder);
                // What follows from the model alone is shown as it is.
                let exact = ["check", "compile"].map(|c| format!("trifactor {c} "));
                let exact = exact.iter().any(|c| line.starts_with(c));
                for shown in shown {
                    let same = |l: &str| if exact { l == shown } else { alike(&shown, l) };
                    assert!(printed.lines().any(same), "'{shown}' is not printed, but\n{printed}");
                }
                calls.push(line);
            }
        }
    }
    assert_eq!(
        files,
        ["lamps/episodes.py", "lamps/model.ron", "lamps/rule.kern", "lamps/train.ron"]
    );
    for command in ["check", "train", "evaluate", "compile", "disasm", "quantise", "tune"] {
        let part = format!("trifactor {command} ");
        assert!(calls.iter().any(|c| c.starts_with(&part)), "{command} is not called");
    }

    let (learned, control) = (
        measured(&folder.join("lamps/run/evaluation.csv")),
        measured(&folder.join("lamps/control/evaluation.csv")),
    );
    assert!(learned > 0.85, "the trained net reaches {learned}");
    assert!((0.35..0.65).contains(&control), "the control reaches {control}");
    let json: serde_json::Value =
        serde_json::from_str(&succeed("trifactor evaluate lamps --json", folder)).expect("JSON");
    let share = |name: &str| json["accuracy"][name].as_f64().expect(name);
    assert!((share("float") - learned).abs() < 0.01, "{json:#}");
    assert!((share("chip") - share("float")).abs() < 0.04, "{json:#}");
    assert!((0.35..0.65).contains(&share("rates_zero")), "{json:#}");
}

#[test]
fn shown_lines_have_the_same_words_and_nearly_the_same_numbers() {
    assert!(alike("float  98.9 [98.3, 99.3]", "float 98.5 [97.9, 99.0]"));
    assert!(alike("an episode: 92 steps, 124.6 us", "an episode: 92 steps, 125.1 us"));
    for other in ["float 88.9 [98.3, 99.3]", "chip 98.9 [98.3, 99.3]", "float 98.9"] {
        assert!(!alike("float  98.9 [98.3, 99.3]", other), "{other}");
    }
    // The margin is a tenth of the larger one, and at least 1.
    assert!(alike("n 20", "n 22") && !alike("n 20", "n 23") && alike("n 1", "n 2"));
}

#[test]
fn files_and_commands_are_told_from_output() {
    let page = "text\n\n`a/b.py`\n```python\nx = 1\n```\n`no file`, but\n```text\nshown\n```\n\
                ```console\n$ one | two\nprinted\n$ three\n```\n";
    let expected = [
        Act::File("a/b.py".to_owned(), "x = 1\n".to_owned()),
        Act::Call("one | two".to_owned(), vec!["printed".to_owned()]),
        Act::Call("three".to_owned(), Vec::new()),
    ];
    assert_eq!(acts(page), expected);
}
