//! Right-hand sides.
//!
//! ```text
//! expression = sum [ ( ">" | "<" ) sum ]
//! sum        = term { ( "+" | "-" ) term }
//! term       = factor { "*" factor }
//! factor     = "-" factor | number | name | "(" expression ")" | call
//! call       = "min(a, b)" | "max(a, b)" | "clamp(x, lo, hi)" | "sgn(x)" | "read(input)"
//!            | "select(condition, then, other)"
//!            | "step(x [, surrogate])" | "bump(x [, surrogate])"
//! surrogate  = ( "sigmoid" | "exp" | "triangle" ) scale beta
//! ```
//!
//! Operations are appended in the order of evaluation: operands from left to right, then the
//! operation. Every number is a constant of its own. `-x` is `0 - x`, `-2` is a constant, `a < b`
//! is `b > a`, `clamp(x, lo, hi)` is `min(max(x, lo), hi)`. An input is read once, where it is
//! first used; `read(x)` reads it anew.

use super::MAX_DEPTH;
use super::kernel_parse::KernelParser;
use super::lexer::{Fail, Token};
use crate::kernel::{Op, Surrogate, ValueId};
use trifactor_diag::did_you_mean;

const FUNCTIONS: [&str; 8] = ["bump", "clamp", "max", "min", "read", "select", "sgn", "step"];

impl KernelParser<'_, '_> {
    /// Reads an expression and appends its operations.
    pub(super) fn expression(&mut self) -> Result<ValueId, Fail> {
        self.comparison(0)
    }

    fn comparison(&mut self, depth: usize) -> Result<ValueId, Fail> {
        let left = self.sum(depth)?;
        let (token, at) = self.lexer.peek_placed()?;
        let greater = match token {
            Token::Sign('>') => true,
            Token::Sign('<') => false,
            _ => return Ok(left),
        };
        self.lexer.next()?;
        let right = self.sum(depth)?;
        if matches!(self.lexer.peek()?, Token::Sign('>' | '<')) {
            let message = "comparisons cannot be chained";
            let hint = "put the first one in brackets, or use select";
            return Err(Box::new(self.lexer.fail("K001", at, message).hint(hint)));
        }
        self.op(if greater { Op::Gt(left, right) } else { Op::Gt(right, left) }, at)
    }

    fn sum(&mut self, depth: usize) -> Result<ValueId, Fail> {
        let mut left = self.term(depth)?;
        loop {
            let (token, at) = self.lexer.peek_placed()?;
            let make: fn(ValueId, ValueId) -> Op = match token {
                Token::Sign('+') => Op::Add,
                Token::Sign('-') => Op::Sub,
                _ => return Ok(left),
            };
            self.lexer.next()?;
            let right = self.term(depth)?;
            left = self.op(make(left, right), at)?;
        }
    }

    fn term(&mut self, depth: usize) -> Result<ValueId, Fail> {
        let mut left = self.factor(depth)?;
        loop {
            let (token, at) = self.lexer.peek_placed()?;
            if token != Token::Sign('*') {
                return Ok(left);
            }
            self.lexer.next()?;
            let right = self.factor(depth)?;
            left = self.op(Op::Mul(left, right), at)?;
        }
    }

    fn factor(&mut self, depth: usize) -> Result<ValueId, Fail> {
        let (token, at) = self.lexer.next()?;
        if depth >= MAX_DEPTH {
            let message = format!("brackets are nested more than {MAX_DEPTH} deep");
            let hint = "give a part of the expression a name of its own";
            return Err(Box::new(self.lexer.fail("K004", at, message).hint(hint)));
        }
        match token {
            Token::Sign('-') => {
                if matches!(self.lexer.peek()?, Token::Number(_)) {
                    let value = self.lexer.number()?;
                    return self.op(Op::Const(-value), at);
                }
                let zero = self.op(Op::Const(0.0), at)?;
                let value = self.factor(depth + 1)?;
                self.op(Op::Sub(zero, value), at)
            }
            Token::Number(text) => {
                let value = self.lexer.value(text, at)?;
                self.op(Op::Const(value), at)
            }
            Token::Sign('(') => {
                let value = self.comparison(depth + 1)?;
                self.lexer.expect(')', "K001")?;
                Ok(value)
            }
            Token::Name(name) if self.lexer.take('(')? => self.call(name, at, depth + 1),
            Token::Name(name) => self.lookup(name, at),
            _ => {
                let message = format!("expected a value, found {}", token.describe());
                Err(self.lexer.fail("K001", at, message))
            }
        }
    }

