//! A chip whose engines evaluate sums of products: what has that form compiles, and what has not
//! is refused with the part of the rule that is at fault and its line.

mod common;

use common::{Draft, chip, fits, made, refused};
use trifactor_compile::{lower, structure};
use trifactor_diag::Diagnostic;
use trifactor_fixed::ScaleForm;
use trifactor_ir::CheckedNetwork;
use trifactor_ir::sop::written_out;
use trifactor_isa::{Chip, ProductForm, RuleForm};
use trifactor_testkit::{Rng, networks, rules};

/// `loihi1` under the name of the messages.
fn sums() -> Chip {
    limited(|_| ())
}

/// The same with other limits of its products.
fn limited(change: impl FnOnce(&mut ProductForm)) -> Chip {
    let mut chip = Chip::builtin("loihi1").expect("it is built in");
    let mut form = chip.rule.products().expect("it evaluates sums of products");
    change(&mut form);
    chip.rule = RuleForm::SumsOfProducts(form);
    chip.name = "tiny".to_owned();
    chip.check().unwrap_or_else(|e| panic!("{e}"));
    chip
}

/// A weight and a tag `e` that `body` changes, with two traces on each side, and modulators
/// `m` (one line) and `n` (one line per lane of either side).
fn net(epoch: u32, inputs: &str, body: &str) -> CheckedNetwork {
    let (mut draft, input, out) = Draft::sides(epoch, 2, 2);
    draft.trace(input, "x1");
    draft.trace(out, "y1");
    draft.modulator("m", 1);
    draft.modulator("n", 2);
    let ff = draft.all("ff", input, out);
    let w = draft.own(ff, "w", trifactor_ir::StateRole::Variable);
    draft.own(ff, "e", trifactor_ir::StateRole::Variable);
    draft.b.deliver(ff, w, trifactor_ir::Delay::Fixed(0));
    let kernel = format!("kernel r {{\n in w: own\n in e: own\n{inputs}{body}}}\n");
    draft.rule(ff, input, out, &kernel);
    draft.net()
}

const SIDES: &str = " in x0: pre\n in y0: post\n in x1: pre\n in y1: post\n in m: global\n";

/// The end of every message.
const FORM: &str = "and an engine of the chip 'tiny' evaluates sums of products of spike flags, traces, \
                    one global modulator and variables of the synapse";

/// The finding of a rule with one fault.
fn fault(epoch: u32, inputs: &str, body: &str, what: &str) -> Diagnostic {
    let message = format!("the rule 'ff' {what}, {FORM}");
    let d = refused(&net(epoch, inputs, body), &sums(), "C018", &message);
    let hint = d.hint.clone().unwrap_or_default();
    assert!(hint.contains("executed by 'superset' and 'large'"), "{hint}");
    // A chip that executes microcode takes the same rule.
    fits(&net(epoch, inputs, body), &chip(|_| ()));
    d
}

#[test]
fn sums_of_products_compile_however_they_are_written() {
    for body in [
        " set w = w + 0.25 * x1 * y0 - 0.25 * y1 * x0\n",
        " set w = w + 0.5 * ((1 - w) * (x1 * y0) - (w + 1) * (y1 * x0))\n",
        " set e = 0.75 * e + x1 * y0\n set w = w + m * (0.75 * e + x1 * y0)\n",
        " set w = w + 0.125 * sgn(w - 0.5) * x0\n",
        // The store clamps to -1 to 1, so these bounds change nothing.
        " set w = clamp(w + x1 * y0, -1, 1)\n",
        " set w = max(-2, min(w + x1 * y0, 1.5))\n",
    ] {
        fits(&net(1, SIDES, body), &sums());
    }
}

#[test]
fn operations_beyond_products_are_named_with_their_line() {
    // Behind the kernel's name, `w`, `e` and five inputs the body begins in line 9.
    for (body, what) in [
        (
            " p = x1 * y0\n set w = w + min(p, e)\n",
            "takes the smaller of two values (min) (rule.kern line 10)",
        ),
        (" set w = w + max(x1, y1)\n", "takes the larger of two values (max) (rule.kern line 9)"),
        (" set w = w + (x1 > y1)\n", "compares two values (>) (rule.kern line 9)"),
        (
            " set w = w + step(x1 - y1)\n",
            "asks whether a value is above 0 (step) (rule.kern line 9)",
        ),
        (
            " set w = select(x0, w + y1, w)\n",
            "chooses between two values (select) (rule.kern line 9)",
        ),
        (
            " set w = w + sgn(x1 - y1)\n",
            "takes the sign of more than one variable of the synapse (rule.kern line 9)",
        ),
        (
            " set w = clamp(w + x1 * y0, -0.5, 0.5)\n",
            "bounds the new 'w' by -0.5 and 0.5 (rule.kern line 9)",
        ),
        (
            " set w = w + x0 * min(y1, 0.25)\n",
            "goes on with a value that it has bounded (min, max) (rule.kern line 9)",
        ),
    ] {
        fault(1, SIDES, body, what);
    }
}

