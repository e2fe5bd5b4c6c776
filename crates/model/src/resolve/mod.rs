//! From the author's keys to a network: spaces and states first, then phases in the order of S2.
//!
//! Work goes on after a finding wherever later findings do not depend on it, so that an author
//! sees several at once; a network is handed on only when there was none.

mod extras;
mod neurons;
mod rules;
mod synapses;

pub use extras::{FormatOverride, Probe};
pub(crate) use extras::{formats, probes, protocol_faults, thresholds};

use crate::folder::Folder;
use crate::report::Report;
use crate::sums::Sums;
use crate::surface::{ModelFile, Value};
use crate::values::{Lanes, Maker, map_values, offender};
use rules::Program;
use trifactor_ir::{
    Group, Kernel, KernelId, MAX_EPOCH, Network, Phase, Port, Read, ResetGroup, Space, SpaceId,
    SpaceKind, State, StateId, StateRole, Values,
};
use trifactor_stimulus::portable::exp;

/// Most lanes of a population or input.
const MAX_LANES: u32 = 1 << 22;
/// Longest name of a population, input, projection or modulator: full names of states derived
/// from it stay within the 64 bytes of an identifier.
const MAX_NAME: usize = 32;
/// Longest name of a trace or variable of a rule.
const MAX_SHORT_NAME: usize = 16;

/// Everything that has spikes or accumulators, by the author's name.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    kind: PlaceKind,
    space: SpaceId,
    n: u32,
    spike: Option<StateId>,
    /// Accumulator; inputs have none.
    q: Option<StateId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PlaceKind {
    Input,
    Population,
    /// The population whose lanes the lines stand for; `None` for a global line.
    Modulator(Option<SpaceId>, Side),
}

/// A side of a synapse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Pre,
    Post,
}

impl Side {
    const fn word(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Post => "post",
        }
    }
}

pub(crate) struct Resolver<'a> {
    file: &'a ModelFile,
    sums: &'a Sums,
    folder: &'a Folder,
    pub(crate) report: Report,
    network: Network,
    places: Vec<Place>,
    phases: Vec<Phase>,
}

/// The network of a model file; findings are in the resolver's report.
pub(crate) fn resolve(
    file: &ModelFile,
    sums: &Sums,
    folder: &Folder,
    report: Report,
) -> (Network, Report) {
    let mut r = Resolver {
        file,
        sums,
        folder,
        report,
        network: Network::new(&file.name),
        places: Vec::new(),
        phases: Vec::new(),
    };
    r.head();
    r.names();
    r.add_places();
    r.add_modulators();
    for (name, spec) in file.populations.iter() {
        r.population(name, spec);
    }
    for (name, spec) in file.modulators.iter() {
        r.modulator(name, spec);
    }
    let programs: Vec<(&str, Option<Program>)> =
        file.rules.iter().map(|(name, spec)| (name, r.program(name, spec))).collect();
    for (name, spec) in file.projections.iter() {
        r.projection(name, spec, &programs);
    }
    r.unused();
    r.finish()
}

impl<'a> Resolver<'a> {
    fn head(&mut self) {
        let f = self.file;
        if !(f.step_ms.is_finite() && f.step_ms > 0.0) {
            let message = format!("a step of {} ms; it must be above 0", f.step_ms);
            self.report.error("M040", "step_ms", message);
        }
        if f.epoch == 0 || f.epoch > MAX_EPOCH {
            let message = format!("an epoch of {} steps; 1 to {MAX_EPOCH} are allowed", f.epoch);
            self.report.error("M040", "epoch", message);
        }
        if f.neurons_per_core == Some(0) {
            let message = "0 neurons on a core; at least 1 is needed".to_owned();
            self.report.error("M040", "neurons_per_core", message);
        }
        for (name, rate) in f.rates.iter() {
            let key = format!("rates.{name}");
            if f.populations.get(name).is_none() && f.inputs.get(name).is_none() {
                let known = f.inputs.names().chain(f.populations.names());
                self.report.unknown(key, "population or input", name, known);
            } else if !(0.0..=1.0).contains(rate) {
                let message = format!("{rate} spikes of a lane in a step; 0 to 1 are possible");
                self.report.error("M040", key, message);
            }
        }
        self.network.epoch = f.epoch;
    }

