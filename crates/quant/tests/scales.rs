//! Constants of rules on a chip whose engine evaluates sums of products: what it holds is exact,
//! what it does not hold is the nearest and is said, and what is too far away is refused.

mod common;

use common::{Pair, only};
use trifactor_diag::{Diagnostic, Diagnostics, Severity};
use trifactor_ir::Op;
use trifactor_ir::sop::written_out;
use trifactor_isa::Chip;
use trifactor_quant::{FormatRequest, Plan, Requests, refused_constants};
use trifactor_testkit::{Rng, chips};

/// The formats of `superset`, so that binary points can be chosen, and the products of `loihi1`.
fn chip() -> Chip {
    let rule = Chip::builtin("loihi1").expect("it is built in").rule;
    Chip { rule, ..chips::superset() }
}

/// The plan of a rule over a weight of nine bits, seven of them fraction, and a trace `x1` of seven
/// bits, six of them fraction. One last place of a product with x1 is half of one of the weight.
fn planned(body: &str) -> Result<(trifactor_ir::CheckedNetwork, Plan, Diagnostics), Diagnostics> {
    let mut pair = Pair::plastic();
    pair.trace("x1", 0.25, 1.0);
    pair.rule(&format!("kernel r {{\n in w: own\n in x0: pre\n in x1: pre\n{body}}}\n"));
    let request = |bits, frac| FormatRequest {
        bits: Some(bits),
        frac: Some(frac),
        ..FormatRequest::default()
    };
    let requests: Requests =
        [("ff.w", request(9, 7)), ("in.x1", request(7, 6))].map(|(n, r)| (n.to_owned(), r)).into();
    let net = written_out(&pair.net());
    let (plan, found) = trifactor_quant::plan(&net, &chip(), &requests)?;
    Ok((net, plan, found))
}

/// The constants of the rule, each as the author wrote it and as it is held.
fn constants(body: &str) -> Vec<(f64, f64)> {
    let (net, plan, _) = planned(body).unwrap_or_else(|e| panic!("{body}: {e}"));
    let (id, phase) = net.phases.iter().next_back().expect("there is a rule");
    let ops = net.kernels[phase.kernel].ops.iter();
    let held = |v| {
        let value = plan.phases[id].values[v];
        value.constant as f64 * f64::from(-value.frac).exp2()
    };
    ops.filter_map(|(v, op)| if let Op::Const(c) = *op { Some((c, held(v))) } else { None })
        .collect()
}

/// The rule has a plan, in silence.
#[track_caller]
fn exact(body: &str) {
    let (_, _, found) = planned(body).unwrap_or_else(|e| panic!("{body}: {e}"));
    assert!(found.is_empty(), "{body}: {found}");
    for (wanted, held) in constants(body) {
        assert_eq!(held, wanted, "{body}");
    }
}

#[track_caller]
fn warned(body: &str, message: &str) -> Diagnostic {
    let (_, _, found) = planned(body).unwrap_or_else(|e| panic!("{body}: {e}"));
    only(&found, Severity::Warning, "Q108", message)
}

/// The engine has nothing near one of the rule's constants.
#[track_caller]
fn refused(body: &str, code: &str, message: &str) -> Diagnostic {
    let (net, plan, _) = planned(body).unwrap_or_else(|e| panic!("{body}: {e}"));
    let (id, _) = net.phases.iter().next_back().expect("there is a rule");
    only(&refused_constants(&net, &chip(), &plan, id), Severity::Error, code, message)
}

#[test]
fn scales_with_a_mantissa_of_four_bits_are_exact() {
    for scale in ["0.375", "0.25", "7", "3 * 0.125", "0.5 * 0.25", "0.00390625"] {
        exact(&format!(" set w = w + {scale} * x1 * x0\n"));
        exact(&format!(" set w = w - {scale} * x1 * x0\n"));
    }
    // Factors apart, one scale for each product.
    exact(" set w = w + 0.25 * (x1 * x0 - 0.75 * w)\n");
}

