//! The simulation that all tests share, and rules to try it on.

use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use trifactor_image::Guard;
use trifactor_isa::Chip;
use trifactor_rtl::{FieldFormat, Lane, Learner, Rule, Simulator, SimulatorError, Sources, Ticks};
use trifactor_testkit::Rng;

/// Where builds are kept; the command line's tests use the same ones.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("rtl")
}

/// The ticks of the chip's default preset.
pub fn usual_ticks() -> Ticks {
    let chip = Chip::builtin("superset").expect("it is built in");
    Ticks::of(&chip, None).expect("it clocks the engine")
}

/// The engine; `None`, with a line that is seen without `--nocapture`, where Verilator is not
/// installed. Continuous integration has it, so there that is a failure.
pub fn simulator(ticks: Ticks) -> Option<Simulator> {
    built(ticks, &Sources::default()).map(|built| built.unwrap_or_else(|e| panic!("{e}")))
}

/// The same for other sources, which may not build.
pub fn built(ticks: Ticks, sources: &Sources) -> Option<Result<Simulator, SimulatorError>> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    // A test that fails to build poisons nothing that the next one uses.
    let _lock = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
    available(Simulator::build(ticks, sources, &folder(), || ()))
}

/// A result, unless a program is missing that only continuous integration must have.
pub fn available<T>(result: Result<T, SimulatorError>) -> Option<Result<T, SimulatorError>> {
    match result {
        Err(e) if e.is_missing_program() => {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{e}");
            // Written past the test harness, which keeps what passing tests print to itself.
            let why = e.to_string();
            let why = why.split(',').next().unwrap_or_default();
            writeln!(std::io::stderr(), "skipped: {why}").expect("standard error can be written");
            None
        }
        result => Some(result),
    }
}

/// A rule whose inputs can have any value that their ports can carry.
pub fn learner(rule: Rule) -> Learner {
    let ids: RangeInclusive<u32> = 0..=u32::MAX;
    let any = Lane { lo: i32::MIN, hi: i32::MAX, timed: true };
    Learner {
        projection: "p".into(),
        name: "r".into(),
        pre_slots: vec![any; rule.pre_slots],
        post_slots: vec![any; rule.post_slots],
        lines: vec![any; rule.lines],
        pre: ids.clone(),
        post: ids,
        one_draw: false,
        synapses: 1,
        rule,
    }
}

/// A rule of these words, with as many slots as there can be.
pub fn rule(rng: &mut Rng, words: Vec<u32>) -> Rule {
    let guards = [Guard::Always, Guard::PreOrPost, Guard::Pre, Guard::Post];
    let n_fields = 1 + rng.below(8);
    Rule {
        words,
        guard: rng.pick(&guards),
        stream: rng.bits() as u32,
        epoch_length: rng.pick(&[1, 2, 5, 63]),
        fields: (0..n_fields).map(|_| field(rng)).collect(),
        pre_slots: 15,
        post_slots: 15,
        lines: 16,
    }
}

fn field(rng: &mut Rng) -> FieldFormat {
    let signed = rng.chance(0.6);
    let bits = 1 + rng.below(if signed { 32 } else { 31 }) as u8;
    let (lo, hi) = match signed {
        true => (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1),
        false => (0, (1i64 << bits) - 1),
    };
    let (a, b) = match rng.chance(0.5) {
        true => (lo, hi),
        false => (rng.within(lo..=hi), rng.within(lo..=hi)),
    };
    FieldFormat { bits, signed, lo: a.min(b) as i32, hi: a.max(b) as i32 }
}