    /// A call behind its opening bracket.
    fn call(&mut self, function: &str, at: usize, depth: usize) -> Result<ValueId, Fail> {
        let value = match function {
            "min" => {
                let [a, b] = self.arguments(depth)?;
                self.op(Op::Min(a, b), at)?
            }
            "max" => {
                let [a, b] = self.arguments(depth)?;
                self.op(Op::Max(a, b), at)?
            }
            "clamp" => {
                let x = self.comparison(depth)?;
                self.comma()?;
                let low = self.comparison(depth)?;
                let raised = self.op(Op::Max(x, low), at)?;
                self.comma()?;
                let high = self.comparison(depth)?;
                self.op(Op::Min(raised, high), at)?
            }
            "sgn" => {
                let [x] = self.arguments(depth)?;
                self.op(Op::Sgn(x), at)?
            }
            "select" => {
                let [cond, then, other] = self.arguments(depth)?;
                self.op(Op::Select { cond, then, other }, at)?
            }
            "step" => {
                let x = self.comparison(depth)?;
                let surrogate = self.surrogate()?;
                self.op(Op::Step(x, surrogate), at)?
            }
            "bump" => {
                let x = self.comparison(depth)?;
                let surrogate = self.surrogate()?;
                self.op(Op::Bump(x, surrogate), at)?
            }
            "read" => {
                let (name, at) = self.lexer.name("the name of an input", "K006")?;
                let port = self.input_named(name, at)?;
                self.read_again(port, at)?
            }
            _ => {
                let mut fail =
                    *self.lexer.fail("K006", at, format!("there is no function '{function}'"));
                fail = match did_you_mean(function, FUNCTIONS) {
                    Some(near) => fail.hint(format!("did you mean '{near}'?")),
                    None => fail.hint(format!("functions are {}", FUNCTIONS.join(", "))),
                };
                return Err(Box::new(fail));
            }
        };
        let (token, end) = self.lexer.next()?;
        match token {
            Token::Sign(')') => Ok(value),
            Token::Sign(',') => {
                let message = format!("'{function}' has fewer arguments than are given");
                Err(self.lexer.fail("K006", end, message))
            }
            _ => {
                let message = format!("expected ')', found {}", token.describe());
                Err(self.lexer.fail("K001", end, message))
            }
        }
    }

    fn arguments<const N: usize>(&mut self, depth: usize) -> Result<[ValueId; N], Fail> {
        let first = self.comparison(depth)?;
        let mut values = [first; N];
        for value in values.iter_mut().skip(1) {
            self.comma()?;
            *value = self.comparison(depth)?;
        }
        Ok(values)
    }

    fn comma(&mut self) -> Result<(), Fail> {
        let (token, at) = self.lexer.next()?;
        match token {
            Token::Sign(',') => Ok(()),
            Token::Sign(')') => Err(self.lexer.fail("K006", at, "the call lacks an argument")),
            _ => {
                let message = format!("expected ',', found {}", token.describe());
                Err(self.lexer.fail("K001", at, message))
            }
        }
    }

    fn surrogate(&mut self) -> Result<Surrogate, Fail> {
        if !self.lexer.take(',')? {
            return Ok(Surrogate::None);
        }
        let (shape, at) = self.lexer.name("sigmoid, exp or triangle", "K006")?;
        if !matches!(shape, "sigmoid" | "exp" | "triangle") {
            let message = format!("'{shape}' is not a surrogate derivative");
            let hint = "surrogates are sigmoid, exp and triangle, each with scale and beta";
            return Err(Box::new(self.lexer.fail("K006", at, message).hint(hint)));
        }
        let scale = self.lexer.number()?;
        let beta = self.lexer.number()?;
        Ok(match shape {
            "sigmoid" => Surrogate::FastSigmoid { scale, beta },
            "exp" => Surrogate::Exponential { scale, beta },
            _ => Surrogate::Triangle { scale, beta },
        })
    }
}
