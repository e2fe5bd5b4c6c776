//! Every instruction alone, against values worked out by hand.

mod common;

use common::oracle::draw;
use common::tiny::{Tiny, counter};
use std::collections::BTreeSet;
use trifactor_emu::{Emulator, Options};
use trifactor_image::{ModulatorLines, ModulatorMap, ModulatorPart, Slot};
use trifactor_isa::{Opcode, Rounding};

const MAX: i32 = i32::MAX;
const MIN: i32 = i32::MIN;

/// What a synapse of pre lane 1 and post lane 2 leaves in r15 after the first step, in which its
/// pre lane fires and its post lane does not.
fn result(program: &str) -> i32 {
    // The register is wider than a field, so it is stored in two halves.
    let text = format!(
        "{program}
         shr r14, r15, >>16, floor, site 0
         sts field 1, r14, >>0, floor, site 0
         shl r14, r14, <<16
         sub r14, r15, r14
         sts field 2, r14, >>0, floor, site 0
         halt"
    );
    let tiny = Tiny {
        n_pre: 2,
        neurons: vec![common::tiny::integrator(MAX); 3],
        fields: vec![("w", 9, true, -7), ("high", 16, true, 0), ("low", 16, false, 0)],
        program: Some(text),
        pre_columns: vec![counter(300)],
        post_columns: vec![trifactor_image::Column { init: 45, ..counter(1) }],
        ..Tiny::default()
    };
    let mut image = tiny.image();
    image.cores[0].modulators.push(ModulatorLines {
        modulator: 0,
        first_line: 0,
        n_lines: 1,
        first_lane: 0,
        decay: 0,
        rounding: Rounding::Floor,
        lo: -9999,
        hi: 9999,
        stream: 4,
        init: -1234,
    });
    image.cores[0].profiles[0].global_slots = vec![Slot::Modulator(0)];
    let parts = vec![ModulatorPart { core: 0, range: 0 }];
    image.map.modulators = vec![ModulatorMap { name: "m".into(), n: 1, frac: 0, parts }];
    let mut emulator = Emulator::load(&image, Options::default()).unwrap();
    emulator.step(&[(0, &[1])]).unwrap();
    let half = |field| {
        let list = emulator.read_field(0, field).unwrap();
        list.iter().find(|s| (s.pre, s.post) == (1, 2)).unwrap().raw
    };
    (half(1) << 16) | half(2)
}

/// Loads a number of 32 bits.
fn load(register: u8, value: i32) -> String {
    let (high, low) = (value >> 16, value & 0xffff);
    // The low half is loaded in two parts, since an immediate is signed.
    format!(
        "ldi r{register}, {high}, <<16\nldi r13, {}, <<1\nadd r{register}, r{register}, r13\n\
         ldi r13, {}, <<0\nadd r{register}, r{register}, r13\n",
        low >> 1,
        low & 1
    )
}

