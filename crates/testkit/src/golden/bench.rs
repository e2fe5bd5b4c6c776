//! The smallest network around a golden file's rule: two inputs, two neurons, all connected.

use super::file::{File, Kind};
use crate::builder::{Lif, NetworkBuilder, TraceSpec};
use std::collections::BTreeSet;
use trifactor_compile::lower::{LoweredProjection, lower};
use trifactor_compile::structure::{self, Structure};
use trifactor_diag::Diagnostics;
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Kernel, Phase, PhaseId, Port, Read, ResetGroup, Role, SpaceId,
    StateId, StateRole, Values,
};
use trifactor_isa::Chip;
use trifactor_quant::{Plan, Requests};

/// Lanes on each side.
const N: u32 = 2;

/// A rule in its network.
pub(super) struct Bench {
    pub(super) net: CheckedNetwork,
    pub(super) chip: Chip,
    pub(super) rule: PhaseId,
    requests: Requests,
}

/// A rule as a chip executes it.
pub(super) struct Lowered {
    pub(super) structure: Structure,
    pub(super) projection: LoweredProjection,
    pub(super) fields: Vec<StateId>,
}

impl Bench {
    /// Builds the network: `Err` for faults of the golden file, inside it those of the rule.
    pub(super) fn build(
        file: &File,
        kernel: &Kernel,
    ) -> Result<Result<Self, Diagnostics>, Vec<String>> {
        let Some(chip) = Chip::builtin(&file.chip) else {
            return Err(vec![format!("1: there is no chip '{}'", file.chip)]);
        };
        let set = kernel.outputs.iter().map(|o| o.variable.clone()).collect();
        let mut parts = Parts::new(file, set);
        let reads = kernel.ports.values().map(|p| parts.read(p)).collect();
        let writes: Vec<Option<StateId>> =
            kernel.outputs.iter().map(|o| parts.own(&o.variable)).collect();
        parts.faults.extend(file.variables.iter().filter_map(|(name, v)| {
            let unused = !parts.used.contains(name.as_str());
            unused.then(|| format!("{}: the rule has no use for '{name}'", v.line))
        }));
        let Parts { mut b, ff, requests, faults, .. } = parts;
        if !faults.is_empty() {
            return Err(faults);
        }
        b.phase(
            Group::Plasticity,
            ff,
            kernel.clone(),
            reads,
            writes.into_iter().flatten().collect(),
        );
        Ok(b.finish().map(|net| {
            let rule = net.phases.ids().next_back().expect("the rule is a phase");
            Self { net, chip, rule, requests }
        }))
    }

    /// The rule's phase.
    pub(super) fn phase(&self) -> &Phase {
        &self.net.phases[self.rule]
    }

    /// The rule's kernel.
    pub(super) fn kernel(&self) -> &Kernel {
        &self.net.kernels[self.phase().kernel]
    }

    pub(super) fn plan(&self) -> Result<(Plan, Diagnostics), Diagnostics> {
        trifactor_quant::plan(&self.net, &self.chip, &self.requests)
    }

    pub(super) fn lower(&self, plan: &Plan) -> Result<Lowered, Diagnostics> {
        let structure = structure::read(&self.net)?;
        let lowered = lower(&self.net, plan, &self.chip, &structure)?;
        let id = structure.projections.find(|p| p.rule == Some(self.rule));
        let id = id.expect("the rule's projection is part of the structure");
        let projection = lowered.projections[id].clone();
        let fields = structure.projections[id].fields.clone();
        Ok(Lowered { structure, projection, fields })
    }
}

struct Parts<'f> {
    file: &'f File,
    b: NetworkBuilder,
    input: SpaceId,
    out: SpaceId,
    ff: SpaceId,
    requests: Requests,
    /// Variables that the rule sets.
    set: BTreeSet<String>,
    used: BTreeSet<&'f str>,
    faults: Vec<String>,
}

