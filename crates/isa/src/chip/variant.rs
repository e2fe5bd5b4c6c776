//! Chip files that only say how they differ from a chip that is built in.

use super::{
    Arithmetic, Chip, ChipError, CoreSizes, Defaults, Mesh, ModulatorUnit, NeuronUnit, RuleForm,
    SynapseUnit, TraceUnit,
};
use ron::Options;
use ron::extensions::Extensions;
use serde::Deserialize;

/// Whether a text is a variant at all; everything else in it is ignored.
#[derive(Deserialize)]
struct Peek {
    #[serde(default)]
    base: String,
}

/// Sections that are given replace those of the base.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    name: String,
    doc: String,
    base: String,
    #[serde(default)]
    mesh: Option<Mesh>,
    #[serde(default)]
    core: Option<CoreSizes>,
    #[serde(default)]
    neuron: Option<NeuronUnit>,
    #[serde(default)]
    synapse: Option<SynapseUnit>,
    #[serde(default)]
    trace: Option<TraceUnit>,
    #[serde(default)]
    modulator: Option<ModulatorUnit>,
    #[serde(default)]
    defaults: Option<Defaults>,
    #[serde(default)]
    rule: Option<RuleForm>,
    #[serde(default)]
    arithmetic: Option<Arithmetic>,
}

/// The whole chip that a variant describes; `None` for a text that names no base.
pub(super) fn parse(text: &str) -> Result<Option<Chip>, ChipError> {
    // A text with an error of syntax is left to the reader of whole chips, which reports it.
    let options = Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
    if !options.from_str::<Peek>(text).is_ok_and(|peek| !peek.base.is_empty()) {
        return Ok(None);
    }
    let v: Variant = options.from_str(text)?;
    let base = Chip::builtin(&v.base).ok_or_else(|| ChipError::UnknownBase {
        base: v.base.clone(),
        known: Chip::builtin_names().collect::<Vec<_>>().join(", "),
    })?;
    Ok(Some(Chip {
        name: v.name,
        doc: v.doc,
        mesh: v.mesh.unwrap_or(base.mesh),
        core: v.core.unwrap_or(base.core),
        neuron: v.neuron.unwrap_or(base.neuron),
        synapse: v.synapse.unwrap_or_else(|| base.synapse.clone()),
        trace: v.trace.unwrap_or_else(|| base.trace.clone()),
        modulator: v.modulator.unwrap_or_else(|| base.modulator.clone()),
        defaults: v.defaults.unwrap_or(base.defaults),
        rule: v.rule.unwrap_or(base.rule),
        arithmetic: v.arithmetic.unwrap_or(base.arithmetic),
        ..base
    }))
}
