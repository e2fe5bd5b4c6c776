//! No byte of a file is without effect: any change and any cut is an error, never a panic.

mod common;

use common::{Shape, short_image};
use trifactor_image::{ImageError, elf};

fn file() -> Vec<u8> {
    elf::write(&short_image(&Shape::small())).unwrap()
}

#[test]
fn a_flip_of_any_byte_is_refused() {
    let mut bytes = file();
    assert!(elf::read(&bytes).is_ok());
    for at in 0..bytes.len() {
        // One bit, a different one from byte to byte, and all bits.
        for mask in [1 << (at % 8), 0xff] {
            bytes[at] ^= mask;
            assert!(elf::read(&bytes).is_err(), "byte {at:#x} xor {mask:#x} was not noticed");
            bytes[at] ^= mask;
        }
    }
    assert!(elf::read(&bytes).is_ok());
}

#[test]
fn a_file_cut_at_any_length_is_refused() {
    let bytes = file();
    for length in 0..bytes.len() {
        assert!(elf::read(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn a_byte_behind_the_end_is_refused() {
    let mut bytes = file();
    bytes.push(0);
    assert!(matches!(elf::read(&bytes), Err(ImageError::Digest { .. })));
}

/// With the digest made right again, the checks behind it see the damage: they must not panic,
/// and what they accept must be an image that can be written.
#[test]
fn a_resealed_flip_of_any_byte_is_refused_or_a_valid_image() {
    let mut bytes = file();
    let digest = 64 + 12 + 12..64 + 12 + 12 + 32;
    let mut accepted = 0;
    for at in (0..bytes.len()).filter(|at| !digest.contains(at)) {
        for mask in [1u8 << (at % 8), 0xff] {
            bytes[at] ^= mask;
            let kept: Vec<u8> = bytes[digest.clone()].to_vec();
            bytes[digest.clone()].fill(0);
            let new = blake3::hash(&bytes);
            bytes[digest.clone()].copy_from_slice(new.as_bytes());
            if let Ok(image) = elf::read(&bytes) {
                accepted += 1;
                assert!(elf::write(&image).is_ok());
            }
            bytes[digest.clone()].copy_from_slice(&kept);
            bytes[at] ^= mask;
        }
    }
    assert!(accepted > 0, "no reseal worked: the digest is not where this test looks for it");
}

#[test]
fn errors_say_what_was_damaged_and_the_way_out() {
    let message = |bytes: &[u8]| elf::read(bytes).unwrap_err().to_string();
    let good = file();
    assert!(message(b"").starts_with("not a chip image: it does not begin with the mark"));
    assert!(message(&good[..40]).contains("it ends inside the ELF header"));
    assert!(message(&good[..1000]).contains("not a chip image"));
    let mut other = good.clone();
    other[18..20].copy_from_slice(&62u16.to_le_bytes());
    assert!(message(&other).contains("an ELF file for machine 0x3e, not 0x6674"));
    let mut flipped = good.clone();
    flipped[2000] ^= 4;
    assert!(message(&flipped).contains("damaged or edited after it was written"));
    assert!(message(&flipped).contains("recompile the model"));
    // The version is the second entry of the note, behind the 56 bytes of the digest's.
    let mut newer = good.clone();
    newer[64 + 56 + 24] = 9;
    assert!(message(&newer).contains("format version 9, this program reads version 3"));
}
