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
