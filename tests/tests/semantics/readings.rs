//! A small network in three readings at once: fixed, float, and the emulator on its image.
//!
//! A [`Sketch`] is written part by part, [`Sketch::build`] plans and compiles it, and a [`Run`]
//! steps all readings together. [`Run::raw`] gives the raw values of a state and fails unless the
//! emulator and the fixed reading hold the same, so an expected integer is checked in both.

use trifactor_compile::structure::{self, Structure};
use trifactor_compile::{Identity, compile};
use trifactor_emu::{Emulator, Options, Reset};
use trifactor_entity::EntityId;
use trifactor_fixed::Rounding;
use trifactor_image::Image;
use trifactor_ir::sop::written_out;
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Kernel, Read, ResetGroup, Role, Sign, SpaceId, SpaceKind,
    StateId, StateRole, Values, text,
};
use trifactor_isa::Chip;
use trifactor_quant::{FormatRequest, Plan, Requests, plan};
use trifactor_reference::FixedMachine;
use trifactor_reference::float::{FloatMachine, InputSpikes};
use trifactor_testkit::builder::{Lif, NetworkBuilder};
use trifactor_testkit::chips;

/// One value for all lanes.
pub fn all(value: f64) -> Values {
    Values::Constant(value)
}

/// One value per lane.
pub fn each(values: &[f64]) -> Values {
    Values::PerLane(values.to_vec())
}

/// Every pre lane to every post lane.
pub fn dense(n_pre: usize, n_post: u32) -> Vec<Vec<u32>> {
    vec![(0..n_post).collect(); n_pre]
}

/// Lane i to lane i.
pub fn one_to_one(n: u32) -> Vec<Vec<u32>> {
    (0..n).map(|lane| vec![lane]).collect()
}

/// A neuron that holds nothing from step to step, so that its v is its input of this step.
pub fn relay(threshold: f64) -> Lif {
    Lif { threshold: Some(all(threshold)), ..echo() }
}

/// A relay without a threshold: its v shows what arrived (S24).
pub fn echo() -> Lif {
    Lif { keep_u: all(0.0), keep_v: all(0.0), ..Lif::default() }
}

/// A variable of synapses: name, initial values, range.
pub type Own<'a> = (&'a str, Values, (f64, f64));

/// A network in the making, with the formats and the chip it is for.
pub struct Sketch {
    /// The network.
    pub b: NetworkBuilder,
    /// The chip; the built-in `superset` unless a test changes it.
    pub chip: Chip,
    /// Length of a step for reports.
    pub step_ms: f64,
    requests: Requests,
}

impl Sketch {
    /// Nothing yet; epochs of so many steps.
    pub fn new(epoch: u32) -> Self {
        Self {
            b: NetworkBuilder::new("case", epoch),
            chip: chips::superset(),
            step_ms: 1.0,
            requests: Requests::new(),
        }
    }

    fn request(&mut self, state: &str) -> &mut FormatRequest {
        self.requests.entry(state.to_owned()).or_default()
    }

    /// Asks for fraction bits.
    pub fn frac(&mut self, state: &str, frac: i8) {
        self.request(state).frac = Some(frac);
    }

    /// Asks for a width and fraction bits.
    pub fn format(&mut self, state: &str, bits: u8, frac: i8) {
        self.request(state).bits = Some(bits);
        self.frac(state, frac);
    }

    /// Asks for a rounding.
    pub fn rounding(&mut self, state: &str, rounding: Rounding) {
        self.request(state).rounding = Some(rounding);
    }

    /// A population whose u and v have so many fraction bits.
    pub fn lif(&mut self, name: &str, n: u32, frac: i8, lif: &Lif) -> SpaceId {
        self.frac(&format!("{name}.v"), frac);
        self.b.lif(name, n, lif)
    }

    /// A trace whose format is given; see [`NetworkBuilder::trace`].
    pub fn trace(
        &mut self,
        space: SpaceId,
        name: &str,
        (bits, frac): (u8, i8),
        spec: &trifactor_testkit::builder::TraceSpec,
    ) -> StateId {
        let population = self.b.network().spaces[space].name.clone();
        self.format(&format!("{population}.{name}"), bits, frac);
        self.b.trace(space, name, spec)
    }

