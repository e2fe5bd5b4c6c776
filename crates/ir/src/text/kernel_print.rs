//! Prints a kernel, one operation per line, in the grammar of [`super::parse_kernel`].

use crate::kernel::{Kernel, Op, Port, Role, Surrogate, Target, ValueId, When};
use std::fmt::Write;
use trifactor_entity::EntityId;

/// The canonical text of a kernel; ends with a line end.
///
/// Values are called `v0`, `v1`, ... in arena order; where an input has such a name, `_v0`, and
/// so on. Numbers print with the fewest digits that read back as the same double.
pub fn print_kernel(kernel: &Kernel) -> String {
    let mut out = String::new();
    print_into(&mut out, kernel, "");
    out
}

/// Prints with every line indented.
pub(super) fn print_into(out: &mut String, kernel: &Kernel, indent: &str) {
    let names = ValueNames::of(kernel);
    line(out, format_args!("{indent}kernel {} {{", kernel.name));
    for port in kernel.ports.values() {
        line(out, format_args!("{indent}  in {}: {}", port.name, reading(port)));
    }
    let mut read = vec![false; kernel.ports.len()];
    for (id, op) in kernel.ops.iter() {
        let text = match *op {
            Op::Port(port) => {
                let name = kernel.ports.get(port).map_or("?", |p| p.name.as_str());
                let again = read.get_mut(port.index()).is_some_and(|r| std::mem::replace(r, true));
                if again { format!("read({name})") } else { name.to_owned() }
            }
            op => operation(op, &names),
        };
        line(out, format_args!("{indent}  {} = {text}", names.name(id)));
    }
    for output in &kernel.outputs {
        let verb = match output.target {
            Target::Set => "set",
            Target::AddPost => "add post",
            Target::AddPre => "add pre",
            Target::AddGlobal => "add global",
            Target::AddOwn => "add own",
        };
        let value = names.name(output.value);
        line(out, format_args!("{indent}  {verb} {} = {value}", output.variable));
    }
    line(out, format_args!("{indent}}}"));
}

/// Appends a line.
pub(super) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}

/// Names of values that no input of the kernel has.
struct ValueNames {
    prefix: String,
}

impl ValueNames {
    fn of(kernel: &Kernel) -> Self {
        let mut prefix = "v".to_owned();
        let taken = |prefix: &str| {
            kernel.ports.values().any(|p| {
                p.name.strip_prefix(prefix).is_some_and(|rest| {
                    !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit())
                })
            })
        };
        while taken(&prefix) {
            prefix.insert(0, '_');
        }
        Self { prefix }
    }
    fn name(&self, value: ValueId) -> String {
        format!("{}{}", self.prefix, value.index())
    }
}

fn operation(op: Op, names: &ValueNames) -> String {
    let n = |v| names.name(v);
    match op {
        Op::Const(value) => format!("{value:?}"),
        Op::Port(port) => port.to_string(),
        Op::Add(a, b) => format!("{} + {}", n(a), n(b)),
        Op::Sub(a, b) => format!("{} - {}", n(a), n(b)),
        Op::Mul(a, b) => format!("{} * {}", n(a), n(b)),
        Op::Gt(a, b) => format!("{} > {}", n(a), n(b)),
        Op::Min(a, b) => format!("min({}, {})", n(a), n(b)),
        Op::Max(a, b) => format!("max({}, {})", n(a), n(b)),
        Op::Sgn(a) => format!("sgn({})", n(a)),
        Op::Step(a, s) => format!("step({}{})", n(a), surrogate(s)),
        Op::Bump(a, s) => format!("bump({}{})", n(a), surrogate(s)),
        Op::Select { cond, then, other } => {
            format!("select({}, {}, {})", n(cond), n(then), n(other))
        }
    }
}

fn surrogate(surrogate: Surrogate) -> String {
    match surrogate {
        Surrogate::None => String::new(),
        Surrogate::FastSigmoid { scale, beta } => format!(", sigmoid {scale:?} {beta:?}"),
        Surrogate::Exponential { scale, beta } => format!(", exp {scale:?} {beta:?}"),
        Surrogate::Triangle { scale, beta } => format!(", triangle {scale:?} {beta:?}"),
    }
}

fn reading(port: &Port) -> String {
    let mut text = match port.role {
        Role::Own => "own".to_owned(),
        Role::Pre => "pre".to_owned(),
        Role::Post => "post".to_owned(),
        Role::Global => "global".to_owned(),
        Role::Every(k) => format!("every {k}"),
    };
    if port.variable != port.name {
        text.push(' ');
        text.push_str(&port.variable);
    }
    if port.prev {
        text.push_str(" prev");
    }
    text.push_str(match port.when {
        When::End => "",
        When::AtPre => " at x0",
        When::AtPost => " at y0",
    });
    text
}
