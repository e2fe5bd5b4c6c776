//! How a command ends: whose fault it was, and the exit code that says so.

use crate::terminal::Terminal;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::ExitCode;
use trifactor_diag::Diagnostics;

/// Exit code for a bug of this program.
const BUG: u8 = 3;

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub enum Fault {
    /// The author's model: findings, at least one of them an error.
    Model(Diagnostics),
    /// A file, or the system around it. Also the ending of a command that has reported its
    /// findings already; the text is then empty.
    File(String),
    /// What was asked for does not exist.
    Usage(String),
    /// Whoever read the results has gone (`| head`).
    Closed,
}

impl Fault {
    /// The exit code that says whose fault it was.
    const fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Model(_) | Self::File(_) => 1,
            Self::Usage(_) => 2,
        }
    }
}

impl From<Diagnostics> for Fault {
    fn from(findings: Diagnostics) -> Self {
        Self::Model(findings)
    }
}

/// Runs a command and turns its ending into an exit code; a panic is a bug of this program.
pub fn guarded(terminal: &Terminal, command: impl FnOnce() -> Result<(), Fault>) -> ExitCode {
    ExitCode::from(code_of(terminal, command))
}

fn code_of(terminal: &Terminal, command: impl FnOnce() -> Result<(), Fault>) -> u8 {
    // Nothing is used again after a panic, so no broken invariant can be seen.
    match catch_unwind(AssertUnwindSafe(command)) {
        Ok(Ok(())) => 0,
        Ok(Err(fault)) => {
            match &fault {
                Fault::Model(findings) => terminal.findings(findings),
                Fault::File(text) | Fault::Usage(text) if !text.is_empty() => terminal.error(text),
                Fault::File(_) | Fault::Usage(_) | Fault::Closed => {}
            }
            fault.code()
        }
        Err(_) => BUG,
    }
}

/// Replaces the message of a panic by one for people who are not at fault.
pub fn install_panic_message() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let _ = writeln!(io::stderr(), "{}", bug_report(info));
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            usual(info);
        }
    }));
}

fn bug_report(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(String::new, |l| format!("\n  at {l}"));
    format!(
        "this is a bug in trifactor {}, not in your model\n  {}{place}\n  \
         please report it with the command line and the model; RUST_BACKTRACE=1 adds a backtrace",
        env!("CARGO_PKG_VERSION"),
        info.payload_as_str().unwrap_or("it gave no message"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_diag::Diagnostic;

    #[test]
    fn each_ending_has_its_exit_code() {
        let terminal = Terminal::new(true);
        let code = |result: Result<(), Fault>| code_of(&terminal, || result);
        assert_eq!(code(Ok(())), 0);
        assert_eq!(code(Err(Fault::Closed)), 0);
        assert_eq!(code(Err(Fault::File(String::new()))), 1);
        assert_eq!(code(Err(Diagnostics::from(Diagnostic::error("M001", "x")).into())), 1);
        assert_eq!(code(Err(Fault::Usage(String::new()))), 2);
    }

    #[test]
    fn a_panic_ends_with_the_code_of_a_bug() {
        let terminal = Terminal::new(true);
        assert_eq!(code_of(&terminal, || panic!("internal: a test of the last resort")), 3);
    }
}
