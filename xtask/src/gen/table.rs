//! The shape of `isa/ucode.ron`, and the rules that make it a sound instruction set.

use serde::Deserialize;
use std::collections::BTreeSet;

/// Lowest bit of the opcode, which fills the rest of the word.
pub const OPCODE_LOW: u8 = 26;

/// State outside the registers that an instruction may read or write.
const STATES: [&str; 6] =
    ["synapse", "pre lane", "post lane", "modulator line", "epoch counter", "random draw"];

/// The whole table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Name and version of the instruction set.
    pub isa: String,
    /// What an operand can be.
    pub kinds: Vec<Kind>,
    /// Where operands stand in a word.
    pub formats: Vec<Format>,
    /// The instructions, in the order of the manual.
    pub instructions: Vec<Instruction>,
}

/// A kind of operand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Name in the table and the manual.
    pub name: String,
    /// The Rust type.
    pub rust: String,
    /// Width in a word.
    pub bits: u8,
    /// Largest legal code.
    pub max: u32,
    /// How it is written.
    pub shape: Shape,
    /// A sample of its text.
    pub text: String,
    /// What it stands for.
    pub what: String,
}

/// How an operand is written and where its type comes from.
#[derive(Deserialize, PartialEq)]
pub enum Shape {
    /// A prefix and a number; the type is generated.
    Bounded(String),
    /// The type is written by hand.
    Given,
    /// A word that is there or not.
    Flag(String),
}

/// A layout of a word.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Name in the manual.
    pub name: String,
    /// The Rust struct of its operands; absent if there are none.
    #[serde(default)]
    pub rust: String,
    /// Operands in the order of the text.
    pub operands: Vec<Operand>,
}

/// A place in a word.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operand {
    /// Name of the field.
    pub name: String,
    /// Name of its kind.
    pub kind: String,
    /// Highest and lowest bit.
    pub at: (u8, u8),
}

/// One instruction.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instruction {
    /// Mnemonic, also the name of its handler.
    pub name: String,
    /// Bits 31:26.
    pub opcode: u8,
    /// Name of its format.
    pub format: String,
    /// Which cost coefficient it has.
    pub class: Class,
    /// Register operands and states it reads.
    pub reads: Vec<String>,
    /// Register operands and states it writes.
    pub writes: Vec<String>,
    /// What it does, in Markdown.
    pub means: String,
    /// Statements of the semantics it implements.
    pub source: String,
    /// One line of assembly text.
    pub example: String,
}

/// Cost class; the names are those of `CostClass` in the crate.
#[derive(Deserialize, Clone, Copy, Debug)]
pub enum Class {
    /// Reads a column or variable.
    Load,
    /// One pass through the adder and shifter.
    Alu,
    /// One pass through the multiplier.
    Mul,
    /// Writes a variable.
    Store,
    /// Sequencing.
    Control,
}

impl Table {
    /// The kind of an operand.
    pub fn kind(&self, operand: &Operand) -> &Kind {
        self.kinds
            .iter()
            .find(|k| k.name == operand.kind)
            .unwrap_or_else(|| panic!("internal: kind '{}' was checked", operand.kind))
    }

    /// The format of an instruction.
    pub fn format(&self, inst: &Instruction) -> &Format {
        self.formats
            .iter()
            .find(|f| f.name == inst.format)
            .unwrap_or_else(|| panic!("internal: format '{}' was checked", inst.format))
    }

    /// Refuses a table from which no unambiguous code could be generated.
    pub fn check(&self) -> Result<(), String> {
        self.names_used_twice()?;
        self.kinds_wider_than_their_bits()?;
        for format in &self.formats {
            self.fields_that_overlap(format)?;
            self.flags_before_other_operands(format)?;
        }
        for inst in &self.instructions {
            self.opcodes_out_of_range(inst)?;
            self.unknown_effects(inst)?;
        }
        Ok(())
    }

    fn names_used_twice(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        let names = (self.kinds.iter().map(|k| format!("kind {}", k.name)))
            .chain(self.formats.iter().map(|f| format!("format {}", f.name)))
            .chain(self.instructions.iter().map(|i| format!("instruction {}", i.name)))
            .chain(self.instructions.iter().map(|i| format!("opcode {:#04x}", i.opcode)));
        for name in names {
            if !seen.insert(name.clone()) {
                return Err(format!("{name} is defined twice"));
            }
        }
        Ok(())
    }

    fn kinds_wider_than_their_bits(&self) -> Result<(), String> {
        match self.kinds.iter().find(|k| u64::from(k.max) >= 1 << k.bits) {
            Some(k) => Err(format!("kind {}: {} does not fit {} bits", k.name, k.max, k.bits)),
            None => Ok(()),
        }
    }

