//! Cuts a text into tokens, one at a time, so that memory does not grow with the text.
//!
//! A line end is a token, because it ends a statement, except inside round or square brackets.

use super::{MAX_NAME, is_name_byte};
use trifactor_diag::{Diagnostic, Place};

/// A finding on its way up; boxed because the good path is the common one.
pub(super) type Fail = Box<Diagnostic>;

/// Longest part of a line that is quoted in an error, in characters.
const MAX_QUOTE: usize = 160;

/// One token.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Token<'a> {
    /// A word.
    Name(&'a str),
    /// A number without sign, as written.
    Number(&'a str),
    /// What stands between two double quotes, escapes not yet resolved.
    Quoted(&'a str),
    /// A sign.
    Sign(char),
    /// The end of a line, outside brackets.
    Newline,
    /// The end of the text.
    End,
}

impl Token<'_> {
    /// The token as an error message names it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Name(t) | Self::Number(t) => format!("'{t}'"),
            Self::Quoted(_) => "a quoted text".to_owned(),
            Self::Sign(c) => format!("'{c}'"),
            Self::Newline => "the end of the line".to_owned(),
            Self::End => "the end of the text".to_owned(),
        }
    }
}

/// Reads tokens from a text.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    file: &'a str,
    at: usize,
    brackets: usize,
    /// The next token, if it was looked at.
    ahead: Option<(Token<'a>, usize)>,
    /// The last token that [`Lexer::next`] gave out.
    last: Option<(Token<'a>, usize)>,
    /// Byte offsets of the line ends.
    ends: Vec<usize>,
}

impl<'a> Lexer<'a> {
    /// A reader at the start of a text.
    pub(super) fn new(text: &'a str, file: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at);
        Self { text, file, at: 0, brackets: 0, ahead: None, last: None, ends: ends.collect() }
    }

    /// The next token and its byte offset.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, usize), Fail> {
        let token = match self.ahead.take() {
            Some(token) => token,
            None => self.scan()?,
        };
        self.last = Some(token);
        Ok(token)
    }

    /// The next token, which stays the next one.
    pub(super) fn peek(&mut self) -> Result<Token<'a>, Fail> {
        Ok(self.peek_placed()?.0)
    }

    /// The next token with its byte offset; it stays the next one.
    pub(super) fn peek_placed(&mut self) -> Result<(Token<'a>, usize), Fail> {
        if self.ahead.is_none() {
            self.ahead = Some(self.scan()?);
        }
        Ok(self.ahead.expect("internal: a token was just read"))
    }

    /// Takes the next token if it is that sign.
    pub(super) fn take(&mut self, sign: char) -> Result<bool, Fail> {
        let found = self.peek()? == Token::Sign(sign);
        if found {
            self.ahead = None;
        }
        Ok(found)
    }

    /// Takes the next token if it is that word.
    pub(super) fn take_word(&mut self, word: &str) -> Result<bool, Fail> {
        let found = self.peek()? == Token::Name(word);
        if found {
            self.ahead = None;
        }
        Ok(found)
    }

    /// Takes all line ends that come next.
    pub(super) fn skip_newlines(&mut self) -> Result<(), Fail> {
        while self.peek()? == Token::Newline {
            self.ahead = None;
        }
        Ok(())
    }

    /// Goes on behind an error: drops everything up to the end of the line the error is on.
    pub(super) fn skip_line(&mut self) {
        self.brackets = 0;
        // The error may be about the very token that ends the line.
        if self.ahead.is_none()
            && let Some((Token::Newline | Token::Sign('}') | Token::End, _)) = self.last
        {
            self.ahead = self.last;
        }
        loop {
            match self.peek() {
                Ok(Token::Newline | Token::End | Token::Sign('}')) => return,
                Ok(_) => self.ahead = None,
                // A second bad character on a line that is already reported says nothing new.
                Err(_) => {}
            }
            self.brackets = 0;
        }
    }

    /// Demands a sign.
    pub(super) fn expect(&mut self, sign: char, code: &'static str) -> Result<usize, Fail> {
        let (token, at) = self.next()?;
        if token == Token::Sign(sign) {
            return Ok(at);
        }
        Err(self.fail(code, at, format!("expected '{sign}', found {}", token.describe())))
    }

    /// Demands a name; `what` says of what.
    pub(super) fn name(
        &mut self,
        what: &str,
        code: &'static str,
    ) -> Result<(&'a str, usize), Fail> {
        match self.next()? {
            (Token::Name(name), at) => Ok((name, at)),
            (token, at) => {
                Err(self.fail(code, at, format!("expected {what}, found {}", token.describe())))
            }
        }
    }

    /// Demands the end of the line; a closing brace may follow on the same line.
    pub(super) fn end_of_line(&mut self, code: &'static str) -> Result<(), Fail> {
        let (token, at) = self.peek_placed()?;
        match token {
            Token::Newline => {
                self.ahead = None;
                Ok(())
            }
            Token::End | Token::Sign('}') => Ok(()),
            _ => Err(self.fail(
                code,
                at,
                format!("expected the end of the line, found {}", token.describe()),
            )),
        }
    }

    /// Demands a number, with or without a minus sign.
    pub(super) fn number(&mut self) -> Result<f64, Fail> {
        let negative = self.take('-')?;
        match self.next()? {
            (Token::Number(text), at) => {
                let value = self.value(text, at)?;
                Ok(if negative { -value } else { value })
            }
            (token, at) => {
                Err(self.fail("K005", at, format!("expected a number, found {}", token.describe())))
            }
        }
    }

    /// Demands a whole number of at most `limit`; `what` names it.
    pub(super) fn whole(
        &mut self,
        what: &str,
        limit: u32,
        code: &'static str,
    ) -> Result<u32, Fail> {
        let (token, at) = self.next()?;
        let Token::Number(text) = token else {
            return Err(self.fail(
                code,
                at,
                format!("expected {what}, found {}", token.describe()),
            ));
        };
        text.parse::<u32>().ok().filter(|n| *n <= limit).ok_or_else(|| {
            self.fail(code, at, format!("{what} is a whole number from 0 to {limit}, not {text}"))
        })
    }

    /// The value of a number token.
    pub(super) fn value(&self, text: &str, at: usize) -> Result<f64, Fail> {
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(self.fail("K005", at, format!("{text} is beyond the largest double"))),
        }
    }

    /// An error at a byte offset.
    pub(super) fn fail(&self, code: &'static str, at: usize, message: impl Into<String>) -> Fail {
        Box::new(Diagnostic::error(code, message).at(self.place(at)))
    }

    /// The file that is read.
    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    /// Line of a byte offset, from 1.
    pub(super) fn line(&self, at: usize) -> u32 {
        let before = self.ends.partition_point(|end| *end < at);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    /// Line, column and text of a byte offset.
    pub(super) fn place(&self, at: usize) -> Place {
        let before = &self.text[..at];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let column = before[start..].chars().count() + 1;
        let text = self.text[start..].lines().next().unwrap_or("");
        let quoted: String = text.chars().take(MAX_QUOTE).collect();
        Place::file(self.file).position(line, column).line_text(quoted)
    }

    fn scan(&mut self) -> Result<(Token<'a>, usize), Fail> {
        let bytes = self.text.as_bytes();
        loop {
            let Some(&byte) = bytes.get(self.at) else {
                return Ok((Token::End, self.at));
            };
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' if self.brackets > 0 => self.at += 1,
                b';' => self.at += run(&bytes[self.at..], |b| b != b'\n'),
                _ => break,
            }
        }
        let start = self.at;
        let rest = &bytes[start..];
        let token = match rest[0] {
            b'\n' => {
                self.at += 1;
                Token::Newline
            }
            b if b.is_ascii_alphabetic() || b == b'_' => {
                self.at += run(rest, is_name_byte);
                let name = &self.text[start..self.at];
                if name.len() > MAX_NAME {
                    return Err(self.fail(
                        "K004",
                        start,
                        format!("a name of {} bytes; the limit is {MAX_NAME}", name.len()),
                    ));
                }
                Token::Name(name)
            }
            b if b.is_ascii_digit() => {
                self.at += number_length(rest);
                if bytes.get(self.at).is_some_and(|b| is_name_byte(*b)) {
                    let end = self.at + run(&bytes[self.at..], is_name_byte);
                    let text = &self.text[start..end.min(start + MAX_NAME)];
                    self.at = end;
                    return Err(Box::new(
                        self.fail("K005", start, format!("'{text}' is not a number"))
                            .hint("write numbers as 2, 0.5 or 1e-3, and products with '*'"),
                    ));
                }
                Token::Number(&self.text[start..self.at])
            }
            b'"' => return self.quoted(),
            b @ (b'{' | b'}' | b'(' | b')' | b'[' | b']' | b':' | b',' | b'=' | b'+' | b'-'
            | b'*' | b'>' | b'<') => {
                self.at += 1;
                match b {
                    b'(' | b'[' => self.brackets += 1,
                    b')' | b']' => self.brackets = self.brackets.saturating_sub(1),
                    _ => {}
                }
                Token::Sign(char::from(b))
            }
            _ => {
                let found = self.text[start..].chars().next().unwrap_or(' ');
                self.at += found.len_utf8();
                let mut fail = *self.fail("K001", start, format!("unexpected {found:?}"));
                if found == '/' {
                    fail = fail.hint("there is no division; multiply by the reciprocal");
                }
                return Err(Box::new(fail));
            }
        };
        Ok((token, start))
    }

    /// A text in double quotes; ends on its own line.
    fn quoted(&mut self) -> Result<(Token<'a>, usize), Fail> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                // An escape is two bytes at least; the second one cannot end the text.
                Some(b'\\') if bytes.get(end + 1).is_some_and(|b| *b != b'\n') => end += 2,
                None | Some(b'\n' | b'\\') => {
                    self.at = end;
                    return Err(self.fail("K001", start, "a quoted text that does not end"));
                }
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        Ok((Token::Quoted(&self.text[start + 1..end]), start))
    }
}

/// How many bytes from the start satisfy `test`.
fn run(bytes: &[u8], test: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| test(**b)).count()
}

/// Length of `digits[.digits][e[sign]digits]` at the start of `bytes`.
fn number_length(bytes: &[u8]) -> usize {
    let digits = |from: usize| run(bytes.get(from..).unwrap_or(&[]), |b| b.is_ascii_digit());
    let mut n = digits(0);
    if bytes.get(n) == Some(&b'.') && digits(n + 1) > 0 {
        n += 1 + digits(n + 1);
    }
    if matches!(bytes.get(n), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(n + 1), Some(b'+' | b'-')));
        let exponent = digits(n + 1 + sign);
        if exponent > 0 {
            n += 1 + sign + exponent;
        }
    }
    n
}
