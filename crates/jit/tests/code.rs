//! Native code against the same operations on single numbers, and what it refuses. Random kernels
//! of every shape are compared in the tests of `reference`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use trifactor_jit::{
    Binary, Body, Code, Events, Layout, Level, Matrix, Op, Outer, Product, Rows, SPLAT, Test, Value,
};

/// Numbers from -2 to 2, without a pattern.
fn noise(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 22) as f32 - 2.0
    };
    (0..n).map(|_| next()).collect()
}

fn layout<'a>(rows: usize, segments: &'a [u32], listed: &'a [u32]) -> Layout<'a> {
    Layout { width: 16, rows, segments: Some(segments), listed }
}

/// `sums[segment] += own * listed`, `own' = own + uniform`.
fn sums() -> Body {
    let mut body = Body::default();
    let own = body.push(Op::Row { input: 0, rows: Rows::Own });
    let other = body.push(Op::Row { input: 1, rows: Rows::Listed });
    let uniform = body.push(Op::Uniform(1));
    let product = body.push(Op::Binary(Binary::Mul, own, other));
    let sum = body.push(Op::Binary(Binary::Add, own, uniform));
    body.push(Op::Set { output: 0, value: sum });
    body.push(Op::Add { output: 1, rows: Rows::Segment, value: product, negative: false });
    body
}

#[test]
fn rows_segments_and_lists_are_walked_in_order() {
    // The middle segment is empty.
    let (segments, listed) = ([0, 3, 3, 5], [2, 0, 2, 1, 0]);
    for level in Level::available() {
        let code = Code::new(&sums(), &layout(5, &segments, &listed), *level).expect("code");
        let (own, other) = (noise(5 * 16, 1), noise(3 * 16, 2));
        let start = noise(3 * 16, 3);
        let (mut set, mut added) = (vec![0.0; 5 * 16], start.clone());
        code.run(&[[0.5; SPLAT], [0.25; SPLAT]], [&own[..], &other], [&mut set[..], &mut added]);
        let mut expected = start;
        for row in 0..5 {
            for e in 0..16 {
                let i = row * 16 + e;
                assert_eq!(set[i], own[i] + 0.25);
                let segment = if row < 3 { 0 } else { 2 };
                expected[segment * 16 + e] += own[i] * other[listed[row] as usize * 16 + e];
            }
        }
        assert_eq!(added, expected, "{level:?}");
    }
}

#[test]
fn more_values_than_registers_go_through_the_stack() {
    // A sum of 80 values in the reverse order of their making.
    let mut body = Body::default();
    let x = body.push(Op::Row { input: 0, rows: Rows::Own });
    let mut values: Vec<Value> = vec![x];
    for i in 0..40 {
        let c = body.push(Op::Const(u64::from((i as f32 * 0.37 - 5.0).to_bits())));
        let last = values[values.len() - 1];
        values.push(body.push(Op::Binary(Binary::Mul, last, c)));
        let bound = body.push(Op::Binary(Binary::Min, values[values.len() - 1], x));
        values.push(bound);
    }
    let mut sum = x;
    for value in values.iter().rev() {
        sum = body.push(Op::Binary(Binary::Sub, *value, sum));
    }
    body.push(Op::Set { output: 0, value: sum });
    let input = noise(3 * 16, 9);
    for level in Level::available() {
        let layout = Layout { width: 16, rows: 3, segments: None, listed: &[] };
        let code = Code::new(&body, &layout, *level).expect("code");
        let mut out = vec![0.0; 3 * 16];
        code.run(&[], [&input[..]], [&mut out[..]]);
        for (x, out) in input.iter().zip(&out) {
            let mut values = vec![*x];
            for i in 0..40 {
                values.push(values[values.len() - 1] * (i as f32 * 0.37 - 5.0));
                let last = values[values.len() - 1];
                values.push(if last < *x { last } else { *x });
            }
            let sum = values.iter().rev().fold(*x, |sum, v| *v - sum);
            assert_eq!(sum.to_bits(), out.to_bits(), "{level:?}");
        }
    }
}

