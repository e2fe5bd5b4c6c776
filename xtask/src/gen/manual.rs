//! The manual: `docs/isa/instructions.md`.

use super::rust::bit_range;
use super::table::{Format, Instruction, OPCODE_LOW, Shape, Table};

/// The whole page.
pub fn manual(table: &Table) -> String {
    let mut out = String::from(INTRODUCTION).replace("ISA_NAME", &table.isa);
    out += &operands(table);
    out += &formats(table);
    out += &summary(table);
    out += "\n## Instructions\n";
    for inst in &table.instructions {
        out += &instruction(table, inst);
    }
    out
}

const INTRODUCTION: &str = "\
<!-- Generated from isa/ucode.ron by `cargo xtask gen`; do not edit. -->
# Instructions of the plasticity engine

Instruction set `ISA_NAME`. Statements such as S42 are those of [semantics.md](../semantics.md).

A *program* is a straight line of words that ends with `halt`. It is run once per synapse that
its profile selects, in the last step of a learning epoch (S39). Each run has 16 registers, `r0`
to `r15`, of 32 bits, signed, which hold 0 when the program starts. Every operation is computed
exactly and then saturated to 32 bits (S42). There are no branches: `gt` and `sel` choose, and
the synapses a program need not visit are skipped by its profile (S47).

A word has 32 bits; bits 31:26 are the opcode. Bits shown as 0 are reserved: a word in which one
of them is set, in which a field holds a code without a meaning, or whose opcode is not listed is
*undecodable*, and an image that contains one is refused. Opcodes 0x00 and 0x3f are never given
out, so memory of all zeros or all ones is undecodable.

Text: one instruction per line, operands in the order shown and separated by commas, comments
from `;` to the end of the line. Every operand is written, except a flag that is absent; each
word therefore has exactly one text apart from white space.

";

fn operands(table: &Table) -> String {
    let mut out = String::from(
        "## Operands\n\n| kind | bits | codes | text | stands for |\n|---|---|---|---|---|\n",
    );
    for k in &table.kinds {
        let what = match k.shape {
            Shape::Flag(_) => format!("{}; 0 is written as nothing", k.what),
            _ => k.what.clone(),
        };
        out += &format!("| {} | {} | 0 to {} | `{}` | {what} |\n", k.name, k.bits, k.max, k.text);
    }
    out
}

fn formats(table: &Table) -> String {
    let mut out = String::from("\n## Formats\n\n| format | operands (bits) |\n|---|---|\n");
    for f in &table.formats {
        let fields: Vec<_> = (f.operands.iter())
            .map(|o| format!("`{}` {} ({})", o.name, o.kind, bit_range(o)))
            .collect();
        let fields = if fields.is_empty() { "none".into() } else { fields.join(", ") };
        out += &format!("| {} | {fields} |\n", f.name);
    }
    out
}

fn summary(table: &Table) -> String {
    let mut out = String::from(
        "\n## Summary\n\n| opcode | name | format | cost class | example |\n|---|---|---|---|---|\n",
    );
    for i in &table.instructions {
        out += &format!(
            "| {:#04x} | [`{}`](#{}) | {} | {} | `{}` |\n",
            i.opcode,
            i.name,
            i.name,
            i.format,
            class(i),
            i.example
        );
    }
    out
}

fn instruction(table: &Table, i: &Instruction) -> String {
    let (bits, fields) = layout(table.format(i), i.opcode);
    let rule = "|---".repeat(bits.len());
    format!(
        "\n### {}\n\n`{}`\n\n| {} |\n{rule}|\n| {} |\n\n{}\n\nReads: {}. Writes: {}. Cost class: {}. Source: {}.\n",
        i.name,
        i.example,
        bits.join(" | "),
        fields.join(" | "),
        i.means,
        list(&i.reads),
        list(&i.writes),
        class(i),
        i.source
    )
}

/// The columns of a bit-field table, reserved bits included.
fn layout(format: &Format, opcode: u8) -> (Vec<String>, Vec<String>) {
    let range = |hi: u8, lo: u8| {
        if hi == lo { hi.to_string() } else { format!("{hi}:{lo}") }
    };
    let mut operands: Vec<_> = format.operands.iter().collect();
    operands.sort_by_key(|o| std::cmp::Reverse(o.at.0));
    let mut bits = vec![range(31, OPCODE_LOW)];
    let mut fields = vec![format!("`{opcode:06b}`")];
    // `next` is one above the highest bit not yet shown.
    let mut next = OPCODE_LOW;
    let reserve = |bits: &mut Vec<String>, fields: &mut Vec<String>, above: u8, down_to: u8| {
        if above > down_to {
            bits.push(range(above - 1, down_to));
            fields.push("0".into());
        }
    };
    for o in operands {
        reserve(&mut bits, &mut fields, next, o.at.0 + 1);
        bits.push(bit_range(o));
        fields.push(o.name.clone());
        next = o.at.1;
    }
    reserve(&mut bits, &mut fields, next, 0);
    (bits, fields)
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

fn class(i: &Instruction) -> String {
    format!("{:?}", i.class).to_lowercase()
}
