//! Microcode executed word by word, from the instruction table's sentences alone.
//!
//! It decodes words, keeps sixteen registers and computes in 128 bits; rounding, saturation and
//! draws are written here a second time on purpose, because an error shared with the code under
//! test would be invisible.

use trifactor_isa::{Inst, Rounding, When};

/// What a program reads from outside its registers.
pub trait Surroundings {
    /// Raw value of a synapse variable, by field.
    fn field(&self, field: usize) -> i64;
    /// A column of the pre lane at a time; slot 0 is the flag.
    fn pre(&self, slot: usize, when: When, prev: bool) -> i64;
    /// A column of the post lane at a time; slot 0 is the flag.
    fn post(&self, slot: usize, when: When, prev: bool) -> i64;
    /// A global modulator line.
    fn global(&self, slot: usize) -> i64;
    /// Whether the epoch's number is a multiple of 2^k.
    fn every(&self, k: u32) -> bool;
    /// 32 random bits of a site.
    fn draw(&self, site: u8) -> u32;
    /// Smallest and largest raw value of a field.
    fn range(&self, field: usize) -> (i64, i64);
}

/// A store at `halt`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Field.
    pub field: usize,
    /// New raw value.
    pub raw: i64,
    /// Whether it was saturated.
    pub saturated: bool,
}

/// Why a program stopped without `halt`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trap {
    /// A word is no instruction.
    Undecodable(String),
    /// The words end.
    NoHalt,
}

/// Runs a program for one synapse and gives its stores in program order.
///
/// Source: the table `isa/ucode.ron`; statements S39 to S46.
pub fn run(words: &[u32], around: &impl Surroundings) -> Result<Vec<Stored>, Trap> {
    let mut r = [0i128; 16];
    let mut stores = Vec::new();
    for word in words {
        let inst = Inst::decode(*word).map_err(|e| Trap::Undecodable(e.to_string()))?;
        match inst {
            Inst::Halt => return Ok(stores),
            Inst::Ldi(o) => r[o.rd.index()] = saturate(i128::from(o.imm) << o.shift.get()),
            Inst::Ldu(o) => r[o.rd.index()] = around.every(o.k.get().into()).into(),
            Inst::Ldg(o) => r[o.rd.index()] = around.global(o.slot.index()).into(),
            Inst::Lds(o) => r[o.rd.index()] = around.field(o.field.index()).into(),
            Inst::Ldx(o) => r[o.rd.index()] = around.pre(o.slot.index(), o.when, o.prev).into(),
            Inst::Ldy(o) => r[o.rd.index()] = around.post(o.slot.index(), o.when, o.prev).into(),
            Inst::Add(o) => r[o.rd.index()] = saturate(r[o.ra.index()] + r[o.rb.index()]),
            Inst::Sub(o) => r[o.rd.index()] = saturate(r[o.ra.index()] - r[o.rb.index()]),
            Inst::Min(o) => r[o.rd.index()] = r[o.ra.index()].min(r[o.rb.index()]),
            Inst::Max(o) => r[o.rd.index()] = r[o.ra.index()].max(r[o.rb.index()]),
            Inst::Gt(o) => r[o.rd.index()] = (r[o.ra.index()] > r[o.rb.index()]).into(),
            Inst::Sgn(o) => r[o.rd.index()] = r[o.ra.index()].signum(),
            Inst::Sel(o) => {
                let chosen = if r[o.ra.index()] != 0 { o.rb } else { o.rc };
                r[o.rd.index()] = r[chosen.index()];
            }
            Inst::Shl(o) => r[o.rd.index()] = saturate(r[o.ra.index()] << o.shift.get()),
            Inst::Shr(o) => {
                let draw = || around.draw(o.site.get());
                r[o.rd.index()] = round(r[o.ra.index()], o.shift.get(), o.round, draw);
            }
            Inst::Mul(o) => {
                let exact = r[o.ra.index()] * r[o.rb.index()];
                let draw = || around.draw(o.site.get());
                r[o.rd.index()] = saturate(round(exact, o.shift.get(), o.round, draw));
            }
            Inst::Sts(o) => {
                let draw = || around.draw(o.site.get());
                let value = round(r[o.ra.index()], o.shift.get(), o.round, draw);
                let field = o.field.index();
                let (lo, hi) = around.range(field);
                let kept = value.clamp(lo.into(), hi.into());
                stores.push(Stored { field, raw: kept as i64, saturated: kept != value });
            }
        }
    }
    Err(Trap::NoHalt)
}

