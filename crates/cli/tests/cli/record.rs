//! The options of `trifactor run` that record signals.

use crate::models::{PAIR, Place};

/// Names of results, without the model.
fn results(place: &Place) -> Vec<String> {
    place
        .names(".")
        .into_iter()
        .filter(|n| !["m", "pair.elf", "trifactor-out"].contains(&n.as_str()))
        .collect()
}

#[test]
fn the_names_are_listed_and_nothing_runs() {
    let place = Place::with_image();
    let printed = ["chip.busy", "post.v", "pre.spikes", "plastic.w", "force.w", "pre.plastic.x1"];
    for path in ["m", "pair.elf"] {
        let list = place.call(&["run", path, "--signals", "list"]).expect_code(0);
        list.expect_printed(&printed).expect_printed(&["24 signed", "2 synapses"]);
    }
    let json = place.call(&["run", "m", "--signals", "list", "--json"]).expect_code(0).json();
    let all = json["signals"].as_array().expect("a list");
    let v = all.iter().find(|s| s["name"] == "post.v").expect("a voltage");
    assert_eq!((v["lanes"].as_u64(), v["signed"].as_bool()), (Some(1), Some(true)));
    assert_eq!(results(&place), [""; 0]);
    assert!(!place.path("trifactor-out").exists());
}

#[test]
fn each_file_that_is_asked_for_appears_and_is_named() {
    let place = Place::with_model(PAIR);
    let arguments = [
        "run",
        "m",
        "--wave",
        "a.fst",
        "--wave",
        "deep/b.vcd",
        "--signals",
        "post.*,plastic.w[1->0]",
        "--table",
        "spikes=s.csv",
        "--table",
        "plastic.w=w.npy",
        "--timeline",
        "t.json",
    ];
    let said = ["wrote a.fst, deep/b.vcd, s.csv, w.npy, t.json (trial 0, 20 steps)"];
    place.call(&arguments).expect_code(0).expect_said(&said);
    assert_eq!(results(&place), ["a.fst", "deep", "s.csv", "t.json", "w.npy"]);
    assert_eq!(place.names("deep"), ["b.vcd"]);
    let waves = String::from_utf8(place.read("deep/b.vcd")).expect("text");
    for line in ["$timescale 1 MS $end", "$scope module post $end", " w_1->0 $end", "#21"] {
        assert!(waves.to_lowercase().contains(&line.to_lowercase()), "'{line}' is not in\n{waves}");
    }
    assert!(place.read("w.npy").starts_with(b"\x93NUMPY"));
    let spikes = String::from_utf8(place.read("s.csv")).expect("text");
    assert!(spikes.starts_with("step,population,lane\n5,kick,0\n"), "{spikes}");
}

#[test]
fn another_trial_can_be_recorded() {
    let place = Place::with_model(PAIR);
    let spikes = |trial: &str| {
        let arguments = ["run", "m", "--table", "spikes=s.csv", "--record-trial", trial];
        place.call(&arguments).expect_code(0);
        String::from_utf8(place.read("s.csv")).expect("text")
    };
    // The second input comes 4 steps before, with and 4 steps after the first.
    assert!(spikes("0").contains("\n5,kick,0\n") && spikes("2").contains("\n13,kick,0\n"));
    let call = place.call(&["run", "m", "--table", "spikes=s.csv", "--record-trial", "3"]);
    call.expect_code(2).expect_said(&["--record-trial: there is no trial 3", "0 to 2"]);
}

#[test]
fn an_image_is_recorded_in_silence() {
    let place = Place::with_image();
    let call =
        ["run", "pair.elf", "--steps", "7", "--wave", "a.fst", "--table", "performance=p.csv"];
    place.call(&call).expect_code(0).expect_said(&["wrote a.fst, p.csv (without input, 7 steps)"]);
    let table = String::from_utf8(place.read("p.csv")).expect("text");
    assert_eq!(table.lines().count(), 8);
    assert!(table.starts_with("step,epoch,time_ps,energy_fj,"), "{table}");
}

#[test]
fn what_cannot_be_recorded_is_refused_before_the_run() {
    let place = Place::with_model(PAIR);
    for (options, said) in [
        (&["--wave", "a.fst", "--signals", "post.w"][..], "there is no signal 'post.w'"),
        (&["--wave", "a.fst", "--signals", "pots.v"], "did you mean 'post.v'?"),
        (&["--wave", "a.fst", "--signals", "post.v[1]"], "'post.v' has no lane '1'"),
        (&["--wave", "a.fst", "--signals", "post.v["], "--signals: 'post.v[': lanes stand"),
        (&["--wave", "a.txt"], "ends in .fst or .vcd"),
        (&["--table", "spikes"], "--table: 'spikes' names no file"),
        (&["--table", "spikes=a.txt"], "ends in .csv or .npy"),
        (&["--timeline", "a.txt"], "ends in .json"),
        (&["--timeline", "a.json", "--timeline-steps", "3..1"], "--timeline-steps: '3..1'"),
        (&["--timeline", "a.json", "--timeline-steps", "21"], "the run ends before step 21"),
        (&["--timeline-steps", "1..3"], "--timeline-steps is for --timeline FILE"),
        (&["--timeline-arrows", "3"], "--timeline-arrows is for --timeline FILE"),
        (&["--signals", "post.v"], "--signals is for --wave FILE"),
        (&["--wave-real"], "--wave-real is for --wave FILE"),
        (&["--wave-time", "chip"], "--wave-time is for --wave FILE"),
        (&["--table-raw"], "--table-raw is for --table WHAT=FILE"),
        (&["--record-trial", "0"], "--record-trial is for --wave, --table or --timeline"),
        (&["--wave", "a.fst", "--wave", "a.fst"], "a.fst is asked for twice"),
    ] {
        let call = [&["run", "m"], options].concat();
        place.call(&call).expect_code(2).expect_said(&[said]).expect_nothing_printed();
    }
    let call = ["run", "m", "--table", "spikes=m"];
    place.call(&call).expect_code(2).expect_said(&["m: the name of a table ends in .csv or .npy"]);
    place.write("full.csv/x", b"");
    let call = place.call(&["run", "m", "--table", "spikes=full.csv"]);
    call.expect_code(1).expect_said(&["cannot write full.csv: it is a folder"]);
    assert_eq!(results(&place), ["full.csv"]);
}
