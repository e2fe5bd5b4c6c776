//! Every error of the plan: what provokes it, and that it names the variable, the figure that was
//! asked for, the figure that is allowed and a way out.

mod common;

use common::{Pair, bits, frac, plan, refused, spiking};
use proptest::prelude::*;
use trifactor_fixed::Rounding;
use trifactor_ir::{
    Delay, Group, KernelBuilder, Read, ResetGroup, Role, Sign, StateRole, Target, Values,
};
use trifactor_quant::FormatRequest;
use trifactor_testkit::builder::Lif;

#[test]
fn a_format_for_an_unknown_variable_is_refused_with_the_nearest_name() {
    let pair = Pair::fixed(&spiking(), Values::Constant(0.5));
    let d = refused(
        pair,
        &[("ff.ww", bits(8))],
        "Q001",
        "a format is given for 'ff.ww', but the model has no such variable",
    );
    assert_eq!(d.hint.as_deref(), Some("did you mean 'ff.w'?"));
    assert_eq!(d.place.key.as_deref(), Some("formats.ff.ww"));
}

#[test]
fn a_weight_of_a_width_that_the_chip_lacks_is_refused_with_the_widths_there_are() {
    let pair = Pair::fixed(&spiking(), Values::Constant(0.5));
    let d = refused(
        pair,
        &[("ff.w", bits(7))],
        "Q002",
        "7 bits are asked for 'ff.w', but the chip 'superset' stores a weight in 1, 2, 3, 4, 5, 6, \
         8, 9, 12, 16 bits",
    );
    assert_eq!(d.place.key.as_deref(), Some("formats.ff.w.bits"));
}

#[test]
fn a_membrane_has_one_width() {
    let pair = Pair::fixed(&spiking(), Values::Constant(0.5));
    let message =
        "20 bits are asked for 'out.v', but the chip 'superset' stores a membrane in 24 bits";
    refused(pair, &[("out.v", bits(20))], "Q002", message);
}

#[test]
fn tags_rates_traces_and_modulators_have_widths_of_their_own() {
    for (name, width, message) in [
        (
            "ff.e",
            10,
            "10 bits are asked for 'ff.e', but the chip 'superset' stores a tag in 8, 9, 12, 16 bits",
        ),
        (
            "ff.a",
            11,
            "11 bits are asked for 'ff.a', but the chip 'superset' stores a rate in 8, 9, 12, 16 bits",
        ),
        (
            "in.x1",
            11,
            "11 bits are asked for 'in.x1', but the chip 'superset' stores a trace in 7, 8, 9, 10, 12, 16 bits",
        ),
        (
            "m.m",
            12,
            "12 bits are asked for 'm.m', but the chip 'superset' stores a modulator in 8, 16 bits",
        ),
    ] {
        refused(learning(), &[(name, bits(width))], "Q002", message);
    }
}

/// A rule that reads and sets something of every kind.
fn learning() -> Pair {
    let mut pair = Pair::plastic();
    pair.own("e", StateRole::Variable, (-1.0, 1.0));
    pair.own("a", StateRole::Parameter, (0.0, 0.5));
    pair.trace("x1", 0.5, 0.25);
    pair.modulator("m", (-2.0, 2.0));
    pair.rule(
        "kernel learn {\n in w: own\n in e: own\n in a: own\n in x1: pre\n in m: global\n \
         set e = e * 0.5 + x1\n set w = w + a * m * e\n}\n",
    );
    pair
}

#[test]
fn a_chip_without_rates_is_named_with_a_chip_that_has_them() {
    let chip = trifactor_isa::Chip::builtin("loihi1").expect("it is built in");
    let net = learning().net();
    let found = trifactor_quant::plan(&net, &chip, &trifactor_quant::Requests::new());
    let found = found.expect_err("this chip has no rates");
    let d = found.iter().find(|d| d.code == "Q002").expect("a width that cannot be had");
    assert_eq!(d.message, "'ff.a' is a rate, and the chip 'loihi1' stores none");
    assert!(d.hint.as_ref().is_some_and(|h| h.contains("'superset'")), "{:?}", d.hint);
}

