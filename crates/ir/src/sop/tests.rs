//! Sums of products: what is read, what is refused, and that the kernel computes the string.

use super::*;
use proptest::prelude::*;
use trifactor_entity::Table;

fn products(text: &str) -> Vec<SopProduct> {
    parse_products(text, &Place::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn factor(var: SopVar) -> SopFactor {
    SopFactor { var, constant: None, sgn: false }
}

#[test]
fn a_product_has_a_dependency_a_scale_and_factors() {
    assert_eq!(
        products("-2^-2*x0*(3-y1)"),
        [SopProduct {
            dependency: Dependency::X0,
            scale: 0.25,
            mantissa_exponent: Some((1, -2)),
            factors: vec![SopFactor { constant: Some(-3.0), ..factor(SopVar::Y1) }],
        }]
    );
    assert_eq!(
        products("sgn(t + 2) * u0 * 3 - y0*x0*d"),
        [
            SopProduct {
                dependency: Dependency::U(0),
                scale: 3.0,
                mantissa_exponent: Some((3, 0)),
                factors: vec![SopFactor { var: SopVar::T, constant: Some(2.0), sgn: true }],
            },
            SopProduct {
                dependency: Dependency::Y0,
                scale: -1.0,
                mantissa_exponent: Some((-1, 0)),
                factors: vec![factor(SopVar::X0), factor(SopVar::D)],
            },
        ]
    );
}

#[test]
fn a_product_is_written_as_it_is_read() {
    for text in [
        "x0",
        "-8*y0*x1",
        "3*2^-5*u7*w*sgn(d) - 0.3*x0*(3 - y1)*sgn(t - 5)",
        "2^-9*y0*(x0 - 1)*(w + 40)",
        "-4*2^8*x0*y0",
    ] {
        let read = products(text);
        let written: Vec<String> = read.iter().map(SopProduct::to_string).collect();
        assert_eq!(products(&written.join(" ")), read, "{written:?}");
    }
    assert_eq!(
        products("y0*(x0 - 1)")[0].factors,
        [SopFactor { constant: Some(-1.0), ..factor(SopVar::X0) }]
    );
}

#[test]
fn literals_fold_into_a_mantissa_and_an_exponent_where_they_can() {
    for (text, scale, folded) in [
        ("x0", 1.0, Some((1, 0))),
        ("2*x0", 2.0, Some((2, 0))),
        ("14*x0", 14.0, Some((7, 1))),
        ("-8*x0", -8.0, Some((-4, 1))),
        ("12*2^-7*x0", 12.0 / 128.0, Some((6, -6))),
        ("x0*(-4)*2^8", -1024.0, Some((-4, 8))),
        ("9*x0", 9.0, None),
        ("-9*x0", -9.0, None),
        ("3*5*x0", 15.0, None),
        ("9*2^-1*x0", 4.5, None),
        ("2^9*x0", 512.0, None),
        ("2^-8*x0", 1.0 / 256.0, None),
        ("0.3*x0", 0.3, None),
        ("0.5*x0", 0.5, None),
    ] {
        let p = &products(text)[0];
        assert_eq!((p.scale, p.mantissa_exponent), (scale, folded), "{text}");
    }
}

#[track_caller]
fn refuses(text: &str, code: &str, column: usize, part: &str) {
    let found = parse_products(text, &Place::at_key("rules.r.dw")).expect_err(text);
    let first = found.iter().next().unwrap();
    assert_eq!(first.code, code, "{found}");
    assert!(found.to_string().contains(part), "no {part:?} in:\n{found}");
    assert_eq!(first.place.position, Some((1, column)), "{found}");
    assert_eq!(first.place.key.as_deref(), Some("rules.r.dw"));
}

#[test]
fn what_cannot_be_read_is_refused_at_its_column() {
    refuses("", "R008", 1, "is empty");
    refuses("x0*y1 +", "R001", 8, "product 2 '': expected a factor");
    refuses("x0/2", "R001", 3, "2^-1");
    refuses("x0 * -1", "R001", 6, "sign behind an operator");
    refuses("x0*y1+-2*y0*x1", "R001", 7, "sign behind an operator");
    refuses("x0**y1", "R001", 4, "2^-4");
    refuses("2**-4*x0", "R001", 4, "sign behind an operator");
    refuses("x0*x1^2", "R001", 6, "only 2 can have an exponent");
    refuses("x0*3^2", "R001", 5, "3 cannot have an exponent");
    refuses("x0*2^x1", "R001", 6, "an exponent is a whole number");
    refuses("x0*2^99", "R001", 6, "up to 30");
    refuses("x0 y1", "R001", 4, "expected '*'");
    refuses("1.2.3*x0", "R001", 1, "not a number");
    refuses("x0*y1 - y0*x3", "R002", 12, "product 2 'y0*x3': 'x3' is not a variable");
    refuses("x0*weight", "R002", 4, "variables are x0");
    refuses("w", "R003", 1, "product 1 'w': it depends on neither");
    refuses("x0*x1*y0*u0", "R004", 10, "beside another dependency");
    refuses("u1*x0", "R004", 4, "beside another dependency");
    refuses("u1*u2", "R004", 4, "beside another dependency");
    refuses("u10*w", "R004", 1, "one digit");
    refuses("x0*(y1+y2)", "R005", 8, "one variable");
    refuses("x0*(y1+1+2)", "R005", 10, "one number");
    refuses("x0*(w-1", "R005", 4, "does not close");
    refuses("x0*(w-1)*(", "R005", 11, "expected a variable");
    refuses("x0*(w*2)", "R005", 6, "expected '+', '-' or ')'");
    refuses("y0*(x0)", "R005", 5, "'x0' cannot stand in a bracket");
    refuses("x1*(u0+1)", "R005", 5, "'u0' cannot stand in a bracket");
    refuses("x0*sgn(-w)", "R006", 9, "in front of the product");
    refuses("x0*sgn(y1)", "R006", 8, "sgn takes w, d or t");
    refuses("x0*sgn(3)", "R006", 7, "sgn of a number");
    refuses("x0*sgn w", "R006", 8, "needs a bracket");
    refuses(&format!("x0{}", "*x1".repeat(17)), "R007", 54, "more than 16 factors");
}

#[test]
fn a_sum_that_is_too_long_is_refused() {
    let found = parse_products(&" ".repeat(4097), &Place::default()).unwrap_err();
    assert!(found.to_string().contains("4097 bytes; the limit is 4096"), "{found}");
    let huge = vec!["9".repeat(200); 2].join("*") + "*x0";
    let found = parse_products(&huge, &Place::default()).unwrap_err();
    assert!(found.to_string().contains("its scale is beyond the largest double"), "{found}");
    let many = vec!["x0"; 65].join("+");
    let found = parse_products(&many, &Place::default()).unwrap_err();
    assert!(found.to_string().contains("65 products; the limit is 64"), "{found}");
}

#[test]
fn every_product_and_every_string_is_reported_on_its_own() {
    let rule = SopRule {
        dw: Some("x0*y9 + y0*x1 - w".into()),
        dt: Some("x0*".into()),
        ..SopRule::default()
    };
    let found = parse_sop("r", &rule, &Place::file("model.ron").key("rules.r")).unwrap_err();
    let places: Vec<_> = found.iter().map(|d| (d.code, d.place.key.as_deref().unwrap())).collect();
    assert_eq!(
        places,
        [("R002", "rules.r.dw"), ("R003", "rules.r.dw"), ("R001", "rules.r.dt")],
        "{found}"
    );
    let none = parse_sop("r", &SopRule::default(), &Place::default()).unwrap_err();
    assert_eq!(none.iter().next().unwrap().code, "R008");
}

#[test]
fn traces_are_read_at_the_time_of_their_dependency() {
    let rule = SopRule { dw: Some("x0*y1*x1 + y0*x1*w + u3*x1*r1".into()), ..SopRule::default() };
    let kernel = parse_sop("r", &rule, &Place::default()).unwrap();
    let shown: Vec<_> = kernel
        .ports
        .values()
        .map(|p| (p.name.as_str(), p.role, p.variable.as_str(), p.when))
        .collect();
    assert_eq!(
        shown,
        [
            ("w", Role::Own, "w", When::End),
            ("y1_at_x0", Role::Post, "y1", When::AtPre),
            ("x1_at_x0", Role::Pre, "x1", When::AtPre),
            ("x0", Role::Pre, "x0", When::End),
            ("x1_at_y0", Role::Pre, "x1", When::AtPost),
            ("y0", Role::Post, "y0", When::End),
            ("x1", Role::Pre, "x1", When::End),
            ("r1", Role::Global, "r1", When::End),
            ("u3", Role::Every(3), "u3", When::End),
        ]
    );
}

/// Evaluates a kernel on one lane.
fn run(kernel: &Kernel, input: impl Fn(&Port) -> f64) -> Vec<(String, f64)> {
    let mut values: Table<ValueId, f64> = Table::new();
    for op in kernel.ops.values() {
        let value = match *op {
            Op::Const(c) => c,
            Op::Port(p) => input(&kernel.ports[p]),
            Op::Add(a, b) => values[a] + values[b],
            Op::Sub(a, b) => values[a] - values[b],
            Op::Mul(a, b) => values[a] * values[b],
            Op::Sgn(a) if values[a] == 0.0 => 0.0,
            Op::Sgn(a) => values[a].signum(),
            other => panic!("a sum of products has no {other:?}"),
        };
        values.push(value);
    }
    kernel.outputs.iter().map(|o| (o.variable.clone(), values[o.value])).collect()
}

/// A product in pieces: text and value of each item at the time of its dependency.
#[derive(Clone, Debug)]
struct Item {
    text: String,
    /// Variable, added constant, sign of the variable, sgn; `None` for a literal.
    var: Option<(SopVar, f64, f64, bool)>,
    literal: f64,
}

fn item() -> impl Strategy<Value = Item> {
    let var = prop::sample::select(SopVar::ALL.to_vec());
    (var, -9i32..10, 0u8..8).prop_map(|(var, c, form)| {
        let name = var.name();
        let own = matches!(var, SopVar::W | SopVar::D | SopVar::T);
        let bracket = !matches!(var, SopVar::X0 | SopVar::Y0);
        let plus = |c: i32| format!("{} {}", if c < 0 { '-' } else { '+' }, c.abs());
        let c64 = f64::from(c);
        let literal = |text: String, literal| Item { text, var: None, literal };
        let of = |text, constant, sign, sgn| Item {
            text,
            var: Some((var, constant, sign, sgn)),
            literal: 1.0,
        };
        match form {
            0 => literal(format!("2^{c}"), c64.exp2()),
            1 => literal(c.abs().to_string(), c64.abs()),
            2 => literal(format!("({c})"), c64),
            3 if bracket => of(format!("({name} {})", plus(c)), c64, 1.0, false),
            4 if bracket => of(format!("({c} - {name})"), c64, -1.0, false),
            5 if bracket => of(format!("({c}+{name})"), c64, 1.0, false),
            6 if own => of(format!("sgn({name}{})", plus(c)), c64, 1.0, true),
            _ => of(name.to_owned(), 0.0, 1.0, false),
        }
    })
}

/// Gate, gate's name and its place among the items.
type Gate = (usize, prop::sample::Index);

fn sum() -> impl Strategy<Value = Vec<(bool, Gate, Vec<Item>)>> {
    let gate = (0usize..12, any::<prop::sample::Index>());
    prop::collection::vec((any::<bool>(), gate, prop::collection::vec(item(), 0..5)), 1..5)
}

proptest! {
    /// S40, S48: the kernel is the string, evaluated with the reading times of its products.
    #[test]
    fn the_kernel_computes_what_the_string_says(
        sum in sum(),
        raw in prop::collection::vec(-20i32..20, 64),
    ) {
        let gates = ["x0", "y0", "u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"];
        // Every variable has another value at each of the three times.
        let value = |name: &str, when: When| {
            let slot: usize = name.bytes().map(usize::from).sum();
            let time = match when { When::End => 0, When::AtPre => 7, When::AtPost => 19 };
            let v = raw[(slot + time) % raw.len()];
            if name.ends_with('0') || name.starts_with('u') { f64::from(v & 1) } else { f64::from(v) }
        };
        let mut text = String::new();
        let mut expected = value("w", When::End);
        let mut legal = true;
        for (negative, (gate, at), items) in &sum {
            let items: Vec<_> = items.clone();
            let mut words: Vec<String> = items.iter().map(|i| i.text.clone()).collect();
            let place = at.index(words.len() + 1);
            words.insert(place, gates[*gate].to_owned());
            // The first flag in the text decides when traces are read, wherever the gate stands.
            let first = words.iter().find(|w| matches!(w.as_str(), "x0" | "y0"));
            let is_u = *gate > 1;
            legal &= !(is_u && first.is_some());
            let when = match first.map(String::as_str) {
                _ if is_u => When::End,
                Some("y0") => When::AtPost,
                _ => When::AtPre,
            };
            let mut product = if *negative { -1.0 } else { 1.0 } * value(gates[*gate], When::End);
            for item in &items {
                product *= item.literal;
                if let Some((var, constant, sign, sgn)) = item.var {
                    let when = if var.is_trace() { when } else { When::End };
                    let inside = sign * value(var.name(), when) + constant;
                    product *= if !sgn { inside } else if inside == 0.0 { 0.0 } else { inside.signum() };
                }
            }
            expected += product;
            text.push_str(if *negative { " - " } else { " + " });
            text.push_str(&words.join(" * "));
        }
        let rule = SopRule { dw: Some(text.clone()), ..SopRule::default() };
        for form in [ScaleForm::Folded, ScaleForm::Split] {
            match parse_sop_as("r", &rule, &Place::default(), form) {
                Ok(kernel) => {
                    prop_assert!(legal, "{text} was accepted");
                    let got = run(&kernel, |p| value(&p.variable, p.when));
                    let tolerance = 1e-9 * expected.abs().max(1e6);
                    let apart = (got[0].1 - expected).abs();
                    prop_assert!(apart <= tolerance, "{text}: {got:?} {expected}");
                }
                Err(found) => prop_assert!(!legal, "{text}: {found}"),
            }
        }
    }

    #[test]
    fn no_string_makes_the_reader_panic(text in "([xyurwdt0-9.^*+/() -]|sgn|2\\^|x0|\\PC){0,40}") {
        let _ = parse_products(&text, &Place::default());
    }
}

#[test]
fn a_split_scale_keeps_its_mantissa_and_sign() {
    let constants = |form| {
        let rule = SopRule { dw: Some("-6*2^-6*x0*y1 + y0".into()), ..SopRule::default() };
        let kernel = parse_sop_as("r", &rule, &Place::default(), form).unwrap();
        let constant = |op: &Op| if let Op::Const(c) = op { Some(*c) } else { None };
        kernel.ops.values().filter_map(constant).collect::<Vec<_>>()
    };
    assert_eq!(constants(ScaleForm::Folded), [6.0 / 64.0]);
    assert_eq!(constants(ScaleForm::Split), [-6.0, 1.0 / 64.0, 1.0, 1.0]);
}

#[test]
fn several_strings_make_one_kernel_that_reads_old_values() {
    let rule =
        SopRule { dw: Some("2*x0*t".into()), dd: Some("-y0".into()), dt: Some("u0*w".into()) };
    let kernel = parse_sop("r", &rule, &Place::default()).unwrap();
    let value = |p: &Port| match p.name.as_str() {
        "w" => 10.0,
        "d" => 5.0,
        "t" => 3.0,
        _ => 1.0,
    };
    let expected = [("w", 16.0), ("d", 4.0), ("t", 13.0)].map(|(n, v)| (n.to_owned(), v));
    assert_eq!(run(&kernel, value), expected);
}
