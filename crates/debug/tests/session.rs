//! Going forwards and back, stopping, changing, and the interface for programs.

mod common;

use common::{done, everything, model, refused, root, session, session_of, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use trifactor_debug::{Position, Session};
use trifactor_emu::{Emulator, Options, Reset};

/// Models with an epoch of one step and of several, with few and with many synapses.
const MODELS: [&str; 3] = [
    "firmware-models/three-factor",
    "firmware-models/pair-stdp-loihi1",
    "firmware-models/stdp-triplet",
];

#[test]
fn a_session_leaves_the_states_of_a_plain_run() {
    for folder in MODELS {
        let (image, stimulus) = model(folder);
        let mut plain = Emulator::load(&image, Options::default()).expect("it loads");
        plain.begin_trial(stimulus.seed);
        plain.clear_ledger();
        for step in stimulus.steps.iter().take(90) {
            if !step.resets.is_empty() {
                plain.reset(&step.resets);
            }
            let inputs: Vec<_> = step.spikes.iter().map(|(p, lanes)| (*p, &lanes[..])).collect();
            plain.step(&inputs).expect("a step");
        }
        let expected = Some(plain.save());
        // At once, and by every unit, with the whole of each plasticity phase walked.
        let mut session = session_of(&image, &stimulus);
        done(&mut session, "step 90");
        assert!(session.checkpoint() == expected, "{folder}");
        done(&mut session, "goto 0");
        for unit in ["epoch", "phase", "op", "step"].iter().cycle() {
            if session.position() >= Position::after(80) {
                break;
            }
            done(&mut session, &format!("step 3 {unit}"));
        }
        done(&mut session, "goto 90");
        assert!(session.checkpoint() == expected, "{folder}, in parts");
    }
}

/// A source of choices.
struct Dice(u32);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.0) * u64::from(n)) >> 32) as u32
    }
}

#[test]
fn going_back_leads_to_the_states_that_were_there() {
    for (folder, seed) in MODELS.into_iter().zip(1..) {
        let mut session = session(folder);
        let mut dice = Dice(seed);
        let mut seen: BTreeMap<Position, (String, Option<Vec<u8>>)> = BTreeMap::new();
        let mut again = 0;
        done(&mut session, "goto 20");
        for _ in 0..150 {
            let unit = ["op", "op", "phase", "step", "epoch"][dice.below(5) as usize];
            let n = 1 + dice.below(6);
            let back = dice.below(2) == 0;
            let command = format!("{} {n} {unit}", if back { "back" } else { "step" });
            // What lies before the beginning is refused and leaves everything as it was.
            let before = session.position();
            match session.execute(&command) {
                Ok(_) if back => assert!(session.position() < before, "{command}"),
                Ok(_) => assert!(session.position() > before, "{command}"),
                Err(_) => assert_eq!(session.position(), before, "{command}"),
            }
            let now = (everything(&mut session), session.checkpoint());
            if let Some(known) = seen.get(&session.position()) {
                again += 1;
                assert!(*known == now, "{folder}: {command} to {:?}", session.position());
            }
            seen.insert(session.position(), now);
        }
        assert!(again > 10 && seen.len() > 30, "{folder}: {again} of {}", seen.len());
    }
}

#[test]
fn units_end_at_their_boundaries() {
    let mut session = session("firmware-models/pair-stdp-loihi1");
    let epoch = {
        done(&mut session, "step epoch");
        session.position().step
    };
    assert!(epoch > 1, "the model has epochs of several steps");
    done(&mut session, "step");
    done(&mut session, "step 2 phase");
    assert_eq!(session.position(), Position { step: epoch + 1, phase: 2, op: 0 });
    done(&mut session, "step");
    assert_eq!(session.position(), Position::after(epoch + 2));
    done(&mut session, "back phase");
    assert_eq!(session.position().step, epoch + 1);
    done(&mut session, "back epoch");
    assert_eq!(session.position(), Position::after(epoch));
    done(&mut session, "back epoch");
    assert_eq!(session.position(), Position::after(0));
    let refused = refused(&mut session, "back");
    assert!(refused.contains("before the beginning"), "{refused}");
}

