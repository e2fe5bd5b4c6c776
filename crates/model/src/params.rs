//! Parameter files: `params.safetensors`, one tensor per state under its full name.

use crate::folder::read_bytes;
use crate::hash::ModelHash;
use crate::report::{Report, suggestion};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::HashMap;
use std::path::Path;
use trifactor_ir::{Network, Sign, StateId, StateRole, Values};

/// Largest parameter file.
const MAX_PARAMS: u64 = 1 << 31;
/// Key of the model's hash among a file's metadata.
const HASH_KEY: &str = "model_hash";

/// Replaces initial values by those of a parameter file. Findings: M001, M050 to M053.
pub(crate) fn apply(
    network: &mut Network,
    path: &Path,
    label: &str,
    hash: &ModelHash,
    report: &mut Report,
) {
    let bytes = match read_bytes(path, MAX_PARAMS) {
        Ok(bytes) => bytes,
        Err(fault) => return report.error("M001", label, format!("{label}: {fault}")),
    };
    let file = match (SafeTensors::read_metadata(&bytes), SafeTensors::deserialize(&bytes)) {
        (Ok((_, head)), Ok(file)) => {
            let theirs = head.metadata().as_ref().and_then(|m| m.get(HASH_KEY));
            if let Some(theirs) = theirs.filter(|t| **t != hash.to_string()) {
                report.error_hint(
                    "M053",
                    label,
                    format!("{label} was made for the model {theirs}; this one is {hash}"),
                    "train again, or use the model the parameters were trained for",
                );
                return;
            }
            file
        }
        (Err(e), _) | (_, Err(e)) => {
            return report.error("M052", label, format!("{label} is not a safetensors file: {e}"));
        }
    };
    let names: Vec<(String, StateId)> =
        network.states.ids().map(|id| (network.full_name(id), id)).collect();
    let mut tensors = file.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, tensor) in tensors {
        let key = format!("{label}:{name}");
        let Some((_, id)) = names.iter().find(|(n, _)| *n == name) else {
            let known: Vec<&str> = names.iter().map(|(n, _)| n.as_str()).collect();
            report.error_hint(
                "M050",
                key,
                format!("the model has no state '{name}'"),
                suggestion(&name, "state", &known),
            );
            continue;
        };
        tensor_into(network, *id, &name, &tensor, &key, report);
    }
}

fn tensor_into(
    network: &mut Network,
    id: StateId,
    name: &str,
    tensor: &TensorView<'_>,
    key: &str,
    report: &mut Report,
) {
    let state = &network.states[id];
    let synapses = network.synapses(state.space);
    let trainable = state.role == StateRole::Parameter
        || (state.role == StateRole::Variable && synapses.is_some());
    if !trainable {
        let message = format!("'{name}' is no parameter; its value follows from the dynamics");
        return report.error("M050", key, message);
    }
    let bytes = tensor.data();
    let mut values: Vec<f64> = match tensor.dtype() {
        Dtype::F64 => bytes
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
            .collect(),
        Dtype::F32 => bytes
            .chunks_exact(4)
            .map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])))
            .collect(),
        other => {
            let message = format!("the tensor '{name}' holds {other:?}; F32 and F64 are read");
            return report.error("M052", key, message);
        }
    };
    let lanes = network.lanes(state.space);
    let shape = tensor.shape();
    let mut expected = format!("[{lanes}]");
    let mut fits = shape == [lanes];
    if let Some(s) = synapses {
        let (n_pre, n_post) = (network.lanes(s.pre), network.lanes(s.post));
        expected = format!("[{lanes}] (synapses) or [{n_pre}, {n_post}] (pre, post)");
        if !fits && shape == [n_pre, n_post] {
            let at = |(p, q): (u32, &u32)| values[p as usize * n_post + *q as usize];
            values = s.pre_lanes().into_iter().zip(&s.post_lane).map(at).collect();
            fits = true;
        }
    }
    if !fits || values.len() != lanes {
        let message = format!("the tensor '{name}' has the shape {shape:?}; expected {expected}");
        return report.error("M051", key, message);
    }
    let sign =
        synapses.map_or(Sign::Mixed, |s| if state.name == "w" { s.sign } else { Sign::Mixed });
    let range = state.range;
    let legal = |v: f64| {
        v.is_finite()
            && range.is_none_or(|(lo, hi)| (lo..=hi).contains(&v))
            && match sign {
                Sign::Mixed => true,
                Sign::Excitatory => v >= 0.0,
                Sign::Inhibitory => v <= 0.0,
            }
    };
    if let Some((lane, v)) = values.iter().enumerate().find(|(_, v)| !legal(**v)) {
        let limit = match (range, sign) {
            (Some((lo, hi)), _) => format!("its range is ({lo}, {hi})"),
            (None, Sign::Mixed) => "only finite numbers are allowed".to_owned(),
            (None, _) => "it has the wrong sign for its projection".to_owned(),
        };
        return report.error(
            "M052",
            key,
            format!("value {lane} of the tensor '{name}' is {v}; {limit}"),
        );
    }
    network.states[id].init = Values::PerLane(values);
}

/// The bytes of a parameter file with these values, for the model with this hash.
///
/// Shapes: each value list has as many entries as its state has lanes, synapses in order of pre,
/// then post lane. Values are stored as F64; equal arguments give equal bytes.
/// Errors: a name given twice, or a list whose length differs from its state's.
pub fn write_params(
    network: &Network,
    hash: &ModelHash,
    values: &[(StateId, &[f64])],
) -> Result<Vec<u8>, ParamsError> {
    let mut tensors: Vec<(String, Vec<u8>)> = Vec::with_capacity(values.len());
    for (id, list) in values {
        let name = network.full_name(*id);
        let lanes = network.lanes(network.states[*id].space);
        if list.len() != lanes {
            return Err(ParamsError::Length { name, have: list.len(), lanes });
        }
        if tensors.iter().any(|(n, _)| *n == name) {
            return Err(ParamsError::Twice { name });
        }
        tensors.push((name, list.iter().flat_map(|v| v.to_le_bytes()).collect()));
    }
    let views = tensors
        .iter()
        .map(|(name, bytes)| {
            let view = TensorView::new(Dtype::F64, vec![bytes.len() / 8], bytes);
            view.map(|v| (name.clone(), v)).map_err(|e| ParamsError::Format(e.to_string()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let head = HashMap::from([(HASH_KEY.to_owned(), hash.to_string())]);
    safetensors::serialize(views, Some(head)).map_err(|e| ParamsError::Format(e.to_string()))
}

/// Why a parameter file could not be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParamsError {
    /// A list of the wrong length.
    #[error("{have} values for '{name}', which has {lanes} lanes")]
    Length {
        /// The state.
        name: String,
        /// Values given.
        have: usize,
        /// Lanes of the state.
        lanes: usize,
    },
    /// A state given twice.
    #[error("'{name}' is given twice")]
    Twice {
        /// The state.
        name: String,
    },
    /// The container refused.
    #[error("{0}")]
    Format(String),
}
