//! What is said of files that cannot be compared.

use serde_json::{Value, json};
use std::path::Path;
use trifactor_conform::{Finding, Report, run};

fn report(value: &Value) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("case.json");
    std::fs::write(&file, value.to_string()).expect("a file");
    run(folder.path()).unwrap_or_else(|e| panic!("{e}"))
}

#[track_caller]
fn failed(value: &Value, with: &str) {
    let report = report(value);
    assert_eq!(report.failed(), report.cases.len());
    let Finding::Failed(why) = &report.cases[0].finding else { panic!("{report}") };
    assert!(why.contains(with), "{why}");
}

/// One neuron that is driven by one spike of one input.
fn neuron() -> Value {
    json!({
        "schema": "cuba_lif/1",
        "params": {
            "steps": 3, "n_neurons": 1, "n_inputs": 1, "du": 4095, "dv": 4095, "vth_mant": 100,
            "bias_mant": [0], "bias_exp": [0], "refractory": 1,
        },
        "projections": [{
            "inputs": [0], "sign_mode": "EXCITATORY", "num_weight_bits": 8, "weight_exp": 0,
            "weights": [[7]],
        }],
        "input_spikes": [[1, 0]],
        "expected": {"lava-nc": {"u": [[0], [448], [0]], "v": [[0], [448], [0]], "spikes": []}},
    })
}

#[test]
fn a_case_by_hand_is_exact_and_one_wrong_number_is_found() {
    let mut case = neuron();
    assert_eq!(report(&case).exact(), 1);
    case["expected"]["lava-nc"]["v"][1][0] = json!(449);
    failed(&case, "v in step 2 is [448]");
    case["expected"]["lava-nc"]["v"][1][0] = json!(448);
    case["expected"]["lava-nc"]["spikes"] = json!([[2, 0]]);
    failed(&case, "the spikes differ");
}

#[test]
fn a_peer_without_a_chip_file_is_a_failed_case_beside_the_others() {
    let mut case = neuron();
    case["expected"]["someone"] = case["expected"]["lava-nc"].clone();
    let report = report(&case);
    assert_eq!((report.exact(), report.failed()), (1, 1));
    assert!(report.to_string().contains("no chip file has the arithmetic of 'someone'"));
}

#[test]
fn numbers_that_no_chip_holds_are_named() {
    let mut case = neuron();
    case["projections"][0]["num_weight_bits"] = json!(9);
    failed(&case, "num_weight_bits is 9");
    let mut case = neuron();
    case["projections"][0]["weights"] = json!([[7, 8]]);
    failed(&case, "an entry for each input");
    let mut case = neuron();
    case["params"]["refractory"] = json!(100);
    failed(&case, "99 steps");
    let mut case = neuron();
    case["input_spikes"] = json!([[1, 5]]);
    failed(&case, "5");
}

#[test]
fn a_file_that_is_not_of_its_schema_fails_for_each_of_its_peers() {
    let mut case = neuron();
    case["params"].as_object_mut().expect("an object").remove("du");
    failed(&case, "missing field `du`");
    failed(&json!({"schema": "cuba_lif/2", "expected": {"a": 1}}), "not known");
    failed(&json!({"schema": "cuba_lif/1"}), "not of its schema");
}

#[test]
fn a_path_without_vectors_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index.json"), "[]").expect("a file");
    let error = run(folder.path()).expect_err("there is no vector").to_string();
    assert!(error.contains("no vector file"), "{error}");
    assert!(run(Path::new("no/such/path")).is_err());
}

/// One synapse whose weight grows by 2 with every pre spike.
fn learning() -> Value {
    let product = json!({"dependency": "x0", "k": null, "s_mant": 2, "s_exp": 0, "factors": []});
    json!({
        "schema": "sop_learning/1",
        "mode": "2F",
        "params": {
            "steps": 3, "n_pre": 1, "n_post": 1, "sign_mode": "EXCITATORY", "num_weight_bits": 8,
            "weight_exp": 0,
        },
        "rule": {"dw": "2*x0", "y1_impulse": 7, "y1_tau": 0, "t_epoch": 1},
        "products": {"dw": [product]},
        "initial": {"weights": [[3]]},
        "pre_spikes": [[1, 0], [3, 0]],
        "post_spikes": [[1, 0], [2, 0]],
        "random": {},
        "expected": {"lava-nc": {"weights": [[[5]], [[5]], [[7]]], "y1": [[7], [7], [0]]}},
    })
}