#[test]
fn every_kind_of_breakpoint_ends_a_run_where_it_should() {
    let mut session = session("firmware-models/three-factor");
    let stopped = |session: &mut Session, expected: &str| {
        let said = text(session, "continue");
        assert!(said.contains(expected), "'{expected}' is not in: {said}");
    };
    done(&mut session, "break spike actors[0]");
    stopped(&mut session, "breakpoint 1: actors[0] spikes");
    assert_eq!(text(&mut session, "print actors.spike[0]"), "actors.spike[0] = 1");
    assert_eq!(session.position().phase, 2, "after the phase in which neurons fire");
    done(&mut session, "delete all");
    done(&mut session, "goto 0");
    // An input fires in the phase in which its messages are sent.
    done(&mut session, "break spike sensors");
    stopped(&mut session, "breakpoint 2: sensors[0] spikes");
    assert_eq!((session.position().step, session.position().phase), (4, 3));
    done(&mut session, "delete all");
    done(&mut session, "goto 0");

    done(&mut session, "watch policy.e[0->0]");
    stopped(&mut session, "watchpoint 3: policy.e[0->0] 0 -> ");
    done(&mut session, "expect policy.e[0->0] != 0");
    done(&mut session, "delete all");
    done(&mut session, "watch actors.v[0] > 0.2");
    stopped(&mut session, "watchpoint 4: actors.v[0] ");
    assert!(!done(&mut session, "expect actors.v[0] > 0.2").failed);
    done(&mut session, "back phase");
    assert!(!done(&mut session, "expect actors.v[0] <= 0.2").failed);
    done(&mut session, "delete all");
    done(&mut session, "watch policy.w crosses 0.1");
    stopped(&mut session, "watchpoint 5: policy.w[");
    done(&mut session, "delete all");

    done(&mut session, "goto 0");
    done(&mut session, "break at 0:3 for 1->2");
    stopped(&mut session, "breakpoint 6: core 0 word 3");
    assert!(text(&mut session, "where").contains("core 0 word 3, policy[1->2]: "));
    stopped(&mut session, "breakpoint 6: core 0 word 3");
    assert_ne!(session.position().step, 0, "the same place ends only one run");
    done(&mut session, "delete all");

    done(&mut session, "goto 0");
    done(&mut session, "break line credit.kern:16");
    stopped(&mut session, "breakpoint 7: core 0 word ");
    assert!(text(&mut session, "where").contains("(credit.kern:16)"));
    done(&mut session, "delete all");

    // The word may be left out.
    done(&mut session, "goto 0");
    done(&mut session, "break credit.kern:16 for 0->0");
    done(&mut session, "delete all");

    done(&mut session, "break step 33");
    stopped(&mut session, "breakpoint 9: step 33 is complete");
    assert_eq!(session.position(), Position::after(33));
    assert!(!done(&mut session, "expect stopped == 9").failed);
    stopped(&mut session, "the stimulus has no more steps");
}

