//! `cuba_lif/1`: a few neurons, their states in every step.

use crate::Finding;
use crate::network::{Connection, Neurons, SignMode, WeightFormat};
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use std::collections::BTreeMap;
use trifactor_fixed::{QFormat, RawRange};
use trifactor_isa::Chip;

#[derive(Deserialize)]
struct File {
    params: Params,
    projections: Vec<Projection>,
    input_spikes: Vec<(u32, u32)>,
    expected: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
pub(crate) struct Params {
    pub steps: u32,
    pub n_neurons: u32,
    #[serde(alias = "n_ext")]
    pub n_inputs: u32,
    pub du: u32,
    pub dv: u32,
    pub vth_mant: i64,
    pub bias_mant: Vec<i64>,
    pub bias_exp: Vec<i32>,
    pub refractory: u32,
}

impl Params {
    /// The neurons, without connections.
    pub fn neurons(&self) -> Result<Neurons, String> {
        let n = self.n_neurons as usize;
        if self.bias_mant.len() != n || self.bias_exp.len() != n {
            return Err(format!("bias_mant and bias_exp do not have {n} entries"));
        }
        let bias = self.bias_mant.iter().zip(&self.bias_exp).map(|(m, e)| {
            if (-31..=31).contains(e) { Ok(trifactor_fixed::shifted(*m, *e)) } else { Err(*e) }
        });
        let bias: Result<Vec<i64>, i32> = bias.collect();
        Ok(Neurons {
            n: self.n_neurons,
            n_inputs: self.n_inputs,
            du: self.du,
            dv: self.dv,
            vth_mant: self.vth_mant,
            bias: bias.map_err(|e| format!("bias_exp is {e}"))?,
            refractory: self.refractory.max(1),
            connections: Vec::new(),
        })
    }
}

#[derive(Deserialize)]
struct Projection {
    inputs: Vec<u32>,
    sign_mode: SignMode,
    num_weight_bits: u8,
    weight_exp: i32,
    weights: Vec<Vec<i64>>,
}

#[derive(Deserialize)]
struct Expected {
    u: Vec<Vec<i64>>,
    v: Vec<Vec<i64>>,
    spikes: Vec<(u32, u32)>,
    stored_weights: Option<Vec<Vec<Vec<i64>>>>,
    effective_weights: Option<Vec<Vec<Vec<i64>>>>,
}

/// Compares every peer.
pub(crate) fn run(vector: &Vector) -> Findings {
    vector.per_peer(|f: &File| &f.expected, compare)
}

fn compare(file: &File, expected: &Expected, chip: &Chip) -> Result<Finding, String> {
    let mut neurons = file.params.neurons()?;
    let mut formats = Vec::new();
    for projection in &file.projections {
        let format = projection.format()?;
        neurons.connections.push(projection.connection(format, &file.params)?);
        formats.push(format);
    }
    let weights = weights(file, &formats, expected, chip)?;
    let compiled = neurons.compile(chip)?;
    let mut states = States::new(chip);
    let mut spikes = Vec::new();
    compiled.run(file.params.steps, &file.input_spikes, |step, now| {
        let row = step as usize - 1;
        states.compare("u", step, &now.u, expected.u.get(row));
        states.compare("v", step, &now.v, expected.v.get(row));
        spikes.extend(now.spikes.iter().map(|lane| (step, *lane)));
    })?;
    if let Some(difference) = states.difference {
        return difference;
    }
    if spikes != sorted(&expected.spikes) {
        return Err("the spikes differ".to_owned());
    }
    let steps = file.params.steps;
    Ok(Finding::Exact(format!("u, v and spikes of {steps} steps{weights}")))
}

/// The widest registers stand for a peer whose states are real numbers; others have a range of
/// their own, and leaving it is a difference.
const REAL_BITS: u8 = 32;

/// Compares states step by step, up to the first difference.
pub(crate) struct States {
    range: RawRange,
    bits: u8,
    /// What the first difference means.
    pub difference: Option<Result<Finding, String>>,
}

impl States {
    pub fn new(chip: &Chip) -> Self {
        let bits = chip.neuron.state_bits;
        Self { range: QFormat::signed(bits, 0).raw_range(), bits, difference: None }
    }