    fn names(&mut self) {
        let f = self.file;
        // The model's name stands in images, tables and pictures, where a line has to stay one.
        if f.name.is_empty() || f.name.chars().any(char::is_control) {
            self.report.error_hint(
                "M011",
                "name",
                "the model's name is empty or has control characters".to_owned(),
                "use any printable text; the folder's name is usual",
            );
        }
        let sections: [(&str, Vec<&str>); 4] = [
            ("inputs", f.inputs.names().collect()),
            ("populations", f.populations.names().collect()),
            ("modulators", f.modulators.names().collect()),
            ("projections", f.projections.names().collect()),
        ];
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for (section, names) in sections {
            for name in names {
                let key = format!("{section}.{name}");
                self.name(name, MAX_NAME, &key);
                if let Some((other, _)) = seen.iter().find(|(_, n)| *n == name) {
                    self.report.error("M012", key, format!("'{name}' is also a name in {other}"));
                }
                seen.push((section, name));
            }
        }
        for (rule, spec) in f.rules.iter() {
            self.name(rule, MAX_NAME, &format!("rules.{rule}"));
            for name in spec.traces.names() {
                let key = format!("rules.{rule}.traces.{name}");
                self.name(name, MAX_SHORT_NAME, &key);
                if ["x0", "y0", "w", "d"].contains(&name) || spec.variables.get(name).is_some() {
                    self.report.error(
                        "M012",
                        key,
                        format!("'{name}' already names something a rule reads"),
                    );
                }
            }
            for name in spec.variables.names() {
                self.name(name, MAX_SHORT_NAME, &format!("rules.{rule}.variables.{name}"));
            }
        }
    }

    fn name(&mut self, name: &str, longest: usize, key: &str) {
        let mut bytes = name.bytes();
        let begins = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !(begins
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.len() <= longest)
        {
            self.report.error_hint(
                "M011",
                key,
                format!("'{name}' is not a name"),
                format!("use a letter, then letters, digits and '_', at most {longest} in all"),
            );
        }
    }

    fn lanes(&mut self, n: u32, key: &str) -> u32 {
        if n == 0 || n > MAX_LANES {
            self.report.error(
                "M013",
                format!("{key}.n"),
                format!("{n} lanes; 1 to {MAX_LANES} are allowed"),
            );
            return 1;
        }
        n
    }

    fn add_places(&mut self) {
        let f = self.file;
        let inputs = f.inputs.iter().map(|(name, s)| (name, s.n, true, PlaceKind::Input, "inputs"));
        let populations = f.populations.iter().map(|(name, s)| {
            (name, s.n, s.threshold.is_some(), PlaceKind::Population, "populations")
        });
        for (name, n, spikes, kind, section) in inputs.chain(populations) {
            let n = self.lanes(n, &format!("{section}.{name}"));
            let space = self.space(name, SpaceKind::Population { n });
            let q = (kind == PlaceKind::Population)
                .then(|| self.state(space, "q", StateRole::Accumulator, ResetGroup::Membrane));
            let spike =
                spikes.then(|| self.state(space, "spike", StateRole::Spike, ResetGroup::Membrane));
            self.places.push(Place { name: name.to_owned(), kind, space, n, spike, q });
        }
        for (name, spec) in f.inputs.iter() {
            if let Some(fault) = spec.encoder.as_ref().and_then(|e| e.fault()) {
                self.report.error("M016", format!("inputs.{name}.encoder"), fault);
            }
        }
    }

    fn space(&mut self, name: &str, kind: SpaceKind) -> SpaceId {
        self.network.spaces.push(Space { name: name.to_owned(), kind })
    }

    /// A state that begins at 0 and has no range.
    fn state(&mut self, space: SpaceId, name: &str, role: StateRole, reset: ResetGroup) -> StateId {
        self.network.states.push(State {
            name: name.to_owned(),
            space,
            role,
            init: Values::Constant(0.0),
            range: None,
            reset,
        })
    }

    fn parameter(
        &mut self,
        space: SpaceId,
        name: &str,
        init: Values,
        reset: ResetGroup,
    ) -> StateId {
        let id = self.state(space, name, StateRole::Parameter, reset);
        self.network.states[id].init = init;
        id
    }

    /// The id of an equal kernel, or of a new one.
    fn kernel(&mut self, kernel: &Kernel) -> KernelId {
        let known = self.network.kernels.find(|k| k == kernel);
        known.unwrap_or_else(|| self.network.kernels.push(kernel.clone()))
    }

    fn phase(
        &mut self,
        name: String,
        key: String,
        group: Group,
        kernel: &Kernel,
        over: SpaceId,
        read: impl Fn(&Port) -> Option<Read>,
        writes: Vec<StateId>,
    ) {
        let Some(reads) = kernel.ports.values().map(read).collect::<Option<_>>() else {
            return;
        };
        let kernel = self.kernel(kernel);
        self.phases.push(Phase { name, key, group, kernel, over, reads, writes, stream: 0 });
    }

    fn place(&self, name: &str) -> Option<&Place> {
        self.places.iter().find(|p| p.name == name)
    }

