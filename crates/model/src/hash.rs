//! The hash that ties parameter files to a model.

use std::fmt;
use trifactor_ir::text::print_kernel;
use trifactor_ir::{Delay, Kernel, Network, Op, Read, SpaceKind, StateRole, Surrogate, Synapses};

/// Hash of a model's dynamics and the shapes of its parameters.
///
/// It covers spaces, synapses, states with their ranges, programs and phases. It does not cover
/// values, surrogates, comments, probes, formats, data sets, the protocol, or the name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelHash(pub [u8; 32]);

impl fmt::Display for ModelHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for ModelHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelHash({self})")
    }
}

impl ModelHash {
    /// The hash of a network.
    pub fn of(network: &Network) -> Self {
        let mut h = Hasher(blake3::Hasher::new());
        h.text("trifactor model 1");
        h.number(u64::from(network.epoch));
        h.number(network.spaces.len() as u64);
        for space in network.spaces.values() {
            h.text(&space.name);
            match &space.kind {
                SpaceKind::Population { n } => h.numbers(&[0, u64::from(*n)]),
                SpaceKind::Modulator { n } => h.numbers(&[1, u64::from(*n)]),
                SpaceKind::Synapses(s) => h.synapses(s),
            }
        }
        h.number(network.states.len() as u64);
        for state in network.states.values() {
            h.text(&state.name);
            h.text(&state.space.to_string());
            h.text(match state.role {
                StateRole::Parameter => "parameter",
                StateRole::Variable => "variable",
                StateRole::Accumulator => "accumulator",
                StateRole::Spike => "spike",
            });
            h.text(state.reset.word());
            match state.range {
                None => h.number(0),
                Some((lo, hi)) => h.numbers(&[1, lo.to_bits(), hi.to_bits()]),
            }
        }
        h.number(network.kernels.len() as u64);
        for kernel in network.kernels.values() {
            h.text(&print_kernel(&without_surrogates(kernel)));
        }
        h.number(network.phases.len() as u64);
        for phase in network.phases.values() {
            h.text(&phase.name);
            h.text(phase.group.word());
            h.text(&phase.kernel.to_string());
            h.text(&phase.over.to_string());
            h.number(u64::from(phase.stream));
            h.number(phase.reads.len() as u64);
            phase.reads.values().for_each(|r| h.read(r));
            h.number(phase.writes.len() as u64);
            phase.writes.iter().for_each(|w| h.text(&w.to_string()));
        }
        Self(*h.0.finalize().as_bytes())
    }
}

fn without_surrogates(kernel: &Kernel) -> Kernel {
    let mut plain = kernel.clone();
    for op in plain.ops.values_mut() {
        if let Op::Step(x, _) = *op {
            *op = Op::Step(x, Surrogate::None);
        }
    }
    plain
}

/// Writes length-prefixed pieces, so that no two different networks write the same bytes.
struct Hasher(blake3::Hasher);

impl Hasher {
    fn number(&mut self, n: u64) {
        self.0.update(&n.to_le_bytes());
    }
    fn numbers(&mut self, list: &[u64]) {
        list.iter().for_each(|n| self.number(*n));
    }
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }
    fn list(&mut self, list: &[u32]) {
        self.number(list.len() as u64);
        for part in list.chunks(1 << 12) {
            let bytes: Vec<u8> = part.iter().flat_map(|n| n.to_le_bytes()).collect();
            self.0.update(&bytes);
        }
    }
    fn synapses(&mut self, s: &Synapses) {
        self.number(2);
        self.text(&s.pre.to_string());
        self.text(&s.post.to_string());
        self.number(s.sign as u64);
        self.list(&s.row_start);
        self.list(&s.post_lane);
    }
    fn read(&mut self, read: &Read) {
        match read {
            Read::State(s) => self.text(&format!("state {s}")),
            Read::Arriving { spike, delay: Delay::Fixed(d) } => {
                self.text(&format!("arriving {spike} after {d}"));
            }
            Read::Arriving { spike, delay: Delay::PerSynapse(d) } => {
                self.text(&format!("arriving {spike} after {d} each"));
            }
            Read::SpikedInEpoch(s) => self.text(&format!("spiked {s}")),
            Read::EpochFlag => self.text("epoch flag"),
        }
    }
}
