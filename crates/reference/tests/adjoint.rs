//! The adjoint of a kernel against central differences.

mod support;

use support::cue::Noise;
use support::scalar::{results, slope, values};
use trifactor_entity::EntityId;
use trifactor_ir::units::{LifParts, cuba_lif};
use trifactor_ir::{Kernel, KernelBuilder, Op, Port, Role, Surrogate, Target, ValueId};
use trifactor_reference::{adjoint, adjoint_within};

/// A random kernel of operations that have a derivative, apart from the kinks of some.
fn random_kernel(noise: &mut Noise) -> Kernel {
    let mut b = KernelBuilder::new("random");
    let mut below = |n: usize| ((noise.uniform() * n as f64) as usize).min(n - 1);
    let roles = [Role::Own, Role::Pre, Role::Post, Role::Global];
    let mut values = Vec::new();
    for i in 0..2 + below(5) {
        values.push(b.port(Port::new(&format!("p{i}"), roles[below(4)])));
    }
    for _ in 0..3 + below(20) {
        let mut any = || values[values.len() - 1 - below(values.len().min(7))];
        let (x, y, z) = (any(), any(), any());
        let op = match below(16) {
            0 => Op::Const(below(9) as f64 / 4.0 - 1.0),
            1..=3 => Op::Add(x, y),
            4..=6 => Op::Sub(x, y),
            7..=11 => Op::Mul(x, y),
            12 => Op::Min(x, y),
            13 => Op::Max(x, y),
            14 => Op::Select { cond: x, then: y, other: z },
            _ => Op::Gt(x, y),
        };
        values.push(b.op(op));
    }
    let targets = [Target::Set, Target::AddPost, Target::AddPre, Target::AddGlobal];
    for i in 0..1 + below(3) {
        let value = values[values.len() - 1 - below(values.len().min(5))];
        b.output(&format!("o{i}"), targets[below(4)], value);
    }
    b.build()
}

/// Whether a small change of the inputs stays on one side of every choice, and numbers are tame.
fn is_smooth_at(kernel: &Kernel, x: &[f64]) -> bool {
    let v = values(kernel, |p| x[p.index()]);
    let apart = |a: ValueId, b: ValueId| (v[a] - v[b]).abs() > 0.02 || a == b;
    kernel.ops.iter().all(|(id, op)| {
        v[id].abs() < 100.0
            && match *op {
                Op::Min(a, b) | Op::Max(a, b) | Op::Gt(a, b) => apart(a, b),
                // A condition that is 0 only by chance would stop being 0.
                Op::Select { cond, .. } => {
                    v[cond].abs() > 0.02 || matches!(kernel.ops[cond], Op::Gt(..) | Op::Const(_))
                }
                _ => true,
            }
    })
}

#[test]
fn the_adjoint_of_a_thousand_random_kernels_agrees_with_central_differences() {
    let mut noise = Noise(77);
    let (mut tested, mut worst, mut with_gradient) = (0, 0.0f64, 0);
    while tested < 1_200 {
        let kernel = random_kernel(&mut noise);
        let mut x: Vec<f64> = kernel.ports.ids().map(|_| 4.0 * noise.uniform() - 2.0).collect();
        if !is_smooth_at(&kernel, &x) {
            continue;
        }
        tested += 1;
        let reverse = adjoint(&kernel);
        let d: Vec<f64> = kernel.outputs.iter().map(|_| 2.0 * noise.uniform() - 1.0).collect();
        let n = kernel.ports.len();
        let gradients =
            results(&reverse, |p| if p.index() < n { x[p.index()] } else { d[p.index() - n] });
        for (port, p) in kernel.ports.iter() {
            let name = format!("d_{}", p.name);
            let at = reverse.outputs.iter().position(|o| o.variable == name);
            let gradient = at.map_or(0.0, |at| gradients[at]);
            with_gradient += usize::from(at.is_some());
            let value = x[port.index()];
            let mut loss = |h: f64| {
                x[port.index()] = value + h;
                let results = results(&kernel, |p| x[p.index()]);
                results.iter().zip(&d).map(|(r, d)| r * d).sum::<f64>()
            };
            let mut pair = |h: f64| (loss(h) - loss(-h)) / (2.0 * h);
            let h = 1e-3;
            // Six points: the error is of order h^6.
            let difference = 1.5 * pair(h) - 0.6 * pair(2.0 * h) + 0.1 * pair(3.0 * h);
            loss(0.0);
            let error = (gradient - difference).abs() / difference.abs().max(1.0);
            worst = worst.max(error);
            assert!(error < 1e-6, "{name}: {gradient} {difference}\n{kernel:?}\n{reverse:?}");
        }
    }
    assert!(worst > 0.0 && with_gradient > 2_000, "{worst} {with_gradient}");
}

