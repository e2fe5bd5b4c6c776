//! One bad model for each message about the network; codes, places and words are checked.

mod common;

use common::{FULL, STDP, expect, findings, load_text, with};

#[test]
fn references_to_nothing_suggest_the_nearest_name() {
    expect(
        &with("pre: \"hidden\"", "pre: \"hiden\""),
        "M010",
        "projections.readout.pre",
        "did you mean 'hidden'?",
    );
    expect(
        &with("post: \"out\"", "post: \"outt\""),
        "M010",
        "projections.readout.post",
        "did you mean 'out'?",
    );
    expect(
        &with("Modulator(\"reward\")", "Modulator(\"rewad\")"),
        "M010",
        "projections.reinforce.post",
        "did you mean 'reward'?",
    );
    expect(
        &with("post: Modulator(\"reward\")", "post: \"reward\""),
        "M010",
        "projections.reinforce.post",
        "Modulator(\"reward\")",
    );
    expect(
        &with("rule: \"stdp\"", "rule: \"sdp\""),
        "M010",
        "projections.ff.rule",
        "did you mean 'stdp'?",
    );
    expect(
        &with("PerPre(\"ff\")", "PerPre(\"fff\")"),
        "M010",
        "modulators.m_plus.scope",
        "did you mean 'ff'?",
    );
    expect(
        &with("\"m\": \"m_plus\"", "\"m\": \"m_pus\""),
        "M010",
        "rules.stdp.modulators.m",
        "did you mean 'm_plus'?",
    );
    expect(
        &with("readout: (population: \"out\"", "readout: (population: \"ot\""),
        "M010",
        "phases[1].readout.population",
        "did you mean 'out'?",
    );
}

#[test]
fn names_and_counts_are_checked() {
    for unprintable in ["name: \"\"", "name: \"two\\nlines\""] {
        let text = with("name: \"three-factor-demo\"", unprintable);
        expect(&text, "M011", "name", "empty or has control characters");
    }
    expect(
        &with("\"teacher\": (n: 2)", "\"te acher\": (n: 2)"),
        "M011",
        "inputs.te acher",
        "is not a name",
    );
    expect(
        &with("\"teacher\": (n: 2)", "\"a23456789012345678901234567890123\": (n: 2)"),
        "M011",
        "inputs.a2",
        "at most 32",
    );
    expect(
        &with("\"out\": (n: 2", "\"teacher\": (n: 2"),
        "M012",
        "populations.teacher",
        "also a name in inputs",
    );
    expect(&with("\"x1\": Pre", "\"w\": Pre"), "M012", "rules.stdp.traces.w", "already names");
    expect(&with("n: 6", "n: 0"), "M013", "inputs.retina.n", "0 lanes; 1 to 4194304");
    expect(&with("n: 6", "n: 4194305"), "M013", "inputs.retina.n", "4194305 lanes");
    expect(&with("epoch: 2", "epoch: 64"), "M040", "epoch", "64 steps; 1 to 63");
    expect(&with("step_ms: 1.0", "step_ms: 0.0"), "M040", "step_ms", "0 ms");
}

#[test]
fn expected_rates_belong_to_populations_and_inputs_and_are_at_most_one_spike_a_step() {
    let rates = |text: &str| with("epoch: 2,", &format!("epoch: 2, rates: {{ {text} }},"));
    let text = rates("\"retina\": 0.05, \"hidden\": 1.0");
    let model =
        load_text(&text, &[("stdp.kern", STDP.as_bytes())]).unwrap_or_else(|e| panic!("{e}"));
    let expected = [("retina".to_owned(), 0.05), ("hidden".to_owned(), 1.0)];
    assert_eq!(model.rates, expected);
    expect(&rates("\"hiden\": 0.5"), "M010", "rates.hiden", "did you mean 'hidden'?");
    expect(&rates("\"reward\": 0.5"), "M010", "rates.reward", "population or input");
    expect(&rates("\"hidden\": 1.5"), "M040", "rates.hidden", "1.5 spikes");
    expect(&rates("\"hidden\": -0.5"), "M040", "rates.hidden", "0 to 1");
}