#[test]
fn tests_of_odd_numbers_are_those_of_plain_comparisons() {
    let mut body = Body::default();
    let [a, b, c] = [0, 1, 2].map(|input| body.push(Op::Row { input, rows: Rows::Own }));
    let tests = [Test::Greater(a, b), Test::Between(a, b, c), Test::NotZero(a)];
    for (output, test) in tests.into_iter().enumerate() {
        let value = body.push(Op::Select { test, then: b, other: c });
        body.push(Op::Set { output, value });
    }
    let list = [0.0, -0.0, 1.0, -1.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40];
    let rows = 32;
    let n = rows * 16;
    let a: Vec<f32> = (0..n).map(|i| list[i % 8]).collect();
    let b: Vec<f32> = (0..n).map(|i| list[i / 8 % 8]).collect();
    let c: Vec<f32> = (0..n).map(|i| list[i / 64 % 8]).collect();
    for level in Level::available() {
        let layout = Layout { width: 16, rows, segments: None, listed: &[] };
        let code = Code::new(&body, &layout, *level).expect("code");
        let mut out = [vec![0f32; n], vec![0f32; n], vec![0f32; n]];
        code.run(&[], [&a[..], &b, &c], out.iter_mut().map(|o| &mut o[..]));
        for i in 0..n {
            let (a, b, c) = (a[i], b[i], c[i]);
            for (out, test) in out.iter().zip([a > b, a > b && c > a, a != 0.0]) {
                let want = if test { b } else { c };
                assert_eq!(out[i].to_bits(), want.to_bits(), "{level:?} {a} {b} {c}");
            }
        }
    }
}

/// Runs something that must panic.
fn refuses(what: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(what)).is_err()
}

#[test]
fn short_arrays_and_wrong_lists_are_refused_before_anything_runs() {
    let (segments, listed) = ([0, 5], [2, 0, 2, 1, 0]);
    let uniforms = [[0f32; SPLAT]; 2];
    for level in Level::available() {
        let code = Code::new(&sums(), &layout(5, &segments, &listed), *level).expect("code");
        let run = |own: usize, other: usize, set: usize, added: usize, uniform: usize| {
            let (own, other) = (vec![0.0; own], vec![0.0; other]);
            let (mut set, mut added) = (vec![0.0; set], vec![0.0; added]);
            code.run(&uniforms[..uniform], [&own[..], &other], [&mut set[..], &mut added]);
        };
        run(80, 48, 80, 16, 2);
        assert!(refuses(|| run(79, 48, 80, 16, 2)));
        // Row 2 is in the list.
        assert!(refuses(|| run(80, 47, 80, 16, 2)));
        assert!(refuses(|| run(80, 48, 79, 16, 2)));
        assert!(refuses(|| run(80, 48, 80, 15, 2)));
        assert!(refuses(|| run(80, 48, 80, 16, 1)));
        let own = vec![0.0; 80];
        assert!(refuses(|| code.run(&uniforms, [&own[..]], [])));
        let new = |segments: &[u32], listed: &[u32]| {
            let _ = Code::<f32>::new(&sums(), &layout(5, segments, listed), *level);
        };
        assert!(refuses(|| new(&[0, 4], &listed)));
        assert!(refuses(|| new(&[0, 6, 5], &listed)));
        assert!(refuses(|| new(&[1, 5], &listed)));
        assert!(refuses(|| new(&segments, &listed[..4])));
    }
}

#[test]
fn code_for_no_rows_changes_nothing() {
    let uniforms = [[0f32; SPLAT]; 2];
    for level in Level::available() {
        let Some(code) = Code::new(&sums(), &layout(0, &[0, 0], &[]), *level) else { continue };
        let mut added = vec![3.0; 16];
        code.run(&uniforms, [&[][..], &[]], [&mut [][..], &mut added]);
        assert_eq!(added, [3.0; 16]);
    }
}

#[test]
fn rows_that_are_no_whole_vectors_have_no_code() {
    for level in Level::available() {
        for width in [0, 1, 3, 12] {
            let layout = Layout { width, rows: 5, segments: None, listed: &[0; 5] };
            let mut body = Body::default();
            let value = body.push(Op::Row { input: 0, rows: Rows::Own });
            body.push(Op::Set { output: 0, value });
            assert!(Code::<f32>::new(&body, &layout, *level).is_none());
        }
    }
}

