//! `trifactor debug`: looking inside a run, by hand, by script or by program.

use crate::cmd::disasm;
use crate::editor::{Editor, Typed};
use crate::exit::Fault;
use crate::source::{ChipArg, ModelArgs};
use crate::terminal::Terminal;
use signal_hook::consts::SIGINT;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use trifactor_debug::{DebugError, Interrupt, Session, Stimulus, StimulusStep, is_interrupt};
use trifactor_emu::{Emulator, Options, Reset};
use trifactor_image::{Image, Map};
use trifactor_ir::ResetGroup;
use trifactor_lab::{LabError, TrialOptions, TrialScript, trial_script};

/// Longest script and longest list of spikes that are read.
const MAX_TEXT: u64 = 1 << 30;

const EXAMPLES: &str = "\
Examples:
  trifactor debug firmware-models/three-factor
  trifactor debug firmware-models/three-factor -x look.tfd
  trifactor debug stdp.elf --spikes spikes.csv --steps 200
  trifactor debug stdp.elf --json

A model is compiled and gets the spikes of one trial of its protocol, or of one episode of the
evaluation in its train.ron: those that `run` and `evaluate` use. An image holds no stimuli; its
spikes are lines of a step, an input and a lane, such as `12,sensors,3`.

Commands come from the terminal, from a script (-x, one command a line, `#` begins a comment) or
as JSON, one request and one answer a line. `help` lists them; docs/debugging.md shows a session.
Control-C ends a command that takes long, at the place where it is, which is then named; at the
prompt it drops the line, and in a script it ends the program. With --json the request `interrupt`
does the same from the side.
The exit code is 1 if a script holds a command that cannot be done, or an `expect` or `assert`
that does not hold.";