#[test]
fn factors_that_the_engine_has_not_are_named_with_the_way_out() {
    let inputs = " in y0: post\n in y1: post prev at y0\n";
    let what = "reads 'y1' one step back (prev) (rule.kern line 6)";
    let d = fault(1, inputs, " set w = w + y1 * y0\n", what);
    assert!(d.hint.is_some_and(|h| h.contains("read (y1 - its impulse)")));
    for side in ["pre", "post"] {
        let inputs = format!(" in n: {side}\n");
        let what = format!("reads the modulator 'n' of its {side} neuron (rule.kern line 5)");
        let d = fault(1, &inputs, " set w = w + n * e\n", &what);
        assert!(d.hint.is_some_and(|h| h.contains("scope Global")));
    }
}

#[test]
fn traces_are_read_when_the_spike_comes_on_which_their_product_depends() {
    let gated = " in x0: pre\n in y0: post\n in x1: pre at y0\n in y1: post at x0\n";
    let body = " set w = w + x1 * y0 - y1 * x0\n";
    fits(&net(4, gated, body), &sums());
    let late = " in x0: pre\n in y0: post\n in x1: pre\n in y1: post at x0\n";
    let what = "reads 'x1' at the end of the epoch in a product that has its traces at the last post \
                spike (rule.kern line 8)";
    fault(4, late, body, what);
    // In an epoch of one step there is only one time.
    fits(&net(1, late, body), &sums());
}

#[test]
fn one_period_serves_all_products_of_a_rule() {
    let inputs = " in u: every 3\n in v: every 1\n in x0: pre\n";
    fits(&net(1, inputs, " set w = w + 0.5 * u * x0 - 0.25 * w * u\n"), &sums());
    let what = "has products of several periods (u1, u3) (rule.kern line 7)";
    fault(1, inputs, " set w = w + 0.5 * e * u * u - 0.25 * w * v\n", what);
}

#[test]
fn rules_that_are_written_as_sums_of_products_have_that_form() {
    // The form of rules alone is asked for: every width is large enough.
    let mut form = sums().rule.products().expect("it evaluates sums of products");
    form.scale = ScaleForm { mantissa_bits: 15, exponent: (-30, 30) };
    form.trace_constant_bits = 15;
    form.variable_constant_bits = 15;
    let chip = chip(|c| c.rule = RuleForm::SumsOfProducts(form));
    let (mut taken, mut periods) = (0, 0);
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let rule = rules::sums(&mut rng);
        let drawn = networks::around(&rule, &mut rng);
        let net = written_out(&drawn.net);
        let Ok((plan, _)) = trifactor_quant::plan(&net, &chip, &drawn.requests) else {
            continue;
        };
        let structure = structure::read(&net).expect("a drawn rule has a projection");
        let said = match lower::lower(&net, &plan, &chip, &structure) {
            Ok(_) => String::new(),
            Err(found) => found.to_string(),
        };
        // One rule may ask for u0 and u2, which no front end takes either.
        if said.contains("products of several periods") {
            periods += 1;
        } else {
            assert!(!said.contains("C018"), "seed {seed}: {said}");
            taken += 1;
        }
    }
    assert!(taken > 150 && periods > 0, "{taken} rules and {periods} of several periods");
}

#[test]
fn every_fault_of_a_rule_is_said_once() {
    let inputs = " in n: pre\n in x1: pre\n in y1: post\n";
    let body = " p = max(x1, y1) * max(y1, 2)\n set w = w + n * p\n set e = e + p\n";
    let found = made(&net(1, inputs, body), &sums()).expect_err("it has no form");
    let codes: Vec<&str> = found.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["C018", "C018"], "{found}");
}

#[test]
fn products_and_factors_are_counted_against_their_limits() {
    let net = |body| net(1, SIDES, body);
    let three = " set w = w + 0.25 * x1 * y0 - 0.25 * y1 * x0 - 0.5 * w\n set e = e - 0.5 * e\n";
    fits(&net(three), &limited(|f| f.products = Some(4)));
    let d = refused(
        &net(three),
        &limited(|f| f.products = Some(3)),
        "C018",
        &format!("the rule 'ff' is a sum of 4 products where 3 are allowed, {FORM}"),
    );
    assert!(d.hint.is_some_and(|h| h.contains("x * (w + C) is one product")));
    // The flag that a product depends on is no factor.
    let product = " set w = w + 0.5 * x1 * (w + 0.5) * y0 * m\n";
    fits(&net(product), &limited(|f| f.factors = Some(3)));
    let what =
        "multiplies 3 factors in w * x1 * m * y0 for 'ff.w' where 2 are allowed (rule.kern line 9)";
    let d = refused(
        &net(product),
        &limited(|f| f.factors = Some(2)),
        "C018",
        &format!("the rule 'ff' {what}, {FORM}"),
    );
    assert!(d.hint.is_some_and(|h| h.starts_with("let a trace or a tag hold the product")));
}

#[test]
#[should_panic(
    expected = "internal: the rule 'ff' was not written as products for the chip 'tiny'"
)]
fn a_rule_that_nobody_wrote_as_products_is_a_bug_of_the_caller() {
    let net = net(1, SIDES, " set w = w + 0.25 * (x1 * y0 - y1 * x0)\n");
    let (plan, _) = trifactor_quant::plan(&net, &sums(), &Default::default()).expect("a plan");
    drop(trifactor_compile::compile(&net, &plan, &sums(), &common::identity()));
}
