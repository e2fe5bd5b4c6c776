//! A plastic projection of a vector file: from its rule strings to the emulator and the fixed
//! reading.
//!
//! The rule is an author's rule like any other: its strings become a kernel, the kernel a plan,
//! the plan microcode and an image. The author's units are raw values here, so that the numbers
//! of the file are those of the registers. Where post spikes are given and not computed, an input
//! makes each neuron fire in the step it is told to, and the weights count so little at the
//! membrane that they cannot.
//!
//! Where traces belong to synapses, each synapse has a pre lane of its own, and the synapses of a
//! post neuron are in projections of their own with post traces of their own. On the chip these
//! are traces of lanes like any others.

use crate::builder::{Builder, Population, first};
use crate::network::WeightFormat;
use crate::registers::Registers;
use crate::sop::Rule;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trifactor_compile::{Identity, compile};
use trifactor_diag::Place;
use trifactor_emu::{Emulator, Options};
use trifactor_fixed::{Draw, TraceLaw};
use trifactor_image::Image;
use trifactor_ir::sop::{ScaleForm, SopRule, parse_sop_as};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Kernel, Port, Read, ResetGroup, Role, Sign, SpaceId, State,
    StateId, StateRole, Values,
};
use trifactor_isa::Chip;
use trifactor_quant::{FormatRequest, Plan, Requests, plan};
use trifactor_reference::FixedMachine;

/// Values of synapses, `[post][pre]`, or of lanes, `[row][lane]`.
pub(crate) type Matrix = Vec<Vec<i64>>;

/// The traces that rules know, pre traces first.
pub(crate) const TRACES: [&str; 5] = ["x1", "x2", "y1", "y2", "y3"];
/// Variables of a synapse.
pub(crate) const VARIABLES: [&str; 3] = ["w", "d", "t"];

/// What is to learn.
pub(crate) struct Task<'a> {
    pub rule: &'a Rule,
    /// How traces decay.
    pub law: TraceLaw,
    pub n_pre: u32,
    pub n_post: u32,
    pub format: WeightFormat,
    /// Last bits of a mantissa that the weights leave out: they count in units of 2^dropped.
    pub dropped: u8,
    /// Weights as they are stored, delays and tags.
    pub initial: [Matrix; 3],
    /// Post traces come from outside; then their time constant.
    pub given: Option<f64>,
    pub post: Post<'a>,
    /// Whether every synapse has traces of its own.
    pub apart: bool,
    /// What an input adds to each neuron's accumulator in the step after the first, in units of a
    /// mantissa or, where its exponent is negative, of the accumulator; empty if nothing.
    pub once: Vec<i64>,
}

