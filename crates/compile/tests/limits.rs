//! Every limit of a chip: one step below it a network compiles, one step above it is refused with
//! the name, the figure that is needed and the figure that is allowed.

mod common;

use common::{Draft, chip, fits, made, refused};
use trifactor_compile::{Identity, compile};
use trifactor_ir::{CheckedNetwork, Delay, ResetGroup, SpaceId, StateRole, Values};
use trifactor_quant::{Requests, plan};
use trifactor_testkit::chips;

const RULE: &str = "kernel r {\n in w: own\n in x0: pre\n set w = w + 0.25 * x0\n}\n";

#[test]
fn compartments_with_modulator_lines_fill_a_core() {
    // A core needs all lines of a modulator per pre lane.
    let (mut draft, input, out) = Draft::sides(1, 5, 1);
    draft.modulator("m", 5);
    draft.plastic("ff", input, out, "kernel r {\n in w: own\n in m: pre\n set w = w + m\n}\n");
    let wide = draft.net();
    fits(&wide, &chip(|c| c.core.compartments = 6));
    let d = refused(
        &wide,
        &chip(|c| c.core.compartments = 5),
        "C020",
        "neuron 0 of 'out' does not fit a core by itself: it needs 6 compartments and modulator lines, and a \
         core of the chip 'tiny' has 5",
    );
    assert_eq!(d.place.key.as_deref(), Some("populations.out"));
    assert!(d.hint.is_some_and(|h| h.contains("'large'")));
}

#[test]
fn neurons_beyond_a_core_go_to_the_next_until_the_chip_is_full() {
    let net = |n| {
        let (mut draft, input, out) = Draft::sides(1, 1, n);
        draft.fixed("ff", input, out);
        draft.net()
    };
    let four_cores = chip(|c| {
        c.core.compartments = 8;
        (c.mesh.columns, c.mesh.rows, c.mesh.cores_per_tile) = (2, 1, 2);
    });
    assert_eq!(fits(&net(8), &four_cores).image.cores.len(), 1);
    assert_eq!(fits(&net(9), &four_cores).image.cores.len(), 2);
    assert_eq!(fits(&net(32), &four_cores).image.cores.len(), 4);
    let message = "'out' no longer fits: all 4 cores of the chip 'tiny' are in use, and the network \
                   needs 10 cores";
    let d = refused(&net(73), &four_cores, "C021", message);
    let hint = d.hint.expect("there is a way out");
    assert!(hint.contains("--chip large"), "{hint}");
    assert!(hint.contains("3 hold it: `chips: (columns: 3, rows: 1)`"), "{hint}");
}

#[test]
fn an_author_may_ask_for_fewer_neurons_on_a_core() {
    let (mut draft, input, out) = Draft::sides(1, 1, 8);
    draft.fixed("ff", input, out);
    let (net, chip) = (draft.net(), chips::superset());
    let (plan, _) = plan(&net, &chip, &Requests::new()).expect("a plan");
    for (most, expected) in [(3, vec![3, 3, 2]), (8, vec![8]), (5000, vec![8])] {
        let identity = Identity { neurons_per_core: Some(most), ..common::identity() };
        let compiled = compile(&net, &plan, &chip, &identity).unwrap_or_else(|e| panic!("{e}"));
        let sizes = compiled.placement.cores.iter().map(|c| c.slices.iter().map(|s| s.n).sum());
        assert_eq!(sizes.collect::<Vec<u32>>(), expected, "at most {most}");
    }
}

#[test]
fn input_axons_limit_the_fan_in_of_a_neuron() {
    let net = |n| {
        let (mut draft, input, out) = Draft::sides(1, n, 1);
        draft.fixed("ff", input, out);
        draft.net()
    };
    let chip = chip(|c| c.core.axons_in = 20);
    fits(&net(20), &chip);
    let message = "neuron 0 of 'out' does not fit a core by itself: it needs 21 input axons, and a core of \
                   the chip 'tiny' has 20";
    refused(&net(21), &chip, "C020", message);
}

/// A projection onto `out` from inputs of its own.
fn projection(draft: &mut Draft, k: usize, out: SpaceId, kernel: Option<&str>) {
    let input = draft.b.input(&format!("in{k}"), 1);
    match kernel {
        Some(kernel) => draft.plastic(&format!("ff{k}"), input, out, kernel),
        None => draft.fixed(&format!("ff{k}"), input, out),
    };
}

fn projections(n: usize, kernel: Option<&str>) -> CheckedNetwork {
    let mut draft = Draft::new(1);
    let out = draft.neurons("out", 1);
    (0..n).for_each(|k| projection(&mut draft, k, out, kernel));
    draft.net()
}

