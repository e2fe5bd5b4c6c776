//! One operation over many lanes: the loops that do the work of the plasticity phase.
//!
//! Lengths are multiples of [`WIDTH`], so that the vector code the compiler makes of these loops
//! never enters its scalar remainder; the lanes behind the last valid one compute something that
//! nobody reads. All arithmetic here must therefore be total: it wraps, saturates or is proved to
//! fit for the valid lanes and wraps for the others. The loops stay plain, one slice per operand:
//! over arrays of a fixed size the compiler unrolled instead of vectorising (measured: 4 times
//! slower).

use crate::narrow;
use crate::program::{Fit, Op, Shift, Sign};
use trifactor_fixed::{self as fixed, DrawKey, RawRange, Rounding};

/// Lanes per turn of a vector loop: four vectors of eight 32-bit lanes.
pub(crate) const WIDTH: usize = 32;

/// The next multiple of [`WIDTH`].
pub(crate) const fn padded(n: usize) -> usize {
    n.div_ceil(WIDTH) * WIDTH
}

/// An operand: one value per lane of the result, or a single one that is the same for all.
///
/// A plain slice travels in two registers. An enum of the two cases goes through memory, written
/// in parts and read as a vector, which cost a third of the time of a phase.
pub(crate) type Operand<'a> = &'a [i32];