#[test]
fn a_sum_of_products_has_the_lines_of_the_model_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let text_of = std::fs::read_to_string(root().join("firmware-models/pair-stdp/model.ron"));
    let old = "dw: \"2^-2*x1*y0 - 2^-2*y1*x0\"";
    let new = "dw: \"2^-2*x1*y0\n    - 2^-2 * y1*x0\"";
    let model_text = text_of.expect("a model").replace(old, new);
    let line = 1 + model_text.lines().position(|l| l.contains("dw:")).expect("a sum");
    std::fs::write(folder.path().join("model.ron"), &model_text).expect("a file");
    let (mut image, stimulus) = model(folder.path().to_str().expect("text"));
    let mut session = session_of(&image, &stimulus);
    let list = text(&mut session, "list");
    let rows: Vec<&str> = list.lines().skip(1).collect();
    let of = |term: &str, at: usize| {
        let place = format!("(model.ron:{at}: {term})");
        let words: Vec<usize> =
            rows.iter().enumerate().filter(|(_, r)| r.contains(&place)).map(|(k, _)| k).collect();
        assert!(words.len() >= 3, "{place} has {words:?} in\n{list}");
        words[0]
    };
    let first = [of("2^-2*x1*y0", line), of("-2^-2 * y1*x0", line + 1)];
    assert!(rows.iter().any(|r| r.ends_with(&format!("; set w  (model.ron:{line})"))), "{list}");
    for (k, word) in first.iter().enumerate() {
        done(&mut session, "delete all");
        done(&mut session, "goto 0");
        done(&mut session, &format!("break model.ron:{}", line + k));
        let said = text(&mut session, "continue");
        assert!(said.contains(&format!("core 0 word {word}\n")), "{said}");
        assert!(said.contains(&format!("(model.ron:{}: ", line + k)), "{said}");
        // A program stops once for each synapse that executes it.
        let before = session.position();
        done(&mut session, "continue");
        assert_ne!(session.position().step, before.step);
    }
    let said = refused(&mut session, &format!("break model.ron:{}", line + 2));
    assert!(said.ends_with(&format!("(lines: {line}, {})", line + 1)), "{said}");
    image.lines = trifactor_image::LineTable::default();
    let said = refused(&mut session_of(&image, &stimulus), &format!("break model.ron:{line}"));
    assert!(said.starts_with("this image does not say from which lines"), "{said}");
}

#[test]
fn a_saturation_ends_a_run_at_the_store_that_saturates() {
    let mut session = session("firmware-models/three-factor");
    done(&mut session, "break saturation policy.e");
    // Actor 0 fires in step 10: a pairing on top of an eligibility at the end of its range.
    done(&mut session, "goto 9");
    done(&mut session, "set policy.e = 1");
    done(&mut session, "set sensors.policy.x1 = 1");
    let said = text(&mut session, "continue");
    assert!(said.contains("breakpoint 1: policy.e[") && said.contains("->0] saturates"), "{said}");
    assert!(said.contains(", saturated"), "the store itself is shown: {said}");
    // A membrane is clipped in the phase of the neurons.
    done(&mut session, "delete all");
    done(&mut session, "step");
    done(&mut session, "break saturation actors.v");
    done(&mut session, "set actors.u[1] = 8388607 raw");
    done(&mut session, "set actors.v[1] = 8388607 raw");
    let said = text(&mut session, "continue");
    assert!(said.contains("breakpoint 2: actors.v saturates"), "{said}");
    assert_eq!(session.position().phase, 2);
}

#[test]
fn a_run_goes_back_to_the_last_breakpoint() {
    let mut session = session("firmware-models/three-factor");
    done(&mut session, "break spike actors[0]");
    let mut places = Vec::new();
    loop {
        let said = text(&mut session, "continue");
        if said.contains("no more steps") {
            break;
        }
        places.push(session.position());
    }
    assert!(places.len() > 2, "{places:?}");
    for place in places.iter().rev() {
        done(&mut session, "rcontinue");
        assert_eq!(session.position(), *place);
    }
    let hits = done(&mut session, "info breakpoints").value[0]["hits"].clone();
    assert_eq!(hits, json!(places.len()), "going back hits nothing");
    done(&mut session, "rcontinue");
    assert_eq!(session.position(), Position::after(0));
    // From a place between two, to the earlier one.
    done(&mut session, "goto 200");
    done(&mut session, "rcontinue");
    let earlier = places.iter().rfind(|p| **p < Position::after(200));
    assert_eq!(Some(&session.position()), earlier);
}

/// Values of a state by lane.
fn values(session: &mut Session, name: &str) -> Vec<Value> {
    let answer = done(session, &format!("print {name}"));
    answer.value[0]["values"].as_array().expect("values").clone()
}

