//! How a chip is found, and what is said when it is not.

use std::path::PathBuf;
use trifactor_diag::{Diagnostic, Severity};
use trifactor_isa::Chip;
use trifactor_lab::find_chip;

#[track_caller]
fn refused(name: &str, code: &str) -> Diagnostic {
    let found = find_chip(name).expect_err("there is no such chip");
    let all: Vec<&Diagnostic> = found.iter().collect();
    let [one] = all.as_slice() else { panic!("not one finding but {all:#?}") };
    assert_eq!((one.severity, one.code), (Severity::Error, code));
    assert!(one.hint.is_some(), "{one} has no way out");
    (*one).clone()
}

#[test]
fn built_in_chips_are_found_by_name() {
    for name in Chip::builtin_names() {
        assert_eq!(find_chip(name).map(|c| c.name).as_deref(), Ok(name));
    }
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_and_with_all() {
    let d = refused("supersett", "C040");
    assert_eq!(d.message, "there is no chip 'supersett'");
    let hint = d.hint.unwrap_or_default();
    assert!(hint.starts_with("did you mean 'superset'? "), "{hint}");
    for name in Chip::builtin_names() {
        assert!(hint.contains(name), "{hint}");
    }
}

fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("chip.ron");
    std::fs::write(&path, text).expect("a file");
    path
}

#[test]
fn a_chip_file_is_read_from_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = Chip::builtin_text("superset").expect("built in");
    let path = file(&folder, &text.replace("name: \"superset\"", "name: \"mine\""));
    let chip = find_chip(&path.to_string_lossy()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(chip.name, "mine");
}

#[test]
fn a_chip_file_that_cannot_be_used_is_refused_with_the_key_at_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = Chip::builtin_text("superset").expect("built in");
    let missing = folder.path().join("none.ron");
    let d = refused(&missing.to_string_lossy(), "C041");
    assert!(d.message.starts_with("cannot be read: "), "{}", d.message);

    let path = file(&folder, &text.replace("compartments: 1024", "compartmnts: 1024"));
    let d = refused(&path.to_string_lossy(), "C041");
    assert!(d.message.contains("compartmnts"), "{}", d.message);
    assert_eq!(d.place.file.as_deref(), Some(&*path.to_string_lossy()));

    let path = file(&folder, &text.replace("epoch_max: 63", "epoch_max: 64"));
    let d = refused(&path.to_string_lossy(), "C041");
    assert!(
        d.message.contains("core.epoch_max") && d.message.contains("64 is not in 1 to 63"),
        "{}",
        d.message
    );

    let path = file(&folder, &" ".repeat((1 << 20) + 1));
    let d = refused(&path.to_string_lossy(), "C041");
    assert!(d.message.contains("1048576"), "{}", d.message);
}