#[test]
fn output_axons_limit_the_messages_of_a_core() {
    // A neuron sends a message per projection that starts at it.
    let net = |neurons, n_projections: usize| {
        let mut draft = Draft::new(1);
        let source = draft.neurons("source", neurons);
        for k in 0..n_projections {
            let target = draft.neurons(&format!("target{k}"), 1);
            draft.fixed(&format!("ff{k}"), source, target);
        }
        draft.net()
    };
    let small = chip(|c| c.core.axons_out = 6);
    fits(&net(1, 6), &small);
    let d = refused(
        &net(1, 7),
        &small,
        "C022",
        "one neuron of 'source' sends 7 messages per spike, and a core of the chip 'tiny' has 6 output axons",
    );
    assert_eq!(d.place.key.as_deref(), Some("populations.source"));
    // Eight neurons with six messages each take a core each, and so do the six targets.
    assert_eq!(fits(&net(8, 6), &small).image.cores.len(), 14);
    let few = chip(|c| {
        c.core.axons_out = 6;
        (c.mesh.columns, c.mesh.rows) = (1, 1);
    });
    let found = made(&net(8, 6), &few).expect_err("four cores do not hold them").to_string();
    let message = "messages per spike, and a core of the chip 'tiny' has 6 output axons";
    assert!(found.contains("error[C022]: ") && found.contains(message), "{found}");
}

#[test]
fn neurons_that_are_spread_for_their_messages_keep_their_modulators() {
    // Each neuron has a line of its own; with one neuron per core two addresses are in use.
    let mut draft = Draft::new(1);
    let input = draft.b.input("in", 1);
    let out = draft.neurons("out", 2);
    draft.modulator("m", 2);
    draft.plastic("ff", input, out, "kernel r {\n in w: own\n in m: post\n set w = w + m\n}\n");
    for k in 0..2 {
        let target = draft.neurons(&format!("target{k}"), 1);
        draft.fixed(&format!("to{k}"), out, target);
    }
    let compiled = fits(&draft.net(), &chip(|c| c.core.axons_out = 2));
    assert!(compiled.image.cores.len() >= 2);
}

#[test]
fn synapse_memory_limits_the_fan_in_of_a_neuron() {
    // A row with one synapse of nine bits takes one word of 64 bits.
    let net = |n| {
        let (mut draft, input, out) = Draft::sides(1, n, 1);
        draft.fixed("ff", input, out);
        draft.net()
    };
    let chip = chip(|c| c.core.synapse_words = 30);
    fits(&net(30), &chip);
    let message = "neuron 0 of 'out' does not fit a core by itself: it needs 31 64-bit words of synapse \
                   memory, and a core of the chip 'tiny' has 30";
    refused(&net(31), &chip, "C020", message);
}

#[test]
fn synapse_formats_limit_the_projections_of_a_core() {
    let chip = chip(|c| c.core.formats = 3);
    fits(&projections(3, None), &chip);
    let message = "neuron 0 of 'out' does not fit a core by itself: it needs 4 synapse formats, and a core \
                   of the chip 'tiny' has 3";
    refused(&projections(4, None), &chip, "C020", message);
}

#[test]
fn learning_profiles_limit_the_plastic_projections_of_a_core() {
    let chip = chip(|c| c.core.profiles = 2);
    fits(&projections(2, Some(RULE)), &chip);
    let message = "neuron 0 of 'out' does not fit a core by itself: it needs 3 learning profiles, and a core \
                   of the chip 'tiny' has 2";
    refused(&projections(3, Some(RULE)), &chip, "C020", message);
}

/// Words of the program of `RULE`.
fn words() -> u32 {
    let compiled = made(&projections(1, Some(RULE)), &chip(|_| ())).expect("it compiles");
    compiled.image.cores[0].ucode.len() as u32
}

#[test]
fn a_rule_longer_than_the_microcode_memory_is_refused_with_both_lengths() {
    let n = words();
    let net = projections(1, Some(RULE));
    fits(&net, &chip(|c| c.core.ucode_words = n));
    let message = format!(
        "the rule 'ff0' takes {n} microcode words, and a core of the chip 'tiny' has {}",
        n - 1
    );
    let d = refused(&net, &chip(|c| c.core.ucode_words = n - 1), "C015", &message);
    assert_eq!(d.hint.as_deref(), Some("simplify the rule"));
}

#[test]
fn the_rules_of_a_core_share_its_microcode_memory() {
    let n = words();
    let net = projections(2, Some(RULE));
    fits(&net, &chip(|c| c.core.ucode_words = 2 * n));
    let message = format!(
        "neuron 0 of 'out' does not fit a core by itself: it needs {} microcode words, and a core of the \
         chip 'tiny' has {}",
        2 * n,
        2 * n - 1
    );
    refused(&net, &chip(|c| c.core.ucode_words = 2 * n - 1), "C020", &message);
}

