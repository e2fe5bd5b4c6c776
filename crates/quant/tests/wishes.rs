//! Formats that were chosen for one chip, on another: what is changed, how far, and what is said.

mod common;

use common::Pair;
use trifactor_ir::StateRole;
use trifactor_isa::Chip;
use trifactor_quant::{FormatRequest, Requests, as_wishes};

fn asked(bits: u8, frac: i8) -> FormatRequest {
    FormatRequest { bits: Some(bits), frac: Some(frac), ..FormatRequest::default() }
}

fn learning() -> Pair {
    let mut pair = Pair::plastic();
    pair.own("e", StateRole::Variable, (-4.0, 4.0));
    pair.trace("x1", 0.5, 0.5);
    pair.modulator("m", (-1.0, 1.0));
    pair.rule(
        "kernel learn {\n in w: own\n in e: own\n in x1: pre\n in m: global\n \
         set e = e * 0.5 + x1\n set w = w + m * e\n}\n",
    );
    pair
}

#[test]
fn what_the_chip_lacks_becomes_its_widest_field_below_and_reaches_as_far() {
    let net = learning().net();
    let chip = Chip::builtin("loihi1").expect("it is built in");
    let requests: Requests = [
        // -1 to 1 in eight bits has six of them fraction; 14 less the 8 bits lost is the same.
        ("ff.w", asked(16, 14)),
        // The author's range of -32 to 32 is wider than the declared one of -4 to 4.
        ("ff.e", asked(16, 10)),
        // Nothing is declared: the largest value stays.
        ("in.x1", asked(12, 10)),
        // Eight bits is what this chip has.
        ("m.m", asked(8, 6)),
        ("out.v", asked(24, 9)),
    ]
    .map(|(name, request)| (name.to_owned(), request))
    .into();
    let (held, found) = as_wishes(&net, &chip, &requests, "superset");
    let expected = [
        ("ff.w", (8, 6)),
        ("ff.e", (9, 5)),
        ("in.x1", (7, 5)),
        ("m.m", (8, 6)),
        ("out.v", (24, 9)),
    ];
    for (name, (bits, frac)) in expected {
        assert_eq!(held[name], asked(bits, frac), "{name}");
    }
    let keys: Vec<_> = found.iter().filter_map(|d| d.place.key.as_deref()).collect();
    assert_eq!(keys, ["formats.ff.e", "formats.ff.w", "formats.in.x1"]);
    let first = found.iter().next().expect("three findings");
    assert_eq!(
        first.message,
        "'ff.e' has 9 bits, frac 5 on the chip 'loihi1', which does not store the 16 bits, frac 10 that were \
         chosen for 'superset'"
    );
    let plan = trifactor_quant::plan(&net, &chip, &held);
    plan.unwrap_or_else(|e| panic!("what was changed fits: {e}"));
}

#[test]
fn a_field_that_is_only_wider_keeps_the_binary_point() {
    let net = learning().net();
    let mut chip = Chip::builtin("superset").expect("it is built in");
    chip.synapse.tag_bits = vec![12, 16];
    let requests = Requests::from([("ff.e".to_owned(), asked(9, 5))]);
    let (held, found) = as_wishes(&net, &chip, &requests, "loihi1");
    assert_eq!((held["ff.e"], found.len()), (asked(12, 5), 1));
}

#[test]
fn what_the_chip_stores_stays_as_it_was_asked_for_in_silence() {
    let net = learning().net();
    let chip = Chip::builtin("large").expect("it is built in");
    let requests =
        Requests::from([("ff.w".to_owned(), asked(16, 3)), ("no.such".to_owned(), asked(1, 0))]);
    let (held, found) = as_wishes(&net, &chip, &requests, "superset");
    assert_eq!((held, found.len()), (requests, 0));
}