    fn maker(&self) -> Maker<'a> {
        Maker { folder: self.folder, seed: self.file.seed }
    }

    /// Values of a state over plain lanes, each tested.
    fn value(
        &mut self,
        value: &Value,
        place: &Place,
        state: &str,
        key: &str,
        rule: &str,
        legal: impl Fn(f64) -> bool,
    ) -> Option<Values> {
        let name = format!("{}.{state}", place.name);
        let lanes = Lanes::Plain(place.n as usize);
        let values = self.maker().make(value, lanes, &name, key, &mut self.report)?;
        if let Some((lane, v)) = offender(&values, legal) {
            self.report.error("M016", key, format!("the value of lane {lane} is {v}; {rule}"));
            return None;
        }
        Some(values)
    }

    /// The factor kept per step, from exactly one of time constant, loss and factor.
    fn keep(&mut self, leak: Leak<'_>, place: &Place, state: &str, key: &str) -> Option<Values> {
        let names = leak.names;
        let given: Vec<(usize, &Value)> =
            leak.values.iter().enumerate().filter_map(|(i, v)| v.map(|v| (i, v))).collect();
        let [(which, value)] = given[..] else {
            let message =
                format!("{} of {}, {} and {} are given", given.len(), names[0], names[1], names[2]);
            let hint = format!("give exactly one, such as {}: 20.0 (milliseconds)", names[0]);
            self.report.error_hint("M015", key, message, hint);
            return None;
        };
        let key = format!("{key}.{}", names[which]);
        let lanes = Lanes::Plain(place.n as usize);
        let name = format!("{}.{state}", place.name);
        let values = self.maker().raw(value, lanes, &name, &key, &mut self.report)?;
        let legal: fn(f64) -> bool = match which {
            // An infinite time constant keeps everything.
            0 => |tau| tau > 0.0,
            _ => |part| (0.0..=1.0).contains(&part),
        };
        if let Some((lane, v)) = offender(&values, legal) {
            let rule = if which == 0 { "it must be above 0" } else { "it must be from 0 to 1" };
            self.report.error("M016", key, format!("the value of lane {lane} is {v}; {rule}"));
            return None;
        }
        let step = self.file.step_ms;
        Some(map_values(values, |v| match which {
            0 => exp(-step / v),
            1 => 1.0 - v,
            _ => v,
        }))
    }

    /// Bounds as the author wrote them, checked.
    fn range(&mut self, range: Option<(f64, f64)>, key: &str) -> Option<(f64, f64)> {
        let (lo, hi) = range?;
        if !(lo.is_finite() && hi.is_finite() && lo < hi) {
            self.report.error(
                "M025",
                key,
                format!("({lo}, {hi}) is not a range; lo < hi is needed, both finite"),
            );
            return None;
        }
        Some((lo, hi))
    }

    /// Reports initial values outside a range.
    fn inside(&mut self, values: &Values, range: Option<(f64, f64)>, key: &str) {
        let Some((lo, hi)) = range else { return };
        if let Some((lane, v)) = offender(values, |v| (lo..=hi).contains(&v)) {
            self.report.error_hint(
                "M026",
                key,
                format!("the initial value of lane {lane} is {v}, outside its range ({lo}, {hi})"),
                "widen the range or change the value",
            );
        }
    }

    fn unused(&mut self) {
        let f = self.file;
        let read: Vec<&str> = f.projections.iter().map(|(_, p)| p.pre.as_str()).collect();
        for name in f.inputs.names().filter(|n| !read.contains(n)) {
            self.report.warning(
                "M060",
                format!("inputs.{name}"),
                format!("no projection begins at '{name}'"),
                "remove it or connect it",
            );
        }
        for name in f.rules.names() {
            if !f.projections.iter().any(|(_, p)| p.rule.as_deref() == Some(name)) {
                self.report.warning(
                    "M060",
                    format!("rules.{name}"),
                    format!("no projection has the rule '{name}'"),
                    "add rule: to a projection or remove it",
                );
            }
        }
        for (name, _) in f.populations.iter().filter(|(_, p)| p.pseudo_derivative.is_some()) {
            let psi = self.place(name).and_then(|p| self.network.state(p.space, neurons::PSI));
            let Some(psi) = psi else { continue };
            let mut reads = self.phases.iter().flat_map(|p| p.reads.values());
            if !reads.any(|r| *r == Read::State(psi)) {
                self.report.warning(
                    "M034",
                    format!("populations.{name}.pseudo_derivative"),
                    format!("no rule reads 'psi' of '{name}'"),
                    "remove it, or read it in a kernel: in psi: post",
                );
            }
        }
        let sampled = f.protocol.as_ref().map_or(Vec::new(), |p| p.sampler.datasets());
        for name in f.datasets.names().filter(|n| !sampled.contains(n)) {
            self.report.warning(
                "M060",
                format!("datasets.{name}"),
                format!("the protocol does not draw from '{name}'"),
                "name it in the protocol's sampler or remove it",
            );
        }
    }

    fn finish(mut self) -> (Network, Report) {
        // The sort is stable: within a group phases stay in the author's order.
        self.phases.sort_by_key(|p| p.group);
        for (stream, phase) in (0u32..).zip(self.phases) {
            self.network.phases.push(Phase { stream, ..phase });
        }
        (self.network, self.report)
    }
}

/// The three ways to write a leak, with their keys.
#[derive(Clone, Copy)]
struct Leak<'v> {
    values: [Option<&'v Value>; 3],
    names: [&'static str; 3],
}

impl<'v> Leak<'v> {
    fn plain(tau: &'v Option<Value>, decay: &'v Option<Value>, keep: &'v Option<Value>) -> Self {
        Self {
            values: [tau.as_ref(), decay.as_ref(), keep.as_ref()],
            names: ["tau", "decay", "keep"],
        }
    }
}