#[test]
fn another_scale_becomes_the_nearest_and_both_are_named() {
    let d = warned(
        " set w = w + 0.0123 * x1 * x0\n",
        "the product '0.0123 * x1 * x0' for 'ff.w' (rule.kern line 5) has the scale 0.01171875 on the chip \
         'superset', 4.7 % less than the 0.0123 that was written: a scale is a mantissa of 4 bits times a \
         power of two",
    );
    assert_eq!(
        d.hint.as_deref(),
        Some(
            "write 0.01171875 to have the same in float; executed with 15 bits by 'superset' and 'large'"
        )
    );
    exact(" set w = w + 0.01171875 * x1 * x0\n");
    // What multiplies a sum belongs to the scale of each product in it.
    let (_, _, found) = planned(" set w = w - 0.3 * (x1 * x0 + 5 * w)\n").expect("a plan");
    let said: Vec<String> = found.iter().map(|d| d.message.clone()).collect();
    assert_eq!(said.len(), 1, "{found}");
    assert!(
        said[0].contains("'-0.3 * x1 * x0' for 'ff.w' (rule.kern line 5) has the scale 0.3125")
    );
    assert!(said[0].contains("4.2 % more than the 0.3"));
}

#[test]
fn a_scale_is_the_nearest_of_all_that_there_are() {
    let mut rng = Rng::new(11);
    // In last places: half a place of the weight, so that a scale is m * 2^(e - 1).
    let scales: Vec<f64> = (-7..=8)
        .flat_map(|e| (1..=7).map(move |m| f64::from(m) * f64::from(e - 1).exp2()))
        .collect();
    for _ in 0..200 {
        let written =
            f64::from(rng.within(100..=199) as i32) * f64::from(rng.within(-14..=1) as i32).exp2();
        let body = format!(" set w = w + {written} * x1 * x0\n");
        let [(wanted, held)] = constants(&body)[..] else { panic!("one constant") };
        let best = scales.iter().map(|s| (s - wanted).abs()).fold(f64::MAX, f64::min);
        assert_eq!((held - wanted).abs(), best, "{written} is held as {held}");
        assert!(scales.contains(&held), "{held} is no scale");
    }
}

#[test]
fn the_exponents_end_where_the_file_says() {
    // 2^-7 and 7 * 2^8 last places; of a product that is taken away 8 * 2^8.
    exact(" set w = w + 0.00390625 * x1 * x0\n");
    exact(" set w = w + 896 * x1 * x0\n");
    exact(" set w = w - 1024 * x1 * x0\n");
    let reach =
        "with a mantissa of 4 bits and exponents from -7 to 8 they reach from 0.00390625 to";
    let d = refused(
        " set w = w + 0.0025 * x1 * x0\n",
        "Q014",
        &format!(
            "the product '0.0025 * x1 * x0' for 'ff.w' (rule.kern line 5) has a scale that is smaller than \
             any the chip 'superset' holds for it: {reach} 896"
        ),
    );
    assert_eq!(
        d.hint.as_deref(),
        Some(
            "give its factors larger impulses or ranges, or write a scale of at least 0.00390625; held by \
             'superset' and 'large'"
        )
    );
    // Without a spike flag it may act more rarely instead, and what only the variable itself
    // multiplies has the same last places whatever its range is.
    let d = refused(
        " set w = w - 0.003 * w\n",
        "Q014",
        &format!(
            "the product '-0.003 * w' for 'ff.w' (rule.kern line 5) has a scale that is smaller than any the \
             chip 'superset' holds for it: {} 2048",
            reach.replace("0.00390625", "0.0078125")
        ),
    );
    assert_eq!(
        d.hint.as_deref(),
        Some(
            "let it act in every 2^k-th epoch (u_k) by 2^k times as much, or write a scale of at least \
             0.0078125; held by 'superset' and 'large'"
        )
    );
    let d = refused(
        " set w = w - 2100 * x1 * x0\n",
        "Q014",
        &format!(
            "the product '-2100 * x1 * x0' for 'ff.w' (rule.kern line 5) has a scale that is larger than \
             any the chip 'superset' holds for it: {reach} 1024"
        ),
    );
    assert!(d.hint.is_some_and(|h| h.contains("at most 1024; held by")));
    // Up to half of it away the nearest serves: two thirds of the smallest one become that one.
    for (written, held) in [("0.0027", 0.00390625), ("0.0057", 0.00390625), ("0.006", 0.0078125)] {
        let body = format!(" set w = w + {written} * x1 * x0\n");
        assert_eq!(constants(&body)[0].1, held, "{written}");
        let (_, _, found) = planned(&body).expect("a plan");
        assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), ["Q108"], "{written}");
    }
}

