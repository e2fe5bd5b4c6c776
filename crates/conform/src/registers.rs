//! Neurons in the closed loop of a rule, as the files name their registers.

use crate::builder::Population;
use crate::network::Neurons;
use serde::Deserialize;
use trifactor_fixed::shifted;
use trifactor_ir::Values;

/// Registers of the neurons, as the files name them.
#[derive(Deserialize)]
pub(crate) struct Registers {
    du: u32,
    dv: u32,
    vth: i64,
    #[serde(default)]
    bias_mant: Vec<i64>,
    #[serde(default)]
    bias_exp: Vec<i32>,
    #[serde(default)]
    refractory: u32,
}

impl Registers {
    /// The bias of each neuron.
    fn bias(&self, n: usize) -> Result<Vec<i64>, String> {
        let Self { bias_mant, bias_exp, .. } = self;
        let whole = |len| len == n || len == 0;
        if !whole(bias_mant.len()) || bias_mant.len() != bias_exp.len() {
            return Err(format!("bias_mant and bias_exp do not have {n} entries"));
        }
        if bias_exp.iter().any(|e| !(-31..=31).contains(e)) {
            return Err("bias_exp is not -31 to 31".to_owned());
        }
        let mut bias: Vec<i64> =
            bias_mant.iter().zip(bias_exp).map(|(m, e)| shifted(*m, *e)).collect();
        bias.resize(n, 0);
        Ok(bias)
    }

    /// The same neurons in a network whose membrane has this last place.
    pub fn population<'a>(
        &self,
        name: &'a str,
        n: u32,
        place: f64,
    ) -> Result<Population<'a>, String> {
        let bias = self.bias(n as usize)?;
        Ok(Population {
            name,
            n,
            du: self.du,
            dv: self.dv,
            threshold: self.vth.saturating_mul(64) as f64 * place,
            bias: bias.iter().map(|b| *b as f64 * place).collect(),
            refractory: self.refractory,
            v: Values::Constant(0.0),
        })
    }

    /// The same neurons with so many inputs, which nothing connects yet.
    pub fn neurons(&self, n: u32, n_inputs: u32) -> Result<Neurons, String> {
        Ok(Neurons {
            n,
            n_inputs,
            du: self.du,
            dv: self.dv,
            vth_mant: self.vth,
            bias: self.bias(n as usize)?,
            refractory: self.refractory.max(1),
            connections: Vec::new(),
        })
    }

    /// Neurons that integrate and do nothing else.
    pub fn silent(du: u32) -> Self {
        let none = Vec::new();
        Self { du, dv: 4095, vth: 131_071, bias_mant: none, bias_exp: Vec::new(), refractory: 0 }
    }
}
