//! The kernels that a chip's fixed-function units implement.
//!
//! A chip file names the unit, the unit is defined here, once. The compiler recognises a phase
//! whose kernel [equals](Kernel::same_program) one of these and emits register settings for it;
//! its meaning stays in the kernel.

use crate::kernel::{Kernel, KernelBuilder, Op, Port, Role, Surrogate, Target, ValueId};

/// Which parts of the CUBA LIF neuron a population uses. What is absent costs nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct LifParts {
    /// Spikes at a threshold; without, the membrane is a graded read-out (S24).
    pub threshold: bool,
    /// A constant input to the membrane in every step.
    pub bias: bool,
    /// A lower bound of the membrane.
    pub floor: bool,
    /// A time after each spike in which the neuron is held (S22). Needs a threshold.
    pub refractory: bool,
    /// Writes its pseudo-derivative in every step (S27). Needs a threshold.
    pub pseudo_derivative: bool,
}

impl LifParts {
    /// All legal combinations.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..32u8)
            .map(|bits| Self {
                threshold: bits & 1 != 0,
                bias: bits & 2 != 0,
                floor: bits & 4 != 0,
                refractory: bits & 8 != 0,
                pseudo_derivative: bits & 16 != 0,
            })
            .filter(|p| p.threshold || !(p.refractory || p.pseudo_derivative))
    }
}

/// The current-based leaky integrate-and-fire neuron, S20 to S24 (equations 6 and 7), and its
/// pseudo-derivative, S27.
///
/// Reads `q u v keep_u keep_v`, and as parts ask `threshold bias v_min refractory hold`, for the
/// pseudo-derivative `centre height slope`; sets `u v`, with a threshold `spike`, with a refractory
/// time `hold`, and `psi`. The threshold is read a second time as `centre`, so that a reading in
/// which somebody else decides who spikes still has the distance of the membrane from it.
pub fn cuba_lif(parts: LifParts, surrogate: Surrogate) -> Kernel {
    let mut b = KernelBuilder::new("cuba_lif");
    let q = b.input("q", Role::Own);
    let u = b.input("u", Role::Own);
    let v = b.input("v", Role::Own);
    let keep_u = b.input("keep_u", Role::Own);
    let keep_v = b.input("keep_v", Role::Own);
    let kept_u = b.mul(u, keep_u);
    let new_u = b.add(kept_u, q);
    let kept_v = b.mul(v, keep_v);
    let mut x = b.add(kept_v, new_u);
    if parts.bias {
        let bias = b.input("bias", Role::Own);
        x = b.add(x, bias);
    }
    if parts.floor {
        let v_min = b.input("v_min", Role::Own);
        x = b.max(x, v_min);
    }
    if !parts.threshold {
        b.output("u", Target::Set, new_u);
        b.output("v", Target::Set, x);
        return b.build();
    }
    let threshold = b.input("threshold", Role::Own);
    let over = b.sub(x, threshold);
    let mut spike = b.op(Op::Step(over, surrogate));
    let zero = b.constant(0.0);
    let mut new_v = b.select(spike, zero, x);
    let mut psi = parts.pseudo_derivative.then(|| triangle(&mut b, x, zero));
    if parts.refractory {
        let refractory = b.input("refractory", Role::Own);
        let hold = b.input("hold", Role::Own);
        let held = b.gt(hold, zero);
        let after = b.select(spike, refractory, zero);
        spike = b.select(held, zero, spike);
        new_v = b.select(held, zero, new_v);
        psi = psi.map(|psi| b.select(held, zero, psi));
        let one = b.constant(1.0);
        let less = b.sub(hold, one);
        let new_hold = b.select(held, less, after);
        b.output("hold", Target::Set, new_hold);
    }
    b.output("u", Target::Set, new_u);
    b.output("v", Target::Set, new_v);
    b.output("spike", Target::Set, spike);
    if let Some(psi) = psi {
        b.output("psi", Target::Set, psi);
    }
    b.build()
}

/// How far a membrane is from its threshold, as a triangle of the given height that falls by
/// `slope` on both sides. Source: S27.
fn triangle(b: &mut KernelBuilder, v: ValueId, zero: ValueId) -> ValueId {
    let centre = b.input("centre", Role::Own);
    let height = b.input("height", Role::Own);
    let slope = b.input("slope", Role::Own);
    let above = b.sub(v, centre);
    let below = b.sub(centre, v);
    let distance = b.max(above, below);
    let fall = b.mul(distance, slope);
    let rest = b.sub(height, fall);
    b.max(rest, zero)
}

/// The linear trace, S30 (equations 8 and 9). Reads `x spike keep impulse`, sets `x`.
pub fn linear_trace() -> Kernel {
    let mut b = KernelBuilder::new("linear_trace");
    let x = b.input("x", Role::Own);
    let s = b.input("spike", Role::Own);
    let keep = b.input("keep", Role::Own);
    let impulse = b.input("impulse", Role::Own);
    let kept = b.mul(x, keep);
    let kick = b.mul(impulse, s);
    let sum = b.add(kept, kick);
    b.output("x", Target::Set, sum);
    b.build()
}

/// The saturating trace, S31 (equation 10). Reads `x spike keep impulse x_max`, sets `x`.
pub fn saturating_trace() -> Kernel {
    let mut b = KernelBuilder::new("saturating_trace");
    let x = b.input("x", Role::Own);
    let s = b.input("spike", Role::Own);
    let keep = b.input("keep", Role::Own);
    let impulse = b.input("impulse", Role::Own);
    let x_max = b.input("x_max", Role::Own);
    let kept = b.mul(x, keep);
    let room = b.sub(x_max, kept);
    let kick = b.mul(impulse, room);
    let gated = b.mul(kick, s);
    let sum = b.add(kept, gated);
    b.output("x", Target::Set, sum);
    b.build()
}

/// The modulator, S36. Reads `m q keep`, sets `m`.
pub fn modulator() -> Kernel {
    let mut b = KernelBuilder::new("modulator");
    let m = b.input("m", Role::Own);
    let q = b.input("q", Role::Own);
    let keep = b.input("keep", Role::Own);
    let kept = b.mul(m, keep);
    let sum = b.add(kept, q);
    b.output("m", Target::Set, sum);
    b.build()
}

/// Delivery of spikes over synapses, S10. Reads `w` and the arriving `spike`, adds to `q`.
pub fn deliver() -> Kernel {
    let mut b = KernelBuilder::new("deliver");
    let w = b.input("w", Role::Own);
    let s = b.port(Port::new("spike", Role::Pre));
    let kick = b.mul(w, s);
    b.output("q", Target::AddPost, kick);
    b.build()
}

/// A fixed-function unit that implements a kernel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unit {
    /// The compartment.
    Lif(LifParts),
    /// The linear trace.
    LinearTrace,
    /// The saturating trace.
    SaturatingTrace,
    /// The modulator line.
    Modulator,
    /// The synapse fetch.
    Deliver,
}

/// The unit whose kernel is the same program, if there is one.
pub fn recognise(kernel: &Kernel) -> Option<Unit> {
    let plain = [
        (Unit::LinearTrace, linear_trace()),
        (Unit::SaturatingTrace, saturating_trace()),
        (Unit::Modulator, modulator()),
        (Unit::Deliver, deliver()),
    ];
    plain
        .into_iter()
        .chain(LifParts::all().map(|p| (Unit::Lif(p), cuba_lif(p, Surrogate::None))))
        .find(|(_, unit)| unit.same_program(kernel))
        .map(|(unit, _)| unit)
}
