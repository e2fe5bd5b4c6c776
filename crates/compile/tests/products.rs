//! Rules that are written as sums of products: the same functions, once and for all, and constants
//! that the proof holds to the engine's form.

mod common;

use common::Draft;
use std::collections::BTreeMap;
use trifactor_entity::EntityId;
use trifactor_ir::sop::{written_out, written_products};
use trifactor_ir::{CheckedNetwork, Kernel, Op, Phase, PortId, Read, StateId, text};
use trifactor_isa::Chip;
use trifactor_prove::departure;
use trifactor_quant::Requests;
use trifactor_testkit::{Rng, networks, rules};

const INPUTS: &str = " in w: own\n in e: own\n in x0: pre\n in y0: post\n in x1: pre\n in y1: post\n \
                      in m: global\n";

/// A weight `w` and a tag `e` in -1 to 1, changed by a rule.
fn net(body: &str) -> CheckedNetwork {
    let (mut draft, input, out) = Draft::sides(1, 2, 2);
    draft.trace(input, "x1");
    draft.trace(out, "y1");
    draft.modulator("m", 1);
    let ff = draft.all("ff", input, out);
    let w = draft.own(ff, "w", trifactor_ir::StateRole::Variable);
    draft.own(ff, "e", trifactor_ir::StateRole::Variable);
    draft.b.deliver(ff, w, trifactor_ir::Delay::Fixed(0));
    draft.rule(ff, input, out, &format!("kernel r {{\n{INPUTS}{body}}}\n"));
    draft.net()
}

fn rule(net: &CheckedNetwork) -> &Phase {
    net.phases.values().next_back().expect("there is a rule")
}

/// The products of a rule under the author's names.
fn products(body: &str) -> Vec<String> {
    let net = written_out(&net(body));
    let kernel = &net.kernels[rule(&net).kernel];
    let found = written_products(&net, rule(&net)).unwrap_or_else(|| panic!("{body}"));
    let shown = found.iter().map(|p| {
        let sign = if p.negative { "-" } else { "+" };
        format!("{} {sign} {}", kernel.outputs[p.output].variable, p.shown(kernel))
    });
    shown.collect()
}

#[test]
fn a_rule_is_multiplied_out_into_products_in_the_authors_order() {
    for (body, expected) in [
        (
            " set w = w + 0.25 * x1 * y0 - 0.25 * y1 * x0\n",
            vec!["w + 0.25 * x1 * y0", "w - 0.25 * y1 * x0"],
        ),
        // A variable and a constant are one factor, and 1 - w is -1 * (w - 1).
        (
            " set w = w + 0.5 * ((1 - w) * (x1 * y0) - w * y1 * x0)\n",
            vec!["w - 0.5 * (w - 1) * x1 * y0", "w - 0.5 * w * y1 * x0"],
        ),
        // What a value is used for twice is in the products of both.
        (
            " trace = 0.75 * e + x1 * y0\n set e = trace\n set w = w + m * trace\n",
            vec!["e - 0.25 * e", "e + 1 * x1 * y0", "w + 0.75 * e * m", "w + 1 * x1 * m * y0"],
        ),
        // Beyond the range of w nothing is near the constant, so the factor is multiplied out.
        (" set w = w + 0.5 * (w - 3) * x0\n", vec!["w + 0.5 * w * x0", "w - 1.5 * x0"]),
        (" set w = w + 0.125 * sgn(0.5 - w) * x0\n", vec!["w - 0.125 * sgn(w - 0.5) * x0"]),
        // What the rule does not add to is taken away.
        (" set e = x1 * y0\n", vec!["e + 1 * x1 * y0", "e - 1 * e"]),
        (" set w = clamp(w + 0.5 * x1 * x1 * y0 * y0, -1, 1)\n", vec!["w + 0.5 * x1 * x1 * y0"]),
        (" set w = w + 0.01\n", vec!["w + 0.01"]),
        (" set w = 0.7 * w + 0.2 * w + 0.1 * w + x1 - x1\n", vec![]),
    ] {
        assert_eq!(products(body), expected, "{body}");
    }
}

#[test]
fn a_variable_that_a_rule_never_reads_is_taken_away_all_the_same() {
    let (mut draft, input, out) = Draft::sides(1, 2, 2);
    draft.trace(input, "x1");
    let ff = draft.plastic("ff", input, out, "kernel r {\n in x1: pre\n set w = 0.5 * x1\n}\n");
    assert_eq!(draft.b.network().spaces[ff].name, "ff");
    let net = written_out(&draft.net());
    let kernel = &net.kernels[rule(&net).kernel];
    let found = written_products(&net, rule(&net)).expect("products");
    let shown: Vec<String> = found.iter().map(|p| p.shown(kernel)).collect();
    assert_eq!(shown, ["0.5 * x1", "1 * w"]);
    assert!(found[1].negative);
    common::fits(&net, &Chip::builtin("loihi1").expect("it is built in"));
}

