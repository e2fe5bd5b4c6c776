//! Golden files: a rule on one screen, with what every stage makes of it.
//!
//! A golden file is a kernel text (or a rule written as sums of products) whose comments say what
//! is expected. [`check`] looks at one, [`check_folder`] at all of a folder. Written by hand and
//! never changed by a machine:
//!
//! ```text
//! ;! stages plan, ucode, eval          what is looked at: text, check, plan, ucode, eval
//! ;! synapse w -1 1 bits 9             a variable of the synapse, its range and its format
//! ;! trace x1 0 127 bits 7             a trace
//! ;! modulator m -2 2                  a modulator; its scope is the kernel's role
//! ;! sop dw = 2^-2*x1*y0               instead of a kernel: sums of products (dw, dd, dt)
//! ;! epoch 4                           steps of an epoch; 1 unless given
//! ;! sign excitatory                   of the projection; mixed unless given
//! ;! chip large                        superset unless given
//! ;? eval w=0.5 x1=0.25 => w=0.475     values: float exactly, fixed within the plan's bound
//! ;? raw w=128 x1=64 draw=0 => w=121   integers: fixed point and microcode exactly
//! ;^ error[K007]: ...                  a finding about the line above
//! ;^ hint: ...                         its way out
//! ```
//!
//! A format is any of `signed`, `unsigned`, `bits N`, `frac N` and a rounding. A caret further
//! to the right stands under the column that the finding names; a finding without a place in the
//! text has its caret behind the semicolon. Warnings are written down like errors: a finding that
//! is not expected fails the file, and so does an expected one that is not made.
//!
//! Blocks `;= text`, `;= plan` and `;= ucode` hold the exact result of a stage in the comment
//! lines below them, and are rewritten when the tests run with `BLESS=1`. Every `eval` line is
//! executed by the float interpreter, by the fixed reading and by microcode, which must equal the
//! fixed reading bit for bit under many draws. Directives that do not exist, blocks and
//! declarations without a use and files of another kind fail.
//!
//! ```
//! use trifactor_testkit::golden;
//! let text = ";! stages eval\n;! synapse w -1 1 bits 9\n\
//!             kernel halve {\n  in w: own\n  set w = w * 0.5\n}\n\
//!             ;? eval w=0.5 => w=0.25\n";
//! assert_eq!(golden::check("halve.kern", text).failures, Vec::<String>::new());
//! let wrong = text.replace("w=0.25", "w=0.3");
//! assert!(golden::check("halve.kern", &wrong).failures[0].contains("float gives 0.25"));
//! ```

mod bench;
mod execute;
mod file;
mod findings;
mod listing;

use bench::Bench;
use file::{Block, File, Stage};
use std::fs;
use std::path::Path;
use trifactor_diag::Diagnostics;
use trifactor_ir::{Kernel, sop, text};

/// What became of a golden file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// What is not as the file says, each with a line.
    pub failures: Vec<String>,
    /// The file with its blocks as they should be; hand-written lines are untouched.
    pub blessed: String,
}

/// Looks at one golden file; `name` stands in messages.
///
/// With stale blocks, `blessed` differs from `text` and a failure says so.
pub fn check(name: &str, text: &str) -> Outcome {
    let (file, mut failures) = file::read(text);
    let mut run = Run { file: &file, failures: Vec::new(), blocks: Vec::new() };
    // A file with a directive that nobody understands says nothing certain.
    if failures.is_empty() {
        run.stages(text);
    }
    failures.append(&mut run.failures);
    let blessed = file::with_blocks(text, &file, &run.blocks);
    let failures = failures.into_iter().map(|f| format!("{name}:{f}")).collect();
    Outcome { failures, blessed }
}

/// Looks at every file of a folder and of those in it; with `bless`, rewrites stale blocks first.
///
/// Gives the number of files. Errors: everything that fails, one per line, and files that are no
/// golden files.
pub fn check_folder(folder: &Path, bless: bool) -> Result<usize, String> {
    let mut names = Vec::new();
    list(folder, &mut names).map_err(|e| format!("{}: {e}", folder.display()))?;
    names.sort();
    let mut failures = Vec::new();
    for path in &names {
        let name = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        if path.extension().is_none_or(|e| e != "kern") {
            failures.push(format!("{name}: not a golden file; those end in .kern"));
            continue;
        }
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) => {
                failures.push(format!("{name}: {e}"));
                continue;
            }
        };
        let mut outcome = check(&name, &text);
        if bless && outcome.blessed != text {
            if let Err(e) = fs::write(path, &outcome.blessed) {
                failures.push(format!("{name}: {e}"));
            }
            outcome = check(&name, &outcome.blessed);
        }
        failures.append(&mut outcome.failures);
    }
    if failures.is_empty() { Ok(names.len()) } else { Err(failures.join("\n")) }
}

