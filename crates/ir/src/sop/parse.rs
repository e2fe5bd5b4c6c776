//! Cuts a sum into products and reads each.
//!
//! An error drops its product only, so several products can be reported at once.

use super::{Dependency, SopFactor, SopProduct, SopVar};
use trifactor_diag::{Diagnostic, Diagnostics, Place, did_you_mean};

/// Longest sum, in bytes.
pub const MAX_LENGTH: usize = 4_096;
/// Most products of one sum.
pub const MAX_PRODUCTS: usize = 64;
/// Most factors of one product.
pub const MAX_FACTORS: usize = 16;
/// Largest power of two in one literal, either way.
const MAX_EXPONENT: i32 = 30;

/// Reads one sum. `place` says whose it is; errors add line and column inside the text.
///
/// Errors: R001 to R008, one per product at most.
pub fn parse_products(text: &str, place: &Place) -> Result<Vec<SopProduct>, Diagnostics> {
    let placed = placed_products(text, place)?;
    Ok(placed.into_iter().map(|placed| placed.product).collect())
}

/// A product and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub product: SopProduct,
    /// Byte offset of its first factor.
    pub at: usize,
    /// Its text on one line, with a minus in front where it is subtracted.
    pub text: String,
}

/// The products of a sum, each with its place. Errors: as [`parse_products`].
pub(super) fn placed_products(text: &str, place: &Place) -> Result<Vec<Placed>, Diagnostics> {
    let source = Source { text, place };
    let tokens = source.tokens()?;
    let mut found = Diagnostics::new();
    let mut products = Vec::new();
    for (number, (negative, range)) in source.split(&tokens)?.into_iter().enumerate() {
        let mut reader = Product {
            source: &source,
            tokens: &tokens[range.clone()],
            at: 0,
            end: tokens.get(range.end).map_or(text.len(), |t| t.at),
            scale: Scale::one(negative),
        };
        let first = tokens.get(range.start).map_or(text.len(), |t| t.at);
        match reader.product() {
            Ok(product) => {
                let words: Vec<&str> = text[first..reader.end].split_whitespace().collect();
                let sign = if negative { "-" } else { "" };
                let text = format!("{sign}{}", words.join(" "));
                products.push(Placed { product, at: first, text });
            }
            Err(fail) => {
                let shown: String = text[first..reader.end].trim().chars().take(60).collect();
                let mut fail = *fail;
                fail.message = format!("product {} '{shown}': {}", number + 1, fail.message);
                found.push(fail);
            }
        }
    }
    found.into_result(products).map(|(products, _)| products)
}

/// A finding on its way up.
type Fail = Box<Diagnostic>;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind<'a> {
    Word(&'a str),
    Number(&'a str),
    Sign(char),
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    kind: Kind<'a>,
    /// Byte offset.
    at: usize,
}

struct Source<'a> {
    text: &'a str,
    place: &'a Place,
}

impl<'a> Source<'a> {
    fn fail(&self, code: &'static str, at: usize, message: impl Into<String>) -> Fail {
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let column = before[start..].chars().count() + 1;
        let shown: String =
            self.text[start..].lines().next().unwrap_or("").chars().take(160).collect();
        let place = self.place.clone().position(line, column).line_text(shown);
        Box::new(Diagnostic::error(code, message).at(place))
    }

