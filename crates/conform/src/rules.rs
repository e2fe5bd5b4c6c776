//! `rule_parse/1`: sums of products as a front end with 4-bit mantissas reads them.

use crate::Finding;
use crate::vector::{Findings, Vector};
use serde::Deserialize;
use std::collections::BTreeMap;
use trifactor_diag::Place;
use trifactor_ir::sop::{Dependency, SopProduct, SopVar, parse_products};

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
    pub constant: Option<i64>,
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
    let factors: Result<Vec<Factor>, String> = p
        .factors
        .iter()
        .map(|f| {
            let constant = f.constant.map(|c| {
                let whole = c as i64;
                if whole as f64 == c { Ok(whole) } else { Err(format!("{c} is no whole number")) }
            });
            Ok(Factor { var: f.var.name().to_owned(), constant: constant.transpose()?, sgn: f.sgn })
        })
        .collect();
    Ok(Product {
        dependency: dependency.to_owned(),
        k,
        s_mant: s_mant.into(),
        s_exp,
        factors: factors?,
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

/// Whether a string uses a variable that only our rules have.
fn superset(text: &str) -> bool {
    let read = parse_products(text, &Place::at_key("rule"));
    let uses = |p: &SopProduct| p.factors.iter().any(|f| f.var == SopVar::R1);
    read.is_ok_and(|products| products.iter().any(uses))
}

fn compare(entry: &Entry) -> Finding {
    let ours = products(&entry.dw);
    match (&ours, entry.ok) {
        (Ok(ours), true) => {
            let k = ours.iter().find_map(|p| p.k);
            if Some(ours) == entry.products.as_ref() && k == entry.decimate_exponent {
                Finding::Exact("the same products".to_owned())
            } else {
                Finding::Failed(format!("read as {ours:?}, recorded {:?}", entry.products))
            }
        }
        (Err(_), false) => Finding::Exact("refused by both".to_owned()),
        (Err(why), true) => match &entry.quirk {
            Some(quirk) => {
                Finding::ByDesign(format!("refused ({why}); the peer accepts it: {quirk}"))
            }
            None => Finding::Failed(format!("refused: {why}")),
        },
        (Ok(_), false) if superset(&entry.dw) => Finding::ByDesign(
            "accepted: r1, a global modulator, is a variable of our rules".to_owned(),
        ),
        (Ok(ours), false) => Finding::Failed(format!("read as {ours:?}, refused by the peer")),
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
