//! Model folders to call the program on, and the call.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// One plastic synapse, one that is not, and a protocol of three trials.
pub const PAIR: &str = r#"(
    name: "pair",
    inputs: { "pre": (n: 2), "kick": (n: 1) },
    populations: { "post": (n: 1, keep_u: 0.0, keep_v: 0.0, threshold: 500.0) },
    projections: {
        "plastic": (pre: "pre", post: "post", connect: AllToAll, weights: 64.0, sign: Excitatory, range: (0.0, 127.0), rule: "stdp"),
        "force": (pre: "kick", post: "post", connect: OneToOne, weights: 1000.0),
    },
    rules: { "stdp": (
        kernel: Sop(dw: "2^-2*x1*y0 - 2^-2*y1*x0"),
        traces: {
            "x1": Pre(tau: 20.0, impulse: 64.0, range: (0.0, 127.0)),
            "y1": Post(tau: 20.0, impulse: 64.0, range: (0.0, 127.0)),
        },
    ) },
    protocol: (
        sampler: Sweep(variable: "lag", from: -4.0, to: 4.0, step: 4.0),
        phases: [(
            name: "pair", steps: 20,
            present: [
                (input: "pre", what: SpikesAt(lane: 0, at: (base: 10.0))),
                (input: "kick", what: SpikesAt(lane: 0, at: (base: 9.0, coefficient: 1.0))),
            ],
            readout: (population: "post", variable: "spikes", record: ["plastic.w"]),
        )],
    ),
)"#;

/// A folder of its own for one test.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for the test"))
    }
    /// With a model folder `m`.
    pub fn with_model(text: &str) -> Self {
        let place = Self::new();
        place.write("m/model.ron", text.as_bytes());
        place
    }
    /// With the model [`PAIR`] and its image `pair.elf`.
    pub fn with_image() -> Self {
        let place = Self::with_model(PAIR);
        place.call(&["compile", "m", "-o", "pair.elf"]).expect_code(0);
        place
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file in the folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
    /// Names of files and folders, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }
    /// Calls the program in this folder.
    pub fn call(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).output().expect("the program starts");
        Outcome {
            call: arguments.join(" "),
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("results are text"),
            err: String::from_utf8(output.stderr).expect("messages are text"),
        }
    }
    /// The program in this folder, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trifactor"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("RUST_BACKTRACE");
        command
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// How a call ended.
pub struct Outcome {
    call: String,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Outcome {
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "trifactor {}\n--- out\n{}\n--- err\n{}",
            self.call,
            self.out,
            self.err
        );
        self
    }
    /// Standard error holds all of these.
    #[track_caller]
    pub fn expect_said(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "'{part}' is not in:\n{}", self.err);
        }
        self
    }
    /// Standard output holds all of these.
    #[track_caller]
    pub fn expect_printed(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.out.contains(part), "'{part}' is not in:\n{}", self.out);
        }
        self
    }
    #[track_caller]
    pub fn expect_nothing_printed(self) -> Self {
        assert_eq!(self.out, "");
        self
    }
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}:\n{}", self.out))
    }
}
