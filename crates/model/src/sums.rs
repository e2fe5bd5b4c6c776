//! Where in a `model.ron` the sums of products of its rules stand, line by line.
//!
//! Keys that were read no longer know their place, so the text is read once more, for the sums
//! alone and by the same reader.

use crate::surface::{KernelSpec, ModelFile};
use ron::extensions::Extensions;
use ron::value::RawValue;
use serde::Deserialize;
use std::collections::BTreeMap;
use trifactor_ir::Kernel;

/// What images and messages call a model's file: the same wherever the folder is.
const FILE: &str = "model.ron";

/// The lines of all sums of a file, by rule and variable.
#[derive(Clone, Default, Debug)]
pub(crate) struct Sums(BTreeMap<(String, &'static str), Lines>);

#[derive(Deserialize)]
#[serde(rename = "ModelFile")]
struct Rules<'a> {
    #[serde(borrow, default)]
    rules: BTreeMap<String, Rule<'a>>,
}

#[derive(Deserialize)]
#[serde(rename = "RuleSpec")]
struct Rule<'a> {
    #[serde(borrow)]
    kernel: Program<'a>,
}

#[derive(Deserialize)]
#[serde(rename = "KernelSpec")]
enum Program<'a> {
    File(serde::de::IgnoredAny),
    Sop {
        #[serde(borrow, default)]
        dw: Option<&'a RawValue>,
        #[serde(borrow, default)]
        dd: Option<&'a RawValue>,
        #[serde(borrow, default)]
        dt: Option<&'a RawValue>,
    },
}

impl Sums {
    /// The sums of a file that was read from this text.
    pub(crate) fn of(file: &ModelFile, text: &str) -> Self {
        let is_sum =
            |rule: &crate::surface::RuleSpec| matches!(rule.kernel, KernelSpec::Sop { .. });
        if !file.rules.iter().any(|(_, rule)| is_sum(rule)) {
            return Self::default();
        }
        let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        // Whoever made a file from something else than a text has no lines.
        let Ok(Rules { rules }) = options.from_str(text) else { return Self::default() };
        let mut sums = BTreeMap::new();
        for (name, rule) in rules {
            let Program::Sop { dw, dd, dt } = rule.kernel else { continue };
            for (variable, literal) in [("w", dw), ("d", dd), ("t", dt)] {
                if let Some(lines) = literal.and_then(|l| Lines::of(text, l.trim().get_ron())) {
                    sums.insert((name.clone(), variable), lines);
                }
            }
        }
        Self(sums)
    }

    /// Gives the operations and results of a rule's kernel the lines of their products.
    pub(crate) fn locate(&self, rule: &str, kernel: &mut Kernel) {
        let line = |variable: &'static str, at: usize| {
            self.0.get(&(rule.to_owned(), variable)).map(|lines| lines.line(at))
        };
        let written = &kernel.written;
        let terms: Option<Vec<u32>> =
            written.terms.iter().map(|term| line(term.variable, term.at)).collect();
        let Some(terms) = terms else { return };
        let lines = written.term_of.iter().map(|term| terms[usize::from(*term)]).collect();
        // A sum is stored for the line with which it begins.
        let begins = |variable: &str| {
            let first = written.terms.iter().position(|term| term.variable == variable);
            first.map(|term| terms[term])
        };
        let outputs = kernel.outputs.iter().filter_map(|output| begins(&output.variable)).collect();
        kernel.written.file = Some(FILE.to_owned());
        kernel.written.lines = lines;
        kernel.written.outputs = outputs;
    }
}

/// The lines of a text inside of a literal.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Lines {
    /// Line of the file on which the text begins.
    first: u32,
    /// Where its further lines begin, in bytes.
    breaks: Vec<usize>,
}

