//! Every warning of the plan, in full: silence about a loss is the worst failure.

mod common;

use common::{Pair, bits, frac, only, plan, spiking};
use trifactor_diag::{Diagnostic, Severity};
use trifactor_fixed::Rounding;
use trifactor_ir::Values;
use trifactor_quant::FormatRequest;
use trifactor_testkit::builder::Lif;

/// The plan is made, with this warning alone.
#[track_caller]
fn warned(pair: Pair, requests: &[(&str, FormatRequest)], code: &str, message: &str) -> Diagnostic {
    let (_, warnings) = plan(pair, requests).unwrap_or_else(|e| panic!("{e}"));
    only(&warnings, Severity::Warning, code, message)
}

#[test]
fn an_ordinary_network_has_no_warning() {
    let (_, warnings) = plan(Pair::fixed(&spiking(), Values::Constant(0.5)), &[]).expect("a plan");
    assert!(warnings.is_empty(), "{warnings}");
}

#[test]
fn weights_that_round_to_zero_are_counted_with_an_example() {
    let pair = Pair::fixed(&spiking(), Values::PerLane(vec![0.5, 0.001, -0.001, 1.0]));
    // Nine bits around 1 have 7 of fraction; half of the last place is 0.0039.
    let d = warned(
        pair,
        &[],
        "Q101",
        "'ff.w' rounds to zero: 2 of its 4 values (such as -1e-3) lie below half of the last place \
         7.8125e-3 of its format s9.7",
    );
    assert_eq!(d.hint.as_deref(), Some("give it more bits or a larger 'frac' under 'formats'"));
}

#[test]
fn a_single_value_that_rounds_to_zero_is_named_as_one() {
    let lif = Lif { bias: Some(Values::Constant(1e-9)), ..spiking() };
    let pair = Pair::fixed(&lif, Values::Constant(0.5));
    let (_, warnings) = plan(pair, &[("out.v", frac(10))]).expect("a plan");
    let text = warnings.to_string();
    assert!(
        text.contains(
            "warning[Q101]: 'out.bias' rounds to zero: its value 1e-9 lies below half of the last place \
             9.765625e-4 of its format s24.10"
        ),
        "{text}"
    );
}

#[test]
fn weights_outside_their_format_are_named_with_both_ranges() {
    let pair = Pair::fixed(&spiking(), Values::PerLane(vec![0.5, 3.0, -3.0, 1.0]));
    warned(
        pair,
        &[("ff.w", frac(8))],
        "Q102",
        "'ff.w' is clamped: its values reach from -3 to 3 and its format s9.8 holds -1 to 0.99609375",
    );
}

#[test]
fn a_constant_below_every_fixed_point_form_is_named() {
    let mut pair = Pair::plastic();
    pair.rule("kernel r {\n in w: own\n set w = w + 1e-25 * w\n}\n");
    let d = warned(pair, &[], "Q103", "the constant 1e-25 in 'ff' rounds to zero");
    assert_eq!(d.place.key.as_deref(), Some("plasticity.ff"));
}

#[test]
fn a_trace_that_outgrows_its_format_is_named_with_both_ends() {
    let mut pair = Pair::plastic();
    pair.trace("x1", 0.75, 1.0);
    pair.rule("kernel r {\n in w: own\n in x1: pre\n set w = w + x1\n}\n");
    // 1 / (1 - 0.75) is 4; seven bits with six of fraction end at 127/64.
    let request = FormatRequest { bits: Some(7), frac: Some(6), ..FormatRequest::default() };
    warned(
        pair,
        &[("in.x1", request)],
        "Q104",
        "'in.x1' can reach 4.0000 if its lane fires in every step, and its format u7.6 ends at 1.9844: \
         it will saturate there",
    );
}

#[test]
fn a_trace_that_never_decays_grows_without_end() {
    let mut pair = Pair::plastic();
    pair.trace("x1", 1.0, 1.0);
    pair.rule("kernel r {\n in w: own\n in x1: pre\n set w = w + x1 * 0.01\n}\n");
    warned(
        pair,
        &[("in.x1", bits(7))],
        "Q104",
        "'in.x1' grows without end if its lane fires in every step, and its format u7.0 ends at 127.0000: \
         it will saturate there",
    );
}

#[test]
fn a_rule_too_slow_for_its_rounding_is_named_with_its_change() {
    let slow = |rounding| {
        let mut pair = Pair::plastic();
        pair.trace("x1", 0.5, 0.5);
        // The trace reaches 1 in 12 bits: 4095 / 4096 of 2^-9, a quarter of the weight's 2^-7.
        pair.rule("kernel r {\n in w: own\n in x1: pre\n set w = w + x1 * 0.001953125\n}\n");
        let rounding = FormatRequest { rounding: Some(rounding), ..FormatRequest::default() };
        (pair, rounding)
    };
    for (rounding, word) in
        [(Rounding::Nearest, "nearest"), (Rounding::Floor, "floor"), (Rounding::Zero, "truncating")]
    {
        let (pair, request) = slow(rounding);
        let (_, warnings) = plan(pair, &[("ff.w", request)]).expect("a plan");
        let text = warnings.to_string();
        assert!(
            text.contains("warning[Q105]: the rule 'ff' is too slow to move 'ff.w': its largest change in one epoch is ")
                && text.contains(&format!("of the last place, with {word} rounding")),
            "{text}"
        );
    }
    // Stochastic rounding passes it on.
    let (pair, request) = slow(Rounding::Stochastic);
    let (_, warnings) = plan(pair, &[("ff.w", request)]).expect("a plan");
    assert!(warnings.is_empty(), "{warnings}");
}

#[test]
fn even_stochastic_rounding_loses_what_happens_once_in_a_million_epochs() {
    let mut pair = Pair::plastic();
    pair.trace("x1", 0.5, 0.5);
    // 2^-28: below 2^-7 by 21 bits, and 2^-21 is less than a millionth.
    pair.rule("kernel r {\n in w: own\n in x1: pre\n set w = w + x1 * 0.0000000037252902984619140625\n}\n");
    let (_, warnings) = plan(pair, &[("in.x1", bits(7))]).expect("a plan");
    let text = warnings.to_string();
    assert!(text.contains("Q105") && text.contains("with stochastic rounding"), "{text}");
}

#[test]
fn weights_finer_than_the_membrane_are_named_with_the_bits_that_are_cut_off() {
    let pair = Pair::fixed(&spiking(), Values::Constant(0.75));
    // 0.75 in nine bits has 8 of fraction.
    let d = warned(
        pair,
        &[("out.v", frac(3))],
        "Q106",
        "the last 5 bits of the weights of 'ff' are below the last place of 'out.q' and are cut off",
    );
    assert!(d.hint.is_some_and(|h| h.contains("formats.POPULATION.v")));
}