fn list(folder: &Path, names: &mut Vec<std::path::PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), names)?;
        } else {
            names.push(entry.path());
        }
    }
    Ok(())
}

/// The stages of one file, in order.
struct Run<'f> {
    file: &'f File,
    failures: Vec<String>,
    blocks: Vec<(Stage, Vec<String>)>,
}

impl Run<'_> {
    fn stages(&mut self, text: &str) {
        let mut found = Diagnostics::new();
        if let Err(errors) = self.until_the_last(text, &mut found) {
            found.append(errors);
        }
        self.failures.extend(findings::compare(self.file, &found));
        for block in &self.file.blocks {
            self.unused(block);
        }
    }

    /// Goes through the stages; stops at the first that the author's rule does not pass.
    fn until_the_last(&mut self, text: &str, found: &mut Diagnostics) -> Result<(), Diagnostics> {
        let kernel = self.kernel(text)?;
        if self.file.has(Stage::Text) {
            let lines = text::print_kernel(&kernel).lines().map(str::to_owned).collect();
            self.block(Stage::Text, lines);
        }
        if self.file.stages.iter().all(|s| *s == Stage::Text) {
            return Ok(());
        }
        let bench = match Bench::build(self.file, &kernel) {
            Ok(bench) => bench?,
            Err(faults) => {
                self.failures.extend(faults);
                return Ok(());
            }
        };
        found.append(bench.net.warnings().clone());
        if !self.file.stages.iter().any(|s| *s > Stage::Check) {
            return Ok(());
        }
        let (plan, warnings) = bench.plan()?;
        found.append(warnings);
        if self.file.has(Stage::Plan) {
            self.block(Stage::Plan, listing::plan(&bench, &plan));
        }
        if !self.file.stages.iter().any(|s| *s > Stage::Plan) {
            return Ok(());
        }
        let lowered = bench.lower(&plan)?;
        if self.file.has(Stage::Ucode) {
            self.block(Stage::Ucode, listing::ucode(&bench, &lowered));
        }
        if self.file.has(Stage::Eval) {
            self.failures.extend(execute::all(self.file, &bench, &plan, &lowered));
        }
        Ok(())
    }

    fn kernel(&self, text: &str) -> Result<Kernel, Diagnostics> {
        match &self.file.sop {
            Some(rule) => sop::parse_sop("golden", rule, &trifactor_diag::Place::default()),
            None => text::parse_kernel(text, "golden"),
        }
    }

    /// Compares the result of a stage with the file's block.
    fn block(&mut self, stage: Stage, lines: Vec<String>) {
        let lines: Vec<String> =
            lines.into_iter().map(|l| format!("; {l}").trim_end().to_owned()).collect();
        match self.file.blocks.iter().find(|b| b.stage == stage) {
            Some(block) if block.lines == lines => {}
            Some(block) => {
                let differs = |(a, b): (&String, &String)| a != b;
                let at = block.lines.iter().zip(&lines).position(differs);
                let at = at.unwrap_or(block.lines.len().min(lines.len()));
                let side = |lines: &[String]| {
                    lines
                        .get(at)
                        .map_or_else(|| "the end of the block".to_owned(), |l| format!("'{l}'"))
                };
                self.failures.push(format!(
                    "{}: the block is stale: found {}, now {}; BLESS=1 rewrites it",
                    block.line + 1 + at,
                    side(&block.lines),
                    side(&lines)
                ));
            }
            None => self
                .failures
                .push(format!("1: there is no block '= {}'; BLESS=1 writes it", stage.word())),
        }
        self.blocks.push((stage, lines));
    }

    fn unused(&mut self, block: &Block) {
        if !self.blocks.iter().any(|(stage, _)| *stage == block.stage) {
            let word = block.stage.word();
            self.failures.push(format!("{}: nothing makes the block '= {word}'", block.line));
        }
    }
}

#[cfg(test)]
mod tests;
