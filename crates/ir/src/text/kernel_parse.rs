//! Reads kernels.
//!
//! ```text
//! kernels   = { kernel }
//! kernel    = "kernel" name "{" { statement line-end } "}"
//! statement = "in" name ":" role [ variable ] [ "prev" ] [ "at" ( "x0" | "y0" | "end" ) ]
//!           | name "=" expression
//!           | "set" variable "=" expression
//!           | "add" ( "post" | "pre" | "global" | "own" ) variable "=" expression
//! role      = "own" | "pre" | "post" | "global" | "every" k
//! ```
//!
//! Expressions are in [`super::expression`]. An error drops its line only, so several lines can
//! be reported at once; a name whose definition failed is not reported again where it is used.

use super::lexer::{Fail, Lexer, Token};
use super::{MAX_ERRORS, MAX_KERNEL_FILE, MAX_OPS, MAX_OUTPUTS, MAX_PORTS, is_name};
use crate::kernel::{Kernel, Op, Output, Port, PortId, Role, Target, ValueId, When, Written};
use std::collections::BTreeMap;
use trifactor_diag::{Diagnostic, Diagnostics, Place, did_you_mean};
use trifactor_entity::{EntityId, Table};

/// Reads the one kernel of a text; `file` is named in errors.
///
/// Errors: K001 to K009, each with line, column and the text of the line.
pub fn parse_kernel(text: &str, file: &str) -> Result<Kernel, Diagnostics> {
    let mut kernels = parse_kernels(text, file)?;
    match (kernels.pop(), kernels.len()) {
        (Some(kernel), 0) => Ok(kernel),
        (last, others) => Err(Diagnostic::error(
            "K009",
            format!("expected one kernel, found {}", others + usize::from(last.is_some())),
        )
        .at(Place::file(file))
        .into()),
    }
}

/// Reads all kernels of a text, whose names differ; `file` is named in errors.
///
/// Errors: K001 to K009, each with line, column and the text of the line.
pub fn parse_kernels(text: &str, file: &str) -> Result<Vec<Kernel>, Diagnostics> {
    if text.len() > MAX_KERNEL_FILE {
        return Err(Diagnostic::error(
            "K004",
            format!("the file has {} bytes; the limit is {MAX_KERNEL_FILE}", text.len()),
        )
        .at(Place::file(file))
        .into());
    }
    let mut lexer = Lexer::new(text, file);
    let mut found = Diagnostics::new();
    let mut kernels: Vec<Kernel> = Vec::new();
    loop {
        let start = match next_kernel(&mut lexer) {
            Ok(Some(at)) => at,
            Ok(None) => break,
            Err(fail) => {
                found.push(*fail);
                break;
            }
        };
        match parse_body(&mut lexer, &mut found) {
            Ok(kernel) => {
                if kernels.iter().any(|k| k.name == kernel.name) {
                    let message = format!("a second kernel is called '{}'", kernel.name);
                    found.push(*lexer.fail("K003", start, message));
                }
                kernels.push(kernel);
            }
            Err(fail) => {
                found.push(*fail);
                break;
            }
        }
        if found.len() >= MAX_ERRORS {
            break;
        }
    }
    found.into_result(kernels).map(|(kernels, _)| kernels)
}

/// The place of the next `kernel` word, which is taken; `None` at the end of the text.
fn next_kernel(lexer: &mut Lexer<'_>) -> Result<Option<usize>, Fail> {
    lexer.skip_newlines()?;
    match lexer.next()? {
        (Token::End, _) => Ok(None),
        (Token::Name("kernel"), at) => Ok(Some(at)),
        (token, at) => {
            let message = format!("expected 'kernel', found {}", token.describe());
            Err(Box::new(
                lexer.fail("K001", at, message).hint("a kernel reads: kernel name { ... }"),
            ))
        }
    }
}