#[test]
fn what_is_written_back_changes_nothing_but_the_count_of_writes() {
    let (image, stimulus) = model("firmware-models/three-factor");
    let (mut plain, mut written) = (session_of(&image, &stimulus), session_of(&image, &stimulus));
    for session in [&mut plain, &mut written] {
        done(session, "step 70");
    }
    let states = text(&mut written, "info states");
    let mut n = 0;
    for name in states.lines() {
        if name.ends_with(".spike") || name.ends_with(".q") || !name.contains('.') {
            continue;
        }
        let values = values(&mut written, name);
        let list: Vec<String> = values.iter().map(|v| v["raw"].to_string()).collect();
        done(&mut written, &format!("set {name} = {} raw", list.join(" ")));
        n += list.len();
    }
    let seed = values(&mut written, "seed")[0]["raw"].to_string();
    done(&mut written, &format!("set seed = {seed}"));
    assert!(n > 100, "{n} values");
    for session in [&mut plain, &mut written] {
        done(session, "step 120");
    }
    assert_ne!(plain.checkpoint(), written.checkpoint(), "host writes are counted");
    assert_eq!(everything_but_cost(&mut plain), everything_but_cost(&mut written));
    let bytes = |session: &Session| {
        let mut emulator = Emulator::load(&image, Options::default()).expect("it loads");
        emulator.restore(&session.checkpoint().expect("between steps")).expect("a checkpoint");
        emulator.clear_ledger();
        emulator.save()
    };
    assert!(bytes(&plain) == bytes(&written), "apart from the ledger the bytes are the same");
}

fn everything_but_cost(session: &mut Session) -> String {
    let all = everything(session);
    all.lines().filter(|l| !l.starts_with("energy")).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_weight_changes_only_what_it_reaches() {
    let (image, stimulus) = model("firmware-models/three-factor");
    let (mut plain, mut changed) = (session_of(&image, &stimulus), session_of(&image, &stimulus));
    for session in [&mut plain, &mut changed] {
        done(session, "step 4");
    }
    // Strong enough that actor 2 fires with sensor 0.
    done(&mut changed, "set policy.w[0->2] = 1");
    done(&mut changed, "set policy.w[1->2] = 1");
    let mut differs = 0;
    for _ in 0..60 {
        for session in [&mut plain, &mut changed] {
            done(session, "step");
        }
        let (a, b) = (everything_but_cost(&mut plain), everything_but_cost(&mut changed));
        for (a, b) in a.lines().zip(b.lines()).filter(|(a, b)| a != b) {
            differs += 1;
            // The neuron, its trace, its synapses; and how many spikes and how much time it took.
            let reached = ["actors.", "policy."].iter().any(|owner| b.starts_with(owner))
                && (b.contains("[2]") || b.contains("->2]"));
            assert!(reached || b.starts_with("time"), "{a} became {b}");
        }
    }
    assert!(differs > 100, "{differs}");
}

#[test]
fn an_edit_in_the_past_makes_another_future_and_stays_on_the_way() {
    let mut session = session("firmware-models/three-factor");
    done(&mut session, "goto 100");
    let old = session.checkpoint();
    done(&mut session, "goto 50");
    done(&mut session, "set policy.w[0->0] = 0.9");
    done(&mut session, "goto 100");
    let new = session.checkpoint();
    assert_ne!(old, new);
    // Back to before the edit and forwards again: it is made again at its place.
    done(&mut session, "goto 49");
    assert!(!done(&mut session, "expect policy.w[0->0] < 0.9").failed);
    done(&mut session, "goto 100");
    assert!(session.checkpoint() == new);
    // An edit before it takes its place.
    done(&mut session, "goto 49");
    done(&mut session, "set seed = 3");
    done(&mut session, "goto 50");
    assert!(!done(&mut session, "expect policy.w[0->0] < 0.9").failed);
    // Inside a step, too; but not while a rule is executed.
    done(&mut session, "step phase");
    done(&mut session, "set dopamine.m = 1");
    done(&mut session, "back phase");
    done(&mut session, "step phase");
    assert!(!done(&mut session, "expect dopamine.m == 1").failed);
    done(&mut session, "step op");
    let said = refused(&mut session, "set dopamine.m = 0");
    assert!(said.contains("`step phase`"), "{said}");
    // A list of which a part does not fit is refused as a whole.
    done(&mut session, "step");
    let before = session.checkpoint();
    let said = refused(&mut session, "set policy.w[0->*] = 0.1 0.2 0.3 9");
    assert!(said.contains("'policy.w' holds -1 to 1 (raw -16384 to 16384)"), "{said}");
    assert!(session.checkpoint() == before);
}

#[test]
fn a_spike_that_is_added_fires_and_is_remembered() {
    let mut session = session("firmware-models/three-factor");
    done(&mut session, "step 2");
    assert_eq!(text(&mut session, "fire kick[0..2]"), "2 lanes of kick fire in step 3");
    done(&mut session, "step");
    assert_eq!(values(&mut session, "kick.spike")[1]["raw"], 1);
    assert!(text(&mut session, "info flight").contains("force[1->*] arrives in step 4"));
    done(&mut session, "back 2");
    done(&mut session, "step 2");
    assert_eq!(values(&mut session, "kick.spike")[1]["raw"], 1);
    done(&mut session, "step 4 phase");
    assert!(text(&mut session, "fire kick[3]").ends_with("step 5"));
}

#[test]
fn a_checkpoint_is_where_another_session_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("here.tfc").display().to_string();
    let (image, stimulus) = model("firmware-models/three-factor");
    let mut first = session_of(&image, &stimulus);
    done(&mut first, "step 40");
    done(&mut first, "set policy.const[0] = 512 raw");
    done(&mut first, "set seed = 99");
    done(&mut first, &format!("save {file}"));
    let mut second = session_of(&image, &stimulus);
    done(&mut second, &format!("load {file}"));
    assert_eq!(second.position(), Position::after(40));
    assert!(refused(&mut second, "back").contains("after step 40"));
    for session in [&mut first, &mut second] {
        done(session, "continue");
    }
    assert!(first.checkpoint() == second.checkpoint());
    done(&mut second, "goto 40");
    assert_eq!(values(&mut second, "policy.const[0]")[0]["raw"], 512);
    // A checkpoint of another image, or no checkpoint at all.
    let mut other = session("firmware-models/pair-stdp");
    assert!(refused(&mut other, &format!("load {file}")).contains("another image"));
    std::fs::write(&file, b"no").expect("a file");
    assert!(
        refused(&mut second, &format!("load {file}")).contains("not a checkpoint of the debugger")
    );
    done(&mut first, "back");
    done(&mut first, "step phase");
    assert!(refused(&mut first, &format!("save {file}")).contains("between two steps"));
}

