//! Good model folders: what each key resolves to.

mod common;

use common::{FULL, STDP, findings, folder, load_text, npy, with};
use trifactor_ir::{Delay, Group, Read, ResetGroup, Role, SpaceKind, StateRole, Values};
use trifactor_model::{Model, Params, load, load_with, write_params};

fn full() -> Model {
    load_text(FULL, &[("stdp.kern", STDP.as_bytes())]).unwrap_or_else(|e| panic!("{e}"))
}

fn init(model: &Model, space: &str, state: &str) -> Values {
    let n = &model.network;
    let id =
        n.space(space).and_then(|s| n.state(s, state)).unwrap_or_else(|| panic!("{space}.{state}"));
    n.states[id].init.clone()
}

fn listed(values: &Values) -> Vec<f64> {
    match values {
        Values::PerLane(list) => list.clone(),
        Values::Constant(v) => panic!("one value {v} for all lanes"),
    }
}

/// The pairs of a projection.
fn pairs(model: &Model, projection: &str) -> Vec<(u32, u32)> {
    let n = &model.network;
    let s = n.synapses(n.space(projection).unwrap()).unwrap();
    s.pre_lanes().into_iter().zip(s.post_lane.iter().copied()).collect()
}

/// A small model with one projection that has these keys.
fn projection(n_pre: u32, n_post: u32, keys: &str, files: &[(&str, &[u8])]) -> Model {
    let text = format!(
        r#"(name: "p", inputs: {{ "a": (n: {n_pre}) }},
            populations: {{ "b": (n: {n_post}, keep_u: 0.0, keep_v: 0.5, threshold: 1.0) }},
            projections: {{ "ab": (pre: "a", post: "b", {keys}) }})"#
    );
    load_text(&text, files).unwrap_or_else(|e| panic!("{e}"))
}

/// A small model whose population has these keys.
fn population(keys: &str) -> Model {
    let text = format!(
        r#"(name: "p", inputs: {{ "a": (n: 1) }}, populations: {{ "b": (n: 3, {keys}) }},
            projections: {{ "ab": (pre: "a", post: "b", connect: AllToAll, weights: 1) }})"#
    );
    load_text(&text, &[]).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn phases_follow_the_order_of_a_step_and_the_author() {
    let model = full();
    let phases: Vec<(Group, &str)> =
        model.network.phases.values().map(|p| (p.group, p.name.as_str())).collect();
    assert_eq!(
        phases,
        [
            (Group::Deliver, "ff"),
            (Group::Deliver, "readout"),
            (Group::Deliver, "reinforce"),
            (Group::Deliver, "spread"),
            (Group::Neurons, "hidden"),
            (Group::Neurons, "out"),
            (Group::Modulators, "m_plus"),
            (Group::Modulators, "m_post"),
            (Group::Modulators, "reward"),
            (Group::Traces, "ff.x1"),
            (Group::Traces, "ff.y1"),
            (Group::Plasticity, "ff"),
        ]
    );
    let streams: Vec<u32> = model.network.phases.values().map(|p| p.stream).collect();
    assert_eq!(streams, (0..12).collect::<Vec<u32>>());
    assert_eq!(model.network.epoch, 2);
}

#[test]
fn time_constants_losses_and_factors_become_the_factor_kept_per_step() {
    let model = full();
    assert_eq!(init(&model, "hidden", "keep_u"), Values::Constant((-1.0f64 / 5.0).exp()));
    assert_eq!(init(&model, "out", "keep_u"), Values::Constant(0.0));
    let keep = listed(&init(&model, "out", "keep_v"));
    assert!(keep.iter().all(|k| (0.8..=0.9).contains(k)) && keep[0] != keep[1], "{keep:?}");
    let model = population("tau_u: inf, tau_v: [10, 20, 40]");
    assert_eq!(init(&model, "b", "keep_u"), Values::Constant(1.0));
    let want = [10.0, 20.0, 40.0f64].map(|t| (-1.0 / t).exp());
    for (got, want) in listed(&init(&model, "b", "keep_v")).iter().zip(want) {
        assert!((got - want).abs() < 1e-15);
    }
}