/// Where post spikes come from.
pub(crate) enum Post<'a> {
    /// They are told: (step, lane).
    Told(&'a [(u32, u32)]),
    /// Neurons that the projection drives, and a teacher with its weight.
    Neurons(&'a Registers, Option<(WeightFormat, i64)>),
}

/// A projection with its populations, compiled for a peer's chip.
pub(crate) struct Learner {
    net: CheckedNetwork,
    plan: Plan,
    image: Image,
    spaces: Spaces,
    /// Streams of the draws of each trace, in the order of [`TRACES`]; of post traces one for each
    /// projection that has its own.
    pub traces: [Vec<u32>; 5],
    /// Streams of the stores of each projection.
    pub rules: Vec<u32>,
}

struct Spaces {
    pre: SpaceId,
    post: SpaceId,
    teacher: Option<SpaceId>,
    once: Option<SpaceId>,
    synapses: Vec<SpaceId>,
}

const PRE: &str = "pre";
const POST: &str = "post";
const TEACHER: &str = "teacher";
const SYNAPSES: &str = "synapses";
const TOLD: &str = "told";
const ONCE: &str = "once";
const ADDED: &str = "added";
const PROBE: &str = "probe";

/// A spike of the teacher that tells post lanes to fire, in last places of the accumulator.
const COMMAND: f64 = 255.0;
/// Places by which weights are cut off where post spikes are told: the most there are.
const MUTED: i32 = -31;

impl Task<'_> {
    /// Compiles for a chip. Errors: what the compiler found.
    pub fn compile(&self, chip: &Chip) -> Result<Learner, String> {
        let b = Builder::new(self.rule.t_epoch);
        let mut draft = Draft { task: self, chip, b, requests: Requests::new() };
        let pre =
            draft.b.input(PRE, if self.apart { self.n_pre * self.n_post } else { self.n_pre });
        let post = draft.neurons()?;
        let teacher = draft.teacher(post);
        let once = draft.once(post)?;
        let traces = draft.traces(pre, post);
        let kernel = self.rule.kernel()?;
        let read: BTreeSet<String> = kernel.ports.values().map(|p| p.variable.clone()).collect();
        let (mut synapses, mut rules) = (Vec::new(), Vec::new());
        for part in 0..self.parts() {
            let space = draft.synapses(pre, post, &kernel, part)?;
            let named = |trace: &str| self.trace_name(trace, part);
            rules.push(bind(&mut draft.b, space, (pre, post), kernel.clone(), named)?);
            synapses.push(space);
        }
        let unread = TRACES.into_iter().filter(|name| !read.contains(*name)).collect();
        if !self.apart {
            draft.probe(pre, post, unread)?;
        }
        let Draft { b, requests, .. } = draft;
        let net = b.finish()?;
        let (plan, _) = plan(&net, chip, &requests).map_err(|e| first(&e))?;
        let identity =
            Identity { model_hash: String::new(), seed: 0, step_ms: 1.0, ..Identity::default() };
        let compiled = compile(&net, &plan, chip, &identity).map_err(|e| first(&e))?;
        let spaces = Spaces { pre, post, teacher, once, synapses };
        Ok(Learner { net, plan, image: compiled.image, spaces, traces, rules })
    }

    /// Projections that the synapses are in.
    fn parts(&self) -> u32 {
        if self.apart { self.n_pre } else { 1 }
    }

    /// The name of a trace as a projection reads it.
    fn trace_name(&self, trace: &str, part: u32) -> String {
        if self.apart && trace.starts_with('y') {
            format!("{trace}_{part}")
        } else {
            trace.to_owned()
        }
    }

    /// The factor of a trace in a step. By the linear law whole numbers decay to whole numbers, of
    /// which the register below would lose one; so it is the one above.
    fn keep(&self, tau: f64, bits: u8) -> f64 {
        let keep = self.law.keep(tau, 1.0);
        match self.law {
            TraceLaw::Exponential => keep,
            TraceLaw::Linear => {
                let one = f64::from(bits).exp2();
                (((keep.max(0.0) * one).floor() + 1.0) / one).min(1.0)
            }
        }
    }
}

/// The network of a task in the making.
struct Draft<'a> {
    task: &'a Task<'a>,
    chip: &'a Chip,
    b: Builder,
    requests: Requests,
}

