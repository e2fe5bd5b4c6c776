//! `trifactor`: the tool chain on the command line.
//!
//! This crate reads arguments, calls the libraries and prints; whatever is worth testing on its
//! own is in one of them. One file per subcommand below `cmd`, each a `Cmd` with a `run`.
//! Results go to standard output, progress and findings to standard error. Exit codes: 0 fine,
//! 1 the fault of a model or file, 2 usage, 3 a bug of this program.
//!
//! ```sh
//! trifactor check firmware-models/pair-stdp
//! trifactor compile firmware-models/pair-stdp -o stdp.elf
//! trifactor disasm stdp.elf
//! ```

mod cmd;
mod editor;
mod exit;
mod findings;
mod folder;
mod listing;
mod measure;
mod progress;
mod record;
mod source;
mod table;
mod terminal;

use clap::{Parser, Subcommand};
use exit::{Fault, guarded};
use std::process::ExitCode;
use terminal::Terminal;

const OVERVIEW: &str = "\
A model is a folder: model.ron, kernels (*.kern), data. From there:

  trifactor check   MODEL              is it right, does it fit on the chip?
  trifactor chips   MODEL              which chips hold it, at what cost and loss?
  trifactor compile MODEL -o FILE      write the chip image
  trifactor run     MODEL              run its protocol, on the emulated chip and in float
  trifactor verify  MODEL              does the chip do what float does, and if not, why?
  trifactor train   MODEL              train its plasticity rule by gradient descent
  trifactor evaluate MODEL             trained parameters on their task, on chip and in float
  trifactor reproduce MODEL            trained parameters beside the published figures
  trifactor quantise MODEL             which formats fit, and what bits cost in accuracy
  trifactor tune    MODEL              go on training in the chip's number formats
  trifactor dump    MODEL --stage ir   look between the stages
  trifactor disasm  FILE               read an image
  trifactor debug   MODEL|IMAGE        step through a run, look at any state, go back
  trifactor rtl-check MODEL            its rules in the hardware description, in Verilator
  trifactor conformance PATH           agreement with recorded outputs of public models
  trifactor bench                      how fast the emulator and the compiler are here
  trifactor explain CODE               what a finding such as error[M010] means

`trifactor COMMAND --help` shows each with an example. What a time step means is defined in
docs/semantics.md.

Exit codes: 0 fine, 1 a fault of the model or of a file, 2 usage, 3 a bug of this program.";

/// Compiler and emulator for a neuromorphic chip with microcoded plasticity.
#[derive(Parser)]
#[command(name = "trifactor", version, after_help = OVERVIEW)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print errors and results only: no warnings, no progress.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    Check(cmd::check::Cmd),
    Chips(cmd::chips::Cmd),
    Compile(cmd::compile::Cmd),
    Run(cmd::run::Cmd),
    Verify(cmd::verify::Cmd),
    Train(cmd::train::Cmd),
    Evaluate(cmd::evaluate::Cmd),
    Reproduce(cmd::reproduce::Cmd),
    Quantise(cmd::quantise::Cmd),
    Tune(cmd::tune::Cmd),
    Dump(cmd::dump::Cmd),
    Disasm(cmd::disasm::Cmd),
    Debug(cmd::debug::Cmd),
    RtlCheck(cmd::rtl_check::Cmd),
    Conformance(cmd::conformance::Cmd),
    Bench(cmd::bench::Cmd),
    Explain(cmd::explain::Cmd),
}

fn main() -> ExitCode {
    exit::install_panic_message();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help_or_usage) => {
            // A reader that has gone is no reason to fail: there is nobody to tell.
            let _ = help_or_usage.print();
            return ExitCode::from(if help_or_usage.use_stderr() { 2 } else { 0 });
        }
    };
    let terminal = Terminal::new(cli.quiet);
    guarded(&terminal, || run(&cli.command, &terminal))
}

fn run(command: &Command, terminal: &Terminal) -> Result<(), Fault> {
    match command {
        Command::Check(cmd) => cmd.run(terminal),
        Command::Chips(cmd) => cmd.run(terminal),
        Command::Compile(cmd) => cmd.run(terminal),
        Command::Run(cmd) => cmd.run(terminal),
        Command::Verify(cmd) => cmd.run(terminal),
        Command::Train(cmd) => cmd.run(terminal),
        Command::Evaluate(cmd) => cmd.run(terminal),
        Command::Reproduce(cmd) => cmd.run(terminal),
        Command::Quantise(cmd) => cmd.run(terminal),
        Command::Tune(cmd) => cmd.run(terminal),
        Command::Dump(cmd) => cmd.run(terminal),
        Command::Disasm(cmd) => cmd.run(terminal),
        Command::Debug(cmd) => cmd.run(terminal),
        Command::RtlCheck(cmd) => cmd.run(terminal),
        Command::Conformance(cmd) => cmd.run(terminal),
        Command::Bench(cmd) => cmd.run(terminal),
        Command::Explain(cmd) => cmd.run(terminal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_of_all_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_every_option_is_described() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{name} {}", arg.get_id());
            }
        }
    }
}
