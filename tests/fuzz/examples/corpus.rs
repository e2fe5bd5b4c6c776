//! Writes the seeds of every target as files, for a fuzzer that starts from a folder of inputs.
//!
//! `cargo run -p trifactor-fuzz --example corpus -- FOLDER`

// A command line tool prints; the lint is for libraries.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;
use std::process::ExitCode;
use trifactor_fuzz::TARGETS;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: corpus FOLDER");
        return ExitCode::from(2);
    };
    for target in TARGETS {
        let into = folder.join(target.name);
        let seeds = (target.seeds)();
        let written = std::fs::create_dir_all(&into).and_then(|()| {
            (0..)
                .zip(&seeds)
                .try_for_each(|(k, seed)| std::fs::write(into.join(format!("seed-{k}")), seed))
        });
        if let Err(error) = written {
            eprintln!("{}: {error}", into.display());
            return ExitCode::FAILURE;
        }
        println!("{}: {} seeds", into.display(), seeds.len());
    }
    ExitCode::SUCCESS
}
