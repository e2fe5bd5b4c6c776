//! `trifactor debug`.

use crate::models::{PAIR, Place};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

#[test]
fn a_script_shows_every_command_with_its_answer() {
    let place = Place::with_model(PAIR);
    place
        .write("look.tfd", b"# the first pairing\nbreak spike post\ncontinue\n\nprint plastic.w\n");
    let shown = place.call(&["debug", "m", "-x", "look.tfd"]).expect_code(0);
    shown.expect_printed(&[
        "> break spike post\nbreakpoint 1: spike post\n> continue\nbreakpoint 1: post[0] spikes",
        "> print plastic.w\nplastic.w[0->0] = 64 (raw ",
    ]);
}

#[test]
fn the_exit_code_says_whether_a_script_holds() {
    let place = Place::with_model(PAIR);
    let call = |script: &str, arguments: &[&str]| {
        place.write("s", script.as_bytes());
        place.call(&[&["debug", "m", "-x", "s"], arguments].concat())
    };
    call("step 3\nexpect step == 3\n", &[]).expect_code(0);
    call("expect step == 3\nprint step\n", &[])
        .expect_code(1)
        .expect_said(&["error: s line 1: does not hold: step == 3; step = 0"])
        .expect_printed(&["> print step\nstep = 0"]);
    let ended = call("assert step == 3\nprint step\n", &[]).expect_code(1);
    assert!(!ended.out.contains("> print step"), "an assertion ends the script");
    call("step\nprnt step\nstep\n", &[])
        .expect_code(1)
        .expect_said(&["error: s line 2: there is no command 'prnt'; did you mean 'print'?"]);
    place.call(&["debug", "m", "-x", "gone"]).expect_code(1).expect_said(&["gone: "]);
}

#[test]
fn a_trial_is_the_one_that_run_uses() {
    let probes = r#"probes: [(state: "plastic.w")],"#;
    let place = Place::with_model(&PAIR.replace("protocol:", &format!("{probes} protocol:")));
    place.write("s", b"step 20\nprint plastic.w[0->0]\n");
    let weight = |trial: &str, seed: &str| -> f64 {
        let arguments = ["debug", "m", "-x", "s", "--trial", trial, "--seed", seed];
        let shown = place.call(&arguments).expect_code(0).out;
        let value = shown.rsplit_once("= ").and_then(|(_, rest)| rest.split(' ').next());
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{shown}"))
    };
    // The table of probes is that of the first trial.
    for seed in ["1", "8"] {
        place.call(&["run", "m", "--seed", seed, "--out", "o"]).expect_code(0);
        let table = String::from_utf8(place.read("o/probes.csv")).expect("a table is text");
        let row = table.lines().find(|row| row.starts_with("plastic.w,0,20,")).expect("a row");
        let chip: f64 = row.rsplit(',').next().and_then(|x| x.parse().ok()).expect("a number");
        assert!((chip - weight("0", seed)).abs() < 1e-6, "{row}, {}", weight("0", seed));
        // The kick comes before, with and after the spike of the other neuron.
        assert_ne!(weight("0", seed), weight("2", seed));
    }
}

#[test]
fn an_image_takes_its_spikes_from_a_file() {
    let place = Place::with_image();
    place.write("s.csv", b"step,input,lane\n3,kick,0\n# again\n5 kick 0\n");
    place.write("s", b"break spike post\ncontinue\ncontinue\ncontinue\n");
    let shown = place
        .call(&["debug", "pair.elf", "--spikes", "s.csv", "-x", "s", "--steps", "30"])
        .expect_code(0);
    assert_eq!(shown.out.matches("post[0] spikes").count(), 2, "{}", shown.out);
    assert!(shown.out.ends_with("the stimulus has no more steps\nafter step 30\n"));
    for (spikes, said) in [
        ("3,kik,0\n", "line 1: there is no input 'kik'; did you mean 'kick'?"),
        ("3,kick,1\n", "line 1: 'kick' has lanes 0 to 0, not '1'"),
        ("0,kick,0\n", "line 1: '0' is not a step"),
        ("3,post,0\n", "line 1: 'post' is no input"),
        ("1,kick,0\n3,kick\n", "line 2: '3,kick' is not a step, a population and a lane"),
    ] {
        place.write("s.csv", spikes.as_bytes());
        let arguments = ["debug", "pair.elf", "--spikes", "s.csv", "-x", "s"];
        place.call(&arguments).expect_code(1).expect_said(&["s.csv: ", said]);
    }
    place.call(&["debug", "pair.elf", "--trial", "1"]).expect_code(2).expect_said(&["--trial is"]);
    place.call(&["debug", "m", "--steps", "9", "-x", "s"]).expect_code(2).expect_said(&["--steps"]);
}

