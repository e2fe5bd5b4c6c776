//! The engine as a program: built once by Verilator and a C++ compiler, kept, and run on files.

use crate::run::{Rule, Run, Synapse};
use crate::sources::{HARNESS, MODULES, Sources, TOP};
use crate::ticks::Ticks;
use crate::wire;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of another program's complaints that are shown.
const SHOWN_LINES: usize = 20;

/// Why the engine could not be built or run.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// Verilator is not there.
    #[error(
        "verilator is not installed, and the engine is simulated with it; on Debian and its \
         relatives `apt-get install verilator g++ make` brings all that is needed, elsewhere see \
         https://verilator.org/guide/latest/install.html"
    )]
    NoVerilator,
    /// Something that builds Verilator's C++ is not there.
    #[error(
        "{program} is not installed, and Verilator's C++ is built with it; on Debian and its \
         relatives `apt-get install g++ make` brings it"
    )]
    NoCompiler {
        /// The program.
        program: &'static str,
    },
    /// A program failed.
    #[error("{what} failed; it said:\n{said}")]
    Failed {
        /// What was to be done.
        what: &'static str,
        /// The end of what it printed.
        said: String,
    },
    /// A file or program could not be used.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The results are not what the vectors lead to.
    #[error("the simulation's results cannot be read: {0}")]
    Results(&'static str),
}

impl SimulatorError {
    /// Whether the reason is a program that can be installed.
    pub const fn is_missing_program(&self) -> bool {
        matches!(self, Self::NoVerilator | Self::NoCompiler { .. })
    }
}

/// The engine, built for some ticks.
#[derive(Debug)]
pub struct Simulator {
    program: PathBuf,
    ticks: Ticks,
}

/// The folder where a user's builds are kept: `trifactor/rtl` in the folder for caches.
///
/// `None` where the system names no such folder; a build then needs one by name.
pub fn cache_folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let caches = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
    Some(caches.join("trifactor").join("rtl"))
}

impl Simulator {
    /// Builds the engine below `folder`, unless an equal one is there: of the same files, ticks
    /// and version of Verilator. `begins` is called before a build, which takes some seconds.
    pub fn build(
        ticks: Ticks,
        sources: &Sources,
        folder: &Path,
        begins: impl FnOnce(),
    ) -> Result<Self, SimulatorError> {
        let version = version()?;
        let program = folder.join(format!("engine-{}", key(&ticks, sources, &version)));
        if !program.is_file() {
            begins();
            compile(&ticks, sources, folder, &program)?;
        }
        Ok(Self { program, ticks })
    }

    /// The ticks it was built for.
    pub const fn ticks(&self) -> &Ticks {
        &self.ticks
    }

    /// Runs the synapses of some rules. Shape of the result: `[rule][synapse]`.
    ///
    /// Shape: every synapse has the fields, columns and lines of its rule.
    pub fn run(&self, batches: &[(&Rule, &[Synapse])]) -> Result<Vec<Vec<Run>>, SimulatorError> {
        let place = tempfile::tempdir().map_err(|e| cannot(&std::env::temp_dir(), e))?;
        let (vectors, results) = (place.path().join("vectors"), place.path().join("results"));
        let words = batches.iter().map(|(rule, _)| rule.words.len()).max().unwrap_or(0);
        // A program that does not end runs into undecodable memory; twice is for good measure.
        let limit = u32::try_from(2 * self.ticks.longest(words + 1)).unwrap_or(u32::MAX);
        fs::write(&vectors, wire::vectors(batches, limit)).map_err(|e| cannot(&vectors, e))?;
        let mut command = Command::new(&self.program);
        command.arg(&vectors).arg(&results);
        run(&mut command, "the simulation of the engine").map_err(|e| match e {
            Start::Missing(e) | Start::Io(e) => cannot(&self.program, e),
            Start::Failed(failed) => failed,
        })?;
        let bytes = fs::read(&results).map_err(|e| cannot(&results, e))?;
        wire::results(&bytes, batches).map_err(SimulatorError::Results)
    }
}

/// Lets Verilator look at the sources alone, every warning counting as a fault.
///
/// Errors: [`SimulatorError::Failed`] with the warnings.
pub fn lint(sources: &Sources) -> Result<(), SimulatorError> {
    let place = tempfile::tempdir().map_err(|e| cannot(&std::env::temp_dir(), e))?;
    write(sources, place.path())?;
    let mut command = Command::new("verilator");
    command.current_dir(place.path());
    command.args(["--lint-only", "-Wall", "--top-module", TOP]).args(MODULES);
    run(&mut command, "the look at the sources").map_err(missing_verilator)
}

