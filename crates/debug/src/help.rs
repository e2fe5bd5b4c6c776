//! The commands, as `help` and the manual show them.

use crate::error::{DebugError, wrong};
use std::fmt::Write;
use trifactor_diag::did_you_mean;

/// A command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Help {
    /// Its name.
    pub name: &'static str,
    /// A shorter name.
    pub short: Option<&'static str>,
    /// What stands behind it.
    pub arguments: &'static str,
    /// What it does, in one line.
    pub brief: &'static str,
    /// Details and examples.
    pub details: &'static str,
}

const fn help(
    name: &'static str,
    short: Option<&'static str>,
    arguments: &'static str,
    brief: &'static str,
    details: &'static str,
) -> Help {
    Help { name, short, arguments, brief, details }
}

/// All commands, in the order of the manual.
pub const COMMANDS: [Help; 22] = [
    help(
        "step",
        Some("s"),
        "[N] [cycle|op|phase|step|epoch]",
        "go forwards by N units, one time step by default",
        "Stops before that where a breakpoint or watchpoint is met. A micro-operation is one\n\
         instruction of a rule on one synapse; `step op` goes to the next one, wherever it is.\n\
         A cycle is ten ticks of 100 ps; what every core does there is shown. States are those in\n\
         which the phases are complete that are complete on all cores.\n\
         step / step 10 / step phase / step 3 op / step epoch",
    ),
    help(
        "back",
        None,
        "[N] [cycle|op|phase|step|epoch]",
        "go back by N units",
        "To the N-th boundary of the unit before here. Breakpoints are not looked at.\n\
         back / back 10 / back phase / back 3 op",
    ),
    help(
        "continue",
        Some("c"),
        "",
        "go on to the next breakpoint or watchpoint, or to the end of the stimulus",
        "",
    ),
    help(
        "rcontinue",
        Some("rc"),
        "",
        "go back to the last place at which a breakpoint or watchpoint was met",
        "The last place before this one where `continue` would have stopped; the beginning where\n\
         there is none. `reverse-continue` is the same.",
    ),
    help(
        "interrupt",
        None,
        "",
        "end what is being done, at the place where it is",
        "For programs (--json), whose requests are read while others are executed; a person presses\n\
         Control-C. It ends every command that goes anywhere and was asked for before it, and is\n\
         answered in its turn. A command that was to go back stays where it was.",
    ),
    help(
        "goto",
        Some("g"),
        "STEP [PHASE]",
        "go to the end of a step, or into the step after it, before a phase",
        "goto 0 is the beginning; goto 30 plasticity is in step 31, with plasticity next.\n\
         goto 30 / goto 30 plasticity",
    ),
    help("where", Some("w"), "", "say where this is and what comes next", ""),
    help(
        "print",
        Some("p"),
        "NAME[LANES] ..",
        "show values, in the author's unit and as the chip holds them",
        "Lanes are [3], [0..8] for 0 to 7, [0..4,7], and for synapses [2->5], [2->*] or [0..3->5].\n\
         Neurons have v, u, hold (refractory counter), q (input of the step, until it is read) and\n\
         spike; a modulator has m; NAME.const are the constants in the microcode of a rule; r0 to r15 are\n\
         registers inside a micro-operation; step, epoch, op, seed, time, energy, stopped and\n\
         saturated.STATE are numbers of the session.\n\
         print hidden.v[3] / print policy.w[0->*] policy.e / print time energy",
    ),
    help(
        "info",
        Some("i"),
        "TOPIC",
        "show states, breakpoints, spikes, flight, saturations, cost, cores, constants, registers or stimulus",
        "`flight` are spikes on their way, by step of arrival; `cost` is time and energy so far;\n\
         `cores` is what units and links do at the tick at hand.\n\
         info states / info flight / info constants",
    ),
    help(
        "list",
        Some("l"),
        "[PROJECTION]",
        "show the microcode of a rule beside the lines it comes from",
        "Of the rule at hand by default, or of the only one. An arrow marks what comes next.",
    ),
    help(
        "break",
        Some("b"),
        "spike POP[LANE] | saturation [STATE] | at CORE:WORD | line FILE:LINE | rule NAME | step N",
        "stop when something happens",
        "spike: in the phase in which the neuron fires. saturation: after the store, or the phase.\n\
         at, line and rule: before the micro-operation, of any synapse or with `for 2->5` of one;\n\
         rule NAME is the first word of its program; FILE:LINE is the first word that comes from a line\n\
         of a kernel file or, for a sum of products, of model.ron; `line` need not be written.\n\
         break spike hidden[3] / break saturation policy.w / break at 0:4 for 2->5\n\
         break credit.kern:16 / break model.ron:20 for 2->5 / break rule stdp / break step 30",
    ),
    help(
        "watch",
        None,
        "NAME[LANES] [OP VALUE | crosses VALUE]",
        "stop when a value changes, when a comparison begins to hold, or when a number is crossed",
        "After the phase in which it happens. Values are in the author's unit.\n\
         watch policy.w / watch hidden.v[3] > 0.5 / watch policy.w[2->5] crosses 0",
    ),
    help("delete", Some("d"), "N|all", "remove a breakpoint or watchpoint", ""),
    help(
        "set",
        None,
        "NAME[LANES] = VALUE .. [raw]",
        "write values: one for all lanes, or one for each",
        "Weights, delays, tags, rates, traces, modulators, membranes, constants of rules and the\n\
         seed. Values are in the author's unit and rounded to the nearest; with `raw` they are what\n\
         the chip holds. What was known of later times is forgotten.\n\
         set policy.w[2->5] = 0.25 / set dopamine.m = 1 / set policy.const[0] = 3 raw / set seed = 7",
    ),
    help(
        "fire",
        None,
        "INPUT[LANES]",
        "let lanes of an input fire in the next step",
        "In the one after it where the messages of this step are out.",
    ),
    help(
        "reset",
        None,
        "membrane|traces|modulators|weights|all ..",
        "set groups of states to their initial values, between two steps",
        "",
    ),
    help(
        "save",
        None,
        "FILE",
        "write a checkpoint, between two steps",
        "It holds every state, changed constants, the seed, spikes fired by hand, and which trial it is\n\
         of; breakpoints and the spikes of the trial are not in it.",
    ),
    help(
        "load",
        None,
        "FILE",
        "go on from a checkpoint of the same image and trial",
        "The session begins anew there: nothing is known of what came before. The next step takes the\n\
         spikes of the stimulus that belong to its number. A checkpoint of another trial, whose spikes\n\
         this session does not have, is refused.",
    ),
    help(
        "expect",
        None,
        "NAME[LANES] OP VALUE [raw]",
        "say whether a comparison holds for all lanes; if not, the exit code will say so",
        "OP is ==, !=, <, <=, > or >=. Values in the author's unit are compared as the chip holds\n\
         them: == means that VALUE rounds to the value.\n\
         expect policy.w[2->5] == 0.25 / expect hidden.spike[3] == 1 / expect stopped == 2",
    ),
    help("assert", None, "NAME[LANES] OP VALUE [raw]", "the same, and end if it does not hold", ""),
    help("help", Some("h"), "[COMMAND]", "list the commands, or explain one", ""),
    help("quit", Some("q"), "", "end", ""),
];