impl Lines {
    /// Of a literal with its quotes, which is a part of `file`.
    fn of(file: &str, literal: &str) -> Option<Self> {
        let before = (literal.as_ptr() as usize).checked_sub(file.as_ptr() as usize)?;
        let first = file.get(..before)?.matches('\n').count() as u32 + 1;
        let (open, body) = literal.split_once('"')?;
        let body = &body[..body.rfind('"')?];
        let raw = open.starts_with('r');
        let mut breaks = Vec::new();
        let (mut at, mut rest) = (0, body.chars());
        while let Some(c) = rest.next() {
            at += match c {
                // A byte of the text, whatever it is: a sum is written in ASCII.
                '\\' if !raw => {
                    let last = match rest.next() {
                        Some('x') => rest.nth(1),
                        Some('u') => rest.find(|c| *c == '}'),
                        other => other,
                    };
                    usize::from(last.is_some())
                }
                c => c.len_utf8(),
            };
            if c == '\n' {
                breaks.push(at);
            }
        }
        Some(Self { first, breaks })
    }

    /// The line of the file on which a byte of the text stands.
    fn line(&self, at: usize) -> u32 {
        self.first + self.breaks.partition_point(|start| *start <= at) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of the products of a rule, variable by variable.
    fn lines(text: &str, rule: &str) -> Vec<(&'static str, u32, String)> {
        let file = crate::parse_model(text, "model.ron").unwrap();
        let sums = Sums::of(&file, text);
        let spec = file.rules.get(rule).unwrap();
        let KernelSpec::Sop { dw, dd, dt } = spec.kernel.clone() else { panic!("no sum") };
        let sop = trifactor_ir::sop::SopRule { dw, dd, dt };
        let place = trifactor_diag::Place::default();
        let mut kernel = trifactor_ir::sop::parse_sop(rule, &sop, &place).unwrap();
        sums.locate(rule, &mut kernel);
        let written = &kernel.written;
        assert_eq!(written.lines.len(), kernel.ops.len());
        assert_eq!(written.outputs.len(), kernel.outputs.len());
        let line = |term: usize| {
            let op = written.term_of.iter().position(|t| usize::from(*t) == term).unwrap();
            written.lines[op]
        };
        let terms = written.terms.iter().enumerate();
        terms.map(|(k, term)| (term.variable, line(k), term.text.clone())).collect()
    }

    #[test]
    fn every_product_has_the_line_on_which_it_stands() {
        let text = r##"#![enable(implicit_some)]
// rules: { "a": (kernel: Sop(dw: "in a comment")) }
(
    name: "sums", /* over
    two lines */ populations: { "p": (n: 1, tau_u: 5.0, tau_v: 5.0) },
    rules: {
        "a": (kernel: Sop(
            dw: "2^-4*x0*y1
                 - y0 * x1 + u0",
            dt: /* "no" */ Some(r#"

                u1
                 + u2 "#),
        )),
        "b": (traces: { "x1": Pre(tau: 20.0, impulse: 1.0) },
            kernel: Sop(dd: "u3 \n\u{2b}\x20u4
            - u5", dw: "u6 + u7")),
        "c": (kernel: File("c.kern")),
    },
)"##;
        let of = |variable, line, text: &str| (variable, line, text.to_owned());
        let a = [
            of("w", 8, "2^-4*x0*y1"),
            of("w", 9, "-y0 * x1"),
            of("w", 9, "u0"),
            of("t", 12, "u1"),
            of("t", 13, "u2"),
        ];
        assert_eq!(lines(text, "a"), a);
        let b = [of("w", 17, "u6"), of("w", 17, "u7"), of("d", 16, "u3"), of("d", 16, "u4")];
        let b = [&b[..], &[of("d", 17, "-u5")]].concat();
        assert_eq!(lines(text, "b"), b);
    }

    #[test]
    fn a_kernel_without_a_text_gets_no_lines() {
        let rule = trifactor_ir::sop::SopRule { dw: Some("u0".into()), ..Default::default() };
        let place = trifactor_diag::Place::default();
        let mut kernel = trifactor_ir::sop::parse_sop("a", &rule, &place).unwrap();
        Sums::default().locate("a", &mut kernel);
        assert_eq!((kernel.written.file, kernel.written.lines.len()), (None, 0));
    }
}
