//! Small networks and chips of which one resource is too small.

#![allow(dead_code, reason = "each test file uses its share")]

use trifactor_compile::{Compiled, Identity, compile};
use trifactor_diag::{Diagnostic, Diagnostics, Severity};
use trifactor_ir::sop::written_out;
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Kernel, Read, ResetGroup, Role, Sign, SpaceId, StateId,
    StateRole, Values, text,
};
use trifactor_isa::Chip;
use trifactor_quant::{Requests, plan};
use trifactor_testkit::builder::{Lif, NetworkBuilder, TraceSpec};
use trifactor_testkit::chips;

/// A network in the making.
pub struct Draft {
    pub b: NetworkBuilder,
}

impl Draft {
    pub fn new(epoch: u32) -> Self {
        Self { b: NetworkBuilder::new("draft", epoch) }
    }

    /// Inputs `in` and neurons `out`.
    pub fn sides(epoch: u32, n_in: u32, n_out: u32) -> (Self, SpaceId, SpaceId) {
        let mut draft = Self::new(epoch);
        let input = draft.b.input("in", n_in);
        let out = draft.neurons("out", n_out);
        (draft, input, out)
    }

    pub fn neurons(&mut self, name: &str, n: u32) -> SpaceId {
        let lif = Lif { threshold: Some(Values::Constant(1.0)), ..Lif::default() };
        self.b.lif(name, n, &lif)
    }

    /// Synapses between all lanes of two spaces, not yet with a weight.
    pub fn all(&mut self, name: &str, pre: SpaceId, post: SpaceId) -> SpaceId {
        let lanes = |space| self.b.network().lanes(space) as u32;
        let rows = vec![(0..lanes(post)).collect(); lanes(pre) as usize];
        self.b.synapses(name, pre, post, Sign::Mixed, &rows)
    }

    /// All lanes connected by weights of 0.5 that nobody changes.
    pub fn fixed(&mut self, name: &str, pre: SpaceId, post: SpaceId) -> SpaceId {
        let ff = self.all(name, pre, post);
        self.deliver(ff, Delay::Fixed(0));
        ff
    }

    pub fn deliver(&mut self, ff: SpaceId, delay: Delay) {
        let w = self.b.weight(ff, Values::Constant(0.5));
        self.b.deliver(ff, w, delay);
    }

    /// All lanes connected by a weight in -1 to 1 that `kernel` changes.
    pub fn plastic(&mut self, name: &str, pre: SpaceId, post: SpaceId, kernel: &str) -> SpaceId {
        let ff = self.all(name, pre, post);
        let w = self.own(ff, "w", StateRole::Variable);
        self.b.deliver(ff, w, Delay::Fixed(0));
        self.rule(ff, pre, post, kernel);
        ff
    }

    /// A variable of synapses in -1 to 1, or a parameter of 0.25.
    pub fn own(&mut self, ff: SpaceId, name: &str, role: StateRole) -> StateId {
        let variable = role == StateRole::Variable;
        let init = Values::Constant(if variable { 0.0 } else { 0.25 });
        self.b.state(ff, name, role, init, variable.then_some((-1.0, 1.0)), ResetGroup::Weights)
    }

    pub fn trace(&mut self, space: SpaceId, name: &str) -> StateId {
        self.b.trace(
            space,
            name,
            &TraceSpec { keep: 0.5, impulse: 0.5, x_max: Some(1.0), init: 0.0 },
        )
    }

    pub fn modulator(&mut self, name: &str, n: u32) -> SpaceId {
        self.b.modulator(name, n, 0.5, 0.0, Some((-1.0, 1.0)))
    }

    /// Runs a rule; every factor is found by its name, modulators in any role.
    pub fn rule(&mut self, ff: SpaceId, pre: SpaceId, post: SpaceId, kernel: &str) {
        let kernel: Kernel =
            text::parse_kernel(kernel, "rule.kern").unwrap_or_else(|e| panic!("{e}"));
        let net = self.b.network();
        let reads = kernel
            .ports
            .values()
            .map(|p| {
                let name = p.variable.as_str();
                let modulator = net.space(name).and_then(|m| net.state(m, "m"));
                let lane = |space| match (name, modulator) {
                    ("x0" | "y0", _) => Read::SpikedInEpoch(net.spikes(space).expect("spikes")),
                    (_, Some(m)) => Read::State(m),
                    _ => Read::State(net.state(space, name).expect("a trace")),
                };
                match p.role {
                    Role::Own => Read::State(net.state(ff, name).expect("own")),
                    Role::Pre => lane(pre),
                    Role::Post => lane(post),
                    Role::Global => Read::State(modulator.expect("a modulator")),
                    Role::Every(_) => Read::EpochFlag,
                }
            })
            .collect();
        let writes = kernel.outputs.iter().map(|o| net.state(ff, &o.variable).expect("own"));
        let writes = writes.collect();
        self.b.phase(Group::Plasticity, ff, kernel, reads, writes);
    }

    pub fn net(self) -> CheckedNetwork {
        self.b.finish().unwrap_or_else(|e| panic!("the network must verify:\n{e}"))
    }
}

/// The chip `superset` with something changed, which is still a chip.
pub fn chip(change: impl FnOnce(&mut Chip)) -> Chip {
    let mut chip = chips::superset();
    chip.name = "tiny".to_owned();
    change(&mut chip);
    chip.check().unwrap_or_else(|e| panic!("{e}"));
    chip
}

pub fn identity() -> Identity {
    Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0, ..Identity::default() }
}

/// Compiled, its rules as the chip evaluates them.
pub fn made(net: &CheckedNetwork, chip: &Chip) -> Result<Compiled, Diagnostics> {
    let net = if chip.rule.is_microcode() { net.clone() } else { written_out(net) };
    let (plan, _) = plan(&net, chip, &Requests::new()).unwrap_or_else(|e| panic!("no plan: {e}"));
    compile(&net, &plan, chip, &identity())
}

/// The network compiles, and what comes out can be written and read again.
#[track_caller]
pub fn fits(net: &CheckedNetwork, chip: &Chip) -> Compiled {
    let compiled = made(net, chip).unwrap_or_else(|e| panic!("{e}"));
    let bytes = trifactor_image::elf::write(&compiled.image).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        trifactor_image::elf::read(&bytes).unwrap_or_else(|e| panic!("{e}")),
        compiled.image
    );
    compiled
}

/// The network is refused for this alone, with a place and a way out.
#[track_caller]
pub fn refused(net: &CheckedNetwork, chip: &Chip, code: &str, message: &str) -> Diagnostic {
    let found = made(net, chip).expect_err("no image must be made");
    let found: Vec<&Diagnostic> = found.iter().collect();
    let [one] = found.as_slice() else { panic!("not one finding but {found:#?}") };
    assert_eq!((one.severity, one.code, one.message.as_str()), (Severity::Error, code, message));
    assert!(one.place.key.is_some(), "{one} has no place");
    assert!(one.hint.as_ref().is_some_and(|h| !h.is_empty()), "{one} has no way out");
    (*one).clone()
}
