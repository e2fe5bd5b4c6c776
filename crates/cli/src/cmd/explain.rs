//! `trifactor explain`: the page behind a code, an instruction or a chip.

use crate::exit::Fault;
use crate::terminal::Terminal;
use trifactor_diag::{did_you_mean, page, pages};
use trifactor_isa::{Chip, Opcode};

const EXAMPLES: &str = "\
Examples:
  trifactor explain            list everything that has a page
  trifactor explain Q003       a code from a finding such as error[Q003]
  trifactor explain mul        an instruction of the plasticity engine
  trifactor explain superset   a built-in chip, with the source of every number";

/// The manual that is generated from the instruction table, so that there is one text.
const MANUAL: &str = include_str!("../../../../docs/isa/instructions.md");

/// Explain a code of a finding, an instruction or a built-in chip.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// What to explain; without it, all topics are listed.
    #[arg(value_name = "CODE|INSTRUCTION|CHIP")]
    topic: Option<String>,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        match &self.topic {
            None => terminal.print(&contents()),
            Some(topic) => terminal.print(&explain(topic)?),
        }
    }
}

fn explain(topic: &str) -> Result<String, Fault> {
    if let Some(page) = page(topic) {
        return Ok(format!("{}: {}\n\n{}\n", page.code, page.title, page.text.trim()));
    }
    let lower = topic.to_ascii_lowercase();
    if let Some(op) = Opcode::ALL.into_iter().find(|op| op.name() == lower) {
        return Ok(instruction(op));
    }
    if let Some(text) = Chip::builtin_text(&lower) {
        return Ok(text.to_owned());
    }
    let topics: Vec<&str> = pages()
        .iter()
        .map(|p| p.code)
        .chain(Opcode::ALL.map(Opcode::name))
        .chain(Chip::builtin_names())
        .collect();
    let upper = topic.to_ascii_uppercase();
    let near = [&lower, &upper].into_iter().find_map(|t| did_you_mean(t, topics.iter().copied()));
    let hint = near.map_or_else(String::new, |n| format!("did you mean '{n}'? "));
    Err(Fault::Usage(format!(
        "nothing is known about '{topic}'; {hint}`trifactor explain` lists all topics"
    )))
}

fn contents() -> String {
    let mut out = String::from("Codes of findings\n");
    for page in pages() {
        out += &format!("  {}  {}\n", page.code, page.title);
    }
    out += "\nInstructions\n";
    for op in Opcode::ALL {
        out += &format!("  {:8}  {}\n", op.name(), op.example());
    }
    out += "\nChips\n";
    for name in Chip::builtin_names() {
        let doc = Chip::builtin(name).map_or_else(String::new, |chip| chip.doc);
        out += &format!("  {name:8}  {doc}\n");
    }
    out
}

/// The manual's section about an instruction.
fn instruction(op: Opcode) -> String {
    let title = format!("### {}", op.name());
    let mut lines = MANUAL.lines().skip_while(|l| *l != title);
    let mut out = String::new();
    out.extend(lines.next().map(|l| format!("{}\n", l.trim_start_matches("### "))));
    for line in lines.take_while(|l| !l.starts_with('#')) {
        out += line;
        out.push('\n');
    }
    format!("{}\n\nThe whole manual is docs/isa/instructions.md.\n", out.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_has_a_section_that_shows_its_example() {
        for op in Opcode::ALL {
            let text = instruction(op);
            assert!(text.starts_with(&format!("{}\n", op.name())), "{text}");
            assert!(text.contains(op.example()), "{text}");
            assert!(text.contains("Cost class"), "{text}");
        }
    }

    #[test]
    fn every_topic_of_the_contents_is_explained() {
        let contents = contents();
        let topics: Vec<&str> = contents
            .lines()
            .filter_map(|l| l.strip_prefix("  ")?.split_whitespace().next())
            .collect();
        assert!(topics.len() >= Opcode::ALL.len() + 2, "{contents}");
        for topic in topics {
            assert!(explain(topic).is_ok(), "{topic}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_answered_with_the_nearest_topic() {
        let Err(Fault::Usage(text)) = explain("supreset") else { panic!("it does not exist") };
        assert!(text.contains("did you mean 'superset'?"), "{text}");
    }
}