#[test]
fn leaks_are_given_once_and_inside_their_domain() {
    expect(
        &with("tau_u: 5.0, ", ""),
        "M015",
        "populations.hidden",
        "0 of tau_u, decay_u and keep_u are given",
    );
    expect(&with("tau_u: 5.0", "tau_u: 5.0, keep_u: 0.5"), "M015", "populations.hidden", "2 of");
    expect(
        &with("tau_u: 5.0", "tau_u: 0.0"),
        "M016",
        "populations.hidden.tau_u",
        "is 0; it must be above 0",
    );
    expect(&with("tau_u: 5.0", "tau_u: NaN"), "M016", "populations.hidden.tau_u", "NaN");
    expect(&with("keep_u: 0.0", "keep_u: 1.5"), "M016", "populations.out.keep_u", "from 0 to 1");
    expect(
        &with("scope: Global, keep: 0.9", "scope: Global"),
        "M015",
        "modulators.reward",
        "0 of tau, decay and keep",
    );
    expect(&with("Pre(tau: 10.0, ", "Pre("), "M015", "rules.stdp.traces.x1", "0 of tau");
}

#[test]
fn numbers_outside_their_domain_are_named_with_their_lane() {
    expect(
        &with("score: ArgmaxEqualsSlot", "score: ArgmaxEquals(9)"),
        "M043",
        "protocol.phases[1].readout.score",
        "lane 9 of 'out' does not exist",
    );
    expect(
        &with("threshold: 1.0", "threshold: [1, 1, inf, 1]"),
        "M016",
        "populations.hidden.threshold",
        "lane 2 is inf",
    );
    expect(
        &with("resistance: 2.0", "resistance: 0.0"),
        "M016",
        "populations.hidden.resistance",
        "above 0",
    );
    expect(
        &with("refractory: 2", "refractory: 2.5"),
        "M016",
        "populations.hidden.refractory",
        "whole number",
    );
    expect(
        &with("impulse: 16.0", "impulse: -1.0"),
        "M016",
        "rules.stdp.traces.x1.impulse",
        "negative",
    );
    expect(
        &with("Saturating(max: 2.0)", "Saturating(max: 0.0)"),
        "M016",
        "rules.stdp.traces.y1.kind.max",
        "above 0",
    );
    expect(&with("p: 0.5", "p: 1.5"), "M016", "projections.ff.connect", "1.5 is not a probability");
    expect(
        &with("inhibitory_fraction: 0.2", "inhibitory_fraction: -0.2"),
        "M016",
        "projections.ff.inhibitory_fraction",
        "fraction",
    );
    expect(
        &with("Normal(0.0, 0.5, 1)", "Normal(0.0, -0.5, 1)"),
        "M016",
        "projections.ff.weights",
        "standard deviation",
    );
    expect(
        &with("Normal(0.0, 0.5, 1)", "Uniform(1, 0, 1)"),
        "M016",
        "projections.ff.weights",
        "lo <= hi",
    );
    expect(&with("max_rate: 0.5", "max_rate: 2"), "M016", "inputs.retina.encoder", "max_rate is 2");
    expect(
        &with("threshold: 1.0,", "threshold: 1.0, surrogate: Triangle(-1, 2),"),
        "M016",
        "populations.hidden.surrogate",
        "not negative",
    );
    let triangle = |spec: &str| {
        let spec = format!("threshold: 1.0, pseudo_derivative: ({spec}),");
        with("threshold: 1.0,", &spec)
    };
    let at = "populations.hidden.pseudo_derivative";
    let above = "a number above 0";
    expect(&triangle("height: 0.0, width: 1.0"), "M016", &format!("{at}.height"), above);
    expect(&triangle("height: 1.0, width: -1.0"), "M016", &format!("{at}.width"), above);
    expect(&triangle("height: 1e300, width: 1e-300"), "M016", at, "is inf");
    expect(&triangle("height: 1.0, width: inf"), "M016", &format!("{at}.width"), above);
    expect(
        &with(
            "keep_u: 0.0, decay_v",
            "pseudo_derivative: (height: 0.3, width: 1.0), keep_u: 0.0, decay_v",
        ),
        "M020",
        "populations.out.pseudo_derivative",
        "without a threshold",
    );
    let found = findings(FULL, &STDP.replace("in vp: post v", "in vp: post psi"), &[]);
    assert!(found.contains("error[M031]"), "{found}");
    assert!(
        found.contains("give the population that the projection ends at a pseudo_derivative"),
        "{found}"
    );
    expect(
        &with("threshold: 1.0, ", ""),
        "M020",
        "populations.hidden.refractory",
        "without a threshold",
    );
}