#[test]
fn the_derivative_of_a_step_is_its_surrogate() {
    for surrogate in [
        Surrogate::None,
        Surrogate::FastSigmoid { scale: 0.5, beta: 3.0 },
        Surrogate::Exponential { scale: 0.4, beta: 5.0 },
        Surrogate::Triangle { scale: 0.3, beta: 0.7 },
    ] {
        let mut b = KernelBuilder::new("spike");
        let v = b.input("v", Role::Own);
        let s = b.op(Op::Step(v, surrogate));
        b.output("s", Target::Set, s);
        let reverse = adjoint(&b.build());
        if surrogate == Surrogate::None {
            assert!(reverse.outputs.is_empty() && reverse.ops.is_empty());
            continue;
        }
        for x in [-2.0, -0.1, 0.0, 0.3, 1.0] {
            let d = results(&reverse, |p| if p.index() == 0 { x } else { 2.0 })[0];
            assert_eq!(d, 2.0 * slope(f64::abs(x), surrogate));
        }
    }
}

#[test]
fn roles_and_targets_of_the_adjoint_are_transposed() {
    let mut b = KernelBuilder::new("k");
    let own = b.input("w", Role::Own);
    let pre = b.input("x", Role::Pre);
    let post = b.input("y", Role::Post);
    let global = b.input("g", Role::Global);
    let every = b.input("u", Role::Every(2));
    let mut product = b.mul(own, pre);
    for v in [post, global, every] {
        product = b.mul(product, v);
    }
    b.output("w", Target::Set, product);
    b.output("q", Target::AddPost, product);
    b.output("p", Target::AddPre, product);
    b.output("m", Target::AddGlobal, product);
    let reverse = adjoint(&b.build());
    let cotangents: Vec<_> =
        reverse.ports.values().skip(5).map(|p| (p.name.as_str(), p.role)).collect();
    let expected =
        [("d_w", Role::Own), ("d_q", Role::Post), ("d_p", Role::Pre), ("d_m", Role::Global)];
    assert_eq!(cotangents, expected);
    let results: Vec<_> = reverse.outputs.iter().map(|o| (o.variable.as_str(), o.target)).collect();
    let expected = [
        ("d_w", Target::AddOwn),
        ("d_x", Target::AddPre),
        ("d_y", Target::AddPost),
        ("d_g", Target::AddGlobal),
    ];
    assert_eq!(results, expected);
}

#[test]
fn no_gradient_passes_where_a_result_was_held_at_its_range() {
    let mut b = KernelBuilder::new("k");
    let w = b.input("w", Role::Own);
    let half = b.constant(0.5);
    let sum = b.add(w, half);
    b.output("w", Target::Set, sum);
    let kernel = b.build();
    let reverse = adjoint_within(&kernel, &[Some((-1.0, 1.0))]);
    let names: Vec<_> = reverse.ports.values().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["w", "d_w", "new_w"]);
    for (new, gradient) in [(-1.0, 0.0), (-0.9, 3.0), (0.9, 3.0), (1.0, 0.0)] {
        let d = results(&reverse, |p| [0.0, 3.0, new][p.index()]);
        assert_eq!(d, [gradient]);
    }
}