#[test]
fn every_instruction_alone_gives_what_the_manual_says() {
    // Instruction, r1, r2, r3, expected r15.
    let drawn = draw(1, 1, 5, 3, 1, 2);
    let r8 = (drawn >> 24) as i32;
    let table: &[(&str, i32, i32, i32, i32)] = &[
        ("ldi r15, -3, <<2", 0, 0, 0, -12),
        ("ldi r15, -32768, <<31", 0, 0, 0, MIN),
        ("ldi r15, 32767, <<31", 0, 0, 0, MAX),
        ("ldi r15, 1, <<30", 0, 0, 0, 1 << 30),
        ("ldu r15, k 0", 0, 0, 0, 1),
        ("ldu r15, k 1", 0, 0, 0, 0),
        ("ldg r15, slot 0", 0, 0, 0, -1234),
        ("lds r15, field 0", 0, 0, 0, -7),
        ("ldx r15, slot 0, at end", 0, 0, 0, 1),
        ("ldx r15, slot 0, at y0, prev", 0, 0, 0, 1),
        ("ldx r15, slot 1, at end", 0, 0, 0, 300),
        ("ldx r15, slot 1, at x0, prev", 0, 0, 0, 0),
        ("ldy r15, slot 0, at end", 0, 0, 0, 0),
        ("ldy r15, slot 1, at x0", 0, 0, 0, 45),
        ("add r15, r1, r2", 20, -50, 0, -30),
        ("add r15, r1, r2", MAX, 1, 0, MAX),
        ("add r15, r1, r2", MIN, -1, 0, MIN),
        ("sub r15, r1, r2", 20, -50, 0, 70),
        ("sub r15, r1, r2", MIN, 1, 0, MIN),
        ("sub r15, r1, r2", 0, MIN, 0, MAX),
        ("min r15, r1, r2", MIN, MAX, 0, MIN),
        ("max r15, r1, r2", MIN, MAX, 0, MAX),
        ("gt r15, r1, r2", 5, 4, 0, 1),
        ("gt r15, r1, r2", 5, 5, 0, 0),
        ("gt r15, r1, r2", MIN, MAX, 0, 0),
        ("sgn r15, r1", -400, 0, 0, -1),
        ("sgn r15, r1", 0, 0, 0, 0),
        ("sgn r15, r1", MAX, 0, 0, 1),
        ("sel r15, r1, r2, r3", -1, 7, 8, 7),
        ("sel r15, r1, r2, r3", 0, 7, 8, 8),
        ("shl r15, r1, <<7", -3, 0, 0, -384),
        ("shl r15, r1, <<31", 1, 0, 0, MAX),
        ("shl r15, r1, <<31", -1, 0, 0, MIN),
        ("shr r15, r1, >>2, floor, site 0", -7, 0, 0, -2),
        ("shr r15, r1, >>2, zero, site 0", -7, 0, 0, -1),
        ("shr r15, r1, >>2, nearest, site 0", -6, 0, 0, -1),
        ("shr r15, r1, >>2, nearest, site 0", 6, 0, 0, 2),
        ("shr r15, r1, >>1, nearest, site 0", MAX, 0, 0, 1 << 30),
        ("shr r15, r1, >>62, floor, site 0", -1, 0, 0, -1),
        ("shr r15, r1, >>8, stochastic, site 3", 1000, 0, 0, (1000 + r8) >> 8),
        ("shr r15, r1, >>8, stochastic, site 3", -1000, 0, 0, (-1000 + r8) >> 8),
        ("mul r15, r1, r2, >>0, floor, site 0", -300, 300, 0, -90_000),
        ("mul r15, r1, r2, >>0, floor, site 0", 1 << 20, 1 << 20, 0, MAX),
        ("mul r15, r1, r2, >>0, floor, site 0", 1 << 20, -(1 << 20), 0, MIN),
        ("mul r15, r1, r2, >>20, floor, site 0", 1 << 20, -(1 << 20), 0, -(1 << 20)),
        ("mul r15, r1, r2, >>62, floor, site 0", MIN, MIN, 0, 1),
        ("mul r15, r1, r2, >>4, zero, site 0", -5, 5, 0, -1),
        ("mul r15, r1, r2, >>4, nearest, site 0", -5, 5, 0, -2),
        ("mul r15, r1, r2, >>8, stochastic, site 3", 77, -11, 0, (-847 + r8) >> 8),
        // A later store of the same field, or a load of a stored field, sees the old value.
        ("sts field 0, r1, >>0, floor, site 0\nlds r15, field 0", 99, 0, 0, -7),
        ("halt", 0, 0, 0, 0),
    ];
    let mut seen = BTreeSet::new();
    for (text, r1, r2, r3, expected) in table {
        let program = format!("{}{}{}{text}", load(1, *r1), load(2, *r2), load(3, *r3));
        assert_eq!(result(&program), *expected, "{text} with {r1}, {r2}, {r3}");
        seen.insert(text.split(' ').next().unwrap());
    }
    let all: BTreeSet<&str> = Opcode::ALL.map(Opcode::name).into_iter().collect();
    assert_eq!(seen, all, "every instruction is in the table");
}

#[test]
fn a_register_that_was_never_written_is_zero() {
    assert_eq!(result("add r15, r7, r7"), 0);
}

#[test]
fn stores_round_saturate_and_are_counted() {
    let run = |text: &str| {
        let tiny = Tiny {
            fields: vec![("w", 9, true, 3)],
            program: Some(format!("ldi r0, 1000, <<0\nldi r1, -1000, <<0\n{text}\nhalt")),
            ..Tiny::default()
        };
        let mut emulator = Emulator::load(&tiny.image(), Options::default()).unwrap();
        emulator.step(&[]).unwrap();
        let saturations = emulator.saturations();
        let of_w = saturations.iter().find(|s| s.state == "in-out.w").unwrap().count;
        (emulator.read_field(0, 0).unwrap()[0].raw, of_w)
    };
    assert_eq!(run("sts field 0, r0, >>0, floor, site 0"), (255, 1));
    assert_eq!(run("sts field 0, r1, >>0, floor, site 0"), (-256, 1));
    assert_eq!(run("sts field 0, r0, >>4, zero, site 0"), (62, 0));
    assert_eq!(run("sts field 0, r0, >>4, nearest, site 0"), (63, 0));
    // Of several stores to one field only the last happens.
    let twice = "sts field 0, r0, >>0, floor, site 0\nsts field 0, r1, >>4, floor, site 0";
    assert_eq!(run(twice), (-63, 0));
    assert_eq!(run(""), (3, 0));
}