/// Names by which other debuggers call commands of this one.
const ELSEWHERE: [(&str, &str); 2] = [("reverse-continue", "rcontinue"), ("reverse-step", "back")];

/// The command of a name or short name. Errors: there is none.
pub(crate) fn find(word: &str) -> Result<&'static Help, DebugError> {
    let word = ELSEWHERE.iter().find(|(other, _)| *other == word).map_or(word, |(_, own)| own);
    let named = |c: &&Help| c.name == word || c.short == Some(word);
    if let Some(command) = COMMANDS.iter().find(named) {
        return Ok(command);
    }
    // `cont`, `exp`: the beginning of one command only.
    let mut begun = COMMANDS.iter().filter(|c| word.len() > 1 && c.name.starts_with(word));
    if let (Some(command), None) = (begun.next(), begun.next()) {
        return Ok(command);
    }
    let near = did_you_mean(word, COMMANDS.iter().map(|c| c.name));
    let hint = match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => "`help` lists the commands".to_owned(),
    };
    wrong(format!("there is no command '{word}'; {hint}"))
}

/// One command, or all in a list.
pub(crate) fn text(command: Option<&str>) -> Result<String, DebugError> {
    if let Some(word) = command {
        let c = find(word)?;
        let mut out = format!("{} {}", c.name, c.arguments).trim_end().to_owned();
        if let Some(short) = c.short {
            write!(out, "   (short: {short})").expect("internal: a String accepts every text");
        }
        write!(out, "\n{}", c.brief).expect("internal: a String accepts every text");
        if !c.details.is_empty() {
            write!(out, "\n{}", c.details).expect("internal: a String accepts every text");
        }
        return Ok(out);
    }
    let width = COMMANDS.iter().map(|c| c.name.len()).max().unwrap_or(0);
    let lines: Vec<String> =
        COMMANDS.iter().map(|c| format!("{:width$}  {}", c.name, c.brief)).collect();
    Ok(format!("{}\n`help COMMAND` says more", lines.join("\n")))
}
