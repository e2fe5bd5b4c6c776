//! From a checked network and its plan to a chip image: [`lower`] -> [`place`] -> [`route`] ->
//! [`mesh`] -> [`link`], a file (or folder) per pass, each reading shared references and writing a new value.
//!
//! [`compile`] runs all five, and between the first two holds every program against its rule
//! ([`proof`]). Nothing flows backwards: programs have their exact size before
//! placement, formats are chosen before that (in `trifactor-quant`), and a pass that cannot
//! succeed returns a diagnostic with a way out. The crate runs and trains nothing and writes no
//! files; [`trifactor_image::elf`] does.

pub mod link;
pub mod lower;
pub mod mesh;
pub mod place;
pub mod proof;
pub mod report;
pub mod route;
pub mod structure;

use trifactor_diag::Diagnostics;
use trifactor_image::Image;
use trifactor_ir::CheckedNetwork;
use trifactor_isa::Chip;
use trifactor_quant::Plan;

/// What an author says beyond the network.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Hash of the model's dynamics and parameter shapes, hex.
    pub model_hash: String,
    /// Draw seed of a run that names none (S7).
    pub seed: u32,
    /// Milliseconds per step.
    pub step_ms: f64,
    /// Most neurons of a core; by default as many as fit.
    pub neurons_per_core: Option<u32>,
    /// Expected spikes per lane and step of populations by name; one where nothing is said. Only
    /// the arrangement of cores on the mesh depends on them.
    pub rates: mesh::traffic::Rates,
}

/// A compiled network.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What goes onto the chip.
    pub image: Image,
    /// How full each core is.
    pub report: report::Utilisation,
    /// Programs and layouts, for listings.
    pub lowered: lower::Lowered,
    /// What was proved of each program.
    pub proofs: Vec<proof::RuleProof>,
    /// Populations to cores, for listings.
    pub placement: place::Placement,
    /// Cores of the placement to cores of the mesh.
    pub arrangement: mesh::Arrangement,
}

/// Compiles a network for a chip.
///
/// Errors: `C0xx` diagnostics that name the limit, what is used and what is allowed, and the way
/// out, in the author's names.
pub fn compile(
    net: &CheckedNetwork,
    plan: &Plan,
    chip: &Chip,
    identity: &Identity,
) -> Result<Compiled, Diagnostics> {
    let same_size = plan.states.len() == net.states.len() && plan.phases.len() == net.phases.len();
    assert!(same_size, "internal: the plan was made for another network");
    assert!(plan.chip_hash == chip.hash(), "internal: the plan was made for another chip");
    let structure = structure::read(net)?;
    let lowered = lower::lower(net, plan, chip, &structure)?;
    let proofs = proof::proofs(net, plan, &structure, &lowered)?;
    let placement = place::place(net, chip, identity.neurons_per_core, &structure, &lowered)?;
    let routes = route::route(net, &structure, &placement);
    let traffic = mesh::traffic::Traffic::of(net, &structure, &placement, &routes, &identity.rates);
    let arrangement = mesh::arrange(chip, &traffic);
    let image = link::link(
        net,
        plan,
        chip,
        identity,
        &structure,
        &lowered,
        &placement,
        &routes,
        &arrangement,
    )?;
    let report = report::utilisation(&image, chip);
    Ok(Compiled { image, report, lowered, proofs, placement, arrangement })
}
