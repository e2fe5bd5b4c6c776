//! Ending what takes long, at a place like any other.

mod common;

use common::{done, everything, model, session, session_of, text};
use std::time::Duration;
use trifactor_debug::{Position, Stimulus, is_interrupt};

#[test]
fn what_is_interrupted_goes_no_further_and_nothing_is_lost() {
    let mut session = session("firmware-models/three-factor");
    let interrupt = session.interrupt();
    done(&mut session, "watch policy.w");
    for command in
        ["continue", "step 100", "step epoch", "step 10 op", "goto 30", "step 5000 cycle"]
    {
        interrupt.raise();
        let answer = done(&mut session, command);
        assert_eq!(answer.text.lines().next(), Some("interrupted"), "{command}");
        assert_eq!(answer.value["interrupted"], true, "{command}");
        assert_eq!(session.position(), Position::after(0), "{command}");
        interrupt.clear();
    }
    // On the way back it stays where it was, states included.
    done(&mut session, "goto 40");
    let before = everything(&mut session);
    for command in ["rcontinue", "back 5 op", "back 30"] {
        interrupt.raise();
        let answer = done(&mut session, command);
        assert_eq!(answer.text, "interrupted\nafter step 40", "{command}");
        interrupt.clear();
        assert_eq!(everything(&mut session), before, "{command}");
    }
    assert!(text(&mut session, "rcontinue").starts_with("watchpoint 1: policy.w["));
}

#[test]
fn a_run_is_ended_from_another_thread_at_a_place_that_every_way_leads_to() {
    let (image, stimulus) = model("firmware-models/three-factor");
    let total = 400_000;
    let silent = Stimulus::silent(stimulus.seed, total);
    let mut session = session_of(&image, &silent);
    for wait in [30, 300, 3000] {
        let interrupt = session.interrupt();
        let other = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(wait));
            interrupt.raise();
        });
        let answer = done(&mut session, "continue");
        other.join().expect("it ends");
        session.interrupt().clear();
        assert!(answer.text.starts_with("interrupted\n"), "{}", answer.text);
        // A machine may be so busy that nothing was done.
        if session.position().step > 0 {
            break;
        }
    }
    let at = session.position();
    assert!(0 < at.step && at.step < total && at.between_steps(), "{at:?}");
    let mut direct = session_of(&image, &silent);
    done(&mut direct, &format!("goto {}", at.step));
    assert_eq!(everything(&mut session), everything(&mut direct));
    assert!(session.checkpoint() == direct.checkpoint());
}

#[test]
fn a_request_to_interrupt_is_heard_before_its_turn_and_answered_in_it() {
    let mut session = session("firmware-models/three-factor");
    let request = r#"{"id": 3, "command": " interrupt "}"#;
    assert!(is_interrupt(request) && is_interrupt(r#"{"command": "interr"}"#));
    for other in ["", "interrupt", r#"{"command": "info"}"#, r#"{"id": "interrupt"}"#] {
        assert!(!is_interrupt(other), "{other}");
    }
    // Whoever reads requests has read all three before the first is executed.
    session.interrupt().raise();
    let mut ask = |request: &str| -> serde_json::Value {
        let answer = session.answer(request).0.expect("an answer");
        serde_json::from_str(&answer).expect("JSON")
    };
    for id in [1, 2] {
        let answer = ask(&format!(r#"{{"id": {id}, "command": "step 5"}}"#));
        assert_eq!((answer["id"].as_u64(), answer["at"]["step"].as_u64()), (Some(id), Some(0)));
        assert_eq!(answer["value"]["interrupted"], true);
    }
    let answer = ask(request);
    assert_eq!((answer["id"].as_u64(), answer["ok"].as_bool()), (Some(3), Some(true)));
    assert_eq!(answer["text"], "before step 1");
    assert_eq!(ask(r#"{"command": "step 5"}"#)["at"]["step"], 5);
    assert_eq!(ask(r#"{"command": "interrupt"}"#)["at"]["step"], 5);
    assert_eq!(ask(r#"{"command": "step 5"}"#)["at"]["step"], 10, "there was nothing to end");
}
