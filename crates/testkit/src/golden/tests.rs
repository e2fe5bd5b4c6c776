//! The runner itself: whatever a golden file says wrongly, it fails.

use super::{check, check_folder};

const SOUND: &str = "\
;! stages plan, eval
;! synapse w -1 1 bits 9
;! trace x1 0 1 bits 7
kernel forget {
  in w: own
  in x1: pre
  set w = w - x1 * 0.5
}
;? eval w=0.5 x1=0.25 => w=0.375
";

fn blessed(text: &str) -> String {
    let text = check("a.kern", text).blessed;
    assert_eq!(check("a.kern", &text).failures, Vec::<String>::new());
    text
}

#[track_caller]
fn fails(text: &str, message: &str) {
    let failures = check("a.kern", text).failures.join("\n");
    assert!(failures.contains(message), "{failures}");
}

#[test]
fn a_block_that_is_not_there_is_written_and_then_holds() {
    fails(SOUND, "a.kern:1: there is no block '= plan'; BLESS=1 writes it");
    let text = blessed(SOUND);
    assert!(text.starts_with(SOUND), "hand-written lines stay as they are");
    assert!(text.contains(";= plan\n; ff.w s9.7, -128 to 128, stochastic\n"), "{text}");
}

#[test]
fn a_stale_block_is_named_with_its_line_and_blessed_in_place() {
    let text = blessed(SOUND);
    let stale = text.replace("ff.w s9.7", "ff.w s9.6");
    fails(&stale, "a.kern:11: the block is stale: found '; ff.w s9.6");
    assert_eq!(check("a.kern", &stale).blessed, text);
    let longer = format!("{text}; more\n");
    fails(&longer, "found '; more', now the end of the block");
    assert_eq!(check("a.kern", &longer).blessed, text);
}

#[test]
fn a_wrong_result_fails_and_is_not_blessed() {
    let wrong = blessed(SOUND).replace("=> w=0.375", "=> w=0.376");
    fails(&wrong, "a.kern:9: 'w': float gives 0.375, not 0.376");
    assert_eq!(check("a.kern", &wrong).blessed, wrong);
    let raw = SOUND.replace("eval w=0.5 x1=0.25 => w=0.375", "raw w=64 x1=16 => w=47");
    fails(&raw, "'w': fixed point gives 48, not 47");
}

#[test]
fn an_input_must_be_a_value_of_its_format() {
    fails(
        &SOUND.replace("w=0.5", "w=0.3"),
        "0.3 is no value of 'w'; the nearest of s9.7 is 0.296875",
    );
    fails(&SOUND.replace(" x1=0.25", ""), "the input 'x1' has no value");
    fails(&SOUND.replace(" x1=0.25", " x1=0.25 y0=1"), "the rule has no input 'y0'");
    fails(&SOUND.replace("=> w", "=> v"), "the result 'w' has no value");
}

#[test]
fn unknown_directives_stages_and_queries_fail() {
    fails(
        &SOUND.replace(";! synapse w", ";! synaps w"),
        "a.kern:2: there is no directive 'synaps'",
    );
    fails(&SOUND.replace("plan, eval", "plan, evil"), "a.kern:1: there is no stage 'evil'");
    fails(&SOUND.replace("? eval", "? evil"), "a.kern:9: there is no query 'evil'");
    fails(&SOUND.replace("bits 9", "bit 9"), "a.kern:2: 'bit' says nothing about a format");
    fails(&format!("{SOUND};= uasm\n"), "a.kern:10: no stage has a block '= uasm'");
    fails("kernel a {\n}\n", "a.kern:1: there is no ';! stages' line");
}

#[test]
fn what_nobody_uses_fails() {
    let text = blessed(SOUND);
    fails(&text.replace("plan, eval", "plan"), "a.kern:9: the stages do not name eval");
    fails(&text.replace("plan, eval", "eval"), "a.kern:10: nothing makes the block '= plan'");
    fails(
        &SOUND.replace("trace x1 0 1 bits 7", "trace x1 0 1\n;! trace x2 0 1"),
        "a.kern:4: the rule has no use for 'x2'",
    );
    fails(&SOUND.replace(";! trace x1 0 1 bits 7\n", ""), "needs ';! trace x1 LOWEST HIGHEST'");
    let nothing: String =
        SOUND.lines().filter(|l| !l.starts_with(";?")).map(|l| format!("{l}\n")).collect();
    fails(&nothing, "a.kern:1: the stage eval has no ';?' line");
}

const REFUSED: &str = "\
;! stages check
;! synapse w -1 1
kernel broken {
  in w: own
  set w = w * ww
;             ^ error[K002]: 'ww' is not defined
;             ^ hint: did you mean 'w'?
}
";

#[test]
fn a_finding_is_expected_with_its_line_column_text_and_hint() {
    assert_eq!(check("a.kern", REFUSED).failures, Vec::<String>::new());
    for (from, to) in [
        ("K002", "K003"),
        (";             ^ error", ";            ^ error"),
        (";             ^ error", ";^ error"),
        ("not defined", "not there"),
        ("mean 'w'?", "mean 'v'?"),
        ("error[", "warning["),
    ] {
        let text = REFUSED.replace(from, to);
        assert_ne!(text, REFUSED);
        fails(&text, "is not made like this");
        fails(&text, "a finding that is not expected");
    }
    let without: String =
        REFUSED.lines().filter(|l| !l.contains('^')).map(|l| format!("{l}\n")).collect();
    fails(&without, "a.kern:5: a finding that is not expected:\n;             ^ error[K002]");
}

#[test]
fn places_in_a_sum_of_products_count_from_the_sum() {
    let text = "\
;! stages text
;! sop dw = 2^-2*x1*y0 - x9*y0
;                        ^ error[R002]: unknown variable 'x9'
";
    let failures = check("a.kern", text).failures;
    assert!(failures.iter().all(|f| !f.contains(":1:") || f.contains("R002")), "{failures:?}");
    let shown = failures.join("\n");
    assert!(
        shown.contains("a.kern:2:") && shown.contains("\n;                        ^ error[R002]"),
        "{shown}"
    );
}

#[test]
fn files_of_another_kind_fail() {
    let folder = std::env::temp_dir().join(format!("trifactor-golden-{}", std::process::id()));
    let inner = folder.join("inner");
    std::fs::create_dir_all(&inner).expect("a folder");
    std::fs::write(folder.join("a.kern"), SOUND).expect("a file");
    std::fs::write(inner.join("b.txt"), "x").expect("a file");
    let failures = check_folder(&folder, false).expect_err("two faults");
    assert!(failures.contains("a.kern:1: there is no block"), "{failures}");
    assert!(failures.contains("b.txt: not a golden file; those end in .kern"), "{failures}");
    std::fs::remove_file(inner.join("b.txt")).expect("removed");
    assert_eq!(check_folder(&folder, true), Ok(1));
    assert_eq!(check_folder(&folder, false), Ok(1));
    std::fs::remove_dir_all(&folder).expect("removed");
}