#[test]
fn a_rule_by_hand_is_exact_and_one_wrong_number_is_found() {
    let mut case = learning();
    assert_eq!(report(&case).exact(), 1, "{}", report(&case));
    case["expected"]["lava-nc"]["weights"][1][0][0] = json!(6);
    failed(&case, "weights in epoch 2 is [[5]], recorded [[6]]");
    let mut case = learning();
    case["products"]["dw"][0]["s_mant"] = json!(3);
    failed(&case, "dw is read as");
}

#[test]
fn what_no_engine_learns_is_named() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut case = learning();
        case["products"] = json!({});
        change(&mut case);
        case
    };
    failed(&with(&|c| c["mode"] = json!("4F")), "'4F' is no mode");
    failed(&with(&|c| c["mode"] = json!("closed")), "the key 'lif'");
    failed(&with(&|c| c["mode"] = json!("closed_3F")), "the key 'lif'");
    failed(&with(&|c| c["params"]["n_post"] = json!(2)), "is not 2 by 1");
    failed(&with(&|c| c["post_spikes"] = json!([[1, 4]])), "post_spikes has lane 4 in step 1");
    failed(&with(&|c| c["rule"]["dw"] = json!("x0*r1")), "'r1' is no variable here");
    failed(&with(&|c| c["rule"]["dw"] = json!("x0*w*w*w*w")), "Q011");
    failed(&with(&|c| c["rule"]["dw"] = json!("x0*11")), "no 4-bit mantissa");
    failed(&with(&|c| c["rule"]["t_epoch"] = json!(64)), "64");
    let given = |c: &mut Value| {
        c["mode"] = json!("3F");
        c["y_in"] = json!([[[1]], [[2]], [[3]]]);
    };
    failed(&with(&given), "y_in has no row of 1 numbers for step 2");
    let large = |c: &mut Value| {
        c["mode"] = json!("3F");
        let rows = json!([[70_000], [0], [0]]);
        c["y_in"] = json!([rows, rows, rows]);
    };
    failed(&with(&large), "70000 does not fit 'post.y1'");
}

#[test]
fn a_file_that_is_no_json_is_one_failed_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("a file");
    };
    write("broken.json", b"{");
    write("good.json", neuron().to_string().as_bytes());
    write("latin.json", b"{\"schema\": \"\xe9\"}");
    let report = run(folder.path()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((report.exact(), report.failed()), (1, 2), "{report}");
    assert!(report.cases[0].to_string().contains("broken.json -: the file is no JSON"), "{report}");
}

#[test]
fn a_file_beyond_the_limit_is_refused_before_it_is_read_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = std::fs::File::create(folder.path().join("long.json")).expect("a file");
    // A hole takes no space on the disk.
    file.set_len(1 << 40).expect("a length");
    let report = run(folder.path()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(report.failed(), 1);
    assert!(report.to_string().contains("longer than 67108864 bytes"), "{report}");
}