#[test]
fn resistance_is_folded_into_threshold_bias_and_floor() {
    let model = full();
    assert_eq!(init(&model, "hidden", "threshold"), Values::Constant(0.5));
    assert_eq!(init(&model, "hidden", "bias"), Values::Constant(0.05));
    assert_eq!(init(&model, "hidden", "v_min"), Values::Constant(-1.0));
    assert_eq!(init(&model, "hidden", "refractory"), Values::Constant(2.0));
    let model = population("keep_u: 0, keep_v: 0, threshold: 6, resistance: [1, 2, 3]");
    assert_eq!(listed(&init(&model, "b", "threshold")), [6.0, 3.0, 2.0]);
}

#[test]
fn a_pseudo_derivative_has_the_unit_of_the_voltage_and_rules_of_the_synapses_that_end_there_read_it()
 {
    let spec = "resistance: 2.0, pseudo_derivative: (height: 0.3, width: 1.5)";
    let kern = STDP.replace("in vp: post v", "in vp: post psi");
    let text = with("resistance: 2.0", spec);
    let model = load_text(&text, &[("stdp.kern", kern.as_bytes())]);
    let model = model.unwrap_or_else(|e| panic!("{e}"));
    let n = &model.network;
    let hidden = n.space("hidden").unwrap();
    let psi = n.state(hidden, "psi").unwrap();
    assert_eq!(n.states[psi].reset, ResetGroup::Traces);
    assert_eq!(init(&model, "hidden", "psi.height"), Values::Constant(0.3));
    // The width is 0.75 in units of the resistance.
    assert_eq!(init(&model, "hidden", "psi.slope"), Values::Constant(0.3 / 1.5 * 2.0));
    let reads = |group: Group, state| {
        let phase = n.phases.values().find(|p| p.group == group && p.name != "out").unwrap();
        phase.reads.values().filter(|r| **r == Read::State(state)).count()
    };
    assert_eq!(reads(Group::Plasticity, psi), 1);
    // The neuron reads its threshold twice: to spike, and as the middle of the triangle.
    assert_eq!(reads(Group::Neurons, n.state(hidden, "threshold").unwrap()), 2);
    assert!(!model.warnings.to_string().contains("psi"), "{}", model.warnings);
    let found = findings(&text, STDP, &[]);
    assert!(found.contains("no rule reads 'psi' of 'hidden'"), "{found}");
}

#[test]
fn a_population_without_a_threshold_has_no_spikes_and_states_reset_with_their_group() {
    let model = full();
    let n = &model.network;
    assert_eq!(n.spikes(n.space("out").unwrap()), None);
    let inputs: Vec<&str> = n.inputs().into_iter().map(|s| n.spaces[s].name.as_str()).collect();
    assert_eq!(inputs, ["retina", "teacher"]);
    let group = |space: &str, state: &str| {
        let id = n.state(n.space(space).unwrap(), state).unwrap();
        (n.states[id].role, n.states[id].reset)
    };
    assert_eq!(group("hidden", "hold"), (StateRole::Variable, ResetGroup::Membrane));
    assert_eq!(group("retina", "ff.x1"), (StateRole::Variable, ResetGroup::Traces));
    assert_eq!(group("m_plus", "m"), (StateRole::Variable, ResetGroup::Modulators));
    assert_eq!(group("ff", "w"), (StateRole::Variable, ResetGroup::Weights));
    assert_eq!(group("ff", "e"), (StateRole::Variable, ResetGroup::Weights));
    assert_eq!(group("ff", "eta"), (StateRole::Parameter, ResetGroup::Weights));
    assert_eq!(group("readout", "w"), (StateRole::Parameter, ResetGroup::Weights));
}

#[test]
fn a_rule_is_bound_to_its_traces_modulators_flags_and_voltages() {
    let model = full();
    let n = &model.network;
    let phase = n.phases.values().find(|p| p.group == Group::Plasticity).unwrap();
    let kernel = &n.kernels[phase.kernel];
    let bound = |name: &str| {
        let read = phase.reads[kernel.port(name).unwrap()];
        match read {
            Read::State(s) => n.full_name(s),
            Read::SpikedInEpoch(s) => format!("spiked {}", n.full_name(s)),
            Read::EpochFlag => "flag".to_owned(),
            Read::Arriving { .. } => "arriving".to_owned(),
        }
    };
    let want = [
        ("w", "ff.w"),
        ("e", "ff.e"),
        ("eta", "ff.eta"),
        ("x1", "retina.ff.x1"),
        ("y1", "hidden.ff.y1"),
        ("x0", "spiked retina.spike"),
        ("y0", "spiked hidden.spike"),
        ("m", "m_plus.m"),
        ("g", "m_post.m"),
        ("reward", "reward.m"),
        ("vp", "hidden.v"),
        ("tick", "flag"),
    ];
    for (port, state) in want {
        assert_eq!(bound(port), state, "{port}");
    }
    let writes: Vec<String> = phase.writes.iter().map(|w| n.full_name(*w)).collect();
    assert_eq!(writes, ["ff.e", "ff.w"]);
    assert_eq!(phase.key, "rules.stdp");
}

