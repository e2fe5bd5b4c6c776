//! What each reader has to withstand.

use crate::scratch;
use std::str::from_utf8;
use trifactor_diag::{Diagnostics, Place};
use trifactor_emu::{EmuError, Emulator, Options};
use trifactor_host::Settings;
use trifactor_image::elf;
use trifactor_ir::sop::parse_products;
use trifactor_ir::text::{parse_kernel, parse_kernels, parse_network, print_kernel, print_network};
use trifactor_isa::Chip;
use trifactor_model::Params;
use trifactor_stimulus::{parse_idx, parse_npy};

/// Bytes after which an unpacked array is refused: little, so that the limit is met.
const ARRAY_LIMIT: u64 = 1 << 20;

/// A refusal must have something to say, and saying it must not fail.
fn explained(found: &Diagnostics) {
    let text = found.to_string();
    assert!(text.contains("error"), "refused without an error: {text:?}");
}

/// `model.ron`, beside every kernel that ships.
pub fn model(bytes: &[u8]) {
    scratch::with(|folder| {
        scratch::write(folder, "model.ron", bytes);
        match trifactor_model::load_with(folder, &Params::Initial) {
            Ok(model) => drop(model.warnings.to_string()),
            Err(found) => explained(&found),
        }
    });
}

/// `.kern` files: what is understood is printed, and the print means the same.
pub fn kernel(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    match parse_kernels(text, "fuzz.kern") {
        Err(found) => explained(&found),
        Ok(kernels) => {
            for kernel in kernels {
                let printed = print_kernel(&kernel);
                let again = parse_kernel(&printed, "printed.kern")
                    .unwrap_or_else(|e| panic!("{printed}\nis printed and not understood: {e}"));
                assert_eq!(again, kernel, "{printed}");
            }
        }
    }
}

/// Networks in text form: as kernels.
pub fn network(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    match parse_network(text, "fuzz.net") {
        Err(found) => explained(&found),
        Ok(network) => {
            let printed = print_network(&network);
            let again = parse_network(&printed, "printed.net")
                .unwrap_or_else(|e| panic!("{printed}\nis printed and not understood: {e}"));
            assert_eq!(print_network(&again), printed);
            if let Err(found) = trifactor_ir::verify(network) {
                explained(&found);
            }
        }
    }
}

/// Rules written as sums of products.
pub fn rule(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    if let Err(found) = parse_products(text, &Place::at_key("rules.fuzz.dw")) {
        explained(&found);
    }
}

/// `train.ron`: what is understood is printed, and the print means the same.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    match Settings::parse(text) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(settings) => {
            let printed = settings.print();
            let again = Settings::parse(&printed)
                .unwrap_or_else(|e| panic!("{printed}\nis printed and not understood: {e}"));
            assert_eq!(again.print(), printed);
        }
    }
}

/// Chip files.
pub fn chip(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    match Chip::parse(text) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(chip) => assert_eq!(chip.hash(), chip.hash()),
    }
}

/// Images: what is read is written to the same image, and what can be loaded can be stepped.
pub fn image(bytes: &[u8]) {
    let image = match elf::read(bytes) {
        Ok(image) => image,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written = elf::write(&image).expect("an image that was read can be written");
    assert_eq!(elf::read(&written).expect("a written image can be read"), image);
    match Emulator::load(&image, Options::default()) {
        Err(error) => refused(&error),
        Ok(mut emulator) => {
            for _ in 0..3 {
                let fired: Vec<(usize, Vec<u32>)> = image
                    .map
                    .populations
                    .iter()
                    .enumerate()
                    .filter(|(_, p)| p.slices.is_empty())
                    .map(|(k, p)| (k, (0..p.n.min(8)).collect()))
                    .collect();
                let inputs: Vec<(usize, &[u32])> =
                    fired.iter().map(|(k, lanes)| (*k, lanes.as_slice())).collect();
                if let Err(error) = emulator.step(&inputs) {
                    return refused(&error);
                }
            }
        }
    }
}

fn refused(error: &EmuError) {
    assert!(!error.to_string().is_empty());
}

/// `params.safetensors` of a shipped model.
pub fn parameters(bytes: &[u8]) {
    scratch::with(|folder| {
        scratch::write(folder, "model.ron", crate::seeds::trained_model());
        let path = scratch::write(folder, "fuzz.safetensors", bytes);
        if let Err(found) = trifactor_model::load_with(folder, &Params::File(path)) {
            explained(&found);
        }
    });
}

/// Recorded outputs of public models.
pub fn vector(bytes: &[u8]) {
    scratch::with(|folder| {
        let path = scratch::write(folder, "fuzz.json", bytes);
        match trifactor_conform::run(&path) {
            Ok(report) => drop(report.to_string()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
}

/// IDX arrays, packed or plain.
pub fn idx(bytes: &[u8]) {
    if let Err(error) = parse_idx("fuzz.idx", bytes, ARRAY_LIMIT) {
        assert!(!error.to_string().is_empty());
    }
}

/// NumPy arrays: as many elements as the shape says.
pub fn npy(bytes: &[u8]) {
    match parse_npy("fuzz.npy", bytes) {
        Ok(array) => assert_eq!(array.shape.iter().product::<usize>(), array.values.len()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