impl Draft<'_> {
    fn point(&mut self, state: String, frac: i32) {
        let request = FormatRequest { frac: Some(frac as i8), ..FormatRequest::default() };
        self.requests.insert(state, request);
    }

    /// Places by which a weight moves on its way to the accumulator. A weight of 1 is the unit of
    /// the network, so this is the accumulator's binary point (S11).
    fn exponent(&self) -> i32 {
        match self.task.post {
            Post::Told(_) => MUTED,
            Post::Neurons(..) => self.task.format.exponent,
        }
    }

    fn neurons(&mut self) -> Result<SpaceId, String> {
        let n = self.task.n_post;
        let point = self.exponent() + i32::from(self.chip.arithmetic.neuron.input.unit);
        let place = f64::from(-point).exp2();
        self.point(format!("{POST}.v"), point);
        let population = match self.task.post {
            Post::Neurons(registers, _) => registers.population(POST, n, place)?,
            Post::Told(spikes) => {
                // Nobody can tell a lane to fire in step 1, so it is about to. The voltage is
                // halved in every step, so that what the weights leave behind stays small.
                let first: BTreeSet<u32> =
                    spikes.iter().filter(|s| s.0 == 1).map(|s| s.1).collect();
                let high = f64::from(1 << 20) * place;
                let v = (0..n).map(|lane| if first.contains(&lane) { high } else { 0.0 });
                Population {
                    name: POST,
                    n,
                    du: 4095,
                    dv: 2048,
                    threshold: 64.0 * place,
                    bias: Vec::new(),
                    refractory: 0,
                    v: Values::PerLane(v.collect()),
                }
            }
        };
        Ok(self.b.population(&population))
    }

    /// An input with a synapse to each neuron: the file's teacher, or the one that tells neurons
    /// to fire.
    fn teacher(&mut self, post: SpaceId) -> Option<SpaceId> {
        let (point, raw) = match self.task.post {
            Post::Told(_) => (self.exponent(), COMMAND),
            Post::Neurons(_, teacher) => {
                let (format, weight) = teacher?;
                let raw = format.mantissa(weight, self.chip) as f64;
                (self.exponent() - format.exponent, raw)
            }
        };
        let raw = vec![raw; self.task.n_post as usize];
        Some(self.one_to_one((TEACHER, TOLD), post, point, &raw))
    }

    /// The input that fires once.
    fn once(&mut self, post: SpaceId) -> Result<Option<SpaceId>, String> {
        let once = &self.task.once;
        if once.is_empty() {
            return Ok(None);
        }
        if let Some(far) = once.iter().find(|x| !(-256..=255).contains(*x)) {
            return Err(format!("an input would have to add {far}, and a weight is -256 to 255"));
        }
        let raw: Vec<f64> = once.iter().map(|x| *x as f64).collect();
        let point = self.exponent() - self.task.format.exponent.max(0);
        Ok(Some(self.one_to_one((ONCE, ADDED), post, point, &raw)))
    }

    /// An input with a synapse to each neuron; weights in last places of their format.
    fn one_to_one(
        &mut self,
        (input, projection): (&str, &str),
        post: SpaceId,
        point: i32,
        raw: &[f64],
    ) -> SpaceId {
        let n = self.task.n_post;
        let space = self.b.input(input, n);
        let pairs: Vec<(u32, u32)> = (0..n).map(|lane| (lane, lane)).collect();
        let sign = if raw.iter().any(|w| *w < 0.0) { Sign::Mixed } else { Sign::Excitatory };
        let synapses = self.b.synapses(projection, (space, post), sign, &pairs);
        let weights = raw.iter().map(|w| w * f64::from(-point).exp2()).collect();
        let w = self.b.weight(synapses, Values::PerLane(weights));
        self.b.deliver(synapses, w, Delay::Fixed(0));
        self.point(format!("{projection}.w"), point);
        space
    }

    /// The streams of the draws of all traces.
    fn traces(&mut self, pre: SpaceId, post: SpaceId) -> [Vec<u32>; 5] {
        let decay_bits = self.chip.arithmetic.learning.map_or(16, |engine| engine.trace.decay_bits);
        let mut streams: [Vec<u32>; 5] = Default::default();
        let all = TRACES.into_iter().zip(self.task.rule.traces());
        for ((name, (impulse, tau)), streams) in all.zip(&mut streams) {
            let of_post = name.starts_with('y');
            let outside = self.task.given.filter(|_| of_post);
            let (impulse, tau) = outside.map_or((impulse, tau), |tau| (0.0, tau));
            let (space, population) = if of_post { (post, POST) } else { (pre, PRE) };
            let keep = self.task.keep(tau, decay_bits);
            for part in 0..if of_post { self.task.parts() } else { 1 } {
                let name = self.task.trace_name(name, part);
                streams.push(self.b.trace(space, &name, keep, impulse));
                // What comes from outside is not bounded by the trace unit.
                let bits = self.chip.trace.bits.last().copied().filter(|_| outside.is_some());
                let request = FormatRequest { bits, frac: Some(0), ..FormatRequest::default() };
                self.requests.insert(format!("{population}.{name}"), request);
            }
        }
        streams
    }

    /// A projection with the variables that its rule knows.
    fn synapses(
        &mut self,
        pre: SpaceId,
        post: SpaceId,
        kernel: &Kernel,
        part: u32,
    ) -> Result<SpaceId, String> {
        let chip = &self.chip.name;
        let engine = self.chip.arithmetic.learning;
        let engine = engine.ok_or_else(|| format!("the chip file '{chip}' has no such engine"))?;
        let (n_pre, n_post) = (self.task.n_pre, self.task.n_post);
        let pairs: Vec<(u32, u32)> = if self.task.apart {
            (0..n_post).map(|y| (part * n_post + y, y)).collect()
        } else {
            (0..n_pre).flat_map(|x| (0..n_post).map(move |y| (x, y))).collect()
        };
        let space = if self.task.apart { format!("{SYNAPSES}{part}") } else { SYNAPSES.to_owned() };
        let sign = self.task.format.ir_sign();
        let synapses = self.b.synapses(&space, (pre, post), sign, &pairs);
        let weight = engine.weight(self.task.format.sign);
        let range = |(lo, hi): (i16, i16)| (f64::from(lo), f64::from(hi));
        let ranges = [(weight.lo as f64, weight.hi as f64), range(engine.delay), range(engine.tag)];
        for ((name, matrix), range) in VARIABLES.into_iter().zip(&self.task.initial).zip(ranges) {
            let used = |p: &Port| p.variable == name;
            if name != "w" && !kernel.ports.values().any(used) {
                continue;
            }
            let dropped = if name == "w" { self.task.dropped } else { 0 };
            let unit = f64::from(dropped).exp2();
            let (role, reset) = (StateRole::Variable, ResetGroup::Weights);
            let value = |(x, y): &(u32, u32)| {
                let row = if self.task.apart { part } else { *x };
                matrix[*y as usize][row as usize] as f64 * unit
            };
            let init = Values::PerLane(pairs.iter().map(value).collect());
            let state = self.b.state(synapses, name, role, init, Some(range), reset);
            self.point(format!("{space}.{name}"), -i32::from(dropped));
            if name == "w" {
                self.b.deliver(synapses, state, Delay::Fixed(0));
            }
        }
        Ok(synapses)
    }

    /// A chip keeps only traces that some rule reads. This projection reads the others: it has
    /// weights of 0 and a rule that collects the traces in its tags.
    fn probe(&mut self, pre: SpaceId, post: SpaceId, unread: Vec<&str>) -> Result<(), String> {
        if unread.is_empty() {
            return Ok(());
        }
        let (n_pre, n_post) = (self.task.n_pre, self.task.n_post);
        let pairs: BTreeSet<(u32, u32)> =
            (0..n_pre.max(n_post)).map(|k| (k % n_pre, k % n_post)).collect();
        let pairs: Vec<(u32, u32)> = pairs.into_iter().collect();
        let space = self.b.synapses(PROBE, (pre, post), Sign::Mixed, &pairs);
        let w = self.b.weight(space, Values::Constant(0.0));
        self.b.deliver(space, w, Delay::Fixed(0));
        let (role, reset) = (StateRole::Variable, ResetGroup::Weights);
        self.b.state(space, "t", role, Values::Constant(0.0), Some((0.0, 255.0)), reset);
        self.point(format!("{PROBE}.w"), 0);
        self.point(format!("{PROBE}.t"), 0);
        let terms: Vec<String> = unread.iter().map(|name| format!("u0*{name}")).collect();
        let rule = SopRule { dt: Some(terms.join(" + ")), ..SopRule::default() };
        bind(&mut self.b, space, (pre, post), kernel(&rule)?, str::to_owned)?;
        Ok(())
    }
}

