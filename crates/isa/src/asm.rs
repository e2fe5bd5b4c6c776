//! The text form of a program: one instruction per line.
//!
//! The grammar is in `docs/isa/instructions.md`. `assemble(disassemble(words)) == words` for
//! words that decode.

use crate::operand::Text;
use crate::{DecodeError, Inst, Opcode};
use std::fmt::Write;
use std::iter::Peekable;

/// Where and why text is no program. Lines and columns count from 1, columns in characters.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AsmError {
    /// A line begins with something that is no mnemonic.
    #[error("{line}:{column}: there is no instruction `{found}`; expected one of {}", mnemonics())]
    UnknownInstruction {
        /// Line.
        line: usize,
        /// Column of the first character.
        column: usize,
        /// What stands there.
        found: String,
    },
    /// Something else stands where an operand or the end of the line should be.
    #[error("{line}:{column}: expected {expected}, found {}", quoted(found))]
    Expected {
        /// Line.
        line: usize,
        /// Column of the first character, or the one after the last where something is missing.
        column: usize,
        /// What would be right.
        expected: &'static str,
        /// What stands there; empty at the end of a line.
        found: String,
    },
}

/// A word of a program that is no instruction.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("word {address}: {source}")]
pub struct ListingError {
    /// Position of the word in the program, from 0.
    pub address: usize,
    /// Why it does not decode.
    pub source: DecodeError,
}

/// Reads a program.
///
/// Empty lines and comments from `;` are skipped. Errors: the first line that is no instruction.
pub fn assemble(text: &str) -> Result<Vec<Inst>, AsmError> {
    let mut program = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let code = line.split(';').next().unwrap_or_default();
        if !code.trim().is_empty() {
            program.push(instruction(code, n + 1)?);
        }
    }
    Ok(program)
}

/// Writes a program, one instruction per line.
///
/// Errors: the first word that is no instruction.
pub fn disassemble(words: &[u32]) -> Result<String, ListingError> {
    let mut text = String::new();
    for (address, word) in words.iter().enumerate() {
        let inst = Inst::decode(*word).map_err(|source| ListingError { address, source })?;
        writeln!(text, "{inst}").expect("internal: a String accepts every text");
    }
    Ok(text)
}

impl std::str::FromStr for Inst {
    type Err = AsmError;

    /// Reads one instruction, without a comment.
    fn from_str(text: &str) -> Result<Self, AsmError> {
        instruction(text, 1)
    }
}

/// The operands of one line, taken in order.
pub(crate) struct Operands<'a> {
    line: usize,
    /// The line without its comment, to count columns.
    code: &'a str,
    /// Each operand without white space around it, and the byte where it begins.
    parts: Peekable<std::vec::IntoIter<(usize, &'a str)>>,
}

impl Operands<'_> {
    /// Reads the next operand.
    pub(crate) fn take<T: Text>(&mut self) -> Result<T, AsmError> {
        let (start, part) = self.parts.next().unwrap_or((self.code.trim_end().len(), ""));
        T::parse(part).ok_or_else(|| self.expected(T::EXPECTED, start, part))
    }
    /// Whether the next operand is this word, which is then taken.
    pub(crate) fn flag(&mut self, word: &str) -> bool {
        self.parts.next_if(|(_, part)| *part == word).is_some()
    }
    /// Refuses operands that are left over.
    pub(crate) fn end(&mut self) -> Result<(), AsmError> {
        match self.parts.next() {
            // Nothing after a comma: the comma is what should not be there.
            Some((start, "")) => Err(self.expected("the end of the line", start, ",")),
            Some((start, part)) => Err(self.expected("the end of the line", start, part)),
            None => Ok(()),
        }
    }
    fn expected(&self, expected: &'static str, start: usize, found: &str) -> AsmError {
        let column = column(self.code, start);
        AsmError::Expected { line: self.line, column, expected, found: found.to_string() }
    }
}

fn instruction(code: &str, line: usize) -> Result<Inst, AsmError> {
    let indent = code.len() - code.trim_start().len();
    let trimmed = code.trim();
    let name = trimmed.split(char::is_whitespace).next().unwrap_or_default();
    let Some(op) = Opcode::ALL.into_iter().find(|op| op.name() == name) else {
        let column = column(code, indent);
        return Err(AsmError::UnknownInstruction { line, column, found: name.to_string() });
    };
    let mut parts = Vec::new();
    if trimmed.len() > name.len() {
        let mut start = indent + name.len();
        for part in code[start..].split(',') {
            let space = part.len() - part.trim_start().len();
            parts.push((start + space, part.trim()));
            start += part.len() + 1;
        }
    }
    Inst::parse(op, &mut Operands { line, code, parts: parts.into_iter().peekable() })
}

/// The column, from 1 and in characters, of a byte of the line.
fn column(code: &str, byte: usize) -> usize {
    code[..byte].chars().count() + 1
}

fn mnemonics() -> String {
    Opcode::ALL.map(Opcode::name).join(", ")
}

fn quoted(found: &str) -> String {
    if found.is_empty() { "nothing".to_string() } else { format!("`{found}`") }
}
