//! No line of text makes a session panic, and what cannot be done changes nothing.

mod common;

use common::{model, session_of};
use proptest::prelude::*;
use std::sync::OnceLock;
use trifactor_debug::{COMMANDS, Stimulus};
use trifactor_image::Image;

fn prepared() -> &'static (Image, Stimulus) {
    static MODEL: OnceLock<(Image, Stimulus)> = OnceLock::new();
    MODEL.get_or_init(|| model("firmware-models/three-factor"))
}

/// Words of the language, and some that are not.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "policy.w",
        "policy.e",
        "actors.v",
        "actors.spike",
        "dopamine.m",
        "policy.const",
        "seed",
        "sensors.policy.x1",
        "r3",
        "time",
        "energy",
        "stopped",
        "step",
        "epoch",
        "op",
        "phase",
        "plasticity",
        "traces",
        "spike",
        "saturation",
        "at",
        "line",
        "rule",
        "for",
        "credit",
        "credit.kern:14",
        "0:3",
        "0->0",
        "all",
        "membrane",
        "raw",
        "=",
        "==",
        ">",
        "<=",
        "crosses",
        "breakpoints",
        "constants",
        "registers",
        "actors",
        "actors[1]",
        "kick[0..2]",
        "2",
        "0.5",
        "-1",
        "1e9",
        "99999999999999999999",
        "policy.w[0->*]",
        "policy.w[*->3]",
        "actors.v[0..9]",
        "actors.q[3]",
        "force.w[1->1]",
        "[",
        "]",
        "->",
        "nan",
        "inf",
        "é",
    ];
    prop_oneof![
        6 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ]
}

fn line() -> impl Strategy<Value = String> {
    // Files are left alone, and a run to the end takes its time.
    let names: Vec<&str> = COMMANDS
        .iter()
        .flat_map(|c| [Some(c.name), c.short].into_iter().flatten())
        .filter(|name| !["save", "load"].contains(name))
        .collect();
    let sensible = proptest::sample::select(
        &[
            "step 3 op",
            "step 2 phase",
            "step",
            "back 2 op",
            "back phase",
            "back 3",
            "goto 12",
            "goto 30 plasticity",
            "set policy.w = 0.3",
            "set seed = 5",
            "break spike actors",
            "watch policy.w",
            "break at 0:3",
            "step epoch",
            "fire sensors[0]",
            "list",
            "where",
            "reset all",
            "delete all",
            "info flight",
            "goto 40",
            "rc",
            "break saturation",
        ][..],
    );
    prop_oneof![
        3 => sensible.prop_map(str::to_owned),
        4 => (proptest::sample::select(names), proptest::collection::vec(word(), 0..5))
            .prop_map(|(name, words)| format!("{name} {}", words.join(" "))),
        1 => "\\PC{0,30}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_lines_are_answered(lines in proptest::collection::vec(line(), 1..14)) {
        let (image, stimulus) = prepared();
        let mut session = session_of(image, stimulus);
        for line in &lines {
            // Numbers of units are small, so that a test ends.
            if line.split_whitespace().any(|w| w.parse::<f64>().is_ok_and(|n| n.abs() > 300.0))
                && ["s", "g", "b"].iter().any(|c| line.starts_with(c))
            {
                continue;
            }
            let (at, before) = (session.position(), session.checkpoint());
            session.complete(line);
            match session.execute(line) {
                Ok(_) => {}
                Err(e) => {
                    prop_assert!(!e.to_string().contains("internal"), "{line}: {e}");
                    prop_assert_eq!(session.position(), at, "{}: {}", line, e);
                    prop_assert!(session.checkpoint() == before, "{line}: {e}");
                }
            }
        }
        let (answer, _) = session.answer(&format!("{{\"command\": {:?}}}", lines[0]));
        prop_assert!(answer.is_some());
    }
}
