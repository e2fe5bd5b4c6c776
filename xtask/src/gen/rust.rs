//! The Rust that follows from the table: one function per generated file.
//!
//! The text is plain formatting: a template engine would hide the only interesting part, which
//! is how little each file needs from the table. The crate exempts the folder from rustfmt, so
//! what is written here is what is committed.

use super::table::{Format, Instruction, Operand, Shape, Table, mask};
use std::fmt::Write;

const HEADER: &str = "// Generated from isa/ucode.ron by `cargo xtask gen`; do not edit.\n\n";

/// Appends a formatted line; writing to a `String` cannot fail.
macro_rules! line {
    ($out:ident) => { $out.push('\n') };
    ($out:ident, $($arg:tt)*) => {
        writeln!($out, $($arg)*).expect("internal: a String accepts every text")
    };
}

/// `generated/mod.rs`.
pub fn root() -> String {
    let mut out = String::from(HEADER);
    for module in ["execute", "formats", "inst", "opcode", "operands"] {
        line!(out, "mod {module};");
    }
    line!(out);
    for module in ["execute", "formats", "inst"] {
        line!(out, "pub use {module}::*;");
    }
    line!(out, "pub use opcode::{{ISA_NAME, Opcode}};");
    line!(out, "pub(crate) use opcode::CANONICAL_TABLE;");
    line!(out, "pub use operands::*;");
    out
}

/// `generated/operands.rs`: the operand types that are a bounded number.
pub fn operands(table: &Table) -> String {
    let mut out = String::from(HEADER);
    line!(out, "use crate::operand::bounded;\n");
    for kind in &table.kinds {
        let Shape::Bounded(prefix) = &kind.shape else {
            continue;
        };
        line!(out, "bounded! {{");
        line!(
            out,
            "    /// {}. Legal: 0 to {}; written `{}`.",
            title(&kind.what),
            kind.max,
            kind.text
        );
        line!(out, "    {}, {}, {prefix:?},", kind.rust, kind.max);
        line!(
            out,
            "    {:?}",
            format!("{}, {prefix}0 to {prefix}{}", with_article(&kind.name), kind.max)
        );
        line!(out, "}}");
    }
    out
}

/// `generated/opcode.rs`: the opcode enum and what is known of an instruction without operands.
pub fn opcode(table: &Table) -> String {
    let mut out = String::from(HEADER);
    line!(out, "use crate::chip::CostClass;\n");
    line!(
        out,
        "/// Name and version of the instruction set; a chip file names the one it executes."
    );
    line!(out, "pub const ISA_NAME: &str = {:?};\n", table.isa);
    line!(out, "/// Bits 31:26 of a word.");
    line!(out, "#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]");
    line!(out, "#[repr(u8)]");
    line!(out, "pub enum Opcode {{");
    for inst in &table.instructions {
        line!(out, "    /// {} Source: {}.", inst.means, inst.source);
        line!(out, "    {} = {:#04x},", variant(inst), inst.opcode);
    }
    line!(out, "}}\n");
    line!(out, "impl Opcode {{");
    line!(out, "    /// All opcodes, in the order of the manual.");
    let all: Vec<_> = table.instructions.iter().map(|i| format!("Self::{}", variant(i))).collect();
    line!(out, "    pub const ALL: [Self; {}] = [{}];\n", all.len(), all.join(", "));
    line!(out, "    /// The opcode with this code, if there is one.");
    line!(out, "    pub const fn from_code(code: u8) -> Option<Self> {{");
    line!(out, "        Some(match code {{");
    for inst in &table.instructions {
        line!(out, "            {:#04x} => Self::{},", inst.opcode, variant(inst));
    }
    line!(out, "            _ => return None,\n        }})\n    }}");
    getter(&mut out, table, "name", "The mnemonic.", "&'static str", |i| format!("{:?}", i.name));
    getter(
        &mut out,
        table,
        "class",
        "Which cost coefficient of the chip applies.",
        "CostClass",
        |i| format!("CostClass::{:?}", i.class),
    );
    getter(
        &mut out,
        table,
        "format",
        "The name of its format in the manual.",
        "&'static str",
        |i| format!("{:?}", i.format),
    );
    getter(
        &mut out,
        table,
        "example",
        "A line of assembly text with this opcode.",
        "&'static str",
        |i| format!("{:?}", i.example),
    );
    line!(out, "}}\n");
    line!(
        out,
        "/// What fixes the meaning of words, one fact per line and without prose: the input of"
    );
    line!(out, "/// [`isa_hash`](crate::isa_hash).");
    line!(out, "pub(crate) const CANONICAL_TABLE: &str = \"\\");
    for fact in canonical(table) {
        line!(out, "{fact}\\n\\");
    }
    line!(out, "\";");
    out
}