#[test]
fn a_checkpoint_names_its_trial_and_is_refused_by_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("here.tfc").display().to_string();
    let (load, save) = (format!("load {file}"), format!("save {file}"));
    let (image, stimulus) = model("firmware-models/three-factor");
    let mut first = session_of(&image, &stimulus);
    done(&mut first, "step 4");
    // Twice the same, and one that the trial has at that place anyway.
    done(&mut first, "fire sensors[1]");
    done(&mut first, "fire sensors[1]");
    assert!(text(&mut first, &save).contains("trial 0, after step 4"), "it says which");
    done(&mut first, "step 20");
    // Another seed, a reset and a spike more make other trials.
    let mut others = vec![stimulus.clone(); 3];
    others[0].seed += 1;
    others[1].steps[9].resets = vec![Reset::Traces];
    let input = stimulus.steps.iter().flat_map(|s| &s.spikes).next().expect("a spike").0;
    others[2].steps[50].spikes = vec![(input, vec![0])];
    for (number, mut other) in (1..).zip(others) {
        let mut second = session_of(&image, &other);
        done(&mut second, "step 2");
        let before = everything(&mut second);
        let said = refused(&mut second, &load);
        assert!(said.contains("a checkpoint of another trial 0 (of other data,"), "{said}");
        assert_eq!((second.position(), everything(&mut second)), (Position::after(2), before));
        other.name = format!("trial {number}");
        let said = refused(&mut session_of(&image, &other), &load);
        assert!(
            said.contains(&format!(
                "a checkpoint of trial 0, and this session feeds the spikes of trial {number}"
            )),
            "{said}"
        );
    }
    // Silence behind the last spike is no other trial, and spikes fired by hand come along.
    let mut longer = stimulus.clone();
    longer.steps.extend(vec![trifactor_debug::StimulusStep::default(); 30]);
    let mut second = session_of(&image, &longer);
    done(&mut second, "fire sensors[0]");
    done(&mut second, &load);
    assert!(text(&mut second, "info stimulus").contains("step 5: sensors "));
    done(&mut second, "step 20");
    assert!(first.checkpoint() == second.checkpoint());
    // A file that was changed is none.
    let whole = std::fs::read(&file).expect("a file");
    for at in [0, 9, 20, 50, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 4;
        std::fs::write(&file, &changed).expect("a file");
        let said = refused(&mut second, &load);
        assert!(said.contains("checkpoint"), "{said}");
        std::fs::write(&file, &whole[..at]).expect("a file");
        refused(&mut second, &load);
    }
}