/// Computes an operation that is no load.
///
/// Shape: `dst`, operands and `draws` are `[lanes]`; `draws` may be empty where nothing is drawn.
#[inline]
pub(crate) fn apply(
    op: &Op,
    a: Operand<'_>,
    b: Operand<'_>,
    c: Operand<'_>,
    draws: &[u32],
    dst: &mut [i32],
) {
    match *op {
        Op::Add(_, _, Fit::Always) => binary(a, b, dst, i32::wrapping_add),
        Op::Add(_, _, Fit::Maybe) => binary(a, b, dst, i32::saturating_add),
        Op::Sub(_, _, Fit::Always) => binary(a, b, dst, i32::wrapping_sub),
        Op::Sub(_, _, Fit::Maybe) => binary(a, b, dst, i32::saturating_sub),
        Op::Min(..) => binary(a, b, dst, i32::min),
        Op::Max(..) => binary(a, b, dst, i32::max),
        Op::Gt(..) => binary(a, b, dst, |a, b| i32::from(a > b)),
        Op::Sgn(_) => unary(a, dst, |a| i32::from(a > 0) - i32::from(a < 0)),
        Op::Sel(..) => {
            unary(c, dst, |c| c);
            select(a, b, dst);
        }
        Op::Shl(_, n, Fit::Always) => unary(a, dst, |a| a << n),
        Op::Shl(_, n, Fit::Maybe) => unary(a, dst, |a| fixed::sat32(i64::from(a) << n) as i32),
        Op::Shr(_, s) => shift_right(a, s, draws, dst),
        Op::Mul(_, _, s) => multiply(a, b, s, draws, dst),
        Op::Join(_, n, _, Sign::Plus) => binary(a, b, dst, |a, b| (a << n).wrapping_add(b)),
        Op::Join(_, n, _, Sign::Minus) => binary(a, b, dst, |a, b| (a << n).wrapping_sub(b)),
        Op::JoinProduct(_, n, _, _, Sign::Plus) => {
            ternary(a, b, c, dst, |a, b, c| (a << n).wrapping_add(b.wrapping_mul(c)));
        }
        Op::JoinProduct(_, n, _, _, Sign::Minus) => {
            ternary(a, b, c, dst, |a, b, c| (a << n).wrapping_sub(b.wrapping_mul(c)));
        }
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
                Rounding::Stochastic => drawn(a, &[0], draws, dst, |a, _, r| {
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
        by_rounding!(|a: i32, b: i32, rounding, r| narrow::round_shift(
            a.wrapping_mul(b),
            n,
            rounding,
            r
        ));
    } else {
        by_rounding!(|a: i32, b: i32, rounding, r| {
            fixed::mul_round(a.into(), b.into(), n, rounding, r) as i32
        });
    }
}

/// Saturates the first `n` lanes to a range and counts those that change.
pub(crate) fn clamp(lanes: &mut [i32], n: usize, range: RawRange) -> u64 {
    let (lo, hi) = (range.lo as i32, range.hi as i32);
    let mut changed = 0u32;
    for x in &mut lanes[..n] {
        let clamped = (*x).max(lo).min(hi);
        changed += u32::from(clamped != *x);
        *x = clamped;
    }
    changed.into()
}

/// A stochastic right shift of values that are known to be narrow, saturated to a range, for the
/// first `n` lanes; counts those that the range changes. Draws are made on the way.
///
/// `rows` and `posts` are the two parts of keyed draws.
pub(crate) fn store_drawn(
    value: Operand<'_>,
    rows: &[u32],
    posts: &[u32],
    places: u32,
    range: RawRange,
    n: usize,
    dst: &mut [i32],
) -> u64 {
    let (lo, hi) = (range.lo as i32, range.hi as i32);
    let dst = &mut dst[..n];
    if let [x] = value {
        // Rare: a rule that stores the same for all synapses.
        let x = *x;
        let lane = |k: usize| (rows[k.min(rows.len() - 1)], posts[k.min(posts.len() - 1)]);
        let each = dst.iter_mut().enumerate();
        let changed = each.map(|(k, d)| {
            let (row, post) = lane(k);
            drawn_shift(x, row, post, places, lo, hi, d)
        });
        return changed.sum::<u32>().into();
    }
    let each = dst.iter_mut().zip(value);
    match (rows, posts) {
        ([row], posts) => each
            .zip(posts)
            .map(|((d, x), p)| drawn_shift(*x, *row, *p, places, lo, hi, d))
            .sum::<u32>(),
        (rows, [post]) => {
            each.zip(rows).map(|((d, x), r)| drawn_shift(*x, *r, *post, places, lo, hi, d)).sum()
        }
        (rows, posts) => each
            .zip(rows)
            .zip(posts)
            .map(|(((d, x), r), p)| drawn_shift(*x, *r, *p, places, lo, hi, d))
            .sum(),
    }
    .into()
}

/// One lane of [`store_drawn`]; 1 if the range changed it.
#[inline(always)]
fn drawn_shift(x: i32, row: u32, post: u32, places: u32, lo: i32, hi: i32, d: &mut i32) -> u32 {
    let draw = DrawKey::joined(row, post);
    let shifted = narrow::round_shift(x, places, Rounding::Stochastic, draw);
    *d = shifted.max(lo).min(hi);
    u32::from(*d != shifted)
}

/// One function of two parts, either of which may be the same for all lanes.
pub(crate) fn join(a: &[u32], b: &[u32], dst: &mut [u32], f: impl Fn(u32, u32) -> u32) {
    match (a, b) {
        ([a], b) => dst.iter_mut().zip(b).for_each(|(d, b)| *d = f(*a, *b)),
        (a, [b]) => dst.iter_mut().zip(a).for_each(|(d, a)| *d = f(*a, *b)),
        (a, b) => dst.iter_mut().zip(a).zip(b).for_each(|((d, a), b)| *d = f(*a, *b)),
    }
}

/// An operation on one operand.
pub(crate) fn unary(a: Operand<'_>, dst: &mut [i32], f: impl Fn(i32) -> i32) {
    match a {
        [a] => dst.fill(f(*a)),
        a => dst.iter_mut().zip(a).for_each(|(d, a)| *d = f(*a)),
    }
}

fn binary(a: Operand<'_>, b: Operand<'_>, dst: &mut [i32], f: impl Fn(i32, i32) -> i32) {
    match (a, b) {
        (a, [b]) => unary(a, dst, |a| f(a, *b)),
        ([a], b) => unary(b, dst, |b| f(*a, b)),
        (a, b) => dst.iter_mut().zip(a).zip(b).for_each(|((d, a), b)| *d = f(*a, *b)),
    }
}

fn ternary(
    a: Operand<'_>,
    b: Operand<'_>,
    c: Operand<'_>,
    dst: &mut [i32],
    f: impl Fn(i32, i32, i32) -> i32,
) {
    match (a, b, c) {
        ([a], b, c) => binary(b, c, dst, |b, c| f(*a, b, c)),
        (a, [b], c) => binary(a, c, dst, |a, c| f(a, *b, c)),
        (a, b, [c]) => binary(a, b, dst, |a, b| f(a, b, *c)),
        (a, b, c) => {
            let each = dst.iter_mut().zip(a).zip(b).zip(c);
            each.for_each(|(((d, a), b), c)| *d = f(*a, *b, *c));
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
    let each = dst.iter_mut().zip(draws);
    match (a, b) {
        ([a], [b]) => each.for_each(|(d, r)| *d = f(*a, *b, *r)),
        (a, [b]) => each.zip(a).for_each(|((d, r), a)| *d = f(*a, *b, *r)),
        ([a], b) => each.zip(b).for_each(|((d, r), b)| *d = f(*a, *b, *r)),
        (a, b) => each.zip(a).zip(b).for_each(|(((d, r), a), b)| *d = f(*a, *b, *r)),
    }
}

/// `dst = b` where `a` is not 0.
fn select(a: Operand<'_>, b: Operand<'_>, dst: &mut [i32]) {
    match (a, b) {
        ([0], _) => {}
        ([_], b) => unary(b, dst, |b| b),
        (a, [b]) => dst.iter_mut().zip(a).for_each(|(d, a)| *d = if *a != 0 { *b } else { *d }),
        (a, b) => {
            let each = dst.iter_mut().zip(a).zip(b);
            each.for_each(|((d, a), b)| *d = if *a != 0 { *b } else { *d });
        }
    }
}
