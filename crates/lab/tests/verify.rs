//! Verification of models: what passes, what fails and why, and a planted difference.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::{trained, untrained};
use trifactor_lab::verify::{CheckOutcome, Verification, VerifyOptions, verify, verify_prepared};
use trifactor_lab::{EvaluateOptions, Prepared, Silent, evaluate, find_chip, prepare};
use trifactor_model::{Model, load};
use trifactor_reference::{FixedMachine, Watch};

fn firmware(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware-models").join(name)
}

fn options() -> VerifyOptions {
    VerifyOptions { threads: Some(1), ..VerifyOptions::default() }
}

#[track_caller]
fn verified(folder: &Path, options: &VerifyOptions) -> Verification {
    verify(folder, options, &Silent).unwrap_or_else(|e| panic!("{e}"))
}

/// A copy of pair-stdp with another text for its formats.
fn with_formats(place: &Path, formats: &str) -> PathBuf {
    let text = fs::read_to_string(firmware("pair-stdp").join("model.ron")).expect("a model");
    let now = "formats: { \"plastic.w\": (bits: 16, frac: 9) },";
    assert!(text.contains(now));
    fs::write(place.join("model.ron"), text.replace(now, formats)).expect("a file");
    place.to_owned()
}

fn outcome(found: &Verification, key: &str) -> CheckOutcome {
    let check = found.checks.iter().find(|c| c.key == key);
    check.unwrap_or_else(|| panic!("no check '{key}'")).outcome
}

#[test]
fn models_of_the_repository_pass() {
    for name in ["pair-stdp", "three-factor", "traces", "random-feedback", "eligibility"] {
        let found = verified(&firmware(name), &options());
        assert!(found.passes() && found.verdict() == "PASS", "{found}");
        assert!(found.equality.values > 10_000 && found.equality.difference.is_none());
        assert!(found.performance.is_some() && found.cure.is_none(), "{name}");
        // The bound is one, and no more than what rounding can do.
        let largest = found.variables.iter().map(|v| v.local.share).fold(0.0, f64::max);
        assert!((0.5..=1.0).contains(&largest), "{name}: {largest}");
    }
}

#[test]
fn a_coarse_weight_fails_is_named_and_the_cure_that_is_proposed_cures() {
    let place = tempfile::tempdir().expect("a folder");
    let coarse = with_formats(place.path(), "formats: { \"plastic.w\": (bits: 4, frac: -3) },");
    let found = verified(&coarse, &options());
    assert!(!found.passes(), "{found}");
    assert_eq!(outcome(&found, "loss"), CheckOutcome::Fail);
    assert_eq!(outcome(&found, "emulator"), CheckOutcome::Pass);
    assert_eq!(outcome(&found, "bound"), CheckOutcome::Pass);
    let causes = found.causes.as_ref().expect("a ranking");
    assert_eq!(causes.list[0].name, "plastic.w");
    assert!(causes.list[0].explains > 0.9 * causes.chip.mean, "{causes:?}");
    assert!(causes.list[1..].iter().all(|c| c.explains < 0.1 * causes.chip.mean));
    let best = found.cure.as_ref().and_then(|c| c.best()).expect("a cure");
    assert!(best.formats[0].starts_with("\"plastic.w\": (bits: "), "{best:?}");
    let cured = with_formats(place.path(), &format!("formats: {{ {} }},", best.formats.join(", ")));
    let cured = verified(&cured, &options());
    assert!(cured.passes(), "{cured}");
    assert_eq!(Some(cured.performance.expect("a loss").loss), best.loss);
    // What is cheaper was tried and does not do.
    let cheaper = found.cure.iter().flat_map(|c| &c.attempts).filter(|a| a.bits < best.bits);
    assert!(cheaper.clone().count() > 0 && cheaper.into_iter().all(|a| !a.cures));
}

