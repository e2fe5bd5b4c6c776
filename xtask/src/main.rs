//! Repository chores, run as `cargo xtask <command>`. One file per command.

// A command line tool prints; the lint is for libraries.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod ci;
mod r#gen;
mod tidy;

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Repository chores")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything that must hold before a change lands.
    Ci(ci::Cmd),
    /// Write the files that are generated from the instruction table.
    Gen(r#gen::Cmd),
    /// Check crate directions, file lengths, words, paths named in documents and code pages.
    Tidy(tidy::Cmd),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Ci(cmd) => cmd.run(&root()),
        Command::Gen(cmd) => cmd.run(&root()).map_err(|e| e.to_string()),
        Command::Tidy(cmd) => cmd.run(&root()).map_err(|e| e.to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root: the parent of this package.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