fn version() -> Result<String, SimulatorError> {
    let output = Command::new("verilator").arg("--version").output();
    let output = output.map_err(|e| match e.kind() {
        ErrorKind::NotFound => SimulatorError::NoVerilator,
        _ => cannot(Path::new("verilator"), e),
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a build is a function of, as 32 hexadecimal digits.
fn key(ticks: &Ticks, sources: &Sources, version: &str) -> String {
    let mut hash = blake3::Hasher::new();
    let mut part = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    part(version);
    for (name, value) in ticks.parameters() {
        part(&format!("{name}={value}"));
    }
    for (path, text) in &sources.files {
        part(path);
        part(text);
    }
    hash.finalize().to_hex()[..32].to_owned()
}

fn compile(
    ticks: &Ticks,
    sources: &Sources,
    folder: &Path,
    program: &Path,
) -> Result<(), SimulatorError> {
    fs::create_dir_all(folder).map_err(|e| cannot(folder, e))?;
    let place = tempfile::Builder::new()
        .prefix(".building-")
        .tempdir_in(folder)
        .map_err(|e| cannot(folder, e))?;
    write(sources, place.path())?;

    let mut verilate = Command::new("verilator");
    verilate.current_dir(place.path());
    // Warnings of a later version of Verilator are no reason not to simulate; a test of this
    // repository looks at them (`lint`).
    verilate.args(["--cc", "--exe", "-Wno-fatal", "--noassert", "-O3", "--Mdir", "made"]);
    verilate.args(["--top-module", TOP, "-o", "engine"]);
    verilate.args(ticks.parameters().map(|(name, value)| format!("-G{name}={value}")));
    verilate.args(MODULES).arg(HARNESS);
    run(&mut verilate, "Verilator").map_err(missing_verilator)?;

    let mut make = Command::new("make");
    make.current_dir(place.path().join("made"));
    make.args(["-f", "Vplasticity_engine.mk", "OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1"]);
    make.arg("engine");
    run(&mut make, "the C++ compiler").map_err(|e| match e {
        Start::Missing(_) => SimulatorError::NoCompiler { program: "make" },
        Start::Io(e) => cannot(Path::new("make"), e),
        Start::Failed(failed) if Command::new("g++").arg("--version").output().is_err() => {
            let _ = failed;
            SimulatorError::NoCompiler { program: "g++" }
        }
        Start::Failed(failed) => failed,
    })?;
    // Whoever builds the same at the same time puts the same file there.
    fs::rename(place.path().join("made/engine"), program).map_err(|e| cannot(program, e))
}

fn write(sources: &Sources, folder: &Path) -> Result<(), SimulatorError> {
    for (path, text) in &sources.files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|e| cannot(parent, e))?;
        fs::write(&path, text).map_err(|e| cannot(&path, e))?;
    }
    Ok(())
}

/// Why a program did not do its work.
enum Start {
    /// There is no such program.
    Missing(io::Error),
    /// It cannot be started.
    Io(io::Error),
    /// It failed.
    Failed(SimulatorError),
}

fn missing_verilator(e: Start) -> SimulatorError {
    match e {
        Start::Missing(_) => SimulatorError::NoVerilator,
        Start::Io(e) => cannot(Path::new("verilator"), e),
        Start::Failed(failed) => failed,
    }
}

fn run(command: &mut Command, what: &'static str) -> Result<(), Start> {
    let output = command.output().map_err(|e| match e.kind() {
        ErrorKind::NotFound => Start::Missing(e),
        _ => Start::Io(e),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Err(Start::Failed(SimulatorError::Failed { what, said: end_of(&said.concat()) }))
}

/// The last lines of a text.
fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

fn cannot(path: impl AsRef<OsStr>, source: io::Error) -> SimulatorError {
    SimulatorError::Io { path: PathBuf::from(path.as_ref()), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICKS: Ticks = Ticks {
        state_access: 6,
        load: 1,
        alu: 1,
        mul: 1,
        store: 1,
        control: 1,
        skipped_synapse: 1,
    };

    #[test]
    fn a_build_is_kept_for_one_text_one_clocking_and_one_version() {
        let sources = Sources::default();
        let mut changed = sources.clone();
        changed.text_mut("rounder.sv").expect("it is carried").push(' ');
        let keys = [
            key(&TICKS, &sources, "1"),
            key(&Ticks { mul: 2, ..TICKS }, &sources, "1"),
            key(&TICKS, &changed, "1"),
            key(&TICKS, &sources, "2"),
        ];
        for (n, a) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|b| a == b), Some(n), "{keys:?}");
        }
    }

    #[test]
    fn a_long_complaint_is_cut_to_its_end() {
        let long: String = (0..50).map(|n| format!("{n}\n")).collect();
        assert!(end_of(&long).starts_with("30\n") && end_of(&long).ends_with("49"));
        assert_eq!(end_of("short"), "short");
    }
}
