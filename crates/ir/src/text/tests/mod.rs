//! Round trips, meanings and errors of the text forms.

mod arbitrary;
mod errors;

use super::*;
use crate::kernel::{Kernel, KernelBuilder, Op, Port, Role, Surrogate, Target, When};
use crate::units::{self, LifParts};
use crate::verify::{sample, verify};
use proptest::prelude::*;

fn kernel(text: &str) -> Kernel {
    parse_kernel(text, "test.kern").unwrap_or_else(|e| panic!("{e}"))
}

/// The operations of one expression over the inputs a, b and c, one per line.
fn listing(expression: &str) -> String {
    let text =
        format!("kernel k {{\n in a: own\n in b: own\n in c: own\n set a = {expression}\n}}");
    let printed = print_kernel(&kernel(&text));
    printed.lines().filter_map(|l| l.trim().strip_prefix('v')).collect::<Vec<_>>().join("; ")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// I1 to I3 and legal names are all the round trip asks for.
    #[test]
    fn a_printed_kernel_reads_back_with_the_same_ids(k in arbitrary::kernel()) {
        let text = print_kernel(&k);
        let back = parse_kernel(&text, "k").map_err(|e| TestCaseError::fail(format!("{text}\n{e}")))?;
        prop_assert_eq!(&back, &k, "{}", text);
        prop_assert_eq!(print_kernel(&back), text);
    }
}

proptest! {
    #[test]
    fn a_printed_network_reads_back_the_same(n in arbitrary::network()) {
        let text = print_network(&n);
        let back = parse_network(&text, "n").map_err(|e| TestCaseError::fail(format!("{text}\n{e}")))?;
        prop_assert_eq!(&back, &n, "{}", text);
        prop_assert_eq!(print_network(&back), text);
    }

    #[test]
    fn no_text_makes_the_kernel_reader_panic(text in "(kernel k \\{|\\}|in |v[0-3]|[ab]|: own|=|[-+*()<>,;.0-9]|step|select|clamp|exp|\n| |\\PC){0,60}") {
        let _ = parse_kernels(&text, "k");
        let _ = parse_kernels(&format!("kernel k {{\n in a: own\n{text}\n}}"), "k");
        let _ = parse_network(&text, "n");
    }

    #[test]
    fn no_damage_to_a_network_text_makes_the_reader_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..4, any::<char>()), 1..4),
    ) {
        let mut text: Vec<char> = print_network(&sample::network()).chars().collect();
        for (at, kind, c) in cuts {
            let at = at.index(text.len());
            match kind {
                0 => text[at] = c,
                1 => text.insert(at, c),
                2 if text.len() > 1 => { text.remove(at); }
                _ => text.truncate(at.max(1)),
            }
        }
        let _ = parse_network(&text.iter().collect::<String>(), "n");
    }
}

#[test]
fn the_units_and_the_sample_round_trip() {
    let lif =
        LifParts::all().map(|p| units::cuba_lif(p, Surrogate::Triangle { scale: 0.3, beta: 2.0 }));
    let others =
        [units::linear_trace(), units::saturating_trace(), units::modulator(), units::deliver()];
    for k in lif.chain(others) {
        assert_eq!(kernel(&print_kernel(&k)), k);
    }
    let network = sample::network();
    let back = parse_network(&print_network(&network), "n").unwrap();
    assert_eq!(back, network);
    assert!(verify(back).is_ok());
}

#[test]
fn inputs_carry_role_variable_and_time() {
    let k = kernel(
        "kernel k { ; a comment\n in w: own\n in x1: pre at y0\n in y1p: post y1 prev at x0\n \
         in tick: every 2\n in r: global reward\n in e: post at end\n}\n",
    );
    let port = |name: &str, role, variable: &str, when, prev| Port {
        name: name.into(),
        role,
        variable: variable.into(),
        when,
        prev,
    };
    assert_eq!(
        k.ports.as_slice(),
        [
            port("w", Role::Own, "w", When::End, false),
            port("x1", Role::Pre, "x1", When::AtPost, false),
            port("y1p", Role::Post, "y1", When::AtPre, true),
            port("tick", Role::Every(2), "tick", When::End, false),
            port("r", Role::Global, "reward", When::End, false),
            port("e", Role::Post, "e", When::End, false),
        ]
    );
    assert!(k.ops.is_empty());
}