    /// A 16-bit modulator with so many fraction bits.
    pub fn modulator(&mut self, name: &str, n: u32, frac: i8, keep: f64, init: f64) -> SpaceId {
        self.format(&format!("{name}.m"), 16, frac);
        self.b.modulator(name, n, keep, init, None)
    }

    /// A projection that does not learn, its weights in 16 bits.
    pub fn fixed(
        &mut self,
        name: &str,
        (pre, post): (SpaceId, SpaceId),
        rows: &[Vec<u32>],
        (weights, frac): (Values, i8),
        delay: u8,
    ) -> SpaceId {
        let projection = self.b.synapses(name, pre, post, Sign::Mixed, rows);
        self.format(&format!("{name}.w"), 16, frac);
        let w = self.b.weight(projection, weights);
        self.b.deliver(projection, w, Delay::Fixed(delay));
        projection
    }

    /// A projection with variables that a rule may set; the first is the weight. A variable `d`
    /// is the delay. Every other one gets 16 bits and `frac` fraction bits.
    pub fn plastic(
        &mut self,
        name: &str,
        (pre, post): (SpaceId, SpaceId),
        rows: &[Vec<u32>],
        own: &[Own<'_>],
        frac: i8,
    ) -> SpaceId {
        let projection = self.b.synapses(name, pre, post, Sign::Mixed, rows);
        let mut delay = Delay::Fixed(0);
        let mut weight = None;
        for (variable, init, range) in own {
            let (role, reset) = (StateRole::Variable, ResetGroup::Weights);
            let state = self.b.state(projection, variable, role, init.clone(), Some(*range), reset);
            weight.get_or_insert(state);
            if *variable == "d" {
                delay = Delay::PerSynapse(state);
            } else {
                self.format(&format!("{name}.{variable}"), 16, frac);
            }
        }
        self.b.deliver(projection, weight.expect("a projection has a weight"), delay);
        projection
    }

    /// A rule as kernel text. `x0` and `y0` are the spike flags; another factor of a pre or post
    /// lane is that population's trace, or else the modulator of that name.
    pub fn rule(&mut self, projection: SpaceId, source: &str) {
        let kernel = text::parse_kernel(source, "rule").unwrap_or_else(|e| panic!("{e}"));
        self.rule_kernel(projection, kernel);
    }

    /// A rule as a kernel, bound as [`rule`](Self::rule) does.
    pub fn rule_kernel(&mut self, projection: SpaceId, kernel: Kernel) {
        let net = self.b.network();
        let synapses = net.synapses(projection).expect("a rule runs over synapses");
        let own = |name: &str| {
            net.state(projection, name).unwrap_or_else(|| panic!("no variable '{name}'"))
        };
        let line = |name: &str| {
            let space = net.space(name).unwrap_or_else(|| panic!("no modulator '{name}'"));
            net.state(space, "m").expect("a modulator has one variable")
        };
        let lane = |space, name: &str| match name {
            "x0" | "y0" => Read::SpikedInEpoch(net.spikes(space).expect("it spikes")),
            _ => Read::State(net.state(space, name).unwrap_or_else(|| line(name))),
        };
        let read = |p: &trifactor_ir::Port| match p.role {
            Role::Own => Read::State(own(&p.variable)),
            Role::Every(_) => Read::EpochFlag,
            Role::Global => Read::State(line(&p.variable)),
            Role::Pre => lane(synapses.pre, &p.variable),
            Role::Post => lane(synapses.post, &p.variable),
        };
        let reads = kernel.ports.values().map(read).collect();
        let writes = kernel.outputs.iter().map(|o| own(&o.variable)).collect();
        self.b.phase(Group::Plasticity, projection, kernel, reads, writes);
    }

    /// Verifies, plans and compiles.
    pub fn build(self) -> Subject {
        self.build_with(|_, _| {})
    }

    /// As [`build`](Self::build), with a plan that is changed before anything reads it.
    pub fn build_with(self, change: impl FnOnce(&CheckedNetwork, &mut Plan)) -> Subject {
        let Self { b, chip, step_ms, requests } = self;
        let net = b.finish().unwrap_or_else(|e| panic!("{e}"));
        Subject::new(net, &requests, &chip, step_ms, change)
    }

    /// What is wrong with the network, its formats or its rules, as one text.
    pub fn refusal(self) -> String {
        match self.b.finish() {
            Err(findings) => findings.to_string(),
            Ok(net) => {
                let net = evaluated(net, &self.chip);
                let identity = Identity { model_hash: "0".repeat(64), ..Identity::default() };
                let made = plan(&net, &self.chip, &self.requests)
                    .and_then(|(plan, _)| compile(&net, &plan, &self.chip, &identity));
                match made {
                    Err(findings) => findings.to_string(),
                    Ok(_) => panic!("nothing is refused"),
                }
            }
        }
    }
}

/// The network with its rules as the chip evaluates them.
fn evaluated(net: CheckedNetwork, chip: &Chip) -> CheckedNetwork {
    let sums = !chip.rule.is_microcode() && chip.arithmetic.learning.is_none();
    if sums { written_out(&net) } else { net }
}

/// A network with its plan and image.
pub struct Subject {
    /// The network.
    pub net: CheckedNetwork,
    /// Its formats.
    pub plan: Plan,
    /// Its image.
    pub image: Image,
    structure: Structure,
}

/// All readings of a subject after the same steps.
pub struct Run<'a> {
    subject: &'a Subject,
    /// The fixed reading.
    pub fixed: FixedMachine<'a>,
    /// The emulator.
    pub emulator: Emulator,
    /// The float reading.
    pub float: FloatMachine<f64>,
}

