//! The text form of kernels and networks: what authors write in `.kern` files and what listings
//! print.
//!
//! Both grammars are line oriented; `;` starts a comment. [`print_kernel`] writes one operation
//! per line, and reading that text back gives the same kernel with the same ids:
//! `parse_kernel(print_kernel(k)) == k` for every kernel whose operands come before their use
//! (I1), whose names are legal and unique (I2, I6) and whose numbers are finite (I3). The same
//! holds for [`print_network`] and a network that verifies. Reading never panics, whatever the
//! text, and allocates in proportion to the text.
//!
//! This module reads no files and checks nothing that needs the network; [`mod@crate::verify`] does.
//!
//! ```
//! use trifactor_ir::text::{parse_kernel, print_kernel};
//! let k = parse_kernel("kernel halve {\n in w: own\n set w = w * 0.5\n}\n", "a.kern").unwrap();
//! assert_eq!(
//!     print_kernel(&k),
//!     "kernel halve {\n  in w: own\n  v0 = w\n  v1 = 0.5\n  v2 = v0 * v1\n  set w = v2\n}\n"
//! );
//! ```

mod expression;
mod kernel_parse;
mod kernel_print;
mod lexer;
mod network_parse;
mod network_print;

#[cfg(test)]
mod tests;

pub use kernel_parse::{parse_kernel, parse_kernels};
pub use kernel_print::print_kernel;
pub use network_parse::parse_network;
pub use network_print::print_network;

/// Most operations of one kernel in a text.
pub const MAX_OPS: usize = 4_096;
/// Most inputs of one kernel in a text.
pub const MAX_PORTS: usize = 64;
/// Most results of one kernel in a text.
pub const MAX_OUTPUTS: usize = 64;
/// Deepest nesting of one expression.
pub const MAX_DEPTH: usize = 64;
/// Longest name, in bytes.
pub const MAX_NAME: usize = 64;
/// Longest kernel file, in bytes.
pub const MAX_KERNEL_FILE: usize = 1 << 20;
/// Most lanes of one space.
pub const MAX_LANES: usize = 1 << 26;
/// Errors after which reading stops.
const MAX_ERRORS: usize = 20;

/// Whether `name` is one a text can carry: a letter or `_`, then letters, digits, `_` and `.`,
/// at most [`MAX_NAME`] bytes, and not `at` or `prev`, which would read as a time.
pub fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(is_name_byte)
        && name.len() <= MAX_NAME
        && !matches!(name, "at" | "prev")
}

/// Whether a name may go on with this byte.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}
