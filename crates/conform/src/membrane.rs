//! The neurons of a closed loop around a rule that is interpreted, one step at a time: the functions
//! that the emulator's neuron unit calls, without a network around them.

use crate::builder::Population;
use serde::Deserialize;
use trifactor_fixed::{QFormat, Rounding, scale_decay, shifted};
use trifactor_ir::Values;
use trifactor_isa::Chip;

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

/// Neurons.
pub(crate) struct Membranes<'a> {
    chip: &'a Chip,
    keep: [i64; 2],
    threshold: i64,
    refractory: u32,
    bias: Vec<i64>,
    hold: Vec<u32>,
    pub u: Vec<i64>,
    pub v: Vec<i64>,
    /// Input of the coming step, in the accumulator's unit.
    pub input: Vec<i64>,
    /// Neurons that fired in the last step, ascending.
    pub fired: Vec<u32>,
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
}

impl<'a> Membranes<'a> {
    pub fn new(registers: &Registers, n: usize, chip: &'a Chip) -> Result<Self, String> {
        let bias = registers.bias(n)?;
        let keep = |lost: u32| i64::from(4096 - lost.min(4096));
        Ok(Self {
            chip,
            // The files' convention: the current loses du + 1 parts of 4096, the voltage dv.
            keep: [keep(registers.du.saturating_add(1)), keep(registers.dv)],
            threshold: registers.vth.saturating_mul(64),
            refractory: registers.refractory.max(1),
            bias,
            hold: vec![0; n],
            u: vec![0; n],
            v: vec![0; n],
            input: vec![0; n],
            fired: Vec::new(),
        })
    }

    /// One step. Source: S20 to S23.
    pub fn step(&mut self) {
        let (neuron, own) = (self.chip.arithmetic.neuron, self.chip.neuron.overflow);
        let range = QFormat::signed(self.chip.neuron.state_bits, 0).raw_range();
        self.fired.clear();
        for i in 0..self.u.len() {
            let kept = |x, keep| scale_decay(x, keep, 12, Rounding::Zero, 0);
            let q = std::mem::take(&mut self.input[i]);
            let (u, _) = neuron.current(kept(self.u[i], self.keep[0]), q, range, own);
            let kept_v = kept(self.v[i], self.keep[1]);
            let (v, _) = neuron.voltage(kept_v, u, self.bias[i], range, own);
            let held = self.hold[i] > 0;
            let spike = !held && v > self.threshold;
            if spike {
                self.fired.push(i as u32);
                self.hold[i] = self.refractory;
            }
            self.hold[i] = self.hold[i].saturating_sub(1);
            self.u[i] = u;
            self.v[i] = if held || spike { 0 } else { v };
        }
    }
}
