//! A program against its kernel evaluated lane by lane with plain scalars: as loops over tiles, and
//! as native code of every level this machine has.

use super::program::{Axis, Edges, Lanes, NOWHERE, Program, Shape, Sink};
use super::real::Real;
use proptest::prelude::*;
use std::sync::Arc;
use trifactor_entity::{EntityId, Table};
use trifactor_ir::{
    Kernel, KernelBuilder, Op, Port, Role, Sign, SpaceId, Surrogate, Synapses, Target, ValueId,
};
use trifactor_jit::Level;

/// A source of choices that proptest can shrink: the next number of a list, 0 at its end.
struct Choices<'a>(std::slice::Iter<'a, u32>);

impl Choices<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.0.next().map_or(0, |x| *x as usize % n)
    }
    fn number(&mut self) -> f64 {
        let x = self.below(4001);
        (x as f64 - 2000.0) / 512.0
    }
}

/// A random kernel with every operation, role and target. Without `ends`, own lanes only.
fn kernel(choices: &mut Choices<'_>, ends: bool) -> (Kernel, Vec<Shape>) {
    let mut b = KernelBuilder::new("random");
    let mut values = Vec::new();
    let mut shapes = Vec::new();
    for i in 0..1 + choices.below(6) {
        let (role, axis) = match choices.below(if ends { 6 } else { 3 }) {
            0 | 1 => (Role::Own, Axis::Own),
            2 => (Role::Global, Axis::Global),
            3 | 4 => (Role::Pre, Axis::Pre),
            _ => (Role::Post, Axis::Post),
        };
        shapes.push(Shape { axis, per_episode: choices.below(3) > 0 });
        values.push(b.port(Port::new(&format!("p{i}"), role)));
    }
    for _ in 0..1 + choices.below(24) {
        let any = |n: usize| values[values.len() - 1 - n % values.len().min(6)];
        let (x, y, z) = (any(choices.below(6)), any(choices.below(6)), any(choices.below(6)));
        let surrogate = match choices.below(4) {
            0 => Surrogate::None,
            1 => Surrogate::FastSigmoid { scale: 0.5, beta: 2.0 },
            2 => Surrogate::Exponential { scale: 0.5, beta: 2.0 },
            _ => Surrogate::Triangle { scale: 0.5, beta: 0.25 },
        };
        let op = match choices.below(14) {
            0 => Op::Const(choices.number()),
            1 | 2 => Op::Add(x, y),
            3 | 4 => Op::Sub(x, y),
            5..=7 => Op::Mul(x, y),
            8 => Op::Min(x, y),
            9 => Op::Max(x, y),
            10 => Op::Gt(x, y),
            11 => Op::Sgn(x),
            12 => Op::Bump(x, surrogate),
            _ if choices.below(2) == 0 => Op::Step(x, surrogate),
            _ => Op::Select { cond: x, then: y, other: z },
        };
        values.push(b.op(op));
    }
    for i in 0..1 + choices.below(4) {
        let target = match choices.below(if ends { 6 } else { 4 }) {
            0 | 1 => Target::Set,
            2 => Target::AddOwn,
            3 => Target::AddGlobal,
            4 => Target::AddPre,
            _ => Target::AddPost,
        };
        let value = values[values.len() - 1 - choices.below(values.len().min(8))];
        b.output(&format!("o{i}"), target, value);
    }
    (b.build(), shapes)
}

/// Synapses with about half of all pairs.
fn synapses(choices: &mut Choices<'_>, n_pre: usize, n_post: usize) -> Synapses {
    let mut row_start = vec![0];
    let mut post_lane = Vec::new();
    for _ in 0..n_pre {
        post_lane.extend((0..n_post as u32).filter(|_| choices.below(2) == 0));
        row_start.push(post_lane.len() as u32);
    }
    let end = SpaceId::from_index(0);
    Synapses { pre: end, post: end, sign: Sign::Mixed, row_start, post_lane }
}