    pub fn compare(&mut self, name: &str, step: u32, got: &[i64], wanted: Option<&Vec<i64>>) {
        if self.difference.is_some() || wanted.map(Vec::as_slice) == Some(got) {
            return;
        }
        let Some(wanted) = wanted.filter(|w| w.len() == got.len()) else {
            self.difference = Some(Err(format!("{name} of step {step} is not recorded")));
            return;
        };
        // A peer whose states are real numbers leaves the range of every register at some time.
        let RawRange { lo, hi } = self.range;
        let held: Vec<i64> = wanted.iter().map(|x| (*x).clamp(lo, hi)).collect();
        self.difference = Some(if self.bits == REAL_BITS && held == got {
            Ok(Finding::ByDesign(format!(
                "the peer's states are real numbers without a range: its {name} leaves our {} bits \
                 in step {step}, and all states before are the same",
                self.bits
            )))
        } else {
            Err(format!("{name} in step {step} is {got:?}, recorded {wanted:?}"))
        });
    }
}

/// In the order of steps, then lanes.
pub(crate) fn sorted(spikes: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut spikes = spikes.to_vec();
    spikes.sort_unstable();
    spikes
}

/// Compares the weights that the peer stored or used; says what was compared.
fn weights(
    file: &File,
    formats: &[WeightFormat],
    expected: &Expected,
    chip: &Chip,
) -> Result<&'static str, String> {
    let of = |convert: &dyn Fn(WeightFormat, i64) -> i64| -> Vec<Vec<Vec<i64>>> {
        let matrices = file.projections.iter().zip(formats);
        matrices
            .map(|(p, format)| {
                let row = |row: &Vec<i64>| row.iter().map(|w| convert(*format, *w)).collect();
                p.weights.iter().map(row).collect()
            })
            .collect()
    };
    if let Some(stored) = &expected.stored_weights {
        if *stored != of(&|format, w| format.mantissa(w, chip)) {
            return Err("the stored weights differ".to_owned());
        }
        return Ok(", stored weights");
    }
    if let Some(effective) = &expected.effective_weights {
        if *effective != of(&|format, w| format.effective(w, chip)) {
            return Err("the effective weights differ".to_owned());
        }
        return Ok(", effective weights");
    }
    Ok("")
}

impl Projection {
    fn format(&self) -> Result<WeightFormat, String> {
        WeightFormat::new(self.sign_mode, self.num_weight_bits, self.weight_exp)
    }

    fn connection(&self, format: WeightFormat, params: &Params) -> Result<Connection, String> {
        let mut synapses = Vec::new();
        if self.weights.len() != params.n_neurons as usize {
            return Err("a matrix of weights does not have a row for each neuron".to_owned());
        }
        for (post, row) in (0u32..).zip(&self.weights) {
            if row.len() != self.inputs.len() {
                return Err("a row of weights does not have an entry for each input".to_owned());
            }
            for (&pre, &w) in self.inputs.iter().zip(row) {
                if pre >= params.n_inputs {
                    return Err(format!("input {pre} of a projection does not exist"));
                }
                synapses.push((pre, post, w, 0));
            }
        }
        Ok(Connection { recurrent: false, format, synapses })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_peer_of_real_numbers_may_leave_the_range_of_its_registers() {
        for (peer, top, by_design) in
            [("lava-nc", (1 << 23) - 1, false), ("brian2-loihi", i64::from(i32::MAX), true)]
        {
            let mut states = States::new(&Chip::builtin(peer).expect("it is built in"));
            states.compare("u", 1, &[7], Some(&vec![7]));
            assert_eq!(states.difference, None);
            states.compare("u", 2, &[top], Some(&vec![top + 1]));
            let found = states.difference.expect("the numbers differ");
            assert_eq!(matches!(found, Ok(Finding::ByDesign(_))), by_design, "{peer}: {found:?}");
        }
    }
}
