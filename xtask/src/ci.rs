//! `cargo xtask ci`: everything that must hold before a change lands, in order of cost.

use clap::Args;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Run what continuous integration runs.
#[derive(Args)]
pub struct Cmd {}

const STEPS: [(&str, &[&str]); 6] = [
    ("generated files are fresh", &["xtask", "gen", "--check"]),
    ("repository is tidy", &["xtask", "tidy"]),
    ("formatting", &["fmt", "--all", "--", "--check"]),
    ("lints", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
    ("tests", &["test", "--workspace", "--quiet"]),
    ("documentation", &["doc", "--workspace", "--no-deps", "--quiet"]),
];

impl Cmd {
    pub fn run(&self, root: &Path) -> Result<(), String> {
        let start = Instant::now();
        for (what, arguments) in STEPS {
            println!("== {what}: cargo {}", arguments.join(" "));
            let mut command = Command::new("cargo");
            command.current_dir(root).args(arguments);
            // Nothing here is built twice, nobody runs a debugger, and both fill the disk.
            command.env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_TEST_DEBUG", "false");
            if arguments[0] == "doc" {
                command.env("RUSTDOCFLAGS", "-D warnings");
            }
            let status = command.status().map_err(|e| format!("cannot start cargo: {e}"))?;
            if !status.success() {
                return Err(format!("failed: {what}"));
            }
        }
        println!("== all passed in {} s", start.elapsed().as_secs());
        Ok(())
    }
}