macro_rules! product {
    ($name:ident, $t:ident) => {
        fn $name(matrix: Matrix) {
            let Matrix { width, outputs, inputs, output_stride, input_stride, sparse } = matrix;
            let last = (outputs - 1) * output_stride + (inputs - 1) * input_stride;
            let [mut factors, mut x, start] =
                [(last + 1, 4), (inputs * width, 5), (outputs * width, 6)]
                    .map(|(n, seed)| noise(n, seed).into_iter().map($t::from).collect::<Vec<_>>());
            if sparse {
                // Some inputs are 0 throughout, some here and there, and a factor is no number.
                x.iter_mut()
                    .enumerate()
                    .filter(|(i, _)| i % 3 == 0 || i / width % 4 == 1)
                    .for_each(|(_, x)| {
                        *x = 0.0;
                    });
                factors[inputs.min(2) / 2 * input_stride] = $t::NAN;
            }
            let mut expected = start.clone();
            for i in 0..outputs {
                for k in 0..inputs {
                    for e in 0..width {
                        let x = x[k * width + e];
                        if !sparse || x != 0.0 {
                            expected[i * width + e] +=
                                factors[i * output_stride + k * input_stride] * x;
                        }
                    }
                }
            }
            for level in Level::available() {
                let code: Product<$t> = Product::new(&matrix, *level).expect("code");
                let mut out = start.clone();
                code.add(&factors, &x, &mut out);
                for (i, (got, want)) in out.iter().zip(&expected).enumerate() {
                    let same = got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan());
                    assert!(same, "{level:?} {matrix:?} at {i}: {got} instead of {want}");
                }
                assert!(refuses(|| code.add(&factors[..last], &x, &mut out.clone())));
                assert!(refuses(|| code.add(&factors, &x[1..], &mut out.clone())));
                assert!(refuses(|| code.add(&factors, &x, &mut out.clone()[1..])));
            }
        }
    };
}
product!(product, f32);
product!(product_of_doubles, f64);

#[test]
fn products_are_sums_in_the_order_of_inputs() {
    for (outputs, inputs) in [(1, 1), (2, 5), (7, 3), (26, 4), (27, 4), (64, 70), (53, 2)] {
        for (width, sparse) in [(16, false), (16, true), (8, true), (24, true), (32, false)] {
            let sizes =
                Matrix { width, outputs, inputs, output_stride: 1, input_stride: outputs, sparse };
            product(sizes);
            let turned = Matrix { output_stride: inputs, input_stride: 1, ..sizes };
            product(turned);
            product_of_doubles(sizes);
            product_of_doubles(turned);
        }
    }
}

macro_rules! outer {
    ($name:ident, $t:ident) => {
        fn $name(events: Events) {
            let Events { rows, width, columns, stride } = events;
            let sizes = [(rows * width, 1), (width * stride, 2), (rows * columns, 3)];
            let [mut s, mut d, start] =
                sizes.map(|(n, seed)| noise(n, seed).into_iter().map($t::from).collect::<Vec<_>>());
            s.iter_mut().enumerate().filter(|(i, _)| i % 5 > 1 || i / width % 3 == 1).for_each(
                |(_, s)| {
                    *s = 0.0;
                },
            );
            // Without an event nothing is added, whatever there is to add.
            d[4 % width * stride] = $t::INFINITY;
            let mut expected = start.clone();
            for i in 0..rows {
                for e in (0..width).filter(|e| s[i * width + e] != 0.0) {
                    for j in 0..columns {
                        expected[i * columns + j] += s[i * width + e] * d[e * stride + j];
                    }
                }
            }
            for level in Level::available() {
                let Some(code) = Outer::<$t>::new(&events, *level) else {
                    // Ten registers of four doubles.
                    assert!(columns > 40 && *level == Level::Avx2 && size_of::<$t>() == 8);
                    continue;
                };
                let mut sums = start.clone();
                code.add(&s, &d, &mut sums);
                assert_eq!(sums, expected, "{level:?} {events:?}");
                assert!(refuses(|| code.add(&s[1..], &d, &mut sums.clone())));
                let few = &d[..(width - 1) * stride + columns - 1];
                assert!(refuses(|| code.add(&s, few, &mut sums.clone())));
                assert!(refuses(|| code.add(&s, &d, &mut sums.clone()[1..])));
            }
        }
    };
}
outer!(outer, f32);
outer!(outer_of_doubles, f64);

#[test]
fn outer_products_are_summed_in_the_order_of_events() {
    for rows in [1, 2, 9] {
        for (width, columns, stride) in [(16, 16, 16), (16, 64, 70), (32, 48, 48), (16, 40, 41)] {
            outer(Events { rows, width, columns, stride });
            outer_of_doubles(Events { rows, width, columns, stride });
        }
    }
    let wide = Events { rows: 1, width: 16, columns: 16 * 40, stride: 16 * 40 };
    for level in Level::available() {
        assert!(Outer::<f32>::new(&wide, *level).is_none());
    }
}