    fn tokens(&self) -> Result<Vec<Token<'a>>, Diagnostics> {
        if self.text.len() > MAX_LENGTH {
            let message = format!("{} bytes; the limit is {MAX_LENGTH}", self.text.len());
            let place = self.place.clone();
            return Err(Diagnostic::error("R007", message).at(place).into());
        }
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(c) = self.text[at..].chars().next() {
            let rest = &self.text[at..];
            let (kind, length) = match c {
                c if c.is_whitespace() => {
                    at += c.len_utf8();
                    continue;
                }
                '+' | '-' | '*' | '^' | '(' | ')' => (Kind::Sign(c), 1),
                c if c.is_ascii_alphabetic() => {
                    let n = length(rest, |c| c.is_ascii_alphanumeric() || c == '_');
                    (Kind::Word(&rest[..n]), n)
                }
                c if c.is_ascii_digit() => {
                    let n = length(rest, |c| c.is_ascii_digit() || c == '.');
                    (Kind::Number(&rest[..n]), n)
                }
                _ => {
                    let mut fail = *self.fail("R001", at, format!("unexpected {c:?}"));
                    if c == '/' {
                        fail = fail.hint("there is no division; write *2^-1 for a half");
                    }
                    return Err(fail.into());
                }
            };
            tokens.push(Token { kind, at });
            at += length;
        }
        Ok(tokens)
    }

    /// The sign and the tokens of each product.
    fn split(
        &self,
        tokens: &[Token<'a>],
    ) -> Result<Vec<(bool, std::ops::Range<usize>)>, Diagnostics> {
        if tokens.is_empty() {
            let fail = self.fail("R008", 0, "the sum is empty");
            return Err(fail.hint("leave the field out if the variable does not change").into());
        }
        let mut products = Vec::new();
        let mut depth = 0usize;
        let mut start = 0;
        let mut negative = false;
        for (i, token) in tokens.iter().enumerate() {
            match token.kind {
                Kind::Sign('(') => depth += 1,
                Kind::Sign(')') => depth = depth.saturating_sub(1),
                Kind::Sign(sign @ ('+' | '-')) if depth == 0 => {
                    let before = i.checked_sub(1).map(|b| tokens[b].kind);
                    if before == Some(Kind::Sign('^')) {
                        continue;
                    }
                    if matches!(before, Some(Kind::Sign('+' | '-' | '*'))) {
                        let fail = self.fail("R001", token.at, "a sign behind an operator");
                        let hint = "put it in front of the product, or the number in brackets";
                        return Err(fail.hint(hint).into());
                    }
                    if i > 0 {
                        products.push((negative, start..i));
                    }
                    negative = sign == '-';
                    start = i + 1;
                }
                _ => {}
            }
        }
        products.push((negative, start..tokens.len()));
        if products.len() > MAX_PRODUCTS {
            let message = format!("{} products; the limit is {MAX_PRODUCTS}", products.len());
            return Err((*self.fail("R007", 0, message)).into());
        }
        Ok(products)
    }
}

/// Bytes from the start whose characters satisfy `test`.
fn length(text: &str, test: impl Fn(char) -> bool) -> usize {
    text.find(|c| !test(c)).unwrap_or(text.len())
}

/// The product of literals, as a double and, while they are whole, as `mantissa * 2^exponent`.
#[derive(Clone, Copy, Debug)]
struct Scale {
    value: f64,
    exact: Option<(i64, i32)>,
}

impl Scale {
    fn one(negative: bool) -> Self {
        let sign = if negative { -1 } else { 1 };
        Self { value: if negative { -1.0 } else { 1.0 }, exact: Some((sign, 0)) }
    }
    fn negate(&mut self) {
        self.multiply(Self::one(true));
    }
    fn multiply(&mut self, other: Self) {
        self.value *= other.value;
        self.exact = match (self.exact, other.exact) {
            (Some((m, e)), Some((n, f))) => m.checked_mul(n).zip(e.checked_add(f)),
            _ => None,
        };
    }
    /// Folds into 4 bits of mantissa and 4 of exponent, as far as that is exact.
    fn fold(self) -> Option<(i32, i32)> {
        let (mut m, mut e) = self.exact?;
        while m.abs() > 7 && m % 2 == 0 && e < 8 {
            m /= 2;
            e += 1;
        }
        let m = i32::try_from(m).ok()?;
        ((-8..8).contains(&m) && (-7..=8).contains(&e)).then_some((m, e))
    }
}

/// Reads one product.
struct Product<'s, 'a> {
    source: &'s Source<'a>,
    tokens: &'s [Token<'a>],
    at: usize,
    /// Byte offset behind the product.
    end: usize,
    scale: Scale,
}

/// One side of a bracket.
enum Term {
    Variable(SopVar),
    Literal(Scale),
}

