//! The text form: what is accepted beyond the canonical spelling, and what errors say.

use trifactor_isa::{AsmError, assemble};

#[track_caller]
fn rejects(text: &str, message: &str) {
    assert_eq!(assemble(text).expect_err("not a program").to_string(), message);
}

#[track_caller]
fn same(text: &str, canonical: &str) {
    let program = assemble(text).unwrap_or_else(|e| panic!("{e}"));
    let lines: Vec<String> = program.iter().map(ToString::to_string).collect();
    assert_eq!(lines.join("\n"), canonical);
}

#[test]
fn white_space_empty_lines_and_comments_are_free() {
    same(
        "; a rule\n\n  lds   r0 ,field   0 ; the weight\n\tmul r1,r0,r0,>>4,floor,site  3\nhalt;",
        "lds r0, field 0\nmul r1, r0, r0, >>4, floor, site 3\nhalt",
    );
    same("", "");
}

#[test]
fn windows_line_ends_are_line_ends() {
    same("halt\r\nhalt\r\n", "halt\nhalt");
}

#[test]
fn a_flag_is_there_or_not() {
    same("ldx r1, slot 3, at x0", "ldx r1, slot 3, at x0");
    same("ldx r1, slot 3, at x0, prev", "ldx r1, slot 3, at x0, prev");
    rejects("ldx r1, slot 3, at x0, next", "1:24: expected the end of the line, found `next`");
    rejects(
        "ldx r1, slot 3, at x0, prev, prev",
        "1:30: expected the end of the line, found `prev`",
    );
}

#[test]
fn an_unknown_instruction_is_named_with_its_place() {
    let error = assemble("halt\n  muls r1, r2").expect_err("no such instruction");
    assert_eq!(
        error,
        AsmError::UnknownInstruction { line: 2, column: 3, found: "muls".to_string() }
    );
    assert!(
        error.to_string().starts_with("2:3: there is no instruction `muls`; expected one of halt,")
    );
    // Mnemonics are lower case only.
    assert!(matches!(assemble("HALT"), Err(AsmError::UnknownInstruction { .. })));
}

#[test]
fn an_operand_of_the_wrong_kind_is_told_what_was_expected() {
    rejects("add r1, r2, 3", "1:13: expected a register, r0 to r15, found `3`");
    rejects("add r1, r16, r3", "1:9: expected a register, r0 to r15, found `r16`");
    rejects("add r1, r+1, r3", "1:9: expected a register, r0 to r15, found `r+1`");
    rejects("lds r1, field0", "1:9: expected a field, field 0 to field 15, found `field0`");
    rejects("lds r1, slot 0", "1:9: expected a field, field 0 to field 15, found `slot 0`");
    rejects("ldi r1, 32768, <<0", "1:9: expected a number, -32768 to 32767, found `32768`");
    rejects("ldi r1, +3, <<0", "1:9: expected a number, -32768 to 32767, found `+3`");
    rejects("shl r1, r2, >>3", "1:13: expected a left shift, <<0 to <<31, found `>>3`");
    rejects("shl r1, r2, <<32", "1:13: expected a left shift, <<0 to <<31, found `<<32`");
    rejects(
        "mul r1, r2, r3, >>63, floor, site 0",
        "1:17: expected a right shift, >>0 to >>62, found `>>63`",
    );
    rejects(
        "shr r1, r2, >>1, up, site 0",
        "1:18: expected a rounding, `floor`, `zero`, `nearest` or `stochastic`, found `up`",
    );
    rejects(
        "sts field 0, r2, >>1, floor, site 32",
        "1:30: expected a draw site, site 0 to site 31, found `site 32`",
    );
    rejects(
        "ldy r1, slot 1, at z0",
        "1:17: expected a time, `at end`, `at x0` or `at y0`, found `at z0`",
    );
    rejects("ldu r1, 3", "1:9: expected an epoch exponent, k 0 to k 15, found `3`");
}

#[test]
fn missing_and_surplus_operands_are_reported_where_they_are() {
    rejects("add r1, r2", "1:11: expected a register, r0 to r15, found nothing");
    rejects("add r1,, r2", "1:8: expected a register, r0 to r15, found nothing");
    rejects("add", "1:4: expected a register, r0 to r15, found nothing");
    rejects("halt r1", "1:6: expected the end of the line, found `r1`");
    rejects("sgn r1, r2, r3", "1:13: expected the end of the line, found `r3`");
    rejects("sgn r1, r2,", "1:12: expected the end of the line, found `,`");
    rejects("sgn r1 r2", "1:5: expected a register, r0 to r15, found `r1 r2`");
}

#[test]
fn columns_count_characters() {
    rejects("add rä, rö, r3", "1:5: expected a register, r0 to r15, found `rä`");
    rejects("add r1, rö, r3", "1:9: expected a register, r0 to r15, found `rö`");
}
