//! From a loaded model to everything a run needs: chip, plan, image.

use std::io::Read;
use std::path::Path;
use trifactor_compile::proof::plan_of_rules;
use trifactor_compile::{Compiled, Identity, compile};
use trifactor_diag::{Diagnostic, Diagnostics, Place, did_you_mean};
use trifactor_ir::sop::written_out;
use trifactor_ir::{CheckedNetwork, Group, StateRole, fold_shared, verify};
use trifactor_isa::Chip;
use trifactor_model::{FormatOverride, Model};
use trifactor_quant::{FormatRequest, Plan, Requests, as_wishes, plan};

/// Longest chip file.
const MAX_CHIP_FILE: u64 = 1 << 20;

/// A model made ready for one chip.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The chip.
    pub chip: Chip,
    /// The network that was compiled: the model's, with shared parameters of rules as constants
    /// and, where the chip evaluates nothing else, rules as sums of products.
    pub network: CheckedNetwork,
    /// Formats and binary points.
    pub plan: Plan,
    /// Image and utilisation.
    pub compiled: Compiled,
    /// What the author should know.
    pub warnings: Diagnostics,
}

/// A chip by the name of a built-in one, or by the path of a RON file.
///
/// Errors: `C040` with the names there are, `C041` with the file's fault.
pub fn find_chip(name: &str) -> Result<Chip, Diagnostics> {
    if let Some(chip) = Chip::builtin(name) {
        return Ok(chip);
    }
    if !name.ends_with(".ron") {
        let names: Vec<&str> = Chip::builtin_names().collect();
        let near = did_you_mean(name, names.iter().copied());
        let hint = near.map_or_else(String::new, |n| format!("did you mean '{n}'? "));
        return Err(Diagnostic::error("C040", format!("there is no chip '{name}'"))
            .at(Place::at_key("chip"))
            .hint(format!(
                "{hint}built in are {}; or give the path of a .ron file",
                names.join(", ")
            ))
            .into());
    }
    let fault = |message: String| {
        Diagnostics::from(
            Diagnostic::error("C041", message)
                .at(Place::file(name))
                .hint("docs/isa/chips.md shows a complete chip"),
        )
    };
    // Read through a limit: what the file system says of a size need not hold for every file.
    let mut text = String::new();
    std::fs::File::open(Path::new(name))
        .and_then(|file| file.take(MAX_CHIP_FILE + 1).read_to_string(&mut text))
        .map_err(|e| fault(format!("cannot be read: {e}")))?;
    if text.len() as u64 > MAX_CHIP_FILE {
        return Err(fault(format!("a chip file of more than {MAX_CHIP_FILE} bytes is not read")));
    }
    Chip::parse(&text).map_err(|e| fault(e.to_string()))
}

/// The network a chip is given, its formats, and what the author should know: the model's network
/// with [shared parameters of rules as constants](fold_shared), its rules as
/// [sums of products](written_out) where the chip evaluates nothing else, and the plan of that
/// network.
///
/// The model's formats bind the chip that it names; for another chip they are wishes, and each that
/// it cannot hold is a warning `Q107`.
///
/// Errors: those of [`plan`](trifactor_quant::plan()).
pub fn planned(
    model: &Model,
    chip: &Chip,
) -> Result<(CheckedNetwork, Plan, Diagnostics), Diagnostics> {
    let mut network = fold_shared(&model.network);
    if !chip.rule.is_microcode() && chip.arithmetic.learning.is_none() {
        network = written_out(&network);
    }
    let mut warnings = Diagnostics::new();
    let mut requests = requests(model);
    // A chip that cannot be found is nobody's own.
    if !find_chip(&model.chip).is_ok_and(|own| own.name == chip.name) {
        (requests, warnings) = as_wishes(&network, chip, &requests, &model.chip);
    }
    let (plan, lost) = plan(&network, chip, &requests)?;
    warnings.append(lost);
    Ok((network, plan, warnings))
}

/// Plans and compiles a model for a chip.
pub fn prepare(model: &Model, chip: Chip) -> Result<Prepared, Diagnostics> {
    let (network, plan, warnings) = planned(model, &chip)?;
    plan_of_rules(&network, &plan)?;
    let compiled = compile(&network, &plan, &chip, &identity(model))?;
    Ok(Prepared { chip, network, plan, compiled, warnings })
}

/// The author's formats, as the plan asks for them.
pub fn requests(model: &Model) -> Requests {
    let request = |f: &FormatOverride| FormatRequest {
        bits: Some(f.bits),
        frac: Some(f.frac),
        signed: f.signed,
        rounding: f.rounding,
    };
    model.formats.iter().map(|f| (model.network.full_name(f.state), request(f))).collect()
}

/// What a model says beyond its network.
pub fn identity(model: &Model) -> Identity {
    Identity {
        model_hash: model.hash.to_string(),
        seed: model.seed,
        step_ms: model.step_ms,
        neurons_per_core: model.neurons_per_core,
        rates: model.rates.iter().cloned().collect(),
    }
}

/// The same network with its rules taken out: what they changed are parameters now.
///
/// Errors: those of [`verify()`]; none are expected, since less is bound than before.
pub fn without_learning(net: &CheckedNetwork) -> Result<CheckedNetwork, Diagnostics> {
    let mut plain = net.network().clone();
    let learnt: Vec<_> = net
        .phases
        .values()
        .filter(|p| p.group == Group::Plasticity)
        .flat_map(|p| p.writes.clone())
        .collect();
    plain.phases = net.phases.values().filter(|p| p.group != Group::Plasticity).cloned().collect();
    for state in learnt {
        plain.states[state].role = StateRole::Parameter;
    }
    verify(plain)
}
