//! Fuzz targets, one for each kind of file that Trifactor reads.
//!
//! A target takes any bytes and panics if the product does something it never may: panic itself,
//! refuse without a reason, or read back something else than it wrote. [`TARGETS`] lists them.
//!
//! They run in three ways:
//! - `cargo test -p trifactor-fuzz`: some thousand inputs each, made by [`Mutant`]s of the files
//!   in this repository, and every recorded case in `tests/fuzz/cases`;
//! - the same for longer, with `TRIFACTOR_FUZZ` inputs each;
//! - `tests/fuzz/guided`: the same functions under a coverage-guided fuzzer, for hours.

#[cfg(feature = "mutants")]
pub mod mutant;
mod pipeline;
pub mod readers;
mod scratch;
pub mod seeds;

#[cfg(feature = "mutants")]
pub use mutant::Mutant;

/// A kind of input and what must hold for it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, also that of its folder below `tests/fuzz/cases`.
    pub name: &'static str,
    /// Whether an input is accepted. Panics where something fails that must not.
    pub run: fn(&[u8]) -> bool,
    /// Good inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 12] = [
    Target { name: "model", run: readers::model, seeds: seeds::models },
    Target { name: "pipeline", run: pipeline::pipeline, seeds: seeds::models },
    Target { name: "kernel", run: readers::kernel, seeds: seeds::kernels },
    Target { name: "network", run: readers::network, seeds: seeds::networks },
    Target { name: "rule", run: readers::rule, seeds: seeds::rules },
    Target { name: "settings", run: readers::settings, seeds: seeds::settings },
    Target { name: "chip", run: readers::chip, seeds: seeds::chips },
    Target { name: "image", run: readers::image, seeds: seeds::images },
    Target { name: "parameters", run: readers::parameters, seeds: seeds::parameters },
    Target { name: "vector", run: readers::vector, seeds: seeds::vectors },
    Target { name: "idx", run: readers::idx, seeds: seeds::idx },
    Target { name: "npy", run: readers::npy, seeds: seeds::npy },
];

/// The target of a name.
///
/// Panics where there is none: names are written by programmers.
pub fn target(name: &str) -> Target {
    let found = TARGETS.into_iter().find(|t| t.name == name);
    found.unwrap_or_else(|| panic!("there is no fuzz target '{name}'"))
}