#[test]
fn modulators_have_one_line_or_one_per_lane_of_their_projection() {
    let model = full();
    let n = &model.network;
    let lanes = |name: &str| n.lanes(n.space(name).unwrap());
    assert_eq!((lanes("m_plus"), lanes("m_post"), lanes("reward")), (6, 4, 1));
}

#[test]
fn traces_have_their_own_parameters() {
    let model = full();
    assert_eq!(init(&model, "retina", "ff.x1.impulse"), Values::Constant(16.0));
    assert_eq!(init(&model, "hidden", "ff.y1.x_max"), Values::Constant(2.0));
    assert_eq!(init(&model, "hidden", "ff.y1.keep"), Values::Constant((-1.0f64 / 20.0).exp()));
}

#[test]
fn weights_follow_lists_matrices_and_the_order_of_listed_pairs() {
    let model = full();
    assert_eq!(listed(&init(&model, "readout", "w")), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert_eq!(pairs(&model, "spread"), [(0, 2), (1, 0), (1, 5)]);
    assert_eq!(listed(&init(&model, "spread", "w")), [20.0, 30.0, 10.0]);
    let dense = npy(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let files: [(&str, &[u8]); 1] = [("w.npy", &dense)];
    let model =
        projection(2, 3, "connect: List([(1, 1), (0, 2)]), weights: File(\"w.npy\")", &files);
    assert_eq!(listed(&init(&model, "ab", "w")), [3.0, 5.0]);
}

#[test]
fn delays_are_one_number_or_a_state_of_whole_numbers() {
    let model = full();
    let n = &model.network;
    let delay = |name: &str| {
        let phase =
            n.phases.values().find(|p| p.group == Group::Deliver && p.name == name).unwrap();
        phase.reads.values().find_map(|r| match r {
            Read::Arriving { delay, .. } => Some(*delay),
            _ => None,
        })
    };
    assert_eq!(delay("readout"), Some(Delay::Fixed(2)));
    assert_eq!(delay("spread"), Some(Delay::Fixed(0)));
    assert!(matches!(delay("ff"), Some(Delay::PerSynapse(_))));
    let d = listed(&init(&model, "ff", "d"));
    assert!(d.iter().all(|d| [0.0, 1.0, 2.0, 3.0].contains(d)), "{d:?}");
    let many = projection(100, 100, "connect: AllToAll, weights: 1, delay: Uniform(1, 4, 2)", &[]);
    let d = listed(&init(&many, "ab", "d"));
    for steps in 1..=4 {
        let count = d.iter().filter(|x| **x == f64::from(steps)).count();
        // 2,500 expected, standard deviation 43.
        assert!((2300..2700).contains(&count), "{steps}: {count}");
    }
}

#[test]
fn connections_are_what_their_word_says() {
    let all = projection(2, 3, "connect: AllToAll, weights: 1", &[]);
    assert_eq!(pairs(&all, "ab").len(), 6);
    let one = projection(3, 3, "connect: OneToOne, weights: 1", &[]);
    assert_eq!(pairs(&one, "ab"), [(0, 0), (1, 1), (2, 2)]);
    let list = npy(&[2, 2], &[1.0, 0.0, 0.0, 2.0]);
    let from_file =
        projection(2, 3, "connect: ListFile(\"l.npy\"), weights: [1, 2]", &[("l.npy", &list)]);
    assert_eq!(pairs(&from_file, "ab"), [(0, 2), (1, 0)]);
    assert_eq!(listed(&init(&from_file, "ab", "w")), [2.0, 1.0]);
    let mask = npy(&[2, 3], &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    let masked = projection(2, 3, "connect: Mask(\"m.npy\"), weights: 1", &[("m.npy", &mask)]);
    assert_eq!(pairs(&masked, "ab"), [(0, 1), (1, 0), (1, 2)]);
    let random = projection(200, 200, "connect: Probability(p: 0.25, seed: 1), weights: 1", &[]);
    // 10,000 expected, standard deviation 87.
    assert!((9600..10400).contains(&pairs(&random, "ab").len()), "{}", pairs(&random, "ab").len());
    let recurrent = load_text(
        r#"(name: "r", populations: { "b": (n: 3, keep_u: 0, keep_v: 0, threshold: 1) },
            projections: { "bb": (pre: "b", post: "b", connect: AllToOthers, weights: 1) })"#,
        &[],
    )
    .unwrap();
    assert_eq!(pairs(&recurrent, "bb"), [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]);
}

/// A convolution written with the definition: every output sums its window.
fn convolve(
    input: &[f64],
    size: (usize, usize, usize),
    kernel: &[f64],
    f: usize,
    k: usize,
    stride: usize,
    pad: usize,
) -> Vec<f64> {
    let (c, h, w) = size;
    let out = |n: usize| (n + 2 * pad - k) / stride + 1;
    let mut sums = Vec::new();
    for filter in 0..f {
        for oy in 0..out(h) {
            for ox in 0..out(w) {
                let mut sum = 0.0;
                for ch in 0..c {
                    for ky in 0..k {
                        for kx in 0..k {
                            let (y, x) = (
                                (oy * stride + ky).wrapping_sub(pad),
                                (ox * stride + kx).wrapping_sub(pad),
                            );
                            if y < h && x < w {
                                sum += input[(ch * h + y) * w + x]
                                    * kernel[((filter * c + ch) * k + ky) * k + kx];
                            }
                        }
                    }
                }
                sums.push(sum);
            }
        }
    }
    sums
}

#[test]
fn a_convolution_equals_its_definition() {
    for (stride, pad) in [(1, 0), (2, 0), (1, 1), (2, 1), (3, 2)] {
        let (c, h, w, f, k) = (2usize, 6usize, 5usize, 3usize, 3usize);
        let kernel: Vec<f64> = (0..f * c * k * k).map(|i| i as f64 + 1.0).collect();
        let input: Vec<f64> = (0..c * h * w).map(|i| ((i * 7) % 11) as f64).collect();
        let want = convolve(&input, (c, h, w), &kernel, f, k, stride, pad);
        let bytes = npy(&[f as u64, c as u64, k as u64, k as u64], &kernel);
        let keys = format!(
            "connect: Conv2d(input: ({c}, {h}, {w}), kernel: \"k.npy\", stride: {stride}, padding: {pad})"
        );
        let model = projection((c * h * w) as u32, want.len() as u32, &keys, &[("k.npy", &bytes)]);
        let mut got = vec![0.0; want.len()];
        for ((pre, post), weight) in
            pairs(&model, "ab").into_iter().zip(listed(&init(&model, "ab", "w")))
        {
            got[post as usize] += weight * input[pre as usize];
        }
        assert_eq!(got, want, "stride {stride} padding {pad}");
    }
}

#[test]
fn a_pool_connects_each_square_of_a_channel_to_one_lane() {
    let model = projection(
        2 * 4 * 4,
        2 * 2 * 2,
        "connect: Pool(input: (2, 4, 4), size: 2), weights: 0.25",
        &[],
    );
    let pairs = pairs(&model, "ab");
    assert_eq!(pairs.len(), 32);
    for (pre, post) in pairs {
        let (c, y, x) = (pre / 16, pre / 4 % 4, pre % 4);
        assert_eq!(post, c * 4 + y / 2 * 2 + x / 2);
    }
}

#[test]
fn a_fraction_of_inhibitory_synapses_is_drawn_for_each() {
    let model = projection(
        100,
        100,
        "connect: AllToAll, weights: LogNormal(0, 0.5, 2), inhibitory_fraction: 0.2",
        &[],
    );
    let w = listed(&init(&model, "ab", "w"));
    let negative = w.iter().filter(|w| **w < 0.0).count();
    // 2,000 expected, standard deviation 40.
    assert!((1840..2160).contains(&negative), "{negative}");
    let mean_log = w.iter().map(|w| w.abs().ln()).sum::<f64>() / 1e4;
    assert!(mean_log.abs() < 0.02, "{mean_log}");
}

#[test]
fn signs_narrow_the_range_of_plastic_weights() {
    let text = FULL
        .replace("inhibitory_fraction: 0.2, ", "sign: Inhibitory, ")
        .replace("Normal(0.0, 0.5, 1)", "-0.5");
    let model = load_text(&text, &[("stdp.kern", STDP.as_bytes())]).unwrap();
    let n = &model.network;
    let w = n.state(n.space("ff").unwrap(), "w").unwrap();
    assert_eq!(n.states[w].range, Some((-4.0, 0.0)));
}

#[test]
fn adding_a_population_changes_no_other_value_and_the_seed_changes_all() {
    let weights = |text: &str| {
        listed(&init(&load_text(text, &[("stdp.kern", STDP.as_bytes())]).unwrap(), "ff", "w"))
    };
    let base = weights(FULL);
    let more = FULL.replace("\"teacher\": (n: 2),", "\"teacher\": (n: 2), \"extra\": (n: 9),");
    assert_eq!(weights(&more), base);
    assert_ne!(weights(&FULL.replace("seed: 4,", "seed: 5,")), base);
}

#[test]
fn a_sum_of_products_needs_no_kernel_file_and_can_change_delays() {
    let text = r#"(name: "s", inputs: { "a": (n: 2) },
        populations: { "b": (n: 2, keep_u: 0, tau_v: 10, threshold: 1) },
        projections: { "ab": (pre: "a", post: "b", connect: AllToAll, weights: 0.5, rule: "stdp", range: (-1, 1)) },
        rules: { "stdp": (kernel: Sop(dw: "2^-4*x1*y0 - 2^-4*y1*x0", dd: "2^-2*x1*y0"),
            traces: { "x1": Pre(tau: 10.0, impulse: 16.0), "y1": Post(tau: 10.0, impulse: 16.0) }) })"#;
    let model = load_text(text, &[]).unwrap_or_else(|e| panic!("{e}"));
    let n = &model.network;
    let d = n.state(n.space("ab").unwrap(), "d").unwrap();
    assert_eq!((n.states[d].role, n.states[d].range), (StateRole::Variable, Some((0.0, 62.0))));
    let phase = n.phases.values().find(|p| p.group == Group::Plasticity).unwrap();
    let roles: Vec<Role> = n.kernels[phase.kernel].ports.values().map(|p| p.role).collect();
    assert!(
        roles.contains(&Role::Pre) && roles.contains(&Role::Post) && roles.contains(&Role::Own)
    );
}

#[test]
fn two_projections_with_one_rule_have_their_own_traces_and_share_its_kernel() {
    let text = FULL.replace(
        "\"readout\":",
        "\"gg\": (pre: \"retina\", post: \"hidden\", connect: List([(0, 0)]), weights: 0.5, rule: \"stdp\", range: (-1, 1)), \"readout\":",
    );
    let model =
        load_text(&text, &[("stdp.kern", STDP.as_bytes())]).unwrap_or_else(|e| panic!("{e}"));
    let n = &model.network;
    let retina = n.space("retina").unwrap();
    assert!(n.state(retina, "ff.x1").is_some() && n.state(retina, "gg.x1").is_some());
    let kernels: Vec<_> =
        n.phases.values().filter(|p| p.group == Group::Plasticity).map(|p| p.kernel).collect();
    assert_eq!(kernels.len(), 2);
    assert_eq!(kernels[0], kernels[1]);
}

#[test]
fn probes_formats_inputs_and_the_protocol_are_handed_on() {
    let model = full();
    let n = &model.network;
    assert_eq!(n.full_name(model.formats[0].state), "ff.w");
    assert_eq!((model.formats[0].bits, model.formats[0].frac), (9, 5));
    assert_eq!(model.probes[0].lanes, Some(vec![0, 3]));
    assert_eq!((model.probes[1].every, model.probes[1].name.as_str()), (10, "ff.w"));
    assert_eq!((model.inputs[0].name.as_str(), model.inputs[0].n), ("retina", 6));
    assert!(model.inputs[0].encoder.is_some() && model.inputs[1].encoder.is_none());
    assert_eq!(model.protocol.as_ref().unwrap().phases.len(), 2);
    assert_eq!((model.chip.as_str(), model.run_seed()), ("superset", 4));
    assert!(model.warnings.is_empty(), "{}", model.warnings);
}

#[test]
fn the_hash_covers_dynamics_and_not_values_comments_probes_or_stimuli() {
    let hash = |text: &str| {
        load_text(text, &[("stdp.kern", STDP.as_bytes())]).unwrap_or_else(|e| panic!("{e}")).hash
    };
    let base = hash(FULL);
    let same = [
        FULL.replace("a demonstration", "another text"),
        FULL.replace("Normal(0.0, 0.5, 1)", "0.25"),
        FULL.replace("tau_v: 20.0", "tau_v: 30.0"),
        FULL.replace("every: 10", "every: 20"),
        FULL.replace("steps: 20", "steps: 30"),
        FULL.replace("bits: 9", "bits: 8"),
        FULL.replace("threshold: 1.0,", "threshold: 1.0, surrogate: Triangle(1, 2),"),
        FULL.replace("three-factor-demo", "other"),
    ];
    for text in same {
        assert_ne!(text, FULL);
        assert_eq!(hash(&text), base, "{text}");
    }
    let different = [
        FULL.replace("epoch: 2", "epoch: 3"),
        FULL.replace("p: 0.5, seed: 3", "p: 0.5, seed: 4"),
        FULL.replace(
            "range: (-4.0, 4.0)),\n        \"readout\"",
            "range: (-3.0, 3.0)),\n        \"readout\"",
        ),
        FULL.replace("delay: 2)", "delay: 3)"),
        FULL.replace("v_min: -2.0,", ""),
        FULL.replace("sign: Excitatory,", ""),
    ];
    for text in different {
        assert_ne!(text, FULL);
        assert_ne!(hash(&text), base, "{text}");
    }
    let other = STDP.replace("0.001", "0.002");
    assert_ne!(load_text(FULL, &[("stdp.kern", other.as_bytes())]).unwrap().hash, base);
}

#[test]
fn parameters_from_a_file_replace_initial_values_and_survive_a_round_trip() {
    let dir = folder(FULL, &[("stdp.kern", STDP.as_bytes())]);
    let model = load(dir.path()).unwrap();
    let n = &model.network;
    let id = |space: &str, state: &str| n.state(n.space(space).unwrap(), state).unwrap();
    let (w, eta, keep) = (id("ff", "w"), id("ff", "eta"), id("hidden", "keep_v"));
    let count = n.lanes(n.space("ff").unwrap());
    let weights: Vec<f64> = (0..count).map(|i| i as f64 / 64.0 - 0.1).collect();
    let rates = vec![0.3; count];
    let kept = [0.5, 0.6, 0.7, 0.8];
    let values: Vec<(_, &[f64])> = vec![(w, &weights), (eta, &rates), (keep, &kept)];
    let bytes = write_params(n, &model.hash, &values).unwrap();
    assert_eq!(bytes, write_params(n, &model.hash, &values).unwrap());
    std::fs::write(dir.path().join("params.safetensors"), &bytes).unwrap();
    let trained = load(dir.path()).unwrap();
    assert_eq!(listed(&init(&trained, "ff", "w")), weights);
    assert_eq!(listed(&init(&trained, "hidden", "keep_v")), kept);
    assert_eq!(trained.hash, model.hash);
    let initial = load_with(dir.path(), &Params::Initial).unwrap();
    assert_eq!(init(&initial, "ff", "w"), init(&model, "ff", "w"));
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("p.safetensors");
    std::fs::write(&file, &bytes).unwrap();
    std::fs::remove_file(dir.path().join("params.safetensors")).unwrap();
    let trained = load_with(dir.path(), &Params::File(file)).unwrap();
    assert_eq!(listed(&init(&trained, "ff", "w")), weights);
    assert!(write_params(n, &model.hash, &[(w, &[1.0])]).is_err());
    assert!(write_params(n, &model.hash, &[(keep, &kept), (keep, &kept)]).is_err());
}

#[test]
fn every_space_is_what_it_was_declared() {
    let model = full();
    let n = &model.network;
    let names: Vec<(&str, &str)> = n
        .spaces
        .values()
        .map(|s| {
            let kind = match s.kind {
                SpaceKind::Population { .. } => "population",
                SpaceKind::Modulator { .. } => "modulator",
                SpaceKind::Synapses(_) => "synapses",
            };
            (s.name.as_str(), kind)
        })
        .collect();
    assert_eq!(
        names[..4],
        [
            ("retina", "population"),
            ("teacher", "population"),
            ("hidden", "population"),
            ("out", "population")
        ]
    );
    assert_eq!(
        names[4..7],
        [("m_plus", "modulator"), ("m_post", "modulator"), ("reward", "modulator")]
    );
    assert_eq!(names.len(), 11);
}