/// Reads a kernel behind its `kernel` word. Errors of single lines go to `found`; `Err` means
/// that what follows cannot be read either.
pub(super) fn parse_body(lexer: &mut Lexer<'_>, found: &mut Diagnostics) -> Result<Kernel, Fail> {
    let (name, _) = lexer.name("the name of the kernel", "K001")?;
    lexer.expect('{', "K001")?;
    let kernel = Kernel {
        name: name.to_owned(),
        ports: Table::new(),
        ops: Table::new(),
        outputs: Vec::new(),
        written: Written { file: Some(lexer.file().to_owned()), ..Written::default() },
    };
    let mut parser = KernelParser { lexer, kernel, names: BTreeMap::new(), reads: Vec::new() };
    loop {
        match parser.statement() {
            Ok(Statement::Read) => {}
            Ok(Statement::Close) => return Ok(parser.kernel),
            Ok(Statement::Missing(at)) => {
                let message = format!("kernel '{}' has no closing '}}'", parser.kernel.name);
                return Err(parser.lexer.fail("K001", at, message));
            }
            Err(fail) => {
                if fail.code != SILENT {
                    found.push(*fail);
                }
                if found.len() >= MAX_ERRORS {
                    // The brace is looked for no more, so nothing behind it can be read.
                    let end = Diagnostic::error("K009", "too many errors; the rest is not read");
                    return Err(Box::new(end.at(parser.lexer.place(0))));
                }
                parser.lexer.skip_line();
            }
        }
    }
}

/// Code of an error that follows from one already reported.
pub(super) const SILENT: &str = "";

/// What came next in a kernel.
enum Statement {
    /// A statement.
    Read,
    /// The closing brace.
    Close,
    /// The end of the text, at this offset.
    Missing(usize),
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Binding {
    /// An input, read at its first use.
    Input(PortId),
    /// A value.
    Value(ValueId),
    /// A definition that failed and is reported.
    Broken,
}

/// The kernel as far as it is read.
pub(super) struct KernelParser<'l, 'a> {
    pub(super) lexer: &'l mut Lexer<'a>,
    kernel: Kernel,
    names: BTreeMap<&'a str, Binding>,
    /// Value of the first read of each input.
    reads: Vec<Option<ValueId>>,
}

impl<'a> KernelParser<'_, 'a> {
    fn statement(&mut self) -> Result<Statement, Fail> {
        self.lexer.skip_newlines()?;
        let (token, at) = self.lexer.next()?;
        match token {
            Token::Sign('}') => return Ok(Statement::Close),
            Token::Name("in") => self.input()?,
            Token::Name("set") => self.output(Target::Set)?,
            Token::Name("add") => {
                let (whose, at) = self.lexer.name("post, pre, global or own", "K001")?;
                let target = match whose {
                    "post" => Target::AddPost,
                    "pre" => Target::AddPre,
                    "global" => Target::AddGlobal,
                    "own" => Target::AddOwn,
                    _ => {
                        let message = format!("cannot add to '{whose}'");
                        let hint = "write: add post q = value (or pre, global, own)";
                        return Err(Box::new(self.lexer.fail("K001", at, message).hint(hint)));
                    }
                };
                self.output(target)?;
            }
            Token::Name(name) => {
                let result = self.definition(name, at);
                if result.is_err() {
                    self.names.entry(name).or_insert(Binding::Broken);
                }
                result?;
            }
            Token::End => return Ok(Statement::Missing(at)),
            _ => {
                let message = format!("expected a statement, found {}", token.describe());
                let hint = "statements are: in x: own / v = a * b / set w = v / add post q = v";
                return Err(Box::new(self.lexer.fail("K001", at, message).hint(hint)));
            }
        }
        self.lexer.end_of_line("K001")?;
        Ok(Statement::Read)
    }

    fn input(&mut self) -> Result<(), Fail> {
        let (name, at) = self.lexer.name("the name of the input", "K001")?;
        let port = self.port(name);
        // A name that could not be declared is still known, so its uses are not reported too.
        if port.is_err() {
            self.names.entry(name).or_insert(Binding::Broken);
        }
        let port = port?;
        if self.kernel.ports.len() >= MAX_PORTS {
            let message = format!("a kernel has at most {MAX_PORTS} inputs");
            return Err(self.lexer.fail("K004", at, message));
        }
        self.undefined(name, at)?;
        let id = self.kernel.ports.push(port);
        self.reads.push(None);
        self.names.insert(name, Binding::Input(id));
        Ok(())
    }

