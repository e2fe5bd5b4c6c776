// Generated from isa/ucode.ron by `cargo xtask gen`; do not edit.

use crate::operand::bounded;

bounded! {
    /// A register of the lane. Legal: 0 to 15; written `r3`.
    Reg, 15, "r",
    "a register, r0 to r15"
}
bounded! {
    /// Places to the left; more than 31 could not change a saturated result. Legal: 0 to 31; written `<<4`.
    Left, 31, "<<",
    "a left shift, <<0 to <<31"
}
bounded! {
    /// Places to the right; a product of two registers has 62 places and a sign. Legal: 0 to 62; written `>>4`.
    Right, 62, ">>",
    "a right shift, >>0 to >>62"
}
bounded! {
    /// The key of the random draw of a stochastic rounding (S52); without effect otherwise. Legal: 0 to 31; written `site 2`.
    Site, 31, "site ",
    "a draw site, site 0 to site 31"
}
bounded! {
    /// A variable of the synapse (weight, delay, tag or rate), in the order of the profile's field list. Legal: 0 to 15; written `field 0`.
    Field, 15, "field ",
    "a field, field 0 to field 15"
}
bounded! {
    /// A column of the profile's pre or post list, or a global modulator line. Legal: 0 to 15; written `slot 3`.
    Slot, 15, "slot ",
    "a slot, slot 0 to slot 15"
}
bounded! {
    /// The k of u_k (S46). Legal: 0 to 15; written `k 3`.
    Exponent, 15, "k ",
    "an epoch exponent, k 0 to k 15"
}
