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

    /// Reads one instruction; the text must not contain a line break or a comment.
    fn from_str(text: &str) -> Result<Self, AsmError> {
        instruction(text, 1)
    }
}

/// The operands of one line, taken in order.
pub(crate) struct Operands<'a> {
    line: usize,
    /// The line without its comment, to compute columns.
    code: &'a str,
    parts: Peekable<std::vec::IntoIter<&'a str>>,
}

impl Operands<'_> {
    /// Reads the next operand.
    pub(crate) fn take<T: Text>(&mut self) -> Result<T, AsmError> {
        match self.parts.next() {
            Some(part) => T::parse(part.trim()).ok_or_else(|| self.expected(T::EXPECTED, part)),
            None => Err(self.expected(T::EXPECTED, &self.code[self.code.len()..])),
        }
    }
    /// Whether the next operand is this word, which is then taken.
    pub(crate) fn flag(&mut self, word: &str) -> bool {
        self.parts.next_if(|part| part.trim() == word).is_some()
    }
    /// Refuses operands that are left over.
    pub(crate) fn end(&mut self) -> Result<(), AsmError> {
        match self.parts.next() {
            Some(part) => Err(self.expected("the end of the line", part)),
            None => Ok(()),
        }
    }
    fn expected(&self, expected: &'static str, part: &str) -> AsmError {
        let found = part.trim();
        let column = match found {
            "" => column(self.code, self.code.trim_end()[self.code.trim_end().len()..].as_ptr()),
            _ => column(self.code, found.as_ptr()),
        };
        AsmError::Expected { line: self.line, column, expected, found: found.to_string() }
    }
}

fn instruction(code: &str, line: usize) -> Result<Inst, AsmError> {
    let trimmed = code.trim();
    let (name, rest) = trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, ""));
    let Some(op) = Opcode::ALL.into_iter().find(|op| op.name() == name) else {
        let column = column(code, name.as_ptr());
        return Err(AsmError::UnknownInstruction { line, column, found: name.to_string() });
    };
    let parts: Vec<&str> =
        if rest.trim().is_empty() { Vec::new() } else { rest.split(',').collect() };
    Inst::parse(op, &mut Operands { line, code, parts: parts.into_iter().peekable() })
}

/// The column at which a part of `code` begins.
fn column(code: &str, part: *const u8) -> usize {
    let bytes = part.addr() - code.as_ptr().addr();
    code[..bytes].chars().count() + 1
}

fn mnemonics() -> String {
    Opcode::ALL.map(Opcode::name).join(", ")
}

fn quoted(found: &str) -> String {
    if found.is_empty() { "nothing".to_string() } else { format!("`{found}`") }
}
