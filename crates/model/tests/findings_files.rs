//! One bad model for each message about files, kernels, parameters and protocols.

mod common;

use common::{FULL, STDP, expect, findings, folder, npy, with};
use trifactor_model::{ModelHash, load, write_params};

#[test]
fn a_folder_without_a_model_is_told_what_a_model_is() {
    let dir = tempfile::tempdir().unwrap();
    let found = load(dir.path()).unwrap_err().to_string();
    assert!(
        found.contains("error[M001]") && found.contains("a folder with a file model.ron"),
        "{found}"
    );
    std::fs::create_dir(dir.path().join("model.ron")).unwrap();
    assert!(load(dir.path()).unwrap_err().to_string().contains("not a regular file"));
    std::fs::remove_dir(dir.path().join("model.ron")).unwrap();
    std::fs::write(dir.path().join("model.ron"), [0xff, 0xfe]).unwrap();
    assert!(load(dir.path()).unwrap_err().to_string().contains("byte 0 is not UTF-8"));
    let huge = vec![b' '; (16 << 20) + 1];
    std::fs::write(dir.path().join("model.ron"), huge).unwrap();
    assert!(load(dir.path()).unwrap_err().to_string().contains("more than 16777216 bytes"));
}

#[test]
fn syntax_and_keys_are_reported_with_line_and_column() {
    expect(&with("epoch: 2,", "epoch: 2;"), "M002", "model.ron:3:", "hint: the syntax is RON");
    expect(&with("tau_v: 20.0", "tauv: 20.0"), "M003", "model.ron:9:", "did you mean 'tau_v'?");
    expect(
        &with("\"teacher\": (n: 2),", "\"retina\": (n: 2),"),
        "M004",
        "model.ron:",
        "duplicate key 'retina'",
    );
    expect(&with("name:", "seed: 3, name:"), "M004", "model.ron:", "'seed' is given twice");
    expect(&with("n: 6", "n: \"six\""), "M005", "model.ron:5:", "");
    expect(&with("n: 6", "n: 99999999999"), "M005", "model.ron:5:", "out of bounds");
    expect(&with("n: 6, ", ""), "M005", "model.ron:", "the key 'n'");
    expect(
        &with("connect: AllToAll", "connect: AllToAl"),
        "M005",
        "model.ron:",
        "did you mean 'AllToAll'?",
    );
    expect(
        &with("tau_u: 5.0", "tau_u: Uniforn(1, 2, 3)"),
        "M005",
        "model.ron:",
        "Uniform(lo, hi, seed)",
    );
    expect(
        &with("(init: 0.0, range: (-1, 1))", "(initial: 0.0)"),
        "M005",
        "model.ron:",
        "Rate(values)",
    );
    expect(&with("ways: 2", "wayz: 2"), "M003", "model.ron:", "did you mean 'ways'?");
    expect(
        &with("weights: [[1, 2], [3, 4], [5, 6], [7, 8]], ", ""),
        "M005",
        "projections.readout.weights",
        "no weights",
    );
}

#[test]
fn shapes_are_compared_with_what_is_expected() {
    expect(
        &with("threshold: 1.0", "threshold: [1, 2]"),
        "M017",
        "populations.hidden.threshold",
        "shape [2] do not fit; expected [4]",
    );
    expect(
        &with("[[1, 2], [3, 4], [5, 6], [7, 8]]", "[[1, 2], [3]]"),
        "M017",
        "projections.readout.weights",
        "row 1 has 1 values",
    );
    expect(
        &with("[[1, 2], [3, 4], [5, 6], [7, 8]]", "[1, 2, 3]"),
        "M017",
        "projections.readout.weights",
        "expected [8] (synapses) or [4, 2]",
    );
    let conv = with(
        "connect: AllToAll, sign",
        "connect: Conv2d(input: (1, 2, 2), kernel: \"k.npy\"), sign",
    );
    let found = findings(&conv, STDP, &[("k.npy", &npy(&[4], &[1.0; 4]))]);
    assert!(
        found.contains("error[M017]") && found.contains("[filters, channels, rows, columns]"),
        "{found}"
    );
    let found = findings(&conv, STDP, &[("k.npy", &npy(&[1, 2, 1, 1], &[1.0; 2]))]);
    assert!(
        found.contains("error[M017]") && found.contains("has 2 channels, the input 1"),
        "{found}"
    );
    let found = findings(&conv, STDP, &[("k.npy", &npy(&[1, 1, 1, 1], &[1.0]))]);
    assert!(
        found.contains("error[M021]") && found.contains("1 x 2 x 2 = 4 lanes into 1 x 2 x 2 = 4"),
        "{found}"
    );
    let found = findings(&conv, STDP, &[("k.npy", &npy(&[1, 1, 3, 3], &[1.0; 9]))]);
    assert!(found.contains("error[M021]") && found.contains("does not fit an input"), "{found}");
    let found = findings(&conv, STDP, &[("k.npy", &npy(&[1, 1, 2, 1], &[1.0; 2]))]);
    assert!(
        found.contains("error[M021]") && found.contains("takes its weights from its kernel"),
        "{found}"
    );
    let mask = with("connect: AllToAll, sign", "connect: Mask(\"m.npy\"), sign");
    let found = findings(&mask, STDP, &[("m.npy", &npy(&[2, 4], &[1.0; 8]))]);
    assert!(
        found.contains("error[M017]") && found.contains("expected [4, 2] (pre, post)"),
        "{found}"
    );
    let list = with("connect: AllToAll, sign", "connect: ListFile(\"l.npy\"), sign");
    let found = findings(&list, STDP, &[("l.npy", &npy(&[1, 3], &[1.0; 3]))]);
    assert!(found.contains("error[M017]") && found.contains("expected [n, 2]"), "{found}");
    let found = findings(&list, STDP, &[("l.npy", &npy(&[1, 2], &[1.0, 0.5]))]);
    assert!(found.contains("error[M021]") && found.contains("(1, 0.5)"), "{found}");
}