#[test]
fn a_program_has_thirty_two_draws_for_products_and_stores_together() {
    // From the fourth product on each drops eight bits; the store drops some, too.
    let net = |n: usize| {
        let mut pair = Pair::plastic();
        let products: String = (1..n).map(|k| format!(" p{k} = p{} * w\n", k - 1)).collect();
        pair.rule(&format!(
            "kernel learn {{\n in w: own\n p0 = w * w\n{products} set w = p{}\n}}\n",
            n - 1
        ));
        pair.net()
    };
    let mut chip = trifactor_testkit::chips::superset();
    chip.defaults.intermediate_rounding = Rounding::Stochastic;
    let plan = |n| trifactor_quant::plan(&net(n), &chip, &trifactor_quant::Requests::new());
    let drawing = |n| {
        let (plan, _) = plan(n).unwrap_or_else(|e| panic!("{n} products: {e}"));
        let phase = plan.phases.iter().last().expect("there is a rule").1;
        let products = phase.values.iter().filter(|(_, p)| p.rounding == Rounding::Stochastic);
        let sites: Vec<u8> = products.map(|(_, p)| p.site).chain([phase.outputs[0].site]).collect();
        assert_eq!(sites, (0..sites.len() as u8).collect::<Vec<u8>>(), "in program order");
        sites.len()
    };
    let most = (5..60).take_while(|n| plan(*n).is_ok()).last().expect("short rules have a plan");
    assert_eq!(drawing(most), 32);
    let found = plan(most + 1).expect_err("one draw too many");
    let d = found.iter().find(|d| d.code == "Q013").expect("a finding about draws");
    assert_eq!(
        d.message,
        "the rule 'ff' rounds 33 times at random, and a program draws at most 32 times"
    );
}

#[test]
fn traces_have_no_sign_and_modulators_have_one() {
    let sign = |signed| FormatRequest { signed: Some(signed), ..FormatRequest::default() };
    let message = "a sign is asked for 'in.x1', but a trace of the chip 'superset' has no sign";
    refused(learning(), &[("in.x1", sign(true))], "Q002", message);
    let message = "no sign is asked for 'm.m', but a modulator of the chip 'superset' has a sign";
    refused(learning(), &[("m.m", sign(false))], "Q002", message);
}

#[test]
fn an_unsigned_format_holds_nothing_below_zero() {
    let unsigned = FormatRequest { signed: Some(false), ..FormatRequest::default() };
    let message = "no unsigned 9-bit format holds 'ff.e', which ranges from -1 to 1";
    refused(learning(), &[("ff.e", FormatRequest { bits: Some(9), ..unsigned })], "Q003", message);
}

#[test]
fn a_range_beyond_every_binary_point_is_refused() {
    let pair = Pair::fixed(&spiking(), Values::PerLane(vec![0.0, 1.0, 2.0, 4e12]));
    // 255 * 2^32 is 1.1e12.
    let found = plan(pair, &[]).expect_err("no format holds it");
    let text = found.to_string();
    assert!(
        text.contains(
            "error[Q003]: no signed 9-bit format holds 'ff.w', which ranges from 0 to 4000000000000"
        ),
        "{text}"
    );
}

#[test]
fn a_range_between_two_neighbouring_values_is_refused() {
    let mut pair = Pair::bare(&spiking(), Sign::Mixed);
    let range = (0.3, 0.4);
    let init = Values::Constant(0.35);
    let reset = ResetGroup::Weights;
    let w = pair.b.state(pair.ff, "w", StateRole::Variable, init, Some(range), reset);
    pair.b.deliver(pair.ff, w, Delay::Fixed(0));
    let message = "no value of 'ff.w' in its format s9.1 lies between 0.3 and 0.4";
    refused(pair, &[("ff.w", frac(1))], "Q003", message);
}

#[test]
fn a_threshold_beyond_the_membrane_is_refused_with_its_end() {
    let lif = Lif { threshold: Some(Values::Constant(10.0)), ..Lif::default() };
    // 24 bits with 20 of fraction end at 8.
    let d = refused(
        Pair::fixed(&lif, Values::Constant(0.5)),
        &[("out.v", frac(20))],
        "Q004",
        "'out.threshold' reaches 10, and the 24-bit membrane of 'out' ends at 8.0000",
    );
    assert_eq!(d.hint.as_deref(), Some("give a smaller 'frac' under formats.out.v"));
    let lif = Lif { v_min: Some(Values::Constant(-9.0)), ..spiking() };
    let message = "'out.v_min' reaches -9, and the 24-bit membrane of 'out' ends at -8.0000";
    refused(Pair::fixed(&lif, Values::Constant(0.5)), &[("out.v", frac(20))], "Q004", message);
}