impl Subject {
    /// Plans and compiles a network.
    pub fn new(
        net: CheckedNetwork,
        requests: &Requests,
        chip: &Chip,
        step_ms: f64,
        change: impl FnOnce(&CheckedNetwork, &mut Plan),
    ) -> Self {
        chip.check().unwrap_or_else(|e| panic!("{e}"));
        let net = evaluated(net, chip);
        let (mut plan, _) = plan(&net, chip, requests).unwrap_or_else(|e| panic!("{e}"));
        change(&net, &mut plan);
        let identity =
            Identity { model_hash: "0".repeat(64), seed: 0, step_ms, ..Identity::default() };
        let compiled = compile(&net, &plan, chip, &identity).unwrap_or_else(|e| panic!("{e}"));
        let structure = structure::read(&net).expect("it was just compiled");
        Self { net, plan, image: compiled.image, structure }
    }

    /// A state by its full name, such as `out.v`.
    pub fn state(&self, name: &str) -> StateId {
        let found = self.net.states.ids().find(|id| self.net.full_name(*id) == name);
        found.unwrap_or_else(|| panic!("there is no state '{name}'"))
    }

    /// All readings before step 1, with draw seed 0.
    pub fn run(&self) -> Run<'_> {
        let emulator = Emulator::load(&self.image, Options::default());
        Run {
            subject: self,
            fixed: FixedMachine::new(&self.net, &self.plan),
            emulator: emulator.unwrap_or_else(|e| panic!("{e}")),
            float: FloatMachine::new(&self.net, 1),
        }
    }
}