#[test]
fn a_product_keeps_the_line_that_it_was_written_in() {
    let net = written_out(&net(" pair = x1 * y0\n set e = 0.5 * e + pair\n set w = w + m * e\n"));
    let kernel = &net.kernels[rule(&net).kernel];
    let lines: Vec<String> = written_products(&net, rule(&net))
        .expect("products")
        .iter()
        .filter_map(|p| kernel.written.place(p.scale))
        .collect();
    let expected = ["rule.kern line 10", "rule.kern line 9", "rule.kern line 11"];
    assert_eq!(lines, expected);
}

/// The results of a rule for values of states and flags.
fn results(kernel: &Kernel, phase: &Phase, values: &BTreeMap<Source, f64>) -> Vec<f64> {
    let mut done: Vec<f64> = Vec::new();
    for op in kernel.ops.values() {
        let at = |v: trifactor_ir::ValueId| done[v.index()];
        let value = match *op {
            Op::Const(c) => c,
            Op::Port(port) => values[&source(kernel, phase, port)],
            Op::Add(a, b) => at(a) + at(b),
            Op::Sub(a, b) => at(a) - at(b),
            Op::Mul(a, b) => at(a) * at(b),
            Op::Sgn(a) => f64::from(u8::from(at(a) > 0.0)) - f64::from(u8::from(at(a) < 0.0)),
            other => panic!("{other:?} is in no sum of products"),
        };
        done.push(value);
    }
    kernel.outputs.iter().map(|o| done[o.value.index()]).collect()
}

/// What an input reads, whichever kernel it is an input of.
type Source = (String, Option<StateId>);

fn source(kernel: &Kernel, phase: &Phase, port: PortId) -> Source {
    let p = &kernel.ports[port];
    let state = match phase.reads[port] {
        Read::State(state) => Some(state),
        _ => None,
    };
    (format!("{:?} {:?} {} {}", p.role, p.when, p.prev, p.variable), state)
}

#[test]
fn what_is_written_out_is_the_same_function_and_stays_as_it_is() {
    let mut n_products = 0;
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let drawn = networks::around(&rules::sums(&mut rng), &mut rng);
        let written = written_out(&drawn.net);
        assert_eq!(
            text::print_network(&written_out(&written)),
            text::print_network(&written),
            "seed {seed}: writing it out again changes it"
        );
        let (before, after) = (rule(&drawn.net), rule(&written));
        let (was, is) = (&drawn.net.kernels[before.kernel], &written.kernels[after.kernel]);
        n_products += written_products(&written, after).expect("drawn as products").len();
        for _ in 0..20 {
            let mut values = BTreeMap::new();
            for (kernel, phase) in [(was, before), (is, after)] {
                for port in kernel.ports.ids() {
                    let flag = !matches!(phase.reads[port], Read::State(_));
                    let value =
                        if flag { rng.below(2) as f64 } else { rng.within(-40..=40) as f64 };
                    values.entry(source(kernel, phase, port)).or_insert(value);
                }
            }
            let both = [results(was, before, &values), results(is, after, &values)];
            for (x, y) in both[0].iter().zip(&both[1]) {
                // Sums of large products lose last places.
                assert!((x - y).abs() <= 1e-6 * (1.0 + x.abs()), "seed {seed}: {x} and {y}");
            }
        }
    }
    assert!(n_products > 600, "only {n_products} products");
}

#[test]
fn the_proof_accepts_the_nearest_constant_and_no_other() {
    let chip = Chip::builtin("loihi1").expect("it is built in");
    let body = " set w = w + 0.3 * (x1 - 0.3) * y0 - 0.07 * y1 * w * x0 + 0.011\n \
                set e = e + 0.6 * m - 0.3 * sgn(w + 0.2)\n";
    let net = written_out(&net(body));
    let (plan, _) = trifactor_quant::plan(&net, &chip, &Requests::new()).expect("a plan");
    let (id, phase) = net.phases.iter().next_back().expect("there is a rule");
    assert_eq!(departure(&net, &plan, id), None);
    let constants: Vec<_> = net.kernels[phase.kernel]
        .ops
        .iter()
        .filter(|(_, op)| matches!(op, Op::Const(_)))
        .map(|(v, _)| v)
        .collect();
    assert_eq!(constants.len(), 7);
    for v in constants {
        for away in [-1, 1] {
            let mut plan = plan.clone();
            plan.phases[id].values[v].constant += away;
            let found = departure(&net, &plan, id).expect("it is another number");
            assert_eq!(found.value, Some(v));
            assert!(found.what.contains("is the constant"), "{}", found.what);
        }
    }
}
