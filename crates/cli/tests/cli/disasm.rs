//! `trifactor disasm`.

use crate::models::Place;

#[test]
fn microcode_stands_beside_the_author_s_kernel() {
    let text = Place::with_image().call(&["disasm", "pair.elf"]).expect_code(0);
    let text = text.expect_printed(&[
        "model pair\n",
        "core 0\n",
        "post[0..1] in compartments 0..1",
        "profile 0: rules.stdp of plastic",
        "skipped where neither lane spiked in the epoch",
        "0 w 0..=",
        "ldx slots 0 x0, 1 ",
        "halt",
    ]);
    let load =
        text.out.lines().find(|l| l.contains("  lds r0, field 0")).expect("the weight is read");
    assert!(load.contains("  ; v"), "the kernel's line is missing: {load}");
}

#[test]
fn one_core_can_be_chosen_and_must_be_in_use() {
    let place = Place::with_image();
    place.call(&["disasm", "pair.elf", "--core", "0"]).expect_code(0).expect_printed(&["core 0\n"]);
    let refused = place.call(&["disasm", "pair.elf", "--core", "7"]).expect_code(2);
    refused.expect_said(&["pair.elf uses no core 7; it uses 0"]).expect_nothing_printed();
    place.call(&["disasm", "pair.elf", "--core", "x"]).expect_code(2).expect_said(&["--core"]);
}

#[test]
fn a_damaged_image_is_refused_with_the_file_s_name() {
    let place = Place::with_image();
    let whole = place.read("pair.elf");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    place.write("flipped.elf", &flipped);
    place.write("short.elf", &whole[..whole.len() / 2]);
    place.write("empty.elf", b"");
    place.write("script.elf", b"#!/bin/sh\necho hello\n");
    for name in ["flipped.elf", "short.elf", "empty.elf", "script.elf"] {
        let refused = place.call(&["disasm", name]).expect_code(1).expect_nothing_printed();
        refused.expect_said(&[&format!("error: {name}: ")]);
    }
}

#[test]
fn what_is_not_a_file_is_refused_with_its_name() {
    let place = Place::with_image();
    place.call(&["disasm", "gone.elf"]).expect_code(1).expect_said(&["error: gone.elf: "]);
    place.call(&["disasm", "m"]).expect_code(1).expect_said(&["error: m: "]);
}
