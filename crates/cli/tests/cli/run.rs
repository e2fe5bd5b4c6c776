//! `trifactor run`.

use crate::models::{PAIR, Place};

#[test]
fn a_protocol_runs_and_its_files_appear_below_the_model_s_name() {
    let place = Place::with_model(PAIR);
    let outcome =
        place.call(&["run", "m"]).expect_code(0).expect_said(&["wrote ", "trifactor-out/pair"]);
    assert!(outcome.out.contains("pair"), "{}", outcome.out);
    assert_eq!(place.names("."), ["m", "trifactor-out"]);
    let files = place.names("trifactor-out/pair");
    assert!(!files.is_empty());
    assert!(files.iter().all(|f| !f.ends_with(".part")), "{files:?}");
}

#[test]
fn the_report_is_the_same_for_every_number_of_threads_and_differs_in_length() {
    let place = Place::with_model(PAIR);
    let report = |threads: &str, trials: &str| {
        let arguments =
            ["run", "m", "--json", "--seed", "5", "--threads", threads, "--trials", trials];
        place.call(&arguments).expect_code(0).json()
    };
    assert_eq!(report("1", "3"), report("2", "3"));
    assert_ne!(report("1", "3"), report("1", "2"));
}

#[test]
fn results_go_to_the_folder_that_is_asked_for() {
    let place = Place::with_model(PAIR);
    place.call(&["run", "m", "--out", "here/there"]).expect_code(0).expect_printed(&[
        "change of plastic.w",
        "rule of plastic: ",
        " per synapse and epoch",
    ]);
    let files = ["curve.csv", "picture.png", "report.json", "report.txt"];
    assert_eq!(place.names("here/there"), files);
    assert_eq!(place.names("."), ["here", "m"]);
}

#[test]
fn probes_are_a_table_and_a_picture_of_the_first_trial() {
    let probes = r#"probes: [(state: "post.spike"), (state: "plastic.w", every: 5)],"#;
    let place = Place::with_model(&PAIR.replace("protocol:", &format!("{probes} protocol:")));
    place.call(&["run", "m", "--out", "seen"]).expect_code(0);
    let table = String::from_utf8(place.read("seen/probes.csv")).expect("a table is text");
    let rows: Vec<&str> = table.lines().collect();
    // 20 steps of one neuron; 2 synapses at steps 5, 10, 15 and 20.
    assert_eq!((rows[0], rows.len()), ("state,lane,step,float,chip", 1 + 20 + 2 * 4));
    assert!(rows.contains(&"plastic.w,1,20,64,64"), "{table}");
    assert!(place.read("seen/probes.png").starts_with(b"\x89PNG"));
}

#[test]
fn a_run_that_fails_writes_nothing() {
    let without = PAIR.split("    protocol:").next().expect("a beginning").to_owned() + ")";
    let place = Place::with_model(&without);
    place
        .call(&["run", "m"])
        .expect_code(1)
        .expect_said(&["has no protocol"])
        .expect_nothing_printed();
    let place = Place::with_model(PAIR);
    place.write("taken", b"");
    place.call(&["run", "m", "--out", "taken"]).expect_code(1).expect_said(&["taken is a file"]);
    place.call(&["run", "m", "--chip", "none"]).expect_code(1).expect_said(&["error[C040]"]);
    place.call(&["run", "gone"]).expect_code(1).expect_said(&["there is no folder gone"]);
    assert_eq!(place.names("."), ["m", "taken"]);
}

#[test]
fn an_image_runs_in_silence() {
    let place = Place::with_image();
    let text = place.call(&["run", "pair.elf", "--steps", "7"]).expect_code(0);
    text.expect_printed(&["pair, 7 steps without input on superset", "post", "energy"]);
    let value = place.call(&["run", "pair.elf", "--json"]).expect_code(0).json();
    assert_eq!(value["steps"], 100);
    assert_eq!(value["spikes"].as_array().map(Vec::len), Some(3));
    assert_eq!(value["spikes"][2]["spikes"], 0);
}

#[test]
fn a_damaged_image_does_not_run() {
    let place = Place::with_image();
    let mut bytes = place.read("pair.elf");
    let at = bytes.len() - 1;
    bytes[at] ^= 0x80;
    place.write("bad.elf", &bytes);
    place
        .call(&["run", "bad.elf"])
        .expect_code(1)
        .expect_said(&["error: bad.elf: "])
        .expect_nothing_printed();
}

