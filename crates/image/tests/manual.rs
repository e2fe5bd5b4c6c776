//! The tables in `docs/image-format.md` are those of the code.

use trifactor_image::elf;

const BEGIN: &str = "<!-- records: begin, written by the test `manual` of crates/image -->\n";
const END: &str = "<!-- records: end -->\n";

#[test]
fn the_manual_shows_the_records_that_are_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/image-format.md");
    let manual = std::fs::read_to_string(path).unwrap();
    let begin = manual.find(BEGIN).expect("the manual marks where the records begin") + BEGIN.len();
    let end = manual.find(END).expect("the manual marks where the records end");
    let tables = format!("\n{}", elf::record_tables());
    if std::env::var_os("BLESS").is_some() {
        let fresh = format!("{}{tables}{}", &manual[..begin], &manual[end..]);
        std::fs::write(path, fresh).unwrap();
        return;
    }
    assert_eq!(&manual[begin..end], tables, "run this test with BLESS=1 to write the tables");
}

#[test]
fn the_manual_names_the_numbers_of_the_format() {
    let manual = include_str!("../../../docs/image-format.md");
    assert!(manual.contains(&format!("`{:#x}`", elf::MACHINE)));
    assert!(manual.contains(&format!("format version {}", elf::FORMAT_VERSION)));
}