/// Step through a run, look at any state, go back, change things.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// Folder with the model's model.ron, or an image that `trifactor compile` wrote.
    #[arg(value_name = "MODEL|IMAGE")]
    path: PathBuf,
    #[command(flatten)]
    chip: ChipArg,
    /// Trial of the protocol, or episode of the evaluation, from 0.
    #[arg(long, value_name = "K")]
    trial: Option<u32>,
    /// Seed of the run; by default the model's. Of an image: the seed of its draws.
    #[arg(long, value_name = "S")]
    seed: Option<u32>,
    /// Folder with data files that replace the model's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Spikes of inputs; in place of a trial where a model is given.
    #[arg(long, value_name = "FILE")]
    spikes: Option<PathBuf>,
    /// Steps of a stimulus that no protocol describes; by default 20 more than there are spikes
    /// for, or 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    steps: Option<u32>,
    /// Cost preset of the chip.
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Take the commands from a file and show each with its answer.
    #[arg(short = 'x', long = "script", value_name = "FILE", conflicts_with = "json")]
    script: Option<PathBuf>,
    /// Take requests from standard input and give answers as JSON, one a line.
    #[arg(long)]
    json: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let (image, script) = self.prepared(terminal)?;
        let options = Options { preset: self.preset.clone(), ..Options::default() };
        let emulator = Emulator::load(&image, options)
            .map_err(|e| Fault::File(format!("{}: {e}", self.path.display())))?;
        let stimulus = self.stimulus(&image, script)?;
        let mut session = Session::new(&image, emulator, stimulus);
        if self.json {
            return host(session, terminal);
        }
        if let Some(path) = &self.script {
            let text = text(path)?;
            return Script::default().lines(
                &mut session,
                terminal,
                &text,
                &path.display().to_string(),
            );
        }
        if std::io::stdin().is_terminal() {
            return interactive(&mut session, terminal, &image);
        }
        let mut text = String::new();
        for line in std::io::stdin().lock().lines() {
            text.push_str(&line.map_err(|e| Fault::File(format!("standard input: {e}")))?);
            text.push('\n');
        }
        Script::default().lines(&mut session, terminal, &text, "standard input")
    }

    /// The image, and the trial where a model gives one.
    fn prepared(&self, terminal: &Terminal) -> Result<(Image, Option<TrialScript>), Fault> {
        if self.path.is_file() {
            for (given, option) in [
                (self.chip.name.is_some(), "--chip"),
                (self.trial.is_some(), "--trial"),
                (self.data.is_some(), "--data"),
            ] {
                if given {
                    let path = self.path.display();
                    return Err(Fault::Usage(format!(
                        "{option} is for models, and {path} is a file"
                    )));
                }
            }
            return Ok((disasm::read(&self.path)?, None));
        }
        let chip = ChipArg { name: self.chip.name.clone() };
        let source = ModelArgs { path: self.path.clone(), chip };
        let ready = source.ready()?;
        terminal.findings(&ready.findings);
        let image = ready.prepared.compiled.image.clone();
        if self.spikes.is_some() {
            return Ok((image, None));
        }
        let options = TrialOptions {
            number: self.trial.unwrap_or(0),
            seed: self.seed,
            data: self.data.clone(),
        };
        match trial_script(&ready.model, &options) {
            Ok(script) => Ok((image, Some(script))),
            Err(LabError::Model(found)) => Err(Fault::Model(source.in_model(found))),
            Err(LabError::NothingToRun { .. }) => {
                terminal.note("the model has no protocol: no input fires unless `fire` says so");
                Ok((image, None))
            }
            Err(other) => Err(Fault::File(other.to_string())),
        }
    }

    fn stimulus(&self, image: &Image, script: Option<TrialScript>) -> Result<Stimulus, Fault> {
        if let Some(script) = script {
            if self.steps.is_some() {
                return Err(Fault::Usage(
                    "--steps is for images and --spikes; how long a trial runs stands in the \
                     model's protocol"
                        .to_owned(),
                ));
            }
            let name = format!("trial {}", self.trial.unwrap_or(0));
            return Ok(of_trial(&name, script, &image.map));
        }
        let seed = self.seed.unwrap_or(image.meta.seed);
        match &self.spikes {
            None => Ok(Stimulus::silent(seed, self.steps.unwrap_or(100))),
            Some(path) => {
                let mut stimulus = Stimulus::parse(&text(path)?, &image.map, seed, self.steps)
                    .map_err(|e| Fault::File(format!("{}: {e}", path.display())))?;
                let name = path.file_name().unwrap_or(path.as_os_str());
                stimulus.name = name.display().to_string();
                Ok(stimulus)
            }
        }
    }
}

/// A trial in the numbering of an image.
fn of_trial(name: &str, script: TrialScript, map: &Map) -> Stimulus {
    let at: Vec<Option<usize>> = script
        .inputs
        .iter()
        .map(|name| map.populations.iter().position(|p| p.name == *name))
        .collect();
    let reset = |group: &ResetGroup| match group {
        ResetGroup::Membrane => Reset::Membrane,
        ResetGroup::Traces => Reset::Traces,
        ResetGroup::Modulators => Reset::Modulators,
        ResetGroup::Weights => Reset::Weights,
    };
    let step = |step: trifactor_lab::TrialStep| StimulusStep {
        resets: step.resets.iter().map(reset).collect(),
        spikes: (at.iter().zip(step.spikes))
            .filter(|(_, lanes)| !lanes.is_empty())
            .filter_map(|(at, lanes)| Some(((*at)?, lanes)))
            .collect(),
    };
    Stimulus::new(name, script.seed, script.steps.into_iter().map(step).collect())
}

/// A text file, read through a limit.
fn text(path: &Path) -> Result<String, Fault> {
    let cannot = |what: String| Fault::File(format!("{}: {what}", path.display()));
    let meta = std::fs::metadata(path).map_err(|e| cannot(e.to_string()))?;
    if !meta.is_file() {
        return Err(cannot("is not a regular file".to_owned()));
    }
    if meta.len() > MAX_TEXT {
        return Err(cannot(format!("has more than {MAX_TEXT} bytes")));
    }
    std::fs::read_to_string(path).map_err(|e| cannot(e.to_string()))
}