/// `generated/formats.rs`: one struct per layout, packing, unpacking, text.
pub fn formats(table: &Table) -> String {
    let mut out = String::from(HEADER);
    line!(out, "use crate::asm::{{AsmError, Operands}};");
    line!(out, "use crate::decode::{{DecodeError, get, put, reserved}};");
    line!(out, "use crate::operand::{{Rounding, Text, When}};");
    line!(out, "use crate::generated::{{{}, Opcode}};", bounded_types(table).join(", "));
    line!(out, "use std::fmt;");
    for format in table.formats.iter().filter(|f| !f.operands.is_empty()) {
        struct_of(&mut out, table, format);
    }
    out
}

/// `generated/inst.rs`: the typed instruction, encode, decode, text.
pub fn inst(table: &Table) -> String {
    let mut out = String::from(HEADER);
    let structs: Vec<_> =
        table.formats.iter().filter(|f| !f.rust.is_empty()).map(|f| f.rust.as_str()).collect();
    line!(out, "use crate::asm::{{AsmError, Operands}};");
    line!(out, "use crate::decode::{{DecodeError, reserved}};");
    line!(out, "use crate::generated::{{Opcode, Reg, {}}};", structs.join(", "));
    line!(out, "use std::fmt;\n");
    line!(
        out,
        "/// One instruction with its operands; every value of this type has exactly one word."
    );
    line!(out, "#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]");
    line!(out, "pub enum Inst {{");
    for i in &table.instructions {
        line!(out, "    /// {} Source: {}.", i.means, i.source);
        match table.format(i).rust.as_str() {
            "" => line!(out, "    {},", variant(i)),
            rust => line!(out, "    {}({rust}),", variant(i)),
        }
    }
    line!(out, "}}\n");
    line!(out, "impl Inst {{");
    inst_match(
        &mut out,
        table,
        "/// Which instruction this is.\n    pub const fn opcode(self) -> Opcode",
        "self",
        &|i, _| format!("Opcode::{}", variant(i)),
    );
    line!(out);
    inst_match(
        &mut out,
        table,
        "/// The instruction as a word.\n    pub fn encode(self) -> u32",
        "self",
        &|i, o| {
            let opcode = format!("(Opcode::{} as u32) << 26", variant(i));
            if o { format!("{opcode} | o.pack()") } else { opcode }
        },
    );
    line!(out, "\n    /// The instruction of a word.\n    ///");
    line!(
        out,
        "    /// Errors: the opcode is unknown, a reserved bit is set, or a field holds a code that"
    );
    line!(out, "    /// has no meaning; so a word that decodes has exactly one text.");
    line!(out, "    pub fn decode(word: u32) -> Result<Self, DecodeError> {{");
    line!(out, "        let code = (word >> 26) as u8;");
    line!(out, "        let Some(op) = Opcode::from_code(code) else {{");
    line!(out, "            return Err(DecodeError::UnknownOpcode {{ word, code }});\n        }};");
    line!(out, "        Ok(match op {{");
    for i in &table.instructions {
        match table.format(i).rust.as_str() {
            "" => {
                line!(out, "            Opcode::{} => {{", variant(i));
                line!(
                    out,
                    "                reserved(word, op, 0)?;\n                Self::{}",
                    variant(i)
                );
                line!(out, "            }}");
            }
            rust => line!(
                out,
                "            Opcode::{0} => Self::{0}({rust}::unpack(word, op)?),",
                variant(i)
            ),
        }
    }
    line!(out, "        }})\n    }}\n");
    line!(out, "    /// Reads the operands that follow a mnemonic.");
    line!(
        out,
        "    pub(crate) fn parse(op: Opcode, ops: &mut Operands<'_>) -> Result<Self, AsmError> {{"
    );
    line!(out, "        let inst = match op {{");
    for i in &table.instructions {
        match table.format(i).rust.as_str() {
            "" => line!(out, "            Opcode::{0} => Self::{0},", variant(i)),
            rust => {
                line!(out, "            Opcode::{0} => Self::{0}({rust}::parse(ops)?),", variant(i))
            }
        }
    }
    line!(out, "        }};\n        ops.end()?;\n        Ok(inst)\n    }}\n");
    inst_match(
        &mut out,
        table,
        "/// The registers it reads, in operand order.\n    pub const fn reads(self) -> [Option<Reg>; 3]",
        "self",
        &|i, _| {
            let mut regs: Vec<_> =
                registers(table, i, &i.reads).map(|r| format!("Some(o.{r})")).collect();
            regs.resize(3, "None".into());
            format!("[{}]", regs.join(", "))
        },
    );
    line!(out);
    inst_match(
        &mut out,
        table,
        "/// The register it writes.\n    pub const fn writes(self) -> Option<Reg>",
        "self",
        &|i, _| {
            registers(table, i, &i.writes).next().map_or("None".into(), |r| format!("Some(o.{r})"))
        },
    );
    line!(out, "}}\n");
    line!(out, "impl fmt::Display for Inst {{");
    line!(
        out,
        "    /// The text that [`assemble`](crate::assemble) reads back as the same instruction."
    );
    inst_match(
        &mut out,
        table,
        "fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result",
        "self",
        &|i, o| {
            if o {
                format!("write!(f, \"{} {{o}}\")", i.name)
            } else {
                format!("f.write_str({:?})", i.name)
            }
        },
    );
    line!(out, "}}");
    out
}