#[test]
fn files_stay_inside_the_folder_and_are_readable() {
    for bad in ["../w.npy", "/etc/w.npy", "a/../../w.npy", "", ".."] {
        expect(
            &with("Normal(0.0, 0.5, 1)", &format!("File(\"{bad}\")")),
            "M019",
            "projections.ff.weights",
            "inside the model's folder",
        );
    }
    expect(
        &with("Normal(0.0, 0.5, 1)", "File(\"w.npy\")"),
        "M018",
        "projections.ff.weights",
        "w.npy",
    );
    expect(
        &with("File(\"stdp.kern\")", "File(\"none.kern\")"),
        "M001",
        "rules.stdp.kernel",
        "none.kern",
    );
    expect(
        &with("File(\"stdp.kern\")", "File(\"../stdp.kern\")"),
        "M019",
        "rules.stdp.kernel",
        "inside",
    );
    expect(
        &with("images: \"i.gz\"", "images: \"/i.gz\""),
        "M019",
        "datasets.characters.images",
        "/i.gz",
    );
}

#[test]
fn a_kernel_reads_what_the_rule_provides_and_sets_what_it_declares() {
    let kern = |from: &str, to: &str, code: &str, words: &str| {
        assert!(STDP.contains(from), "{from}");
        let found = findings(FULL, &STDP.replacen(from, to, 1), &[]);
        assert!(
            found.contains(&format!("error[{code}]")) && found.contains(words),
            "{to}\n{found}"
        );
    };
    kern(
        "in x1: pre at y0",
        "in x1: pre x9 at y0",
        "M031",
        "reads 'x9' as a value of the pre lane",
    );
    kern(
        "in x1: pre at y0",
        "in x1: post at y0",
        "M031",
        "is a pre trace; the kernel reads it as post",
    );
    kern("in eta: own", "in eta: own etta", "M031", "did you mean 'eta'?");
    kern("in reward: global", "in reward: global rewrd", "M031", "did you mean 'reward'?");
    kern("in reward: global", "in reward: global m_plus", "M033", "give 'm_plus' the scope Global");
    kern("in m: pre", "in m: post", "M033", "PerPost(\"ff\")");
    kern("set e = e1", "set f = e1", "M032", "sets 'f', which the rule does not declare");
    kern("set e = e1", "set eta = e1", "M032", "declared as a Rate");
    kern("set e = e1", "add post q = e1\n  set e = e1", "M032", "adds to 'q'");
    kern("in w: own", "in w own", "K001", "stdp.kern:3:");
    kern(
        "kernel stdp",
        "kernel other {\n  in w: own\n  set w = w\n}\nkernel another",
        "M030",
        "none is named 'stdp'",
    );
    expect(
        &with("\"e\": (", "\"w\": (init: 1.0), \"e\": ("),
        "M032",
        "rules.stdp.variables.w",
        "belong to the projection",
    );
    let sop = with("File(\"stdp.kern\")", "Sop(dw: \"2^-4*x1*z0\")");
    let found = findings(&sop, STDP, &[]);
    assert!(found.contains("error[R") && found.contains("rules.stdp.kernel.dw"), "{found}");
}

