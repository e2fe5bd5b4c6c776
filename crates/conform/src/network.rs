//! A network of a vector file: from its registers to the emulator and the fixed reading.
//!
//! The author's units here are the states' own: every format is given, so that each number of
//! the file is a raw value.

use crate::builder::{Builder, Population, first};
use serde::Deserialize;
use trifactor_compile::{Identity, compile};
use trifactor_emu::{Emulator, Options};
use trifactor_fixed::{MantissaArithmetic, WeightSign, shifted};
use trifactor_image::Image;
use trifactor_ir::{CheckedNetwork, Delay, ResetGroup, Sign, SpaceId, StateRole, Values};
use trifactor_isa::Chip;
use trifactor_quant::{FormatRequest, Plan, Requests, plan};
use trifactor_reference::FixedMachine;

/// Sign mode of a projection, as the files spell it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum SignMode {
    Excitatory,
    Inhibitory,
    Mixed,
}

impl SignMode {
    pub fn sign(self) -> WeightSign {
        match self {
            Self::Excitatory => WeightSign::Excitatory,
            Self::Inhibitory => WeightSign::Inhibitory,
            Self::Mixed => WeightSign::Mixed,
        }
    }
}

/// Format of a projection's weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightFormat {
    pub sign: WeightSign,
    pub bits: u8,
    pub exponent: i32,
}

impl WeightFormat {
    /// Refuses what no chip can hold.
    pub fn new(sign: SignMode, bits: u8, exponent: i32) -> Result<Self, String> {
        if !(1..=8).contains(&bits) {
            return Err(format!("num_weight_bits is {bits}, and weights have 1 to 8"));
        }
        if !(-8..=7).contains(&exponent) {
            return Err(format!("weight_exp is {exponent}, and exponents are -8 to 7"));
        }
        Ok(Self { sign: sign.sign(), bits, exponent })
    }
    fn dropped(self) -> u32 {
        MantissaArithmetic::dropped(self.sign, self.bits)
    }
    /// The signs of a projection of this format.
    pub fn ir_sign(self) -> Sign {
        match self.sign {
            WeightSign::Mixed => Sign::Mixed,
            WeightSign::Excitatory => Sign::Excitatory,
            WeightSign::Inhibitory => Sign::Inhibitory,
        }
    }
    /// The stored number of a mantissa on a chip.
    pub fn stored(self, mantissa: i64, chip: &Chip) -> i64 {
        chip.arithmetic.mantissa.stored(mantissa, self.sign, self.bits, self.exponent)
    }
    /// The mantissa that is left of one.
    pub fn mantissa(self, mantissa: i64, chip: &Chip) -> i64 {
        shifted(self.stored(mantissa, chip), self.dropped() as i32)
    }
    /// What one spike over a synapse of this mantissa adds to u.
    pub fn effective(self, mantissa: i64, chip: &Chip) -> i64 {
        let input = &chip.arithmetic.neuron.input;
        let shift = self.exponent + self.dropped() as i32;
        input.input(input.contribution(self.stored(mantissa, chip), shift))
    }
    /// Bits that hold the stored numbers, the sign included.
    fn width(self) -> u8 {
        self.bits + u8::from(self.sign == WeightSign::Inhibitory)
    }
}

/// Synapses: (pre, post, mantissa, delay).
pub(crate) struct Connection {
    /// Where the spikes come from: the neurons, or outside.
    pub recurrent: bool,
    pub format: WeightFormat,
    pub synapses: Vec<(u32, u32, i64, u8)>,
}

/// A population of neurons with its inputs.
pub(crate) struct Neurons {
    pub n: u32,
    pub n_inputs: u32,
    pub du: u32,
    pub dv: u32,
    pub vth_mant: i64,
    pub bias: Vec<i64>,
    pub refractory: u32,
    pub connections: Vec<Connection>,
}

/// A network, compiled for a peer's chip.
pub(crate) struct Compiled {
    net: CheckedNetwork,
    plan: Plan,
    image: Image,
    neurons: SpaceId,
    input: SpaceId,
}

/// What the neurons did in one step.
pub(crate) struct Step {
    pub u: Vec<i64>,
    pub v: Vec<i64>,
    pub spikes: Vec<u32>,
}

const INPUT: &str = "input";
const NEURONS: &str = "neurons";

