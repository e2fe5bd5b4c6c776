//! The hardware's view of the table: `isa/rtl/generated/ucode.svh`.
//!
//! The file is included inside each module that reads words, so it holds names and functions and
//! no logic; what an instruction does is written by hand in `isa/rtl/plasticity_engine.sv`.

use super::table::{Format, Instruction, OPCODE_LOW, Operand, Table, mask};
use std::fmt::Write;

/// Appends a formatted line; writing to a `String` cannot fail.
macro_rules! line {
    ($out:ident) => { $out.push('\n') };
    ($out:ident, $($arg:tt)*) => {
        writeln!($out, $($arg)*).expect("internal: a String accepts every text")
    };
}

const CLASSES: [&str; 5] = ["LOAD", "ALU", "MUL", "STORE", "CONTROL"];

/// Opcodes, cost classes, layouts, and the functions of a word that need no state.
pub fn header(table: &Table) -> String {
    let mut out = String::new();
    line!(out, "// Generated from isa/ucode.ron by `cargo xtask gen`; do not edit.");
    line!(out, "//");
    line!(
        out,
        "// Instruction set {}. Included inside a module; one module need not use all.",
        table.isa
    );
    line!(out, "/* verilator lint_off UNUSEDPARAM */");
    line!(out);
    for i in &table.instructions {
        line!(out, "localparam logic [5:0] {} = 6'h{:02x};", opcode(i), i.opcode);
    }
    line!(out, "\n// Which parameter of the engine says how long an instruction takes.");
    for (n, class) in CLASSES.iter().enumerate() {
        line!(out, "localparam logic [2:0] CLASS_{class} = 3'd{n};");
    }
    line!(out, "/* verilator lint_on UNUSEDPARAM */\n");
    layouts(&mut out, table);
    class_of(&mut out, table);
    site_of(&mut out, table);
    is_instruction(&mut out, table);
    out
}

/// One view of a word for each format. Bits without an operand are named after their place.
fn layouts(out: &mut String, table: &Table) {
    line!(out, "// A word, read as each of the formats.");
    line!(out, "typedef union packed {{");
    line!(out, "    logic [31:0] bits;");
    for format in &table.formats {
        line!(out, "    struct packed {{");
        line!(out, "        logic [5:0] opcode;");
        let mut operands: Vec<_> = format.operands.iter().collect();
        operands.sort_by_key(|o| std::cmp::Reverse(o.at.0));
        // `next` is one above the highest bit that has no name yet.
        let mut next = OPCODE_LOW;
        for o in operands {
            reserved(out, next, o.at.0 + 1);
            line!(out, "        logic [{}:0] {};", width(o) - 1, o.name);
            next = o.at.1;
        }
        reserved(out, next, 0);
        line!(out, "    }} {};", format.name.to_lowercase());
    }
    line!(out, "}} ucode_t;\n");
}

fn reserved(out: &mut String, above: u8, down_to: u8) {
    if above > down_to {
        line!(out, "        logic [{}:0] reserved_{down_to};", above - down_to - 1);
    }
}

fn class_of(out: &mut String, table: &Table) {
    line!(out, "function automatic logic [2:0] class_of(input logic [5:0] opcode);");
    line!(out, "    case (opcode)");
    for class in CLASSES {
        let of = |i: &&Instruction| format!("{:?}", i.class).to_uppercase() == class;
        let names: Vec<_> = table.instructions.iter().filter(of).map(opcode).collect();
        if !names.is_empty() {
            line!(out, "        {}: class_of = CLASS_{class};", names.join(", "));
        }
    }
    line!(out, "        default: class_of = CLASS_CONTROL;");
    line!(out, "    endcase\nendfunction\n");
}

/// The site of a word that draws, 0 for every other.
fn site_of(out: &mut String, table: &Table) {
    line!(
        out,
        "// The site of the draw of a word that draws (S52), 0 for every other. The operands between"
    );
    line!(out, "// opcode and site do not matter here.");
    line!(out, "/* verilator lint_off UNUSEDSIGNAL */");
    line!(out, "function automatic logic [4:0] site_of(input logic [31:0] bits);");
    line!(out, "    case (bits[31:{OPCODE_LOW}])");
    for i in table.instructions.iter().filter(|i| i.reads.iter().any(|r| r == "random draw")) {
        let format = table.format(i);
        let site = format.operands.iter().find(|o| o.kind == "draw site");
        let site = site.expect("internal: an instruction that draws has a site");
        let (hi, lo) = site.at;
        line!(out, "        {}: site_of = bits[{hi}:{lo}];", opcode(i));
    }
    line!(out, "        default: site_of = 5'd0;");
    line!(out, "    endcase\nendfunction");
    line!(out, "/* verilator lint_on UNUSEDSIGNAL */\n");
}

fn is_instruction(out: &mut String, table: &Table) {
    line!(out, "// Whether a word decodes: a known opcode, reserved bits 0, codes with a meaning.");
    line!(out, "function automatic logic is_instruction(input logic [31:0] bits);");
    line!(out, "    case (bits[31:{OPCODE_LOW}])");
    for i in &table.instructions {
        let format = table.format(i);
        let mut conditions: Vec<String> = Vec::new();
        let unused = unused(format);
        if unused != 0 {
            conditions.push(format!("(bits & 32'h{unused:08x}) == 32'd0"));
        }
        for o in &format.operands {
            let (kind, width) = (table.kind(o), width(o));
            if u64::from(kind.max) + 1 < 1 << width {
                let (hi, lo) = o.at;
                conditions.push(format!("bits[{hi}:{lo}] <= {width}'d{}", kind.max));
            }
        }
        let all = if conditions.is_empty() { "1'b1".into() } else { conditions.join(" && ") };
        line!(out, "        {}: is_instruction = {all};", opcode(i));
    }
    line!(out, "        default: is_instruction = 1'b0;");
    line!(out, "    endcase\nendfunction");
}

/// The bits below the opcode that no operand covers.
fn unused(format: &Format) -> u32 {
    let used = format.operands.iter().fold(0, |m, o| m | mask(o));
    ((1 << OPCODE_LOW) - 1) & !used
}

fn width(o: &Operand) -> u8 {
    o.at.0 - o.at.1 + 1
}

/// The name of an opcode; also the label of its handler.
fn opcode(i: &Instruction) -> String {
    format!("OP_{}", i.name.to_uppercase())
}