#[test]
fn the_report_for_programs_counts_and_lists() {
    let json = report(&neuron()).to_json();
    assert_eq!(json["exact"], 1);
    assert_eq!(
        (&json["statistical"], &json["by_design"], &json["failed"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert_eq!(json["cases"][0]["peer"], "lava-nc");
    assert_eq!(json["cases"][0]["result"], "exact");
    assert_eq!(json["cases"][0]["file"], "case.json");
}

#[test]
fn sizes_beyond_any_chip_are_refused_before_memory_is_taken() {
    for key in ["steps", "n_neurons", "n_inputs"] {
        let mut case = neuron();
        case["params"][key] = json!(2_000_000_000);
        failed(&case, &format!("{key} is 2000000000, and"));
    }
    let mut case = neuron();
    case["params"]["n_pre"] = json!(100_000);
    case["params"]["n_post"] = json!(100_000);
    failed(&case, "n_pre times n_post");
}

/// One axon on one pair of compartments.
fn decoder() -> Value {
    json!({
        "schema": "pes_learning/1",
        "params": {
            "n_axons": 1, "n_compartments": 2, "steps": 4, "tracing_tau": 1e9, "tracing_mag": 5.5,
            "lr_mant": 1, "lr_exp": 0, "weight_exp": 0, "shift_bits": 1, "decay_u": 4095,
            "train_epoch": 2, "learn_epoch": 4,
        },
        "initial_weight_mantissas": [[10, -10]],
        "input_spikes": [[1, 0], [3, 0]],
        "pes_error": [[0], [0], [0], [8]],
        // Up in the first epoch of the trace; then 5.5 more, down. The weights: 2 * 10 less and more
        // 11 * 8 / 4.
        "random": {"trace": [[0.1], [0.9]], "weight": [[[0.9, 0.9]]]},
        "expected": {"nengo-loihi": {
            "trace": [[6], [11]],
            "weights": [[[-1, 1]]],
            "u": [[0, 0], [1280, -1280], [0, 0], [1280, -1280]],
        }},
    })
}

#[test]
fn decoders_by_hand_are_exact_and_their_epochs_are_the_chips() {
    let mut case = decoder();
    assert_eq!(report(&case).exact(), 1, "{}", report(&case));
    case["expected"]["nengo-loihi"]["weights"] = json!([[[-1, 2]]]);
    failed(&case, "the weights in epoch 1 is");
    let with = |key: &str, value: Value| {
        let mut case = decoder();
        case["params"][key] = value;
        case
    };
    failed(&with("learn_epoch", json!(6)), "every 2^k-th epoch");
    failed(&with("lr_exp", json!(16)), "exponents are -15 to 15");
    failed(&with("steps", json!(5)), "in 5 rows");
    let mut case = decoder();
    case["initial_weight_mantissas"] = json!([[10, -128]]);
    failed(&case, "beyond -127 to 127");
}

/// One synapse of seven bits whose weight grows by 2 with every pre spike.
fn without_epochs() -> Value {
    json!({
        "schema": "brian2_plasticity/1",
        "params": {
            "steps": 1, "n_pre": 1, "n_post": 1, "sign_mode": "EXCITATORY", "num_weight_bits": 7,
            "w_exp": -8, "dw": "2*x0", "imp_x1": 20, "tau_x1": 10,
        },
        "post_neuron": {"du": 4095, "dv": 4096, "vth": 250, "refractory": 1},
        "closed_loop": false,
        "initial_weights": [[10]],
        "pre_spikes": [[0, 0]],
        "teacher_spikes": [],
        "teacher": {"weight": 254, "w_exp": 0},
        "rounding": {"round_w": [[0]], "round_x1": [[0]]},
        "expected": {"brian2-loihi": {
            "w": [[12]], "x1_in": [[20]], "x1": [[18]], "post_spikes": [],
        }},
    })
}

#[test]
fn a_rounding_that_has_nothing_to_round_is_named() {
    let mut case = without_epochs();
    assert_eq!(report(&case).exact(), 1, "{}", report(&case));
    // A weight of seven bits has steps of two, of which a change of two leaves nothing.
    case["rounding"]["round_w"] = json!([[1]]);
    case["expected"]["brian2-loihi"]["w"] = json!([[14]]);
    let found = report(&case);
    assert_eq!(found.by_design(), 1, "{found}");
    assert!(found.to_string().contains("rounds 1 changes"), "{found}");
    case["expected"]["brian2-loihi"]["w"] = json!([[18]]);
    failed(&case, "w in row 0 is");
    let mut case = without_epochs();
    case["rounding"]["round_x1"] = json!([]);
    failed(&case, "rounding.round_x1 has no row");
    let mut case = without_epochs();
    case["pre_spikes"] = json!([[0, 1]]);
    failed(&case, "a pre spike is of a lane that does not exist");
}