/// Calls the program with something on its standard input.
fn piped(place: &Place, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = place.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("an input");
    stdin.write_all(input.as_bytes()).expect("the program listens");
    drop(stdin);
    let output = child.wait_with_output().expect("the program ends");
    (output.status.code(), String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn commands_may_come_from_a_pipe() {
    let place = Place::with_model(PAIR);
    let (code, out) = piped(&place, &["debug", "m"], "step 2\nprint step\n");
    assert_eq!((code, out.as_str()), (Some(0), "> step 2\nafter step 2\n> print step\nstep = 2\n"));
}

#[test]
fn a_program_gets_one_line_for_one_line_and_a_checkpoint_goes_on_elsewhere() {
    let place = Place::with_model(PAIR);
    let ask = |requests: &str| -> Vec<serde_json::Value> {
        let (code, out) = piped(&place, &["debug", "m", "--json"], requests);
        assert_eq!(code, Some(0));
        out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let save = "{\"command\": \"step 10\"}\n{\"command\": \"save here.tfc\"}\n\
                {\"command\": \"continue\"}\n{\"command\": \"save end.tfc\"}\n\
                {\"command\": \"quit\"}\n{\"command\": \"step\"}\n";
    let answers = ask(save);
    assert_eq!(answers.len(), 5, "nothing is answered behind `quit`");
    assert!(answers.iter().all(|a| a["ok"] == true), "{answers:?}");
    // Another process goes on from there and ends with the same bytes.
    let answers = ask("{\"command\": \"load here.tfc\"}\n\n{\"command\": \"continue\"}\n\
                       {\"command\": \"save again.tfc\"}\n");
    assert_eq!(answers[0]["at"]["step"], 10);
    assert_eq!(answers[1]["at"]["step"], 20);
    assert!(place.read("end.tfc") == place.read("again.tfc"));
}

/// Whether there is Python; says that a test is skipped where there is none.
fn python(what: &str) -> bool {
    let python = std::process::Command::new("python3").arg("--version").output();
    if python.is_ok_and(|p| p.status.success()) {
        return true;
    }
    // Past the capture of test output: nobody should take this for a success.
    let text = format!("skipped: there is no python3 to {what}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    false
}

#[test]
fn a_request_interrupts_the_one_before_it() {
    let place = Place::with_image();
    let mut command = place.command(&["debug", "pair.elf", "--json", "--quiet"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("an input");
    let mut answers = BufReader::new(child.stdout.take().expect("an output")).lines();
    let mut send = |line: &str| {
        stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).expect("it listens");
    };
    let mut answer = || -> serde_json::Value {
        let line = answers.next().expect("an answer").expect("text");
        serde_json::from_str(&line).expect("JSON")
    };
    send("{\"id\": 1, \"command\": \"step 1000000000\"}\n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    send("{\"id\": 2, \"command\": \"interrupt\"}\n{\"id\": 3, \"command\": \"step\"}\n");
    let ended = answer();
    assert_eq!((&ended["id"], &ended["value"]["interrupted"]), (&1.into(), &true.into()));
    let at = ended["at"]["step"].as_u64().expect("a step");
    assert!(at < 1_000_000_000);
    let (second, third) = (answer(), answer());
    assert_eq!((&second["id"], &second["at"]["step"]), (&2.into(), &at.into()));
    assert_eq!((&third["id"], &third["at"]["step"]), (&3.into(), &(at + 1).into()));
    send("{\"command\": \"quit\"}\n");
    assert!(child.wait().expect("it ends").success());
}

/// Types at a terminal: a command, Control-C while it is executed, Control-C at the prompt.
const TYPIST: &str = r#"
import os, pty, select, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
def until(text):
    global seen
    end = time.time() + 120
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.time()))
        if not ready:
            sys.exit(f"no {text!r} in {seen!r}")
        seen += os.read(terminal, 4096)
    before, seen = seen.split(text, 1)
    return before
until(b"(before step 1) ")
os.write(terminal, b"step 1000000000\r")
time.sleep(1)
os.write(terminal, b"\x03")
until(b"interrupted\r\n")
until(b"(after step ")
os.write(terminal, b"nonsense\x03")
until(b"nonsense")
until(b"(after step ")
os.write(terminal, b"quit\r")
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"#;

#[test]
fn control_c_ends_a_command_and_the_session_goes_on() {
    if !python("type at a terminal") {
        return;
    }
    let place = Place::with_image();
    place.write("typist.py", TYPIST.as_bytes());
    let output = std::process::Command::new("python3")
        .arg(place.path("typist.py"))
        .args([env!("CARGO_BIN_EXE_trifactor"), "debug"])
        .arg(place.path("pair.elf"))
        .output()
        .expect("python3 starts");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
}

#[test]
fn the_python_program_of_the_manual_runs() {
    if !python("run the program of docs/debugging.md") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manual = std::fs::read_to_string(root.join("docs/debugging.md")).expect("the manual");
    let program = manual.split("```python\n").nth(1).and_then(|p| p.split("```").next());
    let program = program.expect("the manual has a program");
    let place = Place::new();
    place.write("look.py", program.as_bytes());
    let built = Path::new(env!("CARGO_BIN_EXE_trifactor")).parent().expect("a folder").to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(built).chain(std::env::split_paths(&others));
    let output = std::process::Command::new("python3")
        .arg(place.path("look.py"))
        .arg(root.join("firmware-models/three-factor"))
        .env("PATH", std::env::join_paths(paths).expect("paths"))
        .output()
        .expect("python3 starts");
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}{err}");
    let weights: Vec<f64> =
        out.lines().filter_map(|line| line.split(' ').next_back()?.parse().ok()).collect();
    assert_eq!(weights.len(), 2, "{out}");
    assert!(weights[1] > weights[0] + 0.01, "a trace is worth a reward: {out}");
}