/// Every operation of a kernel for one lane and episode.
fn interpret<T: Real>(kernel: &Kernel, input: impl Fn(usize) -> T) -> Vec<T> {
    let mut values: Table<ValueId, T> = Table::new();
    let flag = |c: bool| if c { T::ONE } else { T::ZERO };
    for op in kernel.ops.values() {
        let v = |id: ValueId| values[id];
        let value = match *op {
            Op::Const(c) => T::from_f64(c),
            Op::Port(p) => input(p.index()),
            Op::Add(a, b) => v(a) + v(b),
            Op::Sub(a, b) => v(a) - v(b),
            Op::Mul(a, b) => v(a) * v(b),
            Op::Min(a, b) => {
                if v(a) < v(b) {
                    v(a)
                } else {
                    v(b)
                }
            }
            Op::Max(a, b) => {
                if v(a) > v(b) {
                    v(a)
                } else {
                    v(b)
                }
            }
            Op::Gt(a, b) => flag(v(a) > v(b)),
            Op::Sgn(a) => flag(v(a) > T::ZERO) - flag(v(a) < T::ZERO),
            Op::Step(a, _) => flag(v(a) > T::ZERO),
            Op::Select { cond, then, other } => {
                if v(cond) != T::ZERO {
                    v(then)
                } else {
                    v(other)
                }
            }
            Op::Bump(a, surrogate) => {
                let x = v(a).magnitude();
                let c = T::from_f64;
                match surrogate {
                    Surrogate::None => T::ZERO,
                    Surrogate::FastSigmoid { scale, beta } => {
                        let d = T::ONE + x * c(beta);
                        c(scale) / (d * d)
                    }
                    Surrogate::Exponential { scale, beta } => c(scale) * (c(beta) * x).exp_neg(),
                    Surrogate::Triangle { scale, beta } => {
                        let d = T::ONE - c(beta) * x;
                        c(scale) * if T::ZERO > d { T::ZERO } else { d }
                    }
                }
            }
        };
        values.push(value);
    }
    values.values().copied().collect()
}