#[test]
fn connections_that_cannot_be_are_refused_before_memory_is_taken() {
    expect(
        &with("connect: AllToAll, sign", "connect: OneToOne, sign"),
        "M021",
        "projections.readout.connect",
        "4 and 2",
    );
    expect(
        &with("connect: AllToAll, sign", "connect: AllToOthers, sign"),
        "M021",
        "projections.readout.connect",
        "these are two",
    );
    expect(
        &with("(1, 5), (0, 2)", "(1, 6), (0, 2)"),
        "M021",
        "projections.spread.connect",
        "(1, 6) is outside 2 pre and 6 post",
    );
    expect(
        &with("(1, 5), (0, 2)", "(1, 0), (0, 2)"),
        "M021",
        "projections.spread.connect",
        "(1, 0) is listed twice",
    );
    expect(
        &with("post: \"hidden\"", "post: \"teacher\""),
        "M021",
        "projections.ff.post",
        "is an input",
    );
    expect(
        &with("connect: AllToAll, sign", "connect: Pool(input: (1, 2, 2), size: 0), sign"),
        "M021",
        "projections.readout.connect",
        "does not fit",
    );
    let big = FULL
        .replace("n: 6,", "n: 4194304,")
        .replace("\"hidden\": (n: 4,", "\"hidden\": (n: 4194304,");
    expect(
        &big.replace("Probability(p: 0.5, seed: 3)", "AllToAll"),
        "M014",
        "projections.ff.connect",
        "limit of 67108864",
    );
    expect(&big, "M014", "projections.ff.connect", "pairs with probability 0.5");
}