/// A rule that reads so many pre traces, post traces and global modulators.
fn reader(pre: usize, post: usize, global: usize) -> CheckedNetwork {
    let (mut draft, input, out) = Draft::sides(1, 1, 1);
    let mut kernel = "kernel r {\n in w: own\n".to_owned();
    let mut terms = vec!["w".to_owned()];
    let mut factor = |name: String, role: &str| {
        kernel.push_str(&format!(" in {name}: {role}\n"));
        terms.push(format!("0.25 * {name}"));
    };
    for k in 0..pre {
        draft.trace(input, &format!("px{k}"));
        factor(format!("px{k}"), "pre");
    }
    for k in 0..post {
        draft.trace(out, &format!("py{k}"));
        factor(format!("py{k}"), "post");
    }
    for k in 0..global {
        draft.modulator(&format!("m{k}"), 1);
        factor(format!("m{k}"), "global");
    }
    let kernel = format!("{kernel} set w = {}\n}}\n", terms.join(" + "));
    draft.plastic("ff", input, out, &kernel);
    draft.net()
}

#[test]
fn slots_limit_the_factors_of_a_rule_on_each_side() {
    let chip = chip(|c| {
        (c.core.pre_columns, c.core.post_columns, c.core.modulator_lines) = (2, 3, 1);
    });
    fits(&reader(2, 3, 1), &chip);
    for (counts, used, side, allowed) in
        [((3, 3, 1), 3, "pre", 2), ((2, 4, 1), 4, "post", 3), ((2, 3, 2), 2, "global", 1)]
    {
        let (pre, post, global) = counts;
        let message = format!(
            "the rule 'ff' reads {used} {side} traces and modulators, and a profile of the chip 'tiny' has \
             {allowed} {side} slots"
        );
        refused(&reader(pre, post, global), &chip, "C014", &message);
    }
}

#[test]
fn the_superset_has_fifteen_slots_on_each_side_and_sixteen_lines() {
    let superset = trifactor_testkit::chips::superset();
    fits(&reader(15, 15, 16), &superset);
    let message = "the rule 'ff' reads 16 pre traces and modulators, and a profile of the chip 'superset' has \
                   15 pre slots";
    refused(&reader(16, 0, 0), &superset, "C014", message);
    let message = "the rule 'ff' reads 17 global traces and modulators, and a profile of the chip 'superset' \
                   has 16 global slots";
    refused(&reader(0, 0, 17), &superset, "C014", message);
}

#[test]
fn registers_limit_the_values_that_are_alive_together() {
    // n values of one factor, all made before the first is used for good.
    let net = |n: usize| {
        let (mut draft, input, out) = Draft::sides(1, 1, 1);
        let mut kernel = "kernel r {\n in w: own\n in x0: pre\n".to_owned();
        for k in 0..n {
            let before = if k == 0 { "w".to_owned() } else { format!("p{}", k - 1) };
            kernel.push_str(&format!(" p{k} = sgn({before}) - x0\n"));
        }
        let sum: Vec<String> = (0..n).rev().map(|k| format!("p{k}")).collect();
        kernel.push_str(&format!(" set w = {}\n}}\n", sum.join(" + ")));
        draft.plastic("ff", input, out, &kernel);
        draft.net()
    };
    let superset = trifactor_testkit::chips::superset();
    fits(&net(8), &superset);
    let message = "the rule 'ff' needs more than 16 values at the same time, and a lane has that many registers";
    let d = refused(&net(20), &superset, "C013", message);
    assert!(d.hint.is_some_and(|h| h.contains("compute shared factors later")));
}

#[test]
fn tags_limit_the_variables_of_a_synapse() {
    let net = |n: usize| {
        let (mut draft, input, out) = Draft::sides(1, 1, 1);
        let ff = draft.fixed("ff", input, out);
        let mut kernel = "kernel r {\n in w: own\n".to_owned();
        for k in 0..n {
            draft.own(ff, &format!("e{k}"), StateRole::Variable);
            kernel.push_str(&format!(" set e{k} = w\n"));
        }
        kernel.push_str("}\n");
        draft.rule(ff, input, out, &kernel);
        draft.net()
    };
    let chip = chip(|c| c.synapse.tags = 2);
    fits(&net(2), &chip);
    let message = "a synapse of 'ff' needs 3 tags (variables besides the weight) (e0, e1, e2), and one of the \
                   chip 'tiny' has 2";
    let d = refused(&net(3), &chip, "C010", message);
    assert!(d.hint.is_some_and(|h| h.contains("share one variable")));
}