/// S41, by division.
fn round(x: i128, places: u8, rounding: Rounding, draw: impl Fn() -> u32) -> i128 {
    if places == 0 {
        return x;
    }
    let unit = 1i128 << places;
    match rounding {
        Rounding::Floor => x.div_euclid(unit),
        Rounding::Zero => x / unit,
        Rounding::Nearest => (2 * x + unit).div_euclid(2 * unit),
        Rounding::Stochastic => {
            // The draw's highest bits, as a number below the unit (S53).
            let r = if places <= 32 {
                i128::from(draw()) / (1i128 << (32 - places))
            } else {
                i128::from(draw()) << (places - 32)
            };
            (x + r).div_euclid(unit)
        }
    }
}

/// S42.
fn saturate(x: i128) -> i128 {
    x.clamp(-(1 << 31), (1 << 31) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_isa::assemble;

    struct Fixture;

    impl Surroundings for Fixture {
        fn field(&self, field: usize) -> i64 {
            [100, -7][field]
        }
        fn pre(&self, slot: usize, when: When, prev: bool) -> i64 {
            10 * slot as i64 + i64::from(when == When::Y0) + 2 * i64::from(prev)
        }
        fn post(&self, slot: usize, _: When, _: bool) -> i64 {
            -(slot as i64)
        }
        fn global(&self, slot: usize) -> i64 {
            1000 + slot as i64
        }
        fn every(&self, k: u32) -> bool {
            k == 3
        }
        fn draw(&self, site: u8) -> u32 {
            u32::from(site) << 28
        }
        fn range(&self, _: usize) -> (i64, i64) {
            (-128, 127)
        }
    }

    fn result(program: &str) -> i64 {
        let text = format!("{program}\nsts field 1, r0, >>0, floor, site 0\nhalt");
        let code = assemble(&text).expect("the test's program assembles");
        let words: Vec<u32> = code.iter().map(|i| i.encode()).collect();
        run(&words, &Fixture).expect("the test's program halts")[0].raw
    }

    #[test]
    fn stores_saturate_to_the_range_of_their_field_and_say_so() {
        let code = assemble("ldg r0, slot 1\nsts field 0, r0, >>1, floor, site 0\nhalt").unwrap();
        let words: Vec<u32> = code.iter().map(|i| i.encode()).collect();
        let stored = Stored { field: 0, raw: 127, saturated: true };
        assert_eq!(run(&words, &Fixture), Ok(vec![stored]));
    }

    #[test]
    fn rounding_modes_differ_where_they_should() {
        for (mode, expected) in [("floor", -4), ("zero", -3), ("nearest", -3)] {
            assert_eq!(
                result(&format!("lds r1, field 1\nshr r0, r1, >>1, {mode}, site 0")),
                expected
            );
        }
        // r = 1 of 2 at site 8, 0 at site 0.
        assert_eq!(result("lds r1, field 1\nshr r0, r1, >>1, stochastic, site 8"), -3);
        assert_eq!(result("lds r1, field 1\nshr r0, r1, >>1, stochastic, site 0"), -4);
    }

    #[test]
    fn a_program_without_halt_is_a_trap() {
        let words = [assemble("ldi r0, 1, <<0").unwrap()[0].encode()];
        assert_eq!(run(&words, &Fixture), Err(Trap::NoHalt));
        assert!(matches!(run(&[0], &Fixture), Err(Trap::Undecodable(_))));
    }

    #[test]
    fn loads_read_the_slot_at_the_time_asked_for() {
        assert_eq!(result("ldx r0, slot 2, at y0, prev"), 23);
        assert_eq!(result("ldu r0, k 3"), 1);
        assert_eq!(
            result(
                "ldi r0, 2147, <<31\nldi r1, 1, <<0\nsub r0, r0, r1\nshr r0, r0, >>24, floor, site 0"
            ),
            127
        );
    }
}