#[test]
fn an_option_of_the_other_kind_is_refused() {
    let place = Place::with_image();
    place
        .call(&["run", "pair.elf", "--trials", "3"])
        .expect_code(2)
        .expect_said(&["--trials is for models"]);
    place
        .call(&["run", "m", "--steps", "3"])
        .expect_code(2)
        .expect_said(&["--steps is for images"]);
    place.call(&["run", "m", "--trials", "0"]).expect_code(2).expect_said(&["--trials"]);
    place.call(&["run", "m", "--threads", "many"]).expect_code(2).expect_said(&["--threads"]);
}

/// What a report says of costs, and the numbers of a line under a key.
fn cost_lines(report: &serde_json::Value) -> (&serde_json::Value, &Vec<serde_json::Value>) {
    let costs = &report["costs"];
    (costs, costs["causes"].as_array().expect("a list of causes"))
}

#[test]
fn every_coefficient_is_in_the_report_and_columns_add_up() {
    let place = Place::with_model(PAIR);
    let report = place.call(&["run", "m", "--json"]).expect_code(0).json();
    let (costs, lines) = cost_lines(&report);
    for unit in ["femtojoules", "ticks"] {
        let sum: u64 = lines.iter().filter_map(|l| l[unit]["paper-0v75"].as_u64()).sum();
        assert_eq!(Some(sum), costs[unit]["paper-0v75"].as_u64(), "{unit}");
        assert!(sum > 0, "{unit}");
    }
    let missing: Vec<&str> = costs["missing_costs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|m| m.as_str())
        .collect();
    assert!(missing.contains(&"axon_in"), "{missing:?}");
    let mut seen = Vec::new();
    for line in lines {
        let (count, fj) = (line["count"].as_u64(), line["femtojoules"]["paper-0v75"].as_u64());
        let key = line["key"].as_str().unwrap_or_default();
        seen.push(key);
        if missing.contains(&key) {
            assert!(
                line["each"].is_null() && line["certainty"].is_null() && fj == Some(0),
                "{line}"
            );
            continue;
        }
        if let Some(each) = line["each"]["femtojoules"].as_u64() {
            assert_eq!(count.map(|n| n * each), fj, "{line}");
        }
        let modelled = line["certainty"] == "modelled";
        assert_eq!(line["femtojoules_range"].is_array(), modelled, "{line}");
        if modelled {
            let [low, high] = [0, 1].map(|k| line["femtojoules_range"][k].as_u64());
            assert!(low <= fj && fj <= high, "{line}");
        }
    }
    let of_a_rule = ["axon_in", "synop", "learning.state_access", "barrier"];
    assert!(of_a_rule.iter().all(|key| seen.contains(key)), "{seen:?}");
    // The published cost of a synaptic operation, and the model's of a state access.
    place
        .call(&["run", "m"])
        .expect_code(0)
        .expect_printed(&[" 23.6 ", " 84 ", "104.4 mW", "[1] D18"]);
}

#[test]
fn all_presets_give_a_range_for_everything_and_change_nothing_else() {
    let place = Place::with_model(PAIR);
    let one = place.call(&["run", "m", "--json"]).expect_code(0).json();
    let all = place.call(&["run", "m", "--json", "--costs"]).expect_code(0).json();
    let ((of_one, few), (of_all, many)) = (cost_lines(&one), cost_lines(&all));
    assert_eq!(of_one["ticks"].as_object().map(|t| t.len()), Some(1));
    assert_eq!(of_all["ticks"].as_object().map(|t| t.len()), Some(6));
    for line in many {
        let energies: Vec<u64> = line["femtojoules"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values().filter_map(|v| v.as_u64()))
            .collect();
        assert_eq!(line["femtojoules_range"][0].as_u64(), energies.iter().min().copied());
        assert_eq!(line["femtojoules_range"][1].as_u64(), energies.iter().max().copied());
        // Without their times, energies of a model are the same.
        let beside = few.iter().find(|l| l["cause"] == line["cause"]);
        if let Some(beside) = beside.filter(|l| l["certainty"] == "modelled") {
            assert_eq!(beside["femtojoules_range"], line["femtojoules_range"]);
        }
    }
    let priced = |report: &serde_json::Value| report["microjoules_per_trial"].clone();
    assert_eq!(priced(&one), priced(&all));
    place.call(&["run", "m", "--costs"]).expect_code(0).expect_printed(&["silicon-2023-logic "]);
}