#[test]
fn an_accumulator_that_could_overflow_is_refused_with_both_sums() {
    let pair = Pair::fixed(&spiking(), Values::Constant(1536.0));
    // Two synapses of 1536 against 2^31 / 2^20.
    let d = refused(
        pair,
        &[("out.v", frac(20))],
        "Q005",
        "if all synapses of a lane of 'out' fire at their largest weight they add up to 3072.0000, \
         and its 32-bit accumulator ends at 2048.0000",
    );
    assert!(d.hint.is_some_and(|h| h.contains("formats.out.v")));
    // Just below is no overflow.
    let pair = Pair::fixed(&spiking(), Values::Constant(1020.0));
    assert!(plan(pair, &[("out.v", frac(20))]).is_ok());
}

#[test]
fn the_accumulator_of_a_modulator_is_checked_as_well() {
    let mut pair = learning();
    let m = pair.b.network().space("m").expect("there is one");
    let force = pair.b.synapses("force", pair.input, m, Sign::Mixed, &[vec![0], vec![0]]);
    let w = pair.b.weight(force, Values::Constant(80_000.0));
    pair.b.deliver(force, w, Delay::Fixed(0));
    // A modulator within 2 has 13 fraction bits in 16: its accumulator ends at 2^18.
    let found = plan(pair, &[]);
    let text = found.map_or_else(|d| d.to_string(), |(_, w)| w.to_string());
    assert!(!text.contains("Q005"), "two weights of 80000 are below 262144: {text}");
    let mut pair = learning();
    let m = pair.b.network().space("m").expect("there is one");
    let force = pair.b.synapses("force", pair.input, m, Sign::Mixed, &[vec![0], vec![0]]);
    let w = pair.b.weight(force, Values::Constant(160_000.0));
    pair.b.deliver(force, w, Delay::Fixed(0));
    let text = plan(pair, &[]).expect_err("320000 is above").to_string();
    assert!(text.contains("error[Q005]: if all synapses of a lane of 'm' fire"), "{text}");
}

#[test]
fn a_computation_that_no_unit_makes_is_refused() {
    let mut pair = Pair::fixed(&spiking(), Values::Constant(0.5));
    let odd = pair.b.input("odd", 2);
    let reset = ResetGroup::Membrane;
    let x = pair.b.state(odd, "x", StateRole::Variable, Values::Constant(0.0), None, reset);
    let mut k = KernelBuilder::new("sigmoid");
    let old = k.input("x", Role::Own);
    let new = k.mul(old, old);
    k.output("x", Target::Set, new);
    pair.b.phase(Group::Neurons, odd, k.build(), vec![Read::State(x)], vec![x]);
    let message = "the chip 'superset' has no unit that computes the neurons of 'odd'";
    refused(pair, &[], "Q006", message);
}

#[test]
fn a_variable_that_no_unit_holds_is_refused() {
    let mut pair = Pair::fixed(&spiking(), Values::Constant(0.5));
    let reset = ResetGroup::Membrane;
    pair.b.state(pair.out, "extra", StateRole::Parameter, Values::Constant(1.0), None, reset);
    refused(pair, &[], "Q007", "no unit of the chip 'superset' holds 'out.extra'");
}

#[test]
fn a_change_finer_than_a_register_rounds_is_refused_with_both_counts() {
    let mut pair = Pair::plastic();
    pair.trace("x1", 0.5, 0.25);
    // 2^-60 has 60 fraction bits, the trace some more.
    pair.rule(
        "kernel slow {\n in x1: pre\n set w = x1 * 0.000000000000000000867361737988403547\n}\n",
    );
    let found = plan(pair, &[]).expect_err("too fine");
    let text = found.to_string();
    let message = "bits finer than the variable, and a 32-bit register rounds off at most 31";
    assert!(
        text.contains("error[Q008]: the change of 'w' in 'ff' is ") && text.contains(message),
        "{text}"
    );
    assert!(text.contains("hint: use a larger rate, or a narrower range"), "{text}");
}

#[test]
fn a_weight_too_far_from_its_sum_is_refused() {
    let fine = FormatRequest { bits: Some(16), frac: Some(54), ..FormatRequest::default() };
    let found = plan(Pair::plastic(), &[("ff.w", fine)]).expect_err("too fine");
    let message = "bits finer than the sum it is added to, and a delivery shifts by at most 31";
    let d = found.iter().find(|d| d.code == "Q008").expect("a finding about the distance");
    assert!(d.message.ends_with(message), "{}", d.message);
}

