//! What is refused, where, with which hint.

use super::super::*;

/// Wraps statements into a kernel and demands one error: code, line and column counted in the
/// statements, a part of its text.
#[track_caller]
fn refuses(statements: &str, code: &str, position: (usize, usize), part: &str) {
    let text = format!("kernel k {{\n{statements}\n}}\n");
    let found = parse_kernel(&text, "bad.kern").expect_err(statements);
    assert_eq!(found.len(), 1, "{found}");
    let first = found.iter().next().unwrap();
    assert_eq!(
        (first.code, first.place.position),
        (code, Some((position.0 + 1, position.1))),
        "{found}"
    );
    let line = statements.lines().nth(position.0 - 1).unwrap_or("}");
    assert_eq!(first.place.line_text.as_deref(), Some(line));
    assert_eq!(first.place.file.as_deref(), Some("bad.kern"));
    assert!(found.to_string().contains(part), "no {part:?} in:\n{found}");
}

#[test]
fn statements_that_cannot_be_read_are_refused_at_their_place() {
    refuses("v = ", "K001", (1, 5), "expected a value, found the end of the line");
    refuses("v = 1 +", "K001", (1, 8), "expected a value");
    refuses("v = (1", "K001", (2, 1), "expected ')'");
    refuses("v = 1 2", "K001", (1, 7), "expected the end of the line");
    refuses("v 1", "K001", (1, 3), "expected '='");
    refuses("= 1", "K001", (1, 1), "expected a statement");
    refuses("v = 1 > 2 > 3", "K001", (1, 7), "cannot be chained");
    refuses("v = 1 / 2", "K001", (1, 7), "multiply by the reciprocal");
    refuses("v = 1 \u{e4} 2", "K001", (1, 7), "unexpected 'ä'");
    refuses("v = \"1\"", "K001", (1, 5), "a quoted text");
    refuses("v = 1\nadd to q = v", "K001", (2, 5), "cannot add to 'to'");
    refuses("v = 1\nset = v", "K001", (2, 5), "expected the variable");
    refuses("in w own", "K001", (1, 6), "expected ':'");
    refuses("v = 2x", "K005", (1, 5), "'2x' is not a number");
    refuses("v = 1e999", "K005", (1, 5), "beyond the largest double");
    refuses("v = step(1, exp a 2)", "K005", (1, 17), "expected a number");
}

#[test]
fn unknown_and_repeated_names_are_refused_with_the_nearest_one() {
    refuses("in weight: own\nv = wieght", "K002", (2, 5), "did you mean 'weight'?");
    refuses("v = x1", "K002", (1, 5), "declare it first: in x1: own");
    refuses("a = b\nb = 1", "K002", (1, 5), "'b' is not defined");
    refuses("v = 1\nu = read(v)", "K002", (2, 10), "'v' is not an input");
    refuses("v = 1\nv = 2", "K003", (2, 1), "already defined");
    refuses("in w: own\nin w: pre", "K003", (2, 4), "already defined");
    refuses("in w: own\nw = 2", "K003", (2, 1), "take another name");
    refuses("set w = 1\nset w = 2", "K008", (2, 5), "already has its result");
}

#[test]
fn calls_roles_and_times_are_checked() {
    refuses("v = mim(1, 2)", "K006", (1, 5), "did you mean 'min'?");
    refuses("v = log(1)", "K006", (1, 5), "functions are bump, clamp");
    refuses("v = min(1)", "K006", (1, 10), "lacks an argument");
    refuses("v = min(1, 2, 3)", "K006", (1, 13), "fewer arguments");
    refuses("v = min(1 2)", "K001", (1, 11), "expected ',', found '2'");
    refuses("v = sgn(1 2)", "K001", (1, 11), "expected ')', found '2'");
    refuses("v = step(1, hat 1 1)", "K006", (1, 13), "surrogates are");
    refuses("in w: self", "K007", (1, 7), "roles are");
    refuses("in w: every 10", "K007", (1, 13), "from 0 to 9");
    refuses("in w: pre at x1", "K007", (1, 14), "times are x0");
}

#[test]
fn several_lines_are_reported_at_once_and_their_consequences_are_not() {
    let text = "kernel k {\n in w: slef\n a = w + nothing\n b = a * 2\n c = (1\n d = )\n}\n";
    let found = parse_kernel(text, "k").unwrap_err();
    let lines: Vec<_> = found.iter().map(|d| d.place.position.unwrap().0).collect();
    // Line 3 uses what line 2 failed to declare, line 4 what line 3 failed to define.
    assert_eq!(lines, [2, 6], "{found}");
}

#[test]
fn reading_stops_after_many_errors() {
    let text = format!("kernel k {{\n{}}}", "set a = nothing\nset w = 1 +\n".repeat(50));
    let found = parse_kernel(&text, "k").unwrap_err();
    assert_eq!(found.len(), MAX_ERRORS + 1);
    assert!(found.to_string().contains("too many errors"));
}

#[test]
fn files_without_exactly_one_whole_kernel_are_refused() {
    for (text, code, part) in [
        ("", "K009", "expected one kernel, found 0"),
        ("kernel a {\n}\nkernel b {\n}", "K009", "expected one kernel, found 2"),
        ("kernel a {\n}\nkernel a {\n}", "K003", "a second kernel is called 'a'"),
        ("kernel a {\n v = 1\n", "K001", "kernel 'a' has no closing '}'"),
        ("kernel {\n}", "K001", "expected the name of the kernel"),
        ("colonel a {\n}", "K001", "expected 'kernel', found 'colonel'"),
        ("kernel a {\n} }", "K001", "expected 'kernel', found '}'"),
    ] {
        let found = parse_kernel(text, "k").expect_err(text);
        assert_eq!(found.iter().next().unwrap().code, code, "{text}: {found}");
        assert!(found.to_string().contains(part), "{text}: {found}");
    }
}

