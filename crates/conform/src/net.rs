//! `cuba_network/1`: a recurrent network with external sources.

use crate::Finding;
use crate::lif::{Params, States, sorted};
use crate::network::{Connection, SignMode, WeightFormat};
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use std::collections::BTreeMap;
use trifactor_ir::MAX_DELAY;
use trifactor_isa::Chip;

#[derive(Deserialize)]
struct File {
    params: Params,
    projections: Vec<Projection>,
    ext_spikes: Vec<(u32, u32)>,
    expected: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct Projection {
    src: Source,
    pre: Vec<u32>,
    sign_mode: SignMode,
    num_weight_bits: u8,
    weight_exp: i32,
    synapses: Vec<(u32, usize, i64, u8)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Net,
    Ext,
}

#[derive(Deserialize)]
struct Expected {
    spikes: Vec<(u32, u32)>,
    u_first4: Vec<Vec<i64>>,
    v_first4: Vec<Vec<i64>>,
    u_final: Vec<i64>,
    v_final: Vec<i64>,
}

/// Compares every peer.
pub(crate) fn run(vector: &Vector) -> Findings {
    vector.per_peer(|f: &File| &f.expected, compare)
}

fn compare(file: &File, expected: &Expected, chip: &Chip) -> Result<Finding, String> {
    let mut neurons = file.params.neurons()?;
    for projection in &file.projections {
        neurons.connections.push(projection.connection(&file.params)?);
    }
    let compiled = neurons.compile(chip)?;
    let steps = file.params.steps;
    let mut states = States::new(chip);
    let mut spikes = Vec::new();
    compiled.run(steps, &file.ext_spikes, |step, now| {
        let row = step as usize - 1;
        let first = now.u.len().min(4);
        states.compare("u", step, &now.u[..first], expected.u_first4.get(row));
        states.compare("v", step, &now.v[..first], expected.v_first4.get(row));
        if step == steps {
            states.compare("u", step, &now.u, Some(&expected.u_final));
            states.compare("v", step, &now.v, Some(&expected.v_final));
        }
        spikes.extend(now.spikes.iter().map(|lane| (step, *lane)));
    })?;
    if let Some(difference) = states.difference {
        return difference;
    }
    if spikes != sorted(&expected.spikes) {
        return Err("the spikes differ".to_owned());
    }
    let n = spikes.len();
    Ok(Finding::Exact(format!("{n} spikes, u and v of {steps} steps")))
}

impl Projection {
    fn connection(&self, params: &Params) -> Result<Connection, String> {
        let format = WeightFormat::new(self.sign_mode, self.num_weight_bits, self.weight_exp)?;
        let recurrent = self.src == Source::Net;
        let n_pre = if recurrent { params.n_neurons } else { params.n_inputs };
        let mut synapses = Vec::new();
        for &(post, column, weight, delay) in &self.synapses {
            let pre =
                *self.pre.get(column).ok_or_else(|| format!("there is no column {column}"))?;
            if pre >= n_pre || post >= params.n_neurons {
                return Err(format!("a synapse from {pre} to {post} is outside of the network"));
            }
            if delay > MAX_DELAY {
                return Err(format!(
                    "a delay is {delay} steps, and the chip's are 0 to {MAX_DELAY}"
                ));
            }
            synapses.push((pre, post, weight, delay));
        }
        Ok(Connection { recurrent, format, synapses })
    }
}
