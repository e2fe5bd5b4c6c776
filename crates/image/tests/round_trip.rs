//! What is written is read back, byte for byte and value for value.

mod common;

use common::{Shape, image};
use proptest::prelude::*;
use trifactor_image::{ImageError, LineTable, elf, validate};

fn shapes() -> impl Strategy<Value = Shape> {
    let hidden = proptest::collection::vec(1u32..60, 1..5);
    (1u32..150, hidden, 1u32..10, any::<bool>(), any::<u64>())
        .prop_map(|(n_in, hidden, n_out, dense, seed)| Shape { n_in, hidden, n_out, dense, seed })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn an_image_that_is_written_is_read_back(shape in shapes()) {
        let image = image(&shape);
        let bytes = elf::write(&image).unwrap();
        prop_assert_eq!(elf::read(&bytes).unwrap(), image);
    }

    #[test]
    fn an_image_of_random_bytes_is_an_error(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(elf::read(&bytes).is_err());
        // Past the first checks.
        bytes.splice(..bytes.len().min(20), elf::write(&common::short_image(&Shape::small())).unwrap()[..20].to_vec());
        prop_assert!(elf::read(&bytes).is_err());
    }
}

#[test]
fn an_image_without_lines_has_no_section_for_them() {
    let mut image = image(&Shape::small());
    let named = |bytes: &[u8]| bytes.windows(16).any(|w| w == b".trifactor.lines");
    assert!(named(&elf::write(&image).unwrap()));
    let word = image.lines.words[3];
    let file = &image.lines.files[usize::from(word.file)];
    assert_eq!(image.lines.line_of(word.core, 3), Some((file.as_str(), word.line)));
    assert_eq!(image.lines.line_of(word.core, 10), None);
    image.lines = LineTable::default();
    let bytes = elf::write(&image).unwrap();
    assert!(!named(&bytes));
    assert_eq!(elf::read(&bytes).unwrap(), image);
}

#[test]
fn the_same_image_gives_the_same_bytes() {
    let image = image(&Shape::small());
    assert_eq!(elf::write(&image).unwrap(), elf::write(&image.clone()).unwrap());
}

#[test]
fn an_image_may_be_read_from_any_address() {
    let bytes = elf::write(&image(&Shape::small())).unwrap();
    for shift in 1..8 {
        let mut moved = vec![0; shift];
        moved.extend(&bytes);
        assert!(elf::read(&moved[shift..]).is_ok());
    }
}

#[test]
fn a_valid_image_returns_its_chip() {
    assert_eq!(validate(&image(&Shape::small())).unwrap().name, "superset");
}

#[test]
fn a_file_is_replaced_as_a_whole_and_errors_name_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.elf");
    std::fs::write(&path, b"an older file").unwrap();
    let good = image(&Shape::small());
    elf::write_file(&good, &path).unwrap();
    assert_eq!(elf::read_file(&path).unwrap(), good);

    let mut bad = good.clone();
    bad.meta.epoch = 64;
    assert!(elf::write_file(&bad, &path).is_err());
    assert_eq!(elf::read_file(&path).unwrap(), good, "a refused image leaves the old file");
    let entries: Vec<_> = std::fs::read_dir(&directory).unwrap().collect();
    assert_eq!(entries.len(), 1, "no temporary file is left");

    let missing = directory.path().join("none").join("model.elf");
    for error in
        [elf::read_file(&missing).unwrap_err(), elf::write_file(&good, &missing).unwrap_err()]
    {
        assert!(matches!(error, ImageError::Io { .. }));
        assert!(error.to_string().contains("model.elf"), "{error}");
    }
    assert!(elf::read_file(directory.path()).is_err());
}

#[cfg(unix)]
#[test]
fn a_file_is_as_readable_as_other_files_of_its_directory() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let (path, other) = (directory.path().join("model.elf"), directory.path().join("other"));
    elf::write_file(&image(&Shape::small()), &path).unwrap();
    std::fs::write(&other, b"").unwrap();
    let mode = |p| std::fs::metadata(p).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&other));
}