impl<'f> Parts<'f> {
    fn new(file: &'f File, set: BTreeSet<String>) -> Self {
        let mut b = NetworkBuilder::new("golden", file.epoch);
        let input = b.input("in", N);
        let lif = Lif { threshold: Some(Values::Constant(1.0)), ..Lif::default() };
        let out = b.lif("out", N, &lif);
        let rows = vec![(0..N).collect(); N as usize];
        let ff = b.synapses("ff", input, out, file.sign, &rows);
        let mut parts = Self {
            file,
            b,
            input,
            out,
            ff,
            requests: Requests::new(),
            set,
            used: BTreeSet::new(),
            faults: Vec::new(),
        };
        let weight = parts.declared_own("w");
        let weight = weight.unwrap_or_else(|| parts.b.weight(ff, Values::Constant(0.0)));
        let delay = parts.declared_own("d").map_or(Delay::Fixed(0), Delay::PerSynapse);
        parts.b.deliver(ff, weight, delay);
        parts
    }

    /// A variable that the delivery reads, if the file has it.
    fn declared_own(&mut self, name: &str) -> Option<StateId> {
        self.file.variables.contains_key(name).then(|| self.own(name)).flatten()
    }

    fn fault(&mut self, what: String) {
        self.faults.push(format!("1: {what}"));
    }

    fn declared(&mut self, name: &str, kind: Kind) -> Option<(f64, f64)> {
        let found = self.file.variables.get_key_value(name).filter(|(_, v)| v.kind == kind);
        let Some((name, variable)) = found else {
            let word = match kind {
                Kind::Synapse => "synapse",
                Kind::Trace => "trace",
                Kind::Modulator => "modulator",
            };
            self.fault(format!("the rule needs ';! {word} {name} LOWEST HIGHEST'"));
            return None;
        };
        self.used.insert(name);
        Some(variable.range)
    }

    fn request(&mut self, space: &str, name: &str, variable: &str) {
        self.requests.insert(format!("{space}.{name}"), self.file.variables[variable].request);
    }

    /// A variable of the synapse. What the rule does not set is a parameter that takes both ends.
    fn own(&mut self, name: &str) -> Option<StateId> {
        let range = self.declared(name, Kind::Synapse)?;
        if let Some(state) = self.b.network().state(self.ff, name) {
            return Some(state);
        }
        self.request("ff", name, name);
        let set = self.set.contains(name);
        let role = if set { StateRole::Variable } else { StateRole::Parameter };
        let init = if set {
            Values::Constant(0f64.clamp(range.0, range.1.max(range.0)))
        } else {
            Values::PerLane(vec![range.0, range.1, range.0, range.1])
        };
        let author = set.then_some(range);
        Some(self.b.state(self.ff, name, role, init, author, ResetGroup::Weights))
    }

    /// What an input is bound to. The binding of a name that nobody declared is never used.
    fn read(&mut self, port: &Port) -> Read {
        let flag = |space: SpaceId, b: &NetworkBuilder| {
            Read::SpikedInEpoch(b.network().spikes(space).expect("both sides spike"))
        };
        let name = port.variable.as_str();
        let state = match (port.role, name) {
            (Role::Every(_), _) => return Read::EpochFlag,
            (Role::Own, _) => self.own(name),
            (Role::Pre, "x0") => return flag(self.input, &self.b),
            (Role::Post, "y0") => return flag(self.out, &self.b),
            (Role::Pre, _) => self.lane(self.input, "in", name, N),
            (Role::Post, _) => self.lane(self.out, "out", name, N),
            (Role::Global, _) => self.modulator(name, 1),
        };
        state.map_or(Read::EpochFlag, Read::State)
    }

    fn lane(&mut self, space: SpaceId, place: &str, name: &str, n: u32) -> Option<StateId> {
        if self.file.variables.get(name).is_some_and(|v| v.kind == Kind::Modulator) {
            return self.modulator(name, n);
        }
        let (_, x_max) = self.declared(name, Kind::Trace)?;
        if let Some(state) = self.b.network().state(space, name) {
            return Some(state);
        }
        self.request(place, name, name);
        let spec = TraceSpec { keep: 0.5, impulse: 0.5, x_max: Some(x_max), init: 0.0 };
        Some(self.b.trace(space, name, &spec))
    }

    fn modulator(&mut self, name: &str, n: u32) -> Option<StateId> {
        let range = self.declared(name, Kind::Modulator)?;
        if let Some(space) = self.b.network().space(name) {
            return self.b.network().state(space, "m");
        }
        self.request(name, "m", name);
        let space = self.b.modulator(name, n, 0.5, 0.0, Some(range));
        self.b.network().state(space, "m")
    }
}
