//! `rule_parse/1`: sums of products as a front end with 4-bit mantissas reads them.

use crate::Finding;
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use std::collections::BTreeMap;
use trifactor_diag::Place;
use trifactor_ir::sop::{Dependency, SopFactor, SopProduct, SopVar, parse_products};

/// A product, as the files write it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub(crate) struct Product {
    pub dependency: String,
    pub k: Option<u8>,
    pub s_mant: i64,
    pub s_exp: i32,
    pub factors: Vec<Factor>,
}

/// A factor, as the files write it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub(crate) struct Factor {
    pub var: String,
    #[serde(rename = "const")]
    pub constant: Option<f64>,
    pub sgn: bool,
}

/// A rule string as products with a mantissa of 4 bits and an exponent.
///
/// Errors: what is wrong with the string, or why it needs another kind of product.
pub(crate) fn products(text: &str) -> Result<Vec<Product>, String> {
    let parsed = parse_products(text, &Place::at_key("rule")).map_err(|e| {
        e.iter().next().map_or_else(String::new, |d| format!("{}: {}", d.code, d.message))
    })?;
    if parsed.is_empty() {
        return Err("there is no product".to_owned());
    }
    parsed.iter().map(product).collect()
}

fn product(p: &SopProduct) -> Result<Product, String> {
    let (s_mant, s_exp) = p
        .mantissa_exponent
        .ok_or_else(|| format!("the scale {} is no 4-bit mantissa times 2^-7 to 2^8", p.scale))?;
    let (dependency, k) = match p.dependency {
        Dependency::X0 => ("x0", None),
        Dependency::Y0 => ("y0", None),
        Dependency::U(k) => ("u", Some(k)),
    };
    let factor =
        |f: &SopFactor| Factor { var: f.var.name().to_owned(), constant: f.constant, sgn: f.sgn };
    Ok(Product {
        dependency: dependency.to_owned(),
        k,
        s_mant: s_mant.into(),
        s_exp,
        factors: p.factors.iter().map(factor).collect(),
    })
}

#[derive(Deserialize)]
struct File {
    expected: BTreeMap<String, Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    dw: String,
    ok: bool,
    products: Option<Vec<Product>>,
    decimate_exponent: Option<u8>,
    quirk: Option<String>,
}

/// Compares every string of every peer.
pub(crate) fn run(vector: &Vector) -> Findings {
    let file: File = match vector.read() {
        Ok(file) => file,
        Err(reason) => return vector.all_peers(&reason),
    };
    let entries = file
        .expected
        .iter()
        .flat_map(|(peer, entries)| entries.iter().map(move |e| (format!("{peer} '{}'", e.dw), e)));
    entries.map(|(name, entry)| (name, compare(entry))).collect()
}

/// What only our rules may hold, of all that a string holds.
fn superset(text: &str) -> Option<&'static str> {
    let products = parse_products(text, &Place::at_key("rule")).ok()?;
    let uses = |p: &SopProduct| p.factors.iter().any(|f| f.var == SopVar::R1);
    let mut decimations = products.iter().filter_map(|p| match p.dependency {
        Dependency::U(k) => Some(k),
        Dependency::X0 | Dependency::Y0 => None,
    });
    let first = decimations.next();
    if products.iter().any(uses) {
        Some("r1, a global modulator, is a variable of our rules")
    } else if decimations.any(|k| Some(k) != first) {
        Some("each product of our rules has a u_k of its own")
    } else {
        None
    }
}

fn compare(entry: &Entry) -> Finding {
    let ours = products(&entry.dw);
    match (&ours, entry.ok) {
        (Ok(ours), true) => {
            let k = ours.iter().find_map(|p| p.k);
            if Some(ours) == entry.products.as_ref() && k == entry.decimate_exponent {
                return Finding::Exact("the same products".to_owned());
            }
            match &entry.quirk {
                Some(quirk) => Finding::ByDesign(format!("read as it is written: {quirk}")),
                None => Finding::Failed(format!("read as {ours:?}, recorded {:?}", entry.products)),
            }
        }
        (Err(_), false) => Finding::Exact("refused by both".to_owned()),
        (Err(why), true) => match &entry.quirk {
            Some(quirk) => {
                Finding::ByDesign(format!("refused ({why}); the peer accepts it: {quirk}"))
            }
            None => Finding::Failed(format!("refused: {why}")),
        },
        (Ok(ours), false) => match superset(&entry.dw) {
            Some(more) => Finding::ByDesign(format!("accepted: {more}")),
            None => Finding::Failed(format!("read as {ours:?}, refused by the peer")),
        },
    }
}

/// A product in real numbers; `value` knows the variables by name, `u<k>` among them.
pub(crate) fn term(
    product: &SopProduct,
    value: impl Fn(&str) -> Option<i64>,
) -> Result<f64, String> {
    let of = |name: &str| value(name).ok_or_else(|| format!("'{name}' is no variable here"));
    let gate = match product.dependency {
        Dependency::X0 => of("x0")?,
        Dependency::Y0 => of("y0")?,
        Dependency::U(k) => of(&format!("u{k}"))?,
    };
    let mut result = product.scale * gate as f64;
    for factor in &product.factors {
        let sum = of(factor.var.name())? as f64 + factor.constant.unwrap_or(0.0);
        result *= match (factor.sgn, sum) {
            (true, 0.0) => 0.0,
            (true, sum) => sum.signum(),
            (false, sum) => sum,
        };
    }
    Ok(result)
}