/// `generated/execute.rs`: the trait with one handler per opcode, and the dispatch.
pub fn execute(table: &Table) -> String {
    let mut out = String::from(HEADER);
    let structs: Vec<_> =
        table.formats.iter().filter(|f| !f.rust.is_empty()).map(|f| f.rust.as_str()).collect();
    line!(out, "use crate::generated::{{Inst, {}}};\n", structs.join(", "));
    line!(
        out,
        "/// Something that gives instructions a meaning: one required handler per opcode, so an"
    );
    line!(
        out,
        "/// instruction added to the table does not compile until every executor handles it."
    );
    line!(out, "pub trait Execute {{");
    line!(out, "    /// What a handler returns.");
    line!(out, "    type Output;");
    for i in &table.instructions {
        line!(out, "    /// {} Source: {}.", i.means, i.source);
        match table.format(i).rust.as_str() {
            "" => line!(out, "    fn {}(&mut self) -> Self::Output;", i.name),
            rust => line!(out, "    fn {}(&mut self, o: {rust}) -> Self::Output;", i.name),
        }
    }
    line!(out, "}}\n");
    line!(out, "/// Calls the handler of an instruction.");
    line!(out, "#[inline]");
    line!(out, "pub fn dispatch<E: Execute>(inst: &Inst, e: &mut E) -> E::Output {{");
    line!(out, "    match *inst {{");
    for i in &table.instructions {
        match table.format(i).rust.as_str() {
            "" => line!(out, "        Inst::{} => e.{}(),", variant(i), i.name),
            _ => line!(out, "        Inst::{}(o) => e.{}(o),", variant(i), i.name),
        }
    }
    line!(out, "    }}\n}}");
    out
}