    fn fields_that_overlap(&self, format: &Format) -> Result<(), String> {
        let mut used = 0u32;
        for o in &format.operands {
            let place = format!("format {}, operand {}", format.name, o.name);
            let Some(kind) = self.kinds.iter().find(|k| k.name == o.kind) else {
                return Err(format!("{place}: there is no kind '{}'", o.kind));
            };
            let (hi, lo) = o.at;
            if hi < lo || hi >= OPCODE_LOW || hi - lo + 1 != kind.bits {
                return Err(format!(
                    "{place}: bits {hi}:{lo} are not {} bits below {OPCODE_LOW}",
                    kind.bits
                ));
            }
            if used & mask(o) != 0 {
                return Err(format!("{place}: bits {hi}:{lo} belong to another operand"));
            }
            used |= mask(o);
        }
        if format.operands.is_empty() != format.rust.is_empty() {
            return Err(format!(
                "format {}: a struct is named exactly if it has fields",
                format.name
            ));
        }
        Ok(())
    }

    fn flags_before_other_operands(&self, format: &Format) -> Result<(), String> {
        let flags = format.operands.iter().map(|o| matches!(self.kind(o).shape, Shape::Flag(_)));
        match flags.rev().skip(1).any(|flag| flag) {
            // Text with a missing word in the middle could be read in two ways.
            true => Err(format!("format {}: only the last operand may be a flag", format.name)),
            false => Ok(()),
        }
    }

    fn opcodes_out_of_range(&self, inst: &Instruction) -> Result<(), String> {
        if (0x01..=0x3e).contains(&inst.opcode) {
            return Ok(());
        }
        Err(format!("{}: opcode {:#04x} is not in 0x01 to 0x3e", inst.name, inst.opcode))
    }

    fn unknown_effects(&self, inst: &Instruction) -> Result<(), String> {
        let Some(format) = self.formats.iter().find(|f| f.name == inst.format) else {
            return Err(format!("{}: there is no format '{}'", inst.name, inst.format));
        };
        for name in inst.reads.iter().chain(&inst.writes) {
            let register = |o: &Operand| o.name == *name && o.kind == "register";
            if !STATES.contains(&name.as_str()) && !format.operands.iter().any(register) {
                return Err(format!(
                    "{}: '{name}' is neither a register operand of {} nor a state",
                    inst.name, format.name
                ));
            }
        }
        Ok(())
    }
}

/// The bits an operand covers.
pub fn mask(o: &Operand) -> u32 {
    let (hi, lo) = o.at;
    (u32::MAX >> (31 - (hi - lo))) << lo
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sound table of one instruction, with one part replaced.
    fn with(old: &str, new: &str) -> Result<(), String> {
        let sound = r#"(isa: "t", kinds: [
            (name: "register", rust: "Reg", bits: 4, max: 15, shape: Bounded("r"), text: "r0", what: ""),
            (name: "flag", rust: "bool", bits: 1, max: 1, shape: Flag("prev"), text: "prev", what: "")],
          formats: [(name: "A", rust: "A", operands: [
            (name: "rd", kind: "register", at: (25, 22)), (name: "p", kind: "flag", at: (21, 21))])],
          instructions: [(name: "one", opcode: 1, format: "A", class: Alu, reads: [], writes: ["rd"],
            means: "", source: "", example: "")])"#;
        assert!(sound.contains(old), "'{old}' is not in the sample");
        ron::from_str::<Table>(&sound.replacen(old, new, 1)).expect("valid RON").check()
    }

    #[test]
    fn the_sample_is_sound() {
        assert_eq!(with("", ""), Ok(()));
    }

    #[test]
    fn each_rule_rejects_what_it_is_named_after() {
        for (old, new, expected) in [
            ("name: \"flag\"", "name: \"register\"", "defined twice"),
            ("max: 15", "max: 16", "does not fit 4 bits"),
            ("(21, 21)", "(22, 22)", "belong to another operand"),
            ("(25, 22)", "(26, 23)", "are not 4 bits below 26"),
            ("(25, 22)", "(25, 23)", "are not 4 bits below 26"),
            ("kind: \"flag\"", "kind: \"word\"", "no kind 'word'"),
            ("rust: \"A\", ", "", "a struct is named exactly if"),
            ("opcode: 1", "opcode: 0", "not in 0x01 to 0x3e"),
            ("opcode: 1", "opcode: 63", "not in 0x01 to 0x3e"),
            ("writes: [\"rd\"]", "writes: [\"rx\"]", "neither a register operand"),
            ("format: \"A\"", "format: \"B\"", "no format 'B'"),
            (
                "(name: \"rd\", kind: \"register\", at: (25, 22)), (name: \"p\", kind: \"flag\", at: (21, 21))",
                "(name: \"p\", kind: \"flag\", at: (21, 21)), (name: \"rd\", kind: \"register\", at: (25, 22))",
                "only the last operand",
            ),
        ] {
            let message = with(old, new).expect_err(expected);
            assert!(message.contains(expected), "'{message}' does not say '{expected}'");
        }
    }
}
