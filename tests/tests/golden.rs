//! Every file of the folder `golden` holds; see `trifactor_testkit::golden` for what they say.
//!
//! `BLESS=1 cargo test -p trifactor-tests --test golden` rewrites stale blocks; look at the
//! difference before it is committed.

use std::path::Path;
use trifactor_testkit::golden;

#[test]
fn every_golden_file_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let bless = std::env::var_os("BLESS").is_some_and(|v| v == "1");
    let n = golden::check_folder(&folder, bless).unwrap_or_else(|failures| panic!("{failures}"));
    assert!(n >= 20, "only {n} golden files were found");
}