impl<'a> Product<'_, 'a> {
    fn product(&mut self) -> Result<SopProduct, Fail> {
        let mut dependency = None;
        let mut factors = Vec::new();
        loop {
            self.item(&mut dependency, &mut factors)?;
            if factors.len() > MAX_FACTORS {
                let message = format!("more than {MAX_FACTORS} factors");
                return Err(self.fail("R007", message));
            }
            match self.next() {
                None => break,
                Some(Kind::Sign('*')) => {}
                Some(Kind::Sign('^')) => {
                    let fail = self.fail_behind("R001", "only 2 can have an exponent");
                    return Err(Box::new(fail.hint("write a factor twice to square it")));
                }
                Some(_) => {
                    let fail = self.fail_behind("R001", "expected '*' between factors");
                    return Err(fail);
                }
            }
        }
        let Some(dependency) = dependency else {
            self.at = 0;
            let fail = self.fail("R003", "it depends on neither x0, y0 nor u_k");
            return Err(Box::new(fail.hint("multiply by x0, y0 or, for every epoch, u0")));
        };
        let scale = self.scale.value;
        if !scale.is_finite() {
            return Err(self.fail("R007", "its scale is beyond the largest double"));
        }
        let mantissa_exponent = self.scale.fold();
        Ok(SopProduct { dependency, scale, mantissa_exponent, factors })
    }

    fn item(
        &mut self,
        dependency: &mut Option<Dependency>,
        factors: &mut Vec<SopFactor>,
    ) -> Result<(), Fail> {
        match self.peek() {
            Some(Kind::Number(text)) => {
                let literal = self.literal(text)?;
                self.scale.multiply(literal);
            }
            Some(Kind::Sign('(')) => {
                self.at += 1;
                if let Some(factor) = self.affine(false)? {
                    factors.push(factor);
                }
            }
            Some(Kind::Word("sgn")) => {
                self.at += 1;
                if self.next() != Some(Kind::Sign('(')) {
                    return Err(self.fail_behind("R006", "sgn needs a bracket, as in sgn(w - 3)"));
                }
                let factor = self.affine(true)?;
                factors.extend(factor);
            }
            Some(Kind::Word(word)) if is_epoch_flag(word) => {
                let k = word[1..].parse::<u8>().ok().filter(|_| word.len() == 2);
                let Some(k) = k else {
                    let fail = self.fail("R004", format!("'{word}' is not a u_k"));
                    return Err(Box::new(fail.hint("k has one digit, 0 to 9")));
                };
                if dependency.is_some() {
                    return Err(self.mixed());
                }
                *dependency = Some(Dependency::U(k));
                self.at += 1;
            }
            Some(Kind::Word(word)) => {
                let var = self.variable(word)?;
                let gate = match var {
                    SopVar::X0 => Some(Dependency::X0),
                    SopVar::Y0 => Some(Dependency::Y0),
                    _ => None,
                };
                if gate.is_some() && matches!(dependency, Some(Dependency::U(_))) {
                    return Err(self.mixed());
                }
                self.at += 1;
                if gate.is_some() && dependency.is_none() {
                    *dependency = gate;
                } else {
                    factors.push(SopFactor { var, constant: None, sgn: false });
                }
            }
            Some(Kind::Sign('*')) if self.at > 0 => {
                let fail = self.fail("R001", "'**' is not an operator");
                return Err(Box::new(fail.hint("powers of two are written 2^-4")));
            }
            _ => return Err(self.fail("R001", "expected a factor")),
        }
        Ok(())
    }

    fn mixed(&self) -> Fail {
        let fail = self.fail("R004", "u_k stands beside another dependency");
        Box::new(fail.hint("a product depends on x0 and y0, or on one u_k"))
    }

    /// What follows an opening bracket; a literal alone goes into the scale.
    fn affine(&mut self, sgn: bool) -> Result<Option<SopFactor>, Fail> {
        let open = self.at - 1;
        let mut variable = None;
        let mut literal: Option<Scale> = None;
        loop {
            let negative = match self.peek() {
                Some(Kind::Sign(sign @ ('+' | '-'))) => {
                    self.at += 1;
                    sign == '-'
                }
                _ => false,
            };
            let at = self.at;
            match self.term()? {
                Term::Variable(_) if variable.is_some() => {
                    self.at = at;
                    let fail = self.fail("R005", "a bracket holds one variable");
                    return Err(Box::new(fail.hint("multiply out: a*(b+c) is a*b + a*c")));
                }
                Term::Literal(_) if literal.is_some() => {
                    self.at = at;
                    return Err(self.fail("R005", "a bracket holds one number"));
                }
                Term::Variable(var) => variable = Some((var, negative, at)),
                Term::Literal(mut value) => {
                    if negative {
                        value.negate();
                    }
                    literal = Some(value);
                }
            }
            match self.next() {
                Some(Kind::Sign(')')) => break,
                Some(Kind::Sign('+' | '-')) => self.at -= 1,
                None => {
                    self.at = open;
                    return Err(self.fail("R005", "the bracket does not close"));
                }
                Some(_) => {
                    let fail = self.fail_behind("R005", "expected '+', '-' or ')'");
                    return Err(Box::new(fail.hint("a bracket holds (variable + number)")));
                }
            }
        }
        let Some((var, negative, at)) = variable else {
            if sgn {
                self.at = open;
                return Err(self.fail("R006", "sgn of a number"));
            }
            self.scale.multiply(literal.unwrap_or(Scale::one(false)));
            return Ok(None);
        };
        if sgn && (negative || !matches!(var, SopVar::W | SopVar::D | SopVar::T)) {
            self.at = at;
            let fail = self.fail("R006", "sgn takes w, d or t, plus or minus a number");
            let hint = "sgn(3 - w) is -sgn(w - 3): put the minus sign in front of the product";
            return Err(Box::new(fail.hint(hint)));
        }
        if literal.is_none() && matches!(var, SopVar::X0 | SopVar::Y0) {
            self.at = at;
            return Err(self.alone(var.name()));
        }
        if negative {
            self.scale.negate();
        }
        let constant = literal.map(|l| if negative { -l.value } else { l.value });
        Ok(Some(SopFactor { var, constant, sgn }))
    }

    /// A 0 or 1 in brackets by itself could be meant as the dependency or as a factor.
    fn alone(&self, word: &str) -> Fail {
        let fail = self.fail("R005", format!("'{word}' cannot stand in a bracket"));
        Box::new(fail.hint("write it without the bracket"))
    }

    fn term(&mut self) -> Result<Term, Fail> {
        match self.peek() {
            Some(Kind::Number(text)) => Ok(Term::Literal(self.literal(text)?)),
            Some(Kind::Word(word)) if is_epoch_flag(word) => Err(self.alone(word)),
            Some(Kind::Word(word)) => {
                let var = self.variable(word)?;
                self.at += 1;
                Ok(Term::Variable(var))
            }
            _ => Err(self.fail("R005", "expected a variable or a number")),
        }
    }

    /// `12`, `0.3` or `2^-4`, of which `text` is the number that comes next.
    fn literal(&mut self, text: &str) -> Result<Scale, Fail> {
        let value = text.parse::<f64>().ok().filter(|v| v.is_finite());
        let Some(value) = value else {
            return Err(self.fail("R001", format!("'{text}' is not a number")));
        };
        self.at += 1;
        if self.peek() != Some(Kind::Sign('^')) {
            return Ok(Scale { value, exact: text.parse::<i64>().ok().map(|m| (m, 0)) });
        }
        if text != "2" {
            let fail = self.fail("R001", format!("{text} cannot have an exponent"));
            return Err(Box::new(fail.hint("only powers of two are written with '^'")));
        }
        self.at += 1;
        let negative = match self.peek() {
            Some(Kind::Sign(sign @ ('+' | '-'))) => {
                self.at += 1;
                sign == '-'
            }
            _ => false,
        };
        let exponent = match self.peek() {
            Some(Kind::Number(text)) => text.parse::<i32>().ok().filter(|e| *e <= MAX_EXPONENT),
            _ => None,
        };
        let Some(exponent) = exponent else {
            let message = format!("an exponent is a whole number up to {MAX_EXPONENT}");
            return Err(self.fail("R001", message));
        };
        self.at += 1;
        let exponent = if negative { -exponent } else { exponent };
        Ok(Scale { value: f64::from(exponent).exp2(), exact: Some((1, exponent)) })
    }

    fn variable(&self, word: &str) -> Result<SopVar, Fail> {
        if let Some(var) = SopVar::ALL.into_iter().find(|v| v.name() == word) {
            return Ok(var);
        }
        let mut fail = *self.fail("R002", format!("'{word}' is not a variable"));
        let names = SopVar::ALL.map(SopVar::name);
        fail = match did_you_mean(word, names) {
            Some(near) if word.len() > 2 => fail.hint(format!("did you mean '{near}'?")),
            _ => fail.hint(format!("variables are {} and u0 to u9", names.join(" "))),
        };
        Err(Box::new(fail))
    }

    fn peek(&self) -> Option<Kind<'a>> {
        self.tokens.get(self.at).map(|t| t.kind)
    }

    fn next(&mut self) -> Option<Kind<'a>> {
        let kind = self.peek()?;
        self.at += 1;
        Some(kind)
    }

    /// An error at the token that comes next.
    fn fail(&self, code: &'static str, message: impl Into<String>) -> Fail {
        let at = self.tokens.get(self.at).map_or(self.end, |t| t.at);
        self.source.fail(code, at, message)
    }

    /// An error at the token that was just taken, or at the end where there was none.
    fn fail_behind(&self, code: &'static str, message: &str) -> Fail {
        let at = self.tokens.get(self.at.saturating_sub(1)).map_or(self.end, |t| t.at);
        self.source.fail(code, at, message)
    }
}

/// Whether a word is `u` with digits: u_k, or meant as one.
fn is_epoch_flag(word: &str) -> bool {
    word.strip_prefix('u').is_some_and(|k| !k.is_empty() && k.bytes().all(|b| b.is_ascii_digit()))
}