fn struct_of(out: &mut String, table: &Table, format: &Format) {
    let rust = &format.rust;
    line!(out, "\n/// Operands of format {}.", format.name);
    line!(out, "#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]");
    line!(out, "pub struct {rust} {{");
    for o in &format.operands {
        let kind = table.kind(o);
        line!(out, "    /// {}, bits {}.", title(&kind.name), bit_range(o));
        line!(out, "    pub {}: {},", o.name, kind.rust);
    }
    line!(out, "}}\n");
    line!(out, "impl {rust} {{");
    line!(
        out,
        "    const USED: u32 = {:#010x};\n",
        format.operands.iter().fold(0, |m, o| m | mask(o))
    );
    let packed: Vec<_> =
        format.operands.iter().map(|o| format!("put(self.{}, {})", o.name, o.at.1)).collect();
    line!(out, "    pub(crate) fn pack(self) -> u32 {{\n        {}\n    }}\n", packed.join(" | "));
    line!(out, "    pub(crate) fn unpack(word: u32, op: Opcode) -> Result<Self, DecodeError> {{");
    line!(out, "        reserved(word, op, Self::USED)?;\n        Ok(Self {{");
    for o in &format.operands {
        line!(out, "            {0}: get(word, op, {0:?}, {1}, {2})?,", o.name, o.at.0, o.at.1);
    }
    line!(out, "        }})\n    }}\n");
    line!(
        out,
        "    pub(crate) fn parse(ops: &mut Operands<'_>) -> Result<Self, AsmError> {{\n        Ok(Self {{"
    );
    for o in &format.operands {
        match &table.kind(o).shape {
            Shape::Flag(word) => line!(out, "            {}: ops.flag({word:?}),", o.name),
            _ => line!(out, "            {}: ops.take()?,", o.name),
        }
    }
    line!(out, "        }})\n    }}\n}}\n");
    line!(out, "impl fmt::Display for {rust} {{");
    line!(out, "    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{");
    for (n, o) in format.operands.iter().enumerate() {
        match (&table.kind(o).shape, n) {
            (Shape::Flag(word), _) => {
                line!(
                    out,
                    "        if self.{} {{\n            f.write_str(\", {word}\")?;\n        }}",
                    o.name
                );
            }
            (_, 0) => line!(out, "        self.{}.write(f)?;", o.name),
            _ => line!(out, "        f.write_str(\", \")?;\n        self.{}.write(f)?;", o.name),
        }
    }
    line!(out, "        Ok(())\n    }}\n}}");
}

/// A method that is one exhaustive match over the instructions; `arm` is told whether the
/// operands are bound to `o`.
fn inst_match(
    out: &mut String,
    table: &Table,
    signature: &str,
    on: &str,
    arm: &dyn Fn(&Instruction, bool) -> String,
) {
    line!(out, "    {signature} {{\n        match {on} {{");
    for i in &table.instructions {
        let has = !table.format(i).rust.is_empty();
        let body = arm(i, has);
        // The variable is bound only where the arm uses it, or the compiler would warn.
        let pattern = match (has, body.contains("o.") || body.contains("{o}")) {
            (false, _) => String::new(),
            (true, true) => "(o)".into(),
            (true, false) => "(_)".into(),
        };
        line!(out, "            Self::{}{pattern} => {body},", variant(i));
    }
    line!(out, "        }}\n    }}");
}

fn getter(
    out: &mut String,
    table: &Table,
    name: &str,
    doc: &str,
    ty: &str,
    value: impl Fn(&Instruction) -> String,
) {
    line!(out, "\n    /// {doc}\n    pub const fn {name}(self) -> {ty} {{\n        match self {{");
    for i in &table.instructions {
        line!(out, "            Self::{} => {},", variant(i), value(i));
    }
    line!(out, "        }}\n    }}");
}

/// The register operands among the named effects.
fn registers<'a>(
    table: &'a Table,
    inst: &'a Instruction,
    names: &'a [String],
) -> impl Iterator<Item = &'a str> {
    let format = table.format(inst);
    let is_operand = |n: &&String| format.operands.iter().any(|o| o.name == **n);
    names.iter().filter(is_operand).map(String::as_str).collect::<Vec<_>>().into_iter()
}

fn canonical(table: &Table) -> Vec<String> {
    let mut facts = vec![format!("isa {}", table.isa)];
    for k in &table.kinds {
        facts.push(format!("kind {}: {} bits, 0 to {}", k.name, k.bits, k.max));
    }
    for f in &table.formats {
        let fields: Vec<_> = f
            .operands
            .iter()
            .map(|o| format!("{} {} {}:{}", o.name, o.kind, o.at.0, o.at.1))
            .collect();
        facts.push(format!("format {}: {}", f.name, fields.join(", ")));
    }
    for i in &table.instructions {
        facts.push(format!("{} {:#04x} {} {:?}", i.name, i.opcode, i.format, i.class));
    }
    facts
}

fn bounded_types(table: &Table) -> Vec<&str> {
    (table.kinds.iter())
        .filter(|k| matches!(k.shape, Shape::Bounded(_)))
        .map(|k| k.rust.as_str())
        .collect()
}

/// The enum variant of an instruction: its mnemonic with a capital.
fn variant(inst: &Instruction) -> String {
    title(&inst.name)
}

fn title(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

fn with_article(name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// `25:22`, or `15` for a single bit.
pub fn bit_range(o: &Operand) -> String {
    match o.at {
        (hi, lo) if hi == lo => hi.to_string(),
        (hi, lo) => format!("{hi}:{lo}"),
    }
}