impl Neurons {
    /// Compiles for a chip. Errors: what the compiler found.
    pub fn compile(&self, chip: &Chip) -> Result<Compiled, String> {
        let (net, requests, neurons, input) = self.network(chip)?;
        let (plan, _) = plan(&net, chip, &requests).map_err(|e| first(&e))?;
        let identity =
            Identity { model_hash: String::new(), seed: 0, step_ms: 1.0, ..Identity::default() };
        let compiled = compile(&net, &plan, chip, &identity).map_err(|e| first(&e))?;
        Ok(Compiled { net, plan, image: compiled.image, neurons, input })
    }

    fn network(&self, chip: &Chip) -> Result<(CheckedNetwork, Requests, SpaceId, SpaceId), String> {
        let mut b = Builder::new(1);
        let input = b.input(INPUT, self.n_inputs);
        let neurons = self.population(&mut b);
        let mut requests = Requests::new();
        let whole = |bits, frac| FormatRequest { bits, frac: Some(frac), ..Default::default() };
        requests.insert(format!("{NEURONS}.v"), whole(None, 0));
        for (k, connection) in self.connections.iter().enumerate() {
            let pre = if connection.recurrent { neurons } else { input };
            let name = format!("p{k}");
            connection.build(&mut b, &name, pre, neurons, chip)?;
            let format = connection.format;
            let exponent = 6 + format.exponent + format.dropped() as i32;
            let request = whole(Some(format.width()), -(exponent as i8));
            requests.insert(format!("{name}.w"), request);
        }
        Ok((b.finish()?, requests, neurons, input))
    }

    fn population(&self, b: &mut Builder) -> SpaceId {
        let whole = |x: i64| x as f64;
        b.population(&Population {
            name: NEURONS,
            n: self.n,
            du: self.du,
            dv: self.dv,
            threshold: whole(self.vth_mant.saturating_mul(64)),
            bias: self.bias.iter().map(|b| whole(*b)).collect(),
            refractory: self.refractory,
            v: Values::Constant(0.0),
        })
    }
}

impl Connection {
    fn build(
        &self,
        b: &mut Builder,
        name: &str,
        pre: SpaceId,
        post: SpaceId,
        chip: &Chip,
    ) -> Result<(), String> {
        let mut synapses = self.synapses.clone();
        synapses.sort_unstable();
        if let Some(pair) = synapses.windows(2).find(|s| (s[0].0, s[0].1) == (s[1].0, s[1].1)) {
            let (pre, post, ..) = pair[0];
            return Err(format!("projection {name} has two synapses from {pre} to {post}"));
        }
        let pairs: Vec<(u32, u32)> = synapses.iter().map(|s| (s.0, s.1)).collect();
        let space = b.synapses(name, (pre, post), self.format.ir_sign(), &pairs);
        let unit = f64::from(6 + self.format.exponent + self.format.dropped() as i32).exp2();
        let weights = synapses.iter().map(|s| self.format.stored(s.2, chip) as f64 * unit);
        let w = b.weight(space, Values::PerLane(weights.collect()));
        let first = synapses.first().map_or(0, |s| s.3);
        let delay = if synapses.iter().all(|s| s.3 == first) {
            Delay::Fixed(first)
        } else {
            let delays = synapses.iter().map(|s| f64::from(s.3)).collect();
            let (role, reset) = (StateRole::Parameter, ResetGroup::Weights);
            let values = Values::PerLane(delays);
            Delay::PerSynapse(b.state(space, "d", role, values, None, reset))
        };
        b.deliver(space, w, delay);
        Ok(())
    }
}

