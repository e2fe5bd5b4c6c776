//! A model that is printed reads as the same model.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use trifactor_model::{parse_model, print_model};

fn shipped() -> Vec<PathBuf> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware-models");
    let entries = fs::read_dir(models).expect("models ship");
    let folders = entries.map(|e| e.expect("the folder can be read").path());
    folders.map(|f| f.join("model.ron")).filter(|f| f.is_file()).collect()
}

#[test]
fn a_printed_model_reads_as_itself() {
    let mut texts: Vec<(String, String)> = shipped()
        .iter()
        .map(|f| (f.display().to_string(), fs::read_to_string(f).expect("it is text")))
        .collect();
    assert!(texts.len() >= 20, "{} models", texts.len());
    texts.push(("all features".to_owned(), common::FULL.to_owned()));
    for (name, text) in texts {
        let read = parse_model(&text, &name).expect("it is a model");
        let printed = print_model(&read);
        let again = parse_model(&printed, "printed")
            .unwrap_or_else(|found| panic!("{name}: {found:?} in\n{printed}"));
        assert_eq!(again, read, "{name}");
        assert_eq!(print_model(&again), printed, "{name}");
    }
}