#[test]
fn formats_probes_data_sets_and_protocols_are_checked_against_the_network() {
    expect(
        &with("\"ff.w\": (bits", "\"ff.ww\": (bits"),
        "M041",
        "formats.ff.ww",
        "did you mean 'ff.w'?",
    );
    expect(&with("bits: 9", "bits: 33"), "M041", "formats.ff.w", "33 bits");
    expect(
        &with("state: \"hidden.v\"", "state: \"hidden.vv\""),
        "M042",
        "probes[0].state",
        "did you mean 'hidden.v'?",
    );
    expect(
        &with("lanes: [0, 3]", "lanes: [0, 4]"),
        "M042",
        "probes[0].lanes",
        "lane 4 of 'hidden.v'",
    );
    expect(&with("every: 10", "every: 0"), "M042", "probes[1].every", "0 steps");
    expect(
        &with("window: (5, 20)", "window: (5, 21)"),
        "M043",
        "protocol.phases[1].readout.window",
        "not inside 1 to 20",
    );
    expect(
        &with("variable: \"v\"", "variable: \"spikes\""),
        "M043",
        "protocol.phases[1].readout.variable",
        "has no 'spikes'",
    );
    expect(
        &with("record: [\"ff.w\"]", "record: [\"ff.etaa\"]"),
        "M043",
        "protocol.phases[1].readout.record",
        "did you mean 'ff.eta'?",
    );
    expect(
        &with("data: \"characters\"", "data: \"digits\""),
        "M043",
        "protocol.sampler",
        "no data set 'digits'",
    );
    expect(&with("Threshold(0.3)", "Blur(-1)"), "M044", "datasets.characters.prepare", "Blur(-1)");
    for (keys, key, words) in [
        ("score_loss: 0.0", "verify.score_loss", "above 0 and at most 100"),
        ("score_loss: 101.0", "verify.score_loss", "101"),
        ("weight_error: -1.0", "verify.weight_error", "-1"),
        ("bound: NaN", "verify.bound", "NaN"),
        ("drift: { \"ff.ww\": 2.0 }", "verify.drift.ff.ww", "did you mean 'ff.w'?"),
        ("drift: { \"ff.w\": 0.0 }", "verify.drift.ff.w", "above 0"),
        ("trials: 1", "verify.trials", "2 to 1000000"),
    ] {
        let verify = format!("verify: ({keys}),\n    formats:");
        expect(&with("formats:", &verify), "M045", key, words);
    }
}

#[test]
fn parameter_files_that_do_not_fit_say_why() {
    let dir = folder(FULL, &[("stdp.kern", STDP.as_bytes())]);
    let model = load(dir.path()).unwrap();
    let n = model.network.network();
    let id = |space: &str, state: &str| n.state(n.space(space).unwrap(), state).unwrap();
    let report = |bytes: &[u8]| {
        std::fs::write(dir.path().join("params.safetensors"), bytes).unwrap();
        load(dir.path()).unwrap_err().to_string()
    };
    let file = |dtype: &str, name: &str, shape: &str, bytes: &[u8]| {
        let head = format!(
            "{{\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[0,{}]}}}}",
            bytes.len()
        );
        [&(head.len() as u64).to_le_bytes()[..], head.as_bytes(), bytes].concat()
    };
    let cases = [
        (file("F64", "readout.ww", "[1]", &[0; 8]), "M050", "did you mean 'readout.w'?"),
        (file("F64", "hidden.v", "[4]", &[0; 32]), "M050", "no parameter"),
        (file("F64", "readout.w", "[2]", &[0; 16]), "M051", "expected [8] (synapses) or [4, 2]"),
        (file("I64", "readout.w", "[8]", &[0; 64]), "M052", "F32 and F64"),
        (file("F32", "readout.w", "[8]", &[0xff; 32]), "M052", "NaN"),
        (file("F64", "readout.w", "[8]", &(-1.0f64).to_le_bytes().repeat(8)), "M052", "wrong sign"),
        (b"garbage".to_vec(), "M052", "not a safetensors file"),
    ];
    for (bytes, code, words) in cases {
        let found = report(&bytes);
        assert!(
            found.contains(&format!("error[{code}]")) && found.contains(words),
            "{code} {words}\n{found}"
        );
    }
    let many = vec![9.0; n.lanes(n.space("ff").unwrap())];
    let found = report(&write_params(n, &model.hash, &[(id("ff", "w"), &many)]).unwrap());
    assert!(found.contains("error[M052]") && found.contains("its range is (-4, 4)"), "{found}");
    let foreign = write_params(n, &ModelHash([7; 32]), &[(id("ff", "eta"), &many)]).unwrap();
    let found = report(&foreign);
    assert!(found.contains("error[M053]") && found.contains("070707"), "{found}");
    std::fs::write(
        dir.path().join("params.safetensors"),
        file("F32", "readout.w", "[4,2]", &1.5f32.to_le_bytes().repeat(8)),
    )
    .unwrap();
    assert!(load(dir.path()).is_ok());
}
