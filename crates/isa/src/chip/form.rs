//! Which rules a plasticity engine evaluates.

use serde::{Deserialize, Serialize};
use trifactor_fixed::ScaleForm;

/// Which rules a plasticity engine evaluates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum RuleForm {
    /// Everything that has an instruction.
    #[default]
    Microcode,
    /// A sum of products for each variable: `z := z + sum of scale * product of factors`, where a
    /// factor is a spike flag, a trace, the global modulator, u_k, a variable of the synapse or
    /// its sign, each with a constant added. Traces are read when the spike comes on which the
    /// product depends, and one k serves all products of a rule.
    SumsOfProducts(ProductForm),
}

impl RuleForm {
    /// Whether rules have no form to keep to.
    pub fn is_microcode(&self) -> bool {
        *self == Self::Microcode
    }

    /// What a product may be, where rules are sums of them.
    pub fn products(&self) -> Option<ProductForm> {
        match self {
            Self::Microcode => None,
            Self::SumsOfProducts(form) => Some(*form),
        }
    }
}

/// What a product may be (S63).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductForm {
    /// Its scale, in last places of its factors and of the variable that it changes.
    pub scale: ScaleForm,
    /// Bits that a trace or a modulator counts as a factor, without a sign.
    pub trace_bits: u8,
    /// Bits that a variable of the synapse counts, its sign included.
    pub variable_bits: u8,
    /// Bits of factors and mantissa above which the engine shifts a product to the right. The
    /// compiler makes up for the shift with the exponent.
    pub product_bits: u8,
    /// Bits of the constant added to a trace or a modulator, its sign included.
    pub trace_constant_bits: u8,
    /// Bits of the constant added to a variable of the synapse, its sign included.
    pub variable_constant_bits: u8,
    /// Most products of a rule, over all that it sets; none: as many as microcode has words.
    #[serde(default)]
    pub products: Option<u16>,
    /// Most factors of a product beside the flag that it depends on; none: no limit.
    #[serde(default)]
    pub factors: Option<u8>,
}

impl ProductForm {
    /// Places by which the engine shifts a product to the right whose factors have so many bits.
    pub fn shift(&self, factor_bits: u32) -> u32 {
        (factor_bits + u32::from(self.scale.mantissa_bits))
            .saturating_sub(u32::from(self.product_bits))
    }
}