/// The kernel of a rule, its scales as an engine of mantissas and exponents needs them.
pub(crate) fn kernel(rule: &SopRule) -> Result<Kernel, String> {
    parse_sop_as("rule", rule, &Place::at_key("rule"), ScaleForm::Split).map_err(|e| first(&e))
}

/// Binds a rule to its projection; the stream of its draws. `named` gives the name of a trace.
fn bind(
    b: &mut Builder,
    space: SpaceId,
    (pre, post): (SpaceId, SpaceId),
    kernel: Kernel,
    named: impl Fn(&str) -> String,
) -> Result<u32, String> {
    let net = &b.net;
    let find = |space, name: &str| {
        net.state(space, name).ok_or_else(|| format!("'{name}' is no variable here"))
    };
    let lane = |space, name: &str| match name {
        "x0" | "y0" => Ok(Read::SpikedInEpoch(find(space, "spike")?)),
        _ => Ok(Read::State(find(space, &named(name))?)),
    };
    let reads = kernel.ports.values().map(|p| match p.role {
        Role::Own => Ok(Read::State(find(space, &p.variable)?)),
        Role::Pre => lane(pre, &p.variable),
        Role::Post => lane(post, &p.variable),
        Role::Every(_) => Ok(Read::EpochFlag),
        Role::Global => Err(format!("'{}' is no variable here", p.variable)),
    });
    let reads = reads.collect::<Result<Vec<Read>, String>>()?;
    let writes = kernel.outputs.iter().map(|o| find(space, &o.variable));
    let writes = writes.collect::<Result<Vec<StateId>, String>>()?;
    Ok(b.phase(Group::Plasticity, space, kernel, reads, writes))
}