impl Run<'_> {
    /// Begins a trial with a draw seed (S7).
    pub fn trial(&mut self, seed: u32) {
        self.fixed.restart(seed);
        self.emulator.begin_trial(seed);
        self.float.restart();
    }

    /// Resets a group of states (S6).
    pub fn reset(&mut self, group: ResetGroup) {
        self.fixed.reset(&[group]);
        self.emulator.reset(&[match group {
            ResetGroup::Membrane => Reset::Membrane,
            ResetGroup::Traces => Reset::Traces,
            ResetGroup::Modulators => Reset::Modulators,
            ResetGroup::Weights => Reset::Weights,
        }]);
        self.float.reset(&[group]);
    }

    /// One step in which these lanes of input populations fire.
    pub fn step(&mut self, inputs: &[(&str, &[u32])]) {
        let space = |name: &str| {
            let space = self.subject.net.space(name);
            space.unwrap_or_else(|| panic!("there is no input '{name}'"))
        };
        let by_space: Vec<_> = inputs.iter().map(|(name, lanes)| (space(name), *lanes)).collect();
        self.fixed.step(&by_space);
        let index = |space| self.subject.structure.population(space).expect("a population").index();
        let by_index: Vec<_> = by_space.iter().map(|(s, lanes)| (index(*s), *lanes)).collect();
        self.emulator.step(&by_index).unwrap_or_else(|e| panic!("{e}"));
        let spikes: Vec<_> = by_space
            .iter()
            .map(|(space, lanes)| InputSpikes { space: *space, episode: 0, lanes })
            .collect();
        self.float.step(&spikes).unwrap_or_else(|e| panic!("{e}"));
    }

    /// Steps in which no input fires, up to and including a step.
    pub fn silent_until(&mut self, step: u32) {
        while self.fixed.step_number() < step {
            self.step(&[]);
        }
    }

    /// Raw values of a state, the same in the fixed reading and on the chip. Shape: `[lanes]`.
    #[track_caller]
    pub fn raw(&self, name: &str) -> Vec<i64> {
        let state = self.subject.state(name);
        let fixed = self.fixed.raw(state).to_vec();
        let chip = self.on_chip(name, state);
        assert_eq!(chip, fixed, "{name}: chip (left), fixed reading (right)");
        fixed
    }

    /// Values of a state in the float reading. Shape: `[lanes]`.
    pub fn value(&self, name: &str) -> Vec<f64> {
        self.float.state(self.subject.state(name)).to_vec()
    }

    /// Fails unless the raw values are these on the chip and in the fixed reading, and the float
    /// reading has the values they stand for: for cases in which nothing is rounded.
    #[track_caller]
    pub fn expect(&self, name: &str, raw: &[i64]) {
        assert_eq!(self.raw(name), raw, "{name} after step {}", self.fixed.step_number());
        let format = &self.subject.plan.states[self.subject.state(name)];
        let exact: Vec<f64> = raw.iter().map(|r| format.value(*r)).collect();
        assert_eq!(self.value(name), exact, "{name} in the float reading");
    }

    /// Fails unless a state was clipped so often in both integer readings.
    #[track_caller]
    pub fn expect_saturated(&self, name: &str, count: u64) {
        let state = self.subject.state(name);
        assert_eq!(self.fixed.saturated(state), count, "{name} in the fixed reading");
        let space = self.subject.net.states[state].space;
        let key = match self.subject.net.spaces[space].kind {
            SpaceKind::Modulator { .. } => self.subject.net.spaces[space].name.clone(),
            _ => name.to_owned(),
        };
        let counts = self.emulator.saturations();
        let found = counts.iter().find(|s| s.state == key);
        let found = found.unwrap_or_else(|| panic!("the chip does not count '{key}'"));
        assert_eq!(found.count, count, "{name} on the chip");
    }

    fn on_chip(&self, name: &str, id: StateId) -> Vec<i64> {
        let net = &self.subject.net;
        let state = &net.states[id];
        let (emulator, structure) = (&self.emulator, &self.subject.structure);
        let mut values = Vec::new();
        let mut lines = Vec::new();
        if let Some(population) = structure.population(state.space) {
            let at = population.index();
            let read = match state.name.as_str() {
                "u" => emulator.read_u(at, &mut values),
                "v" => emulator.read_v(at, &mut values),
                "hold" => emulator.read_hold(at, &mut values),
                "spike" => {
                    values = vec![0; net.lanes(state.space)];
                    emulator.spikes(at).iter().for_each(|lane| values[*lane as usize] = 1);
                    Ok(())
                }
                _ => {
                    let traces = &self.subject.image.map.traces;
                    let trace = traces.iter().position(|t| t.name == name);
                    let trace = trace.unwrap_or_else(|| panic!("no rule reads '{name}'"));
                    emulator.read_trace(trace, &mut lines)
                }
            };
            read.unwrap_or_else(|e| panic!("{e}"));
        } else if let Some(modulator) = structure.modulator(state.space) {
            let read = emulator.read_modulator(modulator.index(), &mut lines);
            read.unwrap_or_else(|e| panic!("{e}"));
        } else {
            let projection = structure.projections.find(|p| p.space == state.space);
            let projection = projection.unwrap_or_else(|| panic!("'{name}' is no chip's state"));
            let fields = &structure.projections[projection].fields;
            let field = fields.iter().position(|f| *f == id).expect("a field");
            let synapses = emulator.read_field(projection.index(), field);
            let synapses = synapses.unwrap_or_else(|e| panic!("{e}"));
            return synapses.iter().map(|s| s.raw.into()).collect();
        }
        let held =
            |line: &Option<i32>| line.unwrap_or_else(|| panic!("no core holds all '{name}'"));
        values.extend(lines.iter().map(held));
        values.into_iter().map(i64::from).collect()
    }
}
