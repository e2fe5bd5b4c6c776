//! One operation over many lanes: the loops that do the work of the plasticity phase.
//!
//! Lengths are multiples of [`WIDTH`]; the lanes behind the last valid one compute something
//! that nobody reads. Fixed-size chunks let the compiler emit vector code without remainder
//! loops, so all arithmetic here must be total: it wraps, saturates or is proved to fit.

use crate::narrow;
use crate::program::{Op, Shift};
use trifactor_fixed::{self as fixed, RawRange, Rounding};

/// Lanes per chunk: two vectors of eight 32-bit lanes.
pub(crate) const WIDTH: usize = 16;

/// The next multiple of [`WIDTH`].
pub(crate) const fn padded(n: usize) -> usize {
    n.div_ceil(WIDTH) * WIDTH
}

/// An operand: the same for all lanes, or one value per lane.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand<'a> {
    /// The same for all.
    Scalar(i32),
    /// One per lane, as many as the result has.
    Lanes(&'a [i32]),
}

/// Computes an operation that is no load.
///
/// Shape: `dst`, operands and `draws` are [lanes]; `draws` may be empty where nothing is drawn.
pub(crate) fn apply(op: &Op, operands: [Operand<'_>; 3], draws: &[u32], dst: &mut [i32]) {
    let [a, b, c] = operands;
    match *op {
        Op::Add(..) => binary(a, b, dst, |a, b| a.saturating_add(b)),
        Op::Sub(..) => binary(a, b, dst, |a, b| a.saturating_sub(b)),
        Op::Min(..) => binary(a, b, dst, |a, b| a.min(b)),
        Op::Max(..) => binary(a, b, dst, |a, b| a.max(b)),
        Op::Gt(..) => binary(a, b, dst, |a, b| i32::from(a > b)),
        Op::Sgn(_) => unary(a, dst, |a| i32::from(a > 0) - i32::from(a < 0)),
        Op::Sel(..) => {
            unary(c, dst, |c| c);
            select(a, b, dst);
        }
        Op::Shl(_, n) => unary(a, dst, |a| fixed::sat32(i64::from(a) << n) as i32),
        Op::Shr(_, s) => shift_right(a, s, draws, dst),
        Op::Mul(_, _, s) => multiply(a, b, s, draws, dst),
        Op::Const(_)
        | Op::EpochFlag(_)
        | Op::GlobalLine(_)
        | Op::Flag(_)
        | Op::Column { .. }
        | Op::Line { .. }
        | Op::Field(_) => unreachable!("internal: loads are no lane operations"),
    }
}

/// Rounded right shift, saturated.
pub(crate) fn shift_right(a: Operand<'_>, s: Shift, draws: &[u32], dst: &mut [i32]) {
    let n = s.places;
    if n == 0 {
        return unary(a, dst, |a| a);
    }
    macro_rules! by_rounding {
        ($shift:path, $type:ty, $finish:expr) => {
            match s.rounding {
                Rounding::Floor => {
                    unary(a, dst, |a| $finish($shift(<$type>::from(a), n, Rounding::Floor, 0)))
                }
                Rounding::Zero => {
                    unary(a, dst, |a| $finish($shift(<$type>::from(a), n, Rounding::Zero, 0)))
                }
                Rounding::Nearest => {
                    unary(a, dst, |a| $finish($shift(<$type>::from(a), n, Rounding::Nearest, 0)))
                }
                Rounding::Stochastic => drawn(a, Operand::Scalar(0), draws, dst, |a, _, r| {
                    $finish($shift(<$type>::from(a), n, Rounding::Stochastic, r))
                }),
            }
        };
    }
    if s.narrow {
        by_rounding!(narrow::round_shift, i32, |x: i32| x);
    } else {
        by_rounding!(fixed::round_shift, i64, |x: i64| fixed::sat32(x) as i32);
    }
}

fn multiply(a: Operand<'_>, b: Operand<'_>, s: Shift, draws: &[u32], dst: &mut [i32]) {
    let n = s.places;
    if s.narrow && n == 0 {
        return binary(a, b, dst, |a, b| a.wrapping_mul(b));
    }
    macro_rules! by_rounding {
        ($product:expr) => {
            match s.rounding {
                Rounding::Floor => binary(a, b, dst, |a, b| $product(a, b, Rounding::Floor, 0)),
                Rounding::Zero => binary(a, b, dst, |a, b| $product(a, b, Rounding::Zero, 0)),
                Rounding::Nearest => binary(a, b, dst, |a, b| $product(a, b, Rounding::Nearest, 0)),
                Rounding::Stochastic if n == 0 => {
                    binary(a, b, dst, |a, b| $product(a, b, Rounding::Floor, 0))
                }
                Rounding::Stochastic => {
                    drawn(a, b, draws, dst, |a, b, r| $product(a, b, Rounding::Stochastic, r))
                }
            }
        };
    }
    if s.narrow {
        by_rounding!(
            |a: i32, b: i32, rounding, r| narrow::round_shift(a.wrapping_mul(b), n, rounding, r)
        );
    } else {
        by_rounding!(
            |a: i32, b: i32, rounding, r| {
                fixed::mul_round(a.into(), b.into(), n, rounding, r) as i32
            }
        );
    }
}

/// Saturates every lane to a range and counts the first `n` lanes that change.
pub(crate) fn clamp(lanes: &mut [i32], n: usize, range: RawRange) -> u64 {
    let (lo, hi) = (range.lo as i32, range.hi as i32);
    let mut changed = 0;
    let (whole, rest) = lanes[..n].as_chunks_mut::<WIDTH>();
    for chunk in whole {
        let mut count = 0u32;
        for x in chunk {
            let clamped = (*x).max(lo).min(hi);
            count += u32::from(clamped != *x);
            *x = clamped;
        }
        changed += u64::from(count);
    }
    for x in rest {
        let clamped = (*x).max(lo).min(hi);
        changed += u64::from(clamped != *x);
        *x = clamped;
    }
    changed
}

/// Copies one operand, changed.
pub(crate) fn unary(a: Operand<'_>, dst: &mut [i32], f: impl Fn(i32) -> i32) {
    match a {
        Operand::Scalar(a) => dst.fill(f(a)),
        Operand::Lanes(a) => {
            for (d, a) in chunks_mut(dst).iter_mut().zip(chunks(a)) {
                for (d, a) in d.iter_mut().zip(a) {
                    *d = f(*a);
                }
            }
        }
    }
}

fn binary(a: Operand<'_>, b: Operand<'_>, dst: &mut [i32], f: impl Fn(i32, i32) -> i32) {
    match (a, b) {
        (Operand::Scalar(a), Operand::Scalar(b)) => dst.fill(f(a, b)),
        (Operand::Lanes(_), Operand::Scalar(b)) => unary(a, dst, |a| f(a, b)),
        (Operand::Scalar(a), Operand::Lanes(_)) => unary(b, dst, |b| f(a, b)),
        (Operand::Lanes(a), Operand::Lanes(b)) => {
            for ((d, a), b) in chunks_mut(dst).iter_mut().zip(chunks(a)).zip(chunks(b)) {
                for ((d, a), b) in d.iter_mut().zip(a).zip(b) {
                    *d = f(*a, *b);
                }
            }
        }
    }
}

/// An operation with a draw per lane.
fn drawn(
    a: Operand<'_>,
    b: Operand<'_>,
    draws: &[u32],
    dst: &mut [i32],
    f: impl Fn(i32, i32, u32) -> i32,
) {
    let each = chunks_mut(dst).iter_mut().zip(draws.as_chunks::<WIDTH>().0);
    match (a, b) {
        (Operand::Scalar(a), Operand::Scalar(b)) => {
            for (d, r) in each {
                for (d, r) in d.iter_mut().zip(r) {
                    *d = f(a, b, *r);
                }
            }
        }
        (Operand::Lanes(a), Operand::Scalar(b)) => {
            for ((d, r), a) in each.zip(chunks(a)) {
                for ((d, r), a) in d.iter_mut().zip(r).zip(a) {
                    *d = f(*a, b, *r);
                }
            }
        }
        (Operand::Scalar(a), Operand::Lanes(b)) => {
            for ((d, r), b) in each.zip(chunks(b)) {
                for ((d, r), b) in d.iter_mut().zip(r).zip(b) {
                    *d = f(a, *b, *r);
                }
            }
        }
        (Operand::Lanes(a), Operand::Lanes(b)) => {
            for (((d, r), a), b) in each.zip(chunks(a)).zip(chunks(b)) {
                for (((d, r), a), b) in d.iter_mut().zip(r).zip(a).zip(b) {
                    *d = f(*a, *b, *r);
                }
            }
        }
    }
}

/// `dst = b` where `a` is not 0.
fn select(a: Operand<'_>, b: Operand<'_>, dst: &mut [i32]) {
    match (a, b) {
        (Operand::Scalar(0), _) => {}
        (Operand::Scalar(_), _) => unary(b, dst, |b| b),
        (Operand::Lanes(a), Operand::Scalar(b)) => {
            for (d, a) in chunks_mut(dst).iter_mut().zip(chunks(a)) {
                for (d, a) in d.iter_mut().zip(a) {
                    *d = if *a != 0 { b } else { *d };
                }
            }
        }
        (Operand::Lanes(a), Operand::Lanes(b)) => {
            for ((d, a), b) in chunks_mut(dst).iter_mut().zip(chunks(a)).zip(chunks(b)) {
                for ((d, a), b) in d.iter_mut().zip(a).zip(b) {
                    *d = if *a != 0 { *b } else { *d };
                }
            }
        }
    }
}

fn chunks(lanes: &[i32]) -> &[[i32; WIDTH]] {
    lanes.as_chunks().0
}

fn chunks_mut(lanes: &mut [i32]) -> &mut [[i32; WIDTH]] {
    lanes.as_chunks_mut().0
}