#[test]
fn expressions_become_operations_in_the_order_of_evaluation() {
    for (expression, expected) in [
        ("a + b * c", "0 = a; 1 = b; 2 = c; 3 = v1 * v2; 4 = v0 + v3"),
        ("(a + b) * c", "0 = a; 1 = b; 2 = v0 + v1; 3 = c; 4 = v2 * v3"),
        ("a - b - c", "0 = a; 1 = b; 2 = v0 - v1; 3 = c; 4 = v2 - v3"),
        ("a * a", "0 = a; 1 = v0 * v0"),
        ("-2 * a", "0 = -2.0; 1 = a; 2 = v0 * v1"),
        ("a - -1e-3", "0 = a; 1 = -0.001; 2 = v0 - v1"),
        ("-a", "0 = 0.0; 1 = a; 2 = v0 - v1"),
        ("a < b + c", "0 = a; 1 = b; 2 = c; 3 = v1 + v2; 4 = v3 > v0"),
        ("a > 0.5", "0 = a; 1 = 0.5; 2 = v0 > v1"),
        ("clamp(a, -1, b)", "0 = a; 1 = -1.0; 2 = max(v0, v1); 3 = b; 4 = min(v2, v3)"),
        (
            "select(a > b, b, min(a, c))",
            "0 = a; 1 = b; 2 = v0 > v1; 3 = c; 4 = min(v0, v3); 5 = select(v2, v1, v4)",
        ),
        ("max(sgn(a), step(b))", "0 = a; 1 = sgn(v0); 2 = b; 3 = step(v2); 4 = max(v1, v3)"),
        ("step(a, exp 0.4 5)", "0 = a; 1 = step(v0, exp 0.4 5.0)"),
        (
            "step(a, sigmoid 1 10) + bump(a, triangle 1 -2)",
            "0 = a; 1 = step(v0, sigmoid 1.0 10.0); 2 = bump(v0, triangle 1.0 -2.0); 3 = v1 + v2",
        ),
        ("a + read(a)", "0 = a; 1 = read(a); 2 = v0 + v1"),
        ("(a +\n   b)", "0 = a; 1 = b; 2 = v0 + v1"),
    ] {
        assert_eq!(listing(expression), expected, "{expression}");
    }
}

#[test]
fn values_have_names_and_results_have_targets() {
    let k = kernel(
        "kernel k {\n in w: own\n half = 0.5\n also = half\n set w = w * also\n \
         add post q = half\n add pre q = half\n add global q = half\n add own q = half\n}",
    );
    let targets: Vec<_> = k.outputs.iter().map(|o| o.target).collect();
    assert_eq!(
        targets,
        [Target::Set, Target::AddPost, Target::AddPre, Target::AddGlobal, Target::AddOwn]
    );
    assert_eq!(k.ops.len(), 3, "another name for a value is no operation");
}

#[test]
fn printed_values_take_other_names_where_an_input_is_called_like_one() {
    let mut b = KernelBuilder::new("k");
    let a = b.input("v1", Role::Own);
    let c = b.input("_v0", Role::Own);
    let sum = b.add(a, c);
    b.output("v1", Target::Set, sum);
    let k = b.build();
    let text = print_kernel(&k);
    assert!(text.contains("__v2 = __v0 + __v1"), "{text}");
    assert_eq!(kernel(&text), k);
}

#[test]
fn an_input_called_like_a_word_of_the_language_round_trips() {
    for name in ["in", "set", "add", "kernel", "read", "min", "own", "x.y_1"] {
        let mut b = KernelBuilder::new(name);
        let a = b.input(name, Role::Own);
        b.output(name, Target::Set, a);
        let k = b.build();
        assert_eq!(kernel(&print_kernel(&k)), k);
    }
}

#[test]
fn a_file_may_hold_several_kernels() {
    let text = "\n; two\nkernel a {\n}\n\nkernel b {\n x = 1 }\n";
    let names: Vec<_> =
        parse_kernels(text, "t").unwrap().into_iter().map(|k| (k.name, k.ops.len())).collect();
    assert_eq!(names, [("a".to_owned(), 0), ("b".to_owned(), 1)]);
    assert!(parse_kernels("", "t").unwrap().is_empty());
}

#[test]
fn the_largest_kernel_and_the_deepest_expression_are_read() {
    let mut b = KernelBuilder::new("big");
    let mut sum = b.input("w", Role::Own);
    while sum.to_string() != format!("v{}", MAX_OPS - 1) {
        sum = b.op(Op::Sgn(sum));
    }
    b.output("w", Target::Set, sum);
    let k = b.build();
    assert_eq!(kernel(&print_kernel(&k)), k);
    let deep = format!("{}1{}", "(".repeat(MAX_DEPTH - 1), ")".repeat(MAX_DEPTH - 1));
    assert_eq!(listing(&deep), "0 = 1.0");
}
