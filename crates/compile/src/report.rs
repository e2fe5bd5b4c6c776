//! How full the cores are.

use trifactor_image::Image;
use trifactor_isa::Chip;

/// One resource of one core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resource {
    /// What it is.
    pub name: &'static str,
    /// How much is used.
    pub used: u64,
    /// How much there is.
    pub allowed: u64,
}

/// Resources of every used core.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Utilisation {
    /// (core, resources), in core order.
    pub cores: Vec<(u32, Vec<Resource>)>,
    /// Cores of the chip.
    pub n_cores: u32,
}

/// Counts what an image uses.
pub fn utilisation(image: &Image, chip: &Chip) -> Utilisation {
    let cores = image
        .cores
        .iter()
        .map(|core| {
            let lines: u64 = core.modulators.iter().map(|m| u64::from(m.n_lines)).sum();
            let limits = &chip.core;
            let resource =
                |name, used: u64, allowed: u32| Resource { name, used, allowed: allowed.into() };
            let list = vec![
                resource(
                    "compartments and modulator lines",
                    core.compartments.len() as u64 + lines,
                    limits.compartments,
                ),
                resource("input axons", core.axons_in.len() as u64, limits.axons_in),
                resource("output axons", core.axons_out.len() as u64, limits.axons_out),
                resource("synapse words", core.synapses.len() as u64, limits.synapse_words),
                resource("synapse formats", core.formats.len() as u64, limits.formats),
                resource("learning profiles", core.profiles.len() as u64, limits.profiles),
                resource("microcode words", core.ucode.len() as u64, limits.ucode_words),
            ];
            (core.id, list)
        })
        .collect();
    Utilisation { cores, n_cores: chip.n_cores() }
}