#[test]
fn thresholds_of_the_model_decide() {
    let place = tempfile::tempdir().expect("a folder");
    let strict = "formats: { \"plastic.w\": (bits: 16, frac: 9) },\n    verify: (bound: 0.5, weight_error: 0.001, saturations: 0, drift: { \"plastic.w\": 1.0, \"post.plastic.y1\": 2.0 }, trials: 20),";
    let found = verified(&with_formats(place.path(), strict), &options());
    assert_eq!(found.trials, 20);
    assert_eq!(outcome(&found, "bound"), CheckOutcome::Fail);
    assert_eq!(outcome(&found, "loss"), CheckOutcome::Fail);
    assert_eq!(outcome(&found, "saturations"), CheckOutcome::Pass);
    let drifts: Vec<CheckOutcome> =
        found.checks.iter().filter(|c| c.key == "drift").map(|c| c.outcome).collect();
    assert_eq!(drifts, [CheckOutcome::Fail, CheckOutcome::Pass]);
    let text = found.to_string();
    assert!(text.starts_with("pair-stdp on superset: FAIL\n"), "{text}");
}

fn compiled(name: &str) -> (Model, Prepared) {
    let model = load(&firmware(name)).unwrap_or_else(|e| panic!("{e}"));
    let chip = find_chip(&model.chip).unwrap_or_else(|e| panic!("{e}"));
    let prepared = prepare(&model, chip).unwrap_or_else(|e| panic!("{e}"));
    (model, prepared)
}

#[test]
fn a_word_of_microcode_that_differs_is_found_with_its_place() {
    let (model, sound) = compiled("pair-stdp");
    let quick = VerifyOptions { quick: true, ..options() };
    let words = sound.compiled.image.cores[0].ucode.len();
    let mut found = 0;
    for (word, bit) in (0..words).flat_map(|w| [8u32, 12, 16].map(|bit| (w, bit))) {
        let mut planted = sound.clone();
        planted.compiled.image.cores[0].ucode[word] ^= 1 << bit;
        // Words that are no instruction are refused when the image is loaded.
        let Ok(seen) = verify_prepared(&model, &planted, &quick, &Silent) else { continue };
        let Some(d) = &seen.equality.difference else { continue };
        assert!(!seen.passes());
        assert_eq!(outcome(&seen, "emulator"), CheckOutcome::Fail);
        assert_eq!(
            (d.variable.as_str(), d.lane.as_str(), d.core),
            ("plastic.w", "0 to 0", Some(0))
        );
        assert_eq!(d.key, "rules.stdp");
        let (at, line) = d.line.as_ref().expect("a rule stores it");
        assert_eq!(line, "set w");
        assert!((*at as usize) < words);
        assert!(d.step > 1 && d.chip.is_some_and(|chip| chip != d.fixed));
        let text = seen.to_string();
        let place = format!("trial {}, step {}, core 0, plastic.w, lane 0 to 0", d.trial, d.step);
        assert!(text.contains(&place) && text.contains("line 'set w'"), "{text}");
        found += 1;
        if found == 3 {
            return;
        }
    }
    panic!("only {found} words of {words} make a difference");
}

#[test]
fn a_register_that_differs_is_found_at_its_neuron() {
    let (model, mut planted) = compiled("three-factor");
    let actors = planted.compiled.image.map.populations.iter().find(|p| p.name == "actors");
    let slice = actors.expect("a population").slices[0];
    let core = planted.compiled.image.cores.iter_mut().find(|c| c.id == slice.core);
    let register = &mut core.expect("its core").compartments[slice.first_compartment as usize + 2];
    register.decay_v /= 2;
    let seen = verify_prepared(&model, &planted, &options(), &Silent);
    let seen = seen.unwrap_or_else(|e| panic!("{e}"));
    let d = seen.equality.difference.as_ref().expect("a difference");
    assert_eq!((d.variable.as_str(), d.lane.as_str()), ("actors.v", "2"));
    assert_eq!((d.core, d.key.as_str()), (Some(slice.core), "populations.actors"));
    assert!(!seen.passes() && d.line.is_none());
}