#[test]
fn an_input_whose_name_a_cotangent_would_take_keeps_it() {
    let mut b = KernelBuilder::new("k");
    let w = b.input("w", Role::Own);
    let d_w = b.input("d_w", Role::Own);
    let product = b.mul(w, d_w);
    b.output("w", Target::Set, product);
    let reverse = adjoint(&b.build());
    let names: Vec<_> = reverse.ports.values().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["w", "d_w", "d_w_"]);
    let d = results(&reverse, |p| [2.0, 3.0, 10.0][p.index()]);
    assert_eq!(d, [30.0, 20.0]);
}

/// S27: in the reverse reading the pseudo-derivative is what its equation says.
#[test]
fn the_gradient_passes_through_the_slopes_of_a_pseudo_derivative() {
    let parts = LifParts {
        threshold: true,
        bias: true,
        floor: true,
        refractory: true,
        pseudo_derivative: true,
    };
    let kernel = cuba_lif(parts, Surrogate::None);
    let reverse = adjoint(&kernel);
    let n = kernel.ports.len();
    let psi = kernel.outputs.iter().position(|o| o.variable == "psi").unwrap();
    let mut noise = Noise(5);
    let (mut below, mut above, mut flat) = (0, 0, 0);
    for _ in 0..2_000 {
        let mut x: Vec<f64> = kernel
            .ports
            .values()
            .map(|p| match p.name.as_str() {
                "hold" => f64::from(u8::from(noise.uniform() < 0.2)),
                "threshold" | "centre" => 1.0,
                "v_min" => -1.0,
                "height" => 0.3,
                "slope" => 0.4,
                "refractory" => 2.0,
                _ => 2.0 * noise.uniform() - 0.5,
            })
            .collect();
        let at = |name: &str| kernel.port(name).unwrap().index();
        let v = values(&kernel, |p| x[p.index()])[raised(&kernel)];
        // Kinks: the floor, the threshold and both ends of the triangle.
        if [-1.0, 0.25, 1.0, 1.75].iter().any(|kink| (v - kink).abs() < 1e-3) {
            continue;
        }
        let cotangent = |k: usize| if kernel.outputs[k].variable == "psi" { 1.0 } else { 0.0 };
        let gradients =
            results(
                &reverse,
                |p| if p.index() < n { x[p.index()] } else { cotangent(p.index() - n) },
            );
        let held = x[at("hold")] > 0.0;
        // By hand: the sign of the slope, and nothing outside of the triangle.
        let by_hand = match v {
            _ if held || !(0.25..1.75).contains(&v) => 0.0,
            _ if v < 1.0 => 0.4,
            _ => -0.4,
        };
        below += u32::from(by_hand > 0.0);
        above += u32::from(by_hand < 0.0);
        flat += u32::from(by_hand == 0.0);
        for name in ["q", "bias", "centre", "height", "slope", "u", "keep_v"] {
            let port = at(name);
            let wanted = format!("d_{name}");
            let gradient = reverse.outputs.iter().position(|o| o.variable == wanted);
            let gradient = gradient.map_or(0.0, |k| gradients[k]);
            if ["q", "bias"].contains(&name) {
                assert_eq!(gradient, by_hand, "{name} at v = {v}");
            }
            let value = x[port];
            let mut psi_at = |h: f64| {
                x[port] = value + h;
                results(&kernel, |p| x[p.index()])[psi]
            };
            let difference = (psi_at(1e-4) - psi_at(-1e-4)) / 2e-4;
            psi_at(0.0);
            assert!((gradient - difference).abs() < 1e-9, "{name}: {gradient} {difference}");
        }
    }
    assert!(below > 200 && above > 200 && flat > 200, "{below} {above} {flat}");
}

/// The voltage that is compared with the threshold.
fn raised(kernel: &Kernel) -> ValueId {
    let step = kernel.ops.values().find_map(|op| match *op {
        Op::Step(over, _) => Some(over),
        _ => None,
    });
    match kernel.ops[step.expect("it spikes")] {
        Op::Sub(v, _) => v,
        other => panic!("{other:?} is no distance from a threshold"),
    }
}
