//! `docs/rules/` has a page on the rules of every model that ships, as `trifactor dump --stage
//! rules` prints it; run with BLESS=1 to rewrite them.

use crate::models::Place;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("the folder is part of the repository");
    let name = |e: fs::DirEntry| e.file_name().into_string().expect("names are text");
    entries.map(|e| name(e.expect("the folder can be read"))).collect()
}

#[test]
fn the_pages_of_rules_are_what_the_models_give() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let pages = root.join("docs/rules");
    let bless = std::env::var_os("BLESS").is_some_and(|v| v == "1");
    let index = fs::read_to_string(root.join("docs/rules.md")).expect("docs/rules.md exists");
    let place = Place::with_model(crate::models::PAIR);
    let mut expected = BTreeSet::new();
    for model in names(&root.join("firmware-models")) {
        let folder = root.join("firmware-models").join(&model);
        if !folder.join("model.ron").is_file() {
            continue;
        }
        let folder = folder.to_str().expect("a path of text").to_owned();
        let printed = place.call(&["dump", &folder, "--stage", "rules"]).expect_code(0).out;
        let page = format!(
            "<!-- Written by crates/cli/tests/cli/rule_pages.rs with BLESS=1; do not edit. -->\n\
             {printed}\n[The model](../../firmware-models/{model}/README.md), \
             [all rules](../rules.md). This page: `trifactor dump firmware-models/{model} --stage \
             rules`.\n"
        );
        let path = pages.join(format!("{model}.md"));
        if bless {
            fs::create_dir_all(&pages).and_then(|()| fs::write(&path, &page)).expect("docs/rules");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == page, "docs/rules/{model}.md is stale: run the test with BLESS=1");
        assert!(index.contains(&format!("(rules/{model}.md)")), "docs/rules.md has no {model}");
        expected.insert(format!("{model}.md"));
    }
    assert_eq!(names(&pages), expected, "pages of models that do not exist");
}
