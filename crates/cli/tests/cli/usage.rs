//! What every command has in common.

use crate::models::{PAIR, Place};
use std::process::Stdio;

const COMMANDS: [&str; 15] = [
    "check",
    "compile",
    "run",
    "train",
    "evaluate",
    "quantise",
    "tune",
    "reproduce",
    "dump",
    "disasm",
    "debug",
    "rtl-check",
    "conformance",
    "explain",
    "verify",
];

#[test]
fn the_help_of_every_command_has_an_example_of_it() {
    let place = Place::new();
    for command in COMMANDS {
        let help = place.call(&[command, "--help"]).expect_code(0);
        let example = format!("Examples:\n  trifactor {command}");
        help.expect_printed(&[&example]);
    }
}

#[test]
fn the_first_help_names_every_command_and_the_exit_codes() {
    let help = Place::new().call(&["--help"]).expect_code(0);
    let help = help.expect_printed(&["Exit codes: 0", "docs/semantics.md"]);
    for command in COMMANDS {
        assert!(help.out.contains(&format!("trifactor {command}")), "{command}");
    }
}

#[test]
fn examples_name_models_that_are_part_of_the_repository() {
    let place = Place::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seen = 0;
    for command in COMMANDS {
        let help = place.call(&[command, "--help"]).out;
        for word in help.split_whitespace().filter(|w| w.starts_with("firmware-models/")) {
            assert!(root.join(word).join("model.ron").is_file(), "{word}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn a_command_with_a_slip_is_answered_with_the_nearest_one() {
    let place = Place::new();
    place.call(&["chek", "m"]).expect_code(2).expect_said(&["'chek'", "'check'"]);
    place.call(&["check", "m", "--chp", "large"]).expect_code(2).expect_said(&["'--chip'"]);
    place.call(&[]).expect_code(2).expect_said(&["Usage: trifactor"]);
}

#[test]
fn the_version_is_a_result() {
    let shown = Place::new().call(&["--version"]).expect_code(0);
    assert_eq!(shown.out, format!("trifactor {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn quiet_keeps_errors_and_drops_everything_else_on_standard_error() {
    let place = Place::with_model(PAIR);
    let fine = place.call(&["compile", "m", "-o", "a.elf", "--quiet"]).expect_code(0);
    assert_eq!(fine.err, "");
    assert!(!fine.out.is_empty());
    place.call(&["check", "nowhere", "-q"]).expect_code(1).expect_said(&["error"]);
}

#[test]
fn a_reader_that_goes_away_early_is_no_failure() {
    // Twice as long as a pipe holds, so that the program must notice.
    let weights = vec!["0.123456789"; 12_000].join(",");
    let model = format!(
        r#"(name: "long", inputs: {{ "a": (n: 120) }},
            populations: {{ "b": (n: 100, keep_u: 0.0, keep_v: 0.5, threshold: 1.0) }},
            projections: {{ "ab": (pre: "a", post: "b", connect: AllToAll, weights: [{weights}]) }})"#
    );
    let place = Place::with_model(&model);
    let whole = place.call(&["dump", "m", "--stage", "ir"]).expect_code(0);
    assert!(whole.out.len() > 128 * 1024, "{}", whole.out.len());
    let mut command = place.command(&["dump", "m", "--stage", "ir"]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("it exists on Linux");
    let place = Place::new();
    let output =
        place.command(&["explain", "superset"]).stdout(full).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("error: standard output: "), "{said}");
}