#[test]
fn episodes_of_a_training_are_scored_as_an_evaluation_scores_them() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = trained(place.path());
    let asked = VerifyOptions { trials: Some(60), ..options() };
    let found = verified(&folder, &asked);
    let known =
        EvaluateOptions { episodes: Some(60), threads: Some(1), ..EvaluateOptions::default() };
    let known = evaluate(&folder, &known, &Silent).unwrap_or_else(|e| panic!("{e}"));
    let p = found.performance.as_ref().expect("a score");
    let (_, row) = known.chip.as_ref().expect("a chip");
    assert_eq!((found.unit, found.trials, found.seed), ("episode", 60, known.seed));
    assert!((p.float.expect("float").mean - known.float.mean).abs() < 1e-12);
    assert!((p.loss.mean + 100.0 * row.difference.mean).abs() < 1e-9);
    assert!(found.causes.is_some_and(|c| c.list.iter().any(|c| c.name == "plastic.w")));
    assert!(found.notes.is_empty());
    fs::remove_file(folder.join("params.safetensors")).expect("it was there");
    let before = verified(&folder, &VerifyOptions { quick: true, ..options() });
    assert!(before.notes[0].contains("before any training"), "{:?}", before.notes);
}

#[test]
fn reports_do_not_depend_on_threads_and_say_the_same_in_every_form() {
    let one = verified(&firmware("three-factor"), &options());
    let two = VerifyOptions { threads: Some(2), ..VerifyOptions::default() };
    let two = verified(&firmware("three-factor"), &two);
    assert_eq!(one.to_string(), two.to_string());
    assert_eq!(one.to_json(), two.to_json());
    assert_eq!(one.page(), two.page());
    let json: serde_json::Value =
        serde_json::from_str(&one.to_json().to_string()).expect("what is written can be read");
    assert_eq!((&json["verdict"], &json["passes"]), (&"pass".into(), &true.into()));
    let weight = &json["variables"][0];
    assert_eq!(weight["name"], "policy.w");
    assert_eq!(weight["kind"], "weight");
    assert!(weight["one_step"]["largest_share_of_bound"].as_f64().is_some_and(|s| s > 0.5));
    let curve = &weight["given_floats_spikes"]["over_time_rms_lsb"];
    assert!(curve.as_array().is_some_and(|c| c.len() == 160), "{curve}");
    assert!(json["causes"]["states"][0]["saved_if_undone"]["half_width"].is_f64());
    assert_eq!(json["series"][0]["points"][0].as_array().map(Vec::len), Some(3));
    for part in ["PASS", "policy.w", "of bound", "saved if undone"] {
        assert!(one.to_string().contains(part), "{part}");
    }
}

#[test]
fn the_page_is_whole_and_needs_nothing_outside_of_itself() {
    let place = tempfile::tempdir().expect("a folder");
    let formats = "formats: { \"plastic.w\": (bits: 4, frac: -3) },";
    let found = verified(&with_formats(place.path(), formats), &options());
    let page = found.page();
    for reference in ["http", "src=", "href", "url(", "@import", "<script", "<link", "NaN", "inf"] {
        assert!(!page.contains(reference), "{reference}");
    }
    for tag in ["svg", "figure", "table", "ul", "p", "h2", "div", "pre"] {
        let (open, close) = (format!("<{tag}"), format!("</{tag}>"));
        let opened = page
            .match_indices(&open)
            .filter(|(at, _)| matches!(page.as_bytes()[at + open.len()], b' ' | b'>'));
        assert_eq!(opened.count(), page.matches(&close).count(), "{tag}");
    }
    for heading in [
        "Float and chip over the protocol",
        "Errors over time",
        "Learnt values",
        "Changes that were tried",
    ] {
        assert!(page.contains(heading), "{heading}");
    }
    let names: Vec<String> = found.files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["report.html", "report.json", "report.txt"]);
}