#[test]
fn resets_of_the_stimulus_happen_before_their_step() {
    let (image, mut stimulus) = model("firmware-models/three-factor");
    stimulus.steps[30].resets = vec![Reset::Weights, Reset::Membrane];
    let mut session = session_of(&image, &stimulus);
    done(&mut session, "step 30");
    assert!(!done(&mut session, "expect policy.e[0->0] != 0").failed);
    done(&mut session, "step phase");
    assert!(!done(&mut session, "expect policy.e[0->0] == 0").failed);
    done(&mut session, "back phase");
    assert!(!done(&mut session, "expect policy.e[0->0] != 0").failed);
}

#[test]
fn expectations_fail_and_assertions_end() {
    let mut session = session("firmware-models/three-factor");
    assert!(!done(&mut session, "expect policy.w <= 1").failed);
    assert!(!done(&mut session, "expect step == 0").failed);
    let failed = done(&mut session, "expect policy.w[0->0] == 7");
    assert!(failed.failed && !failed.ends);
    assert!(failed.text.starts_with("does not hold: policy.w[0->0] == 7; policy.w[0->0] = "));
    let ended = done(&mut session, "assert policy.w[0->0] == 7 raw");
    assert!(ended.failed && ended.ends);
    // The author's number is compared as the chip holds it.
    done(&mut session, "set policy.w[0->0] = 0.1");
    assert!(!done(&mut session, "expect policy.w[0->0] == 0.1").failed);
    assert!(!done(&mut session, "expect policy.w[0->0] == 1638 raw").failed);
}

