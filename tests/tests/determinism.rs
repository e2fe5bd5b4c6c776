//! The same model gives the same bytes, the standard tools read them, and what was made for
//! something else is refused.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use trifactor_emu::{Emulator, Options};
use trifactor_image::{Image, ImageError, elf};
use trifactor_isa::Chip;
use trifactor_lab::{find_chip, prepare};
use trifactor_model::{Model, load};

const MODELS: [&str; 3] = ["pair-stdp", "three-factor", "one-shot-prototypes"];

fn model(name: &str) -> Model {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../firmware-models").join(name);
    load(&folder).unwrap_or_else(|d| panic!("{name}: {d}"))
}

fn image_of(model: &Model) -> Image {
    let chip = find_chip(&model.chip).unwrap_or_else(|d| panic!("{d}"));
    prepare(model, chip).unwrap_or_else(|d| panic!("{}: {d}", model.name)).compiled.image
}

fn bytes(name: &str) -> Vec<u8> {
    elf::write(&image_of(&model(name))).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The images of all models, in their order.
fn images() -> &'static [Vec<u8>] {
    static IMAGES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    IMAGES.get_or_init(|| MODELS.iter().map(|name| bytes(name)).collect())
}

#[test]
fn the_same_model_gives_the_same_bytes_in_any_order_and_on_any_thread() {
    let first = images();
    let turned = |by: usize| -> Vec<(usize, Vec<u8>)> {
        (0..MODELS.len()).map(|k| (k + by) % MODELS.len()).map(|k| (k, bytes(MODELS[k]))).collect()
    };
    let again: Vec<(usize, Vec<u8>)> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            [2, 1].map(|by| scope.spawn(move || turned(by))).into_iter().collect();
        threads.into_iter().flat_map(|t| t.join().expect("no thread panics")).collect()
    });
    for (k, bytes) in again {
        assert!(bytes == first[k], "{} was compiled to other bytes", MODELS[k]);
    }
}

#[test]
fn what_is_read_is_what_was_written() {
    for (name, bytes) in MODELS.iter().zip(images()) {
        let image = elf::read(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(elf::write(&image).expect("it was read") == *bytes, "{name}");
    }
}

#[test]
fn the_standard_tools_have_nothing_to_say_about_the_images() {
    for (name, bytes) in MODELS.iter().zip(images()) {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.elf"));
        std::fs::write(&path, bytes).expect("the file can be written");
        for (tool, options, expected) in [
            ("readelf", ["-a", "-W"].as_slice(), ".trifactor.map"),
            ("objdump", ["-h"].as_slice(), ".ucode"),
            ("llvm-readelf", ["-a"].as_slice(), ".core0.compartments"),
        ] {
            // A tool that is not installed says nothing either way.
            let Ok(output) = Command::new(tool).args(options).arg(&path).output() else { continue };
            let out = String::from_utf8_lossy(&output.stdout);
            let err = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && err.is_empty(), "{tool} on {name}: {err}");
            assert!(!out.to_lowercase().contains("warning"), "{tool} on {name}: {out}");
            assert!(out.contains(expected), "{tool} on {name} does not show {expected}");
        }
        std::fs::remove_file(&path).expect("the file can be removed");
    }
}

#[test]
fn an_image_whose_plan_hash_was_edited_is_refused() {
    let mut bytes = images()[0].clone();
    let image = elf::read(&bytes).expect("it was written");
    let hash = image.meta.plan_hash.as_bytes();
    let at = bytes.windows(hash.len()).position(|w| w == hash).expect("the note has it");
    let other = elf::read(&images()[1]).expect("it was written").meta.plan_hash;
    bytes[at..at + hash.len()].copy_from_slice(other.as_bytes());
    assert!(matches!(elf::read(&bytes), Err(ImageError::Digest { .. })));
}

#[test]
fn an_image_with_the_chip_of_another_is_refused() {
    let mut image = image_of(&model("pair-stdp"));
    image.meta.chip = Chip::builtin("large").expect("built in").canonical();
    match elf::write(&image) {
        Err(ImageError::Hash { what, .. }) => assert_eq!(what, "chip description"),
        other => panic!("{:?}", other.map(|b| b.len())),
    }
    let mut image = image_of(&model("pair-stdp"));
    image.meta.isa_hash.replace_range(..4, "0000");
    match elf::write(&image) {
        Err(ImageError::Hash { what, .. }) => assert_eq!(what, "instruction table"),
        other => panic!("{:?}", other.map(|b| b.len())),
    }
}

#[test]
fn a_checkpoint_of_the_same_model_under_another_plan_is_refused() {
    let first = model("pair-stdp");
    let mut second = first.clone();
    second.formats.clear();
    let (first, second) = (image_of(&first), image_of(&second));
    assert_eq!(first.meta.model_hash, second.meta.model_hash, "formats are no dynamics");
    assert_ne!(first.meta.plan_hash, second.meta.plan_hash);
    let load = |image| Emulator::load(image, Options::default()).unwrap_or_else(|e| panic!("{e}"));
    let (mut a, mut b) = (load(&first), load(&second));
    a.step(&[]).expect("a step");
    let saved = a.save();
    let before = b.save();
    let refusal = b.restore(&saved).expect_err("another plan").to_string();
    assert!(refusal.contains("it was taken from another image"), "{refusal}");
    assert!(b.save() == before, "a refused checkpoint changes nothing");
    a.restore(&saved).expect("its own");
}

#[test]
fn a_checkpoint_of_another_model_is_refused() {
    let emulator = |k: usize| {
        let image = elf::read(&images()[k]).expect("it was written");
        Emulator::load(&image, Options::default()).unwrap_or_else(|e| panic!("{e}"))
    };
    let (a, mut b) = (emulator(0), emulator(1));
    assert!(b.restore(&a.save()).is_err());
}