#[test]
fn the_exponent_makes_up_for_what_the_engine_shifts_a_product() {
    // Two variables of nine bits, a trace of seven and four of mantissa: 14 above 15. Their last
    // places are 2^-20, and the weight's is 2^-7.
    exact(&format!(" set w = w + {} * w * w * x1 * x0\n", 2f64.powi(-21 + 20 - 7)));
    let (net, plan, _) =
        planned(&format!(" set w = w + {} * w * w * x1 * x0\n", 2f64.powi(-21 + 20 - 7 - 2)))
            .expect("a plan");
    let (id, _) = net.phases.iter().next_back().expect("there is a rule");
    let found = refused_constants(&net, &chip(), &plan, id).to_string();
    assert!(found.contains("Q014"), "a quarter of it is too small: {found}");
}

#[test]
fn a_constant_is_as_wide_as_its_factor_and_a_sign() {
    // In 64ths, from -128 to 127; one last place beyond is the end.
    exact(" set w = w + 0.25 * (x1 + 1.984375) * x0\n");
    exact(" set w = w + 0.25 * (x1 - 2) * x0\n");
    let held = constants(" set w = w + 0.25 * (x1 + 2) * x0\n");
    assert_eq!(held, [(2.0, 1.984375), (0.25, 0.25)]);
    assert_eq!(constants(" set w = w + 0.25 * (0.1 - x1) * x0\n")[0], (0.1, 6.0 / 64.0));
    let d = refused(
        " set w = w + 0.25 * (x1 + 2.015625) * x0\n",
        "Q015",
        "the product '0.25 * (x1 + 2.01562) * x0' for 'ff.w' (rule.kern line 5) adds 2.01562 to 'x1', 129 of \
         its last places, and the chip 'superset' holds 8 bits, -128 to 127",
    );
    assert_eq!(
        d.hint.as_deref(),
        Some(
            "multiply it out, x * (x1 + C) as x * x1 + C * x: one product more; held by 'superset' and \
             'large'"
        )
    );
    refused(
        " set w = w + 0.25 * (x1 - 2.03125) * x0\n",
        "Q015",
        "the product '0.25 * (x1 - 2.03125) * x0' for 'ff.w' (rule.kern line 5) adds -2.03125 to 'x1', -130 of \
         its last places, and the chip 'superset' holds 8 bits, -128 to 127",
    );
    // A variable's range says how far a constant may be; beyond it the factor is multiplied out.
    exact(" set w = w + 0.25 * (w - 1) * x0\n");
    exact(" set w = w + 0.25 * (w - 3) * x0\n");
}

#[test]
fn a_constant_that_is_nothing_beside_its_factor_is_said() {
    let (_, _, found) = planned(" set w = w + 0.25 * (x1 + 0.005) * x0\n").expect("a plan");
    let d = only(&found, Severity::Warning, "Q103", "the constant 5e-3 in 'ff' rounds to zero");
    assert!(d.hint.is_some_and(|h| h.contains("a whole number of the factor's last places")));
}

#[test]
fn the_predicted_bound_holds_the_error_of_the_scale() {
    let (net, plan, _) = planned(" set w = w + 0.0123 * x1 * x0\n").expect("a plan");
    let (id, _) = net.phases.iter().next_back().expect("there is a rule");
    // The scale's error times the largest trace, and a last place of the weight.
    let expected = (0.0123 - 3.0 / 256.0) * (127.0 / 64.0) + 1.0 / 128.0;
    let bound = plan.phases[id].outputs[0].bound;
    assert!((bound - expected).abs() < 1e-9, "{bound} for {expected}");
}

#[test]
fn a_rule_that_no_product_was_written_for_keeps_its_constants() {
    let (net, plan, found) = planned(" set w = max(w, 0.0123 * x1)\n").expect("a plan");
    assert!(found.is_empty(), "{found}");
    let (id, _) = net.phases.iter().next_back().expect("there is a rule");
    assert_eq!(plan.phases[id].form, None);
}