#[test]
fn programs_get_values_and_every_request_is_answered_once() {
    let mut session = session("firmware-models/three-factor");
    let mut ask = |request: &str| -> Value {
        let (answer, _) = session.answer(request);
        let answer = answer.expect("an answer");
        assert!(!answer.contains('\n'));
        serde_json::from_str(&answer).expect("JSON")
    };
    let answer = ask(r#"{"id": 7, "command": "step 3 phase"}"#);
    assert_eq!(answer["id"], 7);
    assert_eq!(answer["ok"], true);
    assert_eq!(answer["at"], json!({ "step": 0, "phase": "modulators", "op": 0 }));
    let answer = ask(r#"{"command": "print policy.w[0->1]"}"#);
    let value = &answer["value"][0]["values"][0];
    assert_eq!((&value["lane"], value["raw"].is_i64()), (&json!([0, 1]), true));
    let answer = ask(r#"{"command": "step op"}"#);
    assert_eq!(answer["value"]["executed"]["projection"], "policy");
    let answer = ask(r#"{"id": "a", "command": "expect step == 4"}"#);
    assert_eq!((&answer["ok"], &answer["holds"]), (&json!(true), &json!(false)));
    for (request, error) in [
        ("hello", "the request is no JSON"),
        ("[1]", "a request has a text"),
        (r#"{"command": 3}"#, "a request has a text"),
        (r#"{"command": "step\nstep"}"#, "a command is one line"),
        (r#"{"command": "pint"}"#, "did you mean 'print'?"),
        (r#"{"command": "print policy.v"}"#, "there is no 'policy.v'"),
    ] {
        let answer = ask(request);
        assert_eq!(answer["ok"], false, "{request}");
        let said = answer["error"].as_str().expect("an error");
        assert!(said.contains(error), "{said}");
    }
    assert_eq!(session.answer("  "), (None, false));
    let (answer, ends) = session.answer(r#"{"command": "quit"}"#);
    assert!(ends && answer.is_some());
}

#[test]
fn the_beginning_of_a_line_is_completed() {
    let session = session("firmware-models/three-factor");
    let complete = |line: &str| session.complete(line).1;
    assert_eq!(complete("rcon"), ["rcontinue"]);
    assert_eq!(session.complete("print actors.v act").0, 15);
    assert_eq!(complete("print policy."), ["policy.w", "policy.e", "policy.const"]);
    assert_eq!(complete("step 3 p"), ["phase"]);
    assert_eq!(complete("goto 3 pla"), ["plasticity"]);
    assert_eq!(complete("break spike cr"), ["critic"]);
    assert_eq!(complete("break line "), ["credit.kern:"]);
    assert_eq!(complete("break c"), ["credit.kern:"]);
    assert_eq!(complete("break rule c"), ["credit"]);
    assert_eq!(complete("fire k"), ["kick"]);
    assert_eq!(complete("info fl"), ["flight"]);
    assert_eq!(complete("list "), ["policy"]);
    assert!(complete("nonsense ").is_empty());
}

#[test]
fn cycles_lead_through_a_step_in_its_time() {
    let mut session = session("firmware-models/three-factor");
    done(&mut session, "goto 9");
    let ticks = |session: &mut Session| values(session, "time")[0]["raw"].as_u64().expect("ticks");
    let before = ticks(&mut session);
    let total = done(&mut session, "info cores").value["total"].as_u64().expect("a time");
    let here = session.checkpoint();
    done(&mut session, "step");
    assert_eq!(ticks(&mut session) - before, total, "the time of the step");
    let after = session.checkpoint();
    done(&mut session, "back");
    assert!(session.checkpoint() == here);

    // Through the step, cycle by cycle, and back again.
    let mut places = Vec::new();
    let (mut words, mut units) = (0, 0);
    loop {
        let answer = done(&mut session, "step cycle");
        let cores = &answer.value["cores"];
        if session.position() >= Position::after(10) {
            break;
        }
        let tick = cores["tick"].as_u64().expect("a tick");
        assert_eq!(tick, 10 * (places.len() as u64 + 1));
        for busy in cores["busy"].as_array().expect("a list") {
            assert!(busy["until"].as_u64().expect("a tick") > tick);
            let what = busy["what"].as_str().expect("words");
            words += u32::from(what.contains("word "));
            units += u32::from(what.contains("unit"));
        }
        places.push((tick, session.position()));
    }
    assert_eq!(places.len() as u64, (total - 1) / 10);
    assert!(words > 10 && units > 2, "{words} {units}");
    assert!(places.is_sorted_by_key(|(_, position)| *position), "{places:?}");
    done(&mut session, "goto 10");
    assert!(session.checkpoint() == after);
    done(&mut session, "goto 9");
    done(&mut session, "step 7 cycle");
    done(&mut session, "step 5 cycles");
    let answer = done(&mut session, "back 8 cycle");
    assert_eq!(answer.value["cores"]["tick"], 40);
    let answer = done(&mut session, "back 5 cycle");
    assert_eq!(session.position().step, 8, "into the step before");
    let cores = &answer.value["cores"];
    assert_eq!(cores["tick"].as_u64().map(|t| t + 10), cores["total"].as_u64());
    done(&mut session, "goto 0");
    let said = refused(&mut session, "back cycle");
    assert!(said.contains("before the beginning"), "{said}");
    // A breakpoint is met on the way.
    done(&mut session, "break spike sensors[0]");
    let said = text(&mut session, "step 100000 cycle");
    assert!(said.starts_with("breakpoint 1: sensors[0] spikes\nstep 5, "), "{said}");
}