#[test]
fn a_refractory_time_beyond_the_counter_is_refused() {
    let lif = Lif { refractory: Some(Values::Constant(64.0)), ..spiking() };
    let message =
        "'out.refractory' is 64 steps, and the chip 'superset' holds a neuron for at most 63";
    refused(Pair::fixed(&lif, Values::Constant(0.5)), &[], "Q009", message);
    let lif = Lif { refractory: Some(Values::Constant(63.0)), ..spiking() };
    assert!(plan(Pair::fixed(&lif, Values::Constant(0.5)), &[]).is_ok());
}

#[test]
fn a_trace_whose_range_lies_above_zero_is_refused() {
    let mut pair = learning().b.finish().expect("legal").into_network();
    let x = pair.states.find(|s| s.name == "x1").expect("there is one");
    pair.states[x].range = Some((0.5, 2.0));
    pair.states[x].init = Values::Constant(1.0);
    let net = trifactor_ir::verify(pair).expect("legal");
    let chip = trifactor_testkit::chips::superset();
    let found = trifactor_quant::plan(&net, &chip, &trifactor_quant::Requests::new());
    let found = found.expect_err("a trace falls to 0");
    common::only(
        &found,
        trifactor_diag::Severity::Error,
        "Q003",
        "'in.x1' ranges from 0.5 to 2, and a trace decays to 0",
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_request_gives_a_plan_or_a_finding(
        which in 0usize..6,
        bits in proptest::option::of(0u8..=255),
        frac in proptest::option::of(-128i8..=127),
        signed in proptest::option::of(any::<bool>()),
        rounding in proptest::option::of(0u8..4),
    ) {
        let rounding = rounding.map(Rounding::from_code);
        let request = FormatRequest { bits, frac, signed, rounding };
        let name = ["ff.w", "ff.e", "ff.a", "in.x1", "m.m", "out.v"][which];
        match plan(learning(), &[(name, request)]) {
            Ok((_, warnings)) => prop_assert!(!warnings.has_errors()),
            Err(found) => prop_assert!(found.has_errors()),
        }
    }
}

fn triangle(height: f64, slope: f64) -> Lif {
    Lif { pseudo_derivative: Some((height, slope)), ..spiking() }
}

#[test]
fn a_pseudo_derivative_on_a_chip_without_them_is_refused_with_the_chips_that_have_them() {
    let net = Pair::fixed(&triangle(0.3, 0.3), Values::Constant(0.5)).net();
    let chip = trifactor_isa::Chip::builtin("loihi1").expect("the chip is built in");
    let found = trifactor_quant::plan(&net, &chip, &trifactor_quant::Requests::new());
    let found = found.expect_err("loihi1 has no such unit");
    let d = found.iter().find(|d| d.code == "Q006").expect("a finding about the unit");
    assert_eq!(
        d.message,
        "the chip 'loihi1' has no unit that computes the pseudo-derivative of 'out': its post traces follow \
         spikes alone"
    );
    let hint = d.hint.as_deref().expect("a way out");
    assert!(hint.contains("'superset' and 'large'"), "{hint}");
}

#[test]
fn a_format_that_ends_below_the_height_is_refused() {
    let asked = FormatRequest { bits: Some(8), frac: Some(9), ..FormatRequest::default() };
    refused(
        Pair::fixed(&triangle(0.75, 0.3), Values::Constant(0.5)),
        &[("out.psi", asked)],
        "Q003",
        "'out.psi' reaches its height 0.75, and its format u8.9 ends at 0.4980",
    );
}

#[test]
fn a_pseudo_derivative_holds_0_to_its_height_and_nothing_else() {
    let pair = Pair::fixed(&triangle(0.3, 0.3), Values::Constant(0.5));
    let psi = pair.b.network().states.find(|s| s.name == "psi").expect("it has one");
    let (plan, _) = plan(pair, &[]).expect("it fits");
    // 12 bits with 13 of fraction: 0.3 is 2457.6.
    let format = plan.states[psi];
    assert_eq!((format.q.to_string().as_str(), format.raw.lo, format.raw.hi), ("u12.13", 0, 2458));
}