    fn port(&mut self, name: &str) -> Result<Port, Fail> {
        const ROLES: &str = "roles are own, pre, post, global and every k";
        self.lexer.expect(':', "K001")?;
        let (role, at) = self.lexer.name("a role", "K007")?;
        let role = match role {
            "own" => Role::Own,
            "pre" => Role::Pre,
            "post" => Role::Post,
            "global" => Role::Global,
            "every" => {
                let k = self.lexer.whole("k of 'every k'", 9, "K007")?;
                Role::Every(u8::try_from(k).expect("internal: k is at most 9"))
            }
            _ => {
                let message = format!("'{role}' is not a role of an input");
                return Err(Box::new(self.lexer.fail("K007", at, message).hint(ROLES)));
            }
        };
        let mut port = Port::new(name, role);
        if let Token::Name(variable) = self.lexer.peek()?
            && is_name(variable)
        {
            self.lexer.next()?;
            variable.clone_into(&mut port.variable);
        }
        port.prev = self.lexer.take_word("prev")?;
        if self.lexer.take_word("at")? {
            let (when, at) = self.lexer.name("x0, y0 or end", "K007")?;
            port.when = match when {
                "x0" => When::AtPre,
                "y0" => When::AtPost,
                "end" => When::End,
                _ => {
                    let message = format!("'{when}' is not a time to read at");
                    let hint = "times are x0 (last pre spike), y0 (last post spike) and end";
                    return Err(Box::new(self.lexer.fail("K007", at, message).hint(hint)));
                }
            };
        }
        Ok(port)
    }

    fn definition(&mut self, name: &'a str, at: usize) -> Result<(), Fail> {
        self.lexer.expect('=', "K001")?;
        self.undefined(name, at)?;
        let value = self.expression()?;
        self.names.insert(name, Binding::Value(value));
        Ok(())
    }

    fn output(&mut self, target: Target) -> Result<(), Fail> {
        let (variable, at) = self.lexer.name("the variable", "K001")?;
        self.lexer.expect('=', "K001")?;
        let value = self.expression()?;
        if self.kernel.outputs.len() >= MAX_OUTPUTS {
            let message = format!("a kernel has at most {MAX_OUTPUTS} results");
            return Err(self.lexer.fail("K004", at, message));
        }
        let same = |o: &Output| o.variable == variable && o.target == target;
        if self.kernel.outputs.iter().any(same) {
            let message = format!("'{variable}' already has its result");
            return Err(self.lexer.fail("K008", at, message));
        }
        self.kernel.written.outputs.push(self.lexer.line(at));
        self.kernel.outputs.push(Output { variable: variable.to_owned(), target, value });
        Ok(())
    }

    /// Refuses a name that is taken.
    fn undefined(&self, name: &str, at: usize) -> Result<(), Fail> {
        match self.names.get(name) {
            None => Ok(()),
            Some(Binding::Broken) => Err(self.silent()),
            Some(_) => {
                let message = format!("'{name}' is already defined");
                let hint = "values are written once; take another name";
                Err(Box::new(self.lexer.fail("K003", at, message).hint(hint)))
            }
        }
    }

    /// The error that is not shown, because its cause is.
    fn silent(&self) -> Fail {
        Box::new(Diagnostic::error(SILENT, ""))
    }

    /// Appends an operation; `at` is where an error would be shown.
    pub(super) fn op(&mut self, op: Op, at: usize) -> Result<ValueId, Fail> {
        if self.kernel.ops.len() >= MAX_OPS {
            let message = format!("a kernel has at most {MAX_OPS} operations");
            return Err(self.lexer.fail("K004", at, message));
        }
        self.kernel.written.lines.push(self.lexer.line(at));
        Ok(self.kernel.ops.push(op))
    }

    /// The value of a name; an input is read at its first use.
    pub(super) fn lookup(&mut self, name: &str, at: usize) -> Result<ValueId, Fail> {
        match self.names.get(name).copied() {
            Some(Binding::Value(value)) => Ok(value),
            Some(Binding::Input(port)) => match self.reads[port.index()] {
                Some(value) => Ok(value),
                None => self.read_again(port, at),
            },
            Some(Binding::Broken) => Err(self.silent()),
            None => {
                let mut fail = *self.lexer.fail("K002", at, format!("'{name}' is not defined"));
                fail = match did_you_mean(name, self.names.keys().copied()) {
                    Some(near) => fail.hint(format!("did you mean '{near}'?")),
                    None => fail.hint(format!("declare it first: in {name}: own")),
                };
                Err(Box::new(fail))
            }
        }
    }

    /// The input of that name, for `read(name)`.
    pub(super) fn input_named(&self, name: &str, at: usize) -> Result<PortId, Fail> {
        match self.names.get(name) {
            Some(Binding::Input(port)) => Ok(*port),
            Some(Binding::Broken) => Err(self.silent()),
            _ => Err(self.lexer.fail("K002", at, format!("'{name}' is not an input"))),
        }
    }

    /// A new operation that reads an input.
    pub(super) fn read_again(&mut self, port: PortId, at: usize) -> Result<ValueId, Fail> {
        let value = self.op(Op::Port(port), at)?;
        self.reads[port.index()].get_or_insert(value);
        Ok(value)
    }
}