impl Compiled {
    /// Runs the emulator and the fixed reading side by side; `spikes` are (step from 1, lane) of
    /// the inputs, `visit` sees what the emulator's neurons did.
    ///
    /// Errors: the image cannot be run, or the two readings part.
    pub fn run(
        &self,
        steps: u32,
        spikes: &[(u32, u32)],
        mut visit: impl FnMut(u32, &Step),
    ) -> Result<(), String> {
        let mut emulator =
            Emulator::load(&self.image, Options::default()).map_err(|e| e.to_string())?;
        let mut machine = FixedMachine::new(&self.net, &self.plan);
        let index = |name| emulator.map().populations.iter().position(|p| p.name == name);
        let missing = || "internal: a population is not in the image".to_owned();
        let neurons = index(NEURONS).ok_or_else(missing)?;
        let input = index(INPUT).ok_or_else(missing)?;
        let state =
            |name| self.net.state(self.neurons, name).expect("internal: a state of neurons");
        let (u_state, v_state) = (state("u"), state("v"));
        let (mut u, mut v) = (Vec::new(), Vec::new());
        for step in 1..=steps {
            let mut lanes: Vec<u32> =
                spikes.iter().filter(|(t, _)| *t == step).map(|(_, lane)| *lane).collect();
            lanes.sort_unstable();
            lanes.dedup();
            emulator.step(&[(input, &lanes)]).map_err(|e| e.to_string())?;
            machine.step(&[(self.input, &lanes)]);
            emulator.read_u(neurons, &mut u).map_err(|e| e.to_string())?;
            emulator.read_v(neurons, &mut v).map_err(|e| e.to_string())?;
            let now = Step {
                u: u.iter().map(|x| i64::from(*x)).collect(),
                v: v.iter().map(|x| i64::from(*x)).collect(),
                spikes: emulator.spikes(neurons).to_vec(),
            };
            if machine.raw(u_state) != now.u || machine.raw(v_state) != now.v {
                return Err(format!(
                    "in step {step} the emulator and the fixed reading have different states"
                ));
            }
            visit(step, &now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_fixed::mix32;

    /// Numbers that look drawn.
    struct Drawn(u32);

    impl Drawn {
        fn below(&mut self, n: u32) -> u32 {
            self.0 = self.0.wrapping_add(1);
            mix32(self.0.wrapping_mul(0x9e37_79b9)) % n
        }
        fn pick<T: Copy>(&mut self, list: &[T]) -> T {
            list[self.below(list.len() as u32) as usize]
        }
    }

    fn connection(d: &mut Drawn, recurrent: bool, n_pre: u32, n: u32) -> Connection {
        let sign = d.pick(&[SignMode::Excitatory, SignMode::Inhibitory, SignMode::Mixed]);
        let bits = 1 + d.below(8) as u8;
        let exponent = d.pick(&[-8, -5, -3, -2, -1, 0, 1, 4, 7]);
        let format = WeightFormat::new(sign, bits, exponent).expect("legal");
        let longest = d.pick(&[1, 1, 5, 62]);
        let mut synapses = Vec::new();
        for pre in 0..n_pre {
            for post in 0..n {
                if d.below(3) > 0 {
                    let mantissa = i64::from(d.below(513)) - 256;
                    synapses.push((pre, post, mantissa, d.below(longest) as u8));
                }
            }
        }
        Connection { recurrent, format, synapses }
    }

    /// Every choice of every peer, with delays, shifts to the right and states at their ends;
    /// [`Compiled::run`] compares the two readings.
    #[test]
    fn the_emulator_equals_the_fixed_reading_under_the_arithmetic_of_every_peer() {
        let (mut spikes_seen, mut largest) = (0, 0);
        for seed in 0..60 {
            let mut d = Drawn(seed * 100_000);
            let (n, n_inputs) = (1 + d.below(6), 1 + d.below(4));
            let mut connections = vec![connection(&mut d, false, n_inputs, n)];
            connections.push(connection(&mut d, false, n_inputs, n));
            connections.push(connection(&mut d, true, n, n));
            let bias = |d: &mut Drawn| i64::from(d.pick(&[0i32, 1, -200, 4000 << 7, -4000 << 7]));
            let neurons = Neurons {
                n,
                n_inputs,
                du: d.pick(&[0, 3, 100, 2000, 4094, 4095]),
                dv: d.pick(&[0, 1, 300, 4000, 4095]),
                vth_mant: d.pick(&[1, 50, 3000, 131_071]),
                bias: (0..n).map(|_| bias(&mut d)).collect(),
                refractory: d.pick(&[1, 1, 2, 9]),
                connections,
            };
            let mut input = Vec::new();
            for step in 1..=80 {
                input.extend((0..n_inputs).filter(|_| d.below(2) > 0).map(|lane| (step, lane)));
            }
            for peer in Chip::peer_names() {
                let chip = Chip::builtin(peer).expect("it is listed");
                let compiled =
                    neurons.compile(&chip).unwrap_or_else(|e| panic!("{peer}, seed {seed}: {e}"));
                let ran = compiled.run(80, &input, |_, now| {
                    spikes_seen += now.spikes.len();
                    largest = now.u.iter().map(|u| u.abs()).max().unwrap_or(0).max(largest);
                });
                ran.unwrap_or_else(|e| panic!("{peer}, seed {seed}: {e}"));
            }
        }
        assert!(spikes_seen > 1000 && largest > 1 << 23, "{spikes_seen} spikes, u to {largest}");
    }
}