/// Spikes of a population by step.
pub(crate) struct Train(BTreeMap<u32, Vec<u32>>);

impl Train {
    /// From (step, lane).
    pub fn new(spikes: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut steps: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        spikes.for_each(|(step, lane)| {
            steps.entry(step).or_default().insert(lane);
        });
        Self(steps.into_iter().map(|(step, lanes)| (step, lanes.into_iter().collect())).collect())
    }
    fn at(&self, step: u32) -> &[u32] {
        self.0.get(&step).map_or(&[], Vec::as_slice)
    }
}

/// What an emulator was like after a step.
#[derive(Default)]
pub(crate) struct Seen {
    /// u and v.
    pub states: [Vec<i64>; 2],
    pub spikes: Vec<u32>,
    /// At the end of an epoch: variables in the order of [`VARIABLES`], empty where the rule
    /// does not know one, and traces in the order of [`TRACES`], those of one projection after
    /// those of the other.
    pub epoch: Option<([Matrix; 3], [Vec<i64>; 5])>,
}

/// A run of a learner: the emulator, and beside it the fixed reading if that is asked for.
pub(crate) struct Run<'a> {
    learner: &'a Learner,
    emulator: Emulator,
    machine: Option<FixedMachine<'a>>,
    step: u32,
    buffer: Vec<i32>,
}

impl Learner {
    /// A run with the chip's own draws. Errors: the image cannot be run.
    pub fn run(&self) -> Result<Run<'_>, String> {
        let emulator =
            Emulator::load(&self.image, Options::default()).map_err(|e| e.to_string())?;
        Ok(Run { learner: self, emulator, machine: None, step: 0, buffer: Vec::new() })
    }

    fn state(&self, space: SpaceId, name: &str) -> Option<StateId> {
        self.net.state(space, name)
    }

    fn trace(&self, name: &str) -> StateId {
        let space = if name.starts_with('x') { self.spaces.pre } else { self.spaces.post };
        self.state(space, name).expect("internal: every trace is declared")
    }

    /// The names of a trace: one, or one for each projection that has its own.
    fn names(&self, trace: usize) -> Vec<String> {
        let name = TRACES[trace];
        match self.traces[trace].len() {
            1 if self.state(self.spaces.post, name).is_some() || name.starts_with('x') => {
                vec![name.to_owned()]
            }
            parts => (0..parts).map(|part| format!("{name}_{part}")).collect(),
        }
    }

    /// The factor of a trace's decay, raw.
    pub fn keep(&self, trace: usize) -> i64 {
        let x = self.trace(&self.names(trace)[0]);
        let State { space, ref name, .. } = self.net.states[x];
        let keep = self.state(space, &format!("{name}.keep")).expect("internal: a trace decays");
        self.net.states[keep]
            .init
            .bounds()
            .map_or(0, |(keep_of_all, _)| self.plan.states[keep].quantise(keep_of_all))
    }
}