/// A run through the lines of a script.
#[derive(Default)]
struct Script {
    failed: u32,
}

impl Script {
    /// Shows every command with its answer. Ends with the first that cannot be done.
    fn lines(
        mut self,
        session: &mut Session,
        terminal: &Terminal,
        text: &str,
        name: &str,
    ) -> Result<(), Fault> {
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            terminal.print(&format!("> {line}\n"))?;
            let answer =
                session.execute(line).map_err(|e| fault(e, &format!("{name} line {number}: ")))?;
            if !answer.text.is_empty() {
                terminal.print(&format!("{}\n", answer.text))?;
            }
            if answer.failed {
                self.failed += 1;
                terminal.error(&format!("{name} line {number}: {}", answer.text));
            }
            if answer.ends {
                break;
            }
        }
        // What does not hold has been said.
        if self.failed > 0 { Err(Fault::File(String::new())) } else { Ok(()) }
    }
}

/// A fault of this program ends as one.
fn fault(error: DebugError, place: &str) -> Fault {
    match error {
        DebugError::Disagreement { .. } => panic!("{error}"),
        other => Fault::File(format!("{place}{other}")),
    }
}

/// Requests and answers as JSON. Requests are read beside their execution, so that one that
/// interrupts is heard at once.
fn host(mut session: Session, terminal: &Terminal) -> Result<(), Fault> {
    let (sender, requests) = mpsc::channel();
    let interrupt = session.interrupt();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.as_ref().is_ok_and(|line| is_interrupt(line)) {
                interrupt.raise();
            }
            // Nobody takes requests any more when the session has ended.
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    for line in requests {
        let line = line.map_err(|e| Fault::File(format!("standard input: {e}")))?;
        let (answer, ends) = session.answer(&line);
        if let Some(answer) = answer {
            terminal.print(&format!("{answer}\n"))?;
        }
        if ends {
            break;
        }
    }
    Ok(())
}

/// Lets Control-C end the command at hand. While the flag that is returned stands, which it does at
/// first, it ends the program as usual.
fn interruptible(interrupt: &Interrupt) -> Result<Arc<AtomicBool>, Fault> {
    let waits = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_default(SIGINT, Arc::clone(&waits))
        .and_then(|_| signal_hook::flag::register_usize(SIGINT, interrupt.counter(), 1))
        .map_err(|e| Fault::File(format!("Control-C cannot be caught: {e}")))?;
    Ok(waits)
}

/// Commands from a person.
fn interactive(session: &mut Session, terminal: &Terminal, image: &Image) -> Result<(), Fault> {
    terminal.note(&format!(
        "{}: `help` lists the commands, the tabulator completes names, `quit` ends",
        image.meta.model
    ));
    let mut editor = Editor::default();
    let waits = interruptible(&session.interrupt())?;
    loop {
        let prompt = format!("({}) ", session.prompt());
        let typed = editor.line(&prompt, &|line| session.complete(line));
        let line = match typed.map_err(|e| Fault::File(format!("terminal: {e}")))? {
            Typed::Line(line) => line,
            Typed::Nothing => continue,
            Typed::End => return Ok(()),
        };
        session.interrupt().clear();
        waits.store(false, Ordering::SeqCst);
        let done = session.execute(&line);
        waits.store(true, Ordering::SeqCst);
        match done {
            Ok(answer) => {
                if !answer.text.is_empty() {
                    terminal.print(&format!("{}\n", answer.text))?;
                }
                if answer.ends {
                    return Ok(());
                }
            }
            Err(e @ DebugError::Disagreement { .. }) => return Err(fault(e, "")),
            Err(e) => terminal.error(&e.to_string()),
        }
    }
}
