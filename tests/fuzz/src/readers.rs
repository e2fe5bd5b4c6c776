//! What each reader has to withstand. Every function says whether the input was accepted.

use crate::scratch;
use std::str::from_utf8;
use trifactor_diag::{Diagnostics, Place};
use trifactor_emu::{Emulator, Options};
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
fn explained(found: &Diagnostics) -> bool {
    let text = found.to_string();
    assert!(text.contains("error"), "refused without an error: {text:?}");
    false
}

/// The same for a single message.
fn said(message: &impl ToString) -> bool {
    assert!(!message.to_string().is_empty(), "refused without a word");
    false
}

/// `model.ron`, beside every kernel that ships.
pub fn model(bytes: &[u8]) -> bool {
    scratch::with(|folder| {
        scratch::write(folder, "model.ron", bytes);
        match trifactor_model::load_with(folder, &Params::Initial) {
            Ok(model) => {
                drop(model.warnings.to_string());
                true
            }
            Err(found) => explained(&found),
        }
    })
}

/// `.kern` files: what is understood is printed, and the print means the same.
pub fn kernel(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match parse_kernels(text, "fuzz.kern") {
        Err(found) => explained(&found),
        Ok(kernels) => {
            for kernel in kernels {
                let printed = print_kernel(&kernel);
                let again = parse_kernel(&printed, "printed.kern")
                    .unwrap_or_else(|e| panic!("{printed}\nis printed and not understood: {e}"));
                assert_eq!(again, kernel, "{printed}");
            }
            true
        }
    }
}

/// Networks in text form: as kernels.
pub fn network(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match parse_network(text, "fuzz.net") {
        Err(found) => explained(&found),
        Ok(network) => {
            let printed = print_network(&network);
            let again = parse_network(&printed, "printed.net")
                .unwrap_or_else(|e| panic!("{printed}\nis printed and not understood: {e}"));
            assert_eq!(print_network(&again), printed);
            match trifactor_ir::verify(network) {
                Ok(_) => true,
                Err(found) => explained(&found),
            }
        }
    }
}

/// Rules written as sums of products.
pub fn rule(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match parse_products(text, &Place::at_key("rules.fuzz.dw")) {
        Ok(_) => true,
        Err(found) => explained(&found),
    }
}

/// `train.ron`: what is understood is printed, and the print means the same.
pub fn settings(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match Settings::parse(text) {
        Err(error) => said(&error),
        Ok(settings) => {
            let printed = settings.print();
            let again = Settings::parse(&printed)
                .unwrap_or_else(|e| panic!("{printed}\nis printed and not understood: {e}"));
            assert_eq!(again.print(), printed);
            true
        }
    }
}

/// Chip files.
pub fn chip(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match Chip::parse(text) {
        Err(error) => said(&error),
        Ok(chip) => {
            assert!(Chip::parse(text).is_ok_and(|again| again.hash() == chip.hash()));
            true
        }
    }
}

/// Images: what is read is written to the same image, and what can be loaded can be stepped. A
/// file with a note gets its digest anew, or nothing behind the digest would ever be reached.
pub fn image(bytes: &[u8]) -> bool {
    let raw = elf::read(bytes).is_ok();
    let mut sealed = bytes.to_vec();
    let bytes = match elf::reseal(&mut sealed) {
        Ok(()) => sealed.as_slice(),
        Err(_) => bytes,
    };
    assert!(!raw || elf::read(bytes).is_ok(), "a new digest spoils a good image");
    let image = match elf::read(bytes) {
        Ok(image) => image,
        Err(error) => return said(&error),
    };
    let written = elf::write(&image).expect("an image that was read can be written");
    assert_eq!(elf::read(&written).expect("a written image can be read"), image);
    match Emulator::load(&image, Options::default()) {
        Err(error) => said(&error),
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
                    return said(&error);
                }
            }
            true
        }
    }
}

/// `params.safetensors` of a shipped model.
pub fn parameters(bytes: &[u8]) -> bool {
    scratch::with(|folder| {
        scratch::write(folder, "model.ron", crate::seeds::trained_model());
        let path = scratch::write(folder, "fuzz.safetensors", bytes);
        match trifactor_model::load_with(folder, &Params::File(path)) {
            Ok(_) => true,
            Err(found) => explained(&found),
        }
    })
}

/// Recorded outputs of public models.
pub fn vector(bytes: &[u8]) -> bool {
    scratch::with(|folder| {
        let path = scratch::write(folder, "fuzz.json", bytes);
        match trifactor_conform::run(&path) {
            Ok(report) => {
                drop(report.to_string());
                report.failed() == 0
            }
            Err(error) => said(&error),
        }
    })
}

/// IDX arrays, packed or plain.
pub fn idx(bytes: &[u8]) -> bool {
    match parse_idx("fuzz.idx", bytes, ARRAY_LIMIT) {
        Ok(_) => true,
        Err(error) => said(&error),
    }
}

/// NumPy arrays: as many elements as the shape says.
pub fn npy(bytes: &[u8]) -> bool {
    match parse_npy("fuzz.npy", bytes) {
        Ok(array) => {
            assert_eq!(array.shape.iter().product::<usize>(), array.values.len());
            true
        }
        Err(error) => said(&error),
    }
}