/// Whether two numbers have the same bits, or neither is one.
fn same<T: Real>(a: T, b: T) -> bool {
    let (a, b) = (a.to_f64(), b.to_f64());
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Runs a kernel all ways and compares bits.
fn compare<T: Real>(
    numbers: &[u32],
    ends: bool,
    size: usize,
    width: usize,
    odd: u32,
) -> Result<(), TestCaseError> {
    let choices = &mut Choices(numbers.iter());
    let (kernel, shapes) = kernel(choices, ends);
    let (n_pre, n_post) = (1 + choices.below(5), 1 + choices.below(size));
    let (n, edges) = if ends {
        let s = synapses(choices, n_pre, n_post);
        (s.len(), Some(Arc::new(Edges::new(&s, n_post, width))))
    } else {
        (n_post, None)
    };
    let lanes_of = |axis| match axis {
        Axis::Own => n,
        Axis::Pre => n_pre,
        Axis::Post => n_post,
        Axis::Global => 1,
    };
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Where asked for, every so many numbers are not ordinary ones.
        if odd > 0 && (state >> 12).is_multiple_of(odd) {
            let list = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e-39, -3e38];
            return T::from_f64(list[(state >> 24) as usize % list.len()]);
        }
        T::from_f64(f64::from(state >> 20) / 1024.0 - 2.0)
    };
    let mut bank: Vec<Vec<T>> = shapes
        .iter()
        .map(|s| {
            let n = lanes_of(s.axis) * if s.per_episode { width } else { 1 };
            (0..n).map(|_| noise()).collect()
        })
        .collect();
    let inputs: Vec<usize> = (0..shapes.len()).collect();
    let mut sinks = Vec::new();
    let mut outputs = Vec::new();
    for (i, output) in kernel.outputs.iter().enumerate() {
        if i > 0 && choices.below(5) == 0 {
            sinks.push(None);
            outputs.push(NOWHERE);
            continue;
        }
        let clamp = (choices.below(3) == 0).then_some((-0.5, 0.75));
        sinks.push(Some(Sink { target: output.target, clamp }));
        let axis = match output.target {
            Target::Set | Target::AddOwn => Axis::Own,
            Target::AddPre => Axis::Pre,
            Target::AddPost => Axis::Post,
            Target::AddGlobal => Axis::Global,
        };
        outputs.push(bank.len());
        bank.push((0..lanes_of(axis) * width).map(|_| noise()).collect());
    }
    let mut expected = bank.clone();
    for lane in 0..n {
        for episode in 0..width {
            let at = |axis| match (axis, &edges) {
                (Axis::Own, _) => lane,
                (Axis::Pre, Some(e)) => e.pre[lane] as usize,
                (Axis::Post, Some(e)) => e.post[lane] as usize,
                _ => 0,
            };
            let values = interpret(&kernel, |p| {
                let i = at(shapes[p].axis);
                bank[p][if shapes[p].per_episode { i * width + episode } else { i }]
            });
            for (i, output) in kernel.outputs.iter().enumerate() {
                let Some(sink) = sinks[i] else { continue };
                let v = values[output.value.index()];
                let slot = |axis| at(axis) * width + episode;
                let sums = &mut expected[outputs[i]];
                match sink.target {
                    Target::Set => {
                        sums[slot(Axis::Own)] = match sink.clamp {
                            None => v,
                            Some((low, high)) => {
                                let (low, high) = (T::from_f64(low), T::from_f64(high));
                                let v = if v > low { v } else { low };
                                if v < high { v } else { high }
                            }
                        };
                    }
                    Target::AddOwn => sums[slot(Axis::Own)] += v,
                    Target::AddPre => sums[slot(Axis::Pre)] += v,
                    Target::AddPost => sums[slot(Axis::Post)] += v,
                    Target::AddGlobal => sums[slot(Axis::Global)] += v,
                }
            }
        }
    }
    let start = bank.clone();
    let lanes = Lanes { n, edges };
    let levels = Level::available().iter().copied().map(Some);
    let mut loops: Option<Vec<Vec<T>>> = None;
    for level in std::iter::once(None).chain(levels) {
        let mut program = Program::with_level(&kernel, &shapes, &sinks, &lanes, width, level);
        let vectors = (width * size_of::<T>()).is_multiple_of(32);
        prop_assert_eq!(program.is_native(), level.is_some() && vectors);
        for _ in 0..2 {
            // A second run shows that no buffer carries anything over.
            bank.clone_from(&start);
            program.run(&mut bank, &inputs, &outputs);
        }
        for (array, (got, want)) in bank.iter().zip(&expected).enumerate() {
            for (i, (g, w)) in got.iter().zip(want).enumerate() {
                // Plain scalars may differ in the sign of a zero: their order of operands does.
                let same = same(*g, *w) || (*g == T::ZERO && *w == T::ZERO);
                prop_assert!(
                    same,
                    "{level:?}: array {array} at {i}: {g:?} instead of {w:?}\n{kernel:?}\n{program:?}"
                );
            }
        }
        let loops = loops.get_or_insert_with(|| bank.clone());
        for (got, want) in bank.iter().flatten().zip(loops.iter().flatten()) {
            prop_assert!(same(*got, *want), "{level:?}: {got:?} instead of {want:?}\n{kernel:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_program_computes_the_bits_of_its_kernel(
        numbers in proptest::collection::vec(any::<u32>(), 40..500),
        ends in any::<bool>(),
        width in prop_oneof![Just(1usize), Just(3), Just(8), Just(16), Just(24), Just(32)],
        size in prop_oneof![Just(6usize), Just(60), Just(1500)],
        odd in prop_oneof![Just(0u32), Just(50)],
    ) {
        let size = if ends { size.min(80) } else { size };
        compare::<f32>(&numbers, ends, size, width, odd)?;
        compare::<f64>(&numbers, ends, size, width, odd)?;
    }
}