#[test]
fn signs_delays_and_ranges_are_checked() {
    expect(
        &with("[[1, 2], [3, 4]", "[[1, 2], [3, -4]"),
        "M023",
        "projections.readout.weights",
        "synapse 3 is -4, but the projection is Excitatory",
    );
    expect(
        &with("inhibitory_fraction", "sign: Excitatory, inhibitory_fraction"),
        "M023",
        "projections.ff.inhibitory_fraction",
        "Mixed",
    );
    expect(
        &with("delay: 2)", "delay: 63)"),
        "M024",
        "projections.readout.delay",
        "63 steps; whole numbers from 0 to 62",
    );
    expect(&with("delay: 2)", "delay: 1.5)"), "M024", "projections.readout.delay", "1.5");
    expect(
        &with("delay: 2)", "delay: Normal(1, 1, 1))"),
        "M024",
        "projections.readout.delay",
        "whole numbers",
    );
    expect(
        &with("rule: \"stdp\", range: (-4.0, 4.0)", "rule: \"stdp\""),
        "M025",
        "projections.ff.range",
        "no range",
    );
    expect(
        &with("rule: \"stdp\", range: (-4.0, 4.0)", "rule: \"stdp\", range: (4.0, -4.0)"),
        "M025",
        "projections.ff.range",
        "lo < hi",
    );
    expect(
        &with("range: (-1, 1)", "range: (1, 1)"),
        "M025",
        "rules.stdp.variables.e.range",
        "lo < hi",
    );
    expect(
        &with("(init: 0.0, range: (-1, 1))", "(init: 0.0)"),
        "M025",
        "rules.stdp.variables.e",
        "no range",
    );
    expect(
        &with("\"e\": (", "\"w\": (range: (-2, 2)), \"e\": ("),
        "M025",
        "projections.ff.range",
        "different ranges",
    );
    expect(
        &with("weights: Normal(0.0, 0.5, 1), inhibitory_fraction: 0.2", "weights: 5.0"),
        "M026",
        "projections.ff.weights",
        "outside its range (-4, 4)",
    );
    expect(
        &with("init: 0.0", "init: 3.0"),
        "M026",
        "rules.stdp.variables.e",
        "outside its range (-1, 1)",
    );
    let signed = with("inhibitory_fraction: 0.2", "sign: Inhibitory")
        .replace("rule: \"stdp\", range: (-4.0, 4.0)", "rule: \"stdp\", range: (1.0, 4.0)");
    expect(&signed, "M025", "projections.ff.range", "holds no weight");
    expect(
        &with("\"e\": (", "\"d\": (range: (70, 80)), \"e\": ("),
        "M025",
        "rules.stdp.variables.d",
        "holds no delay",
    );
}

#[test]
fn spikes_are_read_only_where_there_are_some() {
    expect(
        &with("pre: \"hidden\"", "pre: \"out\""),
        "M036",
        "projections.readout.pre",
        "has no threshold",
    );
    let graded = with("post: \"hidden\"", "post: \"out\"");
    expect(&graded, "M035", "rules.stdp", "follows spikes of 'out', which has none");
    let on_modulator = with(
        "connect: AllToAll, weights: [0.5, -0.5]",
        "connect: AllToAll, weights: [0.5, -0.5], rule: \"stdp\", range: (-1, 1)",
    );
    expect(&on_modulator, "M035", "rules.stdp", "follows spikes of 'reward'");
    let scope = with("scope: PerPost(\"ff\")", "scope: PerPost(\"spread\")");
    expect(&scope, "M033", "modulators.m_post.scope", "ends at a modulator");
}

#[test]
fn several_independent_findings_come_at_once() {
    let text = with("tau_u: 5.0", "tau_u: -5.0").replace("delay: 2)", "delay: 99)").replace(
        "pre: \"teacher\", post: Modulator(\"reward\")",
        "pre: \"tacher\", post: Modulator(\"reward\")",
    );
    let found = findings(&text, STDP, &[]);
    for code in ["M016", "M024", "M010"] {
        assert!(found.contains(&format!("error[{code}]")), "{code}\n{found}");
    }
}

#[test]
fn what_is_legal_but_useless_is_a_warning() {
    let more = with("\"teacher\": (n: 2),", "\"teacher\": (n: 2), \"extra\": (n: 1),")
        .replace("\"x1\": Pre", "\"x2\": Pre(tau: 1, impulse: 1), \"x1\": Pre")
        .replace("rules: {", "rules: { \"idle\": (kernel: Sop(dw: \"u0*w\")), ")
        .replace("\"eta\": Rate", "\"z\": (init: 0), \"eta\": Rate");
    let model =
        load_text(&more, &[("stdp.kern", STDP.as_bytes())]).unwrap_or_else(|e| panic!("{e}"));
    let found = model.warnings.to_string();
    for words in [
        "warning[M060]: no projection begins at 'extra'",
        "warning[M060]: no projection has the rule 'idle'",
        "warning[M034]: the kernel does not use 'x2'",
        "warning[M034]: the kernel does not use 'z'",
    ] {
        assert!(found.contains(words), "{words}\n{found}");
    }
}