#[test]
fn rates_limit_the_parameters_of_a_synapse() {
    let net = |n: usize| {
        let (mut draft, input, out) = Draft::sides(1, 1, 1);
        let ff = draft.all("ff", input, out);
        let w = draft.own(ff, "w", StateRole::Variable);
        draft.b.deliver(ff, w, Delay::Fixed(0));
        let mut kernel = "kernel r {\n in w: own\n".to_owned();
        let mut terms = vec!["w".to_owned()];
        for k in 0..n {
            draft.own(ff, &format!("a{k}"), StateRole::Parameter);
            kernel.push_str(&format!(" in a{k}: own\n"));
            terms.push(format!("a{k}"));
        }
        draft.rule(ff, input, out, &format!("{kernel} set w = {}\n}}\n", terms.join(" + ")));
        draft.net()
    };
    let chip = chip(|c| c.synapse.rates = 3);
    fits(&net(3), &chip);
    let message = "a synapse of 'ff' needs 4 rates (parameters per synapse) (a0, a1, a2, a3), and one of the \
                   chip 'tiny' has 3";
    refused(&net(4), &chip, "C010", message);
}

#[test]
fn delays_reach_one_less_than_the_slots() {
    let net = |delay| {
        let (mut draft, input, out) = Draft::sides(1, 1, 1);
        let ff = draft.all("ff", input, out);
        draft.deliver(ff, Delay::Fixed(delay));
        draft.net()
    };
    let chip = chip(|c| c.core.delay_slots = 8);
    fits(&net(7), &chip);
    let message = "'ff' has a delay of 8 steps, and the chip 'tiny' reaches 7";
    let d = refused(&net(8), &chip, "C011", message);
    assert!(d.hint.is_some_and(|h| h.contains("relay the spikes")));
}

/// A projection with the delays 0 and `longest`, which a rule may change up to `top`.
fn delays(longest: f64, top: Option<f64>) -> CheckedNetwork {
    let (mut draft, input, out) = Draft::sides(1, 1, 2);
    let ff = draft.all("ff", input, out);
    let role = if top.is_some() { StateRole::Variable } else { StateRole::Parameter };
    let init = Values::PerLane(vec![0.0, longest]);
    let range = top.map(|t| (0.0, t));
    let d = draft.b.state(ff, "d", role, init, range, ResetGroup::Weights);
    draft.deliver(ff, Delay::PerSynapse(d));
    if top.is_some() {
        let rule = "kernel r {\n in d: own\n in x0: pre\n set d = d + x0\n}\n";
        draft.rule(ff, input, out, rule);
    }
    draft.net()
}

#[test]
fn delays_per_synapse_reach_no_further_than_one_for_all() {
    let chip = chip(|c| c.core.delay_slots = 8);
    fits(&delays(7.0, None), &chip);
    fits(&delays(0.0, Some(7.0)), &chip);
    let message = "'ff' has a delay of 8 steps, and the chip 'tiny' reaches 7";
    refused(&delays(8.0, None), &chip, "C011", message);
    let message = "'ff' has a delay of 62 steps, and the chip 'tiny' reaches 7";
    refused(&delays(0.0, Some(62.0)), &chip, "C011", message);
}

#[test]
fn narrow_delay_fields_hold_what_the_chip_has() {
    let narrow = chip(|c| {
        c.core.delay_slots = 8;
        c.synapse.delay_bits_max = 3;
    });
    let compiled = fits(&delays(7.0, None), &narrow);
    assert_eq!(compiled.image.cores[0].formats[0].fields[1].bits, 3);
    let none = chip(|c| {
        c.core.delay_slots = 1;
        c.synapse.delay_bits_max = 0;
    });
    let message =
        "'ff' has a delay per synapse, and a synapse of the chip 'tiny' stores 0 bits of it";
    refused(&delays(0.0, None), &none, "C011", message);
}

#[test]
fn epochs_are_as_long_as_the_chip_remembers() {
    let net = |epoch| {
        let mut draft = Draft::new(epoch);
        let out = draft.neurons("out", 1);
        // Two projections: the finding is about the model and made once.
        (0..2).for_each(|k| projection(&mut draft, k, out, None));
        draft.net()
    };
    let chip = chip(|c| c.core.epoch_max = 10);
    fits(&net(10), &chip);
    let message = "an epoch of 11 steps is asked for, and the chip 'tiny' allows 10";
    let d = refused(&net(11), &chip, "C012", message);
    assert_eq!(d.place.key.as_deref(), Some("epoch"));
}

#[test]
fn narrow_membranes_and_chips_without_dense_blocks_still_make_legal_images() {
    let (mut draft, input, out) = Draft::sides(1, 3, 3);
    draft.fixed("ff", input, out);
    let net = draft.net();
    fits(&net, &chip(|c| c.neuron.state_bits = 16));
    let compiled = fits(&net, &chip(|c| c.synapse.index_bits.retain(|b| *b > 0)));
    assert_eq!(compiled.image.cores[0].formats[0].index_bits, 6);
}
