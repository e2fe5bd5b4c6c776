//! The file under the standard ELF tools, where they are installed.

mod common;

use common::{Shape, image};
use std::process::Command;
use trifactor_image::elf;

/// Runs a tool on an image; its output, or `None` where the tool is not installed.
fn run(tool: &str, options: &[&str]) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.elf");
    elf::write_file(&image(&Shape::small()), &path).unwrap();
    let output = Command::new(tool).args(options).arg(&path).output().ok()?;
    let (out, err) = (output.stdout, output.stderr);
    let (out, err) = (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap());
    assert!(output.status.success(), "{tool}: {err}");
    assert_eq!(err, "", "{tool} must have nothing to say");
    assert!(!out.to_lowercase().contains("warning"), "{tool}: {out}");
    Some(out)
}

#[test]
fn readelf_shows_sections_symbols_and_note_without_a_warning() {
    let Some(out) = run("readelf", &["-a", "-W"]) else {
        return;
    };
    for expected in [
        "<unknown>: 0x6674",
        ".core1.compartments",
        ".core4.ucode",
        ".trifactor.map",
        " hid[0..2]",
        " hid[2..3]",
        " err[0..2]",
        " in.ff.x1",
        " stdp",
        "Trifactor",
    ] {
        assert!(out.contains(expected), "'{expected}' is not in:\n{out}");
    }
    // Two compartments of 35 bytes at the start of core 1's table.
    let line = out.lines().find(|line| line.ends_with(" hid[0..2]")).unwrap();
    assert!(line.contains("0000000000000000    70 OBJECT  LOCAL"), "{line}");
}

#[test]
fn objdump_shows_sections_without_a_warning() {
    let Some(out) = run("objdump", &["-h"]) else {
        return;
    };
    assert!(out.contains(".core4.synapses"), "{out}");
}

#[test]
fn llvm_readelf_shows_the_same_without_a_warning() {
    let Some(out) = run("llvm-readelf", &["-a"]) else {
        return;
    };
    assert!(out.contains(".core4.synapses") && out.contains("hid[2..3]"), "{out}");
}