impl Run<'_> {
    /// Begins a trial with draws of a seed, without the fixed reading.
    pub fn begin(&mut self, seed: u32) {
        self.emulator.begin_trial(seed);
        self.machine = None;
        self.step = 0;
    }

    /// Lets the fixed reading run beside the emulator from now on; to be called before a step.
    pub fn compare(&mut self) {
        let mut machine = FixedMachine::new(&self.learner.net, &self.learner.plan);
        machine.restart(self.emulator.seed());
        self.machine = Some(machine);
    }

    /// Replaces the draws of both readings.
    pub fn replace_draws<D: Draw + Clone + Send + Sync + 'static>(&mut self, draws: &D) {
        self.emulator.replace_draws(Arc::new(draws.clone()));
        if let Some(machine) = &mut self.machine {
            machine.replace_draws(Box::new(draws.clone()));
        }
    }

    /// Spikes of the neurons in the last step.
    pub fn spikes(&self) -> &[u32] {
        self.emulator.spikes(self.population(POST))
    }

    fn population(&self, name: &str) -> usize {
        let named = &self.emulator.map().populations;
        named.iter().position(|p| p.name == name).expect("internal: a population of the image")
    }

    /// Gives a trace values from outside, as an embedded processor does.
    pub fn write_trace(&mut self, name: &str, values: &[i64]) -> Result<(), String> {
        let narrow = |v: &i64| i32::try_from(*v).map_err(|_| format!("{name} is {v}"));
        let raw = values.iter().map(narrow).collect::<Result<Vec<i32>, String>>()?;
        for at in self.places(name) {
            self.emulator.write_trace(at, &raw).map_err(|e| e.to_string())?;
        }
        if let Some(machine) = &mut self.machine {
            machine.set_raw(self.learner.trace(name), values);
        }
        Ok(())
    }

    /// Gives weights values from outside, `[post][pre]`, as a host does.
    pub fn write_weights(&mut self, weights: &Matrix) -> Result<(), String> {
        let mut next = vec![0; weights.len()];
        for space in &self.learner.spaces.synapses {
            let wanted = &self.learner.net.spaces[*space].name;
            let at = self.emulator.map().projections.iter().position(|p| p.name == *wanted);
            let at = at.expect("internal: a projection of the image");
            let list = self.emulator.read_field(at, 0).map_err(|e| e.to_string())?;
            let mut raw = Vec::new();
            for synapse in list {
                let row = synapse.post as usize;
                raw.push(weights[row][next[row]]);
                next[row] += 1;
            }
            let narrow: Vec<i32> = raw.iter().map(|w| *w as i32).collect();
            self.emulator.write_field(at, 0, &narrow).map_err(|e| e.to_string())?;
            let state = self.learner.state(*space, VARIABLES[0]);
            if let (Some(machine), Some(state)) = (&mut self.machine, state) {
                machine.set_raw(state, &raw);
            }
        }
        Ok(())
    }

    /// Where the image has a trace: once for each projection that reads it.
    fn places(&self, name: &str) -> Vec<usize> {
        let side = if name.starts_with('x') { PRE } else { POST };
        let full = format!("{side}.{name}");
        let traces = self.emulator.map().traces.iter().enumerate();
        traces.filter(|(_, t)| t.name == full).map(|(at, _)| at).collect()
    }

    /// A step with the spikes of the pre lanes and of the teacher.
    ///
    /// Errors: a lane does not exist, or the two readings part.
    pub fn step(&mut self, pre: &Train, teacher: &Train) -> Result<Seen, String> {
        self.step += 1;
        let spaces = &self.learner.spaces;
        let mut inputs = vec![(self.population(PRE), pre.at(self.step))];
        let mut by_space = vec![(spaces.pre, pre.at(self.step))];
        if let Some(space) = spaces.teacher {
            inputs.push((self.population(TEACHER), teacher.at(self.step)));
            by_space.push((space, teacher.at(self.step)));
        }
        let all: Vec<u32> = (0..self.learner.net.lanes(spaces.post) as u32).collect();
        if let Some(space) = spaces.once.filter(|_| self.step == 1) {
            inputs.push((self.population(ONCE), &all));
            by_space.push((space, &all));
        }
        self.emulator.step(&inputs).map_err(|e| e.to_string())?;
        if let Some(machine) = &mut self.machine {
            machine.step(&by_space);
        }
        let post = self.population(POST);
        let mut seen = Seen { spikes: self.emulator.spikes(post).to_vec(), ..Seen::default() };
        for (k, name) in ["u", "v"].into_iter().enumerate() {
            let read = [Emulator::read_u, Emulator::read_v][k];
            read(&self.emulator, post, &mut self.buffer).map_err(|e| e.to_string())?;
            seen.states[k] = self.buffer.iter().map(|x| i64::from(*x)).collect();
            let state = self.learner.state(spaces.post, name);
            self.same(state.expect("internal: a state of neurons"), &seen.states[k])?;
        }
        if self.step.is_multiple_of(self.learner.net.epoch) {
            seen.epoch = Some((self.variables()?, self.traces()?));
        }
        Ok(seen)
    }

    fn variables(&self) -> Result<[Matrix; 3], String> {
        let map = self.emulator.map();
        let mut found = [Vec::new(), Vec::new(), Vec::new()];
        for space in &self.learner.spaces.synapses {
            let wanted = &self.learner.net.spaces[*space].name;
            let at = map.projections.iter().position(|p| p.name == *wanted);
            let at = at.expect("internal: a projection of the image");
            for (matrix, name) in found.iter_mut().zip(VARIABLES) {
                let named = map.projections[at].fields.iter().position(|f| f.name == name);
                let Some(field) = named else { continue };
                let list = self.emulator.read_field(at, field).map_err(|e| e.to_string())?;
                let raw: Vec<i64> = list.iter().map(|s| s.raw.into()).collect();
                let state = self.learner.state(*space, name);
                self.same(state.expect("internal: a variable of the rule"), &raw)?;
                matrix.resize(map.projections[at].n_post as usize, Vec::new());
                for synapse in list {
                    matrix[synapse.post as usize].push(synapse.raw.into());
                }
            }
        }
        Ok(found)
    }

    fn traces(&self) -> Result<[Vec<i64>; 5], String> {
        let mut found: [Vec<i64>; 5] = Default::default();
        let (mut lanes, mut all) = (Vec::new(), Vec::new());
        for (trace, values) in found.iter_mut().enumerate() {
            for name in self.learner.names(trace) {
                all.clear();
                for at in self.places(&name) {
                    self.emulator.read_trace(at, &mut lanes).map_err(|e| e.to_string())?;
                    all.resize(lanes.len(), None);
                    all.iter_mut().zip(&lanes).for_each(|(x, here)| *x = x.or(*here));
                }
                // Every lane has a synapse, so every lane is somewhere, if the trace is.
                let raw: Vec<i64> = all.iter().flatten().map(|x: &i32| i64::from(*x)).collect();
                if !all.is_empty() {
                    self.same(self.learner.trace(&name), &raw)?;
                }
                values.extend(raw);
            }
        }
        Ok(found)
    }

    fn same(&self, state: StateId, emulated: &[i64]) -> Result<(), String> {
        let Some(machine) = &self.machine else { return Ok(()) };
        if machine.raw(state) == emulated {
            return Ok(());
        }
        let name = self.learner.net.full_name(state);
        Err(format!("in step {} the emulator and the fixed reading differ in '{name}'", self.step))
    }
}