#[test]
fn models_without_a_rule_a_score_or_anything_to_run_are_told_so() {
    let place = tempfile::tempdir().expect("a folder");
    let head = "(name: \"plain\", inputs: { \"in\": (n: 2) }, populations: { \"out\": (n: 2, tau_u: 5.0, tau_v: 20.0, threshold: 1.0) }, projections: { \"ff\": (pre: \"in\", post: \"out\", connect: AllToAll, weights: 0.3) },";
    let write = |tail: &str| {
        fs::write(place.path().join("model.ron"), format!("{head}{tail})")).expect("a file");
    };
    write("");
    let error = verify(place.path(), &options(), &Silent).expect_err("nothing to run").to_string();
    assert!(error.contains("'plain' has nothing to run: add `protocol: (..)`"), "{error}");
    let shown = |readout: &str| {
        format!(
            "protocol: (phases: [(name: \"show\", steps: 40, present: [(input: \"in\", what: Poisson(rate: 0.3))]{readout})])"
        )
    };
    write(&shown(""));
    let found = verified(place.path(), &options());
    assert!(found.performance.is_none() && found.causes.is_none() && found.passes());
    assert!(found.to_string().contains("there is nothing to compare"), "{found}");
    write(&shown(", readout: (population: \"out\", variable: \"v\")"));
    let found = verified(place.path(), &options());
    assert!(found.to_string().contains("recorded values: "), "{found}");
    write("verify: (score_loss: 0.0),");
    let error = verify(place.path(), &options(), &Silent).expect_err("a threshold").to_string();
    assert!(error.contains("M045") && error.contains("verify.score_loss"), "{error}");
    let gone = verify(&place.path().join("gone"), &options(), &Silent);
    assert!(gone.expect_err("no folder").to_string().contains("M001"));
    let other = VerifyOptions { chip: Some("none".to_owned()), ..options() };
    let error = verify(&untrained(place.path()), &other, &Silent).expect_err("no chip");
    assert!(error.to_string().contains("there is no chip 'none'"));
}

#[test]
fn a_reading_that_is_taught_spikes_as_it_is_told_and_learns_from_that() {
    struct Ignore;
    impl Watch for Ignore {}
    let (_, prepared) = compiled("three-factor");
    let (net, plan) = (&prepared.network, &prepared.plan);
    let space = net.space("actors").expect("a population");
    let spike = net.spikes(space).expect("it spikes");
    let state = |name: &str| net.states.ids().find(|s| net.full_name(*s) == name).expect(name);
    let (v, y1) = (state("actors.v"), state("actors.policy.y1"));
    let mut machine = FixedMachine::new(net, plan);
    let mut alone = FixedMachine::new(net, plan);
    for step in 1..=40u32 {
        // Refractory neurons are held for two steps, in this reading too.
        let lanes: &[u32] = if step % 4 == 0 { &[0, 2] } else { &[] };
        machine.step_watched(&[], &[(space, lanes)], &mut Ignore);
        alone.step_watched(&[], &[], &mut Ignore);
        let fired: Vec<u32> = (0..4).filter(|k| machine.raw(spike)[*k as usize] != 0).collect();
        assert_eq!(fired, lanes, "step {step}");
        assert!(machine.raw(v).iter().all(|v| *v == 0), "nothing arrives, and a spike resets");
    }
    assert!(machine.raw(y1)[0] > 0 && machine.raw(y1)[1] == 0);
    assert!(alone.raw(y1).iter().all(|y| *y == 0), "without input nobody spikes");
}

#[test]
fn a_quick_verification_runs_little_and_ranks_only_what_fails() {
    let quick = VerifyOptions { quick: true, ..options() };
    let found = verified(&firmware("three-factor"), &quick);
    assert_eq!((found.trials, found.followed), (16, 1));
    assert!(found.passes() && found.causes.is_none());
    let place = tempfile::tempdir().expect("a folder");
    let coarse = with_formats(place.path(), "formats: { \"plastic.w\": (bits: 4, frac: -3) },");
    let found = verified(&coarse, &quick);
    assert!(!found.passes() && found.causes.is_some_and(|c| c.list[0].name == "plastic.w"));
}
