//! A small network that each test spoils in one place.

#![allow(dead_code, reason = "each test file uses its share")]

use trifactor_diag::{Diagnostic, Diagnostics, Severity};
use trifactor_ir::{CheckedNetwork, ResetGroup, text};
use trifactor_ir::{Delay, Group, Kernel, Read, Role, Sign, SpaceId, StateRole, Values};
use trifactor_quant::{FormatRequest, Plan, Requests};
use trifactor_testkit::builder::{Lif, NetworkBuilder, TraceSpec};
use trifactor_testkit::chips;

/// Two inputs `in` onto two neurons `out` by the projection `ff`, all connected.
pub struct Pair {
    pub b: NetworkBuilder,
    pub input: SpaceId,
    pub out: SpaceId,
    pub ff: SpaceId,
}

impl Pair {
    /// Without weights and delivery.
    pub fn bare(lif: &Lif, sign: Sign) -> Self {
        let mut b = NetworkBuilder::new("pair", 1);
        let input = b.input("in", 2);
        let out = b.lif("out", 2, lif);
        let ff = b.synapses("ff", input, out, sign, &[vec![0, 1], vec![0, 1]]);
        Self { b, input, out, ff }
    }

    /// With weights that nobody changes.
    pub fn fixed(lif: &Lif, weights: Values) -> Self {
        let mut pair = Self::bare(lif, Sign::Mixed);
        let w = pair.b.weight(pair.ff, weights);
        pair.b.deliver(pair.ff, w, Delay::Fixed(0));
        pair
    }

    /// With a weight in -1 to 1 that a rule may change.
    pub fn plastic() -> Self {
        let mut pair = Self::bare(&spiking(), Sign::Mixed);
        let w = pair.own("w", StateRole::Variable, (-1.0, 1.0));
        pair.b.deliver(pair.ff, w, Delay::Fixed(0));
        pair
    }

    /// A variable of the synapses; a parameter takes both ends of its range.
    pub fn own(&mut self, name: &str, role: StateRole, range: (f64, f64)) -> trifactor_ir::StateId {
        let (lo, hi) = range;
        let (init, range) = match role {
            StateRole::Parameter => (Values::PerLane(vec![lo, hi, lo, hi]), None),
            _ => (Values::Constant(0f64.clamp(lo, hi)), Some(range)),
        };
        self.b.state(self.ff, name, role, init, range, ResetGroup::Weights)
    }

    /// A linear trace of the inputs.
    pub fn trace(&mut self, name: &str, keep: f64, impulse: f64) {
        self.b.trace(self.input, name, &TraceSpec { keep, impulse, x_max: None, init: 0.0 });
    }

    /// A modulator.
    pub fn modulator(&mut self, name: &str, range: (f64, f64)) {
        self.b.modulator(name, 1, 0.5, 0.0, Some(range));
    }

    /// Runs a rule over `ff`: own variables, traces and flags by their names, modulators as global.
    pub fn rule(&mut self, kernel: &str) {
        let kernel: Kernel =
            text::parse_kernel(kernel, "rule.kern").unwrap_or_else(|e| panic!("{e}"));
        let net = self.b.network();
        let state = |space, name: &str| {
            Read::State(net.state(space, name).unwrap_or_else(|| panic!("no state {name}")))
        };
        let reads = kernel
            .ports
            .values()
            .map(|p| match (p.role, p.variable.as_str()) {
                (Role::Own, name) => state(self.ff, name),
                (Role::Pre, "x0") => Read::SpikedInEpoch(net.spikes(self.input).expect("spikes")),
                (Role::Pre, name) => state(self.input, name),
                (Role::Post, "y0") => Read::SpikedInEpoch(net.spikes(self.out).expect("spikes")),
                (Role::Post, name) => state(self.out, name),
                (Role::Global, name) => state(net.space(name).expect("a modulator"), "m"),
                (Role::Every(_), _) => Read::EpochFlag,
            })
            .collect();
        let writes = kernel.outputs.iter().map(|o| net.state(self.ff, &o.variable).expect("own"));
        let writes = writes.collect();
        self.b.phase(Group::Plasticity, self.ff, kernel, reads, writes);
    }

    pub fn net(self) -> CheckedNetwork {
        self.b.finish().unwrap_or_else(|e| panic!("the network must verify:\n{e}"))
    }
}

/// A neuron with a threshold of 1.
pub fn spiking() -> Lif {
    Lif { threshold: Some(Values::Constant(1.0)), ..Lif::default() }
}

pub fn plan(
    pair: Pair,
    requests: &[(&str, FormatRequest)],
) -> Result<(Plan, Diagnostics), Diagnostics> {
    let requests: Requests = requests.iter().map(|(n, r)| ((*n).to_owned(), *r)).collect();
    trifactor_quant::plan(&pair.net(), &chips::superset(), &requests)
}

pub fn bits(bits: u8) -> FormatRequest {
    FormatRequest { bits: Some(bits), ..FormatRequest::default() }
}

pub fn frac(frac: i8) -> FormatRequest {
    FormatRequest { frac: Some(frac), ..FormatRequest::default() }
}

/// The findings are this one alone, in these words, with a place and a way out.
#[track_caller]
pub fn only(found: &Diagnostics, severity: Severity, code: &str, message: &str) -> Diagnostic {
    let found: Vec<&Diagnostic> = found.iter().collect();
    let [one] = found.as_slice() else { panic!("not one finding but {found:#?}") };
    assert_eq!((one.severity, one.code, one.message.as_str()), (severity, code, message));
    assert!(one.place.key.is_some(), "{one} has no place");
    assert!(one.hint.as_ref().is_some_and(|h| !h.is_empty()), "{one} has no way out");
    (*one).clone()
}

/// The plan is refused for this alone.
#[track_caller]
pub fn refused(
    pair: Pair,
    requests: &[(&str, FormatRequest)],
    code: &str,
    message: &str,
) -> Diagnostic {
    let found = plan(pair, requests).expect_err("no plan must be made");
    only(&found, Severity::Error, code, message)
}