#[test]
fn limits_are_errors() {
    let body = |n: usize, line: fn(usize) -> String| (0..n).map(line).collect::<String>();
    let long = "n".repeat(MAX_NAME + 1);
    let deep = "(".repeat(MAX_DEPTH + 1);
    for (statements, part) in [
        (body(MAX_OPS + 1, |i| format!("c{i} = 1\n")), "at most 4096 operations"),
        (body(MAX_PORTS + 1, |i| format!("in p{i}: own\n")), "at most 64 inputs"),
        (
            "v = 1\n".to_owned() + &body(MAX_OUTPUTS + 1, |i| format!("set o{i} = v\n")),
            "at most 64 results",
        ),
        (format!("{long} = 1"), "a name of 65 bytes; the limit is 64"),
        (format!("v = {deep}1"), "more than 64 deep"),
        (format!("v = {}1", "-".repeat(100_000)), "more than 64 deep"),
        (" ".repeat(MAX_KERNEL_FILE), "the limit is 1048576"),
    ] {
        let found = parse_kernel(&format!("kernel k {{\n{statements}\n}}"), "k").unwrap_err();
        assert_eq!(found.iter().next().unwrap().code, "K004", "{found}");
        assert!(found.to_string().contains(part), "{found}");
    }
}

#[track_caller]
fn network_refuses(items: &str, code: &str, position: (usize, usize), part: &str) {
    let text = format!("network \"n\" {{\n  epoch 1\n{items}\n}}\n");
    let found = parse_network(&text, "bad.net").expect_err(items);
    let first = found.iter().next().unwrap();
    let (line, column) = first.place.position.unwrap();
    assert_eq!((first.code, (line - 2, column)), (code, position), "{found}");
    assert!(found.to_string().contains(part), "no {part:?} in:\n{found}");
}

#[test]
fn network_texts_that_do_not_fit_are_refused_at_their_place() {
    network_refuses("popullation a: 1", "N001", (1, 1), "items are population");
    network_refuses("population a 1", "N001", (1, 14), "expected ':'");
    network_refuses("population a: 1\npopulation a: 2", "N003", (2, 12), "a second space");
    network_refuses("population a: 67108865", "N004", (1, 15), "from 0 to 67108864");
    network_refuses("population a: 1.5", "N004", (1, 15), "not 1.5");
    network_refuses("state u on hiden: variable", "N002", (1, 12), "no space 'hiden'");
    let two = "population a: 2\n";
    network_refuses(&format!("{two}state u on a: role"), "N001", (2, 15), "one of parameter");
    let u = "state u on a: variable reset traces init";
    network_refuses(&format!("{two}{u} [1]"), "N005", (2, 42), "lists 1 values, 'a' has 2 lanes");
    network_refuses(&format!("{two}{u} 1\n{u} 2"), "N003", (3, 7), "a second state is called 'u'");
    network_refuses(
        "synapses s: a -> b mixed rows 0 count 0 {\n}",
        "N002",
        (1, 13),
        "no space 'a'",
    );
    let s = |rest: &str| format!("{two}synapses s: a -> a mixed {rest}\n}}");
    network_refuses(&s("rows 2 count 1 {\n0: 1"), "N005", (2, 31), "2 rows are declared, 1 listed");
    network_refuses(
        &s("rows 1 count 3 {\n0: 1"),
        "N005",
        (2, 39),
        "3 synapses are declared, 1 listed",
    );
    network_refuses(&s("rows 1 count 1 {\n1: 1"), "N005", (3, 1), "expected row 0");
    network_refuses(&s("rows 99999999 count 1 {"), "N004", (2, 31), "from 0 to 67108864");
    let k = format!("{two}{u} 0\nkernel k {{\n in u: own\n v = u\n set u = v\n}}\n");
    let phase = |head: &str, body: &str| format!("{k}phase {head} {{\n{body}\n}}");
    let head = "\"p\" at \"k\": traces over a runs kernel0 stream 0";
    network_refuses(&phase("p", ""), "N001", (8, 7), "a text in double quotes");
    network_refuses(&phase(&head.replace('0', "1"), ""), "N002", (8, 38), "none of the 1 kernels");
    network_refuses(
        &phase(head, "w <- state u on a"),
        "N005",
        (9, 1),
        "next input is 'u', not 'w'",
    );
    network_refuses(&phase(head, "u <- state v on a"), "N002", (9, 12), "'a' has no state 'v'");
    network_refuses(
        &phase(head, "u <- state u on a\nu <- state u on a"),
        "N005",
        (10, 1),
        "no further input",
    );
    network_refuses(&phase(head, "v -> u on a"), "N005", (9, 1), "next result is 'u', not 'v'");
    network_refuses(&phase(head, "u = u on a"), "N001", (9, 3), "'<-' or '->'");
    let late = "u <- arriving u on a delay 63";
    network_refuses(&phase(head, late), "N004", (9, 28), "from 0 to 62");
    network_refuses("kernel k {\n v = nothing\n}", "K002", (2, 6), "'nothing' is not defined");
    let unclosed = parse_network("network \"n\" { epoch 1\n", "n").unwrap_err();
    assert!(unclosed.to_string().contains("found the end of the text"), "{unclosed}");
    let behind = parse_network("network \"n\" { epoch 1\n} x", "n").unwrap_err();
    assert!(behind.to_string().contains("expected the end of the text"), "{behind}");
}
