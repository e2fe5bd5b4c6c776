//! `trifactor explain`.

use crate::models::Place;

#[test]
fn an_instruction_is_explained_from_the_manual() {
    let text = Place::new().call(&["explain", "MUL"]).expect_code(0);
    text.expect_printed(&["mul\n", "the product is exact", "docs/isa/instructions.md"]);
}

#[test]
fn the_code_of_a_finding_is_explained() {
    let listed = Place::new().call(&["explain"]).expect_code(0);
    let listed = listed.expect_printed(&["Codes of findings", "Instructions", "Chips", "superset"]);
    let code = listed.out.lines().nth(1).and_then(|l| l.split_whitespace().next());
    let code = code.expect("there is at least one code");
    let page = Place::new().call(&["explain", &code.to_lowercase()]).expect_code(0);
    assert!(page.out.starts_with(&format!("{code}: ")), "{}", page.out);
}

#[test]
fn a_topic_without_a_page_is_a_wrong_argument() {
    let refused = Place::new().call(&["explain", "Z999"]).expect_code(2);
    refused.expect_said(&["nothing is known about 'Z999'"]).expect_nothing_printed();
}
