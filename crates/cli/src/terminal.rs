//! Standard output for results, standard error for everything else.

use crate::exit::Fault;
use crate::progress::{Bars, Hidden};
use std::io::{self, ErrorKind, IsTerminal, Write};
use trifactor_diag::{Diagnostics, Severity};
use trifactor_lab::Progress;

/// Where a command prints.
///
/// Standard error may be closed like any stream; since there is nobody left to tell, failures of
/// writing to it are ignored.
#[derive(Debug)]
pub struct Terminal {
    quiet: bool,
}

impl Terminal {
    /// `quiet`: no warnings, notes or progress.
    pub const fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Whether only results and errors are wanted.
    pub const fn quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a result. Errors: [`Fault::Closed`] where the reader has gone.
    pub fn print(&self, text: &str) -> Result<(), Fault> {
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|e| match e.kind() {
            ErrorKind::BrokenPipe => Fault::Closed,
            _ => Fault::File(format!("standard output: {e}")),
        })
    }

    /// Prints a machine-readable result, one JSON value and a line end.
    pub fn print_json(&self, value: &serde_json::Value) -> Result<(), Fault> {
        self.print(&format!("{value:#}\n"))
    }

    /// Says what was done.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Says why a command ends.
    pub fn error(&self, text: &str) {
        let _ = writeln!(io::stderr(), "error: {text}");
    }

    /// Prints findings, the worst last so that they stay on the screen, and how many there are.
    pub fn findings(&self, findings: &Diagnostics) {
        let of = |severity| findings.iter().filter(move |d| d.severity == severity);
        let mut err = io::stderr().lock();
        if !self.quiet {
            for warning in of(Severity::Warning) {
                let _ = writeln!(err, "{warning}");
            }
        }
        for error in of(Severity::Error) {
            let _ = writeln!(err, "{error}");
        }
        let (errors, warnings) = (of(Severity::Error).count(), of(Severity::Warning).count());
        if self.quiet || errors + warnings == 0 {
            return;
        }
        let counts: Vec<String> = [(errors, "error"), (warnings, "warning")]
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| format!("{n} {word}{}", if n == 1 { "" } else { "s" }))
            .collect();
        let worst = of(Severity::Error).chain(of(Severity::Warning)).next();
        let code = worst.map_or("", |d| d.code);
        let _ = writeln!(err, "{}; `trifactor explain {code}` says more", counts.join(", "));
    }

    /// Bars for a long run, if somebody can see them.
    pub fn progress(&self) -> Box<dyn Progress> {
        if self.quiet || !io::stderr().is_terminal() {
            Box::new(Hidden)
        } else {
            Box::new(Bars::default())
        }
    }
}
